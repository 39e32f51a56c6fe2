//! The file browser: folders, previous and next, search, a path to type.

use super::Cx;
use crate::editor::theme;
use crate::editor::view::{Action, BrowserEdit, Entry, Folder, Target, slot_source};
use crate::editor::widgets::{
    Icon, columns, icon, inside, label, label_in, line, row, segment, split_bottom, split_top,
};
use crate::shared::Wish;
use egui::{Align2, Key, Rect, ScrollArea, TextEdit, Ui, UiBuilder, pos2, vec2};
use std::path::{Path, PathBuf};
use tonegraft_library::shipped_by_id;

/// Its width, with margins.
pub const WIDTH: f32 = 216.0;
/// Height of a line.
const ROW: f32 = 24.0;
/// Endings of impulse responses.
pub const AUDIO: [&str; 4] = ["wav", "flac", "aif", "aiff"];

/// Draws it over `rect`.
pub fn browser(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let (title, rest) = split_top(rect, 24.0, 4.0);
    line(ui, title, |ui| {
        label(ui, "Models", 14.5, theme::of(ui).text);
    });
    let target = Rect::from_min_max(pos2(title.right() - 112.0, title.top()), title.max);
    into(ui, target, cx);
    let (path, rest) = split_top(rest, 22.0, 4.0);
    place(ui, path, cx);
    let (search, rest) = split_top(rest, 24.0, 4.0);
    find(ui, search, cx);
    let (typed, list) = split_bottom(rest, 24.0, 6.0);
    entries(ui, list, cx);
    type_path(ui, typed, cx);
}

/// Into which slot a click loads.
fn into(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let [words, a, b] = columns(rect, [1.15, 0.7, 0.7], 3.0);
    label_in(ui, words, "load into", 11.0, palette.weak, Align2::RIGHT_CENTER);
    for (slot, place) in [a, b].into_iter().enumerate() {
        let letter = slot_source(slot).name();
        let place = Rect::from_center_size(place.center(), vec2(place.width(), 22.0));
        let name = format!("Load into slot {letter}");
        let response = inside(ui, place, |ui| {
            segment(ui, place.size(), cx.memory.target == slot, letter, &name)
        });
        if response.on_hover_text(name).clicked() {
            cx.memory.target = slot;
        }
    }
}

/// Where the list is: up, the folder's name, previous, next, again.
fn place(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let view = &cx.view.browser;
    let slot = cx.memory.target;
    let (name, whole) = match &view.folder {
        Folder::Shipped => (
            "Shipped models".to_owned(),
            "Models that come with Tonegraft".to_owned(),
        ),
        Folder::At(path) => {
            let name = path.file_name().map_or_else(
                || path.display().to_string(),
                |name| name.to_string_lossy().into_owned(),
            );
            (name, path.display().to_string())
        }
    };
    let up = rect.with_max_x(rect.left() + 26.0);
    let is_top = view.folder == Folder::Shipped;
    let response = inside(ui, up, |ui| {
        ui.add_enabled_ui(!is_top, |ui| icon(ui, Icon::Up, "To the folder above"))
            .inner
    });
    if response.clicked() {
        let folder = view.parent.clone().map_or(Folder::Shipped, Folder::At);
        cx.ask(Action::Browser(BrowserEdit::Enter(folder)));
    }
    let buttons = Rect::from_min_max(pos2(rect.right() - 86.0, rect.top()), rect.max);
    line(ui, buttons, |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (sign, step, name) in [(Icon::Previous, -1, "Previous model"), (Icon::Next, 1, "Next model")] {
            let clicked = icon(ui, sign, name).clicked();
            if let (true, Some(wish)) = (clicked, view.neighbour(slot, step)) {
                cx.ask(Action::Load(slot, wish.clone()));
            }
        }
        if icon(ui, Icon::Again, "Read the folder again").clicked() {
            cx.ask(Action::Browser(BrowserEdit::Rescan));
        }
    });
    let words = Rect::from_min_max(
        pos2(up.right() + 6.0, rect.top()),
        pos2(buttons.left() - 4.0, rect.bottom()),
    );
    label_in(ui, words, &name, 12.5, palette.text, Align2::LEFT_CENTER).on_hover_text(whole);
}

fn find(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let edit = TextEdit::singleline(&mut cx.memory.search)
        .hint_text("Search here and below")
        .desired_width(f32::INFINITY);
    let response = inside(ui, rect, |ui| ui.add(edit));
    if response.changed() {
        let text = cx.memory.search.clone();
        cx.ask(Action::Browser(BrowserEdit::Search(text)));
    }
    if !cx.memory.search.is_empty() {
        let cross = Rect::from_center_size(pos2(rect.right() - 14.0, rect.center().y), vec2(26.0, 22.0));
        if inside(ui, cross, |ui| icon(ui, Icon::Cross, "Search for nothing")).clicked() {
            cx.memory.search.clear();
            cx.ask(Action::Browser(BrowserEdit::Search(String::new())));
        }
    }
}

fn entries(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let palette = theme::of(ui);
    let view = &cx.view.browser;
    let note = if let Some(error) = &view.error {
        Some((error.clone(), palette.error))
    } else if view.busy && view.entries.is_empty() {
        Some(("Reading …".to_owned(), palette.weak))
    } else if view.entries.is_empty() && !view.search.is_empty() {
        Some((
            format!("Nothing here is called \u{201c}{}\u{201d}.", view.search),
            palette.weak,
        ))
    } else if view.entries.is_empty() {
        Some(("No models, impulse responses or folders here.".to_owned(), palette.weak))
    } else {
        None
    };
    if let Some((text, color)) = note {
        inside(ui, rect.shrink(6.0), |ui| {
            crate::editor::widgets::wrapped(ui, &text, 12.0, color)
        });
        return;
    }
    let cut = if view.cut { 16.0 } else { 0.0 };
    let (below, list) = split_bottom(rect, cut, 0.0);
    if view.cut {
        label_in(
            ui,
            below,
            "There is more: search for it.",
            11.0,
            palette.weak,
            Align2::LEFT_CENTER,
        );
    }
    ui.scope_builder(UiBuilder::new().max_rect(list), |ui| {
        ui.set_clip_rect(list.intersect(ui.clip_rect()));
        ui.spacing_mut().item_spacing.y = 0.0;
        ScrollArea::vertical()
            .id_salt("files")
            .auto_shrink([false, false])
            .show_rows(ui, ROW, view.entries.len(), |ui, range| {
                for entry in view.entries.get(range).unwrap_or(&[]) {
                    lines(ui, entry, cx);
                }
            });
    });
}

fn lines(ui: &mut Ui, entry: &Entry, cx: &mut Cx<'_>) {
    let slot = cx.memory.target;
    if entry.target == Target::Heading {
        heading(ui, &entry.name);
        return;
    }
    let (sign, chosen, action) = match &entry.target {
        Target::Heading => return,
        Target::Folder(path) => (
            Some(Icon::Folder),
            false,
            Action::Browser(BrowserEdit::Enter(Folder::At(path.clone()))),
        ),
        Target::Model(wish) => {
            let chosen = cx
                .view
                .browser
                .playing
                .get(slot)
                .is_some_and(|playing| playing.as_ref() == Some(wish));
            (None, chosen, Action::Load(slot, wish.clone()))
        }
        Target::Cab(path) => (Some(Icon::Wave), false, Action::LoadCab(path.clone())),
    };
    let (text, name) = names(entry);
    let response = row(ui, &text, &name, chosen, sign);
    let other = cx.view.browser.playing.get(1 - slot.min(1)).and_then(Option::as_ref);
    if let Target::Model(wish) = &entry.target
        && other == Some(wish)
    {
        let letter = slot_source(1 - slot.min(1)).name();
        let at = pos2(response.rect.right() - 10.0, response.rect.center().y);
        crate::editor::widgets::caption(ui, at, letter, theme::of(ui).weak, 11.0, 14.0);
    }
    if response.on_hover_text(name).clicked() {
        if matches!(entry.target, Target::Folder(_)) {
            cx.memory.search.clear();
        }
        cx.ask(action);
    }
}

/// What a line shows, and what it is called in full: presets stand below their model.
fn names(entry: &Entry) -> (String, String) {
    match &entry.target {
        Target::Model(Wish::Preset { id, preset }) => {
            let model = shipped_by_id(id).map_or(id.as_str(), |model| model.name);
            (format!("\u{2003}{preset}"), format!("{model}: {preset}"))
        }
        _ => (entry.name.clone(), entry.name.clone()),
    }
}

/// A category.
fn heading(ui: &mut Ui, name: &str) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), egui::Sense::hover());
    let palette = theme::of(ui);
    label_in(
        ui,
        rect.with_min_y(rect.top() + 5.0),
        name,
        11.0,
        palette.weak,
        Align2::LEFT_CENTER,
    );
}

fn type_path(ui: &mut Ui, rect: Rect, cx: &mut Cx<'_>) {
    let edit = TextEdit::singleline(&mut cx.memory.path)
        .hint_text("Path of a file, then Enter")
        .desired_width(f32::INFINITY);
    let response = inside(ui, rect, |ui| ui.add(edit));
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if let (true, Some(path)) = (entered, typed_path(&cx.memory.path)) {
        let slot = cx.memory.target;
        cx.ask(load(path, slot));
    }
}

/// What loading a file from anywhere means: models go into `slot`.
pub fn load(path: PathBuf, slot: usize) -> Action {
    if is_audio(&path) {
        Action::LoadCab(path)
    } else if path.is_dir() {
        Action::Browser(BrowserEdit::Enter(Folder::At(path)))
    } else {
        Action::Load(slot, Wish::File(path))
    }
}

/// What was typed or pasted, without quotes and `file://`.
fn typed_path(text: &str) -> Option<PathBuf> {
    let text = text.trim().trim_matches(['"', '\'']);
    let text = text.strip_prefix("file://").unwrap_or(text);
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// True for what can only be an impulse response.
pub fn is_audio(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    AUDIO.iter().any(|audio| extension.eq_ignore_ascii_case(audio))
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
