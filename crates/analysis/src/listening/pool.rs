//! Sessions summed up: one group for each kind of test and pair of models, training and void sessions apart.
//!
//! Sums of right answers are binomial again where each session's count is valid, so that a pooled p is exact. What pooling cannot repair:
//! sessions that were repeated until the result pleased, and trials of one listener, which say nothing of others.

use super::log::Log;
use super::plan::Kind;
use super::report::{Abx, Likeness, Outcome, Preference, Proportion, counted};
use super::setup::{Role, Subject};
use super::statistics::holm;
use super::wording;
use std::collections::{BTreeMap, HashMap};

/// One session of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Where the log came from.
    pub source: String,
    /// Its result by itself.
    pub outcome: Outcome,
    /// The record.
    pub log: Log,
}

/// A sound that a group is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its part.
    pub role: Role,
    /// Its name in the first session, or its place.
    pub name: String,
    /// Hash of the model, if it is one.
    pub sha256: Option<String>,
}

/// All sessions of one kind about the same sounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The kind: not training.
    pub kind: Kind,
    /// What is compared; A and B in the order of the first session, likeness: device, model.
    pub subjects: Vec<Named>,
    /// By date.
    pub sessions: Vec<Session>,
    /// All trials together.
    pub outcome: Outcome,
    /// The group's p, adjusted for the number of groups ([`holm`]).
    pub adjusted_p: f64,
    /// ABX: each trial that is counted in the order of dates, true if right; trials that were left unanswered with the score in view are wrong. Likeness: the model's trials, true for "like the device".
    /// Preference: true for A.
    pub course: Vec<bool>,
}

impl Group {
    /// The group's own p: one-sided for ABX, else two-sided.
    pub const fn p(&self) -> f64 {
        match self.outcome {
            Outcome::Abx(abx) => abx.p,
            Outcome::Likeness(likeness) => likeness.model_p,
            Outcome::Preference(preference) => preference.p,
            Outcome::Training { .. } => 1.0,
        }
    }

    /// Names, as in "one / other".
    pub fn title(&self) -> String {
        let names: Vec<&str> = self.subjects.iter().map(|subject| subject.name.as_str()).collect();
        names.join(" / ")
    }

    /// What the sum says, and with which reservations.
    pub fn sentences(&self) -> Vec<String> {
        let name = |role: Role| {
            let named = self.subjects.iter().find(|subject| subject.role == role);
            named.map_or("", |subject| subject.name.as_str())
        };
        let mut said = match &self.outcome {
            Outcome::Abx(abx) => wording::abx(abx),
            Outcome::Likeness(likeness) => wording::likeness(likeness, name(Role::Model), name(Role::Device)),
            Outcome::Preference(preference) => wording::preference(preference, name(Role::A), name(Role::B)),
            Outcome::Training { .. } => Vec::new(),
        };
        for caution in self.sessions.iter().flat_map(|session| wording::cautions(&session.log)) {
            if !said.contains(&caution) {
                said.push(caution);
            }
        }
        if self.sessions.len() > 1 {
            said.push(format!(
                "Summed up over {} sessions: p holds if neither their number nor their choice depended on results, and speaks of the \
                 listeners who took part, not of others.",
                self.sessions.len()
            ));
        }
        said
    }
}

/// A void session.
#[derive(Clone, Debug, PartialEq)]
pub struct Voided {
    /// Where the log came from.
    pub source: String,
    /// The record.
    pub log: Log,
}

/// Many logs together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool {
    /// By kind, then by the first date.
    pub groups: Vec<Group>,
    /// Training sessions, which never count.
    pub training: Vec<Session>,
    /// Void sessions, which never count.
    pub void: Vec<Voided>,
    /// Copies: a log and the one with the same commitment that was counted.
    pub copies: Vec<(String, String)>,
}

impl Pool {
    /// Sums up `logs`, each with where it came from; all have to be read by [`Log::read`], which verifies them.
    pub fn of(logs: Vec<(String, Log)>) -> Self {
        let mut pool = Self::default();
        let mut seen: HashMap<String, String> = HashMap::new();
        let mut groups: BTreeMap<(Kind, String), Vec<Session>> = BTreeMap::new();
        let mut logs = logs;
        logs.sort_by(|a, b| a.1.setup.date.cmp(&b.1.setup.date));
        for (source, log) in logs {
            if let Some(first) = seen.get(&log.commitment) {
                pool.copies.push((source, first.clone()));
                continue;
            }
            seen.insert(log.commitment.clone(), source.clone());
            match Outcome::of(&log) {
                None => pool.void.push(Voided { source, log }),
                Some(outcome) => {
                    let key = (log.plan.kind, key(&log));
                    let session = Session { source, outcome, log };
                    if key.0 == Kind::Training {
                        pool.training.push(session);
                    } else {
                        groups.entry(key).or_default().push(session);
                    }
                }
            }
        }
        pool.groups = groups
            .into_iter()
            .map(|((kind, _), sessions)| group(kind, sessions))
            .collect();
        pool.groups.sort_by(|a, b| (a.kind, date(a)).cmp(&(b.kind, date(b))));
        let adjusted = holm(&pool.groups.iter().map(Group::p).collect::<Vec<f64>>());
        for (group, p) in pool.groups.iter_mut().zip(adjusted) {
            group.adjusted_p = p;
        }
        pool
    }

    /// Reservations about the whole.
    pub fn cautions(&self) -> Vec<String> {
        let mut said = Vec::new();
        if self.groups.len() > 1 {
            said.push(format!(
                "{} results side by side: one in twenty is significant by chance. The adjusted p (Holm) allows for that.",
                self.groups.len()
            ));
        }
        if !self.void.is_empty() {
            let trials: u32 = self.void.iter().map(|void| void.log.answered()).sum();
            let seen = self.void.iter().filter(|void| void.shown().is_some()).count();
            let mut caution = format!(
                "{} void {} with {trials} answered {} not counted.",
                self.void.len(),
                if self.void.len() == 1 { "session" } else { "sessions" },
                if trials == 1 { "trial is" } else { "trials are" }
            );
            if seen > 0 {
                caution.push_str(&format!(
                    " In {seen} of them the score was in view: if tests are given up because they go badly, what is left looks better \
                     than it is."
                ));
            }
            said.push(caution);
        }
        for (copy, first) in &self.copies {
            said.push(format!("{copy} is the same session as {first} and counts once."));
        }
        said
    }
}

impl Voided {
    /// Right answers that the listener had seen.
    pub const fn shown(&self) -> Option<u32> {
        match &self.log.end {
            super::log::End::Void { shown, .. } => *shown,
            super::log::End::Finished { .. } => None,
        }
    }
}

fn date(group: &Group) -> &str {
    group.sessions.first().map_or("", |session| &session.log.setup.date)
}

/// Roles by which sessions are told apart.
const fn roles(kind: Kind) -> &'static [Role] {
    match kind {
        Kind::Likeness => &[Role::Device, Role::Model],
        _ => &[Role::A, Role::B],
    }
}

/// What a session is about; A and B in either order are one pair.
fn key(log: &Log) -> String {
    let mut identities: Vec<String> = roles(log.plan.kind)
        .iter()
        .filter_map(|role| log.setup.subject(*role))
        .map(Subject::identity)
        .collect();
    if log.plan.kind != Kind::Likeness {
        identities.sort_unstable();
    }
    identities.join("\n")
}

fn group(kind: Kind, sessions: Vec<Session>) -> Group {
    let first = sessions.first().map(|session| &session.log.setup);
    let subjects: Vec<Named> = roles(kind)
        .iter()
        .filter_map(|role| first?.subject(*role))
        .map(|subject| Named {
            role: subject.role,
            name: subject.title().to_owned(),
            sha256: subject.sha256.clone(),
        })
        .collect();
    let a = first.and_then(|setup| setup.subject(Role::A)).map(Subject::identity);
    let mut course = Vec::new();
    let (mut answered, mut planned) = (0, 0);
    let (mut model, mut anchor) = ((0, 0), (0, 0));
    for session in &sessions {
        // Slots may have been the other way round.
        let swapped = session.log.setup.subject(Role::A).map(Subject::identity) != a;
        answered += session.log.answered();
        planned += counted(&session.log);
        for truth in session.log.trials.iter().filter_map(|trial| trial.truth) {
            match kind {
                Kind::Likeness => {
                    let device = truth.chosen == Role::Device;
                    let sum = if truth.x == Some(Role::Model) {
                        &mut model
                    } else {
                        &mut anchor
                    };
                    *sum = (sum.0 + u32::from(device), sum.1 + 1);
                    if truth.x == Some(Role::Model) {
                        course.push(device);
                    }
                }
                Kind::Preference => course.push((truth.chosen == Role::A) != swapped),
                Kind::Abx | Kind::Training => course.push(truth.right == Some(true)),
            }
        }
        if kind == Kind::Abx {
            let missing = counted(&session.log).saturating_sub(session.log.answered());
            course.extend((0..missing).map(|_| false));
        }
    }
    let yes = u32::try_from(course.iter().filter(|yes| **yes).count()).unwrap_or(u32::MAX);
    let outcome = match kind {
        Kind::Abx => Outcome::Abx(Abx::new(yes, answered, planned)),
        Kind::Training => Outcome::Training {
            right: yes,
            of: answered,
        },
        Kind::Likeness => Outcome::Likeness(Likeness::new(
            Proportion::new(model.0, model.1),
            Proportion::new(anchor.0, anchor.1),
        )),
        Kind::Preference => Outcome::Preference(Preference::new(yes, answered)),
    };
    Group {
        kind,
        subjects,
        sessions,
        outcome,
        adjusted_p: 1.0,
        course,
    }
}
