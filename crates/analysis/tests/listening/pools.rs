//! Sessions summed up.

use crate::common::{Ears, abx, begin, entropy, plan, session, setup};
use tonegraft_analysis::listening::pool::Pool;
use tonegraft_analysis::listening::statistics::binomial_p;
use tonegraft_analysis::listening::{Kind, Log, Outcome, Plan, Role, Score, Test, Trials, VoidReason};

fn on(date: &str, plan: Plan, seed: u64, swapped: bool, right: u32, answered: u32) -> Log {
    let mut setup = setup(plan.kind);
    setup.date = date.to_owned();
    if swapped {
        setup.subjects[0].role = Role::B;
        setup.subjects[1].role = Role::A;
    }
    let mut test = Test::begin(plan, setup, entropy(seed)).unwrap_or_else(|refused| panic!("{refused}"));
    Ears::new().run(&mut test, right, answered);
    test.finish().into_log()
}

fn named(logs: Vec<Log>) -> Vec<(String, Log)> {
    logs.into_iter()
        .enumerate()
        .map(|(index, log)| (format!("{index}.json"), log))
        .collect()
}

#[test]
fn sessions_of_one_pair_are_one_group() {
    let pool = Pool::of(named(vec![
        on("2026-03-02T10:00:00Z", abx(16), 1, false, 11, 16),
        on("2026-03-01T10:00:00Z", abx(12), 2, true, 9, 12),
        on(
            "2026-03-03T10:00:00Z",
            plan(Kind::Abx, Trials::Fixed(10), Score::Open),
            3,
            false,
            4,
            4,
        ),
    ]));
    assert_eq!(pool.groups.len(), 1);
    let group = &pool.groups[0];
    assert_eq!(group.sessions[0].source, "1.json", "by date");
    let Outcome::Abx(abx) = group.outcome else {
        panic!("ABX")
    };
    assert_eq!((abx.correct.count, abx.correct.of, abx.counted), (24, 32, 38));
    assert_eq!(abx.p, binomial_p(24, 38));
    assert_eq!(group.adjusted_p, abx.p);
    assert_eq!(group.course.len(), 38, "unanswered ones are wrong");
    assert_eq!(group.course.iter().filter(|right| **right).count(), 24);
    assert!(group.course[..9].iter().all(|right| *right) && !group.course[9]);
    let text = group.sentences().join(" ");
    assert!(
        text.contains("Summed up over 3 sessions") && text.contains("count as wrong"),
        "{text}"
    );
    assert!(pool.cautions().is_empty(), "{:?}", pool.cautions());
}

#[test]
fn preferences_follow_the_model_not_the_slot() {
    let preference = plan(Kind::Preference, Trials::Fixed(10), Score::Hidden);
    // The listener always prefers what is in slot A, which is A in the first session and B in the second.
    let pool = Pool::of(named(vec![
        on("2026-03-01T10:00:00Z", preference, 1, false, 8, 10),
        on("2026-03-02T10:00:00Z", preference, 2, true, 7, 10),
    ]));
    let Outcome::Preference(result) = pool.groups[0].outcome else {
        panic!("preference")
    };
    assert_eq!((result.a.count, result.a.of), (15, 20));
    assert_eq!(pool.groups[0].title(), "Overdrive / Fuzz, \"old\"");
}

#[test]
fn kinds_training_void_and_copies_are_kept_apart() {
    let likeness = plan(Kind::Likeness, Trials::Fixed(20), Score::Hidden);
    let mut void = begin(plan(Kind::Abx, Trials::Fixed(10), Score::Open), 9);
    Ears::new().run(&mut void, 0, 3);
    let first = session(abx(10), 1, 10, 10).into_log();
    let pool = Pool::of(named(vec![
        first.clone(),
        first,
        session(likeness, 2, 20, 20).into_log(),
        session(likeness, 3, 0, 20).into_log(),
        session(Plan::new(Kind::Training), 4, 9, 9).into_log(),
        void.void(VoidReason::Closed),
    ]));
    let kinds: Vec<Kind> = pool.groups.iter().map(|group| group.kind).collect();
    assert_eq!(kinds, [Kind::Abx, Kind::Likeness]);
    assert_eq!((pool.training.len(), pool.void.len(), pool.copies.len()), (1, 1, 1));
    let Outcome::Abx(abx) = pool.groups[0].outcome else {
        panic!("ABX")
    };
    assert_eq!(abx.correct.of, 10, "the copy counts once");
    assert!(
        (pool.groups[0].adjusted_p - 2.0 * abx.p).abs() < 1e-15,
        "Holm over two groups"
    );
    let Outcome::Likeness(result) = pool.groups[1].outcome else {
        panic!("likeness")
    };
    assert_eq!(
        (
            result.model.count,
            result.model.of,
            result.anchor.count,
            result.anchor.of
        ),
        (10, 20, 10, 20)
    );
    let text = pool.cautions().join(" ");
    for part in [
        "2 results side by side",
        "1 void session with 3 answered trials are not counted",
        "the score was in view",
        "is the same session as",
    ] {
        assert!(text.contains(part), "\"{part}\" is not in: {text}");
    }
    assert_eq!(Pool::of(Vec::new()), Pool::default());
}
