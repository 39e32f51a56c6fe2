//! The latency of the live chain: a click in place of the input, looked for at the output.

use super::{Task, append_mono};
use std::f32::consts::PI;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tonegraft_analysis::align::{AlignOptions, estimate};
use tonegraft_slots::Piece;

/// Seconds of silence around the click.
const AROUND: f32 = 0.1;

/// The click's length, in seconds.
const LENGTH: f32 = 0.004;

/// Its greatest magnitude: −30 dB of full scale, so that a distortion stays almost linear.
const LEVEL: f32 = 0.032;

/// So long it waits for the click to come through.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asked for by the worker, taken by the audio thread.
#[derive(Debug, Default)]
pub struct ClickReport {
    wanted: AtomicBool,
}

impl ClickReport {
    pub(super) fn ask(&self) {
        self.wanted.store(true, Ordering::Release);
    }
}

/// The audio thread's end: plays the click in place of the input.
#[derive(Debug)]
pub(crate) struct Clicker {
    signal: Box<[f32]>,
    /// The next frame; at the end there is none.
    at: usize,
}

impl Clicker {
    /// For `rate` in Hz.
    pub(crate) fn new(rate: f32) -> Self {
        // Parts of a second.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let frames = |seconds: f32| (seconds * rate) as usize;
        let (around, length) = (frames(AROUND), frames(LENGTH).max(8));
        #[allow(clippy::cast_precision_loss)]
        let signal: Box<[f32]> = (0..length + 2 * around)
            .map(|frame| {
                let x = frame.saturating_sub(around) as f32 / length as f32;
                if frame < around || x >= 1.0 {
                    return 0.0;
                }
                // Three periods under a raised cosine: no offset, and nothing near half the rate.
                LEVEL * (0.5 - 0.5 * (2.0 * PI * x).cos()) * (6.0 * PI * x).sin()
            })
            .collect();
        Self {
            at: signal.len(),
            signal,
        }
    }

    /// Puts the click over `channels`, if it is asked for or has begun.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn process(&mut self, report: &ClickReport, channels: &mut [&mut [f32]]) {
        if report.wanted.load(Ordering::Relaxed) && report.wanted.swap(false, Ordering::AcqRel) {
            self.at = 0;
        }
        let rest = self.signal.get(self.at..).unwrap_or(&[]);
        if rest.is_empty() {
            return;
        }
        let mut frames = 0;
        for channel in channels {
            frames = channel.len().min(rest.len());
            for (sample, click) in channel.iter_mut().zip(rest) {
                *sample = *click;
            }
        }
        self.at += frames;
    }
}

/// A measurement under way.
pub(super) struct Clicking {
    rate: f64,
    latency: u32,
    /// What the model that is heard has learned, in frames.
    learned: f64,
    began: Instant,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl Clicking {
    /// The host is told `latency` frames; the model that is heard has learned `learned` frames more.
    pub(super) fn new(rate: f64, latency: u32, learned: f64) -> Self {
        Self {
            rate,
            latency,
            learned,
            began: Instant::now(),
            input: Vec::new(),
            output: Vec::new(),
        }
    }

    /// The answer, once there is one: frames at the host's rate; or a sentence.
    pub(super) fn answer(&self) -> Option<Result<f64, String>> {
        let late = self.began.elapsed() > PATIENCE;
        let Some(at) = self.click() else {
            let text = "The click did not come through: the gate holds it back, or the host's audio does not run.";
            return late.then(|| Err(text.to_owned()));
        };
        // Parts of a second.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let after = (f64::from(AROUND) * self.rate) as usize;
        let end = at + after + self.latency as usize;
        let (Some(input), Some(output)) = (self.input.get(at..end), self.output.get(at..end)) else {
            return late.then(|| Err("The host's audio stopped; start it and try again.".to_owned()));
        };
        let mut input = input.to_vec();
        // What the host plays after the click is none of it.
        for sample in input.iter_mut().skip(after) {
            *sample = 0.0;
        }
        let longest = AlignOptions::new(output.len());
        Some(match estimate(&input, output, &longest) {
            Some(found) if found.confidence > 0.05 => Ok(found.delay - self.learned),
            _ => Err("The click was not found at the output: the source that is heard does not pass it.".to_owned()),
        })
    }

    /// The first frame of the click in the input: behind a stretch of perfect silence.
    fn click(&self) -> Option<usize> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let quiet = (0.9 * f64::from(AROUND) * self.rate) as usize;
        let mut silent = 0;
        for (frame, sample) in self.input.iter().enumerate() {
            if *sample == 0.0 {
                silent += 1;
            } else if silent >= quiet {
                return Some(frame);
            } else {
                silent = 0;
            }
        }
        None
    }
}

impl Task for Clicking {
    fn interrupt(&mut self) {
        self.input.clear();
        self.output.clear();
    }

    fn take(&mut self, piece: &Piece<'_>) {
        append_mono(&mut self.input, piece.input, piece.frames);
        append_mono(&mut self.output, piece.output, piece.frames);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_click_is_played_once_however_the_audio_is_cut() {
        let report = ClickReport::default();
        let mut clicker = Clicker::new(48_000.0);
        let mut play = |cut: usize| {
            report.ask();
            let mut played = Vec::new();
            while played.len() < 12_000 {
                let mut block = vec![0.5_f32; cut];
                clicker.process(&report, &mut [&mut block]);
                played.extend(block);
            }
            played
        };
        let whole = play(12_000);
        assert!(whole.iter().any(|sample| sample.abs() > 0.9 * LEVEL));
        assert_eq!(whole.last(), Some(&0.5), "the input comes back");
        assert_eq!(play(7)[..12_000], whole);
    }
}
