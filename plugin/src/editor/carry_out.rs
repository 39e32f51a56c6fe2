//! What each action does to the live instance.

use super::App;
use super::dialog::Asked;
use super::view::{Action, BrowserEdit, Folder, View};
use crate::shared::CabWish;
use nice_plug::prelude::ParamSetter;
use std::path::PathBuf;
use tonegraft_core::Fault;

impl App {
    pub(super) fn carry_out(&mut self, action: Action, view: &View, _setter: Option<&ParamSetter<'_>>) {
        let folder = view.folder().or(view.browser.library.as_ref()).map(PathBuf::as_path);
        match action {
            Action::Load(_, wish) => self.shared.open(wish),
            Action::Browse(_) => self.dialog.browse(&self.shared, Asked::Model, folder),
            Action::BrowseCab => self.dialog.browse(&self.shared, Asked::Cab, folder),
            Action::LoadCab(path) => self.shared.open_cab(CabWish::File(path)),
            Action::RemoveCab => self.shared.open_cab(CabWish::Remove),
            Action::Play(_, way) => self.shared.play(way),
            Action::Browser(BrowserEdit::Rescan | BrowserEdit::Enter(Folder::Shipped)) => self.shared.rescan(),
            Action::Dismiss => {
                self.seen.fault = Fault::None;
                self.shared.dismiss();
            }
            // Nothing in the window asks for these yet.
            _ => {}
        }
    }
}
