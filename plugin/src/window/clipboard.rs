//! The system's clipboard, opened when it is first used.

use arboard::Clipboard as System;

/// Text in and out of the system's clipboard.
#[derive(Default)]
pub(super) struct Clipboard {
    system: Option<System>,
}

impl Clipboard {
    /// `None` where the system gives none; asked again the next time.
    fn system(&mut self) -> Option<&mut System> {
        if self.system.is_none() {
            self.system = System::new().ok();
        }
        self.system.as_mut()
    }

    /// The text in it, if there is any.
    pub(super) fn text(&mut self) -> Option<String> {
        self.system()?.get_text().ok()
    }

    /// Puts `text` into it. A system that refuses keeps what it had; there is nobody who could do anything about it.
    pub(super) fn put(&mut self, text: String) {
        if let Some(system) = self.system() {
            let _ = system.set_text(text);
        }
    }
}
