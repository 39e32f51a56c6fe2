//! Pooling over any number of spatial axes.

use super::{EvalError, Outcome, float, floats, limited};
use crate::op::{AutoPad, Window};
use crate::tensor::{Tensor, elements};

pub(super) fn max(x: &Tensor, window: &Window, ceil_mode: bool) -> Outcome {
    pool(x, window, ceil_mode, |values, _| {
        values.iter().copied().fold(f32::NEG_INFINITY, f32::max)
    })
}

pub(super) fn average(x: &Tensor, window: &Window, ceil_mode: bool, count_include_pad: bool) -> Outcome {
    pool(x, window, ceil_mode, |values, padded| {
        // Window sizes are small.
        #[allow(clippy::cast_precision_loss)]
        let count = if count_include_pad { padded } else { values.len() } as f32;
        if count == 0.0 {
            0.0
        } else {
            values.iter().sum::<f32>() / count
        }
    })
}

/// `each(values inside the signal, taps inside the padded signal)`.
fn pool(x: &Tensor, window: &Window, ceil_mode: bool, each: impl Fn(&[f32], usize) -> f32) -> Outcome {
    let data = floats(x)?;
    let error = || EvalError::new(format!("the window {window:?} does not fit shape {:?}", x.shape()));
    let axes = window.kernel.len();
    let fits = x.rank() == axes + 2
        && axes > 0
        && window.strides.len() == axes
        && window.dilations.len() == axes
        && window.pads.len() == 2 * axes
        && window
            .kernel
            .iter()
            .chain(&window.strides)
            .chain(&window.dilations)
            .all(|n| *n > 0);
    if !fits {
        return Err(error());
    }
    let to_i64 = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let input = &x.shape()[2..];
    let (mut output, mut begins, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for (axis, size) in input.iter().enumerate() {
        let (size, stride) = (to_i64(*size), to_i64(window.strides[axis]));
        let extent = to_i64((window.kernel[axis] - 1).saturating_mul(window.dilations[axis])).saturating_add(1);
        let total = ((size + stride - 1) / stride - 1)
            .saturating_mul(stride)
            .saturating_add(extent)
            .saturating_sub(size)
            .max(0);
        let (before, after) = match window.auto_pad {
            AutoPad::NotSet => (window.pads[axis], window.pads[axes + axis]),
            AutoPad::Valid => (0, 0),
            AutoPad::SameUpper => (total / 2, total - total / 2),
            AutoPad::SameLower => (total - total / 2, total / 2),
        };
        let span = size.saturating_add(before).saturating_add(after).saturating_sub(extent);
        if span < 0 {
            return Err(error());
        }
        let mut count = if ceil_mode {
            (span + stride - 1) / stride
        } else {
            span / stride
        } + 1;
        // The last window must begin inside the signal or its left padding.
        if ceil_mode && (count - 1) * stride >= size + before {
            count -= 1;
        }
        output.push(usize::try_from(count).map_err(|_| error())?);
        begins.push(before);
        ends.push(size.saturating_add(after));
    }
    let mut shape = x.shape()[..2].to_vec();
    shape.extend_from_slice(&output);
    limited(&shape)?;
    let (in_size, out_size): (usize, usize) = (input.iter().product(), output.iter().product());
    let taps = elements(&window.kernel).ok_or_else(error)?;
    let mut out = Vec::with_capacity(shape.iter().product());
    // Most of a large window may lie in the padding.
    let mut values = Vec::with_capacity(taps.min(in_size));
    for plane in 0..x.shape()[0] * x.shape()[1] {
        for n in 0..out_size {
            values.clear();
            let mut padded = 0;
            for k in 0..taps {
                let (mut n, mut k, mut index, mut scale) = (n, k, Some(0usize), 1usize);
                let mut in_padding = true;
                for axis in (0..axes).rev() {
                    let place = to_i64(
                        n % output[axis] * window.strides[axis] + k % window.kernel[axis] * window.dilations[axis],
                    ) - begins[axis];
                    n /= output[axis];
                    k /= window.kernel[axis];
                    in_padding &= place < ends[axis];
                    index = index.and_then(|index| {
                        let place = usize::try_from(place).ok().filter(|place| *place < input[axis])?;
                        Some(index + place * scale)
                    });
                    scale *= input[axis];
                }
                padded += usize::from(in_padding);
                if let Some(index) = index {
                    values.push(data[plane * in_size + index]);
                }
            }
            out.push(each(&values, padded));
        }
    }
    float(shape, out)
}
