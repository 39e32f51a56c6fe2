//! What stands around the slots: input guard, gains, noise gate, tone stack, dry mix, bypass, on the control grid; and the cab.
//!
//! ```text
//! host input ─ non-finite guard ─┬─ input gain ─ gate ─ Middle (slots, cab) ─ tone ─ mix ─ output gain ─ bypass ─ host output
//!                                └─ delayed by Middle's latency ─────────────────────┴───────────────────┘
//! ```
//!
//! The plugin and the command line both run exactly this, so that they give the same samples.
//!
//! **Grid.** Settings are taken at multiples of 32 frames counted from reset ([`CONTROL_INTERVAL`](tonegraft_core::CONTROL_INTERVAL)):
//! [`Chain::set`] at absolute frame `p` takes effect at the first boundary at or after `p`. Gains, mix and bypass then glide frame
//! by frame, knobs step once per interval along their glide; what is heard, trims and program are handed to the middle, which fades.
//! The gate counts frames, and the tone's coefficients are interpolated between the points of the grid. While nothing moves, whole
//! blocks pass uncut. The samples do not depend on how the host cuts the audio.
//!
//! **Dry path.** The guarded host input, before the gain, delayed by [`Middle::latency`](tonegraft_core::Middle::latency). When that changes, the delay is
//! crossfaded between the old and the new distance. Where there are more outputs than inputs, the last input is copied.
//!
//! **Transparency.** A gain of 0 dB, no gate, a flat tone, a mix of 1 and no bypass leave the bits of the middle's output as they are;
//! bypass gives the bits of the delayed input.
//!
//! **Cab.** [`cab`] reads impulse responses and plays them behind the slots, as a processor that whoever builds the middle installs there.
//!
//! **Anchor.** [`anchor`] is what a likeness test hides among its trials: a tanh and a filter, in a slot.
//!
//! Levels are linear unless a name ends in `_db`. Nothing allocates after [`Chain::new`].
#![forbid(unsafe_code)]

pub mod anchor;
pub mod cab;
mod chain;
mod delay;
mod gate;
pub mod params;
mod settings;
mod tone;
mod transport;

pub use chain::{Chain, ChainConfig};
pub use gate::GateSettings;
pub use settings::Settings;
pub use tone::ToneSettings;
