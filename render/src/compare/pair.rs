//! Two recordings brought to one rate, one number of channels, one delay and one polarity.

use super::load::Audio;
use crate::cli::AlignKind;
use anyhow::{Result, bail, ensure};
use tonegraft_analysis::align::{self, AlignOptions, Alignment};
use tonegraft_analysis::resample::resample;

/// Below this confidence the delay found is told, but not taken off.
const CONFIDENT: f64 = 0.5;

/// Fractions of a sample that are left as they are: taking them off would cost more than it brings.
const SMALLEST: f64 = 1e-4;

/// Less in common than this, and no figure means anything: in seconds.
const LEAST_SECONDS: f64 = 0.05;

/// What is compared: all `[channels, frames]` of one shape.
pub struct Pair {
    /// The recording of the device.
    pub reference: Vec<Vec<f32>>,
    /// What is judged, aligned.
    pub output: Vec<Vec<f32>>,
    /// What went into the device.
    pub input: Option<Vec<Vec<f32>>>,
    /// Of all, in Hz.
    pub rate: u32,
    /// What lay between them; the gain over all channels and frames.
    pub found: Alignment,
    /// The delay that was taken off, in frames.
    pub taken: f64,
    /// What was done to the files before.
    pub notes: Vec<String>,
}

/// How to align.
#[derive(Clone, Copy, Debug)]
pub struct Aligning {
    /// What.
    pub kind: AlignKind,
    /// The level, too.
    pub level: bool,
    /// The longest delay, in seconds.
    pub max_delay: f64,
}

impl Aligning {
    /// Frames of the longest delay.
    pub fn options(&self, rate: u32) -> AlignOptions {
        AlignOptions::new((self.max_delay * f64::from(rate)) as usize)
    }
}

/// Brings them together.
///
/// # Errors
/// Numbers of channels that do not fit, or less than 50 ms in common.
pub fn pair(reference: Audio, output: Audio, input: Option<Audio>, aligning: &Aligning) -> Result<Pair> {
    let mut notes: Vec<String> = output.warnings.clone();
    let rate = reference.rate.get();
    let width = reference.channels.len().max(output.channels.len());
    let names = (reference.name.clone(), output.name.clone());
    let lengths = (reference.frames(), output.frames());
    let seconds = |frames: usize, rate: u32| frames as f64 / f64::from(rate);
    let (own, others) = (reference.channels.len(), output.channels.len());
    ensure!(
        own == others || own == 1 || others == 1,
        "{} has {own} channels and {} has {others} channels; give both the same number, or one of them one channel",
        names.0,
        names.1
    );
    let mut fit = |audio: Audio| -> Vec<Vec<f32>> {
        let mut channels = audio.channels;
        if audio.rate.get() != rate {
            notes.push(format!(
                "{} is at {} Hz; converted to {rate} Hz for the comparison, so that {} Hz and above are not compared",
                audio.name,
                audio.rate.get(),
                (0.97 * 0.5 * f64::from(rate.min(audio.rate.get()))).round()
            ));
            for channel in &mut channels {
                *channel = resample(channel, audio.rate.get(), rate);
            }
        }
        if channels.len() == 1 && width > 1 {
            notes.push(format!(
                "{} is mono; compared with each of {width} channels",
                audio.name
            ));
            channels = vec![channels.swap_remove(0); width];
        }
        channels
    };
    let output_rate = output.rate.get();
    let reference = fit(reference);
    let mut output = fit(output);
    let mut input = input
        .map(|input| {
            if input.channels.len() != 1 && input.channels.len() != width {
                bail!(
                    "{} has {} channels and the recordings have {width}; give it one channel, or as many",
                    input.name,
                    input.channels.len()
                );
            }
            Ok(fit(input))
        })
        .transpose()?;

    let options = aligning.options(rate);
    let found = (reference.iter().zip(&output))
        .filter_map(|(reference, output)| align::estimate(reference, output, &options))
        .max_by(|a, b| a.confidence.total_cmp(&b.confidence));
    let (found, taken) = match found {
        None => {
            notes.push(format!(
                "no delay within {} s brings anything of one over the other; compared as the files stand",
                aligning.max_delay
            ));
            let unknown = Alignment {
                confidence: 0.0,
                correlation: 0.0,
                ..Alignment::NONE
            };
            (unknown, None)
        }
        Some(found) if aligning.kind == AlignKind::Off => (found, None),
        Some(found) if found.confidence < CONFIDENT => {
            notes.push(format!(
                "the delay is unsure (confidence {:.2}); compared as the files stand",
                found.confidence
            ));
            (found, None)
        }
        Some(found) => {
            let whole = found.delay.round();
            let keep = aligning.kind == AlignKind::Whole || (found.delay - whole).abs() < SMALLEST;
            (found, Some(if keep { whole } else { found.delay }))
        }
    };
    if let Some(advance) = taken {
        for channel in &mut output {
            *channel = align::shift(channel, advance);
            if found.inverted {
                channel.iter_mut().for_each(|sample| *sample = -*sample);
            }
        }
    }
    let taken = taken.unwrap_or(0.0);

    // What all have: the output was moved by `taken`, and has nothing before its own beginning.
    let begin = (-taken).max(0.0).ceil() as usize;
    let ends = [
        reference.iter().map(Vec::len).min().unwrap_or(0),
        (output.iter().map(Vec::len).min().unwrap_or(0) as f64 - taken.max(0.0)).max(0.0) as usize,
        (input.iter().flatten()).map(Vec::len).min().unwrap_or(usize::MAX),
    ];
    let end = ends.into_iter().min().unwrap_or(0);
    ensure!(
        end > begin && seconds(end - begin, rate) >= LEAST_SECONDS,
        "{} and {} have less than {LEAST_SECONDS} s in common; compare longer recordings, or see --max-delay",
        names.0,
        names.1
    );
    let (own, other) = (seconds(lengths.0, rate), seconds(lengths.1, output_rate));
    if (own - other).abs() > 0.5 / f64::from(rate) {
        notes.push(format!(
            "lengths differ: {} has {own:.3} s, {} has {other:.3} s; compared over {:.3} s",
            names.0,
            names.1,
            seconds(end - begin, rate)
        ));
    }
    let cut = |channels: Vec<Vec<f32>>| -> Vec<Vec<f32>> {
        let part = |channel: Vec<f32>| channel.get(begin..end).map(<[f32]>::to_vec).unwrap_or_default();
        channels.into_iter().map(part).collect()
    };
    let (reference, mut output) = (cut(reference), cut(output));
    input = input.map(cut);
    ensure!(
        reference.iter().flatten().any(|sample| *sample != 0.0),
        "{}: what it has in common with {} is silent",
        names.0,
        names.1
    );

    // The gain over everything, which no passage tells.
    let (mut cross, mut own) = (0.0, 0.0);
    for (r, o) in reference.iter().flatten().zip(output.iter().flatten()) {
        cross += f64::from(*r) * f64::from(*o);
        own += f64::from(*o) * f64::from(*o);
    }
    let factor = if own > 0.0 { cross / own } else { 0.0 };
    let mut found = found;
    if factor != 0.0 {
        found.gain = 1.0 / factor.abs();
    }
    if aligning.level && factor != 0.0 {
        for sample in output.iter_mut().flatten() {
            *sample = (f64::from(*sample) * factor.abs()) as f32;
        }
    }
    Ok(Pair {
        reference,
        output,
        input,
        rate,
        found,
        taken,
        notes,
    })
}
