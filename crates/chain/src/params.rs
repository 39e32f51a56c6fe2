//! The values of [`Settings`] as hosts, saved states and the command line know them: by a frozen id, in a unit, in a range.

use crate::settings::Settings;
use tonegraft_core::OutputMode;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A number in a range.
    Number {
        /// Behind the number; may be empty.
        unit: &'static str,
        /// Lowest value.
        min: f32,
        /// Highest value.
        max: f32,
    },
    /// 0 is off, 1 is on.
    Switch,
    /// An index into these names.
    Choice(&'static [&'static str]),
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Frozen: states and automation refer to it for ever.
    pub id: &'static str,
    /// What it is.
    pub kind: Kind,
    get: fn(&Settings) -> f32,
    set: fn(&mut Settings, f32),
}

impl Param {
    /// The plain value.
    pub fn get(&self, settings: &Settings) -> f32 {
        (self.get)(settings)
    }

    /// Sets the plain value, brought into range; what is not finite is ignored.
    pub fn set(&self, settings: &mut Settings, value: f32) {
        if value.is_finite() {
            let (min, max) = self.range();
            (self.set)(settings, value.clamp(min, max));
        }
    }

    /// Lowest and highest plain value.
    pub fn range(&self) -> (f32, f32) {
        match self.kind {
            Kind::Number { min, max, .. } => (min, max),
            Kind::Switch => (0.0, 1.0),
            #[allow(clippy::cast_precision_loss)]
            Kind::Choice(names) => (0.0, names.len().saturating_sub(1) as f32),
        }
    }

    /// By its id.
    pub fn find(id: &str) -> Option<&'static Self> {
        PARAMS.iter().find(|param| param.id == id)
    }
}

const fn number(
    id: &'static str,
    unit: &'static str,
    (min, max): (f32, f32),
    get: fn(&Settings) -> f32,
    set: fn(&mut Settings, f32),
) -> Param {
    Param {
        id,
        kind: Kind::Number { unit, min, max },
        get,
        set,
    }
}

const fn switch(id: &'static str, get: fn(&Settings) -> f32, set: fn(&mut Settings, f32)) -> Param {
    Param {
        id,
        kind: Kind::Switch,
        get,
        set,
    }
}

fn as_number(on: bool) -> f32 {
    if on { 1.0 } else { 0.0 }
}

/// The names of [`OutputMode::ALL`].
pub const OUTPUT_MODES: [&str; 3] = [
    OutputMode::Raw.name(),
    OutputMode::Normalized.name(),
    OutputMode::Calibrated.name(),
];

/// All of them but the bypass, the knobs, the cab, and what is heard, which mean something else at each instance.
pub const PARAMS: &[Param] = &[
    number(
        "input_gain",
        "dB",
        (-24.0, 24.0),
        |s| s.input_gain_db,
        |s, v| s.input_gain_db = v,
    ),
    number(
        "output_gain",
        "dB",
        (-24.0, 24.0),
        |s| s.output_gain_db,
        |s, v| s.output_gain_db = v,
    ),
    number("mix", "%", (0.0, 100.0), |s| s.mix * 100.0, |s, v| s.mix = v / 100.0),
    Param {
        id: "output_mode",
        kind: Kind::Choice(&OUTPUT_MODES),
        #[allow(clippy::cast_precision_loss)]
        get: |s| {
            OutputMode::ALL
                .iter()
                .position(|mode| *mode == s.levels.output)
                .unwrap_or(0) as f32
        },
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        set: |s, v| {
            if let Some(mode) = OutputMode::ALL.get(v.round() as usize) {
                s.levels.output = *mode;
            }
        },
    },
    switch(
        "calibrate_input",
        |s| as_number(s.levels.calibrated_input),
        |s, v| s.levels.calibrated_input = v >= 0.5,
    ),
    number(
        "interface_dbu",
        "dBu",
        (-60.0, 60.0),
        |s| s.levels.interface_dbu,
        |s, v| s.levels.interface_dbu = v,
    ),
    switch("gate", |s| as_number(s.gate.on), |s, v| s.gate.on = v >= 0.5),
    number(
        "gate_threshold",
        "dB",
        (-100.0, 0.0),
        |s| s.gate.threshold_db,
        |s, v| s.gate.threshold_db = v,
    ),
    number(
        "gate_hysteresis",
        "dB",
        (0.0, 24.0),
        |s| s.gate.hysteresis_db,
        |s, v| s.gate.hysteresis_db = v,
    ),
    number(
        "gate_hold",
        "ms",
        (0.0, 2_000.0),
        |s| s.gate.hold_ms,
        |s, v| s.gate.hold_ms = v,
    ),
    number(
        "gate_release",
        "ms",
        (1.0, 5_000.0),
        |s| s.gate.release_ms,
        |s, v| s.gate.release_ms = v,
    ),
    number(
        "gate_range",
        "dB",
        (0.0, 100.0),
        |s| s.gate.range_db,
        |s, v| s.gate.range_db = v,
    ),
    switch("tone_stack", |s| as_number(s.tone.on), |s, v| s.tone.on = v >= 0.5),
    number("tone_bass", "", (0.0, 10.0), |s| s.tone.bass, |s, v| s.tone.bass = v),
    number(
        "tone_middle",
        "",
        (0.0, 10.0),
        |s| s.tone.middle,
        |s, v| s.tone.middle = v,
    ),
    number(
        "tone_treble",
        "",
        (0.0, 10.0),
        |s| s.tone.treble,
        |s, v| s.tone.treble = v,
    ),
    number(
        "a_trim",
        "dB",
        (-24.0, 24.0),
        |s| s.trims_db[0],
        |s, v| s.trims_db[0] = v,
    ),
    number(
        "b_trim",
        "dB",
        (-24.0, 24.0),
        |s| s.trims_db[1],
        |s, v| s.trims_db[1] = v,
    ),
    number(
        "reference_trim",
        "dB",
        (-24.0, 24.0),
        |s| s.trims_db[2],
        |s, v| s.trims_db[2] = v,
    ),
];

#[cfg(test)]
#[allow(clippy::disallowed_macros, clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_kept_and_no_two_are_one() {
        for (index, param) in PARAMS.iter().enumerate() {
            let (min, max) = param.range();
            for value in [min, max] {
                let mut settings = Settings::default();
                param.set(&mut settings, value);
                assert!((param.get(&settings) - value).abs() < 1e-4, "{}", param.id);
                let checked = settings.checked(&Settings::default());
                assert_eq!(checked, settings, "{}: the chain takes all of the range", param.id);
                for other in PARAMS.iter().filter(|other| other.id != param.id) {
                    assert_eq!(other.get(&settings), other.get(&Settings::default()), "{}", other.id);
                }
                param.set(&mut settings, f32::NAN);
                assert!((param.get(&settings) - value).abs() < 1e-4);
            }
            assert_eq!(Param::find(param.id).map(|found| found.id), Some(param.id));
            assert!(PARAMS[..index].iter().all(|earlier| earlier.id != param.id));
        }
        let mut settings = Settings::default();
        PARAMS[0].set(&mut settings, 1e9);
        assert_eq!(settings.input_gain_db, 24.0);
    }
}
