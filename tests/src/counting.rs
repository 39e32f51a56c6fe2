//! An allocator that counts what the audio thread allocates and frees.
//!
//! A test binary makes [`Counting`] its global allocator and runs audio code inside [`audio`]. Only the thread inside is
//! counted, so that control threads may allocate meanwhile.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counted.
pub struct Counting;

thread_local! {
    // No destructor and a constant start, so that touching them from within the allocator does not allocate.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static CALLS: Cell<Calls> = const { Cell::new(Calls { allocations: 0, frees: 0 }) };
}

/// Calls of the allocator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Allocations and re-allocations.
    pub allocations: u64,
    /// Frees.
    pub frees: u64,
}

fn count(what: impl FnOnce(&mut Calls)) {
    if INSIDE.get() {
        let mut calls = CALLS.get();
        what(&mut calls);
        CALLS.set(calls);
    }
}

// SAFETY: every call goes to `System` with its arguments unchanged; the counters are plain thread-local cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(|calls| calls.allocations += 1);
        // SAFETY: the caller keeps the contract of `alloc`, which is System's too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(|calls| calls.allocations += 1);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(|calls| calls.allocations += 1);
        // SAFETY: as above; `block` came from System, as all blocks do.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(|calls| calls.frees += 1);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Runs `body` as audio code on this thread and says what it asked of the allocator, if [`Counting`] is the global one.
pub fn audio<R>(body: impl FnOnce() -> R) -> (R, Calls) {
    let before = CALLS.get();
    INSIDE.set(true);
    let result = body();
    INSIDE.set(false);
    let after = CALLS.get();
    let calls = Calls {
        allocations: after.allocations - before.allocations,
        frees: after.frees - before.frees,
    };
    (result, calls)
}
