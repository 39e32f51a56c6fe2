//! The result of a listening test: the whole window again.

use super::{Cx, test};
use crate::editor::theme;
use crate::editor::view::{Action, Answer, Kind, Proportion, ResultView, TestEdit, Verdict};
use crate::editor::widgets::{columns, inside, label, label_in, press, split_bottom, split_top, wrapped};
use egui::{Align2, Rect, Role, ScrollArea, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// Draws it over the whole window.
pub fn verdict(ui: &mut Ui, all: Rect, result: &ResultView, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let size = vec2((all.width() - 40.0).min(820.0), (all.height() - 32.0).min(620.0));
    let area = Rect::from_center_size(all.center(), size);
    let (title, rest) = split_top(area, 22.0, 6.0);
    let name = match result.plan.kind {
        Kind::Abx => "Result of the ABX test",
        Kind::Training => "Training: nothing counted",
        Kind::Likeness => "Result of the likeness test",
        Kind::Preference => "Result of the preference test",
    };
    label_in(ui, title, name, 13.0, palette.weak, Align2::LEFT_CENTER);
    let (words, rest) = split_top(rest, 104.0, 10.0);
    inside(ui, words, |ui| sentences(ui, result));
    let (bars, rest) = split_top(rest, 44.0 * bar_count(result) + 20.0, 10.0);
    proportions(ui, bars, result);
    let (bottom, rest) = split_bottom(rest, 96.0, 10.0);
    let [trials, setup] = columns(rest, [1.0, 1.25], 24.0);
    table(ui, trials, result);
    inside(ui, setup, |ui| test::candidates(ui, setup, &result.candidates));
    foot(ui, bottom, result, cx);
}

// A handful.
#[allow(clippy::cast_precision_loss)]
fn bar_count(result: &ResultView) -> f32 {
    result.proportions.len().clamp(1, 3) as f32
}

/// The result in one sentence, if the test itself has none.
fn headline(result: &ResultView) -> String {
    if let Some(why) = &result.voided {
        return format!("This test does not count: {why}");
    }
    let main = result.proportions.first();
    let [count, of] = main.map_or([0, 0], |main| [main.count, main.of]);
    let p = main
        .and_then(|main| main.p)
        .map_or_else(String::new, |p| format!(" (p = {p:.3})"));
    match (result.verdict, result.plan.kind) {
        (Verdict::NotCounted, _) => format!("{count} of {of} right."),
        (Verdict::Significant, Kind::Preference) => format!("A preference was shown: {count} of {of}{p}."),
        (Verdict::NotSignificant, Kind::Preference) => format!("No preference was shown: {count} of {of}{p}."),
        (Verdict::Significant, _) => format!("A and B were told apart: {count} of {of} right{p}."),
        (Verdict::NotSignificant, _) => format!("Not shown that A and B can be told apart: {count} of {of} right{p}."),
    }
}

fn sentences(ui: &mut Ui, result: &ResultView) {
    let palette = theme::of(ui);
    let color = match (result.voided.is_some(), result.verdict) {
        (true, _) => palette.notice,
        (_, Verdict::Significant) => palette.good,
        _ => palette.text,
    };
    let own = headline(result);
    let (first, others) = match result.sentences.split_first() {
        Some((first, others)) if result.voided.is_none() => (first.as_str(), others),
        _ => (own.as_str(), &[][..]),
    };
    wrapped(ui, first, 21.0, color);
    ui.add_space(4.0);
    for sentence in others {
        wrapped(ui, sentence, 13.0, palette.text);
    }
    if others.is_empty()
        && let Some(rate) = result.detectable
    {
        let text = format!(
            "So many trials find, 8 times out of 10, a listener who is right in at least {:.0} % of them. A smaller difference may be there and stay unfound.",
            100.0 * rate
        );
        wrapped(ui, &text, 13.0, palette.weak);
    }
}

/// Shares with their intervals, on one scale from 0 to 100 %.
fn proportions(ui: &mut Ui, rect: Rect, result: &ResultView) {
    let palette = theme::of(ui);
    for (index, share) in result.proportions.iter().take(3).enumerate() {
        // At most three.
        #[allow(clippy::cast_precision_loss)]
        let row = Rect::from_min_size(rect.min + vec2(0.0, 44.0 * index as f32), vec2(rect.width(), 40.0));
        proportion(ui, row, share);
    }
    let left = rect.left() + 190.0;
    let scale = Rect::from_min_max(
        pos2(left, rect.bottom() - 20.0),
        pos2(rect.right() - 60.0, rect.bottom()),
    );
    for (at, text) in [(0.0, "0 %"), (0.5, "50 %: guessing"), (1.0, "100 %")] {
        let x = scale.left() + scale.width() * at;
        let place = Rect::from_center_size(pos2(x, scale.center().y), vec2(110.0, 16.0));
        label_in(ui, place, text, 11.0, palette.weak, Align2::CENTER_CENTER);
    }
}

fn proportion(ui: &mut Ui, rect: Rect, share: &Proportion) {
    let palette = theme::of(ui);
    let name = rect.with_max_x(rect.left() + 180.0);
    let (top, below) = split_top(name, 20.0, 0.0);
    label_in(ui, top, &share.name, 13.0, palette.text, Align2::LEFT_CENTER);
    let p = share.p.map_or_else(String::new, |p| format!(", p = {p:.4}"));
    let text = format!("{} of {}{p}", share.count, share.of);
    label_in(ui, below, &text, 12.0, palette.weak, Align2::LEFT_CENTER);
    let bar = Rect::from_min_max(
        pos2(rect.left() + 190.0, rect.center().y - 8.0),
        pos2(rect.right() - 60.0, rect.center().y + 8.0),
    );
    let response = ui.interact(bar, ui.scope_id().with(("share", &share.name)), Sense::hover());
    let percent = 100.0 * f64::from(share.count) / f64::from(share.of.max(1));
    let [low, high] = share.interval.map(|end| 100.0 * end);
    let about = format!("{}: {percent:.0} %, 95 % interval {low:.0} to {high:.0} %", share.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Meter, true, &about));
    // 0 … 100.
    #[allow(clippy::cast_possible_truncation)]
    let x = |percent: f64| bar.left() + bar.width() * (percent / 100.0).clamp(0.0, 1.0) as f32;
    ui.painter().rect_filled(bar, 3.0, palette.field);
    let interval = Rect::from_min_max(pos2(x(low), bar.top()), pos2(x(high), bar.bottom()));
    ui.painter()
        .rect_filled(interval, 3.0, palette.accent.gamma_multiply(0.45));
    let middle = [pos2(x(50.0), bar.top() - 4.0), pos2(x(50.0), bar.bottom() + 4.0)];
    ui.painter().line_segment(middle, Stroke::new(1.0, palette.weak));
    ui.painter()
        .circle_filled(pos2(x(percent), bar.center().y), 6.0, palette.accent);
    let figure = Rect::from_min_max(pos2(bar.right() + 8.0, rect.top()), rect.max);
    label_in(
        ui,
        figure,
        &format!("{percent:.0} %"),
        16.0,
        palette.text,
        Align2::RIGHT_CENTER,
    );
    response.on_hover_text(about);
}

fn table(ui: &mut Ui, rect: Rect, result: &ResultView) {
    let palette = theme::of(ui);
    let letter = |answer: Option<Answer>| match answer {
        Some(Answer::A) => "A",
        Some(Answer::B) => "B",
        None => "–",
    };
    let shares = [0.5, 0.8, 0.7, 0.7, 0.8];
    let (head, rest) = split_top(rect, 18.0, 2.0);
    for (place, text) in columns(head, shares, 4.0)
        .into_iter()
        .zip(["Trial", "X was", "Answer", "", "Time"])
    {
        if !text.is_empty() {
            label_in(ui, place, text, 11.5, palette.weak, Align2::LEFT_CENTER);
        }
    }
    inside(ui, rest, |ui| {
        ScrollArea::vertical()
            .id_salt("trials")
            .auto_shrink([false, false])
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (index, trial) in result.trials.iter().enumerate() {
                    let (row, _) = ui.allocate_exact_size(vec2(rest.width() - 12.0, 18.0), Sense::hover());
                    let (right, color) = match trial.right {
                        Some(true) => ("right", palette.good),
                        Some(false) => ("wrong", palette.error),
                        None => ("–", palette.weak),
                    };
                    let texts = [
                        ((index + 1).to_string(), palette.weak),
                        (trial.was.clone(), palette.text),
                        (letter(trial.vote).to_owned(), palette.text),
                        (right.to_owned(), color),
                        (format!("{:.1} s", trial.seconds), palette.weak),
                    ];
                    for (place, (text, color)) in columns(row, shares, 4.0).into_iter().zip(texts) {
                        label_in(ui, place, &text, 12.0, color, Align2::LEFT_CENTER);
                    }
                }
            });
    });
}

fn foot(ui: &mut Ui, rect: Rect, result: &ResultView, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let (words, buttons) = split_top(rect, 60.0, 8.0);
    inside(ui, words, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let lines = [
            ("Commitment (SHA-256)", result.commitment.clone()),
            ("Opened by", result.nonce.clone()),
            (
                "Log",
                result
                    .log
                    .as_ref()
                    .map_or_else(|| "not written".to_owned(), |path| path.display().to_string()),
            ),
        ];
        for (name, value) in lines {
            let text = format!("{name}  {value}");
            label(ui, &text, 11.0, palette.weak).on_hover_text(&text);
        }
    });
    let place = buttons.with_max_x(buttons.left() + 120.0);
    let place = place.with_max_y(place.top() + 26.0);
    if inside(ui, place, |ui| press(ui, place.size(), "Close")).clicked() {
        cx.ask(Action::Test(TestEdit::Close));
    }
}
