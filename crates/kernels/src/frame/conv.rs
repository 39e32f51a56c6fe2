//! Convolution of a frame.

use super::Run;
use super::geometry::Window;
use crate::Isa;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Conv {
    pub groups: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub window: Window,
    pub output_size: [usize; 2],
    pub weights: Arc<[f32]>,
    pub bias: Option<Arc<[f32]>>,
}

impl Run for Conv {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x] = inputs else { return };
        let window = &self.window;
        let (plane, taps) = (window.size[0] * window.size[1], window.taps[0] * window.taps[1]);
        let (group_inputs, group_outputs) = (self.inputs / self.groups, self.outputs / self.groups);
        let [height, width] = self.output_size;
        let frames = output.chunks_exact_mut(self.outputs * height * width);
        for (x, y) in x.chunks_exact(self.inputs * plane).zip(frames) {
            for (o, y) in y.chunks_exact_mut(height * width).enumerate() {
                let start = self.bias.as_ref().and_then(|bias| bias.get(o)).copied().unwrap_or(0.0);
                let planes = x
                    .chunks_exact(plane)
                    .skip(o / group_outputs * group_inputs)
                    .take(group_inputs);
                for (at, y) in y.iter_mut().enumerate() {
                    let (rows, columns) = (window.inside(0, at / width), window.inside(1, at % width));
                    let weights = self.weights.chunks_exact(taps).skip(o * group_inputs);
                    let mut sum = start;
                    for (x, weights) in planes.clone().zip(weights) {
                        for i in rows.first..rows.end {
                            let row = rows.from + (i - rows.first) * window.dilations[0];
                            for j in columns.first..columns.end {
                                let column = columns.from + (j - columns.first) * window.dilations[1];
                                sum += x[row * window.size[1] + column] * weights[i * window.taps[1] + j];
                            }
                        }
                    }
                    *y = sum;
                }
            }
        }
    }
}
