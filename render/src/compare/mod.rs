//! `tonegraft compare`: how far a rendering, or a model, is from a recording of the device.
//!
//! * [`load`]: recordings as wholes. [`pair`](mod@pair): two of them at one rate, delay and polarity.
//! * [`measure`]: all figures; [`sines`] where the input is one.
//! * [`table`]: text; [`page`]: a page with pictures ([`chart`], [`mel`]); [`batch`]: folders.

pub mod batch;
pub mod chart;
pub mod load;
pub mod measure;
pub mod mel;
pub mod page;
pub mod pair;
pub mod sines;
pub mod table;

use crate::aliasing::{self, Measured};
use crate::cli::CompareArgs;
use crate::line;
use crate::models;
use crate::progress::Progress;
use crate::render::Setup;
use anyhow::{Context, Result, bail, ensure};
use measure::{Names, Report};
use pair::Aligning;
use std::path::{Path, PathBuf};
use tonegraft_core::SampleRate;

/// Peak level of `--sines`, dB of full scale.
const SINES_DB: f64 = -6.0;

/// About the frequencies of `--sines`, in Hz.
const SINES: [f64; 4] = [1_000.0, 2_000.0, 4_000.0, 8_000.0];

/// What is judged.
pub(crate) enum Judged {
    /// A file.
    File(PathBuf),
    /// What the model makes of the input.
    Model,
}

/// One comparison.
pub(crate) struct Job {
    /// For tables and file names.
    pub(crate) name: String,
    pub(crate) reference: PathBuf,
    pub(crate) judged: Judged,
    pub(crate) input: Option<PathBuf>,
}

/// What is the same for all.
pub(crate) struct Common {
    aligning: Aligning,
    setup: Option<Setup>,
    sines: Option<Vec<Measured>>,
    page: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Whatever stops a comparison; of a batch the others are compared all the same.
pub fn run(args: &CompareArgs) -> Result<()> {
    if let Some(model) = &args.model {
        ensure!(
            args.files.is_empty(),
            "with --model, name the recording of the device by --reference, and no other files"
        );
        ensure!(
            args.reference.is_some(),
            "{model} has nothing to be compared with; name the recording of the device by --reference"
        );
    } else {
        ensure!(
            args.files.len() == 2,
            "compare what with what? Name REF.wav and OUT.wav{}, or give --model, --input and --reference",
            if args.batch { " as folders" } else { "" }
        );
    }
    let jobs = if args.batch { batch::jobs(args)? } else { Vec::new() };
    let setup = match &args.model {
        Some(model) => Some(Setup::new(
            models::load(model, args.controls.size)?,
            &args.controls,
            args.start,
        )?),
        None => None,
    };
    let sines = match &setup {
        Some(setup) if args.sines => Some(sines_of(setup, args)?),
        _ => None,
    };
    if let Some(folder) = &args.html {
        std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    }
    let context = Common {
        aligning: Aligning {
            kind: args.align,
            level: args.match_level,
            max_delay: args.max_delay,
        },
        setup,
        sines,
        page: args.html.clone(),
    };
    if args.batch {
        return batch::run(args, &context, &jobs);
    }
    let job = single(args)?;
    let progress = Progress::new(work(&job), "comparing");
    let report = compare(&context, &job, "index.html", &progress)?;
    drop(progress);
    if args.json {
        line(&serde_json::to_string(&report)?)
    } else {
        line(&table::text(&report))
    }
}

/// What the arguments name.
fn single(args: &CompareArgs) -> Result<Job> {
    let (reference, judged) = match (args.files.as_slice(), &args.reference) {
        ([reference, output], _) => (reference.clone(), Judged::File(output.clone())),
        (_, Some(reference)) => (reference.clone(), Judged::Model),
        _ => bail!("name two files"),
    };
    let output = match &judged {
        Judged::File(path) => Some(path),
        Judged::Model => None,
    };
    let folder = ([Some(&reference), output, args.input.as_ref()].into_iter().flatten())
        .find(|path| path.is_dir())
        .map(|path| path.display().to_string());
    if let Some(folder) = folder {
        bail!("{folder}: this is a folder; give --batch to compare all of its files");
    }
    Ok(Job {
        name: "index".to_owned(),
        reference,
        judged,
        input: args.input.clone(),
    })
}

/// Aliasing of the bare model.
fn sines_of(setup: &Setup, args: &CompareArgs) -> Result<Vec<Measured>> {
    let model = &setup.named.model;
    let own = model.info().sample_rate.unwrap_or(48_000);
    let rate = SampleRate::new(own)
        .with_context(|| format!("{}: its declared sample rate cannot be played", setup.named.name))?;
    (SINES.into_iter().filter(|hz| *hz < rate.hz() / 2.0))
        .map(|hz| aliasing::measure(model, rate, args.controls.rates.rate_mode, hz, SINES_DB))
        .collect()
}

/// Frames that will be read.
pub(crate) fn work(job: &Job) -> u64 {
    let output = match &job.judged {
        Judged::File(path) => Some(path),
        Judged::Model => job.input.as_ref(),
    };
    let files = [Some(&job.reference), output, job.input.as_ref()];
    let readers = files
        .into_iter()
        .flatten()
        .flat_map(|path| crate::wav::Reader::open(path));
    readers.map(|reader| reader.frames()).sum()
}

/// One comparison, and its page where one is wanted.
pub(crate) fn compare(context: &Common, job: &Job, page: &str, progress: &Progress) -> Result<Report> {
    let reference = load::read(&job.reference, progress)?;
    let input = (job.input.as_deref())
        .map(|path| load::read(path, progress))
        .transpose()?;
    let output = match (&job.judged, &context.setup, &job.input) {
        (Judged::File(path), ..) => load::read(path, progress)?,
        (Judged::Model, Some(setup), Some(input)) => load::rendered(setup, input, progress)?,
        _ => bail!("{}: there is no input to play", job.reference.display()),
    };
    let names = Names {
        reference: job.reference.clone(),
        output: match &job.judged {
            Judged::File(path) => Some(path.clone()),
            Judged::Model => None,
        },
        model: match &job.judged {
            Judged::File(_) => None,
            Judged::Model => context.setup.as_ref().map(|setup| setup.named.name.clone()),
        },
        input: job.input.clone(),
    };
    let pair = pair::pair(reference, output, input, &context.aligning)?;
    let estimates = measure::estimates(&pair, &context.aligning);
    let mut report = measure::report(&pair, names, &context.aligning, estimates.as_ref())?;
    report.aliasing.sines.clone_from(&context.sines);
    if let Some(folder) = &context.page {
        write_page(folder, page, &page::page(&job.name, &report, &pair, estimates.as_ref()))?;
    }
    Ok(report)
}

/// Writes a page into a folder that exists.
pub(crate) fn write_page(folder: &Path, name: &str, text: &str) -> Result<()> {
    crate::wav::write_whole(&folder.join(name), text.as_bytes())
}
