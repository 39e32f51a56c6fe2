//! What it takes to compute an operator whose inputs are all constant.

use crate::infer::Fact;
use crate::op::Op;
use crate::tensor::{Tensor, elements};

/// Longest transform whose length is taken apart.
const MAX_TRANSFORM: usize = 1 << 28;

/// Elements read; where one result takes many of them, multiply-adds. `None` if that cannot be told or counted.
pub(super) fn work(op: &Op, inputs: &[Option<&Fact>], results: &[Fact]) -> Option<usize> {
    let read = total(inputs.iter().copied().flatten())?;
    let written = total(results);
    let each = match op {
        // The smaller sizes of a product are not looked at: large ones are rare enough.
        Op::MatMul | Op::Gemm { .. } => {
            let [Some(a), Some(b), ..] = inputs else { return None };
            return count(a)?.checked_mul(count(b)?);
        }
        Op::MaxPool { window, .. } | Op::AveragePool { window, .. } => elements(&window.kernel)?,
        Op::Dft { .. } | Op::Stft { .. } => prime_factors(transform_length(op, inputs)?)?,
        // Axis after axis: a stage between may be larger than both ends.
        Op::Resize { .. } => {
            let (x, y) = (inputs.first().copied().flatten()?, results.first()?);
            let stage: Vec<usize> = (x.known_shape()?.iter().zip(y.known_shape()?))
                .map(|(x, y)| *x.max(&y))
                .collect();
            return elements(&stage)?.checked_mul(4)?.checked_add(read);
        }
        // What is written is counted where it is booked.
        _ => return Some(read),
    };
    written?.checked_mul(each)?.checked_add(read)
}

fn count(fact: &Fact) -> Option<usize> {
    elements(&fact.known_shape()?)
}

fn total<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Option<usize> {
    (facts.into_iter()).try_fold(0usize, |sum, fact| sum.checked_add(count(fact)?))
}

fn transform_length(op: &Op, inputs: &[Option<&Fact>]) -> Option<usize> {
    let input = |index: usize| inputs.get(index).copied().flatten();
    let number = |fact: &Fact| {
        let length = *fact.constant.as_deref().and_then(Tensor::as_i64)?.first()?;
        usize::try_from(length).ok()
    };
    let size = |fact: &Fact, axis: usize| fact.known_shape()?.get(axis).copied();
    match op {
        Op::Dft {
            axis,
            inverse,
            onesided,
        } => match input(1) {
            Some(length) => number(length),
            None => {
                let size = size(input(0)?, *axis)?;
                Some(if *inverse && *onesided { 2 * size } else { size })
            }
        },
        _ => match (input(3), input(2)) {
            (Some(length), _) => number(length),
            (None, Some(window)) => size(window, 0),
            (None, None) => size(input(0)?, 1),
        },
    }
}

/// A little more than the sum of the prime factors: multiply-adds per element of a transform by decimation for each of them.
fn prime_factors(mut length: usize) -> Option<usize> {
    if length > MAX_TRANSFORM {
        return None;
    }
    let (mut sum, mut prime) = (1, 2);
    while prime * prime <= length {
        while length.is_multiple_of(prime) {
            sum += prime;
            length /= prime;
        }
        prime += 1;
    }
    Some(sum + length)
}

#[cfg(test)]
mod tests {
    use super::prime_factors;

    #[test]
    fn prime_factors_add_up() {
        assert_eq!(prime_factors(1024), Some(1 + 2 * 10 + 1));
        assert_eq!(prime_factors(480), Some(1 + 2 * 5 + 3 + 5));
        assert_eq!(prime_factors(1_000_003), Some(1 + 1_000_003));
        assert_eq!(prime_factors(0), Some(1));
        assert_eq!(prime_factors(usize::MAX), None);
    }
}
