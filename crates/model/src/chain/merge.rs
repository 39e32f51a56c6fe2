//! All stages into one graph.

use super::adapt::{Adapted, adapt};
use super::chain_error;
use super::description::{Description, Model, Stage, What};
use super::files::Loaded;
use super::operators::{self, Wire};
use super::order::order;
use crate::assemble::{Assembly, show};
use crate::error::{ReadError, ReadErrorKind, Result, fail, shorten};
use crate::graph::{Dim, Format, Graph, ValueId};
use crate::metadata::{self, Feedback, Framing, Knob, Metadata, PhaseInput, PhaseRate, Sizes};
use crate::onnx::{self, Pins};
use crate::symbolic::{Affine, SymInt};
use crate::tensor::{DType, Tensor, elements};
use crate::{ReadOptions, read_single, states};
use std::collections::{HashMap, HashSet};

/// How often the length of the audio is settled anew before the stages are said not to agree.
const ATTEMPTS: usize = 8;
/// The symbol of an open length that no model names.
const FRAMES: &str = "frames";

/// Why a merge stopped.
enum Stop {
    Failed(ReadError),
    /// A later stage fixes the length of the audio.
    Length(usize),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

pub(super) fn merge(
    description: &Description,
    loaded: &[Option<Loaded>],
    file: &str,
    options: &ReadOptions,
) -> Result<Graph> {
    let order = order(description)?;
    let mut length = None;
    for _ in 0..ATTEMPTS {
        match Merge::new(description, options, length)?.run(&order, loaded, file) {
            Ok(graph) => return Ok(graph),
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Length(_)) if length.is_some() => break,
            Err(Stop::Length(fixed)) => length = Some(fixed),
        }
    }
    Err(ReadError::new(
        ReadErrorKind::Shape,
        "its models were exported with fixed lengths that do not agree; export them with an open length",
    ))
}

/// What the stages say of themselves, together.
#[derive(Default)]
struct Sum {
    /// `(stage, knob)`.
    knobs: Vec<(String, Knob)>,
    states: Vec<(String, String)>,
    meters: Vec<String>,
    feedback: Vec<Feedback>,
    phase: Option<(String, PhaseInput)>,
    seed: Option<u64>,
    rate: Option<(String, u32)>,
    /// Of the models, if the chain has none itself.
    framing: Option<Framing>,
    authors: Vec<String>,
    licences: Vec<String>,
    delay: u32,
    /// A stage has a cabinet.
    cab: bool,
    /// Of the first stage that has several.
    sizes: Option<Sizes>,
    ignored: Vec<String>,
}

struct Merge<'a> {
    description: &'a Description,
    options: &'a ReadOptions,
    assembly: Assembly<'a>,
    wires: HashMap<&'a str, Wire>,
    audio: Option<ValueId>,
    /// The length of the audio, if a stage fixes it.
    length: Option<usize>,
    /// Outputs beside the audio, by name.
    others: Vec<(String, ValueId)>,
    sum: Sum,
    models: usize,
}

impl<'a> Merge<'a> {
    fn new(description: &'a Description, options: &'a ReadOptions, length: Option<usize>) -> Result<Self> {
        let mut merge = Self {
            description,
            options,
            assembly: Assembly::new(&options.limits),
            wires: HashMap::new(),
            audio: None,
            length,
            others: Vec::new(),
            sum: Sum::default(),
            models: 0,
        };
        if let Some(framing) = description.framing {
            merge.set_audio(vec![SymInt::Known(1), size(framing.size)])?;
        }
        Ok(merge)
    }

    fn set_audio(&mut self, sizes: Vec<SymInt>) -> Result<()> {
        let id = self.assembly.input("audio", DType::F32, sizes)?;
        self.audio = Some(id);
        self.wires.insert(&self.description.input, Wire { id, complex: false });
        Ok(())
    }

    fn run(mut self, order: &[usize], loaded: &[Option<Loaded>], file: &str) -> std::result::Result<Graph, Stop> {
        for index in order {
            let Some(stage) = self.description.stages.get(*index) else {
                continue;
            };
            match (&stage.what, loaded.get(*index).and_then(Option::as_ref)) {
                (What::Model(model), Some(file)) => {
                    self.model(stage, model, file).map_err(|stop| match stop {
                        Stop::Failed(error) => Stop::Failed(error.in_file(&file.file)),
                        length @ Stop::Length(_) => length,
                    })?;
                }
                (What::Operator(operator), _) => {
                    self.need_audio(None)?;
                    let inputs: Vec<Wire> = (stage.reads.iter())
                        .filter_map(|wire| self.wires.get(wire.as_str()).copied())
                        .collect();
                    let wire = operators::apply(&mut self.assembly, operator, &inputs)
                        .map_err(|error| error.in_file(&format!("stage {} ({})", index + 1, stage.name)))?;
                    for name in &stage.writes {
                        self.wires.insert(name, wire);
                    }
                }
                (What::Model(_), None) => {}
            }
        }
        Ok(self.finish(file)?)
    }

    /// Makes the audio input if there is none: as the first stage takes it.
    fn need_audio(&mut self, like: Option<(&Stage, &[Dim])>) -> Result<()> {
        if self.audio.is_some() {
            return Ok(());
        }
        let fixed = |length: Option<usize>| length.map_or_else(|| SymInt::symbol(FRAMES), size);
        let sizes = match like {
            Some((stage, dims)) => {
                let mut sizes: Vec<SymInt> = (dims.iter())
                    .map(|dim| match dim {
                        Dim::Symbolic { symbol, .. } => SymInt::symbol(&format!("{}/{symbol}", stage.name)),
                        known => SymInt::from(known),
                    })
                    .collect();
                // The last open size is the length, one before it the batch.
                let open = (0..sizes.len()).rev().find(|axis| sizes[*axis].known().is_none());
                for (axis, size) in sizes.iter_mut().enumerate() {
                    if Some(axis) == open {
                        if self.length.is_some() {
                            *size = fixed(self.length);
                        }
                    } else if size.known().is_none() {
                        *size = SymInt::Known(1);
                    }
                }
                sizes
            }
            None => vec![SymInt::Known(1), SymInt::Known(1), fixed(self.length)],
        };
        self.set_audio(sizes)
    }

    fn model(&mut self, stage: &'a Stage, model: &'a Model, file: &Loaded) -> std::result::Result<(), Stop> {
        if super::is_chain(&file.bytes) {
            return Err(chain_error("it is a chain itself, and a chain holds models only").into());
        }
        let mut graph = read_single(&file.bytes, &file.file, file.sidecar.as_deref(), self.options)?;
        self.check_framing(&graph)?;
        let named = |ids: &[ValueId], graph: &Graph, name: &str, what: &str| {
            metadata::find(graph, ids, name).ok_or_else(|| {
                chain_error(format!(
                    "the chain names its {what} `{}`, but it has {}",
                    shorten(name),
                    metadata::names(graph, ids)
                ))
            })
        };
        // What the file's own metadata says comes first, then what the chain adds.
        for (input, output) in &model.states {
            let from = named(&graph.inputs, &graph, input, "input")?;
            let to = named(&graph.outputs, &graph, output, "output")?;
            if !states::compatible(&graph, from, to) {
                return Err(chain_error(format!("its state `{input}` has another shape than `{output}`")).into());
            }
            let known = &mut graph.metadata.states;
            known.retain(|(a, b)| a != input && b != output);
            known.push((input.clone(), output.clone()));
        }
        let signal = states::signal(&graph);
        let mut feeds: Vec<(String, ValueId)> = Vec::new();
        for (name, wire) in &model.inputs {
            let id = match (name, signal.0) {
                (Some(name), _) => named(&graph.inputs, &graph, name, "input")?,
                (None, Some(id)) => id,
                (None, None) => {
                    return Err(chain_error(
                        "none of its inputs is sure to carry the signal; name it in the stage's `inputs`",
                    )
                    .into());
                }
            };
            let value = graph.value(id);
            let (own, shape) = (value.name.clone(), value.shape.clone());
            if *wire == self.description.input {
                self.need_audio(Some((stage, &shape)))?;
            }
            let Some(wire) = self.wires.get(wire.as_str()).copied() else {
                return Err(chain_error(format!("the wire `{}` is not there yet", shorten(wire))).into());
            };
            let plain = self.description.framing.is_none() && !wire.complex;
            match adapt(&mut self.assembly, wire.id, &own, &shape, plain)? {
                Adapted::Wire(id) => feeds.push((own, id)),
                Adapted::IfLength(term, number) => {
                    let length = if self.description.framing.is_none() {
                        solve(&term, number)
                    } else {
                        None
                    };
                    return Err(match length {
                        Some(length) => Stop::Length(length),
                        None => Stop::Failed(chain_error(format!(
                            "its input `{own}` has the fixed length {number}, which the stage before cannot give; export it with an open length"
                        ))),
                    });
                }
            }
        }
        for (name, value) in &model.constants {
            let id = named(&graph.inputs, &graph, name, "input")?;
            let constant = self.fill(&graph, id, *value)?;
            feeds.push((name.clone(), constant));
        }
        graph = self.pinned(graph, &feeds, file)?;
        self.place(stage, model, graph, &feeds, signal.1.is_some())?;
        self.models += 1;
        Ok(())
    }

    /// The same model, read again for the sizes that it is fed with where these are numbers.
    fn pinned(&self, graph: Graph, feeds: &[(String, ValueId)], file: &Loaded) -> Result<Graph> {
        let mut pins = Pins::default();
        for (name, feed) in feeds {
            let Some(id) = metadata::find(&graph, &graph.inputs, name) else {
                continue;
            };
            let sizes = self.assembly.sizes(*feed);
            for (axis, (dim, given)) in graph.value(id).shape.iter().zip(sizes).enumerate() {
                if let (None, Some(given)) = (dim.known(), given.known())
                    && let Ok(given) = usize::try_from(given)
                {
                    pins.pin(graph.value(id), axis, given);
                }
            }
        }
        // Other formats than ONNX leave nothing open but the length, which the stage before settles.
        if pins.is_empty() || graph.metadata.stft.is_some() || graph.format != Format::Onnx {
            return Ok(graph);
        }
        let declared = graph.metadata;
        let mut graph = onnx::read(
            &file.bytes,
            &file.file,
            file.sidecar.as_deref(),
            &self.options.limits,
            &pins,
        )?;
        graph.metadata = declared;
        Ok(graph)
    }

    /// A constant for an input; open sizes are 1.
    fn fill(&mut self, graph: &Graph, id: ValueId, number: f64) -> Result<ValueId> {
        let value = graph.value(id);
        let shape: Vec<usize> = value.shape.iter().map(|dim| dim.known().unwrap_or(1)).collect();
        let Some(count) = elements(&shape).filter(|count| *count <= 1 << 20) else {
            fail!(Limit, "its input `{}` is too large to be set", shorten(&value.name));
        };
        let whole = number.fract() == 0.0 && number.abs() < 9e15;
        let tensor = match value.dtype {
            // Checked above or below the range of what a setting can be.
            #[allow(clippy::cast_possible_truncation)]
            DType::F32 if (number as f32).is_finite() => Tensor::f32(shape, vec![number as f32; count]),
            #[allow(clippy::cast_possible_truncation)]
            DType::I64 if whole => Tensor::i64(shape, vec![number as i64; count]),
            _ => None,
        };
        match tensor {
            Some(tensor) => self.assembly.constant(&value.name, tensor),
            None => fail!(Chain, "its input `{}` cannot be set to {number}", shorten(&value.name)),
        }
    }

    /// Puts a model in; its wires, states and controls get names.
    fn place(
        &mut self,
        stage: &'a Stage,
        model: &'a Model,
        mut graph: Graph,
        feeds: &[(String, ValueId)],
        has_signal: bool,
    ) -> Result<()> {
        // What is fed is no state, and what is named is none either.
        let fed: HashSet<&str> = feeds.iter().map(|(name, _)| name.as_str()).collect();
        let taken: HashSet<&str> = model.outputs.iter().filter_map(|(name, _)| name.as_deref()).collect();
        if let ([(name, _), ..], None) = (feeds, &graph.metadata.audio_input) {
            graph.metadata.audio_input = Some(name.clone());
        }
        if let (Some((Some(name), _)), None) = (model.outputs.first(), &graph.metadata.audio_output) {
            graph.metadata.audio_output = Some(name.clone());
        }
        let main = states::signal(&graph).1.filter(|_| has_signal);
        let pairs: Vec<(ValueId, ValueId)> = (states::pairs(&graph).into_iter())
            .filter(|(from, to)| {
                !fed.contains(graph.value(*from).name.as_str()) && !taken.contains(graph.value(*to).name.as_str())
            })
            .collect();
        let mut outputs = Vec::new();
        for (name, wire) in &model.outputs {
            let id = match name {
                Some(name) => metadata::find(&graph, &graph.outputs, name),
                None => main,
            };
            let Some(id) = id else {
                let what = match name {
                    Some(name) => format!("the chain names its output `{}`", shorten(name)),
                    None => {
                        "none of its outputs is sure to carry the signal; name it in the stage's `outputs`".to_owned()
                    }
                };
                return Err(chain_error(format!(
                    "{what}, but it has {}",
                    metadata::names(&graph, &graph.outputs)
                )));
            };
            outputs.push((id, wire.as_str()));
        }
        let prefix = format!("{}/", stage.name);
        let ids: HashMap<ValueId, ValueId> = (feeds.iter())
            .filter_map(|(name, wire)| Some((metadata::find(&graph, &graph.inputs, name)?, *wire)))
            .collect();
        let named = |ids: &[ValueId]| -> HashMap<ValueId, String> {
            ids.iter().map(|id| (*id, graph.value(*id).name.clone())).collect()
        };
        let output_names = named(&graph.outputs);
        let meters: Vec<(ValueId, String)> = (graph.metadata.meters.iter())
            .filter_map(|name| Some((metadata::find(&graph, &graph.outputs, name)?, name.clone())))
            .collect();
        let fed_back: Vec<(ValueId, ValueId, usize)> = (graph.metadata.feedback.iter())
            .filter(|pair| !fed.contains(pair.input.as_str()))
            .filter_map(|pair| {
                let from = metadata::find(&graph, &graph.inputs, &pair.input)?;
                Some((from, metadata::find(&graph, &graph.outputs, &pair.output)?, pair.delay))
            })
            .collect();
        let own = std::mem::take(&mut graph.metadata);
        let wires = self.assembly.replay(graph, &prefix, &ids)?;
        for (id, wire) in outputs {
            if let Some(id) = wires.get(&id).copied() {
                self.wires.insert(wire, Wire { id, complex: false });
            }
        }
        for (from, to) in pairs {
            if let (Some(from), Some(wire), Some(name)) = (wires.get(&from), wires.get(&to), output_names.get(&to)) {
                let name = format!("{prefix}{name}");
                self.sum
                    .states
                    .push((self.assembly.name(*from).to_owned(), name.clone()));
                self.others.push((name, *wire));
            }
        }
        for (from, to, delay) in fed_back {
            if let (Some(from), Some(wire), Some(name)) = (wires.get(&from), wires.get(&to), output_names.get(&to)) {
                let output = format!("{prefix}{name}");
                self.sum.feedback.push(Feedback {
                    input: self.assembly.name(*from).to_owned(),
                    output: output.clone(),
                    delay,
                });
                if self.others.iter().all(|(other, _)| *other != output) {
                    self.others.push((output, *wire));
                }
            }
        }
        for (id, name) in meters {
            if let Some(wire) = wires.get(&id) {
                let name = format!("{prefix}{name}");
                self.sum.meters.push(name.clone());
                self.others.push((name, *wire));
            }
        }
        let set: HashSet<&String> = model.constants.keys().collect();
        self.add(stage, own, &prefix, &fed, &set)
    }

    /// Takes over what a model says of itself.
    fn add(
        &mut self,
        stage: &Stage,
        own: Metadata,
        prefix: &str,
        fed: &HashSet<&str>,
        set: &HashSet<&String>,
    ) -> Result<()> {
        let sum = &mut self.sum;
        for mut knob in own.knobs {
            if !fed.contains(knob.input.as_str()) && !set.contains(&knob.input) {
                knob.input = format!("{prefix}{}", knob.input);
                sum.knobs.push((stage.name.clone(), knob));
            }
        }
        if let Some(mut phase) = own.phase_input {
            if let Some((other, _)) = &sum.phase {
                fail!(
                    Chain,
                    "its input `{}` takes a phase, but so does `{other}`, and there is one oscillator",
                    phase.input
                );
            }
            phase.input = format!("{prefix}{}", phase.input);
            sum.phase = Some((stage.name.clone(), phase));
        }
        sum.seed = sum.seed.or(own.seed);
        sum.cab |= own.gear.has_cab();
        sum.sizes = sum.sizes.take().or(own.sizes);
        sum.ignored.extend(own.ignored);
        sum.delay = sum.delay.saturating_add(own.declared_delay.unwrap_or(0));
        match (&sum.rate, own.sample_rate) {
            (Some((other, rate)), Some(own)) if *rate != own && self.description.metadata.sample_rate.is_none() => {
                fail!(
                    Chain,
                    "it was trained at {own} Hz and `{other}` at {rate} Hz; set `sample_rate` in the chain to play both at one rate"
                );
            }
            (None, Some(rate)) => sum.rate = Some((stage.name.clone(), rate)),
            _ => {}
        }
        for (list, text) in [(&mut sum.authors, own.author), (&mut sum.licences, own.licence)] {
            if let Some(text) = text
                && !list.contains(&text)
            {
                list.push(text);
            }
        }
        Ok(())
    }

    /// Frames of models must go together with those of the chain.
    fn check_framing(&mut self, graph: &Graph) -> Result<()> {
        let own = graph.metadata.framing;
        let fits = match (self.description.framing, own, self.sum.framing) {
            (_, None, None) => true,
            (Some(chain), Some(own), _) => chain == own && (own.size == own.hop || self.description.stages.len() == 1),
            (Some(_), None, _) => true,
            (None, Some(own), None) if self.models == 0 && self.audio.is_none() => {
                own.size == own.hop || self.description.stages.len() == 1
            }
            (None, Some(own), Some(other)) => own == other && own.size == own.hop,
            _ => false,
        };
        if !fits {
            fail!(
                Chain,
                "it works in frames of its own, which the other stages do not; give the whole chain one `frame`, and stages with size and hop equal"
            );
        }
        if self.description.framing.is_none() {
            self.sum.framing = self.sum.framing.or(own);
        }
        Ok(())
    }

    fn finish(mut self, file: &str) -> Result<Graph> {
        let description = self.description;
        let Some(wire) = self.wires.get(description.output.as_str()).copied() else {
            return Err(chain_error("its output is not there"));
        };
        let Some(audio) = self.audio else {
            return Err(chain_error("no stage takes the audio"));
        };
        if wire.complex || self.assembly.dtype(wire.id) != DType::F32 {
            return Err(chain_error(format!(
                "its output `{}` is no audio but {}",
                shorten(&description.output),
                if wire.complex { "a spectrum" } else { "whole numbers" }
            )));
        }
        let framing = description.framing.or(self.sum.framing);
        let mut id = wire.id;
        if let Some(framing) = description.framing {
            let shape = self.assembly.known(id)?;
            if elements(&shape) != Some(framing.size) {
                return Err(chain_error(format!(
                    "its output has the shape {}, but a frame has {} samples",
                    show(self.assembly.sizes(id)),
                    framing.size
                )));
            }
            id = self.assembly.reshape_to(id, &[1, framing.size])?;
        }
        let out = self.assembly.output("audio_out", id)?;
        let mut metadata = description.metadata.clone();
        metadata.audio_input = Some(self.assembly.name(audio).to_owned());
        metadata.audio_output = Some(self.assembly.name(out).to_owned());
        for (name, wire) in &self.others {
            self.assembly.output(name, *wire)?;
        }
        let mut graph = self.assembly.finish()?;
        let sum = self.sum;
        metadata.framing = framing;
        metadata.states = sum.states;
        metadata.feedback = sum.feedback;
        metadata.meters.extend(sum.meters);
        metadata.seed = metadata.seed.or(sum.seed);
        metadata.gear.contains_cab = metadata.gear.contains_cab.or(sum.cab.then_some(true));
        metadata.sizes = sum.sizes;
        metadata.ignored = sum.ignored;
        metadata.sample_rate = metadata.sample_rate.or(sum.rate.map(|(_, rate)| rate));
        metadata.declared_delay = metadata.declared_delay.or((sum.delay > 0).then_some(sum.delay));
        let joined = |list: Vec<String>| (!list.is_empty()).then(|| list.join("; "));
        metadata.author = metadata.author.take().or(joined(sum.authors));
        metadata.licence = metadata.licence.take().or(joined(sum.licences));
        if metadata.knobs.is_empty() {
            metadata.knobs = distinct_knobs(&sum.knobs);
        }
        if let Some((stage, mut phase)) = sum.phase
            && metadata.phase_input.is_none()
        {
            if let PhaseRate::Knob(name) = &mut phase.rate {
                let same = |(index, (owner, knob)): (usize, &(String, Knob))| {
                    (*owner == stage && knob.name == *name)
                        .then(|| metadata.knobs.get(index).map(|knob| knob.name.clone()))
                };
                if let Some(Some(new)) = sum.knobs.iter().enumerate().find_map(same) {
                    *name = new;
                }
            }
            metadata.phase_input = Some(phase);
        }
        metadata::check_against(&metadata, &graph)?;
        graph.name = metadata.name.clone().unwrap_or_else(|| stem(file));
        graph.format = Format::Chain;
        graph.metadata = metadata;
        Ok(graph)
    }
}

/// Knobs of several stages; where two have one name, that of the stage stands before it.
fn distinct_knobs(knobs: &[(String, Knob)]) -> Vec<Knob> {
    let shared = |name: &str| knobs.iter().filter(|(_, knob)| knob.name == name).count() > 1;
    (knobs.iter())
        .map(|(stage, knob)| {
            let mut knob = knob.clone();
            if shared(&knob.name) {
                knob.name = format!("{stage} {}", knob.name);
            }
            knob
        })
        .collect()
}

fn size(size: usize) -> SymInt {
    i64::try_from(size).map_or(SymInt::Unknown, SymInt::Known)
}

/// The length for which `term` is `number`.
fn solve(term: &Affine, number: i64) -> Option<usize> {
    let whole = number.checked_mul(term.den())?.checked_sub(term.offset())?;
    let length = whole.checked_div(term.num())?;
    let fits = term.eval(length) == Some(number) && length > 1;
    usize::try_from(length).ok().filter(|length| fits && *length <= 1 << 24)
}

fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let name = name.strip_suffix(".json").unwrap_or(name);
    name.strip_suffix(".tonegraft-chain").unwrap_or(name).to_owned()
}
