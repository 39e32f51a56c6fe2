//! Nothing is allocated, freed or dropped on the audio thread, whatever happens there.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;
#[allow(dead_code)]
#[path = "../../../tests/src/counting.rs"]
mod counting;

use common::{Probe, STILL, mono, on, rate, run, sine};
use counting::{Counting, heap_calls};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tonegraft_core::{Controls, HostFrames, Middle};
use tonegraft_slots::{
    Alignment, BankAudio, BankConfig, CaptureAudio, CaptureConfig, InstallErrorKind, Source, Switching, bank, capture,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn the_counter_sees_one_box() {
    assert_eq!(heap_calls(|| drop(std::hint::black_box(Box::new(5)))), 2);
}

fn process_without_heap(audio: &mut BankAudio, input: &[f32], output: &mut [f32], piece: usize) {
    process_with(audio, &STILL, input, output, piece);
}

fn process_with(audio: &mut BankAudio, controls: &Controls, input: &[f32], output: &mut [f32], piece: usize) {
    let calls = heap_calls(|| {
        for (input, output) in input.chunks(piece).zip(output.chunks_mut(piece)) {
            audio.process(controls, &[input], &mut [output]);
        }
    });
    assert_eq!(calls, 0, "allocations or frees while processing");
}

#[test]
fn swaps_faults_selections_and_resets_use_no_heap() {
    let (mut control, mut audio) = bank(BankConfig {
        max_frames: 128,
        ..mono()
    });
    control.set_watching(true);
    let input = sine(1_000.0, 0, 4_000);
    let mut output = vec![0.0; 4_000];
    for (id, piece) in [1, 7, 64, 480, 4_000, 1_024].into_iter().enumerate() {
        let id = u64::try_from(id).expect("small");
        control
            .install(0, Some(Probe::new(0.5, 3 * piece).field(300).unit(id)))
            .expect("installed");
        process_without_heap(&mut audio, &input, &mut output, piece);
        control
            .install(1, Some(Probe::new(0.5, 0).bad(500, 90).unit(id)))
            .expect("installed");
        let controls = on(if id % 2 == 0 { Source::B } else { Source::A });
        control.set_reserve(HostFrames::new(50 * u32::try_from(id).expect("small")));
        process_with(&mut audio, &controls, &input, &mut output, piece);
        control.install(0, None).expect("installed");
        process_with(&mut audio, &controls, &input[..20], &mut output, piece);
        assert_eq!(heap_calls(|| audio.reset()), 0, "reset in the middle of a swap");
        process_with(&mut audio, &controls, &input, &mut output, piece);
        control.collect();
        let mut short = [0.0; 3];
        assert_eq!(
            heap_calls(|| {
                audio.process(&STILL, &[&input], &mut [&mut short]);
            }),
            0,
            "a bad block"
        );
    }
}

/// `frames` frames of mono noise on both inputs, under the counter.
fn referenced_without_heap(audio: &mut BankAudio, controls: &Controls, frames: usize, piece: usize) {
    let input = sine(1_000.0, 0, frames);
    let mut side = sine(700.0, 0, frames);
    side[frames / 2] = f32::NAN;
    let mut output = vec![0.0; frames];
    let calls = heap_calls(|| {
        let parts = input
            .chunks(piece)
            .zip(side.chunks(piece))
            .zip(output.chunks_mut(piece));
        for ((input, side), output) in parts {
            audio.feed_reference(&[side]);
            audio.process(controls, &[input], &mut [output]);
        }
    });
    assert_eq!(calls, 0, "allocations or frees while processing");
}

#[test]
fn comparing_uses_no_heap() {
    let (mut control, mut audio) = bank(BankConfig {
        references: 1,
        max_frames: 200,
        ..mono()
    });
    control.set_watching(true);
    for index in 0..16_u8 {
        let probe = Probe::new(0.5, index.into()).field(100);
        control
            .install_program(index.into(), Some(probe.unit(index.into())))
            .expect("installed");
    }
    let mut controls = on(Source::A);
    controls.use_reference = true;
    for (round, piece) in [3, 64, 450, 2_000, 1_024].into_iter().enumerate() {
        control
            .install(round % 2, Some(Probe::new(0.25, round).unit(50)))
            .expect("installed");
        for (step, source) in Source::ALL.into_iter().enumerate() {
            controls.source = source;
            controls.trims_db = [f32::from(u8::try_from(step).expect("small")); 3];
            controls.program = u8::try_from(step * round).ok();
            #[allow(clippy::cast_precision_loss)]
            control.set_alignment(Alignment {
                delays: [step as f64 * 3.3, 0.5, round as f64],
                invert: [step % 2 == 0; 3],
                hear_reference_aligned: step % 3 == 0,
            });
            control.set_comparing(step % 2 == 0);
            control.set_difference(source, 0.3);
            control.set_tapping(step != 2);
            referenced_without_heap(&mut audio, &controls, 3_000, piece);
            control.begin_test(if step % 2 == 0 {
                Switching::Gapless
            } else {
                Switching::ThroughSilence
            });
            control.hear(Source::ALL[(step + round) % 5]);
            referenced_without_heap(&mut audio, &controls, 2_000, piece);
            control.end_test();
            control.install_program(step, None).expect("installed");
            referenced_without_heap(&mut audio, &controls, 1_000, piece);
            control
                .install_program(step, Some(Probe::new(0.7, 2).unit(9)))
                .expect("installed");
        }
        assert_eq!(heap_calls(|| audio.reset()), 0);
        control.collect();
        if round == 0 {
            control.taps().read(|_| ());
        }
    }
    assert!(control.taps().dropped() > 0, "a full ring, too");
}

#[test]
fn capturing_uses_no_heap() {
    let (mut control, mut audio) = capture(CaptureConfig {
        rate: rate(),
        inputs: 1,
        references: 1,
    });
    let mut input = sine(1_000.0, 0, 700);
    let mut side = input.clone();
    let mut run = |audio: &mut CaptureAudio| {
        let calls = heap_calls(|| {
            for _ in 0..10 {
                audio.process(&mut [&mut input], &mut [&mut side]);
            }
        });
        assert_eq!(calls, 0, "allocations or frees while capturing");
    };
    run(&mut audio);
    control.arm(0.1).expect("short");
    run(&mut audio);
    for part in [Some(0..4_000), Some(7..8), None, Some(100..4_800)] {
        control.replay(part).expect("a part of it");
        run(&mut audio);
        control.state();
    }
    control.arm(20.0).expect("just allowed");
    control.stop().expect("there is room");
    run(&mut audio);
    control.arm(20.0).expect("just allowed");
    control.arm(0.5).expect("short");
    run(&mut audio);
    assert_eq!(heap_calls(|| audio.reset()), 0);
}

#[test]
fn a_full_return_ring_holds_up_installs_and_loses_nothing() {
    let (mut control, mut audio) = bank(mono());
    let (sender, dropped) = mpsc::channel();
    let probe = |id| {
        let mut probe = Probe::new(1.0, 0).field(0);
        probe.dropped_on = Some(sender.clone());
        probe.unit(id)
    };
    let input = sine(1_000.0, 0, 2_000);
    let mut output = vec![0.0; 2_000];
    process_without_heap(&mut audio, &input[..1], &mut output, 1);
    let mut accepted = 0_u64;
    // Nobody collects: the return ring fills up, then the install ring.
    let error = loop {
        match control.install(0, Some(probe(accepted))) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
        process_without_heap(&mut audio, &input, &mut output, 100);
        assert!(accepted < 200, "it must end");
    };
    assert_eq!(error.kind, InstallErrorKind::Busy);
    assert_eq!(error.unit.as_ref().map(|unit| unit.id), Some(accepted));
    drop(error);
    assert_eq!(dropped.try_iter().count(), 1, "only the refused one is gone");
    assert_eq!(accepted, 1 + 24 + 24, "one live, a full ring back, a full ring waiting");

    let mut collected = 0;
    for _ in 0..60 {
        collected += control.collect();
        process_without_heap(&mut audio, &input, &mut output, 100);
    }
    assert_eq!(collected + 1, usize::try_from(accepted).expect("small"));
    assert_eq!(control.readout().slots[0].live, Some(accepted - 1));
    assert_eq!(dropped.try_iter().count(), collected);
}

#[test]
fn units_are_dropped_by_the_control_thread_while_audio_runs() {
    let (mut control, audio) = bank(mono());
    let (sender, dropped) = mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    let audio_thread = {
        let stop = Arc::clone(&stop);
        let mut audio = audio;
        thread::spawn(move || {
            let input = sine(1_000.0, 0, 256);
            let mut output = vec![0.0; 256];
            let mut loudest = 0.0_f32;
            let mut calls = 0;
            while !stop.load(Ordering::Relaxed) {
                process_without_heap(&mut audio, &input, &mut output, 64);
                loudest = output.iter().fold(loudest, |loudest, sample| loudest.max(sample.abs()));
                calls += 1;
            }
            (audio, loudest, calls)
        })
    };
    let mut sent = 0;
    let started = Instant::now();
    while sent < 60 && started.elapsed() < Duration::from_secs(30) {
        let mut probe = Probe::new(1.0, 0).field(64);
        probe.dropped_on = Some(sender.clone());
        match control.install(sent % 2, Some(probe.unit(sent as u64))) {
            Ok(()) => sent += 1,
            Err(error) => {
                // Given back, so dropped here: not one of those that count.
                assert_eq!(error.kind, InstallErrorKind::Busy);
                let mut refused = error;
                refused.unit = None;
                dropped.recv().expect("the refused one");
                thread::sleep(Duration::from_millis(1));
            }
        }
        control.collect();
        control.readout();
    }
    assert_eq!(sent, 60, "the audio thread takes what it is sent");
    stop.store(true, Ordering::Relaxed);
    let (audio, loudest, calls) = audio_thread
        .join()
        .expect("no panic and no heap call on the audio thread");
    assert!(calls > 0 && loudest <= 1.000_1, "{loudest}");
    control.collect();
    let here = thread::current().id();
    let mut count = 0;
    for thread in dropped.try_iter() {
        assert_eq!(thread, here);
        count += 1;
    }
    drop(audio);
    drop(control);
    let rest = dropped.try_iter().filter(|thread| *thread == here).count();
    assert_eq!(count + rest, 60, "each exactly once");
}

#[test]
fn a_bank_outlives_its_control_half() {
    let (mut control, mut audio) = bank(mono());
    control.install(0, Some(Probe::new(0.5, 0).unit(1))).expect("installed");
    drop(control);
    assert_eq!(run(&mut audio, &[1.0, 1.0], 1), [0.5, 0.5]);
}
