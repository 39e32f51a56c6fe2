//! The listening test of an instance: `tonegraft_analysis::listening` keeps score, the bank plays, and nothing that is published
//! while it runs depends on what X is.
//!
//! The hidden source goes from [`Test`] to the bank's `hear` and nowhere else. Read-outs of the audio thread are frozen meanwhile. What would
//! change the sounds that were committed to (a model, a trim, the alignment, a session, another rate) makes the test void. Logs are
//! written as JSON and CSV where the user's files are; neither test nor log is part of a session.

use super::{Capturing, Control, Seat, Shared, Wish, model_of};
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tonegraft_analysis::listening::{
    Answer, Entropy, Kind, Log, Passage, Place, Plan, Public, Refused, Report, Role, Route, Setup, Stimulus, Subject,
    Switching, Test, VoidReason,
};
use tonegraft_chain::Settings;
use tonegraft_core::{SLOTS, Source};
use tonegraft_library::{ModelRef, Sha256, files, folders, shipped_by_id};

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
    /// Slot B holds the anchor.
    pub(crate) anchor: bool,
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

/// How far the test is.
#[derive(Default)]
pub(crate) enum Exam {
    #[default]
    None,
    Running(Box<Running>),
    Done(Box<DoneExam>),
}

/// How far the test is, for the window.
#[derive(Clone, Debug, Default)]
pub enum ExamView {
    /// None was begun, or its result was put away.
    #[default]
    None,
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

/// The place of a source; `None`: it cannot be tested.
const fn place(source: Source) -> Option<Place> {
    match source {
        Source::A => Some(Place::SlotA),
        Source::B => Some(Place::SlotB),
        Source::Reference => Some(Place::Reference),
        Source::Dry => Some(Place::Dry),
        Source::Difference => None,
    }
}

/// SHA-256 of the file that `model` names.
fn hash_of(model: &ModelRef) -> Option<String> {
    match model {
        ModelRef::None => None,
        ModelRef::Shipped { id } => shipped_by_id(id).map(|model| Sha256::of(model.bytes).to_string()),
        ModelRef::File(file) => Some(file.sha256.to_string()),
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

impl Shared {
    /// Begins a test.
    ///
    /// # Errors
    /// A sentence: why it cannot begin, and what to do.
    pub fn begin_exam(&self, plan: ExamPlan, moment: &Moment, start: ExamStart) -> Result<(), String> {
        let loudness = self.desk.loudness();
        let mut control = self.lock();
        if let Some(refusal) = self.refusal(&control, plan, moment) {
            return Err(refusal);
        }
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
            subjects: subjects(&control, plan, &moment.settings, loudness),
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
            anchor: plan.plan.kind == Kind::Likeness,
        }));
        Ok(())
    }

    /// Why a test cannot begin now: what, and what to do.
    pub(super) fn refusal(&self, control: &Control, plan: ExamPlan, moment: &Moment) -> Option<String> {
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
                if running.anchor {
                    // The anchor goes; what slot B held comes back.
                    control.wishes[1] = Some(Wish::Restore(model_of(&control.session, Seat::Slot(1))));
                    self.ask(control);
                }
                self.meters.set_frozen(false);
                self.disturbed.store(false, std::sync::atomic::Ordering::Release);
                Some(running)
            }
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
            refusal: self.refusal(&control, plan, moment),
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

/// Now, as RFC 3339 in UTC to the second.
pub fn date_now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date_of(since.as_secs())
}

/// `seconds` after the beginning of 1970.
fn date_of(seconds: u64) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, "chrono-compatible low-level date algorithms": years that begin in March, in eras of 400.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (400 * era + year, month + 3),
        _ => (400 * era + year + 1, month - 9),
    };
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

const NOT_PLAYING: &str = "The host has not started the audio yet; start it, or record a passage.";

/// What is heard in the test, and how it was made comparable.
fn subjects(control: &Control, plan: ExamPlan, settings: &Settings, lufs: [Option<f64>; 3]) -> Vec<Subject> {
    let rate = control.status.track.map_or(0, |track| track.rate.get());
    let placements = control.session.compare.at_rate(rate).placements();
    let subject = |role, source: Source| {
        let mut subject = Subject::new(role, place(source)?);
        let index = match source {
            Source::Reference => Some(2),
            other => other.slot(),
        };
        if let Some(index) = index {
            subject.trim_db = settings.trims_db.get(index).copied().map_or(0.0, f64::from);
            subject.lufs = lufs.get(index).copied().flatten();
            if let Some(placement) = placements.get(index) {
                subject.delay_frames = placement.total();
                subject.inverted = placement.inverted;
            }
        }
        if role == Role::Anchor {
            subject.name = "Anchor".to_owned();
            subject.lufs = None;
        } else if let Some(slot) = source.slot().filter(|slot| *slot < SLOTS) {
            let seat = match settings.program.filter(|_| slot == 0) {
                Some(program) if control.status.playing(Some(program)).card.is_some() => {
                    Seat::Program(usize::from(program))
                }
                _ => Seat::Slot(slot),
            };
            let model = model_of(&control.session, seat);
            model.name().clone_into(&mut subject.name);
            subject.sha256 = hash_of(&model);
        }
        Some(subject)
    };
    let roles: [(Role, Source); 4] = [
        (Role::Clean, Source::Dry),
        (Role::Device, Source::Reference),
        (Role::Model, Source::A),
        (Role::Anchor, Source::B),
    ];
    let [a, b] = plan.pair;
    let pair = [(Role::A, a), (Role::B, b)];
    let all = match plan.plan.kind {
        Kind::Likeness => roles.to_vec(),
        _ => pair.to_vec(),
    };
    all.into_iter()
        .filter_map(|(role, source)| subject(role, source))
        .collect()
}

/// Writes the record as JSON and CSV, where the user's files are.
fn write(log: &Log) -> Result<PathBuf, String> {
    let Some(folder) = folders::tests() else {
        return Err("The log was not written: there is no home folder.".to_owned());
    };
    let date: String = log.setup.date.chars().map(|c| if c == ':' { '-' } else { c }).collect();
    let id = log.commitment.get(..8).unwrap_or("");
    let name = format!("{date} {} {id}", log.plan.kind.name());
    let json = folder.join(format!("{name}.json"));
    let csv = folder.join(format!("{name}.csv"));
    let put = |path: &PathBuf, text: String| files::write_atomic(path, text.as_bytes());
    std::fs::create_dir_all(&folder)
        .and_then(|()| put(&json, log.json()))
        .and_then(|()| put(&csv, log.csv()))
        .map_err(|error| format!("The log could not be written to {}: {error}.", folder.display()))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(date_of(seconds), date);
        }
    }
}
