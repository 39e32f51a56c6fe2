//! What a block hands to the next: which elements of which states a stream's own memory stands for, and whether the outputs
//! that are to be their next values are just that.
//!
//! A model that was exported for blocks takes the past of a signal as an input, puts it before the block's own samples, and
//! gives the newest of both as an output; or it takes and gives the state of a recurrent layer. Played as a stream, the layers
//! remember by themselves, which is the same only if each element of the output is the very sample, or unit, that the state's
//! element has to be in the next block. So each element of a state and of what is made of last frames is a *code*: layout
//! operators move codes as they move numbers, and in the end the codes are compared.

use super::build::{Builder, Stop, limit};
use super::facts::Fact;
use super::shape::{planes, size, time_axis};
use super::{Axis, Signal, StreamOp, View, WireId};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use tonegraft_model::{Node, Op, Tensor, ValueId};

/// The most codes of a model.
const MAX_CODES: i64 = 1 << 22;

/// The most codes that layout operators move and that stand before signals.
const MAX_MOVED: usize = 1 << 23;

/// The most pairs of states and outputs that are compared where neither metadata nor names say which belong together.
const MAX_GUESSES: usize = 1 << 12;

/// The code of what is neither part of a state nor of a signal.
const NOTHING: i64 = -1;

/// A state's start value, or a layout of one.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// The state; the first, if it is a layout of several.
    pub id: ValueId,
    /// The code of each element.
    pub codes: Tensor,
}

/// What a range of codes stands for.
#[derive(Clone, Copy, Debug)]
enum What {
    /// Elements of a state in row-major order.
    State(ValueId),
    /// Frames of planes, `[planes, frames]`, the first one at `tick`.
    Frames {
        view: View,
        tick: i64,
        hop: i64,
        frames: i64,
    },
    /// A frame, at `tick`, of the output of a recurrent layer: its last hidden state.
    Units { view: View, tick: i64 },
    /// The last cell states of the recurrent layer that is this node.
    Cells(usize),
}

/// What a state is used as.
#[derive(Clone, Copy, Debug)]
enum Role {
    /// Frames before `source`, `[planes, length]`; `joined` has both, its first frame is at `first`.
    Past {
        source: View,
        joined: View,
        first: i64,
        hop: i64,
        length: usize,
        /// Frames of the signal in one block.
        block: i64,
    },
    /// Start value of the layer whose output is `view` with the last frame at `tick`.
    Hidden { view: View, tick: i64 },
    /// Start value of the cells of the layer that is this node.
    Cell(usize),
}

#[derive(Debug)]
struct Use {
    codes: Vec<i64>,
    role: Role,
    /// Those whose elements are among the codes.
    states: Vec<ValueId>,
}

/// The sample or unit that an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Root {
    State(i64),
    Frame(WireId, usize, i64),
    Cell(usize, i64),
    Nothing,
}

/// Codes, and what states are used as.
#[derive(Debug, Default)]
pub(super) struct Kept {
    ranges: Vec<(i64, What)>,
    next: i64,
    moved: usize,
    uses: Vec<Use>,
}

impl Kept {
    /// Codes for `shape`.
    fn claim(&mut self, what: What, count: i64) -> Result<i64, Stop> {
        let first = self.next;
        if count > MAX_CODES - first {
            return Err(limit(format!(
                "states and last frames have more than {MAX_CODES} elements together"
            )));
        }
        self.next += count;
        self.ranges.push((first, what));
        Ok(first)
    }

    /// Codes for the elements of state `id`.
    pub fn state(&mut self, id: ValueId, shape: &[usize]) -> Result<Tensor, Stop> {
        let count = shape
            .iter()
            .try_fold(1i64, |n, size| n.checked_mul(i64::try_from(*size).ok()?));
        let count = count.unwrap_or(i64::MAX);
        let first = self.claim(What::State(id), count)?;
        tensor(shape.to_vec(), (first..first + count).collect())
    }

    /// Codes for the last hidden states, `view` at `tick`, of a layer, and for the last cell states if it is node `cells`.
    pub fn last(&mut self, shape: &[usize], (view, tick): (View, i64), cells: Option<usize>) -> Result<Tensor, Stop> {
        let count = as_i64(view.planes);
        let what = cells.map_or(What::Units { view, tick }, What::Cells);
        let first = self.claim(what, count)?;
        tensor(shape.to_vec(), (first..first + count).collect())
    }

    /// Codes for all frames of a signal, or for one of what does not move.
    pub fn frames(&mut self, signal: &Signal, hop: i64) -> Result<Tensor, Stop> {
        let time = time_axis(&signal.axes);
        let frames = if time.is_some() { signal.timing.length.max(0) } else { 1 };
        let features = i64::try_from(planes(&signal.axes)).unwrap_or(i64::MAX);
        let what = What::Frames {
            view: signal.view,
            tick: signal.timing.shift,
            hop,
            frames,
        };
        let first = self.claim(what, features.saturating_mul(frames))?;
        let at = time.unwrap_or(signal.axes.len());
        let inner = signal.axes.get(at..).map_or(1, planes);
        let outer = signal.axes.get(..at).map_or(1, planes);
        let (inner, outer) = (as_i64(inner), as_i64(outer));
        let mut codes = Vec::new();
        for o in 0..outer {
            for t in 0..frames {
                codes.extend((0..inner).map(|i| first + (o * inner + i) * frames + t));
            }
        }
        let length = usize::try_from(frames).unwrap_or(0);
        let shape = (signal.axes.iter())
            .map(|axis| if *axis == Axis::Time { length } else { size(*axis) })
            .collect();
        tensor(shape, codes)
    }

    /// What the code stands for, and the codes of that.
    fn what(&self, code: i64) -> Option<(What, std::ops::Range<i64>)> {
        let at = self
            .ranges
            .partition_point(|(first, _)| *first <= code)
            .checked_sub(1)?;
        let (first, what) = self.ranges.get(at)?;
        let end = self.ranges.get(at + 1).map_or(self.next, |(next, _)| *next);
        Some((*what, *first..end)).filter(|(_, range)| range.contains(&code))
    }

    /// Counts what costs memory.
    fn spend(&mut self, codes: usize) -> Result<(), Stop> {
        self.moved = self.moved.saturating_add(codes);
        if self.moved > MAX_MOVED {
            return Err(limit(format!(
                "more than {MAX_MOVED} elements of states are moved or stand before signals"
            )));
        }
        Ok(())
    }

    /// True if the wire is a signal with a state before it.
    pub fn has_past(&self, wire: WireId) -> bool {
        (self.uses.iter()).any(|one| matches!(one.role, Role::Past { joined, .. } if joined.wire == wire))
    }

    /// True if a state is the past of a signal.
    pub fn any_past(&self) -> bool {
        self.uses.iter().any(|one| matches!(one.role, Role::Past { .. }))
    }

    /// The signal that has these codes before `source` already.
    pub fn joined(&self, wanted: View, wanted_codes: &[i64]) -> Option<View> {
        self.uses.iter().find_map(|one| match one.role {
            Role::Past { source, joined, .. } if source == wanted && one.codes == wanted_codes => Some(joined),
            _ => None,
        })
    }

    /// A state stands before a signal of `block` frames in each block: `joined` begins at tick `first` with `codes`,
    /// `[planes, length]`.
    pub fn past(
        &mut self,
        codes: Vec<i64>,
        (source, joined): (View, View),
        (first, hop): (i64, i64),
        block: i64,
    ) -> Result<(), Stop> {
        let length = codes.len() / joined.planes.max(1);
        let role = Role::Past {
            source,
            joined,
            first,
            hop,
            length,
            block,
        };
        self.used(codes, role)
    }

    /// A layer, output `view`, the last frame at `tick`, starts from a state: the cells, if it is node `cells`.
    pub fn start(&mut self, codes: &[i64], (view, tick): (View, i64), cells: Option<usize>) -> Result<(), Stop> {
        let role = cells.map_or(Role::Hidden { view, tick }, Role::Cell);
        self.used(codes.to_vec(), role)
    }

    fn used(&mut self, codes: Vec<i64>, role: Role) -> Result<(), Stop> {
        self.spend(codes.len())?;
        let mut states = Vec::new();
        let mut known = 0..0;
        for code in &codes {
            // Elements of one state mostly follow each other.
            if known.contains(code) {
                continue;
            }
            let Some((What::State(id), range)) = self.what(*code) else {
                continue;
            };
            known = range;
            if !states.contains(&id) {
                states.push(id);
            }
        }
        self.uses.push(Use { codes, role, states });
        Ok(())
    }

    /// The codes of state `id`.
    fn codes_of(&self, id: ValueId) -> Option<std::ops::Range<i64>> {
        let is = |what: &What| matches!(what, What::State(state) if *state == id);
        let (first, _) = self.ranges.iter().find(|(_, what)| is(what))?;
        self.what(*first).map(|(_, range)| range)
    }

    /// The states that are used.
    pub fn states(&self) -> BTreeSet<ValueId> {
        self.uses.iter().flat_map(|one| one.states.iter().copied()).collect()
    }
}

fn as_i64(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn tensor(shape: Vec<usize>, codes: Vec<i64>) -> Result<Tensor, Stop> {
    Tensor::i64(shape, codes).ok_or_else(|| Stop::shape("a state has an impossible size"))
}

/// Operators that only move values: a state stays a state through them.
pub(super) fn is_layout(op: &Op) -> bool {
    matches!(
        op,
        Op::Slice
            | Op::Squeeze
            | Op::Unsqueeze
            | Op::Reshape { .. }
            | Op::Flatten { .. }
            | Op::Transpose { .. }
            | Op::Concat { .. }
            | Op::Split { .. }
            | Op::Gather { .. }
            | Op::Cast { .. }
    )
}

impl Builder<'_> {
    /// The codes of what a layout operator makes of codes.
    pub(super) fn move_codes(&mut self, node: &Node, facts: &[Option<Fact>]) -> Result<Vec<Tensor>, Stop> {
        let refuse = || Stop::not_streamable("it works on the last frames only, which have no place in a stream");
        if !is_layout(&node.op) {
            return Err(refuse());
        }
        let all = matches!(node.op, Op::Concat { .. });
        let mut operands = Vec::new();
        for (at, fact) in facts.iter().enumerate() {
            operands.push(match fact {
                None => None,
                Some(Fact::Kept(codes)) if at == 0 || all => Some(codes.clone()),
                Some(Fact::Constant { state: Some(held), .. }) if at == 0 || all => Some(held.codes.clone()),
                Some(Fact::Constant { tensor: values, .. }) if all => {
                    Some(tensor(values.shape().to_vec(), vec![NOTHING; values.len()])?)
                }
                Some(Fact::Signal(signal)) if all => Some(self.kept.frames(signal, self.hop(signal.view))?),
                Some(Fact::Constant { tensor, state: None }) if at > 0 => Some(tensor.clone()),
                _ => return Err(refuse()),
            });
        }
        if matches!(node.op, Op::Cast { .. }) {
            return Ok(operands.into_iter().flatten().take(1).collect());
        }
        self.kept.spend(operands.iter().flatten().map(Tensor::len).sum())?;
        let operands: Vec<Option<&Tensor>> = operands.iter().map(Option::as_ref).collect();
        self.fold(node, &operands)
    }
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
        let mut given: Vec<(ValueId, Vec<i64>)> = Vec::new();
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
            given.push((*id, codes.as_i64().unwrap_or(&[]).to_vec()));
        }
        let tracer = Tracer::new(self);
        let mut guesses = 0;
        for state in states {
            let paired = self.pairs.iter().find(|(from, _)| *from == state).map(|(_, to)| *to);
            let codes = paired.and_then(|to| given.iter().find(|(id, _)| *id == to));
            let reason = match (paired, codes) {
                (Some(to), Some((_, codes))) if !next.contains_key(&to) => match tracer.differs(state, codes) {
                    None => {
                        next.insert(to, state);
                        continue;
                    }
                    reason => reason,
                },
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
                if tracer.differs(state, codes).is_none() {
                    found = Some(*id);
                    break;
                }
            }
            let declared = |id: ValueId| {
                graph
                    .metadata
                    .states
                    .iter()
                    .any(|(input, _)| *input == graph.value(id).name)
            };
            match (found, paired) {
                (Some(id), _) if !declared(state) => {
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
                    let part =
                        (given.iter()).find(|(id, codes)| !next.contains_key(id) && tracer.touches(state, codes));
                    if let Some((id, codes)) = part {
                        let reason = tracer.differs(state, codes);
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
        let layers = (codes.as_i64().unwrap_or(&[]).iter())
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
    Stop::Refused(crate::error::CompileError::new(
        crate::error::CompileErrorKind::Output,
        format!("output `{output}` is not the next value of state `{state}`{reason}"),
    ))
}
