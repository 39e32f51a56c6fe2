//! A model as the plugin handles it: what the window shows of it, and how it becomes a processor.

use crate::board::KnobLabel;
use std::fmt;
use std::sync::Arc;
use tonegraft_analysis::probe;
use tonegraft_core::{HostFrames, ModelLevels, Processor, SampleRate};
use tonegraft_engine::{Conversion, InstanceConfig, Model, Options, Oversampling, RateMode, StartState, Weights};
use tonegraft_library::Located;
use tonegraft_library::session::SlotState;
use tonegraft_model::Metadata;

/// What the window shows of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelCard {
    /// Name for people.
    pub name: String,
    /// What runs it.
    pub runtime: String,
    /// Why that runs it.
    pub runtime_reason: String,
    /// The rate it was made for, in Hz, if it says so.
    pub sample_rate: Option<u32>,
    /// Its knobs; at most eight are shown.
    pub knobs: Vec<KnobLabel>,
    /// Names of what it shows beside its audio.
    pub meters: Vec<String>,
    /// Kind, gear, author, licence: a line under the name; may be empty.
    pub about: String,
    /// More about it, in lines: tone, date, levels, training error.
    pub details: Vec<String>,
    /// Its sizes by name, and what to ask for to get each; empty if it has one only.
    pub sizes: Vec<(String, f32)>,
    /// Index in `sizes`.
    pub size: usize,
    /// Bytes of its weights as they are, and with those of its widest layers in 16 bits; `None` if that makes no difference.
    pub halved: Option<[usize; 2]>,
    /// What it tells of its levels.
    pub levels: ModelLevels,
    /// It says that it contains a cabinet.
    pub has_cab: bool,
}

/// What the window shows of an impulse response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CabCard {
    /// Name for people.
    pub name: String,
    /// Length and channels, as text.
    pub about: String,
}

/// How a model is played at the host's rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    /// Between the host's rate and the model's.
    pub rate_mode: RateMode,
    /// Against the model's own aliasing.
    pub oversampling: Oversampling,
    /// Which of its sizes, 0 (smallest) … 1 (full).
    pub size: f32,
    /// How its widest layers keep their weights.
    pub weights: Weights,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            rate_mode: RateMode::default(),
            oversampling: Oversampling::default(),
            size: 1.0,
            weights: Weights::default(),
        }
    }
}

impl Way {
    /// What a session says; what it does not, or what is not known, is as by default.
    pub fn of(slot: &SlotState) -> Self {
        Self {
            rate_mode: RateMode::from_name(&slot.rate_mode).unwrap_or_default(),
            oversampling: Oversampling::from_name(&slot.oversampling).unwrap_or_default(),
            size: slot.size.unwrap_or(1.0),
            weights: Weights::from_name(&slot.weights).unwrap_or_default(),
        }
    }

    /// Into a session; what is as by default is left out.
    pub fn write(self, slot: &mut SlotState) {
        let default = Self::default();
        let name = |name: &str, is_default: bool| if is_default { String::new() } else { name.to_owned() };
        slot.rate_mode = name(self.rate_mode.name(), self.rate_mode == default.rate_mode);
        slot.oversampling = name(self.oversampling.name(), self.oversampling == default.oversampling);
        slot.size = (self.size < 1.0).then_some(self.size);
        slot.weights = name(self.weights.name(), self.weights == default.weights);
    }
}

/// What a model has learned beside its sound, measured at a low level: it is shown, and never reported as latency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baked {
    /// Delay, in frames at the host's rate; latency not included.
    pub delay: f64,
    /// Upside down.
    pub inverted: bool,
    /// How sure that is, 0 … 1.
    pub confidence: f64,
}

/// Frames of the probe.
const PROBE: usize = 32_768;

impl Baked {
    /// By a quiet sweep through `processor`, whose state is spent afterwards. `None` if nothing like it comes out, or if the processor runs
    /// on a thread of its own, which cannot be hurried.
    pub fn measure(processor: &mut dyn Processor) -> Option<Self> {
        let facts = processor.facts();
        if facts.latency.runtime != HostFrames::ZERO {
            return None;
        }
        let own = facts.latency.total().as_usize();
        let probe = probe::signal(PROBE);
        let mut sent = probe.clone();
        sent.resize(PROBE + own, 0.0);
        let inputs: Vec<&[f32]> = vec![&sent; facts.inputs];
        let mut outputs = vec![vec![0.0_f32; sent.len()]; facts.outputs];
        let mut views: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        processor.process(&inputs, &mut views);
        let output = outputs.first()?.get(own..)?;
        let found = probe::measure(&probe, output)?;
        Some(Self {
            delay: found.delay,
            inverted: found.inverted,
            confidence: found.confidence,
        })
    }
}

/// For which track a processor is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Track {
    /// The host's rate.
    pub rate: SampleRate,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// The longest block that the host announced, in frames.
    pub block: usize,
}

/// A model, read and compiled; cheap to clone.
#[derive(Clone)]
pub struct Playable {
    model: Model,
    /// With the weights of its widest layers in 16 bits, if it has such.
    half: Option<Model>,
    /// What the window shows.
    pub card: Arc<ModelCard>,
}

impl fmt::Debug for Playable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playable")
            .field("card", &self.card)
            .finish_non_exhaustive()
    }
}

impl Playable {
    /// Reads and compiles what was found, in the size asked for, 0 (smallest) … 1 (full).
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn compile(found: &Located, size: f32) -> Result<Self, String> {
        let mut options = Options::default();
        options.size = Some(size);
        let model = Model::from_bytes(&found.bytes, &found.file_name, found.sidecar.as_deref(), &options)
            .map_err(|error| error.to_string())?;
        let half = Some(model.with_weights(Weights::F16)).filter(|half| weight_bytes(half) < weight_bytes(&model));
        let card = Arc::new(card(&model, half.as_ref(), found));
        Ok(Self { model, half, card })
    }

    /// What lies between the host's rate and the model's.
    pub fn conversion(&self, track: Track, way: Way) -> Conversion {
        self.model.conversion(track.rate, way.rate_mode, way.oversampling)
    }

    /// True if `size` is another one than it was compiled in.
    pub fn has_other_size(&self, size: f32) -> bool {
        let sizes = self.model.metadata().sizes.as_ref();
        sizes.is_some_and(|sizes| sizes.choice(size) != sizes.chosen)
    }

    /// A processor in its settled state, with exactly the track's channels.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn instantiate(&self, track: Track, way: Way) -> Result<Box<dyn Processor>, String> {
        let config = InstanceConfig {
            rate: way.rate_mode,
            oversampling: way.oversampling,
            host_rate: track.rate,
            inputs: track.inputs,
            outputs: track.outputs,
            start: StartState::Silence,
            isa: None,
        };
        let model = match way.weights {
            Weights::F32 => &self.model,
            Weights::F16 => self.half.as_ref().unwrap_or(&self.model),
        };
        model.instantiate(&config).map_err(|error| error.to_string())
    }
}

fn weight_bytes(model: &Model) -> usize {
    model.plan().weight_bytes
}

fn card(model: &Model, half: Option<&Model>, found: &Located) -> ModelCard {
    let (info, metadata) = (model.info(), model.metadata());
    let knobs = model.knobs().iter().take(tonegraft_core::KNOBS).map(|knob| KnobLabel {
        name: knob.name.clone(),
        unit: knob.unit.clone(),
        range: knob.range(),
        default: knob.default,
        sync: knob.sync,
    });
    let gear = &metadata.gear;
    let made: Vec<&str> = [gear.make.as_deref(), gear.model.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let made = made.join(" ");
    let about = [
        metadata
            .category
            .as_deref()
            .or(gear.kind.as_deref())
            .or(metadata.kind.as_deref()),
        Some(made.as_str()),
        metadata.author.as_deref(),
        metadata.licence.as_deref(),
    ];
    let about: Vec<&str> = about.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    let sizes = metadata.sizes.as_ref();
    ModelCard {
        name: metadata.name.clone().unwrap_or_else(|| found.name.clone()),
        runtime: info.runtime.clone(),
        runtime_reason: info.runtime_reason.clone(),
        sample_rate: metadata.sample_rate,
        knobs: knobs.collect(),
        meters: info.meters.clone(),
        about: about.join("  ·  "),
        details: details(metadata),
        sizes: sizes.map_or_else(Vec::new, |sizes| {
            (0..sizes.count())
                .map(|index| (sizes.label(index), sizes.size_of(index)))
                .collect()
        }),
        size: sizes.map_or(0, |sizes| sizes.chosen),
        halved: half.map(|half| [weight_bytes(model), weight_bytes(half)]),
        levels: model.levels(),
        has_cab: gear.has_cab(),
    }
}

/// What is known of a capture, a line each.
fn details(metadata: &Metadata) -> Vec<String> {
    let gear = &metadata.gear;
    let number = |name: &str, value: Option<f32>, unit: &str| value.map(|value| format!("{name}: {value:.2}{unit}"));
    let level = |name: &str, value: Option<f32>, unit: &str| value.map(|value| format!("{name}: {value:.1}{unit}"));
    let text = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}: {value}"));
    let esr = metadata.training_esr.map(|esr| format!("Training ESR: {esr}"));
    [
        text("Tone", &gear.tone_type),
        text("Made", &gear.date),
        level("Loudness", gear.loudness, " dB"),
        number("Gain", gear.gain, ""),
        level("Input", gear.input_level_dbu, " dBu"),
        level("Output", gear.output_level_dbu, " dBu"),
        esr,
        metadata.description.clone(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
