//! What the sliding difference is made for, and what it tells.

use crate::stft::StftDistance;

/// What [`Difference`](super::Difference) is made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DifferenceConfig {
    /// Sample rate, Hz; 8 kHz … 768 kHz.
    pub rate: f64,
    /// Channels of model and reference, 1 or 2.
    pub channels: usize,
    /// Length of the window, seconds; 1 … 30.
    pub window: f64,
    /// Step of the window, seconds; 0.1 … 1.
    pub hop: f64,
    /// The most that the reference is looked for after, or before, the model, seconds; 0.001 … 2.
    pub max_lag: f64,
    /// Whether a delay is searched for as soon as 2 s are known, again every 2 s while none is found, and again every 8 s while the one
    /// known does not fit and is not locked. A search takes some tenths of a second. False: only when [`Difference::search`](super::Difference::search) asks.
    pub searching: bool,
}

impl DifferenceConfig {
    /// 4 s in steps of 250 ms, up to 500 ms of delay, searching.
    pub fn new(rate: f64, channels: usize) -> Self {
        Self {
            rate,
            channels,
            window: 4.0,
            hop: 0.25,
            max_lag: 0.5,
            searching: true,
        }
    }

    /// Within the ranges that the fields name.
    pub(super) fn checked(mut self) -> Self {
        let within = |value: f64, low: f64, high: f64, otherwise: f64| {
            if value.is_finite() {
                value.clamp(low, high)
            } else {
                otherwise
            }
        };
        self.rate = within(self.rate, 8_000.0, 768_000.0, 48_000.0);
        self.channels = self.channels.clamp(1, 2);
        self.window = within(self.window, 1.0, 30.0, 4.0);
        self.hop = within(self.hop, 0.1, 1.0, 0.25).min(self.window);
        self.max_lag = within(self.max_lag, 0.001, 2.0, 0.5);
        self
    }
}

/// What is left between the model and the device, over the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// How much later the reference is than the model, in frames; negative if it is earlier.
    pub delay: f64,
    /// What the search was sure of, 0 ..= 1 ([`Alignment::confidence`](crate::align::Alignment::confidence)); `None` for a delay that was set.
    pub confidence: Option<f64>,
    /// How much louder the reference is than the model, dB (least squares of the reference by the model).
    pub gain_db: f64,
    /// True if one of them is inverted.
    pub inverted: bool,
    /// Factor `k` for which model − `k` · reference is quietest: negative if inverted.
    pub difference_gain: f64,
    /// What is left after gain and delay, over the reference, dB: the depth of the null.
    pub null_db: f64,
    /// The same as a ratio: ESR after gain and delay.
    pub esr: f64,
    /// ESR after gain and delay, both pre-emphasised by `1 − 0.95 z⁻¹`.
    pub esr_preemphasis: f64,
    /// ESR after delay and polarity only.
    pub esr_unscaled: f64,
    /// Normalised correlation after delay and polarity, 0 ..= 1 (means are not subtracted).
    pub correlation: f64,
    /// Multi-resolution STFT distance after gain and delay, of the steps that are up to date; `None` until there is one.
    pub mr_stft: Option<StftDistance>,
    /// RMS of the reference over the window, dBFS.
    pub reference_db: f64,
    /// RMS of the model over the window, dBFS.
    pub model_db: f64,
    /// Length of what was measured, seconds.
    pub seconds: f64,
}

/// What is known at present.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Less than a step was heard.
    Filling,
    /// Nothing to compare: which streams are silent (below −90 dBFS over the window).
    Silent {
        /// The model.
        model: bool,
        /// The reference.
        reference: bool,
    },
    /// No delay is known: none was searched for, or what was found is not trusted.
    Unaligned {
        /// What the last search was sure of.
        confidence: Option<f64>,
    },
    /// Measured.
    Measured(Reading),
}

/// Mean power spectra over the window, for [`crate::spectrum::LogAxis::draw`]: a full-scale sine is 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectra {
    /// Reference less aligned model.
    pub difference: Vec<f64>,
    /// The reference.
    pub reference: Vec<f64>,
    /// The aligned model, at the reference's gain.
    pub model: Vec<f64>,
}
