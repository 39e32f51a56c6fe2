//! A thread that may not make a single system call (Linux, seccomp).
//!
//! Work is handed to it, and results taken back, through atomics and spinning. A system call raises SIGSYS instead of being
//! made; the handler notes its number, which [`run`] then returns as an error. The thread can never end, since ending is a
//! system call: it spins until the process is over, so a test with a sealed thread has a process of its own.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Number of the first system call that was stopped; −1: none.
static STOPPED: AtomicI64 = AtomicI64::new(-1);

const WAITING: u8 = 0;
const DONE: u8 = 1;
const UNAVAILABLE: u8 = 2;

/// Why work did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It made a system call, with this number.
    SystemCall(i64),
    /// It did not end in time.
    Timeout,
    /// This kernel or sandbox has no seccomp filters.
    Unavailable,
}

extern "C" fn stopped(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // struct siginfo of SIGSYS on 64-bit Linux: three ints and padding, si_call_addr (8 bytes), then si_syscall.
    // SAFETY: the kernel passes a valid siginfo_t of 128 bytes, of which bytes 24 to 27 are this int.
    let number = unsafe { info.cast::<u8>().add(24).cast::<[u8; 4]>().read() };
    STOPPED.store(i64::from(i32::from_ne_bytes(number)), Ordering::SeqCst);
    // Returning from a signal is a system call too.
    loop {
        std::hint::spin_loop();
    }
}

fn catch_sigsys() {
    // SAFETY: an all-zero sigaction is valid; the handler has the signature that SA_SIGINFO asks for and touches only an
    // atomic.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = stopped as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut());
    }
}

fn seal() -> Result<(), Box<dyn std::error::Error>> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    // No rule at all: every number is a mismatch.
    let filter = SeccompFilter::new(
        std::collections::BTreeMap::new(),
        SeccompAction::Trap,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)?;
    // Freeing it may be a system call.
    std::mem::forget(program);
    Ok(())
}

/// Calls `work` once on a sealed thread and waits for it, at most `limit`. `meanwhile` runs on the calling thread, again and
/// again, until the work is done. `work` is never dropped; it hands results over by atomics or wait-free rings.
///
/// # Errors
/// The work made a system call, took too long, or this system cannot seal a thread.
pub fn run(
    mut work: impl FnMut() + Send + 'static,
    limit: Duration,
    mut meanwhile: impl FnMut(),
) -> Result<(), Broken> {
    catch_sigsys();
    let state: &'static AtomicU8 = Box::leak(Box::new(AtomicU8::new(WAITING)));
    std::thread::spawn(move || {
        if seal().is_err() {
            state.store(UNAVAILABLE, Ordering::Release);
            return;
        }
        work();
        state.store(DONE, Ordering::Release);
        loop {
            std::hint::spin_loop();
        }
    });
    let begun = Instant::now();
    loop {
        match state.load(Ordering::Acquire) {
            DONE => return Ok(()),
            UNAVAILABLE => return Err(Broken::Unavailable),
            _ => {}
        }
        let number = STOPPED.load(Ordering::SeqCst);
        if number >= 0 {
            return Err(Broken::SystemCall(number));
        }
        if begun.elapsed() > limit {
            return Err(Broken::Timeout);
        }
        meanwhile();
        std::thread::sleep(Duration::from_millis(1));
    }
}
