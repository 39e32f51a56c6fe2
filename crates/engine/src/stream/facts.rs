//! What the values of a model's graph are in time, and asking for it.

use super::Signal;
use super::build::{Builder, Stop};
use super::kept::Held;
use crate::error::CompileError;
use std::sync::Arc;
use tonegraft_model::{Node, SymInt, Tensor, ValueId};

/// The length of an open signal: longer than any, and a multiple of any hop with factors up to 13.
pub(super) const VIRTUAL_LENGTH: i64 = (1 << 32) * 27 * 25 * 7 * 11 * 13;

/// Sizes from here on follow from the length of an open signal: no file fixes so long an axis.
pub(super) const LONG: i64 = 1 << 30;

/// What a value is in time.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    /// Always the same; `state` if it is (a layout of) a state input's start value.
    Constant { tensor: Tensor, state: Option<Held> },
    /// Changes with time or knobs.
    Signal(Signal),
    /// The index of the frame plus something: `n + offset + signal`, whole if `whole`.
    Position {
        offset: f64,
        plus: Option<Signal>,
        whole: bool,
    },
    /// Last frames of signals and last states of recurrent layers, as codes: only good for the next value of a state.
    Kept(Tensor),
    /// One number for the whole signal, its largest magnitude or the like: good to be shown, for which the signal itself serves.
    Summary { of: Signal, error: CompileError },
    /// Cannot be played, which matters if the audio depends on it.
    Refused(CompileError),
}

/// Constant floats: shape and values.
pub(super) type Floats = (Vec<usize>, Arc<[f32]>);

impl Builder<'_> {
    /// The fact of input `at` of `node`; `None` if it is left out.
    pub fn fact(&self, node: &Node, at: usize) -> Result<Option<Fact>, Stop> {
        let Some(id) = node.inputs.get(at).copied().flatten() else {
            return Ok(None);
        };
        if let Some(tensor) = self.graph.constant(id) {
            return Ok(Some(Fact::Constant {
                tensor: tensor.clone(),
                state: None,
            }));
        }
        // What the reader followed back to sizes is exact, also where the file computes with floats in between.
        if let Some(tensor) = self.sizes_of(id) {
            return Ok(Some(Fact::Constant { tensor, state: None }));
        }
        match &self.facts[id.index()] {
            Some(Fact::Refused(error) | Fact::Summary { error, .. }) => Err(Stop::Refused(error.clone())),
            Some(fact) => Ok(Some(fact.clone())),
            None => Err(Stop::not_streamable(format!(
                "its input `{}` depends on the length of the whole signal",
                self.graph.value(id).name
            ))),
        }
    }

    /// The integers of a value that the reader followed back to sizes.
    fn sizes_of(&self, id: ValueId) -> Option<Tensor> {
        let value = self.graph.value(id);
        let terms = value.symbolic.as_ref()?;
        let numbers: Option<Vec<i64>> = terms
            .iter()
            .map(|term| match term {
                SymInt::Known(value) => Some(*value),
                SymInt::Affine(term) if self.length_symbol.as_deref() == Some(term.symbol()) => term.eval(self.length),
                // Other open sizes are batches, of which there is one.
                SymInt::Affine(term) => term.eval(1),
                SymInt::Unknown => None,
            })
            .collect();
        let shape: Option<Vec<usize>> = value.shape.iter().map(tonegraft_model::Dim::known).collect();
        Tensor::i64(shape?, numbers?)
    }

    /// Input `at` as a constant tensor.
    pub fn constant(&self, node: &Node, at: usize) -> Result<Option<Tensor>, Stop> {
        match self.fact(node, at)? {
            None => Ok(None),
            Some(Fact::Constant { tensor, state: None }) => Ok(Some(tensor)),
            Some(Fact::Constant { state: Some(held), .. }) => Err(Stop::NotAState(held.id)),
            Some(_) => Err(Stop::not_streamable(format!(
                "input {at} changes while playing; only constants are possible there"
            ))),
        }
    }

    /// Input `at` as constant floats with their shape.
    pub fn floats(&self, node: &Node, at: usize) -> Result<Option<Floats>, Stop> {
        self.constant(node, at)?
            .map(|tensor| {
                let values = tensor
                    .as_f32()
                    .ok_or_else(|| Stop::shape(format!("input {at} is no float")))?;
                Ok((tensor.shape().to_vec(), values.into()))
            })
            .transpose()
    }

    /// Input `at` as constant integers; those that follow from the signal's length are huge where that is open.
    pub fn integers(&self, node: &Node, at: usize) -> Result<Option<Vec<i64>>, Stop> {
        self.constant(node, at)?
            .map(|tensor| {
                tensor
                    .as_i64()
                    .map(<[i64]>::to_vec)
                    .ok_or_else(|| Stop::shape(format!("input {at} is no integer")))
            })
            .transpose()
    }

    /// Input `at` as a signal that changes with time or knobs.
    pub fn signal(&mut self, node: &Node, at: usize) -> Result<Signal, Stop> {
        match self.fact(node, at)? {
            Some(Fact::Signal(signal)) => Ok(signal),
            Some(Fact::Constant { state: Some(held), .. }) => Err(Stop::NotAState(held.id)),
            Some(_) => Err(Stop::not_streamable(format!("input {at} is no signal"))),
            None => Err(Stop::shape(format!("input {at} is missing"))),
        }
    }

    /// Input `at` as a signal, also if it is constant.
    pub fn operand(&mut self, node: &Node, at: usize) -> Result<Signal, Stop> {
        match self.fact(node, at)? {
            Some(Fact::Constant { tensor, state: None }) => self.constant_operand(&tensor, tensor.rank(), None, None),
            Some(Fact::Position { offset, plus, .. }) => self.position_signal(offset, plus),
            _ => self.signal(node, at),
        }
    }
}
