//! The Fourier transform of a whole real signal, there and back.

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Transforms of one size.
pub(crate) struct Transform {
    pub(crate) size: usize,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
}

impl Transform {
    /// Of `size` frames, even.
    pub(crate) fn new(size: usize) -> Self {
        let mut planner = RealFftPlanner::<f64>::new();
        Self {
            size,
            forward: planner.plan_fft_forward(size),
            inverse: planner.plan_fft_inverse(size),
        }
    }

    /// Bins `[size / 2 + 1]` of `signal`, which is followed by silence; what is beyond the size is left out.
    pub(crate) fn bins(&self, signal: impl Iterator<Item = f64>) -> Option<Vec<Complex<f64>>> {
        let mut padded = self.forward.make_input_vec();
        for (to, from) in padded.iter_mut().zip(signal) {
            *to = from;
        }
        let mut bins = self.forward.make_output_vec();
        self.forward.process(&mut padded, &mut bins).ok().map(|()| bins)
    }

    /// The frames `[size]` of `bins`. The first and last bins are real by symmetry; what rounding leaves there, which the transform
    /// would refuse, is dropped.
    pub(crate) fn frames(&self, mut bins: Vec<Complex<f64>>) -> Option<Vec<f64>> {
        for edge in [0, self.size / 2] {
            bins.get_mut(edge)?.im = 0.0;
        }
        let mut frames = self.inverse.make_output_vec();
        self.inverse.process(&mut bins, &mut frames).ok()?;
        let scale = 1.0 / self.size as f64;
        for frame in &mut frames {
            *frame *= scale;
        }
        Some(frames)
    }
}
