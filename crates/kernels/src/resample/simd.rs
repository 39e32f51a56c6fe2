//! Vector version: vectors run along the taps of one output.

use super::{Place, Ratio};
use crate::LANES;
use crate::simd::{Simd, dispatch};

/// One call, as pointers: all sizes were checked by the caller.
pub(super) struct Call {
    pub x: *const f32,
    pub weights: *const f32,
    /// A multiple of [`LANES`].
    pub taps: usize,
    pub ratio: Ratio,
    pub place: Place,
    pub blended: Option<u64>,
}

dispatch! {
    /// # Safety
    /// `isa` is available; `call.x` has `taps` elements from the start of every output on; `call.weights` has a row of `taps` for
    /// every part, or one more than `blended`.
    pub(super) unsafe fn run = generic(call: &Call, y: &mut [f32])
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(call: &Call, y: &mut [f32]) {
    let Ratio { step, parts } = call.ratio;
    let (whole, rest) = (step / parts, step % parts);
    let Place { mut start, mut part } = call.place;
    for y in y {
        // SAFETY: passed on to the caller; a part below `parts` gives a row below `blended`, which has another behind it.
        unsafe {
            let x = call.x.add(start);
            // `part · rows` does not overflow: checked at construction.
            #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
            {
                *y = match call.blended {
                    None => dot::<S>(x, call.weights.add(part as usize * call.taps), call.taps),
                    Some(rows) => {
                        let fine = part.wrapping_mul(rows);
                        let row = call.weights.add((fine / parts) as usize * call.taps);
                        let share = (fine % parts) as f32 / parts as f32;
                        let (a, b) = (dot::<S>(x, row, call.taps), dot::<S>(x, row.add(call.taps), call.taps));
                        a + share * (b - a)
                    }
                };
                start = start.wrapping_add(whole as usize);
            }
        }
        part += rest;
        if part >= parts {
            part -= parts;
            start += 1;
        }
    }
}

/// # Safety
/// As [`Simd`]; both have `taps` elements, a multiple of [`LANES`].
#[inline(always)]
unsafe fn dot<S: Simd>(x: *const f32, w: *const f32, taps: usize) -> f32 {
    const { assert!(LANES.is_multiple_of(S::LANES)) };
    // SAFETY: every offset stays below `taps`; `sums` has the lanes of the widest vector, of which S has at most as many.
    unsafe {
        let mut chains = [S::splat(0.0); 4];
        let mut at = 0;
        while at + 4 * S::LANES <= taps {
            for (chain, sum) in chains.iter_mut().enumerate() {
                let at = at + chain * S::LANES;
                *sum = S::mul_add(S::load(x.add(at)), S::load(w.add(at)), *sum);
            }
            at += 4 * S::LANES;
        }
        while at < taps {
            chains[0] = S::mul_add(S::load(x.add(at)), S::load(w.add(at)), chains[0]);
            at += S::LANES;
        }
        let sum = S::add(S::add(chains[0], chains[1]), S::add(chains[2], chains[3]));
        let mut sums = [0.0; LANES];
        S::store(sums.as_mut_ptr(), sum);
        let mut width = LANES / 2;
        while width > 0 {
            for lane in 0..width {
                sums[lane] += sums[lane + width];
            }
            width /= 2;
        }
        sums[0]
    }
}
