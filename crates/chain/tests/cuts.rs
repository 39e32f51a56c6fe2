//! The samples do not depend on how the host cuts the audio, also while everything moves.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;

use common::{Delayed, chain, sine};
use proptest::prelude::*;
use tonegraft_chain::{GateSettings, Settings, ToneSettings};
use tonegraft_core::{KNOBS, SLOTS};

const FRAMES: usize = 4_000;

fn gate() -> impl Strategy<Value = GateSettings> {
    (
        any::<bool>(),
        -40.0..0.0_f32,
        0.0..24.0_f32,
        0.0..20.0_f32,
        1.0..30.0_f32,
        0.0..100.0_f32,
    )
        .prop_map(
            |(on, threshold_db, hysteresis_db, hold_ms, release_ms, range_db)| GateSettings {
                on,
                threshold_db,
                hysteresis_db,
                hold_ms,
                release_ms,
                range_db,
            },
        )
}

fn tone() -> impl Strategy<Value = ToneSettings> {
    let knob = || prop_oneof![Just(5.0), Just(f32::NAN), 0.0..10.0_f32];
    (any::<bool>(), knob(), knob(), knob()).prop_map(|(on, bass, middle, treble)| ToneSettings {
        on,
        bass,
        middle,
        treble,
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let knob = prop_oneof![0.0..1.0_f32, Just(f32::NAN)];
    (
        -24.0..24.0_f32,
        -24.0..24.0_f32,
        prop_oneof![Just(0.0), Just(1.0), 0.0..1.0_f32],
        any::<bool>(),
        knob,
        gate(),
        tone(),
    )
        .prop_map(
            |(input_gain_db, output_gain_db, mix, bypass, knob, gate, tone)| Settings {
                input_gain_db,
                output_gain_db,
                mix,
                bypass,
                knobs: [[knob; KNOBS]; SLOTS],
                gate,
                tone,
                ..Settings::default()
            },
        )
}

/// Settings change right before the frames given: a host with sample-accurate automation cuts there, whatever else it does.
fn play(events: &[(usize, Settings)], change: (usize, usize), cuts: &[usize]) -> Vec<f32> {
    let (mut chain, mut middle) = (chain(1, 1), Delayed::new(0.5, 20));
    middle.change = Some(change);
    let input = sine(700.0, 0, FRAMES);
    let mut output = vec![f32::NAN; FRAMES];
    let mut cuts = cuts.iter().cycle();
    let mut done = 0;
    while done < FRAMES {
        for (at, settings) in events {
            if *at == done {
                chain.set(settings);
            }
        }
        let next = events
            .iter()
            .map(|(at, _)| *at)
            .filter(|at| *at > done)
            .min()
            .unwrap_or(FRAMES);
        let count = (*cuts.next().expect("cycle")).min(next.min(FRAMES) - done);
        chain.process(
            &mut middle,
            &[&input[done..done + count]],
            &mut [&mut output[done..done + count]],
        );
        done += count;
    }
    output
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_gives_the_same_bits(
        events in prop::collection::vec((0..FRAMES, settings()), 0..12),
        change in (0..FRAMES, 0..300_usize),
        cuts in prop::collection::vec(1..1_500_usize, 1..8),
    ) {
        let whole = play(&events, change, &[FRAMES]);
        prop_assert!(whole.iter().all(|sample| sample.is_finite()));
        for cuts in [&cuts[..], &[1]] {
            let other = play(&events, change, cuts);
            let first = whole.iter().zip(&other).position(|(whole, other)| whole.to_bits() != other.to_bits());
            prop_assert_eq!(first, None, "the first frame that differs");
        }
    }
}
