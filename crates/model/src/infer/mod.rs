//! What is known of every wire before anything runs: element type, shape up to symbols, and the elements where they follow
//! from constants and sizes alone.
//!
//! A contradiction (a layer whose weights do not fit its input) is an error here: no runtime could run such a model.

mod layers;
mod ratios;
mod sampling;
mod shapes;
mod values;

use crate::error::{ReadError, ReadErrorKind, Result, fail};
use crate::op::{Binary, Op, Unary};
use crate::symbolic::{Ordering, SymInt};
use crate::tensor::{DType, Tensor, TensorData};
pub(crate) use ratios::Ratio;
use std::rc::Rc;

/// Most elements of a tensor that is followed symbolically.
pub(crate) const MAX_SYMBOLIC: usize = 128;

/// What is known of one wire.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub dtype: DType,
    pub shape: Vec<SymInt>,
    pub constant: Option<Rc<Tensor>>,
    pub symbolic: Option<Vec<SymInt>>,
    /// The elements of a small float tensor that are fractions of sizes; `None` for those that are not.
    pub ratios: Option<Vec<Option<Ratio>>>,
    /// True where nothing is known, not even the number of axes: behind an operator that is not supported.
    pub opaque: bool,
}

impl Fact {
    pub(crate) fn new(dtype: DType, shape: Vec<SymInt>) -> Self {
        Self {
            dtype,
            shape,
            constant: None,
            symbolic: None,
            ratios: None,
            opaque: false,
        }
    }

    pub(crate) fn opaque() -> Self {
        Self {
            opaque: true,
            ..Self::new(DType::F32, Vec::new())
        }
    }

    pub(crate) fn constant(tensor: Tensor) -> Self {
        let shape = tensor
            .shape()
            .iter()
            .map(|size| SymInt::from(&crate::graph::Dim::Known(*size)))
            .collect();
        Self {
            constant: Some(Rc::new(tensor)),
            ..Self::new(DType::F32, shape)
        }
        .with_constant_type()
    }

    fn with_constant_type(mut self) -> Self {
        if let Some(tensor) = &self.constant {
            self.dtype = tensor.dtype();
        }
        self
    }

    /// All sizes, if all are numbers.
    pub(crate) fn known_shape(&self) -> Option<Vec<usize>> {
        self.shape
            .iter()
            .map(|size| size.known().and_then(|size| usize::try_from(size).ok()))
            .collect()
    }

    /// The elements, if they are integers or truth values that are followed.
    pub(crate) fn elements(&self) -> Option<Vec<SymInt>> {
        if let Some(symbolic) = &self.symbolic {
            return Some(symbolic.clone());
        }
        let tensor = self.constant.as_ref().filter(|tensor| tensor.len() <= MAX_SYMBOLIC)?;
        match tensor.data() {
            TensorData::I64(data) => Some(data.iter().map(|value| SymInt::Known(*value)).collect()),
            TensorData::Bool(data) => Some(data.iter().map(|value| SymInt::Known(i64::from(*value))).collect()),
            TensorData::F32(_) => None,
        }
    }

    /// `[1, T, 24]`.
    pub(crate) fn show(&self) -> String {
        let sizes: Vec<String> = self.shape.iter().map(SymInt::to_string).collect();
        format!("[{}]", sizes.join(", "))
    }
}

/// The facts of a node's inputs.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a>(pub &'a [Option<&'a Fact>]);

impl<'a> Facts<'a> {
    pub(crate) fn opt(self, index: usize) -> Option<&'a Fact> {
        self.0.get(index).copied().flatten()
    }

    pub(crate) fn get(self, index: usize) -> Result<&'a Fact> {
        match self.opt(index) {
            Some(fact) => Ok(fact),
            None => fail!(Node, "its input {index} is missing"),
        }
    }

    fn float(self, index: usize) -> Result<&'a Fact> {
        let fact = self.get(index)?;
        if fact.dtype != DType::F32 {
            fail!(Shape, "its input {index} is {:?}, but must be float", fact.dtype);
        }
        Ok(fact)
    }

    fn opt_float(self, index: usize) -> Result<Option<&'a Fact>> {
        self.opt(index).map(|_| self.float(index)).transpose()
    }
}

/// True if two sizes can never be equal.
pub(crate) fn differ(a: &SymInt, b: &SymInt) -> bool {
    match (a, b) {
        (SymInt::Known(a), SymInt::Known(b)) => a != b,
        (SymInt::Affine(x), SymInt::Affine(y)) if (x.num(), x.den()) == (y.num(), y.den()) => {
            matches!(a.order(b), Some(Ordering::Less | Ordering::Greater))
        }
        _ => false,
    }
}

/// The better known of two equal sizes.
pub(crate) fn either(a: &SymInt, b: &SymInt) -> SymInt {
    match (a, b) {
        (SymInt::Known(_), _) | (_, SymInt::Unknown) => a.clone(),
        _ => b.clone(),
    }
}

fn product(sizes: &[SymInt]) -> SymInt {
    sizes.iter().fold(SymInt::Known(1), |product, size| product.mul(size))
}

/// The facts of `op`'s `outputs` outputs; the shapes hold no negative sizes.
///
/// # Errors
/// `Shape` if the inputs contradict the operator, `Node` if one is missing.
pub(crate) fn infer(op: &Op, inputs: Facts<'_>, outputs: usize) -> Result<Vec<Fact>> {
    let mut facts = shapes_of(op, inputs, outputs)?;
    for fact in &facts {
        if fact.shape.iter().any(|size| size.to_dim().is_none()) {
            fail!(
                Shape,
                "its output would have the shape {}: the input is shorter than the operator needs",
                fact.show()
            );
        }
    }
    values::follow(op, inputs, &mut facts)?;
    Ok(facts)
}

fn shapes_of(op: &Op, inputs: Facts<'_>, outputs: usize) -> Result<Vec<Fact>> {
    let float = |shape| Ok(vec![Fact::new(DType::F32, shape)]);
    let like = |fact: &Fact, shape| Ok(vec![Fact::new(fact.dtype, shape)]);
    match op {
        Op::Conv { window, group } => float(layers::conv(inputs, window, *group)?),
        Op::ConvTranspose {
            window,
            group,
            output_padding,
            output_shape,
        } => float(layers::conv_transpose(
            inputs,
            window,
            *group,
            output_padding,
            output_shape.as_deref(),
        )?),
        Op::Lstm { recurrent, .. } => layers::recurrent(inputs, recurrent, 4, true),
        Op::Gru { recurrent, .. } => layers::recurrent(inputs, recurrent, 3, false),
        Op::Rnn { recurrent } => layers::recurrent(inputs, recurrent, 1, false),
        Op::Gemm { trans_a, trans_b, .. } => float(layers::gemm(inputs, *trans_a, *trans_b)?),
        Op::MatMul => float(layers::matmul(inputs)?),
        Op::Unary(unary) => {
            let x = inputs.get(0)?;
            let takes = match unary {
                Unary::Not => x.dtype == DType::Bool,
                Unary::Neg | Unary::Abs | Unary::Sign | Unary::Relu => x.dtype != DType::Bool,
                _ => x.dtype == DType::F32,
            };
            if !takes {
                fail!(Shape, "its input is {:?}, which it does not take", x.dtype);
            }
            match unary {
                Unary::IsNan | Unary::IsInf { .. } => Ok(vec![Fact::new(DType::Bool, x.shape.clone())]),
                _ => like(x, x.shape.clone()),
            }
        }
        Op::Binary(binary) => {
            let (a, b) = (inputs.get(0)?, inputs.get(1)?);
            Ok(vec![Fact::new(binary_type(*binary, a, b)?, shapes::broadcast(a, b)?)])
        }
        Op::Sum => {
            let mut total = inputs.get(0)?.clone();
            for index in 1..inputs.0.len() {
                let next = inputs.get(index)?;
                binary_type(Binary::Add, &total, next)?;
                total = Fact::new(total.dtype, shapes::broadcast(&total, next)?);
            }
            like(&total, total.shape.clone())
        }
        Op::PRelu => {
            let (x, slope) = (inputs.float(0)?, inputs.float(1)?);
            let shape = shapes::broadcast(x, slope)?;
            if shape.len() != x.shape.len() || shape.iter().zip(&x.shape).any(|(a, b)| differ(a, b)) {
                fail!(
                    Shape,
                    "its slope of shape {} does not fit its input of shape {}",
                    slope.show(),
                    x.show()
                );
            }
            float(x.shape.clone())
        }
        Op::Clip => {
            let x = inputs.get(0)?;
            for bound in [inputs.opt(1), inputs.opt(2)].into_iter().flatten() {
                if bound.dtype != x.dtype || product(&bound.shape) != SymInt::Known(1) {
                    fail!(
                        Shape,
                        "its bound of shape {} is not one number of the input's type",
                        bound.show()
                    );
                }
            }
            like(x, x.shape.clone())
        }
        Op::Where => {
            let (condition, a, b) = (inputs.get(0)?, inputs.get(1)?, inputs.get(2)?);
            if condition.dtype != DType::Bool || a.dtype != b.dtype {
                fail!(
                    Shape,
                    "it chooses between {:?} and {:?} by {:?}",
                    a.dtype,
                    b.dtype,
                    condition.dtype
                );
            }
            let both = Fact::new(a.dtype, shapes::broadcast(a, b)?);
            like(&both, shapes::broadcast(condition, &both)?)
        }
        Op::Cast { to, .. } => Ok(vec![Fact::new(*to, inputs.get(0)?.shape.clone())]),
        Op::Split { axis } => shapes::split(inputs, *axis, outputs),
        Op::Slice => like(inputs.get(0)?, shapes::slice(inputs)?),
        Op::Concat { axis } => shapes::concat(inputs, *axis),
        Op::Transpose { perm } => {
            let x = inputs.get(0)?;
            like(x, perm.iter().filter_map(|axis| x.shape.get(*axis).cloned()).collect())
        }
        Op::Reshape { allow_zero } => like(inputs.get(0)?, shapes::reshape(inputs, *allow_zero)?),
        Op::Flatten { axis } => {
            let x = inputs.get(0)?;
            let (outer, inner) = x.shape.split_at((*axis).min(x.shape.len()));
            like(x, vec![product(outer), product(inner)])
        }
        Op::Squeeze => like(inputs.get(0)?, shapes::squeeze(inputs)?),
        Op::Unsqueeze => like(inputs.get(0)?, shapes::unsqueeze(inputs)?),
        Op::Expand => like(inputs.get(0)?, shapes::expand(inputs)?),
        Op::Tile => like(inputs.get(0)?, shapes::tile(inputs)?),
        Op::Gather { axis } => {
            let (x, indices) = (inputs.get(0)?, shapes::integers(inputs, 1)?);
            let (before, after) = x.shape.split_at((*axis).min(x.shape.len()));
            like(x, [before, &indices.shape, after.get(1..).unwrap_or(&[])].concat())
        }
        Op::GatherElements { .. } => {
            let (x, indices) = (inputs.get(0)?, shapes::integers(inputs, 1)?);
            if x.shape.len() != indices.shape.len() {
                fail!(
                    Shape,
                    "its indices have the shape {} and its input {}",
                    indices.show(),
                    x.show()
                );
            }
            like(x, indices.shape.clone())
        }
        Op::Pad { .. } => like(inputs.get(0)?, shapes::pad(inputs)?),
        Op::Shape { start, end } => {
            let range = values::shape_range(inputs.get(0)?.shape.len(), *start, *end);
            Ok(vec![Fact::new(DType::I64, vec![SymInt::Known(range.len() as i64)])])
        }
        Op::Size => Ok(vec![Fact::new(DType::I64, Vec::new())]),
        Op::ConstantOfShape { value } => {
            let shape = shapes::target(inputs, 0)?;
            Ok(vec![Fact::new(value.dtype(), shape)])
        }
        Op::Range => shapes::range(inputs),
        Op::Reduce {
            keep_dims,
            noop_with_empty_axes,
            ..
        } => like(
            inputs.get(0)?,
            shapes::reduce(inputs, *keep_dims, *noop_with_empty_axes)?,
        ),
        Op::ArgReduce { axis, keep_dims, .. } => {
            let mut shape = inputs.get(0)?.shape.clone();
            if *keep_dims {
                shape[*axis] = SymInt::Known(1);
            } else {
                shape.remove(*axis);
            }
            Ok(vec![Fact::new(DType::I64, shape)])
        }
        Op::Softmax { .. } => float(inputs.float(0)?.shape.clone()),
        Op::BatchNormalization { .. } => float(layers::per_channel(inputs, 4)?),
        Op::InstanceNormalization { .. } => float(layers::per_channel(inputs, 2)?),
        Op::LayerNormalization { axis, .. } => float(layers::layer_norm(inputs, *axis)?),
        Op::MaxPool { window, ceil_mode } | Op::AveragePool { window, ceil_mode, .. } => {
            float(layers::pool(inputs, window, *ceil_mode)?)
        }
        Op::Resize { .. } => float(sampling::resize(inputs)?),
        Op::Trilu { .. } => like(inputs.get(0)?, sampling::trilu(inputs)?),
        Op::Dft {
            axis,
            inverse,
            onesided,
        } => float(sampling::dft(inputs, *axis, *inverse, *onesided)?),
        Op::Stft { onesided } => float(sampling::stft(inputs, *onesided)?),
        Op::ScatterNd => like(inputs.get(0)?, sampling::scatter_nd(inputs)?),
        Op::ScatterElements { .. } => like(inputs.get(0)?, sampling::scatter_elements(inputs)?),
        Op::GatherNd => like(inputs.get(0)?, sampling::gather_nd(inputs)?),
        Op::CumSum { .. } => {
            let x = inputs.get(0)?;
            if x.dtype == DType::Bool {
                fail!(Shape, "its input is {:?}, which it does not take", x.dtype);
            }
            like(x, x.shape.clone())
        }
        Op::Random { .. } => float(shapes::target(inputs, 0)?),
        Op::Unsupported { .. } => Ok(vec![Fact::opaque(); outputs]),
    }
}

/// Element type of a result; both arguments must agree, except in powers.
fn binary_type(op: Binary, a: &Fact, b: &Fact) -> Result<DType> {
    let logical = matches!(op, Binary::And | Binary::Or | Binary::Xor);
    let compares = matches!(
        op,
        Binary::Equal | Binary::Greater | Binary::GreaterOrEqual | Binary::Less | Binary::LessOrEqual
    );
    let fits = match op {
        Binary::Pow => a.dtype != DType::Bool && b.dtype != DType::Bool,
        Binary::Equal => a.dtype == b.dtype,
        _ => a.dtype == b.dtype && (a.dtype == DType::Bool) == logical,
    };
    if !fits {
        return Err(ReadError::new(
            ReadErrorKind::Shape,
            format!("it does not take {:?} and {:?} together", a.dtype, b.dtype),
        ));
    }
    Ok(if compares { DType::Bool } else { a.dtype })
}
