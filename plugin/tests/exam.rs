//! Listening tests in the plugin: a whole test, what voids one, and that nothing but the audio tells what X is.
#![allow(unsafe_code)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use support::live::{moment, play_until};
use support::{Event, Instance, LAYOUTS, PARAMS, guitar, id_of, model_file, wait_for};
use tempfile::TempDir;
use tonegraft_analysis::listening::{Answer, Entropy, Kind, Log, Plan, Score, Stimulus, Switching, Trials};
use tonegraft_core::Source;
use tonegraft_library::{ModelRef, SessionState, host_state, session};
use tonegraft_plugin::editor::live::Seen;
use tonegraft_plugin::editor::view::{TestView, View, Watching};
use tonegraft_plugin::shared::{ExamPlan, ExamStart, ExamView, Shared};

/// The user's files of this process go to a folder of its own.
fn home() -> &'static Path {
    static HOME: OnceLock<TempDir> = OnceLock::new();
    HOME.get_or_init(|| {
        let folder = TempDir::new().expect("a folder");
        // SAFETY: before any test of this process asks for it, and nothing else is set here.
        unsafe { std::env::set_var("XDG_DATA_HOME", folder.path()) };
        folder
    })
    .path()
}

/// Two models of the same latency that sound differently.
fn two_models(folder: &Path) -> Vec<u8> {
    let mut state = SessionState::default();
    for (slot, (name, gain)) in [("one", 0.5_f32), ("two", 0.4)].into_iter().enumerate() {
        let inside = folder.join(name);
        std::fs::create_dir_all(&inside).expect("a folder");
        let path = model_file(&inside, 10 + slot, gain);
        state.set_model(slot, ModelRef::read_file(&path, &[], false).expect("a model"));
    }
    host_state::to_stream(&BTreeMap::new(), &session::encode(&state))
}

fn playing(state: &[u8]) -> (Instance, Arc<Shared>) {
    home();
    let mut instance = Instance::new();
    assert!(instance.load(state));
    assert!(instance.select(2));
    instance.activate(48_000.0, 512);
    instance.start();
    let shared = instance.shared();
    shared.meters.set_timed(false);
    wait_for("the models", || shared.is_idle());
    wait_for("their probes", || {
        shared.glance().status.slots.iter().all(|slot| slot.baked.is_some())
    });
    (instance, shared)
}

fn plan(kind: Kind, switching: Switching) -> ExamPlan {
    let (trials, score) = match kind {
        Kind::Training => (Trials::Open, Score::Open),
        _ => (Trials::Fixed(10), Score::Hidden),
    };
    ExamPlan {
        plan: Plan {
            kind,
            trials,
            score,
            switching,
        },
        pair: [Source::A, Source::B],
    }
}

/// Always the same draw.
fn start() -> ExamStart {
    let mut seed = 0_u8;
    let entropy = Entropy::draw(|bytes: &mut [u8]| {
        for byte in bytes {
            seed = seed.wrapping_mul(73).wrapping_add(41);
            *byte = seed;
        }
        Ok::<(), ()>(())
    });
    ExamStart {
        date: "2030-01-02T03:04:05Z".to_owned(),
        entropy: entropy.expect("bytes"),
    }
}

/// Everything that anybody but the ear could look at.
fn published(instance: &Instance, shared: &Shared, seen: &mut Seen) -> String {
    let watching = Watching {
        spectrum: true,
        difference: true,
    };
    shared.desk.watch(watching, moment());
    let view = View::of(shared, seen);
    let params: Vec<f64> = PARAMS.iter().map(|name| instance.param(name)).collect();
    format!(
        "{view:?}\n{params:?}\n{:?}\n{} {}\n{:?}\n{:?}",
        instance.save(),
        instance.latency(),
        instance.tail(),
        shared.desk.figures(),
        shared.meters.load(),
    )
}

/// One scripted test; returns all that was published after each step, and all that was heard.
fn scripted(folder: &Path, flipped: bool, switching: Switching) -> (Vec<String>, Vec<f32>) {
    let (instance, shared) = playing(&two_models(folder));
    let main = guitar(2, 48_000);
    let mut seen = Seen::default();
    let (mut published_all, mut heard) = (Vec::new(), Vec::new());
    let mut play = |blocks: usize| {
        for block in 0..blocks {
            let at = (block % 90) * 512;
            heard.extend(instance.block_with(&main, &[], 2, at..at + 512, &[]).swap_remove(0));
        }
    };
    play(20);
    shared
        .begin_exam(plan(Kind::Abx, switching), &moment_without_reference(), start())
        .expect("begins");
    if flipped {
        shared.flip_every_x();
    }
    // The compare worker sees that a test runs.
    std::thread::sleep(Duration::from_millis(150));
    play(4);
    published_all.push(published(&instance, &shared, &mut seen));
    for trial in 0..6 {
        for stimulus in [Stimulus::A, Stimulus::X, Stimulus::B, Stimulus::X, Stimulus::X] {
            shared.listen(stimulus);
            play(6);
            published_all.push(published(&instance, &shared, &mut seen));
            std::thread::sleep(Duration::from_millis(130));
            play(2);
            published_all.push(published(&instance, &shared, &mut seen));
        }
        // Automation of what a test freezes.
        let event = Event {
            time: 5,
            param: id_of("source"),
            value: f64::from(trial % 5),
        };
        instance.block_with(&main, &[], 2, 0..512, &[event]);
        shared.vote(if trial % 3 == 0 { Answer::A } else { Answer::B });
        published_all.push(published(&instance, &shared, &mut seen));
        shared.confirm();
        play(3);
        published_all.push(published(&instance, &shared, &mut seen));
    }
    assert!(shared.is_testing(), "nothing has ended the test");
    (published_all, heard)
}

fn moment_without_reference() -> tonegraft_plugin::shared::Moment {
    let mut moment = moment();
    moment.settings.use_reference = false;
    moment
}

#[test]
fn nothing_but_the_audio_tells_what_x_is() {
    let folder = TempDir::new().expect("a folder");
    for switching in [Switching::ThroughSilence, Switching::Gapless] {
        let (published, heard) = scripted(folder.path(), false, switching);
        let (twin, other) = scripted(folder.path(), true, switching);
        assert_eq!(published.len(), twin.len());
        for (step, (one, other)) in published.iter().zip(&twin).enumerate() {
            for (line, (one, other)) in one.lines().zip(other.lines()).enumerate() {
                assert_eq!(one, other, "step {step}, line {line}");
            }
        }
        assert_eq!(heard.len(), other.len());
        assert_ne!(heard, other, "the flipped twin sounds otherwise");
        // What changes is what is heard of X alone: what is played before the test is the same.
        assert_eq!(heard[..20 * 512], other[..20 * 512]);
    }
}

#[test]
fn a_whole_test_is_scored_and_its_record_is_written() {
    let folder = TempDir::new().expect("a folder");
    let (instance, shared) = playing(&two_models(folder.path()));
    let main = guitar(2, 48_000);
    shared
        .begin_exam(
            plan(Kind::Abx, Switching::ThroughSilence),
            &moment_without_reference(),
            start(),
        )
        .expect("begins");
    let mut levels = Vec::new();
    for trial in 0..10 {
        shared.vote(Answer::A);
        match shared.exam() {
            ExamView::Running(running) => {
                assert!(
                    running.note.contains('X'),
                    "an answer before X was heard: {}",
                    running.note
                );
                assert_eq!((running.vote, running.public.trial), (None, trial + 1));
            }
            other => panic!("{other:?}"),
        }
        let level = |stimulus| {
            shared.listen(stimulus);
            // Through silence and beyond the latency.
            for _ in 0..3 {
                instance.block_with(&main, &[], 2, 0..512, &[]);
            }
            std::thread::sleep(Duration::from_millis(110));
            let output = instance.block_with(&main, &[], 2, 0..512, &[]);
            output[0].iter().fold(0.0_f32, |peak, x| peak.max(x.abs()))
        };
        let (a, b, x) = (level(Stimulus::A), level(Stimulus::B), level(Stimulus::X));
        // A trained ear.
        let is_a = (x - a).abs() < (x - b).abs();
        levels.push([a, b, x]);
        shared.vote(if is_a { Answer::B } else { Answer::A });
        shared.vote(if is_a { Answer::A } else { Answer::B });
        shared.confirm();
    }
    let ExamView::Done(done) = shared.exam() else {
        panic!("the test is over");
    };
    let report = done.report.as_ref().expect("a result");
    println!("{report}");
    let view = View::of(&shared, &mut Seen::default());
    let TestView::Done(result) = &view.test else {
        panic!("a result is shown");
    };
    assert_eq!(
        (result.proportions[0].count, result.proportions[0].of),
        (10, 10),
        "{levels:?}"
    );
    assert!(result.proportions[0].p.expect("a p") < 0.001);
    let written = done.written.as_ref().expect("written");
    assert!(written.starts_with(home()), "{}", written.display());
    let log = Log::read(&std::fs::read(written).expect("readable")).expect("a sound log");
    assert_eq!(log.commitment, done.log.commitment);
    assert_eq!(log.setup.subjects.len(), 2);
    assert!(log.setup.subjects.iter().all(|subject| subject.sha256.is_some()));
    assert!(written.with_extension("csv").exists());
    // Neither is in the state.
    let state = String::from_utf8_lossy(&instance.save()).into_owned();
    assert!(!state.contains(&log.commitment));
    shared.close_exam();
    assert!(matches!(shared.exam(), ExamView::None));
}

#[test]
fn what_changes_the_sounds_voids_a_test() {
    let folder = TempDir::new().expect("a folder");
    let state = two_models(folder.path());
    let main = guitar(2, 48_000);
    type Act = fn(&mut Instance, &Shared, &[u8], &[Vec<f32>]);
    let acts: [(&str, Act); 6] = [
        ("a session", |instance, _, state, _| assert!(instance.load(state))),
        ("a model", |_, shared, _, _| {
            shared.open(1, tonegraft_plugin::shared::Wish::Remove);
        }),
        ("the alignment", |_, shared, _, _| {
            shared.edit_placement(0, |placement| placement.nudge = 1.5);
        }),
        ("a trim", |instance, shared, _, main| {
            let event = Event {
                time: 0,
                param: id_of("b_trim"),
                value: 0.75,
            };
            instance.block_with(main, &[], 2, 0..512, &[event]);
            wait_for("the loader's look", || !shared.is_testing());
        }),
        ("another rate", |instance, _, _, _| {
            instance.deactivate();
            instance.activate(44_100.0, 512);
        }),
        ("giving up", |_, shared, _, _| shared.abandon_exam()),
    ];
    for (what, act) in acts {
        let (mut instance, shared) = playing(&state);
        shared
            .begin_exam(
                plan(Kind::Abx, Switching::Gapless),
                &moment_without_reference(),
                start(),
            )
            .expect("begins");
        instance.block_with(&main, &[], 2, 0..512, &[]);
        instance.block_with(&main, &[], 2, 0..512, &[]);
        assert!(shared.is_testing());
        act(&mut instance, &shared, &state, &main);
        let ExamView::Done(done) = shared.exam() else {
            panic!("{what} voids a test");
        };
        assert!(done.report.is_none() && done.log.is_void(), "{what}");
        assert!(!shared.meters.is_frozen());
        println!("{what}: {}", done.voided.as_deref().unwrap_or(""));
    }
}

#[test]
fn a_test_is_refused_with_a_reason() {
    let folder = TempDir::new().expect("a folder");
    let (_instance, shared) = playing(&two_models(folder.path()));
    let refused = |plan: ExamPlan, moment| shared.begin_exam(plan, &moment, start()).expect_err("refused");
    let same = ExamPlan {
        pair: [Source::B, Source::B],
        ..plan(Kind::Abx, Switching::Gapless)
    };
    assert!(refused(same, moment()).contains("two sources"));
    let device = ExamPlan {
        pair: [Source::A, Source::Reference],
        ..plan(Kind::Preference, Switching::Gapless)
    };
    assert!(refused(device, moment_without_reference()).contains("switched off"));
    assert!(refused(device, moment()).contains("side-chain"));
    assert!(refused(plan(Kind::Likeness, Switching::Gapless), moment()).contains("Record"));
    let mut bypassed = moment();
    bypassed.settings.bypass = true;
    assert!(refused(plan(Kind::Abx, Switching::Gapless), bypassed).contains("bypass"));
    assert!(!shared.is_testing());
}

/// Clean input, device, model and a fitted anchor.
#[test]
fn a_likeness_test_puts_its_anchor_into_slot_b_and_takes_it_out_again() {
    home();
    let folder = TempDir::new().expect("a folder");
    let mut instance = Instance::new();
    assert!(instance.load(&two_models(folder.path())));
    assert!(instance.select(0));
    instance.activate(48_000.0, 512);
    instance.start();
    let shared = instance.shared();
    wait_for("the models", || shared.is_idle());
    let main = guitar(2, 48_000);
    let device: Vec<Vec<f32>> = main
        .iter()
        .map(|channel| channel.iter().map(|x| 0.7 * (4.0 * x).tanh()).collect())
        .collect();
    shared.record(1.0);
    play_until(&instance, &main, &device, 2, "the recording", || {
        matches!(
            shared.capture().expect("a recorder").state,
            tonegraft_slots::CaptureState::Ready { .. }
        )
    });
    shared
        .begin_exam(plan(Kind::Likeness, Switching::ThroughSilence), &moment(), start())
        .expect("begins");
    play_until(&instance, &main, &device, 2, "the anchor", || {
        !matches!(shared.exam(), ExamView::Preparing)
    });
    assert_eq!(shared.glance().status.error, None);
    let ExamView::Running(running) = shared.exam() else {
        panic!("the test runs");
    };
    assert_eq!(running.subjects.len(), 4);
    for stimulus in [Stimulus::A, Stimulus::B, Stimulus::X] {
        shared.listen(stimulus);
        let mut blocks = 0;
        play_until(&instance, &main, &device, 2, "listening", || {
            blocks += 1;
            blocks > 40
        });
    }
    shared.vote(Answer::B);
    shared.confirm();
    let ExamView::Running(running) = shared.exam() else {
        panic!("the test runs");
    };
    assert_eq!(running.public.answered, 1, "{}", running.note);
    shared.abandon_exam();
    play_until(&instance, &main, &device, 2, "slot B's own model", || shared.is_idle());
    let name = shared.glance().status.slots[1]
        .card
        .as_ref()
        .expect("a model")
        .name
        .clone();
    assert_eq!(name, "delay11");
    assert_eq!(LAYOUTS[0], [2, 2, 2]);
}
