//! Spectra of input, output and reference.

use super::Cx;
use crate::editor::theme;
use crate::editor::view::{Curve, Trace};
use crate::editor::widgets::{Axis, curves, label_in, shortened, split_top};
use egui::{Align2, Color32, Rect, Ui, pos2, vec2};

/// Levels that are shown.
pub const LEVELS: Axis = Axis {
    min: -110.0,
    max: 0.0,
    logarithmic: false,
};

/// The colour of a curve.
pub fn color(ui: &Ui, trace: Trace) -> Color32 {
    let [input, output, reference, difference] = theme::of(ui).traces;
    match trace {
        Trace::Input => input,
        Trace::Output => output,
        Trace::Reference => reference,
        Trace::Difference => difference,
    }
}

/// Names of the curves with their colours, in one line in `rect`, from the right.
pub fn legend(ui: &Ui, rect: Rect, traces: impl Iterator<Item = Trace>) {
    let weak = theme::of(ui).weak;
    let mut right = rect.right();
    for trace in traces {
        let galley = shortened(ui, trace.name(), weak, 11.0, 120.0);
        let at = Align2::RIGHT_CENTER.anchor_size(pos2(right, rect.center().y), galley.size());
        let dash = Rect::from_center_size(pos2(at.left() - 12.0, rect.center().y), vec2(14.0, 3.0));
        ui.painter().galley(at.min, galley, weak);
        ui.painter().rect_filled(dash, 1.0, color(ui, trace));
        right = dash.left() - 12.0;
    }
}

/// `curves` as the plot wants them; those that are drawn last are seen best.
pub fn drawn<'a>(ui: &Ui, list: &'a [Curve]) -> Vec<(&'a [f32], Color32)> {
    list.iter().map(|curve| (&*curve.db, color(ui, curve.trace))).collect()
}

/// Draws the panel over `rect`.
pub fn spectrum(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let view = &cx.view.spectrum;
    let (top, plot) = split_top(rect, 18.0, 4.0);
    let text = "Level over frequency, averaged, in dB of full scale";
    let words = top.with_max_x(top.left() + 0.6 * top.width());
    label_in(ui, words, text, 11.5, theme::of(ui).weak, Align2::LEFT_CENTER);
    legend(ui, top, view.curves.iter().map(|curve| curve.trace).rev());
    let lines = drawn(ui, &view.curves);
    curves(
        ui,
        plot,
        &view.hz,
        &lines,
        LEVELS,
        "Spectra of input, output and reference",
    );
    if view.curves.is_empty() || view.hz.is_empty() {
        let text = "Nothing to show yet: play something.";
        label_in(ui, plot, text, 13.0, theme::of(ui).weak, Align2::CENTER_CENTER);
    }
}
