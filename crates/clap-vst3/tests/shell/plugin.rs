//! A small CLAP effect, by hand: `out = in * gain + side-chain`, a latency that a parameter changes, a state of 100 kB, a
//! pretended window. It reports what it is asked to its [`Probe`].
//!
//! Two plugins share the code: `test.full` answers the param-info extension, `test.plain` does not.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use clap_sys::entry::clap_plugin_entry;
use clap_sys::events::*;
use clap_sys::ext::audio_ports::*;
use clap_sys::ext::audio_ports_activation::*;
use clap_sys::ext::audio_ports_config::*;
use clap_sys::ext::latency::*;
use clap_sys::ext::params::*;
use clap_sys::ext::render::*;
use clap_sys::ext::state::*;
use clap_sys::ext::tail::*;
use clap_sys::ext::thread_check::*;
use clap_sys::factory::plugin_factory::*;
use clap_sys::host::clap_host;
use clap_sys::id::CLAP_INVALID_ID;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::process::*;
use clap_sys::stream::*;
use clap_sys::version::CLAP_VERSION;
use clap_vst3::{PARAM_INFO_ID, ParamInfoExtension};

pub const GAIN: u32 = 11;
pub const LATENCY: u32 = 7;
pub const BYPASS: u32 = 2_000_000_000;
pub const METER: u32 = 5;

/// `(id, main in, side-chain in, out)`.
pub const CONFIGS: [(u32, u32, u32, u32); 4] = [(100, 2, 2, 2), (101, 1, 2, 1), (102, 1, 2, 2), (103, 1, 1, 1)];

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
    host: AtomicUsize,
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
    static LAST: RefCell<Option<Arc<Probe>>> = const { RefCell::new(None) };
}

/// The probe of the plugin that this thread made last.
pub fn last_probe() -> Arc<Probe> {
    LAST.with_borrow(|probe| probe.clone().unwrap())
}

pub static INIT_PATH: Mutex<Vec<String>> = Mutex::new(Vec::new());
pub static DEINITS: AtomicUsize = AtomicUsize::new(0);

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

pub const IDS: [u32; 4] = [GAIN, LATENCY, BYPASS, METER];
const RANGES: [(f64, f64, f64); 4] = [(-30.0, 30.0, 0.0), (0.0, 4096.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0)];
const NAMES: [&CStr; 4] = [c"Gain", c"Latency", c"Bypass", c"Meter"];

fn index(id: u32) -> Option<usize> {
    IDS.iter().position(|known| *known == id)
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

    /// # Safety
    ///
    /// The lists are valid.
    unsafe fn exchange(&mut self, input: *const clap_input_events, output: *const clap_output_events) {
        // SAFETY: the caller's promise.
        unsafe {
            for at in 0..(*input).size.unwrap()(input) {
                let header = (*input).get.unwrap()(input, at);
                assert_eq!((*header).type_, CLAP_EVENT_PARAM_VALUE);
                let event = header.cast::<clap_event_param_value>().read_unaligned();
                let mut log = self.probe.events.lock().unwrap();
                assert!(log.len() < log.capacity(), "the log must not grow");
                log.push((event.header.time, event.param_id, event.value));
                drop(log);
                self.set(event.param_id, event.value);
            }
            let mut send = self.probe.send.lock().unwrap();
            for (kind, id, value) in send.drain(..) {
                let size = if kind == CLAP_EVENT_PARAM_VALUE {
                    size_of::<clap_event_param_value>()
                } else {
                    size_of::<clap_event_param_gesture>()
                };
                let header = clap_event_header {
                    size: size as u32,
                    time: 0,
                    space_id: CLAP_CORE_EVENT_SPACE_ID,
                    type_: kind,
                    flags: 0,
                };
                if kind == CLAP_EVENT_PARAM_VALUE {
                    let event = clap_event_param_value {
                        header,
                        param_id: id,
                        cookie: std::ptr::null_mut(),
                        note_id: -1,
                        port_index: -1,
                        channel: -1,
                        key: -1,
                        value,
                    };
                    (*output).try_push.unwrap()(output, &event.header);
                } else {
                    let event = clap_event_param_gesture { header, param_id: id };
                    (*output).try_push.unwrap()(output, &event.header);
                }
            }
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

unsafe extern "C" fn port_active(plugin: *const clap_plugin, input: bool, port: u32, active: bool, _bits: u32) -> bool {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    if input {
        let mut open = this.probe.open_inputs.lock().unwrap();
        let ports = open.len().max(port as usize + 1);
        open.resize(ports, true);
        open[port as usize] = active;
    }
    input
}

unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    static PORTS: clap_plugin_audio_ports = clap_plugin_audio_ports {
        count: Some(port_count),
        get: Some(port_get),
    };
    static CONFIGS: clap_plugin_audio_ports_config = clap_plugin_audio_ports_config {
        count: Some(config_count),
        get: Some(config_get),
        select: Some(config_select),
    };
    static ACTIVATION: clap_plugin_audio_ports_activation = clap_plugin_audio_ports_activation {
        can_activate_while_processing: None,
        set_active: Some(port_active),
    };
    static LATENCY: clap_plugin_latency = clap_plugin_latency { get: Some(latency_get) };
    static TAIL: clap_plugin_tail = clap_plugin_tail { get: Some(tail_get) };
    static RENDER: clap_plugin_render = clap_plugin_render {
        has_hard_realtime_requirement: None,
        set: Some(render_set),
    };
    static STATE: clap_plugin_state = clap_plugin_state {
        save: Some(state_save),
        load: Some(state_load),
    };
    static PARAMS: clap_plugin_params = clap_plugin_params {
        count: Some(param_count),
        get_info: Some(param_info),
        get_value: Some(param_value),
        value_to_text: Some(value_to_text),
        text_to_value: Some(text_to_value),
        flush: Some(flush),
    };
    static INFO: ParamInfoExtension = ParamInfoExtension {
        get_unit: Some(unit),
        get_short_name: Some(short_name),
        to_plain: Some(to_plain),
        from_plain: Some(from_plain),
    };
    // SAFETY: our plugin, and an id that is NUL-terminated.
    let (this, id) = unsafe { (get(plugin), CStr::from_ptr(id)) };
    match id {
        _ if id == CLAP_EXT_AUDIO_PORTS => (&raw const PORTS).cast(),
        _ if id == CLAP_EXT_AUDIO_PORTS_ACTIVATION => (&raw const ACTIVATION).cast(),
        _ if id == CLAP_EXT_AUDIO_PORTS_CONFIG => (&raw const CONFIGS).cast(),
        _ if id == CLAP_EXT_LATENCY => (&raw const LATENCY).cast(),
        _ if id == CLAP_EXT_TAIL => (&raw const TAIL).cast(),
        _ if id == CLAP_EXT_RENDER => (&raw const RENDER).cast(),
        _ if id == CLAP_EXT_STATE => (&raw const STATE).cast(),
        _ if id == CLAP_EXT_PARAMS => (&raw const PARAMS).cast(),
        _ if id == clap_sys::ext::gui::CLAP_EXT_GUI => (&raw const crate::window::GUI).cast(),
        _ if id == PARAM_INFO_ID && this.has_info => (&raw const INFO).cast(),
        _ => null(),
    }
}

unsafe extern "C" fn port_count(_plugin: *const clap_plugin, input: bool) -> u32 {
    if input { 2 } else { 1 }
}

unsafe extern "C" fn port_get(
    plugin: *const clap_plugin,
    index: u32,
    input: bool,
    info: *mut clap_audio_port_info,
) -> bool {
    // SAFETY: our plugin, and a writable info.
    let (this, info) = unsafe { (get(plugin), &mut *info) };
    let (_, main, aux, out) = CONFIGS[this.config];
    let is_main = index == 0;
    info.id = index;
    put(
        if !input {
            c"Out"
        } else if is_main {
            c"In"
        } else {
            c"Side-chain"
        },
        &mut info.name,
    );
    info.flags = if is_main { CLAP_AUDIO_PORT_IS_MAIN } else { 0 };
    info.channel_count = if !input {
        out
    } else if is_main {
        main
    } else {
        aux
    };
    info.port_type = if info.channel_count == 1 {
        CLAP_PORT_MONO.as_ptr()
    } else {
        CLAP_PORT_STEREO.as_ptr()
    };
    info.in_place_pair = if is_main { 0 } else { CLAP_INVALID_ID };
    true
}

unsafe extern "C" fn config_count(_plugin: *const clap_plugin) -> u32 {
    CONFIGS.len() as u32
}

unsafe extern "C" fn config_get(_plugin: *const clap_plugin, index: u32, out: *mut clap_audio_ports_config) -> bool {
    // SAFETY: writable by CLAP's contract.
    unsafe { (*out).id = CONFIGS[index as usize].0 };
    true
}

unsafe extern "C" fn config_select(plugin: *const clap_plugin, id: u32) -> bool {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    assert!(!this.active, "a configuration was selected while active");
    let found = CONFIGS.iter().position(|config| config.0 == id);
    this.config = found.unwrap_or(this.config);
    // What a plugin may do here: tell that its ports changed.
    let ports: &clap_host_audio_ports = this.probe.host_extension(CLAP_EXT_AUDIO_PORTS);
    // SAFETY: the host is alive.
    unsafe { ports.rescan.unwrap()(this.probe.host(), CLAP_AUDIO_PORTS_RESCAN_LIST) };
    found.is_some()
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

const PADDING: usize = 100_000;

fn padding(at: usize) -> u8 {
    (at % 251) as u8
}

unsafe extern "C" fn state_save(plugin: *const clap_plugin, stream: *const clap_ostream) -> bool {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    let mut bytes: Vec<u8> = this.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    bytes.extend((0..PADDING).map(padding));
    bytes.chunks(999).all(|piece| {
        // SAFETY: the stream is valid, the piece readable.
        let count = unsafe { (*stream).write.unwrap()(stream, piece.as_ptr().cast(), piece.len() as u64) };
        count == piece.len() as i64
    })
}

unsafe extern "C" fn state_load(plugin: *const clap_plugin, stream: *const clap_istream) -> bool {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    let mut bytes = Vec::new();
    let mut piece = [0_u8; 777];
    loop {
        // SAFETY: the stream is valid, the piece writable.
        let count = unsafe { (*stream).read.unwrap()(stream, piece.as_mut_ptr().cast(), piece.len() as u64) };
        match count {
            0 => break,
            1.. => bytes.extend_from_slice(&piece[..count as usize]),
            _ => return false,
        }
    }
    if bytes.len() != 32 + PADDING || (0..PADDING).any(|at| bytes[32 + at] != padding(at)) {
        return false;
    }
    for (at, value) in bytes[..32].chunks(8).enumerate() {
        this.values[at] = f64::from_le_bytes(value.try_into().unwrap());
    }
    true
}

unsafe extern "C" fn param_count(_plugin: *const clap_plugin) -> u32 {
    IDS.len() as u32
}

unsafe extern "C" fn param_info(_plugin: *const clap_plugin, at: u32, info: *mut clap_param_info) -> bool {
    // SAFETY: writable by CLAP's contract.
    let info = unsafe { &mut *info };
    let at = at as usize;
    info.id = IDS[at];
    info.flags = match info.id {
        GAIN => CLAP_PARAM_IS_AUTOMATABLE,
        BYPASS => CLAP_PARAM_IS_AUTOMATABLE | CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_BYPASS,
        LATENCY => CLAP_PARAM_IS_STEPPED,
        _ => CLAP_PARAM_IS_READONLY,
    };
    put(NAMES[at], &mut info.name);
    (info.min_value, info.max_value, info.default_value) = RANGES[at];
    true
}

unsafe extern "C" fn param_value(plugin: *const clap_plugin, id: u32, value: *mut f64) -> bool {
    let Some(at) = index(id) else { return false };
    // SAFETY: our plugin, and a writable value.
    unsafe { *value = get(plugin).values[at] };
    true
}

/// # Safety
///
/// `out` has room for `capacity`.
unsafe fn answer(text: &str, out: *mut c_char, capacity: u32) -> bool {
    let text = CString::new(text).unwrap();
    let bytes = text.to_bytes_with_nul();
    assert!(bytes.len() <= capacity as usize);
    // SAFETY: the caller's promise.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), out.cast(), bytes.len()) };
    true
}

unsafe extern "C" fn value_to_text(_: *const clap_plugin, id: u32, value: f64, out: *mut c_char, room: u32) -> bool {
    let text = match id {
        GAIN => format!("{value:.2} dB"),
        LATENCY => format!("{value:.0}"),
        BYPASS => (if value > 0.5 { "On" } else { "Off" }).to_owned(),
        _ => format!("{value:.1}"),
    };
    // SAFETY: CLAP's contract.
    unsafe { answer(&text, out, room) }
}

unsafe extern "C" fn text_to_value(_: *const clap_plugin, id: u32, text: *const c_char, value: *mut f64) -> bool {
    // SAFETY: CLAP's contract.
    let text = unsafe { CStr::from_ptr(text) }.to_str().unwrap();
    let number = match (id, text) {
        (BYPASS, "On") => Some(1.0),
        (BYPASS, "Off") => Some(0.0),
        _ => text.trim_end_matches("dB").trim().parse().ok(),
    };
    // SAFETY: CLAP's contract.
    number.map(|number| unsafe { *value = number }).is_some()
}

unsafe extern "C" fn flush(plugin: *const clap_plugin, i: *const clap_input_events, o: *const clap_output_events) {
    // SAFETY: our plugin, and valid lists.
    unsafe {
        let this = get(plugin);
        this.check_thread(this.active);
        this.exchange(i, o);
    }
}

unsafe extern "C" fn unit(_: *const clap_plugin, id: u32, out: *mut c_char, room: u32) -> bool {
    // SAFETY: the extension's contract.
    id == GAIN && unsafe { answer("dB", out, room) }
}

unsafe extern "C" fn short_name(_: *const clap_plugin, id: u32, out: *mut c_char, room: u32) -> bool {
    // SAFETY: the extension's contract.
    id == LATENCY && unsafe { answer("Lat", out, room) }
}

unsafe extern "C" fn to_plain(_: *const clap_plugin, id: u32, value: f64, plain: *mut f64) -> bool {
    // SAFETY: the extension's contract.
    unsafe { *plain = value };
    id == GAIN
}

unsafe extern "C" fn from_plain(plugin: *const clap_plugin, id: u32, plain: f64, value: *mut f64) -> bool {
    // SAFETY: the extension's contract.
    unsafe { to_plain(plugin, id, plain, value) }
}

const fn descriptor(id: &'static CStr, name: &'static CStr) -> clap_plugin_descriptor {
    clap_plugin_descriptor {
        clap_version: CLAP_VERSION,
        id: id.as_ptr(),
        name: name.as_ptr(),
        vendor: c"Test".as_ptr(),
        url: c"".as_ptr(),
        manual_url: c"".as_ptr(),
        support_url: c"".as_ptr(),
        version: c"1.2.3".as_ptr(),
        description: c"".as_ptr(),
        features: null(),
    }
}

static DESCRIPTORS: [clap_plugin_descriptor; 2] = [
    descriptor(c"test.full", c"Full Täst"),
    descriptor(c"test.plain", c"Plain Test"),
];

unsafe extern "C" fn create_plugin(
    _factory: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    // SAFETY: CLAP's contract.
    let id = unsafe { CStr::from_ptr(id) };
    let Some(at) = [c"test.full", c"test.plain"].iter().position(|known| *known == id) else {
        return null();
    };
    let probe = Arc::new(Probe::default());
    probe.host.store(host as usize, Ordering::Relaxed);
    probe.tail.store(1000, Ordering::Relaxed);
    probe.events.lock().unwrap().reserve(20_000);
    probe.blocks.lock().unwrap().reserve(20_000);
    // SAFETY: the host's name is NUL-terminated.
    *probe.host_name.lock().unwrap() = unsafe { CStr::from_ptr((*host).name) }.to_str().unwrap().to_owned();
    LAST.set(Some(probe.clone()));
    let clap = clap_plugin {
        desc: &DESCRIPTORS[at],
        plugin_data: std::ptr::null_mut(),
        init: Some(init),
        destroy: Some(destroy),
        activate: Some(activate),
        deactivate: Some(deactivate),
        start_processing: Some(start_processing),
        stop_processing: Some(stop_processing),
        reset: Some(reset),
        process: Some(process),
        get_extension: Some(get_extension),
        on_main_thread: Some(on_main_thread),
    };
    let values = RANGES.map(|range| range.2);
    let plugin = Box::into_raw(Box::new(TestPlugin {
        clap,
        probe,
        has_info: at == 0,
        values,
        config: 0,
        active: false,
        rate: 48_000.0,
        offline: false,
    }));
    // SAFETY: a live box; both pointers stay valid until `destroy`.
    unsafe {
        (*plugin).clap.plugin_data = plugin.cast();
        &raw const (*plugin).clap
    }
}

unsafe extern "C" fn plugin_count(_factory: *const clap_plugin_factory) -> u32 {
    DESCRIPTORS.len() as u32
}

unsafe extern "C" fn plugin_descriptor(_: *const clap_plugin_factory, index: u32) -> *const clap_plugin_descriptor {
    &DESCRIPTORS[index as usize]
}

unsafe extern "C" fn entry_init(path: *const c_char) -> bool {
    // SAFETY: CLAP's contract.
    INIT_PATH
        .lock()
        .unwrap()
        .push(unsafe { CStr::from_ptr(path) }.to_str().unwrap().to_owned());
    true
}

unsafe extern "C" fn entry_deinit() {
    DEINITS.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn entry_factory(id: *const c_char) -> *const c_void {
    static FACTORY: clap_plugin_factory = clap_plugin_factory {
        get_plugin_count: Some(plugin_count),
        get_plugin_descriptor: Some(plugin_descriptor),
        create_plugin: Some(create_plugin),
    };
    // SAFETY: CLAP's contract.
    if unsafe { CStr::from_ptr(id) } == CLAP_PLUGIN_FACTORY_ID {
        (&raw const FACTORY).cast()
    } else {
        null()
    }
}

pub static ENTRY: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(entry_init),
    deinit: Some(entry_deinit),
    get_factory: Some(entry_factory),
};
