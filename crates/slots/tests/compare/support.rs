//! Signals driven through a bank, and how smooth they are.

use crate::common;
use tonegraft_core::{Controls, Fault, Middle};
use tonegraft_slots::BankAudio;

/// A reproducible series of numbers.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(limit).expect("small")).expect("small")
    }
}

/// Plays planar `input` with `reference` (none if empty) in pieces of `piece`.
pub fn play(
    audio: &mut BankAudio,
    controls: &Controls,
    input: &[Vec<f32>],
    reference: &[Vec<f32>],
    piece: usize,
) -> (Vec<Vec<f32>>, Fault) {
    let frames = input[0].len();
    let mut output = vec![vec![f32::NAN; frames]; audio.config().outputs];
    let mut fault = Fault::None;
    for start in (0..frames).step_by(piece) {
        let part = start..frames.min(start + piece);
        if !reference.is_empty() {
            let channels: Vec<&[f32]> = reference.iter().map(|channel| &channel[part.clone()]).collect();
            audio.feed_reference(&channels);
        }
        let ins: Vec<&[f32]> = input.iter().map(|channel| &channel[part.clone()]).collect();
        let mut outs: Vec<&mut [f32]> = output.iter_mut().map(|channel| &mut channel[part.clone()]).collect();
        fault = fault.worst(audio.process(controls, &ins, &mut outs));
    }
    (output, fault)
}

/// As [`play`], all mono.
pub fn play_mono(
    audio: &mut BankAudio,
    controls: &Controls,
    input: &[f32],
    reference: &[f32],
    piece: usize,
) -> Vec<f32> {
    let (mut output, fault) = play(audio, controls, &[input.to_vec()], &[reference.to_vec()], piece);
    assert_eq!(fault, Fault::None);
    output.remove(0)
}

/// Magnitude, slope and curvature: the largest of each.
#[derive(Clone, Copy, Debug, Default)]
pub struct Motion {
    pub magnitude: f32,
    pub slope: f32,
    pub curvature: f32,
}

impl Motion {
    pub fn of(signal: &[f32]) -> Self {
        let largest =
            |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, |most: f32, value| most.max(value.abs()));
        Self {
            magnitude: largest(&mut signal.iter().copied()),
            slope: largest(&mut signal.windows(2).map(|pair| pair[1] - pair[0])),
            curvature: common::roughness(signal),
        }
    }

    pub fn worst(self, other: Self) -> Self {
        Self {
            magnitude: self.magnitude.max(other.magnitude),
            slope: self.slope.max(other.slope),
            curvature: self.curvature.max(other.curvature),
        }
    }

    /// The largest curvature that a raised-cosine crossfade over `frames` frames of two such signals can have:
    /// `|s''| + 2 |g'| |t' − s'| + |g''| |t − s|`.
    pub fn faded(self, frames: f32) -> f32 {
        let step = std::f32::consts::PI / (frames + 1.0);
        self.curvature + 2.0 * (0.5 * step) * 2.0 * self.slope + 0.5 * step * step * 2.0 * self.magnitude + 1e-5
    }
}
