//! Matrix times vector, the inner loop of recurrent layers; vectors run along the rows.
//!
//! Rows stand in tiles of up to [`TILE`] vectors, tile after tile, column after column inside: read once, in order.

use crate::simd::Simd;
use crate::{Aligned, Isa, LANES};

/// Vectors of a tile.
const TILE: usize = 8;

/// Rows of the tile that begins at `row` of `rows`, a multiple of [`LANES`].
const fn tile_rows(row: usize, rows: usize, lanes: usize) -> usize {
    let left = rows - row;
    if left < TILE * lanes { left } else { TILE * lanes }
}

/// The weights in tiles, the rows padded to whole vectors.
pub(crate) fn pack(isa: Isa, rows: usize, columns: usize, weight: impl Fn(usize, usize) -> f32) -> Aligned {
    let padded = rows.next_multiple_of(LANES);
    let mut packed = Vec::with_capacity(padded * columns);
    let mut row = 0;
    while row < padded {
        let count = tile_rows(row, padded, isa.or_scalar().lanes());
        for column in 0..columns {
            packed.extend((row..row + count).map(|row| if row < rows { weight(row, column) } else { 0.0 }));
        }
        row += count;
    }
    packed.into()
}

/// `y[r] = start[r] + Σ_c weights[c, r] · v[c]`, columns in order; `rows` is a multiple of [`LANES`].
///
/// # Safety
/// As [`Simd`]; `y` and `start` have `rows` elements, `weights` are those of [`pack`] for this instruction set, `rows` and
/// `columns`, `v` has `columns`; `y` overlaps none of them.
#[inline(always)]
pub(crate) unsafe fn matvec<S: Simd>(
    y: *mut f32,
    start: *const f32,
    weights: *const f32,
    v: *const f32,
    rows: usize,
    columns: usize,
) {
    let (mut row, mut weights) = (0, weights);
    // SAFETY: passed on; every tile lies below `rows`, a multiple of the vector.
    unsafe {
        while row < rows {
            let count = tile_rows(row, rows, S::LANES);
            let (y, start) = (y.add(row), start.add(row));
            match count / S::LANES {
                1 => tile::<S, 1>(y, start, weights, v, columns),
                2 => tile::<S, 2>(y, start, weights, v, columns),
                3 => tile::<S, 3>(y, start, weights, v, columns),
                4 => tile::<S, 4>(y, start, weights, v, columns),
                5 => tile::<S, 5>(y, start, weights, v, columns),
                6 => tile::<S, 6>(y, start, weights, v, columns),
                7 => tile::<S, 7>(y, start, weights, v, columns),
                _ => tile::<S, TILE>(y, start, weights, v, columns),
            }
            weights = weights.add(count * columns);
            row += count;
        }
    }
}

/// # Safety
/// As [`matvec`], for a tile of `N` vectors.
#[inline(always)]
unsafe fn tile<S: Simd, const N: usize>(
    y: *mut f32,
    start: *const f32,
    weights: *const f32,
    v: *const f32,
    columns: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut sums: [S::V; N] = std::array::from_fn(|n| S::load(start.add(n * S::LANES)));
        for c in 0..columns {
            let value = S::splat(*v.add(c));
            let column = weights.add(c * N * S::LANES);
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = S::mul_add(S::load(column.add(n * S::LANES)), value, *sum);
            }
        }
        for (n, sum) in sums.into_iter().enumerate() {
            S::store(y.add(n * S::LANES), sum);
        }
    }
}
