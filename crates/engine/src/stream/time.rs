//! Operators that move a signal in time: Pad, Slice and Concat along the time axis.

use super::build::{Builder, Stop, limited_frames, limited_planes, limited_weights};
use super::facts::{Fact, LONG};
use super::kept::Held;
use super::shape::{planes, text, time_axis};
use super::{Axis, Prefix, Signal, StreamOp, Timing, View};
use std::sync::Arc;
use tonegraft_model::op::PadMode;
use tonegraft_model::{Node, Tensor, TensorData};

impl Builder<'_> {
    /// The view with `values` (`[planes, length]`), and zeros before them, in the ticks before `until`.
    pub(super) fn begin(&mut self, view: View, until: i64, values: &[f32], length: usize) -> View {
        let prefix = Prefix {
            until,
            values: values.into(),
            length,
            edge: false,
        };
        self.push(StreamOp::Begin(prefix), vec![view], view.planes)
    }

    /// The signal with `length` frames of `values` (zeros if empty) before its beginning.
    pub(super) fn prepend(&mut self, signal: &Signal, values: &[f32], length: usize) -> Signal {
        let longer = self.with_past(signal, length);
        let length = if values.is_empty() { 0 } else { length };
        if length > 0 {
            // What stands there must have gone into histories before the first sample.
            self.earliest = self.earliest.min(longer.timing.shift);
        }
        let view = self.begin(signal.view, signal.timing.shift, values, length);
        if length == 0 {
            self.silent.insert(view.wire, signal.timing.shift);
        }
        Signal { view, ..longer }
    }

    /// The signal as if it had begun `length` frames before.
    fn with_past(&self, signal: &Signal, length: usize) -> Signal {
        let frames = i64::try_from(length).unwrap_or(i64::MAX / 4);
        let mut longer = signal.clone();
        longer.timing.shift -= frames.saturating_mul(self.hop(signal.view));
        longer.timing.length += frames;
        longer
    }

    /// The signal with its first frame `frames` times more before it.
    pub(super) fn edge(&mut self, signal: &Signal, frames: i64) -> Signal {
        let prefix = Prefix {
            until: signal.timing.shift,
            values: Arc::from([]),
            length: 0,
            edge: true,
        };
        let view = self.push(StreamOp::Begin(prefix), vec![signal.view], signal.view.planes);
        Signal {
            view,
            axes: signal.axes.clone(),
            timing: Timing {
                shift: signal.timing.shift - frames * self.hop(signal.view),
                length: signal.timing.length + frames,
                ..signal.timing
            },
        }
    }

    /// Something for people that the file does not say.
    pub(super) fn note(&mut self, what: &str, value: &str) {
        let note = (what.to_owned(), value.to_owned());
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The signal without its first `frames` (negative: zeros before it).
    pub(super) fn crop_begin(&mut self, signal: &Signal, frames: i64) -> Signal {
        if frames < 0 {
            return self.prepend(signal, &[], usize::try_from(-frames).unwrap_or(0));
        }
        let mut cropped = signal.clone();
        cropped.timing.shift += frames * self.hop(signal.view);
        cropped.timing.length -= frames;
        cropped
    }

    pub(super) fn pad(&mut self, node: &Node, mode: PadMode) -> Result<Signal, Stop> {
        let mut signal = self.signal(node, 0)?;
        let pads = self
            .integers(node, 1)?
            .ok_or_else(|| Stop::shape("its pads are missing"))?;
        let value = match self.floats(node, 2)? {
            Some((_, values)) => values.first().copied().unwrap_or(0.0),
            None => 0.0,
        };
        let rank = signal.axes.len();
        let axes: Vec<usize> = match self.integers(node, 3)? {
            None => (0..rank).collect(),
            Some(axes) => axes
                .iter()
                .map(|axis| resolve_axis(*axis, rank))
                .collect::<Result<_, _>>()?,
        };
        if pads.len() != 2 * axes.len() {
            return Err(Stop::shape(format!("{} pads for {} axes", pads.len(), axes.len())));
        }
        for (at, axis) in axes.iter().enumerate() {
            let (begin, end) = (pads[at], pads[axes.len() + at]);
            if begin == 0 && end == 0 {
                continue;
            }
            if signal.axes[*axis] != Axis::Time {
                signal = self.pad_features(&signal, *axis, (begin, end), value, mode)?;
                continue;
            }
            if mode != PadMode::Constant && begin > 0 {
                limited_frames(begin)?;
                signal = if mode == PadMode::Edge {
                    self.edge(&signal, begin)
                } else {
                    // What is mirrored there has not come yet.
                    self.note(
                        "padding",
                        "mirrored at the beginning in a run over a whole signal; played as silence",
                    );
                    self.crop_begin(&signal, -begin)
                };
                signal.timing.length += limited_frames(end)?;
                continue;
            }
            limited_frames(begin)?;
            limited_frames(end)?;
            if begin > 0 {
                let frames = usize::try_from(begin).unwrap_or(0);
                limited_weights(frames, signal.view.planes)?;
                let values = if value == 0.0 {
                    Vec::new()
                } else {
                    vec![value; frames * signal.view.planes]
                };
                signal = self.prepend(&signal, &values, frames);
            } else {
                signal = self.crop_begin(&signal, -begin);
            }
            signal.timing.length += end;
        }
        Ok(signal)
    }

    pub(super) fn slice(&mut self, node: &Node) -> Result<Fact, Stop> {
        let mut signal = self.signal(node, 0)?;
        let rank = signal.axes.len();
        let missing = || Stop::shape("its starts or ends are missing");
        let starts = self.integers(node, 1)?.ok_or_else(missing)?;
        let ends = self.integers(node, 2)?.ok_or_else(missing)?;
        let axes: Vec<usize> = match self.integers(node, 3)? {
            None => (0..starts.len()).collect(),
            Some(axes) => axes
                .iter()
                .map(|axis| resolve_axis(*axis, rank))
                .collect::<Result<_, _>>()?,
        };
        let steps = self.integers(node, 4)?.unwrap_or_else(|| vec![1; starts.len()]);
        if starts.len() != ends.len()
            || axes.len() != starts.len()
            || steps.len() != starts.len()
            || axes.iter().any(|axis| *axis >= rank)
        {
            return Err(Stop::shape("its starts, ends, axes and steps do not fit"));
        }
        let mut tail = None;
        for (at, axis) in axes.iter().enumerate() {
            let (start, end, step) = (starts[at], ends[at], steps[at]);
            match signal.axes[*axis] {
                Axis::Time => match self.slice_time(&signal, start, end, step)? {
                    Ok(cropped) => signal = cropped,
                    Err(length) => tail = Some(length),
                },
                Axis::Size(_) | Axis::Past(_) => signal = self.slice_features(&signal, *axis, start, end, step)?,
            }
        }
        Ok(match tail {
            Some(length) => self.newest(&signal, length)?,
            None => Fact::Signal(signal),
        })
    }

    /// The last `length` frames of a signal, of which only a state can be made.
    pub(super) fn newest(&mut self, signal: &Signal, length: usize) -> Result<Fact, Stop> {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let hop = self.hop(signal.view);
        let mut last = signal.clone();
        last.timing.shift += (signal.timing.length - length).saturating_mul(hop);
        last.timing.length = length;
        self.kept.frames(&last, hop).map(Fact::Kept)
    }

    /// The cropped signal, or how many of the last frames are taken.
    pub(super) fn slice_time(
        &mut self,
        signal: &Signal,
        start: i64,
        end: i64,
        step: i64,
    ) -> Result<Result<Signal, usize>, Stop> {
        if step < 1 {
            return Err(Stop::not_streamable("it runs backwards in time"));
        }
        let length = signal.timing.length;
        // "To the end" is written in many ways.
        let far = |bound: i64| if bound == i64::from(i32::MAX) { i64::MAX } else { bound };
        let (start, end) = (far(start), far(end));
        let from_front = |bound: i64| {
            if bound < 0 {
                bound.saturating_add(length).max(0)
            } else {
                bound.min(length)
            }
        };
        let (start, end) = (from_front(start), from_front(end));
        if start >= end {
            return Err(Stop::shape("nothing is left of the signal"));
        }
        // Where the past is given, the block's own frames may stand anywhere.
        let placed = self.length < LONG && self.kept.has_past(signal.view.wire);
        if start > length / 2 && !placed {
            if end == length && step == 1 {
                return Ok(Err(usize::try_from(length - start).unwrap_or(0)));
            }
            return Err(Stop::not_streamable(
                "it takes frames from the end of the whole signal, which is no stream",
            ));
        }
        if self.length >= LONG && end - start < length / 2 {
            return Err(Stop::not_streamable(format!(
                "it takes frames {start} to {end} of the whole signal, which is no stream"
            )));
        }
        let mut cropped = self.crop_begin(signal, limited_frames(start)?);
        cropped.timing.length = end - start;
        if step > 1 {
            cropped = self.every(&cropped, step)?;
        }
        Ok(Ok(cropped))
    }

    /// Concat along time: constants before a signal are its beginning, after it only make it longer.
    pub(super) fn concat_time(&mut self, facts: &[Fact], axis: usize) -> Result<Signal, Stop> {
        let mut joined: Option<Signal> = None;
        let mut before: Vec<(Tensor, Option<Held>)> = Vec::new();
        let mut after = 0i64;
        for fact in facts {
            match (fact, &joined) {
                (Fact::Constant { tensor, state }, None) => before.push((tensor.clone(), state.clone())),
                (Fact::Constant { state: Some(held), .. }, Some(_)) => return Err(Stop::NotAState(held.id)),
                (Fact::Constant { tensor, .. }, Some(_)) => {
                    after += i64::try_from(tensor.shape().get(axis).copied().unwrap_or(0)).unwrap_or(0);
                }
                (Fact::Signal(signal), None) if self.moves(signal) && time_axis(&signal.axes) == Some(axis) => {
                    joined = Some(signal.clone());
                }
                _ => return Err(Stop::not_streamable("it puts two signals after each other in time")),
            }
        }
        let mut signal = joined.ok_or_else(|| Stop::not_streamable("it makes a time axis out of constants"))?;
        let block = signal.timing.length;
        let mut apart = false;
        for (tensor, state) in before.iter().rev() {
            if let Some(held) = state
                && apart
            {
                return Err(Stop::NotAState(held.id));
            }
            apart |= state.is_none();
            let fits = tensor.rank() == signal.axes.len()
                && tensor
                    .shape()
                    .iter()
                    .zip(&signal.axes)
                    .all(|(size, expected)| match expected {
                        Axis::Time => true,
                        Axis::Size(expected) | Axis::Past(expected) => size == expected,
                    });
            let values = tensor.as_f32().filter(|_| fits).ok_or_else(|| {
                Stop::shape(format!(
                    "shape {:?} does not fit before a signal {}",
                    tensor.shape(),
                    text(&signal.axes)
                ))
            })?;
            let length = tensor.shape()[axis];
            // Zeros stand before every beginning.
            let zeros = state.is_some() && values.iter().all(|value| value.to_bits() == 0);
            let ordered = if zeros {
                Vec::new()
            } else {
                planes_first(values, tensor.shape(), axis)
            };
            let Some(codes) = state.as_ref().and_then(|held| held.codes.as_i64()) else {
                signal = self.prepend(&signal, &ordered, length);
                continue;
            };
            let codes = planes_first(codes, tensor.shape(), axis);
            let source = signal.view;
            let known = self.kept.joined(source, &codes);
            signal = match known {
                // The same past before the same signal, for another layer.
                Some(view) => Signal {
                    view,
                    ..self.with_past(&signal, length)
                },
                None => self.prepend(&signal, &ordered, length),
            };
            if known.is_none() {
                let begin = (signal.timing.shift, self.hop(source));
                self.kept.past(codes, (source, signal.view), begin, block)?;
            }
        }
        signal.timing.length += after;
        Ok(signal)
    }

    /// A constant that meets signals, at control rate. A size along their time axis must be 1, or all frames alike.
    /// `rank`: of the broadcast; `time`: its time axis.
    pub(super) fn constant_operand(
        &mut self,
        tensor: &Tensor,
        rank: usize,
        time: Option<usize>,
        partner: Option<&Signal>,
    ) -> Result<Signal, Stop> {
        let values = numbers(tensor);
        let at = time.and_then(|time| (time + tensor.rank()).checked_sub(rank));
        let mut sizes = tensor.shape().to_vec();
        let mut values: Arc<[f32]> = values;
        if let Some(at) = at.filter(|at| sizes[*at] != 1) {
            let length = sizes[at];
            let ordered = planes_first(&values, &sizes, at);
            let alike = length > 0
                && ordered
                    .chunks(length)
                    .all(|frames| frames.iter().all(|frame| *frame == frames[0]));
            if !alike {
                if let Some(partner) = partner {
                    let axes = (sizes.iter().enumerate())
                        .map(|(i, n)| if i == at { Axis::Time } else { Axis::Size(*n) })
                        .collect();
                    if let Some(signal) = self.repeating(&ordered, length, axes, partner)? {
                        return Ok(signal);
                    }
                }
                return Err(Stop::not_streamable(format!(
                    "a constant of {length} frames that differ meets a signal"
                )));
            }
            values = ordered.chunks(length).map(|frames| frames[0]).collect();
            sizes[at] = 1;
        }
        let axes: Vec<Axis> = sizes.into_iter().map(Axis::Size).collect();
        limited_planes(&axes)?;
        debug_assert_eq!(planes(&axes), values.len());
        Ok(self.constant_signal(values, axes))
    }
}

/// The elements as floats: integers and truth values as well.
#[allow(clippy::cast_precision_loss)]
pub(super) fn numbers(tensor: &Tensor) -> Arc<[f32]> {
    match tensor.data() {
        TensorData::F32(values) => values.as_slice().into(),
        TensorData::I64(values) => values.iter().map(|value| *value as f32).collect(),
        TensorData::Bool(values) => values.iter().map(|value| f32::from(u8::from(*value))).collect(),
    }
}

/// The elements with `axis` moved to the end: `[planes, frames]`.
fn planes_first<T: Copy>(values: &[T], shape: &[usize], axis: usize) -> Vec<T> {
    let length = shape[axis];
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    if inner == 1 {
        return values.to_vec();
    }
    let mut ordered = Vec::with_capacity(values.len());
    for o in 0..outer {
        for i in 0..inner {
            ordered.extend((0..length).map(|t| values[(o * length + t) * inner + i]));
        }
    }
    ordered
}

/// An axis that may count from the end.
pub(super) fn resolve_axis(axis: i64, rank: usize) -> Result<usize, Stop> {
    let signed = i64::try_from(rank).unwrap_or(0);
    usize::try_from(if axis < 0 { axis + signed } else { axis })
        .ok()
        .filter(|axis| *axis < rank)
        .ok_or_else(|| Stop::shape(format!("axis {axis} of {rank}")))
}
