//! One step of a recurrent layer, written out: recognised by its form alone.

use super::form::{Form, Item, Term, View, Weight};
use crate::graph::ValueId;
use crate::op::{Binary, Unary};

/// What kind of step it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// `h' = tanh(x, h)`.
    Tanh,
    /// `h' = relu(x, h)`.
    Relu,
    /// `c' = σ(f) · c + σ(i) · tanh(g), h' = σ(o) · tanh(c')`.
    Lstm,
    /// `h' = (1 − z) · n + z · h, n = tanh(x + r · h)`, the reset after the product.
    Gru,
}

/// A term whose wire is one of two things.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// The input, times a matrix if there is one.
    Input(Option<Weight>, usize),
    /// The state, times a matrix.
    State(Weight, usize),
    /// A constant.
    Constant(ValueId, usize),
}

/// One step. Two steps of one layer have the same `kind`, `width` and `sums`.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub kind: Kind,
    pub width: usize,
    /// The sums inside of the gates, in ONNX order (`Lstm` i, o, f, g; `Gru` z, r, input part of n, state part of n).
    pub sums: Vec<Vec<Part>>,
    pub item: Item,
    /// The state before; `None` where it was a constant and went into the sums.
    pub state: Option<ValueId>,
    /// The state before as it stands beside the gates (`Gru`), or the cell before (`Lstm`).
    pub beside: Option<ValueId>,
    /// The new cell (`Lstm`).
    pub cell: Option<ValueId>,
}

/// Reads gates of one step: all inputs must be the same item, all states the same wire.
struct Reader<'v, 'a, 'l> {
    view: &'v View<'a, 'l>,
    width: usize,
    item: Option<Item>,
    state: Option<ValueId>,
}

impl Reader<'_, '_, '_> {
    fn sum(&mut self, id: ValueId) -> Option<Vec<Part>> {
        let Form { terms, width } = self.view.form(id)?;
        if width != self.width {
            return None;
        }
        let mut parts = Vec::with_capacity(terms.len());
        for term in terms {
            parts.push(match term {
                Term::Constant { id, first } => Part::Constant(id, first),
                Term::Wire { id, weight, first } => match (self.view.item(id), weight) {
                    (Some(item), weight) => {
                        if *self.item.get_or_insert(item) != item {
                            return None;
                        }
                        Part::Input(weight, first)
                    }
                    (None, Some(weight)) => {
                        if *self.state.get_or_insert(id) != id {
                            return None;
                        }
                        Part::State(weight, first)
                    }
                    (None, None) => return None,
                },
            });
        }
        // One order, whichever the file has.
        parts.sort_by_key(|part| match part {
            Part::Input(weight, first) => (0, weight.map_or(0, |weight| weight.id.0), *first),
            Part::State(weight, first) => (1, weight.id.0, *first),
            Part::Constant(id, first) => (2, id.0, *first),
        });
        Some(parts)
    }

    fn step(self, kind: Kind, sums: Vec<Vec<Part>>, beside: Option<ValueId>, cell: Option<ValueId>) -> Option<Step> {
        Some(Step {
            kind,
            width: self.width,
            sums,
            item: self.item?,
            state: self.state,
            beside,
            cell,
        })
    }
}

/// The step whose new state is `id`.
pub(super) fn step(view: &View<'_, '_>, id: ValueId) -> Option<Step> {
    let width = view.shape(id)?.last().copied()?;
    let reader = Reader {
        view,
        width,
        item: None,
        state: None,
    };
    match view.unary(id) {
        Some((Unary::Tanh, sum)) => simple(reader, Kind::Tanh, sum),
        Some((Unary::Relu, sum)) => simple(reader, Kind::Relu, sum),
        Some(_) => None,
        None => lstm(view, id, width).or_else(|| gru(view, id, width)),
    }
}

fn simple(mut reader: Reader<'_, '_, '_>, kind: Kind, sum: ValueId) -> Option<Step> {
    let sum = reader.sum(sum)?;
    reader.step(kind, vec![sum], None, None)
}

/// Both orders of a commutative pair.
fn orders(pair: [ValueId; 2]) -> [[ValueId; 2]; 2] {
    let [a, b] = pair;
    [[a, b], [b, a]]
}

fn lstm(view: &View<'_, '_>, id: ValueId, width: usize) -> Option<Step> {
    let sigmoid = |id| view.applied(Unary::Sigmoid, id);
    let (output, cell) = orders(view.both(Binary::Mul, id)?)
        .into_iter()
        .find_map(|[a, b]| Some((sigmoid(a)?, view.applied(Unary::Tanh, b)?)))?;
    let products = view.both(Binary::Add, cell)?;
    orders(products).into_iter().find_map(|[kept, new]| {
        let (input, candidate) = orders(view.both(Binary::Mul, new)?)
            .into_iter()
            .find_map(|[a, b]| Some((sigmoid(a)?, view.applied(Unary::Tanh, b)?)))?;
        let (forget, before) = orders(view.both(Binary::Mul, kept)?)
            .into_iter()
            .find_map(|[a, b]| Some((sigmoid(a)?, b)))?;
        let mut reader = Reader {
            view,
            width,
            item: None,
            state: None,
        };
        let mut sums = Vec::with_capacity(4);
        for gate in [input, output, forget, candidate] {
            sums.push(reader.sum(gate)?);
        }
        reader.step(Kind::Lstm, sums, Some(before), Some(view.peel(cell)))
    })
}

/// `(h − n) · z + n`.
fn gru(view: &View<'_, '_>, id: ValueId, width: usize) -> Option<Step> {
    orders(view.both(Binary::Add, id)?)
        .into_iter()
        .find_map(|[scaled, new]| {
            let candidate = view.applied(Unary::Tanh, new)?;
            let (difference, update) = orders(view.both(Binary::Mul, scaled)?)
                .into_iter()
                .find_map(|[a, b]| Some((view.both(Binary::Sub, a)?, view.applied(Unary::Sigmoid, b)?)))?;
            let [before, again] = difference;
            if view.peel(again) != view.peel(new) {
                return None;
            }
            orders(view.both(Binary::Add, candidate)?)
                .into_iter()
                .find_map(|[input, gated]| {
                    let (reset, product) = orders(view.both(Binary::Mul, gated)?)
                        .into_iter()
                        .find_map(|[a, b]| Some((view.applied(Unary::Sigmoid, a)?, b)))?;
                    let mut reader = Reader {
                        view,
                        width,
                        item: None,
                        state: None,
                    };
                    let mut sums = Vec::with_capacity(4);
                    for gate in [update, reset, input, product] {
                        sums.push(reader.sum(gate)?);
                    }
                    reader.step(Kind::Gru, sums, Some(before), None)
                })
        })
}
