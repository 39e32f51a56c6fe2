//! Evaluates one operator on concrete tensors, by plain loops.
//!
//! Constant folding and the engine's reference interpreter share this code, so that a folded model computes what the file
//! says. Everything is here but convolutions and recurrent layers, which live in the engine beside their streaming kernels.
//! Runs on any thread but the audio thread; allocates; never panics: sizes are checked, and results are limited to
//! [`MAX_ELEMENTS`] elements.

mod elementwise;
mod fourier;
mod indexing;
mod layout;
mod linear;
mod normalise;
mod pool;
mod random;
mod reduce;
mod resize;
mod scatter;

use crate::op::Op;
use crate::tensor::{DType, Tensor, TensorData, elements};
use std::fmt;

/// The most elements that one result may have.
pub const MAX_ELEMENTS: usize = 1 << 28;

/// Why an operator could not be evaluated; the caller knows the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError(String);

impl EvalError {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The reason, half a sentence.
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EvalError {}

pub use resize::resize_taps;
pub(crate) use resize::scaled;

type Outcome<T = Tensor> = Result<T, EvalError>;

/// Evaluates `op` on `inputs`, in the order of the ONNX specification, `None` where an optional input is left out.
///
/// # Errors
/// [`EvalError`] if an input is missing, has an impossible type or shape, or the result would exceed [`MAX_ELEMENTS`]; also
/// for the operators that are evaluated elsewhere (`Conv`, `ConvTranspose`, `LSTM`, `GRU`, `RNN`) and for unknown ones.
pub fn eval(op: &Op, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, EvalError> {
    let args = Args(inputs);
    let single = match op {
        Op::Unary(unary) => elementwise::unary(*unary, args.get(0)?),
        Op::Binary(binary) => elementwise::variadic(*binary, args),
        Op::Sum => elementwise::sum(args),
        Op::PRelu => elementwise::prelu(args.get(0)?, args.get(1)?),
        Op::Clip => elementwise::clip(args.get(0)?, args.optional(1), args.optional(2)),
        Op::Where => elementwise::select(args.get(0)?, args.get(1)?, args.get(2)?),
        Op::Cast { to, narrowed } => elementwise::cast(args.get(0)?, *to, *narrowed),
        Op::MatMul => linear::matmul(args.get(0)?, args.get(1)?),
        Op::Gemm {
            alpha,
            beta,
            trans_a,
            trans_b,
        } => linear::gemm(
            args.get(0)?,
            args.get(1)?,
            args.optional(2),
            *alpha,
            *beta,
            *trans_a,
            *trans_b,
        ),
        Op::Slice => indexing::slice(args),
        Op::Gather { axis } => indexing::gather(args.get(0)?, args.get(1)?, *axis),
        Op::GatherElements { axis } => indexing::gather_elements(args.get(0)?, args.get(1)?, *axis),
        Op::Pad { mode } => indexing::pad(*mode, args),
        Op::Concat { axis } => layout::concat(args, *axis),
        Op::Transpose { perm } => layout::transpose(args.get(0)?, perm),
        Op::Reshape { allow_zero } => layout::reshape(args.get(0)?, args.ints(1)?, *allow_zero),
        Op::Flatten { axis } => layout::flatten(args.get(0)?, *axis),
        Op::Squeeze => layout::squeeze(args.get(0)?, args.optional(1).map(ints).transpose()?),
        Op::Unsqueeze => layout::unsqueeze(args.get(0)?, args.ints(1)?),
        Op::Expand => layout::expand(args.get(0)?, args.ints(1)?),
        Op::Tile => layout::tile(args.get(0)?, args.ints(1)?),
        Op::Shape { start, end } => layout::shape(args.get(0)?, *start, *end),
        Op::Size => layout::size(args.get(0)?),
        Op::ConstantOfShape { value } => layout::constant_of_shape(args.ints(0)?, value),
        Op::Range => layout::range(args.get(0)?, args.get(1)?, args.get(2)?),
        Op::Reduce {
            reduction,
            keep_dims,
            noop_with_empty_axes,
        } => {
            let axes = args.optional(1).map(ints).transpose()?;
            reduce::reduce(*reduction, args.get(0)?, axes, *keep_dims, *noop_with_empty_axes)
        }
        Op::ArgReduce {
            max,
            axis,
            keep_dims,
            select_last,
        } => reduce::arg_reduce(args.get(0)?, *max, *axis, *keep_dims, *select_last),
        Op::Softmax { axis, log } => reduce::softmax(args.get(0)?, *axis, *log),
        Op::BatchNormalization { epsilon } => normalise::batch(args, *epsilon),
        Op::LayerNormalization { axis, epsilon } => normalise::layer(args, *axis, *epsilon),
        Op::InstanceNormalization { epsilon } => normalise::instance(args, *epsilon),
        Op::MaxPool { window, ceil_mode } => pool::max(args.get(0)?, window, *ceil_mode),
        Op::AveragePool {
            window,
            ceil_mode,
            count_include_pad,
        } => pool::average(args.get(0)?, window, *ceil_mode, *count_include_pad),
        Op::Split { axis } => {
            return Err(EvalError::new(format!(
                "Split along axis {axis} needs its number of outputs: use eval_split"
            )));
        }
        Op::Conv { .. } | Op::ConvTranspose { .. } | Op::Lstm { .. } | Op::Gru { .. } | Op::Rnn { .. } => {
            Err(EvalError::new(format!("{} is evaluated by the engine", op.name())))
        }
        Op::Resize { mode, coordinates } => resize::resize(args, *mode, *coordinates),
        Op::Trilu { upper } => indexing::trilu(args, *upper),
        Op::Dft {
            axis,
            inverse,
            onesided,
        } => fourier::dft(args, *axis, *inverse, *onesided),
        Op::Stft { onesided } => fourier::stft(args, *onesided),
        Op::ScatterNd => scatter::scatter_nd(args),
        Op::ScatterElements { axis } => scatter::scatter_elements(args, *axis),
        Op::GatherNd => scatter::gather_nd(args),
        Op::CumSum {
            axis,
            exclusive,
            reverse,
        } => reduce::cum_sum(args.get(0)?, *axis, *exclusive, *reverse),
        Op::Random { distribution, seed } => random::random(args.ints(0)?, *distribution, *seed),
        Op::Unsupported { name } => Err(EvalError::new(format!("the operator '{name}' is not known"))),
    };
    single.map(|tensor| vec![tensor])
}

/// Evaluates `Split` along `axis` into `outputs` parts: as given by input 1, or equal ones (the last smaller if it must be).
///
/// # Errors
/// [`EvalError`] as for [`eval`].
pub fn eval_split(axis: usize, inputs: &[Option<&Tensor>], outputs: usize) -> Result<Vec<Tensor>, EvalError> {
    let args = Args(inputs);
    indexing::split(args.get(0)?, args.optional(1).map(ints).transpose()?, axis, outputs)
}

/// The arguments of an operator.
#[derive(Clone, Copy)]
struct Args<'a>(&'a [Option<&'a Tensor>]);

impl<'a> Args<'a> {
    fn optional(self, index: usize) -> Option<&'a Tensor> {
        self.0.get(index).copied().flatten()
    }

    fn get(self, index: usize) -> Outcome<&'a Tensor> {
        self.optional(index)
            .ok_or_else(|| EvalError::new(format!("input {index} is missing")))
    }

    fn ints(self, index: usize) -> Outcome<&'a [i64]> {
        ints(self.get(index)?)
    }
}

fn ints(tensor: &Tensor) -> Outcome<&[i64]> {
    tensor
        .as_i64()
        .ok_or_else(|| EvalError::new(format!("an integer input is wanted, not {:?}", tensor.dtype())))
}

fn floats(tensor: &Tensor) -> Outcome<&[f32]> {
    tensor
        .as_f32()
        .ok_or_else(|| EvalError::new(format!("a float input is wanted, not {:?}", tensor.dtype())))
}

/// The number of elements of `shape`, within the limit.
fn limited(shape: &[usize]) -> Outcome<usize> {
    elements(shape).filter(|count| *count <= MAX_ELEMENTS).ok_or_else(|| {
        EvalError::new(format!(
            "the result {shape:?} would have more than {MAX_ELEMENTS} elements"
        ))
    })
}

fn build(shape: Vec<usize>, data: TensorData) -> Outcome {
    Tensor::new(shape, data).ok_or_else(|| EvalError::new("the result's size does not match its shape"))
}

fn float(shape: Vec<usize>, data: Vec<f32>) -> Outcome {
    build(shape, TensorData::F32(data))
}

/// `axis` of the specification (negative counts from the end) as an index below `rank`.
fn axis_index(axis: i64, rank: usize) -> Outcome<usize> {
    let wrapped = if axis < 0 {
        axis.checked_add(i64::try_from(rank).unwrap_or(i64::MAX))
    } else {
        Some(axis)
    };
    wrapped
        .and_then(|axis| usize::try_from(axis).ok())
        .filter(|axis| *axis < rank)
        .ok_or_else(|| EvalError::new(format!("axis {axis} does not exist in a tensor of {rank} axes")))
}

fn check_axis(axis: usize, shape: &[usize]) -> Outcome<usize> {
    if axis < shape.len() {
        Ok(shape[axis])
    } else {
        Err(EvalError::new(format!("axis {axis} does not exist in shape {shape:?}")))
    }
}

/// `(outer, size, inner)`: how many slices lie before `axis`, along it, and behind it.
fn around(shape: &[usize], axis: usize) -> Outcome<(usize, usize, usize)> {
    let size = check_axis(axis, shape)?;
    Ok((shape[..axis].iter().product(), size, shape[axis + 1..].iter().product()))
}

/// Picks elements by index into a new tensor of `shape`. Every index must exist.
fn pick(tensor: &Tensor, shape: Vec<usize>, indices: impl Iterator<Item = usize>) -> Outcome {
    fn take<T: Copy>(data: &[T], indices: impl Iterator<Item = usize>) -> Outcome<Vec<T>> {
        indices
            .map(|index| {
                data.get(index)
                    .copied()
                    .ok_or_else(|| EvalError::new("an index lies outside of the tensor"))
            })
            .collect()
    }
    limited(&shape)?;
    let data = match tensor.data() {
        TensorData::F32(data) => TensorData::F32(take(data, indices)?),
        TensorData::I64(data) => TensorData::I64(take(data, indices)?),
        TensorData::Bool(data) => TensorData::Bool(take(data, indices)?),
    };
    build(shape, data)
}

/// The elements of a tensor as one type for arithmetic that does not care.
fn dtype_error(tensor: &Tensor, what: &str) -> EvalError {
    let dtype: DType = tensor.dtype();
    EvalError::new(format!("{what} is not defined for {dtype:?}"))
}

/// Row-major strides.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
    }
    strides
}

/// All coordinates of a tensor of `shape`, last axis fastest, as flat indices `Σ coordinate · stride` with other strides.
fn walk<'a>(shape: &'a [usize], strides: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    let total: usize = shape.iter().product();
    let mut place = vec![0usize; shape.len()];
    let mut flat = 0usize;
    (0..total).map(move |_| {
        let current = flat;
        for axis in (0..shape.len()).rev() {
            place[axis] += 1;
            flat += strides[axis];
            if place[axis] < shape[axis] {
                break;
            }
            flat -= strides[axis] * shape[axis];
            place[axis] = 0;
        }
        current
    })
}

/// The common shape of NumPy broadcasting.
fn broadcast(a: &[usize], b: &[usize]) -> Outcome<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |index| shape[index]);
    (0..rank)
        .map(|axis| match (size(a, axis), size(b, axis)) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            _ => Err(EvalError::new(format!("shapes {a:?} and {b:?} do not broadcast"))),
        })
        .collect()
}

/// Strides that repeat a tensor of `shape` over `target`; both are broadcastable.
fn broadcast_strides(shape: &[usize], target: &[usize]) -> Vec<usize> {
    let own = strides(shape);
    let missing = target.len() - shape.len();
    (0..target.len())
        .map(|axis| match axis.checked_sub(missing) {
            Some(index) if shape[index] != 1 => own[index],
            _ => 0,
        })
        .collect()
}

#[cfg(test)]
mod tests;
