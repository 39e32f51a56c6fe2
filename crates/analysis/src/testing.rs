//! Signals for the tests of this crate.

/// Uniform noise from −0.5 to 0.5 (xorshift), the same for the same seed.
pub(crate) fn noise(frames: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 16_777_216.0 - 0.5
    })
    .take(frames)
    .collect()
}
