//! LSTM, GRU and RNN: state per frame, start values from constants or state inputs.

use super::build::{Builder, Stop};
use super::facts::Fact;
use super::kept::Held;
use super::shape::{planes, size, text, time_axis};
use super::{Axis, RecurrentWeights, Signal, StreamOp, Timing};
use std::sync::Arc;
use tonegraft_kernels::{Cell, frame};
use tonegraft_model::op::{Direction, Recurrent};
use tonegraft_model::{Node, Op};

impl Builder<'_> {
    pub(super) fn recurrent(&mut self, index: usize, node: &Node) -> Result<Vec<Fact>, Stop> {
        let (recurrent, cell, gates) = match &node.op {
            Op::Lstm {
                recurrent,
                input_forget,
            } => {
                if *input_forget || node.inputs.get(7).copied().flatten().is_some() {
                    return Err(Stop::not_streamable(
                        "coupled gates and peepholes are not played natively",
                    ));
                }
                activations(recurrent, &["Sigmoid", "Tanh", "Tanh"])?;
                (recurrent, Cell::Lstm, 4)
            }
            Op::Gru {
                recurrent,
                linear_before_reset,
            } => {
                activations(recurrent, &["Sigmoid", "Tanh"])?;
                (
                    recurrent,
                    Cell::Gru {
                        reset_after: *linear_before_reset,
                    },
                    3,
                )
            }
            Op::Rnn { recurrent } => {
                let relu = recurrent
                    .activations
                    .as_ref()
                    .is_some_and(|names| names.iter().all(|name| name == "Relu"));
                activations(recurrent, if relu { &["Relu"] } else { &["Tanh"] })?;
                (recurrent, Cell::Rnn { relu }, 1)
            }
            _ => return Err(Stop::shape("no recurrent layer")),
        };
        if recurrent.clip.is_some() || node.inputs.get(4).copied().flatten().is_some() {
            return Err(Stop::not_streamable(
                "clipping and sequence lengths are not played natively",
            ));
        }
        let signal = self.signal(node, 0)?;
        let (frames, batch, features) = match (signal.axes.as_slice(), recurrent.batch_first) {
            ([frames, batch, features], false) | ([batch, frames, features], true) => (*frames, *batch, *features),
            _ => {
                return Err(Stop::shape(format!(
                    "its input {} does not have three axes",
                    text(&signal.axes)
                )));
            }
        };
        let Axis::Size(inputs) = features else {
            return Err(Stop::not_streamable(format!(
                "it does not run along the time of its input {}",
                text(&signal.axes)
            )));
        };
        if frames != Axis::Time {
            return self.recurrent_in_frame(node, recurrent, cell, gates, &signal);
        }
        if recurrent.direction != Direction::Forward {
            return Err(Stop::not_streamable(
                "it also runs backwards: its first result needs the last frame",
            ));
        }
        if batch != Axis::Size(1) {
            return Err(Stop::not_streamable(format!(
                "it runs a batch of {} sequences",
                size(batch)
            )));
        }
        let hidden = recurrent.hidden;
        let rows = gates * hidden;
        let weight = |at: usize, name: &str, shape: &[usize]| -> Result<Option<Arc<[f32]>>, Stop> {
            match self.floats(node, at)? {
                Some((given, _)) if given != shape => Err(Stop::shape(format!(
                    "{name} has shape {given:?}; {inputs} features and {hidden} units need {shape:?}"
                ))),
                other => Ok(other.map(|(_, values)| values)),
            }
        };
        let missing = |name: &str| Stop::shape(format!("{name} is missing"));
        let w = weight(1, "W", &[1, rows, inputs])?.ok_or_else(|| missing("W"))?;
        let r = weight(2, "R", &[1, rows, hidden])?.ok_or_else(|| missing("R"))?;
        let b = weight(3, "B", &[1, 2 * rows])?;
        let mut held: [Option<Held>; 2] = [None, None];
        let mut start = |at: usize| -> Result<Arc<[f32]>, Stop> {
            match self.fact(node, at)? {
                None => Ok(vec![0.0; hidden].into()),
                Some(Fact::Constant { tensor, state }) => {
                    if let Some(held) = held.get_mut(at - 5) {
                        *held = state;
                    }
                    let values = tensor.as_f32().filter(|values| values.len() == hidden);
                    Ok(values
                        .ok_or_else(|| Stop::shape(format!("a start state has shape {:?}", tensor.shape())))?
                        .into())
                }
                Some(_) => Err(Stop::not_streamable("its start state changes while playing")),
            }
        };
        let h = start(5)?;
        let c = if cell == Cell::Lstm { start(6)? } else { Arc::from([]) };
        let weights = Box::new(RecurrentWeights {
            inputs,
            hidden,
            w,
            r,
            b,
            h,
            c,
        });
        let op = StreamOp::Recurrent {
            cell,
            weights,
            start: signal.timing.shift,
        };
        let view = self.push(op, vec![signal.view], hidden);
        let one = Axis::Size(1);
        let axes = if recurrent.batch_first {
            vec![one, Axis::Time, one, Axis::Size(hidden)]
        } else {
            vec![Axis::Time, one, one, Axis::Size(hidden)]
        };
        debug_assert_eq!(planes(&axes), hidden);
        let timing = Timing {
            recurrent: true,
            ..signal.timing
        };
        let end = signal.timing.shift + (signal.timing.length - 1).saturating_mul(self.hop(signal.view));
        let cells = [None, Some(index)];
        for (held, cells) in held.iter().zip(cells) {
            if let Some(codes) = held.as_ref().and_then(|held| held.codes.as_i64()) {
                self.kept.start(codes, (view, end), cells)?;
            }
        }
        let mut results = vec![Fact::Signal(Signal { view, axes, timing })];
        for cells in cells {
            results.push(Fact::Kept(self.kept.last(&[1, 1, hidden], (view, end), cells)?));
        }
        Ok(results)
    }
}

impl Builder<'_> {
    /// Through the steps of each frame, from start states that may change.
    fn recurrent_in_frame(
        &mut self,
        node: &Node,
        recurrent: &Recurrent,
        cell: Cell,
        gates: usize,
        signal: &Signal,
    ) -> Result<Vec<Fact>, Stop> {
        let (steps, batch) = if recurrent.batch_first {
            (signal.axes[1], signal.axes[0])
        } else {
            (signal.axes[0], signal.axes[1])
        };
        let (inputs, hidden) = (size(signal.axes[2]), recurrent.hidden);
        let directions = if recurrent.direction == Direction::Bidirectional {
            2
        } else {
            1
        };
        let weight = |at: usize, shape: &[usize]| -> Result<Option<Arc<[f32]>>, Stop> {
            match self.floats(node, at)? {
                Some((given, _)) if given != shape => Err(Stop::shape(format!(
                    "weights have shape {given:?}; {inputs} features and {hidden} units need {shape:?}"
                ))),
                other => Ok(other.map(|(_, values)| values)),
            }
        };
        let missing = || Stop::shape("weights are missing");
        let rows = gates * hidden;
        let w = weight(1, &[directions, rows, inputs])?.ok_or_else(missing)?;
        let r = weight(2, &[directions, rows, hidden])?.ok_or_else(missing)?;
        let b = weight(3, &[directions, 2 * rows])?;
        let sequence = if recurrent.batch_first && size(batch) > 1 {
            self.through(signal, &Op::Transpose { perm: vec![1, 0, 2] }, &[], None)?
        } else {
            signal.clone()
        };
        let mut operands = vec![sequence];
        let mut given = [false; 2];
        for (at, given) in (5..7).zip(&mut given) {
            if at == 6 && cell != Cell::Lstm {
                continue;
            }
            let Some(fact) = self.fact(node, at)? else { continue };
            let zero = matches!(&fact, Fact::Constant { tensor, state: None }
                if tensor.as_f32().is_some_and(|values| values.iter().all(|value| *value == 0.0)));
            if zero {
                continue;
            }
            let start = self.operand(node, at)?;
            let wanted = directions * size(batch) * hidden;
            if start.view.planes != wanted {
                return Err(Stop::shape(format!(
                    "a start state {} for {wanted} values",
                    text(&start.axes)
                )));
            }
            *given = true;
            operands.push(start);
        }
        let function = frame::Function::Recurrent {
            cell,
            direction: match recurrent.direction {
                Direction::Forward => frame::Direction::Forward,
                Direction::Reverse => frame::Direction::Reverse,
                Direction::Bidirectional => frame::Direction::Bidirectional,
            },
            steps: size(steps),
            batch: size(batch),
            inputs,
            hidden,
            w,
            r,
            b,
            h0: given[0],
            c0: given[1],
        };
        let total = function.output();
        let all = self.frame(function, operands, vec![Axis::Size(total)])?;
        let units = Axis::Size(hidden);
        let last = directions * size(batch) * hidden;
        let part = |first: usize, count: usize, axes: Vec<Axis>| Signal {
            view: super::View {
                first: all.view.first + first,
                planes: count,
                ..all.view
            },
            axes,
            timing: all.timing,
        };
        let y = total - last * if cell == Cell::Lstm { 2 } else { 1 };
        let mut results = vec![part(0, y, vec![steps, Axis::Size(directions), batch, units])];
        let ends = if cell == Cell::Lstm { 2 } else { 1 };
        for end in 0..ends {
            results.push(part(y + end * last, last, vec![Axis::Size(directions), batch, units]));
        }
        if recurrent.batch_first {
            // [steps, directions, batch, units] → [batch, steps, directions, units]; states likewise.
            for (at, result) in results.iter_mut().enumerate() {
                let perm = if at == 0 { vec![2, 0, 1, 3] } else { vec![1, 0, 2] };
                let time = time_axis(&result.axes).and_then(|time| perm.iter().position(|axis| *axis == time));
                *result = self.through(result, &Op::Transpose { perm }, &[], time)?;
            }
        }
        Ok(results.into_iter().map(Fact::Signal).collect())
    }
}

fn activations(recurrent: &Recurrent, names: &[&str]) -> Result<(), Stop> {
    match &recurrent.activations {
        Some(given) if given != names => Err(Stop::not_streamable(format!(
            "activations {given:?} are not played natively"
        ))),
        _ => Ok(()),
    }
}
