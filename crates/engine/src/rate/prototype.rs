//! The filters between two rates, as functions of continuous time.
//!
//! Both are low-passes, flat within 0.04 dB up to [`Band::pass`] and at least 101 dB down from [`Band::stop`] on.
//!
//! * *Linear phase*: a sinc under a Kaiser window (Kaiser and Schafer, "On the use of the I0-sinh window for spectrum analysis",
//!   IEEE Trans. ASSP 28, 1980), symmetric around 0.
//! * *Minimum phase*: the same magnitude up to the stop band, made causal with the least delay by folding its cepstrum (Oppenheim
//!   and Schafer, *Discrete-Time Signal Processing*, chapter on homomorphic deconvolution). Kept as samples so fine that a cubic
//!   between them is exact to −130 dB.
//!
//! Off the audio thread.

use std::f64::consts::PI;
use tonegraft_kernels::design::{Complex, bessel_i0, complex_f64};

/// Shape of the Kaiser window: 106 dB by the formula 0.1102 · (A − 8.7).
const BETA: f64 = 10.722_46;

/// How far above the cut-off this window's response is 101 dB down, times half its length.
const STOP: f64 = 1.697;

/// How far below the cut-off it is 0.04 dB down, times half its length.
const PASS: f64 = 1.259;

/// Samples of the minimum-phase response in one period of twice the stop frequency.
const FINE: f64 = 64.0;

/// Size of the transforms: sixteen times the response.
const SIZE: usize = 1 << 16;

/// Level of the stop band of the minimum-phase response where it begins; it falls with 6 dB per octave.
const FLOOR: f64 = 3.2e-6;

/// Edges of a low-pass, in Hz.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// The end of the pass band.
    pub pass: f64,
    /// The beginning of the stop band.
    pub stop: f64,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// All frequencies come equally late.
    Linear,
    /// The least delay that the magnitude allows; high frequencies come later than low ones.
    Minimum,
}

/// A low-pass as a function of time, in seconds.
#[derive(Clone, Debug)]
pub(super) enum Prototype {
    Linear {
        cutoff: f64,
        /// Half its length.
        reach: f64,
        /// Where the stop band begins.
        stop: f64,
    },
    Minimum {
        /// From time 0 on.
        samples: Vec<f64>,
        /// Samples per second.
        rate: f64,
        /// What low frequencies are delayed by.
        delay: f64,
        /// Where the stop band begins.
        stop: f64,
    },
}

impl Prototype {
    pub fn new(band: Band, phase: Phase) -> Self {
        let reach = (STOP + PASS) / (band.stop - band.pass);
        let cutoff = band.stop - STOP / reach;
        match phase {
            Phase::Linear => Self::Linear {
                cutoff,
                reach,
                stop: band.stop,
            },
            Phase::Minimum => minimum(band, cutoff, reach),
        }
    }

    /// From when on it is not 0; not later than 0.
    pub fn begin(&self) -> f64 {
        match self {
            Self::Linear { reach, .. } => -reach,
            Self::Minimum { .. } => 0.0,
        }
    }

    /// From when on it is 0 again.
    pub fn end(&self) -> f64 {
        match self {
            Self::Linear { reach, .. } => *reach,
            // Small: exact.
            #[allow(clippy::cast_precision_loss)]
            Self::Minimum { samples, rate, .. } => samples.len() as f64 / rate,
        }
    }

    /// What low frequencies are delayed by.
    pub fn delay(&self) -> f64 {
        match self {
            Self::Linear { .. } => 0.0,
            Self::Minimum { delay, .. } => *delay,
        }
    }

    /// How much later than low frequencies `frequency` comes through two of it.
    pub fn spread(&self, frequency: f64) -> f64 {
        let Self::Minimum {
            samples, rate, delay, ..
        } = self
        else {
            return 0.0;
        };
        let turn = 2.0 * PI * frequency / rate;
        let (mut sum, mut moment) = (Complex::new(0.0, 0.0), Complex::new(0.0, 0.0));
        for (k, sample) in samples.iter().enumerate() {
            // Small: exact.
            #[allow(clippy::cast_precision_loss)]
            let k = k as f64;
            let term = Complex::from_polar(*sample, -turn * k);
            sum += term;
            moment += term * k;
        }
        // Twice: before and behind the network.
        2.0 * ((moment / sum).re / rate - delay)
    }

    /// From which frequency on nothing passes.
    pub fn stop(&self) -> f64 {
        match self {
            Self::Linear { stop, .. } | Self::Minimum { stop, .. } => *stop,
        }
    }

    /// Its value at a time, up to a constant factor.
    pub fn at(&self, time: f64) -> f64 {
        match self {
            Self::Linear { cutoff, reach, .. } => windowed_sinc(time, *cutoff, *reach),
            Self::Minimum { samples, rate, .. } => {
                let place = time * rate;
                // Saturates; far from the range of the samples it is 0 anyway.
                #[allow(clippy::cast_possible_truncation)]
                let before = place.floor() as i64;
                let x = place - place.floor();
                let sample = |at: i64| {
                    usize::try_from(before.saturating_add(at))
                        .ok()
                        .and_then(|at| samples.get(at))
                        .copied()
                        .unwrap_or(0.0)
                };
                // Lagrange's cubic.
                sample(-1) * (-x * (x - 1.0) * (x - 2.0) / 6.0)
                    + sample(0) * ((x + 1.0) * (x - 1.0) * (x - 2.0) / 2.0)
                    + sample(1) * (-(x + 1.0) * x * (x - 2.0) / 2.0)
                    + sample(2) * ((x + 1.0) * x * (x - 1.0) / 6.0)
            }
        }
    }
}

fn windowed_sinc(time: f64, cutoff: f64, reach: f64) -> f64 {
    let inside = 1.0 - (time / reach).powi(2);
    if inside <= 0.0 {
        return 0.0;
    }
    let turn = 2.0 * PI * cutoff * time;
    let sinc = if turn == 0.0 { 1.0 } else { turn.sin() / turn };
    sinc * bessel_i0(BETA * inside.sqrt()) / bessel_i0(BETA)
}

// Sizes are small: exact in f64.
#[allow(clippy::cast_precision_loss)]
fn minimum(band: Band, cutoff: f64, reach: f64) -> Prototype {
    let rate = FINE * 2.0 * band.stop;
    let (forward, inverse) = complex_f64(SIZE);
    let mut bins = vec![Complex::new(0.0, 0.0); SIZE];
    // Around time 0, the past at the end: the transform is then real, and is the response.
    for (k, bin) in bins.iter_mut().enumerate() {
        let time = k.min(SIZE - k) as f64 / rate;
        bin.re = windowed_sinc(time, cutoff, reach);
    }
    forward.process(&mut bins);
    let whole = bins[0].re;
    for (k, bin) in bins.iter_mut().enumerate() {
        let frequency = k.min(SIZE - k) as f64 * rate / SIZE as f64;
        let magnitude = if frequency < band.stop {
            (bin.re / whole).max(FLOOR)
        } else {
            // Without the zeros of the window's response, which would ring.
            FLOOR * band.stop / frequency
        };
        *bin = Complex::new(magnitude.ln(), 0.0);
    }
    inverse.process(&mut bins);
    let scale = 1.0 / SIZE as f64;
    for (k, bin) in bins.iter_mut().enumerate() {
        let fold = match k {
            0 => 1.0,
            k if k < SIZE / 2 => 2.0,
            k if k == SIZE / 2 => 1.0,
            _ => 0.0,
        };
        *bin = Complex::new(bin.re * scale * fold, 0.0);
    }
    forward.process(&mut bins);
    for bin in &mut bins {
        *bin = bin.exp();
    }
    inverse.process(&mut bins);
    // Half as long again as the linear one; what is left is below −100 dB in all and far below that at any frequency.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let length = ((3.0 * reach * rate) as usize).min(SIZE / 2);
    let samples: Vec<f64> = bins[..length].iter().map(|bin| bin.re).collect();
    let sum: f64 = samples.iter().sum();
    let moment: f64 = samples.iter().enumerate().map(|(k, sample)| k as f64 * sample).sum();
    Prototype::Minimum {
        samples,
        rate,
        delay: moment / sum / rate,
        stop: band.stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Magnitude in dB at `frequency`, of the response sampled `per_second` times.
    fn level(prototype: &Prototype, per_second: f64, frequency: f64) -> f64 {
        let mut sums = [Complex::new(0.0, 0.0); 2];
        let mut time = (prototype.begin() * per_second).floor() / per_second;
        while time <= prototype.end() {
            let value = prototype.at(time);
            sums[0] += value;
            sums[1] += Complex::from_polar(value, -2.0 * PI * frequency * time);
            time += 1.0 / per_second;
        }
        20.0 * (sums[1].norm() / sums[0].norm()).log10()
    }

    #[test]
    fn both_are_flat_in_the_pass_band_and_gone_in_the_stop_band() {
        for (pass, stop) in [(20e3, 22.05e3), (20e3, 24e3), (20e3, 28e3), (7.26e3, 8e3)] {
            for phase in [Phase::Linear, Phase::Minimum] {
                let prototype = Prototype::new(Band { pass, stop }, phase);
                for k in 0..=20 {
                    let loss = level(&prototype, 8.0 * stop, pass * f64::from(k) / 20.0);
                    assert!((-0.0405..0.0005).contains(&loss), "{phase:?} {pass}: {loss} dB");
                }
                for k in 0..200 {
                    let level = level(&prototype, 8.0 * stop, stop * (1.0 + 3.0 * f64::from(k) / 200.0));
                    assert!(level < -100.5, "{phase:?} {stop}: {level} dB");
                }
            }
        }
    }

    #[test]
    fn minimum_phase_delays_by_what_it_says() {
        let band = Band {
            pass: 20e3,
            stop: 24.1e3,
        };
        let Prototype::Minimum {
            samples, rate, delay, ..
        } = Prototype::new(band, Phase::Minimum)
        else {
            panic!("asked for");
        };
        assert!((4e-5..9e-5).contains(&delay), "{delay}");
        // The phase at 100 Hz is that of a pure delay.
        let turn = 2.0 * PI * 100.0 / rate;
        let sum: Complex<f64> = (samples.iter().enumerate())
            .map(|(k, sample)| Complex::from_polar(*sample, -turn * f64::from(u32::try_from(k).expect("small"))))
            .sum();
        assert!((-sum.arg() / (2.0 * PI * 100.0) - delay).abs() < 1e-7);
    }
}
