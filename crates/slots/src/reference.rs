//! The side-chain: what came in with the main input, laid out as the output, and its past.

use crate::bank::BankConfig;
use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::{AudioBuffer, DelayLine, Fault};

/// The most frames that one [`feed_reference`](crate::BankAudio::feed_reference) takes; the rest is silence.
pub const MAX_REFERENCE_FRAMES: usize = 1 << 16;

/// The reference: fed block by block, taken piece by piece.
#[derive(Debug)]
pub(crate) struct Reference {
    /// `[side-chain channels, MAX_REFERENCE_FRAMES]`.
    queue: AudioBuffer,
    taken: usize,
    fed: usize,
    /// What belongs to the frames that are played now: `[outputs, max_frames]`.
    now: AudioBuffer,
    line: DelayLine,
    fault: Fault,
}

impl Reference {
    pub(crate) fn new(config: &BankConfig) -> Self {
        let (outputs, frames) = match config.references {
            0 => (0, 0),
            _ => (config.outputs, config.max_frames),
        };
        let queue = if config.references == 0 {
            0
        } else {
            MAX_REFERENCE_FRAMES
        };
        let longest = if outputs == 0 { 0 } else { config.longest_delay() };
        Self {
            queue: AudioBuffer::new(config.references, queue),
            taken: 0,
            fed: 0,
            now: AudioBuffer::new(outputs, frames),
            line: DelayLine::new(outputs, longest, frames),
            fault: Fault::None,
        }
    }

    pub(crate) fn exists(&self) -> bool {
        self.queue.channels() > 0
    }

    pub(crate) fn reset(&mut self) {
        (self.taken, self.fed) = (0, 0);
        self.line.clear();
        self.fault = Fault::None;
    }

    /// What comes with the next frames. What was not taken of what came before is dropped.
    pub(crate) fn feed(&mut self, channels: &[&[f32]]) {
        self.taken = 0;
        let frames = channels.first().map_or(0, |channel| channel.len());
        self.fed = frames.min(self.queue.frames());
        let mut finite = true;
        for (index, queue) in self.queue.iter_mut().enumerate() {
            let place = queue.get_mut(..self.fed).unwrap_or(&mut []);
            // A narrower side-chain than agreed repeats its last channel.
            let Some(channel) = channels.get(index).or(channels.last()) else {
                continue;
            };
            let agreed = channel.len().min(place.len());
            let (place, rest) = place.split_at_mut(agreed);
            rest.fill(0.0);
            for (place, sample) in place.iter_mut().zip(*channel) {
                let good = sample.is_finite();
                finite &= good;
                *place = if good { *sample } else { 0.0 };
            }
        }
        if self.exists() {
            if !finite {
                self.fault = self.fault.worst(Fault::NonFiniteInput);
            }
            if frames > self.fed || channels.iter().any(|channel| channel.len() != frames) {
                self.fault = self.fault.worst(Fault::BadBlock);
            }
        }
    }

    /// What went wrong since the last call.
    pub(crate) fn take_fault(&mut self) -> Fault {
        std::mem::take(&mut self.fault)
    }

    /// The next `frames` frames; silence where nothing was fed. True if all of it was.
    pub(crate) fn take(&mut self, frames: usize) -> bool {
        if !self.exists() {
            return false;
        }
        let count = frames.min(self.fed - self.taken);
        let part = self.taken..self.taken + count;
        self.taken += count;
        let sources = self.queue.channels();
        // Stereo to mono: the mean.
        let blend = sources == 2 && self.now.channels() == 1;
        for (index, now) in self.now.iter_mut().enumerate() {
            let (now, rest) = now.get_mut(..frames).unwrap_or(&mut []).split_at_mut(count);
            rest.fill(0.0);
            let from = self.queue.channel(index.min(sources - 1));
            if let Some(from) = from.get(part.clone()) {
                now.copy_from_slice(from);
            }
            if blend && let Some(right) = self.queue.channel(1).get(part.clone()) {
                for (now, right) in now.iter_mut().zip(right) {
                    *now = 0.5 * (*now + right);
                }
            }
        }
        self.line.push(self.now.iter(), frames);
        count == frames
    }

    pub(crate) const fn line(&self) -> &DelayLine {
        &self.line
    }

    /// The frames that [`Self::take`] took, undelayed: `[outputs, frames]`; without a side-chain none.
    pub(crate) fn now(&self, frames: usize) -> ([&[f32]; MAX_CHANNELS], usize) {
        let mut views: [&[f32]; MAX_CHANNELS] = [&[]; MAX_CHANNELS];
        for (view, channel) in views.iter_mut().zip(self.now.iter()) {
            *view = channel.get(..frames).unwrap_or(&[]);
        }
        (views, self.now.channels())
    }
}
