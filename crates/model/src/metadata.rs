//! What a model file says about itself.

use serde::Serialize;
use std::collections::BTreeMap;

/// A control of a conditioned model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Knob {
    /// Shown to the user.
    pub name: String,
    /// The graph input that takes its value.
    pub input: String,
    /// Which element of that input (last axis).
    pub index: usize,
    /// Lowest value.
    pub min: f32,
    /// Highest value.
    pub max: f32,
    /// Value of a fresh model.
    pub default: f32,
    /// Unit shown behind the value; may be empty.
    pub unit: String,
}

/// Declared facts. Everything is optional; what is missing is inferred from shapes, and shown as inferred.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metadata {
    /// Name for people.
    pub name: Option<String>,
    /// `effect`, `codec`, …
    pub kind: Option<String>,
    /// `overdrive`, `fuzz`, `amp`, …
    pub category: Option<String>,
    /// The rate the model was trained at, in Hz.
    pub sample_rate: Option<u32>,
    /// Name of the audio input.
    pub audio_input: Option<String>,
    /// Name of the audio output.
    pub audio_output: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Under which licence.
    pub licence: Option<String>,
    /// A sentence or two.
    pub description: Option<String>,
    /// Error-to-signal ratio on held-out audio.
    pub training_esr: Option<f32>,
    /// Delay that the model learned from its device, in frames at its rate: shown, never reported as latency.
    pub declared_delay: Option<u32>,
    /// Controls.
    pub knobs: Vec<Knob>,
    /// All declared keys as they stand in the file or the sidecar.
    pub declared: BTreeMap<String, String>,
}
