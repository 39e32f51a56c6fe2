//! Paths in JSON: readable where they are text, lossless where they are not.
//!
//! A path that is valid Unicode is a string. One that is not keeps its raw form, `{"unix": "<base64 of the bytes>"}` or
//! `{"windows": "<base64 of little-endian UTF-16>"}`, and is a path again only on the system it came from; elsewhere it is
//! carried along unchanged.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// A path that survives JSON and other systems.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortablePath {
    /// Valid Unicode, as the system writes it.
    Text(String),
    /// Not Unicode; raw.
    Raw(RawPath),
}

/// A path that is not Unicode, in base64.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawPath {
    /// Bytes.
    Unix(String),
    /// UTF-16 with unpaired surrogates, little-endian.
    Windows(String),
}

impl PortablePath {
    /// From a path of this system.
    pub fn new(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Raw(raw(path.as_os_str())),
        }
    }

    /// As a path of this system; `None` for the raw form of another one.
    pub fn to_path(&self) -> Option<PathBuf> {
        match self {
            Self::Text(text) => Some(PathBuf::from(text)),
            Self::Raw(raw) => from_raw(raw),
        }
    }

    /// The last component, also of a path written by another system.
    pub fn file_name(&self) -> Option<String> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::Raw(_) => self.to_path()?.to_string_lossy().into_owned(),
        };
        text.rsplit(['/', '\\'])
            .next()
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
    }
}

impl fmt::Display for PortablePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.to_path()) {
            (Self::Text(text), _) => f.write_str(text),
            (Self::Raw(_), Some(path)) => write!(f, "{}", path.display()),
            (Self::Raw(_), None) => f.write_str("(a path of another system)"),
        }
    }
}

/// `path` relative to `folder`, with `/` between components; `None` if it is not inside, or not Unicode.
pub fn relative_to(path: &Path, folder: &Path) -> Option<String> {
    let inside = path.strip_prefix(folder).ok()?;
    let names: Option<Vec<&str>> = inside.iter().map(OsStr::to_str).collect();
    names.filter(|names| !names.is_empty()).map(|names| names.join("/"))
}

/// `relative` (with `/` between components) inside `folder`; `None` if it would lead anywhere else.
pub fn inside(folder: &Path, relative: &str) -> Option<PathBuf> {
    let mut path = folder.to_path_buf();
    for name in relative.split('/') {
        let mut components = Path::new(name).components();
        match (components.next(), components.next()) {
            (Some(Component::Normal(component)), None) if component == OsStr::new(name) => path.push(component),
            _ => return None,
        }
    }
    Some(path)
}

#[cfg(unix)]
fn raw(path: &OsStr) -> RawPath {
    use std::os::unix::ffi::OsStrExt as _;
    RawPath::Unix(STANDARD.encode(path.as_bytes()))
}

#[cfg(windows)]
fn raw(path: &OsStr) -> RawPath {
    use std::os::windows::ffi::OsStrExt as _;
    let bytes: Vec<u8> = path.encode_wide().flat_map(u16::to_le_bytes).collect();
    RawPath::Windows(STANDARD.encode(bytes))
}

#[cfg(unix)]
fn from_raw(raw: &RawPath) -> Option<PathBuf> {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    match raw {
        RawPath::Unix(text) => Some(OsString::from_vec(STANDARD.decode(text).ok()?).into()),
        RawPath::Windows(_) => None,
    }
}

#[cfg(windows)]
fn from_raw(raw: &RawPath) -> Option<PathBuf> {
    use std::ffi::OsString;
    use std::os::windows::ffi::OsStringExt as _;
    match raw {
        RawPath::Unix(_) => None,
        RawPath::Windows(text) => {
            let bytes = STANDARD.decode(text).ok()?;
            let units: Vec<u16> = bytes
                .chunks_exact(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                .collect();
            Some(OsString::from_wide(&units).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_string_and_names_are_found_in_both_notations() {
        let path = PortablePath::new(Path::new("/home/ä b/amp.onnx"));
        assert_eq!(serde_json::to_string(&path).expect("json"), "\"/home/ä b/amp.onnx\"");
        assert_eq!(path.file_name().as_deref(), Some("amp.onnx"));
        let foreign = PortablePath::Text("C:\\Models\\amp.onnx".to_owned());
        assert_eq!(foreign.file_name().as_deref(), Some("amp.onnx"));
        assert_eq!(PortablePath::Text(String::new()).file_name(), None);
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_text_round_trip() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(OsStr::from_bytes(b"/tmp/\xff\xfe/amp.onnx"));
        let portable = PortablePath::new(path);
        let json = serde_json::to_string(&portable).expect("json");
        assert!(json.starts_with("{\"unix\":"), "{json}");
        let back: PortablePath = serde_json::from_str(&json).expect("a path");
        assert_eq!(back.to_path().as_deref(), Some(path));
        let foreign: PortablePath = serde_json::from_str("{\"windows\":\"AAA=\"}").expect("a path");
        assert_eq!(foreign.to_path(), None);
        assert_eq!(serde_json::to_string(&foreign).expect("json"), "{\"windows\":\"AAA=\"}");
    }

    #[test]
    fn relative_paths_never_leave_their_folder() {
        let folder = Path::new("/library");
        assert_eq!(
            relative_to(Path::new("/library/a/b.onnx"), folder).as_deref(),
            Some("a/b.onnx")
        );
        assert_eq!(relative_to(Path::new("/elsewhere/b.onnx"), folder), None);
        assert_eq!(inside(folder, "a/b.onnx"), Some(PathBuf::from("/library/a/b.onnx")));
        for hostile in ["../b.onnx", "a/../../b", "/etc/passwd", "", "a//b", ".", "a/./b"] {
            assert_eq!(inside(folder, hostile), None, "{hostile}");
        }
    }
}
