//! Operators that pick elements: slices, gathers, borders, parts.

use super::{Args, EvalError, Outcome, around, axis_index, check_axis, ints, limited, pick, strides, walk};
use crate::op::PadMode;
use crate::tensor::{Tensor, TensorData};

pub(super) fn slice(args: Args<'_>) -> Outcome {
    let x = args.get(0)?;
    let (starts, ends) = (args.ints(1)?, args.ints(2)?);
    let axes = match args.optional(3) {
        Some(axes) => ints(axes)?.to_vec(),
        None => (0..i64::try_from(starts.len()).unwrap_or(i64::MAX)).collect(),
    };
    let steps = match args.optional(4) {
        Some(steps) => ints(steps)?.to_vec(),
        None => vec![1; starts.len()],
    };
    if [ends.len(), axes.len(), steps.len()]
        .iter()
        .any(|len| *len != starts.len())
    {
        return Err(EvalError::new("starts, ends, axes and steps differ in length"));
    }
    let mut selected: Vec<Vec<usize>> = x.shape().iter().map(|size| (0..*size).collect()).collect();
    for (((start, end), axis), step) in starts.iter().zip(ends).zip(&axes).zip(&steps) {
        let axis = axis_index(*axis, x.rank())?;
        selected[axis] = slice_indices(x.shape()[axis], *start, *end, *step)?;
    }
    let shape: Vec<usize> = selected.iter().map(Vec::len).collect();
    limited(&shape)?;
    let own = strides(x.shape());
    let mut flat = vec![0usize];
    for (indices, stride) in selected.iter().zip(&own) {
        flat = flat
            .iter()
            .flat_map(|base| indices.iter().map(move |index| base + index * stride))
            .collect();
    }
    pick(x, shape, flat.into_iter())
}

/// The indices that `start : end : step` selects of `size` elements, with the clamping rules of the specification.
pub(crate) fn slice_indices(size: usize, start: i64, end: i64, step: i64) -> Outcome<Vec<usize>> {
    let length = i64::try_from(size).map_err(|_| EvalError::new("an axis is too long"))?;
    if step == 0 {
        return Err(EvalError::new("a step of Slice is 0"));
    }
    let wrap = |index: i64| if index < 0 { index.saturating_add(length) } else { index };
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let start = wrap(start).clamp(if step > 0 { 0 } else { -1 }, high.max(low));
    let end = if end < 0 && end.saturating_add(length) < 0 {
        low
    } else {
        wrap(end).clamp(low, high.max(low))
    };
    let mut indices = Vec::new();
    let mut index = start;
    while (step > 0 && index < end) || (step < 0 && index > end) {
        if let Ok(index) = usize::try_from(index)
            && index < size
        {
            indices.push(index);
        }
        match index.checked_add(step) {
            Some(next) => index = next,
            None => break,
        }
    }
    Ok(indices)
}

fn wrapped_index(index: i64, size: usize) -> Outcome<usize> {
    let length = i64::try_from(size).unwrap_or(i64::MAX);
    usize::try_from(if index < 0 { index.saturating_add(length) } else { index })
        .ok()
        .filter(|index| *index < size)
        .ok_or_else(|| EvalError::new(format!("index {index} lies outside of {size} elements")))
}

pub(super) fn gather(x: &Tensor, indices: &Tensor, axis: usize) -> Outcome {
    let (outer, size, inner) = around(x.shape(), axis)?;
    let chosen = ints(indices)?
        .iter()
        .map(|index| wrapped_index(*index, size))
        .collect::<Outcome<Vec<_>>>()?;
    let mut shape = x.shape()[..axis].to_vec();
    shape.extend_from_slice(indices.shape());
    shape.extend_from_slice(&x.shape()[axis + 1..]);
    limited(&shape)?;
    let flat = (0..outer).flat_map(|o| {
        chosen
            .iter()
            .flat_map(move |index| (0..inner).map(move |i| (o * size + index) * inner + i))
    });
    pick(x, shape, flat)
}

pub(super) fn gather_elements(x: &Tensor, indices: &Tensor, axis: usize) -> Outcome {
    let size = check_axis(axis, x.shape())?;
    let fits = indices.rank() == x.rank()
        && indices
            .shape()
            .iter()
            .zip(x.shape())
            .enumerate()
            .all(|(a, (i, x))| a == axis || i <= x);
    if !fits {
        return Err(EvalError::new(format!(
            "indices {:?} do not fit {:?}",
            indices.shape(),
            x.shape()
        )));
    }
    let mut own = strides(x.shape());
    let along = std::mem::take(&mut own[axis]);
    let chosen = ints(indices)?;
    let flat = walk(indices.shape(), &own)
        .zip(chosen)
        .map(|(base, index)| wrapped_index(*index, size).map(|index| base + index * along))
        .collect::<Outcome<Vec<_>>>()?;
    pick(x, indices.shape().to_vec(), flat.into_iter())
}

pub(super) fn pad(mode: PadMode, args: Args<'_>) -> Outcome {
    let x = args.get(0)?;
    let pads = args.ints(1)?;
    let axes = match args.optional(3) {
        Some(axes) => ints(axes)?
            .iter()
            .map(|axis| axis_index(*axis, x.rank()))
            .collect::<Outcome<Vec<_>>>()?,
        None => (0..x.rank()).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(EvalError::new(format!(
            "{} pads are given for {} axes",
            pads.len(),
            axes.len()
        )));
    }
    let mut shape = x.shape().to_vec();
    let mut begins = vec![0i64; x.rank()];
    for (index, axis) in axes.iter().enumerate() {
        let (before, after) = (pads[index], pads[axes.len() + index]);
        let size = i64::try_from(shape[*axis])
            .ok()
            .and_then(|size| size.checked_add(before)?.checked_add(after));
        shape[*axis] = size
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(|| EvalError::new(format!("pads {before} and {after} leave nothing of axis {axis}")))?;
        begins[*axis] = before;
    }
    limited(&shape)?;
    // One past the end stands for the fill value.
    let outside = x.len();
    let sources: Vec<Vec<Option<usize>>> = (0..x.rank())
        .map(|axis| {
            (0..shape[axis])
                .map(|place| border(place, begins[axis], x.shape()[axis], mode))
                .collect()
        })
        .collect();
    let own = strides(x.shape());
    let mut flat: Vec<Option<usize>> = vec![Some(0)];
    for (source, stride) in sources.iter().zip(&own) {
        flat = flat
            .iter()
            .flat_map(|base| source.iter().map(move |place| Some((*base)? + (*place)? * stride)))
            .collect();
    }
    let indices = flat.into_iter().map(|index| index.unwrap_or(outside));
    if mode != PadMode::Constant {
        return pick(x, shape, indices);
    }
    let mismatch = || EvalError::new("the fill value of Pad has another type than the signal");
    let fill = args.optional(2);
    let (mut extended, size) = (x.data().clone(), x.len() + 1);
    match (&mut extended, fill.map(Tensor::data)) {
        (TensorData::F32(data), None) => data.push(0.0),
        (TensorData::I64(data), None) => data.push(0),
        (TensorData::Bool(data), None) => data.push(false),
        (TensorData::F32(data), Some(TensorData::F32(fill))) => data.push(*fill.first().ok_or_else(mismatch)?),
        (TensorData::I64(data), Some(TensorData::I64(fill))) => data.push(*fill.first().ok_or_else(mismatch)?),
        (TensorData::Bool(data), Some(TensorData::Bool(fill))) => data.push(*fill.first().ok_or_else(mismatch)?),
        _ => return Err(mismatch()),
    }
    let extended = Tensor::new(vec![size], extended).ok_or_else(mismatch)?;
    pick(&extended, shape, indices)
}

/// Which of `size` elements stands at `place` of the padded axis; `None` for the fill value.
fn border(place: usize, before: i64, size: usize, mode: PadMode) -> Option<usize> {
    let length = i64::try_from(size).ok()?;
    let index = i64::try_from(place).ok()? - before;
    if (0..length).contains(&index) {
        return usize::try_from(index).ok();
    }
    if length == 0 {
        return None;
    }
    let index = match mode {
        PadMode::Constant => return None,
        PadMode::Edge => index.clamp(0, length - 1),
        PadMode::Wrap => index.rem_euclid(length),
        PadMode::Reflect if length == 1 => 0,
        PadMode::Reflect => {
            let period = 2 * (length - 1);
            let folded = index.rem_euclid(period);
            if folded < length { folded } else { period - folded }
        }
    };
    usize::try_from(index).ok()
}

pub(super) fn split(x: &Tensor, sizes: Option<&[i64]>, axis: usize, outputs: usize) -> Outcome<Vec<Tensor>> {
    let (outer, size, inner) = around(x.shape(), axis)?;
    let sizes = match sizes {
        Some(sizes) => sizes
            .iter()
            .map(|size| usize::try_from(*size).map_err(|_| EvalError::new(format!("a part has size {size}"))))
            .collect::<Outcome<Vec<_>>>()?,
        None if outputs == 0 => return Err(EvalError::new("Split has no outputs")),
        None => {
            let part = size.div_ceil(outputs);
            (0..outputs)
                .map(|index| size.saturating_sub(index * part).min(part))
                .collect()
        }
    };
    let total = sizes.iter().try_fold(0usize, |sum, size| sum.checked_add(*size));
    if total != Some(size) || sizes.len() < outputs {
        return Err(EvalError::new(format!(
            "parts {sizes:?} do not add up to the {size} elements of axis {axis}"
        )));
    }
    let mut start = 0;
    sizes
        .iter()
        .map(|part| {
            let mut shape = x.shape().to_vec();
            shape[axis] = *part;
            let first = start;
            start += part;
            let flat = (0..outer).flat_map(move |o| {
                (first..first + part).flat_map(move |k| (0..inner).map(move |i| (o * size + k) * inner + i))
            });
            pick(x, shape, flat)
        })
        .collect()
}

/// One side of the diagonal of every matrix.
pub(super) fn trilu(args: Args<'_>, upper: bool) -> Outcome {
    let x = args.get(0)?;
    let [.., rows, columns] = *x.shape() else {
        return Err(EvalError::new(format!(
            "Trilu wants matrices, not shape {:?}",
            x.shape()
        )));
    };
    let diagonal = match args.optional(1) {
        Some(k) => *ints(k)?
            .first()
            .ok_or_else(|| EvalError::new("the diagonal of Trilu is missing"))?,
        None => 0,
    };
    // Further away than any element lies.
    let diagonal = diagonal.clamp(-(1 << 40), 1 << 40);
    let to_i64 = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let stays = |index: usize| {
        let (row, column) = (index / columns.max(1) % rows.max(1), index % columns.max(1));
        let above = to_i64(column) - to_i64(row);
        if upper { above >= diagonal } else { above <= diagonal }
    };
    fn keep<T: Copy + Default>(data: &[T], stays: impl Fn(usize) -> bool) -> Vec<T> {
        data.iter()
            .enumerate()
            .map(|(index, x)| if stays(index) { *x } else { T::default() })
            .collect()
    }
    let data = match x.data() {
        TensorData::F32(data) => TensorData::F32(keep(data, stays)),
        TensorData::I64(data) => TensorData::I64(keep(data, stays)),
        TensorData::Bool(data) => TensorData::Bool(keep(data, stays)),
    };
    super::build(x.shape().to_vec(), data)
}
