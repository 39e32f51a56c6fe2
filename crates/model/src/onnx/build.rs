//! The graph under construction: each operator is inferred, folded or dropped as it is added.

use super::weights::Budget;
use super::work::work;
use crate::error::{ReadError, ReadErrorKind, Result, fail};
use crate::eval::{eval, eval_split};
use crate::graph::{Node, ValueId};
use crate::infer::{Fact, Facts, infer};
use crate::op::Op;
use crate::symbolic::SymInt;
use crate::tensor::Tensor;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// Most multiply-adds of one operator that is folded: about a tenth of a second.
const MAX_FOLDED_WORK: usize = 1 << 28;

pub(crate) struct Builder<'a> {
    pub budget: Budget<'a>,
    names: Names,
    pub labels: Vec<String>,
    pub facts: Vec<Fact>,
    pub nodes: Vec<Node>,
    /// What the file says of values by name, used behind operators that are not supported.
    pub declared: HashMap<String, Fact>,
    /// The file's element type of constants that were widened.
    codes: HashMap<ValueId, i32>,
    /// Constants that were found to be numbers; true where they are weights.
    pub checked: RefCell<HashSet<(ValueId, bool)>>,
}

/// Names that nodes can refer to. An inner graph sees those around it and may cover them until it ends.
#[derive(Default)]
struct Names {
    known: HashMap<String, (usize, ValueId)>,
    level: usize,
    /// What to put back, innermost last.
    covered: Vec<(String, Option<(usize, ValueId)>)>,
    /// How much of `covered` belongs to the levels around.
    marks: Vec<usize>,
}

/// The names of a caller, set aside while a function's body is read.
pub(super) struct Caller(Names);

impl<'a> Builder<'a> {
    pub(crate) fn new(budget: Budget<'a>) -> Self {
        Self {
            budget,
            names: Names::default(),
            labels: Vec::new(),
            facts: Vec::new(),
            nodes: Vec::new(),
            declared: HashMap::new(),
            codes: HashMap::new(),
            checked: RefCell::default(),
        }
    }

    pub(crate) fn fact(&self, id: ValueId) -> &Fact {
        &self.facts[id.index()]
    }

    /// A new wire that no name refers to yet.
    pub(crate) fn wire(&mut self, label: &str, fact: Fact) -> Result<ValueId> {
        let Ok(index) = u32::try_from(self.facts.len()) else {
            fail!(Limit, "it has too many values");
        };
        self.labels.push(label.to_owned());
        self.facts.push(fact);
        Ok(ValueId(index))
    }

    /// The wire called `name`.
    pub(crate) fn named(&self, name: &str) -> Option<ValueId> {
        self.names.known.get(name).map(|(_, id)| *id)
    }

    /// Begins an inner graph.
    pub(super) fn enter(&mut self) {
        self.names.marks.push(self.names.covered.len());
        self.names.level += 1;
    }

    /// Ends the innermost graph: its names are gone.
    pub(super) fn leave(&mut self) {
        let mark = self.names.marks.pop().unwrap_or(0);
        self.names.level = self.names.level.saturating_sub(1);
        for (name, before) in self.names.covered.drain(mark..).rev() {
            match before {
                Some(before) => self.names.known.insert(name, before),
                None => self.names.known.remove(&name),
            };
        }
    }

    /// Begins a function's body, which sees no names but its own.
    pub(super) fn call(&mut self) -> Caller {
        Caller(std::mem::take(&mut self.names))
    }

    /// Ends a function's body.
    pub(super) fn give_back(&mut self, caller: Caller) {
        self.names = caller.0;
    }

    /// Keeps the file's element type of a constant.
    pub(super) fn note_code(&mut self, id: ValueId, code: Option<i32>) {
        if let Some(code) = code {
            self.codes.insert(id, code);
        }
    }

    /// The file's element type of a constant, if it was given as a tensor.
    pub(super) fn code(&self, id: ValueId) -> Option<i32> {
        self.codes.get(&id).copied()
    }

    /// Gives `name` to a wire.
    pub(crate) fn bind(&mut self, name: &str, id: ValueId) -> Result<()> {
        let level = self.names.level;
        let before = self.names.known.insert(name.to_owned(), (level, id));
        if level > 0 {
            self.names.covered.push((name.to_owned(), before));
        }
        if before.is_some_and(|(defined, _)| defined == level) {
            let error = ReadError::new(
                ReadErrorKind::DuplicateName,
                "the name is defined twice, so the file is ambiguous; export the model again",
            );
            return Err(error.at_tensor(name));
        }
        Ok(())
    }

    /// A small constant made by the reader.
    pub(crate) fn constant(&mut self, label: &str, tensor: Tensor) -> Result<ValueId> {
        self.budget.book(tensor.shape())?;
        self.wire(label, Fact::constant(tensor))
    }

    /// Adds an operator; gives the wires of its outputs, which may be constants or the operator's own input.
    pub(crate) fn emit(
        &mut self,
        name: &str,
        op: Op,
        inputs: Vec<Option<ValueId>>,
        labels: &[String],
    ) -> Result<Vec<ValueId>> {
        let facts: Vec<Option<&Fact>> = inputs.iter().map(|id| id.map(|id| &self.facts[id.index()])).collect();
        let results = infer(&op, Facts(&facts), labels.len())?;
        let results = self.fold(&op, &inputs, results)?;
        if let Some(id) = self.unchanged(&op, &inputs, &results) {
            return Ok(vec![id]);
        }
        let foldable = results.iter().all(|fact| fact.constant.is_some());
        let mut ids = Vec::with_capacity(results.len());
        for (index, mut fact) in results.into_iter().enumerate().take(labels.len()) {
            if fact.opaque
                && let Some(declared) = self.declared.get(&labels[index])
            {
                fact = declared.clone();
            }
            ids.push(self.wire(&labels[index], fact)?);
        }
        if !foldable {
            let outputs = ids
                .iter()
                .map(|id| self.fact(*id).constant.is_none().then_some(*id))
                .collect();
            self.nodes.push(Node {
                name: name.to_owned(),
                op,
                inputs,
                outputs,
            });
        }
        Ok(ids)
    }

    /// Computes operators whose inputs are all constant.
    fn fold(&mut self, op: &Op, inputs: &[Option<ValueId>], results: Vec<Fact>) -> Result<Vec<Fact>> {
        let computed_elsewhere = matches!(
            op,
            Op::Conv { .. }
                | Op::ConvTranspose { .. }
                | Op::Lstm { .. }
                | Op::Gru { .. }
                | Op::Rnn { .. }
                | Op::Random { .. }
                | Op::Unsupported { .. }
        );
        if computed_elsewhere || results.iter().all(|fact| fact.constant.is_some()) {
            return Ok(results);
        }
        let mut arguments = Vec::with_capacity(inputs.len());
        for id in inputs {
            match id.map(|id| self.facts[id.index()].constant.clone()) {
                None => arguments.push(None),
                Some(Some(tensor)) => arguments.push(Some(tensor)),
                Some(None) => return Ok(results),
            }
        }
        let facts: Vec<Option<&Fact>> = inputs.iter().map(|id| id.map(|id| self.fact(id))).collect();
        match work(op, &facts, &results).filter(|work| *work <= MAX_FOLDED_WORK) {
            Some(work) => self.budget.book_work(work)?,
            None => return Ok(results),
        }
        for fact in &results {
            // Sizes that inference does not follow are booked below.
            if let Some(shape) = fact.known_shape() {
                self.budget.book_folded(&shape)?;
            }
        }
        let arguments: Vec<Option<&Tensor>> = arguments.iter().map(Option::as_deref).collect();
        let computed = match op {
            Op::Split { axis } => eval_split(*axis, &arguments, results.len()),
            _ => eval(op, &arguments),
        };
        match computed {
            Ok(tensors) => tensors
                .into_iter()
                .zip(&results)
                .map(|(tensor, fact)| {
                    if fact.known_shape().is_none() {
                        self.budget.book_folded(tensor.shape())?;
                    }
                    Ok(Fact::constant(tensor))
                })
                .collect(),
            Err(error) => fail!(Shape, "its inputs are constant, but it cannot be computed: {error}"),
        }
    }

    /// The input that `op` gives back as it is.
    fn unchanged(&self, op: &Op, inputs: &[Option<ValueId>], results: &[Fact]) -> Option<ValueId> {
        let id = inputs.first().copied().flatten()?;
        let (x, [y]) = (self.fact(id), results) else {
            return None;
        };
        let same = x.dtype == y.dtype && x.shape == y.shape && x.shape.iter().all(SymInt::is_determined);
        let all = |index: usize, value: i64| match inputs.get(index).copied().flatten() {
            None => true,
            Some(id) => self
                .fact(id)
                .elements()
                .is_some_and(|e| e.iter().all(|e| *e == SymInt::Known(value))),
        };
        let unchanged = match op {
            Op::Reshape { .. } | Op::Flatten { .. } | Op::Squeeze | Op::Unsqueeze | Op::Expand | Op::Tile => same,
            Op::Cast { to, .. } => x.dtype == *to,
            Op::Slice => same && all(4, 1),
            Op::Pad { .. } => same && all(1, 0),
            Op::Transpose { perm } => perm.iter().enumerate().all(|(index, axis)| index == *axis),
            Op::Concat { .. } | Op::Sum => inputs.len() == 1,
            Op::Split { .. } => same,
            _ => false,
        };
        (unchanged && !x.opaque).then_some(id)
    }
}
