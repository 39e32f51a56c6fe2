//! Discrete Fourier transforms in double precision, by decimation in time for each prime factor of the length.

use super::{Args, EvalError, Outcome, around, float, floats, ints, limited};
use crate::tensor::Tensor;
use std::f64::consts::TAU;

type Complex = (f64, f64);

/// `X[k] = Σ x[n] · exp(∓2πi · k · n / N)`, without a factor.
fn transform(x: &[Complex], inverse: bool) -> Vec<Complex> {
    let length = x.len();
    // To the length of a usize's bits at most, as each step divides the length by at least 2.
    let Some(radix) = (2..=length).find(|radix| length.is_multiple_of(*radix)) else {
        return x.to_vec();
    };
    // Twiddles are taken from one turn in steps of 1 / length, so that no angle grows.
    let sign = if inverse { TAU } else { -TAU };
    #[allow(clippy::cast_precision_loss)]
    let turn: Vec<Complex> = (0..length)
        .map(|step| {
            let (sin, cos) = (sign * step as f64 / length as f64).sin_cos();
            (cos, sin)
        })
        .collect();
    let rest = length / radix;
    let parts: Vec<Vec<Complex>> = (0..radix)
        .map(|offset| {
            let part: Vec<Complex> = x.iter().skip(offset).step_by(radix).copied().collect();
            transform(&part, inverse)
        })
        .collect();
    (0..length)
        .map(|k| {
            parts.iter().enumerate().fold((0.0, 0.0), |sum, (offset, part)| {
                let ((a, b), (c, s)) = (part[k % rest], turn[offset * k % length]);
                (sum.0 + a * c - b * s, sum.1 + a * s + b * c)
            })
        })
        .collect()
}

/// All `length` bins of a spectrum of which `half` are given, the others being their mirror.
fn mirrored(half: &[Complex], length: usize) -> Vec<Complex> {
    let at = |k: usize| half.get(k).copied().unwrap_or((0.0, 0.0));
    (0..length)
        .map(|k| {
            // The imaginary parts of the first and the middle bin have no part in a real signal.
            if k == 0 || 2 * k == length {
                (at(k).0, 0.0)
            } else if 2 * k < length {
                at(k)
            } else {
                let (re, im) = at(length - k);
                (re, -im)
            }
        })
        .collect()
}

fn wanted_length(tensor: &Tensor) -> Outcome<usize> {
    ints(tensor)?
        .first()
        .and_then(|length| usize::try_from(*length).ok())
        .filter(|length| *length > 0)
        .ok_or_else(|| EvalError::new("a transform's length must be at least 1"))
}

pub(super) fn dft(args: Args<'_>, axis: usize, inverse: bool, onesided: bool) -> Outcome {
    let x = args.get(0)?;
    let data = floats(x)?;
    let error = || EvalError::new(format!("the shape {:?} holds no signal along axis {axis}", x.shape()));
    let (&parts, front) = x.shape().split_last().ok_or_else(error)?;
    if axis >= front.len() || !(parts == 1 || parts == 2) {
        return Err(error());
    }
    let (outer, size, inner) = around(front, axis)?;
    let length = match args.optional(1) {
        Some(length) => wanted_length(length)?,
        None if inverse && onesided => size.saturating_sub(1) * 2,
        None => size,
    };
    if length == 0 {
        return Err(error());
    }
    let real = inverse && onesided;
    let count = if onesided && !inverse { length / 2 + 1 } else { length };
    let mut shape = x.shape().to_vec();
    shape[axis] = count;
    let width = if real { 1 } else { 2 };
    if let Some(last) = shape.last_mut() {
        *last = width;
    }
    let mut out = vec![0.0; limited(&shape)?];
    limited(&[length])?;
    let mut signal = vec![(0.0, 0.0); if real { length / 2 + 1 } else { length }];
    #[allow(clippy::cast_precision_loss)]
    let factor = if inverse { 1.0 / length as f64 } else { 1.0 };
    for o in 0..outer {
        for i in 0..inner {
            for (n, value) in signal.iter_mut().enumerate() {
                let at = ((o * size + n) * inner + i) * parts;
                *value = match n < size {
                    true if parts == 2 => (f64::from(data[at]), f64::from(data[at + 1])),
                    true => (f64::from(data[at]), 0.0),
                    false => (0.0, 0.0),
                };
            }
            let result = if real {
                transform(&mirrored(&signal, length), true)
            } else {
                transform(&signal, inverse)
            };
            for (k, (re, im)) in result.iter().take(count).enumerate() {
                let at = ((o * count + k) * inner + i) * width;
                // The result is single precision by definition.
                #[allow(clippy::cast_possible_truncation)]
                {
                    out[at] = (re * factor) as f32;
                    if width == 2 {
                        out[at + 1] = (im * factor) as f32;
                    }
                }
            }
        }
    }
    float(shape, out)
}

pub(super) fn stft(args: Args<'_>, onesided: bool) -> Outcome {
    let x = args.get(0)?;
    let data = floats(x)?;
    let error = |what: &str| EvalError::new(format!("STFT of shape {:?}: {what}", x.shape()));
    let (batch, size, parts) = match *x.shape() {
        [batch, size] | [batch, size, 1] => (batch, size, 1),
        [batch, size, 2] if !onesided => (batch, size, 2),
        _ => return Err(error("the signal is not [batch, length, 1]")),
    };
    let step = wanted_length(args.get(1)?)?;
    let window = args.optional(2).map(floats).transpose()?;
    let length = match (args.optional(3), window) {
        (Some(length), _) => wanted_length(length)?,
        (None, Some(window)) => window.len(),
        (None, None) => size,
    };
    if length == 0 || length > size || window.is_some_and(|window| window.len() != length) {
        return Err(error("a frame is longer than the signal, or its window is not"));
    }
    let frames = (size - length) / step + 1;
    let bins = if onesided { length / 2 + 1 } else { length };
    let shape = vec![batch, frames, bins, 2];
    let mut out = Vec::with_capacity(limited(&shape)?);
    for b in 0..batch {
        for frame in 0..frames {
            let signal: Vec<Complex> = (0..length)
                .map(|n| {
                    let at = (b * size + frame * step + n) * parts;
                    let weight = f64::from(window.map_or(1.0, |window| window[n]));
                    let imaginary = if parts == 2 { data[at + 1] } else { 0.0 };
                    (weight * f64::from(data[at]), weight * f64::from(imaginary))
                })
                .collect();
            #[allow(clippy::cast_possible_truncation)]
            for (re, im) in transform(&signal, false).into_iter().take(bins) {
                out.extend([re as f32, im as f32]);
            }
        }
    }
    float(shape, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_agrees_with_the_definition_and_turns_back() {
        for length in [1usize, 2, 3, 4, 5, 6, 7, 9, 12, 15, 16, 30, 49, 64, 97] {
            let x: Vec<Complex> = (0..length)
                .map(|n| ((n as f64 * 0.7).sin(), (n as f64 * n as f64 * 0.31).cos()))
                .collect();
            let spectrum = transform(&x, false);
            for (k, (re, im)) in spectrum.iter().enumerate() {
                let mut sum = (0.0, 0.0);
                for (n, (a, b)) in x.iter().enumerate() {
                    let (s, c) = (-TAU * (k * n % length) as f64 / length as f64).sin_cos();
                    sum = (sum.0 + a * c - b * s, sum.1 + a * s + b * c);
                }
                assert!(
                    (sum.0 - re).abs() < 1e-11 && (sum.1 - im).abs() < 1e-11,
                    "{length}: {k}"
                );
            }
            for (wanted, got) in x.iter().zip(transform(&spectrum, true)) {
                let scale = 1.0 / length as f64;
                assert!((wanted.0 - got.0 * scale).abs() < 1e-12 && (wanted.1 - got.1 * scale).abs() < 1e-12);
            }
        }
    }
}
