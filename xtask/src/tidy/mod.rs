//! What can be checked in the text of the project, so that nobody has to remember it.

mod arrows;
mod code;
mod licences;
mod text;

use crate::project::Project;
use crate::run;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// A tracked text file.
pub struct TextFile {
    /// Path from the root, with `/`.
    pub path: String,
    /// The whole file.
    pub text: String,
}

/// What was found.
#[derive(Default)]
pub struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Findings {
    /// Must be mended.
    pub fn error(&mut self, message: String) {
        self.errors.push(message);
    }

    /// Should be looked at.
    pub fn warning(&mut self, message: String) {
        self.warnings.push(message);
    }
}

/// Runs all rules.
///
/// # Errors
/// A rule is broken; all findings have been printed.
pub fn run(project: &Project) -> Result<()> {
    let paths = tracked(project)?;
    let files: Vec<TextFile> = paths
        .iter()
        .filter_map(|path| {
            let text = String::from_utf8(std::fs::read(project.root.join(path)).ok()?).ok()?;
            (!text.contains('\0')).then(|| TextFile {
                path: path.clone(),
                text,
            })
        })
        .collect();
    let mut findings = Findings::default();
    arrows::check(&project.metadata, &mut findings)?;
    code::check(project, &files, &mut findings)?;
    text::check(&files, &mut findings);
    licences::check(&paths, &files, &mut findings);
    for warning in &findings.warnings {
        println!("warning: {warning}");
    }
    for error in &findings.errors {
        println!("error: {error}");
    }
    if !findings.errors.is_empty() {
        bail!("tidy found {} faults in {} files", findings.errors.len(), paths.len());
    }
    println!("tidy: {} files, {} warnings", paths.len(), findings.warnings.len());
    Ok(())
}

/// Paths of all tracked files from the root; without git, of all files that are not built or hidden.
fn tracked(project: &Project) -> Result<Vec<String>> {
    let listed = run::capture(Command::new("git").current_dir(&project.root).args(["ls-files", "-z"]));
    if let Ok(listed) = listed {
        let paths = listed.split('\0').filter(|path| !path.is_empty());
        return Ok(paths
            .filter(|path| project.root.join(path).is_file())
            .map(str::to_owned)
            .collect());
    }
    let mut paths = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(project.root.join(&folder)).context("cannot read the project's folder")? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                if !name.starts_with("target")
                    && !name.starts_with(".venv")
                    && !matches!(name.as_str(), ".git" | "out" | "__pycache__")
                {
                    folders.push(path);
                }
            } else {
                paths.push(path.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    paths.sort();
    Ok(paths)
}
