//! Added latency, as a sum of named parts.
//!
//! Definition: the shift `d` for which `stream[n + d] = offline[n]`. A delay that a model has *learned* is not latency in
//! this sense: it is shown, never reported to the host.

use crate::units::HostFrames;
use std::fmt;

/// A total latency, in frames at the host's rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Latency(HostFrames);

impl Latency {
    /// No latency.
    pub const ZERO: Self = Self(HostFrames::ZERO);

    /// That many frames at the host's rate.
    pub const fn new(frames: HostFrames) -> Self {
        Self(frames)
    }

    /// In frames at the host's rate.
    pub const fn frames(self) -> HostFrames {
        self.0
    }

    /// In frames at the host's rate, as an index type.
    pub const fn as_usize(self) -> usize {
        self.0.as_usize()
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} samples", self.0)
    }
}

/// What a latency is made of. All parts are in frames at the host's rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatencyParts {
    /// Future input that the model needs ("same"-padded convolutions).
    pub look_ahead: HostFrames,
    /// Gathering frames for a model that works in hops or fixed blocks.
    pub hop: HostFrames,
    /// Resampling between the host's rate and the model's.
    pub resampler: HostFrames,
    /// Running the model above its own rate, against its aliasing.
    pub oversampling: HostFrames,
    /// Buffering towards a runtime that does not run on the audio thread.
    pub runtime: HostFrames,
    /// Delay added to line up with a slower slot, or reserved by the user.
    pub alignment: HostFrames,
}

impl LatencyParts {
    /// No latency in any part.
    pub const ZERO: Self = Self {
        look_ahead: HostFrames::ZERO,
        hop: HostFrames::ZERO,
        resampler: HostFrames::ZERO,
        oversampling: HostFrames::ZERO,
        runtime: HostFrames::ZERO,
        alignment: HostFrames::ZERO,
    };

    /// The sum of all parts, clamped to the type's range.
    pub const fn total(self) -> Latency {
        Latency(
            self.look_ahead
                .saturating_add(self.hop)
                .saturating_add(self.resampler)
                .saturating_add(self.oversampling)
                .saturating_add(self.runtime)
                .saturating_add(self.alignment),
        )
    }

    /// All parts with their names, in a fixed order; also those that are 0.
    pub const fn named(self) -> [(&'static str, HostFrames); 6] {
        [
            ("look_ahead", self.look_ahead),
            ("hop", self.hop),
            ("resampler", self.resampler),
            ("oversampling", self.oversampling),
            ("runtime", self.runtime),
            ("alignment", self.alignment),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_is_the_sum_of_the_named_parts() {
        let parts = LatencyParts {
            look_ahead: HostFrames::new(3),
            hop: HostFrames::new(5),
            resampler: HostFrames::new(7),
            oversampling: HostFrames::new(17),
            runtime: HostFrames::new(11),
            alignment: HostFrames::new(13),
        };
        let sum: u32 = parts.named().iter().map(|(_, frames)| frames.get()).sum();
        assert_eq!(parts.total().frames().get(), sum);
        assert_eq!(sum, 56);
    }
}
