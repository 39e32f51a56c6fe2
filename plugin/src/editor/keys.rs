//! Keys: those the window uses, and who gets the others.
//!
//! While no text is typed the focus lies on a sink, a widget of no size: so the keys that are used here are told from those that go to
//! the host, and no text field keeps the focus after a click elsewhere, Enter or Escape.

use super::controls;
use super::panels::header::SOURCE_KEYS;
use super::panels::{Cx, trial};
use super::view::{Action, Source, TestView};
pub use crate::window::Taken;
use egui::{Context, Id, Key, Modifiers, Rect, Sense, Ui};

fn sink() -> Id {
    Id::unique("tonegraft keys")
}

/// Takes the focus if nothing else has it.
pub fn rest(ui: &Ui, at: Rect) {
    let rect = Rect::from_min_size(at.min, egui::Vec2::ZERO);
    ui.interact(rect, sink(), Sense::focusable_noninteractive());
    ui.memory_mut(|memory| {
        if memory.focused().is_none() {
            memory.request_focus(sink());
        }
    });
}

/// What the host must not get now.
pub fn taken(context: &Context, is_testing: bool) -> Taken {
    if context.text_edit_focused() {
        return Taken::All;
    }
    let mut keys = if is_testing {
        trial::KEYS.map(|(key, _)| key).to_vec()
    } else {
        SOURCE_KEYS.to_vec()
    };
    let on_widget = context.memory(|memory| memory.focused()).is_some_and(|id| id != sink());
    if on_widget {
        keys.extend([Key::Tab, Key::Enter, Key::Space, Key::Escape]);
    }
    Taken::Only(keys)
}

fn pressed(ui: &Ui, key: Key) -> bool {
    ui.input_mut(|input| input.consume_key(Modifiers::NONE, key))
}

/// Does what the keys pressed since the last frame say.
pub fn follow(ui: &Ui, cx: &mut Cx<'_>) {
    if ui.ctx().text_edit_focused() {
        return;
    }
    if let TestView::Running(run) = &cx.view.test {
        for (key, edit) in trial::KEYS {
            if pressed(ui, key) && trial::applies(run, edit) {
                cx.ask(Action::Test(edit));
            }
        }
        return;
    }
    let uses_reference = controls::uses_reference(cx.params);
    for (key, source) in SOURCE_KEYS.into_iter().zip(Source::ALL) {
        let needs_reference = matches!(source, Source::Reference | Source::Difference);
        if pressed(ui, key) && (uses_reference || !needs_reference) {
            controls::hear(cx.params, cx.setter, source);
        }
    }
}
