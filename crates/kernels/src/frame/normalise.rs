//! Softmax, and norms over rows.

use super::{Run, sums};
use crate::Isa;
use crate::activation::{Activation, Function};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Softmax {
    pub len: usize,
    pub inner: usize,
    pub log: bool,
}

impl Softmax {
    /// `x [len]`.
    fn line(&self, isa: Isa, x: &[f32], y: &mut [f32]) {
        let max = sums::max(x);
        for (y, x) in y.iter_mut().zip(x) {
            *y = x - max;
        }
        Activation::new(Function::Exp, isa).apply(y);
        let sum = sums::sum(y, |y| y);
        if self.log {
            let log = sum.ln();
            for (y, x) in y.iter_mut().zip(x) {
                *y = x - max - log;
            }
        } else {
            let scale = 1.0 / sum;
            for y in y {
                *y *= scale;
            }
        }
    }

    /// `x [len, inner]`, all lines abreast; the scratch takes maxima, then sums.
    fn lines(&self, isa: Isa, x: &[f32], y: &mut [f32], scratch: &mut [f32]) {
        let Some((maxima, totals)) = scratch.split_at_mut_checked(self.inner) else {
            return;
        };
        maxima.fill(f32::NEG_INFINITY);
        for x in x.chunks_exact(self.inner) {
            for (max, x) in maxima.iter_mut().zip(x) {
                *max = if *x > *max { *x } else { *max };
            }
        }
        for (x, y) in x.chunks_exact(self.inner).zip(y.chunks_exact_mut(self.inner)) {
            for ((y, x), max) in y.iter_mut().zip(x).zip(&*maxima) {
                *y = x - max;
            }
        }
        Activation::new(Function::Exp, isa).apply(y);
        totals.fill(0.0);
        for y in y.chunks_exact(self.inner) {
            for (total, y) in totals.iter_mut().zip(y) {
                *total += y;
            }
        }
        if self.log {
            for total in &mut *totals {
                *total = total.ln();
            }
        }
        for (x, y) in x.chunks_exact(self.inner).zip(y.chunks_exact_mut(self.inner)) {
            for (((y, x), max), total) in y.iter_mut().zip(x).zip(&*maxima).zip(&*totals) {
                *y = if self.log { x - max - total } else { *y / total };
            }
        }
    }
}

impl Run for Softmax {
    fn scratch(&self) -> usize {
        if self.inner == 1 { 0 } else { 2 * self.inner }
    }

    fn run(&self, isa: Isa, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32]) {
        let [x] = inputs else { return };
        let block = self.len * self.inner;
        for (x, y) in x.chunks_exact(block).zip(output.chunks_exact_mut(block)) {
            if self.inner == 1 {
                self.line(isa, x, y);
            } else {
                self.lines(isa, x, y, scratch);
            }
        }
    }
}

/// `x` with its mean taken out and its variance (of the population) made 1.
fn standardise(x: &[f32], y: &mut [f32], epsilon: f32) {
    #[allow(clippy::cast_precision_loss)]
    let len = x.len() as f32;
    let mean = sums::sum(x, |x| x) / len;
    let variance = sums::sum(x, |x| (x - mean) * (x - mean)) / len;
    let scale = 1.0 / (variance + epsilon).sqrt();
    for (y, x) in y.iter_mut().zip(x) {
        *y = (x - mean) * scale;
    }
}

#[derive(Debug)]
pub(super) struct LayerNorm {
    pub len: usize,
    pub epsilon: f32,
    pub scale: Arc<[f32]>,
    pub bias: Option<Arc<[f32]>>,
}

impl Run for LayerNorm {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x] = inputs else { return };
        for (x, y) in x.chunks_exact(self.len).zip(output.chunks_exact_mut(self.len)) {
            standardise(x, y, self.epsilon);
            for (y, scale) in y.iter_mut().zip(self.scale.iter()) {
                *y *= scale;
            }
            for (y, bias) in y.iter_mut().zip(self.bias.iter().flat_map(|bias| bias.iter())) {
                *y += bias;
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct InstanceNorm {
    pub len: usize,
    pub epsilon: f32,
    pub scale: Arc<[f32]>,
    pub bias: Option<Arc<[f32]>>,
}

impl Run for InstanceNorm {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x] = inputs else { return };
        let channels = self.scale.len();
        let rows = x.chunks_exact(self.len).zip(output.chunks_exact_mut(self.len));
        for (row, (x, y)) in rows.enumerate() {
            let of = |values: &[f32], none: f32| values.get(row % channels).copied().unwrap_or(none);
            let (scale, bias) = (
                of(&self.scale, 1.0),
                self.bias.as_ref().map_or(0.0, |bias| of(bias, 0.0)),
            );
            standardise(x, y, self.epsilon);
            for y in y {
                *y = *y * scale + bias;
            }
        }
    }
}
