//! The shape of every crossfade.

use std::f64::consts::PI;
use std::sync::Arc;

/// Gains of the incoming signal, `g[k] = (1 − cos(π (k+1)/(N+1))) / 2`; the outgoing one has `1 − g[k]`.
///
/// Computed once; cloning shares the table. A clone must not be dropped on the audio thread.
#[derive(Clone, Debug)]
pub(crate) struct Fade(Arc<[f32]>);

impl Fade {
    /// `frames` gains, at least 1.
    #[expect(clippy::disallowed_methods, reason = "built off the audio thread")]
    pub(crate) fn new(frames: usize) -> Self {
        let frames = frames.max(1);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let gain = |k: usize| (0.5 - 0.5 * (PI * (k + 1) as f64 / (frames + 1) as f64).cos()) as f32;
        Self((0..frames).map(gain).collect())
    }

    /// Frames of a fade.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The gains of the frames from `frame` on.
    pub(crate) fn from(&self, frame: usize) -> &[f32] {
        self.0.get(frame..).unwrap_or(&[])
    }
}

/// `out += (incoming − out) · g`, frame by frame, over the length of `gains`.
pub(crate) fn crossfade(out: &mut [f32], incoming: &[f32], gains: &[f32]) {
    for ((out, incoming), gain) in out.iter_mut().zip(incoming).zip(gains) {
        *out += (incoming - *out) * gain;
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_macros, clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn gains_rise_and_are_symmetric() {
        for frames in [1, 2, 240, 241] {
            let fade = Fade::new(frames);
            let gains = fade.from(0);
            assert_eq!(gains.len(), frames);
            assert!(gains.windows(2).all(|pair| pair[0] < pair[1]));
            for (rising, falling) in gains.iter().zip(gains.iter().rev()) {
                assert!((rising + falling - 1.0).abs() < 1e-6);
            }
        }
        assert!(Fade::new(5).from(5).is_empty());
    }
}
