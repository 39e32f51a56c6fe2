//! Damaged and hostile JSON models: never a panic, never much time, and a sentence that says what, where and what to do.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tonegraft_model::json::self_test;
use tonegraft_model::{Limits, ReadError, ReadErrorKind, chain, read, read_any};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/fixtures/json")
}

const NAMES: &[&str] = &[
    "guitarml_lstm.json",
    "guitarml_gru_knobs.json",
    "keras_layers.json",
    "keras_planes.json",
    "keras_recurrent.json",
    "aidax_lstm.aidax",
    "smartamp.json",
    "smartamp_padded.json",
    "wavenet_gated.json",
];

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).expect("a fixture")
}

fn attempt(bytes: &[u8]) -> Option<ReadError> {
    let limits = Limits::default().with_max_elements(1 << 18, 1 << 20);
    let error = read(bytes, "hostile.json", None, &limits).err();
    if let Some(error) = &error {
        let sentence = error.to_string();
        assert!(sentence.starts_with("hostile.json: "), "{sentence}");
        assert!(
            sentence.len() > 30 && sentence.len() < 1000 && !sentence.contains('\n'),
            "{sentence}"
        );
    }
    error
}

/// A fixture with one place changed.
fn changed(name: &str, pointer: &str, value: Value) -> Vec<u8> {
    let mut file: Value = serde_json::from_str(&text(name)).expect("JSON");
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = file
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{name} has no {parent}"));
    match parent {
        Value::Object(object) => {
            object.insert(key.to_owned(), value);
        }
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        _ => panic!("{name}: {pointer}"),
    }
    file.to_string().into_bytes()
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    use ReadErrorKind::{Corrupt, Limit, NoEffect, NonFinite, Tensor, Version};
    let lstm = "guitarml_lstm.json";
    let cases: Vec<(Vec<u8>, ReadErrorKind, &[&str])> = vec![
        // Counts: what is there and what is needed.
        (
            changed(lstm, "/model_data/hidden_size", json!(7)),
            Tensor,
            &["state_dict.rec.", "[24", "[28", "7 units"],
        ),
        (
            changed(lstm, "/state_dict/lin.bias", json!([1, 2])),
            Tensor,
            &["lin.bias", "[2]", "[1]"],
        ),
        (
            changed(lstm, "/state_dict/lin.weight/0", json!([1])),
            Tensor,
            &["lin.weight", "[1, 1]", "[1, 6]"],
        ),
        (
            changed(lstm, "/state_dict/rec.weight_hh_l0/3", json!([0])),
            Tensor,
            &["rec.weight_hh_l0", "one length"],
        ),
        (
            changed(lstm, "/model_data/num_layers", json!(2)),
            Corrupt,
            &["rec.", "_l1"],
        ),
        (
            changed("wavenet_gated.json", "/variables/2/data", json!([1, 2, 3])),
            Tensor,
            &["variables[2].data", "[3]", "layer 0"],
        ),
        (
            changed("smartamp.json", "/lstm/bias:0", json!([1, 2, 3])),
            Corrupt,
            &["lstm.bias:0", "four per unit"],
        ),
        (
            changed("keras_layers.json", "/layers/1/kernel_size", json!([4])),
            Tensor,
            &["layers[1].weights[0]", "4 taps"],
        ),
        (
            changed("keras_layers.json", "/layers/0/shape", json!([null, null, 7])),
            Tensor,
            &["layers[0].weights[0]", "7 channels"],
        ),
        (
            changed("keras_layers.json", "/layers/3/shape", json!([null, null, 7])),
            Corrupt,
            &["layers[3]", "7 channels"],
        ),
        (
            changed("keras_layers.json", "/layers/2/weights", json!([[1, 1, 1, 1]])),
            Corrupt,
            &["layers[2]", "1 lists of weights"],
        ),
        // Numbers that are none.
        (
            changed(lstm, "/state_dict/lin.bias/0", json!(null)),
            NonFinite,
            &["lin.bias", "null"],
        ),
        (
            changed(lstm, "/state_dict/lin.bias/0", json!(1e39)),
            NonFinite,
            &["lin.bias", "inf"],
        ),
        (
            changed(lstm, "/state_dict/lin.bias/0", json!("one")),
            Tensor,
            &["lin.bias"],
        ),
        (
            text(lstm).replacen("0.", "NaN, 0.", 1).into_bytes(),
            NonFinite,
            &["NaN", "line 1"],
        ),
        // Other networks and newer files.
        (
            changed(lstm, "/model_data/unit_type", json!("RNN")),
            Version,
            &["unit_type", "LSTM and GRU"],
        ),
        (
            changed(lstm, "/model_data/model", json!("RecNet")),
            Version,
            &["RecNet", "ONNX"],
        ),
        (
            changed("keras_layers.json", "/layers/0/type", json!("attention")),
            Version,
            &["layers[0]", "attention", "dense"],
        ),
        (
            changed("keras_layers.json", "/layers/0/activation", json!("swish")),
            Version,
            &["layers[0].activation", "swish"],
        ),
        (
            changed("wavenet_gated.json", "/activation", json!("snake")),
            Version,
            &["snake", "gated"],
        ),
        (
            changed("smartamp.json", "/conv1d_1_stride", json!(2)),
            Version,
            &["2 steps"],
        ),
        // No effects.
        (
            changed(lstm, "/model_data/input_size", json!(4)),
            NoEffect,
            &["4 values", "knobs"],
        ),
        (changed(lstm, "/model_data/skip", json!(2)), NoEffect, &["skip"]),
        (
            changed("keras_layers.json", "/in_shape", json!([null, null, 24])),
            NoEffect,
            &["24 values"],
        ),
        (
            changed("wavenet_gated.json", "/input_channels", json!(2)),
            NoEffect,
            &["takes 2", "mono"],
        ),
        (
            changed("keras_layers.json", "/layers/1/strides", json!([2])),
            NoEffect,
            &["strides"],
        ),
        // Absurd sizes.
        (
            changed(lstm, "/model_data/hidden_size", json!(1_000_000_000_000_i64)),
            Corrupt,
            &["hidden_size", "65536"],
        ),
        (
            changed(lstm, "/model_data/hidden_size", json!(-1)),
            Corrupt,
            &["hidden_size", "-1"],
        ),
        (
            changed(lstm, "/model_data/hidden_size", json!(2.5)),
            Corrupt,
            &["hidden_size", "2.5"],
        ),
        (
            changed("keras_layers.json", "/layers/1/dilation", json!([16_777_216])),
            Limit,
            &["looks back"],
        ),
        (
            changed("wavenet_gated.json", "/filter_width", json!(16_777_216)),
            Tensor,
            &["variables["],
        ),
        (
            changed("wavenet_gated.json", "/dilations", json!([])),
            Corrupt,
            &["dilations", "0 layers"],
        ),
        (
            changed("keras_recurrent.json", "/in_gain", json!(1e6)),
            Corrupt,
            &["in_gain", "dB"],
        ),
        (
            changed("keras_recurrent.json", "/in_skip", json!(3)),
            Corrupt,
            &["in_skip", "3"],
        ),
    ];
    for (bytes, kind, words) in cases {
        let error = attempt(&bytes).unwrap_or_else(|| panic!("read, in spite of {words:?}"));
        let sentence = error.to_string();
        for word in words {
            assert!(sentence.contains(word), "{word:?} is not in {sentence:?}");
        }
        assert_eq!(error.kind(), kind, "{sentence}");
    }
}

#[test]
fn every_truncation_is_refused() {
    for name in NAMES {
        let text = text(name);
        assert!(attempt(text.as_bytes()).is_none(), "{name}");
        let whole = text.trim_end().len();
        for length in (0..whole).step_by((whole / 200).max(1)) {
            let error = attempt(&text.as_bytes()[..length]).unwrap_or_else(|| panic!("{name}, {length}"));
            let known = [ReadErrorKind::Corrupt, ReadErrorKind::Empty];
            assert!(known.contains(&error.kind()), "{error}");
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("small")
    };
    let letters = b"0123456789[]{},:\"-.eEn\\ \xff\x00";
    for name in NAMES {
        // The front holds the structure.
        let text = text(name).into_bytes();
        for round in 0..200 {
            let mut bytes = text.clone();
            for _ in 0..=round % 4 {
                let at = next()
                    % if round % 2 == 0 {
                        bytes.len().min(400)
                    } else {
                        bytes.len()
                    };
                bytes[at] = letters[next() % letters.len()];
            }
            attempt(&bytes);
            let _ = self_test(&bytes, "hostile.json", &Limits::default());
        }
    }
}

/// Every value replaced by every sort of another.
#[test]
fn values_of_other_types_never_panic() {
    let others = [
        json!(null),
        json!(true),
        json!(0),
        json!(-3),
        json!(1e300),
        json!("x"),
        json!([]),
        json!([[]]),
        json!([[[[1]]]]),
        json!({}),
        json!({"a": {"b": []}}),
    ];
    fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
        all.push(at.to_owned());
        match value {
            Value::Object(object) => object.iter().for_each(|(key, inner)| {
                pointers(
                    inner,
                    &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                    all,
                );
            }),
            Value::Array(list) => list.iter().take(3).enumerate().for_each(|(index, inner)| {
                pointers(inner, &format!("{at}/{index}"), all);
            }),
            _ => {}
        }
    }
    let mut refused = 0;
    for name in NAMES {
        let file: Value = serde_json::from_str(&text(name)).expect("JSON");
        let mut all = Vec::new();
        pointers(&file, "", &mut all);
        for pointer in all.iter().filter(|pointer| !pointer.is_empty()) {
            for other in &others {
                let mut file = file.clone();
                *file.pointer_mut(pointer).expect("a place") = other.clone();
                refused += usize::from(attempt(file.to_string().as_bytes()).is_some());
            }
        }
    }
    assert!(refused > 3000, "{refused}");
}

#[test]
fn depth_size_and_text_are_bounded() {
    let deep = format!("{{\"layers\": {}{}}}", "[".repeat(1000), "]".repeat(1000));
    let error = attempt(deep.as_bytes()).expect("refused");
    assert_eq!(error.kind(), ReadErrorKind::Limit, "{error}");
    assert!(error.to_string().contains("nested too deeply"), "{error}");

    // 64 MB of values: counted up to the bound, not parsed.
    let mut large = b"{\"layers\": [".to_vec();
    large.resize(64 << 20, b',');
    let error = read(&large, "large.json", None, &Limits::default()).expect_err("refused");
    assert_eq!(error.kind(), ReadErrorKind::Limit, "{error}");
    let error = read(&large, "large.json", None, &Limits::default().with_max_bytes(1 << 20)).expect_err("refused");
    assert!(error.to_string().contains("bytes"), "{error}");

    let error = attempt(b"{\"layers\": \"\xff\xfe\"}").expect("refused");
    assert!(error.to_string().contains("UTF-8"), "{error}");
    let error = attempt(b"{\"theme\": \"dark\", \"font\": 12}").expect("refused");
    assert_eq!(error.kind(), ReadErrorKind::NotModel, "{error}");
    assert!(error.to_string().contains("`theme`"), "{error}");
    let long = format!("{{\"{}\": 1}}", "k".repeat(1 << 16));
    assert!(attempt(long.as_bytes()).is_some());
}

#[test]
fn metadata_is_taken_within_its_bounds() {
    let limits = Limits::default();
    let graph = read(text("aidax_lstm.aidax").as_bytes(), "a/b.aidax", None, &limits).expect("read");
    let about = &graph.metadata;
    assert_eq!(graph.name, "Fixture");
    assert_eq!((about.sample_rate, about.training_esr), (Some(44_100), Some(0.125)));
    assert_eq!(about.author.as_deref(), Some("Tonegraft"));
    assert_eq!(about.licence.as_deref(), Some("MIT OR Apache-2.0"));
    assert_eq!(about.gear.model.as_deref(), Some("Noise"));
    assert_eq!(about.gear.tone_type.as_deref(), Some("clean"));
    assert_eq!(about.knobs.len(), 1);
    assert_eq!(about.declared.get("aidax.style").map(String::as_str), Some("clean"));
    // Nonsense is left out, not fatal: the sound is in the weights.
    for (key, value) in [
        ("samplerate", json!("fast")),
        ("samplerate", json!(3)),
        ("esr", json!(-1)),
        ("name", json!(["x"])),
    ] {
        let bytes = changed("aidax_lstm.aidax", &format!("/metadata/{key}"), value);
        let graph = read(&bytes, "b.aidax", None, &limits).unwrap_or_else(|error| panic!("{error}"));
        if key == "samplerate" {
            assert_eq!(graph.metadata.sample_rate, Some(48_000));
            assert!(graph.metadata.declared["json.sample_rate"].contains("the file names none"));
        }
        if key == "name" {
            assert_eq!(graph.name, "b");
        }
    }
    // A sidecar wins.
    let sidecar =
        r#"{"name": "Mine", "sample_rate": 96000, "knobs": [{"name": "Drive", "input": "knobs", "default": 0.25}]}"#;
    let graph = read(text("aidax_lstm.aidax").as_bytes(), "b.aidax", Some(sidecar), &limits).expect("read");
    assert_eq!(
        (graph.name.as_str(), graph.metadata.sample_rate),
        ("Mine", Some(96_000))
    );
    assert_eq!(graph.metadata.knobs[0].name, "Drive");
    // GuitarML: the rate of those who play it, and their names of knobs.
    let graph = read(text("guitarml_gru_knobs.json").as_bytes(), "x.json", None, &limits).expect("read");
    let names: Vec<&str> = graph.metadata.knobs.iter().map(|knob| knob.name.as_str()).collect();
    assert_eq!(
        (names, graph.metadata.sample_rate),
        (vec!["Drive", "Tone"], Some(48_000))
    );
    let graph = read(text("guitarml_lstm.json").as_bytes(), "x.json", None, &limits).expect("read");
    assert_eq!(graph.metadata.sample_rate, Some(44_100));
}

#[test]
fn a_chain_may_name_them() {
    let chain_file =
        br#"{"tonegraft_chain": 1, "stages": [{"model": "guitarml_lstm.json"}, {"model": "wavenet_gated.json"}]}"#;
    let limits = Limits::default();
    let mut beside = chain::beside(&folder().join("a chain"), limits.max_bytes);
    let graph = read_any(chain_file, "rig.json", None, &mut beside, &limits).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(graph.metadata.sample_rate, Some(44_100));
    let kinds: Vec<&str> = graph.nodes.iter().map(|node| node.op.name()).collect();
    assert!(kinds.contains(&"LSTM") && kinds.contains(&"Conv"), "{kinds:?}");
}
