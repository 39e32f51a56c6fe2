//! The test plugin's pretended window: it keeps a size and reports its calls.

use std::ffi::{CStr, c_char};

use clap_sys::ext::gui::*;
use clap_sys::plugin::clap_plugin;

use crate::plugin::get;

pub static GUI: clap_plugin_gui = clap_plugin_gui {
    is_api_supported: Some(is_api_supported),
    get_preferred_api: None,
    create: Some(create),
    destroy: Some(destroy),
    set_scale: Some(set_scale),
    get_size: Some(get_size),
    can_resize: Some(can_resize),
    get_resize_hints: None,
    adjust_size: Some(adjust_size),
    set_size: Some(set_size),
    set_parent: Some(set_parent),
    set_transient: None,
    suggest_title: None,
    show: Some(show),
    hide: None,
};

fn call(plugin: *const clap_plugin, text: impl Into<String>) {
    // SAFETY: our plugin.
    unsafe { get(plugin) }.probe.call(text);
}

unsafe extern "C" fn is_api_supported(_plugin: *const clap_plugin, _api: *const c_char, floating: bool) -> bool {
    !floating
}

unsafe extern "C" fn create(plugin: *const clap_plugin, api: *const c_char, _floating: bool) -> bool {
    // SAFETY: CLAP's contract.
    let api = unsafe { CStr::from_ptr(api) }.to_str().unwrap();
    call(plugin, format!("gui create {api}"));
    true
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    call(plugin, "gui destroy");
}

unsafe extern "C" fn set_scale(plugin: *const clap_plugin, scale: f64) -> bool {
    call(plugin, format!("gui scale {scale}"));
    true
}

unsafe extern "C" fn get_size(_plugin: *const clap_plugin, width: *mut u32, height: *mut u32) -> bool {
    // SAFETY: CLAP's contract.
    unsafe { (*width, *height) = (400, 300) };
    true
}

unsafe extern "C" fn can_resize(_plugin: *const clap_plugin) -> bool {
    true
}

unsafe extern "C" fn adjust_size(_plugin: *const clap_plugin, width: *mut u32, height: *mut u32) -> bool {
    // SAFETY: CLAP's contract.
    unsafe { (*width, *height) = ((*width).max(200), (*height).max(150)) };
    true
}

unsafe extern "C" fn set_size(plugin: *const clap_plugin, width: u32, height: u32) -> bool {
    call(plugin, format!("gui size {width} {height}"));
    true
}

unsafe extern "C" fn set_parent(plugin: *const clap_plugin, window: *const clap_window) -> bool {
    // SAFETY: CLAP's contract; every variant of the union is as wide as a pointer.
    let parent = unsafe { (*window).specific.ptr } as usize;
    call(plugin, format!("gui parent {parent}"));
    true
}

unsafe extern "C" fn show(plugin: *const clap_plugin) -> bool {
    call(plugin, "gui show");
    true
}
