//! The stream graph: a model as operations on wires that run frame by frame.
//!
//! A *wire* has planes (channels) at the control rate, one value until a knob moves, or on a [`Clock`], one value per frame.
//! A [`Signal`] is what a node of the model's graph sees on a wire: which planes, under which axes, and when. Layout operators
//! (Transpose, Reshape, Squeeze, …) only make other signals on the same wire.
//!
//! Time is counted in *ticks*: audio samples, or equal parts of one where a model works above the audio rate. Index `n` of a
//! signal with hop `h` appears at tick `n·h + shift`, tick 0 being the first sample after reset. A convolution over `reach`
//! past frames without padding has its first result `reach` frames later; padding at the beginning and cropping move the
//! index back and forth without touching a sample; where signals of different shift meet, the earlier one is delayed. A strided
//! layer *stacks* the frames under its kernel into planes of a slower clock; a transposed one *spreads* planes over the frames
//! of a faster clock. What does not concern time is a *frame function*. The latency of the model is then a result: the output's
//! index `n` belongs to the input's index `n − min(growth, 0)` (an unpadded network is shorter at the beginning, a longer one
//! has a tail), so it comes `shift + min(growth, 0)` late.
//!
//! Lengths are those of a whole-signal run: of the length that the export fixed, or of a virtual one, longer than any signal and
//! a multiple of any hop, where it left it open.

mod attention;
mod build;
mod compile;
mod convolution;
mod dense;
mod display;
mod elementwise;
mod facts;
mod feedback;
mod frames;
mod inputs;
mod kept;
mod layout;
mod next;
mod oscillator;
mod outputs;
mod patterns;
mod pool;
mod positions;
mod rates;
mod recurrent;
mod resize;
mod shape;
mod time;
mod windows;

pub use inputs::Control;
pub(crate) use rates::gcd;
use std::sync::Arc;
use tonegraft_kernels::{Cell, activation, binary, conv1d, frame};

/// Hops, in ticks, from which on frames are computed one by one, vectors running along features: blocks have two of them.
pub const STEPWISE_HOP: i64 = 32;

/// The same in codecs, at most: on clocks between the two, few frames are computed at once, as rows of one matrix product.
pub const STEPWISE_HOP_OF_CODECS: i64 = 128;

/// Index of a wire in [`StreamGraph::wires`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireId(pub u32);

impl WireId {
    /// As an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// When the frames of a wire are: at the ticks `t` with `t mod hop = phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clock {
    /// Ticks from frame to frame, at least 1.
    pub hop: i64,
    /// `0 .. hop`.
    pub phase: i64,
}

impl Clock {
    /// The clock of a signal with that hop (at least 1) and shift.
    pub const fn new(hop: i64, shift: i64) -> Self {
        Self {
            hop,
            phase: shift.rem_euclid(hop),
        }
    }
}

/// How often a wire's values change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rate {
    /// When a knob moves; constants never.
    Control,
    /// Every frame of a clock.
    Frames(Clock),
}

impl Rate {
    /// The hop, unless it is the control rate.
    pub const fn hop(self) -> Option<i64> {
        match self {
            Self::Control => None,
            Self::Frames(clock) => Some(clock.hop),
        }
    }
}

/// Planes that one operation writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Number of planes.
    pub planes: usize,
    /// How often they change.
    pub rate: Rate,
}

/// Consecutive planes of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The wire.
    pub wire: WireId,
    /// First plane.
    pub first: usize,
    /// Number of planes.
    pub planes: usize,
}

/// When a signal's frames appear, and what they depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Index `n` appears at tick `n·hop + shift`.
    pub shift: i64,
    /// Its number of frames in a whole-signal run; see the module.
    pub length: i64,
    /// A tick depends on input ticks at most this far back, recurrent memory apart …
    pub far: i64,
    /// … and at least this far.
    pub near: i64,
    /// A recurrent layer lies before it.
    pub recurrent: bool,
}

/// An axis of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// The frames.
    Time,
    /// Features; all feature axes together, in row-major order, are the planes.
    Size(usize),
    /// Features that are the last frames, the newest last.
    Past(usize),
}

/// A value of the model's graph that changes with time or knobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Its planes.
    pub view: View,
    /// Its axes as the graph sees them.
    pub axes: Vec<Axis>,
    /// When.
    pub timing: Timing,
}

impl Signal {
    /// How many elements lie along an axis: of the time, as many as the whole signal has. 0 if there is no such axis.
    pub(crate) fn length(&self, axis: usize) -> i64 {
        match self.axes.get(axis) {
            Some(Axis::Time) => self.timing.length,
            Some(Axis::Size(size) | Axis::Past(size)) => i64::try_from(*size).unwrap_or(0),
            None => 0,
        }
    }
}

/// Which planes of an operand an element-wise operation pairs with the planes of its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Planes {
    /// Plane `p` with plane `p`.
    Each,
    /// All with plane 0.
    One,
    /// Plane `p` with plane `map[p]`.
    Map(Vec<usize>),
}

impl Planes {
    /// How the planes of a signal with axes `from` are paired with those of a result with axes `to` that it is broadcast to.
    fn between(from: &[Axis], to: &[Axis]) -> Self {
        let map = shape::broadcast_planes(from, to);
        if map.iter().enumerate().all(|(p, plane)| p == *plane) {
            Self::Each
        } else if map.iter().all(|plane| *plane == 0) {
            Self::One
        } else {
            Self::Map(map)
        }
    }

    /// The operand's plane for plane `p` of the result.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn get(&self, p: usize) -> usize {
        match self {
            Self::Each => p,
            Self::One => 0,
            Self::Map(map) => map.get(p).copied().unwrap_or(0),
        }
    }
}

/// Weights of a recurrent layer, gates in ONNX order, as [`tonegraft_kernels`] takes them.
#[derive(Clone, Debug, PartialEq)]
pub struct RecurrentWeights {
    /// Features per frame.
    pub inputs: usize,
    /// Units.
    pub hidden: usize,
    /// `[gates · hidden, inputs]`.
    pub w: Arc<[f32]>,
    /// `[gates · hidden, hidden]`.
    pub r: Arc<[f32]>,
    /// `[2 · gates · hidden]`.
    pub b: Option<Arc<[f32]>>,
    /// Start value, `[hidden]`.
    pub h: Arc<[f32]>,
    /// Start value of an LSTM's cell, `[hidden]`.
    pub c: Arc<[f32]>,
}

/// What stands before index 0 of a signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Prefix {
    /// Ticks before this one are not from the signal.
    pub until: i64,
    /// The last ones before it, `[planes, length]`; zeros stand before those.
    pub values: Arc<[f32]>,
    /// Frames of `values`.
    pub length: usize,
    /// The first frame of the signal stands before it instead. Until it has come, zeros.
    pub edge: bool,
}

/// An operation, with what it needs to know.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamOp {
    /// Numbers, one per plane, at control rate.
    Constant(Arc<[f32]>),
    /// Convolution over the past, stride 1, no padding.
    Conv {
        /// Sizes.
        shape: conv1d::Shape,
        /// Distance of two taps in frames.
        dilation: usize,
        /// `[outputs, inputs / groups, taps]`.
        weights: Arc<[f32]>,
        /// `[outputs]`.
        bias: Option<Arc<[f32]>>,
    },
    /// A recurrent layer; its state holds still until tick `start`.
    Recurrent {
        /// Its kind.
        cell: Cell,
        /// Its weights.
        weights: Box<RecurrentWeights>,
        /// First tick.
        start: i64,
    },
    /// Element-wise, one operand.
    Unary(activation::Function),
    /// Element-wise, two operands.
    Binary {
        /// The function.
        function: binary::Function,
        /// Pairing of the first operand's planes.
        a: Planes,
        /// Pairing of the second operand's planes.
        b: Planes,
    },
    /// Planes of the operands in a new order: `(operand, plane)` each.
    Assemble(Vec<(usize, usize)>),
    /// Element-wise, the first operand where the condition is not 0, else the second.
    Select {
        /// Pairing of the planes of condition, first and second operand.
        pairing: [Planes; 3],
    },
    /// The signal, with something else in the ticks before its beginning.
    Begin(Prefix),
    /// The signal, that many ticks later; on a clock of the same hop.
    Delay(i64),
    /// The last `taps` frames, `dilation` apart, as planes `[planes, taps]`, oldest first, every `every` frames.
    Stack {
        /// Number of frames taken.
        taps: usize,
        /// Distance of two of them.
        dilation: usize,
        /// Frames of the input per frame of the output.
        every: usize,
    },
    /// Planes `[planes, factor]` as `factor` successive frames of a clock that is `factor` times as fast.
    Spread {
        /// Frames of the output per frame of the input.
        factor: usize,
    },
    /// A function of one frame of each input.
    Frame(frame::Function),
    /// A delay line: the first input, `reach − second input` frames ago, which is at least 0 and at most `reach`.
    Read {
        /// Frames remembered.
        reach: usize,
    },
    /// A memory: what [`Self::Store`] of the same number put there `delay` frames before, at first the given values.
    State {
        /// Which.
        number: usize,
        /// First values, one per plane.
        start: Arc<[f32]>,
        /// In frames, at least 1. No more frames than that are computed at once.
        delay: usize,
    },
    /// Puts the input into a memory, for a later frame. Has no planes.
    Store {
        /// Which.
        number: usize,
        /// Frames before this tick leave it as it is.
        start: i64,
    },
    /// A loop of operations on single values, frame by frame; made of such by the plan.
    Circuit(Arc<crate::plan::Circuit>),
    /// Frames counted from the signal's beginning: `scale · n + offset`, from `n = 0` at tick `start` on.
    Ramp {
        /// Tick of frame 0.
        start: i64,
        /// Per frame.
        scale: f64,
        /// At frame 0.
        offset: f64,
    },
    /// The phase of an oscillator in turns, 0 … 1, that starts at 0 and takes `rate` turns per second (or as many as the input, at
    /// control rate, says).
    Phase {
        /// Turns per second, unless an input says so.
        rate: f32,
        /// Frames per second.
        frames: f32,
        /// Added to the phase of each further plane.
        offset: f32,
    },
    /// Random numbers, the same after each reset, however the signal is cut.
    Noise {
        /// Distribution.
        noise: Noise,
        /// Decides the sequence.
        seed: u64,
    },
}

/// Distribution of random numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Gaussian.
    Normal {
        /// Mean.
        mean: f32,
        /// Standard deviation.
        scale: f32,
    },
    /// Uniform.
    Uniform {
        /// Smallest.
        low: f32,
        /// Upper bound.
        high: f32,
    },
}

/// One operation in place.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamNode {
    /// The graph node it comes from.
    pub name: String,
    /// What it does.
    pub op: StreamOp,
    /// What it reads.
    pub inputs: Vec<View>,
    /// What it writes, all planes of it.
    pub output: WireId,
}

/// What is fed from outside to one plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Audio channel.
    Channel(usize),
    /// Knob, by index into [`StreamGraph::controls`].
    Control(usize),
}

/// A model as a stream graph. Nodes are in order of computation.
#[derive(Clone, Debug)]
pub struct StreamGraph {
    /// Ticks per audio sample.
    pub ticks: i64,
    /// Clocks with that hop or a longer one, in ticks, are run frame by frame; on others, several frames at once.
    pub stepwise_from: i64,
    /// All wires.
    pub wires: Vec<Wire>,
    /// All operations.
    pub nodes: Vec<StreamNode>,
    /// The wire of the audio input, and what feeds each of its planes.
    pub input: (WireId, Vec<Feed>),
    /// Audio channels in.
    pub channels: usize,
    /// All knob values, also those not shown.
    pub controls: Vec<Control>,
    /// Wires that knobs feed: the wire, and the control of each plane.
    pub control_wires: Vec<(WireId, Vec<usize>)>,
    /// The audio output, on the audio's clock.
    pub output: Signal,
    /// Samples that the output comes late; see the module.
    pub latency: usize,
    /// Of these, samples gathered before a frame can be computed.
    pub hop_latency: usize,
    /// Samples before 0 in which some signal has already begun: run once, before the state is kept as the start state.
    pub pre_roll: usize,
    /// What was inferred, as `(what, value)`.
    pub inferred: Vec<(String, String)>,
    /// Names of the audio input and output.
    pub audio: (String, String),
    /// Names of state inputs that carry the stream, and of the outputs paired with them.
    pub states: Vec<(String, Option<String>)>,
    /// Outputs that are shown as meters: the name, and whose magnitude.
    pub meters: Vec<(String, View)>,
    /// Outputs that are not played: the name, and what they are.
    pub other_outputs: Vec<(String, String)>,
}

impl StreamGraph {
    /// The clock of the audio.
    pub const fn audio_clock(&self) -> Clock {
        Clock {
            hop: self.ticks,
            phase: 0,
        }
    }
}

pub use compile::compile;
