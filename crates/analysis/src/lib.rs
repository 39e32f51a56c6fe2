//! Measures on audio, off the audio thread: how far two signals are apart, how late one is, whether something clicked.
//!
//! * [`error`]: error-to-signal ratio, with and without pre-emphasis, and its decibel form.
//! * [`align`]: delay, gain and polarity to a fraction of a sample, and taking them off.
//! * [`delay`]: the delay between two signals, by cross-correlation.
//! * [`alias`]: what a nonlinear device folds back, on steady sines.
//! * [`listening`]: blind listening tests, their statistics and logs.
//! * [`click`]: the second difference, in which a discontinuity of any size stands out.
//!
//! All functions take mono signals `[frames]` and allocate.
#![forbid(unsafe_code)]

pub mod alias;
pub mod align;
pub mod click;
pub mod delay;
pub mod error;
pub mod listening;
mod shift;

pub use click::max_second_difference;
pub use delay::{Delay, find_delay};
pub use error::{esr, max_difference, pre_emphasised_esr, snr_db};
