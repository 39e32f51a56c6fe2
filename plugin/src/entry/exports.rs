//! The symbols that hosts look for in the library.

use clap_sys::entry::clap_plugin_entry;

/// Frozen: sessions of VST3 hosts refer to it.
const VST3_CLASS_ID: [u8; 16] = *b"TonegraftVst3FX1";

/// What CLAP hosts look for.
#[unsafe(no_mangle)]
#[used]
#[allow(non_upper_case_globals)]
pub static clap_entry: clap_plugin_entry = super::CLAP_ENTRY;

clap_vst3::export_vst3!(
    entry: super::CLAP_ENTRY,
    plugins: [clap_vst3::PluginInfo {
        clap_id: c"org.tonegraft.tonegraft",
        class_id: VST3_CLASS_ID,
        vendor: "Tonegraft",
        url: "",
        email: "",
        sub_categories: "Fx|Distortion",
        version: env!("CARGO_PKG_VERSION"),
    }]
);
