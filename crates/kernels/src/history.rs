//! Past frames of planar signals, in rings that are read like straight lines.
//!
//! Each plane is a ring of `period` frames followed by a mirror of its first frames, so that any run of up to `max_frames`
//! (in whole vectors) that starts inside the ring lies in one piece; a vector more is room for copies in whole vectors. The
//! memory belongs to the caller; a [`Ring`] is only its geometry. All planes share one cursor: where the next frame goes.

use crate::{LANES, padded};

/// Most frames that are copied one by one.
const FEW: usize = 4;

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
        // Whole vectors are copied, so the last of them must have room behind what is remembered.
        let period = history
            .checked_add(max_frames.max(1))?
            .checked_add(LANES - 1)?
            .checked_next_multiple_of(LANES)?;
        let ring = Self {
            planes,
            history,
            period,
            max_frames,
        };
        period
            .checked_add(padded(max_frames))?
            .checked_add(LANES)?
            .checked_mul(planes)
            .map(|_| ring)
    }

    /// Distance of two planes, in floats.
    pub const fn stride(&self) -> usize {
        self.period + self.mirror() + LANES
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

    /// Planes.
    pub const fn planes(&self) -> usize {
        self.planes
    }

    /// The longest block that can be written.
    pub const fn max_frames(&self) -> usize {
        self.max_frames
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
        let from = self.wrap(cursor + skip);
        let planes = memory.chunks_exact_mut(self.stride()).take(self.planes);
        let rows = x.chunks(x_stride.max(1));
        if frames - skip <= FEW {
            for (memory, x) in planes.zip(rows) {
                for (at, value) in x.iter().take(frames).skip(skip).enumerate() {
                    self.put_one(memory, self.wrap(from + at), *value);
                }
            }
            return;
        }
        for (memory, x) in planes.zip(rows) {
            let Some(x) = x.get(skip..frames) else { continue };
            // Past the end of the ring lies the mirror of its beginning.
            let (whole, rest) = x.as_chunks::<LANES>();
            let mut at = from;
            for x in whole {
                if let Some(to) = memory.get_mut(at..at + LANES) {
                    to.copy_from_slice(x);
                }
                at += LANES;
            }
            if let Some(to) = memory.get_mut(at..at + rest.len()) {
                to.copy_from_slice(rest);
            }
            for (from, to, len) in self.seams(from, x.len()) {
                copy_vectors(memory, from, to, len);
            }
        }
    }

    /// What is left to do in a plane when `frames` were written from `from` on, straight into the mirror if need be: copies
    /// `(from, to, length)` in this order, each with room for whole vectors.
    pub(crate) const fn seams(&self, from: usize, frames: usize) -> [(usize, usize, usize); 2] {
        let wrapped = (from + frames).saturating_sub(self.period);
        let mirrored = self.mirror().saturating_sub(from);
        let mirrored = if mirrored < frames { mirrored } else { frames };
        [(self.period, 0, wrapped), (from, self.period + from, mirrored)]
    }

    /// The other place of a frame that stands twice, or the same place.
    pub(crate) const fn twin(&self, place: usize) -> usize {
        if place < self.mirror() {
            place + self.period
        } else {
            place
        }
    }

    /// Floats of a plane that stand twice.
    const fn mirror(&self) -> usize {
        padded(self.max_frames)
    }

    fn put_one(&self, memory: &mut [f32], place: usize, value: f32) {
        if let Some(to) = memory.get_mut(place) {
            *to = value;
        }
        if place < self.mirror()
            && let Some(to) = memory.get_mut(self.period + place)
        {
            *to = value;
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
            self.put_one(memory, self.wrap(cursor + frame), value);
        }
    }

    /// Where, in a plane, the run begins that lies `back` frames (at most `history`) before the block at `cursor`.
    pub const fn start(&self, cursor: usize, back: usize) -> usize {
        self.wrap(cursor + self.period - back)
    }

    /// `place` modulo the period; a division is rarely needed.
    const fn wrap(&self, place: usize) -> usize {
        if place < self.period {
            place
        } else if place < 2 * self.period {
            place - self.period
        } else {
            place % self.period
        }
    }

    /// The cursor, `frames` on.
    pub const fn advance(&self, cursor: usize, frames: usize) -> usize {
        self.wrap(cursor + frames)
    }
}

/// `len` floats from `from` to `to`, in whole vectors: what follows them is copied, too.
fn copy_vectors(memory: &mut [f32], from: usize, to: usize, len: usize) {
    let mut done = 0;
    while done < len {
        let Some(vector) = memory.get(from + done..).and_then(|x| x.first_chunk::<LANES>()) else {
            return;
        };
        let vector = *vector;
        if let Some(to) = memory.get_mut(to + done..to + done + LANES) {
            to.copy_from_slice(&vector);
        }
        done += LANES;
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
