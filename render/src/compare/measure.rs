//! All figures of one pair.

use super::pair::{Aligning, Pair};
use super::sines::{self, SineAliasing};
use crate::aliasing::Measured;
use anyhow::{Context, Result};
use rayon::prelude::*;
use serde::Serialize;
use std::path::PathBuf;
use tonegraft_analysis::baseline::{FirOptions, LinearFir, ScaledDry, linear_fir, scaled_dry};
use tonegraft_analysis::error::{self, Errors};
use tonegraft_analysis::{distance, dtw, loudness, mel, pitch, stft};

/// What figures of full-scale samples are divided by; printed beside them.
pub const NORMALISATION: &str =
    "samples of ±1 full scale; relative_rmse over the reference's RMS, relative_mae over its mean magnitude";

/// How far an estimate is from the reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Error-to-signal ratio.
    pub esr: f64,
    /// After pre-emphasis `1 − 0.95 z⁻¹`.
    pub esr_preemphasis: f64,
    /// After pre-emphasis `1 − 0.85 z⁻¹`.
    pub esr_preemphasis_085: f64,
    /// The constant part of the error over the reference's energy.
    pub dc: f64,
    /// `esr_preemphasis + dc`, what many trainers minimise.
    pub esr_preemphasis_dc: f64,
    /// `−10 log₁₀ esr`; null if there is no error.
    pub snr_db: f64,
    /// Of full-scale samples.
    pub mse: f64,
    /// Of full-scale samples.
    pub mae: f64,
    /// Of full-scale samples.
    pub rmse: f64,
    /// Over the reference's RMS.
    pub relative_rmse: f64,
    /// Over the reference's mean magnitude.
    pub relative_mae: f64,
    /// Pearson's.
    pub correlation: f64,
    /// Multi-resolution STFT distance; null for less than 1025 frames.
    pub mr_stft: Option<f64>,
    /// Its part of spectral convergence.
    pub mr_stft_convergence: Option<f64>,
    /// Its part of log magnitude, in nepers.
    pub mr_stft_log_magnitude: Option<f64>,
    /// Mean distance of mel-spectrograms, dB.
    pub mel_distance: Option<f64>,
    /// Mean distance of 13 MFCCs along the best warped path.
    pub dtw: Option<f64>,
}

/// Both loudnesses; null for silence, less than 400 ms, or more than two channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Loudnesses {
    /// Integrated, LUFS.
    pub reference_lufs: Option<f64>,
    /// Integrated, LUFS, at the level that is compared.
    pub output_lufs: Option<f64>,
    /// How much louder the output is, LU.
    pub difference_lu: Option<f64>,
}

/// What folds back; each null where it was not measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Aliasing {
    /// Where the input is a sine.
    pub input_sine: Option<SineAliasing>,
    /// The model on sines, by `--sines`, its knobs at their defaults.
    pub sines: Option<Vec<Measured>>,
}

/// Pitches of one recording.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pitches {
    /// Different notes (MIDI numbers) among the voiced frames.
    pub number: usize,
    /// Highest less lowest, Hz.
    pub range_hz: f64,
    /// The same in semitones.
    pub range_semitones: f64,
    /// Of the distribution of notes, bits.
    pub entropy_bits: f64,
}

/// Distances between the normal distributions of 13 MFCCs of reference and output; not the *Fréchet audio distance*, which is taken between
/// embeddings of a trained network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MfccDistances {
    /// Fréchet distance.
    pub frechet: f64,
    /// Kullback–Leibler divergence of the reference's distribution from the output's, nats.
    pub kl: f64,
}

/// Of the first channel of both; null where nothing is voiced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PitchPair {
    /// Of the reference.
    pub reference: Option<Pitches>,
    /// Of the output.
    pub output: Option<Pitches>,
}

/// The dry signal, scaled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DryFigures {
    /// How far it is.
    #[serde(flatten)]
    pub figures: Figures,
    /// How much later than the reference it was, in samples; taken off.
    pub delay_samples: f64,
    /// How much louder it was, dB; taken off.
    pub gain_db: f64,
}

/// The best linear filter of the dry signal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FirFigures {
    /// How far it is, over the whole recording.
    #[serde(flatten)]
    pub figures: Figures,
    /// Length of its response.
    pub taps: usize,
    /// How much of the recording it was fitted to, in seconds.
    pub fitted_seconds: f64,
}

/// What a model has to beat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Baselines {
    /// Null if the dry signal resembles nothing.
    pub scaled_dry: Option<DryFigures>,
    /// Null if the dry signal resembles nothing.
    pub linear_fir: Option<FirFigures>,
}

/// All about one pair; the keys of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The recording of the device.
    pub reference: PathBuf,
    /// What is judged; of a model, null.
    pub output: Option<PathBuf>,
    /// The model's name; null if a file is judged.
    pub model: Option<String>,
    /// The clean recording.
    pub input: Option<PathBuf>,
    /// Of the comparison, in Hz.
    pub sample_rate: u32,
    /// Channels compared.
    pub channels: usize,
    /// Frames compared.
    pub frames: usize,
    /// The same in seconds.
    pub seconds: f64,
    /// What was aligned: `full`, `whole` or `off`.
    pub align: &'static str,
    /// True if the level was matched.
    pub level_matched: bool,
    /// How much later the output is.
    pub delay_samples: f64,
    /// The same in ms.
    pub delay_ms: f64,
    /// What of it was taken off.
    pub delay_removed_samples: f64,
    /// How much louder the output is, by least squares.
    pub gain_db: f64,
    /// `same` or `inverted`; an inverted output is turned if the alignment was taken off.
    pub polarity: &'static str,
    /// Of delay and polarity, 0 to 1.
    pub confidence: f64,
    /// How far the output is.
    #[serde(flatten)]
    pub figures: Figures,
    /// The error-to-signal ratio with the level matched.
    pub esr_level_matched: f64,
    /// The same in dB: how deep the two null; null if nothing is left.
    pub null_db: f64,
    /// How loud both are.
    pub loudness: Loudnesses,
    /// What folds back.
    pub aliasing: Aliasing,
    /// Of the first channel; null if too short.
    pub mfcc: Option<MfccDistances>,
    /// What is played.
    pub pitch: PitchPair,
    /// What a model has to beat; null without a clean input.
    pub baselines: Option<Baselines>,
    /// Of mse, mae, rmse and their relatives.
    pub normalisation: &'static str,
    /// What was done to the files before.
    pub notes: Vec<String>,
}

/// What the baselines sound like, by channel, for pictures.
pub struct Estimates {
    /// The dry signal, aligned and scaled.
    pub scaled_dry: Vec<ScaledDry>,
    /// Through the best filter.
    pub linear_fir: Vec<LinearFir>,
}

/// A distance of one channel from another.
type Distance<'a> = &'a dyn Fn(&[f32], &[f32]) -> Option<f64>;

/// How far `estimate` is from `reference`, both `[channels, frames]`: errors over all channels together, other measures their mean.
///
/// # Errors
/// No frame in common, or a silent reference.
pub fn figures(reference: &[Vec<f32>], estimate: &[Vec<f32>], rate: f64) -> Result<Figures> {
    let frames = (reference.iter().chain(estimate)).map(Vec::len).min().unwrap_or(0);
    let joined = |channels: &[Vec<f32>]| -> Vec<f32> {
        let parts: Vec<&[f32]> = channels.iter().filter_map(|channel| channel.get(..frames)).collect();
        parts.concat()
    };
    let errors: Errors = match (reference, estimate) {
        ([reference], [estimate]) => error::measure(reference, estimate)?,
        _ => error::measure(&joined(reference), &joined(estimate))?,
    };
    // Constants of opposite sign in two channels are no smaller error than of one.
    let dc = {
        let (mut constant, mut energy) = (0.0, 0.0);
        for (r, e) in reference.iter().zip(estimate) {
            let differences = r.iter().zip(e).map(|(r, e)| f64::from(*r) - f64::from(*e));
            constant += (differences.sum::<f64>() / frames.max(1) as f64).powi(2);
            energy += r.iter().map(|r| f64::from(*r).powi(2)).sum::<f64>() / frames.max(1) as f64;
        }
        if constant == 0.0 { 0.0 } else { constant / energy }
    };
    let distances: Vec<_> = (reference.par_iter().zip(estimate))
        .filter_map(|(r, e)| stft::distance(r, e).ok())
        .collect();
    let average = |of: Distance<'_>| mean(reference.iter().zip(estimate).filter_map(|(r, e)| of(r, e)));
    let stft = |part: fn(&stft::StftDistance) -> f64| mean(distances.iter().map(part));
    Ok(Figures {
        esr: errors.esr,
        esr_preemphasis: errors.esr_preemphasis,
        esr_preemphasis_085: errors.esr_preemphasis_085,
        dc,
        esr_preemphasis_dc: errors.esr_preemphasis + dc,
        snr_db: errors.snr_db,
        mse: errors.mse,
        mae: errors.mae,
        rmse: errors.rmse,
        relative_rmse: errors.relative_rmse,
        relative_mae: errors.relative_mae,
        correlation: errors.correlation,
        mr_stft: stft(|d| d.distance),
        mr_stft_convergence: stft(|d| d.spectral_convergence),
        mr_stft_log_magnitude: stft(|d| d.log_magnitude),
        mel_distance: average(&|r, e| mel::distance(r, e, rate).ok()),
        dtw: average(&|r, e| Some(dtw::mfcc_distance(r, e, rate).ok()?.distance)),
    })
}

/// `None` of nothing.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// The error that is left when the level is matched, too.
fn level_matched_esr(reference: &[Vec<f32>], output: &[Vec<f32>]) -> f64 {
    let pairs = || {
        let channels = reference.iter().zip(output);
        channels.flat_map(|(r, o)| r.iter().zip(o).map(|(r, o)| (f64::from(*r), f64::from(*o))))
    };
    let (cross, own) = pairs().fold((0.0, 0.0), |(cross, own), (r, o)| (cross + r * o, own + o * o));
    let factor = if own > 0.0 { cross / own } else { 0.0 };
    let (error, signal) = pairs().fold((0.0, 0.0), |(error, signal), (r, o)| {
        (error + (r - factor * o).powi(2), signal + r * r)
    });
    if error == 0.0 { 0.0 } else { error / signal }
}

fn loudnesses(pair: &Pair) -> Loudnesses {
    let of = |channels: &[Vec<f32>]| {
        let channels: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
        let measured = loudness::measure(&channels, f64::from(pair.rate)).ok();
        measured.and_then(|measured| measured.integrated)
    };
    let (reference_lufs, output_lufs) = (of(&pair.reference), of(&pair.output));
    Loudnesses {
        reference_lufs,
        output_lufs,
        difference_lu: reference_lufs.zip(output_lufs).map(|(r, o)| o - r),
    }
}

fn pitches(channels: &[Vec<f32>], rate: f64) -> Option<Pitches> {
    let moments = pitch::track(channels.first()?, rate).ok()?;
    let found = pitch::statistics(&moments)?;
    Some(Pitches {
        number: found.pitches,
        range_hz: found.range_hz,
        range_semitones: found.range_semitones,
        entropy_bits: found.entropy_bits,
    })
}

/// Both baselines of each channel; `None` without a clean input.
pub fn estimates(pair: &Pair, aligning: &Aligning) -> Option<Estimates> {
    let input = pair.input.as_ref()?;
    let options = aligning.options(pair.rate);
    let channels = || pair.reference.par_iter().zip(input);
    let (scaled_dry, linear_fir) = rayon::join(
        || {
            channels()
                .filter_map(|(r, i)| scaled_dry(r, i, &options))
                .collect::<Vec<_>>()
        },
        || {
            let options = FirOptions::new(options.max_lag);
            channels()
                .filter_map(|(r, i)| linear_fir(r, i, &options))
                .collect::<Vec<_>>()
        },
    );
    Some(Estimates { scaled_dry, linear_fir })
}

fn baselines(pair: &Pair, estimates: &Estimates) -> Baselines {
    let whole = |channels: Vec<Vec<f32>>| {
        let complete = channels.len() == pair.reference.len();
        complete
            .then(|| figures(&pair.reference, &channels, f64::from(pair.rate)).ok())
            .flatten()
    };
    let scaled = whole(estimates.scaled_dry.iter().map(|dry| dry.estimate.clone()).collect());
    let filtered = whole(estimates.linear_fir.iter().map(|fir| fir.estimate.clone()).collect());
    Baselines {
        scaled_dry: (estimates.scaled_dry.first().zip(scaled)).map(|(dry, figures)| DryFigures {
            figures,
            delay_samples: dry.alignment.delay,
            gain_db: dry.alignment.gain_db(),
        }),
        linear_fir: (estimates.linear_fir.first().zip(filtered)).map(|(fir, figures)| FirFigures {
            figures,
            taps: fir.taps.len(),
            fitted_seconds: fir.fitted.len() as f64 / f64::from(pair.rate),
        }),
    }
}

/// Whose figures these are.
pub struct Names {
    /// The recording of the device.
    pub reference: PathBuf,
    /// The file that is judged.
    pub output: Option<PathBuf>,
    /// The model that is judged.
    pub model: Option<String>,
    /// The clean recording.
    pub input: Option<PathBuf>,
}

/// Everything.
///
/// # Errors
/// A silent reference.
pub fn report(pair: &Pair, names: Names, aligning: &Aligning, estimates: Option<&Estimates>) -> Result<Report> {
    let rate = f64::from(pair.rate);
    let frames = pair.reference.first().map_or(0, Vec::len);
    let own = figures(&pair.reference, &pair.output, rate).with_context(|| names.reference.display().to_string())?;
    let esr_level_matched = level_matched_esr(&pair.reference, &pair.output);
    let input_sine = (pair.input.iter().flatten().next())
        .zip(pair.reference.first().zip(pair.output.first()))
        .and_then(|(input, (reference, output))| sines::measure(input, reference, output, rate));
    let (reference, output) = rayon::join(|| pitches(&pair.reference, rate), || pitches(&pair.output, rate));
    Ok(Report {
        reference: names.reference,
        output: names.output,
        model: names.model,
        input: names.input,
        sample_rate: pair.rate,
        channels: pair.reference.len(),
        frames,
        seconds: frames as f64 / rate,
        align: aligning.kind.name(),
        level_matched: aligning.level,
        delay_samples: pair.found.delay,
        delay_ms: pair.found.delay / rate * 1000.0,
        delay_removed_samples: pair.taken,
        gain_db: pair.found.gain_db(),
        polarity: if pair.found.inverted { "inverted" } else { "same" },
        confidence: pair.found.confidence,
        figures: own,
        esr_level_matched,
        null_db: 10.0 * esr_level_matched.log10(),
        loudness: loudnesses(pair),
        aliasing: Aliasing {
            input_sine,
            sines: None,
        },
        mfcc: (pair.reference.first().zip(pair.output.first())).and_then(|(reference, output)| {
            let found = distance::mfcc_distances(reference, output, rate).ok()?;
            Some(MfccDistances {
                frechet: found.frechet,
                kl: found.kl,
            })
        }),
        pitch: PitchPair { reference, output },
        baselines: estimates.map(|estimates| baselines(pair, estimates)),
        normalisation: NORMALISATION,
        notes: pair.notes.clone(),
    })
}
