//! Element-wise functions of two arguments, each a signal or one number for all elements.

pub mod reference;
mod simd;

use crate::Isa;

/// The function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Function {
    /// `a + b`.
    Add,
    /// `a − b`.
    Sub,
    /// `a · b`.
    Mul,
    /// `a / b`.
    Div,
    /// The smaller.
    Min,
    /// The larger.
    Max,
    /// `a ≥ 0 ? a : a · b`.
    PRelu,
    /// `aᵇ`.
    Pow,
    /// Remainder with the sign of `b`.
    Mod,
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// One value per element.
    Signal(&'a [f32]),
    /// The same value for all.
    Value(f32),
}

impl Operand<'_> {
    fn len(self) -> usize {
        match self {
            Self::Signal(signal) => signal.len(),
            Self::Value(_) => usize::MAX,
        }
    }
}

/// `y[i] = f(a[i], b[i])` over the shortest length.
///
/// # Realtime Safety
/// Safe.
pub fn run(function: Function, isa: Isa, a: Operand<'_>, b: Operand<'_>, y: &mut [f32]) {
    let len = y.len().min(a.len()).min(b.len());
    let raw = |operand: Operand<'_>| match operand {
        Operand::Signal(signal) => (signal.as_ptr(), 0.0),
        Operand::Value(value) => (std::ptr::null(), value),
    };
    let ((a, a_value), (b, b_value)) = (raw(a), raw(b));
    // SAFETY: the instruction set is checked; signals have at least `len` elements, and null stands for a value.
    unsafe { simd::run(isa.or_scalar(), function, a, a_value, b, b_value, y.as_mut_ptr(), len) };
}

/// As [`run`] of two signals, over `[planes, frames]` with planes `stride` apart in all three; touches planes up to
/// [`crate::padded`] frames.
///
/// # Realtime Safety
/// Safe.
pub fn run_planes(function: Function, isa: Isa, a: &[f32], b: &[f32], y: &mut [f32], stride: usize, frames: usize) {
    let frames = crate::padded(frames);
    let planes = a.len().min(b.len()).min(y.len()).checked_div(stride).unwrap_or(0);
    if frames <= stride {
        let (a, b, y) = (a.as_ptr(), b.as_ptr(), y.as_mut_ptr());
        // SAFETY: the instruction set is checked; all planes lie in the slices, whole vectors in the planes.
        unsafe { simd::run_planes(isa.or_scalar(), function, a, b, y, stride, planes, frames) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Function; 9] = [
        Function::Add,
        Function::Sub,
        Function::Mul,
        Function::Div,
        Function::Min,
        Function::Max,
        Function::PRelu,
        Function::Pow,
        Function::Mod,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn all_forms_equal_the_reference_bit_for_bit(
            pairs in proptest::collection::vec((-4.0f32..4.0, 0.25f32..3.0), 0..70),
            value in 0.5f32..2.0,
            which in 0..ALL.len(),
            form in 0..3,
        ) {
            let function = ALL[which];
            let a: Vec<f32> = pairs.iter().map(|pair| if function == Function::Pow { pair.0.abs() } else { pair.0 }).collect();
            let b: Vec<f32> = pairs.iter().map(|pair| pair.1).collect();
            for isa in Isa::available() {
                let mut y = vec![0.0; a.len()];
                let (left, right) = match form {
                    0 => (Operand::Signal(&a), Operand::Signal(&b)),
                    1 => (Operand::Signal(&a), Operand::Value(value)),
                    _ => (Operand::Value(value), Operand::Signal(&b)),
                };
                run(function, isa, left, right, &mut y);
                for i in 0..a.len() {
                    let pick = |operand: Operand<'_>| match operand {
                        Operand::Signal(signal) => signal[i],
                        Operand::Value(value) => value,
                    };
                    // One IEEE operation each (Pow and Mod: the same library call), so the bits are equal.
                    let expected = reference::apply(function, pick(left), pick(right));
                    prop_assert_eq!(y[i].to_bits(), expected.to_bits(), "{:?} {} at {}", function, isa, i);
                }
                if form == 0 {
                    let twice = |x: &[f32]| {
                        let mut planes = vec![1.0; 160];
                        planes[..x.len()].copy_from_slice(x);
                        planes[80..80 + x.len()].copy_from_slice(x);
                        planes
                    };
                    let mut planes = vec![0.0; 160];
                    run_planes(function, isa, &twice(&a), &twice(&b), &mut planes, 80, a.len());
                    prop_assert_eq!(&planes[..a.len()], &y[..]);
                    prop_assert_eq!(&planes[80..80 + a.len()], &y[..]);
                }
            }
        }
    }
}
