//! The arithmetic of models: each kernel as a plain loop ([`reference`](activation::reference)) and as vectors.
//!
//! Layout: channel-planar, `[channels, frames]`, one channel after the other at a fixed distance (the *stride*); vectors run
//! along time. Planes are computed in whole vectors, up to [`padded`] frames: what lies beyond the asked frames is scratch.
//! Each instruction set has one order of summation, the same for every position and block length, so that cutting a block
//! anywhere gives the same bits.
//!
//! Kernels are built off the audio thread (weights packed, instruction set chosen) and run on it: no allocation, no panic.
//! A call whose slices are too short for what was agreed at construction does nothing.
//!
//! This crate may use `unsafe`: vector instructions and unchecked loads behind checked entries.
#![deny(clippy::undocumented_unsafe_blocks)]

pub mod activation;
mod aligned;
pub mod binary;
pub mod conv1d;
pub mod design;
pub mod fir;
pub mod frame;
mod gates;
pub mod gru;
pub mod half;
pub mod history;
mod isa;
pub mod layers;
pub mod lstm;
mod math;
mod matvec;
pub mod peak;
mod recurrent;
pub mod resample;
pub mod rnn;
pub mod select;
mod simd;
pub mod spectrum;

pub use activation::Activation;
pub use aligned::Aligned;
pub use conv1d::Conv1d;
pub use fir::Fir;
pub use gru::Gru;
pub use half::Weights;
pub use history::Ring;
pub use isa::Isa;
pub use lstm::Lstm;
pub use recurrent::{Cell, Recurrent};
pub use rnn::Rnn;

/// Elements of the widest vector: planes are padded to a multiple of this.
pub const LANES: usize = 16;

/// `frames` rounded up to whole vectors.
pub const fn padded(frames: usize) -> usize {
    frames.next_multiple_of(LANES)
}

/// A small generator for tests: uniform in −1 … 1.
#[cfg(test)]
fn test_numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed | 1;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // 24 bits: exact in f32.
        #[allow(clippy::cast_precision_loss)]
        let value = (state >> 40) as f32 / 8_388_608.0 - 1.0;
        value
    }
}
