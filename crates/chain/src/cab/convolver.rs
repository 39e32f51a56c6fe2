//! An impulse response as a processor without latency.

use super::ir::ImpulseResponse;
use super::level::{Level, Route, offset};
use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_core::processor::{block_frames, silence};
use tonegraft_core::{
    AudioBuffer, CONTROL_INTERVAL, Facts, Fault, HostFrames, LatencyParts, Processor, SampleRate, Tail,
};
use tonegraft_kernels::{Fir, Isa, padded};

/// Lengths of the partitions and the pieces of their transforms. The first `2 · PARTITIONS[0].0` taps are computed directly; each length
/// reaches up to where the next begins, at twice that one's length.
const PARTITIONS: [(usize, usize); 3] = [(64, 1), (512, 4), (4096, 16)];

/// Convolves with an [`ImpulseResponse`]: a direct filter for the head, partitions that grow for the rest.
///
/// **Channels.** A mono response serves every channel alike. Of a stereo response the first channel makes the first output and the
/// second one all others; where there is one output only, both are averaged. Output `n` hears input `n`, or the last one if there
/// are fewer.
///
/// **Time.** No latency. Work is done at multiples of 32 frames counted from reset, whatever the host's blocks; the samples do not
/// depend on how the audio is cut. A step of the work is spread over the time that it has, see the module's documentation.
#[derive(Debug)]
pub struct Convolver {
    facts: Facts,
    rate: SampleRate,
    routes: Box<[Route]>,
    /// Per channel of the response.
    heads: Box<[Fir]>,
    levels: Box<[Level]>,
    /// Frames since reset.
    position: u64,
    /// The inputs as the heads want them: past, then the current slot.
    recent: AudioBuffer,
    /// The inputs as the levels want them: rings.
    past: AudioBuffer,
    /// What a head makes of one piece.
    made: Box<[f32]>,
}

impl Convolver {
    /// For a bank or chain with `inputs` and `outputs` channels (1 ..= [`MAX_CHANNELS`], others are clamped), at the response's rate,
    /// with the widest instructions of this machine. Allocates: not on the audio thread.
    pub fn new(response: &ImpulseResponse, inputs: usize, outputs: usize) -> Self {
        Self::with_isa(Isa::detect(), response, inputs, outputs)
    }

    /// As [`Self::new`], with the instruction set chosen; one that this machine lacks is replaced by the plainest.
    #[expect(
        clippy::disallowed_methods,
        clippy::disallowed_macros,
        reason = "built off the audio thread"
    )]
    pub fn with_isa(isa: Isa, response: &ImpulseResponse, inputs: usize, outputs: usize) -> Self {
        let (inputs, outputs) = (inputs.clamp(1, MAX_CHANNELS), outputs.clamp(1, MAX_CHANNELS));
        let averaged;
        let filters: Vec<&[f32]> = match response.channels() {
            [left, right] if outputs == 1 => {
                averaged = average(left, right);
                vec![&averaged]
            }
            channels => channels.iter().map(Vec::as_slice).collect(),
        };
        let routes: Box<[Route]> = (0..outputs)
            .map(|output| Route {
                input: output.min(inputs - 1),
                filter: output.min(filters.len().saturating_sub(1)),
            })
            .collect();
        let length = filters.iter().map(|taps| taps.len()).max().unwrap_or(0);
        let head = length.min(2 * PARTITIONS[0].0);
        let heads: Box<[Fir]> = filters
            .iter()
            .map(|taps| Fir::new(isa, within(taps, 0, head)))
            .collect();
        let mut levels = Vec::new();
        for (index, (block, ways)) in PARTITIONS.into_iter().enumerate() {
            let end = PARTITIONS.get(index + 1).map_or(usize::MAX, |(next, _)| 2 * next);
            let taps: Vec<&[f32]> = filters.iter().map(|taps| within(taps, 2 * block, end)).collect();
            if taps.iter().any(|taps| !taps.is_empty()) {
                levels.push(Level::new(isa, block, ways, &taps, inputs, &routes));
            }
        }
        let past = heads.iter().map(Fir::past).max().unwrap_or(0);
        let ring = levels.iter().map(|level| 4 * level.block()).max().unwrap_or(0);
        let frames = HostFrames::new(u32::try_from(length).unwrap_or(u32::MAX));
        Self {
            facts: Facts {
                inputs,
                outputs,
                knobs: 0,
                latency: LatencyParts::ZERO,
                receptive_field: frames,
                tail: Tail::Frames(frames.saturating_sub(HostFrames::new(1))),
            },
            rate: response.rate(),
            routes,
            recent: AudioBuffer::new(inputs, past + CONTROL_INTERVAL + padded(CONTROL_INTERVAL)),
            past: AudioBuffer::new(inputs, ring),
            made: vec![0.0; padded(CONTROL_INTERVAL)].into_boxed_slice(),
            heads,
            levels: levels.into_boxed_slice(),
            position: 0,
        }
    }

    /// The rate that it was made for.
    pub const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Old samples before the current slot in `recent`.
    fn old(&self) -> usize {
        self.recent
            .frames()
            .saturating_sub(CONTROL_INTERVAL + padded(CONTROL_INTERVAL))
    }

    /// The beginning of a slot: its share of the work, and room for its samples.
    fn begin_slot(&mut self) {
        let old = self.old();
        for recent in self.recent.iter_mut() {
            recent.copy_within(CONTROL_INTERVAL..CONTROL_INTERVAL + old, 0);
        }
        for level in &mut self.levels {
            level.tick(self.position, &self.past);
        }
    }

    /// `count` frames from `start` on, within one slot.
    fn run(&mut self, input: &[&[f32]], output: &mut [&mut [f32]], start: usize, count: usize) {
        let into = offset(self.position, CONTROL_INTERVAL);
        let (at, old) = (self.old() + into, self.old());
        let (ring, rings) = (offset(self.position, self.past.frames().max(1)), self.past.frames() > 0);
        for (channel, input) in input.iter().enumerate() {
            let input = input.get(start..start + count).unwrap_or(&[]);
            copy(self.recent.channel_mut(channel).get_mut(at..at + count), input);
            if rings {
                copy(self.past.channel_mut(channel).get_mut(ring..ring + count), input);
            }
        }
        for ((index, route), out) in self.routes.iter().enumerate().zip(output.iter_mut()) {
            let (Some(head), Some(out)) = (self.heads.get(route.filter), out.get_mut(start..start + count)) else {
                continue;
            };
            // Heads may differ in length by their padding alone.
            let from = (old + into).saturating_sub(head.past());
            let recent = self.recent.channel(route.input).get(from..).unwrap_or(&[]);
            head.run(recent, &mut self.made, count);
            copy(Some(out), self.made.get(..count).unwrap_or(&[]));
            for level in &self.levels {
                level.add(index, self.position, out);
            }
        }
        self.position = self.position.wrapping_add(count as u64);
    }
}

impl Processor for Convolver {
    fn facts(&self) -> Facts {
        self.facts
    }

    fn reset(&mut self) {
        self.position = 0;
        self.recent.clear();
        self.past.clear();
        for level in &mut self.levels {
            level.reset();
        }
    }

    fn set_knob(&mut self, _index: usize, _value: f32) {}

    fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let _flush = FlushDenormals::new();
        let Some(frames) = block_frames(&self.facts, input, output) else {
            silence(output);
            return Fault::BadBlock;
        };
        let mut done = 0;
        while done < frames {
            let into = offset(self.position, CONTROL_INTERVAL);
            if into == 0 {
                self.begin_slot();
            }
            let count = (CONTROL_INTERVAL - into).min(frames - done);
            self.run(input, output, done, count);
            done += count;
        }
        Fault::None
    }
}

/// Taps `start .. end`, as far as there are any.
fn within(taps: &[f32], start: usize, end: usize) -> &[f32] {
    taps.get(start..end.min(taps.len())).unwrap_or(&[])
}

fn average(left: &[f32], right: &[f32]) -> Vec<f32> {
    let at = |taps: &[f32], k: usize| taps.get(k).copied().unwrap_or(0.0);
    #[expect(clippy::disallowed_methods, reason = "off the audio thread")]
    (0..left.len().max(right.len()))
        .map(|k| 0.5 * at(left, k) + 0.5 * at(right, k))
        .collect()
}

/// Copies if the place is there and of the same length, which is always so.
fn copy(to: Option<&mut [f32]>, from: &[f32]) {
    if let Some(to) = to
        && to.len() == from.len()
    {
        to.copy_from_slice(from);
    }
}
