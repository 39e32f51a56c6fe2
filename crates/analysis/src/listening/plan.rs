//! What kind of test, how many trials, and what is shown when: fixed before the first trial.

use super::test::Refused;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The numbers of trials that a test can be planned with.
pub const COUNTS: [u32; 5] = [10, 12, 16, 20, 25];

/// The most trials of a test whose number is left open.
pub const MAX_TRIALS: u32 = 100;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Is X the same as A or as B? Whether a difference is heard at all.
    Abx,
    /// As [`Kind::Abx`], told after each answer whether it was right. Never a result.
    Training,
    /// Does X (a model, or hidden among the trials an anchor) sound more like the clean input or like the device? McCool 2018, §4.2.3,
    /// with labels drawn for each trial and an anchor.
    Likeness,
    /// Which of the two do you prefer? Says nothing of whether they differ in other ways.
    Preference,
}

impl Kind {
    /// All, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Abx, Self::Training, Self::Likeness, Self::Preference];

    /// As logs name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abx => "abx",
            Self::Training => "training",
            Self::Likeness => "likeness",
            Self::Preference => "preference",
        }
    }

    /// As people read it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Abx => "ABX test",
            Self::Training => "ABX training",
            Self::Likeness => "Likeness test",
            Self::Preference => "Preference test",
        }
    }

    /// What the listener is asked in each trial.
    pub const fn question(self) -> &'static str {
        match self {
            Self::Abx | Self::Training => "Is X the same as A or as B?",
            Self::Likeness => "Does X sound more like A or like B?",
            Self::Preference => "Which do you prefer, 1 or 2?",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// How many trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trials {
    /// So many, one of [`COUNTS`].
    Fixed(u32),
    /// As many as the listener wants, [`MAX_TRIALS`] at most; only while no score is seen.
    Open,
}

impl Trials {
    /// The most trials of such a test.
    pub const fn most(self) -> u32 {
        match self {
            Self::Fixed(count) => count,
            Self::Open => MAX_TRIALS,
        }
    }
}

/// When the number of right answers is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// At the end.
    Hidden,
    /// After every trial.
    Open,
}

/// How one source follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switching {
    /// 5 ms out, 5 ms in: the same fade from every source to every source, to itself too.
    ThroughSilence,
    /// A crossfade of both. From a source to itself nothing happens, so that the fade can be a cue.
    Gapless,
}

/// Fixed before the first trial, and committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What is asked.
    pub kind: Kind,
    /// How often.
    pub trials: Trials,
    /// What is shown when.
    pub score: Score,
    /// How sources follow each other.
    pub switching: Switching,
}

impl Plan {
    /// The usual plan of a kind: 16 trials, score hidden, through silence; training is open and shows its score.
    pub const fn new(kind: Kind) -> Self {
        let (trials, score) = match kind {
            Kind::Training => (Trials::Open, Score::Open),
            _ => (Trials::Fixed(16), Score::Hidden),
        };
        Self {
            kind,
            trials,
            score,
            switching: Switching::ThroughSilence,
        }
    }

    /// # Errors
    /// A number of trials that is not in [`COUNTS`]; a score that is seen while the number is open, or in a test that has no right
    /// answers; training without its score; a likeness test of open length, which cannot be balanced.
    pub fn check(&self) -> Result<(), Refused> {
        if let Trials::Fixed(count) = self.trials
            && !COUNTS.contains(&count)
        {
            return Err(Refused::Count { count });
        }
        match (self.kind, self.trials, self.score) {
            (Kind::Training, _, Score::Hidden) => Err(Refused::TrainingHidesScore),
            (Kind::Likeness | Kind::Preference, _, Score::Open) => Err(Refused::NoScoreToShow),
            (Kind::Likeness, Trials::Open, _) => Err(Refused::LikenessOpen),
            (Kind::Abx, Trials::Open, Score::Open) => Err(Refused::OpenScoreOpenEnd),
            _ => Ok(()),
        }
    }

    /// What the listener has to know before beginning: what is shown when, and what stopping early means.
    pub fn rules(&self) -> String {
        let mut rules = match (self.kind, self.trials, self.score) {
            (Kind::Training, ..) => "Each answer is followed by whether it was right. Nothing counts.".to_owned(),
            (_, Trials::Fixed(count), Score::Hidden) => format!(
                "{count} trials. No score is shown before the end; if you stop earlier, the trials answered so far are the result."
            ),
            (_, Trials::Fixed(count), Score::Open) => format!(
                "{count} trials, the score is shown after each. If you stop earlier, the missing trials count as wrong, because a score \
                 that is seen must not decide when to stop."
            ),
            (_, Trials::Open, _) => {
                format!("As many trials as you like, {MAX_TRIALS} at most. No score is shown before you end the test.")
            }
        };
        if self.switching == Switching::Gapless {
            rules.push_str(" Switching is gapless: the crossfade itself may give X away.");
        }
        rules
    }
}
