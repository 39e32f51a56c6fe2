//! One number of many: reductions over axes, arg-max, arg-min, running sums.

use super::{Reduction, Run, sums};
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

    /// `y[o] = fold(y[o], one(x))` over all of `x`, in order; neighbours that become one go through `run` together. `top`, if
    /// there is one, stands beside `y` and is what `one` and `run` are told.
    fn over(
        axes: &[Axis],
        x: &[f32],
        y: &mut [f32],
        (run, one, fold): (
            &impl Fn(&[f32], f32) -> f32,
            &impl Fn(f32, f32) -> f32,
            &impl Fn(f32, f32) -> f32,
        ),
        top: Option<&[f32]>,
    ) {
        match axes {
            [] | [Axis { reduced: true, .. }] => {
                let top = top.and_then(<[f32]>::first).copied().unwrap_or(0.0);
                if let Some(y) = y.first_mut() {
                    *y = fold(*y, run(x, top));
                }
            }
            [_] => match top {
                None => {
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = fold(*y, one(*x, 0.0));
                    }
                }
                Some(top) => {
                    for ((y, x), top) in y.iter_mut().zip(x).zip(top) {
                        *y = fold(*y, one(*x, *top));
                    }
                }
            },
            [axis, rest @ ..] => {
                let results = if axis.reduced { y.len() } else { y.len() / axis.size };
                for (i, x) in x.chunks_exact(axis.step).enumerate() {
                    let at = if axis.reduced { 0 } else { i * results };
                    let top = top.and_then(|top| top.get(at..at + results));
                    if let Some(y) = y.get_mut(at..at + results) {
                        Self::over(rest, x, y, (run, one, fold), top);
                    }
                }
            }
        }
    }

    /// The largest of each, into `y`. NaN, once there, stays.
    fn largest(&self, x: &[f32], y: &mut [f32]) {
        let larger = |max: f32, x: f32| if x > max || x.is_nan() { x } else { max };
        let run = |x: &[f32], _: f32| x.iter().copied().fold(f32::NEG_INFINITY, larger);
        y.fill(f32::NEG_INFINITY);
        Self::over(&self.axes, x, y, (&run, &|x, _| x, &larger), None);
    }

    /// The sums of `f(x)`, into `y`.
    fn sums(&self, x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
        y.fill(0.0);
        let run = |x: &[f32], _: f32| sums::sum(x, &f);
        Self::over(&self.axes, x, y, (&run, &|x, _| f(x), &|sum, x| sum + x), None);
    }
}

impl Run for Reduce {
    fn scratch(&self) -> usize {
        if self.reduction == Reduction::LogSumExp {
            let kept = self.axes.iter().filter(|axis| !axis.reduced);
            kept.map(|axis| axis.size).product()
        } else {
            0
        }
    }

    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32]) {
        let [x] = inputs else { return };
        match self.reduction {
            Reduction::Sum | Reduction::Mean | Reduction::LogSum => self.sums(x, output, |x| x),
            Reduction::L1 => self.sums(x, output, f32::abs),
            Reduction::L2 | Reduction::SumSquare => self.sums(x, output, |x| x * x),
            Reduction::Max => self.largest(x, output),
            Reduction::Min => {
                let smaller = |min: f32, x: f32| if x < min || x.is_nan() { x } else { min };
                let run = |x: &[f32], _: f32| x.iter().copied().fold(f32::INFINITY, smaller);
                output.fill(f32::INFINITY);
                Self::over(&self.axes, x, output, (&run, &|x, _| x, &smaller), None);
            }
            Reduction::Prod => {
                output.fill(1.0);
                let run = |x: &[f32], _: f32| x.iter().product();
                Self::over(
                    &self.axes,
                    x,
                    output,
                    (&run, &|x, _| x, &|product, x| product * x),
                    None,
                );
            }
            Reduction::LogSumExp => {
                self.largest(x, scratch);
                output.fill(0.0);
                // Where the largest is infinite or NaN, it is the result.
                let one = |x: f32, top: f32| if top.is_finite() { (x - top).exp() } else { 0.0 };
                let run = |x: &[f32], top: f32| sums::sum(x, |x| one(x, top));
                Self::over(&self.axes, x, output, (&run, &one, &|sum, x| sum + x), Some(scratch));
                for (y, top) in output.iter_mut().zip(scratch) {
                    *y = if top.is_finite() { y.ln() + *top } else { *top };
                }
            }
        }
        #[allow(clippy::cast_precision_loss)]
        let count = self.count as f32;
        for y in output {
            match self.reduction {
                Reduction::Mean => *y /= count,
                Reduction::L2 => *y = y.sqrt(),
                Reduction::LogSum => *y = y.ln(),
                _ => {}
            }
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
