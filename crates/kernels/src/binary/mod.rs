//! Element-wise functions of two arguments, each a signal or one number for all elements. Truth values are floats: 1 is true,
//! 0 is false, and as an argument everything but 0 is true.

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
    /// `a = b`; NaN equals nothing.
    Equal,
    /// `a > b`.
    Greater,
    /// `a ≥ b`.
    GreaterOrEqual,
    /// `a < b`.
    Less,
    /// `a ≤ b`.
    LessOrEqual,
    /// Both are true.
    And,
    /// One at least is true.
    Or,
    /// Exactly one is true.
    Xor,
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
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Signal(signal) => signal.len(),
            Self::Value(_) => usize::MAX,
        }
    }

    /// The signal, and the value that counts where that is null.
    pub(crate) const fn raw(self) -> (*const f32, f32) {
        match self {
            Self::Signal(signal) => (signal.as_ptr(), 0.0),
            Self::Value(value) => (std::ptr::null(), value),
        }
    }
}

/// `y[i] = f(a[i], b[i])` over the shortest length.
///
/// # Realtime Safety
/// Safe.
pub fn run(function: Function, isa: Isa, a: Operand<'_>, b: Operand<'_>, y: &mut [f32]) {
    let len = y.len().min(a.len()).min(b.len());
    let ((a, a_value), (b, b_value)) = (a.raw(), b.raw());
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

    const ALL: [Function; 17] = [
        Function::Add,
        Function::Sub,
        Function::Mul,
        Function::Div,
        Function::Min,
        Function::Max,
        Function::PRelu,
        Function::Pow,
        Function::Mod,
        Function::Equal,
        Function::Greater,
        Function::GreaterOrEqual,
        Function::Less,
        Function::LessOrEqual,
        Function::And,
        Function::Or,
        Function::Xor,
    ];

    #[test]
    fn truth_tables() {
        let nan = f32::NAN;
        let cases = [
            (Function::Equal, [1.0, 0.0, 0.0, 1.0, 0.0]),
            (Function::Greater, [0.0, 0.0, 1.0, 0.0, 0.0]),
            (Function::GreaterOrEqual, [1.0, 0.0, 1.0, 1.0, 0.0]),
            (Function::Less, [0.0, 1.0, 0.0, 0.0, 0.0]),
            (Function::LessOrEqual, [1.0, 1.0, 0.0, 1.0, 0.0]),
            (Function::And, [1.0, 0.0, 1.0, 0.0, 1.0]),
            (Function::Or, [1.0, 1.0, 1.0, 0.0, 1.0]),
            (Function::Xor, [0.0, 1.0, 0.0, 0.0, 0.0]),
        ];
        let (a, b) = ([2.5, 0.0, 1.0, 0.0, nan], [2.5, 3.0, -1.0, -0.0, nan]);
        for isa in Isa::available() {
            for (function, expected) in cases {
                let mut y = [9.0; 5];
                run(function, isa, Operand::Signal(&a), Operand::Signal(&b), &mut y);
                assert_eq!(y, expected, "{function:?} {isa}");
            }
        }
    }

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
            // Some equal pairs and some zeros, for the comparisons.
            let b: Vec<f32> = pairs.iter().enumerate().map(|(i, pair)| match i % 5 {
                0 if function != Function::Div && function != Function::Mod => 0.0,
                1 => a[i],
                _ => pair.1,
            }).collect();
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
