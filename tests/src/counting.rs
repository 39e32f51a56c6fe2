//! An allocator that counts what the audio thread allocates and frees.
//!
//! A test binary makes [`Counting`] its global allocator and runs audio code inside [`audio`] or [`heap_calls`]. Only the thread
//! inside is counted, so that control threads may allocate meanwhile.
//!
//! The tests of crates that this package builds upon take this file in by its path.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counted.
pub struct Counting;

thread_local! {
    // No destructor and a constant start, so that touching them from within the allocator does not allocate.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static CALLS: Cell<Calls> = const { Cell::new(Calls { allocations: 0, frees: 0 }) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

/// Calls of the allocator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Allocations and re-allocations.
    pub allocations: u64,
    /// Frees.
    pub frees: u64,
}

/// Counts a call that took and gave back that many bytes.
fn count(taken: usize, given_back: usize, what: impl FnOnce(&mut Calls)) {
    if INSIDE.get() {
        let mut calls = CALLS.get();
        what(&mut calls);
        CALLS.set(calls);
        // No allocation is larger than `isize::MAX`.
        BYTES.set(BYTES.get() + taken.cast_signed() as i64 - given_back.cast_signed() as i64);
    }
}

// SAFETY: every call goes to `System` with its arguments unchanged; the counters are plain thread-local cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0, |calls| calls.allocations += 1);
        // SAFETY: the caller keeps the contract of `alloc`, which is System's too.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0, |calls| calls.allocations += 1);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size(), |calls| calls.allocations += 1);
        // SAFETY: as above; `block` came from System, as all blocks do.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, layout.size(), |calls| calls.frees += 1);
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

/// Allocations and frees of this thread within `body`.
pub fn heap_calls(body: impl FnOnce()) -> u64 {
    let ((), calls) = audio(body);
    calls.allocations + calls.frees
}

/// Runs `body` and says by how many bytes this thread holds more after it.
pub fn bytes_kept<R>(body: impl FnOnce() -> R) -> (R, i64) {
    let before = BYTES.get();
    let (result, _) = audio(body);
    (result, BYTES.get() - before)
}
