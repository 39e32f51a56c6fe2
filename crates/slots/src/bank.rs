//! What a bank is made of, and how the pair of its halves is born.

use crate::audio::BankAudio;
use crate::control::BankControl;
use crate::readout::Snapshot;
use crate::shared::Shared;
use rtrb::RingBuffer;
use std::fmt;
use std::sync::Arc;
use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::{HostFrames, ModelLevels, Processor, SampleRate};

/// Installs that can wait for the audio thread.
const INSTALL_RING: usize = 8;

/// Retired units that can wait for [`BankControl::collect`].
const RETURN_RING: usize = 8;

/// Which slot is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Source {
    /// Slot 0.
    #[default]
    A = 0,
    /// Slot 1.
    B = 1,
}

impl Source {
    /// The slot's index.
    pub const fn slot(self) -> usize {
        self as usize
    }

    pub(crate) const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::B,
            _ => Self::A,
        }
    }
}

/// The range of one knob in the model's own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnobRange {
    /// Value at position 0.
    pub min: f32,
    /// Value at position 1.
    pub max: f32,
}

impl KnobRange {
    /// The value at `position` (0 … 1), in the knob's own unit.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn value(self, position: f32) -> f32 {
        let position = position.clamp(0.0, 1.0);
        // Both ends are exact.
        self.min * (1.0 - position) + self.max * position
    }
}

/// What is installed in a slot. Built and dropped off the audio thread.
pub struct Unit {
    /// The model, ready to run at the bank's rate, with the bank's channel counts.
    pub processor: Box<dyn Processor>,
    /// Chosen by whoever installs it, shown in the read-out; `u64::MAX` is reserved.
    pub id: u64,
    /// Ranges of its knobs, in the order of [`Processor::set_knob`]; at most [`KNOBS`](tonegraft_core::KNOBS) are moved.
    pub knobs: Vec<KnobRange>,
    /// What it tells of its levels.
    pub levels: ModelLevels,
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit")
            .field("id", &self.id)
            .field("facts", &self.processor.facts())
            .field("knobs", &self.knobs)
            .finish()
    }
}

/// How a bank is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankConfig {
    /// The host's rate.
    pub rate: SampleRate,
    /// Input channels, 1 ..= [`MAX_CHANNELS`]; others are clamped.
    pub inputs: usize,
    /// Output channels, 1 ..= [`MAX_CHANNELS`]; others are clamped. An empty slot copies input channel
    /// `min(channel, inputs − 1)`.
    pub outputs: usize,
    /// Frames processed in one go; longer blocks are cut. At least 1.
    pub max_frames: usize,
    /// Length of a crossfade. At least 1.
    pub fade: HostFrames,
    /// The longest total latency; units above it are refused, the reserve is clamped to it.
    pub max_latency: HostFrames,
    /// Latency to report at least, so that later swaps need not change it.
    pub reserve: HostFrames,
}

impl BankConfig {
    /// Crossfades of 5 ms, pieces of 512 frames, at most one second of latency, no reserve.
    pub fn new(rate: SampleRate, inputs: usize, outputs: usize) -> Self {
        let frames = |seconds| HostFrames::new(u32::try_from(rate.frames(seconds)).unwrap_or(u32::MAX));
        Self {
            rate,
            inputs,
            outputs,
            max_frames: 512,
            fade: frames(0.005),
            max_latency: frames(1.0),
            reserve: HostFrames::ZERO,
        }
    }

    fn clamped(mut self) -> Self {
        self.inputs = self.inputs.clamp(1, MAX_CHANNELS);
        self.outputs = self.outputs.clamp(1, MAX_CHANNELS);
        self.max_frames = self.max_frames.max(1);
        self.fade = self.fade.max(HostFrames::new(1));
        self.reserve = self.reserve.min(self.max_latency);
        self
    }
}

/// Builds a bank with empty slots, which plays the dry input. Not on the audio thread.
#[expect(clippy::disallowed_methods, reason = "built off the audio thread")]
pub fn bank(config: BankConfig) -> (BankControl, BankAudio) {
    let config = config.clamped();
    let shared = Arc::new(Shared::new(config.reserve));
    let (installs_in, installs_out) = RingBuffer::new(INSTALL_RING);
    let (returns_in, returns_out) = RingBuffer::new(RETURN_RING);
    let (snapshot_in, snapshot_out) = triple_buffer::triple_buffer(&Snapshot::default());
    let audio = BankAudio::new(config, installs_out, returns_in, snapshot_in, Arc::clone(&shared));
    let builder = audio.voice_builder();
    let control = BankControl::new(builder, installs_in, returns_out, snapshot_out, shared);
    (control, audio)
}
