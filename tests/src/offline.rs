//! The reference interpreter over a whole mono signal, for any graph with one audio input.
//!
//! What a graph wants is found here by its shapes alone and independently of how the engine finds it: the audio input is the one
//! with a symbolic size, or else the largest fixed one; its time axis is the last symbolic size, or else the largest.

use std::collections::BTreeMap;
use tonegraft_engine::{Model, interpret};
use tonegraft_model::{DType, Dim, PhaseRate, Tensor, Value};

/// What a whole-signal run played.
#[derive(Clone, Debug)]
pub struct Offline {
    /// How many frames of the signal were given: all, as many as a graph of fixed length takes, or few if something is fed back.
    pub given: usize,
    /// One output frame per frame given.
    pub output: Vec<f32>,
    /// The first frames of `output`, which an unpadded graph does not have; they are 0.
    pub missing: usize,
}

/// Axis of time, and its fixed length if it has one.
fn time_axis(value: &Value) -> Option<(usize, Option<usize>)> {
    let symbolic = value.shape.iter().rposition(|dim| dim.known().is_none());
    if let Some(axis) = symbolic {
        return Some((axis, None));
    }
    let lengths = value.shape.iter().enumerate();
    let longest = lengths.max_by_key(|(_, dim)| dim.known())?;
    Some((longest.0, longest.1.known()))
}

/// Frames given to a graph with a loop of so many frames: the interpreter takes a round for each way back.
fn frames_of_loop(delay: usize) -> usize {
    if delay < 32 { 400 } else { 20_000 }
}

/// The phase of the oscillator that the metadata puts on an input, from the beginning of the transport, with its rate at its default.
fn phase(model: &Model, frames: usize) -> Vec<f32> {
    let metadata = &model.graph().metadata;
    let rate = metadata.phase_input.as_ref().map_or(0.0, |phase| match &phase.rate {
        PhaseRate::Hz(hertz) => *hertz,
        PhaseRate::Knob(name) => (metadata.knobs.iter())
            .find(|knob| knob.name == *name)
            .map_or(0.0, |knob| knob.default),
    });
    let second = f64::from(metadata.sample_rate.unwrap_or(48_000));
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    (0..frames)
        .map(|frame| (frame as f64 * f64::from(rate) / second).fract() as f32)
        .collect()
}

/// Runs the graph of `model` over `signal` with its knobs at their defaults and its states at zero. A graph of two channels in and out
/// gets the signal in both, and the mean of what it gives counts, as on a mono track. `None` if it is neither that nor a mono effect.
///
/// # Panics
/// The interpreter refuses the graph.
pub fn run(model: &Model, signal: &[f32]) -> Option<Offline> {
    let graph = model.graph();
    let is_phase = |value: &Value| {
        let phase = graph.metadata.phase_input.as_ref();
        phase.is_some_and(|phase| phase.input == value.name)
    };
    let floats = |value: &&Value| {
        let other = is_phase(value) || graph.metadata.is_fed_back(&value.name);
        value.dtype == DType::F32 && !value.shape.is_empty() && !other
    };
    let values = || graph.inputs.iter().map(|id| graph.value(*id));
    let dynamic = values()
        .filter(floats)
        .find(|value| value.shape.iter().any(|dim| dim.known().is_none()));
    let size = |value: &&Value| value.shape.iter().filter_map(Dim::known).product::<usize>();
    let audio = dynamic.or_else(|| values().filter(floats).max_by_key(size))?;
    let (axis, fixed) = time_axis(audio)?;
    let shortest = graph.metadata.feedback.iter().map(|pair| pair.delay).min();
    let most = shortest.map_or(signal.len(), frames_of_loop);
    let given = fixed.unwrap_or(signal.len()).min(signal.len()).min(most);
    let mut inputs = BTreeMap::new();
    let mut channels = 1;
    for value in values() {
        // That is the interpreter's own affair.
        if graph.metadata.is_fed_back(&value.name) {
            continue;
        }
        let is_audio = value.name == audio.name;
        let stereo = is_audio && model.channels() == (2, 2) && axis + 1 == value.shape.len();
        let shape: Vec<usize> = value
            .shape
            .iter()
            .enumerate()
            .map(|(index, dim)| match dim.known() {
                _ if is_audio && index == axis => given,
                None if is_phase(value) => given,
                Some(size) => size,
                None => 1,
            })
            .collect();
        let count: usize = shape.iter().product();
        let mut data = vec![0.0; count];
        if is_audio {
            channels = if stereo { 2 } else { 1 };
            if count != channels * given {
                return None;
            }
            for channel in data.chunks_exact_mut(given) {
                channel.copy_from_slice(&signal[..given]);
            }
        }
        if is_phase(value) {
            data.copy_from_slice(phase(model, count).get(..count)?);
            inputs.insert(value.name.clone(), Tensor::f32(shape, data)?);
            continue;
        }
        for knob in model.knobs().iter().filter(|knob| knob.input == value.name) {
            *data.get_mut(knob.index)? = knob.default;
        }
        inputs.insert(value.name.clone(), Tensor::f32(shape, data)?);
    }
    let outputs = interpret::run(graph, &inputs).unwrap_or_else(|error| panic!("{}: {error}", graph.name));
    // States have their own outputs; the audio's has at least half of the frames.
    let played = graph
        .outputs
        .iter()
        .filter(|id| {
            let wanted = graph.metadata.audio_output.as_ref();
            wanted.is_none_or(|wanted| graph.value(**id).name == *wanted)
        })
        .filter_map(|id| outputs.get(&graph.value(*id).name)?.as_f32())
        .filter(|data| data.len() <= channels * given)
        .max_by_key(|data| data.len())?;
    let missing = given - played.len() / channels;
    let mut output = vec![0.0; missing];
    match channels {
        1 => output.extend_from_slice(played),
        _ => {
            let (left, right) = played.split_at(played.len() / 2);
            output.extend(left.iter().zip(right).map(|(left, right)| 0.5 * (left + right)));
        }
    }
    Some(Offline { given, output, missing })
}
