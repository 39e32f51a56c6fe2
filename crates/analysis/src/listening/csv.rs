//! A log as a table: one row for each trial.

use super::log::{End, Log, Trial};
use super::plan::Trials;
use super::setup::{Passage, Role};
use super::test::Stimulus;

/// Columns that are of the session; the subjects' follow, then the trial's.
const SESSION: [&str; 14] = [
    "date",
    "kind",
    "commitment",
    "nonce",
    "ended",
    "program",
    "rate_hz",
    "channels",
    "side_chain",
    "passage",
    "switching",
    "score",
    "planned",
    "answered",
];

const SUBJECT: [&str; 8] = [
    "place",
    "name",
    "sha256",
    "gain_db",
    "trim_db",
    "delay_frames",
    "inverted",
    "lufs",
];

const TRIAL: [&str; 16] = [
    "trial",
    "began_ms",
    "answered_ms",
    "a_times",
    "a_ms",
    "b_times",
    "b_ms",
    "x_times",
    "x_ms",
    "y_times",
    "y_ms",
    "answer",
    "a_was",
    "b_was",
    "x_was",
    "right",
];

pub(super) fn write(log: &Log) -> String {
    let roles = Role::of(log.plan.kind);
    let mut heading: Vec<String> = SESSION.map(str::to_owned).to_vec();
    for role in roles {
        heading.extend(SUBJECT.map(|column| format!("{}_{column}", role.name())));
    }
    heading.extend(TRIAL.map(str::to_owned));
    let mut session = session(log);
    for role in roles {
        session.extend(subject(log, *role));
    }
    let mut text = String::new();
    row(&mut text, &heading);
    for (index, trial) in log.trials.iter().enumerate() {
        let mut cells = session.clone();
        cells.extend(cells_of(log, index, trial));
        row(&mut text, &cells);
    }
    if log.trials.is_empty() {
        session.resize(heading.len(), String::new());
        row(&mut text, &session);
    }
    text
}

fn session(log: &Log) -> Vec<String> {
    let (nonce, ended) = match &log.end {
        End::Finished { nonce, .. } => (nonce.clone(), "finished".to_owned()),
        End::Void { reason, .. } => (String::new(), reason.sentence()),
    };
    let passage = match &log.setup.passage {
        Passage::Live => "live".to_owned(),
        Passage::Captured { sha256, frames } => format!("captured {frames} frames {sha256}"),
    };
    let planned = match log.plan.trials {
        Trials::Fixed(count) => count.to_string(),
        Trials::Open => "open".to_owned(),
    };
    vec![
        safe(&log.setup.date),
        log.plan.kind.name().to_owned(),
        log.commitment.clone(),
        nonce,
        safe(&ended),
        safe(&log.setup.version),
        log.setup.rate.to_string(),
        log.setup.channels.to_string(),
        log.setup.side_chain.to_string(),
        passage,
        word(&log.plan.switching),
        word(&log.plan.score),
        planned,
        log.answered().to_string(),
    ]
}

fn subject(log: &Log, role: Role) -> Vec<String> {
    let Some(subject) = log.setup.subject(role) else {
        return vec![String::new(); SUBJECT.len()];
    };
    vec![
        subject.place.title().to_owned(),
        safe(&subject.name),
        subject.sha256.clone().unwrap_or_default(),
        subject.gain_db.to_string(),
        subject.trim_db.to_string(),
        subject.delay_frames.to_string(),
        subject.inverted.to_string(),
        subject.lufs.map(|lufs| lufs.to_string()).unwrap_or_default(),
    ]
}

fn cells_of(log: &Log, index: usize, trial: &Trial) -> Vec<String> {
    let mut cells = vec![
        (index + 1).to_string(),
        trial.began_ms.to_string(),
        trial.answered_ms.to_string(),
    ];
    for stimulus in Stimulus::ALL {
        let heard = trial.heard(stimulus);
        cells.extend([heard.times.to_string(), heard.ms.to_string()]);
    }
    cells.push(trial.answer.stimulus().label(log.plan.kind).to_owned());
    let role = |role: Option<Role>| role.map(Role::name).unwrap_or_default().to_owned();
    let truth = trial.truth;
    cells.extend([
        role(truth.map(|truth| truth.a)),
        role(truth.map(|truth| truth.b)),
        role(truth.and_then(|truth| truth.x)),
        truth
            .and_then(|truth| truth.right)
            .map(|right| right.to_string())
            .unwrap_or_default(),
    ]);
    cells
}

/// The name that serde gives a variant without content.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Text that no spreadsheet takes for a formula.
fn safe(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn row(text: &mut String, cells: &[String]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
}
