//! Slots that are not heard keep running, or sleep.

use crate::common::{Probe, STILL, mono, on, rate, sine};
use crate::{Motion, play_mono};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tonegraft_core::Controls;
use tonegraft_slots::{BankAudio, BankConfig, BankControl, Source, Switching, bank};

struct Rig {
    control: BankControl,
    audio: BankAudio,
    work: [Arc<[AtomicUsize; 2]>; 2],
    at: usize,
}

impl Rig {
    fn new() -> Self {
        let (mut control, mut audio) = bank(BankConfig {
            references: 1,
            ..mono()
        });
        control.set_watching(true);
        let probes = [Probe::new(0.8, 12).field(100), Probe::new(-0.7, 3).field(1_000)];
        let work = probes.each_ref().map(|probe| Arc::clone(&probe.work));
        for (slot, probe) in probes.into_iter().enumerate() {
            audio.adopt(slot, Some(probe.unit(slot as u64))).expect("fits");
        }
        Self {
            control,
            audio,
            work,
            at: 0,
        }
    }

    /// Frames that each processor ran for, and what was heard.
    fn play(&mut self, controls: &Controls, frames: usize) -> ([usize; 2], Vec<f32>) {
        let count = |work: &[Arc<[AtomicUsize; 2]>; 2]| work.each_ref().map(|work| work[1].load(Ordering::Relaxed));
        let before = count(&self.work);
        let input = sine(700.0, self.at, frames);
        let output = play_mono(&mut self.audio, controls, &input, &input, 60);
        self.at += frames;
        let after = count(&self.work);
        ([after[0] - before[0], after[1] - before[1]], output)
    }
}

#[test]
fn both_run_while_comparing_and_one_sleeps_otherwise() {
    let mut rig = Rig::new();
    let (frames, mut whole) = rig.play(&STILL, 2_000);
    assert_eq!(frames, [2_000, 2_000]);
    rig.control.set_comparing(false);
    assert_eq!(rig.play(&STILL, 600).0, [600, 0], "not one call");
    assert!(rig.control.readout().slots[1].asleep);
    // Its field, its latency and its delay to the common time, then the crossfade.
    let hidden = 1_000 + 12;
    let (frames, output) = rig.play(&on(Source::B), 3_000);
    assert_eq!(frames, [hidden + 240, 3_000]);
    for (frame, sample) in output.iter().enumerate().take(hidden) {
        let expected = 0.8 * sine(700.0, 2_600 + frame - 12, 1)[0];
        assert_eq!(*sample, expected, "A is heard until B is ready: {frame}");
    }
    assert_eq!(output[2_999], -0.7 * sine(700.0, 5_599 - 12, 1)[0]);
    let steady = Motion::of(&whole[100..]);
    whole.extend(output);
    assert!(Motion::of(&whole[2_000..]).curvature <= steady.faded(240.0));
    let readout = rig.control.readout();
    assert_eq!((readout.slots[0].asleep, readout.slots[1].asleep), (true, false));
    // Neither, for the reference; all again when comparing.
    rig.play(&on(Source::Dry), 1_000);
    assert_eq!(rig.play(&on(Source::Dry), 500).0, [0, 0]);
    rig.control.set_comparing(true);
    assert_eq!(rig.play(&on(Source::Dry), 500).0, [500, 500]);
}

#[test]
fn a_change_of_mind_while_waking_and_a_swap_in_a_sleeping_slot_are_silent() {
    let mut rig = Rig::new();
    rig.control.set_comparing(false);
    rig.play(&STILL, 500);
    assert_eq!(rig.play(&on(Source::B), 200).0, [200, 200]);
    let (frames, output) = rig.play(&STILL, 300);
    assert_eq!(frames, [300, 0]);
    assert_eq!(output[0], 0.8 * sine(700.0, 700 - 12, 1)[0], "A was never left");
    // A new unit in the sleeping slot waits there; in one that wakes, it wakes.
    let probe = Probe::new(0.25, 0).field(300);
    rig.work[1] = Arc::clone(&probe.work);
    rig.control.install(1, Some(probe.unit(8))).expect("installed");
    assert_eq!(rig.play(&STILL, 300).0, [300, 0]);
    assert_eq!(rig.control.collect(), 1);
    assert_eq!(rig.control.readout().slots[1].live, Some(8));
    rig.play(&on(Source::B), 100);
    let probe = Probe::new(0.5, 0).field(300);
    rig.work[1] = Arc::clone(&probe.work);
    rig.control.install(1, Some(probe.unit(9))).expect("installed");
    let (_, output) = rig.play(&on(Source::B), 1_000);
    let steady = Motion::of(&sine(700.0, 0, 200));
    assert!(Motion::of(&output).curvature <= steady.faded(240.0));
    assert_eq!(output[999], 0.5 * sine(700.0, rig.at - 1 - 12, 1)[0]);
    assert_eq!(rig.control.collect(), 1);
}

#[test]
fn in_a_test_both_run() {
    let mut rig = Rig::new();
    rig.control.set_comparing(false);
    rig.play(&STILL, 500);
    rig.control.begin_test(Switching::ThroughSilence);
    rig.control.hear(Source::A);
    assert_eq!(rig.play(&STILL, 500).0, [500, 500]);
    rig.control.hear(Source::Dry);
    assert_eq!(rig.play(&STILL, 3_000).0, [3_000, 3_000]);
    rig.control.end_test();
    rig.play(&STILL, 1_500);
    assert_eq!(rig.play(&STILL, 500).0, [500, 0]);
    // After a reset what is needed is awake at once.
    rig.audio.reset();
    let (frames, output) = rig.play(&on(Source::B), 500);
    assert_eq!(frames, [0, 500]);
    assert_eq!(output[12], -0.7 * sine(700.0, rig.at - 500, 1)[0]);
}

#[test]
fn an_empty_slot_is_always_awake() {
    let (mut control, mut audio) = bank(BankConfig::new(rate(), 1, 1));
    control.set_comparing(false);
    let ones = vec![1.0; 500];
    play_mono(&mut audio, &STILL, &ones, &ones, 50);
    let output = play_mono(&mut audio, &on(Source::B), &ones, &ones, 50);
    assert!(output.iter().all(|sample| *sample == 1.0), "no gap");
}
