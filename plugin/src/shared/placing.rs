//! Where the sources stand in time, and what runs: from the session into the bank.

use super::{Control, Seat, Shared};
use tonegraft_core::{HostFrames, KNOBS, SLOTS, Source};
use tonegraft_library::{CompareState, Measured, Placement};
use tonegraft_slots::Alignment;

/// The name in the session of a difference with slot B.
const OF_B: &str = "b";

/// The bank's alignment that `state` means at `rate` Hz.
fn alignment(state: &CompareState, rate: u32) -> Alignment {
    let state = state.at_rate(rate);
    let placements = state.placements();
    Alignment {
        delays: placements.map(|placement| placement.total()),
        invert: placements.map(|placement| placement.inverted),
        hear_reference_aligned: state.hear_aligned,
    }
}

/// The slot that the reference is taken away from.
pub(crate) fn difference_slot(state: &CompareState) -> Source {
    if state.difference == OF_B { Source::B } else { Source::A }
}

impl Shared {
    /// Tells the bank what the session says.
    pub(super) fn place_sources(&self, control: &mut Control) {
        let rate = control.status.track.map_or(0, |track| track.rate.get());
        let (session, gain) = (&control.session, control.difference_gain);
        if let Some(bank) = &mut control.bank {
            bank.set_reserve(HostFrames::new(session.latency_reserve));
            let mut alignment = alignment(&session.compare, rate);
            if control.anchored {
                // What was said of the model in slot B does not hold for the anchor.
                alignment.delays[1] = 0.0;
                alignment.invert[1] = false;
            }
            bank.set_alignment(alignment);
            bank.set_comparing(!session.compare.sleep);
            bank.set_difference(difference_slot(&session.compare), gain);
        }
    }

    /// Changes where source `index` (A, B, reference) stands, with its delays counted at the host's rate.
    pub fn edit_placement(&self, index: usize, edit: impl FnOnce(&mut Placement)) {
        let rate = self.rate();
        self.edit_session("the alignment was changed", |session| {
            let mut compare = session.compare.at_rate(rate);
            if let Some(placement) = compare.placement_mut(index) {
                edit(placement);
            }
            if compare.placements() != session.compare.at_rate(rate).placements() {
                session.compare = compare;
            }
        });
    }

    /// Measures the own delay of what plays in `slot` again, with its knobs at `knobs` (0 … 1). The loader does, when it has nothing
    /// else to do.
    pub fn measure_own(&self, slot: usize, knobs: [f32; KNOBS]) {
        let mut control = self.lock();
        let program = self.program().filter(|_| slot == 0).map(usize::from);
        let program = program.filter(|&program| {
            control
                .status
                .programs
                .get(program)
                .is_some_and(|seat| seat.card.is_some())
        });
        let seat = program.map_or(Seat::Slot(slot), Seat::Program);
        let Some(status) = control.status.seat_mut(seat).filter(|status| status.card.is_some()) else {
            return;
        };
        status.probing = true;
        control.probes[seat.index()] = Some(knobs);
        self.wake.notify_all();
    }

    /// A measurement of source `index` (A, B, reference); a locked one keeps what it has.
    pub(crate) fn put_measured(&self, index: usize, measured: Measured) {
        self.edit_placement(index, |placement| {
            if !placement.locked {
                placement.measured = Some(measured);
            }
        });
    }

    /// The model in `slot` was exchanged: what was said of the one before does not hold for it, unless the user locked it.
    pub(crate) fn forget_placement(&self, control: &mut Control, slot: usize) {
        let placement = control.session.compare.placement_mut(slot).filter(|_| slot < SLOTS);
        if let Some(placement) = placement.filter(|placement| !placement.locked) {
            *placement = Placement::default();
            self.place_sources(control);
        }
    }

    /// Hears the reference in time with the slots, which are delayed for it, or as it comes.
    pub fn hear_aligned(&self, aligned: bool) {
        self.edit_session("the alignment was changed", |session| {
            session.compare.hear_aligned = aligned;
        });
    }

    /// Keeps a slot running that is not heard, or lets it sleep.
    pub fn keep_running(&self, running: bool) {
        self.edit_session("what runs was changed", |session| session.compare.sleep = !running);
    }

    /// Compares slot A or B with the reference.
    pub fn compare_slot(&self, slot: Source) {
        let name = if slot == Source::B { OF_B } else { "" };
        self.edit_session("what is compared was changed", |session| {
            session.compare.difference = name.to_owned();
        });
        self.desk.start_afresh();
    }

    /// The factor by which the reference, as it comes in, is taken away in the difference.
    pub(crate) fn set_difference_gain(&self, gain: f64) {
        let mut control = self.lock();
        // The bank turns the reference round before.
        let sign = if control.session.compare.reference.inverted {
            -1.0
        } else {
            1.0
        };
        // A factor near 1.
        #[allow(clippy::cast_possible_truncation)]
        let gain = (sign * gain) as f32;
        control.difference_gain = gain;
        let slot = difference_slot(&control.session.compare);
        if let Some(bank) = &mut control.bank {
            bank.set_difference(slot, gain);
        }
    }

    /// Latency to report at least, in frames.
    pub fn reserve(&self, frames: u32) {
        self.edit_session("the latency was changed", |session| session.latency_reserve = frames);
    }

    /// Zoom of the window.
    pub fn set_zoom(&self, zoom: f32) {
        self.edit_session("", |session| session.window.zoom = zoom.is_finite().then_some(zoom));
    }

    /// Name of the window's colours.
    pub fn set_theme(&self, theme: &str) {
        self.edit_session("", |session| theme.clone_into(&mut session.window.theme));
    }
}

/// What hearing the reference aligned adds to the latency, or would add, in frames; 0 before the audio runs.
pub(super) fn hearing_adds(control: &Control) -> u32 {
    let Some(bank) = &control.bank else { return 0 };
    let armed = |aligned| {
        let alignment = Alignment {
            hear_reference_aligned: aligned,
            ..*bank.alignment()
        };
        bank.latency_with(&alignment).frames().get()
    };
    armed(true).saturating_sub(armed(false))
}
