//! Cab and room impulse responses: read, prepared, played without latency.
//!
//! ```text
//! file ─ Recording::open ─ ImpulseResponse::new (host's rate, trimmed, levelled) ─ Convolver::new ─ audio thread
//! ```
//!
//! All but [`Convolver`] as a [`Processor`](tonegraft_core::Processor) belongs to other threads.
//!
//! **Convolution.** The first 128 taps are a direct filter; then come partitions of 64, 512 and 4096 frames, each length from tap
//! `2·length` on, so that a whole period of `length` frames is there to compute what the next one plays (Gardner 1995; García, "Optimal
//! Filter Partition for Efficient Convolution with Short Input/Output Delay", AES 113, 2002). That work is cut into units, a long
//! transform into short ones, and each interval of the control grid does an equal share: no block has to do a whole long
//! transform. Partitions and intervals are counted from reset, so that the host's blocks change no bit.
//!
//! **Level.** As captures are played in the field: 18 dB down, see [`IrLevel`].

mod aligned;
mod choice;
mod convolver;
mod level;
mod transform;

// What follows never runs on the audio thread.
#[allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::disallowed_types)]
mod error;
#[allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::disallowed_types)]
mod ir;
#[allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::disallowed_types)]
mod read;
// Lengths of responses are far below 2⁵³, and not negative.
#[allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::disallowed_types)]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
mod resample;

pub use choice::{CabChoice, CabUse};
pub use convolver::Convolver;
pub use error::{IrError, IrErrorKind};
pub use ir::{ImpulseResponse, IrLevel, MAX_SECONDS, PEAK_LIMIT, Recording};
pub use read::{MAX_FILE_SECONDS, MIN_RATE};
