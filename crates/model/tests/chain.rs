//! Chains: stages in series and by name, and every way in which they do not go together.

mod support;

use std::collections::BTreeMap;
use support::{Port, evaluate, noise, onnx};
use tonegraft_core::KnobScale;
use tonegraft_model::graph::Format;
use tonegraft_model::{Dim, Graph, Knob, Limits, ReadError, ReadErrorKind, Tensor, chain, read, read_any, states};

/// The files that a chain finds beside it.
fn files() -> BTreeMap<&'static str, Vec<u8>> {
    let model =
        |kind: &str, input: &[i64], output: &[i64]| onnx(&[(kind, &["x"], "y")], &[("x", input)], &[("y", output)]);
    let state: &[i64] = &[1, 4, 4];
    let held: [Port<'_>; 2] = [("x", &[1, 1, 0]), ("h", state)];
    BTreeMap::from([
        ("neg.onnx", model("Neg", &[1, 1, 0], &[1, 1, 0])),
        ("abs.onnx", model("Abs", &[1, 0, 1], &[1, 0, 1])),
        ("flat.onnx", model("Exp", &[0, -1], &[0, -1])),
        ("tanh16.onnx", model("Tanh", &[1, 1, 16], &[1, 1, 16])),
        ("tanh20.onnx", model("Tanh", &[1, 1, 20], &[1, 1, 20])),
        ("stereo.onnx", model("Tanh", &[1, 2, 0], &[1, 2, 0])),
        (
            "held.onnx",
            onnx(
                &[("Neg", &["x"], "y"), ("Exp", &["h"], "hn")],
                &held,
                &[("y", &[1, 1, 0]), ("hn", state)],
            ),
        ),
        (
            "gain.onnx",
            onnx(
                &[("Mul", &["x", "gain"], "y")],
                &[("x", &[1, 1, 0]), ("gain", &[1, 1])],
                &[("y", &[1, 1, 0])],
            ),
        ),
        (
            "gain.onnx.tonegraft.json",
            br#"{"sample_rate": 44100, "licence": "MIT", "knobs": [{"name": "Gain", "input": "gain", "max": 4}]}"#
                .to_vec(),
        ),
        ("sub/neg.onnx", model("Neg", &[1, 1, 0], &[1, 1, 0])),
        ("rate.onnx", model("Neg", &[1, 1, 0], &[1, 1, 0])),
        ("rate.onnx.tonegraft.json", br#"{"sample_rate": 48000}"#.to_vec()),
        ("block.onnx", model("Neg", &[1, 16], &[1, 16])),
        ("block.onnx.tonegraft.json", br#"{"block_size": 16}"#.to_vec()),
        ("damaged.onnx", vec![8, 8, 1]),
        (
            "chain.onnx",
            br#"{"tonegraft_chain": 1, "stages": [{"model": "neg.onnx"}]}"#.to_vec(),
        ),
    ])
}

fn resolve(path: &str) -> Result<Option<Vec<u8>>, String> {
    Ok(files().get(path).cloned())
}

fn load(text: &str) -> Result<Graph, ReadError> {
    read_any(
        text.as_bytes(),
        "c.tonegraft-chain.json",
        None,
        &mut resolve,
        &Limits::default(),
    )
}

fn stages(stages: &str) -> String {
    format!(r#"{{"tonegraft_chain": 1, "stages": [{stages}]}}"#)
}

#[track_caller]
fn good(text: &str) -> Graph {
    let graph = load(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut find = resolve;
    let packed = chain::pack(text.as_bytes(), "c", &mut find, &Limits::default()).expect("packs");
    let alone = read(&packed, "c.tonegraft-chain.json", None, &Limits::default());
    let alone = alone.unwrap_or_else(|error| panic!("{text}, packed: {error}"));
    assert_eq!(format!("{:?}", graph.nodes), format!("{:?}", alone.nodes));
    assert_eq!(graph.metadata, alone.metadata);
    assert_eq!(
        chain::pack(&packed, "c", &mut |_| panic!("nothing to find"), &Limits::default()).expect("packs"),
        packed
    );
    graph
}

fn names(graph: &Graph, ids: &[tonegraft_model::ValueId]) -> Vec<String> {
    ids.iter().map(|id| graph.value(*id).name.clone()).collect()
}

fn shape(graph: &Graph, name: &str) -> Vec<Option<usize>> {
    let value = graph.values.iter().find(|value| value.name == name).expect(name);
    value.shape.iter().map(Dim::known).collect()
}

/// Runs a graph with one input of `shape`.
fn run(graph: &Graph, shape: Vec<usize>, audio: &[f32]) -> Vec<f32> {
    let input = names(graph, &graph.inputs).remove(0);
    let audio = Tensor::f32(shape, audio.to_vec()).expect("a signal");
    let given = evaluate(graph, &BTreeMap::from([(input, audio)]));
    given["audio_out"].as_f32().expect("audio").to_vec()
}

#[test]
fn in_series_layouts_follow() {
    let graph = good(&stages(
        r#"{"model": "neg.onnx"}, {"model": "abs.onnx"}, {"model": "flat.onnx"}, {"model": "sub/neg.onnx"}"#,
    ));
    assert_eq!(graph.format, Format::Chain);
    assert_eq!(graph.name, "c");
    assert_eq!(
        (names(&graph, &graph.inputs), names(&graph, &graph.outputs)),
        (vec!["audio".to_owned()], vec!["audio_out".to_owned()])
    );
    assert_eq!(shape(&graph, "audio"), [Some(1), Some(1), None]);
    let audio = noise(50);
    let wanted: Vec<f32> = audio.iter().map(|x| -x.abs().exp()).collect();
    assert_eq!(run(&graph, vec![1, 1, 50], &audio), wanted);
    let counts = graph.operators.iter().find(|(name, _)| name == "Neg");
    assert_eq!(counts, Some(&("Neg".to_owned(), 2)));
}

#[test]
fn one_channel_becomes_two() {
    let graph = good(&stages(r#"{"model": "abs.onnx"}, {"model": "stereo.onnx"}"#));
    assert_eq!(shape(&graph, "audio"), [Some(1), None, Some(1)]);
    assert_eq!(shape(&graph, "audio_out"), [Some(1), Some(2), None]);
    let audio = noise(10);
    let wanted: Vec<f32> = audio.iter().chain(&audio).map(|x| x.abs().tanh()).collect();
    assert_eq!(run(&graph, vec![1, 10, 1], &audio), wanted);
}

#[test]
fn a_fixed_length_holds_for_all() {
    for order in [
        r#"{"model": "neg.onnx"}, {"model": "tanh16.onnx"}"#,
        r#"{"model": "tanh16.onnx"}, {"model": "neg.onnx"}"#,
    ] {
        let graph = good(&stages(order));
        assert_eq!(shape(&graph, "audio"), [Some(1), Some(1), Some(16)]);
        let audio = noise(16);
        let wanted: Vec<f32> = audio.iter().map(|x| -x.tanh()).collect();
        assert_eq!(run(&graph, vec![1, 1, 16], &audio), wanted);
    }
    let error = load(&stages(r#"{"model": "tanh16.onnx"}, {"model": "tanh20.onnx"}"#)).expect_err("two lengths");
    assert_eq!(error.kind(), ReadErrorKind::Shape, "{error}");
    let error = load(&stages(
        r#"{"model": "neg.onnx"}, {"model": "tanh16.onnx"}, {"model": "tanh20.onnx"}"#,
    ));
    assert_eq!(error.expect_err("two lengths").kind(), ReadErrorKind::Shape);
}

#[test]
fn knobs_states_and_rates_come_along() {
    let graph = good(&stages(
        r#"{"model": "gain.onnx"}, {"model": "held.onnx", "name": "amp"}, {"model": "gain.onnx"}, {"model": "gain.onnx", "constants": {"gain": 2}}"#,
    ));
    assert_eq!(
        names(&graph, &graph.inputs),
        ["audio", "gain/gain", "amp/h", "gain 2/gain"]
    );
    assert_eq!(names(&graph, &graph.outputs), ["audio_out", "amp/hn"]);
    let knob = |name: &str, input: &str| Knob {
        name: name.to_owned(),
        input: input.to_owned(),
        index: 0,
        min: 0.0,
        max: 4.0,
        default: 2.0,
        unit: String::new(),
        scale: KnobScale::Linear,
        sync: None,
    };
    assert_eq!(
        graph.metadata.knobs,
        [knob("gain Gain", "gain/gain"), knob("gain 2 Gain", "gain 2/gain")]
    );
    assert_eq!(graph.metadata.states, [("amp/h".to_owned(), "amp/hn".to_owned())]);
    assert_eq!(states::pairs(&graph).len(), 1);
    assert_eq!(
        (graph.metadata.sample_rate, graph.metadata.licence.as_deref()),
        (Some(44_100), Some("MIT"))
    );
    // The same, its knobs named by the chain.
    let text = r#"{"tonegraft_chain": 1, "name": "Rig", "stages": [{"model": "gain.onnx"}],
        "knobs": [{"name": "Level", "input": "gain/gain", "max": 10, "default": 1}]}"#;
    let graph = good(text);
    assert_eq!(
        (graph.name.as_str(), graph.metadata.knobs[0].name.as_str()),
        ("Rig", "Level")
    );
    // Two rates only where the chain says which.
    let two = r#"{"model": "gain.onnx"}, {"model": "rate.onnx"}"#;
    let error = load(&stages(two)).expect_err("two rates");
    assert!(
        error.to_string().contains("48000") && error.to_string().contains("sample_rate"),
        "{error}"
    );
    let graph = good(&format!(
        r#"{{"tonegraft_chain": 1, "sample_rate": 48000, "stages": [{two}]}}"#
    ));
    assert_eq!(graph.metadata.sample_rate, Some(48_000));
}

#[test]
fn wires_by_name_in_any_order() {
    let graph = good(
        r#"{"tonegraft_chain": 1, "input": "in", "output": "sum", "stages": [
            {"op": "add", "inputs": ["a", "b"], "output": "sum"},
            {"model": "neg.onnx", "inputs": {"x": "half"}, "outputs": {"y": "b"}},
            {"op": "multiply", "input": "in", "value": 0.5, "output": "half"},
            {"op": "tanh", "input": "in", "output": "a"}
        ]}"#,
    );
    let audio = noise(20);
    let wanted: Vec<f32> = audio.iter().map(|x| x.tanh() - 0.5 * x).collect();
    for (a, b) in run(&graph, vec![1, 1, 20], &audio).iter().zip(wanted) {
        assert!((a - b).abs() < 1e-6);
    }
}

#[test]
fn spectra_between_stages() {
    // A spectrum taken apart and put together again in every way there is.
    for middle in [
        r#"{"op": "magnitude", "input": "s", "output": "m"}, {"op": "phase", "input": "s", "output": "p"},
           {"op": "polar", "inputs": ["m", "p"], "output": "t"}"#,
        r#"{"op": "real", "input": "s", "output": "re"}, {"op": "imaginary", "input": "s", "output": "im"},
           {"op": "reshape", "input": "re", "shape": [1, 1, 9], "output": "re1"}, {"op": "reshape", "input": "im", "shape": [1, 1, 9], "output": "im1"},
           {"op": "concat", "inputs": ["re1", "im1"], "axis": 1, "output": "both"},
           {"op": "complex", "input": "both", "axis": 1, "output": "t"}"#,
        r#"{"op": "power", "input": "s", "output": "p"}, {"op": "sqrt", "input": "p", "output": "m"},
           {"op": "divide", "inputs": ["s", "m"], "output": "unit"}, {"op": "multiply", "inputs": ["m", "unit"], "output": "t"}"#,
        r#"{"op": "subtract", "inputs": ["s", "s"], "output": "zero"}, {"op": "add", "inputs": ["zero", "s"], "output": "t"}"#,
        r#"{"op": "slice", "input": "s", "axis": 1, "start": 0, "end": 9, "output": "r"},
           {"op": "complex", "input": "r", "axis": 2, "output": "t"}"#,
    ] {
        let graph = good(&format!(
            r#"{{"tonegraft_chain": 1, "frame": {{"size": 16, "hop": 4}}, "stages": [
                {{"op": "rfft", "input": "audio", "output": "s"}}, {middle},
                {{"op": "irfft", "input": "t"}}, {{"op": "window", "window": "hann"}}
            ]}}"#
        ));
        let audio = noise(16);
        let hann = tonegraft_model::front_end::Window::Hann.values(16);
        for ((a, x), w) in run(&graph, vec![1, 16], &audio).iter().zip(&audio).zip(hann) {
            assert!((a - x * w as f32).abs() < 1e-5, "{middle}: {a} for {x}");
        }
    }
}

#[test]
fn stages_that_are_left_out() {
    let graph = good(
        r#"{"tonegraft_chain": 1, "frame": {"size": 6, "hop": 6}, "stages": [
            {"op": "reshape", "shape": [3, 2]}, {"op": "keep_stages", "count": 2}
        ]}"#,
    );
    let audio = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    assert_eq!(run(&graph, vec![1, 6], &audio), [1.0, 2.0, 3.0, 4.0, -1.0, -1.0]);
}

#[test]
fn what_does_not_go_together() {
    use ReadErrorKind as Kind;
    for (text, kind, part) in [
        (stages(r#"{"model": "none.onnx"}"#), Kind::MissingFile, "none.onnx"),
        (stages(r#"{"model": "../neg.onnx"}"#), Kind::Chain, "../neg.onnx"),
        (stages(r#"{"model": "a/../../neg.onnx"}"#), Kind::Chain, ".."),
        (stages(r#"{"model": "/neg.onnx"}"#), Kind::Chain, "/neg.onnx"),
        (stages(r#"{"model": "C:neg.onnx"}"#), Kind::Chain, "C:neg.onnx"),
        (stages(r#"{"model": "a\\neg.onnx"}"#), Kind::Chain, "path"),
        (stages(r#"{"model": ""}"#), Kind::Chain, "path"),
        (stages(r#"{"model": "damaged.onnx"}"#), Kind::Corrupt, "damaged.onnx"),
        (stages(r#"{"model": "chain.onnx"}"#), Kind::Chain, "chain itself"),
        (stages(r#"{"model": {"name": "x", "data": "!"}}"#), Kind::Chain, "base64"),
        (stages(r#"{"model": 3}"#), Kind::Chain, "stage 1"),
        (stages(""), Kind::Chain, "0 stages"),
        (stages("3"), Kind::Chain, "stage 1"),
        (stages(r#"{"model": "neg.onnx", "op": "add"}"#), Kind::Chain, "both"),
        (stages(r#"{"name": "x"}"#), Kind::Chain, "neither"),
        (stages(r#"{"op": "fourier"}"#), Kind::Chain, "fourier"),
        (stages(r#"{"op": "tanh", "gain": 1}"#), Kind::Chain, "gain"),
        (stages(r#"{"op": "window"}"#), Kind::Chain, "window"),
        (stages(r#"{"op": "tanh", "inputs": ["audio", "audio"]}"#), Kind::Chain, "one wire"),
        (stages(r#"{"op": "add"}"#), Kind::Chain, "two wires"),
        (stages(r#"{"op": "irfft"}"#), Kind::Shape, "real"),
        (stages(r#"{"op": "rfft"}"#), Kind::Shape, "stage 1"),
        (stages(r#"{"op": "slice", "axis": 7, "start": 0, "end": 1}"#), Kind::Shape, "axis 7"),
        (stages(r#"{"op": "transpose", "perm": [0, 0, 1]}"#), Kind::Shape, "order of axes"),
        (stages(r#"{"op": "keep_stages", "count": 0, "axis": 0}"#), Kind::Shape, ""),
        (stages(r#"{"op": "tanh", "input": "nowhere"}"#), Kind::Chain, "`nowhere`"),
        (stages(r#"{"op": "tanh", "input": "b", "output": "a"}, {"op": "tanh", "input": "a", "output": "b"}"#), Kind::Chain, "waits"),
        (stages(r#"{"op": "tanh", "input": "a", "output": "a"}"#), Kind::Chain, "waits"),
        (stages(r#"{"op": "tanh", "output": "a"}, {"op": "tanh", "output": "a"}"#), Kind::Chain, "twice"),
        (stages(r#"{"op": "tanh", "output": "audio"}"#), Kind::Chain, "twice"),
        (stages(r#"{"model": "neg.onnx", "inputs": {"q": "audio"}}"#), Kind::Chain, "`q`"),
        (stages(r#"{"model": "neg.onnx", "outputs": {"q": "a"}}"#), Kind::Chain, "`q`"),
        (stages(r#"{"model": "held.onnx", "states": {"h": "y"}}"#), Kind::Chain, "shape"),
        (stages(r#"{"model": "gain.onnx", "constants": {"gain": 1e300}}"#), Kind::Chain, "gain"),
        (stages(r#"{"model": "stereo.onnx"}, {"model": "neg.onnx"}"#), Kind::Shape, "neg.onnx"),
        (stages(r#"{"model": "neg.onnx"}, {"model": "block.onnx"}"#), Kind::Chain, "frame"),
        (r#"{"tonegraft_chain": 2, "stages": []}"#.to_owned(), Kind::Version, "version 2"),
        (r#"{"tonegraft_chain": "1", "stages": []}"#.to_owned(), Kind::Chain, "number"),
        (r#"{"tonegraft_chain": 1}"#.to_owned(), Kind::Chain, "stages"),
        (r#"{"tonegraft_chain": 1, "#.to_owned(), Kind::Chain, "complete"),
        (
            r#"{"tonegraft_chain": 1, "output": "x", "stages": [{"model": "neg.onnx"}]}"#.to_owned(),
            Kind::Chain,
            "`x`",
        ),
        (
            r#"{"tonegraft_chain": 1, "frame": {"size": 0, "hop": 0}, "stages": [{"op": "tanh"}]}"#.to_owned(),
            Kind::Metadata,
            "size 0",
        ),
        (
            r#"{"tonegraft_chain": 1, "frame": {"size": 16, "hop": 4}, "stages": [{"op": "rfft"}]}"#.to_owned(),
            Kind::Chain,
            "spectrum",
        ),
        (
            r#"{"tonegraft_chain": 1, "frame": {"size": 16, "hop": 4}, "stages": [{"op": "slice", "axis": 1, "start": 0, "end": 8}]}"#
                .to_owned(),
            Kind::Chain,
            "16 samples",
        ),
        (
            r#"{"tonegraft_chain": 1, "frame": {"size": 20, "hop": 20}, "stages": [{"model": "tanh16.onnx"}]}"#.to_owned(),
            Kind::Shape,
            "16",
        ),
        (
            r#"{"tonegraft_chain": 1, "stft": {"size": 16, "hop": 8, "window": "hann"}, "stages": [{"op": "tanh"}]}"#.to_owned(),
            Kind::Chain,
            "stft",
        ),
    ] {
        let error = load(&text).expect_err(&text);
        assert_eq!(error.kind(), kind, "{text}: {error}");
        let shown = error.to_string();
        assert!(shown.contains(part) && shown.starts_with("c.tonegraft-chain.json"), "{text}: {shown}");
        assert!(!shown.contains('\n') && shown.len() < 700, "{shown}");
    }
}

/// The chains of this project are whole but for the models.
#[test]
fn chains_for_published_models() {
    let folder = support::workspace().join("models/chains");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("readable");
        assert!(chain::is_chain(&bytes) && path.to_string_lossy().ends_with(".tonegraft-chain.json"));
        let error = read(&bytes, "c", None, &Limits::default()).expect_err("no models");
        assert_eq!(error.kind(), ReadErrorKind::MissingFile, "{}: {error}", path.display());
        count += 1;
    }
    assert_eq!(count, 3);
}

#[test]
fn limits_hold_for_the_whole() {
    let many: Vec<&str> = vec![r#"{"op": "tanh"}"#; 257];
    assert_eq!(
        load(&stages(&many.join(","))).expect_err("many").kind(),
        ReadErrorKind::Chain
    );
    let text = stages(r#"{"model": "neg.onnx"}, {"model": "neg.onnx"}, {"model": "neg.onnx"}"#);
    let one = files()["neg.onnx"].len();
    let limits = Limits::default().with_max_bytes(text.len() + 2 * one);
    let error = read_any(text.as_bytes(), "c", None, &mut resolve, &limits).expect_err("too large");
    assert_eq!(error.kind(), ReadErrorKind::Limit);
    let limits = Limits::default().with_max_nodes(2);
    let error = read_any(text.as_bytes(), "c", None, &mut resolve, &limits).expect_err("too many");
    assert_eq!(error.kind(), ReadErrorKind::Limit);
    // A chain whose files are not given.
    let error = read(text.as_bytes(), "c", None, &Limits::default()).expect_err("alone");
    assert_eq!(error.kind(), ReadErrorKind::MissingFile);
    let error = read_any(
        text.as_bytes(),
        "c",
        None,
        &mut |_| Err("no".to_owned()),
        &Limits::default(),
    );
    assert!(
        error
            .expect_err("unreadable")
            .to_string()
            .contains("cannot be read: no")
    );
}
