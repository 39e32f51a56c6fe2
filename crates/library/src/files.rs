//! Reading with a limit, writing whole files or nothing.
//!
//! A chain of models is several files on disk and one everywhere else: [`read_model`] puts the models into it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tonegraft_model::{Limits, chain};

/// The largest model file that is read, in bytes.
pub const MAX_MODEL_BYTES: u64 = 1 << 30;

/// The largest sidecar that is read, in bytes.
pub const MAX_SIDECAR_BYTES: u64 = 1 << 20;

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// What the system says; [`io::ErrorKind::FileTooLarge`] above the limit; [`io::ErrorKind::IsADirectory`] and
/// [`io::ErrorKind::InvalidInput`] for what is not a regular file.
pub fn read_limited(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        // Opening a pipe or a device might wait for ever.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    // The length may change after it was asked for: the limit holds for what is read.
    File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::FileTooLarge.into())
    }
}

/// The ending of a sidecar's file name.
const SIDECAR_ENDING: &str = ".tonegraft.json";

/// How much of a JSON file is looked at to tell whether it is a model.
const SNIFFED_BYTES: u64 = 64 << 10;

/// The ending of a chain's file name.
pub const CHAIN_ENDING: &str = ".tonegraft-chain.json";

/// True if `path` ends as a chain of models does, in any case.
pub fn is_chain_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let start = name.len().wrapping_sub(CHAIN_ENDING.len());
    name.get(start..)
        .is_some_and(|end| end.eq_ignore_ascii_case(CHAIN_ENDING))
        && start > 0
}

/// True for the name of a sidecar, `<file>.tonegraft.json`.
pub fn is_sidecar_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let start = name.len().wrapping_sub(SIDECAR_ENDING.len());
    name.get(start..)
        .is_some_and(|end| end.eq_ignore_ascii_case(SIDECAR_ENDING))
}

/// True if the beginning of the file at `path` is JSON with a key of one of the model formats that are read.
pub fn begins_as_model(path: &Path) -> bool {
    let mut begin = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SNIFFED_BYTES).read_to_end(&mut begin));
    read.is_ok() && tonegraft_model::json::begins_as_model(&begin)
}

/// What the user reads of a model at `path`: its name without the ending.
pub fn model_name(path: &Path) -> String {
    if is_chain_name(path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return name[..name.len() - CHAIN_ENDING.len()].to_owned();
    }
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The content of the model at `path`, at most [`MAX_MODEL_BYTES`], in one piece: a chain has the models that it names inside.
///
/// # Errors
/// As [`read_limited`]; [`io::ErrorKind::InvalidData`] with a sentence for a chain that is damaged or whose models are not there.
pub fn read_model(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = read_limited(path, MAX_MODEL_BYTES)?;
    if !chain::is_chain(&bytes) {
        return Ok(bytes);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let limits = Limits::default();
    chain::pack(&bytes, &name, &mut chain::beside(path, limits.max_bytes), &limits)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}

/// Where the sidecar of `model` would be: `<file>.tonegraft.json`.
pub fn sidecar_path(model: &Path) -> PathBuf {
    let mut name = OsString::from(model.as_os_str());
    name.push(".tonegraft.json");
    name.into()
}

/// The text of the sidecar of `model`; `None` if there is none.
///
/// # Errors
/// What the system says, and [`io::ErrorKind::InvalidData`] if it is not text.
pub fn read_sidecar(model: &Path) -> io::Result<Option<String>> {
    match read_limited(&sidecar_path(model), MAX_SIDECAR_BYTES) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| io::ErrorKind::InvalidData.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes `bytes` to `path` by way of a temporary file beside it: afterwards there is the whole new file, or what was there before.
/// Missing folders are made.
///
/// # Errors
/// What the system says.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let unique = format!(
        ".tonegraft-{}-{}.part",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    );
    let part = folder.join(unique);
    let written = File::create_new(&part)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&part);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_kinds_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deep/er/x.onnx");
        write_atomic(&file, b"12345").expect("written");
        write_atomic(&file, b"1234").expect("replaced");
        assert_eq!(read_limited(&file, 4).expect("read"), b"1234");
        assert_eq!(
            read_limited(&file, 3).map_err(|error| error.kind()),
            Err(io::ErrorKind::FileTooLarge)
        );
        assert_eq!(
            read_limited(folder.path(), 3).map_err(|error| error.kind()),
            Err(io::ErrorKind::IsADirectory)
        );
        assert_eq!(read_sidecar(&file).expect("no sidecar"), None);
        write_atomic(&sidecar_path(&file), b"{}").expect("written");
        assert_eq!(read_sidecar(&file).expect("sidecar").as_deref(), Some("{}"));
        let left = fs::read_dir(file.parent().expect("a folder"))
            .expect("readable")
            .count();
        assert_eq!(left, 2, "no temporary file is left");
    }

    #[test]
    fn names_of_models() {
        let name = |path: &str| model_name(Path::new(path));
        assert_eq!(name("a/b/Amp.onnx"), "Amp");
        assert_eq!(name("a/Rig 1.tonegraft-chain.json"), "Rig 1");
        assert_eq!(name("a/rig.TONEGRAFT-CHAIN.JSON"), "rig");
        assert!(!is_chain_name(Path::new(".tonegraft-chain.json")));
        assert!(!is_chain_name(Path::new("é.json")));
        assert_eq!(name("a/Amp 2.json"), "Amp 2");
        assert!(
            is_sidecar_name(Path::new("a/amp.onnx.Tonegraft.json"))
                && is_sidecar_name(Path::new("x.aidax.tonegraft.json"))
        );
        assert!(!is_sidecar_name(Path::new("a/amp.json")) && !is_sidecar_name(Path::new("rig.tonegraft-chain.json")));
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).expect("a folder");
        fs::write(taken.join("x"), b"x").expect("a file");
        assert!(write_atomic(&taken, b"1").is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    }
}
