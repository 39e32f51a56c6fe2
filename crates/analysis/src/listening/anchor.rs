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

use crate::baseline::{correlations, levinson};

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
    let (power, cross) = correlations(&shaped, &reference, taps).ok_or(AnchorError::Unrelated)?;
    let filter = levinson(&power, &cross, RIDGE).ok_or(AnchorError::Unrelated)?;
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
