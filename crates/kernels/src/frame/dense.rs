//! Matrix products: a dense layer, and products of two signals.

use super::Run;
use super::product::{self, Call, Panels, WIDEST, ramp};
use crate::{Isa, Weights};

#[derive(Debug)]
pub(super) struct Dense {
    rows: Vec<u32>,
    columns: Vec<u32>,
    outputs: usize,
    packed: Panels,
    /// Width of the panel with lanes of its own, which goes through the scratch; 0 if there is none.
    narrow: usize,
}

impl Dense {
    /// `weights: [outputs, inputs]`, `bias: [outputs]`; the sizes fit.
    pub fn new(
        (rows, inputs, outputs): (usize, usize, usize),
        weights: &[f32],
        bias: Option<&[f32]>,
        isa: Isa,
        precision: Weights,
    ) -> Self {
        let weight = |output: usize, column: usize| weights[output * inputs + column];
        let packed = Panels::new(isa, outputs, inputs, weight, bias, precision);
        let narrow = packed
            .panels
            .iter()
            .map(|panel| (panel.vectors * isa.lanes(), panel.outputs))
            .find(|(width, outputs)| width != outputs)
            .map_or(0, |(width, _)| width);
        Self {
            rows: ramp(rows, inputs),
            columns: ramp(inputs, 1),
            outputs,
            packed,
            narrow,
        }
    }
}

impl Run for Dense {
    fn scratch(&self) -> usize {
        self.rows.len() * self.narrow
    }

    fn run(&self, isa: Isa, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32]) {
        let [x] = inputs else { return };
        debug_assert!(
            x.len() == self.rows.len() * self.columns.len() && output.len() == self.rows.len() * self.outputs
        );
        for panel in &self.packed.panels {
            let width = panel.vectors * isa.lanes();
            let whole = panel.outputs == width;
            // SAFETY: the instruction set is available by construction. `x` is `[rows, inputs]`; the panel's weights are
            // `[inputs, width]` and its start values `[width]` as packed. A whole panel lies inside every row of the output
            // `[rows, outputs]`, any other goes to the scratch `[rows, width]`, which is `narrow` wide.
            unsafe {
                let (y, y_stride) = if whole {
                    (output.as_mut_ptr().add(panel.first), self.outputs)
                } else {
                    (scratch.as_mut_ptr(), width)
                };
                let (weights, half) = self.packed.weights(panel);
                let call = Call {
                    x: x.as_ptr(),
                    rows: &self.rows,
                    columns: &self.columns,
                    weights,
                    half,
                    weights_stride: width,
                    vectors: panel.vectors,
                    start: self.packed.start(panel),
                    y,
                    y_stride,
                };
                product::run(isa, &call);
            }
            if !whole {
                copy_columns(scratch, width, output, panel.first, self.outputs, panel.outputs);
            }
        }
    }
}

/// The first `columns` of each row of `from [rows, width]` to `to [rows, outputs]`, from column `first` on.
fn copy_columns(from: &[f32], width: usize, to: &mut [f32], first: usize, outputs: usize, columns: usize) {
    for (from, to) in from.chunks_exact(width).zip(to.chunks_exact_mut(outputs)) {
        if let (Some(from), Some(to)) = (from.get(..columns), to.get_mut(first..first + columns)) {
            to.copy_from_slice(from);
        }
    }
}

#[derive(Debug)]
pub(super) struct MatMul {
    /// Which matrices, per result.
    pub batch: Vec<(usize, usize)>,
    pub m: usize,
    pub k: usize,
    pub n: usize,
    /// Elements of a vector.
    pub lanes: usize,
    /// Where the rows of a matrix of `a` begin, and its columns from there.
    pub rows: Vec<u32>,
    pub columns: Vec<u32>,
}

impl Run for MatMul {
    fn scratch(&self) -> usize {
        if self.n.is_multiple_of(self.lanes) {
            0
        } else {
            (self.k + self.m) * self.lanes
        }
    }

    fn run(&self, isa: Isa, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32]) {
        let [a, b] = inputs else { return };
        let Self { m, k, n, lanes, .. } = *self;
        for (y, (at_a, at_b)) in output.chunks_exact_mut(m * n).zip(&self.batch) {
            let (Some(a), Some(b)) = (
                a.get(at_a * m * k..(at_a + 1) * m * k),
                b.get(at_b * k * n..(at_b + 1) * k * n),
            ) else {
                return;
            };
            let call = |weights, weights_stride, vectors, y, y_stride| Call {
                x: a.as_ptr(),
                rows: &self.rows,
                columns: &self.columns,
                weights,
                half: false,
                weights_stride,
                vectors,
                start: std::ptr::null(),
                y,
                y_stride,
            };
            let mut first = 0;
            while first + lanes <= n {
                let vectors = ((n - first) / lanes).min(WIDEST);
                // SAFETY: the instruction set is available by construction; `a` is `[m, k]`; the panel's vectors lie inside
                // every row of `b [k, n]` and of `y [m, n]`.
                unsafe {
                    let (b, y) = (b.as_ptr().add(first), y.as_mut_ptr().add(first));
                    product::run(isa, &call(b, n, vectors, y, n));
                }
                first += vectors * lanes;
            }
            if first < n {
                // The last columns by themselves, filled up with zeros.
                let Some((columns, sums)) = scratch.split_at_mut_checked(k * lanes) else {
                    return;
                };
                columns.fill(0.0);
                for (to, from) in columns.chunks_exact_mut(lanes).zip(b.chunks_exact(n)) {
                    for (to, from) in to.iter_mut().zip(from.iter().skip(first)) {
                        *to = *from;
                    }
                }
                // SAFETY: as above; the columns are `[k, lanes]`, the sums `[m, lanes]`.
                unsafe {
                    product::run(isa, &call(columns.as_ptr(), lanes, 1, sums.as_mut_ptr(), lanes));
                }
                copy_columns(sums, lanes, y, first, n, n - first);
            }
        }
    }
}
