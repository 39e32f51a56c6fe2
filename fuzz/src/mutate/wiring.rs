//! Nodes and the wires between them.

use super::words::{BINARY, OTHER, UNARY};
use crate::proto::{GraphProto, NodeProto, ValueInfoProto};
use crate::random::Random;

pub(super) fn operator(graph: &mut GraphProto, random: &mut Random) {
    let node = random.below(graph.node.len());
    let Some(node) = graph.node.get_mut(node) else { return };
    let names = match (node.input.len(), random.below(8)) {
        (_, 0) => OTHER,
        (1, _) => UNARY,
        _ => BINARY,
    };
    node.op_type = random.one_of(names).map(|name| (*name).to_owned());
}

/// Some wire that exists before node `before`, with weights and inputs among them.
fn wire(graph: &GraphProto, before: usize, random: &mut Random) -> Option<String> {
    let before = before.min(graph.node.len());
    match random.below(8) {
        0 => random.one_of(&graph.input).and_then(|info| info.name.clone()),
        1..3 => random.one_of(&graph.initializer).and_then(|tensor| tensor.name.clone()),
        _ => {
            let node = random.one_of(&graph.node[..before])?;
            random.one_of(&node.output).cloned()
        }
    }
}

pub(super) fn rewire(graph: &mut GraphProto, random: &mut Random) {
    let at = random.below(graph.node.len());
    // Now and then a wire that comes later: a cycle.
    let before = if random.once_in(20) { graph.node.len() } else { at };
    let Some(wire) = wire(graph, before, random) else {
        return;
    };
    let Some(node) = graph.node.get_mut(at) else { return };
    let slot = random.below(node.input.len());
    match random.below(10) {
        0 => node.input.push(wire),
        1 => drop(node.input.pop()),
        2 if slot < node.input.len() => node.input[slot].clear(),
        3 => node.input.reverse(),
        _ => {
            if let Some(input) = node.input.get_mut(slot) {
                *input = wire;
            }
        }
    }
}

/// A node goes; who read it reads its input.
pub(super) fn remove(graph: &mut GraphProto, random: &mut Random) {
    let at = random.below(graph.node.len());
    if at >= graph.node.len() {
        return;
    }
    let node = graph.node.remove(at);
    let (Some(input), Some(output)) = (node.input.first(), node.output.first()) else {
        return;
    };
    replace(graph, output, input);
}

fn replace(graph: &mut GraphProto, old: &str, new: &str) {
    for name in graph
        .node
        .iter_mut()
        .flat_map(|node| &mut node.input)
        .filter(|name| *name == old)
    {
        new.clone_into(name);
    }
}

/// A name that is not taken.
fn fresh(graph: &GraphProto) -> String {
    (graph.node.len()..)
        .map(|number| format!("w{number}"))
        .find(|name| graph.node.iter().all(|node| !node.output.contains(name)))
        .unwrap_or_default()
}

/// A new node on a wire; its readers read the new node, or one of them does.
pub(super) fn insert(graph: &mut GraphProto, random: &mut Random) {
    let at = random.below(graph.node.len() + 1);
    let Some(input) = wire(graph, at, random) else { return };
    let name = fresh(graph);
    let mut node = NodeProto {
        output: vec![name.clone()],
        input: vec![input.clone()],
        ..NodeProto::default()
    };
    if random.once_in(2) {
        node.op_type = random.one_of(UNARY).map(|name| (*name).to_owned());
    } else {
        node.op_type = random.one_of(BINARY).map(|name| (*name).to_owned());
        node.input.extend(wire(graph, at, random));
        if random.once_in(2) {
            node.input.reverse();
        }
    }
    for later in graph.node.iter_mut().skip(at) {
        if random.once_in(3) {
            continue;
        }
        for other in later.input.iter_mut().filter(|other| **other == input) {
            name.clone_into(other);
        }
    }
    graph.node.insert(at, node);
}

/// A node twice, one behind the other or side by side with the sum of both.
pub(super) fn repeat(graph: &mut GraphProto, random: &mut Random) {
    let at = random.below(graph.node.len());
    let Some(node) = graph.node.get(at) else { return };
    let (Some(output), Some(input)) = (node.output.first().cloned(), node.input.first().cloned()) else {
        return;
    };
    let name = fresh(graph);
    let mut second = node.clone();
    second.name = Some(format!("{name} again"));
    second.output = vec![name.clone()];
    replace(graph, &output, &name);
    if random.once_in(2) {
        second.input[0] = output;
        graph.node.insert(at + 1, second);
    } else {
        // In place of the first, whose result becomes the other summand.
        let sum = NodeProto {
            op_type: Some("Add".to_owned()),
            input: vec![output, format!("{name} b")],
            output: vec![name.clone()],
            ..NodeProto::default()
        };
        second.input[0] = input;
        second.output = vec![format!("{name} b")];
        graph.node.insert(at + 1, second);
        graph.node.insert(at + 2, sum);
    }
}

pub(super) fn outputs(graph: &mut GraphProto, random: &mut Random) {
    let (count, nodes) = (graph.output.len(), graph.node.len());
    let Some(name) = wire(graph, nodes, random) else { return };
    match random.below(4) {
        0 => graph.output.push(ValueInfoProto {
            name: Some(name),
            r#type: None,
        }),
        1 if count > 1 => drop(graph.output.remove(random.below(count))),
        2 => {
            // A knob or a state more.
            if let Some(mut info) = random.one_of(&graph.input).cloned() {
                info.name = Some(fresh(graph));
                graph.input.push(info);
            }
        }
        _ => {
            let index = random.below(count);
            if let Some(info) = graph.output.get_mut(index) {
                info.name = Some(name);
            }
        }
    }
}
