//! What can be heard, and the way from one to another.

use crate::common::{Probe, STILL, mono, on, rate, roughness, sine};
use crate::{Motion, Random, play, play_mono};
use tonegraft_core::{Controls, Fault, Middle};
use tonegraft_slots::{BankAudio, BankConfig, BankControl, Source, bank};

fn referenced(source: Source) -> Controls {
    Controls {
        use_reference: true,
        ..on(source)
    }
}

/// A: 0.8 of what was 12 frames ago. B: −0.7 of the input.
fn pair(config: BankConfig) -> (BankControl, BankAudio) {
    let (control, mut audio) = bank(config);
    let (inputs, outputs) = (config.inputs, config.outputs);
    let probe = |gain, delay| Probe::new(gain, delay).stereo(inputs, outputs);
    audio.adopt(0, Some(probe(0.8, 12).unit(1))).expect("fits");
    audio.adopt(1, Some(probe(-0.7, 0).unit(2))).expect("fits");
    (control, audio)
}

#[test]
fn every_source_is_heard_at_the_common_time() {
    let (input, reference) = (sine(300.0, 0, 4_000), sine(700.0, 50, 4_000));
    for source in Source::ALL {
        let (_control, mut audio) = pair(BankConfig {
            references: 1,
            ..mono()
        });
        let output = play_mono(&mut audio, &referenced(source), &input, &reference, 77);
        for frame in 12..4_000 {
            let (input, reference) = (input[frame - 12], reference[frame - 12]);
            let expected = match source {
                Source::A => 0.8 * input,
                Source::B => -0.7 * input,
                Source::Reference => reference,
                Source::Dry => input,
                Source::Difference => (0.8 * input - reference).clamp(-1.0, 1.0),
            };
            assert_eq!(output[frame], expected, "{source:?} at {frame}");
        }
        assert_eq!(audio.latency().get(), 12);
    }
}

#[test]
fn a_thousand_switches_under_random_blocks_are_smooth_and_change_no_latency() {
    let config = BankConfig {
        references: 1,
        ..mono()
    };
    let frames = 6_000;
    let reference_at =
        |start, frames| -> Vec<f32> { sine(900.0, start + 13, frames).iter().map(|x| 0.9 * x).collect() };
    let mut worst = Motion::default();
    for source in Source::ALL {
        let (mut control, mut audio) = pair(config);
        control.set_difference(Source::B, 0.2);
        let output = play_mono(
            &mut audio,
            &referenced(source),
            &sine(600.0, 0, frames),
            &reference_at(0, frames),
            500,
        );
        worst = worst.worst(Motion::of(&output[200..]));
    }
    let bound = worst.faded(240.0);
    assert!(bound < 0.05, "far below the step of a hard switch: {bound}");

    let mut random = Random(7);
    let (mut control, mut audio) = pair(config);
    control.set_difference(Source::B, 0.2);
    let (mut at, mut tail) = (0, Vec::new());
    let mut source = Source::A;
    control.take_latency_change();
    for switch in 0..1_000 {
        if switch > 0 {
            source = Source::ALL[(source as usize + 1 + random.below(4)) % 5];
        }
        // Some come while the fade before still runs.
        let until = at + 1 + random.below(700);
        while at < until {
            let block = (1 + random.below(600)).min(until - at);
            let output = play_mono(
                &mut audio,
                &referenced(source),
                &sine(600.0, at, block),
                &reference_at(at, block),
                block,
            );
            tail.extend(output);
            at += block;
            assert_eq!(control.latency().as_usize(), 12);
            if switch > 0 {
                assert_eq!(control.take_latency_change(), None);
            }
        }
        assert_eq!(control.readout().source, source);
        if switch > 0 {
            let rough = roughness(&tail);
            assert!(rough <= bound, "switch {switch}: {rough}, {bound} allowed");
        } else {
            tail.drain(..tail.len().min(200));
        }
        tail.drain(..tail.len().saturating_sub(2));
    }
}

#[test]
fn layouts_of_main_and_side_chain_meet() {
    for (inputs, outputs) in [(1, 1), (1, 2), (2, 2)] {
        for references in 0..=2 {
            let (_control, mut audio) = pair(BankConfig {
                references,
                ..BankConfig::new(rate(), inputs, outputs)
            });
            let input: Vec<Vec<f32>> = (0..inputs).map(|_| sine(300.0, 0, 1_000)).collect();
            let side: Vec<Vec<f32>> = [400.0, 500.0][..references]
                .iter()
                .map(|hz| sine(*hz, 9, 1_000))
                .collect();
            let (output, fault) = play(&mut audio, &referenced(Source::Reference), &input, &side, 64);
            assert_eq!(fault, Fault::None);
            for (channel, output) in output.iter().enumerate() {
                for (then, sample) in output[12..].iter().enumerate() {
                    let expected = match (references, outputs) {
                        (0, _) => 0.8 * input[0][then],
                        (1, _) => side[0][then],
                        (_, 1) => 0.5 * (side[0][then] + side[1][then]),
                        _ => side[channel][then],
                    };
                    assert_eq!(*sample, expected, "{inputs}/{outputs}/{references}, channel {channel}");
                }
            }
        }
    }
}

#[test]
fn without_use_of_the_reference_slot_a_plays() {
    let input = sine(300.0, 0, 2_000);
    for source in [Source::Reference, Source::Difference] {
        let (_control, mut audio) = pair(BankConfig {
            references: 1,
            ..mono()
        });
        let output = play_mono(&mut audio, &on(source), &input, &sine(800.0, 0, 2_000), 100);
        assert_eq!(output[1_999], 0.8 * input[1_987]);
    }
}

#[test]
fn what_is_not_fed_is_silence_and_what_was_not_played_is_dropped() {
    let (mut control, mut audio) = bank(BankConfig {
        references: 1,
        ..mono()
    });
    let controls = referenced(Source::Reference);
    let mut output = [9.0; 100];
    let zeros = [0.0; 100];
    audio.process(&controls, &[&zeros], &mut [&mut output]);
    assert_eq!(output, [0.0; 100]);
    assert!(!control.readout().reference.fed);
    // Half of it.
    audio.feed_reference(&[&[0.5; 50]]);
    audio.process(&controls, &[&zeros], &mut [&mut output]);
    assert_eq!((output[49], output[50]), (0.5, 0.0));
    assert!(!control.readout().reference.fed);
    // Too much, in pieces; then anew.
    audio.feed_reference(&[&[0.25; 300]]);
    for _ in 0..2 {
        audio.process(&controls, &[&zeros], &mut [&mut output]);
        assert_eq!(output, [0.25; 100]);
        assert!(control.readout().reference.fed);
    }
    audio.feed_reference(&[&[0.125; 100]]);
    audio.process(&controls, &[&zeros], &mut [&mut output]);
    assert_eq!(output, [0.125; 100], "the third hundred is gone");
    // A side-chain that lost its channels, and one that has more.
    audio.feed_reference(&[]);
    assert_eq!(audio.process(&controls, &[&zeros], &mut [&mut output]), Fault::None);
    assert_eq!(output, [0.0; 100]);
    audio.feed_reference(&[&[0.5; 100], &[0.1; 100]]);
    assert_eq!(audio.process(&controls, &[&zeros], &mut [&mut output]), Fault::None);
    assert_eq!(output, [0.5; 100]);
    let long = vec![0.5; tonegraft_slots::MAX_REFERENCE_FRAMES + 1];
    audio.feed_reference(&[&long]);
    assert_eq!(audio.process(&controls, &[&zeros], &mut [&mut output]), Fault::BadBlock);
    assert_eq!(control.readout().reference.fault, Fault::BadBlock);
    // And a bank without a side-chain does not mind.
    let (_control, mut none) = bank(mono());
    none.feed_reference(&[&[f32::NAN; 100]]);
    assert_eq!(none.process(&controls, &[&zeros], &mut [&mut output]), Fault::None);
}

#[test]
fn nan_on_the_side_chain_is_silence_with_a_fault() {
    let (mut control, mut audio) = bank(BankConfig {
        references: 1,
        ..mono()
    });
    control.set_watching(true);
    let mut side = vec![0.5; 300];
    (side[10], side[20], side[30]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    let (output, fault) = play(
        &mut audio,
        &referenced(Source::Reference),
        &[vec![0.0; 300]],
        &[side],
        300,
    );
    assert_eq!(fault, Fault::NonFiniteInput);
    for (frame, sample) in output[0].iter().enumerate() {
        assert_eq!(*sample, if [10, 20, 30].contains(&frame) { 0.0 } else { 0.5 });
    }
    let reference = control.readout().reference;
    assert_eq!(
        (reference.fault, reference.peaks[0], reference.fed),
        (Fault::NonFiniteInput, 0.5, true)
    );
    control.clear_faults();
    let (_, fault) = play(&mut audio, &STILL, &[vec![0.0; 64]], &[vec![0.25; 64]], 64);
    assert_eq!((fault, control.readout().reference.fault), (Fault::None, Fault::None));
    assert_eq!(control.readout().reference.peaks[0], 0.25);
}

#[test]
fn trims_glide_and_each_source_has_its_own() {
    let ones = vec![1.0; 4_000];
    let half = -20.0 * 2.0_f32.log10();
    for (source, plain, index) in [(Source::A, 0.8, 0), (Source::B, -0.7, 1), (Source::Reference, 0.5, 2)] {
        let (_control, mut audio) = pair(BankConfig {
            references: 1,
            ..mono()
        });
        let mut controls = referenced(source);
        let side = vec![0.5; 4_000];
        let output = play_mono(&mut audio, &controls, &ones, &side, 60);
        assert_eq!(output[3_999], plain);
        controls.trims_db[index] = half;
        let output = play_mono(&mut audio, &controls, &ones, &side, 60);
        assert!((output[3_999] - 0.5 * plain).abs() < 1e-6);
        assert!(roughness(&output) < 1e-3, "no step");
        // The others' trims, and nonsense, change nothing.
        controls.trims_db = [6.0; 3];
        controls.trims_db[index] = f32::NAN;
        let output = play_mono(&mut audio, &controls, &ones, &side, 60);
        assert!(output.iter().all(|sample| (sample - 0.5 * plain).abs() < 1e-6));
        audio.reset();
        controls.trims_db[index] = half;
        let output = play_mono(&mut audio, &controls, &ones, &side, 60);
        assert!((output[12] - 0.5 * plain).abs() < 1e-6, "there from the first frame");
    }
}

#[test]
fn the_difference_is_a_null_where_both_are_alike_and_never_loud() {
    let (mut control, mut audio) = pair(BankConfig {
        references: 1,
        ..mono()
    });
    // Low enough not to be clipped on the way.
    let signal: Vec<f32> = sine(440.0, 0, 6_000).iter().map(|x| 0.5 * x).collect();
    let mut controls = referenced(Source::Difference);
    // The reference's own trim is for hearing it; the difference has its own gain.
    controls.trims_db[2] = 6.0;
    control.set_difference(Source::A, 0.8);
    let output = play_mono(&mut audio, &controls, &signal, &signal, 90);
    assert!(output[2_000..].iter().all(|sample| *sample == 0.0));
    // B is −0.7 of it. The way there is a crossfade and a glide.
    control.set_difference(Source::B, -0.7);
    let output = play_mono(&mut audio, &controls, &signal, &signal, 90);
    assert!(output[2_000..].iter().all(|sample| *sample == 0.0));
    assert!(
        roughness(&output) < 1.5 * roughness(&signal),
        "while both differ by up to 1.5 of it"
    );
    control.set_difference(Source::B, f32::NAN);
    let output = play_mono(&mut audio, &controls, &signal, &signal, 90);
    assert!(output[2_000..].iter().all(|sample| *sample == 0.0));
    control.set_difference(Source::A, -1e9);
    let output = play_mono(&mut audio, &controls, &signal, &signal, 90);
    assert_eq!(Motion::of(&output).magnitude, 1.0);
}
