//! The listening test, as the window shows it.

use super::super::view::{
    Answer, CandidateView, Kind, PlanView, Proportion, ResultView, RunView, Stimulus, TestPlan, TestView, TrialRow,
    Verdict,
};
use super::Seen;
use crate::shared::{DoneExam, ExamPlan, ExamView, Moment, RunningExam, Shared};
use tonegraft_analysis::listening::{self as logic, Outcome, Subject};

/// The test that the window's plan means.
pub fn exam_plan(plan: &TestPlan) -> ExamPlan {
    let fixed = logic::Trials::Fixed(plan.trials);
    let (trials, score) = match plan.kind {
        Kind::Training => (logic::Trials::Open, logic::Score::Open),
        Kind::Likeness => (fixed, logic::Score::Hidden),
        _ if plan.open_end => (logic::Trials::Open, logic::Score::Hidden),
        Kind::Abx if !plan.hide_score => (fixed, logic::Score::Open),
        _ => (fixed, logic::Score::Hidden),
    };
    ExamPlan {
        plan: logic::Plan {
            kind: plan.kind,
            trials,
            score,
            switching: plan.switching,
        },
        pair: plan.pair,
    }
}

/// The window's plan of a test that was begun.
fn window_plan(plan: &ExamPlan) -> TestPlan {
    TestPlan {
        kind: plan.plan.kind,
        trials: plan.plan.trials.most(),
        open_end: plan.plan.trials == logic::Trials::Open,
        hide_score: plan.plan.score == logic::Score::Hidden,
        switching: plan.plan.switching,
        pair: plan.pair,
    }
}

fn candidate(subject: &Subject) -> CandidateView {
    let name = subject.role.name();
    let role = match name.len() {
        1 => name.to_uppercase(),
        _ => {
            let mut letters = name.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_uppercase().chain(letters).collect::<String>()
            })
        }
    };
    // A few dB.
    #[allow(clippy::cast_possible_truncation)]
    let trim_db = subject.trim_db as f32;
    CandidateView {
        role,
        name: subject.title().to_owned(),
        lufs: subject.lufs,
        trim_db,
        delay: subject.delay_frames,
    }
}

pub(super) fn view(shared: &Shared, seen: &Seen, moment: Option<&Moment>) -> TestView {
    match shared.exam() {
        ExamView::None => TestView::Planning(planning(shared, seen, moment)),
        ExamView::Preparing => TestView::Planning(PlanView {
            plan: seen.plan,
            refusal: Some("The anchor is being fitted to the passage; the test begins in a moment.".to_owned()),
            ..PlanView::default()
        }),
        ExamView::Running(running) => TestView::Running(run(&running)),
        ExamView::Done(done) => TestView::Done(result(&done)),
    }
}

fn planning(shared: &Shared, seen: &Seen, moment: Option<&Moment>) -> PlanView {
    let Some(moment) = moment else {
        return PlanView {
            plan: seen.plan,
            ..PlanView::default()
        };
    };
    let outlook = shared.outlook(exam_plan(&seen.plan), moment);
    let refused = Some(seen.refused.clone()).filter(|text| !text.is_empty());
    PlanView {
        plan: seen.plan,
        candidates: outlook.subjects.iter().map(candidate).collect(),
        warnings: outlook.warnings,
        refusal: outlook.refusal.or(refused),
    }
}

fn run(running: &RunningExam) -> RunView {
    let public = &running.public;
    let heard = |stimulus| public.heard.contains(&stimulus);
    let told = running.told.map(|(answer, right)| {
        let (one, other) = match answer {
            Answer::A => (Answer::A, Answer::B),
            Answer::B => (Answer::B, Answer::A),
        };
        if right { one } else { other }
    });
    RunView {
        plan: window_plan(&running.plan),
        trial: public.trial,
        commitment: public.commitment.clone(),
        candidates: running.subjects.iter().map(candidate).collect(),
        hearing: public.playing,
        heard: [Stimulus::A, Stimulus::B, Stimulus::X].map(heard),
        vote: running.vote,
        score: public.score.map(|score| [score.right, score.of]),
        told,
        looped: running.looped,
        note: running.note.clone(),
    }
}

fn share(name: &str, proportion: &logic::report::Proportion, p: Option<f64>) -> Proportion {
    Proportion {
        name: name.to_owned(),
        count: proportion.count,
        of: proportion.of,
        // Without an interval, all is possible.
        interval: proportion
            .interval
            .map_or([0.0, 1.0], |interval| [interval.low, interval.high]),
        p,
    }
}

fn result(done: &DoneExam) -> ResultView {
    let log = &done.log;
    let mut view = ResultView {
        plan: window_plan(&done.plan),
        verdict: Verdict::NotCounted,
        candidates: log.setup.subjects.iter().map(candidate).collect(),
        commitment: log.commitment.clone(),
        nonce: match &log.end {
            logic::log::End::Finished { nonce, .. } => nonce.clone(),
            logic::log::End::Void { .. } => String::new(),
        },
        trials: log.trials.iter().map(trial).collect(),
        voided: done.voided.clone(),
        log: done.written.as_ref().ok().cloned(),
        ..ResultView::default()
    };
    if let Some(report) = &done.report {
        view.sentences = report.sentences();
        match report.outcome() {
            Outcome::Abx(abx) => {
                view.proportions = vec![share("Right", &abx.correct, Some(abx.p))];
                view.verdict = if abx.is_significant() {
                    Verdict::Significant
                } else {
                    Verdict::NotSignificant
                };
                view.detectable = abx.detectable.as_ref().map(|detectable| detectable.correct);
            }
            Outcome::Training { right, of } => {
                view.proportions = vec![share("Right", &logic::report::Proportion::new(*right, *of), None)];
            }
            Outcome::Likeness(likeness) => {
                view.proportions = vec![
                    share("Model called like the device", &likeness.model, Some(likeness.model_p)),
                    share("Anchor called like the device", &likeness.anchor, None),
                ];
                view.verdict = if likeness.model_p <= logic::statistics::ALPHA {
                    Verdict::Significant
                } else {
                    Verdict::NotSignificant
                };
            }
            Outcome::Preference(preference) => {
                view.proportions = vec![share("A preferred", &preference.a, Some(preference.p))];
                view.verdict = if preference.p <= logic::statistics::ALPHA {
                    Verdict::Significant
                } else {
                    Verdict::NotSignificant
                };
            }
        }
    }
    if let Err(reason) = &done.written {
        view.sentences.push(reason.clone());
    }
    view
}

fn trial(trial: &logic::Trial) -> TrialRow {
    let was = trial
        .truth
        .as_ref()
        .map_or("", |truth| truth.x.unwrap_or(truth.a).name());
    // Minutes.
    #[allow(clippy::cast_precision_loss)]
    let seconds = trial.answered_ms.saturating_sub(trial.began_ms) as f64 / 1_000.0;
    TrialRow {
        was: if was.len() == 1 {
            was.to_uppercase()
        } else {
            was.to_owned()
        },
        vote: Some(trial.answer),
        right: trial.truth.as_ref().and_then(|truth| truth.right),
        seconds,
    }
}
