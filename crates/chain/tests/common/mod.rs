//! A middle whose output is known.
#![allow(dead_code)]

use tonegraft_chain::{Chain, ChainConfig};
use tonegraft_core::{Controls, Fault, HostFrames, Middle, SampleRate};

pub fn rate() -> SampleRate {
    SampleRate::new(48_000).expect("a rate")
}

pub fn chain(inputs: usize, outputs: usize) -> Chain {
    Chain::new(ChainConfig::new(rate(), inputs, outputs))
}

/// `out[n] = in[n − delay] · (gain + first knob of slot A)`; at frame `change.0` the delay becomes `change.1` over a crossfade of `FADE`.
pub struct Delayed {
    pub gain: f32,
    pub delay: usize,
    pub change: Option<(usize, usize)>,
    pub past: Vec<Vec<f32>>,
    /// Lengths of the calls.
    pub calls: Vec<usize>,
    pub seen_knobs: Vec<f32>,
}

const FADE: usize = 240;

impl Delayed {
    pub fn new(gain: f32, delay: usize) -> Self {
        Self {
            gain,
            delay,
            change: None,
            past: vec![Vec::new(); 2],
            calls: Vec::with_capacity(100_000),
            seen_knobs: Vec::with_capacity(100_000),
        }
    }

    fn at(&self) -> usize {
        self.past[0].len()
    }
}

impl Middle for Delayed {
    fn process(&mut self, controls: &Controls, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let start = self.at();
        let frames = output[0].len();
        self.calls.push(frames);
        self.seen_knobs.push(controls.knobs[0][0]);
        for (past, input) in self.past.iter_mut().zip(input) {
            past.extend_from_slice(input);
        }
        let gain = self.gain + controls.knobs[0][0];
        for (channel, out) in output.iter_mut().enumerate() {
            let past = &self.past[channel.min(input.len() - 1)];
            let read = |frame: usize, delay: usize| frame.checked_sub(delay).map_or(0.0, |then| past[then]);
            for (k, out) in out.iter_mut().enumerate() {
                let frame = start + k;
                let old = read(frame, self.delay);
                *out = gain
                    * match self.change {
                        Some((from, delay)) if frame >= from => {
                            #[allow(clippy::cast_precision_loss)]
                            let x = ((frame - from) as f32 / FADE as f32).min(1.0);
                            old + (read(frame, delay) - old) * (0.5 - 0.5 * (std::f32::consts::PI * x).cos())
                        }
                        _ => old,
                    };
            }
        }
        Fault::None
    }

    fn latency(&self) -> HostFrames {
        let delay = match self.change {
            Some((from, delay)) if self.at() >= from => delay,
            _ => self.delay,
        };
        HostFrames::new(u32::try_from(delay).expect("short"))
    }

    fn is_moving(&self) -> bool {
        self.change.is_some_and(|(from, _)| self.at() < from + FADE)
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
pub fn sine(hz: f64, start: usize, frames: usize) -> Vec<f32> {
    let step = std::f64::consts::TAU * hz / 48_000.0;
    (start..start + frames)
        .map(|frame| (step * frame as f64).sin() as f32)
        .collect()
}

/// Runs mono `input` in pieces of `piece`.
pub fn run(chain: &mut Chain, middle: &mut Delayed, input: &[f32], piece: usize) -> Vec<f32> {
    let mut output = vec![f32::NAN; input.len()];
    for (input, output) in input.chunks(piece).zip(output.chunks_mut(piece)) {
        chain.process(middle, &[input], &mut [output]);
    }
    output
}

/// Largest magnitude of the second difference.
pub fn roughness(signal: &[f32]) -> f32 {
    signal
        .windows(3)
        .map(|w| (w[2] - 2.0 * w[1] + w[0]).abs())
        .fold(0.0, f32::max)
}
