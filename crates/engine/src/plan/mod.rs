//! The plan: which step runs when, on which memory. What [`crate::native`] lowers, and what `inspect` prints.
//!
//! Made from a [`StreamGraph`] by dropping what nobody reads, fusing what is cheaper together (a beginning into the history of
//! the convolution that reads it; into a convolution, what is added to it, the function of that sum, and the running total that
//! it is added to), and giving every wire its place: control wires keep theirs for good, audio wires share scratch planes while
//! they live.

mod circuit;
mod display;
mod fuse;
mod layers;
mod memory;
mod weights;

pub use circuit::Circuit;
pub(crate) use circuit::{Instruction, MAX_SIGNALS as MAX_CIRCUIT_SIGNALS, Register};
pub(crate) use weights::is_rows;

use crate::error::{CompileError, CompileErrorKind};
use crate::stream::{
    Clock, Control, Feed, Noise, Planes, Prefix, Rate, RecurrentWeights, STEPWISE_HOP, StreamGraph, StreamOp,
};
use std::sync::Arc;
use tonegraft_kernels::{Cell, LANES, Ring, Weights, activation, binary, conv1d, frame, padded};

/// Frames that are computed at once at most: longer blocks are cut. Short enough for the scratch planes to stay in cache.
pub const MAX_BLOCK: usize = 64;

/// The same for codecs: as long as a frame of most, so that layers in between read their weights once for several frames.
pub const MAX_BLOCK_OF_CODECS: usize = 512;

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
    /// Distance of two planes in floats. 1 on clocks that run frame by frame: a frame is contiguous.
    pub stride: usize,
    /// How often they change.
    pub rate: Rate,
}

impl Region {
    /// Floats of all planes.
    pub const fn len(self) -> usize {
        self.planes * self.stride
    }

    /// True without planes.
    pub const fn is_empty(self) -> bool {
        self.planes == 0
    }
}

/// How a block of ticks is cut, and how many frames of a clock it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timebase {
    /// Ticks per sample.
    pub ticks: i64,
    /// Clocks with that hop or a longer one run frame by frame.
    pub stepwise_from: i64,
    /// Samples that are computed at once at most: at most one frame of a clock that runs frame by frame.
    pub block: usize,
}

impl Timebase {
    fn new(graph: &StreamGraph) -> Self {
        let (ticks, from) = (graph.ticks.max(1), graph.stepwise_from.max(1));
        let shortest = graph
            .wires
            .iter()
            .filter_map(|wire| wire.rate.hop())
            .filter(|hop| *hop >= from)
            .min()
            .unwrap_or(i64::MAX);
        // What is fed back must have been computed before.
        let loops = (graph.nodes.iter())
            .filter_map(|node| match &node.op {
                StreamOp::State { delay, .. } => {
                    let hop = graph.wires.get(node.output.index())?.rate.hop()?;
                    Some(hop.saturating_mul(i64::try_from(*delay).unwrap_or(i64::MAX)))
                }
                _ => None,
            })
            .min()
            .unwrap_or(i64::MAX);
        let samples = (shortest.min(loops) / ticks).max(1);
        let most = if from > STEPWISE_HOP {
            MAX_BLOCK_OF_CODECS
        } else {
            MAX_BLOCK
        };
        let most = i64::try_from(most).unwrap_or(64);
        Self {
            ticks,
            stepwise_from: from,
            block: usize::try_from(samples.min((most / ticks).max(1))).unwrap_or(1),
        }
    }

    /// Ticks of the longest block.
    pub fn block_ticks(&self) -> i64 {
        self.ticks * i64::try_from(self.block).unwrap_or(1)
    }

    /// True if the frames of the clock are computed one by one.
    pub const fn is_stepwise(&self, clock: Clock) -> bool {
        clock.hop >= self.stepwise_from
    }

    /// True if a block has only few frames of the clock, which are computed as rows of one matrix product.
    pub const fn is_slow(&self, clock: Clock) -> bool {
        clock.hop >= STEPWISE_HOP && !self.is_stepwise(clock)
    }

    /// The most frames that a block has.
    pub fn frames(&self, rate: Rate) -> usize {
        match rate {
            Rate::Control => 1,
            Rate::Frames(clock) if self.is_stepwise(clock) => 1,
            Rate::Frames(clock) => {
                usize::try_from((self.block_ticks() + clock.hop - 1).div_euclid(clock.hop)).unwrap_or(1)
            }
        }
    }

    /// Distance of two planes.
    pub fn stride(&self, rate: Rate) -> usize {
        match rate {
            Rate::Control => LANES,
            Rate::Frames(clock) if self.is_stepwise(clock) => 1,
            rate => padded(self.frames(rate)),
        }
    }
}

/// The second input of a convolution: one tap, without a delay.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    /// Its channels.
    pub inputs: usize,
    /// `[outputs, channels]`.
    pub weights: Arc<[f32]>,
}

/// What a step computes.
#[derive(Clone, Debug, PartialEq)]
pub enum StepOp {
    /// Convolution over the past of the first input. The next input is that of `mix`, if there is one; then come the addends.
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
        /// The second input.
        mix: Option<Mix>,
        /// How many signals are added to the result.
        addends: usize,
        /// Function of the result.
        activation: Option<activation::Function>,
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
    /// The first input where the condition is not 0, else the second.
    Select {
        /// Pairing of planes: condition, first, second.
        pairing: [Planes; 3],
    },
    /// The input with another beginning.
    Begin(Prefix),
    /// The input, that many ticks later.
    Delay(i64),
    /// Past frames as planes of a slower clock.
    Stack {
        /// Frames taken.
        taps: usize,
        /// Their distance.
        dilation: usize,
        /// Frames per frame.
        every: usize,
        /// What the input begins with.
        begin: Option<Prefix>,
    },
    /// Planes as successive frames of a faster clock.
    Spread {
        /// Frames per frame.
        factor: usize,
    },
    /// A function of one frame.
    Frame(frame::Function),
    /// A delay line.
    Read {
        /// Frames remembered.
        reach: usize,
    },
    /// Reads a memory.
    State {
        /// Which.
        number: usize,
        /// First values.
        start: Arc<[f32]>,
        /// Frames that a value stays in it.
        delay: usize,
    },
    /// Writes a memory.
    Store {
        /// Which.
        number: usize,
        /// Frames before this tick leave it as it is.
        start: i64,
    },
    /// A loop, sample by sample.
    Circuit(Arc<Circuit>),
    /// `scale · n + offset` from a tick on.
    Ramp {
        /// Tick of frame 0.
        start: i64,
        /// Per frame.
        scale: f64,
        /// At frame 0.
        offset: f64,
    },
    /// The phase of an oscillator.
    Phase {
        /// Turns per second, unless an input says so.
        rate: f32,
        /// Frames per second.
        frames: f32,
        /// Added to the phase of each further plane.
        offset: f32,
    },
    /// Random numbers.
    Noise {
        /// Distribution.
        noise: Noise,
        /// Decides the sequence.
        seed: u64,
    },
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
    /// Where the result is added, too.
    pub total: Option<Region>,
}

/// A model, ready to be lowered for a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How blocks are cut.
    pub time: Timebase,
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
    /// Values that are shown: the output's name, and where they stand.
    pub meters: Vec<(String, Region)>,
    /// Added latency in samples.
    pub latency: usize,
    /// Of these, samples gathered before a frame can be computed.
    pub hop_latency: usize,
    /// Samples before 0 that make the start state.
    pub pre_roll: usize,
    /// Samples that one output sample depends on, recurrent memory apart.
    pub receptive_field: usize,
    /// Samples that one output sample reaches back.
    pub far: usize,
    /// There is a recurrent layer.
    pub recurrent: bool,
    /// Multiply-adds per frame of matrices and convolutions.
    pub macs: u64,
    /// Bytes of weights, as [`Self::weights`] keeps them.
    pub weight_bytes: usize,
    /// Bytes of histories and recurrent states.
    pub state_bytes: usize,
    /// How layers keep their weights.
    pub weights: Weights,
}

impl Plan {
    /// Plans `graph` within `budget`.
    ///
    /// # Errors
    /// [`CompileErrorKind::Limit`] with the figure.
    pub fn new(graph: &StreamGraph, budget: &Budget) -> Result<Self, CompileError> {
        let graph = &circuit::gather(graph);
        let nodes = fuse::fuse(graph);
        let time = Timebase::new(graph);
        let places = memory::place(graph, &nodes, &time);
        let (mut control_steps, mut steps) = (Vec::new(), Vec::new());
        for step in places.steps {
            match step.output.rate {
                Rate::Control => control_steps.push(step),
                Rate::Frames(_) => steps.push(step),
            }
        }
        let timing = graph.output.timing;
        let samples = |ticks: i64| usize::try_from((ticks + time.ticks - 1).div_euclid(time.ticks)).unwrap_or(0);
        let count = |f: &dyn Fn(&Step) -> usize| steps.iter().fold(0usize, |sum, step| sum.saturating_add(f(step)));
        let plan = Self {
            time,
            memory: places.floats,
            constants: places.constants,
            input: places.input,
            feeds: graph.input.1.clone(),
            channels: graph.channels,
            controls: graph.controls.clone(),
            control_cells: places.control_cells,
            output: places.output,
            meters: places.meters,
            latency: graph.latency,
            hop_latency: graph.hop_latency,
            pre_roll: graph.pre_roll,
            receptive_field: samples(timing.far - timing.near) + 1,
            far: samples(timing.far),
            recurrent: timing.recurrent,
            macs: macs(&steps, &time),
            weight_bytes: count(&weights::count).saturating_mul(4),
            state_bytes: count(&|step| state(step, &time)).saturating_mul(4),
            weights: Weights::F32,
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

/// Multiply-adds per sample, rounded up.
fn macs(steps: &[Step], time: &Timebase) -> u64 {
    let mut sum = 0.0f64;
    for step in steps {
        let Some(hop) = step.output.rate.hop() else { continue };
        // Every weight of a layer is used once per frame.
        let per_frame = match &step.op {
            StepOp::Frame(function) => function.macs(),
            _ => weights::count(step) as u64,
        };
        #[allow(clippy::cast_precision_loss)]
        {
            sum += per_frame as f64 * time.ticks as f64 / hop as f64;
        }
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    {
        sum.ceil() as u64
    }
}

/// Floats of history and recurrent state; those of a recurrent layer roughly, its kernel decides.
fn state(step: &Step, time: &Timebase) -> usize {
    let ring = |planes: usize, history: usize, rate: Rate| {
        Ring::new(planes, history, time.frames(rate)).map_or(usize::MAX, |ring| ring.len())
    };
    let source = step.inputs.first().map_or(Rate::Control, |region| region.rate);
    match &step.op {
        StepOp::Conv { shape, dilation, .. } if shape.taps > 1 => {
            ring(shape.inputs, (shape.taps - 1) * dilation, source)
        }
        StepOp::Recurrent { weights, .. } => weights.inputs + 18 * padded(weights.hidden),
        StepOp::Delay(ticks) => ring(step.output.planes, delay_frames(*ticks, source), source),
        StepOp::Stack { taps, dilation, .. } => {
            let planes = step.inputs.first().map_or(0, |region| region.planes);
            ring(planes, taps.saturating_sub(1) * dilation, source)
        }
        StepOp::Read { reach } => ring(1, *reach, source),
        StepOp::Spread { .. } => step.inputs.first().map_or(0, |region| region.planes),
        StepOp::Phase { .. } => OSCILLATOR_STATE,
        StepOp::Circuit(circuit) => circuit.memory(),
        StepOp::State { start, delay, .. } => start.len().saturating_mul(*delay),
        _ => 0,
    }
}

/// Floats of state of an oscillator: its phase and how far it has to go, each as two halves, and for how many frames.
pub(crate) const OSCILLATOR_STATE: usize = 5;

/// Frames of history that a delay by `ticks` needs.
pub(crate) fn delay_frames(ticks: i64, rate: Rate) -> usize {
    let hop = rate.hop().unwrap_or(1);
    usize::try_from((ticks + hop - 1).div_euclid(hop)).unwrap_or(usize::MAX)
}
