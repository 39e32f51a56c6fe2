//! The view of a live instance.

mod exam;
mod latency;

pub(super) use exam::exam_plan;

use super::view::{
    BrowserView, CaptureState, CaptureView, DifferenceView, Entry, Load, Measured, Message, Placement, ProgramView,
    ReferenceView, Shade, Signal, SlotView, Target, TestPlan, View, Weight,
};
use crate::playable::Track;
use crate::shared::{CaptureReport, Glance, LibraryItem, SeatStatus, Shared, Status, Wish, difference_slot};
use crate::side_chain::SideChainSignal;
use std::sync::Arc;
use tonegraft_core::Fault;
use tonegraft_core::processor::MAX_METERS;

/// What a window remembers of its instance between two frames.
#[derive(Debug, Default)]
pub struct Seen {
    /// The worst fault that was not dismissed.
    pub fault: Fault,
    /// The listening test as it is planned.
    pub plan: TestPlan,
    /// Why the test that was planned could not begin; empty: nothing is wrong.
    pub refused: String,
    /// The list of models that [`Self::entries`] was made of.
    library: Option<Arc<Vec<LibraryItem>>>,
    lines: Arc<Vec<Entry>>,
}

impl Seen {
    fn entries(&mut self, library: &Arc<Vec<LibraryItem>>) -> Arc<Vec<Entry>> {
        if !self.library.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, library)) {
            self.lines = Arc::new(lines(library));
            self.library = Some(Arc::clone(library));
        }
        Arc::clone(&self.lines)
    }
}

/// The library as lines: shipped models under their categories, each followed by its presets, and all others.
fn lines(library: &[LibraryItem]) -> Vec<Entry> {
    let mut lines = Vec::new();
    let mut category = "";
    for item in library {
        if let Wish::Shipped(_) = &item.wish
            && item.group != category
        {
            category = &item.group;
            lines.push(Entry {
                name: item.group.clone(),
                target: Target::Heading,
            });
        }
        lines.push(Entry {
            name: item.name.clone(),
            target: Target::Model(item.wish.clone()),
        });
        if let Wish::Shipped(id) = &item.wish {
            lines.extend(item.presets.iter().map(|preset| Entry {
                name: preset.clone(),
                target: Target::Model(Wish::Preset {
                    id: id.clone(),
                    preset: preset.clone(),
                }),
            }));
        }
    }
    lines
}

impl View {
    /// From the live instance. Takes the peaks and faults since the last call; `seen` keeps faults until they are dismissed.
    pub fn of(shared: &Shared, seen: &mut Seen) -> Self {
        let Glance {
            status,
            session,
            fault,
            hearing_adds,
        } = shared.glance();
        seen.fault = seen.fault.worst(shared.meters.take_fault()).worst(fault);
        let rate = status.track.map_or(0, |track| track.rate.get());
        let host_rate = status.track.map(|track| track.rate.get());
        let (figures, moment) = (shared.desk.figures(), shared.desk.moment());
        let compare = session.compare.at_rate(rate);
        let heard = moment.as_ref().map(|moment| moment.settings.source);
        // What slot A shows is what plays there.
        let seats = [status.playing(shared.program()), &status.slots[1]];
        let slots = [0, 1].map(|index| SlotView {
            placement: slot_placement(&compare.placements()[index], seats[index]),
            asleep: compare.sleep && heard.is_some_and(|heard| heard.slot() != Some(index)),
            ..slot(seats[index], status.track, shared.meters.take_model(index))
        });
        let reference = ReferenceView {
            signal: match shared.side_chain.signal(rate) {
                SideChainSignal::NotPassed => Signal::NotPassed,
                SideChainSignal::Silent => Signal::Silent,
                SideChainSignal::Present => Signal::Present,
            },
            channels: shared.side_chain.channels(),
            placement: Placement {
                measuring: figures.aligning,
                ..placement(&compare.reference)
            },
            hear_aligned: compare.hear_aligned,
            hearing_adds,
            note: figures.align_note.clone(),
        };
        Self {
            latency: latency::view(
                shared.latency(),
                seats,
                &compare,
                &session,
                hearing_adds,
                figures.latency,
            ),
            slots,
            host_rate,
            tempo: shared.tempo.get(),
            block: status.track.and_then(|track| u32::try_from(track.block).ok()),
            load: load_view(shared.meters.load(), status.track),
            peaks: shared.meters.take_peaks(),
            gate_db: shared.meters.gate_db(),
            comparing: !compare.sleep,
            reference,
            spectrum: figures.spectrum,
            difference: DifferenceView {
                of: difference_slot(&compare),
                ..figures.difference
            },
            loudness: figures.loudness,
            capture: shared
                .capture()
                .map_or_else(CaptureView::default, |report| capture(&report)),
            test: exam::view(shared, seen, moment.as_ref()),
            programs: status.programs.iter().map(program).collect(),
            message: message(&status, seen.fault, host_rate),
            browser: BrowserView {
                library: status.folder.clone(),
                entries: seen.entries(&status.library),
                playing: status.slots.each_ref().map(|slot| slot.source.clone()),
                ..BrowserView::default()
            },
            cab: status.cab,
            loading_cab: status.loading_cab,
            shade: if session.window.theme == LIGHT {
                Shade::Light
            } else {
                Shade::Dark
            },
            zoom: session.window.zoom.unwrap_or(1.0),
        }
    }
}

/// The name in the session of light colours.
pub(super) const LIGHT: &str = "light";

fn placement(placement: &tonegraft_library::Placement) -> Placement {
    Placement {
        measured: placement.measured.map(|measured| Measured {
            delay: measured.delay,
            inverted: measured.inverted,
            confidence: measured.confidence,
        }),
        measuring: false,
        applied: placement.delay,
        nudge: placement.nudge,
        locked: placement.locked,
        inverted: placement.inverted,
    }
}

/// What a slot's model has learned is measured when it is loaded.
fn slot_placement(stored: &tonegraft_library::Placement, seat: &SeatStatus) -> Placement {
    let learned = seat.baked.map(|baked| Measured {
        delay: baked.delay,
        inverted: baked.inverted,
        confidence: baked.confidence,
    });
    let stored = placement(stored);
    Placement {
        measured: learned.or(stored.measured),
        measuring: seat.probing,
        ..stored
    }
}

/// Frames in seconds, for drawing.
#[allow(clippy::cast_precision_loss)]
fn seconds(frames: usize, rate: u32) -> f32 {
    frames as f32 / rate.max(1) as f32
}

fn capture(report: &CaptureReport) -> CaptureView {
    let seconds = |frames| seconds(frames, report.rate);
    CaptureView {
        state: match report.state {
            tonegraft_slots::CaptureState::Idle => CaptureState::Idle,
            tonegraft_slots::CaptureState::Recording { frames } => CaptureState::Recording(seconds(frames)),
            tonegraft_slots::CaptureState::Ready { frames } => CaptureState::Ready(seconds(frames)),
            tonegraft_slots::CaptureState::Replaying { frame } => CaptureState::Replaying(seconds(frame)),
        },
        // Twenty seconds.
        #[allow(clippy::cast_possible_truncation)]
        limit: tonegraft_slots::MAX_CAPTURE_SECONDS as f32,
        envelope: Arc::clone(&report.envelope),
        part: [seconds(report.part.start), seconds(report.part.end)],
    }
}

fn slot(seat: &SeatStatus, track: Option<Track>, shows: [f32; MAX_METERS]) -> SlotView {
    let card = seat.card.clone().unwrap_or_default();
    let load = seat.load.as_ref().map_or_else(Default::default, |load| load.get());
    SlotView {
        name: seat.card.is_some().then(|| card.name.clone()),
        about: card.about.clone(),
        runtime: card.runtime.clone(),
        reason: card.runtime_reason.clone(),
        model_rate: card.sample_rate,
        latency: seat.latency.total().frames().get(),
        parts: seat.latency,
        load: load_view(load, track),
        meters: card.meters.iter().cloned().zip(shows).collect(),
        knobs: card.knobs.clone(),
        details: card.details.clone(),
        way: seat.way,
        conversion: seat.conversion.as_ref().map_or_else(String::new, ToString::to_string),
        sizes: card.sizes.clone(),
        size: card.size,
        halved: card.halved,
        levels: card.levels,
        has_cab: card.has_cab,
        loading: seat.loading.clone(),
        error: seat.error.clone(),
        ..SlotView::default()
    }
}

fn program(seat: &SeatStatus) -> Option<ProgramView> {
    let name = seat.card.as_ref().map(|card| card.name.clone());
    let name = name.or_else(|| seat.loading.clone());
    let known = name.is_some() || seat.error.is_some();
    known.then(|| ProgramView {
        name: name.unwrap_or_default(),
        loading: seat.loading.is_some(),
        error: seat.error.clone(),
    })
}

fn load_view(load: crate::meters::Load, track: Option<Track>) -> Load {
    // A block is far shorter than 2^24 frames.
    #[allow(clippy::cast_precision_loss)]
    let block_micros = track.map_or(0.0, |track| 1e6 * track.block as f32 / track.rate.get() as f32);
    Load {
        micros: load.mean * block_micros,
        mean: load.mean,
        worst: load.worst,
        misses: load.misses,
    }
}

fn message(status: &Status, fault: Fault, host_rate: Option<u32>) -> Message {
    let conversions = || status.slots.iter().filter_map(|slot| slot.conversion.as_ref());
    let (weight, text) = if let Some(error) = status.error() {
        (Weight::Error, error.to_owned())
    } else if fault != Fault::None {
        (Weight::Error, fault.message().to_owned())
    } else if let Some(notice) = status.slots.iter().find_map(|slot| slot.notice.as_ref()) {
        (Weight::Notice, notice.clone())
    } else if let Some(note) = conversions().find_map(|conversion| conversion.note.as_ref()) {
        (Weight::Notice, format!("{note}."))
    } else if let Some(conversion) =
        conversions().find(|conversion| conversion.model.is_some_and(|model| model != conversion.host))
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
        status.slots[0].notice = Some("changed".into());
        assert_eq!(of(&status, Fault::None).weight, Weight::Notice);
        status.error = Some("no such file".into());
        assert_eq!(of(&status, Fault::NonFiniteOutput).text, "no such file");
        status.error = None;
        assert_eq!(of(&status, Fault::NonFiniteOutput).weight, Weight::Error);
    }
}
