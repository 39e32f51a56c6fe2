//! The samples do not depend on how the audio is cut, also over swaps, latency changes, selections, faults and moving knobs.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;

use common::{Probe, STILL, rate, sine};
use proptest::prelude::*;
use tonegraft_core::{Fault, HostFrames, Middle, ModelLevels, OutputMode};
use tonegraft_slots::{BankConfig, Source, bank};

const FRAMES: usize = 6_000;

/// What happens before the frame of that number.
#[derive(Clone, Debug)]
enum Event {
    Install(usize, Option<(i8, u8, u16)>),
    Select(bool),
    Reserve(u16),
    Knob(u8),
    Level(i8),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..2_usize, prop::option::of((any::<i8>(), any::<u8>(), 0..500_u16)))
            .prop_map(|(slot, unit)| Event::Install(slot, unit)),
        any::<bool>().prop_map(Event::Select),
        (0..600_u16).prop_map(Event::Reserve),
        any::<u8>().prop_map(Event::Knob),
        any::<i8>().prop_map(Event::Level),
    ]
}

fn play(events: &[(usize, Event)], cuts: &[usize], max_frames: usize, outputs: usize) -> (Vec<Vec<f32>>, Fault) {
    let (mut control, mut audio) = bank(BankConfig {
        max_frames,
        ..BankConfig::new(rate(), 1, outputs)
    });
    let input = sine(700.0, 0, FRAMES);
    let mut output = vec![vec![f32::NAN; FRAMES]; outputs];
    let mut controls = STILL;
    let mut cuts = cuts.iter().cycle();
    let (mut done, mut fault) = (0, Fault::None);
    while done < FRAMES {
        for (at, event) in events {
            if *at == done {
                match event {
                    Event::Install(slot, unit) => {
                        let unit = unit.map(|(gain, delay, field)| {
                            Probe::new(f32::from(gain) / 64.0, delay.into())
                                .field(field.into())
                                .stereo(1, outputs)
                                // One in five turns bad for a while, once.
                                .bad(if gain % 5 == 0 { 300 } else { usize::MAX }, 1)
                                .levels(ModelLevels {
                                    loudness_db: None,
                                    input_dbu: Some(f32::from(gain) / 16.0),
                                    output_dbu: Some(9.0),
                                })
                                .unit(1)
                        });
                        // A full ring is part of the game; it is equally full for every cut.
                        let _ = control.install(*slot, unit);
                    }
                    Event::Select(b) => controls.source = if *b { Source::B } else { Source::A },
                    Event::Reserve(frames) => control.set_reserve(HostFrames::new((*frames).into())),
                    Event::Knob(position) => controls.knobs[0][0] = f32::from(*position) / 255.0,
                    Event::Level(dbu) => {
                        controls.levels.calibrated_input = true;
                        controls.levels.output = OutputMode::Calibrated;
                        controls.levels.interface_dbu = f32::from(*dbu) / 8.0;
                    }
                }
            }
        }
        control.collect();
        // Whatever takes effect takes effect at the start of a call: the grid of calls is common, the cuts are within.
        let until = FRAMES.min((done / 500 + 1) * 500);
        let count = (*cuts.next().expect("cycle")).min(until - done);
        let mut parts: Vec<&mut [f32]> = output
            .iter_mut()
            .map(|channel| &mut channel[done..done + count])
            .collect();
        fault = fault.worst(audio.process(&controls, &[&input[done..done + count]], &mut parts));
        done += count;
    }
    (output, fault)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Everything but what waits for a transition to end (queued installs, a selection or a reserve that changes meanwhile) starts
    /// at the frame at which it was asked for; so events are spaced by more than a transition takes.
    #[test]
    fn any_cut_gives_the_same_bits(
        events in prop::collection::vec(event(), 1..6),
        cuts in prop::collection::vec(1..700_usize, 1..8),
        max_frames in 1..600_usize,
        outputs in 1..=2_usize,
    ) {
        let events: Vec<(usize, Event)> = events.into_iter().enumerate().map(|(k, event)| (k * 2_000, event)).collect();
        let (whole, fault) = play(&events, &[500], 512, outputs);
        prop_assert!(whole.iter().flatten().all(|sample| sample.is_finite()));
        for (cuts, max_frames) in [(&cuts[..], max_frames), (&[1], 512)] {
            let (cut, cut_fault) = play(&events, cuts, max_frames, outputs);
            for (whole, cut) in whole.iter().zip(&cut) {
                let first = whole.iter().zip(cut).position(|(whole, cut)| whole.to_bits() != cut.to_bits());
                prop_assert_eq!(first, None, "the first frame that differs");
            }
            prop_assert_eq!(fault, cut_fault);
        }
    }
}
