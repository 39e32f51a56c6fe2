//! Operators that reduce along axes.

use super::{EvalError, Outcome, around, axis_index, build, dtype_error, float, floats, strides, walk};
use crate::op::Reduction;
use crate::tensor::{Tensor, TensorData};

pub(super) fn reduce(
    reduction: Reduction,
    x: &Tensor,
    axes: Option<&[i64]>,
    keep_dims: bool,
    noop_with_empty_axes: bool,
) -> Outcome {
    let axes = match axes {
        Some(axes) if !axes.is_empty() => axes
            .iter()
            .map(|axis| axis_index(*axis, x.rank()))
            .collect::<Outcome<Vec<_>>>()?,
        _ if noop_with_empty_axes => return Ok(x.clone()),
        _ => (0..x.rank()).collect(),
    };
    let reduced = |axis: usize| axes.contains(&axis);
    let own = strides(x.shape());
    let split = |wanted: bool| -> (Vec<usize>, Vec<usize>) {
        (0..x.rank())
            .filter(|axis| reduced(*axis) == wanted)
            .map(|axis| (x.shape()[axis], own[axis]))
            .unzip()
    };
    let ((kept_shape, kept_strides), (sum_shape, sum_strides)) = (split(false), split(true));
    let offsets: Vec<usize> = walk(&sum_shape, &sum_strides).collect();
    let starts: Vec<usize> = walk(&kept_shape, &kept_strides).collect();
    let shape = if keep_dims {
        (0..x.rank())
            .map(|axis| if reduced(axis) { 1 } else { x.shape()[axis] })
            .collect()
    } else {
        kept_shape
    };
    match x.data() {
        TensorData::F32(data) => {
            let each = |start: &usize| reduce_floats(reduction, offsets.iter().map(|offset| data[start + offset]));
            float(shape, starts.iter().map(each).collect())
        }
        TensorData::I64(data) => {
            let each = |start: &usize| reduce_ints(reduction, offsets.iter().map(|offset| data[start + offset]));
            let data: Option<Vec<i64>> = starts.iter().map(each).collect();
            let error = || EvalError::new(format!("{} of integers overflows or is not defined", reduction.name()));
            build(shape, TensorData::I64(data.ok_or_else(error)?))
        }
        TensorData::Bool(_) => Err(dtype_error(x, reduction.name())),
    }
}

fn reduce_floats(reduction: Reduction, values: impl Iterator<Item = f32>) -> f32 {
    match reduction {
        Reduction::Sum => values.sum(),
        Reduction::Mean => {
            let (sum, count) = values.fold((0.0f32, 0.0f32), |(sum, count), value| (sum + value, count + 1.0));
            sum / count
        }
        Reduction::Max => values.fold(f32::NEG_INFINITY, |a, b| if a.is_nan() || a > b { a } else { b }),
        Reduction::Min => values.fold(f32::INFINITY, |a, b| if a.is_nan() || a < b { a } else { b }),
        Reduction::Prod => values.product(),
        Reduction::L1 => values.map(f32::abs).sum(),
        Reduction::L2 => values.map(|x| x * x).sum::<f32>().sqrt(),
        Reduction::SumSquare => values.map(|x| x * x).sum(),
        Reduction::LogSum => values.sum::<f32>().ln(),
        Reduction::LogSumExp => {
            let values: Vec<f32> = values.collect();
            let peak = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            if peak.is_finite() {
                peak + values.iter().map(|x| (x - peak).exp()).sum::<f32>().ln()
            } else {
                values.iter().map(|x| x.exp()).sum::<f32>().ln()
            }
        }
    }
}

fn reduce_ints(reduction: Reduction, mut values: impl Iterator<Item = i64>) -> Option<i64> {
    match reduction {
        Reduction::Sum => values.try_fold(0i64, i64::checked_add),
        Reduction::Prod => values.try_fold(1i64, i64::checked_mul),
        Reduction::Max => values.max(),
        Reduction::Min => values.min(),
        Reduction::L1 => values.try_fold(0i64, |sum, x| sum.checked_add(x.checked_abs()?)),
        Reduction::SumSquare => values.try_fold(0i64, |sum, x| sum.checked_add(x.checked_mul(x)?)),
        Reduction::Mean | Reduction::L2 | Reduction::LogSum | Reduction::LogSumExp => None,
    }
}

pub(super) fn arg_reduce(x: &Tensor, max: bool, axis: usize, keep_dims: bool, select_last: bool) -> Outcome {
    let (outer, size, inner) = around(x.shape(), axis)?;
    if size == 0 {
        return Err(EvalError::new("the largest of nothing is asked for"));
    }
    let data: Vec<f64> = match x.data() {
        TensorData::F32(data) => data.iter().map(|x| f64::from(*x)).collect(),
        #[allow(clippy::cast_precision_loss)]
        TensorData::I64(data) => data.iter().map(|x| *x as f64).collect(),
        TensorData::Bool(_) => return Err(dtype_error(x, if max { "ArgMax" } else { "ArgMin" })),
    };
    let better = |new: f64, old: f64| (if max { new > old } else { new < old }) || (select_last && new == old);
    let mut result = Vec::with_capacity(outer * inner);
    for o in 0..outer {
        for i in 0..inner {
            let at = |k: usize| data[(o * size + k) * inner + i];
            let best = (1..size).fold(0, |best, k| if better(at(k), at(best)) { k } else { best });
            result.push(i64::try_from(best).unwrap_or(i64::MAX));
        }
    }
    let mut shape = x.shape().to_vec();
    if keep_dims {
        shape[axis] = 1;
    } else {
        shape.remove(axis);
    }
    build(shape, TensorData::I64(result))
}

pub(super) fn softmax(x: &Tensor, axis: usize, log: bool) -> Outcome {
    let (outer, size, inner) = around(x.shape(), axis)?;
    let data = floats(x)?;
    let mut out = vec![0.0; data.len()];
    for o in 0..outer {
        for i in 0..inner {
            let at = |k: usize| (o * size + k) * inner + i;
            let peak = (0..size).fold(f32::NEG_INFINITY, |peak, k| peak.max(data[at(k)]));
            let sum: f32 = (0..size).map(|k| (data[at(k)] - peak).exp()).sum();
            for k in 0..size {
                let shifted = data[at(k)] - peak;
                out[at(k)] = if log { shifted - sum.ln() } else { shifted.exp() / sum };
            }
        }
    }
    float(x.shape().to_vec(), out)
}

/// Running sums along `axis`.
pub(super) fn cum_sum(x: &Tensor, axis: usize, exclusive: bool, reverse: bool) -> Outcome {
    let (outer, size, inner) = around(x.shape(), axis)?;
    /// Places along the axis, in the order of summing, and what each result leaves out.
    fn run<T: Copy>(
        data: &[T],
        zero: T,
        [outer, size, inner]: [usize; 3],
        exclusive: bool,
        reverse: bool,
        add: impl Fn(T, T) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut out = vec![zero; data.len()];
        for o in 0..outer {
            for i in 0..inner {
                let mut sum = zero;
                for step in 0..size {
                    let place = if reverse { size - 1 - step } else { step };
                    let at = (o * size + place) * inner + i;
                    let next = add(sum, data[at])?;
                    out[at] = if exclusive { sum } else { next };
                    sum = next;
                }
            }
        }
        Some(out)
    }
    let sizes = [outer, size, inner];
    let overflow = || EvalError::new("a running sum overflows");
    let data = match x.data() {
        TensorData::F32(data) => {
            TensorData::F32(run(data, 0.0, sizes, exclusive, reverse, |a, b| Some(a + b)).ok_or_else(overflow)?)
        }
        TensorData::I64(data) => {
            TensorData::I64(run(data, 0, sizes, exclusive, reverse, i64::checked_add).ok_or_else(overflow)?)
        }
        TensorData::Bool(_) => return Err(dtype_error(x, "CumSum")),
    };
    build(x.shape().to_vec(), data)
}
