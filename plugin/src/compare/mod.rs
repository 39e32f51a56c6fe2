//! The compare worker: one thread per instance that listens to the bank's taps and computes what the window shows of them.
//!
//! | what | when |
//! | --- | --- |
//! | spectra of input, output and reference | while the window shows them |
//! | a slot's difference to the reference, and its error map | while the window shows them |
//! | how late the reference is, by real playing | asked for |
//! | loudness of the sources over one passage | asked for |
//! | the anchor of a likeness test | asked for |
//! | latency of the live chain, by a click in place of the input | asked for |
//!
//! It sleeps while nothing of that is wanted, and while a listening test runs: what it found before then stays as it is.

mod align;
mod anchor;
mod click;
mod desk;
mod difference;
mod loudness;
mod spectra;
mod worker;

pub use click::ClickReport;
pub(crate) use click::Clicker;
pub use desk::{Desk, Figures};
pub use worker::Comparer;

use tonegraft_slots::Piece;

/// Appends the mean of `channels` to `store`.
fn append_mono(store: &mut Vec<f32>, channels: &[&[f32]], frames: usize) {
    match channels {
        [] => store.extend(std::iter::repeat_n(0.0, frames)),
        [mono] => store.extend_from_slice(mono),
        [left, right, ..] => store.extend(left.iter().zip(*right).map(|(left, right)| 0.5 * (left + right))),
    }
}

/// Root mean square; 0 for nothing.
fn rms(signal: &[f32]) -> f64 {
    // Far fewer than 2^52.
    #[allow(clippy::cast_precision_loss)]
    let count = signal.len().max(1) as f64;
    (signal.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / count).sqrt()
}

/// What takes pieces until it has an answer.
trait Task {
    /// Frames were lost: what was gathered is worth nothing.
    fn interrupt(&mut self);

    /// The next piece.
    fn take(&mut self, piece: &Piece<'_>);
}
