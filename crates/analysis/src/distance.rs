//! How far two *sets* of features are apart, whatever their order: Fréchet distance and Kullback–Leibler divergence between the normal
//! distributions fitted to them.
//!
//! On 13 MFCCs ([`mel::mfcc`]) these are the figures that work on generated music calls FAD and KL. The *Fréchet audio distance* proper
//! (Kilgour et al. 2019) uses embeddings of a trained network; this one is named after what it is.
//!
//! * Fréchet (Dowson and Landau 1982): `|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½)`; the unit of the features, squared. The root's trace is taken as
//!   that of `(Σ₁^½ Σ₂ Σ₁^½)^½`, whose eigenvalues are real and not negative also where covariances are singular.
//! * Kullback–Leibler, target against estimate: `½ (tr(Σ₂⁻¹ Σ₁) + (μ₂ − μ₁)ᵀ Σ₂⁻¹ (μ₂ − μ₁) − n + ln |Σ₂| − ln |Σ₁|)`, in nats. Not symmetric.
//!   Eigenvalues of either covariance below [`FLOOR`] of the larger covariance's mean variance are raised to it, so that features that
//!   never change (silence, one note) give a large number instead of none.
//!
//! Covariances are over `frames − 1`.

use crate::input::{Unmeasurable, pair};
use crate::mel::{self, COEFFICIENTS};

/// The least eigenvalue for [`Normal::divergence`], in parts of the larger mean variance.
pub const FLOOR: f64 = 1e-9;

/// Frames that a distribution needs.
pub const LEAST_FRAMES: usize = 2;

type Vector<const N: usize> = [f64; N];
type Matrix<const N: usize> = [[f64; N]; N];

/// Both distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distances {
    /// Fréchet distance, squared units.
    pub frechet: f64,
    /// Kullback–Leibler divergence of the target's distribution from the estimate's, nats.
    pub kl: f64,
}

/// Both distances between the MFCCs of two mono signals at `rate` Hz, over the shorter.
///
/// # Errors
///
/// Fewer than [`mel::HOP`] frames (which give two of features), a sample that is no number, or a rate outside 1 kHz … 1 MHz.
pub fn mfcc_distances(target: &[f32], estimate: &[f32], rate: f64) -> Result<Distances, Unmeasurable> {
    let (target, estimate) = pair(target, estimate, mel::HOP)?;
    let target = Normal::<COEFFICIENTS>::of(&mel::mfcc(target, rate)?)?;
    let estimate = Normal::of(&mel::mfcc(estimate, rate)?)?;
    Ok(Distances {
        frechet: target.frechet(&estimate),
        kl: target.divergence(&estimate),
    })
}

/// A normal distribution of `N` features.
#[derive(Clone, Debug, PartialEq)]
pub struct Normal<const N: usize> {
    mean: Vector<N>,
    covariance: Matrix<N>,
}

impl<const N: usize> Normal<N> {
    /// Mean and covariance of `[frames, N]`.
    ///
    /// # Errors
    ///
    /// Fewer than [`LEAST_FRAMES`] frames, or a feature that is no number.
    pub fn of(frames: &[[f64; N]]) -> Result<Self, Unmeasurable> {
        let what = "the set of features";
        if frames.len() < LEAST_FRAMES {
            return Err(Unmeasurable::TooShort {
                what,
                frames: frames.len(),
                needed: LEAST_FRAMES,
            });
        }
        if let Some(frame) = frames
            .iter()
            .position(|frame| frame.iter().any(|value| !value.is_finite()))
        {
            return Err(Unmeasurable::NotFinite { what, frame });
        }
        let count = frames.len() as f64;
        let mut mean = [0.0; N];
        for frame in frames {
            for (to, from) in mean.iter_mut().zip(frame) {
                *to += from / count;
            }
        }
        let mut covariance = [[0.0; N]; N];
        for frame in frames {
            for (row, a) in covariance.iter_mut().zip(frame.iter().zip(&mean).map(|(f, m)| f - m)) {
                for (to, b) in row.iter_mut().zip(frame.iter().zip(&mean).map(|(f, m)| f - m)) {
                    *to += a * b / (count - 1.0);
                }
            }
        }
        Ok(Self { mean, covariance })
    }

    /// Mean of each feature.
    pub fn mean(&self) -> &[f64; N] {
        &self.mean
    }

    /// Covariances.
    pub fn covariance(&self) -> &[[f64; N]; N] {
        &self.covariance
    }

    /// Fréchet distance; 0 for equal distributions, symmetric.
    pub fn frechet(&self, other: &Self) -> f64 {
        let apart: f64 = self.mean.iter().zip(&other.mean).map(|(a, b)| (a - b) * (a - b)).sum();
        let own = Eigen::of(&self.covariance);
        let root = own.apply(|value| value.max(0.0).sqrt());
        let inner = Eigen::of(&product(&product(&root, &other.covariance), &root));
        let shared: f64 = inner.values.iter().map(|value| value.max(0.0).sqrt()).sum();
        (apart + trace(&self.covariance) + trace(&other.covariance) - 2.0 * shared).max(0.0)
    }

    /// Kullback–Leibler divergence of this distribution from `other`, nats, at least 0.
    pub fn divergence(&self, other: &Self) -> f64 {
        let variance = trace(&self.covariance).max(trace(&other.covariance)) / N.max(1) as f64;
        let floor = (FLOOR * variance).max(f64::MIN_POSITIVE * 1e20);
        let (own, their) = (Eigen::of(&self.covariance), Eigen::of(&other.covariance));
        let inverse = their.apply(|value| 1.0 / value.max(floor));
        let raised = own.apply(|value| value.max(floor));
        let spread = trace(&product(&inverse, &raised));
        let mut step = [0.0; N];
        for (to, (a, b)) in step.iter_mut().zip(self.mean.iter().zip(&other.mean)) {
            *to = b - a;
        }
        let far: f64 = inverse
            .iter()
            .zip(&step)
            .map(|(row, a)| a * row.iter().zip(&step).map(|(m, b)| m * b).sum::<f64>())
            .sum();
        let log = |eigen: &Eigen<N>| eigen.values.iter().map(|value| value.max(floor).ln()).sum::<f64>();
        (0.5 * (spread + far - N as f64 + log(&their) - log(&own))).max(0.0)
    }
}

fn trace<const N: usize>(matrix: &Matrix<N>) -> f64 {
    matrix.iter().enumerate().map(|(index, row)| row[index]).sum()
}

fn product<const N: usize>(a: &Matrix<N>, b: &Matrix<N>) -> Matrix<N> {
    let mut out = [[0.0; N]; N];
    for (to, row) in out.iter_mut().zip(a) {
        for (weight, from) in row.iter().zip(b) {
            for (to, from) in to.iter_mut().zip(from) {
                *to += weight * from;
            }
        }
    }
    out
}

/// Eigenvalues and -vectors of a symmetric matrix.
struct Eigen<const N: usize> {
    values: Vector<N>,
    /// One vector per column.
    vectors: Matrix<N>,
}

impl<const N: usize> Eigen<N> {
    /// By cyclic Jacobi rotations (Golub and Van Loan, *Matrix Computations*, §8.5): exact to rounding also for singular matrices.
    #[allow(clippy::needless_range_loop)] // Rows and columns of one matrix at once.
    fn of(matrix: &Matrix<N>) -> Self {
        let mut a = *matrix;
        let mut vectors = [[0.0; N]; N];
        for index in 0..N {
            vectors[index][index] = 1.0;
        }
        let scale: f64 = a.iter().flatten().map(|value| value * value).sum();
        // Convergence is quadratic: 6 to 10 sweeps.
        for _ in 0..60 {
            let mut off = 0.0;
            for p in 0..N {
                for q in p + 1..N {
                    off += a[p][q] * a[p][q];
                }
            }
            if off <= 1e-30 * scale {
                break;
            }
            for p in 0..N {
                for q in p + 1..N {
                    if a[p][q] == 0.0 {
                        continue;
                    }
                    let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                    let c = 1.0 / (t * t + 1.0).sqrt();
                    let s = t * c;
                    for k in 0..N {
                        let (kp, kq) = (a[k][p], a[k][q]);
                        a[k][p] = c * kp - s * kq;
                        a[k][q] = s * kp + c * kq;
                    }
                    for k in 0..N {
                        let (pk, qk) = (a[p][k], a[q][k]);
                        a[p][k] = c * pk - s * qk;
                        a[q][k] = s * pk + c * qk;
                    }
                    for row in &mut vectors {
                        let (vp, vq) = (row[p], row[q]);
                        row[p] = c * vp - s * vq;
                        row[q] = s * vp + c * vq;
                    }
                }
            }
        }
        let mut values = [0.0; N];
        for (index, value) in values.iter_mut().enumerate() {
            *value = a[index][index];
        }
        Self { values, vectors }
    }

    /// The matrix with a function applied to each eigenvalue.
    fn apply(&self, function: impl Fn(f64) -> f64) -> Matrix<N> {
        let mut out = [[0.0; N]; N];
        for (to, left) in out.iter_mut().zip(&self.vectors) {
            for (to, right) in to.iter_mut().zip(&self.vectors) {
                *to = self
                    .values
                    .iter()
                    .zip(left.iter().zip(right))
                    .map(|(value, (l, r))| function(*value) * l * r)
                    .sum();
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(mean: [f64; 3], scale: [f64; 3], seed: u32) -> Vec<[f64; 3]> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 16) / 32_768.0 - 1.0
        };
        (0..4_000)
            .map(|_| {
                let mut point = mean;
                for (to, scale) in point.iter_mut().zip(scale) {
                    // Uniform with a standard deviation of `scale`.
                    *to += 3f64.sqrt() * scale * next();
                }
                point
            })
            .collect()
    }

    #[test]
    fn independent_features_follow_the_formulas() {
        let a = Normal::of(&cloud([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], 1)).expect("frames");
        let b = Normal::of(&cloud([1.0, 1.0, 2.0], [1.0, 1.0, 3.0], 2)).expect("frames");
        // |Δμ|² = 1, and (2 − 1)² for the second feature's deviation.
        assert!((a.frechet(&b) - 2.0).abs() < 0.2, "{}", a.frechet(&b));
        assert!((a.frechet(&b) - b.frechet(&a)).abs() < 1e-9);
        let expected = 0.5 * (1.0 + 4.0 + 1.0 + 1.0 - 3.0 + (1.0f64 / 4.0).ln());
        assert!(
            (a.divergence(&b) - expected).abs() < 0.15,
            "{} {expected}",
            a.divergence(&b)
        );
        assert!(a.frechet(&a) < 1e-9 && a.divergence(&a) < 1e-9);
    }

    #[test]
    fn singular_covariances_are_no_trouble() {
        let line: Vec<[f64; 3]> = (0..100).map(|n| [f64::from(n), 2.0 * f64::from(n), 7.0]).collect();
        let point = vec![[1.0, 2.0, 3.0]; 10];
        let (line, point) = (Normal::of(&line).expect("frames"), Normal::of(&point).expect("frames"));
        // To a point: |Δμ|² and the line's own variance.
        let expected = 48.5f64.powi(2) + 97f64.powi(2) + 16.0 + trace(line.covariance());
        assert!((line.frechet(&point) / expected - 1.0).abs() < 1e-9);
        assert!(line.frechet(&line) < 1e-6 && line.divergence(&line) < 1e-6);
        assert!(line.divergence(&point).is_finite() && point.divergence(&line).is_finite());
        assert_eq!((point.frechet(&point), point.divergence(&point)), (0.0, 0.0));
        let silent = mfcc_distances(&[0.0; 9_000], &[0.0; 9_000], 48_000.0).expect("silence");
        assert!(silent.frechet < 1e-9 && silent.kl < 1e-5, "{silent:?}");
        let other = mfcc_distances(
            &[0.0; 9_000],
            &cloud([0.0; 3], [1.0; 3], 3)
                .concat()
                .iter()
                .map(|v| *v as f32)
                .collect::<Vec<_>>(),
            48_000.0,
        )
        .expect("numbers");
        assert!(
            other.frechet > 1.0 && other.kl.is_finite() && other.kl > 1.0,
            "{other:?}"
        );
    }

    #[test]
    fn too_little_is_an_error() {
        assert!(Normal::<3>::of(&[]).is_err() && Normal::of(&[[1.0, 2.0]]).is_err());
        assert!(matches!(
            Normal::of(&[[1.0], [f64::NAN]]),
            Err(Unmeasurable::NotFinite { frame: 1, .. })
        ));
        assert!(mfcc_distances(&[0.0; 100], &[0.0; 9_000], 48_000.0).is_err());
        assert!(mfcc_distances(&[f32::NAN; 9_000], &[0.0; 9_000], 48_000.0).is_err());
    }
}
