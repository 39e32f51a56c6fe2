//! Vector version for a reset after the product: one product per frame.
//!
//! Gates stand as r, z, n; the part of n that comes from `x` has sums of its own. The weights of r, z and of n's part from `h`
//! are halved, since σ(x) = (1 + tanh(x / 2)) / 2.

use crate::gates::{self, Halves, Tile};
use crate::padded;
use crate::simd::{Shuffle, dispatch};

/// One call, as pointers: all sizes were checked by the caller.
pub(super) struct Call<'a> {
    pub inputs: usize,
    pub hidden: usize,
    pub tiles: &'a [Tile],
    /// Per tile: start values of n's part from `h`; columns of r, z and n from `x`, the start values first; columns from `h`.
    pub weights: *const f32,
    pub halves: &'a Halves,
    /// `[LANES + 1, padded hidden]`: `h` and the outputs that follow it.
    pub rows: *mut f32,
    pub x: *const f32,
    pub x_stride: usize,
    pub y: *mut f32,
    pub y_stride: usize,
    pub frames: usize,
}

dispatch! {
    /// # Safety
    /// `isa` is available; all that `call` points to is as long as its sizes say, and does not overlap.
    pub(super) unsafe fn run = generic(call: &Call<'_>)
}

/// # Safety
/// As [`run`], and as [`Simd`](crate::simd::Simd).
#[inline(always)]
unsafe fn generic<S: Shuffle>(call: &Call<'_>) {
    gates::frame_by_frame!(S, call, tile, [2, 4], [3, 2], [5, 2], [6, 2], [8, 2]);
}

/// Frame `t` of `G` full groups and `H` half groups, `N` vectors in all, from row `row` of the outputs to the next.
///
/// # Safety
/// As [`generic`].
#[inline(always)]
unsafe fn tile<S: Shuffle, const G: usize, const H: usize, const N: usize, const K: usize>(
    call: &Call<'_>,
    tile: &Tile,
    row: usize,
    t: usize,
) {
    // SAFETY: passed on to the caller. Vectors of `h` reach at most into its padding.
    unsafe {
        const { assert!(N == 3 * G + 2 * H) };
        let width = N * S::LANES;
        let stride = padded(call.hidden);
        let h = call.rows.add(row * stride);
        let next = call.rows.add((row + 1) * stride + tile.unit);
        let starts = call.weights.add(tile.weights);
        let mut weights = starts.add((G + H) * S::LANES);
        let mut from_x: [S::V; N] = std::array::from_fn(|n| S::load(weights.add(n * S::LANES)));
        weights = weights.add(width);
        for input in 0..call.inputs {
            let value = S::splat(*call.x.add(input * call.x_stride + t));
            gates::column::<S, N>(weights, value, &mut from_x);
            weights = weights.add(width);
        }
        // The last vector of a group: n, whose sums from `h` are apart.
        let start = std::array::from_fn(|n| {
            if n < 3 * G {
                if n % 3 == 2 {
                    S::load(starts.add(n / 3 * S::LANES))
                } else {
                    from_x[n]
                }
            } else if n == N - 1 {
                S::load(starts.add(G * S::LANES))
            } else {
                from_x[n]
            }
        });
        let sums = gates::columns::<S, N, K>(weights, h, call.hidden, start);
        let (a_half, minus_half) = (S::splat(0.5), S::splat(-0.5));
        for g in 0..G {
            let reset = gates::tanh::<S>(sums[3 * g], None);
            let from_h = sums[3 * g + 2];
            let n = S::add(from_x[3 * g + 2], S::mul_add(reset, from_h, from_h));
            let n = gates::tanh::<S>(n, None);
            let keep = gates::tanh::<S>(sums[3 * g + 1], None);
            let half_h = S::mul(S::load(h.add(tile.unit + g * S::LANES)), a_half);
            let change = S::mul_add(minus_half, n, half_h);
            S::store(next.add(g * S::LANES), S::add(n, S::mul_add(keep, change, change)));
        }
        if H == 1 {
            let reset = gates::tanh::<S>(sums[N - 2], None);
            let from_h = sums[N - 1];
            let n = S::add(from_x[N - 1], S::mul_add(reset, from_h, from_h));
            let n = gates::tanh::<S>(n, None);
            let keep = S::swap_halves(reset);
            // The upper halves stay 0.
            let half_zero = S::load(call.halves.half_zero.as_ptr());
            let half_h = S::mul(S::load(h.add(tile.unit + G * S::LANES)), half_zero);
            let change = S::mul_add(minus_half, n, half_h);
            S::store(next.add(G * S::LANES), S::add(n, S::mul_add(keep, change, change)));
        }
    }
}
