//! Loading and instances: layouts, knobs, start states, facts, limits.

mod support;

use support::{Cuts, Net, assert_same, bits, config, floats_of, instance, model, noise_vec, offline, stream};
use tonegraft_core::Fault;
use tonegraft_engine::plan::Budget;
use tonegraft_engine::{CompileErrorKind, InstallError, Isa, LoadError, Model, Options, StartState};
use tonegraft_model::op::{Binary, Direction, Op, Recurrent, Unary};
use tonegraft_model::{Dim, Graph, PhaseInput, PhaseRate, Tensor};

/// `tanh(conv(x))`, "same" padding of 2 and 2: a look-ahead of 2 frames.
fn look_ahead() -> Graph {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let w = net.floats(&[1, 1, 5], vec![0.5, -0.25, 1.0, 0.125, 0.75]);
    let b = net.floats(&[1], vec![0.5]);
    let y = net.conv(x, w, Some(b), 5, 1, (2, 2), 1);
    let y = net.node(Op::Unary(Unary::Tanh), &[y]);
    net.output(y, "y");
    net.graph
}

/// `channels` in and out, mixed; `gain` as a knob.
fn mixer(inputs: usize, outputs: usize) -> Graph {
    let mut net = Net::new();
    let x = net.input("audio", &[1, inputs, 0]);
    let gain = net.input("gain", &[1]);
    let w = net.floats(&[outputs, inputs, 1], noise_vec(9, inputs * outputs));
    let y = net.conv(x, w, None, 1, 1, (0, 0), 1);
    let y = net.node(Op::Binary(Binary::Mul), &[y, gain]);
    net.output(y, "out");
    net.graph
}

#[test]
fn of_contradicting_bounds_the_upper_one_counts() {
    for (low, high) in [(2.0, -0.1), (-0.1, 0.2), (0.3, 0.3)] {
        let mut net = Net::new();
        let x = net.input("x", &[1, 1, 0]);
        let bounds = [low, high].map(|bound| net.floats(&[], vec![bound]));
        let y = net.node(Op::Clip, &[x, bounds[0], bounds[1]]);
        net.output(y, "y");
        let x = noise_vec(3, 100);
        let given = Tensor::f32(vec![1, 1, x.len()], x.clone()).expect("sizes agree");
        let whole = floats_of(&offline(
            &net.graph,
            &[("x".to_owned(), given)].into_iter().collect(),
            "y",
        ));
        let mut processor = instance(&model(&net.graph), StartState::Zero);
        let played = stream(processor.as_mut(), &[x], Cuts::Random(1), &[]);
        assert_eq!(bits(&played), bits(&[whole]), "{low} to {high}");
    }
}

#[test]
fn layouts_are_what_was_asked_for() {
    let input = [noise_vec(1, 100), noise_vec(2, 100)];
    let mono = model(&look_ahead());
    let mut single = instance(&mono, StartState::Zero);
    let left = stream(single.as_mut(), &input[..1], Cuts::Fixed(100), &[]);
    single.reset();
    let right = stream(single.as_mut(), &input[1..], Cuts::Fixed(100), &[]);

    let mut dual = mono.instantiate(&config(2, 2, StartState::Zero)).expect("dual mono");
    let both = stream(dual.as_mut(), &input, Cuts::Random(4), &[]);
    assert_eq!(bits(&both), bits(&[left[0].clone(), right[0].clone()]));
    let mut copied = mono.instantiate(&config(1, 2, StartState::Zero)).expect("copied");
    let both = stream(copied.as_mut(), &input[..1], Cuts::Random(4), &[]);
    assert_eq!(bits(&both), bits(&[left[0].clone(), left[0].clone()]));
    assert_eq!((copied.facts().inputs, copied.facts().outputs), (1, 2));

    let stereo = model(&mixer(2, 2));
    assert_eq!(stereo.channels(), (2, 2));
    let native = stream(
        instance(&stereo, StartState::Zero).as_mut(),
        &[input[0].clone(), input[0].clone()],
        Cuts::Fixed(64),
        &[],
    );
    let mut folded = stereo.instantiate(&config(1, 1, StartState::Zero)).expect("folded");
    let mean = stream(folded.as_mut(), &input[..1], Cuts::Random(8), &[]);
    for (frame, y) in mean[0].iter().enumerate() {
        assert!((y - 0.5 * (native[0][frame] + native[1][frame])).abs() < 1e-6);
    }

    let refused = stereo.instantiate(&config(3, 2, StartState::Zero)).err();
    assert!(
        matches!(refused, Some(InstallError::Layout { inputs: 3, .. })),
        "{refused:?}"
    );
    assert!(mono.instantiate(&config(0, 1, StartState::Zero)).is_err());
}

#[test]
fn a_block_of_another_shape_is_silenced() {
    let mut processor = instance(&model(&look_ahead()), StartState::Zero);
    let (x, mut y) = ([0.5f32; 8], [1.0f32; 7]);
    assert_eq!(processor.process(&[&x], &mut [&mut y]), Fault::BadBlock);
    assert_eq!(y, [0.0; 7]);
}

#[test]
fn silence_is_as_if_it_had_been_silent_for_ever() {
    let model = model(&look_ahead());
    assert_eq!(model.info().latency_samples, 2);
    assert_eq!(model.info().latency_parts.look_ahead, 2);
    assert_eq!(model.info().receptive_field, 5);
    let silence = [vec![0.0; 40]];
    let rest = 0.5f32.tanh();
    let from_silence = stream(
        instance(&model, StartState::Silence).as_mut(),
        &silence,
        Cuts::Fixed(9),
        &[],
    );
    assert!(
        from_silence[0].iter().all(|y| (y - rest).abs() < 1e-6),
        "settled from the first frame"
    );
    // From zeros the frames before the first result are silent, and the rest is what the file's own runtime says.
    let from_zero = stream(
        instance(&model, StartState::Zero).as_mut(),
        &silence,
        Cuts::Fixed(9),
        &[],
    );
    assert_eq!(from_zero[0][..2], [0.0, 0.0]);
    assert!(from_zero[0][2..].iter().all(|y| (y - rest).abs() < 1e-6));
}

#[test]
fn instances_that_settle_are_alike_whoever_came_first() {
    let folder = support::data::models().join("fixtures");
    let load = || Model::from_file(&folder.join("lstm.onnx"), &Options::default()).expect("loads");
    let noise = [noise_vec(5, 500)];
    let play = |model: &Model, isa| {
        let mut config = support::at_own_rate(model, config(1, 1, StartState::Silence));
        config.isa = Some(isa);
        let mut processor = model.instantiate(&config).expect("fits");
        let first = stream(processor.as_mut(), &noise, Cuts::Fixed(33), &[]);
        processor.reset();
        let again = stream(processor.as_mut(), &noise, Cuts::Fixed(64), &[]);
        assert!(bits(&first) == bits(&again), "{isa:?}");
        first
    };
    let shared = load();
    for isa in [Isa::detect(), Isa::Scalar, Isa::detect(), Isa::Scalar] {
        assert!(bits(&play(&shared, isa)) == bits(&play(&load(), isa)), "{isa:?}");
    }
}

#[test]
fn an_impulse_comes_late_by_what_is_reported() {
    // The largest tap looks at the present frame: the impulse's peak shows the latency.
    for (before, after) in [(0i64, 6i64), (3, 3), (6, 0), (1, 5)] {
        let mut net = Net::new();
        let x = net.input("x", &[1, 1, 0]);
        let mut taps = vec![0.01; 7];
        taps[usize::try_from(before).expect("small")] = 1.0;
        let w = net.floats(&[1, 1, 7], taps);
        let y = net.conv(x, w, None, 7, 1, (before, after), 1);
        net.output(y, "y");
        let model = model(&net.graph);
        let mut input = vec![0.0; 64];
        input[10] = 1.0;
        let y = stream(
            instance(&model, StartState::Silence).as_mut(),
            &[input],
            Cuts::Fixed(5),
            &[],
        );
        let peak = y[0]
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .map(|(at, _)| at);
        assert_eq!(peak, Some(10 + model.info().latency_samples as usize));
        assert_eq!(u32::try_from(after), Ok(model.info().latency_samples));
    }
}

#[test]
fn knobs_are_inferred_clamped_and_kept_through_reset() {
    let model = model(&mixer(1, 1));
    let knob = &model.knobs()[0];
    assert_eq!(
        (
            knob.name.as_str(),
            knob.input.as_str(),
            knob.min,
            knob.max,
            knob.default
        ),
        ("gain", "gain", 0.0, 1.0, 0.5)
    );
    assert!(model.info().inferred.values().any(|value| value.starts_with("gain: ")));
    let mut processor = instance(&model, StartState::Zero);
    let input = [vec![1.0; 4]];
    let mut play = |value: Option<f32>| {
        if let Some(value) = value {
            processor.set_knob(0, value);
        }
        processor.reset();
        stream(processor.as_mut(), &input, Cuts::Fixed(4), &[])[0][3]
    };
    let at_default = play(None);
    assert_eq!(play(Some(0.25)), at_default * 0.5);
    assert_eq!(play(Some(f32::NAN)), at_default * 0.5, "not a number is no value");
    assert_eq!(play(Some(7.0)), at_default * 2.0, "clamped to 1");
    assert_eq!(play(None), at_default * 2.0, "kept");
}

#[test]
fn every_instruction_set_agrees_within_rounding() {
    let model = model(&look_ahead());
    let input = [noise_vec(3, 500)];
    let widest = stream(
        instance(&model, StartState::Zero).as_mut(),
        &input,
        Cuts::Fixed(64),
        &[],
    );
    for isa in Isa::available() {
        let config = tonegraft_engine::InstanceConfig {
            isa: Some(isa),
            ..config(1, 1, StartState::Zero)
        };
        let mut processor = model.instantiate(&config).expect("fits");
        let y = stream(processor.as_mut(), &input, Cuts::Random(1), &[]);
        for (a, b) in y[0].iter().zip(&widest[0]) {
            assert!((a - b).abs() < 2e-6, "{isa}: {a} {b}");
        }
    }
}

#[test]
fn what_costs_too_much_is_refused_with_the_figure() {
    let mut options = Options::default();
    options.budget = Budget {
        macs: 4,
        ..Budget::default()
    };
    let refused = Model::from_graph(look_ahead(), "net.onnx", &options).expect_err("5 multiply-adds");
    let error = refused.compile_error().expect("compiled");
    assert_eq!(error.kind, CompileErrorKind::Limit);
    assert!(
        refused.to_string().contains("5 multiply-adds") && refused.to_string().contains("the limit is 4"),
        "{refused}"
    );
    options.budget = Budget {
        bytes: 1000,
        ..Budget::default()
    };
    let refused = Model::from_graph(look_ahead(), "net.onnx", &options).expect_err("more than 1000 bytes");
    assert_eq!(
        refused.compile_error().map(|error| error.kind),
        Some(CompileErrorKind::Limit)
    );
}

#[test]
fn the_plan_is_readable_and_always_the_same() {
    let text = model(&look_ahead()).plan_text();
    assert_eq!(text, model(&look_ahead()).plan_text());
    assert_eq!(
        text.lines().skip(1).collect::<Vec<_>>(),
        [
            "input a0×1 ← channel 0",
            "every block:",
            "  a64×1 ← conv 1→1, 5 taps · 1, bias, zeros before tick 0, Tanh of a0×1  `Conv#0`",
            "  a64×1 ← zeros before tick 2 of a64×1  `output`",
            "output a64×1",
        ]
    );
}

#[test]
fn inspect_json_has_the_contracted_keys() {
    let json = serde_json::to_value(model(&mixer(1, 1)).info()).expect("serialises");
    for key in [
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
        "operators",
        "inputs",
        "outputs",
        "knobs",
        "declared",
        "inferred",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["inputs"][0]["role"], "audio");
    assert_eq!(json["inputs"][1]["role"], "knob");
    assert_eq!(json["runtime"], "native");
}

#[test]
fn files_that_are_none_are_sentences() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let missing = Model::from_file(&folder.join("no such file.onnx"), &Options::default()).expect_err("missing");
    assert!(missing.to_string().contains("there is no such file"), "{missing}");
    let directory = Model::from_file(folder, &Options::default()).expect_err("a folder");
    assert!(directory.to_string().contains("this is a folder"), "{directory}");
    let mut options = Options::default();
    options.limits = options.limits.with_max_bytes(10);
    let large = Model::from_file(&folder.join("Cargo.toml"), &options).expect_err("too large");
    assert!(large.to_string().contains("the limit is 10"), "{large}");
    let no_model = Model::from_file(&folder.join("Cargo.toml"), &Options::default()).expect_err("not ONNX");
    assert!(matches!(no_model, LoadError::Read(_)), "{no_model}");
}

/// `[48, 1, 1]` through an LSTM of 12 units whose states come from outside, as exporters of single blocks write it: three inputs
/// with fixed sizes, of which none is the longest by its name.
#[test]
fn a_fixed_block_with_time_first_is_told_from_its_states() {
    const FRAMES: usize = 48;
    const UNITS: usize = 12;
    let mut net = Net::new();
    let h = net.input("h", &[1, 1, UNITS]);
    let x = net.input("x", &[FRAMES, 1, 1]);
    let c = net.input("c", &[1, 1, UNITS]);
    let w = net.floats(&[1, 4 * UNITS, 1], noise_vec(3, 4 * UNITS));
    let r = net.floats(
        &[1, 4 * UNITS, UNITS],
        noise_vec(4, 4 * UNITS * UNITS).iter().map(|w| 0.3 * w).collect(),
    );
    let recurrent = Recurrent {
        hidden: UNITS,
        direction: Direction::Forward,
        batch_first: false,
        activations: None,
        clip: None,
    };
    let op = Op::Lstm {
        recurrent,
        input_forget: false,
    };
    let layer = net.nodes(op, &[Some(x), Some(w), Some(r), None, None, Some(h), Some(c)], 3);
    let axes = net.ints(&[1, 2]);
    let y = net.node(Op::Squeeze, &[layer[0], axes]);
    let out = net.floats(&[UNITS, 1], noise_vec(5, UNITS));
    let y = net.node(Op::MatMul, &[y, out]);
    let shapes: [(_, _, &[usize]); 3] = [
        (y, "y", &[FRAMES, 1]),
        (layer[1], "h'", &[1, 1, UNITS]),
        (layer[2], "c'", &[1, 1, UNITS]),
    ];
    for (id, name, shape) in shapes {
        net.output(id, name);
        net.graph.values[id.index()].shape = shape.iter().map(|size| Dim::Known(*size)).collect();
    }
    let compiled = model(&net.graph);
    let audio = noise_vec(6, FRAMES);
    let streamed = stream(
        instance(&compiled, StartState::Zero).as_mut(),
        std::slice::from_ref(&audio),
        Cuts::Random(1),
        &[],
    );
    let zeros = || Tensor::f32(vec![1, 1, UNITS], vec![0.0; UNITS]).expect("sizes agree");
    let inputs = [
        (
            "x".to_owned(),
            Tensor::f32(vec![FRAMES, 1, 1], audio).expect("sizes agree"),
        ),
        ("h".to_owned(), zeros()),
        ("c".to_owned(), zeros()),
    ];
    let whole = floats_of(&offline(&net.graph, &inputs.into_iter().collect(), "y"));
    let compared = assert_same(&streamed[0], &whole, FRAMES, 0, 1e-5, "time first");
    assert_eq!(compared, FRAMES);
}

/// The audio and an oscillator's phase on top.
fn oscillator() -> Graph {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let phase = net.input("phase", &[1, 1, 0]);
    let y = net.node(Op::Binary(Binary::Add), &[x, phase]);
    net.output(y, "y");
    net.graph.metadata.phase_input = Some(PhaseInput {
        input: "phase".into(),
        rate: PhaseRate::Hz(10.0),
        stereo_offset: 0.0,
    });
    net.graph
}

#[test]
fn oscillators_follow_the_transport() {
    let silence = [vec![0.0; 9_000]];
    let model = model(&oscillator());
    for start in [StartState::Zero, StartState::Silence] {
        let mut processor = instance(&model, start);
        let from_zero = stream(processor.as_mut(), &silence, Cuts::Fixed(512), &[]);
        for frame in [0_usize, 1, 777, 4_800] {
            for cuts in [Cuts::Fixed(1), Cuts::Fixed(64), Cuts::Random(5)] {
                processor.reset();
                processor.seek(i64::try_from(frame).expect("small"));
                let there = stream(processor.as_mut(), &[vec![0.0; 2_000]], cuts, &[]);
                assert_eq!(bits(&there), bits(&[from_zero[0][frame..frame + 2_000].to_vec()]));
            }
        }
        // While it plays, the phase glides there.
        processor.reset();
        stream(processor.as_mut(), &[vec![0.0; 100]], Cuts::Fixed(64), &[]);
        processor.seek(5_000);
        let gliding = stream(processor.as_mut(), &[vec![0.0; 3_000]], Cuts::Random(6), &[]);
        let turned = |pair: &[f32]| (pair[1] - pair[0] + 0.5).rem_euclid(1.0) - 0.5;
        let largest = gliding[0].windows(2).map(|pair| turned(pair).abs()).fold(0.0, f32::max);
        assert!(largest < 0.001, "a step of {largest} of a turn");
        assert_eq!(
            bits(&[gliding[0][1_024..].to_vec()]),
            bits(&[from_zero[0][6_024..8_000].to_vec()])
        );
        processor.reset();
        let again = stream(processor.as_mut(), &[vec![0.0; 100]], Cuts::Fixed(64), &[]);
        assert_eq!(
            bits(&again),
            bits(&[from_zero[0][..100].to_vec()]),
            "reset forgets the transport"
        );
    }
}
