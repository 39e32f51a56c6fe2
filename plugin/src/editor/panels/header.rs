//! The strip at the top: name, what is heard, zoom, light or dark, bypass.

use super::Cx;
use crate::editor::controls;
use crate::editor::theme;
use crate::editor::view::{Action, Shade, Source};
use crate::editor::widgets::{Icon, icon, key_button, label, set, switch};
use egui::{Align, Layout, Rect, Sense, Stroke, Ui, UiBuilder, pos2, vec2};
use nice_plug::prelude::Param as _;

/// Its height.
pub const HEIGHT: f32 = 48.0;
/// Zoom factors that are offered, in %.
pub const ZOOMS: [u16; 8] = [50, 75, 90, 100, 125, 150, 175, 200];

/// The keys that choose a source, in the order of [`Source::ALL`].
pub const SOURCE_KEYS: [egui::Key; 5] = [
    egui::Key::Num1,
    egui::Key::Num2,
    egui::Key::Num3,
    egui::Key::Num4,
    egui::Key::Num5,
];

/// Draws it over `rect`.
pub fn header(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    brand(ui, rect);
    let wide = [70.0, 70.0, 112.0, 76.0, 112.0];
    let width: f32 = wide.iter().sum::<f32>() + 4.0 * 4.0;
    let left = (rect.center().x - width / 2.0).clamp(rect.left() + 140.0, rect.right().max(rect.left() + 140.0));
    let place = Rect::from_min_size(pos2(left, rect.center().y - 15.0), vec2(width, 30.0));
    sources(ui, place, wide, cx);
    let layout = Layout::right_to_left(Align::Center);
    ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout), |ui| right(ui, cx));
}

fn brand(ui: &mut Ui, rect: Rect) {
    let mark = Rect::from_center_size(pos2(rect.left() + 11.0, rect.center().y), vec2(22.0, 22.0));
    draw_mark(ui, mark);
    let name = Rect::from_min_max(
        pos2(mark.right() + 8.0, rect.top()),
        pos2(mark.right() + 112.0, rect.bottom()),
    );
    crate::editor::widgets::line(ui, name, |ui| label(ui, "Tonegraft", 20.0, theme::of(ui).text));
}

/// A wave that is clipped on the way: the plugin's mark.
fn draw_mark(ui: &mut Ui, rect: Rect) {
    ui.allocate_rect(rect, Sense::hover());
    let points = (0..=24_u8).map(|index| {
        let x = f32::from(index) / 24.0;
        let y = (x * std::f32::consts::TAU).sin() * 1.6;
        let y = if x > 0.5 { y.max(-0.62) } else { y };
        pos2(
            rect.left() + rect.width() * x,
            rect.center().y - rect.height() * 0.28 * y.clamp(-1.6, 1.6),
        )
    });
    let stroke = Stroke::new(2.5, theme::of(ui).accent);
    ui.painter().add(egui::Shape::line(points.collect(), stroke));
}

fn sources(ui: &mut Ui, place: Rect, wide: [f32; 5], cx: &mut Cx<'_>) {
    let heard = controls::heard(cx.params);
    let uses_reference = controls::uses_reference(cx.params);
    let accent = theme::of(ui).accent;
    let mut left = place.left();
    for ((source, width), key) in Source::ALL.into_iter().zip(wide).zip(["1", "2", "3", "4", "5"]) {
        let cell = Rect::from_min_size(pos2(left, place.top()), vec2(width, place.height()));
        left = cell.right() + 4.0;
        let needs_reference = matches!(source, Source::Reference | Source::Difference);
        let builder = UiBuilder::new().max_rect(cell);
        ui.scope_builder(builder, |ui| {
            if needs_reference && !uses_reference {
                ui.disable();
            }
            let response = key_button(ui, cell.size(), heard == source, source.name(), key, accent);
            if response.clicked() {
                controls::hear(cx.params, cx.setter, source);
            }
            let hint = hint(source, cx);
            response.on_hover_text(&hint).on_disabled_hover_text(hint);
        });
    }
}

fn hint(source: Source, cx: &Cx<'_>) -> String {
    let off = !controls::uses_reference(cx.params);
    let of = |slot: usize| cx.view.slots[slot].name.as_deref().unwrap_or("dry");
    match source {
        Source::A => format!("Hear slot A: {}", of(0)),
        Source::B => format!("Hear slot B: {}", of(1)),
        Source::Dry => "Hear the input, in time with the slots".to_owned(),
        Source::Reference | Source::Difference if off => {
            "Needs the reference: feed the real device into the side-chain and switch it on below".to_owned()
        }
        Source::Reference => "Hear the side-chain: the real device".to_owned(),
        Source::Difference => format!(
            "Hear what slot {} and the reference do not share, at most at full scale",
            cx.view.difference.of.name()
        ),
    }
}

fn right(ui: &mut Ui, cx: &mut Cx<'_>) {
    let bypassed = cx.params.bypass.unmodulated_plain_value();
    let text = if bypassed { "Bypassed" } else { "Bypass" };
    let notice = theme::of(ui).notice;
    let response = switch(ui, vec2(82.0, 28.0), bypassed, text, text, notice)
        .on_hover_text("Hear the input as it is, delayed by the same latency");
    if response.clicked() {
        set(cx.setter, &cx.params.bypass, !bypassed);
    }
    let (other, name) = match cx.view.shade {
        Shade::Dark => (Shade::Light, "Light colours"),
        Shade::Light => (Shade::Dark, "Dark colours"),
    };
    if icon(ui, Icon::Shade, name).clicked() {
        cx.ask(Action::Shade(other));
    }
    zoom(ui, cx);
}

fn zoom(ui: &mut Ui, cx: &mut Cx<'_>) {
    let now = (100.0 * cx.view.zoom).round();
    let shown = format!("{now:.0} %");
    let response = egui::ComboBox::from_id_salt("zoom")
        .selected_text(&shown)
        .width(62.0)
        .show_ui(ui, |ui| {
            for zoom in ZOOMS {
                let factor = f32::from(zoom) / 100.0;
                let chosen = (f32::from(zoom) - now).abs() < 0.5;
                if ui.selectable_label(chosen, format!("{zoom} %")).clicked() && !chosen {
                    cx.ask(Action::Zoom(factor));
                }
            }
        })
        .response;
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, format!("Zoom {shown}")));
    response.on_hover_text("Size of everything");
}
