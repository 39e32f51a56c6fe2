//! The window's panels, one a file. Each draws from plain values and the parameters, and asks for [`Action`]s.

pub mod bench;
pub mod browser;
pub mod difference;
pub mod footer;
pub mod header;
pub mod latency;
pub mod meters;
pub mod passage;
pub mod programs;
pub mod rack;
pub mod reference;
pub mod slot;
pub mod spectrum;
pub mod test;
pub mod trial;
pub mod verdict;

use super::draw::Memory;
use super::view::{Action, View};
use super::widgets::Setter;
use crate::params::TonegraftParams;

/// What a panel draws from, and where it puts what the user asks for.
#[allow(missing_debug_implementations)]
pub struct Cx<'a> {
    /// Everything that is shown.
    pub view: &'a View,
    /// The parameters.
    pub params: &'a TonegraftParams,
    /// Who sets them.
    pub setter: Setter<'a>,
    /// What the window remembers.
    pub memory: &'a mut Memory,
    /// What the user asks for.
    pub actions: Vec<Action>,
}

impl Cx<'_> {
    /// The user asks for this.
    pub fn ask(&mut self, action: Action) {
        self.actions.push(action);
    }
}
