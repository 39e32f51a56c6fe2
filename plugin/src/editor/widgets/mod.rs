//! What panels are made of, drawn by hand, with accessible names.

mod button;
mod field;
mod knob;
mod meter;
mod plot;
mod text;

pub use button::{Icon, icon, key_button, key_hint, press, row, segment, switch, tab};
pub use field::{Amount, amount, choice, number};
pub use knob::{KNOB, KNOB_SMALL, arc, knob, turn};
pub use meter::{MeterMemory, meter, meter_position};
pub use plot::{Axis, curves, frequency_axis, heat, heat_color, heat_map};
pub use text::{caption, figure, label, label_in, shortened, wrapped};

use super::theme::{self, ROUND};
use egui::{Align, Layout, Rect, Ui, UiBuilder, vec2};
use nice_plug::prelude::{Param, ParamSetter};

/// Who sets parameters; `None`: they can only be looked at.
pub type Setter<'a> = Option<&'a ParamSetter<'a>>;

/// Sets `param` as one gesture.
pub fn set<P: Param>(setter: Setter<'_>, param: &P, value: P::Plain) {
    if let Some(setter) = setter {
        setter.begin_set_parameter(param);
        setter.set_parameter(param, value);
        setter.end_set_parameter(param);
    }
}

/// `body` in `rect`, from the top, cut at its edges.
pub fn inside<R>(ui: &mut Ui, rect: Rect, body: impl FnOnce(&mut Ui) -> R) -> R {
    ui.scope_builder(
        UiBuilder::new().max_rect(rect).layout(Layout::top_down(Align::Min)),
        |ui| {
            ui.set_clip_rect(rect.intersect(ui.clip_rect()));
            body(ui)
        },
    )
    .inner
}

/// `body` in one line in `rect`, from the left.
pub fn line<R>(ui: &mut Ui, rect: Rect, body: impl FnOnce(&mut Ui) -> R) -> R {
    let layout = Layout::left_to_right(Align::Center);
    ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout), |ui| {
        ui.set_clip_rect(rect.intersect(ui.clip_rect()));
        body(ui)
    })
    .inner
}

/// A panel over `rect` with `body` inside its margins.
pub fn panel<R>(ui: &mut Ui, rect: Rect, body: impl FnOnce(&mut Ui) -> R) -> R {
    ui.painter().rect_filled(rect, ROUND, theme::of(ui).panel);
    inside(ui, rect.shrink2(vec2(10.0, 8.0)), body)
}

/// `area` cut into columns by `shares`, with `gap` between.
pub fn columns<const COUNT: usize>(area: Rect, shares: [f32; COUNT], gap: f32) -> [Rect; COUNT] {
    let whole: f32 = shares.iter().sum();
    // A handful.
    #[allow(clippy::cast_precision_loss)]
    let width = (area.width() - gap * COUNT.saturating_sub(1) as f32).max(0.0);
    let mut left = area.left();
    shares.map(|share| {
        let column = Rect::from_min_size(egui::pos2(left, area.top()), vec2(width * share / whole, area.height()));
        left = column.right() + gap;
        column
    })
}

/// The first `height` of `area`, and what is left below `gap`.
pub fn split_top(area: Rect, height: f32, gap: f32) -> (Rect, Rect) {
    let height = height.min(area.height());
    let top = area.with_max_y(area.top() + height);
    let rest = area.with_min_y((top.bottom() + gap).min(area.bottom()));
    (top, rest)
}

/// The last `height` of `area`, and what is left above `gap`.
pub fn split_bottom(area: Rect, height: f32, gap: f32) -> (Rect, Rect) {
    let height = height.min(area.height());
    let bottom = area.with_min_y(area.bottom() - height);
    let rest = area.with_max_y((bottom.top() - gap).max(area.top()));
    (bottom, rest)
}
