//! `cargo xtask fuzz`: builds the targets of `fuzz` with AddressSanitizer and coverage, makes their first inputs, and runs them one
//! after another.
//!
//! What is found lies in `fuzz/artifacts/TARGET`; what opened new ways is kept in `fuzz/corpus/TARGET` and used by the next run.

use crate::project::Project;
use crate::run;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fuzzer.
struct Target {
    name: &'static str,
    /// The file in `fuzz/dictionaries`, without its extension.
    dictionary: &'static str,
    /// Longest input in bytes.
    longest: usize,
}

const fn target(name: &'static str, dictionary: &'static str, longest: usize) -> Target {
    Target {
        name,
        dictionary,
        longest,
    }
}

/// All of them; a bare `cargo xtask fuzz` runs them in this order.
const TARGETS: &[Target] = &[
    target("onnx", "onnx", 65_536),
    target("json", "models", 16_384),
    target("sidecar", "json", 4_096),
    target("chain", "json", 8_192),
    target("nam", "nam", 16_384),
    target("session", "json", 8_192),
    target("wav", "wav", 4_096),
    target("ir", "ir", 4_096),
    target("instance", "onnx", 65_536),
    target("graph", "onnx", 65_536),
    target("log", "log", 16_384),
];

/// Processor time of each target if nothing else is asked for.
const MINUTES: f64 = 30.0;

/// Coverage as libFuzzer wants it, comparisons traced, and the sanitizer.
const FLAGS: &str = "--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What one target did.
#[derive(Debug, Default, PartialEq)]
struct Report {
    seconds: f64,
    executions: u64,
    edges: u64,
    corpus: u64,
}

/// Runs the targets named in `arguments`, or all; `--minutes N` sets the processor time of each, 0 builds them and runs only what is
/// in the corpus.
///
/// # Errors
/// The arguments are wrong, the build fails, or a target found something.
pub fn run(project: &Project, arguments: &[String]) -> Result<()> {
    ensure!(
        cfg!(target_os = "linux"),
        "the fuzzers run on Linux, where AddressSanitizer comes with the toolchain"
    );
    let (targets, minutes) = parse(arguments)?;
    let programs = build(project, &targets)?;
    let folder = project.root.join("fuzz");
    let mut seeds = program(&programs, "seeds");
    seeds.arg(folder.join("corpus")).arg(&project.root);
    match project.demanded_test_data()? {
        Some(data) => {
            seeds.arg(data);
        }
        None => println!("note: no third-party models among the first inputs (set TONEGRAFT_TEST_DATA)"),
    }
    run::stream(&mut seeds)?;
    let mut failed = Vec::new();
    println!();
    for target in &targets {
        let report = fuzz(&folder, &programs, target, minutes * 60.0)?;
        match report {
            Ok(report) => println!("{}", row(target.name, &report)),
            Err(log) => {
                let artifacts = folder.join("artifacts").join(target.name);
                println!("{}\n\n{log}\n", row(target.name, &Report::default()));
                failed.push(format!(
                    "{}: an input that fails is in {}",
                    target.name,
                    project.shown(&artifacts)
                ));
            }
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("; "));
    Ok(())
}

/// The targets and the minutes.
fn parse(arguments: &[String]) -> Result<(Vec<&'static Target>, f64)> {
    let (mut targets, mut minutes) = (Vec::new(), MINUTES);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--minutes" {
            let value = arguments.next().context("--minutes wants a number")?;
            minutes = (value.parse().ok())
                .filter(|minutes| (0.0..=10_000.0).contains(minutes))
                .with_context(|| format!("--minutes wants a number, not `{value}`"))?;
            continue;
        }
        let Some(target) = TARGETS.iter().find(|target| target.name == argument) else {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            bail!("there is no target `{argument}`; there are {}", names.join(", "));
        };
        targets.push(target);
    }
    if targets.is_empty() {
        targets.extend(TARGETS);
    }
    Ok((targets, minutes))
}

/// Builds; gives the folder of the programs.
fn build(project: &Project, targets: &[&Target]) -> Result<PathBuf> {
    let version = run::capture(Command::new("rustc").current_dir(&project.root).arg("-vV"))?;
    let triple = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc does not name its host")?;
    let folder = project.target.join("fuzz");
    let mut arguments = vec!["build", "--release", "--manifest-path", "fuzz/Cargo.toml"];
    // With a target named, build scripts and procedural macros stay free of the sanitizer.
    arguments.extend(["--target", triple, "--bin", "seeds"]);
    for target in targets {
        arguments.extend(["--bin", target.name]);
    }
    run::stream(
        project
            .cargo(&arguments)
            .env("CARGO_TARGET_DIR", &folder)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", FLAGS),
    )?;
    Ok(folder.join(triple).join("release"))
}

fn program(programs: &Path, name: &str) -> Command {
    Command::new(programs.join(name))
}

/// Runs one target until it has used `seconds` of processor time; gives the end of its log if it fails.
fn fuzz(folder: &Path, programs: &Path, target: &Target, seconds: f64) -> Result<Result<Report, String>> {
    let (corpus, artifacts) = (
        folder.join("corpus").join(target.name),
        folder.join("artifacts").join(target.name),
    );
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    let dictionary = folder.join("dictionaries").join(format!("{}.dict", target.dictionary));
    let mut sum = Report::default();
    loop {
        // In rounds, since libFuzzer's clock is the one on the wall.
        let left = (seconds - sum.seconds).ceil();
        let mut command = program(programs, target.name);
        command
            .arg(&corpus)
            .args(["-rss_limit_mb=2048", "-timeout=100", "-print_final_stats=1"])
            .arg(format!("-max_len={}", target.longest))
            .arg(format!("-dict={}", dictionary.display()))
            .arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.arg(if seconds > 0.0 {
            format!("-max_total_time={left}")
        } else {
            "-runs=0".to_owned()
        });
        let before = processor_time();
        let spinner = run::spinner(&format!("{} ({:.0} min left)", target.name, left / 60.0));
        let output = command
            .output()
            .with_context(|| format!("cannot start `{}`", run::shown(&command)));
        spinner.finish_and_clear();
        let output = output?;
        let log = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let lines: Vec<&str> = log.lines().collect();
            return Ok(Err(lines[lines.len().saturating_sub(60)..].join("\n")));
        }
        let round = read(&log);
        sum.seconds += processor_time() - before;
        sum.executions += round.executions;
        (sum.edges, sum.corpus) = (sum.edges.max(round.edges), round.corpus);
        if sum.seconds >= seconds {
            return Ok(Ok(sum));
        }
    }
}

/// What libFuzzer says in its last lines.
fn read(log: &str) -> Report {
    let number = |text: &str| {
        text.split(|c: char| !c.is_ascii_digit())
            .find_map(|digits| digits.parse::<u64>().ok())
    };
    let behind = |key: &str| log.rsplit_once(key).and_then(|(_, rest)| number(rest)).unwrap_or(0);
    Report {
        seconds: 0.0,
        executions: behind("stat::number_of_executed_units:"),
        edges: behind(" cov: "),
        corpus: behind(" corp: "),
    }
}

/// Seconds of processor time that ended children have used.
fn processor_time() -> f64 {
    /// Of the kernel's clock; the same on all Linux systems that Rust supports.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold spaces: state is field 3, the children's user and system time are 16 and 17.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_whitespace()
        .collect();
    [13, 14]
        .into_iter()
        .filter_map(|index| fields.get(index)?.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS_PER_SECOND
}

/// A row of the table in `docs/VALIDATION.md`.
fn row(name: &str, report: &Report) -> String {
    let Report {
        seconds,
        executions,
        edges,
        corpus,
    } = report;
    let result = if *executions == 0 { "FAILED" } else { "clean" };
    format!(
        "| {name} | {:.1} | {executions} | {edges} | {corpus} | {result} |",
        seconds / 60.0
    )
}

#[cfg(test)]
mod tests {
    use super::{MINUTES, Report, TARGETS, parse, processor_time, read};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn arguments_name_targets_and_minutes() {
        let parsed = |text: &str| {
            parse(&words(text))
                .map(|(targets, minutes)| (targets.iter().map(|target| target.name).collect::<Vec<_>>(), minutes))
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            parsed("").map(|(all, minutes)| (all.len(), minutes)),
            Ok((TARGETS.len(), MINUTES))
        );
        assert_eq!(parsed("wav --minutes 0.5 onnx"), Ok((vec!["wav", "onnx"], 0.5)));
        assert!(parsed("nothing").is_err_and(|error| error.contains("there are onnx")));
        assert!(parsed("--minutes").is_err());
        assert!(parsed("--minutes NaN").is_err());
        assert!(parsed("--minutes -1").is_err());
    }

    #[test]
    fn the_last_figures_of_a_log_count() {
        let log = "#5 NEW    cov: 12 ft: 13 corp: 2/8b\n#9\tDONE   cov: 7702 ft: 27806 corp: 1162/11Mb lim: 44 exec/s: 40\n\
                   Done 9 runs in 3 second(s)\nstat::number_of_executed_units: 455115\nstat::slowest_unit_time_sec: 0\n";
        let expected = Report {
            seconds: 0.0,
            executions: 455_115,
            edges: 7_702,
            corpus: 1_162,
        };
        assert_eq!(read(log), expected);
        assert_eq!(read(""), Report::default());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn processor_time_of_children_is_seen() {
        let before = processor_time();
        let done = std::process::Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"])
            .status();
        assert!(done.is_ok_and(|status| status.success()));
        assert!(processor_time() > before);
    }

    #[test]
    fn every_target_has_its_program_and_dictionary() {
        let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let mut programs: Vec<String> = std::fs::read_dir(fuzz.join("fuzz_targets"))
            .expect("the targets")
            .map(|entry| {
                entry
                    .expect("readable")
                    .path()
                    .file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        programs.sort();
        names.sort_unstable();
        assert_eq!(programs, names);
        for target in TARGETS {
            let dictionary = fuzz.join("dictionaries").join(format!("{}.dict", target.dictionary));
            assert!(dictionary.is_file(), "{}", dictionary.display());
        }
    }
}
