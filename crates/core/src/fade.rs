//! The shape of every crossfade.

use std::f64::consts::PI;

/// Gains of the incoming signal of a crossfade over `frames` frames, `g[k] = (1 − cos(π (k+1)/(N+1))) / 2`; the outgoing one
/// has `1 − g[k]`. Rising, symmetric, and never quite 0 or 1, so that no frame of a fade is spent on a pure signal.
pub fn raised_cosine(frames: usize) -> impl ExactSizeIterator<Item = f32> {
    // Fades are short: exact in f64; the gains are meant to be rounded to f32.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    (0..frames).map(move |k| (0.5 - 0.5 * (PI * (k + 1) as f64 / (frames + 1) as f64).cos()) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_rise_and_are_symmetric() {
        for frames in [1, 2, 240, 241] {
            let gains: Vec<f32> = raised_cosine(frames).collect();
            assert_eq!(gains.len(), frames);
            assert!(gains.windows(2).all(|pair| pair[0] < pair[1]));
            for (rising, falling) in gains.iter().zip(gains.iter().rev()) {
                assert!((rising + falling - 1.0).abs() < 1e-6);
            }
        }
    }
}
