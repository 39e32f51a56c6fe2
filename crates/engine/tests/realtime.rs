//! The audio thread's promise, as far as a counting allocator sees it: nothing in `process`, `reset` and `set_knob` allocates
//! or frees, for every file that plays.

#[allow(dead_code)]
#[path = "../../../tests/src/counting.rs"]
mod counting;
mod support;

use counting::{Counting, heap_calls};
use support::corpus::{File, failures, fixtures, nam, shipped, third_party};
use support::{config, data, noise_vec};
use tonegraft_core::{Processor, SampleRate};
use tonegraft_engine::{InstanceConfig, Oversampling, RateMode, StartState};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn the_counter_counts() {
    assert!(heap_calls(|| drop(std::hint::black_box(vec![1u8; 100]))) >= 2);
    assert_eq!(heap_calls(|| ()), 0);
}

/// Everything a host may do, in all block sizes.
fn play(processor: &mut dyn Processor) -> u64 {
    let facts = processor.facts();
    let input = noise_vec(5, 2048);
    let inputs: Vec<&[f32]> = vec![&input; facts.inputs];
    let mut outputs = vec![vec![0.0f32; 2048]; facts.outputs];
    let mut outputs: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    heap_calls(|| {
        for frames in [0, 1, 7, 31, 32, 33, 64, 480, 1024, 2048] {
            for knob in 0..=facts.knobs {
                #[allow(clippy::cast_precision_loss)]
                processor.set_knob(knob, frames as f32 / 2048.0);
            }
            let mut cut: [&[f32]; 8] = [&[]; 8];
            let channels = tonegraft_core::buffer::cut(&inputs, 0, frames, &mut cut);
            tonegraft_core::buffer::with_cut_mut(&mut outputs, 0, frames, |output| {
                processor.process(&cut[..channels], output);
            });
            processor.set_knob(0, f32::NAN);
        }
        processor.reset();
        // Another shape than agreed is silenced, also without the heap.
        processor.process(&[], &mut []);
        processor.process(&inputs, &mut outputs);
        processor.reset();
    })
}

#[test]
fn conversions_and_oversampling_do_not_touch_the_heap() {
    for file in shipped() {
        let model = file.model().unwrap_or_else(|error| panic!("{error}"));
        for host in [44_100, 96_000, 48_000] {
            for mode in RateMode::ALL {
                for oversampling in Oversampling::ALL {
                    let config = InstanceConfig {
                        rate: mode,
                        oversampling,
                        ..InstanceConfig::new(SampleRate::new(host).expect("a rate"), 2)
                    };
                    let mut processor = model.instantiate(&config).expect("fits");
                    assert_eq!(play(processor.as_mut()), 0, "{host}, {mode}, {oversampling}");
                    assert_eq!(heap_calls(|| processor.seek(12_345)), 0);
                }
            }
        }
    }
}

fn check(file: &File) {
    // What is refused, and why, is the business of `references.rs`.
    let Ok(model) = file.model() else { return };
    for start in [StartState::Zero, StartState::Silence] {
        for (inputs, outputs) in [(1, 1), (2, 2), (1, 2), (2, 1)] {
            match model.instantiate(&config(inputs, outputs, start)) {
                Ok(mut processor) => assert_eq!(play(processor.as_mut()), 0, "{start:?} {inputs}→{outputs}"),
                Err(error) => assert_ne!(model.channels(), (1, 1), "{error}"),
            }
        }
    }
}

#[test]
fn nothing_is_allocated_or_freed_while_a_model_plays() {
    let folder = data::shared("nothing_is_allocated_or_freed_while_a_model_plays");
    let mut files = [shipped(), fixtures(), nam(folder.as_deref())].concat();
    assert!(files.len() > 60, "{} files", files.len());
    if let Some(folder) = &folder {
        files.extend(third_party(folder));
    }
    let failures = failures(&files, |file| file.name.clone(), check);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
