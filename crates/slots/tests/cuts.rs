//! The samples do not depend on how the audio is cut, also over swaps, latency changes, selections, faults and moving knobs.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;

use common::{Probe, STILL, rate, sine};
use proptest::prelude::*;
use tonegraft_core::{Controls, Fault, HostFrames, Middle, ModelLevels, OutputMode};
use tonegraft_slots::{Alignment, BankConfig, BankControl, Source, Switching, Unit, bank};

const FRAMES: usize = 6_000;

/// What happens before the frame of that number.
#[derive(Clone, Debug)]
enum Event {
    Install(usize, Option<(i8, u8, u16)>),
    Select(u8),
    UseReference(bool),
    Trim(usize, i8),
    Program(Option<u8>),
    InstallProgram(u8, Option<(i8, u8, u16)>),
    Align([i16; 3], [bool; 3], bool),
    Comparing(bool),
    Difference(bool, i8),
    Test(bool),
    Hear(u8),
    EndTest,
    Reserve(u16),
    Knob(u8),
    Level(i8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..2_usize, prop::option::of((any::<i8>(), any::<u8>(), 0..500_u16)))
            .prop_map(|(slot, unit)| Event::Install(slot, unit)),
        (0..5_u8).prop_map(Event::Select),
        any::<bool>().prop_map(Event::UseReference),
        (0..3_usize, any::<i8>()).prop_map(|(index, db)| Event::Trim(index, db)),
        prop::option::of(0..3_u8).prop_map(Event::Program),
        (0..3_u8, prop::option::of((any::<i8>(), any::<u8>(), 0..500_u16)))
            .prop_map(|(index, unit)| Event::InstallProgram(index, unit)),
        (any::<[i16; 3]>(), any::<[bool; 3]>(), any::<bool>())
            .prop_map(|(delays, invert, armed)| Event::Align(delays, invert, armed)),
        any::<bool>().prop_map(Event::Comparing),
        (any::<bool>(), any::<i8>()).prop_map(|(b, k)| Event::Difference(b, k)),
        any::<bool>().prop_map(Event::Test),
        (0..5_u8).prop_map(Event::Hear),
        Just(Event::EndTest),
        (0..600_u16).prop_map(Event::Reserve),
        any::<u8>().prop_map(Event::Knob),
        any::<i8>().prop_map(Event::Level),
    ]
}

/// What is built for an install: one in five turns bad for a while, once.
fn unit((gain, delay, field): (i8, u8, u16), outputs: usize) -> Unit {
    Probe::new(f32::from(gain) / 64.0, delay.into())
        .field(field.into())
        .stereo(1, outputs)
        .bad(if gain % 5 == 0 { 300 } else { usize::MAX }, 1)
        .levels(ModelLevels {
            loudness_db: None,
            input_dbu: Some(f32::from(gain) / 16.0),
            output_dbu: Some(9.0),
        })
        .unit(1)
}

fn happen(event: &Event, control: &mut BankControl, controls: &mut Controls, outputs: usize) {
    match event {
        // A full ring is part of the game; it is equally full for every cut.
        Event::Install(slot, what) => drop(control.install(*slot, what.map(|what| unit(what, outputs)))),
        Event::InstallProgram(index, what) => {
            drop(control.install_program((*index).into(), what.map(|what| unit(what, outputs))));
        }
        Event::Select(code) => controls.source = Source::from_code(*code),
        Event::UseReference(on) => controls.use_reference = *on,
        Event::Trim(index, db) => controls.trims_db[*index] = f32::from(*db) / 10.0,
        Event::Program(program) => controls.program = *program,
        Event::Align(delays, invert, armed) => control.set_alignment(Alignment {
            // Whole ones, too.
            delays: delays.map(|delay| f64::from(delay) / if delay % 2 == 0 { 256.0 } else { 2_048.0 }),
            invert: *invert,
            hear_reference_aligned: *armed,
        }),
        Event::Comparing(on) => control.set_comparing(*on),
        Event::Difference(b, k) => control.set_difference(if *b { Source::B } else { Source::A }, f32::from(*k) / 64.0),
        Event::Test(gapless) => control.begin_test(if *gapless {
            Switching::Gapless
        } else {
            Switching::ThroughSilence
        }),
        Event::Hear(code) => control.hear(Source::from_code(*code)),
        Event::EndTest => control.end_test(),
        Event::Reserve(frames) => control.set_reserve(HostFrames::new((*frames).into())),
        Event::Knob(position) => controls.knobs[0][0] = f32::from(*position) / 255.0,
        Event::Level(dbu) => {
            controls.levels.calibrated_input = true;
            controls.levels.output = OutputMode::Calibrated;
            controls.levels.interface_dbu = f32::from(*dbu) / 8.0;
        }
    }
}

/// What was put out, then what was read from the taps, and the worst fault.
fn play(
    events: &[(usize, Event)],
    cuts: &[usize],
    max_frames: usize,
    (references, outputs): (usize, usize),
) -> (Vec<Vec<f32>>, Fault) {
    let (mut control, mut audio) = bank(BankConfig {
        max_frames,
        references,
        ..BankConfig::new(rate(), 1, outputs)
    });
    control.set_tapping(true);
    let input = sine(700.0, 0, FRAMES);
    let side = [sine(500.0, 9, FRAMES), sine(800.0, 9, FRAMES)];
    let mut output = vec![vec![f32::NAN; FRAMES]; outputs];
    let mut tapped = vec![Vec::new(); 5];
    let mut controls = STILL;
    let mut cuts = cuts.iter().cycle();
    let (mut done, mut fault) = (0, Fault::None);
    while done < FRAMES {
        for (_, event) in events.iter().filter(|(at, _)| *at == done) {
            happen(event, &mut control, &mut controls, outputs);
        }
        control.collect();
        // Whatever takes effect takes effect at the start of a call: the grid of calls is common, the cuts are within.
        let until = FRAMES.min((done / 500 + 1) * 500);
        let count = (*cuts.next().expect("cycle")).min(until - done);
        let mut parts: Vec<&mut [f32]> = output
            .iter_mut()
            .map(|channel| &mut channel[done..done + count])
            .collect();
        let fed: Vec<&[f32]> = side[..references]
            .iter()
            .map(|side| &side[done..done + count])
            .collect();
        audio.feed_reference(&fed);
        fault = fault.worst(audio.process(&controls, &[&input[done..done + count]], &mut parts));
        done += count;
        control.taps().read(|piece| {
            let signals = [piece.input, piece.a, piece.b, piece.reference, piece.output];
            for (tapped, signal) in tapped.iter_mut().zip(signals) {
                tapped.extend(signal.iter().copied().flatten());
            }
        });
    }
    output.extend(tapped);
    (output, fault)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is asked for starts at that frame, or at the one at which what it waits for ends.
    #[test]
    fn any_cut_gives_the_same_bits(
        events in prop::collection::vec(event(), 1..16),
        cuts in prop::collection::vec(1..700_usize, 1..8),
        max_frames in 1..600_usize,
        layout in (0..=2_usize, 1..=2_usize),
        apart in prop::sample::select(&[500_usize, 1_000, 2_000][..]),
    ) {
        let events: Vec<(usize, Event)> = events.into_iter().enumerate().map(|(k, event)| (k * apart, event)).collect();
        let (whole, fault) = play(&events, &[500], 512, layout);
        prop_assert!(whole.iter().flatten().all(|sample| sample.is_finite()));
        for (cuts, max_frames) in [(&cuts[..], max_frames), (&[1], 512)] {
            let (cut, cut_fault) = play(&events, cuts, max_frames, layout);
            for (whole, cut) in whole.iter().zip(&cut) {
                let first = whole.iter().zip(cut).position(|(whole, cut)| whole.to_bits() != cut.to_bits());
                prop_assert_eq!(first, None, "the first frame that differs");
            }
            prop_assert_eq!(fault, cut_fault);
        }
    }
}
