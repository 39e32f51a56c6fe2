//! What the noise gate does, in samples.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;

use common::{Delayed, chain, roughness, run, sine};
use tonegraft_chain::{GateSettings, Settings};
use tonegraft_core::{KNOBS, SLOTS};

fn with(gate: GateSettings) -> Settings {
    Settings {
        knobs: [[0.0; KNOBS]; SLOTS],
        gate,
        ..Settings::default()
    }
}

fn gate() -> GateSettings {
    GateSettings {
        on: true,
        threshold_db: -20.0,
        hysteresis_db: 6.0,
        hold_ms: 10.0,
        release_ms: 50.0,
        range_db: 60.0,
    }
}

/// Plays `input` through a gate at `settings` from the first frame on.
fn play(settings: GateSettings, input: &[f32]) -> Vec<f32> {
    let mut chain = chain(1, 1);
    chain.snap(&with(settings));
    run(&mut chain, &mut Delayed::new(1.0, 0), input, 64)
}

/// Magnitudes in dB.
fn db(level: f32) -> f32 {
    10.0_f32.powf(level / 20.0)
}

/// Frames in which the detector falls by `db`: half in 10 ms at 48 kHz.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn fall(db: f32) -> usize {
    (480.0 * db / (20.0 * 2.0_f32.log10())).round() as usize
}

#[test]
fn it_opens_at_the_sample_that_reaches_the_threshold() {
    for (level, opens) in [(-20.2, false), (-19.8, true)] {
        // A step, so that every sample has the level.
        let mut input = vec![1e-4; 1_000];
        input.resize(3_000, db(level));
        let output = play(gate(), &input);
        let closed = db(-60.0);
        assert!((output[999] / input[999] - closed).abs() < 1e-6, "closed before");
        if opens {
            assert!(output[1_000] > 1.5 * closed * input[1_000], "not a sample later");
            assert_eq!(
                output[1_000 + 480..],
                input[1_000 + 480..],
                "open: bit for bit, within 10 ms"
            );
            assert!(output[1_000 + 96] > 0.8 * input[1_096], "nearly open within 2 ms");
        } else {
            assert!(
                output[1_000..].iter().all(|x| (x / db(level) - closed).abs() < 1e-6),
                "stays closed"
            );
        }
    }
}

#[test]
fn it_stays_open_within_the_hysteresis_and_closes_after_hold_and_release() {
    // Open, then 5 dB below the threshold: held open for ever. Then 30 dB below it.
    let mut input = vec![db(-10.0); 2_000];
    input.resize(12_000, db(-25.0));
    input.resize(30_000, db(-50.0));
    let output = play(gate(), &input);
    assert_eq!(output[1_000..12_000], input[1_000..12_000], "within the hysteresis");
    // The detector falls from −25 dB to −26 dB; then comes the hold of 480 frames.
    let closing = 12_000 + fall(1.0) + 480;
    let first = (12_000..30_000).find(|n| output[*n] != input[*n]).expect("closes");
    assert!(first.abs_diff(closing) <= 3, "{first}, not {closing}");
    // 60 dB in 2400 frames: half of them down after half of it, but for the rounding of 24 frames.
    let gain = |n: usize| 20.0 * (output[n] / input[n]).log10();
    assert!((gain(closing + 1_200) + 30.0).abs() < 1.0, "{}", gain(closing + 1_200));
    assert!(gain(closing + 2_300) > -59.0);
    assert!(
        (gain(closing + 2_400 + 400) + 60.0).abs() < 0.05,
        "{}",
        gain(closing + 2_800)
    );
}

#[test]
fn hysteresis_decides_where_it_closes() {
    for hysteresis_db in [0.0, 3.0, 12.0, 24.0] {
        let settings = GateSettings {
            hysteresis_db,
            hold_ms: 0.0,
            ..gate()
        };
        for (below, closes) in [(hysteresis_db - 0.3, false), (hysteresis_db + 0.3, true)] {
            let mut input = vec![db(-15.0); 2_000];
            input.resize(40_000, db(-20.0 - below));
            let output = play(settings, &input);
            let closed = output[30_000..] != input[30_000..];
            // Without hysteresis, what is louder than the threshold keeps it open.
            assert_eq!(closed, closes, "{below} dB below with {hysteresis_db} dB");
        }
    }
}

#[test]
fn a_short_gap_is_held_and_a_long_one_is_not() {
    let hold = 480 + fall(11.0);
    for (gap, held) in [(hold - 30, true), (hold + 60, false)] {
        let mut input = vec![db(-15.0); 2_000];
        input.resize(2_000 + gap, 1e-6);
        input.resize(6_000, db(-15.0));
        let output = play(gate(), &input);
        assert_eq!(output[1_000..] == input[1_000..], held, "a gap of {gap}");
    }
}

#[test]
fn off_is_the_same_bits_and_the_range_is_the_floor() {
    let input = sine(440.0, 0, 5_000);
    assert_eq!(play(GateSettings { on: false, ..gate() }, &input), input);
    let quiet: Vec<f32> = input.iter().map(|x| x * 0.01).collect();
    for range_db in [0.0, 20.0, 100.0] {
        let output = play(GateSettings { range_db, ..gate() }, &quiet);
        let ratio = output[4_000] / quiet[4_000];
        assert!((ratio / db(-range_db) - 1.0).abs() < 1e-4, "{range_db}: {ratio}");
        if range_db == 0.0 {
            assert_eq!(output, quiet);
        }
    }
}

#[test]
fn neither_opening_nor_closing_nor_switching_clicks() {
    // A loud sine; the gate opens and closes on its own decay, and is turned on and off. The steady second difference of the
    // loud sine is the measure.
    let tone = sine(1_000.0, 0, 40_000);
    let input: Vec<f32> = tone
        .iter()
        .enumerate()
        .map(|(n, x)| x * if (10_000..20_000).contains(&n) { 0.02 } else { 1.0 })
        .collect();
    let steady = roughness(&tone);
    let (mut chain, mut middle) = (chain(1, 1), Delayed::new(1.0, 0));
    chain.snap(&with(GateSettings { on: false, ..gate() }));
    let mut output = run(&mut chain, &mut middle, &input[..12_000], 64);
    chain.set(&with(gate()));
    output.extend(run(&mut chain, &mut middle, &input[12_000..16_000], 64));
    assert!(
        chain.gate_reduction_db() > 50.0,
        "closed: {}",
        chain.gate_reduction_db()
    );
    chain.set(&with(GateSettings { on: false, ..gate() }));
    output.extend(run(&mut chain, &mut middle, &input[16_000..18_000], 64));
    assert_eq!(chain.gate_reduction_db(), 0.0);
    chain.set(&with(gate()));
    output.extend(run(&mut chain, &mut middle, &input[18_000..30_000], 64));
    assert_eq!(chain.gate_reduction_db(), 0.0, "open");
    output.extend(run(&mut chain, &mut middle, &input[30_000..], 64));
    // The input itself steps at 10 000; the gate is off there. At 20 000 the burst comes: its onset is softened, never sharpened.
    let quiet = 0.02 * steady;
    let closing = roughness(&output[10_010..19_990]);
    assert!(closing <= 1.1 * quiet, "closing and switching: {}", closing / quiet);
    let opening = roughness(&output[20_000..]);
    assert!(opening <= 1.1 * steady, "opening: {}", opening / steady);
    assert_eq!(output[21_000..], input[21_000..]);
}

#[test]
fn channels_share_one_gain() {
    let mut chain = chain(2, 2);
    chain.snap(&with(gate()));
    let loud = sine(440.0, 0, 6_000);
    let quiet: Vec<f32> = sine(700.0, 0, 6_000).iter().map(|x| x * 1e-3).collect();
    let (mut left, mut right) = (vec![0.0; 6_000], vec![0.0; 6_000]);
    let mut middle = Delayed::new(1.0, 0);
    middle.past = vec![Vec::new(); 2];
    chain.process(&mut middle, &[&quiet, &loud], &mut [&mut left, &mut right]);
    assert_eq!(left[3_000..], quiet[3_000..], "the right channel opens both");
    assert_eq!(right[3_000..], loud[3_000..]);
}
