//! The parameters. Their ids are frozen: sessions and automation refer to them for ever.

use crate::board::{Boards, KnobBoard, format_number, parse_number};
use crate::session::{SessionField, WindowSize};
use crate::tempo::NoteLength;
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;
use std::sync::Arc;
use tonegraft_chain::cab::CabUse;
use tonegraft_chain::{GateSettings, Settings, ToneSettings, params as chain};
use tonegraft_core::{KNOBS, LevelSettings, PROGRAMS, SLOTS, levels};

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

/// What is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum Source {
    /// Slot A, or the program that plays in it.
    #[id = "a"]
    A,
    /// Slot B.
    #[id = "b"]
    B,
    /// The side-chain.
    #[id = "reference"]
    Reference,
    /// The input.
    #[id = "dry"]
    Dry,
    /// A slot less the reference.
    #[id = "difference"]
    Difference,
}

impl From<Source> for tonegraft_core::Source {
    fn from(source: Source) -> Self {
        match source {
            Source::A => Self::A,
            Source::B => Self::B,
            Source::Reference => Self::Reference,
            Source::Dry => Self::Dry,
            Source::Difference => Self::Difference,
        }
    }
}

impl From<tonegraft_core::Source> for Source {
    fn from(source: tonegraft_core::Source) -> Self {
        match source {
            tonegraft_core::Source::A => Self::A,
            tonegraft_core::Source::B => Self::B,
            tonegraft_core::Source::Reference => Self::Reference,
            tonegraft_core::Source::Dry => Self::Dry,
            tonegraft_core::Source::Difference => Self::Difference,
        }
    }
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

    /// Knob 1 of the model in slot B, 0 … 1.
    #[id = "b_knob_1"]
    pub b_knob_1: FloatParam,
    /// Knob 2 of the model in slot B, 0 … 1.
    #[id = "b_knob_2"]
    pub b_knob_2: FloatParam,
    /// Knob 3 of the model in slot B, 0 … 1.
    #[id = "b_knob_3"]
    pub b_knob_3: FloatParam,
    /// Knob 4 of the model in slot B, 0 … 1.
    #[id = "b_knob_4"]
    pub b_knob_4: FloatParam,
    /// Knob 5 of the model in slot B, 0 … 1.
    #[id = "b_knob_5"]
    pub b_knob_5: FloatParam,
    /// Knob 6 of the model in slot B, 0 … 1.
    #[id = "b_knob_6"]
    pub b_knob_6: FloatParam,
    /// Knob 7 of the model in slot B, 0 … 1.
    #[id = "b_knob_7"]
    pub b_knob_7: FloatParam,
    /// Knob 8 of the model in slot B, 0 … 1.
    #[id = "b_knob_8"]
    pub b_knob_8: FloatParam,

    /// What is heard.
    #[id = "source"]
    pub source: EnumParam<Source>,
    /// What plays in slot A: 0 what it holds itself, 1 … 16 a program.
    #[id = "program"]
    pub program: IntParam,
    /// The side-chain can be heard.
    #[id = "use_reference"]
    pub use_reference: BoolParam,
    /// Gain of slot A, in dB.
    #[id = "a_trim"]
    pub a_trim: FloatParam,
    /// Gain of slot B, in dB.
    #[id = "b_trim"]
    pub b_trim: FloatParam,
    /// Gain of the reference, in dB.
    #[id = "reference_trim"]
    pub reference_trim: FloatParam,
    /// The note that slot A's knob follows.
    #[id = "a_sync"]
    pub a_sync: EnumParam<NoteLength>,
    /// The note that slot B's knob follows.
    #[id = "b_sync"]
    pub b_sync: EnumParam<NoteLength>,
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

/// The greatest value of *Program*.
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
const LAST_PROGRAM: i32 = PROGRAMS as i32;

fn program(boards: &Boards) -> IntParam {
    let (text, parse) = (Arc::clone(&boards.programs), Arc::clone(&boards.programs));
    let range = IntRange::Linear {
        min: 0,
        max: LAST_PROGRAM,
    };
    IntParam::new("Program", 0, range)
        .with_value_to_string(Arc::new(move |value| text.text(value)))
        .with_string_to_value(Arc::new(move |text| parse.parse(text)))
}

fn knob(slot: char, index: usize, board: &Arc<KnobBoard>) -> FloatParam {
    let (text, parse) = (Arc::clone(board), Arc::clone(board));
    FloatParam::new(
        format!("{slot} Knob {}", index + 1),
        0.5,
        FloatRange::Linear { min: 0.0, max: 1.0 },
    )
    .with_value_to_string(Arc::new(move |value| text.text(index, value)))
    .with_string_to_value(Arc::new(move |text| parse.parse(index, text)))
}

impl TonegraftParams {
    /// All at their defaults; the texts of knobs and programs come from `boards`.
    pub fn new(boards: &Boards, session: SessionField) -> Self {
        let [a, b] = &boards.slots;
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
            a_knob_1: knob('A', 0, a),
            a_knob_2: knob('A', 1, a),
            a_knob_3: knob('A', 2, a),
            a_knob_4: knob('A', 3, a),
            a_knob_5: knob('A', 4, a),
            a_knob_6: knob('A', 5, a),
            a_knob_7: knob('A', 6, a),
            a_knob_8: knob('A', 7, a),
            b_knob_1: knob('B', 0, b),
            b_knob_2: knob('B', 1, b),
            b_knob_3: knob('B', 2, b),
            b_knob_4: knob('B', 3, b),
            b_knob_5: knob('B', 4, b),
            b_knob_6: knob('B', 5, b),
            b_knob_7: knob('B', 6, b),
            b_knob_8: knob('B', 7, b),
            source: EnumParam::new("Source", Source::A),
            program: program(boards),
            use_reference: BoolParam::new("Use Reference", false),
            a_trim: number("a_trim", "A Trim", 2),
            b_trim: number("b_trim", "B Trim", 2),
            reference_trim: number("reference_trim", "Reference Trim", 2),
            a_sync: EnumParam::new("A Sync", NoteLength::Off),
            b_sync: EnumParam::new("B Sync", NoteLength::Off),
        }
    }

    /// The knobs of slots A and B, in order.
    pub fn knobs(&self) -> [[&FloatParam; KNOBS]; SLOTS] {
        [
            [
                &self.a_knob_1,
                &self.a_knob_2,
                &self.a_knob_3,
                &self.a_knob_4,
                &self.a_knob_5,
                &self.a_knob_6,
                &self.a_knob_7,
                &self.a_knob_8,
            ],
            [
                &self.b_knob_1,
                &self.b_knob_2,
                &self.b_knob_3,
                &self.b_knob_4,
                &self.b_knob_5,
                &self.b_knob_6,
                &self.b_knob_7,
                &self.b_knob_8,
            ],
        ]
    }

    /// The trims of slot A, slot B and the reference.
    pub const fn trims(&self) -> [&FloatParam; 3] {
        [&self.a_trim, &self.b_trim, &self.reference_trim]
    }

    /// The notes that knobs of slots A and B follow.
    pub const fn syncs(&self) -> [&EnumParam<NoteLength>; SLOTS] {
        [&self.a_sync, &self.b_sync]
    }

    /// Which program plays in slot A, from 0; `None`: what it holds itself.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn chosen_program(&self) -> Option<u8> {
        u8::try_from(self.program.modulated_plain_value())
            .ok()
            .and_then(|value| value.checked_sub(1))
    }

    /// What the chain should aim at now; `cab_in_model`: what plays says that it contains a cabinet.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn settings(&self, cab_in_model: bool) -> Settings {
        let cab: CabUse = self.cab.modulated_plain_value().into();
        Settings {
            source: self.source.modulated_plain_value().into(),
            trims_db: self.trims().map(Param::modulated_plain_value),
            use_reference: self.use_reference.modulated_plain_value(),
            program: self.chosen_program(),
            input_gain_db: self.input_gain.modulated_plain_value(),
            output_gain_db: self.output_gain.modulated_plain_value(),
            mix: self.mix.modulated_plain_value() / 100.0,
            bypass: self.bypass.modulated_plain_value(),
            knobs: self.knobs().map(|slot| slot.map(Param::modulated_plain_value)),
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
        }
    }
}

/// Parameters of later releases, with what a state means that was written before they were.
fn added() -> [(&'static str, ParamValue); 8] {
    [
        ("source", ParamValue::String("a".to_owned())),
        ("program", ParamValue::I32(0)),
        ("use_reference", ParamValue::Bool(false)),
        ("a_trim", ParamValue::F32(0.0)),
        ("b_trim", ParamValue::F32(0.0)),
        ("reference_trim", ParamValue::F32(0.0)),
        ("a_sync", ParamValue::String("off".to_owned())),
        ("b_sync", ParamValue::String("off".to_owned())),
    ]
}

/// Brings what a state says into the parameters' ranges: the framework takes plain values as they are. What is not a number is left
/// out, so that the parameter keeps its value. A state from before there was a slot B to compare with plays slot A as it did.
pub(crate) fn tame(state: &mut PluginState) {
    state.params.retain(|id, value| match value {
        ParamValue::F32(number) if !number.is_finite() => false,
        ParamValue::F32(number) => {
            let (min, max) = chain::Param::find(id).map_or((0.0, 1.0), chain::Param::range);
            *number = number.clamp(min, max);
            true
        }
        ParamValue::I32(number) if id == "program" => {
            *number = (*number).clamp(0, LAST_PROGRAM);
            true
        }
        // Choices are kept by their names; an index of another release would be taken as it is.
        ParamValue::I32(_) => false,
        _ => true,
    });
    for (id, value) in added() {
        state.params.entry(id.to_owned()).or_insert(value);
    }
}
