//! A report for programs.

use super::collect::Problem;
use serde_json::{Value, json};
use tonegraft_analysis::listening::Outcome;
use tonegraft_analysis::listening::log::End;
use tonegraft_analysis::listening::pool::{Group, Pool};
use tonegraft_analysis::listening::report::Proportion;

pub(super) fn report(pool: &Pool, problems: &[Problem]) -> Value {
    let training = pool.training.iter().map(|session| {
        json!({
            "file": session.source,
            "date": session.log.setup.date,
            "commitment": session.log.commitment,
            "result": outcome(&session.outcome),
        })
    });
    let void = pool.void.iter().map(|void| {
        json!({
            "file": void.source,
            "date": void.log.setup.date,
            "kind": void.log.plan.kind,
            "commitment": void.log.commitment,
            "answered": void.log.answered(),
            "right_shown": void.shown(),
            "reason": match &void.log.end {
                End::Void { reason, .. } => reason.sentence(),
                End::Finished { .. } => String::new(),
            },
        })
    });
    json!({
        "groups": pool.groups.iter().map(group).collect::<Vec<Value>>(),
        "training": training.collect::<Vec<Value>>(),
        "void": void.collect::<Vec<Value>>(),
        "copies": pool.copies.iter().map(|(copy, first)| json!({"file": copy, "same_as": first})).collect::<Vec<Value>>(),
        "problems": problems
            .iter()
            .map(|problem| json!({"file": problem.path.display().to_string(), "error": problem.error}))
            .collect::<Vec<Value>>(),
        "cautions": pool.cautions(),
    })
}

fn group(group: &Group) -> Value {
    let sessions = group.sessions.iter().map(|session| {
        json!({
            "file": session.source,
            "date": session.log.setup.date,
            "commitment": session.log.commitment,
            "plan": session.log.plan,
            "answered": session.log.answered(),
            "result": outcome(&session.outcome),
        })
    });
    json!({
        "kind": group.kind,
        "subjects": group
            .subjects
            .iter()
            .map(|subject| json!({"role": subject.role, "name": subject.name, "sha256": subject.sha256}))
            .collect::<Vec<Value>>(),
        "sessions": sessions.collect::<Vec<Value>>(),
        "result": outcome(&group.outcome),
        "adjusted_p": group.adjusted_p,
        "sentences": group.sentences(),
    })
}

fn proportion(proportion: &Proportion) -> Value {
    json!({
        "count": proportion.count,
        "of": proportion.of,
        "interval": proportion.interval.map(|interval| [interval.low, interval.high]),
    })
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Abx(abx) => json!({
            "correct": proportion(&abx.correct),
            "counted": abx.counted,
            "p": abx.p,
            "significant": abx.is_significant(),
            "critical": abx.critical,
            "detectable": abx.detectable.map(|rate| json!({"correct": rate.correct, "heard": rate.heard})),
        }),
        Outcome::Likeness(likeness) => json!({
            "model": proportion(&likeness.model),
            "anchor": proportion(&likeness.anchor),
            "model_p": likeness.model_p,
        }),
        Outcome::Preference(preference) => json!({"a": proportion(&preference.a), "p": preference.p}),
        Outcome::Training { right, of } => json!({"right": right, "of": of}),
    }
}
