//! What stands around the model: impulse response, levels, gate, tone, sizes; the same from a state in the plugin.

mod common;

use common::onnx::File;
use common::{Bench, noise, read_wav};
use std::path::Path;
use tonegraft_chain::cab::{ImpulseResponse, IrLevel};
use tonegraft_core::SampleRate;
use tonegraft_library::{HostState, ModelRef, ParamValue};

fn rate() -> SampleRate {
    SampleRate::new(48_000).expect("a rate")
}

/// What comes of `noise` through a gain of 1 with these arguments.
fn played(bench: &Bench, arguments: &[&str]) -> Vec<f32> {
    let all = [&["render", "--model", "gain.onnx"], arguments, &["in.wav", "out.wav"]].concat();
    bench.ok(&all);
    read_wav(&bench.path("out.wav")).1[0].clone()
}

fn bench(metadata: Vec<(&'static str, &'static str)>) -> (Bench, Vec<f32>) {
    let bench = Bench::new();
    let gain = File {
        metadata,
        ..File::gain(1.0)
    };
    bench.write("gain.onnx", &gain.bytes());
    let input = noise(6_000, 3);
    bench.wav("in.wav", 48_000, std::slice::from_ref(&input));
    (bench, input)
}

fn convolved(input: &[f32], path: &Path) -> Vec<f32> {
    let response = ImpulseResponse::open(path, rate(), IrLevel::default()).expect("a response");
    let taps = &response.channels()[0];
    (0..input.len())
        .map(|n| {
            let sum: f64 = taps[..taps.len().min(n + 1)]
                .iter()
                .enumerate()
                .map(|(k, tap)| f64::from(*tap) * f64::from(input[n - k]))
                .sum();
            #[allow(clippy::cast_possible_truncation)]
            {
                sum as f32
            }
        })
        .collect()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn an_impulse_response_is_heard_behind_the_model() {
    let (bench, input) = bench(Vec::new());
    let path = bench.wav("cab.wav", 48_000, &[noise(3_000, 8)]);
    let expected = convolved(&input, &path);
    for block in ["64", "1024", "random:5"] {
        let wet = played(&bench, &["--ir", "cab.wav", "--block", block]);
        assert!(largest_difference(&wet, &expected) < 1e-5);
    }
    assert_eq!(played(&bench, &["--ir", "cab.wav", "--cab", "off"]), input);
    bench.write("cab.wav", b"RIFF\x10\0\0\0WAVEfmt ");
    bench.refused(
        &[
            "render",
            "--model",
            "gain.onnx",
            "--ir",
            "cab.wav",
            "in.wav",
            "none.wav",
        ],
        &["cab.wav"],
    );
    assert!(!bench.path("none.wav").exists());
}

#[test]
fn a_model_with_a_cabinet_goes_without_another_one() {
    let (bench, input) = bench(vec![("tonegraft.version", "1"), ("tonegraft.contains_cab", "true")]);
    let path = bench.wav("cab.wav", 48_000, &[noise(300, 8)]);
    assert_eq!(played(&bench, &["--ir", "cab.wav"]), input);
    let forced = played(&bench, &["--ir", "cab.wav", "--cab", "on"]);
    assert!(largest_difference(&forced, &convolved(&input, &path)) < 1e-5);
}

#[test]
fn levels_are_made_alike_if_asked_for() {
    let (bench, input) = bench(vec![
        ("tonegraft.version", "1"),
        ("tonegraft.loudness", "-24"),
        ("tonegraft.output_level_dbu", "6"),
    ]);
    assert_eq!(played(&bench, &[]), input, "raw, as the model is");
    let louder = |db: f32| -> Vec<f32> { input.iter().map(|x| x * 10.0_f32.powf(db / 20.0)).collect() };
    let normalized = played(&bench, &["--param", "output_mode=normalized"]);
    assert!(largest_difference(&normalized, &louder(6.0)) < 1e-6);
    let calibrated = played(
        &bench,
        &["--param", "output_mode=calibrated", "--param", "interface_dbu=10"],
    );
    assert!(largest_difference(&calibrated, &louder(-4.0)) < 1e-6);
}

#[test]
fn gate_and_tone_are_heard_and_transparent_when_off() {
    let (bench, input) = bench(Vec::new());
    let closed = played(
        &bench,
        &[
            "--param",
            "gate=on",
            "--param",
            "gate_threshold=0",
            "--param",
            "gate_range=100",
        ],
    );
    assert!(
        closed[3_000..].iter().all(|x| x.abs() < 1e-4),
        "noise below the threshold"
    );
    assert_eq!(
        played(&bench, &["--param", "gate=on", "--param", "gate_range=0"]),
        input
    );
    assert_eq!(played(&bench, &["--param", "tone_stack=on"]), input, "flat");
    let bright = played(&bench, &["--param", "tone_stack=on", "--param", "tone_treble=10"]);
    assert!(largest_difference(&bright, &input) > 0.1);
    assert_eq!(played(&bench, &["--param", "tone_treble=10"]), input, "off");
}

#[test]
fn a_state_holds_how_the_model_is_played() {
    let (bench, _) = bench(Vec::new());
    bench.wav("cab.wav", 48_000, &[noise(300, 8)]);
    bench.ok(&[
        "state",
        "--model",
        "gain.onnx",
        "--ir",
        "cab.wav",
        "--cab",
        "on",
        "--rate-mode",
        "minimum-phase",
        "--oversampling",
        "2x",
        "--param",
        "gate=on",
        "--param",
        "output_mode=normalized",
        "--out",
        "x.state",
    ]);
    let state = HostState::from_stream(&std::fs::read(bench.path("x.state")).expect("written")).expect("a state");
    let session = state.session().expect("readable").expect("there");
    assert!(matches!(&session.cab, ModelRef::File(file) if file.name == "cab"));
    assert_eq!(session.slots[0].rate_mode, "minimum-phase");
    assert_eq!(session.slots[0].oversampling, "2x");
    for (id, value) in [
        ("cab", ParamValue::String("on".to_owned())),
        ("gate", ParamValue::Bool(true)),
        ("output_mode", ParamValue::String("normalized".to_owned())),
        ("gate_release", ParamValue::F32(50.0)),
    ] {
        assert_eq!(state.params.get(id), Some(&value), "{id}");
    }
}
