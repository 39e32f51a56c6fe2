//! The file browser.

use crate::shared::Wish;
use std::path::PathBuf;
use std::sync::Arc;

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Folder {
    /// The models that ship.
    #[default]
    Shipped,
    /// A folder.
    At(PathBuf),
}

/// What a line stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The category of the models below.
    Heading,
    /// A folder to go into.
    Folder(PathBuf),
    /// A model to load.
    Model(Wish),
    /// An impulse response to load.
    Cab(PathBuf),
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What the user reads; with the folders between when found by searching.
    pub name: String,
    /// What it stands for.
    pub target: Target,
}

/// Files to load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrowserView {
    /// What is looked at.
    pub folder: Folder,
    /// The folder above; `None` at the top.
    pub parent: Option<PathBuf>,
    /// The library folder, if the system has one.
    pub library: Option<PathBuf>,
    /// Folders first, then files, by name; by searching, everything below.
    pub entries: Arc<Vec<Entry>>,
    /// What is searched for; empty: nothing.
    pub search: String,
    /// It is being read.
    pub busy: bool,
    /// There is more than is shown.
    pub cut: bool,
    /// Why the folder cannot be read.
    pub error: Option<String>,
    /// What plays in slots A and B.
    pub playing: [Option<Wish>; 2],
}

impl BrowserView {
    /// What playing `step` models further than the one of `slot` means; wraps around; `None` where there are no models.
    pub fn neighbour(&self, slot: usize, step: isize) -> Option<&Wish> {
        let models: Vec<&Wish> = (self.entries.iter())
            .filter_map(|entry| match &entry.target {
                Target::Model(wish) => Some(wish),
                _ => None,
            })
            .collect();
        let count = isize::try_from(models.len()).ok().filter(|count| *count > 0)?;
        let playing = self.playing.get(slot)?.as_ref();
        let now = models.iter().position(|wish| playing == Some(*wish));
        let at = match now.and_then(|index| isize::try_from(index).ok()) {
            Some(index) => (index + step).rem_euclid(count),
            None if step < 0 => count - 1,
            None => 0,
        };
        models.get(usize::try_from(at).ok()?).copied()
    }
}

/// What the user does in the browser.
#[derive(Clone, Debug, PartialEq)]
pub enum BrowserEdit {
    /// Look at this.
    Enter(Folder),
    /// Look for this below; empty: show the folder.
    Search(String),
    /// Read the folder again.
    Rescan,
}
