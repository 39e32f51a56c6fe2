//! A knob, and the gestures that move a parameter.

use super::Setter;
use super::text::caption;
use crate::editor::theme;
use egui::{Pos2, Response, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};
use nice_plug::prelude::{FloatParam, Param};
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
    setter: Setter<'_>,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let position = param.unmodulated_normalized_value();
    response.widget_info(|| WidgetInfo::slider(true, f64::from(position), format!("{name} {value}")));
    turn(ui, &response, param, default, setter);
    let palette = theme::of(ui);
    let lively = response.hovered() || response.dragged();
    let centre = pos2(rect.center().x, rect.top() + 44.0 / 92.0 * rect.height());
    draw_dial(ui, centre, 22.0 / 92.0 * rect.height(), position, default, lively);
    caption(
        ui,
        pos2(centre.x, rect.top() + 7.0),
        name,
        palette.weak,
        11.5,
        rect.width(),
    );
    caption(
        ui,
        pos2(centre.x, rect.bottom() - 9.0),
        value,
        palette.text,
        12.0,
        rect.width(),
    );
    response
}

/// What dragging up and down, the wheel and a double click on `response` do to `param`.
pub fn turn(ui: &Ui, response: &Response, param: &FloatParam, default: f32, setter: Setter<'_>) {
    let Some(setter) = setter else { return };
    let position = param.unmodulated_normalized_value();
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

/// Points on a circle from one angle to another, clockwise from the right.
pub fn arc(centre: Pos2, radius: f32, from: f32, to: f32) -> Vec<Pos2> {
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
    let (painter, palette) = (ui.painter(), theme::of(ui));
    let line = |from: f32, to: f32, stroke: Stroke| {
        painter.add(egui::Shape::line(arc(centre, radius, angle(from), angle(to)), stroke));
    };
    line(0.0, 1.0, Stroke::new(4.0, palette.field));
    // From the middle for what has a zero there, else from the left.
    let origin = if (default - 0.5).abs() < 1e-3 { 0.5 } else { 0.0 };
    if (position - origin).abs() > 1e-3 {
        line(
            origin.min(position),
            origin.max(position),
            Stroke::new(4.0, palette.accent),
        );
    }
    let face = if lively { palette.hover } else { palette.field };
    painter.circle(centre, radius - 6.0, face, Stroke::new(1.0, palette.line));
    let direction = vec2(angle(position).cos(), angle(position).sin());
    painter.line_segment(
        [centre + direction * 6.0, centre + direction * (radius - 7.0)],
        Stroke::new(2.5, if lively { palette.accent } else { palette.text }),
    );
}
