//! The filters as plain loops in double precision.

use super::{Place, Ratio};
use crate::LANES;

/// Per output: the value, and the sum of the magnitudes it was made of (what rounding is relative to). `weights: [rows, taps]`.
/// As in [`super::Bank`], the newest input of an output is the one `taps`, rounded up to whole vectors, behind its start.
pub fn run(ratio: Ratio, rows: usize, weights: &[f32], x: &[f32], place: Place, outputs: usize) -> Vec<(f64, f64)> {
    let taps = weights.len() / rows;
    let skip = taps.next_multiple_of(LANES) - taps;
    (0..outputs)
        .map(|output| {
            let at = ratio.ahead(place, output);
            let x = &x[at.start + skip..][..taps];
            // Small whole numbers: exact.
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss
            )]
            let (row, share) = if rows as u64 == ratio.parts {
                (at.part as usize, 0.0)
            } else {
                let fine = at.part as f64 * (rows - 1) as f64 / ratio.parts as f64;
                (fine as usize, fine.fract())
            };
            let sum = |row: usize| {
                let row = &weights[row * taps..][..taps];
                let products = row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x));
                products.fold((0.0, 0.0), |(sum, size), product| (sum + product, size + product.abs()))
            };
            let (value, size) = sum(row);
            if share == 0.0 {
                return (value, size);
            }
            let (other, other_size) = sum(row + 1);
            (value + share * (other - value), size + other_size)
        })
        .collect()
}
