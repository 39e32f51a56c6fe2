//! The delay between two signals, by cross-correlation over FFTs.

use crate::transform::Transform;

/// What [`find_delay`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delay {
    /// How many frames the second signal is later than the first; negative if it is earlier.
    pub frames: i64,
    /// Normalised correlation at that lag, −1 ..= 1; negative if the polarity is inverted.
    pub correlation: f64,
}

/// The lag, within ±`max_lag` frames, at which `late` resembles `early` most, either polarity. `None` if a signal is silent,
/// empty or not finite.
pub fn find_delay(early: &[f32], late: &[f32], max_lag: usize) -> Option<Delay> {
    let energy = |signal: &[f32]| signal.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>();
    let scale = (energy(early) * energy(late)).sqrt();
    if scale == 0.0 || !scale.is_finite() {
        return None;
    }
    let max_lag = max_lag.min(early.len().max(late.len()));
    let size = (early.len().max(late.len()) + max_lag + 1).next_power_of_two();
    let transform = Transform::new(size);
    let spectrum = |signal: &[f32]| transform.bins(signal.iter().map(|sample| f64::from(*sample)));
    let (early, late) = (spectrum(early)?, spectrum(late)?);
    let product = early.iter().zip(&late).map(|(e, l)| e.conj() * l).collect();
    let correlation = transform.frames(product)?;
    let at = |lag: i64| {
        let index = if lag < 0 {
            size - usize::try_from(-lag).ok()?
        } else {
            usize::try_from(lag).ok()?
        };
        correlation.get(index).copied()
    };
    let max_lag = i64::try_from(max_lag).ok()?;
    let (frames, peak) = (-max_lag..=max_lag)
        .filter_map(|lag| Some((lag, at(lag)?)))
        .max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()))?;
    let correlation = peak / scale;
    Some(Delay { frames, correlation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn finds_delays_of_either_sign_and_polarity() {
        let signal = noise(5000, 1);
        for delay in [0usize, 1, 7, 480] {
            let mut late = vec![0.0; delay];
            late.extend_from_slice(&signal);
            let found = find_delay(&signal, &late, 1000).expect("not silent");
            assert_eq!(found.frames, i64::try_from(delay).expect("small"));
            assert!(found.correlation > 0.99, "{found:?}");
            let inverted: Vec<f32> = late.iter().map(|s| -0.5 * s).collect();
            let found = find_delay(&inverted, &signal, 1000).expect("not silent");
            assert_eq!(found.frames, -i64::try_from(delay).expect("small"));
            assert!(found.correlation < -0.99, "{found:?}");
        }
    }

    #[test]
    fn silence_and_unrelated_noise_are_told_apart_from_a_match() {
        assert_eq!(find_delay(&[0.0; 100], &noise(100, 3), 10), None);
        assert_eq!(find_delay(&[], &[], 10), None);
        let found = find_delay(&noise(5000, 4), &noise(5000, 5), 100).expect("not silent");
        assert!(found.correlation.abs() < 0.1, "{found:?}");
    }
}
