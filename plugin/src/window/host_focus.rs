//! X11: the keyboard's focus and unused keys go back to the host's window.
//!
//! An X11 window that has the focus, or the pointer over it, gets every key, and the server asks nobody whether the key was of use. So a
//! host would lose its space bar to each plugin that was clicked on.

use baseview::WindowContext;
use keyboard_types::{Code, KeyState, KeyboardEvent, Modifiers};
use raw_window_handle::{HasWindowHandle as _, RawWindowHandle};
use std::cell::Cell;
use std::time::{Duration, Instant};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    ConnectionExt as _, EventMask, InputFocus, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, KeyButMask, KeyPressEvent, Window,
};
use x11rb::rust_connection::RustConnection;

/// A host may send a key that nobody uses to the plugin again; within this time it is not passed on a second time.
const ECHO: Duration = Duration::from_millis(10);

/// The first of [`KEYS`] in X11's numbering, which every X server on Linux shares.
const FIRST_KEY: u8 = 9;

/// Keys in the order of X11's numbers. `Unidentified`: one that no host uses.
const KEYS: [Code; 111] = {
    use Code::*;
    [
        Escape,
        Digit1,
        Digit2,
        Digit3,
        Digit4,
        Digit5,
        Digit6,
        Digit7,
        Digit8,
        Digit9,
        Digit0,
        Minus,
        Equal,
        Backspace,
        Tab,
        KeyQ,
        KeyW,
        KeyE,
        KeyR,
        KeyT,
        KeyY,
        KeyU,
        KeyI,
        KeyO,
        KeyP,
        BracketLeft,
        BracketRight,
        Enter,
        ControlLeft,
        KeyA,
        KeyS,
        KeyD,
        KeyF,
        KeyG,
        KeyH,
        KeyJ,
        KeyK,
        KeyL,
        Semicolon,
        Quote,
        Backquote,
        ShiftLeft,
        Backslash,
        KeyZ,
        KeyX,
        KeyC,
        KeyV,
        KeyB,
        KeyN,
        KeyM,
        Comma,
        Period,
        Slash,
        ShiftRight,
        NumpadMultiply,
        AltLeft,
        Space,
        CapsLock,
        F1,
        F2,
        F3,
        F4,
        F5,
        F6,
        F7,
        F8,
        F9,
        F10,
        NumLock,
        ScrollLock,
        Numpad7,
        Numpad8,
        Numpad9,
        NumpadSubtract,
        Numpad4,
        Numpad5,
        Numpad6,
        NumpadAdd,
        Numpad1,
        Numpad2,
        Numpad3,
        Numpad0,
        NumpadDecimal,
        Unidentified,
        Unidentified,
        IntlBackslash,
        F11,
        F12,
        Unidentified,
        Unidentified,
        Unidentified,
        Unidentified,
        Unidentified,
        Unidentified,
        Unidentified,
        NumpadEnter,
        ControlRight,
        NumpadDivide,
        Unidentified,
        AltRight,
        Unidentified,
        Home,
        ArrowUp,
        PageUp,
        ArrowLeft,
        ArrowRight,
        End,
        ArrowDown,
        PageDown,
        Insert,
        Delete,
    ]
};

/// A connection of its own beside the window's: the window library keeps that one to itself.
pub(super) struct HostFocus {
    connection: RustConnection,
    root: Window,
    window: Window,
    /// Who had the focus before this window took it.
    before: Cell<Option<Window>>,
    passed: Cell<Option<(Code, KeyState, Instant)>>,
}

impl HostFocus {
    /// For a window inside a host's; none where the display cannot be reached a second time.
    pub(super) fn new(window: &WindowContext) -> Option<Self> {
        let window = match window.window_handle().ok()?.as_raw() {
            RawWindowHandle::Xlib(handle) => Window::try_from(handle.window).ok()?,
            RawWindowHandle::Xcb(handle) => handle.window.get(),
            _ => return None,
        };
        let (connection, screen) = x11rb::connect(None).ok()?;
        let root = connection.setup().roots.get(screen)?.root;
        Some(Self {
            connection,
            root,
            window,
            before: Cell::new(None),
            passed: Cell::new(None),
        })
    }

    fn focus(&self) -> Option<Window> {
        Some(self.connection.get_input_focus().ok()?.reply().ok()?.focus)
    }

    /// Whether all keys come here. The window library also says so where they come only while the pointer is over the window.
    pub(super) fn has_focus(&self) -> bool {
        self.focus() == Some(self.window)
    }

    /// Before the focus is taken.
    pub(super) fn remember(&self) {
        if let Some(focus) = self.focus().filter(|&focus| focus != self.window) {
            self.before.set(Some(focus));
        }
    }

    /// Gives it back to who had it, else to the host's window.
    pub(super) fn give_back(&self) {
        let targets = [self.before.take(), self.parent()];
        // What had it may be gone or hidden meanwhile.
        for target in targets.into_iter().flatten() {
            let asked = self
                .connection
                .set_input_focus(InputFocus::PARENT, target, x11rb::CURRENT_TIME);
            if asked.is_ok_and(|asked| asked.check().is_ok()) {
                return;
            }
        }
    }

    fn parent(&self) -> Option<Window> {
        let parent = self.connection.query_tree(self.window).ok()?.reply().ok()?.parent;
        Some(parent).filter(|&parent| parent != self.root && parent != x11rb::NONE)
    }

    /// Passes a key on to the host's window.
    pub(super) fn pass_on(&self, event: &KeyboardEvent) {
        let now = Instant::now();
        let is_echo = self.passed.get().is_some_and(|(code, state, at)| {
            code == event.code && state == event.state && now.duration_since(at) < ECHO
        });
        let (Some(detail), Some(parent), false) = (number(event.code), self.parent(), is_echo) else {
            return;
        };
        self.passed.set(Some((event.code, event.state, now)));
        let response_type = match event.state {
            KeyState::Down => KEY_PRESS_EVENT,
            KeyState::Up => KEY_RELEASE_EVENT,
        };
        let told = KeyPressEvent {
            response_type,
            detail,
            sequence: 0,
            time: x11rb::CURRENT_TIME,
            root: self.root,
            event: parent,
            child: x11rb::NONE,
            root_x: 0,
            root_y: 0,
            event_x: 0,
            event_y: 0,
            state: held(event.modifiers),
            same_screen: true,
        };
        let mask = match event.state {
            KeyState::Down => EventMask::KEY_PRESS,
            KeyState::Up => EventMask::KEY_RELEASE,
        };
        if let Ok(asked) = self.connection.send_event(true, parent, mask, told) {
            asked.ignore_error();
        }
        let _ = self.connection.flush();
    }
}

/// The number of a key.
fn number(code: Code) -> Option<u8> {
    let index = KEYS.iter().position(|&key| key == code && code != Code::Unidentified)?;
    u8::try_from(index).ok().map(|index| FIRST_KEY + index)
}

fn held(modifiers: Modifiers) -> KeyButMask {
    let masks = [
        (Modifiers::SHIFT, KeyButMask::SHIFT),
        (Modifiers::CAPS_LOCK, KeyButMask::LOCK),
        (Modifiers::CONTROL, KeyButMask::CONTROL),
        (Modifiers::ALT, KeyButMask::MOD1),
        (Modifiers::NUM_LOCK, KeyButMask::MOD2),
        (Modifiers::META, KeyButMask::MOD4),
    ];
    let held = masks.into_iter().filter(|(modifier, _)| modifiers.contains(*modifier));
    held.fold(KeyButMask::default(), |all, (_, mask)| all | mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_numbers_of_every_x_server_on_linux() {
        for (code, expected) in [
            (Code::Escape, 9),
            (Code::Digit0, 19),
            (Code::KeyP, 33),
            (Code::KeyA, 38),
            (Code::KeyM, 58),
            (Code::Space, 65),
            (Code::F10, 76),
            (Code::NumpadDecimal, 91),
            (Code::F12, 96),
            (Code::NumpadEnter, 104),
            (Code::Home, 110),
            (Code::ArrowDown, 116),
            (Code::Delete, 119),
        ] {
            assert_eq!(number(code), Some(expected), "{code:?}");
        }
        assert_eq!(number(Code::Unidentified), None);
        assert_eq!(number(Code::BrowserBack), None);
    }
}
