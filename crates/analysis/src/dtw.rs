//! Dynamic time warping: how far two sequences of features are apart if time may stretch.
//!
//! Sakoe and Chiba, *Dynamic programming algorithm optimization for spoken word recognition*, IEEE TASSP 26(1), 1978, with steps of one
//! frame in either sequence or both, all of weight 1 (as librosa's `dtw`): the path from the first pair of frames to the last whose sum
//! of Euclidean distances is least. The result is that sum over the number of pairs on the path, in the features' unit. Paths stay
//! within a *band* around the straight line from corner to corner, which is not steeper than the lengths' ratio demands.
//!
//! Memory is two rows. Sequences longer than [`LONGEST`] frames are averaged over as many neighbours as brings them below it, both by
//! the same number, and the band with them: 4,096 MFCC frames are 44 s at 48 kHz, so a file of 10 minutes is compared in steps of 149 ms.

use crate::input::Unmeasurable;
use crate::mel::{self, COEFFICIENTS};

/// Longer sequences are averaged.
pub const LONGEST: usize = 4_096;

/// A usual band: 0.2 s of MFCC frames at 48 kHz to either side.
pub const BAND: usize = 19;

/// What [`distance`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warped {
    /// Mean distance along the path, in the features' unit; 0 for equal sequences.
    pub distance: f64,
    /// Pairs of frames on the path.
    pub pairs: usize,
    /// How many neighbouring frames were averaged into one; 1 if none.
    pub averaged: usize,
}

/// The distance between two sequences of frames with `N` features each. `band` is how many frames a path may be off the straight line;
/// `None` for no bound.
///
/// # Errors
///
/// An empty sequence, or a feature that is no number.
pub fn distance<const N: usize>(
    target: &[[f64; N]],
    estimate: &[[f64; N]],
    band: Option<usize>,
) -> Result<Warped, Unmeasurable> {
    for (what, frames) in [("the target", target), ("the estimate", estimate)] {
        if frames.is_empty() {
            return Err(Unmeasurable::TooShort {
                what,
                frames: 0,
                needed: 1,
            });
        }
        if let Some(frame) = frames
            .iter()
            .position(|frame| frame.iter().any(|value| !value.is_finite()))
        {
            return Err(Unmeasurable::NotFinite { what, frame });
        }
    }
    let averaged = target.len().max(estimate.len()).div_ceil(LONGEST);
    let band = band.map(|band| band.div_ceil(averaged));
    let (distance, pairs) = if averaged > 1 {
        warp(&average(target, averaged), &average(estimate, averaged), band)
    } else {
        warp(target, estimate, band)
    };
    Ok(Warped {
        distance,
        pairs,
        averaged,
    })
}

/// [`distance`] on the MFCCs ([`mel::mfcc`]) of two mono signals at `rate` Hz, within [`BAND`] frames.
///
/// # Errors
///
/// As [`mel::MelSpectrogram::new`].
pub fn mfcc_distance(target: &[f32], estimate: &[f32], rate: f64) -> Result<Warped, Unmeasurable> {
    let (target, estimate): (Vec<[f64; COEFFICIENTS]>, _) = (mel::mfcc(target, rate)?, mel::mfcc(estimate, rate)?);
    distance(&target, &estimate, Some(BAND))
}

fn average<const N: usize>(frames: &[[f64; N]], count: usize) -> Vec<[f64; N]> {
    frames
        .chunks(count)
        .map(|chunk| {
            let mut mean = [0.0; N];
            for frame in chunk {
                for (to, from) in mean.iter_mut().zip(frame) {
                    *to += from / chunk.len() as f64;
                }
            }
            mean
        })
        .collect()
}

/// The best way to a pair: its cost and its length.
#[derive(Clone, Copy)]
struct Way {
    cost: f64,
    pairs: usize,
}

const NO_WAY: Way = Way {
    cost: f64::INFINITY,
    pairs: 0,
};

/// Mean cost along the best path, and its pairs. Both sequences have at least one frame.
fn warp<const N: usize>(target: &[[f64; N]], estimate: &[[f64; N]], band: Option<usize>) -> (f64, usize) {
    let (rows, columns) = (target.len(), estimate.len());
    let slope = if rows > 1 {
        (columns - 1) as f64 / (rows - 1) as f64
    } else {
        0.0
    };
    // Wide enough for the line itself: rows have to touch where columns are many.
    let reach = band.map(|band| {
        if rows > 1 {
            (band as f64).max(slope.ceil())
        } else {
            f64::INFINITY
        }
    });
    let mut last = vec![NO_WAY; columns];
    let mut row = vec![NO_WAY; columns];
    for (i, frame) in target.iter().enumerate() {
        row.fill(NO_WAY);
        let range = match reach {
            Some(reach) => {
                let middle = i as f64 * slope;
                let first = (middle - reach).ceil().max(0.0);
                let end = (middle + reach).floor().min(columns as f64 - 1.0) + 1.0;
                first as usize..end as usize
            }
            None => 0..columns,
        };
        for j in range {
            let before = if i == 0 && j == 0 {
                Way { cost: 0.0, pairs: 0 }
            } else {
                let left = if j > 0 { row[j - 1] } else { NO_WAY };
                let up = last[j];
                let both = if j > 0 { last[j - 1] } else { NO_WAY };
                [both, left, up]
                    .into_iter()
                    .min_by(|a, b| a.cost.total_cmp(&b.cost))
                    .unwrap_or(NO_WAY)
            };
            if before.cost.is_finite() {
                let apart: f64 = frame.iter().zip(&estimate[j]).map(|(a, b)| (a - b) * (a - b)).sum();
                row[j] = Way {
                    cost: before.cost + apart.sqrt(),
                    pairs: before.pairs + 1,
                };
            }
        }
        std::mem::swap(&mut row, &mut last);
    }
    let end = last[columns - 1];
    (end.cost / end.pairs.max(1) as f64, end.pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(values: &[f64]) -> Vec<[f64; 1]> {
        values.iter().map(|value| [*value]).collect()
    }

    #[test]
    fn time_may_stretch() {
        let (a, b) = (
            ramp(&[0.0, 1.0, 2.0, 3.0]),
            ramp(&[0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 3.0, 3.0]),
        );
        let found = distance(&a, &b, None).expect("sequences");
        assert_eq!((found.distance, found.pairs), (0.0, 8));
        assert_eq!(
            distance(&a, &a, Some(0)).expect("sequences"),
            Warped {
                distance: 0.0,
                pairs: 4,
                averaged: 1
            }
        );
        // By hand: pairs (0,1) (1,1) (2,2) (3,2) have costs 1, 0, 0, 1.
        let found = distance(&a, &ramp(&[1.0, 2.0]), None).expect("sequences");
        assert_eq!((found.distance, found.pairs), (0.5, 4));
    }

    #[test]
    fn a_band_always_leaves_a_way() {
        let long: Vec<[f64; 1]> = (0..500).map(|n| [f64::from(n).sin()]).collect();
        for length in [1, 2, 3, 17, 499, 500] {
            for band in [Some(0), Some(1), Some(40), None] {
                for (a, b) in [(&long[..], &long[..length]), (&long[..length], &long[..])] {
                    let found = distance(a, b, band).expect("sequences");
                    assert!(
                        found.distance.is_finite() && found.pairs >= 500,
                        "{length} {band:?}: {found:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn long_sequences_are_averaged_and_bad_ones_refused() {
        let long: Vec<[f64; 2]> = (0..10_000).map(|n| [f64::from(n) * 0.01, 1.0]).collect();
        let found = distance(&long, &long[..9_000], Some(20)).expect("sequences");
        assert_eq!(found.averaged, 3);
        assert!(found.distance.is_finite() && found.distance > 0.0);
        assert!(distance::<1>(&[], &[[0.0]], None).is_err());
        assert!(matches!(
            distance(&[[0.0]], &[[0.0], [f64::NAN]], None),
            Err(Unmeasurable::NotFinite { frame: 1, .. })
        ));
        assert!(mfcc_distance(&[], &[], 48_000.0).is_err());
        assert!(mfcc_distance(&[0.0; 99], &[1e-3; 5_000], 48_000.0).is_ok_and(|found| found.distance.is_finite()));
    }
}
