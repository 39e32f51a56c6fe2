//! What filters are designed with, off the audio thread: plans of Fourier transforms, and the function behind Kaiser's window.
//!
//! Transforms are generic, and costly to compile: made here, their code exists once.

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

pub use realfft::num_complex::Complex;

/// Forward and inverse transform of `length` real samples.
pub type RealPlans<T> = (Arc<dyn RealToComplex<T>>, Arc<dyn ComplexToReal<T>>);

/// Forward and inverse transform of `length` real samples.
pub fn real_f32(length: usize) -> RealPlans<f32> {
    let mut planner = RealFftPlanner::new();
    (planner.plan_fft_forward(length), planner.plan_fft_inverse(length))
}

/// The same in double precision.
pub fn real_f64(length: usize) -> RealPlans<f64> {
    let mut planner = RealFftPlanner::new();
    (planner.plan_fft_forward(length), planner.plan_fft_inverse(length))
}

/// Forward and inverse transform of `length` complex numbers in double precision.
pub fn complex_f64(length: usize) -> (Arc<dyn Fft<f64>>, Arc<dyn Fft<f64>>) {
    let mut planner = FftPlanner::new();
    (planner.plan_fft_forward(length), planner.plan_fft_inverse(length))
}

/// The modified Bessel function of the first kind and order 0, by its power series.
pub fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bessel_s_function_has_its_known_values() {
        // Abramowitz and Stegun 1964, table 9.8.
        for (x, value) in [(0.0, 1.0), (1.0, 1.266_065_877_752), (5.0, 27.239_871_823_604)] {
            assert!((bessel_i0(x) - value).abs() < 1e-11 * value, "{x}: {}", bessel_i0(x));
        }
    }

    #[test]
    fn plans_go_there_and_back() {
        let (forward, inverse) = real_f64(12);
        let given: Vec<f64> = (0..12).map(f64::from).collect();
        let (mut samples, mut bins) = (given.clone(), forward.make_output_vec());
        forward.process(&mut samples, &mut bins).expect("its own lengths");
        inverse.process(&mut bins, &mut samples).expect("its own lengths");
        for (back, given) in samples.iter().zip(&given) {
            assert!((back / 12.0 - given).abs() < 1e-12);
        }
        assert_eq!(complex_f64(6).0.len(), real_f32(6).0.len());
    }
}
