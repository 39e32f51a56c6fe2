//! What the scenarios across crates share.
//!
//! * [`corpus`]: every model that the scenarios run over: shipped, the project's fixtures, third-party ones where they are.
//! * [`host`]: a stand-in for a host and the plugin's glue: slots and chain, cut into a control half and an audio half.
//! * [`networks`]: networks of a given size with random weights, as ONNX files.
//! * [`offline`]: the reference interpreter over a whole signal.
//! * [`onnx`]: ONNX files written by hand, good and bad.
//! * [`scenario`]: what the realtime nets make an audio half do: all block sizes, parameters moving, reset, swaps.
//! * [`counting`]: an allocator that counts what the audio thread allocates and frees.
//! * [`culprit`]: a processor that breaks the rules on purpose, for the nets to catch.
//! * [`sealed`]: a thread that dies at its first system call (Linux).
//! * [`signal`]: deterministic test signals.
//!
//! The tests themselves are in `tests/tests`; the checks in real hosts are in `tests/hosts`.
#![deny(unsafe_code)]

pub mod corpus;
pub mod counting;
pub mod culprit;
pub mod host;
pub mod networks;
pub mod offline;
pub mod onnx;
pub mod scenario;
#[cfg(target_os = "linux")]
pub mod sealed;
pub mod signal;
