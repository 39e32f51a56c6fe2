//! Discrete Fourier transforms, by rustfft and realfft: planned at construction, in the scratch at run time.
//!
//! The plans choose their instructions by the machine, not by the kernel's instruction set.

use super::Run;
use crate::Isa;
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftDirection, FftPlanner};
use std::fmt;
use std::sync::Arc;

enum Plan {
    Forward(Arc<dyn RealToComplex<f32>>),
    Inverse(Arc<dyn ComplexToReal<f32>>),
    Complex(Arc<dyn Fft<f32>>),
}

/// Sizes, as in [`super::Function::Dft`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub length: usize,
    pub inner: usize,
    pub input_length: usize,
    pub complex_in: bool,
    pub onesided: bool,
    pub inverse: bool,
}

pub(super) struct Dft {
    shape: Shape,
    plan: Plan,
    /// Complex numbers of scratch that the plan asks for.
    plan_scratch: usize,
}

impl fmt::Debug for Dft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dft")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl Dft {
    pub fn new(shape: Shape) -> Self {
        // Of a real signal only: a complex one has no half that stands for all, so that its first half is cut out.
        let real = shape.onesided && (shape.inverse || !shape.complex_in);
        let (plan, plan_scratch) = if real && shape.inverse {
            let plan = RealFftPlanner::new().plan_fft_inverse(shape.length);
            let scratch = plan.get_scratch_len();
            (Plan::Inverse(plan), scratch)
        } else if real {
            let plan = RealFftPlanner::new().plan_fft_forward(shape.length);
            let scratch = plan.get_scratch_len();
            (Plan::Forward(plan), scratch)
        } else {
            let direction = if shape.inverse {
                FftDirection::Inverse
            } else {
                FftDirection::Forward
            };
            let plan = FftPlanner::new().plan_fft(shape.length, direction);
            let scratch = plan.get_inplace_scratch_len();
            (Plan::Complex(plan), scratch)
        };
        Self {
            shape,
            plan,
            plan_scratch,
        }
    }

    /// One line: element `i` of the input is the `step` floats at `i · stride` of `x`; likewise the output.
    fn line(&self, x: &[f32], y: &mut [f32], bins: &mut [Complex<f32>], points: &mut [f32], own: &mut [Complex<f32>]) {
        let shape = &self.shape;
        let parts = if shape.complex_in { 2 } else { 1 };
        let given = || x.chunks(shape.inner * parts).take(shape.input_length);
        match &self.plan {
            Plan::Forward(plan) => {
                points.fill(0.0);
                for (slot, x) in points.iter_mut().zip(given()) {
                    *slot = x.first().copied().unwrap_or(0.0);
                }
                // Fails on wrong lengths only.
                let _ = plan.process_with_scratch(points, bins, own);
                write(y, shape.inner, bins, 1.0);
            }
            Plan::Inverse(plan) => {
                read(bins, given(), parts);
                // A real signal has neither; the transform would complain of them.
                let nyquist = if shape.length.is_multiple_of(2) {
                    shape.length / 2
                } else {
                    0
                };
                for at in [0, nyquist] {
                    if let Some(bin) = bins.get_mut(at) {
                        bin.im = 0.0;
                    }
                }
                let _ = plan.process_with_scratch(bins, points, own);
                let scale = self.scale();
                for (y, point) in y.chunks_mut(shape.inner).zip(points) {
                    if let Some(y) = y.first_mut() {
                        *y = *point * scale;
                    }
                }
            }
            Plan::Complex(plan) => {
                read(bins, given(), parts);
                plan.process_with_scratch(bins, own);
                let kept = if shape.onesided {
                    shape.length / 2 + 1
                } else {
                    shape.length
                };
                if let Some(kept) = bins.get(..kept) {
                    write(y, shape.inner, kept, if shape.inverse { self.scale() } else { 1.0 });
                }
            }
        }
    }

    fn scale(&self) -> f32 {
        // At most 2^26 points: exact enough for a factor.
        #[allow(clippy::cast_precision_loss)]
        let length = self.shape.length as f32;
        1.0 / length
    }

    /// Complex numbers and reals of a line.
    fn lengths(&self) -> (usize, usize) {
        match self.plan {
            Plan::Complex(_) => (self.shape.length, 0),
            _ => (self.shape.length / 2 + 1, self.shape.length),
        }
    }
}

/// The bins that are given, and zeros.
fn read<'a>(bins: &mut [Complex<f32>], given: impl Iterator<Item = &'a [f32]>, parts: usize) {
    bins.fill(Complex::new(0.0, 0.0));
    for (bin, x) in bins.iter_mut().zip(given) {
        let mut x = x.iter().take(parts).copied();
        *bin = Complex::new(x.next().unwrap_or(0.0), x.next().unwrap_or(0.0));
    }
}

fn write(y: &mut [f32], inner: usize, bins: &[Complex<f32>], scale: f32) {
    for (y, bin) in y.chunks_mut(inner * 2).zip(bins) {
        if let [re, im, ..] = y {
            (*re, *im) = (bin.re * scale, bin.im * scale);
        }
    }
}

/// The floats, two by two.
fn complex(floats: &mut [f32]) -> &mut [Complex<f32>] {
    let (pointer, len) = (floats.as_mut_ptr(), floats.len() / 2);
    // SAFETY: `Complex<f32>` is `repr(C)` of two f32 and so has their alignment and no padding; all of its `len` elements lie
    // in the slice, whose borrow the result takes over.
    unsafe { std::slice::from_raw_parts_mut(pointer.cast::<Complex<f32>>(), len) }
}

impl Run for Dft {
    fn scratch(&self) -> usize {
        let (bins, points) = self.lengths();
        2 * bins + points + 2 * self.plan_scratch
    }

    fn run(&self, _: Isa, inputs: &[&[f32]], output: &mut [f32], scratch: &mut [f32]) {
        let [x] = inputs else { return };
        let (bins, points) = self.lengths();
        let Some((bins, rest)) = scratch.split_at_mut_checked(2 * bins) else {
            return;
        };
        let Some((points, own)) = rest.split_at_mut_checked(points) else {
            return;
        };
        let (bins, own) = (complex(bins), complex(own));
        // Some plans ask for exactly what they said.
        let Some(own) = own.get_mut(..self.plan_scratch) else {
            return;
        };
        own.fill(Complex::new(0.0, 0.0));
        let shape = &self.shape;
        let out_parts = if shape.onesided && shape.inverse { 1 } else { 2 };
        let out_length = if shape.onesided && !shape.inverse {
            shape.length / 2 + 1
        } else {
            shape.length
        };
        let in_parts = if shape.complex_in { 2 } else { 1 };
        let blocks = x
            .chunks_exact(shape.input_length * shape.inner * in_parts)
            .zip(output.chunks_exact_mut(out_length * shape.inner * out_parts));
        for (x, y) in blocks {
            for i in 0..shape.inner {
                if let (Some(x), Some(y)) = (x.get(i * in_parts..), y.get_mut(i * out_parts..)) {
                    self.line(x, y, bins, points, own);
                }
            }
        }
    }
}
