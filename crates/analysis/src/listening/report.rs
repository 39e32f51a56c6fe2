//! The result of a test: counts, exact statistics, and sentences that claim no more than these allow.

use super::log::Log;
use super::plan::{Kind, Score};
use super::setup::Role;
use super::statistics::{
    ALPHA, CONFIDENCE, Detectable, Interval, POWER, binomial_p, binomial_two_sided, clopper_pearson, critical,
    detectable_rate,
};
use super::wording;
use std::fmt;

/// A count among trials, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proportion {
    /// How many.
    pub count: u32,
    /// Of so many.
    pub of: u32,
    /// Clopper–Pearson at [`CONFIDENCE`]; `None` where an early stop with a score that was seen makes it invalid.
    pub interval: Option<Interval>,
}

impl Proportion {
    /// With its interval.
    pub fn new(count: u32, of: u32) -> Self {
        Self {
            count,
            of,
            interval: Some(clopper_pearson(count, of, CONFIDENCE)),
        }
    }
}

/// Result of an ABX test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Abx {
    /// Right answers among those given.
    pub correct: Proportion,
    /// Trials that p was computed for. More than were answered if the test was stopped early with its score seen: the missing ones count as
    /// wrong, which keeps p valid whatever made the listener stop.
    pub counted: u32,
    /// One-sided exact p.
    pub p: f64,
    /// Right answers among `counted` that are significant; `None`: none is.
    pub critical: Option<u32>,
    /// What `counted` trials find with a power of 0.8 at a level of 0.05.
    pub detectable: Option<Detectable>,
}

impl Abx {
    /// Of `right` among `answered`, `counted` of which are counted.
    pub fn new(right: u32, answered: u32, counted: u32) -> Self {
        let mut correct = Proportion::new(right, answered);
        if counted != answered {
            correct.interval = None;
        }
        Self {
            correct,
            counted,
            p: binomial_p(right, counted),
            critical: critical(counted, ALPHA),
            detectable: detectable_rate(counted, ALPHA, POWER),
        }
    }

    /// True if guessing alone would rarely give this.
    pub fn is_significant(&self) -> bool {
        self.p <= ALPHA
    }
}

/// Result of a likeness test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// How often the model sounded more like the device than like the clean input.
    pub model: Proportion,
    /// The same of the anchor.
    pub anchor: Proportion,
    /// Two-sided exact p of the model's count against ½.
    pub model_p: f64,
}

/// Result of a preference test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preference {
    /// How often A was preferred to B.
    pub a: Proportion,
    /// Two-sided exact p against ½.
    pub p: f64,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// Of an ABX test.
    Abx(Abx),
    /// Of training: no result, only how it went.
    Training {
        /// Right answers.
        right: u32,
        /// Of so many.
        of: u32,
    },
    /// Of a likeness test.
    Likeness(Likeness),
    /// Of a preference test.
    Preference(Preference),
}

impl Outcome {
    /// Of a log that is not void. Takes the truths of the trials as they stand: [`Log::read`] has compared them with the sequence.
    pub fn of(log: &Log) -> Option<Self> {
        if log.is_void() {
            return None;
        }
        let truths = || log.trials.iter().filter_map(|trial| trial.truth);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let right = count(truths().filter(|truth| truth.right == Some(true)).count());
        let answered = log.answered();
        Some(match log.plan.kind {
            Kind::Training => Self::Training { right, of: answered },
            Kind::Abx => Self::Abx(Abx::new(right, answered, counted(log))),
            Kind::Likeness => {
                let share = |role: Role| {
                    let of = truths().filter(|truth| truth.x == Some(role));
                    let device = of.clone().filter(|truth| truth.chosen == Role::Device);
                    Proportion::new(count(device.count()), count(of.count()))
                };
                Self::Likeness(Likeness::new(share(Role::Model), share(Role::Anchor)))
            }
            Kind::Preference => {
                let a = count(truths().filter(|truth| truth.chosen == Role::A).count());
                Self::Preference(Preference::new(a, answered))
            }
        })
    }
}

impl Likeness {
    /// Of both proportions.
    pub fn new(model: Proportion, anchor: Proportion) -> Self {
        Self {
            model,
            anchor,
            model_p: binomial_two_sided(model.count, model.of),
        }
    }
}

impl Preference {
    /// Of `a` answers for A among `of`.
    pub fn new(a: u32, of: u32) -> Self {
        Self {
            a: Proportion::new(a, of),
            p: binomial_two_sided(a, of),
        }
    }
}

/// Trials for which the p of an ABX log is valid: those answered; all that were planned if the listener stopped early and saw the score.
pub(super) fn counted(log: &Log) -> u32 {
    if log.is_early() && log.plan.score == Score::Open {
        log.plan.trials.most()
    } else {
        log.answered()
    }
}

/// A finished test: result, sentences, record.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    outcome: Outcome,
    log: Log,
}

impl Report {
    pub(super) fn of_finished(log: Log) -> Self {
        // A finished log always has an outcome.
        let outcome = Outcome::of(&log).unwrap_or(Outcome::Training { right: 0, of: 0 });
        Self { outcome, log }
    }

    /// Of a log that was read; `None` if it is void.
    pub fn of(log: Log) -> Option<Self> {
        Outcome::of(&log).map(|outcome| Self { outcome, log })
    }

    /// What came out.
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The record, commitment opened.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// The record alone.
    pub fn into_log(self) -> Log {
        self.log
    }

    /// The result in sentences, the most important first.
    pub fn sentences(&self) -> Vec<String> {
        wording::sentences(&self.outcome, &self.log)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentences().join(" "))
    }
}
