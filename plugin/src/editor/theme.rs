//! Colours in two shades, sizes, and egui's style.

use super::view::Shade;
use egui::{Color32, CornerRadius, FontFamily, FontId, Stroke, TextStyle, Ui, Visuals};

/// Colours by what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Behind everything.
    pub background: Color32,
    /// Panels on the background.
    pub panel: Color32,
    /// Fields and buttons on panels.
    pub field: Color32,
    /// Fields under the pointer.
    pub hover: Color32,
    /// Wells in panels: lists, plots, bars.
    pub well: Color32,
    /// Behind the chosen line of a list.
    pub chosen: Color32,
    /// Outlines.
    pub line: Color32,
    /// What the user is meant to see first.
    pub accent: Color32,
    /// Text on what is filled with a colour.
    pub ink: Color32,
    /// Text.
    pub text: Color32,
    /// Text of lesser weight.
    pub weak: Color32,
    /// All is well.
    pub good: Color32,
    /// Something to know.
    pub notice: Color32,
    /// Something went wrong.
    pub error: Color32,
    /// Curves: input, output, reference, difference.
    pub traces: [Color32; 4],
    /// Parts of a latency, told apart without red and green.
    pub parts: [Color32; 8],
}

const fn rgb(code: u32) -> Color32 {
    let [_, red, green, blue] = code.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

/// Light text on dark panels.
pub const DARK: Palette = Palette {
    background: rgb(0x14_16_1a),
    panel: rgb(0x1c_1f_25),
    field: rgb(0x27_2b_33),
    hover: rgb(0x33_38_42),
    well: rgb(0x14_16_1a),
    chosen: rgb(0x3f_32_1e),
    line: rgb(0x33_38_42),
    accent: rgb(0xf2_a3_3c),
    ink: rgb(0x14_16_1a),
    text: rgb(0xe8_ea_ed),
    weak: rgb(0x9a_a1_ad),
    good: rgb(0x5f_c7_8a),
    notice: rgb(0xe6_c0_4f),
    error: rgb(0xf0_71_6b),
    traces: [rgb(0x8a_94_a6), rgb(0xf2_a3_3c), rgb(0x56_b4_e9), rgb(0xf0_71_6b)],
    parts: [
        rgb(0x56_b4_e9),
        rgb(0xe6_9f_00),
        rgb(0x00_9e_73),
        rgb(0xf0_e4_42),
        rgb(0xd5_5e_00),
        rgb(0xcc_79_a7),
        rgb(0x71_7a_88),
        rgb(0x46_4d_59),
    ],
};

/// Dark text on light panels.
pub const LIGHT: Palette = Palette {
    background: rgb(0xe3_e2_de),
    panel: rgb(0xf6_f5_f2),
    field: rgb(0xe7_e5_df),
    hover: rgb(0xda_d7_cf),
    well: rgb(0xec_eb_e6),
    chosen: rgb(0xf7_e0_bd),
    line: rgb(0xc8_c5_bc),
    accent: rgb(0x9c_52_00),
    ink: rgb(0xff_ff_ff),
    text: rgb(0x1f_23_29),
    weak: rgb(0x59_60_6b),
    good: rgb(0x14_6e_3e),
    notice: rgb(0x7d_5a_00),
    error: rgb(0xb8_2a_26),
    traces: [rgb(0x6b_74_82), rgb(0x9c_52_00), rgb(0x00_6b_a6), rgb(0xb8_2a_26)],
    parts: [
        rgb(0x32_8f_c4),
        rgb(0xd9_90_00),
        rgb(0x00_8f_68),
        rgb(0xc9_b9_00),
        rgb(0xc4_56_00),
        rgb(0xb8_5f_90),
        rgb(0x8b_92_9c),
        rgb(0xb8_bc_c2),
    ],
};

/// Corner of panels.
pub const ROUND: CornerRadius = CornerRadius::same(6);
/// Corner of buttons and fields.
pub const SMALL_ROUND: CornerRadius = CornerRadius::same(4);

/// The colours of the shade that `ui` is drawn in.
pub fn of(ui: &Ui) -> &'static Palette {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

/// The font of figures and labels.
pub const fn font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Sets the style of both shades, and chooses one.
pub fn apply(context: &egui::Context, shade: Shade) {
    for (theme, palette) in [(egui::Theme::Dark, &DARK), (egui::Theme::Light, &LIGHT)] {
        context.style_mut_of(theme, |style| {
            style.visuals = visuals(palette, theme == egui::Theme::Dark);
            style.text_styles = [
                (TextStyle::Small, font(11.0)),
                (TextStyle::Body, font(13.0)),
                (TextStyle::Button, font(13.0)),
                (TextStyle::Heading, font(20.0)),
                (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
            ]
            .into();
            style.spacing.item_spacing = egui::vec2(6.0, 4.0);
            style.spacing.button_padding = egui::vec2(8.0, 3.0);
            style.interaction.selectable_labels = false;
            style.interaction.tooltip_delay = 0.6;
        });
    }
    choose(context, shade);
}

/// Changes the shade.
pub fn choose(context: &egui::Context, shade: Shade) {
    let theme = match shade {
        Shade::Dark => egui::Theme::Dark,
        Shade::Light => egui::Theme::Light,
    };
    if context.theme() != theme {
        context.set_theme(theme);
    }
}

fn visuals(palette: &Palette, dark: bool) -> Visuals {
    let mut visuals = if dark { Visuals::dark() } else { Visuals::light() };
    visuals.panel_fill = palette.background;
    visuals.window_fill = palette.panel;
    visuals.window_stroke = Stroke::new(1.0, palette.line);
    visuals.extreme_bg_color = palette.well;
    visuals.text_edit_bg_color = Some(palette.well);
    visuals.faint_bg_color = palette.field;
    visuals.selection.bg_fill = palette.chosen;
    visuals.selection.stroke = Stroke::new(1.0, palette.accent);
    visuals.override_text_color = None;
    let widgets = &mut visuals.widgets;
    for (state, fill, text) in [
        (&mut widgets.noninteractive, palette.panel, palette.text),
        (&mut widgets.inactive, palette.field, palette.text),
        (&mut widgets.hovered, palette.hover, palette.text),
        (&mut widgets.active, palette.hover, palette.accent),
        (&mut widgets.open, palette.hover, palette.text),
    ] {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, palette.line);
        state.fg_stroke = Stroke::new(1.0, text);
        state.corner_radius = SMALL_ROUND;
        state.expansion = 0.0;
    }
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance after WCAG 2.
    fn luminance(color: Color32) -> f64 {
        let [red, green, blue, _] = color.to_array().map(|byte| {
            let share = f64::from(byte) / 255.0;
            if share <= 0.03928 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn texts_stand_out_from_what_they_are_drawn_on() {
        for palette in [&DARK, &LIGHT] {
            for (name, text) in [
                ("text", palette.text),
                ("weak", palette.weak),
                ("accent", palette.accent),
                ("good", palette.good),
                ("notice", palette.notice),
                ("error", palette.error),
            ] {
                for (behind, fill) in [("panel", palette.panel), ("background", palette.background)] {
                    let contrast = contrast(text, fill);
                    assert!(contrast >= 4.2, "{name} on {behind}: {contrast:.2}");
                }
            }
            assert!(contrast(palette.ink, palette.accent) >= 4.2);
            assert!(contrast(palette.text, palette.chosen) >= 4.2);
        }
    }
}
