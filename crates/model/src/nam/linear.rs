//! `Linear`: an impulse response.

use super::conv::{MAX_TAPS, Shape, conv};
use super::spec::mono;
use super::weights;
use crate::assemble::Assembly;
use crate::error::Result;
use crate::graph::ValueId;
use crate::json::Field;

/// A filter, newest sample first in `weights`, as the file has it; the bias behind.
#[derive(Debug)]
pub(super) struct Linear {
    shape: Shape,
    weights: Vec<f32>,
}

pub(super) fn read(model: &Field<'_>, config: &Field<'_>) -> Result<Linear> {
    mono(config)?;
    let shape = Shape {
        taps: config.need("receptive_field")?.size(1, MAX_TAPS)?,
        ..Shape::single(1, 1, 1, config.need("bias")?.flag()?)
    };
    let weights = weights::read(model, shape.count(), "Linear model")?;
    Ok(Linear { shape, weights })
}

impl Linear {
    pub(super) fn emit(&self, assembly: &mut Assembly<'_>, prefix: &str, x: ValueId) -> Result<(ValueId, usize)> {
        let mut weights = self.weights.clone();
        if let Some(kernel) = weights.get_mut(..self.shape.taps) {
            kernel.reverse();
        }
        let name = format!("{prefix}filter");
        Ok((conv(assembly, &name, &self.shape, &weights, 1.0, x)?, 1))
    }
}
