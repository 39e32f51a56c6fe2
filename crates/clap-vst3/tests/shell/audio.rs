//! Blocks: buffers in every state, points, lengths, transport.

use std::ptr::null_mut;
use std::sync::atomic::Ordering;

use clap_sys::events::{CLAP_TRANSPORT_IS_PLAYING, CLAP_TRANSPORT_IS_RECORDING};
use vst3::Steinberg::Vst::*;
use vst3::Steinberg::*;

use crate::host::{Bus, Changes, FULL, Instance};
use crate::plugin::{GAIN, LATENCY};

const MONO: SpeakerArrangement = SpeakerArr::kMono;
const STEREO: SpeakerArrangement = SpeakerArr::kStereo;

fn ramp(frames: usize, scale: f32) -> Vec<f32> {
    (0..frames).map(|frame| (frame as f32 + 1.0) * scale).collect()
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn stereo_out(frames: usize) -> [Bus; 1] {
    [Bus::constant(2, frames, 9.0)]
}

#[test]
fn the_side_chain_in_every_state_leaves_the_main_bus_alone() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    let frames = 32;
    let (left, right) = (ramp(frames, 1.0), ramp(frames, -2.0));
    let side = ramp(frames, 0.25);
    let main = || Bus::new(&[&left, &right]);
    let silent = Bus {
        silent: 3,
        ..Bus::constant(2, frames, 0.0)
    };
    let none = Bus {
        channels: vec![None, None],
        ..Bus::default()
    };
    let no_array = Bus {
        no_array: true,
        ..Bus::constant(2, frames, 1.0)
    };
    let half = Bus {
        channels: vec![Some(side.clone()), None],
        ..Bus::default()
    };
    let zero = vec![0.0; frames];
    // What is passed for the side-chain, what arrives on its two channels, and which are marked constant.
    type Case<'a> = (Option<Bus>, &'a [f32], &'a [f32], u64);
    let cases: [Case<'_>; 8] = [
        (Some(Bus::new(&[&side, &left])), &side, &left, 0),
        (Some(silent), &zero, &zero, 3),
        (None, &zero, &zero, 3),
        (Some(Bus::default()), &zero, &zero, 3),
        (Some(none), &zero, &zero, 3),
        (Some(no_array), &zero, &zero, 3),
        (Some(half), &side, &zero, 2),
        (Some(Bus::new(&[&side])), &side, &side, 0),
    ];
    for (at, (aux, on_left, on_right, constant)) in cases.into_iter().enumerate() {
        let mut inputs: Vec<Bus> = [main()].into_iter().chain(aux).collect();
        let mut outputs = stereo_out(frames);
        outputs[0].silent = 3;
        assert_eq!(
            instance.process(frames as i32, &mut inputs, &mut outputs, None),
            kResultOk
        );
        assert_eq!(outputs[0].channel(0), sum(&left, on_left), "case {at}");
        assert_eq!(outputs[0].channel(1), sum(&right, on_right), "case {at}");
        assert_eq!(outputs[0].silent, 0, "case {at}");
        assert_eq!(
            instance.probe.blocks.lock().unwrap().last().unwrap().2[1],
            constant,
            "case {at}"
        );
    }
    instance.finish();
}

#[test]
fn main_buses_may_be_null_too() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    assert_eq!(*instance.probe.open_inputs.lock().unwrap(), [true, true]);
    let mut outputs = stereo_out(16);
    assert_eq!(instance.process(16, &mut [], &mut outputs, None), kResultOk);
    assert_eq!(outputs[0].channel(1), [0.0; 16]);
    let mut inputs = [Bus::constant(2, 16, 1.0)];
    assert_eq!(instance.process(16, &mut inputs, &mut [], None), kResultOk);
    let mut outputs = [Bus {
        channels: vec![None, Some(vec![9.0; 16])],
        ..Bus::default()
    }];
    assert_eq!(instance.process(16, &mut inputs, &mut outputs, None), kResultOk);
    assert_eq!(outputs[0].channel(1), [1.0; 16]);
    let mut outputs = [Bus {
        no_array: true,
        ..Bus::constant(2, 16, 9.0)
    }];
    assert_eq!(instance.process(16, &mut inputs, &mut outputs, None), kResultOk);
    // SAFETY: null is what is tested.
    assert_eq!(unsafe { instance.processor.process(null_mut()) }, kInvalidArgument);
    instance.finish();
}

#[test]
fn unknown_output_channels_are_cleared() {
    let instance = Instance::new(&FULL);
    assert!(instance.arrange(&[MONO, STEREO], &[MONO]));
    instance.start(64);
    let mut inputs = [Bus::constant(1, 8, 0.5)];
    let mut outputs = [Bus::constant(3, 8, 9.0), Bus::constant(2, 8, 9.0)];
    assert_eq!(instance.process(8, &mut inputs, &mut outputs, None), kResultOk);
    assert_eq!(outputs[0].channel(0), [0.5; 8]);
    for (bus, channel) in [(0, 1), (0, 2), (1, 0), (1, 1)] {
        assert_eq!(outputs[bus].channel(channel), [0.0; 8]);
    }
    instance.finish();
}

#[test]
fn mono_and_mono_to_stereo() {
    for (inputs, output) in [([MONO, MONO], MONO), ([MONO, STEREO], MONO), ([MONO, STEREO], STEREO)] {
        let instance = Instance::new(&FULL);
        assert!(instance.arrange(&inputs, &[output]));
        instance.start(64);
        let (aux, out) = (inputs[1].count_ones() as usize, output.count_ones() as usize);
        let mut inputs = [Bus::constant(1, 8, 0.5), Bus::constant(aux, 8, 0.25)];
        let mut outputs = [Bus::constant(out, 8, 9.0)];
        assert_eq!(instance.process(8, &mut inputs, &mut outputs, None), kResultOk);
        for channel in 0..out {
            assert_eq!(outputs[0].channel(channel), [0.75; 8]);
        }
        instance.finish();
    }
}

#[test]
fn a_side_chain_that_is_arranged_or_switched_away_is_silent_whatever_is_passed() {
    let kinput = BusDirections_::kInput as i32;
    for switch in [false, true] {
        let instance = Instance::new(&FULL);
        if switch {
            // SAFETY: a live component.
            unsafe {
                assert_eq!(instance.component.activateBus(0, kinput, 1, 0), kResultOk);
                assert_eq!(instance.component.activateBus(0, kinput, 2, 0), kInvalidArgument);
            }
        } else {
            assert!(instance.arrange(&[STEREO, SpeakerArr::kEmpty], &[STEREO]));
        }
        instance.start(64);
        assert_eq!(*instance.probe.open_inputs.lock().unwrap(), [true, false]);
        let mut inputs = [Bus::constant(2, 8, 0.5), Bus::constant(2, 8, 100.0)];
        let mut outputs = stereo_out(8);
        assert_eq!(instance.process(8, &mut inputs, &mut outputs, None), kResultOk);
        assert_eq!(outputs[0].channel(1), [0.5; 8]);
        instance.finish();
    }
}

/// Buses over one memory, as JUCE lays them out: inputs one after the other, outputs over them from the start.
#[test]
fn inputs_that_share_memory_with_outputs_are_read_before_they_are_overwritten() {
    let instance = Instance::new(&FULL);
    assert!(instance.arrange(&[MONO, STEREO], &[STEREO]));
    instance.start(64);
    let frames = 16;
    let (main, left, right) = (ramp(frames, 1.0), ramp(frames, 10.0), ramp(frames, 100.0));
    let mut memory = [main.clone(), left.clone(), right.clone()];
    let [a, b, c] = memory.each_mut().map(|channel| channel.as_mut_ptr());
    let (mut main_in, mut aux_in, mut out) = ([a], [b, c], [a, b]);
    let bus = |channels: &mut [*mut f32]| AudioBusBuffers {
        numChannels: channels.len() as i32,
        silenceFlags: 0,
        __field0: AudioBusBuffers__type0 {
            channelBuffers32: channels.as_mut_ptr(),
        },
    };
    let mut inputs = [bus(&mut main_in), bus(&mut aux_in)];
    let mut outputs = [bus(&mut out)];
    assert_eq!(
        instance.process_raw(frames as i32, &mut inputs, &mut outputs, None, null_mut()),
        kResultOk
    );
    assert_eq!(memory[0], sum(&main, &left));
    assert_eq!(memory[1], sum(&main, &right));
    instance.finish();
}

#[test]
fn points_arrive_at_their_frames_in_order() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    let changes = Changes::make(&[
        (GAIN, &[(40, 0.25), (-3, 0.5), (1000, 1.0), (10, 0.75), (10, 0.8)]),
        (4711, &[(0, 1.0)]),
        (LATENCY, &[(10, 0.0), (20, 1.0), (30, f64::NAN)]),
    ]);
    instance.ones(64, Some(&changes));
    let events = instance.probe.events.lock().unwrap().clone();
    let expected = [
        (0, GAIN, 0.0),
        (10, GAIN, 15.0),
        (10, GAIN, 18.0),
        (10, LATENCY, 0.0),
        (20, LATENCY, 4096.0),
        (40, GAIN, -15.0),
        (63, GAIN, 30.0),
    ];
    let near = |a: &(u32, u32, f64), b: &(u32, u32, f64)| (a.0, a.1) == (b.0, b.1) && (a.2 - b.2).abs() < 1e-9;
    assert!(
        events.len() == expected.len() && events.iter().zip(&expected).all(|(a, b)| near(a, b)),
        "{events:?}"
    );
    assert_eq!(
        (instance.value(GAIN), instance.value(LATENCY)),
        (1.0, 1.0),
        "the last in time stays"
    );
    instance.finish();
}

#[test]
fn more_points_than_room_lose_none_of_the_last() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    let many: Vec<(i32, f64)> = (0..9000).map(|at| (at / 150, f64::from(at % 7) / 10.0)).collect();
    let mut long = many.clone();
    long.push((63, 1.0));
    let changes = Changes::make(&[(GAIN, &long), (LATENCY, &many), (GAIN, &[(63, 0.5)])]);
    instance.ones(64, Some(&changes));
    let events = instance.probe.events.lock().unwrap().clone();
    assert!(events.len() <= 4096 && events.is_sorted_by_key(|event| event.0));
    let last = |id| *events.iter().rfind(|event| event.1 == id).unwrap();
    assert_eq!(last(GAIN), (63, GAIN, 0.0));
    assert_eq!(last(LATENCY).0, 59);
    assert_eq!(instance.value(GAIN), 0.5);
    instance.finish();
}

#[test]
fn no_frames_is_a_flush() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    let changes = Changes::make(&[(GAIN, &[(0, 1.0), (17, 0.0)])]);
    assert_eq!(instance.process(0, &mut [], &mut [], Some(&changes)), kResultOk);
    assert_eq!(
        *instance.probe.events.lock().unwrap(),
        [(0, GAIN, 30.0), (0, GAIN, -30.0)]
    );
    assert!(instance.probe.blocks.lock().unwrap().is_empty());
    assert_eq!(instance.ones(1, None).len(), 1);
    assert_eq!(instance.probe.blocks.lock().unwrap()[0].0, 1);
    instance.finish();
}

#[test]
fn what_cannot_be_processed_is_refused_whole() {
    let instance = Instance::new(&FULL);
    let mut inputs = [Bus::constant(2, 100, 1.0)];
    let mut outputs = [Bus::constant(2, 100, 9.0)];
    let mut refused = |frames, expected| {
        outputs[0] = Bus::constant(2, 100, 9.0);
        assert_eq!(instance.process(frames, &mut inputs, &mut outputs, None), expected);
        outputs[0].channel(0).to_vec()
    };
    assert_eq!(refused(64, kResultFalse)[..64], [0.0; 64], "not active");
    instance.start(64);
    assert_eq!(refused(65, kResultFalse)[..65], [0.0; 65], "longer than announced");
    assert_eq!(refused(-1, kInvalidArgument), [9.0; 100]);
    assert!(instance.probe.blocks.lock().unwrap().is_empty());
    assert_eq!(refused(64, kResultOk)[..64], [1.0; 64]);
    instance.probe.fail.store(true, Ordering::Relaxed);
    assert_eq!(refused(64, kResultFalse)[..64], [0.0; 64], "the plugin failed");
    instance.finish();
}

#[test]
fn the_transport_is_passed_on() {
    let instance = Instance::new(&FULL);
    instance.start(64);
    // SAFETY: a plain C struct.
    let mut context: ProcessContext = unsafe { std::mem::zeroed() };
    context.state = ProcessContext_::StatesAndFlags_::kPlaying | ProcessContext_::StatesAndFlags_::kTempoValid;
    context.tempo = 93.0;
    assert_eq!(
        instance.process_raw(16, &mut [], &mut [], None, &mut context),
        kResultOk
    );
    let transport = instance.probe.transport.lock().unwrap().unwrap();
    assert_eq!(transport.tempo, 93.0);
    assert_eq!(
        transport.flags & (CLAP_TRANSPORT_IS_PLAYING | CLAP_TRANSPORT_IS_RECORDING),
        CLAP_TRANSPORT_IS_PLAYING
    );
    assert_eq!(instance.process_raw(16, &mut [], &mut [], None, null_mut()), kResultOk);
    assert!(instance.probe.transport.lock().unwrap().is_none());
    instance.finish();
}

#[test]
fn a_wish_for_reset_reaches_the_plugin_once_before_the_next_block() {
    let instance = Instance::new(&FULL);
    let resets = || instance.probe.resets.load(Ordering::Relaxed);
    // SAFETY: a live processor.
    let set_processing = |state| unsafe { assert_eq!(instance.processor.setProcessing(state), kResultOk) };
    instance.start(64);
    set_processing(1);
    instance.ones(16, None);
    assert_eq!(resets(), 0, "nothing to forget yet");
    set_processing(0);
    set_processing(1);
    instance.ones(16, None);
    instance.ones(16, None);
    assert_eq!(resets(), 1);
    instance.finish();
}

#[test]
fn tails() {
    let instance = Instance::new(&FULL);
    // SAFETY: a live processor.
    let tail = || unsafe { instance.processor.getTailSamples() };
    assert_eq!(tail(), 1000);
    instance.start(64);
    instance.probe.tail.store(i32::MAX as u32, Ordering::Relaxed);
    instance.ones(16, None);
    assert_eq!(tail(), 1000);
    instance.probe.tell_tail.store(true, Ordering::Relaxed);
    instance.ones(16, None);
    assert_eq!(tail(), kInfiniteTail);
    instance.finish();
}
