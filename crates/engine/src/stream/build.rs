//! Graph → stream graph: walks the nodes in order and asks, for each value, what it is in time.

use super::inputs::{self, Control};
use super::shape;
use super::{Axis, Rate, Signal, StreamGraph, StreamNode, StreamOp, Timing, View, Wire, WireId};
use crate::error::{CompileError, CompileErrorKind as Kind};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tonegraft_model::{Graph, Node, Op, SymInt, Tensor, ValueId};

/// What a value is in time.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    /// Always the same; `state` if it is (a layout of) a state input's start value.
    Constant { tensor: Tensor, state: Option<ValueId> },
    /// Changes with time or knobs.
    Signal(Signal),
    /// The last frames of a signal: only good for the next value of a state.
    Tail { of: Signal, length: usize },
    /// The last state of recurrent layers: `(node index, cell state)` each. Only good for the next value of a state.
    Last(BTreeSet<(usize, bool)>),
}

/// Why a node or the whole is refused, or that an input guessed to be a state is a knob after all.
pub(super) enum Stop {
    Refused(CompileError),
    NotAState(ValueId),
}

impl Stop {
    pub(super) fn not_streamable(reason: impl Into<String>) -> Self {
        Self::Refused(CompileError::new(Kind::NotStreamable, reason))
    }

    pub(super) fn shape(reason: impl Into<String>) -> Self {
        Self::Refused(CompileError::new(Kind::Shape, reason))
    }
}

/// Constant floats: shape and values.
pub(super) type Floats = (Vec<usize>, Arc<[f32]>);

/// An integer that a shape or a bound is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// A number.
    Known(i64),
    /// The length of the audio input plus so much.
    Audio(i64),
}

impl Length {
    pub fn known(self) -> Option<i64> {
        match self {
            Self::Known(value) => Some(value),
            Self::Audio(_) => None,
        }
    }
}

/// A state that a `Concat` along time puts before a signal.
pub(super) struct Carried {
    pub state: ValueId,
    pub length: usize,
    pub source: View,
    pub joined: View,
}

pub(super) struct Builder<'a> {
    pub graph: &'a Graph,
    pub wires: Vec<Wire>,
    pub nodes: Vec<StreamNode>,
    pub facts: Vec<Option<Fact>>,
    /// Length of the audio input if the export fixed it.
    pub fixed_length: Option<usize>,
    /// The name of its length if the export left it open.
    pub length_symbol: Option<String>,
    /// Recurrent layers that start from a state input: `(node, cell state) → state`.
    pub recurrent_states: BTreeMap<(usize, bool), ValueId>,
    pub carried: Vec<Carried>,
    pub earliest: i64,
    pub current: (usize, String),
    delays: HashMap<(View, usize), View>,
}

/// Compiles `graph`. `states` gives start values of state inputs by name; others start from zeros.
///
/// # Errors
/// The first node that cannot run frame by frame, or what is wrong with inputs or outputs.
pub fn compile(graph: &Graph, states: &BTreeMap<String, Tensor>) -> Result<StreamGraph, CompileError> {
    let audio = inputs::audio_input(graph)?;
    let mut knobs: BTreeSet<ValueId> = inputs::declared_knobs(graph);
    loop {
        match attempt(graph, &audio, &knobs, states) {
            Ok(done) => return Ok(done),
            Err(Stop::Refused(error)) => return Err(error),
            // Each round declares one more input a knob, so that this ends.
            Err(Stop::NotAState(id)) => {
                if !knobs.insert(id) {
                    return Err(CompileError::new(
                        Kind::Input,
                        format!("input `{}` is used in no way that streams", graph.value(id).name),
                    ));
                }
            }
        }
    }
}

fn attempt(
    graph: &Graph,
    audio: &inputs::AudioInput,
    knobs: &BTreeSet<ValueId>,
    states: &BTreeMap<String, Tensor>,
) -> Result<StreamGraph, Stop> {
    let mut builder = Builder {
        graph,
        wires: Vec::new(),
        nodes: Vec::new(),
        facts: vec![None; graph.values.len()],
        fixed_length: audio.fixed_length,
        length_symbol: audio.length_symbol.clone(),
        recurrent_states: BTreeMap::new(),
        carried: Vec::new(),
        earliest: 0,
        current: (0, "input".into()),
        delays: HashMap::new(),
    };
    let input = builder.wire(limited_planes(&audio.axes)?, Rate::Audio);
    builder.facts[audio.id.index()] = Some(Fact::Signal(Signal {
        view: builder.whole(input),
        axes: audio.axes.clone(),
        timing: Timing::default(),
    }));
    let mut controls: Vec<Control> = Vec::new();
    let mut control_wires = Vec::new();
    for id in graph.inputs.iter().filter(|id| **id != audio.id) {
        let sizes = inputs::static_shape(graph, *id)?;
        if knobs.contains(id) {
            let axes: Vec<Axis> = sizes.iter().copied().map(Axis::Size).collect();
            let wire = builder.wire(limited_planes(&axes)?, Rate::Control);
            let indices: Vec<usize> = (0..builder.wires[wire.index()].planes)
                .map(|element| {
                    controls.push(Control::of(graph, *id, element));
                    controls.len() - 1
                })
                .collect();
            control_wires.push((wire, indices));
            builder.facts[id.index()] = Some(Fact::Signal(Signal {
                view: builder.whole(wire),
                axes: sizes.into_iter().map(Axis::Size).collect(),
                timing: Timing::default(),
            }));
        } else {
            let tensor = inputs::start_value(graph, *id, &sizes, states)?;
            builder.facts[id.index()] = Some(Fact::Constant {
                tensor,
                state: Some(*id),
            });
        }
    }
    let needed = needed(graph);
    for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
        builder.current = (index, node.name.clone());
        builder.node(index, node).map_err(|stop| match stop {
            Stop::Refused(error) => Stop::Refused(error.at(node)),
            other => other,
        })?;
    }
    builder.current = (graph.nodes.len(), "output".into());
    builder.finish(audio, input, controls, control_wires)
}

/// Nodes that some output depends on.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut wanted: BTreeSet<ValueId> = graph.outputs.iter().copied().collect();
    let mut needed = vec![false; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if node.outputs.iter().flatten().any(|id| wanted.contains(id)) {
            needed[index] = true;
            wanted.extend(node.inputs.iter().flatten());
        }
    }
    needed
}

/// The most planes of a signal: a thousand times what audio models have.
const MAX_PLANES: usize = 1 << 16;

/// The most frames that padding, cropping and kernels move a signal by: minutes of audio.
const MAX_FRAMES: i64 = 1 << 24;

/// The most weights of one layer.
const MAX_WEIGHTS: usize = 1 << 26;

fn limit(reason: String) -> Stop {
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
    /// The fact of input `at` of `node`; `None` if it is left out.
    pub fn fact(&self, node: &Node, at: usize) -> Result<Option<Fact>, Stop> {
        let Some(id) = node.inputs.get(at).copied().flatten() else {
            return Ok(None);
        };
        if let Some(tensor) = self.graph.constant(id) {
            return Ok(Some(Fact::Constant {
                tensor: tensor.clone(),
                state: None,
            }));
        }
        match &self.facts[id.index()] {
            Some(fact) => Ok(Some(fact.clone())),
            None => Err(Stop::not_streamable(format!(
                "its input `{}` depends on the length of the whole signal",
                self.graph.value(id).name
            ))),
        }
    }

    /// Input `at` as a constant tensor.
    pub fn constant(&self, node: &Node, at: usize) -> Result<Option<Tensor>, Stop> {
        match self.fact(node, at)? {
            None => Ok(None),
            Some(Fact::Constant { tensor, state: None }) => Ok(Some(tensor)),
            Some(Fact::Constant { state: Some(id), .. }) => Err(Stop::NotAState(id)),
            Some(_) => Err(Stop::not_streamable(format!(
                "input {at} changes while playing; only constants are possible there"
            ))),
        }
    }

    /// Input `at` as constant floats with their shape.
    pub fn floats(&self, node: &Node, at: usize) -> Result<Option<Floats>, Stop> {
        self.constant(node, at)?
            .map(|tensor| {
                let values = tensor
                    .as_f32()
                    .ok_or_else(|| Stop::shape(format!("input {at} is no float")))?;
                Ok((tensor.shape().to_vec(), values.into()))
            })
            .transpose()
    }

    /// Input `at` as constant integers.
    pub fn integers(&self, node: &Node, at: usize) -> Result<Option<Vec<i64>>, Stop> {
        self.constant(node, at)?
            .map(|tensor| {
                tensor
                    .as_i64()
                    .map(<[i64]>::to_vec)
                    .ok_or_else(|| Stop::shape(format!("input {at} is no integer")))
            })
            .transpose()
    }

    /// Input `at` as integers that may depend on the length of the audio.
    pub fn lengths(&self, node: &Node, at: usize) -> Result<Option<Vec<Length>>, Stop> {
        let symbolic = node
            .inputs
            .get(at)
            .copied()
            .flatten()
            .and_then(|id| self.graph.value(id).symbolic.as_ref());
        let Some(terms) = symbolic else {
            let known = self.integers(node, at)?;
            return Ok(known.map(|values| values.into_iter().map(Length::Known).collect()));
        };
        let lengths: Option<Vec<Length>> = terms
            .iter()
            .map(|term| match term {
                SymInt::Known(value) => Some(Length::Known(*value)),
                SymInt::Affine(term)
                    if (term.num(), term.den()) == (1, 1) && self.length_symbol.as_deref() == Some(term.symbol()) =>
                {
                    Some(Length::Audio(term.offset()))
                }
                // Other open sizes are batches, of which there is one.
                SymInt::Affine(term) if self.length_symbol.as_deref() != Some(term.symbol()) => {
                    term.eval(1).map(Length::Known)
                }
                _ => None,
            })
            .collect();
        lengths.map(Some).ok_or_else(|| {
            Stop::not_streamable(
                "its shape or bounds depend on the length of the signal in a way that is not played natively",
            )
        })
    }

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

    /// Adds an operation that makes `planes` planes at the fastest rate of its inputs.
    pub fn push(&mut self, op: StreamOp, inputs: Vec<View>, planes: usize) -> View {
        let rate = inputs
            .iter()
            .map(|view| self.rate(*view))
            .max()
            .unwrap_or(Rate::Control);
        let output = self.wire(planes, rate);
        self.nodes.push(StreamNode {
            name: self.current.1.clone(),
            op,
            inputs,
            output,
        });
        self.whole(output)
    }

    /// `view`, `frames` later; one delay serves all who ask for the same.
    pub fn delay(&mut self, view: View, frames: usize) -> View {
        if frames == 0 {
            return view;
        }
        if let Some(delayed) = self.delays.get(&(view, frames)) {
            return *delayed;
        }
        let delayed = self.push(StreamOp::Delay(frames), vec![view], view.planes);
        self.delays.insert((view, frames), delayed);
        delayed
    }

    /// The signals with equal shifts, and what holds for all of them together. Control signals fit any time.
    pub fn align(&mut self, signals: &mut [Signal]) -> Result<Timing, Stop> {
        let audio: Vec<Timing> = (signals.iter())
            .filter(|signal| self.rate(signal.view) == Rate::Audio)
            .map(|signal| signal.timing)
            .collect();
        let Some(first) = audio.first().copied() else {
            return Ok(Timing::default());
        };
        if let Some(other) = audio.iter().find(|timing| timing.growth != first.growth) {
            return Err(Stop::shape(format!(
                "signals meet whose lengths differ by {} frames",
                (other.growth - first.growth).abs()
            )));
        }
        let shift = audio.iter().map(|timing| timing.shift).max().unwrap_or(0);
        let mut all = Timing {
            shift,
            growth: first.growth,
            far: 0,
            near: i64::MAX,
            recurrent: false,
        };
        for signal in signals.iter_mut() {
            if self.rate(signal.view) != Rate::Audio {
                continue;
            }
            let late = shift - signal.timing.shift;
            signal.view = self.delay(signal.view, usize::try_from(late).unwrap_or(0));
            signal.timing = Timing {
                shift,
                far: signal.timing.far + late,
                near: signal.timing.near + late,
                ..signal.timing
            };
            all.far = all.far.max(signal.timing.far);
            all.near = all.near.min(signal.timing.near);
            all.recurrent |= signal.timing.recurrent;
        }
        Ok(all)
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

    fn node(&mut self, index: usize, node: &Node) -> Result<(), Stop> {
        if let Op::Unsupported { name } = &node.op {
            return Err(Stop::Refused(CompileError::new(
                Kind::Operator,
                format!("the operator `{name}` is not known here"),
            )));
        }
        // Arithmetic on sizes alone was done by the reader.
        let outputs = || node.outputs.iter().flatten().map(|id| self.graph.value(*id));
        if outputs().all(|value| value.symbolic.is_some() || value.constant.is_some()) {
            return Ok(());
        }
        let of_size = |at: usize| node.inputs[at].is_some_and(|id| self.graph.value(id).symbolic.is_some());
        let facts = (0..node.inputs.len())
            .map(|at| if of_size(at) { Ok(None) } else { self.fact(node, at) })
            .collect::<Result<Vec<_>, _>>()?;
        // The shape of a signal has no fact; who needs it says so.
        if matches!(node.op, Op::Shape { .. } | Op::Size) && matches!(facts.first(), Some(Some(Fact::Signal(_)))) {
            return Ok(());
        }
        let constants: Option<Vec<Option<&Tensor>>> = facts
            .iter()
            .enumerate()
            .map(|(at, fact)| match fact {
                None if of_size(at) => None,
                None => Some(None),
                Some(Fact::Constant { tensor, .. }) => Some(Some(tensor)),
                _ => None,
            })
            .collect();
        let states: Vec<ValueId> = facts
            .iter()
            .filter_map(|fact| match fact {
                Some(Fact::Constant { state, .. }) => *state,
                _ => None,
            })
            .collect();
        let results = if let Some(inputs) = constants {
            let state = states.first().copied();
            if let Some(id) = state
                && !is_layout(&node.op)
            {
                return Err(Stop::NotAState(id));
            }
            let outputs = match &node.op {
                Op::Split { axis } => tonegraft_model::eval::eval_split(*axis, &inputs, node.outputs.len()),
                op => tonegraft_model::eval::eval(op, &inputs),
            };
            let outputs = outputs.map_err(|error| Stop::shape(error.to_string()))?;
            outputs
                .into_iter()
                .map(|tensor| Fact::Constant { tensor, state })
                .collect()
        } else if facts
            .iter()
            .flatten()
            .any(|fact| matches!(fact, Fact::Tail { .. } | Fact::Last(_)))
        {
            self.state_layout(node, &facts)?
        } else {
            self.translate(index, node)?
        };
        for (id, fact) in node.outputs.iter().zip(results) {
            if let Fact::Signal(signal) = &fact {
                self.earliest = self.earliest.min(signal.timing.shift);
            }
            if let Some(id) = id {
                self.facts[id.index()] = Some(fact);
            }
        }
        Ok(())
    }

    /// Layout operators on the next value of a state only pass it on.
    fn state_layout(&self, node: &Node, facts: &[Option<Fact>]) -> Result<Vec<Fact>, Stop> {
        let refuse = || Stop::not_streamable("it works on the last frames only, which have no place in a stream");
        if !is_layout(&node.op) {
            return Err(refuse());
        }
        let mut last = BTreeSet::new();
        for fact in facts.iter().flatten() {
            match fact {
                Fact::Last(layers) => last.extend(layers.iter().copied()),
                Fact::Constant { .. } => {}
                Fact::Tail { .. } if node.inputs.len() == 1 => return Ok(vec![fact.clone()]),
                _ => return Err(refuse()),
            }
        }
        Ok(vec![Fact::Last(last); node.outputs.len()])
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

    fn finish(
        mut self,
        audio: &inputs::AudioInput,
        input: WireId,
        mut controls: Vec<Control>,
        control_wires: Vec<(WireId, Vec<usize>)>,
    ) -> Result<StreamGraph, Stop> {
        let (name, mut output, states) = self.outputs(audio)?;
        let planes = self.wires[input.index()].planes;
        let (feeds, channels) = inputs::feeds(self.graph, audio, planes, output.view.planes, &mut controls)?;
        // Missing frames are missing at the beginning; frames too many are the tail.
        let late = output.timing.shift + output.timing.growth.min(0);
        if late < 0 {
            let frames = usize::try_from(-late).unwrap_or(0);
            output.view = self.delay(output.view, frames);
            output.timing.shift -= late;
            output.timing.far -= late;
            output.timing.near -= late;
        }
        let latency = usize::try_from(late.max(0)).unwrap_or(0);
        if latency > 0 {
            output.view = self.begin(output.view, late, &[], 0);
        }
        Ok(StreamGraph {
            inferred: inputs::inferred(self.graph, audio, &controls, &name),
            audio: (self.graph.value(audio.id).name.clone(), name),
            wires: self.wires,
            nodes: self.nodes,
            input: (input, feeds),
            channels,
            controls,
            control_wires,
            output,
            latency,
            pre_roll: usize::try_from(-self.earliest).unwrap_or(0),
            states,
        })
    }
}

/// Operators that only move values: a state stays a state through them.
fn is_layout(op: &Op) -> bool {
    matches!(
        op,
        Op::Slice
            | Op::Squeeze
            | Op::Unsqueeze
            | Op::Reshape { .. }
            | Op::Flatten { .. }
            | Op::Transpose { .. }
            | Op::Concat { .. }
            | Op::Split { .. }
            | Op::Gather { .. }
            | Op::Cast { .. }
    )
}
