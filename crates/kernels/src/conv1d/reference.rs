//! The convolution as a plain loop in double precision.

use super::Shape;

/// Per output channel and frame: the value, and the sum of the magnitudes it was made of (what rounding is relative to).
#[allow(clippy::too_many_arguments)]
pub fn run(
    shape: Shape,
    weights: &[f32],
    bias: Option<&[f32]>,
    slopes: Option<&[f32]>,
    x: &[f32],
    x_stride: usize,
    starts: &[usize],
    frames: usize,
) -> Vec<Vec<(f64, f64)>> {
    let group_inputs = shape.inputs / shape.groups;
    let group_outputs = shape.outputs / shape.groups;
    let frame = |o: usize, t: usize| {
        let mut sum = bias.map_or(0.0, |bias| f64::from(bias[o]));
        let mut magnitude = sum.abs();
        for i in 0..group_inputs {
            let channel = o / group_outputs * group_inputs + i;
            for (j, start) in starts.iter().enumerate() {
                let weight = f64::from(weights[(o * group_inputs + i) * shape.taps + j]);
                let product = weight * f64::from(x[channel * x_stride + start + t]);
                sum += product;
                magnitude += product.abs();
            }
        }
        match slopes {
            Some(slopes) if sum < 0.0 => (sum * f64::from(slopes[o]), magnitude),
            _ => (sum, magnitude),
        }
    };
    (0..shape.outputs)
        .map(|o| (0..frames).map(|t| frame(o, t)).collect())
        .collect()
}
