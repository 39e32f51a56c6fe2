//! The plugin as the framework sees it.

use crate::board::KnobBoard;
use crate::editor::TonegraftEditor;
use crate::loader::Loader;
use crate::meters::{Stopwatch, peak};
use crate::params::{TonegraftParams, tame};
use crate::playable::Track;
use crate::session::SessionField;
use crate::shared::Shared;
use nice_plug::prelude::*;
use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tonegraft_chain::{Chain, ChainConfig};
use tonegraft_core::buffer::{MAX_CHANNELS, cut, with_cut_mut};
use tonegraft_core::{AudioBuffer, Fault, HostFrames, Middle, SampleRate};
use tonegraft_library::{ModelRef, shipped, shipped_by_id};
use tonegraft_slots::{BankConfig, SlotsAndCab, bank};

/// How long `activate` waits for a session's model, so that a render right after a restore is right from its first sample.
const RESTORE_WAIT: Duration = Duration::from_secs(2);

/// How long an offline render waits for a model.
const OFFLINE_WAIT: Duration = Duration::from_secs(120);

/// The shipped model that a new instance starts with, if it ships.
const FIRST_MODEL: &str = "overdrive";

thread_local! {
    /// What the last instance made on this thread shares: the CLAP entry builds the framework's wrapper, which builds the plugin
    /// and keeps it to itself.
    static LAST_SHARED: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
}

/// What the plugin that was made last on this thread shares.
pub(crate) fn take_last_shared() -> Option<Arc<Shared>> {
    LAST_SHARED.with(RefCell::take)
}

/// The effect.
#[derive(Debug)]
pub struct Tonegraft {
    params: Arc<TonegraftParams>,
    shared: Arc<Shared>,
    running: Option<Running>,
    // Joins its thread on drop.
    _loader: Loader,
}

/// What the audio thread works on between `activate` and the next one.
#[derive(Debug)]
struct Running {
    chain: Chain,
    middle: SlotsAndCab,
    inputs: usize,
    /// Copies of the input: the framework processes in place.
    input: AudioBuffer,
    stopwatch: Stopwatch,
    waits: bool,
}

const ONE: NonZeroU32 = new_nonzero_u32(1);
const TWO: NonZeroU32 = new_nonzero_u32(2);

/// One layout; `aux` are the widths of the side-chain, at most one.
const fn layout(
    inputs: NonZeroU32,
    outputs: NonZeroU32,
    aux: &'static [NonZeroU32],
    name: &'static str,
) -> AudioIOLayout {
    AudioIOLayout {
        main_input_channels: Some(inputs),
        main_output_channels: Some(outputs),
        aux_input_ports: aux,
        names: PortNames {
            layout: Some(name),
            main_input: Some("Input"),
            main_output: Some("Output"),
            aux_inputs: &["Reference"],
            aux_outputs: &[],
        },
        ..AudioIOLayout::const_default()
    }
}

impl Default for Tonegraft {
    fn default() -> Self {
        let first = shipped_by_id(FIRST_MODEL).or_else(|| shipped().first());
        let first = first.map_or(ModelRef::None, |model| ModelRef::shipped(model.id));
        let board = Arc::new(KnobBoard::default());
        let shared = Arc::new(Shared::new(Arc::clone(&board), first));
        LAST_SHARED.with(|last| last.replace(Some(Arc::clone(&shared))));
        Self {
            params: Arc::new(TonegraftParams::new(&board, SessionField::new(Arc::clone(&shared)))),
            running: None,
            _loader: Loader::start(Arc::clone(&shared)),
            shared,
        }
    }
}

impl Tonegraft {
    /// What the window and the entry share with this instance.
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Plugin for Tonegraft {
    const NAME: &'static str = "Tonegraft";
    const VENDOR: &'static str = "Tonegraft";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    // The first is the default and gives VST3 its buses: it has the side-chain. Every main width comes with every side-chain.
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[
        layout(TWO, TWO, &[TWO], "Stereo, stereo reference"),
        layout(TWO, TWO, &[ONE], "Stereo, mono reference"),
        layout(TWO, TWO, &[], "Stereo"),
        layout(ONE, ONE, &[TWO], "Mono, stereo reference"),
        layout(ONE, ONE, &[ONE], "Mono, mono reference"),
        layout(ONE, ONE, &[], "Mono"),
        layout(ONE, TWO, &[TWO], "Mono to stereo, stereo reference"),
        layout(ONE, TWO, &[ONE], "Mono to stereo, mono reference"),
        layout(ONE, TWO, &[], "Mono to stereo"),
    ];
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = TonegraftEditor;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        Arc::clone(&self.params) as Arc<dyn Params>
    }

    fn editor(&mut self, _async_executor: AsyncExecutor<Self>) -> Option<TonegraftEditor> {
        Some(TonegraftEditor::new(Arc::clone(&self.params), Arc::clone(&self.shared)))
    }

    fn filter_state(state: &mut PluginState) {
        tame(state);
    }

    fn activate(
        &mut self,
        layout: &AudioIOLayout,
        config: &BufferConfig,
        _context: &mut impl ActivateContext<Self>,
    ) -> bool {
        let channels = |width: Option<NonZeroU32>| width.map_or(0, |width| width.get() as usize);
        let (inputs, outputs) = (
            channels(layout.main_input_channels),
            channels(layout.main_output_channels),
        );
        let Some(rate) = SampleRate::from_f64(f64::from(config.sample_rate)) else {
            self.shared.show_error(format!(
                "The host asks for {} Hz, which is no usable rate.",
                config.sample_rate
            ));
            return false;
        };
        let reserve = self.shared.configure(Track { rate, inputs, outputs });
        let bank_config = BankConfig {
            reserve: HostFrames::new(reserve),
            ..BankConfig::new(rate, inputs, outputs)
        };
        let (slots_control, mut slots) = bank(bank_config);
        let (cab_control, mut cab) = bank(SlotsAndCab::cab_config(&bank_config));
        self.shared.wait_until_idle(RESTORE_WAIT);
        let ready = self.shared.attach(slots_control, cab_control);
        for (bank, unit) in [&mut slots, &mut cab].into_iter().zip(ready) {
            if let Some(unit) = unit
                && let Err(refusal) = bank.adopt(0, Some(unit))
            {
                self.shared
                    .show_error(format!("This cannot be used on this track: {}.", refusal.kind));
            }
        }
        let middle = SlotsAndCab::new(slots, cab);
        self.shared.set_latency(middle.latency().get());
        let mut chain = Chain::new(ChainConfig::new(rate, inputs, outputs));
        chain.snap(&self.params.settings(self.shared.cab_in_model()));
        self.running = Some(Running {
            chain,
            middle,
            inputs,
            input: AudioBuffer::new(inputs, (config.max_buffer_size as usize).max(1)),
            stopwatch: Stopwatch::new(config.sample_rate),
            waits: config.process_mode == ProcessMode::Offline,
        });
        true
    }

    fn reset(&mut self) {
        if let Some(running) = &mut self.running {
            running.chain.reset();
            running.middle.reset();
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer<'_>,
        _aux: &mut AuxiliaryBuffers<'_>,
        _context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let Some(running) = &mut self.running else {
            return ProcessStatus::Normal;
        };
        if running.waits && !self.shared.is_idle() {
            self.shared.wait_until_idle(OFFLINE_WAIT);
        }
        let meters = &self.shared.meters;
        let started = running.stopwatch.start(meters);
        let frames = buffer.samples();
        running.chain.set(&self.params.settings(self.shared.cab_in_model()));
        if let Some(position) = self.shared.transport.take() {
            running.chain.follow(position);
        }
        let fault = running.run(buffer.as_slice(), frames, &self.shared);
        meters.raise_fault(fault);
        meters.set_gate_db(running.chain.gate_reduction_db());
        meters.raise_model(running.middle.slots.meters(0));
        self.shared.set_latency(running.middle.latency().get());
        running.stopwatch.stop(started, frames, meters);
        match self.shared.tail() {
            Some(frames) => ProcessStatus::Tail(frames),
            None => ProcessStatus::KeepAlive,
        }
    }

    fn setup_logger() -> Option<bool> {
        // A plugin leaves the process's log and panic hook to the host.
        Some(false)
    }
}

impl Running {
    /// `channels` hold the input and take the output, `[outputs, frames]`.
    ///
    /// # Realtime Safety
    /// Safe.
    fn run(&mut self, channels: &mut [&mut [f32]], frames: usize, shared: &Shared) -> Fault {
        let mut fault = Fault::None;
        let piece = self.input.frames().max(1);
        let mut start = 0;
        while start < frames {
            let count = (frames - start).min(piece);
            for (copy, channel) in self.input.iter_mut().zip(channels.iter()) {
                if let (Some(copy), Some(source)) = (copy.get_mut(..count), channel.get(start..start + count)) {
                    copy.copy_from_slice(source);
                }
            }
            let mut all: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
            for (place, channel) in all.iter_mut().zip(self.input.iter()) {
                *place = channel;
            }
            let mut input: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
            cut(all.get(..self.inputs).unwrap_or(&[]), 0, count, &mut input);
            let input = input.get(..self.inputs).unwrap_or(&[]);
            let (chain, middle) = (&mut self.chain, &mut self.middle);
            fault = fault.worst(with_cut_mut(channels, start, count, |output| {
                let fault = chain.process(middle, input, output);
                shared
                    .meters
                    .raise_output(peak(output.iter().map(|channel| &**channel)));
                fault
            }));
            shared.meters.raise_input(peak(input.iter().copied()));
            start += count;
        }
        fault
    }
}

impl ClapPlugin for Tonegraft {
    const CLAP_ID: &'static str = "org.tonegraft.tonegraft";
    const CLAP_DESCRIPTION: Option<&'static str> =
        Some("Plays neural models of audio gear, exported to ONNX by any trainer");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[
        ClapFeature::AudioEffect,
        ClapFeature::Distortion,
        ClapFeature::MultiEffects,
        ClapFeature::Stereo,
        ClapFeature::Mono,
    ];
}
