//! A slot against the reference: how deep the null is, where in the spectrum the model is wrong, and at which levels.

use super::{Cx, spectrum};
use crate::editor::theme;
use crate::editor::view::{Action, DifferenceState, DifferenceView, Source, Trace};
use crate::editor::widgets::{columns, curves, heat_map, inside, label, label_in, press, segment, split_top, wrapped};
use egui::{Align2, Color32, Rect, Ui, vec2};

/// Draws the panel over `rect`.
pub fn difference(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let view = &cx.view.difference;
    let left = rect.with_max_x(rect.left() + 196.0);
    let right = rect.with_min_x(left.right() + 12.0);
    numbers(ui, left, cx);
    if let DifferenceState::Off(why) = &view.state {
        let place = right.shrink2(vec2(right.width() * 0.12, right.height() * 0.35));
        inside(ui, place, |ui| {
            ui.vertical_centered(|ui| wrapped(ui, why, 13.0, theme::of(ui).weak))
        });
        return;
    }
    let [plot, map] = columns(right, [0.5, 0.5], 12.0);
    let (title, plot) = split_top(plot, 16.0, 3.0);
    let words = title.with_max_x(title.left() + 0.45 * title.width());
    label_in(ui, words, "Spectrum", 11.5, theme::of(ui).weak, Align2::LEFT_CENTER);
    spectrum::legend(ui, title, [Trace::Difference, Trace::Reference].into_iter());
    let lines = spectrum::drawn(ui, &view.spectrum.curves);
    let name = "Spectra of the reference and of the difference";
    curves(ui, plot, &view.spectrum.hz, &lines, spectrum::LEVELS, name);
    let (title, place) = split_top(map, 16.0, 3.0);
    let words = "Error in dB, over level and frequency";
    label_in(ui, title, words, 11.5, theme::of(ui).weak, Align2::LEFT_CENTER);
    match &view.map {
        Some(map) => heat_map(ui, place, &map.levels_db, &map.hz, &map.cells, "Error map"),
        None => heat_map(ui, place, &[], &[], &[], "Error map, nothing heard yet"),
    }
}

fn numbers(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let view = &cx.view.difference;
    let (choice, rest) = split_top(rect, 22.0, 6.0);
    let [a, b, reset] = columns(choice, [0.3, 0.3, 0.4], 4.0);
    for (place, source) in [(a, Source::A), (b, Source::B)] {
        let name = format!("Compare slot {} with the reference", source.name());
        let response = inside(ui, place, |ui| {
            segment(ui, place.size(), view.of == source, source.name(), &name)
        });
        if response.on_hover_text(name).clicked() {
            cx.ask(Action::CompareSlot(source));
        }
    }
    let response = inside(ui, reset, |ui| press(ui, reset.size(), "Start afresh"));
    if response.on_hover_text("Forgets what was heard so far").clicked() {
        cx.ask(Action::ResetDifference);
    }
    let live = view.state == DifferenceState::Live;
    let (depth, rest) = split_top(rest, 46.0, 2.0);
    let (null, color) = if live {
        (
            format!("{:.1} dB", view.null_db).replace('-', "−"),
            depth_color(ui, view.null_db),
        )
    } else {
        ("–".to_owned(), palette.weak)
    };
    inside(ui, depth, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let hint = "Level of what is left of the reference when the slot, with its best gain and delay, is taken away. Lower is better.";
        label(ui, "Null depth", 11.0, palette.weak);
        label(ui, &null, 24.0, color).on_hover_text(hint);
    });
    let lines = lines(view, live);
    // Nine lines.
    #[allow(clippy::cast_precision_loss)]
    let step = (rest.height() / lines.len() as f32).min(17.0);
    for (index, (name, value, hint)) in lines.into_iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let line = Rect::from_min_size(rest.min + vec2(0.0, step * index as f32), vec2(rest.width(), step));
        let (left, right) = (
            line.with_max_x(line.center().x + 22.0),
            line.with_min_x(line.center().x + 24.0),
        );
        let size = if step < 15.0 { 11.0 } else { 12.0 };
        label_in(ui, left, name, size, palette.weak, Align2::LEFT_CENTER).on_hover_text(hint);
        let ink = if live { palette.text } else { palette.weak };
        label_in(ui, right, &value, size, ink, Align2::RIGHT_CENTER).on_hover_text(hint);
    }
}

fn depth_color(ui: &Ui, null_db: f64) -> Color32 {
    let palette = theme::of(ui);
    match null_db {
        db if db <= -30.0 => palette.good,
        db if db <= -12.0 => palette.text,
        _ => palette.notice,
    }
}

fn lines(view: &DifferenceView, live: bool) -> Vec<(&'static str, String, &'static str)> {
    let show = |text: String| {
        if live {
            text.replace('-', "−")
        } else {
            "–".to_owned()
        }
    };
    vec![
        (
            "ESR",
            show(format!("{:.5}", view.esr)),
            "Error-to-signal ratio: energy of the difference over that of the reference",
        ),
        (
            "ESR, pre-emphasis",
            show(format!("{:.5}", view.esr_preemphasis)),
            "The same after a high-pass that weighs treble more, as trainers use it",
        ),
        (
            "MR-STFT",
            show(format!("{:.3}", view.mr_stft)),
            "Distance of the magnitude spectra at several resolutions; blind to phase",
        ),
        (
            "Correlation",
            show(format!("{:.4}", view.correlation)),
            "1: the same shape",
        ),
        (
            "Best gain",
            show(format!("{:+.2} dB", view.gain_db)),
            "Gain of the slot that makes the difference smallest",
        ),
        (
            "Best delay",
            show(format!("{:+.3} smp", view.delay)),
            "How much later the reference is",
        ),
        (
            "Polarity",
            if live {
                (if view.inverted { "inverted" } else { "same" }).to_owned()
            } else {
                "–".to_owned()
            },
            "Of the reference, against the slot",
        ),
        (
            "Heard",
            if live || view.seconds > 0.0 {
                format!("{:.1} s", view.seconds)
            } else {
                "–".to_owned()
            },
            "Over how much of the last seconds the figures are",
        ),
    ]
}
