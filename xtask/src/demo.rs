//! `cargo xtask demo`: from a fresh machine to sound, with a table of what was measured.

use crate::bundle::{self, Bundles};
use crate::packages::{self, Need};
use crate::project::Project;
use crate::{hosts, install, run, venv};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Frames per block of the bench figure.
const BLOCK: &str = "64";

struct Row {
    model: String,
    runtime: String,
    reported: i64,
    measured: i64,
    realtime_percent: f64,
    files: [PathBuf; 2],
}

/// Installs, builds, plays, prints.
///
/// # Errors
/// A step fails; the message says what to do.
pub fn run(project: &Project) -> Result<()> {
    println!("1/5 system packages");
    packages::install_missing(Need::Hosts)?;
    println!("2/5 Python environment of the hosts");
    let python = venv::python(project)?;
    println!("3/5 release build (minutes at the first time)");
    let bundles = bundle::run(project)?;
    println!("4/5 installing for this user");
    install::run(&bundles)?;
    println!("5/5 playing");
    let guitar = project.guitar();
    let out = project.root.join("out/demo");
    std::fs::create_dir_all(&out)?;
    let models = project.shipped_models()?;
    let bar = run::bar(models.len() * 3, "playing");
    let mut rows = Vec::new();
    for model in &models {
        let id = model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        bar.set_message(format!("playing {id}"));
        rows.push(play(project, &bundles, &python, &id, &guitar, &out, || bar.inc(1))?);
    }
    bar.finish_and_clear();
    print(project, &guitar, &rows);
    Ok(())
}

fn play(
    project: &Project,
    bundles: &Bundles,
    python: &Path,
    id: &str,
    guitar: &Path,
    out: &Path,
    step: impl Fn(),
) -> Result<Row> {
    let [cli_wav, host_wav, state] =
        [format!("{id}-cli.wav"), format!("{id}-vst3.wav"), format!("{id}.state")].map(|name| out.join(name));
    let cli = |arguments: &[&str]| {
        let mut command = Command::new(&bundles.cli);
        command.args(arguments);
        command
    };
    run::capture(
        cli(&["render", "--model", id, "--start", "silence"])
            .arg(guitar)
            .arg(&cli_wav),
    )?;
    run::capture(cli(&["state", "--model", id, "--out"]).arg(&state))?;
    let inspected = json(&run::capture(&mut cli(&["inspect", id, "--json"]))?)?;
    step();
    let mut host = Command::new(python);
    host.arg(project.root.join("tests/hosts/demo_host.py"));
    hosts::arguments(project, bundles, &mut host)?;
    host.arg("--state")
        .arg(&state)
        .arg("--input")
        .arg(guitar)
        .arg("--wav")
        .arg(&host_wav)
        .arg("--reference")
        .arg(&cli_wav);
    let played = json(&run::capture(&mut host)?)?;
    step();
    let bench = json(&run::capture(&mut cli(&["bench", id, "--block", BLOCK, "--json"]))?)?;
    step();
    let integer = |value: &Value, key: &str| value[key].as_i64().with_context(|| format!("{id}: no number `{key}`"));
    ensure!(
        integer(&played, "reported_latency")? == integer(&inspected, "latency_samples")?,
        "{id}: the host was told another latency than `tonegraft inspect` says"
    );
    Ok(Row {
        model: inspected["name"].as_str().unwrap_or(id).to_owned(),
        runtime: inspected["runtime"].as_str().context("no runtime")?.to_owned(),
        reported: integer(&played, "reported_latency")?,
        measured: integer(&played, "measured_latency")?,
        realtime_percent: bench["realtime_percent"].as_f64().context("no realtime_percent")?,
        files: [host_wav, cli_wav],
    })
}

/// The last line that is a JSON value; `bench` prints one line or one array.
fn json(text: &str) -> Result<Value> {
    let value: Value = serde_json::from_str(text.trim())
        .or_else(|_| serde_json::from_str(text.lines().last().unwrap_or_default()))
        .with_context(|| format!("not JSON: {text}"))?;
    Ok(match value {
        Value::Array(values) => values.into_iter().next().unwrap_or(Value::Null),
        other => other,
    })
}

fn print(project: &Project, guitar: &Path, rows: &[Row]) {
    println!(
        "\n{} through every shipped model, in pedalboard (VST3) and by the command line:\n",
        project.shown(guitar)
    );
    let widest = |length: fn(&Row) -> usize, least: usize| rows.iter().map(length).max().unwrap_or(0).max(least);
    let model = widest(|row| row.model.chars().count(), 5);
    let runtime = widest(|row| row.runtime.chars().count(), 7);
    println!(
        "{:model$}  {:runtime$}  latency reported  measured  % of real time  WAV files",
        "model", "runtime"
    );
    for row in rows {
        println!(
            "{:model$}  {:runtime$}  {:>16}  {:>8}  {:>14.2}  {}",
            row.model,
            row.runtime,
            row.reported,
            row.measured,
            row.realtime_percent,
            project.shown(&row.files[0])
        );
        println!("{:>1$}{2}", "", model + runtime + 50, project.shown(&row.files[1]));
    }
    println!(
        "\nLatency in samples at the file's rate. % of real time: median block of {BLOCK} samples, one channel, one core.\n\
         Tonegraft is now in your DAW's plugin list after a rescan."
    );
}
