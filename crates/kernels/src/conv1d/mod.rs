//! Convolution along time, stride 1: dilated, grouped; also the dense layer per frame (one tap).
//!
//! `y[o, t] = bias[o] + Σ_i Σ_j weights[o, i, j] · x[g·I + i, t + offset_j]`, `i` outside, `j` inside, in that order on every
//! instruction set. Where tap `j` of the input lies is given at each call, so that one kernel reads straight buffers and
//! rings alike. An optional slope per output makes the result `max(y, 0) + slope · min(y, 0)` (ReLU, LeakyReLU, PReLU).

pub mod reference;
mod simd;

use crate::{Isa, padded};

/// Sizes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Taps.
    pub taps: usize,
    /// Groups; divides both channel counts.
    pub groups: usize,
}

/// A layer, packed for one instruction set.
#[derive(Clone, Debug)]
pub struct Conv1d {
    shape: Shape,
    isa: Isa,
    blocks: Vec<simd::Block>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    slopes: Option<Vec<f32>>,
}

impl Conv1d {
    /// `weights: [outputs, inputs / groups, taps]`, `bias: [outputs]`, `slopes: [outputs]`. `None` if a size does not fit.
    pub fn new(shape: Shape, weights: &[f32], bias: Option<&[f32]>, slopes: Option<&[f32]>, isa: Isa) -> Option<Self> {
        let Shape {
            inputs,
            outputs,
            taps,
            groups,
        } = shape;
        let fits = groups > 0
            && inputs > 0
            && outputs > 0
            && taps > 0
            && inputs.is_multiple_of(groups)
            && outputs.is_multiple_of(groups)
            && weights.len() == outputs.checked_mul(inputs / groups)?.checked_mul(taps)?
            && bias.is_none_or(|bias| bias.len() == outputs)
            && slopes.is_none_or(|slopes| slopes.len() == outputs);
        if !fits {
            return None;
        }
        let isa = isa.or_scalar();
        let (blocks, packed) = simd::pack(shape, weights, isa);
        Some(Self {
            shape,
            isa,
            blocks,
            weights: packed,
            bias: bias.map_or_else(|| vec![0.0; outputs], <[f32]>::to_vec),
            slopes: slopes.map(<[f32]>::to_vec),
        })
    }

    /// Sizes.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// `x: [inputs, …]` with planes `x_stride` apart, tap `j` of a plane beginning at `starts[j]`; `y: [outputs, …]` with
    /// planes `y_stride` apart. Both are touched up to [`padded`] frames.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if a slice is too short.
    pub fn run(&self, x: &[f32], x_stride: usize, starts: &[usize], y: &mut [f32], y_stride: usize, frames: usize) {
        let frames = padded(frames);
        let last = starts.iter().max().copied().unwrap_or(0);
        let fits = starts.len() == self.shape.taps
            && (self.shape.inputs - 1) * x_stride + last + frames <= x.len()
            && (self.shape.outputs - 1) * y_stride + frames <= y.len();
        debug_assert!(fits, "conv1d: slices too short");
        if !fits || frames == 0 {
            return;
        }
        let call = simd::Call {
            x: x.as_ptr(),
            x_stride,
            starts,
            y: y.as_mut_ptr(),
            y_stride,
            frames,
            blocks: &self.blocks,
            weights: self.weights.as_ptr(),
            bias: self.bias.as_ptr(),
            slopes: self.slopes.as_ref().map_or(std::ptr::null(), Vec::as_ptr),
            taps: self.shape.taps,
            group_inputs: self.shape.inputs / self.shape.groups,
        };
        // SAFETY: the instruction set is available by construction; the sizes were checked just now, weights and bias at
        // construction; `y` is borrowed exclusively, so it overlaps nothing.
        unsafe { simd::run(self.isa, &call) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Relative to the sum of magnitudes: rounding of a sum of n terms grows at most with n; the tests have n ≤ 13 · 40.
    const MAX_RELATIVE_ERROR: f64 = 520.0 * 6e-8;

    fn numbers(seed: u64, len: usize) -> Vec<f32> {
        let mut next = crate::test_numbers(seed);
        (0..len).map(|_| next()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn close_to_the_reference_and_indifferent_to_cuts(
            seed in any::<u64>(),
            groups in 1usize..4,
            group_inputs in 1usize..14,
            group_outputs in 1usize..14,
            taps in 1usize..8,
            dilation in 1usize..9,
            frames in 0usize..70,
            cut in 0usize..70,
            sloped in any::<bool>(),
        ) {
            let shape = Shape { inputs: groups * group_inputs, outputs: groups * group_outputs, taps, groups };
            let reach = (taps - 1) * dilation;
            let x_stride = reach + padded(frames) + 16;
            let x = numbers(seed, shape.inputs * x_stride);
            let weights = numbers(seed ^ 1, shape.outputs * group_inputs * taps);
            let bias = numbers(seed ^ 2, shape.outputs);
            let slopes = numbers(seed ^ 3, shape.outputs);
            let slopes = sloped.then_some(&slopes[..]);
            let starts: Vec<usize> = (0..taps).map(|j| j * dilation).collect();
            let expected = reference::run(shape, &weights, Some(&bias), slopes, &x, x_stride, &starts, frames);
            for isa in Isa::available() {
                let conv = Conv1d::new(shape, &weights, Some(&bias), slopes, isa).expect("sizes fit");
                let y_stride = padded(frames) + 16;
                let mut y = vec![f32::NAN; shape.outputs * y_stride];
                conv.run(&x, x_stride, &starts, &mut y, y_stride, frames);
                for (o, row) in expected.iter().enumerate() {
                    for (t, (value, magnitude)) in row.iter().enumerate() {
                        let error = (f64::from(y[o * y_stride + t]) - value).abs();
                        prop_assert!(error <= magnitude * MAX_RELATIVE_ERROR, "{} at {},{}", isa, o, t);
                    }
                }
                let cut = cut.min(frames);
                let mut parts = vec![f32::NAN; shape.outputs * y_stride];
                conv.run(&x, x_stride, &starts, &mut parts, y_stride, cut);
                let later: Vec<usize> = starts.iter().map(|start| start + cut).collect();
                conv.run(&x, x_stride, &later, &mut parts[cut..], y_stride, frames - cut);
                for o in 0..shape.outputs {
                    for t in 0..frames {
                        prop_assert_eq!(y[o * y_stride + t].to_bits(), parts[o * y_stride + t].to_bits());
                    }
                }
            }
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let shape = Shape {
            inputs: 2,
            outputs: 3,
            taps: 2,
            groups: 1,
        };
        assert!(Conv1d::new(shape, &[0.0; 12], None, None, Isa::Scalar).is_some());
        assert!(Conv1d::new(shape, &[0.0; 11], None, None, Isa::Scalar).is_none());
        assert!(Conv1d::new(shape, &[0.0; 12], Some(&[0.0; 2]), None, Isa::Scalar).is_none());
        assert!(Conv1d::new(Shape { groups: 2, ..shape }, &[0.0; 6], None, None, Isa::Scalar).is_none());
    }
}
