//! The frames that a clock has in a piece of ticks.

use crate::stream::Clock;

/// Frames of a clock within a piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Beat {
    /// Tick of the first frame, or of the next one if the piece has none.
    pub first: i64,
    /// Ticks from frame to frame.
    pub hop: i64,
    /// How many.
    pub count: usize,
}

impl Beat {
    /// Those in the ticks `tick .. tick + ticks`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn new(clock: Clock, tick: i64, ticks: i64) -> Self {
        let hop = clock.hop.max(1);
        if hop == 1 {
            return Self {
                first: tick,
                hop,
                count: usize::try_from(ticks).unwrap_or(0),
            };
        }
        let ahead = (clock.phase.wrapping_sub(tick)).rem_euclid(hop);
        Self {
            first: tick.wrapping_add(ahead),
            hop,
            count: usize::try_from((ticks - ahead + hop - 1).div_euclid(hop)).unwrap_or(0),
        }
    }

    /// Tick of frame `at`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn tick(self, at: usize) -> i64 {
        self.first
            .wrapping_add(self.hop.wrapping_mul(i64::try_from(at).unwrap_or(0)))
    }

    /// How many of the frames stand before `tick`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn before(self, tick: i64) -> usize {
        let ticks = tick.saturating_sub(self.first);
        let frames = if self.hop == 1 {
            ticks
        } else {
            (ticks.saturating_add(self.hop - 1)).div_euclid(self.hop)
        };
        usize::try_from(frames).unwrap_or(0).min(self.count)
    }

    /// Place of the frame at `tick` among those of the piece: negative before it.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn place(self, tick: i64) -> i64 {
        tick.wrapping_sub(self.first).div_euclid(self.hop.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_have_every_frame_once() {
        for (hop, phase) in [(1, 0), (3, 2), (7, 0), (64, 63)] {
            let clock = Clock { hop, phase };
            let mut frames = Vec::new();
            let mut tick = -130;
            for length in [1, 2, 64, 5, 1, 1, 33, 64, 64, 64] {
                let beat = Beat::new(clock, tick, length);
                frames.extend((0..beat.count).map(|at| beat.tick(at)));
                assert!(beat.tick(beat.count) >= tick + length);
                assert_eq!(beat.before(tick), 0);
                assert_eq!(beat.before(tick + length), beat.count);
                tick += length;
            }
            let expected: Vec<i64> = (-130..tick).filter(|tick| tick.rem_euclid(hop) == phase).collect();
            assert_eq!(frames, expected, "hop {hop}");
        }
    }
}
