//! Keys, buttons and pointer shapes, from the window library's names to egui's and back.

use baseview::{MouseButton, MouseCursor};
use egui::{CursorIcon, Key, PointerButton};
use keyboard_types::{Code, Key as Typed, Modifiers, NamedKey};

/// What a key means in the user's layout.
pub(super) fn key(typed: &Typed) -> Option<Key> {
    Some(match typed {
        Typed::Character(text) => return Key::from_name(text),
        Typed::Named(named) => match named {
            NamedKey::ArrowDown => Key::ArrowDown,
            NamedKey::ArrowLeft => Key::ArrowLeft,
            NamedKey::ArrowRight => Key::ArrowRight,
            NamedKey::ArrowUp => Key::ArrowUp,
            NamedKey::Escape => Key::Escape,
            NamedKey::Tab => Key::Tab,
            NamedKey::Backspace => Key::Backspace,
            NamedKey::Enter => Key::Enter,
            NamedKey::Insert => Key::Insert,
            NamedKey::Delete => Key::Delete,
            NamedKey::Home => Key::Home,
            NamedKey::End => Key::End,
            NamedKey::PageUp => Key::PageUp,
            NamedKey::PageDown => Key::PageDown,
            _ => return None,
        },
    })
}

/// Shift, Ctrl, Alt and Command.
pub(super) fn modifiers(held: Modifiers) -> egui::Modifiers {
    let is_mac = cfg!(target_os = "macos");
    egui::Modifiers {
        alt: held.alt(),
        ctrl: held.ctrl(),
        shift: held.shift(),
        mac_cmd: is_mac && held.meta(),
        command: if is_mac { held.meta() } else { held.ctrl() },
    }
}

/// What a key does with the clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clip {
    /// Takes what is marked away.
    Cut,
    /// Copies what is marked.
    Copy,
    /// Puts a text in.
    Paste,
}

/// The clipboard's keys: Command or Ctrl with X, C, V, and the old ones of Windows and X11.
pub(super) fn clip(held: egui::Modifiers, code: Code) -> Option<Clip> {
    let has_old_keys = !cfg!(target_os = "macos");
    match code {
        Code::KeyX if held.command => Some(Clip::Cut),
        Code::KeyC if held.command => Some(Clip::Copy),
        Code::KeyV if held.command => Some(Clip::Paste),
        Code::Delete if has_old_keys && held.shift => Some(Clip::Cut),
        Code::Insert if has_old_keys && held.ctrl => Some(Clip::Copy),
        Code::Insert if has_old_keys && held.shift => Some(Clip::Paste),
        _ => None,
    }
}

/// Buttons that egui knows.
pub(super) const fn button(button: MouseButton) -> Option<PointerButton> {
    match button {
        MouseButton::Left => Some(PointerButton::Primary),
        MouseButton::Right => Some(PointerButton::Secondary),
        MouseButton::Middle => Some(PointerButton::Middle),
        MouseButton::Back => Some(PointerButton::Extra1),
        MouseButton::Forward => Some(PointerButton::Extra2),
        _ => None,
    }
}

/// The pointer's shape.
pub(super) const fn cursor(icon: CursorIcon) -> MouseCursor {
    match icon {
        CursorIcon::Default => MouseCursor::Default,
        CursorIcon::None => MouseCursor::Hidden,
        CursorIcon::ContextMenu | CursorIcon::PointingHand | CursorIcon::Grab => MouseCursor::Hand,
        CursorIcon::Help => MouseCursor::Help,
        CursorIcon::Progress => MouseCursor::PtrWorking,
        CursorIcon::Wait => MouseCursor::Working,
        CursorIcon::Cell => MouseCursor::Cell,
        CursorIcon::Crosshair => MouseCursor::Crosshair,
        CursorIcon::Text => MouseCursor::Text,
        CursorIcon::VerticalText => MouseCursor::VerticalText,
        CursorIcon::Alias => MouseCursor::Alias,
        CursorIcon::Copy => MouseCursor::Copy,
        CursorIcon::Move => MouseCursor::Move,
        CursorIcon::NoDrop | CursorIcon::NotAllowed => MouseCursor::NotAllowed,
        CursorIcon::Grabbing => MouseCursor::HandGrabbing,
        CursorIcon::AllScroll => MouseCursor::AllScroll,
        CursorIcon::ResizeHorizontal => MouseCursor::EwResize,
        CursorIcon::ResizeNeSw => MouseCursor::NeswResize,
        CursorIcon::ResizeNwSe => MouseCursor::NwseResize,
        CursorIcon::ResizeVertical => MouseCursor::NsResize,
        CursorIcon::ResizeEast => MouseCursor::EResize,
        CursorIcon::ResizeSouthEast => MouseCursor::SeResize,
        CursorIcon::ResizeSouth => MouseCursor::SResize,
        CursorIcon::ResizeSouthWest => MouseCursor::SwResize,
        CursorIcon::ResizeWest => MouseCursor::WResize,
        CursorIcon::ResizeNorthWest => MouseCursor::NwResize,
        CursorIcon::ResizeNorth => MouseCursor::NResize,
        CursorIcon::ResizeNorthEast => MouseCursor::NeResize,
        CursorIcon::ResizeColumn => MouseCursor::ColResize,
        CursorIcon::ResizeRow => MouseCursor::RowResize,
        CursorIcon::ZoomIn => MouseCursor::ZoomIn,
        CursorIcon::ZoomOut => MouseCursor::ZoomOut,
    }
}
