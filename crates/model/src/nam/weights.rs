//! The flat list of weights, taken from the front in the order in which the layers were made.

use crate::error::{Result, fail, shorten};
use crate::json::Field;

/// Weights that are left.
#[derive(Debug)]
pub(super) struct Weights<'a> {
    left: &'a [f32],
}

impl<'a> Weights<'a> {
    pub(super) const fn new(all: &'a [f32]) -> Self {
        Self { left: all }
    }

    /// The next `count`. Readers compare the number of all of them first, so that this never runs short.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [f32]> {
        match self.left.split_at_checked(count) {
            Some((taken, left)) => {
                self.left = left;
                Ok(taken)
            }
            None => fail!(Tensor, "its weights end {} too early", count - self.left.len()),
        }
    }
}

/// The list `weights` of a model; `expected` are as many as its `config` needs, `what` is its architecture.
pub(super) fn read(model: &Field<'_>, expected: usize, what: &str) -> Result<Vec<f32>> {
    let field = model.need("weights")?;
    let Some(list) = field.json().as_array() else {
        return Err(field.wrong("must be a list of numbers"));
    };
    if list.len() != expected {
        fail!(
            Tensor,
            "its `{}` are {} numbers, but its {what} needs {expected}; the file is damaged or its `config` belongs to another model, export it again",
            shorten(field.path()),
            list.len()
        );
    }
    let mut values = Vec::with_capacity(list.len());
    for (index, json) in list.iter().enumerate() {
        // Weights are single precision wherever they are used.
        #[allow(clippy::cast_possible_truncation)]
        match json.as_f64().map(|value| value as f32) {
            Some(value) if value.is_finite() => values.push(value),
            Some(value) => fail!(
                NonFinite,
                "weight number {index} of its `{}` is {value}; the training went wrong or the file is damaged, export the model again",
                shorten(field.path())
            ),
            None if json.is_null() => fail!(
                NonFinite,
                "weight number {index} of its `{}` is null; the training went wrong or the file is damaged, export the model again",
                shorten(field.path())
            ),
            None => return Err(field.wrong(&format!("must be a list of numbers, but number {index} is none"))),
        }
    }
    Ok(values)
}
