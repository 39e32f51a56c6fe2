//! Model, slots and chain, put together as the plugin puts them together.
//!
//! The model plays in slot A; slot B is empty; behind them stands the impulse response. Both are adopted before the first frame, so no fade is heard.

use crate::cli::{Rates, Start};
use anyhow::{Result, bail};
use tonegraft_chain::cab::{Convolver, ImpulseResponse};
use tonegraft_chain::{Chain, ChainConfig, Settings};
use tonegraft_core::{Fault, HostFrames, Middle, ModelLevels, SampleRate};
use tonegraft_engine::{InstanceConfig, Model, StartState};
use tonegraft_model::Knob;
use tonegraft_slots::{BankConfig, BankControl, SlotsAndCab, Unit, bank};

/// One chain with a model in it, ready to play.
pub struct Rig {
    chain: Chain,
    middle: SlotsAndCab,
    /// Kept alive: the audio halves' rings end in them.
    _controls: [BankControl; 2],
}

impl Rig {
    /// For `channels` (1 or 2) at `rate`, with its controls at rest at `settings`. `response` is at `rate`.
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
        response: Option<&ImpulseResponse>,
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
        let knobs = model.knobs().iter().map(Knob::range).collect();
        let model = Unit {
            processor,
            id: 1,
            knobs,
            levels: model.levels(),
        };
        let cab = response.map(|response| Unit {
            processor: Box::new(Convolver::new(response, channels, channels)),
            id: 2,
            knobs: Vec::new(),
            levels: ModelLevels::default(),
        });
        let config = BankConfig::new(rate, channels, channels);
        let (slots_control, mut slots) = bank(config);
        let (cab_control, mut cab_slot) = bank(SlotsAndCab::cab_config(&config));
        for (bank, unit) in [(&mut slots, Some(model)), (&mut cab_slot, cab)] {
            if let Err(refused) = bank.adopt(0, unit) {
                // The unit in it cannot be shared between threads, so the reason travels alone.
                bail!(refused.kind);
            }
        }
        let mut chain = Chain::new(ChainConfig::new(rate, channels, channels));
        chain.reset();
        chain.snap(settings);
        Ok(Self {
            chain,
            middle: SlotsAndCab::new(slots, cab_slot),
            _controls: [slots_control, cab_control],
        })
    }

    /// What a host would be told.
    pub fn latency(&self) -> HostFrames {
        self.middle.latency()
    }

    /// Plays one block, `[channels, frames]` in and out.
    pub fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        self.chain.process(&mut self.middle, input, output)
    }
}
