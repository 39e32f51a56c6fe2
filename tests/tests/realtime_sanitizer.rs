//! Second net: RealtimeSanitizer around the audio side of every model's scenario (feature `rtsan`; README.md has the command).
//!
//! The sanitizer ends the process at the first violation, so the scenario runs in a process of its own, and so does the one
//! that violates on purpose and has to be ended.

use std::process::Command;
use tonegraft_engine::StartState;
use tonegraft_tests::corpus;
use tonegraft_tests::culprit::{self, Crime, Scene};
use tonegraft_tests::host::Track;
use tonegraft_tests::scenario::{Scenario, control, play};

const VIOLATES: &str = "sanitized-violation";
const CULPRIT: &str = "sanitized-culprit";
const MODELS: &str = "sanitized-models";

fn main() {
    match std::env::args().nth(1).unwrap_or_default().as_str() {
        VIOLATES => violate(),
        CULPRIT => culprit(),
        MODELS => models(),
        "--list" => {}
        _ => parent(),
    }
}

#[rtsan_standalone::nonblocking]
fn violate() {
    drop(std::hint::black_box(vec![0.0_f32; 256]));
}

/// As [`violate`], but within slots and chain, by a processor.
fn culprit() {
    let scene = match std::env::args().nth(2).unwrap_or_default().as_str() {
        "reset" => Scene::Reset,
        "knob" => Scene::Knob,
        _ => Scene::Process,
    };
    let scenario = Scenario::new();
    let (_control, mut audio_half) = Track::mono(48_000).open();
    audio_half.adopt(culprit::unit(Crime::Allocates, scene));
    for (number, step) in scenario.steps().iter().enumerate() {
        scenario.prepare(number, &mut audio_half);
        play(&mut audio_half, step);
    }
}

fn parent() {
    let me = std::env::current_exe().expect("this program");
    for arguments in [
        &[VIOLATES][..],
        &[CULPRIT, "process"],
        &[CULPRIT, "reset"],
        &[CULPRIT, "knob"],
    ] {
        let violation = Command::new(&me).args(arguments).output().expect("runs itself");
        let report = String::from_utf8_lossy(&violation.stderr);
        assert!(
            !violation.status.success() && report.contains("RealtimeSanitizer"),
            "{arguments:?}: an allocation in audio code was not caught: is the sanitizer linked (RTSAN_ENABLE=1 at build)?\n{report}"
        );
        println!("{arguments:?}: caught");
    }
    let status = Command::new(&me).arg(MODELS).status().expect("runs itself");
    assert!(
        status.success(),
        "audio code is not real-time safe; the sanitizer's report is above"
    );
}

fn models() {
    let scenario = Scenario::new();
    let models = corpus::all();
    assert!(models.len() >= 2, "at least what ships");
    for (entry, model) in &models {
        for channels in [1, 2] {
            let mut track = Track::mono(48_000);
            (track.inputs, track.outputs) = (channels, channels);
            if !corpus::fits(model, track) {
                continue;
            }
            let (mut control_half, mut audio_half) = track.open();
            let mut id = 0;
            let mut make = || {
                id += 1;
                track.unit(model, StartState::Silence, id)
            };
            audio_half.adopt(make());
            let mut installed = 0;
            for (number, step) in scenario.steps().iter().enumerate() {
                installed += usize::from(control(&mut control_half, step, &mut make));
                scenario.prepare(number, &mut audio_half);
                play(&mut audio_half, step);
            }
            assert!(installed > 5, "{}: swaps were made", entry.name);
        }
    }
    println!("{} models, {} steps each", models.len(), scenario.steps().len());
}
