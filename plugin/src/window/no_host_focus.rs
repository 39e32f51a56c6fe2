//! Windows and macOS: a key that is answered as ignored goes to the host by itself.

use baseview::WindowContext;
use keyboard_types::KeyboardEvent;

/// Nothing to do here; X11 has the other one.
pub(super) struct HostFocus;

impl HostFocus {
    /// For a window inside a host's.
    pub(super) const fn new(_window: &WindowContext) -> Option<Self> {
        None
    }

    /// Never asked.
    pub(super) const fn has_focus(&self) -> bool {
        false
    }

    /// Before the focus is taken.
    pub(super) const fn remember(&self) {}

    /// Gives it back to who had it.
    pub(super) const fn give_back(&self) {}

    /// Passes a key on.
    pub(super) const fn pass_on(&self, _event: &KeyboardEvent) {}
}
