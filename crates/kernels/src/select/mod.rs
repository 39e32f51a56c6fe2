//! Choice per element: one of two signals, as a third says.

pub mod reference;
mod simd;

use crate::Isa;
use crate::binary::Operand;

/// `y[i] = c[i] ≠ 0 ? a[i] : b[i]` over the shortest length; each argument is a signal or one value for all elements.
///
/// # Realtime Safety
/// Safe.
pub fn run(isa: Isa, c: Operand<'_>, a: Operand<'_>, b: Operand<'_>, y: &mut [f32]) {
    let len = y.len().min(c.len()).min(a.len()).min(b.len());
    // SAFETY: the instruction set is checked; signals have at least `len` elements, and null stands for a value; `y` is
    // borrowed exclusively.
    unsafe { simd::run(isa.or_scalar(), c.raw(), a.raw(), b.raw(), y.as_mut_ptr(), len) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn equals_the_reference_in_every_form(
            triples in proptest::collection::vec((0usize..5, -1.0f32..1.0, -1.0f32..1.0), 0..70),
            form in 0u8..8,
        ) {
            let truths = [0.0, 1.0, -0.0, f32::NAN, 0.5];
            let c: Vec<f32> = triples.iter().map(|triple| truths[triple.0]).collect();
            let a: Vec<f32> = triples.iter().map(|triple| triple.1).collect();
            let b: Vec<f32> = triples.iter().map(|triple| triple.2).collect();
            let pick = |bit: u8, signal: &[f32], i: usize| if form & bit == 0 { signal[i] } else { signal[0] };
            for isa in Isa::available() {
                let mut y = vec![9.0; c.len()];
                let operand = |bit: u8, signal| if form & bit == 0 || c.is_empty() {
                    Operand::Signal(signal)
                } else {
                    Operand::Value(signal[0])
                };
                run(isa, operand(1, &c), operand(2, &a), operand(4, &b), &mut y);
                for (i, y) in y.iter().enumerate() {
                    let expected = reference::apply(pick(1, &c, i), pick(2, &a, i), pick(4, &b, i));
                    prop_assert_eq!(y.to_bits(), expected.to_bits(), "{} at {}", isa, i);
                }
            }
        }
    }
}
