//! Swaps, alignment, selection: what is heard when.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;

use common::{Probe, RATE, STILL, mono, on, ramp, rate, roughness, run, run_with, sine};
use std::sync::Arc;
use tonegraft_core::{Controls, Fault, HostFrames, Middle, ModelLevels, OutputMode};
use tonegraft_slots::{BankAudio, BankConfig, InstallErrorKind, Phase, SlotsAndCab, Source, Unit, bank};

#[test]
fn empty_slots_are_the_input_bit_for_bit() {
    let (_control, mut audio) = bank(mono());
    let input = sine(997.0, 0, 5_000);
    assert_eq!(run(&mut audio, &input, 333), input);

    let (_control, mut audio) = bank(BankConfig::new(rate(), 1, 2));
    let (mut left, mut right) = (vec![0.0; 5_000], vec![0.0; 5_000]);
    let fault = audio.process(&STILL, &[&input], &mut [&mut left, &mut right]);
    assert_eq!((fault, left, right), (Fault::None, input.clone(), input));
}

#[test]
fn what_is_installed_before_the_first_frame_plays_from_sample_0() {
    let (mut control, mut audio) = bank(mono());
    control.install(0, Some(Probe::new(0.5, 7).unit(1))).expect("installed");
    let input = ramp(1, 600);
    let output = run(&mut audio, &input, 100);
    assert_eq!(output[..7], [0.0; 7]);
    assert_eq!(output[7], 0.5);
    assert_eq!(output[599], 0.5 * 593.0);
    assert_eq!(audio.latency(), HostFrames::new(7));
    assert_eq!(control.take_latency_change().map(|latency| latency.as_usize()), Some(7));
    assert_eq!(control.take_latency_change(), None);

    // The same after a reset in the middle of things.
    control
        .install(0, Some(Probe::new(0.25, 0).unit(2)))
        .expect("installed");
    audio.reset();
    assert_eq!(run(&mut audio, &input, 100)[0], 0.25);
    assert_eq!(control.collect(), 1);
    assert_eq!(control.readout().slots[0].live, Some(2));
}

#[test]
fn adopting_is_immediate_and_gives_back_what_was_there() {
    let (control, mut audio) = bank(mono());
    assert!(
        audio
            .adopt(0, Some(Probe::new(2.0, 3).unit(5)))
            .expect("fits")
            .is_none()
    );
    assert_eq!(control.latency().as_usize(), 3);
    assert_eq!(run(&mut audio, &ramp(1, 10), 10)[3], 2.0);
    let old = audio.adopt(0, None).expect("fits").expect("there was one");
    assert_eq!(old.id, 5);
    assert_eq!(control.latency().as_usize(), 0);
    let error = audio.adopt(7, Some(old)).expect_err("no such slot");
    assert_eq!(error.kind, InstallErrorKind::NoSuchSlot { slot: 7 });
    assert_eq!(error.unit.map(|unit| unit.id), Some(5));
}

#[test]
fn a_swap_is_hidden_for_the_receptive_field_then_faded_then_told() {
    let (mut control, mut audio) = bank(mono());
    control.set_watching(true);
    control.install(0, Some(Probe::new(1.0, 0).unit(1))).expect("installed");
    let ones = vec![1.0; 1_000];
    run(&mut audio, &ones[..10], 10);

    control
        .install(0, Some(Probe::new(3.0, 0).field(100).unit(2)))
        .expect("installed");
    let hidden = run(&mut audio, &ones[..100], 50);
    assert!(hidden.iter().all(|sample| *sample == 1.0), "unheard");
    let readout = control.readout();
    assert_eq!((readout.slots[0].live, readout.slots[0].incoming), (Some(1), Some(2)));
    assert_eq!(readout.slots[0].phase, Phase::Fading);
    assert_eq!(readout.input_peaks[0], 1.0);
    assert_eq!(control.collect(), 0);

    let fading = run(&mut audio, &ones[..240], 60);
    assert!(fading.windows(2).all(|pair| pair[0] < pair[1]), "rises all the way");
    assert!(fading[0] > 1.0 && fading[239] < 3.0);
    assert!(
        (fading[119] + fading[120] - 4.0).abs() < 1e-5,
        "equal gain in the middle"
    );

    assert_eq!(control.readout().slots[0].live, Some(2));
    assert_eq!(control.collect(), 1);
    assert!(run(&mut audio, &ones, 100).iter().all(|sample| *sample == 3.0));
    assert_eq!(control.readout().slots[0].phase, Phase::Steady);
}

#[test]
fn long_receptive_fields_are_hidden_for_250_ms_at_most() {
    let (mut control, mut audio) = bank(mono());
    let ones = vec![1.0; 48_000];
    run(&mut audio, &ones[..1], 1);
    control
        .install(0, Some(Probe::new(3.0, 0).field(40_000).unit(2)))
        .expect("installed");
    let output = run(&mut audio, &ones, 4_900);
    let first = output.iter().position(|sample| *sample != 1.0);
    assert_eq!(first, Some(12_000));
}

#[test]
fn what_comes_in_has_sounded_out_before_it_is_heard() {
    // Latency of its own, without any receptive field, and alignment to a slower slot.
    for (delay, other) in [(200, None), (0, Some(300)), (100, Some(300))] {
        let (mut control, mut audio) = bank(mono());
        audio
            .adopt(1, other.map(|delay| Probe::new(1.0, delay).unit(9)))
            .expect("fits");
        let ones = vec![1.0; 2_000];
        run(&mut audio, &ones, 64);
        control
            .install(0, Some(Probe::new(1.0, delay).field(0).unit(1)))
            .expect("installed");
        let output = run(&mut audio, &ones, 64);
        assert!(
            output.iter().all(|sample| *sample == 1.0),
            "no gap for {delay}, {other:?}"
        );
        assert_eq!(control.readout().slots[0].live, Some(1));
    }
}

#[test]
fn a_crossfade_blends_the_old_and_the_new_each_with_its_own_delay() {
    let (mut control, mut audio) = bank(mono());
    audio.adopt(0, Some(Probe::new(1.0, 10).unit(1))).expect("fits");
    run(&mut audio, &ramp(0, 1_000), 64);
    control
        .install(0, Some(Probe::new(1.0, 110).field(5).unit(2)))
        .expect("installed");
    let output = run(&mut audio, &ramp(1_000, 1_000), 64);
    for (frame, sample) in output.iter().enumerate() {
        // Hidden for the receptive field and the total latency; then 240 frames.
        let into = (frame + 1).saturating_sub(5 + 110).min(241);
        let position = f32::from(u16::try_from(into).expect("short")) / 241.0;
        let gain = 0.5 - 0.5 * (std::f32::consts::PI * position).cos();
        let now = ramp(1_000 + frame, 1)[0];
        let expected = (now - 10.0) + ((now - 110.0) - (now - 10.0)) * gain;
        assert!(
            (sample - expected).abs() < 0.01,
            "frame {frame}: {sample}, not {expected}"
        );
    }
}

#[test]
fn installs_wait_for_each_other() {
    let (mut control, mut audio) = bank(mono());
    let ones = vec![1.0; 4_000];
    run(&mut audio, &ones[..1], 1);
    control
        .install(0, Some(Probe::new(2.0, 0).field(50).unit(1)))
        .expect("installed");
    control
        .install(0, Some(Probe::new(3.0, 0).field(50).unit(2)))
        .expect("installed");
    control
        .install(0, Some(Probe::new(4.0, 0).field(50).unit(3)))
        .expect("installed");
    control.install(0, None).expect("installed");
    let output = run(&mut audio, &ones, 64);
    let held: Vec<f32> = output
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .collect();
    // From the last, which does not wait for dry to sound in, straight on.
    let mut levels = held;
    levels.dedup();
    assert!(output.iter().any(|sample| *sample > 3.9));
    assert_eq!(levels, [1.0, 2.0, 3.0, 1.0]);
    assert_eq!(control.collect(), 3);
}

#[test]
fn no_swap_clicks() {
    let cases: [(&str, Option<Probe>, Option<Probe>); 6] = [
        ("dry to gain", None, Some(Probe::new(0.3, 0))),
        ("gain to dry", Some(Probe::new(0.3, 0)), None),
        ("polarity", Some(Probe::new(1.0, 0)), Some(Probe::new(-1.0, 0))),
        ("more latency", Some(Probe::new(1.0, 0)), Some(Probe::new(0.8, 37))),
        ("less latency", Some(Probe::new(1.0, 61)), Some(Probe::new(0.8, 5))),
        ("dry to latency", None, Some(Probe::new(-0.5, 24))),
    ];
    for (name, old, new) in cases {
        for hz in [500.0, 1_000.0, 4_000.0] {
            let make =
                |probe: &Option<Probe>, id| probe.as_ref().map(|p| Probe::new(p.gain, p.delay).field(50).unit(id));
            let (mut control, mut audio) = bank(mono());
            audio.adopt(0, make(&old, 1)).expect("fits");
            let before = run(&mut audio, &sine(hz, 0, 2_000), 64);
            control.install(0, make(&new, 2)).expect("installed");
            let during = run(&mut audio, &sine(hz, 2_000, 1_000), 64);
            let after = run(&mut audio, &sine(hz, 3_000, 2_000), 64);
            let steady = roughness(&before[500..]).max(roughness(&after[500..]));
            let whole = [&before[500..], &during[..], &after[..]].concat();
            let ratio = roughness(&whole) / steady;
            assert!(ratio <= 1.1, "{name} at {hz} Hz: {ratio}");
            assert_ne!(before[1_500..1_600], after[1_500..1_600], "{name}: the swap is heard");
        }
    }
}

#[test]
fn slots_are_aligned_to_the_slowest_and_the_change_is_told_once() {
    let (mut control, mut audio) = bank(mono());
    audio.adopt(0, Some(Probe::new(1.0, 10).unit(1))).expect("fits");
    assert_eq!(
        control.take_latency_change().map(|latency| latency.as_usize()),
        Some(10)
    );
    let (first, second) = (ramp(0, 1_000), ramp(1_000, 1_000));
    assert_eq!(run(&mut audio, &first, 32)[999], 989.0);

    control
        .install(1, Some(Probe::new(1.0, 25).unit(2)))
        .expect("installed");
    let output = run(&mut audio, &second, 32);
    assert_eq!(output[999], 1_974.0, "A is delayed by 15 more");
    assert_eq!(
        control.take_latency_change().map(|latency| latency.as_usize()),
        Some(25)
    );
    assert_eq!(audio.latency(), HostFrames::new(25));

    let output = run_with(&mut audio, &on(Source::B), &ramp(2_000, 1_000), 32);
    for (frame, sample) in output.iter().enumerate() {
        let expected = ramp(1_975 + frame, 1)[0];
        assert!(
            (sample - expected).abs() < 1e-3,
            "A and B are the same, and so is every blend"
        );
    }
    assert_eq!(control.take_latency_change(), None);
    assert_eq!(control.readout().source, Source::B);

    // B becomes dry: the total falls back to A's, and dry is delayed to match.
    control.install(1, None).expect("installed");
    let output = run_with(&mut audio, &on(Source::B), &ramp(3_000, 1_000), 32);
    assert_eq!(output[999], 3_989.0);
    assert_eq!(
        control.take_latency_change().map(|latency| latency.as_usize()),
        Some(10)
    );
}

#[test]
fn a_reserve_spares_the_change() {
    let (mut control, mut audio) = bank(mono());
    control.set_reserve(HostFrames::new(100));
    run(&mut audio, &ramp(0, 1_000), 64);
    assert_eq!(
        control.take_latency_change().map(|latency| latency.as_usize()),
        Some(100)
    );
    control
        .install(0, Some(Probe::new(1.0, 60).unit(1)))
        .expect("installed");
    let output = run(&mut audio, &ramp(1_000, 1_000), 64);
    assert_eq!(output[999], 1_899.0);
    assert_eq!(control.take_latency_change(), None);
    // And it can be given up while audio runs, without a click.
    control.set_reserve(HostFrames::ZERO);
    let before = run(&mut audio, &sine(1_000.0, 0, 1_000), 64);
    let after = run(&mut audio, &sine(1_000.0, 1_000, 1_000), 64);
    assert_eq!(control.latency().as_usize(), 60);
    let whole = [&before[600..], &after[..]].concat();
    assert!(roughness(&whole) <= 1.1 * roughness(&after[500..]));
    // Asking for more than the bank can give is clamped.
    control.set_reserve(HostFrames::new(u32::MAX));
    run(&mut audio, &ramp(0, 1_000), 64);
    assert_eq!(control.latency().frames(), control.config().max_latency);
}

#[test]
fn switching_between_slots_does_not_click() {
    let (_control, mut audio) = bank(mono());
    audio.adopt(0, Some(Probe::new(1.0, 0).unit(1))).expect("fits");
    audio.adopt(1, Some(Probe::new(-0.7, 12).unit(2))).expect("fits");
    let before = run(&mut audio, &sine(1_000.0, 0, 2_000), 50);
    let after = run_with(&mut audio, &on(Source::B), &sine(1_000.0, 2_000, 2_000), 50);
    let steady = roughness(&before[100..]).max(roughness(&after[1_000..]));
    let whole = [&before[100..], &after[..]].concat();
    assert!(roughness(&whole) <= 1.1 * steady);
    let b = sine(1_000.0, 3_888, 100);
    for (sample, b) in after[1_900..].iter().zip(b) {
        assert!((sample + 0.7 * b).abs() < 1e-6, "B alone is heard");
    }
}

#[test]
fn after_a_reset_everything_starts_anew() {
    let play = |before: bool| {
        let (mut control, mut audio) = bank(mono());
        control.set_reserve(HostFrames::new(100));
        audio.adopt(0, Some(Probe::new(0.5, 20).unit(1))).expect("fits");
        audio
            .adopt(
                1,
                Some(
                    Probe::new(0.7, 30)
                        .bad(if before { 900 } else { usize::MAX }, 1)
                        .unit(2),
                ),
            )
            .expect("fits");
        if before {
            // Into the middle of a fault, of a swap in A and of a selection of A.
            run_with(&mut audio, &on(Source::B), &sine(600.0, 0, 880), 64);
            control
                .install(0, Some(Probe::new(0.5, 20).unit(3)))
                .expect("installed");
            run_with(&mut audio, &on(Source::A), &sine(600.0, 880, 40), 8);
            audio.reset();
        }
        let sound = run_with(&mut audio, &on(Source::B), &sine(600.0, 0, 800), 64);
        let other = run_with(&mut audio, &on(Source::A), &sine(600.0, 800, 800), 64);
        control.install(0, None).expect("installed");
        let dry = run_with(&mut audio, &on(Source::A), &sine(600.0, 1_600, 800), 64);
        [sound, other, dry]
    };
    let (new, reset) = (play(false), play(true));
    for (part, (new, reset)) in new.iter().zip(&reset).enumerate() {
        let first = new.iter().zip(reset).position(|(new, reset)| new != reset);
        assert_eq!(first, None, "the first frame of part {part} that differs");
    }

    // The dry line, too, forgets.
    let (mut control, mut audio) = bank(mono());
    control.set_reserve(HostFrames::new(100));
    run_with(&mut audio, &on(Source::A), &[1.0; 500], 64);
    audio.reset();
    assert_eq!(run_with(&mut audio, &on(Source::A), &[0.0; 500], 64), [0.0; 500]);
}

#[test]
fn peaks_are_those_since_the_read_out_before() {
    let (mut control, mut audio) = bank(mono());
    audio.adopt(0, Some(Probe::new(0.5, 0).unit(1))).expect("fits");
    run(&mut audio, &[0.75; 64], 64);
    assert_eq!(control.readout().input_peaks[0], 0.0, "nobody watches");
    control.set_watching(true);
    run(&mut audio, &[-1.0, 0.25], 1);
    let readout = control.readout();
    assert_eq!((readout.input_peaks[0], readout.output_peaks[0]), (1.0, 0.5));
    run(&mut audio, &[0.25; 64], 8);
    let readout = control.readout();
    assert_eq!((readout.input_peaks[0], readout.output_peaks[0]), (0.25, 0.125));
}

#[test]
fn knobs_reach_the_processor_in_its_own_unit() {
    let (_control, mut audio) = bank(BankConfig {
        max_frames: 16,
        ..mono()
    });
    audio.adopt(0, Some(Probe::new(0.0, 0).unit(1))).expect("fits");
    let mut controls = STILL;
    let ones = [1.0; 40];
    let mut output = [0.0; 40];
    for (position, expected) in [(0.75, 1.5), (1.0, 2.0), (f32::NAN, 2.0), (7.0, 2.0), (0.0, 0.0)] {
        controls.knobs[0][0] = position;
        controls.knobs[1][0] = 0.5;
        audio.process(&controls, &[&ones], &mut [&mut output]);
        assert_eq!(output, [expected; 40]);
    }
}

#[test]
fn what_does_not_fit_is_given_back_with_a_sentence() {
    let (mut control, mut audio) = bank(mono());
    let mut refuse = |slot, unit: Unit| control.install(slot, Some(unit)).expect_err("refused");
    let error = refuse(2, Probe::new(1.0, 0).unit(1));
    assert_eq!(error.kind, InstallErrorKind::NoSuchSlot { slot: 2 });
    let error = refuse(0, Probe::new(1.0, 0).stereo(2, 2).unit(2));
    assert!(error.to_string().contains("2 in, 2 out"), "{error}");
    assert_eq!(error.unit.map(|unit| unit.id), Some(2));
    let error = refuse(0, Probe::new(1.0, RATE as usize + 1).unit(3));
    assert!(matches!(error.kind, InstallErrorKind::LatencyTooLong { .. }));
    for id in 0..24 {
        control
            .install(0, Some(Probe::new(1.0, 0).unit(id)))
            .expect("there is room");
    }
    let error = control.install(0, Some(Probe::new(1.0, 0).unit(24))).expect_err("full");
    assert_eq!(error.kind, InstallErrorKind::Busy);
    assert_eq!(error.unit.map(|unit| unit.id), Some(24));
    // All of them at once, as nothing was heard yet; the last one stays.
    assert_eq!(run(&mut audio, &[1.0], 1), [1.0]);
    assert_eq!(control.readout().slots[0].live, Some(23));
    assert_eq!(control.collect(), 23);
}

#[test]
fn blocks_of_another_shape_are_silenced() {
    let (_control, mut audio) = bank(BankConfig::new(rate(), 2, 2));
    let (short, long) = ([1.0; 3], [1.0; 4]);
    let (mut left, mut right) = ([9.0; 4], [9.0; 4]);
    for input in [&[&long[..]][..], &[&long, &short], &[&long, &long, &long], &[]] {
        left.fill(9.0);
        right.fill(9.0);
        assert_eq!(
            audio.process(&STILL, input, &mut [&mut left, &mut right]),
            Fault::BadBlock
        );
        assert_eq!((left, right), ([0.0; 4], [0.0; 4]));
    }
    assert_eq!(
        audio.process(&STILL, &[&long, &long], &mut [&mut left]),
        Fault::BadBlock
    );
    assert_eq!(audio.process(&STILL, &[], &mut []), Fault::BadBlock);
    assert_eq!(audio.process(&STILL, &[&[], &[]], &mut [&mut [], &mut []]), Fault::None);
}

#[test]
fn units_are_told_where_the_transport_is() {
    let (mut control, mut audio) = bank(mono());
    let probes = [Probe::new(1.0, 0), Probe::new(1.0, 0).bad(300, 1), Probe::new(1.0, 0)];
    let sought = probes.each_ref().map(|probe| Arc::clone(&probe.sought));
    let [first, second, third] = probes;
    audio.adopt(0, Some(first.unit(1))).expect("fits");
    let silence = vec![0.0; 100];
    run(&mut audio, &silence, 100);
    audio.seek(5_000);
    // One that comes while the transport runs, and that is reset because of what it puts out.
    control.install(1, Some(second.unit(2))).expect("fits");
    run(&mut audio, &vec![0.0; 1_000], 100);
    audio.reset();
    control.install(0, Some(third.unit(3))).expect("fits");
    audio.seek(70);
    run(&mut audio, &silence, 100);
    let told = |index: usize| sought[index].lock().expect("no panic").clone();
    assert_eq!(told(0), [(0, 0), (100, 5_000), (1_100, 70)]);
    let (fade, at) = (240, told(1));
    assert_eq!(at[0], (0, 5_000));
    // It rests for a fade, the frame that was bad included, and goes on.
    assert_eq!(at[1].1, 5_000 + 300 + fade);
    assert_eq!(told(2), [(0, 70)]);
}

#[test]
fn levels_are_those_of_the_unit_and_glide() {
    let (mut control, mut audio) = bank(mono());
    let levels = |loudness: f32, input: f32| ModelLevels {
        loudness_db: Some(loudness),
        input_dbu: Some(input),
        output_dbu: None,
    };
    audio
        .adopt(0, Some(Probe::new(1.0, 0).levels(levels(-12.0, 6.0)).unit(1)))
        .expect("fits");
    let mut controls = STILL;
    let ones = vec![1.0_f32; 4_800];
    let play = |audio: &mut BankAudio, controls: &Controls| {
        let mut output = vec![f32::NAN; ones.len()];
        for (input, output) in ones.chunks(33).zip(output.chunks_mut(33)) {
            audio.process(controls, &[input], &mut [output]);
        }
        output
    };
    assert_eq!(play(&mut audio, &controls), ones, "raw");
    controls.levels.output = OutputMode::Normalized;
    let quieter = play(&mut audio, &controls);
    let six = 10.0_f32.powf(-6.0 / 20.0);
    assert!((quieter[4_799] - six).abs() < 1e-6);
    assert!(roughness(&quieter) < 1e-3, "no step");
    // Before and behind: 12 − 6 dB up, 6 dB down.
    controls.levels.calibrated_input = true;
    assert!((play(&mut audio, &controls)[4_799] - 1.0).abs() < 1e-6);
    // While models change, each has its own.
    control
        .install(0, Some(Probe::new(1.0, 0).levels(levels(-24.0, 12.0)).unit(2)))
        .expect("fits");
    let swapped = play(&mut audio, &controls);
    assert!((swapped[4_799] - 1.0 / six).abs() < 1e-6);
    assert!(roughness(&swapped) < 1e-3, "no step");
    audio.reset();
    assert!(
        (play(&mut audio, &controls)[0] - 1.0 / six).abs() < 1e-6,
        "there from the first frame"
    );
}

#[test]
fn a_cabinet_stands_behind_the_slots() {
    let config = BankConfig::new(rate(), 1, 2);
    let (_slots_control, mut slots) = bank(config);
    let (mut cab_control, mut cab) = bank(SlotsAndCab::cab_config(&config));
    slots
        .adopt(0, Some(Probe::new(0.5, 20).stereo(1, 2).unit(1)))
        .expect("fits");
    cab.adopt(0, Some(Probe::new(3.0, 7).stereo(2, 2).unit(2)))
        .expect("fits");
    let mut middle = SlotsAndCab::new(slots, cab);
    assert_eq!(middle.latency().get(), 27);
    let input = sine(200.0, 0, 6_000);
    let mut controls = STILL;
    let play = |middle: &mut SlotsAndCab, controls: &Controls, piece: usize| {
        let (mut left, mut right) = (vec![0.0; input.len()], vec![0.0; input.len()]);
        for ((input, left), right) in input
            .chunks(piece)
            .zip(left.chunks_mut(piece))
            .zip(right.chunks_mut(piece))
        {
            assert_eq!(middle.process(controls, &[input], &mut [left, right]), Fault::None);
        }
        assert_eq!(left, right);
        left
    };
    let heard = play(&mut middle, &controls, 700);
    assert_eq!(
        heard[27..],
        input[..5_973].iter().map(|x| 0.5 * x * 3.0).collect::<Vec<_>>()[..]
    );
    // Out and in again by a crossfade, at the same delay.
    controls.cab = false;
    let without = play(&mut middle, &controls, 100);
    assert!(roughness(&without[60..]) < 0.003);
    assert_eq!(without[1_000], 0.5 * input[1_000 - 27]);
    cab_control.install(0, None).expect("fits");
    controls.cab = true;
    let gone = play(&mut middle, &controls, 100);
    assert_eq!(gone[5_999], 0.5 * input[5_999 - 20], "no cabinet: no latency of it");
    assert_eq!(middle.latency().get(), 20);
    middle.reset();
    let reset = play(&mut middle, &controls, 512);
    assert_eq!(
        reset[20..],
        input[..5_980].iter().map(|x| 0.5 * x).collect::<Vec<_>>()[..]
    );
    assert_eq!(
        middle.process(&controls, &[&[1.0]], &mut [&mut [], &mut []]),
        Fault::BadBlock
    );
}
