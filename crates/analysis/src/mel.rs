//! Mel spectrograms, the distance between them, and mel-frequency cepstral coefficients, as librosa 0.11 with its defaults.
//!
//! * Spectrogram: periodic Hann windows of [`FFT`] frames centred at multiples of [`HOP`], silence beyond the ends; power.
//! * Mel bands: Slaney's *Auditory Toolbox* (1998): linear to 1 kHz (15 mels of 66.7 Hz), logarithmic above (27 mels per factor 6.4);
//!   triangles whose area is one, from 0 Hz to half the rate. [`BANDS`] of them.
//! * Decibels: `10 · log₁₀ max(power, 10⁻¹⁰)`, of samples of ±1 full scale.
//! * MFCC (Davis and Mermelstein 1980): the first [`COEFFICIENTS`] of the orthonormal DCT-II of a spectrum in dB that is cut 80 dB below the
//!   signal's loudest value. The first of them is the level.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use crate::input::{Unmeasurable, finite, pair, sample_rate};
use crate::stft::hann;

/// Frames of a window.
pub const FFT: usize = 2048;

/// Frames between windows.
pub const HOP: usize = 512;

/// Mel bands.
pub const BANDS: usize = 128;

/// Cepstral coefficients.
pub const COEFFICIENTS: usize = 13;

/// The least power of a band: −100 dB.
pub const FLOOR: f64 = 1e-10;

/// What is more than this below the loudest value is raised to it before the DCT, dB.
const TOP_DB: f64 = 80.0;

/// Frequency of a mel, Hz (Slaney).
pub fn hz_of_mel(mel: f64) -> f64 {
    let linear = mel * 200.0 / 3.0;
    if linear < 1_000.0 {
        linear
    } else {
        1_000.0 * (6.4f64.ln() / 27.0 * (mel - 15.0)).exp()
    }
}

/// Mel of a frequency in Hz (Slaney).
pub fn mel_of_hz(hz: f64) -> f64 {
    if hz < 1_000.0 {
        hz * 3.0 / 200.0
    } else {
        15.0 + (hz / 1_000.0).ln() * 27.0 / 6.4f64.ln()
    }
}

/// Triangular filters over the bins of a transform.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterBank {
    /// First bin and weights of each band.
    bands: Vec<(usize, Vec<f64>)>,
    centres: Vec<f64>,
}

impl FilterBank {
    /// `bands` filters from 0 Hz to half of `rate` over the bins of transforms of `fft` frames.
    ///
    /// # Errors
    ///
    /// A rate outside 1 kHz … 1 MHz.
    pub fn new(rate: f64, fft: usize, bands: usize) -> Result<Self, Unmeasurable> {
        let rate = sample_rate(rate)?;
        let top = mel_of_hz(rate / 2.0);
        let edges: Vec<f64> = (0..bands + 2)
            .map(|edge| hz_of_mel(top * edge as f64 / (bands + 1) as f64))
            .collect();
        let width = rate / fft.max(1) as f64;
        let bins = fft / 2 + 1;
        let filter = |edge: &[f64]| {
            let weight = |bin: usize| {
                let hz = bin as f64 * width;
                let rise = (hz - edge[0]) / (edge[1] - edge[0]);
                let fall = (edge[2] - hz) / (edge[2] - edge[1]);
                rise.min(fall).max(0.0) * 2.0 / (edge[2] - edge[0])
            };
            let first = ((edge[0] / width) as usize).min(bins);
            let last = ((edge[2] / width) as usize + 2).min(bins);
            (first, (first..last).map(weight).collect())
        };
        Ok(Self {
            bands: edges.windows(3).map(filter).collect(),
            centres: edges.get(1..=bands).unwrap_or(&[]).to_vec(),
        })
    }

    /// Middle of each band, Hz.
    pub fn centres(&self) -> &[f64] {
        &self.centres
    }

    /// First bin and weights of each band.
    pub fn bands(&self) -> &[(usize, Vec<f64>)] {
        &self.bands
    }

    /// The weighted sum of `power` in each band, appended to `out`.
    fn apply(&self, power: &[f64], out: &mut Vec<f64>) {
        for (first, weights) in &self.bands {
            let sum: f64 = power.iter().skip(*first).zip(weights).map(|(p, w)| p * w).sum();
            out.push(sum);
        }
    }
}

/// Mel powers over time.
#[derive(Clone, Debug, PartialEq)]
pub struct MelSpectrogram {
    /// `[frames, bands]`.
    power: Vec<f64>,
    bands: usize,
    /// Middles of the bands, Hz.
    centres: Vec<f64>,
    /// Seconds between frames; the first is centred at 0 s.
    pub seconds_per_frame: f64,
}

impl MelSpectrogram {
    /// Of a mono signal at `rate` Hz. One frame per [`HOP`] frames of the signal, and one more: at least one.
    ///
    /// # Errors
    ///
    /// An empty signal, a sample that is no number, or a rate outside 1 kHz … 1 MHz.
    pub fn new(signal: &[f32], rate: f64) -> Result<Self, Unmeasurable> {
        if signal.is_empty() {
            return Err(Unmeasurable::TooShort {
                what: "the signal",
                frames: 0,
                needed: 1,
            });
        }
        finite("the signal", signal)?;
        let bank = FilterBank::new(rate, FFT, BANDS)?;
        let mut stft = Stft::new();
        let count = signal.len() / HOP + 1;
        let mut power = Vec::with_capacity(count * BANDS);
        for frame in 0..count {
            bank.apply(stft.power(signal, frame * HOP), &mut power);
        }
        Ok(Self {
            power,
            bands: BANDS,
            centres: bank.centres,
            seconds_per_frame: HOP as f64 / rate,
        })
    }

    /// Bands.
    pub fn bands(&self) -> usize {
        self.bands
    }

    /// Frames.
    pub fn len(&self) -> usize {
        self.power.len() / self.bands
    }

    /// Never: there is at least one frame.
    pub fn is_empty(&self) -> bool {
        self.power.is_empty()
    }

    /// Middle of each band, Hz.
    pub fn centres(&self) -> &[f64] {
        &self.centres
    }

    /// Powers `[bands]` of each frame.
    pub fn frames(&self) -> impl Iterator<Item = &[f64]> {
        self.power.chunks_exact(self.bands)
    }

    /// Decibels `[frames, bands]`, not below −100.
    pub fn decibels(&self) -> Vec<f64> {
        self.power.iter().map(|power| 10.0 * power.max(FLOOR).log10()).collect()
    }

    /// Cepstral coefficients of each frame.
    pub fn mfcc(&self) -> Vec<[f64; COEFFICIENTS]> {
        let mut decibels = self.decibels();
        let loudest = decibels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for value in &mut decibels {
            *value = value.max(loudest - TOP_DB);
        }
        let cosines: Vec<Vec<f64>> = (0..COEFFICIENTS)
            .map(|k| {
                let scale = (if k == 0 { 1.0 } else { 2.0 } / self.bands as f64).sqrt();
                let angle = |n: usize| std::f64::consts::PI * k as f64 * (n as f64 + 0.5) / self.bands as f64;
                (0..self.bands).map(|n| scale * angle(n).cos()).collect()
            })
            .collect();
        decibels
            .chunks_exact(self.bands)
            .map(|frame| {
                let mut out = [0.0; COEFFICIENTS];
                for (to, cosines) in out.iter_mut().zip(&cosines) {
                    *to = frame.iter().zip(cosines).map(|(f, c)| f * c).sum();
                }
                out
            })
            .collect()
    }
}

/// Cepstral coefficients of each frame of a mono signal.
///
/// # Errors
///
/// As [`MelSpectrogram::new`].
pub fn mfcc(signal: &[f32], rate: f64) -> Result<Vec<[f64; COEFFICIENTS]>, Unmeasurable> {
    Ok(MelSpectrogram::new(signal, rate)?.mfcc())
}

/// Mel-spectrogram distance: the mean of `|T − E|` over frames and bands, `T`, `E` the mel spectrograms of target and estimate in dB (not
/// below −100 dB); dB, over the shorter of both.
///
/// # Errors
///
/// No frame in common, a sample that is no number, or a rate outside 1 kHz … 1 MHz. Silence is measurable.
pub fn distance(target: &[f32], estimate: &[f32], rate: f64) -> Result<f64, Unmeasurable> {
    let (target, estimate) = pair(target, estimate, 1)?;
    let (target, estimate) = (MelSpectrogram::new(target, rate)?, MelSpectrogram::new(estimate, rate)?);
    let apart = |(t, e): (&f64, &f64)| (10.0 * (t.max(FLOOR) / e.max(FLOOR)).log10()).abs();
    let sum: f64 = target.power.iter().zip(&estimate.power).map(apart).sum();
    Ok(sum / target.power.len() as f64)
}

/// Powers of centred windows.
struct Stft {
    forward: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    input: Vec<f64>,
    bins: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    power: Vec<f64>,
}

impl Stft {
    fn new() -> Self {
        let forward = RealFftPlanner::<f64>::new().plan_fft_forward(FFT);
        Self {
            window: hann(FFT),
            input: forward.make_input_vec(),
            bins: forward.make_output_vec(),
            scratch: forward.make_scratch_vec(),
            power: vec![0.0; FFT / 2 + 1],
            forward,
        }
    }

    fn power(&mut self, signal: &[f32], centre: usize) -> &[f64] {
        for (n, (to, weight)) in self.input.iter_mut().zip(&self.window).enumerate() {
            let sample = (centre + n).checked_sub(FFT / 2).and_then(|at| signal.get(at));
            *to = sample.map_or(0.0, |sample| f64::from(*sample) * weight);
        }
        // Sizes are those of the plan.
        let _ = self
            .forward
            .process_with_scratch(&mut self.input, &mut self.bins, &mut self.scratch);
        for (to, bin) in self.power.iter_mut().zip(&self.bins) {
            *to = bin.norm_sqr();
        }
        &self.power
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mels_and_hertz_are_inverse() {
        for hz in [0.0, 20.0, 440.0, 999.0, 1_000.0, 1_001.0, 6_400.0, 20_000.0] {
            assert!((hz_of_mel(mel_of_hz(hz)) - hz).abs() < 1e-9);
        }
        assert!((mel_of_hz(1_000.0) - 15.0).abs() < 1e-12 && (mel_of_hz(6_400.0) - 42.0).abs() < 1e-12);
    }

    #[test]
    fn a_sine_lies_in_its_band_and_a_gain_is_its_decibels() {
        let sine: Vec<f32> = (0..24_000)
            .map(|n| (0.5 * (std::f64::consts::TAU * 2_000.0 * f64::from(n) / 48_000.0).sin()) as f32)
            .collect();
        let mel = MelSpectrogram::new(&sine, 48_000.0).expect("a signal");
        assert_eq!((mel.len(), mel.bands(), mel.is_empty()), (47, BANDS, false));
        let middle = mel.frames().nth(20).expect("a frame");
        let (band, _) = middle
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .expect("bands");
        assert!((mel.centres()[band] / 2_000.0 - 1.0).abs() < 0.04);
        let noisy: Vec<f32> = (0..24_000u32)
            .map(|n| (n.wrapping_mul(n).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 - 0.5)
            .collect();
        let half: Vec<f32> = noisy.iter().map(|s| 0.5 * s).collect();
        let apart = distance(&noisy, &half, 48_000.0).expect("signals");
        assert!((apart - 20.0 * 2f64.log10()).abs() < 1e-3, "{apart}");
        assert_eq!(distance(&noisy, &noisy, 48_000.0), Ok(0.0));
    }

    #[test]
    fn short_silent_and_broken_signals() {
        let one = MelSpectrogram::new(&[0.5], 48_000.0).expect("one frame");
        assert_eq!((one.len(), one.mfcc().len()), (1, 1));
        let silent = mfcc(&[0.0; 5_000], 44_100.0).expect("silence");
        assert!(
            silent
                .iter()
                .all(|frame| (frame[0] + 100.0 * (BANDS as f64).sqrt()).abs() < 1e-9 && frame[1].abs() < 1e-9)
        );
        assert!(mfcc(&[], 48_000.0).is_err() && mfcc(&[f32::NAN], 48_000.0).is_err() && mfcc(&[0.0], 0.0).is_err());
        assert!(distance(&[], &[0.0], 48_000.0).is_err());
        // More bands than a low rate has bins.
        assert!(
            mfcc(&[0.1; 5_000], 1_000.0).is_ok_and(|frames| frames.iter().flatten().all(|value| value.is_finite()))
        );
    }
}
