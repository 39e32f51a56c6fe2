//! What is refused, and that the reason names the node and is the true one. Files are in `references.rs`.

mod support;

use support::Net;
use tonegraft_engine::{CompileError, CompileErrorKind as Kind, LoadError, Model, Options};
use tonegraft_model::op::{AutoPad, Binary, Direction, Op, PadMode, Recurrent, Reduction, Unary, Window};

fn refused(net: Net) -> CompileError {
    match Model::from_graph(net.graph, "net.onnx", &Options::default()) {
        Err(LoadError::Compile { source, .. }) => source,
        other => panic!("not refused: {other:?}"),
    }
}

/// `[1, 1, T]` through one node of one input (and constants), as the only output.
fn one(build: impl FnOnce(&mut Net, tonegraft_model::ValueId) -> tonegraft_model::ValueId) -> Net {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let y = build(&mut net, x);
    net.output(y, "y");
    net
}

fn assert_reason(error: &CompileError, kind: Kind, words: &str, node: Option<&str>) {
    let text = error.to_string();
    assert_eq!(error.kind, kind, "{text}");
    assert!(text.contains(words), "{text}");
    assert_eq!(error.node.as_ref().map(|(_, op)| op.as_str()), node, "{text}");
}

#[test]
fn nodes_that_cannot_run_frame_by_frame() {
    let strided = one(|net, x| {
        let w = net.floats(&[1, 1, 2], vec![1.0; 2]);
        let window = Window {
            kernel: vec![2],
            strides: vec![2],
            dilations: vec![1],
            pads: vec![0, 0],
            auto_pad: AutoPad::NotSet,
        };
        net.node(Op::Conv { window, group: 1 }, &[x, w])
    });
    assert_reason(
        &refused(strided),
        Kind::AudioOutput,
        "`y` is a value every 2 samples",
        None,
    );

    let backwards = one(|net, x| {
        let x = net.node(Op::Transpose { perm: vec![2, 0, 1] }, &[x]);
        let (w, r) = (
            net.floats(&[1, 4, 1], vec![0.1; 4]),
            net.floats(&[1, 4, 1], vec![0.1; 4]),
        );
        let recurrent = Recurrent {
            hidden: 1,
            direction: Direction::Reverse,
            batch_first: false,
            activations: None,
            clip: None,
        };
        net.node(
            Op::Lstm {
                recurrent,
                input_forget: false,
            },
            &[x, w, r],
        )
    });
    assert_reason(&refused(backwards), Kind::NotStreamable, "runs backwards", Some("LSTM"));

    let over_time = one(|net, x| {
        let axes = net.ints(&[2]);
        let op = Op::Reduce {
            reduction: Reduction::Mean,
            keep_dims: true,
            noop_with_empty_axes: false,
        };
        net.node(op, &[x, axes])
    });
    assert_reason(&refused(over_time), Kind::AudioOutput, "`y` is 1 values to show", None);

    let decimated = one(|net, x| {
        let (starts, ends) = (net.ints(&[0]), net.ints(&[i64::MAX]));
        let (axes, steps) = (net.ints(&[2]), net.ints(&[2]));
        net.node(Op::Slice, &[x, starts, ends, axes, steps])
    });
    assert_reason(
        &refused(decimated),
        Kind::AudioOutput,
        "`y` is a value every 2 samples",
        None,
    );

    let mixed = one(|net, x| {
        let w = net.floats(&[8, 8], vec![0.1; 64]);
        net.node(Op::MatMul, &[x, w])
    });
    assert_reason(&refused(mixed), Kind::NotStreamable, "mixes 8 frames", Some("MatMul"));

    let folded = one(|net, x| {
        let shape = net.ints(&[1, -1, 16]);
        net.node(Op::Reshape { allow_zero: false }, &[x, shape])
    });
    assert_reason(
        &refused(folded),
        Kind::AudioOutput,
        "`y` is a value every 16 samples",
        None,
    );

    let unknown = one(|net, x| {
        net.node(
            Op::Unsupported {
                name: "com.example.Magic".into(),
            },
            &[x],
        )
    });
    assert_reason(
        &refused(unknown),
        Kind::Operator,
        "`com.example.Magic`",
        Some("com.example.Magic"),
    );
}

#[test]
fn sizes_beyond_reason_are_refused_before_memory_is_taken() {
    let wide = one(|net, x| {
        let shape = net.ints(&[1, 1 << 20, 1]);
        net.node(Op::Expand, &[x, shape])
    });
    assert_reason(&refused(wide), Kind::Limit, "too many features", Some("Expand"));
    for pads in [
        [0, 0, i64::MAX, 0, 0, 0],
        [0, 0, 0, 0, 0, i64::MAX],
        [0, 0, i64::MIN, 0, 0, 0],
    ] {
        let long = one(|net, x| {
            let pads = net.ints(&pads);
            net.node(
                Op::Pad {
                    mode: PadMode::Constant,
                },
                &[x, pads],
            )
        });
        assert_reason(&refused(long), Kind::Limit, "moves the signal by", Some("Pad"));
    }
    let cropped = one(|net, x| net.slice(x, 2, (1 << 24) + 1, i64::MAX));
    assert_reason(&refused(cropped), Kind::Limit, "moves the signal by", Some("Slice"));
    let far = one(|net, x| {
        let w = net.floats(&[1, 1, 3], vec![1.0; 3]);
        net.conv(x, w, None, 3, usize::MAX / 2, (0, 0), 1)
    });
    assert_reason(&refused(far), Kind::Shape, "taps", Some("Conv"));
    let mut batches = Net::new();
    let x = batches.input("x", &[1 << 40, 1 << 40, 0]);
    let y = batches.node(Op::Unary(Unary::Tanh), &[x]);
    batches.output(y, "y");
    assert_eq!(refused(batches).kind, Kind::Limit);
}

/// A kilobyte each, and gigabytes if every channel were followed.
#[test]
fn channels_that_multiply_are_refused_before_memory_is_taken() {
    // Each joins the signal with itself: a quarter of a million million channels in a kilobyte.
    let doubled = one(|net, x| (0..48).fold(x, |x, _| net.node(Op::Concat { axis: 1 }, &[x, x])));
    assert_reason(&refused(doubled), Kind::Limit, "too many features", Some("Concat"));
    // Few channels each, put elsewhere again and again.
    let wide = one(|net, x| {
        let shape = net.ints(&[1, 1 << 16, 1]);
        let mut y = net.node(Op::Expand, &[x, shape]);
        let turned = net.ints(&(0..1 << 16).rev().collect::<Vec<i64>>());
        for _ in 0..300 {
            y = net.node(Op::Gather { axis: 1 }, &[y, turned]);
        }
        y
    });
    assert_reason(&refused(wide), Kind::Limit, "features together", None);
}

#[test]
fn every_frame_with_every_other_is_no_stream() {
    let crossed = one(|net, x| {
        let rows = net.node(Op::Transpose { perm: vec![2, 0, 1] }, &[x]);
        let columns = net.node(Op::Transpose { perm: vec![0, 2, 1] }, &[x]);
        net.node(Op::Binary(Binary::Add), &[rows, columns])
    });
    assert_reason(
        &refused(crossed),
        Kind::NotStreamable,
        "every frame with every other",
        Some("Add"),
    );
}

#[test]
fn inputs_and_outputs_that_are_no_audio() {
    let mut none = Net::new();
    let x = none.input("knob", &[1]);
    let y = none.node(Op::Unary(Unary::Tanh), &[x]);
    none.output(y, "y");
    assert!(matches!(refused(none).kind, Kind::AudioInput | Kind::AudioOutput));

    let mut two = Net::new();
    let x = two.input("x", &[1, 1, 0]);
    let (a, b) = (
        two.node(Op::Unary(Unary::Tanh), &[x]),
        two.node(Op::Unary(Unary::Relu), &[x]),
    );
    two.output(a, "dry");
    two.output(b, "wet");
    let both = Net {
        graph: two.graph.clone(),
    };
    assert_reason(
        &refused(both),
        Kind::AudioOutput,
        "two audio outputs, `dry` and `wet`",
        None,
    );
    let mut named = two;
    named.graph.metadata.audio_output = Some("wet".into());
    let second = Model::from_graph(named.graph, "net.onnx", &Options::default()).expect("plays");
    assert_eq!(
        (second.info().outputs[0].role, second.info().outputs[1].role),
        ("meter", "audio")
    );

    let mut inputs = Net::new();
    let (a, b) = (inputs.input("left", &[1, 1, 0]), inputs.input("right", &[1, 1, 0]));
    let y = inputs.node(Op::Binary(Binary::Add), &[a, b]);
    inputs.output(y, "y");
    assert_reason(
        &refused(inputs),
        Kind::AudioInput,
        "could both be the audio input",
        None,
    );

    let mut tail = Net::new();
    let x = tail.input("x", &[1, 1, 0]);
    let y = tail.node(Op::Unary(Unary::Tanh), &[x]);
    let last = tail.slice(x, 2, -4, i64::MAX);
    tail.output(y, "y");
    tail.output(last, "last");
    assert!(Model::from_graph(tail.graph, "net.onnx", &Options::default()).is_ok());
}

#[test]
fn a_block_that_is_no_row_of_samples_is_no_audio() {
    let mut net = Net::new();
    let x = net.input("x", &[1, 12]);
    let w = net.floats(&[12, 12], vec![0.1; 144]);
    let y = net.node(Op::MatMul, &[x, w]);
    let shape = net.ints(&[1, 6, 2]);
    let y = net.node(Op::Reshape { allow_zero: false }, &[y, shape]);
    net.output(y, "pairs");
    assert_reason(&refused(net), Kind::NotStreamable, "mixes 12 frames", Some("MatMul"));
}

#[test]
fn windows_of_padding_and_patterns_without_bounds() {
    let window = |kernel: &[usize], pads: &[i64]| Window {
        kernel: kernel.to_vec(),
        strides: vec![1; kernel.len()],
        dilations: vec![1; kernel.len()],
        pads: pads.to_vec(),
        auto_pad: AutoPad::NotSet,
    };
    // 2^24 frames of padding for each of 4096 channels.
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let w = net.floats(&[4_096, 1, 1], vec![0.5; 4_096]);
    let wide = net.conv(x, w, None, 1, 1, (0, 0), 1);
    let window_of_time = window(&[3], &[1 << 24, 0]);
    let y = net.node(
        Op::MaxPool {
            window: window_of_time,
            ceil_mode: false,
        },
        &[wide],
    );
    net.output(y, "y");
    assert_reason(&refused(net), Kind::Limit, "values are too many", Some("MaxPool"));
    // 2^24 taps of which four meet the features, at as many places.
    let padded = one(|net, x| {
        let shape = net.ints(&[1, 1, -1, 1]);
        let y = net.node(Op::Reshape { allow_zero: false }, &[x, shape]);
        let many = net.ints(&[1, 1, 1, 4]);
        let y = net.node(Op::Tile, &[y, many]);
        let window = window(&[1, 1 << 16], &[0, (1 << 16) - 1, 0, (1 << 15) - 1]);
        let pool = Op::AveragePool {
            window,
            ceil_mode: false,
            count_include_pad: true,
        };
        net.node(pool, &[y])
    });
    assert_reason(
        &refused(padded),
        Kind::Limit,
        "values are too many",
        Some("AveragePool"),
    );
}
