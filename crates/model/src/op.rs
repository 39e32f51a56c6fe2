//! Operators, with typed attributes, in one normal form.
//!
//! Readers bring all versions of the ONNX operator sets into the newest form: what became an input in a later set (`axes` of
//! `Squeeze`, `starts` of `Slice`, `pads` of `Pad`, bounds of `Clip`) is an input here, fed by a constant if the file had it as
//! an attribute. Input and output order are those of the ONNX specification.

mod elementwise;

use crate::tensor::{DType, Tensor};
pub use elementwise::{Binary, Reduction, Unary};

/// How a convolution or pooling layer pads, per spatial axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AutoPad {
    /// By the explicit `pads`.
    NotSet,
    /// So that `out = ceil(in / stride)`, the odd one at the end.
    SameUpper,
    /// So that `out = ceil(in / stride)`, the odd one at the beginning.
    SameLower,
    /// None.
    Valid,
}

/// A window that slides over the spatial axes. All vectors have one entry per spatial axis, `pads` two (all begins, then all
/// ends; the two may differ).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Taps per axis.
    pub kernel: Vec<usize>,
    /// Step per axis, at least 1.
    pub strides: Vec<usize>,
    /// Distance of two taps per axis, at least 1.
    pub dilations: Vec<usize>,
    /// Explicit padding, `[begin…, end…]`; used if `auto_pad` is [`AutoPad::NotSet`]. Negative values crop.
    pub pads: Vec<i64>,
    /// Padding rule.
    pub auto_pad: AutoPad,
}

/// Direction of a recurrent layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the first frame to the last.
    Forward,
    /// From the last frame to the first.
    Reverse,
    /// Both, as two sets of weights.
    Bidirectional,
}

/// What LSTM, GRU and RNN have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrent {
    /// Units of one direction.
    pub hidden: usize,
    /// Direction.
    pub direction: Direction,
    /// False: `[time, batch, features]`; true: `[batch, time, features]` (ONNX `layout` 1).
    pub batch_first: bool,
    /// Activations by name if the file names others than the default; one group per direction.
    pub activations: Option<Vec<String>>,
    /// Bound on the pre-activations, if the file sets one.
    pub clip: Option<f32>,
}

/// What [`Op::Pad`] writes into the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PadMode {
    /// A constant.
    Constant,
    /// The signal mirrored, border sample not repeated.
    Reflect,
    /// The border sample.
    Edge,
    /// The other end.
    Wrap,
}

/// Which of the two neighbours [`ResizeMode::Nearest`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// The nearer, the lower of two as near.
    PreferFloor,
    /// The nearer, the upper of two as near.
    PreferCeil,
    /// The lower.
    Floor,
    /// The upper.
    Ceil,
}

/// How [`Op::Resize`] makes values between the elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ResizeMode {
    /// One neighbour.
    Nearest(Rounding),
    /// Two neighbours per axis, weighted by distance.
    Linear,
    /// Four neighbours per axis.
    Cubic {
        /// Coefficient of the cubic, −0.75 in PyTorch.
        a: f32,
    },
}

/// Which place of the input element `i` of [`Op::Resize`]'s output looks at; `scale` is output size / input size, or as given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coordinates {
    /// `(i + ½) / scale − ½`.
    HalfPixel,
    /// As [`Self::HalfPixel`], but the middles of input and output stay together where the output size was rounded.
    HalfPixelSymmetric,
    /// As [`Self::HalfPixel`], but 0 if the output size is 1.
    PytorchHalfPixel,
    /// `i / scale`.
    Asymmetric,
    /// `i · (input size − 1) / (output size − 1)`.
    AlignCorners,
}

/// What [`Op::Random`] draws from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// The normal distribution.
    Normal {
        /// Its mean.
        mean: f32,
        /// Its standard deviation.
        scale: f32,
    },
    /// Evenly from `low .. high`.
    Uniform {
        /// Lower bound.
        low: f32,
        /// Upper bound, exclusive.
        high: f32,
    },
}

/// An operator. Names are those of ONNX.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Op {
    /// `x [B, C, …], w [M, C/group, …taps], b [M]? -> [B, M, …]`.
    Conv {
        /// Geometry.
        window: Window,
        /// Groups of channels.
        group: usize,
    },
    /// `x [B, C, …], w [C, M/group, …taps], b [M]? -> [B, M, …]`.
    ConvTranspose {
        /// Geometry.
        window: Window,
        /// Groups of channels.
        group: usize,
        /// Extra size at the end, per axis.
        output_padding: Vec<usize>,
        /// Explicit output size, per axis, if given.
        output_shape: Option<Vec<usize>>,
    },
    /// `x, w [D, 4H, I], r [D, 4H, H], b [D, 8H]?, lens?, h0?, c0?, p [D, 3H]? -> y, h, c`; gates in the order i, o, f, c.
    Lstm {
        /// Shared attributes.
        recurrent: Recurrent,
        /// Couples the input and forget gates.
        input_forget: bool,
    },
    /// `x, w [D, 3H, I], r [D, 3H, H], b [D, 6H]?, lens?, h0? -> y, h`; gates in the order z, r, h.
    Gru {
        /// Shared attributes.
        recurrent: Recurrent,
        /// Applies the reset gate after the recurrent product (as PyTorch does).
        linear_before_reset: bool,
    },
    /// `x, w [D, H, I], r [D, H, H], b [D, 2H]?, lens?, h0? -> y, h`.
    Rnn {
        /// Shared attributes.
        recurrent: Recurrent,
    },
    /// `alpha · A' · B' + beta · C`.
    Gemm {
        /// Scale of the product.
        alpha: f32,
        /// Scale of `C`.
        beta: f32,
        /// `A` is transposed.
        trans_a: bool,
        /// `B` is transposed.
        trans_b: bool,
    },
    /// Matrix product over the last two axes, the others broadcast.
    MatMul,
    /// Element-wise, one argument.
    Unary(Unary),
    /// Element-wise, two arguments.
    Binary(Binary),
    /// Sum of any number of arguments.
    Sum,
    /// `x` for `x ≥ 0`, else `slope · x`; `slope` broadcasts towards `x`.
    PRelu,
    /// `x, min?, max?`.
    Clip,
    /// `cond, a, b`.
    Where,
    /// To another element type.
    Cast {
        /// The new type.
        to: DType,
        /// True if the file asks for a type narrower than ours (checked for range where it matters).
        narrowed: bool,
    },
    /// `x, sizes?` along `axis`; without sizes, equal parts.
    Split {
        /// Axis, counted from the front.
        axis: usize,
    },
    /// `x, starts, ends, axes?, steps?`.
    Slice,
    /// Along `axis`.
    Concat {
        /// Axis, counted from the front.
        axis: usize,
    },
    /// Axes reordered.
    Transpose {
        /// `out.axis[i] = in.axis[perm[i]]`.
        perm: Vec<usize>,
    },
    /// `x, shape`; −1 is inferred, 0 copies unless `allow_zero`.
    Reshape {
        /// 0 means 0.
        allow_zero: bool,
    },
    /// To two axes, split at `axis`.
    Flatten {
        /// First axis of the second group.
        axis: usize,
    },
    /// `x, axes?`.
    Squeeze,
    /// `x, axes`.
    Unsqueeze,
    /// `x, shape`, by broadcasting.
    Expand,
    /// `x, repeats`.
    Tile,
    /// `x, indices` along `axis`.
    Gather {
        /// Axis, counted from the front.
        axis: usize,
    },
    /// `x, indices` of one rank, along `axis`.
    GatherElements {
        /// Axis, counted from the front.
        axis: usize,
    },
    /// `x, pads, value?, axes?`.
    Pad {
        /// Border.
        mode: PadMode,
    },
    /// Sizes of the axes `start .. end`.
    Shape {
        /// First axis.
        start: i64,
        /// End, exclusive; `None` for all.
        end: Option<i64>,
    },
    /// Number of elements.
    Size,
    /// A tensor of the shape given by the input, filled with one value.
    ConstantOfShape {
        /// The fill, one element.
        value: Tensor,
    },
    /// `start, limit, delta`.
    Range,
    /// `x, axes?`.
    Reduce {
        /// What is computed.
        reduction: Reduction,
        /// Reduced axes stay with size 1.
        keep_dims: bool,
        /// Without axes nothing is reduced (instead of everything).
        noop_with_empty_axes: bool,
    },
    /// Index of the largest or smallest along `axis`.
    ArgReduce {
        /// True for the largest.
        max: bool,
        /// Axis, counted from the front.
        axis: usize,
        /// The axis stays with size 1.
        keep_dims: bool,
        /// Ties give the last index.
        select_last: bool,
    },
    /// Along `axis`.
    Softmax {
        /// Axis, counted from the front.
        axis: usize,
        /// Logarithm of it.
        log: bool,
    },
    /// `x, scale, bias, mean, var`, inference form, channels on axis 1.
    BatchNormalization {
        /// Added to the variance.
        epsilon: f32,
    },
    /// `x, scale, bias?` over the axes from `axis` on.
    LayerNormalization {
        /// First axis normalised, counted from the front.
        axis: usize,
        /// Added to the variance.
        epsilon: f32,
    },
    /// `x, scale, bias`, per channel over the spatial axes.
    InstanceNormalization {
        /// Added to the variance.
        epsilon: f32,
    },
    /// Largest in each window.
    MaxPool {
        /// Geometry.
        window: Window,
        /// Rounds the output size up.
        ceil_mode: bool,
    },
    /// Mean of each window.
    AveragePool {
        /// Geometry.
        window: Window,
        /// Rounds the output size up.
        ceil_mode: bool,
        /// Padding counts as zeros in the mean.
        count_include_pad: bool,
    },
    /// `x, roi?, scales?, sizes?`, interpolated along every axis whose size changes; exactly one of `scales` (float) and `sizes`
    /// (integer) is given, with one entry per axis of `x`. `roi` is never read.
    Resize {
        /// Interpolation.
        mode: ResizeMode,
        /// Placement.
        coordinates: Coordinates,
    },
    /// `x, k?`: the part of each matrix (the last two axes) on one side of diagonal `k`, the diagonal included; the rest is 0.
    Trilu {
        /// The upper part stays instead of the lower.
        upper: bool,
    },
    /// `x [.., N, .., 1 or 2], length? -> [.., n, .., 2]`: discrete Fourier transform along `axis`, real and imaginary part on
    /// the last axis. `length` cuts or zero-pads the axis first. The inverse divides by the length. `onesided` leaves
    /// `length / 2 + 1` bins of a real input; an inverse that is onesided takes so many and gives a real signal (last axis 1).
    Dft {
        /// Axis, counted from the front.
        axis: usize,
        /// From frequency to time.
        inverse: bool,
        /// Half of the bins stand for all.
        onesided: bool,
    },
    /// `x [B, T] or [B, T, 1 or 2], step, window?, length? -> [B, frames, bins, 2]`.
    Stft {
        /// `length / 2 + 1` bins instead of `length`.
        onesided: bool,
    },
    /// `x, indices [.., K], updates`: `x` with the elements (or slices) at the indices replaced.
    ScatterNd,
    /// `x, indices, updates` of one rank: `x` with elements along `axis` replaced.
    ScatterElements {
        /// Axis, counted from the front.
        axis: usize,
    },
    /// `x, indices [.., K]`: the elements (or slices) at the indices.
    GatherNd,
    /// Running sums of `x` along `axis`.
    CumSum {
        /// Axis, counted from the front.
        axis: usize,
        /// Each sum leaves out its own element.
        exclusive: bool,
        /// From the end.
        reverse: bool,
    },
    /// `shape -> floats` drawn at random: never folded.
    Random {
        /// What is drawn from.
        distribution: Distribution,
        /// Where the file fixes the sequence.
        seed: Option<f32>,
    },
    /// An operator that a reader knows by name but that nothing here computes; compiling it is refused with its name.
    Unsupported {
        /// `domain.Name`, the domain left out for standard operators.
        name: String,
    },
}

impl Op {
    /// The ONNX name.
    pub fn name(&self) -> &str {
        match self {
            Self::Conv { .. } => "Conv",
            Self::ConvTranspose { .. } => "ConvTranspose",
            Self::Lstm { .. } => "LSTM",
            Self::Gru { .. } => "GRU",
            Self::Rnn { .. } => "RNN",
            Self::Gemm { .. } => "Gemm",
            Self::MatMul => "MatMul",
            Self::Unary(unary) => unary.name(),
            Self::Binary(binary) => binary.name(),
            Self::Sum => "Sum",
            Self::PRelu => "PRelu",
            Self::Clip => "Clip",
            Self::Where => "Where",
            Self::Cast { .. } => "Cast",
            Self::Split { .. } => "Split",
            Self::Slice => "Slice",
            Self::Concat { .. } => "Concat",
            Self::Transpose { .. } => "Transpose",
            Self::Reshape { .. } => "Reshape",
            Self::Flatten { .. } => "Flatten",
            Self::Squeeze => "Squeeze",
            Self::Unsqueeze => "Unsqueeze",
            Self::Expand => "Expand",
            Self::Tile => "Tile",
            Self::Gather { .. } => "Gather",
            Self::GatherElements { .. } => "GatherElements",
            Self::Pad { .. } => "Pad",
            Self::Shape { .. } => "Shape",
            Self::Size => "Size",
            Self::ConstantOfShape { .. } => "ConstantOfShape",
            Self::Range => "Range",
            Self::Reduce { reduction, .. } => reduction.name(),
            Self::ArgReduce { max: true, .. } => "ArgMax",
            Self::ArgReduce { max: false, .. } => "ArgMin",
            Self::Softmax { log: false, .. } => "Softmax",
            Self::Softmax { log: true, .. } => "LogSoftmax",
            Self::BatchNormalization { .. } => "BatchNormalization",
            Self::LayerNormalization { .. } => "LayerNormalization",
            Self::InstanceNormalization { .. } => "InstanceNormalization",
            Self::MaxPool { .. } => "MaxPool",
            Self::AveragePool { .. } => "AveragePool",
            Self::Resize { .. } => "Resize",
            Self::Trilu { .. } => "Trilu",
            Self::Dft { .. } => "DFT",
            Self::Stft { .. } => "STFT",
            Self::ScatterNd => "ScatterND",
            Self::ScatterElements { .. } => "ScatterElements",
            Self::GatherNd => "GatherND",
            Self::CumSum { .. } => "CumSum",
            Self::Random {
                distribution: Distribution::Normal { .. },
                ..
            } => "RandomNormal",
            Self::Random {
                distribution: Distribution::Uniform { .. },
                ..
            } => "RandomUniform",
            Self::Unsupported { name } => name,
        }
    }
}
