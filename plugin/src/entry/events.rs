//! Parameter events of one block, in the only form the framework is safe with: existing, in order, inside the block.
//!
//! The framework cuts a block at its events and trusts their times: one beyond the block's end or before the event ahead of it would
//! make it read outside the buffers. So every block's events are copied here first, clamped, and handed on from here. Only
//! parameter values and modulations are copied: nothing else concerns this plugin.

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_MOD, CLAP_EVENT_PARAM_VALUE, clap_event_header, clap_event_param_value,
    clap_input_events,
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
}

/// A range of an [`EventStore`] as a CLAP list; valid until the store changes.
pub(super) struct EventView {
    first: *const clap_event_param_value,
    count: u32,
}

impl EventStore {
    pub(super) fn new() -> Self {
        Self {
            events: Vec::with_capacity(CAPACITY),
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
            let is_param = found.space_id == CLAP_CORE_EVENT_SPACE_ID
                && matches!(found.type_, CLAP_EVENT_PARAM_VALUE | CLAP_EVENT_PARAM_MOD)
                && found.size as usize >= size_of::<clap_event_param_value>();
            if !is_param {
                continue;
            }
            // SAFETY: type and size say that the event is a parameter value or modulation, which have one layout (checked above).
            let mut event = unsafe { ptr::read_unaligned(header.cast::<clap_event_param_value>()) };
            event.header.time = event.header.time.min(last_frame).max(earliest);
            earliest = event.header.time;
            self.events.push(event);
        }
        None
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
            event(9, 4, 0.3),
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
