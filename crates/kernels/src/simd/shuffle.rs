//! Moves between lanes, for layers whose vectors run along units.

#[cfg(target_arch = "aarch64")]
use super::PortableFma;
#[cfg(target_arch = "x86_64")]
use super::{Avx2, Avx512};
use super::{Portable, Simd};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Moves between lanes.
///
/// # Safety
/// As [`Simd`].
pub(crate) trait Shuffle: Simd {
    /// The upper half of the lanes first, then the lower.
    unsafe fn swap_halves(a: Self::V) -> Self::V;
    /// `to[column][row] = from[row][column]` for [`Simd::LANES`] rows, `from_stride` apart, and `columns`, at most as many,
    /// `to_stride` apart. `LANES` columns of `from` are read.
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize, columns: usize);
}

macro_rules! portable {
    ($name:ident) => {
        impl Shuffle for $name {
            #[inline(always)]
            unsafe fn swap_halves(a: Self::V) -> Self::V {
                std::array::from_fn(|lane| a[(lane + Self::LANES / 2) % Self::LANES])
            }
            #[inline(always)]
            unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize, columns: usize) {
                for column in 0..columns {
                    for row in 0..Self::LANES {
                        // SAFETY: the caller promises the rows and columns.
                        unsafe { *to.add(column * to_stride + row) = *from.add(row * from_stride + column) };
                    }
                }
            }
        }
    };
}

portable!(Portable);
#[cfg(target_arch = "aarch64")]
portable!(PortableFma);

#[cfg(target_arch = "x86_64")]
impl Shuffle for Avx2 {
    #[inline(always)]
    unsafe fn swap_halves(a: Self::V) -> Self::V {
        // SAFETY: enabled by the trait's contract.
        unsafe { _mm256_permute2f128_ps::<1>(a, a) }
    }
    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize, columns: usize) {
        // SAFETY: enabled by the trait's contract; the caller promises the rows and columns.
        unsafe {
            let row: [__m256; 8] = std::array::from_fn(|r| _mm256_loadu_ps(from.add(r * from_stride)));
            // Pairs of rows, then fours, then all: within the halves first.
            let mut pair = [_mm256_setzero_ps(); 8];
            for k in 0..4 {
                pair[2 * k] = _mm256_unpacklo_ps(row[2 * k], row[2 * k + 1]);
                pair[2 * k + 1] = _mm256_unpackhi_ps(row[2 * k], row[2 * k + 1]);
            }
            let mut four = [_mm256_setzero_ps(); 8];
            for k in 0..2 {
                for j in 0..2 {
                    let (a, b) = (pair[4 * k + j], pair[4 * k + 2 + j]);
                    four[4 * k + 2 * j] = _mm256_shuffle_ps::<0b01_00_01_00>(a, b);
                    four[4 * k + 2 * j + 1] = _mm256_shuffle_ps::<0b11_10_11_10>(a, b);
                }
            }
            for j in 0..4 {
                if j < columns {
                    let low = _mm256_permute2f128_ps::<0x20>(four[j], four[4 + j]);
                    _mm256_storeu_ps(to.add(j * to_stride), low);
                }
                if 4 + j < columns {
                    let high = _mm256_permute2f128_ps::<0x31>(four[j], four[4 + j]);
                    _mm256_storeu_ps(to.add((4 + j) * to_stride), high);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Shuffle for Avx512 {
    #[inline(always)]
    unsafe fn swap_halves(a: Self::V) -> Self::V {
        // SAFETY: enabled by the trait's contract.
        unsafe { _mm512_shuffle_f32x4::<0b01_00_11_10>(a, a) }
    }
    #[inline(always)]
    // Rows and columns by number, as in the other versions.
    #[allow(clippy::needless_range_loop)]
    unsafe fn transpose(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize, columns: usize) {
        // SAFETY: enabled by the trait's contract; the caller promises the rows and columns.
        unsafe {
            let row: [__m512; 16] = std::array::from_fn(|r| _mm512_loadu_ps(from.add(r * from_stride)));
            let mut pair = [_mm512_setzero_ps(); 16];
            for k in 0..8 {
                pair[2 * k] = _mm512_unpacklo_ps(row[2 * k], row[2 * k + 1]);
                pair[2 * k + 1] = _mm512_unpackhi_ps(row[2 * k], row[2 * k + 1]);
            }
            // `four[4 k + j]`: of rows 4 k .. 4 k + 4, columns j, 4 + j, 8 + j and 12 + j.
            let mut four = [_mm512_setzero_ps(); 16];
            for k in 0..4 {
                for j in 0..2 {
                    let (a, b) = (pair[4 * k + j], pair[4 * k + 2 + j]);
                    four[4 * k + 2 * j] = _mm512_shuffle_ps::<0b01_00_01_00>(a, b);
                    four[4 * k + 2 * j + 1] = _mm512_shuffle_ps::<0b11_10_11_10>(a, b);
                }
            }
            for j in 0..4 {
                // Quarters 0 and 2, 1 and 3 of rows 0 .. 8 and 8 .. 16.
                let even_low = _mm512_shuffle_f32x4::<0b10_00_10_00>(four[j], four[4 + j]);
                let odd_low = _mm512_shuffle_f32x4::<0b11_01_11_01>(four[j], four[4 + j]);
                let even_high = _mm512_shuffle_f32x4::<0b10_00_10_00>(four[8 + j], four[12 + j]);
                let odd_high = _mm512_shuffle_f32x4::<0b11_01_11_01>(four[8 + j], four[12 + j]);
                let quarters = [
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(even_low, even_high),
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(odd_low, odd_high),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(even_low, even_high),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(odd_low, odd_high),
                ];
                for (quarter, value) in quarters.into_iter().enumerate() {
                    if 4 * quarter + j < columns {
                        _mm512_storeu_ps(to.add((4 * quarter + j) * to_stride), value);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::simd::dispatch;

    dispatch! {
        unsafe fn both = generic(from: &[f32], to: &mut [f32], columns: usize, swapped: &mut [f32])
    }

    #[inline(always)]
    unsafe fn generic<S: Shuffle>(from: &[f32], to: &mut [f32], columns: usize, swapped: &mut [f32]) {
        // SAFETY: enabled by `dispatch`; the slices are large enough for the widest vector.
        unsafe {
            S::transpose(from.as_ptr(), 16, to.as_mut_ptr(), 16, columns);
            S::store(swapped.as_mut_ptr(), S::swap_halves(S::load(from.as_ptr())));
        }
    }

    #[test]
    #[allow(clippy::cast_precision_loss, clippy::float_cmp)]
    fn rows_become_columns_and_halves_change_places() {
        let from: Vec<f32> = (0..256).map(|i| i as f32).collect();
        for isa in Isa::available() {
            let lanes = isa.lanes();
            for columns in 0..=lanes {
                let (mut to, mut swapped) = (vec![-1.0; 256], vec![-1.0; 16]);
                // SAFETY: the instruction set is available; the slices hold 16 rows of 16.
                unsafe { both(isa, &from, &mut to, columns, &mut swapped) };
                for column in 0..16 {
                    for row in 0..16 {
                        let expected = if column < columns && row < lanes {
                            from[row * 16 + column]
                        } else {
                            -1.0
                        };
                        assert_eq!(
                            to[column * 16 + row],
                            expected,
                            "{isa}: {columns} columns, {row}, {column}"
                        );
                    }
                }
                for lane in 0..lanes {
                    assert_eq!(swapped[lane], from[(lane + lanes / 2) % lanes], "{isa}");
                }
            }
        }
    }
}
