//! What the tone stack does to a signal.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;

use common::{Delayed, roughness, run, sine};
use std::f64::consts::{PI, TAU};
use tonegraft_chain::{Chain, ChainConfig, Settings, ToneSettings};
use tonegraft_core::{Controls, Fault, HostFrames, KNOBS, Middle, SLOTS, SampleRate};

fn with(tone: ToneSettings) -> Settings {
    Settings {
        knobs: [[0.0; KNOBS]; SLOTS],
        tone,
        ..Settings::default()
    }
}

fn chain(hz: u32, tone: ToneSettings) -> Chain {
    let mut chain = Chain::new(ChainConfig::new(SampleRate::new(hz).expect("a rate"), 1, 1));
    chain.snap(&with(tone));
    chain
}

/// Gain in dB at `hz` of a biquad of the Audio EQ Cookbook: `b` over `a`.
fn biquad(b: [f64; 3], a: [f64; 3], hz: f64, rate: f64) -> f64 {
    let magnitude = |c: [f64; 3]| {
        let w = TAU * hz / rate;
        let re = c[0] + c[1] * w.cos() + c[2] * (2.0 * w).cos();
        let im = c[1] * w.sin() + c[2] * (2.0 * w).sin();
        re.hypot(im)
    };
    20.0 * (magnitude(b) / magnitude(a)).log10()
}

/// The cookbook's formulas, with the field's figures.
fn expected(tone: ToneSettings, hz: f64, rate: f64) -> f64 {
    let band = |frequency: f64, quality: f64, db: f64| {
        let w = TAU * frequency / rate;
        (10.0_f64.powf(db / 40.0), w.cos(), w.sin() / (2.0 * quality))
    };
    let (a, cos, alpha) = band(150.0, 0.707, 4.0 * (f64::from(tone.bass) - 5.0));
    let root = 2.0 * a.sqrt() * alpha;
    let low = biquad(
        [
            a * ((a + 1.0) - (a - 1.0) * cos + root),
            2.0 * a * ((a - 1.0) - (a + 1.0) * cos),
            a * ((a + 1.0) - (a - 1.0) * cos - root),
        ],
        [
            (a + 1.0) + (a - 1.0) * cos + root,
            -2.0 * ((a - 1.0) + (a + 1.0) * cos),
            (a + 1.0) + (a - 1.0) * cos - root,
        ],
        hz,
        rate,
    );
    let db = 3.0 * (f64::from(tone.middle) - 5.0);
    let (a, cos, alpha) = band(425.0, if db < 0.0 { 1.5 } else { 0.7 }, db);
    let peak = biquad(
        [1.0 + alpha * a, -2.0 * cos, 1.0 - alpha * a],
        [1.0 + alpha / a, -2.0 * cos, 1.0 - alpha / a],
        hz,
        rate,
    );
    let (a, cos, alpha) = band(1_800.0, 0.707, 2.0 * (f64::from(tone.treble) - 5.0));
    let root = 2.0 * a.sqrt() * alpha;
    let high = biquad(
        [
            a * ((a + 1.0) + (a - 1.0) * cos + root),
            -2.0 * a * ((a - 1.0) + (a + 1.0) * cos),
            a * ((a + 1.0) + (a - 1.0) * cos - root),
        ],
        [
            (a + 1.0) - (a - 1.0) * cos + root,
            2.0 * ((a - 1.0) - (a + 1.0) * cos),
            (a + 1.0) - (a - 1.0) * cos - root,
        ],
        hz,
        rate,
    );
    low + peak + high
}

#[test]
#[allow(clippy::cast_precision_loss)]
fn the_response_is_the_formula_s_at_every_rate() {
    let knob = |bass, middle, treble| ToneSettings {
        on: true,
        bass,
        middle,
        treble,
    };
    let mut worst = 0.0_f64;
    for hz in [44_100, 48_000, 96_000, 192_000] {
        for tone in [
            knob(10.0, 5.0, 5.0),
            knob(0.0, 5.0, 5.0),
            knob(5.0, 10.0, 5.0),
            knob(5.0, 0.0, 5.0),
            knob(5.0, 5.0, 10.0),
            knob(5.0, 5.0, 0.0),
            knob(7.3, 2.1, 8.8),
        ] {
            let mut impulse = vec![0.0; hz as usize / 2];
            impulse[0] = 1.0;
            let response = run(&mut chain(hz, tone), &mut Delayed::new(1.0, 0), &impulse, 512);
            let rate = f64::from(hz);
            for tenth in 0..=30 {
                let frequency = 20.0 * 1_000.0_f64.powf(f64::from(tenth) / 30.0);
                let (re, im) = response.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, x)| {
                    let angle = 2.0 * PI * frequency * n as f64 / rate;
                    (re + f64::from(*x) * angle.cos(), im + f64::from(*x) * angle.sin())
                });
                let error = 20.0 * re.hypot(im).log10() - expected(tone, frequency, rate);
                assert!(error.abs() < 0.05, "{tone:?} at {frequency} Hz of {hz}: {error} dB off");
                worst = worst.max(error.abs());
            }
        }
    }
    println!("at most {worst:.2e} dB off");
}

#[test]
fn flat_or_off_is_the_same_bits_also_after_it_was_moved() {
    let input = sine(440.0, 0, 50_000);
    let flat = ToneSettings {
        on: true,
        ..ToneSettings::default()
    };
    let off = ToneSettings {
        on: false,
        bass: 9.0,
        middle: 1.0,
        treble: 7.0,
    };
    for still in [flat, off] {
        let mut chain = chain(48_000, still);
        let mut middle = Delayed::new(1.0, 0);
        assert_eq!(run(&mut chain, &mut middle, &input[..5_000], 333), input[..5_000]);
        chain.set(&with(ToneSettings { on: true, ..off }));
        let moved = run(&mut chain, &mut middle, &input[5_000..10_000], 333);
        assert_ne!(moved[3_000..], input[8_000..10_000]);
        chain.set(&with(still));
        let back = run(&mut chain, &mut middle, &input[10_000..], 333);
        assert_ne!(back[..1_000], input[10_000..11_000], "it glides");
        assert_eq!(back[30_000..], input[40_000..]);
    }
}

#[test]
fn moving_a_knob_does_not_click() {
    let input = sine(200.0, 0, 144_000);
    let knob = |bass, middle, treble| {
        with(ToneSettings {
            on: true,
            bass,
            middle,
            treble,
        })
    };
    let positions = [
        knob(10.0, 10.0, 10.0),
        knob(0.0, 0.0, 0.0),
        knob(5.0, 5.0, 5.0),
        knob(0.0, 10.0, 5.0),
        Settings::default(),
        knob(10.0, 0.0, 10.0),
    ];
    let mut chain = chain(48_000, ToneSettings::default());
    let mut middle = Delayed::new(1.0, 0);
    let mut output = Vec::new();
    let mut steady = 0.0_f32;
    for (part, settings) in input.chunks(24_000).zip(positions) {
        let settings = Settings {
            knobs: [[0.0; KNOBS]; SLOTS],
            ..settings
        };
        chain.set(&settings);
        let played = run(&mut chain, &mut middle, part, 64);
        steady = steady.max(roughness(&played[20_000..]));
        output.extend(played);
    }
    // These are the widest jumps there are, up to 90 dB of gain at once. In front the sine itself begins.
    let worst = roughness(&output[20_000..]);
    assert!(worst <= 1.1 * steady, "{}", worst / steady);
    println!("bends {} times as much as the steady signal", worst / steady);
}

#[test]
fn what_is_not_finite_does_not_stay() {
    let mut chain = chain(
        48_000,
        ToneSettings {
            on: true,
            bass: 8.0,
            ..ToneSettings::default()
        },
    );
    /// Gives one NaN.
    struct Broken(bool);
    impl Middle for Broken {
        fn process(&mut self, _: &Controls, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
            output[0].copy_from_slice(input[0]);
            if !self.0 {
                output[0][0] = f32::NAN;
                self.0 = true;
            }
            Fault::None
        }
        fn latency(&self) -> HostFrames {
            HostFrames::ZERO
        }
    }
    let mut output = [0.0; 256];
    chain.process(&mut Broken(false), &[&[0.5; 256]], &mut [&mut output]);
    assert!(output[1..].iter().all(|x| x.is_finite()));
}
