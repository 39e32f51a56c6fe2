//! The inner loop of matrix products: vectors along the outputs, weights read once and in order.
//!
//! `y[r, o] = start[o] + Σ_c weights[c, o] · x[rows[r] + columns[c]]`. The columns are taken in chunks whose weights fit the
//! nearest cache, so that many rows use them before they are left; a chunk is summed by itself and then added to `y`. Where a
//! panel is narrow, its columns go round-robin into several sums, so that additions do not wait for one another. Thus the
//! order of a sum depends on the panel's width alone, not on the number of rows.

use crate::half::{self, Weights};
use crate::simd::{Simd, dispatch};
use crate::{Aligned, Isa};

/// Columns of a chunk: with the widest panel 24 KiB of weights.
const CHUNK: usize = 96;

/// Vectors of the widest panel.
pub(super) const WIDEST: usize = 4;

/// One panel of outputs, as pointers: all sizes were checked by the caller.
pub(super) struct Call<'a> {
    pub x: *const f32,
    /// Where each row begins in `x`.
    pub rows: &'a [u32],
    /// Where each column lies, from there.
    pub columns: &'a [u32],
    /// Numbers of 32 bits, or of 16 if `half`.
    pub weights: *const f32,
    pub half: bool,
    /// Numbers from column to column.
    pub weights_stride: usize,
    /// Width of the panel, 1 ..= [`WIDEST`].
    pub vectors: usize,
    /// `[width]`; null for zeros.
    pub start: *const f32,
    pub y: *mut f32,
    /// Floats from row to row.
    pub y_stride: usize,
}

dispatch! {
    /// # Safety
    /// `isa` is available; all that `call` points to is as long as its sizes and lists say; `y` overlaps nothing else.
    pub(super) unsafe fn run = panel(call: &Call<'_>)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn panel<S: Simd>(call: &Call<'_>) {
    // SAFETY: passed on to the caller.
    unsafe {
        match (call.vectors, call.half) {
            (1, false) => chunks::<S, 1, 4, false>(call),
            (2, false) => chunks::<S, 2, 2, false>(call),
            (3, false) => chunks::<S, 3, 1, false>(call),
            (_, false) => chunks::<S, 4, 1, false>(call),
            (1, true) => chunks::<S, 1, 4, true>(call),
            (2, true) => chunks::<S, 2, 2, true>(call),
            (3, true) => chunks::<S, 3, 1, true>(call),
            (_, true) => chunks::<S, 4, 1, true>(call),
        }
    }
}

/// # Safety
/// As [`panel`]; the panel has `N` vectors.
#[inline(always)]
unsafe fn chunks<S: Simd, const N: usize, const K: usize, const HALF: bool>(call: &Call<'_>) {
    let mut from = 0;
    loop {
        let to = call.columns.len().min(from + CHUNK);
        let mut row = 0;
        macro_rules! tile {
            ($rows:literal) => {{
                // SAFETY: passed on to the caller; the rows and columns exist.
                unsafe { tile::<S, N, K, $rows, HALF>(call, row, from, to) };
                row += $rows;
            }};
        }
        if S::ROWS >= 6 {
            while row + 6 <= call.rows.len() {
                tile!(6);
            }
        }
        if S::ROWS >= 3 {
            while row + 3 <= call.rows.len() {
                tile!(3);
            }
            if row + 2 <= call.rows.len() {
                tile!(2);
            }
        }
        while row < call.rows.len() {
            tile!(1);
        }
        from = to;
        if from >= call.columns.len() {
            break;
        }
    }
}

/// Rows `row .. row + R`, columns `from .. to`, in `K` sums each.
///
/// # Safety
/// As [`chunks`]; the rows and columns exist.
#[inline(always)]
// Several arrays run side by side.
#[allow(clippy::needless_range_loop)]
unsafe fn tile<S: Simd, const N: usize, const K: usize, const R: usize, const HALF: bool>(
    call: &Call<'_>,
    row: usize,
    from: usize,
    to: usize,
) {
    // SAFETY: every offset is one of a row, column or panel that the caller promises.
    unsafe {
        let mut x = [call.x; R];
        for (r, x) in x.iter_mut().enumerate() {
            *x = x.add(*call.rows.get_unchecked(row + r) as usize);
        }
        let mut sums = [[[S::splat(0.0); N]; R]; K];
        // Of 16-bit numbers twice as many stand in a float's place.
        let stride = if HALF {
            call.weights_stride / 2
        } else {
            call.weights_stride
        };
        let mut weights = call.weights.add(from * stride);
        let mut column = from;
        while column + K <= to {
            for (k, sums) in sums.iter_mut().enumerate() {
                step::<S, N, R, HALF>(sums, &x, *call.columns.get_unchecked(column + k) as usize, weights);
                weights = weights.wrapping_add(stride);
            }
            column += K;
        }
        // The rest of the columns: fewer than K.
        for (k, sums) in sums.iter_mut().enumerate() {
            if column + k < to {
                step::<S, N, R, HALF>(sums, &x, *call.columns.get_unchecked(column + k) as usize, weights);
                weights = weights.wrapping_add(stride);
            }
        }
        for r in 0..R {
            let y = call.y.add((row + r) * call.y_stride);
            for n in 0..N {
                let mut sum = sums[0][r][n];
                if K == 2 {
                    sum = S::add(sum, sums[1 % K][r][n]);
                }
                if K == 4 {
                    sum = S::add(
                        S::add(sum, sums[1 % K][r][n]),
                        S::add(sums[2 % K][r][n], sums[3 % K][r][n]),
                    );
                }
                let start = if from > 0 {
                    S::load(y.add(n * S::LANES))
                } else if call.start.is_null() {
                    S::splat(0.0)
                } else {
                    S::load(call.start.add(n * S::LANES))
                };
                S::store(y.add(n * S::LANES), S::add(start, sum));
            }
        }
    }
}

/// One column.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn step<S: Simd, const N: usize, const R: usize, const HALF: bool>(
    sums: &mut [[S::V; N]; R],
    x: &[*const f32; R],
    offset: usize,
    weights: *const f32,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut values = [S::splat(0.0); N];
        for (n, value) in values.iter_mut().enumerate() {
            *value = if HALF {
                S::load_half(weights.cast::<u16>().add(n * S::LANES))
            } else {
                S::load(weights.add(n * S::LANES))
            };
        }
        for (sums, x) in sums.iter_mut().zip(x) {
            let factor = S::splat(*x.add(offset));
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = S::mul_add(value, factor, *sum);
            }
        }
    }
}

/// `0, step, 2 · step, …`: rows and columns at even distances, in a signal that is short enough for 32 bits.
pub(super) fn ramp(len: usize, step: usize) -> Vec<u32> {
    (0..len).map(|i| u32::try_from(i * step).unwrap_or(0)).collect()
}

/// A run of outputs whose weights stand together: `[columns, vectors]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub first: usize,
    /// Outputs; the panel's other lanes are 0.
    pub outputs: usize,
    pub vectors: usize,
    /// Where its weights begin.
    pub weights: usize,
    /// Where its start values begin.
    pub start: usize,
}

/// Weights and start values, in panels.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub weights: Vec<f32>,
    pub start: Vec<f32>,
}

impl Packed {
    /// Adds panels for outputs `first .. first + outputs`.
    pub fn add(
        &mut self,
        isa: Isa,
        first: usize,
        outputs: usize,
        columns: usize,
        weight: impl Fn(usize, usize) -> f32,
        bias: Option<&[f32]>,
    ) -> Vec<Panel> {
        let mut panels = Vec::new();
        let mut done = 0;
        while done < outputs {
            let left = outputs - done;
            let vectors = left.div_ceil(isa.lanes()).min(WIDEST);
            let width = vectors * isa.lanes();
            let panel = Panel {
                first: first + done,
                outputs: left.min(width),
                vectors,
                weights: self.weights.len(),
                start: self.start.len(),
            };
            let real = panel.first..panel.first + panel.outputs;
            let empty = width - panel.outputs;
            for column in 0..columns {
                self.weights.extend(real.clone().map(|output| weight(output, column)));
                self.weights.extend(std::iter::repeat_n(0.0, empty));
            }
            let bias = |output: usize| bias.and_then(|bias| bias.get(output)).copied().unwrap_or(0.0);
            self.start.extend(real.map(bias));
            self.start.extend(std::iter::repeat_n(0.0, empty));
            panels.push(panel);
            done += panel.outputs;
        }
        panels
    }
}

/// All panels of a layer, at cache lines, and with weights of 16 bits if asked for.
#[derive(Debug)]
pub(super) struct Panels {
    /// `[columns, width]` of each panel; two to a float if `half`.
    weights: Aligned,
    half: bool,
    start: Aligned,
    pub panels: Vec<Panel>,
}

impl Panels {
    /// `weight(output, column)`, `bias: [outputs]`.
    pub fn new(
        isa: Isa,
        outputs: usize,
        columns: usize,
        weight: impl Fn(usize, usize) -> f32,
        bias: Option<&[f32]>,
        precision: Weights,
    ) -> Self {
        let mut packed = Packed::default();
        let panels = packed.add(isa, 0, outputs, columns, weight, bias);
        let half = precision.for_layer(&packed.weights) == Weights::F16;
        Self {
            weights: if half {
                half::pack(&packed.weights)
            } else {
                packed.weights
            }
            .into(),
            half,
            start: packed.start.into(),
            panels,
        }
    }

    /// Where the weights of a panel begin, and whether they have 16 bits.
    pub fn weights(&self, panel: &Panel) -> (*const f32, bool) {
        let at = if self.half { panel.weights / 2 } else { panel.weights };
        (self.weights.as_ptr().wrapping_add(at), self.half)
    }

    /// Where the start values of a panel begin.
    pub fn start(&self, panel: &Panel) -> *const f32 {
        self.start.as_ptr().wrapping_add(panel.start)
    }

    /// Outputs, filled up to whole vectors of every panel.
    pub fn width(&self, isa: Isa) -> usize {
        self.panels.iter().map(|panel| panel.vectors * isa.lanes()).sum()
    }
}
