//! Operators that write to or read from places given by index tuples.

use super::{Args, EvalError, Outcome, build, check_axis, ints, pick, strides, walk};
use crate::tensor::{Tensor, TensorData};

/// Where each index tuple of `indices [.., K]` points to in a tensor of `shape`, and how many elements lie there.
fn places(shape: &[usize], indices: &Tensor) -> Outcome<(Vec<usize>, usize)> {
    let Some(depth) = indices.shape().last().copied().filter(|depth| *depth <= shape.len()) else {
        return Err(EvalError::new(format!(
            "indices {:?} do not fit the shape {shape:?}",
            indices.shape()
        )));
    };
    let own = strides(shape);
    let count: usize = indices.shape()[..indices.rank() - 1].iter().product();
    let data = ints(indices)?;
    let starts = (0..count)
        .map(|tuple| {
            (0..depth).try_fold(0usize, |start, axis| {
                let index = wrapped(data[tuple * depth + axis], shape[axis])?;
                Ok(start + index * own[axis])
            })
        })
        .collect::<Outcome<Vec<_>>>()?;
    Ok((starts, shape[depth..].iter().product()))
}

fn wrapped(index: i64, size: usize) -> Outcome<usize> {
    let length = i64::try_from(size).unwrap_or(i64::MAX);
    usize::try_from(if index < 0 { index.saturating_add(length) } else { index })
        .ok()
        .filter(|index| *index < size)
        .ok_or_else(|| EvalError::new(format!("index {index} lies outside of {size} elements")))
}

/// `x` with `updates` at the flat indices `targets`; the last of several for one place stays.
fn write(x: &Tensor, updates: &Tensor, targets: impl Iterator<Item = usize>) -> Outcome {
    fn put<T: Copy>(data: &[T], updates: &[T], targets: impl Iterator<Item = usize>) -> Vec<T> {
        let mut data = data.to_vec();
        for (target, update) in targets.zip(updates) {
            if let Some(place) = data.get_mut(target) {
                *place = *update;
            }
        }
        data
    }
    let data = match (x.data(), updates.data()) {
        (TensorData::F32(x), TensorData::F32(updates)) => TensorData::F32(put(x, updates, targets)),
        (TensorData::I64(x), TensorData::I64(updates)) => TensorData::I64(put(x, updates, targets)),
        (TensorData::Bool(x), TensorData::Bool(updates)) => TensorData::Bool(put(x, updates, targets)),
        _ => {
            return Err(EvalError::new(format!(
                "{:?} cannot be written into {:?}",
                updates.dtype(),
                x.dtype()
            )));
        }
    };
    build(x.shape().to_vec(), data)
}

pub(super) fn scatter_nd(args: Args<'_>) -> Outcome {
    let (x, indices, updates) = (args.get(0)?, args.get(1)?, args.get(2)?);
    let (starts, run) = places(x.shape(), indices)?;
    if starts.len().checked_mul(run) != Some(updates.len()) {
        return Err(EvalError::new(format!(
            "updates {:?} do not fit indices {:?} into {:?}",
            updates.shape(),
            indices.shape(),
            x.shape()
        )));
    }
    write(x, updates, starts.into_iter().flat_map(|start| start..start + run))
}

pub(super) fn gather_nd(args: Args<'_>) -> Outcome {
    let (x, indices) = (args.get(0)?, args.get(1)?);
    let (starts, run) = places(x.shape(), indices)?;
    let depth = indices.shape().last().copied().unwrap_or(0);
    let mut shape = indices.shape()[..indices.rank() - 1].to_vec();
    shape.extend_from_slice(&x.shape()[depth..]);
    pick(x, shape, starts.into_iter().flat_map(|start| start..start + run))
}

pub(super) fn scatter_elements(args: Args<'_>, axis: usize) -> Outcome {
    let (x, indices, updates) = (args.get(0)?, args.get(1)?, args.get(2)?);
    let size = check_axis(axis, x.shape())?;
    let fits = indices.rank() == x.rank()
        && updates.shape() == indices.shape()
        && (indices.shape().iter().zip(x.shape()).enumerate()).all(|(a, (i, x))| a == axis || i <= x);
    if !fits {
        return Err(EvalError::new(format!(
            "indices {:?} and updates {:?} do not fit {:?}",
            indices.shape(),
            updates.shape(),
            x.shape()
        )));
    }
    let mut own = strides(x.shape());
    let along = std::mem::take(&mut own[axis]);
    let targets = walk(indices.shape(), &own)
        .zip(ints(indices)?)
        .map(|(base, index)| wrapped(*index, size).map(|index| base + index * along))
        .collect::<Outcome<Vec<_>>>()?;
    write(x, updates, targets.into_iter())
}
