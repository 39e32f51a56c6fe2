//! The parameters of an instance, by name.

use super::events::EventList;
use super::{Event, Instance, id_of};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use std::ffi::{CStr, CString, c_char};
use std::ptr;

impl Instance {
    pub fn params(&self) -> &clap_plugin_params {
        self.extension(CLAP_EXT_PARAMS)
    }

    pub fn param_count(&self) -> u32 {
        // SAFETY: main thread.
        unsafe { self.params().count.expect("count")(self.plugin) }
    }

    pub fn param_info(&self, index: u32) -> Option<clap_param_info> {
        // SAFETY: all zeros is a valid info; main thread.
        unsafe {
            let mut info: clap_param_info = std::mem::zeroed();
            self.params().get_info.expect("get_info")(self.plugin, index, &raw mut info).then_some(info)
        }
    }

    pub fn param(&self, name: &str) -> f64 {
        let mut value = f64::NAN;
        // SAFETY: main thread.
        assert!(unsafe { self.params().get_value.expect("get_value")(self.plugin, id_of(name), &raw mut value) });
        value
    }

    pub fn text(&self, name: &str, value: f64) -> String {
        let mut text = [0 as c_char; 256];
        // SAFETY: 256 writable bytes; main thread.
        unsafe {
            let convert = self.params().value_to_text.expect("value_to_text");
            assert!(convert(self.plugin, id_of(name), value, text.as_mut_ptr(), 256));
            CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned()
        }
    }

    pub fn value(&self, name: &str, text: &str) -> Option<f64> {
        let text = CString::new(text).expect("no zero inside");
        let mut value = f64::NAN;
        // SAFETY: main thread.
        let known = unsafe {
            let convert = self.params().text_to_value.expect("text_to_value");
            convert(self.plugin, id_of(name), text.as_ptr(), &raw mut value)
        };
        known.then_some(value)
    }

    /// Sets parameters while the plugin is inactive.
    pub fn flush(&self, events: &[Event]) {
        let events = EventList::new(events);
        let list = events.list();
        // SAFETY: inactive, main thread; the list lives through the call.
        unsafe { self.params().flush.expect("flush")(self.plugin, &raw const list, ptr::null()) };
    }
}
