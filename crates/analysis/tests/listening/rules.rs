//! What is refused, what counts, and what a stop means.

use crate::common::{Ears, abx, begin, entropy, plan, session, setup};
use tonegraft_analysis::listening::plan::{COUNTS, MAX_TRIALS};
use tonegraft_analysis::listening::statistics::binomial_p;
use tonegraft_analysis::listening::test::MIN_HEARD_MS;
use tonegraft_analysis::listening::{
    Answer, Kind, Outcome, Place, Plan, Refused, Role, Score, Stimulus, Test, Trials, VoidReason,
};

#[test]
fn no_answer_before_x_was_heard_in_this_trial() {
    let mut test = begin(abx(10), 1);
    let refused = |test: &mut Test, at: u64| match test.vote(Answer::A, at) {
        Err(Refused::NotHeard { stimulus }) => stimulus,
        other => panic!("{:?}", other.is_ok()),
    };
    assert_eq!(refused(&mut test, 0), "X");
    let _ = test.listen(Stimulus::A, 0);
    assert_eq!(refused(&mut test, 5_000), "X");
    let _ = test.listen(Stimulus::Y, 5_000);
    assert_eq!(refused(&mut test, 9_000), "X", "the other one is not X");
    let _ = test.listen(Stimulus::X, 9_000);
    assert_eq!(refused(&mut test, 9_000 + MIN_HEARD_MS - 1), "X");
    assert_eq!(test.public(9_000 + MIN_HEARD_MS - 1).missing, [Stimulus::X]);
    assert_eq!(test.public(9_000 + MIN_HEARD_MS).missing, []);
    test.pause(9_000 + MIN_HEARD_MS);
    assert!(test.vote(Answer::A, 20_000).is_ok());
    assert_eq!(refused(&mut test, 30_000), "X", "heard in the trial before");
    assert_eq!(test.answered(), 1);
    // A clock that runs backwards is no way round it.
    let _ = test.listen(Stimulus::X, 10);
    assert_eq!(refused(&mut test, 30_050), "X");
}

#[test]
fn likeness_and_preference_need_all_of_theirs() {
    let mut test = begin(plan(Kind::Likeness, Trials::Fixed(10), Score::Hidden), 1);
    for (index, stimulus) in [Stimulus::X, Stimulus::A, Stimulus::B].into_iter().enumerate() {
        assert!(test.vote(Answer::B, 1_000 * index as u64).is_err());
        let _ = test.listen(stimulus, 1_000 * index as u64);
    }
    assert!(test.vote(Answer::B, 3_000).is_ok());
    assert!(matches!(
        test.listen(Stimulus::Y, 4_000),
        Err(Refused::NoStimulus { .. })
    ));

    let mut test = begin(plan(Kind::Preference, Trials::Fixed(10), Score::Hidden), 1);
    let _ = test.listen(Stimulus::A, 0);
    let refused = test.vote(Answer::A, 3_000).err().expect("refused");
    assert!(refused.to_string().starts_with("Listen to 2 first"), "{refused}");
    assert!(matches!(test.listen(Stimulus::X, 0), Err(Refused::NoStimulus { .. })));
}

#[test]
fn x_is_one_of_both_and_y_the_other() {
    let mut test = begin(abx(25), 3);
    let mut ears = Ears::new();
    let mut xs = Vec::new();
    for _ in 0..25 {
        let [a, b, x, y, again] = [Stimulus::A, Stimulus::B, Stimulus::X, Stimulus::Y, Stimulus::X]
            .map(|stimulus| ears.hear(&mut test, stimulus));
        assert_eq!((a, b), (Place::SlotA, Place::SlotB));
        assert_ne!(x, y);
        assert_eq!(x, again);
        xs.push(x);
        assert!(test.vote(Answer::A, ears.at).is_ok());
    }
    assert!(xs.contains(&Place::SlotA) && xs.contains(&Place::SlotB));
    assert!(matches!(test.listen(Stimulus::X, ears.at), Err(Refused::Complete)));
    assert!(matches!(test.vote(Answer::A, ears.at), Err(Refused::Complete)));
}

#[test]
fn labels_of_likeness_and_preference_are_drawn_for_each_trial() {
    for kind in [Kind::Likeness, Kind::Preference] {
        let mut test = begin(plan(kind, Trials::Fixed(25), Score::Hidden), 3);
        let mut ears = Ears::new();
        let mut firsts = Vec::new();
        for _ in 0..25 {
            firsts.push(ears.hear(&mut test, Stimulus::A));
            ears.answer(&mut test, true);
        }
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 2, "{kind}");
    }
}

#[test]
fn results_are_counted() {
    for (right, answered) in [(0, 10), (5, 10), (10, 10)] {
        let report = session(abx(10), 8, right, answered);
        let Outcome::Abx(abx) = report.outcome() else {
            panic!("ABX")
        };
        assert_eq!((abx.correct.count, abx.correct.of, abx.counted), (right, answered, 10));
        assert_eq!(abx.p, binomial_p(right, 10));
        assert_eq!(abx.critical, Some(9));
    }
    let report = session(plan(Kind::Likeness, Trials::Fixed(25), Score::Hidden), 8, 25, 25);
    let Outcome::Likeness(likeness) = report.outcome() else {
        panic!("likeness")
    };
    assert_eq!((likeness.model.count, likeness.model.of), (13, 13));
    assert_eq!((likeness.anchor.count, likeness.anchor.of), (0, 12));
    let report = session(plan(Kind::Preference, Trials::Fixed(16), Score::Hidden), 8, 12, 16);
    let Outcome::Preference(preference) = report.outcome() else {
        panic!("preference")
    };
    assert_eq!((preference.a.count, preference.a.of), (12, 16));
    assert!((preference.p - 2.0 * binomial_p(12, 16)).abs() < 1e-12, "two-sided");
    let report = session(Plan::new(Kind::Training), 8, 7, 9);
    assert_eq!(report.outcome(), &Outcome::Training { right: 7, of: 9 });
}

#[test]
fn stopping_early_counts_what_is_missing_as_wrong_if_the_score_was_seen() {
    let open = plan(Kind::Abx, Trials::Fixed(16), Score::Open);
    let report = session(open, 5, 5, 5);
    let Outcome::Abx(abx) = report.outcome() else {
        panic!("ABX")
    };
    assert_eq!((abx.correct.count, abx.correct.of, abx.counted), (5, 5, 16));
    assert_eq!(abx.p, binomial_p(5, 16));
    assert!(abx.correct.interval.is_none() && !abx.is_significant());
    // Hidden: when to stop could not depend on the score.
    let report = session(self::abx(16), 5, 5, 5);
    let Outcome::Abx(abx) = report.outcome() else {
        panic!("ABX")
    };
    assert_eq!((abx.correct.of, abx.counted), (5, 5));
    assert_eq!(abx.p, binomial_p(5, 5));
    let report = session(plan(Kind::Abx, Trials::Open, Score::Hidden), 5, 20, 31);
    let Outcome::Abx(abx) = report.outcome() else {
        panic!("ABX")
    };
    assert_eq!((abx.correct.count, abx.counted), (20, 31));
}

/// Of guessing listeners who stop when it looks best, no more than the level says are called significant.
#[test]
fn peeking_does_not_inflate_the_error() {
    let trials = 4_000;
    let mut hits = 0;
    let mut naive = 0;
    let mut state = 99_u64;
    for seed in 0..trials {
        let mut test = begin(plan(Kind::Abx, Trials::Fixed(25), Score::Open), seed);
        let mut ears = Ears::new();
        while !test.is_complete() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let _ = test.listen(Stimulus::X, ears.at);
            ears.at += 500;
            let answer = if state >> 63 == 0 { Answer::A } else { Answer::B };
            assert!(test.vote(answer, ears.at).is_ok());
            let score = test.public(ears.at).score.expect("in view");
            if score.of >= 5 && binomial_p(score.right, score.of) <= 0.05 {
                naive += 1;
                break;
            }
        }
        if let Outcome::Abx(abx) = test.finish().outcome() {
            hits += u64::from(abx.is_significant());
        }
    }
    // 4,000 sessions: five standard deviations above 5 % are 6.7 %.
    assert!(hits * 1_000 < trials * 67, "{hits} of {trials}");
    assert!(
        naive * 10 > trials,
        "stopping at the first good moment would fool a test that allows it: {naive}"
    );
}

#[test]
fn plans_that_prove_nothing_are_refused() {
    for count in 0..40 {
        let fixed = plan(Kind::Abx, Trials::Fixed(count), Score::Hidden).check();
        assert_eq!(fixed.is_ok(), COUNTS.contains(&count), "{count}");
    }
    for (kind, trials, score, allowed) in [
        (Kind::Abx, Trials::Open, Score::Hidden, true),
        (Kind::Abx, Trials::Open, Score::Open, false),
        (Kind::Abx, Trials::Fixed(16), Score::Open, true),
        (Kind::Training, Trials::Open, Score::Open, true),
        (Kind::Training, Trials::Fixed(10), Score::Hidden, false),
        (Kind::Likeness, Trials::Open, Score::Hidden, false),
        (Kind::Likeness, Trials::Fixed(10), Score::Open, false),
        (Kind::Preference, Trials::Open, Score::Hidden, true),
        (Kind::Preference, Trials::Fixed(10), Score::Open, false),
    ] {
        let plan = plan(kind, trials, score);
        assert_eq!(plan.check().is_ok(), allowed, "{plan:?}");
        if let Err(refused) = plan.check() {
            let sentence = refused.to_string();
            assert!(sentence.ends_with('.') && sentence.len() < 200, "{sentence}");
            assert!(Test::begin(plan, setup(kind), entropy(1)).is_err());
        } else {
            assert!(plan.rules().len() > 20);
        }
    }
    for kind in Kind::ALL {
        assert!(Plan::new(kind).check().is_ok());
    }
}

#[test]
fn set_ups_that_cannot_be_committed_to_are_refused() {
    let abx = abx(10);
    let wrong = |change: &dyn Fn(&mut tonegraft_analysis::listening::Setup), what: &str| {
        let mut setup = setup(Kind::Abx);
        change(&mut setup);
        let refused = Test::begin(abx, setup, entropy(1))
            .err()
            .unwrap_or_else(|| panic!("taken: {what}"));
        assert!(refused.to_string().contains(what), "{refused}");
    };
    wrong(&|setup| setup.subjects[1].place = Place::SlotA, "slot A");
    wrong(&|setup| setup.subjects.truncate(1), "\"b\"");
    wrong(&|setup| setup.subjects[0].role = Role::Device, "\"a\"");
    wrong(&|setup| setup.subjects.push(setup.subjects[0].clone()), "twice");
    wrong(&|setup| setup.subjects[0].gain_db = f64::NAN, "a level or delay");
    wrong(
        &|setup| setup.subjects[0].delay_frames = f64::INFINITY,
        "a level or delay",
    );
    wrong(&|setup| setup.subjects[1].lufs = Some(1e10), "a level or delay");
    wrong(&|setup| setup.subjects[1].sha256 = Some("AB".repeat(32)), "a hash");
    wrong(&|setup| setup.subjects[1].name = "x".repeat(1_001), "a name");
    wrong(&|setup| setup.subjects[1].name = "a\u{7}b".to_owned(), "a name");
    wrong(&|setup| setup.date = "yesterday".to_owned(), "the date");
}

#[test]
fn a_void_test_reveals_nothing() {
    let mut test = begin(abx(10), 2);
    Ears::new().run(&mut test, 4, 4);
    let log = test.void(VoidReason::Restored);
    assert!(log.is_void());
    assert_eq!(log.answered(), 4);
    assert!(log.trials.iter().all(|trial| trial.truth.is_none()));
    let text = log.json();
    for word in ["nonce", "sequence", "truth", "right", "shown"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    assert!(text.contains("restored"));
    let mut test = begin(plan(Kind::Abx, Trials::Fixed(10), Score::Open), 2);
    Ears::new().run(&mut test, 1, 3);
    let text = test.void(VoidReason::Changed("the model in slot A".to_owned())).json();
    assert!(
        text.contains("\"shown\": 1") && text.contains("the model in slot A"),
        "{text}"
    );
}

#[test]
fn the_longest_test_fits() {
    let report = session(plan(Kind::Abx, Trials::Open, Score::Hidden), 6, MAX_TRIALS, MAX_TRIALS);
    let Outcome::Abx(abx) = report.outcome() else {
        panic!("ABX")
    };
    assert!(abx.p < 1e-29 && abx.is_significant());
    let report = begin(self::abx(10), 1).finish();
    let Outcome::Abx(abx) = report.outcome() else {
        panic!("ABX")
    };
    assert_eq!((abx.correct.of, abx.p), (0, 1.0));
    assert!(report.to_string().contains("Nothing was answered"), "{report}");
}

#[test]
fn closed_eyes_toggle_within_pairs() {
    for kind in Kind::ALL {
        for stimulus in Stimulus::of(kind) {
            assert_eq!(stimulus.toggled(kind).toggled(kind), *stimulus);
            assert!(Stimulus::of(kind).contains(&stimulus.toggled(kind)));
        }
    }
    assert_eq!(Stimulus::X.toggled(Kind::Abx), Stimulus::Y);
    assert_eq!(Stimulus::B.label(Kind::Preference), "2");
}
