//! Latency, spectra, difference, loudness, the recorded passage.

use super::Source;
use std::sync::Arc;

/// A piece of latency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyPart {
    /// `look-ahead`, `hop`, `resampler`, `oversampling`, `runtime`, `alignment`, `reserve` …
    pub name: String,
    /// Frames at the host's rate.
    pub frames: f64,
}

/// What one source's latency is made of; the rows are equally long, because all are aligned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyRow {
    /// `A`, `B`, `Reference`, `Dry`.
    pub name: String,
    /// Parts that are not 0, in the order of the signal.
    pub parts: Vec<LatencyPart>,
}

/// What came of measuring the latency through the live chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum LatencyMeasure {
    /// Not asked for.
    #[default]
    None,
    /// Under way.
    Running,
    /// Measured, in frames at the host's rate.
    Found(f64),
    /// It could not be measured: why, and what to do.
    Failed(String),
}

/// What the host is told, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LatencyView {
    /// What the host was told, in frames at its rate.
    pub total: u32,
    /// The sources that are aligned, each adding up to [`Self::total`].
    pub rows: Vec<LatencyRow>,
    /// What the user reserves, in frames, so that slower models change nothing.
    pub reserve: u32,
    /// By measurement.
    pub measured: LatencyMeasure,
    /// What to change to lower it, a sentence each; the most effective first.
    pub advice: Vec<String>,
}

/// Of what a curve is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trace {
    /// Main input.
    Input,
    /// Main output.
    Output,
    /// Side-chain.
    Reference,
    /// What the slot and the reference do not share.
    Difference,
}

impl Trace {
    /// As users read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Output => "Output",
            Self::Reference => "Reference",
            Self::Difference => "Difference",
        }
    }
}

/// A level over frequency.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Of what.
    pub trace: Trace,
    /// dB of full scale, one for each of the bands; −∞ is silence.
    pub db: Arc<[f32]>,
}

/// Averaged magnitude spectra.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpectrumView {
    /// Centres of the bands in Hz, rising; empty: nothing yet.
    pub hz: Arc<[f32]>,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// Whether there is a difference to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum DifferenceState {
    /// There cannot be one now: why, and what to do.
    Off(String),
    /// Not enough has been heard yet.
    #[default]
    Waiting,
    /// The figures hold.
    Live,
}

/// The difference of a slot to the reference over the last seconds, after the best gain and delay of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DifferenceView {
    /// Which slot is compared: [`Source::A`] or [`Source::B`].
    pub of: Source,
    /// Whether the figures mean anything.
    pub state: DifferenceState,
    /// What is heard of, in seconds.
    pub seconds: f32,
    /// Level of the difference relative to the reference, in dB.
    pub null_db: f64,
    /// Error-to-signal ratio.
    pub esr: f64,
    /// The same with pre-emphasis.
    pub esr_preemphasis: f64,
    /// Multi-resolution STFT distance.
    pub mr_stft: f64,
    /// Correlation coefficient, −1 … 1.
    pub correlation: f64,
    /// Gain that makes the slot most like the reference, in dB.
    pub gain_db: f64,
    /// How much later the reference is, in frames at the host's rate.
    pub delay: f64,
    /// The reference's polarity is reversed.
    pub inverted: bool,
    /// Spectra of the reference and of the difference.
    pub spectrum: SpectrumView,
    /// Where the model is wrong; `None` until something was heard.
    pub map: Option<ErrorMap>,
}

/// How wrong the model is, over level and frequency.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorMap {
    /// Levels of the reference in dB of full scale, rising: one for each row.
    pub levels_db: Arc<[f32]>,
    /// Frequencies in Hz, rising: one for each column.
    pub hz: Arc<[f32]>,
    /// `[levels, frequencies]`: dB of the difference relative to the reference; NaN where nothing was heard.
    pub cells: Arc<[f32]>,
}

/// Whether loudness is measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum LoudnessState {
    /// Not asked for.
    #[default]
    Idle,
    /// Under way, over that many seconds so far.
    Listening(f32),
    /// The trims were set so that all are as loud.
    Matched,
    /// It was matched, and something was changed since.
    Stale,
    /// It could not be done: why, and what to do.
    Failed(String),
}

/// Loudness after ITU-R BS.1770 of the sources over one passage, in LUFS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoudnessView {
    /// Of A, B and reference as they are heard, trims included; `None`: not measured, or silent.
    pub lufs: [Option<f64>; 3],
    /// How far the matching has got.
    pub state: LoudnessState,
}

/// What the recorder does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum CaptureState {
    /// Nothing is recorded.
    #[default]
    Idle,
    /// So many seconds so far.
    Recording(f32),
    /// So many seconds.
    Ready(f32),
    /// So many seconds, in place of the input.
    Replaying(f32),
}

/// A recorded passage of main input and side-chain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaptureView {
    /// What it does.
    pub state: CaptureState,
    /// Greatest length in seconds.
    pub limit: f32,
    /// Magnitudes along the passage, 0 … 1, evenly spaced; for drawing.
    pub envelope: Arc<[f32]>,
    /// The part that is repeated, in seconds.
    pub part: [f32; 2],
}
