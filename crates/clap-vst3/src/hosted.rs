//! A plugin between `initialize` and `terminate`, and the delivery of its news to the host.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use vst3::Steinberg::Vst::{
    IComponentHandler, IComponentHandler2, IComponentHandler2Trait, IComponentHandlerTrait, RestartFlags_ as Restart,
};
use vst3::Steinberg::{IPlugFrame, IPlugFrameTrait, IPlugView, ViewRect};
use vst3::{ComPtr, ComRef};

use crate::audio::Audio;
use crate::events::Events;
use crate::host::{
    CALLBACK, DIRTY, EDITS, FLUSH, HostSide, INFOS, LATENCY, PORT_NAMES, PORTS, RESIZE, RESTART, VALUES,
};
use crate::layouts::Layouts;
use crate::params::{Edit, ParamTable, Sink};
use crate::plugin::Plugin;
use crate::sync::{Gate, lock, now_ms, thread_id};

/// How long after an activation a latency that the host has not asked for yet is kept back: it usually asks by itself.
const SETTLE_MS: u64 = 50;
/// Without a block for this long, parameters are exchanged without one.
const IDLE_MS: u64 = 300;
/// What must not leave the window's thread while there is a window.
const WINDOW_THREAD_ONLY: u32 = CALLBACK | RESIZE | FLUSH | INFOS | VALUES | PORTS;

/// What outlives one `initialize`/`terminate` and what the audio thread reaches without a lock.
pub(crate) struct Link {
    pub(crate) handler: Mutex<Option<ComPtr<IComponentHandler>>>,
    /// The active plugin, `None` while inactive.
    pub(crate) audio: Gate<Option<Box<Audio>>>,
    pub(crate) latency: AtomicU32,
    /// The latency that the host last asked for or was told to ask for.
    pub(crate) announced: AtomicU32,
    pub(crate) tail: AtomicU32,
    pub(crate) reset_wanted: AtomicBool,
    /// Counts blocks.
    pub(crate) blocks: AtomicU64,
}

impl Link {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            handler: Mutex::new(None),
            audio: Gate::new(None),
            latency: AtomicU32::new(0),
            announced: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            reset_wanted: AtomicBool::new(false),
            blocks: AtomicU64::new(0),
        })
    }
}

/// The view that is attached, for resizing it from the plugin.
pub(crate) struct Frame {
    pub(crate) frame: ComPtr<IPlugFrame>,
    /// Not counted, for the view would keep itself alive; it takes itself out of here before it goes.
    pub(crate) view: *mut IPlugView,
}

// SAFETY: the frame may be moved between threads; the view is only used on the window's thread.
unsafe impl Send for Frame {}

/// A running plugin with everything the main thread knows of it.
pub(crate) struct Hosted {
    pub(crate) host: Arc<HostSide>,
    pub(crate) link: Arc<Link>,
    /// Owned box, null after `shutdown`. Dereferenced under the main lock only.
    plugin: AtomicPtr<Plugin>,
    pub(crate) params: Mutex<Arc<ParamTable>>,
    pub(crate) layouts: Mutex<Layouts>,
    pub(crate) frame: Mutex<Option<Frame>>,
    pub(crate) active: AtomicBool,
    /// Which view made the plugin's window, 0 without a window.
    pub(crate) gui_owner: AtomicUsize,
    /// The thread on which it was made, 0 without a window.
    pub(crate) gui_thread: AtomicUsize,
    settle_until: AtomicU64,
    draining: AtomicBool,
    /// Since when the helper thread has seen undelivered news, 0 for none.
    pub(crate) pending_since: AtomicU64,
    /// Blocks counted when a flush was last put off, and when.
    idle: Mutex<(u64, u64)>,
}

impl Hosted {
    pub(crate) fn new(plugin: Plugin, host: Arc<HostSide>, link: Arc<Link>) -> Arc<Self> {
        let params = ParamTable::read(&plugin, None);
        let layouts = Layouts::read(&plugin, &host);
        link.latency.store(plugin.latency(), Ordering::Relaxed);
        link.announced.store(plugin.latency(), Ordering::Relaxed);
        link.tail.store(plugin.tail(), Ordering::Relaxed);
        Arc::new(Self {
            host,
            link,
            plugin: AtomicPtr::new(Box::into_raw(Box::new(plugin))),
            params: Mutex::new(Arc::new(params)),
            layouts: Mutex::new(layouts),
            frame: Mutex::new(None),
            active: AtomicBool::new(false),
            gui_owner: AtomicUsize::new(0),
            gui_thread: AtomicUsize::new(0),
            settle_until: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            pending_since: AtomicU64::new(0),
            idle: Mutex::new((0, 0)),
        })
    }

    /// Calls the plugin under the main lock; `None` after `shutdown`.
    pub(crate) fn call<R>(&self, f: impl FnOnce(&Plugin) -> R) -> Option<R> {
        let _guard = self.host.lock.enter();
        // SAFETY: the box lives until `shutdown`, which takes the same lock and refuses while a call is in progress.
        unsafe { self.plugin.load(Ordering::Acquire).as_ref() }.map(f)
    }

    /// Destroys the plugin's window if there is one.
    pub(crate) fn close_window(&self) {
        self.call(|plugin| {
            if self.gui_owner.swap(0, Ordering::AcqRel) != 0 {
                if let Some((raw, gui)) = plugin.gui()
                    && let Some(destroy) = gui.destroy
                {
                    // SAFETY: the plugin is alive and has a window.
                    unsafe { destroy(raw) };
                }
                self.gui_thread.store(0, Ordering::Release);
            }
        });
    }

    /// Destroys the plugin, which must be inactive and without a window. If the host does this from inside a call into the
    /// plugin, the plugin is leaked rather than pulled away under that call.
    pub(crate) fn shutdown(&self) {
        let guard = self.host.lock.enter();
        let plugin = self.plugin.swap(std::ptr::null_mut(), Ordering::AcqRel);
        if !plugin.is_null() && !guard.is_nested() {
            // SAFETY: the pointer came from `Box::into_raw` and nobody else takes it out.
            unsafe { Box::from_raw(plugin) }.destroy();
        }
    }

    pub(crate) fn table(&self) -> Arc<ParamTable> {
        lock(&self.params).clone()
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Sets one parameter of the inactive plugin.
    pub(crate) fn flush_one(&self, event: clap_sys::events::clap_event_param_value) {
        let table = self.table();
        let mut events = Events::new(0);
        events.fill_one(event);
        self.call(|plugin| {
            let sink = Sink {
                cells: &table.cells,
                host: &self.host,
            };
            plugin.flush(&events.list(), &sink.list());
        });
    }

    /// Hands the inactive plugin what the host set while it was active and no block brought. With nothing to hand over it is
    /// called only if it `asked`.
    pub(crate) fn flush_marked(&self, plugin: &Plugin, asked: bool) {
        let table = self.table();
        let mut events = Events::new(table.cells.scales.len());
        events.fill_marked(&table.cells);
        if asked || !events.is_empty() {
            let sink = Sink {
                cells: &table.cells,
                host: &self.host,
            };
            plugin.flush(&events.list(), &sink.list());
        }
    }

    /// Takes note of latency and tail after an activation.
    pub(crate) fn note_activation(&self, plugin: &Plugin) {
        self.link.tail.store(plugin.tail(), Ordering::Relaxed);
        let latency = plugin.latency();
        self.link.latency.store(latency, Ordering::Relaxed);
        if latency != self.link.announced.load(Ordering::Relaxed) {
            self.settle_until.store(now_ms() + SETTLE_MS, Ordering::Relaxed);
            self.host.raise(LATENCY);
        }
    }

    /// After a call that the host made on its main thread: tells it what there is to tell.
    pub(crate) fn after_main_call(&self) {
        if self.host.flags.load(Ordering::Acquire) != 0 && self.host.main_thread.load(Ordering::Relaxed) == thread_id()
        {
            self.drain();
        }
    }

    /// Acts on the plugin's flags. Nothing is locked while the host is called.
    pub(crate) fn drain(&self) {
        if self.draining.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut later = 0;
        // What is delivered may raise new flags; a plugin that never stops is left for the next time.
        for _ in 0..4 {
            let flags = self.host.flags.swap(0, Ordering::AcqRel);
            if flags == 0 {
                break;
            }
            later |= self.deliver(flags);
        }
        self.host.raise(later);
        self.pending_since.store(0, Ordering::Relaxed);
        self.draining.store(false, Ordering::Release);
    }

    /// Returns the flags that cannot be acted on now.
    fn deliver(&self, flags: u32) -> u32 {
        let handler = lock(&self.link.handler).clone();
        let mut later = 0;
        let mut restart = 0;
        let inactive = !self.is_active();
        let here = self.call(|plugin| {
            let gui = self.gui_thread.load(Ordering::Acquire);
            later = if gui != 0 && gui != thread_id() {
                flags & WINDOW_THREAD_ONLY
            } else {
                0
            };
            let has = |flag| flags & !later & flag != 0;
            if has(CALLBACK) {
                plugin.on_main_thread();
            }
            if has(FLUSH) && inactive {
                self.flush_marked(plugin, true);
            }
            if has(INFOS) {
                let table = ParamTable::read(plugin, Some(&self.table()));
                *lock(&self.params) = Arc::new(table);
                restart |= Restart::kParamTitlesChanged;
            }
            if has(VALUES) {
                self.table().cells.refresh(plugin);
                restart |= Restart::kParamValuesChanged;
            }
            if has(LATENCY) {
                self.link.latency.store(plugin.latency(), Ordering::Relaxed);
            }
            if has(PORTS) && inactive {
                *lock(&self.layouts) = Layouts::read(plugin, &self.host);
                restart |= Restart::kIoChanged;
            }
            flags & !later
        });
        let Some(here) = here else { return 0 };
        let has = |flag| here & flag != 0;
        if has(PORTS) && !inactive {
            later |= PORTS;
        }
        if has(FLUSH) && !inactive && !self.flush_if_idle() {
            later |= FLUSH;
        }
        if has(PORT_NAMES) {
            restart |= Restart::kIoTitlesChanged;
        }
        let latency = self.link.latency.load(Ordering::Relaxed);
        let news = latency != self.link.announced.load(Ordering::Relaxed);
        if has(LATENCY) && news && !has(RESTART) && now_ms() < self.settle_until.load(Ordering::Relaxed) {
            later |= LATENCY;
        } else if has(RESTART) || (has(LATENCY) && news) {
            restart |= Restart::kLatencyChanged;
        }
        if has(RESIZE) {
            self.resize_view();
        }
        let Some(handler) = handler else {
            // Nobody to tell yet.
            return later | here & (LATENCY | RESTART | EDITS | VALUES | INFOS | DIRTY);
        };
        if has(EDITS) {
            for edit in self.table().cells.take_edits() {
                // SAFETY: the handler is a live object of the host.
                unsafe {
                    match edit {
                        Edit::Begin(id) => handler.beginEdit(id),
                        Edit::Perform(id, value) => handler.performEdit(id, value),
                        Edit::End(id) => handler.endEdit(id),
                    };
                }
            }
        }
        if has(DIRTY)
            && let Some(handler) = handler.cast::<IComponentHandler2>()
        {
            // SAFETY: the handler is a live object of the host.
            unsafe { handler.setDirty(1) };
        }
        if restart != 0 {
            if restart & Restart::kLatencyChanged != 0 {
                self.link.announced.store(latency, Ordering::Relaxed);
            }
            // SAFETY: the handler is a live object of the host.
            unsafe { handler.restartComponent(restart) };
        }
        later
    }

    /// Exchanges parameters without a block if the active plugin has not had one for a while. `false`: not now.
    fn flush_if_idle(&self) -> bool {
        let blocks = self.link.blocks.load(Ordering::Relaxed);
        let mut idle = lock(&self.idle);
        let now = now_ms();
        if idle.0 != blocks || idle.1 == 0 {
            *idle = (blocks, now);
            return false;
        }
        if now < idle.1 + IDLE_MS {
            return false;
        }
        let Some(mut audio) = self.link.audio.try_enter() else {
            return false;
        };
        if let Some(audio) = audio.as_mut() {
            audio.flush_idle();
        }
        true
    }

    fn resize_view(&self) {
        let link = lock(&self.frame).as_ref().and_then(|frame| {
            // SAFETY: the view is alive while it is in here, and goes on this very thread.
            let view = unsafe { ComRef::from_raw(frame.view) }?;
            Some((frame.frame.clone(), view.to_com_ptr()))
        });
        let size = self.host.resize.load(Ordering::Acquire);
        let Some((frame, view)) = link else { return };
        let mut rect = ViewRect {
            left: 0,
            top: 0,
            right: (size >> 32) as i32,
            bottom: (size & 0xFFFF_FFFF) as i32,
        };
        // SAFETY: both objects are alive, held by the clones.
        unsafe { frame.resizeView(view.as_ptr(), &mut rect) };
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.shutdown();
    }
}
