//! The host's stream to bytes and back, in whatever pieces it likes.
//!
//! The stream is read whole before the plugin sees it, so that the host is not called under the main lock.

use vst3::ComRef;
use vst3::Steinberg::{IBStream, IBStreamTrait};

const PIECE: usize = 64 * 1024;

/// Everything from the stream's position to its end; `None` for a null stream.
///
/// The end is where no byte comes: some streams answer `kResultFalse` with the last piece, some with nothing.
///
/// # Safety
///
/// `stream` is null or a live object.
pub(crate) unsafe fn read(stream: *mut IBStream) -> Option<Vec<u8>> {
    // SAFETY: the caller's promise.
    let stream = unsafe { ComRef::from_raw(stream) }?;
    let mut bytes = Vec::new();
    let mut piece = vec![0_u8; PIECE];
    loop {
        let mut count = 0;
        // SAFETY: `piece` is writable for its length.
        unsafe { stream.read(piece.as_mut_ptr().cast(), PIECE as i32, &mut count) };
        let count = (count.max(0) as usize).min(PIECE);
        if count == 0 {
            return Some(bytes);
        }
        bytes.extend_from_slice(&piece[..count]);
    }
}

/// Writes everything; `false` if the stream is null or takes no more.
///
/// # Safety
///
/// `stream` is null or a live object.
pub(crate) unsafe fn write(stream: *mut IBStream, mut bytes: &[u8]) -> bool {
    // SAFETY: the caller's promise.
    let Some(stream) = (unsafe { ComRef::from_raw(stream) }) else {
        return false;
    };
    while !bytes.is_empty() {
        let size = bytes.len().min(PIECE);
        let mut count = 0;
        // SAFETY: `bytes` is readable for `size`; the stream does not write to it.
        unsafe { stream.write(bytes.as_ptr().cast_mut().cast(), size as i32, &mut count) };
        let count = (count.max(0) as usize).min(size);
        if count == 0 {
            return false;
        }
        bytes = &bytes[count..];
    }
    true
}
