//! Vector version.

use crate::math::{sigmoid, tanh};
use crate::matvec::matvec;
use crate::padded;
use crate::simd::{Simd, dispatch};

/// One call, as pointers: all sizes were checked by the caller.
pub(super) struct Call {
    pub inputs: usize,
    pub hidden: usize,
    pub weights: *const f32,
    pub bias: *const f32,
    /// `[x, h]`.
    pub v: *mut f32,
    pub cell: *mut f32,
    pub gates: *mut f32,
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
        cell,
        gates,
        ..
    } = *call;
    // SAFETY: passed on to the caller. The element-wise loop runs over whole vectors: it reads up to a vector past the last
    // gate and writes up to a vector past `h` and `c`, all inside the padding that `state_len` provides; those lanes are
    // never read by the matrix product.
    unsafe {
        let h = v.add(inputs);
        for t in 0..call.frames {
            for i in 0..inputs {
                *v.add(i) = *call.x.add(i * call.x_stride + t);
            }
            matvec::<S>(gates, call.bias, call.weights, v, padded(4 * hidden), inputs + hidden);
            let mut u = 0;
            while u < hidden {
                let input = sigmoid::<S>(S::load(gates.add(u)));
                let output = sigmoid::<S>(S::load(gates.add(hidden + u)));
                let forget = sigmoid::<S>(S::load(gates.add(2 * hidden + u)));
                let candidate = tanh::<S>(S::load(gates.add(3 * hidden + u)));
                let c = S::mul_add(forget, S::load(cell.add(u)), S::mul(input, candidate));
                S::store(cell.add(u), c);
                S::store(h.add(u), S::mul(output, tanh::<S>(c)));
                u += S::LANES;
            }
            for u in 0..hidden {
                *call.y.add(u * call.y_stride + t) = *h.add(u);
            }
        }
    }
}
