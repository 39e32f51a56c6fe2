//! What was measured on a machine so far, as CSV: one line per figure.

use super::machine;
use crate::project::Project;
use crate::run;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The columns. `what` is a model's name, `N x` one for N instances of it, or a kernel's; of an instance set a block is that of all.
const COLUMNS: &str = "time,commit,load,kind,what,block,engine,isa,p50_us,p99_us,ns_per_sample,realtime_percent,peak_fraction,heap_per_block,difference";

/// When and with what a run was made.
#[derive(Clone, Debug)]
pub struct Stamp {
    time: String,
    commit: String,
    load: String,
}

impl Stamp {
    /// Now.
    ///
    /// # Errors
    /// Git or the clock does not answer.
    pub fn now(project: &Project) -> Result<Self> {
        let git = |arguments: &[&str]| run::capture(Command::new("git").current_dir(&project.root).args(arguments));
        let mut commit = git(&["rev-parse", "--short=12", "HEAD"])?.trim().to_owned();
        if !git(&["status", "--porcelain", "--untracked-files=no", "--", "crates"])?
            .trim()
            .is_empty()
        {
            commit.push_str(" changed");
        }
        let time = run::capture(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M"]))?
            .trim()
            .to_owned();
        Ok(Self {
            time,
            commit,
            load: machine::load(),
        })
    }
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// When, in UTC, to the minute.
    pub time: String,
    /// What of, of ours.
    pub commit: String,
    /// How busy the machine was.
    pub load: String,
    /// `engine`, `instances`, `kernel` or `render`.
    pub kind: String,
    /// Which network or kernel.
    pub what: String,
    /// Frames per block.
    pub block: usize,
    /// Who played.
    pub engine: String,
    /// With which instructions, if told.
    pub isa: String,
    /// Median of a block.
    pub p50_us: f64,
    /// 99th percentile of a block.
    pub p99_us: f64,
    /// Median per sample.
    pub ns_per_sample: f64,
    /// Of a core.
    pub realtime_percent: f64,
    /// Multiply-adds per second over the measured most.
    pub peak_fraction: Option<f64>,
    /// Allocations per block.
    pub heap_per_block: Option<f64>,
    /// From the first engine.
    pub difference: Option<f64>,
}

/// All lines of a machine, the oldest first.
#[derive(Debug, Default)]
pub struct History(Vec<Figure>);

/// The newest figures of each model.
#[derive(Debug, Default)]
pub struct Run(pub Vec<Figure>);

impl History {
    /// Reads the file; empty if there is none.
    ///
    /// # Errors
    /// It has other columns, or a line that cannot be read.
    pub fn read(file: &Path) -> Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(&text).with_context(|| file.display().to_string()),
            Err(_) => Ok(Self::default()),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        ensure!(text.lines().next() == Some(COLUMNS), "its columns are not {COLUMNS}");
        text.lines().skip(1).map(parse).collect::<Result<_>>().map(Self)
    }

    /// Adds what the benches printed.
    ///
    /// # Errors
    /// A line lacks a value.
    pub fn append(&mut self, stamp: &Stamp, lines: &[Value]) -> Result<()> {
        for line in lines {
            self.0
                .extend(figures(stamp, line).with_context(|| format!("in {line}"))?);
        }
        Ok(())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        let mut text = format!("{COLUMNS}\n");
        for figure in &self.0 {
            text.push_str(&figure.line());
            text.push('\n');
        }
        Ok(std::fs::write(file, text)?)
    }

    /// The newest run of each model: engines are only compared within one.
    pub fn newest(&self) -> Run {
        let mut newest: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for figure in &self.0 {
            let time = newest.entry((&figure.kind, &figure.what)).or_default();
            *time = figure.time.as_str().max(*time);
        }
        let is_newest =
            |figure: &&Figure| newest.get(&(figure.kind.as_str(), figure.what.as_str())) == Some(&figure.time.as_str());
        let mut figures: Vec<Figure> = self.0.iter().filter(is_newest).cloned().collect();
        // A model that was measured again keeps its place.
        figures.sort_by_key(|figure| {
            self.0
                .iter()
                .position(|first| (&first.kind, &first.what) == (&figure.kind, &figure.what))
        });
        Run(figures)
    }
}

/// A line of the benches as figures.
fn figures(stamp: &Stamp, line: &Value) -> Result<Vec<Figure>> {
    let text = |key: &str| {
        line[key]
            .as_str()
            .with_context(|| format!("no {key}"))
            .map(|text| text.replace(',', ";"))
    };
    let number = |key: &str| line[key].as_f64().with_context(|| format!("no {key}"));
    let block = |key: &str| {
        line[key]
            .as_u64()
            .and_then(|block| usize::try_from(block).ok())
            .with_context(|| format!("no {key}"))
    };
    let base = Figure {
        time: stamp.time.clone(),
        commit: stamp.commit.clone(),
        load: stamp.load.clone(),
        kind: text("kind")?,
        ..Figure::default()
    };
    Ok(match base.kind.as_str() {
        "engine" => vec![Figure {
            what: text("model")?,
            block: block("block")?,
            engine: text("engine")?,
            isa: text("isa")?,
            p50_us: number("p50_us")?,
            p99_us: number("p99_us")?,
            ns_per_sample: number("ns_per_sample")?,
            realtime_percent: number("realtime_percent")?,
            peak_fraction: line["peak_fraction"].as_f64(),
            heap_per_block: line["heap_per_block"].as_f64(),
            difference: line["difference"].as_f64(),
            ..base
        }],
        "instances" => {
            let count = block("instances")?;
            let of = |engine: &str, key: &str| -> Result<Figure> {
                let percent = number(&format!("{key}_percent_p50"))?;
                // Lengths of blocks are exact.
                #[allow(clippy::cast_precision_loss)]
                let us_per_percent = block("block")? as f64 / 48_000.0 * 1e4;
                Ok(Figure {
                    what: format!("{count} x {}", text("model")?),
                    block: block("block")?,
                    engine: engine.into(),
                    isa: text("isa")?,
                    p50_us: percent * us_per_percent,
                    p99_us: number(&format!("{key}_percent_p99"))? * us_per_percent,
                    realtime_percent: percent,
                    ..base.clone()
                })
            };
            vec![of("tonegraft", "core")?, of("tonegraft (caches emptied)", "flushed")?]
        }
        "kernel" => vec![Figure {
            what: text("kernel")?,
            block: block("frames")?,
            engine: text("what")?,
            isa: text("isa")?,
            p50_us: number("p50_us")?,
            p99_us: number("p50_us")?,
            peak_fraction: line["peak_fraction"].as_f64(),
            difference: line["difference"].as_f64(),
            ..base
        }],
        "render" => {
            let of = |engine: &str, key: &str| -> Result<Figure> {
                let ns = 1e9 / 48_000.0 / number(key)?;
                let block = block("block")?;
                // Lengths of blocks are exact.
                #[allow(clippy::cast_precision_loss)]
                let us = ns * block as f64 / 1e3;
                Ok(Figure {
                    what: text("model")?,
                    block,
                    engine: engine.into(),
                    p50_us: us,
                    p99_us: us,
                    ns_per_sample: ns,
                    realtime_percent: 100.0 / number(key)?,
                    ..base.clone()
                })
            };
            vec![of("engine", "engine_times")?, of("tonegraft render", "render_times")?]
        }
        // The fractions say it; an engine without figures played nothing.
        "peak" | "refused" => Vec::new(),
        other => anyhow::bail!("unknown kind {other}"),
    })
}

fn parse(line: &str) -> Result<Figure> {
    let fields: Vec<&str> = line.split(',').collect();
    let [
        time,
        commit,
        load,
        kind,
        what,
        block,
        engine,
        isa,
        p50,
        p99,
        ns,
        percent,
        peak,
        heap,
        difference,
    ] = fields[..]
    else {
        anyhow::bail!("not a line of {} columns: {line}", COLUMNS.split(',').count())
    };
    let number = |text: &str| {
        text.parse::<f64>()
            .with_context(|| format!("`{text}` is no number in: {line}"))
    };
    let maybe = |text: &str| {
        if text.is_empty() {
            Ok(None)
        } else {
            number(text).map(Some)
        }
    };
    Ok(Figure {
        time: time.into(),
        commit: commit.into(),
        load: load.into(),
        kind: kind.into(),
        what: what.into(),
        block: block
            .parse()
            .with_context(|| format!("`{block}` is no block in: {line}"))?,
        engine: engine.into(),
        isa: isa.into(),
        p50_us: number(p50)?,
        p99_us: number(p99)?,
        ns_per_sample: number(ns)?,
        realtime_percent: number(percent)?,
        peak_fraction: maybe(peak)?,
        heap_per_block: maybe(heap)?,
        difference: maybe(difference)?,
    })
}

impl Figure {
    fn line(&self) -> String {
        let maybe =
            |value: Option<f64>, digits: usize| value.map_or_else(String::new, |value| format!("{value:.digits$}"));
        format!(
            "{},{},{},{},{},{},{},{},{:.3},{:.3},{:.3},{:.3},{},{},{}",
            self.time,
            self.commit,
            self.load,
            self.kind,
            self.what,
            self.block,
            self.engine,
            self.isa,
            self.p50_us,
            self.p99_us,
            self.ns_per_sample,
            self.realtime_percent,
            maybe(self.peak_fraction, 4),
            maybe(self.heap_per_block, 2),
            self.difference
                .map_or_else(String::new, |difference| format!("{difference:.1e}")),
        )
    }

    /// Engine and instruction set, as in headings.
    pub fn player(&self) -> String {
        if self.isa.is_empty() {
            self.engine.clone()
        } else {
            format!("{} {}", self.engine, self.isa)
        }
    }
}

impl Run {
    /// True if nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The figures of a kind and name, in the order in which they were measured.
    pub fn of<'a>(&'a self, kind: &'a str, what: &'a str) -> impl Iterator<Item = &'a Figure> {
        self.0
            .iter()
            .filter(move |figure| figure.kind == kind && figure.what == what)
    }

    /// The names of a kind, in the order of the benches.
    pub fn names(&self, kind: &str) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for figure in self.0.iter().filter(|figure| figure.kind == kind) {
            if !names.contains(&figure.what.as_str()) {
                names.push(&figure.what);
            }
        }
        names
    }

    /// One engine's figure.
    pub fn engine(&self, model: &str, block: usize, engine: &str, isa: &str) -> Option<&Figure> {
        self.0.iter().find(|figure| {
            (figure.kind.as_str(), figure.what.as_str(), figure.block) == ("engine", model, block)
                && (figure.engine.as_str(), figure.isa.as_str()) == (engine, isa)
        })
    }

    /// The widest of our instruction sets in it: the first that was measured.
    pub fn widest(&self) -> &str {
        self.0
            .iter()
            .find(|figure| figure.engine == "tonegraft")
            .map_or("", |figure| &figure.isa)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    fn stamp(time: &str) -> Stamp {
        Stamp {
            time: time.into(),
            commit: "c".into(),
            load: "0.1".into(),
        }
    }

    /// A line of the benches.
    pub fn line(model: &str, block: usize, engine: &str, isa: &str, p50: f64) -> Value {
        json!({
            "kind": "engine", "model": model, "block": block, "engine": engine, "isa": isa, "p50_us": p50, "p99_us": p50 * 1.2,
            "ns_per_sample": p50 * 1e3 / block as f64, "realtime_percent": 1.0, "peak_fraction": 0.5, "heap_per_block": 0.0,
            "difference": 1e-7,
        })
    }

    /// A run of these lines.
    pub fn run(lines: &[Value]) -> Run {
        let mut history = History::default();
        history
            .append(&stamp("2026-01-01T00:00"), lines)
            .expect("they are whole");
        history.newest()
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let mut history = History::default();
        history
            .append(
                &stamp("t"),
                &[line("m", 64, "tonegraft", "avx2", 2.0), json!({"kind": "peak"})],
            )
            .expect("whole");
        let text = format!("{COLUMNS}\n{}\n", history.0[0].line());
        assert_eq!(History::parse(&text).expect("readable").0, history.0);
        assert!(History::parse("a,b\n").is_err());
        assert!(History::parse(&format!("{COLUMNS}\n1,2\n")).is_err());
        assert!(history.append(&stamp("t"), &[json!({"kind": "engine"})]).is_err());
    }

    #[test]
    fn the_newest_run_of_each_model_counts() {
        let mut history = History::default();
        let lines = |time: &str, models: &[&str]| {
            (
                stamp(time),
                models
                    .iter()
                    .map(|model| line(model, 64, "e", "", 1.0))
                    .collect::<Vec<_>>(),
            )
        };
        for (stamp, lines) in [lines("2026-01-01", &["a", "b"]), lines("2026-01-02", &["a"])] {
            history.append(&stamp, &lines).expect("whole");
        }
        let times: Vec<_> = history
            .newest()
            .0
            .iter()
            .map(|figure| (figure.what.clone(), figure.time.clone()))
            .collect();
        assert_eq!(
            times,
            [("a".into(), "2026-01-02".into()), ("b".into(), "2026-01-01".into())]
        );
    }
}
