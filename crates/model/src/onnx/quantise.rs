//! Quantised weights and signals, written with arithmetic in full precision.

use super::composite::Entry;
use super::lower::{Lowering, scalar};
use crate::error::{Result, fail};
use crate::graph::ValueId;
use crate::op::{Binary, Op, Unary};
use crate::symbolic::SymInt;
use crate::tensor::{DType, TensorData};

impl Lowering<'_, '_, '_> {
    /// `(x − zero) · scale`.
    pub(super) fn dequantise(&mut self) -> Result<Vec<ValueId>> {
        if self.attributes.int("block_size")?.unwrap_or(0) != 0 {
            return self.unsupported("DequantizeLinear".to_owned());
        }
        let mut x = self.input(0)?;
        if let Some(zero) = self.inputs.get(2).copied().flatten() {
            let zero = self.along_axis("zero", zero)?;
            x = self.step("shifted", Op::Binary(Binary::Sub), &[x, zero])?;
        }
        let to = Op::Cast {
            to: DType::F32,
            narrowed: false,
        };
        let x = self.step("float", to, &[x])?;
        let scale = self.input(1)?;
        let scale = self.along_axis("scale", scale)?;
        self.last(Op::Binary(Binary::Mul), &[x, scale])
    }

    /// `clip(round(x / scale) + zero)` to the range of the type, which is that of `zero`.
    pub(super) fn quantise(&mut self) -> Result<Vec<ValueId>> {
        let zero = self.inputs.get(2).copied().flatten();
        let code = match zero {
            Some(zero) => self.builder.code(zero),
            None => match self.attributes.int("output_dtype")?.unwrap_or(0) {
                0 => Some(2),
                code => i32::try_from(code).ok(),
            },
        };
        let range = match code {
            Some(2) => Some((0, 255)),
            Some(3) => Some((-128, 127)),
            Some(4) => Some((0, 65_535)),
            Some(5) => Some((-32_768, 32_767)),
            _ => None,
        };
        let (Some((low, high)), 0) = (range, self.attributes.int("block_size")?.unwrap_or(0)) else {
            return self.unsupported("QuantizeLinear".to_owned());
        };
        let (x, scale) = (self.input(0)?, self.input(1)?);
        let scale = self.along_axis("scale", scale)?;
        let parts = self.step("parts", Op::Binary(Binary::Div), &[x, scale])?;
        let whole = self.step("whole", Op::Unary(Unary::Round), &[parts])?;
        let to = Op::Cast {
            to: DType::I64,
            narrowed: false,
        };
        // Far values are cut before they become integers, so that adding cannot overflow.
        let (most, least) = (self.number("most", 1e6)?, self.number("least", -1e6)?);
        let whole = self.step("near", Op::Clip, &[whole, least, most])?;
        let mut whole = self.step("integer", to, &[whole])?;
        if let Some(zero) = zero {
            let zero = self.along_axis("zero", zero)?;
            whole = self.step("shifted", Op::Binary(Binary::Add), &[whole, zero])?;
        }
        let low = self.value("low", scalar(TensorData::I64(vec![low])))?;
        let high = self.value("high", scalar(TensorData::I64(vec![high])))?;
        self.last(Op::Clip, &[whole, low, high])
    }

    /// A scale or zero point: one for all, or one per place along `axis`.
    fn along_axis(&mut self, what: &str, id: ValueId) -> Result<ValueId> {
        let rank = self.rank(0)?;
        let fact = self.builder.fact(id);
        match fact.shape.as_slice() {
            [] => Ok(id),
            [SymInt::Known(1)] => self.reshape(what, id, &[]),
            [SymInt::Known(size)] => {
                let size = *size;
                let axis = self.axis("axis", Some(1), rank, false)?;
                let mut shape = vec![Entry::Number(1); rank];
                shape[axis] = Entry::Number(size);
                self.reshape(what, id, &shape)
            }
            _ => fail!(Shape, "its {what} has the shape {}, which does not fit", fact.show()),
        }
    }
}
