//! The plugin as hosts see it: the framework's own table, with what it gets wrong or lacks replaced.
//!
//! `Proxy` starts with a `clap_plugin` whose `plugin_data` is the framework's, so that the framework's functions work on it
//! unchanged; our functions find the rest of the proxy behind the same pointer.

use super::audio::{AudioSide, FlushFn, ProcessFn};
use super::extensions::{Extensions, answer};
use super::host::Host;
use super::notifier::{Notifier, Told};
use crate::plugin::{Tonegraft, take_last_shared};
use crate::shared::Shared;
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{
    CLAP_PROCESS_CONTINUE, CLAP_PROCESS_CONTINUE_IF_NOT_QUIET, CLAP_PROCESS_ERROR, CLAP_PROCESS_TAIL, clap_process,
    clap_process_status,
};
use nice_plug::wrapper::clap::Wrapper;
use parking_lot::Mutex;
use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// One instance.
#[repr(C)]
pub(super) struct Proxy {
    /// What the host holds; must stay the first field.
    plugin: clap_plugin,
    /// The framework's table.
    inner: clap_plugin,
    raw_host: *const clap_host,
    host: OnceLock<Host>,
    pub(super) shared: Arc<Shared>,
    pub(super) told: Arc<Told>,
    pub(super) extensions: OnceLock<Extensions>,
    notifier: Mutex<Option<Notifier>>,
    audio: Guarded,
}

/// The audio side behind a flag instead of a lock: a host that calls `activate` and `process` at once gets an error, not a race.
struct Guarded {
    busy: AtomicBool,
    side: UnsafeCell<AudioSide>,
}

// SAFETY: `side` is only reached by `Guarded::with`, which lets one caller in at a time.
unsafe impl Sync for Guarded {}

impl Guarded {
    /// `None` if somebody else is inside.
    fn with<R>(&self, body: impl FnOnce(&mut AudioSide) -> R) -> Option<R> {
        if self.busy.swap(true, Ordering::Acquire) {
            return None;
        }
        // SAFETY: the flag was ours to take, so this is the only reference.
        let result = body(unsafe { &mut *self.side.get() });
        self.busy.store(false, Ordering::Release);
        Some(result)
    }
}

/// A new instance, or null. Freed by its `destroy`.
///
/// # Safety
/// `host` is a valid host that outlives the instance.
pub(super) unsafe fn create(host: *const clap_host) -> *const clap_plugin {
    if host.is_null() {
        return ptr::null();
    }
    // SAFETY: by the function's contract.
    let wrapper = unsafe { Wrapper::<Tonegraft>::new(host) };
    let Some(shared) = take_last_shared() else {
        return ptr::null();
    };
    let inner = *wrapper.clap_plugin.borrow();
    // The framework's `destroy` takes this count back.
    let _ = Arc::into_raw(wrapper);
    let proxy = Box::new(Proxy {
        plugin: clap_plugin {
            init: Some(init),
            destroy: Some(destroy),
            activate: Some(activate),
            deactivate: Some(deactivate),
            process: Some(process),
            get_extension: Some(get_extension),
            on_main_thread: Some(on_main_thread),
            ..inner
        },
        inner,
        raw_host: host,
        host: OnceLock::new(),
        shared,
        told: Arc::new(Told::default()),
        extensions: OnceLock::new(),
        notifier: Mutex::new(None),
        audio: Guarded {
            busy: AtomicBool::new(false),
            side: UnsafeCell::new(AudioSide::new()),
        },
    });
    Box::into_raw(proxy).cast::<clap_plugin>().cast_const()
}

/// The proxy that `plugin` is the head of.
///
/// # Safety
/// `plugin` is null or was made by [`create`] and not destroyed.
pub(super) unsafe fn proxy<'a>(plugin: *const clap_plugin) -> Option<&'a Proxy> {
    // SAFETY: `Proxy` is `repr(C)` with the `clap_plugin` first, and `create` gave out a pointer to the whole.
    unsafe { plugin.cast::<Proxy>().as_ref() }
}

impl Proxy {
    /// The host, once `init` was called.
    pub(super) fn host(&self) -> Option<&Host> {
        self.host.get()
    }

    pub(super) fn is_active(&self) -> bool {
        self.told.active.load(Ordering::Acquire)
    }

    /// An extension of the framework.
    ///
    /// # Safety
    /// `T` is the extension's struct; `plugin` is this proxy's.
    pub(super) unsafe fn framework<T>(&self, plugin: *const clap_plugin, id: &CStr) -> Option<&'static T> {
        let get = self.inner.get_extension?;
        // SAFETY: the framework's function with its plugin; its extension structs live as long as the instance.
        unsafe { get(plugin, id.as_ptr()).cast::<T>().as_ref() }
    }

    /// Applies the events of `list` without audio, by the framework's `flush`.
    ///
    /// # Safety
    /// `plugin` is this proxy's, the lists are null or valid, `flush` is the framework's.
    pub(super) unsafe fn flush(
        &self,
        plugin: *const clap_plugin,
        list: *const clap_sys::events::clap_input_events,
        out: *const clap_sys::events::clap_output_events,
        flush: FlushFn,
    ) {
        // SAFETY: passed on.
        self.audio
            .with(|side| unsafe { side.flush(plugin, list, out, 0, flush) });
    }
}

unsafe extern "C" fn init(plugin: *const clap_plugin) -> bool {
    // SAFETY: CLAP calls this with a plugin of ours, on the main thread; the host is valid.
    unsafe {
        let Some(proxy) = proxy(plugin) else { return false };
        let Some(inner_init) = proxy.inner.init else {
            return false;
        };
        if !inner_init(plugin) {
            return false;
        }
        let host = *proxy.host.get_or_init(|| Host::query(proxy.raw_host));
        let Some(extensions) = Extensions::query(proxy, plugin) else {
            return false;
        };
        let _ = proxy.extensions.set(extensions);
        *proxy.notifier.lock() = Notifier::start(host, Arc::clone(&proxy.shared), Arc::clone(&proxy.told));
    }
    true
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    if plugin.is_null() {
        return;
    }
    // SAFETY: CLAP calls this once, last, on the main thread, with a plugin of ours. The notifier is joined before the framework
    // and the host's tables go; the loader's thread is joined by the plugin's own drop inside the framework's `destroy`.
    unsafe {
        let owned = Box::from_raw(plugin.cast_mut().cast::<Proxy>());
        drop(owned.notifier.lock().take());
        owned.shared.shut_down();
        if let Some(inner_destroy) = owned.inner.destroy {
            inner_destroy(&raw const owned.plugin);
        }
    }
}

unsafe extern "C" fn activate(plugin: *const clap_plugin, rate: f64, min_frames: u32, max_frames: u32) -> bool {
    // SAFETY: CLAP calls this on the main thread, while inactive, with a plugin of ours.
    unsafe {
        let (Some(proxy), true) = (proxy(plugin), rate.is_finite() && rate > 0.0) else {
            return false;
        };
        let (Some(inner_activate), Some(extensions)) = (proxy.inner.activate, proxy.extensions.get()) else {
            return false;
        };
        let ports = extensions.ports();
        let prepared = proxy.audio.with(|side| side.prepare(ports, plugin, rate, max_frames));
        if prepared.is_none() || !inner_activate(plugin, rate, min_frames, max_frames.max(1)) {
            return false;
        }
        let latency = proxy.shared.latency();
        let known = proxy.told.latency.swap(latency, Ordering::AcqRel);
        proxy.told.active.store(true, Ordering::Release);
        if let (true, Some(host)) = (known != latency, proxy.host()) {
            host.latency_changed();
        }
    }
    true
}

unsafe extern "C" fn deactivate(plugin: *const clap_plugin) {
    // SAFETY: CLAP calls this on the main thread with a plugin of ours.
    unsafe {
        let Some(proxy) = proxy(plugin) else { return };
        proxy.told.active.store(false, Ordering::Release);
        if let Some(inner_deactivate) = proxy.inner.deactivate {
            inner_deactivate(plugin);
        }
    }
}

unsafe extern "C" fn process(plugin: *const clap_plugin, block: *const clap_process) -> clap_process_status {
    // SAFETY: CLAP calls this on the audio thread with a plugin of ours and a valid block.
    unsafe {
        let (Some(proxy), Some(block)) = (proxy(plugin), block.as_ref()) else {
            return CLAP_PROCESS_ERROR;
        };
        let (Some(process_fn), Some(flush_fn)) = (
            proxy.inner.process as Option<ProcessFn>,
            proxy.extensions.get().and_then(Extensions::framework_flush),
        ) else {
            return CLAP_PROCESS_ERROR;
        };
        if !proxy.is_active() {
            return CLAP_PROCESS_ERROR;
        }
        let status = proxy
            .audio
            .with(|side| {
                proxy.shared.transport.put(side.position(block));
                AudioSide::tempo(block, &proxy.shared.tempo);
                let open = proxy.told.side_chain.load(Ordering::Acquire);
                let side_chain = side.side_chain(block, open);
                proxy.shared.side_chain.put(side_chain, block.frames_count);
                side.process(plugin, block, process_fn, flush_fn)
            })
            .unwrap_or(CLAP_PROCESS_ERROR);
        // The framework has no word for "until the tail is over".
        match status {
            CLAP_PROCESS_CONTINUE | CLAP_PROCESS_CONTINUE_IF_NOT_QUIET if proxy.shared.tail().is_some() => {
                CLAP_PROCESS_TAIL
            }
            other => other,
        }
    }
}

unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    if id.is_null() {
        return ptr::null();
    }
    // SAFETY: CLAP calls this with a plugin of ours and a terminated string.
    unsafe {
        let Some(proxy) = proxy(plugin) else { return ptr::null() };
        let id = CStr::from_ptr(id);
        if let Some(ours) = answer(proxy, id) {
            return ours;
        }
        proxy
            .inner
            .get_extension
            .map_or(ptr::null(), |get| get(plugin, id.as_ptr()))
    }
}

unsafe extern "C" fn on_main_thread(plugin: *const clap_plugin) {
    // SAFETY: CLAP calls this on the main thread with a plugin of ours.
    unsafe {
        let Some(proxy) = proxy(plugin) else { return };
        if let Some(host) = proxy.host() {
            if proxy.told.texts.swap(false, Ordering::AcqRel) {
                host.texts_changed();
            }
            if proxy.told.dirty.swap(false, Ordering::AcqRel) {
                host.state_changed();
            }
        }
        if let Some(inner) = proxy.inner.on_main_thread {
            inner(plugin);
        }
    }
}
