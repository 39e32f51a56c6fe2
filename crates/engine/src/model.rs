//! A loaded model: from a file to processors.

use crate::error::{InstallError, LoadError};
use crate::info::{self, ModelInfo, Settling};
use crate::native::{Native, Program, StartState, Voices};
use crate::plan::{Budget, Plan};
use crate::rate::{Adapter, Conversion, Oversampling, RateMode, Route};
use crate::stream;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tonegraft_core::processor::Tail;
use tonegraft_core::{Facts, HostFrames, ModelLevels, Processor, SampleRate};
use tonegraft_kernels::{Isa, Weights};
use tonegraft_model::limits::Limits;
use tonegraft_model::{Graph, Knob, Metadata, ReadOptions, Tensor};

/// How long a recurrent model is watched while it settles: 1 s at 48 kHz.
const SETTLING_FRAMES: usize = 48_000;

/// Length of the burst of noise before it, in frames.
const BURST_FRAMES: usize = 4_800;

/// A difference to the settled output that is inaudible: −80 dB of full scale.
const INAUDIBLE: f32 = 1e-4;

/// How a model is read, and bounds on what it may cost.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Bounds on the file.
    pub limits: Limits,
    /// Bounds on what it makes of it.
    pub budget: Budget,
    /// Of a file that holds its model in several sizes, which one, see [`tonegraft_model::Sizes`]. `None` is full.
    pub size: Option<f32>,
}

impl Options {
    fn read(&self) -> ReadOptions {
        ReadOptions::new(self.limits).with_size(self.size)
    }
}

/// What an instance is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceConfig {
    /// The host's rate. A model that declares another one is converted as `rate` says; one that declares none plays at this one.
    pub host_rate: SampleRate,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// How it starts, and where `reset` leads.
    pub start: StartState,
    /// Instruction set; `None` for the widest of this machine.
    pub isa: Option<Isa>,
    /// How a model of another rate is converted.
    pub rate: RateMode,
    /// At how many times its rate the model runs.
    pub oversampling: Oversampling,
}

impl InstanceConfig {
    /// As many channels out as in, settled in silence, converted with linear phase and not oversampled.
    pub fn new(host_rate: SampleRate, channels: usize) -> Self {
        Self {
            host_rate,
            inputs: channels,
            outputs: channels,
            start: StartState::Silence,
            isa: None,
            rate: RateMode::default(),
            oversampling: Oversampling::default(),
        }
    }
}

/// A model, read and compiled. Cheap to clone; `Send + Sync`. Not for the audio thread: it makes processors for it.
#[derive(Clone, Debug)]
pub struct Model {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    graph: Graph,
    file: String,
    plan: Arc<Plan>,
    info: ModelInfo,
    settling: Settling,
    /// An instance with memories, after as much silence as it took to settle: seconds of audio, which others need not play again.
    rest: OnceLock<Native>,
    budget: Budget,
}

impl Model {
    /// Reads and compiles a file's bytes. `file` is what errors call it; `sidecar` the text of its `.tonegraft.json`.
    ///
    /// # Errors
    /// [`LoadError`]: the bytes are no model, or one that cannot be played.
    pub fn from_bytes(bytes: &[u8], file: &str, sidecar: Option<&str>, options: &Options) -> Result<Self, LoadError> {
        let graph = tonegraft_model::read_with(bytes, file, sidecar, &mut |_| Ok(None), &options.read())?;
        Self::from_graph(graph, file, options)
    }

    /// Compiles a graph.
    ///
    /// # Errors
    /// [`LoadError::Compile`].
    pub fn from_graph(graph: Graph, file: &str, options: &Options) -> Result<Self, LoadError> {
        Self::compile(graph, file, &BTreeMap::new(), options.budget)
    }

    /// Reads `path` and, if it is there, `<path>.tonegraft.json`.
    ///
    /// # Errors
    /// As [`Self::from_bytes`], and [`LoadError::File`] if there is no such file, or it is a directory or too large.
    pub fn from_file(path: &Path, options: &Options) -> Result<Self, LoadError> {
        let problem = |reason: String| LoadError::File {
            path: path.to_owned(),
            reason,
        };
        let read = |path: &Path, limit: usize| -> std::io::Result<Result<Vec<u8>, String>> {
            let metadata = std::fs::metadata(path)?;
            if metadata.is_dir() {
                return Ok(Err("this is a folder; choose a model file".into()));
            }
            if !metadata.is_file() {
                return Ok(Err("this is no regular file; choose a model file".into()));
            }
            if metadata.len() > limit as u64 {
                return Ok(Err(format!(
                    "the file has {} bytes, the limit is {limit}",
                    metadata.len()
                )));
            }
            std::fs::read(path).map(Ok)
        };
        let bytes = read(path, options.limits.max_bytes).map_err(|error| {
            problem(match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file; check the path".into(),
                std::io::ErrorKind::PermissionDenied => "the file may not be read; check its permissions".into(),
                _ => format!("the file cannot be read: {error}"),
            })
        })?;
        let bytes = bytes.map_err(problem)?;
        let mut sidecar_path = path.as_os_str().to_owned();
        sidecar_path.push(".tonegraft.json");
        let sidecar = match read(Path::new(&sidecar_path), options.limits.max_sidecar_bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(problem(format!("its sidecar cannot be read: {error}"))),
            Ok(Err(reason)) => return Err(problem(format!("its sidecar: {reason}"))),
            Ok(Ok(bytes)) => {
                Some(String::from_utf8(bytes).map_err(|_| problem("its sidecar is no UTF-8 text".into()))?)
            }
        };
        let file = path.file_name().map_or_else(
            || path.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        );
        let mut beside = tonegraft_model::chain::beside(path, options.limits.max_bytes);
        let graph = tonegraft_model::read_with(&bytes, &file, sidecar.as_deref(), &mut beside, &options.read())?;
        Self::from_graph(graph, &file, options)
    }

    /// The same model with other start values of its state inputs, by name; those not named start from zeros.
    ///
    /// # Errors
    /// [`LoadError::Compile`] if a value has another shape than its input.
    pub fn with_states(&self, states: &BTreeMap<String, Tensor>) -> Result<Self, LoadError> {
        Self::compile(self.inner.graph.clone(), &self.inner.file, states, self.inner.budget)
    }

    /// The same model with its widest layers' weights kept as asked: half the memory traffic against their rounding.
    #[must_use]
    pub fn with_weights(&self, weights: Weights) -> Self {
        let inner = &*self.inner;
        let plan = (*inner.plan).clone().with_weights(weights);
        Self {
            inner: Arc::new(Inner {
                graph: inner.graph.clone(),
                file: inner.file.clone(),
                plan: Arc::new(plan),
                rest: OnceLock::new(),
                info: inner.info.clone(),
                settling: inner.settling,
                budget: inner.budget,
            }),
        }
    }

    fn compile(graph: Graph, file: &str, states: &BTreeMap<String, Tensor>, budget: Budget) -> Result<Self, LoadError> {
        let refused = |source| LoadError::Compile {
            file: file.to_owned(),
            source,
        };
        let stream = stream::compile(&graph, states).map_err(refused)?;
        let plan = Arc::new(Plan::new(&stream, &budget).map_err(refused)?);
        let settling = settling(&plan, declared_tail(&graph));
        Ok(Self {
            inner: Arc::new(Inner {
                info: ModelInfo::new(&graph, &stream, &plan, &settling),
                graph,
                file: file.to_owned(),
                plan,
                settling,
                rest: OnceLock::new(),
                budget,
            }),
        })
    }

    /// What is known about it.
    pub fn info(&self) -> &ModelInfo {
        &self.inner.info
    }

    /// What it says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.inner.graph.metadata
    }

    /// What it tells of its levels.
    pub fn levels(&self) -> ModelLevels {
        let gear = &self.metadata().gear;
        ModelLevels {
            loudness_db: gear.loudness,
            input_dbu: gear.input_level_dbu,
            output_dbu: gear.output_level_dbu,
        }
    }

    /// The graph it was made from.
    pub fn graph(&self) -> &Graph {
        &self.inner.graph
    }

    /// Knobs that hosts see, at most [`crate::MAX_KNOBS`], in the order of [`Processor::set_knob`].
    pub fn knobs(&self) -> &[Knob] {
        &self.inner.info.knobs
    }

    /// Audio channels of the model itself, `(in, out)`.
    pub fn channels(&self) -> (usize, usize) {
        (self.inner.plan.channels, self.inner.plan.outputs())
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.inner.plan
    }

    /// The plan as text.
    pub fn plan_text(&self) -> String {
        self.inner.plan.to_string()
    }

    /// A processor of the asked layout. A mono model on N→N runs once per channel; otherwise inputs are copied or averaged
    /// to the model's own, outputs copied or averaged to those asked for. With a conversion around it where [`Self::conversion`]
    /// says so.
    ///
    /// # Errors
    /// The layout is impossible, or all its instances together need too much memory.
    pub fn instantiate(&self, config: &InstanceConfig) -> Result<Box<dyn Processor>, InstallError> {
        let plan = &self.inner.plan;
        let route = self.route(config.host_rate, config.rate, config.oversampling);
        let per_channel = self.channels() == (1, 1) && config.inputs == config.outputs;
        let bytes = (plan.bytes())
            .saturating_mul(if per_channel { config.inputs } else { 1 })
            .saturating_mul(route.conversion().lanes);
        if bytes > self.inner.budget.bytes.saturating_mul(2) {
            return Err(InstallError::Memory {
                bytes,
                limit: self.inner.budget.bytes.saturating_mul(2),
            });
        }
        let isa = config.isa.unwrap_or_else(Isa::detect);
        let voices = Voices::new(plan, || self.native(isa, config.start), config.inputs, config.outputs)?;
        if route.is_direct() {
            return Ok(Box::new(voices));
        }
        Ok(Box::new(Adapter::new(&route, voices, config.start, isa)?))
    }

    /// An instance, copied from the one that has settled if there is one.
    fn native(&self, isa: Isa, start: StartState) -> Result<Native, InstallError> {
        let Inner { plan, rest, .. } = &*self.inner;
        let settles = start == StartState::Silence && plan.recurrent;
        if let Some(rest) = rest.get().filter(|rest| settles && rest.isa() == isa.or_scalar()) {
            return Ok(rest.clone());
        }
        let program = Program::shared(plan, isa)?;
        let native = Native::new(program, start, self.facts());
        if settles {
            // Another thread may have been first with the same.
            let _ = rest.set(native.clone());
        }
        Ok(native)
    }

    /// What lies between a host and this model, and what it adds. Takes milliseconds; not for the audio thread.
    pub fn conversion(&self, host_rate: SampleRate, rate: RateMode, oversampling: Oversampling) -> Conversion {
        self.route(host_rate, rate, oversampling).into_conversion()
    }

    fn route(&self, host_rate: SampleRate, rate: RateMode, oversampling: Oversampling) -> Route {
        let own = self.metadata().sample_rate.and_then(SampleRate::new);
        Route::new(host_rate, own, rate, oversampling, info::latency(&self.inner.plan))
    }

    fn facts(&self) -> Facts {
        facts(&self.inner.plan, &self.inner.settling)
    }
}

/// Frames of silence played at a time while a model settles.
const CHUNK_FRAMES: usize = 2_400;

fn facts(plan: &Plan, settling: &Settling) -> Facts {
    let frames = |frames: usize| HostFrames::new(u32::try_from(frames).unwrap_or(u32::MAX));
    Facts {
        inputs: plan.channels,
        outputs: plan.outputs(),
        knobs: info::shown_knobs(plan).len(),
        latency: info::latency(plan),
        receptive_field: frames(settling.receptive_field),
        tail: settling
            .frames
            .map_or(Tail::Infinite, |tail| Tail::Frames(frames(tail))),
    }
}

/// The tail that the metadata declares, in frames at the model's rate.
fn declared_tail(graph: &Graph) -> Option<usize> {
    let seconds = graph.metadata.tail?;
    let rate = graph.metadata.sample_rate.unwrap_or(48_000);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some((f64::from(seconds) * f64::from(rate)).ceil() as usize)
}

/// How long the model depends on the past. Without recurrent layers that is its receptive field, unless the file declares more. With
/// them, silence is played from the start state, and again behind a burst of loud noise; what counts is how long the output of either
/// takes to stay where it ends.
fn settling(plan: &Arc<Plan>, declared: Option<usize>) -> Settling {
    let field = plan.receptive_field;
    if let Some(tail) = declared {
        return Settling {
            frames: Some(field.max(tail)),
            receptive_field: field.max(tail),
        };
    }
    let unknown = Settling {
        frames: None,
        receptive_field: field.max(SETTLING_FRAMES),
    };
    if !plan.recurrent {
        return Settling {
            frames: Some(field),
            receptive_field: field,
        };
    }
    let Ok(program) = Program::new(Arc::clone(plan), Isa::detect()) else {
        return unknown;
    };
    let program = Arc::new(program);
    let last_audible = [0, BURST_FRAMES]
        .map(|burst| last_audible(plan, &program, burst, &unknown))
        .into_iter()
        .max()
        .unwrap_or(0);
    // Still moving in the last tenth: it cannot be said to settle.
    if last_audible > SETTLING_FRAMES - SETTLING_FRAMES / 10 {
        return unknown;
    }
    Settling {
        frames: Some(field.max(last_audible)),
        receptive_field: field.max(last_audible),
    }
}

/// Plays a burst of noise at full scale, then silence until the output stands still, [`SETTLING_FRAMES`] at most; gives the frames
/// of silence after which the output stays within [`INAUDIBLE`] of where it ends.
fn last_audible(plan: &Arc<Plan>, program: &Arc<Program>, burst: usize, unknown: &Settling) -> usize {
    let mut native = Native::new(Arc::clone(program), StartState::Zero, facts(plan, unknown));
    let mut noise = 1u32;
    let mut play = |input: &[f32], output: &mut Vec<Vec<f32>>| {
        let inputs = vec![input; plan.channels];
        let mut block = vec![vec![0.0f32; input.len()]; plan.outputs()];
        let mut outputs: Vec<&mut [f32]> = block.iter_mut().map(Vec::as_mut_slice).collect();
        native.process(&inputs, &mut outputs);
        for (all, block) in output.iter_mut().zip(block) {
            all.extend(block);
        }
    };
    let loud: Vec<f32> = (0..burst)
        .map(|_| {
            // Numerical Recipes' generator; the upper half of its bits as −1 … 1.
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from((noise >> 16) as u16) / 32_768.0 - 1.0
        })
        .collect();
    play(&loud, &mut vec![Vec::new(); plan.outputs()]);
    let mut output = vec![Vec::new(); plan.outputs()];
    // It stands still when it has for as long as it may look back, and for two chunks.
    let still = 2 * CHUNK_FRAMES + plan.receptive_field.min(SETTLING_FRAMES / 2);
    while output.first().is_some_and(|channel| channel.len() < SETTLING_FRAMES) {
        play(&[0.0; CHUNK_FRAMES], &mut output);
        let rests = output.iter().all(|channel| {
            let end = channel.last().copied().unwrap_or(0.0);
            channel.len() > still
                && channel[channel.len() - still..]
                    .iter()
                    .all(|y| (y - end).abs() <= INAUDIBLE / 10.0)
        });
        if rests {
            break;
        }
    }
    output
        .iter()
        .filter_map(|channel| {
            let end = channel.last().copied()?;
            channel
                .iter()
                .rposition(|y| (y - end).abs() > INAUDIBLE || !y.is_finite())
        })
        .max()
        .map_or(0, |frame| frame + 1)
}
