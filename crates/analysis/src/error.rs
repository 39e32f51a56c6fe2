//! How far an estimate is from its target.

/// Error-to-signal ratio: `Σ (target − estimate)² / Σ target²` over the shorter of both (Wright et al. 2020, eq. 12, without
/// pre-emphasis). 0 if both are silent, infinite if only the target is.
pub fn esr(target: &[f32], estimate: &[f32]) -> f64 {
    ratio(target.iter().zip(estimate).map(|(t, e)| (f64::from(*t), f64::from(*e))))
}

/// [`esr`] after both passed `1 − coefficient · z⁻¹`, which weighs high frequencies as the ear does; 0.95 is usual.
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
    fn a_nan_is_not_swallowed() {
        assert!(max_difference(&[1.0, f32::NAN, 0.0], &[0.0, 0.0, 3.0]).is_nan());
        assert_eq!(max_difference(&[1.0, 2.0], &[0.5, 4.0]), 2.0);
    }
}
