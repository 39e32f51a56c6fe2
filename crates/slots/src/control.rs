//! The control half: installs, retirement, read-outs.

use crate::bank::{BankConfig, Source, Unit};
use crate::readout::{Readout, SlotReadout, Snapshot};
use crate::shared::{LatencyHandle, Shared};
use crate::voice::{Voice, VoiceBuilder};
use rtrb::{Consumer, Producer, PushError};
use std::fmt;
use std::sync::Arc;
use tonegraft_core::{Fault, HostFrames, Latency, SLOTS};

/// What travels to the audio thread.
pub(crate) struct Install {
    pub(crate) slot: usize,
    pub(crate) voice: Option<Box<Voice>>,
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
    installs: Producer<Install>,
    returns: Consumer<Box<Voice>>,
    snapshots: triple_buffer::Output<Snapshot>,
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
    pub(crate) const fn new(
        builder: VoiceBuilder,
        installs: Producer<Install>,
        returns: Consumer<Box<Voice>>,
        snapshots: triple_buffer::Output<Snapshot>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            builder,
            installs,
            returns,
            snapshots,
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
        if self.installs.is_full() {
            return Err(InstallError {
                kind: InstallErrorKind::Busy,
                unit,
            });
        }
        let voice = self.builder.build(unit)?;
        self.installs
            .push(Install { slot, voice })
            .map_err(|PushError::Full(install)| InstallError {
                kind: InstallErrorKind::Busy,
                unit: install.voice.map(|voice| voice.into_unit()),
            })
    }

    /// Drops what the audio thread has given back; returns how many units. Call regularly: a full return ring holds up installs.
    pub fn collect(&mut self) -> usize {
        let mut count = 0;
        while let Ok(voice) = self.returns.pop() {
            drop(voice);
            count += 1;
        }
        count
    }

    /// Chooses the slot that is heard, by a crossfade.
    pub fn select(&mut self, source: Source) {
        self.shared.set_source(source);
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
        let snapshot = self.snapshots.read();
        Readout {
            slots: std::array::from_fn(|slot| SlotReadout {
                live: shared.live(slot),
                incoming: shared.incoming(slot),
                phase: snapshot.phase.get(slot).copied().unwrap_or_default(),
                muted: snapshot.muted.get(slot).copied().unwrap_or_default(),
                fault: shared.fault(slot),
            }),
            source: shared.source(),
            latency: shared.latency(),
            input_peaks: snapshot.input_peaks,
            output_peaks: snapshot.output_peaks,
        }
    }
}
