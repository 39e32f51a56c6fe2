//! A convolver equals plain convolution, whatever the cut.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

use proptest::prelude::*;
use tonegraft_chain::cab::{Convolver, ImpulseResponse, IrLevel, Recording};
use tonegraft_core::{Fault, HostFrames, LatencyParts, Processor, SampleRate, Tail};
use tonegraft_kernels::Isa;

fn rate() -> SampleRate {
    SampleRate::new(48_000).expect("a rate")
}

/// Uniform in −1 … 1.
fn numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed | 1;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        #[allow(clippy::cast_precision_loss)]
        let value = (state >> 40) as f32 / 8_388_608.0 - 1.0;
        value
    }
}

fn response(channels: Vec<Vec<f32>>) -> ImpulseResponse {
    let recording = Recording { channels, rate: rate() };
    ImpulseResponse::new(&recording, rate(), IrLevel::File).expect("plays")
}

/// Taps that do not end in silence.
fn taps(length: usize, seed: u64) -> Vec<f32> {
    let mut next = numbers(seed);
    let mut taps: Vec<f32> = (0..length).map(|_| next()).collect();
    if let Some(last) = taps.last_mut() {
        *last = 0.5;
    }
    taps
}

/// `length` frames with single samples at `places`.
fn sparse(length: usize, places: &[usize], seed: u64) -> Vec<f32> {
    let mut next = numbers(seed);
    let mut signal = vec![0.0; length];
    for place in places {
        signal[place % length] = next();
    }
    signal
}

/// Plain convolution in double precision.
fn plain(taps: &[f32], input: &[f32]) -> Vec<f64> {
    let mut output = vec![0.0; input.len()];
    for (n, x) in input.iter().enumerate().filter(|(_, x)| **x != 0.0) {
        for (y, tap) in output[n..].iter_mut().zip(taps) {
            *y += f64::from(*x) * f64::from(*tap);
        }
    }
    output
}

fn play(convolver: &mut Convolver, input: &[Vec<f32>], cuts: &[usize]) -> Vec<Vec<f32>> {
    let frames = input[0].len();
    let mut output = vec![vec![f32::NAN; frames]; convolver.facts().outputs];
    let mut cuts = cuts.iter().cycle();
    let mut done = 0;
    while done < frames {
        let count = (*cuts.next().expect("cycle")).min(frames - done);
        let part: Vec<&[f32]> = input.iter().map(|channel| &channel[done..done + count]).collect();
        let mut out: Vec<&mut [f32]> = output
            .iter_mut()
            .map(|channel| &mut channel[done..done + count])
            .collect();
        assert_eq!(convolver.process(&part, &mut out), Fault::None);
        done += count;
    }
    output
}

/// Single precision over transforms of up to 8192 samples, relative to the largest sum of magnitudes that a sample can have.
fn tolerance(taps: &[f32], input: &[f32]) -> f64 {
    let energy = |x: &[f32]| x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    2e-6 * energy(taps) * energy(input).max(1.0)
}

fn assert_near(output: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    for (n, (output, expected)) in output.iter().zip(expected).enumerate() {
        let error = (f64::from(*output) - expected).abs();
        assert!(
            error <= tolerance,
            "{what}: frame {n} is {error:e} off, {tolerance:e} allowed"
        );
    }
}

fn bits(output: &[Vec<f32>]) -> Vec<Vec<u32>> {
    output
        .iter()
        .map(|channel| channel.iter().map(|x| x.to_bits()).collect())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_length_and_any_cut(
        length in prop_oneof![1..140_usize, 100..1_100_usize, 1_000..9_000_usize, 8_000..30_000_usize],
        frames in 1..30_000_usize,
        places in prop::collection::vec(0..30_000_usize, 1..12),
        cuts in prop::collection::vec(1..900_usize, 1..8),
        seed in any::<u64>(),
    ) {
        let taps = taps(length, seed);
        let input = vec![sparse(frames, &places, seed ^ 1)];
        let expected = plain(&taps, &input[0]);
        let response = response(vec![taps.clone()]);
        for isa in Isa::available() {
            let mut convolver = Convolver::with_isa(isa, &response, 1, 1);
            let whole = play(&mut convolver, &input, &[frames]);
            assert_near(&whole[0], &expected, tolerance(&taps, &input[0]), isa.name());
            convolver.reset();
            let cut = play(&mut convolver, &input, &cuts);
            prop_assert!(bits(&whole) == bits(&cut), "{} cut at {:?}", isa, cuts);
        }
    }
}

#[test]
fn single_frames_give_the_same_bits() {
    let response = response(vec![taps(20_000, 3)]);
    let mut next = numbers(9);
    let input = vec![(0..20_000).map(|_| next()).collect::<Vec<f32>>()];
    let mut convolver = Convolver::new(&response, 1, 1);
    let whole = play(&mut convolver, &input, &[20_000]);
    convolver.reset();
    assert!(bits(&whole) == bits(&play(&mut convolver, &input, &[1])));
    convolver.reset();
    assert!(bits(&whole) == bits(&play(&mut convolver, &input, &[31, 64, 1, 480])));
}

#[test]
fn the_first_tap_is_heard_at_once_and_the_last_at_its_place() {
    for length in [1, 2, 127, 128, 129, 1_023, 1_024, 1_025, 8_191, 8_192, 8_193, 40_000] {
        let mut taps = vec![0.0; length];
        (taps[0], taps[length - 1]) = (1.0, 1.0);
        let mut input = vec![0.0; 60_000];
        input[5_000] = 1.0;
        let mut convolver = Convolver::new(&response(vec![taps]), 1, 1);
        let facts = convolver.facts();
        assert_eq!(facts.latency, LatencyParts::ZERO);
        let frames = |n: usize| HostFrames::new(u32::try_from(n).expect("short"));
        assert_eq!(
            (facts.receptive_field, facts.tail),
            (frames(length), Tail::Frames(frames(length - 1)))
        );
        let output = play(&mut convolver, &[input], &[512]);
        for (n, y) in output[0].iter().enumerate() {
            let expected = if n == 5_000 || n == 5_000 + length - 1 {
                1.0
            } else {
                0.0
            };
            assert!((y - expected).abs() < 1e-6, "length {length}, frame {n}: {y}");
        }
    }
}

#[test]
fn channels_meet_as_documented() {
    let (left, right) = (taps(2_000, 1), taps(2_000, 2));
    let stereo = response(vec![left.clone(), right.clone()]);
    let mono = response(vec![left.clone()]);
    let places = [3, 700, 2_500];
    let (a, b) = (sparse(6_000, &places, 5), sparse(6_000, &places, 6));
    let check = |response: &ImpulseResponse, input: &[Vec<f32>], expected: &[(&[f32], &[f32])]| {
        let mut convolver = Convolver::new(response, input.len(), expected.len());
        let output = play(&mut convolver, input, &[100]);
        for ((taps, input), output) in expected.iter().zip(&output) {
            assert_near(output, &plain(taps, input), tolerance(taps, input), "layout");
        }
    };
    let half: Vec<f32> = left.iter().zip(&right).map(|(l, r)| 0.5 * l + 0.5 * r).collect();
    check(&mono, &[a.clone(), b.clone()], &[(&left, &a), (&left, &b)]);
    check(&mono, std::slice::from_ref(&a), &[(&left, &a), (&left, &a)]);
    check(&stereo, &[a.clone(), b.clone()], &[(&left, &a), (&right, &b)]);
    check(&stereo, std::slice::from_ref(&a), &[(&left, &a), (&right, &a)]);
    check(&stereo, std::slice::from_ref(&a), &[(&half, &a)]);
}

#[test]
fn other_shapes_are_silence_and_told() {
    let mut convolver = Convolver::new(&response(vec![taps(500, 1)]), 1, 1);
    let mut output = [9.0; 10];
    assert_eq!(convolver.process(&[&[1.0; 9]], &mut [&mut output]), Fault::BadBlock);
    assert_eq!(output, [0.0; 10]);
    assert_eq!(convolver.process(&[&[]], &mut [&mut []]), Fault::None);
}

#[test]
fn after_nan_a_reset_is_clean() {
    let response = response(vec![taps(9_000, 4)]);
    let mut convolver = Convolver::new(&response, 1, 1);
    let input = vec![sparse(12_000, &[0, 50, 6_000], 7)];
    let clean = play(&mut convolver, &input, &[64]);
    play(&mut convolver, &[vec![f32::NAN; 12_000]], &[64]);
    convolver.reset();
    assert!(bits(&clean) == bits(&play(&mut convolver, &input, &[64])));
}
