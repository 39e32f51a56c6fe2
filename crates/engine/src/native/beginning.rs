//! Frames before a signal begins: what stands there instead of it.

use super::beat::Beat;
use crate::stream::Prefix;

/// How many of the piece's first frames stand before the beginning.
#[inline]
pub(super) fn given(prefix: &Prefix, beat: Beat) -> usize {
    beat.before(prefix.until)
}

/// The value that stands there.
#[inline]
pub(super) fn value_before(prefix: &Prefix, beat: Beat, plane: usize, frame: usize) -> f32 {
    let ticks = prefix.until.saturating_sub(beat.tick(frame));
    let ahead = ticks.saturating_add(beat.hop - 1).div_euclid(beat.hop.max(1));
    usize::try_from(ahead)
        .ok()
        .and_then(|ahead| prefix.length.checked_sub(ahead))
        .and_then(|at| prefix.values.get(plane * prefix.length + at))
        .copied()
        .unwrap_or(0.0)
}

/// Silences the frames in which a recurrent layer has not begun, and says how many those are.
#[inline]
pub(super) fn hold(y: &mut [f32], stride: usize, start: i64, beat: Beat) -> usize {
    let hold = beat.before(start);
    for y in y.chunks_exact_mut(stride) {
        y.iter_mut().take(hold).for_each(|y| *y = 0.0);
    }
    hold
}
