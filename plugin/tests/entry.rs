//! The plugin through its CLAP entry, as decent and as careless hosts use it.
#![allow(unsafe_code)]

mod support;

use clap_sys::events::clap_input_events;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};
use std::ptr;
use support::{Event, Instance, LAYOUTS, PARAMS, Random, STEPS, buffer, guitar, id_of};

const RATE: f64 = 48_000.0;

#[test]
fn parameter_ids_names_and_ranges_are_frozen() {
    let instance = Instance::new();
    assert_eq!(instance.param_count(), u32::try_from(PARAMS.len()).expect("small"));
    let mut ids = Vec::new();
    for index in 0..instance.param_count() {
        let info = instance.param_info(index).expect("within the count");
        ids.push((info.id, info.flags, info.max_value));
    }
    let frozen = PARAMS.map(id_of);
    let found: Vec<u32> = ids.iter().map(|(id, ..)| *id).collect();
    assert_eq!(found, frozen);
    for ((.., max), name) in ids.iter().zip(PARAMS) {
        let steps = STEPS.iter().find(|(stepped, _)| *stepped == name);
        assert!(
            (max - steps.map_or(1.0, |(_, steps)| *steps)).abs() < f64::EPSILON,
            "{name}: {max}"
        );
    }
    assert!(
        instance.param_info(instance.param_count()).is_none(),
        "one beyond the last"
    );
    assert!(instance.param_info(u32::MAX).is_none());
    assert!((instance.param("mix") - 1.0).abs() < 1e-6);
    assert!((instance.param("input_gain") - 0.5).abs() < 1e-6);
}

#[test]
fn texts_of_fixed_parameters_read_back() {
    let instance = Instance::new();
    assert_eq!(instance.text("input_gain", 0.75), "12.00 dB");
    assert_eq!(instance.text("output_gain", 0.5), "0.00 dB");
    assert_eq!(instance.text("mix", 0.5), "50.0 %");
    for (text, value) in [("-12 dB", 0.25), ("-12", 0.25), ("24.0dB", 1.0)] {
        let read = instance.value("input_gain", text).expect("a number");
        assert!((read - value).abs() < 1e-6, "{text}: {read}");
    }
    assert_eq!(instance.value("mix", "much"), None);
}

#[test]
fn every_layout_plays_the_same_bits_however_the_host_cuts_the_audio() {
    let input = guitar(2, 9000);
    for (index, layout) in LAYOUTS.into_iter().enumerate() {
        let mut whole: Option<Vec<Vec<f32>>> = None;
        for seed in [0_u64, 1, 2] {
            let mut instance = Instance::new();
            assert!(instance.select(index));
            instance.activate(RATE, 1024);
            instance.start();
            let mut random = Random(seed + 77);
            let output = instance.render(layout, &input, || match seed {
                0 => 1024,
                1 => 1 + random.below(7),
                _ => 1 + random.below(1024),
            });
            assert_eq!(output.len(), layout[1]);
            assert!(output.iter().flatten().all(|sample| sample.is_finite()));
            let loud = output[0].iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(loud > 0.01, "layout {index} is silent");
            match &whole {
                None => whole = Some(output),
                Some(whole) => assert_eq!(whole, &output, "layout {index}, seed {seed}"),
            }
        }
    }
}

#[test]
fn layouts_are_not_changed_while_active() {
    let mut instance = Instance::new();
    instance.activate(RATE, 64);
    assert!(!instance.select(5));
    instance.deactivate();
    assert!(instance.select(5));
    assert!(!instance.select(9));
}

#[test]
fn a_parameter_moves_at_its_frame_however_the_block_is_cut() {
    let input = guitar(2, 4096);
    let layout = LAYOUTS[2];
    let run = |cuts: &[usize]| {
        let mut instance = Instance::new();
        assert!(instance.select(2));
        instance.activate(RATE, 4096);
        instance.start();
        let mut output = vec![Vec::new(); 2];
        let (mut at, mut turn) = (0, 0);
        while at < 4096 {
            let end = (at + cuts[turn % cuts.len()]).min(4096);
            turn += 1;
            let events: Vec<Event> = [(700_usize, 0.9), (1501, 0.1), (1502, 0.6)]
                .into_iter()
                .filter(|(frame, _)| (at..end).contains(frame))
                .map(|(frame, value)| Event {
                    time: u32::try_from(frame - at).expect("small"),
                    param: id_of("output_gain"),
                    value,
                })
                .collect();
            for (all, part) in output.iter_mut().zip(instance.block(layout, &input, at..end, &events)) {
                all.extend(part);
            }
            at = end;
        }
        output
    };
    let whole = run(&[4096]);
    assert_eq!(whole, run(&[1, 500, 64, 33]));
    assert_eq!(whole, run(&[7]));
}

#[test]
fn missing_ports_null_channels_and_surplus_channels_are_borne() {
    let mut instance = Instance::new();
    instance.activate(RATE, 256);
    instance.start();
    let mut left = vec![0.5_f32; 256];
    let mut right = vec![0.25_f32; 256];
    let mut out = [vec![f32::NAN; 256], vec![f32::NAN; 256], vec![f32::NAN; 256]];
    let [out_left, out_right, out_third] = &mut out;

    // No side-chain port at all.
    let mut main = [left.as_mut_ptr(), right.as_mut_ptr()];
    let mut outs = [out_left.as_mut_ptr(), out_right.as_mut_ptr()];
    assert_ne!(
        instance.raw(256, &[buffer(&mut main)], &mut [buffer(&mut outs)], &[]),
        CLAP_PROCESS_ERROR
    );
    assert!(out_left.iter().chain(out_right.iter()).all(|sample| sample.is_finite()));

    // A side-chain of null channels, of no channels, of no pointer array.
    let mut nulls = [ptr::null_mut(), ptr::null_mut()];
    let mut empty = buffer(&mut []);
    empty.data32 = ptr::null_mut();
    for aux in [buffer(&mut nulls), buffer(&mut []), empty] {
        let status = instance.raw(256, &[buffer(&mut main), aux], &mut [buffer(&mut outs)], &[]);
        assert_ne!(status, CLAP_PROCESS_ERROR);
    }

    // Null main channels are silence; one channel on the stereo port is copied.
    let status = instance.raw(256, &[buffer(&mut nulls)], &mut [buffer(&mut outs)], &[]);
    assert_ne!(status, CLAP_PROCESS_ERROR);
    let mut single = [left.as_mut_ptr()];
    let status = instance.raw(256, &[buffer(&mut single)], &mut [buffer(&mut outs)], &[]);
    assert_ne!(status, CLAP_PROCESS_ERROR);

    // Three output channels: the third is silenced. One buffer for both outputs. No output port.
    let mut three = [out_left.as_mut_ptr(), out_right.as_mut_ptr(), out_third.as_mut_ptr()];
    instance.raw(256, &[buffer(&mut main)], &mut [buffer(&mut three)], &[]);
    assert!(out_third.iter().all(|sample| *sample == 0.0));
    let mut twice = [out_left.as_mut_ptr(), out_left.as_mut_ptr()];
    assert_ne!(
        instance.raw(256, &[buffer(&mut main)], &mut [buffer(&mut twice)], &[]),
        CLAP_PROCESS_ERROR
    );
    assert_ne!(
        instance.raw(256, &[buffer(&mut main)], &mut [], &[]),
        CLAP_PROCESS_ERROR
    );
    assert_ne!(instance.raw(256, &[], &mut [], &[]), CLAP_PROCESS_ERROR);
}

#[test]
fn in_place_blocks_give_the_bits_of_out_of_place_ones() {
    let input = guitar(2, 512);
    let run = |swapped: bool, in_place: bool| {
        let mut instance = Instance::new();
        assert!(instance.select(2));
        instance.activate(RATE, 512);
        instance.start();
        if !in_place {
            return instance.block(LAYOUTS[2], &input, 0..512, &[]);
        }
        let mut audio = input.clone();
        let [left, right] = &mut audio[..] else { unreachable!() };
        let mut ins = [left.as_mut_ptr(), right.as_mut_ptr()];
        let mut outs = if swapped { [ins[1], ins[0]] } else { ins };
        instance.raw(512, &[buffer(&mut ins)], &mut [buffer(&mut outs)], &[]);
        if swapped {
            audio.swap(0, 1);
        }
        audio
    };
    let expected = run(false, false);
    assert_eq!(expected, run(false, true));
    assert_eq!(expected, run(true, true));
}

#[test]
fn empty_blocks_apply_their_events_and_over_long_blocks_are_cut() {
    let input = guitar(2, 5000);
    let mut announced = Instance::new();
    assert!(announced.select(2));
    announced.activate(RATE, 5000);
    announced.start();
    let expected = announced.render(LAYOUTS[2], &input, || 5000);

    let mut instance = Instance::new();
    assert!(instance.select(2));
    instance.activate(RATE, 64);
    instance.start();
    assert_eq!(instance.render(LAYOUTS[2], &input, || 5000), expected);

    let event = Event {
        time: 0,
        param: id_of("mix"),
        value: 0.25,
    };
    instance.raw(0, &[], &mut [], &[event]);
    assert!((instance.param("mix") - 0.25).abs() < 1e-6);
}

#[test]
fn wild_events_change_nothing_but_values() {
    let mut instance = Instance::new();
    assert!(instance.select(2));
    instance.activate(RATE, 128);
    instance.start();
    let input = guitar(2, 128);
    let mut random = Random(5);
    for _ in 0..200 {
        let events: Vec<Event> = (0..random.below(40))
            .map(|_| Event {
                // In no order, and beyond the block.
                time: u32::try_from(random.below(1 << 20)).expect("small") >> random.below(20),
                param: if random.below(8) == 0 {
                    12_345
                } else {
                    id_of(PARAMS[random.below(PARAMS.len())])
                },
                value: match random.below(10) {
                    0 => f64::NAN,
                    1 => f64::INFINITY,
                    2 => -1e30,
                    _ => random.unit(),
                },
            })
            .collect();
        let output = instance.block(LAYOUTS[2], &input, 0..128, &events);
        assert!(output.iter().flatten().all(|sample| sample.is_finite()));
    }
    // More than are copied at once: the last one still wins.
    let mut events = vec![
        Event {
            time: 3,
            param: id_of("mix"),
            value: 0.1,
        };
        9000
    ];
    events.push(Event {
        time: 3,
        param: id_of("mix"),
        value: 0.75,
    });
    instance.block(LAYOUTS[2], &input, 0..128, &events);
    assert!((instance.param("mix") - 0.75).abs() < 1e-6);
    for name in PARAMS {
        let steps = STEPS.iter().find(|(stepped, _)| *stepped == name);
        let last = steps.map_or(1.0, |(_, steps)| *steps);
        assert!((0.0..=last).contains(&instance.param(name)), "{name}");
    }
}

#[test]
fn broken_input_is_silenced_and_the_sound_comes_back() {
    let mut instance = Instance::new();
    assert!(instance.select(2));
    instance.activate(RATE, 512);
    instance.start();
    let mut bad = guitar(2, 48_000);
    for (index, sample) in bad[0].iter_mut().enumerate().take(2000) {
        *sample = [f32::NAN, f32::INFINITY, f32::MAX, -f32::MAX][index % 4];
    }
    let output = instance.render(LAYOUTS[2], &bad, || 512);
    assert!(output.iter().flatten().all(|sample| sample.is_finite()));
    let tail = &output[0][40_000..];
    assert!(
        tail.iter().any(|sample| sample.abs() > 1e-3),
        "the sound does not come back"
    );
}

#[test]
fn calls_out_of_order_are_refused_without_harm() {
    let mut instance = Instance::new();
    let null_events: *const clap_input_events = ptr::null();
    let block = clap_process {
        steady_time: 0,
        frames_count: 64,
        transport: ptr::null(),
        audio_inputs: ptr::null(),
        audio_outputs: ptr::null_mut(),
        audio_inputs_count: 0,
        audio_outputs_count: 0,
        in_events: null_events,
        out_events: ptr::null(),
    };
    assert_eq!(instance.raw_block(&block), CLAP_PROCESS_ERROR, "not active");
    instance.activate(RATE, 64);
    instance.start();
    assert_ne!(
        instance.raw_block(&block),
        CLAP_PROCESS_ERROR,
        "null lists and no ports"
    );
    // SAFETY: refused values; main thread.
    unsafe {
        instance.stop();
        instance.deactivate();
        let activate = (*instance.plugin).activate.expect("activate");
        assert!(!activate(instance.plugin, f64::NAN, 1, 64));
        assert!(!activate(instance.plugin, 0.0, 1, 64));
        assert!(!activate(instance.plugin, 1e12, 1, 64));
        assert!((*instance.plugin).get_extension.expect("get_extension")(instance.plugin, ptr::null()).is_null());
    }
}

#[test]
fn a_window_is_offered_only_to_hosts_that_can_hold_one() {
    let has_window = |instance: &Instance| {
        let id = clap_sys::ext::gui::CLAP_EXT_GUI;
        // SAFETY: main thread, a terminated string.
        !unsafe { (*instance.plugin).get_extension.expect("get_extension")(instance.plugin, id.as_ptr()) }.is_null()
    };
    assert!(!has_window(&Instance::new()));
    assert!(has_window(&Instance::in_host("A host with windows", true)));
}

#[test]
fn instances_come_and_go_at_any_moment() {
    let first = Instance::new();
    for round in 0..24_u32 {
        let mut instance = Instance::new();
        if round % 3 > 0 {
            instance.activate(RATE, 64);
        }
        if round % 3 > 1 {
            instance.start();
            instance.block(LAYOUTS[0], &guitar(2, 64), 0..64, &[]);
        }
    }
    drop(first);
}
