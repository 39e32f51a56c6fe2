//! Makes the fixtures in `models/fixtures` again from the scripts in `models/generators`.

use crate::project::Project;
use crate::run;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::Command;

/// Runs every generator in an environment of its own, since they need an exporter that the hosts do not.
///
/// # Errors
/// Python or a generator fails.
pub fn run(project: &Project) -> Result<()> {
    let folder = project.root.join("models/generators");
    let mut scripts = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "py") && text.contains("__main__") {
            scripts.push(path);
        }
    }
    scripts.sort();
    ensure!(!scripts.is_empty(), "no generator in {}", folder.display());
    let python = environment(project)?;
    for script in scripts {
        println!("{}", project.shown(&script));
        run::stream(
            Command::new(&python)
                .current_dir(&project.root)
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .arg(&script),
        )?;
    }
    println!("see what changed with: git diff --stat models/fixtures");
    Ok(())
}

/// The Python that has `onnx`, in `.venv-references`.
///
/// # Errors
/// Python is missing, or the packages cannot be installed.
pub fn environment(project: &Project) -> Result<PathBuf> {
    let folder = project.root.join(".venv-references");
    let python = if cfg!(windows) {
        folder.join("Scripts/python.exe")
    } else {
        folder.join("bin/python")
    };
    if !python.is_file() {
        let system = if cfg!(windows) { "python" } else { "python3" };
        run::quiet(
            "making the Python environment .venv-references",
            Command::new(system).args(["-m", "venv"]).arg(&folder),
        )?;
    }
    run::quiet(
        "installing the packages of models/generators/requirements.txt",
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(project.root.join("models/generators/requirements.txt")),
    )?;
    Ok(python)
}
