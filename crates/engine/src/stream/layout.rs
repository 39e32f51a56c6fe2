//! Operators that only rename or reorder: most make another signal on the same wire, some copy planes.
//!
//! The trick that serves them all: a tensor of plane numbers, shaped like the signal with time of size 1, goes through the
//! operator itself; what comes out says where every plane goes.

use super::build::{Builder, Stop, limited_frames, limited_planes};
use super::facts::{Fact, LONG};
use super::shape::{broadcast_planes, planes, size, text, time_axis};
use super::time::resolve_axis;
use super::{Axis, Signal, StreamOp, Timing, View};
use tonegraft_model::op::PadMode;
use tonegraft_model::{Node, Op, Tensor, eval};

/// The most frames that a reshape makes one.
const MAX_GATHERED: usize = 1 << 16;

impl Builder<'_> {
    /// The signal whose plane `p` is plane `order[p]` of `signal`, under new axes.
    pub(super) fn reorder(&mut self, signal: &Signal, axes: Vec<Axis>, order: &[usize]) -> Signal {
        let consecutive = order.windows(2).all(|pair| pair[1] == pair[0] + 1);
        let view = match order.first() {
            Some(first) if consecutive => View {
                first: signal.view.first + first,
                planes: order.len(),
                ..signal.view
            },
            _ => {
                let map = order.iter().map(|plane| (0, *plane)).collect();
                self.push(StreamOp::Assemble(map), vec![signal.view], order.len())
            }
        };
        Signal {
            view,
            axes,
            timing: signal.timing,
        }
    }

    /// Numbers of the planes as a tensor of the signal's shape, time of size 1.
    fn numbered(signal: &Signal) -> Result<Tensor, Stop> {
        let shape = signal.axes.iter().map(|axis| size(*axis)).collect();
        let numbers = (0..i64::try_from(signal.view.planes).unwrap_or(0)).collect();
        Tensor::i64(shape, numbers).ok_or_else(|| Stop::shape("internal: planes and axes differ"))
    }

    /// Runs `op` on plane numbers; time stands at `time` in the result.
    pub(super) fn through(
        &mut self,
        signal: &Signal,
        op: &Op,
        others: &[Option<Tensor>],
        time: Option<usize>,
    ) -> Result<Signal, Stop> {
        let numbers = Self::numbered(signal)?;
        let inputs: Vec<Option<&Tensor>> = std::iter::once(Some(&numbers))
            .chain(others.iter().map(Option::as_ref))
            .collect();
        let out = eval::eval(op, &inputs).map_err(|error| Stop::shape(error.to_string()))?;
        let out = out.first().ok_or_else(|| Stop::shape("no result"))?;
        let order: Vec<usize> = (out.as_i64().unwrap_or(&[]).iter())
            .map(|plane| usize::try_from(*plane).unwrap_or(0))
            .collect();
        let axes = (out.shape().iter().enumerate())
            .map(|(at, size)| {
                if Some(at) == time {
                    Axis::Time
                } else {
                    Axis::Size(*size)
                }
            })
            .collect();
        Ok(self.reorder(signal, axes, &order))
    }

    /// Transpose, Squeeze, Unsqueeze, Gather, Expand, Tile.
    pub(super) fn relayout(&mut self, node: &Node) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let rank = signal.axes.len();
        let time = time_axis(&signal.axes);
        if node.op == Op::Expand {
            let target = self
                .integers(node, 1)?
                .ok_or_else(|| Stop::shape("its shape is missing"))?;
            return self.expand(&signal, &target);
        }
        let mut others = vec![self.constant(node, 1)?];
        let axes_input = |rank: usize| -> Result<Option<Vec<usize>>, Stop> {
            match others[0].as_ref().and_then(Tensor::as_i64) {
                None => Ok(None),
                Some(axes) => axes
                    .iter()
                    .map(|axis| resolve_axis(*axis, rank))
                    .collect::<Result<_, _>>()
                    .map(Some),
            }
        };
        let new_time = match &node.op {
            Op::Transpose { perm } => time.and_then(|time| perm.iter().position(|axis| *axis == time)),
            Op::Squeeze => {
                let squeezed = match axes_input(rank)? {
                    Some(axes) => axes,
                    None => (0..rank).filter(|at| signal.axes[*at] == Axis::Size(1)).collect(),
                };
                if time.is_some_and(|time| squeezed.contains(&time)) {
                    return Err(Stop::not_streamable(
                        "it removes the time axis, as if the signal had one frame",
                    ));
                }
                let list = squeezed.iter().map(|axis| i64::try_from(*axis).unwrap_or(0)).collect();
                others[0] = Some(Tensor::from_i64s(list));
                time.map(|time| time - squeezed.iter().filter(|axis| **axis < time).count())
            }
            Op::Unsqueeze => {
                let count = others[0].as_ref().map_or(0, Tensor::len);
                let mut added = axes_input(rank + count)?.unwrap_or_default();
                added.sort_unstable();
                time.map(|mut time| {
                    for axis in &added {
                        time += usize::from(*axis <= time);
                    }
                    time
                })
            }
            Op::Gather { axis } => {
                if time == Some(*axis) {
                    return Err(Stop::not_streamable("it picks single frames out of the whole signal"));
                }
                let indices = others[0].as_ref().map_or(0, Tensor::rank);
                time.map(|time| if time > *axis { time + indices - 1 } else { time })
            }
            Op::Tile => {
                // Repeated over all frames: left to later broadcasting.
                if let (None, Some(repeats)) = (time, others[0].as_ref().and_then(Tensor::as_i64)) {
                    let long = |at: usize, n: i64| {
                        signal.axes.get(at) == Some(&Axis::Size(1))
                            && (n >= LONG || (n > 1 && n == self.length && self.streams()))
                    };
                    let cut = (repeats.iter().enumerate())
                        .map(|(at, n)| if long(at, *n) { 1 } else { *n })
                        .collect();
                    others[0] = Some(Tensor::from_i64s(cut));
                }
                if let (Some(time), Some(repeats)) = (time, others[0].as_ref().and_then(Tensor::as_i64))
                    && repeats.get(time) != Some(&1)
                {
                    return Err(Stop::not_streamable("it repeats the whole signal"));
                }
                time
            }
            _ => time,
        };
        self.through(&signal, &node.op, &others, new_time)
    }

    /// Broadcasting to a shape; a size along time where the signal has 1 is left to later broadcasting.
    fn expand(&mut self, signal: &Signal, target: &[i64]) -> Result<Signal, Stop> {
        let rank = signal.axes.len().max(target.len());
        let timeless = time_axis(&signal.axes).is_none();
        let mut out = Vec::with_capacity(rank);
        for at in 0..rank {
            let own = (at + signal.axes.len()).checked_sub(rank).map(|at| signal.axes[at]);
            let wanted = (at + target.len()).checked_sub(rank).map_or(1, |at| target[at]);
            out.push(match (own, wanted) {
                (Some(Axis::Time), wanted) if wanted == 1 || wanted == signal.timing.length => Axis::Time,
                (None | Some(Axis::Size(1)), n)
                    if n >= LONG || (timeless && n > 1 && n == self.length && self.streams()) =>
                {
                    Axis::Size(1)
                }
                (None | Some(Axis::Size(1)), n) => Axis::Size(usize::try_from(n).unwrap_or(0)),
                (Some(axis), 1) => axis,
                (Some(Axis::Size(n)), wanted) if usize::try_from(wanted) == Ok(n) => Axis::Size(n),
                _ => {
                    return Err(Stop::shape(format!(
                        "{} cannot be expanded to {target:?}",
                        text(&signal.axes)
                    )));
                }
            });
        }
        limited_planes(&out)?;
        let order = broadcast_planes(&signal.axes, &out);
        Ok(self.reorder(signal, out, &order))
    }

    /// Reshape, Flatten: possible if the time axis stays whole and in its place among the features.
    pub(super) fn reshape(&mut self, node: &Node) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let target: Vec<i64> = match &node.op {
            Op::Flatten { axis } => {
                let sizes = |axes: &[Axis]| -> i64 {
                    if axes.contains(&Axis::Time) {
                        -1
                    } else {
                        i64::try_from(planes(axes)).unwrap_or(0)
                    }
                };
                let (a, b) = signal.axes.split_at((*axis).min(signal.axes.len()));
                vec![sizes(a), sizes(b)]
            }
            _ => self
                .integers(node, 1)?
                .ok_or_else(|| Stop::shape("its shape is missing"))?,
        };
        let copies_zero = !matches!(node.op, Op::Reshape { allow_zero: true });
        let Some(time) = time_axis(&signal.axes) else {
            // Control rate: all sizes are known, the planes stay in order.
            let total = signal.view.planes;
            let mut sizes: Vec<usize> = (target.iter().enumerate())
                .map(|(at, n)| match n {
                    0 if copies_zero => signal.axes.get(at).map_or(1, |axis| size(*axis)),
                    n => usize::try_from(*n).unwrap_or(1),
                })
                .collect();
            if let Some(open) = target.iter().position(|n| *n == -1) {
                let rest: usize = sizes
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| *at != open)
                    .map(|(_, n)| n)
                    .product();
                sizes[open] = total.checked_div(rest).unwrap_or(0);
            }
            let axes: Vec<Axis> = sizes.into_iter().map(Axis::Size).collect();
            if planes(&axes) != total {
                return Err(Stop::shape(format!("{} cannot become {target:?}", text(&signal.axes))));
            }
            return Ok(Signal { axes, ..signal });
        };
        let (before, after) = (planes(&signal.axes[..time]), planes(&signal.axes[time + 1..]));
        let length = signal.timing.length;
        let total = i128::try_from(before * after).unwrap_or(0) * i128::from(length);
        let sizes = resolved(&target, &signal, total, copies_zero)
            .ok_or_else(|| Stop::shape(format!("{} cannot become {target:?}", text(&signal.axes))))?;
        // Products of the sizes before the new time axis and behind it say how many features go along with it, and how many
        // frames become one (or one becomes).
        let known = |sizes: &[i64]| {
            sizes
                .iter()
                .try_fold(1usize, |p, n| p.checked_mul(usize::try_from(*n).ok()?))
        };
        let places: Vec<(usize, usize)> = (0..sizes.len())
            .filter(|at| known(&sizes[..*at]) == Some(before) && sizes[*at] >= 1)
            .filter_map(|at| Some((at, known(&sizes[at + 1..])?)))
            .collect();
        let axes = |at: usize| -> Vec<Axis> {
            let feature = |n: i64| Axis::Size(usize::try_from(n).unwrap_or(0));
            (sizes.iter().enumerate())
                .map(|(i, n)| if i == at { Axis::Time } else { feature(*n) })
                .collect()
        };
        if let Some((at, _)) = places
            .iter()
            .find(|(at, inner)| sizes[*at] == length && *inner == after)
        {
            return Ok(Signal {
                axes: axes(*at),
                ..signal
            });
        }
        for (at, inner) in places {
            let times = |n: i64, factor: usize| i64::try_from(factor).ok().and_then(|f| f.checked_mul(n));
            // Features behind the time join it: each frame becomes several.
            if inner > 0 && after.is_multiple_of(inner) && times(length, after / inner) == Some(sizes[at]) {
                return self.interleave(&signal, before, after / inner, inner, axes(at));
            }
            // Frames become features behind it.
            if after > 0
                && inner.is_multiple_of(after)
                && inner / after <= MAX_GATHERED
                && times(sizes[at], inner / after) == Some(length)
            {
                return self.gather(&signal, before, inner / after, after, axes(at));
            }
        }
        Err(Stop::not_streamable(format!(
            "it reshapes {} to {}, which mixes frames with features",
            text(&signal.axes),
            sizes_text(&target)
        )))
    }

    pub(super) fn slice_features(
        &mut self,
        signal: &Signal,
        axis: usize,
        start: i64,
        end: i64,
        step: i64,
    ) -> Result<Signal, Stop> {
        let one = |value: i64| Some(Tensor::from_i64s(vec![value]));
        let others = [one(start), one(end), one(i64::try_from(axis).unwrap_or(0)), one(step)];
        self.through(signal, &Op::Slice, &others, time_axis(&signal.axes))
    }

    pub(super) fn split(&mut self, node: &Node, axis: usize) -> Result<Vec<Fact>, Stop> {
        let signal = self.signal(node, 0)?;
        let total = match signal.axes.get(axis) {
            Some(_) => signal.length(axis),
            None => return Err(Stop::shape(format!("axis {axis} of {}", text(&signal.axes)))),
        };
        let parts = i64::try_from(node.outputs.len()).unwrap_or(1).max(1);
        let sizes: Vec<i64> = match self.integers(node, 1)? {
            Some(sizes) => sizes,
            None => {
                let each = total.div_euclid(parts) + i64::from(total.rem_euclid(parts) > 0);
                (0..parts)
                    .map(|part| each.min(total.saturating_sub(part.saturating_mul(each))).max(0))
                    .collect()
            }
        };
        let mut start = 0i64;
        (sizes.into_iter())
            .map(|size| {
                let begin = start;
                start = start.saturating_add(size);
                if signal.axes.get(axis) != Some(&Axis::Time) {
                    return self.slice_features(&signal, axis, begin, start, 1).map(Fact::Signal);
                }
                // A part that is no stream is refused where it is needed.
                match self.slice_time(&signal, begin, start, 1) {
                    Ok(Ok(part)) => Ok(Fact::Signal(part)),
                    Ok(Err(length)) => self.newest(&signal, length),
                    Err(Stop::Refused(error)) => Ok(Fact::Refused(error.at(node))),
                    Err(other) => Err(other),
                }
            })
            .collect()
    }

    pub(super) fn concat(&mut self, node: &Node, axis: usize) -> Result<Signal, Stop> {
        let facts: Vec<Fact> = (0..node.inputs.len())
            .filter_map(|at| self.fact(node, at).transpose())
            .collect::<Result<_, _>>()?;
        let like = facts.iter().find_map(|fact| match fact {
            Fact::Signal(signal) if signal.axes.contains(&Axis::Time) => Some(signal.axes.clone()),
            _ => None,
        });
        let time = like.as_deref().and_then(time_axis);
        if time == Some(axis) {
            return self.concat_time(&facts, axis);
        }
        let rank = like.as_ref().map(Vec::len);
        let mut signals = Vec::new();
        for fact in &facts {
            signals.push(match fact {
                Fact::Signal(signal) => signal.clone(),
                Fact::Constant { state: Some(held), .. } => return Err(Stop::NotAState(held.id)),
                Fact::Position { offset, plus, .. } => self.position_signal(*offset, plus.clone())?,
                Fact::Constant { tensor, .. } => {
                    self.constant_operand(tensor, rank.unwrap_or(tensor.rank()), time, None)?
                }
                _ => return Err(Stop::not_streamable("it joins the last frames with a signal")),
            });
        }
        let first = like.unwrap_or_else(|| signals.first().map(|signal| signal.axes.clone()).unwrap_or_default());
        let timing = self.align(&mut signals)?;
        let outer: usize = first.get(..axis).map_or(1, planes);
        let mut total = 0;
        for signal in &signals {
            let fits = signal.axes.len() == first.len()
                && (signal.axes.iter().zip(&first).enumerate()).all(|(at, (own, other))| {
                    at == axis || own == other || (*other == Axis::Time && *own == Axis::Size(1))
                });
            let Some(Axis::Size(size)) = signal.axes.get(axis).copied().filter(|_| fits) else {
                return Err(Stop::shape(format!(
                    "{} does not fit {}",
                    text(&signal.axes),
                    text(&first)
                )));
            };
            total += size;
        }
        let mut axes = first;
        if let Some(joined) = axes.get_mut(axis) {
            *joined = Axis::Size(total);
        }
        limited_planes(&axes)?;
        let mut map = Vec::new();
        for o in 0..outer {
            for (at, signal) in signals.iter().enumerate() {
                let per_outer = signal.view.planes / outer.max(1);
                map.extend((0..per_outer).map(|p| (at, o * per_outer + p)));
            }
        }
        let count = map.len();
        let views = signals.iter().map(|signal| signal.view).collect();
        Ok(Signal {
            view: self.push(StreamOp::Assemble(map), views, count),
            axes,
            timing,
        })
    }

    pub(super) fn pad_features(
        &mut self,
        signal: &Signal,
        axis: usize,
        (begin, end): (i64, i64),
        value: f32,
        mode: PadMode,
    ) -> Result<Signal, Stop> {
        if mode != PadMode::Constant || begin < 0 || end < 0 {
            return Err(Stop::not_streamable(
                "it pads or crops features in a way that is not played natively",
            ));
        }
        limited_frames(begin)?;
        limited_frames(end)?;
        let filler = self.constant_signal(vec![value].into(), vec![Axis::Size(1)]);
        let (begin, end) = (usize::try_from(begin).unwrap_or(0), usize::try_from(end).unwrap_or(0));
        let own = size(signal.axes[axis]);
        let mut axes = signal.axes.clone();
        axes[axis] = Axis::Size(begin + own + end);
        limited_planes(&axes)?;
        let inner = planes(&signal.axes[axis + 1..]);
        let map: Vec<(usize, usize)> = (0..planes(&axes))
            .map(|plane| {
                let (outer, rest) = (
                    plane / (inner * (begin + own + end)),
                    plane % (inner * (begin + own + end)),
                );
                match (rest / inner).checked_sub(begin).filter(|at| *at < own) {
                    Some(at) => (0, (outer * own + at) * inner + rest % inner),
                    None => (1, 0),
                }
            })
            .collect();
        let count = map.len();
        Ok(Signal {
            view: self.push(StreamOp::Assemble(map), vec![signal.view, filler.view], count),
            axes,
            timing: Timing { ..signal.timing },
        })
    }
}

/// The sizes that a reshape asks for, -1 and 0 put in; `None` if they do not fit `total` values.
fn resolved(target: &[i64], signal: &Signal, total: i128, copies_zero: bool) -> Option<Vec<i64>> {
    let mut sizes: Vec<i64> = Vec::with_capacity(target.len());
    for (at, size) in target.iter().enumerate() {
        sizes.push(match size {
            0 if copies_zero && at < signal.axes.len() => signal.length(at),
            0 if copies_zero => return None,
            size => *size,
        });
    }
    let product = |sizes: &[i64]| {
        sizes
            .iter()
            .try_fold(1i128, |product, size| product.checked_mul(i128::from(*size)))
    };
    if let Some(open) = sizes.iter().position(|size| *size == -1) {
        sizes[open] = 1;
        sizes[open] = i64::try_from(total.checked_div(product(&sizes)?)?).ok()?;
    }
    (product(&sizes)? == total && sizes.iter().all(|size| *size >= 0)).then_some(sizes)
}

/// Sizes for messages: those that follow from an open length as `T…`.
fn sizes_text(sizes: &[i64]) -> String {
    let texts: Vec<String> = sizes
        .iter()
        .map(|size| {
            if *size >= LONG {
                "time".to_owned()
            } else {
                size.to_string()
            }
        })
        .collect();
    format!("[{}]", texts.join(", "))
}
