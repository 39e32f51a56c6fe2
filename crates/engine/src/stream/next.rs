//! Whether the outputs of a block are what its states have to be in the next.

use super::build::{Builder, Stop};
use super::facts::Fact;
use super::kept::{NOTHING, Role, Use, What, as_i64};
use super::shape::planes;
use super::{StreamOp, View, WireId};
use crate::error::{CompileError, CompileErrorKind as Kind};
use std::collections::{BTreeMap, HashSet};
use tonegraft_model::{Tensor, ValueId};

/// The most pairs of states and outputs that are compared where neither metadata nor names say which belong together.
const MAX_GUESSES: usize = 1 << 12;

/// The sample or unit that an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Root {
    State(i64),
    Frame(WireId, usize, i64),
    Cell(usize, i64),
    Nothing,
}

/// Finds what an element is; made once all operations are there.
struct Tracer<'a, 'b> {
    builder: &'a Builder<'b>,
    /// The operation that makes each wire.
    makers: Vec<Option<&'a StreamOp>>,
    inputs: Vec<&'a [View]>,
}

impl<'a, 'b> Tracer<'a, 'b> {
    fn new(builder: &'a Builder<'b>) -> Self {
        let mut makers = vec![None; builder.wires.len()];
        let mut inputs: Vec<&[View]> = vec![&[]; builder.wires.len()];
        for node in &builder.nodes {
            if let (Some(maker), Some(read)) =
                (makers.get_mut(node.output.index()), inputs.get_mut(node.output.index()))
            {
                (*maker, *read) = (Some(&node.op), &node.inputs);
            }
        }
        Self {
            builder,
            makers,
            inputs,
        }
    }

    /// What the frame at `tick` of a plane is, and for how many frames, at most `count`, the next ones follow from it.
    fn frame(&self, mut wire: WireId, mut plane: usize, mut tick: i64, hop: i64, count: usize) -> (Root, usize) {
        loop {
            let (operand, from) = match self.makers.get(wire.index()).copied().flatten() {
                Some(StreamOp::Delay(ticks)) => {
                    tick -= ticks;
                    (0, plane)
                }
                Some(StreamOp::Assemble(map)) => match map.get(plane) {
                    Some(place) => *place,
                    None => return (Root::Nothing, 1),
                },
                Some(StreamOp::Begin(prefix)) if tick >= prefix.until => (0, plane),
                Some(StreamOp::Begin(prefix)) => {
                    let left = (prefix.until - tick + hop - 1).div_euclid(hop.max(1));
                    let count = count.min(usize::try_from(left).unwrap_or(1)).max(1);
                    return self.before(wire, plane, tick, count);
                }
                _ => return (Root::Frame(wire, plane, tick), count),
            };
            let Some(view) = self.inputs.get(wire.index()).and_then(|inputs| inputs.get(operand)) else {
                return (Root::Nothing, 1);
            };
            (wire, plane) = (view.wire, view.first + from);
        }
    }

    /// The same before a signal's own beginning.
    fn before(&self, wire: WireId, plane: usize, tick: i64, count: usize) -> (Root, usize) {
        let past = self.builder.kept.uses.iter().find_map(|one| match one.role {
            Role::Past {
                joined,
                first,
                hop,
                length,
                ..
            } if joined.wire == wire => Some((one, first, hop, length)),
            _ => None,
        });
        let Some((one, first, hop, length)) = past else {
            return (Root::Frame(wire, plane, tick), count);
        };
        let index = usize::try_from((tick - first).div_euclid(hop)).ok();
        let codes = index.and_then(|index| one.codes.get(plane * length + index..(plane + 1) * length));
        match codes.and_then(|codes| Some((codes, *codes.first()?))) {
            Some((codes, code)) if code >= 0 => {
                let run = (codes.windows(2).take(count - 1)).take_while(|pair| pair[1] == pair[0] + 1);
                (Root::State(code), run.count() + 1)
            }
            _ => (Root::Nothing, 1),
        }
    }

    /// The same for a code, of which at most `count` follow each other.
    fn code(&self, code: i64, count: usize) -> (Root, usize) {
        if code < 0 {
            return (Root::Nothing, 1);
        }
        let Some((what, range)) = self.builder.kept.what(code) else {
            return (Root::Nothing, 1);
        };
        let at = code - range.start;
        match what {
            What::State(_) => (Root::State(code), count),
            What::Cells(layer) => (Root::Cell(layer, at), 1),
            What::Units { view, tick } => {
                let unit = usize::try_from(at).unwrap_or(0);
                (Root::Frame(view.wire, view.first + unit, tick), 1)
            }
            What::Frames {
                view,
                tick,
                hop,
                frames,
            } => {
                let (plane, frame) = (at / frames.max(1), at % frames.max(1));
                let count = count.min(usize::try_from(frames - frame).unwrap_or(1)).max(1);
                let plane = view.first + usize::try_from(plane).unwrap_or(0);
                self.frame(view.wire, plane, tick + frame * hop, hop, count)
            }
        }
    }

    /// What element `at` of a use must be in the next block; see [`Self::frame`].
    fn wanted(&self, one: &Use, at: usize) -> (Root, usize) {
        match one.role {
            Role::Past {
                joined,
                first,
                hop,
                length,
                block,
                ..
            } => {
                let (plane, frame) = (at / length.max(1), at % length.max(1));
                let tick = first + (as_i64(frame) + block) * hop;
                self.frame(joined.wire, joined.first + plane, tick, hop, length - frame)
            }
            Role::Hidden { view, tick } => (Root::Frame(view.wire, view.first + at, tick), 1),
            Role::Cell(layer) => (Root::Cell(layer, as_i64(at)), 1),
        }
    }

    /// Compares an output, as codes, with what state `id` must be next. The first difference, in words.
    fn differs(&self, id: ValueId, output: &[i64]) -> Option<String> {
        let own = self.builder.kept.codes_of(id)?;
        let name = &self.builder.graph.value(id).name;
        let advance = self.builder.length.saturating_mul(self.builder.ticks);
        for one in self.builder.kept.uses.iter().filter(|one| one.states.contains(&id)) {
            if let Role::Past { block, hop, .. } = one.role
                && block.saturating_mul(hop) != advance
            {
                return Some(format!(
                    "the signal that `{name}` is the past of is not as long as the block"
                ));
            }
            let mut at = 0;
            while let Some(code) = one.codes.get(at).copied() {
                if !own.contains(&code) {
                    at += 1;
                    continue;
                }
                let (wanted, run) = self.wanted(one, at);
                let next = usize::try_from(code - own.start).unwrap_or(usize::MAX);
                let given = output.get(next).copied().unwrap_or(NOTHING);
                // As far as elements of the state and codes of the output follow each other.
                let rest = (one.codes.get(at..).unwrap_or(&[]), output.get(next..).unwrap_or(&[]));
                let both = (rest.0.windows(2).zip(rest.1.windows(2)))
                    .take(run - 1)
                    .take_while(|(a, b)| a[1] == a[0] + 1 && b[1] == b[0] + 1);
                let (found, other) = self.code(given, both.count() + 1);
                if found != wanted || wanted == Root::Nothing {
                    return Some(match one.role {
                        Role::Past { length, .. } => {
                            let back = length - at % length.max(1);
                            format!(
                                "its element {next} is not frame {back} from the end of the signal that `{name}` is the past of"
                            )
                        }
                        Role::Hidden { .. } | Role::Cell(_) => {
                            format!("its element {next} is not the last state of the layer that starts from `{name}`")
                        }
                    });
                }
                at += run.min(other);
            }
        }
        None
    }

    /// True if an output has anything of what state `id` must be next.
    fn touches(&self, id: ValueId, output: &[i64]) -> bool {
        let Some(own) = self.builder.kept.codes_of(id) else {
            return false;
        };
        let wanted: HashSet<Root> = (self.builder.kept.uses.iter())
            .filter(|one| one.states.contains(&id))
            .flat_map(|one| one.codes.iter().enumerate().map(move |(at, code)| (one, at, code)))
            .filter(|(_, _, code)| own.contains(code))
            .map(|(one, at, _)| self.wanted(one, at).0)
            .filter(|root| *root != Root::Nothing)
            .collect();
        output.iter().any(|code| wanted.contains(&self.code(*code, 1).0))
    }
}

/// Which outputs are the next values of which states: `output → state`.
pub(super) type Next = BTreeMap<ValueId, ValueId>;

impl Builder<'_> {
    /// Pairs the states that the stream stands for with the outputs that are their next values, element by element.
    pub(super) fn next_values(&mut self) -> Result<Next, Stop> {
        let graph = self.graph;
        let states = self.kept.states();
        let mut next = Next::new();
        if states.is_empty() {
            return Ok(next);
        }
        let elements = |id: ValueId| {
            graph
                .value(id)
                .shape
                .iter()
                .map(|dim| dim.known().unwrap_or(1))
                .product::<usize>()
        };
        let sizes: HashSet<usize> = states.iter().map(|id| elements(*id)).collect();
        let mut given: Vec<(ValueId, Tensor)> = Vec::new();
        for id in &graph.outputs {
            let codes = match &self.facts[id.index()] {
                Some(Fact::Kept(codes)) => codes.clone(),
                Some(Fact::Constant { state: Some(held), .. }) => held.codes.clone(),
                Some(Fact::Signal(signal)) if self.moves(signal) => {
                    let (signal, hop) = (signal.clone(), self.hop(signal.view));
                    let count = usize::try_from(signal.timing.length).unwrap_or(usize::MAX);
                    if !sizes.contains(&planes(&signal.axes).saturating_mul(count)) {
                        continue;
                    }
                    self.kept.frames(&signal, hop)?
                }
                _ => continue,
            };
            given.push((*id, codes));
        }
        let tracer = Tracer::new(self);
        let mut guesses = 0;
        for state in states {
            let paired = self.pairs.iter().find(|(from, _)| *from == state).map(|(_, to)| *to);
            let codes = paired.and_then(|to| given.iter().find(|(id, _)| *id == to));
            let reason = match (paired, codes) {
                (Some(to), Some((_, codes))) if !next.contains_key(&to) => {
                    match tracer.differs(state, elements_of(codes)) {
                        None => {
                            next.insert(to, state);
                            continue;
                        }
                        reason => reason,
                    }
                }
                (Some(to), None) => match &self.facts[to.index()] {
                    Some(Fact::Refused(error)) => return Err(Stop::Refused(error.clone())),
                    _ => Some("it is neither made of frames nor the state of a layer".to_owned()),
                },
                _ => None,
            };
            let others = (given.iter())
                .filter(|(id, codes)| Some(*id) != paired && !next.contains_key(id) && codes.len() == elements(state));
            let mut found = None;
            for (id, codes) in others {
                guesses += 1;
                if guesses > MAX_GUESSES {
                    break;
                }
                if tracer.differs(state, elements_of(codes)).is_none() {
                    found = Some(*id);
                    break;
                }
            }
            // What only shapes tell, the samples tell better.
            let named = found.is_some()
                && tonegraft_model::states::named_pairs(graph)
                    .iter()
                    .any(|(from, _)| *from == state);
            match (found, paired) {
                (Some(id), _) if !named => {
                    next.insert(id, state);
                }
                (_, Some(to)) => {
                    return Err(not_next(
                        &graph.value(to).name,
                        &graph.value(state).name,
                        reason.as_deref(),
                    ));
                }
                _ => {
                    let part = (given.iter())
                        .find(|(id, codes)| !next.contains_key(id) && tracer.touches(state, elements_of(codes)));
                    if let Some((id, codes)) = part {
                        let reason = tracer.differs(state, elements_of(codes));
                        return Err(not_next(
                            &graph.value(*id).name,
                            &graph.value(state).name,
                            reason.as_deref(),
                        ));
                    }
                }
            }
        }
        Ok(next)
    }

    /// Refuses to play as free a block that has a beginning of its own beside the past that it is given: each block begins anew.
    pub(super) fn only_given_pasts(&self) -> Result<(), Stop> {
        let own = self.nodes.iter().find(|node| {
            let begins = matches!(node.op, StreamOp::Begin(_));
            begins && !self.kept.has_past(node.output)
        });
        match own {
            Some(node) if self.kept.any_past() => Err(Stop::not_streamable(format!(
                "`{}` pads each block, although states carry the past of other signals",
                node.name
            ))),
            _ => Ok(()),
        }
    }

    /// What an output is that is the next value of nothing.
    pub(super) fn describe_kept(&self, codes: &Tensor) -> String {
        let layers = (elements_of(codes).iter())
            .any(|code| matches!(self.kept.what(*code), Some((What::Cells(_) | What::Units { .. }, _))));
        if layers {
            // Of a layer that starts from a constant: nobody needs it to play on.
            "the last state of a layer".to_owned()
        } else {
            format!("{} values of the last frames of a signal", codes.len())
        }
    }
}

fn not_next(output: &str, state: &str, reason: Option<&str>) -> Stop {
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    Stop::Refused(CompileError::new(
        Kind::Output,
        format!("output `{output}` is not the next value of state `{state}`{reason}"),
    ))
}

/// The codes in row-major order.
fn elements_of(codes: &Tensor) -> &[i64] {
    codes.as_i64().unwrap_or(&[])
}
