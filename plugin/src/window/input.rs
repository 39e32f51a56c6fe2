//! What the system tells the window, gathered as egui wants it.

use super::keys::{self, Clip};
use super::{Taken, clipboard::Clipboard};
use baseview::dpi::PhysicalPosition;
use baseview::{DropData, DropEffect, Event, EventStatus, MouseEvent, ScrollDelta, WindowEvent};
use egui::{Event as Ev, HoveredFile, Modifiers, Pos2, RawInput, Rect, ViewportId, pos2, vec2};
use keyboard_types::{Key as Typed, KeyState, KeyboardEvent};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Events since the last frame, and what has to be remembered between them.
pub(super) struct Input {
    raw: RawInput,
    pointer: Option<Pos2>,
    modifiers: Modifiers,
    clipboard: Clipboard,
    /// Files were dropped: after that frame the pointer is nowhere, until the system tells where.
    has_dropped: bool,
}

/// A file that was dropped; it is read by whoever loads it.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| format!("{}: {error}", self.0.display()))
    }
}

impl Input {
    /// Nothing yet; textures may have sides of up to `max_texture_side`.
    pub(super) fn new(max_texture_side: usize) -> Self {
        let raw = RawInput {
            max_texture_side: Some(max_texture_side),
            ..RawInput::default()
        };
        Self {
            raw,
            pointer: None,
            modifiers: Modifiers::default(),
            clipboard: Clipboard::default(),
            has_dropped: false,
        }
    }

    /// The frame's input: a window of `points` at the system's `scale`, `time` seconds after it was opened.
    pub(super) fn take(&mut self, points: [f32; 2], scale: f32, time: f64) -> RawInput {
        let rect = Rect::from_min_size(Pos2::ZERO, vec2(points[0], points[1]));
        self.raw.screen_rect = Some(rect);
        self.raw.time = Some(time);
        let viewport = self.raw.viewports.entry(ViewportId::ROOT).or_default();
        viewport.native_pixels_per_point = Some(scale);
        viewport.inner_rect = Some(rect);
        viewport.focused = Some(self.raw.focused);
        let taken = self.raw.take();
        if std::mem::take(&mut self.has_dropped) {
            self.gone();
        }
        taken
    }

    /// Puts a text into the clipboard.
    pub(super) fn copy(&mut self, text: String) {
        self.clipboard.put(text);
    }

    /// Takes an event in; `scale` is pixels per point. The answer is for the system.
    pub(super) fn take_in(&mut self, event: Event, scale: f64, taken: &Taken) -> EventStatus {
        match event {
            Event::Mouse(event) => self.mouse(event, scale),
            Event::Keyboard(event) => self.keyboard(&event, taken),
            Event::Window(WindowEvent::Focused) => self.focus(true),
            Event::Window(WindowEvent::Unfocused) => self.focus(false),
            _ => EventStatus::Ignored,
        }
    }

    fn focus(&mut self, focused: bool) -> EventStatus {
        self.raw.focused = focused;
        self.raw.events.push(Ev::WindowFocused(focused));
        EventStatus::Captured
    }

    fn hold(&mut self, modifiers: keyboard_types::Modifiers) {
        let modifiers = keys::modifiers(modifiers);
        if modifiers != self.modifiers {
            self.modifiers = modifiers;
            self.raw.events.push(Ev::ModifiersChanged(modifiers));
        }
    }

    fn point(&mut self, position: PhysicalPosition<f64>, scale: f64) {
        let position = position.to_logical::<f32>(scale);
        let position = pos2(position.x, position.y);
        self.pointer = Some(position);
        self.raw.events.push(Ev::PointerMoved(position));
    }

    fn gone(&mut self) {
        self.pointer = None;
        self.raw.events.push(Ev::PointerGone);
    }

    fn press(&mut self, button: baseview::MouseButton, pressed: bool) {
        if let (Some(pos), Some(button)) = (self.pointer, keys::button(button)) {
            self.raw.events.push(Ev::PointerButton {
                pos,
                button,
                pressed,
                modifiers: self.modifiers,
            });
        }
    }

    fn mouse(&mut self, event: MouseEvent, scale: f64) -> EventStatus {
        match event {
            MouseEvent::CursorMoved { position, modifiers } => {
                self.hold(modifiers);
                self.point(position, scale);
            }
            MouseEvent::ButtonPressed { button, modifiers } => {
                self.hold(modifiers);
                self.press(button, true);
            }
            MouseEvent::ButtonReleased { button, modifiers } => {
                self.hold(modifiers);
                self.press(button, false);
            }
            MouseEvent::WheelScrolled { delta, modifiers } => {
                self.hold(modifiers);
                self.wheel(delta, scale);
            }
            MouseEvent::CursorLeft => self.gone(),
            MouseEvent::DragEntered { position, data, .. } | MouseEvent::DragMoved { position, data, .. } => {
                return self.drag(position, data, scale);
            }
            MouseEvent::DragDropped { position, data, .. } => return self.drop(position, data, scale),
            MouseEvent::DragLeft => {
                self.raw.hovered_files.clear();
                self.gone();
            }
            _ => return EventStatus::Ignored,
        }
        EventStatus::Captured
    }

    fn wheel(&mut self, delta: ScrollDelta, scale: f64) {
        let (unit, delta) = match delta {
            ScrollDelta::Lines { x, y } => (egui::MouseWheelUnit::Line, vec2(x, y)),
            // The scale is a small number.
            #[allow(clippy::cast_possible_truncation)]
            ScrollDelta::Pixels { x, y } => (egui::MouseWheelUnit::Point, vec2(x, y) / scale as f32),
        };
        self.raw.events.push(Ev::MouseWheel {
            unit,
            delta,
            phase: egui::TouchPhase::Move,
            modifiers: self.modifiers,
            source: egui::MouseWheelSource::Unknown,
        });
    }

    /// Files over the window. They are told anew each time: the system may tell what they are only after the first.
    fn drag(&mut self, position: PhysicalPosition<f64>, data: DropData, scale: f64) -> EventStatus {
        self.point(position, scale);
        let DropData::Files(paths) = data else {
            self.raw.hovered_files.clear();
            return EventStatus::Ignored;
        };
        let file = |path| HoveredFile {
            path: Some(path),
            ..HoveredFile::default()
        };
        self.raw.hovered_files = paths.into_iter().map(file).collect();
        EventStatus::AcceptDrop(DropEffect::Copy)
    }

    fn drop(&mut self, position: PhysicalPosition<f64>, data: DropData, scale: f64) -> EventStatus {
        self.point(position, scale);
        self.raw.hovered_files.clear();
        self.has_dropped = true;
        let DropData::Files(paths) = data else {
            return EventStatus::Ignored;
        };
        for path in paths {
            self.raw.dropped_files.push(Arc::new(Dropped(path)));
        }
        EventStatus::AcceptDrop(DropEffect::Copy)
    }

    fn keyboard(&mut self, event: &KeyboardEvent, taken: &Taken) -> EventStatus {
        self.hold(event.modifiers);
        let pressed = event.state == KeyState::Down;
        let key = keys::key(&event.key);
        let held = self.modifiers;
        match keys::clip(held, event.code).filter(|_| pressed) {
            Some(Clip::Cut) => self.raw.events.push(Ev::Cut),
            Some(Clip::Copy) => self.raw.events.push(Ev::Copy),
            // Asking for the text may take a while, and only a text field can use it.
            Some(Clip::Paste) if *taken == Taken::All => {
                self.raw.events.extend(self.clipboard.text().map(Ev::Paste));
            }
            Some(Clip::Paste) => {}
            None => {
                self.raw.events.extend(key.map(|key| Ev::Key {
                    key,
                    physical_key: None,
                    pressed,
                    repeat: event.repeat,
                    modifiers: held,
                }));
                if let Typed::Character(text) = &event.key
                    && pressed
                    && !is_shortcut(held)
                    && !text.is_empty()
                    && !text.chars().any(char::is_control)
                {
                    self.raw.events.push(Ev::Text(text.clone()));
                }
            }
        }
        let is_used = match taken {
            Taken::All => true,
            Taken::Only(keys) => !held.ctrl && !held.alt && !held.command && key.is_some_and(|key| keys.contains(&key)),
        };
        if is_used {
            EventStatus::Captured
        } else {
            EventStatus::Ignored
        }
    }
}

/// Whether a character with these is a command rather than a text. On Windows Ctrl and Alt together are AltGr.
const fn is_shortcut(held: Modifiers) -> bool {
    (held.ctrl || held.command) && !(cfg!(windows) && held.ctrl && held.alt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use baseview::MouseButton;
    use egui::Key;
    use keyboard_types::{Code, Modifiers as Held, NamedKey};

    fn input() -> Input {
        Input::new(2048)
    }

    fn frame(input: &mut Input) -> RawInput {
        input.take([800.0, 600.0], 2.0, 1.0)
    }

    fn typed(input: &mut Input, key: Typed, code: Code, held: Held, taken: &Taken) -> EventStatus {
        let event = KeyboardEvent {
            state: KeyState::Down,
            key,
            code,
            modifiers: held,
            ..KeyboardEvent::default()
        };
        input.take_in(Event::Keyboard(event), 2.0, taken)
    }

    fn files(names: &[&str]) -> DropData {
        DropData::Files(names.iter().map(PathBuf::from).collect())
    }

    #[test]
    fn the_frame_has_the_window_s_size_and_scale() {
        let raw = frame(&mut input());
        assert_eq!(
            raw.screen_rect,
            Some(Rect::from_min_size(Pos2::ZERO, vec2(800.0, 600.0)))
        );
        assert_eq!(raw.viewports[&ViewportId::ROOT].native_pixels_per_point, Some(2.0));
        assert_eq!(raw.max_texture_side, Some(2048));
    }

    #[test]
    fn the_pointer_is_told_in_points() {
        let mut input = input();
        let modifiers = Held::SHIFT;
        let position = PhysicalPosition::new(30.0, 50.0);
        for event in [
            // Before it is known where.
            MouseEvent::ButtonPressed {
                button: MouseButton::Left,
                modifiers,
            },
            MouseEvent::CursorMoved { position, modifiers },
            MouseEvent::ButtonPressed {
                button: MouseButton::Right,
                modifiers,
            },
            MouseEvent::WheelScrolled {
                delta: ScrollDelta::Pixels { x: 0.0, y: 8.0 },
                modifiers: Held::empty(),
            },
            MouseEvent::CursorLeft,
        ] {
            input.take_in(Event::Mouse(event), 2.0, &Taken::Only(Vec::new()));
        }
        let shift = Modifiers::SHIFT;
        let at = pos2(15.0, 25.0);
        let expected = [
            Ev::ModifiersChanged(shift),
            Ev::PointerMoved(at),
            Ev::PointerButton {
                pos: at,
                button: egui::PointerButton::Secondary,
                pressed: true,
                modifiers: shift,
            },
            Ev::ModifiersChanged(Modifiers::NONE),
            Ev::MouseWheel {
                unit: egui::MouseWheelUnit::Point,
                delta: vec2(0.0, 4.0),
                phase: egui::TouchPhase::Move,
                modifiers: Modifiers::NONE,
                source: egui::MouseWheelSource::Unknown,
            },
            Ev::PointerGone,
        ];
        assert_eq!(frame(&mut input).events, expected);
    }

    #[test]
    fn files_hover_until_they_leave_or_are_dropped() {
        let mut input = input();
        let taken = Taken::Only(Vec::new());
        let position = PhysicalPosition::new(20.0, 40.0);
        let modifiers = Held::empty();
        let over = |data| {
            Event::Mouse(MouseEvent::DragMoved {
                position,
                modifiers,
                data,
            })
        };
        let accepted = EventStatus::AcceptDrop(DropEffect::Copy);
        assert_eq!(input.take_in(over(DropData::None), 2.0, &taken), EventStatus::Ignored);
        assert_eq!(input.take_in(over(files(&["/a", "/b"])), 2.0, &taken), accepted);
        let first = frame(&mut input);
        assert_eq!(first.hovered_files.len(), 2);
        assert_eq!(first.hovered_files[1].path, Some("/b".into()));
        assert_eq!(first.events.last(), Some(&Ev::PointerMoved(pos2(10.0, 20.0))));
        assert_eq!(frame(&mut input).hovered_files.len(), 2, "as long as they are there");
        input.take_in(Event::Mouse(MouseEvent::DragLeft), 2.0, &taken);
        let left = frame(&mut input);
        assert!(left.hovered_files.is_empty() && left.dropped_files.is_empty());

        input.take_in(over(files(&["/a"])), 2.0, &taken);
        let dropped = Event::Mouse(MouseEvent::DragDropped {
            position,
            modifiers,
            data: files(&["/a"]),
        });
        assert_eq!(input.take_in(dropped, 2.0, &taken), accepted);
        let raw = frame(&mut input);
        assert!(raw.hovered_files.is_empty());
        assert_eq!(raw.dropped_files.len(), 1);
        assert_eq!(raw.dropped_files[0].path(), Path::new("/a"));
        assert!(
            !raw.events.contains(&Ev::PointerGone),
            "where it was dropped is still known"
        );
        let after = frame(&mut input);
        assert!(after.dropped_files.is_empty() && after.events.contains(&Ev::PointerGone));
    }

    #[test]
    fn keys_that_are_not_used_are_left_to_the_host() {
        let mut input = input();
        let taken = Taken::Only(vec![Key::Num1, Key::Enter]);
        let one = || Typed::Character("1".to_owned());
        let none = Held::empty();
        assert_eq!(
            typed(&mut input, one(), Code::Digit1, none, &taken),
            EventStatus::Captured
        );
        let space = || Typed::Character(" ".to_owned());
        assert_eq!(
            typed(&mut input, space(), Code::Space, none, &taken),
            EventStatus::Ignored
        );
        let enter = Typed::Named(NamedKey::Enter);
        assert_eq!(
            typed(&mut input, enter, Code::Enter, none, &taken),
            EventStatus::Captured
        );
        for held in [Held::CONTROL, Held::ALT] {
            let status = typed(&mut input, one(), Code::Digit1, held, &taken);
            assert_eq!(status, EventStatus::Ignored, "{held:?}: a command of the host");
        }
        assert_eq!(
            typed(&mut input, space(), Code::Space, none, &Taken::All),
            EventStatus::Captured
        );
    }

    #[test]
    fn characters_are_text_and_commands_are_not() {
        let mut input = input();
        let a = |text: &str| Typed::Character(text.to_owned());
        typed(&mut input, a("ä"), Code::Quote, Held::empty(), &Taken::All);
        typed(&mut input, a("A"), Code::KeyA, Held::SHIFT, &Taken::All);
        typed(&mut input, a("\u{1}"), Code::KeyA, Held::empty(), &Taken::All);
        typed(&mut input, a(""), Code::KeyA, Held::empty(), &Taken::All);
        let command = if cfg!(target_os = "macos") {
            Held::META
        } else {
            Held::CONTROL
        };
        typed(&mut input, a("a"), Code::KeyA, command, &Taken::All);
        typed(&mut input, a("c"), Code::KeyC, command, &Taken::All);
        typed(&mut input, a("x"), Code::KeyX, command, &Taken::All);
        let events = frame(&mut input).events;
        let texts: Vec<&str> = events
            .iter()
            .filter_map(|event| match event {
                Ev::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(texts, ["ä", "A"]);
        assert!(events.contains(&Ev::Copy) && events.contains(&Ev::Cut));
        let keys = |wanted: Key| {
            events
                .iter()
                .filter(|event| matches!(event, Ev::Key { key, .. } if *key == wanted))
                .count()
        };
        assert_eq!((keys(Key::A), keys(Key::C)), (2, 0), "marks all, copies");
    }
}
