//! The host that the plugin sees.
//!
//! Callbacks arrive on any thread and at any time, also from inside a call into the plugin. They only set flags here;
//! `hosted` acts on them later with no lock held.

use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use clap_sys::ext::audio_ports::{CLAP_AUDIO_PORTS_RESCAN_NAMES, CLAP_EXT_AUDIO_PORTS, clap_host_audio_ports};
use clap_sys::ext::audio_ports_config::{CLAP_EXT_AUDIO_PORTS_CONFIG, clap_host_audio_ports_config};
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_host_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency};
use clap_sys::ext::params::{
    CLAP_EXT_PARAMS, CLAP_PARAM_RESCAN_ALL, CLAP_PARAM_RESCAN_INFO, CLAP_PARAM_RESCAN_TEXT, CLAP_PARAM_RESCAN_VALUES,
    clap_host_params,
};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_host_state};
use clap_sys::ext::tail::{CLAP_EXT_TAIL, clap_host_tail};
use clap_sys::ext::thread_check::{CLAP_EXT_THREAD_CHECK, clap_host_thread_check};
use clap_sys::host::clap_host;
use clap_sys::version::CLAP_VERSION;

use crate::sync::{MainLock, thread_id};

/// `latency.changed` was called.
pub(crate) const LATENCY: u32 = 1 << 0;
/// `request_restart` was called.
pub(crate) const RESTART: u32 = 1 << 1;
/// `request_callback` was called.
pub(crate) const CALLBACK: u32 = 1 << 2;
/// `params.request_flush` was called.
pub(crate) const FLUSH: u32 = 1 << 3;
/// Values or their texts changed.
pub(crate) const VALUES: u32 = 1 << 4;
/// Names, ranges or the list of parameters changed.
pub(crate) const INFOS: u32 = 1 << 5;
/// Ports changed.
pub(crate) const PORTS: u32 = 1 << 6;
/// Names of ports changed.
pub(crate) const PORT_NAMES: u32 = 1 << 7;
/// The state differs from what was saved.
pub(crate) const DIRTY: u32 = 1 << 8;
/// The window asks for another size, which is in `resize`.
pub(crate) const RESIZE: u32 = 1 << 9;
/// A parameter was moved by the plugin; which one is in its cell.
pub(crate) const EDITS: u32 = 1 << 10;

/// The `clap_host` struct of one plugin and what its callbacks leave behind.
pub(crate) struct HostSide {
    raw: clap_host,
    _texts: [CString; 2],
    pub(crate) flags: AtomicU32,
    /// Width in the upper half, height in the lower.
    pub(crate) resize: AtomicU64,
    pub(crate) tail_changed: AtomicBool,
    /// The thread inside an audio call, 0 for none.
    pub(crate) audio_thread: AtomicUsize,
    /// The thread that the host initialised us on.
    pub(crate) main_thread: AtomicUsize,
    /// Guards every main-thread call into the plugin.
    pub(crate) lock: MainLock,
    /// Set while port configurations are tried out: the plugin's news about them is our own doing.
    pub(crate) probing: AtomicBool,
}

impl HostSide {
    /// `vst3_host` is the name of the program around us, empty if it does not say.
    pub(crate) fn new(vst3_host: &str) -> Arc<Self> {
        let name = if vst3_host.is_empty() {
            "(CLAP-as-VST3)".into()
        } else {
            format!("{vst3_host} (CLAP-as-VST3)")
        };
        let name = CString::new(name.replace('\0', "")).unwrap_or_default();
        let version = CString::new(env!("CARGO_PKG_VERSION")).unwrap_or_default();
        Arc::new_cyclic(|this: &std::sync::Weak<Self>| Self {
            raw: clap_host {
                clap_version: CLAP_VERSION,
                host_data: this.as_ptr().cast_mut().cast(),
                name: name.as_ptr(),
                vendor: c"".as_ptr(),
                url: c"".as_ptr(),
                version: version.as_ptr(),
                get_extension: Some(get_extension),
                request_restart: Some(request_restart),
                request_process: Some(request_process),
                request_callback: Some(request_callback),
            },
            _texts: [name, version],
            flags: AtomicU32::new(0),
            resize: AtomicU64::new(0),
            tail_changed: AtomicBool::new(false),
            audio_thread: AtomicUsize::new(0),
            main_thread: AtomicUsize::new(thread_id()),
            lock: MainLock::new(),
            probing: AtomicBool::new(false),
        })
    }

    /// What `create_plugin` wants.
    pub(crate) fn raw(&self) -> &clap_host {
        &self.raw
    }

    /// # Realtime Safety
    ///
    /// One atomic operation.
    pub(crate) fn raise(&self, flags: u32) {
        self.flags.fetch_or(flags, Ordering::AcqRel);
    }

    /// Marks the calling thread as the audio thread while `f` runs.
    pub(crate) fn as_audio_thread<R>(&self, f: impl FnOnce() -> R) -> R {
        self.audio_thread.store(thread_id(), Ordering::Relaxed);
        let result = f();
        self.audio_thread.store(0, Ordering::Relaxed);
        result
    }

    fn is_audio_thread(&self) -> bool {
        self.audio_thread.load(Ordering::Relaxed) == thread_id()
    }

    fn is_main_thread(&self) -> bool {
        !self.is_audio_thread() && (self.lock.is_mine() || self.main_thread.load(Ordering::Relaxed) == thread_id())
    }
}

/// # Safety
///
/// `host` is null or the pointer that [`HostSide::raw`] gave, and its owner is alive.
unsafe fn side<'a>(host: *const clap_host) -> Option<&'a HostSide> {
    // SAFETY: by the caller's promise; `host_data` points to the `HostSide` around the struct.
    unsafe { host.as_ref()?.host_data.cast::<HostSide>().as_ref() }
}

/// # Safety
///
/// As for [`side`].
unsafe fn raise(host: *const clap_host, flags: u32) {
    // SAFETY: the caller's promise.
    if let Some(side) = unsafe { side(host) } {
        side.raise(flags);
    }
}

macro_rules! flag_callback {
    ($($name:ident => $flags:expr;)*) => {$(
        unsafe extern "C" fn $name(host: *const clap_host) {
            // SAFETY: the plugin passes the host it was made with, which outlives it.
            unsafe { raise(host, $flags) };
        }
    )*};
}

flag_callback! {
    request_restart => RESTART;
    request_callback => CALLBACK;
    request_process => 0;
    request_flush => FLUSH;
    latency_changed => LATENCY;
    mark_dirty => DIRTY;
    nothing => 0;
}

unsafe extern "C" fn get_extension(_host: *const clap_host, id: *const c_char) -> *const c_void {
    static AUDIO_PORTS: clap_host_audio_ports = clap_host_audio_ports {
        is_rescan_flag_supported: Some(ports_flag_supported),
        rescan: Some(ports_rescan),
    };
    static CONFIGS: clap_host_audio_ports_config = clap_host_audio_ports_config {
        rescan: Some(configs_rescan),
    };
    static GUI: clap_host_gui = clap_host_gui {
        resize_hints_changed: Some(nothing),
        request_resize: Some(request_resize),
        request_show: Some(refuse),
        request_hide: Some(refuse),
        closed: Some(gui_closed),
    };
    static LATENCY: clap_host_latency = clap_host_latency {
        changed: Some(latency_changed),
    };
    static PARAMS: clap_host_params = clap_host_params {
        rescan: Some(params_rescan),
        clear: Some(params_clear),
        request_flush: Some(request_flush),
    };
    static STATE: clap_host_state = clap_host_state {
        mark_dirty: Some(mark_dirty),
    };
    static TAIL: clap_host_tail = clap_host_tail {
        changed: Some(tail_changed),
    };
    static THREADS: clap_host_thread_check = clap_host_thread_check {
        is_main_thread: Some(is_main_thread),
        is_audio_thread: Some(is_audio_thread),
    };
    let table: [(&CStr, *const c_void); 8] = [
        (CLAP_EXT_AUDIO_PORTS, (&raw const AUDIO_PORTS).cast()),
        (CLAP_EXT_AUDIO_PORTS_CONFIG, (&raw const CONFIGS).cast()),
        (CLAP_EXT_GUI, (&raw const GUI).cast()),
        (CLAP_EXT_LATENCY, (&raw const LATENCY).cast()),
        (CLAP_EXT_PARAMS, (&raw const PARAMS).cast()),
        (CLAP_EXT_STATE, (&raw const STATE).cast()),
        (CLAP_EXT_TAIL, (&raw const TAIL).cast()),
        (CLAP_EXT_THREAD_CHECK, (&raw const THREADS).cast()),
    ];
    if id.is_null() {
        return std::ptr::null();
    }
    // SAFETY: not null, and CLAP ids are NUL-terminated.
    let id = unsafe { CStr::from_ptr(id) };
    table
        .iter()
        .find(|(name, _)| *name == id)
        .map_or(std::ptr::null(), |(_, pointer)| *pointer)
}

unsafe extern "C" fn ports_flag_supported(_host: *const clap_host, _flag: u32) -> bool {
    true
}

unsafe extern "C" fn ports_rescan(host: *const clap_host, flags: u32) {
    // SAFETY: the plugin passes the host it was made with.
    let Some(side) = (unsafe { side(host) }) else { return };
    if !side.probing.load(Ordering::Relaxed) {
        side.raise(if flags == CLAP_AUDIO_PORTS_RESCAN_NAMES {
            PORT_NAMES
        } else {
            PORTS
        });
    }
}

unsafe extern "C" fn configs_rescan(host: *const clap_host) {
    // SAFETY: the plugin passes the host it was made with.
    unsafe { ports_rescan(host, !0) };
}

unsafe extern "C" fn request_resize(host: *const clap_host, width: u32, height: u32) -> bool {
    // SAFETY: the plugin passes the host it was made with.
    let Some(side) = (unsafe { side(host) }) else {
        return false;
    };
    side.resize
        .store(u64::from(width) << 32 | u64::from(height), Ordering::Release);
    side.raise(RESIZE);
    true
}

unsafe extern "C" fn refuse(_host: *const clap_host) -> bool {
    false
}

unsafe extern "C" fn gui_closed(_host: *const clap_host, _was_destroyed: bool) {}

unsafe extern "C" fn params_rescan(host: *const clap_host, flags: u32) {
    let mut raised = 0;
    if flags & (CLAP_PARAM_RESCAN_VALUES | CLAP_PARAM_RESCAN_TEXT | CLAP_PARAM_RESCAN_ALL) != 0 {
        raised |= VALUES;
    }
    if flags & (CLAP_PARAM_RESCAN_INFO | CLAP_PARAM_RESCAN_ALL) != 0 {
        raised |= INFOS;
    }
    // SAFETY: the plugin passes the host it was made with.
    unsafe { raise(host, raised) };
}

unsafe extern "C" fn params_clear(_host: *const clap_host, _id: u32, _flags: u32) {}

unsafe extern "C" fn tail_changed(host: *const clap_host) {
    // SAFETY: the plugin passes the host it was made with.
    if let Some(side) = unsafe { side(host) } {
        side.tail_changed.store(true, Ordering::Release);
    }
}

unsafe extern "C" fn is_main_thread(host: *const clap_host) -> bool {
    // SAFETY: the plugin passes the host it was made with.
    unsafe { side(host) }.is_some_and(HostSide::is_main_thread)
}

unsafe extern "C" fn is_audio_thread(host: *const clap_host) -> bool {
    // SAFETY: the plugin passes the host it was made with.
    unsafe { side(host) }.is_some_and(HostSide::is_audio_thread)
}
