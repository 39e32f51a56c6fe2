//! The audio half: one swap at a time, alignment, selection.

use crate::bank::{BankConfig, Source, Unit};
use crate::control::{Install, InstallError};
use crate::fade::{Fade, crossfade};
use crate::readout::{Phase, Snapshot, raise_peaks};
use crate::shared::{LatencyHandle, Shared};
use crate::voice::{Voice, VoiceBuilder, after};
use rtrb::{Consumer, Producer, PushError};
use std::fmt;
use std::sync::Arc;
use tonegraft_core::buffer::{MAX_CHANNELS, cut, with_cut_mut};
use tonegraft_core::processor::{MAX_METERS, silence};
use tonegraft_core::{AudioBuffer, Controls, Fault, HostFrames, Latency, Middle, SLOTS};
use tonegraft_core::{DelayLine, Tap};

/// The longest hidden run, in seconds, latency not included.
const HIDDEN_SECONDS: f64 = 0.25;

/// A swap, a change of the total latency, or both. One at a time.
struct Transition {
    /// The slot that changes; `None` if only the latency does.
    slot: Option<usize>,
    /// What comes into the slot; `None`: dry. Once the transition is over, it is live.
    incoming: Option<Box<Voice>>,
    /// Total latency from the first frame of the crossfade on.
    latency: usize,
    stage: Stage,
}

/// How far a transition is.
#[derive(Clone, Copy)]
enum Stage {
    /// The incoming voice runs unheard, for that many frames more (at least 1).
    Hidden(usize),
    /// Frames of the crossfade done.
    Fading(usize),
}

/// Which slot is heard, and the crossfade towards it.
struct Selection {
    from: Source,
    to: Source,
    /// Frames of the crossfade done; at rest when the fade's length is reached.
    frame: usize,
}

/// The half that belongs to the audio thread.
///
/// Dropping it drops the units inside: do that off the audio thread.
pub struct BankAudio {
    config: BankConfig,
    fade: Fade,
    slots: [Option<Box<Voice>>; SLOTS],
    transition: Option<Transition>,
    selection: Selection,
    /// Total latency that is heard now (before a crossfade: the old one).
    latency: usize,
    /// Nothing was heard since reset: installs need no fade.
    fresh: bool,
    /// The transport's next frame.
    frame: i64,
    dry: DelayLine,
    /// What an unheard slot plays, and what comes in: `[outputs, max_frames]` each.
    aside: AudioBuffer,
    arriving: AudioBuffer,
    installs: Consumer<Install>,
    returns: Producer<Box<Voice>>,
    /// A voice that found no place in the return ring. Places are reserved, so this stays empty; it is here so that no path drops.
    parked: Option<Box<Voice>>,
    snapshots: triple_buffer::Input<Snapshot>,
    peaks: Snapshot,
    shared: Arc<Shared>,
}

impl fmt::Debug for BankAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BankAudio")
            .field("config", &self.config)
            .field("latency", &self.latency)
            .finish_non_exhaustive()
    }
}

impl BankAudio {
    pub(crate) fn new(
        config: BankConfig,
        installs: Consumer<Install>,
        returns: Producer<Box<Voice>>,
        snapshots: triple_buffer::Input<Snapshot>,
        shared: Arc<Shared>,
    ) -> Self {
        let fade = Fade::new(config.fade.as_usize());
        Self {
            slots: [const { None }; SLOTS],
            transition: None,
            selection: Selection {
                from: Source::A,
                to: Source::A,
                frame: fade.len(),
            },
            latency: config.reserve.as_usize(),
            fresh: true,
            frame: 0,
            dry: DelayLine::new(config.inputs, config.max_latency.as_usize(), config.max_frames),
            aside: AudioBuffer::new(config.outputs, config.max_frames),
            arriving: AudioBuffer::new(config.outputs, config.max_frames),
            installs,
            returns,
            parked: None,
            snapshots,
            peaks: Snapshot::default(),
            shared,
            fade,
            config,
        }
    }

    pub(crate) fn voice_builder(&self) -> VoiceBuilder {
        VoiceBuilder::new(self.config, self.fade.clone())
    }

    /// How the bank was built, after clamping.
    pub const fn config(&self) -> &BankConfig {
        &self.config
    }

    /// What the unit of `slot` shows beside its audio, as [`Processor::meters`](tonegraft_core::Processor::meters).
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn meters(&mut self, slot: usize) -> [f32; MAX_METERS] {
        match self.slots.get_mut(slot) {
            Some(Some(voice)) => voice.meters(),
            _ => [0.0; MAX_METERS],
        }
    }

    /// A handle by which any thread can read the latency. Not for the audio thread.
    pub fn latency_handle(&self) -> LatencyHandle {
        LatencyHandle(Arc::clone(&self.shared))
    }

    /// All processors back to their clean state, all delays empty, crossfades finished. What is installed before the next frame is
    /// heard is taken without a fade.
    ///
    /// # Realtime Safety
    /// Safe: processors copy their prepared state.
    pub fn reset(&mut self) {
        self.finish_transition();
        for voice in self.slots.iter_mut().flatten() {
            voice.reset();
        }
        self.dry.clear();
        self.frame = 0;
        self.selection.from = self.selection.to;
        self.selection.frame = self.fade.len();
        self.fresh = true;
    }

    /// Puts `unit` (`None`: dry) into `slot` at once, without a hidden run or a fade, and gives back what was there. For activation and
    /// offline rendering; allocates.
    ///
    /// # Errors
    /// As [`BankControl::install`](crate::BankControl::install).
    pub fn adopt(&mut self, slot: usize, unit: Option<Unit>) -> Result<Option<Unit>, InstallError> {
        if slot >= SLOTS {
            let kind = crate::InstallErrorKind::NoSuchSlot { slot };
            return Err(InstallError { kind, unit });
        }
        let voice = self.voice_builder().build(unit)?;
        self.finish_transition();
        let old = self.place(slot, voice);
        self.settle_latency();
        Ok(old.map(|voice| voice.into_unit()))
    }

    /// Takes what the control side asks for: at most one unit, and only if what it replaces can be sent back. While nothing has been
    /// heard, all that wait, without a fade.
    fn poll(&mut self) {
        if let Some(voice) = self.parked.take() {
            self.send_back(voice);
        }
        if self.fresh {
            while self.returns.slots() > 0
                && let Ok(install) = self.installs.pop()
            {
                if let Some(old) = self.place(install.slot, install.voice) {
                    self.send_back(old);
                }
            }
            self.settle_latency();
            self.selection.to = self.shared.source();
            self.selection.from = self.selection.to;
            return;
        }
        if self.selection.frame >= self.fade.len() {
            let source = self.shared.source();
            if source != self.selection.to {
                self.selection = Selection {
                    from: self.selection.to,
                    to: source,
                    frame: 0,
                };
            }
        }
        if self.transition.is_none() && self.parked.is_none() && self.returns.slots() > 0 {
            match self.installs.pop() {
                Ok(install) => self.begin_swap(install),
                Err(_) => self.begin_latency_change(),
            }
        }
    }

    fn begin_swap(&mut self, install: Install) {
        let Install { slot, mut voice } = install;
        if let Some(voice) = &mut voice {
            voice.seek(self.frame);
        }
        let others = self.slots.iter().enumerate().filter(|(index, _)| *index != slot);
        let slowest = others
            .filter_map(|(_, voice)| voice.as_ref())
            .chain(voice.as_ref())
            .map(|voice| voice.latency());
        let latency = slowest.fold(self.reserve(), usize::max);
        let stage = match &voice {
            Some(voice) => {
                let longest = self.config.rate.frames(HIDDEN_SECONDS);
                // The alignment delay and the processor's own latency must have sounded out, too.
                match voice.receptive_field().as_usize().min(longest) + latency {
                    0 => Stage::Fading(0),
                    hidden => Stage::Hidden(hidden),
                }
            }
            None => Stage::Fading(0),
        };
        self.shared.set_incoming(slot, voice.as_ref().map(|voice| voice.id()));
        if let Stage::Fading(_) = stage {
            self.tell_latency(latency);
        }
        self.transition = Some(Transition {
            slot: Some(slot),
            incoming: voice,
            latency,
            stage,
        });
    }

    fn begin_latency_change(&mut self) {
        let latency = self.slowest();
        if latency != self.latency {
            self.tell_latency(latency);
            self.transition = Some(Transition {
                slot: None,
                incoming: None,
                latency,
                stage: Stage::Fading(0),
            });
        }
    }

    /// How many of `left` frames can be processed before something changes its kind.
    fn piece(&self, left: usize) -> usize {
        let mut count = left.min(self.config.max_frames);
        match &self.transition {
            Some(Transition {
                stage: Stage::Hidden(hidden),
                ..
            }) => count = count.min(*hidden),
            Some(Transition {
                stage: Stage::Fading(done),
                ..
            }) => count = count.min(self.fade.len() - done),
            None => {}
        }
        match self.fade.len().saturating_sub(self.selection.frame) {
            0 => count,
            fading => count.min(fading),
        }
    }

    /// One piece, over which everything stays of its kind.
    fn run(&mut self, controls: &Controls, input: &[&[f32]], output: &mut [&mut [f32]], frames: usize) -> Fault {
        self.dry.push(input.iter().copied(), frames);
        let selecting = self.selection.frame < self.fade.len();
        let mut aside = std::mem::take(&mut self.aside);
        // First what is only mixed in or not heard at all, then what is heard.
        let heard = self.selection.from;
        let mut fault = Fault::None;
        for slot in (0..SLOTS).filter(|slot| *slot != heard.slot()) {
            let wanted = selecting && slot == self.selection.to.slot();
            if wanted || self.has_voice(slot) {
                fault = fault.worst(with_frames(&mut aside, frames, |aside| {
                    self.run_slot(slot, controls, input, aside)
                }));
            }
        }
        fault = fault.worst(self.run_slot(heard.slot(), controls, input, output));
        if selecting && self.selection.to != heard {
            let gains = self.fade.from(self.selection.frame);
            for (out, other) in output.iter_mut().zip(aside.iter()) {
                crossfade(out, other, gains);
            }
        }
        self.aside = aside;
        fault
    }

    /// One slot, with what comes into it.
    fn run_slot(&mut self, slot: usize, controls: &Controls, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let frames = output.first().map_or(0, |channel| channel.len());
        let knobs = controls.knobs.get(slot).copied().unwrap_or_default();
        let levels = &controls.levels;
        let (swapping, gains, next) = match &self.transition {
            Some(transition) => {
                let gains = match transition.stage {
                    Stage::Hidden(_) => &[],
                    Stage::Fading(done) => self.fade.from(done),
                };
                (transition.slot == Some(slot), gains, transition.latency)
            }
            None => (false, &[][..], self.latency),
        };
        // What goes keeps its delay; what stays glides to the new one; what comes has the new one.
        let tap = if swapping || gains.is_empty() {
            Tap::at(self.latency)
        } else {
            Tap {
                from: self.latency,
                to: next,
                gains,
            }
        };
        let mut fault = match self.slots.get_mut(slot) {
            Some(Some(voice)) => voice.process(&knobs, levels, input, output, tap),
            _ => {
                read_dry(&self.dry, tap, output);
                Fault::None
            }
        };
        if swapping && let Some(transition) = &mut self.transition {
            let dry = &self.dry;
            fault = fault.worst(with_frames(
                &mut self.arriving,
                frames,
                |arriving| match &mut transition.incoming {
                    Some(voice) => voice.process(&knobs, levels, input, arriving, Tap::at(next)),
                    None => {
                        read_dry(dry, Tap::at(next), arriving);
                        Fault::None
                    }
                },
            ));
            for (out, incoming) in output.iter_mut().zip(self.arriving.iter()) {
                crossfade(out, incoming, gains);
            }
        }
        self.shared.raise_fault(slot, fault);
        fault
    }

    /// Moves the crossfades on by `frames`, at most [`Self::piece`].
    fn advance(&mut self, frames: usize) {
        let length = self.fade.len();
        self.selection.frame = (self.selection.frame + frames).min(length);
        if self.selection.frame >= length {
            self.selection.from = self.selection.to;
        }
        let Some(transition) = &mut self.transition else {
            return;
        };
        match transition.stage {
            Stage::Hidden(left) if left > frames => transition.stage = Stage::Hidden(left - frames),
            Stage::Hidden(_) => {
                transition.stage = Stage::Fading(0);
                let latency = transition.latency;
                self.tell_latency(latency);
            }
            Stage::Fading(done) if done + frames < length => transition.stage = Stage::Fading(done + frames),
            Stage::Fading(_) => self.finish_transition(),
        }
    }

    /// The end of a transition, at its due time or at once.
    fn finish_transition(&mut self) {
        let Some(transition) = self.transition.take() else {
            return;
        };
        self.latency = transition.latency;
        self.tell_latency(transition.latency);
        if let Some(slot) = transition.slot
            && let Some(old) = self.place(slot, transition.incoming)
        {
            self.send_back(old);
        }
    }

    /// Puts a voice into a slot and gives back what was there.
    fn place(&mut self, slot: usize, mut voice: Option<Box<Voice>>) -> Option<Box<Voice>> {
        if self.fresh
            && let Some(voice) = &mut voice
        {
            voice.seek(self.frame);
        }
        self.shared.set_live(slot, voice.as_ref().map(|voice| voice.id()));
        self.shared.set_incoming(slot, None);
        match self.slots.get_mut(slot) {
            Some(place) => std::mem::replace(place, voice),
            None => voice,
        }
    }

    fn send_back(&mut self, voice: Box<Voice>) {
        if let Err(PushError::Full(voice)) = self.returns.push(voice) {
            // Not reached: a place was reserved. Were it reached twice, the older one would be leaked and not freed here.
            std::mem::forget(self.parked.replace(voice));
        }
    }

    fn settle_latency(&mut self) {
        self.latency = self.slowest();
        self.tell_latency(self.latency);
    }

    /// The total latency that the slots as they are ask for.
    fn slowest(&self) -> usize {
        let voices = self.slots.iter().flatten().map(|voice| voice.latency());
        voices.fold(self.reserve(), usize::max)
    }

    fn reserve(&self) -> usize {
        self.shared.reserve().min(self.config.max_latency).as_usize()
    }

    fn tell_latency(&self, frames: usize) {
        self.shared
            .tell_latency(HostFrames::new(u32::try_from(frames).unwrap_or(u32::MAX)));
    }

    fn has_voice(&self, slot: usize) -> bool {
        let swapping = self.transition.as_ref().is_some_and(|change| change.slot == Some(slot));
        swapping || matches!(self.slots.get(slot), Some(Some(_)))
    }

    fn publish(&mut self, input: &[&[f32]], output: &[&mut [f32]]) {
        if !self.shared.watching() {
            return;
        }
        if self.snapshots.consumed() {
            self.peaks = Snapshot::default();
        }
        raise_peaks(&mut self.peaks.input_peaks, input.iter().copied());
        raise_peaks(&mut self.peaks.output_peaks, output.iter().map(|channel| &**channel));
        for slot in 0..SLOTS {
            let phase = match &self.transition {
                Some(change) if change.slot == Some(slot) => match change.stage {
                    Stage::Hidden(_) => Phase::Hidden,
                    Stage::Fading(_) => Phase::Fading,
                },
                _ => Phase::Steady,
            };
            let muted = matches!(self.slots.get(slot), Some(Some(voice)) if voice.muted());
            if let (Some(to_phase), Some(to_muted)) = (self.peaks.phase.get_mut(slot), self.peaks.muted.get_mut(slot)) {
                *to_phase = phase;
                *to_muted = muted;
            }
        }
        self.snapshots.write(self.peaks);
    }

    /// Which slot is heard from the next block on, by a crossfade, as [`BankControl::select`](crate::BankControl::select).
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn select(&self, source: Source) {
        self.shared.set_source(source);
    }

    /// What the host is told, with its type.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn total_latency(&self) -> Latency {
        self.shared.latency()
    }
}

/// Before the latency changes at the first frame of a crossfade, and while installs wait, [`Middle::is_moving`] is true. Faults are the
/// worst of all slots, heard or not.
impl Middle for BankAudio {
    fn process(&mut self, controls: &Controls, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let frames = output.first().map_or(0, |channel| channel.len());
        let fits = input.len() == self.config.inputs
            && output.len() == self.config.outputs
            && input.iter().all(|channel| channel.len() == frames)
            && output.iter().all(|channel| channel.len() == frames);
        if !fits {
            silence(output);
            return Fault::BadBlock;
        }
        self.poll();
        let mut fault = Fault::None;
        let mut done = 0;
        while done < frames {
            self.fresh = false;
            let count = self.piece(frames - done);
            let mut part_in: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
            let channels = cut(input, done, count, &mut part_in);
            let part_in = part_in.get(..channels).unwrap_or(&[]);
            fault = fault.worst(with_cut_mut(output, done, count, |part| {
                self.run(controls, part_in, part, count)
            }));
            self.advance(count);
            self.frame = after(self.frame, count);
            done += count;
        }
        self.publish(input, output);
        fault
    }

    fn latency(&self) -> HostFrames {
        self.shared.latency().frames()
    }

    fn seek(&mut self, frame: i64) {
        self.frame = frame;
        let incoming = self.transition.iter_mut().filter_map(|change| change.incoming.as_mut());
        for voice in self.slots.iter_mut().flatten().chain(incoming) {
            voice.seek(frame);
        }
    }

    fn is_moving(&self) -> bool {
        self.transition.is_some() || !self.installs.is_empty() || self.latency != self.slowest()
    }
}

/// Reads the delayed input into every output channel.
fn read_dry(dry: &DelayLine, tap: Tap<'_>, output: &mut [&mut [f32]]) {
    for (index, channel) in output.iter_mut().enumerate() {
        dry.read(index, tap, channel);
    }
}

/// Calls `body` with the first `frames` frames of every channel of `buffer`.
fn with_frames<R>(buffer: &mut AudioBuffer, frames: usize, body: impl FnOnce(&mut [&mut [f32]]) -> R) -> R {
    let mut channels: [&mut [f32]; MAX_CHANNELS] = std::array::from_fn(|_| -> &mut [f32] { &mut [] });
    let mut count = 0;
    for (slot, channel) in channels.iter_mut().zip(buffer.iter_mut()) {
        *slot = channel.get_mut(..frames).unwrap_or(&mut []);
        count += 1;
    }
    body(channels.get_mut(..count).unwrap_or(&mut []))
}
