//! Memory that the next convolution will read, asked for while this one computes.
//!
//! With many instances by turns the past of a signal has left the caches, in pieces of some hundred bytes that the processor does
//! not foresee. Asked for all at once they would wait for each other; a few at a time, between taps, they cost next to nothing.

use crate::simd::Simd;

/// Lines of planes that are still to be asked for.
pub(crate) struct Ahead<'a> {
    /// The first plane, and the distance to the next.
    pub first: *const f32,
    pub stride: usize,
    pub planes: usize,
    /// Floats into a plane; one of each cache line is enough.
    pub lines: &'a [u32],
}

impl Ahead<'_> {
    /// Nothing.
    pub const fn none() -> Self {
        Self {
            first: std::ptr::null(),
            stride: 0,
            planes: 0,
            lines: &[],
        }
    }

    /// How many lines to ask for at each of `times` occasions.
    #[inline(always)]
    pub fn share(&self, times: usize) -> usize {
        if self.lines.is_empty() {
            0
        } else {
            self.lines.len().div_ceil(times.max(1))
        }
    }

    /// Asks for the next `count` lines of all planes.
    ///
    /// # Safety
    /// As [`Simd`]. What is asked for need not exist.
    #[inline(always)]
    pub unsafe fn ask<S: Simd>(&mut self, count: usize) {
        let (now, later) = self.lines.split_at(count.min(self.lines.len()));
        self.lines = later;
        for line in now {
            let mut at = self.first.wrapping_add(*line as usize);
            for _ in 0..self.planes {
                // SAFETY: passed on to the caller.
                unsafe { S::prefetch(at) };
                at = at.wrapping_add(self.stride);
            }
        }
    }
}
