//! The order in which nodes can run. Files should be in order already; those that are not are sorted.

use super::proto::GraphProto;
use crate::error::{ReadError, ReadErrorKind, Result};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// How errors and the graph call node `index`.
pub(super) fn name(graph: &GraphProto, index: usize) -> String {
    let node = &graph.node[index];
    match node.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => format!("{}#{index}", node.op_type.as_deref().unwrap_or("")),
    }
}

fn kind(graph: &GraphProto, index: usize) -> &str {
    graph.node[index].op_type.as_deref().unwrap_or("")
}

/// Indices of all nodes, each after those that it reads from; otherwise in the file's order.
///
/// # Errors
/// `UndefinedName`, `DuplicateName` or `Cycle`, with a node.
pub(super) fn order(graph: &GraphProto) -> Result<Vec<usize>> {
    let given: HashSet<&str> = graph
        .initializer
        .iter()
        .filter_map(|tensor| tensor.name.as_deref())
        .chain(graph.input.iter().filter_map(|input| input.name.as_deref()))
        .collect();
    let mut producer: HashMap<&str, usize> = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if given.contains(output.as_str()) || producer.insert(output, index).is_some() {
                let what =
                    "its output has a name that is defined already, so the file is ambiguous; export the model again";
                return Err(ReadError::new(ReadErrorKind::DuplicateName, what)
                    .at_node(&name(graph, index), kind(graph, index))
                    .at_tensor(output));
            }
        }
    }
    let mut waiting = vec![0usize; graph.node.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    for (index, node) in graph.node.iter().enumerate() {
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            if let Some(from) = producer.get(input.as_str()) {
                waiting[index] += 1;
                readers[*from].push(index);
            } else if !given.contains(input.as_str()) {
                let what =
                    "it reads a value that nothing in the file defines; the file is damaged, export the model again";
                return Err(ReadError::new(ReadErrorKind::UndefinedName, what)
                    .at_node(&name(graph, index), kind(graph, index))
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
    let mut sorted = Vec::with_capacity(graph.node.len());
    while let Some(Reverse(index)) = ready.pop() {
        sorted.push(index);
        for reader in &readers[index] {
            waiting[*reader] -= 1;
            if waiting[*reader] == 0 {
                ready.push(Reverse(*reader));
            }
        }
    }
    if sorted.len() < graph.node.len() {
        let on_cycle = find_cycle(graph, &producer, &waiting);
        let what =
            "it waits, by way of other nodes, for its own output; such a circle cannot run, export the model again";
        return Err(ReadError::new(ReadErrorKind::Cycle, what).at_node(&name(graph, on_cycle), kind(graph, on_cycle)));
    }
    Ok(sorted)
}

/// A node on a cycle: going back from any stuck node through stuck producers must meet one twice.
fn find_cycle(graph: &GraphProto, producer: &HashMap<&str, usize>, waiting: &[usize]) -> usize {
    let mut seen = HashSet::new();
    let mut at = waiting.iter().position(|count| *count > 0).unwrap_or(0);
    while seen.insert(at) {
        let stuck = graph.node[at]
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
