//! `tonegraft.stft`: what a file says of the spectral front end that belongs around it.

use crate::error::Result;
use crate::metadata::{Framing, wrong};
use serde::{Deserialize, Serialize};

/// Shape of an analysis or synthesis window, periodic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// `0.5 − 0.5·cos`.
    Hann,
    /// Square root of it.
    SqrtHann,
    /// Ones.
    Rectangular,
    /// `0.54 − 0.46·cos`.
    Hamming,
    /// `0.42 − 0.5·cos + 0.08·cos 2`.
    Blackman,
}

impl Window {
    /// Its `size` values.
    pub fn values(self, size: usize) -> Vec<f64> {
        (0..size)
            .map(|n| {
                let turn = std::f64::consts::TAU * n as f64 / size as f64;
                match self {
                    Self::Hann => 0.5 - 0.5 * turn.cos(),
                    Self::SqrtHann => (0.5 - 0.5 * turn.cos()).max(0.0).sqrt(),
                    Self::Rectangular => 1.0,
                    Self::Hamming => 0.54 - 0.46 * turn.cos(),
                    Self::Blackman => 0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos(),
                }
            })
            .collect()
    }
}

/// What the model's spectral input holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpectralInput {
    /// Real and imaginary part: an axis of 2, or one axis of all real, then all imaginary parts.
    Complex,
    /// `|X|`.
    Magnitude,
    /// `|X|²`.
    Power,
    /// `ln(max(|X|, 1e-7))`.
    LogMagnitude,
    /// `ln(1 + |X|)`.
    Log1pMagnitude,
    /// Two inputs, `|X|` and the angle of `X` in radians.
    MagnitudePhase,
    /// Two inputs, real part and imaginary part.
    RealImaginary,
}

/// What the model's spectral output holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpectralOutput {
    /// The new spectrum.
    Complex,
    /// A factor of each bin, real.
    Mask,
    /// A factor of each bin, complex.
    ComplexMask,
    /// The new magnitude; the phase stays.
    Magnitude,
    /// The logarithm of the new magnitude; the phase stays.
    LogMagnitude,
    /// Two outputs, magnitude and angle in radians.
    MagnitudePhase,
    /// Two outputs, real part and imaginary part.
    RealImaginary,
}

/// How overlapping frames are brought to the gain 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// By the sum of overlapping windows, which must be constant.
    #[default]
    Constant,
    /// Sample by sample by that sum, as inverse transforms of torch and librosa do.
    Envelope,
    /// Not at all: the model or its window has the gain in it.
    None,
}

/// A short-time Fourier transform around a model of spectra.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stft {
    /// Frames of audio in one spectrum, and from one to the next.
    pub framing: Framing,
    /// Analysis window.
    pub window: Window,
    /// Synthesis window.
    pub synthesis_window: Window,
    /// What the model takes.
    pub input: SpectralInput,
    /// What it gives.
    pub output: SpectralOutput,
    /// Names of the spectral inputs; empty if they are to be found by their shapes.
    pub inputs: Vec<String>,
    /// Names of the spectral outputs; empty if they are to be found by their shapes.
    pub outputs: Vec<String>,
    /// Gain of the overlapping frames.
    pub normalise: Normalise,
    /// True if frames stand alone, so that a model with several, or an open number of, frames in one run may be given one.
    pub single_frames: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    size: u64,
    hop: u64,
    #[serde(default)]
    start: crate::metadata::FrameStart,
    window: Window,
    synthesis_window: Option<Window>,
    #[serde(default = "complex_in")]
    input: SpectralInput,
    #[serde(default = "complex_out")]
    output: SpectralOutput,
    #[serde(default)]
    inputs: Vec<String>,
    #[serde(default)]
    outputs: Vec<String>,
    #[serde(default)]
    normalise: Normalise,
    #[serde(default)]
    single_frames: bool,
}

const fn complex_in() -> SpectralInput {
    SpectralInput::Complex
}

const fn complex_out() -> SpectralOutput {
    SpectralOutput::Complex
}

/// Reads the key's value.
pub(crate) fn parse(text: &str) -> Result<Stft> {
    let written: Written = crate::metadata::fields(text).map_err(|error| {
        let what = format!("is not of the form {{\"size\": 512, \"hop\": 256, \"window\": \"hann\", …}} ({error})");
        wrong("stft", &what)
    })?;
    let framing = Framing::checked("stft", written.size, written.hop, written.start)?;
    if framing.size < 4 || !framing.size.is_multiple_of(2) {
        return Err(wrong(
            "stft",
            &format!("has the size {}, but it must be even and at least 4", framing.size),
        ));
    }
    let two = |pair: bool| if pair { 2 } else { 1 };
    let takes = two(matches!(
        written.input,
        SpectralInput::MagnitudePhase | SpectralInput::RealImaginary
    ));
    let gives = two(matches!(
        written.output,
        SpectralOutput::MagnitudePhase | SpectralOutput::RealImaginary
    ));
    for (key, names, count) in [("inputs", &written.inputs, takes), ("outputs", &written.outputs, gives)] {
        if !names.is_empty() && names.len() != count {
            let what = format!("has {} names in `{key}`, but there must be {count}", names.len());
            return Err(wrong("stft", &what));
        }
    }
    Ok(Stft {
        framing,
        window: written.window,
        synthesis_window: written.synthesis_window.unwrap_or(written.window),
        input: written.input,
        output: written.output,
        inputs: written.inputs,
        outputs: written.outputs,
        normalise: written.normalise,
        single_frames: written.single_frames,
    })
}
