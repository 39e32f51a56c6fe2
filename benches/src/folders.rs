//! Where files are.

use std::path::PathBuf;

/// Where files are.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// Graphs that are made for the benches.
    pub models: PathBuf,
    /// Third-party data, if it is there.
    pub data: Option<PathBuf>,
    /// ONNX Runtime's library, if it is to be measured.
    pub library: Option<PathBuf>,
}

impl Folders {
    /// A file named in a case: third-party data if its name has a folder, else a made graph. `None` if it is not there.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        let path = if name.contains('/') {
            self.data.as_ref()?.join(name)
        } else {
            self.models.join(name)
        };
        path.is_file().then_some(path)
    }
}
