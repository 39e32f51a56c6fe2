//! What a session keeps for comparing: where the sources are placed in time, and how the window looks.
//!
//! ```json
//! {"rate": 48000,
//!  "a": {"delay": 3.0, "inverted": true},
//!  "reference": {"delay": 312.4, "locked": true, "measured": {"delay": 312.4, "gain_db": -3.1, "inverted": false, "confidence": 0.97}},
//!  "hear_aligned": true, "sleep": true, "difference": "b"}
//! ```
//!
//! All keys are optional. Delays are in frames at `rate`, the host's rate when they were set; at another rate they are brought there.
//! Nothing of a listening test is here: a session that is restored ends one.

use crate::path::PortablePath;
use serde::{Deserialize, Serialize};

/// The longest delay in either direction, in frames; longer ones are cut.
pub const MAX_DELAY: f64 = 1_000_000.0;

/// Zoom factors of the window.
pub const ZOOM_RANGE: (f32, f32) = (0.5, 3.0);

/// What was measured of a delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Measured {
    /// How much later, in frames.
    pub delay: f64,
    /// How much louder, in dB.
    pub gain_db: f64,
    /// Upside down.
    pub inverted: bool,
    /// 0 (a guess) … 1.
    pub confidence: f64,
}

/// Where one source stands in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// How late the source is, in frames at [`CompareState::rate`]; it is heard that much earlier. Fractions and negative values count.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay: f64,
    /// What the user adds to that, in frames.
    #[serde(skip_serializing_if = "is_zero")]
    pub nudge: f64,
    /// Turned upside down.
    #[serde(skip_serializing_if = "is_false")]
    pub inverted: bool,
    /// Measurements leave it alone.
    #[serde(skip_serializing_if = "is_false")]
    pub locked: bool,
    /// The last measurement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// See the module's head.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompareState {
    /// The rate at which delays are counted, in Hz; 0: none was set yet.
    #[serde(skip_serializing_if = "is_no_rate")]
    pub rate: u32,
    /// Slot A.
    #[serde(skip_serializing_if = "is_default")]
    pub a: Placement,
    /// Slot B.
    #[serde(skip_serializing_if = "is_default")]
    pub b: Placement,
    /// The side-chain.
    #[serde(skip_serializing_if = "is_default")]
    pub reference: Placement,
    /// The reference is heard aligned, which adds latency.
    #[serde(skip_serializing_if = "is_false")]
    pub hear_aligned: bool,
    /// A slot that is not heard sleeps.
    #[serde(skip_serializing_if = "is_false")]
    pub sleep: bool,
    /// The slot that the reference is taken away from: `b`; all else is A.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub difference: String,
}

/// How the window looks, apart from its size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WindowState {
    /// Zoom factor; `None`: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoom: Option<f32>,
    /// Colours by name; empty, or not known: as in a new window.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub theme: String,
    /// The folder that the file browser shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PortablePath>,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_no_rate(rate: &u32) -> bool {
    *rate == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_false(value: &bool) -> bool {
    !*value
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `value` between the limits; 0 where it is no number.
const fn tame(value: f64, limit: f64) -> f64 {
    if value.is_finite() {
        value.clamp(-limit, limit)
    } else {
        0.0
    }
}

impl Placement {
    /// How much earlier the source is heard, in frames.
    pub fn total(&self) -> f64 {
        self.delay + self.nudge
    }

    fn tamed(mut self) -> Self {
        self.delay = tame(self.delay, MAX_DELAY);
        self.nudge = tame(self.nudge, MAX_DELAY);
        self.measured = self.measured.map(|measured| Measured {
            delay: tame(measured.delay, MAX_DELAY),
            gain_db: tame(measured.gain_db, 200.0),
            confidence: tame(measured.confidence, 1.0).max(0.0),
            ..measured
        });
        self
    }

    /// With its delays counted at another rate.
    fn scaled(mut self, factor: f64) -> Self {
        // A millionth of a frame is below every measurement; whole frames stay whole.
        let scale = |delay: f64| (delay * factor * 1e6).round() / 1e6;
        self.delay = scale(self.delay);
        self.nudge = scale(self.nudge);
        self.measured = self.measured.map(|measured| Measured {
            delay: scale(measured.delay),
            ..measured
        });
        self
    }
}

impl CompareState {
    /// Everything in range.
    pub(crate) fn tamed(mut self) -> Self {
        self.a = self.a.tamed();
        self.b = self.b.tamed();
        self.reference = self.reference.tamed();
        self
    }

    /// A, B, reference.
    pub const fn placements(&self) -> [Placement; 3] {
        [self.a, self.b, self.reference]
    }

    /// A (0), B (1), reference (2).
    pub const fn placement_mut(&mut self, index: usize) -> Option<&mut Placement> {
        match index {
            0 => Some(&mut self.a),
            1 => Some(&mut self.b),
            2 => Some(&mut self.reference),
            _ => None,
        }
    }

    /// The same with delays counted at `rate`, in Hz.
    #[must_use]
    pub fn at_rate(&self, rate: u32) -> Self {
        let mut state = self.clone();
        if rate == 0 || rate == self.rate {
            return state;
        }
        if self.rate != 0 {
            let factor = f64::from(rate) / f64::from(self.rate);
            state.a = state.a.scaled(factor);
            state.b = state.b.scaled(factor);
            state.reference = state.reference.scaled(factor);
        }
        state.rate = rate;
        state
    }
}

impl WindowState {
    /// Everything in range.
    pub(crate) fn tamed(mut self) -> Self {
        let (low, high) = ZOOM_RANGE;
        self.zoom = self
            .zoom
            .filter(|zoom| zoom.is_finite())
            .map(|zoom| zoom.clamp(low, high));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_go_from_rate_to_rate_and_whole_frames_stay_whole() {
        let mut state = CompareState {
            rate: 48_000,
            ..CompareState::default()
        };
        state.reference.delay = 37.0;
        state.a.delay = -0.25;
        let up = state.at_rate(96_000);
        assert_eq!([up.reference.delay, up.a.delay], [74.0, -0.5]);
        assert_eq!(up.at_rate(48_000), state);
        assert_eq!(state.at_rate(44_100).at_rate(48_000).reference.delay, 37.0);
        assert_eq!(state.at_rate(0), state);
        let fresh = CompareState::default().at_rate(44_100);
        assert_eq!((fresh.rate, fresh.a), (44_100, Placement::default()));
    }
}
