//! What the engine's tests share: graphs made by hand, streaming in cuts, files of the shared test data.
#![allow(dead_code)]

pub mod cases;
pub mod corpus;
pub mod data;
pub mod random;
pub mod rates;
pub mod refused;

use std::collections::BTreeMap;
use tonegraft_core::{Fault, Processor, SampleRate};
use tonegraft_engine::{InstanceConfig, Model, Options, Oversampling, RateMode, StartState, interpret};
use tonegraft_model::graph::Format;
use tonegraft_model::op::{AutoPad, Op, Window};
use tonegraft_model::{DType, Dim, Graph, Metadata, Node, Tensor, TensorData, Value, ValueId};

/// A graph made by hand.
pub struct Net {
    pub graph: Graph,
}

impl Net {
    pub fn new() -> Self {
        Self {
            graph: Graph {
                name: "net".into(),
                format: Format::Onnx,
                values: Vec::new(),
                nodes: Vec::new(),
                inputs: Vec::new(),
                outputs: Vec::new(),
                metadata: Metadata::default(),
                operators: Vec::new(),
            },
        }
    }

    fn value(&mut self, name: String, dtype: DType, shape: Vec<Dim>, constant: Option<Tensor>) -> ValueId {
        let id = ValueId(u32::try_from(self.graph.values.len()).expect("small"));
        self.graph.values.push(Value {
            name,
            dtype,
            shape,
            constant,
            symbolic: None,
        });
        id
    }

    /// An input; size 0 stands for the open length `T`.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> ValueId {
        let dims = shape
            .iter()
            .map(|n| if *n == 0 { Dim::symbol("T") } else { Dim::Known(*n) })
            .collect();
        let id = self.value(name.into(), DType::F32, dims, None);
        self.graph.inputs.push(id);
        id
    }

    pub fn floats(&mut self, shape: &[usize], values: Vec<f32>) -> ValueId {
        let tensor = Tensor::f32(shape.to_vec(), values).expect("sizes agree");
        self.constant(tensor)
    }

    pub fn ints(&mut self, values: &[i64]) -> ValueId {
        self.constant(Tensor::from_i64s(values.to_vec()))
    }

    pub fn constant(&mut self, tensor: Tensor) -> ValueId {
        let name = format!("constant {}", self.graph.values.len());
        let shape = tensor.shape().iter().map(|n| Dim::Known(*n)).collect();
        self.value(name, tensor.dtype(), shape, Some(tensor))
    }

    pub fn nodes(&mut self, op: Op, inputs: &[Option<ValueId>], outputs: usize) -> Vec<ValueId> {
        let index = self.graph.nodes.len();
        let ids: Vec<ValueId> = (0..outputs)
            .map(|at| {
                self.value(
                    format!("{} {index}.{at}", op.name()),
                    DType::F32,
                    vec![Dim::Unknown; 3],
                    None,
                )
            })
            .collect();
        self.graph.nodes.push(Node {
            name: format!("{}#{index}", op.name()),
            op,
            inputs: inputs.to_vec(),
            outputs: ids.iter().copied().map(Some).collect(),
        });
        ids
    }

    pub fn node(&mut self, op: Op, inputs: &[ValueId]) -> ValueId {
        let inputs: Vec<Option<ValueId>> = inputs.iter().copied().map(Some).collect();
        self.nodes(op, &inputs, 1)[0]
    }

    pub fn output(&mut self, id: ValueId, name: &str) {
        self.graph.values[id.index()].name = name.into();
        self.graph.outputs.push(id);
    }

    pub fn slice(&mut self, x: ValueId, axis: i64, start: i64, end: i64) -> ValueId {
        let (s, e, a) = (self.ints(&[start]), self.ints(&[end]), self.ints(&[axis]));
        self.node(Op::Slice, &[x, s, e, a])
    }

    /// `weights: [out, in / group, taps]`.
    #[allow(clippy::too_many_arguments)]
    pub fn conv(
        &mut self,
        x: ValueId,
        weights: ValueId,
        bias: Option<ValueId>,
        taps: usize,
        dilation: usize,
        pads: (i64, i64),
        group: usize,
    ) -> ValueId {
        let op = Op::Conv {
            window: Window {
                kernel: vec![taps],
                strides: vec![1],
                dilations: vec![dilation],
                pads: vec![pads.0, pads.1],
                auto_pad: AutoPad::NotSet,
            },
            group,
        };
        self.nodes(op, &[Some(x), Some(weights), bias], 1)[0]
    }
}

/// Uniform in −1 … 1, the same for the same seed.
pub fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // 24 bits: exact in f32.
        #[allow(clippy::cast_precision_loss)]
        let value = (state >> 40) as f32 / 8_388_608.0 - 1.0;
        value
    }
}

pub fn noise_vec(seed: u64, len: usize) -> Vec<f32> {
    let mut next = noise(seed);
    (0..len).map(|_| next()).collect()
}

pub fn model(graph: &Graph) -> Model {
    Model::from_graph(graph.clone(), "net.onnx", &Options::default()).expect("the graph streams")
}

pub fn config(inputs: usize, outputs: usize, start: StartState) -> InstanceConfig {
    InstanceConfig {
        host_rate: SampleRate::new(48_000).expect("valid"),
        inputs,
        outputs,
        start,
        isa: None,
        rate: RateMode::default(),
        oversampling: Oversampling::default(),
    }
}

/// The same, at the rate that the model declares.
pub fn at_own_rate(model: &Model, config: InstanceConfig) -> InstanceConfig {
    InstanceConfig {
        host_rate: (model.metadata().sample_rate)
            .and_then(SampleRate::new)
            .unwrap_or(config.host_rate),
        ..config
    }
}

/// An instance of the model's own layout, at its own rate.
pub fn instance(model: &Model, start: StartState) -> Box<dyn Processor> {
    let (inputs, outputs) = model.channels();
    model
        .instantiate(&at_own_rate(model, config(inputs, outputs, start)))
        .expect("fits")
}

/// How a host cuts the audio.
#[derive(Clone, Copy, Debug)]
pub enum Cuts {
    Fixed(usize),
    Random(u64),
}

impl Cuts {
    pub fn iter(self) -> Box<dyn Iterator<Item = usize>> {
        match self {
            Self::Fixed(frames) => Box::new(std::iter::repeat(frames)),
            Self::Random(seed) => {
                let mut next = noise(seed);
                Box::new(std::iter::from_fn(move || {
                    // 0 … 199 frames; none at all once in a while.
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                    let frames = ((next() + 1.0) * 100.0) as usize;
                    Some(frames)
                }))
            }
        }
    }
}

/// Streams `input: [channels][frames]`. `knobs`: `(frame, knob, value)`, each set before that frame. The output is poisoned
/// with NaN first, so that a frame nobody writes shows.
pub fn stream(
    processor: &mut dyn Processor,
    input: &[Vec<f32>],
    cuts: Cuts,
    knobs: &[(usize, usize, f32)],
) -> Vec<Vec<f32>> {
    let frames = input[0].len();
    let mut output = vec![vec![f32::NAN; frames + 16]; processor.facts().outputs];
    let mut cuts = cuts.iter();
    let mut at = 0;
    let mut left_of_cut = 0;
    while at < frames {
        if left_of_cut == 0 {
            left_of_cut = cuts.next().expect("endless");
        }
        for (_, knob, value) in knobs.iter().filter(|(frame, ..)| *frame == at) {
            processor.set_knob(*knob, *value);
        }
        let next_knob = knobs
            .iter()
            .map(|(frame, ..)| *frame)
            .filter(|frame| *frame > at)
            .min()
            .unwrap_or(frames);
        let now = left_of_cut.min(frames - at).min(next_knob - at);
        let x: Vec<&[f32]> = input.iter().map(|channel| &channel[at..at + now]).collect();
        let mut y: Vec<&mut [f32]> = output.iter_mut().map(|channel| &mut channel[at..at + now]).collect();
        assert_eq!(processor.process(&x, &mut y), Fault::None);
        at += now;
        left_of_cut -= now;
    }
    for channel in &mut output {
        assert!(channel[frames..].iter().all(|y| y.is_nan()), "wrote past the block");
        channel.truncate(frames);
    }
    output
}

/// The interpreter's audio output, `[channels][frames]`: the first output with the name, time last or in the middle.
pub fn offline(graph: &Graph, inputs: &BTreeMap<String, Tensor>, output: &str) -> Tensor {
    interpret::run(graph, inputs)
        .expect("interprets")
        .remove(output)
        .expect("is an output")
}

/// Asserts that the stream is the whole signal's result, late by `latency`; gives how many frames were compared.
///
/// `offline`, the result for `frames` of input, may be shorter at the beginning than that (unpadded) or longer at the end;
/// indices whose tick lies outside are left out. If the graph pads at the end, `frames` must be more than was streamed: the
/// stream does not know where the signal ends.
pub fn assert_same(
    streamed: &[f32],
    offline: &[f32],
    frames: usize,
    latency: usize,
    tolerance: f32,
    what: &str,
) -> usize {
    let peak = offline.iter().fold(1.0f32, |peak, y| peak.max(y.abs()));
    // Missing frames are missing at the beginning; frames too many are a tail.
    let shift = i64::try_from(frames.saturating_sub(offline.len()) + latency).expect("small");
    let mut compared = 0;
    for (index, expected) in offline.iter().enumerate() {
        let tick = i64::try_from(index).expect("small") + shift;
        let Some(y) = usize::try_from(tick).ok().and_then(|tick| streamed.get(tick)) else {
            continue;
        };
        assert!(
            (y - expected).abs() <= tolerance * peak,
            "{what}: index {index} (tick {tick}): {y} streamed, {expected} offline, peak {peak}"
        );
        compared += 1;
    }
    compared
}

pub fn bits(channels: &[Vec<f32>]) -> Vec<Vec<u32>> {
    channels
        .iter()
        .map(|channel| channel.iter().map(|y| y.to_bits()).collect())
        .collect()
}

pub fn floats_of(tensor: &Tensor) -> Vec<f32> {
    match tensor.data() {
        TensorData::F32(values) => values.clone(),
        other => panic!("no floats: {other:?}"),
    }
}
