//! Impulse responses at another rate.
//!
//! The interpolation kernel is a Kaiser-windowed sinc made minimum-phase (by the cepstrum: Oppenheim and Schafer, "Discrete-Time Signal
//! Processing", ch. 13): a response that begins at frame 0 still does, with nothing of it cut off in front, and its magnitude is
//! that of the linear-phase kernel. What is paid is phase near the band's edge and a delay of a few samples.

use std::f64::consts::PI;
use std::sync::OnceLock;
use tonegraft_kernels::design::{Complex, bessel_i0, real_f64};

/// Points of the kernel per frame of the lower rate.
const FINENESS: usize = 64;

/// Zero crossings on each side of the linear-phase kernel.
const CROSSINGS: usize = 96;

/// Of the Kaiser window: images and aliases 117 dB down, a transition of 4 % of the lower rate around half of it.
const BETA: f64 = 12.0;

/// Magnitudes below this share count as this much, for the logarithm: −140 dB.
const FLOOR: f64 = 1e-7;

/// Frames of the lower rate that the kernel covers.
const LENGTH: usize = 2 * CROSSINGS;

/// `x` at `to` Hz; `from` and `to` are whole numbers of Hz. Sample values are kept (the response of a continuous filter, sampled more or less
/// densely), so that sums over the samples grow with the rate. Longer than in proportion, by the kernel.
pub(crate) fn resample(x: &[f64], from: u32, to: u32) -> Vec<f64> {
    let kernel = kernel();
    let scale = (f64::from(to) / f64::from(from)).min(1.0);
    let divisor = gcd(from, to);
    let (step, phases) = (u64::from(from / divisor), u64::from(to / divisor));
    let reach = LENGTH as f64 / scale;
    let length = ((x.len() as f64 + reach) * f64::from(to) / f64::from(from)).ceil() as usize;
    let mut y = vec![0.0; length];
    let mut weights = vec![0.0; reach.ceil() as usize];
    for phase in 0..phases.min(length as u64) {
        let fraction = (phase * step % phases) as f64 / phases as f64;
        for (j, weight) in weights.iter_mut().enumerate() {
            *weight = scale * at(kernel, scale * (fraction + j as f64));
        }
        let mut n = phase;
        while n < length as u64 {
            let newest = (n * step / phases) as usize;
            // Where `newest` lies behind the end, the first weights meet silence.
            let behind = (newest + 1).saturating_sub(x.len());
            let past = x.get(..newest + 1 - behind).unwrap_or(&[]);
            let weights = weights.get(behind..).unwrap_or(&[]);
            if let Some(y) = y.get_mut(n as usize) {
                *y = past.iter().rev().zip(weights).map(|(x, weight)| x * weight).sum();
            }
            n += phases;
        }
    }
    y
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// The kernel at `t` frames, by Lagrange's polynomial through four points.
fn at(kernel: &[f64], t: f64) -> f64 {
    let place = t * FINENESS as f64;
    let index = place.floor();
    let u = place - index;
    // Not negative, and small.
    let index = index as usize;
    let point = |k: usize| k.checked_sub(1).and_then(|k| kernel.get(k)).copied().unwrap_or(0.0);
    let [a, b, c, d] = [point(index), point(index + 1), point(index + 2), point(index + 3)];
    let (left, right, far) = (u + 1.0, u - 1.0, u - 2.0);
    -a * u * right * far / 6.0 + b * left * right * far / 2.0 - c * left * u * far / 2.0 + d * left * u * right / 6.0
}

/// `FINENESS` points per frame, the sum of which is `FINENESS`.
fn kernel() -> &'static [f64] {
    static KERNEL: OnceLock<Vec<f64>> = OnceLock::new();
    KERNEL.get_or_init(|| {
        let mut points = minimum_phase(&windowed_sinc());
        let sum: f64 = points.iter().sum();
        for point in &mut points {
            *point *= FINENESS as f64 / sum;
        }
        points
    })
}

fn windowed_sinc() -> Vec<f64> {
    let middle = (CROSSINGS * FINENESS) as f64;
    (0..=LENGTH * FINENESS)
        .map(|n| {
            let t = (n as f64 - middle) / FINENESS as f64;
            let sinc = if t == 0.0 { 1.0 } else { (PI * t).sin() / (PI * t) };
            let x = t / CROSSINGS as f64;
            sinc * bessel_i0(BETA * (1.0 - x * x).max(0.0).sqrt()) / bessel_i0(BETA)
        })
        .collect()
}

/// The minimum-phase sequence with the magnitudes of `points`, as long as it.
fn minimum_phase(points: &[f64]) -> Vec<f64> {
    // Long, since the cepstrum must fade within it.
    let size = (16 * points.len()).next_power_of_two();
    let (forward, inverse) = real_f64(size);
    let mut samples = points.to_vec();
    samples.resize(size, 0.0);
    let mut bins = forward.make_output_vec();
    // All lengths come from the plans.
    let _ = forward.process(&mut samples, &mut bins);
    let peak = bins.iter().map(|bin| bin.norm()).fold(0.0, f64::max);
    for bin in &mut bins {
        *bin = Complex::new((bin.norm() / peak).max(FLOOR).ln(), 0.0);
    }
    let _ = inverse.process(&mut bins, &mut samples);
    for (n, sample) in samples.iter_mut().enumerate() {
        let fold = match n {
            0 => 1.0,
            n if n == size / 2 => 1.0,
            n if n < size / 2 => 2.0,
            _ => 0.0,
        };
        *sample *= fold / size as f64;
    }
    let _ = forward.process(&mut samples, &mut bins);
    for bin in &mut bins {
        *bin = bin.exp();
    }
    // Real by symmetry, but for rounding.
    if let [first, .., last] = &mut bins[..] {
        (first.im, last.im) = (0.0, 0.0);
    }
    let _ = inverse.process(&mut bins, &mut samples);
    samples.truncate(points.len());
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Magnitude at `hz` of `x` at `rate`, per frame of `reference`.
    fn magnitude(x: &[f64], hz: f64, rate: f64, reference: f64) -> f64 {
        let (re, im) = x.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, x)| {
            let angle = 2.0 * PI * hz * n as f64 / rate;
            (re + x * angle.cos(), im - x * angle.sin())
        });
        re.hypot(im) * reference / rate
    }

    #[test]
    fn the_band_is_flat_and_images_and_aliases_are_far_down() {
        for (from, to) in [
            (44_100, 48_000),
            (48_000, 44_100),
            (48_000, 96_000),
            (96_000, 48_000),
            (48_000, 192_000),
            (44_056, 48_000),
        ] {
            // The first frame: nothing in front of it may be lost.
            let y = resample(&[1.0], from, to);
            let low = f64::from(from.min(to));
            for hz in [0.0, 100.0, 1_000.0, 5_000.0, 10_000.0, 15_000.0, 20_000.0] {
                let db = 20.0 * magnitude(&y, hz, f64::from(to), f64::from(from)).log10();
                assert!(db.abs() < 0.01, "{from} to {to} at {hz} Hz: {db} dB");
            }
            if to > from {
                for share in [0.53, 0.6, 0.8, 1.0] {
                    let hz = low * share;
                    if hz < f64::from(to) / 2.0 {
                        let db = 20.0 * magnitude(&y, hz, f64::from(to), f64::from(from)).log10();
                        assert!(db < -100.0, "{from} to {to} at {hz} Hz: {db} dB");
                    }
                }
            } else {
                // A tone above the new band.
                let tone: Vec<f64> = (0..8_000)
                    .map(|n| (2.0 * PI * 0.53 * low * f64::from(n) / f64::from(from)).sin())
                    .collect();
                let y = resample(&tone, from, to);
                let middle = &y[2_000..y.len() - 2_000];
                let peak = middle.iter().fold(0.0, |peak: f64, y| peak.max(y.abs()));
                assert!(20.0 * peak.log10() < -100.0, "{from} to {to}: {peak}");
            }
        }
    }

    #[test]
    fn a_slow_wave_keeps_its_values_and_comes_a_few_frames_late() {
        let wave = |t: f64| (-(t - 0.01) * (t - 0.01) * 2e6).exp();
        let x: Vec<f64> = (0..2_000).map(|n| wave(f64::from(n) / 44_100.0)).collect();
        let y = resample(&x, 44_100, 48_000);
        let late = |delay: f64| {
            let error = |(n, y): (usize, &f64)| (y - wave(n as f64 / 48_000.0 - delay / 44_100.0)).abs();
            y.iter().enumerate().map(error).fold(0.0, f64::max)
        };
        let best = (0..400)
            .map(|k| f64::from(k) * 0.01)
            .min_by(|a, b| late(*a).total_cmp(&late(*b)));
        let best = best.expect("some");
        assert!(late(best) < 1e-3, "{best} frames late: {}", late(best));
        assert!(best < 4.0, "{best} frames late");
        println!("late by {best} frames of the lower rate");
    }
}
