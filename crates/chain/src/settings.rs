//! What the user sets, and how it glides.

use crate::gate::GateSettings;
use crate::tone::ToneSettings;
use tonegraft_core::levels::factor;
use tonegraft_core::{
    CONTROL_INTERVAL, Controls, KNOBS, Knobs, LevelSettings, PROGRAMS, Ramp, SLOTS, SampleRate, Source, TRIMS,
};

/// Duration of every glide, in seconds, rounded up to whole intervals of the control grid.
const GLIDE_SECONDS: f64 = 0.005;

/// The gains accepted, in dB; others are clamped.
const GAIN_RANGE_DB: (f32, f32) = (-120.0, 60.0);

/// Targets. Values out of range are clamped, non-finite ones ignored: what was set before stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Gain before the model, in dB, −120 … 60.
    pub input_gain_db: f32,
    /// Gain after the mix, in dB, −120 … 60.
    pub output_gain_db: f32,
    /// Share of the processed signal, 0 (dry) … 1 (wet).
    pub mix: f32,
    /// True: the delayed input, untouched.
    pub bypass: bool,
    /// Knob positions, 0 … 1.
    pub knobs: Knobs,
    /// What is done about the models' levels.
    pub levels: LevelSettings,
    /// True: the cabinet is heard, if there is one.
    pub cab: bool,
    /// What is heard.
    pub source: Source,
    /// Gains of slot A, slot B and the reference, in dB, −120 … 60.
    pub trims_db: [f32; TRIMS],
    /// False: where the reference is asked for, slot A plays.
    pub use_reference: bool,
    /// Which of the [`PROGRAMS`] plays in slot A; `None`: the slot's own unit.
    pub program: Option<u8>,
    /// Noise gate, after the input gain.
    pub gate: GateSettings,
    /// Tone stack, after the middle.
    pub tone: ToneSettings,
}

/// `value` clamped; `before` if it is not finite.
pub(crate) fn within(value: f32, low: f32, high: f32, before: f32) -> f32 {
    if value.is_finite() {
        value.clamp(low, high)
    } else {
        before
    }
}

impl Settings {
    /// In range; what is not finite comes from `before`.
    pub(crate) fn checked(&self, before: &Self) -> Self {
        let (low, high) = GAIN_RANGE_DB;
        let mut checked = *self;
        checked.input_gain_db = within(self.input_gain_db, low, high, before.input_gain_db);
        checked.output_gain_db = within(self.output_gain_db, low, high, before.output_gain_db);
        checked.mix = within(self.mix, 0.0, 1.0, before.mix);
        let knobs = checked.knobs.iter_mut().flatten();
        for (knob, before) in knobs.zip(before.knobs.iter().flatten()) {
            *knob = within(*knob, 0.0, 1.0, *before);
        }
        for (trim, before) in checked.trims_db.iter_mut().zip(before.trims_db) {
            *trim = within(*trim, low, high, before);
        }
        checked.program = self.program.filter(|program| usize::from(*program) < PROGRAMS);
        checked.levels = self.levels.checked(&before.levels);
        checked.gate = self.gate.checked(&before.gate);
        checked.tone = self.tone.checked(&before.tone);
        checked
    }
}

impl Default for Settings {
    /// 0 dB, all wet, not bypassed, knobs in the middle, models as loud as they are, slot A and the cabinet heard, no
    /// trims, no reference, no program, gate and tone stack off.
    fn default() -> Self {
        Self {
            input_gain_db: 0.0,
            output_gain_db: 0.0,
            mix: 1.0,
            bypass: false,
            knobs: [[0.5; KNOBS]; SLOTS],
            levels: LevelSettings::default(),
            cab: true,
            source: Source::A,
            trims_db: [0.0; TRIMS],
            use_reference: false,
            program: None,
            gate: GateSettings::default(),
            tone: ToneSettings::default(),
        }
    }
}

/// The glides towards a [`Settings`].
#[derive(Clone, Debug)]
pub(crate) struct Glides {
    pub(crate) input_gain: Ramp,
    pub(crate) output_gain: Ramp,
    pub(crate) mix: Ramp,
    /// 0: processed, 1: bypassed; a straight line, shaped by [`bypass_share`].
    pub(crate) bypass: Ramp,
    /// 0: no gate, 1: gated; a straight line, shaped by [`bypass_share`].
    pub(crate) gate: Ramp,
    knobs: [[Ramp; KNOBS]; SLOTS],
}

impl Glides {
    /// At rest at `settings`, which are checked.
    pub(crate) fn new(rate: SampleRate, settings: &Settings) -> Self {
        let intervals = rate.frames(GLIDE_SECONDS).div_ceil(CONTROL_INTERVAL).max(1);
        let ramp = |value| Ramp::new(value, intervals);
        let mut glides = Self {
            input_gain: ramp(1.0),
            output_gain: ramp(1.0),
            mix: ramp(1.0),
            bypass: ramp(0.0),
            gate: ramp(0.0),
            knobs: [[ramp(0.5); KNOBS]; SLOTS],
        };
        glides.each(settings, Ramp::snap);
        glides
    }

    /// Jumps to `settings`.
    pub(crate) fn snap(&mut self, settings: &Settings) {
        self.each(settings, Ramp::snap);
    }

    /// Starts to glide to `settings`; at boundaries of the control grid only.
    pub(crate) fn set(&mut self, settings: &Settings) {
        self.each(settings, Ramp::set_target);
    }

    fn each(&mut self, settings: &Settings, apply: impl Fn(&mut Ramp, f32)) {
        apply(&mut self.input_gain, factor(settings.input_gain_db));
        apply(&mut self.output_gain, factor(settings.output_gain_db));
        apply(&mut self.mix, settings.mix);
        apply(&mut self.bypass, if settings.bypass { 1.0 } else { 0.0 });
        apply(&mut self.gate, if settings.gate.on { 1.0 } else { 0.0 });
        let ramps = self.knobs.iter_mut().flatten();
        for (ramp, value) in ramps.zip(settings.knobs.iter().flatten()) {
            apply(ramp, *value);
        }
    }

    /// True if nothing moves.
    pub(crate) fn is_settled(&self) -> bool {
        self.input_gain.is_settled()
            && self.output_gain.is_settled()
            && self.mix.is_settled()
            && self.bypass.is_settled()
            && self.gate.is_settled()
            && self.knobs.iter().flatten().all(Ramp::is_settled)
    }

    /// What the middle needs at the next frame; what does not glide here is as in `taken`.
    pub(crate) fn controls(&self, taken: &Settings) -> Controls {
        Controls {
            knobs: self.knobs(),
            levels: taken.levels,
            cab: taken.cab,
            source: taken.source,
            trims_db: taken.trims_db,
            use_reference: taken.use_reference,
            program: taken.program,
        }
    }

    /// Knob positions at the next frame.
    fn knobs(&self) -> Knobs {
        let mut positions = [[0.0; KNOBS]; SLOTS];
        for (position, ramp) in positions.iter_mut().flatten().zip(self.knobs.iter().flatten()) {
            *position = ramp.value();
        }
        positions
    }

    /// `frames` frames on.
    pub(crate) fn advance(&mut self, frames: usize) {
        self.input_gain.advance(frames);
        self.output_gain.advance(frames);
        self.mix.advance(frames);
        self.bypass.advance(frames);
        self.gate.advance(frames);
        for ramp in self.knobs.iter_mut().flatten() {
            ramp.advance(frames);
        }
    }
}

/// The share of what is faded in at `line` of the way into bypass, or into the gate: `3x² − 2x³`, close to a raised cosine and without
/// library calls.
pub(crate) fn bypass_share(line: f32) -> f32 {
    line * line * (3.0 - 2.0 * line)
}

#[cfg(test)]
#[allow(clippy::disallowed_macros, clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_ignored() {
        let rate = SampleRate::new(48_000).expect("a rate");
        let before = Settings::default();
        let settings = Settings {
            input_gain_db: f32::NAN,
            mix: f32::INFINITY,
            output_gain_db: 20.0,
            ..before
        };
        let glides = Glides::new(rate, &settings.checked(&before));
        assert_eq!(glides.input_gain.value(), 1.0);
        assert_eq!(glides.mix.value(), 1.0);
        assert_eq!(glides.output_gain.value(), 10.0);
        let loud = Settings {
            input_gain_db: 1e9,
            ..before
        };
        assert_eq!(loud.checked(&before).input_gain_db, 60.0);
        assert!(glides.is_settled());
    }

    #[test]
    fn the_way_into_bypass_starts_and_ends_flat() {
        assert_eq!(
            [bypass_share(0.0), bypass_share(0.5), bypass_share(1.0)],
            [0.0, 0.5, 1.0]
        );
        assert!(bypass_share(0.01) < 0.001);
    }
}
