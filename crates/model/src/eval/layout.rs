//! Operators that change shapes, not values, and those that make tensors out of shapes.

use super::{
    Args, EvalError, Outcome, around, axis_index, broadcast, broadcast_strides, build, check_axis, limited, pick,
    strides, walk,
};
use crate::tensor::{Tensor, TensorData, elements};

pub(super) fn concat(args: Args<'_>, axis: usize) -> Outcome {
    let parts: Vec<&Tensor> = args.0.iter().flatten().copied().collect();
    let Some(first) = parts.first() else {
        return Err(EvalError::new("Concat has no inputs"));
    };
    check_axis(axis, first.shape())?;
    let mut shape = first.shape().to_vec();
    shape[axis] = 0;
    for part in &parts {
        let agrees = part.rank() == first.rank()
            && part.dtype() == first.dtype()
            && part
                .shape()
                .iter()
                .zip(first.shape())
                .enumerate()
                .all(|(a, (x, y))| a == axis || x == y);
        if !agrees {
            return Err(EvalError::new(format!(
                "{:?} and {:?} do not concatenate along axis {axis}",
                first.shape(),
                part.shape()
            )));
        }
        shape[axis] = shape[axis].saturating_add(part.shape()[axis]);
    }
    limited(&shape)?;
    let (outer, ..) = around(first.shape(), axis)?;
    let runs: Vec<usize> = parts
        .iter()
        .map(|part| part.len().checked_div(outer).unwrap_or(0))
        .collect();
    fn join<'a, T: Copy + 'a>(outer: usize, parts: &[&'a [T]], runs: &[usize]) -> Vec<T> {
        (0..outer)
            .flat_map(|o| {
                parts
                    .iter()
                    .zip(runs)
                    .flat_map(move |(part, run)| part[o * run..(o + 1) * run].iter().copied())
            })
            .collect()
    }
    let data = match first.data() {
        TensorData::F32(_) => TensorData::F32(join(
            outer,
            &parts.iter().filter_map(|p| p.as_f32()).collect::<Vec<_>>(),
            &runs,
        )),
        TensorData::I64(_) => TensorData::I64(join(
            outer,
            &parts.iter().filter_map(|p| p.as_i64()).collect::<Vec<_>>(),
            &runs,
        )),
        TensorData::Bool(_) => TensorData::Bool(join(
            outer,
            &parts.iter().filter_map(|p| p.as_bool()).collect::<Vec<_>>(),
            &runs,
        )),
    };
    build(shape, data)
}

pub(super) fn transpose(x: &Tensor, perm: &[usize]) -> Outcome {
    let mut seen = vec![false; x.rank()];
    let valid = perm.len() == x.rank()
        && perm
            .iter()
            .all(|axis| seen.get_mut(*axis).is_some_and(|seen| !std::mem::replace(seen, true)));
    if !valid {
        return Err(EvalError::new(format!(
            "{perm:?} is no permutation of {} axes",
            x.rank()
        )));
    }
    let own = strides(x.shape());
    let shape: Vec<usize> = perm.iter().map(|axis| x.shape()[*axis]).collect();
    let permuted: Vec<usize> = perm.iter().map(|axis| own[*axis]).collect();
    let indices: Vec<usize> = walk(&shape, &permuted).collect();
    pick(x, shape, indices.into_iter())
}

pub(super) fn reshape(x: &Tensor, wanted: &[i64], allow_zero: bool) -> Outcome {
    let error = || EvalError::new(format!("{:?} cannot be reshaped to {wanted:?}", x.shape()));
    let mut inferred = None;
    let mut shape = Vec::with_capacity(wanted.len());
    for (axis, size) in wanted.iter().enumerate() {
        shape.push(match size {
            -1 if inferred.is_none() => {
                inferred = Some(axis);
                1
            }
            0 if !allow_zero => *x.shape().get(axis).ok_or_else(error)?,
            size => usize::try_from(*size).map_err(|_| error())?,
        });
    }
    if let Some(axis) = inferred {
        let rest = elements(&shape).filter(|rest| *rest > 0).ok_or_else(error)?;
        if !x.len().is_multiple_of(rest) {
            return Err(error());
        }
        shape[axis] = x.len() / rest;
    }
    x.clone().reshaped(shape).ok_or_else(error)
}

pub(super) fn flatten(x: &Tensor, axis: usize) -> Outcome {
    if axis > x.rank() {
        return Err(EvalError::new(format!(
            "axis {axis} does not exist in shape {:?}",
            x.shape()
        )));
    }
    let (front, back) = x.shape().split_at(axis);
    let shape = vec![front.iter().product(), back.iter().product()];
    x.clone()
        .reshaped(shape)
        .ok_or_else(|| EvalError::new("Flatten changes the size"))
}

pub(super) fn squeeze(x: &Tensor, axes: Option<&[i64]>) -> Outcome {
    let axes = match axes {
        Some(axes) => axes
            .iter()
            .map(|axis| axis_index(*axis, x.rank()))
            .collect::<Outcome<Vec<_>>>()?,
        None => (0..x.rank()).filter(|axis| x.shape()[*axis] == 1).collect(),
    };
    if let Some(axis) = axes.iter().find(|axis| x.shape()[**axis] != 1) {
        return Err(EvalError::new(format!(
            "axis {axis} of {:?} cannot be squeezed: it is not 1",
            x.shape()
        )));
    }
    let shape = x
        .shape()
        .iter()
        .enumerate()
        .filter(|(axis, _)| !axes.contains(axis))
        .map(|(_, size)| *size)
        .collect();
    x.clone()
        .reshaped(shape)
        .ok_or_else(|| EvalError::new("Squeeze changes the size"))
}

pub(super) fn unsqueeze(x: &Tensor, axes: &[i64]) -> Outcome {
    let rank = x.rank() + axes.len();
    let mut axes = axes
        .iter()
        .map(|axis| axis_index(*axis, rank))
        .collect::<Outcome<Vec<_>>>()?;
    axes.sort_unstable();
    if axes.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(EvalError::new("Unsqueeze names an axis twice"));
    }
    let mut sizes = x.shape().iter();
    let shape = (0..rank)
        .map(|axis| {
            if axes.contains(&axis) {
                1
            } else {
                sizes.next().copied().unwrap_or(1)
            }
        })
        .collect();
    x.clone()
        .reshaped(shape)
        .ok_or_else(|| EvalError::new("Unsqueeze changes the size"))
}

fn sizes(wanted: &[i64]) -> Outcome<Vec<usize>> {
    wanted
        .iter()
        .map(|size| usize::try_from(*size).map_err(|_| EvalError::new(format!("{wanted:?} is no shape"))))
        .collect()
}

pub(super) fn expand(x: &Tensor, wanted: &[i64]) -> Outcome {
    let shape = broadcast(x.shape(), &sizes(wanted)?)?;
    limited(&shape)?;
    let indices: Vec<usize> = walk(&shape, &broadcast_strides(x.shape(), &shape)).collect();
    pick(x, shape, indices.into_iter())
}

pub(super) fn tile(x: &Tensor, repeats: &[i64]) -> Outcome {
    let repeats = sizes(repeats)?;
    if repeats.len() != x.rank() {
        return Err(EvalError::new(format!(
            "{} repeats are given for {} axes",
            repeats.len(),
            x.rank()
        )));
    }
    let shape: Option<Vec<usize>> = x
        .shape()
        .iter()
        .zip(&repeats)
        .map(|(size, count)| size.checked_mul(*count))
        .collect();
    let shape = shape.ok_or_else(|| EvalError::new("Tile makes an axis too long"))?;
    limited(&shape)?;
    let mut flat = vec![0usize];
    for ((size, own), stride) in shape.iter().zip(x.shape()).zip(strides(x.shape())) {
        flat = flat
            .iter()
            .flat_map(|base| (0..*size).map(move |place| base + place % own * stride))
            .collect();
    }
    pick(x, shape, flat.into_iter())
}

pub(super) fn shape(x: &Tensor, start: i64, end: Option<i64>) -> Outcome {
    let rank = i64::try_from(x.rank()).unwrap_or(i64::MAX);
    let clamp =
        |index: i64| usize::try_from((if index < 0 { index.saturating_add(rank) } else { index }).clamp(0, rank));
    let (start, end) = (clamp(start).unwrap_or(0), clamp(end.unwrap_or(rank)).unwrap_or(0));
    let sizes = x.shape().get(start..end.max(start)).unwrap_or(&[]);
    Ok(Tensor::from_i64s(
        sizes
            .iter()
            .map(|size| i64::try_from(*size).unwrap_or(i64::MAX))
            .collect(),
    ))
}

pub(super) fn size(x: &Tensor) -> Outcome {
    build(
        vec![],
        TensorData::I64(vec![i64::try_from(x.len()).unwrap_or(i64::MAX)]),
    )
}

pub(super) fn constant_of_shape(wanted: &[i64], value: &Tensor) -> Outcome {
    let shape = sizes(wanted)?;
    let count = limited(&shape)?;
    pick(value, shape, std::iter::repeat_n(0, count))
}

pub(super) fn range(start: &Tensor, limit: &Tensor, delta: &Tensor) -> Outcome {
    let error = || EvalError::new("Range wants three scalars of one numeric type and a step that is not 0");
    match (start.data(), limit.data(), delta.data()) {
        (TensorData::I64(start), TensorData::I64(limit), TensorData::I64(delta)) => {
            let (Some(start), Some(limit), Some(delta)) = (start.first(), limit.first(), delta.first()) else {
                return Err(error());
            };
            let (start, limit, delta) = (i128::from(*start), i128::from(*limit), i128::from(*delta));
            if delta == 0 {
                return Err(error());
            }
            let span = if delta > 0 { limit - start } else { start - limit };
            let count =
                usize::try_from(span.max(0).unsigned_abs().div_ceil(delta.unsigned_abs())).map_err(|_| error())?;
            limited(&[count])?;
            let values =
                (0..count).map(|n| i64::try_from(start + delta * i128::try_from(n).unwrap_or(0)).unwrap_or(i64::MAX));
            Ok(Tensor::from_i64s(values.collect()))
        }
        (TensorData::F32(start), TensorData::F32(limit), TensorData::F32(delta)) => {
            let (Some(start), Some(limit), Some(delta)) = (start.first(), limit.first(), delta.first()) else {
                return Err(error());
            };
            let count = ((f64::from(*limit) - f64::from(*start)) / f64::from(*delta))
                .ceil()
                .max(0.0);
            if !count.is_finite() {
                return Err(error());
            }
            // Not negative and finite by the checks above; `limited` holds the upper bound.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let count = limited(&[count as usize])?;
            #[allow(clippy::cast_precision_loss)]
            let values = (0..count).map(|n| start + delta * n as f32).collect();
            build(vec![count], TensorData::F32(values))
        }
        _ => Err(error()),
    }
}
