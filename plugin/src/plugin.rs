//! The plugin as the framework sees it.

use crate::board::Boards;
use crate::compare::{Clicker, Comparer};
use crate::editor::TonegraftEditor;
use crate::loader::Loader;
use crate::meters::Stopwatch;
use crate::params::{TonegraftParams, tame};
use crate::playable::Track;
use crate::running::{Running, settings_now};
use crate::session::SessionField;
use crate::shared::{Capturing, Seat, Shared};
use nice_plug::prelude::*;
use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tonegraft_chain::{Chain, ChainConfig};
use tonegraft_core::{AudioBuffer, HostFrames, Middle, SampleRate};
use tonegraft_library::{ModelRef, shipped, shipped_by_id};
use tonegraft_slots::{
    BankAudio, BankConfig, CaptureAudio, CaptureConfig, InstallError, SlotsAndCab, Unit, bank, capture,
};

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
    // Join their threads on drop.
    _loader: Loader,
    _comparer: Comparer,
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
        let boards = Boards::default();
        let shared = Arc::new(Shared::new(boards.clone(), first));
        LAST_SHARED.with(|last| last.replace(Some(Arc::clone(&shared))));
        Self {
            params: Arc::new(TonegraftParams::new(&boards, SessionField::new(Arc::clone(&shared)))),
            running: None,
            _loader: Loader::start(Arc::clone(&shared)),
            _comparer: Comparer::start(Arc::clone(&shared)),
            shared,
        }
    }
}

impl Tonegraft {
    /// What the window and the entry share with this instance.
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The recorder of the last activation with what it recorded, if it fits; else a new one.
    fn capture(&mut self, config: CaptureConfig) -> CaptureAudio {
        let mut control = self.shared.lock();
        let fits = control
            .capture
            .as_ref()
            .is_some_and(|capture| *capture.config() == config);
        match self.running.take() {
            Some(running) if fits => running.capture,
            _ => {
                let (half, audio) = capture(config);
                control.capture = Some(Capturing::new(half));
                audio
            }
        }
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
        let block = (config.max_buffer_size as usize).max(1);
        let reserve = self.shared.configure(Track {
            rate,
            inputs,
            outputs,
            block,
        });
        let references = layout.aux_input_ports.first().map_or(0, |width| width.get() as usize);
        let capture = self.capture(CaptureConfig {
            rate,
            inputs,
            references,
        });
        let bank_config = BankConfig {
            references,
            reserve: HostFrames::new(reserve),
            ..BankConfig::new(rate, inputs, outputs)
        };
        let (slots_control, mut slots) = bank(bank_config);
        let (cab_control, mut cab) = bank(SlotsAndCab::cab_config(&bank_config));
        self.shared.wait_until_idle(RESTORE_WAIT);
        let ready = self.shared.attach(slots_control, cab_control);
        let refused = |refusal: InstallError| {
            self.shared
                .show_error(format!("This cannot be used on this track: {}.", refusal.kind));
        };
        for (seat, unit) in Seat::all().zip(ready.seats) {
            if let Some(unit) = unit
                && let Err(refusal) = adopt(&mut slots, seat, unit)
            {
                refused(refusal);
            }
        }
        if let Some(unit) = ready.cab
            && let Err(refusal) = cab.adopt(0, Some(unit))
        {
            refused(refusal);
        }
        let middle = SlotsAndCab::new(slots, cab);
        self.shared.set_latency(middle.latency().get());
        let mut chain = Chain::new(ChainConfig::new(rate, inputs, outputs));
        chain.snap(&settings_now(&self.params, &self.shared));
        self.running = Some(Running {
            chain,
            middle,
            capture,
            clicker: Clicker::new(config.sample_rate),
            input: AudioBuffer::new(inputs, block),
            reference: AudioBuffer::new(references, block),
            begun: None,
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
        aux: &mut AuxiliaryBuffers<'_>,
        _context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let settings = settings_now(&self.params, &self.shared);
        let (shared, Some(running)) = (&self.shared, &mut self.running) else {
            return ProcessStatus::Normal;
        };
        if running.waits && !shared.is_idle() {
            shared.wait_until_idle(OFFLINE_WAIT);
        }
        let frames = buffer.samples();
        let reference: &[&mut [f32]] = match aux.inputs.first_mut() {
            Some(port) => port.as_slice_immutable(),
            None => &[],
        };
        running.process(&settings, buffer.as_slice(), reference, frames, shared);
        match shared.tail() {
            Some(frames) => ProcessStatus::Tail(frames),
            None => ProcessStatus::KeepAlive,
        }
    }

    fn setup_logger() -> Option<bool> {
        // A plugin leaves the process's log and panic hook to the host.
        Some(false)
    }
}

fn adopt(bank: &mut BankAudio, seat: Seat, unit: Unit) -> Result<(), InstallError> {
    match seat {
        Seat::Slot(slot) => bank.adopt(slot, Some(unit)).map(drop),
        Seat::Program(program) => bank.adopt_program(program, Some(unit)).map(drop),
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
