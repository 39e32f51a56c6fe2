//! `cargo xtask pictures`: draws the README's pictures of the window into `docs/images`.
//!
//! A test of the plugin draws them, without a display; with `--all FOLDER` it writes every panel in both shades and at two sizes there.

use crate::project::Project;
use crate::run;
use anyhow::{Result, bail};

/// Draws them.
///
/// # Errors
/// Another argument; the test fails.
pub fn run(project: &Project, arguments: &[String]) -> Result<()> {
    let images = project.root.join("docs/images");
    let (name, folder) = match arguments {
        [] => ("TONEGRAFT_README_PICTURES", images),
        [flag, folder] if flag == "--all" => ("TONEGRAFT_PICTURES", std::path::absolute(folder)?),
        _ => bail!("`cargo xtask pictures` takes no argument but --all FOLDER"),
    };
    let mut command = project.cargo(&["test", "--locked", "-p", "tonegraft-plugin", "--profile", "rt-check"]);
    command.args(["--test", "pictures"]).env(name, &folder);
    run::stream(&mut command)?;
    println!("wrote the pictures of the window to {}", folder.display());
    Ok(())
}
