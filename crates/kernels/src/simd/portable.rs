//! Eight lanes as an array: the compiler turns the loops into whatever vectors the target has by default.

use super::Simd;

const LANES: usize = 8;

#[inline(always)]
fn map(a: [f32; LANES], body: impl Fn(f32) -> f32) -> [f32; LANES] {
    std::array::from_fn(|lane| body(a[lane]))
}

#[inline(always)]
fn zip(a: [f32; LANES], b: [f32; LANES], body: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    std::array::from_fn(|lane| body(a[lane], b[lane]))
}

macro_rules! portable {
    ($(#[$doc:meta])* $name:ident, $rows:literal, |$a:ident, $b:ident, $c:ident| $mul_add:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(crate) struct $name;

        impl Simd for $name {
            type V = [f32; LANES];
            const LANES: usize = LANES;
            const WIDE: bool = false;
            const PORTABLE: bool = true;
            const ROWS: usize = $rows;

            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self::V {
                // SAFETY: the caller promises LANES elements; an array of f32 is read without alignment beyond theirs.
                unsafe { from.cast::<Self::V>().read_unaligned() }
            }
            #[inline(always)]
            unsafe fn prefetch(_from: *const f32) {}
            #[inline(always)]
            unsafe fn load_half(from: *const u16) -> Self::V {
                // SAFETY: the caller promises LANES elements.
                let halves = unsafe { from.cast::<[u16; LANES]>().read_unaligned() };
                halves.map(crate::half::decode)
            }
            #[inline(always)]
            unsafe fn store(to: *mut f32, value: Self::V) {
                // SAFETY: the caller promises LANES elements.
                unsafe { to.cast::<Self::V>().write_unaligned(value) }
            }
            #[inline(always)]
            unsafe fn splat(value: f32) -> Self::V {
                [value; LANES]
            }
            #[inline(always)]
            unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
                zip(a, b, |a, b| a + b)
            }
            #[inline(always)]
            unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
                zip(a, b, |a, b| a - b)
            }
            #[inline(always)]
            unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
                zip(a, b, |a, b| a * b)
            }
            #[inline(always)]
            unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
                zip(a, b, |a, b| a / b)
            }
            #[inline(always)]
            unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                std::array::from_fn(|lane| {
                    let ($a, $b, $c) = (a[lane], b[lane], c[lane]);
                    $mul_add
                })
            }
            #[inline(always)]
            unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
                zip(a, b, |a, b| if a < b { a } else { b })
            }
            #[inline(always)]
            unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
                zip(a, b, |a, b| if a > b { a } else { b })
            }
            #[inline(always)]
            unsafe fn abs(a: Self::V) -> Self::V {
                map(a, f32::abs)
            }
            #[inline(always)]
            unsafe fn round(a: Self::V) -> Self::V {
                map(a, f32::round_ties_even)
            }
            #[inline(always)]
            unsafe fn floor(a: Self::V) -> Self::V {
                map(a, f32::floor)
            }
            #[inline(always)]
            unsafe fn sqrt(a: Self::V) -> Self::V {
                map(a, f32::sqrt)
            }
            #[inline(always)]
            unsafe fn exp2_int(n: Self::V) -> Self::V {
                map(n, |n| {
                    // In −126 ..= 127 by contract; other values saturate and give some finite number.
                    #[allow(clippy::cast_possible_truncation)]
                    let exponent = (n as i32).clamp(-127, 127) + 127;
                    f32::from_bits(exponent.cast_unsigned() << 23)
                })
            }
            #[inline(always)]
            unsafe fn select_less(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
                std::array::from_fn(|lane| if a[lane] < b[lane] { yes[lane] } else { no[lane] })
            }
            #[inline(always)]
            #[allow(clippy::float_cmp)]
            unsafe fn select_equal(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V {
                std::array::from_fn(|lane| if a[lane] == b[lane] { yes[lane] } else { no[lane] })
            }
        }
    };
}

portable!(
    /// Without fused multiply-add.
    Portable, 1, |a, b, c| a * b + c
);
#[cfg(target_arch = "aarch64")]
portable!(
    /// With fused multiply-add: for targets where that is one instruction.
    PortableFma, 3, |a, b, c| a.mul_add(b, c)
);
