//! The anchor of a likeness test as a processor: what a bad model of a device would be, a tanh with a filter behind it.
//!
//! ```text
//! input ─ · drive ─ tanh ─ FIR · gain ─ output
//! ```
//!
//! `tonegraft_analysis::listening::anchor_fit` finds drive, gain and taps for a device. It is installed in a slot as a model is, and
//! hidden among the trials of a test. No latency: the filter is a cab's convolver.

use crate::cab::{Convolver, ImpulseResponse, IrError, IrLevel, Recording};
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_core::processor::{block_frames, silence};
use tonegraft_core::{Facts, Fault, Processor, SampleRate};
use tonegraft_kernels::activation::Function;
use tonegraft_kernels::{Activation, Isa};

/// The most taps.
pub const MAX_TAPS: usize = 1_024;

/// Beyond this the tanh is 1 in `f32`.
const SATURATED: f32 = 20.0;

/// Frames that are shaped at a time.
const PIECE: usize = 64;

/// Why there is no anchor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// Not finite, or not above 0.
    #[error("an anchor's drive and gain have to be positive numbers; drive is {drive}, gain is {gain}")]
    Factors {
        /// Factor before the tanh.
        drive: f64,
        /// Factor behind the filter.
        gain: f64,
    },
    /// More than [`MAX_TAPS`].
    #[error("an anchor's filter has at most {MAX_TAPS} taps, not {taps}")]
    TooLong {
        /// So many.
        taps: usize,
    },
    /// The filter cannot be played: none, silent, NaN, far too loud.
    #[error("an anchor's filter cannot be played: {0}")]
    Filter(#[source] IrError),
}

/// One tanh for each channel, and one filter for all. One or two channels, mono or stereo.
#[derive(Debug)]
pub struct Anchor {
    drive: f32,
    tanh: Activation,
    filter: Convolver,
    /// What the tanh made of the inputs, up to [`PIECE`] frames.
    shaped: [[f32; PIECE]; 2],
}

impl Anchor {
    /// `output = gain · Σ taps[k] · tanh(drive · input[n − k])` on `channels` channels (1 or 2, others are clamped) at the host's `rate`.
    /// Allocates: not on the audio thread.
    ///
    /// # Errors
    /// See [`AnchorError`].
    pub fn new(drive: f64, gain: f64, taps: &[f32], rate: SampleRate, channels: usize) -> Result<Self, AnchorError> {
        Self::with_isa(Isa::detect(), drive, gain, taps, rate, channels)
    }

    /// As [`Self::new`], with the instruction set chosen; one that this machine lacks is replaced by the plainest.
    ///
    /// # Errors
    /// See [`AnchorError`].
    // The factors are meant to be rounded; beyond f32 they are infinite, which is refused.
    #[allow(clippy::cast_possible_truncation)]
    #[expect(
        clippy::disallowed_methods,
        clippy::disallowed_macros,
        reason = "built off the audio thread"
    )]
    pub fn with_isa(
        isa: Isa,
        drive: f64,
        gain: f64,
        taps: &[f32],
        rate: SampleRate,
        channels: usize,
    ) -> Result<Self, AnchorError> {
        let positive = |factor: f64| (factor as f32).is_finite() && factor as f32 > 0.0;
        if !positive(drive) || !positive(gain) {
            return Err(AnchorError::Factors { drive, gain });
        }
        if taps.len() > MAX_TAPS {
            return Err(AnchorError::TooLong { taps: taps.len() });
        }
        let recording = Recording {
            channels: vec![taps.iter().map(|tap| (gain * f64::from(*tap)) as f32).collect()],
            rate,
        };
        let response = ImpulseResponse::new(&recording, rate, IrLevel::File).map_err(AnchorError::Filter)?;
        let channels = channels.clamp(1, 2);
        Ok(Self {
            drive: drive as f32,
            tanh: Activation::new(Function::Tanh, isa),
            filter: Convolver::with_isa(isa, &response, channels, channels),
            shaped: [[0.0; PIECE]; 2],
        })
    }

    /// `count` frames from `start` on, at most [`PIECE`].
    fn piece(&mut self, input: &[&[f32]], output: &mut [&mut [f32]], start: usize, count: usize) -> Fault {
        let mut fault = Fault::None;
        for (shaped, input) in self.shaped.iter_mut().zip(input) {
            let (Some(shaped), Some(input)) = (shaped.get_mut(..count), input.get(start..start + count)) else {
                continue;
            };
            for (y, x) in shaped.iter_mut().zip(input) {
                let driven = self.drive * x;
                // A product beyond f32 saturates; NaN and infinite input is silence.
                *y = if x.is_finite() {
                    driven.clamp(-SATURATED, SATURATED)
                } else {
                    fault = Fault::NonFiniteInput;
                    0.0
                };
            }
            self.tanh.apply(shaped);
        }
        let [left, right] = &self.shaped;
        let (left, right) = (left.get(..count).unwrap_or(&[]), right.get(..count).unwrap_or(&[]));
        let made = match output {
            [only] => {
                let only = only.get_mut(start..start + count).unwrap_or(&mut []);
                self.filter.process(&[left], &mut [only])
            }
            [first, second] => {
                let first = first.get_mut(start..start + count).unwrap_or(&mut []);
                let second = second.get_mut(start..start + count).unwrap_or(&mut []);
                self.filter.process(&[left, right], &mut [first, second])
            }
            _ => Fault::BadBlock,
        };
        fault.worst(made)
    }
}

impl Processor for Anchor {
    fn facts(&self) -> Facts {
        self.filter.facts()
    }

    fn reset(&mut self) {
        self.filter.reset();
    }

    fn set_knob(&mut self, _index: usize, _value: f32) {}

    fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let _flush = FlushDenormals::new();
        let Some(frames) = block_frames(&self.facts(), input, output) else {
            silence(output);
            return Fault::BadBlock;
        };
        let mut fault = Fault::None;
        let mut done = 0;
        while done < frames {
            let count = PIECE.min(frames - done);
            fault = fault.worst(self.piece(input, output, done, count));
            done += count;
        }
        fault
    }
}
