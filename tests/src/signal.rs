//! Deterministic test signals: the same samples on every system.

/// Noise from `seed`, uniform in −`peak` … `peak`.
pub fn noise(frames: usize, peak: f32, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    (0..frames).map(|_| (random.unit() * 2.0 - 1.0) * peak).collect()
}

/// A plucked string: a decaying, slightly inharmonic tone of `hz` that is struck twice a second, with a little hiss.
pub fn string(frames: usize, rate: f32, hz: f32, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let period = rate * 0.5;
    let mut phases = [0.0_f64; 6];
    let mut since = 0.0_f32;
    (0..frames)
        .map(|_| {
            if since >= period {
                since -= period;
            }
            let age = since / rate;
            since += 1.0;
            let mut sample = 0.0;
            let mut number = 1.0_f32;
            for phase in &mut phases {
                let partial = hz * number * (1.0 + 0.0004 * number * number);
                *phase = (*phase + f64::from(partial / rate)).fract();
                // A phase below 1 turn.
                #[allow(clippy::cast_possible_truncation)]
                let turn = (*phase * std::f64::consts::TAU).sin() as f32;
                sample += turn * (-age * (2.0 + number)).exp() / number;
                number += 1.0;
            }
            let attack = (age * 400.0).min(1.0);
            0.3 * attack * sample + 0.0005 * (random.unit() - 0.5)
        })
        .collect()
}

/// xorshift64 (Marsaglia, 2003).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From any seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// 64 bits, the low ones weaker.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0 … 1, without 1.
    pub fn unit(&mut self) -> f32 {
        // 24 bits are exact in an f32.
        #[allow(clippy::cast_precision_loss)]
        let unit = (self.bits() >> 40) as f32 / 16_777_216.0;
        unit
    }

    /// `low` ..= `high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        let span = (high - low + 1) as u64;
        // Less than `span`, which came from a usize.
        #[allow(clippy::cast_possible_truncation)]
        let offset = ((self.bits() >> 16) % span) as usize;
        low + offset
    }
}
