//! A level meter with peak hold and a clip latch.

use super::text::caption;
use crate::editor::theme;
use egui::{CornerRadius, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// Lowest level shown, in dB.
const FLOOR_DB: f32 = -60.0;
/// How fast a level falls, in dB per second.
const FALL_DB: f32 = 26.0;
/// How long the highest level is held, in seconds.
const HOLD_SECONDS: f32 = 1.5;

/// Position of a level on the meter, 0 … 1.
pub fn meter_position(level_db: f32) -> f32 {
    ((level_db - FLOOR_DB) / -FLOOR_DB).clamp(0.0, 1.0)
}

/// What one meter remembers between two frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeterMemory {
    /// The level shown, in dB; falls slowly.
    pub level_db: f32,
    /// The highest level of the last while, in dB.
    pub hold_db: f32,
    /// For how long that is still held, in seconds.
    held: f32,
    /// The highest level since the last click that reached full scale, in dB; `None`: none did.
    pub clip_db: Option<f32>,
}

impl Default for MeterMemory {
    fn default() -> Self {
        Self {
            level_db: f32::NEG_INFINITY,
            hold_db: f32::NEG_INFINITY,
            held: 0.0,
            clip_db: None,
        }
    }
}

impl MeterMemory {
    /// The largest magnitude `peak` (linear) of the `seconds` since the last call.
    pub fn follow(&mut self, peak: f32, seconds: f32) {
        let now = 20.0 * peak.log10();
        self.level_db = now.max(self.level_db - FALL_DB * seconds);
        self.held -= seconds;
        if now >= self.hold_db || self.held <= 0.0 {
            let from = if now >= self.hold_db { now } else { self.level_db };
            (self.hold_db, self.held) = (from, HOLD_SECONDS);
        }
        if peak >= 1.0 {
            self.clip_db = Some(now.max(self.clip_db.unwrap_or(0.0)));
        }
    }
}

/// A level meter over `rect`, from −60 to 0 dB, with its clip light above and its name below. A click on it forgets hold and clip.
pub fn meter(ui: &mut Ui, rect: Rect, name: &str, memory: &mut MeterMemory) {
    let palette = theme::of(ui);
    let level_db = memory.level_db;
    let response = ui.interact(rect, ui.scope_id().with(("meter", name)), Sense::click());
    let tell = |level: f32| {
        if level <= FLOOR_DB || level.is_nan() {
            "silent".to_owned()
        } else {
            format!("{level:.1} dB").replace('-', "−")
        }
    };
    let clip = memory
        .clip_db
        .map_or_else(String::new, |clip| format!(", clipped at +{clip:.1} dB"));
    let about = format!("{name} level {}{clip}", tell(level_db));
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &about));
    if response.clicked() {
        *memory = MeterMemory {
            level_db,
            ..MeterMemory::default()
        };
    }
    let light = Rect::from_min_size(rect.min, vec2(rect.width(), 6.0));
    let lit = if memory.clip_db.is_some() {
        palette.error
    } else {
        palette.field
    };
    ui.painter().rect_filled(light, CornerRadius::same(2), lit);
    let bar = Rect::from_min_max(rect.min + vec2(0.0, 9.0), rect.max - vec2(0.0, 34.0));
    let painter = ui.painter();
    painter.rect_filled(bar, CornerRadius::same(3), palette.well);
    let inner = bar.shrink(2.0);
    let y = |db: f32| inner.bottom() - inner.height() * meter_position(db);
    let zones = [
        (FLOOR_DB, -12.0, palette.good),
        (-12.0, -3.0, palette.notice),
        (-3.0, 0.0, palette.error),
    ];
    for (from, to, color) in zones {
        let top = level_db.min(to);
        if top > from {
            let part = Rect::from_min_max(pos2(inner.left(), y(top)), pos2(inner.right(), y(from)));
            painter.rect_filled(part, CornerRadius::same(1), color);
        }
    }
    for db in [-48.0, -36.0, -24.0, -12.0, -3.0] {
        let line = [pos2(inner.left(), y(db)), pos2(inner.right(), y(db))];
        painter.line_segment(line, Stroke::new(1.0, palette.panel.gamma_multiply(0.8)));
    }
    if memory.hold_db > FLOOR_DB {
        let line = [
            pos2(inner.left(), y(memory.hold_db)),
            pos2(inner.right(), y(memory.hold_db)),
        ];
        painter.line_segment(line, Stroke::new(2.0, palette.text));
    }
    let peak = memory.clip_db.unwrap_or(memory.hold_db);
    let figure = if peak <= FLOOR_DB || peak.is_nan() {
        "–".to_owned()
    } else {
        format!("{peak:.1}").replace('-', "−")
    };
    let color = if memory.clip_db.is_some() {
        palette.error
    } else {
        palette.text
    };
    let width = rect.width() + 14.0;
    caption(
        ui,
        pos2(rect.center().x, rect.bottom() - 24.0),
        &figure,
        color,
        11.0,
        width,
    );
    caption(
        ui,
        pos2(rect.center().x, rect.bottom() - 8.0),
        name,
        palette.weak,
        11.5,
        width,
    );
    let hold = tell(memory.hold_db);
    response.on_hover_ui(|ui| {
        ui.label(format!("{about}\nhighest of the last while {hold}"));
        ui.label("Peak level in dB of full scale. Click to forget the clip light.");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_level_is_held_and_then_let_go() {
        let mut memory = MeterMemory::default();
        memory.follow(0.5, 0.03);
        assert!((memory.hold_db + 6.02).abs() < 0.01);
        memory.follow(0.01, 1.0);
        assert!((memory.hold_db + 6.02).abs() < 0.01);
        assert!(memory.level_db < -30.0);
        memory.follow(0.01, 1.0);
        assert!(memory.hold_db < -30.0);
    }

    #[test]
    fn full_scale_is_remembered() {
        let mut memory = MeterMemory::default();
        memory.follow(f32::NAN, 0.03);
        assert_eq!(memory.clip_db, None);
        memory.follow(2.0, 0.03);
        memory.follow(1.1, 5.0);
        let clip = memory.clip_db.expect("it clipped");
        assert!((clip - 6.02).abs() < 0.01, "{clip}");
    }
}
