//! A dense layer over the few frames that a slow clock has in a block, with taps along time: the weights are read once for all
//! frames, and no lane is spent on frames that are not there.
//!
//! `y[o, t] = bias[o] + Σ_j Σ_i weights[o, i, j] · x[i, start_j + t]`, as a product of matrices (`product`); the order of a sum
//! depends on the layer alone, not on the number of frames.

use super::product::{self, Call, Panels, ramp};
use crate::{Isa, Weights, conv1d};
use std::sync::Arc;

/// A layer, packed for one instruction set. Clones share the weights.
#[derive(Clone, Debug)]
pub struct Rows {
    inputs: usize,
    outputs: usize,
    taps: usize,
    most: usize,
    isa: Isa,
    width: usize,
    rows: Arc<[u32]>,
    columns: Arc<[u32]>,
    packed: Arc<Panels>,
}

impl Rows {
    /// `weights: [outputs, inputs, taps]`, `bias: [outputs]`; for at most `most` frames at once. `None` if a size does not fit,
    /// or if there are several groups.
    pub fn new(
        shape: conv1d::Shape,
        weights: &[f32],
        bias: Option<&[f32]>,
        most: usize,
        isa: Isa,
        precision: Weights,
    ) -> Option<Self> {
        let conv1d::Shape {
            inputs,
            outputs,
            taps,
            groups,
        } = shape;
        let columns = inputs.checked_mul(taps)?;
        let fits = groups == 1
            && most > 0
            && columns > 0
            && outputs > 0
            && u32::try_from(columns.checked_mul(most)?).is_ok()
            && weights.len() == outputs.checked_mul(columns)?
            && bias.is_none_or(|bias| bias.len() == outputs);
        if !fits {
            return None;
        }
        let isa = isa.or_scalar();
        // Columns stand tap by tap: frames are gathered in runs of one tap.
        let weight = |output: usize, column: usize| {
            let (tap, input) = (column / inputs, column % inputs);
            weights[(output * inputs + input) * taps + tap]
        };
        let packed = Panels::new(isa, outputs, columns, weight, bias, precision);
        Some(Self {
            inputs,
            outputs,
            taps,
            most,
            isa,
            width: packed.width(isa),
            rows: ramp(most, columns).into(),
            columns: ramp(columns, 1).into(),
            packed: Arc::new(packed),
        })
    }

    /// Floats of scratch.
    pub fn scratch_len(&self) -> usize {
        self.most * (self.columns.len() + self.width)
    }

    /// `x: [inputs, …]` with planes `x_stride` apart, tap `j` of a plane beginning at `starts[j]`; `y: [outputs, …]` with planes
    /// `y_stride` apart; `scratch` of [`Self::scratch_len`].
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if a slice is too short, or there are more frames than agreed.
    #[allow(clippy::too_many_arguments)]
    pub fn run(
        &self,
        x: &[f32],
        x_stride: usize,
        starts: &[usize],
        y: &mut [f32],
        y_stride: usize,
        frames: usize,
        scratch: &mut [f32],
    ) {
        let columns = self.columns.len();
        let last = starts.iter().max().copied().unwrap_or(0);
        let fits = starts.len() == self.taps
            && frames <= self.most
            && (self.inputs - 1) * x_stride + last + frames <= x.len()
            && (self.outputs - 1) * y_stride + frames <= y.len();
        let parts = scratch.split_at_mut_checked(frames * columns);
        debug_assert!(fits && parts.is_some(), "rows: slices too short");
        let (true, Some((gathered, sums))) = (fits && frames > 0, parts) else {
            return;
        };
        let (Some(sums), Some(rows)) = (sums.get_mut(..frames * self.width), self.rows.get(..frames)) else {
            return;
        };
        for (tap, start) in starts.iter().enumerate() {
            for (frame, row) in gathered.chunks_exact_mut(columns).enumerate() {
                let row = row.get_mut(tap * self.inputs..).unwrap_or(&mut []);
                let column = x.get(start + frame..).unwrap_or(&[]);
                for (to, from) in row.iter_mut().zip(column.iter().step_by(x_stride)).take(self.inputs) {
                    *to = *from;
                }
            }
        }
        for panel in &self.packed.panels {
            // SAFETY: the instruction set is available by construction. `gathered` is `[frames, columns]`; the panel's weights
            // and start values are those of `packed`; the panel lies inside every row of `sums [frames, width]`.
            unsafe {
                let (weights, half) = self.packed.weights(panel);
                let call = Call {
                    x: gathered.as_ptr(),
                    rows,
                    columns: &self.columns,
                    weights,
                    half,
                    weights_stride: panel.vectors * self.isa.lanes(),
                    vectors: panel.vectors,
                    start: self.packed.start(panel),
                    y: sums.as_mut_ptr().add(panel.first),
                    y_stride: self.width,
                };
                product::run(self.isa, &call);
            }
        }
        for (output, plane) in y.chunks_mut(y_stride).take(self.outputs).enumerate() {
            for (to, row) in plane.iter_mut().zip(sums.chunks_exact(self.width)) {
                if let Some(sum) = row.get(output) {
                    *to = *sum;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::half;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn close_to_the_reference_and_indifferent_to_cuts(
            seed in any::<u64>(),
            inputs in 1usize..60,
            outputs in 1usize..90,
            taps in 1usize..5,
            dilation in 1usize..4,
            frames in 1usize..9,
            cut in 0usize..9,
            short in any::<bool>(),
        ) {
            let shape = conv1d::Shape { inputs, outputs, taps, groups: 1 };
            let mut numbers = crate::test_numbers(seed);
            let mut take = |len: usize| (0..len).map(|_| numbers()).collect::<Vec<f32>>();
            let stride = (taps - 1) * dilation + 16;
            let (x, weights, bias) = (take(inputs * stride), take(inputs * outputs * taps), take(outputs));
            let starts: Vec<usize> = (0..taps).map(|tap| tap * dilation).collect();
            let precision = if short { Weights::F16 } else { Weights::F32 };
            let kept: Vec<f32> = weights.iter().map(|w| if short { half::decode(half::encode(*w)) } else { *w }).collect();
            for isa in Isa::available() {
                let rows = Rows::new(shape, &weights, Some(&bias), 8, isa, precision).expect("sizes fit");
                let mut scratch = vec![f32::NAN; rows.scratch_len()];
                let mut y = vec![f32::NAN; outputs * 16];
                rows.run(&x, stride, &starts, &mut y, 16, frames, &mut scratch);
                for o in 0..outputs {
                    for t in 0..frames {
                        let (mut sum, mut magnitude) = (f64::from(bias[o]), f64::from(bias[o]).abs());
                        for i in 0..inputs {
                            for (j, start) in starts.iter().enumerate() {
                                let product = f64::from(kept[(o * inputs + i) * taps + j]) * f64::from(x[i * stride + start + t]);
                                sum += product;
                                magnitude += product.abs();
                            }
                        }
                        // Rounding of at most 240 terms.
                        prop_assert!((f64::from(y[o * 16 + t]) - sum).abs() <= magnitude * 240.0 * 6e-8, "{} at {},{}", isa, o, t);
                    }
                }
                let cut = cut.min(frames);
                let mut parts = vec![f32::NAN; outputs * 16];
                rows.run(&x, stride, &starts, &mut parts, 16, cut, &mut scratch);
                let later: Vec<usize> = starts.iter().map(|start| start + cut).collect();
                rows.run(&x, stride, &later, &mut parts[cut..], 16, frames - cut, &mut scratch);
                for o in 0..outputs {
                    for t in 0..frames {
                        prop_assert_eq!(y[o * 16 + t].to_bits(), parts[o * 16 + t].to_bits());
                    }
                }
            }
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let shape = conv1d::Shape {
            inputs: 2,
            outputs: 3,
            taps: 2,
            groups: 1,
        };
        let new =
            |shape, weights: usize, most| Rows::new(shape, &vec![0.0; weights], None, most, Isa::Scalar, Weights::F32);
        assert!(new(shape, 12, 8).is_some());
        assert!(new(shape, 11, 8).is_none());
        assert!(new(shape, 12, 0).is_none());
        assert!(new(conv1d::Shape { groups: 2, ..shape }, 12, 8).is_none());
    }
}
