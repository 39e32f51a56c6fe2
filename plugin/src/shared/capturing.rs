//! The recorder: a passage of main input and side-chain, replayed in place of them.

use super::Shared;
use std::ops::Range;
use std::sync::Arc;
use tonegraft_analysis::listening;
use tonegraft_library::Sha256;
use tonegraft_slots::{CaptureConfig, CaptureControl, CaptureError, CaptureState, Passage};

/// Points of the drawn envelope.
const ENVELOPE: usize = 512;

/// The control half of the recorder, and what the window needs beside.
pub(crate) struct Capturing {
    control: CaptureControl,
    /// The part that is repeated, in frames; `None`: all.
    part: Option<Range<usize>>,
    /// The passage that [`Self::envelope`] was made of, and the envelope.
    drawn: Option<(Arc<Passage>, Arc<[f32]>)>,
    /// The user put the passage away.
    forgotten: Option<Arc<Passage>>,
}

/// The recorder, for the window.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureReport {
    /// What it does.
    pub state: CaptureState,
    /// Rate of the passage, in Hz.
    pub rate: u32,
    /// Frames of the passage.
    pub frames: usize,
    /// Magnitudes along the passage, 0 … 1.
    pub envelope: Arc<[f32]>,
    /// The part that is repeated, in frames.
    pub part: Range<usize>,
}

impl Capturing {
    pub(crate) fn new(control: CaptureControl) -> Self {
        Self {
            control,
            part: None,
            drawn: None,
            forgotten: None,
        }
    }

    pub(crate) const fn config(&self) -> &CaptureConfig {
        self.control.config()
    }

    /// The last passage that was not put away.
    pub(crate) fn passage(&mut self) -> Option<Arc<Passage>> {
        let passage = self.control.passage()?;
        let forgotten = self.forgotten.as_ref();
        (!forgotten.is_some_and(|forgotten| Arc::ptr_eq(forgotten, &passage))).then_some(passage)
    }

    /// The chosen part of `passage`.
    fn part_of(&self, passage: &Passage) -> Range<usize> {
        let all = 0..passage.frames();
        match &self.part {
            Some(part) if part.start < part.end && part.end <= passage.frames() => part.clone(),
            _ => all,
        }
    }

    /// The passage and the part that is repeated.
    pub(crate) fn chosen(&mut self) -> Option<(Arc<Passage>, Range<usize>)> {
        let passage = self.passage()?;
        let part = self.part_of(&passage);
        Some((passage, part))
    }

    pub(crate) fn is_replaying(&mut self) -> bool {
        matches!(self.control.state(), CaptureState::Replaying { .. })
    }

    /// What is replayed, for the record of a test: the samples of the part, main input and side-chain, as little-endian f32.
    pub(crate) fn replayed(&mut self) -> Option<listening::Passage> {
        if !self.is_replaying() {
            return None;
        }
        let (passage, part) = self.chosen()?;
        let channels = passage.input().iter().chain(passage.reference().iter());
        let samples = channels.flat_map(|channel| channel.get(part.clone()).unwrap_or(&[]));
        let bytes: Vec<u8> = samples.flat_map(|sample| sample.to_le_bytes()).collect();
        Some(listening::Passage::Captured {
            sha256: Sha256::of(&bytes).to_string(),
            frames: part.len() as u64,
        })
    }

    fn replay(&mut self) -> Result<(), CaptureError> {
        let part = match self.chosen() {
            Some((_, part)) => part,
            None => return Err(CaptureError::NoPassage),
        };
        self.control.replay(Some(part))
    }

    fn report(&mut self) -> CaptureReport {
        let passage = self.passage();
        let state = match self.control.state() {
            CaptureState::Ready { .. } if passage.is_none() => CaptureState::Idle,
            state => state,
        };
        let envelope = passage
            .as_ref()
            .map_or_else(|| Arc::from([]), |passage| self.envelope(passage));
        CaptureReport {
            state,
            rate: self.control.config().rate.get(),
            frames: passage.as_ref().map_or(0, |passage| passage.frames()),
            envelope,
            part: passage.as_ref().map_or(0..0, |passage| self.part_of(passage)),
        }
    }

    fn envelope(&mut self, passage: &Arc<Passage>) -> Arc<[f32]> {
        if let Some((drawn, envelope)) = &self.drawn
            && Arc::ptr_eq(drawn, passage)
        {
            return Arc::clone(envelope);
        }
        let frames = passage.frames();
        let points = frames.min(ENVELOPE);
        let peak = |point: usize| {
            let part = point * frames / points..(point + 1) * frames / points;
            let channels = passage.input().iter();
            let samples = channels.flat_map(|channel| channel.get(part.clone()).unwrap_or(&[]));
            samples.fold(0.0_f32, |peak, sample| peak.max(sample.abs())).min(1.0)
        };
        let envelope: Arc<[f32]> = (0..points).map(peak).collect();
        self.drawn = Some((Arc::clone(passage), Arc::clone(&envelope)));
        envelope
    }
}

impl Shared {
    /// Records at most `seconds` seconds. What is refused leaves a sentence.
    pub fn record(&self, seconds: f64) {
        self.with_capture("what is heard was changed", |capture| {
            capture.part = None;
            capture.control.arm(seconds)
        });
    }

    /// Ends the recording, or the replay.
    pub fn stop_capture(&self) {
        self.with_capture("the passage was stopped", |capture| {
            if capture.is_replaying() {
                capture.control.replay(None)
            } else {
                capture.control.stop()
            }
        });
    }

    /// Repeats the chosen part in place of the input.
    pub fn replay(&self) {
        self.with_capture("what is heard was changed", Capturing::replay);
    }

    /// Chooses the part, in seconds.
    pub fn choose_part(&self, [begin, end]: [f32; 2]) {
        self.with_capture("the passage was changed", |capture| {
            let rate = f64::from(capture.control.config().rate.get());
            // At most 20 s, and never negative.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let frame = |seconds: f32| (f64::from(seconds).clamp(0.0, 60.0) * rate).round() as usize;
            let Some(passage) = capture.passage() else {
                return Err(CaptureError::NoPassage);
            };
            let end = frame(end).min(passage.frames());
            let begin = frame(begin);
            if begin >= end {
                return Err(CaptureError::Part {
                    begin,
                    end,
                    frames: passage.frames(),
                });
            }
            capture.part = Some(begin..end);
            if capture.is_replaying() {
                capture.replay()
            } else {
                Ok(())
            }
        });
    }

    /// Puts the passage away.
    pub fn forget_capture(&self) {
        self.with_capture("the passage was put away", |capture| {
            capture.forgotten = capture.control.passage();
            capture.part = None;
            if capture.is_replaying() {
                capture.control.replay(None)
            } else {
                Ok(())
            }
        });
    }

    /// Does something with the recorder; a running test is void by it.
    fn with_capture(&self, reason: &str, act: impl FnOnce(&mut Capturing) -> Result<(), CaptureError>) {
        let mut control = self.lock();
        self.void_test(&mut control, reason);
        let result = match &mut control.capture {
            Some(capture) => act(capture).map_err(|error| error.to_string()),
            None => Err("the host has not started the audio yet; start it first".to_owned()),
        };
        if let Err(reason) = result {
            control.status.error = Some(format!("The recorder cannot do this: {reason}."));
        }
    }

    /// What the window shows of the recorder; `None` before the host starts the audio.
    pub fn capture(&self) -> Option<CaptureReport> {
        self.lock().capture.as_mut().map(Capturing::report)
    }
}
