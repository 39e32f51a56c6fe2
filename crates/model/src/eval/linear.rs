//! Matrix products; sums run over the inner index in ascending order, in `f32`.

use super::{EvalError, Outcome, broadcast, broadcast_strides, float, floats, limited, walk};
use crate::tensor::Tensor;

/// NumPy's `matmul`: matrices on the last two axes, the others broadcast, vectors promoted.
pub(super) fn matmul(a: &Tensor, b: &Tensor) -> Outcome {
    let (x, y) = (floats(a)?, floats(b)?);
    let mismatch = || EvalError::new(format!("matrices {:?} and {:?} do not fit", a.shape(), b.shape()));
    if a.rank() == 0 || b.rank() == 0 {
        return Err(mismatch());
    }
    let left = if a.rank() == 1 {
        vec![1, a.shape()[0]]
    } else {
        a.shape().to_vec()
    };
    let right = if b.rank() == 1 {
        vec![b.shape()[0], 1]
    } else {
        b.shape().to_vec()
    };
    let (left_batch, left_matrix) = left.split_at(left.len() - 2);
    let (right_batch, right_matrix) = right.split_at(right.len() - 2);
    let (rows, inner, columns) = (left_matrix[0], left_matrix[1], right_matrix[1]);
    if inner != right_matrix[0] {
        return Err(mismatch());
    }
    let batch = broadcast(left_batch, right_batch)?;
    let mut full = batch.clone();
    full.extend([rows, columns]);
    limited(&full)?;
    let mut out = Vec::with_capacity(full.iter().product());
    let left_starts = walk(&batch, &broadcast_strides(left_batch, &batch)).collect::<Vec<_>>();
    let right_starts = walk(&batch, &broadcast_strides(right_batch, &batch)).collect::<Vec<_>>();
    for (i, j) in left_starts.into_iter().zip(right_starts) {
        let (x, y) = (
            &x[i * rows * inner..][..rows * inner],
            &y[j * inner * columns..][..inner * columns],
        );
        for row in 0..rows {
            for column in 0..columns {
                out.push((0..inner).fold(0.0, |sum, k| sum + x[row * inner + k] * y[k * columns + column]));
            }
        }
    }
    let mut shape = batch;
    if a.rank() > 1 {
        shape.push(rows);
    }
    if b.rank() > 1 {
        shape.push(columns);
    }
    float(shape, out)
}

/// `alpha · A' · B' + beta · C`.
pub(super) fn gemm(
    a: &Tensor,
    b: &Tensor,
    c: Option<&Tensor>,
    alpha: f32,
    beta: f32,
    trans_a: bool,
    trans_b: bool,
) -> Outcome {
    let (x, y) = (floats(a)?, floats(b)?);
    let (&[a0, a1], &[b0, b1]) = (a.shape(), b.shape()) else {
        return Err(EvalError::new(format!(
            "Gemm wants matrices, not {:?} and {:?}",
            a.shape(),
            b.shape()
        )));
    };
    let (rows, inner) = if trans_a { (a1, a0) } else { (a0, a1) };
    let (inner_b, columns) = if trans_b { (b1, b0) } else { (b0, b1) };
    if inner != inner_b {
        return Err(EvalError::new(format!(
            "matrices {:?} and {:?} do not fit",
            a.shape(),
            b.shape()
        )));
    }
    let shape = vec![rows, columns];
    let count = limited(&shape)?;
    let offset: Vec<f32> = match c {
        None => vec![0.0; count],
        Some(c) => {
            if broadcast(c.shape(), &shape)? != shape {
                return Err(EvalError::new(format!(
                    "an offset {:?} does not broadcast to {shape:?}",
                    c.shape()
                )));
            }
            let data = floats(c)?;
            walk(&shape, &broadcast_strides(c.shape(), &shape))
                .map(|index| beta * data[index])
                .collect()
        }
    };
    let at = |row: usize, k: usize| if trans_a { x[k * rows + row] } else { x[row * inner + k] };
    let bt = |k: usize, column: usize| {
        if trans_b {
            y[column * inner + k]
        } else {
            y[k * columns + column]
        }
    };
    let mut out = Vec::with_capacity(count);
    for row in 0..rows {
        for column in 0..columns {
            let product = (0..inner).fold(0.0, |sum, k| sum + at(row, k) * bt(k, column));
            out.push(alpha * product + offset[row * columns + column]);
        }
    }
    float(shape, out)
}
