//! Clicks: discontinuities of a signal or of its slope.

/// The largest `|x[n + 1] − 2 x[n] + x[n − 1]|`; 0 for fewer than three frames, NaN if a sample is NaN.
///
/// For a sine of amplitude `a` and angular frequency `ω` per frame it is `a · (2 − 2 cos ω)`; a step of height `h` adds `h`
/// to it, so that a click shows long before it is visible in the waveform.
pub fn max_second_difference(signal: &[f32]) -> f32 {
    signal
        .windows(3)
        .map(|w| (w[2] - 2.0 * w[1] + w[0]).abs())
        .fold(0.0, |worst, d| if d > worst || d.is_nan() { d } else { worst })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_stands_out_of_a_sine() {
        let omega = 0.05f64;
        #[allow(clippy::cast_possible_truncation)]
        let mut sine: Vec<f32> = (0..1000).map(|n| (omega * f64::from(n)).sin() as f32).collect();
        let steady = max_second_difference(&sine);
        assert!((f64::from(steady) - (2.0 - 2.0 * omega.cos())).abs() < 1e-4);
        for sample in &mut sine[500..] {
            *sample += 0.01;
        }
        assert!(max_second_difference(&sine) > 3.0 * steady);
        assert_eq!(max_second_difference(&[1.0, 2.0]), 0.0);
    }
}
