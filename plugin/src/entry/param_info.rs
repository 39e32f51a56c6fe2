//! Units, short names and plain values of the parameters, for the VST3 shell: CLAP has no fields for them.

use crate::params::position_power;
use clap_sys::id::clap_id;
use clap_sys::plugin::clap_plugin;
use clap_vst3::ParamInfoExtension;
use std::ffi::c_char;
use tonegraft_chain::params::{Kind, Param};

pub(super) static PARAM_INFO: ParamInfoExtension = ParamInfoExtension {
    get_unit: Some(get_unit),
    get_short_name: Some(get_short_name),
    to_plain: Some(to_plain),
    from_plain: Some(from_plain),
};

/// The framework's id of a parameter: a hash of its name that leaves the top bit free.
pub(super) const fn id_of(name: &str) -> clap_id {
    let bytes = name.as_bytes();
    let (mut hash, mut index) = (0_u32, 0);
    while index < bytes.len() {
        hash = hash.wrapping_mul(31).wrapping_add(bytes[index] as u32);
        index += 1;
    }
    hash & 0x7fff_ffff
}

/// Short names by the parameter's id; what has none here is not of this plugin.
const SHORT: &[(&str, &str)] = &[
    ("bypass", "Byp"),
    ("input_gain", "In"),
    ("output_gain", "Out"),
    ("mix", "Mix"),
    ("output_mode", "Lvl"),
    ("calibrate_input", "Cal"),
    ("interface_dbu", "dBu"),
    ("gate", "Gate"),
    ("gate_threshold", "Thr"),
    ("gate_hysteresis", "Hyst"),
    ("gate_hold", "Hold"),
    ("gate_release", "Rel"),
    ("gate_range", "Rng"),
    ("cab", "Cab"),
    ("tone_stack", "Tone"),
    ("tone_bass", "Bass"),
    ("tone_middle", "Mid"),
    ("tone_treble", "Treb"),
    ("a_knob_1", "A1"),
    ("a_knob_2", "A2"),
    ("a_knob_3", "A3"),
    ("a_knob_4", "A4"),
    ("a_knob_5", "A5"),
    ("a_knob_6", "A6"),
    ("a_knob_7", "A7"),
    ("a_knob_8", "A8"),
    ("b_knob_1", "B1"),
    ("b_knob_2", "B2"),
    ("b_knob_3", "B3"),
    ("b_knob_4", "B4"),
    ("b_knob_5", "B5"),
    ("b_knob_6", "B6"),
    ("b_knob_7", "B7"),
    ("b_knob_8", "B8"),
    ("source", "Src"),
    ("program", "Prog"),
    ("use_reference", "Ref"),
    ("a_trim", "ATr"),
    ("b_trim", "BTr"),
    ("reference_trim", "RTr"),
    ("a_sync", "ASy"),
    ("b_sync", "BSy"),
];

/// One parameter.
struct Entry {
    unit: &'static str,
    short: &'static str,
    /// Plain values at 0 and at 1.
    plain: [f64; 2],
    /// The plain value follows this power of the position.
    power: f64,
}

fn entry(id: clap_id) -> Option<Entry> {
    let (name, short) = SHORT.iter().find(|(name, _)| id_of(name) == id)?;
    let param = Param::find(name);
    let (unit, power) = match param.map(|param| param.kind) {
        Some(Kind::Number { unit, .. }) => (unit, f64::from(position_power(unit))),
        _ => ("", 1.0),
    };
    let (low, high) = match (param, *name) {
        (Some(param), _) => param.range(),
        // Auto, on, off.
        (None, "cab") => (0.0, 2.0),
        // A, B, reference, dry, difference.
        (None, "source") => (0.0, 4.0),
        (None, "program" | "a_sync" | "b_sync") => (0.0, 16.0),
        (None, _) => (0.0, 1.0),
    };
    Some(Entry {
        unit,
        short,
        plain: [f64::from(low), f64::from(high)],
        power,
    })
}

/// # Safety
/// `target` is null or has `capacity` writable bytes.
unsafe fn write(text: &str, target: *mut c_char, capacity: u32) -> bool {
    if target.is_null() || text.len() >= capacity as usize {
        return false;
    }
    // SAFETY: text and its end fit.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast::<c_char>(), target, text.len());
        *target.add(text.len()) = 0;
    }
    true
}

unsafe extern "C" fn get_unit(_plugin: *const clap_plugin, id: clap_id, text: *mut c_char, capacity: u32) -> bool {
    // SAFETY: the shell passes `capacity` writable bytes.
    entry(id).is_some_and(|entry| unsafe { write(entry.unit, text, capacity) })
}

unsafe extern "C" fn get_short_name(
    _plugin: *const clap_plugin,
    id: clap_id,
    text: *mut c_char,
    capacity: u32,
) -> bool {
    // SAFETY: the shell passes `capacity` writable bytes.
    entry(id).is_some_and(|entry| unsafe { write(entry.short, text, capacity) })
}

unsafe extern "C" fn to_plain(_plugin: *const clap_plugin, id: clap_id, value: f64, plain: *mut f64) -> bool {
    // SAFETY: null or a valid place, by the extension's contract.
    match (entry(id), unsafe { plain.as_mut() }) {
        (Some(entry), Some(plain)) if value.is_finite() => {
            let [low, high] = entry.plain;
            *plain = low + (high - low) * value.clamp(0.0, 1.0).powf(entry.power);
            true
        }
        _ => false,
    }
}

unsafe extern "C" fn from_plain(_plugin: *const clap_plugin, id: clap_id, plain: f64, value: *mut f64) -> bool {
    // SAFETY: null or a valid place, by the extension's contract.
    match (entry(id), unsafe { value.as_mut() }) {
        (Some(entry), Some(value)) if plain.is_finite() => {
            let [low, high] = entry.plain;
            *value = ((plain - low) / (high - low)).clamp(0.0, 1.0).powf(1.0 / entry.power);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_go_both_ways() {
        let id = id_of("input_gain");
        let mut plain = 0.0;
        // SAFETY: valid places, a plugin that is not looked at.
        assert!(unsafe { to_plain(std::ptr::null(), id, 0.25, &raw mut plain) });
        assert!((plain + 12.0).abs() < 1e-9);
        let mut value = 0.0;
        // SAFETY: as above.
        assert!(unsafe { from_plain(std::ptr::null(), id, plain, &raw mut value) });
        assert!((value - 0.25).abs() < 1e-9);
        let hold = id_of("gate_hold");
        // SAFETY: as above.
        assert!(unsafe { to_plain(std::ptr::null(), hold, 0.5, &raw mut plain) });
        assert!((plain - 125.0).abs() < 1e-9, "{plain}");
        // SAFETY: as above.
        assert!(unsafe { from_plain(std::ptr::null(), hold, plain, &raw mut value) });
        assert!((value - 0.5).abs() < 1e-9);
        // SAFETY: as above.
        assert!(!unsafe { to_plain(std::ptr::null(), 1, 0.5, &raw mut plain) });
        let mut text = [1 as c_char; 3];
        // SAFETY: three writable bytes.
        assert!(unsafe { get_unit(std::ptr::null(), id, text.as_mut_ptr(), 3) });
        assert_eq!(text.map(|c| u8::try_from(c).expect("ASCII")), [b'd', b'B', 0]);
        // SAFETY: as above.
        assert!(!unsafe { get_unit(std::ptr::null(), id, text.as_mut_ptr(), 2) });
    }
}
