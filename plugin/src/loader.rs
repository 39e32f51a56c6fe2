//! The loader: one thread per instance that reads models, builds processors, hands them to the bank and drops what comes back.
//!
//! The latest wish wins: one that was not begun is forgotten. What cannot be loaded leaves a sentence for the window and the sound
//! as it was. A new track (rate, channels) builds the same model again.

use crate::playable::{ModelCard, Playable, Track};
use crate::shared::{Control, LibraryItem, Shared, Wish};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tonegraft_core::{Facts, HostFrames, LatencyParts, Tail};
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

/// A unit and what is told about it; without a unit the slot becomes dry.
struct Built {
    unit: Option<Unit>,
    facts: Option<Facts>,
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
    /// Found no place in the bank's ring yet.
    waiting: Option<Built>,
    next_id: u64,
}

impl<'a> Work<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            library: Library::empty(),
            playable: None,
            playing: None,
            waiting: None,
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
            let wish = control.wish.take();
            let track = control.status.track;
            let is_new_track = control.activation != activation;
            activation = control.activation;
            control.status.loading = wish.as_ref().map(|wish| self.name_of(wish));
            drop(control);

            let is_new_model = wish.is_some_and(|wish| self.load(&wish));
            if let (Some(track), true) = (track, is_new_model || is_new_track) {
                self.build(track, activation);
            }
            let mut control = self.shared.lock();
            control.status.loading = None;
            caught_up = asked;
            self.shared.set_done(&mut control, asked);
        }
    }

    /// Drops what the audio thread has given back, and tries again to install what found no place.
    fn keep_house(&mut self, control: &mut Control) {
        if let Some(bank) = &mut control.bank {
            bank.collect();
        }
        if let Some(built) = self.waiting.take() {
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

    /// Fulfils a wish, up to the compiled model; true if it is a new one.
    fn load(&mut self, wish: &Wish) -> bool {
        // Hosts set the same session again after a change of rate, or on every step of an undo: what plays goes on.
        if let Wish::Restore(reference) = wish
            && self.playing.as_ref() == Some(reference)
        {
            self.shared.lock().status.error = None;
            return false;
        }
        let result = self.find(wish);
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

    fn find(&mut self, wish: &Wish) -> Result<Option<Loaded>, String> {
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
        let playable = Playable::compile(&found)?;
        Ok(Some(Loaded {
            playable,
            reference,
            notice: changed_notice(&found),
        }))
    }

    /// Builds what plays for `track` and hands it to the bank of activation `activation`.
    fn build(&mut self, track: Track, activation: u64) {
        self.waiting = None;
        let built = match self.playable.as_ref().map(|playable| self.instance(playable, track)) {
            None => Built {
                unit: None,
                facts: None,
            },
            Some(Ok(built)) => built,
            Some(Err(message)) => {
                self.shared.show_error(message);
                return;
            }
        };
        self.next_id += 1;
        let mut control = self.shared.lock();
        // A newer activation asks again.
        if control.activation == activation {
            self.hand_over(&mut control, built);
        }
    }

    fn instance(&self, playable: &Playable, track: Track) -> Result<Built, String> {
        let processor = playable.instantiate(track)?;
        let facts = processor.facts();
        Ok(Built {
            unit: Some(Unit {
                processor,
                id: self.next_id,
                knobs: ranges(&playable.card),
                levels: playable.levels(),
            }),
            facts: Some(facts),
        })
    }

    fn hand_over(&mut self, control: &mut Control, built: Built) {
        let Built { unit, facts } = built;
        if let Some(bank) = &mut control.bank {
            if let Err(refusal) = bank.install(0, unit) {
                match refusal.kind {
                    InstallErrorKind::Busy => {
                        self.waiting = Some(Built {
                            unit: refusal.unit,
                            facts,
                        });
                    }
                    kind => control.status.error = Some(format!("The model cannot be used on this track: {kind}.")),
                }
                return;
            }
            bank.clear_faults();
        } else {
            control.ready = Some(unit);
        }
        control.status.latency = facts.map_or(LatencyParts::ZERO, |facts| facts.latency);
        self.shared
            .set_tail(facts.map_or(Tail::Frames(HostFrames::ZERO), |facts| facts.tail));
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
