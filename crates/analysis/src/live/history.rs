//! The last frames of a stream, read by their number.

/// A ring of the last `capacity` frames of one channel; the first ever written is frame 0.
pub(super) struct History {
    ring: Vec<f32>,
    end: i64,
}

impl History {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            ring: vec![0.0; capacity.max(1)],
            end: 0,
        }
    }

    /// The number of the frame that comes next.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Appends `count` frames, and silence for what is missing or no number.
    pub(super) fn push(&mut self, frames: &[f32], count: usize) {
        let size = self.ring.len();
        let mut at = self.end.rem_euclid(size as i64) as usize;
        for n in 0..count {
            let sample = frames.get(n).copied().unwrap_or(0.0);
            self.ring[at] = if sample.is_finite() { sample } else { 0.0 };
            at += 1;
            if at == size {
                at = 0;
            }
        }
        self.end += count as i64;
    }

    /// Fills `out` with the frames from `from` on; silence before the first that is kept and after the last.
    pub(super) fn read(&self, from: i64, out: &mut [f32]) {
        let size = self.ring.len() as i64;
        out.fill(0.0);
        let first = from.max(self.end - size).max(0);
        let last = (from + out.len() as i64).min(self.end);
        let mut frame = first;
        while frame < last {
            let at = frame.rem_euclid(size);
            let run = (size - at).min(last - frame);
            let to = (frame - from) as usize;
            out[to..to + run as usize].copy_from_slice(&self.ring[at as usize..(at + run) as usize]);
            frame += run;
        }
    }

    pub(super) fn clear(&mut self) {
        self.ring.fill(0.0);
        self.end = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frames_are_kept() {
        let mut history = History::new(4);
        history.push(&[1.0, 2.0, f32::NAN], 3);
        history.push(&[4.0], 3);
        assert_eq!(history.end(), 6);
        let mut out = [9.0; 7];
        history.read(1, &mut out);
        assert_eq!(out, [0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
        history.read(-3, &mut out);
        assert_eq!(out, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0]);
    }
}
