//! `tonegraft library`: the models at hand.

use crate::cli::LibraryArgs;
use crate::line;
use anyhow::{Result, ensure};
use serde::Serialize;
use std::path::PathBuf;
use tonegraft_library::index::ScanLimits;
use tonegraft_library::{Library, folders, shipped};

/// A model at hand; the keys of `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Shelved {
    /// What `--model` takes: the id of a shipped model, or a path.
    pub model: String,
    /// The name for people.
    pub name: String,
    /// True if it is inside this program.
    pub shipped: bool,
    /// The file, if it is one.
    pub path: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A folder that was named is not there.
pub fn run(args: &LibraryArgs) -> Result<()> {
    for folder in &args.folders {
        ensure!(
            folder.is_dir(),
            "{}: there is no such folder; name folders with models in them",
            folder.display()
        );
    }
    let own = folders::models().filter(|folder| folder.is_dir());
    let all: Vec<PathBuf> = args.folders.iter().cloned().chain(own).collect();
    let library = Library::scan(&all, &ScanLimits::default());
    let inside = shipped().iter().map(|shipped| Shelved {
        model: shipped.id.to_owned(),
        name: shipped.name.to_owned(),
        shipped: true,
        path: None,
    });
    let files = library.entries().iter().map(|entry| Shelved {
        model: entry.path.display().to_string(),
        name: entry.name.clone(),
        shipped: false,
        path: Some(entry.path.clone()),
    });
    for shelved in inside.chain(files) {
        if args.json {
            line(&serde_json::to_string(&shelved)?)?;
        } else {
            let place = if shelved.shipped { "shipped" } else { "file" };
            line(&format!("{place:<8} {:<32} {}", shelved.name, shelved.model))?;
        }
    }
    for problem in library.problems() {
        eprintln!("warning: {}: {}", problem.path.display(), problem.reason);
    }
    Ok(())
}
