//! Newtypes where mixing units would be an audible bug: frames at the host's rate, frames at a model's rate.

use std::fmt;
use std::num::NonZeroU32;

/// A sample rate in Hz, 1 ..= [`SampleRate::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(NonZeroU32);

impl SampleRate {
    /// The highest rate accepted, in Hz.
    pub const MAX: u32 = 1_536_000;

    /// `None` outside 1 ..= [`Self::MAX`] Hz.
    pub const fn new(hz: u32) -> Option<Self> {
        match NonZeroU32::new(hz) {
            Some(rate) if hz <= Self::MAX => Some(Self(rate)),
            _ => None,
        }
    }

    /// From a host's floating-point rate, rounded to whole Hz; `None` if not finite or out of range.
    pub fn from_f64(hz: f64) -> Option<Self> {
        if hz.is_finite() && (0.5..=f64::from(Self::MAX)).contains(&hz) {
            // In range by the check above.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Self::new(hz.round() as u32)
        } else {
            None
        }
    }

    /// The rate in Hz.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The rate in Hz, for arithmetic.
    pub fn hz(self) -> f64 {
        f64::from(self.0.get())
    }

    /// Frames in `seconds` at this rate, rounded to the nearest; 0 for negative or non-finite values.
    pub fn frames(self, seconds: f64) -> usize {
        let frames = (self.hz() * seconds).round();
        // Saturates by the rules of `as`; NaN becomes 0.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let frames = frames as usize;
        frames
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

macro_rules! frames {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// No frames.
            pub const ZERO: Self = Self(0);

            /// That many frames.
            pub const fn new(frames: u32) -> Self {
                Self(frames)
            }

            /// The count.
            pub const fn get(self) -> u32 {
                self.0
            }

            /// The count, as an index type.
            pub const fn as_usize(self) -> usize {
                self.0 as usize
            }

            /// The sum, or `None` on overflow.
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// The difference, or `None` if `other` is larger.
            pub const fn checked_sub(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(difference) => Some(Self(difference)),
                    None => None,
                }
            }

            /// The sum, clamped to the type's range.
            pub const fn saturating_add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }

            /// The difference, 0 if `other` is larger.
            pub const fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

frames! {
    /// A number of frames at the host's sample rate.
    HostFrames
}
frames! {
    /// A number of frames at a model's own sample rate.
    ModelFrames
}

/// Host rate over model rate: the only way from [`ModelFrames`] to [`HostFrames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateRatio {
    host: SampleRate,
    model: SampleRate,
}

impl RateRatio {
    /// The ratio `host / model`.
    pub const fn new(host: SampleRate, model: SampleRate) -> Self {
        Self { host, model }
    }

    /// True if both rates are equal, so that frames carry over one to one.
    pub fn is_unity(self) -> bool {
        self.host == self.model
    }

    /// Model frames as host frames, rounded up, clamped to the type's range.
    pub fn to_host(self, frames: ModelFrames) -> HostFrames {
        let scaled = (u64::from(frames.get()) * u64::from(self.host.get())).div_ceil(u64::from(self.model.get()));
        HostFrames::new(u32::try_from(scaled).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_outside_the_range_are_refused() {
        assert!(SampleRate::new(0).is_none());
        assert!(SampleRate::new(SampleRate::MAX + 1).is_none());
        assert!(SampleRate::from_f64(f64::NAN).is_none());
        assert!(SampleRate::from_f64(-48_000.0).is_none());
        assert_eq!(SampleRate::from_f64(44_100.0).map(SampleRate::get), Some(44_100));
    }

    #[test]
    fn ratio_rounds_up_and_saturates() {
        let rate = |hz| SampleRate::new(hz).expect("valid rate");
        let ratio = RateRatio::new(rate(48_000), rate(44_100));
        assert_eq!(ratio.to_host(ModelFrames::new(441)).get(), 480);
        assert_eq!(ratio.to_host(ModelFrames::new(1)).get(), 2);
        let up = RateRatio::new(rate(192_000), rate(1));
        assert_eq!(up.to_host(ModelFrames::new(u32::MAX)).get(), u32::MAX);
    }
}
