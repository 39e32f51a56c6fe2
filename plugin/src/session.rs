//! What is saved beside the parameters: the session's models, and the size of the window.

use crate::shared::Shared;
use nice_plug::params::persist::PersistentField;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tonegraft_library::session;

/// The session as a text, in and out. Restoring only asks the loader; nothing is loaded on the caller's thread.
#[derive(Debug)]
pub struct SessionField {
    shared: Arc<Shared>,
}

impl SessionField {
    /// The session of the instance that owns `shared`.
    pub const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl PersistentField<'_, String> for SessionField {
    fn set(&self, text: String) {
        match session::decode(&text) {
            Ok(state) => self.shared.restore(state),
            Err(error) => self.shared.show_error(error.to_string()),
        }
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&String) -> R,
    {
        f(&session::encode(&self.shared.session()))
    }
}

/// Width and height of the window, in logical points.
#[derive(Debug)]
pub struct WindowSize(AtomicU64);

impl WindowSize {
    /// A new window's size.
    pub const DEFAULT: [u32; 2] = [1120, 760];
    /// The smallest.
    pub const MIN: [u32; 2] = [1040, 690];
    /// The largest.
    pub const MAX: [u32; 2] = [2400, 1600];

    /// The size now.
    pub fn get(&self) -> [u32; 2] {
        let packed = self.0.load(Ordering::Relaxed);
        // The two halves of the number.
        #[allow(clippy::cast_possible_truncation)]
        let halves = [(packed >> 32) as u32, packed as u32];
        halves
    }

    /// A new size, clamped to the limits.
    pub fn put(&self, size: [u32; 2]) {
        self.0.store(pack(size), Ordering::Relaxed);
    }
}

fn pack([width, height]: [u32; 2]) -> u64 {
    let width = width.clamp(WindowSize::MIN[0], WindowSize::MAX[0]);
    let height = height.clamp(WindowSize::MIN[1], WindowSize::MAX[1]);
    (u64::from(width) << 32) | u64::from(height)
}

impl Default for WindowSize {
    fn default() -> Self {
        Self(AtomicU64::new(pack(Self::DEFAULT)))
    }
}

impl PersistentField<'_, [u32; 2]> for WindowSize {
    fn set(&self, size: [u32; 2]) {
        self.put(size);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&[u32; 2]) -> R,
    {
        f(&self.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_kept_inside_the_limits() {
        let size = WindowSize::default();
        assert_eq!(size.get(), WindowSize::DEFAULT);
        size.put([1, u32::MAX]);
        assert_eq!(size.get(), [WindowSize::MIN[0], WindowSize::MAX[1]]);
        size.put([1100, 720]);
        assert_eq!(size.get(), [1100, 720]);
    }
}
