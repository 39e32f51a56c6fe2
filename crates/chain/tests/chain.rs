//! What the chain does to a signal.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

mod common;

use common::{Delayed, chain, roughness, run, sine};
use tonegraft_chain::{Chain, ChainConfig, Settings};
use tonegraft_core::{Fault, HostFrames, KNOBS, SLOTS};

fn still() -> Settings {
    Settings {
        knobs: [[0.0; KNOBS]; SLOTS],
        ..Settings::default()
    }
}

#[test]
fn at_rest_the_middle_passes_bit_for_bit_and_uncut_behind_the_first_frame() {
    let (mut chain, mut middle) = (chain(1, 1), Delayed::new(0.7, 13));
    chain.snap(&still());
    let input = sine(997.0, 0, 10_000);
    let output = run(&mut chain, &mut middle, &input, 1_000);
    let mut twin = Delayed::new(0.7, 13);
    let mut expected = vec![0.0; 10_000];
    use tonegraft_core::Middle as _;
    let controls = tonegraft_core::Controls {
        knobs: still().knobs,
        levels: still().levels,
        ..tonegraft_core::Controls::default()
    };
    twin.process(&controls, &[&input], &mut [&mut expected]);
    assert_eq!(output, expected);
    assert_eq!(middle.calls[..2], [1, 999]);
    assert_eq!(middle.calls[2..], [1_000; 9]);
    assert_eq!(chain.position(), 10_000);
    assert_eq!(chain.dry_latency(), HostFrames::new(13));
}

#[test]
fn bypass_and_dry_are_the_delayed_input_bit_for_bit() {
    let input = sine(997.0, 0, 4_000);
    for settings in [
        Settings {
            bypass: true,
            input_gain_db: 12.0,
            output_gain_db: -3.0,
            mix: 0.3,
            ..still()
        },
        Settings {
            mix: 0.0,
            input_gain_db: 12.0,
            ..still()
        },
    ] {
        let (mut chain, mut middle) = (chain(1, 1), Delayed::new(0.7, 100));
        chain.snap(&settings);
        let output = run(&mut chain, &mut middle, &input, 333);
        assert_eq!(output[..100], [0.0; 100]);
        assert_eq!(output[100..], input[..3_900]);
    }
}

#[test]
fn gains_and_mix_are_what_they_say() {
    let (mut chain, mut middle) = (chain(1, 1), Delayed::new(1.0, 0));
    chain.snap(&Settings {
        input_gain_db: 20.0,
        mix: 0.25,
        output_gain_db: -20.0,
        ..still()
    });
    let output = run(&mut chain, &mut middle, &[1.0; 100], 100);
    let expected = (0.25 * 10.0 + 0.75 * 1.0) * 0.1;
    assert!(
        output.iter().all(|sample| (sample - expected).abs() < 1e-6),
        "{}",
        output[0]
    );
    assert_eq!(middle.past[0][50], 10.0, "the gain is before the middle");
}

#[test]
fn settings_wait_for_the_grid_and_glide() {
    let (mut chain, mut middle) = (chain(1, 1), Delayed::new(1.0, 0));
    chain.set(&Settings {
        output_gain_db: -20.0,
        ..still()
    });
    let first = run(&mut chain, &mut middle, &[1.0; 40], 40);
    assert!(
        first.iter().all(|sample| (sample - 0.1).abs() < 1e-7),
        "before the first frame: no glide"
    );
    chain.set(&still());
    let output = run(&mut chain, &mut middle, &[1.0; 600], 600);
    assert!(
        output[..24].iter().all(|sample| (sample - 0.1).abs() < 1e-7),
        "waits for frame 64"
    );
    assert!(output[25] > output[24] && output[24] <= output[25]);
    assert!(
        output[24..280]
            .windows(2)
            .all(|pair| pair[0] < pair[1] && pair[1] - pair[0] < 0.005)
    );
    assert!(output[280..].iter().all(|sample| *sample == 1.0));
    // After a reset it rests where it was sent.
    chain.set(&Settings {
        output_gain_db: -20.0,
        ..still()
    });
    chain.reset();
    let mut middle = Delayed::new(1.0, 0);
    assert!((run(&mut chain, &mut middle, &[1.0], 1)[0] - 0.1).abs() < 1e-7);
}

#[test]
fn knobs_step_along_their_glide_at_the_grid() {
    let (mut chain, mut middle) = (chain(1, 1), Delayed::new(0.0, 0));
    chain.snap(&still());
    run(&mut chain, &mut middle, &[1.0; 32], 32);
    let mut settings = still();
    settings.knobs[0][0] = 1.0;
    chain.set(&settings);
    let output = run(&mut chain, &mut middle, &[1.0; 480], 480);
    let mut steps = output.clone();
    steps.dedup();
    let expected: Vec<f32> = (0..=8u8).map(|step| f32::from(step) / 8.0).collect();
    assert_eq!(steps, expected);
    for (index, pair) in output.windows(2).enumerate() {
        assert!(pair[0] == pair[1] || (index + 1) % 32 == 0, "steps are on the grid");
    }
}

#[test]
fn switching_bypass_and_changing_latency_does_not_click() {
    let input = sine(1_000.0, 0, 9_000);
    for (old, new, mix) in [(0, 37, 1.0), (0, 37, 0.5), (90, 5, 0.5), (12, 400, 0.0)] {
        let (mut chain, mut middle) = (chain(1, 1), Delayed::new(0.6, old));
        middle.change = Some((5_003, new));
        let settings = Settings { mix, ..still() };
        chain.snap(&settings);
        let mut output = run(&mut chain, &mut middle, &input[..1_500], 64);
        chain.set(&Settings {
            bypass: true,
            ..settings
        });
        output.extend(run(&mut chain, &mut middle, &input[1_500..3_000], 64));
        chain.set(&settings);
        output.extend(run(&mut chain, &mut middle, &input[3_000..], 64));
        assert_eq!(chain.dry_latency(), HostFrames::new(u32::try_from(new).expect("short")));
        let steady = [
            &output[600..1_400],
            &output[2_200..2_900],
            &output[3_600..4_900],
            &output[6_000..],
        ]
        .into_iter()
        .map(roughness)
        .fold(0.0, f32::max);
        let ratio = roughness(&output[600..]) / steady;
        assert!(ratio <= 1.1, "{old} to {new} at mix {mix}: {ratio}");
        if mix == 0.0 {
            assert_eq!(
                output[6_000..],
                input[6_000 - new..9_000 - new],
                "the dry path has followed"
            );
        }
    }
}

#[test]
fn nonsense_from_the_host_is_silence_and_told() {
    let (mut chain, mut middle) = (chain(2, 2), Delayed::new(1.0, 0));
    let bad = [1.0, f32::NAN, f32::INFINITY, -1.0];
    let (mut left, mut right) = ([9.0; 4], [9.0; 4]);
    chain.snap(&still());
    let fault = chain.process(&mut middle, &[&bad, &[0.5; 4]], &mut [&mut left, &mut right]);
    assert_eq!(fault, Fault::NonFiniteInput);
    assert_eq!((left, right), ([1.0, 0.0, 0.0, -1.0], [0.5; 4]));
    assert_eq!(
        chain.process(&mut middle, &[&[0.5; 4]], &mut [&mut left, &mut right]),
        Fault::BadBlock
    );
    assert_eq!((left, right), ([0.0; 4], [0.0; 4]));
    let fault = chain.process(&mut middle, &[&[0.5; 4], &[0.5; 3]], &mut [&mut left, &mut right]);
    assert_eq!(fault, Fault::BadBlock);
    assert_eq!(chain.process(&mut middle, &[], &mut []), Fault::BadBlock);
    let calls = middle.calls.len();
    assert_eq!(
        chain.process(&mut middle, &[&[], &[]], &mut [&mut [], &mut []]),
        Fault::None
    );
    assert_eq!(middle.calls[calls..], [0], "an empty block reaches the middle");
    assert_eq!(chain.position(), 4);
}

#[test]
fn mono_to_stereo_copies_the_dry_signal() {
    let (mut chain, mut middle) = (chain(1, 2), Delayed::new(0.5, 10));
    chain.snap(&Settings {
        bypass: true,
        ..still()
    });
    let input = sine(500.0, 0, 3_000);
    let (mut left, mut right) = (vec![0.0; 3_000], vec![0.0; 3_000]);
    chain.process(&mut middle, &[&input], &mut [&mut left, &mut right]);
    assert_eq!(left[10..], input[..2_990]);
    assert_eq!(left, right);
}

#[test]
fn a_latency_beyond_the_limit_is_matched_as_far_as_it_goes() {
    let config = ChainConfig {
        max_latency: HostFrames::new(50),
        ..ChainConfig::new(common::rate(), 1, 1)
    };
    let (mut chain, mut middle) = (Chain::new(config), Delayed::new(0.5, 80));
    chain.snap(&Settings {
        bypass: true,
        ..still()
    });
    let input = sine(500.0, 0, 3_000);
    let output = run(&mut chain, &mut middle, &input, 700);
    assert_eq!(output[50..], input[..2_950]);
    assert!(
        middle.calls[1..].iter().all(|call| *call >= 200),
        "nothing moves for ever"
    );
}

#[test]
fn denormals_are_flushed() {
    let (mut chain, mut middle) = (chain(1, 1), Delayed::new(0.5, 0));
    chain.snap(&still());
    let tiny = [f32::MIN_POSITIVE; 64];
    assert_eq!(run(&mut chain, &mut middle, &tiny, 64), [0.0; 64]);
}

/// Notes where it is sent.
struct Sought(Delayed, Vec<(usize, i64)>);

impl tonegraft_core::Middle for Sought {
    fn process(&mut self, controls: &tonegraft_core::Controls, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        self.0.process(controls, input, output)
    }

    fn latency(&self) -> HostFrames {
        self.0.latency()
    }

    fn seek(&mut self, frame: i64) {
        self.1.push((self.0.calls.iter().sum(), frame));
    }
}

#[test]
fn jumps_of_the_transport_are_told_at_points_of_the_grid() {
    let told = |block: usize| {
        let (mut chain, mut middle) = (chain(1, 1), Sought(Delayed::new(0.5, 20), Vec::new()));
        let mut frame = 0;
        while frame < 4_000 {
            let count = block.min(4_000 - frame);
            // It starts at 1,000, wraps at frame 1,500 and stops at frame 3,000.
            let at = i64::try_from(frame).expect("small");
            chain.follow(match frame {
                0..1_500 => Some(1_000 + at),
                1_500..3_000 => Some(at - 1_500),
                _ => None,
            });
            chain.process(&mut middle, &[&vec![0.0; count]], &mut [&mut vec![0.0; count]]);
            frame += count;
        }
        middle.1
    };
    let expected = [(0, 1_000), (1_504, 4)];
    for block in [1, 20, 50, 100, 500] {
        assert_eq!(told(block), expected, "blocks of {block}");
    }
    assert_eq!(told(4_000), [(0, 1_000)]);
}
