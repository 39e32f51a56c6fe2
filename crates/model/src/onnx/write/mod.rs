//! The checked graph as an ONNX file.
//!
//! What is written is the normal form that readers bring every file into (see [`crate::op`]), so that reading it gives the same
//! operators, the same weights to the bit and the same plan again. Weights are raw little-endian data. The operator set is the oldest
//! that has all operators in this form, which is also what most runtimes know.

mod metadata;
mod operators;

use super::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::error::shorten;
use crate::graph::{Dim, Graph, Node, Value, ValueId};
use crate::op::{Op, Unary};
use crate::tensor::{DType, Tensor, TensorData};
use prost::Message;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// The operator set that is written, with its version of the file format.
const USUAL: (i64, i64) = (20, 9);
/// The set that brought Swish.
const WITH_SWISH: (i64, i64) = (24, 11);
/// Protocol buffers end at 2 GiB.
const MAX_BYTES: usize = i32::MAX as usize;

/// Why a graph cannot be written as ONNX.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// ONNX has no such operator, or not in this form.
    Operator {
        /// The node.
        node: String,
        /// Its operator.
        operator: String,
        /// Why not.
        reason: String,
    },
    /// The file would have more than 2 GiB.
    Size {
        /// How many bytes it would have.
        bytes: usize,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator { node, operator, reason } => write!(
                f,
                "node `{}` ({}) cannot be written as ONNX: {reason}",
                shorten(node),
                shorten(operator)
            ),
            Self::Size { bytes } => write!(
                f,
                "the ONNX file would have {bytes} bytes, but such a file ends at {MAX_BYTES}"
            ),
        }
    }
}

impl std::error::Error for WriteError {}

/// Writes `graph` with its metadata; what [`crate::read`] makes of the bytes plays bit-identically. Not for the audio thread.
///
/// A spectral front end is part of the graph and so of the file; the metadata then declares its frames. The start state is
/// declared where it is not that of ONNX files. Names of inputs and outputs stay; inner ones may get a number where two are alike.
///
/// # Errors
/// [`WriteError`]: an operator that ONNX does not have in this form, or a file beyond 2 GiB.
pub fn to_onnx(graph: &Graph) -> Result<Vec<u8>, WriteError> {
    let bytes = weights(graph);
    if bytes > MAX_BYTES {
        return Err(WriteError::Size { bytes });
    }
    let mut names = Names::new(graph);
    let mut written = GraphProto {
        name: Some(if graph.name.is_empty() {
            "graph".to_owned()
        } else {
            graph.name.clone()
        }),
        input: graph.inputs.iter().map(|id| info(graph.value(*id))).collect(),
        output: graph.outputs.iter().map(|id| info(graph.value(*id))).collect(),
        ..GraphProto::default()
    };
    for (index, value) in graph.values.iter().enumerate() {
        if let Some(constant) = &value.constant {
            // Ids count values, of which there are as many as fit.
            #[allow(clippy::cast_possible_truncation)]
            let name = names.of(ValueId(index as u32)).to_owned();
            written.initializer.push(tensor(&name, constant));
        }
    }
    for node in &graph.nodes {
        let node = self::node(graph, node, &mut names, &mut written.initializer)?;
        written.node.push(node);
    }
    let swish = |node: &Node| matches!(node.op, Op::Unary(Unary::Swish { .. }));
    let (set, format) = if graph.nodes.iter().any(swish) {
        WITH_SWISH
    } else {
        USUAL
    };
    let model = ModelProto {
        ir_version: Some(format),
        producer_name: Some("tonegraft".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        opset_import: vec![OperatorSetIdProto {
            domain: Some(String::new()),
            version: Some(set),
        }],
        graph: Some(written),
        metadata_props: (metadata::keys(graph).into_iter())
            .map(|(key, value)| StringStringEntryProto {
                key: Some(key),
                value: Some(value),
            })
            .collect(),
        functions: Vec::new(),
    };
    match model.encoded_len() {
        bytes if bytes > MAX_BYTES => Err(WriteError::Size { bytes }),
        _ => Ok(model.encode_to_vec()),
    }
}

/// Bytes of all weights.
fn weights(graph: &Graph) -> usize {
    let size = |value: &Value| {
        value.constant.as_ref().map_or(0, |tensor| {
            let width = match tensor.dtype() {
                DType::F32 => 4,
                DType::I64 => 8,
                DType::Bool => 1,
            };
            tensor.len().saturating_mul(width)
        })
    };
    graph.values.iter().map(size).fold(0, usize::saturating_add)
}

/// One name for each wire and each node, never two alike.
struct Names {
    wires: Vec<String>,
    taken: HashSet<String>,
    nodes: HashMap<String, usize>,
}

impl Names {
    fn new(graph: &Graph) -> Self {
        let mut names = Self {
            wires: vec![String::new(); graph.values.len()],
            taken: HashSet::new(),
            nodes: HashMap::new(),
        };
        // What a caller knows keeps its name.
        let ends: Vec<ValueId> = graph.inputs.iter().chain(&graph.outputs).copied().collect();
        for id in &ends {
            names.name(graph, *id);
        }
        for index in 0..graph.values.len() {
            #[allow(clippy::cast_possible_truncation)]
            names.name(graph, ValueId(index as u32));
        }
        names
    }

    fn name(&mut self, graph: &Graph, id: ValueId) {
        if self.wires.get(id.index()).is_some_and(String::is_empty) {
            let wanted = graph.value(id).name.as_str();
            let name = self.unique(if wanted.is_empty() { "value" } else { wanted });
            self.wires[id.index()] = name;
        }
    }

    fn unique(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut count = 1;
        while !self.taken.insert(name.clone()) {
            count += 1;
            name = format!("{wanted}#{count}");
        }
        name
    }

    fn of(&self, id: ValueId) -> &str {
        self.wires.get(id.index()).map_or("", String::as_str)
    }

    /// Nodes of one name are told apart by a number.
    fn node(&mut self, wanted: &str) -> String {
        let count = self.nodes.entry(wanted.to_owned()).or_insert(0);
        *count += 1;
        if *count == 1 {
            wanted.to_owned()
        } else {
            format!("{wanted}#{count}")
        }
    }
}

fn node(
    graph: &Graph,
    node: &Node,
    names: &mut Names,
    initializers: &mut Vec<TensorProto>,
) -> Result<NodeProto, WriteError> {
    let form = operators::form(graph, node).map_err(|reason| WriteError::Operator {
        node: node.name.clone(),
        operator: node.op.name().to_owned(),
        reason,
    })?;
    let mut input: Vec<String> = (node.inputs.iter().take(form.inputs))
        .map(|id| id.map_or_else(String::new, |id| names.of(id).to_owned()))
        .collect();
    for (index, what, constant) in form.further {
        let name = names.unique(&format!("{}.{what}", node.name));
        initializers.push(tensor(&name, &constant));
        input.resize(index.max(input.len()), String::new());
        input.insert(index, name);
    }
    if let Some(id) = form.instead {
        input = vec![names.of(id).to_owned()];
    }
    while input.last().is_some_and(String::is_empty) {
        input.pop();
    }
    let mut output: Vec<String> = (node.outputs.iter())
        .map(|id| id.map_or_else(String::new, |id| names.of(id).to_owned()))
        .collect();
    if matches!(node.op, Op::Split { .. }) {
        // As many outputs as parts, also those that nobody reads.
        for part in &mut output {
            if part.is_empty() {
                *part = names.unique(&format!("{}.unread", node.name));
            }
        }
    }
    while output.last().is_some_and(String::is_empty) {
        output.pop();
    }
    Ok(NodeProto {
        input,
        output,
        name: Some(names.node(&node.name)),
        op_type: Some(form.name),
        attribute: form.attributes,
        domain: None,
        overload: None,
    })
}

fn info(value: &Value) -> ValueInfoProto {
    let dim = |dim: &Dim| match dim {
        Dim::Known(size) => DimensionProto {
            dim_value: i64::try_from(*size).ok(),
            dim_param: None,
        },
        Dim::Symbolic {
            symbol,
            scale_num: 1,
            scale_den: 1,
            offset: 0,
        } => DimensionProto {
            dim_value: None,
            dim_param: Some(symbol.clone()),
        },
        Dim::Symbolic { .. } | Dim::Unknown => DimensionProto::default(),
    };
    ValueInfoProto {
        name: Some(value.name.clone()),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: Some(code(value.dtype)),
                shape: Some(TensorShapeProto {
                    dim: value.shape.iter().map(dim).collect(),
                }),
            }),
        }),
    }
}

/// ONNX's number of an element type.
const fn code(dtype: DType) -> i32 {
    match dtype {
        DType::F32 => 1,
        DType::I64 => 7,
        DType::Bool => 9,
    }
}

fn tensor(name: &str, tensor: &Tensor) -> TensorProto {
    let raw = match tensor.data() {
        TensorData::F32(data) => data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        TensorData::I64(data) => data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        TensorData::Bool(data) => data.iter().map(|value| u8::from(*value)).collect(),
    };
    TensorProto {
        dims: (tensor.shape().iter())
            .map(|size| i64::try_from(*size).unwrap_or(i64::MAX))
            .collect(),
        data_type: Some(code(tensor.dtype())),
        name: Some(name.to_owned()),
        raw_data: Some(raw),
        ..TensorProto::default()
    }
}

/// An attribute of a node, with the number of its type.
fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(kind),
        ..AttributeProto::default()
    }
}
