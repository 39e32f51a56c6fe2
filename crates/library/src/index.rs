//! The models in the user's folders.
//!
//! A scan only looks at names, lengths and times. Content hashes are computed when a lost model is looked for, and kept for as
//! long as a file's length and modification time stay the same.

use crate::files;
use crate::hash::Sha256;
use crate::path::relative_to;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The formats that the index lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelFormat {
    /// `*.onnx`.
    Onnx,
    /// `*.tonegraft-chain.json`.
    Chain,
    /// `*.nam`.
    Nam,
    /// `*.aidax`, and `*.json` that is neither a chain nor a sidecar.
    Json,
}

impl ModelFormat {
    /// By the ending of `path`, in any case.
    pub fn of(path: &Path) -> Option<Self> {
        if files::is_chain_name(path) {
            return Some(Self::Chain);
        }
        let extension = path.extension()?;
        let is = |ending: &str| extension.eq_ignore_ascii_case(ending);
        if is("onnx") {
            Some(Self::Onnx)
        } else if is("nam") {
            Some(Self::Nam)
        } else if is("aidax") || (is("json") && !files::is_sidecar_name(path)) {
            Some(Self::Json)
        } else {
            None
        }
    }
}

/// One model file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the user reads; the file's name without its ending.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// By its ending.
    pub format: ModelFormat,
    /// The library folder in which it was found.
    pub folder: PathBuf,
    /// Folders between the two, for grouping.
    pub group: String,
    /// Bytes of the file itself.
    pub size: u64,
    /// When it was changed last, if the system says so.
    pub modified: Option<SystemTime>,
}

/// How far a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLimits {
    /// Folders below a library folder.
    pub depth: usize,
    /// Folders visited.
    pub folders: usize,
    /// Models listed.
    pub entries: usize,
}

impl Default for ScanLimits {
    fn default() -> Self {
        Self {
            depth: 16,
            folders: 20_000,
            entries: 50_000,
        }
    }
}

/// A part of the library that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub path: PathBuf,
    /// What the user reads.
    pub reason: String,
}

/// Length and time at which a hash was computed.
type Stamp = (u64, Option<SystemTime>);

/// The user's folders and the models in them. Scanning and hashing take time: not on a thread that draws.
#[derive(Debug, Default)]
pub struct Library {
    folders: Vec<PathBuf>,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
    hashes: Mutex<HashMap<PathBuf, (Stamp, Sha256)>>,
}

impl Library {
    /// Without folders.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Scans `folders` and everything below them. Each folder is visited once, however it is linked.
    pub fn scan(folders: &[PathBuf], limits: &ScanLimits) -> Self {
        let folders: Vec<PathBuf> = folders
            .iter()
            .map(|folder| std::path::absolute(folder).unwrap_or_else(|_| folder.clone()))
            .collect();
        let mut scan = Scan {
            limits,
            visited: HashSet::new(),
            entries: Vec::new(),
            problems: Vec::new(),
        };
        for folder in &folders {
            scan.folder(folder);
        }
        let Scan {
            mut entries, problems, ..
        } = scan;
        entries.sort_by(|a, b| (a.name.to_lowercase(), &a.path).cmp(&(b.name.to_lowercase(), &b.path)));
        entries.dedup_by(|a, b| a.path == b.path);
        Self {
            folders,
            entries,
            problems,
            hashes: Mutex::default(),
        }
    }

    /// Scans the default folder ([`crate::folders::models`]); without one the library is empty.
    pub fn scan_default() -> Self {
        let folders: Vec<PathBuf> = crate::folders::models().into_iter().collect();
        Self::scan(&folders, &ScanLimits::default())
    }

    /// Scans the same folders again; hashes of unchanged files are kept.
    #[must_use]
    pub fn rescan(&self, limits: &ScanLimits) -> Self {
        let mut again = Self::scan(&self.folders, limits);
        let hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        again.hashes = Mutex::new(hashes);
        again
    }

    /// The folders, absolute.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The models, ordered by name.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What could not be looked at.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The hash of an entry's content; `None` if it cannot be read.
    pub fn hash(&self, entry: &Entry) -> Option<Sha256> {
        let stamp = (entry.size, entry.modified);
        let known = |hashes: &HashMap<PathBuf, (Stamp, Sha256)>| {
            let (at, hash) = hashes.get(&entry.path)?;
            // The models of a chain change without its own file.
            let lasts = entry.modified.is_some() && entry.format != ModelFormat::Chain;
            (lasts && *at == stamp).then_some(*hash)
        };
        if let Some(hash) = known(&self.hashes.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Some(hash);
        }
        let bytes = files::read_model(&entry.path).ok()?;
        let hash = Sha256::of(&bytes);
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        hashes.insert(entry.path.clone(), (stamp, hash));
        Some(hash)
    }

    /// The first entry whose content has `sha256`; `size`, if known, spares reading files of another length (chains are longer
    /// with their models than their own file says, and always read).
    pub fn find(&self, sha256: &Sha256, size: Option<u64>) -> Option<&Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.format == ModelFormat::Chain || size.is_none_or(|size| size == entry.size))
            .find(|entry| self.hash(entry).as_ref() == Some(sha256))
    }
}

struct Scan<'a> {
    limits: &'a ScanLimits,
    /// Canonical folders.
    visited: HashSet<PathBuf>,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

impl Scan<'_> {
    /// One library folder, without recursion on the stack.
    fn folder(&mut self, root: &Path) {
        let mut waiting = vec![(root.to_path_buf(), 0)];
        while let Some((folder, depth)) = waiting.pop() {
            let canonical = match fs::canonicalize(&folder) {
                Ok(canonical) => canonical,
                Err(error) => {
                    self.problem(&folder, error.to_string());
                    continue;
                }
            };
            if !self.visited.insert(canonical) {
                continue;
            }
            if self.visited.len() > self.limits.folders {
                self.problem(
                    root,
                    format!("more than {} folders; the rest is left out", self.limits.folders),
                );
                return;
            }
            let listing = match fs::read_dir(&folder) {
                Ok(listing) => listing,
                Err(error) => {
                    self.problem(&folder, error.to_string());
                    continue;
                }
            };
            for path in listing.filter_map(|entry| Some(entry.ok()?.path())) {
                // Follows links: a dead one is nothing.
                let Ok(metadata) = fs::metadata(&path) else { continue };
                if metadata.is_dir() {
                    if depth < self.limits.depth {
                        waiting.push((path, depth + 1));
                    } else {
                        self.problem(&path, format!("more than {} folders deep", self.limits.depth));
                    }
                } else if metadata.is_file() && !self.file(root, path, &metadata) {
                    self.problem(
                        root,
                        format!("more than {} models; the rest is left out", self.limits.entries),
                    );
                    return;
                }
            }
        }
    }

    /// False if there is no room for another entry.
    fn file(&mut self, root: &Path, path: PathBuf, metadata: &fs::Metadata) -> bool {
        let Some(format) = ModelFormat::of(&path) else {
            return true;
        };
        // Much that is no model ends in `.json`.
        if format == ModelFormat::Json && !files::begins_as_model(&path) {
            return true;
        }
        if self.entries.len() >= self.limits.entries {
            return false;
        }
        let group = path.parent().and_then(|folder| relative_to(folder, root));
        self.entries.push(Entry {
            name: files::model_name(&path),
            format,
            folder: root.to_path_buf(),
            group: group.unwrap_or_default(),
            size: metadata.len(),
            modified: metadata.modified().ok(),
            path,
        });
        true
    }

    fn problem(&mut self, path: &Path, reason: String) {
        self.problems.push(Problem {
            path: path.to_path_buf(),
            reason,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_formats_in_any_case() {
        let of = |path: &str| ModelFormat::of(Path::new(path));
        assert_eq!(of("a/b.onnx"), Some(ModelFormat::Onnx));
        assert_eq!(
            (of("Amp.nam"), of("AMP.NAM")),
            (Some(ModelFormat::Nam), Some(ModelFormat::Nam))
        );
        assert_eq!(of("rig.tonegraft-chain.json"), Some(ModelFormat::Chain));
        assert_eq!((of("nam"), of("a.nam.tonegraft.json"), of("a.wav")), (None, None, None));
    }
}
