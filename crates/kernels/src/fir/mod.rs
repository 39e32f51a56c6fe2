//! A short filter of one channel, computed directly: the head of a partitioned convolution, which adds no latency.

pub mod reference;
mod simd;

use crate::{Isa, padded};

/// Sums that are kept side by side; the taps are padded to a multiple of it.
const SUMS: usize = 4;

/// A filter with its taps. Built off the audio thread.
#[derive(Clone, Debug)]
pub struct Fir {
    isa: Isa,
    /// Padded with zeros to a multiple of [`SUMS`].
    taps: Vec<f32>,
}

impl Fir {
    /// With `taps[k]` for the sample `k` frames ago.
    pub fn new(isa: Isa, taps: &[f32]) -> Self {
        let mut taps = taps.to_vec();
        taps.resize(taps.len().next_multiple_of(SUMS).max(SUMS), 0.0);
        Self {
            isa: isa.or_scalar(),
            taps,
        }
    }

    /// Samples before the first of a block that [`Self::run`] wants to see.
    pub fn past(&self) -> usize {
        self.taps.len() - 1
    }

    /// `y[n] = Σ taps[k] · x[past + n − k]` for `n < frames`. `x`: [`Self::past`] old samples, then `frames` new ones, readable up to
    /// `past + padded(frames)`; `y`: written up to `padded(frames)`, beyond `frames` with scratch. Shorter slices: nothing is done.
    /// A sample's bits depend on the samples and not on where it stands in the block.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn run(&self, x: &[f32], y: &mut [f32], frames: usize) {
        let frames = padded(frames);
        if x.len() < self.past() + frames || y.len() < frames {
            return;
        }
        let (taps, count) = (self.taps.as_ptr(), self.taps.len());
        // SAFETY: the instruction set is checked at construction, the lengths right above; `taps` is a multiple of `SUMS`.
        unsafe { simd::run(self.isa, taps, count, x.as_ptr(), y.as_mut_ptr(), frames) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_numbers;
    use proptest::prelude::*;

    /// Rounding of a sum in another order and with fused steps, as a share of the sum of magnitudes.
    const TOLERANCE: f32 = 1e-6;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn every_instruction_set_equals_the_loop_and_any_cut_the_whole(
            taps in 0..140_usize, frames in 1..80_usize, cut in 0..80_usize, seed in any::<u64>(),
        ) {
            let mut next = test_numbers(seed);
            let taps: Vec<f32> = (0..taps).map(|_| next()).collect();
            let cut = cut.min(frames);
            for isa in Isa::available() {
                let fir = Fir::new(isa, &taps);
                let mut x: Vec<f32> = (0..fir.past() + frames).map(|_| next()).collect();
                // What lies behind the new samples must not matter.
                x.resize(fir.past() + padded(frames) + padded(1), f32::NAN);
                let mut whole = vec![0.0; padded(frames)];
                fir.run(&x, &mut whole, frames);
                let scale: f32 = taps.iter().map(|tap| tap.abs()).sum::<f32>().max(1.0);
                for n in 0..frames {
                    let expected = reference::sample(&taps, &x[..=fir.past() + n]);
                    prop_assert!((whole[n] - expected).abs() <= TOLERANCE * scale, "{} at {}", isa, n);
                }
                let mut parts = vec![0.0; padded(frames) + 2 * padded(1)];
                fir.run(&x, &mut parts, cut);
                fir.run(&x[cut..], &mut parts[cut..], frames - cut);
                for n in 0..frames {
                    prop_assert_eq!(whole[n].to_bits(), parts[n].to_bits(), "{} cut at {}, frame {}", isa, cut, n);
                }
            }
        }
    }

    #[test]
    fn slices_that_are_too_short_are_left_alone() {
        let fir = Fir::new(Isa::detect(), &[1.0; 8]);
        let mut y = [7.0; 16];
        fir.run(&[1.0; 22], &mut y, 16);
        fir.run(&[1.0; 64], &mut y[..15], 1);
        assert_eq!(y, [7.0; 16]);
        fir.run(&[1.0; 23], &mut y, 1);
        assert_eq!(y[0], 8.0);
    }
}
