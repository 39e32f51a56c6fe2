//! Texts between the fixed arrays of C structs, UTF-16 and Rust.

use std::ffi::{CStr, c_char};

/// Copies UTF-8 into a fixed array, cut at a character's border, always ended by a NUL.
pub(crate) fn put_utf8(text: &str, out: &mut [c_char]) {
    let Some(room) = out.len().checked_sub(1) else { return };
    let mut end = text.len().min(room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    out.fill(0);
    for (to, from) in out.iter_mut().zip(&text.as_bytes()[..end]) {
        *to = *from as c_char;
    }
}

/// Copies into a fixed UTF-16 array, cut where it is full, always ended by a NUL.
pub(crate) fn put_utf16(text: &str, out: &mut [u16]) {
    let Some(room) = out.len().checked_sub(1) else { return };
    out.fill(0);
    let mut at = 0;
    for character in text.chars() {
        let mut units = [0; 2];
        let units = character.encode_utf16(&mut units);
        if at + units.len() > room {
            break;
        }
        out[at..at + units.len()].copy_from_slice(units);
        at += units.len();
    }
}

/// Reads a fixed array up to its NUL or its end; invalid UTF-8 becomes U+FFFD.
pub(crate) fn from_array(text: &[c_char]) -> String {
    let bytes: Vec<u8> = text.iter().take_while(|c| **c != 0).map(|c| *c as u8).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a C string; null is the empty text.
///
/// # Safety
///
/// `text` is null or points to a NUL-terminated string.
pub(crate) unsafe fn from_ptr(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and NUL-terminated by the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Reads a NUL-terminated UTF-16 text of at most `limit` units; null is the empty text.
///
/// # Safety
///
/// `text` is null or readable up to its NUL or `limit` units, whichever comes first.
pub(crate) unsafe fn from_utf16(text: *const u16, limit: usize) -> String {
    let mut units = Vec::new();
    if !text.is_null() {
        for at in 0..limit {
            // SAFETY: `at` is below `limit` and no NUL came before it.
            let unit = unsafe { *text.add(at) };
            if unit == 0 {
                break;
            }
            units.push(unit);
        }
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_characters() {
        let mut narrow = [1; 4];
        put_utf8("aéé", &mut narrow);
        assert_eq!(from_array(&narrow), "aé");
        let mut wide = [1; 4];
        put_utf16("ab😀", &mut wide);
        assert_eq!(wide, [97, 98, 0, 0]);
        // SAFETY: `wide` ends with a NUL inside its length.
        assert_eq!(unsafe { from_utf16(wide.as_ptr(), wide.len()) }, "ab");
        // SAFETY: null is allowed.
        assert_eq!(unsafe { from_ptr(std::ptr::null()) }, "");
    }
}
