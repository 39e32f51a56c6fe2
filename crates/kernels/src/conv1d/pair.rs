//! A layer of a WaveNet of few channels in one pass: a convolution with its function, and the layer of one tap behind it whose
//! addend is the convolution's own input.
//!
//! All values of some vectors of frames stay in registers from the taps to the residual path. Each sum is made of the same products
//! in the same order as in [`super::tiles`], so its bits are the same.

use super::ahead::Ahead;
use super::tiles::{Planes, accumulate};
use super::{Conv1d, Shape};
use crate::activation::Function;
use crate::math;
use crate::simd::{Simd, dispatch};

/// One call, as pointers: all sizes were checked by the caller. Both layers have `channels` inputs and outputs.
pub(crate) struct Call<'a> {
    pub channels: usize,
    /// A multiple of [`crate::LANES`].
    pub frames: usize,
    pub x: Planes,
    pub starts: &'a [usize],
    /// `[taps, inputs, outputs]`.
    pub weights: *const f32,
    pub bias: *const f32,
    /// Null if there are none; then there is no tanh.
    pub slopes: *const f32,
    pub tanh: bool,
    pub mix: Planes,
    pub mix_inputs: usize,
    /// `[inputs, outputs]`.
    pub mix_weights: *const f32,
    /// Where the convolution's result is kept; null if nobody else reads it.
    pub z: (*mut f32, usize),
    /// Null if there is none.
    pub total: (*mut f32, usize),
    /// `[inputs, outputs]`.
    pub next_weights: *const f32,
    pub next_bias: *const f32,
    pub residual: Planes,
    pub y: (*mut f32, usize),
}

/// Where a pair reads and writes.
pub(crate) struct Places<'a> {
    pub x: Planes,
    pub starts: &'a [usize],
    pub mix: Planes,
    pub z: (*mut f32, usize),
    pub total: (*mut f32, usize),
    pub residual: Planes,
    pub y: (*mut f32, usize),
}

/// Vectors of frames that are computed together for that many channels; 0 for those that do not fit the registers.
const fn vectors(wide: bool, channels: usize) -> usize {
    match (wide, channels) {
        (true, 2..=4) => 4,
        (true, 8) | (false, 2..=4) => 2,
        _ => 0,
    }
}

impl Conv1d {
    /// True if `self`, of several taps, and `next` are computed as a pair.
    pub(crate) fn pairs_with(&self, next: &Self) -> bool {
        let Shape {
            inputs, outputs, taps, ..
        } = self.shape;
        let one_block = self.blocks.len() == 1 && next.blocks.len() == 1;
        let plain = next.slopes.is_none() && next.activation.is_none() && next.mix_inputs == 0;
        let function = match self.activation {
            None => true,
            Some(Function::Tanh) => self.slopes.is_none(),
            Some(_) => false,
        };
        inputs == outputs
            && taps > 1
            && next.shape == (Shape { taps: 1, ..self.shape })
            && one_block
            && plain
            && function
            && self.isa == next.isa
            && vectors(self.isa.lanes() == 16, inputs) > 0
    }

    /// Both as one call on whole vectors of frames.
    #[inline(always)]
    pub(crate) fn pair_call<'a>(&'a self, next: &'a Self, places: &Places<'a>, frames: usize) -> Call<'a> {
        Call {
            channels: self.shape.inputs,
            frames,
            x: places.x,
            starts: places.starts,
            weights: self.weights.as_ptr(),
            bias: self.bias.as_ptr(),
            slopes: self.slopes.as_ref().map_or(std::ptr::null(), |slopes| slopes.as_ptr()),
            tanh: self.activation.is_some(),
            mix: places.mix,
            mix_inputs: self.mix_inputs,
            mix_weights: self.mix.as_ptr(),
            z: places.z,
            total: places.total,
            next_weights: next.weights.as_ptr(),
            next_bias: next.bias.as_ptr(),
            residual: places.residual,
            y: places.y,
        }
    }
}

dispatch! {
    /// # Safety
    /// `isa` is available and the layers [pair](Conv1d::pairs_with); all that `call` points to is as long as its sizes say; what is
    /// written overlaps nothing else.
    pub(crate) unsafe fn run = generic(call: &Call<'_>, ahead: &mut Ahead<'_>)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(call: &Call<'_>, ahead: &mut Ahead<'_>) {
    // SAFETY: passed on to the caller.
    unsafe {
        match (S::WIDE, call.channels) {
            (true, 2) => tiles::<S, 2, 4>(call, ahead),
            (true, 3) => tiles::<S, 3, 4>(call, ahead),
            (true, 4) => tiles::<S, 4, 4>(call, ahead),
            (true, 8) => tiles::<S, 8, 2>(call, ahead),
            (false, 2) => tiles::<S, 2, 2>(call, ahead),
            (false, 3) => tiles::<S, 3, 2>(call, ahead),
            (false, 4) => tiles::<S, 4, 2>(call, ahead),
            _ => {}
        }
    }
}

/// # Safety
/// As [`generic`]; there are `C` channels.
#[inline(always)]
unsafe fn tiles<S: Simd, const C: usize, const T: usize>(call: &Call<'_>, ahead: &mut Ahead<'_>) {
    let mut t = 0;
    let share = ahead.share(call.frames.div_ceil(T * S::LANES) * call.starts.len());
    // SAFETY: passed on to the caller; t stays below `frames`, a multiple of the vector.
    unsafe {
        while t + T * S::LANES <= call.frames {
            tile::<S, C, T>(call, t, ahead, share);
            t += T * S::LANES;
        }
        // Whole vectors of the widest set are what there is.
        while T * S::LANES > crate::LANES && t < call.frames {
            tile::<S, C, 1>(call, t, ahead, share);
            t += S::LANES;
        }
    }
}

/// # Safety
/// As [`tiles`]; frames `t .. t + T · LANES` exist.
#[inline(always)]
unsafe fn tile<S: Simd, const C: usize, const T: usize>(
    call: &Call<'_>,
    t: usize,
    ahead: &mut Ahead<'_>,
    share: usize,
) {
    // SAFETY: every offset below is one of a channel, tap or frame that the caller promises.
    unsafe {
        let mut z: [[S::V; T]; C] = std::array::from_fn(|c| [S::splat(*call.bias.add(c)); T]);
        let mut weight = call.mix_weights;
        for input in 0..call.mix_inputs {
            accumulate::<S, C, T>(&mut z, weight, call.mix.first.add(input * call.mix.stride + t));
            weight = weight.add(C);
        }
        let mut weight = call.weights;
        for start in call.starts {
            ahead.ask::<S>(share);
            let mut x = call.x.first.add(start + t);
            for _ in 0..C {
                accumulate::<S, C, T>(&mut z, weight, x);
                weight = weight.add(C);
                x = x.wrapping_add(call.x.stride);
            }
        }
        if call.tanh {
            for sums in &mut z {
                for sum in sums {
                    *sum = math::tanh::<S>(*sum);
                }
            }
        } else if !call.slopes.is_null() {
            for (c, sums) in z.iter_mut().enumerate() {
                let slope = S::splat(*call.slopes.add(c));
                for sum in sums {
                    *sum = S::select_less(*sum, S::splat(0.0), S::mul(*sum, slope), *sum);
                }
            }
        }
        if !call.z.0.is_null() {
            for (c, values) in z.iter().enumerate() {
                for (v, value) in values.iter().enumerate() {
                    S::store(call.z.0.add(c * call.z.1 + t + v * S::LANES), *value);
                }
            }
        }
        if !call.total.0.is_null() {
            for (c, values) in z.iter().enumerate() {
                for (v, value) in values.iter().enumerate() {
                    let total = call.total.0.add(c * call.total.1 + t + v * S::LANES);
                    S::store(total, S::add(S::load(total), *value));
                }
            }
        }
        for c in 0..C {
            let residual = call.residual.first.add(c * call.residual.stride + t);
            let bias = S::splat(*call.next_bias.add(c));
            let mut sums: [S::V; T] = std::array::from_fn(|v| S::add(bias, S::load(residual.add(v * S::LANES))));
            for (input, values) in z.iter().enumerate() {
                let w = S::splat(*call.next_weights.add(input * C + c));
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = S::mul_add(w, *value, *sum);
                }
            }
            for (v, sum) in sums.into_iter().enumerate() {
                S::store(call.y.0.add(c * call.y.1 + t + v * S::LANES), sum);
            }
        }
    }
}
