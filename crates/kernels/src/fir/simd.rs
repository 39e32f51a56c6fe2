//! Vectors along time, [`SUMS`] sums side by side so that no step waits for the one before.

use super::SUMS;
use crate::simd::{Simd, dispatch};

dispatch! {
    /// `y[n] = Σ taps[k] · x[n + count − 1 − k]`, `n < frames`.
    ///
    /// # Safety
    /// `isa` is available; `count` is a positive multiple of [`SUMS`], `frames` one of [`crate::LANES`]; `taps` has `count`
    /// elements, `x` has `count − 1 + frames`, `y` has `frames` and overlaps neither.
    pub(super) unsafe fn run = generic(taps: *const f32, count: usize, x: *const f32, y: *mut f32, frames: usize)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(taps: *const f32, count: usize, x: *const f32, y: *mut f32, frames: usize) {
    let mut n = 0;
    while n < frames {
        // SAFETY: `k ≤ count − 1` and `n ≤ frames − LANES`, so that all elements lie within the lengths promised.
        unsafe {
            let newest = x.add(n + count - 1);
            let mut sums = [S::splat(0.0); SUMS];
            let mut k = 0;
            while k < count {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = S::mul_add(S::splat(*taps.add(k + j)), S::load(newest.sub(k + j)), *sum);
                }
                k += SUMS;
            }
            let [a, b, c, d] = sums;
            S::store(y.add(n), S::add(S::add(a, b), S::add(c, d)));
        }
        n += S::LANES;
    }
}
