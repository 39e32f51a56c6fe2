//! What is heard, and the way from one source to another.

use crate::fade::Fade;
use crate::orders::Switching;
use tonegraft_core::{CONTROL_INTERVAL, Source};

/// Frames of full silence between the two fades of a switch through silence.
const HUSH: usize = CONTROL_INTERVAL;

/// A source, resolved: what is really played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Slot(usize),
    Reference,
    Dry,
    /// That slot less the reference.
    Difference(usize),
}

impl Heard {
    /// `reference`: there is one to be used. `slot`: that of the difference.
    pub(crate) const fn new(source: Source, reference: bool, slot: usize) -> Self {
        match source {
            Source::B => Self::Slot(1),
            Source::Dry => Self::Dry,
            Source::Reference if reference => Self::Reference,
            Source::Difference if reference => Self::Difference(slot),
            Source::A | Source::Reference | Source::Difference => Self::Slot(0),
        }
    }

    pub(crate) fn uses_slot(self, slot: usize) -> bool {
        matches!(self, Self::Slot(used) | Self::Difference(used) if used == slot)
    }

    pub(crate) const fn uses_reference(self) -> bool {
        matches!(self, Self::Reference | Self::Difference(_))
    }
}

/// What happens over the next frames.
pub(crate) enum Phase<'a> {
    /// One source.
    Rest(Heard),
    /// Two, with the gains of the second.
    Cross(Heard, Heard, &'a [f32]),
    /// One goes: by 1 less these gains.
    Out(Heard, &'a [f32]),
    Hush,
    /// One comes.
    In(Heard, &'a [f32]),
}

/// Which source is heard, and the way towards it.
#[derive(Debug)]
pub(crate) struct Selection {
    from: Heard,
    to: Heard,
    switching: Switching,
    /// Frames done; `None` at rest.
    frame: Option<usize>,
}

impl Selection {
    pub(crate) const fn new(heard: Heard) -> Self {
        Self {
            from: heard,
            to: heard,
            switching: Switching::Gapless,
            frame: None,
        }
    }

    /// What is heard in the end.
    pub(crate) const fn to(&self) -> Heard {
        self.to
    }

    pub(crate) const fn rests(&self) -> bool {
        self.frame.is_none()
    }

    /// At rest at `heard`.
    pub(crate) const fn snap(&mut self, heard: Heard) {
        *self = Self::new(heard);
    }

    /// Starts to go to `heard`; at rest only.
    pub(crate) const fn go(&mut self, heard: Heard, switching: Switching) {
        self.from = self.to;
        self.to = heard;
        self.switching = switching;
        self.frame = Some(0);
    }

    pub(crate) fn is_heard(&self, test: impl Fn(Heard) -> bool) -> bool {
        test(self.to) || (self.frame.is_some() && test(self.from))
    }

    /// What happens, and for how many frames at most.
    pub(crate) fn phase<'a>(&self, fade: &'a Fade) -> (Phase<'a>, usize) {
        let Some(frame) = self.frame else {
            return (Phase::Rest(self.to), usize::MAX);
        };
        let length = fade.len();
        match self.switching {
            Switching::Gapless => (
                Phase::Cross(self.from, self.to, fade.from(frame)),
                length.saturating_sub(frame),
            ),
            Switching::ThroughSilence if frame < length => (Phase::Out(self.from, fade.from(frame)), length - frame),
            Switching::ThroughSilence if frame < length + HUSH => (Phase::Hush, length + HUSH - frame),
            Switching::ThroughSilence => {
                let done = frame - length - HUSH;
                (Phase::In(self.to, fade.from(done)), length.saturating_sub(done))
            }
        }
    }

    /// `frames` frames on, at most to the end of the phase.
    pub(crate) fn advance(&mut self, frames: usize, fade: &Fade) {
        if let Some(frame) = &mut self.frame {
            *frame += frames;
            let length = match self.switching {
                Switching::Gapless => fade.len(),
                Switching::ThroughSilence => 2 * fade.len() + HUSH,
            };
            if *frame >= length {
                self.from = self.to;
                self.frame = None;
            }
        }
    }
}
