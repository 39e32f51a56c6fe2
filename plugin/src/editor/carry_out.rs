//! What each action does to the live instance.

use super::App;
use super::dialog::Asked;
use super::live::{LIGHT, exam_plan};
use super::view::{
    Action, AlignEdit, BrowserEdit, CaptureEdit, Folder, Kind, Placement, Shade, Source, TestEdit, View, Watching,
};
use crate::params::CabSwitch;
use crate::running::settings_now;
use crate::shared::{CabWish, ExamStart, Moment, Wish};
use nice_plug::prelude::{Param, ParamSetter};
use std::path::PathBuf;
use tonegraft_analysis::listening::Entropy;
use tonegraft_core::Fault;

/// Moves `param` to `position` (0 … 1), as one gesture of the user.
pub(super) fn set<P: Param>(setter: &ParamSetter<'_>, param: &P, position: f32) {
    setter.begin_set_parameter(param);
    setter.set_parameter_normalized(param, position);
    setter.end_set_parameter(param);
}

/// Index of a source that can be placed: A, B, reference.
const fn placed(source: Source) -> Option<usize> {
    match source {
        Source::A => Some(0),
        Source::B => Some(1),
        Source::Reference => Some(2),
        Source::Dry | Source::Difference => None,
    }
}

impl App {
    /// What the parameters say now.
    fn moment(&self) -> Moment {
        Moment {
            settings: settings_now(&self.params, &self.shared),
            cab_is_automatic: self.params.cab.unmodulated_plain_value() == CabSwitch::Auto,
        }
    }

    /// Computes what is in sight, and nothing else; sets the trims that were found.
    pub(super) fn watch(&self, watching: Watching, setter: &ParamSetter<'_>) {
        self.shared.desk.watch(watching, self.moment());
        if let Some(trims) = self.shared.desk.take_trims() {
            for (param, trim) in self.params.trims().into_iter().zip(trims) {
                if let Some(trim) = trim {
                    set(setter, param, param.preview_normalized(trim));
                }
            }
        }
    }

    pub(super) fn carry_out(&mut self, action: Action, view: &View, setter: &ParamSetter<'_>) {
        let folder = view.folder().or(view.browser.library.as_ref()).map(PathBuf::as_path);
        let shared = &self.shared;
        match action {
            Action::Load(slot, wish) => shared.open(slot, wish),
            Action::Browse(slot) => self.dialog.browse(shared, Asked::Model(slot), folder),
            Action::Unload(slot) => shared.open(slot, Wish::Remove),
            Action::Play(slot, way) => shared.play(slot, way),
            Action::Swap => self.swap(setter),
            Action::Copy { from } => self.copy(from, setter),
            Action::StoreProgram { program, slot } => shared.store_program(program, slot),
            Action::ClearProgram(program) => shared.clear_program(program),
            Action::BrowseCab => self.dialog.browse(shared, Asked::Cab, folder),
            Action::LoadCab(path) => shared.open_cab(CabWish::File(path)),
            Action::RemoveCab => shared.open_cab(CabWish::Remove),
            Action::Comparing(running) => shared.keep_running(running),
            Action::Align(source, edit) => self.align(source, edit, view),
            Action::HearAligned(aligned) => shared.hear_aligned(aligned),
            Action::MatchLoudness => shared.desk.match_loudness(self.moment()),
            Action::Reserve(frames) => shared.reserve(frames),
            Action::MeasureLatency => shared.desk.measure_latency(self.moment()),
            Action::CompareSlot(slot) => shared.compare_slot(slot),
            Action::ResetDifference => shared.desk.start_afresh(),
            Action::Capture(edit) => self.capture(edit),
            Action::Test(edit) => self.test(edit),
            Action::Browser(BrowserEdit::Rescan | BrowserEdit::Enter(Folder::Shipped)) => shared.rescan(),
            // The rest of the browser is the window's own.
            Action::Browser(_) => {}
            Action::Shade(shade) => shared.set_theme(if shade == Shade::Light { LIGHT } else { "" }),
            Action::Zoom(zoom) => shared.set_zoom(zoom),
            Action::Dismiss => {
                self.seen.fault = Fault::None;
                shared.dismiss();
            }
        }
    }

    fn align(&self, source: Source, edit: AlignEdit, view: &View) {
        let Some(index) = placed(source) else { return };
        let shared = &self.shared;
        let shown: Option<&Placement> = match view.slots.get(index) {
            Some(slot) => Some(&slot.placement),
            None => Some(&view.reference.placement),
        };
        let measured = shown.and_then(|shown| shown.measured);
        match edit {
            AlignEdit::Measure => match self.moment().settings.knobs.get(index) {
                Some(knobs) => shared.measure_own(index, *knobs),
                None => shared.desk.measure_reference(),
            },
            AlignEdit::Apply => shared.edit_placement(index, |placement| {
                if let Some(measured) = measured.filter(|_| !placement.locked) {
                    placement.delay = measured.delay;
                    placement.inverted = measured.inverted;
                    placement.nudge = 0.0;
                }
            }),
            AlignEdit::Clear => shared.edit_placement(index, |placement| {
                placement.delay = 0.0;
                placement.nudge = 0.0;
                placement.inverted = false;
            }),
            AlignEdit::Nudge(frames) if frames.is_finite() => {
                shared.edit_placement(index, |placement| placement.nudge = frames);
            }
            AlignEdit::Nudge(_) => {}
            AlignEdit::Lock(locked) => shared.edit_placement(index, |placement| placement.locked = locked),
            AlignEdit::Invert(inverted) => shared.edit_placement(index, |placement| placement.inverted = inverted),
        }
    }

    fn capture(&self, edit: CaptureEdit) {
        let shared = &self.shared;
        match edit {
            CaptureEdit::Record(seconds) => shared.record(f64::from(seconds)),
            CaptureEdit::Stop => shared.stop_capture(),
            CaptureEdit::Replay => shared.replay(),
            CaptureEdit::Part(part) => shared.choose_part(part),
            CaptureEdit::Forget => shared.forget_capture(),
        }
    }

    fn test(&mut self, edit: TestEdit) {
        let shared = &self.shared;
        match edit {
            TestEdit::Plan(plan) => {
                self.seen.plan = plan;
                self.seen.refused.clear();
            }
            TestEdit::Begin => {
                let begun = match Entropy::draw(getrandom::fill) {
                    Ok(entropy) => {
                        let start = ExamStart {
                            date: crate::shared::date_now(),
                            entropy,
                        };
                        shared.begin_exam(exam_plan(&self.seen.plan), &self.moment(), start)
                    }
                    Err(error) => Err(format!(
                        "The system gives no random numbers ({error}); no test can be drawn."
                    )),
                };
                self.seen.refused = begun.err().unwrap_or_default();
            }
            TestEdit::Listen(heard) => shared.listen(heard),
            TestEdit::Vote(vote) => shared.vote(vote),
            TestEdit::Next => shared.confirm(),
            TestEdit::Finish => shared.finish_exam(),
            // Training never counts, but what came of it is worth seeing.
            TestEdit::Abort if self.seen.plan.kind == Kind::Training => shared.finish_exam(),
            TestEdit::Abort => shared.abandon_exam(),
            TestEdit::Close => shared.close_exam(),
        }
    }

    /// Exchanges the slots with their knobs and trims.
    fn swap(&self, setter: &ParamSetter<'_>) {
        self.shared.swap();
        let ([a, b], [a_trim, b_trim, _]) = (self.params.knobs(), self.params.trims());
        for (a, b) in a.into_iter().zip(b).chain([(a_trim, b_trim)]) {
            let (at_a, at_b) = (a.unmodulated_normalized_value(), b.unmodulated_normalized_value());
            set(setter, a, at_b);
            set(setter, b, at_a);
        }
    }

    /// Copies slot `from` over the other, with its knobs and its trim.
    fn copy(&self, from: usize, setter: &ParamSetter<'_>) {
        self.shared.copy(from);
        let ([a, b], [a_trim, b_trim, _]) = (self.params.knobs(), self.params.trims());
        let all = a.into_iter().zip(b).chain([(a_trim, b_trim)]);
        for (a, b) in all {
            let (source, target) = if from == 0 { (a, b) } else { (b, a) };
            set(setter, target, source.unmodulated_normalized_value());
        }
    }
}
