//! Audio ports: a main one and a side-chain in, one out, as the configuration says.

use clap_sys::ext::audio_ports::*;
use clap_sys::ext::audio_ports_activation::*;
use clap_sys::ext::audio_ports_config::*;
use clap_sys::id::CLAP_INVALID_ID;
use clap_sys::plugin::clap_plugin;

use super::{get, put};

/// `(id, main in, side-chain in, out)`.
pub const CONFIGS: [(u32, u32, u32, u32); 4] = [(100, 2, 2, 2), (101, 1, 2, 1), (102, 1, 2, 2), (103, 1, 1, 1)];

pub(super) static PORTS: clap_plugin_audio_ports = clap_plugin_audio_ports {
    count: Some(port_count),
    get: Some(port_get),
};

pub(super) static PORTS_CONFIG: clap_plugin_audio_ports_config = clap_plugin_audio_ports_config {
    count: Some(config_count),
    get: Some(config_get),
    select: Some(config_select),
};

pub(super) static ACTIVATION: clap_plugin_audio_ports_activation = clap_plugin_audio_ports_activation {
    can_activate_while_processing: None,
    set_active: Some(port_active),
};

unsafe extern "C" fn port_count(_plugin: *const clap_plugin, input: bool) -> u32 {
    if input { 2 } else { 1 }
}

unsafe extern "C" fn port_get(
    plugin: *const clap_plugin,
    index: u32,
    input: bool,
    info: *mut clap_audio_port_info,
) -> bool {
    // SAFETY: our plugin, and a writable info.
    let (this, info) = unsafe { (get(plugin), &mut *info) };
    let (_, main, aux, out) = CONFIGS[this.config];
    let is_main = index == 0;
    info.id = index;
    put(
        if !input {
            c"Out"
        } else if is_main {
            c"In"
        } else {
            c"Side-chain"
        },
        &mut info.name,
    );
    info.flags = if is_main { CLAP_AUDIO_PORT_IS_MAIN } else { 0 };
    info.channel_count = if !input {
        out
    } else if is_main {
        main
    } else {
        aux
    };
    info.port_type = if info.channel_count == 1 {
        CLAP_PORT_MONO.as_ptr()
    } else {
        CLAP_PORT_STEREO.as_ptr()
    };
    info.in_place_pair = if is_main { 0 } else { CLAP_INVALID_ID };
    true
}

unsafe extern "C" fn config_count(_plugin: *const clap_plugin) -> u32 {
    CONFIGS.len() as u32
}

unsafe extern "C" fn config_get(_plugin: *const clap_plugin, index: u32, out: *mut clap_audio_ports_config) -> bool {
    // SAFETY: writable by CLAP's contract.
    unsafe { (*out).id = CONFIGS[index as usize].0 };
    true
}

unsafe extern "C" fn config_select(plugin: *const clap_plugin, id: u32) -> bool {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    assert!(!this.active, "a configuration was selected while active");
    let found = CONFIGS.iter().position(|config| config.0 == id);
    this.config = found.unwrap_or(this.config);
    // What a plugin may do here: tell that its ports changed.
    let ports: &clap_host_audio_ports = this.probe.host_extension(CLAP_EXT_AUDIO_PORTS);
    // SAFETY: the host is alive.
    unsafe { ports.rescan.unwrap()(this.probe.host(), CLAP_AUDIO_PORTS_RESCAN_LIST) };
    found.is_some()
}

unsafe extern "C" fn port_active(plugin: *const clap_plugin, input: bool, port: u32, active: bool, _bits: u32) -> bool {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    if input {
        let mut open = this.probe.open_inputs.lock().unwrap();
        let ports = open.len().max(port as usize + 1);
        open.resize(ports, true);
        open[port as usize] = active;
    }
    input
}
