//! NaN out of a model: muted, told, recovered from.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;

use common::{Probe, mono, roughness, run, sine};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tonegraft_core::Fault;
use tonegraft_slots::bank;

#[test]
fn a_burst_of_nan_is_a_short_gap_with_soft_edges() {
    let (mut control, mut audio) = bank(mono());
    control.set_watching(true);
    let probe = Probe::new(1.0, 0).bad(1_003, 5);
    let resets = Arc::clone(&probe.resets);
    audio.adopt(0, Some(probe.unit(1))).expect("fits");
    let input = sine(1_000.0, 0, 3_000);
    let output = run(&mut audio, &input[..1_050], 50);
    assert_eq!(output[..1_003], input[..1_003]);
    assert!(control.readout().slots[0].muted);
    assert_eq!(control.fault(0), Fault::NonFiniteOutput);
    control.clear_faults();

    let rest = run(&mut audio, &input[1_050..], 50);
    let output = [&output[..], &rest[..]].concat();
    assert!(output.iter().all(|sample| sample.is_finite()));
    assert_eq!(output[2_500..], input[2_500..], "recovered");
    assert!(!control.readout().slots[0].muted);
    assert!(resets.load(Ordering::Relaxed) >= 1);
    assert!(
        roughness(&output) <= 0.35,
        "the tail starts at the last good sample, so the corner is as small as one step of the sine: {}",
        roughness(&output)
    );
    control.clear_faults();
    run(&mut audio, &input, 50);
    assert_eq!(control.fault(0), Fault::None);
}

#[test]
fn a_model_of_nothing_but_nan_is_silence_and_does_not_harm_the_other_slot() {
    let (control, mut audio) = bank(mono());
    audio
        .adopt(0, Some(Probe::new(1.0, 0).bad(0, usize::MAX).unit(1)))
        .expect("fits");
    audio.adopt(1, Some(Probe::new(1.0, 0).unit(2))).expect("fits");
    let output = run(&mut audio, &sine(1_000.0, 0, 10_000), 480);
    assert!(output.iter().all(|sample| *sample == 0.0));
    assert_eq!(control.fault(0), Fault::NonFiniteOutput);
    assert_eq!(control.fault(1), Fault::None);
}

#[test]
fn a_model_that_turns_bad_while_it_comes_in_is_muted() {
    let (mut control, mut audio) = bank(mono());
    audio.adopt(0, Some(Probe::new(0.5, 0).unit(1))).expect("fits");
    let input = sine(1_000.0, 0, 10_000);
    run(&mut audio, &input[..100], 100);
    let bad = Probe::new(1.0, 0).field(100).bad(200, usize::MAX);
    control.install(0, Some(bad.unit(2))).expect("installed");
    let output = run(&mut audio, &input, 64);
    assert!(output.iter().all(|sample| sample.abs() <= 1.0));
    assert!(output[1_000..].iter().all(|sample| *sample == 0.0));
    // The way back: a good one.
    control.install(0, Some(Probe::new(1.0, 0).unit(3))).expect("installed");
    let output = run(&mut audio, &input, 64);
    assert_eq!(output[1_000..], input[1_000..]);
}
