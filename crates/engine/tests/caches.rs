//! Models that were exported for blocks and are given the past of their signals: they play as a stream, to the samples of the
//! interpreter run block by block, or are played in blocks and say why.

mod support;

use std::collections::BTreeMap;
use support::{Cuts, Net, bits, config, floats_of, noise_vec, stream};
use tonegraft_engine::{Model, Options, StartState, interpret};
use tonegraft_model::op::{Binary, Direction, Op, Recurrent, Unary};
use tonegraft_model::{Dim, Graph, Tensor, ValueId};

/// Frames of a block.
const BLOCK: usize = 64;

/// Channels of the hidden signal.
const WIDTH: usize = 4;

/// A graph of a fixed block under construction.
struct Block {
    net: Net,
    x: ValueId,
    seed: u64,
}

impl Block {
    fn new() -> Self {
        let mut net = Net::new();
        let x = net.input("x", &[1, 1, BLOCK]);
        Self { net, x, seed: 1 }
    }

    fn weights(&mut self, shape: &[usize]) -> ValueId {
        self.seed += 1;
        let count: usize = shape.iter().product();
        let scale = 0.8 / (shape[1..].iter().product::<usize>() as f32).sqrt();
        let values = noise_vec(self.seed, count).iter().map(|value| value * scale).collect();
        self.net.floats(shape, values)
    }

    fn conv(&mut self, x: ValueId, (from, to): (usize, usize), taps: usize, dilation: usize) -> ValueId {
        let (weights, bias) = (self.weights(&[to, from, taps]), self.weights(&[to]));
        self.net.conv(x, weights, Some(bias), taps, dilation, (0, 0), 1)
    }

    fn tanh(&mut self, x: ValueId) -> ValueId {
        self.net.node(Op::Unary(Unary::Tanh), &[x])
    }

    fn add(&mut self, a: ValueId, b: ValueId) -> ValueId {
        self.net.node(Op::Binary(Binary::Add), &[a, b])
    }

    fn concat(&mut self, axis: usize, parts: &[ValueId]) -> ValueId {
        self.net.node(Op::Concat { axis }, parts)
    }

    fn transpose(&mut self, x: ValueId) -> ValueId {
        self.net.node(Op::Transpose { perm: vec![0, 2, 1] }, &[x])
    }

    fn split(&mut self, x: ValueId, axis: usize, sizes: &[i64]) -> Vec<ValueId> {
        let given = self.net.ints(sizes);
        self.net.nodes(Op::Split { axis }, &[Some(x), Some(given)], sizes.len())
    }

    fn output(&mut self, id: ValueId, name: &str, shape: &[usize]) {
        self.net.graph.values[id.index()].shape = shape.iter().map(|n| Dim::Known(*n)).collect();
        self.net.output(id, name);
    }

    /// The hidden signal, and the audio that a hidden signal becomes.
    fn head(&mut self) -> ValueId {
        let y = self.conv(self.x, (1, WIDTH), 1, 1);
        self.tanh(y)
    }

    fn tail(&mut self, y: ValueId) {
        let y = self.conv(y, (WIDTH, 1), 1, 1);
        self.output(y, "y", &[1, 1, BLOCK]);
    }

    /// A dilated layer whose past is state `name`, given back by `next` of the joined signal.
    fn layer(
        &mut self,
        y: ValueId,
        name: &str,
        dilation: usize,
        next: impl Fn(&mut Self, ValueId, usize) -> ValueId,
    ) -> ValueId {
        let length = 2 * dilation;
        let state = self.net.input(name, &[1, WIDTH, length]);
        let joined = self.concat(2, &[state, y]);
        let body = self.conv(joined, (WIDTH, WIDTH), 3, dilation);
        let body = self.tanh(body);
        let after = next(self, joined, length);
        self.output(after, &format!("{name}_out"), &[1, WIDTH, length]);
        self.add(body, y)
    }
}

/// The newest frames.
fn newest(block: &mut Block, joined: ValueId, length: usize) -> ValueId {
    block
        .net
        .slice(joined, 2, -i64::try_from(length).expect("small"), i64::MAX)
}

/// Start values of all states, and the interpreter's run over `input`, block by block.
fn reference(graph: &Graph, input: &[f32], starts: &BTreeMap<String, Tensor>) -> Vec<f32> {
    let mut held = starts.clone();
    let mut expected = Vec::new();
    for piece in input.chunks_exact(BLOCK) {
        let mut given = std::mem::take(&mut held);
        given.insert(
            "x".into(),
            Tensor::f32(vec![1, 1, BLOCK], piece.to_vec()).expect("fits"),
        );
        let mut results = interpret::run(graph, &given).unwrap_or_else(|error| panic!("{error}"));
        expected.extend(floats_of(&results["y"]));
        for (name, start) in starts {
            let next = results.remove(&format!("{name}_out")).expect("an output");
            held.insert(name.clone(), next.reshaped(start.shape().to_vec()).expect("as large"));
        }
    }
    expected
}

/// Plays a graph from zeros and from other start values against [`reference`]; gives the model.
fn check(what: &str, graph: &Graph) -> Model {
    let plain = Model::from_graph(graph.clone(), "net.onnx", &Options::default())
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let input = noise_vec(99, 7 * BLOCK);
    for scale in [0.0, 0.7] {
        let starts: BTreeMap<String, Tensor> = (graph.inputs.iter().filter(|id| graph.value(**id).name != "x"))
            .map(|id| {
                let value = graph.value(*id);
                let shape: Vec<usize> = value.shape.iter().map(|dim| dim.known().expect("fixed")).collect();
                let count = shape.iter().product();
                let values = noise_vec(value.name.len() as u64, count)
                    .iter()
                    .map(|value| value * scale)
                    .collect();
                (value.name.clone(), Tensor::f32(shape, values).expect("fits"))
            })
            .collect();
        let expected = reference(graph, &input, &starts);
        let model = plain
            .with_states(&starts)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let latency = model.info().latency_samples as usize;
        let play = |cuts| {
            let mut processor = model.instantiate(&config(1, 1, StartState::Zero)).expect("fits");
            stream(processor.as_mut(), std::slice::from_ref(&input), cuts, &[])
        };
        let whole = play(Cuts::Fixed(input.len()));
        for cuts in [Cuts::Fixed(1), Cuts::Fixed(7), Cuts::Fixed(64), Cuts::Random(5)] {
            assert!(bits(&play(cuts)) == bits(&whole), "{what}: {cuts:?}");
        }
        for (at, (y, wanted)) in whole[0][latency..].iter().zip(&expected).enumerate() {
            assert!(
                (y - wanted).abs() <= 2e-6,
                "{what}, starts times {scale}: frame {at} is {y}, not {wanted}"
            );
        }
    }
    plain
}

/// Plays without delay, and nothing is left to be a knob.
fn streams(what: &str, block: &Block) -> Model {
    let model = check(what, &block.net.graph);
    let info = model.info();
    assert_eq!(info.latency_samples, 0, "{what}: {:?}", info.inferred);
    assert!(model.knobs().is_empty(), "{what}");
    assert!(info.inferred["fixed_length"].contains("as free"), "{what}");
    model
}

/// Is played in blocks, as exactly, and says why.
fn falls_back(what: &str, block: &Block, why: &str) {
    let model = check(what, &block.net.graph);
    let info = model.info();
    assert_eq!(info.latency_samples as usize, BLOCK - 1, "{what}");
    let reason = info.inferred.get("block_by_block").cloned().unwrap_or_default();
    assert!(reason.contains(why), "{what}: {reason:?} does not say {why:?}");
}

/// Two layers, the pasts of which are shorter than a block, and longer.
fn two_layers(next: impl Fn(&mut Block, ValueId, usize) -> ValueId + Copy) -> Block {
    let mut block = Block::new();
    let y = block.head();
    let y = block.layer(y, "a_state", 3, next);
    let y = block.layer(y, "b_state", 50, next);
    block.tail(y);
    block
}

#[test]
fn pasts_are_histories() {
    streams("newest frames", &two_layers(newest));
    streams(
        "from the front",
        &two_layers(|block, joined, length| {
            block.net.slice(
                joined,
                2,
                i64::try_from(BLOCK).expect("small"),
                i64::try_from(BLOCK + length).expect("small"),
            )
        }),
    );
    streams(
        "split",
        &two_layers(|block, joined, length| {
            let sizes = [BLOCK, length].map(|n| i64::try_from(n).expect("small"));
            block.split(joined, 2, &sizes)[1]
        }),
    );
    // As long as the block: no value for each sample of it.
    let mut block = Block::new();
    let y = block.head();
    let y = block.layer(y, "state", BLOCK / 2, newest);
    block.tail(y);
    streams("as long as the block", &block);
}

#[test]
fn the_same_plan_as_of_padded_layers() {
    let mut padded = Block::new();
    padded.net.graph.values[padded.x.index()].shape[2] = Dim::symbol("T");
    let mut y = padded.head();
    for (dilation, pad) in [(3, 6), (50, 100)] {
        let (weights, bias) = (padded.weights(&[WIDTH, WIDTH, 3]), padded.weights(&[WIDTH]));
        let body = padded.net.conv(y, weights, Some(bias), 3, dilation, (pad, 0), 1);
        let body = padded.tanh(body);
        y = padded.add(body, y);
    }
    padded.tail(y);
    let padded = support::model(&padded.net.graph);
    let given = streams("newest frames", &two_layers(newest));
    let steps = |model: &Model| {
        let mut steps = model.plan().steps.clone();
        steps.iter_mut().for_each(|step| step.name.clear());
        (steps, model.plan().memory, model.plan().pre_roll)
    };
    assert_eq!(steps(&given), steps(&padded));
}

#[test]
fn layouts_and_shared_pasts() {
    // State and output with the time in the middle.
    let mut block = Block::new();
    let y = block.head();
    let state = block.net.input("state", &[1, 6, WIDTH]);
    let turned = block.transpose(state);
    let joined = block.concat(2, &[turned, y]);
    let last = newest(&mut block, joined, 6);
    let last = block.transpose(last);
    let body = block.conv(joined, (WIDTH, WIDTH), 3, 3);
    block.tail(body);
    block.output(last, "state_out", &[1, 6, WIDTH]);
    streams("transposed", &block);

    // One past, put before the signal twice, for layers of their own; the longer one needs all of it.
    let mut block = Block::new();
    let y = block.head();
    let state = block.net.input("state", &[1, WIDTH, 8]);
    let first = block.concat(2, &[state, y]);
    let second = block.concat(2, &[state, y]);
    let cropped = block.net.slice(second, 2, 4, i64::MAX);
    let (a, b) = (
        block.conv(first, (WIDTH, WIDTH), 3, 4),
        block.conv(cropped, (WIDTH, WIDTH), 5, 1),
    );
    let sum = block.add(a, b);
    let last = newest(&mut block, first, 8);
    block.tail(sum);
    block.output(last, "state_out", &[1, WIDTH, 8]);
    streams("two layers on one past", &block);

    // The pasts of two signals in one state, the signal itself cut out of what was joined.
    let mut block = Block::new();
    let y = block.head();
    let state = block.net.input("state", &[1, 2 * WIDTH, 100]);
    let width = i64::try_from(WIDTH).expect("small");
    let parts = block.split(state, 1, &[width, width]);
    let first = block.concat(2, &[parts[0], y]);
    let body = block.conv(first, (WIDTH, WIDTH), 3, 50);
    let itself = newest(&mut block, first, BLOCK);
    let z = block.add(body, itself);
    let z = block.tanh(z);
    let second = block.concat(2, &[parts[1], z]);
    let out = block.conv(second, (WIDTH, WIDTH), 2, 100);
    let (a, b) = (newest(&mut block, first, 100), newest(&mut block, second, 100));
    let both = block.concat(1, &[a, b]);
    block.tail(out);
    block.output(both, "state_out", &[1, 2 * WIDTH, 100]);
    streams("packed", &block);

    // The oldest part pushed out of the state before the new part is put behind it.
    let mut block = Block::new();
    let y = block.head();
    let state = block.net.input("state", &[1, WIDTH, 100]);
    let joined = block.concat(2, &[state, y]);
    let kept = block
        .net
        .slice(state, 2, i64::try_from(BLOCK).expect("small"), i64::MAX);
    let next = block.concat(2, &[kept, y]);
    let body = block.conv(joined, (WIDTH, WIDTH), 3, 50);
    block.tail(body);
    block.output(next, "state_out", &[1, WIDTH, 100]);
    streams("pushed", &block);
}

/// A GRU over the hidden signal, whose start is state `h`; gives its output and its last state.
fn gru(block: &mut Block, y: ValueId, h: ValueId) -> (ValueId, ValueId) {
    let recurrent = Recurrent {
        hidden: WIDTH,
        direction: Direction::Forward,
        batch_first: false,
        activations: None,
        clip: None,
    };
    let op = Op::Gru {
        recurrent,
        linear_before_reset: true,
    };
    let (w, r) = (
        block.weights(&[1, 3 * WIDTH, WIDTH]),
        block.weights(&[1, 3 * WIDTH, WIDTH]),
    );
    let turned = block.net.node(Op::Transpose { perm: vec![2, 0, 1] }, &[y]);
    let both = block
        .net
        .nodes(op, &[Some(turned), Some(w), Some(r), None, None, Some(h)], 2);
    let axes = block.net.ints(&[1]);
    let out = block.net.node(Op::Squeeze, &[both[0], axes]);
    (block.net.node(Op::Transpose { perm: vec![1, 2, 0] }, &[out]), both[1])
}

#[test]
fn pasts_beside_recurrent_states() {
    let mut block = Block::new();
    let y = block.head();
    let y = block.layer(y, "state", 4, newest);
    let h = block.net.input("h", &[1, 1, WIDTH]);
    let (y, last) = gru(&mut block, y, h);
    block.tail(y);
    block.output(last, "h_out", &[1, 1, WIDTH]);
    streams("a layer and a GRU", &block);

    // Two layers in one state, given back in the wrong order: each starts from the other's end.
    for swapped in [false, true] {
        let mut block = Block::new();
        let y = block.head();
        let h = block.net.input("h", &[2, 1, WIDTH]);
        let starts = block.split(h, 0, &[1, 1]);
        let (y, first) = gru(&mut block, y, starts[0]);
        let (y, second) = gru(&mut block, y, starts[1]);
        let order = if swapped { [second, first] } else { [first, second] };
        let last = block.concat(0, &order);
        block.tail(y);
        block.output(last, "h_out", &[2, 1, WIDTH]);
        if swapped {
            falls_back("swapped", &block, "is not the last state of the layer");
        } else {
            streams("stacked", &block);
        }
    }
}

#[test]
fn what_is_not_the_past_is_played_in_blocks() {
    falls_back(
        "oldest frames",
        &two_layers(|block, joined, length| block.net.slice(joined, 2, 0, i64::try_from(length).expect("small"))),
        "is not frame 6 from the end of the signal that `a_state` is the past of",
    );
    falls_back(
        "one frame too early",
        &two_layers(|block, joined, length| {
            let length = i64::try_from(length).expect("small");
            block.net.slice(joined, 2, -length - 1, -1)
        }),
        "`a_state_out` is not the next value of state `a_state`",
    );
    falls_back(
        "other channels",
        &two_layers(|block, joined, length| {
            let last = newest(block, joined, length);
            let halves = block.split(last, 1, &[2, 2]);
            block.concat(1, &[halves[1], halves[0]])
        }),
        "its element 0 is not frame 6 from the end",
    );
    falls_back(
        "not the samples themselves",
        &two_layers(|block, joined, length| {
            let last = newest(block, joined, length);
            let half = block.net.floats(&[1], vec![0.5]);
            block.net.node(Op::Binary(Binary::Mul), &[last, half])
        }),
        "state",
    );

    // One state before two signals: it can be the past of one of them.
    let mut block = Block::new();
    let y = block.head();
    let state = block.net.input("state", &[1, WIDTH, 4]);
    let first = block.concat(2, &[state, y]);
    let y = block.conv(first, (WIDTH, WIDTH), 3, 2);
    let y = block.tanh(y);
    let second = block.concat(2, &[state, y]);
    let y = block.conv(second, (WIDTH, WIDTH), 3, 2);
    let last = newest(&mut block, first, 4);
    block.tail(y);
    block.output(last, "state_out", &[1, WIDTH, 4]);
    falls_back("two pasts", &block, "is not frame 4 from the end");

    // A state that is used as numbers beside.
    let mut block = Block::new();
    let y = block.head();
    let state = block.net.input("state", &[1, WIDTH, 4]);
    let joined = block.concat(2, &[state, y]);
    let y = block.conv(joined, (WIDTH, WIDTH), 3, 2);
    let oldest = block.net.slice(state, 2, 0, 1);
    let y = block.add(y, oldest);
    let last = newest(&mut block, joined, 4);
    block.tail(y);
    block.output(last, "state_out", &[1, WIDTH, 4]);
    falls_back(
        "a past and a number",
        &block,
        "is neither the past of a signal nor the start of a layer",
    );

    // The result goes back into the signal that it is the past of.
    let mut block = Block::new();
    let y = block.head();
    let state = block.net.input("state", &[1, WIDTH, 4]);
    let joined = block.concat(2, &[state, y]);
    let body = block.conv(joined, (WIDTH, WIDTH), 3, 2);
    let last = newest(&mut block, body, 4);
    block.tail(body);
    block.output(last, "state_out", &[1, WIDTH, 4]);
    falls_back("a cycle", &block, "is not frame 4 from the end");

    // Another layer begins each block anew.
    let mut block = Block::new();
    let y = block.head();
    let y = block.layer(y, "state", 3, newest);
    let weights = block.weights(&[WIDTH, WIDTH, 3]);
    let y = block.net.conv(y, weights, None, 3, 1, (2, 0), 1);
    block.tail(y);
    falls_back("pads beside", &block, "pads each block");

    // The signal is shorter than the block.
    let mut block = Block::new();
    let y = block.head();
    let short = block.net.slice(y, 2, 2, i64::MAX);
    let state = block.net.input("state", &[1, WIDTH, 6]);
    let joined = block.concat(2, &[state, short]);
    let y = block.conv(joined, (WIDTH, WIDTH), 5, 1);
    let last = newest(&mut block, joined, 6);
    block.tail(y);
    block.output(last, "state_out", &[1, WIDTH, 6]);
    falls_back("a shorter signal", &block, "not as long as the block");
}

#[test]
fn an_open_length_has_no_blocks_to_fall_back_to() {
    for (start, end) in [(0, 4), (-5, -1)] {
        let mut block = Block::new();
        block.net.graph.values[block.x.index()].shape[2] = Dim::symbol("T");
        let y = block.head();
        let state = block.net.input("state", &[1, WIDTH, 4]);
        let joined = block.concat(2, &[state, y]);
        let body = block.conv(joined, (WIDTH, WIDTH), 3, 2);
        let last = block.net.slice(joined, 2, start, end);
        block.tail(body);
        block.output(last, "state_out", &[1, WIDTH, 4]);
        let refused = Model::from_graph(block.net.graph.clone(), "net.onnx", &Options::default());
        let Err(error) = refused else {
            panic!("frames {start} to {end} pass for the newest");
        };
        println!("{error}");
    }
}

#[test]
fn huge_states_are_refused_before_they_cost_memory() {
    let mut block = Block::new();
    let y = block.head();
    let mut sum = y;
    for name in 0..8 {
        let state = block.net.input(&format!("s{name}_state"), &[1, WIDTH, 1 << 21]);
        let joined = block.concat(2, &[state, y]);
        let last = newest(&mut block, joined, 1 << 21);
        block.output(last, &format!("s{name}_state_out"), &[1, WIDTH, 1 << 21]);
        let itself = newest(&mut block, joined, BLOCK);
        sum = block.add(sum, itself);
    }
    block.tail(sum);
    let refused = Model::from_graph(block.net.graph.clone(), "net.onnx", &Options::default());
    assert!(refused.is_err(), "64 million elements of state");
}
