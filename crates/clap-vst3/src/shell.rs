//! The VST3 object: component, processor and controller in one, around a plugin that exists from `initialize` to
//! `terminate`.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use vst3::Steinberg::Vst::{
    IAudioProcessor, IComponent, IEditController, IHostApplication, IHostApplicationTrait, IProcessContextRequirements,
    String128,
};
use vst3::Steinberg::{FUnknown, IPluginBaseTrait, kInternalError, kResultFalse, kResultOk, tresult};
use vst3::{Class, ComPtr, ComRef};

use crate::audio::{Audio, Prepared};
use crate::host::HostSide;
use crate::hosted::{Hosted, Link};
use crate::module::{Module, PluginInfo};
use crate::plugin::Plugin;
use crate::strings::from_utf16;
use crate::sync::lock;
use crate::ticker::Ticker;
use crate::worker;

/// What the host says before it activates.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) sample_rate: f64,
    pub(crate) max_frames: u32,
    pub(crate) offline: bool,
    /// Input buses that `activateBus` switched off.
    pub(crate) inputs_off: Vec<bool>,
}

pub(crate) struct Shell {
    module: &'static Module,
    plugin: &'static PluginInfo,
    factory_context: Option<ComPtr<FUnknown>>,
    pub(crate) link: Arc<Link>,
    hosted: Mutex<Option<Arc<Hosted>>>,
    pub(crate) setup: Mutex<Setup>,
    /// The rate for which the latency is known.
    known_rate: Mutex<Option<f64>>,
    ticker: Mutex<Option<Ticker>>,
}

impl Class for Shell {
    type Interfaces = (
        IComponent,
        IAudioProcessor,
        IEditController,
        IProcessContextRequirements,
    );
}

impl Shell {
    pub(crate) fn new(
        module: &'static Module,
        plugin: &'static PluginInfo,
        factory_context: Option<ComPtr<FUnknown>>,
    ) -> Self {
        Self {
            module,
            plugin,
            factory_context,
            link: Link::new(),
            hosted: Mutex::new(None),
            setup: Mutex::new(Setup {
                sample_rate: 44_100.0,
                max_frames: 1024,
                offline: false,
                inputs_off: Vec::new(),
            }),
            known_rate: Mutex::new(None),
            ticker: Mutex::new(None),
        }
    }

    /// The plugin, between `initialize` and `terminate`. Not for the audio thread.
    pub(crate) fn hosted(&self) -> Option<Arc<Hosted>> {
        lock(&self.hosted).clone()
    }

    fn create(&self, host_name: &str) -> Option<Arc<Hosted>> {
        let host = HostSide::new(host_name);
        // SAFETY: `Hosted` keeps the host until the plugin is destroyed.
        let raw = unsafe { self.module.create(self.plugin, host.raw()) }?;
        let guard = host.lock.enter();
        // SAFETY: the plugin was made just now, for us.
        let plugin = unsafe { Plugin::init(raw) }?;
        let hosted = Hosted::new(plugin, host.clone(), self.link.clone());
        drop(guard);
        Some(hosted)
    }

    /// Activates the inactive plugin for a moment if it has not been active at the rate that the host has just told: its latency may
    /// depend on it, and hosts ask for the latency before they activate.
    pub(crate) fn rehearse(&self, hosted: &Hosted) {
        let setup = lock(&self.setup).clone();
        let before = lock(&self.known_rate).replace(setup.sample_rate);
        if before == Some(setup.sample_rate) || hosted.is_active() {
            return;
        }
        hosted.call(|plugin| {
            hosted.flush_marked(plugin, false);
            plugin.set_offline(setup.offline);
            if plugin.activate(setup.sample_rate, setup.max_frames) {
                hosted.note_activation(plugin);
                plugin.deactivate();
            }
        });
    }

    pub(crate) fn activate(&self, hosted: &Hosted) -> tresult {
        if hosted.is_active() {
            return kResultOk;
        }
        let setup = lock(&self.setup).clone();
        let done = hosted.call(|plugin| {
            let (selection, layout, closed_inputs) = {
                let mut layouts = lock(&hosted.layouts);
                let is_off = |bus| setup.inputs_off.get(bus).copied().unwrap_or(false);
                let closed: Vec<bool> = (0..layouts.buses(true).len())
                    .map(|bus| bus > 0 && (is_off(bus) || layouts.arrangement(true, bus) == Some(0)))
                    .collect();
                (layouts.take_selection(), layouts.current(), closed)
            };
            if let Some(config) = selection {
                hosted.host.probing.store(true, Ordering::Relaxed);
                let selected = plugin.select_config(config);
                hosted.host.probing.store(false, Ordering::Relaxed);
                if !selected {
                    return false;
                }
            }
            for (port, closed) in (0..).zip(&closed_inputs) {
                plugin.open_input(port, !closed);
            }
            hosted.flush_marked(plugin, false);
            plugin.set_offline(setup.offline);
            if !plugin.activate(setup.sample_rate, setup.max_frames) {
                return false;
            }
            let audio = Audio::new(Prepared {
                // SAFETY: `deactivate` drops the copy, and `terminate` comes after it.
                plugin: unsafe { plugin.share() },
                host: hosted.host.clone(),
                cells: hosted.table().cells.clone(),
                layout: &layout,
                closed_inputs: &closed_inputs,
                max_frames: setup.max_frames,
            });
            *lock(&self.known_rate) = Some(setup.sample_rate);
            hosted.active.store(true, Ordering::Release);
            hosted.note_activation(plugin);
            self.link.reset_wanted.store(false, Ordering::Relaxed);
            *self.link.audio.enter() = Some(Box::new(audio));
            true
        });
        match done {
            Some(true) => kResultOk,
            Some(false) => kResultFalse,
            None => kInternalError,
        }
    }

    pub(crate) fn deactivate(&self, hosted: &Hosted) {
        hosted.call(|plugin| {
            let audio = self.link.audio.enter().take();
            if let Some(mut audio) = audio {
                audio.stop();
                drop(audio);
                plugin.deactivate();
            }
            hosted.active.store(false, Ordering::Release);
        });
    }

    fn shut(&self) {
        let Some(hosted) = lock(&self.hosted).take() else {
            return;
        };
        let ticker = lock(&self.ticker).take();
        drop(ticker);
        self.deactivate(&hosted);
        hosted.close_window();
        hosted.shutdown();
        let handler = lock(&self.link.handler).take();
        drop(handler);
    }
}

impl IPluginBaseTrait for Shell {
    unsafe fn initialize(&self, context: *mut FUnknown) -> tresult {
        if self.hosted().is_some() {
            return kResultOk;
        }
        // SAFETY: null or a live object, by VST3's contract.
        let context = unsafe { ComRef::from_raw(context) }.map(|context| context.to_com_ptr());
        let contexts = || context.iter().chain(&self.factory_context);
        let name = contexts()
            .find_map(|context| context.cast::<IHostApplication>())
            .map_or_else(String::new, |host| {
                let mut name: String128 = [0; 128];
                // SAFETY: the host object is alive and `name` is writable.
                unsafe { host.getName(&mut name) };
                // SAFETY: `name` is readable for its length.
                unsafe { from_utf16(name.as_ptr(), name.len()) }
            });
        let Some(hosted) = self.create(&name) else {
            return kResultFalse;
        };
        *lock(&self.hosted) = Some(hosted.clone());
        *lock(&self.ticker) = Ticker::new(&hosted, contexts());
        worker::watch(&hosted);
        kResultOk
    }

    unsafe fn terminate(&self) -> tresult {
        self.shut();
        kResultOk
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.shut();
    }
}
