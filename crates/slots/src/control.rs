//! The control half: installs, retirement, alignment, tests, taps, read-outs.

use crate::audio::CELLS;
use crate::bank::{BankConfig, Unit};
use crate::orders::{Orders, Switching, TestOrder};
use crate::placement::{Alignment, Plan, in_range};
use crate::readout::{Readout, ReferenceReadout, SlotReadout, Snapshot};
use crate::shared::{LatencyHandle, Shared};
use crate::taps::{TapReader, TapWriter, taps};
use crate::voice::{Voice, VoiceBuilder};
use rtrb::{Consumer, Producer, PushError};
use std::fmt;
use std::sync::Arc;
use tonegraft_core::{Fault, HostFrames, Latency, PROGRAMS, SLOTS, Source};

/// What travels to the audio thread.
pub(crate) struct Install {
    /// Slot A, slot B, then the programs.
    pub(crate) cell: usize,
    pub(crate) voice: Option<Box<Voice>>,
}

/// What the control half has of the ways between the halves.
pub(crate) struct Ends {
    pub(crate) installs: Producer<Install>,
    pub(crate) returns: Consumer<Box<Voice>>,
    pub(crate) snapshots: triple_buffer::Output<Snapshot>,
    pub(crate) orders: triple_buffer::Input<Orders>,
    pub(crate) tap: Producer<Box<TapWriter>>,
}

/// Why a unit was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstallErrorKind {
    /// Too many installs wait for the audio thread, which does not run or waits for [`BankControl::collect`]; try again later.
    #[error("the audio thread has not taken the models before this one yet; try again in a moment")]
    Busy,
    /// There is no such slot.
    #[error("there is no slot {slot}; slots are 0 and 1")]
    NoSuchSlot {
        /// The slot asked for.
        slot: usize,
    },
    /// There is no such program.
    #[error("there is no program {index}; programs are 0 to {}", PROGRAMS - 1)]
    NoSuchProgram {
        /// The program asked for.
        index: usize,
    },
    /// The unit's channels are not the bank's.
    #[error(
        "the model was prepared for {unit_inputs} in, {unit_outputs} out, but the track has {inputs} in, {outputs} out; \
         prepare it again"
    )]
    Layout {
        /// Channels that the unit reads.
        unit_inputs: usize,
        /// Channels that the unit writes.
        unit_outputs: usize,
        /// The bank's input channels.
        inputs: usize,
        /// The bank's output channels.
        outputs: usize,
    },
    /// The unit's latency is above the bank's limit.
    #[error("the model needs {frames} samples of latency, more than the {limit} allowed")]
    LatencyTooLong {
        /// What the unit needs.
        frames: HostFrames,
        /// The bank's limit.
        limit: HostFrames,
    },
}

/// A unit that was not accepted, and why.
pub struct InstallError {
    /// Why.
    pub kind: InstallErrorKind,
    /// The unit, given back.
    pub unit: Option<Unit>,
}

impl fmt::Debug for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstallError")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for InstallError {}

/// The half that belongs to the control side: one thread at a time, never the audio thread.
pub struct BankControl {
    builder: VoiceBuilder,
    ends: Ends,
    /// What was asked for last; every change is sent as a whole.
    orders: Orders,
    alignment: Alignment,
    /// Delay and polarity of each program.
    programs: [(f64, bool); PROGRAMS],
    /// Tests begun and alignments made, so that one is told from another.
    count: u64,
    tap: Option<TapReader>,
    no_tap: TapReader,
    shared: Arc<Shared>,
}

impl fmt::Debug for BankControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BankControl")
            .field("config", self.builder.config())
            .finish_non_exhaustive()
    }
}

impl BankControl {
    pub(crate) fn new(builder: VoiceBuilder, ends: Ends, shared: Arc<Shared>) -> Self {
        Self {
            builder,
            ends,
            orders: Orders::START,
            alignment: Alignment::default(),
            programs: [(0.0, false); PROGRAMS],
            count: 0,
            tap: None,
            no_tap: TapReader::default(),
            shared,
        }
    }

    /// How the bank was built, after clamping.
    pub const fn config(&self) -> &BankConfig {
        self.builder.config()
    }

    /// Sends `unit` (`None`: dry) to `slot`. It is heard after its hidden run and a crossfade, in the order of the calls. What it
    /// replaces comes back by [`Self::collect`].
    ///
    /// # Errors
    /// Wrong slot, channel counts or latency, or a full ring. The unit is given back.
    pub fn install(&mut self, slot: usize, unit: Option<Unit>) -> Result<(), InstallError> {
        if slot >= SLOTS {
            return Err(InstallError {
                kind: InstallErrorKind::NoSuchSlot { slot },
                unit,
            });
        }
        self.send(slot, unit)
    }

    /// Sends `unit` (`None`: nothing) to program `index` (0 … 15) of slot A, where it waits for
    /// [`Controls::program`](tonegraft_core::Controls::program); if it plays there already, as [`Self::install`]. All programs count
    /// for the total latency, so that a change of program changes nothing.
    ///
    /// # Errors
    /// As [`Self::install`].
    pub fn install_program(&mut self, index: usize, unit: Option<Unit>) -> Result<(), InstallError> {
        if index >= PROGRAMS {
            return Err(InstallError {
                kind: InstallErrorKind::NoSuchProgram { index },
                unit,
            });
        }
        self.send(SLOTS + index, unit)
    }

    fn send(&mut self, cell: usize, unit: Option<Unit>) -> Result<(), InstallError> {
        if self.ends.installs.is_full() {
            return Err(InstallError {
                kind: InstallErrorKind::Busy,
                unit,
            });
        }
        let voice = self.builder.build(unit)?;
        let sent = self.ends.installs.push(Install { cell, voice });
        sent.map_err(|PushError::Full(install)| InstallError {
            kind: InstallErrorKind::Busy,
            unit: install.voice.map(|voice| voice.into_unit()),
        })
    }

    /// Drops what the audio thread has given back; returns how many units. Call regularly: a full return ring holds up installs.
    pub fn collect(&mut self) -> usize {
        let mut count = 0;
        while let Ok(voice) = self.ends.returns.pop() {
            drop(voice);
            count += 1;
        }
        count
    }

    fn order(&mut self) {
        self.ends.orders.write(self.orders);
    }

    /// Lines the sources up, by one crossfade of old and new places. May change the total latency.
    pub fn set_alignment(&mut self, alignment: Alignment) {
        let alignment = alignment.checked(self.config());
        if alignment != self.alignment {
            self.alignment = alignment;
            self.align();
        }
    }

    /// As [`Self::set_alignment`], for the unit of program `index` (others are ignored): its delay in frames and whether it is inverted.
    pub fn set_program_alignment(&mut self, index: usize, delay: f64, invert: bool) {
        let wanted = (in_range(delay, self.config()), invert);
        if let Some(place) = self.programs.get_mut(index)
            && *place != wanted
        {
            *place = wanted;
            self.align();
        }
    }

    fn align(&mut self) {
        self.count += 1;
        self.orders.alignment = Plan::new(self.count, &self.alignment, &self.programs);
        self.order();
    }

    /// The alignment set last, in range.
    pub const fn alignment(&self) -> &Alignment {
        &self.alignment
    }

    /// What the host would be told with `alignment` and the units that the audio thread has now.
    pub fn latency_with(&self, alignment: &Alignment) -> Latency {
        let alignment = alignment.checked(self.config());
        let plan = Plan::new(0, &alignment, &self.programs);
        let own = |cell| self.shared.own_latency(cell).map(HostFrames::as_usize);
        let units = (0..CELLS).filter_map(|cell| Some(plan.need(cell, own(cell)?)));
        let reference = if self.config().references > 0 {
            plan.need_of_reference()
        } else {
            0
        };
        let reserve = self.shared.reserve().as_usize();
        let total = units.fold(reserve.max(reference), usize::max);
        let frames = HostFrames::new(u32::try_from(total).unwrap_or(u32::MAX));
        Latency::new(frames.min(self.config().max_latency))
    }

    /// True (as at first): slots run although they are not heard, so that every switch is instant. False: what is not heard sleeps, and
    /// a switch to it waits until it has run unheard for its receptive field, 250 ms at most.
    pub fn set_comparing(&mut self, comparing: bool) {
        self.orders.comparing = comparing;
        self.order();
    }

    /// What [`Source::Difference`] plays: `slot − k · reference`, within ±1. `slot` is [`Source::A`] or [`Source::B`] (others are taken for
    /// A), as it is heard alone; the reference is at its place, with its polarity, but without its trim. `k` is a factor to which it
    /// glides, −16 … 16; what is not finite is ignored.
    pub fn set_difference(&mut self, slot: Source, k: f32) {
        self.orders.difference.0 = slot.slot().unwrap_or(0);
        if k.is_finite() {
            self.orders.difference.1 = k.clamp(-16.0, 16.0);
        }
        self.order();
    }

    /// Begins a test: from now on [`Self::hear`] says what is heard, and source, trims, program and use of the reference stay as the
    /// controls have them now. Both slots run. Nothing that can be read of the bank depends on what is heard.
    pub fn begin_test(&mut self, switching: Switching) {
        self.count += 1;
        self.orders.last_switching = switching;
        self.orders.test = Some(TestOrder {
            id: self.count,
            switching,
            source: None,
        });
        self.order();
    }

    /// In a test, switches to `source`; each call is a switch, also one to what is heard already. Without a test nothing happens.
    pub fn hear(&mut self, source: Source) {
        if let Some(test) = &mut self.orders.test {
            test.source = Some(source);
            self.orders.switches += 1;
            self.order();
        }
    }

    /// Ends the test; the controls say again what is heard.
    pub fn end_test(&mut self) {
        if self.orders.test.take().is_some() {
            self.orders.switches += 1;
            self.order();
        }
    }

    /// True between [`Self::begin_test`] and [`Self::end_test`].
    pub const fn is_testing(&self) -> bool {
        self.orders.test.is_some()
    }

    /// Asks for pieces of all that is compared ([`Self::taps`]) or no more; nothing is written for nobody. The first time allocates
    /// the ring, one second long.
    pub fn set_tapping(&mut self, tapping: bool) {
        if tapping && self.tap.is_none() {
            let (writer, reader) = taps(self.builder.config());
            // The ring is empty: this happens once.
            if self.ends.tap.push(writer).is_ok() {
                self.tap = Some(reader);
            }
        }
        self.orders.tapping = tapping;
        self.order();
    }

    /// The reading end of the taps.
    pub fn taps(&mut self) -> &mut TapReader {
        self.tap.as_mut().unwrap_or(&mut self.no_tap)
    }

    /// The reading end of the taps, for a thread of its own; [`Self::taps`] reads nothing from then on.
    pub fn take_taps(&mut self) -> TapReader {
        std::mem::take(self.taps())
    }

    /// The latency to report at least (clamped to the bank's limit), so that swaps below it do not change the total.
    pub fn set_reserve(&mut self, frames: HostFrames) {
        self.shared.set_reserve(frames.min(self.config().max_latency));
    }

    /// What the host should be told now.
    pub fn latency(&self) -> Latency {
        self.shared.latency()
    }

    /// The new total if it changed since the last call, else `None`. Shares its flag with all [`LatencyHandle`]s.
    pub fn take_latency_change(&self) -> Option<Latency> {
        self.shared.take_latency_change()
    }

    /// A handle by which any thread can read the latency.
    pub fn latency_handle(&self) -> LatencyHandle {
        LatencyHandle(Arc::clone(&self.shared))
    }

    /// Asks for levels and swap states (window open) or not (closed); nothing is measured for nobody.
    pub fn set_watching(&mut self, watching: bool) {
        self.shared.set_watching(watching);
    }

    /// Forgets the faults seen so far.
    pub fn clear_faults(&mut self) {
        self.shared.clear_faults();
    }

    /// The worst fault of `slot` since [`Self::clear_faults`]; also while nobody watches.
    pub fn fault(&self, slot: usize) -> Fault {
        self.shared.fault(slot)
    }

    /// The latest state.
    pub fn readout(&mut self) -> Readout {
        let shared = &self.shared;
        let snapshot = self.ends.snapshots.read();
        Readout {
            slots: std::array::from_fn(|slot| {
                let state = snapshot.slots.get(slot).copied().unwrap_or_default();
                SlotReadout {
                    live: shared.live(slot),
                    incoming: shared.incoming(slot),
                    phase: state.phase,
                    muted: state.muted,
                    asleep: state.asleep,
                    own_latency: slowest(shared, slot),
                    fault: shared.fault(slot),
                }
            }),
            reference: ReferenceReadout {
                fed: shared.reference_fed(),
                peaks: snapshot.reference_peaks,
                fault: shared.reference_fault(),
            },
            source: shared.source(),
            program: shared.program(),
            latency: shared.latency(),
            input_peaks: snapshot.input_peaks,
            output_peaks: snapshot.output_peaks,
        }
    }
}

/// The latency of the slowest unit of `slot`; slot A has the programs, too.
fn slowest(shared: &Shared, slot: usize) -> Option<HostFrames> {
    let cells = (0..CELLS).filter(|cell| (*cell == 1) == (slot == 1));
    cells.filter_map(|cell| shared.own_latency(cell)).max()
}
