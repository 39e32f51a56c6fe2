//! A model as the plugin handles it: what the window shows of it, and how it becomes a processor.

use crate::board::KnobLabel;
use std::fmt;
use std::sync::Arc;
use tonegraft_core::{ModelLevels, Processor, SampleRate};
use tonegraft_engine::{InstanceConfig, Model, Options, Oversampling, RateMode, StartState};
use tonegraft_library::Located;

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
    /// Kind, author, licence: a line under the name; may be empty.
    pub about: String,
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
}

/// A model, read and compiled; cheap to clone.
#[derive(Clone)]
pub struct Playable {
    model: Model,
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
    /// Reads and compiles what was found.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn compile(found: &Located) -> Result<Self, String> {
        let model = Model::from_bytes(
            &found.bytes,
            &found.file_name,
            found.sidecar.as_deref(),
            &Options::default(),
        )
        .map_err(|error| error.to_string())?;
        let card = Arc::new(card(&model, found));
        Ok(Self { model, card })
    }

    /// What it tells of its levels.
    pub fn levels(&self) -> ModelLevels {
        self.model.levels()
    }

    /// A processor in its settled state, with exactly the track's channels.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn instantiate(&self, track: Track) -> Result<Box<dyn Processor>, String> {
        let config = InstanceConfig {
            host_rate: track.rate,
            inputs: track.inputs,
            outputs: track.outputs,
            start: StartState::Silence,
            isa: None,
            rate: RateMode::default(),
            oversampling: Oversampling::default(),
        };
        self.model.instantiate(&config).map_err(|error| error.to_string())
    }
}

fn card(model: &Model, found: &Located) -> ModelCard {
    let (info, metadata) = (model.info(), model.metadata());
    let knobs = model.knobs().iter().take(tonegraft_core::KNOBS).map(|knob| KnobLabel {
        name: knob.name.clone(),
        unit: knob.unit.clone(),
        min: knob.min,
        max: knob.max,
        default: knob.default,
    });
    let about = [
        metadata.category.as_deref().or(metadata.kind.as_deref()),
        metadata.author.as_deref(),
        metadata.licence.as_deref(),
    ];
    let about: Vec<&str> = about.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    ModelCard {
        name: metadata.name.clone().unwrap_or_else(|| found.name.clone()),
        runtime: info.runtime.clone(),
        runtime_reason: info.runtime_reason.clone(),
        sample_rate: metadata.sample_rate,
        knobs: knobs.collect(),
        meters: info.meters.clone(),
        about: about.join("  ·  "),
    }
}
