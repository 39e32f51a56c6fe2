//! A planar delay line that is read at any distance, also at two distances crossfaded, or through a short filter.
//!
//! Everything but [`DelayLine::new`] is for the audio thread.

use crate::buffer::AudioBuffer;

/// Length of the filters that [`DelayLine::filter`] takes, in frames.
pub const FILTER_TAPS: usize = 32;

/// Frames filtered in one go.
const FILTER_PIECE: usize = 64;

/// A delay heard over some frames: from one distance to another, crossfaded by `gains`.
///
/// With empty `gains` only `to` is heard.
#[derive(Clone, Copy, Debug)]
pub struct Tap<'a> {
    /// Distance before the crossfade, in frames.
    pub from: usize,
    /// Distance after it, in frames.
    pub to: usize,
    /// Gain of `to` per frame.
    pub gains: &'a [f32],
}

impl Tap<'_> {
    /// One distance.
    pub const fn at(delay: usize) -> Self {
        Self {
            from: delay,
            to: delay,
            gains: &[],
        }
    }

    /// True if nothing is delayed and nothing moves.
    pub const fn is_direct(&self) -> bool {
        self.to == 0 && (self.from == 0 || self.gains.is_empty())
    }
}

/// The past of a planar signal, `[channels, frames]`. Before the first frame there is silence.
#[derive(Debug)]
pub struct DelayLine {
    ring: AudioBuffer,
    mask: usize,
    write: usize,
    filled: usize,
}

impl DelayLine {
    /// For delays up to `max_delay`, pushed in pieces of up to `max_frames`.
    pub fn new(channels: usize, max_delay: usize, max_frames: usize) -> Self {
        let capacity = (max_delay + max_frames).max(1).next_power_of_two();
        Self {
            ring: AudioBuffer::new(channels, capacity),
            mask: capacity - 1,
            write: 0,
            filled: 0,
        }
    }

    /// Forgets the past, in constant time.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Appends `frames` frames of every channel; channels left out repeat what was there.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn push<'a>(&mut self, channels: impl Iterator<Item = &'a [f32]>, frames: usize) {
        let start = self.write & self.mask;
        let first = frames.min(self.mask + 1 - start);
        for (ring, channel) in self.ring.iter_mut().zip(channels) {
            copy(ring.get_mut(start..start + first), channel.get(..first));
            copy(ring.get_mut(..frames - first), channel.get(first..frames));
        }
        self.write = self.write.wrapping_add(frames);
        self.filled = self.filled.saturating_add(frames).min(self.mask + 1);
    }

    /// The last `out.len()` frames pushed of channel `channel` (the last channel if there are fewer), as `tap` hears them.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn read(&self, channel: usize, tap: Tap<'_>, out: &mut [f32]) {
        let last = self.ring.channels().saturating_sub(1);
        let ring = self.ring.channel(channel.min(last));
        self.read_at(ring, tap.to, out);
        if tap.from != tap.to {
            let frames = out.len();
            for (k, (out, gain)) in out.iter_mut().zip(tap.gains).enumerate() {
                let old = self.sample(ring, tap.from, frames - k);
                *out = old + (*out - old) * gain;
            }
        }
    }

    /// As [`Self::read`] at one distance, through a filter: `out[n] = Σ taps[k] · x[n − delay − k]`, summed from `k = 0` on. The line
    /// must have been made for delays up to `delay + FILTER_TAPS − 1`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn filter(&self, channel: usize, delay: usize, taps: &[f32; FILTER_TAPS], out: &mut [f32]) {
        let last = self.ring.channels().saturating_sub(1);
        let ring = self.ring.channel(channel.min(last));
        let mut past = [0.0; FILTER_PIECE + FILTER_TAPS - 1];
        let mut left = out.len();
        for part in out.chunks_mut(FILTER_PIECE) {
            left -= part.len();
            let past = past.get_mut(..part.len() + FILTER_TAPS - 1).unwrap_or(&mut []);
            self.read_at(ring, delay + left, past);
            part.fill(0.0);
            for (k, tap) in taps.iter().enumerate() {
                let earlier = past.get(FILTER_TAPS - 1 - k..).unwrap_or(&[]);
                for (out, sample) in part.iter_mut().zip(earlier) {
                    *out += tap * sample;
                }
            }
        }
    }

    /// The sample that was pushed `back` frames before the write position, `delay` frames earlier still.
    fn sample(&self, ring: &[f32], delay: usize, back: usize) -> f32 {
        let distance = delay + back;
        if distance > self.filled {
            return 0.0;
        }
        let place = self.write.wrapping_sub(distance) & self.mask;
        ring.get(place).copied().unwrap_or(0.0)
    }

    fn read_at(&self, ring: &[f32], delay: usize, out: &mut [f32]) {
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
mod tests {
    use super::*;

    #[test]
    fn any_distance_and_any_cut_reads_the_past() {
        let signal: Vec<f32> = (1..=200u16).map(f32::from).collect();
        for delay in [0, 1, 5, 30, 40] {
            for piece in [1, 3, 8, 24] {
                let mut line = DelayLine::new(1, 40, 24);
                let mut out = Vec::new();
                for part in signal.chunks(piece) {
                    line.push(std::iter::once(part), part.len());
                    let mut read = vec![f32::NAN; part.len()];
                    line.read(0, Tap::at(delay), &mut read);
                    out.extend(read);
                }
                let expected: Vec<f32> = (0..signal.len())
                    .map(|k| k.checked_sub(delay).map_or(0.0, |past| signal[past]))
                    .collect();
                assert_eq!(out, expected, "delay {delay}, pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_cleared_line_is_silent_before_its_new_start() {
        let mut line = DelayLine::new(1, 8, 8);
        line.push(std::iter::once(&[9.0; 8][..]), 8);
        line.clear();
        line.push(std::iter::once(&[1.0, 2.0][..]), 2);
        let mut out = [f32::NAN; 2];
        line.read(0, Tap::at(1), &mut out);
        assert_eq!(out, [0.0, 1.0]);
        let gains = [0.25, 0.75];
        line.read(
            3,
            Tap {
                from: 1,
                to: 0,
                gains: &gains,
            },
            &mut out,
        );
        assert_eq!(out, [0.25, 1.75]);
    }
}
