//! Planning a listening test: the question, the set-up, the passage.

use super::{Cx, passage};
use crate::editor::theme;
use crate::editor::view::{
    Action, CandidateView, Kind, LoudnessState, PlanView, Source, Switching, TestEdit, TestPlan, TestView,
};
use crate::editor::widgets::{
    choice, columns, inside, label_in, line, press, segment, split_bottom, split_top, switch,
};
use egui::{Align2, Rect, Ui, pos2, vec2};

/// What can be compared.
const SOURCES: [Source; 4] = [Source::A, Source::B, Source::Reference, Source::Dry];

/// Draws the panel over `rect`.
pub fn test(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let TestView::Planning(view) = &cx.view.test else {
        return;
    };
    let [plan, setup, loop_] = columns(rect, [1.2, 1.05, 0.66], 16.0);
    planning(ui, plan, view, cx);
    set_up(ui, setup, view, cx);
    passage::passage(ui, loop_, cx);
}

/// What fits on a button.
const fn short(kind: Kind) -> &'static str {
    match kind {
        Kind::Abx => "ABX",
        Kind::Training => "Training",
        Kind::Likeness => "Likeness",
        Kind::Preference => "Preference",
    }
}

fn about(kind: Kind) -> &'static str {
    match kind {
        Kind::Abx => "Is X A or B? In each trial X is drawn anew. Counts how often you are right.",
        Kind::Training => "The same, but you are told after each answer. Nothing counts: get to know the difference.",
        Kind::Likeness => {
            "A is the clean input, B the real device. Does X sound more like A or like B? X is the model, or a simple stand-in hidden among the trials."
        }
        Kind::Preference => {
            "Which of the two do you prefer? Blind; tells what you like, not whether you hear a difference."
        }
    }
}

fn planning(ui: &mut Ui, rect: Rect, view: &PlanView, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let plan = view.plan;
    let mut asked = None;
    let step = ((rect.height() - 32.0) / 5.0).clamp(22.0, 30.0);
    let mut top = rect.top();
    let mut next_row = |ui: &mut Ui, title: &str| {
        let row = Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), 22.0));
        top += step;
        if !title.is_empty() {
            let place = row.with_max_x(row.left() + 62.0);
            label_in(ui, place, title, 12.0, palette.weak, Align2::LEFT_CENTER);
        }
        row.with_min_x(row.left() + 66.0)
    };
    let question = next_row(ui, "");
    let row = question.with_min_x(rect.left());
    for (place, kind) in columns(row, [0.7, 1.0, 1.0, 1.15], 3.0).into_iter().zip(Kind::ALL) {
        let name = format!("Kind of test: {}", short(kind));
        let response = inside(ui, place, |ui| {
            segment(ui, place.size(), plan.kind == kind, short(kind), &name)
        });
        if response.on_hover_text(about(kind)).clicked() {
            asked = Some(TestPlan { kind, ..plan });
        }
    }
    let row = next_row(
        ui,
        if plan.kind == Kind::Likeness {
            "Model"
        } else {
            "A and B"
        },
    );
    pair(ui, row, plan, &mut asked);
    let row = next_row(ui, "Trials");
    let cells = columns(row, [1.0, 1.0, 1.0, 1.0, 1.0, 1.5], 3.0);
    for (place, trials) in cells.into_iter().zip(TestPlan::TRIALS) {
        let is_on = plan.trials == trials && !plan.open_end;
        let response = inside(ui, place, |ui| {
            segment(
                ui,
                place.size(),
                is_on,
                &trials.to_string(),
                &format!("{trials} trials"),
            )
        });
        if response
            .on_hover_text("Fixed before the first trial: more trials find smaller differences")
            .clicked()
        {
            asked = Some(TestPlan {
                trials,
                open_end: false,
                ..plan
            });
        }
    }
    let open = cells[5];
    let response = inside(ui, open, |ui| {
        segment(ui, open.size(), plan.open_end, "open", "Open number of trials")
    });
    if response
        .on_hover_text("As many as you like; the score stays hidden until you end it")
        .clicked()
    {
        asked = Some(TestPlan {
            open_end: true,
            hide_score: true,
            ..plan
        });
    }
    let row = next_row(ui, "Switching");
    let kinds = [
        (
            Switching::ThroughSilence,
            "via silence",
            "Fades out and in, 5 ms each: the switch itself tells nothing",
        ),
        (
            Switching::Gapless,
            "gapless",
            "One crossfade; logged, because it can tell the two apart by itself",
        ),
    ];
    for (place, (switching, name, hint)) in columns(row, [1.0, 1.0], 3.0).into_iter().zip(kinds) {
        let is_on = plan.switching == switching;
        let response = inside(ui, place, |ui| {
            segment(ui, place.size(), is_on, name, &format!("Switching {name}"))
        });
        if response.on_hover_text(hint).clicked() {
            asked = Some(TestPlan { switching, ..plan });
        }
    }
    let row = next_row(ui, "Score");
    let scores = plan.kind == Kind::Abx && !plan.open_end;
    for (place, (hidden, name)) in columns(row, [1.0, 1.0], 3.0)
        .into_iter()
        .zip([(true, "at the end"), (false, "each trial")])
    {
        let is_on = (plan.hide_score || !scores) == hidden && plan.kind != Kind::Training
            || plan.kind == Kind::Training && !hidden;
        let response = inside(ui, place, |ui| {
            ui.add_enabled_ui(scores, |ui| {
                segment(ui, place.size(), is_on, name, &format!("Score {name}"))
            })
            .inner
        });
        if response.clicked() {
            asked = Some(TestPlan {
                hide_score: hidden,
                ..plan
            });
        }
    }
    if let Some(plan) = asked.filter(|asked| *asked != plan) {
        cx.ask(Action::Test(TestEdit::Plan(plan)));
    }
    begin(ui, split_bottom(rect, 26.0, 0.0).0, view, cx);
}

fn begin(ui: &mut Ui, rect: Rect, view: &PlanView, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let ready = view.refusal.is_none();
    let button = rect.with_max_x(rect.left() + 130.0);
    let response = inside(ui, button, |ui| {
        ui.add_enabled_ui(ready, |ui| {
            switch(ui, button.size(), ready, "Begin", "Begin the test", palette.accent)
        })
        .inner
    });
    if response.clicked() {
        cx.ask(Action::Test(TestEdit::Begin));
    }
    let words = rect.with_min_x(button.right() + 10.0);
    let (text, color) = match &view.refusal {
        Some(why) => (why.as_str(), palette.notice),
        None => (about(view.plan.kind), palette.weak),
    };
    label_in(ui, words, text, 11.5, color, Align2::LEFT_CENTER).on_hover_text(text);
}

fn pair(ui: &mut Ui, row: Rect, plan: TestPlan, asked: &mut Option<TestPlan>) {
    let names = SOURCES.map(|source| match source {
        Source::A => "slot A",
        Source::B => "slot B",
        Source::Reference => "reference",
        _ => "dry input",
    });
    let at = |source: Source| SOURCES.iter().position(|other| *other == source).unwrap_or(0);
    let [first, second] = plan.pair;
    if plan.kind == Kind::Likeness {
        for (place, (source, name)) in columns(row, [1.0, 1.0], 3.0)
            .into_iter()
            .zip([(Source::A, "slot A"), (Source::B, "slot B")])
        {
            let response = inside(ui, place, |ui| {
                segment(ui, place.size(), first == source, name, &format!("Model in {name}"))
            });
            if response.clicked() {
                *asked = Some(TestPlan {
                    pair: [source, second],
                    ..plan
                });
            }
        }
        return;
    }
    let [left, right] = columns(row, [1.0, 1.0], 3.0);
    let hint = "What stands behind this letter in the test";
    if let Some(index) = inside(ui, left, |ui| choice(ui, "test A", "", &names, at(first), hint)) {
        *asked = Some(TestPlan {
            pair: [SOURCES[index], second],
            ..plan
        });
    }
    if let Some(index) = inside(ui, right, |ui| choice(ui, "test B", "", &names, at(second), hint)) {
        *asked = Some(TestPlan {
            pair: [first, SOURCES[index]],
            ..plan
        });
    }
}

/// Names, loudness, trim and delay of what is compared, and what to see to first.
fn set_up(ui: &mut Ui, rect: Rect, view: &PlanView, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let (table, rest) = split_top(rect, 18.0 * (1.0 + 2.0) + 2.0, 6.0);
    candidates(ui, table, &view.candidates);
    let (bottom, middle) = split_bottom(rest, 26.0, 6.0);
    let mut top = middle.top();
    for warning in &view.warnings {
        let line = Rect::from_min_size(pos2(middle.left(), top), vec2(middle.width(), 17.0));
        if line.bottom() > middle.bottom() + 1.0 {
            break;
        }
        ui.painter()
            .circle_filled(pos2(line.left() + 4.0, line.center().y), 3.0, palette.notice);
        label_in(
            ui,
            line.with_min_x(line.left() + 14.0),
            warning,
            12.0,
            palette.text,
            Align2::LEFT_CENTER,
        )
        .on_hover_text(warning);
        top += 18.0;
    }
    line(ui, bottom, |ui| {
        let response = press(ui, vec2(112.0, 24.0), "Match loudness");
        let hint = "Measures the loudness of all over the same passage (ITU-R BS.1770) and sets the trims, to 0.1 dB";
        if response.on_hover_text(hint).clicked() {
            cx.ask(Action::MatchLoudness);
        }
        let (text, color) = match &cx.view.loudness.state {
            LoudnessState::Idle => ("not matched".to_owned(), palette.weak),
            LoudnessState::Listening(seconds) => (format!("listening, {seconds:.1} s"), palette.weak),
            LoudnessState::Matched => ("matched".to_owned(), palette.good),
            LoudnessState::Stale => ("changed since: match again".to_owned(), palette.notice),
            LoudnessState::Failed(why) => (why.clone(), palette.error),
        };
        crate::editor::widgets::label(ui, &text, 12.0, color).on_hover_text(&text);
    });
}

/// A small table; its head and a row for each.
pub fn candidates(ui: &mut Ui, rect: Rect, list: &[CandidateView]) {
    let palette = theme::of(ui);
    let shares = [0.34, 1.5, 0.78, 0.7, 0.72];
    let aligns = [
        Align2::LEFT_CENTER,
        Align2::LEFT_CENTER,
        Align2::RIGHT_CENTER,
        Align2::RIGHT_CENTER,
        Align2::RIGHT_CENTER,
    ];
    let mut top = rect.top();
    let mut put = |ui: &mut Ui, texts: [String; 5], color| {
        let row = Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), 18.0));
        top += 18.0;
        for ((place, text), align) in columns(row, shares, 6.0).into_iter().zip(texts).zip(aligns) {
            if !text.is_empty() {
                label_in(ui, place, &text, 11.5, color, align).on_hover_text(&text);
            }
        }
    };
    put(
        ui,
        ["", "Set-up", "LUFS", "Trim", "Delay"].map(str::to_owned),
        palette.weak,
    );
    for candidate in list {
        let minus = |text: String| text.replace('-', "−");
        let texts = [
            candidate.role.clone(),
            candidate.name.clone(),
            candidate
                .lufs
                .map_or_else(|| "–".to_owned(), |lufs| minus(format!("{lufs:.1}"))),
            minus(format!("{:.2}", candidate.trim_db)),
            minus(format!("{:.2}", candidate.delay)),
        ];
        put(ui, texts, palette.text);
    }
}
