//! Numbers that begin at a cache line, in rows.

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

/// Zeros at first; never grows.
#[derive(Debug)]
pub(crate) struct Aligned {
    values: Box<[f32]>,
    start: usize,
}

impl Aligned {
    #[expect(clippy::disallowed_macros, reason = "built off the audio thread")]
    pub(crate) fn new(len: usize) -> Self {
        let values = vec![0.0f32; len + LINE / size_of::<f32>()].into_boxed_slice();
        // Where it cannot be told, loads cross lines: slower, not wrong.
        let start = values.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>());
        Self { values, start }
    }

    /// Row `index` of rows of `len`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn get(&self, index: usize, len: usize) -> Option<&[f32]> {
        let start = self.start + index * len;
        self.values.get(start..start + len)
    }

    /// As [`Self::get`], to be written.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn get_mut(&mut self, index: usize, len: usize) -> Option<&mut [f32]> {
        let start = self.start + index * len;
        self.values.get_mut(start..start + len)
    }
}
