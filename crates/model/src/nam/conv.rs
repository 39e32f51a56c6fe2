//! Causal convolutions, `Conv1D` and `Conv1x1` of NeuralAmpModelerCore.

use super::weights::Weights;
use crate::assemble::Assembly;
use crate::error::{Result, fail};
use crate::graph::ValueId;
use crate::json::Field;
use crate::op::{AutoPad, Op, Window};
use crate::tensor::Tensor;

/// Most channels of a layer.
pub(super) const MAX_CHANNELS: usize = 4096;
/// Most taps of a layer.
pub(super) const MAX_TAPS: usize = 1 << 20;
/// Most frames that a layer looks back.
pub(super) const MAX_REACH: usize = 1 << 24;

/// A convolution without its weights, which are `[outputs, inputs / groups, taps]`, oldest tap first, and then the biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub inputs: usize,
    pub outputs: usize,
    pub taps: usize,
    pub dilation: usize,
    pub groups: usize,
    pub bias: bool,
}

impl Shape {
    /// One tap.
    pub(super) const fn single(inputs: usize, outputs: usize, groups: usize, bias: bool) -> Self {
        Self {
            inputs,
            outputs,
            taps: 1,
            dilation: 1,
            groups,
            bias,
        }
    }

    /// How many weights it has.
    pub(super) fn count(&self) -> usize {
        let biases = if self.bias { self.outputs } else { 0 };
        (self.inputs / self.groups)
            .saturating_mul(self.outputs)
            .saturating_mul(self.taps)
            .saturating_add(biases)
    }

    /// Whether the groups divide the channels; `what` is the layer, `at` where it stands.
    pub(super) fn check(&self, at: &Field<'_>, what: &str) -> Result<()> {
        if !(self.inputs.is_multiple_of(self.groups) && self.outputs.is_multiple_of(self.groups)) {
            return Err(at.wrong(&format!(
                "has {} groups for its {what}, which do not divide {} and {} channels",
                self.groups, self.inputs, self.outputs
            )));
        }
        if (self.taps - 1).saturating_mul(self.dilation) > MAX_REACH {
            return Err(at.wrong(&format!(
                "has a {what} of {} taps with dilation {}, which looks back more than {MAX_REACH} samples",
                self.taps, self.dilation
            )));
        }
        Ok(())
    }

    /// The weights of `slim`, the same layer with the first of these channels only.
    pub(super) fn slice(&self, slim: &Self, weights: &mut Weights<'_>, to: &mut Vec<f32>) -> Result<()> {
        let biases = if self.bias { self.outputs } else { 0 };
        let taken = weights.take(self.count())?;
        let (kernel, bias) = taken.split_at(taken.len() - biases);
        let row = self.inputs * self.taps;
        for row in kernel.chunks_exact(row.max(1)).take(slim.outputs) {
            to.extend(row.iter().take(slim.inputs * slim.taps));
        }
        to.extend(bias.iter().take(slim.outputs));
        Ok(())
    }
}

/// Adds a causal convolution of `x [1, inputs, T]`, zeros before the signal, times `scale`.
pub(super) fn conv(
    assembly: &mut Assembly<'_>,
    name: &str,
    shape: &Shape,
    weights: &[f32],
    scale: f32,
    x: ValueId,
) -> Result<ValueId> {
    let biases = if shape.bias { shape.outputs } else { 0 };
    let Some((kernel, bias)) = weights.split_at_checked(weights.len().saturating_sub(biases)) else {
        fail!(Tensor, "`{name}` has too few weights");
    };
    let scaled = |values: &[f32]| -> Vec<f32> { values.iter().map(|value| value * scale).collect() };
    let dims = vec![shape.outputs, shape.inputs / shape.groups, shape.taps];
    let (Some(kernel), Some(bias)) = (
        Tensor::f32(dims, scaled(kernel)),
        Tensor::f32(vec![biases], scaled(bias)),
    ) else {
        fail!(Tensor, "`{name}` has another number of weights than it needs");
    };
    let mut inputs = vec![x, assembly.constant(&format!("{name}.weight"), kernel)?];
    if shape.bias {
        inputs.push(assembly.constant(&format!("{name}.bias"), bias)?);
    }
    let before = i64::try_from((shape.taps - 1) * shape.dilation).unwrap_or(i64::MAX);
    let op = Op::Conv {
        window: Window {
            kernel: vec![shape.taps],
            strides: vec![1],
            dilations: vec![shape.dilation],
            pads: vec![before, 0],
            auto_pad: AutoPad::NotSet,
        },
        group: shape.groups,
    };
    assembly.emit(name, op, &inputs)
}
