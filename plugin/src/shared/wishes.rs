//! What the window and the host ask of the loader.

use super::{CabWish, Seat, Shared, Wish};
use crate::playable::Way;
use tonegraft_core::SLOTS;
use tonegraft_library::session::SlotState;
use tonegraft_library::{ModelRef, SessionState};

/// What a session says of `seat`.
pub(crate) fn slot_of(session: &SessionState, seat: Seat) -> Option<&SlotState> {
    match seat {
        Seat::Slot(slot) => session.slots.get(slot),
        Seat::Program(program) => session.programs.get(program),
    }
}

/// The same to be changed; made where it is not there.
pub(crate) fn slot_of_mut(session: &mut SessionState, seat: Seat) -> Option<&mut SlotState> {
    match seat {
        Seat::Slot(slot) => session.slot_mut(slot),
        Seat::Program(program) => session.program_mut(program),
    }
}

/// The model that a session names for `seat`.
pub(crate) fn model_of(session: &SessionState, seat: Seat) -> ModelRef {
    slot_of(session, seat).map_or(ModelRef::None, |slot| slot.model.clone())
}

impl Shared {
    /// Asks for a model in `slot` (0: A, 1: B), in the place of what was asked for there and not begun yet. Any thread but the audio
    /// thread.
    pub fn open(&self, slot: usize, wish: Wish) {
        let mut control = self.lock();
        if let Some(place) = control.wishes.get_mut(slot).filter(|_| slot < SLOTS) {
            *place = Some(wish);
            self.void_test(&mut control, "a model was loaded");
            self.ask(&mut control);
        }
    }

    /// Asks for an impulse response. Any thread but the audio thread.
    pub fn open_cab(&self, wish: CabWish) {
        let mut control = self.lock();
        control.cab_wish = Some(wish);
        self.void_test(&mut control, "an impulse response was loaded");
        self.ask(&mut control);
    }

    /// Plays the model in `slot` another way. Any thread but the audio thread.
    pub fn play(&self, slot: usize, way: Way) {
        self.edit_session("the way a model is played was changed", |session| {
            if let Some(slot) = session.slot_mut(slot) {
                way.write(slot);
            }
        });
    }

    /// Exchanges the slots, with where they stand in time. Any thread but the audio thread.
    pub fn swap(&self) {
        let rate = self.rate();
        self.edit_session("the slots were exchanged", |session| {
            session.slot_mut(1);
            session.slots.swap(0, 1);
            let compare = &mut session.compare;
            *compare = compare.at_rate(rate);
            std::mem::swap(&mut compare.a, &mut compare.b);
        });
    }

    /// Puts what slot `from` holds into the other one too. Any thread but the audio thread.
    pub fn copy(&self, from: usize) {
        let rate = self.rate();
        self.edit_session("a slot was copied", |session| {
            let to = usize::from(from == 0);
            let slot = session.slots.get(from).cloned().unwrap_or_default();
            if let Some(target) = session.slot_mut(to) {
                *target = slot;
            }
            let compare = &mut session.compare;
            *compare = compare.at_rate(rate);
            let placement = compare.placements()[usize::from(from != 0)];
            if let Some(target) = compare.placement_mut(to) {
                *target = placement;
            }
        });
    }

    /// Makes what `slot` holds program `program` (from 0). Any thread but the audio thread.
    pub fn store_program(&self, program: usize, slot: usize) {
        self.edit_session("a program was stored", |session| {
            let slot = session.slots.get(slot).cloned().unwrap_or_default();
            if let Some(target) = session.program_mut(program) {
                *target = slot;
            }
        });
    }

    /// Makes program `program` (from 0) an unused place. Any thread but the audio thread.
    pub fn clear_program(&self, program: usize) {
        self.edit_session("a program was removed", |session| {
            if let Some(target) = session.programs.get_mut(program) {
                *target = SlotState::default();
            }
            while session
                .programs
                .last()
                .is_some_and(|last| *last == SlotState::default())
            {
                session.programs.pop();
            }
        });
    }

    /// Changes the session from the window: what it names is then loaded, where it plays another way it is built anew, and the
    /// placement of the sources follows.
    pub(super) fn edit_session(&self, reason: &str, edit: impl FnOnce(&mut SessionState)) {
        let mut control = self.lock();
        let before = control.session.clone();
        edit(&mut control.session);
        if control.session == before {
            return;
        }
        for seat in Seat::all() {
            let model = model_of(&control.session, seat);
            if model != model_of(&before, seat) {
                control.wishes[seat.index()] = Some(Wish::Restore(model));
            }
        }
        if control.session.slots != before.slots
            || control.session.programs != before.programs
            || control.session.compare != before.compare
        {
            self.void_test(&mut control, reason);
        }
        self.place_sources(&mut control);
        self.count_edit();
        self.ask(&mut control);
    }

    /// A session from the host, taken over as a whole; its models are loaded by the loader. A listening test that runs is void.
    pub fn restore(&self, session: SessionState) {
        let mut control = self.lock();
        for seat in Seat::all() {
            control.wishes[seat.index()] = Some(Wish::Restore(model_of(&session, seat)));
        }
        control.cab_wish = Some(CabWish::Restore(session.cab.clone()));
        control.status.forget_errors();
        control.session = session;
        self.void_by_session(&mut control);
        self.place_sources(&mut control);
        self.ask(&mut control);
    }
}
