//! Texts that never leave their place.

use crate::editor::theme::{self, font};
use egui::text::{LayoutJob, TextWrapping};
use egui::{Align2, Color32, Galley, Label, Pos2, Rect, Response, RichText, Role, Sense, Ui, WidgetInfo};
use std::sync::Arc;

/// `text` on one line, shortened to `width`.
pub fn shortened(ui: &Ui, text: &str, color: Color32, size: f32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font(size), color);
    job.wrap = TextWrapping::truncate_at_width(width.max(1.0));
    ui.painter().layout_job(job)
}

/// Text centred at `at`, shortened to `width`; not in the tree of names, because its widget has one.
pub fn caption(ui: &Ui, at: Pos2, text: &str, color: Color32, size: f32, width: f32) {
    let galley = shortened(ui, text, color, size, width);
    let corner = Align2::CENTER_CENTER.anchor_size(at, galley.size()).min;
    ui.painter().galley(corner, galley, color);
}

/// One line, shortened to what is there.
pub fn label(ui: &mut Ui, text: &str, size: f32, color: Color32) -> Response {
    let rich = RichText::new(text).font(font(size)).color(color);
    ui.add(Label::new(rich).truncate())
}

/// One line in `rect`, shortened to it, at the place in it that `align` tells.
pub fn label_in(ui: &mut Ui, rect: Rect, text: &str, size: f32, color: Color32, align: Align2) -> Response {
    let galley = shortened(ui, text, color, size, rect.width());
    let place = align.align_size_within_rect(galley.size(), rect);
    let response = ui.allocate_rect(place, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    ui.painter().galley(place.min, galley, color);
    response
}

/// Lines of text in what is there, cut at the bottom; whole on hover.
pub fn wrapped(ui: &mut Ui, text: &str, size: f32, color: Color32) -> Response {
    let rich = RichText::new(text).font(font(size)).color(color);
    ui.add(Label::new(rich).wrap())
}

/// A figure with a title above it, and a weaker line below it; all are shortened to the width, and whole on hover.
pub fn figure(ui: &mut Ui, title: &str, value: &str, detail: &str, color: Color32, hint: &str) {
    let weak = theme::of(ui).weak;
    let response = ui
        .vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            label(ui, title, 11.0, weak);
            label(ui, value, 14.0, color);
            label(ui, detail, 11.0, weak);
        })
        .response;
    response.on_hover_ui(|ui| {
        ui.label(format!("{title}: {value}\n{detail}"));
        if !hint.is_empty() {
            ui.label(hint);
        }
    });
}
