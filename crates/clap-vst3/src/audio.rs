//! One audio block: the host's buffers and points in, the plugin's `process`, the host's buffers out.
//!
//! Everything here is made in `setActive(1)` for one sample rate, one layout and one longest block, and lives behind the
//! audio gate until `setActive(0)`.
//!
//! The CLAP ports keep their widths whatever the host passes: missing channels read zeros (and are marked constant) or write
//! to memory of our own. VST3 hosts may pass one memory for several channels (JUCE puts the side-chain where the outputs
//! go); an input that shares memory with an output is copied first, unless it is the pair that the plugin allows.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};
use vst3::Steinberg::Vst::SymbolicSampleSizes_::kSample32;
use vst3::Steinberg::Vst::{AudioBusBuffers, ProcessData};
use vst3::Steinberg::{kInvalidArgument, kResultFalse, kResultOk, tresult};

use crate::events::Events;
use crate::host::HostSide;
use crate::hosted::Link;
use crate::layouts::{Layout, Port};
use crate::params::{Cells, Sink};
use crate::plugin::Plugin;
use crate::transport::transport;

/// One port's pointers for the current block, and memory for channels that the host does not give.
struct Bus {
    in_place: bool,
    /// Inputs only: the host arranged or switched this bus away, so what it passes is not read.
    closed: bool,
    pointers: Vec<*mut f32>,
    own: Vec<Vec<f32>>,
    constant: u64,
}

impl Bus {
    fn new(port: &Port, frames: usize, closed: bool) -> Self {
        let channels = port.channels as usize;
        Self {
            in_place: port.in_place,
            closed,
            pointers: vec![std::ptr::null_mut(); channels],
            own: (0..channels).map(|_| vec![0.0; frames]).collect(),
            constant: 0,
        }
    }
}

/// The plugin while it is active.
pub(crate) struct Audio {
    plugin: Plugin,
    host: Arc<HostSide>,
    cells: Arc<Cells>,
    events: Events,
    inputs: Vec<Bus>,
    outputs: Vec<Bus>,
    input_buffers: Vec<clap_audio_buffer>,
    output_buffers: Vec<clap_audio_buffer>,
    zeros: Vec<f32>,
    started: bool,
    used: bool,
    steady_time: i64,
}

// SAFETY: the pointers inside are either into own memory or the host's, the latter written before they are read in every
// block; the gate lets one thread in at a time.
unsafe impl Send for Audio {}

/// What [`Audio`] is made from.
pub(crate) struct Prepared<'a> {
    pub(crate) plugin: Plugin,
    pub(crate) host: Arc<HostSide>,
    pub(crate) cells: Arc<Cells>,
    pub(crate) layout: &'a Layout,
    /// For each input bus, whether the host arranged or switched it away.
    pub(crate) closed_inputs: &'a [bool],
    pub(crate) max_frames: u32,
}

impl Audio {
    pub(crate) fn new(from: Prepared<'_>) -> Self {
        let frames = from.max_frames as usize;
        let closed = |bus: usize| from.closed_inputs.get(bus).copied().unwrap_or(false);
        let buses = |ports: &[Port], input| -> Vec<Bus> {
            ports
                .iter()
                .enumerate()
                .map(|(bus, port)| Bus::new(port, frames, input && closed(bus)))
                .collect()
        };
        let buffers = |buses: &mut [Bus]| -> Vec<clap_audio_buffer> {
            buses
                .iter_mut()
                .map(|bus| clap_audio_buffer {
                    data32: bus.pointers.as_mut_ptr(),
                    data64: std::ptr::null_mut(),
                    channel_count: bus.pointers.len() as u32,
                    latency: 0,
                    constant_mask: 0,
                })
                .collect()
        };
        let mut inputs = buses(&from.layout.inputs, true);
        let mut outputs = buses(&from.layout.outputs, false);
        Self {
            input_buffers: buffers(&mut inputs),
            output_buffers: buffers(&mut outputs),
            inputs,
            outputs,
            zeros: vec![0.0; frames],
            events: Events::new(from.cells.scales.len()),
            plugin: from.plugin,
            host: from.host,
            cells: from.cells,
            started: false,
            used: false,
            steady_time: 0,
        }
    }

    /// One call of the host.
    ///
    /// # Safety
    ///
    /// `data` is what VST3's `process` was given: every pointer in it is null or valid for what it names.
    ///
    /// # Realtime Safety
    ///
    /// No allocation, lock or system call.
    pub(crate) unsafe fn process(&mut self, data: &mut ProcessData, link: &Link) -> tresult {
        // The constant's type differs between systems.
        if data.symbolicSampleSize != kSample32 as i32 {
            return kResultFalse;
        }
        let Ok(frames) = u32::try_from(data.numSamples) else {
            return kInvalidArgument;
        };
        if frames as usize > self.zeros.len() {
            // SAFETY: the caller's promise.
            unsafe { clear_outputs(data) };
            return kResultFalse;
        }
        self.events.fill(data.inputParameterChanges, frames, &self.cells);
        let host = self.host.clone();
        // SAFETY: the caller's promise.
        let result = host.as_audio_thread(|| unsafe { self.run(data, frames, link) });
        if self.host.tail_changed.swap(false, Ordering::AcqRel) {
            link.tail.store(self.plugin.tail(), Ordering::Relaxed);
        }
        result
    }

    /// # Safety
    ///
    /// As for [`process`](Self::process); `frames` is at most the longest block.
    unsafe fn run(&mut self, data: &mut ProcessData, frames: u32, link: &Link) -> tresult {
        if !self.started && !self.plugin.start_processing() {
            // SAFETY: the caller's promise.
            unsafe { clear_outputs(data) };
            return kResultFalse;
        }
        self.started = true;
        if link.reset_wanted.swap(false, Ordering::AcqRel) && self.used {
            self.plugin.reset();
            self.used = false;
        }
        if frames == 0 {
            self.flush_events();
            return kResultOk;
        }
        // SAFETY: the caller's promise.
        unsafe { self.bind(data, frames as usize) };
        // SAFETY: the caller's promise: null or valid.
        let event = unsafe { data.processContext.as_ref() }.map(transport);
        let input_events = self.events.list();
        let sink = Sink {
            cells: &self.cells,
            host: &self.host,
        };
        let output_events = sink.list();
        let status = self.plugin.process(&clap_process {
            steady_time: self.steady_time,
            frames_count: frames,
            transport: event.as_ref().map_or(std::ptr::null(), std::ptr::from_ref),
            audio_inputs: self.input_buffers.as_ptr(),
            audio_outputs: self.output_buffers.as_mut_ptr(),
            audio_inputs_count: self.input_buffers.len() as u32,
            audio_outputs_count: self.output_buffers.len() as u32,
            in_events: &input_events,
            out_events: &output_events,
        });
        self.used = true;
        self.steady_time += i64::from(frames);
        if status == CLAP_PROCESS_ERROR {
            // SAFETY: the caller's promise.
            unsafe { clear_outputs(data) };
            return kResultFalse;
        }
        // SAFETY: the caller's promise.
        unsafe { self.finish_outputs(data) };
        kResultOk
    }

    /// Points every CLAP channel at the host's memory or our own.
    ///
    /// # Safety
    ///
    /// As for [`process`](Self::process).
    unsafe fn bind(&mut self, data: &ProcessData, frames: usize) {
        for (index, bus) in self.outputs.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            let given = unsafe { Given::new(data.outputs, data.numOutputs, index) };
            for (channel, (pointer, own)) in bus.pointers.iter_mut().zip(&mut bus.own).enumerate() {
                let host = given.channel(channel);
                *pointer = if host.is_null() { own.as_mut_ptr() } else { host };
            }
        }
        self.zeros.fill(0.0);
        for (index, bus) in self.inputs.iter_mut().enumerate() {
            let given = if bus.closed {
                Given::default()
            } else {
                // SAFETY: the caller's promise.
                unsafe { Given::new(data.inputs, data.numInputs, index) }
            };
            bus.constant = 0;
            let width = bus.pointers.len();
            for (channel, (pointer, own)) in bus.pointers.iter_mut().zip(&mut bus.own).enumerate() {
                let source = if given.count == 1 { 0 } else { channel };
                let host = given.channel(source);
                if host.is_null() {
                    *pointer = self.zeros.as_mut_ptr();
                    bus.constant |= bit(channel);
                } else {
                    if given.silent & bit(source) != 0 {
                        bus.constant |= bit(channel);
                    }
                    let shared = self.outputs.iter().enumerate().any(|(port, output)| {
                        // In place only where both ports are equally wide: else one input feeds several outputs.
                        let in_place = bus.in_place && port == index && output.pointers.len() == width;
                        let is_pair = |at: usize| in_place && at == channel;
                        output
                            .pointers
                            .iter()
                            .enumerate()
                            .any(|(at, out)| *out == host && !is_pair(at))
                    });
                    if shared && own.len() >= frames {
                        // SAFETY: `host` is readable for `frames` by the caller's promise, `own` is longer and apart.
                        unsafe { std::ptr::copy_nonoverlapping(host, own.as_mut_ptr(), frames) };
                        *pointer = own.as_mut_ptr();
                    } else {
                        *pointer = host;
                    }
                }
            }
            if let Some(buffer) = self.input_buffers.get_mut(index) {
                buffer.constant_mask = bus.constant;
            }
        }
        for buffer in &mut self.output_buffers {
            buffer.constant_mask = 0;
        }
    }

    /// Clears the host's channels that no CLAP port has, and says that no output is silent.
    ///
    /// # Safety
    ///
    /// As for [`process`](Self::process).
    unsafe fn finish_outputs(&self, data: &ProcessData) {
        for index in 0..data.numOutputs.max(0) as usize {
            let known = self.outputs.get(index).map_or(0, |bus| bus.pointers.len());
            // SAFETY: the caller's promise.
            unsafe { clear_bus(data, index, known) };
        }
    }

    /// Hands over parameter events alone.
    fn flush_events(&self) {
        let input = self.events.list();
        let sink = Sink {
            cells: &self.cells,
            host: &self.host,
        };
        self.plugin.flush(&input, &sink.list());
    }

    /// Lets the plugin exchange parameters while the host sends no blocks. Main thread, behind the gate, which stands for the
    /// audio thread meanwhile.
    pub(crate) fn flush_idle(&mut self) {
        self.events.fill(std::ptr::null_mut(), 0, &self.cells);
        self.host.as_audio_thread(|| self.flush_events());
    }

    /// Ends processing; deactivation may follow.
    pub(crate) fn stop(&mut self) {
        if std::mem::take(&mut self.started) {
            self.host.as_audio_thread(|| self.plugin.stop_processing());
        }
    }
}

/// Channel `index`'s bit in a mask of 64.
fn bit(index: usize) -> u64 {
    u32::try_from(index)
        .ok()
        .and_then(|index| 1_u64.checked_shl(index))
        .unwrap_or(0)
}

/// One bus as the host passes it, with null at any level.
struct Given {
    count: usize,
    channels: *mut *mut f32,
    silent: u64,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            count: 0,
            channels: std::ptr::null_mut(),
            silent: 0,
        }
    }
}

impl Given {
    /// # Safety
    ///
    /// `buses` is null or points to `count` buses, whose pointers are null or valid.
    unsafe fn new(buses: *mut AudioBusBuffers, count: i32, index: usize) -> Self {
        if buses.is_null() || index >= count.max(0) as usize {
            return Self::default();
        }
        // SAFETY: `index` is below `count`; with 32-bit samples the union holds `channelBuffers32`.
        let (count, channels, silent) = unsafe {
            let bus = &*buses.add(index);
            (bus.numChannels, bus.__field0.channelBuffers32, bus.silenceFlags)
        };
        if channels.is_null() {
            return Self::default();
        }
        Self {
            count: count.max(0) as usize,
            channels,
            silent,
        }
    }

    /// Null for a channel that is not there.
    fn channel(&self, index: usize) -> *mut f32 {
        if index >= self.count {
            return std::ptr::null_mut();
        }
        // SAFETY: `index` is below the host's count and `channels` is not null, both seen in `new`.
        unsafe { *self.channels.add(index) }
    }
}

/// # Safety
///
/// As for [`Audio::process`].
pub(crate) unsafe fn clear_outputs(data: &ProcessData) {
    for index in 0..data.numOutputs.max(0) as usize {
        // SAFETY: the caller's promise.
        unsafe { clear_bus(data, index, 0) };
    }
}

/// Clears the channels of one output bus from `first` on and resets its silence flags.
///
/// # Safety
///
/// As for [`Audio::process`].
unsafe fn clear_bus(data: &ProcessData, index: usize, first: usize) {
    // SAFETY: the caller's promise.
    let given = unsafe { Given::new(data.outputs, data.numOutputs, index) };
    for channel in first..given.count {
        let pointer = given.channel(channel);
        if !pointer.is_null() {
            // SAFETY: a channel that the host passes has room for the block.
            unsafe { pointer.write_bytes(0, data.numSamples.max(0) as usize) };
        }
    }
    if !data.outputs.is_null() {
        // SAFETY: `index` is below `numOutputs`.
        unsafe { (*data.outputs.add(index)).silenceFlags = 0 };
    }
}
