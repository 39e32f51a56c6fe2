//! The Python environment of the host checks, in `.venv`, as `tests/hosts/requirements.txt` pins it.

use crate::project::Project;
use crate::run;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// Makes the environment where it is missing or its pins have changed; returns its Python.
///
/// # Errors
/// Python is missing, or the packages cannot be installed.
pub fn python(project: &Project) -> Result<PathBuf> {
    let folder = project.root.join(".venv");
    let python = if cfg!(windows) {
        folder.join("Scripts/python.exe")
    } else {
        folder.join("bin/python")
    };
    let pins = project.root.join("tests/hosts/requirements.txt");
    let wanted = std::fs::read_to_string(&pins).with_context(|| format!("cannot read {}", pins.display()))?;
    // Written last, so an interrupted installation is done again.
    let stamp = folder.join("installed-requirements.txt");
    if python.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if !python.is_file() {
        let system = if cfg!(windows) { "python" } else { "python3" };
        run::quiet(
            "making the Python environment .venv",
            Command::new(system).args(["-m", "venv"]).arg(&folder),
        )
        .context("the host checks need Python 3.11 or later with its `venv` module")?;
    }
    run::quiet(
        "installing the Python packages of tests/hosts/requirements.txt (about 400 MB)",
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&pins),
    )
    .context("the Python packages of the host checks could not be installed; check the network or pip's settings")?;
    std::fs::write(&stamp, wanted)?;
    Ok(python)
}

/// ONNX Runtime's library inside the environment.
///
/// # Errors
/// The environment has none.
pub fn onnxruntime_library(project: &Project) -> Result<PathBuf> {
    let python = python(project)?;
    let script = "import pathlib, onnxruntime; folder = pathlib.Path(onnxruntime.__file__).parent / 'capi'; \
                  found = [p for p in folder.iterdir() if p.name.startswith(('libonnxruntime.so', 'libonnxruntime.', 'onnxruntime.dll'))]; \
                  print(found[0])";
    let path = run::capture(Command::new(python).args(["-c", script]))?;
    Ok(PathBuf::from(path.trim()))
}
