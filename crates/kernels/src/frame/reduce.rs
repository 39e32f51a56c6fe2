//! One number of many: reductions over axes, arg-max, arg-min, running sums.

use super::{Reduction, Run};
use crate::Isa;

/// Axes in order, neighbours of one kind merged and sizes of 1 left out.
#[derive(Debug)]
pub(super) struct Reduce {
    axes: Vec<Axis>,
    reduction: Reduction,
    /// Numbers that become one.
    count: usize,
}

#[derive(Debug)]
struct Axis {
    size: usize,
    /// Elements of `x` from one index to the next.
    step: usize,
    reduced: bool,
}

impl Reduce {
    pub fn new(shape: &[usize], reduced: &[bool], reduction: Reduction) -> Self {
        let mut axes: Vec<Axis> = Vec::new();
        let mut step = 1;
        for (size, reduced) in shape.iter().zip(reduced).rev() {
            match axes.last_mut() {
                Some(axis) if axis.reduced == *reduced => axis.size *= size,
                _ if *size > 1 => axes.push(Axis {
                    size: *size,
                    step,
                    reduced: *reduced,
                }),
                _ => {}
            }
            step *= size;
        }
        axes.reverse();
        let count = axes.iter().filter(|axis| axis.reduced).map(|axis| axis.size).product();
        Self { axes, reduction, count }
    }

    fn over(axes: &[Axis], x: &[f32], at: usize, each: &mut impl FnMut(f32)) {
        match axes.split_first() {
            None => each(x.get(at).copied().unwrap_or(0.0)),
            Some((axis, rest)) => {
                for i in 0..if axis.reduced { axis.size } else { 1 } {
                    Self::over(rest, x, at + i * axis.step, each);
                }
            }
        }
    }

    fn one(&self, x: &[f32], at: usize) -> f32 {
        let fold = |start: f32, step: fn(f32, f32) -> f32| {
            let mut sum = start;
            Self::over(&self.axes, x, at, &mut |x| sum = step(sum, x));
            sum
        };
        // NaN, once there, stays.
        let max = |start: f32| fold(start, |max, x| if x > max || x.is_nan() { x } else { max });
        match self.reduction {
            Reduction::Sum => fold(0.0, |sum, x| sum + x),
            #[allow(clippy::cast_precision_loss)]
            Reduction::Mean => fold(0.0, |sum, x| sum + x) / self.count as f32,
            Reduction::Max => max(f32::NEG_INFINITY),
            Reduction::Min => fold(f32::INFINITY, |min, x| if x < min || x.is_nan() { x } else { min }),
            Reduction::Prod => fold(1.0, |sum, x| sum * x),
            Reduction::L1 => fold(0.0, |sum, x| sum + x.abs()),
            Reduction::L2 => fold(0.0, |sum, x| sum + x * x).sqrt(),
            Reduction::SumSquare => fold(0.0, |sum, x| sum + x * x),
            Reduction::LogSum => fold(0.0, |sum, x| sum + x).ln(),
            Reduction::LogSumExp => {
                let top = max(f32::NEG_INFINITY);
                if top.is_finite() {
                    let mut sum = 0.0;
                    Self::over(&self.axes, x, at, &mut |x| sum += (x - top).exp());
                    sum.ln() + top
                } else {
                    top
                }
            }
        }
    }
}

impl Run for Reduce {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x] = inputs else { return };
        for (o, y) in output.iter_mut().enumerate() {
            let (mut rest, mut at) = (o, 0);
            for axis in self.axes.iter().rev().filter(|axis| !axis.reduced) {
                at += rest % axis.size * axis.step;
                rest /= axis.size;
            }
            *y = self.one(x, at);
        }
    }
}

#[derive(Debug)]
pub(super) struct ArgReduce {
    pub len: usize,
    pub inner: usize,
    pub max: bool,
    pub last: bool,
}

impl Run for ArgReduce {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x] = inputs else { return };
        for (x, y) in x
            .chunks_exact(self.len * self.inner)
            .zip(output.chunks_exact_mut(self.inner))
        {
            for (i, y) in y.iter_mut().enumerate() {
                let mut best = None;
                for (at, value) in x.iter().skip(i).step_by(self.inner).enumerate() {
                    let better = match best {
                        None => !value.is_nan(),
                        Some((_, best)) if *value == best => self.last,
                        Some((_, best)) if self.max => *value > best,
                        Some((_, best)) => *value < best,
                    };
                    if better {
                        best = Some((at, *value));
                    }
                }
                #[allow(clippy::cast_precision_loss)]
                let index = best.map_or(0, |(at, _)| at) as f32;
                *y = index;
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct CumSum {
    pub len: usize,
    pub inner: usize,
    pub exclusive: bool,
    pub reverse: bool,
}

impl Run for CumSum {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x] = inputs else { return };
        let block = self.len * self.inner;
        for (x, y) in x.chunks_exact(block).zip(output.chunks_exact_mut(block)) {
            let mut before: Option<usize> = None;
            for step in 0..self.len {
                let at = if self.reverse { self.len - 1 - step } else { step } * self.inner;
                for i in 0..self.inner {
                    let sum = match before {
                        None => 0.0,
                        Some(before) => y[before + i] + if self.exclusive { x[before + i] } else { 0.0 },
                    };
                    y[at + i] = if self.exclusive { sum } else { sum + x[at + i] };
                }
                before = Some(at);
            }
        }
    }
}
