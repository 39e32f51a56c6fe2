//! What a frame function computes: the list, with all sizes and weights.

use super::geometry::Window;
use std::sync::Arc;

/// The layer of [`Function::Recurrent`]; gates and weights in ONNX order, as in [`crate::Lstm`], [`crate::Gru`], [`crate::Rnn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cell {
    /// Long short-term memory.
    Lstm,
    /// Gated recurrent unit.
    Gru {
        /// The reset comes after the product (PyTorch; ONNX's `linear_before_reset`).
        reset_after: bool,
    },
    /// Plain.
    Rnn {
        /// ReLU instead of tanh.
        relu: bool,
    },
}

impl Cell {
    /// Gates, each of `hidden` rows of the weights.
    pub const fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru { .. } => 3,
            Self::Rnn { .. } => 1,
        }
    }
}

/// Which way a recurrent layer goes through its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first step.
    Forward,
    /// From the last step.
    Reverse,
    /// Both, with weights of their own; forward stands first.
    Bidirectional,
}

impl Direction {
    /// 2 if bidirectional, else 1.
    pub const fn count(self) -> usize {
        match self {
            Self::Forward | Self::Reverse => 1,
            Self::Bidirectional => 2,
        }
    }
}

/// How [`Function::Reduce`] makes one number of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduction {
    /// Sum.
    Sum,
    /// Sum, divided by the count.
    Mean,
    /// Largest.
    Max,
    /// Smallest.
    Min,
    /// Product.
    Prod,
    /// Sum of magnitudes.
    L1,
    /// Square root of the sum of squares.
    L2,
    /// Sum of squares.
    SumSquare,
    /// Logarithm of the sum.
    LogSum,
    /// Logarithm of the sum of exponentials, the maximum taken out first.
    LogSumExp,
}

/// A function from frames to a frame. All arrays are contiguous, row-major; all sizes are at least 1.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Function {
    /// `x [rows, inputs] -> [rows, outputs]`: `y = x · weightsᵀ + bias`.
    Dense {
        /// Vectors to multiply.
        rows: usize,
        /// Elements of each.
        inputs: usize,
        /// Elements of each result.
        outputs: usize,
        /// `[outputs, inputs]`.
        weights: Arc<[f32]>,
        /// `[outputs]`.
        bias: Option<Arc<[f32]>>,
    },
    /// `x [batch, inputs, H, W] -> [batch, outputs, H', W']`, cross-correlation as ONNX's Conv; one dimension: `H = 1`.
    Conv {
        /// Frames side by side.
        batch: usize,
        /// Groups; divides both channel counts.
        groups: usize,
        /// Input channels.
        inputs: usize,
        /// Output channels.
        outputs: usize,
        /// `[H, W]`.
        size: [usize; 2],
        /// Taps along H and W.
        taps: [usize; 2],
        /// Strides along H and W.
        strides: [usize; 2],
        /// Dilations along H and W.
        dilations: [usize; 2],
        /// Zeros in front and behind: H begin, W begin, H end, W end. Negative ones cut.
        pads: [i64; 4],
        /// `[outputs, inputs / groups, taps]`.
        weights: Arc<[f32]>,
        /// `[outputs]`.
        bias: Option<Arc<[f32]>>,
    },
    /// `x [batch, inputs, H, W] -> [batch, outputs, output_size]`, as ONNX's ConvTranspose: element `q` along an axis of the
    /// result is element `q + pads` of the full one; beyond the full one's end there is the bias alone.
    ConvTranspose {
        /// Frames side by side.
        batch: usize,
        /// Groups; divides both channel counts.
        groups: usize,
        /// Input channels.
        inputs: usize,
        /// Output channels.
        outputs: usize,
        /// `[H, W]`.
        size: [usize; 2],
        /// Taps along H and W.
        taps: [usize; 2],
        /// Strides along H and W.
        strides: [usize; 2],
        /// Dilations along H and W.
        dilations: [usize; 2],
        /// Elements cut in front, along H and W. Negative: bias in front.
        pads: [i64; 2],
        /// `[H', W']`.
        output_size: [usize; 2],
        /// `[inputs, outputs / groups, taps]`.
        weights: Arc<[f32]>,
        /// `[outputs]`.
        bias: Option<Arc<[f32]>>,
    },
    /// `a [a_count, m, k], b [b_count, k, n] -> [batches, m, n]`: result `i` is `a[a_batch[i]] · b[b_batch[i]]`.
    MatMul {
        /// Which matrix of `a`, per result.
        a_batch: Vec<usize>,
        /// Which matrix of `b`, per result.
        b_batch: Vec<usize>,
        /// Matrices of `a`.
        a_count: usize,
        /// Matrices of `b`.
        b_count: usize,
        /// Rows of the results.
        m: usize,
        /// Length of the sums.
        k: usize,
        /// Columns of the results.
        n: usize,
    },
    /// A recurrent layer over all steps of a frame:
    /// `x [steps, batch, inputs] (, h0 [directions, batch, hidden]) (, c0 likewise) ->
    /// y [steps, directions, batch, hidden] ‖ h [directions, batch, hidden] ‖ c likewise (LSTM only)`.
    Recurrent {
        /// The layer.
        cell: Cell,
        /// Which way.
        direction: Direction,
        /// Steps.
        steps: usize,
        /// Sequences side by side.
        batch: usize,
        /// Elements of an input step.
        inputs: usize,
        /// Units.
        hidden: usize,
        /// `[directions, gates · hidden, inputs]`.
        w: Arc<[f32]>,
        /// `[directions, gates · hidden, hidden]`.
        r: Arc<[f32]>,
        /// `[directions, 2 · gates · hidden]`: of `w`, then of `r`.
        b: Option<Arc<[f32]>>,
        /// The start of `h` is the second input; else 0.
        h0: bool,
        /// The start of `c` is the last input (LSTM only); else 0.
        c0: bool,
    },
    /// Along the middle axis of `[outer, len, inner]`: `e^x / Σ e^x`, or its logarithm.
    Softmax {
        /// Product of the sizes in front.
        outer: usize,
        /// Size of the axis.
        len: usize,
        /// Product of the sizes behind.
        inner: usize,
        /// The logarithm.
        log: bool,
    },
    /// Per row of `[outer, len]`: `(x − mean) / √(variance + epsilon) · scale + bias`.
    LayerNorm {
        /// Rows.
        outer: usize,
        /// Their length.
        len: usize,
        /// Added to the variance.
        epsilon: f32,
        /// `[len]`.
        scale: Arc<[f32]>,
        /// `[len]`.
        bias: Option<Arc<[f32]>>,
    },
    /// As [`Function::LayerNorm`] per row of `[outer, channels, len]`, scale and bias per channel.
    InstanceNorm {
        /// Frames side by side.
        outer: usize,
        /// Channels.
        channels: usize,
        /// Length of a row.
        len: usize,
        /// Added to the variance.
        epsilon: f32,
        /// `[channels]`.
        scale: Arc<[f32]>,
        /// `[channels]`.
        bias: Option<Arc<[f32]>>,
    },
    /// Over the marked axes; the result has the others' sizes.
    Reduce {
        /// Sizes of `x`.
        shape: Vec<usize>,
        /// Per axis: it is reduced.
        axes: Vec<bool>,
        /// How.
        reduction: Reduction,
    },
    /// Index (as a float) of the largest or smallest along the middle axis of `[outer, len, inner]`; NaN counts as neither.
    ArgReduce {
        /// Product of the sizes in front.
        outer: usize,
        /// Size of the axis.
        len: usize,
        /// Product of the sizes behind.
        inner: usize,
        /// Of the largest; else of the smallest.
        max: bool,
        /// Of equal ones the last; else the first.
        last: bool,
    },
    /// `x [batch, channels, H, W] -> [batch, channels, H', W']`: the largest of each window, padding never being it.
    MaxPool {
        /// Frames side by side.
        batch: usize,
        /// Channels.
        channels: usize,
        /// `[H, W]`.
        size: [usize; 2],
        /// Taps along H and W.
        taps: [usize; 2],
        /// Strides along H and W.
        strides: [usize; 2],
        /// Dilations along H and W.
        dilations: [usize; 2],
        /// H begin, W begin, H end, W end.
        pads: [i64; 4],
    },
    /// `y[o] = Σ weights[i] · x[sources[i]]` over `i` in `offsets[o] .. offsets[o + 1]`.
    Sparse {
        /// Elements of `x`.
        inputs: usize,
        /// `[outputs + 1]`, ascending from 0 to the number of sources.
        offsets: Arc<[u32]>,
        /// Where each term comes from, below `inputs`.
        sources: Arc<[u32]>,
        /// Factor of each term.
        weights: Arc<[f32]>,
    },
    /// `i [indices] -> [indices, width]`: rows of the table. Indices are rounded down and clamped; negative ones count from
    /// the end; NaN gives row 0.
    Lookup {
        /// Rows of the table.
        rows: usize,
        /// Length of a row.
        width: usize,
        /// `[rows, width]`.
        table: Arc<[f32]>,
        /// Rows asked for.
        indices: usize,
    },
    /// `x [shape], i [index_shape] -> [index_shape]`: as ONNX's GatherElements; indices as in [`Function::Lookup`].
    GatherElements {
        /// Sizes of `x`.
        shape: Vec<usize>,
        /// The axis that the indices run along.
        axis: usize,
        /// Sizes of the indices; besides at the axis at most those of `x`.
        index_shape: Vec<usize>,
    },
    /// `x [outer, len, inner], i [indices] -> [outer, indices, inner]`; indices as in [`Function::Lookup`].
    GatherAxis {
        /// Product of the sizes in front.
        outer: usize,
        /// Size of the axis.
        len: usize,
        /// Product of the sizes behind.
        inner: usize,
        /// Number of indices.
        indices: usize,
    },
    /// Discrete Fourier transform along the second axis of `x [outer, input_length, inner, complex_in ? 2 : 1]`, which is cut
    /// or filled with zeros to what the transform takes. As ONNX's DFT:
    ///
    /// | onesided | inverse | takes along the axis | result |
    /// |---|---|---|---|
    /// | no | any | `length` | `[outer, length, inner, 2]` |
    /// | yes | no | `length` | `[outer, length / 2 + 1, inner, 2]` |
    /// | yes | yes | `length / 2 + 1` | `[outer, length, inner, 1]`, real |
    ///
    /// The inverse is divided by `length`.
    Dft {
        /// Product of the sizes in front.
        outer: usize,
        /// Points of the transform.
        length: usize,
        /// Product of the sizes between the axis and the complex parts.
        inner: usize,
        /// Size of the input's axis.
        input_length: usize,
        /// The input has real and imaginary parts; else it is real.
        complex_in: bool,
        /// The spectrum is that of a real signal: its first half stands for all.
        onesided: bool,
        /// From spectrum to signal.
        inverse: bool,
    },
    /// Running sums along the middle axis of `[outer, len, inner]`.
    CumSum {
        /// Product of the sizes in front.
        outer: usize,
        /// Size of the axis.
        len: usize,
        /// Product of the sizes behind.
        inner: usize,
        /// Without the element itself.
        exclusive: bool,
        /// From the end.
        reverse: bool,
    },
}

/// All sizes of a [`Function`], checked against one another and for overflow.
pub(super) struct Sizes {
    pub inputs: Vec<usize>,
    pub output: usize,
    pub macs: u64,
    pub weights: usize,
}

/// The product; `None` if it overflows (or could not be addressed) or a factor is 0.
pub(super) fn product(factors: &[usize]) -> Option<usize> {
    let product = factors
        .iter()
        .try_fold(1usize, |product, factor| product.checked_mul(*factor))?;
    // In bytes at most what a slice may have.
    (product > 0 && product <= isize::MAX.cast_unsigned() / size_of::<f32>()).then_some(product)
}

fn fits(values: Option<&Arc<[f32]>>, len: usize) -> bool {
    values.is_none_or(|values| values.len() == len)
}

fn len(values: Option<&Arc<[f32]>>) -> usize {
    values.map_or(0, |values| values.len())
}

impl Function {
    /// Floats of each input. Empty if the sizes contradict one another: then there is no [`super::Kernel`] either.
    pub fn inputs(&self) -> Vec<usize> {
        self.sizes().map_or_else(Vec::new, |sizes| sizes.inputs)
    }

    /// Floats of the output, 0 if the sizes contradict one another.
    pub fn output(&self) -> usize {
        self.sizes().map_or(0, |sizes| sizes.output)
    }

    /// Multiply-adds of one run; functions without any count an operation per element touched.
    pub fn macs(&self) -> u64 {
        self.sizes().map_or(0, |sizes| sizes.macs)
    }

    /// Weights, biases and table entries.
    pub fn weights(&self) -> usize {
        self.sizes().map_or(0, |sizes| sizes.weights)
    }

    /// Short name, lower case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Dense { .. } => "dense",
            Self::Conv { .. } => "conv",
            Self::ConvTranspose { .. } => "conv_transpose",
            Self::MatMul { .. } => "matmul",
            Self::Recurrent { cell, .. } => match cell {
                Cell::Lstm => "lstm",
                Cell::Gru { .. } => "gru",
                Cell::Rnn { .. } => "rnn",
            },
            Self::Softmax { log: false, .. } => "softmax",
            Self::Softmax { log: true, .. } => "log_softmax",
            Self::LayerNorm { .. } => "layer_norm",
            Self::InstanceNorm { .. } => "instance_norm",
            Self::Reduce { .. } => "reduce",
            Self::ArgReduce { .. } => "arg_reduce",
            Self::MaxPool { .. } => "max_pool",
            Self::Sparse { .. } => "sparse",
            Self::Lookup { .. } => "lookup",
            Self::GatherElements { .. } => "gather_elements",
            Self::GatherAxis { .. } => "gather_axis",
            Self::Dft { .. } => "dft",
            Self::CumSum { .. } => "cumsum",
        }
    }

    /// `None` if sizes contradict one another or overflow.
    pub(super) fn sizes(&self) -> Option<Sizes> {
        let (inputs, output, macs, weights) = self.parts()?;
        Some(Sizes {
            inputs,
            output,
            macs: u64::try_from(macs).unwrap_or(u64::MAX),
            weights,
        })
    }

    fn parts(&self) -> Option<(Vec<usize>, usize, usize, usize)> {
        match self {
            Self::Dense {
                rows,
                inputs,
                outputs,
                weights,
                bias,
            } => {
                let matrix = product(&[*outputs, *inputs])?;
                let all = (vec![product(&[*rows, *inputs])?], product(&[*rows, *outputs])?);
                (weights.len() == matrix && fits(bias.as_ref(), *outputs)).then_some(())?;
                Some((all.0, all.1, rows.checked_mul(matrix)?, matrix + len(bias.as_ref())))
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
                let matrix = product(&[*outputs, *inputs / *groups, window.taps[0], window.taps[1]])?;
                (weights.len() == matrix && fits(bias.as_ref(), *outputs)).then_some(())?;
                Some((
                    vec![product(&[*batch, *inputs, window.size[0], window.size[1]])?],
                    product(&[*batch, *outputs, height, width])?,
                    product(&[*batch, height, width, matrix])?,
                    matrix + len(bias.as_ref()),
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
                let matrix = product(&[*inputs, *outputs / *groups, window.taps[0], window.taps[1]])?;
                (weights.len() == matrix && fits(bias.as_ref(), *outputs)).then_some(())?;
                output_size
                    .iter()
                    .try_for_each(|size| i64::try_from(*size).ok().map(|_| ()))?;
                Some((
                    vec![product(&[*batch, *inputs, window.size[0], window.size[1]])?],
                    product(&[*batch, *outputs, output_size[0], output_size[1]])?,
                    product(&[*batch, window.size[0], window.size[1], matrix])?,
                    matrix + len(bias.as_ref()),
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
                    vec![product(&[*a_count, *m, *k])?, product(&[*b_count, *k, *n])?],
                    product(&[batches, *m, *n])?,
                    product(&[batches, *m, *n, *k])?,
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
                let rows = product(&[directions, cell.gates(), *hidden])?;
                let (from_x, from_h) = (product(&[rows, *inputs])?, product(&[rows, *hidden])?);
                let state = product(&[directions, *batch, *hidden])?;
                let fits =
                    w.len() == from_x && r.len() == from_h && fits(b.as_ref(), product(&[2, rows])?) && (lstm || !c0);
                fits.then_some(())?;
                let mut all = vec![product(&[*steps, *batch, *inputs])?];
                all.extend([*h0, *c0].into_iter().filter(|given| *given).map(|_| state));
                let matrix = from_x.checked_add(from_h)?;
                Some((
                    all,
                    product(&[state, steps.checked_add(if lstm { 2 } else { 1 })?])?,
                    product(&[*steps, *batch, matrix])?,
                    matrix.checked_add(len(b.as_ref()))?,
                ))
            }
            Self::Softmax { outer, len, inner, .. } | Self::CumSum { outer, len, inner, .. } => {
                let all = product(&[*outer, *len, *inner])?;
                Some((vec![all], all, all, 0))
            }
            Self::LayerNorm {
                outer,
                len: row,
                scale,
                bias,
                ..
            } => {
                let all = product(&[*outer, *row])?;
                (scale.len() == *row && fits(bias.as_ref(), *row)).then_some(())?;
                Some((vec![all], all, all, scale.len() + len(bias.as_ref())))
            }
            Self::InstanceNorm {
                outer,
                channels,
                len: row,
                scale,
                bias,
                ..
            } => {
                let all = product(&[*outer, *channels, *row])?;
                (scale.len() == *channels && fits(bias.as_ref(), *channels)).then_some(())?;
                Some((vec![all], all, all, scale.len() + len(bias.as_ref())))
            }
            Self::Reduce { shape, axes, .. } => {
                let all = product(shape)?;
                (axes.len() == shape.len()).then_some(())?;
                let kept = shape.iter().zip(axes).filter(|(_, reduced)| !**reduced);
                Some((vec![all], kept.map(|(size, _)| size).product(), all, 0))
            }
            Self::ArgReduce { outer, len, inner, .. } => {
                let all = product(&[*outer, *len, *inner])?;
                Some((vec![all], all / len, all, 0))
            }
            Self::MaxPool { batch, channels, .. } => {
                let window = self.window()?;
                let [height, width] = window.output_size()?;
                let all = product(&[*batch, *channels, height, width])?;
                Some((
                    vec![product(&[*batch, *channels, window.size[0], window.size[1]])?],
                    all,
                    product(&[all, window.taps[0], window.taps[1]])?,
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
                    vec![product(&[*inputs])?],
                    product(&[offsets.len().checked_sub(1)?])?,
                    sources.len(),
                    weights.len(),
                ))
            }
            Self::Lookup {
                rows,
                width,
                table,
                indices,
            } => {
                (table.len() == product(&[*rows, *width])?).then_some(())?;
                let output = product(&[*indices, *width])?;
                Some((vec![*indices], output, output, table.len()))
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
                let output = product(index_shape)?;
                Some((vec![product(shape)?, output], output, output, 0))
            }
            Self::GatherAxis {
                outer,
                len,
                inner,
                indices,
            } => {
                let output = product(&[*outer, *indices, *inner])?;
                Some((vec![product(&[*outer, *len, *inner])?, *indices], output, output, 0))
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
                let lines = product(&[*outer, *inner])?;
                // About 2 N log₂ N multiply-adds.
                let macs = product(&[lines, *length, 2, length.ilog2() as usize + 1])?;
                Some((
                    vec![product(&[lines, *input_length, if *complex_in { 2 } else { 1 }])?],
                    product(&[lines, points, if *onesided && *inverse { 1 } else { 2 }])?,
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
