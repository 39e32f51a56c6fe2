//! The most multiply-adds that one core does per nanosecond: the yardstick beside which kernels and models are judged.
//!
//! Independent chains of fused multiply-adds in registers, enough of them to fill the pipelines (latency 4 times two units on
//! current x86-64), no memory. The best of many short tries counts, so that whatever else runs disturbs little. Not for the
//! audio thread.

use crate::Isa;
use crate::simd::{Simd, dispatch};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Independent chains, in vectors.
const CHAINS: usize = 12;

/// Steps of every chain in a try: some 10 µs.
const STEPS: usize = 4096;

/// How long the tries last.
const DURATION: Duration = Duration::from_millis(60);

/// Multiply-adds per nanosecond with the instructions of `isa` (with [`Isa::Scalar`]: a multiplication and an addition each).
/// Takes 60 ms.
pub fn macs_per_ns(isa: Isa) -> f64 {
    let isa = isa.or_scalar();
    // Powers of 2 below the type's range.
    #[allow(clippy::cast_precision_loss)]
    let macs = (CHAINS * STEPS * isa.lanes()) as f64;
    let mut best = f64::INFINITY;
    let mut sums = [0.0; crate::LANES];
    let begun = Instant::now();
    while begun.elapsed() < DURATION {
        let factors = black_box([1.000_000_1, 1e-9]);
        let start = Instant::now();
        // SAFETY: `isa` is available, and `sums` has the lanes of the widest vector.
        unsafe { chains(isa, factors, &mut sums) };
        best = best.min(start.elapsed().as_secs_f64());
        black_box(&sums);
    }
    macs / (best * 1e9)
}

dispatch! {
    unsafe fn chains = run(factors: [f32; 2], sums: &mut [f32; crate::LANES])
}

/// # Safety
/// As [`Simd`].
#[inline(always)]
unsafe fn run<S: Simd>(factors: [f32; 2], sums: &mut [f32; crate::LANES]) {
    const { assert!(S::LANES <= crate::LANES) };
    // SAFETY: passed on to the caller; `sums` has at least S::LANES elements.
    unsafe {
        let (factor, addend) = (S::splat(factors[0]), S::splat(factors[1]));
        let mut chains = [S::splat(1.0); CHAINS];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = S::mul_add(*chain, factor, addend);
            }
        }
        let sum = chains.iter().fold(S::splat(0.0), |sum, chain| S::add(sum, *chain));
        S::store(sums.as_mut_ptr(), sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_has_a_plausible_peak() {
        for isa in Isa::available() {
            let peak = macs_per_ns(isa);
            // Between a very slow core that is shared and 4 units of 16 lanes at 7 GHz.
            assert!((0.05..450.0).contains(&peak), "{isa}: {peak}");
        }
    }
}
