//! Vector versions. A length that is no multiple of the vector is finished through a padded copy on the stack, so that the
//! last elements are computed by the same instructions as all others.

use super::Function;
use crate::math;
use crate::simd::{Simd, dispatch};

/// What [`Function::fuses`] stands for: `$use!(|v| f(v))` with the function's own arithmetic.
macro_rules! fusing {
    ($function:expr, $vectors:ident) => {
        match $function {
            Function::Tanh => $vectors!(|v| math::tanh::<S>(v)),
            Function::Sigmoid => $vectors!(|v| math::sigmoid::<S>(v)),
            Function::Relu => $vectors!(|v| S::max(S::splat(0.0), v)),
            Function::LeakyRelu { slope } => {
                $vectors!(|v| S::select_less(v, S::splat(0.0), S::mul(v, S::splat(slope)), v))
            }
            Function::Elu { alpha, gamma } => $vectors!(|v| {
                let below = S::mul(S::splat(alpha), S::sub(math::exp::<S>(v), S::splat(1.0)));
                S::mul(S::splat(gamma), S::select_less(v, S::splat(0.0), below, v))
            }),
            Function::HardSigmoid { slope, offset } => {
                $vectors!(|v| clamp::<S>(S::mul_add(v, S::splat(slope), S::splat(offset)), 0.0, 1.0))
            }
            Function::HardSwish => {
                $vectors!(|v| S::mul(
                    v,
                    clamp::<S>(S::mul_add(v, S::splat(1.0 / 6.0), S::splat(0.5)), 0.0, 1.0)
                ))
            }
            Function::Clamp { low, high } => $vectors!(|v| clamp::<S>(v, low, high)),
            Function::Softsign => $vectors!(|v| S::div(v, S::add(S::splat(1.0), S::abs(v)))),
            _ => $vectors!(|v| v),
        }
    };
}

dispatch! {
    /// `y[i] = f(x[i])`, `i < len`.
    ///
    /// # Safety
    /// `isa` is available; `x` and `y` point to `len` elements and are equal or do not overlap.
    pub(super) unsafe fn run = generic(function: Function, x: *const f32, y: *mut f32, len: usize)
}

dispatch! {
    /// [`run`] on the first `frames` of each plane.
    ///
    /// # Safety
    /// `isa` is available; `x` and `y` point to `planes · stride` elements, `frames ≤ stride`, and are equal or do not overlap.
    pub(super) unsafe fn run_planes = generic_planes(
        function: Function,
        x: *const f32,
        y: *mut f32,
        stride: usize,
        planes: usize,
        frames: usize,
    )
}

/// # Safety
/// As [`run_planes`], and as [`Simd`].
#[inline(always)]
unsafe fn generic_planes<S: Simd>(
    function: Function,
    x: *const f32,
    y: *mut f32,
    stride: usize,
    planes: usize,
    frames: usize,
) {
    for plane in 0..planes {
        // SAFETY: passed on to the caller.
        unsafe { generic::<S>(function, x.add(plane * stride), y.add(plane * stride), frames) };
    }
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(function: Function, x: *const f32, y: *mut f32, len: usize) {
    macro_rules! vectors {
        (|$v:ident| $body:expr) => {
            // SAFETY: as the caller promises.
            unsafe {
                each::<S>(
                    x,
                    y,
                    len,
                    #[inline(always)]
                    |$v| $body,
                )
            }
        };
    }
    macro_rules! elements {
        (|$v:ident| $body:expr) => {
            for i in 0..len {
                // SAFETY: i < len, and the caller promises len elements.
                unsafe {
                    let $v = x.add(i).read();
                    y.add(i).write($body);
                }
            }
        };
    }
    #[allow(clippy::semicolon_if_nothing_returned)]
    match function {
        function if function.fuses() => fusing!(function, vectors),
        Function::GeluTanh => vectors!(|v| {
            let cubic = S::mul(S::mul(v, v), S::mul(v, S::splat(0.044_715)));
            // x · σ(2 u) instead of x / 2 · (1 + tanh u): nothing cancels for large negative x.
            let minus_two_u = S::mul(S::splat(-1.595_769), S::add(v, cubic));
            S::div(v, S::add(S::splat(1.0), math::exp::<S>(minus_two_u)))
        }),
        Function::Abs => vectors!(|v| S::abs(v)),
        Function::Neg => vectors!(|v| S::mul(v, S::splat(-1.0))),
        Function::Sqrt => vectors!(|v| S::sqrt(v)),
        Function::Exp => vectors!(|v| math::exp::<S>(v)),
        Function::Reciprocal => vectors!(|v| S::div(S::splat(1.0), v)),
        Function::Floor => vectors!(|v| S::floor(v)),
        Function::Ceil => vectors!(|v| S::mul(S::floor(S::mul(v, S::splat(-1.0))), S::splat(-1.0))),
        Function::Round => vectors!(|v| S::round(v)),
        Function::Gelu => elements!(|v| 0.5 * v * (1.0 + math::erf(v * std::f32::consts::FRAC_1_SQRT_2))),
        Function::Softplus => {
            elements!(|v| if v.is_nan() {
                v
            } else {
                v.max(0.0) + (-v.abs()).exp().ln_1p()
            })
        }
        Function::Log => elements!(|v| v.ln()),
        Function::Sin => elements!(|v| v.sin()),
        Function::Cos => elements!(|v| v.cos()),
        Function::Asin => elements!(|v| v.asin()),
        Function::Acos => elements!(|v| v.acos()),
        Function::Atan => elements!(|v| v.atan()),
        Function::Sinh => elements!(|v| v.sinh()),
        Function::Cosh => elements!(|v| v.cosh()),
        Function::Asinh => elements!(|v| double(v, f64::asinh)),
        Function::Acosh => elements!(|v| double(v, f64::acosh)),
        Function::Atanh => elements!(|v| double(v, f64::atanh)),
        Function::Erf => elements!(|v| math::erf(v)),
        Function::Sign => elements!(|v| if v == 0.0 || v.is_nan() { v } else { v.signum() }),
        // Those that fuse.
        _ => {}
    }
}

/// The function of one vector; those that do not [fuse](Function::fuses) leave it as it is.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub(crate) unsafe fn vector<S: Simd>(function: Function, x: S::V) -> S::V {
    macro_rules! one {
        (|$v:ident| $body:expr) => {{
            let $v = x;
            // SAFETY: passed on to the caller.
            #[allow(unused_unsafe)]
            unsafe {
                $body
            }
        }};
    }
    fusing!(function, one)
}

/// `y ← f(y)`, and `total ← total + f(y)` if it is not null, on `planes` of `frames`, each given with its stride.
///
/// # Safety
/// As [`Simd`]; the planes exist and do not overlap; `frames` is a multiple of the vector.
#[inline(always)]
pub(crate) unsafe fn finish<S: Simd>(
    function: Function,
    y: (*mut f32, usize),
    total: (*mut f32, usize),
    planes: usize,
    frames: usize,
) {
    macro_rules! all {
        (|$v:ident| $body:expr) => {
            for plane in 0..planes {
                // SAFETY: passed on to the caller; `t` stays below `frames`.
                unsafe {
                    let y = y.0.add(plane * y.1);
                    let total = if total.0.is_null() {
                        total.0
                    } else {
                        total.0.add(plane * total.1)
                    };
                    let mut t = 0;
                    while t < frames {
                        let $v = S::load(y.add(t));
                        let value = $body;
                        S::store(y.add(t), value);
                        if !total.is_null() {
                            S::store(total.add(t), S::add(S::load(total.add(t)), value));
                        }
                        t += S::LANES;
                    }
                }
            }
        };
    }
    fusing!(function, all);
}

/// In double precision: the library's own formulas for these in `f32` lose digits.
#[allow(clippy::cast_possible_truncation)]
fn double(v: f32, function: fn(f64) -> f64) -> f32 {
    function(f64::from(v)) as f32
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn clamp<S: Simd>(v: S::V, low: f32, high: f32) -> S::V {
    // SAFETY: passed on to the caller.
    unsafe { S::max(S::splat(low), S::min(S::splat(high), v)) }
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn each<S: Simd>(x: *const f32, y: *mut f32, len: usize, f: impl Fn(S::V) -> S::V) {
    // SAFETY: all accesses lie below `len`, which the caller promises, or in the padded copy.
    unsafe {
        let full = len - len % S::LANES;
        let mut i = 0;
        while i < full {
            S::store(y.add(i), f(S::load(x.add(i))));
            i += S::LANES;
        }
        if full < len {
            let mut tail = [0.0f32; crate::LANES];
            std::ptr::copy_nonoverlapping(x.add(full), tail.as_mut_ptr(), len - full);
            let result = f(S::load(tail.as_ptr()));
            S::store(tail.as_mut_ptr(), result);
            std::ptr::copy_nonoverlapping(tail.as_ptr(), y.add(full), len - full);
        }
    }
}
