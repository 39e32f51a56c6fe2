//! The container in which a host keeps the plugin's parameters and its session.
//!
//! A CLAP state stream of the plugin is the length of what follows as 8 bytes, little-endian, then one JSON object without spaces:
//!
//! ```json
//! {"version":"0.1.0","params":{"bypass":{"bool":false},"mix":{"f32":100.0}},"fields":{"session":"\"{…}\""}}
//! ```
//!
//! `version` is the plugin's; `params` holds plain values (dB, percent) by parameter id, ordered; `fields` holds what the plugin keeps
//! beside them, each as the JSON text of a value. The field `session` is the JSON text of a *string*, and that string is the
//! [`session`](mod@crate::session): a session that cannot be read is thus still a valid field, and is never lost on the way.
//!
//! This is the container of the plugin framework (nice-plug 0.4, `wrapper/state.rs`, without its optional compression).

use crate::session::{self, SessionState, StateError, StateErrorKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The key under which the plugin keeps its session.
pub const SESSION_FIELD: &str = "session";

/// The longest JSON that the plugin reads, in bytes.
pub const MAX_STREAM_BYTES: u64 = 1 << 28;

/// A parameter's plain value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamValue {
    /// A continuous parameter.
    F32(f32),
    /// A stepped parameter.
    I32(i32),
    /// A switch.
    Bool(bool),
    /// A choice, by its id.
    String(String),
}

impl ParamValue {
    fn is_finite(&self) -> bool {
        !matches!(self, Self::F32(value) if !value.is_finite())
    }
}

/// The container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostState {
    /// The version of the plugin that wrote it.
    #[serde(default)]
    pub version: String,
    /// Plain values by parameter id.
    pub params: BTreeMap<String, ParamValue>,
    /// JSON texts by key.
    pub fields: BTreeMap<String, String>,
}

impl HostState {
    /// With this release's version, `params` (those that are not finite are left out) and a session given as its JSON text.
    pub fn new(params: &BTreeMap<String, ParamValue>, session_json: &str) -> Self {
        let params = params.iter().filter(|(_, value)| value.is_finite());
        let session = serde_json::Value::from(session_json).to_string();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            params: params.map(|(id, value)| (id.clone(), value.clone())).collect(),
            fields: BTreeMap::from([(SESSION_FIELD.to_owned(), session)]),
        }
    }

    /// The JSON text of the session inside; `None` if there is none. Also takes a session that is the field itself and not a string.
    pub fn session_json(&self) -> Option<String> {
        let field = self.fields.get(SESSION_FIELD)?;
        serde_json::from_str::<String>(field)
            .ok()
            .or_else(|| Some(field.clone()))
    }

    /// The session inside; `None` if there is none.
    ///
    /// # Errors
    /// As [`session::decode`].
    pub fn session(&self) -> Result<Option<SessionState>, StateError> {
        self.session_json().map(|json| session::decode(&json)).transpose()
    }

    /// The bytes of the plugin's CLAP state stream.
    pub fn to_stream(&self) -> Vec<u8> {
        // Strings, numbers and maps with string keys always have a JSON form.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let mut stream = (json.len() as u64).to_le_bytes().to_vec();
        stream.extend(json);
        stream
    }

    /// Reads a CLAP state stream; bytes after the announced length are ignored, as the plugin does. Values that are not finite are
    /// left out, so that what was read can be written.
    ///
    /// # Errors
    /// Too short, too long, or not the container.
    pub fn from_stream(stream: &[u8]) -> Result<Self, StateError> {
        let Some((length, json)) = stream.split_first_chunk::<8>() else {
            return Err(StateErrorKind::Truncated {
                bytes: stream.len() as u64,
                expected: 8,
            }
            .into());
        };
        let length = u64::from_le_bytes(*length);
        if length > MAX_STREAM_BYTES {
            return Err(StateErrorKind::TooLarge {
                bytes: length,
                limit: MAX_STREAM_BYTES,
            }
            .into());
        }
        let json = usize::try_from(length).ok().and_then(|length| json.get(..length));
        let Some(json) = json else {
            return Err(StateErrorKind::Truncated {
                bytes: stream.len() as u64,
                expected: length.saturating_add(8),
            }
            .into());
        };
        let mut state: Self = serde_json::from_slice(json).map_err(|error| StateError::json(&error))?;
        // A number beyond the range of f32 reads as infinity.
        state.params.retain(|_, value| value.is_finite());
        Ok(state)
    }
}

/// The bytes of the CLAP state stream that the plugin would write with these plain values and this session; see [`HostState`].
pub fn to_stream(params: &BTreeMap<String, ParamValue>, session_json: &str) -> Vec<u8> {
    HostState::new(params, session_json).to_stream()
}

/// Reads a CLAP state stream; see [`HostState::from_stream`].
///
/// # Errors
/// Too short, too long, or not the container.
pub fn from_stream(stream: &[u8]) -> Result<HostState, StateError> {
    HostState::from_stream(stream)
}
