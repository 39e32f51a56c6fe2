//! Events of a block or a flush: those that come are logged and set, those that the test wants are sent.

use clap_sys::events::*;

use super::TestPlugin;

impl TestPlugin {
    /// # Safety
    ///
    /// The lists are valid.
    pub(super) unsafe fn exchange(&mut self, input: *const clap_input_events, output: *const clap_output_events) {
        // SAFETY: the caller's promise.
        unsafe {
            for at in 0..(*input).size.unwrap()(input) {
                let header = (*input).get.unwrap()(input, at);
                assert_eq!((*header).type_, CLAP_EVENT_PARAM_VALUE);
                let event = header.cast::<clap_event_param_value>().read_unaligned();
                let mut log = self.probe.events.lock().unwrap();
                assert!(log.len() < log.capacity(), "the log must not grow");
                log.push((event.header.time, event.param_id, event.value));
                drop(log);
                self.set(event.param_id, event.value);
            }
            let mut send = self.probe.send.lock().unwrap();
            for (kind, id, value) in send.drain(..) {
                let size = if kind == CLAP_EVENT_PARAM_VALUE {
                    size_of::<clap_event_param_value>()
                } else {
                    size_of::<clap_event_param_gesture>()
                };
                let header = clap_event_header {
                    size: size as u32,
                    time: 0,
                    space_id: CLAP_CORE_EVENT_SPACE_ID,
                    type_: kind,
                    flags: 0,
                };
                if kind == CLAP_EVENT_PARAM_VALUE {
                    let event = clap_event_param_value {
                        header,
                        param_id: id,
                        cookie: std::ptr::null_mut(),
                        note_id: -1,
                        port_index: -1,
                        channel: -1,
                        key: -1,
                        value,
                    };
                    (*output).try_push.unwrap()(output, &event.header);
                } else {
                    let event = clap_event_param_gesture { header, param_id: id };
                    (*output).try_push.unwrap()(output, &event.header);
                }
            }
        }
    }
}
