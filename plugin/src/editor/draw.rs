//! The window's drawing: a function of plain values, so that tests can draw it without a display.

use super::rack;
use super::theme::{self, ACCENT, ERROR, GOOD, NOTICE, PANEL, ROUND, TEXT, WEAK};
use super::view::{Action, BrowserEdit, Target, View, Weight, hertz};
use super::widgets::{Icon, KNOB, figure, icon, knob, meter, row, switch};
use crate::board::KnobLabel;
use crate::params::TonegraftParams;
use crate::shared::Wish;
use egui::{
    Align, Button, Color32, Galley, Label, Layout, Rect, RichText, Role, ScrollArea, Sense, Stroke, TextEdit, Ui,
    UiBuilder, WidgetInfo, pos2, vec2,
};
use nice_plug::prelude::{Param, ParamSetter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Height of the strip at the top.
const HEADER: f32 = 52.0;
/// Least and greatest height of the message at the bottom; a longer one is cut, and whole on hover.
const FOOTER: [f32; 2] = [40.0, 66.0];
/// Space at the right of the message, for its button.
const DISMISS: f32 = 84.0;
/// Width of the library.
const LIBRARY: f32 = 214.0;
/// Height of a line of the library.
const ROW: f32 = 24.0;
/// Width of the two level meters with their margins.
const METERS: f32 = 88.0;
/// Space between panels.
const GAP: f32 = 8.0;
/// Endings of impulse responses.
pub(super) const AUDIO: [&str; 4] = ["wav", "flac", "aif", "aiff"];
/// How fast a level falls, in dB per second.
const FALL_DB: f32 = 26.0;

/// What the window remembers between two frames.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The path being typed.
    pub path: String,
    levels_db: [f32; 2],
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            path: String::new(),
            levels_db: [f32::NEG_INFINITY; 2],
        }
    }
}

/// Draws the whole window; without a `setter` the parameters can only be looked at.
pub fn draw(
    ui: &mut Ui,
    memory: &mut Memory,
    view: &View,
    params: &TonegraftParams,
    setter: Option<&ParamSetter<'_>>,
) -> Vec<Action> {
    let mut actions = Vec::new();
    let all = ui.max_rect();
    ui.painter().rect_filled(all, 0.0, theme::BACKGROUND);
    let header = Rect::from_min_max(all.min, pos2(all.right(), all.top() + HEADER));
    let words = message_galley(ui, view, all.width() - 2.0 * GAP - DISMISS - 36.0);
    let footer_height = (words.size().y + 12.0).clamp(FOOTER[0], FOOTER[1]);
    let footer = Rect::from_min_max(pos2(all.left(), all.bottom() - footer_height), all.max);
    let middle = Rect::from_min_max(pos2(all.left(), header.bottom()), pos2(all.right(), footer.top()));
    let middle = middle.shrink2(vec2(GAP, 0.0));
    let library_rect = middle.with_max_x(middle.left() + LIBRARY);
    let meters_rect = middle.with_min_x(middle.right() - METERS);
    let centre = Rect::from_min_max(
        pos2(library_rect.right() + GAP, middle.top()),
        pos2(meters_rect.left() - GAP, middle.bottom()),
    );
    inside(ui, header.shrink2(vec2(GAP + 6.0, 6.0)), |ui| {
        title_bar(ui, params, setter);
    });
    panel(ui, library_rect, |ui| library(ui, memory, view, &mut actions));
    let card = centre.with_max_y(centre.top() + 146.0);
    panel(ui, card, |ui| model_card(ui, view));
    let row = Rect::from_min_size(
        pos2(centre.left(), card.bottom() + GAP),
        vec2(centre.width(), rack::CHOICES),
    );
    panel(ui, row, |ui| rack::choices(ui, view, params, setter, &mut actions));
    let shelf = centre.with_min_y(centre.bottom() - rack::RACK);
    let between = Rect::from_min_max(
        pos2(centre.left(), row.bottom() + GAP),
        pos2(centre.right(), shelf.top() - GAP),
    );
    panel(ui, between, |ui| {
        knobs(ui, view, params, setter);
    });
    rack::rack(ui, shelf, view, params, setter, &mut actions);
    panel(ui, meters_rect, |ui| meters(ui, memory, view));
    inside(ui, footer.shrink2(vec2(GAP + 4.0, 6.0)), |ui| {
        message(ui, view, words, &mut actions);
    });
    actions
}

pub(super) fn inside<R>(ui: &mut Ui, rect: Rect, body: impl FnOnce(&mut Ui) -> R) -> R {
    ui.scope_builder(
        UiBuilder::new().max_rect(rect).layout(Layout::top_down(Align::Min)),
        |ui| {
            ui.set_clip_rect(rect.intersect(ui.clip_rect()));
            body(ui)
        },
    )
    .inner
}

pub(super) fn panel(ui: &mut Ui, rect: Rect, body: impl FnOnce(&mut Ui)) {
    ui.painter().rect_filled(rect, ROUND, PANEL);
    inside(ui, rect.shrink(10.0), body);
}

fn text(ui: &mut Ui, text: &str, size: f32, color: Color32) {
    let rich = RichText::new(text).font(theme::font(size)).color(color);
    ui.add(Label::new(rich).truncate());
}

fn title_bar(ui: &mut Ui, params: &TonegraftParams, setter: Option<&ParamSetter<'_>>) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let bypassed = params.bypass.unmodulated_plain_value();
        let text_now = if bypassed { "Bypassed" } else { "Bypass" };
        let response = switch(ui, vec2(96.0, 28.0), bypassed, text_now, NOTICE)
            .on_hover_text("Hear the input as it is, delayed by the same latency");
        if let (true, Some(setter)) = (response.clicked(), setter) {
            setter.begin_set_parameter(&params.bypass);
            setter.set_parameter(&params.bypass, !bypassed);
            setter.end_set_parameter(&params.bypass);
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let (mark, _) = ui.allocate_exact_size(vec2(22.0, 22.0), Sense::hover());
            draw_mark(ui, mark);
            ui.add_space(2.0);
            ui.add(Label::new(
                RichText::new("Tonegraft").font(theme::font(21.0)).color(TEXT),
            ));
            text(ui, "neural models of audio gear", 12.0, WEAK);
        });
    });
}

/// A wave that is clipped on the way: the plugin's mark.
fn draw_mark(ui: &Ui, rect: Rect) {
    let points = (0..=24_u8).map(|index| {
        let x = f32::from(index) / 24.0;
        let y = (x * std::f32::consts::TAU).sin() * 1.6;
        let y = if x > 0.5 { y.max(-0.62) } else { y };
        pos2(
            rect.left() + rect.width() * x,
            rect.center().y - rect.height() * 0.28 * y.clamp(-1.6, 1.6),
        )
    });
    ui.painter()
        .add(egui::Shape::line(points.collect(), Stroke::new(2.5, ACCENT)));
}

fn library(ui: &mut Ui, memory: &mut Memory, view: &View, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        text(ui, "Models", 14.5, TEXT);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let next = icon(ui, Icon::Next, "Next model");
            let back = icon(ui, Icon::Previous, "Previous model");
            let again = icon(ui, Icon::Again, "Look through the library folder again");
            let again = match &view.browser.library {
                Some(folder) => again.on_hover_text(folder.display().to_string()),
                None => again,
            };
            if next.clicked() {
                actions.extend(view.browser.neighbour(0, 1).cloned().map(|wish| Action::Load(0, wish)));
            }
            if back.clicked() {
                actions.extend(view.browser.neighbour(0, -1).cloned().map(|wish| Action::Load(0, wish)));
            }
            if again.clicked() {
                actions.push(Action::Browser(BrowserEdit::Rescan));
            }
        });
    });
    ui.add_space(2.0);
    let below = 66.0;
    let list_height = (ui.available_height() - below).max(40.0);
    let list = ui.available_rect_before_wrap();
    let list = list.with_max_y(list.top() + list_height);
    ui.scope_builder(UiBuilder::new().max_rect(list), |ui| {
        ScrollArea::vertical().auto_shrink([false, false]).show_rows(
            ui,
            ROW,
            view.browser.entries.len(),
            |ui, range| {
                library_list(ui, range, view, actions);
            },
        );
    });
    ui.advance_cursor_after_rect(list);
    ui.add_space(4.0);
    let edit = TextEdit::singleline(&mut memory.path)
        .hint_text("Path of a model or IR, then Enter")
        .desired_width(f32::INFINITY);
    let edit = ui.add(edit);
    let load_path = edit.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if load_path && let Some(path) = typed_path(&memory.path) {
        actions.push(if is_audio(&path) {
            Action::LoadCab(path)
        } else {
            Action::Load(0, Wish::File(path))
        });
    }
    let browse = Button::new(RichText::new("Load…").color(ACCENT));
    if ui
        .add_sized(vec2(ui.available_width(), 26.0), browse)
        .on_hover_text("Choose an ONNX, .nam, .json or .aidax file")
        .clicked()
    {
        actions.push(Action::Browse(0));
    }
}

/// What was typed or pasted, without quotes and `file://`.
fn typed_path(text: &str) -> Option<PathBuf> {
    let text = text.trim().trim_matches(['"', '\'']);
    let text = text.strip_prefix("file://").unwrap_or(text);
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// True for what can only be an impulse response.
fn is_audio(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    AUDIO.iter().any(|audio| extension.eq_ignore_ascii_case(audio))
}

fn library_list(ui: &mut Ui, range: std::ops::Range<usize>, view: &View, actions: &mut Vec<Action>) {
    for entry in view.browser.entries.get(range).unwrap_or(&[]) {
        let Target::Model(wish) = &entry.target else { continue };
        let chosen = view.browser.playing[0].as_ref() == Some(wish);
        let response = row(ui, &entry.name, chosen).on_hover_text(&entry.name);
        if response.clicked() {
            actions.push(Action::Load(0, wish.clone()));
        }
    }
}

fn model_card(ui: &mut Ui, view: &View) {
    let (name, color) = match (&view.slots[0].loading, &view.slots[0].name) {
        (Some(loading), _) if !loading.is_empty() => (format!("Loading {loading} …"), WEAK),
        (_, Some(name)) => (name.clone(), TEXT),
        _ => ("No model: the input passes".to_owned(), WEAK),
    };
    let heading = RichText::new(&name).font(theme::font(23.0)).color(color);
    let about = std::iter::once(name.as_str()).chain(view.slots[0].details.iter().map(String::as_str));
    let about: Vec<&str> = about.collect();
    ui.add(Label::new(heading).truncate()).on_hover_text(about.join("\n"));
    text(
        ui,
        if view.slots[0].about.is_empty() {
            " "
        } else {
            &view.slots[0].about
        },
        12.0,
        WEAK,
    );
    ui.add_space(8.0);
    let latency = view.samples_text(f64::from(view.latency.total));
    let parts = view.latency.rows.first().map_or_else(String::new, |row| {
        let parts: Vec<String> = (row.parts.iter())
            .map(|part| format!("{} {:.0}", part.name, part.frames))
            .collect();
        parts.join(" + ")
    });
    let parts = match (view.latency.total, parts.is_empty()) {
        (0, _) => "none added",
        (_, true) => "alignment",
        _ => &parts,
    };
    let host_rate = view.host_rate.map_or_else(|| "not running".to_owned(), hertz);
    let (rate, rate_color) = match view.slots[0].model_rate {
        Some(model) => (hertz(model), TEXT),
        None if view.slots[0].name.is_some() => ("any rate".to_owned(), TEXT),
        None => ("–".to_owned(), WEAK),
    };
    let percent = 100.0 * view.load.mean;
    let load_color = match view.load.worst {
        worst if worst >= 0.8 => ERROR,
        worst if worst >= 0.5 => NOTICE,
        _ => TEXT,
    };
    let runtime = if view.slots[0].runtime.is_empty() {
        "–"
    } else {
        &view.slots[0].runtime
    };
    let figures: [(&str, String, String, Color32); 4] = [
        (
            "Runtime",
            runtime.to_owned(),
            if view.slots[0].name.is_some() {
                "on the audio thread"
            } else {
                ""
            }
            .to_owned(),
            if view.slots[0].name.is_some() { GOOD } else { WEAK },
        ),
        ("Model rate", rate, format!("host {host_rate}"), rate_color),
        ("Latency", latency, parts.to_owned(), TEXT),
        (
            "Load",
            format!("{percent:.1} %"),
            format!("worst block {:.1} %", 100.0 * view.load.worst),
            load_color,
        ),
    ];
    let area = ui.available_rect_before_wrap();
    let shares = [0.26, 0.19, 0.31, 0.24];
    let mut left = area.left();
    for ((title, value, detail, color), share) in figures.into_iter().zip(shares) {
        let width = area.width() * share;
        let cell = Rect::from_min_size(pos2(left, area.top()), vec2(width - 8.0, 50.0));
        inside(ui, cell, |ui| figure(ui, title, &value, &detail, color));
        left += width;
    }
    let below = area.with_min_y(area.top() + 52.0);
    let shown: Vec<String> = (view.slots[0].meters.iter())
        .map(|(name, value)| format!("{name} {value:.3}"))
        .collect();
    let line = match (shown.is_empty(), view.slots[0].details.is_empty()) {
        (false, _) => shown.join("   "),
        (true, false) => view.slots[0].details.join("  ·  "),
        (true, true) => view.slots[0].reason.clone(),
    };
    inside(ui, below, |ui| text(ui, &line, 11.0, WEAK));
}

fn knobs(ui: &mut Ui, view: &View, params: &TonegraftParams, setter: Option<&ParamSetter<'_>>) {
    let [a, _] = params.knobs();
    let model: Vec<_> = a.into_iter().zip(view.slots[0].knobs.iter()).collect();
    let area = ui.available_rect_before_wrap();
    let fixed = [
        (&params.input_gain, "Input"),
        (&params.mix, "Mix"),
        (&params.output_gain, "Output"),
    ];
    let line = |top: f32, count: usize| {
        // At most eight.
        #[allow(clippy::cast_precision_loss)]
        let step = (area.width() / count.max(1) as f32).min(KNOB.x + 26.0);
        #[allow(clippy::cast_precision_loss)]
        let start = area.center().x - step * count as f32 / 2.0;
        move |index: usize| {
            #[allow(clippy::cast_precision_loss)]
            let centre = start + step * (index as f32 + 0.5);
            let width = step.min(KNOB.x);
            Rect::from_min_size(pos2(centre - width / 2.0, top), vec2(width, KNOB.y))
        }
    };
    let two_rows = !model.is_empty();
    let height = if two_rows { 2.0 * KNOB.y + 6.0 } else { KNOB.y };
    let top = area.top() + ((area.height() - height) / 2.0).max(0.0);
    let places = line(top, model.len());
    for (index, (param, label)) in model.iter().enumerate() {
        let value = label.value_text(param.unmodulated_plain_value());
        inside(ui, places(index), |ui| {
            knob(
                ui,
                KNOB,
                param,
                &label.name,
                &value,
                KnobLabel::default_position(label),
                setter,
            )
        });
    }
    let places = line(if two_rows { top + KNOB.y + 6.0 } else { top }, fixed.len());
    for (index, (param, name)) in fixed.into_iter().enumerate() {
        inside(ui, places(index), |ui| {
            knob(
                ui,
                KNOB,
                param,
                name,
                &param.to_string(),
                param.default_normalized_value(),
                setter,
            )
        });
    }
}

fn meters(ui: &mut Ui, memory: &mut Memory, view: &View) {
    let seconds = ui.input(|input| input.stable_dt).clamp(0.0, 0.2);
    for (level, peak) in memory.levels_db.iter_mut().zip(view.peaks) {
        let now = 20.0 * peak.log10();
        *level = now.max(*level - FALL_DB * seconds);
    }
    let area = ui.available_rect_before_wrap();
    let width = 18.0;
    let names = ["In", "Out"];
    for (index, (level, name)) in memory.levels_db.into_iter().zip(names).enumerate() {
        let centre = area.left() + area.width() * if index == 0 { 0.27 } else { 0.73 };
        let rect = Rect::from_min_max(
            pos2(centre - width / 2.0, area.top()),
            pos2(centre + width / 2.0, area.bottom()),
        );
        meter(ui, rect, name, level);
    }
}

const fn message_color(weight: Weight) -> Color32 {
    match weight {
        Weight::Fine => WEAK,
        Weight::Notice => NOTICE,
        Weight::Error => ERROR,
    }
}

fn message_galley(ui: &Ui, view: &View, width: f32) -> Arc<Galley> {
    let color = message_color(view.message.weight);
    ui.painter()
        .layout(view.message.text.clone(), theme::font(12.0), color, width.max(100.0))
}

fn message(ui: &mut Ui, view: &View, words: Arc<Galley>, actions: &mut Vec<Action>) {
    let area = ui.available_rect_before_wrap();
    let weight = view.message.weight;
    if weight != Weight::Fine {
        let dot = pos2(area.left() + 8.0, area.center().y);
        ui.painter().circle_filled(dot, 4.0, message_color(weight));
    }
    let left = area.left() + if weight == Weight::Fine { 2.0 } else { 20.0 };
    let height = words.size().y.min(area.height());
    let place = Rect::from_min_size(pos2(left, area.center().y - height / 2.0), vec2(words.size().x, height));
    let response = ui.interact(place, ui.scope_id().with("message"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &view.message.text));
    ui.painter()
        .with_clip_rect(area)
        .galley(place.min, words, message_color(weight));
    response.on_hover_text(&view.message.text);
    if weight == Weight::Error {
        let button = Rect::from_center_size(
            pos2(area.right() - DISMISS / 2.0 + 4.0, area.center().y),
            vec2(76.0, 26.0),
        );
        if ui.put(button, Button::new("Dismiss")).clicked() {
            actions.push(Action::Dismiss);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_paths_lose_their_wrapping() {
        assert_eq!(typed_path("  \"/a b/c.onnx\" "), Some(PathBuf::from("/a b/c.onnx")));
        assert_eq!(typed_path("file:///m.onnx"), Some(PathBuf::from("/m.onnx")));
        assert_eq!(typed_path(" '' "), None);
        assert!(is_audio(Path::new("/a/4x12.WAV")) && !is_audio(Path::new("/a/amp.nam")));
    }
}
