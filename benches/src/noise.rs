//! The input of all engines.

/// Uniform noise at a guitar's level, −0.25 to 0.25, the same in every run.
pub struct Noise(u64);

impl Noise {
    /// From its beginning.
    pub fn new() -> Self {
        Self(0x2545_F491_4F6C_DD1D)
    }

    /// The next number.
    pub fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / 16_777_216.0 * 0.5 - 0.25
    }

    /// The next `count` numbers.
    pub fn take(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }
}
