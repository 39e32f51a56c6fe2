//! What the window shows of a bank.

use crate::bank::Source;
use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::{Fault, Latency, SLOTS};

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
    /// The worst fault since [`BankControl::clear_faults`](crate::BankControl::clear_faults).
    pub fault: Fault,
}

/// A bank, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readout {
    /// Slots A and B.
    pub slots: [SlotReadout; SLOTS],
    /// Which slot was asked to be heard.
    pub source: Source,
    /// Total latency.
    pub latency: Latency,
    /// Largest magnitude per input channel of the bank, linear, since the read-out before. Fresh only while the bank is watched.
    pub input_peaks: [f32; MAX_CHANNELS],
    /// Largest magnitude per output channel of the bank, linear, since the read-out before. Fresh only while the bank is watched.
    pub output_peaks: [f32; MAX_CHANNELS],
}

/// The part that travels by the triple buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) phase: [Phase; SLOTS],
    pub(crate) muted: [bool; SLOTS],
    pub(crate) input_peaks: [f32; MAX_CHANNELS],
    pub(crate) output_peaks: [f32; MAX_CHANNELS],
}

/// Raises `peaks` to the largest magnitudes of `channels`; NaN counts as nothing.
pub(crate) fn raise_peaks<'a>(peaks: &mut [f32; MAX_CHANNELS], channels: impl Iterator<Item = &'a [f32]>) {
    for (peak, channel) in peaks.iter_mut().zip(channels) {
        *peak = channel.iter().fold(*peak, |peak, sample| peak.max(sample.abs()));
    }
}
