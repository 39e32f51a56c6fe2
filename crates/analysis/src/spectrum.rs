//! Averaged magnitude spectra, fed with blocks and read by whoever draws them.
//!
//! Windows of [`Averager::size`] frames (periodic Hann, each begins half a window after the last), power averaged over the channels and,
//! exponentially, over time. In *dBFS of a sine*: a sine of amplitude 1 in the middle of a bin reads 0 dB. Noise reads lower the finer
//! the bins are. (Heinzel, Rüdiger and Schilling 2002 call this the power spectrum `PS`, times 2.)

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex};

use crate::input::power_db;
use crate::stft::hann;

/// Frames of a window, unless another size is asked for.
pub const SIZE: usize = 4096;

/// [`SIZE`] at 48 kHz and below, twice that per octave of rate above: windows of about one length in time.
pub(crate) fn window_size(rate: f64) -> usize {
    let octaves = (rate / 48_000.0).log2().round().clamp(0.0, 4.0);
    SIZE << (if octaves.is_finite() { octaves as u32 } else { 0 })
}

/// What silence reads, dBFS.
pub const FLOOR_DB: f32 = -160.0;

/// A running average of spectra of 1 or 2 channels.
pub struct Averager {
    transform: Windowed,
    rate: f64,
    /// What is left of the average after half a window.
    keep: f64,
    /// The last frames of each channel, filled up to `filled`.
    past: Vec<Vec<f32>>,
    filled: usize,
    power: Vec<f64>,
    windows: u64,
}

impl Averager {
    /// For that rate in Hz and number of channels (1 or 2; others are taken as the nearest), with windows of [`SIZE`] frames. The
    /// average forgets with `time_constant` seconds; 0: only the last window counts.
    pub fn new(rate: f64, channels: usize, time_constant: f64) -> Self {
        Self::with_size(rate, channels, time_constant, SIZE)
    }

    /// As [`Self::new`], with windows of `size` frames: made even, 64 ..= 65,536.
    pub fn with_size(rate: f64, channels: usize, time_constant: f64, size: usize) -> Self {
        let size = size.clamp(64, 65_536) & !1;
        let rate = if rate.is_finite() && rate > 0.0 { rate } else { 48_000.0 };
        let hop = (size / 2) as f64 / rate;
        Self {
            transform: Windowed::new(size),
            rate,
            keep: if time_constant > 0.0 {
                (-hop / time_constant).exp()
            } else {
                0.0
            },
            past: vec![vec![0.0; size]; channels.clamp(1, 2)],
            filled: 0,
            power: vec![0.0; size / 2 + 1],
            windows: 0,
        }
    }

    /// Frames of a window.
    pub fn size(&self) -> usize {
        self.transform.size()
    }

    /// Whether a whole window has been heard since the start or the last [`Self::reset`].
    pub fn is_ready(&self) -> bool {
        self.windows > 0
    }

    /// Takes the next frames of each channel. Channels too many are ignored, missing ones and samples that are no numbers are silent.
    pub fn feed(&mut self, channels: &[&[f32]]) {
        let frames = channels.iter().map(|channel| channel.len()).max().unwrap_or(0);
        let size = self.size();
        let mut done = 0;
        while done < frames {
            let take = (size - self.filled).min(frames - done);
            for (index, past) in self.past.iter_mut().enumerate() {
                let channel = channels.get(index).copied().unwrap_or(&[]);
                for (offset, to) in past[self.filled..self.filled + take].iter_mut().enumerate() {
                    let sample = channel.get(done + offset).copied().unwrap_or(0.0);
                    *to = if sample.is_finite() { sample } else { 0.0 };
                }
            }
            self.filled += take;
            done += take;
            if self.filled == size {
                self.window();
                for past in &mut self.past {
                    past.copy_within(size / 2.., 0);
                }
                self.filled = size / 2;
            }
        }
    }

    fn window(&mut self) {
        // The first window is taken as it is, later ones by their share.
        let keep = if self.windows == 0 { 0.0 } else { self.keep };
        let share = (1.0 - keep) / self.past.len() as f64;
        for power in &mut self.power {
            *power *= keep;
        }
        for past in &self.past {
            self.transform.add_power(past, share, &mut self.power);
        }
        self.windows += 1;
    }

    /// Mean power of each bin, 0 ..= half the rate in steps of `rate / size`; a full-scale sine is 1.
    pub fn power(&self) -> &[f64] {
        &self.power
    }

    /// The spectrum at the points of an axis, in dBFS, not below [`FLOOR_DB`].
    pub fn draw(&self, axis: &LogAxis) -> Vec<f32> {
        axis.draw(&self.power, self.rate)
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.filled = 0;
        self.windows = 0;
        self.power.fill(0.0);
    }
}

/// Points at equal distances on a logarithmic axis of frequency.
#[derive(Clone, Debug, PartialEq)]
pub struct LogAxis {
    edges: Vec<f64>,
}

impl LogAxis {
    /// `points` points between `low` and `high` Hz (0 < low < high; otherwise 20 Hz … 20 kHz).
    pub fn new(low: f64, high: f64, points: usize) -> Self {
        let (low, high) = if low > 0.0 && high > low && high.is_finite() {
            (low, high)
        } else {
            (20.0, 20_000.0)
        };
        let ratio = (high / low).ln();
        let edges = (0..=points)
            .map(|edge| low * (ratio * edge as f64 / points.max(1) as f64).exp())
            .collect();
        Self { edges }
    }

    /// The middle of each point's range, Hz.
    pub fn frequencies(&self) -> impl Iterator<Item = f64> + '_ {
        self.edges.windows(2).map(|edge| (edge[0] * edge[1]).sqrt())
    }

    /// One figure in dBFS per point from the powers of the bins 0 ..= `rate / 2`: the loudest bin in the point's range, or, where bins
    /// lie further apart than points, the power between the two bins around it. Points above half the rate are at [`FLOOR_DB`].
    pub fn draw(&self, power: &[f64], rate: f64) -> Vec<f32> {
        let last = power.len().saturating_sub(1);
        let width = rate / 2.0 / last.max(1) as f64;
        self.edges
            .windows(2)
            .map(|edge| {
                let (from, to) = (edge[0] / width, edge[1] / width);
                let (first, end) = (from.ceil() as usize, (to.ceil() as usize).min(power.len()));
                let value = if (from + to) / 2.0 > last as f64 {
                    0.0
                } else if first < end {
                    power[first..end].iter().copied().fold(0.0, f64::max)
                } else {
                    let place = (from + to) / 2.0;
                    let bin = (place as usize).min(last.saturating_sub(1));
                    let share = place - bin as f64;
                    let at = |bin: usize| power.get(bin).copied().unwrap_or(0.0);
                    (1.0 - share) * at(bin) + share * at(bin + 1)
                };
                (power_db(value) as f32).max(FLOOR_DB)
            })
            .collect()
    }
}

/// The mean power spectrum of a whole signal, as [`Averager`] with all windows counting alike. A signal shorter than a window is filled up
/// with silence; an empty one has no spectrum.
pub fn mean_power(signal: &[f32], size: usize) -> Option<Vec<f64>> {
    if signal.is_empty() {
        return None;
    }
    let size = size.clamp(64, 65_536) & !1;
    let mut transform = Windowed::new(size);
    let mut power = vec![0.0; size / 2 + 1];
    let mut windows = 0.0;
    let mut start = 0;
    while start == 0 || start + size <= signal.len() {
        let end = (start + size).min(signal.len());
        transform.add_power(&signal[start..end], 1.0, &mut power);
        windows += 1.0;
        start += size / 2;
    }
    for value in &mut power {
        *value /= windows;
    }
    Some(power)
}

/// A Hann window and its transform.
pub(crate) struct Windowed {
    forward: Arc<dyn RealToComplex<f64>>,
    window: Vec<f64>,
    input: Vec<f64>,
    bins: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    /// Makes the power of a full-scale sine 1.
    scale: f64,
}

impl Windowed {
    pub(crate) fn new(size: usize) -> Self {
        let forward = RealFftPlanner::<f64>::new().plan_fft_forward(size);
        let window = hann(size);
        let gain: f64 = window.iter().sum();
        Self {
            input: forward.make_input_vec(),
            bins: forward.make_output_vec(),
            scratch: forward.make_scratch_vec(),
            window,
            scale: (2.0 / gain).powi(2),
            forward,
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.window.len()
    }

    /// Adds `share` times the power of each bin to `power`. Frames that are missing or no numbers are silent.
    pub(crate) fn add_power(&mut self, frames: &[f32], share: f64, power: &mut [f64]) {
        let scale = share * self.scale;
        for (to, bin) in power.iter_mut().zip(self.bins(frames)) {
            *to += scale * bin.norm_sqr();
        }
    }

    /// The transform of windowed frames, not scaled. Frames that are missing or no numbers are silent.
    pub(crate) fn bins(&mut self, frames: &[f32]) -> &[Complex<f64>] {
        self.input.fill(0.0);
        for ((to, from), weight) in self.input.iter_mut().zip(frames).zip(&self.window) {
            *to = if from.is_finite() {
                f64::from(*from) * weight
            } else {
                0.0
            };
        }
        // Sizes are those of the plan.
        let _ = self
            .forward
            .process_with_scratch(&mut self.input, &mut self.bins, &mut self.scratch);
        &self.bins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, amplitude: f64, frames: usize) -> Vec<f32> {
        (0..frames)
            .map(|n| (amplitude * (std::f64::consts::TAU * hz * n as f64 / 48_000.0).sin()) as f32)
            .collect()
    }

    #[test]
    fn a_sine_reads_its_amplitude_whatever_the_blocks() {
        let hz = 48_000.0 / 4096.0 * 100.0;
        let signal = sine(hz, 0.1, 48_000);
        let axis = LogAxis::new(20.0, 20_000.0, 300);
        let mut whole = Averager::new(48_000.0, 1, 0.3);
        whole.feed(&[&signal]);
        let mut cut = Averager::new(48_000.0, 1, 0.3);
        let mut rest = signal.as_slice();
        for frames in [1, 500, 4096, 7].iter().cycle() {
            let (now, later) = rest.split_at((*frames).min(rest.len()));
            cut.feed(&[now]);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(whole.power(), cut.power());
        assert!((power_db(whole.power()[100]) + 20.0).abs() < 1e-3);
        let drawn = whole.draw(&axis);
        let (point, level) = drawn
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .expect("points");
        assert!((level + 20.0).abs() < 0.01, "{level}");
        let at = axis.frequencies().nth(point).expect("a point");
        assert!((at / hz - 1.0).abs() < 0.03, "{at} {hz}");
        assert!(drawn[0] < -100.0 && drawn[299] < -100.0);
    }

    #[test]
    fn the_average_forgets_with_its_time_constant() {
        let mut average = Averager::new(48_000.0, 1, 0.5);
        average.feed(&[&sine(1171.875, 1.0, 48_000)]);
        // Half a time constant is 12,000 frames; whole windows of silence come after it.
        average.feed(&[&[0.0; 4096]]);
        let before = average.power()[100];
        average.feed(&[&[0.0; 2048 * 10]]);
        let expected = (-20_480.0f64 / 24_000.0).exp();
        assert!((average.power()[100] / before - expected).abs() < 1e-6);
        average.reset();
        assert!(!average.is_ready() && average.power()[100] == 0.0);
    }

    #[test]
    fn two_channels_are_averaged_and_bad_input_is_silent() {
        let mut average = Averager::new(48_000.0, 2, 0.0);
        average.feed(&[&sine(1171.875, 1.0, 4096), &[f32::NAN; 4096]]);
        assert!((average.power()[100] - 0.5).abs() < 1e-6);
        average.feed(&[]);
        average.feed(&[&[], &[]]);
        assert!(
            Averager::new(f64::NAN, 9, -1.0)
                .draw(&LogAxis::new(0.0, -1.0, 0))
                .is_empty()
        );
        assert_eq!(mean_power(&[], 4096), None);
        assert!(mean_power(&[1.0; 10], 4096).is_some_and(|power| power.len() == 2049));
    }
}
