//! What stands around the model, in the plugin: cabinet, rate conversion, sizes, other formats.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::{Instance, LAYOUTS, guitar, wait_for};
use tempfile::TempDir;
use tonegraft_chain::cab::{ImpulseResponse, IrLevel};
use tonegraft_core::SampleRate;
use tonegraft_engine::{Model, Options, Oversampling, RateMode};
use tonegraft_library::{ModelRef, ParamValue, SessionState, host_state, session};

fn rate(hz: u32) -> SampleRate {
    SampleRate::new(hz).expect("a rate")
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .join("models/fixtures")
        .join(name)
}

/// A state whose session is changed by `edit`.
fn state(model: &Path, edit: impl FnOnce(&mut SessionState), params: &[(&str, ParamValue)]) -> Vec<u8> {
    let mut session = SessionState::default();
    session.set_model(0, ModelRef::read_file(model, &[], false).expect("a model file"));
    edit(&mut session);
    let params: BTreeMap<String, ParamValue> = params
        .iter()
        .map(|(id, value)| ((*id).to_owned(), value.clone()))
        .collect();
    host_state::to_stream(&params, &session::encode(&session))
}

/// Mono, offline, from the first sample.
fn play(state: &[u8], hz: u32, input: &[Vec<f32>]) -> (Vec<f32>, u32) {
    let mono = LAYOUTS.iter().position(|layout| *layout == [1, 1, 0]).expect("mono");
    let mut instance = Instance::new();
    assert!(instance.load(state));
    instance.set_offline(true);
    assert!(instance.select(mono));
    instance.activate(f64::from(hz), 512);
    instance.start();
    let output = instance.render(LAYOUTS[mono], input, || 480);
    (output[0].clone(), instance.latency())
}

fn impulse_response(folder: &Path) -> PathBuf {
    let path = folder.join("cab.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 44_100,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&path, spec).expect("the folder is writable");
    for tap in guitar(1, 2_000).remove(0) {
        writer.write_sample(tap).expect("written");
    }
    writer.finalize().expect("written");
    path
}

#[test]
fn a_session_brings_its_cabinet_back() {
    let folder = TempDir::new().expect("a folder");
    let path = impulse_response(folder.path());
    let model = fixture("act_tanh.onnx");
    let input = guitar(1, 9_000);
    let (without, _) = play(&state(&model, |_| {}, &[]), 48_000, &input);
    let with = |params: &[(&str, ParamValue)]| {
        let cab = ModelRef::read_file(&path, &[], false).expect("a file");
        play(&state(&model, |session| session.cab = cab, params), 48_000, &input)
    };
    let (wet, latency) = with(&[]);
    assert_eq!(latency, 0, "a cabinet adds nothing");
    let response = ImpulseResponse::open(&path, rate(48_000), IrLevel::default()).expect("a response");
    let taps = &response.channels()[0];
    for n in (0..9_000).step_by(37) {
        let expected: f64 = (0..taps.len().min(n + 1))
            .map(|k| f64::from(taps[k]) * f64::from(without[n - k]))
            .sum();
        assert!(
            (f64::from(wet[n]) - expected).abs() < 1e-5,
            "frame {n}: {} and {expected}",
            wet[n]
        );
    }
    let off = with(&[("cab", ParamValue::String("off".to_owned()))]);
    assert_eq!(off.0, without);
    // What is lost leaves its reference, and a sentence for the window.
    std::fs::remove_file(&path).expect("removed");
    let cab = ModelRef::File(Box::new(tonegraft_library::ModelFile {
        path: tonegraft_library::PortablePath::new(&path),
        relative: None,
        name: "cab".to_owned(),
        sha256: tonegraft_library::Sha256::of(b"gone"),
        size: None,
        embedded: None,
    }));
    let lost = state(&model, |session| session.cab = cab.clone(), &[]);
    assert_eq!(play(&lost, 48_000, &input).0, without);
}

#[test]
fn models_play_at_the_host_s_rate_in_the_way_that_the_session_says() {
    // A capture of 48 kHz.
    let path = fixture("nam/wavenet_gated.nam");
    let model = Model::from_file(&path, &Options::default()).expect("loads");
    let input = guitar(1, 12_000);
    let mut heard: Vec<Vec<f32>> = Vec::new();
    for (mode, oversampling) in [
        (RateMode::LinearPhase, Oversampling::Off),
        (RateMode::MinimumPhase, Oversampling::Off),
        (RateMode::LinearPhase, Oversampling::X2),
    ] {
        let state = state(
            &path,
            |session| {
                let slot = session.slot_mut(0).expect("slot A");
                slot.rate_mode = mode.name().to_owned();
                slot.oversampling = oversampling.name().to_owned();
            },
            &[],
        );
        for hz in [44_100, 48_000, 96_000] {
            let (output, latency) = play(&state, hz, &input);
            let told = model.conversion(rate(hz), mode, oversampling).latency.total();
            assert_eq!(latency, told.frames().get(), "{mode}, {oversampling} at {hz} Hz");
            assert!(output.iter().all(|x| x.is_finite()));
            assert!(heard.iter().all(|other| *other != output) || (hz == 48_000 && mode == RateMode::MinimumPhase));
            heard.push(output);
        }
    }
}

#[test]
fn a_session_chooses_weights_of_16_bits() {
    // A network that is played hop by hop.
    let path = fixture("operators/loop_kept_dynamo.onnx");
    let input = guitar(1, 12_000);
    let played = |weights: &str| {
        let state = state(
            &path,
            |session| session.slot_mut(0).expect("slot A").weights = weights.to_owned(),
            &[],
        );
        play(&state, 48_000, &input)
    };
    let (whole, latency) = played("");
    let (half, same) = played("f16");
    assert_eq!(same, latency);
    let energy = |of: &mut dyn Iterator<Item = f32>| of.map(|x| f64::from(x) * f64::from(x)).sum::<f64>();
    let error = energy(&mut whole.iter().zip(&half).map(|(a, b)| a - b)) / energy(&mut whole.iter().copied());
    assert!((1e-12..1e-6).contains(&error), "{error:e}");
    // What a later version may know.
    assert_eq!(played("f8").0, whole);
}

#[test]
fn another_way_is_taken_while_audio_plays() {
    let path = fixture("nam/wavenet_gated.nam");
    let plain = state(&path, |_| {}, &[]);
    let doubled = state(
        &path,
        |session| session.slot_mut(0).expect("slot A").oversampling = "2x".to_owned(),
        &[],
    );
    let mut instance = Instance::new();
    assert!(instance.load(&plain));
    instance.set_offline(true);
    instance.activate(48_000.0, 512);
    instance.start();
    let input = guitar(2, 4_096);
    instance.render(LAYOUTS[0], &input, || 512);
    assert_eq!(instance.latency(), 0);
    assert!(instance.load(&doubled));
    wait_for("the other way", || {
        instance.render(LAYOUTS[0], &input, || 512);
        instance.latency() > 0
    });
    assert!(instance.load(&plain));
    wait_for("the first way", || {
        instance.render(LAYOUTS[0], &input, || 512);
        instance.latency() == 0
    });
}

#[test]
fn a_session_chooses_the_size() {
    let path = fixture("nam/container.nam");
    let input = guitar(1, 6_000);
    let sized = |size: Option<f32>| {
        let state = state(&path, |session| session.slot_mut(0).expect("slot A").size = size, &[]);
        play(&state, 48_000, &input).0
    };
    let full = sized(None);
    assert_eq!(sized(Some(1.0)), full);
    assert_ne!(sized(Some(0.0)), full);
}
