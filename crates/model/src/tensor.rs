//! Dense tensors in row-major order.

use std::sync::Arc;

/// Element type. Readers widen other types: 16-bit and 64-bit floats become [`DType::F32`], other integers [`DType::I64`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit float.
    F32,
    /// 64-bit integer.
    I64,
    /// Truth value.
    Bool,
}

/// Elements, last axis fastest.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit integers.
    I64(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
}

/// A dense tensor. A scalar has an empty shape and one element. Clones share the elements.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Arc<TensorData>,
}

impl Tensor {
    /// `None` if the number of elements is not the product of `shape`, or that product overflows.
    pub fn new(shape: Vec<usize>, data: TensorData) -> Option<Self> {
        Self::sharing(shape, Arc::new(data))
    }

    fn sharing(shape: Vec<usize>, data: Arc<TensorData>) -> Option<Self> {
        let tensor = Self { shape, data };
        (elements(&tensor.shape) == Some(tensor.len())).then_some(tensor)
    }

    /// 32-bit floats; `None` as for [`Self::new`].
    pub fn f32(shape: Vec<usize>, data: Vec<f32>) -> Option<Self> {
        Self::new(shape, TensorData::F32(data))
    }

    /// 64-bit integers; `None` as for [`Self::new`].
    pub fn i64(shape: Vec<usize>, data: Vec<i64>) -> Option<Self> {
        Self::new(shape, TensorData::I64(data))
    }

    /// A vector of integers.
    pub fn from_i64s(data: Vec<i64>) -> Self {
        Self {
            shape: vec![data.len()],
            data: Arc::new(TensorData::I64(data)),
        }
    }

    /// Size of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match &*self.data {
            TensorData::F32(data) => data.len(),
            TensorData::I64(data) => data.len(),
            TensorData::Bool(data) => data.len(),
        }
    }

    /// True if some axis has size 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        match &*self.data {
            TensorData::F32(_) => DType::F32,
            TensorData::I64(_) => DType::I64,
            TensorData::Bool(_) => DType::Bool,
        }
    }

    /// The elements.
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// The elements if they are floats.
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &*self.data {
            TensorData::F32(data) => Some(data),
            _ => None,
        }
    }

    /// The elements if they are integers.
    pub fn as_i64(&self) -> Option<&[i64]> {
        match &*self.data {
            TensorData::I64(data) => Some(data),
            _ => None,
        }
    }

    /// The elements if they are truth values.
    pub fn as_bool(&self) -> Option<&[bool]> {
        match &*self.data {
            TensorData::Bool(data) => Some(data),
            _ => None,
        }
    }

    /// The same elements under another shape of equal size; `None` if the sizes differ.
    pub fn reshaped(self, shape: Vec<usize>) -> Option<Self> {
        Self::sharing(shape, self.data)
    }

    /// Shape and elements, copied if a clone shares them.
    pub fn into_parts(self) -> (Vec<usize>, TensorData) {
        (self.shape, Arc::unwrap_or_clone(self.data))
    }
}

/// The most places that the axes beside one of size 0 may span.
const MAX_BESIDE_NOTHING: usize = 1 << 20;

/// The number of elements of `shape`; `None` on overflow, and where a shape without elements spans more than a million places
/// beside its axes of size 0: nobody means that, and what is computed for each place of an axis would be without bounds.
pub fn elements(shape: &[usize]) -> Option<usize> {
    let product = shape
        .iter()
        .try_fold(1usize, |product, size| product.checked_mul((*size).max(1)))?;
    if shape.contains(&0) {
        (product <= MAX_BESIDE_NOTHING).then_some(0)
    } else {
        Some(product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_and_size_must_agree() {
        assert!(Tensor::f32(vec![2, 3], vec![0.0; 6]).is_some());
        assert!(Tensor::f32(vec![2, 3], vec![0.0; 5]).is_none());
        assert!(Tensor::f32(vec![usize::MAX, 3], vec![]).is_none());
        assert!(Tensor::f32(vec![0, 256], vec![]).is_some());
        assert!(Tensor::f32(vec![0, 1 << 40], vec![]).is_none());
        assert!(Tensor::f32(vec![0, usize::MAX, 3], vec![]).is_none());
        assert!(Tensor::f32(vec![0, 3], vec![]).is_some());
        assert_eq!(Tensor::f32(vec![], vec![1.0]).map(|t| t.rank()), Some(0));
    }
}
