//! Metadata, in the file and beside it.

use super::*;

fn with_metadata(entries: &[(&str, &str)], sidecar: Option<&str>) -> Result<Graph, ReadError> {
    let mut graph = tanh();
    graph.input.push(info("knobs", &[1, 2]));
    graph.node.push(node("Relu", "k", &["knobs"], &["unused"]));
    let mut file = model(graph);
    file.metadata_props = entries
        .iter()
        .map(|(key, value)| StringStringEntryProto {
            key: Some((*key).to_owned()),
            value: Some((*value).to_owned()),
        })
        .collect();
    read(&file.encode_to_vec(), "bad.onnx", sidecar, &Limits::default())
}

#[test]
fn metadata_is_read_and_the_sidecar_wins() {
    let knobs = r#"[{"name": "Drive", "input": "knobs", "index": 1, "min": -6, "max": 6, "unit": "dB"}]"#;
    let file = [
        ("tonegraft.name", "In the file"),
        ("tonegraft.sample_rate", "44100"),
        ("tonegraft.author", "A"),
        ("tonegraft.knobs", knobs),
        ("producer.note", "kept"),
    ];
    let graph = with_metadata(
        &file,
        Some(r#"{"name": "Beside", "tonegraft.sample_rate": 48000, "author": null}"#),
    );
    let metadata = graph.expect("reads").metadata;
    assert_eq!(metadata.name.as_deref(), Some("Beside"));
    assert_eq!((metadata.sample_rate, metadata.author), (Some(48_000), None));
    assert_eq!(metadata.declared.get("producer.note").map(String::as_str), Some("kept"));
    let [knob] = metadata.knobs.as_slice() else {
        panic!("one knob")
    };
    assert_eq!(
        (knob.index, knob.min, knob.max, knob.default, knob.unit.as_str()),
        (1, -6.0, 6.0, 0.0, "dB")
    );
}

#[test]
fn a_logarithmic_scale_is_read_shown_and_halved_by_ratio() {
    let knob = |rest: &str| {
        let text = format!(
            r#"{{"knobs": [{{"name": "Cutoff", "input": "knobs", "min": 20, "max": 2000, "unit": "Hz"{rest}}}]}}"#
        );
        with_metadata(&[], Some(&text)).expect("valid").metadata.knobs.remove(0)
    };
    let log = knob(r#", "scale": "log""#);
    assert_eq!(log.scale, tonegraft_core::KnobScale::Log);
    assert!((log.default - 200.0).abs() < 1e-3, "{}", log.default);
    assert_eq!(log.range().position(log.default), 0.5);
    let shown = serde_json::to_value(&log).expect("serialises");
    assert_eq!(shown.get("scale"), Some(&serde_json::json!("log")));
    let linear = knob(r#", "scale": "linear""#);
    assert_eq!((linear.clone(), linear.default), (knob(""), 1010.0));
    let shown = serde_json::to_value(&linear).expect("serialises");
    assert_eq!(shown.get("scale"), None, "as before there was one");
}

#[test]
fn wrong_metadata_names_the_key() {
    let knob = |rest: &str| format!(r#"{{"knobs": [{{"name": "Drive", "input": "knobs"{rest}}}]}}"#);
    let cases = [
        (r#"{"version": 2}"#.to_owned(), "tonegraft.version"),
        (r#"{"sample_rate": 10}"#.to_owned(), "tonegraft.sample_rate"),
        (r#"{"sample_rate": "fast"}"#.to_owned(), "tonegraft.sample_rate"),
        (r#"{"sample_rate": 48000.5}"#.to_owned(), "tonegraft.sample_rate"),
        (r#"{"training_esr": -1}"#.to_owned(), "tonegraft.training_esr"),
        (r#"{"declared_delay": "NaN"}"#.to_owned(), "tonegraft.declared_delay"),
        (r#"{"audio_input": "z"}"#.to_owned(), "tonegraft.audio_input"),
        (r#"{"audio_output": "x"}"#.to_owned(), "tonegraft.audio_output"),
        (r#"{"knobs": 3}"#.to_owned(), "tonegraft.knobs"),
        (knob(r#", "min": 1, "max": 1"#), "range 1 to 1"),
        (knob(r#", "default": 2"#), "default 2"),
        (knob(r#", "index": 2"#), "element 2"),
        (knob(r#", "scale": "cubic""#), "`linear` or `log`"),
        (
            knob(r#", "scale": "log""#),
            "\"Drive\" with a logarithmic scale from 0: let its range begin above 0",
        ),
        (knob(r#", "scale": "log", "min": -2, "max": 2"#), "scale from -2"),
        (
            r#"{"knobs": [{"name": "Drive", "input": "nobody"}]}"#.to_owned(),
            "`nobody`",
        ),
        (
            r#"{"knobs": [{"name": " ", "input": "knobs"}]}"#.to_owned(),
            "without a name",
        ),
        (
            r#"{"knobs": [{"name": "A", "input": "knobs"}, {"name": "B", "input": "knobs"}]}"#.to_owned(),
            "\"B\"",
        ),
        ("[]".to_owned(), "not a JSON object"),
        ("{".to_owned(), "not a JSON object"),
    ];
    assert!(with_metadata(&[], Some(&knob(""))).is_ok());
    for (sidecar, wanted) in cases {
        let error = refused(with_metadata(&[], Some(&sidecar)), Kind::Metadata);
        assert!(error.to_string().contains(wanted), "{sidecar}: {error}");
    }
}
