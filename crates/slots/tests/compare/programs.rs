//! Preloaded units of slot A, changed without the control side.

use crate::common::{Probe, STILL, mono, on, ramp, roughness, sine};
use crate::{Motion, Random, play_mono};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tonegraft_core::{Controls, PROGRAMS};
use tonegraft_slots::{Alignment, InstallErrorKind, Source, bank};

fn program(index: u8) -> Controls {
    Controls {
        program: Some(index),
        ..STILL
    }
}

#[test]
fn sixteen_programs_share_the_longest_latency_and_change_without_a_click() {
    let (mut control, mut audio) = bank(mono());
    let mut work = Vec::new();
    let gain = |index: u8| 0.5 + 0.03 * f32::from(index);
    audio.adopt(0, Some(Probe::new(0.4, 2).unit(100))).expect("fits");
    for index in 0..16_u8 {
        let probe = Probe::new(gain(index), 5 * usize::from(index)).field(64);
        work.push(Arc::clone(&probe.work));
        control
            .install_program(index.into(), Some(probe.unit(index.into())))
            .expect("there is room");
    }
    let at_program = |audio: &mut _, index, at, frames| {
        play_mono(
            audio,
            &program(index),
            &sine(600.0, at, frames),
            &[0.0; 5_000][..frames],
            70,
        )
    };
    let first = at_program(&mut audio, 3, 0, 1_000);
    assert_eq!(
        first[999],
        gain(3) * sine(600.0, 999 - 75, 1)[0],
        "there from the start"
    );
    assert_eq!(control.latency().as_usize(), 75);
    control.take_latency_change();
    let ran = |index: usize| {
        work[index]
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum::<usize>()
    };
    assert!(ran(3) > 0 && ran(4) == 0, "only what plays runs");

    let steady = Motion::of(&sine(600.0, 0, 500));
    let (mut at, mut random, mut whole) = (1_000, Random(3), first[500..].to_vec());
    for _ in 0..60 {
        let index = u8::try_from(random.below(16)).expect("small");
        let part = at_program(&mut audio, index, at, 700);
        at += 700;
        assert_eq!(part[699], gain(index) * sine(600.0, at - 1 - 75, 1)[0], "{index}");
        assert_eq!(control.take_latency_change(), None);
        let readout = control.readout();
        assert_eq!(
            (readout.program, readout.slots[0].live),
            (Some(index), Some(index.into()))
        );
        whole.extend(part);
    }
    assert!(roughness(&whole) <= steady.faded(240.0));
    // No program, and one that there is not.
    for controls in [STILL, program(16), program(255)] {
        let part = play_mono(&mut audio, &controls, &sine(600.0, at, 700), &[0.0; 700], 70);
        at += 700;
        assert_eq!(part[699], 0.4 * sine(600.0, at - 1 - 75, 1)[0]);
        assert_eq!(control.readout().program, None);
    }
    assert_eq!(control.collect(), 0, "nothing left the bank");
    let error = control
        .install_program(PROGRAMS, Some(Probe::new(1.0, 0).unit(1)))
        .expect_err("none");
    assert_eq!(error.kind, InstallErrorKind::NoSuchProgram { index: 16 });
    assert!(error.to_string().contains("0 to 15"), "{error}");
}

#[test]
fn a_program_that_plays_is_replaced_and_removed_by_a_crossfade() {
    let (mut control, mut audio) = bank(mono());
    audio.adopt(0, Some(Probe::new(0.4, 0).unit(100))).expect("fits");
    audio.adopt_program(2, Some(Probe::new(0.6, 10).unit(1))).expect("fits");
    let ones = vec![1.0; 1_500];
    let run = |audio: &mut _, controls| play_mono(audio, &controls, &ones, &ones, 64);
    assert_eq!(run(&mut audio, program(2))[1_499], 0.6);
    assert_eq!(control.latency().as_usize(), 10);
    // Another in its place; the slot's own meanwhile changes unheard.
    control
        .install_program(2, Some(Probe::new(0.7, 30).field(50).unit(2)))
        .expect("installed");
    control
        .install(0, Some(Probe::new(0.5, 0).unit(101)))
        .expect("installed");
    let output = run(&mut audio, program(2));
    assert_eq!(output[1_499], 0.7);
    assert!(
        output.iter().all(|sample| (0.59..0.71).contains(sample)),
        "no gap, no dip"
    );
    assert_eq!(control.collect(), 2);
    assert_eq!(control.readout().slots[0].live, Some(2));
    assert_eq!(control.latency().as_usize(), 30);
    // Empty programs are the slot's own unit.
    control.install_program(2, None).expect("installed");
    let output = run(&mut audio, program(2));
    assert_eq!(output[1_499], 0.5);
    assert!(output.iter().all(|sample| (0.49..0.71).contains(sample)));
    assert_eq!(control.collect(), 1);
    let readout = control.readout();
    assert_eq!((readout.program, readout.slots[0].live), (None, Some(101)));
    assert_eq!(control.latency().as_usize(), 0);
    // And when it comes, it is there.
    control
        .install_program(2, Some(Probe::new(0.9, 0).unit(3)))
        .expect("installed");
    assert_eq!(run(&mut audio, program(2))[1_499], 0.9);
    let old = audio.adopt_program(2, None).expect("fits");
    assert_eq!(old.map(|unit| unit.id), Some(3));
    assert_eq!(run(&mut audio, program(2))[1_499], 0.5);
}

#[test]
fn the_last_of_many_changes_counts() {
    let (mut control, mut audio) = bank(mono());
    for index in 0..3_u8 {
        let probe = Probe::new(0.2 * f32::from(index + 1), 0).field(1_000);
        audio
            .adopt_program(index.into(), Some(probe.unit(index.into())))
            .expect("fits");
    }
    let ones = vec![1.0; 4_000];
    play_mono(&mut audio, &program(0), &ones, &ones, 64);
    // Programs that still run hidden make way.
    let one = play_mono(&mut audio, &program(1), &ones[..500], &ones, 50);
    let two = play_mono(&mut audio, &program(2), &ones[..1_000], &ones, 50);
    assert!(one.iter().chain(&two).all(|sample| *sample == 0.2));
    let two = play_mono(&mut audio, &program(2), &ones[..300], &ones, 50);
    assert_eq!(two[299], 0.6);
    // There and back before anything is heard.
    play_mono(&mut audio, &program(1), &ones[..500], &ones, 50);
    let back = play_mono(&mut audio, &program(2), &ones, &ones, 50);
    assert!(back.iter().all(|sample| (sample - 0.6).abs() < 1e-6));
    assert_eq!(control.readout().slots[0].incoming, None);
    // While B is heard and A sleeps, a change is a matter of the next switch.
    control.set_comparing(false);
    let asleep = Controls {
        program: Some(0),
        ..on(Source::B)
    };
    play_mono(&mut audio, &asleep, &ones, &ones, 50);
    let awake = play_mono(&mut audio, &program(1), &ones, &ones, 50);
    assert_eq!(awake[3_999], 0.4);
    control.set_comparing(true);
}

#[test]
fn a_program_has_its_own_delay_and_polarity() {
    let (mut control, mut audio) = bank(mono());
    audio.adopt(0, Some(Probe::new(1.0, 5).unit(100))).expect("fits");
    audio.adopt_program(1, Some(Probe::new(1.0, 8).unit(1))).expect("fits");
    control.set_alignment(Alignment {
        delays: [10.0, 0.0, 0.0],
        invert: [true, false, false],
        ..Alignment::default()
    });
    control.set_program_alignment(1, 2.0, false);
    control.set_program_alignment(2, 900.0, true);
    control.set_program_alignment(16, 900.0, true);
    assert_eq!(control.latency_with(control.alignment()).as_usize(), 15);
    let own = play_mono(&mut audio, &STILL, &ramp(0, 1_000), &[0.0; 1_000], 64);
    assert_eq!((own[999], control.latency().as_usize()), (-(999.0 - 5.0), 15));
    let other = play_mono(&mut audio, &program(1), &ramp(1_000, 1_000), &[0.0; 1_000], 64);
    assert_eq!(other[999], 1_999.0 - 13.0, "8 of its own, 2 less than 15 in all");
    control.set_program_alignment(1, 12.0, true);
    let other = play_mono(&mut audio, &program(1), &ramp(2_000, 1_000), &[0.0; 1_000], 64);
    assert_eq!((other[999], control.latency().as_usize()), (-(2_999.0 - 8.0), 20));
    let own = play_mono(&mut audio, &STILL, &ramp(3_000, 1_000), &[0.0; 1_000], 64);
    assert_eq!(own[999], -(3_999.0 - 10.0));
}
