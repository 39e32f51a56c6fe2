//! Colours, sizes and egui's style.

use egui::{Color32, CornerRadius, FontFamily, FontId, Stroke, TextStyle, Visuals};

/// Behind everything.
pub const BACKGROUND: Color32 = Color32::from_rgb(0x14, 0x16, 0x1a);
/// Panels on the background.
pub const PANEL: Color32 = Color32::from_rgb(0x1c, 0x1f, 0x25);
/// Fields and buttons on panels.
pub const FIELD: Color32 = Color32::from_rgb(0x27, 0x2b, 0x33);
/// Fields under the pointer.
pub const FIELD_HOVER: Color32 = Color32::from_rgb(0x33, 0x38, 0x42);
/// Behind the chosen line of a list.
pub const CHOSEN: Color32 = Color32::from_rgb(0x3f, 0x32, 0x1e);
/// Outlines.
pub const LINE: Color32 = Color32::from_rgb(0x33, 0x38, 0x42);
/// What the user is meant to see first.
pub const ACCENT: Color32 = Color32::from_rgb(0xf2, 0xa3, 0x3c);
/// Text.
pub const TEXT: Color32 = Color32::from_rgb(0xe8, 0xea, 0xed);
/// Text of lesser weight.
pub const WEAK: Color32 = Color32::from_rgb(0x9a, 0xa1, 0xad);
/// All is well.
pub const GOOD: Color32 = Color32::from_rgb(0x5f, 0xc7, 0x8a);
/// Something to know.
pub const NOTICE: Color32 = Color32::from_rgb(0xe6, 0xc0, 0x4f);
/// Something went wrong.
pub const ERROR: Color32 = Color32::from_rgb(0xf0, 0x71, 0x6b);

/// Corner of panels.
pub const ROUND: CornerRadius = CornerRadius::same(6);

/// The font of figures and labels.
pub const fn font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Sets the style of a new window.
pub fn apply(context: &egui::Context) {
    context.set_theme(egui::Theme::Dark);
    context.all_styles_mut(|style| {
        style.visuals = visuals();
        style.text_styles = [
            (TextStyle::Small, font(11.0)),
            (TextStyle::Body, font(13.0)),
            (TextStyle::Button, font(13.0)),
            (TextStyle::Heading, font(20.0)),
            (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
        ]
        .into();
        style.spacing.item_spacing = egui::vec2(6.0, 4.0);
        style.spacing.button_padding = egui::vec2(10.0, 4.0);
        style.interaction.selectable_labels = false;
    });
}

fn visuals() -> Visuals {
    let mut visuals = Visuals::dark();
    visuals.panel_fill = BACKGROUND;
    visuals.window_fill = PANEL;
    visuals.extreme_bg_color = BACKGROUND;
    visuals.text_edit_bg_color = Some(BACKGROUND);
    visuals.faint_bg_color = FIELD;
    visuals.selection.bg_fill = Color32::from_rgb(0x5b, 0x42, 0x1d);
    visuals.selection.stroke = Stroke::new(1.0, ACCENT);
    visuals.override_text_color = None;
    let widgets = &mut visuals.widgets;
    for (state, fill, text) in [
        (&mut widgets.noninteractive, PANEL, TEXT),
        (&mut widgets.inactive, FIELD, TEXT),
        (&mut widgets.hovered, FIELD_HOVER, TEXT),
        (&mut widgets.active, FIELD_HOVER, ACCENT),
        (&mut widgets.open, FIELD_HOVER, TEXT),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, LINE);
        state.fg_stroke = Stroke::new(1.0, text);
        state.corner_radius = CornerRadius::same(4);
        state.expansion = 0.0;
    }
    visuals
}
