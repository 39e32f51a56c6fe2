//! Tests: what is heard is known to nobody but the listener.

use crate::common::{Probe, mono, on, sine};
use crate::{Motion, play, play_mono};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tonegraft_core::{Controls, HostFrames, Middle};
use tonegraft_slots::{Alignment, BankAudio, BankConfig, BankControl, Source, Switching, bank};

fn rig() -> (BankControl, BankAudio) {
    let (control, mut audio) = bank(BankConfig {
        references: 1,
        ..mono()
    });
    audio.adopt(0, Some(Probe::new(0.8, 12).unit(1))).expect("fits");
    audio.adopt(1, Some(Probe::new(-0.7, 3).unit(2))).expect("fits");
    (control, audio)
}

fn controls(source: Source) -> Controls {
    Controls {
        use_reference: true,
        ..on(source)
    }
}

#[test]
fn a_switch_through_silence_is_silent_in_the_middle_also_to_the_same_source() {
    for (from, to) in [
        (Source::A, Source::A),
        (Source::A, Source::B),
        (Source::Dry, Source::Reference),
    ] {
        let (mut control, mut audio) = rig();
        control.begin_test(Switching::ThroughSilence);
        control.hear(from);
        let signal = |at: usize, frames| (sine(900.0, at, frames), sine(900.0, at + 5, frames));
        let mut output = Vec::new();
        for at in [0, 2_000, 4_000] {
            if at == 2_000 {
                control.hear(to);
            }
            let (input, side) = signal(at, 2_000);
            output.extend(play_mono(&mut audio, &controls(Source::A), &input, &side, 64));
        }
        // Out in 5 ms, silence, in in 5 ms.
        let silent = output[2_200..2_300].iter().filter(|sample| **sample == 0.0).count();
        assert!((32..36).contains(&silent), "{silent} silent frames");
        assert!(output[2_240..2_272].iter().all(|sample| *sample == 0.0));
        assert!(output[2_512..].windows(60).all(|part| Motion::of(part).magnitude > 0.3));
        let steady = Motion::of(&output[1_000..2_000]).worst(Motion::of(&output[3_000..]));
        let rough = Motion::of(&output[600..]).curvature;
        assert!(rough <= steady.faded(240.0), "{from:?} to {to:?}: {rough}");
    }
}

#[test]
fn gapless_switches_are_crossfades_and_a_test_ends_as_it_switched() {
    for (switching, silent) in [(Switching::Gapless, false), (Switching::ThroughSilence, true)] {
        let (mut control, mut audio) = rig();
        let ones = vec![1.0; 1_000];
        let run = |audio: &mut BankAudio| play_mono(audio, &controls(Source::A), &ones, &ones, 100);
        run(&mut audio);
        control.begin_test(switching);
        let begun = run(&mut audio);
        assert!(begun.iter().all(|sample| *sample == 0.8), "to begin with, all stays");
        control.hear(Source::Dry);
        let heard = run(&mut audio);
        assert_eq!(heard.contains(&0.0), silent);
        assert_eq!(heard[999], 1.0);
        control.end_test();
        let ended = run(&mut audio);
        assert_eq!(ended.contains(&0.0), silent);
        assert_eq!(ended[999], 0.8);
        // Outside of a test it is a crossfade, and `hear` does nothing.
        control.hear(Source::B);
        let after = run(&mut audio);
        assert!(after.iter().all(|sample| *sample == 0.8));
        let other = play_mono(&mut audio, &controls(Source::Dry), &ones, &ones, 100);
        assert!(!other.contains(&0.0));
        assert_eq!(other[999], 1.0);
    }
}

#[test]
fn a_test_freezes_what_the_controls_say() {
    let (mut control, mut audio) = rig();
    let program = Probe::new(0.1, 0).unit(9);
    control.install_program(0, Some(program)).expect("there is room");
    let ones = vec![1.0; 2_000];
    let before = Controls {
        trims_db: [-6.0, 0.0, 0.0],
        ..controls(Source::A)
    };
    let output = play_mono(&mut audio, &before, &ones, &ones, 100);
    let level = output[1_999];
    control.begin_test(Switching::Gapless);
    let moved = Controls {
        trims_db: [12.0; 3],
        program: Some(0),
        use_reference: false,
        ..on(Source::Dry)
    };
    play_mono(&mut audio, &before, &ones, &ones, 100);
    let output = play_mono(&mut audio, &moved, &ones, &ones, 100);
    assert!(output.iter().all(|sample| *sample == level));
    let readout = control.readout();
    assert_eq!((readout.source, readout.program), (Source::A, None));
    // The reference can still be heard, as it was allowed when the test began.
    control.hear(Source::Reference);
    assert_eq!(
        play_mono(&mut audio, &moved, &ones, &vec![0.25; 2_000], 100)[1_999],
        0.25
    );
    control.end_test();
    let output = play_mono(&mut audio, &moved, &ones, &ones, 100);
    assert_eq!(output[1_999], 1.0);
    let readout = control.readout();
    assert_eq!((readout.source, readout.program), (Source::Dry, Some(0)));
    // A second test freezes anew.
    control.begin_test(Switching::Gapless);
    play_mono(&mut audio, &moved, &ones, &ones, 100);
    assert_eq!(control.readout().source, Source::Dry);
}

/// Plays a test in which `heard` is asked for at the times of `when`; all that can be seen of it, and what could be heard.
fn session(heard: &[Source], when: &[usize], switching: Switching, sleeping: bool, swap: usize) -> (String, Vec<f32>) {
    let (mut control, mut audio) = bank(BankConfig {
        references: 1,
        ..mono()
    });
    let probes = [
        Probe::new(0.8, 12).field(200),
        Probe::new(-0.7, 3).bad(9_000, 40).field(700),
    ];
    let work = probes.each_ref().map(|probe| Arc::clone(&probe.work));
    for (slot, probe) in probes.into_iter().enumerate() {
        audio.adopt(slot, Some(probe.unit(slot as u64))).expect("fits");
    }
    let coming = Probe::new(0.3, 40).field(100);
    let works = [Arc::clone(&work[0]), Arc::clone(&work[1]), Arc::clone(&coming.work)];
    let mut coming = Some(coming.unit(7));
    let handle = control.latency_handle();
    control.set_watching(true);
    control.set_tapping(true);
    control.set_comparing(!sleeping);
    control.set_alignment(Alignment {
        delays: [3.3, 0.0, 20.6],
        invert: [false, true, false],
        hear_reference_aligned: true,
    });
    let (mut seen, mut output) = (String::new(), Vec::new());
    let mut at = 0;
    for block in 0..150 {
        let frames = 64 + 37 * (block % 5);
        if block == 10 {
            control.begin_test(switching);
        }
        if let Some(k) = when.iter().position(|when| *when == block)
            && let Some(source) = heard.get(k)
        {
            control.hear(*source);
        }
        if block == swap {
            control.install(1, coming.take()).expect("installed");
            control.set_reserve(HostFrames::new(80));
        }
        let (input, side) = (sine(500.0, at, frames), sine(500.0, at + 7, frames));
        let (part, fault) = play(&mut audio, &controls(Source::A), &[input], &[side], frames);
        output.extend(&part[0]);
        at += frames;
        let readout = control.readout();
        let mut pieces = Vec::new();
        control.taps().read(|piece| pieces.push(format!("{piece:?}")));
        let calls = works
            .each_ref()
            .map(|work| work.each_ref().map(|count| count.load(Ordering::Relaxed)));
        writeln!(
            seen,
            "{readout:?} {fault:?} {:?} {:?} {:?} {} {calls:?} {:?} {:?} {:?} {:?} {pieces:?}",
            control.latency(),
            handle.take_change(),
            audio.latency(),
            audio.is_moving(),
            [audio.meters(0), audio.meters(1)],
            control.collect(),
            (
                control.taps().dropped(),
                control.is_testing(),
                control.fault(0),
                control.fault(1)
            ),
            (&control, &audio),
        )
        .expect("text");
    }
    (seen, output)
}

/// Blocks of [`session`] after which whatever was asked for is heard: the rest of a switch through silence (512 frames at most), out and silence.
const AUDIBLE_BLOCKS: usize = 6;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two runs that differ in nothing but what is heard differ in nothing but what is heard.
    #[test]
    fn nothing_tells_what_is_heard(
        flips in prop::collection::vec(any::<bool>(), 8),
        sources in prop::collection::vec(prop::sample::select(&[Source::A, Source::B, Source::Reference, Source::Dry][..]), 8),
        gaps in prop::collection::vec(1..15_usize, 8),
        gapless in any::<bool>(),
        sleeping in any::<bool>(),
        swap in 5..140_usize,
    ) {
        let mut when = vec![12];
        for gap in &gaps {
            when.push(when[when.len() - 1] + gap);
        }
        let switching = if gapless { Switching::Gapless } else { Switching::ThroughSilence };
        let flipped: Vec<Source> = sources.iter().zip(&flips).map(|(source, flip)| match (source, flip) {
            (Source::A, true) => Source::B,
            (Source::B, true) => Source::A,
            (Source::Reference, true) => Source::Dry,
            (Source::Dry, true) => Source::Reference,
            (source, _) => *source,
        }).collect();
        let (seen, output) = session(&sources, &when, switching, sleeping, swap);
        let (seen_flipped, output_flipped) = session(&flipped, &when, switching, sleeping, swap);
        // What is asked for between two switches through silence may come too late to be heard.
        if flips.iter().zip(&gaps).any(|(flip, gap)| *flip && (gapless || *gap >= AUDIBLE_BLOCKS)) {
            prop_assert!(output != output_flipped, "something else is heard");
        }
        for (line, (one, other)) in seen.lines().zip(seen_flipped.lines()).enumerate() {
            prop_assert_eq!(one, other, "block {}", line);
        }
    }
}
