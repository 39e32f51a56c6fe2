//! What the control side asks for beside units, and what a test freezes. Travels as a whole by a triple buffer: the latest counts.

use crate::placement::Plan;
use tonegraft_core::{Controls, SLOTS, Source, TRIMS};

/// How a test switches between sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Switching {
    /// Out in one fade, a moment of silence, in by another, also towards what is heard already: the fade itself tells nothing.
    #[default]
    ThroughSilence,
    /// By a crossfade of both, which tells nothing as long as both sound alike.
    Gapless,
}

/// All that is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders {
    pub(crate) alignment: Plan,
    /// Slots run although they are not heard.
    pub(crate) comparing: bool,
    /// Slot and gain of the reference of [`Source::Difference`].
    pub(crate) difference: (usize, f32),
    pub(crate) tapping: bool,
    pub(crate) test: Option<TestOrder>,
    /// How the last test switched: so it ends.
    pub(crate) last_switching: Switching,
    /// Counts the switches asked for in tests, so that each is heard, also one to the same source.
    pub(crate) switches: u64,
}

/// A test that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestOrder {
    /// Tells one from the one before.
    pub(crate) id: u64,
    pub(crate) switching: Switching,
    /// What is heard; `None`: what was heard when it began.
    pub(crate) source: Option<Source>,
}

impl Orders {
    pub(crate) const START: Self = Self {
        alignment: Plan::NONE,
        comparing: true,
        difference: (0, 1.0),
        tapping: false,
        test: None,
        last_switching: Switching::Gapless,
        switches: 0,
    };

    /// The slot of the difference.
    pub(crate) fn difference_slot(&self) -> usize {
        self.difference.0.min(SLOTS - 1)
    }
}

/// What of [`Controls`] is the bank's own, as a test freezes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub(crate) source: Source,
    pub(crate) trims_db: [f32; TRIMS],
    pub(crate) use_reference: bool,
    pub(crate) program: Option<u8>,
}

impl Choice {
    pub(crate) const fn of(controls: &Controls) -> Self {
        Self {
            source: controls.source,
            trims_db: controls.trims_db,
            use_reference: controls.use_reference,
            program: controls.program,
        }
    }
}
