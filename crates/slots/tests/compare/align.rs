//! The common time: delays to a fraction of a frame, polarity, what it costs.

use crate::common::{Probe, STILL, mono, on, ramp, roughness, sine};
use crate::{Motion, play_mono};
use std::f64::consts::TAU;
use tonegraft_core::{Controls, HostFrames, Middle};
use tonegraft_slots::{Alignment, BankConfig, Source, bank};

/// A signal known at every time, of partials up to three quarters of the band, `late` frames late.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn music(late: f64, frames: usize) -> Vec<f32> {
    const HZ: [f64; 8] = [55.0, 440.0, 1_234.5, 3_000.0, 6_180.3, 9_000.0, 13_500.0, 18_000.0];
    (0..frames)
        .map(|frame| {
            let time = (frame as f64 - late) / 48_000.0;
            let partials = HZ.iter().enumerate();
            partials
                .map(|(k, hz)| (TAU * hz * time + k as f64).sin() / 10.0)
                .sum::<f64>() as f32
        })
        .collect()
}

fn with_reference() -> BankConfig {
    BankConfig {
        references: 1,
        ..mono()
    }
}

fn difference() -> Controls {
    Controls {
        use_reference: true,
        ..on(Source::Difference)
    }
}

/// Level of `signal` over that of `music`, in dB.
fn null_db(signal: &[f32]) -> f64 {
    let power = |signal: &[f32]| {
        signal.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>()
            / f64::from(u32::try_from(signal.len()).expect("short"))
    };
    10.0 * (power(signal) / power(&music(0.0, signal.len()))).log10()
}

#[test]
fn a_late_inverted_reference_nulls_below_80_db() {
    for (late, total) in [(37.4, 53), (0.01, 16), (5.99, 21), (700.25, 716), (20.0, 20)] {
        let (mut control, mut audio) = bank(with_reference());
        audio.adopt(0, Some(Probe::new(1.0, 5).unit(1))).expect("fits");
        let (input, side) = (music(0.0, 8_000), music(late, 8_000));
        let side: Vec<f32> = side.iter().map(|x| -x).collect();
        let mut alignment = Alignment {
            delays: [0.0, 0.0, late],
            invert: [false, false, true],
            hear_reference_aligned: false,
        };
        control.set_alignment(alignment);
        let apart = play_mono(&mut audio, &difference(), &input, &side, 100);
        assert!(late < 1.0 || null_db(&apart[4_000..]) > -30.0, "not armed: {late}");
        assert_eq!(audio.latency(), HostFrames::new(5));
        alignment.hear_reference_aligned = true;
        let promised = control.latency_with(&alignment);
        control.set_alignment(alignment);
        audio.reset();
        let null = play_mono(&mut audio, &difference(), &input, &side, 100);
        assert!(
            null_db(&null[4_000..]) < -80.0,
            "{late}: {} dB",
            null_db(&null[4_000..])
        );
        assert_eq!(audio.latency(), HostFrames::new(total));
        assert_eq!(promised, control.latency());
    }
}

#[test]
fn a_slot_that_is_late_nulls_too() {
    // What the slot hears is late: as a model with a delay of its own.
    for late in [12.25, -3.5, 0.5] {
        let (mut control, mut audio) = bank(with_reference());
        audio.adopt(1, Some(Probe::new(-1.0, 30).unit(1))).expect("fits");
        control.set_difference(Source::B, 1.0);
        control.set_alignment(Alignment {
            delays: [0.0, late, 0.0],
            invert: [false, true, false],
            hear_reference_aligned: true,
        });
        let null = play_mono(&mut audio, &difference(), &music(late, 8_000), &music(0.0, 8_000), 64);
        assert!(
            null_db(&null[4_000..]) < -80.0,
            "{late}: {} dB",
            null_db(&null[4_000..])
        );
    }
}

#[test]
fn whole_delays_keep_the_bits_and_empty_slots_have_none() {
    let (mut control, mut audio) = bank(mono());
    audio.adopt(0, Some(Probe::new(1.0, 10).unit(1))).expect("fits");
    control.set_alignment(Alignment {
        delays: [7.0, 90.5, 300.0],
        invert: [true, true, true],
        hear_reference_aligned: true,
    });
    // Slot B is empty and there is no side-chain.
    let output = play_mono(&mut audio, &STILL, &ramp(0, 1_000), &[0.0; 1_000], 64);
    assert_eq!(output[999], -989.0, "late by 7 of its own, and so not delayed any more");
    assert_eq!(audio.latency(), HostFrames::new(17));
    let dry = play_mono(&mut audio, &on(Source::B), &ramp(1_000, 1_000), &[0.0; 1_000], 64);
    assert_eq!(dry[999], 1_982.0, "at the common time");
    // One that is earlier than its unit says.
    control.set_alignment(Alignment {
        delays: [-7.0, 0.0, 0.0],
        ..Alignment::default()
    });
    let output = play_mono(&mut audio, &STILL, &ramp(2_000, 1_000), &[0.0; 1_000], 64);
    assert_eq!(output[999], 2_989.0);
    assert_eq!(audio.latency(), HostFrames::new(3));
    control.set_reserve(HostFrames::new(20));
    let output = play_mono(&mut audio, &STILL, &ramp(3_000, 1_000), &[0.0; 1_000], 64);
    assert_eq!(output[999], 3_972.0, "20 less 10 of its own, and 7 more");
    // Nonsense is brought into range.
    control.set_alignment(Alignment {
        delays: [f64::NAN, f64::INFINITY, 1e30],
        ..Alignment::default()
    });
    assert_eq!(control.alignment().delays, [0.0, 0.0, 48_000.0]);
    control.set_alignment(Alignment {
        delays: [1e30, -1e30, 0.0],
        ..Alignment::default()
    });
    assert_eq!(control.alignment().delays, [48_000.0, -4_800.0, 0.0]);
    let output = play_mono(&mut audio, &STILL, &ramp(4_000, 1_000), &[0.0; 1_000], 64);
    assert!(output.iter().all(|sample| sample.is_finite()));
    assert_eq!(audio.latency(), HostFrames::new(48_000), "and no further");
}

#[test]
fn realigning_is_one_crossfade_and_told_once() {
    for source in [Source::A, Source::B, Source::Reference, Source::Dry] {
        let (mut control, mut audio) = bank(with_reference());
        audio.adopt(0, Some(Probe::new(1.0, 5).unit(1))).expect("fits");
        audio.adopt(1, Some(Probe::new(-0.5, 9).unit(2))).expect("fits");
        let controls = Controls {
            use_reference: true,
            ..on(source)
        };
        let signal = |at| sine(1_000.0, at, 2_000);
        let mut whole = play_mono(&mut audio, &controls, &signal(0), &signal(3), 50);
        control.take_latency_change();
        control.set_alignment(Alignment {
            delays: [0.3, -4.0, 100.6],
            invert: [false, true, true],
            hear_reference_aligned: true,
        });
        whole.extend(play_mono(&mut audio, &controls, &signal(2_000), &signal(2_003), 50));
        assert_eq!(
            control.take_latency_change().map(|latency| latency.as_usize()),
            Some(116)
        );
        assert_eq!(control.take_latency_change(), None);
        let steady = Motion::of(&whole[500..2_000]).worst(Motion::of(&whole[3_000..]));
        let rough = roughness(&whole[200..]);
        assert!(rough <= steady.faded(240.0), "{source:?}: {rough}");
        assert_ne!(whole[1_000..1_048], whole[3_000..3_048], "{source:?} has moved");
        // Back, and a reserve that spares the change.
        control.set_reserve(HostFrames::new(200));
        play_mono(&mut audio, &controls, &signal(4_000), &signal(4_003), 50);
        control.take_latency_change();
        control.set_alignment(Alignment::default());
        play_mono(&mut audio, &controls, &signal(6_000), &signal(6_003), 50);
        assert_eq!(control.take_latency_change(), None);
    }
}

#[test]
fn swaps_and_alignment_of_the_same_moment_are_one_change() {
    let (mut control, mut audio) = bank(mono());
    audio.adopt(0, Some(Probe::new(1.0, 0).unit(1))).expect("fits");
    play_mono(&mut audio, &STILL, &ramp(0, 500), &[0.0; 500], 50);
    control.install(0, Some(Probe::new(1.0, 4).unit(2))).expect("installed");
    control.set_alignment(Alignment {
        delays: [20.0, 0.0, 0.0],
        ..Alignment::default()
    });
    let mut told = Vec::new();
    for at in (500..2_500).step_by(50) {
        play_mono(&mut audio, &STILL, &ramp(at, 50), &[0.0; 50], 50);
        told.extend(control.take_latency_change().map(|latency| latency.as_usize()));
    }
    assert_eq!(told, [24]);
}

#[test]
fn the_latency_is_right_before_the_first_frame() {
    let (mut control, mut audio) = bank(with_reference());
    control.set_alignment(Alignment {
        delays: [20.0, 0.0, 300.0],
        ..Alignment::default()
    });
    audio.adopt(0, Some(Probe::new(1.0, 5).unit(1))).expect("fits");
    assert_eq!(audio.latency(), HostFrames::new(25));
    control.set_alignment(Alignment {
        hear_reference_aligned: true,
        ..*control.alignment()
    });
    audio.settle();
    assert_eq!(audio.latency(), HostFrames::new(300));
    control.take_latency_change();
    let (input, side) = (ramp(0, 1_000), ramp(1_000, 1_000));
    let output = play_mono(&mut audio, &STILL, &input, &side, 64);
    assert_eq!(output[999], 999.0 - 280.0);
    assert_eq!(control.take_latency_change(), None);
}
