//! Comparing: sources and switches between them, the common time, tests, sleep, programs, taps, capture.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

#[path = "../common/mod.rs"]
mod common;

mod align;
mod blind;
mod capture;
mod programs;
mod sleep;
mod sources;
mod support;
mod taps;

use support::{Motion, Random, play, play_mono};
