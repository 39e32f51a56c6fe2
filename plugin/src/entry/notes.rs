//! The note port, for MIDI program changes alone, and ports that the host switches off.

use super::proxy::proxy;
use clap_sys::ext::audio_ports_activation::clap_plugin_audio_ports_activation;
use clap_sys::ext::note_ports::{CLAP_NOTE_DIALECT_MIDI, clap_note_port_info, clap_plugin_note_ports};
use clap_sys::plugin::clap_plugin;
use std::sync::atomic::Ordering;

pub(super) static NOTE_PORTS: clap_plugin_note_ports = clap_plugin_note_ports {
    count: Some(count),
    get: Some(get),
};

pub(super) static ACTIVATION: clap_plugin_audio_ports_activation = clap_plugin_audio_ports_activation {
    can_activate_while_processing: Some(can_activate_while_processing),
    set_active: Some(set_active),
};

unsafe extern "C" fn count(_plugin: *const clap_plugin, is_input: bool) -> u32 {
    u32::from(is_input)
}

unsafe extern "C" fn get(
    _plugin: *const clap_plugin,
    index: u32,
    is_input: bool,
    info: *mut clap_note_port_info,
) -> bool {
    // SAFETY: null or a place for an info, by CLAP's contract.
    let Some(info) = (unsafe { info.as_mut() }).filter(|_| is_input && index == 0) else {
        return false;
    };
    info.id = 0;
    info.supported_dialects = CLAP_NOTE_DIALECT_MIDI;
    info.preferred_dialect = CLAP_NOTE_DIALECT_MIDI;
    info.name.fill(0);
    for (place, letter) in info.name.iter_mut().zip(c"Program Change".to_bytes()) {
        *place = letter.cast_signed() as std::ffi::c_char;
    }
    true
}

unsafe extern "C" fn can_activate_while_processing(_plugin: *const clap_plugin) -> bool {
    true
}

/// Only the side-chain matters: what the main ports pass when they are off is repaired anyhow.
unsafe extern "C" fn set_active(
    plugin: *const clap_plugin,
    is_input: bool,
    port: u32,
    is_active: bool,
    _sample_size: u32,
) -> bool {
    // SAFETY: called by the host with a plugin of ours.
    let Some(proxy) = (unsafe { proxy(plugin) }) else {
        return false;
    };
    match (is_input, port) {
        (true, 1) => {
            proxy.told.side_chain.store(is_active, Ordering::Release);
            true
        }
        (_, 0) => true,
        _ => false,
    }
}
