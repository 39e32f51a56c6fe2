//! The library's entry and its factory, which makes the two plugins.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use clap_sys::entry::clap_plugin_entry;
use clap_sys::factory::plugin_factory::*;
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::version::CLAP_VERSION;

use super::params::RANGES;
use super::probe::LAST;
use super::{
    Probe, TestPlugin, activate, deactivate, destroy, get_extension, init, on_main_thread, process, reset,
    start_processing, stop_processing,
};

pub static INIT_PATH: Mutex<Vec<String>> = Mutex::new(Vec::new());
pub static DEINITS: AtomicUsize = AtomicUsize::new(0);

const fn descriptor(id: &'static CStr, name: &'static CStr) -> clap_plugin_descriptor {
    clap_plugin_descriptor {
        clap_version: CLAP_VERSION,
        id: id.as_ptr(),
        name: name.as_ptr(),
        vendor: c"Test".as_ptr(),
        url: c"".as_ptr(),
        manual_url: c"".as_ptr(),
        support_url: c"".as_ptr(),
        version: c"1.2.3".as_ptr(),
        description: c"".as_ptr(),
        features: null(),
    }
}

static DESCRIPTORS: [clap_plugin_descriptor; 2] = [
    descriptor(c"test.full", c"Full Täst"),
    descriptor(c"test.plain", c"Plain Test"),
];

unsafe extern "C" fn create_plugin(
    _factory: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    // SAFETY: CLAP's contract.
    let id = unsafe { CStr::from_ptr(id) };
    let Some(at) = [c"test.full", c"test.plain"].iter().position(|known| *known == id) else {
        return null();
    };
    let probe = Arc::new(Probe::default());
    probe.host.store(host as usize, Ordering::Relaxed);
    probe.tail.store(1000, Ordering::Relaxed);
    probe.events.lock().unwrap().reserve(20_000);
    probe.blocks.lock().unwrap().reserve(20_000);
    // SAFETY: the host's name is NUL-terminated.
    *probe.host_name.lock().unwrap() = unsafe { CStr::from_ptr((*host).name) }.to_str().unwrap().to_owned();
    LAST.set(Some(probe.clone()));
    let clap = clap_plugin {
        desc: &DESCRIPTORS[at],
        plugin_data: std::ptr::null_mut(),
        init: Some(init),
        destroy: Some(destroy),
        activate: Some(activate),
        deactivate: Some(deactivate),
        start_processing: Some(start_processing),
        stop_processing: Some(stop_processing),
        reset: Some(reset),
        process: Some(process),
        get_extension: Some(get_extension),
        on_main_thread: Some(on_main_thread),
    };
    let values = RANGES.map(|range| range.2);
    let plugin = Box::into_raw(Box::new(TestPlugin {
        clap,
        probe,
        has_info: at == 0,
        values,
        config: 0,
        active: false,
        rate: 48_000.0,
        offline: false,
    }));
    // SAFETY: a live box; both pointers stay valid until `destroy`.
    unsafe {
        (*plugin).clap.plugin_data = plugin.cast();
        &raw const (*plugin).clap
    }
}

unsafe extern "C" fn plugin_count(_factory: *const clap_plugin_factory) -> u32 {
    DESCRIPTORS.len() as u32
}

unsafe extern "C" fn plugin_descriptor(_: *const clap_plugin_factory, index: u32) -> *const clap_plugin_descriptor {
    &DESCRIPTORS[index as usize]
}

unsafe extern "C" fn entry_init(path: *const c_char) -> bool {
    // SAFETY: CLAP's contract.
    INIT_PATH
        .lock()
        .unwrap()
        .push(unsafe { CStr::from_ptr(path) }.to_str().unwrap().to_owned());
    true
}

unsafe extern "C" fn entry_deinit() {
    DEINITS.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn entry_factory(id: *const c_char) -> *const c_void {
    static FACTORY: clap_plugin_factory = clap_plugin_factory {
        get_plugin_count: Some(plugin_count),
        get_plugin_descriptor: Some(plugin_descriptor),
        create_plugin: Some(create_plugin),
    };
    // SAFETY: CLAP's contract.
    if unsafe { CStr::from_ptr(id) } == CLAP_PLUGIN_FACTORY_ID {
        (&raw const FACTORY).cast()
    } else {
        null()
    }
}

pub static ENTRY: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(entry_init),
    deinit: Some(entry_deinit),
    get_factory: Some(entry_factory),
};
