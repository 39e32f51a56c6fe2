//! Processors whose output is known, and a bank driven in pieces.
#![allow(dead_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tonegraft_core::processor::{block_frames, silence};
use tonegraft_core::{
    Controls, Facts, Fault, HostFrames, KNOBS, KnobRange, LatencyParts, Middle, ModelLevels, Processor, SLOTS,
    SampleRate, Source, Tail,
};
use tonegraft_slots::{BankAudio, BankConfig, Unit};

pub const RATE: u32 = 48_000;
pub const STILL: Controls = Controls {
    knobs: [[0.0; KNOBS]; SLOTS],
    ..Controls::DEFAULT
};

pub fn rate() -> SampleRate {
    SampleRate::new(RATE).expect("a rate")
}

pub fn mono() -> BankConfig {
    BankConfig::new(rate(), 1, 1)
}

/// `out[n] = gain · in[n − delay]`, its knob 0 adds to the gain. Tells `delay` as its latency. From frame `bad.0` since its start on it
/// puts out NaN for `bad.1` frames. Counts what happens to it.
pub struct Probe {
    pub gain: f32,
    pub offset: f32,
    pub delay: usize,
    pub field: u32,
    pub channels: (usize, usize),
    pub bad: Option<(usize, usize)>,
    pub resets: Arc<AtomicUsize>,
    pub dropped_on: Option<std::sync::mpsc::Sender<std::thread::ThreadId>>,
    pub levels: ModelLevels,
    pub age: usize,
    /// Where it was sent, by its age.
    pub sought: Arc<std::sync::Mutex<Vec<(usize, i64)>>>,
    /// Calls and frames processed.
    pub work: Arc<[AtomicUsize; 2]>,
    past: Vec<Vec<f32>>,
    write: usize,
}

impl Probe {
    pub fn new(gain: f32, delay: usize) -> Self {
        Self {
            gain,
            offset: 0.0,
            delay,
            field: 1,
            channels: (1, 1),
            bad: None,
            resets: Arc::default(),
            dropped_on: None,
            levels: ModelLevels::default(),
            age: 0,
            sought: Arc::new(std::sync::Mutex::new(Vec::with_capacity(4_096))),
            work: Arc::default(),
            past: vec![vec![0.0; delay + 1]; 2],
            write: 0,
        }
    }

    pub fn field(mut self, frames: u32) -> Self {
        self.field = frames;
        self
    }

    pub fn stereo(mut self, inputs: usize, outputs: usize) -> Self {
        self.channels = (inputs, outputs);
        self
    }

    pub fn bad(mut self, from: usize, frames: usize) -> Self {
        self.bad = Some((from, frames));
        self
    }

    pub fn levels(mut self, levels: ModelLevels) -> Self {
        self.levels = levels;
        self
    }

    pub fn unit(self, id: u64) -> Unit {
        let levels = self.levels;
        Unit {
            processor: Box::new(self),
            id,
            knobs: vec![KnobRange::linear(0.0, 2.0)],
            levels,
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(sender) = &self.dropped_on {
            let _ = sender.send(std::thread::current().id());
        }
    }
}

impl Processor for Probe {
    fn facts(&self) -> Facts {
        Facts {
            inputs: self.channels.0,
            outputs: self.channels.1,
            knobs: 1,
            latency: LatencyParts {
                look_ahead: HostFrames::new(u32::try_from(self.delay).expect("short")),
                ..LatencyParts::ZERO
            },
            receptive_field: HostFrames::new(self.field),
            tail: Tail::Frames(HostFrames::ZERO),
        }
    }

    fn reset(&mut self) {
        self.resets.fetch_add(1, Ordering::Relaxed);
        for past in &mut self.past {
            past.fill(0.0);
        }
        self.write = 0;
    }

    fn seek(&mut self, frame: i64) {
        self.sought.lock().expect("no panic").push((self.age, frame));
    }

    fn set_knob(&mut self, index: usize, value: f32) {
        if index == 0 {
            self.offset = value;
        }
    }

    fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let Some(frames) = block_frames(&self.facts(), input, output) else {
            silence(output);
            return Fault::BadBlock;
        };
        self.work[0].fetch_add(1, Ordering::Relaxed);
        self.work[1].fetch_add(frames, Ordering::Relaxed);
        for frame in 0..frames {
            let length = self.delay + 1;
            let now = (self.write + frame) % length;
            let then = (self.write + frame + 1) % length;
            for (channel, past) in self.past.iter_mut().enumerate() {
                past[now] = input[channel.min(input.len() - 1)][frame];
                if let Some(out) = output.get_mut(channel) {
                    out[frame] = (self.gain + self.offset) * past[then];
                    let at = self.age + frame;
                    if self.bad.is_some_and(|(from, count)| at >= from && at - from < count) {
                        out[frame] = f32::NAN;
                    }
                }
            }
        }
        self.write = (self.write + frames) % (self.delay + 1);
        self.age += frames;
        Fault::None
    }
}

/// [`STILL`], but with that source.
pub fn on(source: Source) -> Controls {
    Controls { source, ..STILL }
}

/// Runs mono `input` through `audio` in pieces of `piece`.
pub fn run(audio: &mut BankAudio, input: &[f32], piece: usize) -> Vec<f32> {
    run_with(audio, &STILL, input, piece)
}

/// As [`run`], under `controls`.
pub fn run_with(audio: &mut BankAudio, controls: &Controls, input: &[f32], piece: usize) -> Vec<f32> {
    let mut output = vec![f32::NAN; input.len()];
    for (input, output) in input.chunks(piece).zip(output.chunks_mut(piece)) {
        audio.process(controls, &[input], &mut [output]);
    }
    output
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
pub fn sine(hz: f64, start: usize, frames: usize) -> Vec<f32> {
    let step = std::f64::consts::TAU * hz / f64::from(RATE);
    (start..start + frames)
        .map(|frame| (step * frame as f64).sin() as f32)
        .collect()
}

/// Largest magnitude of the second difference.
pub fn roughness(signal: &[f32]) -> f32 {
    signal
        .windows(3)
        .map(|w| (w[2] - 2.0 * w[1] + w[0]).abs())
        .fold(0.0, f32::max)
}

pub fn ramp(start: usize, frames: usize) -> Vec<f32> {
    (start..start + frames)
        .map(|frame| f32::from(u16::try_from(frame).expect("short")))
        .collect()
}
