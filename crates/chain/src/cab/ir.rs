//! Impulse responses: from a recording to what a convolver plays.

use super::error::{IrError, IrErrorKind};
use super::read;
use super::resample::resample;
use std::path::Path;
use tonegraft_core::SampleRate;

/// The longest response that is played, in seconds, its silent end not counted.
pub const MAX_SECONDS: u32 = 20;

/// The largest magnitude of a sample, as a multiple of full scale.
pub const PEAK_LIMIT: f32 = 10_000.0;

/// What lies below this share of the peak at the end is cut off: −90 dB.
const SILENCE: f64 = 3.162_277_660_168_379_5e-5;

/// How loud a response is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IrLevel {
    /// The field's law: the samples, 18 dB down, times 48000 over the host's rate. The sound is then as loud at every host rate, and
    /// as loud as in NeuralAmpModelerPlugin (AudioDSPTools, `dsp/ImpulseResponse.cpp`, `_SetWeights`).
    #[default]
    Field,
    /// Scaled to an energy of 1/64 in the louder channel (−18 dB), whatever the file's level; the law of JUCE's
    /// `dsp::Convolution`, which many players use.
    Energy,
    /// As the file has it: at its own rate the samples are the taps.
    File,
}

/// Audio as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// One or two channels of one length, full scale 1.
    pub channels: Vec<Vec<f32>>,
    /// The file's rate.
    pub rate: SampleRate,
}

impl Recording {
    /// Reads a WAV, AIFF or FLAC file (integers of 8 to 32 bits, floats of 32 or 64) of one or two channels. Blocks: not on the audio thread.
    ///
    /// # Errors
    /// See [`IrErrorKind`]; all name the file.
    pub fn open(path: &Path) -> Result<Self, IrError> {
        read::open(path).map_err(|error| error.in_file(path))
    }

    /// As [`Self::open`], from memory.
    ///
    /// # Errors
    /// See [`IrErrorKind`].
    pub fn read(bytes: Vec<u8>) -> Result<Self, IrError> {
        read::bytes(bytes)
    }

    /// Duration in seconds.
    pub fn seconds(&self) -> f64 {
        seconds(self.channels.first().map_or(0, Vec::len), self.rate)
    }
}

/// A response ready for a [`Convolver`](super::Convolver): at the host's rate, cut to what is audible, levelled.
///
/// The beginning stays as it is, silence included: it holds the distance of microphones, and a capture's player keeps it too. The end is
/// cut where it stays below −90 dB of the peak.
#[derive(Clone, Debug, PartialEq)]
pub struct ImpulseResponse {
    channels: Vec<Vec<f32>>,
    rate: SampleRate,
    gain: f64,
    cut: f64,
}

impl ImpulseResponse {
    /// Prepares `recording` for a host at `rate`. Takes up to seconds for the longest responses: not on the audio thread.
    ///
    /// # Errors
    /// No or more than two channels, no audio, silence, NaN or infinity, samples beyond [`PEAK_LIMIT`], longer than [`MAX_SECONDS`].
    pub fn new(recording: &Recording, rate: SampleRate, level: IrLevel) -> Result<Self, IrError> {
        let count = recording.channels.len();
        if !(1..=2).contains(&count) {
            return Err(IrErrorKind::Channels { channels: count }.into());
        }
        let frames = recording.channels.iter().map(Vec::len).max().unwrap_or(0);
        if frames == 0 {
            return Err(IrErrorKind::Empty.into());
        }
        for (channel, samples) in recording.channels.iter().enumerate() {
            for (frame, value) in samples.iter().enumerate() {
                if !value.is_finite() {
                    return Err(IrErrorKind::NotFinite { channel, frame }.into());
                }
                if value.abs() > PEAK_LIMIT {
                    return Err(IrErrorKind::TooLoud {
                        channel,
                        frame,
                        value: *value,
                    }
                    .into());
                }
            }
        }
        let wide = |samples: &Vec<f32>| samples.iter().map(|x| f64::from(*x)).collect();
        let mut channels: Vec<Vec<f64>> = recording.channels.iter().map(wide).collect();
        let end = audible(&channels);
        if end == 0 {
            return Err(IrErrorKind::Silent.into());
        }
        let seconds = seconds(end, recording.rate);
        if seconds > f64::from(MAX_SECONDS) {
            return Err(IrErrorKind::TooLong { seconds }.into());
        }
        for channel in &mut channels {
            channel.resize(end, 0.0);
        }
        if recording.rate != rate {
            for channel in &mut channels {
                *channel = resample(channel, recording.rate.get(), rate.get());
            }
            let end = audible(&channels).max(1);
            for channel in &mut channels {
                channel.resize(end, 0.0);
            }
        }
        let gain = match level {
            IrLevel::Field => 10.0_f64.powf(-18.0 / 20.0) * 48_000.0 / rate.hz(),
            IrLevel::Energy => {
                let energies = channels
                    .iter()
                    .map(|channel| channel.iter().map(|x| x * x).sum::<f64>());
                match energies.fold(0.0, f64::max) {
                    energy if energy > 0.0 => 0.125 / energy.sqrt(),
                    _ => 1.0,
                }
            }
            IrLevel::File => recording.rate.hz() / rate.hz(),
        };
        // Taps are meant to be rounded to f32.
        #[allow(clippy::cast_possible_truncation)]
        let narrow = |channel: &Vec<f64>| channel.iter().map(|x| (x * gain) as f32).collect();
        Ok(Self {
            channels: channels.iter().map(narrow).collect(),
            rate,
            gain,
            cut: recording.seconds() - seconds,
        })
    }

    /// Reads and prepares a file.
    ///
    /// # Errors
    /// As [`Recording::open`] and [`Self::new`]; all name the file.
    pub fn open(path: &Path, rate: SampleRate, level: IrLevel) -> Result<Self, IrError> {
        Self::new(&Recording::open(path)?, rate, level).map_err(|error| error.in_file(path))
    }

    /// The taps, `[1 or 2, frames]`, all channels of one length, at least 1.
    pub fn channels(&self) -> &[Vec<f32>] {
        &self.channels
    }

    /// The host's rate.
    pub const fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Duration in seconds.
    pub fn seconds(&self) -> f64 {
        seconds(self.channels.first().map_or(0, Vec::len), self.rate)
    }

    /// What the resampled samples were multiplied with, in dB.
    pub fn gain_db(&self) -> f64 {
        20.0 * self.gain.log10()
    }

    /// Seconds of inaudible end that were cut off.
    pub const fn cut_seconds(&self) -> f64 {
        self.cut
    }
}

/// The frame behind the last one above [`SILENCE`]; 0 if all are 0.
fn audible(channels: &[Vec<f64>]) -> usize {
    let peak = channels.iter().flatten().fold(0.0, |peak: f64, x| peak.max(x.abs()));
    if peak == 0.0 {
        return 0;
    }
    let ends = channels.iter().map(|channel| {
        channel
            .iter()
            .rposition(|x| x.abs() >= peak * SILENCE)
            .map_or(0, |last| last + 1)
    });
    ends.max().unwrap_or(0)
}

fn seconds(frames: usize, rate: SampleRate) -> f64 {
    // Far below 2⁵³.
    #[allow(clippy::cast_precision_loss)]
    let frames = frames as f64;
    frames / rate.hz()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn rate(hz: u32) -> SampleRate {
        SampleRate::new(hz).expect("a rate")
    }

    fn mono(samples: &[f32], hz: u32) -> Recording {
        Recording {
            channels: vec![samples.to_vec()],
            rate: rate(hz),
        }
    }

    #[test]
    fn levels_are_the_laws_stated() {
        let file = mono(&[0.0, 1.0, -0.5], 48_000);
        let taps = |level| ImpulseResponse::new(&file, rate(48_000), level).expect("plays");
        let field = taps(IrLevel::Field);
        assert!((field.gain_db() + 18.0).abs() < 1e-9);
        assert!((f64::from(field.channels()[0][1]) - 10f64.powf(-0.9)).abs() < 1e-7);
        assert_eq!(
            taps(IrLevel::File).channels()[0],
            [0.0, 1.0, -0.5],
            "the beginning stays"
        );
        let energy: f32 = taps(IrLevel::Energy).channels()[0].iter().map(|x| x * x).sum();
        assert!((energy - 1.0 / 64.0).abs() < 1e-7);
    }

    #[test]
    fn the_end_is_cut_at_ninety_decibels_below_the_peak() {
        let mut samples = vec![0.0; 1_000];
        (samples[3], samples[500], samples[700]) = (1.0, 3.3e-5, 3.0e-5);
        let response = ImpulseResponse::new(&mono(&samples, 48_000), rate(48_000), IrLevel::File).expect("plays");
        assert_eq!(response.channels()[0].len(), 501);
        assert!((response.cut_seconds() - 499.0 / 48_000.0).abs() < 1e-12);
        // Stereo: the longer channel counts.
        let stereo = Recording {
            channels: vec![vec![1.0, 0.0, 0.0], vec![0.5, 0.0, 0.1]],
            rate: rate(48_000),
        };
        let response = ImpulseResponse::new(&stereo, rate(48_000), IrLevel::File).expect("plays");
        assert_eq!(response.channels(), [[1.0, 0.0, 0.0], [0.5, 0.0, 0.1]]);
    }

    #[test]
    fn what_is_no_response_is_refused_with_a_sentence() {
        let refused = |recording: &Recording| {
            let error = ImpulseResponse::new(recording, rate(48_000), IrLevel::Field).expect_err("refused");
            error.to_string()
        };
        assert!(refused(&mono(&[], 48_000)).contains("zero frames"));
        assert!(refused(&mono(&[0.0; 9], 48_000)).contains("silent"));
        assert!(refused(&mono(&[0.0, f32::NAN], 48_000)).starts_with("frame 1 of channel 0 is NaN"));
        assert!(refused(&mono(&[0.0, -1e9], 48_000)).contains("normalise"));
        let mut long = vec![0.1; 1_001 * MAX_SECONDS as usize];
        assert!(refused(&mono(&long, 1_000)).contains("20.0 s long"));
        for sample in &mut long[1_000..] {
            *sample = 0.0;
        }
        assert!(
            ImpulseResponse::new(&mono(&long, 1_000), rate(8_000), IrLevel::Field).is_ok(),
            "a silent end"
        );
        let wide = Recording {
            channels: vec![vec![1.0]; 3],
            rate: rate(48_000),
        };
        assert!(refused(&wide).starts_with("3 channels"));
    }
}
