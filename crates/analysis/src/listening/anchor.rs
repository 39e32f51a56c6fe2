//! The anchor of a likeness test: what somebody without a model would make of the device, a tanh and an equaliser.
//!
//! ```text
//! clean ─ · drive ─ tanh ─ FIR ─ · gain
//! ```
//!
//! The drive is chosen so that the anchor compresses as the device does. Compression is the slope of short-time level out over short-time
//! level in, in dB per dB (1: linear, 0: a limiter), which no equaliser behind it changes; for signals of steady level, it is
//! the crest factor. The filter is then the least-squares one (Wiener), from the normal equations of the tanh's output, solved after
//! Levinson, "The Wiener RMS error criterion in filter design and prediction", J. Math. Phys. 25, 1946.
//!
//! Both signals `[frames]` of one rate; `reference` has to be aligned to `clean` already, a delay of less than the filter's length is
//! taken in. `tonegraft_chain::anchor` plays the fit. Takes up to seconds: not on the audio thread.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// The most taps.
pub const MAX_TAPS: usize = 1_024;

/// Length of a short-time level, in seconds.
const WINDOW: f64 = 0.02;

/// Windows more than that below the loudest are left out, in dB.
const FLOOR: f64 = 50.0;

/// Spread of the clean levels, in dB, below which a slope over them says nothing.
const STEADY: f64 = 2.0;

/// Drives as multiples of one over the clean peak: from linear to a square wave.
const DRIVES: (f64, f64) = (1e-2, 1e4);

/// Halvings of the search, on a logarithmic scale.
const STEPS: usize = 40;

/// Added to the power of the tanh's output, as a share of it: bounds the filter where there is no signal.
const RIDGE: f64 = 1e-7;

/// An anchor, ready to be played.
#[derive(Clone, Debug, PartialEq)]
pub struct AnchorFit {
    /// Factor before the tanh.
    pub drive: f64,
    /// Factor behind the filter, linear.
    pub gain: f64,
    /// The filter, its energy 1.
    pub taps: Vec<f32>,
    /// Compression of the device, see the module.
    pub wanted: f64,
    /// Compression of the tanh.
    pub reached: f64,
    /// Error-to-signal ratio of the anchor against the device.
    pub esr: f64,
}

/// Why there is no anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// Less than a tenth of a second, or less than twice the filter.
    #[error("the passage is too short to fit an anchor to; play for some seconds")]
    TooShort,
    /// One of them is silent.
    #[error("the {what} is silent, so that no anchor can be fitted")]
    Silent {
        /// Which.
        what: &'static str,
    },
    /// NaN or infinity.
    #[error("the {what} contains NaN or infinity, so that no anchor can be fitted")]
    NotFinite {
        /// Which.
        what: &'static str,
    },
    /// Nothing in the device follows the input.
    #[error("the reference has nothing in common with the input; check the side-chain and its delay")]
    Unrelated,
}

/// Fits an anchor of `taps` taps (1 ..= [`MAX_TAPS`], clamped; 512 is usual) to what the device makes of `clean`, at `rate` Hz.
///
/// # Errors
/// See [`AnchorError`].
pub fn anchor_fit(clean: &[f32], reference: &[f32], rate: f64, taps: usize) -> Result<AnchorFit, AnchorError> {
    let taps = taps.clamp(1, MAX_TAPS);
    let frames = clean.len().min(reference.len());
    let (clean, reference) = (&clean[..frames], &reference[..frames]);
    for (what, signal) in [("input", clean), ("reference", reference)] {
        if signal.iter().any(|x| !x.is_finite()) {
            return Err(AnchorError::NotFinite { what });
        }
    }
    let wide = |signal: &[f32]| -> Vec<f64> { signal.iter().map(|x| f64::from(*x)).collect() };
    let (clean, reference) = (wide(clean), wide(reference));
    // A rate is far below 2³².
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let window = ((WINDOW * rate.clamp(1_000.0, 1e6)) as usize).max(1);
    if frames < 5 * window || frames < 2 * taps {
        return Err(AnchorError::TooShort);
    }
    for (what, signal) in [("input", &clean), ("reference", &reference)] {
        if peak(signal) < 1e-9 {
            return Err(AnchorError::Silent { what });
        }
    }
    let measure = Compression::new(&clean, window);
    let wanted = measure.of(&reference);
    let (drive, shaped) = match_drive(&clean, wanted, &measure);
    let reached = measure.of(&shaped);
    let (power, cross) = correlations(&shaped, &reference, taps);
    let filter = levinson(&power, &cross);
    let energy = filter.iter().map(|tap| tap * tap).sum::<f64>().sqrt();
    if !energy.is_finite() || energy <= 0.0 {
        return Err(AnchorError::Unrelated);
    }
    // Σ (r − h∗s)² = Σ r² − 2·hᵀc + hᵀRh, which at the solution is Σ r² − hᵀc.
    let total: f64 = reference.iter().map(|x| x * x).sum();
    let explained: f64 = filter.iter().zip(&cross).map(|(h, c)| h * c).sum();
    if explained <= 1e-6 * total {
        return Err(AnchorError::Unrelated);
    }
    Ok(AnchorFit {
        drive,
        gain: energy,
        // Taps are meant to be rounded.
        #[allow(clippy::cast_possible_truncation)]
        taps: filter.iter().map(|tap| (tap / energy) as f32).collect(),
        wanted,
        reached,
        esr: ((total - explained) / total).max(0.0),
    })
}

/// The drive whose tanh compresses by `wanted`, or comes nearest, and what it makes of `clean`.
fn match_drive(clean: &[f64], wanted: f64, measure: &Compression) -> (f64, Vec<f64>) {
    let peak = peak(clean);
    let shaped = |drive: f64| -> Vec<f64> { clean.iter().map(|x| (drive * x).tanh()).collect() };
    let (mut low, mut high) = ((DRIVES.0 / peak).ln(), (DRIVES.1 / peak).ln());
    for _ in 0..STEPS {
        let middle = 0.5 * (low + high);
        // More drive, less of either measure.
        if measure.of(&shaped(middle.exp())) > wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    let drive = (0.5 * (low + high)).exp();
    (drive, shaped(drive))
}

/// How much a signal is compressed against the clean one: less is more.
struct Compression {
    window: usize,
    /// Of each window of the clean signal, in dB; `None` where it is too soft.
    levels: Vec<Option<f64>>,
    steady: bool,
}

impl Compression {
    fn new(clean: &[f64], window: usize) -> Self {
        let powers: Vec<f64> = clean.chunks_exact(window).map(power).collect();
        let loudest = powers.iter().copied().fold(0.0, f64::max);
        let floor = loudest * 10f64.powf(-FLOOR / 10.0);
        let levels: Vec<Option<f64>> = powers
            .iter()
            .map(|power| (*power > floor).then(|| db(*power)))
            .collect();
        let used: Vec<f64> = levels.iter().flatten().copied().collect();
        // Counts of windows are far below 2⁵³.
        #[allow(clippy::cast_precision_loss)]
        let count = used.len().max(1) as f64;
        let mean = used.iter().sum::<f64>() / count;
        let variance = used.iter().map(|level| (level - mean).powi(2)).sum::<f64>() / count;
        Self {
            window,
            levels,
            steady: variance.sqrt() < STEADY,
        }
    }

    fn of(&self, signal: &[f64]) -> f64 {
        if self.steady { crest(signal) } else { self.slope(signal) }
    }

    /// Regression of levels out on levels in.
    fn slope(&self, signal: &[f64]) -> f64 {
        let pairs = || {
            let levels = signal
                .chunks_exact(self.window)
                .map(|window| db(power(window).max(1e-20)));
            self.levels.iter().zip(levels).filter_map(|(x, y)| Some(((*x)?, y)))
        };
        // Counts of windows are far below 2⁵³.
        #[allow(clippy::cast_precision_loss)]
        let count = pairs().count().max(1) as f64;
        let (x, y) = pairs().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x, sum.1 + y));
        let (mean_x, mean_y) = (x / count, y / count);
        let (xy, xx) = pairs().fold((0.0, 0.0), |sum, (x, y)| {
            (sum.0 + (x - mean_x) * (y - mean_y), sum.1 + (x - mean_x).powi(2))
        });
        xy / xx.max(1e-12)
    }
}

fn peak(signal: &[f64]) -> f64 {
    signal.iter().fold(0.0, |peak: f64, x| peak.max(x.abs()))
}

fn power(signal: &[f64]) -> f64 {
    // Lengths are far below 2⁵³.
    #[allow(clippy::cast_precision_loss)]
    let count = signal.len().max(1) as f64;
    signal.iter().map(|x| x * x).sum::<f64>() / count
}

fn db(power: f64) -> f64 {
    10.0 * power.log10()
}

/// Peak over RMS, in dB.
fn crest(signal: &[f64]) -> f64 {
    db(peak(signal).powi(2).max(1e-30)) - db(power(signal).max(1e-30))
}

/// `Σ s[n]·s[n + k]` and `Σ s[n]·r[n + k]` for `k` in `0 .. taps`.
fn correlations(shaped: &[f64], reference: &[f64], taps: usize) -> (Vec<f64>, Vec<f64>) {
    let size = (shaped.len() + taps).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let transform = |signal: &[f64]| -> Vec<Complex<f64>> {
        let mut padded = signal.to_vec();
        padded.resize(size, 0.0);
        let mut bins = forward.make_output_vec();
        // Lengths are those that were planned.
        let _ = forward.process(&mut padded, &mut bins);
        bins
    };
    let (s, r) = (transform(shaped), transform(reference));
    let back = |mut bins: Vec<Complex<f64>>| -> Vec<f64> {
        if let Some(last) = bins.last_mut() {
            last.im = 0.0;
        }
        bins[0].im = 0.0;
        let mut samples = inverse.make_output_vec();
        let _ = inverse.process(&mut bins, &mut samples);
        samples.truncate(taps);
        // The transform's own scale.
        #[allow(clippy::cast_precision_loss)]
        let scale = 1.0 / size as f64;
        samples.iter().map(|x| x * scale).collect()
    };
    let power = back(s.iter().map(|s| s * s.conj()).collect());
    let cross = back(s.iter().zip(&r).map(|(s, r)| s.conj() * r).collect());
    (power, cross)
}

/// Solves `Σ_j power[|i − j|] · h[j] = cross[i]`, the diagonal raised by [`RIDGE`].
fn levinson(power: &[f64], cross: &[f64]) -> Vec<f64> {
    let count = power.len().min(cross.len());
    let diagonal = power.first().map_or(1.0, |power| power * (1.0 + RIDGE)).max(1e-300);
    let mut solution = vec![0.0; count];
    let mut predictor = vec![0.0; count];
    let mut error = diagonal;
    if let (Some(first), Some(cross)) = (solution.first_mut(), cross.first()) {
        *first = cross / diagonal;
    }
    if let Some(first) = predictor.first_mut() {
        *first = 1.0;
    }
    for m in 1..count {
        // One more coefficient of the forward predictor …
        let sum: f64 = (0..m).map(|j| predictor[j] * power[m - j]).sum();
        let reflection = -sum / error;
        for j in 0..=m / 2 {
            let (front, back) = (predictor[j], predictor[m - j]);
            predictor[j] = front + reflection * back;
            if j != m - j {
                predictor[m - j] = back + reflection * front;
            }
        }
        error *= 1.0 - reflection * reflection;
        if error <= diagonal * 1e-14 {
            break;
        }
        // … and of the filter, along the predictor read backwards.
        let made: f64 = (0..m).map(|j| solution[j] * power[m - j]).sum();
        let step = (cross[m] - made) / error;
        for j in 0..=m {
            solution[j] += step * predictor[m - j];
        }
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_equations_are_solved() {
        let power: Vec<f64> = (0..40)
            .map(|k| 0.9f64.powi(k) + if k == 0 { 0.5 } else { 0.0 })
            .collect();
        let cross: Vec<f64> = (0..40).map(|k| f64::from(k).sin() + 0.3).collect();
        let solution = levinson(&power, &cross);
        for (i, wanted) in cross.iter().enumerate() {
            let made: f64 = solution.iter().enumerate().map(|(j, h)| power[i.abs_diff(j)] * h).sum();
            assert!((made - wanted).abs() < 1e-5, "{i}: {made} {wanted}");
        }
    }

    #[test]
    fn correlations_are_sums() {
        let s = [1.0, -2.0, 3.0, 0.5];
        let r = [0.0, 1.0, -2.0, 4.0];
        let (power, cross) = correlations(&s, &r, 3);
        for k in 0..3 {
            let sum = |other: &[f64; 4]| (0..4 - k).map(|n| s[n] * other[n + k]).sum::<f64>();
            assert!((power[k] - sum(&s)).abs() < 1e-12);
            assert!((cross[k] - sum(&r)).abs() < 1e-12);
        }
    }
}
