//! A running test: what may be heard, when an answer is taken, and what may be shown.
//!
//! **Nothing leaks.** [`Test::public`], refusals and [`Progress`] are functions of what the listener did and when, never of the draws, but for
//! the score where the plan shows one. The only way to what X is, is [`Route`], which can neither be printed, compared nor copied: its
//! place goes to the audio and nowhere else. Whoever switches the audio fades in the same way from every stimulus to every other, also
//! where both are the same source.

use super::log::{Heard, Listen, Log, MAX_LISTENS, Trial};
use super::plan::{COUNTS, Kind, MAX_TRIALS, Plan, Score, Trials};
use super::report::Report;
use super::secret::{self, Draw, Entropy, Secret};
use super::setup::{Place, Setup};
use serde::{Deserialize, Serialize};

/// How long a stimulus has to sound in a trial to count as heard, in ms.
pub const MIN_HEARD_MS: u64 = 100;

/// What the listener can ask to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stimulus {
    /// ABX: one of the two. Likeness: clean input or device, drawn for each trial. Preference: "1", drawn for each trial.
    A,
    /// The other one; preference: "2".
    B,
    /// ABX: A or B. Likeness: model or anchor. Not in preference tests.
    X,
    /// ABX: the one that X is not. Not in the others.
    Y,
}

impl Stimulus {
    /// All.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::X, Self::Y];

    /// Those of a kind of test.
    pub const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Abx | Kind::Training => &[Self::A, Self::B, Self::X, Self::Y],
            Kind::Likeness => &[Self::A, Self::B, Self::X],
            Kind::Preference => &[Self::A, Self::B],
        }
    }

    /// Those that have to be heard in a trial before it can be answered.
    pub const fn required(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Abx | Kind::Training => &[Self::X],
            Kind::Likeness => &[Self::A, Self::B, Self::X],
            Kind::Preference => &[Self::A, Self::B],
        }
    }

    /// As the listener reads it.
    pub const fn label(self, kind: Kind) -> &'static str {
        match (kind, self) {
            (Kind::Preference, Self::A) => "1",
            (Kind::Preference, Self::B) => "2",
            (_, Self::A) => "A",
            (_, Self::B) => "B",
            (_, Self::X) => "X",
            (_, Self::Y) => "Y",
        }
    }

    /// What a second press of the same key plays, for listening with closed eyes: B for A, Y for X (ABX) and back; itself where there
    /// is no other.
    pub const fn toggled(self, kind: Kind) -> Self {
        match (kind, self) {
            (_, Self::A) => Self::B,
            (_, Self::B) => Self::A,
            (Kind::Abx | Kind::Training, Self::X) => Self::Y,
            (_, Self::X | Self::Y) => Self::X,
        }
    }
}

/// An answer: X is (sounds more like) A or B; 1 or 2 is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// A, or 1.
    A,
    /// B, or 2.
    B,
}

/// Which source is to be heard now. Carries the secret: for the audio, and nothing else.
#[must_use]
pub struct Route(Place);

impl Route {
    /// The source.
    pub fn place(self) -> Place {
        self.0
    }
}

/// After an answer.
#[must_use]
pub struct Progress {
    /// Trials answered.
    pub answered: u32,
    /// True if that was the last one: [`Test::finish`] is next.
    pub complete: bool,
    /// Training only: whether the answer was right.
    pub right: Option<bool>,
    /// What is heard from now on: stimulus A of the next trial. `None` after the last.
    pub route: Option<Route>,
}

/// Right answers so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Right answers.
    pub right: u32,
    /// Of so many.
    pub of: u32,
}

/// All that may be shown of a running test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Public {
    /// What is asked.
    pub kind: Kind,
    /// How many trials.
    pub trials: Trials,
    /// Commitment to the hidden sequence: 64 hex digits.
    pub commitment: String,
    /// The trial that is running, from 1; the last one when the test is complete.
    pub trial: u32,
    /// Trials answered.
    pub answered: u32,
    /// True if there is no trial left.
    pub complete: bool,
    /// What is heard.
    pub playing: Option<Stimulus>,
    /// What was heard long enough in this trial.
    pub heard: Vec<Stimulus>,
    /// What has to be heard before an answer is taken; empty: answer.
    pub missing: Vec<Stimulus>,
    /// The score, where the plan shows it.
    pub score: Option<Tally>,
    /// Training: whether the last answer was right.
    pub last_right: Option<bool>,
}

/// Why something was not done. Depends on what the listener did alone, never on what X is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// An answer before everything was heard.
    #[error("Listen to {stimulus} first: an answer counts only after it was heard in this trial.")]
    NotHeard {
        /// Label of what is missing.
        stimulus: &'static str,
    },
    /// The kind has no such stimulus.
    #[error("A {kind} has no {stimulus}.")]
    NoStimulus {
        /// Title of the kind.
        kind: &'static str,
        /// Label.
        stimulus: &'static str,
    },
    /// All trials are answered.
    #[error("All trials are answered; end the test to see its result.")]
    Complete,
    /// A number of trials that cannot be planned.
    #[error("A test has {COUNTS:?} trials, not {count}.")]
    Count {
        /// That was asked for.
        count: u32,
    },
    /// Neither number fixed nor score hidden.
    #[error(
        "With an open number of trials the score has to stay hidden: a score that is seen must not decide when to stop."
    )]
    OpenScoreOpenEnd,
    /// No right answers.
    #[error("This test has no right answers, so that no score can be shown; choose the hidden one.")]
    NoScoreToShow,
    /// Training without feedback.
    #[error("Training shows whether each answer was right; its score cannot be hidden.")]
    TrainingHidesScore,
    /// Cannot be balanced.
    #[error("A likeness test needs a fixed number of trials, so that model and anchor come equally often.")]
    LikenessOpen,
    /// No subject for a role.
    #[error("The set-up does not say what is heard as \"{role}\".")]
    Missing {
        /// Name of the role.
        role: &'static str,
    },
    /// More subjects than roles.
    #[error("The set-up names a sound twice, or one that this kind of test does not have.")]
    TooManySubjects,
    /// Two roles, one source.
    #[error("Two sounds of the test come from the same source ({place}); choose different ones.")]
    SamePlace {
        /// Title of the source.
        place: &'static str,
    },
    /// Something cannot be written down.
    #[error("The set-up cannot be committed to: {what} is not valid.")]
    BadSetup {
        /// What.
        what: &'static str,
    },
}

/// Why a test does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoidReason {
    /// Something that was committed to has changed; what, in words (such as "the model in slot A").
    Changed(String),
    /// The host restored a session.
    Restored,
    /// The plugin was closed or deactivated.
    Closed,
    /// The listener gave up.
    Abandoned,
    /// The audio failed (a fault, a missed deadline, the reference gone); how, in words.
    Audio(String),
}

impl VoidReason {
    /// As a sentence.
    pub fn sentence(&self) -> String {
        let cut = |text: &str| text.chars().take(200).collect::<String>();
        match self {
            Self::Changed(what) => format!("The test is void: {} changed while it ran.", cut(what)),
            Self::Restored => "The test is void: the session was restored while it ran.".to_owned(),
            Self::Closed => "The test is void: it was closed before its end.".to_owned(),
            Self::Abandoned => "The test is void: it was given up.".to_owned(),
            Self::Audio(how) => format!("The test is void: {}.", cut(how)),
        }
    }
}

/// A test from its first trial to its last. Times are in ms since it began; one that is earlier than another before it counts as that one.
pub struct Test {
    plan: Plan,
    setup: Setup,
    secret: Secret,
    commitment: String,
    done: Vec<Trial>,
    current: Trial,
    playing: Option<(Stimulus, u64)>,
    now: u64,
    right: u32,
    last_right: Option<bool>,
}

impl Test {
    /// Draws and commits to the hidden sequence. Nothing is heard yet: [`Self::listen`] is next.
    ///
    /// # Errors
    /// See [`Plan::check`] and [`Setup::checked`].
    pub fn begin(plan: Plan, setup: Setup, entropy: Entropy) -> Result<Self, Refused> {
        plan.check()?;
        let setup = setup.checked(&plan)?;
        let document = secret::document(&plan, &setup).ok_or(Refused::BadSetup { what: "a number" })?;
        let secret = Secret::draw(&plan, entropy);
        Ok(Self {
            commitment: secret.commitment(&document),
            plan,
            setup,
            secret,
            done: Vec::new(),
            current: Trial::default(),
            playing: None,
            now: 0,
            right: 0,
            last_right: None,
        })
    }

    /// The plan.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What was committed to.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Commitment to the hidden sequence: 64 hex digits.
    pub fn commitment(&self) -> &str {
        &self.commitment
    }

    /// `stimulus` is heard from now on.
    ///
    /// # Errors
    /// No trial left; a stimulus that the kind does not have.
    pub fn listen(&mut self, stimulus: Stimulus, at_ms: u64) -> Result<Route, Refused> {
        if self.is_complete() {
            return Err(Refused::Complete);
        }
        if !Stimulus::of(self.plan.kind).contains(&stimulus) {
            return Err(Refused::NoStimulus {
                kind: self.plan.kind.title(),
                stimulus: stimulus.label(self.plan.kind),
            });
        }
        self.pause(at_ms);
        self.play(stimulus).ok_or(Refused::Complete)
    }

    /// Nothing is heard from now on (transport stopped, window closed); the trial goes on with the next [`Self::listen`].
    pub fn pause(&mut self, at_ms: u64) {
        self.now = self.now.max(at_ms);
        if let Some((stimulus, since)) = self.playing.take() {
            self.current.heard_mut(stimulus).ms += self.now - since;
        }
    }

    /// The answer to the trial that is running. Then stimulus A of the next one is heard.
    ///
    /// # Errors
    /// No trial left; what the kind requires was not heard for [`MIN_HEARD_MS`] in this trial.
    pub fn vote(&mut self, answer: Answer, at_ms: u64) -> Result<Progress, Refused> {
        if self.is_complete() {
            return Err(Refused::Complete);
        }
        self.now = self.now.max(at_ms);
        if let Some(stimulus) = self.missing(self.now).first() {
            return Err(Refused::NotHeard {
                stimulus: stimulus.label(self.plan.kind),
            });
        }
        self.pause(at_ms);
        let draw = self.draw().ok_or(Refused::Complete)?;
        self.current.answer = answer;
        self.current.answered_ms = self.now;
        self.done.push(std::mem::take(&mut self.current));
        self.current.began_ms = self.now;
        let right = draw.role(self.plan.kind, Stimulus::X) == draw.role(self.plan.kind, answer.stimulus());
        self.right += u32::from(right);
        let training = self.plan.kind == Kind::Training;
        self.last_right = training.then_some(right);
        let complete = self.is_complete();
        Ok(Progress {
            answered: self.answered(),
            complete,
            right: self.last_right,
            route: if complete { None } else { self.play(Stimulus::A) },
        })
    }

    /// Trials answered.
    pub fn answered(&self) -> u32 {
        u32::try_from(self.done.len()).unwrap_or(MAX_TRIALS)
    }

    /// True if there is no trial left.
    pub fn is_complete(&self) -> bool {
        self.answered() >= self.plan.trials.most()
    }

    /// All that may be shown at `at_ms`.
    pub fn public(&self, at_ms: u64) -> Public {
        let now = self.now.max(at_ms);
        let complete = self.is_complete();
        let heard = |stimulus: &Stimulus| self.heard_ms(*stimulus, now) >= MIN_HEARD_MS;
        Public {
            kind: self.plan.kind,
            trials: self.plan.trials,
            commitment: self.commitment.clone(),
            trial: (self.answered() + 1).min(self.plan.trials.most()),
            answered: self.answered(),
            complete,
            playing: self.playing.map(|(stimulus, _)| stimulus),
            heard: Stimulus::ALL.into_iter().filter(heard).collect(),
            missing: if complete { Vec::new() } else { self.missing(now) },
            score: (self.plan.score == Score::Open).then_some(Tally {
                right: self.right,
                of: self.answered(),
            }),
            last_right: self.last_right,
        }
    }

    /// Ends the test, opens the commitment and computes the result of the trials answered. Before the last planned trial this is an early
    /// stop: see [`Plan::rules`].
    pub fn finish(self) -> Report {
        let (nonce, sequence) = self.secret.open();
        Report::of_finished(Log::finished(
            self.plan,
            self.setup,
            self.commitment,
            self.done,
            nonce,
            sequence,
        ))
    }

    /// Ends the test without a result. The commitment stays closed; the log says why.
    pub fn void(self, reason: VoidReason) -> Log {
        let shown = (self.plan.score == Score::Open).then_some(self.right);
        Log::void(self.plan, self.setup, self.commitment, self.done, reason, shown)
    }

    /// Makes every X the other one, and keeps the commitment. For checks of non-interference, which compare a run with its flipped twin:
    /// all but the audio has to be the same. The log of such a test says that its commitment does not match.
    pub fn flip_every_x(&mut self) {
        self.secret.flip(self.plan.kind);
    }

    fn draw(&self) -> Option<Draw> {
        self.secret.draw_of(self.plan.kind, self.done.len())
    }

    /// Begins to play, at `now`.
    fn play(&mut self, stimulus: Stimulus) -> Option<Route> {
        let role = self.draw()?.role(self.plan.kind, stimulus)?;
        let place = secret::place(&self.setup, role)?;
        self.current.heard_mut(stimulus).times += 1;
        if self.current.listens.len() < MAX_LISTENS {
            let at_ms = self.now;
            self.current.listens.push(Listen { stimulus, at_ms });
        }
        self.playing = Some((stimulus, self.now));
        Some(Route(place))
    }

    fn heard_ms(&self, stimulus: Stimulus, now: u64) -> u64 {
        let running = match self.playing {
            Some((playing, since)) if playing == stimulus => now - since,
            _ => 0,
        };
        self.current.heard(stimulus).ms + running
    }

    fn missing(&self, now: u64) -> Vec<Stimulus> {
        Stimulus::required(self.plan.kind)
            .iter()
            .copied()
            .filter(|stimulus| self.heard_ms(*stimulus, now) < MIN_HEARD_MS)
            .collect()
    }
}

impl Answer {
    /// The stimulus that it names.
    pub const fn stimulus(self) -> Stimulus {
        match self {
            Self::A => Stimulus::A,
            Self::B => Stimulus::B,
        }
    }
}

impl Trial {
    /// What was heard of `stimulus`.
    pub fn heard(&self, stimulus: Stimulus) -> Heard {
        match stimulus {
            Stimulus::A => self.a,
            Stimulus::B => self.b,
            Stimulus::X => self.x,
            Stimulus::Y => self.y,
        }
    }

    fn heard_mut(&mut self, stimulus: Stimulus) -> &mut Heard {
        match stimulus {
            Stimulus::A => &mut self.a,
            Stimulus::B => &mut self.b,
            Stimulus::X => &mut self.x,
            Stimulus::Y => &mut self.y,
        }
    }
}
