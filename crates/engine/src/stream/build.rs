//! The stream graph under construction: asks, for each value of the model's graph, what it is in time.

use super::facts::{Fact, LONG};
use super::kept::{Held, Kept, is_layout};
use super::shape;
use super::{Axis, Clock, Rate, Signal, StreamNode, StreamOp, Timing, View, Wire, WireId};
use crate::error::{CompileError, CompileErrorKind as Kind};
use std::collections::HashMap;
use std::sync::Arc;
use tonegraft_model::{Graph, Node, Op, Tensor, ValueId};

/// Why a node or the whole is refused, or that an input guessed to be a state is a knob after all.
pub(super) enum Stop {
    Refused(CompileError),
    NotAState(ValueId),
    /// The ticks must be that many times as short: a signal runs above the rate counted with.
    Finer(i64),
}

impl Stop {
    pub(super) fn not_streamable(reason: impl Into<String>) -> Self {
        Self::Refused(CompileError::new(Kind::NotStreamable, reason))
    }

    pub(super) fn shape(reason: impl Into<String>) -> Self {
        Self::Refused(CompileError::new(Kind::Shape, reason))
    }
}

/// How the audio input is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Its time axis is the stream.
    Stream,
    /// It is a frame of `size` samples, one every `hop`.
    Framed {
        size: usize,
        hop: usize,
        /// Frames that begin before the signal do not count.
        whole: bool,
    },
    /// It is a window of the last `size` samples, one at every sample.
    Windows { size: usize },
}

/// What an output hands to an input of a later frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// The input.
    pub state: ValueId,
    /// The output.
    pub next: ValueId,
    /// Frames of audio between the two, where a signal is fed back; `None` for the state of a block, which the next one takes.
    pub fed_back: Option<usize>,
}

pub(super) struct Builder<'a> {
    pub graph: &'a Graph,
    pub mode: Mode,
    /// Ticks per audio sample.
    pub ticks: i64,
    pub wires: Vec<Wire>,
    pub nodes: Vec<StreamNode>,
    pub facts: Vec<Option<Fact>>,
    /// Length of the audio input: that of the export if it fixed one, else [`VIRTUAL_LENGTH`].
    pub length: i64,
    /// The name of its length if the export left it open.
    pub length_symbol: Option<String>,
    /// Inputs that are states by metadata, name or shape, each with the output that is its next value.
    pub pairs: &'a [(ValueId, ValueId)],
    /// What states stand for.
    pub kept: Kept,
    /// What is remembered for a later frame.
    pub memories: Vec<Memory>,
    /// Notes for people, as `(what, value)`.
    pub notes: Vec<(String, String)>,
    /// The window, where the audio is taken as one.
    pub sliding: Option<(View, super::windows::Sliding)>,
    /// Hop and timing of frames, where the audio is taken in such.
    pub frame_time: Option<(i64, Timing)>,
    pub earliest: i64,
    pub current: (usize, String),
    pub delays: HashMap<(View, i64), View>,
    /// Wires that are zeros before a tick.
    pub silent: HashMap<WireId, i64>,
}

/// The most planes of a signal: a thousand times what audio models have.
const MAX_PLANES: usize = 1 << 16;

/// The most frames that padding, cropping and kernels move a signal by: minutes of audio.
const MAX_FRAMES: i64 = 1 << 24;

/// The most weights of one layer.
const MAX_WEIGHTS: usize = 1 << 26;

pub(super) fn limit(reason: String) -> Stop {
    Stop::Refused(CompileError::new(Kind::Limit, reason))
}

/// The planes of a signal, if they are few enough.
pub(super) fn limited_planes(axes: &[Axis]) -> Result<usize, Stop> {
    (axes.iter())
        .try_fold(1usize, |product, axis| product.checked_mul(shape::size(*axis)))
        .filter(|planes| *planes <= MAX_PLANES)
        .ok_or_else(|| {
            limit(format!(
                "a signal of shape {} has too many features (at most {MAX_PLANES})",
                shape::text(axes)
            ))
        })
}

/// `frames`, if it is few enough.
pub(super) fn limited_frames(frames: i64) -> Result<i64, Stop> {
    if (-MAX_FRAMES..=MAX_FRAMES).contains(&frames) {
        Ok(frames)
    } else {
        Err(limit(format!(
            "it moves the signal by {frames} frames (at most {MAX_FRAMES})"
        )))
    }
}

/// `rows · columns`, if that is few enough for one layer's weights or given frames.
pub(super) fn limited_weights(rows: usize, columns: usize) -> Result<usize, Stop> {
    (rows.checked_mul(columns))
        .filter(|product| *product <= MAX_WEIGHTS)
        .ok_or_else(|| {
            limit(format!(
                "{rows} times {columns} values are too many (at most {MAX_WEIGHTS})"
            ))
        })
}

impl Builder<'_> {
    pub fn wire(&mut self, planes: usize, rate: Rate) -> WireId {
        let id = WireId(u32::try_from(self.wires.len()).unwrap_or(u32::MAX));
        self.wires.push(Wire { planes, rate });
        id
    }

    pub fn whole(&self, wire: WireId) -> View {
        View {
            wire,
            first: 0,
            planes: self.wires[wire.index()].planes,
        }
    }

    pub fn rate(&self, view: View) -> Rate {
        self.wires[view.wire.index()].rate
    }

    /// Adds an operation that makes `planes` planes on the clock of its inputs, or at control rate.
    pub fn push(&mut self, op: StreamOp, inputs: Vec<View>, planes: usize) -> View {
        let rate = inputs
            .iter()
            .map(|view| self.rate(*view))
            .max()
            .unwrap_or(Rate::Control);
        self.push_at(op, inputs, planes, rate)
    }

    /// Adds an operation that makes `planes` planes at `rate`.
    pub fn push_at(&mut self, op: StreamOp, inputs: Vec<View>, planes: usize, rate: Rate) -> View {
        let output = self.wire(planes, rate);
        self.nodes.push(StreamNode {
            name: self.current.1.clone(),
            op,
            inputs,
            output,
        });
        self.whole(output)
    }

    /// `view`, `ticks` later; one delay serves all who ask for the same.
    pub fn delay(&mut self, view: View, ticks: i64) -> View {
        let Rate::Frames(clock) = self.rate(view) else {
            return view;
        };
        if ticks <= 0 {
            return view;
        }
        if let Some(delayed) = self.delays.get(&(view, ticks)) {
            return *delayed;
        }
        let rate = Rate::Frames(Clock::new(clock.hop, clock.phase + ticks));
        let delayed = self.push_at(StreamOp::Delay(ticks), vec![view], view.planes, rate);
        self.delays.insert((view, ticks), delayed);
        delayed
    }

    /// Ticks per frame of a signal that is not at control rate; 1 for those.
    pub fn hop(&self, view: View) -> i64 {
        self.rate(view).hop().unwrap_or(1)
    }

    /// The hop from which on frames are computed one by one: in a codec only that of its slowest layers, so that those before
    /// or after them read their weights once for several frames.
    pub fn stepwise_from(&self) -> i64 {
        match self.mode {
            Mode::Stream | Mode::Windows { .. } => {
                let hop = strides(self.graph, false)
                    .max(strides(self.graph, true))
                    .saturating_mul(self.ticks);
                (hop / 4).clamp(super::STEPWISE_HOP, super::STEPWISE_HOP_OF_CODECS)
            }
            Mode::Framed { hop, .. } => super::STEPWISE_HOP.min(i64::try_from(hop).unwrap_or(1) * self.ticks),
        }
    }

    /// True if the signal's frames are computed one by one.
    pub fn is_stepwise(&self, signal: &Signal) -> bool {
        let from = self.stepwise_from();
        self.rate(signal.view).hop().is_some_and(|hop| hop >= from)
    }

    /// True if `axis` of the first input is the time.
    fn is_time(&self, node: &Node, axis: usize) -> bool {
        matches!(self.fact(node, 0), Ok(Some(Fact::Signal(signal))) if signal.axes.get(axis) == Some(&Axis::Time))
    }

    /// True if the signal changes with time.
    pub fn moves(&self, signal: &Signal) -> bool {
        self.rate(signal.view) != Rate::Control
    }

    /// The signals with equal shifts, and what holds for all of them together. Control signals fit any time.
    pub fn align(&mut self, signals: &mut [Signal]) -> Result<Timing, Stop> {
        let audio: Vec<(i64, Timing)> = (signals.iter())
            .filter_map(|signal| Some((self.rate(signal.view).hop()?, signal.timing)))
            .collect();
        let Some((hop, first)) = audio.first().copied() else {
            return Ok(Timing::default());
        };
        if let Some((other, _)) = audio.iter().find(|(other, _)| *other != hop) {
            return Err(Stop::shape(format!(
                "signals meet of which one has a frame every {hop} samples, the other every {other}"
            )));
        }
        if let Some((_, other)) = audio.iter().find(|(_, timing)| timing.length != first.length) {
            return Err(Stop::shape(format!(
                "signals meet whose lengths differ by {} frames",
                (other.length - first.length).abs()
            )));
        }
        let shift = audio.iter().map(|(_, timing)| timing.shift).max().unwrap_or(0);
        let mut all = Timing {
            shift,
            length: first.length,
            far: 0,
            near: i64::MAX,
            recurrent: false,
        };
        for signal in signals.iter_mut() {
            if !self.moves(signal) {
                continue;
            }
            *signal = self.later(signal, shift - signal.timing.shift);
            all.far = all.far.max(signal.timing.far);
            all.near = all.near.min(signal.timing.near);
            all.recurrent |= signal.timing.recurrent;
        }
        Ok(all)
    }

    /// The signal, `ticks` later.
    pub fn later(&mut self, signal: &Signal, ticks: i64) -> Signal {
        Signal {
            view: self.delay(signal.view, ticks),
            axes: signal.axes.clone(),
            timing: Timing {
                shift: signal.timing.shift + ticks,
                far: signal.timing.far + ticks,
                near: signal.timing.near + ticks,
                ..signal.timing
            },
        }
    }

    /// Numbers as a signal at control rate.
    pub fn constant_signal(&mut self, values: Arc<[f32]>, axes: Vec<Axis>) -> Signal {
        let planes = values.len();
        Signal {
            view: self.push(StreamOp::Constant(values), Vec::new(), planes),
            axes,
            timing: Timing::default(),
        }
    }

    pub fn node(&mut self, index: usize, node: &Node) -> Result<(), Stop> {
        if let Op::Unsupported { name } = &node.op {
            return Err(Stop::Refused(CompileError::new(
                Kind::Operator,
                format!("the operator `{name}` is not known here"),
            )));
        }
        if let Some(summary) = self.summary(node) {
            self.put(node, vec![summary]);
            return Ok(());
        }
        let facts = (0..node.inputs.len())
            .map(|at| self.fact(node, at))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(sizes) = self.sizes(node, &facts) {
            self.put(
                node,
                vec![Fact::Constant {
                    tensor: sizes,
                    state: None,
                }],
            );
            return Ok(());
        }
        let constants: Option<Vec<Option<&Tensor>>> = facts
            .iter()
            .map(|fact| match fact {
                None => Some(None),
                Some(Fact::Constant { tensor, .. }) => Some(Some(tensor)),
                _ => None,
            })
            .collect();
        let state = facts.iter().find_map(|fact| match fact {
            Some(Fact::Constant { state, .. }) => state.as_ref().map(|held| held.id),
            _ => None,
        });
        let results = if let Some(fact) = self.endless_range(node, &facts)? {
            vec![fact]
        } else if let Some(inputs) = constants.filter(|_| !matches!(node.op, Op::Random { .. })) {
            let tensors = match state {
                Some(id) if !is_layout(&node.op) => return Err(Stop::NotAState(id)),
                _ => self.fold(node, &inputs)?,
            };
            let mut states = match state {
                Some(id) => (self.move_codes(node, &facts)?.into_iter())
                    .map(|codes| Some(Held { id, codes }))
                    .collect(),
                None => Vec::new(),
            };
            states.resize(tensors.len(), None);
            (tensors.into_iter().zip(states))
                .map(|(tensor, state)| Fact::Constant { tensor, state })
                .collect()
        } else if let Some(fact) = self.on_positions(node)? {
            vec![fact]
        } else if facts.iter().flatten().any(|fact| matches!(fact, Fact::Kept(_))) {
            self.move_codes(node, &facts)?.into_iter().map(Fact::Kept).collect()
        } else {
            self.translate(index, node)?
        };
        self.put(node, results);
        Ok(())
    }

    /// A reduction over the whole signal, or a layout of one.
    fn summary(&self, node: &Node) -> Option<Fact> {
        let id = node.inputs.first().copied().flatten()?;
        match (&self.facts[id.index()], &node.op) {
            (Some(summary @ Fact::Summary { .. }), op) if is_layout(op) && node.outputs.len() == 1 => {
                Some(summary.clone())
            }
            (Some(Fact::Signal(signal)), Op::Reduce { .. }) if self.moves(signal) => {
                let time = shape::time_axis(&signal.axes)?;
                let rank = signal.axes.len();
                let axes = match node.inputs.get(1).copied().flatten() {
                    Some(axes) => self.graph.constant(axes)?.as_i64()?.to_vec(),
                    None => Vec::new(),
                };
                let at = |axis: i64| {
                    usize::try_from(if axis < 0 {
                        axis + i64::try_from(rank).unwrap_or(0)
                    } else {
                        axis
                    })
                };
                let over_time = axes.is_empty() || axes.iter().any(|axis| at(*axis) == Ok(time));
                over_time.then(|| Fact::Summary {
                    of: signal.clone(),
                    error: CompileError::new(Kind::NotStreamable, "it needs all frames of the signal at once").at(node),
                })
            }
            _ => None,
        }
    }

    /// The tick from which on a signal may be anything but zeros.
    fn begins(&self, signal: &Signal) -> i64 {
        let from = signal.timing.shift;
        (self.silent.get(&signal.view.wire)).map_or(from, |until| from.max(*until))
    }

    fn put(&mut self, node: &Node, results: Vec<Fact>) {
        for (id, fact) in node.outputs.iter().zip(results) {
            if let Fact::Signal(signal) = &fact {
                self.earliest = self.earliest.min(self.begins(signal));
            }
            if let Some(id) = id {
                self.facts[id.index()] = Some(fact);
            }
        }
    }

    /// The sizes of a signal, if that is what `node` asks for.
    fn sizes(&self, node: &Node, facts: &[Option<Fact>]) -> Option<Tensor> {
        let Some(Some(Fact::Signal(signal))) = facts.first() else {
            return None;
        };
        let all: Vec<i64> = (0..signal.axes.len()).map(|axis| signal.length(axis)).collect();
        match &node.op {
            Op::Size => Some(Tensor::i64(Vec::new(), vec![all.iter().product()])?),
            Op::Shape { start, end } => {
                let rank = i64::try_from(all.len()).ok()?;
                let at = |index: i64| usize::try_from(if index < 0 { index + rank } else { index }.clamp(0, rank)).ok();
                let range = at(*start)?..at(end.unwrap_or(rank))?;
                Some(Tensor::from_i64s(all.get(range)?.to_vec()))
            }
            _ => None,
        }
    }

    /// The result of an operator on constants. What would be as long as an open signal has the size 1 there instead: it is
    /// everywhere the same.
    pub fn fold(&self, node: &Node, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Stop> {
        let short = |tensor: &Tensor| -> Option<Tensor> {
            let sizes = tensor.as_i64()?;
            let long = |size: &i64| *size >= LONG;
            sizes.iter().any(long).then(|| {
                let cut = sizes.iter().map(|size| if long(size) { 1 } else { *size }).collect();
                Tensor::i64(tensor.shape().to_vec(), cut)
            })?
        };
        let target = match node.op {
            Op::ConstantOfShape { .. } => Some(0),
            Op::Expand | Op::Tile => Some(1),
            _ => None,
        };
        let cut = target.and_then(|at| Some((at, short(inputs.get(at).copied().flatten()?)?)));
        let mut inputs = inputs.to_vec();
        if let Some((at, cut)) = &cut {
            inputs[*at] = Some(cut);
        }
        let outputs = match &node.op {
            Op::Split { axis } => tonegraft_model::eval::eval_split(*axis, &inputs, node.outputs.len()),
            op => tonegraft_model::eval::eval(op, &inputs),
        };
        outputs.map_err(|error| Stop::shape(error.to_string()))
    }

    fn translate(&mut self, index: usize, node: &Node) -> Result<Vec<Fact>, Stop> {
        let one = |signal: Signal| vec![Fact::Signal(signal)];
        match &node.op {
            Op::Conv { window, group } => self.conv(node, window, *group).map(one),
            Op::Gemm {
                alpha,
                beta,
                trans_a,
                trans_b,
            } => self.gemm(node, (*alpha, *beta), *trans_a, *trans_b).map(one),
            Op::MatMul => self.matmul(node).map(one),
            Op::BatchNormalization { epsilon } => self.batch_norm(node, *epsilon).map(one),
            Op::Reduce {
                reduction,
                keep_dims,
                noop_with_empty_axes,
            } => self
                .reduce(node, *reduction, *keep_dims, *noop_with_empty_axes)
                .map(one),
            Op::Lstm { .. } | Op::Gru { .. } | Op::Rnn { .. } => self.recurrent(index, node),
            Op::ConvTranspose {
                window,
                group,
                output_padding,
                output_shape,
            } => self
                .conv_transpose(node, window, *group, output_padding, output_shape.as_deref())
                .map(one),
            Op::MaxPool { window, ceil_mode } => self.max_pool(node, window, *ceil_mode).map(one),
            Op::AveragePool {
                window,
                ceil_mode,
                count_include_pad,
            } => self.average_pool(node, window, *ceil_mode, *count_include_pad).map(one),
            Op::Softmax { axis, log } => self.softmax(node, *axis, *log).map(one),
            Op::LayerNormalization { axis, epsilon } => self.layer_norm(node, *axis, *epsilon).map(one),
            Op::InstanceNormalization { epsilon } => self.instance_norm(node, *epsilon).map(one),
            Op::ArgReduce {
                max,
                axis,
                keep_dims,
                select_last,
            } => self.arg_reduce(node, *max, *axis, *keep_dims, *select_last).map(one),
            Op::CumSum {
                axis,
                exclusive,
                reverse,
            } => self.cum_sum(node, *axis, *exclusive, *reverse).map(one),
            Op::Dft {
                axis,
                inverse,
                onesided,
            } => self.dft(node, *axis, *inverse, *onesided).map(one),
            Op::Resize { mode, coordinates } => self.resize(node, *mode, *coordinates).map(one),
            Op::Random { distribution, seed } => self.random(node, *distribution, *seed).map(one),
            Op::Where => self.choose(node).map(one),
            Op::ScatterNd | Op::ScatterElements { .. } => self.scatter(node).map(one),
            Op::GatherElements { axis } => self.gather_elements(node, *axis).map(one),
            Op::Gather { axis } if !matches!(self.fact(node, 1)?, Some(Fact::Constant { .. })) => {
                self.gather_signal(node, *axis).map(one)
            }
            Op::Unary(unary) => self.unary(node, *unary).map(one),
            Op::Binary(binary) => self.binary(node, *binary).map(one),
            Op::Sum => self.sum(node).map(one),
            Op::PRelu => self.prelu(node).map(one),
            Op::Clip => self.clip(node).map(one),
            Op::Cast { to, .. } => self.cast(node, *to).map(one),
            Op::Slice => self.slice(node).map(|fact| vec![fact]),
            Op::Pad { mode } => self.pad(node, *mode).map(one),
            Op::Concat { axis } => self.concat(node, *axis).map(one),
            Op::Split { axis } => self.split(node, *axis),
            Op::Gather { axis } if self.is_time(node, *axis) => {
                let signal = self.signal(node, 0)?;
                self.pick_frames(node, &signal).map(one)
            }
            Op::GatherNd => {
                let signal = self.signal(node, 0)?;
                self.pick_frames(node, &signal).map(one)
            }
            Op::Transpose { .. } | Op::Squeeze | Op::Unsqueeze | Op::Gather { .. } | Op::Expand | Op::Tile => {
                self.relayout(node).map(one)
            }
            Op::Reshape { .. } | Op::Flatten { .. } => self.reshape(node).map(one),
            other => Err(Stop::not_streamable(format!(
                "`{}` on a signal that changes with time is not played natively",
                other.name()
            ))),
        }
    }
}

/// Fewest convolutions with strides that are taken for a ladder: a transform by convolution has one or two.
const LADDER: usize = 3;

/// The product of the strides of all convolutions along one axis, or of all transposed ones, if those are a ladder; else 1.
fn strides(graph: &Graph, transposed: bool) -> i64 {
    let strides = graph.nodes.iter().filter_map(|node| match &node.op {
        Op::Conv { window, .. } if !transposed => Some(window),
        Op::ConvTranspose { window, .. } if transposed => Some(window),
        _ => None,
    });
    let strides = strides.filter_map(|window| match window.strides.as_slice() {
        [stride] if *stride > 1 => i64::try_from(*stride).ok(),
        _ => None,
    });
    let (count, product) = strides.fold((0usize, 1i64), |(count, product), stride| {
        (count + 1, product.saturating_mul(stride))
    });
    if count < LADDER { 1 } else { product }
}
