//! The project's own commands, as `cargo xtask COMMAND`.
//!
//! Each command is a module; what they share is [`project`] (where things are), [`run`] (child processes) and [`checks`] (steps
//! with times and a sum).
#![forbid(unsafe_code)]

mod bench_report;
mod bundle;
mod checks;
mod costs;
mod coverage;
mod demo;
mod extended;
mod fuzz;
mod hosts;
mod install;
mod packages;
mod pictures;
mod project;
mod references;
mod run;
mod test;
mod tidy;
mod validate;
mod venv;

use anyhow::{Result, bail};
use project::Project;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  demo           install what is missing, build, install the plugin for this user, play a guitar through every shipped model
  test           every check of the project (what ./check.sh runs)
  bundle         build Tonegraft.vst3, Tonegraft.clap and the standalone into target/bundled
  install        bundle, then copy to this user's plugin folders
  hosts          bundle, then only the host checks (hosts NAME… runs those whose name contains NAME)
  window         bundle, then only the window check under Xvfb
  pictures       draw the README's pictures of the window into docs/images (--all FOLDER: every panel, into FOLDER)
  tidy           what can be checked in the text: dependency arrows, unsafe code, licences, paths
  validate       pluginval, clap-validator and Steinberg's validator, each where its path is given
  references     make the fixtures in models/fixtures again from models/generators
  extended       slow checks: Ardour's export, cargo-deny, checks for other systems, soak
  fuzz           the fuzzers of fuzz/, 30 CPU-minutes each (fuzz TARGET… --minutes N; 0 minutes: the corpus alone)
  coverage       what plays and what is refused, written to docs/COVERAGE.md (--check: is it stale?)
  bench-report   benches beside ONNX Runtime, tract and nam-rs, written to docs/BENCHMARKS.md
                 (--model NAME: only that model; --core N: the core; --seconds S: for each figure; --page: only write the page again)

Environment:
  TONEGRAFT_TEST_DATA=FOLDER           third-party models and audio (default: ../shared/data)
  TONEGRAFT_REQUIRE_TEST_DATA=1        their absence is a failure, not a skipped check
  PLUGINVAL, CLAP_VALIDATOR, VST3_VALIDATOR   paths of the validators
";

fn main() -> ExitCode {
    match dispatch() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the command that the arguments name.
fn dispatch() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    if !matches!(
        command,
        "hosts" | "pictures" | "fuzz" | "coverage" | "bench-report" | "help" | "-h" | "--help"
    ) && let Some(unknown) = rest.first()
    {
        bail!("`cargo xtask {command}` takes no argument, but `{unknown}` was given");
    }
    let project = Project::find()?;
    match command {
        "demo" => demo::run(&project)?,
        "test" => return Ok(test::run(&project)),
        "bundle" => {
            packages::install_missing(packages::Need::Build)?;
            bundle::run(&project)?.print();
        }
        "install" => {
            packages::install_missing(packages::Need::Build)?;
            install::run(&bundle::run(&project)?)?;
        }
        "hosts" => return hosts::alone(&project, rest),
        "window" => return hosts::window_alone(&project),
        "pictures" => pictures::run(&project, rest)?,
        "tidy" => tidy::run(&project)?,
        "validate" => return validate::alone(&project),
        "references" => references::run(&project)?,
        "extended" => return Ok(extended::run(&project)),
        "fuzz" => fuzz::run(&project, rest)?,
        "coverage" => coverage::run(&project, rest)?,
        "bench-report" => bench_report::run(&project, rest)?,
        "help" | "-h" | "--help" => print!("{HELP}"),
        other => bail!("there is no command `{other}`; `cargo xtask help` lists them"),
    }
    Ok(ExitCode::SUCCESS)
}
