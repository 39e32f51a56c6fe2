//! A small CLAP extension by which a plugin tells what VST3 wants to know about a parameter and CLAP has no field for:
//! its unit, a short name, and the value in that unit.
//!
//! Optional. A plugin without it gets its units and plain values from its own texts (see the crate documentation).

use std::ffi::{CStr, c_char};

use clap_sys::id::clap_id;
use clap_sys::plugin::clap_plugin;

/// The id to answer in `clap_plugin.get_extension`.
pub const PARAM_INFO_ID: &CStr = c"clap-vst3.param-info/1";

/// What `clap_plugin.get_extension(PARAM_INFO_ID)` points to.
///
/// Every function is called on the main thread, may be missing, and answers `false` for a parameter it does not know or
/// has nothing to say about. Texts are UTF-8 and end with a NUL inside `capacity` bytes.
///
/// "CLAP value" is the value that `clap.params` uses, within `min_value..=max_value`; "plain" is the number a user reads,
/// in the unit that [`get_unit`](Self::get_unit) names.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct ParamInfoExtension {
    /// Writes the unit ("dB", "ms", "%"). The text of a value shown by the host then has that unit taken off its end, since
    /// hosts print both.
    pub get_unit:
        Option<unsafe extern "C" fn(plugin: *const clap_plugin, id: clap_id, text: *mut c_char, capacity: u32) -> bool>,
    /// Writes a name of a few letters for narrow displays.
    pub get_short_name:
        Option<unsafe extern "C" fn(plugin: *const clap_plugin, id: clap_id, text: *mut c_char, capacity: u32) -> bool>,
    /// CLAP value to plain value.
    pub to_plain:
        Option<unsafe extern "C" fn(plugin: *const clap_plugin, id: clap_id, value: f64, plain: *mut f64) -> bool>,
    /// Plain value to CLAP value.
    pub from_plain:
        Option<unsafe extern "C" fn(plugin: *const clap_plugin, id: clap_id, plain: f64, value: *mut f64) -> bool>,
}
