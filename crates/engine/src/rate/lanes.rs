//! A network at `n` times its rate, as `n` instances of which each takes every `n`-th frame.

use crate::native::Voices;
use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::processor::MAX_METERS;
use tonegraft_core::{AudioBuffer, Fault, Processor};

/// The instances, and whose turn it is.
#[derive(Debug)]
pub(super) struct Lanes {
    voices: Vec<Voices>,
    next: usize,
    input: AudioBuffer,
    output: AudioBuffer,
}

/// The first `frames` frames of every channel.
pub(super) fn heads(buffer: &AudioBuffer, frames: usize) -> [&[f32]; MAX_CHANNELS] {
    let mut channels = buffer.iter();
    std::array::from_fn(|_| channels.next().and_then(|channel| channel.get(..frames)).unwrap_or(&[]))
}

/// The first `frames` frames of every channel.
pub(super) fn heads_mut(buffer: &mut AudioBuffer, frames: usize) -> [&mut [f32]; MAX_CHANNELS] {
    let mut channels = buffer.iter_mut();
    std::array::from_fn(|_| {
        let channel = channels.next().and_then(|channel| channel.get_mut(..frames));
        channel.unwrap_or(&mut [])
    })
}

impl Lanes {
    /// For up to `most` frames at a time, all instances together.
    pub fn new(voice: Voices, lanes: usize, most: usize) -> Self {
        let facts = voice.facts();
        let most = most / lanes.max(1) + 1;
        Self {
            voices: vec![voice; lanes.max(1)],
            next: 0,
            input: AudioBuffer::new(facts.inputs, most),
            output: AudioBuffer::new(facts.outputs, most),
        }
    }

    /// # Realtime Safety
    /// Safe.
    pub fn reset(&mut self) {
        for voice in &mut self.voices {
            voice.reset();
        }
        self.next = 0;
    }

    /// # Realtime Safety
    /// Safe.
    pub fn set_knob(&mut self, index: usize, value: f32) {
        for voice in &mut self.voices {
            voice.set_knob(index, value);
        }
    }

    /// The next frame is frame `frame` of the transport, counted at the network's rate.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn seek(&mut self, frame: i64) {
        let count = i64::try_from(self.voices.len()).unwrap_or(1);
        let next = i64::try_from(self.next).unwrap_or(0);
        for (lane, voice) in (0..).zip(&mut self.voices) {
            let ahead = (count + lane - next) % count;
            voice.seek(frame.saturating_add(ahead).div_euclid(count));
        }
    }

    /// # Realtime Safety
    /// Safe.
    pub fn meters(&mut self) -> [f32; MAX_METERS] {
        let mut all = [0.0f32; MAX_METERS];
        for voice in &mut self.voices {
            for (all, meter) in all.iter_mut().zip(voice.meters()) {
                *all = all.max(meter);
            }
        }
        all
    }

    /// `frames` frames of every channel, at most as many as agreed.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn run(&mut self, input: &[&[f32]], output: &mut [&mut [f32]], frames: usize) -> Fault {
        let count = self.voices.len();
        if let [only] = self.voices.as_mut_slice() {
            return only.process(input, output);
        }
        let mut fault = Fault::None;
        for (lane, voice) in self.voices.iter_mut().enumerate() {
            let first = (count + lane - self.next) % count;
            let own = frames.saturating_sub(first).div_ceil(count);
            if own == 0 {
                continue;
            }
            for (to, from) in self.input.iter_mut().zip(input) {
                for (to, from) in to.iter_mut().zip(from.iter().skip(first).step_by(count)) {
                    *to = *from;
                }
            }
            let own_input = heads(&self.input, own);
            let mut own_output = heads_mut(&mut self.output, own);
            fault = fault.worst(voice.process(
                own_input.get(..input.len()).unwrap_or(&[]),
                own_output.get_mut(..output.len()).unwrap_or(&mut []),
            ));
            for (to, from) in output.iter_mut().zip(self.output.iter()) {
                for (to, from) in to.iter_mut().skip(first).step_by(count).zip(from) {
                    *to = *from;
                }
            }
        }
        self.next = (self.next + frames) % count;
        fault
    }
}
