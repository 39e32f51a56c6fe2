//! Measures on audio, off the audio thread: how far two signals are apart, how late one is, how loud, whether something clicked.
//!
//! Sample by sample
//! * [`error`]: error-to-signal ratio with and without pre-emphasis, DC, SNR, MSE, MAE, RMSE, correlation.
//! * [`align`]: delay, gain and polarity to a fraction of a sample, and taking them off.
//! * [`baseline`]: what a model has to beat: the dry signal, scaled and filtered.
//! * [`delay`]: the delay between two signals, by cross-correlation.
//! * [`resample`](mod@resample): recordings at another rate.
//! * [`click`]: the second difference, in which a discontinuity of any size stands out.
//!
//! By frequency
//! * [`stft`]: multi-resolution STFT distance.
//! * [`mel`]: mel spectrograms, the distance between them, MFCCs.
//! * [`dtw`]: distance of features if time may stretch.
//! * [`distance`]: Fréchet distance and Kullback–Leibler divergence of sets of features.
//! * [`spectrum`]: averaged spectra for drawing, fed with blocks.
//! * [`alias`]: what a nonlinear device folds back, on steady sines.
//!
//! By level
//! * [`loudness`]: integrated and short-term loudness, range, true peak; the gain that makes two passages equally loud.
//! * [`transfer`]: how loud the output is where the input is that loud.
//!
//! Of gear
//! * [`probe`]: the delay and polarity that a model has learned.
//! * [`live`]: what is left between a model and the real device, over a sliding window, and where by level and pitch it lies.
//! * [`pitch`]: fundamentals, and how many, how far apart and how spread they are.
//!
//! By ear
//! * [`listening`]: blind listening tests, their statistics and logs.
//!
//! Functions take mono signals `[frames]` unless they say otherwise, and allocate. What cannot be measured is a sentence
//! ([`Unmeasurable`]) or `None`, never a panic.
#![forbid(unsafe_code)]

pub mod alias;
pub mod align;
pub mod baseline;
pub mod click;
pub mod delay;
pub mod distance;
pub mod dtw;
pub mod error;
pub mod input;
pub mod listening;
pub mod live;
pub mod loudness;
pub mod mel;
pub mod pitch;
pub mod probe;
pub mod resample;
mod shift;
pub mod spectrum;
pub mod stft;
#[cfg(test)]
mod testing;
pub mod transfer;
mod transform;

pub use click::max_second_difference;
pub use delay::{Delay, find_delay};
pub use error::{esr, max_difference, pre_emphasised_esr, snr_db};
pub use input::Unmeasurable;
