//! Counts allocations, so that every engine's heap calls per block are known.
//!
//! On Linux with glibc the C functions themselves are replaced, for the whole process: what ONNX Runtime's library allocates is
//! counted too. Elsewhere only Rust's own allocator is counted. What is freed is not counted.

use std::cell::Cell;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// Allocations of this thread so far: `malloc`, `calloc`, `realloc` and the aligned ones. Every engine computes in the thread that
/// calls it; what another thread does meanwhile is not its doing.
pub fn calls() -> u64 {
    CALLS.get()
}

fn count() {
    // A thread that ends may allocate after its counter is gone.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::ffi::{c_int, c_void};

    unsafe extern "C" {
        fn __libc_malloc(size: usize) -> *mut c_void;
        fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
        fn __libc_realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
        fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
    }

    /// `ENOMEM` and `EINVAL`, the same on every Linux.
    const NO_MEMORY: c_int = 12;
    const INVALID: c_int = 22;

    #[unsafe(no_mangle)]
    extern "C" fn malloc(size: usize) -> *mut c_void {
        super::count();
        // SAFETY: glibc's own `malloc` under its other name.
        unsafe { __libc_malloc(size) }
    }

    #[unsafe(no_mangle)]
    extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
        super::count();
        // SAFETY: as `malloc`.
        unsafe { __libc_calloc(count, size) }
    }

    /// # Safety
    /// As C's.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
        super::count();
        // SAFETY: passed on to the caller.
        unsafe { __libc_realloc(pointer, size) }
    }

    #[unsafe(no_mangle)]
    extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
        super::count();
        // SAFETY: as `malloc`.
        unsafe { __libc_memalign(alignment, size) }
    }

    #[unsafe(no_mangle)]
    extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
        memalign(alignment, size)
    }

    /// # Safety
    /// As C's: `to` can be written.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn posix_memalign(to: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
        if !alignment.is_power_of_two() || !alignment.is_multiple_of(size_of::<*mut c_void>()) {
            return INVALID;
        }
        let pointer = memalign(alignment, size);
        if pointer.is_null() {
            return NO_MEMORY;
        }
        // SAFETY: passed on to the caller.
        unsafe { to.write(pointer) };
        0
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod rust {
    use std::alloc::{GlobalAlloc, Layout, System};

    struct Counting;

    // SAFETY: every call is passed on to the system's allocator as it is.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            super::count();
            // SAFETY: passed on to the caller.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            // SAFETY: passed on to the caller.
            unsafe { System.dealloc(pointer, layout) }
        }

        unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            super::count();
            // SAFETY: passed on to the caller.
            unsafe { System.realloc(pointer, layout, size) }
        }
    }

    #[global_allocator]
    static COUNTING: Counting = Counting;
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_allocation_is_counted() {
        let before = super::calls();
        let value = std::hint::black_box(vec![1_u8; 100]);
        assert!(super::calls() > before, "{}", value.len());
    }
}
