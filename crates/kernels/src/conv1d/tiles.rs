//! Vectors along time: the sums of a block of output channels, for some vectors of frames, stay in registers while all taps and
//! inputs pass.

use super::ahead::Ahead;
use super::pack::Block;
use crate::activation;
use crate::simd::{Simd, dispatch};

/// Planes, as pointers: the first, and the distance to the next.
#[derive(Clone, Copy)]
pub(crate) struct Planes {
    pub first: *const f32,
    pub stride: usize,
}

impl Planes {
    /// None.
    pub const NONE: Self = Self {
        first: std::ptr::null(),
        stride: 0,
    };
}

/// One call, as pointers: all sizes were checked by the caller.
pub(crate) struct Call<'a> {
    pub x: Planes,
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
    pub group_inputs: usize,
    pub mix: Planes,
    pub mix_inputs: usize,
    pub mix_weights: *const f32,
    pub addends: &'a [Planes],
    pub outputs: usize,
    pub activation: Option<activation::Function>,
    /// Null if there is none.
    pub total: *mut f32,
    pub total_stride: usize,
}

dispatch! {
    /// # Safety
    /// `isa` is available; all that `call` points to is as long as its sizes say; `y` and `total` overlap nothing else.
    pub(crate) unsafe fn run = generic(call: &Call<'_>, ahead: &mut Ahead<'_>)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(call: &Call<'_>, ahead: &mut Ahead<'_>) {
    for (index, block) in call.blocks.iter().enumerate() {
        let left = call.blocks.len() - index;
        // Twelve sums hide the latency of a multiply-add on two units; more than the registers hold would be spilled.
        // SAFETY: passed on to the caller.
        unsafe {
            if S::WIDE {
                match block.outputs {
                    1 => tiles::<S, 1, 4>(call, block, ahead, left),
                    2 => tiles::<S, 2, 4>(call, block, ahead, left),
                    3 => tiles::<S, 3, 4>(call, block, ahead, left),
                    4 => tiles::<S, 4, 4>(call, block, ahead, left),
                    5 => tiles::<S, 5, 4>(call, block, ahead, left),
                    6 => tiles::<S, 6, 4>(call, block, ahead, left),
                    7 => tiles::<S, 7, 2>(call, block, ahead, left),
                    _ => tiles::<S, 8, 2>(call, block, ahead, left),
                }
            } else if S::PORTABLE {
                match block.outputs {
                    1 => tiles::<S, 1, 2>(call, block, ahead, left),
                    2 => tiles::<S, 2, 2>(call, block, ahead, left),
                    3 => tiles::<S, 3, 2>(call, block, ahead, left),
                    _ => tiles::<S, 4, 2>(call, block, ahead, left),
                }
            } else {
                match block.outputs {
                    1 => tiles::<S, 1, 2>(call, block, ahead, left),
                    2 => tiles::<S, 2, 2>(call, block, ahead, left),
                    3 => tiles::<S, 3, 2>(call, block, ahead, left),
                    4 => tiles::<S, 4, 2>(call, block, ahead, left),
                    5 => tiles::<S, 5, 2>(call, block, ahead, left),
                    _ => tiles::<S, 6, 2>(call, block, ahead, left),
                }
            }
        }
    }
    if let Some(function) = call.activation {
        // In a pass of its own: beside the sums there are no registers for it.
        // SAFETY: `y`, and `total` if it is not null, have `outputs` planes of `frames`.
        unsafe {
            activation::finish::<S>(
                function,
                (call.y, call.y_stride),
                (call.total, call.total_stride),
                call.outputs,
                call.frames,
            );
        }
    }
}

/// # Safety
/// As [`generic`].
#[inline(always)]
unsafe fn tiles<S: Simd, const M: usize, const T: usize>(
    call: &Call<'_>,
    block: &Block,
    ahead: &mut Ahead<'_>,
    left: usize,
) {
    let mut t = 0;
    // What is to be asked for is spread over all blocks that are left.
    let share = ahead.share(left * call.frames.div_ceil(T * S::LANES));
    // SAFETY: passed on to the caller; t stays below `frames`, a multiple of the vector.
    unsafe {
        while t + T * S::LANES <= call.frames {
            ahead.ask::<S>(share);
            tile::<S, M, T>(call, block, t);
            t += T * S::LANES;
        }
        while T > 2 && t + 2 * S::LANES <= call.frames {
            ahead.ask::<S>(share);
            tile::<S, M, 2>(call, block, t);
            t += 2 * S::LANES;
        }
        while t < call.frames {
            ahead.ask::<S>(share);
            tile::<S, M, 1>(call, block, t);
            t += S::LANES;
        }
    }
}

/// `sums[m] += weight[m] · x` for one plane.
///
/// # Safety
/// As [`generic`]: `T` vectors at `x`, `M` weights.
#[inline(always)]
pub(super) unsafe fn accumulate<S: Simd, const M: usize, const T: usize>(
    sums: &mut [[S::V; T]; M],
    weight: *const f32,
    x: *const f32,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let values: [S::V; T] = std::array::from_fn(|v| S::load(x.add(v * S::LANES)));
        for (m, sums) in sums.iter_mut().enumerate() {
            let w = S::splat(*weight.add(m));
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = S::mul_add(w, value, *sum);
            }
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
        for addend in call.addends {
            for (m, sums) in sums.iter_mut().enumerate() {
                let from = addend.first.add((block.first_output + m) * addend.stride + t);
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add(*sum, S::load(from.add(v * S::LANES)));
                }
            }
        }
        let mut weight = call.mix_weights.wrapping_add(block.mix);
        for input in 0..call.mix_inputs {
            accumulate::<S, M, T>(&mut sums, weight, call.mix.first.add(input * call.mix.stride + t));
            weight = weight.add(M);
        }
        let mut weight = call.weights.add(block.weights);
        let first = call.x.first.add(block.first_input * call.x.stride + t);
        for start in call.starts {
            let mut x = first.add(*start);
            for _ in 0..call.group_inputs {
                accumulate::<S, M, T>(&mut sums, weight, x);
                weight = weight.add(M);
                x = x.wrapping_add(call.x.stride);
            }
        }
        if !call.slopes.is_null() {
            for (m, sums) in sums.iter_mut().enumerate() {
                let slope = S::splat(*call.slopes.add(block.first_output + m));
                for sum in sums {
                    *sum = S::select_less(*sum, S::splat(0.0), S::mul(*sum, slope), *sum);
                }
            }
        }
        let mut y = call.y.add(block.first_output * call.y_stride + t);
        for sums in sums {
            for (v, sum) in sums.into_iter().enumerate() {
                S::store(y.add(v * S::LANES), sum);
            }
            y = y.wrapping_add(call.y_stride);
        }
        if call.activation.is_none() && !call.total.is_null() {
            let mut total = call.total.add(block.first_output * call.total_stride + t);
            for sums in sums {
                for (v, sum) in sums.into_iter().enumerate() {
                    let total = total.add(v * S::LANES);
                    S::store(total, S::add(S::load(total), sum));
                }
                total = total.wrapping_add(call.total_stride);
            }
        }
    }
}
