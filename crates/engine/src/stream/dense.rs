//! Layers that multiply by weights: Conv, Gemm, MatMul; and those that can be written so: BatchNormalization, Reduce.

use super::build::{Builder, Fact, Stop, limited_frames, limited_weights};
use super::shape::{planes, size, text, time_axis};
use super::time::resolve_axis;
use super::{Axis, Rate, Signal, StreamOp, Timing};
use std::sync::Arc;
use tonegraft_kernels::{binary, conv1d};
use tonegraft_model::Node;
use tonegraft_model::op::{AutoPad, Reduction, Window};

impl Builder<'_> {
    pub(super) fn conv(&mut self, node: &Node, window: &Window, group: usize) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let (w_shape, weights) = self
            .floats(node, 1)?
            .ok_or_else(|| Stop::shape("its weights are missing"))?;
        let bias = self.floats(node, 2)?.map(|(_, bias)| bias);
        let time = time_axis(&signal.axes).ok_or_else(|| Stop::not_streamable("it convolves knob values"))?;
        let (Some(spatial), [Axis::Size(batch), Axis::Size(channels), ..]) =
            (time.checked_sub(2), signal.axes.as_slice())
        else {
            return Err(Stop::not_streamable(format!(
                "its input {} has the time where channels or batches belong",
                text(&signal.axes)
            )));
        };
        let axes = signal.axes.len() - 2;
        if *batch != 1 {
            return Err(Stop::not_streamable(format!("it works on a batch of {batch}")));
        }
        if w_shape.len() != signal.axes.len() || window.strides.len() != axes || window.dilations.len() != axes {
            return Err(Stop::shape(format!(
                "weights {w_shape:?} do not fit {}",
                text(&signal.axes)
            )));
        }
        let (outputs, group_inputs) = (w_shape[0], w_shape[1]);
        let taps = w_shape[2 + spatial];
        if group == 0 || group_inputs * group != *channels || !outputs.is_multiple_of(group) {
            return Err(Stop::shape(format!(
                "{channels} input channels do not fit weights {w_shape:?} in {group} groups"
            )));
        }
        for axis in (0..axes).filter(|axis| *axis != spatial) {
            let pads = padding(window, axis, 0, axes);
            if signal.axes[2 + axis] != Axis::Size(1) || w_shape[2 + axis] != 1 || pads != (0, 0) {
                return Err(Stop::not_streamable(
                    "a convolution over two axes is not played natively",
                ));
            }
        }
        if window.strides[spatial] != 1 {
            return Err(Stop::not_streamable(format!(
                "stride {} changes the rate; models that work in hops are not played natively",
                window.strides[spatial]
            )));
        }
        let dilation = window.dilations[spatial];
        let reach = taps.saturating_sub(1).saturating_mul(dilation);
        if taps == 0 || reach > 1 << 24 {
            return Err(Stop::shape(format!("{taps} taps {dilation} frames apart")));
        }
        let reach = i64::try_from(reach).unwrap_or(0);
        let (begin, end) = padding(window, spatial, reach, axes);
        limited_frames(begin)?;
        limited_frames(end)?;
        let padded = if begin == 0 {
            signal.clone()
        } else {
            self.crop_begin(&signal, -begin)
        };
        let shape = conv1d::Shape {
            inputs: *channels,
            outputs,
            taps,
            groups: group,
        };
        let timing = Timing {
            shift: padded.timing.shift + reach,
            growth: padded.timing.growth + end - reach,
            far: padded.timing.far + reach,
            ..padded.timing
        };
        let view = self.push(
            StreamOp::Conv {
                shape,
                dilation,
                weights,
                bias,
            },
            vec![padded.view],
            outputs,
        );
        let mut out = signal.axes.clone();
        out[1] = Axis::Size(outputs);
        let result = Signal {
            view,
            axes: out,
            timing,
        };
        if self.length(&result).is_some_and(|length| length < 1) {
            return Err(Stop::shape("fewer frames than the kernel needs"));
        }
        Ok(result)
    }

    /// `weights: [out, in]` applied to each group of `in` planes in turn; the axes come with the result.
    fn dense(
        &mut self,
        signal: &Signal,
        out: usize,
        weights: &[f32],
        bias: Option<Arc<[f32]>>,
        axes: Vec<Axis>,
    ) -> Result<Signal, Stop> {
        let inputs = weights.len().checked_div(out).unwrap_or(0);
        if inputs == 0 || !signal.view.planes.is_multiple_of(inputs) {
            return Err(Stop::shape(format!(
                "{inputs} features do not fit {}",
                text(&signal.axes)
            )));
        }
        let groups = signal.view.planes / inputs;
        limited_weights(groups, weights.len())?;
        let repeat = |values: &[f32]| -> Arc<[f32]> {
            let repeated: Vec<f32> = std::iter::repeat_n(values, groups).flatten().copied().collect();
            repeated.into()
        };
        let shape = conv1d::Shape {
            inputs: signal.view.planes,
            outputs: out * groups,
            taps: 1,
            groups,
        };
        let op = StreamOp::Conv {
            shape,
            dilation: 1,
            weights: repeat(weights),
            bias: bias.map(|bias| repeat(&bias)),
        };
        Ok(Signal {
            view: self.push(op, vec![signal.view], out * groups),
            axes,
            timing: signal.timing,
        })
    }

    pub(super) fn matmul(&mut self, node: &Node) -> Result<Signal, Stop> {
        let changing = |fact: &Option<Fact>| matches!(fact, Some(Fact::Signal(_)));
        let (a, b) = (self.fact(node, 0)?, self.fact(node, 1)?);
        if changing(&a) && changing(&b) {
            return Err(Stop::not_streamable(
                "it multiplies two signals with each other as matrices",
            ));
        }
        if changing(&a) {
            let signal = self.signal(node, 0)?;
            let (shape, weights) = self
                .floats(node, 1)?
                .ok_or_else(|| Stop::shape("its weights are missing"))?;
            let (inputs, outputs) = match shape.as_slice() {
                [n] => (*n, 1),
                [ones @ .., i, o] if ones.iter().all(|one| *one == 1) => (*i, *o),
                _ => {
                    return Err(Stop::not_streamable(format!(
                        "its weights {shape:?} are a batch of matrices"
                    )));
                }
            };
            let mut axes = signal.axes.clone();
            match axes.last_mut() {
                Some(last @ Axis::Size(_)) if *last == Axis::Size(inputs) => *last = Axis::Size(outputs),
                Some(Axis::Time) => {
                    return Err(Stop::not_streamable(format!("it mixes {inputs} frames of the signal")));
                }
                _ => {
                    return Err(Stop::shape(format!(
                        "weights {shape:?} do not fit {}",
                        text(&signal.axes)
                    )));
                }
            }
            if shape.len() == 1 {
                axes.pop();
            }
            let transposed: Vec<f32> = (0..inputs * outputs)
                .map(|at| weights[at % inputs * outputs + at / inputs])
                .collect();
            return self.dense(&signal, outputs, &transposed, None, axes);
        }
        let signal = self.signal(node, 1)?;
        let (shape, weights) = self
            .floats(node, 0)?
            .ok_or_else(|| Stop::shape("its weights are missing"))?;
        let rank = signal.axes.len();
        let (Some((outputs, inputs)), Some(features)) = (
            match shape.as_slice() {
                [ones @ .., o, i] if ones.iter().all(|one| *one == 1) => Some((*o, *i)),
                _ => None,
            },
            rank.checked_sub(2),
        ) else {
            return Err(Stop::not_streamable(format!(
                "its weights {shape:?} are no single matrix"
            )));
        };
        if signal.axes[features] == Axis::Time {
            return Err(Stop::not_streamable(format!("it mixes {inputs} frames of the signal")));
        }
        if signal.axes[features] != Axis::Size(inputs) || signal.axes[rank - 1] != Axis::Time {
            return Err(Stop::not_streamable(format!(
                "weights {shape:?} before a signal {} are not played natively",
                text(&signal.axes)
            )));
        }
        let mut axes = signal.axes.clone();
        axes[features] = Axis::Size(outputs);
        self.dense(&signal, outputs, &weights, None, axes)
    }

    pub(super) fn gemm(
        &mut self,
        node: &Node,
        (alpha, beta): (f32, f32),
        trans_a: bool,
        trans_b: bool,
    ) -> Result<Signal, Stop> {
        if !matches!(self.fact(node, 0)?, Some(Fact::Signal(_))) {
            return Err(Stop::not_streamable("its second matrix changes while playing"));
        }
        let signal = self.signal(node, 0)?;
        let (shape, b) = self
            .floats(node, 1)?
            .ok_or_else(|| Stop::shape("its weights are missing"))?;
        let ([rows, columns], [first, second]) = (shape.as_slice(), signal.axes.as_slice()) else {
            return Err(Stop::shape(format!(
                "weights {shape:?} do not fit {}",
                text(&signal.axes)
            )));
        };
        let (frames, features) = if trans_a { (*second, *first) } else { (*first, *second) };
        let (inputs, outputs) = if trans_b { (*columns, *rows) } else { (*rows, *columns) };
        if features == Axis::Time {
            return Err(Stop::not_streamable(format!("it mixes {inputs} frames of the signal")));
        }
        if features != Axis::Size(inputs) {
            return Err(Stop::shape(format!(
                "weights {shape:?} do not fit {}",
                text(&signal.axes)
            )));
        }
        if trans_a && size(frames) != 1 {
            return Err(Stop::not_streamable(
                "it transposes features in a way that is not played natively",
            ));
        }
        let weight = |o: usize, i: usize| alpha * if trans_b { b[o * inputs + i] } else { b[i * outputs + o] };
        let weights: Vec<f32> = (0..outputs * inputs)
            .map(|at| weight(at / inputs, at % inputs))
            .collect();
        let axes = vec![frames, Axis::Size(outputs)];
        let product = match self.floats(node, 2)? {
            None => return self.dense(&signal, outputs, &weights, None, axes),
            Some((shape, bias)) if bias.len() == outputs && shape.last() == Some(&outputs) => {
                let bias: Vec<f32> = bias.iter().map(|b| beta * b).collect();
                return self.dense(&signal, outputs, &weights, Some(bias.into()), axes);
            }
            Some((shape, bias)) => {
                let product = self.dense(&signal, outputs, &weights, None, axes)?;
                let scaled: Vec<f32> = bias.iter().map(|b| beta * b).collect();
                let axes = shape.into_iter().map(Axis::Size).collect();
                (product, self.constant_signal(scaled.into(), axes))
            }
        };
        self.combine(binary::Function::Add, product.0, product.1)
    }

    pub(super) fn batch_norm(&mut self, node: &Node, epsilon: f32) -> Result<Signal, Stop> {
        let signal = self.signal(node, 0)?;
        let [_, Axis::Size(channels), ..] = signal.axes.as_slice() else {
            return Err(Stop::not_streamable("the time stands where channels belong"));
        };
        let channels = *channels;
        let mut parts = Vec::new();
        for at in 1..5 {
            let (_, values) = self
                .floats(node, at)?
                .filter(|(_, values)| values.len() == channels)
                .ok_or_else(|| Stop::shape(format!("input {at} does not have one value per channel")))?;
            parts.push(values);
        }
        let factor: Vec<f32> = (0..channels)
            .map(|c| parts[0][c] / (parts[3][c] + epsilon).sqrt())
            .collect();
        let offset: Vec<f32> = (0..channels).map(|c| parts[1][c] - parts[2][c] * factor[c]).collect();
        let axes: Vec<Axis> = std::iter::once(Axis::Size(channels))
            .chain(signal.axes.iter().skip(2).map(|_| Axis::Size(1)))
            .collect();
        let factor = self.constant_signal(factor.into(), axes.clone());
        let offset = self.constant_signal(offset.into(), axes);
        let scaled = self.combine(binary::Function::Mul, signal, factor)?;
        self.combine(binary::Function::Add, scaled, offset)
    }

    /// Sums and means over features are products with ones.
    pub(super) fn reduce(
        &mut self,
        node: &Node,
        reduction: Reduction,
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
        if axes.iter().any(|axis| signal.axes[*axis] == Axis::Time) {
            return Err(Stop::not_streamable("it needs all frames of the signal at once"));
        }
        let mean = match reduction {
            Reduction::Sum => false,
            Reduction::Mean => true,
            other => {
                return Err(Stop::not_streamable(format!(
                    "`{}` over features is not played natively",
                    other.name()
                )));
            }
        };
        let reduced: Vec<Axis> = (signal.axes.iter().enumerate())
            .map(|(at, axis)| if axes.contains(&at) { Axis::Size(1) } else { *axis })
            .collect();
        // Which result plane each plane adds to, by broadcasting the result back.
        let target = super::shape::broadcast_planes(&reduced, &signal.axes);
        let (inputs, outputs) = (signal.view.planes, planes(&reduced));
        if inputs.saturating_mul(outputs) > 1 << 22 {
            return Err(Stop::not_streamable("it reduces too many features"));
        }
        #[allow(clippy::cast_precision_loss)]
        let share = if mean { outputs as f32 / inputs as f32 } else { 1.0 };
        let weights: Vec<f32> = (0..outputs)
            .flat_map(|o| target.iter().map(move |t| if *t == o { share } else { 0.0 }))
            .collect();
        let out: Vec<Axis> = if keep_dims {
            reduced
        } else {
            (reduced.into_iter().enumerate())
                .filter(|(at, _)| !axes.contains(at))
                .map(|(_, axis)| axis)
                .collect()
        };
        let summed = self.dense(&signal, outputs, &weights, None, out)?;
        debug_assert!(self.rate(summed.view) >= Rate::Control);
        Ok(summed)
    }
}

/// Padding at the beginning and the end, for stride 1.
fn padding(window: &Window, axis: usize, reach: i64, axes: usize) -> (i64, i64) {
    let at = |at: usize| window.pads.get(at).copied().unwrap_or(0);
    match window.auto_pad {
        AutoPad::NotSet => (at(axis), at(axes + axis)),
        AutoPad::Valid => (0, 0),
        AutoPad::SameUpper => (reach / 2, reach - reach / 2),
        AutoPad::SameLower => (reach - reach / 2, reach / 2),
    }
}
