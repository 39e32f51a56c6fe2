//! Drops what nobody reads, and fuses neighbours.

use super::{StepOp, layers};
use crate::stream::{Planes, STEPWISE_HOP, StreamGraph, StreamNode, StreamOp, View, WireId};
use std::collections::HashMap;
use std::sync::Arc;
use tonegraft_kernels::{activation, binary};

/// A node on its way to a step. `op` is `None` for constants, which are no steps.
#[derive(Clone)]
pub(super) struct Fused {
    pub name: String,
    pub op: Option<StepOp>,
    pub constant: Option<Arc<[f32]>>,
    pub inputs: Vec<View>,
    pub output: WireId,
    /// A wire that the result is added to in place, and the wire that this makes of it.
    pub total: Option<(WireId, WireId)>,
}

/// The nodes that the output depends on, in order, fused.
pub(super) fn fuse(graph: &StreamGraph) -> Vec<Fused> {
    let mut wanted = vec![0usize; graph.wires.len()];
    wanted[graph.output.view.wire.index()] += 1;
    for (_, view) in &graph.meters {
        wanted[view.wire.index()] += 1;
    }
    let mut live = vec![false; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if wanted[node.output.index()] > 0 || matches!(node.op, StreamOp::Store { .. }) {
            live[index] = true;
            for input in &node.inputs {
                wanted[input.wire.index()] += 1;
            }
        }
    }
    let mut nodes: Vec<Fused> = (graph.nodes.iter().zip(live))
        .filter(|(_, live)| *live)
        .map(|(node, _)| step(node))
        .collect();
    fuse_beginnings(graph, &mut nodes);
    layers::fuse_sums(graph, &mut nodes);
    fuse_slopes(graph, &mut nodes);
    layers::fuse_functions(graph, &mut nodes);
    layers::fuse_totals(graph, &mut nodes);
    nodes
}

fn step(node: &StreamNode) -> Fused {
    let mut constant = None;
    let op = match node.op.clone() {
        StreamOp::Constant(values) => {
            constant = Some(values);
            None
        }
        StreamOp::Conv {
            shape,
            dilation,
            weights,
            bias,
        } => Some(StepOp::Conv {
            shape,
            dilation,
            weights,
            bias,
            slopes: None,
            begin: None,
            mix: None,
            addends: 0,
            activation: None,
        }),
        StreamOp::Recurrent { cell, weights, start } => Some(StepOp::Recurrent { cell, weights, start }),
        StreamOp::Unary(function) => Some(StepOp::Unary(function)),
        StreamOp::Binary { function, a, b } => Some(StepOp::Binary { function, a, b }),
        StreamOp::Assemble(map) => Some(StepOp::Assemble(map)),
        StreamOp::Begin(prefix) => Some(StepOp::Begin(prefix)),
        StreamOp::Delay(ticks) => Some(StepOp::Delay(ticks)),
        StreamOp::Select { pairing } => Some(StepOp::Select { pairing }),
        StreamOp::Stack { taps, dilation, every } => Some(StepOp::Stack {
            taps,
            dilation,
            every,
            begin: None,
        }),
        StreamOp::Spread { factor } => Some(StepOp::Spread { factor }),
        StreamOp::Read { reach } => Some(StepOp::Read { reach }),
        StreamOp::Frame(function) => Some(StepOp::Frame(function)),
        StreamOp::State { number, start, delay } => Some(StepOp::State { number, start, delay }),
        StreamOp::Store { number, start } => Some(StepOp::Store { number, start }),
        StreamOp::Circuit(circuit) => Some(StepOp::Circuit(circuit)),
        StreamOp::Ramp { start, scale, offset } => Some(StepOp::Ramp { start, scale, offset }),
        StreamOp::Phase { rate, frames, offset } => Some(StepOp::Phase { rate, frames, offset }),
        StreamOp::Noise { noise, seed } => Some(StepOp::Noise { noise, seed }),
    };
    Fused {
        name: node.name.clone(),
        op,
        constant,
        inputs: node.inputs.clone(),
        output: node.output,
        total: None,
    }
}

/// Who reads each wire: node indices, and once more `usize::MAX` for the output.
pub(super) fn readers(graph: &StreamGraph, nodes: &[Fused]) -> HashMap<WireId, Vec<usize>> {
    let mut readers: HashMap<WireId, Vec<usize>> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for input in &node.inputs {
            readers.entry(input.wire).or_default().push(index);
        }
    }
    readers.entry(graph.output.view.wire).or_default().push(usize::MAX);
    for (_, view) in &graph.meters {
        readers.entry(view.wire).or_default().push(usize::MAX);
    }
    readers
}

/// The nodes by what they produce.
pub(super) fn producers(nodes: &[Fused]) -> HashMap<WireId, usize> {
    nodes
        .iter()
        .enumerate()
        .map(|(index, node)| (node.output, index))
        .collect()
}

/// Takes out the nodes that became part of others.
pub(super) fn keep(nodes: &mut Vec<Fused>, gone: &[bool]) {
    let mut gone = gone.iter();
    nodes.retain(|_| !gone.next().is_some_and(|gone| *gone));
}

/// A beginning that only convolutions with a history read becomes part of those histories.
fn fuse_beginnings(graph: &StreamGraph, nodes: &mut Vec<Fused>) {
    let readers = readers(graph, nodes);
    let mut gone = vec![false; nodes.len()];
    for index in 0..nodes.len() {
        let Some(StepOp::Begin(prefix)) = nodes[index].op.clone() else {
            continue;
        };
        let wire = nodes[index].output;
        let whole = graph.wires[wire.index()].planes;
        let those = readers.get(&wire).cloned().unwrap_or_default();
        let fits = |reader: &usize| {
            nodes.get(*reader).is_some_and(|node| {
                let has_history = match &node.op {
                    Some(StepOp::Conv { shape, begin: None, .. }) => shape.taps > 1,
                    Some(StepOp::Stack { begin: None, .. }) => true,
                    _ => false,
                };
                has_history && node.inputs.iter().take(1).all(|view| view.planes == whole)
            })
        };
        if !those.iter().all(fits) {
            continue;
        }
        let source = nodes[index].inputs[0];
        for reader in those {
            if let Some(StepOp::Conv { begin, .. } | StepOp::Stack { begin, .. }) = &mut nodes[reader].op {
                *begin = Some(prefix.clone());
            }
            nodes[reader].inputs = vec![source];
        }
        gone[index] = true;
    }
    keep(nodes, &gone);
}

/// ReLU, LeakyReLU and PReLU with constant slopes become part of a convolution that nobody else reads.
fn fuse_slopes(graph: &StreamGraph, nodes: &mut Vec<Fused>) {
    let readers = readers(graph, nodes);
    let producers = producers(nodes);
    let mut gone = vec![false; nodes.len()];
    for index in 0..nodes.len() {
        let Some(input) = nodes[index].inputs.first().copied() else {
            continue;
        };
        let Some(conv) = producers.get(&input.wire).copied() else {
            continue;
        };
        let planes = graph.wires[input.wire.index()].planes;
        if graph.wires[input.wire.index()]
            .rate
            .hop()
            .is_some_and(|hop| hop >= graph.stepwise_from.min(STEPWISE_HOP))
        {
            // Frame by frame, vectors run along the planes: the layer is a matrix, the slope a step of its own.
            continue;
        }
        let alone = readers.get(&input.wire).is_some_and(|readers| readers.len() == 1) && input.planes == planes;
        if !alone || !matches!(nodes[conv].op, Some(StepOp::Conv { slopes: None, .. })) {
            continue;
        }
        let below: Option<Arc<[f32]>> = match &nodes[index].op {
            Some(StepOp::Unary(activation::Function::Relu)) => Some(vec![0.0; planes].into()),
            Some(StepOp::Unary(activation::Function::LeakyRelu { slope })) => Some(vec![*slope; planes].into()),
            Some(StepOp::Binary {
                function: binary::Function::PRelu,
                a: Planes::Each,
                b,
            }) => {
                let view = nodes[index].inputs[1];
                let constant = producers.get(&view.wire).and_then(|at| nodes[*at].constant.clone());
                let same_size = graph.wires[nodes[index].output.index()].planes == planes;
                constant.filter(|_| same_size).and_then(|values| {
                    (0..planes)
                        .map(|p| values.get(view.first + b.get(p)).copied())
                        .collect()
                })
            }
            _ => None,
        };
        if let Some(below) = below {
            if let Some(StepOp::Conv { slopes, .. }) = &mut nodes[conv].op {
                *slopes = Some(below);
            }
            nodes[conv].output = nodes[index].output;
            gone[index] = true;
        }
    }
    keep(nodes, &gone);
}
