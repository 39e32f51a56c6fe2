//! The anchor is a tanh and a filter, whatever the cut, without latency and without the heap.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

#[allow(dead_code)]
#[path = "../../../tests/src/counting.rs"]
mod counting;

use counting::{Counting, heap_calls};
use proptest::prelude::*;
use tonegraft_chain::anchor::{Anchor, AnchorError, MAX_TAPS};
use tonegraft_core::{Fault, HostFrames, LatencyParts, Processor, SampleRate, Tail};
use tonegraft_kernels::Isa;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn rate() -> SampleRate {
    SampleRate::new(48_000).expect("a rate")
}

/// Uniform in −1 … 1.
fn noise(frames: usize, seed: u64) -> Vec<f32> {
    let mut state = seed | 1;
    std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    })
    .take(frames)
    .collect()
}

fn play(anchor: &mut Anchor, input: &[Vec<f32>], cuts: &[usize]) -> Vec<Vec<f32>> {
    let frames = input[0].len();
    let mut output = vec![vec![f32::NAN; frames]; input.len()];
    let mut cuts = cuts.iter().cycle();
    let mut done = 0;
    while done < frames {
        let count = (*cuts.next().expect("cycle")).min(frames - done);
        let part: Vec<&[f32]> = input.iter().map(|channel| &channel[done..done + count]).collect();
        let mut out: Vec<&mut [f32]> = output
            .iter_mut()
            .map(|channel| &mut channel[done..done + count])
            .collect();
        assert_eq!(anchor.process(&part, &mut out), Fault::None);
        done += count;
    }
    output
}

fn bits(output: &[Vec<f32>]) -> Vec<Vec<u32>> {
    output
        .iter()
        .map(|channel| channel.iter().map(|x| x.to_bits()).collect())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_is_a_tanh_and_a_filter_whatever_the_cut(
        length in prop_oneof![1..140_usize, 100..=MAX_TAPS],
        drive in 0.01..100.0_f64,
        gain in 0.01..4.0_f64,
        cuts in prop::collection::vec(1..700_usize, 1..8),
        channels in 1..=2_usize,
        seed in any::<u64>(),
    ) {
        let mut taps = noise(length, seed);
        let norm = taps.iter().map(|tap| tap * tap).sum::<f32>().sqrt();
        taps.iter_mut().for_each(|tap| *tap /= norm);
        // An end that is heard: what is inaudible is cut off.
        taps[length - 1] = 0.1;
        let input: Vec<Vec<f32>> = (0..channels).map(|channel| noise(2_000, seed ^ (channel as u64 + 1))).collect();
        for isa in Isa::available() {
            let mut anchor = Anchor::with_isa(isa, drive, gain, &taps, rate(), channels).expect("plays");
            let whole = play(&mut anchor, &input, &[2_000]);
            for (input, output) in input.iter().zip(&whole) {
                for (n, made) in output.iter().enumerate().step_by(37) {
                    let wanted: f64 = (0..=n.min(length - 1))
                        .map(|k| gain * f64::from(taps[k]) * (drive * f64::from(input[n - k])).tanh())
                        .sum();
                    prop_assert!((f64::from(*made) - wanted).abs() < 1e-4 * gain, "{n}: {made} {wanted}");
                }
            }
            anchor.reset();
            prop_assert!(bits(&play(&mut anchor, &input, &cuts)) == bits(&whole), "{} cut at {:?}", isa, cuts);
        }
    }
}

#[test]
fn it_adds_no_latency() {
    let mut anchor = Anchor::new(2.0, 0.5, &[1.0, 0.25], rate(), 1).expect("plays");
    let facts = anchor.facts();
    assert_eq!((facts.inputs, facts.outputs, facts.knobs), (1, 1, 0));
    assert_eq!(facts.latency, LatencyParts::ZERO);
    assert_eq!(facts.tail, Tail::Frames(HostFrames::new(1)));
    let mut output = [0.0; 4];
    assert_eq!(
        anchor.process(&[&[1.0, 0.0, 0.0, 0.0]], &mut [&mut output]),
        Fault::None
    );
    let tanh = 2f32.tanh();
    for (made, wanted) in output.iter().zip([0.5 * tanh, 0.125 * tanh, 0.0, 0.0]) {
        assert!((made - wanted).abs() < 1e-6, "{output:?}");
    }
}

#[test]
fn hostile_input_stays_finite() {
    let mut anchor = Anchor::new(1e30, 1.0, &[1.0, 0.5], rate(), 2).expect("plays");
    let wild = [f32::NAN, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE, -f32::MAX, 0.0];
    let (mut left, mut right) = ([9.0; 6], [9.0; 6]);
    let fault = anchor.process(&[&wild, &wild], &mut [&mut left, &mut right]);
    assert_eq!(fault, Fault::NonFiniteInput);
    assert!(left.iter().chain(&right).all(|x| x.abs() <= 1.5), "{left:?}");
    let fault = anchor.process(&[&wild], &mut [&mut left, &mut right]);
    assert_eq!((fault, left), (Fault::BadBlock, [0.0; 6]));
}

#[test]
fn what_cannot_be_played_is_refused() {
    let new = |drive: f64, gain: f64, taps: &[f32]| Anchor::new(drive, gain, taps, rate(), 1).map(|_| ());
    for factor in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
        assert!(
            matches!(new(factor, 1.0, &[1.0]), Err(AnchorError::Factors { .. })),
            "{factor}"
        );
        assert!(
            matches!(new(1.0, factor, &[1.0]), Err(AnchorError::Factors { .. })),
            "{factor}"
        );
    }
    assert!(matches!(
        new(1.0, 1.0, &[1.0; 1_025]),
        Err(AnchorError::TooLong { taps: 1_025 })
    ));
    for taps in [&[][..], &[0.0, 0.0], &[f32::NAN], &[1.0, f32::INFINITY]] {
        assert!(matches!(new(1.0, 1.0, taps), Err(AnchorError::Filter(_))), "{taps:?}");
    }
}

#[test]
fn processing_and_resetting_use_no_heap() {
    let taps = noise(MAX_TAPS, 3);
    let mut anchor = Anchor::new(5.0, 0.1, &taps, rate(), 2).expect("plays");
    let input = noise(4_096, 5);
    let (mut left, mut right) = (vec![0.0; 4_096], vec![0.0; 4_096]);
    let calls = heap_calls(|| {
        for frames in [1, 31, 32, 33, 64, 65, 480, 4_096] {
            anchor.process(
                &[&input[..frames], &input[..frames]],
                &mut [&mut left[..frames], &mut right[..frames]],
            );
        }
        anchor.reset();
        anchor.process(&[&input, &input], &mut [&mut left, &mut right]);
    });
    assert_eq!(calls, 0);
}
