//! Comparing: two slots, programs, the device on the side-chain, its alignment and its null.
#![allow(unsafe_code)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;
use support::live::{moment, play_until};
use support::{Event, Instance, LAYOUTS, Random, guitar, id_of, model_file, wait_for};
use tonegraft_analysis::align::shift;
use tonegraft_core::SampleRate;
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_engine::{InstanceConfig, Model, Options, Oversampling, RateMode, StartState};
use tonegraft_library::{ModelRef, ParamValue, Placement, SessionState, host_state, session};
use tonegraft_plugin::editor::view::{DifferenceState, LatencyMeasure, LoudnessState, Watching};
use tonegraft_plugin::shared::Wish;
use tonegraft_plugin::side_chain::SideChainSignal;

const RATE: f64 = 48_000.0;

/// Mono, with a mono side-chain.
const MONO: usize = 4;

/// A capture of somebody's amplifier where the test data is there, else our own network of the same kind.
fn amplifier() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let data = std::env::var_os("TONEGRAFT_TEST_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let theirs = ["nam/BossLSTM-1x16.nam", "nam/deluxe.nam"];
    let theirs = theirs.iter().map(|name| data.join(name)).find(|path| path.exists());
    theirs.unwrap_or_else(|| root.join("models/fixtures/nam/wavenet_gated.nam"))
}

fn state(edit: impl FnOnce(&mut SessionState), params: &[(&str, ParamValue)]) -> Vec<u8> {
    let mut session = SessionState::default();
    edit(&mut session);
    let params: BTreeMap<String, ParamValue> = params
        .iter()
        .map(|(id, value)| ((*id).to_owned(), value.clone()))
        .collect();
    host_state::to_stream(&params, &session::encode(&session))
}

fn file(path: &Path) -> ModelRef {
    ModelRef::read_file(path, &[], false).expect("a readable file")
}

fn activated(state: &[u8], layout: usize) -> Instance {
    let mut instance = Instance::new();
    assert!(instance.load(state));
    assert!(instance.select(layout));
    instance.activate(RATE, 512);
    instance.start();
    instance.shared().meters.set_timed(false);
    instance
}

/// Sound of many pitches with attacks, not periodic within the longest delay.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn playing(frames: usize) -> Vec<f32> {
    let mut random = Random(91);
    let mut sound = vec![0.0_f32; frames];
    let mut at = 0;
    while at < frames {
        let step = 80.0 * 12.0_f64.powf(random.unit()) * std::f64::consts::TAU / RATE;
        let level = 0.1 + 0.4 * random.unit();
        for (index, sample) in sound.iter_mut().skip(at).take(12_000).enumerate() {
            let t = index as f64;
            *sample += (level * (-t / 3_000.0).exp() * ((step * t).sin() + 0.3 * (3.01 * step * t).sin())) as f32;
        }
        at += 2_000 + random.below(5_000);
    }
    sound
}

/// What `path` makes of `input`, mono, from the first sample.
fn rendered(path: &Path, input: &[f32]) -> Vec<f32> {
    let state = state(
        |session| session.set_model(0, file(path)),
        &[("output_mode", ParamValue::String("raw".to_owned()))],
    );
    let mut instance = Instance::new();
    assert!(instance.load(&state));
    instance.set_offline(true);
    assert!(instance.select(5));
    instance.activate(RATE, 512);
    instance.start();
    instance.render(LAYOUTS[5], &[input.to_vec()], || 512).swap_remove(0)
}

fn rms(signal: &[f32]) -> f64 {
    let power: f64 = signal.iter().map(|x| f64::from(*x).powi(2)).sum();
    #[allow(clippy::cast_precision_loss)]
    let mean = power / signal.len().max(1) as f64;
    mean.sqrt()
}

/// A device that is the model, 37.4 samples late, 3.1 dB lower and upside down.
#[test]
fn a_simulated_device_is_found_aligned_and_nulled() {
    let path = amplifier();
    println!("model: {}", path.display());
    let input = playing(12 * 48_000);
    #[allow(clippy::cast_possible_truncation)]
    let gain = -(10.0_f64.powf(-3.1 / 20.0)) as f32;
    let device: Vec<f32> = shift(&rendered(&path, &input), -37.4)
        .into_iter()
        .map(|sample| gain * sample)
        .collect();
    let state = state(
        |session| session.set_model(0, file(&path)),
        &[
            ("output_mode", ParamValue::String("raw".to_owned())),
            ("use_reference", ParamValue::Bool(true)),
        ],
    );
    let instance = activated(&state, MONO);
    let shared = instance.shared();
    let (main, side) = ([input], [device]);
    let latency = instance.latency();

    shared.desk.measure_reference();
    play_until(&instance, &main, &side, 1, "the reference's delay", || {
        !shared.desk.figures().aligning
    });
    assert_eq!(shared.desk.figures().align_note, "");
    let measured = shared.session().compare.reference.measured.expect("measured");
    println!("measured: {measured:?}");
    assert!((measured.delay - 37.4).abs() < 1e-3, "{measured:?}");
    assert!((measured.gain_db + 3.1).abs() < 5e-3, "{measured:?}");
    assert!(measured.inverted && measured.confidence > 0.9, "{measured:?}");
    assert_eq!(instance.latency(), latency, "measuring adds nothing");

    let mut figures = shared.desk.figures();
    let watching = Watching {
        spectrum: true,
        difference: true,
    };
    play_until(&instance, &main, &side, 1, "the difference", || {
        shared.desk.watch(watching, moment());
        figures = shared.desk.figures();
        figures.difference.state == DifferenceState::Live && figures.difference.seconds > 3.0
    });
    let difference = &figures.difference;
    println!(
        "null {:.1} dB, gain {:.4} dB, delay {:.4}, correlation {:.6}",
        difference.null_db, difference.gain_db, difference.delay, difference.correlation
    );
    assert!(difference.null_db < -60.0, "{}", difference.null_db);
    assert!((difference.delay - 37.4).abs() < 1e-3, "{}", difference.delay);
    assert!((difference.gain_db + 3.1).abs() < 5e-3, "{}", difference.gain_db);
    assert!(difference.inverted && difference.correlation < -0.999);
    assert_eq!(figures.spectrum.curves.len(), 3);

    // Heard aligned: it costs latency, once; then the difference is heard as good as silent.
    shared.edit_placement(2, |placement| {
        placement.delay = measured.delay;
        placement.inverted = measured.inverted;
    });
    assert_eq!(instance.latency(), latency);
    shared.hear_aligned(true);
    play_until(&instance, &main, &side, 1, "the new latency", || {
        instance.latency() != latency
    });
    let told = instance.latency();
    assert!((38..=80).contains(&told), "{told}");
    instance.block_with(
        &main,
        &side,
        1,
        0..512,
        &[Event {
            time: 0,
            param: id_of("source"),
            value: 4.0,
        }],
    );
    let mut blocks = 0;
    let heard = play_until(&instance, &main, &side, 1, "the difference is heard", || {
        shared.desk.watch(watching, moment());
        blocks += 1;
        blocks > 300
    });
    let (difference, own) = (rms(&heard[heard.len() / 2..]), rms(&side[0]));
    println!("heard difference {:.1} dB", 20.0 * (difference / own).log10());
    assert!(20.0 * (difference / own).log10() < -50.0, "{difference} of {own}");
    assert_eq!(instance.latency(), told, "a switch changes no latency");
}

#[test]
fn a_thousand_switches_click_nowhere_and_change_no_latency() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(
        |session| {
            session.set_model(0, file(&model_file(folder.path(), 64, 0.5)));
            session.set_model(1, file(&model_file(folder.path(), 7, 0.8)));
            session.program_mut(0).expect("a place").model = file(&model_file(folder.path(), 33, 0.3));
            session.program_mut(2).expect("a place").model = file(&model_file(folder.path(), 0, 0.9));
        },
        &[
            ("output_mode", ParamValue::String("raw".to_owned())),
            ("use_reference", ParamValue::Bool(true)),
        ],
    );
    let instance = activated(&state, 0);
    let shared = instance.shared();
    wait_for("all models", || shared.is_idle());
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let sine: Vec<f32> = (0..4 * 48_000)
        .map(|frame| (0.5 * (frame as f64 * 0.0131).sin()) as f32)
        .collect();
    let (main, side) = ([sine.clone(), sine.clone()], [sine.clone(), sine]);
    let mut random = Random(1000);
    // The programs' hidden runs are over after this.
    instance.block_with(&main, &side, 2, 0..24_000, &[]);
    let latency = instance.latency();
    assert_eq!(latency, 64, "the slowest of slots and programs");
    let (mut at, mut switches, mut heard) = (0, 0, Vec::new());
    while switches < 1_000 {
        let frames = 1 + random.below(900);
        let end = (at + frames).min(main[0].len());
        let source = random.below(5) == 0;
        let event = Event {
            time: u32::try_from(random.below(end - at)).expect("small"),
            param: id_of(if source { "program" } else { "source" }),
            // Not the difference: it clips.
            value: if source {
                [0.0, 1.0, 3.0][random.below(3)]
            } else {
                f64::from(u32::try_from(random.below(4)).expect("small"))
            },
        };
        heard.extend(instance.block_with(&main, &side, 2, at..end, &[event]).swap_remove(0));
        switches += 1;
        assert_eq!(instance.latency(), latency);
        at = if end == main[0].len() { 0 } else { end };
        if at == 0 {
            // The signal itself jumps here.
            assert!(clicks(&heard) < 5e-4, "{}", clicks(&heard));
            heard.clear();
        }
    }
    assert!(clicks(&heard) < 5e-4, "{}", clicks(&heard));
}

fn clicks(signal: &[f32]) -> f32 {
    // The first frames carry what was played before.
    signal.get(4_096..).map_or(0.0, |signal| {
        signal
            .windows(3)
            .map(|w| (w[0] - 2.0 * w[1] + w[2]).abs())
            .fold(0.0, f32::max)
    })
}

#[test]
fn absent_silent_and_sounding_side_chains_are_told_apart() {
    let instance = activated(&state(|_| {}, &[]), 0);
    let shared = instance.shared();
    let (main, silence, sound) = (guitar(2, 48_000), vec![vec![0.0; 48_000]; 2], guitar(1, 48_000));
    let play = |reference: &[Vec<f32>]| {
        for block in 0..93 {
            instance.block_with(&main, reference, 2, block * 512..(block + 1) * 512, &[]);
        }
        (shared.side_chain.signal(48_000), shared.side_chain.channels())
    };
    assert_eq!(play(&[]), (SideChainSignal::NotPassed, 0));
    assert_eq!(play(&silence), (SideChainSignal::Silent, 2));
    // Fewer channels than the layout has.
    assert_eq!(play(&sound), (SideChainSignal::Present, 1));
    let mut broken = guitar(2, 48_000);
    broken[0].fill(f32::NAN);
    broken[1].fill(f32::INFINITY);
    let output = instance.block_with(&main, &broken, 2, 0..512, &[]);
    assert!(output.iter().flatten().all(|sample| sample.is_finite()));
}

#[test]
fn slots_are_loaded_copied_and_exchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (model_file(folder.path(), 5, 0.5), model_file(folder.path(), 9, 0.25));
    let instance = activated(&state(|_| {}, &[]), 0);
    let shared = instance.shared();
    let names = || {
        let session = shared.session();
        (session.model(0).name().to_owned(), session.model(1).name().to_owned())
    };
    shared.open(0, Wish::File(one));
    shared.open(1, Wish::File(other));
    wait_for("both models", || shared.is_idle());
    assert_eq!(names(), ("delay5".to_owned(), "delay9".to_owned()));
    shared.edit_placement(0, |placement| placement.delay = 3.0);
    shared.swap();
    wait_for("the exchange", || shared.is_idle());
    assert_eq!(names(), ("delay9".to_owned(), "delay5".to_owned()));
    assert_eq!(shared.session().compare.b.delay.to_bits(), 3.0_f64.to_bits());
    shared.copy(1);
    wait_for("the copy", || shared.is_idle());
    assert_eq!(names(), ("delay5".to_owned(), "delay5".to_owned()));
    let glance = shared.glance();
    let cards = glance.status.slots.map(|slot| slot.card.expect("a model").name.clone());
    assert_eq!(cards, ["delay5", "delay5"]);
    shared.store_program(4, 0);
    wait_for("the program", || shared.is_idle());
    assert_eq!(instance.text("program", 5.0), "5: delay5");
    assert_eq!(instance.text("program", 0.0), "Slot A");
    shared.open(1, Wish::Remove);
    wait_for("an empty slot", || shared.is_idle());
    assert_eq!(names(), ("delay5".to_owned(), String::new()));
    // What was learned is measured behind it all.
    wait_for("the probe", || shared.glance().status.slots[0].baked.is_some());
    let baked = shared.glance().status.slots[0].baked.expect("measured");
    assert!(baked.delay.abs() < 0.01 && !baked.inverted, "{baked:?}");
}

/// The loader measures what is asked for again, with the knobs as they stand.
#[test]
fn a_model_s_own_delay_is_measured_again_with_other_knobs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gain.onnx");
    std::fs::write(&path, support::onnx::times_knob()).expect("written");
    let knob = r#"{"knobs": [{"name": "Gain", "input": "k", "index": 0, "min": -1, "max": 1, "default": 1}]}"#;
    std::fs::write(folder.path().join("gain.onnx.tonegraft.json"), knob).expect("written");
    let instance = activated(&state(|session| session.set_model(0, file(&path)), &[]), 0);
    let shared = instance.shared();
    let measured = || {
        wait_for("the probe", || !shared.glance().status.slots[0].probing);
        shared.glance().status.slots[0].baked
    };
    wait_for("the first probe", || shared.glance().status.slots[0].baked.is_some());
    let first = measured().expect("something comes out");
    assert!(first.delay.abs() < 0.01 && !first.inverted, "{first:?}");
    shared.measure_own(0, [0.0; 8]);
    let turned = measured().expect("something comes out");
    assert!(turned.delay.abs() < 0.01 && turned.inverted, "{turned:?}");
    shared.measure_own(0, [0.5; 8]);
    assert_eq!(measured(), None, "nothing comes out at 0");
    // There is no model to be measured.
    shared.measure_own(1, [0.5; 8]);
    assert!(!shared.glance().status.slots[1].probing);
}

#[test]
fn loudness_is_matched_to_a_tenth_of_a_decibel() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(
        |session| {
            session.set_model(0, file(&model_file(folder.path(), 0, 0.5)));
            session.set_model(1, file(&model_file(folder.path(), 3, 0.2)));
        },
        &[("output_mode", ParamValue::String("raw".to_owned()))],
    );
    let instance = activated(&state, 0);
    let shared = instance.shared();
    let sound = playing(8 * 48_000);
    let (main, side) = ([sound.clone(), sound.clone()], [sound.clone(), sound]);
    shared.desk.match_loudness(moment());
    play_until(&instance, &main, &side, 2, "the loudness", || {
        shared.desk.figures().loudness.state == LoudnessState::Matched
    });
    let trims = shared.desk.take_trims().expect("trims");
    assert_eq!(trims[0], None);
    // 0.5 against 0.2, and against the sound itself.
    assert!((trims[1].expect("B") - 7.959).abs() < 0.1, "{trims:?}");
    assert!((trims[2].expect("the reference") + 6.021).abs() < 0.1, "{trims:?}");
    let lufs = shared.desk.figures().loudness.lufs.map(|lufs| lufs.expect("measured"));
    assert!(
        (lufs[0] - lufs[1]).abs() < 0.1 && (lufs[0] - lufs[2]).abs() < 0.1,
        "{lufs:?}"
    );
}

#[test]
fn a_click_through_the_live_chain_takes_as_long_as_was_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(
        |session| session.set_model(0, file(&model_file(folder.path(), 100, 0.5))),
        &[],
    );
    let instance = activated(&state, 0);
    let shared = instance.shared();
    assert_eq!(instance.latency(), 100);
    let (main, side) = (guitar(2, 48_000), guitar(2, 48_000));
    shared.desk.measure_latency(moment());
    play_until(&instance, &main, &side, 2, "the click", || {
        !matches!(shared.desk.figures().latency, LatencyMeasure::Running)
    });
    match shared.desk.figures().latency {
        LatencyMeasure::Found(frames) => assert!((frames - 100.0).abs() < 0.01, "{frames}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_passage_is_recorded_and_replayed_in_place_of_the_input() {
    let instance = activated(&state(|session| session.set_model(0, ModelRef::None), &[]), 0);
    let shared = instance.shared();
    let (main, side) = (guitar(2, 48_000), guitar(2, 48_000));
    shared.record(600.0);
    let error = shared.glance().status.error.expect("a sentence");
    assert!(error.contains("600") && error.contains("20"), "{error}");
    shared.dismiss();
    shared.record(0.25);
    play_until(&instance, &main, &side, 2, "the recording", || {
        matches!(
            shared.capture().expect("a recorder").state,
            tonegraft_slots::CaptureState::Ready { .. }
        )
    });
    assert_eq!(shared.capture().expect("a recorder").frames, 12_000);
    shared.choose_part([0.05, 0.15]);
    shared.replay();
    let silence = vec![vec![0.0; 48_000]; 2];
    let mut blocks = 0;
    let heard = play_until(&instance, &silence, &silence, 2, "the replay", || {
        blocks += 1;
        blocks > 60
    });
    assert!(
        rms(&heard[12_000..]) > 0.01,
        "the passage is heard although the input is silent"
    );
    // A restart of the audio, as a change of latency brings it, keeps the recording.
    let mut instance = instance;
    instance.deactivate();
    instance.activate(RATE, 512);
    instance.start();
    assert_eq!(shared.capture().expect("a recorder").frames, 12_000);
    shared.stop_capture();
    shared.forget_capture();
    assert_eq!(shared.capture().expect("a recorder").frames, 0);
}

#[test]
fn the_layout_changes_while_everything_runs() {
    let mut instance = activated(&state(|_| {}, &[]), 0);
    let shared = instance.shared();
    let mut random = Random(12);
    for round in 0..18 {
        shared.desk.watch(
            Watching {
                spectrum: true,
                difference: true,
            },
            moment(),
        );
        let layout = LAYOUTS[round % LAYOUTS.len()];
        instance.deactivate();
        assert!(instance.select(round % LAYOUTS.len()));
        instance.activate(RATE, 256);
        instance.start();
        let (main, side) = (guitar(layout[0], 8_192), guitar(layout[2], 8_192));
        let mut at = 0;
        while at < 8_192 {
            let end = (at + 1 + random.below(600)).min(8_192);
            let event = Event {
                time: 0,
                param: id_of("source"),
                value: f64::from(u32::try_from(random.below(5)).expect("small")),
            };
            let output = instance.block_with(&main, &side, layout[1], at..end, &[event]);
            assert!(output.iter().flatten().all(|sample| sample.is_finite()));
            at = end;
        }
    }
}

/// Two standard WaveNets in the plugin, with all that comparing has, against the two models alone: the median of many short turns that
/// are taken in alternation, so that what else runs on the machine slows both or counts as an exception.
#[test]
fn two_standard_networks_with_everything_on_cost_little_more_than_they_do_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let data =
        std::env::var_os("TONEGRAFT_TEST_DATA").map_or_else(|| root.join("../shared/data"), |data| root.join(data));
    let paths = ["nam/BossWN-standard.nam", "nam/wavenet_a1_standard.nam"].map(|name| data.join(name));
    if !paths.iter().all(|path| path.exists()) {
        assert!(
            std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_none_or(|value| value != "1"),
            "no standard networks in {}",
            data.display()
        );
        println!("skipped: no standard networks (set TONEGRAFT_TEST_DATA)");
        return;
    }
    let placed = |delay: f64, inverted: bool| Placement {
        delay,
        inverted,
        ..Placement::default()
    };
    let state = state(
        |session| {
            session.set_model(0, file(&paths[0]));
            session.set_model(1, file(&paths[1]));
            session.compare.rate = 48_000;
            session.compare.a = placed(2.5, false);
            session.compare.b = placed(3.7, true);
            session.compare.reference = placed(37.4, true);
            session.compare.hear_aligned = true;
        },
        &[
            ("source", ParamValue::String("difference".to_owned())),
            ("use_reference", ParamValue::Bool(true)),
        ],
    );
    let instance = activated(&state, MONO);
    let shared = instance.shared();
    wait_for("both models", || shared.is_idle());
    shared.meters.set_timed(true);
    let watching = Watching {
        spectrum: true,
        difference: true,
    };

    const BLOCK: usize = 256;
    let rate = SampleRate::new(48_000).expect("a rate");
    let mut alone = paths.each_ref().map(|path| {
        let model = Model::from_file(path, &Options::default()).expect("a model");
        let config = InstanceConfig {
            host_rate: rate,
            inputs: 1,
            outputs: 1,
            start: StartState::Silence,
            isa: None,
            rate: RateMode::default(),
            oversampling: Oversampling::default(),
        };
        model.instantiate(&config).expect("a processor")
    });
    let (main, side) = ([playing(BLOCK * 64)], [guitar(1, BLOCK * 64).swap_remove(0)]);
    let mut output = vec![0.0; BLOCK];
    let mut ratios: Vec<f64> = (0..640)
        .map(|turn| {
            if turn % 64 == 0 {
                shared.desk.watch(watching, moment());
                shared.record(0.2);
            }
            let at = turn % 64 * BLOCK;
            let begun = Instant::now();
            {
                let _flush = FlushDenormals::new();
                for processor in &mut alone {
                    processor.process(&[&main[0][at..at + BLOCK]], &mut [&mut output]);
                }
            }
            let models = begun.elapsed();
            let begun = Instant::now();
            instance.block_with(&main, &side, 1, at..at + BLOCK, &[]);
            begun.elapsed().as_secs_f64() / models.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let [low, median, high] = [64, 320, 576].map(|index| ratios[index]);
    println!("with everything on {median:.3} times the models alone (10th and 90th percentile {low:.3}, {high:.3})");
    assert!(median <= 1.1, "{median} times the two models alone");
}
