//! `cargo xtask bench-report`: runs `benches`, a workspace of its own, and writes what it measured to `docs`.

use crate::project::Project;
use crate::{costs, run, venv};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

/// Where the figures go.
const CSV: &str = "docs/benchmarks.csv";
const PAGE: &str = "docs/BENCHMARKS.md";

/// The columns of the CSV.
const COLUMNS: &str = "model,block,engine,blocks,p50_us,p99_us,max_difference";

/// One row of the page: (model, block), and for each engine p50 and p99 in µs.
type Cell = ((String, String), BTreeMap<String, (f64, f64)>);

/// Builds, measures, writes.
///
/// # Errors
/// A step fails, or an engine's samples are wrong.
pub fn run(project: &Project) -> Result<()> {
    let library = venv::onnxruntime_library(project)?;
    let target = project.target.join("benches");
    run::stream(
        project
            .cargo(&["build", "--release", "--manifest-path", "benches/Cargo.toml"])
            .env("CARGO_TARGET_DIR", &target),
    )?;
    let program = target
        .join("release")
        .join(format!("tonegraft-benches{}", std::env::consts::EXE_SUFFIX));
    let mut command = Command::new(program);
    command
        .arg(&library)
        .arg(project.root.join("benches/models/lstm40.onnx"));
    if let Some(data) = project.demanded_test_data()? {
        command.arg(data.join("onnx/steerable-nafx-libtorch-dynamic.onnx"));
        command.arg(data.join("onnx/steerable-nafx-2_blocks-libtorch-dynamic.onnx"));
    } else {
        println!("skipped: the steerable-nafx models are not here (set TONEGRAFT_TEST_DATA)");
    }
    let machine = machine();
    let csv = run::quiet("measuring (about a minute)", &mut command)?;
    ensure!(
        csv.lines().next() == Some(COLUMNS),
        "the benches wrote other columns than {COLUMNS}"
    );
    std::fs::write(project.root.join(CSV), &csv)?;
    let loading = costs::section(project)?;
    std::fs::write(project.root.join(PAGE), page(&csv, &machine)? + &loading)?;
    println!("wrote {CSV} and {PAGE}");
    Ok(())
}

/// What the figures were measured on, and how busy it was before.
fn machine() -> String {
    let field = |file: &str, key: &str| -> Option<String> {
        let text = std::fs::read_to_string(file).ok()?;
        let value = text
            .lines()
            .find(|line| line.starts_with(key))?
            .split_once(':')?
            .1
            .trim()
            .to_owned();
        Some(value)
    };
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load
        .split_whitespace()
        .next()
        .map_or_else(String::new, |load| format!(" (load average before: {load})"));
    let one_line = |program: &str, argument: &str| {
        run::capture(Command::new(program).arg(argument))
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    format!(
        "{processor}, {cores} cores visible{load}, {}; {}; {}",
        std::env::consts::OS,
        one_line("rustc", "--version"),
        one_line("date", "+%Y-%m-%d")
    )
}

/// The page from the CSV.
fn page(csv: &str, machine: &str) -> Result<String> {
    let mut cells: Vec<Cell> = Vec::new();
    for line in csv.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [model, block, engine, _, p50, p99, _] = fields[..] else {
            anyhow::bail!("not a line of seven columns: {line}")
        };
        let key = (model.to_owned(), block.to_owned());
        let place = match cells.iter().position(|(known, _)| *known == key) {
            Some(place) => place,
            None => {
                cells.push((key, BTreeMap::new()));
                cells.len() - 1
            }
        };
        cells[place].1.insert(engine.to_owned(), (p50.parse()?, p99.parse()?));
    }
    let mut page = format!(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench-report`, which runs `benches` and also writes [benchmarks.csv](benchmarks.csv).\n\n\
         Measured on: {machine}. Release profile, one thread, both engines by turns in one process, mono at 48 kHz.\n\n\
         Native: `tonegraft-engine`, streaming. ONNX Runtime: 1.31.1 from PyPI through `ort` 2.0.0-rc.15, one thread, all graph\n\
         optimisations. It has no memory between runs, so an unpadded convolutional model is given its receptive field with every\n\
         block, as a plugin on it would have to, and a recurrent model its states. The outputs of the two are compared in the same\n\
         run (column `max_difference` of the CSV, relative to max(1, peak)); a difference above 1e-4 is an error.\n\n\
         Times are µs per block. The ratio is that of the medians.\n"
    );
    let mut current = String::new();
    for ((model, block), engines) in &cells {
        if *model != current {
            write!(
                page,
                "\n## {model}\n\n| block | native p50 | native p99 | ONNX Runtime p50 | ONNX Runtime p99 | ratio |\n| ---: | ---: | ---: | ---: | ---: | ---: |\n"
            )?;
            current.clone_from(model);
        }
        let of = |engine: &str| {
            engines
                .get(engine)
                .with_context(|| format!("no figures of {engine} for {model} at {block}"))
        };
        let ((n50, n99), (o50, o99)) = (of("native")?, of("onnxruntime")?);
        writeln!(
            page,
            "| {block} | {n50:.1} | {n99:.1} | {o50:.1} | {o99:.1} | {:.1} |",
            o50 / n50
        )?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, page};

    #[test]
    fn the_page_sets_the_engines_side_by_side() {
        let csv = format!("{COLUMNS}\nm,64,native,10,2.0,3.0,1e-7\nm,64,onnxruntime,10,8.0,9.0,1e-7\n");
        let page = page(&csv, "a machine").unwrap_or_default();
        assert!(page.contains("| 64 | 2.0 | 3.0 | 8.0 | 9.0 | 4.0 |"), "{page}");
    }

    #[test]
    fn a_missing_engine_is_an_error() {
        assert!(page(&format!("{COLUMNS}\nm,64,native,10,2.0,3.0,0\n"), "").is_err());
    }
}
