//! Spectral front ends: a model of spectra becomes a model of frames of audio.

mod description;

pub(crate) use description::parse;
pub use description::{Normalise, SpectralInput, SpectralOutput, Stft, Window};
