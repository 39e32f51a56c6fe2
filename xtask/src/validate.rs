//! The validators that come from no package registry: each runs where its path is given.

use crate::bundle::{self, Bundles};
use crate::checks::{Checks, Outcome};
use crate::packages::{self, Need};
use crate::project::Project;
use crate::run;
use anyhow::Result;
use std::process::{Command, ExitCode};

/// A run of pluginval passes or fails by races too; so many must pass.
const PLUGINVAL_RUNS: usize = 10;

/// A validator and how it is called.
struct Validator {
    name: &'static str,
    variable: &'static str,
    program: &'static str,
    runs: usize,
    arguments: fn(&Bundles) -> Vec<String>,
}

const VALIDATORS: &[Validator] = &[
    Validator {
        name: "pluginval (VST3, level 10)",
        variable: "PLUGINVAL",
        program: "pluginval",
        runs: PLUGINVAL_RUNS,
        arguments: |bundles| {
            let mut words: Vec<String> = [
                "--strictness-level",
                "10",
                "--validate-in-process",
                "--timeout-ms",
                "60000",
                "--validate",
            ]
            .map(str::to_owned)
            .into();
            words.push(bundles.vst3.display().to_string());
            words
        },
    },
    Validator {
        name: "clap-validator",
        variable: "CLAP_VALIDATOR",
        program: "clap-validator",
        runs: 1,
        arguments: |bundles| vec!["validate".to_owned(), bundles.clap.display().to_string()],
    },
    Validator {
        name: "vst3-validator",
        variable: "VST3_VALIDATOR",
        program: "vst3-validator",
        runs: 1,
        arguments: |bundles| vec![bundles.vst3.display().to_string()],
    },
];

/// Adds a step for each validator.
pub fn steps(checks: &mut Checks, bundles: &Bundles) {
    for validator in VALIDATORS {
        checks.step(validator.name, "cargo xtask validate", || validator.check(bundles));
    }
}

/// `cargo xtask validate`.
///
/// # Errors
/// The bundles cannot be built.
pub fn alone(project: &Project) -> Result<ExitCode> {
    packages::install_missing(Need::Hosts)?;
    let bundles = bundle::run(project)?;
    let mut checks = Checks::new();
    steps(&mut checks, &bundles);
    Ok(checks.finish())
}

impl Validator {
    fn check(&self, bundles: &Bundles) -> Result<Outcome> {
        let Some(program) = run::tool(self.variable, self.program)? else {
            return Ok(Outcome::Skipped(format!(
                "not run: no {} on the path and {} is not set",
                self.program, self.variable
            )));
        };
        for _ in 0..self.runs {
            let mut command = if cfg!(target_os = "linux") && run::on_path("xvfb-run").is_some() {
                let mut command = Command::new("xvfb-run");
                command
                    .env("LIBGL_ALWAYS_SOFTWARE", "1")
                    .args(["-a", "-s", "-screen 0 1280x800x24"])
                    .arg(&program);
                command
            } else {
                Command::new(&program)
            };
            run::stream(command.args((self.arguments)(bundles)))?;
        }
        Ok(Outcome::Passed(if self.runs > 1 {
            format!("{} runs", self.runs)
        } else {
            String::new()
        }))
    }
}
