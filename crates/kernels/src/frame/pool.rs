//! The largest of each window.

use super::Run;
use super::geometry::Window;
use crate::Isa;

#[derive(Debug)]
pub(super) struct MaxPool {
    pub window: Window,
    pub output_size: [usize; 2],
}

impl Run for MaxPool {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x] = inputs else { return };
        let window = &self.window;
        let [height, width] = self.output_size;
        let planes = x.chunks_exact(window.size[0] * window.size[1]);
        for (x, y) in planes.zip(output.chunks_exact_mut(height * width)) {
            for (at_row, y) in y.chunks_exact_mut(width).enumerate() {
                let rows = window.inside(0, at_row);
                for (at_column, y) in y.iter_mut().enumerate() {
                    let columns = window.inside(1, at_column);
                    let mut largest = f32::NEG_INFINITY;
                    for row in 0..rows.end - rows.first {
                        let from = (rows.from + row * window.dilations[0]) * window.size[1] + columns.from;
                        let line = x.iter().skip(from).step_by(window.dilations[1]);
                        for x in line.take(columns.end - columns.first) {
                            if *x > largest || x.is_nan() {
                                largest = *x;
                            }
                        }
                    }
                    *y = largest;
                }
            }
        }
    }
}
