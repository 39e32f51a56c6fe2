//! A state of 100 kB: the parameters' values and padding, written and read in pieces.

use clap_sys::ext::state::clap_plugin_state;
use clap_sys::plugin::clap_plugin;
use clap_sys::stream::{clap_istream, clap_ostream};

use super::get;

pub(super) static STATE: clap_plugin_state = clap_plugin_state {
    save: Some(state_save),
    load: Some(state_load),
};

const PADDING: usize = 100_000;

fn padding(at: usize) -> u8 {
    (at % 251) as u8
}

unsafe extern "C" fn state_save(plugin: *const clap_plugin, stream: *const clap_ostream) -> bool {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    let mut bytes: Vec<u8> = this.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    bytes.extend((0..PADDING).map(padding));
    bytes.chunks(999).all(|piece| {
        // SAFETY: the stream is valid, the piece readable.
        let count = unsafe { (*stream).write.unwrap()(stream, piece.as_ptr().cast(), piece.len() as u64) };
        count == piece.len() as i64
    })
}

unsafe extern "C" fn state_load(plugin: *const clap_plugin, stream: *const clap_istream) -> bool {
    // SAFETY: our plugin.
    let this = unsafe { get(plugin) };
    let mut bytes = Vec::new();
    let mut piece = [0_u8; 777];
    loop {
        // SAFETY: the stream is valid, the piece writable.
        let count = unsafe { (*stream).read.unwrap()(stream, piece.as_mut_ptr().cast(), piece.len() as u64) };
        match count {
            0 => break,
            1.. => bytes.extend_from_slice(&piece[..count as usize]),
            _ => return false,
        }
    }
    if bytes.len() != 32 + PADDING || (0..PADDING).any(|at| bytes[32 + at] != padding(at)) {
        return false;
    }
    for (at, value) in bytes[..32].chunks(8).enumerate() {
        this.values[at] = f64::from_le_bytes(value.try_into().unwrap());
    }
    true
}
