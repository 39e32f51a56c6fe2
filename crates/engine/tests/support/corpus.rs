//! All model files that tests run over, with the sidecars and chains that the project has for third-party ones.

use super::data;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tonegraft_engine::{LoadError, Model, Options};
use tonegraft_model::{Graph, Limits, chain};

/// How chain files end.
const ENDING_OF_CHAINS: &str = ".tonegraft-chain.json";

/// A model file.
#[derive(Clone, Debug)]
pub struct File {
    /// Folder and file, as tables name it: `export-zoo/tcn_gated.ts.onnx`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// A file in the folder of its models, for a chain.
    pub beside: Option<PathBuf>,
}

impl File {
    /// The name without folder and endings: `tcn_gated`.
    pub fn stem(&self) -> &str {
        let name = self.name.rsplit('/').next().unwrap_or(&self.name);
        match self.folder() {
            // The zoo names its exporters behind a dot.
            "export-zoo" => name.split('.').next().unwrap_or(name),
            _ => name.trim_end_matches(".onnx").trim_end_matches(ENDING_OF_CHAINS),
        }
    }

    /// The folder's name.
    pub fn folder(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Reads it: a chain with the models that it names, a third-party file with the sidecar that the project has for it.
    pub fn read(&self) -> Result<Graph, LoadError> {
        let bytes = std::fs::read(&self.path).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let limits = Limits::default();
        let sidecar = format!("{}.tonegraft.json", self.name.rsplit('/').next().unwrap_or_default());
        // What a file needs to be told only for its reference stands with the tests.
        let for_tests = format!("{}/tests/sidecars/{}.json", env!("CARGO_MANIFEST_DIR"), self.stem());
        let sidecar = std::fs::read_to_string(data::models().join("sidecars").join(sidecar))
            .or_else(|_| std::fs::read_to_string(for_tests))
            .ok();
        let mut beside = chain::beside(self.beside.as_deref().unwrap_or(&self.path), limits.max_bytes);
        Ok(tonegraft_model::read_any(
            &bytes,
            &self.name,
            sidecar.as_deref(),
            &mut beside,
            &limits,
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

/// The files of a folder with that ending, sorted by name.
fn files(folder: &Path, called: &str, ending: &str) -> Vec<File> {
    let mut files: Vec<File> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("readable").path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            name.ends_with(ending).then(|| File {
                name: format!("{called}/{name}"),
                path: path.clone(),
                beside: None,
            })
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// The repository's fixtures.
pub fn fixtures() -> Vec<File> {
    files(&data::models().join("fixtures"), "fixtures", ".onnx")
}

/// The repository's `.nam` fixtures, and other people's below the shared data if it is there.
pub fn nam(folder: Option<&Path>) -> Vec<File> {
    let mut all = files(&data::models().join("fixtures/nam"), "nam", ".nam");
    if let Some(folder) = folder {
        all.extend(files(&folder.join("nam"), "nam", ".nam"));
    }
    all
}

/// What ships.
pub fn shipped() -> Vec<File> {
    files(&data::models().join("shipped"), "shipped", ".onnx")
}

/// The third-party files in `folder`, the shared data, and the project's chains of them.
pub fn third_party(folder: &Path) -> Vec<File> {
    let chains = files(&data::models().join("chains"), "chains", ENDING_OF_CHAINS).into_iter();
    let chains = chains.map(|file| {
        let models = if file.name.contains("lyra") { "codec" } else { "onnx" };
        File {
            beside: Some(folder.join(models).join("a chain")),
            ..file
        }
    });
    ["export-zoo", "onnx", "codec", "bench"]
        .into_iter()
        .flat_map(|called| files(&folder.join(called), called, ".onnx"))
        .chain(chains)
        .collect()
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
