//! What a block hands to the next: which elements of which states a stream's own memory stands for.
//!
//! A model that was exported for blocks takes the past of a signal as an input, puts it before the block's own samples, and
//! gives the newest of both as an output; or it takes and gives the state of a recurrent layer. Played as a stream, the layers
//! remember by themselves, which is the same only if each element of the output is the very sample, or unit, that the state's
//! element has to be in the next block. So each element of a state and of what is made of last frames is a *code*: layout
//! operators move codes as they move numbers, and in the end the codes are compared.

use super::build::{Builder, Stop, limit};
use super::facts::Fact;
use super::shape::{planes, size, time_axis};
use super::{Axis, Signal, View, WireId};
use std::collections::BTreeSet;
use tonegraft_model::{Node, Op, Tensor, ValueId};

/// The most codes of a model.
const MAX_CODES: i64 = 1 << 22;

/// The most codes that layout operators move and that stand before signals.
const MAX_MOVED: usize = 1 << 23;

/// The code of what is neither part of a state nor of a signal.
pub(super) const NOTHING: i64 = -1;

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
pub(super) enum What {
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
pub(super) enum Role {
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
pub(super) struct Use {
    pub codes: Vec<i64>,
    pub role: Role,
    /// Those whose elements are among the codes.
    pub states: Vec<ValueId>,
}

/// Codes, and what states are used as.
#[derive(Debug, Default)]
pub(super) struct Kept {
    ranges: Vec<(i64, What)>,
    next: i64,
    moved: usize,
    pub uses: Vec<Use>,
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
    pub fn what(&self, code: i64) -> Option<(What, std::ops::Range<i64>)> {
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
    pub fn codes_of(&self, id: ValueId) -> Option<std::ops::Range<i64>> {
        let is = |what: &What| matches!(what, What::State(state) if *state == id);
        let (first, _) = self.ranges.iter().find(|(_, what)| is(what))?;
        self.what(*first).map(|(_, range)| range)
    }

    /// The states that are used.
    pub fn states(&self) -> BTreeSet<ValueId> {
        self.uses.iter().flat_map(|one| one.states.iter().copied()).collect()
    }
}

pub(super) fn as_i64(n: usize) -> i64 {
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
