//! Buttons: with a key, as one of several, as a switch, with a drawn sign, as a line of a list.

use super::knob::arc;
use super::text::{caption, shortened};
use crate::editor::theme::{self, SMALL_ROUND};
use egui::{Align2, Color32, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2};
use std::f32::consts::PI;

/// Fill and text of a button.
fn colors(ui: &Ui, response: &Response, is_on: bool, color: Color32) -> (Color32, Color32) {
    let palette = theme::of(ui);
    match (response.enabled(), is_on, response.hovered()) {
        (false, false, _) => (palette.panel, palette.weak.gamma_multiply(0.6)),
        (_, true, _) => (color, palette.ink),
        (true, false, true) => (palette.hover, palette.text),
        (true, false, false) => (palette.field, palette.text),
    }
}

fn face(ui: &Ui, rect: Rect, fill: Color32, response: &Response) {
    let palette = theme::of(ui);
    let edge = if response.has_focus() {
        palette.accent
    } else {
        palette.line
    };
    ui.painter()
        .rect(rect, SMALL_ROUND, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
}

/// A plain button with a text.
pub fn press(ui: &mut Ui, size: Vec2, text: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, response.enabled(), text));
    let (fill, ink) = colors(ui, &response, false, Color32::TRANSPARENT);
    face(ui, rect, fill, &response);
    caption(ui, rect.center(), text, ink, 12.5, rect.width() - 8.0);
    response
}

/// A switch: filled with `color` while it is on. Its name for those who cannot see it is `name`.
pub fn switch(ui: &mut Ui, size: Vec2, is_on: bool, text: &str, name: &str, color: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Switch, response.enabled(), is_on, name));
    let (fill, ink) = colors(ui, &response, is_on, color);
    face(ui, rect, fill, &response);
    caption(ui, rect.center(), text, ink, 12.0, rect.width() - 6.0);
    response
}

/// A key, as it is drawn on buttons.
pub fn key_hint(ui: &Ui, rect: Rect, key: &str, color: Color32) {
    let edge = color.gamma_multiply(0.55);
    ui.painter()
        .rect_stroke(rect, 3.0, Stroke::new(1.0, edge), StrokeKind::Inside);
    caption(ui, rect.center(), key, color, 10.5, rect.width());
}

/// A button that a key presses as well; the key stands on it.
pub fn key_button(ui: &mut Ui, size: Vec2, is_on: bool, text: &str, key: &str, color: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, response.enabled(), is_on, format!("{text} ({key})")));
    let (fill, ink) = colors(ui, &response, is_on, color);
    face(ui, rect, fill, &response);
    // Wide enough for the key's name.
    #[allow(clippy::cast_precision_loss)]
    let key_width = 10.0 + 6.5 * key.chars().count() as f32;
    let big = size.y >= 40.0;
    let key_rect = if big {
        Rect::from_center_size(pos2(rect.center().x, rect.bottom() - 13.0), vec2(key_width, 16.0))
    } else {
        Rect::from_center_size(
            pos2(rect.right() - 5.0 - key_width / 2.0, rect.center().y),
            vec2(key_width, 16.0),
        )
    };
    let text_at = if big {
        pos2(rect.center().x, rect.top() + (size.y - 18.0) / 2.0)
    } else {
        pos2(rect.center().x - key_width / 2.0, rect.center().y)
    };
    let text_size = if big { (size.y * 0.3).clamp(15.0, 26.0) } else { 13.0 };
    let room = if big {
        rect.width() - 10.0
    } else {
        rect.width() - key_width - 14.0
    };
    caption(ui, text_at, text, ink, text_size, room);
    key_hint(ui, key_rect, key, ink.gamma_multiply(0.8));
    response
}

/// One of several that exclude each other.
pub fn segment(ui: &mut Ui, size: Vec2, is_on: bool, text: &str, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, response.enabled(), is_on, name));
    let accent = theme::of(ui).accent;
    let (fill, ink) = colors(ui, &response, is_on, accent);
    face(ui, rect, fill, &response);
    caption(ui, rect.center(), text, ink, 12.5, rect.width() - 6.0);
    response
}

/// The tab of a panel; as wide as its text.
pub fn tab(ui: &mut Ui, is_on: bool, text: &str) -> Response {
    let palette = theme::of(ui);
    let galley = shortened(ui, text, Color32::PLACEHOLDER, 13.0, 200.0);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 20.0, 26.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, is_on, text));
    let color = match (is_on, response.hovered()) {
        (true, _) => palette.accent,
        (false, true) => palette.text,
        (false, false) => palette.weak,
    };
    if is_on {
        let bar = Rect::from_min_max(
            pos2(rect.left() + 6.0, rect.bottom() - 2.0),
            pos2(rect.right() - 6.0, rect.bottom()),
        );
        ui.painter().rect_filled(bar, 1.0, palette.accent);
    }
    let corner = Align2::CENTER_CENTER.anchor_size(rect.center(), galley.size()).min;
    ui.painter().galley(corner, galley, color);
    if response.has_focus() {
        ui.painter()
            .rect_stroke(rect, SMALL_ROUND, Stroke::new(1.0, palette.accent), StrokeKind::Inside);
    }
    response
}

/// One line of a list: its name on the left, marked if it is the chosen one; `sign` stands before folders.
pub fn row(ui: &mut Ui, text: &str, name: &str, is_chosen: bool, sign: Option<Icon>) -> Response {
    let palette = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_chosen, name));
    let fill = match (is_chosen, response.hovered()) {
        (true, _) => palette.chosen,
        (false, true) => palette.field,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, SMALL_ROUND, fill);
    let color = if is_chosen { palette.accent } else { palette.text };
    let mut left = 8.0;
    if let Some(sign) = sign {
        draw_icon(ui, pos2(rect.left() + 14.0, rect.center().y), sign, palette.weak);
        left = 26.0;
    }
    let galley = shortened(ui, text, color, 13.0, rect.width() - left - 4.0);
    let corner = Align2::LEFT_CENTER
        .anchor_size(rect.left_center() + vec2(left, 0.0), galley.size())
        .min;
    ui.painter().galley(corner, galley, color);
    response
}

/// What an [`icon`] shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// A triangle to the left.
    Previous,
    /// A triangle to the right.
    Next,
    /// An arrow that goes round.
    Again,
    /// Two crossed lines.
    Cross,
    /// A folder.
    Folder,
    /// An arrow up.
    Up,
    /// Two arrows, one to each side.
    Swap,
    /// An arrow to the right.
    Right,
    /// An arrow to the left.
    Left,
    /// A wave: an impulse response.
    Wave,
    /// A circle, half of it filled: light or dark.
    Shade,
}

/// A small button with a drawn sign.
pub fn icon(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    let palette = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(26.0, 22.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, response.enabled(), name));
    let (fill, ink) = colors(ui, &response, false, palette.accent);
    face(ui, rect, fill, &response);
    let ink = if response.is_pointer_button_down_on() {
        palette.accent
    } else {
        ink
    };
    draw_icon(ui, rect.center(), icon, ink);
    response.on_hover_text(name)
}

/// A sign of about 12 points around `centre`.
fn draw_icon(ui: &Ui, centre: egui::Pos2, icon: Icon, color: Color32) {
    let painter = ui.painter();
    let stroke = Stroke::new(1.6, color);
    let triangle = |points: [Vec2; 3]| {
        let points = points.map(|offset| centre + offset).to_vec();
        painter.add(egui::Shape::convex_polygon(points, color, Stroke::NONE));
    };
    let segment = |from: Vec2, to: Vec2| {
        painter.line_segment([centre + from, centre + to], stroke);
    };
    match icon {
        Icon::Previous => triangle([vec2(3.5, -5.0), vec2(3.5, 5.0), vec2(-4.5, 0.0)]),
        Icon::Next => triangle([vec2(-3.5, -5.0), vec2(4.5, 0.0), vec2(-3.5, 5.0)]),
        Icon::Cross => {
            segment(vec2(-4.0, -4.0), vec2(4.0, 4.0));
            segment(vec2(-4.0, 4.0), vec2(4.0, -4.0));
        }
        Icon::Again => {
            painter.add(egui::Shape::line(arc(centre, 5.0, -0.3 * PI, 1.35 * PI), stroke));
            triangle([vec2(0.2, -6.8), vec2(6.2, -6.0), vec2(2.0, -1.4)]);
        }
        Icon::Folder => {
            let outline = [
                (-6.0, -4.5),
                (-1.5, -4.5),
                (0.0, -2.5),
                (6.0, -2.5),
                (6.0, 4.5),
                (-6.0, 4.5),
            ];
            let outline = outline.map(|(x, y)| centre + vec2(x, y)).to_vec();
            painter.add(egui::Shape::closed_line(outline, Stroke::new(1.3, color)));
        }
        Icon::Up => {
            segment(vec2(0.0, 5.0), vec2(0.0, -4.0));
            triangle([vec2(-4.0, -1.0), vec2(0.0, -6.0), vec2(4.0, -1.0)]);
        }
        Icon::Swap => {
            segment(vec2(-5.0, -3.0), vec2(3.0, -3.0));
            triangle([vec2(2.0, -6.0), vec2(6.5, -3.0), vec2(2.0, 0.0)]);
            segment(vec2(5.0, 3.0), vec2(-3.0, 3.0));
            triangle([vec2(-2.0, 0.0), vec2(-6.5, 3.0), vec2(-2.0, 6.0)]);
        }
        Icon::Right => {
            segment(vec2(-6.0, 0.0), vec2(3.0, 0.0));
            triangle([vec2(1.5, -4.0), vec2(6.5, 0.0), vec2(1.5, 4.0)]);
        }
        Icon::Left => {
            segment(vec2(6.0, 0.0), vec2(-3.0, 0.0));
            triangle([vec2(-1.5, -4.0), vec2(-6.5, 0.0), vec2(-1.5, 4.0)]);
        }
        Icon::Wave => {
            let points = [
                (-6.0, 0.0),
                (-4.0, -5.0),
                (-2.0, 4.0),
                (0.0, -3.0),
                (2.0, 2.0),
                (4.0, -1.0),
                (6.0, 0.0),
            ];
            let points = points.map(|(x, y)| centre + vec2(x, y)).to_vec();
            painter.add(egui::Shape::line(points, Stroke::new(1.2, color)));
        }
        Icon::Shade => {
            painter.circle_stroke(centre, 5.5, stroke);
            let mut half = arc(centre, 5.5, -0.5 * PI, 0.5 * PI);
            half.push(centre - vec2(0.0, 5.5));
            painter.add(egui::Shape::convex_polygon(half, color, Stroke::NONE));
        }
    }
}
