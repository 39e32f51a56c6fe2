//! What a frame function computes: the list, with all sizes and weights.

use crate::Cell;
use std::sync::Arc;

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
            Self::Recurrent { cell, .. } => cell.name(),
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
}
