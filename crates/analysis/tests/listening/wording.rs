//! What results say, and what they never say.

use crate::common::{abx, plan, session, setup};
use tonegraft_analysis::listening::{Kind, Report, Score, Switching, Test, Trials};

fn all() -> Vec<Report> {
    let mut reports = Vec::new();
    for right in 0..=16 {
        reports.push(session(abx(16), 1, right, 16));
        for kind in [Kind::Likeness, Kind::Preference] {
            reports.push(session(plan(kind, Trials::Fixed(16), Score::Hidden), 1, right, 16));
        }
        reports.push(session(plan(Kind::Abx, Trials::Fixed(25), Score::Open), 1, right, 16));
        reports.push(session(plan(Kind::Abx, Trials::Fixed(25), Score::Hidden), 1, right, 16));
    }
    reports
}

#[test]
fn nothing_is_ever_called_equal() {
    for report in all() {
        let text = report.to_string().to_lowercase();
        for word in [
            "identical",
            "equal",
            "indistinguishable",
            "no difference",
            "the same",
            "transparent",
            "proves",
            "sounds like",
        ] {
            assert!(!text.contains(word), "\"{word}\": {text}");
        }
        for sentence in report.sentences() {
            assert!(sentence.ends_with('.') && sentence.len() < 300, "{sentence}");
        }
    }
}

#[test]
fn not_significant_says_what_the_number_of_trials_could_find() {
    let text = session(abx(16), 1, 9, 16).to_string();
    for part in [
        "9 of 16 right (56.2 %; 95 % interval 29.9 % to 80.2 %)",
        "Not significant (p = 0.402, exact binomial, one-sided)",
        "It does not show that there is none.",
        "16 trials find with 80 % probability (at α = 0.05) a listener who hears the difference in",
        "smaller effects are likely to be missed",
    ] {
        assert!(text.contains(part), "\"{part}\" is not in: {text}");
    }
    let text = session(abx(16), 1, 12, 16).to_string();
    assert!(
        text.contains("A difference was heard") && text.contains("p = 0.038"),
        "{text}"
    );
    assert!(text.contains("16 trials find"), "{text}");
    let text = session(abx(16), 1, 16, 16).to_string();
    assert!(text.contains("p = less than 0.0005"), "{text}");
}

#[test]
fn early_stops_are_named() {
    let text = session(plan(Kind::Abx, Trials::Fixed(25), Score::Open), 1, 10, 11).to_string();
    assert!(
        text.contains("14 of 25 trials were left unanswered with the score in view: they count as wrong")
            && !text.contains("interval"),
        "{text}"
    );
    let text = session(abx(25), 1, 10, 11).to_string();
    assert!(
        text.contains("Stopped after 11 of 25 trials; no score had been shown"),
        "{text}"
    );
}

#[test]
fn preference_is_called_preference_and_likeness_no_equality() {
    let text = session(plan(Kind::Preference, Trials::Fixed(16), Score::Hidden), 1, 14, 16).to_string();
    assert!(text.contains("A (Overdrive) was preferred in 14 of 16"), "{text}");
    assert!(
        text.contains("two-sided") && text.contains("This is a preference, not a test"),
        "{text}"
    );
    let text = session(plan(Kind::Likeness, Trials::Fixed(20), Score::Hidden), 1, 20, 20).to_string();
    for part in [
        "The model (Overdrive) sounded more like the device (My pedal) than like the clean input in 10 of 10 trials",
        "The anchor sounded more like the device (My pedal) than like the clean input in 0 of 10 trials",
        "do not overlap: the model was taken",
        "does not mean like the device",
    ] {
        assert!(text.contains(part), "\"{part}\" is not in: {text}");
    }
    let text = session(plan(Kind::Training, Trials::Open, Score::Open), 1, 14, 16).to_string();
    assert_eq!(text, "Training: 14 of 16 right. Training is no result.");
}

#[test]
fn what_makes_a_result_doubtful_is_said() {
    let cautioned = |change: &dyn Fn(&mut tonegraft_analysis::listening::Setup), part: &str| {
        let mut setup = setup(Kind::Abx);
        change(&mut setup);
        let mut test =
            Test::begin(abx(10), setup, crate::common::entropy(3)).unwrap_or_else(|refused| panic!("{refused}"));
        crate::common::Ears::new().run(&mut test, 5, 10);
        let text = test.finish().to_string();
        assert_eq!(text.contains("Caution"), !part.is_empty(), "{text}");
        assert!(text.contains(part), "{text}");
    };
    cautioned(&|_| {}, "");
    cautioned(&|setup| setup.subjects[0].lufs = Some(-17.92), "");
    cautioned(
        &|setup| setup.subjects[0].lufs = Some(-17.5),
        "the loudness differed by 0.52 LU",
    );
    cautioned(&|setup| setup.subjects[0].lufs = None, "the loudness was not measured");
    let mut gapless = abx(10);
    gapless.switching = Switching::Gapless;
    assert!(session(gapless, 1, 5, 10).to_string().contains("Switching was gapless"));
    assert!(gapless.rules().contains("may give X away"));
}
