//! What a filter computes.

/// `Σ taps[k] · x[last − k]`; before the first sample of `x` there is silence.
pub fn sample(taps: &[f32], x: &[f32]) -> f32 {
    taps.iter().zip(x.iter().rev()).map(|(tap, x)| tap * x).sum()
}
