//! Vector version.

use crate::simd::{Simd, dispatch};

/// One argument: a signal, or if that is null the value for all elements.
pub(super) type Argument = (*const f32, f32);

dispatch! {
    /// `y[i] = c[i] ≠ 0 ? a[i] : b[i]`, `i < len`.
    ///
    /// # Safety
    /// `isa` is available; non-null pointers have `len` elements; `y` overlaps none.
    pub(super) unsafe fn run = generic(c: Argument, a: Argument, b: Argument, y: *mut f32, len: usize)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(c: Argument, a: Argument, b: Argument, y: *mut f32, len: usize) {
    let full = len - len % S::LANES;
    // SAFETY: offsets below `len` are valid by the caller's promise; the tail goes through padded copies.
    unsafe {
        let mut i = 0;
        while i < full {
            let (c, a, b) = (at::<S>(c, i), at::<S>(a, i), at::<S>(b, i));
            S::store(y.add(i), S::select_equal(c, S::splat(0.0), b, a));
            i += S::LANES;
        }
        if full < len {
            let rest = len - full;
            let (c, a, b) = (
                tail::<S>(c, full, rest),
                tail::<S>(a, full, rest),
                tail::<S>(b, full, rest),
            );
            let mut values = [0.0; crate::LANES];
            S::store(values.as_mut_ptr(), S::select_equal(c, S::splat(0.0), b, a));
            std::ptr::copy_nonoverlapping(values.as_ptr(), y.add(full), rest);
        }
    }
}

/// The vector at `i`.
///
/// # Safety
/// As [`Simd`]; a signal has the vector's elements.
#[inline(always)]
unsafe fn at<S: Simd>(of: Argument, i: usize) -> S::V {
    // SAFETY: passed on to the caller.
    unsafe {
        if of.0.is_null() {
            S::splat(of.1)
        } else {
            S::load(of.0.add(i))
        }
    }
}

/// The last `rest` elements, from `i` on, and anything behind them.
///
/// # Safety
/// As [`Simd`]; a signal has `rest` elements from `i` on, less than a vector.
#[inline(always)]
unsafe fn tail<S: Simd>(of: Argument, i: usize, rest: usize) -> S::V {
    let mut values = [of.1; crate::LANES];
    // SAFETY: passed on to the caller; the copy has at least a vector.
    unsafe {
        if !of.0.is_null() {
            std::ptr::copy_nonoverlapping(of.0.add(i), values.as_mut_ptr(), rest);
        }
        S::load(values.as_ptr())
    }
}
