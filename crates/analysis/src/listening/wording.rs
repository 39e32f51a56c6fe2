//! What a result says, and what it does not.
//!
//! An ABX test can show that a difference is heard; it cannot show that there is none. What is not significant is followed by what this
//! number of trials would have found, and is never called equal.

use super::log::Log;
use super::plan::{Kind, Score, Switching};
use super::report::{Abx, Likeness, Outcome, Preference, Proportion};
use super::setup::Role;
use super::statistics::{ALPHA, Detectable};

/// A difference of loudness above which the test is doubtful, in LU.
const LOUDNESS: f64 = 0.1;

/// Rounding of both figures is no difference.
const ROUNDING: f64 = 1e-6;

pub(super) fn sentences(outcome: &Outcome, log: &Log) -> Vec<String> {
    let name = |role: Role| log.setup.subject(role).map_or("", |subject| subject.title()).to_owned();
    let mut said = match outcome {
        Outcome::Abx(abx) => self::abx(abx),
        Outcome::Training { right, of } => vec![format!("Training: {right} of {of} right. Training is no result.")],
        Outcome::Likeness(likeness) => self::likeness(likeness, &name(Role::Model), &name(Role::Device)),
        Outcome::Preference(preference) => self::preference(preference, &name(Role::A), &name(Role::B)),
    };
    if log.plan.kind != Kind::Training {
        said.extend(cautions(log));
    }
    said
}

/// Of an ABX result, pooled or not.
pub(super) fn abx(abx: &Abx) -> Vec<String> {
    let Proportion { count, of, .. } = abx.correct;
    let mut said = vec![format!("{count} of {of} right{}.", interval(&abx.correct))];
    if abx.counted > of {
        said.push(format!(
            "{} of {} trials were left unanswered with the score in view: they count as wrong.",
            abx.counted - of.min(abx.counted),
            abx.counted
        ));
    }
    if of == 0 {
        said.push("Nothing was answered.".to_owned());
        return said;
    }
    let p = p_text(abx.p);
    if abx.is_significant() {
        said.push(format!(
            "A difference was heard: guessing alone does as well with a probability of p = {p} (exact binomial, one-sided)."
        ));
    } else {
        said.push(format!(
            "Not significant (p = {p}, exact binomial, one-sided): the test did not show that a difference is heard. It does not show that \
             there is none."
        ));
    }
    said.push(found(abx.counted, abx.detectable));
    said
}

/// What so many trials could find.
fn found(trials: u32, detectable: Option<Detectable>) -> String {
    match detectable {
        Some(rate) => format!(
            "{trials} trials find with 80 % probability (at α = {ALPHA}) a listener who hears the difference in {} of the trials, \
             that is, is right in {}; smaller effects are likely to be missed.",
            percent_up(rate.heard),
            percent_up(rate.correct)
        ),
        None => format!("With {trials} trials no result is significant at α = {ALPHA}."),
    }
}

pub(super) fn likeness(result: &Likeness, model: &str, device: &str) -> Vec<String> {
    let share = |what: &str, proportion: &Proportion| {
        format!(
            "{what} sounded more like the device ({device}) than like the clean input in {} of {} trials{}.",
            proportion.count,
            proportion.of,
            interval(proportion)
        )
    };
    let mut said = vec![
        share(&format!("The model ({model})"), &result.model),
        share("The anchor", &result.anchor),
    ];
    said.push(format!(
        "Against even odds the model's share has p = {} (exact binomial, two-sided).",
        p_text(result.model_p)
    ));
    if let (Some(model), Some(anchor)) = (result.model.interval, result.anchor.interval) {
        said.push(if model.low > anchor.high {
            "The intervals of model and anchor do not overlap: the model was taken for the device more often than the anchor.".to_owned()
        } else if anchor.low > model.high {
            "The intervals of model and anchor do not overlap: the anchor was taken for the device more often than the model.".to_owned()
        } else {
            "The intervals of model and anchor overlap: these trials do not tell the model from the anchor.".to_owned()
        });
    }
    said.push(
        "Closer to the device than to the clean input does not mean like the device: for that, take an ABX test."
            .to_owned(),
    );
    said
}

pub(super) fn preference(result: &Preference, a: &str, b: &str) -> Vec<String> {
    let Proportion { count, of, .. } = result.a;
    let p = p_text(result.p);
    let mut said = vec![format!(
        "A ({a}) was preferred in {count} of {of} trials, B ({b}) in {}{}.",
        of - count.min(of),
        result.a.interval.map_or_else(String::new, |interval| format!(
            "; A: 95 % interval {} to {}",
            percent(interval.low),
            percent(interval.high)
        ))
    )];
    if of == 0 {
        said.push("Nothing was answered.".to_owned());
        return said;
    }
    let leading = if 2 * count > of { a } else { b };
    said.push(if result.p <= ALPHA {
        format!("A preference for {leading} (p = {p}, exact binomial, two-sided).")
    } else {
        format!("No preference was shown (p = {p}, exact binomial, two-sided); that does not show that there is none.")
    });
    said.push("This is a preference, not a test of whether a difference is heard.".to_owned());
    said
}

/// Reservations about one session.
pub(super) fn cautions(log: &Log) -> Vec<String> {
    let mut said = Vec::new();
    if log.is_early() && log.plan.score == Score::Hidden {
        said.push(format!(
            "Stopped after {} of {} trials; no score had been shown, so that the answers given are valid.",
            log.answered(),
            log.plan.trials.most()
        ));
    }
    if log.plan.switching == Switching::Gapless {
        said.push("Switching was gapless: the crossfade itself may have been a cue.".to_owned());
    }
    match log.setup.loudness_difference(log.plan.kind) {
        Some(difference) if difference > LOUDNESS + ROUNDING => said.push(format!(
            "Caution: the loudness differed by {difference:.2} LU; more than {LOUDNESS} LU can be heard as a difference of its own."
        )),
        Some(_) => {}
        None => said.push("Caution: the loudness was not measured, so that a difference of level may have been heard.".to_owned()),
    }
    said
}

fn interval(proportion: &Proportion) -> String {
    match proportion.interval {
        Some(interval) if proportion.of > 0 => format!(
            " ({}; 95 % interval {} to {})",
            percent(f64::from(proportion.count) / f64::from(proportion.of)),
            percent(interval.low),
            percent(interval.high)
        ),
        _ => String::new(),
    }
}

/// Three places, or what is below them.
pub(super) fn p_text(p: f64) -> String {
    if p < 0.0005 {
        "less than 0.0005".to_owned()
    } else {
        format!("{p:.3}")
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Rounded up: a smaller rate would be found less often.
fn percent_up(share: f64) -> String {
    format!("{:.1} %", (1000.0 * share - 1e-9).ceil() / 10.0)
}
