//! The delay and polarity that a model has learned: what a capture carries of the way to the device and back.
//!
//! [`signal`] is an exponential sine sweep (Farina, *Simultaneous measurement of impulse response and distortion with a swept-sine
//! technique*, AES 108, 2000) so quiet ([`LEVEL_DB`]) that most gear is nearly linear, followed by silence. Played through the model,
//! its output divided by the sweep's spectrum is the model's response; what nonlinearity adds lies before time 0 and is cut off.
//!
//! A filter delays too, but that is its sound. The response is therefore split in its *minimum-phase* part, which the magnitude alone
//! determines (by the cepstrum: Oppenheim and Schafer, *Discrete-Time Signal Processing*, §12.8), and the rest, the *excess phase*: its
//! slope is the delay, its sign the polarity. A cabinet that begins at once has none; one that begins 37.4 frames late has 37.4.

use crate::transform::Transform;
use realfft::num_complex::Complex;

/// The probe's level, dBFS (RMS).
pub const LEVEL_DB: f64 = -50.0;

/// A good number of frames for [`signal`]: 1.4 s at 48 kHz.
pub const FRAMES: usize = 65_536;

/// Fewer frames are not measured.
pub const LEAST_FRAMES: usize = 4_096;

/// Band of the sweep, in parts of the sample rate: 24 Hz … 23.5 kHz at 48 kHz.
const BAND: (f64, f64) = (0.0005, 0.49);

/// Frames before time 0 that count to the response.
const BEFORE: usize = 64;

/// Frames after time 0, at most; a quarter of short probes.
const AFTER: usize = 16_384;

/// What [`measure`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeResult {
    /// How much later the output is than the input, beyond what a minimum-phase filter of the same magnitude does, in frames.
    pub delay: f64,
    /// True if the polarity is inverted.
    pub inverted: bool,
    /// 0 ..= 1: the part of the output that a linear response explains, times how well delay and polarity alone explain its excess
    /// phase. Below about 0.5 the figures mean little.
    pub confidence: f64,
}

/// The probe, mono, at any sample rate: three quarters sweep, one quarter silence. Below [`LEAST_FRAMES`] it is silent.
pub fn signal(frames: usize) -> Vec<f32> {
    signal_at(frames, LEVEL_DB)
}

/// [`signal`] at another level, dBFS (RMS of the sweep).
pub fn signal_at(frames: usize, level_db: f64) -> Vec<f32> {
    let mut out = vec![0.0; frames];
    if frames < LEAST_FRAMES {
        return out;
    }
    let active = frames / 4 * 3;
    let length = active as f64;
    let rise = (BAND.1 / BAND.0).ln();
    let amplitude = 2f64.sqrt() * 10f64.powf(level_db / 20.0);
    // Short at the upper end, where the sweep passes many frequencies at once.
    let (rise_frames, fall_frames) = (length / 100.0, length / 400.0);
    for (n, to) in out.iter_mut().take(active).enumerate() {
        let n = n as f64;
        let turns = BAND.0 * length / rise * ((n / length * rise).exp() - 1.0);
        let edge = ((n + 0.5) / rise_frames).min((length - n - 0.5) / fall_frames);
        let envelope = if edge < 1.0 {
            0.5 - 0.5 * (std::f64::consts::PI * edge).cos()
        } else {
            1.0
        };
        *to = (amplitude * envelope * (std::f64::consts::TAU * turns.fract()).sin()) as f32;
    }
    out
}

/// Delay and polarity of `output` (the model's, with its reported latency taken off) against the probe `input`. `None` if fewer than
/// [`LEAST_FRAMES`] frames are given, a sample is no number, or a signal is silent.
pub fn measure(input: &[f32], output: &[f32]) -> Option<ProbeResult> {
    let frames = input.len().min(output.len());
    let (input, output) = (&input[..frames], &output[..frames]);
    if frames < LEAST_FRAMES || input.iter().chain(output).any(|s| !s.is_finite()) {
        return None;
    }
    let (response, linear) = response(input, output)?;
    let excess = Excess::of(&response)?;
    let (delay, inverted, alike) = excess.delay()?;
    Some(ProbeResult {
        delay,
        inverted,
        confidence: (linear * alike).clamp(0.0, 1.0),
    })
}

/// The linear response, its time 0 at [`BEFORE`], and the part of the output's energy that it explains.
fn response(input: &[f32], output: &[f32]) -> Option<(Vec<f64>, f64)> {
    let frames = input.len();
    let transform = Transform::new((2 * frames).next_power_of_two());
    // A constant part is no answer to a sweep.
    let mean = output.iter().map(|s| f64::from(*s)).sum::<f64>() / frames as f64;
    let x = transform.bins(input.iter().map(|s| f64::from(*s)))?;
    let y = transform.bins(output.iter().map(|s| f64::from(*s) - mean))?;
    let most = x.iter().map(Complex::norm_sqr).fold(0.0, f64::max);
    let played: f64 = y.iter().map(Complex::norm_sqr).sum();
    if most <= 0.0 || played <= 0.0 {
        return None;
    }
    let divided = x
        .iter()
        .zip(&y)
        .map(|(x, y)| y * x.conj() / (x.norm_sqr() + 1e-7 * most))
        .collect();
    let circular = transform.frames(divided)?;
    let after = AFTER.min(frames / 4);
    let (fade_in, fade_out) = (BEFORE as f64 / 2.0, after as f64 / 4.0);
    let response: Vec<f64> = (0..BEFORE + after)
        .map(|n| {
            let value = circular[(n + transform.size - BEFORE) % transform.size];
            let edge = ((n as f64 + 0.5) / fade_in)
                .min((BEFORE + after - n) as f64 / fade_out)
                .min(1.0);
            value * (0.5 - 0.5 * (std::f64::consts::PI * edge).cos())
        })
        .collect();
    let h = transform.bins(response.iter().copied())?;
    // The response begins `BEFORE` frames early; what is outside of the sweep's band is nobody's.
    let turn = std::f64::consts::TAU * BEFORE as f64 / transform.size as f64;
    let band = in_band(transform.size);
    let (mut left, mut whole) = (0.0, 0.0);
    for bin in band {
        let answer = x[bin] * h[bin] * Complex::from_polar(1.0, turn * bin as f64);
        left += (y[bin] - answer).norm_sqr();
        whole += y[bin].norm_sqr();
    }
    if whole <= 0.0 {
        return None;
    }
    let explained = 1.0 - left / whole;
    // A response of many taps explains a part of anything.
    let chance = (BEFORE + after) as f64 / frames as f64;
    let linear = (explained - chance) / (1.0 - chance);
    Some((response, linear.clamp(0.0, 1.0)))
}

/// Bins well inside of the sweep's band.
fn in_band(size: usize) -> std::ops::Range<usize> {
    let bin = |part: f64| (part * size as f64) as usize;
    bin(1.5 * BAND.0).max(1)..bin(0.97 * BAND.1)
}

/// What is left of a response without its minimum-phase part: `[bins]`, each weighted by the response's magnitude.
struct Excess {
    size: usize,
    band: std::ops::Range<usize>,
    bins: Vec<Complex<f64>>,
    weights: f64,
}

impl Excess {
    fn of(response: &[f64]) -> Option<Self> {
        let transform = Transform::new((4 * response.len()).next_power_of_two());
        let size = transform.size;
        let h = transform.bins(response.iter().copied())?;
        let band = in_band(size);
        let most = h[band.clone()].iter().map(|h| h.norm()).fold(0.0, f64::max);
        if most <= 0.0 {
            return None;
        }
        let floor = 1e-6 * most;
        let log = |bin: usize| h[bin].norm().max(floor).ln();
        // Outside of the band nothing is known: held below it, and above it falling on as it fell in the band's last twentieth.
        let mean = |range: std::ops::Range<usize>| {
            let count = range.len().max(1) as f64;
            range.map(log).sum::<f64>() / count
        };
        let low = mean(band.start..(band.start * 5 / 4).max(band.start + 1));
        let part = (band.end / 40).max(1);
        let (before, high) = (
            mean(band.end - 2 * part..band.end - part),
            mean(band.end - part..band.end),
        );
        let slope = ((high - before) / part as f64).min(0.0);
        let logs = (0..h.len())
            .map(|bin| {
                let value = if bin < band.start {
                    low
                } else if bin >= band.end {
                    high + slope * ((bin - band.end) as f64 + 0.5 * part as f64)
                } else {
                    log(bin)
                };
                Complex::new(value, 0.0)
            })
            .collect();
        let mut cepstrum = transform.frames(logs)?;
        for value in &mut cepstrum[1..size / 2] {
            *value *= 2.0;
        }
        cepstrum[size / 2 + 1..].fill(0.0);
        let minimum = transform.bins(cepstrum.into_iter())?;
        let turn = std::f64::consts::TAU * BEFORE as f64 / size as f64;
        let mut weights = 0.0;
        let bins = h
            .iter()
            .zip(&minimum)
            .enumerate()
            .map(|(bin, (h, minimum))| {
                if !band.contains(&bin) || h.norm() <= 2.0 * floor {
                    return Complex::new(0.0, 0.0);
                }
                weights += h.norm();
                h * Complex::from_polar(1.0, turn * bin as f64 - minimum.im)
            })
            .collect();
        (weights > 0.0).then_some(Self {
            size,
            band,
            bins,
            weights,
        })
    }

    /// Delay in frames, polarity, and how much of the excess is nothing but these, 0 ..= 1.
    fn delay(&self) -> Option<(f64, bool, f64)> {
        let impulse = Transform::new(self.size).frames(self.bins.clone())?;
        let (at, value) = impulse
            .iter()
            .enumerate()
            .max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()))?;
        let sign = if *value < 0.0 { -1.0 } else { 1.0 };
        let mut delay = if at > self.size / 2 {
            at as f64 - self.size as f64
        } else {
            at as f64
        };
        let step = std::f64::consts::TAU / self.size as f64;
        let mut alike = 0.0;
        // Least squares on the phases that are left; they are small from the first step on.
        for _ in 0..8 {
            let (mut slope, mut square, mut sum) = (0.0, 0.0, 0.0);
            for bin in self.band.clone() {
                let omega = step * bin as f64;
                let value = sign * self.bins[bin] * Complex::from_polar(1.0, omega * delay);
                let weight = value.norm();
                slope -= weight * omega * value.arg();
                square += weight * omega * omega;
                sum += value.re;
            }
            alike = sum / self.weights;
            let change = slope / square;
            if !change.is_finite() {
                return None;
            }
            delay += change.clamp(-0.5, 0.5);
            if change.abs() < 1e-9 {
                break;
            }
        }
        Some((delay, sign < 0.0, alike.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align;
    use crate::testing::noise;

    fn filtered(signal: &[f32], taps: &[f64]) -> Vec<f32> {
        (0..signal.len())
            .map(|n| {
                taps.iter()
                    .take(n + 1)
                    .enumerate()
                    .map(|(k, tap)| tap * f64::from(signal[n - k]))
                    .sum::<f64>() as f32
            })
            .collect()
    }

    /// Two poles and two zeros at −1: a low-pass of minimum phase.
    fn low_pass(signal: &[f32], hz: f64) -> Vec<f32> {
        let w = (std::f64::consts::PI * hz / 48_000.0).tan();
        let scale = 1.0 / (1.0 + 2f64.sqrt() * w + w * w);
        let (b, a1, a2) = (
            w * w * scale,
            2.0 * (w * w - 1.0) * scale,
            (1.0 - 2f64.sqrt() * w + w * w) * scale,
        );
        let (mut x1, mut x2, mut y1, mut y2) = (0.0, 0.0, 0.0, 0.0);
        signal
            .iter()
            .map(|x| {
                let x = f64::from(*x);
                let y = b * (x + 2.0 * x1 + x2) - a1 * y1 - a2 * y2;
                (x2, x1, y2, y1) = (x1, x, y1, y);
                y as f32
            })
            .collect()
    }

    /// A cabinet's response: decaying resonances, the first tap the largest, so that it is near minimum phase.
    fn cabinet() -> Vec<f64> {
        let mut taps: Vec<f64> = (0..400)
            .map(|n| {
                let n = f64::from(n);
                0.12 * (-n / 60.0).exp() * (0.09 * n + 1.0).sin() + 0.1 * (-n / 20.0).exp() * (0.4 * n).cos()
            })
            .collect();
        taps[0] += 1.0;
        taps[1] += 0.6;
        taps
    }

    #[track_caller]
    fn expect(output: &[f32], delay: f64, inverted: bool, tolerance: f64, least: f64) {
        let found = measure(&signal(FRAMES), output).expect("a signal");
        println!("{delay}: {found:?}");
        assert!((found.delay - delay).abs() <= tolerance, "{delay}: {found:?}");
        assert_eq!(found.inverted, inverted, "{found:?}");
        assert!(found.confidence >= least, "{found:?}");
    }

    #[test]
    fn pure_delays_of_either_polarity() {
        let probe = signal(FRAMES);
        for delay in [0.0, 7.3, 37.4, 900.25] {
            let late = align::shift(&probe, -delay);
            expect(&late, delay, false, 3e-3, 0.99);
            let inverted: Vec<f32> = late.iter().map(|s| -3.0 * s).collect();
            expect(&inverted, delay, true, 3e-3, 0.99);
        }
        expect(&align::shift(&probe, 5.5), -5.5, false, 3e-3, 0.99);
    }

    #[test]
    fn drive_and_filters_are_not_taken_for_delay() {
        let probe = signal(FRAMES);
        for delay in [0.0, 7.3, 37.4] {
            let late = align::shift(&probe, -delay);
            let driven: Vec<f32> = late.iter().map(|s| -(50.0 * s).tanh()).collect();
            expect(&driven, delay, true, 0.01, 0.9);
            expect(&low_pass(&late, 5_000.0), delay, false, 0.1, 0.9);
            expect(&filtered(&late, &cabinet()), delay, false, 0.1, 0.9);
            let all: Vec<f32> = filtered(&driven, &cabinet());
            expect(&low_pass(&all, 6_000.0), delay, true, 0.15, 0.85);
        }
    }

    #[test]
    fn a_symmetric_filter_is_late_by_its_middle() {
        let taps: Vec<f64> = (0..65)
            .map(|n| {
                (0.5 - 0.5 * (std::f64::consts::TAU * (f64::from(n) + 1.0) / 66.0).cos()) / 33.0
                    * if n == 32 { 12.0 } else { 1.0 }
            })
            .collect();
        expect(&filtered(&signal(FRAMES), &taps), 32.0, false, 0.05, 0.8);
    }

    #[test]
    fn what_is_no_answer_has_no_confidence() {
        let probe = signal(FRAMES);
        let random: Vec<f32> = noise(FRAMES, 7).iter().map(|s| 0.02 * s).collect();
        if let Some(found) = measure(&probe, &random) {
            assert!(found.confidence < 0.2, "{found:?}");
        }
        // A model that hums as loud as the probe.
        let humming: Vec<f32> = align::shift(&probe, -7.3)
            .iter()
            .zip(&random)
            .map(|(s, r)| s + 0.1 * r)
            .collect();
        let found = measure(&probe, &humming).expect("a signal");
        assert!((found.delay - 7.3).abs() < 0.2 && found.confidence < 0.999, "{found:?}");
        assert_eq!(measure(&probe, &vec![0.0; FRAMES]), None);
        assert_eq!(measure(&probe, &vec![f32::NAN; FRAMES]), None);
        assert_eq!(measure(&probe, &probe[..100]), None);
        assert_eq!(measure(&[], &[]), None);
        assert!(signal(100).iter().all(|s| *s == 0.0));
        let constant = measure(&probe, &vec![0.25; FRAMES]);
        assert!(constant.is_none_or(|found| found.confidence < 0.2), "{constant:?}");
    }

    #[test]
    fn the_level_is_what_is_said() {
        let probe = signal(FRAMES);
        let square: f64 = probe.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / (FRAMES as f64 * 0.75);
        assert!((10.0 * square.log10() - LEVEL_DB).abs() < 0.1);
        assert!(probe[FRAMES / 4 * 3..].iter().all(|s| *s == 0.0));
    }
}
