//! Vector version.

use crate::math::tanh;
use crate::matvec::matvec;
use crate::padded;
use crate::simd::{Simd, dispatch};

/// One call, as pointers: all sizes were checked by the caller.
pub(super) struct Call {
    pub inputs: usize,
    pub hidden: usize,
    pub relu: bool,
    pub weights: *const f32,
    pub bias: *const f32,
    /// `[x, h]`.
    pub v: *mut f32,
    pub sums: *mut f32,
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
        sums,
        ..
    } = *call;
    // SAFETY: passed on to the caller. The element-wise loop runs over whole vectors, inside the padding of the state.
    unsafe {
        let h = v.add(inputs);
        for t in 0..call.frames {
            for i in 0..inputs {
                *v.add(i) = *call.x.add(i * call.x_stride + t);
            }
            matvec::<S>(sums, call.bias, call.weights, v, padded(hidden), inputs + hidden);
            let mut u = 0;
            while u < hidden {
                let sum = S::load(sums.add(u));
                let value = if call.relu {
                    S::max(S::splat(0.0), sum)
                } else {
                    tanh::<S>(sum)
                };
                S::store(h.add(u), value);
                u += S::LANES;
            }
            for u in 0..hidden {
                *call.y.add(u * call.y_stride + t) = *h.add(u);
            }
        }
    }
}
