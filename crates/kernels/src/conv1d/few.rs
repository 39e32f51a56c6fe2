//! Vectors along the output channels, for blocks of a few frames: no lane is spent on frames that nobody asked for.
//!
//! Each sum is made of the same products in the same order as in [`super::tiles`], so its bits are the same.

use super::tiles::{Call, Planes};
use crate::activation;
use crate::simd::{Simd, dispatch};

/// Frames that share one pass over the weights.
pub(super) const MOST: usize = 4;

/// Weights and more, with the outputs padded to whole vectors.
pub(super) struct Packed {
    pub weights: *const f32,
    pub mix_weights: *const f32,
    pub bias: *const f32,
    /// Null if there are none.
    pub slopes: *const f32,
}

dispatch! {
    /// `frames` of `call` may be any number here; its blocks and weights are not used, and there is one group.
    ///
    /// # Safety
    /// As [`super::tiles::run`]; `packed` holds what its names say for this call.
    pub(super) unsafe fn run = generic(call: &Call<'_>, packed: &Packed)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(call: &Call<'_>, packed: &Packed) {
    let mut t = 0;
    // SAFETY: passed on to the caller; all frames lie below `frames`.
    unsafe {
        while t + 4 <= call.frames {
            group::<S, 4>(call, packed, t);
            t += 4;
        }
        while t + 2 <= call.frames {
            group::<S, 2>(call, packed, t);
            t += 2;
        }
        while t < call.frames {
            group::<S, 1>(call, packed, t);
            t += 1;
        }
    }
}

/// Frame `t` of `count` planes from `plane` on; the other lanes are 0.
///
/// # Safety
/// As [`generic`].
#[inline(always)]
unsafe fn gather<S: Simd>(planes: Planes, plane: usize, count: usize, t: usize) -> S::V {
    let mut values = [0.0f32; crate::LANES];
    // SAFETY: `count` planes exist from `plane` on, each with frame `t`; a vector is at most as long as `values`.
    unsafe {
        for (lane, value) in values.iter_mut().take(count).enumerate() {
            *value = *planes.first.add((plane + lane) * planes.stride + t);
        }
        S::load(values.as_ptr())
    }
}

/// # Safety
/// As [`generic`]; frames `t .. t + F` exist.
#[inline(always)]
unsafe fn group<S: Simd, const F: usize>(call: &Call<'_>, packed: &Packed, t: usize) {
    let padded = call.outputs.next_multiple_of(S::LANES);
    let mut o = 0;
    // SAFETY: every offset below is one of a channel, tap or frame that the caller promises; packed rows are whole vectors.
    unsafe {
        while o < call.outputs {
            let count = (call.outputs - o).min(S::LANES);
            let mut sums = [S::load(packed.bias.add(o)); F];
            for addend in call.addends {
                for (f, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add(*sum, gather::<S>(*addend, o, count, t + f));
                }
            }
            let mut weight = packed.mix_weights.wrapping_add(o);
            for input in 0..call.mix_inputs {
                let (w, x) = (S::load(weight), call.mix.first.add(input * call.mix.stride + t));
                for (f, sum) in sums.iter_mut().enumerate() {
                    *sum = S::mul_add(w, S::splat(*x.add(f)), *sum);
                }
                weight = weight.wrapping_add(padded);
            }
            let mut weight = packed.weights.add(o);
            for start in call.starts {
                let mut x = call.x.first.add(start + t);
                for _ in 0..call.group_inputs {
                    let w = S::load(weight);
                    for (f, sum) in sums.iter_mut().enumerate() {
                        *sum = S::mul_add(w, S::splat(*x.add(f)), *sum);
                    }
                    weight = weight.wrapping_add(padded);
                    x = x.wrapping_add(call.x.stride);
                }
            }
            for (f, sum) in sums.into_iter().enumerate() {
                let mut value = sum;
                if !packed.slopes.is_null() {
                    value = S::select_less(value, S::splat(0.0), S::mul(value, S::load(packed.slopes.add(o))), value);
                }
                if let Some(function) = call.activation {
                    value = activation::vector::<S>(function, value);
                }
                let mut values = [0.0f32; crate::LANES];
                S::store(values.as_mut_ptr(), value);
                for (lane, value) in values.iter().take(count).enumerate() {
                    *call.y.add((o + lane) * call.y_stride + t + f) = *value;
                }
                if !call.total.is_null() {
                    for (lane, value) in values.iter().take(count).enumerate() {
                        *call.total.add((o + lane) * call.total_stride + t + f) += *value;
                    }
                }
            }
            o += S::LANES;
        }
    }
}
