//! A CLAP host in the test's own process: raw, so that it can also misbehave.
#![allow(dead_code, unsafe_code)]

pub mod live;
pub mod onnx;
mod tools;

pub use tools::*;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, CLAP_EVENT_TRANSPORT, CLAP_TRANSPORT_HAS_TEMPO,
    clap_event_header, clap_event_param_value, clap_event_transport, clap_input_events, clap_output_events,
};
use clap_sys::ext::audio_ports_config::{CLAP_EXT_AUDIO_PORTS_CONFIG, clap_plugin_audio_ports_config};
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_host_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency, clap_plugin_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_host_params, clap_param_info, clap_plugin_params};
use clap_sys::ext::render::{CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME, clap_plugin_render};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_host_state, clap_plugin_state};
use clap_sys::ext::tail::{CLAP_EXT_TAIL, clap_plugin_tail};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{clap_process, clap_process_status};
use clap_sys::stream::{clap_istream, clap_ostream};
use clap_sys::version::CLAP_VERSION;
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Main and side-chain widths of the plugin's layouts, in their order: `[inputs, outputs, side-chain]`.
pub const LAYOUTS: [[usize; 3]; 9] = [
    [2, 2, 2],
    [2, 2, 1],
    [2, 2, 0],
    [1, 1, 2],
    [1, 1, 1],
    [1, 1, 0],
    [1, 2, 2],
    [1, 2, 1],
    [1, 2, 0],
];

/// The parameters' ids, in the order in which hosts see them.
pub const PARAMS: [&str; 42] = [
    "bypass",
    "input_gain",
    "output_gain",
    "mix",
    "output_mode",
    "calibrate_input",
    "interface_dbu",
    "gate",
    "gate_threshold",
    "gate_hysteresis",
    "gate_hold",
    "gate_release",
    "gate_range",
    "cab",
    "tone_stack",
    "tone_bass",
    "tone_middle",
    "tone_treble",
    "a_knob_1",
    "a_knob_2",
    "a_knob_3",
    "a_knob_4",
    "a_knob_5",
    "a_knob_6",
    "a_knob_7",
    "a_knob_8",
    "b_knob_1",
    "b_knob_2",
    "b_knob_3",
    "b_knob_4",
    "b_knob_5",
    "b_knob_6",
    "b_knob_7",
    "b_knob_8",
    "source",
    "program",
    "use_reference",
    "a_trim",
    "b_trim",
    "reference_trim",
    "a_sync",
    "b_sync",
];

/// Those of the first release.
pub const FIRST_PARAMS: [&str; 12] = [
    "bypass",
    "input_gain",
    "output_gain",
    "mix",
    "a_knob_1",
    "a_knob_2",
    "a_knob_3",
    "a_knob_4",
    "a_knob_5",
    "a_knob_6",
    "a_knob_7",
    "a_knob_8",
];

/// Parameters with this many steps between their values, instead of a range of 0 … 1.
pub const STEPS: [(&str, f64); 6] = [
    ("output_mode", 2.0),
    ("cab", 2.0),
    ("source", 4.0),
    ("program", 16.0),
    ("a_sync", 16.0),
    ("b_sync", 16.0),
];

/// The CLAP id of a parameter.
pub fn id_of(name: &str) -> u32 {
    name.bytes()
        .fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)))
        & 0x7fff_ffff
}

/// What the host was asked.
#[derive(Default)]
pub struct Calls {
    pub restarts: AtomicU32,
    pub callbacks: AtomicU32,
    pub latency_changes: AtomicU32,
    pub stray_latency_changes: AtomicU32,
    pub rescans: AtomicU32,
    pub dirty: AtomicU32,
    in_activate: AtomicBool,
    has_gui: bool,
}

/// One instance in its host.
pub struct Instance {
    pub plugin: *const clap_plugin,
    pub calls: Box<Calls>,
    /// Beats per minute of the host's transport, which stands; 0: the host has none.
    pub tempo: Cell<f64>,
    _host: Box<clap_host>,
    _name: CString,
    active: bool,
    processing: bool,
}

unsafe fn calls<'a>(host: *const clap_host) -> &'a Calls {
    // SAFETY: the host is one of `Instance::named`.
    unsafe { &*(*host).host_data.cast::<Calls>() }
}

unsafe extern "C" fn request_restart(host: *const clap_host) {
    // SAFETY: as `calls`.
    unsafe { calls(host) }.restarts.fetch_add(1, Ordering::SeqCst);
}
unsafe extern "C" fn request_process(_host: *const clap_host) {}
unsafe extern "C" fn request_callback(host: *const clap_host) {
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

unsafe extern "C" fn host_extension(host: *const clap_host, id: *const c_char) -> *const c_void {
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

impl Instance {
    /// A new instance, initialised.
    pub fn new() -> Self {
        Self::named("Test host")
    }

    /// In a host of that name.
    pub fn named(name: &str) -> Self {
        Self::in_host(name, false)
    }

    /// In a host of that name, which can hold a window or not.
    pub fn in_host(name: &str, has_gui: bool) -> Self {
        let calls = Box::new(Calls {
            has_gui,
            ..Calls::default()
        });
        let name = CString::new(name).expect("no zero inside");
        let host = Box::new(clap_host {
            clap_version: CLAP_VERSION,
            host_data: ptr::from_ref(&*calls).cast_mut().cast(),
            name: name.as_ptr(),
            vendor: c"Tonegraft".as_ptr(),
            url: c"".as_ptr(),
            version: c"1".as_ptr(),
            get_extension: Some(host_extension),
            request_restart: Some(request_restart),
            request_process: Some(request_process),
            request_callback: Some(request_callback),
        });
        let entry = &tonegraft_plugin::CLAP_ENTRY;
        // SAFETY: the entry's own functions, used as CLAP says.
        let plugin = unsafe {
            assert!(entry.init.expect("init")(c"/nowhere".as_ptr()));
            let factory = entry.get_factory.expect("get_factory")(CLAP_PLUGIN_FACTORY_ID.as_ptr());
            let factory = &*factory.cast::<clap_plugin_factory>();
            let create = factory.create_plugin.expect("create_plugin");
            let plugin = create(factory, &raw const *host, c"org.tonegraft.tonegraft".as_ptr());
            assert!(!plugin.is_null());
            assert!((*plugin).init.expect("init")(plugin));
            plugin
        };
        Self {
            plugin,
            calls,
            tempo: Cell::new(0.0),
            _host: host,
            _name: name,
            active: false,
            processing: false,
        }
    }

    /// An extension of the plugin.
    pub fn extension<T>(&self, id: &CStr) -> &T {
        // SAFETY: each test asks for the struct that belongs to the id; extensions live as long as the plugin.
        unsafe {
            let pointer = (*self.plugin).get_extension.expect("get_extension")(self.plugin, id.as_ptr());
            pointer.cast::<T>().as_ref().expect("the plugin has this extension")
        }
    }

    pub fn select(&self, layout: usize) -> bool {
        let config: &clap_plugin_audio_ports_config = self.extension(CLAP_EXT_AUDIO_PORTS_CONFIG);
        // SAFETY: main thread.
        unsafe { config.select.expect("select")(self.plugin, u32::try_from(layout).expect("small")) }
    }

    pub fn set_offline(&self, offline: bool) {
        let render: &clap_plugin_render = self.extension(CLAP_EXT_RENDER);
        let mode = if offline {
            CLAP_RENDER_OFFLINE
        } else {
            CLAP_RENDER_REALTIME
        };
        // SAFETY: main thread.
        assert!(unsafe { render.set.expect("set")(self.plugin, mode) });
    }

    pub fn activate(&mut self, rate: f64, max_frames: u32) {
        self.calls.in_activate.store(true, Ordering::SeqCst);
        // SAFETY: main thread, inactive.
        assert!(unsafe { (*self.plugin).activate.expect("activate")(self.plugin, rate, 1, max_frames) });
        self.calls.in_activate.store(false, Ordering::SeqCst);
        self.active = true;
    }

    pub fn start(&mut self) {
        // SAFETY: active.
        assert!(unsafe { (*self.plugin).start_processing.expect("start")(self.plugin) });
        self.processing = true;
    }

    pub fn stop(&mut self) {
        // SAFETY: processing.
        unsafe { (*self.plugin).stop_processing.expect("stop")(self.plugin) };
        self.processing = false;
    }

    pub fn deactivate(&mut self) {
        if self.processing {
            self.stop();
        }
        // SAFETY: active.
        unsafe { (*self.plugin).deactivate.expect("deactivate")(self.plugin) };
        self.active = false;
    }

    pub fn reset(&self) {
        // SAFETY: active, on the thread that processes.
        unsafe { (*self.plugin).reset.expect("reset")(self.plugin) };
    }

    pub fn on_main_thread(&self) {
        // SAFETY: main thread.
        unsafe { (*self.plugin).on_main_thread.expect("on_main_thread")(self.plugin) };
    }

    pub fn latency(&self) -> u32 {
        let latency: &clap_plugin_latency = self.extension(CLAP_EXT_LATENCY);
        // SAFETY: main thread.
        unsafe { latency.get.expect("get")(self.plugin) }
    }

    pub fn tail(&self) -> u32 {
        let tail: &clap_plugin_tail = self.extension(CLAP_EXT_TAIL);
        // SAFETY: main thread.
        unsafe { tail.get.expect("get")(self.plugin) }
    }

    pub fn params(&self) -> &clap_plugin_params {
        self.extension(CLAP_EXT_PARAMS)
    }

    pub fn param_count(&self) -> u32 {
        // SAFETY: main thread.
        unsafe { self.params().count.expect("count")(self.plugin) }
    }

    pub fn param_info(&self, index: u32) -> Option<clap_param_info> {
        // SAFETY: all zeros is a valid info; main thread.
        unsafe {
            let mut info: clap_param_info = std::mem::zeroed();
            self.params().get_info.expect("get_info")(self.plugin, index, &raw mut info).then_some(info)
        }
    }

    pub fn param(&self, name: &str) -> f64 {
        let mut value = f64::NAN;
        // SAFETY: main thread.
        assert!(unsafe { self.params().get_value.expect("get_value")(self.plugin, id_of(name), &raw mut value) });
        value
    }

    pub fn text(&self, name: &str, value: f64) -> String {
        let mut text = [0 as c_char; 256];
        // SAFETY: 256 writable bytes; main thread.
        unsafe {
            let convert = self.params().value_to_text.expect("value_to_text");
            assert!(convert(self.plugin, id_of(name), value, text.as_mut_ptr(), 256));
            CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned()
        }
    }

    pub fn value(&self, name: &str, text: &str) -> Option<f64> {
        let text = CString::new(text).expect("no zero inside");
        let mut value = f64::NAN;
        // SAFETY: main thread.
        let known = unsafe {
            let convert = self.params().text_to_value.expect("text_to_value");
            convert(self.plugin, id_of(name), text.as_ptr(), &raw mut value)
        };
        known.then_some(value)
    }

    /// Sets parameters while the plugin is inactive.
    pub fn flush(&self, events: &[Event]) {
        let events = EventList::new(events);
        let list = events.list();
        // SAFETY: inactive, main thread; the list lives through the call.
        unsafe { self.params().flush.expect("flush")(self.plugin, &raw const list, ptr::null()) };
    }

    pub fn save(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::new();
        let stream = clap_ostream {
            ctx: (&raw mut bytes).cast(),
            write: Some(write),
        };
        let state: &clap_plugin_state = self.extension(CLAP_EXT_STATE);
        // SAFETY: main thread; the stream lives through the call.
        assert!(unsafe { state.save.expect("save")(self.plugin, &raw const stream) });
        bytes
    }

    pub fn load(&self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        let stream = clap_istream {
            ctx: (&raw mut rest).cast(),
            read: Some(read),
        };
        let state: &clap_plugin_state = self.extension(CLAP_EXT_STATE);
        // SAFETY: main thread; the stream lives through the call.
        unsafe { state.load.expect("load")(self.plugin, &raw const stream) }
    }

    /// One block as a decent host sends it: every port of `layout`, out of place.
    pub fn block(
        &self,
        layout: [usize; 3],
        input: &[Vec<f32>],
        range: std::ops::Range<usize>,
        events: &[Event],
    ) -> Vec<Vec<f32>> {
        let frames = range.len();
        let mut main: Vec<Vec<f32>> = input
            .iter()
            .take(layout[0])
            .map(|channel| channel[range.clone()].to_vec())
            .collect();
        let mut aux = vec![vec![0.25_f32; frames]; layout[2]];
        let mut output = vec![vec![f32::NAN; frames]; layout[1]];
        let mut main_pointers: Vec<*mut f32> = main.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut aux_pointers: Vec<*mut f32> = aux.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut output_pointers: Vec<*mut f32> = output.iter_mut().map(|channel| channel.as_mut_ptr()).collect();
        let mut inputs = vec![buffer(&mut main_pointers)];
        if layout[2] > 0 {
            inputs.push(buffer(&mut aux_pointers));
        }
        let mut outputs = [buffer(&mut output_pointers)];
        let status = self.raw(frames, &inputs, &mut outputs, events);
        assert_ne!(status, 0, "process failed");
        output
    }

    /// All of `input` in blocks of the lengths that `next` gives.
    pub fn render(&self, layout: [usize; 3], input: &[Vec<f32>], mut next: impl FnMut() -> usize) -> Vec<Vec<f32>> {
        let frames = input[0].len();
        let mut output = vec![Vec::new(); layout[1]];
        let mut at = 0;
        while at < frames {
            let end = (at + next().max(1)).min(frames);
            for (all, part) in output.iter_mut().zip(self.block(layout, input, at..end, &[])) {
                all.extend(part);
            }
            at = end;
        }
        output
    }

    /// One block, exactly as given.
    pub fn raw(
        &self,
        frames: usize,
        inputs: &[clap_audio_buffer],
        outputs: &mut [clap_audio_buffer],
        events: &[Event],
    ) -> clap_process_status {
        Prepared::new(events).process(self, frames, inputs, outputs)
    }

    pub fn raw_block(&self, block: &clap_process) -> clap_process_status {
        // SAFETY: processing, this thread plays the audio thread; the block lives through the call.
        unsafe { (*self.plugin).process.expect("process")(self.plugin, block) }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.active {
            self.deactivate();
        }
        // SAFETY: inactive, last call.
        unsafe { (*self.plugin).destroy.expect("destroy")(self.plugin) };
    }
}

/// A buffer over `pointers`.
pub fn buffer(pointers: &mut [*mut f32]) -> clap_audio_buffer {
    clap_audio_buffer {
        data32: pointers.as_mut_ptr(),
        data64: ptr::null_mut(),
        channel_count: u32::try_from(pointers.len()).expect("small"),
        latency: 0,
        constant_mask: 0,
    }
}

unsafe extern "C" fn write(stream: *const clap_ostream, data: *const c_void, size: u64) -> i64 {
    // SAFETY: the context is the vector of `save`; short pieces, as a host may.
    unsafe {
        let bytes = &mut *(*stream).ctx.cast::<Vec<u8>>();
        let count = usize::try_from(size).expect("small").min(37);
        bytes.extend_from_slice(std::slice::from_raw_parts(data.cast::<u8>(), count));
        i64::try_from(count).expect("small")
    }
}

unsafe extern "C" fn read(stream: *const clap_istream, data: *mut c_void, size: u64) -> i64 {
    // SAFETY: the context is the slice of `load`; short pieces, as a host may.
    unsafe {
        let rest = &mut *(*stream).ctx.cast::<&[u8]>();
        let count = usize::try_from(size).unwrap_or(usize::MAX).min(41).min(rest.len());
        ptr::copy_nonoverlapping(rest.as_ptr(), data.cast::<u8>(), count);
        *rest = &rest[count..];
        i64::try_from(count).expect("small")
    }
}

unsafe extern "C" fn try_push(_list: *const clap_output_events, _event: *const clap_event_header) -> bool {
    true
}

/// A parameter set at a frame of the block.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub time: u32,
    pub param: u32,
    pub value: f64,
}

/// Event lists made beforehand, so that a block can be sent without touching the heap.
pub struct Prepared(EventList);

impl Prepared {
    pub fn new(events: &[Event]) -> Self {
        Self(EventList::new(events))
    }

    /// One block, exactly as given.
    pub fn process(
        &self,
        instance: &Instance,
        frames: usize,
        inputs: &[clap_audio_buffer],
        outputs: &mut [clap_audio_buffer],
    ) -> clap_process_status {
        let in_events = self.0.list();
        let out_events = clap_output_events {
            ctx: ptr::null_mut(),
            try_push: Some(try_push),
        };
        let transport = transport(instance.tempo.get());
        instance.raw_block(&clap_process {
            steady_time: -1,
            frames_count: u32::try_from(frames).expect("small"),
            transport: if transport.tempo > 0.0 {
                &raw const transport
            } else {
                ptr::null()
            },
            audio_inputs: if inputs.is_empty() {
                ptr::null()
            } else {
                inputs.as_ptr()
            },
            audio_outputs: if outputs.is_empty() {
                ptr::null_mut()
            } else {
                outputs.as_mut_ptr()
            },
            audio_inputs_count: u32::try_from(inputs.len()).expect("small"),
            audio_outputs_count: u32::try_from(outputs.len()).expect("small"),
            in_events: &raw const in_events,
            out_events: &raw const out_events,
        })
    }
}

/// A transport that stands.
fn transport(tempo: f64) -> clap_event_transport {
    clap_event_transport {
        header: clap_event_header {
            size: u32::try_from(size_of::<clap_event_transport>()).expect("small"),
            time: 0,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_: CLAP_EVENT_TRANSPORT,
            flags: 0,
        },
        flags: CLAP_TRANSPORT_HAS_TEMPO,
        song_pos_beats: 0,
        song_pos_seconds: 0,
        tempo,
        tempo_inc: 0.0,
        loop_start_beats: 0,
        loop_end_beats: 0,
        loop_start_seconds: 0,
        loop_end_seconds: 0,
        bar_start: 0,
        bar_number: 0,
        tsig_num: 0,
        tsig_denom: 0,
    }
}

struct EventList(Vec<clap_event_param_value>);

impl EventList {
    fn new(events: &[Event]) -> Self {
        Self(
            events
                .iter()
                .map(|event| clap_event_param_value {
                    header: clap_event_header {
                        size: u32::try_from(size_of::<clap_event_param_value>()).expect("small"),
                        time: event.time,
                        space_id: CLAP_CORE_EVENT_SPACE_ID,
                        type_: CLAP_EVENT_PARAM_VALUE,
                        flags: 0,
                    },
                    param_id: event.param,
                    cookie: ptr::null_mut(),
                    note_id: -1,
                    port_index: -1,
                    channel: -1,
                    key: -1,
                    value: event.value,
                })
                .collect(),
        )
    }

    fn list(&self) -> clap_input_events {
        clap_input_events {
            ctx: ptr::from_ref(&self.0).cast_mut().cast(),
            size: Some(event_count),
            get: Some(event_at),
        }
    }
}

unsafe extern "C" fn event_count(list: *const clap_input_events) -> u32 {
    // SAFETY: the context is the vector of an `EventList`.
    u32::try_from(unsafe { (*(*list).ctx.cast::<Vec<clap_event_param_value>>()).len() }).expect("small")
}

unsafe extern "C" fn event_at(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as above.
    let events = unsafe { &*(*list).ctx.cast::<Vec<clap_event_param_value>>() };
    events
        .get(index as usize)
        .map_or(ptr::null(), |event| ptr::from_ref(event).cast())
}
