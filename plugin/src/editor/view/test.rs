//! Listening tests: the plan, what may be shown while one runs, the result.

use super::Source;
use std::path::PathBuf;
use tonegraft_analysis::listening::plan::COUNTS;
pub use tonegraft_analysis::listening::{Answer, Kind, Stimulus, Switching};

/// A test as it is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestPlan {
    /// Which question.
    pub kind: Kind,
    /// Trials, fixed before the first.
    pub trials: u32,
    /// As many trials as the listener likes instead; the score is hidden then.
    pub open_end: bool,
    /// The score is told at the end only.
    pub hide_score: bool,
    /// What a switch sounds like.
    pub switching: Switching,
    /// What A and B are; of a likeness test, the model is the first and the rest is given.
    pub pair: [Source; 2],
}

impl TestPlan {
    /// Numbers of trials that are offered.
    pub const TRIALS: [u32; 5] = COUNTS;
}

impl Default for TestPlan {
    fn default() -> Self {
        Self {
            kind: Kind::Abx,
            trials: 16,
            open_end: false,
            hide_score: true,
            switching: Switching::ThroughSilence,
            pair: [Source::A, Source::B],
        }
    }
}

/// One source of the set-up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CandidateView {
    /// `A`, `B`, `X`, `Anchor` …
    pub role: String,
    /// The model's name, `Reference`, `Dry input`.
    pub name: String,
    /// Loudness over the passage, in LUFS.
    pub lufs: Option<f64>,
    /// Trim in dB.
    pub trim_db: f32,
    /// The delay that is taken out, in frames.
    pub delay: f64,
}

/// Before a test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanView {
    /// As planned now.
    pub plan: TestPlan,
    /// The set-up it would have.
    pub candidates: Vec<CandidateView>,
    /// What should be seen to first: not matched, not aligned, no loop; a sentence each.
    pub warnings: Vec<String>,
    /// Why it cannot begin: what, and what to do.
    pub refusal: Option<String>,
}

/// While a test runs: nothing in here depends on X.
#[derive(Clone, Debug, PartialEq)]
pub struct RunView {
    /// As planned.
    pub plan: TestPlan,
    /// The trial, from 1.
    pub trial: u32,
    /// SHA-256 of what was drawn, in hexadecimal digits; published before the first trial.
    pub commitment: String,
    /// The set-up.
    pub candidates: Vec<CandidateView>,
    /// What is heard.
    pub hearing: Option<Stimulus>,
    /// What has been heard in this trial: A, B, X.
    pub heard: [bool; 3],
    /// The vote of this trial; it can be changed until [`super::TestEdit::Next`].
    pub vote: Option<Answer>,
    /// Right answers and answers so far; `None`: hidden.
    pub score: Option<[u32; 2]>,
    /// Training: what X was in the trial just answered.
    pub told: Option<Answer>,
    /// A captured passage is repeated.
    pub looped: bool,
    /// Why the last key did nothing; empty: nothing to say.
    pub note: String,
}

/// What came out, in words that claim no more than the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Told apart: p below 0.05.
    Significant,
    /// Not shown by this test.
    #[default]
    NotSignificant,
    /// Not counted: training, or ended early.
    NotCounted,
}

/// A share with its interval.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proportion {
    /// Of what: `Right`, `Model called like B`, `Anchor called like B`, `A preferred`.
    pub name: String,
    /// How often.
    pub count: u32,
    /// Of how many.
    pub of: u32,
    /// 95 % interval of the share (Clopper and Pearson), 0 … 1.
    pub interval: [f64; 2],
    /// Binomial p, where one is defined.
    pub p: Option<f64>,
}

/// One trial, after the end.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialRow {
    /// What X was: `A`, `B`, `model`, `anchor`.
    pub was: String,
    /// The vote.
    pub vote: Option<Answer>,
    /// Whether that was right, where there is a right answer.
    pub right: Option<bool>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// After a test.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultView {
    /// As planned.
    pub plan: TestPlan,
    /// What came out.
    pub verdict: Verdict,
    /// The result in sentences, the most important first.
    pub sentences: Vec<String>,
    /// Shares; the first is the main one.
    pub proportions: Vec<Proportion>,
    /// The smallest rate of right answers that so many trials find with 80 % power at α = 0.05, 0 … 1.
    pub detectable: Option<f64>,
    /// The set-up.
    pub candidates: Vec<CandidateView>,
    /// As published before.
    pub commitment: String,
    /// What opens it, in hexadecimal digits.
    pub nonce: String,
    /// Each trial.
    pub trials: Vec<TrialRow>,
    /// Why it does not count; `None`: it does.
    pub voided: Option<String>,
    /// Where the log was written.
    pub log: Option<PathBuf>,
}

/// The listening test.
#[derive(Clone, Debug, PartialEq)]
pub enum TestView {
    /// Before.
    Planning(PlanView),
    /// While it runs.
    Running(RunView),
    /// After.
    Done(ResultView),
}

impl TestView {
    /// True while nothing may be shown that depends on what is heard.
    pub const fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }
}

impl Default for TestView {
    fn default() -> Self {
        Self::Planning(PlanView::default())
    }
}
