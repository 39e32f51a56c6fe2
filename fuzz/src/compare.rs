//! A graph through the compiler and through the interpreter.
//!
//! The stages are called one by one: a [`tonegraft_engine::Model`] would also play two seconds of silence and noise to see how long a
//! recurrent network takes to settle.

use crate::play::{bits, stream};
use crate::random::Random;
use std::collections::BTreeMap;
use std::sync::Arc;
use tonegraft_core::processor::{Facts, Tail};
use tonegraft_core::{HostFrames, LatencyParts, Processor as _};
use tonegraft_engine::native::{Native, Program};
use tonegraft_engine::plan::{Plan, StepOp};
use tonegraft_engine::stream::{self as compiler, StreamGraph};
use tonegraft_engine::{Budget, Isa, StartState, interpret};
use tonegraft_model::{DType, Dim, Graph, Tensor};

/// Frames given to the interpreter where the file leaves the length open: a multiple of every usual hop, or of many of them if it
/// would take too long else, which it does where frames meet frames.
const WHOLE: [usize; 2] = [1_920, 96];

/// Elements of all values of a graph up to which the interpreter is given many frames.
const ELEMENTS: usize = 1 << 19;

/// Fixed lengths beyond this are left out: the interpreter's plain loops would take too long.
const LONGEST: usize = 8_192;

/// Of the largest sample; with recurrent layers, which may amplify the last bit, and without.
const TOLERANCE: [f64; 2] = [2e-3, 2e-4];

/// Where any comparison of floats is meaningless: beyond this, or not a number.
const HUGE: f32 = 1e6;

/// The input for the interpreter: noise where the audio is, knobs at their defaults, states zero.
struct Whole {
    inputs: BTreeMap<String, Tensor>,
    /// `[channels][frames]`.
    audio: Vec<Vec<f32>>,
    frames: usize,
}

/// A compiled graph.
struct Compiled<'a> {
    graph: &'a Graph,
    stream: StreamGraph,
    plan: Arc<Plan>,
}

impl<'a> Compiled<'a> {
    fn new(graph: &'a Graph, budget: &Budget) -> Option<Self> {
        let stream = compiler::compile(graph, &BTreeMap::new()).ok()?;
        let plan = Arc::new(Plan::new(&stream, budget).ok()?);
        Some(Self { graph, stream, plan })
    }

    /// An instance, on one of the instruction sets of this machine.
    fn instance(&self, random: &mut Random) -> Option<Native> {
        let isa = *random.one_of(&Isa::available())?;
        let program = Arc::new(Program::new(Arc::clone(&self.plan), isa).ok()?);
        let facts = Facts {
            inputs: self.plan.channels,
            outputs: self.plan.outputs(),
            knobs: 0,
            latency: LatencyParts::ZERO,
            receptive_field: HostFrames::new(1),
            tail: Tail::Infinite,
        };
        Some(Native::new(program, StartState::Zero, facts))
    }
}

/// `None` where the whole signal has no meaning that follows from the shapes alone.
fn whole(model: &Compiled<'_>, random: &mut Random) -> Option<Whole> {
    let graph = model.graph;
    let inferred = |key: &str| model.stream.inferred.iter().find(|(what, _)| what == key);
    let time: usize = inferred("time_axis")?.1.parse().ok()?;
    // Blocks that stand for themselves have no whole signal.
    if graph.metadata.framing.is_some() {
        return None;
    }
    // An oscillator's phase is the player's own, and what mirrors what comes later is played as silence.
    if graph.metadata.phase_input.is_some() || inferred("padding").is_some() {
        return None;
    }
    // What is fed back takes the interpreter a round for each way back.
    let open = if elements(graph, WHOLE[0]) > ELEMENTS || !graph.metadata.feedback.is_empty() {
        WHOLE[1]
    } else {
        WHOLE[0]
    };
    let mut inputs = BTreeMap::new();
    let (mut channels, mut frames) = (Vec::new(), 0);
    for id in &graph.inputs {
        let value = graph.value(*id);
        if value.dtype != DType::F32 {
            return None;
        }
        if graph.metadata.is_fed_back(&value.name) {
            continue;
        }
        let is_audio = value.name == model.stream.audio.0;
        let shape: Vec<usize> = value
            .shape
            .iter()
            .enumerate()
            .map(|(axis, dim)| match dim {
                Dim::Known(size) => Some(*size),
                Dim::Symbolic { .. } if is_audio && axis == time => Some(open),
                Dim::Symbolic { .. } => Some(1),
                Dim::Unknown => None,
            })
            .collect::<Option<_>>()?;
        let len = tonegraft_model::tensor::elements(&shape).filter(|len| *len <= 1 << 16)?;
        let mut values = vec![0.0f32; len];
        let controls = model
            .plan
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
    // As many frames as channels would leave open which axis is time.
    let usual = (channels.len().max(model.plan.outputs()) + 1..=LONGEST).contains(&frames)
        && channels.len() == model.plan.channels;
    (usual && whole_hops(model, frames)).then_some(Whole {
        inputs,
        audio: channels,
        frames,
    })
}

/// Elements of all values, with `frames` for each size that the file leaves open.
fn elements(graph: &Graph, frames: usize) -> usize {
    let size = |dim: &Dim| match dim {
        Dim::Known(size) => *size,
        Dim::Symbolic {
            scale_num, scale_den, ..
        } => {
            let scaled = (usize::try_from(*scale_num).ok()).map(|scale| frames.saturating_mul(scale));
            scaled.unwrap_or(0) / usize::try_from(*scale_den).unwrap_or(1).max(1)
        }
        Dim::Unknown => frames,
    };
    let of_value = |shape: &[Dim]| {
        shape
            .iter()
            .fold(1usize, |product, dim| product.saturating_mul(size(dim)))
    };
    (graph.values.iter()).fold(0, |sum, value| sum.saturating_add(of_value(&value.shape)))
}

/// True if `frames` are a whole number of the hops of every step: otherwise the interpreter's last, incomplete hop says where
/// each later signal ends, and with it where it begins.
fn whole_hops(model: &Compiled<'_>, frames: usize) -> bool {
    let plan = &model.plan;
    let ticks = i64::try_from(frames)
        .unwrap_or(i64::MAX)
        .saturating_mul(plan.time.ticks);
    let mut hops = plan.steps.iter().filter_map(|step| step.output.rate.hop());
    hops.all(|hop| ticks % hop.max(1) == 0)
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

/// Compiles; streams at two random cuts: the same bits. Interprets the whole signal: the same samples, late by the latency.
pub fn streaming(graph: &Graph, budget: &Budget, data: &[u8]) {
    let mut random = Random::of(data);
    let Some(model) = Compiled::new(graph, budget) else {
        return;
    };
    let given = whole(&model, &mut random);
    let Some(mut processor) = model.instance(&mut random) else {
        return;
    };
    let audio = given.as_ref().map_or_else(
        || vec![(0..500).map(|_| random.sample()).collect(); model.plan.channels],
        |given| given.audio.clone(),
    );
    let longest = [1, 7, 64, 200, 2_000];
    let mut cut = || {
        let longest = longest[random.below(longest.len())];
        (longest, Random::new(random.bits()))
    };
    let (length, mut cuts) = cut();
    let (first, _) = stream(&mut processor, &audio, length, &mut cuts);
    processor.reset();
    let (length, mut cuts) = cut();
    let (again, _) = stream(&mut processor, &audio, length, &mut cuts);
    assert!(
        bits(&first) == bits(&again),
        "the cut changes the samples\n{}",
        model.plan
    );

    let Some(given) = given else { return };
    // Which random numbers are drawn is left open: both have their own.
    if model
        .plan
        .steps
        .iter()
        .any(|step| matches!(step.op, StepOp::Noise { .. }))
    {
        return;
    }
    let Ok(mut results) = interpret::run(graph, &given.inputs) else {
        return;
    };
    let Some(expected) = results
        .remove(&model.stream.audio.1)
        .filter(|tensor| tensor.as_f32().is_some())
    else {
        return;
    };
    let Some(expected) = planes(&expected, model.plan.outputs()) else {
        panic!(
            "the interpreter's result {:?} holds no {} channels\n{}",
            expected.shape(),
            model.plan.outputs(),
            model.plan
        );
    };
    let usual = |channels: &[Vec<f32>]| channels.iter().flatten().all(|y| y.abs() < HUGE);
    if usual(&first) && usual(&expected) {
        let difference = same(&model.plan, &first, &expected, given.frames);
        if let Err(difference) = difference {
            assert!(
                is_unsteady(&model, &given, &expected, &mut random),
                "{difference}\n{}",
                model.plan
            );
        }
    }
}

/// Relative change of the input samples by which a network is tried: of the order of what one layer rounds.
const CHANGE: f32 = 1e-6;

/// True if a network amplifies changes of the input that small so much that two exact computations of it may well differ by more than
/// the tolerance: mutated weights make such recurrent layers, and so do quotients of what nearly vanishes.
fn is_unsteady(model: &Compiled<'_>, given: &Whole, expected: &[Vec<f32>], random: &mut Random) -> bool {
    let tolerance = TOLERANCE[usize::from(!model.plan.recurrent)];
    (0..4).any(|_| {
        let inputs = given.inputs.iter().map(|(name, tensor)| {
            let changed = tensor.as_f32().and_then(|values| {
                let values = values.iter().map(|x| x * (1.0 + CHANGE * random.sample()));
                Tensor::f32(tensor.shape().to_vec(), values.collect())
            });
            (name.clone(), changed.unwrap_or_else(|| tensor.clone()))
        });
        let Ok(mut results) = interpret::run(model.graph, &inputs.collect()) else {
            return true;
        };
        let moved = results.remove(&model.stream.audio.1);
        let moved = moved.and_then(|tensor| planes(&tensor, model.plan.outputs()));
        moved.is_none_or(|moved| {
            moved.iter().zip(expected).any(|(moved, expected)| {
                let peak = expected.iter().fold(1.0f32, |peak, y| peak.max(y.abs()));
                #[allow(clippy::cast_possible_truncation)]
                let bound = tolerance as f32 / 8.0 * peak;
                moved.iter().zip(expected).any(|(a, b)| (a - b).abs() > bound)
            })
        })
    })
}

/// Fails unless `streamed` is `offline`, late by the latency. An `offline` shorter than the input lacks its beginning; one that is
/// longer has a tail. The last frames are left out: there a file may pad, and the stream does not know where the signal ends.
fn same(plan: &Plan, streamed: &[Vec<f32>], offline: &[Vec<f32>], frames: usize) -> Result<(), String> {
    let latency = plan.latency;
    let tolerance = TOLERANCE[usize::from(!plan.recurrent)];
    for (streamed, offline) in streamed.iter().zip(offline) {
        let peak = offline.iter().fold(1.0f64, |peak, y| peak.max(f64::from(y.abs())));
        let shift = frames.saturating_sub(offline.len()) + latency;
        let compared = streamed.len().saturating_sub(streamed.len() / 8);
        for (index, expected) in offline.iter().enumerate() {
            let Some(y) = streamed.get(..compared).and_then(|channel| channel.get(index + shift)) else {
                break;
            };
            let error = (f64::from(*y) - f64::from(*expected)).abs();
            if error.is_nan() || error > tolerance * peak {
                return Err(format!(
                    "index {index}, tick {}: {y} streamed, {expected} interpreted, peak {peak}, latency {latency}",
                    index + shift
                ));
            }
        }
    }
    Ok(())
}
