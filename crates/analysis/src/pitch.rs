//! Fundamental frequency by YIN, and what a passage's pitches are like as a whole.
//!
//! YIN: de Cheveigné and Kawahara, *YIN, a fundamental frequency estimator for speech and music*, JASA 111(4), 2002, steps 1 to 5: the
//! difference function over a window of one longest period (eq. 6, by FFT), divided by its cumulative mean (eq. 8), the first dip below a
//! threshold, a parabola through the dip. Step 6 (the best estimate nearby in time) is left out. A frame is *voiced* if its dip is
//! below the threshold.

use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex, num_complex::Complex};

use crate::input::{Unmeasurable, finite, power_db, sample_rate};

/// The paper's threshold for *aperiodicity*.
pub const THRESHOLD: f64 = 0.1;

/// Range of [`track`], Hz: the low B of a bass to the highest frets of a guitar.
pub const RANGE_HZ: (f64, f64) = (30.0, 2_000.0);

/// Quieter frames are not voiced, dBFS (RMS).
pub const QUIET_DB: f64 = -60.0;

/// What one frame sounds like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pitch {
    /// Fundamental frequency, Hz.
    pub hz: f64,
    /// The dip's depth, 0 (periodic) to about 1 (noise).
    pub aperiodicity: f64,
}

/// Finds the fundamental of frames of one size.
pub struct Yin {
    rate: f64,
    lags: std::ops::Range<usize>,
    size: usize,
    threshold: f64,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    whole: Vec<f64>,
    start: Vec<f64>,
    whole_bins: Vec<Complex<f64>>,
    start_bins: Vec<Complex<f64>>,
    normal: Vec<f64>,
}

impl Yin {
    /// For frames of `size` samples at `rate` Hz and pitches of `low` ..= `high` Hz. `None` unless `0 < low < high ≤ rate / 4` and
    /// `size` is at least two periods of `low`.
    pub fn new(rate: f64, low: f64, high: f64, size: usize, threshold: f64) -> Option<Self> {
        if !(rate.is_finite() && low > 0.0 && low < high && high <= rate / 4.0) || rate / low > 1e6 {
            return None;
        }
        let (first, last) = ((rate / high).floor() as usize, (rate / low).ceil() as usize);
        if size < 2 * last {
            return None;
        }
        let mut planner = RealFftPlanner::<f64>::new();
        // The part compared is `size − last` long: circular correlation does not wrap at lags up to `last`.
        let fft = size.next_power_of_two();
        let (forward, inverse) = (planner.plan_fft_forward(fft), planner.plan_fft_inverse(fft));
        Some(Self {
            rate,
            lags: first.max(2)..last + 1,
            size,
            threshold,
            whole: forward.make_input_vec(),
            start: forward.make_input_vec(),
            whole_bins: forward.make_output_vec(),
            start_bins: forward.make_output_vec(),
            normal: vec![1.0; last + 2],
            forward,
            inverse,
        })
    }

    /// Samples of a frame.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The best pitch of the frame, voiced or not. `None` if the frame has another size, is silent, constant or no number, or has no dip in
    /// the range.
    pub fn estimate(&mut self, frame: &[f32]) -> Option<Pitch> {
        if frame.len() != self.size || finite("the frame", frame).is_err() {
            return None;
        }
        let last = self.lags.end;
        let window = self.size - last;
        let mean = frame.iter().map(|s| f64::from(*s)).sum::<f64>() / self.size as f64;
        self.whole.fill(0.0);
        self.start.fill(0.0);
        for (to, from) in self.whole.iter_mut().zip(frame) {
            *to = f64::from(*from) - mean;
        }
        self.start[..window].copy_from_slice(&self.whole[..window]);
        // Energy of the window at each lag.
        let mut energy: f64 = self.start.iter().map(|s| s * s).sum();
        let own = energy;
        if own <= 1e-20 * window as f64 {
            return None;
        }
        let energies: Vec<f64> = (0..last)
            .map(|lag| {
                let now = energy;
                energy += self.whole[lag + window].powi(2) - self.whole[lag].powi(2);
                now
            })
            .collect();
        self.forward.process(&mut self.whole, &mut self.whole_bins).ok()?;
        self.forward.process(&mut self.start, &mut self.start_bins).ok()?;
        for (whole, start) in self.whole_bins.iter_mut().zip(&self.start_bins) {
            *whole *= start.conj();
        }
        let edge = self.whole_bins.len() - 1;
        self.whole_bins[0].im = 0.0;
        self.whole_bins[edge].im = 0.0;
        self.inverse.process(&mut self.whole_bins, &mut self.whole).ok()?;
        let scale = 1.0 / self.whole.len() as f64;
        let mut sum = 0.0;
        self.normal[0] = 1.0;
        let lags = energies
            .iter()
            .zip(&self.whole)
            .zip(&mut self.normal)
            .enumerate()
            .skip(1);
        for (lag, ((energy, product), normal)) in lags {
            let difference = (own + energy - 2.0 * scale * product).max(0.0);
            sum += difference;
            *normal = if sum > 0.0 { difference * lag as f64 / sum } else { 1.0 };
        }
        let lag = self.dip()?;
        let (before, at, after) = (self.normal[lag - 1], self.normal[lag], self.normal[lag + 1]);
        let bend = before - 2.0 * at + after;
        let shift = if bend > 0.0 && lag + 1 < last {
            (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
        } else {
            0.0
        };
        Some(Pitch {
            hz: self.rate / (lag as f64 + shift),
            aperiodicity: (at - 0.25 * (before - after) * shift).clamp(0.0, 1.0),
        })
    }

    /// The first dip below the threshold, else the deepest.
    fn dip(&self) -> Option<usize> {
        let last = self.lags.end - 1;
        let mut lag = self.lags.start;
        while lag < last {
            if self.normal[lag] < self.threshold {
                while lag + 1 < last && self.normal[lag + 1] < self.normal[lag] {
                    lag += 1;
                }
                return Some(lag);
            }
            lag += 1;
        }
        self.lags
            .clone()
            .take_while(|lag| *lag < last)
            .min_by(|a, b| self.normal[*a].total_cmp(&self.normal[*b]))
    }
}

/// The pitch at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// The frame's middle, seconds.
    pub seconds: f64,
    /// Fundamental of a voiced frame.
    pub voiced: Option<Pitch>,
    /// The frame's RMS, dBFS.
    pub level_db: f64,
}

/// Pitches of `signal` every 10 ms, within [`RANGE_HZ`], with [`THRESHOLD`]; frames quieter than [`QUIET_DB`] are not voiced. A signal
/// shorter than a frame (67 ms) has none.
///
/// # Errors
///
/// A sample that is no number, or a rate outside 8 kHz … 1 MHz.
pub fn track(signal: &[f32], rate: f64) -> Result<Vec<Moment>, Unmeasurable> {
    sample_rate(rate)?;
    finite("the signal", signal)?;
    let (low, high) = RANGE_HZ;
    let size = 2 * (rate / low).ceil() as usize;
    let mut yin = Yin::new(rate, low, high, size, THRESHOLD).ok_or_else(|| Unmeasurable::Setting {
        what: "the sample rate",
        value: format!("{rate} Hz"),
    })?;
    let hop = (rate * 0.01).round() as usize;
    Ok(signal
        .windows(size)
        .step_by(hop)
        .enumerate()
        .map(|(index, frame)| {
            let square: f64 = frame.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
            let level_db = power_db(square / size as f64);
            Moment {
                seconds: (index * hop + size / 2) as f64 / rate,
                voiced: (level_db > QUIET_DB)
                    .then(|| yin.estimate(frame))
                    .flatten()
                    .filter(|pitch| pitch.aperiodicity < THRESHOLD),
                level_db,
            }
        })
        .collect())
}

/// A passage's pitches as a whole, after the metrics *number of pitches*, *pitch entropy* and *pitch range* used for generated music.
/// Pitches are rounded to the nearest note of equal temperament at 440 Hz, numbered as in MIDI, 0 ..= 127.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PitchStatistics {
    /// Frames in all.
    pub frames: usize,
    /// Voiced ones.
    pub voiced: usize,
    /// Number of different notes.
    pub pitches: usize,
    /// Highest less lowest voiced fundamental, Hz.
    pub range_hz: f64,
    /// The same in semitones.
    pub range_semitones: f64,
    /// Lowest voiced fundamental, Hz.
    pub lowest_hz: f64,
    /// Highest voiced fundamental, Hz.
    pub highest_hz: f64,
    /// `−Σ P(note) log₂ P(note)` over the 128 notes, `P` a note's share of the voiced frames; bits, 0 for a single note.
    pub entropy_bits: f64,
}

/// The statistics of what [`track`] found; `None` if nothing is voiced.
pub fn statistics(moments: &[Moment]) -> Option<PitchStatistics> {
    let mut notes = [0usize; 128];
    let (mut lowest, mut highest, mut voiced) = (f64::INFINITY, 0.0f64, 0);
    for hz in moments.iter().filter_map(|moment| moment.voiced.map(|pitch| pitch.hz)) {
        let note = (69.0 + 12.0 * (hz / 440.0).log2()).round().clamp(0.0, 127.0);
        notes[note as usize] += 1;
        lowest = lowest.min(hz);
        highest = highest.max(hz);
        voiced += 1;
    }
    if voiced == 0 {
        return None;
    }
    let entropy: f64 = notes
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = *count as f64 / voiced as f64;
            -share * share.log2()
        })
        .sum();
    Some(PitchStatistics {
        frames: moments.len(),
        voiced,
        pitches: notes.iter().filter(|count| **count > 0).count(),
        range_hz: highest - lowest,
        range_semitones: 12.0 * (highest / lowest).log2(),
        lowest_hz: lowest,
        highest_hz: highest,
        entropy_bits: entropy.max(0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, seconds: f64, rate: f64) -> Vec<f32> {
        (0..(seconds * rate) as usize)
            .map(|n| {
                let t = std::f64::consts::TAU * hz * n as f64 / rate;
                (0.2 * (1..7)
                    .map(|k| (f64::from(k) * t + f64::from(k * k)).sin() / f64::from(k))
                    .sum::<f64>()) as f32
            })
            .collect()
    }

    #[test]
    fn tones_are_found_at_any_rate() {
        for rate in [44_100.0, 48_000.0, 96_000.0] {
            for hz in [41.2, 82.41, 196.0, 440.0, 1_318.5] {
                let found = track(&tone(hz, 0.5, rate), rate).expect("a signal");
                assert!(found.len() > 30);
                for moment in &found {
                    let pitch = moment.voiced.expect("voiced");
                    assert!((pitch.hz / hz - 1.0).abs() < 2e-3, "{hz} {rate}: {pitch:?}");
                }
            }
        }
    }

    #[test]
    fn statistics_of_a_scale() {
        let mut signal = Vec::new();
        for hz in [110.0, 220.0, 440.0, 880.0] {
            signal.extend(tone(hz, 1.0, 48_000.0));
        }
        let found = statistics(&track(&signal, 48_000.0).expect("a signal")).expect("voiced");
        assert!(found.pitches >= 4 && found.pitches <= 7, "{found:?}");
        assert!((found.range_semitones - 36.0).abs() < 0.1, "{found:?}");
        assert!(
            (found.range_hz - 770.0).abs() < 2.0 && (found.entropy_bits - 2.0).abs() < 0.15,
            "{found:?}"
        );
        let one = statistics(&track(&signal[..48_000], 48_000.0).expect("a signal")).expect("voiced");
        assert_eq!((one.pitches, one.entropy_bits), (1, 0.0));
    }

    #[test]
    fn noise_silence_and_bad_input_are_not_voiced() {
        let mut state = 1u32;
        let noise: Vec<f32> = (0..48_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (f64::from(state >> 16) / 32_768.0 - 1.0) as f32
            })
            .collect();
        for signal in [
            noise,
            vec![0.0; 48_000],
            vec![0.5; 48_000],
            tone(220.0, 1.0, 48_000.0).iter().map(|s| s * 1e-4).collect(),
        ] {
            let found = track(&signal, 48_000.0).expect("numbers");
            assert_eq!(statistics(&found), None);
        }
        assert!(
            track(&[], 48_000.0).expect("empty").is_empty() && track(&[0.1; 100], 48_000.0).expect("short").is_empty()
        );
        assert!(
            track(&[f32::NAN; 9], 48_000.0).is_err()
                && track(&[0.0; 9], 0.0).is_err()
                && track(&[0.0; 9], 2_000.0).is_err()
        );
        assert!(Yin::new(48_000.0, 40.0, 1_000.0, 100, 0.1).is_none());
    }
}
