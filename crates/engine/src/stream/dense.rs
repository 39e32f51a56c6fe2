//! Layers that multiply by matrices: Gemm, MatMul; and those that can be written so: BatchNormalization, sums and means.

use super::build::{Builder, Stop, limited_weights};
use super::facts::Fact;
use super::shape::{size, text};
use super::{Axis, Signal, StreamOp};
use std::sync::Arc;
use tonegraft_kernels::{binary, conv1d, frame};
use tonegraft_model::Node;

impl Builder<'_> {
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
        if groups > 1 && (self.is_stepwise(signal) || !self.moves(signal)) {
            let function = frame::Function::Dense {
                rows: groups,
                inputs,
                outputs: out,
                weights: weights.into(),
                bias,
            };
            return self.frame(function, vec![signal.clone()], axes);
        }
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
            let (a, b) = (self.signal(node, 0)?, self.signal(node, 1)?);
            return self.matmul_signals(node, a, b);
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
                    let matrices = self.operand(node, 1)?;
                    return self.matmul_signals(node, signal, matrices);
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
            let matrices = self.operand(node, 0)?;
            return self.matmul_signals(node, matrices, signal);
        };
        if signal.axes[features] == Axis::Time {
            return Err(Stop::not_streamable(format!("it mixes {inputs} frames of the signal")));
        }
        if signal.axes[features] != Axis::Size(inputs) {
            return Err(Stop::shape(format!(
                "weights {shape:?} do not fit {}",
                text(&signal.axes)
            )));
        }
        if size(signal.axes[rank - 1]) != 1 {
            let matrix = self.operand(node, 0)?;
            return self.matmul_signals(node, matrix, signal);
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
}
