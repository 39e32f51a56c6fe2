//! What the user can ask for.

use super::browser::BrowserEdit;
use super::test::{Answer, Stimulus, TestPlan};
use super::{Shade, Source};
use crate::playable::Way;
use crate::shared::Wish;
use std::path::PathBuf;

/// What is done about where a source lies in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlignEdit {
    /// Measure its delay and polarity.
    Measure,
    /// Take out what was measured.
    Apply,
    /// Take nothing out.
    Clear,
    /// Add this many frames instead of what was added before.
    Nudge(f64),
    /// Let measurements change nothing, or let them again.
    Lock(bool),
    /// Turn the polarity round, or leave it.
    Invert(bool),
}

/// What is done with the recorder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CaptureEdit {
    /// Record at most this many seconds.
    Record(f32),
    /// Stop recording, or replaying.
    Stop,
    /// Repeat the part in place of the input.
    Replay,
    /// Repeat this part, in seconds.
    Part([f32; 2]),
    /// Forget the recording.
    Forget,
}

/// What is done with the listening test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TestEdit {
    /// Plan it so.
    Plan(TestPlan),
    /// Begin.
    Begin,
    /// Let this be heard.
    Listen(Stimulus),
    /// This would be the answer to the trial; it can be changed until it is confirmed.
    Vote(Answer),
    /// The answer stands: on to the next trial, or to the result after the last.
    Next,
    /// A test with an open end: on to the result.
    Finish,
    /// End it now: it does not count.
    Abort,
    /// Put the result away.
    Close,
}

/// What the user asks for, apart from moving parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Load this into slot 0 or 1.
    Load(usize, Wish),
    /// Choose a file for slot 0 or 1.
    Browse(usize),
    /// Empty slot 0 or 1: it passes the input.
    Unload(usize),
    /// Play the model in slot 0 or 1 another way.
    Play(usize, Way),
    /// Exchange the slots: models, knobs, trims, alignment.
    Swap,
    /// Copy everything of slot `from` over the other.
    Copy {
        /// 0 or 1.
        from: usize,
    },
    /// Put what slot 0 or 1 holds into a program, from 0.
    StoreProgram {
        /// 0 to 15.
        program: usize,
        /// 0 or 1.
        slot: usize,
    },
    /// Empty a program, from 0.
    ClearProgram(usize),
    /// Load this impulse response.
    LoadCab(PathBuf),
    /// Choose an impulse response.
    BrowseCab,
    /// Play without one.
    RemoveCab,
    /// Keep the slot running that is not heard, or let it sleep.
    Comparing(bool),
    /// About the delay and polarity of A, B or the reference.
    Align(Source, AlignEdit),
    /// Hear the reference in time with the slots, or as it comes.
    HearAligned(bool),
    /// Measure the loudness of all and set the trims so that they are as loud.
    MatchLoudness,
    /// Reserve this many frames of latency.
    Reserve(u32),
    /// Measure the latency through the live chain.
    MeasureLatency,
    /// Compare this slot with the reference.
    CompareSlot(Source),
    /// Start the difference's figures and its map afresh.
    ResetDifference,
    /// The recorder.
    Capture(CaptureEdit),
    /// The listening test.
    Test(TestEdit),
    /// The file browser.
    Browser(BrowserEdit),
    /// Light or dark.
    Shade(Shade),
    /// Size of everything, 0.5 … 2.
    Zoom(f32),
    /// The message was read.
    Dismiss,
}
