//! A CLAP host in the test's own process: raw, so that it can also misbehave.
#![allow(dead_code, unsafe_code)]

mod blocks;
mod contract;
mod events;
mod host;
mod instance;
pub mod live;
pub mod onnx;
mod parameters;
mod state;
mod tools;

pub use blocks::buffer;
pub use contract::*;
pub use events::{Event, Prepared};
pub use instance::Instance;
pub use tools::*;
