//! The helper thread: delivers news of plugins whose host makes no main-thread call, without a window to give a run loop.
//!
//! One for the process, started with the first plugin, asleep while there is none. It looks every [`POLL`] and acts only on
//! news that nobody else delivered within [`PATIENCE_MS`]; so a host that calls in on its main thread, or gives a run loop,
//! never meets it. It is joined in `ModuleExit` alone: joining per plugin could wait for a host that waits for us.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::hosted::Hosted;
use crate::sync::{lock, now_ms};

const POLL: Duration = Duration::from_millis(25);
const PATIENCE_MS: u64 = 100;

struct State {
    plugins: Vec<Weak<Hosted>>,
    thread: Option<JoinHandle<()>>,
    stop: bool,
}

static STATE: Mutex<State> = Mutex::new(State {
    plugins: Vec::new(),
    thread: None,
    stop: false,
});
static WAKE: Condvar = Condvar::new();

/// From now on news of this plugin are looked after.
pub(crate) fn watch(plugin: &Arc<Hosted>) {
    let mut state = lock(&STATE);
    state.plugins.push(Arc::downgrade(plugin));
    if state.thread.is_none() && !state.stop {
        state.thread = std::thread::Builder::new().name("clap-vst3".into()).spawn(run).ok();
    }
    WAKE.notify_one();
}

/// Ends the thread and waits for it. With the module's exit only.
pub(crate) fn stop() {
    let thread = {
        let mut state = lock(&STATE);
        state.stop = true;
        WAKE.notify_one();
        state.thread.take()
    };
    if let Some(thread) = thread {
        // A panic in it has been reported already and concerns nobody here.
        let _ = thread.join();
    }
    lock(&STATE).stop = false;
}

fn run() {
    loop {
        let plugins: Vec<Arc<Hosted>> = {
            let mut state = lock(&STATE);
            loop {
                if state.stop {
                    return;
                }
                state.plugins.retain(|plugin| plugin.strong_count() > 0);
                if !state.plugins.is_empty() {
                    break;
                }
                state = WAKE.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.plugins.iter().filter_map(Weak::upgrade).collect()
        };
        let now = now_ms();
        for plugin in &plugins {
            look_after(plugin, now);
        }
        drop(plugins);
        let state = lock(&STATE);
        if !state.stop {
            drop(WAKE.wait_timeout(state, POLL).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn look_after(plugin: &Hosted, now: u64) {
    let since = plugin.pending_since.load(Ordering::Relaxed);
    if plugin.host.flags.load(Ordering::Acquire) == 0 {
        plugin.pending_since.store(0, Ordering::Relaxed);
    } else if since == 0 {
        plugin.pending_since.store(now, Ordering::Relaxed);
    } else if now >= since + PATIENCE_MS {
        plugin.drain();
    }
}
