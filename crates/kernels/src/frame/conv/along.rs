//! Vectors along the positions of a line; a few outputs at a time share what they read.

use super::lower::Geometry;
use crate::frame::product::Packed;
use crate::simd::{Simd, dispatch};

/// Outputs of one group that are computed together; their weights stand together, `[columns, outputs]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    first: usize,
    outputs: usize,
    group: usize,
    weights: usize,
    start: usize,
}

/// Adds all outputs' weights and start values.
pub(super) fn pack(
    packed: &mut Packed,
    geometry: &Geometry,
    columns: usize,
    weight: impl Fn(usize, usize) -> f32,
    bias: Option<&[f32]>,
) -> Vec<Block> {
    let mut blocks = Vec::new();
    for group in 0..geometry.groups {
        let mut done = 0;
        while done < geometry.group_outputs {
            let left = geometry.group_outputs - done;
            let outputs = [4, 2].into_iter().find(|count| *count <= left).unwrap_or(1);
            let first = group * geometry.group_outputs + done;
            blocks.push(Block {
                first,
                outputs,
                group,
                weights: packed.weights.len(),
                start: packed.start.len(),
            });
            for column in 0..columns {
                packed
                    .weights
                    .extend((first..first + outputs).map(|output| weight(output, column)));
            }
            let bias = |output: usize| bias.and_then(|bias| bias.get(output)).copied().unwrap_or(0.0);
            packed.start.extend((first..first + outputs).map(bias));
            done += outputs;
        }
    }
    blocks
}

/// One part, as pointers: all sizes were checked by the caller.
pub(super) struct Call<'a> {
    pub x: *const f32,
    /// Floats from one group's inputs to the next's.
    pub group_stride: usize,
    pub columns: &'a [u32],
    pub weights: *const f32,
    pub start: *const f32,
    pub y: *mut f32,
    /// Floats of an output plane.
    pub y_plane: usize,
    /// Per position; whole lines.
    pub from: &'a [u32],
    pub to: &'a [u32],
    /// Positions of a line.
    pub line: usize,
    pub to_step: usize,
    pub blocks: &'a [Block],
}

dispatch! {
    /// # Safety
    /// `isa` is available; all that `call` points to is as long as its sizes say, and `x` a vector longer than the last
    /// position of a line reads; `y` overlaps nothing else.
    pub(super) unsafe fn run = generic(call: &Call<'_>)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(call: &Call<'_>) {
    for block in call.blocks {
        for (from, to) in call.from.chunks_exact(call.line).zip(call.to.chunks_exact(call.line)) {
            // SAFETY: passed on to the caller; a line has at least one position.
            unsafe {
                let from = call
                    .x
                    .add(block.group * call.group_stride + *from.get_unchecked(0) as usize);
                let to = call.y.add(block.first * call.y_plane + *to.get_unchecked(0) as usize);
                match block.outputs {
                    4 => line::<S, 4>(call, block, from, to),
                    2 => line::<S, 2>(call, block, from, to),
                    _ => line::<S, 1>(call, block, from, to),
                }
            }
        }
    }
}

/// # Safety
/// As [`generic`]; `from` and `to` are where a line begins.
#[inline(always)]
unsafe fn line<S: Simd, const M: usize>(call: &Call<'_>, block: &Block, from: *const f32, to: *mut f32) {
    let mut t = 0;
    // SAFETY: passed on to the caller; t is a position of the line.
    unsafe {
        while t + S::LANES < call.line {
            tile::<S, M, 2>(call, block, from.add(t), to, t);
            t += 2 * S::LANES;
        }
        if t < call.line {
            tile::<S, M, 1>(call, block, from.add(t), to, t);
        }
    }
}

/// # Safety
/// As [`line`]; positions `t ..` of it, of which at least one more than `(T − 1) · LANES` exist.
#[inline(always)]
unsafe fn tile<S: Simd, const M: usize, const T: usize>(
    call: &Call<'_>,
    block: &Block,
    x: *const f32,
    to: *mut f32,
    t: usize,
) {
    // SAFETY: every offset is one of a column or position that the caller promises, or in the vector behind.
    unsafe {
        let mut sums = [[S::splat(0.0); T]; M];
        for (m, sums) in sums.iter_mut().enumerate() {
            *sums = [S::splat(*call.start.add(block.start + m)); T];
        }
        let mut weights = call.weights.add(block.weights);
        for column in call.columns {
            let x = x.add(*column as usize);
            let mut values = [S::splat(0.0); T];
            for (v, value) in values.iter_mut().enumerate() {
                *value = S::load(x.add(v * S::LANES));
            }
            for (m, sums) in sums.iter_mut().enumerate() {
                let weight = S::splat(*weights.add(m));
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = S::mul_add(weight, value, *sum);
                }
            }
            weights = weights.add(M);
        }
        for (m, sums) in sums.into_iter().enumerate() {
            let y = to.add(m * call.y_plane);
            for (v, sum) in sums.into_iter().enumerate() {
                let t = t + v * S::LANES;
                let left = call.line - t;
                if call.to_step == 1 && left >= S::LANES {
                    S::store(y.add(t), sum);
                } else {
                    let mut values = [0.0; crate::LANES];
                    S::store(values.as_mut_ptr(), sum);
                    for (i, value) in values.iter().take(left.min(S::LANES)).enumerate() {
                        *y.add((t + i) * call.to_step) = *value;
                    }
                }
            }
        }
    }
}
