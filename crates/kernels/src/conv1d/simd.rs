//! Vector version: a block of output channels times two vectors of frames stays in registers while all inputs and taps pass.

use super::Shape;
use crate::Isa;
use crate::simd::{Simd, dispatch};

/// Output channels computed together; their weights stand together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    first_output: usize,
    outputs: usize,
    first_input: usize,
    weights: usize,
}

/// Sorts the weights `[outputs, inputs / groups, taps]` into blocks of `[inputs / groups, taps, outputs of the block]`.
pub(super) fn pack(shape: Shape, weights: &[f32], isa: Isa) -> (Vec<Block>, Vec<f32>) {
    let widest = if isa == Isa::Avx512 { 8 } else { 4 };
    let (group_inputs, group_outputs) = (shape.inputs / shape.groups, shape.outputs / shape.groups);
    let per_output = group_inputs * shape.taps;
    let (mut blocks, mut packed) = (Vec::new(), Vec::with_capacity(weights.len()));
    for group in 0..shape.groups {
        let mut done = 0;
        while done < group_outputs {
            let left = group_outputs - done;
            let outputs = [8, 4, 2, 1]
                .into_iter()
                .find(|n| *n <= left && *n <= widest)
                .unwrap_or(1);
            let first_output = group * group_outputs + done;
            blocks.push(Block {
                first_output,
                outputs,
                first_input: group * group_inputs,
                weights: packed.len(),
            });
            for at in 0..per_output {
                packed.extend((0..outputs).map(|o| weights[(first_output + o) * per_output + at]));
            }
            done += outputs;
        }
    }
    (blocks, packed)
}

/// One call, as pointers: all sizes were checked by the caller.
pub(super) struct Call<'a> {
    pub x: *const f32,
    pub x_stride: usize,
    pub starts: &'a [usize],
    pub y: *mut f32,
    pub y_stride: usize,
    /// A multiple of [`crate::LANES`].
    pub frames: usize,
    pub blocks: &'a [Block],
    pub weights: *const f32,
    pub bias: *const f32,
    /// Null if there are none.
    pub slopes: *const f32,
    pub taps: usize,
    pub group_inputs: usize,
}

dispatch! {
    /// # Safety
    /// `isa` is available; all that `call` points to is as long as its sizes say; `y` overlaps nothing else.
    pub(super) unsafe fn run = generic(call: &Call<'_>)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(call: &Call<'_>) {
    for block in call.blocks {
        // SAFETY: passed on to the caller; the frames are a multiple of both tiles' widths, or the narrow one finishes.
        unsafe {
            match block.outputs {
                8 => tiles::<S, 8>(call, block),
                4 => tiles::<S, 4>(call, block),
                2 => tiles::<S, 2>(call, block),
                _ => tiles::<S, 1>(call, block),
            }
        }
    }
}

/// # Safety
/// As [`generic`].
#[inline(always)]
unsafe fn tiles<S: Simd, const M: usize>(call: &Call<'_>, block: &Block) {
    let mut t = 0;
    // SAFETY: passed on to the caller; t stays below `frames`, a multiple of the vector.
    unsafe {
        while t + 2 * S::LANES <= call.frames {
            tile::<S, M, 2>(call, block, t);
            t += 2 * S::LANES;
        }
        while t < call.frames {
            tile::<S, M, 1>(call, block, t);
            t += S::LANES;
        }
    }
}

/// # Safety
/// As [`generic`]; frames `t .. t + T · LANES` exist.
#[inline(always)]
unsafe fn tile<S: Simd, const M: usize, const T: usize>(call: &Call<'_>, block: &Block, t: usize) {
    // SAFETY: every offset below is one of a channel, tap or frame that the caller promises.
    unsafe {
        let mut sums: [[S::V; T]; M] = std::array::from_fn(|m| [S::splat(*call.bias.add(block.first_output + m)); T]);
        let mut weight = call.weights.add(block.weights);
        let mut plane = call.x.add(block.first_input * call.x_stride + t);
        for _ in 0..call.group_inputs {
            for tap in 0..call.taps {
                let x = plane.add(*call.starts.get_unchecked(tap));
                let values: [S::V; T] = std::array::from_fn(|v| S::load(x.add(v * S::LANES)));
                for (m, sums) in sums.iter_mut().enumerate() {
                    let w = S::splat(*weight.add(m));
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum = S::mul_add(w, value, *sum);
                    }
                }
                weight = weight.add(M);
            }
            plane = plane.wrapping_add(call.x_stride);
        }
        for (m, sums) in sums.into_iter().enumerate() {
            let output = block.first_output + m;
            let y = call.y.add(output * call.y_stride + t);
            for (v, sum) in sums.into_iter().enumerate() {
                let value = if call.slopes.is_null() {
                    sum
                } else {
                    S::select_less(sum, S::splat(0.0), S::mul(sum, S::splat(*call.slopes.add(output))), sum)
                };
                S::store(y.add(v * S::LANES), value);
            }
        }
    }
}
