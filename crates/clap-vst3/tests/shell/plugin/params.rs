//! The parameters, and what they are called.

use std::ffi::{CStr, CString, c_char};

use clap_sys::events::{clap_input_events, clap_output_events};
use clap_sys::ext::params::*;
use clap_sys::plugin::clap_plugin;
use clap_vst3::ParamInfoExtension;

use super::{get, put};

pub const GAIN: u32 = 11;
pub const LATENCY: u32 = 7;
pub const BYPASS: u32 = 2_000_000_000;
pub const METER: u32 = 5;

pub const IDS: [u32; 4] = [GAIN, LATENCY, BYPASS, METER];
pub(super) const RANGES: [(f64, f64, f64); 4] =
    [(-30.0, 30.0, 0.0), (0.0, 4096.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0)];
const NAMES: [&CStr; 4] = [c"Gain", c"Latency", c"Bypass", c"Meter"];

pub(super) fn index(id: u32) -> Option<usize> {
    IDS.iter().position(|known| *known == id)
}

pub(super) static PARAMS: clap_plugin_params = clap_plugin_params {
    count: Some(param_count),
    get_info: Some(param_info),
    get_value: Some(param_value),
    value_to_text: Some(value_to_text),
    text_to_value: Some(text_to_value),
    flush: Some(flush),
};

pub(super) static INFO: ParamInfoExtension = ParamInfoExtension {
    get_unit: Some(unit),
    get_short_name: Some(short_name),
    to_plain: Some(to_plain),
    from_plain: Some(from_plain),
};

unsafe extern "C" fn param_count(_plugin: *const clap_plugin) -> u32 {
    IDS.len() as u32
}

unsafe extern "C" fn param_info(_plugin: *const clap_plugin, at: u32, info: *mut clap_param_info) -> bool {
    // SAFETY: writable by CLAP's contract.
    let info = unsafe { &mut *info };
    let at = at as usize;
    info.id = IDS[at];
    info.flags = match info.id {
        GAIN => CLAP_PARAM_IS_AUTOMATABLE,
        BYPASS => CLAP_PARAM_IS_AUTOMATABLE | CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_BYPASS,
        LATENCY => CLAP_PARAM_IS_STEPPED,
        _ => CLAP_PARAM_IS_READONLY,
    };
    put(NAMES[at], &mut info.name);
    (info.min_value, info.max_value, info.default_value) = RANGES[at];
    true
}

unsafe extern "C" fn param_value(plugin: *const clap_plugin, id: u32, value: *mut f64) -> bool {
    let Some(at) = index(id) else { return false };
    // SAFETY: our plugin, and a writable value.
    unsafe { *value = get(plugin).values[at] };
    true
}

/// # Safety
///
/// `out` has room for `capacity`.
unsafe fn answer(text: &str, out: *mut c_char, capacity: u32) -> bool {
    let text = CString::new(text).unwrap();
    let bytes = text.to_bytes_with_nul();
    assert!(bytes.len() <= capacity as usize);
    // SAFETY: the caller's promise.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), out.cast(), bytes.len()) };
    true
}

unsafe extern "C" fn value_to_text(_: *const clap_plugin, id: u32, value: f64, out: *mut c_char, room: u32) -> bool {
    let text = match id {
        GAIN => format!("{value:.2} dB"),
        LATENCY => format!("{value:.0}"),
        BYPASS => (if value > 0.5 { "On" } else { "Off" }).to_owned(),
        _ => format!("{value:.1}"),
    };
    // SAFETY: CLAP's contract.
    unsafe { answer(&text, out, room) }
}

unsafe extern "C" fn text_to_value(_: *const clap_plugin, id: u32, text: *const c_char, value: *mut f64) -> bool {
    // SAFETY: CLAP's contract.
    let text = unsafe { CStr::from_ptr(text) }.to_str().unwrap();
    let number = match (id, text) {
        (BYPASS, "On") => Some(1.0),
        (BYPASS, "Off") => Some(0.0),
        _ => text.trim_end_matches("dB").trim().parse().ok(),
    };
    // SAFETY: CLAP's contract.
    number.map(|number| unsafe { *value = number }).is_some()
}

unsafe extern "C" fn flush(plugin: *const clap_plugin, i: *const clap_input_events, o: *const clap_output_events) {
    // SAFETY: our plugin, and valid lists.
    unsafe {
        let this = get(plugin);
        this.check_thread(this.active);
        this.exchange(i, o);
    }
}

unsafe extern "C" fn unit(_: *const clap_plugin, id: u32, out: *mut c_char, room: u32) -> bool {
    // SAFETY: the extension's contract.
    id == GAIN && unsafe { answer("dB", out, room) }
}

unsafe extern "C" fn short_name(_: *const clap_plugin, id: u32, out: *mut c_char, room: u32) -> bool {
    // SAFETY: the extension's contract.
    id == LATENCY && unsafe { answer("Lat", out, room) }
}

unsafe extern "C" fn to_plain(_: *const clap_plugin, id: u32, value: f64, plain: *mut f64) -> bool {
    // SAFETY: the extension's contract.
    unsafe { *plain = value };
    id == GAIN
}

unsafe extern "C" fn from_plain(plugin: *const clap_plugin, id: u32, plain: f64, value: *mut f64) -> bool {
    // SAFETY: the extension's contract.
    unsafe { to_plain(plugin, id, plain, value) }
}
