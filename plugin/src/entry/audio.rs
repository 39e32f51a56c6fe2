//! Blocks as hosts send them, made into blocks as the framework can bear them.
//!
//! Hosts pass fewer ports than the layout has, ports without channels, null pointers (a switched-off side-chain), too many
//! channels, one buffer for two outputs, blocks longer than announced. The framework trusts all of that. Here every block gets
//! exactly the ports and channels of the layout: inputs are copied, what is missing is silence (one channel on a wider port is
//! copied to all its channels), outputs that do not exist are written to nowhere, over-long blocks are cut.

use super::events::EventStore;
use crate::side_chain::SideChain;
use crate::tempo::TempoCell;
use crate::transport::position;
use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::{clap_event_header, clap_input_events, clap_output_events};
use clap_sys::ext::audio_ports::{clap_audio_port_info, clap_plugin_audio_ports};
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_CONTINUE, CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use std::mem::MaybeUninit;
use std::ptr;

/// The framework's `process`.
pub(super) type ProcessFn = unsafe extern "C" fn(*const clap_plugin, *const clap_process) -> clap_process_status;
/// The framework's `params.flush`.
pub(super) type FlushFn = unsafe extern "C" fn(*const clap_plugin, *const clap_input_events, *const clap_output_events);

/// Storage of one port: `[channels, max_frames]`, and the pointers handed on.
struct Port {
    channels: Vec<Vec<f32>>,
    pointers: Vec<*mut f32>,
}

/// What the audio thread works on; prepared while the plugin is inactive.
pub(super) struct AudioSide {
    rate: f64,
    max_frames: usize,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    input_buffers: Vec<clap_audio_buffer>,
    output_buffers: Vec<clap_audio_buffer>,
    events: EventStore,
}

// SAFETY: the pointers are scratch of a single call, made anew in each.
unsafe impl Send for AudioSide {}

const NO_BUFFER: clap_audio_buffer = clap_audio_buffer {
    data32: ptr::null_mut(),
    data64: ptr::null_mut(),
    channel_count: 0,
    latency: 0,
    constant_mask: 0,
};

impl Port {
    fn new(channels: usize, frames: usize) -> Self {
        Self {
            channels: vec![vec![0.0; frames]; channels],
            pointers: vec![ptr::null_mut(); channels],
        }
    }

    /// Copies `frames` frames from `start` of what the host sent.
    ///
    /// # Safety
    /// `host` is a valid buffer of at least `start + frames` frames, apart from null pointers.
    unsafe fn take(&mut self, host: Option<&clap_audio_buffer>, start: usize, frames: usize) {
        let mut first: *const f32 = ptr::null();
        for (index, (channel, pointer)) in self.channels.iter_mut().zip(&mut self.pointers).enumerate() {
            // SAFETY: passed on from the function's contract.
            let mut source = host.map_or(ptr::null(), |host| unsafe { channel_of(host, index) }.cast_const());
            if source.is_null() && host.is_some_and(|host| host.channel_count == 1) {
                source = first;
            }
            if index == 0 {
                first = source;
            }
            let Some(target) = channel.get_mut(..frames) else {
                continue;
            };
            if source.is_null() {
                target.fill(0.0);
            } else {
                // SAFETY: the host's channel has `start + frames` frames; `target` is our own storage, so they do not overlap.
                unsafe { ptr::copy_nonoverlapping(source.add(start), target.as_mut_ptr(), frames) };
            }
            *pointer = target.as_mut_ptr();
        }
    }

    /// Points to the host's channels from frame `start` on, or to storage where there is none or it was used already.
    ///
    /// # Safety
    /// As [`Self::take`].
    unsafe fn aim(&mut self, host: Option<&clap_audio_buffer>, start: usize) {
        for index in 0..self.channels.len() {
            // SAFETY: passed on from the function's contract.
            let target = host.map_or(ptr::null_mut(), |host| unsafe { channel_of(host, index) });
            let target = if target.is_null() {
                target
            } else {
                // SAFETY: the host's channel has more than `start` frames.
                unsafe { target.add(start) }
            };
            let used = self
                .pointers
                .get(..index)
                .is_some_and(|before| before.contains(&target));
            let pointer = if target.is_null() || used {
                self.channels
                    .get_mut(index)
                    .map_or(ptr::null_mut(), |own| own.as_mut_ptr())
            } else {
                target
            };
            if let Some(place) = self.pointers.get_mut(index) {
                *place = pointer;
            }
        }
    }

    fn buffer(&mut self) -> clap_audio_buffer {
        clap_audio_buffer {
            data32: self.pointers.as_mut_ptr(),
            channel_count: u32::try_from(self.pointers.len()).unwrap_or(0),
            ..NO_BUFFER
        }
    }
}

/// Channel `index` of `host`, or null.
///
/// # Safety
/// `host.data32` is null or holds `host.channel_count` pointers.
unsafe fn channel_of(host: &clap_audio_buffer, index: usize) -> *mut f32 {
    if host.data32.is_null() || index >= host.channel_count as usize {
        return ptr::null_mut();
    }
    // SAFETY: the index is below the channel count.
    unsafe { *host.data32.add(index) }
}

/// Accepts and forgets what the plugin reports, for hosts that pass no list.
unsafe extern "C" fn push_nowhere(_list: *const clap_output_events, _event: *const clap_event_header) -> bool {
    true
}

const NO_EVENTS_OUT: clap_output_events = clap_output_events {
    ctx: ptr::null_mut(),
    try_push: Some(push_nowhere),
};

impl AudioSide {
    pub(super) fn new() -> Self {
        Self {
            rate: 0.0,
            max_frames: 0,
            inputs: Vec::new(),
            outputs: Vec::new(),
            input_buffers: Vec::new(),
            output_buffers: Vec::new(),
            events: EventStore::new(),
        }
    }

    /// Allocates for the layout that `ports` tells now and blocks of at most `max_frames` at `rate` Hz.
    ///
    /// # Safety
    /// `ports` belongs to `plugin`; the plugin is inactive; main thread.
    pub(super) unsafe fn prepare(
        &mut self,
        ports: &clap_plugin_audio_ports,
        plugin: *const clap_plugin,
        rate: f64,
        max_frames: u32,
    ) {
        let max_frames = max_frames.max(1) as usize;
        let widths = |is_input: bool| -> Vec<usize> {
            let (Some(count), Some(get)) = (ports.count, ports.get) else {
                return Vec::new();
            };
            // SAFETY: the extension's functions, called with its plugin on the main thread.
            let count = unsafe { count(plugin, is_input) };
            (0..count)
                .map(|index| {
                    let mut info = MaybeUninit::<clap_audio_port_info>::zeroed();
                    // SAFETY: as above; all zeros is a valid `clap_audio_port_info`, so it may be read whatever the answer.
                    let width = unsafe {
                        let _ = get(plugin, index, is_input, info.as_mut_ptr());
                        info.assume_init().channel_count
                    };
                    width as usize
                })
                .collect()
        };
        let build = |is_input| {
            widths(is_input)
                .into_iter()
                .map(|width| Port::new(width, max_frames))
                .collect()
        };
        self.inputs = build(true);
        self.outputs = build(false);
        self.input_buffers = vec![NO_BUFFER; self.inputs.len()];
        self.output_buffers = vec![NO_BUFFER; self.outputs.len()];
        self.rate = rate;
        self.max_frames = max_frames;
    }

    /// Where the host's transport is at the first frame of `block`, if it runs.
    ///
    /// # Safety
    /// The block's transport is null or valid.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(super) unsafe fn position(&self, block: &clap_process) -> Option<i64> {
        // SAFETY: as promised.
        position(unsafe { block.transport.as_ref() }, self.rate)
    }

    /// What the host says of the tempo, if it does.
    ///
    /// # Safety
    /// The block's transport is null or valid.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(super) unsafe fn tempo(block: &clap_process, tempo: &TempoCell) {
        // SAFETY: as promised.
        tempo.put(unsafe { block.transport.as_ref() });
    }

    /// What the host passes at the side-chain in `block`; `open`: it did not switch the port off.
    ///
    /// # Safety
    /// The block is valid by CLAP's contract, apart from null pointers and missing ports.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(super) unsafe fn side_chain(&self, block: &clap_process, open: bool) -> SideChain {
        if !open || self.inputs.len() < 2 {
            return SideChain::NotPassed;
        }
        // SAFETY: the array has the length that the block tells, or is null.
        let inputs = unsafe { slice(block.audio_inputs, block.audio_inputs_count) };
        let Some(port) = inputs.get(1) else {
            return SideChain::NotPassed;
        };
        let (mut channels, mut peak) = (0, 0.0_f32);
        for index in 0..port.channel_count as usize {
            // SAFETY: the buffer is the host's own.
            let channel = unsafe { channel_of(port, index) };
            if channel.is_null() {
                continue;
            }
            channels += 1;
            // SAFETY: the host's channel has as many frames as the block.
            let samples = unsafe { std::slice::from_raw_parts(channel, block.frames_count as usize) };
            peak = samples.iter().fold(peak, |peak, sample| peak.max(sample.abs()));
        }
        match channels {
            0 => SideChain::NotPassed,
            _ => SideChain::Passed { channels, peak },
        }
    }

    /// One block of the host, repaired and cut.
    ///
    /// # Safety
    /// `process_fn` and `flush_fn` are the framework's, for `plugin`; `block` is valid by CLAP's contract, apart from null pointers and
    /// missing ports.
    ///
    /// # Realtime Safety
    /// Safe as far as the framework's functions are.
    pub(super) unsafe fn process(
        &mut self,
        plugin: *const clap_plugin,
        block: &clap_process,
        process_fn: ProcessFn,
        flush_fn: FlushFn,
    ) -> clap_process_status {
        if block.frames_count == 0 {
            // SAFETY: passed on.
            unsafe { self.flush(plugin, block.in_events, block.out_events, 0, flush_fn) };
            return CLAP_PROCESS_CONTINUE;
        }
        // SAFETY: the arrays have the lengths that the block tells, or are null.
        let (host_inputs, host_outputs) = unsafe {
            (
                slice(block.audio_inputs, block.audio_inputs_count),
                slice_mut(block.audio_outputs, block.audio_outputs_count),
            )
        };
        let frames = block.frames_count as usize;
        // SAFETY: the block's list is null or valid.
        let rest = unsafe { self.events.fill(block.in_events, 0, block.frames_count) };
        let no_events_out = NO_EVENTS_OUT;
        let out_events = if block.out_events.is_null() {
            &raw const no_events_out
        } else {
            block.out_events
        };
        let mut status = CLAP_PROCESS_CONTINUE;
        let (mut start, mut first) = (0, 0);
        while start < frames {
            let count = (frames - start).min(self.max_frames);
            // Both are at most `frames_count`.
            let (start_u32, count_u32) = (as_u32(start), as_u32(count));
            let is_last = start + count == frames;
            let end = if is_last {
                self.events.len()
            } else {
                self.events.end_before(first, as_u32(start + count))
            };
            for (index, port) in self.inputs.iter_mut().enumerate() {
                // SAFETY: the host's channels have `frames` frames.
                unsafe { port.take(host_inputs.get(index), start, count) };
            }
            for (index, port) in self.outputs.iter_mut().enumerate() {
                // SAFETY: as above.
                unsafe { port.aim(host_outputs.get(index), start) };
            }
            for (buffer, port) in self.input_buffers.iter_mut().zip(&mut self.inputs) {
                *buffer = port.buffer();
            }
            for (buffer, port) in self.output_buffers.iter_mut().zip(&mut self.outputs) {
                *buffer = port.buffer();
            }
            // SAFETY: the host's list, or one that takes everything.
            unsafe { self.events.tell(first, end, out_events) };
            let view = self.events.view(first, end, start_u32);
            let in_events = view.list();
            let repaired = clap_process {
                steady_time: if block.steady_time < 0 {
                    block.steady_time
                } else {
                    block.steady_time.saturating_add(i64::from(start_u32))
                },
                frames_count: count_u32,
                transport: block.transport,
                audio_inputs: self.input_buffers.as_ptr(),
                audio_outputs: self.output_buffers.as_mut_ptr(),
                audio_inputs_count: as_u32(self.input_buffers.len()),
                audio_outputs_count: as_u32(self.output_buffers.len()),
                in_events: &raw const in_events,
                out_events,
            };
            // SAFETY: every port has its channels, every pointer its `count` frames, every event its place.
            let answer = unsafe { process_fn(plugin, &raw const repaired) };
            if answer == CLAP_PROCESS_ERROR {
                for port in &self.outputs {
                    for pointer in &port.pointers {
                        // SAFETY: aimed above at `count` writable frames.
                        unsafe { ptr::write_bytes(*pointer, 0, count) };
                    }
                }
                return CLAP_PROCESS_ERROR;
            }
            status = answer;
            (start, first) = (start + count, end);
        }
        // Last, as the host may have passed one buffer as input and as output.
        // SAFETY: the host's channels have `frames` frames.
        unsafe { self.clear_unserved(host_outputs, frames) };
        if let Some(rest) = rest {
            // SAFETY: passed on.
            unsafe { self.flush(plugin, block.in_events, out_events, rest, flush_fn) };
        }
        status
    }

    /// Applies the events of `list` from index `from` on, without audio.
    ///
    /// # Safety
    /// `flush_fn` is the framework's, for `plugin`; the lists are null or valid.
    ///
    /// # Realtime Safety
    /// Safe as far as the framework's function is.
    pub(super) unsafe fn flush(
        &mut self,
        plugin: *const clap_plugin,
        list: *const clap_input_events,
        out: *const clap_output_events,
        from: u32,
        flush_fn: FlushFn,
    ) {
        let no_events_out = NO_EVENTS_OUT;
        let out = if out.is_null() { &raw const no_events_out } else { out };
        let mut next = Some(from);
        while let Some(index) = next {
            // SAFETY: by the function's contract.
            next = unsafe { self.events.fill(list, index, 0) };
            let count = self.events.len();
            // SAFETY: the host's list, or one that takes everything.
            unsafe { self.events.tell(0, count, out) };
            let view = self.events.view(0, count, 0);
            let events = view.list();
            // SAFETY: list, view and store live through the call.
            unsafe { flush_fn(plugin, &raw const events, out) };
        }
    }

    /// Silences what the host passes beyond the layout and tells that no output is constant.
    ///
    /// # Safety
    /// The channels have `frames` frames.
    unsafe fn clear_unserved(&self, outputs: &mut [clap_audio_buffer], frames: usize) {
        for (index, host) in outputs.iter_mut().enumerate() {
            let served = self.outputs.get(index).map_or(0, |port| port.channels.len());
            for channel in served..host.channel_count as usize {
                // SAFETY: the buffer is the host's own.
                let pointer = unsafe { channel_of(host, channel) };
                if !pointer.is_null() {
                    // SAFETY: `frames` writable frames, by the function's contract.
                    unsafe { ptr::write_bytes(pointer, 0, frames) };
                }
            }
            host.constant_mask = 0;
        }
    }
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// # Safety
/// `pointer` is null or points to `count` buffers.
unsafe fn slice<'a>(pointer: *const clap_audio_buffer, count: u32) -> &'a [clap_audio_buffer] {
    if pointer.is_null() {
        return &[];
    }
    // SAFETY: by the function's contract.
    unsafe { std::slice::from_raw_parts(pointer, count as usize) }
}

/// # Safety
/// `pointer` is null or points to `count` buffers that nobody else uses.
unsafe fn slice_mut<'a>(pointer: *mut clap_audio_buffer, count: u32) -> &'a mut [clap_audio_buffer] {
    if pointer.is_null() {
        return &mut [];
    }
    // SAFETY: by the function's contract.
    unsafe { std::slice::from_raw_parts_mut(pointer, count as usize) }
}
