//! `TensorProto` to [`Tensor`]: element types widened, sizes checked before memory is taken.

use super::proto::TensorProto;
use crate::error::{Result, fail};
use crate::limits::Limits;
use crate::tensor::{DType, Tensor, TensorData, elements};

/// Running total against [`Limits::max_total_elements`].
pub(crate) struct Budget<'a> {
    limits: &'a Limits,
    used: usize,
    folded: usize,
    work: usize,
}

impl<'a> Budget<'a> {
    pub(crate) const fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            used: 0,
            folded: 0,
            work: 0,
        }
    }

    pub(crate) const fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Books the elements read, or the multiply-adds, of an operator that is folded.
    pub(crate) fn book_work(&mut self, work: usize) -> Result<()> {
        self.work = self.work.saturating_add(work);
        if self.work > self.limits.max_folded_work {
            fail!(
                Limit,
                "its constant expressions need more than the {} steps allowed",
                self.limits.max_folded_work
            );
        }
        Ok(())
    }

    /// Books a tensor of `shape` that folding computes.
    pub(crate) fn book_folded(&mut self, shape: &[usize]) -> Result<()> {
        self.folded = self.folded.saturating_add(self.book(shape)?);
        if self.folded > self.limits.max_folded_elements {
            fail!(
                Limit,
                "its constant expressions have more than the {} elements allowed",
                self.limits.max_folded_elements
            );
        }
        Ok(())
    }

    /// Books a tensor of `shape`; gives its number of elements.
    pub(crate) fn book(&mut self, shape: &[usize]) -> Result<usize> {
        if shape.len() > self.limits.max_rank {
            fail!(
                Limit,
                "it has {} axes, more than the {} allowed",
                shape.len(),
                self.limits.max_rank
            );
        }
        match elements(shape) {
            Some(count) if count <= self.limits.max_tensor_elements => {
                self.used = self.used.saturating_add(count);
                if self.used > self.limits.max_total_elements {
                    fail!(
                        Limit,
                        "all tensors together have more than the {} elements allowed",
                        self.limits.max_total_elements
                    );
                }
                Ok(count)
            }
            _ => fail!(
                Limit,
                "its shape {shape:?} has more than the {} elements allowed",
                self.limits.max_tensor_elements
            ),
        }
    }
}

/// The type that elements of ONNX type `code` are widened to.
pub(super) fn dtype(code: i32) -> Result<DType> {
    Ok(match code {
        1 | 10 | 11 | 16 => DType::F32,
        2..=7 | 12 | 13 => DType::I64,
        9 => DType::Bool,
        _ => fail!(
            ElementType,
            "its element type is {}, which is not supported",
            type_name(code)
        ),
    })
}

/// True if [`dtype`] widens the type, so that arithmetic in it could have been narrower in the file.
pub(super) const fn narrower(code: i32) -> bool {
    !matches!(code, 1 | 7 | 9)
}

pub(super) fn type_name(code: i32) -> String {
    let names = [
        "undefined",
        "float",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "double",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
    ];
    usize::try_from(code)
        .ok()
        .and_then(|index| names.get(index))
        .map_or_else(|| format!("number {code}"), |name| (*name).to_owned())
}

/// Reads one tensor.
pub(super) fn tensor(proto: &TensorProto, budget: &mut Budget<'_>) -> Result<Tensor> {
    let name = proto.name.as_deref().unwrap_or("");
    read(proto, budget).map_err(|error| error.at_tensor(name))
}

fn read(proto: &TensorProto, budget: &mut Budget<'_>) -> Result<Tensor> {
    if proto.data_location.unwrap_or(0) != 0 || !proto.external_data.is_empty() {
        fail!(
            ExternalData,
            "its data lies in another file, which is not read; save the model as one file (in Python: \
             onnx.save(onnx.load(path), path, save_as_external_data=False))"
        );
    }
    if proto.segment.is_some() {
        fail!(Tensor, "it is stored in segments, which are not read");
    }
    let code = proto.data_type.unwrap_or(0);
    let dtype = dtype(code)?;
    let mut shape = Vec::with_capacity(proto.dims.len().min(budget.limits().max_rank + 1));
    for dim in &proto.dims {
        match usize::try_from(*dim) {
            Ok(size) => shape.push(size),
            Err(_) => fail!(Tensor, "its shape {:?} has a negative size", proto.dims),
        }
        if shape.len() > budget.limits().max_rank {
            break;
        }
    }
    let count = budget.book(&shape)?;
    let data = match &proto.raw_data {
        Some(raw) => {
            let width = width(code);
            if count.checked_mul(width) != Some(raw.len()) {
                fail!(
                    Tensor,
                    "its shape {shape:?} needs {} bytes, but the file holds {}",
                    count.saturating_mul(width),
                    raw.len()
                );
            }
            from_raw(code, dtype, raw)
        }
        None => from_fields(proto, code, dtype),
    };
    let held = match &data {
        TensorData::F32(data) => data.len(),
        TensorData::I64(data) => data.len(),
        TensorData::Bool(data) => data.len(),
    };
    match Tensor::new(shape.clone(), data) {
        Some(tensor) => Ok(tensor),
        None => fail!(
            Tensor,
            "its shape {shape:?} needs {count} elements, but the file holds {held}"
        ),
    }
}

/// Bytes of one element in `raw_data`.
const fn width(code: i32) -> usize {
    match code {
        2 | 3 | 9 => 1,
        4 | 5 | 10 | 16 => 2,
        1 | 6 | 12 => 4,
        _ => 8,
    }
}

fn chunks<const N: usize, T>(raw: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks::<N>().0.iter().map(|bytes| convert(*bytes)).collect()
}

fn from_raw(code: i32, dtype: DType, raw: &[u8]) -> TensorData {
    match dtype {
        DType::F32 => TensorData::F32(match code {
            10 => chunks(raw, |bytes| half(u16::from_le_bytes(bytes))),
            16 => chunks(raw, |bytes| bfloat(u16::from_le_bytes(bytes))),
            11 => chunks(raw, |bytes| f64::from_le_bytes(bytes) as f32),
            _ => chunks(raw, f32::from_le_bytes),
        }),
        DType::I64 => TensorData::I64(match code {
            2 => raw.iter().map(|byte| i64::from(*byte)).collect(),
            3 => chunks(raw, |bytes| i64::from(i8::from_le_bytes(bytes))),
            4 => chunks(raw, |bytes| i64::from(u16::from_le_bytes(bytes))),
            5 => chunks(raw, |bytes| i64::from(i16::from_le_bytes(bytes))),
            6 => chunks(raw, |bytes| i64::from(i32::from_le_bytes(bytes))),
            12 => chunks(raw, |bytes| i64::from(u32::from_le_bytes(bytes))),
            // Beyond 2^63 there is no size or index; the bits are kept.
            13 => chunks(raw, |bytes| u64::from_le_bytes(bytes).cast_signed()),
            _ => chunks(raw, i64::from_le_bytes),
        }),
        DType::Bool => TensorData::Bool(raw.iter().map(|byte| *byte != 0).collect()),
    }
}

fn from_fields(proto: &TensorProto, code: i32, dtype: DType) -> TensorData {
    match dtype {
        DType::F32 => TensorData::F32(match code {
            10 => proto.int32_data.iter().map(|bits| half(*bits as u16)).collect(),
            16 => proto.int32_data.iter().map(|bits| bfloat(*bits as u16)).collect(),
            11 => proto.double_data.iter().map(|value| *value as f32).collect(),
            _ => proto.float_data.clone(),
        }),
        DType::I64 => TensorData::I64(match code {
            7 => proto.int64_data.clone(),
            12 | 13 => proto.uint64_data.iter().map(|value| value.cast_signed()).collect(),
            _ => proto.int32_data.iter().map(|value| i64::from(*value)).collect(),
        }),
        DType::Bool => TensorData::Bool(proto.int32_data.iter().map(|value| *value != 0).collect()),
    }
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10) & 0x1f;
    let fraction = u32::from(bits) & 0x3ff;
    match exponent {
        0 => {
            // Subnormal: fraction · 2^-24, exact in f32.
            let magnitude = fraction as f32 * f32::from_bits(0x3380_0000);
            f32::from_bits(magnitude.to_bits() | sign)
        }
        0x1f => f32::from_bits(sign | 0x7f80_0000 | (fraction << 13)),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}

fn bfloat(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bit_floats_widen_exactly() {
        assert_eq!(half(0x3c00), 1.0);
        assert_eq!(half(0xc000), -2.0);
        assert_eq!(half(0x7bff), 65504.0);
        assert_eq!(half(0x0001), 2f32.powi(-24));
        assert_eq!(half(0x0400), 2f32.powi(-14));
        assert_eq!(half(0x8000).to_bits(), (-0.0f32).to_bits());
        assert_eq!(half(0x7c00), f32::INFINITY);
        assert!(half(0x7e00).is_nan());
        assert_eq!(bfloat(0x3f80), 1.0);
        assert_eq!(bfloat(0xc0a0), -5.0);
    }
}
