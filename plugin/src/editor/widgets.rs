//! Knob, level meter, figure: drawn by hand, with accessible names.

use super::theme::{self, ACCENT, BACKGROUND, ERROR, FIELD, GOOD, LINE, NOTICE, TEXT, WEAK};
use egui::{Align2, Color32, CornerRadius, Pos2, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};
use nice_plug::prelude::{FloatParam, Param, ParamSetter};
use std::f32::consts::{PI, TAU};

/// Width and height of a knob with its texts.
pub const KNOB: egui::Vec2 = vec2(72.0, 92.0);

/// The same for a small one.
pub const KNOB_SMALL: egui::Vec2 = vec2(58.0, 76.0);

/// Pointer travel from one end to the other, in points.
const TRAVEL: f32 = 220.0;

/// A knob for `param` with a name above and a value below, [`KNOB`] or [`KNOB_SMALL`] high. Drag up and down (Shift: finer), wheel, double click for `default`
/// (normalised).
pub fn knob(
    ui: &mut Ui,
    size: egui::Vec2,
    param: &FloatParam,
    name: &str,
    value: &str,
    default: f32,
    setter: Option<&ParamSetter<'_>>,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let position = param.unmodulated_normalized_value();
    response.widget_info(|| WidgetInfo::slider(true, f64::from(position), format!("{name} {value}")));
    if let Some(setter) = setter {
        turn(ui, &response, param, position, default, setter);
    }
    let lively = response.hovered() || response.dragged();
    let centre = pos2(rect.center().x, rect.top() + 44.0 / 92.0 * rect.height());
    draw_dial(ui, centre, 22.0 / 92.0 * rect.height(), position, default, lively);
    caption(ui, pos2(centre.x, rect.top() + 7.0), name, WEAK, 11.5, rect.width());
    caption(ui, pos2(centre.x, rect.bottom() - 9.0), value, TEXT, 12.0, rect.width());
    response
}

fn turn(ui: &Ui, response: &Response, param: &FloatParam, position: f32, default: f32, setter: &ParamSetter<'_>) {
    if response.drag_started() {
        setter.begin_set_parameter(param);
    }
    if response.dragged() {
        let fine = if ui.input(|input| input.modifiers.shift) {
            0.1
        } else {
            1.0
        };
        let moved = position - response.drag_delta().y * fine / TRAVEL;
        setter.set_parameter_normalized(param, moved.clamp(0.0, 1.0));
    }
    if response.drag_stopped() {
        setter.end_set_parameter(param);
    }
    let wheel = if response.hovered() {
        ui.input(|input| input.smooth_scroll_delta.y)
    } else {
        0.0
    };
    let target = if response.double_clicked() {
        Some(default)
    } else if wheel.abs() > 0.5 && !response.dragged() {
        Some((position + wheel / 1200.0).clamp(0.0, 1.0))
    } else {
        None
    };
    if let Some(target) = target {
        setter.begin_set_parameter(param);
        setter.set_parameter_normalized(param, target);
        setter.end_set_parameter(param);
    }
}

/// Angle of `position` on the dial: 0 is at the lower left, 1 at the lower right.
fn angle(position: f32) -> f32 {
    0.75 * PI + 1.5 * PI * position
}

fn arc(centre: Pos2, radius: f32, from: f32, to: f32) -> Vec<Pos2> {
    // At most a full circle: a few dozen pieces.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let pieces = ((to - from).abs() / TAU * 64.0).ceil().max(1.0) as u16;
    (0..=pieces)
        .map(|piece| {
            let at = from + (to - from) * f32::from(piece) / f32::from(pieces);
            centre + radius * vec2(at.cos(), at.sin())
        })
        .collect()
}

fn draw_dial(ui: &Ui, centre: Pos2, radius: f32, position: f32, default: f32, lively: bool) {
    let painter = ui.painter();
    let line = |from: f32, to: f32, stroke: Stroke| {
        painter.add(egui::Shape::line(arc(centre, radius, angle(from), angle(to)), stroke));
    };
    line(0.0, 1.0, Stroke::new(4.0, FIELD));
    // From the middle for what has a zero there, else from the left.
    let origin = if (default - 0.5).abs() < 1e-3 { 0.5 } else { 0.0 };
    if (position - origin).abs() > 1e-3 {
        line(origin.min(position), origin.max(position), Stroke::new(4.0, ACCENT));
    }
    let face = if lively { theme::FIELD_HOVER } else { FIELD };
    painter.circle(centre, radius - 6.0, face, Stroke::new(1.0, LINE));
    let direction = vec2(angle(position).cos(), angle(position).sin());
    painter.line_segment(
        [centre + direction * 6.0, centre + direction * (radius - 7.0)],
        Stroke::new(2.5, if lively { ACCENT } else { TEXT }),
    );
}

/// Text centred at `at`, shortened to `width`.
fn caption(ui: &Ui, at: Pos2, text: &str, color: Color32, size: f32, width: f32) {
    let galley = shortened(ui, text, color, size, width);
    let corner = Align2::CENTER_CENTER.anchor_size(at, galley.size()).min;
    ui.painter().galley(corner, galley, color);
}

/// `text` on one line, shortened to `width`.
fn shortened(ui: &Ui, text: &str, color: Color32, size: f32, width: f32) -> std::sync::Arc<egui::Galley> {
    let painter = ui.painter();
    let mut shown = text.to_owned();
    loop {
        let galley = painter.layout_no_wrap(shown.clone(), theme::font(size), color);
        let length = shown.chars().count();
        if galley.size().x <= width || length < 3 {
            return galley;
        }
        shown = shown.chars().take(length - 2).collect::<String>() + "…";
    }
}

/// One line of a list: its name on the left, marked if it is the chosen one.
pub fn row(ui: &mut Ui, text: &str, is_chosen: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_chosen, text));
    let fill = match (is_chosen, response.hovered()) {
        (true, _) => theme::CHOSEN,
        (false, true) => FIELD,
        (false, false) => Color32::TRANSPARENT,
    };
    ui.painter().rect_filled(rect, CornerRadius::same(4), fill);
    let color = if is_chosen { ACCENT } else { TEXT };
    let galley = shortened(ui, text, color, 13.0, rect.width() - 16.0);
    let corner = Align2::LEFT_CENTER
        .anchor_size(rect.left_center() + vec2(8.0, 0.0), galley.size())
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
}

/// A small button that takes something away.
pub fn cross(ui: &mut Ui, name: &str) -> Response {
    icon(ui, Icon::Cross, name)
}

/// A small button with a drawn sign.
pub fn icon(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(26.0, 22.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    let painter = ui.painter();
    let fill = if response.hovered() { theme::FIELD_HOVER } else { FIELD };
    painter.rect(
        rect,
        CornerRadius::same(4),
        fill,
        Stroke::new(1.0, LINE),
        egui::StrokeKind::Inside,
    );
    let color = if response.is_pointer_button_down_on() {
        ACCENT
    } else {
        TEXT
    };
    let centre = rect.center();
    let triangle = |points: [egui::Vec2; 3]| {
        let points = points.map(|offset| centre + offset).to_vec();
        painter.add(egui::Shape::convex_polygon(points, color, Stroke::NONE));
    };
    match icon {
        Icon::Previous => triangle([vec2(3.5, -5.0), vec2(3.5, 5.0), vec2(-4.5, 0.0)]),
        Icon::Next => triangle([vec2(-3.5, -5.0), vec2(4.5, 0.0), vec2(-3.5, 5.0)]),
        Icon::Cross => {
            for (from, to) in [(vec2(-4.0, -4.0), vec2(4.0, 4.0)), (vec2(-4.0, 4.0), vec2(4.0, -4.0))] {
                painter.line_segment([centre + from, centre + to], Stroke::new(1.6, color));
            }
        }
        Icon::Again => {
            painter.add(egui::Shape::line(
                arc(centre, 5.0, -0.3 * PI, 1.35 * PI),
                Stroke::new(1.6, color),
            ));
            triangle([vec2(0.2, -6.8), vec2(6.2, -6.0), vec2(2.0, -1.4)]);
        }
    }
    response.on_hover_text(name)
}

/// A switch: filled with `color` while it is on.
pub fn switch(ui: &mut Ui, size: egui::Vec2, is_on: bool, text: &str, color: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Switch, true, is_on, text));
    let (fill, ink) = match (is_on, response.hovered()) {
        (true, _) => (color, BACKGROUND),
        (false, true) => (theme::FIELD_HOVER, TEXT),
        (false, false) => (FIELD, TEXT),
    };
    let painter = ui.painter();
    painter.rect(
        rect,
        CornerRadius::same(5),
        fill,
        Stroke::new(1.0, LINE),
        egui::StrokeKind::Inside,
    );
    painter.text(
        rect.center(),
        Align2::CENTER_CENTER,
        text,
        theme::font(if size.y < 26.0 { 12.0 } else { 13.0 }),
        ink,
    );
    response
}

/// Lowest level shown, in dB.
const FLOOR_DB: f32 = -60.0;

/// Position of a level on the meter, 0 … 1.
pub fn meter_position(level_db: f32) -> f32 {
    ((level_db - FLOOR_DB) / -FLOOR_DB).clamp(0.0, 1.0)
}

/// A level meter over `rect`, from −60 to 0 dB, with a name below.
pub fn meter(ui: &mut Ui, rect: Rect, name: &str, level_db: f32) {
    let response = ui.interact(rect, ui.scope_id().with(("meter", name)), Sense::hover());
    let text = if level_db <= FLOOR_DB {
        "silent".to_owned()
    } else {
        format!("{level_db:.1} dB")
    };
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, format!("{name} level {text}")));
    let response = response.on_hover_text(format!("{name}: {text}"));
    let painter = ui.painter();
    let bar = Rect::from_min_max(response.rect.min, response.rect.max - vec2(0.0, 18.0));
    painter.rect_filled(bar, CornerRadius::same(3), BACKGROUND);
    let inner = bar.shrink(2.0);
    for (from, to, color) in [(FLOOR_DB, -12.0, GOOD), (-12.0, -3.0, NOTICE), (-3.0, 0.0, ERROR)] {
        let top = level_db.min(to);
        if top > from {
            let y = |db: f32| inner.bottom() - inner.height() * meter_position(db);
            let part = Rect::from_min_max(pos2(inner.left(), y(top)), pos2(inner.right(), y(from)));
            painter.rect_filled(part, CornerRadius::same(1), color);
        }
    }
    for db in [-48.0, -36.0, -24.0, -12.0, -3.0] {
        let y = inner.bottom() - inner.height() * meter_position(db);
        painter.line_segment(
            [pos2(inner.left(), y), pos2(inner.right(), y)],
            Stroke::new(1.0, BACKGROUND.gamma_multiply(0.8)),
        );
    }
    let at = pos2(rect.center().x, rect.bottom() - 7.0);
    caption(ui, at, name, WEAK, 11.5, rect.width() + 12.0);
}

/// A figure with a title above it, and a weaker line below it; all are shortened to the width, and whole on hover.
pub fn figure(ui: &mut Ui, title: &str, value: &str, detail: &str, color: Color32) {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let label = |ui: &mut Ui, text: &str, size: f32, color: Color32| {
            let text = egui::RichText::new(text).font(theme::font(size)).color(color);
            ui.add(egui::Label::new(text).truncate());
        };
        label(ui, title, 11.0, WEAK);
        label(ui, value, 14.5, color);
        label(ui, detail, 11.0, WEAK);
    })
    .response
    .on_hover_text(format!("{title}: {value}\n{detail}"));
}
