//! `tonegraft convert`: what it writes plays the same, and it writes over nothing by mistake.

mod common;

use common::{Bench, noise};
use serde_json::Value;

const MODEL: &[u8] = include_bytes!("../../models/fixtures/json/guitarml_gru_knobs.json");
const SHELF: &[u8] = include_bytes!("../../models/fixtures/json/aidax_lstm.aidax");

fn read(bench: &Bench, name: &str) -> Vec<u8> {
    std::fs::read(bench.path(name)).expect("readable")
}

#[test]
fn a_converted_model_plays_the_same_samples() {
    let bench = Bench::new();
    bench.write("pedal.json", MODEL);
    bench.write("shelf.aidax", SHELF);
    bench.wav("in.wav", 44_100, &[noise(3000, 1)]);
    for (from, to, param) in [
        ("pedal.json", "pedal.onnx", "Tone=0.8"),
        ("shelf.aidax", "shelf.onnx", "Param 1=0.8"),
        ("overdrive", "shipped.onnx", "mix=80"),
    ] {
        let said = bench.ok(&["convert", from, to]).stdout;
        assert!(said.contains(to) && said.contains("operators"), "{said}");
        for (model, wav) in [(from, "a.wav"), (to, "b.wav")] {
            bench.ok(&["render", "--model", model, "--param", param, "in.wav", wav]);
        }
        assert!(read(&bench, "a.wav") == read(&bench, "b.wav"), "{from}: other samples");
        let info = |model: &str| -> Value {
            serde_json::from_str(&bench.ok(&["inspect", model, "--json"]).stdout).expect("JSON")
        };
        let (a, b) = (info(from), info(to));
        for key in [
            "knobs",
            "sample_rate",
            "latency_samples",
            "receptive_field",
            "macs_per_sample",
        ] {
            assert_eq!(a[key], b[key], "{from}: {key}");
        }
        assert_eq!(b["format"], "onnx");
    }
    let text = bench.ok(&["inspect", "shelf.aidax"]).stdout;
    assert!(text.contains("self-test") && text.contains("samples 512"), "{text}");
    let told: Value = serde_json::from_str(&bench.ok(&["inspect", "shelf.aidax", "--json"]).stdout).expect("JSON");
    assert!(
        told["self_test"]["largest_difference"].as_f64().expect("a number") < 1e-5,
        "{told}"
    );
    // A converted file converts to itself.
    bench.ok(&["convert", "pedal.onnx", "again.onnx"]);
    assert!(read(&bench, "pedal.onnx") == read(&bench, "again.onnx"));
}

#[test]
fn nothing_is_replaced_by_mistake() {
    let bench = Bench::new();
    bench.write("pedal.json", MODEL);
    bench.write("there.onnx", b"mine");
    bench.write("broken.json", b"{\"model_data\": [,]}");
    bench.refused(&["convert", "pedal.json", "there.onnx"], &["there.onnx", "--force"]);
    assert_eq!(read(&bench, "there.onnx"), b"mine");
    bench.refused(&["convert", "pedal.json", "pedal.wav"], &["pedal.wav", ".onnx"]);
    bench.refused(
        &["convert", "there.onnx", "./there.onnx", "--force"],
        &["the model itself"],
    );
    bench.refused(&["convert", "gone.json", "out.onnx"], &["gone.json"]);
    bench.refused(&["convert", "pedal.json", "no/such/folder.onnx"], &["folder"]);
    bench.refused(&["convert", "broken.json", "out.onnx"], &["line 1, column 17"]);
    bench.ok(&["convert", "pedal.json", "there.onnx", "--force"]);
    assert!(read(&bench, "there.onnx").len() > 1000);
    assert_eq!(
        bench.names(),
        ["broken.json", "pedal.json", "there.onnx"],
        "no temporary file is left"
    );
}
