//! The three primitives everything else is built on: thread identity, the main-thread lock and the audio gate.
//!
//! Thread identity avoids `thread_local!`: in a library loaded at run time the first access on a new thread may allocate,
//! which the audio thread must not do.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// A number that differs between any two running threads and is never 0.
///
/// # Realtime Safety
///
/// No allocation, lock or system call.
pub(crate) fn thread_id() -> usize {
    #[cfg(unix)]
    {
        // SAFETY: `pthread_self` has no preconditions.
        unsafe { libc::pthread_self() as usize }
    }
    #[cfg(windows)]
    {
        #[link(name = "kernel32")]
        unsafe extern "system" {
            fn GetCurrentThreadId() -> u32;
        }
        // SAFETY: `GetCurrentThreadId` has no preconditions.
        unsafe { GetCurrentThreadId() as usize }
    }
}

/// Milliseconds since the first call in this process, starting at 1 so that 0 can mean "never".
pub(crate) fn now_ms() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as u64 + 1
}

/// `Mutex::lock` that goes on after a panic elsewhere: everything guarded here stays valid at every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A re-entrant lock around every call that CLAP reserves for the main thread.
///
/// Re-entrant, because a plugin's window may pump messages and the host then calls back in on the same thread. It is
/// never held while the host is called.
pub(crate) struct MainLock {
    depth: Mutex<usize>,
    freed: Condvar,
    owner: AtomicUsize,
}

impl MainLock {
    pub(crate) const fn new() -> Self {
        Self {
            depth: Mutex::new(0),
            freed: Condvar::new(),
            owner: AtomicUsize::new(0),
        }
    }

    pub(crate) fn enter(&self) -> MainGuard<'_> {
        let me = thread_id();
        let mut depth = lock(&self.depth);
        while *depth > 0 && self.owner.load(Ordering::Relaxed) != me {
            depth = self.freed.wait(depth).unwrap_or_else(PoisonError::into_inner);
        }
        self.owner.store(me, Ordering::Relaxed);
        *depth += 1;
        MainGuard {
            lock: self,
            nested: *depth > 1,
        }
    }

    /// Whether the calling thread is inside.
    pub(crate) fn is_mine(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == thread_id()
    }
}

pub(crate) struct MainGuard<'a> {
    lock: &'a MainLock,
    nested: bool,
}

impl MainGuard<'_> {
    /// Whether the thread was inside already.
    pub(crate) fn is_nested(&self) -> bool {
        self.nested
    }
}

impl Drop for MainGuard<'_> {
    fn drop(&mut self) {
        let mut depth = lock(&self.lock.depth);
        *depth -= 1;
        if *depth == 0 {
            self.lock.owner.store(0, Ordering::Relaxed);
            self.lock.freed.notify_one();
        }
    }
}

/// Exclusive access to the audio side: the audio thread tries, the main thread waits.
///
/// A host that keeps to VST3's rules never meets a busy gate; one that does not gets a refused block, not a data race.
pub(crate) struct Gate<T> {
    busy: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is reachable through a guard only, and `busy` lets one guard exist at a time.
unsafe impl<T: Send> Sync for Gate<T> {}

impl<T> Gate<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            busy: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// # Realtime Safety
    ///
    /// One compare-and-swap.
    pub(crate) fn try_enter(&self) -> Option<GateGuard<'_, T>> {
        self.busy
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            .then(|| GateGuard { gate: self })
    }

    /// Waits for the block in progress to end. Main thread only.
    pub(crate) fn enter(&self) -> GateGuard<'_, T> {
        loop {
            if let Some(guard) = self.try_enter() {
                return guard;
            }
            std::thread::yield_now();
        }
    }
}

pub(crate) struct GateGuard<'a, T> {
    gate: &'a Gate<T>,
}

impl<T> Deref for GateGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard is the only one (`busy` is set), so nobody else touches `value`.
        unsafe { &*self.gate.value.get() }
    }
}

impl<T> DerefMut for GateGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `self` is borrowed mutably.
        unsafe { &mut *self.gate.value.get() }
    }
}

impl<T> Drop for GateGuard<'_, T> {
    fn drop(&mut self) {
        self.gate.busy.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn the_main_lock_is_re_entrant_and_exclusive() {
        let main = Arc::new(MainLock::new());
        let inside = Arc::new(AtomicBool::new(false));
        let outer = main.enter();
        let inner = main.enter();
        assert!(main.is_mine());
        let thread = {
            let (main, inside) = (main.clone(), inside.clone());
            std::thread::spawn(move || {
                let _guard = main.enter();
                inside.store(true, Ordering::SeqCst);
            })
        };
        drop(inner);
        std::thread::sleep(Duration::from_millis(30));
        assert!(!inside.load(Ordering::SeqCst), "entered while the outer guard was held");
        drop(outer);
        thread.join().unwrap();
        assert!(inside.load(Ordering::SeqCst));
        assert!(!main.is_mine());
    }

    #[test]
    fn the_gate_refuses_a_second_guard() {
        let gate = Gate::new(1);
        let mut guard = gate.try_enter().unwrap();
        *guard += 1;
        assert!(gate.try_enter().is_none());
        drop(guard);
        assert_eq!(*gate.enter(), 2);
    }
}
