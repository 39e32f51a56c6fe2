//! Interpolation along axes, one axis after another.

use super::{Args, EvalError, Outcome, around, float, floats, ints, limited, pick};
use crate::op::{Coordinates, ResizeMode, Rounding};
use crate::tensor::{Tensor, TensorData};

/// The elements that output element `index` of a resized axis is made of, and their weights, first element first. Weights of
/// one output add up to 1. `scale` is as the file gives it, or output size / input size.
///
/// Empty if `input` is 0.
pub fn resize_taps(
    mode: ResizeMode,
    coordinates: Coordinates,
    [input, output]: [usize; 2],
    scale: f64,
    index: usize,
) -> Vec<(usize, f32)> {
    let Some(last) = input.checked_sub(1) else {
        return Vec::new();
    };
    let place = place(coordinates, input, output, scale, index);
    // Places lie within a few elements of the axis.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss
    )]
    let clamp = |place: f64| place.clamp(0.0, last as f64) as usize;
    #[allow(clippy::cast_possible_truncation)]
    match mode {
        ResizeMode::Nearest(rounding) => {
            let whole = match rounding {
                Rounding::PreferFloor => (place - 0.5).ceil(),
                Rounding::PreferCeil => (place + 0.5).floor(),
                Rounding::Floor => place.floor(),
                Rounding::Ceil => place.ceil(),
            };
            vec![(clamp(whole), 1.0)]
        }
        ResizeMode::Linear => {
            #[allow(clippy::cast_precision_loss)]
            let place = place.clamp(0.0, last as f64);
            let (low, part) = (clamp(place), place.fract());
            if part == 0.0 || low == last {
                vec![(low, 1.0)]
            } else {
                vec![(low, (1.0 - part) as f32), (low + 1, part as f32)]
            }
        }
        ResizeMode::Cubic { a } => {
            let (whole, part, a) = (place.floor(), place - place.floor(), f64::from(a));
            let near = |x: f64| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
            let far = |x: f64| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
            let weights = [far(part + 1.0), near(part), near(1.0 - part), far(2.0 - part)];
            // Beyond the ends the last element repeats: its weights add up.
            let mut taps: Vec<(usize, f32)> = Vec::with_capacity(4);
            for (offset, weight) in [-1.0, 0.0, 1.0, 2.0].into_iter().zip(weights) {
                let source = clamp(whole + offset);
                match taps.last_mut() {
                    Some((index, sum)) if *index == source => *sum += weight as f32,
                    _ => taps.push((source, weight as f32)),
                }
            }
            taps
        }
    }
}

/// Where in the input output element `index` looks.
#[allow(clippy::cast_precision_loss)]
fn place(coordinates: Coordinates, input: usize, output: usize, scale: f64, index: usize) -> f64 {
    let (size, index) = (input as f64, index as f64);
    let half_pixel = (index + 0.5) / scale - 0.5;
    match coordinates {
        Coordinates::HalfPixel => half_pixel,
        Coordinates::HalfPixelSymmetric => half_pixel + size / 2.0 * (1.0 - output as f64 / (scale * size)),
        Coordinates::PytorchHalfPixel if output <= 1 => 0.0,
        Coordinates::PytorchHalfPixel => half_pixel,
        Coordinates::Asymmetric => index / scale,
        Coordinates::AlignCorners if output <= 1 => 0.0,
        Coordinates::AlignCorners => index * (size - 1.0) / (output as f64 - 1.0),
    }
}

/// The size that `scale` makes of `size`, rounded down in single precision as ONNX Runtime does.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
pub(crate) fn scaled(size: i64, scale: f32) -> i64 {
    (size as f32 * scale) as i64
}

pub(super) fn resize(args: Args<'_>, mode: ResizeMode, coordinates: Coordinates) -> Outcome {
    let x = args.get(0)?;
    let given = |index: usize| args.optional(index).filter(|tensor| !tensor.is_empty());
    let error = || {
        EvalError::new(format!(
            "Resize of shape {:?} wants one positive scale or size per axis",
            x.shape()
        ))
    };
    let mut axes: Vec<(usize, f64)> = Vec::with_capacity(x.rank());
    match (given(2), given(3)) {
        (_, Some(sizes)) if sizes.len() == x.rank() => {
            for (size, input) in ints(sizes)?.iter().zip(x.shape()) {
                let size = usize::try_from(*size).map_err(|_| error())?;
                #[allow(clippy::cast_precision_loss)]
                axes.push((size, size as f64 / (*input).max(1) as f64));
            }
        }
        (Some(scales), None) if scales.len() == x.rank() => {
            for (scale, input) in floats(scales)?.iter().zip(x.shape()) {
                if !scale.is_finite() || *scale <= 0.0 {
                    return Err(error());
                }
                let size = scaled(i64::try_from(*input).map_err(|_| error())?, *scale);
                axes.push((usize::try_from(size).map_err(|_| error())?, f64::from(*scale)));
            }
        }
        _ => return Err(error()),
    }
    // Axes that shrink come first, so that nothing in between is larger than input and output.
    let mut order: Vec<(usize, (usize, f64))> = axes.into_iter().enumerate().collect();
    order.sort_by_key(|(axis, (size, _))| *size > x.shape()[*axis]);
    let mut result = x.clone();
    for (axis, (size, scale)) in order {
        let input = x.shape()[axis];
        if size != input || scale != 1.0 {
            if input == 0 && size > 0 {
                return Err(error());
            }
            let mut shape = result.shape().to_vec();
            shape[axis] = size;
            limited(&shape)?;
            let taps: Vec<_> = (0..size)
                .map(|index| resize_taps(mode, coordinates, [input, size], scale, index))
                .collect();
            result = along(&result, axis, &taps)?;
        }
    }
    Ok(result)
}

fn along(x: &Tensor, axis: usize, taps: &[Vec<(usize, f32)>]) -> Outcome {
    let (outer, size, inner) = around(x.shape(), axis)?;
    let mut shape = x.shape().to_vec();
    shape[axis] = taps.len();
    limited(&shape)?;
    if !matches!(x.data(), TensorData::F32(_)) {
        // Only the nearest neighbour is an integer.
        if taps.iter().any(|taps| taps.len() != 1) {
            return Err(EvalError::new("integers cannot be interpolated"));
        }
        let flat = (0..outer).flat_map(|o| {
            taps.iter()
                .flatten()
                .flat_map(move |(source, _)| (0..inner).map(move |i| (o * size + source) * inner + i))
        });
        return pick(x, shape, flat);
    }
    let data = floats(x)?;
    let mut out = Vec::with_capacity(shape.iter().product());
    for o in 0..outer {
        for taps in taps {
            for i in 0..inner {
                out.push(
                    taps.iter()
                        .map(|(source, weight)| weight * data[(o * size + source) * inner + i])
                        .sum(),
                );
            }
        }
    }
    float(shape, out)
}
