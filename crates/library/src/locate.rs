//! From a reference in a session to the bytes of a model, also after folders moved.
//!
//! In this order: the file at its absolute path, at its relative path in each library folder, anywhere in the library, and the
//! embedded copy, each only if its content has the hash that was saved. Last, a file at one of the two paths whose content has
//! changed since: it plays, and [`Located::exact`] is false, so that the user can be told.

use crate::files;
use crate::hash::Sha256;
use crate::index::Library;
use crate::path;
use crate::session::{ModelFile, ModelRef};
use crate::shipped::shipped_by_id;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a model came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From the binary.
    Shipped,
    /// From this file.
    File(PathBuf),
    /// From the session itself.
    Embedded,
}

/// A model, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// What the user reads.
    pub name: String,
    /// The name for error messages, e.g. `amp.onnx`.
    pub file_name: String,
    /// The file; a chain with its models inside.
    pub bytes: Arc<[u8]>,
    /// The text of its sidecar, if there is one.
    pub sidecar: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// False if the content is not what was saved: of a file, or of a shipped model in another release.
    pub exact: bool,
}

/// Why a model was not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocateErrorKind {
    /// This release has no such shipped model.
    #[error("this release has no model of that name; update Tonegraft or choose another model")]
    NoSuchShipped,
    /// The file is nowhere, and not embedded.
    #[error("it was at {path} and is neither there nor in the library; put it back or choose it again")]
    Missing {
        /// Where it was.
        path: String,
    },
    /// The file is there and cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Unreadable {
        /// Where it is.
        path: String,
        /// What the system says.
        reason: String,
    },
}

/// A model was not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\u{201c}{name}\u{201d} cannot be loaded: {kind}.")]
pub struct LocateError {
    /// The model's name.
    pub name: String,
    /// Why.
    pub kind: LocateErrorKind,
}

/// Finds the model; `None` for [`ModelRef::None`]. Reads files: off the audio thread, and not where a window waits.
///
/// # Errors
/// See [`LocateErrorKind`].
pub fn locate(model: &ModelRef, library: &Library) -> Result<Option<Located>, LocateError> {
    match model {
        ModelRef::None => Ok(None),
        ModelRef::Shipped { id, sha256 } => shipped_by_id(id)
            .map(|shipped| {
                Some(Located {
                    name: shipped.name.to_owned(),
                    file_name: shipped.file_name(),
                    bytes: shipped.bytes.into(),
                    sidecar: shipped.sidecar.map(str::to_owned),
                    origin: Origin::Shipped,
                    exact: sha256.is_none_or(|saved| saved == Sha256::of(shipped.bytes)),
                })
            })
            .ok_or_else(|| LocateError {
                name: id.clone(),
                kind: LocateErrorKind::NoSuchShipped,
            }),
        ModelRef::File(file) => locate_file(file, library).map(Some),
    }
}

fn locate_file(file: &ModelFile, library: &Library) -> Result<Located, LocateError> {
    let absolute = file.path.to_path().filter(|path| path.is_absolute());
    let relative = file.relative.as_deref().into_iter();
    let relative = relative.flat_map(|relative| {
        library
            .folders()
            .iter()
            .filter_map(move |folder| path::inside(folder, relative))
    });
    let mut changed = None;
    let mut refusal = None;
    for path in absolute.into_iter().chain(relative) {
        match read(file, &path) {
            Ok(located) if located.exact => return Ok(located),
            Ok(located) => changed = changed.or(Some(located)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => refusal = refusal.or(Some((path, error))),
        }
    }
    if let Some(entry) = library.find(&file.sha256, file.size)
        && let Ok(located) = read(file, &entry.path)
        && located.exact
    {
        return Ok(located);
    }
    if let Some(embedded) = &file.embedded
        && Sha256::of(&embedded.model.0) == file.sha256
    {
        return Ok(Located {
            name: file.name.clone(),
            file_name: file_name(file),
            bytes: Arc::clone(&embedded.model.0),
            sidecar: embedded.sidecar.clone(),
            origin: Origin::Embedded,
            exact: true,
        });
    }
    changed.ok_or_else(|| LocateError {
        name: file.name.clone(),
        kind: match refusal {
            Some((path, error)) => LocateErrorKind::Unreadable {
                path: path.display().to_string(),
                reason: error.to_string(),
            },
            None => LocateErrorKind::Missing {
                path: file.path.to_string(),
            },
        },
    })
}

fn read(file: &ModelFile, path: &Path) -> io::Result<Located> {
    let bytes = files::read_model(path)?;
    Ok(Located {
        name: files::model_name(path),
        file_name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        exact: Sha256::of(&bytes) == file.sha256,
        bytes: bytes.into(),
        sidecar: files::read_sidecar(path)?,
        origin: Origin::File(path.to_path_buf()),
    })
}

fn file_name(file: &ModelFile) -> String {
    file.path.file_name().unwrap_or_else(|| file.name.clone())
}
