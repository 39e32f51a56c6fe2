//! Holds the running models, compares them, swaps them without a click and never frees anything on the audio thread.
//!
//! A bank is born as a pair: [`BankControl`] belongs to one control thread at a time, [`BankAudio`] to the audio thread.
//! Two rings join them: installs travel towards the audio thread, retired units travel back and are dropped in
//! [`BankControl::collect`]. The audio half takes an install only when a place in the return ring is free, so that it can
//! always get rid of what it replaces. What else the control side asks for (alignment, tests, looking) travels as a whole by a triple
//! buffer: the latest counts.
//!
//! **Sources.** Slots A and B hold a unit each; an empty one plays the dry input. Beside them are the *reference*, which is the side-chain
//! ([`BankAudio::feed_reference`]), the dry input, and the difference of a slot and the reference. Which is heard is part of
//! [`Controls`](tonegraft_core::Controls) and so taken at the control grid, as are trims and program. A switch is a crossfade of two running
//! signals, with equal gain: `g = (1 − cos πx)/2`. One that is asked for during another waits for it; of several the last counts.
//!
//! **Common time.** Source `s` comes late by `L_s + d_s`: the latency its unit reports, and the delay that the user says it has
//! ([`Alignment`]: one that a model has learned, the round trip of a device). The total `T` is the latest of both slots, of all programs, of
//! the reference if it is to be heard aligned, or the user's reserve. Each source is delayed by `T − L_s − d_s`; a fraction of a frame is a
//! windowed sinc of 32 taps, whose coefficients the control side computes. `T` is what the host is told; no switch changes it. Then come
//! polarity and trim. Where nothing is to be delayed, inverted or trimmed, nothing is computed and the bits stay.
//!
//! **Swap.** A new unit first runs hidden on the live input, for the shorter of its receptive field and 250 ms plus its latency and its
//! delay (so that its delay lines are full), then the old and the new one, both running, are crossfaded. One swap at a time; the
//! others wait in the ring. As long as nothing has been heard since [`BankAudio::reset`], a unit is taken at once and without a fade:
//! sample 0 is then already right. When a swap or an alignment changes the total, the new figure is told at the first frame of the
//! crossfade, and whatever stays is crossfaded from its old place to its new one over the same frames.
//!
//! **Programs.** Up to [`PROGRAMS`](tonegraft_core::PROGRAMS) more units wait on the audio thread to play in slot A. A change of program is a
//! swap from and to them, from the clean state, without the control side. One that is empty is the slot's own unit. Each has an alignment of its own.
//!
//! **Sleep.** While comparing ([`BankControl::set_comparing`], as at first) both slots run, heard or not. Else a slot that is not heard
//! is not called; it wakes from its clean state and runs hidden before it is heard.
//!
//! **Tests.** Between [`BankControl::begin_test`] and [`BankControl::end_test`] the control side says what is heard, and source, trims,
//! program and use of the reference are frozen. Every [`BankControl::hear`] is a switch, also to what is heard already, and all sources are
//! computed whatever is heard. Nothing that can be read of the bank depends on it: output peaks are 0 and the output in the taps is silence.
//!
//! **Taps.** [`BankControl::set_tapping`] has the audio thread write what is compared into a ring, piece by piece; a piece for which there is
//! no room is dropped and counted. [`capture`] records a passage of the input and replays it in place of it.
//!
//! **Guard.** A NaN or an infinity out of a processor mutes that unit (its last good sample decays over one fade), the processor
//! is reset and comes back by a fade-in; see [`Fault::NonFiniteOutput`](tonegraft_core::Fault). In the reference it is taken for 0.
//!
//! Everything is counted in frames since reset and never in host blocks, so that the samples do not depend on how the audio is
//! cut; only the block in which something of the control side *arrives* is a matter of the threads' timing. Load is not measured here,
//! as a clock may be a system call: the owner of the audio callback measures it.
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
pub use bank::{BankConfig, Unit, bank};
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
