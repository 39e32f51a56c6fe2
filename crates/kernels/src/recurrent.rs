//! The recurrent layers behind one face.

use crate::{Gru, Isa, Lstm, Rnn};

/// Kind of a recurrent layer; gates and weights in ONNX order, as in [`Lstm`], [`Gru`] and [`Rnn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cell {
    /// Long short-term memory.
    Lstm,
    /// Gated recurrent unit.
    Gru {
        /// The reset comes after the product (PyTorch; ONNX's `linear_before_reset`).
        reset_after: bool,
    },
    /// Plain.
    Rnn {
        /// ReLU instead of tanh.
        relu: bool,
    },
}

impl Cell {
    /// As it is written in printed stages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lstm => "lstm",
            Self::Gru { .. } => "gru",
            Self::Rnn { .. } => "rnn",
        }
    }

    /// Gates, each of `hidden` rows of the weights.
    pub const fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru { .. } => 3,
            Self::Rnn { .. } => 1,
        }
    }
}

/// A layer, packed for one instruction set. Its state lives with the caller: [`Self::state_len`] floats.
#[derive(Clone, Debug)]
pub enum Recurrent {
    /// Long short-term memory.
    Lstm(Lstm),
    /// Gated recurrent unit.
    Gru(Gru),
    /// Plain.
    Rnn(Rnn),
}

impl Recurrent {
    /// `w: [gates · hidden, inputs]`, `r: [gates · hidden, hidden]`, `b: [2 · gates · hidden]` (of `w`, then of `r`). `None`
    /// if a size does not fit.
    pub fn new(
        cell: Cell,
        inputs: usize,
        hidden: usize,
        w: &[f32],
        r: &[f32],
        b: Option<&[f32]>,
        isa: Isa,
    ) -> Option<Self> {
        Some(match cell {
            Cell::Lstm => Self::Lstm(Lstm::new(inputs, hidden, w, r, b, isa)?),
            Cell::Gru { reset_after } => Self::Gru(Gru::new(inputs, hidden, w, r, b, reset_after, isa)?),
            Cell::Rnn { relu } => Self::Rnn(Rnn::new(inputs, hidden, w, r, b, relu, isa)?),
        })
    }

    /// Units.
    pub const fn hidden(&self) -> usize {
        match self {
            Self::Lstm(lstm) => lstm.hidden(),
            Self::Gru(gru) => gru.hidden(),
            Self::Rnn(rnn) => rnn.hidden(),
        }
    }

    /// Floats of state. All zeros are a state.
    pub const fn state_len(&self) -> usize {
        match self {
            Self::Lstm(lstm) => lstm.state_len(),
            Self::Gru(gru) => gru.state_len(),
            Self::Rnn(rnn) => rnn.state_len(),
        }
    }

    /// Where `h` and, in an LSTM, `c` begin in the state; `[hidden]` each.
    const fn places(&self) -> (usize, Option<usize>) {
        match self {
            Self::Lstm(lstm) => (lstm.h_at(), Some(lstm.c_at())),
            Self::Gru(gru) => (gru.h_at(), None),
            Self::Rnn(rnn) => (rnn.h_at(), None),
        }
    }

    /// Sets `h` and `c`, `[hidden]` each; `c` counts in an LSTM only.
    ///
    /// # Realtime Safety
    /// Safe. Leaves alone what a slice is too short for.
    pub fn set_state(&self, state: &mut [f32], h: &[f32], c: &[f32]) {
        let (h_at, c_at) = self.places();
        for (at, values) in [(Some(h_at), h), (c_at, c)] {
            let to = at.and_then(|at| state.get_mut(at..at + self.hidden()));
            if let (Some(to), Some(values)) = (to, values.get(..self.hidden())) {
                to.copy_from_slice(values);
            }
        }
    }

    /// `h` and `c`, `[hidden]` each; `c` is empty but in an LSTM, and both are if the state is too short.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn state<'a>(&self, state: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        let (h_at, c_at) = self.places();
        let part = |at: usize| state.get(at..at + self.hidden()).unwrap_or(&[]);
        (part(h_at), c_at.map_or(&[], part))
    }

    /// `x: [inputs, frames]` with planes `x_stride` apart, `y: [hidden, frames]` with planes `y_stride` apart.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if a slice is too short.
    pub fn run(&self, state: &mut [f32], x: &[f32], x_stride: usize, y: &mut [f32], y_stride: usize, frames: usize) {
        match self {
            Self::Lstm(lstm) => lstm.run(state, x, x_stride, y, y_stride, frames),
            Self::Gru(gru) => gru.run(state, x, x_stride, y, y_stride, frames),
            Self::Rnn(rnn) => rnn.run(state, x, x_stride, y, y_stride, frames),
        }
    }
}
