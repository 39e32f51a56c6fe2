//! Long short-term memory, frame by frame.
//!
//! With `v = [x; h]` and `g = W · x + R · h + b`, gates in ONNX order i, o, f, c (PyTorch has i, f, g, o):
//! `c ← σ(g_f) · c + σ(g_i) · tanh(g_c)`, `h ← σ(g_o) · tanh(c)`, `y = h`. Vectors run along the units.

pub mod reference;
mod simd;

use crate::gates::{self, Halves, Tile};
use crate::{Aligned, Isa, LANES, padded};

/// A layer, packed for one instruction set. Its state lives with the caller: [`Self::state_len`] floats.
#[derive(Clone, Debug)]
pub struct Lstm {
    inputs: usize,
    hidden: usize,
    isa: Isa,
    tiles: Vec<Tile>,
    halves: Halves,
    weights: Aligned,
}

/// Gates of ONNX in the order in which they are computed, f, i, c, o, and the factors that go into their weights.
const GATES: [(usize, f32); 4] = [(2, 0.5), (0, 0.5), (3, 1.0), (1, 0.5)];

impl Lstm {
    /// `w: [4 · hidden, inputs]`, `r: [4 · hidden, hidden]`, `b: [8 · hidden]` (of `w`, then of `r`). `None` if a size does
    /// not fit.
    pub fn new(inputs: usize, hidden: usize, w: &[f32], r: &[f32], b: Option<&[f32]>, isa: Isa) -> Option<Self> {
        let rows = hidden.checked_mul(4)?;
        let fits = hidden > 0
            && inputs > 0
            && w.len() == rows.checked_mul(inputs)?
            && r.len() == rows.checked_mul(hidden)?
            && b.is_none_or(|b| b.len() == 2 * rows);
        if !fits {
            return None;
        }
        let isa = isa.or_scalar();
        let mut tiles = gates::tiles(hidden, isa);
        let mut weights = Vec::with_capacity(padded(rows + 8 * LANES) * (1 + inputs + hidden));
        for tile in &mut tiles {
            tile.weights = weights.len();
            for column in 0..=inputs + hidden {
                let weight = |unit: usize, gate: usize| {
                    let (which, factor) = GATES[gate];
                    let row = which * hidden + unit;
                    factor
                        * match column {
                            0 => b.map_or(0.0, |b| b[row] + b[rows + row]),
                            _ if column <= inputs => w[row * inputs + column - 1],
                            _ => r[row * hidden + column - 1 - inputs],
                        }
                };
                gates::pack_column(&mut weights, tile, hidden, isa, 4, weight);
            }
        }
        Some(Self {
            inputs,
            hidden,
            isa,
            tiles,
            halves: Halves::new(isa),
            weights: weights.into(),
        })
    }

    /// Units.
    pub const fn hidden(&self) -> usize {
        self.hidden
    }

    /// Floats of state: `h`, room for the outputs of some frames, `c`, each padded.
    pub const fn state_len(&self) -> usize {
        gates::rows_len(self.hidden) + padded(self.hidden)
    }

    /// Where `h` begins in the state.
    pub(crate) const fn h_at(&self) -> usize {
        0
    }

    /// Where `c` begins in the state.
    pub(crate) const fn c_at(&self) -> usize {
        gates::rows_len(self.hidden)
    }

    /// Sets `h` and `c`, `[hidden]` each.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if a slice is too short.
    pub fn set_state(&self, state: &mut [f32], h: &[f32], c: &[f32]) {
        for (at, values) in [(self.h_at(), h), (self.c_at(), c)] {
            if let (Some(to), Some(values)) = (state.get_mut(at..at + self.hidden), values.get(..self.hidden)) {
                to.copy_from_slice(values);
            }
        }
    }

    /// `x: [inputs, frames]` with planes `x_stride` apart, `y: [hidden, frames]` with planes `y_stride` apart.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if a slice is too short.
    pub fn run(&self, state: &mut [f32], x: &[f32], x_stride: usize, y: &mut [f32], y_stride: usize, frames: usize) {
        let fits = state.len() >= self.state_len()
            && (self.inputs - 1) * x_stride + frames <= x.len()
            && (self.hidden - 1) * y_stride + frames <= y.len();
        debug_assert!(fits, "lstm: slices too short");
        if !fits {
            return;
        }
        let state = state.as_mut_ptr();
        // SAFETY: the instruction set is available by construction; all sizes were checked, here or at construction; the
        // offsets into the state are those of `state_len`.
        unsafe {
            let call = simd::Call {
                inputs: self.inputs,
                hidden: self.hidden,
                tiles: &self.tiles,
                weights: self.weights.as_ptr(),
                halves: &self.halves,
                rows: state,
                cell: state.add(self.c_at()),
                x: x.as_ptr(),
                x_stride,
                y: y.as_mut_ptr(),
                y_stride,
                frames,
            };
            simd::run(self.isa, &call);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 200 frames of feedback over at most 69 units with weights of about 0.3: errors of 1e-7 per frame, damped.
    const MAX_ERROR: f64 = 5e-6;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn close_to_the_reference_and_indifferent_to_cuts(
            seed in any::<u64>(),
            inputs in 1usize..4,
            hidden in 1usize..70,
            frames in 0usize..200,
            cut in 0usize..200,
        ) {
            let mut numbers = crate::test_numbers(seed);
            let mut take = |len: usize, scale: f32| (0..len).map(|_| numbers() * scale).collect::<Vec<f32>>();
            let (w, r) = (take(4 * hidden * inputs, 0.7), take(4 * hidden * hidden, 0.3));
            let b = take(8 * hidden, 0.2);
            let (h, c) = (take(hidden, 0.5), take(hidden, 0.5));
            let x = take(inputs * frames, 1.0);
            let (expected, _) = reference::run(inputs, hidden, &w, &r, Some(&b), &h, &c, &x, frames);
            for isa in Isa::available() {
                let lstm = Lstm::new(inputs, hidden, &w, &r, Some(&b), isa).expect("sizes fit");
                let mut state = vec![0.0; lstm.state_len()];
                lstm.set_state(&mut state, &h, &c);
                let mut y = vec![0.0; hidden * frames];
                lstm.run(&mut state, &x, frames, &mut y, frames, frames);
                for (a, b) in y.iter().zip(&expected) {
                    prop_assert!((f64::from(*a) - b).abs() <= MAX_ERROR, "{}: {} against {}", isa, a, b);
                }
                let cut = cut.min(frames);
                lstm.set_state(&mut state, &h, &c);
                let mut parts = vec![0.0; hidden * frames];
                if frames > 0 {
                    lstm.run(&mut state, &x, frames, &mut parts, frames, cut);
                    lstm.run(&mut state, &x[cut..], frames, &mut parts[cut..], frames, frames - cut);
                }
                prop_assert_eq!(y.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), parts.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
            }
        }
    }
}
