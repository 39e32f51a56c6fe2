//! A recurrent layer over the steps of one frame, by the streaming kernels.

use super::{Direction, Run};
use crate::{Cell, Isa};

#[derive(Debug)]
pub(super) struct Recurrent {
    /// Per direction: the layer, and whether it goes from the last step to the first.
    layers: Vec<(crate::Recurrent, bool)>,
    steps: usize,
    batch: usize,
    inputs: usize,
    hidden: usize,
    h0: bool,
    c0: bool,
}

/// Sizes and weights, as in [`super::Function::Recurrent`].
pub(super) struct Layer<'a> {
    pub cell: Cell,
    pub direction: Direction,
    pub steps: usize,
    pub batch: usize,
    pub inputs: usize,
    pub hidden: usize,
    pub w: &'a [f32],
    pub r: &'a [f32],
    pub b: Option<&'a [f32]>,
    pub h0: bool,
    pub c0: bool,
}

impl Recurrent {
    pub fn new(layer: &Layer<'_>, isa: Isa) -> Option<Self> {
        let ways: &[bool] = match layer.direction {
            Direction::Forward => &[false],
            Direction::Reverse => &[true],
            Direction::Bidirectional => &[false, true],
        };
        let part = |all: &[f32], at: usize| {
            let len = all.len() / ways.len();
            all.get(at * len..(at + 1) * len).map(<[f32]>::to_vec)
        };
        let layers = ways.iter().enumerate().map(|(at, backwards)| {
            let (w, r) = (part(layer.w, at)?, part(layer.r, at)?);
            let b = layer.b.and_then(|b| part(b, at));
            crate::Recurrent::new(layer.cell, layer.inputs, layer.hidden, &w, &r, b.as_deref(), isa)
                .map(|layer| (layer, *backwards))
        });
        Some(Self {
            layers: layers.collect::<Option<_>>()?,
            steps: layer.steps,
            batch: layer.batch,
            inputs: layer.inputs,
            hidden: layer.hidden,
            h0: layer.h0,
            c0: layer.c0,
        })
    }

    fn state_len(&self) -> usize {
        self.layers.first().map_or(0, |(layer, _)| layer.state_len())
    }
}

impl Run for Recurrent {
    fn scratch(&self) -> usize {
        self.state_len() + self.steps * (self.inputs + self.hidden)
    }

    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32]) {
        let (Some(x), h0) = (inputs.first(), inputs.get(1).filter(|_| self.h0)) else {
            return;
        };
        let c0 = inputs.last().filter(|_| self.c0);
        let Self {
            steps,
            batch,
            inputs,
            hidden,
            ..
        } = *self;
        let directions = self.layers.len();
        let all = directions * batch * hidden;
        let Some((y, last)) = output.split_at_mut_checked(steps * all) else {
            return;
        };
        let Some((last_h, last_c)) = last.split_at_mut_checked(all) else {
            return;
        };
        let Some((state, rest)) = scratch.split_at_mut_checked(self.state_len()) else {
            return;
        };
        let Some((planes_x, planes_y)) = rest.split_at_mut_checked(steps * inputs) else {
            return;
        };
        for (direction, (layer, backwards)) in self.layers.iter().enumerate() {
            let time = |step: usize| if *backwards { steps - 1 - step } else { step };
            for sequence in 0..batch {
                for (step, row) in x.chunks_exact(inputs).skip(sequence).step_by(batch).enumerate() {
                    for (slot, value) in planes_x.iter_mut().skip(time(step)).step_by(steps).zip(row) {
                        *slot = *value;
                    }
                }
                let at = (direction * batch + sequence) * hidden;
                state.fill(0.0);
                layer.set_state(state, part(h0, at, hidden), part(c0, at, hidden));
                layer.run(state, planes_x, steps, planes_y, steps, steps);
                let rows = y.chunks_exact_mut(hidden).skip(direction * batch + sequence);
                for (step, row) in rows.step_by(directions * batch).enumerate() {
                    for (slot, value) in row.iter_mut().zip(planes_y.iter().skip(time(step)).step_by(steps)) {
                        *slot = *value;
                    }
                }
                let (h, c) = layer.state(state);
                for (to, from) in [(&mut *last_h, h), (&mut *last_c, c)] {
                    if let Some(to) = to.get_mut(at..at + from.len()) {
                        to.copy_from_slice(from);
                    }
                }
            }
        }
    }
}

/// What is given, or nothing.
fn part<'a>(of: Option<&&'a [f32]>, at: usize, len: usize) -> &'a [f32] {
    of.and_then(|of| of.get(at..at + len)).unwrap_or(&[])
}
