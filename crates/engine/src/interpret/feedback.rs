//! Outputs that are fed back, over a whole signal: the input that leads to the output that it is.
//!
//! A loop of `delay` frames settles by `delay` frames a round, because nothing depends on the future of what is fed back: after as many
//! rounds as the signal has delays, what goes in no longer changes.

use super::{InterpretError, InterpretErrorKind, once};
use std::collections::BTreeMap;
use tonegraft_model::{Feedback, Graph, Tensor};

pub(super) fn run(
    graph: &Graph,
    inputs: &BTreeMap<String, Tensor>,
) -> Result<BTreeMap<String, Tensor>, InterpretError> {
    let open: Vec<&Feedback> = (graph.metadata.feedback.iter())
        .filter(|pair| !inputs.contains_key(&pair.input))
        .collect();
    let mut given = inputs.clone();
    for pair in &open {
        let shape = shape(graph, &pair.input, inputs)?;
        let zeros = vec![0.0; shape.iter().product()];
        let tensor = Tensor::f32(shape, zeros).ok_or_else(|| error(&pair.input, "its size is impossible"))?;
        given.insert(pair.input.clone(), tensor);
    }
    let mut results = once(graph, &given)?;
    if open.is_empty() {
        return Ok(results);
    }
    let rounds = given.values().map(Tensor::len).max().unwrap_or(0);
    for _ in 0..=rounds {
        let mut changed = false;
        for pair in &open {
            let (before, output) = (&given[&pair.input], results.get(&pair.output));
            let next = output
                .and_then(|output| later(output, before.shape(), time(graph, pair)?, pair.delay))
                .ok_or_else(|| error(&pair.input, "the output that is fed back to it has another shape"))?;
            let bits = |tensor: &Tensor| -> Vec<u32> {
                let values = tensor.as_f32().unwrap_or(&[]);
                values.iter().map(|value| value.to_bits()).collect()
            };
            changed |= bits(&next) != bits(before);
            given.insert(pair.input.clone(), next);
        }
        if !changed {
            return Ok(results);
        }
        results = once(graph, &given)?;
    }
    Err(error(
        &graph.name,
        "what is fed back never settles: it depends on what comes later",
    ))
}

fn error(place: &str, detail: &str) -> InterpretError {
    InterpretError {
        kind: InterpretErrorKind::InputMismatch(detail.to_owned()),
        place: place.to_owned(),
    }
}

/// The time axis: the last open one of the input.
fn time(graph: &Graph, pair: &Feedback) -> Option<usize> {
    let id = graph.inputs.iter().find(|id| graph.value(**id).name == pair.input)?;
    let shape = &graph.value(*id).shape;
    (shape.iter().rposition(|dim| dim.known().is_none())).or_else(|| shape.len().checked_sub(1))
}

/// The declared shape of an input, open sizes being those of the given inputs.
fn shape(graph: &Graph, name: &str, inputs: &BTreeMap<String, Tensor>) -> Result<Vec<usize>, InterpretError> {
    let missing = || InterpretError {
        kind: InterpretErrorKind::MissingInput,
        place: name.to_owned(),
    };
    let id = (graph.inputs.iter())
        .find(|id| graph.value(**id).name == name)
        .ok_or_else(missing)?;
    let sizes = graph.value(*id).shape.iter().map(|dim| {
        dim.known().or_else(|| {
            graph.inputs.iter().find_map(|other| {
                let value = graph.value(*other);
                let at = value.shape.iter().position(|own| own == dim)?;
                inputs.get(&value.name)?.shape().get(at).copied()
            })
        })
    });
    sizes.collect::<Option<Vec<usize>>>().ok_or_else(missing)
}

/// `tensor`, `delay` places later along `axis`, after zeros; `None` if it has not that shape.
fn later(tensor: &Tensor, shape: &[usize], axis: usize, delay: usize) -> Option<Tensor> {
    let values = tensor.as_f32().filter(|_| tensor.shape() == shape)?;
    let frames = *shape.get(axis)?;
    let inner: usize = shape.get(axis + 1..)?.iter().product();
    let (row, shift) = (frames * inner, delay.min(frames) * inner);
    let mut out = vec![0.0; values.len()];
    if row > 0 {
        for (to, from) in out.chunks_exact_mut(row).zip(values.chunks_exact(row)) {
            to[shift..].copy_from_slice(&from[..row - shift]);
        }
    }
    Tensor::f32(shape.to_vec(), out)
}
