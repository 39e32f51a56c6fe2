//! From a model's graph to processors on the audio thread, and the interpreter that they are tested against.
//!
//! `Graph` → [`stream::StreamGraph`] (what runs frame by frame, with latency as a result) → [`plan::Plan`] (steps and
//! memory, printable) → [`native::Program`] (weights packed for an instruction set) → [`native::Native`] (one instance, a
//! [`tonegraft_core::Processor`]). [`Model`] walks that way. [`interpret`] runs the whole signal through the graph in plain
//! loops.
//!
//! Everything here but `native`'s processors is for other threads than the audio thread.
#![forbid(unsafe_code)]

pub mod error;
pub mod info;
pub mod interpret;
mod model;
pub mod native;
pub mod plan;
pub mod rate;
pub mod stream;

pub use error::{CompileError, CompileErrorKind, InstallError, LoadError};
pub use info::ModelInfo;
pub use interpret::InterpretError;
pub use model::{InstanceConfig, Model, Options};
pub use native::StartState;
pub use plan::Budget;
pub use rate::{Conversion, Oversampling, RateMode};
pub use tonegraft_kernels::{Isa, Weights};

/// Knobs of a model that hosts see at most.
pub const MAX_KNOBS: usize = 8;
