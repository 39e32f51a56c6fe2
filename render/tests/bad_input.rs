//! Every kind of bad input is one sentence on stderr that says what and where, exit code 1, and no file is left behind.

mod common;

use common::onnx::{Axis, FLOAT, File, INT64, Message, mono, node, tensor, value};
use common::{Bench, noise};

/// Renders with `bytes` as the model; and inspects it, which must fail with the same sentence.
fn refused(bytes: &[u8], parts: &[&str]) {
    let bench = Bench::new();
    bench.write("bad.onnx", bytes);
    bench.wav("in.wav", 48_000, &[noise(100, 1)]);
    let parts = [parts, &["bad.onnx"]].concat();
    let rendered = bench.refused(&["render", "--model", "bad.onnx", "in.wav", "out.wav"], &parts);
    let inspected = bench.refused(&["inspect", "bad.onnx"], &parts);
    assert_eq!(rendered, inspected);
    bench.refused(&["bench", "bad.onnx", "--seconds", "0"], &parts);
    bench.refused(&["state", "--model", "bad.onnx", "--out", "out.state"], &parts);
}

#[test]
fn bytes_that_are_no_onnx_file() {
    refused(b"RIFF, but not really: this is a text file that somebody renamed.", &[]);
    let random: Vec<u8> = noise(5000, 3).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    refused(&random, &[]);
}

#[test]
fn an_empty_file() {
    refused(b"", &["empty"]);
}

#[test]
fn an_empty_graph() {
    refused(&File::default().bytes(), &[]);
    let no_nodes = File {
        inputs: vec![mono("in")],
        outputs: vec![mono("out")],
        ..File::default()
    };
    refused(&no_nodes.bytes(), &["no operators"]);
}

#[test]
fn a_truncated_file() {
    let whole = File::convolution(&noise(400, 2), 399, 0).bytes();
    for part in [3, 2] {
        refused(&whole[..whole.len() * (part - 1) / part], &[]);
    }
    refused(&whole[..whole.len() - 1], &[]);
}

#[test]
fn protobuf_nested_100_000_deep() {
    // A graph whose node has an attribute whose graph has a node …, each level with its true length.
    let mut inner: Vec<u8> = Vec::new();
    for level in 0..100_000 {
        // AttributeProto.g = 6, NodeProto.attribute = 5, GraphProto.node = 1.
        let field = [1, 6, 5][level % 3];
        let length = inner.len();
        let head = Message::new().bytes(field, b"").finish();
        let mut outer = head[..head.len() - 1].to_vec();
        let mut rest = length;
        while rest >= 0x80 {
            outer.push((rest & 0x7F) as u8 | 0x80);
            rest >>= 7;
        }
        outer.push(rest as u8);
        // Kept inside out: the levels' heads are put in front at the end.
        outer.reverse();
        inner.extend_from_slice(&outer);
    }
    inner.reverse();
    let file = Message::new().int(1, 8).bytes(7, inner).finish();
    refused(&file, &[]);
}

#[test]
fn a_tensor_of_2_gb_in_a_few_bytes() {
    let huge = Message::new()
        .int(1, 1 << 15)
        .int(1, 1 << 14)
        .int(2, FLOAT)
        .bytes(8, "huge")
        .bytes(9, [0, 0, 128, 63]);
    let mut file = File::gain(1.0);
    file.weights = vec![huge];
    file.nodes = vec![node("Mul", "scale", &["in", "huge"], &["out"], &[])];
    let bytes = file.bytes();
    assert!(bytes.len() < 250);
    refused(&bytes, &["huge"]);

    let overflowing = Message::new()
        .int(1, i64::MAX)
        .int(1, i64::MAX)
        .int(2, FLOAT)
        .bytes(8, "huge")
        .bytes(9, []);
    file.weights = vec![overflowing];
    refused(&file.bytes(), &["huge"]);
    file.weights = vec![tensor("huge", &[-4], &[1.0])];
    refused(&file.bytes(), &["huge"]);
}

#[test]
fn a_cycle() {
    let mut file = File::gain(1.0);
    file.nodes = vec![
        node("Add", "forward", &["in", "back"], &["out"], &[]),
        node("Tanh", "backward", &["out"], &["back"], &[]),
    ];
    let bytes = file.bytes();
    refused(&bytes, &["forward", "its own output"]);
}

#[test]
fn an_unknown_operator() {
    let mut file = File::gain(1.0);
    file.nodes = vec![node("FluxCapacitor", "time_machine", &["in"], &["out"], &[])];
    refused(&file.bytes(), &["FluxCapacitor", "time_machine"]);
}

#[test]
fn a_graph_that_cannot_run_frame_by_frame() {
    let mut file = File::gain(1.0);
    let axes = common::onnx::ints("axes", &[2]);
    file.nodes = vec![
        node("ReduceMax", "loudest", &["in"], &["peak"], &[axes]),
        node("Mul", "scale", &["in", "peak"], &["out"], &[]),
    ];
    refused(&file.bytes(), &["loudest", "ReduceMax"]);
}

#[test]
fn wrong_types() {
    // An input of integers.
    let mut file = File::gain(1.0);
    file.inputs = vec![value("in", INT64, &[Axis::Is(1), Axis::Is(1), Axis::Any("T")])];
    refused(&file.bytes(), &[]);
    // A convolution by integers.
    let mut file = File::convolution(&[1.0, 2.0], 1, 0);
    let integers = Message::new()
        .int(1, 1)
        .int(1, 1)
        .int(1, 2)
        .int(2, INT64)
        .bytes(8, "taps")
        .bytes(9, [0; 16]);
    file.weights = vec![integers];
    refused(&file.bytes(), &["filter"]);
}

#[test]
fn two_audio_outputs() {
    let mut file = File::gain(1.0);
    file.nodes.push(node("Tanh", "bend", &["in"], &["other"], &[]));
    file.outputs.push(mono("other"));
    refused(&file.bytes(), &["other"]);
}

#[test]
fn no_audio_input() {
    let mut file = File::gain(1.0);
    file.inputs.clear();
    file.nodes = vec![node("Tanh", "bend", &["gain"], &["out"], &[])];
    refused(&file.bytes(), &["input"]);
}

#[test]
fn a_weight_that_is_not_a_number() {
    refused(&File::convolution(&[0.5, f32::NAN], 1, 0).bytes(), &["taps", "NaN"]);
}

#[test]
fn files_that_are_not_there_or_are_folders() {
    let bench = Bench::new();
    bench.wav("in.wav", 48_000, &[noise(100, 1)]);
    bench.write("gain.onnx", &File::gain(0.5).bytes());
    std::fs::create_dir(bench.path("folder")).expect("makes");
    let render = |model: &str, input: &str, output: &str, parts: &[&str]| {
        bench.refused(&["render", "--model", model, input, output], parts);
    };
    render("missing.onnx", "in.wav", "out.wav", &["missing.onnx"]);
    render("folder", "in.wav", "out.wav", &["folder: this is a folder"]);
    render("nosuchmodel", "in.wav", "out.wav", &["nosuchmodel", "overdrive"]);
    render("gain.onnx", "missing.wav", "out.wav", &["missing.wav"]);
    render("gain.onnx", "folder", "out.wav", &["folder: this is a folder"]);
    render("gain.onnx", "in.wav", "nowhere/out.wav", &["nowhere"]);
    render("gain.onnx", "in.wav", "folder", &["folder: this is a folder"]);
    render("gain.onnx", "in.wav", "in.wav", &["in.wav", "input"]);
    render("gain.onnx", "in.wav", "folder/../in.wav", &["in.wav", "input"]);
    bench.refused(&["render", "--model", "gain.onnx", "in.wav"], &["--out-dir"]);
    bench.refused(&["inspect", "folder"], &["folder: this is a folder"]);
    bench.refused(&["inspect", "missing.onnx"], &["missing.onnx"]);
    bench.refused(&["library", "missing"], &["missing"]);
}

#[test]
fn audio_that_cannot_be_rendered() {
    let bench = Bench::new();
    bench.write("gain.onnx", &File::gain(0.5).bytes());
    let render = |input: &str, parts: &[&str]| {
        let parts = [parts, &[input]].concat();
        bench.refused(&["render", "--model", "gain.onnx", input, "out.wav"], &parts);
    };
    bench.wav("empty.wav", 48_000, &[Vec::new()]);
    render("empty.wav", &["zero frames"]);
    bench.wav("many.wav", 48_000, &vec![noise(10, 1); 17]);
    render("many.wav", &["17 channels", "16"]);
    bench.write("text.wav", b"This is not audio.");
    render("text.wav", &["WAV"]);
    bench.write("nothing.wav", b"");
    render("nothing.wav", &["WAV"]);
    let whole = std::fs::read(bench.wav("cut.wav", 48_000, &[noise(1000, 1)])).expect("reads");
    bench.write("cut.wav", &whole[..whole.len() - 2000]);
    render("cut.wav", &["cut short"]);
    bench.wav("fast.wav", 2_000_000, &[noise(10, 1)]);
    render("fast.wav", &["2000000 Hz"]);
}

#[test]
fn wrong_arguments_exit_with_2_and_wrong_parameters_with_1() {
    let bench = Bench::new();
    bench.wav("in.wav", 48_000, &[noise(100, 1)]);
    bench.write("gain.onnx", &File::gain(0.5).bytes());
    for arguments in [
        &["render", "--model", "gain.onnx", "--block", "0", "in.wav", "out.wav"][..],
        &["render", "--model", "gain.onnx", "--tail", "-1", "in.wav", "out.wav"],
        &["render", "in.wav", "out.wav"],
        &["bench", "gain.onnx", "--block", "x"],
        &["play"],
        &[],
    ] {
        let ran = bench.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
    }
    for (param, parts) in [
        ("Drive=1", &["Drive", "input_gain", "no knobs"][..]),
        ("mix=200", &["mix", "0 to 100"]),
        ("mix", &["NAME=VALUE"]),
        ("output_gain=loud", &["output_gain", "number"]),
    ] {
        bench.refused(
            &["render", "--model", "gain.onnx", "--param", param, "in.wav", "out.wav"],
            parts,
        );
    }
}

#[test]
fn one_bad_file_of_a_batch_is_named_and_the_others_are_rendered() {
    let bench = Bench::new();
    bench.write("gain.onnx", &File::gain(0.5).bytes());
    bench.wav("a.wav", 48_000, &[noise(100, 1)]);
    bench.write("b.wav", b"not audio");
    bench.wav("c.wav", 48_000, &[noise(100, 2)]);
    let ran = bench.run(&[
        "render",
        "--model",
        "gain.onnx",
        "--out-dir",
        "out",
        "a.wav",
        "b.wav",
        "c.wav",
    ]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("error: b.wav: not a WAV file"), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 of 3 files"), "{}", ran.stderr);
    let mut names: Vec<_> = std::fs::read_dir(bench.path("out"))
        .expect("made")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["a.wav", "c.wav"]);
}

#[test]
fn outputs_of_a_batch_that_would_collide_are_refused_before_anything_is_rendered() {
    let bench = Bench::new();
    bench.write("gain.onnx", &File::gain(0.5).bytes());
    std::fs::create_dir(bench.path("x")).expect("makes");
    bench.wav("a.wav", 48_000, &[noise(100, 1)]);
    bench.wav("x/a.wav", 48_000, &[noise(100, 2)]);
    bench.refused(
        &["render", "--model", "gain.onnx", "--out-dir", "out", "a.wav", "x/a.wav"],
        &["both", "a.wav"],
    );
    bench.refused(
        &["render", "--model", "gain.onnx", "--out-dir", ".", "a.wav"],
        &["a.wav", "input"],
    );
}

#[test]
fn a_third_party_model_with_contradicting_shapes() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let data = std::env::var("TONEGRAFT_TEST_DATA").unwrap_or_else(|_| default.to_owned());
    let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let model = root.join(data).join("onnx/AutoGuitarAmp.onnx");
    if !model.is_file() {
        assert!(
            std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_none_or(|value| value != "1"),
            "third-party data is required, but {} is absent",
            model.display()
        );
        println!("skipped: AutoGuitarAmp.onnx: no third-party data (set TONEGRAFT_TEST_DATA)");
        return;
    }
    let bench = Bench::new();
    bench.wav("in.wav", 48_000, &[noise(100, 1)]);
    let model = model.to_string_lossy();
    bench.refused(
        &["render", "--model", &model, "in.wav", "out.wav"],
        &["AutoGuitarAmp.onnx", "/lstm1/LSTM"],
    );
}
