//! The sliding difference against devices whose delay, gain and error are known.

mod signals;

use std::path::PathBuf;

use signals::{RATE, material, noise};
use tonegraft_analysis::align;
use tonegraft_analysis::live::{Difference, DifferenceConfig, Reading, State};
use tonegraft_analysis::{error, stft};

/// Playing that does not repeat itself within the delays: notes of a scale, each with its own attack. The last step, a mean of two
/// frames, leaves nothing at half the rate, where a shift by a fraction has no meaning.
fn playing(frames: usize) -> Vec<f32> {
    let steps = [0.0, 3.0, 5.0, 7.0, 10.0, 12.0, 8.0, 2.0, 15.0];
    let hiss = noise(frames, 5);
    let rough: Vec<f64> = (0..frames)
        .map(|n| {
            let t = n as f64 / RATE;
            let (note, since) = ((t / 0.4) as usize, t.rem_euclid(0.4));
            let hz = 98.0 * 2f64.powf(steps[note % steps.len()] / 12.0);
            let tone: f64 = (1..7)
                .map(|k| (std::f64::consts::TAU * hz * f64::from(k) * since).sin() / f64::from(k))
                .sum();
            (-4.0 * since).exp() * (1.0 - since / 0.4) * (0.3 * tone + 0.02 * hiss[n])
        })
        .collect();
    (0..frames)
        .map(|n| (0.5 * (rough[n] + rough[n.saturating_sub(1)])) as f32)
        .collect()
}

fn driven(signal: &[f32]) -> Vec<f32> {
    signal
        .iter()
        .map(|s| (3.0 * f64::from(*s)).tanh() as f32 * 0.5)
        .collect()
}

fn device(model: &[f32], delay: f64, gain: f32) -> Vec<f32> {
    align::shift(model, -delay).iter().map(|s| gain * s).collect()
}

/// Feeds in uneven blocks, with an update after each quarter of a second; the last state.
fn run(difference: &mut Difference, input: &[f32], model: &[f32], reference: &[f32]) -> State {
    let mut at = 0;
    let mut since = 0;
    for block in [480, 33, 2048, 1].iter().cycle() {
        let end = (at + block).min(model.len());
        difference.feed(&[&input[at..end]], &[&model[at..end]], &[&reference[at..end]]);
        since += end - at;
        at = end;
        if since >= 12_000 || at == model.len() {
            difference.update();
            since = 0;
        }
        if at == model.len() {
            break;
        }
    }
    difference.state()
}

#[track_caller]
fn measured(state: State) -> Reading {
    match state {
        State::Measured(reading) => reading,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_late_quiet_inverted_device_is_found_and_nulls() {
    let input = playing(384_000);
    let model = driven(&input);
    for (delay, db) in [(37.4, -3.1f64), (0.0, 0.0), (-211.7, 6.0), (17_283.25, -20.0)] {
        let gain = -(10f64.powf(db / 20.0)) as f32;
        let mut difference = Difference::new(DifferenceConfig::new(RATE, 1));
        let found = measured(run(&mut difference, &input, &model, &device(&model, delay, gain)));
        println!("{found:?}");
        assert!((found.delay - delay).abs() < 1e-3, "{found:?}");
        assert!((found.gain_db - db).abs() < 0.005 && found.inverted, "{found:?}");
        assert!(
            (found.difference_gain * f64::from(gain) - 1.0).abs() < 1e-3,
            "{found:?}"
        );
        assert!(found.null_db < -80.0 && found.correlation > 0.999_999, "{found:?}");
        assert!(
            found.esr_preemphasis < 1e-5 && found.mr_stft.is_some_and(|d| d.distance < 0.01),
            "{found:?}"
        );
        assert!(found.confidence.is_some_and(|c| c > 0.5), "{found:?}");
    }
}

#[test]
fn the_remainder_is_what_the_offline_measures_say() {
    let input = playing(384_000);
    let model = driven(&input);
    // Another drive, and 25.6 frames late.
    let other: Vec<f32> = input
        .iter()
        .map(|s| (4.0 * f64::from(*s)).tanh() as f32 * 0.4)
        .collect();
    let reference = device(&other, 25.6, 1.0);
    let mut difference = Difference::new(DifferenceConfig::new(RATE, 1));
    let found = measured(run(&mut difference, &input, &model, &reference));
    assert_eq!(found.seconds, 4.0);
    // The same window, as the last update left it.
    let shifted = align::shift(&model, -found.delay);
    let gain = 10f64.powf(found.gain_db / 20.0) as f32;
    let scaled: Vec<f32> = shifted.iter().map(|s| gain * s).collect();
    let end = (384_000 - 2_192) / 12_000 * 12_000;
    let range = end - 192_000..end;
    let offline = error::measure(&reference[range.clone()], &scaled[range.clone()]).expect("measurable");
    println!("{found:?} {offline:?}");
    assert!(
        (offline.esr / found.esr - 1.0).abs() < 1e-3,
        "{} {}",
        offline.esr,
        found.esr
    );
    assert!((offline.esr_preemphasis / found.esr_preemphasis - 1.0).abs() < 2e-3);
    assert!(
        (offline.gain - 1.0).abs() < 1e-4,
        "the gain is that of least squares: {}",
        offline.gain
    );
    assert!((10.0 * offline.esr.log10() - found.null_db).abs() < 0.01);
    let distance = stft::distance(&reference[range.clone()], &scaled[range]).expect("long enough");
    let live = found.mr_stft.expect("measured");
    assert!(
        (live.distance / distance.distance - 1.0).abs() < 0.02,
        "{live:?} {distance:?}"
    );
    // No other delay is better.
    for off in [-0.02, 0.02] {
        let moved = align::shift(&model, -found.delay - off);
        let apart: f64 = moved[192_000..340_000]
            .iter()
            .zip(&reference[192_000..340_000])
            .map(|(m, r)| f64::from(r - gain * m).powi(2))
            .sum();
        let here: f64 = scaled[192_000..340_000]
            .iter()
            .zip(&reference[192_000..340_000])
            .map(|(m, r)| f64::from(r - m).powi(2))
            .sum();
        assert!(apart > 0.999 * here, "{off}: {apart} {here}");
    }
    let spectra = difference.spectra().expect("measured");
    let power = |of: &[f64]| of.iter().sum::<f64>();
    let ratio = power(&spectra.difference) / power(&spectra.reference);
    assert!(
        (10.0 * (ratio / found.esr).log10()).abs() < 1.0,
        "{ratio} {}",
        found.esr
    );
    let (heard, _) = difference.map().windows();
    assert!(heard > 50 && difference.map().cells().iter().any(|cell| cell.windows > 5));
}

#[test]
fn a_delay_that_drifts_is_followed_and_a_locked_one_is_not() {
    let input = playing(480_000);
    let model = driven(&input);
    // Half a frame later for every second from the fourth on.
    let reference: Vec<f32> = {
        let mut out = Vec::new();
        for second in 0..10usize {
            let late = device(&model, 40.0 + 0.5 * second.saturating_sub(3) as f64, 0.8);
            out.extend_from_slice(&late[second * 48_000..(second + 1) * 48_000]);
        }
        out
    };
    let mut difference = Difference::new(DifferenceConfig::new(RATE, 1));
    let found = measured(run(&mut difference, &input, &model, &reference));
    // The window holds 42 … 43.
    assert!((found.delay - 42.25).abs() < 0.5, "{found:?}");
    let mut locked = Difference::new(DifferenceConfig::new(RATE, 1));
    locked.set_delay(40.0);
    locked.follow(false);
    let found = measured(run(&mut locked, &input, &model, &reference));
    assert_eq!((found.delay, found.confidence), (40.0, None));
    let mut set = Difference::new(DifferenceConfig::new(RATE, 1));
    set.set_delay(40.4);
    let found = measured(run(
        &mut set,
        &input[..240_000],
        &model[..240_000],
        &device(&model[..240_000], 40.0, 0.8),
    ));
    assert!((found.delay - 40.0).abs() < 1e-3, "{found:?}");
}

#[test]
fn a_delay_that_is_lost_is_found_again() {
    let input = playing(960_000);
    let model = driven(&input);
    // The cable to another interface after 8 s.
    let mut reference = device(&model, 300.0, 0.5);
    reference[384_000..].copy_from_slice(&device(&model, 2_500.5, -0.5)[384_000..]);
    let mut difference = Difference::new(DifferenceConfig::new(RATE, 1));
    let found = measured(run(&mut difference, &input, &model, &reference));
    assert!((found.delay - 2_500.5).abs() < 1e-3 && found.inverted, "{found:?}");
    let mut locked = Difference::new(DifferenceConfig::new(RATE, 1));
    locked.set_delay(300.0);
    locked.follow(false);
    let found = measured(run(&mut locked, &input, &model, &reference));
    assert!(found.delay == 300.0 && found.correlation < 0.5, "{found:?}");
}

#[test]
fn silence_strangers_and_bad_input_are_told() {
    let input = playing(240_000);
    let model = driven(&input);
    let silent = vec![0.0; model.len()];
    let fresh = || Difference::new(DifferenceConfig::new(RATE, 1));
    assert_eq!(fresh().update(), State::Filling);
    let state = run(&mut fresh(), &input, &model, &silent);
    assert_eq!(
        state,
        State::Silent {
            model: false,
            reference: true
        }
    );
    let state = run(&mut fresh(), &input, &silent, &silent);
    assert_eq!(
        state,
        State::Silent {
            model: true,
            reference: true
        }
    );
    let stranger: Vec<f32> = noise(model.len(), 11).iter().map(|s| *s as f32).collect();
    let state = run(&mut fresh(), &input, &model, &stranger);
    assert!(matches!(state, State::Unaligned { .. }), "{state:?}");
    let broken = vec![f32::NAN; model.len()];
    let state = run(&mut fresh(), &broken, &model, &broken);
    assert_eq!(
        state,
        State::Silent {
            model: false,
            reference: true
        }
    );
    let huge: Vec<f32> = model.iter().map(|s| s * 1e30).collect();
    let mut loud = fresh();
    let found = measured(run(&mut loud, &input, &huge, &model));
    assert!((found.gain_db + 600.0).abs() < 0.01, "{found:?}");
    // After an interruption the delay is kept, after a reset it is not.
    loud.restart();
    assert_eq!((loud.update(), loud.delay().is_some()), (State::Filling, true));
    loud.reset();
    assert_eq!(loud.delay(), None);
    let mut wild = Difference::new(DifferenceConfig {
        rate: f64::NAN,
        channels: 77,
        window: -1.0,
        hop: f64::INFINITY,
        max_lag: 1e9,
        searching: true,
    });
    wild.feed(&[], &[], &[&[0.5; 100]]);
    wild.set_delay(f64::NAN);
    assert_eq!(wild.update(), State::Filling);
}

#[test]
fn two_channels_and_other_rates() {
    let base = material(240_000);
    let model = driven(&base);
    let reference = device(&model, 12.5, 0.5);
    let quiet: Vec<f32> = model.iter().map(|s| 0.1 * s).collect();
    let quiet_reference = device(&quiet, 12.5, 0.5);
    for rate in [16_000.0, 44_100.0, 96_000.0] {
        let mut difference = Difference::new(DifferenceConfig::new(rate, 2));
        difference.set_delay(12.0);
        for start in (0..240_000).step_by(4_000) {
            let range = start..start + 4_000;
            difference.feed(
                &[&base[range.clone()], &base[range.clone()]],
                &[&quiet[range.clone()], &model[range.clone()]],
                &[&quiet_reference[range.clone()], &reference[range]],
            );
            difference.update();
        }
        let found = measured(difference.state());
        assert!(
            (found.delay - 12.5).abs() < 1e-3 && (found.gain_db + 6.02).abs() < 0.01,
            "{rate}: {found:?}"
        );
        assert!(
            found.null_db < -60.0 && difference.spectra().is_some(),
            "{rate}: {found:?}"
        );
    }
}

/// The samples of somebody else's file, `None` if it is not there.
fn recorded(name: &str) -> Option<Vec<f32>> {
    let folder = std::env::var_os("TONEGRAFT_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join(name);
    let Ok(mut file) = hound::WavReader::open(&path) else {
        let required = std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_some_and(|value| value == "1");
        assert!(!required, "{}: missing", path.display());
        println!("skipped: {} is not there", path.display());
        return None;
    };
    let spec = file.spec();
    let samples = match spec.sample_format {
        hound::SampleFormat::Float => file.samples::<f32>().map(|s| s.expect("a sample")).collect(),
        hound::SampleFormat::Int => {
            let scale = 1.0 / (1u32 << (spec.bits_per_sample - 1)) as f32;
            file.samples::<i32>()
                .map(|s| s.expect("a sample") as f32 * scale)
                .collect()
        }
    };
    Some(samples)
}

#[test]
fn a_device_played_by_a_model_of_a_third_party_is_found_and_nulls() {
    for name in [
        "nam_BossWN-standard",
        "nam_deluxe",
        "nam_A2",
        "nam_peterN_HM2_swede_std",
    ] {
        let Some(once) = recorded(&format!("ref/{name}.wav")) else {
            continue;
        };
        let model: Vec<f32> = once.iter().copied().cycle().take(once.len().max(288_000)).collect();
        let reference = device(&model, 37.4, -(10f64.powf(-3.1 / 20.0)) as f32);
        let mut difference = Difference::new(DifferenceConfig::new(RATE, 1));
        let found = measured(run(&mut difference, &model, &model, &reference));
        println!(
            "{name}: delay off by {:.1e} samples, gain by {:.1e} dB, null {:.1} dB",
            found.delay - 37.4,
            found.gain_db + 3.1,
            found.null_db
        );
        assert!((found.delay - 37.4).abs() < 1e-3 && found.inverted, "{name}: {found:?}");
        assert!(
            (found.gain_db + 3.1).abs() < 0.005 && found.null_db < -60.0,
            "{name}: {found:?}"
        );
    }
}

#[test]
fn the_error_map_of_real_playing_is_filled() {
    let Some(input) = recorded("audio/nam_guitar_di.wav") else {
        return;
    };
    let model = driven(&input);
    let other: Vec<f32> = input
        .iter()
        .map(|s| (4.0 * f64::from(*s)).tanh() as f32 * 0.4)
        .collect();
    let mut difference = Difference::new(DifferenceConfig::new(RATE, 1));
    run(&mut difference, &input, &model, &device(&other, 211.3, 0.7));
    let (heard, unused) = difference.map().windows();
    let cells: Vec<_> = difference
        .map()
        .cells()
        .iter()
        .filter(|cell| cell.windows > 1)
        .collect();
    println!("{heard} windows, {unused} of no stable pitch, {} cells", cells.len());
    assert!(heard > 100 && unused * 5 < heard * 4, "{heard} {unused}");
    assert!(cells.len() >= 5);
    assert!(
        cells
            .iter()
            .all(|cell| cell.error_db().is_some_and(|db| (-80.0..0.0).contains(&db)))
    );
}
