//! Small operators by name. Spectra have real and imaginary part on their last axis.

use super::Assembly;
use crate::error::{Result, fail};
use crate::graph::ValueId;
use crate::op::{Binary, Op, Reduction, Unary};
use crate::tensor::Tensor;

impl Assembly<'_> {
    /// All sizes, if all are numbers.
    pub(crate) fn shape(&self, id: ValueId) -> Option<Vec<usize>> {
        self.builder.fact(id).known_shape()
    }

    /// Sizes that must be numbers.
    pub(crate) fn known(&self, id: ValueId) -> Result<Vec<usize>> {
        match self.shape(id) {
            Some(shape) => Ok(shape),
            None => fail!(
                Shape,
                "`{}` has the open shape {}, but its sizes must be known here; in a chain a `frame` settles them",
                crate::error::shorten(self.name(id)),
                super::show(self.sizes(id))
            ),
        }
    }

    pub(crate) fn ints(&mut self, values: &[i64]) -> Result<ValueId> {
        self.constant("integers", Tensor::from_i64s(values.to_vec()))
    }

    pub(crate) fn number(&mut self, value: f32) -> Result<ValueId> {
        self.floats(&[], vec![value])
    }

    pub(crate) fn floats(&mut self, shape: &[usize], values: Vec<f32>) -> Result<ValueId> {
        match Tensor::f32(shape.to_vec(), values) {
            Some(tensor) => self.constant("numbers", tensor),
            None => fail!(Shape, "there are not as many numbers as the shape {shape:?} has"),
        }
    }

    pub(crate) fn reshape(&mut self, x: ValueId, shape: &[i64]) -> Result<ValueId> {
        let shape = self.ints(shape)?;
        self.emit("reshape", Op::Reshape { allow_zero: false }, &[x, shape])
    }

    pub(crate) fn reshape_to(&mut self, x: ValueId, shape: &[usize]) -> Result<ValueId> {
        let shape: Vec<i64> = shape
            .iter()
            .map(|size| i64::try_from(*size).unwrap_or(i64::MAX))
            .collect();
        self.reshape(x, &shape)
    }

    pub(crate) fn transpose(&mut self, x: ValueId, perm: Vec<usize>) -> Result<ValueId> {
        let mut sorted = perm.clone();
        sorted.sort_unstable();
        if sorted.len() != self.sizes(x).len() || sorted.iter().enumerate().any(|(index, axis)| index != *axis) {
            fail!(
                Shape,
                "the order of axes {perm:?} does not fit the shape {}",
                super::show(self.sizes(x))
            );
        }
        self.emit("transpose", Op::Transpose { perm }, &[x])
    }

    pub(crate) fn squeeze(&mut self, x: ValueId, axes: &[i64]) -> Result<ValueId> {
        let axes = self.ints(axes)?;
        self.emit("squeeze", Op::Squeeze, &[x, axes])
    }

    pub(crate) fn unsqueeze(&mut self, x: ValueId, axes: &[i64]) -> Result<ValueId> {
        let axes = self.ints(axes)?;
        self.emit("unsqueeze", Op::Unsqueeze, &[x, axes])
    }

    pub(crate) fn slice(&mut self, x: ValueId, axis: usize, start: i64, end: i64) -> Result<ValueId> {
        if axis >= self.sizes(x).len() {
            fail!(
                Shape,
                "there is no axis {axis} in the shape {}",
                super::show(self.sizes(x))
            );
        }
        let axis = i64::try_from(axis).unwrap_or(i64::MAX);
        let (start, end) = (self.ints(&[start])?, self.ints(&[end])?);
        let (axes, steps) = (self.ints(&[axis])?, self.ints(&[1])?);
        self.emit("slice", Op::Slice, &[x, start, end, axes, steps])
    }

    pub(crate) fn concat(&mut self, parts: &[ValueId], axis: usize) -> Result<ValueId> {
        if parts.iter().any(|part| axis >= self.sizes(*part).len()) {
            fail!(Shape, "there is no axis {axis} in all of what is put together");
        }
        self.emit("concat", Op::Concat { axis }, parts)
    }

    pub(crate) fn unary(&mut self, function: Unary, x: ValueId) -> Result<ValueId> {
        self.emit(&function.name().to_lowercase(), Op::Unary(function), &[x])
    }

    pub(crate) fn binary(&mut self, function: Binary, a: ValueId, b: ValueId) -> Result<ValueId> {
        self.emit(&function.name().to_lowercase(), Op::Binary(function), &[a, b])
    }

    /// Times a vector along the last axis, left out where that is all ones.
    pub(crate) fn weigh(&mut self, x: ValueId, weights: &[f64]) -> Result<ValueId> {
        if weights.iter().all(|weight| (weight - 1.0).abs() < 1e-9) {
            return Ok(x);
        }
        // Windows are single precision where they are applied.
        #[allow(clippy::cast_possible_truncation)]
        let values: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
        let window = self.floats(&[values.len()], values)?;
        self.binary(Binary::Mul, x, window)
    }

    fn last(&self, x: ValueId) -> Result<usize> {
        match self.sizes(x).len().checked_sub(1) {
            Some(last) => Ok(last),
            None => fail!(Shape, "`{}` is a single number", self.name(x)),
        }
    }

    /// `[.., n] -> [.., n / 2 + 1, 2]`.
    pub(crate) fn rfft(&mut self, x: ValueId) -> Result<ValueId> {
        let axis = self.last(x)?;
        self.known(x)?;
        let x = self.unsqueeze(x, &[-1])?;
        let op = Op::Dft {
            axis,
            inverse: false,
            onesided: true,
        };
        self.emit("rfft", op, &[x])
    }

    /// `[.., n / 2 + 1, 2] -> [.., n]`.
    pub(crate) fn irfft(&mut self, x: ValueId) -> Result<ValueId> {
        let Some(axis) = self.last(x)?.checked_sub(1) else {
            fail!(Shape, "`{}` is no spectrum", self.name(x));
        };
        self.known(x)?;
        let op = Op::Dft {
            axis,
            inverse: true,
            onesided: true,
        };
        let x = self.emit("irfft", op, &[x])?;
        self.squeeze(x, &[-1])
    }

    /// `[.., 2] -> [..]`.
    fn part(&mut self, x: ValueId, part: i64) -> Result<ValueId> {
        let last = self.last(x)?;
        let part = self.slice(x, last, part, part + 1)?;
        self.squeeze(part, &[-1])
    }

    /// Real and imaginary part.
    pub(crate) fn parts(&mut self, x: ValueId) -> Result<(ValueId, ValueId)> {
        Ok((self.part(x, 0)?, self.part(x, 1)?))
    }

    /// `[..], [..] -> [.., 2]`.
    pub(crate) fn pair(&mut self, real: ValueId, imaginary: ValueId) -> Result<ValueId> {
        let (real, imaginary) = (self.unsqueeze(real, &[-1])?, self.unsqueeze(imaginary, &[-1])?);
        let axis = self.last(real)?;
        self.concat(&[real, imaginary], axis)
    }

    /// `[.., 2] -> [..]`.
    pub(crate) fn magnitude(&mut self, x: ValueId) -> Result<ValueId> {
        let axes = self.ints(&[-1])?;
        let op = Op::Reduce {
            reduction: Reduction::L2,
            keep_dims: false,
            noop_with_empty_axes: false,
        };
        self.emit("magnitude", op, &[x, axes])
    }

    /// `[.., 2] -> [..]`: the squared magnitude.
    pub(crate) fn power(&mut self, x: ValueId) -> Result<ValueId> {
        let axes = self.ints(&[-1])?;
        let op = Op::Reduce {
            reduction: Reduction::SumSquare,
            keep_dims: false,
            noop_with_empty_axes: false,
        };
        self.emit("power", op, &[x, axes])
    }

    /// `[.., 2] -> [..]`: the angle in radians, −π to π, 0 for the number 0.
    ///
    /// Half of it has the tangent `y / (r + x)`, which is well conditioned for `x ≥ 0`, and `(r − x) / y`, which is for `x < 0`
    /// (infinite, and so right, where `y` is 0).
    pub(crate) fn phase(&mut self, x: ValueId) -> Result<ValueId> {
        let radius = self.magnitude(x)?;
        let (re, im) = self.parts(x)?;
        let tiny = self.number(f32::MIN_POSITIVE)?;
        let zero = self.number(0.0)?;
        let sum = self.binary(Binary::Add, radius, re)?;
        let sum = self.binary(Binary::Max, sum, tiny)?;
        let right = self.binary(Binary::Div, im, sum)?;
        let difference = self.binary(Binary::Sub, radius, re)?;
        let left = self.binary(Binary::Div, difference, im)?;
        let negative = self.binary(Binary::Less, re, zero)?;
        let tangent = self.emit("where", Op::Where, &[negative, left, right])?;
        let half = self.unary(Unary::Atan, tangent)?;
        self.binary(Binary::Add, half, half)
    }

    /// Magnitude and angle to a spectrum.
    pub(crate) fn polar(&mut self, magnitude: ValueId, phase: ValueId) -> Result<ValueId> {
        let (cos, sin) = (self.unary(Unary::Cos, phase)?, self.unary(Unary::Sin, phase)?);
        let re = self.binary(Binary::Mul, magnitude, cos)?;
        let im = self.binary(Binary::Mul, magnitude, sin)?;
        self.pair(re, im)
    }

    /// Spectrum times real factors.
    pub(crate) fn scaled(&mut self, x: ValueId, factor: ValueId) -> Result<ValueId> {
        let factor = self.unsqueeze(factor, &[-1])?;
        self.binary(Binary::Mul, x, factor)
    }

    /// Spectrum times spectrum.
    pub(crate) fn complex_product(&mut self, a: ValueId, b: ValueId) -> Result<ValueId> {
        let ((ar, ai), (br, bi)) = (self.parts(a)?, self.parts(b)?);
        let (rr, ii) = (self.binary(Binary::Mul, ar, br)?, self.binary(Binary::Mul, ai, bi)?);
        let (ri, ir) = (self.binary(Binary::Mul, ar, bi)?, self.binary(Binary::Mul, ai, br)?);
        let re = self.binary(Binary::Sub, rr, ii)?;
        let im = self.binary(Binary::Add, ri, ir)?;
        self.pair(re, im)
    }

    /// `x` with the same phases and new magnitudes; where `x` is 0, the phase is 0.
    pub(crate) fn with_magnitude(&mut self, x: ValueId, magnitude: ValueId) -> Result<ValueId> {
        let (old, tiny) = (self.magnitude(x)?, self.number(f32::MIN_POSITIVE)?);
        let bounded = self.binary(Binary::Max, old, tiny)?;
        let factor = self.unsqueeze(bounded, &[-1])?;
        let unit = self.binary(Binary::Div, x, factor)?;
        self.scaled(unit, magnitude)
    }
}
