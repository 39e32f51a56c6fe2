//! The lower half: one panel at a time, chosen by its tab.

use super::{Cx, difference, latency, programs, rack, spectrum, test};
use crate::editor::theme;
use crate::editor::widgets::{inside, line, split_top, tab};
use egui::{Rect, Ui};

/// What the lower half shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bench {
    /// Gate, cabinet, tone, levels.
    #[default]
    Rack,
    /// The listening test.
    Test,
    /// A slot against the reference.
    Difference,
    /// Spectra of input, output and reference.
    Spectrum,
    /// The latency and its parts.
    Latency,
    /// Preloaded models.
    Programs,
}

impl Bench {
    /// All, in the order of their tabs.
    pub const ALL: [Self; 6] = [
        Self::Rack,
        Self::Test,
        Self::Difference,
        Self::Spectrum,
        Self::Latency,
        Self::Programs,
    ];

    /// On the tab.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rack => "Rack",
            Self::Test => "Listening test",
            Self::Difference => "Difference",
            Self::Spectrum => "Spectrum",
            Self::Latency => "Latency",
            Self::Programs => "Programs",
        }
    }
}

/// Least height, with the tabs.
pub const LEAST: f32 = 228.0;

/// Draws it over `rect`.
pub fn bench(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    ui.painter().rect_filled(rect, theme::ROUND, theme::of(ui).panel);
    let (tabs, body) = split_top(rect, 30.0, 0.0);
    line(ui, tabs.shrink2(egui::vec2(6.0, 2.0)), |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for choice in Bench::ALL {
            if tab(ui, cx.memory.bench == choice, choice.name()).clicked() {
                cx.memory.bench = choice;
            }
        }
    });
    let rule = egui::Stroke::new(1.0, theme::of(ui).line.gamma_multiply(0.6));
    ui.painter().hline(tabs.x_range(), tabs.bottom(), rule);
    let body = Rect::from_min_max(body.min + egui::vec2(10.0, 8.0), body.max - egui::vec2(10.0, 8.0));
    inside(ui, body, |ui| match cx.memory.bench {
        Bench::Rack => rack::rack(ui, body, cx),
        Bench::Test => test::test(ui, body, cx),
        Bench::Difference => difference::difference(ui, body, cx),
        Bench::Spectrum => spectrum::spectrum(ui, body, cx),
        Bench::Latency => latency::latency(ui, body, cx),
        Bench::Programs => programs::programs(ui, body, cx),
    });
}
