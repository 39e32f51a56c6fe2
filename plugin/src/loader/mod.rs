//! The loader: one thread per instance that reads models, builds processors, hands them to the bank and drops what comes back.
//!
//! There are eighteen seats for models: slots A and B, and sixteen programs. Wishes are served one at a time: slots first, then the
//! cabinet, then programs; in each seat the latest wish wins, and one that was not begun is forgotten. What cannot be loaded leaves a
//! sentence for the window and the sound as it was. A new track (rate, channels) builds all models again.

mod build;
mod find;

use crate::cab::Cab;
use crate::playable::{Playable, Track, Way};
use crate::shared::{CabWish, Control, LibraryItem, SEATS, Seat, Shared, Wish, slot_of};
use build::{Built, BuiltCab, sum};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tonegraft_core::{HostFrames, KNOBS, Tail};
use tonegraft_library::{Library, ModelRef, catalogue, shipped_by_id};

/// How often retired units are collected.
const TICK: Duration = Duration::from_millis(50);

/// The thread; stopped and joined on drop.
#[derive(Debug)]
pub struct Loader {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    /// Starts the thread.
    pub fn start(shared: Arc<Shared>) -> Self {
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("tonegraft-load".into())
                .spawn(move || Work::new(&shared).run())
        };
        if let Err(error) = &thread {
            // Nobody may wait for a loader that is not there.
            shared.shut_down();
            shared.show_error(format!(
                "No thread for loading models could be started ({error}); close other programs."
            ));
        }
        Self {
            shared,
            thread: thread.ok(),
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.shut_down();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread must not become one of the host's.
            let _ = thread.join();
        }
    }
}

/// What the loader knows of one seat.
struct Place {
    /// What plays; `None`: dry.
    playable: Option<Playable>,
    /// The reference of what plays, if it plays with the very content that the reference names.
    playing: Option<ModelRef>,
    /// How it is to be built.
    way: Way,
    /// What plays is not what was built last.
    stale: bool,
    /// What the model has learned was not measured yet.
    unprobed: bool,
    /// Knob positions to measure it with; `None`: the model's own defaults.
    probe_at: Option<[f32; KNOBS]>,
    /// Found no room in the bank's ring yet.
    waiting: Option<Built>,
    tail: Tail,
}

impl Place {
    const fn empty(way: Way) -> Self {
        Self {
            playable: None,
            playing: Some(ModelRef::None),
            way,
            stale: false,
            unprobed: false,
            probe_at: None,
            waiting: None,
            tail: Tail::Frames(HostFrames::ZERO),
        }
    }
}

/// What is to be done next.
enum Job {
    Load(Seat, Wish),
    Build(Seat),
    /// Measures what the model has learned; nobody waits for it.
    Probe(Seat),
    LoadCab(CabWish),
    BuildCab,
    Scan,
}

struct Work<'a> {
    shared: &'a Shared,
    library: Library,
    /// By [`Seat`].
    places: [Place; SEATS],
    /// The last models that were replaced: slots are exchanged without reading them again.
    replaced: Vec<(ModelRef, Playable)>,
    /// The impulse response; `None`: there is none.
    cab: Option<Arc<Cab>>,
    cab_stale: bool,
    cab_waiting: Option<BuiltCab>,
    cab_tail: Tail,
    track: Option<Track>,
    activation: u64,
    next_id: u64,
    /// The program that slot A's knobs are named after.
    shown_program: Option<u8>,
}

impl<'a> Work<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            library: Library::empty(),
            places: std::array::from_fn(|_| Place::empty(Way::default())),
            replaced: Vec::new(),
            cab: None,
            cab_stale: false,
            cab_waiting: None,
            cab_tail: Tail::Frames(HostFrames::ZERO),
            track: None,
            activation: 0,
            next_id: 0,
            shown_program: None,
        }
    }

    fn run(&mut self) {
        while let Some(job) = self.next() {
            match job {
                Job::Load(seat, wish) => self.load(seat, &wish),
                Job::Build(seat) => self.build(seat),
                Job::Probe(seat) => self.probe(seat),
                Job::LoadCab(wish) => self.load_cab(&wish),
                Job::BuildCab => self.build_cab(),
                Job::Scan => self.scan(),
            }
        }
    }

    /// What to do next; waits for it. `None`: end.
    fn next(&mut self) -> Option<Job> {
        let shared = self.shared;
        let mut control = shared.lock();
        loop {
            if control.stop {
                return None;
            }
            self.follow(&mut control);
            if let Some(job) = self.pick(&mut control) {
                return Some(job);
            }
            if control.done != control.asked {
                let asked = control.asked;
                shared.set_done(&mut control, asked);
            }
            // Wishes first: a library may be large.
            if std::mem::take(&mut control.rescan) {
                return Some(Job::Scan);
            }
            let unprobed = Seat::all().find(|seat| self.places[seat.index()].unprobed);
            if let Some(seat) = unprobed {
                return Some(Job::Probe(seat));
            }
            self.keep_house(&mut control);
            shared.wait(&mut control, TICK);
        }
    }

    /// Takes over what is not a wish: a new track, another way to play.
    fn follow(&mut self, control: &mut Control) {
        if control.activation != self.activation {
            self.activation = control.activation;
            self.track = control.status.track;
            self.cab_waiting = None;
            self.cab_stale = true;
            for (index, place) in self.places.iter_mut().enumerate() {
                place.waiting = None;
                // A new bank's programs are empty as they are.
                place.stale = index < 2 || place.playable.is_some();
            }
        }
        for (place, rebuild) in self.places.iter_mut().zip(&mut control.rebuild) {
            place.stale |= std::mem::take(rebuild);
        }
        for (place, knobs) in self.places.iter_mut().zip(&mut control.probes) {
            if let Some(knobs) = knobs.take() {
                place.unprobed = true;
                place.probe_at = Some(knobs);
            }
        }
        for seat in Seat::all() {
            let way = slot_of(&control.session, seat).map(Way::of).unwrap_or_default();
            if let Some(status) = control.status.seat_mut(seat) {
                status.way = way;
            }
            let place = &mut self.places[seat.index()];
            if way == place.way {
                continue;
            }
            place.way = way;
            let wish = &mut control.wishes[seat.index()];
            let other_size = place
                .playable
                .as_ref()
                .is_some_and(|model| model.has_other_size(way.size));
            if other_size && wish.is_none() {
                place.playing = None;
                *wish = slot_of(&control.session, seat).map(|slot| Wish::Restore(slot.model.clone()));
            }
            place.stale |= place.playable.is_some();
        }
    }

    fn pick(&self, control: &mut Control) -> Option<Job> {
        let ready = self.track.is_some();
        for seat in Seat::all() {
            // The cabinet between the slots and the programs.
            if seat == Seat::Program(0) {
                if let Some(wish) = control.cab_wish.take() {
                    control.status.loading_cab = wish.name();
                    return Some(Job::LoadCab(wish));
                }
                if self.cab_stale && ready {
                    return Some(Job::BuildCab);
                }
            }
            if let Some(wish) = control.wishes[seat.index()].take() {
                if let Some(status) = control.status.seat_mut(seat) {
                    status.loading = find::name_of(&wish);
                }
                return Some(Job::Load(seat, wish));
            }
            if self.places[seat.index()].stale && ready {
                return Some(Job::Build(seat));
            }
        }
        None
    }

    /// Drops what the audio thread has given back, tries again to install what found no place, and names the knobs of slot A after the
    /// program that plays there.
    fn keep_house(&mut self, control: &mut Control) {
        for bank in [&mut control.bank, &mut control.cab_bank].into_iter().flatten() {
            bank.collect();
        }
        for seat in Seat::all() {
            if let Some(built) = self.places[seat.index()].waiting.take() {
                self.hand_over(control, seat, built);
            }
        }
        if let Some(built) = self.cab_waiting.take() {
            self.hand_over_cab(control, built);
        }
        self.shared.tend_exam(control);
        let program = self.shared.program();
        if program != self.shown_program {
            self.shown_program = program;
            self.name_knobs(Seat::Slot(0));
        }
    }

    /// The host's texts for the knobs of `seat`.
    fn name_knobs(&self, seat: Seat) {
        let card = |seat: Seat| self.places[seat.index()].playable.as_ref().map(|model| &model.card);
        match seat {
            Seat::Slot(slot) => {
                let program = self.shown_program.filter(|_| slot == 0);
                let program = program.and_then(|program| card(Seat::Program(usize::from(program))));
                let labels = program
                    .or_else(|| card(seat))
                    .map_or_else(Vec::new, |card| card.knobs.clone());
                if let Some(board) = self.shared.boards.slots.get(slot) {
                    board.set(labels);
                }
            }
            Seat::Program(program) => {
                let name = card(seat).map(|card| card.name.clone());
                self.shared.boards.programs.set(program, name);
                if self.shown_program.map(usize::from) == Some(program) {
                    self.name_knobs(Seat::Slot(0));
                }
            }
        }
    }

    /// How long the plugin sounds on, whatever is heard.
    fn tell_tail(&self) {
        let longest = self
            .places
            .iter()
            .fold(Tail::Frames(HostFrames::ZERO), |longest, place| {
                match (longest, place.tail) {
                    (Tail::Frames(longest), Tail::Frames(tail)) => Tail::Frames(longest.max(tail)),
                    _ => Tail::Infinite,
                }
            });
        self.shared.set_tail(sum(longest, self.cab_tail));
    }

    fn scan(&mut self) {
        self.library = Library::scan_default();
        let ours = catalogue().iter().filter_map(|listing| {
            Some(LibraryItem {
                name: shipped_by_id(&listing.id)?.name.to_owned(),
                group: listing.category.clone(),
                wish: Wish::Shipped(listing.id.clone()),
                presets: listing.presets.iter().map(|preset| preset.name.clone()).collect(),
            })
        });
        let theirs = self.library.entries().iter().map(|entry| LibraryItem {
            name: entry.name.clone(),
            group: if entry.group.is_empty() {
                "Library".to_owned()
            } else {
                entry.group.clone()
            },
            wish: Wish::File(entry.path.clone()),
            presets: Vec::new(),
        });
        let items = Arc::new(ours.chain(theirs).collect());
        let mut control = self.shared.lock();
        control.status.library = items;
        control.status.folder = self.library.folders().first().cloned();
    }
}
