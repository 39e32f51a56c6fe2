//! The view of a live instance.

use super::view::{
    BrowserView, Entry, LatencyPart, LatencyRow, LatencyView, Load, Message, SlotView, Target, View, Weight,
};
use crate::shared::{LibraryItem, Shared, Status};
use std::sync::Arc;
use tonegraft_core::{Fault, LatencyParts};

/// What a window remembers of its instance between two frames.
#[derive(Debug, Default)]
pub struct Seen {
    /// The worst fault that was not dismissed.
    pub fault: Fault,
    /// The list of models that [`Self::entries`] was made of.
    library: Option<Arc<Vec<LibraryItem>>>,
    lines: Arc<Vec<Entry>>,
}

impl Seen {
    fn entries(&mut self, library: &Arc<Vec<LibraryItem>>) -> Arc<Vec<Entry>> {
        if !self.library.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, library)) {
            let lines = library.iter().map(|item| Entry {
                name: item.name.clone(),
                target: Target::Model(item.wish.clone()),
            });
            self.lines = Arc::new(lines.collect());
            self.library = Some(Arc::clone(library));
        }
        Arc::clone(&self.lines)
    }
}

impl View {
    /// From the live instance. Takes the peaks and faults since the last call; `seen` keeps faults until they are dismissed.
    pub fn of(shared: &Shared, seen: &mut Seen) -> Self {
        let (status, slot_fault) = shared.view();
        seen.fault = seen.fault.worst(shared.meters.take_fault()).worst(slot_fault);
        let host_rate = status.track.map(|track| track.rate.get());
        let card = status.card.clone().unwrap_or_default();
        let load = shared.meters.load();
        let load = Load {
            mean: load.mean,
            worst: load.worst,
            ..Load::default()
        };
        let [input, output] = shared.meters.take_peaks();
        let slot = SlotView {
            name: status.card.is_some().then(|| card.name.clone()),
            about: card.about.clone(),
            runtime: card.runtime.clone(),
            reason: card.runtime_reason.clone(),
            model_rate: card.sample_rate,
            latency: status.latency.total().frames().get(),
            parts: status.latency,
            load,
            meters: card.meters.iter().cloned().zip(shared.meters.take_model()).collect(),
            knobs: card.knobs.clone(),
            details: card.details.clone(),
            way: status.way,
            conversion: status.conversion.as_ref().map_or_else(String::new, ToString::to_string),
            sizes: card.sizes.clone(),
            size: card.size,
            levels: card.levels,
            has_cab: card.has_cab,
            loading: status.loading.clone(),
            ..SlotView::default()
        };
        Self {
            slots: [slot, SlotView::default()],
            host_rate,
            load,
            peaks: [input, output, 0.0],
            gate_db: shared.meters.gate_db(),
            message: message(&status, seen.fault, host_rate),
            latency: LatencyView {
                total: shared.latency(),
                rows: vec![row("A", status.latency, shared.latency())],
                ..LatencyView::default()
            },
            browser: BrowserView {
                library: status.folder.clone(),
                entries: seen.entries(&status.library),
                playing: [status.source.clone(), None],
                ..BrowserView::default()
            },
            cab: status.cab,
            loading_cab: status.loading_cab,
            zoom: 1.0,
            ..Self::default()
        }
    }
}

/// The parts that are not 0; what is missing to `total` is alignment.
fn row(name: &str, parts: LatencyParts, total: u32) -> LatencyRow {
    let named = parts.named().map(|(name, frames)| (name, frames.get()));
    let sum: u32 = named.iter().map(|(_, frames)| frames).sum();
    let parts = named
        .into_iter()
        .map(|(name, frames)| match name {
            "alignment" => (name, frames + total.saturating_sub(sum)),
            _ => (name, frames),
        })
        .filter(|(_, frames)| *frames > 0)
        .map(|(name, frames)| LatencyPart {
            name: name.replace('_', "-"),
            frames: f64::from(frames),
        });
    LatencyRow {
        name: name.to_owned(),
        parts: parts.collect(),
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

#[cfg(test)]
mod tests {
    use super::*;

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
