//! The last steps: outputs get wires of their own, dead nodes go, weights are checked.

use super::build::Builder;
use super::proto::GraphProto;
use super::unroll;
use crate::error::{ReadError, ReadErrorKind, Result, fail};
use crate::graph::{Dim, Format, Graph, Node, Value, ValueId};
use crate::infer::Fact;
use crate::metadata::Metadata;
use crate::op::Op;
use crate::symbolic::SymInt;
use crate::tensor::{DType, Tensor};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

pub(super) fn finish(mut builder: Builder<'_>, graph: &GraphProto, inputs: Vec<ValueId>) -> Result<Graph> {
    if graph.output.is_empty() {
        fail!(
            NoOutputs,
            "its graph has no outputs, so nothing could be heard; export the model with its output"
        );
    }
    if graph.node.is_empty() {
        fail!(
            EmptyGraph,
            "its graph has no operators, so there is nothing to run; export the model again"
        );
    }
    let outputs = outputs(&mut builder, graph, &inputs)?;
    let nodes = live(std::mem::take(&mut builder.nodes), &outputs);
    let nodes = unroll::fold(&mut builder, nodes, &outputs)?;
    for node in &nodes {
        check_weights(&builder, node).map_err(|error| error.at_node(&node.name, node.op.name()))?;
    }
    Ok(compact(builder, nodes, inputs, outputs))
}

/// A wire per output that is nobody else's and bears the output's name.
fn outputs(builder: &mut Builder<'_>, graph: &GraphProto, inputs: &[ValueId]) -> Result<Vec<ValueId>> {
    let mut taken: HashSet<ValueId> = inputs.iter().copied().collect();
    let mut names = HashSet::new();
    let mut outputs = Vec::with_capacity(graph.output.len());
    for info in &graph.output {
        let name = info.name.as_deref().unwrap_or("");
        let Some(id) = builder.named(name) else {
            let what = "it is listed as an output, but nothing in the file computes it; export the model again";
            return Err(ReadError::new(ReadErrorKind::UndefinedName, what).at_tensor(name));
        };
        if !names.insert(name) {
            let what = "two outputs have this name; export the model again";
            return Err(ReadError::new(ReadErrorKind::DuplicateName, what).at_tensor(name));
        }
        let constant = builder.fact(id).constant.clone();
        let own = match constant {
            Some(tensor) => {
                builder.budget.book(tensor.shape())?;
                builder.wire(name, Fact::constant(Tensor::clone(&tensor)))?
            }
            None if taken.insert(id) => {
                if let Some(label) = builder.labels.get_mut(id.index()) {
                    name.clone_into(label);
                }
                id
            }
            None => copied(builder, id, name)?,
        };
        outputs.push(own);
    }
    Ok(outputs)
}

/// A wire that repeats another: a reshape to the same shape.
fn copied(builder: &mut Builder<'_>, id: ValueId, name: &str) -> Result<ValueId> {
    let fact = builder.fact(id).clone();
    let shape = Tensor::from_i64s(vec![0; fact.shape.len()]);
    let shape = builder.constant(&format!("{name}.shape"), shape)?;
    let copy = builder.wire(name, fact)?;
    builder.nodes.push(Node {
        name: format!("{name}.copy"),
        op: Op::Reshape { allow_zero: false },
        inputs: vec![Some(id), Some(shape)],
        outputs: vec![Some(copy)],
    });
    Ok(copy)
}

/// Drops nodes and single outputs that nobody reads.
pub(crate) fn live(nodes: Vec<Node>, outputs: &[ValueId]) -> Vec<Node> {
    let mut read: HashSet<ValueId> = outputs.iter().copied().collect();
    let mut kept: Vec<Node> = Vec::with_capacity(nodes.len());
    for mut node in nodes.into_iter().rev() {
        for output in &mut node.outputs {
            if output.is_some_and(|id| !read.contains(&id)) {
                *output = None;
            }
        }
        if node.outputs.iter().any(Option::is_some) {
            read.extend(node.inputs.iter().flatten());
            kept.push(node);
        }
    }
    kept.reverse();
    kept
}

/// Weights of layers must be numbers. Constants elsewhere may be infinite, as attention masks are, but not NaN. Each constant
/// is looked at once for each of the two.
pub(crate) fn check_weights(builder: &Builder<'_>, node: &Node) -> Result<()> {
    let weights = match &node.op {
        Op::Conv { .. }
        | Op::ConvTranspose { .. }
        | Op::Lstm { .. }
        | Op::Gru { .. }
        | Op::Rnn { .. }
        | Op::BatchNormalization { .. }
        | Op::LayerNormalization { .. }
        | Op::InstanceNormalization { .. } => 1..,
        Op::Gemm { .. } | Op::MatMul => 0..,
        _ => usize::MAX..,
    };
    for (index, id) in node.inputs.iter().enumerate() {
        let Some(id) = id else { continue };
        let weight = weights.contains(&index);
        if !builder.checked.borrow_mut().insert((*id, weight)) {
            continue;
        }
        let data = builder
            .fact(*id)
            .constant
            .as_deref()
            .and_then(Tensor::as_f32)
            .unwrap_or(&[]);
        let bad = |value: &f32| value.is_nan() || (weight && value.is_infinite());
        if let Some(index) = data.iter().position(bad) {
            let what = format!(
                "{} number {index} is {}; the training went wrong or the file is damaged, export the model again",
                if weight { "weight" } else { "constant" },
                data[index]
            );
            let name = builder.labels.get(id.index()).map_or("", String::as_str);
            return Err(ReadError::new(ReadErrorKind::NonFinite, what).at_tensor(name));
        }
    }
    Ok(())
}

/// Keeps only the wires that are used.
pub(crate) fn compact(
    mut builder: Builder<'_>,
    mut nodes: Vec<Node>,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
) -> Graph {
    let mut values: Vec<Value> = Vec::new();
    let mut moved: HashMap<ValueId, ValueId> = HashMap::new();
    let mut keep = |id: ValueId| {
        *moved.entry(id).or_insert_with(|| {
            let fact = std::mem::replace(&mut builder.facts[id.index()], Fact::new(DType::F32, Vec::new()));
            values.push(value(std::mem::take(&mut builder.labels[id.index()]), fact));
            ValueId(values.len() as u32 - 1)
        })
    };
    let inputs = inputs.into_iter().map(&mut keep).collect();
    for node in &mut nodes {
        for id in node.inputs.iter_mut().chain(&mut node.outputs).flatten() {
            *id = keep(*id);
        }
    }
    let outputs = outputs.into_iter().map(&mut keep).collect();
    Graph {
        name: String::new(),
        format: Format::Onnx,
        values,
        nodes,
        inputs,
        outputs,
        metadata: Metadata::default(),
        operators: Vec::new(),
    }
}

fn value(name: String, fact: Fact) -> Value {
    Value {
        name,
        dtype: fact.dtype,
        shape: fact
            .shape
            .iter()
            .map(|size| size.to_dim().unwrap_or(Dim::Unknown))
            .collect(),
        constant: fact.constant.map(Rc::unwrap_or_clone),
        symbolic: fact
            .symbolic
            .filter(|elements| elements.iter().any(SymInt::is_determined)),
    }
}
