//! Arithmetic of spectra in planes, for partitioned convolution: products of spectra, and the passes that make one long Fourier
//! transform of several short ones.
//!
//! A *plane* is `[2, bins]`: real parts, then imaginary parts, each a multiple of [`crate::LANES`] long. All functions work on
//! planes of one length; of others they do nothing.

pub mod reference;
mod simd;

use crate::{Isa, LANES};

/// Bins of planes of these lengths; `None` if they differ or are no planes.
fn bins(lengths: [usize; 3]) -> Option<usize> {
    let [a, b, c] = lengths;
    (a == b && b == c && a.is_multiple_of(2 * LANES)).then_some(a / 2)
}

/// `sum += x · h`.
///
/// # Realtime Safety
/// Safe.
pub fn multiply_add(isa: Isa, x: &[f32], h: &[f32], sum: &mut [f32]) {
    if let Some(bins) = bins([x.len(), h.len(), sum.len()]) {
        // SAFETY: the instruction set is checked; all three have `2 · bins` elements, whole vectors.
        unsafe { simd::multiply_add(isa.or_scalar(), x.as_ptr(), h.as_ptr(), sum.as_mut_ptr(), bins) };
    }
}

/// `a, b ← a + w·b, a − w·b`: the pass that makes the transform of a sequence of the transforms of its even and its odd samples
/// (Cooley and Tukey, decimation in time).
///
/// # Realtime Safety
/// Safe.
pub fn join(isa: Isa, w: &[f32], a: &mut [f32], b: &mut [f32]) {
    if let Some(bins) = bins([w.len(), a.len(), b.len()]) {
        // SAFETY: the instruction set is checked; all three have `2 · bins` elements, whole vectors, and do not overlap.
        unsafe { simd::join(isa.or_scalar(), w.as_ptr(), a.as_mut_ptr(), b.as_mut_ptr(), bins) };
    }
}

/// `a, b ← a + b, (a − b)·w̄`: twice the inverse of [`join`], for `|w| = 1`.
///
/// # Realtime Safety
/// Safe.
pub fn part(isa: Isa, w: &[f32], a: &mut [f32], b: &mut [f32]) {
    if let Some(bins) = bins([w.len(), a.len(), b.len()]) {
        // SAFETY: the instruction set is checked; all three have `2 · bins` elements, whole vectors, and do not overlap.
        unsafe { simd::part(isa.or_scalar(), w.as_ptr(), a.as_mut_ptr(), b.as_mut_ptr(), bins) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_numbers;
    use proptest::prelude::*;

    /// Two products and two sums of numbers up to 1, with and without fused steps.
    const TOLERANCE: f32 = 5e-7;

    fn near(left: &[f32], right: &[f32]) -> bool {
        left.iter()
            .zip(right)
            .all(|(left, right)| (left - right).abs() <= TOLERANCE)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_instruction_set_equals_the_loop(vectors in 0..5_usize, shift in 0..3_usize, seed in any::<u64>()) {
            let len = 2 * LANES * vectors;
            let mut next = test_numbers(seed);
            let mut plane = || -> Vec<f32> { (0..len + shift).map(|_| next()).collect() };
            let (x, h, a) = (plane(), plane(), plane());
            // Not aligned to vectors.
            let (x, h, a) = (&x[shift..], &h[shift..], &a[shift..]);
            for isa in Isa::available() {
                let (mut sum, mut expected) = (a.to_vec(), a.to_vec());
                multiply_add(isa, x, h, &mut sum);
                reference::multiply_add(x, h, &mut expected);
                prop_assert!(near(&sum, &expected), "multiply_add {}", isa);

                let (mut left, mut right) = (x.to_vec(), h.to_vec());
                let (mut left_expected, mut right_expected) = (x.to_vec(), h.to_vec());
                join(isa, a, &mut left, &mut right);
                reference::join(a, &mut left_expected, &mut right_expected);
                prop_assert!(near(&left, &left_expected) && near(&right, &right_expected), "join {}", isa);

                let (mut left, mut right) = (x.to_vec(), h.to_vec());
                let (mut left_expected, mut right_expected) = (x.to_vec(), h.to_vec());
                part(isa, a, &mut left, &mut right);
                reference::part(a, &mut left_expected, &mut right_expected);
                prop_assert!(near(&left, &left_expected) && near(&right, &right_expected), "part {}", isa);
            }
        }
    }

    #[test]
    fn other_lengths_are_left_alone() {
        let isa = Isa::detect();
        let mut sum = [1.0; 32];
        multiply_add(isa, &[1.0; 32], &[1.0; 64], &mut sum);
        let (mut a, mut b) = ([1.0; 31], [1.0; 31]);
        join(isa, &[1.0; 31], &mut a, &mut b);
        part(isa, &[1.0; 64], &mut a, &mut b);
        assert_eq!((sum, a, b), ([1.0; 32], [1.0; 31], [1.0; 31]));
    }
}
