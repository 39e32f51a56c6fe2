//! A running listening test: the whole window, calm. Nothing is drawn but what [`RunView`] says, and none of that depends on X.

use super::{Cx, passage, test};
use crate::editor::theme;
use crate::editor::view::{Action, Answer, Kind, RunView, Stimulus, TestEdit};
use crate::editor::widgets::{inside, key_button, label_in, press};
use egui::{Align2, Key, Rect, Stroke, Ui, pos2, vec2};

/// The keys of a test, with what they do.
pub const KEYS: [(Key, TestEdit); 6] = [
    (Key::Num1, TestEdit::Listen(Stimulus::A)),
    (Key::Num2, TestEdit::Listen(Stimulus::B)),
    (Key::Num3, TestEdit::Listen(Stimulus::X)),
    (Key::Q, TestEdit::Vote(Answer::A)),
    (Key::W, TestEdit::Vote(Answer::B)),
    (Key::Enter, TestEdit::Next),
];

/// True if `edit` means something in a test of this kind.
pub fn applies(run: &RunView, edit: TestEdit) -> bool {
    match edit {
        TestEdit::Listen(Stimulus::X) => run.plan.kind != Kind::Preference,
        TestEdit::Next => run.vote.is_some(),
        _ => true,
    }
}

/// Draws it over the whole window.
pub fn trial(ui: &mut Ui, all: Rect, run: &RunView, cx: &mut Cx<'_>) {
    let width = (all.width() - 40.0).min(640.0);
    let column = Rect::from_center_size(all.center(), vec2(width, (all.height() - 24.0).min(620.0)));
    let mut top = column.top();
    let mut take = |height: f32, gap: f32| {
        let rect = Rect::from_min_size(pos2(column.left(), top), vec2(column.width(), height));
        top = rect.bottom() + gap;
        rect
    };
    head(ui, take(64.0, 10.0), run);
    steps(ui, take(10.0, 22.0), run);
    stimuli(ui, take(92.0, 22.0), run, cx);
    question(ui, take(22.0, 8.0), run);
    votes(ui, take(58.0, 14.0), run, cx);
    next(ui, take(34.0, 8.0), run, cx);
    told(ui, take(20.0, 10.0), run);
    let rest = column.with_min_y(top);
    foot(ui, rest, run, cx);
}

fn head(ui: &mut Ui, rect: Rect, run: &RunView) {
    let palette = theme::of(ui);
    let (kind, trial) = crate::editor::widgets::split_top(rect, 20.0, 2.0);
    let name = match run.plan.kind {
        Kind::Abx => "ABX test",
        Kind::Training => "Training: nothing counts",
        Kind::Likeness => "Likeness test",
        Kind::Preference => "Preference test",
    };
    label_in(ui, kind, name, 13.0, palette.weak, Align2::CENTER_CENTER);
    let text = if run.plan.open_end {
        format!("Trial {}", run.trial)
    } else {
        format!("Trial {} of {}", run.trial, run.plan.trials)
    };
    label_in(ui, trial, &text, 28.0, palette.text, Align2::CENTER_CENTER);
}

/// How far the test has got: one mark a trial.
fn steps(ui: &mut Ui, rect: Rect, run: &RunView) {
    if run.plan.open_end {
        return;
    }
    let palette = theme::of(ui);
    let count = run.plan.trials.clamp(1, 100);
    // At most a hundred.
    #[allow(clippy::cast_precision_loss)]
    let step = (rect.width() / count as f32).min(22.0);
    #[allow(clippy::cast_precision_loss)]
    let left = rect.center().x - step * count as f32 / 2.0;
    for index in 0..count {
        #[allow(clippy::cast_precision_loss)]
        let centre = pos2(left + step * (index as f32 + 0.5), rect.center().y);
        let color = if index + 1 < run.trial {
            palette.weak
        } else {
            palette.field
        };
        ui.painter().circle_filled(centre, 3.5, color);
        if index + 1 == run.trial {
            ui.painter()
                .circle_stroke(centre, 4.5, Stroke::new(1.5, palette.accent));
        }
    }
}

fn stimuli(ui: &mut Ui, rect: Rect, run: &RunView, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let all = [
        (Stimulus::A, "A", "1"),
        (Stimulus::B, "B", "2"),
        (Stimulus::X, "X", "3"),
    ];
    let shown: Vec<_> = (all.into_iter().zip(run.heard))
        .filter(|((stimulus, ..), _)| applies(run, TestEdit::Listen(*stimulus)))
        .collect();
    let size = vec2(150.0, rect.height());
    // Two or three.
    #[allow(clippy::cast_precision_loss)]
    let left = rect.center().x - (shown.len() as f32 * (size.x + 16.0) - 16.0) / 2.0;
    for (index, ((stimulus, name, key), heard)) in shown.into_iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let place = Rect::from_min_size(pos2(left + (size.x + 16.0) * index as f32, rect.top()), size);
        let is_on = run.hearing == Some(stimulus);
        let response = inside(ui, place, |ui| key_button(ui, size, is_on, name, key, palette.accent));
        if response.on_hover_text(format!("Hear {name}")).clicked() {
            cx.ask(Action::Test(TestEdit::Listen(stimulus)));
        }
        if heard && !is_on {
            let dot = place.right_top() + vec2(-11.0, 11.0);
            ui.painter().circle_filled(dot, 3.5, palette.weak);
        }
    }
}

fn question(ui: &mut Ui, rect: Rect, run: &RunView) {
    let text = match run.plan.kind {
        Kind::Abx | Kind::Training => "X is …",
        Kind::Likeness => "X sounds more like …",
        Kind::Preference => "I prefer …",
    };
    label_in(ui, rect, text, 15.0, theme::of(ui).text, Align2::CENTER_CENTER);
}

fn votes(ui: &mut Ui, rect: Rect, run: &RunView, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let size = vec2(150.0, rect.height());
    for (side, (answer, key)) in [(Answer::A, "Q"), (Answer::B, "W")].into_iter().enumerate() {
        let name = match (run.plan.kind, answer) {
            (Kind::Abx | Kind::Training, Answer::A) => "X is A",
            (Kind::Abx | Kind::Training, Answer::B) => "X is B",
            (Kind::Likeness, Answer::A) => "like A",
            (Kind::Likeness, Answer::B) => "like B",
            (Kind::Preference, Answer::A) => "A is better",
            (Kind::Preference, Answer::B) => "B is better",
        };
        let left = if side == 0 {
            rect.center().x - size.x - 8.0
        } else {
            rect.center().x + 8.0
        };
        let place = Rect::from_min_size(pos2(left, rect.top()), size);
        let response = inside(ui, place, |ui| {
            key_button(ui, size, run.vote == Some(answer), name, key, palette.accent)
        });
        if response.clicked() {
            cx.ask(Action::Test(TestEdit::Vote(answer)));
        }
    }
}

fn next(ui: &mut Ui, rect: Rect, run: &RunView, cx: &mut Cx<'_>) {
    let place = Rect::from_center_size(rect.center(), vec2(220.0, 32.0));
    let last = !run.plan.open_end && run.trial >= run.plan.trials;
    let name = if last { "Confirm and end" } else { "Confirm, next trial" };
    let ready = run.vote.is_some();
    let accent = theme::of(ui).accent;
    let response = inside(ui, place, |ui| {
        ui.add_enabled_ui(ready, |ui| key_button(ui, place.size(), ready, name, "Enter", accent))
            .inner
    });
    if response.clicked() {
        cx.ask(Action::Test(TestEdit::Next));
    }
}

fn told(ui: &mut Ui, rect: Rect, run: &RunView) {
    let palette = theme::of(ui);
    let was = run.told.map(|was| if was == Answer::A { "A" } else { "B" });
    let score = run.score.map(|[right, of]| format!("{right} of {of} right"));
    let (text, color) = match (run.note.is_empty(), was, score) {
        (false, ..) => (run.note.clone(), palette.notice),
        (true, Some(was), Some(score)) => (format!("X was {was}  ·  {score}"), palette.text),
        (true, Some(was), None) => (format!("X was {was}"), palette.text),
        (true, None, Some(score)) => (score, palette.text),
        (true, None, None) if run.plan.kind == Kind::Abx => ("The score is shown at the end.".to_owned(), palette.weak),
        (true, None, None) => (String::new(), palette.weak),
    };
    if !text.is_empty() {
        label_in(ui, rect, &text, 12.5, color, Align2::CENTER_CENTER).on_hover_text(&text);
    }
}

fn foot(ui: &mut Ui, rect: Rect, run: &RunView, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let (rule, rest) = crate::editor::widgets::split_top(rect, 1.0, 10.0);
    ui.painter().rect_filled(rule, 0.0, palette.line);
    let (table, rest) = crate::editor::widgets::split_top(rest, 18.0 * (1.0 + 3.0), 6.0);
    test::candidates(ui, table, &run.candidates);
    let (line, rest) = crate::editor::widgets::split_top(rest, 18.0, 2.0);
    passage::note(ui, line, run.looped);
    let (line, rest) = crate::editor::widgets::split_top(rest, 18.0, 10.0);
    let text = format!("Commitment (SHA-256)  {}", run.commitment);
    let hint =
        "Published before the first trial: after the test it proves that nothing was drawn anew. It is in the log.";
    label_in(ui, line, &text, 11.0, palette.weak, Align2::CENTER_CENTER).on_hover_text(format!("{text}\n{hint}"));
    let row = Rect::from_center_size(pos2(rest.center().x, rest.top() + 12.0), vec2(360.0, 24.0));
    let [finish, abort] = crate::editor::widgets::columns(row, [1.0, 1.0], 10.0);
    let abort = if run.plan.open_end {
        let response = inside(ui, finish, |ui| press(ui, finish.size(), "End and show the result"));
        if response.clicked() {
            cx.ask(Action::Test(TestEdit::Finish));
        }
        abort
    } else {
        Rect::from_center_size(row.center(), abort.size())
    };
    let response = inside(ui, abort, |ui| press(ui, abort.size(), "End without a result"));
    if response
        .on_hover_text("The test does not count then; the log says so")
        .clicked()
    {
        cx.ask(Action::Test(TestEdit::Abort));
    }
}
