//! Record and replay.

use crate::common::{rate, sine};
use crate::{Motion, Random};
use tonegraft_slots::{CaptureAudio, CaptureConfig, CaptureControl, CaptureError, CaptureState, capture};

fn rig(inputs: usize, references: usize) -> (CaptureControl, CaptureAudio) {
    capture(CaptureConfig {
        rate: rate(),
        inputs,
        references,
    })
}

/// Plays one-channel signals in place, in random pieces.
fn play(audio: &mut CaptureAudio, input: &mut [f32], reference: &mut [f32], random: &mut Random) {
    let mut at = 0;
    while at < input.len() {
        let end = input.len().min(at + 1 + random.below(500));
        audio.process(&mut [&mut input[at..end]], &mut [&mut reference[at..end]]);
        at = end;
    }
}

#[test]
fn it_records_exactly_what_came_in() {
    for (inputs, references) in [(1, 0), (2, 0), (1, 1), (1, 2), (2, 2)] {
        let (mut control, mut audio) = rig(inputs, references);
        assert_eq!(control.state(), CaptureState::Idle);
        assert!(control.passage().is_none());
        control.arm(0.1).expect("short");
        let mut random = Random(1);
        let mut kept: Vec<Vec<f32>> = vec![Vec::new(); inputs + references];
        let mut at = 0;
        while at < 6_000 {
            let frames = 1 + random.below(700);
            let mut channels: Vec<Vec<f32>> = (0..inputs + references)
                .map(|index| sine(200.0 + 100.0 * f64::from(u8::try_from(index).expect("few")), at, frames))
                .collect();
            let before = channels.clone();
            let (main, side) = channels.split_at_mut(inputs);
            let mut main: Vec<&mut [f32]> = main.iter_mut().map(Vec::as_mut_slice).collect();
            let mut side: Vec<&mut [f32]> = side.iter_mut().map(Vec::as_mut_slice).collect();
            audio.process(&mut main, &mut side);
            assert_eq!(channels, before, "recording changes nothing");
            for (kept, channel) in kept.iter_mut().zip(&channels) {
                kept.extend(channel);
            }
            at += frames;
            let state = control.state();
            if at < 4_800 {
                assert_eq!(state, CaptureState::Recording { frames: at });
            } else {
                assert_eq!(state, CaptureState::Ready { frames: 4_800 });
            }
        }
        let passage = control.passage().expect("complete");
        assert_eq!((passage.frames(), passage.rate()), (4_800, rate()));
        let recorded: Vec<&[f32]> = passage.input().iter().chain(passage.reference().iter()).collect();
        assert_eq!(
            (passage.input().channels(), recorded.len()),
            (inputs, inputs + references)
        );
        for (recorded, kept) in recorded.iter().zip(&kept) {
            assert_eq!(*recorded, &kept[..4_800]);
        }
    }
}

#[test]
fn a_part_is_looped_in_place_of_both_with_smooth_seams() {
    let (mut control, mut audio) = rig(1, 1);
    let mut random = Random(5);
    control.arm(20.0).expect("just allowed");
    let (mut input, mut side) = (sine(330.0, 0, 10_000), sine(440.0, 0, 10_000));
    let (kept, kept_side) = (input.clone(), side.clone());
    play(&mut audio, &mut input, &mut side, &mut random);
    control.stop().expect("there is room");
    play(&mut audio, &mut [0.0; 10], &mut [0.0; 10], &mut random);
    assert_eq!(control.state(), CaptureState::Ready { frames: 10_000 });

    control.replay(Some(1_000..4_000)).expect("a part of it");
    assert_eq!(control.state(), CaptureState::Replaying { frame: 1_000 });
    let live = sine(100.0, 0, 9_000);
    let (mut input, mut side) = (live.clone(), live.clone());
    play(&mut audio, &mut input, &mut side, &mut random);
    // In by a crossfade, then the part itself, less the last 240 frames of it, which are blended with its first.
    assert_eq!(input[240..2_760], kept[1_240..3_760]);
    assert_eq!(side[240..2_760], kept_side[1_240..3_760]);
    assert_eq!(input[3_000..5_520], kept[1_240..3_760], "the second turn");
    assert_eq!(input[240..3_000], input[3_000..5_760], "with the seam in it");
    let CaptureState::Replaying { frame } = control.state() else {
        panic!("it is replayed");
    };
    assert_eq!(frame, 1_000 + 240 + (9_000 - 240) % 2_760);
    // Another part, by a crossfade; then the input again.
    control.replay(Some(0..2_000)).expect("a part of it");
    let (mut other, mut other_side) = (live.clone(), live);
    play(&mut audio, &mut other, &mut other_side, &mut random);
    assert_eq!(other[240..1_760], kept[240..1_760]);
    control.replay(None).expect("there is room");
    assert_eq!(control.state(), CaptureState::Ready { frames: 10_000 });
    let live = sine(100.0, 9_000, 9_000);
    let (mut back, mut back_side) = (live.clone(), live.clone());
    play(&mut audio, &mut back, &mut back_side, &mut random);
    assert_eq!((&back[240..], &back_side[240..]), (&live[240..], &live[240..]));
    let whole = [&sine(100.0, 0, 9_000)[8_000..], &input, &other, &back].concat();
    let steady = Motion::of(&kept).worst(Motion::of(&live));
    // From the live input at frame 9000 to its frame 0 there is a seam of the test's own, so it starts behind that.
    assert!(Motion::of(&whole[1_000..]).curvature <= steady.faded(240.0));
}

#[test]
fn the_shortest_parts_loop_too() {
    let (mut control, mut audio) = rig(1, 1);
    let mut random = Random(2);
    control.arm(0.01).expect("short");
    play(
        &mut audio,
        &mut sine(700.0, 0, 480),
        &mut sine(700.0, 0, 480),
        &mut random,
    );
    for frames in [1, 2, 3, 100, 480] {
        control.replay(Some(0..frames)).expect("a part of it");
        let (mut input, mut side) = (vec![0.0; 3_000], vec![0.0; 3_000]);
        play(&mut audio, &mut input, &mut side, &mut random);
        assert!(input.iter().all(|sample| sample.abs() <= 1.0));
        let turn = frames - (frames / 2).min(240);
        let again = &input[1_000 + turn..2_000 + turn];
        assert_eq!(&input[1_000..2_000], again, "a turn of {frames} takes {turn}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let (mut control, mut audio) = rig(1, 1);
    for seconds in [600.0, 20.01, 0.0, -1.0, f64::NAN, f64::INFINITY, 1e-9] {
        let error = control.arm(seconds).expect_err("refused");
        assert!(matches!(error, CaptureError::Length { .. }));
        assert!(error.to_string().contains("at most 20 s"), "{error}");
    }
    assert_eq!(control.state(), CaptureState::Idle);
    assert_eq!(control.replay(Some(0..10)), Err(CaptureError::NoPassage));
    control.arm(0.01).expect("short");
    play(&mut audio, &mut [0.5; 500], &mut [0.25; 500], &mut Random(1));
    for part in [0..0, 5..5, 0..481, 480..500, 7..usize::MAX] {
        let error = control.replay(Some(part)).expect_err("refused");
        assert!(error.to_string().contains("480 frames"), "{error}");
    }
    // Nobody takes them.
    let mut busy = 0;
    for _ in 0..20 {
        busy += usize::from(control.arm(0.01) == Err(CaptureError::Busy));
    }
    assert!(busy >= 10);
    assert!(control.passage().is_some(), "the old one is kept");
    play(&mut audio, &mut [0.75; 1_000], &mut [0.25; 1_000], &mut Random(1));
    assert_eq!(control.state(), CaptureState::Ready { frames: 480 });
    assert_eq!(
        control.passage().map(|passage| passage.input().channel(0)[479]),
        Some(0.75)
    );
    // A recording stopped before its first frame is none; the passage before it stays.
    control.arm(1.0).expect("short");
    control.stop().expect("there is room");
    audio.process(&mut [&mut []], &mut [&mut []]);
    assert_eq!(control.state(), CaptureState::Ready { frames: 480 });
}

#[test]
fn nonsense_in_the_input_is_recorded_as_silence_and_odd_blocks_do_no_harm() {
    let (mut control, mut audio) = rig(1, 1);
    control.arm(0.01).expect("short");
    let mut input = vec![f32::NAN; 480];
    input[7] = 0.5;
    audio.process(&mut [&mut input], &mut [&mut [f32::INFINITY; 480]]);
    let passage = control.passage().expect("complete");
    assert!(
        passage
            .input()
            .channel(0)
            .iter()
            .chain(passage.reference().channel(0))
            .all(|sample| sample.is_finite())
    );
    assert_eq!(passage.input().channel(0)[7], 0.5);
    control.replay(Some(0..480)).expect("a part of it");
    let (mut left, mut right, mut side) = ([0.1; 300], [0.2; 300], [0.3; 200]);
    audio.process(&mut [&mut left, &mut right], &mut [&mut side]);
    assert_eq!(left[250], 0.1, "behind the shortest, all stays");
    audio.process(&mut [], &mut []);
    audio.reset();
    audio.process(&mut [&mut [0.0; 10]], &mut []);
}
