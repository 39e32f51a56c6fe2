//! The host as the plugin sees it: it counts what it is asked.

use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_host_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_host_params};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_host_state};
use clap_sys::host::clap_host;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What the host was asked.
#[derive(Default)]
pub struct Calls {
    pub restarts: AtomicU32,
    pub callbacks: AtomicU32,
    pub latency_changes: AtomicU32,
    pub stray_latency_changes: AtomicU32,
    pub rescans: AtomicU32,
    pub dirty: AtomicU32,
    pub(super) in_activate: AtomicBool,
    pub(super) has_gui: bool,
}

unsafe fn calls<'a>(host: *const clap_host) -> &'a Calls {
    // SAFETY: the host is one of `Instance::named`.
    unsafe { &*(*host).host_data.cast::<Calls>() }
}

pub(super) unsafe extern "C" fn request_restart(host: *const clap_host) {
    // SAFETY: as `calls`.
    unsafe { calls(host) }.restarts.fetch_add(1, Ordering::SeqCst);
}
pub(super) unsafe extern "C" fn request_process(_host: *const clap_host) {}
pub(super) unsafe extern "C" fn request_callback(host: *const clap_host) {
    // SAFETY: as `calls`.
    unsafe { calls(host) }.callbacks.fetch_add(1, Ordering::SeqCst);
}
unsafe extern "C" fn latency_changed(host: *const clap_host) {
    // SAFETY: as `calls`.
    let calls = unsafe { calls(host) };
    calls.latency_changes.fetch_add(1, Ordering::SeqCst);
    if !calls.in_activate.load(Ordering::SeqCst) {
        calls.stray_latency_changes.fetch_add(1, Ordering::SeqCst);
    }
}
unsafe extern "C" fn rescan(host: *const clap_host, _flags: u32) {
    // SAFETY: as `calls`.
    unsafe { calls(host) }.rescans.fetch_add(1, Ordering::SeqCst);
}
unsafe extern "C" fn clear(_host: *const clap_host, _id: u32, _flags: u32) {}
unsafe extern "C" fn request_flush(_host: *const clap_host) {}
unsafe extern "C" fn mark_dirty(host: *const clap_host) {
    // SAFETY: as `calls`.
    unsafe { calls(host) }.dirty.fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn resize_hints_changed(_host: *const clap_host) {}
unsafe extern "C" fn request_resize(_host: *const clap_host, _width: u32, _height: u32) -> bool {
    true
}
unsafe extern "C" fn request_visible(_host: *const clap_host) -> bool {
    false
}
unsafe extern "C" fn closed(_host: *const clap_host, _was_destroyed: bool) {}

pub(super) unsafe extern "C" fn host_extension(host: *const clap_host, id: *const c_char) -> *const c_void {
    static LATENCY: clap_host_latency = clap_host_latency {
        changed: Some(latency_changed),
    };
    static PARAMS: clap_host_params = clap_host_params {
        rescan: Some(rescan),
        clear: Some(clear),
        request_flush: Some(request_flush),
    };
    static STATE: clap_host_state = clap_host_state {
        mark_dirty: Some(mark_dirty),
    };
    static GUI: clap_host_gui = clap_host_gui {
        resize_hints_changed: Some(resize_hints_changed),
        request_resize: Some(request_resize),
        request_show: Some(request_visible),
        request_hide: Some(request_visible),
        closed: Some(closed),
    };
    // SAFETY: extensions are asked for by terminated strings, of a host of `Instance::named`.
    let (id, has_gui) = unsafe { (CStr::from_ptr(id), calls(host).has_gui) };
    if id == CLAP_EXT_LATENCY {
        (&raw const LATENCY).cast()
    } else if id == CLAP_EXT_PARAMS {
        (&raw const PARAMS).cast()
    } else if id == CLAP_EXT_STATE {
        (&raw const STATE).cast()
    } else if id == CLAP_EXT_GUI && has_gui {
        (&raw const GUI).cast()
    } else {
        ptr::null()
    }
}
