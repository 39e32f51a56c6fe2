//! Recurrent layers that an exporter wrote out step by step become layers again.
//!
//! A chain of equal steps, each reading one place of a sequence and the state of the step before, joined in the end along the
//! time: that is what exporters make of a loop, or of a layer they do not know. The numbers of the layer are those of the
//! steps, up to the order of sums. What does not match stays as it is.

mod cell;
mod form;

use super::build::Builder;
use super::finish::live;
use crate::error::{Result, fail};
use crate::graph::{Node, ValueId};
use crate::infer::Fact;
use crate::op::{Direction, Op, Recurrent};
use crate::tensor::{Tensor, elements};
use cell::{Kind, Part, Step, step};
use form::{Item, View, Weight};

/// Fewest steps that are taken for a layer.
const FEWEST: usize = 4;

/// Most layers of one file.
const MOST_LAYERS: usize = 64;

/// A layer that was found.
struct Found {
    kind: Kind,
    hidden: usize,
    batch: usize,
    steps: usize,
    /// `[T, B, I]` after moving `axis` to the front.
    sequence: ValueId,
    axis: usize,
    features: usize,
    /// ONNX layout, one direction.
    w: Vec<f32>,
    r: Vec<f32>,
    b: Vec<f32>,
    /// Hidden and cell state before the first step; `None` for zeros.
    hidden_before: Option<ValueId>,
    cell_before: Option<ValueId>,
    /// The joined states, the last state, the last cell.
    joined: ValueId,
    joined_axis: usize,
    last: ValueId,
    last_cell: Option<ValueId>,
    /// The node before which everything that the layer reads is known.
    at: usize,
    /// The state after the first step: nobody else may read it.
    first: ValueId,
}

/// Replaces layers that are written out.
pub(super) fn fold(builder: &mut Builder<'_>, nodes: Vec<Node>, outputs: &[ValueId]) -> Result<Vec<Node>> {
    let mut nodes = nodes;
    let mut from = 0;
    for _ in 0..MOST_LAYERS {
        let found = {
            let view = View::new(builder, &nodes);
            (from..nodes.len()).find_map(|index| find(&view, index).map(|found| (index, found)))
        };
        let Some((index, found)) = found else { break };
        match replace(builder, &nodes, &found, outputs)? {
            Some(better) => {
                nodes = better;
                from = 0;
            }
            None => from = index + 1,
        }
    }
    Ok(nodes)
}

fn find(view: &View<'_, '_>, index: usize) -> Option<Found> {
    let node = view.nodes.get(index)?;
    let Op::Concat { axis } = node.op else { return None };
    if node.inputs.len() < FEWEST {
        return None;
    }
    let states: Vec<ValueId> = node
        .inputs
        .iter()
        .map(|id| id.map(|id| view.peel(id)))
        .collect::<Option<_>>()?;
    let template = step(view, *states.get(1)?)?;
    let first_state = *states.first()?;
    let first = step(view, first_state)?;
    let joined = node.outputs.first().copied().flatten()?;
    // Every part is one place of the joined axis and holds all of a state.
    let count = view.count(first_state)?;
    let parts = node.inputs.iter().flatten().all(|id| {
        view.shape(*id)
            .is_some_and(|shape| shape.get(axis) == Some(&1) && elements(&shape) == Some(count))
    });
    if !parts || template.width == 0 || !count.is_multiple_of(template.width) {
        return None;
    }
    let mut last = template.clone();
    for (number, id) in states.iter().enumerate().skip(1) {
        let next = step(view, *id)?;
        let previous = states.get(number - 1).copied()?;
        let follows = next.kind == template.kind
            && next.width == template.width
            && next.sums == template.sums
            && next.item
                == (Item {
                    index: number,
                    ..first.item
                })
            && next.state == Some(previous)
            && view.count(*id) == Some(count)
            && match next.kind {
                Kind::Tanh | Kind::Relu => true,
                Kind::Gru => next.beside.map(|id| view.peel(id)) == Some(previous),
                Kind::Lstm => {
                    let before = if number == 1 { first.cell } else { last.cell };
                    next.beside.map(|id| view.peel(id)) == before
                }
            };
        if !follows {
            return None;
        }
        last = next;
    }
    let (steps, batch) = (states.len(), count / template.width);
    let whole = first.item.index == 0
        && first.kind == template.kind
        && first.width == template.width
        && view.shape(first.item.sequence)?.get(first.item.axis) == Some(&steps);
    if !whole {
        return None;
    }
    let (sequence, axis, weights) = weights(view, &template, batch, steps)?;
    let (hidden_before, cell_before) = before(view, &template, &first, count)?;
    Some(Found {
        kind: template.kind,
        hidden: template.width,
        batch,
        steps,
        sequence,
        axis,
        features: weights.features,
        w: weights.w,
        r: weights.r,
        b: weights.b,
        hidden_before,
        cell_before,
        joined,
        joined_axis: axis_of(view, joined, axis)?,
        last: *states.last()?,
        last_cell: last.cell,
        at: view.producers.get(&first_state)?.0,
        first: first_state,
    })
}

fn axis_of(view: &View<'_, '_>, id: ValueId, axis: usize) -> Option<usize> {
    (axis < view.symbolic_shape(id).len()).then_some(axis)
}

struct Weights {
    features: usize,
    w: Vec<f32>,
    r: Vec<f32>,
    b: Vec<f32>,
}

/// The step's sums as weights in ONNX layout; also the sequence and its time axis, as a product of all steps before the loop
/// becomes part of the layer.
fn weights(view: &View<'_, '_>, step: &Step, batch: usize, steps: usize) -> Option<(ValueId, usize, Weights)> {
    let hidden = step.width;
    let (mut sequence, axis) = (step.item.sequence, step.item.axis);
    let shape = view.shape(sequence)?;
    let direct = |part: &Part| matches!(part, Part::Input(None, _));
    // Inputs without a matrix: the sequence itself may be a product.
    let mut before: Option<Projection> = None;
    let inputs = || {
        step.sums
            .iter()
            .flatten()
            .filter(|part| matches!(part, Part::Input(..)))
    };
    if inputs().all(direct)
        && axis + 1 < shape.len()
        && let Some(found) = projection(view, sequence)
        && view.shape(found.source)?.len() == shape.len()
        && view.shape(found.source)?.split_last()?.1 == shape.split_last()?.1
    {
        sequence = found.source;
        before = Some(found);
    }
    let features = view.count(sequence)?.checked_div(batch.checked_mul(steps)?)?;
    let gates = if step.kind == Kind::Gru { 3 } else { step.sums.len() };
    let rows = gates.checked_mul(hidden)?;
    let mut found = Weights {
        features,
        w: vec![0.0; elements(&[rows, features])?],
        r: vec![0.0; elements(&[rows, hidden])?],
        b: vec![0.0; rows.checked_mul(2)?],
    };
    for (number, sum) in step.sums.iter().enumerate() {
        // The last sum of a GRU is the recurrent half of its candidate.
        let gate = number.min(gates - 1);
        let half = if step.kind == Kind::Gru && number == 3 { rows } else { 0 };
        let bias = half + gate * hidden;
        for part in sum {
            match *part {
                Part::Constant(id, first) => {
                    view.add_constant(id, first, found.b.get_mut(bias..bias + hidden)?)?;
                }
                Part::State(weight, first) => {
                    if step.kind == Kind::Gru && number == 2 {
                        return None;
                    }
                    let rows = found.r.get_mut(gate * hidden * hidden..(gate + 1) * hidden * hidden)?;
                    view.add_matrix(weight, first, rows, hidden)?;
                }
                Part::Input(..) if step.kind == Kind::Gru && number == 3 => return None,
                Part::Input(weight, first) => {
                    let rows = found
                        .w
                        .get_mut(gate * hidden * features..(gate + 1) * hidden * features)?;
                    match (weight, &before) {
                        (Some(weight), _) => view.add_matrix(weight, first, rows, features)?,
                        (None, Some(before)) => {
                            view.add_matrix(before.weight, first, rows, features)?;
                            for id in &before.constants {
                                view.add_constant(*id, first, found.b.get_mut(bias..bias + hidden)?)?;
                            }
                        }
                        (None, None) => {
                            for row in 0..hidden {
                                *rows.get_mut(row * features + first + row)? += 1.0;
                            }
                        }
                    }
                }
            }
        }
    }
    Some((sequence, axis, found))
}

/// What every item goes through before the steps: a product, and constant vectors that are added.
struct Projection {
    source: ValueId,
    weight: Weight,
    constants: Vec<ValueId>,
}

/// A sequence that is `source · weight + constants`.
fn projection(view: &View<'_, '_>, sequence: ValueId) -> Option<Projection> {
    let (mut constants, mut product) = (Vec::new(), sequence);
    while let Some([a, b]) = view.sum(product).filter(|_| constants.len() < FEWEST) {
        let (rest, constant) = if view.constant(a).is_some() { (b, a) } else { (a, b) };
        if view.count(constant) != view.shape(sequence)?.last().copied() {
            return None;
        }
        view.constant(constant)?;
        constants.push(constant);
        product = rest;
    }
    let (source, weight) = view.product(product)?;
    Some(Projection {
        source,
        weight,
        constants,
    })
}

/// The states before the first step. Where they were constants, folding has put them into the sums: then they must be zeros,
/// or stand beside the gates and give these sums.
fn before(
    view: &View<'_, '_>,
    template: &Step,
    first: &Step,
    count: usize,
) -> Option<(Option<ValueId>, Option<ValueId>)> {
    let zeros = |id: ValueId| {
        view.constant(id)
            .and_then(Tensor::as_f32)
            .is_some_and(|data| data.iter().all(|value| *value == 0.0))
    };
    let full = |id: ValueId| view.count(id) == Some(count);
    let cell = match template.kind {
        Kind::Lstm => match first.beside {
            Some(id) if zeros(id) => None,
            Some(id) if full(id) => Some(id),
            _ => return None,
        },
        _ => None,
    };
    if let Some(state) = first.state {
        let same = first.sums == template.sums && full(state);
        let beside = template.kind != Kind::Gru || first.beside.map(|id| view.peel(id)) == Some(state);
        return (same && beside).then_some((Some(state), cell));
    }
    if template.kind == Kind::Gru && !first.beside.is_some_and(zeros) {
        return None;
    }
    // From zeros every sum is the template's without the state.
    for (sum, wanted) in first.sums.iter().zip(&template.sums) {
        let inputs = |sum: &[Part]| -> Vec<Part> {
            sum.iter()
                .copied()
                .filter(|part| matches!(part, Part::Input(..)))
                .collect()
        };
        let constant = |sum: &[Part]| {
            let mut total = vec![0.0f32; template.width];
            for part in sum {
                if let Part::Constant(id, first) = *part {
                    view.add_constant(id, first, &mut total)?;
                }
            }
            Some(total)
        };
        let (have, want) = (constant(sum)?, constant(wanted)?);
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 * (1.0 + b.abs());
        if inputs(sum) != inputs(wanted) || !have.iter().zip(&want).all(near) {
            return None;
        }
    }
    Some((None, cell))
}

/// The nodes with the layer in place of the steps; `None` if something else reads the steps.
fn replace(builder: &mut Builder<'_>, nodes: &[Node], found: &Found, outputs: &[ValueId]) -> Result<Option<Vec<Node>>> {
    let targets: Vec<ValueId> = [Some(found.joined), Some(found.last), found.last_cell]
        .into_iter()
        .flatten()
        .collect();
    let kept_aside = std::mem::take(&mut builder.nodes);
    let layer = emit(builder, found);
    let added = std::mem::replace(&mut builder.nodes, kept_aside);
    layer?;
    let mut joined = Vec::with_capacity(nodes.len() + added.len());
    let mut added = Some(added);
    for (index, node) in nodes.iter().enumerate() {
        if index == found.at {
            joined.extend(added.take().unwrap_or_default());
        }
        let replaced = node.outputs.iter().flatten().any(|id| targets.contains(id));
        if !replaced {
            joined.push(node.clone());
        }
    }
    let joined = live(joined, outputs);
    let steps_left = joined.iter().any(|node| node.outputs.contains(&Some(found.first)));
    Ok((!steps_left).then_some(joined))
}

/// Adds the layer, and wires with the names that the steps' results had.
fn emit(builder: &mut Builder<'_>, found: &Found) -> Result<()> {
    let label = builder.labels.get(found.joined.index()).cloned().unwrap_or_default();
    let reshaped = |builder: &mut Builder<'_>, what: &str, x: ValueId, shape: &[usize]| -> Result<ValueId> {
        let sizes = Tensor::from_i64s(shape.iter().map(|size| *size as i64).collect());
        let sizes = builder.constant(&format!("{label}.{what}.shape"), sizes)?;
        one(builder, &label, what, Op::Reshape { allow_zero: true }, &[x, sizes])
    };
    let (steps, batch, hidden) = (found.steps, found.batch, found.hidden);
    // Time first.
    let rank = builder.fact(found.sequence).shape.len();
    let mut x = found.sequence;
    if found.axis != 0 {
        let perm: Vec<usize> = std::iter::once(found.axis)
            .chain((0..rank).filter(|axis| *axis != found.axis))
            .collect();
        x = one(builder, &label, "time", Op::Transpose { perm }, &[x])?;
    }
    x = reshaped(builder, "items", x, &[steps, batch, found.features])?;
    let state = [1, batch, hidden];
    let hidden_before = match found.hidden_before {
        Some(id) => Some(reshaped(builder, "h0", id, &state)?),
        None => None,
    };
    let cell_before = match found.cell_before {
        Some(id) => Some(reshaped(builder, "c0", id, &state)?),
        None => None,
    };
    let weight = |builder: &mut Builder<'_>, what: &str, shape: Vec<usize>, data: &[f32]| -> Result<Option<ValueId>> {
        match Tensor::f32(shape, data.to_vec()) {
            Some(tensor) => builder.constant(&format!("{label}.{what}"), tensor).map(Some),
            None => Ok(None),
        }
    };
    let rows = found.b.len() / 2;
    let w = weight(builder, "w", vec![1, rows, found.features], &found.w)?;
    let r = weight(builder, "r", vec![1, rows, hidden], &found.r)?;
    let b = weight(builder, "b", vec![1, 2 * rows], &found.b)?;
    let recurrent = Recurrent {
        hidden,
        direction: Direction::Forward,
        batch_first: false,
        activations: (found.kind == Kind::Relu).then(|| vec!["Relu".to_owned()]),
        clip: None,
    };
    let op = match found.kind {
        Kind::Tanh | Kind::Relu => Op::Rnn { recurrent },
        Kind::Lstm => Op::Lstm {
            recurrent,
            input_forget: false,
        },
        Kind::Gru => Op::Gru {
            recurrent,
            linear_before_reset: true,
        },
    };
    let mut inputs = vec![Some(x), w, r, b];
    if hidden_before.is_some() || cell_before.is_some() {
        inputs.extend([None, hidden_before]);
    }
    if cell_before.is_some() {
        inputs.push(cell_before);
    }
    let name = format!("{label}.layer");
    let labels: Vec<String> = ["y", "h", "c"]
        .iter()
        .take(if found.kind == Kind::Lstm { 3 } else { 2 })
        .map(|what| format!("{label}.{what}"))
        .collect();
    let ids = builder.emit(&name, op, inputs, &labels)?;
    let get = |index: usize| ids.get(index).copied().unwrap_or(found.joined);
    join(builder, found, get(0), &label)?;
    settle(builder, get(1), found.last, &label)?;
    match found.last_cell {
        Some(cell) => settle(builder, get(2), cell, &label),
        None => Ok(()),
    }
}

/// `[T, 1, B, H]` to the shape in which the file joins the steps.
fn join(builder: &mut Builder<'_>, found: &Found, y: ValueId, label: &str) -> Result<()> {
    let shape = builder.fact(found.joined).known_shape().unwrap_or_default();
    let (front, back) = shape.split_at(found.joined_axis.min(shape.len()));
    let outer: usize = front.iter().product();
    let inner: usize = back.iter().skip(1).product();
    let ints = |builder: &mut Builder<'_>, what: &str, values: &[usize]| {
        let tensor = Tensor::from_i64s(values.iter().map(|value| *value as i64).collect());
        builder.constant(&format!("{label}.{what}"), tensor)
    };
    let direction = ints(builder, "direction", &[1])?;
    let mut wire = one(builder, label, "states", Op::Squeeze, &[y, direction])?;
    let turned = Op::Transpose { perm: vec![1, 0, 2] };
    if shape == [found.batch, found.steps, found.hidden] {
        wire = one(builder, label, "turned", turned, &[wire])?;
    } else if outer > 1 {
        let flat = ints(builder, "flat", &[found.steps, outer, inner])?;
        wire = one(builder, label, "apart", Op::Reshape { allow_zero: true }, &[wire, flat])?;
        wire = one(builder, label, "turned", turned, &[wire])?;
    }
    settle(builder, wire, found.joined, label)
}

/// Adds an operator with one output.
fn one(builder: &mut Builder<'_>, label: &str, what: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId> {
    let name = format!("{label}.{what}");
    let inputs = inputs.iter().copied().map(Some).collect();
    let ids = builder.emit(&name, op, inputs, std::slice::from_ref(&name))?;
    match ids.first() {
        Some(id) => Ok(*id),
        None => fail!(Node, "it has no output"),
    }
}

/// Gives the wire `target` the elements of `wire`.
fn settle(builder: &mut Builder<'_>, wire: ValueId, target: ValueId, label: &str) -> Result<()> {
    let shape: Vec<usize> = builder.fact(target).known_shape().unwrap_or_default();
    if builder.fact(wire).known_shape().as_ref() == Some(&shape)
        && let Some(last) = builder.nodes.last_mut()
        && last.outputs == [Some(wire)]
    {
        last.outputs = vec![Some(target)];
        return Ok(());
    }
    let sizes = Tensor::from_i64s(shape.iter().map(|size| *size as i64).collect());
    let name = builder.labels.get(target.index()).cloned().unwrap_or_default();
    let sizes = builder.wire(&format!("{label}.{name}.shape"), Fact::constant(sizes))?;
    builder.nodes.push(Node {
        name: format!("{name}.shape"),
        op: Op::Reshape { allow_zero: true },
        inputs: vec![Some(wire), Some(sizes)],
        outputs: vec![Some(target)],
    });
    Ok(())
}
