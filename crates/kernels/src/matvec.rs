//! Matrix times vector, the inner loop of recurrent layers; vectors run along the rows.

use crate::LANES;
use crate::simd::Simd;

/// `[columns, rows]` with the rows padded to whole vectors: column after column.
pub(crate) fn pack_columns(rows: usize, columns: usize, weight: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let stride = rows.next_multiple_of(LANES);
    let mut packed = vec![0.0; stride * columns];
    for (column, chunk) in packed.chunks_exact_mut(stride.max(1)).enumerate() {
        for (row, slot) in chunk.iter_mut().take(rows).enumerate() {
            *slot = weight(row, column);
        }
    }
    packed
}

/// `y[r] = start[r] + Σ_c weights[c, r] · v[c]`, columns in order; `rows` is a multiple of [`LANES`].
///
/// # Safety
/// As [`Simd`]; `y` and `start` have `rows` elements, `weights` `columns · rows`, `v` `columns`; `y` overlaps none of them.
#[inline(always)]
pub(crate) unsafe fn matvec<S: Simd>(
    y: *mut f32,
    start: *const f32,
    weights: *const f32,
    v: *const f32,
    rows: usize,
    columns: usize,
) {
    let mut row = 0;
    // SAFETY: passed on; every tile lies below `rows`, a multiple of the vector.
    unsafe {
        while row < rows {
            let vectors = (rows - row) / S::LANES;
            macro_rules! tile {
                ($n:literal) => {{
                    tile::<S, $n>(y, start, weights, v, row, rows, columns);
                    $n
                }};
            }
            let done = match vectors {
                0 | 1 => tile!(1),
                2 => tile!(2),
                3 => tile!(3),
                4 => tile!(4),
                5 => tile!(5),
                6 => tile!(6),
                7 => tile!(7),
                _ => tile!(8),
            };
            row += done * S::LANES;
        }
    }
}

/// # Safety
/// As [`matvec`]; rows `row .. row + N · LANES` exist.
#[inline(always)]
unsafe fn tile<S: Simd, const N: usize>(
    y: *mut f32,
    start: *const f32,
    weights: *const f32,
    v: *const f32,
    row: usize,
    rows: usize,
    columns: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut sums: [S::V; N] = std::array::from_fn(|n| S::load(start.add(row + n * S::LANES)));
        let mut column = weights.add(row);
        for c in 0..columns {
            let value = S::splat(*v.add(c));
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = S::mul_add(S::load(column.add(n * S::LANES)), value, *sum);
            }
            column = column.wrapping_add(rows);
        }
        for (n, sum) in sums.into_iter().enumerate() {
            S::store(y.add(row + n * S::LANES), sum);
        }
    }
}
