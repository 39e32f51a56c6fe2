//! Open sizes that whoever reads a file knows already, so that all that follows from them is computed for these very numbers.

use crate::graph::{Dim, Value};
use crate::infer::Fact;
use crate::symbolic::SymInt;
use std::collections::HashMap;

/// Sizes of inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pins {
    axes: HashMap<(String, usize), i64>,
    symbols: HashMap<String, i64>,
}

impl Pins {
    /// Axis `axis` of the input `value` has `size`; so have all axes that the file gives the same symbol.
    pub(crate) fn pin(&mut self, value: &Value, axis: usize, size: usize) {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        self.axes.insert((value.name.clone(), axis), size);
        if let Some(Dim::Symbolic {
            symbol,
            scale_num: 1,
            scale_den: 1,
            offset: 0,
        }) = value.shape.get(axis)
        {
            self.symbols.insert(symbol.clone(), size);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.axes.is_empty()
    }

    /// The fact of the input `name` with these sizes.
    pub(super) fn apply(&self, name: &str, mut fact: Fact) -> Fact {
        if self.is_empty() {
            return fact;
        }
        for (axis, size) in fact.shape.iter_mut().enumerate() {
            let by_symbol = match &size {
                SymInt::Affine(term) => self.symbols.get(term.symbol()),
                _ => None,
            };
            if let Some(pinned) = self.axes.get(&(name.to_owned(), axis)).or(by_symbol) {
                *size = SymInt::Known(*pinned);
            }
        }
        fact
    }
}
