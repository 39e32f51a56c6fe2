//! Random tensors from a fixed generator: the same seed gives the same numbers on every machine.

use super::{EvalError, Outcome, float, limited};
use crate::op::Distribution;

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0 .. 1`, 24 bits.
    #[allow(clippy::cast_precision_loss)]
    fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 16_777_216.0
    }

    /// Mean 0, deviation 1, by the polar form of Box and Muller.
    fn normal(&mut self) -> f32 {
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * (-2.0 * square.ln() / square).sqrt();
            }
        }
    }
}

pub(super) fn random(wanted: &[i64], distribution: Distribution, seed: Option<f32>) -> Outcome {
    let shape = wanted
        .iter()
        .map(|size| usize::try_from(*size).map_err(|_| EvalError::new(format!("{wanted:?} is no shape"))))
        .collect::<Outcome<Vec<_>>>()?;
    let count = limited(&shape)?;
    let mut generator = Generator(u64::from(seed.unwrap_or(0.0).to_bits()));
    let data = (0..count)
        .map(|_| match distribution {
            Distribution::Normal { mean, scale } => mean + scale * generator.normal(),
            Distribution::Uniform { low, high } => low + (high - low) * generator.uniform(),
        })
        .collect();
    float(shape, data)
}
