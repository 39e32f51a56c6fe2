//! Against delays made by another method (a long windowed sinc, sample by sample), on noise, tones and recordings.

use super::*;
use crate::testing::noise;
use std::path::PathBuf;

/// `±gain · signal[n − delay]` by a Kaiser-windowed sinc of 4096 taps on each side, in 64 bits.
fn device(signal: &[f32], delay: f64, gain_db: f64, inverted: bool) -> Vec<f32> {
    const HALF: i64 = 4096;
    let bessel = |x: f64| {
        let (mut sum, mut term) = (1.0, 1.0);
        for k in 1..60 {
            term *= (x / 2.0 / f64::from(k)).powi(2);
            sum += term;
        }
        sum
    };
    let beta = 12.0;
    let whole = delay.floor() as i64;
    let part = delay - whole as f64;
    let factor = 10f64.powf(gain_db / 20.0) * if inverted { -1.0 } else { 1.0 };
    let taps: Vec<f64> = (-HALF..=HALF)
        .map(|k| {
            let t = k as f64 - part;
            let sinc = if t == 0.0 { 1.0 } else { (PI * t).sin() / (PI * t) };
            let x = (t / (HALF + 1) as f64).clamp(-1.0, 1.0);
            factor * sinc * bessel(beta * (1.0 - x * x).sqrt()) / bessel(beta)
        })
        .collect();
    // By FFT, at once: the test is about the taps, not about their product with the signal.
    let size = (signal.len() + taps.len()).next_power_of_two();
    let transform = Transform::new(size);
    let taps = transform.bins(taps.into_iter()).expect("sizes fit");
    let mut bins = transform.bins(signal.iter().map(|s| f64::from(*s))).expect("sizes fit");
    for (bin, tap) in bins.iter_mut().zip(taps) {
        *bin *= tap;
    }
    let out = transform.frames(bins).expect("sizes fit");
    (0..signal.len() as i64)
        .map(|n| {
            let at = n - whole + HALF;
            usize::try_from(at).map_or(0.0, |at| out[at] as f32)
        })
        .collect()
}

/// Noise through two poles: most of its energy low, as in music.
fn dull(frames: usize, seed: u64) -> Vec<f32> {
    let (mut a, mut b) = (0.0, 0.0);
    noise(frames, seed)
        .into_iter()
        .map(|x| {
            a += 0.1 * (x - a);
            b += 0.1 * (a - b);
            4.0 * b
        })
        .collect()
}

/// What is left after alignment, over the reference, in dB, without the first and last 8192 frames.
fn null_db(reference: &[f32], aligned: &[f32]) -> f64 {
    let inner = 8192..reference.len() - 8192;
    let energy = |signal: &mut dyn Iterator<Item = f64>| signal.map(|s| s * s).sum::<f64>();
    let pairs = reference[inner.clone()].iter().zip(&aligned[inner.clone()]);
    let error = energy(&mut pairs.map(|(r, a)| f64::from(*r) - f64::from(*a)));
    let own = energy(&mut reference[inner].iter().map(|r| f64::from(*r)));
    10.0 * (error / own).log10()
}

fn rms(signal: &[f32]) -> f64 {
    (signal.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / signal.len() as f64).sqrt()
}

#[test]
fn any_delay_gain_and_polarity_are_found() {
    let signal = dull(60_000, 1);
    for delay in [0.0, 0.5, 37.4, -37.4, 511.96, -1999.3, 7.0, 3999.7] {
        for (gain_db, inverted) in [(-3.1, true), (12.0, false)] {
            let late = device(&signal, delay, gain_db, inverted);
            let found = estimate(&signal, &late, &AlignOptions::new(4000)).expect("a match");
            // Of what is far earlier, the end is not in the recording.
            let (samples, db) = if delay < -100.0 { (5e-4, 0.05) } else { (1e-4, 1e-3) };
            assert!((found.delay - delay).abs() < samples, "{delay}: {found:?}");
            assert!((found.gain_db() - gain_db).abs() < db, "{delay}: {found:?}");
            assert_eq!(found.inverted, inverted);
            assert!(found.confidence > 0.99, "{found:?}");
            if delay.abs() > 1000.0 {
                continue;
            }
            let null = null_db(&signal, &apply(&late, &found));
            // The device's sinc ends just below half the rate, where noise has energy.
            assert!(null < -70.0, "{delay}: {null} dB");
        }
    }
}

#[test]
fn whole_delays_of_equal_samples_are_whole_to_a_millionth() {
    let signal = noise(20_000, 3);
    let late: Vec<f32> = std::iter::repeat_n(0.0, 480).chain(signal.iter().copied()).collect();
    let found = estimate(&signal, &late, &AlignOptions::new(1000)).expect("a match");
    assert!((found.delay - 480.0).abs() < 1e-6, "{found:?}");
    assert!((found.gain - 1.0).abs() < 1e-6 && !found.inverted, "{found:?}");
    let copied = apply(
        &late,
        &Alignment {
            delay: 480.0,
            gain: 1.0,
            ..found
        },
    );
    assert_eq!(copied[..signal.len()], signal);
}

#[test]
fn the_search_ends_where_it_was_told_to_and_long_recordings_are_read_in_part() {
    let signal = dull(300_000, 4);
    let late = device(&signal, 900.25, 0.0, false);
    let options = AlignOptions {
        max_lag: 2000,
        passage: 50_000,
    };
    let found = estimate(&signal, &late, &options).expect("a match");
    assert!((found.delay - 900.25).abs() < 1e-3, "{found:?}");
    let near = estimate(&signal, &late, &AlignOptions::new(100)).expect("something");
    assert!(near.delay.abs() <= 102.0 && near.confidence < 0.9, "{near:?}");
}

#[test]
fn what_has_no_answer_gets_none_or_no_confidence() {
    let signal = dull(20_000, 5);
    let options = AlignOptions::new(500);
    let silent = vec![0.0; 20_000];
    let mut broken = signal.clone();
    broken[7] = f32::NAN;
    for (a, b) in [
        (&silent, &signal),
        (&signal, &silent),
        (&broken, &signal),
        (&signal, &broken),
    ] {
        assert_eq!(estimate(a, b, &options), None);
    }
    assert_eq!(estimate(&[], &signal, &options), None);
    assert_eq!(estimate(&signal, &[], &options), None);
    // Nothing of it within the lags asked for.
    let mut far = vec![0.0; 40_000];
    far.extend_from_slice(&signal);
    assert_eq!(estimate(&signal, &far, &options), None);
    let foreign = estimate(&signal, &dull(20_000, 6), &options).expect("something");
    assert!(foreign.confidence < 0.2, "{foreign:?}");
    let tone: Vec<f32> = (0..48_000).map(|n| (0.1 * f64::from(n)).sin() as f32).collect();
    let steady = estimate(&tone, &tone, &options).expect("something");
    assert!(steady.correlation > 0.999 && steady.confidence < 0.2, "{steady:?}");
    for short in 1..70 {
        let signal = noise(short, 8);
        if let Some(found) = estimate(&signal, &signal, &options) {
            assert!(found.delay.is_finite() && found.gain > 0.0, "{short}: {found:?}");
        }
    }
}

/// A repeated riff with hum: the plain correlation has many peaks alike.
#[test]
fn a_loop_with_hum_is_still_found() {
    let bar = dull(6000, 9);
    let signal: Vec<f32> = (0..60_000)
        .map(|n| bar[n % 6000] * (1.0 + n as f32 / 6e5) + 0.5 * (n as f32 * 0.006_545).sin())
        .collect();
    let late = device(&signal, -12.3, 2.0, true);
    let found = estimate(&signal, &late, &AlignOptions::new(20_000)).expect("a match");
    assert!((found.delay + 12.3).abs() < 1e-3 && found.inverted, "{found:?}");
}

/// What a model of a third party plays of a guitar, as a device would return it over a side-chain.
#[test]
fn a_device_played_by_a_model_is_found_and_nulls() {
    let folder = std::env::var_os("TONEGRAFT_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    for name in [
        "nam_BossWN-standard",
        "nam_deluxe",
        "nam_A2",
        "nam_peterN_HM2_swede_std",
    ] {
        let path = folder.join(format!("ref/{name}.wav"));
        let Ok(mut file) = hound::WavReader::open(&path) else {
            let required = std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_some_and(|value| value == "1");
            assert!(!required, "{}: missing", path.display());
            println!("skipped: {} is not there", path.display());
            continue;
        };
        let model: Vec<f32> = file.samples::<f32>().map(|s| s.expect("a sample")).collect();
        let played = device(&model, 37.4, -3.1, true);
        let options = AlignOptions::new(24_000);
        let found = estimate(&model, &played, &options).expect("a match");
        let null = null_db(&model, &apply(&played, &found));
        println!(
            "{name}: delay off by {:.1e} samples, gain by {:.1e} dB, null {null:.1} dB, rival {:.3}, confidence {:.4}",
            found.delay - 37.4,
            found.gain_db() + 3.1,
            found.rival,
            found.confidence
        );
        assert!((found.delay - 37.4).abs() < 0.001, "{found:?}");
        assert!((found.gain_db() + 3.1).abs() < 0.005, "{found:?}");
        assert!(found.inverted && found.confidence > 0.9, "{found:?}");
        assert!(null < -60.0, "{null}");

        // White noise 40 dB below.
        let mut hiss = noise(played.len(), 11);
        let scale = (rms(&played) / 100.0 / rms(&hiss)) as f32;
        for (hiss, sample) in hiss.iter_mut().zip(&played) {
            *hiss = *hiss * scale + sample;
        }
        let found = estimate(&model, &hiss, &options).expect("a match");
        let null = null_db(&model, &apply(&hiss, &found));
        println!(
            "{name}, noise at -40 dB: delay off by {:.1e} samples, gain by {:.1e} dB, null {null:.1} dB",
            found.delay - 37.4,
            found.gain_db() + 3.1
        );
        assert!((found.delay - 37.4).abs() < 0.003, "{found:?}");
        assert!((found.gain_db() + 3.1).abs() < 0.005, "{found:?}");
        assert!(found.inverted && (-40.5..-39.0).contains(&null), "{null}");
    }
}
