//! Vectors along the bins.

use crate::simd::{Simd, dispatch};

dispatch! {
    /// `sum += x · h`.
    ///
    /// # Safety
    /// `isa` is available; all have `2 · bins` elements, `bins` a multiple of [`crate::LANES`]; `sum` overlaps neither.
    pub(super) unsafe fn multiply_add = generic_multiply_add(x: *const f32, h: *const f32, sum: *mut f32, bins: usize)
}

dispatch! {
    /// `a, b ← a + w·b, a − w·b`.
    ///
    /// # Safety
    /// `isa` is available; all have `2 · bins` elements, `bins` a multiple of [`crate::LANES`]; none overlaps another.
    pub(super) unsafe fn join = generic_join(w: *const f32, a: *mut f32, b: *mut f32, bins: usize)
}

dispatch! {
    /// `a, b ← a + b, (a − b)·w̄`.
    ///
    /// # Safety
    /// `isa` is available; all have `2 · bins` elements, `bins` a multiple of [`crate::LANES`]; none overlaps another.
    pub(super) unsafe fn part = generic_part(w: *const f32, a: *mut f32, b: *mut f32, bins: usize)
}

/// # Safety
/// As [`multiply_add`], and as [`Simd`].
#[inline(always)]
unsafe fn generic_multiply_add<S: Simd>(x: *const f32, h: *const f32, sum: *mut f32, bins: usize) {
    let mut k = 0;
    while k < bins {
        // SAFETY: `k + LANES ≤ bins`.
        unsafe {
            let (x_re, x_im) = (S::load(x.add(k)), S::load(x.add(bins + k)));
            let (h_re, h_im) = (S::load(h.add(k)), S::load(h.add(bins + k)));
            let (re, im) = (S::load(sum.add(k)), S::load(sum.add(bins + k)));
            let minus = S::sub(S::splat(0.0), x_im);
            S::store(sum.add(k), S::mul_add(minus, h_im, S::mul_add(x_re, h_re, re)));
            S::store(sum.add(bins + k), S::mul_add(x_im, h_re, S::mul_add(x_re, h_im, im)));
        }
        k += S::LANES;
    }
}

/// # Safety
/// As [`join`], and as [`Simd`].
#[inline(always)]
unsafe fn generic_join<S: Simd>(w: *const f32, a: *mut f32, b: *mut f32, bins: usize) {
    let mut k = 0;
    while k < bins {
        // SAFETY: `k + LANES ≤ bins`.
        unsafe {
            let (c, s) = (S::load(w.add(k)), S::load(w.add(bins + k)));
            let (a_re, a_im) = (S::load(a.add(k)), S::load(a.add(bins + k)));
            let (b_re, b_im) = (S::load(b.add(k)), S::load(b.add(bins + k)));
            let re = S::sub(S::mul(c, b_re), S::mul(s, b_im));
            let im = S::mul_add(c, b_im, S::mul(s, b_re));
            S::store(a.add(k), S::add(a_re, re));
            S::store(a.add(bins + k), S::add(a_im, im));
            S::store(b.add(k), S::sub(a_re, re));
            S::store(b.add(bins + k), S::sub(a_im, im));
        }
        k += S::LANES;
    }
}

/// # Safety
/// As [`part`], and as [`Simd`].
#[inline(always)]
unsafe fn generic_part<S: Simd>(w: *const f32, a: *mut f32, b: *mut f32, bins: usize) {
    let mut k = 0;
    while k < bins {
        // SAFETY: `k + LANES ≤ bins`.
        unsafe {
            let (c, s) = (S::load(w.add(k)), S::load(w.add(bins + k)));
            let (a_re, a_im) = (S::load(a.add(k)), S::load(a.add(bins + k)));
            let (b_re, b_im) = (S::load(b.add(k)), S::load(b.add(bins + k)));
            let (re, im) = (S::sub(a_re, b_re), S::sub(a_im, b_im));
            S::store(a.add(k), S::add(a_re, b_re));
            S::store(a.add(bins + k), S::add(a_im, b_im));
            S::store(b.add(k), S::mul_add(c, re, S::mul(s, im)));
            S::store(b.add(bins + k), S::sub(S::mul(c, im), S::mul(s, re)));
        }
        k += S::LANES;
    }
}
