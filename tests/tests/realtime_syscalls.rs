//! Third net: an audio thread under a seccomp filter that allows no system call at all, while this thread swaps models.
//!
//! The sealed thread can never end, so each sealed run is a process of its own: this program calls itself with an argument.

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: the system-call net needs Linux");
}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::process::Command;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tonegraft_engine::StartState;
    use tonegraft_tests::corpus;
    use tonegraft_tests::culprit::{self, Crime, Scene};
    use tonegraft_tests::host::Track;
    use tonegraft_tests::scenario::{Before, Scenario, Step, control, play};
    use tonegraft_tests::sealed::{self, Broken};

    const CLEAN: &str = "sealed-clean";
    const YIELDS: &str = "sealed-yields";
    const ALLOCATES: &str = "sealed-allocates";
    const CULPRIT: &str = "sealed-culprit";
    const MODELS: &str = "sealed-models";

    /// What a sealed process answers with.
    const SEALED_DONE: i32 = 0;
    const SEALED_CALL: i32 = 40;
    const SEALED_TIMEOUT: i32 = 41;
    const SEALED_UNAVAILABLE: i32 = 42;

    pub(super) fn main() {
        let argument = std::env::args().nth(1).unwrap_or_default();
        let outcome = match argument.as_str() {
            CLEAN => sealed::run(|| {}, Duration::from_secs(10), || {}),
            YIELDS => sealed::run(std::thread::yield_now, Duration::from_secs(10), || {}),
            ALLOCATES => sealed::run(
                // Large enough to be mapped by itself.
                || drop(std::hint::black_box(vec![1_u8; 64 << 20])),
                Duration::from_secs(10),
                || {},
            ),
            CULPRIT => culprit(),
            MODELS => models(),
            // What a test runner asks every test binary.
            "--list" => return,
            _ => return parent(),
        };
        std::process::exit(match outcome {
            Ok(()) => SEALED_DONE,
            Err(Broken::SystemCall(number)) => {
                eprintln!("system call {number} on the audio thread");
                SEALED_CALL
            }
            Err(Broken::Timeout) => {
                eprintln!("the audio thread did not come to its end");
                SEALED_TIMEOUT
            }
            Err(Broken::Unavailable) => SEALED_UNAVAILABLE,
        });
    }

    fn child(argument: &str) -> i32 {
        let me = std::env::current_exe().expect("this program");
        let status = Command::new(me).arg(argument).status().expect("runs itself");
        status.code().unwrap_or(-1)
    }

    fn parent() {
        if child(CLEAN) == SEALED_UNAVAILABLE {
            assert!(
                std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_none_or(|value| value != "1"),
                "this system has no seccomp filters, but all checks are required"
            );
            println!("skipped: the system-call net: this system has no seccomp filters");
            return;
        }
        for (argument, wanted) in [
            (CLEAN, SEALED_DONE),
            (YIELDS, SEALED_CALL),
            (ALLOCATES, SEALED_CALL),
            (CULPRIT, SEALED_CALL),
            (MODELS, SEALED_DONE),
        ] {
            let code = child(argument);
            assert_eq!(code, wanted, "{argument}");
            println!("{argument}: as expected ({code})");
        }
    }

    /// A system call in the midst of slots and chain, by a processor.
    fn culprit() -> Result<(), Broken> {
        let scenario = Scenario::new();
        let (control_half, mut audio_half) = Track::mono(48_000).open();
        audio_half.adopt(culprit::unit(Crime::CallsTheSystem, Scene::Process));
        let work = move || {
            for (number, step) in scenario.steps().iter().enumerate() {
                scenario.prepare(number, &mut audio_half);
                play(&mut audio_half, step);
            }
        };
        let outcome = sealed::run(work, Duration::from_secs(10), || {});
        drop(control_half);
        outcome
    }

    /// Where the two threads are.
    #[derive(Default)]
    struct Board {
        model: AtomicUsize,
        /// Number of the step whose control side is wanted, plus 1.
        asked: AtomicUsize,
        answered: AtomicUsize,
        swaps: AtomicUsize,
    }

    fn models() -> Result<(), Broken> {
        let scenario: &'static Scenario = Box::leak(Box::new(Scenario::new()));
        let board: &'static Board = Box::leak(Box::default());
        let mut names = Vec::new();
        let mut controls = Vec::new();
        let mut audios = Vec::new();
        for (entry, model) in corpus::all() {
            for channels in [1, 2] {
                let mut track = Track::mono(48_000);
                (track.inputs, track.outputs) = (channels, channels);
                if corpus::fits(&model, track) {
                    let (control_half, mut audio_half) = track.open();
                    audio_half.adopt(track.unit(&model, StartState::Silence, 0));
                    names.push(format!("{} with {channels} channels", entry.name));
                    controls.push((control_half, track, model.clone()));
                    audios.push(audio_half);
                }
            }
        }
        assert!(audios.len() >= 4, "at least what ships");
        let work = move || {
            for (index, audio) in audios.iter_mut().enumerate() {
                board.model.store(index, Ordering::Release);
                for (number, step) in scenario.steps().iter().enumerate() {
                    scenario.prepare(number, audio);
                    if step.before != Before::Nothing {
                        // The sound goes on while the control side builds and sends.
                        board.asked.store(number + 1, Ordering::Release);
                        while board.answered.load(Ordering::Acquire) != number + 1 {
                            play(
                                audio,
                                &Step {
                                    frames: 32,
                                    reset: false,
                                    ..*step
                                },
                            );
                        }
                    }
                    play(audio, step);
                }
            }
        };
        let mut id = 0;
        let meanwhile = || {
            let asked = board.asked.load(Ordering::Acquire);
            let step = asked.checked_sub(1).and_then(|number| scenario.steps().get(number));
            if let Some(step) = step.filter(|_| board.answered.load(Ordering::Relaxed) != asked)
                && let Some((control_half, track, model)) = controls.get_mut(board.model.load(Ordering::Acquire))
            {
                let make = || {
                    id += 1;
                    track.unit(model, StartState::Silence, id)
                };
                board
                    .swaps
                    .fetch_add(usize::from(control(control_half, step, make)), Ordering::Relaxed);
                board.answered.store(asked, Ordering::Release);
            }
        };
        let outcome = sealed::run(work, Duration::from_secs(500), meanwhile);
        let now = board.model.load(Ordering::Acquire);
        match outcome {
            Ok(()) => {
                let swaps = board.swaps.load(Ordering::Relaxed);
                assert!(swaps > 5 * names.len(), "{swaps} swaps for {} chains", names.len());
                println!(
                    "{} chains, {} steps each, {swaps} swaps",
                    names.len(),
                    scenario.steps().len()
                );
            }
            Err(_) => eprintln!("while playing {}", names.get(now).map_or("", String::as_str)),
        }
        outcome
    }
}
