//! What the window shows, as plain values: made from the live instance, or by a test.

use crate::board::KnobLabel;
use crate::meters::Load;
use crate::playable::{CabCard, Way};
use crate::shared::{LibraryItem, Shared, Status, Wish};
use std::path::PathBuf;
use std::sync::Arc;
use tonegraft_chain::cab::{CabChoice, CabUse};
use tonegraft_core::{Fault, LatencyParts, ModelLevels};

/// How urgent a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// All is well.
    Fine,
    /// Something to know.
    Notice,
    /// Something went wrong.
    Error,
}

/// The line at the bottom.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// How urgent it is.
    pub weight: Weight,
    /// What, where, what to do.
    pub text: String,
}

/// Everything that is drawn, apart from the parameters' values.
#[derive(Clone, Debug)]
pub struct View {
    /// Name of the model; `None`: dry.
    pub name: Option<String>,
    /// Kind, author, licence.
    pub about: String,
    /// What runs the model; empty if there is none.
    pub runtime: String,
    /// Why.
    pub reason: String,
    /// The rate the model was made for, in Hz.
    pub model_rate: Option<u32>,
    /// The host's, in Hz, once it plays.
    pub host_rate: Option<u32>,
    /// What the host was told, in frames.
    pub latency: u32,
    /// The model's share of it, in parts.
    pub parts: LatencyParts,
    /// Load of the audio thread.
    pub load: Load,
    /// Largest magnitudes of input and output since the last frame drawn, linear.
    pub peaks: [f32; 2],
    /// What the model shows beside its audio, by name, linear.
    pub meters: Vec<(String, f32)>,
    /// Knobs of the model.
    pub knobs: Vec<KnobLabel>,
    /// More about the model, in lines.
    pub details: Vec<String>,
    /// How it is played.
    pub way: Way,
    /// What lies between the host's rate and the model's; empty if nothing does.
    pub conversion: String,
    /// Its sizes by name, and what to ask for to get each; empty if it has one only.
    pub sizes: Vec<(String, f32)>,
    /// Index of the size that plays.
    pub size: usize,
    /// What it tells of its levels.
    pub levels: ModelLevels,
    /// It says that it contains a cabinet.
    pub has_cab: bool,
    /// The impulse response.
    pub cab: Option<Arc<CabCard>>,
    /// Name of the one that is being loaded.
    pub loading_cab: Option<String>,
    /// What the gate takes away, in dB; 0 is open.
    pub gate_db: f32,
    /// Shipped models and the library folder.
    pub library: Arc<Vec<LibraryItem>>,
    /// The line of [`Self::library`] that plays.
    pub selected: Option<usize>,
    /// Name of what is being loaded.
    pub loading: Option<String>,
    /// The library folder.
    pub folder: Option<PathBuf>,
    /// The line at the bottom.
    pub message: Message,
}

/// What the user asks for, apart from moving parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Load this.
    Load(Wish),
    /// Choose a file.
    Browse,
    /// Play the model another way.
    Play(Way),
    /// Load this impulse response.
    LoadCab(PathBuf),
    /// Choose an impulse response.
    BrowseCab,
    /// Play without one.
    RemoveCab,
    /// Look through the library folder again.
    Rescan,
    /// The message was read.
    Dismiss,
}

impl View {
    /// From the live instance. Takes the peaks and faults since the last call; `seen` keeps faults until they are dismissed.
    pub fn of(shared: &Shared, seen: &mut Fault) -> Self {
        let (status, slot_fault) = shared.view();
        *seen = seen.worst(shared.meters.take_fault()).worst(slot_fault);
        let host_rate = status.track.map(|track| track.rate.get());
        let card = status.card.clone().unwrap_or_default();
        let selected = status
            .source
            .as_ref()
            .and_then(|source| status.library.iter().position(|item| item.wish == *source));
        Self {
            name: status.card.is_some().then(|| card.name.clone()),
            about: card.about.clone(),
            runtime: card.runtime.clone(),
            reason: card.runtime_reason.clone(),
            model_rate: card.sample_rate,
            host_rate,
            latency: shared.latency(),
            parts: status.latency,
            load: shared.meters.load(),
            peaks: shared.meters.take_peaks(),
            meters: card.meters.iter().cloned().zip(shared.meters.take_model()).collect(),
            knobs: card.knobs.clone(),
            details: card.details.clone(),
            way: status.way,
            sizes: card.sizes.clone(),
            size: card.size,
            levels: card.levels,
            has_cab: card.has_cab,
            gate_db: shared.meters.gate_db(),
            selected,
            message: message(&status, *seen, host_rate),
            conversion: status
                .conversion
                .map_or_else(String::new, |conversion| conversion.to_string()),
            cab: status.cab,
            loading_cab: status.loading_cab,
            library: status.library,
            loading: status.loading,
            folder: status.folder,
        }
    }

    /// Whether the cabinet is heard if `used` is chosen, and why.
    pub fn cab_choice(&self, used: CabUse) -> CabChoice {
        used.choose(self.cab.is_some(), Some(self.has_cab))
    }

    /// Latency in milliseconds at the host's rate; `None` before the host plays.
    pub fn latency_ms(&self) -> Option<f64> {
        self.host_rate
            .map(|rate| 1000.0 * f64::from(self.latency) / f64::from(rate))
    }

    /// The parts that are not 0, as text; empty if there are none.
    pub fn latency_parts(&self) -> String {
        let parts = self.parts.named().into_iter();
        let parts: Vec<String> = parts
            .filter(|(_, frames)| frames.get() > 0)
            .map(|(name, frames)| format!("{} {frames}", name.replace('_', "-")))
            .collect();
        parts.join(" + ")
    }

    /// What playing `step` lines further in the library means; wraps around.
    pub fn neighbour(&self, step: isize) -> Option<Action> {
        let count = isize::try_from(self.library.len()).ok().filter(|count| *count > 0)?;
        let at = match self.selected.and_then(|index| isize::try_from(index).ok()) {
            Some(index) => (index + step).rem_euclid(count),
            None if step < 0 => count - 1,
            None => 0,
        };
        let item = self.library.get(usize::try_from(at).ok()?)?;
        Some(Action::Load(item.wish.clone()))
    }
}

fn message(status: &Status, fault: Fault, host_rate: Option<u32>) -> Message {
    let (weight, text) = if let Some(error) = &status.error {
        (Weight::Error, error.clone())
    } else if fault != Fault::None {
        (Weight::Error, fault.message().to_owned())
    } else if let Some(notice) = &status.notice {
        (Weight::Notice, notice.clone())
    } else if let Some(note) = status
        .conversion
        .as_ref()
        .and_then(|conversion| conversion.note.as_ref())
    {
        (Weight::Notice, format!("{note}."))
    } else if let Some(conversion) = &status.conversion
        && conversion.model.is_some_and(|model| model != conversion.host)
    {
        (Weight::Fine, conversion.to_string())
    } else if host_rate.is_none() {
        (Weight::Fine, "The host has not started the audio yet.".to_owned())
    } else {
        let hint = "Drag a knob up and down, with Shift in fine steps; double click for its default.";
        (Weight::Fine, hint.to_owned())
    };
    Message { weight, text }
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
    fn what_went_wrong_comes_before_what_is_worth_knowing() {
        let mut status = Status::default();
        let of = |status: &Status, fault| message(status, fault, Some(48_000));
        assert_eq!(of(&status, Fault::None).weight, Weight::Fine);
        status.notice = Some("changed".into());
        assert_eq!(of(&status, Fault::None).weight, Weight::Notice);
        status.error = Some("no such file".into());
        assert_eq!(of(&status, Fault::NonFiniteOutput).text, "no such file");
        status.error = None;
        assert_eq!(of(&status, Fault::NonFiniteOutput).weight, Weight::Error);
    }
}
