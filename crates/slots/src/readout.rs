//! What the window shows of a bank.

use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::{Fault, HostFrames, Latency, SLOTS, Source};

/// How far a slot is with its swap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing changes.
    #[default]
    Steady,
    /// A new unit runs, unheard.
    Hidden,
    /// The old and the new unit are crossfaded.
    Fading,
}

/// The side-chain, seen from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReferenceReadout {
    /// The host sent something (silence, too) with all of the last block.
    pub fed: bool,
    /// Largest magnitude per channel, laid out as the output, linear, since the read-out before. Fresh only while the bank is watched.
    pub peaks: [f32; MAX_CHANNELS],
    /// The worst fault since [`BankControl::clear_faults`](crate::BankControl::clear_faults).
    pub fault: Fault,
}

/// One slot, seen from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotReadout {
    /// Id of the unit that is heard when the slot is selected; `None`: dry.
    pub live: Option<u64>,
    /// Id of the unit that is about to be heard.
    pub incoming: Option<u64>,
    /// Swap in progress. Fresh only while the bank is watched.
    pub phase: Phase,
    /// True while the guard mutes the unit. Fresh only while the bank is watched.
    pub muted: bool,
    /// True while it does not run, as it is not heard and nothing is compared. Fresh only while the bank is watched.
    pub asleep: bool,
    /// The latency of its slowest unit, programs included; `None`: it has none.
    pub own_latency: Option<HostFrames>,
    /// The worst fault since [`BankControl::clear_faults`](crate::BankControl::clear_faults).
    pub fault: Fault,
}

/// A bank, seen from outside. Nothing in it depends on what is heard in a test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readout {
    /// Slots A and B.
    pub slots: [SlotReadout; SLOTS],
    /// The reference.
    pub reference: ReferenceReadout,
    /// What the controls ask to be heard; in a test, what they asked for when it began.
    pub source: Source,
    /// The program that plays in slot A; `None`: the slot's own unit.
    pub program: Option<u8>,
    /// Total latency.
    pub latency: Latency,
    /// Largest magnitude per input channel of the bank, linear, since the read-out before. Fresh only while the bank is watched.
    pub input_peaks: [f32; MAX_CHANNELS],
    /// Largest magnitude per output channel of the bank, linear, since the read-out before; 0 in a test. Fresh only while the bank is
    /// watched.
    pub output_peaks: [f32; MAX_CHANNELS],
}

/// The part that travels by the triple buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) slots: [SlotState; SLOTS],
    pub(crate) input_peaks: [f32; MAX_CHANNELS],
    pub(crate) reference_peaks: [f32; MAX_CHANNELS],
    pub(crate) output_peaks: [f32; MAX_CHANNELS],
}

/// Of one slot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlotState {
    pub(crate) phase: Phase,
    pub(crate) muted: bool,
    pub(crate) asleep: bool,
}

/// Raises `peaks` to the largest magnitudes of `channels`; NaN counts as nothing.
pub(crate) fn raise_peaks<'a>(peaks: &mut [f32; MAX_CHANNELS], channels: impl Iterator<Item = &'a [f32]>) {
    for (peak, channel) in peaks.iter_mut().zip(channels) {
        *peak = channel.iter().fold(*peak, |peak, sample| peak.max(sample.abs()));
    }
}
