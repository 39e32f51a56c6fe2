//! `tonegraft inspect`: what a model is, what it costs, and what runs it and why.
//!
//! The text is made from the same JSON that `--json` prints, so that both always say the same.

use crate::cli::{InspectArgs, Stage};
use crate::line;
use crate::{models, selftest, stages};
use anyhow::Result;
use serde_json::{Value, json};
use tonegraft_core::SampleRate;
use tonegraft_engine::{Model, Oversampling, RateMode};

/// Runs the command.
///
/// # Errors
/// The model cannot be loaded.
pub fn run(args: &InspectArgs) -> Result<()> {
    if args.stage == Some(Stage::Graph) {
        return line(&stages::graph(&models::graph(&args.model, args.size)?));
    }
    let named = models::load(&args.model, args.size)?.with_weights(args.weights);
    match args.stage {
        Some(Stage::Stream) => return line(&stages::stream(&named.model)?),
        Some(Stage::Plan) => return line(&named.model.plan_text()),
        Some(Stage::Graph) | None => {}
    }
    // By way of the text: 32-bit floats keep their shortest form (0.6, not 0.6000000238418579).
    let mut info: Value = serde_json::from_str(&serde_json::to_string(named.model.info())?)?;
    if let Some(test) = selftest::played(&named) {
        info["self_test"] = test;
    }
    let plan = named.model.plan();
    info["weights"] = plan.weights.name().into();
    info["weight_bytes"] = plan.weight_bytes.into();
    info["instance_bytes"] = plan.bytes().into();
    info["name"] = named.name.into();
    if let Some(rate) = args.rate {
        info["conversions"] = conversions(&named.model, rate);
    }
    if args.json {
        line(&serde_json::to_string_pretty(&info)?)
    } else {
        line(&text(&info))
    }
}

/// All ways to play the model at a rate.
fn conversions(model: &Model, rate: SampleRate) -> Value {
    let mut all = Vec::new();
    for mode in RateMode::ALL {
        for oversampling in Oversampling::ALL {
            let way = model.conversion(rate, mode, oversampling);
            let parts = way
                .latency
                .named()
                .map(|(name, frames)| (name.to_owned(), frames.get().into()));
            all.push(json!({
                "rate_mode": mode.name(),
                "oversampling": oversampling.name(),
                "host_rate": rate.get(),
                "network_rate": way.network_hz,
                "instances": way.lanes,
                "latency_samples": way.latency.total().frames().get(),
                "latency_parts": serde_json::Map::from_iter(parts),
                "added_samples": way.added().get(),
                "text": way.to_string(),
                "note": way.note,
            }));
        }
    }
    all.into()
}

/// For people.
fn text(info: &Value) -> String {
    let mut lines = Vec::new();
    let mut row = |title: &str, content: String| {
        if !content.is_empty() {
            lines.push(format!("{title:<16} {content}"));
        }
    };
    let get = |key: &str| info.get(key).unwrap_or(&Value::Null);
    row("name", plain(get("name")));
    row("kind", plain(get("kind")));
    row("format", plain(get("format")));
    row("runtime", plain(get("runtime")));
    row("why", plain(get("runtime_reason")));
    row(
        "sample rate",
        match get("sample_rate") {
            Value::Null => "not declared; plays at any rate".to_owned(),
            rate => format!("{} Hz", plain(rate)),
        },
    );
    let parts = match get("latency_parts") {
        Value::Object(parts) if parts.values().any(|part| part.as_u64() > Some(0)) => {
            format!(" ({})", plain(get("latency_parts")))
        }
        _ => String::new(),
    };
    row("latency", format!("{} samples{parts}", plain(get("latency_samples"))));
    if let Value::Array(ways) = get("conversions") {
        for way in ways {
            let title = format!("{} {}", plain(&way["rate_mode"]), plain(&way["oversampling"]));
            let note = match &way["note"] {
                Value::String(note) => format!(" {note}."),
                _ => String::new(),
            };
            row(&title, format!("{}{note}", plain(&way["text"])));
        }
    }
    row("receptive field", format!("{} samples", plain(get("receptive_field"))));
    row(
        "cost",
        format!("{} multiply-adds per sample", plain(get("macs_per_sample"))),
    );
    row(
        "memory",
        format!(
            "{} bytes an instance, {} of them weights ({})",
            plain(get("instance_bytes")),
            plain(get("weight_bytes")),
            plain(get("weights"))
        ),
    );
    row("operators", plain(get("operators")));
    row("self-test", plain(get("self_test")));
    about(get("about"), &mut row);
    for (key, title) in [
        ("inputs", "input"),
        ("outputs", "output"),
        ("knobs", "knob"),
        ("inferred", "inferred"),
    ] {
        match get(key) {
            Value::Array(items) => items.iter().for_each(|item| row(title, plain(item))),
            other => row(title, plain(other)),
        }
    }
    if let Value::Object(declared) = get("declared") {
        for (key, value) in declared {
            row("declared", format!("{key} = {}", plain(value)));
        }
    }
    lines.join("\n")
}

/// What it says about itself: a row for each thing that is known.
fn about(about: &Value, row: &mut dyn FnMut(&str, String)) {
    let get = |key: &str| about.get(key).unwrap_or(&Value::Null);
    let with = |key: &str, unit: &str| match get(key) {
        Value::Null => String::new(),
        value => format!("{}{unit}", plain(value)),
    };
    for key in ["author", "licence", "category", "description", "date"] {
        row(key, with(key, ""));
    }
    let gear: Vec<String> = ["gear_make", "gear_model", "gear_type", "tone_type"]
        .map(|key| with(key, ""))
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    row("gear", gear.join(", "));
    if get("contains_cab") == &Value::Bool(true) {
        row("cabinet", "is part of the model".to_owned());
    }
    row("loudness", with("loudness_db", " dB"));
    row("gain", with("gain", ""));
    row("input level", with("input_level_dbu", " dBu"));
    row("output level", with("output_level_dbu", " dBu"));
    row("training error", with("training_esr", ""));
    row(
        "calibration",
        with("training_latency", " samples taken off in training"),
    );
    row("starts from", with("start_state", ""));
    if let Value::Array(sizes) = get("sizes") {
        for size in sizes {
            let chosen = size.get("chosen") == Some(&Value::Bool(true));
            let part = |key: &str| size.get(key).map(plain).unwrap_or_default();
            row(
                "size",
                format!(
                    "{}: --size {}{}",
                    part("label"),
                    part("size"),
                    if chosen { " (this one)" } else { "" }
                ),
            );
        }
    }
    if let Value::Array(ignored) = get("ignored") {
        for what in ignored {
            row("left out", plain(what));
        }
    }
}

/// A value without JSON's quotes and braces, on one line; nothing for null and for empty collections.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| match plain(value) {
                text if text.is_empty() => None,
                text => Some(format!("{key} {text}")),
            };
            fields.iter().filter_map(field).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_model_says_of_its_gear_is_shown_in_its_units() {
        let text = text(&json!({"about": {
            "author": "Steve", "gear_make": "Make", "gear_type": "amp_cab", "contains_cab": true, "loudness_db": -20.5,
            "input_level_dbu": 18.3, "training_latency": -17, "start_state": "silence", "gain": null,
            "sizes": [{"label": "Lite", "size": 0.0, "chosen": false}, {"label": "Full", "size": 1.0, "chosen": true}],
            "ignored": ["its `gain` is 3"],
        }}));
        for line in [
            "author           Steve",
            "gear             Make, amp_cab",
            "cabinet          is part of the model",
            "loudness         -20.5 dB",
            "input level      18.3 dBu",
            "calibration      -17 samples taken off in training",
            "starts from      silence",
            "size             Lite: --size 0.0",
            "size             Full: --size 1.0 (this one)",
            "left out         its `gain` is 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
        }
        assert!(!text.contains("gain             "), "{text}");
    }

    #[test]
    fn the_text_says_what_the_json_says() {
        let text = text(&json!({
            "name": "Amp", "kind": null, "format": "onnx", "runtime": "native", "runtime_reason": "all nodes\nstream",
            "sample_rate": 48_000, "latency_samples": 3, "latency_parts": {"hop": 0, "look_ahead": 3},
            "receptive_field": 7, "macs_per_sample": 70, "operators": {"Conv": 2, "Tanh": 1},
            "inputs": [{"name": "in", "shape": ["1", "1", "T"]}], "outputs": [], "knobs": [],
            "declared": {"author": "me"}, "inferred": ["layout"],
        }));
        for line in [
            "name             Amp",
            "why              all nodes stream",
            "sample rate      48000 Hz",
            "latency          3 samples (hop 0, look_ahead 3)",
            "operators        Conv 2, Tanh 1",
            "input            name in, shape 1, 1, T",
            "declared         author = me",
            "inferred         layout",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        assert!(!text.contains("kind"), "what is not known is left out:\n{text}");
    }
}
