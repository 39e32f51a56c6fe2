//! The convolution as a plain loop in double precision.

use super::{Inputs, Shape};
use crate::activation::{self, Function};

/// A layer as it is given to [`super::Conv1d::with_mix`].
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// Sizes.
    pub shape: Shape,
    /// `[outputs, inputs / groups, taps]`.
    pub weights: &'a [f32],
    /// `[outputs]`.
    pub bias: Option<&'a [f32]>,
    /// `[outputs]`.
    pub slopes: Option<&'a [f32]>,
    /// Channels of the second input, and their weights `[outputs, channels]`.
    pub mix: (usize, &'a [f32]),
    /// Function of the result.
    pub activation: Option<Function>,
}

/// Per output channel and frame: the value, and the sum of the magnitudes it was made of (what rounding is relative to).
pub fn run(layer: &Layer<'_>, inputs: &Inputs<'_>, frames: usize) -> Vec<Vec<(f64, f64)>> {
    let shape = layer.shape;
    let group_inputs = shape.inputs / shape.groups;
    let group_outputs = shape.outputs / shape.groups;
    let frame = |o: usize, t: usize| {
        let (mut sum, mut magnitude) = (0.0, 0.0);
        let mut add = |value: f64| {
            sum += value;
            magnitude += value.abs();
        };
        add(layer.bias.map_or(0.0, |bias| f64::from(bias[o])));
        for addend in inputs.addends {
            add(f64::from(addend.memory[o * addend.stride + t]));
        }
        let (channels, mix) = layer.mix;
        for i in 0..channels {
            add(f64::from(mix[o * channels + i]) * f64::from(inputs.mix.memory[i * inputs.mix.stride + t]));
        }
        for (j, start) in inputs.starts.iter().enumerate() {
            for i in 0..group_inputs {
                let channel = o / group_outputs * group_inputs + i;
                let weight = f64::from(layer.weights[(o * group_inputs + i) * shape.taps + j]);
                add(weight * f64::from(inputs.x.memory[channel * inputs.x.stride + start + t]));
            }
        }
        let sum = match layer.slopes {
            Some(slopes) if sum < 0.0 => sum * f64::from(slopes[o]),
            _ => sum,
        };
        (
            layer.activation.map_or(sum, |f| activation::reference::apply(f, sum)),
            magnitude,
        )
    };
    (0..shape.outputs)
        .map(|o| (0..frames).map(|t| frame(o, t)).collect())
        .collect()
}
