//! Operator stages.

use super::description::{Function, Operator};
use crate::assemble::Assembly;
use crate::error::{ReadError, ReadErrorKind, Result, fail};
use crate::graph::ValueId;
use crate::op::{Binary, Unary};
use crate::tensor::{DType, Tensor};

/// A wire of a chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire {
    pub id: ValueId,
    /// True if the last axis holds real and imaginary part.
    pub complex: bool,
}

/// What `operator` gives.
pub(super) fn apply(assembly: &mut Assembly<'_>, operator: &Operator, inputs: &[Wire]) -> Result<Wire> {
    let real = |id| Ok(Wire { id, complex: false });
    let complex = |id| Ok(Wire { id, complex: true });
    match operator.op {
        Function::Rfft => complex(assembly.rfft(one_real(inputs)?)?),
        Function::Irfft => real(assembly.irfft(one_complex(inputs)?)?),
        Function::Magnitude => real(assembly.magnitude(one_complex(inputs)?)?),
        Function::Power => real(assembly.power(one_complex(inputs)?)?),
        Function::Phase => real(assembly.phase(one_complex(inputs)?)?),
        Function::Real => real(assembly.parts(one_complex(inputs)?)?.0),
        Function::Imaginary => real(assembly.parts(one_complex(inputs)?)?.1),
        Function::Polar => {
            let (magnitude, phase) = two(inputs)?;
            all_real(&[magnitude, phase])?;
            complex(assembly.polar(magnitude.id, phase.id)?)
        }
        Function::Complex => {
            let id = one_real(inputs)?;
            let axis = needed(operator.axis, "axis")?;
            let rank = assembly.sizes(id).len();
            if assembly.known(id)?.get(axis) != Some(&2) {
                fail!(
                    Shape,
                    "its input has no axis {axis} of size 2 for real and imaginary part"
                );
            }
            let order = (0..rank).filter(|other| *other != axis).chain([axis]).collect();
            complex(assembly.transpose(id, order)?)
        }
        Function::Multiply | Function::Divide | Function::Add | Function::Subtract => {
            arithmetic(assembly, operator, inputs)
        }
        Function::Window => {
            let id = one_real(inputs)?;
            let Some(kind) = operator.window else {
                return Err(missing("window"));
            };
            let Some(size) = assembly.known(id)?.last().copied() else {
                fail!(Shape, "its input is a single number");
            };
            real(assembly.weigh(id, &kind.values(size))?)
        }
        Function::Log => real(assembly.unary(Unary::Log, one_real(inputs)?)?),
        Function::Exp => real(assembly.unary(Unary::Exp, one_real(inputs)?)?),
        Function::Sqrt => real(assembly.unary(Unary::Sqrt, one_real(inputs)?)?),
        Function::Tanh => real(assembly.unary(Unary::Tanh, one_real(inputs)?)?),
        Function::Abs => real(assembly.unary(Unary::Abs, one_real(inputs)?)?),
        Function::Reshape => {
            let Some(shape) = &operator.shape else {
                return Err(missing("shape"));
            };
            if shape.iter().any(|size| *size < -1) {
                fail!(Shape, "its `shape` has sizes below −1");
            }
            real(assembly.reshape(one(inputs)?.id, shape)?)
        }
        Function::Transpose => {
            let Some(perm) = &operator.perm else {
                return Err(missing("perm"));
            };
            real(assembly.transpose(one(inputs)?.id, perm.clone())?)
        }
        Function::Slice => {
            let (axis, start) = (needed(operator.axis, "axis")?, needed(operator.start, "start")?);
            real(assembly.slice(one(inputs)?.id, axis, start, needed(operator.end, "end")?)?)
        }
        Function::Concat => {
            let axis = needed(operator.axis, "axis")?;
            let parts: Vec<ValueId> = inputs.iter().map(|wire| wire.id).collect();
            let is_complex = inputs.iter().all(|wire| wire.complex);
            let id = assembly.concat(&parts, axis)?;
            let last = axis + 1 == assembly.sizes(id).len();
            Ok(Wire {
                id,
                complex: is_complex && !last,
            })
        }
        Function::KeepStages => {
            let id = one_real(inputs)?;
            keep_stages(
                assembly,
                id,
                operator.axis.unwrap_or(0),
                needed(operator.count, "count")?,
            )
        }
    }
}

/// The codes of the first `count` stages of a quantiser; those of the others become −1, which says that there is none.
fn keep_stages(assembly: &mut Assembly<'_>, codes: ValueId, axis: usize, count: usize) -> Result<Wire> {
    let mut shape = assembly.known(codes)?;
    let Some(stages) = shape.get(axis).copied() else {
        fail!(Shape, "its input has no axis {axis}");
    };
    if !(1..=stages).contains(&count) {
        fail!(Shape, "its `count` is {count}, but its input has {stages} stages");
    }
    let wire = |id| Ok(Wire { id, complex: false });
    if count == stages {
        return wire(codes);
    }
    let end = i64::try_from(count).unwrap_or(i64::MAX);
    let kept = assembly.slice(codes, axis, 0, end)?;
    shape[axis] = stages - count;
    let Some(elements) = crate::tensor::elements(&shape).filter(|elements| *elements <= 1 << 24) else {
        fail!(Limit, "its input is too large");
    };
    let none = match assembly.dtype(codes) {
        DType::I64 => Tensor::i64(shape, vec![-1; elements]),
        DType::F32 => Tensor::f32(shape, vec![-1.0; elements]),
        DType::Bool => None,
    };
    let Some(none) = none else {
        fail!(Shape, "its input holds truth values and no codes");
    };
    let none = assembly.constant("unused", none)?;
    wire(assembly.concat(&[kept, none], axis)?)
}

fn arithmetic(assembly: &mut Assembly<'_>, operator: &Operator, inputs: &[Wire]) -> Result<Wire> {
    let function = match operator.op {
        Function::Multiply => Binary::Mul,
        Function::Divide => Binary::Div,
        Function::Add => Binary::Add,
        _ => Binary::Sub,
    };
    let scales = matches!(function, Binary::Mul | Binary::Div);
    if let Some(value) = operator.value {
        let x = one(inputs)?;
        if !value.is_finite() || (function == Binary::Div && value == 0.0) {
            fail!(Chain, "its `value` {value} is none to compute with");
        }
        if x.complex && !scales {
            fail!(Shape, "a number cannot be added to a spectrum");
        }
        let value = assembly.number(value)?;
        let id = assembly.binary(function, x.id, value)?;
        return Ok(Wire { id, ..x });
    }
    let (a, b) = two(inputs)?;
    let id = match (a.complex, b.complex, function) {
        (false, false, _) | (true, true, Binary::Add | Binary::Sub) => assembly.binary(function, a.id, b.id)?,
        (true, true, Binary::Mul) => assembly.complex_product(a.id, b.id)?,
        (true, false, Binary::Mul) => assembly.scaled(a.id, b.id)?,
        (false, true, Binary::Mul) => assembly.scaled(b.id, a.id)?,
        (true, false, Binary::Div) => {
            let divisor = assembly.unsqueeze(b.id, &[-1])?;
            assembly.binary(Binary::Div, a.id, divisor)?
        }
        (_, true, Binary::Div) => fail!(Shape, "a spectrum cannot be divided by"),
        _ => fail!(
            Shape,
            "a spectrum and a real signal cannot be added; use `magnitude`, `real` or `polar` first"
        ),
    };
    Ok(Wire {
        id,
        complex: a.complex || b.complex,
    })
}

fn missing(key: &str) -> ReadError {
    ReadError::new(ReadErrorKind::Chain, format!("its `{key}` is missing"))
}

fn needed<T: Copy>(value: Option<T>, key: &str) -> Result<T> {
    value.ok_or_else(|| missing(key))
}

fn one(inputs: &[Wire]) -> Result<Wire> {
    match inputs {
        [one] => Ok(*one),
        _ => fail!(Chain, "it takes one wire and is given {}", inputs.len()),
    }
}

fn two(inputs: &[Wire]) -> Result<(Wire, Wire)> {
    match inputs {
        [a, b] => Ok((*a, *b)),
        _ => fail!(Chain, "it takes two wires and is given {}", inputs.len()),
    }
}

fn all_real(wires: &[Wire]) -> Result<()> {
    if wires.iter().any(|wire| wire.complex) {
        fail!(
            Shape,
            "its input is a spectrum of complex numbers, but it takes real numbers; use `magnitude`, `phase`, `real` or `imaginary` first"
        );
    }
    Ok(())
}

fn one_real(inputs: &[Wire]) -> Result<ValueId> {
    let wire = one(inputs)?;
    all_real(&[wire])?;
    Ok(wire.id)
}

fn one_complex(inputs: &[Wire]) -> Result<ValueId> {
    let wire = one(inputs)?;
    if !wire.complex {
        fail!(
            Shape,
            "its input is real, but it takes a spectrum of complex numbers: what `rfft`, `polar` or `complex` give"
        );
    }
    Ok(wire.id)
}
