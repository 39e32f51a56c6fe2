//! What can be wrong with the signals that are to be measured.

/// Why there is no figure. The sentence names the signal as the caller did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmeasurable {
    /// Fewer frames than the measure needs.
    #[error("{what} has {frames} frames; at least {needed} are needed")]
    TooShort {
        /// Which signal.
        what: &'static str,
        /// Its frames, or those both signals have in common.
        frames: usize,
        /// The least number of frames.
        needed: usize,
    },
    /// A sample is NaN or infinite.
    #[error("{what} is not a number at frame {frame}")]
    NotFinite {
        /// Which signal.
        what: &'static str,
        /// The first such frame.
        frame: usize,
    },
    /// Nothing but zeros where the measure divides by the energy.
    #[error("{what} is silent")]
    Silent {
        /// Which signal.
        what: &'static str,
    },
    /// A sample rate, or a number of channels, that the measure has no definition for.
    #[error("{what} cannot be {value}")]
    Setting {
        /// What was set.
        what: &'static str,
        /// To what.
        value: String,
    },
}

/// `Ok` if each sample is a number.
///
/// # Errors
///
/// [`Unmeasurable::NotFinite`] with the first that is not.
pub fn finite(what: &'static str, signal: &[f32]) -> Result<(), Unmeasurable> {
    match signal.iter().position(|sample| !sample.is_finite()) {
        Some(frame) => Err(Unmeasurable::NotFinite { what, frame }),
        None => Ok(()),
    }
}

/// Both cut to the shorter's length.
///
/// # Errors
///
/// [`Unmeasurable::TooShort`] if fewer than `needed` frames (at least 1) are left, [`Unmeasurable::NotFinite`] if one of them is no number.
pub fn pair<'a>(target: &'a [f32], estimate: &'a [f32], needed: usize) -> Result<(&'a [f32], &'a [f32]), Unmeasurable> {
    let frames = target.len().min(estimate.len());
    let needed = needed.max(1);
    if frames < needed {
        let what = if target.len() <= estimate.len() {
            "the target"
        } else {
            "the estimate"
        };
        return Err(Unmeasurable::TooShort { what, frames, needed });
    }
    let (target, estimate) = (&target[..frames], &estimate[..frames]);
    finite("the target", target)?;
    finite("the estimate", estimate)?;
    Ok((target, estimate))
}

/// A sample rate between 1 kHz and 1 MHz.
///
/// # Errors
///
/// [`Unmeasurable::Setting`] otherwise.
pub fn sample_rate(rate: f64) -> Result<f64, Unmeasurable> {
    if (1_000.0..=1_000_000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err(Unmeasurable::Setting {
            what: "the sample rate",
            value: format!("{rate} Hz"),
        })
    }
}

/// `10 · log₁₀ power`, −300 dB at the least.
pub(crate) fn power_db(power: f64) -> f64 {
    10.0 * power.max(1e-30).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_a_sentence() {
        assert_eq!(
            pair(&[1.0; 5], &[1.0; 3], 3).map(|(t, e)| (t.len(), e.len())),
            Ok((3, 3))
        );
        let sentence = |result: Result<_, Unmeasurable>| result.map(|_: (&[f32], &[f32])| ()).unwrap_err().to_string();
        assert_eq!(
            sentence(pair(&[], &[1.0], 0)),
            "the target has 0 frames; at least 1 are needed"
        );
        assert_eq!(
            sentence(pair(&[1.0; 9], &[1.0, f32::NAN], 1)),
            "the estimate is not a number at frame 1"
        );
        assert_eq!(
            sample_rate(f64::NAN).unwrap_err().to_string(),
            "the sample rate cannot be NaN Hz"
        );
        assert!(sample_rate(0.0).is_err() && sample_rate(44_100.0).is_ok());
    }
}
