//! Flushes denormals to zero while a guard lives.
//!
//! Recurrent layers and long convolution tails decay into denormals, which cost tens of cycles each on x86. The guard sets
//! flush-to-zero and denormals-are-zero on x86-64 and FZ on AArch64, for the calling thread, and restores what was there.
//! Every path that must give equal samples (audio thread, renderer, prewarm, interpreter comparison) runs under it.

/// Denormals are flushed on this thread until the guard is dropped.
#[derive(Debug)]
#[must_use = "denormals are flushed only while the guard lives"]
pub struct FlushDenormals {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    before: u64,
    /// The guard belongs to the thread whose control register it changed.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl FlushDenormals {
    /// Sets the flags.
    ///
    /// # Realtime Safety
    /// Safe: two register moves.
    pub fn new() -> Self {
        Self {
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            before: control::set(),
            _not_send: std::marker::PhantomData,
        }
    }
}

impl Default for FlushDenormals {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for FlushDenormals {
    fn drop(&mut self) {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        control::restore(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod control {
    use std::arch::asm;

    /// MXCSR bits 15 (flush to zero) and 6 (denormals are zero).
    const FLAGS: u32 = 0x8040;

    fn read() -> u32 {
        let mut mxcsr: u32 = 0;
        // SAFETY: stmxcsr stores 4 bytes to the given address, a live u32; SSE is part of x86-64.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr, options(nostack, preserves_flags)) };
        mxcsr
    }

    fn write(mxcsr: u32) {
        // SAFETY: ldmxcsr loads 4 bytes from the given address, a live u32 whose value came from stmxcsr with only two
        // defined bits changed, so that no reserved bit is set.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const mxcsr, options(nostack, preserves_flags)) };
    }

    pub(super) fn set() -> u64 {
        let before = read();
        write(before | FLAGS);
        u64::from(before)
    }

    pub(super) fn restore(before: u64) {
        // Only the two flags are put back: rounding mode and exception masks may have been changed by others meanwhile.
        let flags = u32::try_from(before & u64::from(FLAGS)).unwrap_or(0);
        write((read() & !FLAGS) | flags);
    }
}

#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code)]
mod control {
    use std::arch::asm;

    /// FPCR bit 24 (FZ).
    const FLAG: u64 = 1 << 24;

    fn read() -> u64 {
        let fpcr: u64;
        // SAFETY: reading FPCR has no side effect and is allowed at EL0.
        unsafe { asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack, preserves_flags)) };
        fpcr
    }

    fn write(fpcr: u64) {
        // SAFETY: the value came from FPCR with only the FZ bit changed; writing it is allowed at EL0.
        unsafe { asm!("msr fpcr, {}", in(reg) fpcr, options(nomem, nostack, preserves_flags)) };
    }

    pub(super) fn set() -> u64 {
        let before = read();
        write(before | FLAG);
        before
    }

    pub(super) fn restore(before: u64) {
        write((read() & !FLAG) | (before & FLAG));
    }
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn denormals_vanish_under_the_guard_and_come_back_after_it() {
        let halve = || black_box(black_box(f32::MIN_POSITIVE) * black_box(0.5));
        assert!(halve() > 0.0);
        {
            let _outer = FlushDenormals::new();
            assert_eq!(halve(), 0.0);
            {
                let _inner = FlushDenormals::new();
                assert_eq!(halve(), 0.0);
            }
            assert_eq!(halve(), 0.0, "an inner guard restores the outer state");
        }
        assert!(halve() > 0.0);
    }
}
