//! The order in which nodes can run. Files should be in order already; those that are not are sorted.

use super::proto::{GraphProto, NodeProto};
use crate::error::{ReadError, ReadErrorKind, Result};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// How errors and the graph call node `index`.
pub(super) fn name(nodes: &[NodeProto], index: usize) -> String {
    let node = nodes.get(index);
    match node
        .and_then(|node| node.name.as_deref())
        .filter(|name| !name.is_empty())
    {
        Some(name) => name.to_owned(),
        None => format!("{}#{index}", kind(nodes, index)),
    }
}

fn kind(nodes: &[NodeProto], index: usize) -> &str {
    nodes.get(index).and_then(|node| node.op_type.as_deref()).unwrap_or("")
}

/// The names that a graph is given from outside of its nodes.
pub(super) fn given(graph: &GraphProto) -> HashSet<&str> {
    graph
        .initializer
        .iter()
        .filter_map(|tensor| tensor.name.as_deref())
        .chain(graph.input.iter().filter_map(|input| input.name.as_deref()))
        .collect()
}

/// What the graphs inside of `node` read from around them. They nest no deeper than the structure of the file may.
fn captured<'p>(node: &'p NodeProto, found: &mut Vec<&'p str>) {
    for graph in node.attribute.iter().filter_map(|attribute| attribute.g.as_deref()) {
        let own: HashSet<&str> = given(graph)
            .into_iter()
            .chain(graph.node.iter().flat_map(|node| &node.output).map(String::as_str))
            .collect();
        let mut inner = Vec::new();
        for node in &graph.node {
            inner.extend(node.input.iter().map(String::as_str));
            captured(node, &mut inner);
        }
        inner.extend(graph.output.iter().filter_map(|output| output.name.as_deref()));
        found.extend(inner.into_iter().filter(|name| !own.contains(name)));
    }
}

/// Indices of all nodes, each after those that it reads from; otherwise in the file's order. `given` are the names that are
/// defined beside the nodes, `around` tells those of a surrounding graph.
///
/// # Errors
/// `UndefinedName`, `DuplicateName` or `Cycle`, with a node.
pub(super) fn order(nodes: &[NodeProto], given: &HashSet<&str>, around: &dyn Fn(&str) -> bool) -> Result<Vec<usize>> {
    let mut producer: HashMap<&str, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if given.contains(output.as_str()) || producer.insert(output, index).is_some() {
                let what =
                    "its output has a name that is defined already, so the file is ambiguous; export the model again";
                return Err(ReadError::new(ReadErrorKind::DuplicateName, what)
                    .at_node(&name(nodes, index), kind(nodes, index))
                    .at_tensor(output));
            }
        }
    }
    let mut waiting = vec![0usize; nodes.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        let mut inner = Vec::new();
        captured(node, &mut inner);
        for from in inner.into_iter().filter_map(|name| producer.get(name)) {
            waiting[index] += 1;
            readers[*from].push(index);
        }
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            if let Some(from) = producer.get(input.as_str()) {
                waiting[index] += 1;
                readers[*from].push(index);
            } else if !given.contains(input.as_str()) && !around(input) {
                let what =
                    "it reads a value that nothing in the file defines; the file is damaged, export the model again";
                return Err(ReadError::new(ReadErrorKind::UndefinedName, what)
                    .at_node(&name(nodes, index), kind(nodes, index))
                    .at_tensor(input));
            }
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> = waiting
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(index, _)| Reverse(index))
        .collect();
    let mut sorted = Vec::with_capacity(nodes.len());
    while let Some(Reverse(index)) = ready.pop() {
        sorted.push(index);
        for reader in &readers[index] {
            waiting[*reader] -= 1;
            if waiting[*reader] == 0 {
                ready.push(Reverse(*reader));
            }
        }
    }
    if sorted.len() < nodes.len() {
        let on_cycle = find_cycle(nodes, &producer, &waiting);
        let what =
            "it waits, by way of other nodes, for its own output; such a circle cannot run, export the model again";
        return Err(ReadError::new(ReadErrorKind::Cycle, what).at_node(&name(nodes, on_cycle), kind(nodes, on_cycle)));
    }
    Ok(sorted)
}

/// A node on a cycle: going back from any stuck node through stuck producers must meet one twice.
fn find_cycle(nodes: &[NodeProto], producer: &HashMap<&str, usize>, waiting: &[usize]) -> usize {
    let mut seen = HashSet::new();
    let mut at = waiting.iter().position(|count| *count > 0).unwrap_or(0);
    while seen.insert(at) {
        let stuck = nodes[at]
            .input
            .iter()
            .filter_map(|input| producer.get(input.as_str()).copied())
            .find(|from| waiting[*from] > 0);
        match stuck {
            Some(from) => at = from,
            None => break,
        }
    }
    at
}
