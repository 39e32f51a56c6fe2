//! From a compiled model to a running unit in the bank.

use super::Work;
use crate::meters::{LoadCell, Timed};
use crate::playable::{Baked, ModelCard, Playable, Track, Way};
use crate::shared::{Control, Seat};
use crate::tempo::Follower;
use std::sync::Arc;
use tonegraft_core::{Facts, HostFrames, KnobRange, LatencyParts, ModelLevels, Tail};
use tonegraft_engine::Conversion;
use tonegraft_slots::{InstallError, InstallErrorKind, Unit};

/// A unit and what is told about it; without a unit the seat becomes dry.
#[derive(Default)]
pub(super) struct Built {
    unit: Option<Unit>,
    facts: Option<Facts>,
    /// What lies between the host's rate and the model's.
    conversion: Option<Conversion>,
    load: Option<Arc<LoadCell>>,
}

/// An impulse response that is ready to run; without a unit there is none.
#[derive(Default)]
pub(super) struct BuiltCab {
    unit: Option<Unit>,
    tail: Option<Tail>,
}

impl Work<'_> {
    /// Builds what plays in `seat` for the track and hands it to the bank.
    pub(super) fn build(&mut self, seat: Seat) {
        self.next_id += 1;
        let place = &mut self.places[seat.index()];
        place.stale = false;
        place.waiting = None;
        let Some(track) = self.track else { return };
        let place = &self.places[seat.index()];
        let way = place.way;
        let built = match place.playable.as_ref() {
            None => Ok(Built::default()),
            Some(playable) => self.instance(playable, track, way),
        };
        let mut control = self.shared.lock();
        match built {
            // A newer activation asks again.
            Ok(built) if control.activation == self.activation => self.hand_over(&mut control, seat, built),
            Ok(_) => {}
            Err(message) => {
                if let Some(status) = control.status.seat_mut(seat) {
                    status.error = Some(message);
                }
            }
        }
    }

    fn instance(&self, playable: &Playable, track: Track, way: Way) -> Result<Built, String> {
        let processor = playable.instantiate(track, way)?;
        let facts = processor.facts();
        // Host rates are far below 2^24.
        #[allow(clippy::cast_precision_loss)]
        let rate = track.rate.get() as f32;
        let load = Arc::new(LoadCell::default());
        let switches = self.shared.meters.switches();
        Ok(Built {
            unit: Some(Unit {
                processor: Box::new(Timed::new(processor, rate, track.block, switches, Arc::clone(&load))),
                id: self.next_id,
                knobs: ranges(&playable.card),
                levels: playable.card.levels,
            }),
            facts: Some(facts),
            conversion: Some(playable.conversion(track, way)),
            load: Some(load),
        })
    }

    /// Measures what the model in `seat` has learned, by an instance of its own, so that nobody waits for it.
    pub(super) fn probe(&mut self, seat: Seat) {
        let place = &mut self.places[seat.index()];
        place.unprobed = false;
        let (Some(playable), Some(track)) = (&place.playable, self.track) else {
            return;
        };
        let knobs = place.probe_at.take();
        // One that cannot be built was refused before.
        let baked = playable.instantiate(track, place.way).ok().and_then(|mut processor| {
            for (index, (range, position)) in ranges(&playable.card).iter().zip(knobs.iter().flatten()).enumerate() {
                processor.set_knob(index, range.value(*position));
            }
            Baked::measure(&mut *processor)
        });
        let mut control = self.shared.lock();
        let asked_again = control.probes[seat.index()].is_some();
        if self.activation == control.activation
            && let Some(status) = control.status.seat_mut(seat)
        {
            status.baked = baked;
            status.probing = asked_again;
        }
    }

    pub(super) fn hand_over(&mut self, control: &mut Control, seat: Seat, mut built: Built) {
        if let Some(bank) = &mut control.bank {
            let unit = built.unit.take();
            let result = match seat {
                Seat::Slot(slot) => bank.install(slot, unit),
                Seat::Program(program) => bank.install_program(program, unit),
            };
            if let Err(refusal) = result {
                match refused(refusal) {
                    Ok(unit) => {
                        built.unit = unit;
                        self.places[seat.index()].waiting = Some(built);
                    }
                    Err(message) => {
                        if let Some(status) = control.status.seat_mut(seat) {
                            status.error = Some(message);
                        }
                    }
                }
                return;
            }
            bank.clear_faults();
        } else {
            control.ready[seat.index()] = Some(built.unit);
        }
        let place = &mut self.places[seat.index()];
        place.tail = built
            .facts
            .as_ref()
            .map_or(Tail::Frames(HostFrames::ZERO), |facts| facts.tail);
        let follower = place
            .playable
            .as_ref()
            .and_then(|playable| Follower::of(&playable.card.knobs));
        if let Some(cell) = self.shared.followers.get(seat.index()) {
            cell.set(follower);
        }
        let has_cab = place.playable.as_ref().map(|playable| playable.card.has_cab);
        let is_unprobed = place.playable.is_some();
        place.unprobed = is_unprobed;
        place.probe_at = None;
        self.shared.set_taken(seat, has_cab);
        self.tell_tail();
        if let Seat::Slot(_) = seat {
            self.shared.desk.start_afresh();
        }
        if let Some(status) = control.status.seat_mut(seat) {
            status.latency = built.facts.map_or(LatencyParts::ZERO, |facts| facts.latency);
            status.conversion = built.conversion;
            status.baked = None;
            status.probing = is_unprobed;
            status.load = built.load;
        }
    }

    /// Builds the impulse response for the track and hands it to its bank.
    pub(super) fn build_cab(&mut self) {
        self.cab_stale = false;
        self.cab_waiting = None;
        let Some(track) = self.track else { return };
        self.next_id += 1;
        let built = match self.cab.as_ref().map(|cab| cab.instantiate(track)) {
            None => BuiltCab::default(),
            Some(Ok(processor)) => BuiltCab {
                tail: Some(processor.facts().tail),
                unit: Some(Unit {
                    processor,
                    id: self.next_id,
                    knobs: Vec::new(),
                    levels: ModelLevels::default(),
                }),
            },
            Some(Err(message)) => {
                self.shared.show_error(message);
                return;
            }
        };
        let mut control = self.shared.lock();
        if control.activation == self.activation {
            self.hand_over_cab(&mut control, built);
        }
    }

    pub(super) fn hand_over_cab(&mut self, control: &mut Control, built: BuiltCab) {
        let BuiltCab { unit, tail } = built;
        if let Some(bank) = &mut control.cab_bank {
            if let Err(refusal) = bank.install(0, unit) {
                match refused(refusal) {
                    Ok(unit) => self.cab_waiting = Some(BuiltCab { unit, tail }),
                    Err(message) => control.status.error = Some(message),
                }
                return;
            }
            bank.clear_faults();
        } else {
            control.cab_ready = Some(unit);
        }
        self.cab_tail = tail.unwrap_or(Tail::Frames(HostFrames::ZERO));
        self.tell_tail();
    }
}

/// The unit, if it may be tried again later; else a sentence.
fn refused(refusal: InstallError) -> Result<Option<Unit>, String> {
    match refusal.kind {
        InstallErrorKind::Busy => Ok(refusal.unit),
        kind => Err(format!("This cannot be used on this track: {kind}.")),
    }
}

/// The tail of one behind the other.
pub(super) fn sum(first: Tail, second: Tail) -> Tail {
    match (first, second) {
        (Tail::Frames(first), Tail::Frames(second)) => {
            Tail::Frames(HostFrames::new(first.get().saturating_add(second.get())))
        }
        _ => Tail::Infinite,
    }
}

fn ranges(card: &ModelCard) -> Vec<KnobRange> {
    card.knobs.iter().map(|label| label.range).collect()
}
