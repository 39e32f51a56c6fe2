//! `cargo xtask coverage`: writes `docs/COVERAGE.md`, or says whether it is stale.
//!
//! The page is made by a test of the engine, which compares it in every run of the tests; this command runs that test alone.

use crate::project::Project;
use crate::run;
use anyhow::{Result, ensure};

/// Writes the page; with `--check` only compares.
///
/// # Errors
/// Another argument; the third-party data is not here; the page is stale; a model does not play its reference.
pub fn run(project: &Project, arguments: &[String]) -> Result<()> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => anyhow::bail!("`cargo xtask coverage` takes no argument but --check"),
    };
    ensure!(
        project.test_data().is_some(),
        "the page tells of the third-party files, which are not here; set TONEGRAFT_TEST_DATA to their folder"
    );
    let mut command = project.cargo(&["test", "--locked", "-p", "tonegraft-engine", "--profile", "rt-check"]);
    command
        .args(["--test", "coverage"])
        .env("TONEGRAFT_REQUIRE_TEST_DATA", "1");
    if !check {
        command.env("TONEGRAFT_UPDATE_COVERAGE", "1");
    }
    run::stream(&mut command)?;
    if check {
        println!("docs/COVERAGE.md is up to date");
    } else {
        println!("wrote docs/COVERAGE.md; see what changed with: git diff docs/COVERAGE.md");
    }
    Ok(())
}
