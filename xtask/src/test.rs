//! `cargo xtask test`: every check, in the order in which a fault is cheapest to find.

use crate::bundle::{self, Bundles};
use crate::checks::{Checks, Outcome};
use crate::packages::{self, Need};
use crate::project::{self, Project};
use crate::{hosts, run, tidy, validate, venv};
use anyhow::{Context, Result};
use std::process::{Command, ExitCode};

/// The profile of everything but the bundles. Clippy and the documentation use it too, so its build scripts are made once.
const PROFILE: &str = "rt-check";

/// Runs all checks; the last line printed is the sum.
pub fn run(project: &Project) -> ExitCode {
    let mut checks = Checks::new();
    checks.step("system packages", "cargo xtask test", || {
        packages::install_missing(Need::Hosts)?;
        project.demanded_test_data()?;
        Ok(Outcome::passed())
    });
    checks.step("tidy", "cargo xtask tidy", || {
        tidy::run(project).map(|()| Outcome::passed())
    });
    cargo(&mut checks, project, "format", &["fmt", "--all", "--check"]);
    cargo(
        &mut checks,
        project,
        "clippy",
        &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--profile",
            PROFILE,
            "--",
            "-D",
            "warnings",
        ],
    );
    checks.step("tests", &format!("cargo test --workspace --profile {PROFILE}"), || {
        tests(project)
    });
    checks.step("realtime sanitizer", "cargo xtask test", || realtime_sanitizer(project));
    checks.step(
        "documentation",
        &format!("RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features --profile {PROFILE}"),
        || {
            let mut command = project.cargo(&[
                "doc",
                "--locked",
                "--workspace",
                "--no-deps",
                "--all-features",
                "--profile",
                PROFILE,
            ]);
            run::stream(command.env("RUSTDOCFLAGS", "-D warnings"))?;
            Ok(Outcome::passed())
        },
    );
    checks.step("cargo-deny", "cargo deny check bans licenses sources", || deny(project));
    checks.step("Python environment", "cargo xtask hosts", || {
        venv::python(project)?;
        Ok(Outcome::passed())
    });
    let mut bundles = None;
    checks.step("release bundles", "cargo xtask bundle", || {
        bundles = Some(bundle::run(project)?);
        Ok(Outcome::passed())
    });
    if let Some(bundles) = bundles {
        match hosts::scripts(project) {
            Ok(scripts) => {
                for script in scripts {
                    let name = format!("host: {}", hosts::name(&script));
                    checks.step(&name, &hosts::repeat(&script), || {
                        hosts::check(project, &bundles, &script)
                    });
                }
            }
            Err(error) => checks.step("host scripts", "cargo xtask hosts", || Err(error)),
        }
        checks.step("host: clack-host", "cargo xtask test", || clack_host(project, &bundles));
        checks.step("window under Xvfb", "cargo xtask window", || {
            hosts::window(project, &bundles)
        });
        validate::steps(&mut checks, &bundles);
    }
    checks.finish()
}

fn cargo(checks: &mut Checks, project: &Project, name: &str, arguments: &[&str]) {
    checks.step(name, &format!("cargo {}", arguments.join(" ")), || {
        run::stream(&mut project.cargo(arguments))?;
        Ok(Outcome::passed())
    });
}

/// All Rust tests; the note counts them.
fn tests(project: &Project) -> Result<Outcome> {
    let mut counts = Counts::default();
    let arguments = ["test", "--locked", "--workspace", "--profile", PROFILE];
    // The plugin's window is tested in a host's window, which needs a display.
    let mut command = if cfg!(target_os = "linux") {
        let mut command = hosts::under_xvfb();
        command.current_dir(&project.root).arg(project::cargo()).args(arguments);
        command
    } else {
        project.cargo(&arguments)
    };
    run::tee(&mut command, |line| counts.read(line))?;
    Ok(Outcome::Passed(counts.note()))
}

/// Sums of the `test result:` lines.
#[derive(Default)]
struct Counts {
    passed: u64,
    ignored: u64,
}

impl Counts {
    fn read(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ok. ") else {
            return;
        };
        for part in rest.split(';') {
            match part.trim().split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse::<u64>().unwrap_or(0),
                Some((number, "ignored")) => self.ignored += number.parse::<u64>().unwrap_or(0),
                _ => {}
            }
        }
    }

    fn note(&self) -> String {
        format!("{} tests passed, {} ignored", self.passed, self.ignored)
    }
}

/// The built CLAP in a CLAP host.
fn clack_host(project: &Project, bundles: &Bundles) -> Result<Outcome> {
    // The whole workspace is selected for the reason given in `realtime_sanitizer`.
    let mut command = project.cargo(&[
        "test",
        "--locked",
        "--workspace",
        "--profile",
        PROFILE,
        "--test",
        "clack_host",
    ]);
    command
        .env("TONEGRAFT_CLAP", &bundles.clap)
        .env("TONEGRAFT_CLI", &bundles.cli);
    let mut counts = Counts::default();
    run::tee(&mut command, |line| counts.read(line))?;
    Ok(Outcome::Passed(counts.note()))
}

/// The realtime scenarios with the sanitizer's runtime that the stable toolchain ships.
fn realtime_sanitizer(project: &Project) -> Result<Outcome> {
    let sysroot = run::capture(
        Command::new("rustc")
            .current_dir(&project.root)
            .args(["--print", "sysroot"]),
    )?;
    let triple = host_triple(project)?;
    let library = format!("{}/lib/rustlib/{triple}/lib/librustc-stable_rt.rtsan.a", sysroot.trim());
    if !std::path::Path::new(&library).is_file() {
        return Ok(Outcome::Skipped(format!(
            "the toolchain ships no realtime sanitizer for {triple}"
        )));
    }
    // The whole workspace is selected so that features, and with them the dependencies' builds, are those of the tests.
    let mut command = project.cargo(&["test", "--locked", "--workspace", "--features", "tonegraft-tests/rtsan"]);
    command.args(["--test", "realtime_sanitizer", "--profile", PROFILE]);
    command.env("RTSAN_ENABLE", "1").env("RTSAN_LIB_PATH", library);
    run::stream(&mut command)?;
    Ok(Outcome::passed())
}

/// The triple for which rustc builds.
fn host_triple(project: &Project) -> Result<String> {
    let version = run::capture(Command::new("rustc").current_dir(&project.root).arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc -vV names no host")?;
    Ok(host.to_owned())
}

/// Licences, sources and bans; advisories need a database that is not reachable everywhere, so `extended` asks for them.
pub fn deny(project: &Project) -> Result<Outcome> {
    if run::on_path("cargo-deny").is_none() {
        return Ok(Outcome::Skipped(
            "not checked: cargo-deny is not installed (cargo install cargo-deny --locked)".to_owned(),
        ));
    }
    run::stream(&mut project.cargo(&["deny", "--all-features", "check", "bans", "licenses", "sources"]))?;
    Ok(Outcome::passed())
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn the_sums_of_cargo_test_are_read() {
        let mut counts = Counts::default();
        counts.read("running 3 tests");
        counts.read("test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        counts.read("test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s");
        assert_eq!(counts.note(), "42 tests passed, 1 ignored");
    }
}
