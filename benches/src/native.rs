//! Tonegraft's engine.

use crate::Engine;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_core::{Fault, Processor, SampleRate};
use tonegraft_engine::{InstanceConfig, Model, Options, StartState};

/// A streaming processor.
pub struct Native {
    processor: Box<dyn Processor>,
    receptive_field: usize,
}

impl Native {
    /// Loads a model for mono at 48 kHz.
    pub fn open(path: &Path) -> Result<Self> {
        let model = Model::from_file(path, &Options::default())?;
        let host_rate = SampleRate::new(48_000).context("48 kHz is a rate")?;
        let processor = model.instantiate(&InstanceConfig { start: StartState::Zero, ..InstanceConfig::new(host_rate, 1) })?;
        ensure!(processor.facts().latency.total().frames().get() == 0, "the comparison wants a model without latency");
        let receptive_field = usize::try_from(model.info().receptive_field)?;
        Ok(Self { processor, receptive_field })
    }

    /// Past frames on which one output frame depends, itself included.
    pub fn receptive_field(&self) -> usize {
        self.receptive_field
    }
}

impl Engine for Native {
    fn play(&mut self, input: &[f32], output: &mut [f32]) -> Result<()> {
        let _guard = FlushDenormals::new();
        ensure!(self.processor.process(&[input], &mut [output]) == Fault::None, "the engine reports a fault");
        Ok(())
    }
}
