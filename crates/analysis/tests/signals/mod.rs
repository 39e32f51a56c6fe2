//! The signals of `data/make_reference_values.py`, made the same way, and the values it wrote.

// Each test file uses a part.
#![allow(dead_code)]

use std::f64::consts::TAU;

pub const RATE: f64 = 48_000.0;

/// `[frames]` in −1 .. 1, exact in single precision.
pub fn noise(frames: usize, seed: u32) -> Vec<f64> {
    let mut state = seed;
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 16) / 32_768.0 - 1.0
        })
        .collect()
}

/// Plucked harmonics once a second, noise on the attack, a rising chirp.
pub fn material(frames: usize) -> Vec<f32> {
    noise(frames, 1)
        .iter()
        .enumerate()
        .map(|(n, noise)| {
            let t = n as f64 / RATE;
            let envelope = (-1.5 * t.rem_euclid(1.0)).exp();
            let tones: f64 = (1..9)
                .map(|k| (TAU * 110.0 * f64::from(k) * t).sin() / f64::from(k))
                .sum();
            let chirp = (TAU * (200.0 * t + 1500.0 * t * t)).sin();
            (0.4 * envelope * tones + 0.05 * envelope * noise + 0.1 * chirp) as f32
        })
        .collect()
}

/// A bent, offset and noisy copy.
pub fn estimate_of(target: &[f32]) -> Vec<f32> {
    target
        .iter()
        .zip(noise(target.len(), 2))
        .map(|(x, noise)| (0.65 * (1.4 * f64::from(*x)).tanh() + 0.01 * noise + 0.003) as f32)
        .collect()
}

/// Four notes of half a second, eight harmonics each.
pub fn notes() -> Vec<f32> {
    let note = |hz: f64| {
        (0..24_000).map(move |n| {
            let t = f64::from(n) / RATE;
            let tones: f64 = (1..9)
                .map(|k| (TAU * hz * f64::from(k) * t + 0.3 * f64::from(k)).sin() / f64::from(k))
                .sum();
            (0.3 * tones) as f32
        })
    };
    [82.41, 110.0, 220.5, 440.0].into_iter().flat_map(note).collect()
}

/// What the script wrote under that section.
pub fn reference(section: &str) -> serde_json::Value {
    let all: serde_json::Value = serde_json::from_str(include_str!("../data/reference_values.json")).expect("JSON");
    all[section].clone()
}

/// Fails unless `found` is within `tolerance` of the figure, relative to it.
#[track_caller]
pub fn near(what: &str, found: f64, expected: &serde_json::Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: no value"));
    let off = (found - expected).abs() / expected.abs().max(1e-12);
    println!("{what}: {found}, expected {expected}: off by {off:.1e}");
    assert!(
        off <= tolerance,
        "{what}: {found}, expected {expected}: off by {off:.1e}"
    );
}

/// As [`near`] for a list, with a tolerance in the figures' unit.
#[track_caller]
pub fn near_all(what: &str, found: &[f64], expected: &serde_json::Value, tolerance: f64) {
    let expected = expected.as_array().unwrap_or_else(|| panic!("{what}: no values"));
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found
        .iter()
        .zip(expected)
        .map(|(f, e)| (f - e.as_f64().expect("a number")).abs())
        .fold(0.0, f64::max);
    println!("{what}: off by {worst:.1e}");
    assert!(worst <= tolerance, "{what}: off by {worst:.1e}");
}
