//! A report for people, and the cells that its tables share with the page.

use super::collect::Problem;
use tonegraft_analysis::listening::pool::{Group, Pool, Session};
use tonegraft_analysis::listening::report::Proportion;
use tonegraft_analysis::listening::{Kind, Outcome, Score, Switching};

/// Hex digits of a hash that are shown.
const HASH: usize = 12;

pub(super) fn report(pool: &Pool, problems: &[Problem]) -> String {
    let mut text = String::new();
    for group in &pool.groups {
        text.push_str(&format!("{}: {}\n", group.kind, group.title()));
        for subject in &group.subjects {
            if let Some(hash) = &subject.sha256 {
                text.push_str(&format!(
                    "  {}: {} (SHA-256 {}…)\n",
                    subject.role.name(),
                    subject.name,
                    &hash[..HASH]
                ));
            }
        }
        text.push_str(&table(&rows(group, pool.groups.len() > 1)));
        for sentence in group.sentences() {
            text.push_str(&format!("  {sentence}\n"));
        }
        text.push('\n');
    }
    for (title, lines) in apart(pool, problems) {
        text.push_str(&format!("{title}\n"));
        for line in lines {
            text.push_str(&format!("  {line}\n"));
        }
        text.push('\n');
    }
    text
}

/// What is not counted, and reservations: titles and lines.
pub(super) fn apart(pool: &Pool, problems: &[Problem]) -> Vec<(&'static str, Vec<String>)> {
    let training = pool.training.iter().map(|session| {
        let log = &session.log;
        let result = match session.outcome {
            Outcome::Training { right, of } => format!("{right} of {of} right"),
            _ => String::new(),
        };
        format!("{}  {result}  {}", log.setup.date, session.source)
    });
    let void = pool.void.iter().map(|void| {
        let reason = match &void.log.end {
            tonegraft_analysis::listening::log::End::Void { reason, .. } => reason.sentence(),
            tonegraft_analysis::listening::log::End::Finished { .. } => String::new(),
        };
        let log = &void.log;
        format!(
            "{}  {}, {} answered  {reason}  {}",
            log.setup.date,
            log.plan.kind,
            log.answered(),
            void.source
        )
    });
    let wrong = problems
        .iter()
        .map(|problem| format!("{} {}", problem.path.display(), problem.error));
    [
        (
            "NOT COUNTED, because they prove nothing:",
            wrong.collect::<Vec<String>>(),
        ),
        ("Training, not counted:", training.collect()),
        ("Void, not counted:", void.collect()),
        ("Note:", pool.cautions()),
    ]
    .into_iter()
    .filter(|(_, lines)| !lines.is_empty())
    .collect()
}

/// The sessions and their sum; the first row is the heading.
pub(super) fn rows(group: &Group, several: bool) -> Vec<Vec<String>> {
    let heading: &[&str] = match group.kind {
        Kind::Likeness => &[
            "date",
            "model like device",
            "95 % interval",
            "anchor like device",
            "95 % interval",
            "p",
            "test",
            "log",
        ],
        Kind::Preference => &["date", "A preferred", "95 % interval", "p", "test", "log"],
        Kind::Abx | Kind::Training => &["date", "right", "95 % interval", "p", "test", "log"],
    };
    let mut rows = vec![heading.iter().map(|cell| (*cell).to_owned()).collect::<Vec<String>>()];
    for session in &group.sessions {
        let mut row = vec![session.log.setup.date.clone()];
        row.extend(result(&session.outcome));
        row.extend([manner(session), session.source.clone()]);
        rows.push(row);
    }
    let mut sum = vec!["together".to_owned()];
    sum.extend(result(&group.outcome));
    let adjusted = if several {
        format!("adjusted p {}", p(group.adjusted_p))
    } else {
        String::new()
    };
    sum.extend([adjusted, String::new()]);
    rows.push(sum);
    rows
}

/// How a session was run, in a few words.
fn manner(session: &Session) -> String {
    let log = &session.log;
    let mut words = match log.plan.score {
        Score::Hidden => "score hidden".to_owned(),
        Score::Open => "score in view".to_owned(),
    };
    if log.is_early() {
        words.push_str(&format!(", stopped before {}", log.plan.trials.most()));
    }
    if log.plan.switching == Switching::Gapless {
        words.push_str(", gapless");
    }
    words
}

fn result(outcome: &Outcome) -> Vec<String> {
    let share = |proportion: &Proportion| {
        let interval = proportion.interval.map_or_else(
            || "–".to_owned(),
            |interval| format!("{:.1} % – {:.1} %", 100.0 * interval.low, 100.0 * interval.high),
        );
        [format!("{} of {}", proportion.count, proportion.of), interval]
    };
    match outcome {
        Outcome::Abx(abx) => {
            let mut cells = share(&abx.correct).to_vec();
            cells.push(p(abx.p));
            cells
        }
        Outcome::Likeness(likeness) => {
            let mut cells = share(&likeness.model).to_vec();
            cells.extend(share(&likeness.anchor));
            cells.push(p(likeness.model_p));
            cells
        }
        Outcome::Preference(preference) => {
            let mut cells = share(&preference.a).to_vec();
            cells.push(p(preference.p));
            cells
        }
        Outcome::Training { right, of } => vec![format!("{right} of {of}")],
    }
}

fn p(p: f64) -> String {
    if p < 0.00005 {
        format!("{p:.1e}")
    } else {
        format!("{p:.4}")
    }
}

fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from("  ");
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
