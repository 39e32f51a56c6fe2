//! Past frames of planar signals, in rings that are read like straight lines.
//!
//! Each plane is a ring of `period` frames followed by a mirror of its first frames, so that any run of up to `max_frames`
//! (in whole vectors) that starts inside the ring lies in one piece. The memory belongs to the caller; a [`Ring`] is only its
//! geometry. All planes share one cursor: where the next frame goes.

use crate::padded;

/// Geometry of a ring: `[planes, period + mirror]` floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    planes: usize,
    history: usize,
    period: usize,
    max_frames: usize,
}

impl Ring {
    /// Remembers `history` frames before the block being written, which has at most `max_frames`. `None` if its size
    /// overflows.
    pub fn new(planes: usize, history: usize, max_frames: usize) -> Option<Self> {
        let period = history
            .checked_add(max_frames.max(1))?
            .checked_next_multiple_of(crate::LANES)?;
        let ring = Self {
            planes,
            history,
            period,
            max_frames,
        };
        period
            .checked_add(padded(max_frames))?
            .checked_mul(planes)
            .map(|_| ring)
    }

    /// Distance of two planes, in floats.
    pub const fn stride(&self) -> usize {
        self.period + padded(self.max_frames)
    }

    /// Floats of all planes.
    pub const fn len(&self) -> usize {
        self.stride() * self.planes
    }

    /// True if there is no plane.
    pub const fn is_empty(&self) -> bool {
        self.planes == 0
    }

    /// Places of the ring: a frame stands at its number modulo this.
    pub const fn period(&self) -> usize {
        self.period
    }

    /// Frames remembered.
    pub const fn history(&self) -> usize {
        self.history
    }

    /// Writes `frames` (at most `max_frames`) of `x`, planes `x_stride` apart, at `cursor`. Frames before `skip` are left out:
    /// what is in their place must have been written with [`Self::put`].
    ///
    /// # Realtime Safety
    /// Safe. Does nothing if a slice is too short.
    pub fn write(&self, memory: &mut [f32], cursor: usize, x: &[f32], x_stride: usize, skip: usize, frames: usize) {
        let frames = frames.min(self.max_frames);
        let skip = skip.min(frames);
        let from = (cursor + skip) % self.period;
        for (plane, memory) in memory.chunks_exact_mut(self.stride()).take(self.planes).enumerate() {
            if let Some(x) = x.get(plane * x_stride + skip..plane * x_stride + frames) {
                self.write_plane(memory, from, x);
            }
        }
    }

    /// Writes `value` to all frames of `plane`.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing outside the ring.
    pub fn fill(&self, memory: &mut [f32], plane: usize, value: f32) {
        if let Some(memory) = memory.chunks_exact_mut(self.stride()).take(self.planes).nth(plane) {
            memory.fill(value);
        }
    }

    /// Writes one frame `value` of `plane`, `frame` frames after `cursor`.
    ///
    /// # Realtime Safety
    /// Safe. Does nothing outside the ring.
    pub fn put(&self, memory: &mut [f32], cursor: usize, plane: usize, frame: usize, value: f32) {
        if let Some(memory) = memory.chunks_exact_mut(self.stride()).take(self.planes).nth(plane) {
            self.write_plane(memory, (cursor + frame) % self.period, &[value]);
        }
    }

    fn write_plane(&self, memory: &mut [f32], from: usize, x: &[f32]) {
        let mirror = padded(self.max_frames);
        let (first, rest) = x.split_at(x.len().min(self.period - from));
        for (at, part) in [(from, first), (0, rest)] {
            if let Some(to) = memory.get_mut(at..at + part.len()) {
                to.copy_from_slice(part);
            }
            let mirrored = part.len().min(mirror.saturating_sub(at));
            if let (Some(to), Some(part)) = (
                memory.get_mut(self.period + at..self.period + at + mirrored),
                part.get(..mirrored),
            ) {
                to.copy_from_slice(part);
            }
        }
    }

    /// Where, in a plane, the run begins that lies `back` frames (at most `history`) before the block at `cursor`.
    pub const fn start(&self, cursor: usize, back: usize) -> usize {
        (cursor + self.period - back) % self.period
    }

    /// The cursor, `frames` on.
    pub const fn advance(&self, cursor: usize, frames: usize) -> usize {
        (cursor + frames) % self.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn reads_what_was_written_that_long_ago(
            history in 0usize..90,
            max_frames in 1usize..40,
            blocks in proptest::collection::vec(1usize..40, 1..40),
        ) {
            let ring = Ring::new(2, history, max_frames).expect("small");
            let mut memory = vec![0.0f32; ring.len()];
            let mut cursor = 0;
            let mut written: Vec<f32> = Vec::new();
            for block in blocks {
                let block = block.min(max_frames);
                #[allow(clippy::cast_precision_loss)]
                let x: Vec<f32> = (0..block).map(|i| (written.len() + i + 1) as f32).collect();
                let mut planes = x.clone();
                planes.extend(x.iter().map(|v| -v));
                ring.write(&mut memory, cursor, &planes, block, 0, block);
                written.extend(&x);
                for back in [0, history / 2, history] {
                    let start = ring.start(cursor, back);
                    prop_assert!(start + padded(block) <= ring.stride());
                    for i in 0..block {
                        let expected = (written.len() - block + i).checked_sub(back).map_or(0.0, |at| written[at]);
                        prop_assert_eq!(memory[start + i], expected);
                        prop_assert_eq!(memory[ring.stride() + start + i], -expected);
                    }
                }
                cursor = ring.advance(cursor, block);
            }
        }
    }
}
