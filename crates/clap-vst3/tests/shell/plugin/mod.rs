//! A small CLAP effect, by hand: `out = in * gain + side-chain`, a latency that a parameter changes, a state of 100 kB, a
//! pretended window. It reports what it is asked to its [`Probe`].
//!
//! Two plugins share the code: `test.full` answers the param-info extension, `test.plain` does not.

mod events;
mod factory;
mod params;
mod ports;
mod probe;
mod state;

pub use factory::{DEINITS, ENTRY, INIT_PATH};
pub use params::*;
pub use ports::CONFIGS;
pub use probe::{Probe, last_probe};

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap_sys::ext::audio_ports::CLAP_EXT_AUDIO_PORTS;
use clap_sys::ext::audio_ports_activation::CLAP_EXT_AUDIO_PORTS_ACTIVATION;
use clap_sys::ext::audio_ports_config::CLAP_EXT_AUDIO_PORTS_CONFIG;
use clap_sys::ext::gui::CLAP_EXT_GUI;
use clap_sys::ext::latency::*;
use clap_sys::ext::params::CLAP_EXT_PARAMS;
use clap_sys::ext::render::*;
use clap_sys::ext::state::CLAP_EXT_STATE;
use clap_sys::ext::tail::*;
use clap_sys::ext::thread_check::*;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::*;
use clap_vst3::PARAM_INFO_ID;

pub struct TestPlugin {
    clap: clap_plugin,
    pub probe: Arc<Probe>,
    has_info: bool,
    pub values: [f64; 4],
    config: usize,
    active: bool,
    rate: f64,
    offline: bool,
}

/// # Safety
///
/// `plugin` is one of ours.
pub unsafe fn get<'a>(plugin: *const clap_plugin) -> &'a mut TestPlugin {
    // SAFETY: `plugin_data` points to the box, which CLAP's thread rules let one thread use at a time.
    unsafe { &mut *(*plugin).plugin_data.cast::<TestPlugin>() }
}

fn put<const N: usize>(text: &CStr, out: &mut [c_char; N]) {
    for (to, from) in out.iter_mut().zip(text.to_bytes_with_nul()) {
        *to = *from as c_char;
    }
}

impl TestPlugin {
    fn set(&mut self, id: u32, value: f64) {
        let Some(at) = index(id) else { return };
        let changed = self.values[at] != value;
        self.values[at] = value;
        if id == LATENCY && changed {
            let latency: &clap_host_latency = self.probe.host_extension(CLAP_EXT_LATENCY);
            // SAFETY: the host is alive.
            unsafe { latency.changed.unwrap()(self.probe.host()) };
        }
    }

    fn check_thread(&self, audio: bool) {
        let threads: &clap_host_thread_check = self.probe.host_extension(CLAP_EXT_THREAD_CHECK);
        let host = self.probe.host();
        // SAFETY: the host is alive.
        let (is_main, is_audio) = unsafe {
            (
                threads.is_main_thread.unwrap()(host),
                threads.is_audio_thread.unwrap()(host),
            )
        };
        if (is_main, is_audio) != (!audio, audio) {
            self.probe.wrong_thread.store(true, Ordering::Relaxed);
        }
    }
}

unsafe extern "C" fn init(plugin: *const clap_plugin) -> bool {
    // SAFETY: our plugin.
    unsafe { get(plugin) }.check_thread(false);
    true
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    // SAFETY: our plugin, which came from `Box::into_raw` and is not used afterwards.
    unsafe {
        let this = get(plugin);
        assert!(!this.active, "destroyed while active");
        this.check_thread(false);
        this.probe.destroyed.store(true, Ordering::Relaxed);
        drop(Box::from_raw(this));
    }
}

unsafe extern "C" fn activate(plugin: *const clap_plugin, rate: f64, min: u32, max: u32) -> bool {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    this.check_thread(false);
    assert!(!this.active && min >= 1);
    this.active = true;
    this.rate = rate;
    let (config, _, _, _) = CONFIGS[this.config];
    let mode = if this.offline { "offline" } else { "realtime" };
    let latency = this.values[1];
    this.probe.call(format!(
        "activate {rate} {max} config {config} {mode} latency {latency}"
    ));
    true
}

unsafe extern "C" fn deactivate(plugin: *const clap_plugin) {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    this.check_thread(false);
    this.active = false;
    this.probe.call("deactivate");
}

unsafe extern "C" fn start_processing(plugin: *const clap_plugin) -> bool {
    // SAFETY: our plugin.
    unsafe { get(plugin) }.check_thread(true);
    true
}

unsafe extern "C" fn stop_processing(plugin: *const clap_plugin) {
    // SAFETY: our plugin.
    unsafe { get(plugin) }.check_thread(true);
}

unsafe extern "C" fn reset(plugin: *const clap_plugin) {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    this.check_thread(true);
    this.probe.resets.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn process(plugin: *const clap_plugin, block: *const clap_process) -> clap_process_status {
    // SAFETY: our plugin, and a valid block.
    unsafe {
        let this = get(plugin);
        let block = &*block;
        this.check_thread(true);
        let (_, main, aux, out) = CONFIGS[this.config];
        let inputs = std::slice::from_raw_parts(block.audio_inputs, block.audio_inputs_count as usize);
        let outputs = std::slice::from_raw_parts(block.audio_outputs, block.audio_outputs_count as usize);
        assert_eq!((inputs.len(), outputs.len()), (2, 1));
        assert_eq!(
            [
                inputs[0].channel_count,
                inputs[1].channel_count,
                outputs[0].channel_count
            ],
            [main, aux, out]
        );
        let mut blocks = this.probe.blocks.lock().unwrap();
        assert!(blocks.len() < blocks.capacity(), "the log must not grow");
        let channels = [main, aux];
        blocks.push((
            block.frames_count,
            channels,
            [inputs[0].constant_mask, inputs[1].constant_mask],
        ));
        drop(blocks);
        *this.probe.transport.lock().unwrap() = block.transport.as_ref().copied();
        this.exchange(block.in_events, block.out_events);
        let gain = 10_f64.powf(this.values[0] / 20.0) as f32;
        for channel in 0..out as usize {
            let source = *inputs[0].data32.add(channel.min(main as usize - 1));
            let side = *inputs[1].data32.add(channel.min(aux as usize - 1));
            let target = *outputs[0].data32.add(channel);
            for frame in 0..block.frames_count as usize {
                *target.add(frame) = *source.add(frame) * gain + *side.add(frame);
            }
        }
        if this.probe.tell_tail.swap(false, Ordering::Relaxed) {
            let tail: &clap_host_tail = this.probe.host_extension(CLAP_EXT_TAIL);
            tail.changed.unwrap()(this.probe.host());
        }
        if this.probe.fail.load(Ordering::Relaxed) {
            CLAP_PROCESS_ERROR
        } else {
            CLAP_PROCESS_CONTINUE
        }
    }
}

unsafe extern "C" fn on_main_thread(plugin: *const clap_plugin) {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    this.check_thread(false);
    this.probe.callbacks.lock().unwrap().push(std::thread::current().id());
}

unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    static LATENCY: clap_plugin_latency = clap_plugin_latency { get: Some(latency_get) };
    static TAIL: clap_plugin_tail = clap_plugin_tail { get: Some(tail_get) };
    static RENDER: clap_plugin_render = clap_plugin_render {
        has_hard_realtime_requirement: None,
        set: Some(render_set),
    };
    // SAFETY: our plugin, and an id that is NUL-terminated.
    let (this, id) = unsafe { (get(plugin), CStr::from_ptr(id)) };
    match id {
        _ if id == CLAP_EXT_AUDIO_PORTS => (&raw const ports::PORTS).cast(),
        _ if id == CLAP_EXT_AUDIO_PORTS_ACTIVATION => (&raw const ports::ACTIVATION).cast(),
        _ if id == CLAP_EXT_AUDIO_PORTS_CONFIG => (&raw const ports::PORTS_CONFIG).cast(),
        _ if id == CLAP_EXT_LATENCY => (&raw const LATENCY).cast(),
        _ if id == CLAP_EXT_TAIL => (&raw const TAIL).cast(),
        _ if id == CLAP_EXT_RENDER => (&raw const RENDER).cast(),
        _ if id == CLAP_EXT_STATE => (&raw const state::STATE).cast(),
        _ if id == CLAP_EXT_PARAMS => (&raw const PARAMS).cast(),
        _ if id == CLAP_EXT_GUI => (&raw const crate::window::GUI).cast(),
        _ if id == PARAM_INFO_ID && this.has_info => (&raw const INFO).cast(),
        _ => null(),
    }
}

unsafe extern "C" fn latency_get(plugin: *const clap_plugin) -> u32 {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    (this.values[1] * this.rate / 48_000.0).round() as u32
}

unsafe extern "C" fn tail_get(plugin: *const clap_plugin) -> u32 {
    // SAFETY: our plugin.
    unsafe { get(plugin) }.probe.tail.load(Ordering::Relaxed)
}

unsafe extern "C" fn render_set(plugin: *const clap_plugin, mode: clap_plugin_render_mode) -> bool {
    // SAFETY: our plugin.
    unsafe { get(plugin) }.offline = mode == CLAP_RENDER_OFFLINE;
    true
}
