//! The plugin behind the shell: its C functions as Rust methods.
//!
//! A [`Plugin`] exists only while the `clap_plugin` does, so its methods are safe to call; who may call them *when* follows
//! CLAP's thread rules and is the callers' business: main-thread functions under the main lock, audio functions behind the
//! audio gate.

use std::ffi::{CStr, CString, c_char, c_void};

use clap_sys::events::{clap_input_events, clap_output_events};
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_audio_port_info, clap_plugin_audio_ports};
use clap_sys::ext::audio_ports_activation::{
    CLAP_EXT_AUDIO_PORTS_ACTIVATION, CLAP_EXT_AUDIO_PORTS_ACTIVATION_COMPAT, clap_plugin_audio_ports_activation,
};
use clap_sys::ext::audio_ports_config::{
    CLAP_EXT_AUDIO_PORTS_CONFIG, clap_audio_ports_config, clap_plugin_audio_ports_config,
};
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_plugin_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_plugin_latency};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use clap_sys::ext::render::{CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME, clap_plugin_render};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::ext::tail::{CLAP_EXT_TAIL, clap_plugin_tail};
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use clap_sys::stream::{clap_istream, clap_ostream};

use crate::param_info::{PARAM_INFO_ID, ParamInfoExtension};
use crate::strings::from_array;

/// Room for a text that the plugin writes.
const TEXT: usize = 256;

/// The running plugin and the extensions it answers.
pub(crate) struct Plugin {
    raw: *const clap_plugin,
    ports: Option<clap_plugin_audio_ports>,
    activation: Option<clap_plugin_audio_ports_activation>,
    configs: Option<clap_plugin_audio_ports_config>,
    latency: Option<clap_plugin_latency>,
    params: Option<clap_plugin_params>,
    info: Option<ParamInfoExtension>,
    render: Option<clap_plugin_render>,
    state: Option<clap_plugin_state>,
    tail: Option<clap_plugin_tail>,
    gui: Option<clap_plugin_gui>,
}

// SAFETY: a `clap_plugin` may be called from any thread, one at a time per CLAP's thread rules, which the main lock and the
// audio gate keep.
unsafe impl Send for Plugin {}

/// Calls `$function` of the plugin (or of one of its extensions) if it is there.
macro_rules! call {
    ($self:ident, $functions:expr, $name:ident $(, $argument:expr)*) => {
        $functions.and_then(|functions| functions.$name).map(|function| {
            // SAFETY: the plugin is alive while `self` is, and the arguments are valid for the call.
            unsafe { function($self.raw $(, $argument)*) }
        })
    };
}

impl Plugin {
    /// Initialises a plugin that a CLAP factory made. `None`: it refused, and is destroyed.
    ///
    /// # Safety
    ///
    /// `raw` comes from `create_plugin` and belongs to nobody else; its host outlives it.
    pub(crate) unsafe fn init(raw: *const clap_plugin) -> Option<Self> {
        let mut plugin = Self {
            raw,
            ports: None,
            activation: None,
            configs: None,
            latency: None,
            params: None,
            info: None,
            render: None,
            state: None,
            tail: None,
            gui: None,
        };
        if !call!(plugin, plugin.table(), init)? {
            plugin.destroy();
            return None;
        }
        plugin.ports = plugin.extension(CLAP_EXT_AUDIO_PORTS);
        plugin.activation = plugin
            .extension(CLAP_EXT_AUDIO_PORTS_ACTIVATION)
            .or_else(|| plugin.extension(CLAP_EXT_AUDIO_PORTS_ACTIVATION_COMPAT));
        plugin.configs = plugin.extension(CLAP_EXT_AUDIO_PORTS_CONFIG);
        plugin.latency = plugin.extension(CLAP_EXT_LATENCY);
        plugin.params = plugin.extension(CLAP_EXT_PARAMS);
        plugin.info = plugin.extension(PARAM_INFO_ID);
        plugin.render = plugin.extension(CLAP_EXT_RENDER);
        plugin.state = plugin.extension(CLAP_EXT_STATE);
        plugin.tail = plugin.extension(CLAP_EXT_TAIL);
        plugin.gui = plugin.extension(CLAP_EXT_GUI);
        Some(plugin)
    }

    /// A second handle, for the audio thread.
    ///
    /// # Safety
    ///
    /// It must be gone before [`destroy`](Self::destroy).
    pub(crate) unsafe fn share(&self) -> Self {
        Self { ..*self }
    }

    fn table(&self) -> Option<&clap_plugin> {
        // SAFETY: `raw` is a live plugin or null.
        unsafe { self.raw.as_ref() }
    }

    fn extension<T: Copy>(&self, id: &CStr) -> Option<T> {
        let pointer = call!(self, self.table(), get_extension, id.as_ptr())?;
        // SAFETY: an extension's pointer is null or points to the struct that its id stands for.
        unsafe { pointer.cast::<T>().as_ref() }.copied()
    }

    pub(crate) fn destroy(self) {
        call!(self, self.table(), destroy);
    }

    pub(crate) fn activate(&self, sample_rate: f64, max_frames: u32) -> bool {
        call!(self, self.table(), activate, sample_rate, 1, max_frames).unwrap_or(false)
    }

    /// Tells the inactive plugin whether the host passes input port `port`.
    pub(crate) fn open_input(&self, port: u32, open: bool) {
        call!(self, self.activation, set_active, true, port, open, 32);
    }

    pub(crate) fn deactivate(&self) {
        call!(self, self.table(), deactivate);
    }

    pub(crate) fn start_processing(&self) -> bool {
        call!(self, self.table(), start_processing).unwrap_or(true)
    }

    pub(crate) fn stop_processing(&self) {
        call!(self, self.table(), stop_processing);
    }

    pub(crate) fn reset(&self) {
        call!(self, self.table(), reset);
    }

    pub(crate) fn process(&self, block: &clap_process) -> clap_process_status {
        call!(self, self.table(), process, block).unwrap_or(CLAP_PROCESS_ERROR)
    }

    pub(crate) fn on_main_thread(&self) {
        call!(self, self.table(), on_main_thread);
    }

    pub(crate) fn latency(&self) -> u32 {
        call!(self, self.latency, get).unwrap_or(0)
    }

    /// Frames; what CLAP calls infinite (`i32::MAX` and more) is `u32::MAX`, VST3's `kInfiniteTail`.
    pub(crate) fn tail(&self) -> u32 {
        let tail = call!(self, self.tail, get).unwrap_or(0);
        if tail >= i32::MAX as u32 { u32::MAX } else { tail }
    }

    pub(crate) fn set_offline(&self, offline: bool) {
        let mode = if offline {
            CLAP_RENDER_OFFLINE
        } else {
            CLAP_RENDER_REALTIME
        };
        call!(self, self.render, set, mode);
    }

    pub(crate) fn port_count(&self, input: bool) -> u32 {
        call!(self, self.ports, count, input).unwrap_or(0)
    }

    pub(crate) fn port(&self, index: u32, input: bool) -> Option<clap_audio_port_info> {
        // SAFETY: all bit patterns of zero are valid for this C struct.
        let mut info: clap_audio_port_info = unsafe { std::mem::zeroed() };
        call!(self, self.ports, get, index, input, &mut info)?.then_some(info)
    }

    /// The ids of all port configurations.
    pub(crate) fn config_ids(&self) -> Vec<u32> {
        let count = call!(self, self.configs, count).unwrap_or(0);
        let id = |index| {
            // SAFETY: as in `port`.
            let mut config: clap_audio_ports_config = unsafe { std::mem::zeroed() };
            call!(self, self.configs, get, index, &mut config)?.then_some(config.id)
        };
        (0..count).filter_map(id).collect()
    }

    pub(crate) fn select_config(&self, id: u32) -> bool {
        call!(self, self.configs, select, id).unwrap_or(false)
    }

    pub(crate) fn param_count(&self) -> u32 {
        call!(self, self.params, count).unwrap_or(0)
    }

    pub(crate) fn param(&self, index: u32) -> Option<clap_param_info> {
        // SAFETY: as in `port`.
        let mut info: clap_param_info = unsafe { std::mem::zeroed() };
        call!(self, self.params, get_info, index, &mut info)?.then_some(info)
    }

    pub(crate) fn param_value(&self, id: u32) -> Option<f64> {
        let mut value = 0.0;
        call!(self, self.params, get_value, id, &mut value)?.then_some(value)
    }

    pub(crate) fn value_to_text(&self, id: u32, value: f64) -> Option<String> {
        let mut text = [0 as c_char; TEXT];
        call!(
            self,
            self.params,
            value_to_text,
            id,
            value,
            text.as_mut_ptr(),
            TEXT as u32
        )?
        .then(|| from_array(&text))
    }

    pub(crate) fn text_to_value(&self, id: u32, text: &str) -> Option<f64> {
        let text = CString::new(text).ok()?;
        let mut value = 0.0;
        call!(self, self.params, text_to_value, id, text.as_ptr(), &mut value)?.then_some(value)
    }

    pub(crate) fn flush(&self, input: &clap_input_events, output: &clap_output_events) {
        call!(self, self.params, flush, input, output);
    }

    /// Whether the plugin answers the param-info extension.
    pub(crate) fn has_info(&self) -> bool {
        self.info.is_some()
    }

    pub(crate) fn unit(&self, id: u32) -> Option<String> {
        let mut text = [0 as c_char; TEXT];
        call!(self, self.info, get_unit, id, text.as_mut_ptr(), TEXT as u32)?.then(|| from_array(&text))
    }

    pub(crate) fn short_name(&self, id: u32) -> Option<String> {
        let mut text = [0 as c_char; TEXT];
        call!(self, self.info, get_short_name, id, text.as_mut_ptr(), TEXT as u32)?.then(|| from_array(&text))
    }

    pub(crate) fn to_plain(&self, id: u32, value: f64) -> Option<f64> {
        let mut plain = 0.0;
        call!(self, self.info, to_plain, id, value, &mut plain)?.then_some(plain)
    }

    pub(crate) fn value_from_plain(&self, id: u32, plain: f64) -> Option<f64> {
        let mut value = 0.0;
        call!(self, self.info, from_plain, id, plain, &mut value)?.then_some(value)
    }

    /// The whole state stream; `None` if the plugin has none or failed.
    pub(crate) fn save(&self) -> Option<Vec<u8>> {
        unsafe extern "C" fn write(stream: *const clap_ostream, data: *const c_void, size: u64) -> i64 {
            // SAFETY: `ctx` is the `Vec` below, alive and not otherwise borrowed during `save`; `data` holds `size` bytes.
            unsafe {
                let out = &mut *(*stream).ctx.cast::<Vec<u8>>();
                out.extend_from_slice(std::slice::from_raw_parts(data.cast(), size as usize));
            }
            size as i64
        }
        let mut bytes = Vec::<u8>::new();
        let stream = clap_ostream {
            ctx: (&raw mut bytes).cast(),
            write: Some(write),
        };
        call!(self, self.state, save, &stream)?.then_some(bytes)
    }

    pub(crate) fn load(&self, mut bytes: &[u8]) -> bool {
        unsafe extern "C" fn read(stream: *const clap_istream, data: *mut c_void, size: u64) -> i64 {
            // SAFETY: `ctx` is the slice below, alive and not otherwise borrowed during `load`; `data` has room for `size`
            // bytes, of which at most `size` are written.
            unsafe {
                let rest = &mut *(*stream).ctx.cast::<&[u8]>();
                let count = rest.len().min(size as usize);
                std::ptr::copy_nonoverlapping(rest.as_ptr(), data.cast(), count);
                *rest = &rest[count..];
                count as i64
            }
        }
        let stream = clap_istream {
            ctx: (&raw mut bytes).cast(),
            read: Some(read),
        };
        call!(self, self.state, load, &stream).unwrap_or(false)
    }

    /// The window's functions with the plugin they belong to.
    pub(crate) fn gui(&self) -> Option<(*const clap_plugin, clap_plugin_gui)> {
        self.gui.map(|gui| (self.raw, gui))
    }
}
