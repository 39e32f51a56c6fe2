//! The plan: which step runs when, on which memory. What [`crate::native`] lowers, and what `inspect` prints.
//!
//! Made from a [`StreamGraph`] by dropping what nobody reads, fusing what is cheaper together (a beginning into the history of
//! the convolution that reads it; a slope below zero into the convolution before it), and giving every wire its place: control
//! wires keep theirs for good, audio wires share scratch planes while they live.

mod display;
mod fuse;
mod memory;

use crate::error::{CompileError, CompileErrorKind};
use crate::stream::{Cell, Control, Feed, Planes, Prefix, Rate, RecurrentWeights, StreamGraph};
use std::sync::Arc;
use tonegraft_kernels::{LANES, Ring, activation, binary, conv1d};

/// Frames that are computed at once at most: longer blocks are cut. Short enough for the scratch planes to stay in cache.
pub const MAX_BLOCK: usize = 64;

/// What a plan may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Memory of one instance in bytes, weights included.
    pub bytes: usize,
    /// Multiply-adds per sample.
    pub macs: u64,
}

impl Default for Budget {
    /// 512 MiB, and 10 million multiply-adds per sample: about five times what a fast core does in real time at 48 kHz.
    fn default() -> Self {
        Self {
            bytes: 512 << 20,
            macs: 10_000_000,
        }
    }
}

/// Planes in the working memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First float.
    pub offset: usize,
    /// Number of planes.
    pub planes: usize,
    /// How often they change, which decides the stride.
    pub rate: Rate,
}

impl Region {
    /// Distance of two planes in floats.
    pub const fn stride(self) -> usize {
        match self.rate {
            Rate::Audio => MAX_BLOCK,
            Rate::Control => LANES,
        }
    }

    /// Floats of all planes.
    pub const fn len(self) -> usize {
        self.planes * self.stride()
    }

    /// True without planes.
    pub const fn is_empty(self) -> bool {
        self.planes == 0
    }
}

/// What a step computes.
#[derive(Clone, Debug, PartialEq)]
pub enum StepOp {
    /// Convolution over the past.
    Conv {
        /// Sizes.
        shape: conv1d::Shape,
        /// Distance of two taps in frames.
        dilation: usize,
        /// `[outputs, inputs / groups, taps]`.
        weights: Arc<[f32]>,
        /// `[outputs]`.
        bias: Option<Arc<[f32]>>,
        /// Slope below zero, `[outputs]`.
        slopes: Option<Arc<[f32]>>,
        /// What its input begins with.
        begin: Option<Prefix>,
    },
    /// Recurrent layer.
    Recurrent {
        /// Its kind.
        cell: Cell,
        /// Its weights.
        weights: Box<RecurrentWeights>,
        /// First tick.
        start: i64,
    },
    /// Element-wise.
    Unary(activation::Function),
    /// Element-wise.
    Binary {
        /// The function.
        function: binary::Function,
        /// Pairing of planes.
        a: Planes,
        /// Pairing of planes.
        b: Planes,
    },
    /// Planes in a new order: `(input, plane)`.
    Assemble(Vec<(usize, usize)>),
    /// The input with another beginning.
    Begin(Prefix),
    /// The input, that many frames later.
    Delay(usize),
}

/// One step in place.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The graph node it comes from.
    pub name: String,
    /// What it computes.
    pub op: StepOp,
    /// What it reads.
    pub inputs: Vec<Region>,
    /// What it writes; may be its first input, for element-wise steps and beginnings.
    pub output: Region,
}

/// A model, ready to be lowered for a machine.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Steps that run when a knob has moved.
    pub control_steps: Vec<Step>,
    /// Steps that run for every block.
    pub steps: Vec<Step>,
    /// Constants and where they stand: one value per plane, at control rate.
    pub constants: Vec<(Region, Arc<[f32]>)>,
    /// Floats of working memory.
    pub memory: usize,
    /// Where the input is put.
    pub input: Region,
    /// What feeds each plane of the input.
    pub feeds: Vec<Feed>,
    /// Audio channels in.
    pub channels: usize,
    /// Knob values, also those not shown.
    pub controls: Vec<Control>,
    /// Per plane at control rate that a knob feeds: offset of the plane, and the control.
    pub control_cells: Vec<(usize, usize)>,
    /// Where the result is taken.
    pub output: Region,
    /// Added latency in frames.
    pub latency: usize,
    /// Ticks before 0 that make the start state.
    pub pre_roll: usize,
    /// Frames that one output frame depends on, recurrent memory apart.
    pub receptive_field: usize,
    /// Ticks that one output tick reaches back.
    pub far: usize,
    /// There is a recurrent layer.
    pub recurrent: bool,
    /// Multiply-adds per frame of matrices and convolutions.
    pub macs: u64,
    /// Bytes of weights.
    pub weight_bytes: usize,
    /// Bytes of histories and recurrent states.
    pub state_bytes: usize,
}

impl Plan {
    /// Plans `graph` within `budget`.
    ///
    /// # Errors
    /// [`CompileErrorKind::Limit`] with the figure.
    pub fn new(graph: &StreamGraph, budget: &Budget) -> Result<Self, CompileError> {
        let nodes = fuse::fuse(graph);
        let places = memory::place(graph, &nodes);
        let (mut control_steps, mut steps) = (Vec::new(), Vec::new());
        for step in places.steps {
            match step.output.rate {
                Rate::Control => control_steps.push(step),
                Rate::Audio => steps.push(step),
            }
        }
        let timing = graph.output.timing;
        let positive = |frames: i64| usize::try_from(frames).unwrap_or(0);
        let count = |f: fn(&Step) -> usize| steps.iter().fold(0usize, |sum, step| sum.saturating_add(f(step)));
        let plan = Self {
            memory: places.floats,
            constants: places.constants,
            input: places.input,
            feeds: graph.input.1.clone(),
            channels: graph.channels,
            controls: graph.controls.clone(),
            control_cells: places.control_cells,
            output: places.output,
            latency: graph.latency,
            pre_roll: graph.pre_roll,
            receptive_field: positive(timing.far - timing.near + 1),
            far: positive(timing.far),
            recurrent: timing.recurrent,
            // Every weight is used once per frame.
            macs: count(weights) as u64,
            weight_bytes: count(weights).saturating_mul(4),
            state_bytes: count(state).saturating_mul(4),
            control_steps,
            steps,
        };
        let limit = |reason: String| Err(CompileError::new(CompileErrorKind::Limit, reason));
        if plan.macs > budget.macs {
            return limit(format!(
                "it needs {} multiply-adds per sample, the limit is {}",
                plan.macs, budget.macs
            ));
        }
        if plan.bytes() > budget.bytes {
            return limit(format!(
                "an instance needs {} bytes of memory, the limit is {}",
                plan.bytes(),
                budget.bytes
            ));
        }
        Ok(plan)
    }

    /// Audio channels out.
    pub const fn outputs(&self) -> usize {
        self.output.planes
    }

    /// Bytes of one instance: weights, state twice (the start state is kept), working memory.
    pub const fn bytes(&self) -> usize {
        self.weight_bytes
            .saturating_add(self.state_bytes.saturating_mul(2))
            .saturating_add(self.memory.saturating_mul(4))
    }
}

fn weights(step: &Step) -> usize {
    match &step.op {
        StepOp::Conv { weights, .. } => weights.len(),
        StepOp::Recurrent { weights, .. } => weights.w.len() + weights.r.len(),
        _ => 0,
    }
}

/// Floats of history and recurrent state; those of a recurrent layer roughly, its kernel decides.
fn state(step: &Step) -> usize {
    let ring =
        |planes: usize, history: usize| Ring::new(planes, history, MAX_BLOCK).map_or(usize::MAX, |ring| ring.len());
    match &step.op {
        StepOp::Conv { shape, dilation, .. } if shape.taps > 1 => ring(shape.inputs, (shape.taps - 1) * dilation),
        StepOp::Recurrent { weights, .. } => weights.inputs + 10 * (weights.hidden + LANES),
        StepOp::Delay(frames) => ring(step.output.planes, *frames),
        _ => 0,
    }
}
