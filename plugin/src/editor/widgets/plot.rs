//! Curves over frequency, and a map of colours.

use super::text::shortened;
use crate::editor::theme;
use egui::{Align2, Color32, CornerRadius, Pos2, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// One axis of a plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Value at the left or the bottom.
    pub min: f32,
    /// Value at the right or the top.
    pub max: f32,
    /// Spaced by ratio, not by difference.
    pub logarithmic: bool,
}

impl Axis {
    /// 0 … 1 along the axis.
    pub fn position(self, value: f32) -> f32 {
        let share = if self.logarithmic {
            (value / self.min).ln() / (self.max / self.min).ln()
        } else {
            (value - self.min) / (self.max - self.min)
        };
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    fn x(self, area: Rect, value: f32) -> f32 {
        area.left() + area.width() * self.position(value)
    }

    fn y(self, area: Rect, value: f32) -> f32 {
        area.bottom() - area.height() * self.position(value)
    }
}

/// What is heard: 20 Hz to 20 kHz.
pub const fn frequency_axis() -> Axis {
    Axis {
        min: 20.0,
        max: 20_000.0,
        logarithmic: true,
    }
}

/// Frequencies with a line and a name.
const MARKS: [(f32, &str); 3] = [(100.0, "100"), (1000.0, "1k"), (10_000.0, "10k")];
/// Frequencies with a line only.
const LINES: [f32; 8] = [20.0, 50.0, 200.0, 500.0, 2000.0, 5000.0, 15_000.0, 20_000.0];

fn note(ui: &Ui, at: Pos2, anchor: Align2, text: &str) {
    let color = theme::of(ui).weak;
    let galley = shortened(ui, text, color, 10.0, 90.0);
    let corner = anchor.anchor_size(at, galley.size()).min;
    ui.painter().galley(corner, galley, color);
}

/// Curves of dB over frequency in `rect`, each with its colour: `hz` are the bands' centres, `[bands]` each curve. `name` tells those who
/// cannot see it what it is.
pub fn curves(ui: &mut Ui, rect: Rect, hz: &[f32], curves: &[(&[f32], Color32)], level: Axis, name: &str) {
    let palette = theme::of(ui);
    let response = ui.interact(rect, ui.scope_id().with(("plot", name)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.rect_filled(rect, CornerRadius::same(4), palette.well);
    let area = Rect::from_min_max(rect.min + vec2(30.0, 6.0), rect.max - vec2(8.0, 16.0));
    let x_axis = frequency_axis();
    let faint = Stroke::new(1.0, palette.line.gamma_multiply(0.55));
    for hz in LINES.into_iter().chain(MARKS.map(|(hz, _)| hz)) {
        let x = x_axis.x(area, hz);
        painter.line_segment([pos2(x, area.top()), pos2(x, area.bottom())], faint);
    }
    for (hz, name) in MARKS {
        note(
            ui,
            pos2(x_axis.x(area, hz), area.bottom() + 2.0),
            Align2::CENTER_TOP,
            name,
        );
    }
    note(
        ui,
        pos2(area.left() - 4.0, area.bottom() + 2.0),
        Align2::RIGHT_TOP,
        "Hz",
    );
    let step = if level.max - level.min > 70.0 && area.height() < 130.0 {
        40.0
    } else {
        20.0
    };
    let mut db = (level.max / step).floor() * step;
    while db >= level.min {
        let y = level.y(area, db);
        painter.line_segment([pos2(area.left(), y), pos2(area.right(), y)], faint);
        note(
            ui,
            pos2(area.left() - 4.0, y),
            Align2::RIGHT_CENTER,
            &format!("{db:.0}").replace('-', "−"),
        );
        db -= step;
    }
    let inside = painter.with_clip_rect(area.intersect(painter.clip_rect()));
    for (values, color) in curves {
        let points: Vec<Pos2> = (hz.iter().zip(values.iter()))
            .filter(|(hz, _)| (x_axis.min..=x_axis.max).contains(*hz))
            .map(|(hz, db)| {
                let db = if db.is_nan() { level.min } else { *db };
                pos2(x_axis.x(area, *hz), level.y(area, db))
            })
            .collect();
        inside.add(egui::Shape::line(points, Stroke::new(1.6, *color)));
    }
    if let Some(at) = response.hover_pos().filter(|at| area.contains(*at)) {
        let share = (at.x - area.left()) / area.width();
        let hz = x_axis.min * (x_axis.max / x_axis.min).powf(share);
        let db = level.min + (level.max - level.min) * (area.bottom() - at.y) / area.height();
        response.on_hover_text(format!("{hz:.0} Hz, {db:.1} dB"));
    }
}

/// Colour of an error of `db`, from −60 (black violet) over red to 0 (light yellow).
pub fn heat(db: f32) -> Color32 {
    heat_color((db + 60.0) / 60.0)
}

/// Colour at `share`, 0 … 1, of a scale whose lightness rises evenly.
pub fn heat_color(share: f32) -> Color32 {
    const STOPS: [[f32; 3]; 6] = [
        [20.0, 11.0, 52.0],
        [76.0, 16.0, 108.0],
        [145.0, 37.0, 104.0],
        [212.0, 72.0, 66.0],
        [249.0, 142.0, 9.0],
        [252.0, 240.0, 160.0],
    ];
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 } * 5.0;
    // 0 … 4.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = (share.floor() as usize).min(4);
    #[allow(clippy::cast_precision_loss)]
    let part = share - at as f32;
    let [red, green, blue] = std::array::from_fn(|index| {
        let mix = STOPS[at][index] + (STOPS[at + 1][index] - STOPS[at][index]) * part;
        // 0 … 255.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let byte = mix.round() as u8;
        byte
    });
    Color32::from_rgb(red, green, blue)
}

/// A map of `cells` (`[levels, frequencies]`, dB, NaN: nothing heard) in `rect`, with axes and a legend.
pub fn heat_map(ui: &mut Ui, rect: Rect, levels_db: &[f32], hz: &[f32], cells: &[f32], name: &str) {
    let palette = theme::of(ui);
    let response = ui.interact(rect, ui.scope_id().with(("map", name)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.rect_filled(rect, CornerRadius::same(4), palette.well);
    let area = Rect::from_min_max(rect.min + vec2(34.0, 6.0), rect.max - vec2(46.0, 16.0));
    let (rows, columns) = (levels_db.len(), hz.len());
    // Small grids.
    #[allow(clippy::cast_precision_loss)]
    let cell = vec2(area.width() / columns.max(1) as f32, area.height() / rows.max(1) as f32);
    let place = |row: usize, column: usize| {
        #[allow(clippy::cast_precision_loss)]
        let corner = pos2(
            area.left() + cell.x * column as f32,
            area.bottom() - cell.y * (row + 1) as f32,
        );
        Rect::from_min_size(corner, cell)
    };
    let mut mesh = egui::Mesh::default();
    for (index, db) in cells.iter().enumerate().filter(|(_, db)| !db.is_nan()) {
        let (row, column) = (index / columns.max(1), index % columns.max(1));
        if row < rows {
            mesh.add_colored_rect(place(row, column), heat(*db));
        }
    }
    painter.add(egui::Shape::mesh(mesh));
    painter.rect_stroke(area, 0.0, Stroke::new(1.0, palette.line), egui::StrokeKind::Outside);
    for (index, mark) in [(0, levels_db.first()), (rows.saturating_sub(1), levels_db.last())] {
        if let Some(db) = mark {
            let at = place(index, 0).left_center() - vec2(4.0, 0.0);
            note(ui, at, Align2::RIGHT_CENTER, &format!("{db:.0}").replace('-', "−"));
        }
    }
    note(
        ui,
        pos2(area.left() - 4.0, area.center().y),
        Align2::RIGHT_CENTER,
        "dBFS",
    );
    for (mark, text) in MARKS {
        let nearest = hz.iter().position(|hz| *hz >= mark);
        if let Some(column) = nearest.filter(|column| *column > 0 || hz.first().is_some_and(|hz| *hz <= mark)) {
            let at = pos2(place(0, column).center().x, area.bottom() + 2.0);
            note(ui, at, Align2::CENTER_TOP, text);
        }
    }
    note(
        ui,
        pos2(area.left() - 4.0, area.bottom() + 2.0),
        Align2::RIGHT_TOP,
        "Hz",
    );
    legend(ui, &painter, area);
    if let Some(at) = response.hover_pos().filter(|at| area.contains(*at)) {
        // Inside the area: 0 … rows and columns.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let (row, column) = (
            ((area.bottom() - at.y) / cell.y) as usize,
            ((at.x - area.left()) / cell.x) as usize,
        );
        let db = cells.get(row * columns + column).copied().unwrap_or(f32::NAN);
        let (level, hz) = (levels_db.get(row), hz.get(column));
        if let (Some(level), Some(hz)) = (level, hz) {
            let error = if db.is_nan() {
                "not heard yet".to_owned()
            } else {
                format!("error {db:.1} dB of the reference")
            };
            response.on_hover_text(format!("{hz:.0} Hz at {level:.0} dBFS: {error}"));
        }
    }
}

/// The scale of colours at the right of a map.
fn legend(ui: &Ui, painter: &egui::Painter, area: Rect) {
    let bar = Rect::from_min_max(
        pos2(area.right() + 10.0, area.top()),
        pos2(area.right() + 18.0, area.bottom()),
    );
    let mut mesh = egui::Mesh::default();
    for step in 0..32_u8 {
        let (from, to) = (f32::from(step) / 32.0, f32::from(step + 1) / 32.0);
        let part = Rect::from_min_max(
            pos2(bar.left(), bar.bottom() - bar.height() * to),
            pos2(bar.right(), bar.bottom() - bar.height() * from),
        );
        mesh.add_colored_rect(part, heat_color(from));
    }
    painter.add(egui::Shape::mesh(mesh));
    for (share, text) in [(0.0, "−60"), (0.5, "−30"), (1.0, "0 dB")] {
        let at = pos2(bar.right() + 3.0, bar.bottom() - bar.height() * share);
        let anchor = if share < 0.1 {
            Align2::LEFT_BOTTOM
        } else if share > 0.9 {
            Align2::LEFT_TOP
        } else {
            Align2::LEFT_CENTER
        };
        note(ui, at, anchor, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_hold_what_is_beyond_them_at_their_ends() {
        let axis = frequency_axis();
        assert!((axis.position(632.455) - 0.5).abs() < 1e-3);
        for odd in [0.0, -1.0, f32::NAN, f32::INFINITY, f32::MAX] {
            assert!((0.0..=1.0).contains(&axis.position(odd)), "{odd}");
        }
    }

    #[test]
    fn worse_is_lighter() {
        let light = |db: f32| {
            let [red, green, blue, _] = heat(db).to_array().map(u32::from);
            2 * red + 7 * green + blue
        };
        let steps: Vec<u32> = (0..=12_u8).map(|step| light(f32::from(step) * 5.0 - 60.0)).collect();
        assert!(steps.is_sorted(), "{steps:?}");
        assert_eq!(heat(f32::NAN), heat(-60.0));
        assert_eq!(heat(40.0), heat(0.0));
    }
}
