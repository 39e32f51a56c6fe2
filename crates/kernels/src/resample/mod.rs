//! Filters between two rates: every output is a weighted sum of the inputs around it, with the weights of its place between them.
//!
//! `y[i] = Σ_j rows[r_i][j] · x[start_i + j]`. The place of output `i` in the input is `start + part / parts`, exactly: both are
//! counted in whole numbers, so that no rate drifts and no cut is heard. Row `r` holds the weights for part `r` (polyphase; Crochiere
//! and Rabiner, *Multirate Digital Signal Processing*, 1983, chapter 3). Where there are fewer rows than parts, the weights of a
//! place between two rows are blended from both.
//!
//! Each instruction set has one order of summation, the same at every place and for every number of outputs.

pub mod reference;
mod simd;

use crate::{Isa, LANES};

/// A place in the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// First input that the output is made of.
    pub start: usize,
    /// Parts of an input behind it, below [`Ratio::parts`].
    pub part: u64,
}

/// Inputs per output, as `step / parts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// Parts of an input from output to output.
    pub step: u64,
    /// Parts of an input, at least 1.
    pub parts: u64,
}

impl Ratio {
    /// The place `outputs` outputs later.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn ahead(self, place: Place, outputs: usize) -> Place {
        let parts = u128::from(place.part) + u128::from(self.step) * outputs as u128;
        let parts_of_one = u128::from(self.parts.max(1));
        Place {
            start: place
                .start
                .saturating_add(usize::try_from(parts / parts_of_one).unwrap_or(usize::MAX)),
            // Below `parts`, which is a u64.
            #[allow(clippy::cast_possible_truncation)]
            part: (parts % parts_of_one) as u64,
        }
    }
}

/// Weights for every place, packed for one instruction set.
#[derive(Clone, Debug)]
pub struct Bank {
    isa: Isa,
    ratio: Ratio,
    /// A multiple of [`LANES`].
    taps: usize,
    /// `[rows, taps]`.
    weights: Vec<f32>,
    /// Rows per input if there are not as many as parts; one more row than that exists.
    blended: Option<u64>,
}

impl Bank {
    /// `weights: [rows, taps]`, oldest input first. `rows` is the number of parts, and row `r` is for part `r`; or it is another number
    /// `n + 1`, and row `r` is for the place `r / n` between two inputs. `None` if the sizes do not fit.
    pub fn new(ratio: Ratio, rows: usize, weights: &[f32], isa: Isa) -> Option<Self> {
        let own = weights.len().checked_div(rows)?;
        let exact = rows as u64 == ratio.parts;
        // A part of a row is counted in `parts · rows`.
        ratio.parts.checked_mul(rows as u64)?;
        if own == 0 || own * rows != weights.len() || ratio.parts == 0 || ratio.step == 0 || (!exact && rows < 2) {
            return None;
        }
        let taps = own.next_multiple_of(LANES);
        let mut packed = vec![0.0; rows.checked_mul(taps)?];
        // Zeros go in front, where the past is: nothing beyond the newest input is read.
        for (to, from) in packed.chunks_exact_mut(taps).zip(weights.chunks_exact(own)) {
            to[taps - own..].copy_from_slice(from);
        }
        Some(Self {
            isa: isa.or_scalar(),
            ratio,
            taps,
            weights: packed,
            blended: (!exact).then(|| rows as u64 - 1),
        })
    }

    /// Inputs that an output is made of, at most; a multiple of [`LANES`].
    pub const fn taps(&self) -> usize {
        self.taps
    }

    /// Inputs per output.
    pub const fn ratio(&self) -> Ratio {
        self.ratio
    }

    /// Fills `y`; the first output is made of the inputs from `place` on. Gives the place of the one after the last.
    ///
    /// # Realtime Safety
    /// Safe. Gives silence if `x` is too short.
    pub fn run(&self, x: &[f32], place: Place, y: &mut [f32]) -> Place {
        let next = self.ratio.ahead(place, y.len());
        let Some(last) = y.len().checked_sub(1) else {
            return place;
        };
        let last = self.ratio.ahead(place, last).start;
        let fits = place.part < self.ratio.parts && last.checked_add(self.taps).is_some_and(|end| end <= x.len());
        debug_assert!(fits, "resample: the input is too short");
        if !fits {
            y.fill(0.0);
            return next;
        }
        let call = simd::Call {
            x: x.as_ptr(),
            weights: self.weights.as_ptr(),
            taps: self.taps,
            ratio: self.ratio,
            place,
            blended: self.blended,
        };
        // SAFETY: the instruction set is available by construction; every start up to the last one leaves `taps` inputs; the
        // part stays below `parts`, so that the rows exist, also the one behind in a blended bank.
        unsafe { simd::run(self.isa, &call, y) };
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Relative to the sum of magnitudes: rounding of a sum of n terms grows at most with n; the tests have n ≤ 80.
    const MAX_RELATIVE_ERROR: f64 = 90.0 * 6e-8;

    fn numbers(seed: u64, len: usize) -> Vec<f32> {
        let mut next = crate::test_numbers(seed);
        (0..len).map(|_| next()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn close_to_the_reference_and_indifferent_to_cuts(
            seed in any::<u64>(),
            taps in 1usize..80,
            step in 1u64..40,
            parts in 1u64..20,
            blend in proptest::option::of(1usize..9),
            first in 0u64..20,
            outputs in 0usize..70,
            cut in 0usize..70,
        ) {
            let ratio = Ratio { step, parts };
            let parts_rows = usize::try_from(parts).expect("small");
            let rows = match blend {
                Some(rows) if rows + 1 != parts_rows => rows + 1,
                _ => parts_rows,
            };
            let weights = numbers(seed, rows * taps);
            let place = Place { start: 3, part: first % parts };
            let x = numbers(seed ^ 1, ratio.ahead(place, outputs).start + taps.next_multiple_of(LANES));
            let expected = reference::run(ratio, rows, &weights, &x, place, outputs);
            for isa in Isa::available() {
                let bank = Bank::new(ratio, rows, &weights, isa).expect("sizes fit");
                let mut y = vec![f32::NAN; outputs];
                let next = bank.run(&x, place, &mut y);
                prop_assert_eq!(next, if outputs == 0 { place } else { ratio.ahead(place, outputs) });
                for (i, (value, magnitude)) in expected.iter().enumerate() {
                    let error = (f64::from(y[i]) - value).abs();
                    prop_assert!(error <= magnitude * MAX_RELATIVE_ERROR, "{} at {}", isa, i);
                }
                let cut = cut.min(outputs);
                let mut parts = vec![f32::NAN; outputs];
                let middle = bank.run(&x, place, &mut parts[..cut]);
                bank.run(&x, middle, &mut parts[cut..]);
                prop_assert!(y.iter().zip(&parts).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let ratio = Ratio { step: 2, parts: 3 };
        assert!(Bank::new(ratio, 3, &[0.0; 12], Isa::Scalar).is_some());
        assert!(Bank::new(ratio, 3, &[0.0; 13], Isa::Scalar).is_none());
        assert!(Bank::new(ratio, 0, &[], Isa::Scalar).is_none());
        assert!(
            Bank::new(ratio, 1, &[0.0; 4], Isa::Scalar).is_none(),
            "nothing to blend with"
        );
        assert!(Bank::new(Ratio { step: 1, parts: 0 }, 3, &[0.0; 12], Isa::Scalar).is_none());
    }
}
