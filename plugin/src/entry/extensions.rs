//! The CLAP extensions that the entry answers itself, over the framework's.

use super::audio::FlushFn;
use super::notes::{ACTIVATION, NOTE_PORTS};
use super::param_info::PARAM_INFO;
use super::ports::{CONFIGURABLE, select};
use super::proxy::{Proxy, proxy};
use super::state::{STATE_CONTEXT, load};
use clap_sys::events::{clap_input_events, clap_output_events};
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_plugin_audio_ports};
use clap_sys::ext::audio_ports_activation::{CLAP_EXT_AUDIO_PORTS_ACTIVATION, CLAP_EXT_AUDIO_PORTS_ACTIVATION_COMPAT};
use clap_sys::ext::audio_ports_config::{CLAP_EXT_AUDIO_PORTS_CONFIG, clap_plugin_audio_ports_config};
use clap_sys::ext::configurable_audio_ports::{
    CLAP_EXT_CONFIGURABLE_AUDIO_PORTS, CLAP_EXT_CONFIGURABLE_AUDIO_PORTS_COMPAT,
};
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_plugin_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_plugin_latency};
use clap_sys::ext::note_ports::CLAP_EXT_NOTE_PORTS;
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::ext::state_context::CLAP_EXT_STATE_CONTEXT;
use clap_sys::ext::tail::{CLAP_EXT_TAIL, clap_plugin_tail};
use clap_sys::plugin::clap_plugin;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;

/// The framework's extensions of one instance, and our versions of them.
pub(super) struct Extensions {
    params: &'static clap_plugin_params,
    ports: &'static clap_plugin_audio_ports,
    config: &'static clap_plugin_audio_ports_config,
    state: &'static clap_plugin_state,
    gui: Option<&'static clap_plugin_gui>,
    our_params: clap_plugin_params,
    our_config: clap_plugin_audio_ports_config,
    our_state: clap_plugin_state,
    our_gui: Option<clap_plugin_gui>,
}

static LATENCY: clap_plugin_latency = clap_plugin_latency { get: Some(latency) };
static TAIL: clap_plugin_tail = clap_plugin_tail { get: Some(tail) };

impl Extensions {
    /// Asks the framework; `None` if it lacks one that this entry builds on.
    ///
    /// # Safety
    /// `plugin` is the proxy's; main thread.
    pub(super) unsafe fn query(proxy: &Proxy, plugin: *const clap_plugin) -> Option<Self> {
        // SAFETY: each id with its own struct.
        let (params, ports, config, state, gui) = unsafe {
            (
                proxy.framework::<clap_plugin_params>(plugin, CLAP_EXT_PARAMS)?,
                proxy.framework::<clap_plugin_audio_ports>(plugin, CLAP_EXT_AUDIO_PORTS)?,
                proxy.framework::<clap_plugin_audio_ports_config>(plugin, CLAP_EXT_AUDIO_PORTS_CONFIG)?,
                proxy.framework::<clap_plugin_state>(plugin, CLAP_EXT_STATE)?,
                proxy.framework::<clap_plugin_gui>(plugin, CLAP_EXT_GUI),
            )
        };
        Some(Self {
            params,
            ports,
            config,
            state,
            gui,
            our_params: clap_plugin_params {
                get_info: Some(param_get_info),
                flush: Some(param_flush),
                ..*params
            },
            our_config: clap_plugin_audio_ports_config {
                select: Some(select),
                ..*config
            },
            our_state: clap_plugin_state {
                load: Some(load),
                ..*state
            },
            our_gui: gui.map(|gui| clap_plugin_gui {
                create: Some(gui_create),
                ..*gui
            }),
        })
    }

    pub(super) const fn framework_flush(&self) -> Option<FlushFn> {
        self.params.flush
    }

    pub(super) const fn ports(&self) -> &'static clap_plugin_audio_ports {
        self.ports
    }

    pub(super) const fn config(&self) -> &'static clap_plugin_audio_ports_config {
        self.config
    }

    pub(super) const fn state(&self) -> &'static clap_plugin_state {
        self.state
    }
}

/// Our answer to `get_extension`, or `None` to let the framework answer.
pub(super) fn answer(proxy: &Proxy, id: &CStr) -> Option<*const c_void> {
    let ours = |extension: *const c_void| Some(extension);
    if id == CLAP_EXT_LATENCY {
        return ours((&raw const LATENCY).cast());
    }
    if id == CLAP_EXT_TAIL {
        return ours((&raw const TAIL).cast());
    }
    if id == clap_vst3::PARAM_INFO_ID {
        return ours((&raw const PARAM_INFO).cast());
    }
    if id == CLAP_EXT_CONFIGURABLE_AUDIO_PORTS || id == CLAP_EXT_CONFIGURABLE_AUDIO_PORTS_COMPAT {
        return ours((&raw const CONFIGURABLE).cast());
    }
    if id == CLAP_EXT_NOTE_PORTS {
        return ours((&raw const NOTE_PORTS).cast());
    }
    if id == CLAP_EXT_AUDIO_PORTS_ACTIVATION || id == CLAP_EXT_AUDIO_PORTS_ACTIVATION_COMPAT {
        return ours((&raw const ACTIVATION).cast());
    }
    if id == CLAP_EXT_STATE_CONTEXT {
        return ours((&raw const STATE_CONTEXT).cast());
    }
    let extensions = proxy.extensions.get()?;
    if id == CLAP_EXT_PARAMS {
        return ours((&raw const extensions.our_params).cast());
    }
    if id == CLAP_EXT_AUDIO_PORTS_CONFIG {
        return ours((&raw const extensions.our_config).cast());
    }
    if id == CLAP_EXT_STATE {
        return ours((&raw const extensions.our_state).cast());
    }
    if id == CLAP_EXT_GUI {
        // The framework takes the host's side of the window for granted.
        let usable = proxy.host().is_some_and(super::host::Host::has_gui);
        let gui = extensions.our_gui.as_ref().filter(|_| usable);
        return ours(gui.map_or(ptr::null(), |gui| ptr::from_ref(gui).cast()));
    }
    None
}

unsafe extern "C" fn latency(plugin: *const clap_plugin) -> u32 {
    // SAFETY: called by the host with a plugin of ours.
    unsafe { proxy(plugin) }.map_or(0, |proxy| proxy.shared.latency())
}

unsafe extern "C" fn tail(plugin: *const clap_plugin) -> u32 {
    // SAFETY: called by the host with a plugin of ours.
    unsafe { proxy(plugin) }.map_or(0, |proxy| proxy.shared.tail().unwrap_or(u32::MAX))
}

/// As the framework's, but not for an index just beyond the last, on which that panics.
unsafe extern "C" fn param_get_info(plugin: *const clap_plugin, index: u32, info: *mut clap_param_info) -> bool {
    // SAFETY: called by the host on the main thread with a plugin of ours.
    unsafe {
        let Some(params) = proxy(plugin)
            .and_then(|proxy| proxy.extensions.get())
            .map(|all| all.params)
        else {
            return false;
        };
        match (params.count, params.get_info) {
            (Some(count), Some(get_info)) if !info.is_null() && index < count(plugin) => get_info(plugin, index, info),
            _ => false,
        }
    }
}

/// As the framework's, with repaired events.
unsafe extern "C" fn param_flush(
    plugin: *const clap_plugin,
    list: *const clap_input_events,
    out: *const clap_output_events,
) {
    // SAFETY: called by the host with a plugin of ours and valid lists, never while `process` runs.
    unsafe {
        if let Some(proxy) = proxy(plugin)
            && let Some(flush) = proxy.extensions.get().and_then(Extensions::framework_flush)
        {
            proxy.flush(plugin, list, out, flush);
        }
    }
}

/// As the framework's, but not for a null name, and only where the host can hold a window.
unsafe extern "C" fn gui_create(plugin: *const clap_plugin, api: *const c_char, is_floating: bool) -> bool {
    // SAFETY: called by the host on the main thread with a plugin of ours.
    unsafe {
        let Some(proxy) = proxy(plugin) else { return false };
        let usable = proxy.host().is_some_and(super::host::Host::has_gui);
        let create = proxy
            .extensions
            .get()
            .and_then(|all| all.gui)
            .and_then(|gui| gui.create);
        match create {
            Some(create) if usable && !api.is_null() => create(plugin, api, is_floating),
            _ => false,
        }
    }
}
