//! Fields: a parameter as a number, a plain number, a list to choose from.

use super::Setter;
use super::knob::turn;
use super::text::{caption, label};
use crate::editor::theme::{self, SMALL_ROUND};
use egui::{ComboBox, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};
use nice_plug::prelude::{FloatParam, Param};

fn well(ui: &Ui, rect: Rect, response: &Response, text: &str) {
    let palette = theme::of(ui);
    let lively = response.hovered() || response.dragged();
    let (edge, ink) = if lively {
        (palette.accent, palette.text)
    } else {
        (palette.line, palette.text)
    };
    ui.painter().rect(
        rect,
        SMALL_ROUND,
        palette.well,
        Stroke::new(1.0, edge),
        StrokeKind::Inside,
    );
    caption(ui, rect.center(), text, ink, 12.5, rect.width() - 6.0);
}

/// `param` as a number in a field: drag up and down (Shift: finer), wheel, double click for its default.
pub fn number(ui: &mut Ui, size: Vec2, param: &FloatParam, name: &str, setter: Setter<'_>) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let value = f64::from(param.unmodulated_plain_value());
    let text = param.to_string();
    response.widget_info(|| WidgetInfo::slider(true, value, format!("{name} {text}")));
    turn(ui, &response, param, param.default_normalized_value(), setter);
    well(ui, rect, &response, &text);
    if response.hovered() || response.dragged() {
        ui.ctx().set_cursor_icon(egui::CursorIcon::ResizeVertical);
    }
    response
}

/// How a plain number is shown and moved.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// Change for each point of pointer travel.
    pub speed: f64,
    /// Digits after the point.
    pub digits: usize,
    /// Unit with a space before it, or nothing.
    pub unit: &'static str,
}

/// A number that is no parameter: drag up and down (Shift: finer), double click for `default`; the new value, if it was moved.
pub fn amount(ui: &mut Ui, size: Vec2, value: f64, default: f64, how: Amount, name: &str) -> (Option<f64>, Response) {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let text = format!("{value:.*}{}", how.digits, how.unit).replace('-', "−");
    response.widget_info(|| WidgetInfo::slider(true, value, format!("{name} {text}")));
    well(ui, rect, &response, &text);
    if response.hovered() || response.dragged() {
        ui.ctx().set_cursor_icon(egui::CursorIcon::ResizeVertical);
    }
    let moved = if response.double_clicked() {
        Some(default)
    } else if response.dragged() {
        let fine = if ui.input(|input| input.modifiers.shift) {
            0.1
        } else {
            1.0
        };
        Some(value - f64::from(response.drag_delta().y) * how.speed * fine)
    } else {
        None
    };
    let moved = moved.map(|value| value.clamp(how.min, how.max));
    (moved.filter(|moved| (moved - value).abs() > f64::EPSILON), response)
}

/// A title above a list to choose from, told apart by `id`; gives the index chosen, if it is another.
pub fn choice(
    ui: &mut Ui,
    id: impl std::hash::Hash + std::fmt::Debug,
    title: &str,
    names: &[&str],
    now: usize,
    hint: &str,
) -> Option<usize> {
    let mut chosen = None;
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        if !title.is_empty() {
            label(ui, title, 11.0, theme::of(ui).weak);
        }
        let shown = names.get(now).copied().unwrap_or("–");
        let response = ComboBox::from_id_salt((title, id))
            .selected_text(shown)
            .width(ui.available_width())
            .truncate()
            .show_ui(ui, |ui| {
                for (index, name) in names.iter().enumerate() {
                    if ui.selectable_label(index == now, *name).clicked() {
                        chosen = Some(index);
                    }
                }
            })
            .response;
        response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("{title} {shown}")));
        response.on_hover_ui(|ui| {
            ui.label(shown);
            if !hint.is_empty() {
                ui.label(hint);
            }
        });
    });
    chosen.filter(|index| *index != now)
}
