//! Vector version for a reset before the product: two products, one after the other.

use crate::math::{sigmoid, tanh};
use crate::matvec::matvec;
use crate::padded;
use crate::simd::{Simd, dispatch};

/// One call, as pointers: all sizes were checked by the caller.
pub(super) struct Call {
    pub inputs: usize,
    pub hidden: usize,
    pub weights: *const f32,
    pub recurrent_zr: *const f32,
    pub recurrent_n: *const f32,
    pub bias: *const f32,
    pub bias_n: *const f32,
    pub v: *mut f32,
    pub h: *mut f32,
    pub reset_h: *mut f32,
    pub from_x: *mut f32,
    pub from_zr: *mut f32,
    pub from_n: *mut f32,
    pub x: *const f32,
    pub x_stride: usize,
    pub y: *mut f32,
    pub y_stride: usize,
    pub frames: usize,
}

dispatch! {
    /// # Safety
    /// `isa` is available; all that `call` points to is as long as its sizes say, and does not overlap.
    pub(super) unsafe fn run = generic(call: &Call)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(call: &Call) {
    let Call {
        inputs,
        hidden,
        v,
        h,
        reset_h,
        from_x,
        from_zr,
        from_n,
        ..
    } = *call;
    // SAFETY: passed on to the caller. Element-wise loops run over whole vectors, inside the padding of the state; lanes past
    // `hidden` are never read by a matrix product. `from_zr` begins as the part from `x`: its rows are the first of `from_x`.
    unsafe {
        for t in 0..call.frames {
            for i in 0..inputs {
                *v.add(i) = *call.x.add(i * call.x_stride + t);
            }
            matvec::<S>(from_x, call.bias, call.weights, v, padded(3 * hidden), inputs);
            matvec::<S>(from_zr, from_x, call.recurrent_zr, h, padded(2 * hidden), hidden);
            let mut u = 0;
            while u < hidden {
                let reset = sigmoid::<S>(S::load(from_zr.add(hidden + u)));
                S::store(reset_h.add(u), S::mul(reset, S::load(h.add(u))));
                u += S::LANES;
            }
            matvec::<S>(from_n, call.bias_n, call.recurrent_n, reset_h, padded(hidden), hidden);
            let mut u = 0;
            while u < hidden {
                let z = sigmoid::<S>(S::load(from_zr.add(u)));
                let n = S::add(S::load(from_n.add(u)), S::load(from_x.add(2 * hidden + u)));
                let n = tanh::<S>(n);
                S::store(h.add(u), S::mul_add(z, S::sub(S::load(h.add(u)), n), n));
                u += S::LANES;
            }
            for u in 0..hidden {
                *call.y.add(u * call.y_stride + t) = *h.add(u);
            }
        }
    }
}
