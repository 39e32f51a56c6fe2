//! One slot, and the preloaded programs.

use super::reference::Placement;
use crate::board::KnobLabel;
use crate::playable::Way;
use tonegraft_core::{LatencyParts, ModelLevels};

/// How long the audio thread takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Mean time of a block, in µs; 0 if it is not measured.
    pub micros: f32,
    /// The same as a share of the time that the block lasts: 1.0 is the deadline, and one core.
    pub mean: f32,
    /// The worst single block of the last while, as such a share.
    pub worst: f32,
    /// Blocks that took longer than they last, since the audio was started.
    pub misses: u64,
}

/// Slot A or B.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotView {
    /// Name of the model; `None`: dry.
    pub name: Option<String>,
    /// Kind, author, licence.
    pub about: String,
    /// What runs the model; empty if there is none.
    pub runtime: String,
    /// Why.
    pub reason: String,
    /// The rate the model was made for, in Hz.
    pub model_rate: Option<u32>,
    /// Latency that the model needs, in frames at the host's rate, alignment apart.
    pub latency: u32,
    /// The same in parts.
    pub parts: LatencyParts,
    /// What it costs.
    pub load: Load,
    /// It is not heard and does not run.
    pub asleep: bool,
    /// What the model shows beside its audio, by name, linear.
    pub meters: Vec<(String, f32)>,
    /// Knobs of the model.
    pub knobs: Vec<KnobLabel>,
    /// More about the model, in lines.
    pub details: Vec<String>,
    /// How it is played.
    pub way: Way,
    /// What lies between the host's rate and the model's; empty if nothing does.
    pub conversion: String,
    /// Its sizes by name, and what to ask for to get each; empty if it has one only.
    pub sizes: Vec<(String, f32)>,
    /// Index of the size that plays.
    pub size: usize,
    /// Bytes of its weights as they are, and with those of its widest layers in 16 bits; `None` if that makes no difference.
    pub halved: Option<[usize; 2]>,
    /// What it tells of its levels.
    pub levels: ModelLevels,
    /// It says that it contains a cabinet.
    pub has_cab: bool,
    /// The delay that the model has learned, its polarity, and what is done about both.
    pub placement: Placement,
    /// Name of what is being loaded.
    pub loading: Option<String>,
    /// What went wrong with this slot last: what, where, what to do.
    pub error: Option<String>,
}

/// A preloaded model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProgramView {
    /// Name for people.
    pub name: String,
    /// It is being loaded.
    pub loading: bool,
    /// Why it cannot be played.
    pub error: Option<String>,
}
