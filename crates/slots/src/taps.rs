//! What the audio thread lets others look at: aligned pieces of all that is compared, through a ring without locks.

use crate::bank::BankConfig;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The most channels per signal; more are left out.
pub const TAP_CHANNELS: usize = 2;

/// Frames of a whole piece; the last before a reset or the end of tapping may have fewer.
pub const TAP_FRAMES: usize = 256;

/// Signals in a piece.
const SIGNALS: usize = 5;

/// Seconds that the ring holds.
const SECONDS: f64 = 1.0;

/// A piece of all signals, over the same frames. Signals are `[channels, frames]`, at most [`TAP_CHANNELS`] of each.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The first frame, counted from the bank's reset.
    pub frame: u64,
    /// Frames of each signal.
    pub frames: usize,
    /// What came into the bank, undelayed.
    pub input: &'a [&'a [f32]],
    /// Slot A as it would be heard: delayed to the common time, trimmed, with its polarity. Silence while it sleeps.
    pub a: &'a [&'a [f32]],
    /// Slot B, likewise.
    pub b: &'a [&'a [f32]],
    /// The side-chain as it came in, undelayed, untrimmed, laid out as the output. Empty without one.
    pub reference: &'a [&'a [f32]],
    /// What came out of the bank. Silence during a test, as it would tell what is heard.
    pub output: &'a [&'a [f32]],
}

/// What travels before a piece's samples.
#[derive(Clone, Copy, Debug)]
struct Header {
    frame: u64,
    frames: usize,
}

/// Channels of each signal.
#[derive(Clone, Copy, Debug)]
struct Widths([usize; SIGNALS]);

impl Widths {
    fn new(config: &BankConfig) -> Self {
        let (inputs, outputs) = (config.inputs.min(TAP_CHANNELS), config.outputs.min(TAP_CHANNELS));
        let reference = if config.references > 0 { outputs } else { 0 };
        Self([inputs, outputs, outputs, reference, outputs])
    }

    fn total(self) -> usize {
        self.0.iter().sum()
    }
}

/// Builds both ends; allocates.
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "built off the audio thread"
)]
pub(crate) fn taps(config: &BankConfig) -> (Box<TapWriter>, TapReader) {
    let widths = Widths::new(config);
    let pieces = config.rate.frames(SECONDS).div_ceil(TAP_FRAMES) + 1;
    let (headers_in, headers_out) = RingBuffer::new(pieces);
    let (samples_in, samples_out) = RingBuffer::new(pieces * TAP_FRAMES * widths.total());
    let dropped = Arc::new(AtomicU64::new(0));
    let writer = Box::new(TapWriter {
        headers: headers_in,
        samples: samples_in,
        gathered: vec![0.0; TAP_FRAMES * widths.total()].into_boxed_slice(),
        filled: 0,
        widths,
        dropped: Arc::clone(&dropped),
    });
    let reader = TapReader {
        ends: Some(Ends {
            headers: headers_out,
            samples: samples_out,
            piece: vec![0.0; TAP_FRAMES * widths.total()].into_boxed_slice(),
            widths,
            dropped,
        }),
    };
    (writer, reader)
}

/// The audio thread's end.
#[derive(Debug)]
pub(crate) struct TapWriter {
    headers: Producer<Header>,
    samples: Producer<f32>,
    /// The piece that is being filled: channels one after the other, `TAP_FRAMES` each.
    gathered: Box<[f32]>,
    filled: usize,
    widths: Widths,
    dropped: Arc<AtomicU64>,
}

impl TapWriter {
    /// Takes `frames` frames of all signals, of which the first is frame `position` since reset. Missing channels are silence.
    pub(crate) fn write(&mut self, position: u64, signals: [&[&[f32]]; SIGNALS], frames: usize) {
        let mut done = 0;
        while done < frames {
            let count = (frames - done).min(TAP_FRAMES - self.filled);
            let mut places = self.gathered.chunks_exact_mut(TAP_FRAMES);
            for (signal, width) in signals.iter().zip(self.widths.0) {
                for (index, place) in places.by_ref().take(width).enumerate() {
                    let place = place.get_mut(self.filled..self.filled + count).unwrap_or(&mut []);
                    match signal.get(index).and_then(|channel| channel.get(done..done + count)) {
                        Some(from) => place.copy_from_slice(from),
                        None => place.fill(0.0),
                    }
                }
            }
            self.filled += count;
            done += count;
            if self.filled == TAP_FRAMES {
                self.flush(position.wrapping_add(done as u64));
            }
        }
    }

    /// Sends what is gathered; `end`: the frame behind it.
    pub(crate) fn flush(&mut self, end: u64) {
        let frames = std::mem::take(&mut self.filled);
        if frames == 0 {
            return;
        }
        let header = Header {
            frame: end.wrapping_sub(frames as u64),
            frames,
        };
        let room = !self.headers.is_full();
        match self.samples.write_chunk(frames * self.widths.total()) {
            Ok(mut chunk) if room => {
                let (first, second) = chunk.as_mut_slices();
                let gathered = self.gathered.chunks_exact(TAP_FRAMES);
                let samples = gathered.flat_map(|channel| channel.iter().take(frames));
                for (place, sample) in first.iter_mut().chain(second).zip(samples) {
                    *place = *sample;
                }
                chunk.commit_all();
                // There was room.
                let _ = self.headers.push(header);
            }
            _ => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[derive(Debug)]
struct Ends {
    headers: Consumer<Header>,
    samples: Consumer<f32>,
    piece: Box<[f32]>,
    widths: Widths,
    dropped: Arc<AtomicU64>,
}

/// The end of the taps that is read, by one thread at a time, never the audio thread. Before
/// [`BankControl::set_tapping`](crate::BankControl::set_tapping) there is nothing in it.
#[derive(Debug, Default)]
pub struct TapReader {
    ends: Option<Ends>,
}

impl TapReader {
    /// Calls `look` with every piece that waits, oldest first; returns how many. Does not wait.
    pub fn read(&mut self, mut look: impl FnMut(Piece<'_>)) -> usize {
        let Some(ends) = &mut self.ends else {
            return 0;
        };
        let mut count = 0;
        // No more than the ring holds: a writer that is faster than `look` must not keep it for ever.
        for _ in 0..ends.headers.slots() {
            let Ok(header) = ends.headers.pop() else {
                break;
            };
            let length = header.frames * ends.widths.total();
            let Ok(chunk) = ends.samples.read_chunk(length) else {
                break;
            };
            let (first, second) = chunk.as_slices();
            for (place, sample) in ends.piece.iter_mut().zip(first.iter().chain(second)) {
                *place = *sample;
            }
            chunk.commit_all();
            let mut views: [[&[f32]; TAP_CHANNELS]; SIGNALS] = [[&[]; TAP_CHANNELS]; SIGNALS];
            let mut channels = ends.piece.chunks_exact(header.frames.max(1));
            for (signal, width) in views.iter_mut().zip(ends.widths.0) {
                for (view, channel) in signal.iter_mut().take(width).zip(channels.by_ref()) {
                    *view = channel;
                }
            }
            let [input, a, b, reference, output] = &views;
            let [inputs, of_a, of_b, references, outputs] = ends.widths.0;
            look(Piece {
                frame: header.frame,
                frames: header.frames,
                input: input.get(..inputs).unwrap_or(&[]),
                a: a.get(..of_a).unwrap_or(&[]),
                b: b.get(..of_b).unwrap_or(&[]),
                reference: reference.get(..references).unwrap_or(&[]),
                output: output.get(..outputs).unwrap_or(&[]),
            });
            count += 1;
        }
        count
    }

    /// Pieces that found no room, since tapping was first asked for. Gaps also show in [`Piece::frame`].
    pub fn dropped(&self) -> u64 {
        self.ends
            .as_ref()
            .map_or(0, |ends| ends.dropped.load(Ordering::Relaxed))
    }
}
