//! The state of an instance, saved and loaded through streams.

use super::Instance;
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::stream::{clap_istream, clap_ostream};
use std::ffi::c_void;
use std::ptr;

impl Instance {
    pub fn save(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::new();
        let stream = clap_ostream {
            ctx: (&raw mut bytes).cast(),
            write: Some(write),
        };
        let state: &clap_plugin_state = self.extension(CLAP_EXT_STATE);
        // SAFETY: main thread; the stream lives through the call.
        assert!(unsafe { state.save.expect("save")(self.plugin, &raw const stream) });
        bytes
    }

    pub fn load(&self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        let stream = clap_istream {
            ctx: (&raw mut rest).cast(),
            read: Some(read),
        };
        let state: &clap_plugin_state = self.extension(CLAP_EXT_STATE);
        // SAFETY: main thread; the stream lives through the call.
        unsafe { state.load.expect("load")(self.plugin, &raw const stream) }
    }
}

unsafe extern "C" fn write(stream: *const clap_ostream, data: *const c_void, size: u64) -> i64 {
    // SAFETY: the context is the vector of `save`; short pieces, as a host may.
    unsafe {
        let bytes = &mut *(*stream).ctx.cast::<Vec<u8>>();
        let count = usize::try_from(size).expect("small").min(37);
        bytes.extend_from_slice(std::slice::from_raw_parts(data.cast::<u8>(), count));
        i64::try_from(count).expect("small")
    }
}

unsafe extern "C" fn read(stream: *const clap_istream, data: *mut c_void, size: u64) -> i64 {
    // SAFETY: the context is the slice of `load`; short pieces, as a host may.
    unsafe {
        let rest = &mut *(*stream).ctx.cast::<&[u8]>();
        let count = usize::try_from(size).unwrap_or(usize::MAX).min(41).min(rest.len());
        ptr::copy_nonoverlapping(rest.as_ptr(), data.cast::<u8>(), count);
        *rest = &rest[count..];
        i64::try_from(count).expect("small")
    }
}
