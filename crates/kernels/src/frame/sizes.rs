//! The sizes of functions, checked.

use super::Function;
use super::geometry::Window;
use crate::Cell;
use std::sync::Arc;

/// All sizes of a [`Function`], checked against one another and for overflow.
pub(super) struct Sizes {
    pub inputs: Vec<usize>,
    pub output: usize,
    pub macs: u64,
    pub weights: usize,
}

/// Floats of the longest signal: far above any frame, far below where positions overflow 32 bits.
const MOST_FLOATS: usize = 1 << 26;
/// Weights of the largest layer.
const MOST_WEIGHTS: usize = 1 << 30;

/// The product; `None` if a factor is 0 or the result is beyond `limit`.
fn bounded(factors: &[usize], limit: usize) -> Option<usize> {
    let product = factors
        .iter()
        .try_fold(1usize, |product, factor| product.checked_mul(*factor))?;
    (1..=limit).contains(&product).then_some(product)
}

/// Floats of a signal of these sizes.
pub(super) fn floats(sizes: &[usize]) -> Option<usize> {
    bounded(sizes, MOST_FLOATS)
}

/// Weights of these sizes.
fn matrix(sizes: &[usize]) -> Option<usize> {
    bounded(sizes, MOST_WEIGHTS)
}

/// Operations, at most as many as the type holds.
fn count(factors: &[usize]) -> u64 {
    factors.iter().fold(1u64, |product, factor| {
        product.saturating_mul(u64::try_from(*factor).unwrap_or(u64::MAX))
    })
}

fn fits(values: Option<&Arc<[f32]>>, len: usize) -> bool {
    values.is_none_or(|values| values.len() == len)
}

fn len(values: Option<&Arc<[f32]>>) -> usize {
    values.map_or(0, |values| values.len())
}

impl Function {
    /// `None` if sizes contradict one another or overflow.
    pub(super) fn sizes(&self) -> Option<Sizes> {
        let (inputs, output, macs, weights) = self.parts()?;
        Some(Sizes {
            inputs,
            output,
            macs,
            weights,
        })
    }

    fn parts(&self) -> Option<(Vec<usize>, usize, u64, usize)> {
        match self {
            Self::Dense {
                rows,
                inputs,
                outputs,
                weights,
                bias,
            } => {
                let weighted = matrix(&[*outputs, *inputs])?;
                let all = (vec![floats(&[*rows, *inputs])?], floats(&[*rows, *outputs])?);
                (weights.len() == weighted && fits(bias.as_ref(), *outputs)).then_some(())?;
                Some((all.0, all.1, count(&[*rows, weighted]), weighted + len(bias.as_ref())))
            }
            Self::Conv {
                batch,
                groups,
                inputs,
                outputs,
                weights,
                bias,
                ..
            } => {
                let window = self.window()?;
                let [height, width] = window.output_size()?;
                (inputs.checked_rem(*groups)? == 0 && outputs.checked_rem(*groups)? == 0).then_some(())?;
                let weighted = matrix(&[*outputs, *inputs / *groups, window.taps[0], window.taps[1]])?;
                (weights.len() == weighted && fits(bias.as_ref(), *outputs)).then_some(())?;
                Some((
                    vec![floats(&[*batch, *inputs, window.size[0], window.size[1]])?],
                    floats(&[*batch, *outputs, height, width])?,
                    count(&[*batch, height, width, weighted]),
                    weighted + len(bias.as_ref()),
                ))
            }
            Self::ConvTranspose {
                batch,
                groups,
                inputs,
                outputs,
                output_size,
                weights,
                bias,
                ..
            } => {
                let window = self.window()?;
                window.full_size()?;
                (inputs.checked_rem(*groups)? == 0 && outputs.checked_rem(*groups)? == 0).then_some(())?;
                let weighted = matrix(&[*inputs, *outputs / *groups, window.taps[0], window.taps[1]])?;
                (weights.len() == weighted && fits(bias.as_ref(), *outputs)).then_some(())?;
                output_size
                    .iter()
                    .try_for_each(|size| i64::try_from(*size).ok().map(|_| ()))?;
                Some((
                    vec![floats(&[*batch, *inputs, window.size[0], window.size[1]])?],
                    floats(&[*batch, *outputs, output_size[0], output_size[1]])?,
                    count(&[*batch, window.size[0], window.size[1], weighted]),
                    weighted + len(bias.as_ref()),
                ))
            }
            Self::MatMul {
                a_batch,
                b_batch,
                a_count,
                b_count,
                m,
                k,
                n,
            } => {
                let batches = a_batch.len();
                let fits = b_batch.len() == batches
                    && a_batch.iter().all(|a| a < a_count)
                    && b_batch.iter().all(|b| b < b_count);
                fits.then_some(())?;
                Some((
                    vec![floats(&[*a_count, *m, *k])?, floats(&[*b_count, *k, *n])?],
                    floats(&[batches, *m, *n])?,
                    count(&[batches, *m, *n, *k]),
                    0,
                ))
            }
            Self::Recurrent {
                cell,
                direction,
                steps,
                batch,
                inputs,
                hidden,
                w,
                r,
                b,
                h0,
                c0,
            } => {
                let (directions, lstm) = (direction.count(), *cell == Cell::Lstm);
                let rows = matrix(&[directions, cell.gates(), *hidden])?;
                let (from_x, from_h) = (matrix(&[rows, *inputs])?, matrix(&[rows, *hidden])?);
                let state = floats(&[directions, *batch, *hidden])?;
                let fits =
                    w.len() == from_x && r.len() == from_h && fits(b.as_ref(), matrix(&[2, rows])?) && (lstm || !c0);
                fits.then_some(())?;
                let mut all = vec![floats(&[*steps, *batch, *inputs])?];
                all.extend([*h0, *c0].into_iter().filter(|given| *given).map(|_| state));
                let weighted = from_x.checked_add(from_h)?;
                Some((
                    all,
                    floats(&[state, steps.checked_add(if lstm { 2 } else { 1 })?])?,
                    count(&[*steps, *batch, weighted]),
                    weighted.checked_add(len(b.as_ref()))?,
                ))
            }
            Self::Softmax { outer, len, inner, .. } | Self::CumSum { outer, len, inner, .. } => {
                let all = floats(&[*outer, *len, *inner])?;
                Some((vec![all], all, count(&[all]), 0))
            }
            Self::LayerNorm {
                outer,
                len: row,
                scale,
                bias,
                ..
            } => {
                let all = floats(&[*outer, *row])?;
                (scale.len() == *row && fits(bias.as_ref(), *row)).then_some(())?;
                Some((vec![all], all, count(&[all]), scale.len() + len(bias.as_ref())))
            }
            Self::InstanceNorm {
                outer,
                channels,
                len: row,
                scale,
                bias,
                ..
            } => {
                let all = floats(&[*outer, *channels, *row])?;
                (scale.len() == *channels && fits(bias.as_ref(), *channels)).then_some(())?;
                Some((vec![all], all, count(&[all]), scale.len() + len(bias.as_ref())))
            }
            Self::Reduce { shape, axes, .. } => {
                let all = floats(shape)?;
                (axes.len() == shape.len()).then_some(())?;
                let kept = shape.iter().zip(axes).filter(|(_, reduced)| !**reduced);
                Some((vec![all], kept.map(|(size, _)| size).product(), count(&[all]), 0))
            }
            Self::ArgReduce { outer, len, inner, .. } => {
                let all = floats(&[*outer, *len, *inner])?;
                Some((vec![all], all / len, count(&[all]), 0))
            }
            Self::MaxPool { batch, channels, .. } => {
                let window = self.window()?;
                let [height, width] = window.output_size()?;
                let all = floats(&[*batch, *channels, height, width])?;
                Some((
                    vec![floats(&[*batch, *channels, window.size[0], window.size[1]])?],
                    all,
                    count(&[all, window.taps[0], window.taps[1]]),
                    0,
                ))
            }
            Self::Sparse {
                inputs,
                offsets,
                sources,
                weights,
            } => {
                (sources.len() == weights.len()).then_some(())?;
                Some((
                    vec![floats(&[*inputs])?],
                    floats(&[offsets.len().checked_sub(1)?])?,
                    count(&[sources.len()]),
                    weights.len(),
                ))
            }
            Self::Lookup {
                rows,
                width,
                table,
                indices,
            } => {
                (table.len() == matrix(&[*rows, *width])?).then_some(())?;
                let output = floats(&[*indices, *width])?;
                Some((vec![*indices], output, count(&[output]), table.len()))
            }
            Self::GatherElements {
                shape,
                axis,
                index_shape,
            } => {
                let fits = *axis < shape.len()
                    && shape.len() == index_shape.len()
                    && (0..shape.len()).all(|at| at == *axis || index_shape[at] <= shape[at]);
                fits.then_some(())?;
                let output = floats(index_shape)?;
                Some((vec![floats(shape)?, output], output, count(&[output]), 0))
            }
            Self::GatherAxis {
                outer,
                len,
                inner,
                indices,
            } => {
                let output = floats(&[*outer, *indices, *inner])?;
                Some((
                    vec![floats(&[*outer, *len, *inner])?, *indices],
                    output,
                    count(&[output]),
                    0,
                ))
            }
            Self::Dft {
                outer,
                length,
                inner,
                input_length,
                complex_in,
                onesided,
                inverse,
            } => {
                let points = if *onesided && !*inverse {
                    length / 2 + 1
                } else {
                    *length
                };
                let lines = floats(&[*outer, *inner])?;
                // About 2 N log₂ N multiply-adds.
                let macs = count(&[floats(&[lines, *length])?, 2, length.ilog2() as usize + 1]);
                Some((
                    vec![floats(&[lines, *input_length, if *complex_in { 2 } else { 1 }])?],
                    floats(&[lines, points, if *onesided && *inverse { 1 } else { 2 }])?,
                    macs,
                    0,
                ))
            }
        }
    }

    /// The window of a convolution or pool.
    pub(super) fn window(&self) -> Option<Window> {
        match self {
            Self::Conv {
                size,
                taps,
                strides,
                dilations,
                pads,
                ..
            }
            | Self::MaxPool {
                size,
                taps,
                strides,
                dilations,
                pads,
                ..
            } => Some(Window {
                size: *size,
                taps: *taps,
                strides: *strides,
                dilations: *dilations,
                pads: *pads,
            }),
            Self::ConvTranspose {
                size,
                taps,
                strides,
                dilations,
                pads,
                ..
            } => Some(Window {
                size: *size,
                taps: *taps,
                strides: *strides,
                dilations: *dilations,
                pads: [pads[0], pads[1], 0, 0],
            }),
            _ => None,
        }
    }
}
