//! How far an estimate is from its target, sample by sample.
//!
//! `t` is the target (the reference device), `e` the estimate (the model), `N` the frames of the shorter. All sums are in double
//! precision. [`measure`] gives all of them at once; the functions beside it give one each and never fail.

use crate::input::{Unmeasurable, pair};

/// Pre-emphasis `1 − 0.95 z⁻¹` of Wright, Damskägg, Juvela and Välimäki, *Real-Time Guitar Amplifier Emulation with Deep Learning*,
/// Appl. Sci. 10(3) 766, 2020, and of most trainers.
pub const PRE_EMPHASIS: f64 = 0.95;

/// Pre-emphasis `1 − 0.85 z⁻¹` of Wright and Välimäki, *Perceptual Loss Function for Neural Modelling of Audio Systems*, ICASSP 2020,
/// and auraloss' high-pass filter.
pub const MILD_PRE_EMPHASIS: f64 = 0.85;

/// All sample-wise measures of an estimate against its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Errors {
    /// `N`.
    pub frames: usize,
    /// Error-to-signal ratio `Σ(t − e)² / Σt²`: 0 is perfect, 1 as bad as silence.
    pub esr: f64,
    /// ESR after both passed `1 − 0.95 z⁻¹` ([`PRE_EMPHASIS`]).
    pub esr_preemphasis: f64,
    /// ESR after both passed `1 − 0.85 z⁻¹` ([`MILD_PRE_EMPHASIS`]).
    pub esr_preemphasis_085: f64,
    /// `(mean(t − e))² / mean(t²)`, Wright et al. 2020, eq. 13: the constant part of the error, which pre-emphasis hides.
    pub dc: f64,
    /// [`Self::esr_preemphasis`] + [`Self::dc`]: the loss of Wright et al. 2020.
    pub esr_preemphasis_dc: f64,
    /// `−10 · log₁₀ ESR` in dB; infinite for a perfect estimate.
    pub snr_db: f64,
    /// `mean((t − e)²)`, of samples whose full scale is ±1.
    pub mse: f64,
    /// `mean(|t − e|)`, full scale 1.
    pub mae: f64,
    /// `√mse`, full scale 1.
    pub rmse: f64,
    /// `√mse / √mean(t²)`, which is `√ESR`: the RMSE relative to the target's RMS.
    pub relative_rmse: f64,
    /// `mae / mean(|t|)`.
    pub relative_mae: f64,
    /// Pearson's correlation of `t` and `e`, both less their means, −1 ..= 1; 0 if the estimate is constant.
    pub correlation: f64,
    /// The least-squares gain `Σte / Σe²` that the estimate lacks, as a factor; 0 for a silent estimate. No other figure applies it.
    pub gain: f64,
}

/// All of [`Errors`], over the shorter of both.
///
/// # Errors
///
/// No frame in common, a sample that is no number, or a silent target (ratios to it mean nothing).
pub fn measure(target: &[f32], estimate: &[f32]) -> Result<Errors, Unmeasurable> {
    let (target, estimate) = pair(target, estimate, 1)?;
    let frames = target.len();
    let n = frames as f64;
    let mut sums = Sums::default();
    for (t, e) in target.iter().zip(estimate) {
        sums.add(f64::from(*t), f64::from(*e));
    }
    if sums.tt == 0.0 {
        return Err(Unmeasurable::Silent { what: "the target" });
    }
    let (mean_t, mean_e) = (sums.t / n, sums.e / n);
    // A second pass: differences of large sums would lose the correlation of signals with much DC.
    let (mut ct, mut ce, mut cross) = (0.0, 0.0, 0.0);
    for (t, e) in target.iter().zip(estimate) {
        let (t, e) = (f64::from(*t) - mean_t, f64::from(*e) - mean_e);
        ct += t * t;
        ce += e * e;
        cross += t * e;
    }
    let scale = (ct * ce).sqrt();
    let esr = sums.dd / sums.tt;
    let esr_preemphasis = pre_emphasised_esr(target, estimate, PRE_EMPHASIS);
    let dc = (sums.d / n).powi(2) / (sums.tt / n);
    let mse = sums.dd / n;
    Ok(Errors {
        frames,
        esr,
        esr_preemphasis,
        esr_preemphasis_085: pre_emphasised_esr(target, estimate, MILD_PRE_EMPHASIS),
        dc,
        esr_preemphasis_dc: esr_preemphasis + dc,
        snr_db: -10.0 * esr.log10(),
        mse,
        mae: sums.abs_d / n,
        rmse: mse.sqrt(),
        relative_rmse: esr.sqrt(),
        relative_mae: sums.abs_d / sums.abs_t,
        correlation: if scale > 0.0 {
            (cross / scale).clamp(-1.0, 1.0)
        } else {
            0.0
        },
        gain: if sums.ee > 0.0 { sums.te / sums.ee } else { 0.0 },
    })
}

/// Sums over frames of the target `t`, the estimate `e` and their difference `d = t − e`.
#[derive(Clone, Copy, Default)]
struct Sums {
    t: f64,
    e: f64,
    d: f64,
    tt: f64,
    ee: f64,
    te: f64,
    dd: f64,
    abs_t: f64,
    abs_d: f64,
}

impl Sums {
    fn add(&mut self, t: f64, e: f64) {
        let d = t - e;
        self.t += t;
        self.e += e;
        self.d += d;
        self.tt += t * t;
        self.ee += e * e;
        self.te += t * e;
        self.dd += d * d;
        self.abs_t += t.abs();
        self.abs_d += d.abs();
    }
}

/// Error-to-signal ratio over the shorter of both, without pre-emphasis (Wright et al. 2020, eq. 12). 0 if both are silent, infinite
/// if only the target is, NaN if a sample is.
pub fn esr(target: &[f32], estimate: &[f32]) -> f64 {
    ratio(target.iter().zip(estimate).map(|(t, e)| (f64::from(*t), f64::from(*e))))
}

/// [`esr`] after both passed `1 − coefficient · z⁻¹`, which weighs high frequencies as the ear does; [`PRE_EMPHASIS`] is usual. The frame
/// before the first is taken as 0.
pub fn pre_emphasised_esr(target: &[f32], estimate: &[f32], coefficient: f64) -> f64 {
    let (mut last_target, mut last_estimate) = (0.0, 0.0);
    ratio(target.iter().zip(estimate).map(|(t, e)| {
        let (t, e) = (f64::from(*t), f64::from(*e));
        let filtered = (t - coefficient * last_target, e - coefficient * last_estimate);
        (last_target, last_estimate) = (t, e);
        filtered
    }))
}

/// Signal-to-noise ratio in dB: `−10 · log₁₀ ESR`.
pub fn snr_db(target: &[f32], estimate: &[f32]) -> f64 {
    -10.0 * esr(target, estimate).log10()
}

/// The largest `|a − b|` over the shorter of both; NaN if any difference is NaN.
pub fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |worst: f32, difference| {
            if worst.is_nan() || difference <= worst {
                worst
            } else {
                difference
            }
        })
}

fn ratio(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (error, signal) = pairs.fold((0.0, 0.0), |(error, signal), (t, e)| {
        (error + (t - e) * (t - e), signal + t * t)
    });
    if error == 0.0 { 0.0 } else { error / signal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ratios() {
        let target = [1.0, -1.0, 1.0, -1.0];
        assert_eq!(esr(&target, &target), 0.0);
        assert!((esr(&target, &[0.0; 4]) - 1.0).abs() < 1e-12);
        assert!((esr(&target, &[0.9, -0.9, 0.9, -0.9]) - 0.01).abs() < 1e-6);
        assert!((snr_db(&target, &[0.9, -0.9, 0.9, -0.9]) - 20.0).abs() < 1e-4);
        assert_eq!(esr(&[0.0; 3], &[0.0; 3]), 0.0);
        assert!(esr(&[0.0; 3], &[1.0; 3]).is_infinite());
    }

    #[test]
    fn pre_emphasis_discounts_low_frequencies() {
        let target: Vec<f32> = (0..400).map(|n| if n % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let shifted: Vec<f32> = target.iter().map(|t| t + 0.1).collect();
        assert!(pre_emphasised_esr(&target, &shifted, 0.95) < 0.01 * esr(&target, &shifted));
    }

    #[test]
    fn all_at_once_agrees_with_one_by_one_and_with_arithmetic() {
        let target = [0.5, -0.25, 1.0, 0.0];
        let estimate = [0.4, -0.25, 0.8, 0.1, 9.0];
        let all = measure(&target, &estimate).expect("measurable");
        assert_eq!(all.frames, 4);
        assert!((all.esr - 0.06 / 1.3125).abs() < 1e-7);
        assert_eq!(all.esr, esr(&target, &estimate));
        assert!((all.mae - 0.1).abs() < 1e-7 && (all.relative_mae - 0.4 / 1.75).abs() < 1e-7);
        assert!((all.rmse - 0.015f64.sqrt()).abs() < 1e-7 && (all.relative_rmse.powi(2) - all.esr).abs() < 1e-12);
        assert!((all.dc - 0.05f64.powi(2) / (1.3125 / 4.0)).abs() < 1e-7);
        assert_eq!(all.esr_preemphasis_dc, all.esr_preemphasis + all.dc);
        assert!((all.gain - 1.0625 / 0.8725).abs() < 1e-6);
        let inverted: Vec<f32> = target.iter().map(|t| -2.0 * t).collect();
        let all = measure(&target, &inverted).expect("measurable");
        assert!((all.correlation + 1.0).abs() < 1e-12 && (all.gain + 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_ratio_is_an_error() {
        assert!(matches!(
            measure(&[0.0; 9], &[1.0; 9]),
            Err(Unmeasurable::Silent { .. })
        ));
        assert!(matches!(measure(&[], &[1.0]), Err(Unmeasurable::TooShort { .. })));
        assert!(matches!(
            measure(&[1.0, f32::INFINITY], &[1.0; 2]),
            Err(Unmeasurable::NotFinite { frame: 1, .. })
        ));
        let constant = measure(&[0.5; 10], &[0.5; 10]).expect("a constant has energy");
        assert_eq!((constant.esr, constant.correlation), (0.0, 0.0));
        assert!(constant.snr_db.is_infinite());
    }

    #[test]
    fn a_nan_is_not_swallowed() {
        assert!(max_difference(&[1.0, f32::NAN, 0.0], &[0.0, 0.0, 3.0]).is_nan());
        assert_eq!(max_difference(&[1.0, 2.0], &[0.5, 4.0]), 2.0);
    }
}
