//! Spectral front ends: what goes in unchanged comes out unchanged, in every layout; what does not fit is refused.

mod support;

use std::collections::BTreeMap;
use support::{Port, evaluate, noise, onnx};
use tonegraft_model::{FrameStart, Framing, Graph, Limits, ReadError, ReadErrorKind, Tensor, read};

fn load(file: &[u8], sidecar: &str) -> Result<Graph, ReadError> {
    read(file, "m.onnx", Some(sidecar), &Limits::default())
}

/// Gives its inputs back.
fn identity(ports: &[Port<'_>]) -> Vec<u8> {
    let names: Vec<[String; 3]> = (ports.iter())
        .map(|(name, _)| [(*name).to_owned(), format!("{name}.neg"), format!("{name}_new")])
        .collect();
    let inner: Vec<[&str; 1]> = names
        .iter()
        .flat_map(|[a, b, _]| [[a.as_str()], [b.as_str()]])
        .collect();
    let nodes: Vec<(&str, &[&str], &str)> = (names.iter().zip(inner.chunks_exact(2)))
        .flat_map(|([_, b, c], from)| {
            [
                ("Neg", from[0].as_slice(), b.as_str()),
                ("Neg", from[1].as_slice(), c.as_str()),
            ]
        })
        .collect();
    let outputs: Vec<Port<'_>> = names
        .iter()
        .zip(ports)
        .map(|([_, _, c], (_, shape))| (c.as_str(), *shape))
        .collect();
    onnx(&nodes, ports, &outputs)
}

/// `exp(x − x)`: ones.
fn ones(shape: &[i64]) -> Vec<u8> {
    onnx(
        &[("Sub", &["x", "x"], "zero"), ("Exp", &["zero"], "one")],
        &[("x", shape)],
        &[("one", shape)],
    )
}

fn overlap_add(graph: &Graph, audio: &[f32]) -> Vec<f32> {
    let Framing { size, hop, .. } = graph.metadata.framing.expect("frames");
    let (input, output) = (
        graph.metadata.audio_input.clone().expect("declared"),
        graph.metadata.audio_output.clone().expect("declared"),
    );
    let mut out = vec![0.0; audio.len()];
    for start in (0..=audio.len() - size).step_by(hop) {
        let frame = Tensor::f32(vec![1, size], audio[start..start + size].to_vec()).expect("a frame");
        let given = evaluate(graph, &BTreeMap::from([(input.clone(), frame)]));
        assert_eq!(given[&output].shape(), [1, size]);
        for (sum, value) in out[start..].iter_mut().zip(given[&output].as_f32().expect("audio")) {
            *sum += value;
        }
    }
    out
}

#[track_caller]
fn is_identity(file: &[u8], stft: &str) {
    let graph = load(file, &format!(r#"{{"stft": {stft}}}"#)).unwrap_or_else(|error| panic!("{error}"));
    let size = graph.metadata.framing.expect("frames").size;
    let audio = noise(8 * size);
    let out = overlap_add(&graph, &audio);
    for (at, (a, b)) in audio.iter().zip(&out).enumerate().take(7 * size).skip(size) {
        assert!((a - b).abs() < 2e-5, "{stft}, sample {at}: {a} became {b}");
    }
}

#[test]
fn windows_that_add_up() {
    let file = identity(&[("x", &[1, 33, 1, 2])]);
    for stft in [
        r#"{"size": 64, "hop": 32, "window": "sqrt_hann"}"#,
        r#"{"size": 64, "hop": 16, "window": "sqrt_hann"}"#,
        r#"{"size": 64, "hop": 16, "window": "hann"}"#,
        r#"{"size": 64, "hop": 64, "window": "rectangular"}"#,
        r#"{"size": 64, "hop": 32, "window": "hann", "synthesis_window": "rectangular"}"#,
        r#"{"size": 64, "hop": 16, "window": "hamming"}"#,
        r#"{"size": 64, "hop": 8, "window": "blackman"}"#,
        r#"{"size": 64, "hop": 32, "window": "hann", "normalise": "envelope"}"#,
        r#"{"size": 64, "hop": 24, "window": "hamming", "normalise": "envelope"}"#,
    ] {
        is_identity(&file, stft);
    }
    for (stft, figures) in [
        (r#"{"size": 64, "hop": 32, "window": "hann"}"#, "0.500000 … 1.000000"),
        (r#"{"size": 64, "hop": 24, "window": "sqrt_hann"}"#, "…"),
        (
            r#"{"size": 64, "hop": 64, "window": "hann", "normalise": "envelope"}"#,
            "0.000000",
        ),
    ] {
        let error = load(&file, &format!(r#"{{"stft": {stft}}}"#)).expect_err("does not add up");
        assert_eq!(error.kind(), ReadErrorKind::Metadata);
        assert!(error.to_string().contains(figures), "{error}");
    }
}

#[test]
fn layouts() {
    let stft = |more: &str| format!(r#"{{"size": 64, "hop": 32, "window": "sqrt_hann"{more}}}"#);
    for shape in [
        &[1, 33, 1, 2][..],
        &[1, 1, 33, 2],
        &[33, 2],
        &[2, 33],
        &[1, 2, 1, 33],
        &[1, 2, 33],
        &[1, 66],
        &[1, 66, 1],
        // The batch.
        &[0, 33, 2],
    ] {
        is_identity(&identity(&[("x", shape)]), &stft(""));
    }
    // Several frames at once, if each stands alone.
    let alone = stft(r#", "single_frames": true"#);
    for shape in [&[1, 2, -1, 33][..], &[3, 33, 2], &[0, 2, 33, -1]] {
        let file = identity(&[("x", shape)]);
        is_identity(&file, &alone);
        let error = load(&file, &format!(r#"{{"stft": {}}}"#, stft(""))).expect_err("several frames");
        assert!(error.to_string().contains("single_frames"), "{error}");
    }
}

#[test]
fn contents() {
    let stft = |input: &str, output: &str| {
        format!(r#"{{"size": 64, "hop": 32, "window": "sqrt_hann", "input": "{input}", "output": "{output}"}}"#)
    };
    let (real, pair): (&[i64], &[i64]) = (&[1, 1, 33], &[1, 33, 2]);
    let one = identity(&[("x", real)]);
    is_identity(&one, &stft("magnitude", "magnitude"));
    is_identity(&one, &stft("log_magnitude", "log_magnitude"));
    let two = identity(&[("a", real), ("b", real)]);
    is_identity(&two, &stft("magnitude_phase", "magnitude_phase"));
    is_identity(&two, &stft("real_imaginary", "real_imaginary"));
    for input in ["magnitude", "power", "log_magnitude", "log1p_magnitude"] {
        is_identity(&ones(real), &stft(input, "mask"));
    }
    // The mask 1 + i turns every bin by an eighth and doubles its power.
    let graph = load(
        &ones(pair),
        &format!(r#"{{"stft": {}}}"#, stft("complex", "complex_mask")),
    )
    .expect("reads");
    let audio = noise(4096);
    let power = |signal: &[f32]| signal.iter().map(|value| f64::from(value * value)).sum::<f64>();
    let ratio = power(&overlap_add(&graph, &audio)) / power(&audio);
    assert!((1.8..2.2).contains(&ratio), "{ratio}");
}

#[test]
fn named_ends_and_others() {
    let (spectrum, other): (&[i64], &[i64]) = (&[1, 33, 2], &[1, 2, 8]);
    let file = identity(&[("first", spectrum), ("second", spectrum), ("cache", other)]);
    let sidecar = r#"{"stft": {"size": 64, "hop": 32, "window": "sqrt_hann", "inputs": ["second"], "outputs": ["second_new"]},
        "knobs": [{"name": "K", "input": "first"}], "states": {"cache": "cache_new"}}"#;
    let graph = load(&file, sidecar).unwrap_or_else(|error| panic!("{error}"));
    let names = |ids: &[tonegraft_model::ValueId]| -> Vec<String> {
        ids.iter().map(|id| graph.value(*id).name.clone()).collect()
    };
    assert_eq!(names(&graph.inputs), ["audio", "first", "cache"]);
    assert_eq!(names(&graph.outputs), ["audio_out", "first_new", "cache_new"]);
    assert_eq!(tonegraft_model::states::pairs(&graph).len(), 1);
}

#[test]
fn declarations_out_of_range() {
    let file = identity(&[("x", &[1, 33, 2]), ("s", &[1, 4, 4])]);
    for (sidecar, part) in [
        (r#"{"block_size": 0}"#, "65536"),
        (r#"{"block_size": 65537}"#, "65536"),
        (r#"{"block_size": -1}"#, "whole number"),
        (r#"{"block_size": 1.5}"#, "whole number"),
        (r#"{"block_size": "many"}"#, "whole number"),
        (r#"{"frame": {"size": 16, "hop": 17}}"#, "hop 17"),
        (r#"{"frame": {"size": 16, "hop": 0}}"#, "hop 0"),
        (r#"{"frame": {"size": 16}}"#, "hop"),
        (r#"{"frame": [16, 16]}"#, "size"),
        (r#"{"frame": {"size": 16, "hop": 16}, "block_size": 8}"#, "contradicts"),
        (r#"{"states": {"nothing": "s_new"}}"#, "`nothing`"),
        (r#"{"states": {"s": "nothing"}}"#, "`nothing`"),
        (r#"{"states": {"s": "x_new"}}"#, "alike"),
        (r#"{"states": {"s": 3}}"#, "states"),
        (r#"{"states": {"s": "s_new"}, "audio_input": "s"}"#, "audio"),
        (r#"{"phase_input": {"input": "s"}}"#, "rate_knob"),
        (r#"{"phase_input": {"input": "s", "rate_hz": 0}}"#, "above 0"),
        (
            r#"{"phase_input": {"input": "s", "rate_hz": 1, "stereo_offset": 2}}"#,
            "stereo offset",
        ),
        (r#"{"phase_input": {"input": "q", "rate_hz": 1}}"#, "`q`"),
        (r#"{"phase_input": {"input": "s", "rate_knob": "Rate"}}"#, "\"Rate\""),
        (r#"{"feedback": {"s": {"output": "s_new"}}}"#, "delay"),
        (r#"{"feedback": {"s": {"output": "s_new", "delay": 0}}}"#, "delay 0"),
        (
            r#"{"feedback": {"s": {"output": "s_new", "delay": 65537}}}"#,
            "1 to 65536",
        ),
        (r#"{"feedback": {"s": ["s_new", 1]}}"#, "`s` stands for"),
        (
            r#"{"feedback": {"nothing": {"output": "s_new", "delay": 1}}}"#,
            "`nothing`",
        ),
        (r#"{"feedback": {"s": {"output": "nothing", "delay": 1}}}"#, "`nothing`"),
        (r#"{"feedback": {"s": {"output": "x_new", "delay": 1}}}"#, "alike"),
        (
            r#"{"feedback": {"s": {"output": "s_new", "delay": 1}}, "states": {"s": "s_new"}}"#,
            "a state",
        ),
        (
            r#"{"feedback": {"s": {"output": "s_new", "delay": 1}}, "block_size": 8}"#,
            "blocks",
        ),
        (r#"{"tail": -1}"#, "tail"),
        (r#"{"seed": -1}"#, "seed"),
        (r#"{"meters": ["nothing"]}"#, "`nothing`"),
        (r#"{"meters": ["s_new", "s_new"]}"#, "twice"),
        (r#"{"stft": {"size": 63, "hop": 32, "window": "hann"}}"#, "even"),
        (r#"{"stft": {"size": 64, "hop": 32, "window": "triangle"}}"#, "triangle"),
        (r#"{"stft": {"size": 64, "hop": 32}}"#, "window"),
        (
            r#"{"stft": {"size": 64, "hop": 32, "window": "hann", "sise": 3}}"#,
            "sise",
        ),
        (r#"{"stft": {"size": 128, "hop": 64, "window": "sqrt_hann"}}"#, "65"),
        (
            r#"{"stft": {"size": 64, "hop": 32, "window": "sqrt_hann", "input": "magnitude_phase"}}"#,
            "spectral inputs",
        ),
        (
            r#"{"stft": {"size": 64, "hop": 32, "window": "sqrt_hann", "inputs": ["a", "b"]}}"#,
            "there must be 1",
        ),
    ] {
        let error = load(&file, sidecar).expect_err(sidecar);
        assert_eq!(error.kind(), ReadErrorKind::Metadata, "{sidecar}: {error}");
        assert!(error.to_string().contains(part), "{sidecar}: {error}");
    }
    let graph = load(
        &file,
        r#"{"frame": {"size": 100, "hop": 30}, "seed": 18446744073709551615, "meters": ["s_new"],
            "knobs": [{"name": "Rate", "input": "s", "index": 1}], "phase_input": {"input": "x", "rate_knob": "Rate", "stereo_offset": 0.25}}"#,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        graph.metadata.framing,
        Some(Framing {
            size: 100,
            hop: 30,
            start: FrameStart::Silence
        })
    );
    assert_eq!(graph.metadata.seed, Some(u64::MAX));
    assert_eq!(graph.metadata.meters, ["s_new"]);
    assert_eq!(graph.metadata.phase_input.map(|phase| phase.stereo_offset), Some(0.25));
}
