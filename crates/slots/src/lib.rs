//! Holds the running models, swaps them without a click and never frees anything on the audio thread.
//!
//! A bank is born as a pair: [`BankControl`] belongs to one control thread at a time, [`BankAudio`] to the audio thread.
//! Two rings join them: installs travel towards the audio thread, retired units travel back and are dropped in
//! [`BankControl::collect`]. The audio half takes an install only when a place in the return ring is free, so that it can
//! always get rid of what it replaces.
//!
//! **Slots.** There are [`SLOTS`](tonegraft_core::SLOTS) slots, A and B; an empty one plays the dry input. Both keep running; the selected one is heard.
//!
//! **Swap.** A new unit first runs hidden on the live input, for the shorter of its receptive field and 250 ms plus the total
//! latency (so that its delay lines are full), then the old and the new one, both running, are crossfaded with equal gain:
//! `g = (1 − cos πx)/2`. One swap at a time; the others wait in the ring. As long as nothing has been heard since
//! [`BankAudio::reset`], a unit is taken at once and without a fade: sample 0 is then already right.
//!
//! **Latency.** All slots are delayed to the slowest, or to the user's reserve if that is more. When a swap changes the total, the
//! new figure is told at the first frame of the crossfade, and the delays of whatever stays are crossfaded over the same frames.
//!
//! **Guard.** A NaN or an infinity out of a processor mutes that unit (its last good sample decays over one fade), the processor
//! is reset and comes back by a fade-in; see [`Fault::NonFiniteOutput`](tonegraft_core::Fault).
//!
//! Everything is counted in frames since reset and never in host blocks, so that the samples do not depend on how the audio is
//! cut; only the block in which an install *arrives* is a matter of the threads' timing. Load is not measured here, as a clock
//! may be a system call: the owner of the audio callback measures it.
#![forbid(unsafe_code)]

mod audio;
mod bank;
mod cabinet;
mod capture;
mod control;
mod fade;
mod orders;
mod placement;
mod readout;
mod reference;
mod selection;
mod shared;
mod taps;
mod voice;

pub use audio::BankAudio;
pub use bank::{BankConfig, KnobRange, Unit, bank};
pub use cabinet::SlotsAndCab;
pub use capture::{
    CaptureAudio, CaptureConfig, CaptureControl, CaptureError, CaptureState, MAX_CAPTURE_SECONDS, Passage, capture,
};
pub use control::{BankControl, InstallError, InstallErrorKind};
pub use orders::Switching;
pub use placement::Alignment;
pub use readout::{Phase, Readout, ReferenceReadout, SlotReadout};
pub use reference::MAX_REFERENCE_FRAMES;
pub use shared::LatencyHandle;
pub use taps::{Piece, TAP_CHANNELS, TAP_FRAMES, TapReader};
pub use tonegraft_core::Source;
