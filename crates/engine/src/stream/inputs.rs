//! Which input is the audio, which are knobs, which are states.

use super::build::{Mode, Stop, limited_planes};
use super::{Axis, Feed};
use crate::error::{CompileError, CompileErrorKind as Kind};
use std::collections::{BTreeMap, BTreeSet};
use tonegraft_core::KnobScale;
use tonegraft_model::{DType, Dim, Graph, Knob, Tensor, ValueId};

/// The most values that an input without metadata may have to count as knobs.
const MAX_INFERRED_KNOBS: usize = 64;

/// The audio input.
pub(super) struct AudioInput {
    pub id: ValueId,
    pub axes: Vec<Axis>,
    /// Its length if the export fixed it.
    pub fixed_length: Option<usize>,
    /// The name of its length if the export left it open.
    pub length_symbol: Option<String>,
    /// It is a window of so many samples, for each sample.
    pub window: Option<usize>,
}

/// An input that is fed with the phase of an oscillator.
pub(super) struct Oscillator {
    pub rate: f32,
    pub rate_knob: Option<Knob>,
    pub stereo_offset: f32,
    pub axes: Vec<Axis>,
}

/// The oscillator that the metadata puts on input `id`.
pub(super) fn oscillator(graph: &Graph, id: ValueId, audio: &AudioInput) -> Option<Oscillator> {
    let phase = graph.metadata.phase_input.as_ref()?;
    if graph.value(id).name != phase.input {
        return None;
    }
    let (rate, rate_knob) = match &phase.rate {
        tonegraft_model::PhaseRate::Hz(hz) => (*hz, None),
        tonegraft_model::PhaseRate::Knob(name) => {
            let knob = graph.metadata.knobs.iter().find(|knob| knob.name == *name).cloned();
            (knob.as_ref().map_or(1.0, |knob| knob.default), knob)
        }
    };
    Some(Oscillator {
        rate,
        rate_knob,
        stereo_offset: phase.stereo_offset,
        axes: axes_beside(graph, id, audio)?,
    })
}

/// The axes of an input that has a value for each frame of the audio: the last one that is open, or as long as the audio, is the time.
pub(super) fn axes_beside(graph: &Graph, id: ValueId, audio: &AudioInput) -> Option<Vec<Axis>> {
    let shape = &graph.value(id).shape;
    let time = (shape.iter())
        .rposition(|dim| match (dim.known(), audio.fixed_length) {
            (None, _) => true,
            (Some(n), Some(length)) => n == length && n > 1,
            _ => false,
        })
        .or_else(|| shape.len().checked_sub(1))?;
    let axes = (shape.iter().enumerate()).map(|(at, dim)| {
        if at == time {
            Axis::Time
        } else {
            Axis::Size(open_size(dim))
        }
    });
    Some(axes.collect())
}

/// Frames of the window that an input holds for each sample, if that is what it is: the first axis counts samples, of which the
/// output has as many, one value each.
fn window(graph: &Graph, id: ValueId) -> Option<usize> {
    let shape = &graph.value(id).shape;
    let (samples, rest) = shape.split_first()?;
    let sizes: Option<Vec<usize>> = rest.iter().map(Dim::known).collect();
    let sizes = sizes?;
    let size: usize = sizes.iter().product();
    let single = sizes.iter().filter(|n| **n != 1).count() == 1;
    let fits = |output: &ValueId| {
        let shape = &graph.value(*output).shape;
        shape.first() == Some(samples) && shape[1..].iter().all(|dim| dim.known() == Some(1))
    };
    (samples.known() != Some(1) && single && size >= MIN_WINDOW && graph.outputs.iter().any(fits)).then_some(size)
}

/// The shortest window that is one: fewer values per sample are the sample and knobs.
const MIN_WINDOW: usize = 5;

/// Names that exporters and people give to audio, for when shapes leave a choice.
const AUDIO_NAMES: [&str; 16] = [
    "x",
    "input",
    "audio",
    "in",
    "wav",
    "waveform",
    "signal",
    "samples",
    "data",
    "audio_in",
    "input_audio",
    "input_1",
    "input1",
    "main",
    "mix",
    "dry",
];

impl AudioInput {
    /// Its shape where the time axis has `size` values, or the export's own where it fixed that.
    pub fn sizes(&self, size: usize) -> Vec<usize> {
        (self.axes.iter())
            .map(|axis| match axis {
                Axis::Time => self.fixed_length.unwrap_or(size),
                Axis::Size(size) | Axis::Past(size) => *size,
            })
            .collect()
    }
}

/// Planes of the audio's wire: its channels, and what a file puts beside them.
pub(super) fn channels(audio: &AudioInput, mode: Mode) -> Result<usize, Stop> {
    match mode {
        Mode::Windows { .. } => Ok(1),
        Mode::Stream => limited_planes(&audio.axes),
        Mode::Framed { size, .. } => {
            let total = audio
                .sizes(size)
                .iter()
                .try_fold(1usize, |total, n| total.checked_mul(*n));
            match total {
                Some(total) if size > 0 && total > 0 && total.is_multiple_of(size) => Ok(total / size),
                _ => Err(Stop::shape(format!(
                    "its input {:?} does not hold frames of {size} samples",
                    audio.sizes(size)
                ))),
            }
        }
    }
}

/// The length of the block that a model with fixed shapes takes and gives, if it is one of audio.
pub(super) fn block_size(graph: &Graph, audio: &AudioInput) -> Option<usize> {
    let size = audio.fixed_length.filter(|size| (1..=1 << 16).contains(size))?;
    let values = |id: &ValueId| -> Option<usize> {
        (graph.value(*id).shape.iter()).try_fold(1usize, |product, dim| product.checked_mul(open_size(dim)))
    };
    let total = values(&audio.id)?;
    // One axis that is not 1, besides that of two channels.
    let channels = total / size;
    let same = graph.outputs.iter().any(|id| values(id) == Some(total));
    let plain =
        (audio.axes.iter()).all(|axis| matches!(axis, Axis::Time | Axis::Size(1)) || *axis == Axis::Size(channels));
    ((1..=2).contains(&channels) && same && plain).then_some(size)
}

/// One value from outside that is not audio.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// Name, range, default, and where it goes.
    pub knob: Knob,
    /// False if nothing in the file's metadata says so.
    pub declared: bool,
    /// False for values that metadata leaves out: they keep their default.
    pub shown: bool,
}

impl Control {
    /// Element `index` of input `id`.
    pub(super) fn of(graph: &Graph, id: ValueId, index: usize) -> Self {
        let input = &graph.value(id).name;
        let declared = graph
            .metadata
            .knobs
            .iter()
            .find(|knob| knob.input == *input && knob.index == index);
        let elements: usize = graph
            .value(id)
            .shape
            .iter()
            .map(|dim| dim.known().unwrap_or(1))
            .product();
        Self {
            declared: declared.is_some(),
            shown: declared.is_some() || graph.metadata.knobs.is_empty(),
            knob: declared.cloned().unwrap_or_else(|| Knob {
                name: if elements == 1 {
                    input.clone()
                } else {
                    format!("{input} {}", index + 1)
                },
                input: input.clone(),
                index,
                min: 0.0,
                max: 1.0,
                default: 0.5,
                unit: String::new(),
                scale: KnobScale::Linear,
                sync: None,
            }),
        }
    }
}

/// A size that may be 1 where the file leaves it open (the batch).
fn open_size(dim: &Dim) -> usize {
    dim.known().unwrap_or(1)
}

/// Which axis of a shape runs along time: the last open one that is not the batch, or the longest. The first axis is the batch
/// unless it is the only one that is not 1 (`[time, 1, 1]`, as recurrent layers like it).
fn time_axis(shape: &[Dim]) -> Option<usize> {
    let open = |at: &usize| shape[*at].known().is_none();
    let candidates = if shape.len() >= 2 {
        1..shape.len()
    } else {
        0..shape.len()
    };
    candidates.clone().rev().find(open).or_else(|| {
        candidates
            .max_by_key(|at| (open_size(&shape[*at]), *at))
            .filter(|at| open_size(&shape[*at]) > 1)
            .or_else(|| {
                let (first, others) = shape.split_first()?;
                (first.known() != Some(1) && others.iter().all(|dim| dim.known() == Some(1))).then_some(0)
            })
    })
}

/// Frames of a shape: the size of its time axis, 0 without one.
fn frames(shape: &[Dim]) -> usize {
    time_axis(shape).map_or(0, |at| open_size(&shape[at]))
}

/// Features of a shape: all that is not time.
fn features(shape: &[Dim]) -> usize {
    let time = time_axis(shape);
    let sizes = shape.iter().enumerate().filter(|(at, _)| Some(*at) != time);
    sizes.map(|(_, dim)| open_size(dim)).fold(1, usize::saturating_mul)
}

/// Of inputs with fixed sizes, those that can be audio: an input that an output of the same shape could be the next value of is a
/// state, as long as another output is left to be the audio. If none is left, audio has one or two features per frame.
fn without_states(graph: &Graph, candidates: &[ValueId]) -> Vec<ValueId> {
    let shape = |id: &ValueId| &graph.value(*id).shape;
    let mut left: Vec<ValueId> = graph.outputs.clone();
    let (mut paired, mut alone) = (Vec::new(), Vec::new());
    for id in candidates {
        match left.iter().position(|output| shape(output) == shape(id)) {
            Some(at) => {
                left.remove(at);
                paired.push(*id);
            }
            None => alone.push(*id),
        }
    }
    let kept: Vec<ValueId> = if left.iter().any(|output| frames(shape(output)) > 0) {
        alone
    } else {
        paired.into_iter().filter(|id| features(shape(id)) <= 2).collect()
    };
    if kept.iter().any(|id| frames(shape(id)) > 0) {
        kept
    } else {
        candidates.to_vec()
    }
}

/// Finds the audio input: by metadata, else the only one with an open length, else the longest.
pub(super) fn audio_input(graph: &Graph) -> Result<AudioInput, CompileError> {
    let float = |id: &&ValueId| graph.value(**id).dtype == DType::F32 && !graph.value(**id).shape.is_empty();
    let names = || -> Vec<&str> { graph.inputs.iter().map(|id| graph.value(*id).name.as_str()).collect() };
    let refuse = |reason: String| CompileError::new(Kind::AudioInput, reason);
    let id = if let Some(name) = &graph.metadata.audio_input {
        let found = graph.inputs.iter().find(|id| graph.value(**id).name == *name);
        *found.filter(float).ok_or_else(|| {
            refuse(format!(
                "the metadata names `{name}` as audio input, but no float input has that name; inputs are {:?}",
                names()
            ))
        })?
    } else {
        let knobs = declared_knobs(graph);
        let audio_knob = |id: &ValueId| {
            graph
                .metadata
                .knobs
                .iter()
                .any(|knob| graph.value(*id).name == knob.input && knob.index > 0)
        };
        let candidates: Vec<ValueId> = (graph.inputs.iter())
            .filter(float)
            .filter(|id| !knobs.contains(id) || audio_knob(id))
            .filter(|id| {
                let name = &graph.value(**id).name;
                let phase = graph.metadata.phase_input.as_ref();
                phase.is_none_or(|phase| phase.input != *name) && !graph.metadata.is_fed_back(name)
            })
            .copied()
            .collect();
        // Inputs that by name take up an output again are states, if others are left.
        let states = tonegraft_model::states::pairs(graph);
        let named = |id: &ValueId| {
            states.iter().any(|(input, output)| {
                let (input, output) = (&graph.value(*input).name, &graph.value(*output).name);
                input == &graph.value(*id).name && input.chars().next() == output.chars().next()
            })
        };
        let candidates: Vec<ValueId> = if candidates.iter().any(|id| !named(id)) {
            candidates.into_iter().filter(|id| !named(id)).collect()
        } else {
            candidates
        };
        let open = |id: &ValueId| {
            let shape = &graph.value(*id).shape;
            time_axis(shape).is_some_and(|at| shape[at].known().is_none())
        };
        let length = |id: &ValueId| frames(&graph.value(*id).shape);
        let with_open: Vec<ValueId> = candidates.iter().filter(|id| open(id)).copied().collect();
        match (with_open.as_slice(), candidates.as_slice()) {
            (_, []) => {
                return Err(refuse(format!(
                    "it has no audio input: no float input with a time axis among {:?}",
                    names()
                )));
            }
            ([one], _) => *one,
            ([], all) => {
                let all = without_states(graph, all);
                let longest = all.iter().map(length).max().unwrap_or(0);
                let mut those = all.iter().filter(|id| length(id) == longest);
                match (those.next(), those.next()) {
                    (Some(one), None) if longest > 0 => *one,
                    (Some(_), None) | (None, _) => {
                        return Err(refuse(format!(
                            "it has no audio input: none of {:?} has a time axis",
                            names()
                        )));
                    }
                    (Some(a), Some(b)) => named_audio(graph, &all).ok_or_else(|| ambiguous(graph, *a, *b))?,
                }
            }
            ([a, b, ..], _) => named_audio(graph, &with_open).ok_or_else(|| ambiguous(graph, *a, *b))?,
        }
    };
    let value = graph.value(id);
    let window = window(graph, id).filter(|_| graph.metadata.framing.is_none());
    if window.is_some() {
        let rest = value.shape.iter().skip(1).map(|dim| Axis::Size(open_size(dim)));
        return Ok(AudioInput {
            id,
            axes: std::iter::once(Axis::Time).chain(rest).collect(),
            fixed_length: value.shape[0].known(),
            length_symbol: match &value.shape[0] {
                Dim::Symbolic { symbol, .. } => Some(symbol.clone()),
                _ => None,
            },
            window,
        });
    }
    let time =
        time_axis(&value.shape).ok_or_else(|| refuse(format!("the audio input `{}` has no time axis", value.name)))?;
    let axes = value
        .shape
        .iter()
        .enumerate()
        .map(|(at, dim)| {
            if at == time {
                Axis::Time
            } else {
                Axis::Size(open_size(dim))
            }
        })
        .collect();
    Ok(AudioInput {
        id,
        axes,
        fixed_length: value.shape[time].known(),
        length_symbol: match &value.shape[time] {
            Dim::Symbolic { symbol, .. } => Some(symbol.clone()),
            _ => None,
        },
        window: None,
    })
}

/// The only one of `candidates` that has a name of audio.
fn named_audio(graph: &Graph, candidates: &[ValueId]) -> Option<ValueId> {
    let name = |id: &&ValueId| AUDIO_NAMES.contains(&graph.value(**id).name.to_lowercase().as_str());
    let mut those = candidates.iter().filter(name);
    those.next().copied().filter(|_| those.next().is_none())
}

fn ambiguous(graph: &Graph, a: ValueId, b: ValueId) -> CompileError {
    CompileError::new(
        Kind::AudioInput,
        format!(
            "`{}` and `{}` could both be the audio input; name it in the metadata (`tonegraft.audio_input`)",
            graph.value(a).name,
            graph.value(b).name
        ),
    )
}

/// Inputs that the metadata declares to be knobs.
pub(super) fn declared_knobs(graph: &Graph) -> BTreeSet<ValueId> {
    let named = |id: &&ValueId| {
        graph
            .metadata
            .knobs
            .iter()
            .any(|knob| knob.input == graph.value(**id).name)
    };
    graph.inputs.iter().filter(named).copied().collect()
}

/// Shape of an input that is not audio.
pub(super) fn static_shape(graph: &Graph, id: ValueId) -> Result<Vec<usize>, Stop> {
    let value = graph.value(id);
    let refuse = |reason: String| Err(Stop::Refused(CompileError::new(Kind::Input, reason)));
    if value.dtype != DType::F32 {
        return refuse(format!(
            "input `{}` is no float: neither audio, nor a knob, nor a state",
            value.name
        ));
    }
    let shape: Vec<usize> = value.shape.iter().map(open_size).collect();
    let elements = tonegraft_model::tensor::elements(&shape);
    if elements.is_none_or(|elements| elements == 0 || elements > 1 << 24) {
        return refuse(format!("input `{}` has an impossible size {shape:?}", value.name));
    }
    Ok(shape)
}

/// The value that a state starts from.
pub(super) fn start_value(
    graph: &Graph,
    id: ValueId,
    shape: &[usize],
    states: &BTreeMap<String, Tensor>,
) -> Result<Tensor, Stop> {
    let name = &graph.value(id).name;
    if let Some(given) = states.get(name) {
        if given.shape() != shape || given.as_f32().is_none() {
            return Err(Stop::shape(format!(
                "the start value of `{name}` has shape {:?}, {shape:?} is needed",
                given.shape()
            )));
        }
        return Ok(given.clone());
    }
    let zeros = vec![0.0; shape.iter().product()];
    Tensor::f32(shape.to_vec(), zeros).ok_or_else(|| Stop::shape("a state has an impossible size"))
}

/// What feeds the planes of the audio input, and how many channels of audio that are: further planes of a model with one
/// output, or planes that the metadata names, are knobs held as a signal.
pub(super) fn feeds(
    graph: &Graph,
    audio: &AudioInput,
    planes: usize,
    outputs: usize,
    controls: &mut Vec<Control>,
) -> Result<(Vec<Feed>, usize), Stop> {
    let refuse = |kind, reason: String| Err(Stop::Refused(CompileError::new(kind, reason)));
    let input = &graph.value(audio.id).name;
    let declared = |plane: usize| {
        graph
            .metadata
            .knobs
            .iter()
            .any(|knob| knob.input == *input && knob.index == plane)
    };
    let any_declared = (0..planes).any(declared);
    let mut channels = 0;
    let mut feeds = Vec::new();
    for plane in 0..planes {
        let knob = if any_declared {
            declared(plane)
        } else {
            outputs == 1 && plane > 0
        };
        if knob {
            let mut control = Control::of(graph, audio.id, plane);
            if !control.declared {
                control.knob.name = format!("knob {plane}");
                control.shown = true;
            }
            controls.push(control);
            feeds.push(Feed::Control(controls.len() - 1));
        } else {
            feeds.push(Feed::Channel(channels));
            channels += 1;
        }
    }
    let max = tonegraft_core::buffer::MAX_CHANNELS;
    if channels == 0 {
        return refuse(
            Kind::AudioInput,
            format!("all channels of `{input}` are declared as knobs"),
        );
    }
    if channels > 2 || outputs > 2 || channels > max {
        return refuse(
            Kind::AudioInput,
            format!("it has {channels} audio channels in and {outputs} out; one or two of each are possible"),
        );
    }
    let inferred = controls.iter().filter(|control| !control.declared).count();
    if inferred > MAX_INFERRED_KNOBS {
        return refuse(
            Kind::Input,
            format!(
                "its {inferred} further input values are too many to be knobs; declare in the metadata what they are"
            ),
        );
    }
    Ok((feeds, channels))
}

/// What was inferred, for people.
pub(super) fn inferred(
    graph: &Graph,
    audio: &AudioInput,
    mode: Mode,
    controls: &[Control],
    output: &str,
) -> Vec<(String, String)> {
    let mut list = Vec::new();
    if graph.metadata.audio_input.is_none() {
        list.push(("audio_input".to_owned(), graph.value(audio.id).name.clone()));
    }
    if graph.metadata.audio_output.is_none() {
        list.push(("audio_output".to_owned(), output.to_owned()));
    }
    if let Mode::Windows { size } = mode {
        list.push(("window".to_owned(), format!("{size} samples for each sample")));
    }
    let time = audio.axes.iter().position(|axis| *axis == Axis::Time).unwrap_or(0);
    list.push(("time_axis".to_owned(), time.to_string()));
    if let Some(length) = audio.fixed_length {
        let how = match mode {
            Mode::Stream | Mode::Windows { .. } => "played as free",
            Mode::Framed { .. } => "played block by block",
        };
        list.push(("fixed_length".to_owned(), format!("{length}, {how}")));
    }
    for control in controls.iter().filter(|control| !control.declared) {
        let Knob {
            name,
            min,
            max,
            default,
            ..
        } = &control.knob;
        list.push(("knob".to_owned(), format!("{name}: {min} … {max}, default {default}")));
    }
    list
}
