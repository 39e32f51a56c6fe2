//! Level meters of input, output and reference.

use super::Cx;
use crate::editor::controls;
use crate::editor::widgets::{columns, meter};
use egui::{Rect, Ui, vec2};

/// Width with margins.
pub const WIDTH: f32 = 108.0;

/// Draws them over `rect`.
pub fn meters(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let seconds = ui.input(|input| input.stable_dt).clamp(0.0, 0.2);
    for (memory, peak) in cx.memory.meters.iter_mut().zip(cx.view.peaks) {
        memory.follow(peak, seconds);
    }
    let uses = controls::uses_reference(cx.params);
    let names = if uses {
        &["In", "Out", "Ref"][..]
    } else {
        &["In", "Out"][..]
    };
    // Two or three.
    #[allow(clippy::cast_precision_loss)]
    let places = if uses {
        columns(rect, [1.0, 1.0, 1.0], 0.0)
    } else {
        columns(rect, [1.0, 1.0, 0.001], 0.0)
    };
    for ((name, place), memory) in names.iter().zip(places).zip(&mut cx.memory.meters) {
        let place = Rect::from_center_size(place.center(), vec2(16.0, rect.height()));
        meter(ui, place, name, memory);
    }
}
