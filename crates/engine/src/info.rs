//! What is known about a loaded model, for people and for `--json`. The key names are a contract.

use crate::plan::Plan;
use crate::stream::StreamGraph;
use serde::Serialize;
use std::collections::BTreeMap;
use tonegraft_core::{HostFrames, LatencyParts};
use tonegraft_model::{DType, Graph, Knob, ValueId};

/// An input or output of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Its name in the file.
    pub name: String,
    /// Its element type: `f32`, `i64` or `bool`.
    pub dtype: &'static str,
    /// Sizes as text; open ones as the file names them.
    pub shape: Vec<String>,
    /// `audio`, `knob` or `state`.
    pub role: &'static str,
}

/// Latency in named parts, in frames at the model's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LatencyInfo {
    /// Future input that the model needs.
    pub look_ahead: u32,
    /// Gathering of hops.
    pub hop: u32,
    /// Resampling.
    pub resampler: u32,
    /// Running above the model's rate.
    pub oversampling: u32,
    /// Buffering towards another runtime.
    pub runtime: u32,
    /// Alignment with other models.
    pub alignment: u32,
}

/// One of the sizes in which a file holds its model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SizeInfo {
    /// `Lite`, `Full`, `Size 2 of 3`.
    pub label: String,
    /// A value from 0 to 1 by which it is asked for, see [`Options::size`](crate::Options::size).
    pub size: f32,
    /// Whether this is the one that is loaded.
    pub chosen: bool,
}

/// What a model says about itself and its gear. Nothing is inferred here but `contains_cab`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct About {
    /// Who made the model.
    pub author: Option<String>,
    /// Under which licence.
    pub licence: Option<String>,
    /// `overdrive`, `fuzz`, `amp`, …
    pub category: Option<String>,
    /// A sentence or two.
    pub description: Option<String>,
    /// What was captured: `amp`, `pedal`, `amp_cab`, …
    pub gear_type: Option<String>,
    /// Who built it.
    pub gear_make: Option<String>,
    /// Which one it is.
    pub gear_model: Option<String>,
    /// How it sounds: `clean`, `hi_gain`, …
    pub tone_type: Option<String>,
    /// Whether a cabinet is part of it: declared, or told by `gear_type`.
    pub contains_cab: bool,
    /// When it was made.
    pub date: Option<String>,
    /// Level of the output in dB while the trainer's standard signal plays.
    pub loudness_db: Option<f32>,
    /// How much gain it has, 0 to 1.
    pub gain: Option<f32>,
    /// Level in dBu at the gear's input that is full scale.
    pub input_level_dbu: Option<f32>,
    /// Level in dBu at the gear's output that is full scale.
    pub output_level_dbu: Option<f32>,
    /// Error-to-signal ratio on held-out audio.
    pub training_esr: Option<f32>,
    /// Samples that the trainer took off the recording.
    pub training_latency: Option<i32>,
    /// The state from which it is played as its own player does: `zero` or `silence`.
    pub start_state: &'static str,
    /// The sizes in which the file holds it, ascending; empty if it has but one.
    pub sizes: Vec<SizeInfo>,
    /// What the file says that cannot be and was left out.
    pub ignored: Vec<String>,
}

impl About {
    fn new(graph: &Graph) -> Self {
        let metadata = graph.metadata.clone();
        let gear = metadata.gear;
        let sizes = metadata.sizes.iter().flat_map(|sizes| {
            (0..sizes.count()).map(|index| SizeInfo {
                label: sizes.label(index),
                size: sizes.size_of(index),
                chosen: index == sizes.chosen,
            })
        });
        Self {
            contains_cab: gear.has_cab(),
            sizes: sizes.collect(),
            author: metadata.author,
            licence: metadata.licence,
            category: metadata.category,
            description: metadata.description,
            gear_type: gear.kind,
            gear_make: gear.make,
            gear_model: gear.model,
            tone_type: gear.tone_type,
            date: gear.date,
            loudness_db: gear.loudness,
            gain: gear.gain,
            input_level_dbu: gear.input_level_dbu,
            output_level_dbu: gear.output_level_dbu,
            training_esr: metadata.training_esr,
            training_latency: gear.training_latency,
            start_state: graph.start().name(),
            ignored: metadata.ignored,
        }
    }
}

/// What is known about a loaded model. Serialises to the object that `inspect --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelInfo {
    /// Name for people: declared, else the file's.
    pub name: String,
    /// Format of the file.
    pub format: String,
    /// Declared kind; `effect` if nothing is declared.
    pub kind: String,
    /// What runs it: `native`.
    pub runtime: String,
    /// Why that.
    pub runtime_reason: String,
    /// Rate the model was trained at, in Hz, if declared.
    pub sample_rate: Option<u32>,
    /// Latency it adds, in frames.
    pub latency_samples: u32,
    /// What that is made of.
    pub latency_parts: LatencyInfo,
    /// Frames that one output frame depends on; for recurrent models, after how many frames of silence from its start state
    /// its output has settled, if that is longer.
    pub receptive_field: u64,
    /// Multiply-adds of convolutions, matrices and recurrent layers per frame.
    pub macs_per_sample: u64,
    /// How often each operator stands in the file.
    pub operators: BTreeMap<String, usize>,
    /// Inputs of the file.
    pub inputs: Vec<Port>,
    /// Outputs of the file.
    pub outputs: Vec<Port>,
    /// Knobs that hosts see.
    pub knobs: Vec<Knob>,
    /// Outputs that are shown as meters, in the order of [`Processor::meters`](tonegraft_core::Processor::meters).
    pub meters: Vec<String>,
    /// What it says about itself and its gear.
    pub about: About,
    /// What the file or its sidecar declares, as it stands there.
    pub declared: BTreeMap<String, String>,
    /// What was inferred because nothing is declared.
    pub inferred: BTreeMap<String, String>,
}

/// How long a model takes to settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settling {
    /// Frames; `None` if it does not settle within the time it was watched.
    pub frames: Option<usize>,
    /// Frames to count with anyway.
    pub receptive_field: usize,
}

impl ModelInfo {
    pub(crate) fn new(graph: &Graph, stream: &StreamGraph, plan: &Plan, settling: &Settling) -> Self {
        let metadata = &graph.metadata;
        let parts = latency(plan);
        let port = |id: &ValueId, role: &'static str| {
            let value = graph.value(*id);
            Port {
                name: value.name.clone(),
                dtype: match value.dtype {
                    DType::F32 => "f32",
                    DType::I64 => "i64",
                    DType::Bool => "bool",
                },
                shape: value.shape.iter().map(ToString::to_string).collect(),
                role,
            }
        };
        let is_state = |name: &str| {
            stream
                .states
                .iter()
                .any(|(input, output)| input == name || output.as_deref() == Some(name))
        };
        let input_role = |id: &ValueId| match graph.value(*id).name.as_str() {
            name if name == stream.audio.0 => "audio",
            name if metadata.is_fed_back(name) => "feedback",
            name if is_state(name) => "state",
            name if metadata.phase_input.as_ref().is_some_and(|phase| phase.input == name) => "phase",
            _ => "knob",
        };
        let output_role = |id: &ValueId| match graph.value(*id).name.as_str() {
            name if name == stream.audio.1 => "audio",
            name if plan.meters.iter().any(|(meter, _)| meter == name) => "meter",
            name if metadata.feedback.iter().any(|pair| pair.output == name) => "feedback",
            name if is_state(name) => "state",
            _ => "other",
        };
        let mut inferred: BTreeMap<String, String> = BTreeMap::new();
        for (what, value) in &stream.inferred {
            let mut key = what.clone();
            let mut count = 1;
            while inferred.contains_key(&key) {
                count += 1;
                key = format!("{what} {count}");
            }
            inferred.insert(key, value.clone());
        }
        for (name, what) in &stream.other_outputs {
            inferred.insert(format!("output {name}"), what.clone());
        }
        Self {
            name: metadata.name.clone().unwrap_or_else(|| graph.name.clone()),
            format: graph.format.name().to_owned(),
            kind: metadata.kind.clone().unwrap_or_else(|| "effect".to_owned()),
            runtime: "native".to_owned(),
            runtime_reason: "every operator streams natively".to_owned(),
            sample_rate: metadata.sample_rate,
            latency_samples: parts.total().frames().get(),
            latency_parts: LatencyInfo {
                look_ahead: parts.look_ahead.get(),
                hop: parts.hop.get(),
                resampler: parts.resampler.get(),
                oversampling: parts.oversampling.get(),
                runtime: parts.runtime.get(),
                alignment: parts.alignment.get(),
            },
            receptive_field: settling.receptive_field as u64,
            macs_per_sample: plan.macs,
            operators: graph.operators.iter().cloned().collect(),
            inputs: graph.inputs.iter().map(|id| port(id, input_role(id))).collect(),
            outputs: graph.outputs.iter().map(|id| port(id, output_role(id))).collect(),
            knobs: shown_knobs(plan),
            meters: plan.meters.iter().map(|(name, _)| name.clone()).collect(),
            about: About::new(graph),
            declared: metadata.declared.clone(),
            inferred,
        }
    }
}

/// The plan's latency in parts.
pub(crate) fn latency(plan: &Plan) -> LatencyParts {
    let frames = |samples: usize| HostFrames::new(u32::try_from(samples).unwrap_or(u32::MAX));
    LatencyParts {
        look_ahead: frames(plan.latency - plan.hop_latency.min(plan.latency)),
        hop: frames(plan.hop_latency),
        ..LatencyParts::ZERO
    }
}

/// Knobs that hosts see.
pub(crate) fn shown_knobs(plan: &Plan) -> Vec<Knob> {
    let shown = plan.controls.iter().filter(|control| control.shown);
    shown
        .take(crate::MAX_KNOBS)
        .map(|control| control.knob.clone())
        .collect()
}
