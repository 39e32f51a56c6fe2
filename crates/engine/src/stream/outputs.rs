//! Which output is the audio, which are next values of states; and where the audio stands in the end.

use super::build::{Builder, Memory, Mode, Stop};
use super::facts::Fact;
use super::inputs::{self, AudioInput, Control};
use super::rates::gcd;
use super::shape::time_axis;
use super::{Axis, Rate, STEPWISE_HOP, Signal, StreamGraph, StreamOp, View, WireId};
use crate::error::{CompileError, CompileErrorKind as Kind};
use std::collections::{BTreeMap, BTreeSet};
use tonegraft_core::processor::MAX_METERS;
use tonegraft_model::{DType, Dim, ValueId};

fn refuse<T>(kind: Kind, reason: String) -> Result<T, Stop> {
    Err(Stop::Refused(CompileError::new(kind, reason)))
}

/// The most planes of an output that is shown as one number.
const MAX_METER_PLANES: usize = 64;

/// What the outputs are.
struct Outputs {
    name: String,
    audio: Signal,
    /// States with the outputs paired with them.
    states: Vec<(String, Option<String>)>,
    /// Those that are shown, and whose magnitude.
    meters: Vec<(String, View)>,
    /// Others, and what they are.
    others: Vec<(String, String)>,
}

impl Builder<'_> {
    /// True if the signal can be the audio that leaves the model.
    fn is_audio(&self, signal: &Signal) -> bool {
        match self.mode {
            Mode::Stream | Mode::Windows { .. } => {
                self.rate(signal.view).hop() == Some(self.ticks) && time_axis(&signal.axes).is_some()
            }
            Mode::Framed { size, hop, .. } => {
                // One or two channels of samples: in the order of the elements if blocks are declared, else along one axis.
                let declared = self.graph.metadata.framing.is_some();
                let samples = |n: usize| [n, 2 * n].contains(&signal.view.planes);
                let along = |n: usize| samples(n) && (declared || signal.axes.contains(&Axis::Size(n)));
                self.moves(signal) && time_axis(&signal.axes).is_none() && (along(size) || along(hop))
            }
        }
    }

    /// Tells the audio output from next values of states and the rest.
    fn outputs(&mut self, audio: &AudioInput) -> Result<Outputs, Stop> {
        let graph = self.graph;
        let wanted = graph.metadata.audio_output.as_deref();
        let mut found: Option<(String, Signal)> = None;
        let mut refused: Option<CompileError> = None;
        let next = self.next_values()?;
        let mut paired: BTreeMap<ValueId, String> = BTreeMap::new();
        let mut others: Vec<(String, String)> = Vec::new();
        let mut meters: Vec<(String, View)> = Vec::new();
        let memories: BTreeMap<ValueId, ValueId> = (self.memories.iter())
            .map(|memory| (memory.next, memory.state))
            .collect();
        for id in &graph.outputs {
            let value = graph.value(*id);
            let name = value.name.clone();
            if let Some(state) = memories.get(id).or(next.get(id)) {
                paired.insert(*state, name.clone());
                // What is heard may be fed back as well.
                if wanted != Some(name.as_str()) {
                    continue;
                }
            }
            let Some(fact) = self.facts[id.index()].clone() else {
                others.push((name, "does not depend on the audio".into()));
                continue;
            };
            let meter = |view: View, meters: &mut Vec<(String, View)>| {
                let fits = view.planes <= MAX_METER_PLANES && meters.len() < MAX_METERS;
                if fits {
                    meters.push((name.clone(), view));
                }
                fits
            };
            let open =
                found.is_none() && !graph.metadata.meters.contains(&name) && wanted.is_none_or(|wanted| wanted == name);
            match fact {
                Fact::Signal(signal) if self.is_audio(&signal) && open && refused.is_none() => {
                    found = Some((name, signal));
                }
                Fact::Signal(signal)
                    if self.is_audio(&signal)
                        && signal.view.planes <= 2
                        && wanted.is_none()
                        && found.is_some()
                        && !graph.metadata.meters.contains(&name) =>
                {
                    let first = found.as_ref().map_or("", |(first, _)| first.as_str());
                    return refuse(
                        Kind::AudioOutput,
                        format!(
                            "it has two audio outputs, `{first}` and `{name}`; name one in the metadata (`tonegraft.audio_output`), or those that are only shown (`tonegraft.meters`)"
                        ),
                    );
                }
                Fact::Signal(signal) if self.moves(&signal) && meter(signal.view, &mut meters) => {}
                Fact::Summary { of, .. } if meter(of.view, &mut meters) => {}
                Fact::Signal(signal) => {
                    let what = match self.rate(signal.view).hop() {
                        None => "a value that knobs decide".to_owned(),
                        Some(hop) if hop == self.ticks => "a further signal".to_owned(),
                        Some(hop) if hop < self.ticks => {
                            format!("a signal with {} values per sample", self.ticks / hop)
                        }
                        Some(hop) => format!("a value every {} samples", hop / self.ticks),
                    };
                    others.push((name, what));
                }
                Fact::Refused(error) | Fact::Summary { error, .. } => {
                    // The audio, if its shape says so.
                    let long = |dim: &Dim| dim.known().is_none_or(|n| n > 2);
                    if open && value.dtype == DType::F32 && (value.shape.is_empty() || value.shape.iter().any(long)) {
                        refused.get_or_insert(error);
                    } else {
                        others.push((name, format!("not played: {error}")));
                    }
                }
                Fact::Constant { state: Some(held), .. } if self.streams() => return Err(Stop::NotAState(held.id)),
                Fact::Constant { .. } => others.push((name, "always the same".into())),
                Fact::Position { .. } => others.push((name, "the position in the signal".into())),
                Fact::Kept(codes) => {
                    let what = self.describe_kept(&codes);
                    others.push((name, what));
                }
            }
        }
        let Some((name, output)) = found else {
            if let Some(error) = refused {
                return Err(Stop::Refused(error));
            }
            let reason = match wanted {
                Some(wanted) => {
                    format!("the metadata names `{wanted}` as audio output, but no audio output has that name")
                }
                None => {
                    let meters = meters.iter().map(|(name, view)| match self.rate(*view).hop() {
                        Some(hop) if hop > self.ticks => {
                            format!("`{name}` is a value every {} samples", hop / self.ticks)
                        }
                        Some(hop) if hop < self.ticks => {
                            format!("`{name}` is a signal with {} values per sample", self.ticks / hop)
                        }
                        _ => format!("`{name}` is {} values to show", view.planes),
                    });
                    let list: Vec<String> = (others.iter())
                        .map(|(name, what)| format!("`{name}` is {what}"))
                        .chain(meters)
                        .collect();
                    format!("it has no audio output: {}", list.join("; "))
                }
            };
            return refuse(Kind::AudioOutput, reason);
        };
        let used: BTreeSet<ValueId> = (self.kept.states().into_iter())
            .chain(self.memories.iter().map(|memory| memory.state))
            .collect();
        let states = (graph.inputs.iter())
            .filter(|id| **id != audio.id && used.contains(id))
            .map(|id| (graph.value(*id).name.clone(), paired.get(id).cloned()))
            .collect();
        Ok(Outputs {
            name,
            audio: output,
            states,
            meters,
            others,
        })
    }

    /// What goes back into the memories of states, at the end of each frame.
    fn store_memories(&mut self) -> Result<(), Stop> {
        for (number, memory) in self.memories.clone().into_iter().enumerate() {
            if let Some(delay) = memory.fed_back {
                self.feed_back(number, memory, delay)?;
                continue;
            }
            let Memory { state, next, .. } = memory;
            let name = &self.graph.value(next).name;
            let planes = match &self.facts[state.index()] {
                Some(Fact::Signal(signal)) => signal.view.planes,
                _ => 0,
            };
            match self.facts[next.index()].clone() {
                Some(Fact::Signal(signal)) if signal.view.planes == planes && self.moves(&signal) => {
                    let rate = self.rate(signal.view);
                    let start = if matches!(self.mode, Mode::Framed { whole: true, .. }) {
                        signal.timing.shift
                    } else {
                        i64::MIN
                    };
                    self.push_at(StreamOp::Store { number, start }, vec![signal.view], 0, rate);
                }
                Some(Fact::Refused(error)) => return Err(Stop::Refused(error)),
                _ => {
                    return refuse(
                        Kind::Output,
                        format!(
                            "output `{name}` cannot be the next value of state `{}`",
                            self.graph.value(state).name
                        ),
                    );
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(
        mut self,
        audio: &AudioInput,
        input: WireId,
        mut controls: Vec<Control>,
        control_wires: Vec<(WireId, Vec<usize>)>,
    ) -> Result<StreamGraph, Stop> {
        let Outputs {
            name,
            audio: mut output,
            states,
            meters,
            others,
        } = self.outputs(audio)?;
        let planes = self.wires[input.index()].planes;
        self.store_memories()?;
        let (late, hop_latency, stepwise_from) = match self.mode {
            Mode::Stream | Mode::Windows { .. } => {
                let missing = self.missing(&output);
                if missing > self.length / 2 && self.length > 2 {
                    return refuse(
                        Kind::AudioOutput,
                        format!(
                            "its output has {} frames where its input has {}",
                            output.timing.length, self.length
                        ),
                    );
                }
                (
                    output.timing.shift - missing * self.ticks,
                    self.slowest() - 1,
                    self.stepwise_from(),
                )
            }
            Mode::Framed { size, hop, whole } => {
                let channels = if output.view.planes.is_multiple_of(size) {
                    output.view.planes / size
                } else {
                    output.view.planes / hop
                };
                if whole {
                    // Frames that begin before the signal are none.
                    output.view = self.begin(output.view, output.timing.shift, &[], 0);
                }
                output = self.frame_output(&output, channels, hop)?;
                let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX / 4);
                (
                    output.timing.shift,
                    whole(size) - 1,
                    STEPWISE_HOP.min(whole(hop).saturating_mul(self.ticks)),
                )
            }
        };
        let (feeds, channels) = inputs::feeds(self.graph, audio, planes, output.view.planes, &mut controls)?;
        // Onto the audio's clock, and not before the input.
        let target = late.max(0).div_euclid(self.ticks) * self.ticks;
        let target = if target < late { target + self.ticks } else { target };
        if target > late {
            output = self.later(&output, target - late);
        }
        let latency = usize::try_from(target / self.ticks).unwrap_or(0);
        if latency > 0 && !matches!(self.mode, Mode::Framed { .. }) {
            output.view = self.begin(output.view, target, &[], 0);
        }
        if self.rate(output.view) != Rate::Frames(super::Clock::new(self.ticks, 0)) {
            return Err(Stop::shape("internal: the output is not on the audio's clock"));
        }
        let mut inferred = inputs::inferred(self.graph, audio, self.mode, &controls, &name);
        inferred.append(&mut self.notes);
        let hop_latency = usize::try_from(hop_latency / self.ticks).unwrap_or(0).min(latency);
        Ok(StreamGraph {
            ticks: self.ticks,
            stepwise_from,
            inferred,
            audio: (self.graph.value(audio.id).name.clone(), name),
            wires: self.wires,
            nodes: self.nodes,
            input: (input, feeds),
            channels,
            controls,
            control_wires,
            output,
            latency,
            hop_latency,
            pre_roll: usize::try_from((-self.earliest + self.ticks - 1).div_euclid(self.ticks)).unwrap_or(0),
            states,
            meters,
            other_outputs: others,
        })
    }

    /// Frames that the output has less than the input: they are missing at its beginning, unless the input was no multiple of
    /// the hop and its last part dropped.
    fn missing(&self, output: &Signal) -> i64 {
        let missing = (self.length - output.timing.length).max(0);
        let slowest = self.slowest() / self.ticks;
        if slowest > 1 && missing > 0 {
            let dropped = self.length.rem_euclid(slowest);
            return if missing >= dropped { missing - dropped } else { 0 };
        }
        missing
    }

    /// A hop that all clocks divide, in ticks, as far as it is a sensible number.
    fn slowest(&self) -> i64 {
        self.wires
            .iter()
            .filter_map(|wire| wire.rate.hop())
            .fold(self.ticks, |all, hop| {
                let common = all / gcd(all, hop);
                common
                    .checked_mul(hop)
                    .filter(|product| *product < 1 << 40)
                    .unwrap_or(all.max(hop))
            })
    }
}
