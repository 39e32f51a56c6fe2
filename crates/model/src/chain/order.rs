//! In which order stages can run.

use super::chain_error;
use super::description::Description;
use crate::error::{Result, shorten};
use std::collections::{HashMap, HashSet};

/// Indices of the stages, each after those whose wires it reads.
pub(super) fn order(description: &Description) -> Result<Vec<usize>> {
    let stages = &description.stages;
    let mut writers: HashMap<&str, usize> = HashMap::new();
    for (index, stage) in stages.iter().enumerate() {
        for wire in &stage.writes {
            if *wire == description.input || writers.insert(wire, index).is_some() {
                return Err(chain_error(format!(
                    "the wire `{}` is defined twice, the second time by stage {} (`{}`)",
                    shorten(wire),
                    index + 1,
                    stage.name
                )));
            }
        }
    }
    let known = |wire: &str| *wire == description.input || writers.contains_key(wire);
    for (index, stage) in stages.iter().enumerate() {
        if let Some(wire) = stage.reads.iter().find(|wire| !known(wire)) {
            return Err(chain_error(format!(
                "stage {} (`{}`) takes the wire `{}`, which no stage gives",
                index + 1,
                stage.name,
                shorten(wire)
            )));
        }
    }
    if !known(&description.output) {
        return Err(chain_error(format!(
            "its output is the wire `{}`, which no stage gives",
            shorten(&description.output)
        )));
    }
    let mut defined: HashSet<&str> = HashSet::from([description.input.as_str()]);
    let (mut order, mut waiting): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..stages.len()).collect());
    while !waiting.is_empty() {
        let Some(at) =
            (waiting.iter()).position(|index| stages[*index].reads.iter().all(|wire| defined.contains(wire.as_str())))
        else {
            let stuck = waiting[0];
            return Err(chain_error(format!(
                "stage {} (`{}`) waits, by way of other stages, for its own output; what an output gives to the next frame is a state of its model",
                stuck + 1,
                stages[stuck].name
            )));
        };
        let index = waiting.remove(at);
        defined.extend(stages[index].writes.iter().map(String::as_str));
        order.push(index);
    }
    Ok(order)
}
