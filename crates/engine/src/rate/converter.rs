//! A signal of several channels from one rate to another.

use std::sync::Arc;
use tonegraft_kernels::Isa;
use tonegraft_kernels::resample::{Bank, Place, Ratio};

/// Floats that the weights of one direction take at most before they are blended from fewer rows.
const MAX_WEIGHTS: usize = 1 << 18;

/// Rows per half period of the highest frequency in blended weights: an error of −118 dB.
const ROWS: f64 = 1024.0;

/// Frames that a line takes before it is moved to its beginning.
const ROOM: usize = 2048;

/// A filter, sampled for every place between the inputs.
pub(super) struct Shape<F> {
    /// Inputs per output.
    pub ratio: Ratio,
    /// The weight of an input that is so many inputs (not whole) before the output's place.
    pub weight: F,
    /// From that distance on weights are 0.
    pub reach: f64,
    /// The stop frequency as part of half the input's rate.
    pub stop: f64,
}

impl<F: Fn(f64) -> f64> Shape<F> {
    /// `None` if the sizes make no sense.
    // Sizes are small and positive.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    pub fn bank(&self, isa: Isa) -> Option<Bank> {
        let taps = (self.reach.ceil() as usize).max(1);
        let parts = usize::try_from(self.ratio.parts).ok()?;
        let fine = (ROWS * self.stop).ceil().max(1.0) as usize;
        let exact = parts <= fine + 1 || parts.saturating_mul(taps) <= MAX_WEIGHTS;
        let (rows, per_input) = if exact { (parts, parts) } else { (fine + 1, fine) };
        let mut weights = Vec::with_capacity(rows * taps);
        let mut row = vec![0.0; taps];
        for at in 0..rows {
            let part = at as f64 / per_input as f64;
            for (back, weight) in row.iter_mut().rev().enumerate() {
                *weight = (self.weight)(part + back as f64);
            }
            // What stands still passes unchanged at every place.
            let sum: f64 = row.iter().sum();
            weights.extend(row.iter().map(|weight| (weight / sum) as f32));
        }
        Bank::new(self.ratio, rows, &weights, isa)
    }
}

/// One direction. Built off the audio thread, runs on it.
#[derive(Clone, Debug)]
pub(super) struct Converter {
    bank: Arc<Bank>,
    /// The last inputs of each channel, and what is new.
    lines: Vec<Box<[f32]>>,
    /// What stands before the first input of each channel.
    past: Vec<Box<[f32]>>,
    filled: usize,
    place: Place,
}

impl Converter {
    /// For up to `most` inputs at a time.
    pub fn new(bank: Arc<Bank>, channels: usize, most: usize) -> Self {
        let past = bank.taps() - 1;
        Self {
            lines: vec![vec![0.0; past + most + most.max(ROOM)].into(); channels],
            past: vec![vec![0.0; past].into(); channels],
            filled: past,
            place: Place::default(),
            bank,
        }
    }

    /// Frames that stand before the first input.
    pub fn past_frames(&self) -> usize {
        self.bank.taps() - 1
    }

    /// What stands before the first input of a channel, from now on and after each reset: the last of `frames`. Not for the audio
    /// thread.
    pub fn set_past(&mut self, channel: usize, frames: &[f32]) {
        if let Some(past) = self.past.get_mut(channel) {
            let count = past.len().min(frames.len());
            let from = past.len() - count;
            past[from..].copy_from_slice(&frames[frames.len() - count..]);
        }
        self.reset();
    }

    /// # Realtime Safety
    /// Safe.
    pub fn reset(&mut self) {
        for (line, past) in self.lines.iter_mut().zip(&self.past) {
            if let Some(line) = line.get_mut(..past.len()) {
                line.copy_from_slice(past);
            }
        }
        self.filled = self.bank.taps() - 1;
        self.place = Place::default();
    }

    /// Takes `frames` frames of each channel.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn push(&mut self, input: &[&[f32]], frames: usize) {
        let capacity = self.lines.first().map_or(0, |line| line.len());
        if self.filled + frames > capacity {
            let done = self.place.start.min(self.filled);
            for line in &mut self.lines {
                line.copy_within(done..self.filled, 0);
            }
            self.filled -= done;
            self.place.start -= done;
        }
        debug_assert!(self.filled + frames <= capacity, "more than agreed, or not taken out");
        for (line, x) in self.lines.iter_mut().zip(input) {
            if let (Some(line), Some(x)) = (line.get_mut(self.filled..self.filled + frames), x.get(..frames)) {
                line.copy_from_slice(x);
            }
        }
        self.filled = (self.filled + frames).min(capacity);
    }

    /// Gives the next outputs of each channel; all channels have one length. There have to be inputs enough.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn pull(&mut self, output: &mut [&mut [f32]]) {
        let mut next = self.place;
        for (line, y) in self.lines.iter().zip(output) {
            next = self.bank.run(line.get(..self.filled).unwrap_or(&[]), self.place, y);
        }
        self.place = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line drawn through the last two inputs: exact on straight lines.
    fn straight(ratio: Ratio) -> Converter {
        let shape = Shape {
            ratio,
            weight: |distance: f64| (1.0 - (distance - 1.0).abs()).max(0.0),
            reach: 2.0,
            stop: 1.0,
        };
        Converter::new(Arc::new(shape.bank(Isa::Scalar).expect("sizes fit")), 1, 64)
    }

    #[test]
    fn outputs_stand_at_their_places_through_any_number_of_moves() {
        // Exact rows, and so many parts that rows are blended.
        for ratio in [
            Ratio { step: 3, parts: 2 },
            Ratio {
                step: 1_000_003,
                parts: 900_001,
            },
        ] {
            let mut converter = straight(ratio);
            let (mut pushed, mut pulled) = (0u32, 0u32);
            let line = |n: f64| n / 16_384.0;
            while pushed < 9_000 {
                let x: Vec<f32> = (pushed..pushed + 30).map(|n| line(f64::from(n)) as f32).collect();
                converter.push(&[&x], 30);
                pushed += 30;
                let ready = (f64::from(pushed - 1) * ratio.parts as f64 / ratio.step as f64) as u32 + 1 - pulled;
                let mut y = vec![0.0; ready as usize];
                converter.pull(&mut [&mut y]);
                for y in y {
                    let place = f64::from(pulled) * ratio.step as f64 / ratio.parts as f64 - 1.0;
                    assert!(
                        (f64::from(y) - line(place)).abs() < 1e-6 || place < 0.0,
                        "{pulled}: {y}"
                    );
                    pulled += 1;
                }
            }
        }
    }
}
