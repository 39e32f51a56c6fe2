//! Named files, each with a session and parameter values.
//!
//! A preset is a JSON object `{"tonegraft_preset": 1, "name": …, "params": {…}, "session": {…}}` in a file
//! `<name>.tonegraft-preset`; characters that a file system may not take are percent-encoded, so that two names never meet in
//! one file (unless the file system does not tell capitals from small letters).

use crate::files;
use crate::host_state::ParamValue;
use crate::session::{self, SessionState, StateError, StateErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The extension of preset files.
pub const PRESET_EXTENSION: &str = "tonegraft-preset";

/// The version of preset files that is written.
pub const PRESET_VERSION: u64 = 1;

/// The longest name, in bytes of its file.
const MAX_NAME_BYTES: usize = 200;

/// A preset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preset {
    /// What the user reads.
    pub name: String,
    /// Plain values by parameter id; a parameter not named keeps its value.
    pub params: BTreeMap<String, ParamValue>,
    /// The models.
    pub session: SessionState,
}

/// The parts of a preset file.
#[derive(Serialize, Deserialize)]
struct PresetFile {
    tonegraft_preset: u64,
    name: String,
    #[serde(default)]
    params: BTreeMap<String, ParamValue>,
    session: Value,
}

/// Why a preset could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PresetErrorKind {
    /// The name is empty or too long for a file.
    #[error("a name must not be empty, nor longer than about {MAX_NAME_BYTES} letters")]
    BadName,
    /// The system refused.
    #[error("{path}: {source}")]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The content cannot be read.
    #[error("{path}: {source}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: StateError,
    },
}

/// A preset could not be saved or loaded. Nothing has been changed.
#[derive(Debug, thiserror::Error)]
#[error("The preset \u{201c}{name}\u{201d} cannot be used: {kind}")]
pub struct PresetError {
    /// The preset's name, or its file's.
    pub name: String,
    /// Why.
    #[source]
    pub kind: PresetErrorKind,
}

/// A folder of presets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresetStore {
    folder: PathBuf,
}

impl PresetStore {
    /// In `folder`, which is made when the first preset is saved.
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// In the user's preset folder; `None` where the user has no home.
    pub fn user() -> Option<Self> {
        crate::folders::presets().map(Self::new)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The names of all presets, ordered. Without a folder there are none.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, PresetError> {
        let listing = match fs::read_dir(&self.folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.refused("", &self.folder, error)),
        };
        let mut names: Vec<String> = listing
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let ours = path.extension().is_some_and(|extension| extension == PRESET_EXTENSION);
                ours.then(|| decode_name(path.file_stem()?.to_str()?)).flatten()
            })
            .collect();
        names.sort_by_key(|name| (name.to_lowercase(), name.clone()));
        Ok(names)
    }

    /// Saves `preset` under its name, over one of the same name: whole or not at all.
    ///
    /// # Errors
    /// A name that cannot be a file's, or what the system says.
    pub fn save(&self, preset: &Preset) -> Result<PathBuf, PresetError> {
        let path = self.path(&preset.name)?;
        let file = json!({
            "tonegraft_preset": PRESET_VERSION,
            "name": preset.name,
            "params": preset.params,
            "session": session::to_value(&preset.session),
        });
        let text = format!("{file:#}\n");
        match files::write_atomic(&path, text.as_bytes()) {
            Ok(()) => Ok(path),
            Err(error) => Err(self.refused(&preset.name, &path, error)),
        }
    }

    /// Loads the preset `name`.
    ///
    /// # Errors
    /// No such preset, or a file that cannot be read.
    pub fn load(&self, name: &str) -> Result<Preset, PresetError> {
        load_preset(&self.path(name)?)
    }

    /// Removes the preset `name`.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self, name: &str) -> Result<(), PresetError> {
        let path = self.path(name)?;
        fs::remove_file(&path).map_err(|error| self.refused(name, &path, error))
    }

    fn path(&self, name: &str) -> Result<PathBuf, PresetError> {
        let encoded = encode_name(name);
        if name.trim().is_empty() || encoded.len() > MAX_NAME_BYTES {
            return Err(PresetError {
                name: name.to_owned(),
                kind: PresetErrorKind::BadName,
            });
        }
        Ok(self.folder.join(format!("{encoded}.{PRESET_EXTENSION}")))
    }

    fn refused(&self, name: &str, path: &Path, source: io::Error) -> PresetError {
        PresetError {
            name: name.to_owned(),
            kind: PresetErrorKind::File {
                path: path.to_path_buf(),
                source,
            },
        }
    }
}

/// Loads a preset from any place.
///
/// # Errors
/// A file that cannot be read.
pub fn load_preset(path: &Path) -> Result<Preset, PresetError> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = decode_name(&name).unwrap_or_else(|| name.into_owned());
    let limit = u64::try_from(session::MAX_SESSION_BYTES).unwrap_or(u64::MAX);
    let bytes = files::read_limited(path, limit).map_err(|source| PresetError {
        name: name.clone(),
        kind: PresetErrorKind::File {
            path: path.to_path_buf(),
            source,
        },
    })?;
    decode_preset(&bytes).map_err(|source| PresetError {
        name,
        kind: PresetErrorKind::Content {
            path: path.to_path_buf(),
            source,
        },
    })
}

fn decode_preset(bytes: &[u8]) -> Result<Preset, StateError> {
    let file: PresetFile = serde_json::from_slice(bytes).map_err(|error| StateError::json(&error))?;
    if file.tonegraft_preset == 0 {
        return Err(StateErrorKind::NoVersion.into());
    }
    if file.tonegraft_preset > PRESET_VERSION {
        return Err(StateErrorKind::FutureVersion {
            found: file.tonegraft_preset,
            newest: PRESET_VERSION,
        }
        .into());
    }
    Ok(Preset {
        name: file.name,
        params: file.params,
        session: session::from_value(file.session)?,
    })
}

/// Letters, digits, inner spaces and `-_()+,` of any script stay; all else becomes `%XX` for each byte of its UTF-8. A leading letter
/// of names that Windows reserves is encoded, too.
fn encode_name(name: &str) -> String {
    const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
    let lower = name.to_lowercase();
    let numbered = |stem: &str| {
        let number = lower.strip_prefix(stem).unwrap_or("");
        number.len() == 1 && number.chars().all(|digit| digit.is_ascii_digit())
    };
    let reserved = RESERVED.contains(&lower.as_str()) || numbered("com") || numbered("lpt");
    let last = name.chars().count().saturating_sub(1);
    let mut encoded = String::new();
    for (index, letter) in name.chars().enumerate() {
        let inner = index != 0 && index != last;
        let plain = letter.is_alphanumeric() || "-_()+,".contains(letter) || (letter == ' ' && inner);
        if plain && !(reserved && index == 0) {
            encoded.push(letter);
        } else {
            for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// The name whose file is `encoded`; `None` if no name has that file.
fn decode_name(encoded: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|name| encode_name(name) == encoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_and_files_are_one_to_one(name in "\\PC{0,40}") {
            let encoded = encode_name(&name);
            prop_assert!(!encoded.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|', '.']));
            let decoded = decode_name(&encoded);
            prop_assert_eq!(decoded.as_deref(), Some(name.as_str()));
        }
    }

    #[test]
    fn names_stay_readable_where_they_can() {
        assert_eq!(encode_name("Crunch (bright) 2"), "Crunch (bright) 2");
        assert_eq!(encode_name("Ångström"), "Ångström");
        assert_eq!(encode_name("a/b"), "a%2Fb");
        assert_eq!(encode_name("../x"), "%2E%2E%2Fx");
        assert_eq!(encode_name("CON"), "%43ON");
        assert_eq!(encode_name("com1"), "%63om1");
        assert_eq!(encode_name(" x "), "%20x%20");
        assert_eq!(decode_name("a%2"), None);
        assert_eq!(decode_name("%41"), None, "A is never written like that");
    }
}
