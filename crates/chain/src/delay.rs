//! The dry path's delay, which can move to another distance by a crossfade.

use std::f64::consts::PI;
use tonegraft_core::AudioBuffer;

/// Keeps the past of a planar signal and plays it at one distance, or at two while it moves.
#[derive(Debug)]
pub(crate) struct MovingDelay {
    ring: AudioBuffer,
    mask: usize,
    write: usize,
    filled: usize,
    longest: usize,
    from: usize,
    to: usize,
    /// Frames of the crossfade done; at rest when `gains` is exhausted.
    frame: usize,
    /// Gain of the new distance, `(1 − cos(π (k+1)/(N+1))) / 2`.
    gains: Box<[f32]>,
}

impl MovingDelay {
    /// For distances up to `longest`, in pieces of up to `max_frames`; a crossfade takes `fade` frames.
    #[expect(clippy::disallowed_methods, reason = "built off the audio thread")]
    pub(crate) fn new(channels: usize, longest: usize, max_frames: usize, fade: usize) -> Self {
        let capacity = (longest + max_frames).max(1).next_power_of_two();
        let fade = fade.max(1);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let gain = |k: usize| (0.5 - 0.5 * (PI * (k + 1) as f64 / (fade + 1) as f64).cos()) as f32;
        Self {
            ring: AudioBuffer::new(channels, capacity),
            mask: capacity - 1,
            write: 0,
            filled: 0,
            longest,
            from: 0,
            to: 0,
            frame: fade,
            gains: (0..fade).map(gain).collect(),
        }
    }

    /// Forgets the past and jumps to `distance`.
    pub(crate) fn reset(&mut self, distance: usize) {
        self.filled = 0;
        self.snap(distance);
    }

    /// Jumps to `distance`.
    pub(crate) fn snap(&mut self, distance: usize) {
        self.from = distance.min(self.longest);
        self.to = self.from;
        self.frame = self.gains.len();
    }

    /// Starts to move to `distance`, unless a move is under way: then ask again later.
    pub(crate) fn aim(&mut self, distance: usize) {
        let distance = distance.min(self.longest);
        if self.is_settled() && distance != self.to {
            self.from = self.to;
            self.to = distance;
            self.frame = 0;
        }
    }

    /// The distance heard at the end of the current move.
    pub(crate) const fn distance(&self) -> usize {
        self.to
    }

    /// True if no crossfade is under way.
    pub(crate) const fn is_settled(&self) -> bool {
        self.frame >= self.gains.len()
    }

    /// Appends the first `frames` frames of `input` and writes the delayed signal into those of `output`. Output channels beyond
    /// the input's repeat its last one.
    pub(crate) fn process(&mut self, input: &AudioBuffer, output: &mut AudioBuffer, frames: usize) {
        let start = self.write & self.mask;
        let first = frames.min(self.mask + 1 - start);
        for (ring, channel) in self.ring.iter_mut().zip(input.iter()) {
            copy(ring.get_mut(start..start + first), channel.get(..first));
            copy(ring.get_mut(..frames - first), channel.get(first..frames));
        }
        self.write = self.write.wrapping_add(frames);
        self.filled = self.filled.saturating_add(frames).min(self.mask + 1);

        let last = self.ring.channels().saturating_sub(1);
        let gains = self.gains.get(self.frame..).unwrap_or(&[]);
        for (index, out) in output.iter_mut().enumerate() {
            let ring = self.ring.channel(index.min(last));
            let out = out.get_mut(..frames).unwrap_or(&mut []);
            self.read(ring, self.to, out);
            for (k, (out, gain)) in out.iter_mut().zip(gains).enumerate() {
                let old = self.sample(ring, self.from + frames - k);
                *out = old + (*out - old) * gain;
            }
        }
        self.frame = (self.frame + frames).min(self.gains.len());
    }

    /// The sample `distance` frames before the write position; silence before the start.
    fn sample(&self, ring: &[f32], distance: usize) -> f32 {
        if distance > self.filled {
            return 0.0;
        }
        let place = self.write.wrapping_sub(distance) & self.mask;
        ring.get(place).copied().unwrap_or(0.0)
    }

    fn read(&self, ring: &[f32], delay: usize, out: &mut [f32]) {
        let distance = delay + out.len();
        let silent = distance.saturating_sub(self.filled).min(out.len());
        let (before, after) = out.split_at_mut(silent);
        before.fill(0.0);
        let start = self.write.wrapping_sub(distance - silent) & self.mask;
        let first = after.len().min(self.mask + 1 - start);
        let (early, late) = after.split_at_mut(first);
        let late_frames = late.len();
        copy(Some(early), ring.get(start..start + first));
        copy(Some(late), ring.get(..late_frames));
    }
}

/// Copies if both sides are there and of one length, which is always so for pieces within the capacity.
fn copy(to: Option<&mut [f32]>, from: Option<&[f32]>) {
    if let (Some(to), Some(from)) = (to, from)
        && to.len() == from.len()
    {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_macros, clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn run(moves: &[(usize, usize)], cuts: &[usize], frames: usize) -> Vec<f32> {
        let mut delay = MovingDelay::new(1, 50, 32, 16);
        let signal: Vec<f32> = (1..=u16::try_from(frames).expect("short")).map(f32::from).collect();
        let mut out = Vec::new();
        let mut cuts = cuts.iter().cycle();
        while out.len() < frames {
            let next = moves
                .iter()
                .map(|(at, _)| *at)
                .find(|at| *at > out.len())
                .unwrap_or(frames);
            if let Some((_, distance)) = moves.iter().find(|(at, _)| *at == out.len()) {
                delay.aim(*distance);
            }
            let count = (*cuts.next().expect("cycle")).min(next.min(frames) - out.len());
            let piece = AudioBuffer::from_channels(vec![signal[out.len()..out.len() + count].to_vec()]);
            let mut read = AudioBuffer::new(1, count);
            delay.process(&piece, &mut read, count);
            out.extend(read.channel(0));
        }
        out
    }

    #[test]
    fn moves_are_crossfades_and_do_not_depend_on_the_cut() {
        let moves = [(0, 7), (60, 20), (120, 3)];
        let whole = run(&moves, &[32], 200);
        for cuts in [&[1][..], &[5, 11], &[31, 2]] {
            assert_eq!(whole, run(&moves, cuts, 200));
        }
        assert_eq!(whole[40], 34.0, "7 frames late");
        assert_eq!(whole[100], 81.0, "20 frames late");
        assert_eq!(whole[199], 197.0, "3 frames late");
        let steepest = whole[60..]
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).abs())
            .fold(0.0, f32::max);
        assert!(steepest < 4.0, "a crossfade over 16 frames, not a jump: {steepest}");
    }
}
