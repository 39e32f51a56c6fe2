//! Floats that begin at a cache line, so that no vector at a multiple of [`LANES`](crate::LANES) lies in two of them.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

/// A slice of floats whose first one stands at the beginning of a cache line.
pub struct Aligned {
    /// The floats, after `skip` that are not used.
    room: Box<[f32]>,
    skip: usize,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let room = vec![0.0f32; len + LINE / size_of::<f32>()].into_boxed_slice();
        // Alignment is all that is lost where it cannot be told.
        let skip = room.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>());
        Self { room, skip, len }
    }
}

impl From<&[f32]> for Aligned {
    fn from(values: &[f32]) -> Self {
        let mut aligned = Self::zeros(values.len());
        aligned.copy_from_slice(values);
        aligned
    }
}

impl From<Vec<f32>> for Aligned {
    fn from(values: Vec<f32>) -> Self {
        Self::from(&values[..])
    }
}

impl Clone for Aligned {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl Default for Aligned {
    fn default() -> Self {
        Self::zeros(0)
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.room.get(self.skip..self.skip + self.len).unwrap_or(&[])
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        self.room.get_mut(self.skip..self.skip + self.len).unwrap_or(&mut [])
    }
}

impl std::fmt::Debug for Aligned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_aligned_too_and_hold_the_same() {
        for len in [0, 1, 15, 16, 17, 100_000] {
            #[allow(clippy::cast_precision_loss)]
            let values: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let aligned = Aligned::from(&values[..]);
            for copy in [aligned.clone(), aligned] {
                assert_eq!(*copy, values[..]);
                assert_eq!(copy.as_ptr().addr() % LINE, 0);
            }
        }
    }
}
