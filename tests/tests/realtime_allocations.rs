//! First net: an allocator that counts. Nothing on the audio side of any model's scenario allocates or frees.

use tonegraft_engine::StartState;
use tonegraft_tests::corpus;
use tonegraft_tests::counting::{Calls, Counting, audio};
use tonegraft_tests::culprit::{self, Crime, SCENES};
use tonegraft_tests::host::Track;
use tonegraft_tests::scenario::{Scenario, control, play};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn the_net_catches_an_allocation_and_a_free() {
    let (kept, calls) = audio(|| std::hint::black_box(vec![1.0_f32; 64]));
    assert_eq!(
        calls,
        Calls {
            allocations: 1,
            frees: 0
        }
    );
    let ((), calls) = audio(move || drop(std::hint::black_box(kept)));
    assert_eq!(
        calls,
        Calls {
            allocations: 0,
            frees: 1
        }
    );
    let outside = std::hint::black_box(vec![1.0_f32; 64]);
    let ((), calls) = audio(|| {});
    drop(outside);
    assert_eq!(calls, Calls::default());
}

#[test]
fn the_net_catches_a_culprit_in_the_midst_of_slots_and_chain() {
    let scenario = Scenario::new();
    for crime in [Crime::Allocates, Crime::Frees] {
        for scene in SCENES {
            let (_control, mut audio_half) = Track::mono(48_000).open();
            audio_half.adopt(culprit::unit(crime, scene));
            let mut sum = Calls::default();
            for (number, step) in scenario.steps().iter().enumerate() {
                scenario.prepare(number, &mut audio_half);
                let (_, calls) = audio(|| play(&mut audio_half, step));
                sum.allocations += calls.allocations;
                sum.frees += calls.frees;
            }
            let wanted = match crime {
                Crime::Frees => Calls {
                    allocations: 0,
                    frees: 1,
                },
                _ => Calls {
                    allocations: 1,
                    frees: 0,
                },
            };
            assert_eq!(sum, wanted, "{crime:?} in {scene:?}");
        }
    }
}

#[test]
fn no_model_allocates_or_frees_on_the_audio_thread() {
    let scenario = Scenario::new();
    let models = corpus::all();
    assert!(models.len() >= 2, "at least what ships");
    let mut wrong = Vec::new();
    for (entry, model) in &models {
        for (inputs, outputs) in [(1, 1), (2, 2), (1, 2)] {
            let mut track = Track::mono(48_000);
            (track.inputs, track.outputs) = (inputs, outputs);
            if !corpus::fits(model, track) {
                continue;
            }
            let (mut control_half, mut audio_half) = track.open();
            let mut id = 0;
            let mut make = || {
                id += 1;
                track.unit(model, StartState::Silence, id)
            };
            audio_half.adopt(make());
            let mut installed = 0;
            for (number, step) in scenario.steps().iter().enumerate() {
                installed += usize::from(control(&mut control_half, step, &mut make));
                scenario.prepare(number, &mut audio_half);
                let (_, calls) = audio(|| play(&mut audio_half, step));
                if calls != Calls::default() {
                    wrong.push(format!(
                        "{}, {inputs} in, {outputs} out, {step:?}: {calls:?}",
                        entry.name
                    ));
                    break;
                }
            }
            assert!(installed > 5 || !wrong.is_empty(), "{}: swaps were made", entry.name);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} models, {} steps each", models.len(), scenario.steps().len());
}
