//! The state of one plugin instance, beside its parameters: which models play, and how they are found again.
//!
//! Version 2 is a JSON object:
//!
//! ```json
//! {"version": 2,
//!  "slots": [{"model": {"kind": "shipped", "id": "overdrive"}, "rate_mode": "minimum-phase", "oversampling": "2x", "size": 0.0, "weights": "f16"},
//!            {"model": {"kind": "file", "path": "/home/me/amp.onnx", "relative": "amp.onnx", "name": "amp",
//!                       "sha256": "<64 hex digits>", "size": 1234,
//!                       "embedded": {"model": "<base64>", "sidecar": "{…}"}}}],
//!  "programs": [{"model": {"kind": "shipped", "id": "distortion", "sha256": "<64 hex digits>"}}],
//!  "cab": {"kind": "file", "path": "/home/me/4x12.wav", "name": "4x12", "sha256": "<64 hex digits>"},
//!  "latency_reserve": 0,
//!  "compare": {"rate": 48000, "reference": {"delay": 312.4, "locked": true}},
//!  "window": {"zoom": 1.25, "theme": "light"}}
//! ```
//!
//! `slots` is in the order A, B; missing ones are empty. `programs` are the models that slot A can be switched to without loading, in
//! their order; a dry one is an unused place. `{"kind": "none"}` is dry, and no cabinet. Only `version` is required on top, and in a file
//! only `path`, `sha256` and `name`; a shipped model is told by its `id`, and its hash says whether it is still the one that was saved.
//! `rate_mode`, `oversampling`, `size` and `weights` say how the model is played, as the command line names it;
//! what is missing or not known is as in a new slot. `compare` and `window` are described in [`compare`](mod@crate::compare). Unknown
//! keys are ignored.
//!
//! Version 1 had `slots`, `cab` and `latency_reserve` alone.
//!
//! A text that cannot be read gives an error and nothing else: the caller keeps what it had, and the text.

use crate::compare::{CompareState, WindowState, is_default};
use crate::files;
use crate::hash::Sha256;
use crate::migrate::{MIGRATIONS, migrate};
use crate::path::{PortablePath, relative_to};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version that [`encode`] writes.
pub const SESSION_VERSION: u64 = 2;

/// The longest session text that is read, in bytes.
pub const MAX_SESSION_BYTES: usize = 1 << 28;

/// The most slots that a session may name.
pub const MAX_SLOTS: usize = 16;

/// The most programs that a session may name.
pub const MAX_PROGRAMS: usize = 16;

/// What a session restores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionState {
    /// In the order A, B; missing ones are empty.
    pub slots: Vec<SlotState>,
    /// What slot A can be switched to; a dry one is an unused place.
    pub programs: Vec<SlotState>,
    /// The impulse response behind the slots.
    pub cab: ModelRef,
    /// Latency to report at least, in frames at the host's rate.
    pub latency_reserve: u32,
    /// Where the sources are placed in time, and what is compared.
    pub compare: CompareState,
    /// How the window looks.
    pub window: WindowState,
}

impl SessionState {
    /// The model of `slot`; [`ModelRef::None`] where the session names none.
    pub fn model(&self, slot: usize) -> &ModelRef {
        self.slots.get(slot).map_or(&ModelRef::None, |slot| &slot.model)
    }

    /// Puts `model` into `slot`, making empty slots before it where needed; a slot beyond [`MAX_SLOTS`] is ignored.
    pub fn set_model(&mut self, slot: usize, model: ModelRef) {
        if let Some(slot) = self.slot_mut(slot) {
            slot.model = model;
        }
    }

    /// `slot`, made with empty slots before it where needed; `None` beyond [`MAX_SLOTS`].
    pub fn slot_mut(&mut self, slot: usize) -> Option<&mut SlotState> {
        if slot < MAX_SLOTS && self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, SlotState::default);
        }
        self.slots.get_mut(slot)
    }

    /// The model of program `index` (from 0); [`ModelRef::None`] where there is none.
    pub fn program(&self, index: usize) -> &ModelRef {
        self.programs
            .get(index)
            .map_or(&ModelRef::None, |program| &program.model)
    }

    /// Program `index` (from 0), made with unused places before it where needed; `None` beyond [`MAX_PROGRAMS`].
    pub fn program_mut(&mut self, index: usize) -> Option<&mut SlotState> {
        if index < MAX_PROGRAMS && self.programs.len() <= index {
            self.programs.resize_with(index + 1, SlotState::default);
        }
        self.programs.get_mut(index)
    }
}

/// One slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlotState {
    /// What plays in it.
    pub model: ModelRef,
    /// How it is brought to the host's rate, by name; empty: as is usual.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rate_mode: String,
    /// At how many times its rate it runs, by name; empty: once.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub oversampling: String,
    /// Which of its sizes is played, 0 (smallest) … 1; `None`: the full one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<f32>,
    /// How its widest layers keep their weights, by name; empty: as in the file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub weights: String,
}

/// Which model, or which impulse response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelRef {
    /// None: the slot is dry.
    #[default]
    None,
    /// One that is inside the binary.
    Shipped {
        /// See [`Shipped::id`](crate::Shipped::id).
        id: String,
        /// Its content when it was saved: a later release may ship another one under the same id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Sha256>,
    },
    /// One of the user's.
    File(Box<ModelFile>),
}

/// A model file, with all that helps to find it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFile {
    /// Where it was, absolute.
    pub path: PortablePath,
    /// Where it was inside a library folder, with `/` between components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative: Option<String>,
    /// What the user reads; the file's stem.
    pub name: String,
    /// Its content.
    pub sha256: Sha256,
    /// Its length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The content itself, if the user wished so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedded: Option<Embedded>,
}

/// A model inside the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embedded {
    /// The file, base64 in JSON.
    pub model: Blob,
    /// The text of its sidecar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<String>,
}

/// Bytes that are base64 in JSON; cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob(pub Arc<[u8]>);

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(de::Error::custom)?;
        Ok(Self(bytes.into()))
    }
}

impl ModelRef {
    /// A reference to the shipped model `id`, as this release ships it.
    pub fn shipped(id: impl Into<String>) -> Self {
        let id = id.into();
        Self::Shipped {
            sha256: crate::shipped_by_id(&id).map(|shipped| Sha256::of(shipped.bytes)),
            id,
        }
    }

    /// A reference to the file at `path` whose content is `bytes` ([`files::read_model`] gives both a model's and a chain's). `folders` are the library's; `sidecar` is the text of its sidecar,
    /// needed only if `embed` is true, which puts both into the session.
    pub fn file(path: &Path, bytes: &[u8], folders: &[PathBuf], sidecar: Option<&str>, embed: bool) -> Self {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let name = Some(files::model_name(&absolute)).filter(|name| !name.is_empty());
        let relative = folders.iter().find_map(|folder| relative_to(&absolute, folder));
        Self::File(Box::new(ModelFile {
            path: PortablePath::new(&absolute),
            relative,
            name: name.unwrap_or_else(|| absolute.to_string_lossy().into_owned()),
            sha256: Sha256::of(bytes),
            size: u64::try_from(bytes.len()).ok(),
            embedded: embed.then(|| Embedded {
                model: Blob(bytes.into()),
                sidecar: sidecar.map(str::to_owned),
            }),
        }))
    }

    /// Reads the file at `path` and refers to it; see [`Self::file`].
    ///
    /// # Errors
    /// What the system says.
    pub fn read_file(path: &Path, folders: &[PathBuf], embed: bool) -> io::Result<Self> {
        let bytes = files::read_model(path)?;
        let sidecar = if embed { files::read_sidecar(path)? } else { None };
        Ok(Self::file(path, &bytes, folders, sidecar.as_deref(), embed))
    }

    /// What the user reads: a name, or an empty text for [`ModelRef::None`].
    pub fn name(&self) -> &str {
        match self {
            Self::None => "",
            Self::Shipped { id, .. } => crate::shipped_by_id(id).map_or(id, |shipped| shipped.name),
            Self::File(file) => &file.name,
        }
    }
}

/// Why a state could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateErrorKind {
    /// Longer than allowed.
    #[error("it is {bytes} bytes long, more than the {limit} allowed")]
    TooLarge {
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Ends too early.
    #[error("it ends after {bytes} of {expected} bytes; it was cut off")]
    Truncated {
        /// Bytes there.
        bytes: u64,
        /// Bytes announced.
        expected: u64,
    },
    /// Not JSON, or JSON nested too deeply.
    #[error("it is not valid JSON at line {line}, column {column}: {reason}")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// JSON, but without a version as a positive number.
    #[error("it has no version; it was not written by Tonegraft")]
    NoVersion,
    /// Written by a later release.
    #[error("it has version {found}, and this release reads up to {newest}; update Tonegraft")]
    FutureVersion {
        /// Its version.
        found: u64,
        /// The newest version known.
        newest: u64,
    },
    /// A step from an earlier version failed.
    #[error("it has version {from} and could not be brought up to date: {reason}")]
    Migration {
        /// The version at which it failed.
        from: u64,
        /// What was wrong.
        reason: String,
    },
    /// Of a known version, but with wrong types or values.
    #[error("it does not have the expected form: {reason}")]
    Invalid {
        /// What was wrong.
        reason: String,
    },
    /// More slots than allowed.
    #[error("it names {found} slots, more than the {limit} allowed")]
    TooManySlots {
        /// Slots named.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// More programs than allowed.
    #[error("it names {found} programs, more than the {limit} allowed")]
    TooManyPrograms {
        /// Programs named.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

/// A state could not be read. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The saved state cannot be used: {kind}. What plays now stays as it is.")]
pub struct StateError {
    /// Why.
    pub kind: StateErrorKind,
}

impl From<StateErrorKind> for StateError {
    fn from(kind: StateErrorKind) -> Self {
        Self { kind }
    }
}

impl StateError {
    pub(crate) fn json(error: &serde_json::Error) -> Self {
        let reason = error.to_string();
        let kind = if error.is_data() {
            StateErrorKind::Invalid { reason }
        } else {
            StateErrorKind::NotJson {
                line: error.line(),
                column: error.column(),
                reason,
            }
        };
        kind.into()
    }
}

/// Reads a session of any version.
///
/// # Errors
/// See [`StateErrorKind`].
pub fn decode(text: &str) -> Result<SessionState, StateError> {
    if text.len() > MAX_SESSION_BYTES {
        return Err(StateErrorKind::TooLarge {
            bytes: text.len() as u64,
            limit: MAX_SESSION_BYTES as u64,
        }
        .into());
    }
    let value: Value = serde_json::from_str(text).map_err(|error| StateError::json(&error))?;
    from_value(value)
}

pub(crate) fn from_value(value: Value) -> Result<SessionState, StateError> {
    let Value::Object(object) = value else {
        return Err(StateErrorKind::NoVersion.into());
    };
    let object = migrate(object, MIGRATIONS)?;
    let mut state: SessionState =
        serde_json::from_value(Value::Object(object)).map_err(|error| StateError::json(&error))?;
    if state.slots.len() > MAX_SLOTS {
        return Err(StateErrorKind::TooManySlots {
            found: state.slots.len(),
            limit: MAX_SLOTS,
        }
        .into());
    }
    if state.programs.len() > MAX_PROGRAMS {
        return Err(StateErrorKind::TooManyPrograms {
            found: state.programs.len(),
            limit: MAX_PROGRAMS,
        }
        .into());
    }
    for slot in state.slots.iter_mut().chain(&mut state.programs) {
        slot.size = slot
            .size
            .filter(|size| size.is_finite())
            .map(|size| size.clamp(0.0, 1.0));
    }
    state.compare = state.compare.tamed();
    state.window = state.window.tamed();
    Ok(state)
}

/// Writes a session of version [`SESSION_VERSION`], in one line.
pub fn encode(state: &SessionState) -> String {
    to_value(state).to_string()
}

pub(crate) fn to_value(state: &SessionState) -> Value {
    let mut value = json!({
        "version": SESSION_VERSION,
        "slots": state.slots,
        "latency_reserve": state.latency_reserve,
    });
    if state.cab != ModelRef::None {
        value["cab"] = json!(state.cab);
    }
    if !state.programs.is_empty() {
        value["programs"] = json!(state.programs);
    }
    if !is_default(&state.compare) {
        value["compare"] = json!(state.compare);
    }
    if !is_default(&state.window) {
        value["window"] = json!(state.window);
    }
    value
}
