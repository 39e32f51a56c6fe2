//! One step of the sliding window: the model shifted onto the reference, and the sums over it that least squares needs.

use std::ops::Range;
use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex, num_complex::Complex};

use super::history::History;
use crate::error::PRE_EMPHASIS;

/// Sums over the frames of a piece: reference `r`, shifted model `m`, its slope `q` by the delay; `p…` of both pre-emphasised.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) rr: f64,
    pub(super) mm: f64,
    pub(super) rm: f64,
    pub(super) rq: f64,
    pub(super) mq: f64,
    pub(super) qq: f64,
    pub(super) prr: f64,
    pub(super) pmm: f64,
    pub(super) prm: f64,
}

/// A least-squares step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// What the model is multiplied with, negative if inverted.
    pub(super) gain: f64,
    /// `Σ (r − gain · m)²`.
    pub(super) residual: f64,
    /// What to add to the delay.
    pub(super) step: f64,
    /// By how much that would lower `residual`.
    pub(super) reduction: f64,
}

impl Sums {
    pub(super) fn join(&mut self, other: &Self) {
        self.rr += other.rr;
        self.mm += other.mm;
        self.rm += other.rm;
        self.rq += other.rq;
        self.mq += other.mq;
        self.qq += other.qq;
        self.prr += other.prr;
        self.pmm += other.pmm;
        self.prm += other.prm;
    }

    /// Least squares of `r ≈ gain · m + along · q`, `q` the slope of `m` by the delay.
    pub(super) fn fit(&self) -> Fit {
        let gain = if self.mm > 0.0 { self.rm / self.mm } else { 0.0 };
        let residual = (self.rr - gain * self.rm).max(0.0);
        // What of the slope is not the signal itself.
        let own = if self.mm > 0.0 {
            self.qq - self.mq * self.mq / self.mm
        } else {
            0.0
        };
        let with = self.rq - gain * self.mq;
        let (step, reduction) = if own > 1e-12 * self.qq && gain != 0.0 {
            (with / own / gain, with * with / own)
        } else {
            (0.0, 0.0)
        };
        Fit {
            gain,
            residual,
            step: if step.is_finite() { step } else { 0.0 },
            reduction,
        }
    }

    /// ESR of `gain · m` against `r`, plain and pre-emphasised; `None` if `r` is silent.
    pub(super) fn esr(&self, gain: f64) -> Option<(f64, f64)> {
        let ratio =
            |rr: f64, rm: f64, mm: f64| (rr > 0.0).then(|| ((rr - 2.0 * gain * rm + gain * gain * mm) / rr).max(0.0));
        Some((ratio(self.rr, self.rm, self.mm)?, ratio(self.prr, self.prm, self.pmm)?))
    }
}

/// Shifts the model by a fraction of a frame, by the phase of its spectrum, and sums.
pub(super) struct Aligner {
    hop: usize,
    /// Frames before and after the piece that are transformed with it, and faded.
    margin: usize,
    size: usize,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    fade: Vec<f64>,
    turns: Vec<Complex<f64>>,
    /// The fraction that `turns` are for.
    fraction: f64,
    raw: Vec<f32>,
    shifted: Vec<f64>,
    slope: Vec<f64>,
    bins: Vec<Complex<f64>>,
    turned: Vec<Complex<f64>>,
    forward_scratch: Vec<Complex<f64>>,
    inverse_scratch: Vec<Complex<f64>>,
}

impl Aligner {
    /// For pieces of `hop` frames that need `context` exact frames on either side.
    pub(super) fn new(hop: usize, context: usize) -> Self {
        let size = (hop + 2 * context + 2048).next_power_of_two();
        let mut planner = RealFftPlanner::<f64>::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        let margin = (size - hop) / 2;
        let length = margin - context;
        let fade = (0..length)
            .map(|n| 0.5 - 0.5 * (std::f64::consts::PI * (n as f64 + 0.5) / length as f64).cos())
            .collect();
        let bins = forward.make_output_vec();
        Self {
            hop,
            margin,
            size,
            fade,
            turns: vec![Complex::new(0.0, 0.0); bins.len()],
            fraction: f64::NAN,
            raw: vec![0.0; size],
            shifted: forward.make_input_vec(),
            slope: inverse.make_output_vec(),
            turned: bins.clone(),
            bins,
            forward_scratch: forward.make_scratch_vec(),
            inverse_scratch: inverse.make_scratch_vec(),
            forward,
            inverse,
        }
    }

    /// Frames of the streams that a piece needs beyond its own end.
    pub(super) fn margin(&self) -> usize {
        self.margin
    }

    fn middle(&self) -> Range<usize> {
        self.margin..self.margin + self.hop
    }

    /// The sums of the piece that begins at frame `from` of the reference, with the model `delay` frames later than it was.
    pub(super) fn sums(&mut self, model: &History, reference: &History, from: i64, delay: f64) -> Sums {
        self.shift(model, from, delay, true);
        reference.read(from - self.margin as i64, &mut self.raw);
        let mut sums = Sums::default();
        let middle = self.middle();
        let before = self.margin - 1;
        let (mut last_r, mut last_m) = (f64::from(self.raw[before]), self.shifted[before]);
        for ((r, m), q) in self.raw[middle.clone()]
            .iter()
            .zip(&self.shifted[middle.clone()])
            .zip(&self.slope[middle])
        {
            let r = f64::from(*r);
            sums.rr += r * r;
            sums.mm += m * m;
            sums.rm += r * m;
            sums.rq += r * q;
            sums.mq += m * q;
            sums.qq += q * q;
            let (pr, pm) = (r - PRE_EMPHASIS * last_r, m - PRE_EMPHASIS * last_m);
            sums.prr += pr * pr;
            sums.pmm += pm * pm;
            sums.prm += pr * pm;
            (last_r, last_m) = (r, *m);
        }
        sums
    }

    /// Writes the reference, and the model times `gain` and `delay` frames later, into `out`: `context` frames before the piece to as
    /// many after it.
    pub(super) fn aligned(
        &mut self,
        streams: (&History, &History),
        from: i64,
        delay: f64,
        gain: f64,
        context: usize,
        out: [&mut Vec<f32>; 2],
    ) {
        let (model, reference) = streams;
        self.shift(model, from, delay, false);
        let context = context.min(self.margin);
        let [r, m] = out;
        let frames = self.hop + 2 * context;
        r.resize(frames, 0.0);
        reference.read(from - context as i64, r);
        m.clear();
        let first = self.margin - context;
        m.extend(self.shifted[first..first + frames].iter().map(|s| (gain * s) as f32));
    }

    /// Leaves the model in `shifted`, and how it changes with the delay in `slope`.
    fn shift(&mut self, model: &History, from: i64, delay: f64, with_slope: bool) {
        let whole = delay.round();
        let fraction = delay - whole;
        model.read(from - self.margin as i64 - whole as i64, &mut self.raw);
        for (to, from) in self.shifted.iter_mut().zip(&self.raw) {
            *to = f64::from(*from);
        }
        for (n, fade) in self.fade.iter().enumerate() {
            self.shifted[n] *= fade;
            self.shifted[self.size - 1 - n] *= fade;
        }
        let step = std::f64::consts::TAU / self.size as f64;
        if fraction != self.fraction {
            self.fraction = fraction;
            for (bin, turn) in self.turns.iter_mut().enumerate() {
                *turn = Complex::from_polar(1.0 / self.size as f64, -fraction * step * bin as f64);
            }
        }
        // Sizes are those of the plans; edges are made real.
        let last = self.bins.len() - 1;
        let _ = self
            .forward
            .process_with_scratch(&mut self.shifted, &mut self.bins, &mut self.forward_scratch);
        if with_slope {
            for (bin, ((to, from), turn)) in self.turned.iter_mut().zip(&self.bins).zip(&self.turns).enumerate() {
                let turned = from * turn;
                let omega = step * bin as f64;
                *to = Complex::new(omega * turned.im, -omega * turned.re);
            }
            self.turned[0].im = 0.0;
            self.turned[last] = Complex::new(0.0, 0.0);
            let _ = self
                .inverse
                .process_with_scratch(&mut self.turned, &mut self.slope, &mut self.inverse_scratch);
        }
        for (to, turn) in self.bins.iter_mut().zip(&self.turns) {
            *to *= turn;
        }
        self.bins[0].im = 0.0;
        self.bins[last].im = 0.0;
        let _ = self
            .inverse
            .process_with_scratch(&mut self.bins, &mut self.shifted, &mut self.inverse_scratch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_shifted_and_its_slope_is_that_of_the_delay() {
        let omega = 0.31f64;
        let signal: Vec<f32> = (0..40_000).map(|n| (omega * f64::from(n)).sin() as f32).collect();
        let mut model = History::new(50_000);
        model.push(&signal, signal.len());
        let mut reference = History::new(50_000);
        let late: Vec<f32> = (0..40_000)
            .map(|n| (-0.5 * (omega * (f64::from(n) - 7.3)).sin()) as f32)
            .collect();
        reference.push(&late, late.len());
        let mut aligner = Aligner::new(4_000, 1_100);
        let fit = aligner.sums(&model, &reference, 12_000, 7.3).fit();
        assert!((fit.gain + 0.5).abs() < 1e-6 && fit.step.abs() < 1e-4, "{fit:?}");
        let near = aligner.sums(&model, &reference, 12_000, 7.2).fit();
        assert!((near.step - 0.1).abs() < 1e-3, "{near:?}");
        assert!((near.reduction / near.residual - 1.0).abs() < 0.01, "{near:?}");
        let (mut r, mut m) = (Vec::new(), Vec::new());
        aligner.aligned((&model, &reference), 12_000, 7.3, fit.gain, 1_100, [&mut r, &mut m]);
        assert_eq!((r.len(), m.len()), (6_200, 6_200));
        let worst = r.iter().zip(&m).map(|(r, m)| (r - m).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{worst}");
    }
}
