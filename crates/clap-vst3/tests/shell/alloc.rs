//! An allocator that counts what the calling thread does while it is armed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

pub struct Counting;

fn count() {
    // A thread that is being torn down has no cells any more and is not armed either.
    if ARMED.try_with(Cell::get).unwrap_or(false) {
        COUNT.with(|count| count.set(count.get() + 1));
    }
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and frees of this thread during `f`.
pub fn counted<R>(f: impl FnOnce() -> R) -> (R, usize) {
    COUNT.set(0);
    ARMED.set(true);
    let result = f();
    ARMED.set(false);
    (result, COUNT.get())
}

#[test]
fn the_counter_counts() {
    let (boxed, count) = counted(|| Box::new(1_u64));
    assert_eq!(count, 1);
    let ((), count) = counted(|| drop(boxed));
    assert_eq!(count, 1);
    assert_eq!(counted(|| std::hint::black_box(1 + 1)), (2, 0));
}
