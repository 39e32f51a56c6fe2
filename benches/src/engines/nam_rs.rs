//! nam-rs.

use super::Engine;
use anyhow::{Context, Result, anyhow};
use nam_rs::{Model, NamModel};
use std::path::Path;

/// A model of nam-rs.
pub struct NamRs(Model);

impl NamRs {
    /// Loads a `.nam` file, of a container the part of that size.
    pub fn open(path: &Path, size: Option<f32>) -> Result<Self> {
        let told = |error: nam_rs::Error| anyhow!("nam-rs: {error}");
        let mut model = Model::from_nam(&NamModel::from_file(path).map_err(told)?).map_err(told)?;
        if let Some(size) = size {
            model
                .as_slimmable_mut()
                .context("nam-rs: the model has one size")?
                .set_slim_size(size);
        }
        Ok(Self(model))
    }
}

impl Engine for NamRs {
    fn play(&mut self, input: &[f32], output: &mut [f32]) -> Result<()> {
        output.copy_from_slice(input);
        self.0.process_buffer(output);
        Ok(())
    }
}
