//! The parameters. Their ids are frozen: sessions and automation refer to them for ever.

use crate::board::{KnobBoard, format_number, parse_number};
use crate::session::{SessionField, WindowSize};
use nice_plug::prelude::*;
use std::sync::Arc;
use tonegraft_chain::Settings;
use tonegraft_core::KNOBS;

/// Range of both gains, in dB either way.
pub const GAIN_DB: f32 = 24.0;

/// Everything a host can automate, and what is saved beside it.
#[derive(Params)]
pub struct TonegraftParams {
    /// What was loaded: restored and saved with the host's session.
    #[persist = "session"]
    pub session: SessionField,

    /// Size of the window, in logical points.
    #[persist = "window"]
    pub window: WindowSize,

    /// True: the delayed input, untouched.
    #[id = "bypass"]
    pub bypass: BoolParam,
    /// Gain before the model, in dB.
    #[id = "input_gain"]
    pub input_gain: FloatParam,
    /// Gain after the mix, in dB.
    #[id = "output_gain"]
    pub output_gain: FloatParam,
    /// Share of the processed signal, in %.
    #[id = "mix"]
    pub mix: FloatParam,

    /// Knob 1 of the model in slot A, 0 … 1.
    #[id = "a_knob_1"]
    pub a_knob_1: FloatParam,
    /// Knob 2 of the model in slot A, 0 … 1.
    #[id = "a_knob_2"]
    pub a_knob_2: FloatParam,
    /// Knob 3 of the model in slot A, 0 … 1.
    #[id = "a_knob_3"]
    pub a_knob_3: FloatParam,
    /// Knob 4 of the model in slot A, 0 … 1.
    #[id = "a_knob_4"]
    pub a_knob_4: FloatParam,
    /// Knob 5 of the model in slot A, 0 … 1.
    #[id = "a_knob_5"]
    pub a_knob_5: FloatParam,
    /// Knob 6 of the model in slot A, 0 … 1.
    #[id = "a_knob_6"]
    pub a_knob_6: FloatParam,
    /// Knob 7 of the model in slot A, 0 … 1.
    #[id = "a_knob_7"]
    pub a_knob_7: FloatParam,
    /// Knob 8 of the model in slot A, 0 … 1.
    #[id = "a_knob_8"]
    pub a_knob_8: FloatParam,
}

impl std::fmt::Debug for TonegraftParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TonegraftParams").finish_non_exhaustive()
    }
}

fn decibels(name: &str) -> FloatParam {
    let range = FloatRange::Linear {
        min: -GAIN_DB,
        max: GAIN_DB,
    };
    FloatParam::new(name, 0.0, range)
        .with_unit(" dB")
        .with_value_to_string(Arc::new(|value| format_number(value, 2)))
        .with_string_to_value(Arc::new(parse_number))
}

fn knob(index: usize, board: &Arc<KnobBoard>) -> FloatParam {
    let (text, parse) = (Arc::clone(board), Arc::clone(board));
    FloatParam::new(
        format!("A Knob {}", index + 1),
        0.5,
        FloatRange::Linear { min: 0.0, max: 1.0 },
    )
    .with_value_to_string(Arc::new(move |value| text.text(index, value)))
    .with_string_to_value(Arc::new(move |text| parse.parse(index, text)))
}

impl TonegraftParams {
    /// All at their defaults; the knobs' texts come from `board`.
    pub fn new(board: &Arc<KnobBoard>, session: SessionField) -> Self {
        let percent = FloatRange::Linear { min: 0.0, max: 100.0 };
        Self {
            session,
            window: WindowSize::default(),
            bypass: BoolParam::new("Bypass", false).make_bypass(),
            input_gain: decibels("Input Gain"),
            output_gain: decibels("Output Gain"),
            mix: FloatParam::new("Mix", 100.0, percent)
                .with_unit(" %")
                .with_value_to_string(Arc::new(|value| format_number(value, 1)))
                .with_string_to_value(Arc::new(parse_number)),
            a_knob_1: knob(0, board),
            a_knob_2: knob(1, board),
            a_knob_3: knob(2, board),
            a_knob_4: knob(3, board),
            a_knob_5: knob(4, board),
            a_knob_6: knob(5, board),
            a_knob_7: knob(6, board),
            a_knob_8: knob(7, board),
        }
    }

    /// The knobs of slot A, in order.
    pub fn knobs(&self) -> [&FloatParam; KNOBS] {
        [
            &self.a_knob_1,
            &self.a_knob_2,
            &self.a_knob_3,
            &self.a_knob_4,
            &self.a_knob_5,
            &self.a_knob_6,
            &self.a_knob_7,
            &self.a_knob_8,
        ]
    }

    /// What the chain should aim at now.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn settings(&self) -> Settings {
        let defaults = Settings::default();
        let mut knobs = defaults.knobs;
        if let Some(slot) = knobs.first_mut() {
            *slot = self.knobs().map(Param::modulated_plain_value);
        }
        Settings {
            input_gain_db: self.input_gain.modulated_plain_value(),
            output_gain_db: self.output_gain.modulated_plain_value(),
            mix: self.mix.modulated_plain_value() / 100.0,
            bypass: self.bypass.modulated_plain_value(),
            knobs,
            ..defaults
        }
    }
}

/// Brings what a state says into the parameters' ranges: the framework takes plain values as they are. What is not a number is left
/// out, so that the parameter keeps its value.
pub(crate) fn tame(state: &mut PluginState) {
    use nice_plug::plugin::ParamValue;
    state.params.retain(|id, value| match value {
        ParamValue::F32(number) if !number.is_finite() => false,
        ParamValue::F32(number) => {
            *number = match id.as_str() {
                "input_gain" | "output_gain" => number.clamp(-GAIN_DB, GAIN_DB),
                "mix" => number.clamp(0.0, 100.0),
                _ => number.clamp(0.0, 1.0),
            };
            true
        }
        _ => true,
    });
}
