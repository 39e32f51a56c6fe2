//! Files and folders to logs.

use anyhow::{Result, ensure};
use std::io::Read;
use std::path::{Path, PathBuf};
use tonegraft_analysis::listening::log::{FORMAT, MAX_BYTES};
use tonegraft_analysis::listening::{Log, LogError};

/// How deep folders are searched.
const DEPTH: usize = 16;

/// The most files of all folders together.
const MOST: usize = 100_000;

/// A log that is not counted.
pub(super) struct Problem {
    pub(super) path: PathBuf,
    /// Why: a part of a sentence, after the path.
    pub(super) error: String,
}

/// What was found.
#[derive(Default)]
pub(super) struct Collected {
    /// Where each came from, and the log.
    pub(super) logs: Vec<(String, Log)>,
    pub(super) problems: Vec<Problem>,
    /// JSON files in folders that are no listening logs.
    pub(super) others: usize,
}

/// All logs of `named`: files, which have to be logs, and folders, in which other files may lie.
///
/// # Errors
/// Something that was named is not there; a folder cannot be listed.
pub(super) fn collect(named: &[PathBuf]) -> Result<Collected> {
    let mut collected = Collected::default();
    for path in named {
        if path.is_dir() {
            let mut files = Vec::new();
            list(path, DEPTH, &mut files);
            files.sort();
            for file in files {
                take(&file, false, &mut collected);
            }
        } else {
            ensure!(path.exists(), "{}: there is no such file or folder", path.display());
            take(path, true, &mut collected);
        }
    }
    Ok(collected)
}

/// The `.json` files in `folder` and below. What cannot be listed, and links to folders, are left out.
fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, kind) = (entry.path(), entry.file_type());
        if kind.is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 {
                list(&path, depth - 1, files);
            }
        } else if files.len() < MOST
            && path.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        {
            files.push(path);
        }
    }
}

fn take(path: &Path, named: bool, collected: &mut Collected) {
    let mut problem = |error: String| {
        collected.problems.push(Problem {
            path: path.to_owned(),
            error,
        });
    };
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) => return problem(format!("cannot be read: {error}")),
    };
    match Log::read(&bytes) {
        Ok(log) => collected.logs.push((path.display().to_string(), log)),
        // In a folder, what does not even name the format is somebody else's.
        Err(LogError::Foreign { .. } | LogError::TooLarge { .. }) if !named && !mentions(&bytes) => {
            collected.others += 1;
        }
        Err(error) => problem(error.to_string()),
    }
}

/// One byte more than a log can have at most.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn mentions(bytes: &[u8]) -> bool {
    bytes.windows(FORMAT.len()).any(|window| window == FORMAT.as_bytes())
}
