//! What a wire is made of, as far as it is a sum of matrix products and constants.

use super::super::build::Builder;
use crate::graph::{Node, ValueId};
use crate::op::{Binary, Op, Unary};
use crate::symbolic::SymInt;
use crate::tensor::{DType, Tensor};
use std::collections::HashMap;

/// Most terms of a sum, and most operators between it and a term.
const MOST: usize = 16;

/// A graph to look at.
pub(super) struct View<'a, 'l> {
    pub builder: &'a Builder<'l>,
    pub nodes: &'a [Node],
    /// Which node and which of its outputs a wire is.
    pub producers: HashMap<ValueId, (usize, usize)>,
}

/// A constant matrix, `[inputs, outputs]` unless it is transposed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Weight {
    pub id: ValueId,
    pub transposed: bool,
}

/// One part of a sum. Columns `first .. first + width` of it are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Term {
    /// A wire, times a matrix if there is one.
    Wire {
        id: ValueId,
        weight: Option<Weight>,
        first: usize,
    },
    /// A constant vector.
    Constant { id: ValueId, first: usize },
}

/// A sum of `width` columns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Form {
    pub terms: Vec<Term>,
    pub width: usize,
}

/// Where one item of a sequence comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Item {
    pub sequence: ValueId,
    pub axis: usize,
    pub index: usize,
}

impl<'a, 'l> View<'a, 'l> {
    pub(super) fn new(builder: &'a Builder<'l>, nodes: &'a [Node]) -> Self {
        let producers = nodes
            .iter()
            .enumerate()
            .flat_map(|(index, node)| {
                let outputs = node.outputs.iter().enumerate();
                outputs.filter_map(move |(output, id)| Some(((*id)?, (index, output))))
            })
            .collect();
        Self {
            builder,
            nodes,
            producers,
        }
    }

    pub(super) fn shape(&self, id: ValueId) -> Option<Vec<usize>> {
        self.builder.fact(id).known_shape()
    }

    pub(super) fn count(&self, id: ValueId) -> Option<usize> {
        crate::tensor::elements(&self.shape(id)?)
    }

    fn width(&self, id: ValueId) -> Option<usize> {
        self.shape(id)?.last().copied()
    }

    pub(super) fn constant(&self, id: ValueId) -> Option<&Tensor> {
        self.builder.fact(id).constant.as_deref()
    }

    pub(super) fn producer(&self, id: ValueId) -> Option<(&'a Node, usize)> {
        let (node, output) = self.producers.get(&id)?;
        Some((self.nodes.get(*node)?, *output))
    }

    pub(super) fn input(&self, node: &Node, index: usize) -> Option<ValueId> {
        node.inputs.get(index).copied().flatten()
    }

    /// The wire behind operators that only change the shape, not the order of elements.
    pub(super) fn peel(&self, id: ValueId) -> ValueId {
        let mut id = id;
        for _ in 0..MOST {
            let Some((node, _)) = self.producer(id) else { break };
            let keeps = match &node.op {
                Op::Reshape { .. } | Op::Flatten { .. } | Op::Squeeze | Op::Unsqueeze => true,
                Op::Transpose { perm } => self.input(node, 0).and_then(|x| self.shape(x)).is_some_and(|shape| {
                    let moved: Vec<usize> = (perm.iter().copied())
                        .filter(|axis| shape.get(*axis).is_some_and(|size| *size != 1))
                        .collect();
                    moved.is_sorted()
                }),
                _ => false,
            };
            match self.input(node, 0).filter(|_| keeps) {
                Some(before) => id = before,
                None => break,
            }
        }
        id
    }

    /// The unary function whose result `id` is, and its argument.
    pub(super) fn unary(&self, id: ValueId) -> Option<(Unary, ValueId)> {
        let (node, _) = self.producer(self.peel(id))?;
        match node.op {
            Op::Unary(unary) => Some((unary, self.input(node, 0)?)),
            _ => None,
        }
    }

    /// The argument, if `id` is the result of `wanted`.
    pub(super) fn applied(&self, wanted: Unary, id: ValueId) -> Option<ValueId> {
        self.unary(id).filter(|(unary, _)| *unary == wanted).map(|(_, x)| x)
    }

    /// The arguments, if `id` is the result of `wanted`.
    pub(super) fn both(&self, wanted: Binary, id: ValueId) -> Option<[ValueId; 2]> {
        let (node, _) = self.producer(self.peel(id))?;
        (node.op == Op::Binary(wanted))
            .then(|| Some([self.input(node, 0)?, self.input(node, 1)?]))
            .flatten()
    }

    /// A constant integer input of one element.
    fn int(&self, node: &Node, index: usize) -> Option<i64> {
        match self.constant(self.input(node, index)?)?.as_i64() {
            Some([value]) => Some(*value),
            _ => None,
        }
    }

    /// Axis and first index, if `id` is one place of a sequence.
    pub(super) fn item(&self, id: ValueId) -> Option<Item> {
        let (node, output) = self.producer(self.peel(id))?;
        let sequence = self.input(node, 0)?;
        let shape = self.shape(sequence)?;
        let wrap = |value: i64, size: usize| {
            usize::try_from(if value < 0 {
                value.checked_add(size as i64)?
            } else {
                value
            })
            .ok()
        };
        let (axis, index) = match &node.op {
            Op::Gather { axis } => (*axis, wrap(self.int(node, 1)?, *shape.get(*axis)?)?),
            Op::Slice => {
                let axis = match self.input(node, 3) {
                    Some(_) => wrap(self.int(node, 3)?, shape.len())?,
                    None => 0,
                };
                let size = *shape.get(axis)?;
                let one = match self.input(node, 4) {
                    Some(_) => self.int(node, 4)? == 1,
                    None => true,
                };
                let (start, end) = (wrap(self.int(node, 1)?, size)?, self.int(node, 2)?);
                let end = if end < 0 {
                    wrap(end, size)?
                } else {
                    usize::try_from(end).ok()?.min(size)
                };
                if !one || end != start + 1 {
                    return None;
                }
                (axis, start)
            }
            Op::Split { axis } => {
                let sizes = self.constant(self.input(node, 1)?)?.as_i64()?;
                if sizes.iter().any(|size| *size != 1) {
                    return None;
                }
                (*axis, output)
            }
            _ => return None,
        };
        (index < *shape.get(axis)?).then_some(Item { sequence, axis, index })
    }

    /// `id` as a sum.
    pub(super) fn form(&self, id: ValueId) -> Option<Form> {
        let width = self.width(id)?;
        let mut terms = Vec::new();
        self.collect(id, 0, width, MOST, &mut terms)?;
        Some(Form { terms, width })
    }

    /// `None` if there are too many terms.
    fn collect(&self, id: ValueId, first: usize, width: usize, depth: usize, terms: &mut Vec<Term>) -> Option<()> {
        if terms.len() >= MOST || depth == 0 || self.builder.fact(id).dtype != DType::F32 {
            return None;
        }
        let whole = self.width(id)?;
        if self.constant(id).is_some() {
            // A vector, or one repeated for nobody: all leading axes are 1.
            return (self.count(id)? == whole && first + width <= whole)
                .then(|| terms.push(Term::Constant { id, first }));
        }
        let leaf = |terms: &mut Vec<Term>| {
            terms.push(Term::Wire {
                id: self.peel(id),
                weight: None,
                first,
            });
            Some(())
        };
        let Some((node, output)) = self.producer(id) else {
            return leaf(terms);
        };
        let x = self.input(node, 0)?;
        match &node.op {
            Op::Binary(Binary::Add) => {
                let y = self.input(node, 1)?;
                // Each is as wide as the sum; what is no constant has all of its rows.
                let fits = |part: ValueId| {
                    self.width(part) == Some(whole)
                        && (self.constant(part).is_some() || self.count(part) == self.count(id))
                };
                if !fits(x) || !fits(y) {
                    return leaf(terms);
                }
                self.collect(x, first, width, depth - 1, terms)?;
                self.collect(y, first, width, depth - 1, terms)
            }
            Op::MatMul => match self.matrix(self.input(node, 1)?, false) {
                Some((weight, [_, outputs])) if outputs == whole => {
                    terms.push(Term::Wire {
                        id: self.peel(x),
                        weight: Some(weight),
                        first,
                    });
                    Some(())
                }
                _ => leaf(terms),
            },
            Op::Gemm {
                alpha: 1.0,
                beta: 1.0,
                trans_a: false,
                trans_b,
            } => {
                let Some((weight, _)) = self.matrix(self.input(node, 1)?, *trans_b) else {
                    return leaf(terms);
                };
                terms.push(Term::Wire {
                    id: self.peel(x),
                    weight: Some(weight),
                    first,
                });
                match self.input(node, 2) {
                    Some(bias) if self.constant(bias).is_some() && self.width(bias) == Some(whole) => {
                        self.collect(bias, first, width, depth - 1, terms)
                    }
                    Some(_) => None,
                    None => Some(()),
                }
            }
            Op::Split { axis } if self.shape(x)?.len() == axis + 1 => {
                let sizes = self.constant(self.input(node, 1)?)?.as_i64()?;
                let before: i64 = sizes.get(..output)?.iter().sum();
                let before = usize::try_from(before).ok()?;
                self.collect(x, first.checked_add(before)?, width, depth - 1, terms)
            }
            Op::Slice if self.columns(node).is_some() => {
                let before = self.columns(node)?;
                self.collect(x, first.checked_add(before)?, width, depth - 1, terms)
            }
            Op::Reshape { .. } | Op::Flatten { .. } | Op::Squeeze | Op::Unsqueeze if self.width(x) == Some(whole) => {
                self.collect(x, first, width, depth - 1, terms)
            }
            _ => leaf(terms),
        }
    }

    /// The first column, if `node` slices the last axis alone, with step 1.
    fn columns(&self, node: &Node) -> Option<usize> {
        let shape = self.shape(self.input(node, 0)?)?;
        let axis = self.int(node, 3)?;
        let last = axis == -1 || usize::try_from(axis).ok()? + 1 == shape.len();
        let plain = match self.input(node, 4) {
            Some(_) => self.int(node, 4)? == 1,
            None => true,
        };
        let start = self.int(node, 1)?;
        let start = if start < 0 {
            start.checked_add(*shape.last()? as i64)?
        } else {
            start
        };
        usize::try_from(start).ok().filter(|_| last && plain)
    }

    /// A constant matrix and its sizes `[inputs, outputs]`.
    fn matrix(&self, id: ValueId, transposed: bool) -> Option<(Weight, [usize; 2])> {
        let tensor = self.constant(id)?;
        tensor.as_f32()?;
        match *tensor.shape() {
            [outputs, inputs] if transposed => Some((Weight { id, transposed }, [inputs, outputs])),
            [inputs, outputs] => Some((Weight { id, transposed }, [inputs, outputs])),
            _ => None,
        }
    }

    /// Elements `first .. first + width` of a constant vector, added to `sum`.
    pub(super) fn add_constant(&self, id: ValueId, first: usize, sum: &mut [f32]) -> Option<()> {
        let data = self.constant(id)?.as_f32()?.get(first..first.checked_add(sum.len())?)?;
        sum.iter_mut().zip(data).for_each(|(sum, value)| *sum += value);
        Some(())
    }

    /// The arguments, if `id` itself is a sum of two.
    pub(super) fn sum(&self, id: ValueId) -> Option<[ValueId; 2]> {
        let (node, _) = self.producer(id)?;
        (node.op == Op::Binary(Binary::Add))
            .then(|| Some([self.input(node, 0)?, self.input(node, 1)?]))
            .flatten()
    }

    /// What is multiplied with a constant matrix, if `id` itself is such a product.
    pub(super) fn product(&self, id: ValueId) -> Option<(ValueId, Weight)> {
        let (node, _) = self.producer(id)?;
        if node.op != Op::MatMul {
            return None;
        }
        let (weight, _) = self.matrix(self.input(node, 1)?, false)?;
        Some((self.input(node, 0)?, weight))
    }

    /// Adds columns `first ..` of a weight to `rows` of `inputs` numbers each: the ONNX layout of a gate.
    pub(super) fn add_matrix(&self, weight: Weight, first: usize, rows: &mut [f32], inputs: usize) -> Option<()> {
        let (_, [have, outputs]) = self.matrix(weight.id, weight.transposed)?;
        let data = self.constant(weight.id)?.as_f32()?;
        let width = rows.len().checked_div(inputs)?;
        if have != inputs || first.checked_add(width)? > outputs {
            return None;
        }
        for (row, values) in rows.chunks_mut(inputs).enumerate() {
            for (input, value) in values.iter_mut().enumerate() {
                let at = if weight.transposed {
                    (first + row) * inputs + input
                } else {
                    input * outputs + first + row
                };
                *value += data.get(at)?;
            }
        }
        Some(())
    }

    pub(super) fn symbolic_shape(&self, id: ValueId) -> &[SymInt] {
        &self.builder.fact(id).shape
    }
}
