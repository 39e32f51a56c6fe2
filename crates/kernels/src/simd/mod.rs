//! Vectors of `f32`, one type per instruction set, behind one trait.
//!
//! Kernels are written once, generic over [`Simd`], and compiled once per instruction set inside a function that enables its
//! instructions (see [`dispatch`]). Every lane computes the same whatever its neighbours hold, so that a sample's bits do not
//! depend on where it stands in a block.

mod portable;
mod shuffle;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use portable::Portable;
#[cfg(target_arch = "aarch64")]
pub(crate) use portable::PortableFma;
pub(crate) use shuffle::Shuffle;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// One instruction set's vector of `f32`.
///
/// # Safety
/// All functions may be called only where the instruction set is enabled, that is (transitively, inlined) from a function
/// made by [`dispatch`]; `load`, `load_half` and `store` besides need [`Self::LANES`] valid elements at the pointer, of any alignment.
pub(crate) trait Simd: Copy + 'static {
    /// The vector.
    type V: Copy;
    /// Elements in it; divides [`crate::LANES`].
    const LANES: usize;
    /// There are 32 registers rather than 16: 24 sums stay in them beside what they are made of, instead of 12.
    const WIDE: bool;
    /// Arrays that the compiler makes vectors of: smaller tiles, for its sake.
    const PORTABLE: bool;
    /// Rows of a matrix product computed together: each has sums in four vectors, and all should stay in registers.
    const ROWS: usize;
    unsafe fn load(from: *const f32) -> Self::V;
    /// Asks for the cache line at `from`, which need not exist: it will be read, some hundred cycles from now.
    unsafe fn prefetch(from: *const f32);
    /// [`Self::LANES`] numbers of 16 bits.
    unsafe fn load_half(from: *const u16) -> Self::V;
    unsafe fn store(to: *mut f32, value: Self::V);
    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c`, rounded once where the instruction set can.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a < b ? a : b`: gives `b` if one is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// `a > b ? a : b`: gives `b` if one is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn abs(a: Self::V) -> Self::V;
    /// To the nearest integer, ties to even.
    unsafe fn round(a: Self::V) -> Self::V;
    unsafe fn floor(a: Self::V) -> Self::V;
    unsafe fn sqrt(a: Self::V) -> Self::V;
    /// `2ⁿ` for integral `n` in −126 ..= 127.
    unsafe fn exp2_int(n: Self::V) -> Self::V;
    /// `a < b ? yes : no`; NaN gives `no`.
    unsafe fn select_less(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// `a = b ? yes : no`; NaN gives `no`.
    unsafe fn select_equal(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
}

/// Makes `fn NAME(isa, args)`, which calls `GENERIC::<S>(args)` for the instruction set's [`Simd`], compiled with its
/// instructions enabled. `isa` must be available on this machine: [`crate::Isa::or_scalar`] sees to it at construction.
macro_rules! dispatch {
    ($(#[$doc:meta])* $visibility:vis unsafe fn $name:ident = $generic:ident($($arg:ident: $type:ty),* $(,)?)) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        $visibility unsafe fn $name(isa: $crate::Isa, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx2($($arg: $type),*) {
                // SAFETY: the instructions are enabled here; the rest is the caller's promise.
                unsafe { $generic::<$crate::simd::Avx2>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx2,fma,f16c")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx512($($arg: $type),*) {
                // SAFETY: the instructions are enabled here; the rest is the caller's promise.
                unsafe { $generic::<$crate::simd::Avx512>($($arg),*) }
            }
            // SAFETY: the caller promises that `isa` is available, and what the generic function asks for.
            unsafe {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    $crate::Isa::Avx2Fma => avx2($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::Isa::Avx512 => avx512($($arg),*),
                    #[cfg(target_arch = "aarch64")]
                    $crate::Isa::Neon => $generic::<$crate::simd::PortableFma>($($arg),*),
                    _ => $generic::<$crate::simd::Portable>($($arg),*),
                }
            }
        }
    };
}
pub(crate) use dispatch;
