//! What the audio thread works on between one activation and the next.

use crate::compare::Clicker;
use crate::meters::{Stopwatch, peak};
use crate::params::{Source, TonegraftParams};
use crate::shared::{Seat, Shared, is_disturbed};
use nice_plug::prelude::Param;
use std::sync::atomic::Ordering;
use tonegraft_chain::{Chain, Settings};
use tonegraft_core::buffer::{MAX_CHANNELS, cut, with_cut_mut};
use tonegraft_core::{AudioBuffer, Fault, Middle, SLOTS};
use tonegraft_slots::{CaptureAudio, SlotsAndCab};

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) chain: Chain,
    pub(crate) middle: SlotsAndCab,
    pub(crate) capture: CaptureAudio,
    pub(crate) clicker: Clicker,
    /// Copies of main input and side-chain: the framework processes in place, and the recorder replaces both.
    pub(crate) input: AudioBuffer,
    pub(crate) reference: AudioBuffer,
    pub(crate) stopwatch: Stopwatch,
    pub(crate) waits: bool,
    /// What a listening test was begun with, while one runs.
    pub(crate) begun: Option<Settings>,
}

/// What the chain should aim at now.
///
/// # Realtime Safety
/// Safe.
pub(crate) fn settings_now(params: &TonegraftParams, shared: &Shared) -> Settings {
    let program = params
        .chosen_program()
        .map(|program| Seat::Program(usize::from(program)));
    // An empty place plays slot A's own model.
    let a = program.filter(|seat| shared.is_taken(*seat)).unwrap_or(Seat::Slot(0));
    let seats = [a, Seat::Slot(1)];
    // The device on the side-chain is taken for what it is compared with.
    let heard = usize::from(params.source.modulated_plain_value() == Source::B);
    let mut settings = params.settings(shared.cab_in_model(seats[heard]));
    for ((knobs, sync), seat) in settings.knobs.iter_mut().zip(params.syncs()).zip(seats) {
        if let Some(beats) = sync.modulated_plain_value().beats()
            && let Some(follower) = shared.follower(seat)
            && let Some(knob) = knobs.get_mut(follower.index)
        {
            *knob = follower.position(shared.tempo.get(), beats);
        }
    }
    settings
}

/// Copies `count` frames from `start` on of each of `sources` over the beginning of `store`'s channels; one channel goes to all.
fn copy(store: &mut AudioBuffer, sources: &[&mut [f32]], start: usize, count: usize) {
    for (index, channel) in store.iter_mut().enumerate() {
        let source = sources.get(index).or_else(|| sources.first());
        let source: &[f32] = source.map_or(&[], |source| source);
        let Some(place) = channel.get_mut(..count) else {
            continue;
        };
        match source.get(start..start + count) {
            Some(source) => place.copy_from_slice(source),
            None => place.fill(0.0),
        }
    }
}

/// The first `count` frames of each channel of `store`, for reading.
fn views(store: &AudioBuffer, count: usize) -> ([&[f32]; MAX_CHANNELS], usize) {
    let mut views: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
    let mut channels = 0;
    for (view, channel) in views.iter_mut().zip(store.iter()) {
        *view = channel.get(..count).unwrap_or(&[]);
        channels += 1;
    }
    (views, channels)
}

/// Calls `body` with the first `count` frames of each channel of `store`, for writing.
fn with_channels<R>(store: &mut AudioBuffer, count: usize, body: impl FnOnce(&mut [&mut [f32]]) -> R) -> R {
    let mut views: [&mut [f32]; MAX_CHANNELS] = std::array::from_fn(|_| -> &mut [f32] { &mut [] });
    let mut channels = 0;
    for (view, channel) in views.iter_mut().zip(store.iter_mut()) {
        *view = channel.get_mut(..count).unwrap_or(&mut []);
        channels += 1;
    }
    body(views.get_mut(..channels).unwrap_or(&mut []))
}

impl Running {
    /// One call of the host. `channels` hold the input and take the output, `[outputs, frames]`; `reference` is the side-chain,
    /// `[references, frames]` or nothing.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn process(
        &mut self,
        settings: &Settings,
        channels: &mut [&mut [f32]],
        reference: &[&mut [f32]],
        frames: usize,
        shared: &Shared,
    ) {
        let meters = &shared.meters;
        let started = self.stopwatch.start(meters);
        self.chain.set(settings);
        self.watch_test(settings, shared);
        shared.set_program(settings.program);
        if let Some(position) = shared.transport.take() {
            self.chain.follow(position);
        }
        let fault = self.run(channels, reference, frames, shared);
        meters.raise_fault(fault);
        let shows: [_; SLOTS] = std::array::from_fn(|slot| self.middle.slots.meters(slot));
        if !meters.is_frozen() {
            meters.set_gate_db(self.chain.gate_reduction_db());
            for (slot, shows) in shows.into_iter().enumerate() {
                meters.raise_model(slot, shows);
            }
        }
        shared.set_latency(self.middle.latency().get());
        self.stopwatch.stop(started, frames, meters);
    }

    /// Tells if something moves that a running test was begun with.
    fn watch_test(&mut self, settings: &Settings, shared: &Shared) {
        if !shared.meters.is_frozen() {
            self.begun = None;
        } else if is_disturbed(self.begun.get_or_insert(*settings), settings) {
            shared.disturbed.store(true, Ordering::Release);
        }
    }

    fn run(&mut self, channels: &mut [&mut [f32]], reference: &[&mut [f32]], frames: usize, shared: &Shared) -> Fault {
        let mut fault = Fault::None;
        let piece = self.input.frames().max(1);
        let mut start = 0;
        while start < frames {
            let count = (frames - start).min(piece);
            copy(&mut self.input, channels, start, count);
            copy(&mut self.reference, reference, start, count);
            let (capture, clicker) = (&mut self.capture, &mut self.clicker);
            let store = &mut self.reference;
            with_channels(&mut self.input, count, |input| {
                with_channels(store, count, |reference| capture.process(input, reference));
                clicker.process(&shared.click, input);
            });
            let (all, inputs) = views(&self.input, count);
            let mut input: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
            cut(all.get(..inputs).unwrap_or(&[]), 0, count, &mut input);
            let input = input.get(..inputs).unwrap_or(&[]);
            let (all, references) = views(&self.reference, count);
            let reference = all.get(..references).unwrap_or(&[]);
            let (chain, middle) = (&mut self.chain, &mut self.middle);
            middle.slots.feed_reference(reference);
            let published = !shared.meters.is_frozen();
            fault = fault.worst(with_cut_mut(channels, start, count, |output| {
                let fault = chain.process(middle, input, output);
                if published {
                    let output = output.iter().map(|channel| &**channel);
                    shared.meters.raise_output(peak(output));
                }
                fault
            }));
            if published {
                shared.meters.raise_input(peak(input.iter().copied()));
                shared.meters.raise_reference(peak(reference.iter().copied()));
            }
            start += count;
        }
        fault
    }
}
