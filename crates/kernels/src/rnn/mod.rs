//! The plain recurrent layer: `h ← f(W · x + R · h + b)`, `y = h`, with `f` tanh or ReLU.

pub mod reference;
mod simd;

use crate::{Aligned, Isa, matvec, padded};

/// A layer, packed for one instruction set. Its state lives with the caller: [`Self::state_len`] floats.
#[derive(Clone, Debug)]
pub struct Rnn {
    inputs: usize,
    hidden: usize,
    relu: bool,
    isa: Isa,
    weights: Aligned,
    bias: Vec<f32>,
}

impl Rnn {
    /// `w: [hidden, inputs]`, `r: [hidden, hidden]`, `b: [2 · hidden]` (of `w`, then of `r`). `None` if a size does not fit.
    pub fn new(
        inputs: usize,
        hidden: usize,
        w: &[f32],
        r: &[f32],
        b: Option<&[f32]>,
        relu: bool,
        isa: Isa,
    ) -> Option<Self> {
        let fits = hidden > 0
            && inputs > 0
            && w.len() == hidden.checked_mul(inputs)?
            && r.len() == hidden.checked_mul(hidden)?
            && b.is_none_or(|b| b.len() == 2 * hidden);
        if !fits {
            return None;
        }
        let mut bias = vec![0.0; padded(hidden)];
        if let Some(b) = b {
            for (row, slot) in bias.iter_mut().take(hidden).enumerate() {
                *slot = b[row] + b[hidden + row];
            }
        }
        Some(Self {
            inputs,
            hidden,
            relu,
            isa: isa.or_scalar(),
            weights: matvec::pack(isa, hidden, inputs + hidden, |row, column| {
                match column.checked_sub(inputs) {
                    None => w[row * inputs + column],
                    Some(unit) => r[row * hidden + unit],
                }
            }),
            bias,
        })
    }

    /// Units.
    pub const fn hidden(&self) -> usize {
        self.hidden
    }

    /// Floats of state: `[x, h, padding, sums]`.
    pub const fn state_len(&self) -> usize {
        self.inputs + 2 * padded(self.hidden)
    }

    /// Where `h` begins in the state.
    pub(crate) const fn h_at(&self) -> usize {
        self.inputs
    }

    /// Sets `h`, `[hidden]`.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if a slice is too short.
    pub fn set_state(&self, state: &mut [f32], h: &[f32]) {
        let at = self.inputs;
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
        debug_assert!(fits, "rnn: slices too short");
        if !fits {
            return;
        }
        let v = state.as_mut_ptr();
        // SAFETY: the instruction set is available by construction; all sizes were checked, here or at construction.
        unsafe {
            let call = simd::Call {
                inputs: self.inputs,
                hidden: self.hidden,
                relu: self.relu,
                weights: self.weights.as_ptr(),
                bias: self.bias.as_ptr(),
                v,
                sums: v.add(self.inputs + padded(self.hidden)),
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

    /// As for the LSTM.
    const MAX_ERROR: f64 = 5e-6;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn close_to_the_reference_and_indifferent_to_cuts(
            seed in any::<u64>(),
            inputs in 1usize..4,
            hidden in 1usize..20,
            frames in 0usize..200,
            cut in 0usize..200,
            relu in any::<bool>(),
        ) {
            let mut numbers = crate::test_numbers(seed);
            let mut take = |len: usize, scale: f32| (0..len).map(|_| numbers() * scale).collect::<Vec<f32>>();
            let (w, r) = (take(hidden * inputs, 0.7), take(hidden * hidden, 0.1));
            let b = take(2 * hidden, 0.2);
            let h = take(hidden, 0.5);
            let x = take(inputs * frames, 1.0);
            let expected = reference::run(inputs, hidden, &w, &r, Some(&b), relu, &h, &x, frames);
            for isa in Isa::available() {
                let rnn = Rnn::new(inputs, hidden, &w, &r, Some(&b), relu, isa).expect("sizes fit");
                let mut state = vec![0.0; rnn.state_len()];
                rnn.set_state(&mut state, &h);
                let mut y = vec![0.0; hidden * frames];
                rnn.run(&mut state, &x, frames, &mut y, frames, frames);
                for (a, b) in y.iter().zip(&expected) {
                    prop_assert!((f64::from(*a) - b).abs() <= MAX_ERROR * b.abs().max(1.0), "{}: {} against {}", isa, a, b);
                }
                let cut = cut.min(frames);
                rnn.set_state(&mut state, &h);
                let mut parts = vec![0.0; hidden * frames];
                if frames > 0 {
                    rnn.run(&mut state, &x, frames, &mut parts, frames, cut);
                    rnn.run(&mut state, &x[cut..], frames, &mut parts[cut..], frames, frames - cut);
                }
                prop_assert_eq!(y.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), parts.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
            }
        }
    }
}
