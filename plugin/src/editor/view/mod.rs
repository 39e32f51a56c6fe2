//! What the window shows, as plain values: made from the live instance ([`super::live`]), or by a test. All of it is `PartialEq`, so that
//! "nothing that is published depends on X" is one comparison.

mod action;
mod browser;
mod figures;
mod reference;
mod slot;
mod test;

pub use action::{Action, AlignEdit, CaptureEdit, TestEdit};
pub use browser::{BrowserEdit, BrowserView, Entry, Folder, Target};
pub use figures::{
    CaptureState, CaptureView, Curve, DifferenceState, DifferenceView, ErrorMap, LatencyMeasure, LatencyPart,
    LatencyRow, LatencyView, LoudnessState, LoudnessView, SpectrumView, Trace,
};
pub use reference::{Measured, Placement, ReferenceView, Signal};
pub use slot::{Load, ProgramView, SlotView};
pub use test::{
    Answer, CandidateView, Kind, PlanView, Proportion, ResultView, RunView, Stimulus, Switching, TestPlan, TestView,
    TrialRow, Verdict,
};

use crate::playable::CabCard;
use std::path::PathBuf;
use std::sync::Arc;
use tonegraft_chain::cab::{CabChoice, CabUse};
pub use tonegraft_core::{PROGRAMS, Source};

/// The source of slot 0 or 1.
pub const fn slot_source(slot: usize) -> Source {
    if slot == 0 { Source::A } else { Source::B }
}

/// How urgent a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// All is well.
    #[default]
    Fine,
    /// Something to know.
    Notice,
    /// Something went wrong.
    Error,
}

/// The line at the bottom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// How urgent it is.
    pub weight: Weight,
    /// What, where, what to do.
    pub text: String,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shade {
    /// Light text on dark panels.
    #[default]
    Dark,
    /// Dark text on light panels.
    Light,
}

/// What the window wants to be computed, because it is in sight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watching {
    /// Spectra of input, output and reference.
    pub spectrum: bool,
    /// Everything in [`DifferenceView`].
    pub difference: bool,
}

/// Everything that is drawn, apart from the parameters' values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Slots A and B.
    pub slots: [SlotView; 2],
    /// The host's rate in Hz, once it plays.
    pub host_rate: Option<u32>,
    /// Beats per minute, as the host said last.
    pub tempo: f32,
    /// The host's largest block, in frames, once it plays.
    pub block: Option<u32>,
    /// Load of the whole plugin.
    pub load: Load,
    /// Largest magnitudes of main input, output and reference since the last frame drawn, linear.
    pub peaks: [f32; 3],
    /// What the gate takes away, in dB; 0 is open.
    pub gate_db: f32,
    /// The impulse response.
    pub cab: Option<Arc<CabCard>>,
    /// Name of the one that is being loaded.
    pub loading_cab: Option<String>,
    /// A slot that is not heard keeps running, so that a switch needs no warm-up.
    pub comparing: bool,
    /// The side-chain.
    pub reference: ReferenceView,
    /// What the host is told, and why.
    pub latency: LatencyView,
    /// Averaged spectra.
    pub spectrum: SpectrumView,
    /// A slot against the reference.
    pub difference: DifferenceView,
    /// Loudness of the sources over one passage.
    pub loudness: LoudnessView,
    /// The recorded passage.
    pub capture: CaptureView,
    /// The listening test.
    pub test: TestView,
    /// What the stepped parameter *Program* plays in slot A; [`PROGRAMS`] places, empty ones are `None`.
    pub programs: Vec<Option<ProgramView>>,
    /// Files to load.
    pub browser: BrowserView,
    /// Light or dark.
    pub shade: Shade,
    /// Size of everything, 0.5 … 2.
    pub zoom: f32,
    /// The line at the bottom.
    pub message: Message,
}

impl View {
    /// Whether the cabinet is heard if `used` is chosen while `source` is heard, and why.
    pub fn cab_choice(&self, used: CabUse, source: Source) -> CabChoice {
        let has_cab = match source {
            Source::A | Source::Difference => self.slots[0].has_cab,
            Source::B => self.slots[1].has_cab,
            Source::Reference | Source::Dry => false,
        };
        used.choose(self.cab.is_some(), Some(has_cab))
    }

    /// `frames` at the host's rate in milliseconds; `None` before the host plays.
    pub fn milliseconds(&self, frames: f64) -> Option<f64> {
        self.host_rate
            .filter(|rate| *rate > 0)
            .map(|rate| 1000.0 * frames / f64::from(rate))
    }

    /// `96 smp  2.0 ms`, without the second figure before the host plays.
    pub fn samples_text(&self, frames: f64) -> String {
        let whole = (frames - frames.round()).abs() < 5e-4;
        let samples = if whole {
            format!("{:.0} smp", frames.round())
        } else {
            format!("{frames:.2} smp")
        };
        match self.milliseconds(frames) {
            Some(ms) if ms.abs() < 10.0 => format!("{samples}  {ms:.2} ms"),
            Some(ms) => format!("{samples}  {ms:.1} ms"),
            None => samples,
        }
    }

    /// The library folder, if it is what the browser shows.
    pub fn folder(&self) -> Option<&PathBuf> {
        match &self.browser.folder {
            Folder::At(path) => Some(path),
            Folder::Shipped => None,
        }
    }
}

/// A rate as users read it: `44.1 kHz`.
pub fn hertz(rate: u32) -> String {
    let text = format!("{:.3}", f64::from(rate) / 1000.0);
    format!("{} kHz", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_in_kilohertz() {
        assert_eq!(hertz(44_100), "44.1 kHz");
        assert_eq!(hertz(48_000), "48 kHz");
        assert_eq!(hertz(22_051), "22.051 kHz");
    }

    #[test]
    fn delays_are_told_in_samples_and_in_time() {
        let mut view = View::default();
        assert_eq!(view.samples_text(96.0), "96 smp");
        view.host_rate = Some(48_000);
        assert_eq!(view.samples_text(96.0), "96 smp  2.00 ms");
        assert_eq!(view.samples_text(37.4), "37.40 smp  0.78 ms");
        assert_eq!(view.samples_text(-4800.0), "-4800 smp  -100.0 ms");
    }
}
