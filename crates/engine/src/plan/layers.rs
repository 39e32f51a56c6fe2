//! Makes one step of a convolution and what follows it: the sum with its condition and its residual path, the function of that
//! sum, and the running total to which the result is added. What is fused is no longer written to memory and read again.

use super::fuse::{Fused, keep, producers, readers};
use super::{Mix, StepOp};
use crate::stream::{Planes, Rate, STEPWISE_HOP, StreamGraph, View, WireId};
use std::collections::HashMap;
use std::sync::Arc;
use tonegraft_kernels::{binary, conv1d};

/// What a pass asks of wires.
struct Wires<'a> {
    graph: &'a StreamGraph,
    readers: HashMap<WireId, Vec<usize>>,
}

impl Wires<'_> {
    /// The wire runs at the rate of audio or nearly so: its steps run on vectors along time.
    fn is_fast(&self, id: WireId) -> bool {
        let hop = self.graph.wires[id.index()].rate.hop();
        hop.is_some_and(|hop| hop < self.graph.stepwise_from.min(STEPWISE_HOP))
    }

    fn is_whole(&self, view: &View) -> bool {
        view.first == 0 && view.planes == self.graph.wires[view.wire.index()].planes
    }

    fn rate(&self, id: WireId) -> Rate {
        self.graph.wires[id.index()].rate
    }

    fn has_one_reader(&self, id: WireId) -> bool {
        self.readers.get(&id).is_some_and(|readers| readers.len() == 1)
    }

    /// The operands of a sum of two signals, plane by plane.
    fn sum<'n>(&self, node: &'n Fused) -> Option<[&'n View; 2]> {
        let Some(StepOp::Binary {
            function: binary::Function::Add,
            a: Planes::Each,
            b: Planes::Each,
        }) = &node.op
        else {
            return None;
        };
        let [a, b] = node.inputs.as_slice() else { return None };
        let planes = self.graph.wires[node.output.index()].planes;
        let alike = |view: &View| view.planes == planes && self.rate(view.wire) == self.rate(node.output);
        (self.is_fast(node.output) && alike(a) && alike(b)).then_some([a, b])
    }
}

/// Sums of a convolution that nobody else reads and another signal become part of it.
pub(super) fn fuse_sums(graph: &StreamGraph, nodes: &mut Vec<Fused>) {
    let wires = Wires {
        graph,
        readers: readers(graph, nodes),
    };
    let mut producers = producers(nodes);
    let mut gone = vec![false; nodes.len()];
    for index in 0..nodes.len() {
        let Some([a, b]) = wires.sum(&nodes[index]) else {
            continue;
        };
        let (a, b) = (*a, *b);
        let open = |view: &View| {
            let at = *producers.get(&view.wire)?;
            let Some(StepOp::Conv {
                weights,
                slopes: None,
                activation: None,
                addends,
                ..
            }) = &nodes[at].op
            else {
                return None;
            };
            let fits = wires.is_whole(view) && wires.has_one_reader(view.wire) && *addends < conv1d::MAX_ADDENDS;
            fits.then_some((at, weights.len()))
        };
        // The larger layer takes in the other operand.
        let (own, other) = match (open(&a), open(&b)) {
            (Some((own, first)), Some((_, second))) if first >= second => (own, b),
            (_, Some((own, _))) => (own, a),
            (Some((own, _)), None) => (own, b),
            (None, None) => continue,
        };
        let mix = open(&other)
            .map(|(at, _)| at)
            .filter(|at| can_mix(&nodes[*at]) && !has_mix(&nodes[own]));
        let mut fused = nodes[own].clone();
        match mix {
            Some(at) => {
                take_mix(&mut fused, &nodes[at]);
                gone[at] = true;
            }
            None => {
                fused.inputs.push(other);
                if let Some(StepOp::Conv { addends, .. }) = &mut fused.op {
                    *addends += 1;
                }
            }
        }
        fused.output = nodes[index].output;
        gone[own] = true;
        producers.insert(fused.output, index);
        nodes[index] = fused;
    }
    keep(nodes, &gone);
}

/// Whether the layer can be the second input of another.
fn can_mix(node: &Fused) -> bool {
    matches!(
        &node.op,
        Some(StepOp::Conv {
            shape,
            begin: None,
            mix: None,
            addends: 0,
            ..
        }) if shape.taps == 1 && shape.groups == 1
    )
}

fn has_mix(node: &Fused) -> bool {
    matches!(&node.op, Some(StepOp::Conv { mix: Some(_), .. }))
}

/// Makes the input of `other` the second input of `node`.
fn take_mix(node: &mut Fused, other: &Fused) {
    let Some(StepOp::Conv {
        shape,
        weights: from,
        bias: more,
        ..
    }) = &other.op
    else {
        return;
    };
    let Some(StepOp::Conv { bias, mix, .. }) = &mut node.op else {
        return;
    };
    *mix = Some(Mix {
        inputs: shape.inputs,
        weights: Arc::clone(from),
    });
    *bias = match (bias.take(), more) {
        (Some(a), Some(b)) => Some(a.iter().zip(b.iter()).map(|(a, b)| a + b).collect()),
        (a, b) => a.or_else(|| b.clone()),
    };
    node.inputs.splice(1..1, other.inputs.first().copied());
}

/// A function of a convolution that nobody else reads becomes part of it.
pub(super) fn fuse_functions(graph: &StreamGraph, nodes: &mut Vec<Fused>) {
    let wires = Wires {
        graph,
        readers: readers(graph, nodes),
    };
    let producers = producers(nodes);
    let mut gone = vec![false; nodes.len()];
    for index in 0..nodes.len() {
        let Some(StepOp::Unary(function)) = nodes[index].op else {
            continue;
        };
        let Some(input) = nodes[index].inputs.first().copied() else {
            continue;
        };
        let Some(conv) = producers.get(&input.wire).copied() else {
            continue;
        };
        let alone = wires.is_whole(&input) && wires.has_one_reader(input.wire) && wires.is_fast(input.wire);
        let output = nodes[index].output;
        if let Some(StepOp::Conv { activation, .. }) = &mut nodes[conv].op
            && alone
            && function.fuses()
            && activation.is_none()
        {
            *activation = Some(function);
            nodes[conv].output = output;
            gone[index] = true;
        }
    }
    keep(nodes, &gone);
}

/// A sum of a convolution's result, whoever else reads it, and a signal that nobody reads afterwards: the convolution adds its
/// result to that signal in place.
pub(super) fn fuse_totals(graph: &StreamGraph, nodes: &mut Vec<Fused>) {
    let wires = Wires {
        graph,
        readers: readers(graph, nodes),
    };
    let mut producers = producers(nodes);
    let mut gone = vec![false; nodes.len()];
    for index in 0..nodes.len() {
        let Some([a, b]) = wires.sum(&nodes[index]) else {
            continue;
        };
        let output = nodes[index].output;
        let found = [(a, b), (b, a)].into_iter().find_map(|(result, total)| {
            let at = *producers.get(&result.wire)?;
            let from = *producers.get(&total.wire)?;
            let conv = matches!(nodes[at].op, Some(StepOp::Conv { .. })) && nodes[at].output == result.wire;
            let free = nodes[at].total.is_none() && nodes[at].inputs.iter().all(|view| view.wire != total.wire);
            // Read before, or by this sum; the input is not ours to write.
            let done = (wires.readers.get(&total.wire)?.iter()).all(|reader| *reader < at || *reader == index);
            let whole = wires.is_whole(result) && wires.is_whole(total);
            (conv && free && done && whole && from < at && total.wire != result.wire).then_some((at, total.wire))
        });
        if let Some((at, total)) = found {
            nodes[at].total = Some((total, output));
            producers.insert(output, at);
            gone[index] = true;
        }
    }
    keep(nodes, &gone);
}
