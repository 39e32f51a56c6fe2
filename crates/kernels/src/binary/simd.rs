//! Vector versions.

use super::{Function, reference};
use crate::simd::{Simd, dispatch};

dispatch! {
    /// `y[i] = f(a[i], b[i])`, `i < len`; a null `a` or `b` stands for its value.
    ///
    /// # Safety
    /// `isa` is available; non-null pointers have `len` elements; `y` overlaps neither.
    pub(super) unsafe fn run = generic(
        function: Function,
        a: *const f32,
        a_value: f32,
        b: *const f32,
        b_value: f32,
        y: *mut f32,
        len: usize,
    )
}

dispatch! {
    /// [`run`] of two signals on the first `frames` of each plane.
    ///
    /// # Safety
    /// `isa` is available; the pointers have `planes · stride` elements, `frames ≤ stride`; `y` overlaps neither.
    pub(super) unsafe fn run_planes = generic_planes(
        function: Function,
        a: *const f32,
        b: *const f32,
        y: *mut f32,
        stride: usize,
        planes: usize,
        frames: usize,
    )
}

/// # Safety
/// As [`run_planes`], and as [`Simd`].
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn generic_planes<S: Simd>(
    function: Function,
    a: *const f32,
    b: *const f32,
    y: *mut f32,
    stride: usize,
    planes: usize,
    frames: usize,
) {
    for plane in 0..planes {
        let at = plane * stride;
        // SAFETY: passed on to the caller.
        unsafe { generic::<S>(function, a.add(at), 0.0, b.add(at), 0.0, y.add(at), frames) };
    }
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn generic<S: Simd>(
    function: Function,
    a: *const f32,
    a_value: f32,
    b: *const f32,
    b_value: f32,
    y: *mut f32,
    len: usize,
) {
    macro_rules! each {
        (|$a:ident, $b:ident| $body:expr) => {{
            // SAFETY: offsets below `len` are valid by the caller's promise; the tail goes through padded copies.
            unsafe {
                let full = len - len % S::LANES;
                let (a_splat, b_splat) = (S::splat(a_value), S::splat(b_value));
                let mut i = 0;
                while i < full {
                    let $a = if a.is_null() { a_splat } else { S::load(a.add(i)) };
                    let $b = if b.is_null() { b_splat } else { S::load(b.add(i)) };
                    S::store(y.add(i), $body);
                    i += S::LANES;
                }
                if full < len {
                    let rest = len - full;
                    let (mut a_tail, mut b_tail) = ([a_value; crate::LANES], [b_value; crate::LANES]);
                    if !a.is_null() {
                        std::ptr::copy_nonoverlapping(a.add(full), a_tail.as_mut_ptr(), rest);
                    }
                    if !b.is_null() {
                        std::ptr::copy_nonoverlapping(b.add(full), b_tail.as_mut_ptr(), rest);
                    }
                    let $a = S::load(a_tail.as_ptr());
                    let $b = S::load(b_tail.as_ptr());
                    S::store(a_tail.as_mut_ptr(), $body);
                    std::ptr::copy_nonoverlapping(a_tail.as_ptr(), y.add(full), rest);
                }
            }
        }};
    }
    match function {
        Function::Add => each!(|a, b| S::add(a, b)),
        Function::Sub => each!(|a, b| S::sub(a, b)),
        Function::Mul => each!(|a, b| S::mul(a, b)),
        Function::Div => each!(|a, b| S::div(a, b)),
        Function::Min => each!(|a, b| S::min(a, b)),
        Function::Max => each!(|a, b| S::max(a, b)),
        Function::PRelu => each!(|a, b| S::select_less(a, S::splat(0.0), S::mul(a, b), a)),
        Function::Equal => each!(|a, b| S::select_equal(a, b, S::splat(1.0), S::splat(0.0))),
        Function::Greater => each!(|a, b| S::select_less(b, a, S::splat(1.0), S::splat(0.0))),
        Function::Less => each!(|a, b| S::select_less(a, b, S::splat(1.0), S::splat(0.0))),
        Function::GreaterOrEqual => each!(|a, b| at_most::<S>(b, a)),
        Function::LessOrEqual => each!(|a, b| at_most::<S>(a, b)),
        Function::And => each!(|a, b| S::mul(truth::<S>(a), truth::<S>(b))),
        Function::Or => each!(|a, b| S::max(truth::<S>(a), truth::<S>(b))),
        Function::Xor => each!(|a, b| S::abs(S::sub(truth::<S>(a), truth::<S>(b)))),
        Function::Pow | Function::Mod => {
            for i in 0..len {
                // SAFETY: i < len.
                unsafe {
                    let left = if a.is_null() { a_value } else { a.add(i).read() };
                    let right = if b.is_null() { b_value } else { b.add(i).read() };
                    y.add(i).write(reference::apply(function, left, right));
                }
            }
        }
    }
}

/// 1 unless `v` is 0.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn truth<S: Simd>(v: S::V) -> S::V {
    // SAFETY: passed on to the caller.
    unsafe { S::select_equal(v, S::splat(0.0), S::splat(0.0), S::splat(1.0)) }
}

/// 1 where `a ≤ b`, else 0.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn at_most<S: Simd>(a: S::V, b: S::V) -> S::V {
    // SAFETY: passed on to the caller.
    unsafe {
        let one = S::splat(1.0);
        S::select_less(a, b, one, S::select_equal(a, b, one, S::splat(0.0)))
    }
}
