//! Short loops as one step: what is fed back within a block runs sample by sample, and everything around it does not.
//!
//! A loop of a few samples (a filter, an envelope, an all-pass) would cut the whole model into pieces of as many, each with the overhead
//! of all its steps. Its own operations are gathered here into a *circuit*: single values in registers, one instruction after another,
//! over the frames of a block. Loops that hold anything but functions of single values, and short delays, stay as they are.

use crate::stream::{Clock, Planes, Rate, StreamGraph, StreamNode, StreamOp, View, Wire, WireId};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use tonegraft_kernels::{activation, binary};

/// Planes from outside that a circuit reads, at most.
const MAX_INPUTS: usize = 1024;

/// Those of them that have a value for every frame, at most.
pub(crate) const MAX_SIGNALS: usize = 128;

/// Instructions of a circuit, at most.
const MAX_INSTRUCTIONS: usize = 4096;

/// Frames that stay in the memories of a circuit, at most: longer ways back leave room for whole pieces.
const MAX_DELAY: i64 = 64;

/// A value: first those from outside, then those of the memories, then the results of the instructions, in order.
pub(crate) type Register = usize;

/// A function of values of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Instruction {
    /// Of one.
    Unary(activation::Function, Register),
    /// Of two.
    Binary(binary::Function, Register, Register),
    /// The second if the first is not 0, else the third.
    Select(Register, Register, Register),
}

/// A value that comes back later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    /// What it is before anything came back.
    pub start: f32,
    /// In frames, at least 1.
    pub delay: usize,
    /// What is put into it.
    pub from: Register,
}

/// A loop, sample by sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circuit {
    /// The planes from outside: operand and plane.
    pub(crate) inputs: Vec<(usize, usize)>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) instructions: Vec<Instruction>,
    /// What the planes of the output are.
    pub(crate) outputs: Vec<Register>,
}

impl Circuit {
    /// How many registers it has.
    pub(crate) fn registers(&self) -> usize {
        self.inputs.len() + self.cells.len() + self.instructions.len()
    }

    /// Floats of all cells.
    pub(crate) fn memory(&self) -> usize {
        self.cells.iter().map(|cell| cell.delay).sum()
    }
}

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delays: BTreeSet<usize> = self.cells.iter().map(|cell| cell.delay).collect();
        let delays: Vec<String> = delays.iter().map(usize::to_string).collect();
        write!(
            f,
            "circuit of {} instructions, {} values back after {} frames",
            self.instructions.len(),
            self.cells.len(),
            delays.join(", ")
        )
    }
}

/// The graph with its short loops gathered.
pub(super) fn gather(graph: &StreamGraph) -> StreamGraph {
    let mut graph = graph.clone();
    for group in groups(&graph) {
        if let Some(gathered) = gathered(&graph, &group) {
            graph = gathered;
        }
    }
    graph
}

/// Numbers of the short memories that lie in one loop with each other.
fn groups(graph: &StreamGraph) -> Vec<BTreeSet<usize>> {
    let limit = MAX_DELAY.saturating_mul(graph.ticks);
    let short: BTreeSet<usize> = (graph.nodes.iter())
        .filter_map(|node| match &node.op {
            StreamOp::State { number, delay, .. } => {
                let hop = graph.wires.get(node.output.index())?.rate.hop()?;
                let ticks = hop.checked_mul(i64::try_from(*delay).ok()?)?;
                (hop == graph.ticks && ticks < limit && graph.stepwise_from > graph.ticks).then_some(*number)
            }
            _ => None,
        })
        .collect();
    let reached: HashMap<usize, BTreeSet<usize>> = (short.iter())
        .map(|number| {
            let from = reached(graph, &[*number].into());
            let stores = graph
                .nodes
                .iter()
                .zip(from)
                .filter_map(|(node, reached)| match &node.op {
                    StreamOp::Store { number, .. } if reached => Some(*number),
                    _ => None,
                });
            (*number, stores.collect())
        })
        .collect();
    // Through one another: what comes out of one goes into the other and back, in any number of rounds.
    let closure = |number: usize| {
        let mut all: BTreeSet<usize> = [number].into();
        let mut open = vec![number];
        while let Some(next) = open.pop() {
            for store in reached.get(&next).into_iter().flatten() {
                if short.contains(store) && all.insert(*store) {
                    open.push(*store);
                }
            }
        }
        all
    };
    let closures: HashMap<usize, BTreeSet<usize>> = short.iter().map(|number| (*number, closure(*number))).collect();
    let mut groups: Vec<BTreeSet<usize>> = Vec::new();
    for number in &short {
        let group: BTreeSet<usize> = (closures[number].iter().copied())
            .filter(|other| closures[other].contains(number))
            .collect();
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

/// Which nodes depend on the memories of these numbers, within a frame.
fn reached(graph: &StreamGraph, numbers: &BTreeSet<usize>) -> Vec<bool> {
    let mut wires = vec![false; graph.wires.len()];
    (graph.nodes.iter())
        .map(|node| {
            let is_source = matches!(&node.op, StreamOp::State { number, .. } if numbers.contains(number));
            let depends = is_source || node.inputs.iter().any(|view| wires[view.wire.index()]);
            wires[node.output.index()] |= depends;
            depends
        })
        .collect()
}

/// Which nodes the memories of these numbers depend on, within a frame.
fn needed(graph: &StreamGraph, numbers: &BTreeSet<usize>) -> Vec<bool> {
    let mut wires = vec![false; graph.wires.len()];
    let mut needed: Vec<bool> = (graph.nodes.iter().rev())
        .map(|node| {
            let is_sink = matches!(&node.op, StreamOp::Store { number, .. } if numbers.contains(number));
            let counts = is_sink || wires[node.output.index()];
            if counts {
                for view in &node.inputs {
                    wires[view.wire.index()] = true;
                }
            }
            counts
        })
        .collect();
    needed.reverse();
    needed
}

/// Builds a circuit.
struct Builder<'a> {
    graph: &'a StreamGraph,
    circuit: Circuit,
    /// Operands: wires from outside.
    operands: Vec<WireId>,
    /// Where the planes of wires are.
    registers: HashMap<(WireId, usize), Register>,
}

impl Builder<'_> {
    fn register(&self, view: View, plane: usize) -> Option<Register> {
        self.registers.get(&(view.wire, view.first + plane)).copied()
    }

    fn instruction(&mut self, wire: WireId, plane: usize, instruction: Instruction) -> Option<()> {
        let register = self.circuit.registers();
        self.circuit.instructions.push(instruction);
        self.registers.insert((wire, plane), register);
        (self.circuit.instructions.len() <= MAX_INSTRUCTIONS).then_some(())
    }

    /// The instructions of a node; `None` if it is none of those that a circuit has.
    fn node(&mut self, node: &StreamNode) -> Option<()> {
        let wire = node.output;
        let planes = self.graph.wires.get(wire.index())?.planes;
        let input = |at: usize| node.inputs.get(at).copied();
        match &node.op {
            // Their values are there already, or go into the cells in the end.
            StreamOp::State { .. } | StreamOp::Delay(_) | StreamOp::Store { .. } => {}
            StreamOp::Unary(function) => {
                for plane in 0..planes {
                    let x = self.register(input(0)?, plane)?;
                    self.instruction(wire, plane, Instruction::Unary(*function, x))?;
                }
            }
            StreamOp::Binary { function, a, b } => {
                for plane in 0..planes {
                    let x = self.register(input(0)?, a.get(plane))?;
                    let y = self.register(input(1)?, b.get(plane))?;
                    self.instruction(wire, plane, Instruction::Binary(*function, x, y))?;
                }
            }
            StreamOp::Select { pairing } => {
                for plane in 0..planes {
                    let at = |operand: usize, pairing: &Planes| self.register(input(operand)?, pairing.get(plane));
                    let [condition, a, b] = pairing;
                    let (condition, a, b) = (at(0, condition)?, at(1, a)?, at(2, b)?);
                    self.instruction(wire, plane, Instruction::Select(condition, a, b))?;
                }
            }
            StreamOp::Assemble(map) => {
                for (plane, (operand, from)) in map.iter().enumerate() {
                    let register = self.register(input(*operand)?, *from)?;
                    self.registers.insert((wire, plane), register);
                }
            }
            // Nothing runs before tick 0 where no signal has begun by then.
            StreamOp::Begin(prefix) if prefix.until <= 0 && self.graph.pre_roll == 0 => {
                for plane in 0..planes {
                    let register = self.register(input(0)?, plane)?;
                    self.registers.insert((wire, plane), register);
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// The graph with the loop of the memories `group` as one node; `None` if that cannot be.
fn gathered(graph: &StreamGraph, group: &BTreeSet<usize>) -> Option<StreamGraph> {
    let (after, before) = (reached(graph, group), needed(graph, group));
    let inside: Vec<bool> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| *after && *before)
        .collect();
    let nodes = || {
        graph
            .nodes
            .iter()
            .zip(&inside)
            .filter(|(_, inside)| **inside)
            .map(|(node, _)| node)
    };
    let clock = Rate::Frames(Clock::new(graph.ticks, 0));
    let made: BTreeSet<WireId> = nodes().map(|node| node.output).collect();
    if nodes().any(|node| {
        graph
            .wires
            .get(node.output.index())
            .is_none_or(|wire| wire.planes > 0 && wire.rate != clock)
    }) {
        return None;
    }
    let mut builder = Builder {
        graph,
        circuit: Circuit::default(),
        operands: Vec::new(),
        registers: HashMap::new(),
    };
    // What comes from outside.
    let mut signals = 0;
    for view in nodes()
        .flat_map(|node| &node.inputs)
        .filter(|view| !made.contains(&view.wire))
    {
        let rate = graph.wires.get(view.wire.index())?.rate;
        if rate != clock && rate != Rate::Control {
            return None;
        }
        let operand = builder
            .operands
            .iter()
            .position(|wire| *wire == view.wire)
            .unwrap_or_else(|| {
                builder.operands.push(view.wire);
                builder.operands.len() - 1
            });
        for plane in view.first..view.first + view.planes {
            let next = builder.circuit.inputs.len();
            if let std::collections::hash_map::Entry::Vacant(place) = builder.registers.entry((view.wire, plane)) {
                place.insert(next);
                builder.circuit.inputs.push((operand, plane));
                signals += usize::from(rate == clock);
            }
        }
    }
    if builder.circuit.inputs.len() > MAX_INPUTS || signals > MAX_SIGNALS {
        return None;
    }
    // What comes back: where from is known in the end.
    for node in nodes() {
        let (starts, delay): (Vec<f32>, usize) = match &node.op {
            StreamOp::State { start, delay, .. } => (start.to_vec(), *delay),
            StreamOp::Delay(ticks) if *ticks < MAX_DELAY * graph.ticks && ticks % graph.ticks == 0 => {
                let planes = graph.wires.get(node.output.index())?.planes;
                (vec![0.0; planes], usize::try_from(ticks / graph.ticks).ok()?)
            }
            StreamOp::Delay(_) => return None,
            _ => continue,
        };
        for (plane, start) in starts.into_iter().enumerate() {
            builder
                .registers
                .insert((node.output, plane), builder.circuit.registers());
            builder.circuit.cells.push(Cell { start, delay, from: 0 });
        }
    }
    for node in nodes() {
        builder.node(node)?;
    }
    for node in nodes() {
        let (cells, source) = match &node.op {
            StreamOp::Delay(_) => (node.output, node.inputs.first()?),
            StreamOp::Store { number, start } if *start <= 0 => {
                let is_its =
                    |node: &&StreamNode| matches!(&node.op, StreamOp::State { number: own, .. } if own == number);
                (graph.nodes.iter().find(is_its)?.output, node.inputs.first()?)
            }
            StreamOp::Store { .. } => return None,
            _ => continue,
        };
        for plane in 0..source.planes {
            let from = builder.register(*source, plane)?;
            let register = *builder.registers.get(&(cells, plane))?;
            let cell = register.checked_sub(builder.circuit.inputs.len())?;
            builder.circuit.cells.get_mut(cell)?.from = from;
        }
    }
    rebuilt(builder, &inside, &after, &made)
}

/// The graph with the circuit in the place of the nodes inside.
fn rebuilt(mut builder: Builder<'_>, inside: &[bool], after: &[bool], made: &BTreeSet<WireId>) -> Option<StreamGraph> {
    let graph = builder.graph;
    let outside = graph.nodes.iter().zip(inside).filter(|(_, inside)| !**inside);
    let read: BTreeSet<WireId> = outside
        .flat_map(|(node, _)| node.inputs.iter().map(|view| view.wire))
        .chain([graph.output.view.wire])
        .chain(graph.meters.iter().map(|(_, view)| view.wire))
        .filter(|wire| made.contains(wire))
        .collect();
    // Nobody hears it.
    if read.is_empty() {
        return None;
    }
    let mut new = graph.clone();
    let output = WireId(u32::try_from(graph.wires.len()).ok()?);
    let mut places: HashMap<WireId, usize> = HashMap::new();
    for wire in read {
        places.insert(wire, builder.circuit.outputs.len());
        for plane in 0..graph.wires.get(wire.index())?.planes {
            builder.circuit.outputs.push(*builder.registers.get(&(wire, plane))?);
        }
    }
    new.wires.push(Wire {
        planes: builder.circuit.outputs.len(),
        rate: Rate::Frames(Clock::new(graph.ticks, 0)),
    });
    let moved = |view: &mut View| {
        if let Some(first) = places.get(&view.wire) {
            *view = View {
                wire: output,
                first: first + view.first,
                planes: view.planes,
            };
        }
    };
    let inputs = builder.operands.iter().map(|wire| View {
        wire: *wire,
        first: 0,
        planes: graph.wires.get(wire.index()).map_or(0, |wire| wire.planes),
    });
    let last = graph.nodes.iter().zip(inside).rfind(|(_, inside)| **inside)?.0;
    let circuit = StreamNode {
        name: last.name.clone(),
        op: StreamOp::Circuit(Arc::new(builder.circuit)),
        inputs: inputs.collect(),
        output,
    };
    let part = |wanted: bool| {
        let all = graph.nodes.iter().zip(inside).zip(after);
        all.filter(move |((_, inside), after)| !**inside && **after == wanted)
            .map(|((node, _), _)| node.clone())
    };
    new.nodes = part(false).chain([circuit]).chain(part(true)).collect();
    for view in new.nodes.iter_mut().flat_map(|node| &mut node.inputs) {
        moved(view);
    }
    moved(&mut new.output.view);
    for (_, view) in &mut new.meters {
        moved(view);
    }
    Some(new)
}
