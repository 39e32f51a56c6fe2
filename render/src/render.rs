//! `tonegraft render`: audio files through a model.

use crate::blocks::Blocks;
use crate::cli::{Controls, Rates, RenderArgs, Start};
use crate::models::{self, Named};
use crate::progress::Progress;
use crate::rig::Rig;
use crate::wav::{Reader, Writer};
use crate::{line, params};
use anyhow::{Context, Result, bail, ensure};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tonegraft_chain::Settings;
use tonegraft_chain::cab::{CabChoice, CabUse, ImpulseResponse, IrLevel, Recording};
use tonegraft_core::Fault;

/// What was rendered; the keys of `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Rendered {
    /// The file read.
    pub input: PathBuf,
    /// The file written.
    pub output: PathBuf,
    /// The model's name.
    pub model: String,
    /// What runs it.
    pub runtime: String,
    /// Rate of both files, in Hz.
    pub sample_rate: u32,
    /// Channels of both files.
    pub channels: usize,
    /// Frames written.
    pub frames: u64,
    /// How the model plays at that rate, as a sentence.
    pub conversion: String,
    /// Latency of model and chain, in samples.
    pub latency_samples: u32,
    /// True if the latency was taken off.
    pub latency_removed: bool,
    /// Time spent playing over the duration of what was played, in percent.
    pub realtime_percent: f64,
    /// Duration of what was played over the time from opening the file to the output in its place.
    pub times_realtime: f64,
    /// What a listener should know; empty if nothing.
    pub warnings: Vec<String>,
}

/// All files of a batch; the keys of the last object of `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Batch {
    /// Files written.
    pub rendered: usize,
    /// Files that could not be rendered.
    pub failed: usize,
    /// Files at once, at most.
    pub jobs: usize,
    /// Duration of all that was played, in seconds.
    pub audio_seconds: f64,
    /// Time for all files, in seconds.
    pub wall_seconds: f64,
    /// Seconds of audio per second, all files together.
    pub times_realtime: f64,
    /// Seconds of audio per second of one thread's work.
    pub times_realtime_per_core: f64,
}

/// A file that was rendered, and how long that took.
struct Done {
    rendered: Rendered,
    audio: f64,
    taken: Duration,
}

/// One file to render.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Job {
    input: PathBuf,
    output: PathBuf,
}

/// A model and how it is played: the same for all files.
pub(crate) struct Setup {
    pub(crate) named: Named,
    settings: Settings,
    /// The impulse response as it was read.
    cab: Option<Recording>,
    rates: Rates,
    start: Start,
    blocks: Blocks,
    tail: f64,
    raw_latency: bool,
}

impl Setup {
    /// With blocks of 512 frames, no tail, and the latency taken off. Warns on stderr of controls that change nothing.
    ///
    /// # Errors
    /// The impulse response cannot be read, or a parameter is wrong.
    pub(crate) fn new(named: Named, controls: &Controls, start: Option<Start>) -> Result<Self> {
        if controls.size.is_some() && named.model.metadata().sizes.is_none() {
            eprintln!("warning: {} has one size only; --size changes nothing", named.name);
        }
        let mut settings = params::settings(&controls.params, named.model.knobs())?;
        let cab = controls.ir.as_deref().map(Recording::open).transpose()?;
        let in_model = named.model.metadata().gear.has_cab();
        let choice = CabUse::from(controls.cab).choose(cab.is_some(), Some(in_model));
        settings.cab = choice.is_heard();
        if choice == CabChoice::InModel {
            eprintln!(
                "warning: {} contains a cabinet, so the impulse response is bypassed; --cab on plays it",
                named.name
            );
        }
        Ok(Self {
            rates: controls.rates,
            cab,
            start: start.unwrap_or(default_start(&named)),
            named,
            settings,
            blocks: Blocks::Fixed(512),
            tail: 0.0,
            raw_latency: false,
        })
    }
}

/// Runs the command.
///
/// # Errors
/// Whatever stops a file from being rendered; with several files the others are rendered all the same.
pub fn run(args: &RenderArgs) -> Result<()> {
    let jobs = jobs(args)?;
    let controls = &args.patch.controls;
    let named = models::load(&args.patch.model, controls.size)?.with_weights(args.weights);
    let setup = Setup {
        blocks: args.block,
        tail: args.tail,
        raw_latency: args.raw_latency,
        ..Setup::new(named, controls, args.start)?
    };
    if let Some(folder) = &args.out_dir {
        std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    }
    // Opened anew when their turn comes: a system lets a program hold some files open, not thousands.
    let total = jobs
        .iter()
        .flat_map(|job| Reader::open(&job.input))
        .map(|reader| reader.frames())
        .sum();
    let what = match jobs.as_slice() {
        [job] => job.input.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        all => format!("{} files", all.len()),
    };
    let progress = Progress::new(total, &what);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.jobs.map_or(0, usize::from))
        .build()
        .context("no threads to render with")?;
    let begun = Instant::now();
    let outcomes: Vec<Result<Done>> = pool.install(|| {
        // One by one, so that no thread sits on a share of long files.
        (jobs.par_iter().with_max_len(1))
            .map(|job| {
                let outcome = render(&setup, job, &progress);
                if let Ok(Done { rendered, .. }) = &outcome {
                    for warning in &rendered.warnings {
                        progress.say(&format!("warning: {}: {warning}", rendered.input.display()));
                    }
                    if !args.json {
                        progress.say(&summary(rendered));
                    }
                }
                outcome
            })
            .collect()
    });
    let wall = begun.elapsed();
    drop(progress);
    if args.out_dir.is_some() {
        let batch = batch(&outcomes, wall, pool.current_num_threads());
        report(&outcomes, Some(&batch), args.json)?;
    } else {
        report(&outcomes, None, args.json)?;
    }
    let mut failures: Vec<anyhow::Error> = outcomes.into_iter().filter_map(Result::err).collect();
    let failed = failures.len();
    match failures.pop() {
        None => Ok(()),
        Some(only) if jobs.len() == 1 => Err(only),
        Some(last) => {
            for error in failures.iter().chain([&last]) {
                eprintln!("error: {error:#}");
            }
            bail!("{failed} of {} files were not rendered", jobs.len())
        }
    }
}

/// How fast a batch was.
fn batch(outcomes: &[Result<Done>], wall: Duration, threads: usize) -> Batch {
    let rendered = outcomes.iter().flatten().count();
    let audio: f64 = outcomes.iter().flatten().map(|done| done.audio).sum();
    let work: f64 = outcomes.iter().flatten().map(|done| done.taken.as_secs_f64()).sum();
    let per = |seconds: f64| if seconds > 0.0 { audio / seconds } else { 0.0 };
    Batch {
        rendered,
        failed: outcomes.len() - rendered,
        jobs: threads.min(outcomes.len()),
        audio_seconds: audio,
        wall_seconds: wall.as_secs_f64(),
        times_realtime: per(wall.as_secs_f64()),
        times_realtime_per_core: per(work),
    }
}

/// Objects to stdout, in the order of the files; or how fast it was to stderr.
fn report(outcomes: &[Result<Done>], batch: Option<&Batch>, json: bool) -> Result<()> {
    if json {
        for done in outcomes.iter().flatten() {
            line(&serde_json::to_string(&done.rendered)?)?;
        }
    }
    match batch {
        Some(batch) if json => line(&serde_json::to_string(batch)?),
        Some(batch) => {
            eprintln!(
                "{} files, {:.1} s of audio in {:.2} s: {:.1} × real time, {:.1} × per core, {} at once",
                batch.rendered,
                batch.audio_seconds,
                batch.wall_seconds,
                batch.times_realtime,
                batch.times_realtime_per_core,
                batch.jobs
            );
            Ok(())
        }
        None => Ok(()),
    }
}

/// As the model's own player starts it.
fn default_start(named: &Named) -> Start {
    match named.model.graph().start() {
        tonegraft_model::Start::Zero => Start::Zero,
        tonegraft_model::Start::Silence => Start::Silence,
    }
}

/// Which file goes where.
fn jobs(args: &RenderArgs) -> Result<Vec<Job>> {
    let jobs: Vec<Job> = match &args.out_dir {
        Some(folder) => listed(&args.files)?
            .iter()
            .map(|input| {
                let stem = input
                    .file_stem()
                    .with_context(|| format!("{}: this is not a file name", input.display()))?;
                let mut name = stem.to_owned();
                name.push(".wav");
                Ok(Job {
                    input: input.clone(),
                    output: folder.join(name),
                })
            })
            .collect::<Result<_>>()?,
        None => match args.files.as_slice() {
            [input, output] => vec![Job {
                input: input.clone(),
                output: output.clone(),
            }],
            [_] => bail!("where to? Name the file to write after the input, or give --out-dir"),
            files => bail!(
                "{} files are named; write IN.wav OUT.wav, or give --out-dir for several inputs",
                files.len()
            ),
        },
    };
    let mut writers: BTreeMap<PathBuf, &Path> = BTreeMap::new();
    for job in &jobs {
        let output = absolute(&job.output);
        if let Some(other) = writers.insert(output.clone(), &job.input) {
            bail!(
                "{} and {} would both be written to {}; rename one or render it apart",
                other.display(),
                job.input.display(),
                job.output.display()
            );
        }
        ensure!(
            !jobs.iter().any(|other| absolute(&other.input) == output),
            "{}: this is also an input, which would be overwritten; write to another file",
            job.output.display()
        );
    }
    Ok(jobs)
}

/// The files, and in place of folders the WAV files in them, by name.
pub(crate) fn listed(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let shown = path.display();
        let entries = std::fs::read_dir(path).with_context(|| format!("{shown}: cannot be read"))?;
        let mut own: Vec<PathBuf> = entries
            .map(|entry| Ok(entry.with_context(|| format!("{shown}: cannot be read"))?.path()))
            .collect::<Result<_>>()?;
        own.retain(|file| {
            let wav = file
                .extension()
                .is_some_and(|ending| ending.eq_ignore_ascii_case("wav"));
            wav && file.is_file()
        });
        ensure!(!own.is_empty(), "{shown}: there is no .wav file in this folder");
        own.sort();
        files.append(&mut own);
    }
    Ok(files)
}

/// For comparison: links resolved as far as the path exists.
fn absolute(path: &Path) -> PathBuf {
    if let Ok(resolved) = path.canonicalize() {
        return resolved;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder
        .canonicalize()
        .or_else(|_| std::path::absolute(folder))
        .unwrap_or_else(|_| folder.to_owned());
    folder.join(path.file_name().unwrap_or_default())
}

/// How playing a file went.
pub(crate) struct Played {
    /// Latency of model and chain, in frames; taken off unless kept.
    pub(crate) latency: u32,
    /// Time spent playing.
    busy: Duration,
    /// What a listener should know.
    pub(crate) warnings: Vec<String>,
    /// How the model plays at that rate.
    conversion: String,
}

/// Frames that playing this file gives.
fn wanted(setup: &Setup, reader: &Reader) -> u64 {
    reader.frames() + reader.rate().frames(setup.tail) as u64
}

/// Plays a file; `sink` gets each block `[channels, frames]` and the first frame of it that is wanted. More comes than is wanted.
pub(crate) fn play(
    setup: &Setup,
    reader: &mut Reader,
    path: &Path,
    progress: &Progress,
    mut sink: impl FnMut(&[Vec<f32>], usize) -> Result<()>,
) -> Result<Played> {
    let (channels, rate) = (reader.channels(), reader.rate());
    let longest = match setup.blocks {
        Blocks::Fixed(frames) => frames,
        Blocks::Random(_) => 2048,
    };
    // Mono and stereo as on a track; of more channels, each by itself.
    let (count, width) = if channels <= 2 { (1, channels) } else { (channels, 1) };
    let response = (setup.cab.as_ref())
        .map(|recording| ImpulseResponse::new(recording, rate, IrLevel::default()))
        .transpose()?;
    let mut rigs = (0..count)
        .map(|_| {
            Rig::new(
                &setup.named.model,
                width,
                rate,
                setup.rates,
                setup.start,
                &setup.settings,
                response.as_ref(),
            )
        })
        .collect::<Result<Vec<_>>>()
        .with_context(|| path.display().to_string())?;
    let latency = rigs.first().map_or(0, |rig| rig.latency().get());
    let skip = if setup.raw_latency { 0 } else { latency as usize };

    let mut left = wanted(setup, reader) + skip as u64;
    let mut skip = skip;
    let mut input: Vec<Vec<f32>> = vec![Vec::with_capacity(longest); channels];
    let mut output = input.clone();
    let mut busy = Duration::ZERO;
    let mut fault = Fault::None;
    for length in setup.blocks.lengths() {
        // At most `length`, which is a usize.
        #[allow(clippy::cast_possible_truncation)]
        let frames = left.min(length as u64) as usize;
        if frames == 0 {
            break;
        }
        let read = reader.read(&mut input, frames)?;
        for channel in input.iter_mut().chain(&mut output) {
            channel.resize(frames, 0.0);
        }
        let begun = Instant::now();
        for ((rig, input), output) in rigs.iter_mut().zip(input.chunks(width)).zip(output.chunks_mut(width)) {
            let input: Vec<&[f32]> = input.iter().map(Vec::as_slice).collect();
            let mut output: Vec<&mut [f32]> = output.iter_mut().map(Vec::as_mut_slice).collect();
            fault = fault.worst(rig.process(&input, &mut output));
        }
        busy += begun.elapsed();
        let unheard = skip.min(frames);
        skip -= unheard;
        sink(&output, unheard)?;
        left -= frames as u64;
        progress.advance(read as u64);
    }
    let mut warnings = Vec::new();
    let conversion = (setup.named.model).conversion(rate, setup.rates.rate_mode, setup.rates.oversampling);
    warnings.extend(conversion.note.clone());
    if fault != Fault::None {
        warnings.push(fault.message().to_owned());
    }
    Ok(Played {
        latency,
        busy,
        warnings,
        conversion: conversion.to_string(),
    })
}

/// One file.
fn render(setup: &Setup, job: &Job, progress: &Progress) -> Result<Done> {
    let opened = Instant::now();
    let mut reader = Reader::open(&job.input)?;
    let (channels, rate) = (reader.channels(), reader.rate());
    let wanted = wanted(setup, &reader);
    let mut writer = Writer::create(&job.output, channels, rate, wanted)?;
    let played = play(setup, &mut reader, &job.input, progress, |output, unheard| {
        writer.write(output, unheard)
    })?;
    writer.finish()?;
    let taken = opened.elapsed();

    let info = setup.named.model.info();
    // Frames below 2^53 are exact.
    #[allow(clippy::cast_precision_loss)]
    let seconds = (wanted + u64::from(played.latency)) as f64 / rate.hz();
    let rendered = Rendered {
        input: job.input.clone(),
        output: job.output.clone(),
        model: setup.named.name.clone(),
        runtime: info.runtime.to_string(),
        sample_rate: rate.get(),
        conversion: played.conversion,
        channels,
        frames: wanted,
        latency_samples: played.latency,
        latency_removed: !setup.raw_latency,
        realtime_percent: played.busy.as_secs_f64() / seconds * 100.0,
        times_realtime: seconds / taken.as_secs_f64().max(1e-9),
        warnings: played.warnings,
    };
    Ok(Done {
        rendered,
        audio: seconds,
        taken,
    })
}

/// One line for people.
fn summary(rendered: &Rendered) -> String {
    // Frames below 2^53 are exact.
    #[allow(clippy::cast_precision_loss)]
    let seconds = rendered.frames as f64 / f64::from(rendered.sample_rate);
    format!(
        "{}: {seconds:.2} s at {} Hz, {} ch, {} ({}), latency {} samples{}, {:.1} % of real time",
        rendered.output.display(),
        rendered.sample_rate,
        rendered.channels,
        rendered.model,
        rendered.runtime,
        rendered.latency_samples,
        if rendered.latency_removed {
            " taken off"
        } else {
            " kept"
        },
        rendered.realtime_percent
    )
}
