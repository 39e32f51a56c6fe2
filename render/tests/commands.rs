//! The other commands: their JSON is a contract, their text is for people.

mod common;

use common::onnx::File;
use common::{Bench, noise};
use serde_json::Value;

fn keys(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

fn sorted(mut keys: Vec<&str>) -> Vec<&str> {
    keys.sort_unstable();
    keys
}

#[test]
fn the_keys_of_inspect_are_a_contract() {
    let bench = Bench::new();
    bench.write("ahead.onnx", &File::convolution(&[0.25; 7], 3, 3).bytes());
    let ran = bench.ok(&["inspect", "ahead.onnx", "--json"]);
    let info: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let wanted = [
        "name",
        "format",
        "kind",
        "runtime",
        "runtime_reason",
        "sample_rate",
        "latency_samples",
        "latency_parts",
        "receptive_field",
        "macs_per_sample",
        "weights",
        "weight_bytes",
        "instance_bytes",
        "meters",
        "operators",
        "inputs",
        "outputs",
        "knobs",
        "about",
        "declared",
        "inferred",
    ];
    assert_eq!(sorted(keys(&info)), sorted(wanted.to_vec()));
    assert_eq!(info["name"], "ahead", "the file's stem where nothing is declared");
    assert_eq!(info["format"], "onnx");
    assert_eq!(info["runtime"], "native");
    assert_eq!(info["sample_rate"], Value::Null);
    assert_eq!(info["latency_samples"], 3);
    assert_eq!(info["latency_parts"]["look_ahead"], 3);
    assert_eq!(info["receptive_field"], 7);
    assert_eq!(info["macs_per_sample"], 7);
    assert_eq!((&info["weights"], &info["weight_bytes"]), (&"f32".into(), &28.into()));
    // Its layer reads its weights for many frames at once, so it keeps them.
    let half = bench.ok(&["inspect", "ahead.onnx", "--json", "--weights", "f16"]);
    let half: Value = serde_json::from_str(&half.stdout).expect("JSON");
    assert_eq!((&half["weights"], &half["weight_bytes"]), (&"f16".into(), &28.into()));
    assert_eq!(info["operators"], serde_json::json!({"Conv": 1}));
    assert_eq!(info["knobs"], serde_json::json!([]));

    let text = bench.ok(&["inspect", "ahead.onnx"]).stdout;
    for part in ["ahead", "native", "Conv", "3 samples", "28 of them weights (f32)"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let plan = bench.ok(&["inspect", "ahead.onnx", "--stage", "plan"]).stdout;
    assert!(plan.to_lowercase().contains("conv"), "{plan}");
}

#[test]
fn the_keys_of_bench_are_a_contract() {
    let bench = Bench::new();
    bench.write("ahead.onnx", &File::convolution(&[0.25; 7], 3, 3).bytes());
    let ran = bench.ok(&[
        "bench",
        "ahead.onnx",
        "overdrive",
        "--block",
        "1,64",
        "--seconds",
        "0.05",
        "--json",
    ]);
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    assert_eq!(lines.len(), 4);
    let wanted = [
        "model",
        "runtime",
        "block",
        "p50_us",
        "p99_us",
        "mean_us",
        "max_us",
        "ns_per_sample",
        "realtime_percent",
        "fma_peak_fraction",
        "heap_calls",
        "load_ms",
        "lower_ms",
        "instance_bytes",
    ];
    for (line, block) in lines.iter().zip([1, 64, 1, 64]) {
        assert_eq!(keys(line), sorted(wanted.to_vec()), "serde_json sorts");
        assert_eq!(line["block"], block);
        assert_eq!(line["heap_calls"], 0);
        assert_eq!(line["runtime"], "native");
        let number = |key: &str| line[key].as_f64().expect("a number");
        assert!(number("p50_us") > 0.0);
        assert!(number("p50_us") <= number("p99_us") && number("p99_us") <= number("max_us"));
        assert!(number("mean_us") > 0.0 && number("mean_us") <= number("max_us"));
        let per_sample = number("p50_us") * 1000.0 / f64::from(block);
        assert!((number("ns_per_sample") / per_sample - 1.0).abs() < 1e-6);
        assert!((0.0..1.0).contains(&number("fma_peak_fraction")), "{line}");
        assert!(number("realtime_percent") > 0.0);
        assert!(number("load_ms") > 0.0 && number("lower_ms") > 0.0);
        assert!((256.0..2e6).contains(&number("instance_bytes")), "{line}");
    }
    assert!(lines[3]["fma_peak_fraction"].as_f64() > Some(0.0));
    let text = bench
        .ok(&["bench", "ahead.onnx", "--block", "64", "--seconds", "0.05"])
        .stdout;
    for part in ["p99", "native", "load ms", "KiB"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn the_library_lists_what_ships_and_what_is_in_folders() {
    let bench = Bench::new();
    let text = bench.ok(&["library"]).stdout;
    for id in ["overdrive", "distortion"] {
        assert!(text.contains(id), "{text}");
        let info = bench.ok(&["inspect", id, "--json"]).stdout;
        assert!(serde_json::from_str::<Value>(&info).expect("JSON")["runtime"] == "native");
    }
    std::fs::create_dir(bench.path("mine")).expect("makes");
    bench.write("mine/gain.onnx", &File::gain(0.5).bytes());
    let json = bench.ok(&["library", "mine", "--json"]).stdout;
    let found = json.lines().any(|line| {
        let model: Value = serde_json::from_str(line).expect("one object a line");
        model["path"].as_str().is_some_and(|path| path.ends_with("gain.onnx"))
    });
    assert!(found, "{json}");
}

#[test]
fn a_state_holds_parameters_and_session() {
    let bench = Bench::new();
    bench.ok(&["state", "--model", "overdrive", "--param", "mix=50", "--out", "a.state"]);
    let bytes = std::fs::read(bench.path("a.state")).expect("written");
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("\"mix\"") && text.contains("overdrive"), "{text}");
    bench.write("gain.onnx", &File::gain(0.5).bytes());
    bench.ok(&["state", "--model", "gain.onnx", "--out", "b.state"]);
    let bytes = std::fs::read(bench.path("b.state")).expect("written");
    let text = String::from_utf8_lossy(&bytes);
    // Absolute, since a host has another working folder.
    let path = bench.path("gain.onnx").canonicalize().expect("there");
    assert!(text.contains(&*path.to_string_lossy()), "{text}");
}

#[test]
fn help_has_examples_and_completions_are_printed() {
    let bench = Bench::new();
    for command in [
        "render",
        "inspect",
        "compare",
        "abx-report",
        "bench",
        "state",
        "library",
        "convert",
    ] {
        let help = bench.ok(&[command, "--help"]).stdout;
        assert!(
            help.contains("Example") && help.contains(&format!("tonegraft {command}")),
            "{help}"
        );
    }
    assert!(bench.ok(&["--help"]).stdout.contains("Examples:"));
    assert!(bench.ok(&["--version"]).stdout.starts_with("tonegraft "));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(
            bench.ok(&["completions", shell]).stdout.contains("raw-latency"),
            "{shell}"
        );
    }
}

#[test]
fn nothing_but_results_goes_to_stdout() {
    let bench = Bench::new();
    bench.wav("in.wav", 48_000, &[noise(100, 1)]);
    let ran = bench.ok(&["render", "--model", "overdrive", "in.wav", "out.wav"]);
    assert!(ran.stdout.is_empty());
    assert!(ran.stderr.contains("out.wav"), "{}", ran.stderr);
}

/// Halves at its lite size, quarters at full size.
const SIZES: &str = r#"{"version": "0.7.0", "architecture": "SlimmableContainer", "weights": [], "sample_rate": 48000,
    "metadata": {"name": "Sizes", "modeled_by": "Somebody", "gear_type": "amp_cab", "loudness": -19.5, "input_level_dbu": 12.5, "gain": 7},
    "config": {"submodels": [
        {"max_value": 0.5, "model": {"version": "0.5.4", "architecture": "Linear", "config": {"receptive_field": 1, "bias": false}, "weights": [0.5]}},
        {"max_value": 1.0, "model": {"version": "0.7.0", "architecture": "Linear", "config": {"receptive_field": 1, "bias": false}, "weights": [0.25]}}
    ]}}"#;

#[test]
fn a_nam_file_shows_its_gear_and_plays_in_each_of_its_sizes() {
    let bench = Bench::new();
    bench.write("amp.nam", SIZES.as_bytes());
    let ran = bench.ok(&["inspect", "amp.nam", "--json"]);
    let info: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let about = &info["about"];
    assert_eq!((&info["format"], &info["name"]), (&"nam".into(), &"Sizes".into()));
    assert_eq!(
        (&about["author"], &about["gear_type"]),
        (&"Somebody".into(), &"amp_cab".into())
    );
    assert_eq!(
        (&about["contains_cab"], &about["start_state"]),
        (&true.into(), &"silence".into())
    );
    assert_eq!(
        (&about["loudness_db"], &about["input_level_dbu"]),
        (&(-19.5).into(), &12.5.into())
    );
    assert_eq!(
        (&about["gain"], about["ignored"].as_array().map(Vec::len)),
        (&Value::Null, Some(1))
    );
    let labels: Vec<&str> = (about["sizes"].as_array().into_iter().flatten())
        .filter_map(|size| size["label"].as_str())
        .collect();
    assert_eq!(labels, ["Lite", "Full"]);
    let text = bench.ok(&["inspect", "amp.nam", "--size", "0"]).stdout;
    assert!(
        text.contains("Lite: --size 0.0 (this one)") && text.contains("12.5 dBu"),
        "{text}"
    );

    let input = noise(1000, 3);
    bench.wav("in.wav", 48_000, std::slice::from_ref(&input));
    for (size, factor) in [(None, 0.25), (Some("1"), 0.25), (Some("0.2"), 0.5)] {
        let size: Vec<&str> = size.into_iter().flat_map(|size| ["--size", size]).collect();
        bench.ok(&[&["render", "--model", "amp.nam", "in.wav", "out.wav"][..], &size].concat());
        let (_, played) = common::read_wav(&bench.path("out.wav"));
        let expected: Vec<f32> = input.iter().map(|x| x * factor).collect();
        assert_eq!(played, [expected], "{size:?}");
    }
    for wrong in ["2", "-1", "full", "nan"] {
        let ran = bench.run(&[
            "render",
            "--model",
            "amp.nam",
            &format!("--size={wrong}"),
            "in.wav",
            "out.wav",
        ]);
        assert_eq!(ran.code, Some(2), "{wrong}: {}", ran.stderr);
        assert!(ran.stderr.contains("from 0"), "{}", ran.stderr);
    }
    let ran = bench.ok(&["render", "--model", "overdrive", "--size", "0", "in.wav", "out.wav"]);
    assert!(ran.stderr.contains("one size only"), "{}", ran.stderr);
}
