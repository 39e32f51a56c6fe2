//! Gated recurrent unit, frame by frame.
//!
//! Gates in ONNX order z, r, h (PyTorch has r, z, n). `z = σ(W_z x + R_z h + b_z)`, `r = σ(W_r x + R_r h + b_r)`;
//! `n = tanh(W_h x + b_Wh + r · (R_h h + b_Rh))` if the reset comes after the product (PyTorch), else
//! `n = tanh(W_h x + b_Wh + R_h (r · h) + b_Rh)`; `h ← n + z · (h − n)`, `y = h`.

mod after;
mod before;
pub mod reference;

use crate::gates::{self, Halves, Tile};
use crate::{Aligned, Isa, LANES, matvec, padded};

/// A layer, packed for one instruction set. Its state lives with the caller: [`Self::state_len`] floats.
#[derive(Clone, Debug)]
pub struct Gru {
    inputs: usize,
    hidden: usize,
    isa: Isa,
    packed: Packed,
}

#[derive(Clone, Debug)]
enum Packed {
    After {
        tiles: Vec<Tile>,
        weights: Aligned,
        halves: Halves,
    },
    Before {
        weights: Aligned,
        recurrent_zr: Aligned,
        recurrent_n: Aligned,
        bias: Vec<f32>,
        bias_n: Vec<f32>,
    },
}

/// Gates of ONNX in the order in which they are computed with the reset after the product: r, z, n.
const GATES: [usize; 3] = [1, 0, 2];

impl Gru {
    /// `w: [3 · hidden, inputs]`, `r: [3 · hidden, hidden]`, `b: [6 · hidden]` (of `w`, then of `r`); `reset_after` is ONNX's
    /// `linear_before_reset`. `None` if a size does not fit.
    pub fn new(
        inputs: usize,
        hidden: usize,
        w: &[f32],
        r: &[f32],
        b: Option<&[f32]>,
        reset_after: bool,
        isa: Isa,
    ) -> Option<Self> {
        let rows = hidden.checked_mul(3)?;
        let fits = hidden > 0
            && inputs > 0
            && w.len() == rows.checked_mul(inputs)?
            && r.len() == rows.checked_mul(hidden)?
            && b.is_none_or(|b| b.len() == 2 * rows);
        if !fits {
            return None;
        }
        let isa = isa.or_scalar();
        let packed = if reset_after {
            Self::after(inputs, hidden, w, r, b, isa)
        } else {
            Self::before(inputs, hidden, w, r, b, isa)
        };
        Some(Self {
            inputs,
            hidden,
            isa,
            packed,
        })
    }

    fn after(inputs: usize, hidden: usize, w: &[f32], r: &[f32], b: Option<&[f32]>, isa: Isa) -> Packed {
        let rows = 3 * hidden;
        let of = |at: usize| b.map_or(0.0, |b| b[at]);
        let mut tiles = gates::tiles(hidden, isa);
        let mut weights = Vec::with_capacity(padded(rows + 6 * LANES) * (2 + inputs + hidden));
        for tile in &mut tiles {
            tile.weights = weights.len();
            gates::pack_column(&mut weights, tile, hidden, isa, 1, |unit, _| {
                0.5 * of(rows + 2 * hidden + unit)
            });
            for column in 0..=inputs + hidden {
                let weight = |unit: usize, gate: usize| {
                    let which = GATES[gate];
                    let row = which * hidden + unit;
                    let is_n = which == 2;
                    if column > inputs {
                        return 0.5 * r[row * hidden + column - 1 - inputs];
                    }
                    let value = match column.checked_sub(1) {
                        None => of(row) + if is_n { 0.0 } else { of(rows + row) },
                        Some(input) => w[row * inputs + input],
                    };
                    if is_n { value } else { 0.5 * value }
                };
                gates::pack_column(&mut weights, tile, hidden, isa, 3, weight);
            }
        }
        Packed::After {
            tiles,
            weights: weights.into(),
            halves: Halves::new(isa),
        }
    }

    fn before(inputs: usize, hidden: usize, w: &[f32], r: &[f32], b: Option<&[f32]>, isa: Isa) -> Packed {
        let rows = 3 * hidden;
        let of = |at: usize| b.map_or(0.0, |b| b[at]);
        let mut bias = vec![0.0; padded(rows)];
        for (row, slot) in bias.iter_mut().take(rows).enumerate() {
            *slot = of(row) + if row < 2 * hidden { of(rows + row) } else { 0.0 };
        }
        let mut bias_n = vec![0.0; padded(hidden)];
        for (unit, slot) in bias_n.iter_mut().take(hidden).enumerate() {
            *slot = of(rows + 2 * hidden + unit);
        }
        Packed::Before {
            weights: matvec::pack(isa, rows, inputs, |row, column| w[row * inputs + column]),
            recurrent_zr: matvec::pack(isa, 2 * hidden, hidden, |row, unit| r[row * hidden + unit]),
            recurrent_n: matvec::pack(isa, hidden, hidden, |row, unit| r[(2 * hidden + row) * hidden + unit]),
            bias,
            bias_n,
        }
    }

    /// Units.
    pub const fn hidden(&self) -> usize {
        self.hidden
    }

    /// Floats of state: `h`, padded, and room for what is computed in between.
    pub const fn state_len(&self) -> usize {
        match self.packed {
            Packed::After { .. } => gates::rows_len(self.hidden),
            Packed::Before { .. } => {
                padded(self.inputs)
                    + 3 * padded(self.hidden)
                    + padded(3 * self.hidden)
                    + padded(2 * self.hidden)
                    + 3 * LANES
            }
        }
    }

    /// Where `h` begins in the state.
    pub(crate) const fn h_at(&self) -> usize {
        0
    }

    /// Sets `h`, `[hidden]`.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if a slice is too short.
    pub fn set_state(&self, state: &mut [f32], h: &[f32]) {
        let at = self.h_at();
        if let (Some(to), Some(h)) = (state.get_mut(at..at + self.hidden), h.get(..self.hidden)) {
            to.copy_from_slice(h);
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
        debug_assert!(fits, "gru: slices too short");
        if !fits {
            return;
        }
        let state = state.as_mut_ptr();
        // SAFETY: the instruction set is available by construction; all sizes were checked, here or at construction; the
        // offsets into the state add up to `state_len`.
        unsafe {
            match &self.packed {
                Packed::After { tiles, weights, halves } => {
                    let call = after::Call {
                        inputs: self.inputs,
                        hidden: self.hidden,
                        tiles,
                        weights: weights.as_ptr(),
                        halves,
                        rows: state,
                        x: x.as_ptr(),
                        x_stride,
                        y: y.as_mut_ptr(),
                        y_stride,
                        frames,
                    };
                    after::run(self.isa, &call);
                }
                Packed::Before {
                    weights,
                    recurrent_zr,
                    recurrent_n,
                    bias,
                    bias_n,
                } => {
                    let reset_h = state.add(padded(self.hidden));
                    let from_n = reset_h.add(padded(self.hidden));
                    let from_x = from_n.add(padded(self.hidden) + LANES);
                    let from_zr = from_x.add(padded(3 * self.hidden) + LANES);
                    let call = before::Call {
                        inputs: self.inputs,
                        hidden: self.hidden,
                        weights: weights.as_ptr(),
                        recurrent_zr: recurrent_zr.as_ptr(),
                        recurrent_n: recurrent_n.as_ptr(),
                        bias: bias.as_ptr(),
                        bias_n: bias_n.as_ptr(),
                        v: from_zr.add(padded(2 * self.hidden) + LANES),
                        h: state,
                        reset_h,
                        from_x,
                        from_zr,
                        from_n,
                        x: x.as_ptr(),
                        x_stride,
                        y: y.as_mut_ptr(),
                        y_stride,
                        frames,
                    };
                    before::run(self.isa, &call);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As for the LSTM.
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
            reset_after in any::<bool>(),
        ) {
            let mut numbers = crate::test_numbers(seed);
            let mut take = |len: usize, scale: f32| (0..len).map(|_| numbers() * scale).collect::<Vec<f32>>();
            let (w, r) = (take(3 * hidden * inputs, 0.7), take(3 * hidden * hidden, 0.3));
            let b = take(6 * hidden, 0.2);
            let h = take(hidden, 0.5);
            let x = take(inputs * frames, 1.0);
            let expected = reference::run(inputs, hidden, &w, &r, Some(&b), reset_after, &h, &x, frames);
            for isa in Isa::available() {
                let gru = Gru::new(inputs, hidden, &w, &r, Some(&b), reset_after, isa).expect("sizes fit");
                let mut state = vec![0.0; gru.state_len()];
                gru.set_state(&mut state, &h);
                let mut y = vec![0.0; hidden * frames];
                gru.run(&mut state, &x, frames, &mut y, frames, frames);
                for (a, b) in y.iter().zip(&expected) {
                    prop_assert!((f64::from(*a) - b).abs() <= MAX_ERROR, "{}: {} against {}", isa, a, b);
                }
                let cut = cut.min(frames);
                gru.set_state(&mut state, &h);
                let mut parts = vec![0.0; hidden * frames];
                if frames > 0 {
                    gru.run(&mut state, &x, frames, &mut parts, frames, cut);
                    gru.run(&mut state, &x[cut..], frames, &mut parts[cut..], frames, frames - cut);
                }
                prop_assert_eq!(y.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), parts.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
            }
        }
    }
}
