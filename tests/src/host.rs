//! A stand-in for a host and the plugin's glue: slots and chain, as a control half and an audio half.

use tonegraft_chain::{Chain, ChainConfig, Settings};
use tonegraft_core::buffer::{MAX_CHANNELS, with_cut_mut};
use tonegraft_core::{AudioBuffer, Fault, Middle, SampleRate};
use tonegraft_engine::{InstanceConfig, Model, Oversampling, RateMode, StartState};
use tonegraft_model::Knob;
use tonegraft_slots::{BankAudio, BankConfig, BankControl, Unit, bank};

/// What belongs to the audio thread.
pub struct Audio {
    chain: Chain,
    slots: BankAudio,
    input: AudioBuffer,
    /// The side-chain, mono.
    reference: AudioBuffer,
    output: AudioBuffer,
}

/// A track's layout and rate.
#[derive(Clone, Copy, Debug)]
pub struct Track {
    /// The host's rate.
    pub rate: SampleRate,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// The longest block.
    pub max_block: usize,
}

impl Track {
    /// Mono at `hz`, blocks of up to 4096 frames.
    ///
    /// # Panics
    /// `hz` is no sample rate.
    pub fn mono(hz: u32) -> Self {
        Self {
            rate: SampleRate::new(hz).expect("a sample rate"),
            inputs: 1,
            outputs: 1,
            max_block: 4096,
        }
    }

    /// Both halves, with empty slots and a mono side-chain.
    pub fn open(self) -> (BankControl, Audio) {
        let config = BankConfig {
            references: 1,
            ..BankConfig::new(self.rate, self.inputs, self.outputs)
        };
        let (control, slots) = bank(config);
        let chain = Chain::new(ChainConfig::new(self.rate, self.inputs, self.outputs));
        let audio = Audio {
            chain,
            slots,
            input: AudioBuffer::new(self.inputs, self.max_block),
            reference: AudioBuffer::new(1, self.max_block),
            output: AudioBuffer::new(self.outputs, self.max_block),
        };
        (control, audio)
    }

    /// An instance of `model` for this track.
    ///
    /// # Panics
    /// The model does not fit.
    pub fn unit(self, model: &Model, start: StartState, id: u64) -> Unit {
        let processor = model
            .instantiate(&InstanceConfig {
                host_rate: self.rate,
                inputs: self.inputs,
                outputs: self.outputs,
                start,
                isa: None,
                rate: RateMode::default(),
                oversampling: Oversampling::default(),
            })
            .unwrap_or_else(|error| panic!("{}: {error}", model.info().name));
        let knobs = model.knobs().iter().map(Knob::range).collect();
        Unit {
            processor,
            id,
            knobs,
            levels: model.levels(),
        }
    }
}

impl Audio {
    /// Puts `unit` into slot A at once.
    ///
    /// # Panics
    /// The bank does not take it.
    pub fn adopt(&mut self, unit: Unit) {
        self.adopt_into(0, unit);
    }

    /// Puts `unit` into `slot` at once.
    ///
    /// # Panics
    /// The bank does not take it.
    pub fn adopt_into(&mut self, slot: usize, unit: Unit) {
        if let Err(error) = self.slots.adopt(slot, Some(unit)) {
            panic!("{error}");
        }
    }

    /// What the host is told.
    pub fn latency(&self) -> usize {
        self.slots.latency().as_usize()
    }

    /// True while a swap is under way or waiting.
    pub fn is_moving(&self) -> bool {
        self.slots.is_moving()
    }

    /// As a host's reset; the controls are then at rest at `settings`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn reset(&mut self, settings: &Settings) {
        self.slots.reset();
        self.chain.reset();
        self.chain.snap(settings);
    }

    /// Where the next block's input is written, before [`Self::process`].
    pub fn input(&mut self) -> &mut AudioBuffer {
        &mut self.input
    }

    /// Where the next block's side-chain is written, before [`Self::process`].
    pub fn reference(&mut self) -> &mut AudioBuffer {
        &mut self.reference
    }

    /// Frames `0 .. frames` of what the last [`Self::process`] played.
    pub fn output(&self, channel: usize, frames: usize) -> &[f32] {
        self.output.channel(channel).get(..frames).unwrap_or(&[])
    }

    /// Plays `frames` frames of what [`Self::input`] holds.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn process(&mut self, settings: &Settings, frames: usize) -> Fault {
        let mut inputs: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        let mut count = 0;
        for (place, channel) in inputs.iter_mut().zip(self.input.iter()) {
            *place = channel.get(..frames).unwrap_or(&[]);
            count += 1;
        }
        let inputs = inputs.get(..count).unwrap_or(&[]);
        let mut outputs: [&mut [f32]; MAX_CHANNELS] = std::array::from_fn(|_| -> &mut [f32] { &mut [] });
        let mut count = 0;
        for (place, channel) in outputs.iter_mut().zip(self.output.iter_mut()) {
            *place = channel;
            count += 1;
        }
        let outputs = outputs.get_mut(..count).unwrap_or(&mut []);
        self.chain.set(settings);
        self.slots
            .feed_reference(&[self.reference.channel(0).get(..frames).unwrap_or(&[])]);
        let (chain, slots) = (&mut self.chain, &mut self.slots);
        with_cut_mut(outputs, 0, frames, |outputs| chain.process(slots, inputs, outputs))
    }

    /// Plays all of a mono `signal` in blocks of these lengths (the last one shortened) on every input channel; gives output channel 0.
    pub fn play(&mut self, settings: &Settings, signal: &[f32], lengths: impl IntoIterator<Item = usize>) -> Vec<f32> {
        let mut played = Vec::with_capacity(signal.len());
        let mut rest = signal;
        for length in lengths {
            if rest.is_empty() {
                break;
            }
            let (block, later) = rest.split_at(length.min(rest.len()));
            rest = later;
            for channel in self.input.iter_mut() {
                channel[..block.len()].copy_from_slice(block);
            }
            self.process(settings, block.len());
            played.extend_from_slice(self.output(0, block.len()));
        }
        assert!(rest.is_empty(), "the lengths do not cover the signal");
        played
    }
}
