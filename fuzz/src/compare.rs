//! A model through its processor and through the interpreter.

use crate::play::{bits, instance, stream};
use crate::random::Random;
use std::collections::BTreeMap;
use tonegraft_engine::{Model, StartState, interpret};
use tonegraft_model::{DType, Dim, Tensor};

/// Frames given to the interpreter where the file leaves the length open: a multiple of every usual hop.
const WHOLE: usize = 1_920;

/// Fixed lengths beyond this are left out: the interpreter's plain loops would take too long.
const LONGEST: usize = 8_192;

/// Of the largest sample. Recurrent layers and long sums of mutated weights may amplify the last bit.
const TOLERANCE: f64 = 2e-3;

/// Where any comparison of floats is meaningless: beyond this, or not a number.
const HUGE: f32 = 1e6;

/// The input for the interpreter: noise where the audio is, knobs at their defaults, states zero.
struct Whole {
    inputs: BTreeMap<String, Tensor>,
    /// `[channels][frames]`.
    audio: Vec<Vec<f32>>,
    frames: usize,
}

/// `None` where the whole signal has no meaning that follows from the shapes alone.
fn whole(model: &Model, random: &mut Random) -> Option<Whole> {
    let graph = model.graph();
    let info = model.info();
    let audio = info.inputs.iter().find(|port| port.role == "audio")?;
    let time: usize = info.inferred.get("time_axis")?.parse().ok()?;
    let mut inputs = BTreeMap::new();
    let (mut channels, mut frames) = (Vec::new(), 0);
    for id in &graph.inputs {
        let value = graph.value(*id);
        if value.dtype != DType::F32 {
            return None;
        }
        let is_audio = value.name == audio.name;
        let shape: Vec<usize> = value
            .shape
            .iter()
            .enumerate()
            .map(|(axis, dim)| match dim {
                Dim::Known(size) => Some(*size),
                Dim::Symbolic { .. } if is_audio && axis == time => Some(WHOLE),
                Dim::Symbolic { .. } => Some(1),
                Dim::Unknown => None,
            })
            .collect::<Option<_>>()?;
        let len = tonegraft_model::tensor::elements(&shape).filter(|len| *len <= 1 << 16)?;
        let mut values = vec![0.0f32; len];
        let controls = model
            .plan()
            .controls
            .iter()
            .filter(|control| control.knob.input == value.name);
        if is_audio {
            frames = *shape.get(time)?;
            let inner: usize = shape.get(time + 1..)?.iter().product();
            let planes = len.checked_div(frames)?;
            let mut fed: Vec<Vec<f32>> = (0..planes)
                .map(|_| (0..frames).map(|_| random.sample()).collect())
                .collect();
            let controls: Vec<_> = controls.collect();
            for control in &controls {
                fed.get_mut(control.knob.index)?.fill(control.knob.default);
            }
            for (plane, samples) in fed.iter().enumerate() {
                for (frame, sample) in samples.iter().enumerate() {
                    values[(plane / inner * frames + frame) * inner + plane % inner] = *sample;
                }
            }
            channels = fed
                .into_iter()
                .enumerate()
                .filter(|(plane, _)| controls.iter().all(|control| control.knob.index != *plane))
                .map(|(_, samples)| samples)
                .collect();
        } else {
            for control in controls {
                *values.get_mut(control.knob.index)? = control.knob.default;
            }
        }
        inputs.insert(value.name.clone(), Tensor::f32(shape, values)?);
    }
    let usual = (1..=LONGEST).contains(&frames) && channels.len() == model.channels().0;
    usual.then_some(Whole {
        inputs,
        audio: channels,
        frames,
    })
}

/// `[channels][frames]` of the audio output: its longest axis is time, as long as nothing else is.
fn planes(tensor: &Tensor, channels: usize) -> Option<Vec<Vec<f32>>> {
    let (values, shape) = (tensor.as_f32()?, tensor.shape());
    let time = shape
        .iter()
        .position(|size| size.checked_mul(channels) == Some(values.len()))?;
    let (frames, inner) = (shape[time], shape[time + 1..].iter().product::<usize>());
    (0..channels)
        .map(|plane| {
            (0..frames)
                .map(|frame| {
                    values
                        .get((plane / inner * frames + frame) * inner + plane % inner)
                        .copied()
                })
                .collect()
        })
        .collect()
}

/// Streams at two random cuts: the same bits. Interprets the whole signal: the same samples, late by the reported latency.
pub fn streaming(model: &Model, data: &[u8]) {
    let mut random = Random::of(data);
    let given = whole(model, &mut random);
    let (inputs, outputs) = model.channels();
    let Some(mut processor) = instance(model, inputs, outputs, StartState::Zero) else {
        return;
    };
    let audio = given.as_ref().map_or_else(
        || vec![(0..500).map(|_| random.sample()).collect(); inputs],
        |given| given.audio.clone(),
    );
    let longest = [1, 7, 64, 200, 2_000];
    let mut cut = || {
        let longest = longest[random.below(longest.len())];
        (longest, Random::new(random.bits()))
    };
    let (length, mut cuts) = cut();
    let (first, _) = stream(processor.as_mut(), &audio, length, &mut cuts);
    processor.reset();
    let (length, mut cuts) = cut();
    let (again, _) = stream(processor.as_mut(), &audio, length, &mut cuts);
    assert!(bits(&first) == bits(&again), "the cut changes the samples");

    let Some(given) = given else { return };
    let Ok(mut results) = interpret::run(model.graph(), &given.inputs) else {
        return;
    };
    let Some(port) = model.info().outputs.iter().find(|port| port.role == "audio") else {
        return;
    };
    let Some(expected) = results.remove(&port.name).and_then(|tensor| planes(&tensor, outputs)) else {
        return;
    };
    let usual = |channels: &[Vec<f32>]| channels.iter().flatten().all(|y| y.abs() < HUGE);
    if !usual(&first) || !usual(&expected) {
        return;
    }
    same(model, &first, &expected, given.frames);
}

/// Fails unless `streamed` is `offline`, late by the latency. An `offline` shorter than the input lacks its beginning; one that is
/// longer has a tail. The last frames are left out: there a file may pad, and the stream does not know where the signal ends.
fn same(model: &Model, streamed: &[Vec<f32>], offline: &[Vec<f32>], frames: usize) {
    let latency = model.info().latency_samples as usize;
    for (streamed, offline) in streamed.iter().zip(offline) {
        let peak = offline.iter().fold(1.0f64, |peak, y| peak.max(f64::from(y.abs())));
        let shift = frames.saturating_sub(offline.len()) + latency;
        let compared = streamed.len().saturating_sub(streamed.len() / 8);
        for (index, expected) in offline.iter().enumerate() {
            let Some(y) = streamed.get(..compared).and_then(|channel| channel.get(index + shift)) else {
                break;
            };
            let error = (f64::from(*y) - f64::from(*expected)).abs();
            assert!(
                error <= TOLERANCE * peak,
                "index {index}, tick {}: {y} streamed, {expected} interpreted, peak {peak}, latency {latency}\n{}",
                index + shift,
                model.plan_text()
            );
        }
    }
}
