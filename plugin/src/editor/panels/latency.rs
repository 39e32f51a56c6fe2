//! What the host is told, what it is made of, whether that is true, and what to change to lower it.

use super::Cx;
use crate::editor::theme;
use crate::editor::view::{Action, LatencyMeasure, LatencyRow};
use crate::editor::widgets::{Amount, amount, inside, label, label_in, press, shortened, split_top, wrapped};
use egui::{Align2, Color32, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

/// Parts in the order of their colours.
const PARTS: [&str; 8] = [
    "look-ahead",
    "hop",
    "resampler",
    "oversampling",
    "runtime",
    "round trip",
    "alignment",
    "reserve",
];

/// The colour of the part called `name`.
pub fn color(ui: &Ui, name: &str) -> Color32 {
    let parts = &theme::of(ui).parts;
    let at = PARTS.iter().position(|part| *part == name).unwrap_or(5);
    parts.get(at).copied().unwrap_or(theme::of(ui).weak)
}

fn hint(name: &str) -> &'static str {
    match name {
        "look-ahead" => "the model needs input from the future",
        "hop" => "the model works in blocks, which have to be gathered",
        "resampler" => "between the host's sample rate and the model's",
        "oversampling" => "against the model's aliasing",
        "runtime" => "towards a runtime beside the audio thread",
        "alignment" => "waits for the slowest source",
        "reserve" => "kept free, so that slower models change nothing",
        _ => "part of the latency",
    }
}

/// Draws the panel over `rect`.
pub fn latency(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let left = rect.with_max_x(rect.left() + 190.0);
    let right = rect.with_min_x(left.right() + 16.0);
    total(ui, left, cx);
    let rows = cx.view.latency.rows.len().max(1);
    // A handful.
    #[allow(clippy::cast_precision_loss)]
    let height = (26.0 * rows as f32 + 30.0).min(right.height() * 0.7);
    let (bars, advice) = split_top(right, height, 8.0);
    stack(ui, bars, cx);
    inside(ui, advice, |ui| {
        let palette = theme::of(ui);
        label(ui, "To lower it", 11.5, palette.weak);
        if cx.view.latency.total == 0 {
            wrapped(ui, "Nothing to lower: no latency is added.", 12.5, palette.good);
        } else if cx.view.latency.advice.is_empty() {
            wrapped(ui, "This is what the loaded models need.", 12.5, palette.text);
        }
        egui::ScrollArea::vertical()
            .id_salt("advice")
            .auto_shrink([false, true])
            .show(ui, |ui| {
                for sentence in &cx.view.latency.advice {
                    wrapped(ui, &format!("•  {sentence}"), 12.5, palette.text);
                }
            });
    });
}

fn total(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let view = &cx.view.latency;
    inside(ui, rect, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        label(ui, "The host is told", 11.0, palette.weak);
        label(ui, &format!("{} samples", view.total), 24.0, palette.text);
        let ms = cx.view.milliseconds(f64::from(view.total));
        let ms = ms.map_or_else(|| "the host does not play yet".to_owned(), |ms| format!("{ms:.2} ms"));
        label(ui, &ms, 13.0, palette.weak);
        ui.add_space(8.0);
        let (text, color) = match &view.measured {
            LatencyMeasure::None => ("Not measured".to_owned(), palette.weak),
            LatencyMeasure::Running => ("Measuring …".to_owned(), palette.weak),
            LatencyMeasure::Found(frames) if (frames - f64::from(view.total)).abs() < 0.5 => {
                (format!("Measured {frames:.0} samples: it holds"), palette.good)
            }
            LatencyMeasure::Found(frames) => (format!("Measured {frames:.2} samples: not what is told"), palette.error),
            LatencyMeasure::Failed(why) => (why.clone(), palette.error),
        };
        let running = view.measured == LatencyMeasure::Running;
        let response = ui
            .add_enabled_ui(!running, |ui| press(ui, vec2(120.0, 24.0), "Measure"))
            .inner;
        let hint = "Sends a click through the live chain, muted, and looks where it comes out";
        if response.on_hover_text(hint).clicked() {
            cx.ask(Action::MeasureLatency);
        }
        ui.add_space(2.0);
        label(ui, &text, 12.0, color).on_hover_text(&text);
        ui.add_space(8.0);
        label(ui, "Reserve", 11.0, palette.weak);
        let how = Amount {
            min: 0.0,
            max: 48_000.0,
            speed: 4.0,
            digits: 0,
            unit: " smp",
        };
        let (moved, response) = amount(
            ui,
            vec2(120.0, 22.0),
            f64::from(view.reserve),
            0.0,
            how,
            "Latency reserve",
        );
        response.on_hover_text(
            "Latency to keep free: as long as models need no more, changing them changes nothing for the host. Drag, with Shift finely; double click for none.",
        );
        if let Some(moved) = moved {
            // Clamped to 0 … 48 000.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            cx.ask(Action::Reserve(moved.round() as u32));
        }
    });
}

/// One bar for each source, all equally long, and the names of the parts.
fn stack(ui: &mut Ui, rect: Rect, cx: &Cx<'_>) {
    let view = &cx.view.latency;
    let palette = theme::of(ui);
    let (head, rest) = split_top(rect, 16.0, 3.0);
    label_in(ui, head, "What it is made of", 11.5, palette.weak, Align2::LEFT_CENTER);
    // A handful.
    #[allow(clippy::cast_precision_loss)]
    let step = ((rest.height() - 14.0) / view.rows.len().max(1) as f32).min(26.0);
    let mut used: Vec<&str> = Vec::new();
    for (index, row) in view.rows.iter().enumerate() {
        #[allow(clippy::cast_precision_loss)]
        let top = rest.top() + step * index as f32;
        let line = Rect::from_min_size(pos2(rest.left(), top), vec2(rest.width(), step - 4.0));
        bar(ui, line, row, view.total, cx);
        for part in &row.parts {
            if !used.contains(&part.name.as_str()) {
                used.push(&part.name);
            }
        }
    }
    let mut left = rest.left() + 74.0;
    for name in used {
        let galley = shortened(ui, name, palette.weak, 11.0, 120.0);
        // A handful.
        #[allow(clippy::cast_precision_loss)]
        let y = rest.top() + step * view.rows.len() as f32 + 7.0;
        let square = Rect::from_center_size(pos2(left + 5.0, y), vec2(10.0, 10.0));
        ui.painter().rect_filled(square, 2.0, color(ui, name));
        let at = Align2::LEFT_CENTER.anchor_size(pos2(square.right() + 5.0, y), galley.size());
        left = at.right() + 14.0;
        ui.painter().galley(at.min, galley, palette.weak);
    }
}

fn bar(ui: &mut Ui, rect: Rect, row: &LatencyRow, total: u32, cx: &Cx<'_>) {
    let palette = theme::of(ui);
    let parts: Vec<String> = (row.parts.iter())
        .map(|part| {
            format!(
                "{} {}: {}",
                part.name,
                cx.view.samples_text(part.frames),
                hint(&part.name)
            )
        })
        .collect();
    let name = rect.with_max_x(rect.left() + 68.0);
    label_in(ui, name, &row.name, 12.5, palette.text, Align2::LEFT_CENTER);
    let area = Rect::from_min_max(pos2(rect.left() + 74.0, rect.top()), rect.max);
    let response = ui.interact(area, ui.scope_id().with(("bar", &row.name)), Sense::hover());
    let summary: Vec<String> = (row.parts.iter())
        .map(|part| format!("{} {:.0}", part.name, part.frames))
        .collect();
    let about = format!("Latency of {}: {}", row.name, summary.join(" + "));
    response.widget_info(|| WidgetInfo::labeled(Role::Meter, true, &about));
    ui.painter().rect_filled(area, 3.0, palette.well);
    let whole = f64::from(total)
        .max(row.parts.iter().map(|part| part.frames).sum::<f64>())
        .max(1.0);
    let mut left = area.left();
    for part in &row.parts {
        // A share of the width.
        #[allow(clippy::cast_possible_truncation)]
        let width = area.width() * (part.frames / whole) as f32;
        let piece = Rect::from_min_size(pos2(left, area.top()), vec2(width, area.height()));
        left = piece.right();
        let fill = color(ui, &part.name);
        ui.painter().rect_filled(piece, 2.0, fill);
        ui.painter()
            .rect_stroke(piece, 2.0, Stroke::new(1.0, palette.panel), StrokeKind::Inside);
        let text = format!("{:.0}", part.frames);
        if width > 30.0 {
            crate::editor::widgets::caption(ui, piece.center(), &text, ink_on(fill), 11.5, width - 4.0);
        }
    }
    if row.parts.is_empty() {
        let at = area.with_min_x(area.left() + 8.0);
        label_in(ui, at, "none", 11.5, palette.weak, Align2::LEFT_CENTER);
    }
    let text = if parts.is_empty() {
        "No latency".to_owned()
    } else {
        parts.join("\n")
    };
    response.on_hover_text(text);
}

/// Black or white, whichever stands out from `fill`.
fn ink_on(fill: Color32) -> Color32 {
    let [red, green, blue, _] = fill.to_array().map(u32::from);
    if 3 * red + 6 * green + blue > 1150 {
        Color32::from_rgb(0x14, 0x16, 0x1a)
    } else {
        Color32::WHITE
    }
}
