//! Normalisation layers in their inference form.

use super::{Args, EvalError, Outcome, broadcast, broadcast_strides, float, floats, walk};
use crate::tensor::Tensor;

/// `(batch, channels, frames)` of a tensor whose channels are on axis 1.
fn channels(x: &Tensor) -> Outcome<(usize, usize, usize)> {
    match x.shape() {
        [batch, channels, rest @ ..] => Ok((*batch, *channels, rest.iter().product())),
        shape => Err(EvalError::new(format!(
            "a normalisation wants channels on axis 1, not shape {shape:?}"
        ))),
    }
}

fn per_channel<'a>(tensor: &'a Tensor, channels: usize, what: &str) -> Outcome<&'a [f32]> {
    floats(tensor)?
        .get(..channels)
        .filter(|_| tensor.len() == channels)
        .ok_or_else(|| EvalError::new(format!("{what} has shape {:?}, not [{channels}]", tensor.shape())))
}

pub(super) fn batch(args: Args<'_>, epsilon: f32) -> Outcome {
    let x = args.get(0)?;
    let (_, count, frames) = channels(x)?;
    let scale = per_channel(args.get(1)?, count, "the scale")?;
    let bias = per_channel(args.get(2)?, count, "the bias")?;
    let mean = per_channel(args.get(3)?, count, "the mean")?;
    let variance = per_channel(args.get(4)?, count, "the variance")?;
    let normalise = |(index, x): (usize, &f32)| {
        let c = index / frames.max(1) % count.max(1);
        (x - mean[c]) / (variance[c] + epsilon).sqrt() * scale[c] + bias[c]
    };
    float(
        x.shape().to_vec(),
        floats(x)?.iter().enumerate().map(normalise).collect(),
    )
}

pub(super) fn instance(args: Args<'_>, epsilon: f32) -> Outcome {
    let x = args.get(0)?;
    let (_, count, frames) = channels(x)?;
    let scale = per_channel(args.get(1)?, count, "the scale")?;
    let bias = per_channel(args.get(2)?, count, "the bias")?;
    let mut out = Vec::with_capacity(x.len());
    for (index, signal) in floats(x)?.chunks(frames.max(1)).enumerate() {
        let (mean, deviation) = moments(signal, epsilon);
        let c = index % count.max(1);
        out.extend(signal.iter().map(|x| (x - mean) / deviation * scale[c] + bias[c]));
    }
    float(x.shape().to_vec(), out)
}

pub(super) fn layer(args: Args<'_>, axis: usize, epsilon: f32) -> Outcome {
    let x = args.get(0)?;
    let Some(normalised) = x.shape().get(axis..).filter(|axes| !axes.is_empty()) else {
        return Err(EvalError::new(format!(
            "axis {axis} does not exist in shape {:?}",
            x.shape()
        )));
    };
    let parameter = |tensor: &Tensor| -> Outcome<Vec<f32>> {
        if broadcast(tensor.shape(), normalised)? != normalised {
            return Err(EvalError::new(format!(
                "a parameter {:?} does not fit {normalised:?}",
                tensor.shape()
            )));
        }
        let data = floats(tensor)?;
        Ok(walk(normalised, &broadcast_strides(tensor.shape(), normalised))
            .map(|index| data[index])
            .collect())
    };
    let scale = parameter(args.get(1)?)?;
    let bias = args.optional(2).map(parameter).transpose()?;
    let size: usize = normalised.iter().product();
    let mut out = Vec::with_capacity(x.len());
    for group in floats(x)?.chunks(size.max(1)) {
        let (mean, deviation) = moments(group, epsilon);
        out.extend(
            group
                .iter()
                .enumerate()
                .map(|(i, x)| (x - mean) / deviation * scale[i] + bias.as_ref().map_or(0.0, |bias| bias[i])),
        );
    }
    float(x.shape().to_vec(), out)
}

/// Mean, and the root of variance plus `epsilon`.
fn moments(values: &[f32], epsilon: f32) -> (f32, f32) {
    // A count of at most MAX_ELEMENTS.
    #[allow(clippy::cast_precision_loss)]
    let count = values.len() as f32;
    let mean = values.iter().sum::<f32>() / count;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / count;
    (mean, (variance + epsilon).sqrt())
}
