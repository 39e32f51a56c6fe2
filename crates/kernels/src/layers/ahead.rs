//! Which lines of its past a layer will touch, for the layers before it to ask for.

use super::{Past, Placed};
use crate::{LANES, padded};

/// Most lines of a plane that are asked for; those behind are waited for.
pub(super) const MAX_LINES: usize = 64;

/// Fewest floats of past of all layers: less than 256 KiB would cost more time to ask for than is waited for it.
const FEWEST: usize = 1 << 16;

/// A stretch of frames that taps read, or that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// How far before the block it begins.
    back: usize,
    frames: usize,
}

/// What one layer asks for.
#[derive(Clone, Debug)]
pub(super) struct Asks {
    /// The layer whose past it is, by number.
    pub layer: usize,
    /// For blocks of one vector, two vectors and so on.
    runs: Box<[Box<[Run]>]>,
}

impl Asks {
    fn new(layer: usize, past: &Past) -> Self {
        let vectors = padded(past.ring.max_frames()) / LANES;
        let runs = (1..=vectors).map(|vectors| runs(past, vectors * LANES)).collect();
        Self { layer, runs }
    }

    /// Where lines begin that the layer touches in a block of `frames`: floats into a plane.
    pub fn lines<'a>(&self, past: &Past, cursor: usize, frames: usize, room: &'a mut [u32; MAX_LINES]) -> &'a [u32] {
        let runs = self.runs.get(frames.div_ceil(LANES) - 1).map_or(&[][..], |runs| runs);
        let (period, stride) = (past.ring.period(), past.ring.stride());
        let mut count = 0;
        let mut put = |from: usize, frames: usize| {
            let mut line = u32::try_from(from / LANES * LANES).unwrap_or(0);
            // As many as there can be, wherever it begins within a line.
            let lines = ((frames + 2 * (LANES - 1)) / LANES).min(MAX_LINES - count);
            for place in room.iter_mut().skip(count).take(lines) {
                *place = line;
                line += const { LANES as u32 };
            }
            count += lines;
        };
        for run in runs {
            let from = past.ring.start(cursor, run.back);
            let end = from + run.frames;
            put(from, run.frames.min(stride - from));
            if end > period {
                // What goes on at the ring's beginning.
                put(0, end - period);
            }
        }
        room.get(..count).unwrap_or(&[])
    }
}

/// What taps share, and what touches, is one run.
fn runs(past: &Past, frames: usize) -> Box<[Run]> {
    let mut backs: Vec<usize> = past.backs.iter().copied().chain([0]).collect();
    backs.sort_unstable_by(|a, b| b.cmp(a));
    let mut runs: Vec<Run> = Vec::new();
    for back in backs {
        match runs.last_mut() {
            Some(run) if run.back - back <= run.frames + LANES => run.frames = run.frames.max(run.back - back + frames),
            _ => runs.push(Run { back, frames }),
        }
    }
    runs.into()
}

/// What each layer asks for: with several taps for the next such layer, and what comes before the first such layer for that one.
pub(super) fn plan(layers: &[Placed]) -> Vec<Option<Asks>> {
    let mut asked: Vec<Option<Asks>> = vec![None; layers.len()];
    let floats = (layers.iter().filter_map(|layer| layer.past.as_ref()))
        .fold(0usize, |sum, past| sum.saturating_add(past.ring.len()));
    if floats < FEWEST {
        return asked;
    }
    let mut last = None;
    for (index, layer) in layers.iter().enumerate() {
        let Some(past) = &layer.past else { continue };
        if let Some(before) = last.or(index.checked_sub(1)) {
            asked[before] = Some(Asks::new(index, past));
        }
        last = Some(index);
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ring;

    #[test]
    fn every_line_that_is_touched_is_asked_for() {
        for (taps, dilation) in [(2, 1), (3, 512), (6, 7), (6, 101), (15, 13), (16, 1)] {
            let past = Past {
                ring: Ring::new(2, (taps - 1) * dilation, 64).expect("small"),
                offset: 0,
                cursor: 0,
                backs: (0..taps).map(|tap| (taps - 1 - tap) * dilation).collect(),
            };
            let asks = Asks::new(0, &past);
            for frames in [5, 16, 64] {
                for cursor in (0..past.ring.period()).step_by(3) {
                    let mut room = [0; MAX_LINES];
                    let asked = asks.lines(&past, cursor, frames, &mut room);
                    for back in &past.backs {
                        let start = past.ring.start(cursor, *back);
                        for line in start / LANES..=(start + frames - 1) / LANES {
                            let line = u32::try_from(line * LANES).expect("small");
                            // A run that a later one goes on with may end in the mirror.
                            let again = line.checked_sub(u32::try_from(past.ring.period()).expect("small"));
                            assert!(
                                asked.contains(&line) || again.is_some_and(|line| asked.contains(&line)),
                                "{taps} taps, dilation {dilation}, cursor {cursor}: {line} is not among {asked:?}"
                            );
                        }
                    }
                    assert!(asked.len() < taps * 7 + 12, "{} lines", asked.len());
                }
            }
        }
    }
}
