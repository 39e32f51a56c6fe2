//! One instance of the plugin, and what a host may ask of it.

use super::host::{Calls, host_extension, request_callback, request_process, request_restart};
use clap_sys::ext::audio_ports_config::{CLAP_EXT_AUDIO_PORTS_CONFIG, clap_plugin_audio_ports_config};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_plugin_latency};
use clap_sys::ext::render::{CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME, clap_plugin_render};
use clap_sys::ext::tail::{CLAP_EXT_TAIL, clap_plugin_tail};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::version::CLAP_VERSION;
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::atomic::Ordering;

/// One instance in its host.
pub struct Instance {
    pub plugin: *const clap_plugin,
    pub calls: Box<Calls>,
    /// Beats per minute of the host's transport, which stands; 0: the host has none.
    pub tempo: Cell<f64>,
    _host: Box<clap_host>,
    _name: CString,
    active: bool,
    processing: bool,
}

impl Instance {
    /// A new instance, initialised.
    pub fn new() -> Self {
        Self::named("Test host")
    }

    /// In a host of that name.
    pub fn named(name: &str) -> Self {
        Self::in_host(name, false)
    }

    /// In a host of that name, which can hold a window or not.
    pub fn in_host(name: &str, has_gui: bool) -> Self {
        let calls = Box::new(Calls {
            has_gui,
            ..Calls::default()
        });
        let name = CString::new(name).expect("no zero inside");
        let host = Box::new(clap_host {
            clap_version: CLAP_VERSION,
            host_data: ptr::from_ref(&*calls).cast_mut().cast(),
            name: name.as_ptr(),
            vendor: c"Tonegraft".as_ptr(),
            url: c"".as_ptr(),
            version: c"1".as_ptr(),
            get_extension: Some(host_extension),
            request_restart: Some(request_restart),
            request_process: Some(request_process),
            request_callback: Some(request_callback),
        });
        let entry = &tonegraft_plugin::CLAP_ENTRY;
        // SAFETY: the entry's own functions, used as CLAP says.
        let plugin = unsafe {
            assert!(entry.init.expect("init")(c"/nowhere".as_ptr()));
            let factory = entry.get_factory.expect("get_factory")(CLAP_PLUGIN_FACTORY_ID.as_ptr());
            let factory = &*factory.cast::<clap_plugin_factory>();
            let create = factory.create_plugin.expect("create_plugin");
            let plugin = create(factory, &raw const *host, c"org.tonegraft.tonegraft".as_ptr());
            assert!(!plugin.is_null());
            assert!((*plugin).init.expect("init")(plugin));
            plugin
        };
        Self {
            plugin,
            calls,
            tempo: Cell::new(0.0),
            _host: host,
            _name: name,
            active: false,
            processing: false,
        }
    }

    /// An extension of the plugin.
    pub fn extension<T>(&self, id: &CStr) -> &T {
        // SAFETY: each test asks for the struct that belongs to the id; extensions live as long as the plugin.
        unsafe {
            let pointer = (*self.plugin).get_extension.expect("get_extension")(self.plugin, id.as_ptr());
            pointer.cast::<T>().as_ref().expect("the plugin has this extension")
        }
    }

    pub fn select(&self, layout: usize) -> bool {
        let config: &clap_plugin_audio_ports_config = self.extension(CLAP_EXT_AUDIO_PORTS_CONFIG);
        // SAFETY: main thread.
        unsafe { config.select.expect("select")(self.plugin, u32::try_from(layout).expect("small")) }
    }

    pub fn set_offline(&self, offline: bool) {
        let render: &clap_plugin_render = self.extension(CLAP_EXT_RENDER);
        let mode = if offline {
            CLAP_RENDER_OFFLINE
        } else {
            CLAP_RENDER_REALTIME
        };
        // SAFETY: main thread.
        assert!(unsafe { render.set.expect("set")(self.plugin, mode) });
    }

    pub fn activate(&mut self, rate: f64, max_frames: u32) {
        self.calls.in_activate.store(true, Ordering::SeqCst);
        // SAFETY: main thread, inactive.
        assert!(unsafe { (*self.plugin).activate.expect("activate")(self.plugin, rate, 1, max_frames) });
        self.calls.in_activate.store(false, Ordering::SeqCst);
        self.active = true;
    }

    pub fn start(&mut self) {
        // SAFETY: active.
        assert!(unsafe { (*self.plugin).start_processing.expect("start")(self.plugin) });
        self.processing = true;
    }

    pub fn stop(&mut self) {
        // SAFETY: processing.
        unsafe { (*self.plugin).stop_processing.expect("stop")(self.plugin) };
        self.processing = false;
    }

    pub fn deactivate(&mut self) {
        if self.processing {
            self.stop();
        }
        // SAFETY: active.
        unsafe { (*self.plugin).deactivate.expect("deactivate")(self.plugin) };
        self.active = false;
    }

    pub fn reset(&self) {
        // SAFETY: active, on the thread that processes.
        unsafe { (*self.plugin).reset.expect("reset")(self.plugin) };
    }

    pub fn on_main_thread(&self) {
        // SAFETY: main thread.
        unsafe { (*self.plugin).on_main_thread.expect("on_main_thread")(self.plugin) };
    }

    pub fn latency(&self) -> u32 {
        let latency: &clap_plugin_latency = self.extension(CLAP_EXT_LATENCY);
        // SAFETY: main thread.
        unsafe { latency.get.expect("get")(self.plugin) }
    }

    pub fn tail(&self) -> u32 {
        let tail: &clap_plugin_tail = self.extension(CLAP_EXT_TAIL);
        // SAFETY: main thread.
        unsafe { tail.get.expect("get")(self.plugin) }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.active {
            self.deactivate();
        }
        // SAFETY: inactive, last call.
        unsafe { (*self.plugin).destroy.expect("destroy")(self.plugin) };
    }
}
