//! The Python host checks in `tests/hosts`, each a process of its own.

use crate::bundle::{self, Bundles};
use crate::checks::{Checks, Outcome};
use crate::packages::{self, Need};
use crate::project::Project;
use crate::{run, venv};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Scripts that check something by themselves: everything in the folder whose name starts so.
const PREFIX: &str = "check_";

/// The window's script; it wants a display.
const WINDOW: &str = "check_window.py";

/// The host scripts without the window's, sorted.
///
/// # Errors
/// The folder cannot be read or holds none.
pub fn scripts(project: &Project) -> Result<Vec<PathBuf>> {
    let folder = project.root.join("tests/hosts");
    let mut scripts = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) && name.ends_with(".py") && name != WINDOW {
            scripts.push(path);
        }
    }
    scripts.sort();
    ensure!(!scripts.is_empty(), "no host script in {}", folder.display());
    Ok(scripts)
}

/// Name of a script without its decoration.
pub fn name(script: &Path) -> String {
    script
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .trim_start_matches(PREFIX)
        .replace('_', " ")
}

/// Runs one script. Exit code 77 says that it was skipped; its last line says why.
///
/// # Errors
/// The script fails.
pub fn check(project: &Project, bundles: &Bundles, script: &Path) -> Result<Outcome> {
    // Without a display: these hosts open no window here, and DawDreamer ends at an X server without a window manager.
    let mut command = Command::new(venv::python(project)?);
    command
        .arg("-u")
        .arg(script)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY");
    finish(project, bundles, script, command)
}

/// Runs the window's script under Xvfb.
///
/// # Errors
/// The script fails.
pub fn window(project: &Project, bundles: &Bundles) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped("Xvfb is a Linux tool".to_owned()));
    }
    let script = project.root.join("tests/hosts").join(WINDOW);
    let mut command = under_xvfb();
    command.arg(venv::python(project)?).arg("-u").arg(&script);
    finish(project, bundles, &script, command)
}

/// `cargo xtask hosts [NAME…]`.
///
/// # Errors
/// The bundles cannot be built.
pub fn alone(project: &Project, names: &[String]) -> Result<ExitCode> {
    packages::install_missing(Need::Hosts)?;
    let bundles = bundle::run(project)?;
    let mut checks = Checks::new();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| name.contains(&wanted.replace('_', " ")));
    let mut found = false;
    for script in scripts(project)? {
        let name = name(&script);
        if wanted(&name) {
            found = true;
            checks.independent(&name, &repeat(&script), || check(project, &bundles, &script));
        }
    }
    ensure!(found, "no host script's name contains {}", names.join(" or "));
    Ok(checks.finish())
}

/// `cargo xtask window`.
///
/// # Errors
/// The bundles cannot be built.
pub fn window_alone(project: &Project) -> Result<ExitCode> {
    packages::install_missing(Need::Hosts)?;
    let bundles = bundle::run(project)?;
    let mut checks = Checks::new();
    checks.step("window under Xvfb", "cargo xtask window", || window(project, &bundles));
    Ok(checks.finish())
}

/// The command that runs one script again.
pub fn repeat(script: &Path) -> String {
    format!(
        "cargo xtask hosts {}",
        script
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .trim_start_matches(PREFIX)
    )
}

/// What every script is told.
pub fn arguments(project: &Project, bundles: &Bundles, command: &mut Command) -> Result<()> {
    let out = project.target.join("hosts");
    std::fs::create_dir_all(&out)?;
    command.current_dir(&project.root).env("PYTHONDONTWRITEBYTECODE", "1");
    command
        .arg("--vst3")
        .arg(&bundles.vst3)
        .arg("--clap")
        .arg(&bundles.clap);
    command
        .arg("--cli")
        .arg(&bundles.cli)
        .arg("--standalone")
        .arg(&bundles.standalone)
        .arg("--out")
        .arg(out);
    if let Some(data) = project.demanded_test_data()? {
        command.arg("--data").arg(data);
    }
    Ok(())
}

fn finish(project: &Project, bundles: &Bundles, script: &Path, mut command: Command) -> Result<Outcome> {
    arguments(project, bundles, &mut command)?;
    let mut last = String::new();
    let result = run::tee(&mut command, |line| {
        if !line.trim().is_empty() {
            last = line.trim().to_owned();
        }
    });
    match result {
        Ok(()) => Ok(Outcome::Passed(last)),
        Err(_) if last.starts_with("skipped:") => {
            Ok(Outcome::Skipped(last.trim_start_matches("skipped:").trim().to_owned()))
        }
        Err(error) => Err(error.context(name(script))),
    }
}

/// A command whose arguments run on a display of their own, drawn in software.
pub fn under_xvfb() -> Command {
    let mut command = Command::new("xvfb-run");
    command
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .args(["-a", "-s", "-screen 0 1280x800x24"]);
    command
}
