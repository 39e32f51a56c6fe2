//! Element-wise operators, with NumPy broadcasting. Activations are exact: the standard library's functions in `f32`.

use super::{Args, EvalError, Outcome, broadcast, broadcast_strides, build, dtype_error, float, floats, limited, walk};
use crate::op::{Binary, Unary};
use crate::tensor::{DType, Tensor, TensorData};

/// Element-wise function of one float; `None` for those that take or give truth values.
pub(super) fn float_function(unary: Unary) -> Option<fn(Unary, f32) -> f32> {
    let truth = matches!(unary, Unary::Not | Unary::IsNan | Unary::IsInf { .. });
    (!truth).then_some(apply_float)
}

fn apply_float(unary: Unary, x: f32) -> f32 {
    match unary {
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Relu => x.max(0.0),
        Unary::LeakyRelu { alpha } => {
            if x >= 0.0 {
                x
            } else {
                alpha * x
            }
        }
        Unary::Elu { alpha } => {
            if x > 0.0 {
                x
            } else {
                alpha * x.exp_m1()
            }
        }
        Unary::Selu { alpha, gamma } => gamma * if x > 0.0 { x } else { alpha * x.exp_m1() },
        Unary::HardSigmoid { alpha, beta } => (alpha * x + beta).clamp(0.0, 1.0),
        Unary::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Unary::Gelu { tanh: false } => 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2)),
        Unary::Gelu { tanh: true } => {
            let inner = (2.0 / std::f32::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        }
        Unary::Softplus => softplus(x),
        Unary::Softsign => x / (1.0 + x.abs()),
        Unary::Abs => x.abs(),
        Unary::Neg => -x,
        Unary::Sqrt => x.sqrt(),
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Erf => erf(x),
        Unary::Reciprocal => 1.0 / x,
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Round => x.round_ties_even(),
        Unary::Sign => {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                x
            }
        }
        Unary::Tan => x.tan(),
        Unary::Asin => x.asin(),
        Unary::Acos => x.acos(),
        Unary::Atan => x.atan(),
        Unary::Sinh => x.sinh(),
        Unary::Cosh => x.cosh(),
        Unary::Asinh => x.asinh(),
        Unary::Acosh => x.acosh(),
        Unary::Atanh => x.atanh(),
        Unary::Mish => x * softplus(x).tanh(),
        Unary::Swish { alpha } => x / (1.0 + (-alpha * x).exp()),
        Unary::Celu { alpha } => x.max(0.0) + (alpha * (x / alpha).exp_m1()).min(0.0),
        Unary::ThresholdedRelu { alpha } => {
            if x > alpha {
                x
            } else {
                0.0
            }
        }
        Unary::Shrink { lambda, bias } => {
            if x < -lambda {
                x + bias
            } else if x > lambda {
                x - bias
            } else {
                0.0
            }
        }
        Unary::Not | Unary::IsNan | Unary::IsInf { .. } => x,
    }
}

fn softplus(x: f32) -> f32 {
    if x > 0.0 {
        x + (-x).exp().ln_1p()
    } else {
        x.exp().ln_1p()
    }
}

/// Gauss error function, to about 1 ulp of `f32`: Taylor series below 2, continued fraction of `erfc` above (Abramowitz and
/// Stegun 7.1.5 and 7.1.14), in `f64`.
fn erf(x: f32) -> f32 {
    let z = f64::from(x).abs();
    let value = if z < 2.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..40u32 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    } else if z < 6.0 {
        let mut fraction = z;
        for n in (1..=60u32).rev() {
            fraction = z + f64::from(n) / 2.0 / fraction;
        }
        1.0 - (-z * z).exp() / (std::f64::consts::PI.sqrt() * fraction)
    } else if z.is_nan() {
        z
    } else {
        1.0
    };
    // Rounding to the nearest float is meant.
    #[allow(clippy::cast_possible_truncation)]
    let value = value as f32;
    value.copysign(x)
}

pub(super) fn unary(op: Unary, x: &Tensor) -> Outcome {
    let shape = x.shape().to_vec();
    match (x.data(), op) {
        (TensorData::F32(data), Unary::IsNan) => {
            build(shape, TensorData::Bool(data.iter().map(|x| x.is_nan()).collect()))
        }
        (TensorData::F32(data), Unary::IsInf { positive, negative }) => {
            let test = |x: &f32| (positive && *x == f32::INFINITY) || (negative && *x == f32::NEG_INFINITY);
            build(shape, TensorData::Bool(data.iter().map(test).collect()))
        }
        (TensorData::F32(data), _) => {
            let function = float_function(op).ok_or_else(|| dtype_error(x, op.name()))?;
            float(shape, data.iter().map(|x| function(op, *x)).collect())
        }
        (TensorData::I64(data), Unary::Neg) => {
            build(shape, TensorData::I64(data.iter().map(|x| x.wrapping_neg()).collect()))
        }
        (TensorData::I64(data), Unary::Abs) => {
            build(shape, TensorData::I64(data.iter().map(|x| x.wrapping_abs()).collect()))
        }
        (TensorData::I64(data), Unary::Relu) => {
            build(shape, TensorData::I64(data.iter().map(|x| (*x).max(0)).collect()))
        }
        (TensorData::I64(data), Unary::Sign) => {
            build(shape, TensorData::I64(data.iter().map(|x| x.signum()).collect()))
        }
        (TensorData::I64(data), Unary::Floor | Unary::Ceil | Unary::Round) => {
            build(shape, TensorData::I64(data.clone()))
        }
        (TensorData::Bool(data), Unary::Not) => build(shape, TensorData::Bool(data.iter().map(|x| !x).collect())),
        _ => Err(dtype_error(x, op.name())),
    }
}

/// A binary operator; `Min` and `Max` take any number of arguments.
pub(super) fn variadic(op: Binary, args: Args<'_>) -> Outcome {
    if !matches!(op, Binary::Min | Binary::Max) {
        return binary(op, args.get(0)?, args.get(1)?);
    }
    let mut result = args.get(0)?.clone();
    for index in 1..args.0.len() {
        result = binary(op, &result, args.get(index)?)?;
    }
    Ok(result)
}

pub(super) fn sum(args: Args<'_>) -> Outcome {
    let mut result = args.get(0)?.clone();
    for index in 1..args.0.len() {
        result = binary(Binary::Add, &result, args.get(index)?)?;
    }
    Ok(result)
}

fn binary(op: Binary, a: &Tensor, b: &Tensor) -> Outcome {
    let shape = broadcast(a.shape(), b.shape())?;
    limited(&shape)?;
    match (a.data(), b.data()) {
        (TensorData::F32(x), TensorData::F32(y)) => {
            let pairs = pairs(x, a.shape(), y, b.shape(), &shape);
            match op {
                Binary::Equal | Binary::Greater | Binary::GreaterOrEqual | Binary::Less | Binary::LessOrEqual => {
                    let data = pairs.map(|(a, b)| compare(op, a.partial_cmp(&b))).collect();
                    build(shape, TensorData::Bool(data))
                }
                Binary::And | Binary::Or | Binary::Xor => Err(dtype_error(a, op.name())),
                _ => float(shape, pairs.map(|(a, b)| float_binary(op, a, b)).collect()),
            }
        }
        (TensorData::I64(x), TensorData::I64(y)) => {
            let pairs = pairs(x, a.shape(), y, b.shape(), &shape);
            match op {
                Binary::Equal | Binary::Greater | Binary::GreaterOrEqual | Binary::Less | Binary::LessOrEqual => {
                    let data = pairs.map(|(a, b)| compare(op, Some(a.cmp(&b)))).collect();
                    build(shape, TensorData::Bool(data))
                }
                Binary::And | Binary::Or | Binary::Xor => Err(dtype_error(a, op.name())),
                _ => {
                    let data: Outcome<Vec<i64>> = pairs.map(|(a, b)| int_binary(op, a, b)).collect();
                    build(shape, TensorData::I64(data?))
                }
            }
        }
        (TensorData::Bool(x), TensorData::Bool(y)) => {
            let pairs = pairs(x, a.shape(), y, b.shape(), &shape);
            let data = match op {
                Binary::And => pairs.map(|(a, b)| a && b).collect(),
                Binary::Or => pairs.map(|(a, b)| a || b).collect(),
                Binary::Equal => pairs.map(|(a, b)| a == b).collect(),
                Binary::Xor => pairs.map(|(a, b)| a != b).collect(),
                _ => return Err(dtype_error(a, op.name())),
            };
            build(shape, TensorData::Bool(data))
        }
        // ONNX allows an integer exponent on a float base.
        (TensorData::F32(x), TensorData::I64(y)) if op == Binary::Pow => {
            #[allow(clippy::cast_precision_loss)]
            let data = pairs(x, a.shape(), y, b.shape(), &shape)
                .map(|(a, b)| a.powf(b as f32))
                .collect();
            float(shape, data)
        }
        _ => Err(EvalError::new(format!(
            "{} is not defined for {:?} and {:?}",
            op.name(),
            a.dtype(),
            b.dtype()
        ))),
    }
}

fn pairs<'a, A: Copy, B: Copy>(
    a: &'a [A],
    a_shape: &[usize],
    b: &'a [B],
    b_shape: &[usize],
    shape: &[usize],
) -> impl Iterator<Item = (A, B)> + 'a {
    let left: Vec<usize> = walk(shape, &broadcast_strides(a_shape, shape)).collect();
    let right: Vec<usize> = walk(shape, &broadcast_strides(b_shape, shape)).collect();
    left.into_iter().zip(right).map(move |(i, j)| (a[i], b[j]))
}

fn compare(op: Binary, ordering: Option<std::cmp::Ordering>) -> bool {
    ordering.is_some_and(|ordering| match op {
        Binary::Equal => ordering.is_eq(),
        Binary::Greater => ordering.is_gt(),
        Binary::GreaterOrEqual => ordering.is_ge(),
        Binary::Less => ordering.is_lt(),
        _ => ordering.is_le(),
    })
}

fn float_binary(op: Binary, a: f32, b: f32) -> f32 {
    match op {
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => {
            if b == 2.0 {
                a * a
            } else {
                a.powf(b)
            }
        }
        Binary::Mod => {
            let remainder = a % b;
            if remainder != 0.0 && (remainder < 0.0) != (b < 0.0) {
                remainder + b
            } else {
                remainder
            }
        }
        Binary::Remainder => a % b,
        Binary::Min => {
            if a.is_nan() || b.is_nan() {
                f32::NAN
            } else {
                a.min(b)
            }
        }
        Binary::Max => {
            if a.is_nan() || b.is_nan() {
                f32::NAN
            } else {
                a.max(b)
            }
        }
        _ => a + b,
    }
}

fn int_binary(op: Binary, a: i64, b: i64) -> Outcome<i64> {
    let overflow = || EvalError::new(format!("{} of {a} and {b} overflows or divides by zero", op.name()));
    match op {
        Binary::Sub => a.checked_sub(b).ok_or_else(overflow),
        Binary::Mul => a.checked_mul(b).ok_or_else(overflow),
        Binary::Div => a.checked_div(b).ok_or_else(overflow),
        Binary::Pow => u32::try_from(b)
            .ok()
            .and_then(|b| a.checked_pow(b))
            .ok_or_else(overflow),
        Binary::Mod => {
            let remainder = a.checked_rem(b).ok_or_else(overflow)?;
            Ok(if remainder != 0 && (remainder < 0) != (b < 0) {
                remainder + b
            } else {
                remainder
            })
        }
        Binary::Remainder => a.checked_rem(b).ok_or_else(overflow),
        Binary::Min => Ok(a.min(b)),
        Binary::Max => Ok(a.max(b)),
        _ => a.checked_add(b).ok_or_else(overflow),
    }
}

pub(super) fn prelu(x: &Tensor, slope: &Tensor) -> Outcome {
    let shape = x.shape().to_vec();
    if broadcast(x.shape(), slope.shape())? != shape {
        return Err(EvalError::new(format!(
            "a slope of shape {:?} does not broadcast to {shape:?}",
            slope.shape()
        )));
    }
    let data = pairs(floats(x)?, x.shape(), floats(slope)?, slope.shape(), &shape)
        .map(|(x, slope)| if x >= 0.0 { x } else { slope * x })
        .collect();
    float(shape, data)
}

pub(super) fn clip(x: &Tensor, min: Option<&Tensor>, max: Option<&Tensor>) -> Outcome {
    fn bound<T: Copy>(tensor: Option<&Tensor>, of: impl Fn(&Tensor) -> Option<&[T]>, default: T) -> Outcome<T> {
        match tensor {
            None => Ok(default),
            Some(tensor) => of(tensor)
                .and_then(|data| data.first().copied())
                .ok_or_else(|| EvalError::new("a bound of Clip has another type than the signal")),
        }
    }
    let shape = x.shape().to_vec();
    match x.data() {
        TensorData::F32(data) => {
            let low = bound(min, Tensor::as_f32, f32::NEG_INFINITY)?;
            let high = bound(max, Tensor::as_f32, f32::INFINITY)?;
            // `max` wins where the bounds cross, as in NumPy; NaN stays NaN.
            let limit = |x: f32| if x.is_nan() { x } else { x.max(low).min(high) };
            float(shape, data.iter().map(|x| limit(*x)).collect())
        }
        TensorData::I64(data) => {
            let (low, high) = (
                bound(min, Tensor::as_i64, i64::MIN)?,
                bound(max, Tensor::as_i64, i64::MAX)?,
            );
            build(
                shape,
                TensorData::I64(data.iter().map(|x| (*x).max(low).min(high)).collect()),
            )
        }
        TensorData::Bool(_) => Err(dtype_error(x, "Clip")),
    }
}

pub(super) fn select(condition: &Tensor, a: &Tensor, b: &Tensor) -> Outcome {
    fn choose<T: Copy>(condition: &[bool], a: &[T], b: &[T], indices: [Vec<usize>; 3]) -> Vec<T> {
        let [c, i, j] = indices;
        c.into_iter()
            .zip(i)
            .zip(j)
            .map(|((c, i), j)| if condition[c] { a[i] } else { b[j] })
            .collect()
    }
    let condition_data = condition
        .as_bool()
        .ok_or_else(|| dtype_error(condition, "the condition of Where"))?;
    let shape = broadcast(&broadcast(condition.shape(), a.shape())?, b.shape())?;
    limited(&shape)?;
    let indices = [condition, a, b].map(|t| walk(&shape, &broadcast_strides(t.shape(), &shape)).collect::<Vec<_>>());
    let data = match (a.data(), b.data()) {
        (TensorData::F32(a), TensorData::F32(b)) => TensorData::F32(choose(condition_data, a, b, indices)),
        (TensorData::I64(a), TensorData::I64(b)) => TensorData::I64(choose(condition_data, a, b, indices)),
        (TensorData::Bool(a), TensorData::Bool(b)) => TensorData::Bool(choose(condition_data, a, b, indices)),
        _ => {
            return Err(EvalError::new(format!(
                "Where is not defined for {:?} and {:?}",
                a.dtype(),
                b.dtype()
            )));
        }
    };
    build(shape, data)
}

/// Conversion as in C, but saturating; NaN becomes 0. A type narrower than 64 bits is taken at 64 bits and refused where the
/// value would not fit 32.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
pub(super) fn cast(x: &Tensor, to: DType, narrowed: bool) -> Outcome {
    let shape = x.shape().to_vec();
    let data = match (x.data(), to) {
        (data @ TensorData::F32(_), DType::F32)
        | (data @ TensorData::I64(_), DType::I64)
        | (data @ TensorData::Bool(_), DType::Bool) => data.clone(),
        (TensorData::F32(data), DType::I64) => TensorData::I64(data.iter().map(|x| *x as i64).collect()),
        (TensorData::F32(data), DType::Bool) => TensorData::Bool(data.iter().map(|x| *x != 0.0).collect()),
        (TensorData::I64(data), DType::F32) => TensorData::F32(data.iter().map(|x| *x as f32).collect()),
        (TensorData::I64(data), DType::Bool) => TensorData::Bool(data.iter().map(|x| *x != 0).collect()),
        (TensorData::Bool(data), DType::F32) => TensorData::F32(data.iter().map(|x| f32::from(u8::from(*x))).collect()),
        (TensorData::Bool(data), DType::I64) => TensorData::I64(data.iter().map(|x| i64::from(*x)).collect()),
    };
    if let (TensorData::I64(data), true) = (&data, narrowed)
        && let Some(large) = data.iter().find(|x| i32::try_from(**x).is_err())
    {
        return Err(EvalError::new(format!(
            "{large} does not fit the narrower type that Cast asks for"
        )));
    }
    build(shape, data)
}
