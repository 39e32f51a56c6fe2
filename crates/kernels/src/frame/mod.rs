//! Functions of whole frames: what a model computes where there is no time axis left.
//!
//! A frame is a contiguous row-major array of floats. Indices and truth values are floats as well (exact up to 2²⁴; true is
//! 1). [`Function`] says what is computed, with all sizes and weights; [`Kernel`] is that, checked, packed and bound to an
//! instruction set. Sums have one order per instruction set, whatever the values, so that equal frames give equal bits.

mod conv;
mod dense;
mod fourier;
mod function;
mod geometry;
#[cfg(test)]
mod hostile;
mod lookup;
mod normalise;
mod pool;
mod product;
mod recurrent;
mod reduce;
pub mod reference;
mod rows;
mod sizes;
mod sums;
#[cfg(test)]
mod tests;

pub use crate::Cell;
pub use function::{Direction, Function, Reduction};
pub use rows::Rows;

use crate::{Isa, Weights};
use std::fmt;
use std::sync::Arc;

/// A function, ready to run.
trait Run: fmt::Debug + Send + Sync {
    /// Floats of scratch.
    fn scratch(&self) -> usize {
        0
    }

    /// All slices have the agreed lengths. The scratch may hold anything.
    fn run(&self, isa: Isa, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32]);
}

/// A [`Function`], packed for one instruction set. Clones share the weights.
#[derive(Clone, Debug)]
pub struct Kernel {
    isa: Isa,
    inputs: Arc<[usize]>,
    output: usize,
    code: Arc<dyn Run>,
}

impl Kernel {
    /// `None` if the function's sizes contradict one another or overflow.
    pub fn new(function: &Function, isa: Isa) -> Option<Self> {
        Self::with_weights(function, isa, Weights::F32)
    }

    /// With the weights of dense layers kept as `precision` says. `None` if the function's sizes contradict one another or
    /// overflow.
    pub fn with_weights(function: &Function, isa: Isa, precision: Weights) -> Option<Self> {
        let sizes = function.sizes()?;
        let isa = isa.or_scalar();
        let code: Arc<dyn Run> = match function {
            Function::Dense {
                rows,
                inputs,
                outputs,
                weights,
                bias,
            } => Arc::new(dense::Dense::new(
                (*rows, *inputs, *outputs),
                weights,
                bias.as_deref(),
                isa,
                precision,
            )),
            Function::Conv { .. } | Function::ConvTranspose { .. } => Arc::new(conv::Conv::new(function, isa)?),
            Function::MatMul {
                a_batch,
                b_batch,
                m,
                k,
                n,
                ..
            } => Arc::new(dense::MatMul {
                batch: a_batch.iter().copied().zip(b_batch.iter().copied()).collect(),
                m: *m,
                k: *k,
                n: *n,
                lanes: isa.lanes(),
                rows: product::ramp(*m, *k),
                columns: product::ramp(*k, 1),
            }),
            Function::Softmax { len, inner, log, .. } => Arc::new(normalise::Softmax {
                len: *len,
                inner: *inner,
                log: *log,
            }),
            Function::Reduce { shape, axes, reduction } => Arc::new(reduce::Reduce::new(shape, axes, *reduction)),
            Function::ArgReduce {
                len, inner, max, last, ..
            } => Arc::new(reduce::ArgReduce {
                len: *len,
                inner: *inner,
                max: *max,
                last: *last,
            }),
            Function::Sparse {
                inputs,
                offsets,
                sources,
                weights,
            } => Arc::new(lookup::Sparse::new(*inputs, offsets, sources, weights)?),
            Function::Lookup { rows, width, table, .. } => Arc::new(lookup::Lookup {
                rows: *rows,
                width: *width,
                table: Arc::clone(table),
            }),
            Function::Recurrent {
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
            } => Arc::new(recurrent::Recurrent::new(
                &recurrent::Layer {
                    cell: *cell,
                    direction: *direction,
                    steps: *steps,
                    batch: *batch,
                    inputs: *inputs,
                    hidden: *hidden,
                    w,
                    r,
                    b: b.as_deref(),
                    h0: *h0,
                    c0: *c0,
                },
                isa,
            )?),
            Function::LayerNorm {
                len,
                epsilon,
                scale,
                bias,
                ..
            } => Arc::new(normalise::LayerNorm {
                len: *len,
                epsilon: *epsilon,
                scale: Arc::clone(scale),
                bias: bias.clone(),
            }),
            Function::InstanceNorm {
                len,
                epsilon,
                scale,
                bias,
                ..
            } => Arc::new(normalise::InstanceNorm {
                len: *len,
                epsilon: *epsilon,
                scale: Arc::clone(scale),
                bias: bias.clone(),
            }),
            Function::MaxPool { .. } => {
                let window = function.window()?;
                Arc::new(pool::MaxPool {
                    window,
                    output_size: window.output_size()?,
                })
            }
            Function::GatherElements {
                shape,
                axis,
                index_shape,
            } => Arc::new(lookup::GatherElements::new(shape, *axis, index_shape)?),
            Function::GatherAxis { len, inner, .. } => Arc::new(lookup::GatherAxis {
                len: *len,
                inner: *inner,
            }),
            Function::Dft {
                length,
                inner,
                input_length,
                complex_in,
                onesided,
                inverse,
                ..
            } => Arc::new(fourier::Dft::new(fourier::Shape {
                length: *length,
                inner: *inner,
                input_length: *input_length,
                complex_in: *complex_in,
                onesided: *onesided,
                inverse: *inverse,
            })),
            Function::CumSum {
                len,
                inner,
                exclusive,
                reverse,
                ..
            } => Arc::new(reduce::CumSum {
                len: *len,
                inner: *inner,
                exclusive: *exclusive,
                reverse: *reverse,
            }),
        };
        Some(Self {
            isa,
            inputs: sizes.inputs.into(),
            output: sizes.output,
            code,
        })
    }

    /// Floats of scratch that [`Self::run`] needs.
    pub fn scratch_len(&self) -> usize {
        self.code.scratch()
    }

    /// Computes `output` from `inputs`; several results stand one behind the other. Longer slices are used at their
    /// beginning; the scratch may hold anything.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if an input is missing or a slice is too short.
    pub fn run(&self, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32]) {
        /// The most inputs that a function has.
        const MOST: usize = 3;
        let mut cut: [&[f32]; MOST] = [&[]; MOST];
        let count = self.inputs.len();
        for ((slot, input), len) in cut.iter_mut().zip(inputs).zip(self.inputs.iter()) {
            let Some(input) = input.get(..*len) else { return };
            *slot = input;
        }
        if inputs.len() != count {
            return;
        }
        if let (Some(inputs), Some(output), Some(scratch)) = (
            cut.get(..count),
            output.get_mut(..self.output),
            scratch.get_mut(..self.code.scratch()),
        ) {
            self.code.run(self.isa, inputs, output, scratch);
        }
    }
}
