//! The listening test of an instance: `tonegraft_analysis::listening` keeps score, the bank plays, and nothing that is published
//! while it runs depends on what X is.
//!
//! The hidden source goes from [`Test`] to the bank's `hear` and nowhere else. Read-outs of the audio thread are frozen meanwhile. What would
//! change the sounds that were committed to (a model, a trim, the alignment, a session, another rate) makes the test void. Logs are
//! written as JSON and CSV where the user's files are; neither test nor log is part of a session.

use super::record::{subjects, write};
use super::{Capturing, Control, Seat, Shared};
use std::path::PathBuf;
use std::time::Instant;
use tonegraft_analysis::listening::{
    Answer, Entropy, Kind, Log, Passage, Place, Plan, Public, Refused, Report, Route, Setup, Stimulus, Subject,
    Switching, Test, VoidReason,
};
use tonegraft_chain::Settings;
use tonegraft_core::Source;

/// What the parameters say now.
#[derive(Clone, Debug)]
pub struct Moment {
    /// What the chain aims at.
    pub settings: Settings,
    /// The cabinet follows what the models say.
    pub cab_is_automatic: bool,
}

/// What is to be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExamPlan {
    /// Kind, trials, score, switching.
    pub plan: Plan,
    /// What A and B are. A likeness test has roles of its own.
    pub pair: [Source; 2],
}

/// What a test is begun with beside its plan: all that is drawn or told by a clock, so that a run can be repeated.
pub struct ExamStart {
    /// Now, RFC 3339.
    pub date: String,
    /// For nonce and sequence.
    pub entropy: Entropy,
}

impl std::fmt::Debug for ExamStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExamStart")
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

/// A test that runs.
pub(crate) struct Running {
    test: Test,
    plan: ExamPlan,
    began: Instant,
    /// The answer that is not confirmed yet.
    vote: Option<Answer>,
    /// In training the answer before, and whether it was right.
    told: Option<(Answer, bool)>,
    /// Why the last wish did nothing.
    note: String,
    looped: bool,
}

/// All that may be shown of a test that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningExam {
    /// As planned.
    pub plan: ExamPlan,
    /// See [`Test::public`].
    pub public: Public,
    /// What was committed to.
    pub subjects: Vec<Subject>,
    /// The answer that is not confirmed yet.
    pub vote: Option<Answer>,
    /// In training the answer before, and whether it was right.
    pub told: Option<(Answer, bool)>,
    /// A captured passage is repeated.
    pub looped: bool,
    /// Why the last wish did nothing; empty: nothing to say.
    pub note: String,
}

/// A test that is over.
#[derive(Clone, Debug)]
pub struct DoneExam {
    /// As planned.
    pub plan: ExamPlan,
    /// The result; `None`: it is void.
    pub report: Option<Report>,
    /// The record.
    pub log: Log,
    /// Why it does not count.
    pub voided: Option<String>,
    /// Where the record was written, or why it was not.
    pub written: Result<PathBuf, String>,
}

/// A test that is planned.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// The set-up it would have.
    pub subjects: Vec<Subject>,
    /// What should be seen to first.
    pub warnings: Vec<String>,
    /// Why it cannot begin: what, and what to do.
    pub refusal: Option<String>,
}

/// A likeness test whose anchor has to be fitted first.
#[derive(Debug)]
pub(crate) struct LikenessAsk {
    pub(crate) plan: ExamPlan,
    pub(crate) moment: Moment,
    pub(crate) start: ExamStart,
}

/// How far the test is.
#[derive(Default)]
pub(crate) enum Exam {
    #[default]
    None,
    /// The anchor is being fitted.
    Preparing,
    Running(Box<Running>),
    Done(Box<DoneExam>),
}

/// How far the test is, for the window.
#[derive(Clone, Debug, Default)]
pub enum ExamView {
    /// None was begun, or its result was put away.
    #[default]
    None,
    /// The anchor of a likeness test is being fitted.
    Preparing,
    /// See [`RunningExam`].
    Running(Box<RunningExam>),
    /// See [`DoneExam`].
    Done(Box<DoneExam>),
}

/// The source that a place of a test is.
const fn source(place: Place) -> Source {
    match place {
        Place::SlotA => Source::A,
        Place::SlotB => Source::B,
        Place::Reference => Source::Reference,
        Place::Dry => Source::Dry,
    }
}

impl Running {
    fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// What may not change while a test runs, of all that hosts can move.
fn fixed(settings: &Settings) -> impl PartialEq {
    (
        (settings.trims_db, settings.knobs, settings.levels),
        (settings.use_reference, settings.bypass, settings.mix, settings.cab),
    )
}

/// True if `now` is not what a test was begun with.
///
/// # Realtime Safety
/// Safe.
pub(crate) fn is_disturbed(begun: &Settings, now: &Settings) -> bool {
    fixed(begun) != fixed(now)
}

impl Control {
    pub(crate) const fn is_preparing(&self) -> bool {
        matches!(self.exam, Exam::Preparing)
    }
}

impl Shared {
    /// Begins a test.
    ///
    /// # Errors
    /// A sentence: why it cannot begin, and what to do.
    pub fn begin_exam(&self, plan: ExamPlan, moment: &Moment, start: ExamStart) -> Result<(), String> {
        let mut control = self.lock();
        if let Some(refusal) = self.refusal(&mut control, plan, moment) {
            return Err(refusal);
        }
        if plan.plan.kind == Kind::Likeness {
            control.exam = Exam::Preparing;
            drop(control);
            self.desk.prepare_likeness(LikenessAsk {
                plan,
                moment: moment.clone(),
                start,
            });
            return Ok(());
        }
        self.commit(&mut control, plan, moment, start)
    }

    /// The anchor is in slot B: begins the test that waited for it.
    pub(crate) fn begin_prepared(&self, ask: LikenessAsk) -> Result<(), String> {
        let mut control = self.lock();
        self.commit(&mut control, ask.plan, &ask.moment, ask.start)
    }

    /// Slot B holds the anchor from now on.
    pub(crate) fn take_in_anchor(&self, control: &mut Control) {
        control.anchored = true;
        self.place_sources(control);
    }

    /// The likeness test cannot begin.
    pub(crate) fn give_up_likeness(&self, reason: String) {
        let mut control = self.lock();
        if control.is_preparing() {
            control.exam = Exam::None;
        }
        self.put_anchor_away(&mut control);
        control.status.error = Some(reason);
    }

    /// The anchor goes; what slot B held comes back.
    fn put_anchor_away(&self, control: &mut Control) {
        if std::mem::take(&mut control.anchored) {
            control.rebuild[1] = true;
            self.place_sources(control);
            self.ask(control);
        }
    }

    fn commit(&self, control: &mut Control, plan: ExamPlan, moment: &Moment, start: ExamStart) -> Result<(), String> {
        let loudness = self.desk.loudness();
        let (looped, passage) = match control.capture.as_mut().and_then(Capturing::replayed) {
            Some(passage) => (true, passage),
            None => (false, Passage::Live),
        };
        let setup = Setup {
            date: start.date,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rate: control.status.track.map_or(0, |track| track.rate.get()),
            channels: control
                .status
                .track
                .map_or(0, |track| u32::try_from(track.inputs.max(track.outputs)).unwrap_or(0)),
            side_chain: self.side_chain.channels(),
            passage,
            subjects: subjects(control, plan, &moment.settings, loudness),
        };
        let test = Test::begin(plan.plan, setup, start.entropy).map_err(|refusal| refusal.to_string())?;
        let switching = match plan.plan.switching {
            Switching::ThroughSilence => tonegraft_slots::Switching::ThroughSilence,
            Switching::Gapless => tonegraft_slots::Switching::Gapless,
        };
        let Some(bank) = &mut control.bank else {
            return Err(NOT_PLAYING.to_owned());
        };
        bank.begin_test(switching);
        self.meters.set_frozen(true);
        control.exam = Exam::Running(Box::new(Running {
            test,
            plan,
            began: Instant::now(),
            vote: None,
            told: None,
            note: String::new(),
            looped,
        }));
        Ok(())
    }

    /// Why a test cannot begin now: what, and what to do.
    pub(super) fn refusal(&self, control: &mut Control, plan: ExamPlan, moment: &Moment) -> Option<String> {
        let settings = &moment.settings;
        let Some(track) = control.status.track else {
            return Some(NOT_PLAYING.to_owned());
        };
        if control.bank.is_none() {
            return Some(NOT_PLAYING.to_owned());
        }
        if let Err(refusal) = plan.plan.check() {
            return Some(refusal.to_string());
        }
        if !self.is_idle() {
            return Some("A model is being loaded; wait a moment.".to_owned());
        }
        let used: &[Source] = match plan.plan.kind {
            Kind::Likeness => &[Source::Dry, Source::Reference, Source::A],
            _ => &plan.pair,
        };
        if used.contains(&Source::Difference) {
            return Some("The difference is no sound to be compared; choose another source.".to_owned());
        }
        if let [one, other] = used
            && one == other
        {
            return Some(format!("Both sounds come from {}; choose two sources.", one.name()));
        }
        if used.contains(&Source::Reference) {
            if !settings.use_reference {
                return Some("The reference is switched off; switch “use reference” on.".to_owned());
            }
            if plan.plan.kind == Kind::Likeness && control.capture.as_mut().and_then(Capturing::passage).is_none() {
                return Some("Record a passage first: the anchor is fitted to it.".to_owned());
            }
            if self.side_chain.signal(track.rate.get()) == crate::side_chain::SideChainSignal::NotPassed {
                return Some("The host passes no side-chain; route the device's return to it.".to_owned());
            }
        }
        if settings.bypass {
            return Some("The plugin is bypassed, so that everything sounds alike; switch the bypass off.".to_owned());
        }
        if moment.cab_is_automatic
            && used.iter().all(|source| source.slot().is_some())
            && control.status.cab.is_some()
            && self.cab_in_model(Seat::Slot(0)) != self.cab_in_model(Seat::Slot(1))
        {
            let text =
                "One model contains a cabinet and the other does not; set the cabinet to On or Off, or remove it.";
            return Some(text.to_owned());
        }
        None
    }

    /// In a test, lets `stimulus` be heard.
    pub fn listen(&self, stimulus: Stimulus) {
        self.in_exam(|exam, now| exam.test.listen(stimulus, now).map(Some));
    }

    /// In a test, chooses an answer, which can be changed until [`Self::confirm`].
    pub fn vote(&self, answer: Answer) {
        self.in_exam(|exam, now| {
            let public = exam.test.public(now);
            if let Some(missing) = public.missing.first() {
                return Err(Refused::NotHeard {
                    stimulus: missing.label(public.kind),
                });
            }
            exam.vote = Some(answer);
            exam.told = None;
            Ok(None)
        });
    }

    /// In a test, answers the trial as chosen. After the last answer the result is computed.
    pub fn confirm(&self) {
        let mut complete = false;
        self.in_exam(|exam, now| {
            let Some(answer) = exam.vote else { return Ok(None) };
            let progress = exam.test.vote(answer, now)?;
            exam.vote = None;
            exam.told = progress.right.map(|right| (answer, right));
            complete = progress.complete;
            Ok(progress.route)
        });
        if complete {
            self.finish_exam();
        }
    }

    /// Does something in the test that runs, and plays what it asks for; a refusal becomes a note for the window.
    fn in_exam(&self, act: impl FnOnce(&mut Running, u64) -> Result<Option<Route>, Refused>) {
        let mut control = self.lock();
        let control = &mut *control;
        let Exam::Running(exam) = &mut control.exam else { return };
        let now = exam.ms();
        match act(exam, now) {
            Ok(route) => {
                exam.note.clear();
                if let (Some(route), Some(bank)) = (route, &mut control.bank) {
                    bank.hear(source(route.place()));
                }
            }
            Err(refusal) => exam.note = refusal.to_string(),
        }
    }

    /// Ends the test with what was answered so far.
    pub fn finish_exam(&self) {
        let mut control = self.lock();
        if let Some(running) = self.take_exam(&mut control) {
            let report = running.test.finish();
            let log = report.log().clone();
            let written = write(&log);
            control.exam = Exam::Done(Box::new(DoneExam {
                plan: running.plan,
                report: Some(report),
                log,
                voided: None,
                written,
            }));
        }
    }

    /// Gives the test up: it does not count.
    pub fn abandon_exam(&self) {
        let mut control = self.lock();
        self.end_void(&mut control, &VoidReason::Abandoned);
    }

    /// Puts the result away.
    pub fn close_exam(&self) {
        let mut control = self.lock();
        if matches!(control.exam, Exam::Done(_)) {
            control.exam = Exam::None;
        }
    }

    /// Something that the test was begun with has changed: `what` says it in words, as “a model was loaded”.
    pub(super) fn void_test(&self, control: &mut Control, what: &str) {
        self.end_void(control, &VoidReason::Audio(what.to_owned()));
    }

    /// The host restored a session.
    pub(super) fn void_by_session(&self, control: &mut Control) {
        self.end_void(control, &VoidReason::Restored);
    }

    fn end_void(&self, control: &mut Control, reason: &VoidReason) {
        if let Some(running) = self.take_exam(control) {
            let log = running.test.void(reason.clone());
            let written = write(&log);
            control.exam = Exam::Done(Box::new(DoneExam {
                plan: running.plan,
                report: None,
                log,
                voided: Some(reason.sentence()),
                written,
            }));
        }
    }

    /// The test that runs, which is over for the audio.
    fn take_exam(&self, control: &mut Control) -> Option<Box<Running>> {
        match std::mem::take(&mut control.exam) {
            Exam::Running(running) => {
                if let Some(bank) = &mut control.bank {
                    bank.end_test();
                }
                self.put_anchor_away(control);
                self.meters.set_frozen(false);
                self.disturbed.store(false, std::sync::atomic::Ordering::Release);
                Some(running)
            }
            // Whoever prepares it sees that it is no longer wanted.
            Exam::Preparing => None,
            other => {
                control.exam = other;
                None
            }
        }
    }

    /// Ends a test that the audio thread says is disturbed.
    pub(crate) fn tend_exam(&self, control: &mut Control) {
        if self.disturbed.swap(false, std::sync::atomic::Ordering::AcqRel) {
            self.void_test(control, "a trim, a knob or a level was moved");
        }
    }

    /// What a test of `plan` would be, and why it cannot begin now.
    pub fn outlook(&self, plan: ExamPlan, moment: &Moment) -> Outlook {
        let loudness = self.desk.loudness();
        let mut control = self.lock();
        let looped = control.capture.as_mut().is_some_and(Capturing::is_replaying);
        let subjects = subjects(&control, plan, &moment.settings, loudness);
        let measured: Vec<f64> = subjects.iter().filter_map(|subject| subject.lufs).collect();
        let mut warnings = Vec::new();
        if measured.len() < 2 {
            warnings
                .push("Loudness is not matched: the louder one is easily told, and liked. Match it first.".to_owned());
        }
        if !looped {
            warnings.push(
                "Nothing is repeated: record a passage and replay it, or let the host loop a selection.".to_owned(),
            );
        }
        Outlook {
            refusal: self.refusal(&mut control, plan, moment),
            subjects,
            warnings,
        }
    }

    /// True while a test runs.
    pub fn is_testing(&self) -> bool {
        matches!(self.lock().exam, Exam::Running(_))
    }

    /// How far the test is: of one that runs, only what may be shown.
    pub fn exam(&self) -> ExamView {
        match &self.lock().exam {
            Exam::None => ExamView::None,
            Exam::Preparing => ExamView::Preparing,
            Exam::Running(running) => ExamView::Running(Box::new(RunningExam {
                plan: running.plan,
                public: running.test.public(running.ms()),
                subjects: running.test.setup().subjects.clone(),
                vote: running.vote,
                told: running.told,
                looped: running.looped,
                note: running.note.clone(),
            })),
            Exam::Done(done) => ExamView::Done(done.clone()),
        }
    }

    /// Makes every X of the running test the other one: for the check that nothing but the audio tells X.
    #[doc(hidden)]
    pub fn flip_every_x(&self) {
        if let Exam::Running(running) = &mut self.lock().exam {
            running.test.flip_every_x();
        }
    }
}

const NOT_PLAYING: &str = "The host has not started the audio yet; start it, or record a passage.";
