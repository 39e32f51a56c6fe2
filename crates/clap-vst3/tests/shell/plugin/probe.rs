//! What a test sees of a plugin, and by what it makes the plugin act.

use std::cell::RefCell;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use clap_sys::events::clap_event_transport;
use clap_sys::host::clap_host;

/// Frames, channels of each input, constant mask of each input.
type Block = (u32, [u32; 2], [u64; 2]);

/// What the test sees of one plugin, and by what it makes it act.
#[derive(Default)]
pub struct Probe {
    /// `(frame, id, CLAP value)` of every event, in the order in which the plugin got them.
    pub events: Mutex<Vec<(u32, u32, f64)>>,
    /// Main-thread calls in order.
    pub calls: Mutex<Vec<String>>,
    /// Every block.
    pub blocks: Mutex<Vec<Block>>,
    /// Which input ports the host passes, as it was told before the activation.
    pub open_inputs: Mutex<Vec<bool>>,
    /// Events to send with the next block or flush: `(type, id, value)`.
    pub send: Mutex<Vec<(u16, u32, f64)>>,
    pub callbacks: Mutex<Vec<ThreadId>>,
    pub transport: Mutex<Option<clap_event_transport>>,
    pub host_name: Mutex<String>,
    pub resets: AtomicUsize,
    pub tail: AtomicU32,
    pub tell_tail: AtomicBool,
    pub fail: AtomicBool,
    pub wrong_thread: AtomicBool,
    pub destroyed: AtomicBool,
    pub(super) host: AtomicUsize,
}

impl Probe {
    /// The host as the plugin sees it.
    pub fn host(&self) -> &clap_host {
        // SAFETY: set in `create_plugin`; tests call this while the plugin lives.
        unsafe { &*(self.host.load(Ordering::Relaxed) as *const clap_host) }
    }

    pub fn host_extension<T>(&self, id: &CStr) -> &T {
        let host = self.host();
        // SAFETY: the host answers a pointer to the struct that the id stands for.
        unsafe { &*host.get_extension.unwrap()(host, id.as_ptr()).cast::<T>() }
    }

    pub fn call(&self, text: impl Into<String>) {
        self.calls.lock().unwrap().push(text.into());
    }

    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

thread_local! {
    pub(super) static LAST: RefCell<Option<Arc<Probe>>> = const { RefCell::new(None) };
}

/// The probe of the plugin that this thread made last.
pub fn last_probe() -> Arc<Probe> {
    LAST.with_borrow(|probe| probe.clone().unwrap())
}
