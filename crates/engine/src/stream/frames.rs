//! Operators within a frame: normalisation, reductions, choices, lookups, and products of two signals.

use super::build::{Builder, Mode, Stop, limited_planes};
use super::facts::Fact;
use super::shape::{planes, size, text, time_axis};
use super::time::resolve_axis;
use super::{Axis, Clock, Noise, Planes, Rate, Signal, StreamOp, Timing};
use std::sync::Arc;
use tonegraft_kernels::frame::{Function, Reduction};
use tonegraft_model::op;
use tonegraft_model::{Node, Op, Tensor};

/// The sizes before, at and behind an axis; the time counts as 1.
fn around(axes: &[Axis], at: usize) -> (usize, usize, usize) {
    (planes(&axes[..at]), size(axes[at]), planes(&axes[at + 1..]))
}

fn reduction(reduction: op::Reduction) -> Reduction {
    match reduction {
        op::Reduction::Sum => Reduction::Sum,
        op::Reduction::Mean => Reduction::Mean,
        op::Reduction::Max => Reduction::Max,
        op::Reduction::Min => Reduction::Min,
        op::Reduction::Prod => Reduction::Prod,
        op::Reduction::L1 => Reduction::L1,
        op::Reduction::L2 => Reduction::L2,
        op::Reduction::SumSquare => Reduction::SumSquare,
        op::Reduction::LogSum => Reduction::LogSum,
        op::Reduction::LogSumExp => Reduction::LogSumExp,
    }
}

impl Builder<'_> {
    /// `function` of one frame of each input.
    pub(super) fn frame(
        &mut self,
        function: Function,
        mut inputs: Vec<Signal>,
        axes: Vec<Axis>,
    ) -> Result<Signal, Stop> {
        let wanted = function.inputs();
        let given: Vec<usize> = inputs.iter().map(|signal| signal.view.planes).collect();
        limited_planes(&axes)?;
        if wanted != given || planes(&axes) != function.output() {
            return Err(Stop::shape(format!(
                "its sizes do not fit: {given:?} values in, {} out",
                text(&axes)
            )));
        }
        let timing = self.align(&mut inputs)?;
        let views = inputs.iter().map(|signal| signal.view).collect();
        let count = function.output();
        Ok(Signal {
            view: self.push(StreamOp::Frame(function), views, count),
            axes,
            timing,
        })
    }

    /// The axis, if it is not the time.
    fn feature_axis(signal: &Signal, axis: usize) -> Result<usize, Stop> {
        match signal.axes.get(axis) {
            Some(Axis::Size(_) | Axis::Past(_)) => Ok(axis),
            Some(Axis::Time) => Err(Stop::not_streamable("it needs all frames of the signal at once")),
            None => Err(Stop::shape(format!("axis {axis} of {}", text(&signal.axes)))),
        }
    }

    /// A stack of frames, its last axis moved to position `at` in the place of the time, which goes to the end and is left out
    /// of the axes.
    pub(super) fn taps_in_place(&mut self, stacked: &Signal, at: usize) -> Result<Signal, Stop> {
        let rank = stacked.axes.len();
        let perm: Vec<usize> = (0..rank)
            .map(|i| match i {
                i if i == at => rank - 1,
                i if i == rank - 1 => at,
                i => i,
            })
            .collect();
        let mut moved = self.through(stacked, &Op::Transpose { perm }, &[], Some(rank - 1))?;
        moved.axes.pop();
        Ok(moved)
    }

    pub(super) fn softmax(&mut self, node: &Node, axis: usize, log: bool) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let (outer, len, inner) = around(&signal.axes, Self::feature_axis(&signal, axis)?);
        let axes = signal.axes.clone();
        self.frame(Function::Softmax { outer, len, inner, log }, vec![signal], axes)
    }

    pub(super) fn layer_norm(&mut self, node: &Node, axis: usize, epsilon: f32) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let behind = signal.axes.get(axis..).unwrap_or(&[]);
        if behind.contains(&Axis::Time) {
            return Err(Stop::not_streamable("it needs all frames of the signal at once"));
        }
        let len = planes(behind);
        let outer = signal.view.planes.checked_div(len).unwrap_or(0);
        let row = |at: usize| -> Result<Option<Arc<[f32]>>, Stop> {
            let Some((shape, values)) = self.floats(node, at)? else {
                return Ok(None);
            };
            // One value serves a whole row.
            match values.len() {
                n if n == len => Ok(Some(values)),
                1 => Ok(Some(vec![values[0]; len].into())),
                _ => Err(Stop::shape(format!("input {at} has shape {shape:?} for rows of {len}"))),
            }
        };
        let scale = row(1)?.unwrap_or_else(|| vec![1.0; len].into());
        let bias = row(2)?;
        let axes = signal.axes.clone();
        let function = Function::LayerNorm {
            outer,
            len,
            epsilon,
            scale,
            bias,
        };
        self.frame(function, vec![signal], axes)
    }

    pub(super) fn instance_norm(&mut self, node: &Node, epsilon: f32) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let [batch, Axis::Size(channels), spatial @ ..] = signal.axes.as_slice() else {
            return Err(Stop::not_streamable("the time stands where channels belong"));
        };
        if spatial.contains(&Axis::Time) {
            return Err(Stop::not_streamable("it needs all frames of the signal at once"));
        }
        let missing = || Stop::shape("its scale or bias is missing");
        let (_, scale) = self.floats(node, 1)?.ok_or_else(missing)?;
        let (_, bias) = self.floats(node, 2)?.ok_or_else(missing)?;
        let function = Function::InstanceNorm {
            outer: size(*batch),
            channels: *channels,
            len: planes(spatial),
            epsilon,
            scale,
            bias: Some(bias),
        };
        let axes = signal.axes.clone();
        self.frame(function, vec![signal], axes)
    }

    pub(super) fn reduce(
        &mut self,
        node: &Node,
        how: op::Reduction,
        keep_dims: bool,
        noop: bool,
    ) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let rank = signal.axes.len();
        let axes: Vec<usize> = match self.integers(node, 1)? {
            Some(axes) if !axes.is_empty() => axes
                .iter()
                .map(|axis| resolve_axis(*axis, rank))
                .collect::<Result<_, _>>()?,
            _ if noop => return Ok(signal),
            _ => (0..rank).collect(),
        };
        for axis in &axes {
            Self::feature_axis(&signal, *axis)?;
        }
        let out: Vec<Axis> = (signal.axes.iter().enumerate())
            .filter(|(at, _)| keep_dims || !axes.contains(at))
            .map(|(at, axis)| if axes.contains(&at) { Axis::Size(1) } else { *axis })
            .collect();
        let function = Function::Reduce {
            shape: signal.axes.iter().map(|axis| size(*axis)).collect(),
            axes: (0..rank).map(|at| axes.contains(&at)).collect(),
            reduction: reduction(how),
        };
        self.frame(function, vec![signal], out)
    }

    pub(super) fn arg_reduce(
        &mut self,
        node: &Node,
        max: bool,
        axis: usize,
        keep_dims: bool,
        last: bool,
    ) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let (outer, len, inner) = around(&signal.axes, Self::feature_axis(&signal, axis)?);
        let mut axes = signal.axes.clone();
        if keep_dims {
            axes[axis] = Axis::Size(1);
        } else {
            axes.remove(axis);
        }
        let function = Function::ArgReduce {
            outer,
            len,
            inner,
            max,
            last,
        };
        self.frame(function, vec![signal], axes)
    }

    pub(super) fn cum_sum(&mut self, node: &Node, axis: usize, exclusive: bool, reverse: bool) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let (outer, len, inner) = around(&signal.axes, Self::feature_axis(&signal, axis)?);
        let axes = signal.axes.clone();
        let function = Function::CumSum {
            outer,
            len,
            inner,
            exclusive,
            reverse,
        };
        self.frame(function, vec![signal], axes)
    }

    /// Gather with indices that change.
    pub(super) fn gather_signal(&mut self, node: &Node, axis: usize) -> Result<Signal, Stop> {
        let indices = self.signal(node, 1)?;
        let count = indices.view.planes;
        match self.fact(node, 0)? {
            Some(Fact::Constant { tensor, state: None }) => {
                let values = tensor
                    .as_f32()
                    .ok_or_else(|| Stop::not_streamable("it looks up numbers that are no floats"))?;
                let shape = tensor.shape();
                if axis != 0 || shape.is_empty() {
                    return Err(Stop::not_streamable("it looks up in a table along an inner axis"));
                }
                let width: usize = shape[1..].iter().product();
                let function = Function::Lookup {
                    rows: shape[0],
                    width,
                    table: values.into(),
                    indices: count,
                };
                let mut axes = indices.axes.clone();
                axes.extend(shape[1..].iter().map(|n| Axis::Size(*n)));
                self.frame(function, vec![indices], axes)
            }
            _ => {
                let signal = self.signal(node, 0)?;
                let (outer, len, inner) = around(&signal.axes, Self::feature_axis(&signal, axis)?);
                if time_axis(&indices.axes).is_some() && time_axis(&signal.axes).is_some() {
                    return Err(Stop::not_streamable("it picks by frames out of frames"));
                }
                let mut axes = signal.axes[..axis].to_vec();
                axes.extend(indices.axes.iter().copied());
                axes.extend(signal.axes[axis + 1..].iter().copied());
                let function = Function::GatherAxis {
                    outer,
                    len,
                    inner,
                    indices: count,
                };
                self.frame(function, vec![signal, indices], axes)
            }
        }
    }

    pub(super) fn gather_elements(&mut self, node: &Node, axis: usize) -> Result<Signal, Stop> {
        if let Some(Fact::Position { offset, plus, whole }) = self.fact(node, 1)? {
            return self.read_at(node, axis, offset, plus, whole);
        }
        let (signal, indices) = (self.operand(node, 0)?, self.operand(node, 1)?);
        Self::feature_axis(&signal, axis)?;
        let sizes = |signal: &Signal| signal.axes.iter().map(|axis| size(*axis)).collect::<Vec<_>>();
        let function = Function::GatherElements {
            shape: sizes(&signal),
            axis,
            index_shape: sizes(&indices),
        };
        let axes = indices.axes.clone();
        self.frame(function, vec![signal, indices], axes)
    }

    /// Random numbers of a shape: along the audio's time where it is as long as that.
    pub(super) fn random(
        &mut self,
        node: &Node,
        distribution: op::Distribution,
        seed: Option<f32>,
    ) -> Result<Signal, Stop> {
        let shape = self
            .integers(node, 0)?
            .ok_or_else(|| Stop::shape("its shape is missing"))?;
        let time = shape.iter().rposition(|n| *n == self.length).filter(|_| self.streams());
        let axes: Vec<Axis> = (shape.iter().enumerate())
            .map(|(at, n)| {
                if Some(at) == time {
                    Ok(Axis::Time)
                } else {
                    usize::try_from(*n)
                        .map(Axis::Size)
                        .map_err(|_| Stop::shape("a size is negative"))
                }
            })
            .collect::<Result<_, _>>()?;
        let noise = match distribution {
            op::Distribution::Normal { mean, scale } => Noise::Normal { mean, scale },
            op::Distribution::Uniform { low, high } => Noise::Uniform { low, high },
        };
        // Each source has a sequence of its own, the same in each run.
        let declared = self.graph.metadata.seed.unwrap_or(0);
        let own = seed.map_or(0, |seed| u64::from(seed.to_bits()));
        let number = self.nodes.len() as u64;
        let seed = declared
            .wrapping_mul(0x9e37_79b9)
            .wrapping_add(own)
            .wrapping_add(number << 40);
        let (hop, timing) = match self.mode {
            Mode::Stream | Mode::Windows { .. } => (
                self.ticks,
                Timing {
                    length: self.length,
                    ..Timing::default()
                },
            ),
            Mode::Framed { .. } => self.frame_time.ok_or_else(|| Stop::shape("internal: no frames"))?,
        };
        let count = limited_planes(&axes)?;
        let rate = Rate::Frames(Clock::new(hop, timing.shift));
        let view = self.push_at(StreamOp::Noise { noise, seed }, Vec::new(), count, rate);
        Ok(Signal { view, axes, timing })
    }

    /// `condition ? a : b`.
    pub(super) fn choose(&mut self, node: &Node) -> Result<Signal, Stop> {
        let mut operands = self.operands(node)?;
        let [c, a, b] = operands.as_slice() else {
            return Err(Stop::shape("it needs a condition and two operands"));
        };
        let axes = super::shape::broadcast(&c.axes, &a.axes)
            .and_then(|axes| super::shape::broadcast(&axes, &b.axes))
            .map_err(Stop::not_streamable)?;
        let count = limited_planes(&axes)?;
        let pairing = [c, a, b].map(|signal| Planes::between(&signal.axes, &axes));
        let timing = self.align(&mut operands)?;
        let views = operands.iter().map(|signal| signal.view).collect();
        Ok(Signal {
            view: self.push(StreamOp::Select { pairing }, views, count),
            axes,
            timing,
        })
    }

    /// The product of two signals as matrices.
    pub(super) fn matmul_signals(&mut self, node: &Node, a: Signal, b: Signal) -> Result<Signal, Stop> {
        let (ra, rb) = (a.axes.len(), b.axes.len());
        if ra < 2 || rb < 2 {
            return Err(Stop::not_streamable("it multiplies a vector with a signal"));
        }
        let (ta, tb) = (time_axis(&a.axes), time_axis(&b.axes));
        let (m, k, n) = (a.axes[ra - 2], a.axes[ra - 1], b.axes[rb - 1]);
        if (m, n) == (Axis::Time, Axis::Time) {
            return self.scores(node, a, &b);
        }
        if matches!((m, k), (Axis::Time, Axis::Past(_))) && b.axes[rb - 2] == Axis::Time {
            return self.attend(a, &b);
        }
        let frames_mixed =
            k == Axis::Time || b.axes[rb - 2] == Axis::Time || n == Axis::Time || (m == Axis::Time && tb.is_some());
        if frames_mixed {
            return Err(Stop::not_streamable(
                "it multiplies all frames with all frames: attention over the whole signal",
            ));
        }
        let _ = ta;
        if b.axes[rb - 2] != k {
            return Err(Stop::shape(format!("{} times {}", text(&a.axes), text(&b.axes))));
        }
        let batch = super::shape::broadcast(&a.axes[..ra - 2], &b.axes[..rb - 2]).map_err(Stop::not_streamable)?;
        let function = Function::MatMul {
            a_batch: super::shape::broadcast_planes(&a.axes[..ra - 2], &batch),
            b_batch: super::shape::broadcast_planes(&b.axes[..rb - 2], &batch),
            a_count: planes(&a.axes[..ra - 2]),
            b_count: planes(&b.axes[..rb - 2]),
            m: size(m),
            k: size(k),
            n: size(n),
        };
        let mut axes = batch;
        axes.extend([m, n]);
        self.frame(function, vec![a, b], axes)
    }

    pub(super) fn dft(&mut self, node: &Node, axis: usize, inverse: bool, onesided: bool) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let rank = signal.axes.len();
        Self::feature_axis(&signal, axis)?;
        let Some(Axis::Size(parts @ (1 | 2))) = signal.axes.last().copied().filter(|_| axis + 1 < rank) else {
            return Err(Stop::shape(format!("{} has no complex parts", text(&signal.axes))));
        };
        let (outer, input_length, _) = around(&signal.axes, axis);
        let inner = planes(&signal.axes[axis + 1..rank - 1]);
        let natural = if onesided && inverse {
            2 * input_length.saturating_sub(1)
        } else {
            input_length
        };
        let length = match self.integers(node, 1)? {
            Some(length) => length.first().and_then(|n| usize::try_from(*n).ok()).unwrap_or(0),
            None => natural,
        };
        let function = Function::Dft {
            outer,
            length,
            inner,
            input_length,
            complex_in: parts == 2,
            onesided,
            inverse,
        };
        let mut axes = signal.axes.clone();
        axes[axis] = Axis::Size(if onesided && !inverse { length / 2 + 1 } else { length });
        axes[rank - 1] = Axis::Size(if onesided && inverse { 1 } else { 2 });
        self.frame(function, vec![signal], axes)
    }

    /// Operators that write constants or signals into places known beforehand, through a numbering of all operands' planes.
    pub(super) fn scatter(&mut self, node: &Node) -> Result<Signal, Stop> {
        let mut operands = Vec::new();
        let mut numbers = Vec::new();
        let mut next = 0i64;
        for at in [0, 2] {
            let signal = self.operand(node, at)?;
            let shape: Vec<usize> = signal.axes.iter().map(|axis| size(*axis)).collect();
            let count = i64::try_from(signal.view.planes).unwrap_or(0);
            numbers.push(
                Tensor::i64(shape, (next..next + count).collect())
                    .ok_or_else(|| Stop::shape("internal: planes and axes differ"))?,
            );
            next += count;
            operands.push(signal);
        }
        let indices = self
            .constant(node, 1)?
            .ok_or_else(|| Stop::shape("its indices are missing"))?;
        let out = tonegraft_model::eval::eval(&node.op, &[Some(&numbers[0]), Some(&indices), Some(&numbers[1])])
            .map_err(|error| Stop::shape(error.to_string()))?;
        let first = operands[0].view.planes;
        let map: Vec<(usize, usize)> = (out.first().and_then(Tensor::as_i64).unwrap_or(&[]).iter())
            .map(|plane| {
                let plane = usize::try_from(*plane).unwrap_or(0);
                if plane < first { (0, plane) } else { (1, plane - first) }
            })
            .collect();
        if operands
            .iter()
            .any(|signal| time_axis(&signal.axes).is_some_and(|_| signal.axes != operands[0].axes))
        {
            return Err(Stop::not_streamable("it writes into single frames of the signal"));
        }
        let axes = operands[0].axes.clone();
        let timing = self.align(&mut operands)?;
        let count = map.len();
        let views = operands.iter().map(|signal| signal.view).collect();
        Ok(Signal {
            view: self.push(StreamOp::Assemble(map), views, count),
            axes,
            timing,
        })
    }
}
