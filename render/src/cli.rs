//! The arguments of `tonegraft`.

use crate::blocks::{Blocks, MAX_BLOCK};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use tonegraft_chain::cab::CabUse;
use tonegraft_core::SampleRate;
use tonegraft_engine::{Oversampling, RateMode};

/// Plays neural models of audio gear, to the samples that the plugin plays.
#[derive(Debug, Parser)]
#[command(name = "tonegraft", version, propagate_version = true, max_term_width = 100)]
#[command(after_long_help = "\
Examples:
  tonegraft render --model overdrive guitar.wav out.wav
  tonegraft render --model my-amp.onnx --param Drive=7 --param mix=80 guitar.wav out.wav
  tonegraft render --model overdrive --out-dir rendered takes/*.wav
  tonegraft inspect my-amp.onnx
  tonegraft convert amp.nam amp.onnx
  tonegraft bench overdrive my-amp.onnx --block 32,64,128
  tonegraft aliasing distortion
  tonegraft abx-report listening-logs --html report
  tonegraft compare device.wav rendered.wav
  tonegraft completions bash > ~/.local/share/bash-completion/completions/tonegraft

MODEL is a file, or the id of a model that ships with Tonegraft (`tonegraft library` lists them).
The exit code is 0 only on success; errors are one sentence on stderr.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play audio files through a model
    Render(RenderArgs),
    /// Show what a model is: inputs, operators, latency, cost, runtime and why
    Inspect(InspectArgs),
    /// Measure what a model costs per audio block
    Bench(BenchArgs),
    /// Write a model of any format as an ONNX file that plays the same samples
    Convert(ConvertArgs),
    /// Measure what a model aliases on steady sines, with and without oversampling
    Aliasing(AliasingArgs),
    /// Measure how far a rendering, or a model, is from a recording of the device
    Compare(CompareArgs),
    /// Write a plugin state that loads a model, for hosts without a window
    State(StateArgs),
    /// List the models that ship with Tonegraft, and those in the given folders
    Library(LibraryArgs),
    /// Verify the logs of listening tests and sum them up
    AbxReport(AbxReportArgs),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// A model and how its controls stand.
#[derive(Args, Clone, Debug)]
pub struct Patch {
    /// A model file, or the id of a shipped model
    #[arg(long, short, value_name = "MODEL")]
    pub model: String,

    /// Knobs, rates, cabinet.
    #[command(flatten)]
    pub controls: Controls,
}

/// How the controls of a model and of the chain around it stand.
#[derive(Args, Clone, Debug)]
pub struct Controls {
    /// Set a knob of the model by its name or as "knob N", or the chain: input_gain=-6, mix=50, output_mode=normalized,
    /// calibrate_input=on, interface_dbu=12, gate=on, gate_threshold=-60, tone_stack=on, tone_bass=7 …; a wrong name lists them all
    #[arg(long = "param", short, value_name = "NAME=VALUE")]
    pub params: Vec<String>,

    /// Rates of audio and model.
    #[command(flatten)]
    pub rates: Rates,

    /// Which of the sizes in which a file holds its model: 0 (lite) to 1 (full) [default: full]
    #[arg(long, value_name = "0..1", value_parser = model_size)]
    pub size: Option<f32>,

    /// Play an impulse response behind the model: a WAV, FLAC or AIFF file of a cabinet or a room
    #[arg(long, value_name = "FILE")]
    pub ir: Option<PathBuf>,

    /// Whether the impulse response is heard; auto: unless the model says that it contains a cabinet
    #[arg(long, value_enum, default_value_t = Cab::Auto)]
    pub cab: Cab,
}

/// Whether an impulse response is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Cab {
    /// Unless the model says that it contains a cabinet
    #[default]
    Auto,
    /// Yes
    On,
    /// No
    Off,
}

impl Cab {
    /// As states name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

impl From<Cab> for CabUse {
    fn from(cab: Cab) -> Self {
        match cab {
            Cab::Auto => Self::Auto,
            Cab::On => Self::On,
            Cab::Off => Self::Off,
        }
    }
}

/// How a model plays at a rate that is not its own, and above its own.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Rates {
    /// How a model of another rate than the audio's is played: converted with all frequencies equally late, converted with less
    /// than half a millisecond, or at the audio's rate if that is a multiple of its own
    #[arg(long, value_name = "MODE", default_value_t = RateMode::LinearPhase, value_parser = rate_mode())]
    pub rate_mode: RateMode,

    /// Run the model at a multiple of its rate, against its aliasing
    #[arg(long, value_name = "TIMES", default_value_t = Oversampling::Off, value_parser = oversampling())]
    pub oversampling: Oversampling,
}

fn rate_mode() -> impl TypedValueParser<Value = RateMode> {
    PossibleValuesParser::new(RateMode::ALL.map(RateMode::name))
        .try_map(|name| RateMode::from_name(&name).ok_or("no such mode"))
}

fn oversampling() -> impl TypedValueParser<Value = Oversampling> {
    PossibleValuesParser::new(Oversampling::ALL.map(Oversampling::name))
        .try_map(|name| Oversampling::from_name(&name).ok_or("no such factor"))
}

/// State of a model before the first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Start {
    /// All memories zero: equals a whole-file run of the exported model
    Zero,
    /// Settled in silence: equals the plugin
    Silence,
}

/// `tonegraft render`
#[derive(Args, Debug)]
#[command(after_long_help = "\
Reads WAV of any rate with 1 to 16 channels (8 to 32-bit integers or 32-bit float) and writes 32-bit float WAV of the same rate,
channels and length, with the latency taken off. A model of another rate is converted to and from its own. Mono and stereo files
play as on a mono or stereo track; in files with more channels, each channel plays by itself.

Examples:
  tonegraft render --model overdrive guitar.wav out.wav
  tonegraft render --model overdrive --param \"knob 1=0.7\" --param output_gain=-6 guitar.wav out.wav
  tonegraft render --model amp.nam --ir 4x12.wav --tail 0.5 --param gate=on --param tone_stack=on --param tone_treble=6 guitar.wav out.wav
  tonegraft render --model my-amp.onnx --out-dir rendered takes/*.wav
  tonegraft render --model my-amp.onnx --out-dir rendered --jobs 4 takes")]
pub struct RenderArgs {
    /// Model and controls.
    #[command(flatten)]
    pub patch: Patch,

    /// Frames per block, or random:SEED; the samples do not depend on it
    #[arg(long, value_name = "N|random:SEED", default_value = "512")]
    pub block: Blocks,

    /// How wide layers keep their weights: f16 halves the memory they read for every frame, each weight off by at most 1/2048
    #[arg(long, value_enum, default_value_t = WeightKind::F32)]
    pub weights: WeightKind,

    /// State of the model before the first frame [default: as the model's own player: silence for .nam, zero for ONNX]
    #[arg(long, value_enum)]
    pub start: Option<Start>,

    /// Keep the latency in the file, as a host without delay compensation would
    #[arg(long)]
    pub raw_latency: bool,

    /// Render this many seconds beyond the end of the input
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = seconds)]
    pub tail: f64,

    /// Write every input to this folder under its own name with .wav; the folder is made. Inputs may be folders of .wav files then
    #[arg(long, value_name = "FOLDER")]
    pub out_dir: Option<PathBuf>,

    /// How many files at once [default: one per processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Print one JSON object per file written to stdout, and with --out-dir one about all of them
    #[arg(long)]
    pub json: bool,

    /// IN.wav OUT.wav, or with --out-dir any number of inputs, files or folders
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// A stage between file and processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// The file's operators, checked, with the sizes of all wires
    Graph,
    /// Operations on wires that run frame by frame or in hops
    Stream,
    /// Kernels in the order in which they run, and where in memory
    Plan,
}

/// `tonegraft inspect`
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tonegraft inspect my-amp.onnx
  tonegraft inspect overdrive --json | jq .latency_samples
  tonegraft inspect overdrive --rate 44100
  tonegraft inspect my-amp.onnx --stage graph
  tonegraft inspect my-amp.onnx --stage plan")]
pub struct InspectArgs {
    /// A model file, or the id of a shipped model
    pub model: String,

    /// Also say what it adds at this rate of the audio, in Hz, for every way to convert and oversample it
    #[arg(long, value_name = "HZ", value_parser = sample_rate)]
    pub rate: Option<SampleRate>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Which of the sizes in which a file holds its model: 0 (lite) to 1 (full) [default: full]
    #[arg(long, value_name = "0..1", value_parser = model_size)]
    pub size: Option<f32>,

    /// How wide layers keep their weights: says what they take then
    #[arg(long, value_enum, default_value_t = WeightKind::F32)]
    pub weights: WeightKind,

    /// Print a stage of the compilation as text instead
    #[arg(long, value_enum, conflicts_with = "json")]
    pub stage: Option<Stage>,
}

/// `tonegraft bench`
#[derive(Args, Debug)]
#[command(after_long_help = "\
Each model plays one mono channel of noise at its own sample rate (48 kHz if it names none), in one thread, after a warm-up.
realtime_percent is the 50th percentile of the time per block over the block's duration; fma_peak_fraction is the model's
multiply-adds per second over those that this processor did at most in the same run. load_ms is the time from the file to the
plan, lower_ms from there to an instance, instance_bytes the memory of one. Times move with whatever else runs.

Examples:
  tonegraft bench overdrive
  tonegraft bench overdrive my-amp.onnx --block 16,64,256 --seconds 5 --json")]
pub struct BenchArgs {
    /// Model files, or ids of shipped models
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<String>,

    /// Frames per block
    #[arg(long, value_delimiter = ',', value_name = "N,…", default_value = "16,64,256,1024",
          value_parser = clap::value_parser!(u32).range(1..=MAX_BLOCK as i64))]
    pub block: Vec<u32>,

    /// How wide layers keep their weights: f16 halves the memory they read for every frame, each weight off by at most 1/2048
    #[arg(long, value_enum, default_value_t = WeightKind::F32)]
    pub weights: WeightKind,

    /// Seconds of audio per model and block size
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds)]
    pub seconds: f64,

    /// Print one JSON object per model and block size
    #[arg(long)]
    pub json: bool,
}

/// How weights are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WeightKind {
    /// 32 bits, as in the file
    #[default]
    F32,
    /// 16 bits in layers that are bound by reading their weights
    F16,
}

impl From<WeightKind> for tonegraft_engine::Weights {
    fn from(kind: WeightKind) -> Self {
        match kind {
            WeightKind::F32 => Self::F32,
            WeightKind::F16 => Self::F16,
        }
    }
}

/// `tonegraft convert`
#[derive(Args, Debug)]
#[command(after_long_help = "\
The file holds the graph that Tonegraft plays, with its metadata: other programs run it with ONNX Runtime, Tonegraft plays it to the
same bits as the original. A chain becomes one file with all its models inside.

Examples:
  tonegraft convert amp.nam amp.onnx
  tonegraft convert pedal.aidax pedal.onnx --force")]
pub struct ConvertArgs {
    /// A model file, or the id of a shipped model
    pub model: String,

    /// The .onnx file to write
    pub output: PathBuf,

    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,

    /// Which of the sizes in which a file holds its model: 0 (lite) to 1 (full) [default: full]
    #[arg(long, value_name = "0..1", value_parser = model_size)]
    pub size: Option<f32>,
}

/// `tonegraft aliasing`
#[derive(Args, Debug)]
#[command(after_long_help = "\
Plays sines whose harmonics fall on bins of their own, at the model's rate (48 kHz if it names none) and its knobs at their defaults.
The alias-to-signal ratio is the energy that is at no harmonic over that at the harmonics, both up to 20 kHz, in dB.

Examples:
  tonegraft aliasing distortion
  tonegraft aliasing my-amp.onnx --rate 44100 --level -12 --json")]
pub struct AliasingArgs {
    /// A model file, or the id of a shipped model
    pub model: String,

    /// The audio's rate in Hz [default: the model's]
    #[arg(long, value_name = "HZ", value_parser = sample_rate)]
    pub rate: Option<SampleRate>,

    /// How a model of another rate is converted
    #[arg(long, value_name = "MODE", default_value_t = RateMode::LinearPhase, value_parser = rate_mode())]
    pub rate_mode: RateMode,

    /// Peak level of the sines in dB of full scale
    #[arg(long, value_name = "DB", default_value_t = -6.0, allow_negative_numbers = true, value_parser = level)]
    pub level: f64,

    /// Print one JSON object per frequency
    #[arg(long)]
    pub json: bool,
}

/// What is aligned before figures are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AlignKind {
    /// Delay to a fraction of a sample, and polarity
    #[default]
    Full,
    /// Delay in whole samples, and polarity: no sample is interpolated
    Whole,
    /// Nothing: the files as they stand
    Off,
}

impl AlignKind {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Whole => "whole",
            Self::Off => "off",
        }
    }
}

/// `tonegraft compare`
#[derive(Args, Debug)]
#[command(after_long_help = "\
REF.wav is what the device made, OUT.wav what is judged. With --model, the input is rendered as `tonegraft render` does and its result
is judged. Delay and polarity are found and taken off first; the level stays as it is unless --match-level, and the level-matched
error is told beside it. With the clean input, two baselines are told too: the dry signal, scaled, and the best linear filter of it.

Files of another rate than the reference's are converted, and what only one file has at its end is left out: both are told. A mono
file is compared with each channel of another. Figures of several channels: errors over all of them together, other measures their mean.

Examples:
  tonegraft compare device.wav rendered.wav
  tonegraft compare device.wav rendered.wav --input clean.wav --html report
  tonegraft compare --model amp.nam --input clean.wav --reference device.wav --sines
  tonegraft compare --model my-amp.onnx --param Drive=7 --input clean.wav --reference device.wav --json | jq .esr
  tonegraft compare --batch devices rendered --csv figures.csv
  tonegraft compare --batch --model amp.nam --input clean --reference devices --html report")]
pub struct CompareArgs {
    /// The two files, or with --batch two folders whose .wav files are paired by name
    #[arg(value_name = "REF.wav OUT.wav", num_args = 0..=2)]
    pub files: Vec<PathBuf>,

    /// Judge what this model makes of the input: a file, or the id of a shipped model
    #[arg(long, short, value_name = "MODEL", requires = "input")]
    pub model: Option<String>,

    /// The clean recording that went into the device; a folder with --batch
    #[arg(long, short, value_name = "DI.wav")]
    pub input: Option<PathBuf>,

    /// What the device made of it, with --model; a folder with --batch
    #[arg(long, value_name = "WET.wav", requires = "model")]
    pub reference: Option<PathBuf>,

    /// Knobs, rates, cabinet of the model.
    #[command(flatten)]
    pub controls: Controls,

    /// State of the model before the first frame [default: as the model's own player: silence for .nam, zero for ONNX]
    #[arg(long, value_enum)]
    pub start: Option<Start>,

    /// What is aligned before figures are taken
    #[arg(long, value_enum, default_value_t = AlignKind::Full)]
    pub align: AlignKind,

    /// Match the level too, by least squares
    #[arg(long)]
    pub match_level: bool,

    /// The longest delay that is looked for, either way
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = delay)]
    pub max_delay: f64,

    /// Measure what the model aliases on steady sines, too
    #[arg(long, requires = "model")]
    pub sines: bool,

    /// Compare all files of folders: REF_DIR OUT_DIR, or --model with --input DIR --reference DIR
    #[arg(long)]
    pub batch: bool,

    /// Write a page with pictures into this folder: index.html; the folder is made
    #[arg(long, value_name = "FOLDER")]
    pub html: Option<PathBuf>,

    /// With --batch, write the figures of all pairs to this file
    #[arg(long, value_name = "FILE", requires = "batch")]
    pub csv: Option<PathBuf>,

    /// How many pairs at once [default: one per processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Print one JSON object; with --batch one per pair and one about all of them
    #[arg(long)]
    pub json: bool,
}

/// `tonegraft state`
#[derive(Args, Debug)]
#[command(after_long_help = "\
The file holds what the CLAP plugin's state stream holds: parameters and the session with the model's path and hash.

Example:
  tonegraft state --model overdrive --param mix=50 --out overdrive.state")]
pub struct StateArgs {
    /// Model and controls.
    #[command(flatten)]
    pub patch: Patch,

    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,
}

/// `tonegraft library`
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  tonegraft library
  tonegraft library ~/models --json")]
pub struct LibraryArgs {
    /// Folders to search beside the plugin's own library folder
    #[arg(value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,

    /// Print one JSON object per model
    #[arg(long)]
    pub json: bool,
}

/// `tonegraft abx-report`
#[derive(Args, Debug)]
#[command(after_long_help = "\
Reads the logs (JSON) that the plugin writes of its ABX, likeness and preference tests, checks that each opens to the commitment that
was shown before its first trial, and sums up the sessions about the same models. Training and void sessions are listed, never
counted. A log that does not match its commitment is named and not counted, and the exit code is 1.

p is exact and binomial: one-sided for ABX, two-sided for likeness and preference. Intervals are those of Clopper and Pearson at 95 %.

Examples:
  tonegraft abx-report listening-logs
  tonegraft abx-report monday.json tuesday.json --json
  tonegraft abx-report listening-logs --html report --svg plots")]
pub struct AbxReportArgs {
    /// Logs, or folders with logs in them
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Also write a page with tables and plots to this folder, as abx-report.html; the folder is made
    #[arg(long, value_name = "FOLDER")]
    pub html: Option<PathBuf>,

    /// Also write the plots alone to this folder, as SVG; the folder is made
    #[arg(long, value_name = "FOLDER")]
    pub svg: Option<PathBuf>,
}

/// The longest time that is accepted anywhere.
const MAX_SECONDS: f64 = 24.0 * 3600.0;

/// A number from 0 to 1.
fn model_size(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(size) if (0.0..=1.0).contains(&size) => Ok(size),
        _ => Err("give a number from 0 (smallest) to 1 (full)".to_owned()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=MAX_SECONDS).contains(&seconds) => Ok(seconds),
        _ => Err(format!("\"{text}\" is not a time in seconds from 0 to {MAX_SECONDS}")),
    }
}

fn delay(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=10.0).contains(&seconds) => Ok(seconds),
        _ => Err(format!("\"{text}\" is not a time in seconds from 0 to 10")),
    }
}

fn sample_rate(text: &str) -> Result<SampleRate, String> {
    let rate = text.parse().ok().and_then(SampleRate::new);
    rate.ok_or_else(|| format!("\"{text}\" is not a rate in Hz from 1 to {}", SampleRate::MAX))
}

fn level(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(level) if (-120.0..=24.0).contains(&level) => Ok(level),
        _ => Err(format!("\"{text}\" is not a level in dB from -120 to 24")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_finite_and_not_negative() {
        for wrong in ["-1", "inf", "nan", "x", "1e9"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seconds("0.5"), Ok(0.5));
    }
}
