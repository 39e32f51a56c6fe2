//! Metadata as keys of a file.

use crate::graph::{Format, Graph};
use crate::metadata::{FrameStart, Metadata, PREFIX, PhaseRate, VERSION};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// The keys of `graph`'s metadata, and those of others that it came with.
pub(super) fn keys(graph: &Graph) -> BTreeMap<String, String> {
    let about = &graph.metadata;
    let mut keys: BTreeMap<String, String> = (about.declared.iter())
        .filter(|(key, _)| !key.starts_with(PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut set = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            keys.insert(format!("{PREFIX}{key}"), value);
        }
    };
    set("version", Some(VERSION.to_owned()));
    for (key, text) in [
        ("name", &about.name),
        ("kind", &about.kind),
        ("category", &about.category),
        ("audio_input", &about.audio_input),
        ("audio_output", &about.audio_output),
        ("author", &about.author),
        ("licence", &about.licence),
        ("description", &about.description),
        ("gear_type", &about.gear.kind),
        ("gear_make", &about.gear.make),
        ("gear_model", &about.gear.model),
        ("tone_type", &about.gear.tone_type),
        ("date", &about.gear.date),
    ] {
        set(key, text.clone());
    }
    for (key, number) in [
        ("training_esr", about.training_esr),
        ("loudness", about.gear.loudness),
        ("gain", about.gear.gain),
        ("input_level_dbu", about.gear.input_level_dbu),
        ("output_level_dbu", about.gear.output_level_dbu),
    ] {
        // The shortest text that gives the same number again.
        set(key, number.map(|number| number.to_string()));
    }
    set("sample_rate", about.sample_rate.map(|rate| rate.to_string()));
    set("tail", about.tail.map(|tail| tail.to_string()));
    set("declared_delay", about.declared_delay.map(|delay| delay.to_string()));
    set(
        "training_latency",
        about.gear.training_latency.map(|latency| latency.to_string()),
    );
    set("contains_cab", about.gear.contains_cab.map(|cab| cab.to_string()));
    set("seed", about.seed.map(|seed| seed.to_string()));
    let start = graph.start();
    if about.start.is_some() || start != Format::Onnx.start() {
        set("start_state", Some(start.name().to_owned()));
    }
    set("frame", frame(about));
    set("phase_input", phase(about));
    if !about.knobs.is_empty() {
        set("knobs", serde_json::to_string(&about.knobs).ok());
    }
    if !about.states.is_empty() {
        let pairs: Map<String, Json> = (about.states.iter())
            .map(|(input, output)| (input.clone(), Json::from(output.as_str())))
            .collect();
        set("states", Some(Json::Object(pairs).to_string()));
    }
    if !about.feedback.is_empty() {
        let pairs: Map<String, Json> = (about.feedback.iter())
            .map(|pair| (pair.input.clone(), json!({"output": pair.output, "delay": pair.delay})))
            .collect();
        set("feedback", Some(Json::Object(pairs).to_string()));
    }
    if !about.meters.is_empty() {
        set("meters", Some(json!(about.meters).to_string()));
    }
    keys
}

/// Blocks, frames, and the frames of a front end, which is part of the graph.
fn frame(about: &Metadata) -> Option<String> {
    let framing = about.framing?;
    let start = match framing.start {
        FrameStart::Silence => "silence",
        FrameStart::Whole => "whole",
    };
    Some(json!({"size": framing.size, "hop": framing.hop, "start": start}).to_string())
}

fn phase(about: &Metadata) -> Option<String> {
    let phase = about.phase_input.as_ref()?;
    let mut object = json!({"input": phase.input, "stereo_offset": phase.stereo_offset});
    match &phase.rate {
        PhaseRate::Knob(name) => object["rate_knob"] = json!(name),
        PhaseRate::Hz(hz) => object["rate_hz"] = json!(hz),
    }
    Some(object.to_string())
}
