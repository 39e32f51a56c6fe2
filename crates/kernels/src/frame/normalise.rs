//! Softmax, and norms over rows.

use super::Run;
use crate::Isa;

#[derive(Debug)]
pub(super) struct Softmax {
    pub len: usize,
    pub inner: usize,
    pub log: bool,
}

impl Run for Softmax {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x] = inputs else { return };
        let block = self.len * self.inner;
        for (x, y) in x.chunks_exact(block).zip(output.chunks_exact_mut(block)) {
            for i in 0..self.inner {
                let line = || x.iter().skip(i).step_by(self.inner);
                let max = line().fold(f32::NEG_INFINITY, |max, x| if *x > max { *x } else { max });
                let sum: f32 = line().map(|x| (x - max).exp()).sum();
                for (x, y) in line().zip(y.iter_mut().skip(i).step_by(self.inner)) {
                    *y = if self.log {
                        x - max - sum.ln()
                    } else {
                        (x - max).exp() / sum
                    };
                }
            }
        }
    }
}
