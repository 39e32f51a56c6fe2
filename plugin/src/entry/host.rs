//! The host's side of the CLAP interface, as far as the entry calls it.

use clap_sys::ext::gui::CLAP_EXT_GUI;
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, CLAP_PARAM_RESCAN_TEXT, clap_host_params};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_host_state};
use clap_sys::host::clap_host;
use std::ffi::{CStr, c_void};

/// Ending of the host name that a VST3 shell around this entry gives itself.
const SHELL_SUFFIX: &[u8] = b"(CLAP-as-VST3)";

/// The host, and the extensions of it that the entry uses. Copies are good until the plugin is destroyed.
#[derive(Clone, Copy)]
pub(super) struct Host {
    host: *const clap_host,
    latency: Option<&'static clap_host_latency>,
    params: Option<&'static clap_host_params>,
    state: Option<&'static clap_host_state>,
    has_gui: bool,
    is_shell: bool,
}

// SAFETY: CLAP hosts live as long as the plugin; only functions that CLAP marks thread-safe are called from other threads than the
// main thread (`request_restart`, `request_callback`, and `latency.changed` where the shell allows it from any thread).
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Host {
    /// Asks for the extensions.
    ///
    /// # Safety
    /// `host` is valid until the plugin is destroyed; called in `init` or later, on the main thread.
    pub(super) unsafe fn query(host: *const clap_host) -> Self {
        // SAFETY: by the function's contract.
        unsafe {
            let name = (*host).name;
            let is_shell = !name.is_null() && CStr::from_ptr(name).to_bytes().ends_with(SHELL_SUFFIX);
            Self {
                host,
                latency: extension(host, CLAP_EXT_LATENCY).cast::<clap_host_latency>().as_ref(),
                params: extension(host, CLAP_EXT_PARAMS).cast::<clap_host_params>().as_ref(),
                state: extension(host, CLAP_EXT_STATE).cast::<clap_host_state>().as_ref(),
                has_gui: !extension(host, CLAP_EXT_GUI).is_null(),
                is_shell,
            }
        }
    }

    /// True if the host is the VST3 shell, which takes `latency.changed` at any time and from any thread.
    pub(super) const fn is_shell(&self) -> bool {
        self.is_shell
    }

    /// True if the host can hold a window of the plugin.
    pub(super) const fn has_gui(&self) -> bool {
        self.has_gui
    }

    /// Any thread.
    pub(super) fn request_restart(&self) {
        // SAFETY: thread-safe by CLAP; the host is valid.
        unsafe {
            if let Some(request) = (*self.host).request_restart {
                request(self.host);
            }
        }
    }

    /// Any thread.
    pub(super) fn request_callback(&self) {
        // SAFETY: thread-safe by CLAP; the host is valid.
        unsafe {
            if let Some(request) = (*self.host).request_callback {
                request(self.host);
            }
        }
    }

    /// Main thread inside `activate`; any thread if the host is the shell.
    pub(super) fn latency_changed(&self) {
        if let Some(changed) = self.latency.and_then(|latency| latency.changed) {
            // SAFETY: the host's function with its host, on a thread that the caller vouches for.
            unsafe { changed(self.host) };
        }
    }

    /// Main thread.
    pub(super) fn texts_changed(&self) {
        if let Some(rescan) = self.params.and_then(|params| params.rescan) {
            // SAFETY: the host's function with its host, on the main thread.
            unsafe { rescan(self.host, CLAP_PARAM_RESCAN_TEXT) };
        }
    }

    /// Main thread.
    pub(super) fn state_changed(&self) {
        if let Some(mark) = self.state.and_then(|state| state.mark_dirty) {
            // SAFETY: the host's function with its host, on the main thread.
            unsafe { mark(self.host) };
        }
    }
}

/// # Safety
/// `host` is valid; main thread, in `init` or later.
unsafe fn extension(host: *const clap_host, id: &CStr) -> *const c_void {
    // SAFETY: by the function's contract.
    unsafe {
        (*host)
            .get_extension
            .map_or(std::ptr::null(), |get| get(host, id.as_ptr()))
    }
}
