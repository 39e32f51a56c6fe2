//! Tells the host what changed without its asking: latency, texts of the knobs, an edited session.
//!
//! A thread per instance polls atomics. The audio thread cannot wake anybody without a system call, and in a VST3 host on Linux
//! there may be no main thread to call on while the editor is closed. CLAP: a changed latency asks for a restart, and `activate`
//! then tells it. VST3 shell: told at once.

use super::host::Host;
use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the atomics are looked at.
const POLL: Duration = Duration::from_millis(5);

/// What the host knows, and what it told.
#[derive(Debug)]
pub(super) struct Told {
    /// The latency that the host was told or has read at the last activation, in frames.
    pub(super) latency: AtomicU32,
    /// True between `activate` and `deactivate`.
    pub(super) active: AtomicBool,
    /// The texts of the knobs have changed; for the next call on the main thread.
    pub(super) texts: AtomicBool,
    /// The session was edited in the window; for the next call on the main thread.
    pub(super) dirty: AtomicBool,
    /// The host passes the side-chain; false: it switched the port off.
    pub(super) side_chain: AtomicBool,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            latency: AtomicU32::new(0),
            active: AtomicBool::new(false),
            texts: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
            side_chain: AtomicBool::new(true),
        }
    }
}

/// The thread; stopped and joined on drop.
pub(super) struct Notifier {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Notifier {
    pub(super) fn start(host: Host, shared: Arc<Shared>, told: Arc<Told>) -> Option<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("tonegraft-notify".into())
            .spawn(move || run(host, &shared, &told, &seen))
            .ok()?;
        Some(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic of that thread must not become one of the host's.
            let _ = thread.join();
        }
    }
}

fn run(host: Host, shared: &Shared, told: &Told, stop: &AtomicBool) {
    let mut asked = told.latency.load(Ordering::Acquire);
    // A model may have been loaded before this thread started.
    let (mut texts, mut edits) = (0, 0);
    while !stop.load(Ordering::Acquire) {
        let latency = shared.latency();
        let known = told.latency.load(Ordering::Acquire);
        if latency == known {
            asked = known;
        } else if told.active.load(Ordering::Acquire) && latency != asked {
            asked = latency;
            if host.is_shell() {
                told.latency.store(latency, Ordering::Release);
                host.latency_changed();
            } else {
                host.request_restart();
            }
        }
        let new_texts = shared.boards.version();
        let new_edits = shared.edits();
        if new_texts != texts {
            told.texts.store(true, Ordering::Release);
        }
        if new_edits != edits {
            told.dirty.store(true, Ordering::Release);
        }
        if new_texts != texts || new_edits != edits {
            (texts, edits) = (new_texts, new_edits);
            host.request_callback();
        }
        std::thread::park_timeout(POLL);
    }
}
