//! Reads folders for the file browser, on a thread of its own: file systems may be slow, and folders large.

use super::panels::browser::is_audio;
use super::view::{BrowserEdit, BrowserView, Entry, Folder, Target};
use crate::shared::Wish;
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use tonegraft_library::files;

/// Lines that are shown at most.
const MOST: usize = 4000;
/// Files and folders that a search looks at, at most.
const LOOKED_AT: usize = 200_000;
/// Folders within folders that a search goes into, at most.
const DEEP: usize = 12;

/// What is to be listed.
#[derive(Clone, Debug, Default, PartialEq)]
struct Wanted {
    folder: Folder,
    search: String,
    library: Option<PathBuf>,
    known: Arc<Vec<Entry>>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
struct Found {
    entries: Arc<Vec<Entry>>,
    cut: bool,
    error: Option<String>,
}

#[derive(Debug, Default)]
struct Common {
    /// Counts what was asked for: a listing that is not the last one gives up.
    asked: AtomicU64,
    /// The last listing that was finished, and its number.
    found: Mutex<(u64, Found)>,
}

/// The browser of one window. Its thread ends with it.
#[derive(Debug, Default)]
pub struct Browser {
    wanted: Wanted,
    common: Arc<Common>,
    sender: Option<Sender<(u64, Wanted)>>,
}

impl Browser {
    /// What the user did.
    pub fn edit(&mut self, edit: BrowserEdit) {
        match edit {
            BrowserEdit::Enter(folder) => {
                self.wanted.folder = folder;
                self.wanted.search = String::new();
            }
            BrowserEdit::Search(text) => self.wanted.search = text,
            BrowserEdit::Rescan => {}
        }
        self.list();
    }

    /// Shows in `view` what the user looks at: it comes with all models that are known, shipped and in the library.
    pub fn show(&mut self, view: &mut BrowserView) {
        let changed = !Arc::ptr_eq(&self.wanted.known, &view.entries) || self.wanted.library != view.library;
        if changed || self.sender.is_none() {
            self.wanted.known = Arc::clone(&view.entries);
            self.wanted.library.clone_from(&view.library);
            self.list();
        }
        let (number, found) = self.common.found.lock().clone();
        view.folder = self.wanted.folder.clone();
        view.parent = match &self.wanted.folder {
            Folder::Shipped => None,
            Folder::At(path) => path.parent().map(Path::to_path_buf),
        };
        view.search.clone_from(&self.wanted.search);
        view.busy = number != self.common.asked.load(Ordering::Acquire);
        (view.entries, view.cut, view.error) = (found.entries, found.cut, found.error);
    }

    fn list(&mut self) {
        let number = self.common.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let sender = match &self.sender {
            Some(sender) => sender.clone(),
            None => {
                let (sender, receiver) = channel::<(u64, Wanted)>();
                let common = Arc::clone(&self.common);
                let started = std::thread::Builder::new()
                    .name("tonegraft-browser".into())
                    .spawn(move || {
                        for (number, wanted) in receiver {
                            let is_last = || common.asked.load(Ordering::Acquire) == number;
                            if !is_last() {
                                continue;
                            }
                            let found = find(&wanted, &is_last);
                            if is_last() {
                                *common.found.lock() = (number, found);
                            }
                        }
                    });
                if let Err(error) = started {
                    let found = Found {
                        error: Some(format!("Folders cannot be read: {error}.")),
                        ..Found::default()
                    };
                    *self.common.found.lock() = (number, found);
                }
                self.sender = Some(sender.clone());
                sender
            }
        };
        // A thread that could not be started hears nothing; what is wrong is shown.
        let _ = sender.send((number, self.wanted.clone()));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A search that runs gives up.
        self.common.asked.fetch_add(1, Ordering::AcqRel);
    }
}

fn find(wanted: &Wanted, go_on: &dyn Fn() -> bool) -> Found {
    match &wanted.folder {
        Folder::Shipped => start(wanted),
        Folder::At(path) if wanted.search.is_empty() => folder(path),
        Folder::At(path) => search(path, &wanted.search, go_on),
    }
}

/// Where the browser starts: the library and home folders, and what ships.
fn start(wanted: &Wanted) -> Found {
    let mut entries = Vec::new();
    if wanted.search.is_empty() {
        let home = std::env::home_dir().filter(|home| home.is_dir());
        for (name, folder) in [("Library", wanted.library.clone()), ("Home", home)] {
            entries.extend(folder.map(|folder| Entry {
                name: name.to_owned(),
                target: Target::Folder(folder),
            }));
        }
    }
    let needle = wanted.search.to_lowercase();
    let known = (wanted.known.iter())
        .filter(|entry| match entry.target {
            Target::Heading => needle.is_empty(),
            Target::Model(Wish::Shipped(_) | Wish::Preset { .. }) => true,
            _ => !needle.is_empty(),
        })
        .filter(|entry| entry.name.to_lowercase().contains(&needle));
    entries.extend(known.cloned());
    Found {
        entries: Arc::new(entries),
        ..Found::default()
    }
}

/// What the file at `path` is loaded as, by its name.
fn target(path: PathBuf, is_folder: bool) -> Option<Target> {
    if is_folder {
        return Some(Target::Folder(path));
    }
    if is_audio(&path) {
        return Some(Target::Cab(path));
    }
    let ending = path.extension()?.to_ascii_lowercase();
    let is_model = ["onnx", "nam", "json", "aidax"].iter().any(|known| ending == *known);
    (is_model && !files::is_sidecar_name(&path)).then_some(Target::Model(Wish::File(path)))
}

/// Name and target of a line of a folder; hidden files have none.
fn entry(file: &std::fs::DirEntry) -> Option<Entry> {
    let name = file.file_name().to_string_lossy().into_owned();
    if name.starts_with('.') {
        return None;
    }
    let path = file.path();
    let is_folder = path.is_dir();
    let target = target(path, is_folder)?;
    Some(Entry { name, target })
}

fn sort(entries: &mut [Entry]) {
    entries.sort_by_cached_key(|entry| {
        let is_file = !matches!(entry.target, Target::Folder(_));
        (is_file, entry.name.to_lowercase())
    });
}

fn folder(path: &Path) -> Found {
    let reader = match std::fs::read_dir(path) {
        Ok(reader) => reader,
        Err(error) => {
            return Found {
                error: Some(format!("{} cannot be read: {error}.", path.display())),
                ..Found::default()
            };
        }
    };
    let mut entries: Vec<Entry> = reader
        .flatten()
        .take(LOOKED_AT)
        .filter_map(|file| entry(&file))
        .collect();
    sort(&mut entries);
    let cut = entries.len() > MOST;
    entries.truncate(MOST);
    Found {
        entries: Arc::new(entries),
        cut,
        error: None,
    }
}

/// Everything below `root` whose name holds `words`; links to folders are not followed.
fn search(root: &Path, words: &str, go_on: &dyn Fn() -> bool) -> Found {
    let needle = words.to_lowercase();
    let mut entries = Vec::new();
    let mut waiting = vec![(root.to_path_buf(), 0)];
    let (mut looked_at, mut cut) = (0, false);
    while let Some((folder, depth)) = waiting.pop() {
        let Ok(reader) = std::fs::read_dir(&folder) else {
            continue;
        };
        for file in reader.flatten() {
            looked_at += 1;
            if looked_at > LOOKED_AT || entries.len() >= MOST || !go_on() {
                cut = true;
                waiting.clear();
                break;
            }
            let is_link = file.file_type().is_ok_and(|kind| kind.is_symlink());
            let Some(mut found) = entry(&file) else { continue };
            if let (Target::Folder(path), false, true) = (&found.target, is_link, depth < DEEP) {
                waiting.push((path.clone(), depth + 1));
            }
            if found.name.to_lowercase().contains(&needle) {
                let below = file.path();
                if let Ok(relative) = below.strip_prefix(root) {
                    found.name = relative.display().to_string();
                }
                entries.push(found);
            }
        }
    }
    sort(&mut entries);
    Found {
        entries: Arc::new(entries),
        cut,
        error: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn until_read(browser: &mut Browser) -> BrowserView {
        let known = Arc::new(Vec::new());
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let mut view = BrowserView {
                entries: Arc::clone(&known),
                ..BrowserView::default()
            };
            browser.show(&mut view);
            if !view.busy {
                return view;
            }
            assert!(Instant::now() < end, "the folder is not read");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn names(view: &BrowserView) -> Vec<&str> {
        view.entries.iter().map(|entry| entry.name.as_str()).collect()
    }

    #[test]
    fn folders_come_first_and_only_what_can_be_loaded_is_listed() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("Zoo/deep")).expect("a folder");
        for name in [
            "b.nam",
            "A.onnx",
            "notes.txt",
            ".hidden.nam",
            "cab.WAV",
            "A.onnx.tonegraft.json",
            "Zoo/deep/bright.json",
        ] {
            std::fs::write(at(name), "{}").expect("a file");
        }
        let mut browser = Browser::default();
        browser.edit(BrowserEdit::Enter(Folder::At(folder.path().to_path_buf())));
        assert_eq!(names(&until_read(&mut browser)), ["Zoo", "A.onnx", "b.nam", "cab.WAV"]);
        browser.edit(BrowserEdit::Search("BR".into()));
        let found = until_read(&mut browser);
        let deep = Path::new("Zoo").join("deep").join("bright.json").display().to_string();
        assert_eq!(names(&found), [deep.as_str()]);
        assert_eq!(found.parent.as_deref(), folder.path().parent());
        browser.edit(BrowserEdit::Enter(Folder::At(at("not there"))));
        assert!(
            until_read(&mut browser)
                .error
                .is_some_and(|error| error.contains("not there"))
        );
        browser.edit(BrowserEdit::Enter(Folder::Shipped));
        assert!(until_read(&mut browser).error.is_none());
    }

    #[test]
    fn neighbours_go_round_and_skip_folders() {
        let wish = |name: &str| Wish::File(PathBuf::from(name));
        let model = |name: &str| Entry {
            name: name.into(),
            target: Target::Model(wish(name)),
        };
        let folder = Entry {
            name: "folder".into(),
            target: Target::Folder(PathBuf::from("folder")),
        };
        let view = BrowserView {
            entries: Arc::new(vec![folder, model("a"), model("b")]),
            playing: [Some(wish("b")), None],
            ..BrowserView::default()
        };
        assert_eq!(view.neighbour(0, 1), Some(&wish("a")));
        assert_eq!(view.neighbour(0, -1), Some(&wish("a")));
        assert_eq!(view.neighbour(1, 1), Some(&wish("a")));
        assert_eq!(view.neighbour(1, -1), Some(&wish("b")));
        assert_eq!(BrowserView::default().neighbour(0, 1), None);
    }
}
