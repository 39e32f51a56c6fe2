//! Convolution and transposed convolution with any number of spatial axes, as the ONNX specification words them.

use super::{floats, optional_floats, tensor};
use tonegraft_model::Tensor;
use tonegraft_model::op::{AutoPad, Window};
use tonegraft_model::tensor::elements;

/// The most elements a result may have.
const MAX_ELEMENTS: usize = 1 << 28;

/// `out[b, m, n] = bias[m] + Σ_c Σ_k w[m, c, k] · x[b, c, n · stride + k · dilation − pad]`.
pub(super) fn conv(window: &Window, group: usize, arguments: &[Option<&Tensor>]) -> Result<Tensor, String> {
    let (x_shape, x) = floats(arguments, 0, "the signal")?;
    let (w_shape, w) = floats(arguments, 1, "the weight")?;
    let axes = spatial_axes(window, x_shape, w_shape)?;
    let (batch, channels) = (x_shape[0], x_shape[1]);
    let (filters, per_group) = (w_shape[0], w_shape[1]);
    if group == 0 || channels != per_group * group || !filters.is_multiple_of(group) {
        return Err(format!(
            "{channels} channels and weights {w_shape:?} do not fit {group} groups"
        ));
    }
    let bias = optional_floats(arguments, 2, "the bias", &[filters])?;
    let kernel = &w_shape[2..];
    let input = &x_shape[2..];
    let mut begin = Vec::with_capacity(axes);
    let mut output = Vec::with_capacity(axes);
    for axis in 0..axes {
        let extent = (kernel[axis] - 1) * window.dilations[axis] + 1;
        let (before, after) = padding(window, axis, input[axis], extent, axes);
        let padded = i64::try_from(input[axis])
            .unwrap_or(i64::MAX)
            .saturating_add(before)
            .saturating_add(after);
        let span = padded - i64::try_from(extent).unwrap_or(i64::MAX);
        output.push(match usize::try_from(span) {
            Ok(span) => span / window.strides[axis] + 1,
            Err(_) => 0,
        });
        begin.push(before);
    }
    let mut shape = vec![batch, filters];
    shape.extend_from_slice(&output);
    let mut y = vec![0.0; limited(&shape)?];
    let (in_size, out_size, taps): (usize, usize, usize) =
        (input.iter().product(), output.iter().product(), kernel.iter().product());
    // Frames inside, taps outside: each output channel is a row of double-precision sums to which every tap adds the input
    // row that it meets, scaled. The rows run along the last axis.
    let last = axes - 1;
    let (out_row, in_row) = (output[last], input[last]);
    let rows = out_size.checked_div(out_row).unwrap_or(0);
    let mut sums = vec![0.0f64; out_size];
    for b in 0..batch {
        for m in 0..filters {
            let first_channel = m / (filters / group) * per_group;
            sums.fill(bias.map_or(0.0, |bias| f64::from(bias[m])));
            for c in 0..per_group {
                let plane = &x[(b * channels + first_channel + c) * in_size..][..in_size];
                for k in 0..taps {
                    let tap = unravel(k, kernel);
                    let weight = f64::from(w[(m * per_group + c) * taps + k]);
                    let offset = |axis: usize| to_i64(tap[axis] * window.dilations[axis]) - begin[axis];
                    for row in 0..rows {
                        let place = unravel(row, &output[..last]);
                        let at = |axis: usize| to_i64(place[axis] * window.strides[axis]) + offset(axis);
                        if let Some(index) = ravel(&input[..last], at) {
                            let sums = &mut sums[row * out_row..][..out_row];
                            add_row(
                                sums,
                                &plane[index * in_row..][..in_row],
                                weight,
                                offset(last),
                                window.strides[last],
                            );
                        }
                    }
                }
            }
            let channel = &mut y[(b * filters + m) * out_size..][..out_size];
            for (y, sum) in channel.iter_mut().zip(&sums) {
                // The result is single precision by definition.
                #[allow(clippy::cast_possible_truncation)]
                let rounded = *sum as f32;
                *y = rounded;
            }
        }
    }
    tensor(shape, y)
}

/// `sums[n] += weight · x[n · stride + first]` where that exists.
fn add_row(sums: &mut [f64], x: &[f32], weight: f64, first: i64, stride: usize) {
    if stride == 1 {
        let skip = usize::try_from(-first).unwrap_or(0);
        let from = usize::try_from(first).unwrap_or(0);
        if let (Some(sums), Some(x)) = (sums.get_mut(skip..), x.get(from..)) {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += weight * f64::from(*x);
            }
        }
        return;
    }
    for (n, sum) in sums.iter_mut().enumerate() {
        let index = usize::try_from(to_i64(n * stride) + first);
        if let Some(x) = index.ok().and_then(|index| x.get(index)) {
            *sum += weight * f64::from(*x);
        }
    }
}

/// The adjoint of [`conv`]: every input sample adds its scaled kernel to the output.
pub(super) fn conv_transpose(
    window: &Window,
    group: usize,
    output_padding: &[usize],
    output_shape: Option<&[usize]>,
    arguments: &[Option<&Tensor>],
) -> Result<Tensor, String> {
    let (x_shape, x) = floats(arguments, 0, "the signal")?;
    let (w_shape, w) = floats(arguments, 1, "the weight")?;
    let axes = spatial_axes(window, x_shape, w_shape)?;
    let (batch, channels, per_group) = (x_shape[0], x_shape[1], w_shape[1]);
    if group == 0 || channels != w_shape[0] || !channels.is_multiple_of(group) {
        return Err(format!(
            "{channels} channels and weights {w_shape:?} do not fit {group} groups"
        ));
    }
    let filters = per_group * group;
    let bias = optional_floats(arguments, 2, "the bias", &[filters])?;
    let kernel = &w_shape[2..];
    let input = &x_shape[2..];
    let mut begin = Vec::with_capacity(axes);
    let mut output = Vec::with_capacity(axes);
    for axis in 0..axes {
        let extra = output_padding.get(axis).copied().unwrap_or(0);
        let extent = (kernel[axis] - 1) * window.dilations[axis] + 1;
        let full = to_i64(window.strides[axis] * input[axis].saturating_sub(1) + extra + extent);
        let (before, size) = match (output_shape.and_then(|shape| shape.get(axis)), window.auto_pad) {
            (None, AutoPad::NotSet) => (window.pads[axis], full - window.pads[axis] - window.pads[axes + axis]),
            (None, AutoPad::Valid) => (0, full),
            (wanted, rule) => {
                let size = wanted.map_or(to_i64(input[axis] * window.strides[axis]), |size| to_i64(*size));
                let total = (full - size).max(0);
                (
                    if rule == AutoPad::SameUpper {
                        total / 2
                    } else {
                        total - total / 2
                    },
                    size,
                )
            }
        };
        output.push(usize::try_from(size).unwrap_or(0));
        begin.push(before);
    }
    let mut shape = vec![batch, filters];
    shape.extend_from_slice(&output);
    let mut y = vec![0.0; limited(&shape)?];
    let (in_size, out_size, taps): (usize, usize, usize) =
        (input.iter().product(), output.iter().product(), kernel.iter().product());
    for b in 0..batch {
        for c in 0..channels {
            let first_filter = c / (channels / group) * per_group;
            for n in 0..in_size {
                let place = unravel(n, input);
                for f in 0..per_group {
                    for k in 0..taps {
                        let tap = unravel(k, kernel);
                        let at = |axis: usize| {
                            to_i64(place[axis] * window.strides[axis] + tap[axis] * window.dilations[axis])
                                - begin[axis]
                        };
                        if let Some(index) = ravel(&output, at) {
                            y[(b * filters + first_filter + f) * out_size + index] +=
                                w[(c * per_group + f) * taps + k] * x[(b * channels + c) * in_size + n];
                        }
                    }
                }
            }
        }
        for (m, channel) in y[b * filters * out_size..][..filters * out_size]
            .chunks_mut(out_size.max(1))
            .enumerate()
        {
            let offset = bias.map_or(0.0, |bias| bias[m]);
            channel.iter_mut().for_each(|sample| *sample += offset);
        }
    }
    tensor(shape, y)
}

/// Number of spatial axes, after a check that everything has as many.
fn spatial_axes(window: &Window, x: &[usize], w: &[usize]) -> Result<usize, String> {
    let axes = x
        .len()
        .checked_sub(2)
        .filter(|axes| *axes > 0)
        .ok_or_else(|| format!("the signal has shape {x:?}"))?;
    let consistent = w.len() == x.len()
        && window.strides.len() == axes
        && window.dilations.len() == axes
        && window.pads.len() == 2 * axes
        && window.strides.iter().chain(&window.dilations).all(|step| *step > 0)
        && w[2..].iter().all(|taps| *taps > 0)
        && (window.kernel.is_empty() || window.kernel == w[2..]);
    if consistent {
        Ok(axes)
    } else {
        Err(format!("signal {x:?}, weights {w:?} and window {window:?} do not fit"))
    }
}

/// Frames of padding before and after, along `axis`.
fn padding(window: &Window, axis: usize, size: usize, extent: usize, axes: usize) -> (i64, i64) {
    let stride = window.strides[axis];
    let total = to_i64((size.div_ceil(stride).saturating_sub(1) * stride + extent).saturating_sub(size));
    match window.auto_pad {
        AutoPad::NotSet => (window.pads[axis], window.pads[axes + axis]),
        AutoPad::Valid => (0, 0),
        AutoPad::SameUpper => (total / 2, total - total / 2),
        AutoPad::SameLower => (total - total / 2, total / 2),
    }
}

pub(super) fn limited(shape: &[usize]) -> Result<usize, String> {
    elements(shape)
        .filter(|count| *count <= MAX_ELEMENTS)
        .ok_or_else(|| format!("its result {shape:?} has more than {MAX_ELEMENTS} elements"))
}

fn to_i64(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The coordinates of element `index` of a tensor of that shape.
fn unravel(mut index: usize, shape: &[usize]) -> Vec<usize> {
    let mut place = vec![0; shape.len()];
    for (coordinate, size) in place.iter_mut().zip(shape).rev() {
        *coordinate = index % size;
        index /= size;
    }
    place
}

/// The element at the coordinates `at(axis)`; `None` outside of the shape.
fn ravel(shape: &[usize], at: impl Fn(usize) -> i64) -> Option<usize> {
    shape.iter().enumerate().try_fold(0, |index, (axis, size)| {
        usize::try_from(at(axis))
            .ok()
            .filter(|coordinate| coordinate < size)
            .map(|coordinate| index * size + coordinate)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kernel: usize, stride: usize, dilation: usize, pads: [i64; 2]) -> Window {
        Window {
            kernel: vec![kernel],
            strides: vec![stride],
            dilations: vec![dilation],
            pads: pads.to_vec(),
            auto_pad: AutoPad::NotSet,
        }
    }

    fn series(shape: &[usize], data: &[f32]) -> Tensor {
        Tensor::f32(shape.to_vec(), data.to_vec()).expect("consistent")
    }

    #[test]
    fn causal_dilated_convolution_by_hand() {
        let x = series(&[1, 1, 4], &[1.0, 2.0, 3.0, 4.0]);
        let w = series(&[1, 1, 2], &[10.0, 1.0]);
        let b = series(&[1], &[0.5]);
        let y = conv(&window(2, 1, 2, [2, 0]), 1, &[Some(&x), Some(&w), Some(&b)]).expect("fits");
        assert_eq!(y.as_f32(), Some(&[1.5, 2.5, 13.5, 24.5][..]));
    }

    #[test]
    fn groups_and_strides_by_hand() {
        let x = series(&[1, 2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let w = series(&[2, 1, 1], &[2.0, -1.0]);
        let y = conv(&window(1, 2, 1, [0, 0]), 2, &[Some(&x), Some(&w)]).expect("fits");
        assert_eq!(y.shape(), [1, 2, 2]);
        assert_eq!(y.as_f32(), Some(&[2.0, 6.0, -4.0, -6.0][..]));
    }

    #[test]
    fn same_padding_puts_the_odd_frame_where_the_rule_says() {
        let x = series(&[1, 1, 3], &[1.0, 2.0, 3.0]);
        let w = series(&[1, 1, 2], &[1.0, 10.0]);
        let mut same = window(2, 1, 1, [0, 0]);
        same.auto_pad = AutoPad::SameUpper;
        assert_eq!(
            conv(&same, 1, &[Some(&x), Some(&w)]).expect("fits").as_f32(),
            Some(&[21.0, 32.0, 3.0][..])
        );
        same.auto_pad = AutoPad::SameLower;
        assert_eq!(
            conv(&same, 1, &[Some(&x), Some(&w)]).expect("fits").as_f32(),
            Some(&[10.0, 21.0, 32.0][..])
        );
    }

    #[test]
    fn transposed_convolution_by_hand() {
        let x = series(&[1, 1, 2], &[1.0, 2.0]);
        let w = series(&[1, 1, 3], &[1.0, 10.0, 100.0]);
        let y = conv_transpose(&window(3, 2, 1, [0, 0]), 1, &[0], None, &[Some(&x), Some(&w)]).expect("fits");
        assert_eq!(y.as_f32(), Some(&[1.0, 10.0, 102.0, 20.0, 200.0][..]));
        let y = conv_transpose(&window(3, 2, 1, [1, 0]), 1, &[0], None, &[Some(&x), Some(&w)]).expect("fits");
        assert_eq!(y.as_f32(), Some(&[10.0, 102.0, 20.0, 200.0][..]));
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused_with_a_reason() {
        let x = series(&[1, 2, 3], &[0.0; 6]);
        let w = series(&[1, 1, 1], &[1.0]);
        assert!(
            conv(&window(1, 1, 1, [0, 0]), 1, &[Some(&x), Some(&w)])
                .expect_err("channels")
                .contains("groups")
        );
        assert!(
            conv(&window(1, 1, 1, [0, 0]), 1, &[Some(&x)])
                .expect_err("weight")
                .contains("missing")
        );
    }
}
