//! Elements of small integer tensors, followed through the operators that shape computations are made of.
//!
//! Operators that only move elements are run by [`crate::eval`] on the elements' *numbers* (0, 1, 2, …), which tells where each
//! result comes from, so that there is one implementation of each.

use super::{Fact, Facts, MAX_SYMBOLIC, product, ratios, shapes};
use crate::error::{Result, fail};
use crate::eval::{eval, eval_split};
use crate::op::{Binary, Op, Reduction, Unary};
use crate::symbolic::{Ordering, SymInt};
use crate::tensor::{DType, Tensor, TensorData, elements};

/// The axes that `Shape` gives the sizes of.
pub(super) fn shape_range(rank: usize, start: i64, end: Option<i64>) -> std::ops::Range<usize> {
    let wrap = |bound: i64| {
        let from_front = if bound < 0 {
            bound.saturating_add(rank as i64)
        } else {
            bound
        };
        usize::try_from(from_front).unwrap_or(0).min(rank)
    };
    let start = wrap(start);
    start..end.map_or(rank, wrap).max(start)
}

/// Fills in what is known of the elements of `facts`, the results of `op`; elements all known become a constant.
pub(super) fn follow(op: &Op, inputs: Facts<'_>, facts: &mut [Fact]) -> Result<()> {
    let integral = facts.iter().all(|fact| matches!(fact.dtype, DType::I64 | DType::Bool));
    let small = facts.iter().all(|fact| {
        fact.known_shape()
            .and_then(|shape| elements(&shape))
            .is_some_and(|len| len <= MAX_SYMBOLIC)
    });
    if !small || inputs.0.iter().flatten().any(|fact| fact.opaque) {
        return Ok(());
    }
    if !integral {
        return ratios::follow(op, inputs, facts);
    }
    let Some(results) = compute(op, inputs, facts)? else {
        return Ok(());
    };
    for (fact, result) in facts.iter_mut().zip(results) {
        let numbers: Option<Vec<i64>> = result.iter().map(SymInt::known).collect();
        match (numbers, fact.known_shape()) {
            (Some(numbers), Some(shape)) => {
                let data = match fact.dtype {
                    DType::Bool => TensorData::Bool(numbers.iter().map(|value| *value != 0).collect()),
                    _ => TensorData::I64(numbers),
                };
                if let Some(tensor) = Tensor::new(shape, data) {
                    *fact = Fact::constant(tensor);
                }
            }
            _ if result.iter().any(SymInt::is_determined) => fact.symbolic = Some(result),
            _ => {}
        }
    }
    Ok(())
}

type Elements = Vec<SymInt>;

fn compute(op: &Op, inputs: Facts<'_>, facts: &[Fact]) -> Result<Option<Vec<Elements>>> {
    let of = |index: usize| inputs.opt(index).and_then(Fact::elements);
    let one = |elements: Option<Elements>| Ok(elements.map(|elements| vec![elements]));
    let shape = facts.first().and_then(Fact::known_shape).unwrap_or_default();
    match op {
        Op::Shape { start, end } => {
            let x = inputs.get(0)?;
            one(x
                .shape
                .get(shape_range(x.shape.len(), *start, *end))
                .map(<[SymInt]>::to_vec))
        }
        Op::Size => one(Some(vec![product(&inputs.get(0)?.shape)])),
        Op::Cast { to: DType::I64, .. } if inputs.opt(0).is_some_and(|x| x.ratios.is_some()) => {
            let whole = |ratio: Option<ratios::Ratio>| ratio.map_or(SymInt::Unknown, |ratio| ratio.truncate());
            one(inputs
                .opt(0)
                .and_then(ratios::ratios)
                .map(|ratios| ratios.into_iter().map(whole).collect()))
        }
        Op::Cast { to, .. } => one(of(0).map(|elements| {
            let truth = |element: SymInt| match element {
                SymInt::Known(value) => SymInt::Known(i64::from(value != 0)),
                _ => SymInt::Unknown,
            };
            if *to == DType::Bool {
                elements.into_iter().map(truth).collect()
            } else {
                elements
            }
        })),
        Op::Reshape { .. }
        | Op::Flatten { .. }
        | Op::Squeeze
        | Op::Unsqueeze
        | Op::Expand
        | Op::Tile
        | Op::Gather { .. }
        | Op::GatherElements { .. }
        | Op::Slice
        | Op::Transpose { .. }
        | Op::Split { .. } => moved(op, inputs, 1, facts.len(), Fact::elements),
        Op::Concat { .. } => moved(op, inputs, inputs.0.len(), 1, Fact::elements),
        Op::Unary(unary) => one(of(0).map(|x| x.iter().map(|x| on_one(*unary, x)).collect())),
        Op::Binary(binary) => one(match (spread(inputs, 0, &shape), spread(inputs, 1, &shape)) {
            (Some(a), Some(b)) => Some(a.iter().zip(&b).map(|(a, b)| on_two(*binary, a, b)).collect()),
            _ => None,
        }),
        Op::Sum => one((0..inputs.0.len())
            .map(|index| spread(inputs, index, &shape))
            .reduce(|total, next| {
                let (total, next) = (total?, next?);
                Some(total.iter().zip(&next).map(|(a, b)| a.add(b)).collect())
            })
            .flatten()),
        Op::Where => one(
            match (
                spread(inputs, 0, &shape),
                spread(inputs, 1, &shape),
                spread(inputs, 2, &shape),
            ) {
                (Some(condition), Some(a), Some(b)) => Some(
                    condition
                        .iter()
                        .zip(a.iter().zip(&b))
                        .map(|(condition, (a, b))| match condition {
                            SymInt::Known(0) => b.clone(),
                            SymInt::Known(_) => a.clone(),
                            _ if a == b => a.clone(),
                            _ => SymInt::Unknown,
                        })
                        .collect(),
                ),
                _ => None,
            },
        ),
        Op::Clip => one(of(0).map(|x| {
            let bound = |index| of(index).and_then(|elements| elements.first().cloned());
            x.iter()
                .map(|x| {
                    let low = bound(1).map_or_else(|| x.clone(), |low| x.max(&low));
                    bound(2).map_or_else(|| low.clone(), |high| low.min(&high))
                })
                .collect()
        })),
        Op::Reduce { reduction, .. } if shape.iter().all(|size| *size == 1) => one(of(0).and_then(|x| {
            let step = |a: SymInt, b: SymInt| match reduction {
                Reduction::Sum => a.add(&b),
                Reduction::Prod => a.mul(&b),
                Reduction::Max => a.max(&b),
                Reduction::Min => a.min(&b),
                _ => SymInt::Unknown,
            };
            x.into_iter().reduce(step).map(|element| vec![element])
        })),
        _ => Ok(None),
    }
}

/// Runs a moving operator on the numbers of the elements (as `elements` gives them) of its first `data` inputs.
pub(super) fn moved<T: Clone>(
    op: &Op,
    inputs: Facts<'_>,
    data: usize,
    outputs: usize,
    elements: impl Fn(&Fact) -> Option<Vec<T>>,
) -> Result<Option<Vec<Vec<T>>>> {
    let mut pool: Vec<T> = Vec::new();
    let mut tensors: Vec<Option<Tensor>> = Vec::with_capacity(inputs.0.len());
    for index in 0..inputs.0.len() {
        let Some(fact) = inputs.opt(index) else {
            tensors.push(None);
            continue;
        };
        if index >= data {
            match &fact.constant {
                Some(tensor) => tensors.push(Some(tensor.as_ref().clone())),
                None => return Ok(None),
            }
            continue;
        }
        let (Some(elements), Some(shape)) = (elements(fact), fact.known_shape()) else {
            return Ok(None);
        };
        let first = pool.len() as i64;
        let numbers: Vec<i64> = (first..first + elements.len() as i64).collect();
        pool.extend(elements);
        match Tensor::i64(shape, numbers) {
            Some(tensor) => tensors.push(Some(tensor)),
            None => return Ok(None),
        }
    }
    let arguments: Vec<Option<&Tensor>> = tensors.iter().map(Option::as_ref).collect();
    let computed = match op {
        Op::Split { axis } => eval_split(*axis, &arguments, outputs),
        _ => eval(op, &arguments),
    };
    let results = match computed {
        Ok(results) => results,
        Err(error) => fail!(Shape, "it cannot be computed: {error}"),
    };
    let source = |number: &i64| usize::try_from(*number).ok().and_then(|index| pool.get(index).cloned());
    Ok(results
        .iter()
        .map(|tensor| {
            tensor
                .as_i64()
                .map(|numbers| numbers.iter().filter_map(source).collect())
        })
        .collect())
}

/// The elements of input `index`, broadcast to `shape`.
fn spread(inputs: Facts<'_>, index: usize, shape: &[usize]) -> Option<Elements> {
    let fact = inputs.opt(index)?;
    let elements = fact.elements()?;
    let numbers = Tensor::i64(fact.known_shape()?, (0..elements.len() as i64).collect())?;
    let source = |number: &i64| {
        usize::try_from(*number)
            .ok()
            .and_then(|index| elements.get(index).cloned())
    };
    spread_numbers(&numbers, shape)?.iter().map(source).collect()
}

/// A tensor of numbers, broadcast to `shape`.
pub(super) fn spread_numbers(numbers: &Tensor, shape: &[usize]) -> Option<Vec<i64>> {
    let shape = Tensor::from_i64s(shape.iter().map(|size| *size as i64).collect());
    let spread = eval(&Op::Expand, &[Some(numbers), Some(&shape)]).ok()?;
    Some(spread.first()?.as_i64()?.to_vec())
}

fn on_one(unary: Unary, x: &SymInt) -> SymInt {
    let zero = SymInt::Known(0);
    match (unary, x) {
        (Unary::Neg, _) => x.neg(),
        (Unary::Abs, _) if shapes::at_least(x, &zero) => x.clone(),
        (Unary::Abs, SymInt::Known(_)) => x.neg(),
        (Unary::Relu, _) => x.max(&zero),
        (Unary::Sign, _) => match x.order(&zero) {
            Some(Ordering::Less) => SymInt::Known(-1),
            Some(Ordering::Equal) => zero,
            Some(Ordering::Greater) => SymInt::Known(1),
            None => SymInt::Unknown,
        },
        (Unary::Not, SymInt::Known(x)) => SymInt::Known(i64::from(*x == 0)),
        _ => SymInt::Unknown,
    }
}

fn on_two(op: Binary, a: &SymInt, b: &SymInt) -> SymInt {
    let test = |holds: fn(Ordering) -> bool| {
        a.order(b)
            .map_or(SymInt::Unknown, |order| SymInt::Known(i64::from(holds(order))))
    };
    match op {
        Binary::Add => a.add(b),
        Binary::Sub => a.sub(b),
        Binary::Mul => a.mul(b),
        Binary::Div => a.div_trunc(b),
        Binary::Min => a.min(b),
        Binary::Max => a.max(b),
        Binary::Mod => match (a, b) {
            (_, SymInt::Known(b @ 1..)) => a.rem_floor(*b),
            _ => SymInt::Unknown,
        },
        Binary::Remainder => match (a, b) {
            (SymInt::Known(a), SymInt::Known(b)) => a.checked_rem(*b).map_or(SymInt::Unknown, SymInt::Known),
            // Sizes that grow are not negative.
            (SymInt::Affine(term), SymInt::Known(b @ 1..)) if term.num() > 0 => a.rem_floor(*b),
            _ => SymInt::Unknown,
        },
        Binary::Xor => match (a.known(), b.known()) {
            (Some(a), Some(b)) => SymInt::Known(a ^ b),
            _ => SymInt::Unknown,
        },
        Binary::Equal => test(|order| order == Ordering::Equal),
        Binary::Greater => test(|order| order == Ordering::Greater),
        Binary::GreaterOrEqual => test(|order| order != Ordering::Less),
        Binary::Less => test(|order| order == Ordering::Less),
        Binary::LessOrEqual => test(|order| order != Ordering::Greater),
        Binary::And | Binary::Or => match (a.known(), b.known()) {
            (Some(0), _) | (_, Some(0)) if op == Binary::And => SymInt::Known(0),
            (Some(a), Some(b)) if op == Binary::And => SymInt::Known(a & b),
            (Some(1), _) | (_, Some(1)) => SymInt::Known(1),
            (Some(a), Some(b)) => SymInt::Known(a | b),
            _ => SymInt::Unknown,
        },
        Binary::Pow => match (a, b) {
            (SymInt::Known(a), SymInt::Known(b)) => u32::try_from(*b)
                .ok()
                .and_then(|b| a.checked_pow(b))
                .map_or(SymInt::Unknown, SymInt::Known),
            _ => SymInt::Unknown,
        },
    }
}
