//! Activations, as `NAM/activations.h` computes them.

use crate::assemble::Assembly;
use crate::error::Result;
use crate::graph::ValueId;
use crate::json::Field;
use crate::op::{Binary, Op, Unary};

/// Slope where a file names none.
const SLOPE: f32 = 0.01;
/// Most slopes of one PReLU.
const MAX_SLOPES: usize = super::conv::MAX_CHANNELS;

/// An activation with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Activation {
    Plain(Unary),
    /// A rational approximation of tanh.
    FastTanh,
    /// `x · sigmoid(x)`.
    Silu,
    /// Slopes below 0, one per channel, again from the first where there are fewer.
    PRelu(Vec<f32>),
    /// Between `min` and `max` unchanged, with slopes outside.
    HardTanh {
        min: f32,
        max: f32,
        below: f32,
        above: f32,
    },
}

/// Reads a name, or an object with `type` and parameters.
pub(super) fn read(field: &Field<'_>) -> Result<Activation> {
    let object = field.json().is_object();
    let name = if object { field.need("type")? } else { field.clone() };
    let number = |key: &str, otherwise: f32| -> Result<f32> {
        match field.get(key).filter(|_| object) {
            None => Ok(otherwise),
            Some(field) => single(&field),
        }
    };
    Ok(match name.text()? {
        "Tanh" => Activation::Plain(Unary::Tanh),
        "Sigmoid" => Activation::Plain(Unary::Sigmoid),
        "ReLU" => Activation::Plain(Unary::Relu),
        "Hardswish" => Activation::Plain(Unary::HardSwish),
        "Softsign" => Activation::Plain(Unary::Softsign),
        "SiLU" => Activation::Silu,
        "Fasttanh" => Activation::FastTanh,
        "LeakyReLU" => Activation::Plain(Unary::LeakyRelu {
            alpha: number("negative_slope", SLOPE)?,
        }),
        "PReLU" => match (field.get("negative_slope"), field.get("negative_slopes")) {
            (None, Some(slopes)) if object => {
                if slopes.len() == 0 || slopes.len() > MAX_SLOPES {
                    return Err(slopes.wrong(&format!("must be a list of 1 to {MAX_SLOPES} numbers")));
                }
                Activation::PRelu(slopes.items()?.iter().map(single).collect::<Result<_>>()?)
            }
            _ => Activation::PRelu(vec![number("negative_slope", SLOPE)?]),
        },
        "Hardtanh" => Activation::HardTanh {
            min: -1.0,
            max: 1.0,
            below: 0.0,
            above: 0.0,
        },
        "LeakyHardtanh" | "LeakyHardTanh" => {
            let (min, max) = (number("min_val", -1.0)?, number("max_val", 1.0)?);
            if min > max {
                return Err(field.wrong(&format!("has `min_val` {min} above `max_val` {max}")));
            }
            Activation::HardTanh {
                min,
                max,
                below: number("min_slope", SLOPE)?,
                above: number("max_slope", SLOPE)?,
            }
        }
        other => {
            return Err(name.wrong(&format!(
                "is the activation {:?}, which is not known",
                crate::error::shorten(other)
            )));
        }
    })
}

/// A number that is finite in single precision.
fn single(field: &Field<'_>) -> Result<f32> {
    // Parameters are single precision wherever they are used.
    #[allow(clippy::cast_possible_truncation)]
    let value = field.number()? as f32;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(field.wrong("is too large"))
    }
}

impl Activation {
    /// Whether it goes with `channels`; `at` is where it stands.
    pub(super) fn check(&self, channels: usize, at: &Field<'_>) -> Result<()> {
        match self {
            Self::PRelu(slopes) if !channels.is_multiple_of(slopes.len().max(1)) => Err(at.wrong(&format!(
                "has a PReLU of {} slopes for {channels} channels",
                slopes.len()
            ))),
            _ => Ok(()),
        }
    }

    /// Adds it behind `x [1, channels, T]`.
    pub(super) fn emit(&self, assembly: &mut Assembly<'_>, x: ValueId, channels: usize) -> Result<ValueId> {
        match self {
            Self::Plain(function) => assembly.unary(*function, x),
            Self::Silu => {
                let gate = assembly.unary(Unary::Sigmoid, x)?;
                assembly.binary(Binary::Mul, x, gate)
            }
            Self::PRelu(slopes) => {
                let first = slopes.first().copied().unwrap_or(SLOPE);
                // Bits, so that -0 and 0 stay apart.
                if slopes.iter().all(|slope| slope.to_bits() == first.to_bits()) {
                    return assembly.unary(Unary::LeakyRelu { alpha: first }, x);
                }
                let slopes = slopes.iter().copied().cycle().take(channels).collect();
                let slopes = assembly.floats(&[channels, 1], slopes)?;
                assembly.emit("prelu", Op::PRelu, &[x, slopes])
            }
            Self::HardTanh { min, max, below, above } => {
                let (low, high) = (assembly.number(*min)?, assembly.number(*max)?);
                let mut sum = assembly.emit("clip", Op::Clip, &[x, low, high])?;
                for (slope, bound, keep) in [(*below, low, Binary::Min), (*above, high, Binary::Max)] {
                    if slope != 0.0 {
                        let (beyond, zero, slope) = (
                            assembly.binary(Binary::Sub, x, bound)?,
                            assembly.number(0.0)?,
                            assembly.number(slope)?,
                        );
                        let beyond = assembly.binary(keep, beyond, zero)?;
                        let beyond = assembly.binary(Binary::Mul, beyond, slope)?;
                        sum = assembly.binary(Binary::Add, sum, beyond)?;
                    }
                }
                Ok(sum)
            }
            Self::FastTanh => fast_tanh(assembly, x),
        }
    }
}

/// `x (a + a|x| + (b + c|x|) x²) / (d + (d + x²) |x + e x|x||)`.
fn fast_tanh(assembly: &mut Assembly<'_>, x: ValueId) -> Result<ValueId> {
    let [a, b, c, d, e] = [2.455_507_5, 0.893_229_84, 0.821_226_67, 2.445_066_3, 0.814_642_8];
    let times = |assembly: &mut Assembly<'_>, x: ValueId, factor: f32| {
        let factor = assembly.number(factor)?;
        assembly.binary(Binary::Mul, x, factor)
    };
    let plus = |assembly: &mut Assembly<'_>, x: ValueId, summand: f32| {
        let summand = assembly.number(summand)?;
        assembly.binary(Binary::Add, x, summand)
    };
    let size = assembly.unary(Unary::Abs, x)?;
    let square = assembly.binary(Binary::Mul, x, x)?;
    let linear = times(assembly, size, a)?;
    let linear = plus(assembly, linear, a)?;
    let cubic = times(assembly, size, c)?;
    let cubic = plus(assembly, cubic, b)?;
    let cubic = assembly.binary(Binary::Mul, cubic, square)?;
    let above = assembly.binary(Binary::Add, linear, cubic)?;
    let above = assembly.binary(Binary::Mul, x, above)?;
    let bent = assembly.binary(Binary::Mul, x, size)?;
    let bent = times(assembly, bent, e)?;
    let bent = assembly.binary(Binary::Add, x, bent)?;
    let bent = assembly.unary(Unary::Abs, bent)?;
    let below = plus(assembly, square, d)?;
    let below = assembly.binary(Binary::Mul, below, bent)?;
    let below = plus(assembly, below, d)?;
    assembly.binary(Binary::Div, above, below)
}
