//! The loader: one thread per instance that reads models, builds processors, hands them to the bank and drops what comes back.
//!
//! The latest wish wins: one that was not begun is forgotten. What cannot be loaded leaves a sentence for the window and the sound
//! as it was. A new track (rate, channels) builds the same model again.

use crate::cab::Cab;
use crate::playable::{ModelCard, Playable, Track, Way};
use crate::shared::{CabWish, Control, LibraryItem, Place, Shared, Wish};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tonegraft_core::{Facts, HostFrames, LatencyParts, ModelLevels, Tail};
use tonegraft_engine::Conversion;
use tonegraft_library::{Library, Located, ModelRef, files, locate, shipped};
use tonegraft_slots::{InstallErrorKind, KnobRange, Unit};

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

/// A unit and what is told about it; without a unit the place becomes dry.
struct Built {
    place: Place,
    unit: Option<Unit>,
    facts: Option<Facts>,
    /// What lies between the host's rate and the model's.
    conversion: Option<Conversion>,
}

/// A model that was found and compiled.
struct Loaded {
    playable: Playable,
    reference: ModelRef,
    notice: Option<String>,
}

struct Work<'a> {
    shared: &'a Shared,
    library: Library,
    /// What plays; `None`: dry.
    playable: Option<Playable>,
    /// The reference of what plays, if it plays with the very content that the reference names.
    playing: Option<ModelRef>,
    /// The impulse response; `None`: there is none.
    cab: Option<Cab>,
    /// How the model was built last.
    way: Way,
    /// Found no room in their bank's ring yet, by [`Place`].
    waiting: [Option<Built>; 2],
    /// By [`Place`].
    tails: [Tail; 2],
    next_id: u64,
}

impl<'a> Work<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            library: Library::empty(),
            playable: None,
            playing: None,
            cab: None,
            way: Way::default(),
            waiting: [None, None],
            tails: [Tail::Frames(HostFrames::ZERO); 2],
            next_id: 0,
        }
    }

    fn run(&mut self) {
        let (mut caught_up, mut activation) = (0, 0);
        loop {
            let mut control = self.shared.lock();
            while !control.stop && control.asked == caught_up && !control.rescan {
                self.keep_house(&mut control);
                self.shared.wait(&mut control, TICK);
            }
            if control.stop {
                return;
            }
            // Wishes first: a library may be large.
            if control.asked == caught_up {
                control.rescan = false;
                drop(control);
                self.scan();
                continue;
            }
            let asked = control.asked;
            let (wish, cab_wish) = (control.wish.take(), control.cab_wish.take());
            let track = control.status.track;
            let way = control.session.slots.first().map(Way::of).unwrap_or_default();
            let is_new_track = control.activation != activation;
            activation = control.activation;
            control.status.loading = wish.as_ref().map(|wish| self.name_of(wish));
            control.status.loading_cab = cab_wish.as_ref().and_then(CabWish::name);
            drop(control);

            let is_new_model = match wish {
                Some(wish) => self.load(&wish, way.size),
                None => self.resize(way.size),
            };
            let is_new_cab = cab_wish.is_some_and(|wish| self.load_cab(&wish));
            if let Some(track) = track {
                if is_new_model || is_new_track || way != self.way {
                    self.way = way;
                    self.build(track, activation);
                }
                if is_new_cab || is_new_track {
                    self.build_cab(track, activation);
                }
            }
            let mut control = self.shared.lock();
            control.status.loading = None;
            control.status.loading_cab = None;
            control.status.way = way;
            caught_up = asked;
            self.shared.set_done(&mut control, asked);
        }
    }

    /// Drops what the audio thread has given back, and tries again to install what found no place.
    fn keep_house(&mut self, control: &mut Control) {
        for bank in control.banks.iter_mut().flatten() {
            bank.collect();
        }
        for built in std::mem::take(&mut self.waiting).into_iter().flatten() {
            self.hand_over(control, built);
        }
    }

    fn scan(&mut self) {
        self.library = Library::scan_default();
        let ours = shipped().iter().map(|model| LibraryItem {
            name: model.name.to_owned(),
            group: "Shipped".to_owned(),
            wish: Wish::Shipped(model.id.to_owned()),
        });
        let theirs = self.library.entries().iter().map(|entry| LibraryItem {
            name: entry.name.clone(),
            group: if entry.group.is_empty() {
                "Library".to_owned()
            } else {
                entry.group.clone()
            },
            wish: Wish::File(entry.path.clone()),
        });
        let items = Arc::new(ours.chain(theirs).collect());
        let mut control = self.shared.lock();
        control.status.library = items;
        control.status.folder = self.library.folders().first().cloned();
    }

    fn name_of(&self, wish: &Wish) -> String {
        match wish {
            Wish::Restore(reference) => reference.name().to_owned(),
            Wish::Shipped(id) => ModelRef::shipped(id.as_str()).name().to_owned(),
            Wish::File(path) => path
                .file_stem()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
        }
    }

    /// Compiles what plays in another size, if it has one; true if so.
    fn resize(&mut self, size: f32) -> bool {
        if !self
            .playable
            .as_ref()
            .is_some_and(|playable| playable.has_other_size(size))
        {
            return false;
        }
        let reference = self.shared.lock().session.model(0).clone();
        self.playing = None;
        self.load(&Wish::Restore(reference), size)
    }

    /// Fulfils a wish, up to the compiled model; true if it is a new one.
    fn load(&mut self, wish: &Wish, size: f32) -> bool {
        // Hosts set the same session again after a change of rate, or on every step of an undo: what plays goes on.
        if let Wish::Restore(reference) = wish
            && self.playing.as_ref() == Some(reference)
        {
            self.shared.lock().status.error = None;
            return self.resize(size);
        }
        let result = self.find(wish, size);
        let from_window = !matches!(wish, Wish::Restore(_));
        let mut control = self.shared.lock();
        let loaded = match result {
            Ok(loaded) => loaded,
            Err(message) => {
                control.status.error = Some(message);
                return false;
            }
        };
        let card = loaded.as_ref().map(|loaded| Arc::clone(&loaded.playable.card));
        let labels = card.as_ref().map_or_else(Vec::new, |card| card.knobs.clone());
        let reference = loaded
            .as_ref()
            .map_or(ModelRef::None, |loaded| loaded.reference.clone());
        control.defaults = from_window.then(|| labels.iter().map(crate::board::KnobLabel::default_position).collect());
        self.playing = loaded
            .as_ref()
            .is_none_or(|loaded| loaded.notice.is_none())
            .then(|| reference.clone());
        control.status.error = None;
        control.status.notice = loaded.as_ref().and_then(|loaded| loaded.notice.clone());
        control.status.source = Some(source_of(wish, &reference));
        control.status.card = card;
        // A restored reference stays as the host wrote it: the file may come back to its place.
        if from_window {
            control.session.set_model(0, reference);
            self.shared.count_edit();
        }
        drop(control);
        self.shared.board.set(labels);
        self.playable = loaded.map(|loaded| loaded.playable);
        true
    }

    /// Fulfils a wish, up to the response as it was read; true if it is a new one.
    fn load_cab(&mut self, wish: &CabWish) -> bool {
        if let CabWish::Restore(reference) = wish
            && self.cab.as_ref().map_or(&ModelRef::None, |cab| &cab.reference) == reference
        {
            return false;
        }
        if matches!(wish, CabWish::Restore(ModelRef::File(_))) && self.library.folders().is_empty() {
            self.scan();
        }
        let result = Cab::find(wish, &self.library);
        let from_window = !matches!(wish, CabWish::Restore(_));
        let mut control = self.shared.lock();
        let cab = match result {
            Ok(cab) => cab,
            Err(message) => {
                control.status.error = Some(message);
                return false;
            }
        };
        control.status.error = None;
        control.status.cab = cab.as_ref().map(|cab| Arc::clone(&cab.card));
        if from_window {
            control.session.cab = cab.as_ref().map_or(ModelRef::None, |cab| cab.reference.clone());
            self.shared.count_edit();
        }
        drop(control);
        self.cab = cab;
        true
    }

    fn find(&mut self, wish: &Wish, size: f32) -> Result<Option<Loaded>, String> {
        let reference = match wish {
            Wish::Restore(reference) => reference.clone(),
            Wish::Shipped(id) => ModelRef::shipped(id.as_str()),
            Wish::File(path) => {
                let bytes = files::read_model(path)
                    .map_err(|error| format!("{} cannot be opened: {error}. Choose another file.", path.display()))?;
                ModelRef::file(path, &bytes, self.library.folders(), None, false)
            }
        };
        if matches!(wish, Wish::Restore(ModelRef::File(_))) && self.library.folders().is_empty() {
            // Moved files are looked for in the library.
            self.scan();
        }
        let Some(found) = locate(&reference, &self.library).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let playable = Playable::compile(&found, size)?;
        Ok(Some(Loaded {
            playable,
            reference,
            notice: changed_notice(&found),
        }))
    }

    /// Builds what plays for `track` and hands it to the bank of activation `activation`.
    fn build(&mut self, track: Track, activation: u64) {
        self.waiting[Place::Slot as usize] = None;
        let built = match self.playable.as_ref().map(|playable| self.instance(playable, track)) {
            None => Built::nothing(Place::Slot),
            Some(Ok(built)) => built,
            Some(Err(message)) => {
                self.shared.show_error(message);
                return;
            }
        };
        self.hand_over_for(activation, built);
    }

    /// The same for the impulse response.
    fn build_cab(&mut self, track: Track, activation: u64) {
        self.waiting[Place::Cab as usize] = None;
        let built = match self.cab.as_ref().map(|cab| cab.instantiate(track)) {
            None => Built::nothing(Place::Cab),
            Some(Ok(processor)) => Built {
                place: Place::Cab,
                facts: Some(processor.facts()),
                unit: Some(Unit {
                    processor,
                    id: self.next_id,
                    knobs: Vec::new(),
                    levels: ModelLevels::default(),
                }),
                conversion: None,
            },
            Some(Err(message)) => {
                self.shared.show_error(message);
                return;
            }
        };
        self.hand_over_for(activation, built);
    }

    fn hand_over_for(&mut self, activation: u64, built: Built) {
        self.next_id += 1;
        let mut control = self.shared.lock();
        // A newer activation asks again.
        if control.activation == activation {
            self.hand_over(&mut control, built);
        }
    }

    fn instance(&self, playable: &Playable, track: Track) -> Result<Built, String> {
        let processor = playable.instantiate(track, self.way)?;
        let facts = processor.facts();
        Ok(Built {
            place: Place::Slot,
            unit: Some(Unit {
                processor,
                id: self.next_id,
                knobs: ranges(&playable.card),
                levels: playable.card.levels,
            }),
            facts: Some(facts),
            conversion: Some(playable.conversion(track, self.way)),
        })
    }

    fn hand_over(&mut self, control: &mut Control, built: Built) {
        let Built {
            place,
            unit,
            facts,
            conversion,
        } = built;
        let at = place as usize;
        if let Some(bank) = &mut control.banks[at] {
            if let Err(refusal) = bank.install(0, unit) {
                match refusal.kind {
                    InstallErrorKind::Busy => {
                        self.waiting[at] = Some(Built {
                            place,
                            unit: refusal.unit,
                            facts,
                            conversion,
                        });
                    }
                    kind => control.status.error = Some(format!("This cannot be used on this track: {kind}.")),
                }
                return;
            }
            bank.clear_faults();
        } else {
            control.ready[at] = Some(unit);
        }
        self.tails[at] = facts.map_or(Tail::Frames(HostFrames::ZERO), |facts| facts.tail);
        self.shared.set_tail(both(self.tails));
        if place == Place::Slot {
            control.status.latency = facts.map_or(LatencyParts::ZERO, |facts| facts.latency);
            control.status.conversion = conversion;
            let card = self.playable.as_ref().map(|playable| &playable.card);
            self.shared.set_cab_in_model(card.is_some_and(|card| card.has_cab));
        }
    }
}

impl Built {
    /// The place becomes dry.
    const fn nothing(place: Place) -> Self {
        Self {
            place,
            unit: None,
            facts: None,
            conversion: None,
        }
    }
}

/// The tail of one behind the other.
fn both([first, second]: [Tail; 2]) -> Tail {
    match (first, second) {
        (Tail::Frames(first), Tail::Frames(second)) => {
            Tail::Frames(HostFrames::new(first.get().saturating_add(second.get())))
        }
        _ => Tail::Infinite,
    }
}

fn ranges(card: &ModelCard) -> Vec<KnobRange> {
    let range = |label: &crate::board::KnobLabel| KnobRange {
        min: label.min,
        max: label.max,
    };
    card.knobs.iter().map(range).collect()
}

/// How the library list names what was loaded.
fn source_of(wish: &Wish, reference: &ModelRef) -> Wish {
    match (wish, reference) {
        (Wish::Restore(_), ModelRef::Shipped { id }) => Wish::Shipped(id.clone()),
        (Wish::Restore(_), ModelRef::File(file)) => file.path.to_path().map_or_else(|| wish.clone(), Wish::File),
        _ => wish.clone(),
    }
}

fn changed_notice(found: &Located) -> Option<String> {
    (!found.exact).then(|| {
        format!(
            "{} is not the file that was saved with the session: its content has changed. Save the session again to keep it.",
            found.file_name
        )
    })
}
