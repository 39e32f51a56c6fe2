//! Checks that are slow or want more than a fresh machine has. Each says by name when it could not be run.

use crate::bundle::{self, Bundles};
use crate::checks::{Checks, Outcome};
use crate::packages::{self, Need};
use crate::project::Project;
use crate::{hosts, install, run, test, venv};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// Ardour's session code aborts now and then without any plugin, so the file is judged and the run repeated.
const ARDOUR_TRIES: usize = 5;

/// How long the churn of instances goes on.
const SOAK: Duration = Duration::from_secs(300);

/// Other systems, checked without a linker.
const TARGETS: &[&str] = &["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// The system whose vectors the kernels' tests are also run on, emulated.
const ARM: &str = "aarch64-unknown-linux-gnu";

/// Its linker and its emulator; the libraries of its programs lie under `/usr/aarch64-linux-gnu` on Debian and Ubuntu.
const ARM_LINKER: &str = "aarch64-linux-gnu-gcc";
const ARM_EMULATOR: &str = "qemu-aarch64";
const ARM_LIBRARIES: &str = "/usr/aarch64-linux-gnu";

/// Runs everything, also after a failure.
pub fn run(project: &Project) -> ExitCode {
    let mut checks = Checks::new();
    let mut bundles = None;
    checks.step("release bundles", "cargo xtask bundle", || {
        packages::install_missing(Need::Hosts)?;
        let made = bundle::run(project)?;
        install::run(&made)?;
        bundles = Some(made);
        Ok(Outcome::passed())
    });
    if let Some(bundles) = &bundles {
        checks.independent("Ardour's headless export", "cargo xtask extended", || {
            ardour(project, bundles)
        });
        checks.independent("soak: instances made and dropped", "cargo xtask extended", || {
            soak(project, bundles)
        });
    }
    checks.independent("cargo-deny", "cargo deny check bans licenses sources", || {
        if run::on_path("cargo-deny").is_none() {
            run::stream(&mut project.cargo(&["install", "cargo-deny", "--locked"]))?;
        }
        test::deny(project)
    });
    checks.independent("cargo-deny advisories", "cargo deny check advisories", || {
        if run::succeeds(&mut project.cargo(&["deny", "fetch", "db"])) {
            run::stream(&mut project.cargo(&["deny", "--all-features", "check", "advisories"]))?;
            return Ok(Outcome::passed());
        }
        Ok(Outcome::Skipped(
            "not checked: the advisory database is not reachable".to_owned(),
        ))
    });
    for target in TARGETS {
        checks.independent(
            &format!("cargo check for {target}"),
            &format!("cargo check -p tonegraft-plugin --lib --target {target}"),
            || {
                if !add_target(project, target) {
                    return Ok(Outcome::Skipped(format!("rustup cannot add {target} here")));
                }
                let arguments = [
                    "check",
                    "--locked",
                    "--release",
                    "-p",
                    "tonegraft-plugin",
                    "--lib",
                    "-p",
                    "tonegraft",
                    "--target",
                    target,
                ];
                run::stream(&mut project.cargo(&arguments))?;
                Ok(Outcome::passed())
            },
        );
    }
    for workspace in ["benches", "fuzz"] {
        checks.independent(
            &format!("cargo check of {workspace}"),
            &format!("cargo check --manifest-path {workspace}/Cargo.toml"),
            || {
                let manifest = format!("{workspace}/Cargo.toml");
                run::stream(
                    project
                        .cargo(&["check", "--locked", "--all-targets", "--manifest-path", &manifest])
                        .env("CARGO_TARGET_DIR", project.target.join(workspace)),
                )?;
                Ok(Outcome::passed())
            },
        );
    }
    checks.independent("the kernels' tests with NEON, emulated", "cargo xtask extended", || {
        neon(project)
    });
    checks.finish()
}

/// Whether the toolchain can compile for `target`.
fn add_target(project: &Project, target: &str) -> bool {
    run::succeeds(
        Command::new("rustup")
            .current_dir(&project.root)
            .args(["target", "add", target]),
    )
}

/// The kernels' tests, optimised and compiled for AArch64, under qemu.
fn neon(project: &Project) -> Result<Outcome> {
    if cfg!(target_arch = "aarch64") {
        return Ok(Outcome::Skipped(
            "this machine has NEON itself: `cargo test` is this check".to_owned(),
        ));
    }
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::Skipped("qemu runs programs of Linux on Linux only".to_owned()));
    }
    if !add_target(project, ARM) {
        return Ok(Outcome::Skipped(format!("rustup cannot add {ARM} here")));
    }
    if let Err(why) = packages::install_missing(Need::Arm) {
        return Ok(Outcome::Skipped(format!("not run: {why:#}")));
    }
    for program in [ARM_LINKER, ARM_EMULATOR] {
        if run::on_path(program).is_none() {
            return Ok(Outcome::Skipped(format!("not run: {program} is not installed")));
        }
    }
    let arguments = [
        "test",
        "--locked",
        "--profile",
        "rt-check",
        "-p",
        "tonegraft-kernels",
        "--target",
        ARM,
    ];
    let mut command = project.cargo(&arguments);
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", ARM_LINKER);
    command.env(
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
        format!("{ARM_EMULATOR} -L {ARM_LIBRARIES}"),
    );
    run::stream(&mut command)?;
    Ok(Outcome::passed())
}

/// A session with the plugin on a track, exported by Ardour without a window; the file is compared with the command line's.
fn ardour(project: &Project, bundles: &Bundles) -> Result<Outcome> {
    let Some(luasession) = ["ardour8-lua", "ardour7-lua"].into_iter().find_map(run::on_path) else {
        return Ok(Outcome::Skipped(
            "not run: Ardour is not installed (apt-get install ardour)".to_owned(),
        ));
    };
    let script = project.root.join("tests/hosts/ardour_export.py");
    let mut last = None;
    for _ in 0..ARDOUR_TRIES {
        let mut command = Command::new(venv::python(project)?);
        command.arg("-u").arg(&script).arg("--luasession").arg(&luasession);
        hosts::arguments(project, bundles, &mut command)?;
        match run::stream(&mut command) {
            Ok(()) => return Ok(Outcome::passed()),
            Err(error) => last = Some(error),
        }
    }
    Err(last
        .context("no run of Ardour")?
        .context(format!("{ARDOUR_TRIES} runs of Ardour")))
}

/// The churn script again and again.
fn soak(project: &Project, bundles: &Bundles) -> Result<Outcome> {
    let script = Path::new("check_minihost_churn.py");
    let script = project.root.join("tests/hosts").join(script);
    ensure!(script.is_file(), "{} is missing", script.display());
    let started = Instant::now();
    let mut rounds = 0;
    while started.elapsed() < SOAK {
        hosts::check(project, bundles, &script)?;
        rounds += 1;
    }
    Ok(Outcome::Passed(format!("{rounds} rounds in {} s", SOAK.as_secs())))
}
