//! What is asked of the loader, and what the window is told of it.

use crate::meters::LoadCell;
use crate::playable::{Baked, CabCard, ModelCard, Track, Way};
use std::path::PathBuf;
use std::sync::Arc;
use tonegraft_core::{LatencyParts, PROGRAMS, SLOTS};
use tonegraft_engine::Conversion;
use tonegraft_library::ModelRef;

/// Places for models: the slots, then the programs.
pub(crate) const SEATS: usize = SLOTS + PROGRAMS;

/// A place for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    /// Slot A (0) or B (1).
    Slot(usize),
    /// A program, from 0.
    Program(usize),
}

impl Seat {
    /// All, in the order in which they are served.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..SLOTS).map(Self::Slot).chain((0..PROGRAMS).map(Self::Program))
    }

    /// Index among all.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Slot(slot) => slot,
            Self::Program(program) => SLOTS + program,
        }
    }
}

/// Which impulse response to load.
#[derive(Clone, Debug, PartialEq)]
pub enum CabWish {
    /// What a session names, also none.
    Restore(ModelRef),
    /// A file, chosen in the window.
    File(PathBuf),
    /// None any more.
    Remove,
}

/// What to load.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// What a session names.
    Restore(ModelRef),
    /// A shipped model, chosen in the window.
    Shipped(String),
    /// A shipped model at one of its presets, chosen in the window.
    Preset {
        /// Of the model.
        id: String,
        /// The preset's name.
        preset: String,
    },
    /// A file, chosen in the window.
    File(PathBuf),
    /// Nothing any more: the input passes.
    Remove,
}

/// One line of the library list.
#[derive(Clone, Debug, PartialEq)]
pub struct LibraryItem {
    /// What the user reads.
    pub name: String,
    /// Folder inside the library, or category of a shipped model.
    pub group: String,
    /// How it is loaded.
    pub wish: Wish,
    /// Names of the settings that it comes with.
    pub presets: Vec<String>,
}

/// One slot, or one program.
#[derive(Clone, Debug, Default)]
pub struct SeatStatus {
    /// The model; `None`: dry.
    pub card: Option<Arc<ModelCard>>,
    /// How it was loaded; marks the line in the library list.
    pub source: Option<Wish>,
    /// Name of what is being loaded.
    pub loading: Option<String>,
    /// How the model is played.
    pub way: Way,
    /// What lies between the host's rate and the model's; `None` without a model.
    pub conversion: Option<Conversion>,
    /// Latency of the model, in parts.
    pub latency: LatencyParts,
    /// The delay and polarity that the model has learned; `None`: not measured, or nothing was found.
    pub baked: Option<Baked>,
    /// They are being measured, or will be soon.
    pub probing: bool,
    /// What it costs; `None`: it does not play.
    pub load: Option<Arc<LoadCell>>,
    /// What went wrong last, where, and what to do.
    pub error: Option<String>,
    /// What the user should know about what plays.
    pub notice: Option<String>,
}

/// What the window shows; behind the mutex.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Slots A and B.
    pub slots: [SeatStatus; SLOTS],
    /// What slot A can be switched to.
    pub programs: [SeatStatus; PROGRAMS],
    /// The impulse response; `None`: there is none.
    pub cab: Option<Arc<CabCard>>,
    /// Name of the impulse response that is being loaded.
    pub loading_cab: Option<String>,
    /// What went wrong last beside the models, where, and what to do.
    pub error: Option<String>,
    /// The host's rate and layout, once activated.
    pub track: Option<Track>,
    /// Shipped models and the library folder.
    pub library: Arc<Vec<LibraryItem>>,
    /// The library folder, if the system has one.
    pub folder: Option<PathBuf>,
}

impl Status {
    pub(crate) fn seat_mut(&mut self, seat: Seat) -> Option<&mut SeatStatus> {
        match seat {
            Seat::Slot(slot) => self.slots.get_mut(slot),
            Seat::Program(program) => self.programs.get_mut(program),
        }
    }

    /// What slot A plays while `program` (from 0) is chosen.
    pub fn playing(&self, program: Option<u8>) -> &SeatStatus {
        let program = program.and_then(|program| self.programs.get(usize::from(program)));
        match program {
            Some(program) if program.card.is_some() => program,
            _ => &self.slots[0],
        }
    }

    /// The first error: of the slots, of what else there is, of the programs.
    pub fn error(&self) -> Option<&str> {
        let slots = self.slots.iter().map(|slot| &slot.error);
        let programs = self.programs.iter().map(|program| &program.error);
        let all = slots.chain([&self.error]).chain(programs);
        all.flatten().next().map(String::as_str)
    }

    pub(crate) fn forget_errors(&mut self) {
        self.error = None;
        for seat in self.slots.iter_mut().chain(&mut self.programs) {
            seat.error = None;
        }
    }
}
