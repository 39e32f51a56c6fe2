//! What ships plays in a session of any rate: with the latency that it tells, and the same sound.

use std::f64::consts::{PI, TAU};
use tonegraft_chain::Settings;
use tonegraft_core::SampleRate;
use tonegraft_engine::{Model, Options, Oversampling, RateMode, StartState};
use tonegraft_tests::corpus;
use tonegraft_tests::host::Track;

/// Every shipped model's own rate.
const OWN: u32 = 48_000;

const RATES: [u32; 4] = [44_100, OWN, 88_200, 96_000];

const SECONDS: f64 = 0.8;

/// Whose bands begin with either sign, as their first frames toss it: their power is compared.
const TOSSED: &[&str] = &["shipped/octave.onnx"];

/// Error over signal against what plays at the model's own rate. A frame off would be 0.05 and more for this signal; what is left is
/// what a distortion makes above 20 kHz, where the converter cuts.
const TOLERANCE: f64 = 2e-3;

/// The same for fuzzes, whose gain raises what the converters leave before the first note.
const FUZZ_TOLERANCE: f64 = 2e-2;

/// Notes of 20 partials up to 4 kHz, softly begun and dying away, at `rate` Hz: the same sound at any.
fn notes(rate: u32) -> Vec<f32> {
    // Below a second.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let frames = (SECONDS * f64::from(rate)) as u32;
    (0..frames)
        .map(|n| {
            let t = f64::from(n) / f64::from(rate);
            let envelope = (t / 0.05).min(1.0).powi(2) * (-2.0 * t).exp();
            let partials = (1..=20).map(|k| (TAU * 196.0 * f64::from(k) * t + f64::from(k * k)).sin());
            #[allow(clippy::cast_possible_truncation)]
            let sample = (0.05 * envelope * partials.sum::<f64>()) as f32;
            sample
        })
        .collect()
}

/// `signal` between its samples: at `place`, a number of frames from its beginning, by a windowed sinc of 64 samples.
fn between(signal: &[f32], place: f64) -> f64 {
    const HALF: i32 = 32;
    #[allow(clippy::cast_possible_truncation)]
    let middle = place.floor() as i32;
    (middle - HALF + 1..=middle + HALF)
        .filter_map(|at| {
            let x = f64::from(*signal.get(usize::try_from(at).ok()?)?);
            let away = place - f64::from(at);
            let sinc = if away.abs() < 1e-9 {
                1.0
            } else {
                (PI * away).sin() / (PI * away)
            };
            let window = (0.5 * PI * away / f64::from(HALF)).cos().powi(2);
            Some(x * sinc * window)
        })
        .sum()
}

/// What `model` makes of the notes at `rate`, its latency taken off, and that latency.
fn play(model: &Model, rate: u32) -> (Vec<f32>, usize) {
    let track = Track::mono(rate);
    let (_control, mut audio) = track.open();
    audio.adopt(track.unit(model, StartState::Zero, 1));
    let mut settings = Settings::default();
    for (position, knob) in settings.knobs[0].iter_mut().zip(model.knobs()) {
        *position = knob.range().position(knob.default);
    }
    audio.reset(&settings);
    let latency = audio.latency();
    let mut signal = notes(rate);
    signal.resize(signal.len() + latency, 0.0);
    let mut played = audio.play(&settings, &signal, std::iter::repeat(480));
    played.drain(..latency);
    (played, latency)
}

#[test]
fn shipped_models_sound_alike_at_every_rate_with_the_latency_they_tell() {
    let mut wrong = Vec::new();
    for entry in corpus::shipped() {
        let model =
            Model::from_file(&entry.path, &Options::default()).unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        assert_eq!(model.metadata().sample_rate, Some(OWN), "{}", entry.name);
        let (own, latency) = play(&model, OWN);
        assert_eq!(latency, 0, "{} at its own rate", entry.name);
        for rate in RATES {
            let host = SampleRate::new(rate).expect("a sample rate");
            let (played, latency) = play(&model, rate);
            let told = model.conversion(host, RateMode::default(), Oversampling::default());
            assert_eq!(
                latency,
                told.latency.total().frames().as_usize(),
                "{} at {rate} Hz: what the bank adds is what the model tells",
                entry.name
            );
            assert_eq!(latency == 0, rate == OWN, "{} at {rate} Hz: {latency}", entry.name);
            assert!(played.iter().all(|y| y.is_finite()), "{} at {rate} Hz", entry.name);
            let (mut error, mut power, mut own_power) = (0.0, 0.0, 0.0);
            for (n, y) in (0_u32..).zip(&played) {
                let wanted = between(&own, f64::from(n) * f64::from(OWN) / f64::from(rate));
                error += (f64::from(*y) - wanted).powi(2);
                power += f64::from(*y).powi(2);
                own_power += wanted.powi(2);
            }
            assert!(power / f64::from(rate) > 1e-6, "{} at {rate} Hz is silent", entry.name);
            let error = if TOSSED.contains(&entry.name.as_str()) {
                assert!(
                    (power / own_power).log10().abs() < 0.1,
                    "{} at {rate} Hz: not as loud",
                    entry.name
                );
                0.0
            } else {
                error / own_power
            };
            println!("{} at {rate} Hz: {error:.1e}, latency {latency}", entry.name);
            let tolerance = if entry.name.contains("fuzz") {
                FUZZ_TOLERANCE
            } else {
                TOLERANCE
            };
            if error.is_nan() || error > tolerance {
                wrong.push(format!("{} at {rate} Hz: {error:.1e} off", entry.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
