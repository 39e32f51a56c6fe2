//! The checked graph: what every reader produces and every later stage starts from.
//!
//! Invariants, held by construction in the readers: nodes stand in topological order; each value is defined exactly once
//! (graph input, constant, or one node output); ranks and element types are known; sizes are known up to symbols;
//! `Identity`, `Constant` and inference-time `Dropout` are gone; no weight is NaN or infinite.

use crate::metadata::{Metadata, Start};
use crate::op::Op;
use crate::symbolic::SymInt;
use crate::tensor::{DType, Tensor};
use std::fmt;

/// Index of a [`Value`] in [`Graph::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

impl ValueId {
    /// As an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A size that is known, or that depends on the length of the audio or the batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dim {
    /// A fixed size.
    Known(usize),
    /// `floor((scale_num · S + offset) / scale_den)` of an input's symbolic size `S`, a non-negative number.
    Symbolic {
        /// The symbol's name, as the file declares it (`"T"`, `"batch_size"`), or made up if the file gives none.
        symbol: String,
        /// Numerator of the scale, at least 1.
        scale_num: i64,
        /// Denominator of the scale, at least 1.
        scale_den: i64,
        /// Offset, before the division.
        offset: i64,
    },
    /// Depends on data, or on the audio length in a way that no single linear term describes.
    Unknown,
}

impl Dim {
    /// A symbol by itself.
    pub fn symbol(name: impl Into<String>) -> Self {
        Self::Symbolic {
            symbol: name.into(),
            scale_num: 1,
            scale_den: 1,
            offset: 0,
        }
    }

    /// The size, if it is fixed.
    pub const fn known(&self) -> Option<usize> {
        match self {
            Self::Known(size) => Some(*size),
            _ => None,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(size) => write!(f, "{size}"),
            Self::Symbolic {
                symbol,
                scale_num: 1,
                scale_den: 1,
                offset: 0,
            } => f.write_str(symbol),
            Self::Symbolic {
                symbol,
                scale_num,
                scale_den,
                offset,
            } => {
                let term = if *scale_num == 1 {
                    symbol.clone()
                } else {
                    format!("{scale_num}·{symbol}")
                };
                let sum = if *offset == 0 {
                    term
                } else {
                    format!("{term}{offset:+}")
                };
                if *scale_den == 1 {
                    f.write_str(&sum)
                } else {
                    write!(f, "⌊({sum})/{scale_den}⌋")
                }
            }
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// A wire of the graph.
#[derive(Clone, Debug)]
pub struct Value {
    /// The name in the file.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Size of each axis.
    pub shape: Vec<Dim>,
    /// The tensor, if this value is constant (weights, folded expressions).
    pub constant: Option<Tensor>,
    /// The elements of a small integer tensor that depends on sizes alone, in row-major order: how `starts`, `ends`, `pads` or
    /// a target shape follow from the audio's length. The nodes that compute it stay in the graph. `None` for all others and
    /// for constants.
    pub symbolic: Option<Vec<SymInt>>,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Node {
    /// The name in the file, or `OpType#index` where it has none.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Inputs in the operator's order; `None` where an optional one is left out.
    pub inputs: Vec<Option<ValueId>>,
    /// Outputs in the operator's order; `None` where nobody reads one.
    pub outputs: Vec<Option<ValueId>>,
}

/// Where a graph came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Open Neural Network Exchange, a protobuf file.
    Onnx,
    /// A chain of models, a JSON file.
    Chain,
    /// Neural Amp Modeler, a JSON file.
    Nam,
    /// JSON with `model_data` and `state_dict`, as GuitarML and Automated-GuitarAmpModelling write it.
    Guitarml,
    /// JSON with `in_shape` and `layers`, as RTNeural and AIDA-X read it.
    Rtneural,
    /// JSON of SmartAmpPro.
    Smartamp,
    /// JSON of PedalNet, SmartAmp and WaveNetVA.
    Pedalnet,
}

impl Format {
    /// The short name shown to users and in `--json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::Chain => "chain",
            Self::Nam => "nam",
            Self::Guitarml => "guitarml",
            Self::Rtneural => "rtneural",
            Self::Smartamp => "smartamp",
            Self::Pedalnet => "pedalnet",
        }
    }

    /// The state from which files of this format are played, unless they say otherwise: that of their own players.
    pub const fn start(self) -> Start {
        match self {
            // Exported without a settled state, resp. played so by their own players.
            Self::Onnx | Self::Guitarml | Self::Rtneural | Self::Smartamp | Self::Pedalnet => Start::Zero,
            Self::Chain | Self::Nam => Start::Silence,
        }
    }
}

/// A checked model graph. See the module's invariants.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The file's own name for the graph, or the file's stem.
    pub name: String,
    /// The format it was read from.
    pub format: Format,
    /// All wires.
    pub values: Vec<Value>,
    /// All operations, in topological order.
    pub nodes: Vec<Node>,
    /// Inputs that a caller must feed (constants excluded), in the file's order.
    pub inputs: Vec<ValueId>,
    /// Outputs, in the file's order.
    pub outputs: Vec<ValueId>,
    /// What the file says about itself.
    pub metadata: Metadata,
    /// Operator histogram of the file before folding: `(name, count)`, by name.
    pub operators: Vec<(String, usize)>,
}

impl Graph {
    /// The wire with that id. Ids come from this graph only.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    /// The state from which a whole file is played as its own player does: declared, else what is usual for the format.
    pub fn start(&self) -> Start {
        self.metadata.start.unwrap_or_else(|| self.format.start())
    }

    /// The constant on wire `id`, if it is one.
    pub fn constant(&self, id: ValueId) -> Option<&Tensor> {
        self.value(id).constant.as_ref()
    }
}
