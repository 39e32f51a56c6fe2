//! Shapes of resizing, Fourier transforms, and reads and writes at index tuples.

use super::{Fact, Facts, differ, shapes};
use crate::error::{Result, fail};
use crate::eval::scaled;
use crate::symbolic::SymInt;
use crate::tensor::Tensor;

fn known(value: usize) -> SymInt {
    i64::try_from(value).map_or(SymInt::Unknown, SymInt::Known)
}

/// An optional input that is left out, or given with no elements as older files do.
fn given(inputs: Facts<'_>, index: usize) -> Option<&Fact> {
    inputs.opt(index).filter(|fact| fact.shape != [SymInt::Known(0)])
}

/// The size after resizing by `scale`, which is taken for the simplest fraction near it.
fn times(size: &SymInt, scale: f32) -> SymInt {
    if let SymInt::Known(size) = size {
        return SymInt::Known(scaled(*size, scale));
    }
    for den in 1..=64i64 {
        let num = (f64::from(scale) * den as f64).round();
        // Within what single precision can tell.
        if (1.0..=65_536.0).contains(&num) && (num / den as f64) as f32 == scale {
            return size.mul(&SymInt::Known(num as i64)).div_floor(den);
        }
    }
    SymInt::Unknown
}

pub(super) fn resize(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let x = inputs.float(0)?;
    let entries = |fact: &Fact, what: &str| {
        if fact.shape.len() != 1 || differ(&fact.shape[0], &known(x.shape.len())) {
            fail!(
                Shape,
                "its {what} have the shape {}, but its input {}",
                fact.show(),
                x.show()
            );
        }
        Ok(())
    };
    match (given(inputs, 2), given(inputs, 3)) {
        (None, Some(sizes)) => {
            entries(sizes, "sizes")?;
            shapes::target(inputs, 3)
        }
        (Some(scales), None) => {
            inputs.float(2)?;
            entries(scales, "scales")?;
            let Some(data) = scales.constant.as_deref().and_then(Tensor::as_f32) else {
                return Ok(vec![SymInt::Unknown; x.shape.len()]);
            };
            if data.iter().any(|scale| !scale.is_finite() || *scale <= 0.0) {
                fail!(Shape, "its scales {data:?} are not all positive");
            }
            Ok(x.shape
                .iter()
                .zip(data)
                .map(|(size, scale)| times(size, *scale))
                .collect())
        }
        _ => fail!(Node, "it needs either scales or sizes"),
    }
}

pub(super) fn trilu(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let x = inputs.get(0)?;
    if x.shape.len() < 2 {
        fail!(Shape, "its input has the shape {}, but must hold matrices", x.show());
    }
    if inputs.opt(1).is_some() {
        shapes::integers(inputs, 1)?;
    }
    Ok(x.shape.clone())
}

/// The only element of integer input `index`.
fn number(inputs: Facts<'_>, index: usize) -> Result<SymInt> {
    let fact = shapes::integers(inputs, index)?;
    let first = fact.elements().and_then(|elements| elements.first().cloned());
    Ok(first.unwrap_or(SymInt::Unknown))
}

fn length(inputs: Facts<'_>, index: usize) -> Result<SymInt> {
    let length = number(inputs, index)?;
    if let SymInt::Known(..=0) = length {
        fail!(Shape, "its length is {length}");
    }
    Ok(length)
}

fn bins(length: &SymInt, onesided: bool) -> SymInt {
    if onesided {
        length.div_floor(2).add(&SymInt::Known(1))
    } else {
        length.clone()
    }
}

pub(super) fn dft(inputs: Facts<'_>, axis: usize, inverse: bool, onesided: bool) -> Result<Vec<SymInt>> {
    let x = inputs.float(0)?;
    let mut shape = x.shape.clone();
    let (Some(size), Some(parts)) = (x.shape.get(axis), x.shape.last()) else {
        fail!(Shape, "its input has the shape {}, without axis {axis}", x.show());
    };
    let complex = match parts {
        _ if axis + 1 >= x.shape.len() => None,
        SymInt::Known(1) => Some(false),
        SymInt::Known(2) => Some(true),
        _ => None,
    };
    let Some(complex) = complex else {
        fail!(
            Shape,
            "its input has the shape {}, but must hold 1 or 2 parts of a number on the last axis",
            x.show()
        );
    };
    if onesided && complex != inverse {
        fail!(
            Shape,
            "it takes half a spectrum of a signal of shape {}, which has none",
            x.show()
        );
    }
    let length = match inputs.opt(1) {
        Some(_) => length(inputs, 1)?,
        None if inverse && onesided => size.add(&SymInt::Known(-1)).mul(&SymInt::Known(2)),
        None => size.clone(),
    };
    shape[axis] = bins(&length, onesided && !inverse);
    if let Some(last) = shape.last_mut() {
        *last = SymInt::Known(if inverse && onesided { 1 } else { 2 });
    }
    Ok(shape)
}

pub(super) fn stft(inputs: Facts<'_>, onesided: bool) -> Result<Vec<SymInt>> {
    let x = inputs.float(0)?;
    let (batch, size) = match x.shape.as_slice() {
        [batch, size] | [batch, size, SymInt::Known(1)] => (batch, size),
        [batch, size, SymInt::Known(2)] if !onesided => (batch, size),
        _ => fail!(
            Shape,
            "its input has the shape {}, but must be [batch, length, 1]",
            x.show()
        ),
    };
    let step = length(inputs, 1)?;
    let frame = match (inputs.opt_float(2)?, inputs.opt(3)) {
        (_, Some(_)) => length(inputs, 3)?,
        (Some(window), None) => match window.shape.as_slice() {
            [length] => length.clone(),
            _ => fail!(Shape, "its window has the shape {}", window.show()),
        },
        (None, None) => size.clone(),
    };
    let span = size.sub(&frame);
    if let SymInt::Known(..0) = span {
        fail!(Shape, "its frames of {frame} are longer than the signal of {size}");
    }
    let frames = match step {
        SymInt::Known(step) => span.div_floor(step).add(&SymInt::Known(1)),
        _ => SymInt::Unknown,
    };
    Ok(vec![batch.clone(), frames, bins(&frame, onesided), SymInt::Known(2)])
}

/// How many axes of `x` an index tuple of input 1 names.
fn depth(inputs: Facts<'_>, x: &Fact) -> Result<usize> {
    let indices = shapes::integers(inputs, 1)?;
    match indices.shape.last() {
        Some(SymInt::Known(depth)) => match usize::try_from(*depth) {
            Ok(depth) if depth <= x.shape.len() => Ok(depth),
            _ => fail!(
                Shape,
                "its indices of shape {} do not fit its input of shape {}",
                indices.show(),
                x.show()
            ),
        },
        _ => fail!(
            Shape,
            "its indices have the shape {}, whose last size must be known",
            indices.show()
        ),
    }
}

pub(super) fn gather_nd(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let (x, indices) = (inputs.get(0)?, inputs.get(1)?);
    let depth = depth(inputs, x)?;
    let tuples = indices.shape.split_last().map_or(&[][..], |(_, tuples)| tuples);
    Ok([tuples, x.shape.get(depth..).unwrap_or(&[])].concat())
}

pub(super) fn scatter_nd(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let (x, updates) = (inputs.get(0)?, inputs.get(2)?);
    let wanted = gather_nd(inputs)?;
    let fits = updates.dtype == x.dtype
        && updates.shape.len() == wanted.len()
        && !updates.shape.iter().zip(&wanted).any(|(a, b)| differ(a, b));
    if !fits {
        fail!(
            Shape,
            "it writes {:?} {} into {:?} {}, which do not fit",
            updates.dtype,
            updates.show(),
            x.dtype,
            x.show()
        );
    }
    Ok(x.shape.clone())
}

pub(super) fn scatter_elements(inputs: Facts<'_>) -> Result<Vec<SymInt>> {
    let (x, indices, updates) = (inputs.get(0)?, shapes::integers(inputs, 1)?, inputs.get(2)?);
    let fits = updates.dtype == x.dtype
        && indices.shape.len() == x.shape.len()
        && updates.shape.len() == x.shape.len()
        && !updates.shape.iter().zip(&indices.shape).any(|(a, b)| differ(a, b));
    if !fits {
        fail!(
            Shape,
            "it writes {:?} {} into {:?} {} at {}, which do not fit",
            updates.dtype,
            updates.show(),
            x.dtype,
            x.show(),
            indices.show()
        );
    }
    Ok(x.shape.clone())
}
