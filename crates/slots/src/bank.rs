//! What a bank is made of, and how the pair of its halves is born.

use crate::audio::BankAudio;
use crate::audio::Ends as AudioEnds;
use crate::control::{BankControl, Ends as ControlEnds};
use crate::orders::Orders;
use crate::readout::Snapshot;
use crate::shared::Shared;
use rtrb::RingBuffer;
use std::fmt;
use std::sync::Arc;
use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::{FILTER_TAPS, HostFrames, KnobRange, ModelLevels, Processor, SampleRate};

/// Installs that can wait for the audio thread.
const INSTALL_RING: usize = 24;

/// Retired units that can wait for [`BankControl::collect`].
const RETURN_RING: usize = 24;

/// The most by which an alignment can advance a source, in seconds.
const ADVANCE_SECONDS: f64 = 0.1;

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
    /// Side-chain channels: 0 (there is no reference), 1 or 2; others are clamped. A mono one is heard on all outputs, of a stereo one a
    /// mono output hears the mean.
    pub references: usize,
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
    /// Crossfades of 5 ms, pieces of 512 frames, at most one second of latency, no reserve, no side-chain.
    pub fn new(rate: SampleRate, inputs: usize, outputs: usize) -> Self {
        let frames = |seconds| HostFrames::new(u32::try_from(rate.frames(seconds)).unwrap_or(u32::MAX));
        Self {
            rate,
            inputs,
            outputs,
            references: 0,
            max_frames: 512,
            fade: frames(0.005),
            max_latency: frames(1.0),
            reserve: HostFrames::ZERO,
        }
    }

    /// The most by which an alignment can advance a source, in frames.
    pub(crate) fn max_advance(&self) -> usize {
        self.rate.frames(ADVANCE_SECONDS)
    }

    /// The longest delay of a source, filter included.
    pub(crate) fn longest_delay(&self) -> usize {
        self.max_latency.as_usize() + self.max_advance() + FILTER_TAPS
    }

    fn clamped(mut self) -> Self {
        self.inputs = self.inputs.clamp(1, MAX_CHANNELS);
        self.outputs = self.outputs.clamp(1, MAX_CHANNELS);
        self.references = self.references.min(2);
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
    let (orders_in, orders_out) = triple_buffer::triple_buffer(&Orders::START);
    let (tap_in, tap_out) = RingBuffer::new(1);
    let audio = BankAudio::new(
        config,
        AudioEnds {
            installs: installs_out,
            returns: returns_in,
            snapshots: snapshot_in,
            orders: orders_out,
            tap: tap_out,
        },
        Arc::clone(&shared),
    );
    let ends = ControlEnds {
        installs: installs_in,
        returns: returns_out,
        snapshots: snapshot_out,
        orders: orders_in,
        tap: tap_in,
    };
    let control = BankControl::new(audio.voice_builder(), ends, shared);
    (control, audio)
}
