//! The side-chain, and where sources lie in time.

/// What the side-chain carries, as far as the host tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signal {
    /// The host passes no side-chain.
    #[default]
    NotPassed,
    /// It is passed, and silent.
    Silent,
    /// Something comes in.
    Present,
}

/// A measured delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// How late the source is, in frames at the host's rate.
    pub delay: f64,
    /// Its polarity is reversed.
    pub inverted: bool,
    /// How sure that is, 0 … 1.
    pub confidence: f64,
}

/// Where a source lies in time, and what is done about it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Placement {
    /// What was measured last; `None`: nothing yet.
    pub measured: Option<Measured>,
    /// It is being measured.
    pub measuring: bool,
    /// The delay that is taken out, without the nudge, in frames at the host's rate.
    pub applied: f64,
    /// What the user adds to it, in frames.
    pub nudge: f64,
    /// Measurements change nothing any more.
    pub locked: bool,
    /// The polarity is turned round.
    pub inverted: bool,
}

impl Placement {
    /// The delay that is taken out, in frames at the host's rate.
    pub fn total(&self) -> f64 {
        self.applied + self.nudge
    }
}

/// The side-chain input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReferenceView {
    /// What comes in.
    pub signal: Signal,
    /// Channels the host passes.
    pub channels: u32,
    /// Its delay and polarity.
    pub placement: Placement,
    /// Heard in time with the slots, which are delayed for it.
    pub hear_aligned: bool,
    /// What that adds, or would add, to the latency, in frames at the host's rate.
    pub hearing_adds: u32,
    /// Why it cannot be measured; empty if nothing is wrong.
    pub note: String,
}
