//! Shapes of operators that move, join or reduce elements.

use super::{Fact, Facts, differ, either, product};
use crate::error::{Result, fail};
use crate::symbolic::{Ordering, SymInt};
use crate::tensor::DType;

const ONE: SymInt = SymInt::Known(1);

/// Input `index`, which must hold integers.
pub(super) fn integers(inputs: Facts<'_>, index: usize) -> Result<&Fact> {
    let fact = inputs.get(index)?;
    if fact.dtype != DType::I64 {
        fail!(Shape, "its input {index} is {:?}, but must be integer", fact.dtype);
    }
    Ok(fact)
}

/// The elements of integer input `index`; unknown ones if they depend on data.
pub(super) fn target(inputs: Facts<'_>, index: usize) -> Result<Vec<SymInt>> {
    let fact = integers(inputs, index)?;
    if let Some(elements) = fact.elements() {
        return Ok(elements);
    }
    match fact.known_shape().as_deref() {
        Some([len]) if *len <= super::MAX_SYMBOLIC => Ok(vec![SymInt::Unknown; *len]),
        _ => fail!(Shape, "its input {index} gives no fixed number of axes"),
    }
}

/// Known axes of `rank` axes; `None` if they are computed from data.
fn axes(inputs: Facts<'_>, index: usize, rank: usize) -> Result<Option<Vec<usize>>> {
    let Some(_) = inputs.opt(index) else { return Ok(None) };
    let mut found = Vec::new();
    for entry in target(inputs, index)? {
        let Some(axis) = entry.known() else {
            fail!(Node, "its axes are computed while it runs, which is not supported");
        };
        let from_front = if axis < 0 {
            axis.saturating_add(rank as i64)
        } else {
            axis
        };
        match usize::try_from(from_front) {
            Ok(from_front) if from_front < rank && !found.contains(&from_front) => found.push(from_front),
            _ => fail!(Shape, "its axis {axis} is not one of {rank} axes, or given twice"),
        }
    }
    Ok(Some(found))
}

/// NumPy broadcasting.
pub(super) fn broadcast(a: &Fact, b: &Fact) -> Result<Vec<SymInt>> {
    let rank = a.shape.len().max(b.shape.len());
    let at = |fact: &Fact, index: usize| {
        (index + fact.shape.len())
            .checked_sub(rank)
            .and_then(|index| fact.shape.get(index))
            .cloned()
            .unwrap_or(ONE)
    };
    let mut shape = Vec::with_capacity(rank);
    for index in 0..rank {
        let (x, y) = (at(a, index), at(b, index));
        shape.push(match (&x, &y) {
            _ if x == y => x,
            (SymInt::Known(1), _) => y,
            (_, SymInt::Known(1)) => x,
            _ if differ(&x, &y) => {
                fail!(
                    Shape,
                    "its inputs have the shapes {} and {}: {x} and {y} do not go together",
                    a.show(),
                    b.show()
                )
            }
            (SymInt::Known(_), _) => x,
            (_, SymInt::Known(_)) => y,
            _ => SymInt::Unknown,
        });
    }
    Ok(shape)
}

pub(super) fn split(inputs: Facts<'_>, axis: usize, outputs: usize) -> Result<Vec<Fact>> {
    let x = inputs.get(0)?;
    let sizes = match inputs.opt(1) {
        Some(_) => target(inputs, 1)?,
        // The reader adds sizes wherever the axis is known: an axis of open length remains.
        None => vec![SymInt::Unknown; outputs],
    };
    if sizes.len() != outputs {
        fail!(Shape, "it splits into {} parts, but has {outputs} outputs", sizes.len());
    }
    let total = sizes.iter().fold(SymInt::Known(0), |sum, size| sum.add(size));
    if differ(&total, &x.shape[axis]) {
        fail!(Shape, "its parts add up to {total}, but the axis has {}", x.shape[axis]);
    }
    Ok(sizes
        .into_iter()
        .map(|size| {
            let mut shape = x.shape.clone();
            shape[axis] = size;
            Fact::new(x.dtype, shape)
        })
        .collect())
}

pub(super) fn concat(inputs: Facts<'_>, axis: usize) -> Result<Vec<Fact>> {
    let first = inputs.get(0)?;
    let mut shape = first.shape.clone();
    for index in 1..inputs.0.len() {
        let part = inputs.get(index)?;
        let fits = part.shape.len() == shape.len()
            && part.dtype == first.dtype
            && part
                .shape
                .iter()
                .zip(&shape)
                .enumerate()
                .all(|(index, (a, b))| index == axis || !differ(a, b));
        if !fits {
            fail!(
                Shape,
                "it joins {:?} {} and {:?} {} along axis {axis}, which do not fit",
                first.dtype,
                first.show(),
                part.dtype,
                part.show()
            );
        }
        for (index, (size, other)) in shape.iter_mut().zip(&part.shape).enumerate() {
            *size = if index == axis {
                size.add(other)
            } else {
                either(size, other)
            };
        }
    }
    Ok(vec![Fact::new(first.dtype, shape)])
}

/// A bound beyond which an index means "to the end" whatever the length.
const FAR: i64 = i32::MAX as i64;

/// A slice's bound, counted from the front and kept within `lowest ..= size`.
fn bound(bound: &SymInt, size: &SymInt) -> SymInt {
    let zero = SymInt::Known(0);
    let from_front = match bound {
        SymInt::Known(value) if *value >= FAR => return size.clone(),
        SymInt::Known(value) if *value <= -FAR => return zero,
        SymInt::Known(..0) => bound.add(size),
        // A falling term counts from the end.
        SymInt::Affine(term) if term.num() < 0 => bound.add(size),
        _ => bound.clone(),
    };
    from_front.max(&zero).min(size)
}

pub(super) fn slice(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let x = inputs.get(0)?;
    let (starts, ends) = (target(inputs, 1)?, target(inputs, 2)?);
    let axes = axes(inputs, 3, x.shape.len())?.unwrap_or_else(|| (0..starts.len()).collect());
    let steps = if inputs.opt(4).is_some() {
        target(inputs, 4)?
    } else {
        vec![ONE; starts.len()]
    };
    if starts.len() != ends.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        fail!(
            Node,
            "its starts, ends, axes and steps do not have one entry each per axis"
        );
    }
    let mut shape = x.shape.clone();
    for (((start, end), axis), step) in starts.iter().zip(&ends).zip(axes).zip(&steps) {
        let Some(size) = shape.get_mut(axis) else {
            fail!(Shape, "it slices axis {axis} of the shape {}", x.show());
        };
        *size = match step {
            SymInt::Known(0) => fail!(Node, "its step is 0"),
            SymInt::Known(step @ 1..) => {
                let length = bound(end, size).sub(&bound(start, size));
                length.max(&SymInt::Known(0)).div_ceil(*step)
            }
            SymInt::Known(step) => match (size.known(), start.known(), end.known()) {
                (Some(size), Some(start), Some(end)) => {
                    let wrap = |bound: i64| if bound < 0 { bound.saturating_add(size) } else { bound };
                    let (start, end) = (wrap(start).clamp(-1, size - 1), wrap(end).clamp(-1, size - 1));
                    SymInt::Known(start - end)
                        .max(&SymInt::Known(0))
                        .div_ceil(step.saturating_neg())
                }
                // Backwards over everything.
                (_, Some(start), Some(end)) if (start == -1 || start >= FAR) && end <= -FAR => {
                    size.div_ceil(step.saturating_neg())
                }
                _ => SymInt::Unknown,
            },
            _ => SymInt::Unknown,
        };
    }
    Ok(shape)
}

pub(super) fn reshape(inputs: Facts<'_>, allow_zero: bool) -> Result<Vec<SymInt>> {
    let x = inputs.get(0)?;
    let mut shape = target(inputs, 1)?;
    let mut open = None;
    for (index, size) in shape.iter_mut().enumerate() {
        match size {
            SymInt::Known(-1) if open.is_none() => open = Some(index),
            SymInt::Known(0) if !allow_zero => match x.shape.get(index) {
                Some(same) => size.clone_from(same),
                None => fail!(
                    Shape,
                    "it copies axis {index} of its input, whose shape is {}",
                    x.show()
                ),
            },
            SymInt::Known(..0) => fail!(Shape, "it asks for a negative size"),
            _ => {}
        }
    }
    // Cancel what is equal on both sides; the rest tells the open size or a contradiction.
    let mut from: Vec<SymInt> = x.shape.iter().filter(|size| size.known().is_none()).cloned().collect();
    let mut to: Vec<SymInt> = Vec::new();
    let mut want = SymInt::Known(1);
    for (index, size) in shape.iter().enumerate() {
        if Some(index) == open {
        } else if size.known().is_some() {
            want = want.mul(size);
        } else if let Some(found) = from.iter().position(|other| other == size && size.is_determined()) {
            from.swap_remove(found);
        } else {
            to.push(size.clone());
        }
    }
    let have = x
        .shape
        .iter()
        .filter(|size| size.known().is_some())
        .fold(ONE, |product, size| product.mul(size));
    let wrong = |shape: &[SymInt]| {
        let sizes: Vec<String> = shape.iter().map(SymInt::to_string).collect();
        format!(
            "its input of shape {} cannot take the shape [{}]",
            x.show(),
            sizes.join(", ")
        )
    };
    let (have, want) = match (have.known(), want.known()) {
        (Some(have), Some(want)) => (have, want),
        _ => fail!(Limit, "{}: too large", wrong(&shape)),
    };
    match (open, from.as_slice(), to.as_slice()) {
        (None, [], []) if have != want => fail!(Shape, "{}", wrong(&shape)),
        (None, ..) => {}
        (Some(_), [], []) if want == 0 || have % want != 0 => fail!(Shape, "{}", wrong(&shape)),
        (Some(index), [], []) => shape[index] = SymInt::Known(have / want),
        // All of an open size over a number: the length is a multiple of it, or the model could not run.
        (Some(index), _, []) if want > 0 => {
            shape[index] = product(&from).mul(&SymInt::Known(have)).div_floor(want);
        }
        (Some(index), ..) => shape[index] = SymInt::Unknown,
    }
    Ok(shape)
}

pub(super) fn squeeze(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let x = inputs.get(0)?;
    let axes = axes(inputs, 1, x.shape.len())?;
    let mut shape = Vec::new();
    for (index, size) in x.shape.iter().enumerate() {
        match &axes {
            Some(axes) if !axes.contains(&index) => shape.push(size.clone()),
            Some(_) if differ(size, &ONE) => {
                fail!(
                    Shape,
                    "it removes axis {index} of the shape {}, whose size is not 1",
                    x.show()
                )
            }
            None if *size != ONE => shape.push(size.clone()),
            _ => {}
        }
    }
    Ok(shape)
}

pub(super) fn unsqueeze(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let x = inputs.get(0)?;
    let count = target(inputs, 1)?.len();
    let rank = x.shape.len() + count;
    let axes = axes(inputs, 1, rank)?.unwrap_or_default();
    let mut sizes = x.shape.iter();
    Ok((0..rank)
        .map(|index| {
            if axes.contains(&index) {
                ONE
            } else {
                sizes.next().cloned().unwrap_or(ONE)
            }
        })
        .collect())
}

pub(super) fn expand(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let shape = target(inputs, 1)?;
    broadcast(inputs.get(0)?, &Fact::new(DType::F32, shape))
}

pub(super) fn tile(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let x = inputs.get(0)?;
    let repeats = target(inputs, 1)?;
    if repeats.len() != x.shape.len() {
        fail!(Shape, "it repeats {} axes of the shape {}", repeats.len(), x.show());
    }
    Ok(x.shape
        .iter()
        .zip(&repeats)
        .map(|(size, times)| size.mul(times))
        .collect())
}

pub(super) fn pad(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let x = inputs.get(0)?;
    let pads = target(inputs, 1)?;
    if inputs.opt(2).is_some_and(|value| value.dtype != x.dtype) {
        fail!(Shape, "its padding value is not of its input's type {:?}", x.dtype);
    }
    let axes = axes(inputs, 3, x.shape.len())?.unwrap_or_else(|| (0..x.shape.len()).collect());
    if pads.len() != 2 * axes.len() {
        fail!(Shape, "it has {} paddings for {} axes", pads.len(), axes.len());
    }
    let mut shape = x.shape.clone();
    for (index, axis) in axes.iter().enumerate() {
        shape[*axis] = shape[*axis].add(&pads[index]).add(&pads[index + axes.len()]);
    }
    Ok(shape)
}

pub(super) fn range(inputs: Facts<'_>) -> Result<Vec<Fact>> {
    let dtype = inputs.get(0)?.dtype;
    let mut bounds = Vec::new();
    for index in 0..3 {
        let fact = inputs.get(index)?;
        if fact.dtype != dtype || product(&fact.shape) != ONE {
            fail!(
                Shape,
                "its start, limit and step are not three single numbers of one type"
            );
        }
        bounds.push(
            fact.elements()
                .and_then(|elements| elements.first().cloned())
                .unwrap_or(SymInt::Unknown),
        );
    }
    let length = match &bounds[2] {
        SymInt::Known(step @ 1..) => bounds[1].sub(&bounds[0]).max(&SymInt::Known(0)).div_ceil(*step),
        _ => SymInt::Unknown,
    };
    Ok(vec![Fact::new(dtype, vec![length])])
}

pub(super) fn reduce(inputs: Facts<'_>, keep_dims: bool, noop_with_empty_axes: bool) -> Result<Vec<SymInt>> {
    let x = inputs.get(0)?;
    let named = axes(inputs, 1, x.shape.len())?.unwrap_or_default();
    let all = named.is_empty() && !noop_with_empty_axes;
    let mut shape = Vec::new();
    for (index, size) in x.shape.iter().enumerate() {
        match (all || named.contains(&index), keep_dims) {
            (false, _) => shape.push(size.clone()),
            (true, true) => shape.push(ONE),
            (true, false) => {}
        }
    }
    Ok(shape)
}

/// True if `a ≥ b` for every long enough signal.
pub(super) fn at_least(a: &SymInt, b: &SymInt) -> bool {
    matches!(a.order(b), Some(Ordering::Greater | Ordering::Equal))
}
