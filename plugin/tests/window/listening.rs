//! Listening tests in the window: planned, run by keys alone, calm, and told in words that claim no more than the figures.

use super::{Fixture, click, compare, drag, press, with};
use crate::scenes::{self, comparing, done, running};
use egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tonegraft_plugin::editor::draw::Memory;
use tonegraft_plugin::editor::panels::bench::Bench;
use tonegraft_plugin::editor::view::*;
use tonegraft_plugin::session::WindowSize;

#[test]
fn a_test_is_planned() {
    let mut harness = compare(Bench::Test);
    let planned = |harness: &mut Harness<'_, Fixture>, label: &str| {
        let asked = click(harness, label);
        let [Action::Test(TestEdit::Plan(plan))] = asked[..] else {
            panic!("{label}: {asked:?}");
        };
        plan
    };
    let default = TestPlan::default();
    let kind = Kind::Training;
    assert_eq!(
        planned(&mut harness, "Kind of test: Training"),
        TestPlan { kind, ..default }
    );
    assert_eq!(planned(&mut harness, "20 trials"), TestPlan { trials: 20, ..default });
    let open = planned(&mut harness, "Open number of trials");
    assert!(open.open_end && open.hide_score);
    let gapless = planned(&mut harness, "Switching gapless");
    assert_eq!(gapless.switching, Switching::Gapless);
    assert!(!planned(&mut harness, "Score each trial").hide_score);
    assert_eq!(click(&mut harness, "Begin the test"), [Action::Test(TestEdit::Begin)]);
    assert_eq!(click(&mut harness, "Match loudness"), [Action::MatchLoudness]);
    assert_eq!(
        click(&mut harness, "Record a passage"),
        [Action::Capture(CaptureEdit::Record(20.0))]
    );
    assert_eq!(
        click(&mut harness, "Repeat the passage"),
        [Action::Capture(CaptureEdit::Replay)]
    );
    let marked = drag(&mut harness, "Recorded passage", egui::vec2(30.0, 0.0));
    let Some(Action::Capture(CaptureEdit::Part([from, to]))) = marked.last() else {
        panic!("{marked:?}");
    };
    assert!(from < to && (2.5..4.0).contains(from), "{from} to {to}");
    harness.state_mut().view.test = TestView::Planning(PlanView {
        refusal: Some("Slot B is empty.".into()),
        ..PlanView::default()
    });
    harness.run();
    assert_eq!(click(&mut harness, "Begin the test"), [], "it is refused");
    assert!(harness.query_by_label("Slot B is empty.").is_some());
}

#[test]
fn a_test_is_run_by_keys_alone() {
    let view = View {
        test: TestView::Running(running()),
        ..comparing()
    };
    let mut harness = with(view, WindowSize::DEFAULT, Bench::Test, true);
    let listen = |stimulus| vec![Action::Test(TestEdit::Listen(stimulus))];
    assert_eq!(press(&mut harness, Key::Num1), listen(Stimulus::A));
    assert_eq!(press(&mut harness, Key::Num2), listen(Stimulus::B));
    assert_eq!(press(&mut harness, Key::Num3), listen(Stimulus::X));
    assert_eq!(press(&mut harness, Key::Enter), [], "there is no vote to confirm");
    assert_eq!(press(&mut harness, Key::Q), [Action::Test(TestEdit::Vote(Answer::A))]);
    assert_eq!(press(&mut harness, Key::W), [Action::Test(TestEdit::Vote(Answer::B))]);
    let TestView::Running(run) = &mut harness.state_mut().view.test else {
        panic!("it runs");
    };
    run.vote = Some(Answer::B);
    harness.run();
    assert_eq!(press(&mut harness, Key::Enter), [Action::Test(TestEdit::Next)]);
    assert!(harness.state().host.take().is_empty(), "no parameter is touched");
    assert_eq!(
        click(&mut harness, "End without a result"),
        [Action::Test(TestEdit::Abort)]
    );
    let commitment = scenes::COMMITMENT;
    assert!(harness.query_by_label_contains(commitment).is_some());
}

/// The tree of names of everything that is drawn.
fn tree(harness: &Harness<'_, Fixture>) -> String {
    let nodes = harness.root().children_recursive();
    let lines = nodes.map(|node| {
        let accessible = node.accesskit_node();
        let name = accessible.label().or_else(|| accessible.value()).unwrap_or_default();
        format!("{:?} {name} {:?}\n", accessible.role(), accessible.raw_bounds())
    });
    lines.collect()
}

#[test]
fn a_test_shows_nothing_of_what_sounds() {
    let trial = |change: fn(&mut View)| {
        let mut view = View {
            test: TestView::Running(running()),
            ..comparing()
        };
        change(&mut view);
        tree(&with(view, WindowSize::DEFAULT, Bench::Spectrum, true))
    };
    let one = trial(|_| {});
    let other = trial(|view| {
        view.peaks = [0.9, 0.01, 0.7];
        view.slots.swap(0, 1);
        view.slots[0].load.mean = 0.7;
        view.slots[1].asleep = true;
        view.load.misses = 9;
        view.latency.total += 64;
        view.spectrum = SpectrumView::default();
        view.difference = DifferenceView::default();
        view.message.text = "B plays".into();
        view.gate_db = 60.0;
    });
    assert_eq!(one, other);
    let view = View {
        test: TestView::Running(running()),
        ..comparing()
    };
    assert_eq!(
        Memory::default().watching(&view),
        Watching::default(),
        "nothing is computed"
    );
}

#[test]
fn results_claim_no_more_than_was_shown() {
    let mut harness = with(
        View {
            test: TestView::Done(done()),
            ..comparing()
        },
        WindowSize::DEFAULT,
        Bench::Test,
        true,
    );
    assert!(
        harness
            .query_by_label("A and B were told apart: 12 of 16 right (p = 0.038).")
            .is_some()
    );
    assert!(
        harness
            .query_by_label_contains("Right: 75 %, 95 % interval 48 to 93 %")
            .is_some()
    );
    assert!(harness.query_by_label_contains("at least 84 %").is_some());
    for (verdict, voided) in [
        (Verdict::NotSignificant, None),
        (Verdict::NotCounted, None),
        (Verdict::Significant, Some("stopped".to_owned())),
    ] {
        for kind in Kind::ALL {
            let plan = TestPlan {
                kind,
                ..TestPlan::default()
            };
            let result = ResultView {
                verdict,
                plan,
                voided: voided.clone(),
                ..done()
            };
            harness.state_mut().view.test = TestView::Done(result);
            harness.run();
            let text = tree(&harness).to_lowercase();
            for word in ["identical", "no difference", "the same as", "were told apart"] {
                assert!(!text.contains(word), "{verdict:?} {kind:?}: {word}");
            }
        }
    }
    assert_eq!(click(&mut harness, "Close"), [Action::Test(TestEdit::Close)]);
}
