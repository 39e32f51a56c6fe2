//! Matrix products: a dense layer, and products of two signals.

use super::Run;
use crate::Isa;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Dense {
    pub inputs: usize,
    pub outputs: usize,
    pub weights: Arc<[f32]>,
    pub bias: Option<Arc<[f32]>>,
}

impl Run for Dense {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x] = inputs else { return };
        for (x, y) in x.chunks_exact(self.inputs).zip(output.chunks_exact_mut(self.outputs)) {
            for (o, (y, weights)) in y.iter_mut().zip(self.weights.chunks_exact(self.inputs)).enumerate() {
                let start = self.bias.as_ref().and_then(|bias| bias.get(o)).copied().unwrap_or(0.0);
                *y = x.iter().zip(weights).fold(start, |sum, (x, weight)| sum + x * weight);
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct MatMul {
    pub batch: Vec<(usize, usize)>,
    pub m: usize,
    pub k: usize,
    pub n: usize,
}

impl Run for MatMul {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [a, b] = inputs else { return };
        for (y, (at_a, at_b)) in output.chunks_exact_mut(self.m * self.n).zip(&self.batch) {
            let a = a.iter().skip(at_a * self.m * self.k);
            let Some(b) = b.get(at_b * self.k * self.n..) else {
                return;
            };
            let mut a = a.copied();
            for y in y.chunks_exact_mut(self.n) {
                y.fill(0.0);
                for (a, b) in a.by_ref().take(self.k).zip(b.chunks_exact(self.n)) {
                    for (y, b) in y.iter_mut().zip(b) {
                        *y += a * b;
                    }
                }
            }
        }
    }
}
