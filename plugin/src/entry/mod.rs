//! The CLAP entry: our own, around the framework's public `Wrapper`.
//!
//! The framework's export macro would hand hosts its table as it is. Known faults of that table end in a crash of the host, and some
//! extensions are missing; both are dealt with here, with no patched copy of the framework:
//!
//! | what | where |
//! | --- | --- |
//! | missing ports, null channels, over-long and empty blocks, events outside the block | `audio`, `events` |
//! | latency that follows the loaded model, told in the way each format wants | `notifier`, `proxy` |
//! | MIDI program changes; a side-chain that is switched off | `notes`, `events` |
//! | layouts by number and by width, never while active | `ports` |
//! | states that lie about their length; why a state was refused | `state` |
//! | a parameter index just beyond the last; a window where the host cannot hold one | `extensions` |
//! | units and plain values for VST3 | `param_info` |
//!
//! The VST3 shell stands on [`CLAP_ENTRY`] as any CLAP host does, so the two formats cannot drift apart.
//!
//! This module and its children hold all unsafe code of the plugin.
#![allow(unsafe_code)]

mod audio;
mod events;
mod exports;
mod extensions;
mod host;
mod notes;
mod notifier;
mod param_info;
mod ports;
mod proxy;
mod state;

use crate::plugin::Tonegraft;
use clap_sys::entry::clap_plugin_entry;
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::version::CLAP_VERSION;
use nice_plug::wrapper::clap::PluginDescriptor;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::OnceLock;

/// The entry that hosts look for, under the name `clap_entry`.
pub static CLAP_ENTRY: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(init),
    deinit: Some(deinit),
    get_factory: Some(get_factory),
};

static FACTORY: clap_plugin_factory = clap_plugin_factory {
    get_plugin_count: Some(plugin_count),
    get_plugin_descriptor: Some(plugin_descriptor),
    create_plugin: Some(create_plugin),
};

/// What the threads of the instance behind `plugin` share: for tests that play its window.
///
/// # Safety
/// `plugin` was made by [`CLAP_ENTRY`] and is not destroyed yet.
#[doc(hidden)]
pub unsafe fn shared_of(plugin: *const clap_plugin) -> Option<std::sync::Arc<crate::shared::Shared>> {
    // SAFETY: by the function's contract.
    unsafe { proxy::proxy(plugin) }.map(|proxy| std::sync::Arc::clone(&proxy.shared))
}

fn descriptor() -> &'static PluginDescriptor {
    static DESCRIPTOR: OnceLock<PluginDescriptor> = OnceLock::new();
    DESCRIPTOR.get_or_init(PluginDescriptor::for_plugin::<Tonegraft>)
}

unsafe extern "C" fn init(_path: *const c_char) -> bool {
    nice_plug::wrapper::setup_logger::<Tonegraft>();
    true
}

unsafe extern "C" fn deinit() {}

unsafe extern "C" fn get_factory(id: *const c_char) -> *const c_void {
    // SAFETY: null or a terminated string, by CLAP's contract.
    if !id.is_null() && unsafe { CStr::from_ptr(id) } == CLAP_PLUGIN_FACTORY_ID {
        (&raw const FACTORY).cast()
    } else {
        ptr::null()
    }
}

unsafe extern "C" fn plugin_count(_factory: *const clap_plugin_factory) -> u32 {
    1
}

unsafe extern "C" fn plugin_descriptor(
    _factory: *const clap_plugin_factory,
    index: u32,
) -> *const clap_plugin_descriptor {
    if index == 0 {
        descriptor().clap_plugin_descriptor()
    } else {
        ptr::null()
    }
}

unsafe extern "C" fn create_plugin(
    _factory: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    // SAFETY: null or a terminated string, by CLAP's contract.
    if id.is_null() || unsafe { CStr::from_ptr(id) } != descriptor().clap_id() {
        return ptr::null();
    }
    // SAFETY: the host outlives the instance, by CLAP's contract.
    unsafe { proxy::create(host) }
}
