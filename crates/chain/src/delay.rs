//! The dry path's delay, which can move to another distance by a crossfade.

use tonegraft_core::{AudioBuffer, DelayLine, Tap, raised_cosine};

/// Plays the past of a planar signal at one distance, or at two while it moves.
#[derive(Debug)]
pub(crate) struct MovingDelay {
    line: DelayLine,
    longest: usize,
    from: usize,
    to: usize,
    /// Frames of the crossfade done; at rest when `gains` is exhausted.
    frame: usize,
    /// Gain of the new distance.
    gains: Box<[f32]>,
}

impl MovingDelay {
    /// For distances up to `longest`, in pieces of up to `max_frames`; a crossfade takes `fade` frames.
    #[expect(clippy::disallowed_methods, reason = "built off the audio thread")]
    pub(crate) fn new(channels: usize, longest: usize, max_frames: usize, fade: usize) -> Self {
        let gains: Box<[f32]> = raised_cosine(fade.max(1)).collect();
        Self {
            line: DelayLine::new(channels, longest, max_frames),
            longest,
            from: 0,
            to: 0,
            frame: gains.len(),
            gains,
        }
    }

    /// Forgets the past and jumps to `distance`.
    pub(crate) fn reset(&mut self, distance: usize) {
        self.line.clear();
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
        self.line.push(input.iter(), frames);
        let gains = self.gains.get(self.frame..).unwrap_or(&[]);
        let from = if gains.is_empty() { self.to } else { self.from };
        let tap = Tap {
            from,
            to: self.to,
            gains,
        };
        for (index, out) in output.iter_mut().enumerate() {
            self.line.read(index, tap, out.get_mut(..frames).unwrap_or(&mut []));
        }
        self.frame = (self.frame + frames).min(self.gains.len());
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
