//! The device on the side-chain: every layout, switches by automation, and a simulated device.

use super::clack::{Built, Loaded, Move, RATE, Song};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use tonegraft_analysis::align::{AlignOptions, estimate, shift};
use tonegraft_library::{ModelRef, ParamValue, Placement, SessionState, host_state, session};
use tonegraft_tests::corpus;
use tonegraft_tests::signal::{Random, string};

fn no_events(_: usize, _: usize) -> Vec<Move> {
    Vec::new()
}

/// A state that uses the side-chain and begins with `source`.
fn state(source: &str, edit: impl FnOnce(&mut SessionState)) -> Vec<u8> {
    let mut session = SessionState::default();
    edit(&mut session);
    let params = BTreeMap::from([
        ("output_mode".to_owned(), ParamValue::String("raw".to_owned())),
        ("source".to_owned(), ParamValue::String(source.to_owned())),
        ("use_reference".to_owned(), ParamValue::Bool(true)),
    ]);
    host_state::to_stream(&params, &session::encode(&session))
}

fn file(path: &Path) -> ModelRef {
    ModelRef::read_file(path, &[], false).expect("a readable file")
}

fn our(name: &str) -> PathBuf {
    corpus::root().join("models").join(name)
}

/// A capture of somebody's amplifier where the test data is there, else our own network of the same kind.
fn amplifier() -> PathBuf {
    let theirs = corpus::shared_data("a captured amplifier").map(|data| data.join("nam/BossLSTM-1x16.nam"));
    theirs
        .filter(|path| path.exists())
        .unwrap_or_else(|| our("fixtures/nam/wavenet_gated.nam"))
}

fn loaded(built: &Built, state: &[u8], layout: u32) -> Loaded {
    let mut loaded = Loaded::new(&built.clap);
    // Models are there before the first block.
    loaded.set_offline();
    loaded.load(state);
    loaded.select(layout);
    loaded
}

/// Sound of many pitches with attacks, not periodic within the longest delay.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn playing(frames: usize) -> Vec<f32> {
    let mut random = Random::new(91);
    let mut sound = vec![0.0_f32; frames];
    let mut at = 0;
    while at < frames {
        let step = 80.0 * 12.0_f64.powf(random.unit().into()) * std::f64::consts::TAU / f64::from(RATE);
        let level = 0.1 + 0.4 * f64::from(random.unit());
        for (index, sample) in sound.iter_mut().skip(at).take(12_000).enumerate() {
            let t = index as f64;
            *sample += (level * (-t / 3_000.0).exp() * ((step * t).sin() + 0.3 * (3.01 * step * t).sin())) as f32;
        }
        at += random.between(2_000, 7_000);
    }
    sound
}

fn rms(signal: &[f32]) -> f64 {
    let power: f64 = signal.iter().map(|x| f64::from(*x).powi(2)).sum();
    #[allow(clippy::cast_precision_loss)]
    let mean = power / signal.len().max(1) as f64;
    mean.sqrt()
}

fn db(part: f64, of: f64) -> f64 {
    20.0 * (part / of).log10()
}

/// Main inputs, outputs and side-chain channels by the layout's number.
const LAYOUTS: [(usize, usize, usize); 9] = [
    (2, 2, 2),
    (2, 2, 1),
    (2, 2, 0),
    (1, 1, 2),
    (1, 1, 1),
    (1, 1, 0),
    (1, 2, 2),
    (1, 2, 1),
    (1, 2, 0),
];

/// In every layout the reference is heard where it is chosen: silence if the host passes none; where the layout has none, slot A plays on.
#[test]
fn every_layout_hears_its_side_chain() {
    let Some(built) = Built::find() else { return };
    let state = state("reference", |_| {});
    let frames = 24_000;
    let (main, side) = (string(frames, 48_000.0, 110.0, 1), string(frames, 48_000.0, 146.8, 2));
    for (layout, (inputs, outputs, sides)) in (0..).zip(LAYOUTS) {
        for passed in [true, false] {
            let song = Song {
                start: None,
                main: vec![main.clone(); inputs],
                side: (passed && sides > 0).then(|| vec![side.clone(); sides]),
                outputs,
                events: &no_events,
            };
            let wanted = match (sides, passed) {
                (0, _) => main.clone(),
                (_, true) => side.clone(),
                (_, false) => vec![0.0; frames],
            };
            let (heard, _) = loaded(&built, &state, layout).perform(song, &[480, 1, 31]);
            for (channel, heard) in heard.iter().enumerate() {
                let late = &heard[9_600..];
                let off: Vec<f32> = late.iter().zip(&wanted[9_600..]).map(|(a, b)| a - b).collect();
                let left = db(rms(&off), rms(&main));
                assert!(
                    left < -100.0,
                    "layout {layout}, passed {passed}, channel {channel}: {left:.1} dB"
                );
            }
        }
    }
}

/// Largest second difference after the first frames, which carry what was played before.
fn roughness(signal: &[f32]) -> f32 {
    signal[4_800..]
        .windows(3)
        .map(|w| (w[0] - 2.0 * w[1] + w[2]).abs())
        .fold(0.0, f32::max)
}

/// The same in both channels of both inputs.
fn sung<'a>(sound: &[f32], events: &'a (dyn Fn(usize, usize) -> Vec<Move> + Sync)) -> Song<'a> {
    Song {
        start: None,
        main: vec![sound.to_vec(); 2],
        side: Some(vec![sound.to_vec(); 2]),
        outputs: 2,
        events,
    }
}

/// A thousand automated switches of *Source* and *Program* in blocks of any length: nothing clicks, and the latency stays.
#[test]
fn a_thousand_switches_by_automation_click_nowhere() {
    let Some(built) = Built::find() else { return };
    let state = state("a", |session| {
        session.set_model(0, file(&our("fixtures/conv_same.onnx")));
        session.set_model(1, file(&our("shipped/overdrive.onnx")));
        session.program_mut(0).expect("a place").model = file(&our("fixtures/conv_causal.onnx"));
    });
    let mut random = Random::new(1_000);
    let cuts: Vec<usize> = (0..997).map(|_| random.between(1, 512)).collect();
    let frames = 300_000;
    // Low, so that what bends is the switch and not the sound.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let sine: Vec<f32> = (0..frames)
        .map(|frame| (0.25 * (frame as f64 * 0.0131).sin()) as f32)
        .collect();
    let switches = Mutex::new((random, 0_usize));
    let events = |_: usize, block: usize| -> Vec<Move> {
        let (random, count) = &mut *switches.lock().expect("one thread");
        *count += 1;
        let time = random.between(0, block - 1);
        // Not the difference, which is clipped.
        #[allow(clippy::cast_precision_loss)]
        if random.between(0, 4) == 0 {
            vec![(time, "program", random.between(0, 1) as f64)]
        } else {
            vec![(time, "source", random.between(0, 3) as f64)]
        }
    };
    // What each source bends by itself.
    let mut steady = 0.0_f32;
    for value in 0..4 {
        let stay = move |done: usize, _: usize| {
            let source = ("source", f64::from(value));
            if done == 0 {
                vec![(0, source.0, source.1)]
            } else {
                Vec::new()
            }
        };
        let (heard, _) = loaded(&built, &state, 0).perform(sung(&sine, &stay), &cuts);
        steady = heard.iter().fold(steady, |most, channel| most.max(roughness(channel)));
    }
    let mut loaded = loaded(&built, &state, 0);
    // Asked for by the models, not by switches.
    let (_, before) = loaded.perform(sung(&sine, &no_events), &[512]);
    loaded.restart.0.store(false, Ordering::SeqCst);
    let (heard, latencies) = loaded.perform(sung(&sine, &events), &cuts);
    let (_, count) = switches.into_inner().expect("no panic");
    assert!(count >= 1_000, "{count} switches");
    assert_eq!(
        latencies,
        before[before.len() - 1..],
        "the latency is the same before, while and after"
    );
    assert!(!loaded.restart.0.load(Ordering::SeqCst), "no restart is asked for");
    // A raised cosine of 5 ms bends two signals of this level by this much, beside what they bend themselves.
    let bound = 1.1 * steady + 1e-3;
    for channel in &heard {
        assert!(channel.iter().all(|sample| sample.is_finite()));
        assert!(
            roughness(channel) <= bound,
            "{} where {steady} is steady",
            roughness(channel)
        );
    }
    println!(
        "{count} switches: second difference {:.2e}, steady {steady:.2e}",
        roughness(&heard[0])
    );
}

/// A device that is the model, 37.4 samples late, 3.1 dB lower and upside down: what the host hears of it is that to a thousandth of a
/// sample, and placed and heard aligned it nulls.
#[test]
fn a_simulated_device_on_the_side_chain_nulls() {
    let Some(built) = Built::find() else { return };
    let path = amplifier();
    println!("model: {}", path.display());
    const MONO: u32 = 4;
    let frames = 5 * 48_000;
    let main = playing(frames);
    let hear = |source: &str, side: &[f32], placed: Option<Placement>| {
        let state = state(source, |session| {
            session.set_model(0, file(&path));
            if let Some(placed) = placed {
                session.compare.rate = 48_000;
                session.compare.reference = placed;
                session.compare.hear_aligned = true;
            }
        });
        let song = Song {
            start: None,
            main: vec![main.clone()],
            side: Some(vec![side.to_vec()]),
            outputs: 1,
            events: &no_events,
        };
        let (mut heard, latencies) = loaded(&built, &state, MONO).perform(song, &[256, 17, 480]);
        assert_eq!(latencies.len(), 1, "{latencies:?}");
        (heard.swap_remove(0).split_off(latencies[0]), latencies[0])
    };
    let (model, own) = hear("a", &vec![0.0; frames], None);
    #[allow(clippy::cast_possible_truncation)]
    let gain = 10.0_f64.powf(-3.1 / 20.0) as f32;
    let device: Vec<f32> = shift(&model, -37.4).into_iter().map(|sample| -gain * sample).collect();

    let (heard, latency) = hear("reference", &device, None);
    assert_eq!(latency, own, "hearing it as it comes adds nothing");
    let found = estimate(&model, &heard, &AlignOptions::new(24_000)).expect("sound");
    println!("found {found:?}, {:.4} dB", found.gain_db());
    assert!((found.delay - 37.4).abs() < 1e-3, "{}", found.delay);
    assert!((found.gain_db() + 3.1).abs() < 5e-3, "{}", found.gain_db());
    assert!(found.inverted && found.confidence > 0.9, "{found:?}");

    let placed = Placement {
        delay: found.delay,
        inverted: found.inverted,
        ..Placement::default()
    };
    let (aligned, latency) = hear("reference", &device, Some(placed));
    assert!((own + 38..=own + 80).contains(&latency), "{own}, then {latency}");
    let (model_aligned, same) = hear("a", &device, Some(placed));
    assert_eq!(same, latency, "a source changes no latency");
    let middle = 4_800..frames - 4_800;
    let level = rms(&model_aligned[middle.clone()]);
    let off: Vec<f32> = middle.clone().map(|n| model_aligned[n] - aligned[n] / gain).collect();
    println!("null {:.1} dB", db(rms(&off), level));
    assert!(db(rms(&off), level) < -60.0, "{}", db(rms(&off), level));

    // The difference that the plugin plays, with the device as loud as the model.
    let loud: Vec<f32> = device.iter().map(|sample| sample / gain).collect();
    let (difference, _) = hear("difference", &loud, Some(placed));
    let left = db(rms(&difference[middle]), level);
    println!("difference {left:.1} dB");
    assert!(left < -60.0, "{left}");
}
