//! Parameter events of one block, in the only form the framework is safe with: existing, in order, inside the block.
//!
//! The framework cuts a block at its events and trusts their times: one beyond the block's end or before the event ahead of it would
//! make it read outside the buffers. So every block's events are copied here first, clamped, and handed on from here. Only
//! parameter values and modulations are copied; a MIDI program change becomes a value of *Program*. Nothing else concerns this
//! plugin.

use super::param_info::id_of;
use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, CLAP_EVENT_PARAM_MOD, CLAP_EVENT_PARAM_VALUE, clap_event_header,
    clap_event_midi, clap_event_param_value, clap_input_events, clap_output_events,
};
use std::ffi::c_void;
use std::ptr;

/// Events copied at once; what a host sends beyond is applied at the end of the block.
const CAPACITY: usize = 4096;

// Values and modulations have the same fields at the same places: one type holds both.
const _: () = assert!(
    size_of::<clap_event_param_value>() == size_of::<clap_sys::events::clap_event_param_mod>()
        && std::mem::offset_of!(clap_event_param_value, value)
            == std::mem::offset_of!(clap_sys::events::clap_event_param_mod, amount)
);

/// Copies of a block's parameter events.
pub(super) struct EventStore {
    events: Vec<clap_event_param_value>,
    /// Whether the event at the same place was made here, and the host has to be told.
    made: Vec<bool>,
}

/// What a MIDI program change means: programs are counted from 0 there, and from 1 in the parameter, whose 0 is the slot itself.
fn program_change(event: &clap_event_midi) -> Option<clap_event_param_value> {
    let [status, program, _] = event.data;
    if status & 0xf0 != 0xc0 || usize::from(program) >= tonegraft_core::PROGRAMS {
        return None;
    }
    Some(clap_event_param_value {
        header: clap_event_header {
            size: size_of::<clap_event_param_value>() as u32,
            time: event.header.time,
            space_id: CLAP_CORE_EVENT_SPACE_ID,
            type_: CLAP_EVENT_PARAM_VALUE,
            flags: 0,
        },
        param_id: PROGRAM,
        cookie: ptr::null_mut(),
        note_id: -1,
        port_index: -1,
        channel: -1,
        key: -1,
        value: f64::from(program) + 1.0,
    })
}

const PROGRAM: u32 = id_of("program");

/// A range of an [`EventStore`] as a CLAP list; valid until the store changes.
pub(super) struct EventView {
    first: *const clap_event_param_value,
    count: u32,
}

impl EventStore {
    pub(super) fn new() -> Self {
        Self {
            events: Vec::with_capacity(CAPACITY),
            made: Vec::with_capacity(CAPACITY),
        }
    }

    /// Replaces the contents by the events of `list` from index `from` on, with times clamped to `0 .. frames` (0 if there are none)
    /// and never running backwards. Returns the index to go on at, or `None` at the list's end.
    ///
    /// # Safety
    /// `list` is null or a valid list whose events stay valid during the call.
    ///
    /// # Realtime Safety
    /// Safe if the host's list is.
    pub(super) unsafe fn fill(&mut self, list: *const clap_input_events, from: u32, frames: u32) -> Option<u32> {
        self.events.clear();
        self.made.clear();
        // SAFETY: null or valid by the function's contract.
        let table = unsafe { list.as_ref() }?;
        let (Some(size), Some(get)) = (table.size, table.get) else {
            return None;
        };
        // SAFETY: the list's own function, called with the list.
        let size = unsafe { size(list) };
        let last_frame = frames.saturating_sub(1);
        let mut earliest = 0;
        for index in from..size {
            if self.events.len() == self.events.capacity() {
                return Some(index);
            }
            // SAFETY: as above; the index is below the list's size.
            let header = unsafe { get(list, index) };
            // SAFETY: null or a valid event, by CLAP's contract.
            let Some(found) = (unsafe { header.as_ref() }) else {
                continue;
            };
            let (core, size) = (found.space_id == CLAP_CORE_EVENT_SPACE_ID, found.size as usize);
            let (mut event, made) = match found.type_ {
                CLAP_EVENT_PARAM_VALUE | CLAP_EVENT_PARAM_MOD
                    if core && size >= size_of::<clap_event_param_value>() =>
                {
                    // SAFETY: type and size say that the event is a parameter value or modulation, which have one layout (checked
                    // above).
                    (
                        unsafe { ptr::read_unaligned(header.cast::<clap_event_param_value>()) },
                        false,
                    )
                }
                CLAP_EVENT_MIDI if core && size >= size_of::<clap_event_midi>() => {
                    // SAFETY: type and size say so.
                    let midi = unsafe { ptr::read_unaligned(header.cast::<clap_event_midi>()) };
                    match program_change(&midi) {
                        Some(event) => (event, true),
                        None => continue,
                    }
                }
                _ => continue,
            };
            event.header.time = event.header.time.min(last_frame).max(earliest);
            earliest = event.header.time;
            self.events.push(event);
            self.made.push(made);
        }
        None
    }

    /// Tells the host of the values that were made of MIDI among events `first .. end`, which are timed as it counts.
    ///
    /// # Safety
    /// `out` is a valid list.
    ///
    /// # Realtime Safety
    /// Safe if the host's list is.
    pub(super) unsafe fn tell(&self, first: usize, end: usize, out: *const clap_output_events) {
        let events = self.events.get(first..end).unwrap_or(&[]);
        let made = self.made.get(first..end).unwrap_or(&[]);
        for (event, _) in events.iter().zip(made).filter(|(_, made)| **made) {
            // SAFETY: the list's own function, called with the list and a live event.
            unsafe {
                if let Some(push) = (*out).try_push {
                    push(out, ptr::from_ref(event).cast());
                }
            }
        }
    }

    /// Index of the first event at or after `index` whose time is `time` or later.
    pub(super) fn end_before(&self, index: usize, time: u32) -> usize {
        let rest = self.events.get(index..).unwrap_or(&[]);
        index + rest.partition_point(|event| event.header.time < time)
    }

    /// How many events are held.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Events `first .. end`, with their times counted from `start`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(super) fn view(&mut self, first: usize, end: usize, start: u32) -> EventView {
        let range = self.events.get_mut(first..end).unwrap_or(&mut []);
        for event in range.iter_mut() {
            event.header.time = event.header.time.saturating_sub(start);
        }
        EventView {
            first: range.as_ptr(),
            count: u32::try_from(range.len()).unwrap_or(0),
        }
    }
}

impl EventView {
    /// As a list to hand on; valid while the view stays where it is and the store is unchanged.
    pub(super) fn list(&self) -> clap_input_events {
        clap_input_events {
            ctx: ptr::from_ref(self).cast_mut().cast::<c_void>(),
            size: Some(view_size),
            get: Some(view_get),
        }
    }
}

unsafe extern "C" fn view_size(list: *const clap_input_events) -> u32 {
    // SAFETY: made by `EventView::list`, whose context is a live view.
    unsafe { (*(*list).ctx.cast::<EventView>()).count }
}

unsafe extern "C" fn view_get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: made by `EventView::list`, whose context is a live view over `count` live events.
    unsafe {
        let view = &*(*list).ctx.cast::<EventView>();
        if index < view.count {
            view.first.add(index as usize).cast()
        } else {
            ptr::null()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap_sys::events::CLAP_EVENT_TRANSPORT;

    fn event(type_: u16, time: u32, value: f64) -> clap_event_param_value {
        clap_event_param_value {
            header: clap_event_header {
                size: u32::try_from(size_of::<clap_event_param_value>()).expect("small"),
                time,
                space_id: CLAP_CORE_EVENT_SPACE_ID,
                type_,
                flags: 0,
            },
            param_id: 7,
            cookie: ptr::null_mut(),
            note_id: -1,
            port_index: -1,
            channel: -1,
            key: -1,
            value,
        }
    }

    fn fill(store: &mut EventStore, events: &[clap_event_param_value], frames: u32) -> Option<u32> {
        let view = EventView {
            first: events.as_ptr(),
            count: u32::try_from(events.len()).expect("small"),
        };
        let list = view.list();
        // SAFETY: the list and its events live through the call.
        unsafe { store.fill(&raw const list, 0, frames) }
    }

    #[test]
    fn times_are_brought_into_the_block_and_into_order() {
        let mut store = EventStore::new();
        let events = [
            event(CLAP_EVENT_PARAM_VALUE, 5, 0.1),
            event(CLAP_EVENT_PARAM_MOD, 3, 0.2),
            event(CLAP_EVENT_TRANSPORT, 4, 0.3),
            event(CLAP_EVENT_PARAM_VALUE, 9_000_000, 0.4),
        ];
        assert_eq!(fill(&mut store, &events, 64), None);
        let times: Vec<u32> = store.events.iter().map(|event| event.header.time).collect();
        assert_eq!(times, [5, 5, 63], "the transport event is left out");
        assert_eq!(store.end_before(0, 32), 2);
        let view = store.view(2, 3, 32);
        let list = view.list();
        // SAFETY: list and view are alive.
        let header = unsafe { view_get(&raw const list, 0) };
        // SAFETY: just returned for an index below the count.
        assert_eq!(unsafe { (*header).time }, 31);
        // SAFETY: list and view are alive.
        assert!(unsafe { view_get(&raw const list, 1) }.is_null());
    }

    unsafe extern "C" fn midi_size(_list: *const clap_input_events) -> u32 {
        4
    }

    unsafe extern "C" fn midi_get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
        // SAFETY: the context is an array of four.
        unsafe { (*list).ctx.cast::<clap_event_midi>().add(index as usize).cast() }
    }

    unsafe extern "C" fn take(list: *const clap_output_events, event: *const clap_event_header) -> bool {
        // SAFETY: the context is a list of values, the event one of those.
        unsafe {
            let event = ptr::read_unaligned(event.cast::<clap_event_param_value>());
            (*(*list).ctx.cast::<Vec<(u32, f64)>>()).push((event.header.time, event.value));
        }
        true
    }

    #[test]
    fn a_midi_program_change_moves_the_parameter_and_the_host_is_told() {
        let midi = |time, data| clap_event_midi {
            header: clap_event_header {
                size: u32::try_from(size_of::<clap_event_midi>()).expect("small"),
                time,
                space_id: CLAP_CORE_EVENT_SPACE_ID,
                type_: CLAP_EVENT_MIDI,
                flags: 0,
            },
            port_index: 0,
            data,
        };
        let mut events = [
            midi(1, [0x90, 60, 100]),
            midi(2, [0xc3, 0, 0]),
            midi(3, [0xc0, 16, 0]),
            midi(4, [0xcf, 15, 0]),
        ];
        let list = clap_input_events {
            ctx: events.as_mut_ptr().cast(),
            size: Some(midi_size),
            get: Some(midi_get),
        };
        let mut store = EventStore::new();
        // SAFETY: the list and its events live through the call.
        assert_eq!(unsafe { store.fill(&raw const list, 0, 64) }, None);
        let found: Vec<(u32, u32, f64)> = store
            .events
            .iter()
            .map(|event| (event.param_id, event.header.time, event.value))
            .collect();
        assert_eq!(found, [(PROGRAM, 2, 1.0), (PROGRAM, 4, 16.0)]);
        let mut told: Vec<(u32, f64)> = Vec::new();
        let out = clap_output_events {
            ctx: (&raw mut told).cast(),
            try_push: Some(take),
        };
        // SAFETY: the list lives through the call.
        unsafe { store.tell(0, 2, &raw const out) };
        assert_eq!(told, [(2, 1.0), (4, 16.0)]);
    }

    #[test]
    fn more_events_than_fit_come_in_portions() {
        let mut store = EventStore::new();
        let events = vec![event(CLAP_EVENT_PARAM_VALUE, 0, 0.5); CAPACITY + 3];
        assert_eq!(
            fill(&mut store, &events, 1),
            Some(u32::try_from(CAPACITY).expect("small"))
        );
        assert_eq!(store.len(), CAPACITY);
        // SAFETY: a null list is allowed.
        assert_eq!(unsafe { store.fill(ptr::null(), 0, 1) }, None);
        assert_eq!(store.len(), 0);
    }
}
