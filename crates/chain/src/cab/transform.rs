//! A real Fourier transform in pieces: a long one made of short ones, so that its work can be spread over time.
//!
//! A block of `2·block` samples is dealt out to `ways` sequences (every `ways`-th sample), each of which is transformed by itself
//! (`realfft`); passes of [`spectrum::join`] then make the whole transform of them, two by two (decimation in time). The spectrum stays in the order in
//! which that leaves it: plane `q` holds the bins `k + short·q`, `k = 0 ..= short/2`, which are all up to conjugation. A convolution
//! does not care for the order, and the way back takes the same passes in reverse ([`spectrum::part`]).

use realfft::{ComplexToReal, RealToComplex};
use std::fmt;
use std::sync::Arc;
use tonegraft_kernels::design::{Complex, real_f32};
use tonegraft_kernels::{Isa, padded, spectrum};

/// The plan of one length; holds no signal.
pub(crate) struct Transform {
    isa: Isa,
    block: usize,
    ways: usize,
    /// Bins of a plane, padded.
    bins: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    /// Factors of the passes: plane `2ˢ⁻¹ − 1 + q` is for plane `q` of the groups of `2ˢ` planes.
    factors: Box<[f32]>,
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transform of {} samples, {} ways", 2 * self.block, self.ways)
    }
}

/// What a transform needs while it runs.
#[derive(Debug)]
pub(crate) struct Workspace {
    samples: Box<[f32]>,
    bins: Box<[Complex<f32>]>,
    scratch: Box<[Complex<f32>]>,
}

impl Transform {
    /// Of `2·block` samples, in `ways` pieces; both powers of two, `ways` at most `block / 2`.
    pub(crate) fn new(isa: Isa, block: usize, ways: usize) -> Self {
        let short = 2 * block / ways;
        let bins = padded(short / 2 + 1);
        let (forward, inverse) = real_f32(short);
        let mut factors: Vec<f32> = Vec::new();
        let mut group = 2;
        while group <= ways {
            for q in 0..group / 2 {
                let angle = |k: usize| {
                    // Far below 2⁵³; the factors are meant to be rounded to f32.
                    #[allow(clippy::cast_precision_loss)]
                    let turn = (k + short * q) as f64 / (short * group) as f64;
                    -std::f64::consts::TAU * turn
                };
                #[allow(clippy::cast_possible_truncation)]
                factors.extend((0..bins).map(|k| angle(k).cos() as f32));
                #[allow(clippy::cast_possible_truncation)]
                factors.extend((0..bins).map(|k| angle(k).sin() as f32));
            }
            group *= 2;
        }
        Self {
            isa,
            block,
            ways,
            bins,
            forward,
            inverse,
            factors: factors.into_boxed_slice(),
        }
    }

    pub(crate) fn block(&self) -> usize {
        self.block
    }

    pub(crate) fn ways(&self) -> usize {
        self.ways
    }

    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// Samples of each piece.
    pub(crate) fn short(&self) -> usize {
        2 * self.block / self.ways
    }

    /// Numbers in a plane.
    pub(crate) fn plane(&self) -> usize {
        2 * self.bins
    }

    /// Numbers in a spectrum.
    pub(crate) fn spectrum(&self) -> usize {
        self.ways * self.plane()
    }

    /// Passes from pieces to the whole.
    pub(crate) fn passes(&self) -> usize {
        self.ways.trailing_zeros() as usize
    }

    #[expect(clippy::disallowed_macros, reason = "built off the audio thread")]
    pub(crate) fn workspace(&self) -> Workspace {
        let scratch = self.forward.get_scratch_len().max(self.inverse.get_scratch_len());
        Workspace {
            samples: vec![0.0; self.short()].into_boxed_slice(),
            bins: vec![Complex::default(); self.short() / 2 + 1].into_boxed_slice(),
            scratch: vec![Complex::default(); scratch].into_boxed_slice(),
        }
    }

    /// The plane of piece `way`: pieces lie in bit-reversed order.
    fn place(&self, way: usize) -> usize {
        match self.passes() {
            0 => 0,
            passes => way.reverse_bits() >> (usize::BITS as usize - passes),
        }
    }

    fn plane_of(&self, way: usize) -> std::ops::Range<usize> {
        let start = self.place(way) * self.plane();
        start..start + self.plane()
    }

    /// The transform of piece `way` of the samples in `halves` (`block` each) into its plane of `spectrum`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn forward(&self, way: usize, halves: [&[f32]; 2], spectrum: &mut [f32], work: &mut Workspace) {
        let (first, second) = work.samples.split_at_mut(self.short() / 2);
        for (half, to) in halves.into_iter().zip([first, second]) {
            for (to, from) in to.iter_mut().zip(half.iter().skip(way).step_by(self.ways)) {
                *to = *from;
            }
        }
        // All lengths come from the plan.
        let _ = self
            .forward
            .process_with_scratch(&mut work.samples, &mut work.bins, &mut work.scratch);
        if let Some(plane) = spectrum.get_mut(self.plane_of(way)) {
            let (re, im) = plane.split_at_mut(self.bins);
            for ((re, im), bin) in re.iter_mut().zip(im).zip(&work.bins) {
                (*re, *im) = (bin.re, bin.im);
            }
        }
    }

    /// The way back of [`Self::forward`], `short` times as large, of the second half of the samples: into every `ways`-th sample of
    /// `out` (`block`).
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn inverse(&self, way: usize, spectrum: &[f32], out: &mut [f32], work: &mut Workspace) {
        if let Some(plane) = spectrum.get(self.plane_of(way)) {
            let (re, im) = plane.split_at(self.bins);
            for (bin, (re, im)) in work.bins.iter_mut().zip(re.iter().zip(im)) {
                *bin = Complex::new(*re, *im);
            }
        }
        // Real by symmetry, but for rounding.
        if let [first, .., last] = &mut work.bins[..] {
            (first.im, last.im) = (0.0, 0.0);
        }
        let _ = self
            .inverse
            .process_with_scratch(&mut work.bins, &mut work.samples, &mut work.scratch);
        let valid = work.samples.get(self.short() / 2..).unwrap_or(&[]);
        for (to, from) in out.iter_mut().skip(way).step_by(self.ways).zip(valid) {
            *to = *from;
        }
    }

    /// Piece `index` (below `ways / 2`) of pass `pass` (below [`Self::passes`]) from pieces to the whole.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn join(&self, pass: usize, index: usize, spectrum: &mut [f32]) {
        if let Some((factor, a, b)) = self.pair(pass, index, spectrum) {
            spectrum::join(self.isa, factor, a, b);
        }
    }

    /// As [`Self::join`], back; passes run from the last to the first.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn part(&self, pass: usize, index: usize, spectrum: &mut [f32]) {
        if let Some((factor, a, b)) = self.pair(pass, index, spectrum) {
            spectrum::part(self.isa, factor, a, b);
        }
    }

    /// The factor and the two planes of one piece of a pass.
    fn pair<'a>(
        &self,
        pass: usize,
        index: usize,
        spectrum: &'a mut [f32],
    ) -> Option<(&[f32], &'a mut [f32], &'a mut [f32])> {
        let (plane, half) = (self.plane(), 1 << pass);
        let (group, q) = (index / half, index % half);
        let factor = self.factors.get((half - 1 + q) * plane..(half + q) * plane)?;
        let a = (group * 2 * half + q) * plane;
        let (low, high) = spectrum.split_at_mut_checked(a + half * plane)?;
        Some((factor, low.get_mut(a..a + plane)?, high.get_mut(..plane)?))
    }

    /// The spectrum of `2·block` samples in one go, divided by the length, so that a product needs no factor.
    #[expect(clippy::disallowed_macros, reason = "off the audio thread")]
    pub(crate) fn whole(&self, halves: [&[f32]; 2]) -> Box<[f32]> {
        let mut work = self.workspace();
        let mut spectrum = vec![0.0; self.spectrum()];
        for way in 0..self.ways {
            self.forward(way, halves, &mut spectrum, &mut work);
        }
        for pass in 0..self.passes() {
            for index in 0..self.ways / 2 {
                self.join(pass, index, &mut spectrum);
            }
        }
        // A power of two: exact.
        #[allow(clippy::cast_precision_loss)]
        let scale = 1.0 / (2 * self.block) as f32;
        for value in &mut spectrum {
            *value *= scale;
        }
        spectrum.into_boxed_slice()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_macros, clippy::disallowed_methods)]
mod tests {
    use super::*;

    /// Bin `b` of plain arithmetic.
    fn expected(samples: &[f32], bin: usize) -> (f64, f64) {
        let angle = |n: usize| -std::f64::consts::TAU * ((bin * n) % samples.len()) as f64 / samples.len() as f64;
        samples.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, x)| {
            (re + f64::from(*x) * angle(n).cos(), im + f64::from(*x) * angle(n).sin())
        })
    }

    #[test]
    fn pieces_make_the_plain_transform_and_the_way_back_gives_the_samples() {
        for (block, ways) in [(32, 1), (64, 1), (64, 2), (64, 4), (256, 16)] {
            for isa in Isa::available() {
                let transform = Transform::new(isa, block, ways);
                let samples: Vec<f32> = (0..2 * block).map(|n| ((n * n) as f32 * 0.37).sin()).collect();
                let (first, second) = samples.split_at(block);
                let mut spectrum = transform.whole([first, second]);
                let short = transform.short();
                for q in 0..ways {
                    for k in 0..=short / 2 {
                        let (re, im) = expected(&samples, k + short * q);
                        let at = q * transform.plane() + k;
                        let scale = (2 * block) as f64;
                        assert!((f64::from(spectrum[at]) * scale - re).abs() < 1e-3);
                        assert!((f64::from(spectrum[at + transform.plane() / 2]) * scale - im).abs() < 1e-3);
                    }
                }
                for pass in (0..transform.passes()).rev() {
                    for index in 0..ways / 2 {
                        transform.part(pass, index, &mut spectrum);
                    }
                }
                let mut out = vec![0.0; block];
                let mut work = transform.workspace();
                for way in 0..ways {
                    transform.inverse(way, &spectrum, &mut out, &mut work);
                }
                for (out, sample) in out.iter().zip(second) {
                    assert!((out - sample).abs() < 1e-5, "{block} {ways}: {out} {sample}");
                }
            }
        }
    }
}
