//! The plugin's own blocks under a counting allocator: nothing is allocated or freed on the audio thread, also while models are
//! swapped and parameters move.
#![allow(unsafe_code)]

#[allow(dead_code)]
#[path = "../../tests/src/counting.rs"]
mod counting;
mod support;

use counting::{Counting, heap_calls};
use support::live::moment;
use support::{Event, Instance, LAYOUTS, PARAMS, Random, buffer, guitar, id_of, model_file, state_with_file};

use tonegraft_analysis::listening::{Entropy, Kind, Plan, Stimulus, Switching};
use tonegraft_core::Source;
use tonegraft_library::{ModelRef, SessionState, host_state, session};
use tonegraft_plugin::editor::view::Watching;
use tonegraft_plugin::shared::{ExamPlan, ExamStart};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Blocks with everything prepared beforehand, so that only the plugin can allocate.
struct Blocks {
    input: Vec<Vec<f32>>,
    aux: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
}

impl Blocks {
    fn new(frames: usize) -> Self {
        Self {
            input: guitar(2, frames),
            aux: guitar(2, frames),
            output: vec![vec![0.0; frames]; 2],
        }
    }

    /// Heap calls of one block.
    fn run(&mut self, instance: &Instance, layout: [usize; 3], frames: usize, lists: &support::Prepared) -> u64 {
        let mut main = [self.input[0].as_mut_ptr(), self.input[1].as_mut_ptr()];
        let mut aux = [self.aux[0].as_mut_ptr(), self.aux[1].as_mut_ptr()];
        let mut out = [self.output[0].as_mut_ptr(), self.output[1].as_mut_ptr()];
        let inputs = [buffer(&mut main[..layout[0]]), buffer(&mut aux[..layout[2]])];
        let mut outputs = [buffer(&mut out[..layout[1]])];
        let count = if layout[2] > 0 { 2 } else { 1 };
        heap_calls(|| {
            lists.process(instance, frames, &inputs[..count], &mut outputs);
        })
    }
}

#[test]
fn the_counter_counts() {
    assert!(heap_calls(|| drop(std::hint::black_box(vec![1_u8; 100]))) >= 2);
    assert_eq!(heap_calls(|| ()), 0);
}

#[test]
fn blocks_of_all_layouts_with_moving_parameters_and_resets_leave_the_heap_alone() {
    let mut random = Random(3);
    for (index, layout) in LAYOUTS.into_iter().enumerate() {
        let mut instance = Instance::new();
        assert!(instance.select(index));
        instance.activate(48_000.0, 1024);
        instance.start();
        let mut blocks = Blocks::new(3000);
        for round in 0..60 {
            let frames = [1, 7, 64, 480, 1024, 3000, 0, random.below(1024)][round % 8];
            let events: Vec<Event> = (0..random.below(9))
                .map(|_| Event {
                    time: u32::try_from(random.below(frames + 1)).expect("small"),
                    param: id_of(PARAMS[random.below(PARAMS.len())]),
                    value: random.unit(),
                })
                .collect();
            let lists = support::Prepared::new(&events);
            let calls = blocks.run(&instance, layout, frames, &lists);
            assert_eq!(calls, 0, "layout {index}, round {round}, {frames} frames");
            if round % 10 == 9 {
                assert_eq!(heap_calls(|| instance.reset()), 0, "reset");
            }
        }
        instance.stop();
    }
}

#[test]
fn swapping_models_leaves_the_heap_of_the_audio_thread_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let states: Vec<Vec<u8>> = [0, 64, 7, 300]
        .into_iter()
        .map(|look_ahead| state_with_file(&model_file(folder.path(), look_ahead, 0.5)))
        .collect();
    let mut instance = Instance::new();
    instance.activate(48_000.0, 256);
    instance.start();
    let mut blocks = Blocks::new(256);
    let lists = support::Prepared::new(&[]);
    for (round, state) in states.iter().cycle().take(16).enumerate() {
        let before = instance.latency();
        assert!(instance.load(state));
        let mut blocks_until_swapped = 0;
        let start = std::time::Instant::now();
        loop {
            assert_eq!(blocks.run(&instance, LAYOUTS[0], 256, &lists), 0, "round {round}");
            blocks_until_swapped += 1;
            let swapped = instance.latency() == [0, 64, 7, 300][round % 4];
            if swapped && blocks_until_swapped > 40 {
                break;
            }
            assert!(start.elapsed().as_secs() < 10, "round {round}: still {before} frames");
            std::thread::sleep(std::time::Duration::from_micros(300));
        }
    }
}

/// Both slots, programs, side-chain, taps, recorder, alignment and a listening test at once.
#[test]
fn comparing_leaves_the_heap_of_the_audio_thread_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |look_ahead, gain| {
        let path = model_file(folder.path(), look_ahead, gain);
        ModelRef::read_file(&path, &[], false).expect("a model")
    };
    let mut state = SessionState::default();
    state.set_model(0, file(64, 0.5));
    state.set_model(1, file(7, 0.4));
    state.program_mut(0).expect("a place").model = file(3, 0.3);
    state.program_mut(1).expect("a place").model = file(300, 0.2);
    let state = host_state::to_stream(&std::collections::BTreeMap::new(), &session::encode(&state));
    let mut instance = Instance::new();
    assert!(instance.load(&state));
    instance.activate(48_000.0, 1024);
    instance.start();
    let shared = instance.shared();
    support::wait_for("the models", || shared.is_idle());
    let mut random = Random(77);
    let mut blocks = Blocks::new(1024);
    let (mut tested, mut replayed) = (0, 0);
    let last = |name: &str| {
        let steps = support::STEPS.iter().find(|(stepped, _)| *stepped == name);
        steps.map_or(1.0, |(_, steps)| *steps)
    };
    for round in 0..400_u32 {
        match round % 40 {
            0 => shared.edit_placement(2, |placement| placement.delay = 40.0 * random.unit()),
            4 => shared.record(0.05),
            12 => shared.replay(),
            16 => shared.desk.match_loudness(moment()),
            // What a test is begun with may not move while it runs.
            20 => {
                let mut plan = Plan::new(Kind::Abx);
                plan.switching = [Switching::ThroughSilence, Switching::Gapless][(round / 40 % 2) as usize];
                let plan = ExamPlan {
                    plan,
                    pair: [Source::A, Source::Dry],
                };
                let start = ExamStart {
                    date: "2030-01-02T03:04:05Z".to_owned(),
                    entropy: Entropy::draw(|bytes: &mut [u8]| {
                        bytes.fill(7);
                        Ok::<(), ()>(())
                    })
                    .expect("bytes"),
                };
                support::wait_for("the loader", || shared.is_idle());
                let begun = shared.begin_exam(plan, &moment(), start);
                tested += u32::from(begun.is_ok());
            }
            21..=27 => shared.listen([Stimulus::A, Stimulus::X, Stimulus::B][(round % 3) as usize]),
            28 => shared.abandon_exam(),
            32 => shared.stop_capture(),
            36 => shared.swap(),
            _ => {}
        }
        let watching = Watching {
            spectrum: true,
            difference: round % 3 > 0,
        };
        shared.desk.watch(watching, moment());
        let state = shared.capture().expect("a recorder").state;
        replayed += u32::from(matches!(state, tonegraft_slots::CaptureState::Replaying { .. }));
        let frames = [1, 32, 480, 1024, random.below(1024)][(round % 5) as usize];
        let names = ["source", "program", "use_reference", "a_trim", "b_knob_1", "mix"];
        let events: Vec<Event> = (0..if (20..28).contains(&(round % 40)) { 0 } else { 4 })
            .map(|_| {
                let name = names[random.below(names.len())];
                Event {
                    time: u32::try_from(random.below(frames)).expect("small"),
                    param: id_of(name),
                    value: (last(name) * random.unit())
                        .floor()
                        .max(random.unit() * f64::from(u8::from(last(name) < 2.0))),
                }
            })
            .collect();
        let lists = support::Prepared::new(&events);
        assert_eq!(blocks.run(&instance, LAYOUTS[0], frames, &lists), 0, "round {round}");
        std::thread::sleep(std::time::Duration::from_micros(500));
    }
    assert!(tested >= 5, "{tested} tests ran");
    assert!(replayed > 20, "{replayed} blocks were replayed");
}
