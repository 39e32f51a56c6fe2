//! What the plugin promises its hosts: layouts and parameters, in their order.

/// Main and side-chain widths of the plugin's layouts, in their order: `[inputs, outputs, side-chain]`.
pub const LAYOUTS: [[usize; 3]; 9] = [
    [2, 2, 2],
    [2, 2, 1],
    [2, 2, 0],
    [1, 1, 2],
    [1, 1, 1],
    [1, 1, 0],
    [1, 2, 2],
    [1, 2, 1],
    [1, 2, 0],
];

/// The parameters' ids, in the order in which hosts see them.
pub const PARAMS: [&str; 42] = [
    "bypass",
    "input_gain",
    "output_gain",
    "mix",
    "output_mode",
    "calibrate_input",
    "interface_dbu",
    "gate",
    "gate_threshold",
    "gate_hysteresis",
    "gate_hold",
    "gate_release",
    "gate_range",
    "cab",
    "tone_stack",
    "tone_bass",
    "tone_middle",
    "tone_treble",
    "a_knob_1",
    "a_knob_2",
    "a_knob_3",
    "a_knob_4",
    "a_knob_5",
    "a_knob_6",
    "a_knob_7",
    "a_knob_8",
    "b_knob_1",
    "b_knob_2",
    "b_knob_3",
    "b_knob_4",
    "b_knob_5",
    "b_knob_6",
    "b_knob_7",
    "b_knob_8",
    "source",
    "program",
    "use_reference",
    "a_trim",
    "b_trim",
    "reference_trim",
    "a_sync",
    "b_sync",
];

/// Those of the first release.
pub const FIRST_PARAMS: [&str; 12] = [
    "bypass",
    "input_gain",
    "output_gain",
    "mix",
    "a_knob_1",
    "a_knob_2",
    "a_knob_3",
    "a_knob_4",
    "a_knob_5",
    "a_knob_6",
    "a_knob_7",
    "a_knob_8",
];

/// Parameters with this many steps between their values, instead of a range of 0 … 1.
pub const STEPS: [(&str, f64); 6] = [
    ("output_mode", 2.0),
    ("cab", 2.0),
    ("source", 4.0),
    ("program", 16.0),
    ("a_sync", 16.0),
    ("b_sync", 16.0),
];

/// The CLAP id of a parameter.
pub fn id_of(name: &str) -> u32 {
    name.bytes()
        .fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)))
        & 0x7fff_ffff
}
