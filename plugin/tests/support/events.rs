//! What comes with a block: parameters that are set, and a transport.

use super::Instance;
use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, CLAP_EVENT_TRANSPORT, CLAP_TRANSPORT_HAS_TEMPO,
    clap_event_header, clap_event_param_value, clap_event_transport, clap_input_events, clap_output_events,
};
use clap_sys::process::{clap_process, clap_process_status};
use std::ptr;

unsafe extern "C" fn try_push(_list: *const clap_output_events, _event: *const clap_event_header) -> bool {
    true
}

/// A parameter set at a frame of the block.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub time: u32,
    pub param: u32,
    pub value: f64,
}

/// Event lists made beforehand, so that a block can be sent without touching the heap.
pub struct Prepared(EventList);

impl Prepared {
    pub fn new(events: &[Event]) -> Self {
        Self(EventList::new(events))
    }

    /// One block, exactly as given.
    pub fn process(
        &self,
        instance: &Instance,
        frames: usize,
        inputs: &[clap_audio_buffer],
        outputs: &mut [clap_audio_buffer],
    ) -> clap_process_status {
        let in_events = self.0.list();
        let out_events = clap_output_events {
            ctx: ptr::null_mut(),
            try_push: Some(try_push),
        };
        let transport = transport(instance.tempo.get());
        instance.raw_block(&clap_process {
            steady_time: -1,
            frames_count: u32::try_from(frames).expect("small"),
            transport: if transport.tempo > 0.0 {
                &raw const transport
            } else {
                ptr::null()
            },
            audio_inputs: if inputs.is_empty() {
                ptr::null()
            } else {
                inputs.as_ptr()
            },
            audio_outputs: if outputs.is_empty() {
                ptr::null_mut()
            } else {
                outputs.as_mut_ptr()
            },
            audio_inputs_count: u32::try_from(inputs.len()).expect("small"),
            audio_outputs_count: u32::try_from(outputs.len()).expect("small"),
            in_events: &raw const in_events,
            out_events: &raw const out_events,
        })
    }
}

/// A transport that stands.
fn transport(tempo: f64) -> clap_event_transport {
    clap_event_transport {
        header: clap_event_header {
            size: u32::try_from(size_of::<clap_event_transport>()).expect("small"),
            time: 0,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_: CLAP_EVENT_TRANSPORT,
            flags: 0,
        },
        flags: CLAP_TRANSPORT_HAS_TEMPO,
        song_pos_beats: 0,
        song_pos_seconds: 0,
        tempo,
        tempo_inc: 0.0,
        loop_start_beats: 0,
        loop_end_beats: 0,
        loop_start_seconds: 0,
        loop_end_seconds: 0,
        bar_start: 0,
        bar_number: 0,
        tsig_num: 0,
        tsig_denom: 0,
    }
}

pub(super) struct EventList(Vec<clap_event_param_value>);

impl EventList {
    pub(super) fn new(events: &[Event]) -> Self {
        Self(
            events
                .iter()
                .map(|event| clap_event_param_value {
                    header: clap_event_header {
                        size: u32::try_from(size_of::<clap_event_param_value>()).expect("small"),
                        time: event.time,
                        space_id: CLAP_CORE_EVENT_SPACE_ID,
                        type_: CLAP_EVENT_PARAM_VALUE,
                        flags: 0,
                    },
                    param_id: event.param,
                    cookie: ptr::null_mut(),
                    note_id: -1,
                    port_index: -1,
                    channel: -1,
                    key: -1,
                    value: event.value,
                })
                .collect(),
        )
    }

    pub(super) fn list(&self) -> clap_input_events {
        clap_input_events {
            ctx: ptr::from_ref(&self.0).cast_mut().cast(),
            size: Some(event_count),
            get: Some(event_at),
        }
    }
}

unsafe extern "C" fn event_count(list: *const clap_input_events) -> u32 {
    // SAFETY: the context is the vector of an `EventList`.
    u32::try_from(unsafe { (*(*list).ctx.cast::<Vec<clap_event_param_value>>()).len() }).expect("small")
}

unsafe extern "C" fn event_at(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as above.
    let events = unsafe { &*(*list).ctx.cast::<Vec<clap_event_param_value>>() };
    events
        .get(index as usize)
        .map_or(ptr::null(), |event| ptr::from_ref(event).cast())
}
