//! All model files that tests run over, and the sidecars that third-party ones are given.

use super::data;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tonegraft_engine::{LoadError, Model, Options};
use tonegraft_model::{Graph, Limits};

/// A model file.
#[derive(Clone, Debug)]
pub struct File {
    /// Folder and file, as tables name it: `export-zoo/tcn_gated.ts.onnx`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

impl File {
    /// The name without folder and endings: `tcn_gated`.
    pub fn stem(&self) -> &str {
        let name = self.name.rsplit('/').next().unwrap_or(&self.name);
        match self.folder() {
            // The zoo names its exporters behind a dot.
            "export-zoo" => name.split('.').next().unwrap_or(name),
            _ => name.strip_suffix(".onnx").unwrap_or(name),
        }
    }

    /// The folder's name.
    pub fn folder(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Reads it, with the sidecar of [`SIDECARS`] if it has one there, else with the one beside it.
    pub fn read(&self) -> Result<Graph, LoadError> {
        let bytes = std::fs::read(&self.path).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let mut beside = self.path.as_os_str().to_owned();
        beside.push(".tonegraft.json");
        let beside = std::fs::read_to_string(Path::new(&beside)).ok();
        let sidecar = sidecar(&self.name).map(str::to_owned).or(beside);
        Ok(tonegraft_model::read(
            &bytes,
            &self.name,
            sidecar.as_deref(),
            &Limits::default(),
        )?)
    }

    /// Reads and compiles it.
    pub fn model(&self) -> Result<Model, LoadError> {
        self.compile(self.read()?)
    }

    /// Compiles what was read from it.
    pub fn compile(&self, graph: Graph) -> Result<Model, LoadError> {
        Model::from_graph(graph, &self.name, &Options::default())
    }
}

/// The ONNX files of a folder, sorted by name.
fn files(folder: &Path, called: &str) -> Vec<File> {
    let mut files: Vec<File> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .map(|path| File {
            name: format!("{called}/{}", path.file_name().expect("a name").to_string_lossy()),
            path,
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// The repository's fixtures.
pub fn fixtures() -> Vec<File> {
    files(&data::fixtures(), "fixtures")
}

/// What ships.
pub fn shipped() -> Vec<File> {
    files(&data::fixtures().join("../shipped"), "shipped")
}

/// The third-party files in `folder`, the shared data.
pub fn third_party(folder: &Path) -> Vec<File> {
    ["export-zoo", "onnx", "codec", "bench"]
        .into_iter()
        .flat_map(|called| files(&folder.join(called), called))
        .collect()
}

/// What the sidecar of a third-party file would say: facts that are in no file, taken from its makers' own scripts.
const SIDECARS: &[(&str, &str)] = &[];

/// The sidecar for a file of that name.
pub fn sidecar(name: &str) -> Option<&'static str> {
    SIDECARS
        .iter()
        .find(|(file, _)| *file == name)
        .map(|(_, sidecar)| *sidecar)
}

/// Calls `check` for each item on all cores and gives the messages of those that panic, each behind the item's name.
pub fn failures<T: Sync>(items: &[T], name: impl Fn(&T) -> String + Sync, check: impl Fn(&T) + Sync) -> Vec<String> {
    let next = Mutex::new(0);
    let failures = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let at = {
                        let mut next = next.lock().expect("nobody panics with it");
                        *next += 1;
                        *next - 1
                    };
                    let Some(item) = items.get(at) else { break };
                    let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(item)));
                    if let Err(panic) = checked {
                        let message = panic
                            .downcast_ref::<String>()
                            .cloned()
                            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                            .unwrap_or_default();
                        let mut failures = failures.lock().expect("nobody panics with it");
                        failures.push(format!("{}: {message}", name(item)));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("nobody panics with it");
    failures.sort();
    failures
}
