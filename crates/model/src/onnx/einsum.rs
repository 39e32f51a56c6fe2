//! `Einsum` of one or two operands, written with transpositions, sums and one matrix product.

use super::composite::Entry;
use super::lower::Lowering;
use crate::error::{Result, fail};
use crate::graph::ValueId;
use crate::op::{Op, Reduction};

/// An axis by its letter; axes of an ellipsis are numbered from its end, where broadcasting begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Label {
    Letter(char),
    Ellipsis(usize),
}

/// An operand and what its axes are called.
struct Operand {
    id: ValueId,
    labels: Vec<Label>,
}

impl Operand {
    fn place(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|own| *own == label)
    }

    fn has(&self, label: Label) -> bool {
        self.labels.contains(&label)
    }

    /// The axes with these labels, as factors of a size.
    fn axes(&self, labels: &[Label]) -> Entry {
        Entry::Axes(
            labels
                .iter()
                .filter_map(|label| Some((self.id, self.place(*label)?)))
                .collect(),
        )
    }
}

/// The labels of one term, with `ellipsis` axes for `...`.
fn labels(term: &str, ellipsis: usize) -> Option<Vec<Label>> {
    let mut labels = Vec::new();
    let mut rest = term;
    while let Some(letter) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("...") {
            labels.extend((0..ellipsis).rev().map(Label::Ellipsis));
            rest = behind;
            continue;
        }
        let label = Label::Letter(letter);
        // A letter twice takes a diagonal, which no audio model does.
        if !letter.is_ascii_alphabetic() || labels.contains(&label) {
            return None;
        }
        labels.push(label);
        rest = rest.get(1..)?;
    }
    Some(labels)
}

/// Operands' terms and the result's.
fn parse(equation: &str, ranks: &[usize]) -> Option<(Vec<Vec<Label>>, Vec<Label>)> {
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != ranks.len() {
        return None;
    }
    let mut most = 0;
    let mut operands = Vec::new();
    for (term, rank) in terms.iter().zip(ranks) {
        let letters = term.chars().filter(|c| *c != '.').count();
        let ellipsis = match term.matches("...").count() {
            0 => 0,
            1 => rank.checked_sub(letters)?,
            _ => return None,
        };
        let term = labels(term, ellipsis)?;
        if term.len() != *rank {
            return None;
        }
        most = most.max(ellipsis);
        operands.push(term);
    }
    let result = match right {
        Some(right) if right.matches("...").count() <= 1 => labels(right, most)?,
        Some(_) => return None,
        None => {
            // Implicitly: the ellipsis, then every letter that occurs once, by alphabet.
            let all: Vec<Label> = operands.iter().flatten().copied().collect();
            let mut letters: Vec<char> = all
                .iter()
                .filter(|label| all.iter().filter(|other| other == label).count() == 1)
                .filter_map(|label| match label {
                    Label::Letter(letter) => Some(*letter),
                    Label::Ellipsis(_) => None,
                })
                .collect();
            letters.sort_unstable();
            (0..most)
                .rev()
                .map(Label::Ellipsis)
                .chain(letters.into_iter().map(Label::Letter))
                .collect()
        }
    };
    let known = |label: &Label| operands.iter().any(|operand| operand.contains(label));
    let twice = (1..result.len()).any(|index| result[..index].contains(&result[index]));
    (result.iter().all(known) && !twice).then_some((operands, result))
}

impl Lowering<'_, '_, '_> {
    pub(super) fn einsum(&mut self) -> Result<Vec<ValueId>> {
        let Some(equation) = self.attributes.text("equation")? else {
            fail!(Node, "its attribute `equation` is missing");
        };
        let mut ids = Vec::new();
        let mut ranks = Vec::new();
        for index in 0..self.inputs.len() {
            ids.push(self.input(index)?);
            ranks.push(self.rank(index)?);
        }
        let Some((terms, result)) = parse(equation, &ranks) else {
            return self.unsupported("Einsum".to_owned());
        };
        let mut operands: Vec<Operand> = ids
            .into_iter()
            .zip(terms)
            .map(|(id, labels)| Operand { id, labels })
            .collect();
        match operands.as_mut_slice() {
            [x] => {
                self.sum_out("x", x, |label| result.contains(&label))?;
                let perm = result.iter().filter_map(|label| x.place(*label)).collect();
                let id = x.id;
                self.last(Op::Transpose { perm }, &[id])
            }
            [a, b] => {
                let others = b.labels.clone();
                self.sum_out("a", a, |label| result.contains(&label) || others.contains(&label))?;
                let others = a.labels.clone();
                self.sum_out("b", b, |label| result.contains(&label) || others.contains(&label))?;
                self.product(a, b, &result)
            }
            _ => self.unsupported("Einsum".to_owned()),
        }
    }

    /// Sums over the axes that nobody else names.
    fn sum_out(&mut self, what: &str, x: &mut Operand, keep: impl Fn(Label) -> bool) -> Result<()> {
        let axes: Vec<i64> = (x.labels.iter().enumerate())
            .filter(|(_, label)| !keep(**label))
            .map(|(axis, _)| axis as i64)
            .collect();
        if axes.is_empty() {
            return Ok(());
        }
        let axes = self.integers(&format!("{what}.axes"), axes)?;
        let sum = Op::Reduce {
            reduction: Reduction::Sum,
            keep_dims: false,
            noop_with_empty_axes: false,
        };
        x.id = self.step(&format!("{what}.sum"), sum, &[x.id, axes])?;
        x.labels.retain(|label| keep(*label));
        Ok(())
    }

    /// Labels of both and the result are a batch; of both alone, the inner axis; of one alone, rows or columns.
    fn product(&mut self, a: &Operand, b: &Operand, result: &[Label]) -> Result<Vec<ValueId>> {
        let batch: Vec<Label> = result.iter().copied().filter(|l| a.has(*l) && b.has(*l)).collect();
        let inner: Vec<Label> = a
            .labels
            .iter()
            .copied()
            .filter(|l| b.has(*l) && !result.contains(l))
            .collect();
        let rows: Vec<Label> = result.iter().copied().filter(|l| a.has(*l) && !b.has(*l)).collect();
        let columns: Vec<Label> = result.iter().copied().filter(|l| b.has(*l) && !a.has(*l)).collect();
        let left = self.matrices("a", a, &batch, &rows, &inner)?;
        let right = self.matrices("b", b, &batch, &inner, &columns)?;
        let product = self.step("product", Op::MatMul, &[left, right])?;
        // A batch axis of size 1 in one operand is repeated: its size is the product's.
        let mut entries: Vec<Entry> = (0..batch.len())
            .map(|axis| Entry::Axes(vec![(product, axis)]))
            .collect();
        entries.extend(rows.iter().map(|label| a.axes(&[*label])));
        entries.extend(columns.iter().map(|label| b.axes(&[*label])));
        let apart = if rows.len() == 1 && columns.len() == 1 {
            product
        } else {
            self.reshape("apart", product, &entries)?
        };
        let order: Vec<Label> = [batch, rows, columns].concat();
        let perm = result
            .iter()
            .filter_map(|label| order.iter().position(|own| own == label))
            .collect();
        self.last(Op::Transpose { perm }, &[apart])
    }

    /// `[batch…, product of rows, product of columns]`.
    fn matrices(
        &mut self,
        what: &str,
        x: &Operand,
        batch: &[Label],
        rows: &[Label],
        columns: &[Label],
    ) -> Result<ValueId> {
        let order = [batch, rows, columns].concat();
        let perm: Vec<usize> = order.iter().filter_map(|label| x.place(*label)).collect();
        let turned = self.step(&format!("{what}.turned"), Op::Transpose { perm }, &[x.id])?;
        if rows.len() == 1 && columns.len() == 1 {
            return Ok(turned);
        }
        let mut entries: Vec<Entry> = batch.iter().map(|label| x.axes(&[*label])).collect();
        entries.extend([x.axes(rows), x.axes(columns)]);
        self.reshape(what, turned, &entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations() {
        let letters = |text: &str| text.chars().map(Label::Letter).collect::<Vec<_>>();
        let (operands, result) = parse("bij, bjk -> bik", &[3, 3]).expect("plain");
        assert_eq!(operands, [letters("bij"), letters("bjk")]);
        assert_eq!(result, letters("bik"));
        assert_eq!(parse("ij,jk", &[2, 2]).expect("implicit").1, letters("ik"));
        let (operands, result) = parse("...i,...i->...", &[3, 2]).expect("ellipsis");
        assert_eq!(operands[0].len(), 3);
        assert_eq!(result, [Label::Ellipsis(1), Label::Ellipsis(0)]);
        for (bad, ranks) in [
            ("ii->i", vec![2]),
            ("ij->k", vec![2]),
            ("ij,jk->ik", vec![2]),
            ("ij->ii", vec![2]),
            ("i....j->ij", vec![3]),
            ("i€->i", vec![2]),
            ("ij->ij", vec![3]),
        ] {
            assert!(parse(bad, &ranks).is_none(), "{bad}");
        }
    }
}
