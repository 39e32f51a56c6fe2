//! What layers with gates share: units in groups of a vector, their weights in the order they are read, past outputs as rows.
//!
//! A full group has one vector per gate. What is left over, if it is at most half a vector, is a half group: two gates stand in
//! the halves of one vector. Groups are computed in tiles, so that one value of `h` serves many vectors: the sums of a tile stay
//! in registers. A tile's weights stand as they are read: the start values, then column by column those of the inputs and of `h`.
//!
//! A sum is `start + Σ inputs`, then the columns of `h` round-robin into `K` sums, which are added pairwise at the end: the same
//! order for every frame.

use crate::simd::{Shuffle, Simd};
use crate::{Isa, LANES, padded};

/// What is computed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Full groups, 0 ..= 2.
    pub full: usize,
    /// Half groups, 0 or 1; they come last.
    pub half: usize,
    /// First unit.
    pub unit: usize,
    /// Where its weights begin.
    pub weights: usize,
}

/// The tiles of `hidden` units; their places in the weights are not yet set.
pub(crate) fn tiles(hidden: usize, isa: Isa) -> Vec<Tile> {
    let lanes = isa.lanes();
    let left = hidden % lanes;
    let half = usize::from(left > 0 && left <= lanes / 2);
    let full = hidden / lanes + usize::from(left > lanes / 2);
    let (mut tiles, mut done) = (Vec::new(), 0);
    while done < full {
        let now = (full - done).min(2);
        tiles.push(Tile {
            full: now,
            half: 0,
            unit: done * lanes,
            weights: 0,
        });
        done += now;
    }
    match tiles.last_mut() {
        Some(last) => last.half = half,
        None => tiles.push(Tile {
            full: 0,
            half,
            unit: 0,
            weights: 0,
        }),
    }
    tiles
}

/// The unit of each lane of group `group` of a tile, and whether it stands in the upper half of a half group. `None` past the
/// last unit.
pub(crate) fn lane_unit(tile: &Tile, group: usize, lane: usize, hidden: usize, isa: Isa) -> Option<(usize, bool)> {
    let lanes = isa.lanes();
    let first = tile.unit + group * lanes;
    let (unit, upper) = if group < tile.full {
        (first + lane, false)
    } else {
        (first + lane % (lanes / 2), lane >= lanes / 2)
    };
    (unit < hidden).then_some((unit, upper))
}

/// Adds one column of a tile's weights, or its start values, for `gates` gates per unit: `weight(unit, gate)`; 0 where there is
/// no unit. In a half group, gates 0 and 1 share a vector, then 2 and 3; where the last has no other, the upper half is 0.
pub(crate) fn pack_column(
    weights: &mut Vec<f32>,
    tile: &Tile,
    hidden: usize,
    isa: Isa,
    gates: usize,
    weight: impl Fn(usize, usize) -> f32,
) {
    for group in 0..tile.full + tile.half {
        let vectors = if group < tile.full { gates } else { gates.div_ceil(2) };
        for vector in 0..vectors {
            weights.extend((0..isa.lanes()).map(|lane| {
                let place = lane_unit(tile, group, lane, hidden, isa);
                place.map_or(0.0, |(unit, upper)| {
                    let gate = if group < tile.full {
                        vector
                    } else {
                        2 * vector + usize::from(upper)
                    };
                    if gate < gates { weight(unit, gate) } else { 0.0 }
                })
            }));
        }
    }
}

/// One column of a tile's weights, in `N` vectors, into its sums.
///
/// # Safety
/// As [`Simd`]; `weights` has the column.
#[inline(always)]
pub(crate) unsafe fn column<S: Simd, const N: usize>(weights: *const f32, value: S::V, sums: &mut [S::V; N]) {
    for (n, sum) in sums.iter_mut().enumerate() {
        // SAFETY: passed on to the caller.
        unsafe { *sum = S::mul_add(S::load(weights.wrapping_add(n * S::LANES)), value, *sum) };
    }
}

/// `start` and `count` columns of values, in `K` sums each: 1, 2 or 4.
///
/// # Safety
/// As [`Simd`]; `weights` and `values` have the columns.
#[inline(always)]
pub(crate) unsafe fn columns<S: Simd, const N: usize, const K: usize>(
    weights: *const f32,
    values: *const f32,
    count: usize,
    start: [S::V; N],
) -> [S::V; N] {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut sums = [[S::splat(0.0); N]; K];
        sums[0] = start;
        let (mut weights, mut done) = (weights, 0);
        while done + K <= count {
            for (k, sums) in sums.iter_mut().enumerate() {
                column::<S, N>(weights, S::splat(*values.add(done + k)), sums);
                weights = weights.wrapping_add(N * S::LANES);
            }
            done += K;
        }
        // The rest of the columns: fewer than K.
        for (k, sums) in sums.iter_mut().enumerate() {
            if done + k < count {
                column::<S, N>(weights, S::splat(*values.add(done + k)), sums);
                weights = weights.wrapping_add(N * S::LANES);
            }
        }
        std::array::from_fn(|n| match K {
            1 => sums[0][n],
            2 => S::add(sums[0][n], sums[1 % K][n]),
            _ => S::add(
                S::add(sums[0][n], sums[1 % K][n]),
                S::add(sums[2 % K][n], sums[3 % K][n]),
            ),
        })
    }
}

/// Plays a call frame by frame, tile by tile, in rows of at most a vector of frames that are then written as planes: the body of a
/// layer's kernel. For each kind of tile (a half group alone, one full group, one and a half, two, two and a half): its vectors, and
/// the sums that a column's products go to, as [`columns`] has them.
macro_rules! frame_by_frame {
    (
        $simd:ty, $call:ident, $tile:ident,
        [$half:literal, $half_sums:literal],
        [$one:literal, $one_sums:literal],
        [$more:literal, $more_sums:literal],
        [$two:literal, $two_sums:literal],
        [$most:literal, $most_sums:literal]
    ) => {
        macro_rules! frames {
            ($of:ident, $rows:expr, $t:ident) => {
                match ($of.full, $of.half) {
                    (0, _) => {
                        for row in $rows {
                            $tile::<$simd, 0, 1, $half, $half_sums>($call, $of, row, $t + row);
                        }
                    }
                    (1, 0) => {
                        for row in $rows {
                            $tile::<$simd, 1, 0, $one, $one_sums>($call, $of, row, $t + row);
                        }
                    }
                    (1, _) => {
                        for row in $rows {
                            $tile::<$simd, 1, 1, $more, $more_sums>($call, $of, row, $t + row);
                        }
                    }
                    (_, 0) => {
                        for row in $rows {
                            $tile::<$simd, 2, 0, $two, $two_sums>($call, $of, row, $t + row);
                        }
                    }
                    _ => {
                        for row in $rows {
                            $tile::<$simd, 2, 1, $most, $most_sums>($call, $of, row, $t + row);
                        }
                    }
                }
            };
        }
        let mut t = 0;
        // SAFETY: passed on to the caller.
        unsafe {
            while t < $call.frames {
                let count = ($call.frames - t).min(<$simd>::LANES);
                match $call.tiles {
                    // What kind it is need not be asked for each frame.
                    [only] => frames!(only, 0..count, t),
                    tiles => {
                        for row in 0..count {
                            for of in tiles {
                                frames!(of, row..row + 1, t);
                            }
                        }
                    }
                }
                $crate::gates::write_rows::<$simd>($call.rows, $call.hidden, $call.y, $call.y_stride, t, count);
                t += count;
            }
        }
    };
}
pub(crate) use frame_by_frame;

/// Factors of the lanes of a half group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halves {
    /// 1/2 below, 1 above.
    pub half_one: [f32; LANES],
    /// 1/2 below, 0 above.
    pub half_zero: [f32; LANES],
}

impl Halves {
    /// Those of an instruction set.
    pub fn new(isa: Isa) -> Self {
        let below = |lane: usize| lane % isa.lanes() < isa.lanes() / 2;
        Self {
            half_one: std::array::from_fn(|lane| if below(lane) { 0.5 } else { 1.0 }),
            half_zero: std::array::from_fn(|lane| if below(lane) { 0.5 } else { 0.0 }),
        }
    }
}

/// `tanh x`, absolute and relative error at most 6e-7; the way from `x` to the result is short, as recurrent layers
/// wait for it in every frame. `times` is multiplied in.
///
/// A rational minimax of degree 7 over 8 in ±8; the polynomials are evaluated in halves that do not wait for each other.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub(crate) unsafe fn tanh<S: Simd>(x: S::V, times: Option<S::V>) -> S::V {
    // SAFETY: passed on to the caller.
    unsafe {
        let x = S::max(S::splat(-8.0), S::min(S::splat(8.0), x));
        let z = S::mul(x, x);
        let z2 = S::mul(z, z);
        let p = S::mul_add(
            S::mul_add(S::splat(1.142_837_6e-5), z, S::splat(2.951_019e-3)),
            z2,
            S::mul_add(S::splat(0.129_256_59), z, S::splat(0.999_999_9)),
        );
        let q = S::mul_add(
            S::mul_add(
                S::splat(2.459_196_4e-7),
                z2,
                S::mul_add(S::splat(2.386_685_3e-4), z, S::splat(2.381_553_5e-2)),
            ),
            z2,
            S::mul_add(S::splat(0.462_588_73), z, S::splat(1.0)),
        );
        let x = match times {
            Some(times) => S::mul(x, times),
            None => x,
        };
        S::div(S::mul(x, p), q)
    }
}

/// Floats of `h` and the rows of outputs before they are written as planes: `h` is row 0.
pub(crate) const fn rows_len(hidden: usize) -> usize {
    (LANES + 1) * padded(hidden)
}

/// Rows `1 ..= frames` to planes of `y`, from frame `t` on; the last row becomes row 0. At most [`Simd::LANES`] frames.
///
/// # Safety
/// As [`Simd`]; `rows` has [`rows_len`], `y` has `hidden` planes with the frames.
#[inline(always)]
pub(crate) unsafe fn write_rows<S: Shuffle>(
    rows: *mut f32,
    hidden: usize,
    y: *mut f32,
    y_stride: usize,
    t: usize,
    frames: usize,
) {
    let stride = padded(hidden);
    // SAFETY: passed on to the caller; rows are read in whole vectors, inside the padding.
    unsafe {
        let first = rows.add(stride);
        if frames == S::LANES {
            let mut unit = 0;
            while unit < hidden {
                let (from, to) = (first.add(unit), y.add(unit * y_stride + t));
                S::transpose(from, stride, to, y_stride, (hidden - unit).min(S::LANES));
                unit += S::LANES;
            }
        } else {
            for frame in 0..frames {
                for unit in 0..hidden {
                    *y.add(unit * y_stride + t + frame) = *first.add(frame * stride + unit);
                }
            }
        }
        std::ptr::copy_nonoverlapping(rows.add(frames * stride), rows, stride);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::dispatch;

    dispatch! {
        unsafe fn all = generic(x: &mut [f32])
    }

    #[inline(always)]
    unsafe fn generic<S: Simd>(x: &mut [f32]) {
        for x in x.chunks_exact_mut(LANES).flat_map(|x| x.chunks_exact_mut(S::LANES)) {
            // SAFETY: enabled by `dispatch`; a chunk is a vector.
            unsafe { S::store(x.as_mut_ptr(), tanh::<S>(S::load(x.as_ptr()), None)) };
        }
    }

    #[test]
    #[allow(clippy::cast_precision_loss)]
    fn tanh_is_as_close_as_it_says() {
        let mut x: Vec<f32> = (-160_000..160_000).map(|i| i as f32 * 1e-4).collect();
        x.extend((0..160).map(|i| 1e-20 * (1.5f32).powi(i)));
        x.extend([
            f32::INFINITY,
            f32::NEG_INFINITY,
            0.0,
            -0.0,
            f32::MAX,
            f32::MIN,
            1e-39,
            -1e-39,
        ]);
        x.resize(padded(x.len()), 0.0);
        for isa in Isa::available() {
            let mut y = x.clone();
            // SAFETY: the instruction set is available.
            unsafe { all(isa, &mut y) };
            for (x, y) in x.iter().zip(&y) {
                let exact = f64::from(*x).tanh();
                let error = (f64::from(*y) - exact).abs();
                assert!(error <= 6e-7 * exact.abs() + 1e-38, "{isa}: tanh {x} = {y}, {exact}");
            }
        }
    }

    #[test]
    fn tiles_hold_every_unit_once() {
        for isa in Isa::available() {
            for hidden in 1..100 {
                let mut seen = vec![0; hidden];
                for tile in tiles(hidden, isa) {
                    for group in 0..tile.full + tile.half {
                        for lane in 0..isa.lanes() {
                            if let Some((unit, false)) = lane_unit(&tile, group, lane, hidden, isa) {
                                seen[unit] += 1;
                            }
                        }
                    }
                }
                assert!(seen.iter().all(|count| *count == 1), "{isa}, {hidden}: {seen:?}");
            }
        }
    }
}
