//! Where the model is wrong: the error's share of each harmonic, by the input's level and fundamental.

use crate::input::power_db;
use crate::pitch::Yin;
use crate::spectrum::{Windowed, window_size};

use realfft::num_complex::Complex;

/// Harmonics told apart; the first is the fundamental.
pub const HARMONICS: usize = 10;

/// Steps of level.
pub const LEVELS: usize = 10;

/// Lower edge of the first step, dBFS (RMS of the input).
pub const LOWEST_LEVEL_DB: f64 = -60.0;

/// Width of a step of level, dB.
pub const LEVEL_STEP_DB: f64 = 6.0;

/// Middles of the bands of the fundamental, Hz: third octaves (IEC 61260 nominal).
pub const BANDS_HZ: [f64; 18] = [
    40.0, 50.0, 63.0, 80.0, 100.0, 125.0, 160.0, 200.0, 250.0, 315.0, 400.0, 500.0, 630.0, 800.0, 1_000.0, 1_250.0,
    1_600.0, 2_000.0,
];

/// Dips of YIN above this are no stable pitch.
const APERIODIC: f64 = 0.2;

/// The pitches of both parts of a window differ by at most this ratio.
const STABLE: f64 = 1.03;

/// What was heard at one level and fundamental.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// Windows heard.
    pub windows: u32,
    error: f64,
    reference: f64,
    errors: [f64; HARMONICS],
    references: [f64; HARMONICS],
}

impl Cell {
    /// Energy of the error over that of the reference, dB: −∞ … about 0, more if the model is worse than silence. `None` if nothing
    /// was heard.
    pub fn error_db(&self) -> Option<f64> {
        (self.reference > 0.0).then(|| power_db(self.error / self.reference))
    }

    /// The same around harmonic `number` (1 ..= [`HARMONICS`]). `None` if the reference has nothing there, by −50 dB of all it has (the window leaks that much).
    pub fn harmonic_db(&self, number: usize) -> Option<f64> {
        let index = number.checked_sub(1)?;
        let (error, reference) = (self.errors.get(index)?, self.references.get(index)?);
        (*reference > 1e-5 * self.reference).then(|| power_db(error / reference))
    }

    /// The error around harmonic `number` over *all* of the reference, dB: how much of the whole remainder lies there.
    pub fn share_db(&self, number: usize) -> Option<f64> {
        let error = self.errors.get(number.checked_sub(1)?)?;
        (self.reference > 0.0).then(|| power_db(error / self.reference))
    }
}

/// Cells of level × fundamental, filled with windows of stable pitch.
pub struct ErrorMap {
    cells: Vec<Cell>,
    windows: u64,
    unused: u64,
    yin: Option<Yin>,
    rate: f64,
    transform: Windowed,
    error: Vec<f32>,
}

impl ErrorMap {
    /// For that rate in Hz. Windows are of 4096 frames at 48 kHz, and of twice that per octave of rate above.
    pub fn new(rate: f64) -> Self {
        let size = window_size(rate);
        Self {
            cells: vec![Cell::default(); LEVELS * BANDS_HZ.len()],
            windows: 0,
            unused: 0,
            yin: Yin::new(rate, 38.0, 2_300.0, size * 3 / 4, APERIODIC),
            rate,
            transform: Windowed::new(size),
            error: vec![0.0; size],
        }
    }

    /// Frames of a window.
    pub fn window(&self) -> usize {
        self.transform.size()
    }

    /// Takes what was played: the input, the device's answer and the model's, all mono, aligned and of one gain. Windows follow each
    /// other by half; what is left at the end is not kept. Signals of different lengths are cut to the shortest.
    pub fn add(&mut self, input: &[f32], reference: &[f32], model: &[f32]) {
        let size = self.window();
        let frames = input.len().min(reference.len()).min(model.len());
        let mut start = 0;
        while start + size <= frames {
            let range = start..start + size;
            self.add_window(&input[range.clone()], &reference[range.clone()], &model[range]);
            start += size / 2;
        }
    }

    fn add_window(&mut self, input: &[f32], reference: &[f32], model: &[f32]) {
        self.windows += 1;
        let Some((level, band, hz)) = self.place(input) else {
            self.unused += 1;
            return;
        };
        for ((to, r), m) in self.error.iter_mut().zip(reference).zip(model) {
            *to = r - m;
        }
        let width = self.rate / self.transform.size() as f64;
        let reach = (hz / width / 2.0).min(2.5);
        let cell = &mut self.cells[level * BANDS_HZ.len() + band];
        let gather = |bins: &[Complex<f64>], all: &mut f64, each: &mut [f64; HARMONICS]| {
            // Constant parts are no sound.
            *all += bins.iter().skip(2).map(Complex::norm_sqr).sum::<f64>();
            for (index, to) in each.iter_mut().enumerate() {
                let middle = (index + 1) as f64 * hz / width;
                let (first, last) = ((middle - reach).ceil() as usize, (middle + reach).floor() as usize);
                if last < bins.len() {
                    *to += bins[first..=last].iter().map(Complex::norm_sqr).sum::<f64>();
                }
            }
        };
        gather(
            self.transform.bins(reference),
            &mut cell.reference,
            &mut cell.references,
        );
        gather(self.transform.bins(&self.error), &mut cell.error, &mut cell.errors);
        cell.windows = cell.windows.saturating_add(1);
    }

    /// Level, band and fundamental of a window of stable pitch.
    fn place(&mut self, input: &[f32]) -> Option<(usize, usize, f64)> {
        let square: f64 = input.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
        let level = (power_db(square / input.len() as f64) - LOWEST_LEVEL_DB) / LEVEL_STEP_DB;
        if level.is_nan() || level < 0.0 {
            return None;
        }
        let yin = self.yin.as_mut()?;
        let part = yin.size();
        let first = yin.estimate(input.get(..part)?)?;
        let second = yin.estimate(input.get(input.len().checked_sub(part)?..)?)?;
        let ratio = first.hz / second.hz;
        if first.aperiodicity > APERIODIC
            || second.aperiodicity > APERIODIC
            || !(1.0 / STABLE..=STABLE).contains(&ratio)
        {
            return None;
        }
        let hz = (first.hz * second.hz).sqrt();
        let band = (3.0 * (hz / BANDS_HZ[0]).log2())
            .round()
            .clamp(0.0, BANDS_HZ.len() as f64 - 1.0);
        Some(((level as usize).min(LEVELS - 1), band as usize, hz))
    }

    /// The cell of that step of level (0 is the quietest) and band of the fundamental; `None` out of range.
    pub fn cell(&self, level: usize, band: usize) -> Option<&Cell> {
        (level < LEVELS && band < BANDS_HZ.len()).then(|| &self.cells[level * BANDS_HZ.len() + band])
    }

    /// All cells, `[levels, bands]`.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Windows heard, and how many of them were of no stable pitch or too quiet.
    pub fn windows(&self) -> (u64, u64) {
        (self.windows, self.unused)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.cells.fill(Cell::default());
        self.windows = 0;
        self.unused = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, amplitude: f64, third: f64, frames: usize) -> Vec<f32> {
        (0..frames)
            .map(|n| {
                let t = std::f64::consts::TAU * hz * n as f64 / 48_000.0;
                (amplitude * (t.sin() + third * (3.0 * t).sin())) as f32
            })
            .collect()
    }

    #[test]
    fn a_wrong_third_harmonic_is_seen_at_its_level_and_pitch() {
        let mut map = ErrorMap::new(48_000.0);
        let input = tone(110.0, 0.1, 0.0, 48_000);
        // The device has a third harmonic of 20 %, the model one of 18 %.
        map.add(&input, &tone(110.0, 0.5, 0.2, 48_000), &tone(110.0, 0.5, 0.18, 48_000));
        // RMS −23 dBFS: step 6 (−24 … −18).
        let cell = map.cell(6, 4).expect("in range");
        assert_eq!(cell.windows, 22, "{:?}", map.windows());
        assert!(
            (cell.harmonic_db(3).expect("there") + 20.0).abs() < 0.1,
            "{:?}",
            cell.harmonic_db(3)
        );
        assert!(cell.harmonic_db(1).expect("there") < -60.0);
        assert_eq!(cell.harmonic_db(2), None);
        assert_eq!((cell.harmonic_db(0), cell.harmonic_db(11)), (None, None));
        let expected = power_db(0.02f64.powi(2) / (1.0 + 0.2f64.powi(2)));
        assert!((cell.error_db().expect("heard") - expected).abs() < 0.1);
        assert!((cell.share_db(3).expect("heard") - expected).abs() < 0.1);
        assert_eq!(map.cells().iter().filter(|cell| cell.windows > 0).count(), 1);
        assert_eq!(map.cell(LEVELS, 0), None);
        map.clear();
        assert_eq!(map.windows(), (0, 0));
    }

    #[test]
    fn what_has_no_pitch_is_left_out() {
        let mut map = ErrorMap::new(44_100.0);
        let mut state = 1u32;
        let noise: Vec<f32> = (0..20_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (f64::from(state >> 16) / 32_768.0 - 1.0) as f32
            })
            .collect();
        map.add(&noise, &noise, &noise);
        map.add(&[0.0; 9_000], &[0.0; 9_000], &[0.0; 9_000]);
        map.add(&[f32::NAN; 9_000], &[f32::NAN; 9_000], &[0.0; 9_000]);
        map.add(&[0.5; 10], &[], &[0.0; 9_000]);
        let (heard, unused) = map.windows();
        assert_eq!(heard, unused);
        assert!(heard > 0);
        // Rates without a definition give no cells, and no panic.
        ErrorMap::new(f64::NAN).add(&[0.1; 9_000], &[0.1; 9_000], &[0.1; 9_000]);
    }
}
