//! Multi-resolution STFT distance, as `auraloss.freq.MultiResolutionSTFTLoss` 0.4.0 with its defaults.
//!
//! Yamamoto, Song and Kim, *Parallel WaveGAN*, ICASSP 2020; spectral convergence after Arık, Jun and Diamos 2018. For each
//! [`Resolution`], with magnitudes `T`, `E` of `[bins, frames]` (periodic Hann window in the middle of the transform, frames centred at
//! multiples of the hop, signal reflected at its ends, powers not below [`FLOOR`]):
//!
//! * spectral convergence `‖T − E‖ / ‖T‖` (Frobenius), the target in the denominator;
//! * log magnitude `mean |ln T − ln E|`, in nepers.
//!
//! The distance is the mean over the resolutions of the sum of both: no unit, 0 for equal signals. It depends on the level of both
//! (by [`FLOOR`]) and on the sample rate, since sizes are in frames. Given samples of ±1 full scale.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use crate::input::{Unmeasurable, pair};

/// The least power of a bin (`eps` of auraloss): magnitudes are not below `10⁻⁴`.
pub const FLOOR: f64 = 1e-8;

/// One size of window, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// Size of the transform, even.
    pub fft: usize,
    /// Frames between windows.
    pub hop: usize,
    /// Size of the Hann window, at most `fft`.
    pub window: usize,
}

/// The three resolutions of auraloss' defaults.
pub const RESOLUTIONS: [Resolution; 3] = [
    Resolution {
        fft: 1024,
        hop: 120,
        window: 600,
    },
    Resolution {
        fft: 2048,
        hop: 240,
        window: 1200,
    },
    Resolution {
        fft: 512,
        hop: 50,
        window: 240,
    },
];

/// The least frames that can be reflected at the ends of the largest transform.
pub const LEAST_FRAMES: usize = 1025;

/// A distance and its two parts, each the mean over the resolutions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StftDistance {
    /// Spectral convergence + log magnitude.
    pub distance: f64,
    /// `‖T − E‖ / ‖T‖`.
    pub spectral_convergence: f64,
    /// `mean |ln T − ln E|`, nepers.
    pub log_magnitude: f64,
}

/// The distance of `estimate` from `target` over the shorter of both.
///
/// # Errors
///
/// Fewer than [`LEAST_FRAMES`] frames, or a sample that is no number. Silence is measurable: its bins are at [`FLOOR`].
pub fn distance(target: &[f32], estimate: &[f32]) -> Result<StftDistance, Unmeasurable> {
    let (target, estimate) = pair(target, estimate, LEAST_FRAMES)?;
    let frames = target.len();
    let mut stft = MultiResolution::new();
    let mut sums = Sums::default();
    for (index, resolution) in RESOLUTIONS.iter().enumerate() {
        let (target, estimate) = (
            reflected(target, resolution.fft / 2),
            reflected(estimate, resolution.fft / 2),
        );
        for start in (0..=frames).step_by(resolution.hop) {
            let range = start..start + resolution.fft;
            if let (Some(target), Some(estimate)) = (target.get(range.clone()), estimate.get(range)) {
                stft.add(index, target, estimate, &mut sums);
            }
        }
    }
    // At least one window of each size lies within `LEAST_FRAMES`.
    sums.distance().ok_or(Unmeasurable::TooShort {
        what: "the target",
        frames,
        needed: LEAST_FRAMES,
    })
}

/// `signal` with `pad` frames before and after it that mirror it, without repeating the frame at the end.
fn reflected(signal: &[f32], pad: usize) -> Vec<f32> {
    let last = signal.len().saturating_sub(1);
    let before = (1..=pad).rev().map(|n| signal[n.min(last)]);
    let after = (1..=pad).map(|n| signal[last.saturating_sub(n)]);
    before.chain(signal.iter().copied()).chain(after).collect()
}

/// What windows of all resolutions contribute; sums of several passages make the distance of all of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums([Sum; 3]);

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    difference: f64,
    target: f64,
    log: f64,
    bins: f64,
}

impl Sums {
    /// Takes in what another passage contributed.
    pub fn join(&mut self, other: &Self) {
        for (to, from) in self.0.iter_mut().zip(&other.0) {
            to.difference += from.difference;
            to.target += from.target;
            to.log += from.log;
            to.bins += from.bins;
        }
    }

    /// The distance; `None` if a resolution has no window yet.
    pub fn distance(&self) -> Option<StftDistance> {
        let (mut convergence, mut log) = (0.0, 0.0);
        for sum in &self.0 {
            if sum.bins == 0.0 {
                return None;
            }
            convergence += (sum.difference / sum.target).sqrt();
            log += sum.log / sum.bins;
        }
        let count = self.0.len() as f64;
        let (spectral_convergence, log_magnitude) = (convergence / count, log / count);
        Some(StftDistance {
            distance: spectral_convergence + log_magnitude,
            spectral_convergence,
            log_magnitude,
        })
    }
}

/// Transforms of all [`RESOLUTIONS`], to be used for many windows.
pub struct MultiResolution {
    scales: Vec<Scale>,
}

struct Scale {
    forward: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    /// Where the window begins in the transform.
    offset: usize,
    input: Vec<f64>,
    scratch: Vec<Complex<f64>>,
    target: Vec<Complex<f64>>,
    estimate: Vec<Complex<f64>>,
}

impl Default for MultiResolution {
    fn default() -> Self {
        Self::new()
    }
}

impl MultiResolution {
    /// Plans the transforms.
    pub fn new() -> Self {
        let mut planner = RealFftPlanner::<f64>::new();
        let scales = RESOLUTIONS
            .iter()
            .map(|resolution| {
                let forward = planner.plan_fft_forward(resolution.fft);
                Scale {
                    window: hann(resolution.window),
                    offset: (resolution.fft - resolution.window) / 2,
                    input: forward.make_input_vec(),
                    scratch: forward.make_scratch_vec(),
                    target: forward.make_output_vec(),
                    estimate: forward.make_output_vec(),
                    forward,
                }
            })
            .collect();
        Self { scales }
    }

    /// Adds one window of resolution `index` to `sums`. Both slices are of the transform's size; others are ignored.
    pub fn add(&mut self, index: usize, target: &[f32], estimate: &[f32], sums: &mut Sums) {
        let (Some(scale), Some(sum)) = (self.scales.get_mut(index), sums.0.get_mut(index)) else {
            return;
        };
        if target.len() != scale.input.len() || estimate.len() != scale.input.len() {
            return;
        }
        let Scale {
            forward,
            window,
            offset,
            input,
            scratch,
            target: target_bins,
            estimate: estimate_bins,
        } = scale;
        for (signal, bins) in [(target, &mut *target_bins), (estimate, &mut *estimate_bins)] {
            input.fill(0.0);
            let range = *offset..*offset + window.len();
            for ((to, from), weight) in input[range.clone()].iter_mut().zip(&signal[range]).zip(window.iter()) {
                *to = f64::from(*from) * weight;
            }
            // Sizes are those of the plan.
            let _ = forward.process_with_scratch(input, bins, scratch);
        }
        for (t, e) in target_bins.iter().zip(estimate_bins.iter()) {
            let (t, e) = (t.norm_sqr().max(FLOOR), e.norm_sqr().max(FLOOR));
            let difference = t.sqrt() - e.sqrt();
            sum.difference += difference * difference;
            sum.target += t;
            sum.log += 0.5 * (t / e).ln().abs();
        }
        sum.bins += target_bins.len() as f64;
    }
}

/// The periodic Hann window of that size: `½ − ½ cos(2πn / size)`.
pub(crate) fn hann(size: usize) -> Vec<f64> {
    (0..size)
        .map(|n| 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / size as f64).cos())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_signals_have_none_and_a_gain_shows_as_nepers() {
        let signal: Vec<f32> = (0..4_000).map(|n| ((n * n) as f32 * 1e-3).sin()).collect();
        let none = distance(&signal, &signal).expect("long enough");
        assert_eq!((none.distance, none.log_magnitude), (0.0, 0.0));
        let half: Vec<f32> = signal.iter().map(|s| 0.5 * s).collect();
        let apart = distance(&signal, &half).expect("long enough");
        assert!((apart.spectral_convergence - 0.5).abs() < 1e-3, "{apart:?}");
        assert!(
            apart.log_magnitude > 0.6 && apart.log_magnitude <= std::f64::consts::LN_2 + 1e-9,
            "{apart:?}"
        );
    }

    #[test]
    fn short_silent_and_broken_signals() {
        assert!(matches!(
            distance(&[1.0; 1024], &[1.0; 5000]),
            Err(Unmeasurable::TooShort { needed: 1025, .. })
        ));
        assert!(distance(&[1.0; 1025], &[1.0; 1025]).is_ok());
        assert_eq!(
            distance(&[0.0; 2000], &[0.0; 2000])
                .expect("silence is at the floor")
                .distance,
            0.0
        );
        assert!(distance(&[0.0; 2000], &[f32::NAN; 2000]).is_err());
    }
}
