//! The parameters. Their ids are frozen: sessions and automation refer to them for ever.

use crate::board::{KnobBoard, format_number, parse_number};
use crate::session::{SessionField, WindowSize};
use nice_plug::prelude::*;
use std::sync::Arc;
use tonegraft_chain::cab::CabUse;
use tonegraft_chain::{GateSettings, Settings, ToneSettings, params as chain};
use tonegraft_core::{KNOBS, LevelSettings, levels};

/// What is done about a model's output level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum OutputMode {
    /// See [`levels::OutputMode::Raw`].
    #[id = "raw"]
    Raw,
    /// See [`levels::OutputMode::Normalized`].
    #[id = "normalized"]
    Normalized,
    /// See [`levels::OutputMode::Calibrated`].
    #[id = "calibrated"]
    Calibrated,
}

/// Whether the cabinet is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum CabSwitch {
    /// See [`CabUse::Auto`].
    #[id = "auto"]
    Auto,
    /// See [`CabUse::On`].
    #[id = "on"]
    On,
    /// See [`CabUse::Off`].
    #[id = "off"]
    Off,
}

impl From<OutputMode> for levels::OutputMode {
    fn from(mode: OutputMode) -> Self {
        match mode {
            OutputMode::Raw => Self::Raw,
            OutputMode::Normalized => Self::Normalized,
            OutputMode::Calibrated => Self::Calibrated,
        }
    }
}

impl From<CabSwitch> for CabUse {
    fn from(switch: CabSwitch) -> Self {
        match switch {
            CabSwitch::Auto => Self::Auto,
            CabSwitch::On => Self::On,
            CabSwitch::Off => Self::Off,
        }
    }
}

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

    /// What is done about the model's output level.
    #[id = "output_mode"]
    pub output_mode: EnumParam<OutputMode>,
    /// The model is driven as hard as its gear would be.
    #[id = "calibrate_input"]
    pub calibrate_input: BoolParam,
    /// Level of full scale at the interface, in dBu.
    #[id = "interface_dbu"]
    pub interface_dbu: FloatParam,

    /// The noise gate works.
    #[id = "gate"]
    pub gate: BoolParam,
    /// Level at which the gate opens, in dB.
    #[id = "gate_threshold"]
    pub gate_threshold: FloatParam,
    /// How far below that it closes, in dB.
    #[id = "gate_hysteresis"]
    pub gate_hysteresis: FloatParam,
    /// How long it stays open below that, in ms.
    #[id = "gate_hold"]
    pub gate_hold: FloatParam,
    /// How long it takes to close, in ms.
    #[id = "gate_release"]
    pub gate_release: FloatParam,
    /// Attenuation of the closed gate, in dB.
    #[id = "gate_range"]
    pub gate_range: FloatParam,

    /// Whether the cabinet is heard.
    #[id = "cab"]
    pub cab: EnumParam<CabSwitch>,

    /// The tone stack works.
    #[id = "tone_stack"]
    pub tone: BoolParam,
    /// Low shelf, 0 … 10; 5 is flat.
    #[id = "tone_bass"]
    pub tone_bass: FloatParam,
    /// Peak, 0 … 10; 5 is flat.
    #[id = "tone_middle"]
    pub tone_middle: FloatParam,
    /// High shelf, 0 … 10; 5 is flat.
    #[id = "tone_treble"]
    pub tone_treble: FloatParam,

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

/// Plain values in `unit` follow this power of the position: short times are told apart more finely than long ones.
pub(crate) fn position_power(unit: &str) -> f32 {
    if unit == "ms" { 4.0 } else { 1.0 }
}

/// A number of the chain, with its range, unit and usual value.
fn number(id: &str, name: &str, digits: usize) -> FloatParam {
    let settings = Settings::default();
    let (kind, default) =
        chain::Param::find(id).map_or((chain::Kind::Switch, 0.0), |param| (param.kind, param.get(&settings)));
    let (unit, min, max) = match kind {
        chain::Kind::Number { unit, min, max } => (unit, min, max),
        _ => ("", 0.0, 1.0),
    };
    #[allow(clippy::float_cmp)]
    let range = match position_power(unit) {
        1.0 => FloatRange::Linear { min, max },
        power => FloatRange::Skewed {
            min,
            max,
            factor: 1.0 / power,
        },
    };
    let unit: &'static str = match unit {
        "dB" => " dB",
        "%" => " %",
        "ms" => " ms",
        "dBu" => " dBu",
        _ => "",
    };
    FloatParam::new(name, default, range)
        .with_unit(unit)
        .with_value_to_string(Arc::new(move |value| format_number(value, digits)))
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
        Self {
            session,
            window: WindowSize::default(),
            bypass: BoolParam::new("Bypass", false).make_bypass(),
            input_gain: number("input_gain", "Input Gain", 2),
            output_gain: number("output_gain", "Output Gain", 2),
            mix: number("mix", "Mix", 1),
            output_mode: EnumParam::new("Output Mode", OutputMode::Normalized),
            calibrate_input: BoolParam::new("Calibrate Input", false),
            interface_dbu: number("interface_dbu", "Interface Level", 1),
            gate: BoolParam::new("Gate", false),
            gate_threshold: number("gate_threshold", "Gate Threshold", 1),
            gate_hysteresis: number("gate_hysteresis", "Gate Hysteresis", 1),
            gate_hold: number("gate_hold", "Gate Hold", 0),
            gate_release: number("gate_release", "Gate Release", 0),
            gate_range: number("gate_range", "Gate Range", 1),
            cab: EnumParam::new("Cab", CabSwitch::Auto),
            tone: BoolParam::new("Tone", false),
            tone_bass: number("tone_bass", "Bass", 1),
            tone_middle: number("tone_middle", "Middle", 1),
            tone_treble: number("tone_treble", "Treble", 1),
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

    /// What the chain should aim at now; `cab_in_model`: the model says that it contains a cabinet.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn settings(&self, cab_in_model: bool) -> Settings {
        let defaults = Settings::default();
        let mut knobs = defaults.knobs;
        if let Some(slot) = knobs.first_mut() {
            *slot = self.knobs().map(Param::modulated_plain_value);
        }
        let cab: CabUse = self.cab.modulated_plain_value().into();
        Settings {
            input_gain_db: self.input_gain.modulated_plain_value(),
            output_gain_db: self.output_gain.modulated_plain_value(),
            mix: self.mix.modulated_plain_value() / 100.0,
            bypass: self.bypass.modulated_plain_value(),
            knobs,
            levels: LevelSettings {
                output: self.output_mode.modulated_plain_value().into(),
                calibrated_input: self.calibrate_input.modulated_plain_value(),
                interface_dbu: self.interface_dbu.modulated_plain_value(),
            },
            gate: GateSettings {
                on: self.gate.modulated_plain_value(),
                threshold_db: self.gate_threshold.modulated_plain_value(),
                hysteresis_db: self.gate_hysteresis.modulated_plain_value(),
                hold_ms: self.gate_hold.modulated_plain_value(),
                release_ms: self.gate_release.modulated_plain_value(),
                range_db: self.gate_range.modulated_plain_value(),
            },
            tone: ToneSettings {
                on: self.tone.modulated_plain_value(),
                bass: self.tone_bass.modulated_plain_value(),
                middle: self.tone_middle.modulated_plain_value(),
                treble: self.tone_treble.modulated_plain_value(),
            },
            // Without a response the choice makes no difference.
            cab: cab.choose(true, Some(cab_in_model)).is_heard(),
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
            let (min, max) = chain::Param::find(id).map_or((0.0, 1.0), chain::Param::range);
            *number = number.clamp(min, max);
            true
        }
        _ => true,
    });
}
