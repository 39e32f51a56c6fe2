//! What every Tonegraft crate that touches audio agrees on.
//!
//! * [`units`]: frames at the host's rate, frames at the model's rate, sample rates, and the one bridge between them.
//! * [`latency`]: added latency as a sum of named parts.
//! * [`processor`]: the [`Processor`] trait, the only thing slots know about a model.
//! * [`levels`]: how loud models are made.
//! * [`middle`]: what stands in the middle of a chain, the slots; what can be heard of them.
//! * [`knob`]: from a knob's position to its value, and back.
//! * [`grid`]: the control grid of 32 frames on which all parameters move.
//! * [`fault`]: what goes wrong on the audio thread, as a `Copy` code.
//! * [`denormals`]: a guard that flushes denormals while it lives.
//! * [`buffer`]: planar audio, `[channels, frames]`; [`delay_line`]: its past, read at any distance.
//! * [`fade`]: the shape of every crossfade.
//!
//! Nothing here allocates after construction, and no audio-thread function returns a `Result`.
#![deny(unsafe_code)]

pub mod buffer;
pub mod delay_line;
pub mod denormals;
pub mod fade;
pub mod fault;
pub mod grid;
pub mod knob;
pub mod latency;
pub mod levels;
pub mod middle;
pub mod processor;
pub mod units;

pub use buffer::AudioBuffer;
pub use delay_line::{DelayLine, FILTER_TAPS, Tap};
pub use fade::raised_cosine;
pub use fault::Fault;
pub use grid::{CONTROL_INTERVAL, ControlGrid, Ramp};
pub use knob::{KnobRange, KnobScale};
pub use latency::{Latency, LatencyParts};
pub use levels::{LevelSettings, ModelLevels, OutputMode};
pub use middle::{Controls, KNOBS, Knobs, Middle, PROGRAMS, SLOTS, Source, TRIMS};
pub use processor::{Facts, Processor, Tail};
pub use units::{HostFrames, ModelFrames, RateRatio, SampleRate};
