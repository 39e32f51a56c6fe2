//! The stream graph: a model as operations on wires that run frame by frame.
//!
//! A *wire* has planes (channels) at one of two rates: audio, one value per frame; or control, one value until a knob moves.
//! A [`Signal`] is what a node of the model's graph sees on a wire: which planes, under which axes, and when. Layout operators
//! (Transpose, Reshape, Squeeze, …) only make other signals on the same wire.
//!
//! Time: index `n` of a signal appears at tick `n + shift`, tick 0 being the first frame after reset. A convolution over
//! `reach` past frames without padding has its first result `reach` ticks later; padding at the beginning and cropping move the
//! index back and forth without touching a sample; where signals of different shift meet, the earlier one is delayed. The
//! latency of the model is then a result: the output's index `n` belongs to the input's index `n − min(growth, 0)` (an
//! unpadded network is shorter at the beginning, a longer one has a tail), so it comes `shift + min(growth, 0)` ticks late.

mod build;
mod dense;
mod elementwise;
mod inputs;
mod layout;
mod recurrent;
mod shape;
mod time;

pub use inputs::Control;
use std::sync::Arc;
use tonegraft_kernels::{activation, binary, conv1d};

/// Index of a wire in [`StreamGraph::wires`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireId(pub u32);

impl WireId {
    /// As an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How often a wire's values change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rate {
    /// When a knob moves; constants never.
    Control,
    /// Every frame.
    Audio,
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

/// When a signal's samples appear, and what they depend on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Index `n` appears at tick `n + shift`.
    pub shift: i64,
    /// Its length minus that of the audio input.
    pub growth: i64,
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

/// The kind of a recurrent layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Long short-term memory.
    Lstm,
    /// Gated recurrent unit.
    Gru {
        /// The reset gate works after the recurrent product.
        reset_after: bool,
    },
    /// Plain.
    Rnn {
        /// ReLU instead of tanh.
        relu: bool,
    },
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
    /// The signal, with something else in the ticks before its beginning.
    Begin(Prefix),
    /// The signal, that many frames later.
    Delay(usize),
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
    /// The audio output.
    pub output: Signal,
    /// Ticks that the output comes late; see the module.
    pub latency: usize,
    /// Ticks before 0 in which some signal has already begun: run once, before the state is kept as the start state.
    pub pre_roll: usize,
    /// What was inferred, as `(what, value)`.
    pub inferred: Vec<(String, String)>,
    /// Names of the audio input and output.
    pub audio: (String, String),
    /// Names of state inputs that carry the stream, and of the outputs paired with them.
    pub states: Vec<(String, Option<String>)>,
}

pub use build::compile;
