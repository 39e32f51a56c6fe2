//! Crossfades of two signals.

use std::sync::Arc;
use tonegraft_core::raised_cosine;

/// Gains of the incoming signal, a [`raised_cosine`].
///
/// Computed once; cloning shares the table. A clone must not be dropped on the audio thread.
#[derive(Clone, Debug)]
pub(crate) struct Fade(Arc<[f32]>);

impl Fade {
    /// `frames` gains, at least 1.
    #[expect(clippy::disallowed_methods, reason = "built off the audio thread")]
    pub(crate) fn new(frames: usize) -> Self {
        Self(raised_cosine(frames.max(1)).collect())
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
