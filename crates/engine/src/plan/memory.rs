//! Gives every wire a place in the working memory.

use super::fuse::Fused;
use super::{Region, Step, StepOp, Timebase};
use crate::stream::{Rate, StreamGraph, View, WireId};
use std::collections::HashMap;
use std::sync::Arc;
use tonegraft_kernels::padded;

pub(super) struct Places {
    /// One per node that computes, in order.
    pub steps: Vec<Step>,
    pub constants: Vec<(Region, Arc<[f32]>)>,
    pub input: Region,
    pub output: Region,
    pub meters: Vec<(String, Region)>,
    pub control_cells: Vec<(usize, usize)>,
    pub floats: usize,
}

/// Free stretches of scratch floats, and how many there are at all.
#[derive(Default)]
struct Scratch {
    free: Vec<(usize, usize)>,
    floats: usize,
}

impl Scratch {
    fn take(&mut self, floats: usize) -> usize {
        if let Some(slot) = self.free.iter_mut().find(|(_, len)| *len >= floats) {
            let first = slot.0;
            *slot = (slot.0 + floats, slot.1 - floats);
            self.free.retain(|(_, len)| *len > 0);
            return first;
        }
        self.floats += floats;
        self.floats - floats
    }

    fn give(&mut self, first: usize, floats: usize) {
        self.free.push((first, floats));
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

/// Places control wires for good and others for as long as they live.
pub(super) fn place(graph: &StreamGraph, nodes: &[Fused], time: &Timebase) -> Places {
    let wire = |id: WireId| graph.wires[id.index()];
    let mut last_use: HashMap<WireId, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for input in &node.inputs {
            last_use.insert(input.wire, index);
        }
        if let Some((total, _)) = node.total {
            last_use.insert(total, index);
        }
    }
    last_use.insert(graph.output.view.wire, usize::MAX);
    for (_, view) in &graph.meters {
        last_use.insert(view.wire, usize::MAX);
    }

    // Control wires first: they stand before the scratch planes.
    let mut regions: HashMap<WireId, Region> = HashMap::new();
    let mut floats = 0;
    let region = |id: WireId, offset: usize| Region {
        offset,
        planes: wire(id).planes,
        stride: time.stride(wire(id).rate),
        rate: wire(id).rate,
    };
    let control_nodes = nodes.iter().filter(|node| wire(node.output).rate == Rate::Control);
    for id in graph
        .control_wires
        .iter()
        .map(|(id, _)| *id)
        .chain(control_nodes.map(|node| node.output))
    {
        let place = region(id, floats);
        floats += place.len();
        regions.insert(id, place);
    }
    let base = floats;
    let mut scratch = Scratch::default();
    // Room of a wire, in whole vectors so that every region begins at one.
    let room = |id: WireId| padded(region(id, 0).len());
    let input = region(graph.input.0, base + scratch.take(room(graph.input.0)));
    regions.insert(graph.input.0, input);
    let view_region = |view: &View, regions: &HashMap<WireId, Region>| {
        let whole = regions[&view.wire];
        Region {
            offset: whole.offset + view.first * whole.stride,
            planes: view.planes,
            ..whole
        }
    };
    let is_control = |id: WireId| wire(id).rate == Rate::Control;
    let (mut steps, mut constants) = (Vec::new(), Vec::new());
    for (index, node) in nodes.iter().enumerate() {
        if let Some(values) = &node.constant {
            constants.push((regions[&node.output], values.clone()));
            continue;
        }
        let Some(op) = node.op.clone() else { continue };
        let inputs: Vec<Region> = node.inputs.iter().map(|view| view_region(view, &regions)).collect();
        let dies = |id: WireId| last_use.get(&id) == Some(&index);
        if !is_control(node.output) {
            let source = node.inputs.first().copied();
            let in_place = matches!(op, StepOp::Unary(_) | StepOp::Begin(_))
                && source.is_some_and(|view| {
                    dies(view.wire) && view.planes == wire(view.wire).planes && !is_control(view.wire)
                });
            let kept = source.filter(|_| in_place).map(|view| view.wire);
            let place = match kept {
                Some(id) => regions[&id],
                None => region(node.output, base + scratch.take(room(node.output))),
            };
            regions.insert(node.output, place);
            let mut given: Vec<WireId> = Vec::new();
            for view in &node.inputs {
                if dies(view.wire) && !is_control(view.wire) && Some(view.wire) != kept && !given.contains(&view.wire) {
                    given.push(view.wire);
                    scratch.give(regions[&view.wire].offset - base, room(view.wire));
                }
            }
            if let Some((from, to)) = node.total {
                regions.insert(to, regions[&from]);
                if !last_use.contains_key(&to) && room(to) > 0 {
                    scratch.give(regions[&to].offset - base, room(to));
                }
            }
            // Nobody reads it.
            if !last_use.contains_key(&node.output) && room(node.output) > 0 {
                scratch.give(place.offset - base, room(node.output));
            }
        }
        steps.push(Step {
            name: node.name.clone(),
            op,
            inputs,
            output: regions[&node.output],
            total: node.total.map(|(total, _)| regions[&total]),
        });
    }
    let output = view_region(&graph.output.view, &regions);
    let meters = graph.meters.iter();
    let meters = meters
        .map(|(name, view)| (name.clone(), view_region(view, &regions)))
        .collect();
    let cells = graph.control_wires.iter().flat_map(|(id, controls)| {
        let region = regions[id];
        controls
            .iter()
            .enumerate()
            .map(move |(plane, control)| (region.offset + plane * region.stride, *control))
    });
    Places {
        control_cells: cells.collect(),
        steps,
        constants,
        input,
        output,
        meters,
        floats: base + scratch.floats,
    }
}
