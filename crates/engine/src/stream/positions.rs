//! The index of the frame as a value: ramps over time, and signals read at a distance from it (delay lines).

use super::build::{Builder, Stop, limited_frames};
use super::facts::{Fact, LONG};
use super::shape::time_axis;
use super::{Axis, Clock, Rate, Signal, StreamOp, Timing};
use std::sync::Arc;
use tonegraft_kernels::{activation, binary};
use tonegraft_model::op::{Binary, Unary};
use tonegraft_model::{Node, Op, Tensor};

/// A value `n + offset + signal`.
#[derive(Clone, Debug)]
struct Position {
    offset: f64,
    plus: Option<Signal>,
    whole: bool,
}

impl From<Position> for Fact {
    fn from(position: Position) -> Self {
        let Position { offset, plus, whole } = position;
        Self::Position { offset, plus, whole }
    }
}

impl Builder<'_> {
    /// `Range` over all frames of an endless signal: the position.
    pub(super) fn endless_range(&self, node: &Node, facts: &[Option<Fact>]) -> Result<Option<Fact>, Stop> {
        if node.op != Op::Range {
            return Ok(None);
        }
        #[allow(clippy::cast_precision_loss)]
        let number = |at: usize| match facts.get(at) {
            Some(Some(Fact::Constant { tensor, state: None })) => tensor.as_i64().map_or_else(
                || tensor.as_f32().and_then(|v| v.first()).map(|v| f64::from(*v)),
                |v| v.first().map(|v| *v as f64),
            ),
            _ => None,
        };
        let (Some(start), Some(limit), Some(step)) = (number(0), number(1), number(2)) else {
            return Ok(None);
        };
        #[allow(clippy::cast_precision_loss, clippy::float_cmp)]
        if (limit - start).abs() < LONG as f64 {
            return Ok(None);
        }
        #[allow(clippy::float_cmp)]
        if step != 1.0 {
            return Err(Stop::not_streamable(
                "it counts the frames of the whole signal in steps",
            ));
        }
        Ok(Some(Fact::Position {
            offset: start,
            plus: None,
            whole: start.fract() == 0.0,
        }))
    }

    /// A position as a signal: the number of the frame, in floats.
    pub(super) fn position_signal(&mut self, offset: f64, plus: Option<Signal>) -> Result<Signal, Stop> {
        let op = StreamOp::Ramp {
            start: 0,
            scale: 1.0,
            offset,
        };
        let rate = Rate::Frames(Clock::new(self.ticks, 0));
        let ramp = Signal {
            view: self.push_at(op, Vec::new(), 1, rate),
            axes: vec![Axis::Time],
            timing: Timing {
                length: self.length,
                near: i64::MAX / 4,
                ..Timing::default()
            },
        };
        match plus {
            None => Ok(ramp),
            Some(plus) => self.combine(binary::Function::Add, ramp, plus),
        }
    }

    /// A constant that counts frames: `start, start + 1, …` along one axis as long as the audio, all others of size 1.
    pub(super) fn counted(&self, tensor: &Tensor) -> Option<f64> {
        let shape = tensor.shape();
        let length = usize::try_from(self.length).ok().filter(|n| *n > 1)?;
        if !self.streams() || tensor.len() != length || !shape.contains(&length) {
            return None;
        }
        #[allow(clippy::cast_precision_loss)]
        let values: Vec<f64> = match (tensor.as_f32(), tensor.as_i64()) {
            (Some(values), _) => values.iter().map(|v| f64::from(*v)).collect(),
            (_, Some(values)) => values.iter().map(|v| *v as f64).collect(),
            _ => return None,
        };
        #[allow(clippy::float_cmp)]
        let steps = values.windows(2).all(|pair| pair[1] - pair[0] == 1.0);
        steps.then(|| values[0])
    }

    fn position(&self, node: &Node, at: usize) -> Result<Option<Position>, Stop> {
        Ok(match self.fact(node, at)? {
            Some(Fact::Position { offset, plus, whole }) => Some(Position { offset, plus, whole }),
            Some(Fact::Constant { tensor, state: None }) => self.counted(&tensor).map(|offset| Position {
                offset,
                plus: None,
                whole: offset.fract() == 0.0,
            }),
            _ => None,
        })
    }

    /// Arithmetic on positions; `None` if none is involved.
    pub(super) fn on_positions(&mut self, node: &Node) -> Result<Option<Fact>, Stop> {
        let by_index = matches!(node.op, Op::GatherElements { .. } | Op::Where | Op::Concat { .. });
        let involved = !by_index
            && (0..node.inputs.len().min(2)).any(|at| matches!(self.fact(node, at), Ok(Some(Fact::Position { .. }))));
        let starts = matches!(node.op, Op::Binary(Binary::Add | Binary::Sub))
            && (0..2).any(|at| matches!(self.position(node, at), Ok(Some(_))))
            && (0..2).any(|at| matches!(self.fact(node, at), Ok(Some(Fact::Signal(_)))));
        if !involved && !starts {
            return Ok(None);
        }
        let refuse =
            || Stop::not_streamable("it computes with the position in the signal in a way that is not played natively");
        Ok(Some(match &node.op {
            Op::Binary(function @ (Binary::Add | Binary::Sub)) => {
                let (a, b) = (self.position(node, 0)?, self.position(node, 1)?);
                match (a, b) {
                    (Some(a), Some(b)) if *function == Binary::Sub => self.distance(a, b)?,
                    (Some(a), None) => self.shifted(node, a, 1, *function == Binary::Sub)?.into(),
                    (None, Some(b)) if *function == Binary::Add => self.shifted(node, b, 0, false)?.into(),
                    _ => return Err(refuse()),
                }
            }
            Op::Unary(Unary::Floor) => {
                let position = self.position(node, 0)?.ok_or_else(refuse)?;
                self.floored(position).into()
            }
            // Whole numbers stay; others lose their fraction, all being positive.
            Op::Cast { to, .. } if *to != tonegraft_model::DType::Bool => {
                let position = self.position(node, 0)?.ok_or_else(refuse)?;
                if *to == tonegraft_model::DType::I64 {
                    self.floored(position).into()
                } else {
                    position.into()
                }
            }
            // Bounds that keep within what is read.
            Op::Clip => self.position(node, 0)?.ok_or_else(refuse)?.into(),
            Op::Binary(Binary::Max | Binary::Min) => match (self.position(node, 0)?, self.position(node, 1)?) {
                (Some(position), None) | (None, Some(position)) => position.into(),
                _ => return Err(refuse()),
            },
            Op::Squeeze | Op::Unsqueeze | Op::Reshape { .. } | Op::Expand | Op::Tile => {
                if self.behind(node)? {
                    return Err(refuse());
                }
                let position = self.position(node, 0)?.ok_or_else(refuse)?;
                if position.plus.as_ref().is_some_and(|signal| signal.view.planes > 1) {
                    return Err(refuse());
                }
                position.into()
            }
            // Anything else takes it for what it is: a number for each frame.
            Op::Binary(_) => {
                let (a, b) = (self.operand(node, 0)?, self.operand(node, 1)?);
                Fact::Signal(self.function_of(node, a, b)?)
            }
            Op::Unary(unary) => {
                let signal = self.operand(node, 0)?;
                Fact::Signal(self.unary_of(signal, *unary)?)
            }
            _ => return Err(refuse()),
        }))
    }

    /// True if a layout operator puts an axis behind the time, which then no longer is the last.
    fn behind(&self, node: &Node) -> Result<bool, Stop> {
        let axes = self.integers(node, 1)?.unwrap_or_default();
        Ok(match node.op {
            Op::Unsqueeze => axes.iter().any(|axis| *axis == -1 || *axis > 0),
            Op::Reshape { .. } | Op::Expand => axes.last().is_some_and(|size| *size != -1 && *size != self.length),
            Op::Tile => axes.iter().any(|times| *times != 1),
            _ => false,
        })
    }

    /// The difference of two positions is a signal.
    fn distance(&mut self, a: Position, b: Position) -> Result<Fact, Stop> {
        #[allow(clippy::cast_possible_truncation)]
        let offset = (a.offset - b.offset) as f32;
        let constant = self.constant_signal(vec![offset].into(), vec![Axis::Size(1)]);
        let mut sum = constant;
        if let Some(plus) = a.plus {
            sum = self.combine(binary::Function::Add, plus, sum)?;
        }
        if let Some(minus) = b.plus {
            sum = self.combine(binary::Function::Sub, sum, minus)?;
        }
        Ok(Fact::Signal(sum))
    }

    /// `position ± input at`.
    fn shifted(&mut self, node: &Node, position: Position, at: usize, minus: bool) -> Result<Position, Stop> {
        if let Some(Fact::Constant { tensor, state: None }) = self.fact(node, at)?
            && tensor.len() == 1
        {
            #[allow(clippy::cast_precision_loss)]
            let value = tensor.as_f32().map_or_else(
                || tensor.as_i64().and_then(|v| v.first()).map_or(0.0, |v| *v as f64),
                |v| f64::from(v[0]),
            );
            return Ok(Position {
                offset: position.offset + if minus { -value } else { value },
                whole: position.whole && value.fract() == 0.0,
                ..position
            });
        }
        let signal = self.operand(node, at)?;
        let plus = match (position.plus, minus) {
            (None, false) => signal,
            (None, true) => {
                let view = self.push(
                    StreamOp::Unary(activation::Function::Neg),
                    vec![signal.view],
                    signal.view.planes,
                );
                Signal { view, ..signal }
            }
            (Some(own), false) => self.combine(binary::Function::Add, own, signal)?,
            (Some(own), true) => self.combine(binary::Function::Sub, own, signal)?,
        };
        Ok(Position {
            offset: position.offset,
            plus: Some(plus),
            whole: false,
        })
    }

    fn floored(&mut self, position: Position) -> Position {
        if position.whole {
            return position;
        }
        // ⌊n + o + s⌋ = n + ⌊o⌋ + ⌊s + (o − ⌊o⌋)⌋, n being whole.
        let whole = position.offset.floor();
        #[allow(clippy::cast_possible_truncation)]
        let part = (position.offset - whole) as f32;
        let plus = position.plus.map(|signal| {
            let shifted = if part == 0.0 {
                signal
            } else {
                let part = self.constant_signal(vec![part].into(), vec![Axis::Size(1)]);
                match self.combine(binary::Function::Add, signal.clone(), part) {
                    Ok(sum) => sum,
                    Err(_) => signal,
                }
            };
            let view = self.push(
                StreamOp::Unary(activation::Function::Floor),
                vec![shifted.view],
                shifted.view.planes,
            );
            Signal { view, ..shifted }
        });
        Position {
            offset: whole,
            plus,
            whole: true,
        }
    }

    /// `GatherElements` along time at a position: a delay line. What may be read reaches from the beginning of what stands before
    /// the signal to the newest frame.
    pub(super) fn read_at(
        &mut self,
        node: &Node,
        axis: usize,
        offset: f64,
        plus: Option<Signal>,
        whole: bool,
    ) -> Result<Signal, Stop> {
        let refuse = |reason: &str| Err(Stop::not_streamable(reason.to_owned()));
        let signal = self.signal(node, 0)?;
        if time_axis(&signal.axes) != Some(axis) || signal.view.planes != 1 {
            return refuse("it reads at a position along another axis than the time");
        }
        if !whole {
            return refuse("it reads between frames");
        }
        let Some(plus) = plus.filter(|signal| self.moves(signal)) else {
            return refuse("it reads at a fixed position, or one that only knobs move");
        };
        if self.hop(plus.view) != self.ticks || self.hop(signal.view) != self.ticks {
            return refuse("it reads at another rate than the audio's");
        }
        // Frame n reads index n + offset + plus of the signal, which is at least 0 for any n from 0 on; so offset + plus is.
        // Index n + d appears at tick n + d + shift.
        #[allow(clippy::cast_possible_truncation)]
        let offset = offset as i64;
        limited_frames(offset)?;
        let newest = plus.timing.shift - signal.timing.shift;
        if newest.div_euclid(self.ticks) < 0 {
            return refuse("it reads frames that have not come yet");
        }
        let reach = usize::try_from(newest.div_euclid(self.ticks)).unwrap_or(0);
        limited_frames(newest)?;
        #[allow(clippy::cast_precision_loss)]
        let from: Arc<[f32]> = vec![offset as f32].into();
        let from = self.constant_signal(from, vec![Axis::Size(1)]);
        let wanted = self.combine(binary::Function::Add, plus, from)?;
        let mut timing = wanted.timing;
        timing.far = timing.far.max(signal.timing.far + newest);
        timing.near = timing.near.min(signal.timing.near);
        timing.recurrent |= signal.timing.recurrent;
        let mut axes = signal.axes.clone();
        axes[axis] = Axis::Time;
        Ok(Signal {
            view: self.push(StreamOp::Read { reach }, vec![signal.view, wanted.view], 1),
            axes,
            timing,
        })
    }
}
