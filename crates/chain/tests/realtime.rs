//! Nothing is allocated or freed while the chain processes.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

#[allow(dead_code)]
#[path = "../../../tests/src/counting.rs"]
mod counting;

use counting::{Counting, heap_calls};
use tonegraft_chain::cab::{Convolver, ImpulseResponse, IrLevel, Recording};
use tonegraft_chain::{Chain, ChainConfig, GateSettings, Settings, ToneSettings};
use tonegraft_core::{Controls, Fault, HostFrames, KNOBS, Middle, Processor, SLOTS, SampleRate};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Copies its input and tells whatever latency it is given.
struct Copy(u32);

impl Middle for Copy {
    fn process(&mut self, _controls: &Controls, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        for (output, input) in output.iter_mut().zip(input) {
            output.copy_from_slice(input);
        }
        Fault::None
    }

    fn latency(&self) -> HostFrames {
        HostFrames::new(self.0)
    }
}

#[test]
fn the_counter_sees_one_box() {
    assert_eq!(heap_calls(|| drop(std::hint::black_box(Box::new(5)))), 2);
}

#[test]
fn processing_setting_and_resetting_use_no_heap() {
    let rate = SampleRate::new(48_000).expect("a rate");
    let mut chain = Chain::new(ChainConfig::new(rate, 2, 2));
    let mut middle = Copy(0);
    let input = vec![vec![0.25; 5_000]; 2];
    let mut output = vec![vec![0.0; 5_000]; 2];
    for (round, block) in [1, 7, 64, 480, 1_024, 5_000, 0].into_iter().enumerate() {
        let position = f32::from(u8::try_from(round).expect("small")) / 7.0;
        let settings = Settings {
            input_gain_db: 10.0 * position,
            mix: position,
            bypass: round % 2 == 0,
            knobs: [[position; KNOBS]; SLOTS],
            gate: GateSettings {
                on: round % 2 == 1,
                threshold_db: -30.0 * position,
                ..GateSettings::default()
            },
            tone: ToneSettings {
                on: round % 3 != 0,
                bass: 10.0 * position,
                ..ToneSettings::default()
            },
            ..Settings::default()
        };
        let calls = heap_calls(|| {
            chain.set(&settings);
            middle.0 = u32::try_from(block).expect("small");
            let [left, right] = &input[..] else { return };
            let [out_left, out_right] = &mut output[..] else { return };
            let mut done = 0;
            while done + block <= left.len() {
                let (input, range) = (
                    [&left[done..done + block], &right[done..done + block]],
                    done..done + block,
                );
                let mut out = [&mut out_left[range.clone()], &mut out_right[range]];
                assert_eq!(chain.process(&mut middle, &input, &mut out), Fault::None);
                done += block.max(1_000);
            }
            chain.process(&mut middle, &[&left[..]], &mut [&mut out_left[..]]);
            assert!(chain.gate_reduction_db() >= 0.0);
            if round % 3 == 0 {
                chain.reset();
            }
        });
        assert_eq!(calls, 0, "block {block}");
    }
}

#[test]
fn convolving_uses_no_heap() {
    let rate = SampleRate::new(48_000).expect("a rate");
    let recording = Recording {
        channels: vec![vec![0.01; 60_000], vec![0.02; 60_000]],
        rate,
    };
    let response = ImpulseResponse::new(&recording, rate, IrLevel::Field).expect("plays");
    let mut convolver = Convolver::new(&response, 2, 2);
    let input = vec![0.25; 20_000];
    let mut output = vec![vec![0.0; 20_000]; 2];
    for block in [1, 64, 1_000, 20_000, 0] {
        let [left, right] = &mut output[..] else { return };
        let calls = heap_calls(|| {
            let mut done = 0;
            while done + block <= input.len() && done < 20_000 {
                let part = done..done + block;
                let mut out = [&mut left[part.clone()], &mut right[part.clone()]];
                assert_eq!(
                    convolver.process(&[&input[part.clone()], &input[part]], &mut out),
                    Fault::None
                );
                done += block.max(1);
            }
            convolver.process(&[&input], &mut [&mut left[..]]);
            convolver.set_knob(0, 1.0);
            convolver.reset();
        });
        assert_eq!(calls, 0, "block {block}");
    }
}
