//! Gives every wire a place in the working memory.

use super::fuse::Fused;
use super::{Region, Step, StepOp};
use crate::stream::{Rate, StreamGraph, View, WireId};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) struct Places {
    /// One per node that computes, in order.
    pub steps: Vec<Step>,
    pub constants: Vec<(Region, Arc<[f32]>)>,
    pub input: Region,
    pub output: Region,
    pub control_cells: Vec<(usize, usize)>,
    pub floats: usize,
}

/// Free stretches of scratch planes, and how many there are at all.
#[derive(Default)]
struct Scratch {
    free: Vec<(usize, usize)>,
    planes: usize,
}

impl Scratch {
    fn take(&mut self, planes: usize) -> usize {
        if let Some(slot) = self.free.iter_mut().find(|(_, len)| *len >= planes) {
            let first = slot.0;
            *slot = (slot.0 + planes, slot.1 - planes);
            self.free.retain(|(_, len)| *len > 0);
            return first;
        }
        self.planes += planes;
        self.planes - planes
    }

    fn give(&mut self, first: usize, planes: usize) {
        self.free.push((first, planes));
        self.free.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (first, len) in self.free.drain(..) {
            match merged.last_mut() {
                Some(last) if last.0 + last.1 == first => last.1 += len,
                _ => merged.push((first, len)),
            }
        }
        self.free = merged;
    }
}

/// Places control wires for good and audio wires for as long as they live.
pub(super) fn place(graph: &StreamGraph, nodes: &[Fused]) -> Places {
    let wire = |id: WireId| graph.wires[id.index()];
    let mut last_use: HashMap<WireId, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for input in &node.inputs {
            last_use.insert(input.wire, index);
        }
    }
    last_use.insert(graph.output.view.wire, usize::MAX);

    // Control wires first: they stand before the scratch planes.
    let mut regions: HashMap<WireId, Region> = HashMap::new();
    let mut floats = 0;
    let mut control = |id: WireId, regions: &mut HashMap<WireId, Region>| {
        let region = Region {
            offset: floats,
            planes: wire(id).planes,
            rate: Rate::Control,
        };
        floats += region.len();
        regions.insert(id, region);
    };
    for (id, _) in &graph.control_wires {
        control(*id, &mut regions);
    }
    for node in nodes.iter().filter(|node| wire(node.output).rate == Rate::Control) {
        control(node.output, &mut regions);
    }
    let base = floats;
    let audio = |first: usize, planes: usize| Region {
        offset: base
            + first
                * Region {
                    offset: 0,
                    planes,
                    rate: Rate::Audio,
                }
                .stride(),
        planes,
        rate: Rate::Audio,
    };
    let mut scratch = Scratch::default();
    let mut firsts: HashMap<WireId, usize> = HashMap::new();
    let take = |id: WireId,
                scratch: &mut Scratch,
                firsts: &mut HashMap<WireId, usize>,
                regions: &mut HashMap<WireId, Region>| {
        let first = scratch.take(wire(id).planes);
        firsts.insert(id, first);
        regions.insert(id, audio(first, wire(id).planes));
    };
    take(graph.input.0, &mut scratch, &mut firsts, &mut regions);
    let input = regions[&graph.input.0];
    let view_region = |view: &View, regions: &HashMap<WireId, Region>| {
        let whole = regions[&view.wire];
        Region {
            offset: whole.offset + view.first * whole.stride(),
            planes: view.planes,
            rate: whole.rate,
        }
    };
    let (mut steps, mut constants) = (Vec::new(), Vec::new());
    for (index, node) in nodes.iter().enumerate() {
        if let Some(values) = &node.constant {
            constants.push((regions[&node.output], values.clone()));
            continue;
        }
        let Some(op) = node.op.clone() else { continue };
        let inputs: Vec<Region> = node.inputs.iter().map(|view| view_region(view, &regions)).collect();
        let dies = |id: WireId| last_use.get(&id) == Some(&index);
        if wire(node.output).rate == Rate::Audio {
            let source = node.inputs.first().copied();
            let in_place = matches!(op, StepOp::Unary(_) | StepOp::Begin(_))
                && source.is_some_and(|view| {
                    dies(view.wire) && view.planes == wire(view.wire).planes && firsts.contains_key(&view.wire)
                });
            match source.filter(|_| in_place) {
                Some(view) => {
                    let first = firsts.remove(&view.wire).unwrap_or(0);
                    firsts.insert(node.output, first);
                    regions.insert(node.output, audio(first, view.planes));
                }
                None => take(node.output, &mut scratch, &mut firsts, &mut regions),
            }
            for view in &node.inputs {
                if dies(view.wire)
                    && let Some(first) = firsts.remove(&view.wire)
                {
                    scratch.give(first, wire(view.wire).planes);
                }
            }
        }
        steps.push(Step {
            name: node.name.clone(),
            op,
            inputs,
            output: regions[&node.output],
        });
    }
    let output = view_region(&graph.output.view, &regions);
    let cells = graph.control_wires.iter().flat_map(|(id, controls)| {
        let region = regions[id];
        controls
            .iter()
            .enumerate()
            .map(move |(plane, control)| (region.offset + plane * region.stride(), *control))
    });
    Places {
        control_cells: cells.collect(),
        steps,
        constants,
        input,
        output,
        floats: base + audio(0, scratch.planes).len(),
    }
}
