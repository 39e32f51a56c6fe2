//! Folders against folders: pairs by file name.

use super::measure::Report;
use super::table::{number, optional};
use super::{Common, Job, Judged, compare, page, work, write_page};
use crate::cli::CompareArgs;
use crate::line;
use crate::progress::Progress;
use crate::render::listed;
use crate::wav::write_whole;
use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// All pairs of a batch; the keys of the last object of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Pairs compared.
    pub compared: usize,
    /// Pairs that could not be compared, counterparts that are missing among them.
    pub failed: usize,
    /// Mean of the pairs.
    pub mean_esr: Option<f64>,
    /// Median of the pairs.
    pub median_esr: Option<f64>,
    /// The largest.
    pub worst_esr: Option<f64>,
    /// The reference of the pair with the largest.
    pub worst: Option<PathBuf>,
    /// Mean of the pairs.
    pub mean_esr_preemphasis: Option<f64>,
    /// Mean of the pairs that have one.
    pub mean_mr_stft: Option<f64>,
    /// Of the scaled dry signals; null without clean inputs.
    pub mean_esr_scaled_dry: Option<f64>,
    /// Of the best linear filters; null without clean inputs.
    pub mean_esr_linear_fir: Option<f64>,
    /// What was compared, in seconds.
    pub audio_seconds: f64,
    /// How long that took, in seconds.
    pub wall_seconds: f64,
}

/// A pair, or why there is none.
type Planned = Result<Job, String>;

/// Files of a folder by their names without ending.
fn by_name(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    ensure!(
        folder.is_dir(),
        "{}: this is no folder; --batch compares folders",
        folder.display()
    );
    let mut files = BTreeMap::new();
    for path in listed(&[folder.to_owned()])? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(other) = files.insert(stem, path.clone()) {
            bail!("{} and {} have one name; rename one", other.display(), path.display());
        }
    }
    Ok(files)
}

/// The pairs of the folders named.
///
/// # Errors
/// No folder, one without WAV files, or two files of one name in it.
pub(crate) fn jobs(args: &CompareArgs) -> Result<Vec<Planned>> {
    let inputs = args.input.as_deref().map(by_name).transpose()?;
    let (references, outputs, other) = match (args.files.as_slice(), &args.reference, &args.input) {
        ([reference, output], ..) => (by_name(reference)?, by_name(output)?, output.clone()),
        (_, Some(reference), Some(input)) => (by_name(reference)?, inputs.clone().unwrap_or_default(), input.clone()),
        _ => bail!("name two folders"),
    };
    let mut planned: Vec<Planned> = (references.iter())
        .map(|(name, reference)| {
            let Some(output) = outputs.get(name) else {
                return Err(format!(
                    "{}: there is no {name}.wav in {} to compare it with",
                    reference.display(),
                    other.display()
                ));
            };
            Ok(Job {
                name: name.clone(),
                reference: reference.clone(),
                judged: if args.model.is_some() {
                    Judged::Model
                } else {
                    Judged::File(output.clone())
                },
                input: inputs.as_ref().and_then(|inputs| inputs.get(name)).cloned(),
            })
        })
        .collect();
    planned.extend(
        (outputs.iter().filter(|(name, _)| !references.contains_key(*name))).map(|(name, path)| {
            Err(format!(
                "{}: there is no recording of the device called {name}.wav to compare it with",
                path.display()
            ))
        }),
    );
    Ok(planned)
}

/// Compares all of them, some at once.
///
/// # Errors
/// Any pair failed; the others were compared.
pub(crate) fn run(args: &CompareArgs, common: &Common, planned: &[Planned]) -> Result<()> {
    let begun = Instant::now();
    let total = planned.iter().flatten().map(work).sum();
    let progress = Progress::new(total, &format!("{} pairs", planned.len()));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.jobs.map_or(0, usize::from))
        .build()
        .context("no threads to compare with")?;
    let outcomes: Vec<Result<(String, Report)>> = pool.install(|| {
        (planned.par_iter().with_max_len(1))
            .map(|planned| match planned {
                Err(reason) => Err(anyhow::anyhow!("{reason}")),
                Ok(job) => {
                    let report = compare(common, job, &page::file_name(&job.name), &progress)?;
                    for note in &report.notes {
                        progress.say(&format!("note: {}: {note}", job.name));
                    }
                    Ok((job.name.clone(), report))
                }
            })
            .collect()
    });
    drop(progress);
    let summary = summary(&outcomes, begun.elapsed().as_secs_f64());
    let reports: Vec<&(String, Report)> = outcomes.iter().flatten().collect();
    if args.json {
        for (_, report) in &reports {
            line(&serde_json::to_string(report)?)?;
        }
        line(&serde_json::to_string(&summary)?)?;
    } else {
        line(&text(&reports, &summary))?;
    }
    if let Some(path) = &args.csv {
        write_whole(path, csv(&reports).as_bytes())?;
    }
    let failures: Vec<String> = (outcomes.iter())
        .filter_map(|outcome| outcome.as_ref().err().map(|error| format!("{error:#}")))
        .collect();
    if let Some(folder) = &args.html {
        write_page(folder, "index.html", &page::index(&reports, &summary, &failures))?;
    }
    match failures.as_slice() {
        [] => Ok(()),
        failures => {
            for failure in failures {
                eprintln!("error: {failure}");
            }
            bail!("{} of {} pairs were not compared", failures.len(), planned.len())
        }
    }
}

fn summary(outcomes: &[Result<(String, Report)>], wall_seconds: f64) -> Summary {
    let reports: Vec<&Report> = outcomes.iter().flatten().map(|(_, report)| report).collect();
    let mean = |of: &dyn Fn(&Report) -> Option<f64>| {
        let values: Vec<f64> = reports.iter().filter_map(|report| of(report)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let mut errors: Vec<f64> = reports.iter().map(|report| report.figures.esr).collect();
    errors.sort_by(f64::total_cmp);
    let middle = errors.len() / 2;
    let median = match errors.len() {
        0 => None,
        count if count % 2 == 1 => errors.get(middle).copied(),
        _ => errors
            .get(middle - 1)
            .zip(errors.get(middle))
            .map(|(a, b)| (a + b) / 2.0),
    };
    let worst = (reports.iter()).max_by(|a, b| a.figures.esr.total_cmp(&b.figures.esr));
    Summary {
        compared: reports.len(),
        failed: outcomes.len() - reports.len(),
        mean_esr: mean(&|report| Some(report.figures.esr)),
        median_esr: median,
        worst_esr: worst.map(|report| report.figures.esr),
        worst: worst.map(|report| report.reference.clone()),
        mean_esr_preemphasis: mean(&|report| Some(report.figures.esr_preemphasis)),
        mean_mr_stft: mean(&|report| report.figures.mr_stft),
        mean_esr_scaled_dry: mean(&|report| Some(report.baselines?.scaled_dry?.figures.esr)),
        mean_esr_linear_fir: mean(&|report| Some(report.baselines?.linear_fir?.figures.esr)),
        audio_seconds: reports.iter().map(|report| report.seconds).sum(),
        wall_seconds,
    }
}

/// A column of tables: what, and how to read it off.
pub type Column = (&'static str, fn(&Report) -> Option<f64>);

/// The columns of summaries on screen and in pages.
pub const SHORT: [Column; 10] = [
    ("ESR", |r| Some(r.figures.esr)),
    ("ESR 0.95", |r| Some(r.figures.esr_preemphasis)),
    ("SNR dB", |r| Some(r.figures.snr_db)),
    ("MR-STFT", |r| r.figures.mr_stft),
    ("mel dB", |r| r.figures.mel_distance),
    ("null dB", |r| Some(r.null_db)),
    // Thousandths: what is below is not certain. No "−0".
    ("delay", |r| Some((r.delay_samples * 1e3).round() / 1e3 + 0.0)),
    ("gain dB", |r| Some(r.gain_db)),
    ("dry ESR", |r| Some(r.baselines?.scaled_dry?.figures.esr)),
    ("FIR ESR", |r| Some(r.baselines?.linear_fir?.figures.esr)),
];

fn text(reports: &[&(String, Report)], summary: &Summary) -> String {
    let width = (reports.iter())
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0)
        .clamp(8, 40);
    let heads: String = SHORT.iter().map(|(name, _)| format!("{name:>10}")).collect();
    let mut text = format!("{:<width$}{heads}  polarity\n", "pair");
    for (name, report) in reports {
        let cells: String = (SHORT.iter())
            .map(|(_, value)| format!("{:>10}", optional(value(report))))
            .collect();
        let _ = writeln!(text, "{name:<width$}{cells}  {}", report.polarity);
    }
    let _ = writeln!(
        text,
        "{} compared, {} not; ESR: mean {}, median {}, worst {}{}; {:.1} s of audio in {:.1} s",
        summary.compared,
        summary.failed,
        optional(summary.mean_esr),
        optional(summary.median_esr),
        optional(summary.worst_esr),
        (summary.worst.as_ref()).map_or_else(String::new, |path| format!(" ({})", path.display())),
        summary.audio_seconds,
        summary.wall_seconds
    );
    if let (Some(dry), Some(fir)) = (summary.mean_esr_scaled_dry, summary.mean_esr_linear_fir) {
        let _ = writeln!(
            text,
            "baselines: mean ESR of the scaled dry signal {}, of the best linear FIR {}",
            number(dry),
            number(fir)
        );
    }
    text
}

/// All columns of the file for spreadsheets, beside names and polarity.
const LONG: [Column; 34] = [
    ("sample_rate", |r| Some(f64::from(r.sample_rate))),
    ("channels", |r| Some(r.channels as f64)),
    ("seconds", |r| Some(r.seconds)),
    ("delay_samples", |r| Some(r.delay_samples)),
    ("delay_removed_samples", |r| Some(r.delay_removed_samples)),
    ("gain_db", |r| Some(r.gain_db)),
    ("confidence", |r| Some(r.confidence)),
    ("esr", |r| Some(r.figures.esr)),
    ("esr_preemphasis", |r| Some(r.figures.esr_preemphasis)),
    ("esr_preemphasis_085", |r| Some(r.figures.esr_preemphasis_085)),
    ("dc", |r| Some(r.figures.dc)),
    ("esr_preemphasis_dc", |r| Some(r.figures.esr_preemphasis_dc)),
    ("snr_db", |r| Some(r.figures.snr_db)),
    ("esr_level_matched", |r| Some(r.esr_level_matched)),
    ("null_db", |r| Some(r.null_db)),
    ("mse", |r| Some(r.figures.mse)),
    ("mae", |r| Some(r.figures.mae)),
    ("rmse", |r| Some(r.figures.rmse)),
    ("relative_rmse", |r| Some(r.figures.relative_rmse)),
    ("relative_mae", |r| Some(r.figures.relative_mae)),
    ("correlation", |r| Some(r.figures.correlation)),
    ("mr_stft", |r| r.figures.mr_stft),
    ("mr_stft_convergence", |r| r.figures.mr_stft_convergence),
    ("mr_stft_log_magnitude", |r| r.figures.mr_stft_log_magnitude),
    ("mel_distance", |r| r.figures.mel_distance),
    ("dtw", |r| r.figures.dtw),
    ("mfcc_frechet", |r| Some(r.mfcc?.frechet)),
    ("mfcc_kl", |r| Some(r.mfcc?.kl)),
    ("reference_lufs", |r| r.loudness.reference_lufs),
    ("output_lufs", |r| r.loudness.output_lufs),
    ("scaled_dry_esr", |r| Some(r.baselines?.scaled_dry?.figures.esr)),
    ("scaled_dry_mr_stft", |r| r.baselines?.scaled_dry?.figures.mr_stft),
    ("linear_fir_esr", |r| Some(r.baselines?.linear_fir?.figures.esr)),
    ("linear_fir_mr_stft", |r| r.baselines?.linear_fir?.figures.mr_stft),
];

/// As RFC 4180 has it; what is unknown or infinite is empty.
fn csv(reports: &[&(String, Report)]) -> String {
    let quoted = |field: &str| format!("\"{}\"", field.replace('"', "\"\""));
    let mut text = String::from("pair,reference,output,model,polarity");
    for (name, _) in LONG {
        let _ = write!(text, ",{name}");
    }
    text.push_str("\r\n");
    for (name, report) in reports {
        let path = |path: &Option<PathBuf>| {
            path.as_ref()
                .map_or_else(String::new, |path| path.display().to_string())
        };
        let fields = [
            name.clone(),
            report.reference.display().to_string(),
            path(&report.output),
            report.model.clone().unwrap_or_default(),
        ];
        let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
        let _ = write!(text, "{},{}", fields.join(","), report.polarity);
        for (_, value) in LONG {
            let value = value(report).filter(|value| value.is_finite());
            let _ = write!(text, ",{}", value.map_or_else(String::new, |value| value.to_string()));
        }
        text.push_str("\r\n");
    }
    text
}
