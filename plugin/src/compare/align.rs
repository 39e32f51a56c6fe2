//! How late the reference is, by cross-correlation of real playing with a slot.

use super::{Task, append_mono, rms};
use std::time::{Duration, Instant};
use tonegraft_analysis::align::{AlignOptions, estimate};
use tonegraft_core::Source;
use tonegraft_library::Measured;
use tonegraft_slots::Piece;

/// Seconds that are compared.
const SECONDS: f64 = 4.0;

/// The longest delay that is looked for, in seconds.
const LONGEST: f64 = 0.5;

/// What is quieter (−50 dB of full scale) is no playing.
const QUIET: f64 = 0.003;

/// So long it waits for playing.
const PATIENCE: Duration = Duration::from_secs(20);

/// Less than this is a guess.
const LEAST_CONFIDENCE: f64 = 0.1;

/// A measurement under way.
pub(super) struct Aligning {
    rate: f64,
    slot: Source,
    /// By how much the slot is delayed, in frames.
    latency: u32,
    began: Instant,
    own: Vec<f32>,
    reference: Vec<f32>,
}

impl Aligning {
    /// Of the reference against `slot`, which is heard `latency` frames late.
    pub(super) fn new(rate: f64, slot: Source, latency: u32) -> Self {
        Self {
            rate,
            slot,
            latency,
            began: Instant::now(),
            own: Vec::new(),
            reference: Vec::new(),
        }
    }

    /// The answer, once there is one; or a sentence.
    pub(super) fn answer(&mut self) -> Option<Result<Measured, String>> {
        // A few seconds.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let (needed, longest) = ((SECONDS * self.rate) as usize, (LONGEST * self.rate) as usize);
        let late = self.began.elapsed() > PATIENCE;
        if self.own.len() < needed {
            return late.then(|| Err("No audio comes in; start the host's audio and try again.".to_owned()));
        }
        if rms(&self.reference) < QUIET || rms(&self.own) < QUIET {
            if late {
                let which = if rms(&self.reference) < QUIET {
                    "The reference is silent: check the side-chain's routing, and play something."
                } else {
                    "The slot is silent: play something, louder than −50 dB."
                };
                return Some(Err(which.to_owned()));
            }
            for store in [&mut self.own, &mut self.reference] {
                store.drain(..needed / 2);
            }
            return None;
        }
        let longest = longest + self.latency as usize;
        let found = estimate(&self.own, &self.reference, &AlignOptions::new(longest));
        Some(match found {
            Some(found) if found.confidence >= LEAST_CONFIDENCE => Ok(Measured {
                delay: found.delay + f64::from(self.latency),
                gain_db: found.gain_db(),
                inverted: found.inverted,
                confidence: found.confidence,
            }),
            _ => Err(
                "The reference does not resemble the slot enough to be aligned; play something with more attacks, or set it by hand."
                    .to_owned(),
            ),
        })
    }
}

impl Task for Aligning {
    fn interrupt(&mut self) {
        self.own.clear();
        self.reference.clear();
    }

    fn take(&mut self, piece: &Piece<'_>) {
        let own = if self.slot == Source::B { piece.b } else { piece.a };
        append_mono(&mut self.own, own, piece.frames);
        append_mono(&mut self.reference, piece.reference, piece.frames);
    }
}
