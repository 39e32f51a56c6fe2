//! `cargo xtask bench-report`: runs `benches`, a workspace of its own, keeps what it measured and writes the page from it.
//!
//! The history is a CSV per machine, one line per figure. The page is made from the newest run of each model in it, so that one
//! model can be measured again, and with `--ours` what no peer takes part in: many instances and rendering.

mod by_hand;
mod chart;
mod goals;
mod history;
mod machine;
mod page;
mod renders;

use crate::project::Project;
use crate::{costs, references, run, venv};
use anyhow::{Context, Result, bail, ensure};
use history::{History, Run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the results go.
const FOLDER: &str = "docs/benchmarks";
const PAGE: &str = "docs/BENCHMARKS.md";
const CHART: &str = "docs/images/benchmarks.svg";
const BY_HAND: &str = "docs/benchmarks/by-hand.csv";
const LOADING: &str = "docs/benchmarks/loading.md";

/// What the command was asked.
#[derive(Debug, Default, PartialEq)]
struct Request {
    model: Option<String>,
    core: Option<usize>,
    seconds: Option<f64>,
    only_page: bool,
    only_ours: bool,
}

/// Builds, measures, writes.
///
/// # Errors
/// A step fails, or an engine's samples are wrong.
pub fn run(project: &Project, arguments: &[String]) -> Result<()> {
    let request = request(arguments)?;
    let machine = machine::Machine::this();
    let file = project.root.join(FOLDER).join(format!("{}.csv", machine.slug));
    let mut history = History::read(&file)?;
    if !request.only_page {
        let benches = Benches::build(project, &request)?;
        let stamp = history::Stamp::now(project)?;
        let lines = benches.measure(project, &request)?;
        history.append(&stamp, &lines)?;
        std::fs::create_dir_all(project.root.join(FOLDER))?;
        history.write(&file)?;
        if request.model.is_none() && !request.only_ours {
            std::fs::write(project.root.join(LOADING), costs::section(project)?)?;
        }
    }
    let run = history.newest();
    ensure!(
        !run.is_empty(),
        "nothing was measured on this machine yet: there is no {}",
        project.shown(&file)
    );
    write_page(project, &machine, &run)?;
    println!("wrote {}, {PAGE} and {CHART}", project.shown(&file));
    Ok(())
}

fn write_page(project: &Project, machine: &machine::Machine, run: &Run) -> Result<()> {
    let read = |path: &str| std::fs::read_to_string(project.root.join(path)).unwrap_or_default();
    let by_hand = by_hand::read(&read(BY_HAND)).with_context(|| BY_HAND.to_owned())?;
    let text = page::Page {
        machine,
        run,
        by_hand: &by_hand,
        loading: &read(LOADING),
    }
    .text();
    std::fs::write(project.root.join(CHART), chart::svg(run))?;
    std::fs::write(project.root.join(PAGE), text)?;
    Ok(())
}

fn request(arguments: &[String]) -> Result<Request> {
    let mut request = Request::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--page" => {
                request.only_page = true;
                continue;
            }
            "--ours" => {
                request.only_ours = true;
                continue;
            }
            _ => {}
        }
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--model" => request.model = Some(value.clone()),
            "--core" => request.core = Some(value.parse().context("--core wants a number")?),
            "--seconds" => request.seconds = Some(value.parse().context("--seconds wants a number")?),
            _ => bail!("`cargo xtask bench-report` takes --model, --core, --seconds, --ours and --page, not `{word}`"),
        }
    }
    Ok(request)
}

/// The programs of the benches, and what they need.
struct Benches {
    /// With every peer, for any processor, as what is shipped.
    usual: PathBuf,
    /// With nam-rs alone, compiled for this processor.
    native: Option<PathBuf>,
    models: PathBuf,
    data: Option<PathBuf>,
    library: Option<PathBuf>,
    core: usize,
}

impl Benches {
    fn build(project: &Project, request: &Request) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let alone = ["--no-default-features"];
        let (usual, native, library) = if request.only_ours {
            (build(project, "benches-ours", &alone, None)?, None, None)
        } else {
            (
                build(project, "benches", &[], None)?,
                Some(build(project, "benches-native", &alone, Some("-C target-cpu=native"))?),
                Some(venv::onnxruntime_library(project)?),
            )
        };
        let benches = Self {
            usual,
            native,
            models: project.target.join("benches-models"),
            data: project.demanded_test_data()?,
            library,
            core: request.core.unwrap_or(cores - 1),
        };
        if benches.data.is_none() {
            println!("skipped: models of others are not here (set TONEGRAFT_TEST_DATA)");
        }
        if request.only_ours {
            return Ok(benches);
        }
        run::stream(benches.command(&benches.usual, "convert").arg("--only-ours"))?;
        run::stream(
            Command::new(references::environment(project)?)
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .arg(project.root.join("benches/models/graphs.py"))
                .arg(&benches.models),
        )?;
        Ok(benches)
    }

    /// Everything that was asked for, as the benches print it.
    fn measure(&self, project: &Project, request: &Request) -> Result<Vec<Value>> {
        let mut lines = Vec::new();
        let mut step =
            |what: &str, program: &Path, command: &str, seconds: f64, library: Option<&Path>| -> Result<()> {
                let mut process = self.command(program, command);
                process.current_dir(&project.root);
                process.args(["--seconds", &request.seconds.unwrap_or(seconds).to_string()]);
                if let Some(library) = library {
                    process.arg("--library").arg(library);
                }
                if let Some(model) = &request.model {
                    process.args(["--model", model]);
                }
                let printed = run::quiet(what, &mut process)?;
                for line in printed.lines() {
                    let line: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
                    if line["kind"] == "refused" {
                        println!(
                            "{} does not play {} in blocks of {}: {}",
                            line["engine"], line["model"], line["block"], line["why"]
                        );
                    }
                    lines.push(line);
                }
                Ok(())
            };
        if let Some(native) = &self.native {
            step(
                "measuring all engines (about 5 minutes)",
                &self.usual,
                "engines",
                0.25,
                self.library.as_deref(),
            )?;
            step(
                "measuring nam-rs for this processor (about a minute)",
                native,
                "engines",
                0.25,
                None,
            )?;
        }
        if request.model.as_deref().is_none_or(|model| model == "a2-full") {
            step("measuring 64 instances", &self.usual, "instances", 0.25, None)?;
        }
        if request.model.is_none() && !request.only_ours {
            step("measuring kernels", &self.usual, "kernels", 0.05, None)?;
        }
        if request.model.as_deref().is_none_or(|model| model == "a1-standard") {
            lines.extend(renders::measure(project, self.core)?);
        }
        // Ours are those of the first process, as they are shipped.
        native_peers_only(&mut lines);
        Ok(lines)
    }

    /// On one core where the system lets us choose it.
    fn command(&self, program: &Path, command: &str) -> Command {
        let mut process = match run::on_path("taskset") {
            Some(taskset) if cfg!(target_os = "linux") => {
                let mut process = Command::new(taskset);
                process.args(["-c", &self.core.to_string()]).arg(program);
                process
            }
            _ => Command::new(program),
        };
        process.arg(command).arg("--models").arg(&self.models);
        if let Some(data) = &self.data {
            process.arg("--data").arg(data);
        }
        process
    }
}

/// Of the second process only what the first has not.
fn native_peers_only(lines: &mut Vec<Value>) {
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|line| {
        line["kind"] != "engine"
            || seen.insert([&line["model"], &line["block"], &line["engine"], &line["isa"]].map(Value::to_string))
    });
}

fn build(project: &Project, folder: &str, options: &[&str], flags: Option<&str>) -> Result<PathBuf> {
    let target = project.target.join(folder);
    let mut command = project.cargo(&[
        "build",
        "--release",
        "--locked",
        "--manifest-path",
        "benches/Cargo.toml",
    ]);
    command.args(options).env("CARGO_TARGET_DIR", &target);
    if let Some(flags) = flags {
        command.env("RUSTFLAGS", flags);
    }
    run::stream(&mut command)?;
    Ok(target
        .join("release")
        .join(format!("tonegraft-benches{}", std::env::consts::EXE_SUFFIX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_second_process_plays_again_is_left_out() {
        let line = |engine: &str, p50: f64| serde_json::json!({"kind": "engine", "model": "m", "block": 64, "engine": engine, "isa": "", "p50_us": p50});
        let mut lines = vec![line("a", 1.0), line("a", 2.0), line("b", 3.0)];
        native_peers_only(&mut lines);
        assert_eq!(lines, [line("a", 1.0), line("b", 3.0)]);
    }

    #[test]
    fn requests_are_read_and_wrong_ones_told() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let read = request(&words("--model tcn --core 3 --seconds 0.5 --page")).ok();
        let wanted = Request {
            model: Some("tcn".into()),
            core: Some(3),
            seconds: Some(0.5),
            only_page: true,
            only_ours: false,
        };
        assert_eq!(read, Some(wanted));
        assert!(request(&words("--ours")).is_ok_and(|request| request.only_ours));
        for wrong in ["--model", "--core x", "--what 1"] {
            assert!(request(&words(wrong)).is_err(), "{wrong}");
        }
    }
}
