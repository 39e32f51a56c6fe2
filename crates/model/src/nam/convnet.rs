//! `ConvNet`: convolutions of two taps, each with an activation, and a matrix behind.

use super::MAX_OUTPUTS;
use super::activation::{self, Activation};
use super::array::MAX_LAYERS;
use super::conv::{MAX_CHANNELS, MAX_REACH, Shape, conv};
use super::spec::mono;
use super::weights::{self, Weights};
use crate::assemble::Assembly;
use crate::error::{Result, fail};
use crate::graph::ValueId;
use crate::json::Field;

#[derive(Debug)]
pub(super) struct ConvNet {
    blocks: Vec<Shape>,
    batch_norm: bool,
    activation: Activation,
    head: Shape,
    weights: Vec<f32>,
}

/// Weights of one batch normalisation: mean, variance, weight and bias per channel, and epsilon.
const fn batch_norm(channels: usize) -> usize {
    4 * channels + 1
}

pub(super) fn read(model: &Field<'_>, config: &Field<'_>) -> Result<ConvNet> {
    mono(config)?;
    let channels = config.need("channels")?.size(1, MAX_CHANNELS)?;
    let batch_norm_ = config.need("batchnorm")?.flag()?;
    let at = config.need("activation")?;
    let activation = activation::read(&at)?;
    activation.check(channels, &at)?;
    let groups = match config.get("groups") {
        Some(field) => field.size(1, MAX_CHANNELS)?,
        None => 1,
    };
    let outputs = match config.get("out_channels") {
        Some(field) => field.size(1, MAX_OUTPUTS)?,
        None => 1,
    };
    let dilations = config.need("dilations")?;
    if dilations.len() == 0 || dilations.len() > MAX_LAYERS {
        return Err(dilations.wrong(&format!("must be a list of 1 to {MAX_LAYERS} numbers")));
    }
    let mut blocks = Vec::with_capacity(dilations.len());
    for dilation in dilations.items()? {
        let shape = Shape {
            inputs: if blocks.is_empty() { 1 } else { channels },
            outputs: channels,
            taps: 2,
            dilation: dilation.size(1, MAX_REACH)?,
            groups,
            bias: !batch_norm_,
        };
        shape.check(config, "convolutions")?;
        blocks.push(shape);
    }
    let head = Shape::single(channels, outputs, 1, true);
    let norms = if batch_norm_ {
        blocks.len() * batch_norm(channels)
    } else {
        0
    };
    let expected = (blocks.iter().chain([&head]))
        .map(Shape::count)
        .fold(norms, usize::saturating_add);
    let weights = weights::read(
        model,
        expected,
        &format!("ConvNet of {} × {channels} channels", blocks.len()),
    )?;
    Ok(ConvNet {
        blocks,
        batch_norm: batch_norm_,
        activation,
        head,
        weights,
    })
}

impl ConvNet {
    pub(super) const fn channels(&self) -> usize {
        self.head.outputs
    }

    pub(super) fn emit(&self, assembly: &mut Assembly<'_>, prefix: &str, mut x: ValueId) -> Result<(ValueId, usize)> {
        let mut weights = Weights::new(&self.weights);
        for (index, shape) in self.blocks.iter().enumerate() {
            let name = format!("{prefix}block{index}.conv");
            let kernel = weights.take(shape.count())?;
            x = if self.batch_norm {
                let norm = weights.take(batch_norm(shape.outputs))?;
                let folded = fold(shape, kernel, norm, index)?;
                conv(assembly, &name, &Shape { bias: true, ..*shape }, &folded, 1.0, x)?
            } else {
                conv(assembly, &name, shape, kernel, 1.0, x)?
            };
            x = self.activation.emit(assembly, x, shape.outputs)?;
        }
        let head = weights.take(self.head.count())?;
        let y = conv(assembly, &format!("{prefix}head"), &self.head, head, 1.0, x)?;
        Ok((y, self.head.outputs))
    }
}

/// The normalisation as part of the convolution before it: weights, then biases.
fn fold(shape: &Shape, kernel: &[f32], norm: &[f32], index: usize) -> Result<Vec<f32>> {
    let channels = shape.outputs;
    let mut folded = Vec::with_capacity(kernel.len() + channels);
    let mut biases = Vec::with_capacity(channels);
    let row = kernel.len() / channels.max(1);
    let epsilon = norm.last().copied().unwrap_or(0.0);
    for (channel, row) in kernel.chunks_exact(row.max(1)).enumerate() {
        let at = |part: usize| norm.get(part * channels + channel).copied().unwrap_or(0.0);
        let (mean, variance, weight, bias) = (at(0), at(1), at(2), at(3));
        let scale = weight / (epsilon + variance).sqrt();
        if !scale.is_finite() {
            fail!(
                NonFinite,
                "channel {channel} of the batch normalisation of block {index} has the variance {variance}; the training went wrong or the file is damaged, export the model again"
            );
        }
        folded.extend(row.iter().map(|weight| weight * scale));
        biases.push(bias - scale * mean);
    }
    folded.append(&mut biases);
    Ok(folded)
}
