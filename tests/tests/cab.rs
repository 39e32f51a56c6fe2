//! The cab: a convolver in a bank of its own behind the slots. Heard, bypassed and swapped by crossfades, without latency, dropped off the audio
//! thread.

use std::f32::consts::TAU;
use tonegraft_analysis::max_second_difference;
use tonegraft_chain::cab::{Convolver, ImpulseResponse, IrLevel, Recording};
use tonegraft_core::{
    Controls, Fault, HostFrames, KNOBS, LevelSettings, Middle, ModelLevels, Processor, SLOTS, SampleRate,
};
use tonegraft_slots::{BankConfig, BankControl, SlotsAndCab, Unit, bank};

const RATE: u32 = 48_000;
const FADE: usize = 240;

fn rate() -> SampleRate {
    SampleRate::new(RATE).expect("a rate")
}

/// A response that rings down over `frames`.
fn convolver(channels: usize, frames: usize, hz: f32, outputs: usize) -> Convolver {
    let channel = |index: usize| {
        (0..frames)
            .map(|n| {
                let t = n as f32 / RATE as f32;
                (TAU * hz * (index + 1) as f32 * t).sin() * (-7.0 * n as f32 / frames as f32).exp() * 0.02
            })
            .collect()
    };
    let recording = Recording {
        channels: (0..channels).map(channel).collect(),
        rate: rate(),
    };
    let response = ImpulseResponse::new(&recording, rate(), IrLevel::File).expect("plays");
    Convolver::new(&response, outputs, outputs)
}

fn unit(convolver: Convolver, id: u64) -> Option<Unit> {
    Some(Unit {
        processor: Box::new(convolver),
        id,
        knobs: Vec::new(),
        levels: ModelLevels::default(),
    })
}

/// Empty slots with an empty cab behind them; the cab's control.
fn open(channels: usize) -> (BankControl, SlotsAndCab) {
    let config = BankConfig::new(rate(), channels, channels);
    let (_, slots) = bank(config);
    let (control, cab) = bank(SlotsAndCab::cab_config(&config));
    (control, SlotsAndCab::new(slots, cab))
}

fn play(audio: &mut SlotsAndCab, input: &[Vec<f32>], block: usize, cab: bool) -> Vec<Vec<f32>> {
    let controls = Controls {
        knobs: [[0.0; KNOBS]; SLOTS],
        levels: LevelSettings::default(),
        cab,
        ..Controls::default()
    };
    let frames = input[0].len();
    let mut output = vec![vec![0.0; frames]; input.len()];
    for start in (0..frames).step_by(block) {
        let part = start..(start + block).min(frames);
        let ins: Vec<&[f32]> = input.iter().map(|channel| &channel[part.clone()]).collect();
        let mut outs: Vec<&mut [f32]> = output.iter_mut().map(|channel| &mut channel[part.clone()]).collect();
        assert_eq!(audio.process(&controls, &ins, &mut outs), Fault::None);
    }
    output
}

fn tone(channels: usize, frames: usize) -> Vec<Vec<f32>> {
    let channel =
        |index: usize| (0..frames).map(move |n| (TAU * (200 + 30 * index) as f32 * n as f32 / RATE as f32).sin() * 0.5);
    (0..channels).map(|index| channel(index).collect()).collect()
}

#[test]
fn an_empty_bank_passes_and_a_response_there_from_the_start_is_right_from_frame_0() {
    for channels in [1, 2] {
        let input = tone(channels, 5_000);
        let (mut control, mut audio) = open(channels);
        assert_eq!(play(&mut audio, &input, 64, true), input);
        audio.reset();
        assert!(
            control
                .install(0, unit(convolver(2, 3_000, 300.0, channels), 1))
                .is_ok()
        );
        let output = play(&mut audio, &input, 100, true);
        assert_eq!(audio.latency(), HostFrames::ZERO);
        let mut alone = convolver(2, 3_000, 300.0, channels);
        let mut expected = vec![vec![0.0; 5_000]; channels];
        let ins: Vec<&[f32]> = input.iter().map(Vec::as_slice).collect();
        let mut outs: Vec<&mut [f32]> = expected.iter_mut().map(Vec::as_mut_slice).collect();
        alone.process(&ins, &mut outs);
        assert_eq!(output, expected, "the bank adds nothing");
    }
}

#[test]
fn bypass_swap_and_removal_do_not_click_and_nothing_is_kept() {
    let input = tone(2, 96_000);
    let (mut control, mut audio) = open(2);
    assert!(control.install(0, unit(convolver(1, 9_000, 150.0, 2), 1)).is_ok());
    let cut =
        |from: usize, to: usize| -> Vec<Vec<f32>> { input.iter().map(|channel| channel[from..to].to_vec()).collect() };
    let mut played = vec![Vec::new(); 2];
    let mut advance = |audio: &mut SlotsAndCab, from: usize, to: usize, cab: bool| -> f32 {
        let part = play(audio, &cut(from, to), 64, cab);
        let steady = part
            .iter()
            .map(|channel| max_second_difference(&channel[channel.len() - 2_000..]));
        let steady = steady.fold(0.0, f32::max);
        for (played, part) in played.iter_mut().zip(part) {
            played.extend(part);
        }
        steady
    };
    let mut steady = advance(&mut audio, 0, 24_000, true);
    // Bypassed.
    steady = steady.max(advance(&mut audio, 24_000, 40_000, false));
    advance(&mut audio, 40_000, 48_000, true);
    // Another response, as long as the longest hidden run.
    assert!(control.install(0, unit(convolver(2, 12_000, 90.0, 2), 2)).is_ok());
    steady = steady.max(advance(&mut audio, 48_000, 80_000, true));
    assert!(!audio.is_moving());
    assert_eq!(control.collect(), 1, "the first one came back");
    assert!(control.install(0, None).is_ok());
    advance(&mut audio, 80_000, 96_000, true);
    assert_eq!(control.collect(), 1);
    assert_eq!(audio.latency(), HostFrames::ZERO);
    for (played, input) in played.iter().zip(&input) {
        assert_eq!(
            played[24_000 + FADE + 64..40_000],
            input[24_000 + FADE + 64..40_000],
            "bypassed: the same bits"
        );
        assert_eq!(played[90_000..], input[90_000..], "removed: the same bits");
        let worst = max_second_difference(&played[1_000..]);
        assert!(worst <= 1.1 * steady, "{worst} against {steady}");
    }
}
