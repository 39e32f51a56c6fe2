//! LSTM, GRU and RNN: state per frame, start values from constants or state inputs.

use super::build::{Builder, Fact, Stop};
use super::shape::{planes, text};
use super::{Axis, Cell, RecurrentWeights, Signal, StreamOp, Timing};
use std::collections::BTreeSet;
use std::sync::Arc;
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
        if recurrent.direction != Direction::Forward {
            return Err(Stop::not_streamable(
                "it also runs backwards: its first result needs the last frame",
            ));
        }
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
        let inputs = match (frames, batch, features) {
            (Axis::Time, Axis::Size(1), Axis::Size(inputs)) => inputs,
            (Axis::Time, Axis::Size(batch), _) => {
                return Err(Stop::not_streamable(format!("it runs a batch of {batch} sequences")));
            }
            (Axis::Size(steps), Axis::Time, _) => {
                return Err(Stop::not_streamable(format!(
                    "its batch is the time: it starts afresh for {steps}-step windows at every frame"
                )));
            }
            _ => {
                return Err(Stop::not_streamable(format!(
                    "it does not run along the time of its input {}",
                    text(&signal.axes)
                )));
            }
        };
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
        let mut start = |at: usize, cell_state: bool| -> Result<Arc<[f32]>, Stop> {
            match self.fact(node, at)? {
                None => Ok(vec![0.0; hidden].into()),
                Some(Fact::Constant { tensor, state }) => {
                    if let Some(id) = state {
                        self.recurrent_states.insert((index, cell_state), id);
                    }
                    let values = tensor.as_f32().filter(|values| values.len() == hidden);
                    Ok(values
                        .ok_or_else(|| Stop::shape(format!("a start state has shape {:?}", tensor.shape())))?
                        .into())
                }
                Some(_) => Err(Stop::not_streamable("its start state changes while playing")),
            }
        };
        let h = start(5, false)?;
        let c = if cell == Cell::Lstm {
            start(6, true)?
        } else {
            Arc::from([])
        };
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
        let last = |cell_state| Fact::Last(BTreeSet::from([(index, cell_state)]));
        Ok(vec![
            Fact::Signal(Signal { view, axes, timing }),
            last(false),
            last(true),
        ])
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
