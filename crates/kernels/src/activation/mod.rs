//! Element-wise functions of one argument.
//!
//! [`mod@reference`] says what each computes, in `f64`; the vector versions stay within [`MAX_ERROR`] of it. The common ones
//! (everything but the functions named in [`Function::is_vectorised`]) run on vectors; the rest call the standard library per
//! element. Either way an element's bits depend on that element alone.

pub mod reference;
mod simd;

pub(crate) use simd::{finish, vector};

use crate::Isa;

/// Largest deviation from [`reference::apply`]: absolute up to magnitude 1, relative above. The exact class: far below 16-bit
/// audio's step of 3e-5, and of the order of what one `f32` layer rounds.
pub const MAX_ERROR: f32 = 1e-6;

/// The function.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Function {
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// `max(x, 0)`.
    Relu,
    /// `x` for `x ≥ 0`, else `slope · x`.
    LeakyRelu {
        /// Slope below 0.
        slope: f32,
    },
    /// `gamma · (x > 0 ? x : alpha · (eˣ − 1))`.
    Elu {
        /// Scale below 0.
        alpha: f32,
        /// Overall scale.
        gamma: f32,
    },
    /// `clamp(slope · x + offset, 0, 1)`.
    HardSigmoid {
        /// Slope.
        slope: f32,
        /// Offset.
        offset: f32,
    },
    /// `x · clamp(x / 6 + 1/2, 0, 1)`.
    HardSwish,
    /// `clamp(x, low, high)`.
    Clamp {
        /// Lowest value.
        low: f32,
        /// Highest value.
        high: f32,
    },
    /// `x · Φ(x)`.
    Gelu,
    /// Tanh approximation of [`Function::Gelu`].
    GeluTanh,
    /// `ln(1 + eˣ)`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// Magnitude.
    Abs,
    /// Negation.
    Neg,
    /// Square root.
    Sqrt,
    /// Exponential.
    Exp,
    /// Natural logarithm.
    Log,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Arc sine.
    Asin,
    /// Arc cosine.
    Acos,
    /// Arc tangent.
    Atan,
    /// Hyperbolic sine.
    Sinh,
    /// Hyperbolic cosine.
    Cosh,
    /// Inverse hyperbolic sine.
    Asinh,
    /// Inverse hyperbolic cosine.
    Acosh,
    /// Inverse hyperbolic tangent.
    Atanh,
    /// Gauss error function.
    Erf,
    /// `1 / x`.
    Reciprocal,
    /// Largest integer not above.
    Floor,
    /// Smallest integer not below.
    Ceil,
    /// Nearest integer, ties to even.
    Round,
    /// −1, 0 or 1.
    Sign,
}

impl Function {
    /// False for the functions that call the standard library per element.
    pub const fn is_vectorised(self) -> bool {
        !matches!(
            self,
            Self::Gelu
                | Self::Softplus
                | Self::Log
                | Self::Sin
                | Self::Cos
                | Self::Asin
                | Self::Acos
                | Self::Atan
                | Self::Sinh
                | Self::Cosh
                | Self::Asinh
                | Self::Acosh
                | Self::Atanh
                | Self::Erf
                | Self::Sign
        )
    }
}

impl Function {
    /// True for those that a convolution can apply to its own result ([`crate::Conv1d::with_activation`]).
    pub const fn fuses(self) -> bool {
        matches!(
            self,
            Self::Tanh
                | Self::Sigmoid
                | Self::Relu
                | Self::LeakyRelu { .. }
                | Self::Elu { .. }
                | Self::HardSigmoid { .. }
                | Self::HardSwish
                | Self::Clamp { .. }
                | Self::Softsign
        )
    }
}

/// A function bound to an instruction set.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    function: Function,
    isa: Isa,
}

impl Activation {
    /// Falls back to [`Isa::Scalar`] where the machine lacks `isa`.
    pub fn new(function: Function, isa: Isa) -> Self {
        Self {
            function,
            isa: isa.or_scalar(),
        }
    }

    /// `y[i] = f(x[i])` over the shorter length.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn map(&self, x: &[f32], y: &mut [f32]) {
        let len = x.len().min(y.len());
        // SAFETY: `isa` is available by construction; both slices have `len` elements and do not overlap.
        unsafe { simd::run(self.isa, self.function, x.as_ptr(), y.as_mut_ptr(), len) };
    }

    /// As [`Self::map`], over `[planes, frames]` with planes `stride` apart in both; touches planes up to [`crate::padded`]
    /// frames.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn map_planes(&self, x: &[f32], y: &mut [f32], stride: usize, frames: usize) {
        let frames = crate::padded(frames);
        let planes = (x.len().min(y.len())).checked_div(stride).unwrap_or(0);
        if frames <= stride {
            // SAFETY: `isa` is available by construction; all planes lie in both slices, whole vectors in the planes.
            unsafe {
                simd::run_planes(
                    self.isa,
                    self.function,
                    x.as_ptr(),
                    y.as_mut_ptr(),
                    stride,
                    planes,
                    frames,
                );
            };
        }
    }

    /// As [`Self::map_planes`], in place.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn apply_planes(&self, y: &mut [f32], stride: usize, frames: usize) {
        let frames = crate::padded(frames);
        let planes = y.len().checked_div(stride).unwrap_or(0);
        if frames <= stride {
            let pointer = y.as_mut_ptr();
            // SAFETY: as above, in place.
            unsafe { simd::run_planes(self.isa, self.function, pointer, pointer, stride, planes, frames) };
        }
    }

    /// `y[i] = f(y[i])`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn apply(&self, y: &mut [f32]) {
        let pointer = y.as_mut_ptr();
        // SAFETY: as above; each element is read before it is written, in place.
        unsafe { simd::run(self.isa, self.function, pointer, pointer, y.len()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Function; 32] = [
        Function::Tanh,
        Function::Sigmoid,
        Function::Relu,
        Function::LeakyRelu { slope: 0.01 },
        Function::Elu { alpha: 1.0, gamma: 1.0 },
        Function::Elu {
            alpha: 1.673_263_2,
            gamma: 1.050_701,
        },
        Function::HardSigmoid {
            slope: 0.2,
            offset: 0.5,
        },
        Function::HardSwish,
        Function::Clamp { low: -0.5, high: 0.75 },
        Function::Gelu,
        Function::GeluTanh,
        Function::Softplus,
        Function::Softsign,
        Function::Abs,
        Function::Neg,
        Function::Sqrt,
        Function::Exp,
        Function::Log,
        Function::Sin,
        Function::Cos,
        Function::Asin,
        Function::Acos,
        Function::Atan,
        Function::Sinh,
        Function::Cosh,
        Function::Asinh,
        Function::Acosh,
        Function::Atanh,
        Function::Erf,
        Function::Floor,
        Function::Ceil,
        Function::Round,
    ];

    fn check(function: Function, isa: Isa, xs: &[f32]) {
        let mut ys = vec![0.0; xs.len()];
        Activation::new(function, isa).map(xs, &mut ys);
        for (x, y) in xs.iter().zip(&ys) {
            let expected = reference::apply(function, f64::from(*x));
            #[allow(clippy::cast_possible_truncation)]
            let expected_f32 = expected as f32;
            if expected.is_nan() {
                assert!(y.is_nan(), "{function:?} {isa} of {x}: {y}, expected NaN");
            } else if expected_f32.is_infinite() || expected.abs() > 2.3e38 {
                let large = y.abs() > 2e38 && y.is_sign_negative() == expected.is_sign_negative();
                assert!(large || *y == expected_f32, "{function:?} {isa} of {x}: {y}");
            } else {
                let error = (f64::from(*y) - expected).abs() / expected.abs().max(1.0);
                assert!(
                    error <= f64::from(MAX_ERROR),
                    "{function:?} {isa} of {x}: {y}, expected {expected}"
                );
            }
        }
    }

    #[test]
    fn a_dense_sweep_stays_within_the_error() {
        let xs: Vec<f32> = (-32_000i16..=32_000)
            .map(|i| f32::from(i) * 3e-3)
            .chain((-30_000i16..=30_000).map(|i| f32::from(i) * 3e-5))
            .chain([
                0.0,
                -0.0,
                f32::MIN_POSITIVE,
                1e-40,
                -1e-40,
                87.0,
                88.0,
                100.0,
                -87.0,
                -88.0,
                -104.0,
                1e10,
                -1e10,
            ])
            .collect();
        for isa in Isa::available() {
            for function in ALL {
                check(function, isa, &xs);
            }
        }
    }

    #[test]
    fn nan_stays_nan() {
        for isa in Isa::available() {
            for function in ALL.into_iter().chain([Function::Reciprocal]) {
                let mut ys = [f32::NAN; 3];
                Activation::new(function, isa).apply(&mut ys);
                assert!(ys.iter().all(|y| y.is_nan()), "{function:?} {isa}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn lengths_positions_and_cuts_do_not_matter(
            xs in proptest::collection::vec(-20.0f32..20.0, 0..70),
            cut in 0usize..70,
            which in 0..ALL.len(),
        ) {
            for isa in Isa::available() {
                check(ALL[which], isa, &xs);
                let activation = Activation::new(ALL[which], isa);
                let mut whole = xs.clone();
                activation.apply(&mut whole);
                let mut parts = xs.clone();
                let (a, b) = parts.split_at_mut(cut.min(xs.len()));
                activation.apply(a);
                activation.apply(b);
                let bits = |ys: &[f32]| ys.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(&whole), bits(&parts));

                // Planes: the same numbers twice, 80 apart.
                let mut planes = vec![0.0; 160];
                planes[..xs.len()].copy_from_slice(&xs);
                planes[80..80 + xs.len()].copy_from_slice(&xs);
                let mut mapped = vec![0.0; 160];
                activation.map_planes(&planes, &mut mapped, 80, xs.len());
                activation.apply_planes(&mut planes, 80, xs.len());
                for of in [&planes, &mapped] {
                    prop_assert_eq!(bits(&whole), bits(&of[..xs.len()]));
                    prop_assert_eq!(bits(&whole), bits(&of[80..80 + xs.len()]));
                }
            }
        }
    }
}
