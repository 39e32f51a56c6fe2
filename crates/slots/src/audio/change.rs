//! What may begin at a frame: swaps, programs, realignment, sleep, switches of what is heard. One change of units or places at a time.
//!
//! All of it is looked at before each piece, and pieces end where something ends: when it begins depends on frames, not on blocks.

use super::{BankAudio, CELLS, Rest, Running, trim_factor};
use crate::control::Install;
use crate::orders::{Choice, Switching};
use crate::placement::Layout;
use crate::readout::Phase;
use crate::selection::Heard;
use crate::voice::Voice;
use rtrb::PushError;
use tonegraft_core::{Controls, FILTER_TAPS, HostFrames, Ramp, SLOTS};

/// The longest hidden run, in seconds, latency not included.
const HIDDEN_SECONDS: f64 = 0.25;

/// What changes.
pub(super) enum Change {
    /// Only where things stand in time.
    Layout,
    /// `voice` (`None`: dry) comes into `cell`, which plays in `slot`.
    Swap {
        slot: usize,
        cell: usize,
        voice: Option<Box<Voice>>,
    },
    /// Slot A goes on with `cell`; `retire`: what it played leaves the bank.
    Program { cell: usize, retire: bool },
}

/// A change under way.
pub(super) struct Transition {
    pub(super) change: Change,
    /// Where everything stands in time from the first frame of the crossfade on.
    pub(super) next: Layout,
    pub(super) stage: Stage,
}

/// How far a transition is.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    /// What comes runs unheard, for that many frames more (at least 1).
    Hidden(usize),
    /// Frames of the crossfade done.
    Fading(usize),
}

impl Stage {
    const fn after(hidden: usize) -> Self {
        match hidden {
            0 => Self::Fading(0),
            hidden => Self::Hidden(hidden),
        }
    }
}

impl Transition {
    /// The slot that changes.
    pub(super) const fn slot(&self) -> Option<usize> {
        match self.change {
            Change::Layout => None,
            Change::Swap { slot, .. } => Some(slot),
            Change::Program { .. } => Some(0),
        }
    }

    pub(super) const fn phase(&self) -> Phase {
        match self.stage {
            Stage::Hidden(_) => Phase::Hidden,
            Stage::Fading(_) => Phase::Fading,
        }
    }
}

impl BankAudio {
    /// At the start of a block: takes what the control side and the controls ask for.
    pub(super) fn poll(&mut self, controls: &Controls) {
        if let Some(voice) = self.parked.take() {
            self.send_back(voice);
        }
        if let Ok(tap) = self.ends.tap.pop() {
            // Comes once; a second would be leaked and not freed here.
            std::mem::forget(self.tap.replace(tap));
        }
        let before = self.ends.orders.output_buffer().tapping;
        self.ends.orders.update();
        let orders = self.ends.orders.output_buffer();
        if before
            && !orders.tapping
            && let Some(tap) = &mut self.tap
        {
            tap.flush(self.position);
        }
        let null = orders.difference.1;
        match orders.test {
            Some(order) => {
                if self.test.is_none_or(|test| test.id != order.id) {
                    self.test = Some(Running {
                        id: order.id,
                        frozen: Choice::of(controls),
                    });
                }
            }
            None => self.test = None,
        }
        self.choice = match self.test {
            Some(test) => test.frozen,
            None => Choice::of(controls),
        };
        self.shared.set_source(self.choice.source);
        let fresh = self.fresh;
        let glide = |ramp: &mut Ramp, value: f32| {
            if !fresh {
                ramp.set_target(value);
            } else if value.is_finite() {
                ramp.snap(value);
            }
        };
        glide(&mut self.null, null);
        for (ramp, db) in self.trims.iter_mut().zip(self.choice.trims_db) {
            glide(ramp, trim_factor(db));
        }
        if self.fresh {
            self.start();
        }
    }

    /// Nothing was heard yet: everything is taken at once.
    fn start(&mut self) {
        while self.ends.returns.slots() > 0
            && let Ok(install) = self.ends.installs.pop()
        {
            if let Some(old) = self.place(install.cell, install.voice) {
                self.send_back(old);
            }
        }
        self.enter(self.program());
        self.settle_layout();
        let (heard, _) = self.wanted();
        self.selection.snap(heard);
        self.switches = self.ends.orders.output_buffer().switches;
        for slot in 0..SLOTS {
            let rest = if self.is_needed(slot) {
                Rest::Awake
            } else {
                Rest::Asleep
            };
            if let Some(place) = self.rests.get_mut(slot) {
                *place = rest;
            }
        }
    }

    /// Before each piece: begins what can begin.
    pub(super) fn begin(&mut self) {
        self.change_program();
        while self.transition.is_none() && self.parked.is_none() && self.ends.returns.slots() > 0 {
            match self.ends.installs.pop() {
                Ok(install) => self.take_in(install),
                Err(_) => break,
            }
        }
        if self.transition.is_none() {
            self.change_program();
        }
        if self.transition.is_none() {
            let latency = self.needed_latency(None);
            if self.needs_layout(latency) {
                let next = self.layout_at(latency);
                self.start_transition(Change::Layout, next, 0);
            }
        }
        self.sleep_or_wake();
        let (heard, how) = self.wanted();
        if self.selection.rests() && self.is_ready(heard) {
            let asked = self.ends.orders.output_buffer().switches;
            if heard != self.selection.to() || asked != self.switches {
                self.selection.go(heard, how);
                self.switches = asked;
            }
        }
    }

    /// What should be heard, and how to get there.
    fn wanted(&self) -> (Heard, Switching) {
        let orders = self.ends.orders.output_buffer();
        let (source, how) = match orders.test {
            Some(test) => (test.source.unwrap_or(self.choice.source), test.switching),
            None => (self.choice.source, orders.last_switching),
        };
        let reference = self.choice.use_reference && self.reference.exists();
        let how = if orders.test.is_none() && orders.switches == self.switches {
            Switching::Gapless
        } else {
            how
        };
        (Heard::new(source, reference, orders.difference_slot()), how)
    }

    // Units and programs.

    /// The cell that slot A should play.
    fn program(&self) -> usize {
        let cell = self.choice.program.map_or(0, |program| SLOTS + usize::from(program));
        match self.cells.get(cell) {
            Some(Some(_)) => cell,
            _ => 0,
        }
    }

    /// Slot A goes on with `cell`, from its clean state.
    fn enter(&mut self, cell: usize) {
        if cell == self.live {
            return;
        }
        self.live = cell;
        let frame = self.frame;
        if let Some(Some(voice)) = self.cells.get_mut(cell) {
            voice.reset();
            voice.seek(frame);
        }
        self.shared.set_live(0, self.voice(0).map(Voice::id));
        self.shared.set_incoming(0, None);
        self.shared.set_program(cell.checked_sub(SLOTS));
    }

    /// Slot A goes to the program that is asked for. One that still runs hidden makes way.
    fn change_program(&mut self) {
        let cell = self.program();
        match &self.transition {
            Some(Transition {
                change:
                    Change::Program {
                        cell: coming,
                        retire: false,
                    },
                stage: Stage::Hidden(_),
                ..
            }) if *coming != cell => {
                self.transition = None;
                self.shared.set_incoming(0, None);
            }
            Some(_) => return,
            None => {}
        }
        if cell == self.live {
            return;
        }
        if self.rests.first() == Some(&Rest::Awake) {
            self.begin_program(cell, false);
        } else {
            self.enter(cell);
            self.wake_anew(0);
        }
    }

    fn begin_program(&mut self, cell: usize, retire: bool) {
        let removed = retire.then_some((self.live, None));
        let next = self.layout_at(self.needed_latency(removed));
        let frame = self.frame;
        let (mut hidden, mut id) = (0, None);
        if let Some(Some(voice)) = self.cells.get_mut(cell) {
            voice.reset();
            voice.seek(frame);
            id = Some(voice.id());
            hidden = hidden_run(voice, &next, cell, self.config.rate.frames(HIDDEN_SECONDS));
        }
        self.shared.set_incoming(0, id);
        self.start_transition(Change::Program { cell, retire }, next, hidden);
    }

    /// What the control side has sent: a place in the return ring is free.
    fn take_in(&mut self, install: Install) {
        let Install { cell, voice } = install;
        let slot = (0..SLOTS).find(|slot| self.cell(*slot) == cell);
        let audible = slot.filter(|slot| self.rests.get(*slot) == Some(&Rest::Awake));
        match (audible, voice) {
            (None, voice) => {
                let voice = voice.map(|mut voice| {
                    voice.seek(self.frame);
                    voice
                });
                if let Some(old) = self.place(cell, voice) {
                    self.send_back(old);
                }
                if let Some(slot) = slot {
                    self.wake_anew(slot);
                }
            }
            (Some(0), None) if cell >= SLOTS => self.begin_program(0, true),
            (Some(slot), voice) => self.begin_swap(slot, cell, voice),
        }
    }

    fn begin_swap(&mut self, slot: usize, cell: usize, mut voice: Option<Box<Voice>>) {
        let latency = self.needed_latency(Some((cell, voice.as_deref().map(Voice::latency))));
        let next = self.layout_at(latency);
        let mut hidden = 0;
        if let Some(voice) = &mut voice {
            voice.seek(self.frame);
            hidden = hidden_run(voice, &next, cell, self.config.rate.frames(HIDDEN_SECONDS));
        }
        self.shared.set_incoming(slot, voice.as_deref().map(Voice::id));
        self.start_transition(Change::Swap { slot, cell, voice }, next, hidden);
    }

    fn start_transition(&mut self, change: Change, next: Layout, hidden: usize) {
        // What wakes meanwhile must have sounded in at its new place, too.
        let further = next.latency.saturating_sub(self.layout.latency) + FILTER_TAPS;
        for rest in &mut self.rests {
            if let Rest::Waking(left) = rest {
                *left += further;
            }
        }
        let stage = Stage::after(hidden);
        if let Stage::Fading(_) = stage {
            self.tell_latency(next.latency);
        }
        self.transition = Some(Transition { change, next, stage });
    }

    /// The end of a transition, at its due time or at once.
    pub(super) fn finish_transition(&mut self) {
        let Some(transition) = self.transition.take() else {
            return;
        };
        self.layout = transition.next;
        self.tell_latency(self.layout.latency);
        let old = match transition.change {
            Change::Layout => None,
            Change::Swap { cell, voice, .. } => self.place(cell, voice),
            Change::Program { cell, retire } => {
                let old = std::mem::replace(&mut self.live, cell);
                self.shared.set_live(0, self.voice(0).map(Voice::id));
                self.shared.set_incoming(0, None);
                self.shared.set_program(cell.checked_sub(SLOTS));
                if retire {
                    self.shared.set_own_latency(old, None);
                }
                self.cells.get_mut(old).filter(|_| retire).and_then(Option::take)
            }
        };
        if let Some(old) = old {
            self.send_back(old);
        }
    }

    /// Puts a voice into a cell and gives back what was there.
    pub(super) fn place(&mut self, cell: usize, mut voice: Option<Box<Voice>>) -> Option<Box<Voice>> {
        if self.fresh
            && let Some(voice) = &mut voice
        {
            voice.seek(self.frame);
        }
        if let Some(slot) = (0..SLOTS).find(|slot| self.cell(*slot) == cell) {
            self.shared.set_live(slot, voice.as_deref().map(Voice::id));
            self.shared.set_incoming(slot, None);
        }
        self.shared.set_own_latency(cell, voice.as_deref().map(Voice::latency));
        match self.cells.get_mut(cell) {
            Some(place) => std::mem::replace(place, voice),
            None => voice,
        }
    }

    pub(super) fn send_back(&mut self, voice: Box<Voice>) {
        if let Err(PushError::Full(voice)) = self.ends.returns.push(voice) {
            // Not reached: a place was reserved. Were it reached twice, the older one would be leaked and not freed here.
            std::mem::forget(self.parked.replace(voice));
        }
    }

    // Time.

    /// The total latency that everything asks for, programs included; `replaced`: a cell and the latency of what comes into it.
    pub(super) fn needed_latency(&self, replaced: Option<(usize, Option<usize>)>) -> usize {
        let alignment = &self.ends.orders.output_buffer().alignment;
        let mut latency = self.shared.reserve().as_usize();
        for cell in 0..CELLS {
            let own = match replaced {
                Some((place, own)) if place == cell => own,
                _ => self.cells.get(cell).and_then(Option::as_deref).map(Voice::latency),
            };
            if let Some(own) = own {
                latency = latency.max(alignment.need(cell, own));
            }
        }
        if self.reference.exists() {
            latency = latency.max(alignment.need_of_reference());
        }
        latency.min(self.config.max_latency.as_usize())
    }

    fn layout_at(&self, latency: usize) -> Layout {
        Layout {
            latency,
            alignment: self.ends.orders.output_buffer().alignment,
        }
    }

    pub(super) fn needs_layout(&self, latency: usize) -> bool {
        let alignment = self.ends.orders.output_buffer().alignment.id;
        latency != self.layout.latency || alignment != self.layout.alignment.id
    }

    pub(super) fn settle_layout(&mut self) {
        self.layout = self.layout_at(self.needed_latency(None));
        self.tell_latency(self.layout.latency);
    }

    fn tell_latency(&self, frames: usize) {
        self.shared
            .tell_latency(HostFrames::new(u32::try_from(frames).unwrap_or(u32::MAX)));
    }

    // Sleep.

    /// Slot `slot` has to run.
    fn is_needed(&self, slot: usize) -> bool {
        let (heard, _) = self.wanted();
        self.ends.orders.output_buffer().comparing
            || self.testing()
            || heard.uses_slot(slot)
            || self.selection.is_heard(|heard| heard.uses_slot(slot))
    }

    fn sleep_or_wake(&mut self) {
        for slot in 0..SLOTS {
            let needed = self.is_needed(slot);
            let changing = self
                .transition
                .as_ref()
                .is_some_and(|change| change.slot() == Some(slot));
            match self.rests.get(slot) {
                Some(Rest::Awake) if !needed && !changing => self.set_rest(slot, Rest::Asleep),
                Some(Rest::Waking(_)) if !needed => self.set_rest(slot, Rest::Asleep),
                Some(Rest::Asleep) if needed => self.wake(slot),
                _ => {}
            }
        }
    }

    fn set_rest(&mut self, slot: usize, rest: Rest) {
        if let Some(place) = self.rests.get_mut(slot) {
            *place = rest;
        }
    }

    /// A sleeping slot starts from its clean state and runs unheard until it has sounded in.
    fn wake(&mut self, slot: usize) {
        let (cell, frame) = (self.cell(slot), self.frame);
        let longest = self.config.rate.frames(HIDDEN_SECONDS);
        let layout = self.transition.as_ref().map_or(&self.layout, |change| &change.next);
        let hidden = match self.cells.get_mut(cell) {
            Some(Some(voice)) => {
                voice.reset();
                voice.seek(frame);
                hidden_run(voice, layout, cell, longest)
            }
            _ => 0,
        };
        self.set_rest(
            slot,
            match hidden {
                0 => Rest::Awake,
                hidden => Rest::Waking(hidden),
            },
        );
    }

    /// What was waking has been replaced.
    fn wake_anew(&mut self, slot: usize) {
        if matches!(self.rests.get(slot), Some(Rest::Waking(_))) {
            self.wake(slot);
        }
    }

    /// All that `heard` needs runs. In a test that is both slots, whatever is asked for: waiting must not tell one from the other.
    fn is_ready(&self, heard: Heard) -> bool {
        let testing = self.testing();
        let mut rests = self.rests.iter().enumerate();
        rests.all(|(slot, rest)| *rest == Rest::Awake || !(testing || heard.uses_slot(slot)))
    }

    // Frames.

    /// How many of `left` frames can be processed before something changes its kind.
    pub(super) fn piece(&self, left: usize) -> usize {
        let mut count = left.min(self.config.max_frames);
        match &self.transition {
            Some(Transition {
                stage: Stage::Hidden(hidden),
                ..
            }) => count = count.min(*hidden),
            Some(Transition {
                stage: Stage::Fading(done),
                ..
            }) => count = count.min(self.fade.len() - done),
            None => {}
        }
        for rest in self.rests {
            if let Rest::Waking(left) = rest {
                count = count.min(left);
            }
        }
        let (_, longest) = self.selection.phase(&self.fade);
        count.min(longest)
    }

    /// Moves everything on by `frames`, at most [`Self::piece`].
    pub(super) fn advance(&mut self, frames: usize) {
        self.selection.advance(frames, &self.fade);
        for rest in &mut self.rests {
            match *rest {
                Rest::Waking(left) if left > frames => *rest = Rest::Waking(left - frames),
                Rest::Waking(_) => *rest = Rest::Awake,
                Rest::Awake | Rest::Asleep => {}
            }
        }
        let length = self.fade.len();
        let Some(transition) = &mut self.transition else {
            return;
        };
        match transition.stage {
            Stage::Hidden(left) if left > frames => transition.stage = Stage::Hidden(left - frames),
            Stage::Hidden(_) => {
                transition.stage = Stage::Fading(0);
                let latency = transition.next.latency;
                self.tell_latency(latency);
            }
            Stage::Fading(done) if done + frames < length => transition.stage = Stage::Fading(done + frames),
            Stage::Fading(_) => self.finish_transition(),
        }
    }
}

/// How long `voice` runs unheard before it can be heard out of `cell`: its receptive field, `longest` at most, and until its own latency and
/// all delays have sounded out.
fn hidden_run(voice: &Voice, layout: &Layout, cell: usize, longest: usize) -> usize {
    let own = voice.latency();
    voice.receptive_field().as_usize().min(longest) + own + layout.cell(cell, Some(own)).depth()
}
