//! Model, slots and chain, put together as the plugin puts them together.
//!
//! The model plays in slot A; slot B is empty. It is adopted before the first frame, so no fade is heard.

use crate::cli::{Rates, Start};
use anyhow::{Result, bail};
use tonegraft_chain::{Chain, ChainConfig, Settings};
use tonegraft_core::{Fault, HostFrames, Middle, SampleRate};
use tonegraft_engine::{InstanceConfig, Model, StartState};
use tonegraft_slots::{BankAudio, BankConfig, BankControl, KnobRange, Unit, bank};

/// One chain with a model in it, ready to play.
pub struct Rig {
    chain: Chain,
    slots: BankAudio,
    /// Kept alive: the audio half's rings end in it.
    _control: BankControl,
}

impl Rig {
    /// For `channels` (1 or 2) at `rate`, with its controls at rest at `settings`.
    ///
    /// # Errors
    /// The model does not fit the layout.
    pub fn new(
        model: &Model,
        channels: usize,
        rate: SampleRate,
        rates: Rates,
        start: Start,
        settings: &Settings,
    ) -> Result<Self> {
        let processor = model.instantiate(&InstanceConfig {
            host_rate: rate,
            inputs: channels,
            outputs: channels,
            start: match start {
                Start::Zero => StartState::Zero,
                Start::Silence => StartState::Silence,
            },
            isa: None,
            rate: rates.rate_mode,
            oversampling: rates.oversampling,
        })?;
        let knobs = model
            .knobs()
            .iter()
            .map(|knob| KnobRange {
                min: knob.min,
                max: knob.max,
            })
            .collect();
        let (control, mut audio) = bank(BankConfig::new(rate, channels, channels));
        let unit = Unit {
            processor,
            id: 1,
            knobs,
            levels: model.levels(),
        };
        if let Err(refused) = audio.adopt(0, Some(unit)) {
            // The unit in it cannot be shared between threads, so the reason travels alone.
            bail!(refused.kind);
        }
        let mut chain = Chain::new(ChainConfig::new(rate, channels, channels));
        chain.reset();
        chain.snap(settings);
        Ok(Self {
            chain,
            slots: audio,
            _control: control,
        })
    }

    /// What a host would be told.
    pub fn latency(&self) -> HostFrames {
        self.slots.latency()
    }

    /// Plays one block, `[channels, frames]` in and out.
    pub fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        self.chain.process(&mut self.slots, input, output)
    }
}
