//! The host's state: read whole and checked before the framework sees it, which would reserve as much memory as the first eight
//! bytes ask for.

use super::proxy::proxy;
use clap_sys::ext::state_context::{clap_plugin_state_context, clap_plugin_state_context_type};
use clap_sys::plugin::clap_plugin;
use clap_sys::stream::{clap_istream, clap_ostream};
use std::ffi::c_void;
use std::ptr;

/// More than any session needs, with models embedded.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// Bytes of the length at the start of a state.
const LENGTH_BYTES: usize = 8;

pub(super) static STATE_CONTEXT: clap_plugin_state_context = clap_plugin_state_context {
    save: Some(save_with_context),
    load: Some(load_with_context),
};

/// All bytes of `stream`, however it cuts them.
///
/// # Safety
/// `stream` is valid.
unsafe fn read_all(stream: *const clap_istream) -> Option<Vec<u8>> {
    // SAFETY: by the function's contract.
    let read = unsafe { (*stream).read }?;
    let mut bytes = Vec::new();
    let mut piece = [0_u8; 4096];
    loop {
        // SAFETY: `piece` has as many writable bytes as told.
        let count = unsafe { read(stream, piece.as_mut_ptr().cast::<c_void>(), piece.len() as u64) };
        let count = usize::try_from(count).ok().filter(|count| *count <= piece.len())?;
        if count == 0 {
            return Some(bytes);
        }
        if bytes.len() + count > MAX_BYTES {
            return None;
        }
        bytes.extend_from_slice(piece.get(..count)?);
    }
}

/// True if there is as much as the length at the start says; hosts may pad.
fn is_whole(bytes: &[u8]) -> bool {
    bytes.split_at_checked(LENGTH_BYTES).is_some_and(|(length, rest)| {
        let length = length.try_into().map(u64::from_le_bytes);
        length.is_ok_and(|length| length <= rest.len() as u64)
    })
}

unsafe extern "C" fn read_slice(stream: *const clap_istream, buffer: *mut c_void, size: u64) -> i64 {
    // SAFETY: made by `load`, whose context is a live slice; the framework's buffer has `size` bytes.
    unsafe {
        let rest = &mut *(*stream).ctx.cast::<&[u8]>();
        let count = rest.len().min(usize::try_from(size).unwrap_or(usize::MAX));
        ptr::copy_nonoverlapping(rest.as_ptr(), buffer.cast::<u8>(), count);
        *rest = rest.get(count..).unwrap_or(&[]);
        i64::try_from(count).unwrap_or(0)
    }
}

/// The framework's `state.load`, with what it reads checked first. A state that cannot be read leaves everything as it was, and the
/// window says so.
pub(super) unsafe extern "C" fn load(plugin: *const clap_plugin, stream: *const clap_istream) -> bool {
    // SAFETY: called by the host on the main thread with a plugin of ours and a valid stream.
    unsafe {
        let Some(proxy) = proxy(plugin) else { return false };
        let framework = proxy.extensions.get().and_then(|all| all.state().load);
        let bytes = if stream.is_null() { None } else { read_all(stream) };
        let loaded = match (framework, bytes) {
            (Some(framework), Some(bytes)) if is_whole(&bytes) => {
                let mut rest = bytes.as_slice();
                let checked = clap_istream {
                    ctx: (&raw mut rest).cast(),
                    read: Some(read_slice),
                };
                framework(plugin, &raw const checked)
            }
            _ => false,
        };
        if !loaded {
            proxy
                .shared
                .refuse_state("it is not a state of this plugin, or it is cut short");
        }
        loaded
    }
}

unsafe extern "C" fn save_with_context(
    plugin: *const clap_plugin,
    stream: *const clap_ostream,
    _context: clap_plugin_state_context_type,
) -> bool {
    // SAFETY: called by the host on the main thread with a plugin of ours and a valid stream.
    unsafe {
        let save = proxy(plugin)
            .and_then(|proxy| proxy.extensions.get())
            .and_then(|all| all.state().save);
        save.is_some_and(|save| !stream.is_null() && save(plugin, stream))
    }
}

unsafe extern "C" fn load_with_context(
    plugin: *const clap_plugin,
    stream: *const clap_istream,
    _context: clap_plugin_state_context_type,
) -> bool {
    // SAFETY: as above.
    unsafe { load(plugin, stream) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_states_pass() {
        assert!(is_whole(&[2, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']));
        assert!(is_whole(&[1, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']));
        assert!(!is_whole(&[3, 0, 0, 0, 0, 0, 0, 0, b'{', b'}']));
        assert!(!is_whole(&[0xff; 12]));
        assert!(!is_whole(&[1, 2, 3]));
        assert!(!is_whole(&[]));
    }
}
