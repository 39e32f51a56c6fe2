//! JSON models of other players: every file plays its reference from sample 0, to the same bits at any cuts.
//!
//! Tolerances relative to the larger of 1 and the reference's peak: 1e-5 without recurrent layers, 1e-4 with them.

#[path = "support/json_reference.rs"]
mod json_reference;
mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{Cuts, bits, data, instance, stream};
use tonegraft_engine::{Model, Options, StartState};
use tonegraft_model::json::self_test;
use tonegraft_model::{Limits, ReadErrorKind};

const FEED_FORWARD: f64 = 1e-5;
const RECURRENT: f64 = 1e-4;

/// How hosts cut.
const CUTS: &[Cuts] = &[
    Cuts::Fixed(1),
    Cuts::Fixed(7),
    Cuts::Fixed(64),
    Cuts::Fixed(480),
    Cuts::Random(5),
];

fn load(path: &Path) -> Model {
    Model::from_file(path, &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Plays `input` from zeros with the knobs at these values, in all cuts; checks that their bits agree.
fn play(model: &Model, input: &[f32], knobs: &[f32]) -> Vec<f32> {
    assert_eq!(model.channels(), (1, 1));
    assert_eq!(model.knobs().len(), knobs.len());
    let info = model.info();
    assert_eq!(info.latency_samples, 0, "these models add no latency");
    let mut processor = instance(model, StartState::Zero);
    for (index, value) in knobs.iter().enumerate() {
        processor.set_knob(index, *value);
    }
    let input = [input.to_vec()];
    processor.reset();
    let first = stream(processor.as_mut(), &input, Cuts::Fixed(512), &[]);
    for cuts in CUTS {
        processor.reset();
        let again = stream(processor.as_mut(), &input, *cuts, &[]);
        assert!(bits(&again) == bits(&first), "{cuts:?} gives other bits");
    }
    first.into_iter().next().expect("one channel")
}

/// The largest difference, relative to the larger of 1 and the peak.
fn difference(y: &[f32], reference: &[f64]) -> f64 {
    assert_eq!(y.len(), reference.len());
    assert!(y.len() > 10, "hardly anything is compared");
    let peak = reference.iter().fold(1.0f64, |peak, y| peak.max(y.abs()));
    let worst = (y.iter().zip(reference)).fold(0.0f64, |worst, (y, r)| worst.max((f64::from(*y) - r).abs()));
    assert!(y.iter().all(|y| y.is_finite()));
    worst / peak
}

fn check(name: &str, y: &[f32], reference: &[f64], tolerance: f64) {
    let found = difference(y, reference);
    assert!(found <= tolerance, "{name}: {found:.2e} off, {tolerance:e} is allowed");
    println!("{name}: {found:.1e} over {} frames", y.len());
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("readable")).expect("JSON")
}

/// A stored rendering of the first half second of the guitar.
fn rendered(name: &str, knobs: &[f32]) {
    let Some(folder) = data::shared(name) else { return };
    let reference = data::wav(&folder.join(format!("ref/json_{name}.wav")));
    let guitar = data::wav(&folder.join("ref/clip_guitar_44k1.wav"));
    let model = load(&folder.join(format!("json/{name}.json")));
    let y = play(&model, &guitar[..reference.len()], knobs);
    check(name, &y, &wide(&reference), RECURRENT);
}

/// One number a line.
fn column(path: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(path).expect("readable");
    text.lines()
        .map(|line| line.trim().parse().expect("a number"))
        .collect()
}

/// RTNeural's own vectors, from Keras. Where Keras gave less than it took, without padding, the end is compared.
fn vectors(name: &str, tolerance: f64) {
    let Some(folder) = data::shared(name) else { return };
    let read = |end: &str| column(&folder.join(format!("ref/rtneural/{name}_{end}_python.csv")));
    let (x, reference) = (read("x"), read("y"));
    #[allow(clippy::cast_possible_truncation)]
    let x: Vec<f32> = x.iter().map(|x| *x as f32).collect();
    let path = folder.join(format!("json/rtneural_{name}.json"));
    let y = play(&load(&path), &x, &[]);
    check(name, &y[y.len() - reference.len()..], &reference, tolerance);
    // And so does the second implementation, which the files without vectors rest on.
    let again = json_reference::keras(&json(&path), &x);
    let again = &again[again.len() - reference.len()..];
    let peak = reference.iter().fold(1.0f64, |peak, y| peak.max(y.abs()));
    let worst = again
        .iter()
        .zip(&reference)
        .fold(0.0f64, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(worst / peak < 1e-5, "{name}: the reference is {worst} off Keras");
}

/// The implementation in `json_reference`.
fn computed(name: &str, reference: fn(&Value, &[f32]) -> Vec<f64>, frames: usize, tolerance: f64) {
    let Some(folder) = data::shared(name) else { return };
    let guitar = data::wav(&folder.join("ref/clip_guitar_44k1.wav"));
    let path = folder.join(format!("json/{name}.json"));
    let y = play(&load(&path), &guitar[..frames], &[]);
    check(name, &y, &reference(&json(&path), &guitar[..frames]), tolerance);
}

macro_rules! files {
    ($($test:ident: $file:literal, $body:expr;)*) => {
        /// Files of the shared data that have a test here.
        const TESTED: &[&str] = &[$($file),*];
        $(#[test] fn $test() { $body })*
    };
}

files! {
    amp_6505: "6505Plus_Red_DirectOut", rendered("6505Plus_Red_DirectOut", &[]);
    blues_jr: "BluesJR_FullD", rendered("BluesJR_FullD", &[]);
    blues_jr_knob: "BluesJrAmp_VolKnob", rendered("BluesJrAmp_VolKnob", &[0.5]);
    big_muff: "LittleBigMuff_HighGainPedal", rendered("LittleBigMuff_HighGainPedal", &[]);
    ts9: "TS9", rendered("TS9", &[0.5]);
    xotic: "XoticBB_pedal_GainKnob", rendered("XoticBB_pedal_GainKnob", &[0.5]);
    agam_ht1: "agam_ht1_lstm32", rendered("agam_ht1_lstm32", &[]);
    agam_muff: "agam_muff_gru32", rendered("agam_muff_gru32", &[]);
    metal_face: "metal_face_model", rendered("metal_face_model", &[]);
    ts9_two_knobs: "model_ts9_48k_cond2", rendered("model_ts9_48k_cond2", &[0.5, 0.8]);
    rtneural_lstm: "rtneural_lstm", vectors("lstm", RECURRENT);
    rtneural_lstm_1d: "rtneural_lstm_1d", vectors("lstm_1d", RECURRENT);
    rtneural_gru: "rtneural_gru", vectors("gru", RECURRENT);
    rtneural_gru_1d: "rtneural_gru_1d", vectors("gru_1d", RECURRENT);
    rtneural_dense: "rtneural_dense", vectors("dense", FEED_FORWARD);
    rtneural_conv: "rtneural_conv", vectors("conv", FEED_FORWARD);
    rtneural_conv_stateless: "rtneural_conv_stateless", vectors("conv_stateless", FEED_FORWARD);
    rtneural_full_model: "rtneural_full_model", computed("rtneural_full_model", json_reference::keras, 4096, RECURRENT);
    centaur: "centaur_50", computed("centaur_50", json_reference::keras, 8192, RECURRENT);
    smartamppro: "smartamppro_TubeDirty", computed("smartamppro_TubeDirty", json_reference::smartamp, 8192, FEED_FORWARD);
    wavenet: "WaveNet1-ts7", computed("WaveNet1-ts7", json_reference::wavenet, 8192, FEED_FORWARD);
    bad_lstm: "rtneural_bad_lstm", bad();
}

/// Its layers do not fit each other.
fn bad() {
    let Some(folder) = data::shared("rtneural_bad_lstm") else {
        return;
    };
    let bytes = std::fs::read(folder.join("json/rtneural_bad_lstm.json")).expect("readable");
    let error = tonegraft_model::read(&bytes, "bad.json", None, &Limits::default()).expect_err("refused");
    assert_eq!(error.kind(), ReadErrorKind::Tensor);
    let text = error.to_string();
    for words in ["layers[0].weights[0]", "[1, 80]", "[1, 64]", "16 units"] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
}

#[test]
fn every_file_of_the_shared_data_has_a_test() {
    let Some(folder) = data::shared("every_file_of_the_shared_data_has_a_test") else {
        return;
    };
    let mut names: Vec<String> = (std::fs::read_dir(folder.join("json")).expect("a folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut tested: Vec<&str> = TESTED.to_vec();
    tested.sort_unstable();
    assert_eq!(names, tested);
    assert_eq!(tested.len(), 22);
}

/// What a fixture of the repository is.
struct Fixture {
    path: PathBuf,
    recurrent: bool,
    knobs: usize,
}

fn fixtures() -> Vec<Fixture> {
    let manifest = json(&data::models().join("fixtures/json/manifest.json"));
    (manifest.as_object().expect("an object").iter())
        .map(|(name, about)| Fixture {
            path: data::models().join("fixtures/json").join(name),
            recurrent: about["recurrent"].as_bool().expect("a truth value"),
            knobs: usize::try_from(about["knobs"].as_u64().expect("a number")).expect("small"),
        })
        .collect()
}

/// Made, and computed in NumPy, by `models/generators/json_models.py`.
#[test]
fn fixtures_play_their_references() {
    let all = fixtures();
    assert_eq!(all.len(), 9);
    for fixture in all {
        let name = fixture.path.file_name().expect("a name").to_string_lossy().into_owned();
        let arrays = data::npz(&fixture.path.with_extension("npz"));
        let array = |key: &str| arrays[key].as_f32().expect("floats").to_vec();
        let knobs = if fixture.knobs > 0 { array("knobs") } else { Vec::new() };
        assert_eq!(knobs.len(), fixture.knobs, "{name}");
        let y = play(&load(&fixture.path), &array("x"), &knobs);
        let tolerance = if fixture.recurrent { RECURRENT } else { FEED_FORWARD };
        check(&name, &y, &wide(&array("y")), tolerance);
    }
}

/// What a trainer noted in the file comes out again.
#[test]
fn a_self_test_passes() {
    let path = data::models().join("fixtures/json/aidax_lstm.aidax");
    let bytes = std::fs::read(&path).expect("readable");
    let test = self_test(&bytes, "aidax_lstm.aidax", &Limits::default()).expect("well formed");
    let test = test.expect("it has one");
    let model = load(&path);
    let y = play(&model, &test.input, &vec![0.0; model.knobs().len()]);
    // The gains around the network are the player's; the test is the network's.
    check("self-test", &y, &wide(&test.output), RECURRENT);
}
