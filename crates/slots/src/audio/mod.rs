//! The audio half: what it holds, and the way through one block.
//!
//! [`change`]: what may begin at a frame (swaps, programs, sleep, switches); [`play`]: one piece over which everything stays of its kind.

mod change;
mod play;

use crate::bank::{BankConfig, Unit};
use crate::control::{Install, InstallError, InstallErrorKind};
use crate::fade::Fade;
use crate::orders::{Choice, Orders};
use crate::placement::{Layout, Plan};
use crate::readout::{Phase, Snapshot, raise_peaks};
use crate::reference::Reference;
use crate::selection::{Heard, Selection};
use crate::shared::{LatencyHandle, Shared};
use crate::taps::TapWriter;
use crate::voice::{Voice, VoiceBuilder, after, glide_intervals};
use change::{Change, Transition};
use play::Work;
use rtrb::{Consumer, Producer};
use std::fmt;
use std::sync::Arc;
use tonegraft_core::buffer::{MAX_CHANNELS, cut, with_cut_mut};
use tonegraft_core::levels::factor;
use tonegraft_core::processor::{MAX_METERS, silence};
use tonegraft_core::{Controls, DelayLine, Fault, HostFrames, Latency, Middle, PROGRAMS, Ramp, SLOTS, TRIMS};

/// Places for units: those of slot A and slot B, then the programs.
pub(crate) const CELLS: usize = SLOTS + PROGRAMS;

/// What the audio half has of the ways between the halves.
pub(crate) struct Ends {
    pub(crate) installs: Consumer<Install>,
    pub(crate) returns: Producer<Box<Voice>>,
    pub(crate) snapshots: triple_buffer::Input<Snapshot>,
    pub(crate) orders: triple_buffer::Output<Orders>,
    /// Comes once, with the first wish to look.
    pub(crate) tap: Consumer<Box<TapWriter>>,
}

/// Whether a slot runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Awake,
    Asleep,
    /// Runs unheard, for that many frames more (at least 1).
    Waking(usize),
}

/// A test as the audio thread carries it out.
#[derive(Clone, Copy, Debug)]
struct Running {
    id: u64,
    frozen: Choice,
}

/// The half that belongs to the audio thread.
///
/// Dropping it drops the units inside: do that off the audio thread.
pub struct BankAudio {
    config: BankConfig,
    fade: Fade,
    cells: [Option<Box<Voice>>; CELLS],
    /// The cell that plays in slot A: its own or a program's.
    live: usize,
    rests: [Rest; SLOTS],
    transition: Option<Transition>,
    selection: Selection,
    /// The last switch of a test that was carried out.
    switches: u64,
    test: Option<Running>,
    choice: Choice,
    trims: [Ramp; TRIMS],
    /// Gain of the reference in the difference.
    null: Ramp,
    /// Where everything stands in time as it is heard now (before a crossfade: the old).
    layout: Layout,
    /// Nothing was heard since reset: installs need no fade.
    fresh: bool,
    /// The transport's next frame.
    frame: i64,
    /// Frames since reset.
    position: u64,
    dry: DelayLine,
    reference: Reference,
    /// All of the last block's reference was fed.
    fed: bool,
    work: Work,
    tap: Option<Box<TapWriter>>,
    ends: Ends,
    /// A voice that found no place in the return ring. Places are reserved, so this stays empty; it is here so that no path drops.
    parked: Option<Box<Voice>>,
    peaks: Snapshot,
    shared: Arc<Shared>,
}

impl fmt::Debug for BankAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BankAudio")
            .field("config", &self.config)
            .field("latency", &self.layout.latency)
            .finish_non_exhaustive()
    }
}

impl BankAudio {
    pub(crate) fn new(config: BankConfig, ends: Ends, shared: Arc<Shared>) -> Self {
        let fade = Fade::new(config.fade.as_usize());
        let glide = glide_intervals(&config);
        Self {
            cells: [const { None }; CELLS],
            live: 0,
            rests: [Rest::Awake; SLOTS],
            transition: None,
            selection: Selection::new(Heard::Slot(0)),
            switches: 0,
            test: None,
            choice: Choice::of(&Controls::DEFAULT),
            trims: [Ramp::new(1.0, glide); TRIMS],
            null: Ramp::new(1.0, glide),
            layout: Layout {
                latency: config.reserve.as_usize(),
                alignment: Plan::NONE,
            },
            fresh: true,
            frame: 0,
            position: 0,
            dry: DelayLine::new(config.inputs, config.max_latency.as_usize(), config.max_frames),
            reference: Reference::new(&config),
            fed: false,
            work: Work::new(&config),
            tap: None,
            ends,
            parked: None,
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
        let cell = self.cell(slot);
        match self.cells.get_mut(cell) {
            Some(Some(voice)) if slot < SLOTS => voice.meters(),
            _ => [0.0; MAX_METERS],
        }
    }

    /// A handle by which any thread can read the latency. Not for the audio thread.
    pub fn latency_handle(&self) -> LatencyHandle {
        LatencyHandle(Arc::clone(&self.shared))
    }

    /// What came in on the side-chain with the frames that are processed next, `[side-chain channels, frames]`: call this before they
    /// are. At most [`MAX_REFERENCE_FRAMES`](crate::MAX_REFERENCE_FRAMES) frames; what was fed before and not played is dropped.
    /// Frames for which nothing was fed are silence. NaN and infinity are taken for 0, which the next block tells as
    /// [`Fault::NonFiniteInput`].
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn feed_reference(&mut self, channels: &[&[f32]]) {
        self.reference.feed(channels);
    }

    /// All processors back to their clean state, all delays empty, crossfades finished. What is installed before the next frame is
    /// heard is taken without a fade.
    ///
    /// # Realtime Safety
    /// Safe: processors copy their prepared state.
    pub fn reset(&mut self) {
        self.finish_transition();
        for cell in [self.cell(0), 1] {
            if let Some(Some(voice)) = self.cells.get_mut(cell) {
                voice.reset();
            }
        }
        if let Some(tap) = &mut self.tap {
            tap.flush(self.position);
        }
        self.dry.clear();
        self.reference.reset();
        self.frame = 0;
        self.position = 0;
        self.selection.snap(self.selection.to());
        self.fresh = true;
    }

    /// Puts `unit` (`None`: dry) into `slot` at once, without a hidden run or a fade, and gives back what was there. For activation and
    /// offline rendering; allocates.
    ///
    /// # Errors
    /// As [`BankControl::install`](crate::BankControl::install).
    pub fn adopt(&mut self, slot: usize, unit: Option<Unit>) -> Result<Option<Unit>, InstallError> {
        if slot >= SLOTS {
            let kind = InstallErrorKind::NoSuchSlot { slot };
            return Err(InstallError { kind, unit });
        }
        self.adopt_cell(slot, unit)
    }

    /// As [`Self::adopt`], for program `index`.
    ///
    /// # Errors
    /// As [`BankControl::install_program`](crate::BankControl::install_program).
    pub fn adopt_program(&mut self, index: usize, unit: Option<Unit>) -> Result<Option<Unit>, InstallError> {
        if index >= PROGRAMS {
            let kind = InstallErrorKind::NoSuchProgram { index };
            return Err(InstallError { kind, unit });
        }
        self.adopt_cell(SLOTS + index, unit)
    }

    fn adopt_cell(&mut self, cell: usize, unit: Option<Unit>) -> Result<Option<Unit>, InstallError> {
        let voice = self.voice_builder().build(unit)?;
        self.finish_transition();
        let old = self.place(cell, voice);
        self.settle();
        Ok(old.map(|voice| voice.into_unit()))
    }

    /// Takes the alignment and the reserve that the control side asks for, at once and without a fade, so that the latency is right
    /// before the first frame. For activation, after everything was adopted.
    pub fn settle(&mut self) {
        self.finish_transition();
        self.ends.orders.update();
        self.settle_layout();
    }

    /// The cell that plays in `slot`.
    const fn cell(&self, slot: usize) -> usize {
        if slot == 0 { self.live } else { slot }
    }

    /// The voice that plays in `slot`; `None`: dry.
    fn voice(&self, slot: usize) -> Option<&Voice> {
        self.cells.get(self.cell(slot)).and_then(Option::as_deref)
    }

    fn testing(&self) -> bool {
        self.test.is_some()
    }

    fn publish(&mut self, input: &[&[f32]], output: &[&mut [f32]]) {
        if !self.shared.watching() {
            return;
        }
        if self.ends.snapshots.consumed() {
            self.peaks = Snapshot::default();
        }
        raise_peaks(&mut self.peaks.input_peaks, input.iter().copied());
        if self.testing() {
            // It would tell what is heard.
            self.peaks.output_peaks = [0.0; MAX_CHANNELS];
        } else {
            raise_peaks(&mut self.peaks.output_peaks, output.iter().map(|channel| &**channel));
        }
        for (peak, seen) in self
            .peaks
            .reference_peaks
            .iter_mut()
            .zip(&mut self.work.reference_peaks)
        {
            *peak = peak.max(std::mem::take(seen));
        }
        for slot in 0..SLOTS {
            let phase = match &self.transition {
                Some(change) if change.slot() == Some(slot) => change.phase(),
                _ => Phase::Steady,
            };
            let muted = self.voice(slot).is_some_and(Voice::muted);
            if let Some(state) = self.peaks.slots.get_mut(slot) {
                state.phase = phase;
                state.muted = muted;
                state.asleep = self.rests.get(slot) == Some(&Rest::Asleep);
            }
        }
        self.ends.snapshots.write(self.peaks);
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
/// worst of all slots, heard or not, and of the reference.
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
        self.poll(controls);
        let mut fault = self.reference.take_fault();
        self.shared.raise_reference_fault(fault);
        if frames == 0 && !self.fresh {
            self.begin();
        }
        let mut done = 0;
        let mut fed = self.reference.exists();
        while done < frames {
            self.fresh = false;
            self.begin();
            let count = self.piece(frames - done);
            let mut part_in: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
            let channels = cut(input, done, count, &mut part_in);
            let part_in = part_in.get(..channels).unwrap_or(&[]);
            fed &= self.reference.take(count);
            fault = fault.worst(with_cut_mut(output, done, count, |part| {
                self.run(controls, part_in, part, count)
            }));
            self.advance(count);
            self.frame = after(self.frame, count);
            self.position = self.position.wrapping_add(count as u64);
            done += count;
        }
        if frames > 0 && fed != self.fed {
            self.fed = fed;
            self.shared.set_reference_fed(fed);
        }
        self.publish(input, output);
        fault
    }

    fn latency(&self) -> HostFrames {
        self.shared.latency().frames()
    }

    fn seek(&mut self, frame: i64) {
        self.frame = frame;
        for slot in 0..SLOTS {
            let cell = self.cell(slot);
            if let Some(Some(voice)) = self.cells.get_mut(cell) {
                voice.seek(frame);
            }
        }
        if let Some(voice) = self.incoming() {
            voice.seek(frame);
        }
    }

    fn is_moving(&self) -> bool {
        self.transition.is_some()
            || !self.ends.installs.is_empty()
            || self.ends.orders.updated()
            || self.needs_layout(self.needed_latency(None))
    }
}

/// Trims as factors, in the order of [`Controls::trims_db`].
fn trim_factor(db: f32) -> f32 {
    // What is not finite is ignored by the ramp.
    factor(db.clamp(-120.0, 60.0))
}

impl BankAudio {
    /// What is about to be heard.
    fn incoming(&mut self) -> Option<&mut Voice> {
        match &mut self.transition.as_mut()?.change {
            Change::Layout => None,
            Change::Swap { voice, .. } => voice.as_deref_mut(),
            Change::Program { cell, .. } => self.cells.get_mut(*cell)?.as_deref_mut(),
        }
    }
}
