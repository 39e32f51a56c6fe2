//! Outputs that are fed back to inputs.

mod support;

use support::{Cuts, Net, assert_same, bits, config, floats_of, instance, model, noise_vec, offline, stream};
use tonegraft_engine::{LoadError, Model, Options, Oversampling, StartState};
use tonegraft_model::op::{Binary, Op, Unary};
use tonegraft_model::{Feedback, Graph, PhaseInput, PhaseRate, Tensor, ValueId};

const FRAMES: usize = 700;

fn fed_back(graph: &mut Graph, input: &str, output: &str, delay: usize) {
    graph.metadata.feedback.push(Feedback {
        input: input.into(),
        output: output.into(),
        delay,
    });
    graph.metadata.audio_input = Some("x".into());
    graph.metadata.audio_output = Some("y".into());
}

/// `y[n] = x[n] + gain · y[n − delay]`.
fn comb(delay: usize, gain: f32) -> Graph {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let back = net.input("back", &[1, 1, 0]);
    let gain = net.floats(&[1], vec![gain]);
    let held = net.node(Op::Binary(Binary::Mul), &[back, gain]);
    let y = net.node(Op::Binary(Binary::Add), &[x, held]);
    net.output(y, "y");
    fed_back(&mut net.graph, "back", "y", delay);
    net.graph
}

/// `tanh(conv(x + back))` over `channels`, with taps around the frame; the mean is heard.
fn network(channels: usize, taps: usize, pads: (i64, i64), delay: usize) -> Graph {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let back = net.input("back", &[1, channels, 0]);
    let sum = net.node(Op::Binary(Binary::Add), &[x, back]);
    let weights = noise_vec(3, channels * channels * taps)
        .iter()
        .map(|w| 0.3 * w)
        .collect();
    let w = net.floats(&[channels, channels, taps], weights);
    // What stands before the beginning is not silent, unless it is told to be.
    let b = net.floats(&[channels], vec![0.25; channels]);
    let y = net.conv(sum, w, Some(b), taps, 1, pads, 1);
    let send = net.node(Op::Unary(Unary::Tanh), &[y]);
    net.output(send, "send");
    let w = net.floats(&[1, channels, 1], vec![1.0; channels]);
    let y = net.conv(send, w, None, 1, 1, (0, 0), 1);
    net.output(y, "y");
    fed_back(&mut net.graph, "back", "send", delay);
    net.graph
}

fn whole(graph: &Graph, x: &[f32]) -> Vec<f32> {
    let x = Tensor::f32(vec![1, 1, x.len()], x.to_vec()).expect("sizes agree");
    floats_of(&offline(graph, &[("x".to_owned(), x)].into_iter().collect(), "y"))
}

const CUTS: [Cuts; 6] = [
    Cuts::Fixed(1),
    Cuts::Fixed(7),
    Cuts::Fixed(64),
    Cuts::Fixed(512),
    Cuts::Random(1),
    Cuts::Random(2),
];

/// Streams at all cuts: the same bits, after `reset` too.
fn streamed(model: &Model, x: &[f32], knobs: &[(usize, usize, f32)]) -> Vec<f32> {
    let mut processor = instance(model, StartState::Zero);
    let first = stream(processor.as_mut(), &[x.to_vec()], Cuts::Fixed(64), knobs);
    for cuts in CUTS {
        processor = instance(model, StartState::Zero);
        for _ in 0..2 {
            let again = stream(processor.as_mut(), &[x.to_vec()], cuts, knobs);
            assert_eq!(bits(&again), bits(&first), "{cuts:?}");
            for (knob, info) in model.info().knobs.iter().enumerate() {
                processor.set_knob(knob, info.default);
            }
            processor.reset();
        }
    }
    first[0].clone()
}

#[test]
fn a_recursion_is_the_loop_of_its_formula() {
    let x = noise_vec(1, FRAMES);
    for delay in [1, 2, 5, 31, 32, 63, 64, 65, 100, 600, 65_536] {
        let y = streamed(&model(&comb(delay, -0.9)), &x, &[]);
        let mut expected = x.clone();
        for n in delay..FRAMES {
            expected[n] += -0.9 * expected[n - delay];
        }
        assert_same(&y, &expected, FRAMES, 0, 1e-6, &format!("delay {delay}"));
    }
}

#[test]
fn networks_in_a_loop_stream_as_the_whole_signal() {
    let x = noise_vec(2, 300);
    for (channels, taps, pads, delay, latency) in [
        (1, 1, (0, 0), 1, 0),
        (3, 4, (3, 0), 1, 0),
        (8, 3, (2, 0), 17, 0),
        (2, 9, (8, 0), 100, 0),
        // Two frames of look-ahead: the memory is shorter by as much.
        (2, 5, (2, 2), 3, 2),
        (4, 5, (2, 2), 40, 2),
    ] {
        let graph = network(channels, taps, pads, delay);
        let what = format!("{channels} channels, {taps} taps, pads {pads:?}, delay {delay}");
        let played = model(&graph);
        assert_eq!(played.info().latency_samples, latency, "{what}");
        let y = streamed(&played, &x, &[]);
        // The end, which the stream does not know, is left out.
        let mut longer = x.clone();
        longer.extend([0.0; 8]);
        let compared = assert_same(&y, &whole(&graph, &longer), longer.len(), latency as usize, 1e-5, &what);
        assert!(compared >= 290, "{what}");
    }
}

#[test]
fn a_loop_that_would_need_the_future_is_refused() {
    let refusal = |graph: &Graph| match Model::from_graph(graph.clone(), "net.onnx", &Options::default()) {
        Err(LoadError::Compile { source, .. }) => source.to_string(),
        other => panic!("{other:?}"),
    };
    let error = refusal(&network(2, 5, (2, 2), 2));
    assert!(
        error.contains("looks 2 frames ahead") && error.contains("after 2"),
        "{error}"
    );
    // Fewer frames than the audio has: what is fed back would have no place.
    let error = refusal(&network(2, 5, (0, 0), 9));
    assert!(error.contains("`send`"), "{error}");
}

/// Two loops through one another, a knob in one, an oscillator in the other.
fn crossed() -> Graph {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let a = net.input("a", &[1, 1, 0]);
    let b = net.input("b", &[1, 1, 0]);
    let gain = net.input("gain", &[1]);
    let phase = net.input("phase", &[1, 1, 0]);
    let left = net.node(Op::Binary(Binary::Mul), &[b, gain]);
    let left = net.node(Op::Binary(Binary::Add), &[x, left]);
    net.output(left, "left");
    let right = net.node(Op::Binary(Binary::Mul), &[a, phase]);
    let right = net.node(Op::Binary(Binary::Sub), &[x, right]);
    net.output(right, "right");
    let y = net.node(Op::Binary(Binary::Add), &[left, right]);
    net.output(y, "y");
    fed_back(&mut net.graph, "a", "left", 3);
    fed_back(&mut net.graph, "b", "right", 50);
    net.graph.metadata.phase_input = Some(PhaseInput {
        input: "phase".into(),
        rate: PhaseRate::Hz(97.0),
        stereo_offset: 0.0,
    });
    net.graph
}

#[test]
fn knobs_and_oscillators_reach_into_loops() {
    let x = noise_vec(4, FRAMES);
    let played = model(&crossed());
    let knobs = [(0, 0, 0.9), (96, 0, 0.1), (320, 0, 0.7)];
    let y = streamed(&played, &x, &knobs);
    let (mut left, mut right) = (vec![0.0f32; FRAMES], vec![0.0f32; FRAMES]);
    for n in 0..FRAMES {
        let gain = if n < 96 {
            0.9
        } else if n < 320 {
            0.1
        } else {
            0.7
        };
        let phase = (n as f64 * 97.0 / 48_000.0).fract() as f32;
        left[n] = x[n] + n.checked_sub(50).map_or(0.0, |at| right[at]) * gain;
        right[n] = x[n] - n.checked_sub(3).map_or(0.0, |at| left[at]) * phase;
    }
    let expected: Vec<f32> = left.iter().zip(&right).map(|(l, r)| l + r).collect();
    assert_same(&y, &expected, FRAMES, 0, 1e-5, "crossed loops");
}

#[test]
fn loops_run_in_every_layout_and_oversampled() {
    let x = [noise_vec(5, FRAMES), noise_vec(6, FRAMES)];
    let played = model(&comb(7, 0.8));
    let alone = |x: &[f32]| {
        stream(
            instance(&played, StartState::Zero).as_mut(),
            &[x.to_vec()],
            Cuts::Fixed(33),
            &[],
        )
    };
    let mut both = played
        .instantiate(&config(2, 2, StartState::Silence))
        .expect("dual mono");
    let y = stream(both.as_mut(), &x, Cuts::Random(3), &[]);
    assert_eq!(bits(&y), bits(&[alone(&x[0])[0].clone(), alone(&x[1])[0].clone()]));
    for oversampling in [Oversampling::X2, Oversampling::X4] {
        let mut config = config(1, 1, StartState::Zero);
        config.oversampling = oversampling;
        let run = |cuts| {
            let mut processor = played.instantiate(&config).expect("oversampled");
            stream(processor.as_mut(), &x[..1], cuts, &[])
        };
        let first = run(Cuts::Fixed(64));
        assert_eq!(bits(&first), bits(&run(Cuts::Random(8))), "{oversampling:?}");
        assert!(first[0].iter().any(|y| y.abs() > 0.1));
    }
}

#[test]
fn short_loops_do_not_cut_the_rest_into_samples() {
    use tonegraft_engine::plan::{Budget, Plan, StepOp};
    let plan = |graph: &Graph| {
        let stream = tonegraft_engine::stream::compile(graph, &std::collections::BTreeMap::new()).expect("streams");
        Plan::new(&stream, &Budget::default()).expect("within the budget")
    };
    let circuits = |plan: &Plan| {
        plan.steps
            .iter()
            .filter(|step| matches!(step.op, StepOp::Circuit(_)))
            .count()
    };
    for delay in [1, 2, 63] {
        let plan = plan(&comb(delay, 0.5));
        assert_eq!((circuits(&plan), plan.time.block), (1, 64), "{plan}");
    }
    // Long loops stay as they are, and so do those with layers.
    for (graph, block) in [
        (comb(64, 0.5), 64),
        (comb(100, 0.5), 64),
        (network(2, 3, (2, 0), 17), 17),
        (network(2, 3, (2, 0), 1), 1),
    ] {
        let plan = plan(&graph);
        assert_eq!((circuits(&plan), plan.time.block), (0, block), "{plan}");
    }
    // Of two that lie in one another, the short one alone is not a loop of its own.
    let crossed = plan(&crossed());
    assert_eq!((circuits(&crossed), crossed.time.block), (1, 64), "{crossed}");
}

/// `signal` one frame later.
fn one_later(net: &mut Net, signal: ValueId) -> ValueId {
    let zero = net.floats(&[1], vec![0.0]);
    let pads = net.ints(&[0, 0, 1, 0, 0, 0]);
    let mode = tonegraft_model::op::PadMode::Constant;
    let padded = net.nodes(Op::Pad { mode }, &[Some(signal), Some(pads), Some(zero)], 1)[0];
    net.slice(padded, 2, 0, -1)
}

/// `y[n] = x[n] · c + y[n − 1] · (x[n] > 0 ? 0.5 : y[n − 2])`, and the magnitude of its exponential, by way of a delay in the loop.
fn conditions() -> Graph {
    let mut net = Net::new();
    let x = net.input("x", &[1, 1, 0]);
    let back = net.input("back", &[1, 1, 0]);
    let zero = net.floats(&[1], vec![0.0]);
    let half = net.floats(&[1], vec![0.5]);
    let older = one_later(&mut net, back);
    let condition = net.node(Op::Binary(Binary::Greater), &[x, zero]);
    let factor = net.node(Op::Where, &[condition, half, older]);
    let product = net.node(Op::Binary(Binary::Mul), &[back, factor]);
    let scaled = net.node(Op::Binary(Binary::Mul), &[x, half]);
    let y = net.node(Op::Binary(Binary::Add), &[scaled, product]);
    net.output(y, "send");
    let y = net.node(Op::Unary(Unary::Exp), &[y]);
    net.output(y, "y");
    fed_back(&mut net.graph, "back", "send", 1);
    net.graph
}

#[test]
fn conditions_and_delays_run_in_a_circuit() {
    let x = noise_vec(7, FRAMES);
    let y = streamed(&model(&conditions()), &x, &[]);
    let mut send = vec![0.0f32; FRAMES];
    for n in 0..FRAMES {
        let back = |k: usize| n.checked_sub(k).map_or(0.0, |at| send[at]);
        let factor = if x[n] > 0.0 { 0.5 } else { back(2) };
        send[n] = x[n] * 0.5 + back(1) * factor;
    }
    let expected: Vec<f32> = send.iter().map(|y| y.exp()).collect();
    assert_same(&y, &expected, FRAMES, 0, 1e-6, "conditions");
}

/// Channel `heard` of `s = sum < 0.2 ? √|older| · g : sum`, `sum = x + g · back`, with a channel for each gain; `back` is `s` after `delay`
/// frames, `older` one more.
fn side_by_side(gains: &[f32], delay: usize, heard: i64) -> Graph {
    let mut net = Net::new();
    let count = gains.len();
    let x = net.input("x", &[1, 1, 0]);
    let back = net.input("back", &[1, count, 0]);
    let gain = net.floats(&[1, count, 1], gains.to_vec());
    let edge = net.floats(&[1], vec![0.2]);
    let older = one_later(&mut net, back);
    let size = net.node(Op::Unary(Unary::Abs), &[older]);
    let root = net.node(Op::Unary(Unary::Sqrt), &[size]);
    let root = net.node(Op::Binary(Binary::Mul), &[root, gain]);
    let held = net.node(Op::Binary(Binary::Mul), &[gain, back]);
    let sum = net.node(Op::Binary(Binary::Add), &[x, held]);
    let condition = net.node(Op::Binary(Binary::Less), &[sum, edge]);
    let send = net.node(Op::Where, &[condition, root, sum]);
    net.output(send, "send");
    let y = net.slice(send, 1, heard, heard + 1);
    net.output(y, "y");
    fed_back(&mut net.graph, "back", "send", delay);
    net.graph
}

#[test]
fn channels_of_a_loop_are_what_each_is_alone() {
    let x = noise_vec(11, FRAMES);
    for count in [1, 2, 3, 4, 5, 16, 17, 60] {
        let gains: Vec<f32> = noise_vec(12, count).iter().map(|g| 0.6 * g).collect();
        for delay in [1, 2] {
            for heard in [0, count / 2, count - 1] {
                let played = model(&side_by_side(&gains, delay, heard as i64));
                let y = streamed(&played, &x, &[]);
                let alone = streamed(&model(&side_by_side(&gains[heard..=heard], delay, 0)), &x, &[]);
                assert_eq!(bits(&[y]), bits(&[alone]), "channel {heard} of {count}, delay {delay}");
            }
        }
    }
    let gain = -0.4f32;
    let y = streamed(&model(&side_by_side(&[0.1, 0.2, 0.3, 0.5, gain], 1, 4)), &x, &[]);
    let mut expected = vec![0.0f32; FRAMES];
    for n in 0..FRAMES {
        let back = |k: usize| n.checked_sub(k).map_or(0.0, |at| expected[at]);
        let sum = x[n] + gain * back(1);
        expected[n] = if sum < 0.2 { back(2).abs().sqrt() * gain } else { sum };
    }
    assert_same(&y, &expected, FRAMES, 0, 1e-6, "side by side");
}
