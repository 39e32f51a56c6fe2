//! Every model that the scenarios run over.
//!
//! The project's own files are found from this crate's place; third-party ones in `TONEGRAFT_TEST_DATA` (default
//! `../shared/data` beside the workspace). Where those are absent the scenarios say so and go on, unless
//! `TONEGRAFT_REQUIRE_TEST_DATA=1`.

use crate::host::Track;
use std::path::{Path, PathBuf};
use tonegraft_engine::{InstanceConfig, Model, Options, Oversampling, RateMode, StartState};

/// A model file and where it belongs.
#[derive(Clone, Debug)]
pub struct Entry {
    /// For messages: folder and file name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// True if the engine has to take it; else it may refuse.
    pub must_load: bool,
}

/// The workspace's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The folder of third-party data, or `None` after saying what is skipped.
///
/// # Panics
/// It is absent and `TONEGRAFT_REQUIRE_TEST_DATA` is 1.
pub fn shared_data(what: &str) -> Option<PathBuf> {
    let path = match std::env::var_os("TONEGRAFT_TEST_DATA") {
        Some(path) => root().join(path),
        None => root().join("../shared/data"),
    };
    if path.is_dir() {
        return Some(path);
    }
    assert!(
        std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_none_or(|value| value != "1"),
        "{what}: no third-party data at {}, but TONEGRAFT_REQUIRE_TEST_DATA is 1",
        path.display()
    );
    println!("skipped: {what}: no third-party data (set TONEGRAFT_TEST_DATA)");
    None
}

/// The files in `folder` with the extension `onnx`, sorted.
fn onnx_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .collect();
    files.sort();
    files
}

fn entry(path: PathBuf, must_load: bool) -> Entry {
    let part = |path: Option<&Path>| {
        path.and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    Entry {
        name: format!("{}/{}", part(path.parent()), part(Some(&path))),
        path,
        must_load,
    }
}

/// What ships with the plugin.
pub fn shipped() -> Vec<Entry> {
    onnx_files(&root().join("models/shipped"))
        .into_iter()
        .map(|path| entry(path, true))
        .collect()
}

/// The project's fixtures.
pub fn fixtures() -> Vec<Entry> {
    onnx_files(&root().join("models/fixtures"))
        .into_iter()
        .map(|path| entry(path, false))
        .collect()
}

/// The third-party sequence models that the native runtime plays.
pub fn third_party() -> Vec<Entry> {
    let Some(data) = shared_data("third-party models") else {
        return Vec::new();
    };
    let mut entries: Vec<Entry> = [
        "steerable-nafx-libtorch-dynamic",
        "steerable-nafx-2_blocks-libtorch-dynamic",
    ]
    .into_iter()
    .map(|name| entry(data.join(format!("onnx/{name}.onnx")), true))
    .collect();
    for path in onnx_files(&data.join("export-zoo")) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.is_some_and(|name| ["tcn", "lstm", "gru"].iter().any(|kind| name.starts_with(kind))) {
            entries.push(entry(path, true));
        }
    }
    entries
}

/// All of them, compiled. Fixtures that the engine refuses are left out, with the reason printed.
///
/// # Panics
/// A model that has to load does not.
pub fn all() -> Vec<(Entry, Model)> {
    let mut models = Vec::new();
    for entry in [shipped(), fixtures(), third_party()].concat() {
        match Model::from_file(&entry.path, &Options::default()) {
            Ok(model) => models.push((entry, model)),
            Err(error) if !entry.must_load => println!("refused, as a fixture may be: {error}"),
            Err(error) => panic!("{}: {error}", entry.name),
        }
    }
    models
}

/// True if `model` can play on `track`; a stereo model cannot on a mono one.
pub fn fits(model: &Model, track: Track) -> bool {
    model
        .instantiate(&InstanceConfig {
            host_rate: track.rate,
            inputs: track.inputs,
            outputs: track.outputs,
            start: StartState::Zero,
            isa: None,
            rate: RateMode::default(),
            oversampling: Oversampling::default(),
        })
        .is_ok()
}
