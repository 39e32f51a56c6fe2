//! The line of messages at the bottom.

use super::Cx;
use crate::editor::theme;
use crate::editor::view::{Action, Message, Weight};
use crate::editor::widgets::{inside, press};
use egui::{Color32, Galley, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use std::sync::Arc;

/// Least and greatest height; a longer message is cut, and whole on hover.
const HEIGHT: [f32; 2] = [36.0, 66.0];
/// Space at the right, for the button.
const DISMISS: f32 = 84.0;

fn color(ui: &Ui, weight: Weight) -> Color32 {
    let palette = theme::of(ui);
    match weight {
        Weight::Fine => palette.weak,
        Weight::Notice => palette.notice,
        Weight::Error => palette.error,
    }
}

/// The message as it is laid out in `width`, and the height it needs.
pub fn lay_out(ui: &Ui, message: &Message, width: f32) -> (Arc<Galley>, f32) {
    let room = (width - DISMISS - 36.0).max(100.0);
    let galley = ui
        .painter()
        .layout(message.text.clone(), theme::font(12.0), color(ui, message.weight), room);
    let height = (galley.size().y + 12.0).clamp(HEIGHT[0], HEIGHT[1]);
    (galley, height)
}

/// Draws it over `area`.
pub fn footer(ui: &mut Ui, area: Rect, words: Arc<Galley>, cx: &mut Cx<'_>) {
    let message = &cx.view.message;
    let weight = message.weight;
    let ink = color(ui, weight);
    if weight != Weight::Fine {
        let dot = pos2(area.left() + 8.0, area.center().y);
        ui.painter().circle_filled(dot, 4.0, ink);
    }
    let left = area.left() + if weight == Weight::Fine { 2.0 } else { 20.0 };
    let height = words.size().y.min(area.height());
    let place = Rect::from_min_size(pos2(left, area.center().y - height / 2.0), vec2(words.size().x, height));
    let response = ui.interact(place, ui.scope_id().with("message"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &message.text));
    ui.painter().with_clip_rect(area).galley(place.min, words, ink);
    response.on_hover_text(&message.text);
    if weight == Weight::Error {
        let button = Rect::from_min_max(
            pos2(area.right() - 76.0, area.center().y - 13.0),
            pos2(area.right(), area.center().y + 13.0),
        );
        if inside(ui, button, |ui| press(ui, button.size(), "Dismiss")).clicked() {
            cx.ask(Action::Dismiss);
        }
    }
}
