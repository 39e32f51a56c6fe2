//! One piece, over which everything stays of its kind: all sources that are needed, then what is heard of them.

use super::change::{Change, Stage};
use super::{BankAudio, Rest};
use crate::bank::BankConfig;
use crate::fade::crossfade;
use crate::placement::{Layout, Move};
use crate::readout::raise_peaks;
use crate::selection::{Heard, Phase};
use crate::voice::Voice;
use std::array;
use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::processor::silence;
use tonegraft_core::{AudioBuffer, Controls, DelayLine, Fault, KNOBS, LevelSettings, SLOTS};

/// Room for one piece of everything: `[outputs, max_frames]` each.
pub(super) struct Work {
    /// Both slots at their places, with their trims.
    slots: [AudioBuffer; SLOTS],
    /// What comes into a slot.
    arriving: AudioBuffer,
    /// The reference at its place, without its trim.
    reference: AudioBuffer,
    dry: AudioBuffer,
    /// The second source of a crossfade.
    aside: AudioBuffer,
    /// One channel, at its old place.
    old: AudioBuffer,
    /// Since the last publication.
    pub(super) reference_peaks: [f32; MAX_CHANNELS],
}

impl Work {
    pub(super) fn new(config: &BankConfig) -> Self {
        let buffer = |channels| AudioBuffer::new(channels, config.max_frames);
        let referenced = if config.references > 0 { config.outputs } else { 0 };
        Self {
            slots: array::from_fn(|_| buffer(config.outputs)),
            arriving: buffer(config.outputs),
            reference: buffer(referenced),
            dry: buffer(config.outputs),
            aside: buffer(config.outputs),
            old: buffer(1),
            reference_peaks: [0.0; MAX_CHANNELS],
        }
    }
}

/// What one voice needs of the world.
#[derive(Clone, Copy)]
struct Scene<'a> {
    knobs: &'a [f32; KNOBS],
    levels: &'a LevelSettings,
    input: &'a [&'a [f32]],
    dry: &'a DelayLine,
}

impl Scene<'_> {
    /// Fills `output` with what `voice` makes of the input, at its place if `places` says one.
    fn play(
        &self,
        voice: Option<&mut Voice>,
        output: &mut [&mut [f32]],
        places: Option<&Move<'_>>,
        old: &mut [f32],
    ) -> Fault {
        match voice {
            Some(voice) => {
                let fault = voice.process(self.knobs, self.levels, self.input, output);
                if let Some(places) = places {
                    voice.place(places, output, old);
                }
                fault
            }
            None => {
                if let Some(places) = places {
                    self.copy_input(output);
                    places.read(self.dry, output, old);
                }
                Fault::None
            }
        }
    }

    /// The last input channel feeds all outputs beyond it.
    fn copy_input(&self, output: &mut [&mut [f32]]) {
        for (index, channel) in output.iter_mut().enumerate() {
            if let Some(input) = self.input.get(index).or(self.input.last()) {
                channel.copy_from_slice(input);
            }
        }
    }
}

impl BankAudio {
    /// `input`: `[inputs, frames]`, `output`: `[outputs, frames]`, at most [`Self::piece`] frames, which the reference has taken.
    pub(super) fn run(
        &mut self,
        controls: &Controls,
        input: &[&[f32]],
        output: &mut [&mut [f32]],
        frames: usize,
    ) -> Fault {
        self.dry.push(input.iter().copied(), frames);
        let tapping = self.tap.is_some() && self.ends.orders.output_buffer().tapping;
        // In a test the work is the same, whatever is heard.
        let everything = self.testing();
        let mut fault = Fault::None;
        for slot in 0..SLOTS {
            let placed = everything || tapping || self.selection.is_heard(|heard| heard.uses_slot(slot));
            fault = fault.worst(self.run_slot(slot, controls, input, frames, placed));
        }
        if self.reference.exists() {
            let (now, channels) = self.reference.now(frames);
            raise_peaks(&mut self.work.reference_peaks, now.iter().take(channels).copied());
            if everything || self.selection.is_heard(Heard::uses_reference) {
                self.place_reference(frames);
            }
        }
        if everything || self.selection.is_heard(|heard| heard == Heard::Dry) {
            self.place_dry(input, frames);
        }
        self.mix(output, frames);
        if tapping {
            self.write_taps(input, output, frames);
        }
        for ramp in self.trims.iter_mut().chain([&mut self.null]) {
            ramp.advance(frames);
        }
        fault
    }

    /// The gains of a change's crossfade, and where everything goes.
    fn moving(&self) -> (&[f32], &Layout) {
        match &self.transition {
            Some(transition) => match transition.stage {
                Stage::Hidden(_) => (&[], &self.layout),
                Stage::Fading(done) => (self.fade.from(done), &transition.next),
            },
            None => (&[], &self.layout),
        }
    }

    /// One slot, with what comes into it, into its buffer; at its place only if that is needed.
    fn run_slot(&mut self, slot: usize, controls: &Controls, input: &[&[f32]], frames: usize, placed: bool) -> Fault {
        let rest = self.rests.get(slot).copied().unwrap_or(Rest::Awake);
        let cell = self.cell(slot);
        let Some(buffer) = self.work.slots.get_mut(slot) else {
            return Fault::None;
        };
        if rest == Rest::Asleep {
            if placed {
                buffer.clear();
            }
            return Fault::None;
        }
        let placed_now = placed && rest == Rest::Awake;
        let mut buffer = std::mem::take(buffer);
        let knobs = controls.knobs.get(slot).copied().unwrap_or_default();
        let scene = Scene {
            knobs: &knobs,
            levels: &controls.levels,
            input,
            dry: &self.dry,
        };
        let (gains, next, change) = match &mut self.transition {
            Some(transition) => {
                let swapping = transition.slot() == Some(slot);
                let gains = match transition.stage {
                    Stage::Hidden(_) => &[],
                    Stage::Fading(done) => self.fade.from(done),
                };
                (gains, &transition.next, swapping.then_some(&mut transition.change))
            }
            None => (&[][..], &self.layout, None),
        };
        let old = self.work.old.channel_mut(0);
        let voice = self.cells.get_mut(cell).and_then(Option::as_deref_mut);
        let own = voice.as_deref().map(Voice::latency);
        let here = self.layout.cell(cell, own);
        // What goes keeps its place; what stays glides to the new one; what comes has the new one.
        let places = if change.is_some() {
            Move::at(here)
        } else {
            Move {
                from: here,
                to: if gains.is_empty() { here } else { next.cell(cell, own) },
                gains,
            }
        };
        let mut fault = with_frames(&mut buffer, frames, |output| {
            scene.play(voice, output, placed_now.then_some(&places), old)
        });
        if let Some(change) = change {
            let (cell, voice) = match change {
                Change::Layout => (cell, None),
                Change::Swap { cell, voice, .. } => (*cell, voice.as_deref_mut()),
                Change::Program { cell, .. } => (*cell, self.cells.get_mut(*cell).and_then(Option::as_deref_mut)),
            };
            let own = voice.as_deref().map(Voice::latency);
            let there = Move::at(next.cell(cell, own));
            let placed = placed_now && !gains.is_empty();
            fault = fault.worst(with_frames(&mut self.work.arriving, frames, |output| {
                scene.play(voice, output, placed.then_some(&there), old)
            }));
            for (out, incoming) in buffer.iter_mut().zip(self.work.arriving.iter()) {
                crossfade(out.get_mut(..frames).unwrap_or(&mut []), incoming, gains);
            }
        }
        if placed_now && let Some(trim) = self.trims.get(slot) {
            for channel in buffer.iter_mut() {
                trim.amplify(channel.get_mut(..frames).unwrap_or(&mut []));
            }
        } else if placed {
            buffer.clear();
        }
        if let Some(place) = self.work.slots.get_mut(slot) {
            *place = buffer;
        }
        self.shared.raise_fault(slot, fault);
        fault
    }

    fn place_reference(&mut self, frames: usize) {
        let mut buffer = std::mem::take(&mut self.work.reference);
        let mut old = std::mem::take(&mut self.work.old);
        let (gains, next) = self.moving();
        let places = Move {
            from: self.layout.reference(),
            to: next.reference(),
            gains,
        };
        let (now, _) = self.reference.now(frames);
        with_frames(&mut buffer, frames, |output| {
            for (channel, now) in output.iter_mut().zip(now) {
                channel.copy_from_slice(now);
            }
            places.read(self.reference.line(), output, old.channel_mut(0));
        });
        (self.work.reference, self.work.old) = (buffer, old);
    }

    fn place_dry(&mut self, input: &[&[f32]], frames: usize) {
        let mut buffer = std::mem::take(&mut self.work.dry);
        let mut old = std::mem::take(&mut self.work.old);
        let (gains, next) = self.moving();
        let places = Move {
            from: self.layout.dry(),
            to: next.dry(),
            gains,
        };
        with_frames(&mut buffer, frames, |output| {
            for (index, channel) in output.iter_mut().enumerate() {
                if let Some(input) = input.get(index).or(input.last()) {
                    channel.copy_from_slice(input);
                }
            }
            places.read(&self.dry, output, old.channel_mut(0));
        });
        (self.work.dry, self.work.old) = (buffer, old);
    }

    /// What is heard, out of what is placed.
    fn mix(&mut self, output: &mut [&mut [f32]], frames: usize) {
        let mut aside = std::mem::take(&mut self.work.aside);
        match self.selection.phase(&self.fade).0 {
            Phase::Rest(heard) => self.write(heard, output),
            Phase::Cross(from, to, gains) => {
                self.write(from, output);
                with_frames(&mut aside, frames, |other| {
                    self.write(to, other);
                    for (out, other) in output.iter_mut().zip(other) {
                        crossfade(out, other, gains);
                    }
                });
            }
            Phase::Out(heard, gains) => {
                self.write(heard, output);
                shape(output, gains, |gain| 1.0 - gain);
            }
            Phase::Hush => silence(output),
            Phase::In(heard, gains) => {
                self.write(heard, output);
                shape(output, gains, |gain| gain);
            }
        }
        self.work.aside = aside;
    }

    /// One source.
    fn write(&self, heard: Heard, output: &mut [&mut [f32]]) {
        let work = &self.work;
        let slot = |slot: usize, index: usize| work.slots.get(slot).map_or(&[][..], |buffer| buffer.channel(index));
        for (index, out) in output.iter_mut().enumerate() {
            match heard {
                Heard::Slot(used) => copy(out, slot(used, index)),
                Heard::Dry => copy(out, work.dry.channel(index)),
                Heard::Reference => {
                    copy(out, work.reference.channel(index));
                    let [.., trim] = self.trims;
                    trim.amplify(out);
                }
                Heard::Difference(used) => {
                    let mut k = self.null;
                    let pairs = slot(used, index).iter().zip(work.reference.channel(index));
                    for (out, (model, device)) in out.iter_mut().zip(pairs) {
                        *out = (model - k.next_value() * device).clamp(-1.0, 1.0);
                    }
                }
            }
        }
    }

    fn write_taps(&mut self, input: &[&[f32]], output: &[&mut [f32]], frames: usize) {
        let Some(tap) = &mut self.tap else {
            return;
        };
        let [a, b] = self.work.slots.each_ref().map(|buffer| views(buffer.iter(), frames));
        let (reference, channels) = self.reference.now(frames);
        let heard = if self.test.is_some() {
            // It would tell what is heard.
            [&[][..]; MAX_CHANNELS]
        } else {
            views(output.iter().map(|channel| &**channel), frames)
        };
        let signals = [input, &a, &b, reference.get(..channels).unwrap_or(&[]), &heard];
        tap.write(self.position, signals, frames);
    }
}

fn copy(out: &mut [f32], from: &[f32]) {
    if let Some(from) = from.get(..out.len()) {
        out.copy_from_slice(from);
    }
}

fn shape(output: &mut [&mut [f32]], gains: &[f32], share: impl Fn(f32) -> f32) {
    for channel in output {
        for (sample, gain) in channel.iter_mut().zip(gains) {
            *sample *= share(*gain);
        }
    }
}

/// The first `frames` frames of every channel; those that are not there are empty.
fn views<'a>(channels: impl Iterator<Item = &'a [f32]>, frames: usize) -> [&'a [f32]; MAX_CHANNELS] {
    let mut views: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
    for (view, channel) in views.iter_mut().zip(channels) {
        *view = channel.get(..frames).unwrap_or(&[]);
    }
    views
}

/// Calls `body` with the first `frames` frames of every channel of `buffer`.
fn with_frames<R>(buffer: &mut AudioBuffer, frames: usize, body: impl FnOnce(&mut [&mut [f32]]) -> R) -> R {
    let mut channels: [&mut [f32]; MAX_CHANNELS] = array::from_fn(|_| -> &mut [f32] { &mut [] });
    let mut count = 0;
    for (slot, channel) in channels.iter_mut().zip(buffer.iter_mut()) {
        *slot = channel.get_mut(..frames).unwrap_or(&mut []);
        count += 1;
    }
    body(channels.get_mut(..count).unwrap_or(&mut []))
}
