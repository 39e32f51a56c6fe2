//! Reading at places that are given: tables, gathers, sparse sums.

use super::Run;
use crate::Isa;
use std::sync::Arc;

/// An index below `len`, of a float: rounded down, negative ones from the end, clamped; NaN is 0.
fn index(value: f32, len: usize) -> usize {
    // The cast saturates, and makes NaN 0.
    #[allow(clippy::cast_possible_truncation)]
    let index = value.floor() as i64;
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_start = if index < 0 { index.saturating_add(len) } else { index };
    usize::try_from(from_start.clamp(0, (len - 1).max(0))).unwrap_or(0)
}

#[derive(Debug)]
pub(super) struct Lookup {
    pub rows: usize,
    pub width: usize,
    pub table: Arc<[f32]>,
}

impl Run for Lookup {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [indices] = inputs else { return };
        for (i, y) in indices.iter().zip(output.chunks_exact_mut(self.width)) {
            let at = index(*i, self.rows) * self.width;
            if let Some(row) = self.table.get(at..at + self.width) {
                y.copy_from_slice(row);
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Sparse {
    offsets: Arc<[u32]>,
    sources: Arc<[u32]>,
    weights: Arc<[f32]>,
}

impl Sparse {
    /// `None` if an offset or a source lies outside.
    pub fn new(inputs: usize, offsets: &Arc<[u32]>, sources: &Arc<[u32]>, weights: &Arc<[f32]>) -> Option<Self> {
        let ends = (offsets.first()?, usize::try_from(*offsets.last()?).ok()?);
        let fits = ends == (&0, sources.len())
            && offsets.is_sorted()
            && sources
                .iter()
                .all(|source| usize::try_from(*source).is_ok_and(|source| source < inputs));
        fits.then(|| Self {
            offsets: Arc::clone(offsets),
            sources: Arc::clone(sources),
            weights: Arc::clone(weights),
        })
    }
}

impl Run for Sparse {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x] = inputs else { return };
        for (range, y) in self.offsets.windows(2).zip(output) {
            let [from, to] = range else { return };
            let range = *from as usize..*to as usize;
            let (Some(sources), Some(weights)) = (self.sources.get(range.clone()), self.weights.get(range)) else {
                return;
            };
            let terms = sources.iter().zip(weights);
            *y = terms.fold(0.0, |sum, (source, weight)| {
                sum + x.get(*source as usize).copied().unwrap_or(0.0) * weight
            });
        }
    }
}

#[derive(Debug)]
pub(super) struct GatherAxis {
    pub len: usize,
    pub inner: usize,
}

impl Run for GatherAxis {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x, indices] = inputs else { return };
        let blocks = output.chunks_exact_mut(indices.len() * self.inner);
        for (x, y) in x.chunks_exact(self.len * self.inner).zip(blocks) {
            for (i, y) in indices.iter().zip(y.chunks_exact_mut(self.inner)) {
                let at = index(*i, self.len) * self.inner;
                if let Some(row) = x.get(at..at + self.inner) {
                    y.copy_from_slice(row);
                }
            }
        }
    }
}

/// Axes in order: size in the indices, and elements of `x` from one index to the next (0 at the axis itself).
#[derive(Debug)]
pub(super) struct GatherElements {
    axes: Vec<(usize, usize)>,
    /// Size of the axis, and elements of `x` from one of its indices to the next.
    axis: (usize, usize),
}

impl GatherElements {
    pub fn new(shape: &[usize], axis: usize, index_shape: &[usize]) -> Option<Self> {
        let mut steps = vec![1; shape.len()];
        for at in (1..shape.len()).rev() {
            steps[at - 1] = steps[at] * shape[at];
        }
        let along = (*shape.get(axis)?, *steps.get(axis)?);
        *steps.get_mut(axis)? = 0;
        Some(Self {
            axes: index_shape.iter().copied().zip(steps).collect(),
            axis: along,
        })
    }
}

impl Run for GatherElements {
    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], _: &mut [f32]) {
        let [x, indices] = inputs else { return };
        for (o, (i, y)) in indices.iter().zip(output).enumerate() {
            let (mut rest, mut at) = (o, index(*i, self.axis.0) * self.axis.1);
            for (size, step) in self.axes.iter().rev() {
                at += rest % size * step;
                rest /= size;
            }
            *y = x.get(at).copied().unwrap_or(0.0);
        }
    }
}
