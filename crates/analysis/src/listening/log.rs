//! The record of a test: JSON of version 1, and CSV. Foreign files are read with limits and checked before anything is computed from them.

use super::plan::{Kind, MAX_TRIALS, Plan, Trials};
use super::secret::{self, Draw};
use super::setup::{Role, Setup};
use super::test::{Answer, Refused, Stimulus, VoidReason};
use serde::{Deserialize, Serialize};

/// Says what a file is.
pub const FORMAT: &str = "tonegraft-listening-log";

/// Version of the format that is written.
pub const VERSION: u32 = 1;

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 8 << 20;

/// How many switches of one trial are listed; all are counted.
pub const MAX_LISTENS: usize = 500;

/// How often and how long a stimulus was heard in one trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// Times.
    pub times: u64,
    /// Together, in ms.
    pub ms: u64,
}

/// One switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// To what.
    pub stimulus: Stimulus,
    /// When, in ms since the test began.
    pub at_ms: u64,
}

/// One trial, from the answer before to its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// When it began, in ms since the test began.
    pub began_ms: u64,
    /// When it was answered.
    pub answered_ms: u64,
    /// The answer.
    pub answer: Answer,
    /// A (preference: 1).
    pub a: Heard,
    /// B (preference: 2).
    pub b: Heard,
    /// X.
    pub x: Heard,
    /// Y.
    pub y: Heard,
    /// What was listened to in which order, the first [`MAX_LISTENS`].
    pub listens: Vec<Listen>,
    /// Who was behind A, B and X; opened at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<Truth>,
}

impl Default for Trial {
    fn default() -> Self {
        Self {
            began_ms: 0,
            answered_ms: 0,
            answer: Answer::A,
            a: Heard::default(),
            b: Heard::default(),
            x: Heard::default(),
            y: Heard::default(),
            listens: Vec::new(),
            truth: None,
        }
    }
}

/// Who was behind the labels of a trial, and what the answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// Behind A (preference: 1).
    pub a: Role,
    /// Behind B (preference: 2).
    pub b: Role,
    /// Behind X; not in preference tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<Role>,
    /// What was chosen: the role behind the label that was answered.
    pub chosen: Role,
    /// ABX and training: whether that is X.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<bool>,
}

impl Truth {
    fn of(kind: Kind, draw: Draw, answer: Answer) -> Option<Self> {
        let x = draw.role(kind, Stimulus::X);
        let chosen = draw.role(kind, answer.stimulus())?;
        Some(Self {
            a: draw.role(kind, Stimulus::A)?,
            b: draw.role(kind, Stimulus::B)?,
            x,
            chosen,
            right: matches!(kind, Kind::Abx | Kind::Training).then_some(x == Some(chosen)),
        })
    }
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum End {
    /// With a result; the commitment is opened.
    Finished {
        /// 64 hex digits.
        nonce: String,
        /// A letter for each planned trial.
        sequence: String,
    },
    /// Without.
    Void {
        /// Why.
        reason: VoidReason,
        /// Right answers that the listener had seen, where the score was shown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<u32>,
    },
}

/// The record of one test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Shown before the first trial.
    pub commitment: String,
    /// What was planned.
    pub plan: Plan,
    /// What was heard, date and versions.
    pub setup: Setup,
    /// The answers.
    pub trials: Vec<Trial>,
    /// How it ended.
    pub end: End,
}

/// Why a log is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Larger than [`MAX_BYTES`].
    #[error("is larger than a listening log can be ({bytes} bytes, at most {MAX_BYTES})")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Not JSON, or not of a log.
    #[error("is not a listening log of Tonegraft: {why}")]
    Foreign {
        /// What the reader found, and where.
        why: String,
    },
    /// Of a version to come.
    #[error("is a listening log of version {version}; this program reads version {VERSION}: update it")]
    Version {
        /// That it has.
        version: u64,
    },
    /// Plan or set-up that no test can have.
    #[error("is damaged or was changed: {why}")]
    Setup {
        /// The sentence of the refusal.
        why: Refused,
    },
    /// Something does not fit together.
    #[error("is damaged or was changed: {what}")]
    Damaged {
        /// What and where.
        what: String,
    },
    /// The commitment is not that of nonce, sequence and set-up.
    #[error(
        "DOES NOT MATCH ITS COMMITMENT: sequence, plan or set-up are not those that were fixed before the first trial; the log proves nothing and is not counted"
    )]
    Commitment,
}

impl Log {
    pub(super) fn finished(
        plan: Plan,
        setup: Setup,
        commitment: String,
        mut trials: Vec<Trial>,
        nonce: String,
        sequence: String,
    ) -> Self {
        for (trial, letter) in trials.iter_mut().zip(sequence.bytes()) {
            trial.truth =
                Draw::from_letter(plan.kind, letter).and_then(|draw| Truth::of(plan.kind, draw, trial.answer));
        }
        Self::new(plan, setup, commitment, trials, End::Finished { nonce, sequence })
    }

    pub(super) fn void(
        plan: Plan,
        setup: Setup,
        commitment: String,
        trials: Vec<Trial>,
        reason: VoidReason,
        shown: Option<u32>,
    ) -> Self {
        Self::new(plan, setup, commitment, trials, End::Void { reason, shown })
    }

    fn new(plan: Plan, setup: Setup, commitment: String, trials: Vec<Trial>, end: End) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            commitment,
            plan,
            setup,
            trials,
            end,
        }
    }

    /// True if there is no result.
    pub const fn is_void(&self) -> bool {
        matches!(self.end, End::Void { .. })
    }

    /// Trials answered.
    pub fn answered(&self) -> u32 {
        u32::try_from(self.trials.len()).unwrap_or(MAX_TRIALS)
    }

    /// True if fewer trials were answered than were fixed before.
    pub fn is_early(&self) -> bool {
        matches!(self.plan.trials, Trials::Fixed(count) if self.answered() < count)
    }

    /// The file, with a line feed at its end.
    pub fn json(&self) -> String {
        // Strings, numbers that are finite and lists: always representable.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a file and checks all that can be checked: limits, plan, set-up, times, and that the commitment opens to sequence and
    /// set-up. Right and wrong are recomputed from the sequence; what the file says of them has to agree.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn read(bytes: &[u8]) -> Result<Self, LogError> {
        if bytes.len() > MAX_BYTES {
            return Err(LogError::TooLarge {
                bytes: bytes.len() as u64,
            });
        }
        let foreign = |why: String| LogError::Foreign { why };
        // First what it is, so that a later version is named as such.
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u64,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(|error| foreign(short(&error.to_string())))?;
        if head.format != FORMAT {
            return Err(foreign(format!("its format is \"{}\"", short(&head.format))));
        }
        if head.version != u64::from(VERSION) {
            return Err(LogError::Version { version: head.version });
        }
        let log: Self = serde_json::from_slice(bytes).map_err(|error| foreign(short(&error.to_string())))?;
        log.check()?;
        Ok(log)
    }

    /// As [`Self::read`] does, for a log that is there already.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn check(&self) -> Result<(), LogError> {
        let damaged = |what: String| LogError::Damaged { what };
        self.plan.check().map_err(|why| LogError::Setup { why })?;
        let checked = self
            .setup
            .clone()
            .checked(&self.plan)
            .map_err(|why| LogError::Setup { why })?;
        if checked != self.setup {
            return Err(damaged("the set-up is not in the form that is committed to".to_owned()));
        }
        if !super::setup::is_hash(&self.commitment) {
            return Err(damaged("the commitment is not 64 hex digits".to_owned()));
        }
        if self.trials.len() > self.plan.trials.most() as usize {
            return Err(damaged(format!(
                "{} trials, where {} were planned",
                self.trials.len(),
                self.plan.trials.most()
            )));
        }
        let mut last = 0;
        for (index, trial) in self.trials.iter().enumerate() {
            let wrong = |what: &str| damaged(format!("trial {}: {what}", index + 1));
            if trial.began_ms < last || trial.answered_ms < trial.began_ms {
                return Err(wrong("its times run backwards"));
            }
            if trial.listens.len() > MAX_LISTENS {
                return Err(wrong("it lists too many switches"));
            }
            let heard = |stimulus: &&Stimulus| trial.heard(**stimulus).ms < super::test::MIN_HEARD_MS;
            if Stimulus::required(self.plan.kind)
                .iter()
                .any(|stimulus| heard(&stimulus))
            {
                return Err(wrong("it was answered unheard"));
            }
            last = trial.answered_ms;
        }
        self.check_end()
    }

    fn check_end(&self) -> Result<(), LogError> {
        let damaged = |what: String| LogError::Damaged { what };
        let kind = self.plan.kind;
        match &self.end {
            End::Void { .. } => match self.trials.iter().position(|trial| trial.truth.is_some()) {
                Some(index) => Err(damaged(format!("trial {} of a void test has a truth", index + 1))),
                None => Ok(()),
            },
            End::Finished { nonce, sequence } => {
                let nonce =
                    secret::nonce_of(nonce).ok_or_else(|| damaged("the nonce is not 64 hex digits".to_owned()))?;
                let letters = sequence.as_bytes();
                if letters.len() != self.plan.trials.most() as usize
                    || letters.iter().any(|letter| Draw::from_letter(kind, *letter).is_none())
                {
                    return Err(damaged("the sequence is not one of such a test".to_owned()));
                }
                let document = secret::document(&self.plan, &self.setup)
                    .ok_or_else(|| damaged("the set-up holds what is no number".to_owned()))?;
                if secret::commitment(&nonce, letters, &document) != self.commitment {
                    return Err(LogError::Commitment);
                }
                for (index, (trial, letter)) in self.trials.iter().zip(letters).enumerate() {
                    let truth = Draw::from_letter(kind, *letter).and_then(|draw| Truth::of(kind, draw, trial.answer));
                    if truth != trial.truth {
                        return Err(damaged(format!(
                            "trial {}: its truth is not what the sequence says",
                            index + 1
                        )));
                    }
                }
                Ok(())
            }
        }
    }

    /// One row for each trial, with everything else repeated in it, and a heading. RFC 4180; texts that a spreadsheet would take for
    /// a formula begin with an apostrophe. A test without a trial gives one row with the trial's fields empty.
    pub fn csv(&self) -> String {
        super::csv::write(self)
    }
}

/// A message without its end, if it is long.
fn short(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > 160 {
        text.chars().take(157).chain("...".chars()).collect()
    } else {
        text
    }
}
