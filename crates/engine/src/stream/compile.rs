//! Ways to take a model: as a stream, by windows, by blocks; and the walk over its nodes.

use super::build::{Builder, Memory, Mode, Stop, limit, limited_planes};
use super::facts::{Fact, LONG, VIRTUAL_LENGTH};
use super::inputs::{self, Control};
use super::kept::{Held, Kept};
use super::{Axis, Clock, Rate, Signal, StreamGraph, StreamOp, Timing};
use crate::error::{CompileError, CompileErrorKind as Kind};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tonegraft_model::{Graph, Tensor, ValueId};

/// The shortest audio of fixed length beside which inputs as long are values for each sample.
const MIN_HELD: usize = 33;

/// A length for open signals where a graph computes with all indices: a multiple of usual hops, exact in floats.
const ASSUMED_LENGTH: i64 = 512 * 3 * 5 * 7;

/// The most planes of all signals together.
const MAX_TOTAL_PLANES: usize = 1 << 24;

/// The most ticks per sample.
const MAX_TICKS: i64 = 64;

/// Compiles `graph`. `states` gives start values of state inputs by name; others start from zeros.
///
/// # Errors
/// The first node that cannot run frame by frame, or what is wrong with inputs or outputs.
pub fn compile(graph: &Graph, states: &BTreeMap<String, Tensor>) -> Result<StreamGraph, CompileError> {
    let audio = inputs::audio_input(graph)?;
    if let Some(framing) = &graph.metadata.framing {
        let mode = Mode::Framed {
            size: framing.size,
            hop: framing.hop,
            whole: framing.start == tonegraft_model::FrameStart::Whole,
        };
        return attempts(graph, &audio, mode, states, &Case::default());
    }
    if let Some(size) = audio.window {
        return attempts(graph, &audio, Mode::Windows { size }, states, &Case::default());
    }
    let (pairs, named) = (
        tonegraft_model::states::pairs(graph),
        tonegraft_model::states::named_pairs(graph),
    );
    // What is fed back is a signal: blocks have states instead.
    let block = inputs::block_size(graph, &audio).filter(|_| graph.metadata.feedback.is_empty());
    let stream = |assumed: Option<i64>| {
        let all = Case {
            pairs: &pairs,
            assumed,
            own_pads: block.is_none(),
        };
        let named = Case { pairs: &named, ..all };
        // Where only shapes make a state of an input, it may as well be a knob.
        attempts(graph, &audio, Mode::Stream, states, &all).or_else(|error| match named.pairs == all.pairs {
            true => Err(error),
            false => attempts(graph, &audio, Mode::Stream, states, &named).map_err(|_| error),
        })
    };
    let streamed = stream(None).or_else(|error| match audio.fixed_length {
        // Indices over the whole signal are told apart from a length alone where there is one.
        None => stream(Some(ASSUMED_LENGTH)).map_err(|_| error),
        Some(_) => Err(error),
    });
    streamed.or_else(|error| {
        // A fixed block that mixes its samples in another way than a stream can still be played block by block.
        let size = block.ok_or_else(|| error.clone())?;
        let mode = Mode::Framed {
            size,
            hop: size,
            whole: false,
        };
        let mut framed = attempts(graph, &audio, mode, states, &Case::default()).map_err(|_| error.clone())?;
        (framed.inferred).push(("block_by_block".to_owned(), format!("because {error}")));
        Ok(framed)
    })
}

/// What may differ between two ways to take a model.
#[derive(Clone, Copy, Debug, Default)]
struct Case<'a> {
    /// Inputs that are states, and the outputs that are their next values; of no interest where states are memories.
    pairs: &'a [(ValueId, ValueId)],
    /// A length for an open signal.
    assumed: Option<i64>,
    /// Blocks that are given the past of some signals may pad others.
    own_pads: bool,
}

fn attempts(
    graph: &Graph,
    audio: &inputs::AudioInput,
    mode: Mode,
    states: &BTreeMap<String, Tensor>,
    case: &Case<'_>,
) -> Result<StreamGraph, CompileError> {
    let mut knobs: BTreeSet<ValueId> = inputs::declared_knobs(graph);
    let mut ticks = 1;
    loop {
        match attempt(graph, audio, mode, &knobs, ticks, states, case) {
            Ok(done) => return Ok(done),
            Err(Stop::Refused(error)) => return Err(error),
            // Each round declares one more input a knob, or divides the sample further, so that this ends.
            Err(Stop::Finer(factor)) => {
                ticks = ticks.saturating_mul(factor.max(2));
                if ticks > MAX_TICKS {
                    return Err(CompileError::new(
                        Kind::Limit,
                        format!("it works at {ticks} times the audio rate (at most {MAX_TICKS})"),
                    ));
                }
            }
            Err(Stop::NotAState(id)) => {
                if let Some((_, next)) = case.pairs.iter().find(|(state, _)| *state == id) {
                    return Err(CompileError::new(
                        Kind::Input,
                        format!(
                            "state `{}`, whose next value is `{}`, is neither the past of a signal nor the start of a layer",
                            graph.value(id).name,
                            graph.value(*next).name
                        ),
                    ));
                }
                if !knobs.insert(id) {
                    return Err(CompileError::new(
                        Kind::Input,
                        format!("input `{}` is used in no way that streams", graph.value(id).name),
                    ));
                }
            }
        }
    }
}

fn attempt(
    graph: &Graph,
    audio: &inputs::AudioInput,
    mode: Mode,
    knobs: &BTreeSet<ValueId>,
    ticks: i64,
    states: &BTreeMap<String, Tensor>,
    case: &Case<'_>,
) -> Result<StreamGraph, Stop> {
    let mut builder = Builder {
        graph,
        mode,
        ticks,
        wires: Vec::new(),
        nodes: Vec::new(),
        facts: vec![None; graph.values.len()],
        length: match (mode, audio.fixed_length) {
            (Mode::Framed { size, .. }, _) => i64::try_from(size).unwrap_or(LONG),
            (_, Some(length)) => i64::try_from(length).unwrap_or(LONG),
            (_, None) => case.assumed.unwrap_or(VIRTUAL_LENGTH),
        },
        length_symbol: audio.length_symbol.clone(),
        pairs: case.pairs,
        kept: Kept::default(),
        memories: Vec::new(),
        notes: Vec::new(),
        sliding: None,
        frame_time: None,
        earliest: 0,
        current: (0, "input".into()),
        delays: HashMap::new(),
        silent: HashMap::new(),
    };
    let channels = inputs::channels(audio, mode)?;
    let clock = Clock::new(ticks, 0);
    let input = builder.wire(channels, Rate::Frames(clock));
    let signal = Signal {
        view: builder.whole(input),
        axes: audio.axes.clone(),
        timing: Timing {
            length: builder.length,
            ..Timing::default()
        },
    };
    let signal = match mode {
        Mode::Stream => signal,
        Mode::Windows { size } => builder.window_input(&signal, audio.axes.clone(), size)?,
        Mode::Framed { size, hop, .. } => builder.frame_input(&signal, audio, size, hop)?,
    };
    let frame_timing = signal.timing;
    let frame_rate = builder.rate(signal.view);
    builder.frame_time = frame_rate.hop().map(|hop| (hop, frame_timing));
    builder.facts[audio.id.index()] = Some(Fact::Signal(signal));
    let mut controls: Vec<Control> = Vec::new();
    let mut control_wires = Vec::new();
    let memories = match mode {
        Mode::Stream | Mode::Windows { .. } => Vec::new(),
        Mode::Framed { .. } => tonegraft_model::states::pairs(graph),
    };
    let held = audio
        .fixed_length
        .filter(|length| *length >= MIN_HELD && mode == Mode::Stream);
    for id in graph.inputs.iter().filter(|id| **id != audio.id) {
        if let Some(oscillator) = inputs::oscillator(graph, *id, audio) {
            let signal = builder.oscillator(*id, &oscillator, &mut controls, &mut control_wires)?;
            builder.facts[id.index()] = Some(Fact::Signal(signal));
            continue;
        }
        if let Some(signal) = builder.fed_back(*id, audio)? {
            builder.facts[id.index()] = Some(Fact::Signal(signal));
            continue;
        }
        let sizes = inputs::static_shape(graph, *id)?;
        let paired = case.pairs.iter().any(|(state, _)| state == id);
        // A value for each sample that is no audio is held.
        let sizes: Vec<usize> = (sizes.into_iter())
            .map(|n| if Some(n) == held && !paired { 1 } else { n })
            .collect();
        let memory = memories.iter().find(|(input, _)| input == id);
        if let Some((_, next)) = memory {
            let tensor = inputs::start_value(graph, *id, &sizes, states)?;
            let values: Arc<[f32]> = tensor.as_f32().unwrap_or(&[]).into();
            let axes: Vec<Axis> = sizes.iter().copied().map(Axis::Size).collect();
            let planes = limited_planes(&axes)?;
            let op = StreamOp::State {
                number: builder.memories.len(),
                start: values,
                delay: 1,
            };
            builder.memories.push(Memory {
                state: *id,
                next: *next,
                fed_back: None,
            });
            let view = builder.push_at(op, Vec::new(), planes, frame_rate);
            let timing = Timing {
                recurrent: true,
                ..frame_timing
            };
            builder.facts[id.index()] = Some(Fact::Signal(Signal { view, axes, timing }));
        } else if knobs.contains(id) || matches!(mode, Mode::Framed { .. }) {
            let axes: Vec<Axis> = sizes.iter().copied().map(Axis::Size).collect();
            let wire = builder.wire(limited_planes(&axes)?, Rate::Control);
            let indices: Vec<usize> = (0..builder.wires[wire.index()].planes)
                .map(|element| {
                    controls.push(Control::of(graph, *id, element));
                    controls.len() - 1
                })
                .collect();
            control_wires.push((wire, indices));
            builder.facts[id.index()] = Some(Fact::Signal(Signal {
                view: builder.whole(wire),
                axes: sizes.into_iter().map(Axis::Size).collect(),
                timing: Timing::default(),
            }));
        } else {
            let tensor = inputs::start_value(graph, *id, &sizes, states)?;
            builder.facts[id.index()] = Some(Fact::Constant {
                tensor,
                state: Some(Held {
                    id: *id,
                    codes: builder.kept.state(*id, &sizes)?,
                }),
            });
        }
    }
    let needed = needed(graph);
    let (mut wires, mut total) = (0, 0usize);
    for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
        builder.current = (index, node.name.clone());
        match builder.node(index, node) {
            Ok(()) => {}
            // Refused only if the audio turns out to depend on it.
            Err(Stop::Refused(error)) => {
                let error = error.at(node);
                for id in node.outputs.iter().flatten() {
                    builder.facts[id.index()] = Some(Fact::Refused(error.clone()));
                }
            }
            Err(other) => return Err(other),
        }
        // Each plane that is put elsewhere costs a few words here, long before the plan is weighed.
        let made = builder.wires.get(wires..).unwrap_or(&[]).iter().map(|wire| wire.planes);
        total = made.fold(total, usize::saturating_add);
        wires = builder.wires.len();
        if total > MAX_TOTAL_PLANES {
            return Err(limit(format!(
                "its signals have more than {MAX_TOTAL_PLANES} features together"
            )));
        }
    }
    if audio.fixed_length.is_some() && !case.own_pads {
        builder.only_given_pasts()?;
    }
    builder.current = (graph.nodes.len(), "output".into());
    builder.finish(audio, input, controls, control_wires)
}

/// Nodes that some output depends on.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut wanted: BTreeSet<ValueId> = graph.outputs.iter().copied().collect();
    let mut needed = vec![false; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if node.outputs.iter().flatten().any(|id| wanted.contains(id)) {
            needed[index] = true;
            wanted.extend(node.inputs.iter().flatten());
        }
    }
    needed
}
