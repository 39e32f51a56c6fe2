//! Records a passage of what comes in, and replays it in place of it, so that a test needs no transport.
//!
//! Born as a pair, as a bank. The control half allocates the storage and sends it to the audio half, which fills it and sends it back;
//! the recording then is a [`Passage`] that both may read. Nothing is freed on the audio thread.
//!
//! **Loop.** A part of `n` frames is played over and over. Its last frames are crossfaded with its first (over 5 ms, or half of it if it
//! is shorter), so that one turn takes `n` less one fade. Towards the replay and back to the live input it is a crossfade, too.

use crate::fade::{Fade, crossfade};
use rtrb::{Consumer, Producer, RingBuffer};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::{AudioBuffer, SampleRate, raised_cosine};

/// The longest passage, in seconds.
pub const MAX_CAPTURE_SECONDS: f64 = 20.0;

/// Duration of every crossfade, in seconds.
const FADE_SECONDS: f64 = 0.005;

/// Frames blended in one go.
const PIECE: usize = 128;

/// Commands, or answers, that can wait.
const RING: usize = 8;

/// How a capture is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureConfig {
    /// The host's rate.
    pub rate: SampleRate,
    /// Main input channels, at most [`MAX_CHANNELS`].
    pub inputs: usize,
    /// Side-chain channels, at most [`MAX_CHANNELS`]; may be 0.
    pub references: usize,
}

/// What was recorded.
#[derive(Debug)]
pub struct Passage {
    rate: SampleRate,
    frames: usize,
    input: AudioBuffer,
    reference: AudioBuffer,
}

impl Passage {
    /// The rate it was recorded at.
    pub const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Its length.
    pub const fn frames(&self) -> usize {
        self.frames
    }

    /// The main input, `[inputs, frames]`.
    pub const fn input(&self) -> &AudioBuffer {
        &self.input
    }

    /// The side-chain, `[references, frames]`.
    pub const fn reference(&self) -> &AudioBuffer {
        &self.reference
    }
}

/// How far a capture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureState {
    /// Nothing was recorded.
    Idle,
    /// It records.
    Recording {
        /// Frames so far.
        frames: usize,
    },
    /// There is a passage.
    Ready {
        /// Its length.
        frames: usize,
    },
    /// The passage is played in place of the input.
    Replaying {
        /// The frame of the passage that is played next.
        frame: usize,
    },
}

/// Why a capture was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// A length that cannot be recorded.
    #[error("a passage of {seconds} s cannot be recorded; ask for more than 0 and at most {MAX_CAPTURE_SECONDS} s")]
    Length {
        /// What was asked for.
        seconds: f64,
    },
    /// There is no passage.
    #[error("nothing has been recorded yet; record a passage first")]
    NoPassage,
    /// A part that the passage does not have.
    #[error(
        "frames {begin} to {end} are no part of a passage of {frames} frames; choose a part of at least one frame within it"
    )]
    Part {
        /// First frame.
        begin: usize,
        /// Frame behind the last.
        end: usize,
        /// Length of the passage.
        frames: usize,
    },
    /// The audio thread has not taken the last commands.
    #[error("the audio thread does not run or is behind; start playback and try again")]
    Busy,
}

/// Storage that is being filled.
#[derive(Debug)]
struct Recording {
    input: AudioBuffer,
    reference: AudioBuffer,
    frames: usize,
    capacity: usize,
}

impl Recording {
    /// Takes what fits; true if it is full.
    fn write(&mut self, input: &[&mut [f32]], reference: &[&mut [f32]], frames: usize) -> bool {
        let count = frames.min(self.capacity - self.frames);
        let part = self.frames..self.frames + count;
        for (store, channels) in [(&mut self.input, input), (&mut self.reference, reference)] {
            for (place, channel) in store.iter_mut().zip(channels) {
                for (place, sample) in place
                    .get_mut(part.clone())
                    .unwrap_or(&mut [])
                    .iter_mut()
                    .zip(&**channel)
                {
                    *place = if sample.is_finite() { *sample } else { 0.0 };
                }
            }
        }
        self.frames += count;
        self.frames == self.capacity
    }
}

/// A part of a passage, played over and over.
#[derive(Debug)]
struct Loop {
    passage: Arc<Passage>,
    begin: usize,
    /// Frames of the part.
    length: usize,
    /// Gains of the crossfade at its end.
    seam: Box<[f32]>,
    /// The frame of the part that is played next.
    at: usize,
}

impl Loop {
    const fn next(&self, at: usize) -> usize {
        let next = at + 1;
        if next >= self.length { self.seam.len() } else { next }
    }

    /// `out.len()` frames of a channel from [`Self::at`] on.
    fn read(&self, channel: &[f32], out: &mut [f32]) {
        let sample = |at: usize| channel.get(self.begin + at).copied().unwrap_or(0.0);
        let seam = self.length - self.seam.len();
        let mut at = self.at;
        for out in out {
            *out = sample(at);
            if let Some(into) = at.checked_sub(seam)
                && let Some(gain) = self.seam.get(into)
            {
                *out += (sample(into) - *out) * gain;
            }
            at = self.next(at);
        }
    }

    fn advance(&mut self, frames: usize) {
        for _ in 0..frames {
            self.at = self.next(self.at);
        }
    }
}

enum Command {
    Record(Box<Recording>),
    Stop,
    Replay(Option<Box<Loop>>),
}

enum Answer {
    Recording(Box<Recording>),
    Loop(Box<Loop>),
}

#[derive(Debug, Default)]
struct Progress {
    recorded: AtomicUsize,
    replayed: AtomicUsize,
}

/// Builds both halves; not on the audio thread. The storage of a passage comes with [`CaptureControl::arm`].
#[expect(clippy::disallowed_methods, reason = "built off the audio thread")]
pub fn capture(config: CaptureConfig) -> (CaptureControl, CaptureAudio) {
    let config = CaptureConfig {
        inputs: config.inputs.min(MAX_CHANNELS),
        references: config.references.min(MAX_CHANNELS),
        ..config
    };
    let (commands_in, commands_out) = RingBuffer::new(RING);
    // Whatever waits in the command ring, and what is there, has a place to come back to.
    let (answers_in, answers_out) = RingBuffer::new(2 * RING);
    let progress = Arc::new(Progress::default());
    let control = CaptureControl {
        config,
        commands: commands_in,
        answers: answers_out,
        passage: None,
        recordings: 0,
        replaying: None,
        progress: Arc::clone(&progress),
    };
    let audio = CaptureAudio {
        fade: Fade::new(config.rate.frames(FADE_SECONDS)),
        commands: commands_out,
        answers: answers_in,
        recording: None,
        playing: None,
        coming: None,
        aside: AudioBuffer::new(2, PIECE),
        progress,
    };
    (control, audio)
}

/// The half of a capture that belongs to the control side: one thread at a time, never the audio thread.
pub struct CaptureControl {
    config: CaptureConfig,
    commands: Producer<Command>,
    answers: Consumer<Answer>,
    passage: Option<Arc<Passage>>,
    /// Recordings on their way there or back; only the last counts.
    recordings: usize,
    /// First frame of the part that is replayed.
    replaying: Option<usize>,
    progress: Arc<Progress>,
}

impl std::fmt::Debug for CaptureControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureControl")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl CaptureControl {
    /// How it was built.
    pub const fn config(&self) -> &CaptureConfig {
        &self.config
    }

    /// Records the next `seconds` seconds, or until [`Self::stop`]; ends a replay. The passage recorded before is kept until the new one
    /// is complete.
    ///
    /// # Errors
    /// More than [`MAX_CAPTURE_SECONDS`], no length at all, or an audio thread that does not run.
    #[expect(clippy::disallowed_methods, reason = "not on the audio thread")]
    pub fn arm(&mut self, seconds: f64) -> Result<(), CaptureError> {
        self.collect();
        // At the lowest rates a short time may be no frame.
        let frames = if seconds > 0.0 && seconds <= MAX_CAPTURE_SECONDS {
            self.config.rate.frames(seconds)
        } else {
            0
        };
        if frames == 0 {
            return Err(CaptureError::Length { seconds });
        }
        if self.commands.slots() < 2 {
            return Err(CaptureError::Busy);
        }
        if self.replaying.is_some() {
            self.send(Command::Replay(None))?;
            self.replaying = None;
        }
        self.send(Command::Record(Box::new(Recording {
            input: AudioBuffer::new(self.config.inputs, frames),
            reference: AudioBuffer::new(self.config.references, frames),
            frames: 0,
            capacity: frames,
        })))?;
        self.progress.recorded.store(0, Ordering::Release);
        self.recordings += 1;
        Ok(())
    }

    /// Ends a recording: what was recorded until the audio thread hears of it is the passage.
    ///
    /// # Errors
    /// An audio thread that does not run.
    pub fn stop(&mut self) -> Result<(), CaptureError> {
        self.collect();
        if self.recordings > 0 {
            self.send(Command::Stop)
        } else {
            Ok(())
        }
    }

    /// Plays `part` of the passage over and over in place of the input (`None`: the input again).
    ///
    /// # Errors
    /// No passage, a part that it does not have, or an audio thread that does not run.
    #[expect(clippy::disallowed_methods, reason = "not on the audio thread")]
    pub fn replay(&mut self, part: Option<Range<usize>>) -> Result<(), CaptureError> {
        self.collect();
        let Some(part) = part else {
            self.send(Command::Replay(None))?;
            self.replaying = None;
            return Ok(());
        };
        let passage = self.passage.as_ref().ok_or(CaptureError::NoPassage)?;
        if part.is_empty() || part.end > passage.frames {
            return Err(CaptureError::Part {
                begin: part.start,
                end: part.end,
                frames: passage.frames,
            });
        }
        let length = part.len();
        let fade = self.config.rate.frames(FADE_SECONDS).min(length / 2);
        let replay = Loop {
            passage: Arc::clone(passage),
            begin: part.start,
            length,
            seam: raised_cosine(fade).collect(),
            at: 0,
        };
        self.send(Command::Replay(Some(Box::new(replay))))?;
        self.progress.replayed.store(part.start, Ordering::Release);
        self.replaying = Some(part.start);
        Ok(())
    }

    /// How far it is.
    pub fn state(&mut self) -> CaptureState {
        self.collect();
        if self.replaying.is_some() {
            let frame = self.progress.replayed.load(Ordering::Acquire);
            CaptureState::Replaying { frame }
        } else if self.recordings > 0 {
            let frames = self.progress.recorded.load(Ordering::Acquire);
            CaptureState::Recording { frames }
        } else {
            let frames = self.passage.as_ref().map(|passage| passage.frames);
            frames.map_or(CaptureState::Idle, |frames| CaptureState::Ready { frames })
        }
    }

    /// The last complete passage.
    pub fn passage(&mut self) -> Option<Arc<Passage>> {
        self.collect();
        self.passage.clone()
    }

    fn send(&mut self, command: Command) -> Result<(), CaptureError> {
        self.commands.push(command).map_err(|_| CaptureError::Busy)
    }

    /// Takes what the audio thread has sent back.
    #[expect(clippy::disallowed_methods, reason = "not on the audio thread")]
    fn collect(&mut self) {
        while let Ok(answer) = self.answers.pop() {
            let recording = match answer {
                Answer::Recording(recording) => *recording,
                Answer::Loop(replayed) => {
                    drop(replayed);
                    continue;
                }
            };
            self.recordings = self.recordings.saturating_sub(1);
            if self.recordings > 0 || recording.frames == 0 {
                continue;
            }
            let cut = |buffer: AudioBuffer| {
                let mut channels = buffer.into_channels();
                for channel in &mut channels {
                    channel.truncate(recording.frames);
                    channel.shrink_to_fit();
                }
                AudioBuffer::from_channels(channels)
            };
            self.passage = Some(Arc::new(Passage {
                rate: self.config.rate,
                frames: recording.frames,
                input: cut(recording.input),
                reference: cut(recording.reference),
            }));
        }
    }
}

/// The half of a capture that belongs to the audio thread. Drop it off the audio thread.
pub struct CaptureAudio {
    fade: Fade,
    commands: Consumer<Command>,
    answers: Producer<Answer>,
    recording: Option<Box<Recording>>,
    /// What is heard; `None`: the input.
    playing: Option<Box<Loop>>,
    /// What is crossfaded to, and the frames of the crossfade done.
    coming: Option<(Option<Box<Loop>>, usize)>,
    /// Two channels of one piece: what goes and what comes.
    aside: AudioBuffer,
    progress: Arc<Progress>,
}

impl std::fmt::Debug for CaptureAudio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptureAudio").finish_non_exhaustive()
    }
}

impl CaptureAudio {
    /// Records `input` and `reference`, then replaces them if a passage is replayed. `[channels, frames]`, all of one length; what is
    /// longer than the shortest channel stays as it is.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn process(&mut self, input: &mut [&mut [f32]], reference: &mut [&mut [f32]]) {
        let frames = input.iter().chain(reference.iter()).map(|channel| channel.len()).min();
        let frames = frames.unwrap_or(0);
        self.poll();
        if let Some(recording) = &mut self.recording {
            let full = recording.write(input, reference, frames);
            self.progress.recorded.store(recording.frames, Ordering::Release);
            if full {
                self.end_recording();
            }
        }
        let mut done = 0;
        while done < frames && (self.playing.is_some() || self.coming.is_some()) {
            let mut count = (frames - done).min(PIECE);
            if let Some((_, faded)) = &self.coming {
                count = count.min(self.fade.len() - faded);
            }
            self.piece(input, done, count, Passage::input);
            self.piece(reference, done, count, Passage::reference);
            self.advance(count);
            done += count;
        }
        if let Some(playing) = &self.playing {
            let frame = playing.begin + playing.at;
            self.progress.replayed.store(frame, Ordering::Release);
        }
    }

    /// Ends a crossfade at once and starts the replay from its beginning. A recording goes on.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn reset(&mut self) {
        if self.coming.is_some() {
            self.arrive();
        }
        if let Some(playing) = &mut self.playing {
            playing.at = 0;
        }
    }

    fn poll(&mut self) {
        // Each command frees one thing at most, now or later.
        while self.answers.slots() >= 4 {
            let fading = self.coming.is_some();
            match self.commands.peek() {
                Ok(Command::Replay(_)) if fading => return,
                Ok(_) => {}
                Err(_) => return,
            }
            match self.commands.pop() {
                Ok(Command::Record(recording)) => {
                    self.end_recording();
                    self.recording = Some(recording);
                }
                Ok(Command::Stop) => self.end_recording(),
                Ok(Command::Replay(replay)) => {
                    if replay.is_some() || self.playing.is_some() {
                        self.coming = Some((replay, 0));
                    }
                }
                Err(_) => return,
            }
        }
    }

    fn end_recording(&mut self) {
        if let Some(recording) = self.recording.take() {
            self.send_back(Answer::Recording(recording));
        }
    }

    fn send_back(&mut self, answer: Answer) {
        if let Err(rtrb::PushError::Full(answer)) = self.answers.push(answer) {
            // Not reached: places are reserved. Leaked and not freed here.
            std::mem::forget(answer);
        }
    }

    /// Replaces `count` frames of the live `channels` from `start` on.
    fn piece(&mut self, channels: &mut [&mut [f32]], start: usize, count: usize, of: fn(&Passage) -> &AudioBuffer) {
        let Self {
            fade,
            playing,
            coming,
            aside,
            ..
        } = self;
        let mut rows = aside.iter_mut();
        let (Some(old), Some(new)) = (rows.next(), rows.next()) else {
            return;
        };
        let (old, new) = (old.get_mut(..count), new.get_mut(..count));
        let (Some(old), Some(new)) = (old, new) else {
            return;
        };
        let fill = |source: Option<&Loop>, index: usize, live: &[f32], out: &mut [f32]| match source {
            Some(source) => source.read(of(&source.passage).channel(index), out),
            None => out.copy_from_slice(live),
        };
        for (index, channel) in channels.iter_mut().enumerate() {
            let Some(live) = channel.get_mut(start..start + count) else {
                continue;
            };
            fill(playing.as_deref(), index, live, old);
            if let Some((coming, faded)) = coming {
                fill(coming.as_deref(), index, live, new);
                crossfade(old, new, fade.from(*faded));
            }
            live.copy_from_slice(old);
        }
    }

    fn advance(&mut self, frames: usize) {
        if let Some(playing) = &mut self.playing {
            playing.advance(frames);
        }
        if let Some((coming, faded)) = &mut self.coming {
            if let Some(coming) = coming {
                coming.advance(frames);
            }
            *faded += frames;
            if *faded >= self.fade.len() {
                self.arrive();
            }
        }
    }

    fn arrive(&mut self) {
        if let Some((coming, _)) = self.coming.take()
            && let Some(old) = std::mem::replace(&mut self.playing, coming)
        {
            self.send_back(Answer::Loop(old));
        }
    }
}
