//! Vector version.
//!
//! Gates stand as f, i, c, o. The weights of i, o and f are halved, since σ(x) = (1 + tanh(x / 2)) / 2; what is left of the
//! halves goes into `c / 2` and `tanh(c) / 2`, so that nothing is multiplied on the way from one frame to the next.

use crate::gates::{self, Halves, Tile};
use crate::padded;
use crate::simd::{Shuffle, dispatch};

/// One call, as pointers: all sizes were checked by the caller.
pub(super) struct Call<'a> {
    pub inputs: usize,
    pub hidden: usize,
    pub tiles: &'a [Tile],
    pub weights: *const f32,
    pub halves: &'a Halves,
    /// `[LANES + 1, padded hidden]`: `h` and the outputs that follow it.
    pub rows: *mut f32,
    pub cell: *mut f32,
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
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Shuffle>(call: &Call<'_>) {
    gates::frame_by_frame!(S, call, tile, [2, 4], [4, 2], [6, 2], [8, 1], [10, 1]);
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
    // SAFETY: passed on to the caller. Vectors of `h` and `c` reach at most into their padding.
    unsafe {
        const { assert!(N == 4 * G + 2 * H) };
        let width = N * S::LANES;
        let stride = padded(call.hidden);
        let h = call.rows.add(row * stride);
        let next = call.rows.add((row + 1) * stride + tile.unit);
        let cell = call.cell.add(tile.unit);
        let mut weights = call.weights.add(tile.weights);
        let mut sums: [S::V; N] = std::array::from_fn(|n| S::load(weights.add(n * S::LANES)));
        weights = weights.add(width);
        for input in 0..call.inputs {
            let value = S::splat(*call.x.add(input * call.x_stride + t));
            gates::column::<S, N>(weights, value, &mut sums);
            weights = weights.add(width);
        }
        let sums = gates::columns::<S, N, K>(weights, h, call.hidden, sums);
        let a_half = S::splat(0.5);
        for g in 0..G {
            let [forget, input, candidate, output] = std::array::from_fn(|gate| sums[4 * g + gate]);
            let at = cell.add(g * S::LANES);
            let forget = gates::tanh::<S>(forget, None);
            let input = gates::tanh::<S>(input, None);
            let candidate = gates::tanh::<S>(candidate, Some(a_half));
            let c = S::mul(S::load(at), a_half);
            let c = S::add(S::mul_add(forget, c, c), S::mul_add(input, candidate, candidate));
            S::store(at, c);
            let output = gates::tanh::<S>(output, None);
            let y = gates::tanh::<S>(c, Some(a_half));
            S::store(next.add(g * S::LANES), S::mul_add(output, y, y));
        }
        if H == 1 {
            let (forget_input, candidate_output) = (sums[N - 2], sums[N - 1]);
            let at = cell.add(G * S::LANES);
            let half_one = S::load(call.halves.half_one.as_ptr());
            let half_zero = S::load(call.halves.half_zero.as_ptr());
            let forget = gates::tanh::<S>(forget_input, None);
            let candidate = gates::tanh::<S>(candidate_output, Some(half_one));
            let (input, output) = (S::swap_halves(forget), S::swap_halves(candidate));
            // The upper halves hold nothing that is read again.
            let c = S::mul(S::load(at), half_zero);
            let c = S::add(S::mul_add(forget, c, c), S::mul_add(input, candidate, candidate));
            S::store(at, c);
            let y = gates::tanh::<S>(c, Some(a_half));
            S::store(next.add(G * S::LANES), S::mul_add(output, y, y));
        }
    }
}
