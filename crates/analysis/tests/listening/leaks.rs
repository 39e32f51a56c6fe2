//! Non-interference: whatever X is, everything that may be shown is the same.

use crate::common::{begin, plan};
use proptest::prelude::*;
use tonegraft_analysis::listening::{Answer, Kind, Place, Plan, Score, Stimulus, Test, Trials};

/// What a listener may do.
#[derive(Clone, Copy, Debug)]
enum Act {
    Listen(Stimulus, u64),
    Vote(Answer, u64),
    Pause(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (0..8_u8, 0..400_u64).prop_map(|(what, ms)| match what {
        0 => Act::Listen(Stimulus::A, ms),
        1 => Act::Listen(Stimulus::B, ms),
        2 | 3 => Act::Listen(Stimulus::X, ms),
        4 => Act::Listen(Stimulus::Y, ms),
        5 => Act::Vote(Answer::A, ms),
        6 => Act::Vote(Answer::B, ms),
        _ => Act::Pause(ms),
    });
    proptest::collection::vec(act, 0..200)
}

/// All that is published along a script, and what went to the audio.
fn play(test: &mut Test, script: &[Act], with_score: bool) -> (Vec<String>, Vec<Option<Place>>) {
    let mut at = 0;
    let (mut shown, mut heard) = (Vec::new(), Vec::new());
    for act in script {
        match *act {
            Act::Listen(stimulus, ms) => {
                at += ms;
                match test.listen(stimulus, at) {
                    Ok(route) => heard.push(Some(route.place())),
                    Err(refused) => shown.push(refused.to_string()),
                }
            }
            Act::Vote(answer, ms) => {
                at += ms;
                match test.vote(answer, at) {
                    Ok(progress) => {
                        shown.push(format!(
                            "{} {} {:?}",
                            progress.answered, progress.complete, progress.right
                        ));
                        heard.push(progress.route.map(|route| route.place()));
                    }
                    Err(refused) => shown.push(refused.to_string()),
                }
            }
            Act::Pause(ms) => {
                at += ms;
                test.pause(at);
            }
        }
        let mut public = test.public(at);
        assert_eq!(public.score.is_some(), test.plan().score == Score::Open);
        if !with_score {
            public.score = None;
        }
        shown.push(serde_json::to_string(&public).expect("JSON"));
    }
    (shown, heard)
}

fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for trials in [Trials::Fixed(10), Trials::Open] {
        plans.push(plan(Kind::Abx, trials, Score::Hidden));
        plans.push(plan(Kind::Preference, trials, Score::Hidden));
    }
    plans.push(plan(Kind::Likeness, Trials::Fixed(12), Score::Hidden));
    plans
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A run and its twin with every X flipped: equal bytes.
    #[test]
    fn what_is_shown_is_the_same_with_every_x_flipped(script in acts(), seed in 0..u64::MAX, which in 0..5_usize) {
        let plan = plans()[which];
        let (mut one, mut other) = (begin(plan, seed), begin(plan, seed));
        other.flip_every_x();
        let (shown, heard) = play(&mut one, &script, true);
        let (flipped, heard_flipped) = play(&mut other, &script, true);
        prop_assert_eq!(shown, flipped);
        // The audio does differ, where X was heard: the check can fail.
        let x = script.iter().any(|act| matches!(act, Act::Listen(Stimulus::X, _)));
        if x && plan.kind == Kind::Abx {
            prop_assert_ne!(heard, heard_flipped);
        }
    }

    /// Two sequences that have nothing to do with each other: all but the commitment is the same.
    #[test]
    fn what_is_shown_is_the_same_for_every_sequence(
        script in acts(), seeds in (0..u64::MAX, 0..u64::MAX), which in 0..5_usize
    ) {
        let plan = plans()[which];
        let (mut one, mut other) = (begin(plan, seeds.0), begin(plan, seeds.1));
        let hide = |shown: Vec<String>, test: &Test| -> Vec<String> {
            shown.iter().map(|line| line.replace(test.commitment(), "")).collect()
        };
        let shown = play(&mut one, &script, true).0;
        let others = play(&mut other, &script, true).0;
        prop_assert_eq!(hide(shown, &one), hide(others, &other));
    }

    /// With the score in view, the score alone differs.
    #[test]
    fn an_open_score_is_all_that_differs(script in acts(), seeds in (0..u64::MAX, 0..u64::MAX)) {
        let plan = plan(Kind::Abx, Trials::Fixed(12), Score::Open);
        let (mut one, mut other) = (begin(plan, seeds.0), begin(plan, seeds.1));
        let shown = play(&mut one, &script, false).0;
        let others = play(&mut other, &script, false).0;
        let (mine, theirs) = (one.commitment().to_owned(), other.commitment().to_owned());
        let strip = |lines: Vec<String>, commitment: &str| -> Vec<String> {
            lines.iter().map(|line| line.replace(commitment, "")).collect()
        };
        prop_assert_eq!(strip(shown, &mine), strip(others, &theirs));
    }
}

#[test]
fn a_flipped_test_does_not_match_its_commitment() {
    for plan in plans() {
        let mut test = begin(plan, 4);
        test.flip_every_x();
        crate::common::Ears::new().run(&mut test, 3, 5);
        let log = test.finish().into_log();
        assert!(log.check().is_err());
    }
}
