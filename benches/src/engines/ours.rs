//! Tonegraft's engine.

use super::Engine;
use anyhow::{Context, Result, ensure};
use tonegraft_core::{Fault, Processor, SampleRate};
use tonegraft_engine::{InstanceConfig, Isa, Model, StartState};

/// A streaming processor.
pub struct Ours {
    processor: Box<dyn Processor>,
    /// Frames by which its output is late.
    pub latency: usize,
}

impl Ours {
    /// An instance for mono with the instructions of `isa`.
    pub fn new(model: &Model, isa: Isa) -> Result<Self> {
        // A model that declares a rate is played at it: no conversion is measured.
        let rate = SampleRate::new(model.info().sample_rate.unwrap_or(48_000)).context("the model's rate")?;
        let processor = model.instantiate(&InstanceConfig {
            start: StartState::Zero,
            isa: Some(isa),
            ..InstanceConfig::new(rate, 1)
        })?;
        let latency = usize::try_from(processor.facts().latency.total().frames().get())?;
        Ok(Self { processor, latency })
    }
}

impl Engine for Ours {
    fn play(&mut self, input: &[f32], output: &mut [f32]) -> Result<()> {
        ensure!(
            self.processor.process(&[input], &mut [output]) == Fault::None,
            "the engine reports a fault"
        );
        Ok(())
    }
}
