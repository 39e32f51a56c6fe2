//! Parameter points of a block, merged into one list of CLAP events ordered by frame.
//!
//! VST3 hands out one queue per parameter. All points are copied into memory prepared in advance, offsets clamped to the
//! block, and sorted; points at one frame keep their order. If there are more points than room, each queue gives up points
//! in its middle before any queue loses its last.

use clap_sys::events::{clap_event_header, clap_event_param_value, clap_input_events};
use vst3::ComRef;
use vst3::Steinberg::Vst::{IParamValueQueue, IParamValueQueueTrait, IParameterChanges, IParameterChangesTrait};
use vst3::Steinberg::kResultOk;

use crate::params::Cells;

/// Events that fit into a block, whatever the number of parameters.
const ROOM: usize = 4096;

#[derive(Clone, Copy)]
struct Point {
    time: u32,
    order: u32,
    index: usize,
    value: f64,
}

/// Prepared memory for one block's events.
pub(crate) struct Events {
    points: Vec<Point>,
    events: Vec<clap_event_param_value>,
    room: usize,
}

impl Events {
    pub(crate) fn new(parameters: usize) -> Self {
        let room = ROOM.max(2 * parameters);
        Self {
            points: Vec::with_capacity(room),
            events: Vec::with_capacity(room),
            room,
        }
    }

    /// Collects the points of a block of `frames` and takes note of each parameter's last value.
    ///
    /// # Realtime Safety
    ///
    /// No allocation: at most `room` points are kept. The sort is in place.
    pub(crate) fn fill(&mut self, changes: *mut IParameterChanges, frames: u32, cells: &Cells) {
        self.points.clear();
        self.events.clear();
        // SAFETY: the host passes null or a live object.
        if let Some(changes) = unsafe { ComRef::from_raw(changes) } {
            // SAFETY: as above.
            let queues = unsafe { changes.getParameterCount() }.max(0);
            for at in 0..queues {
                // SAFETY: `at` is below the count; a null queue is skipped.
                if let Some(queue) = unsafe { ComRef::from_raw(changes.getParameterData(at)) } {
                    self.take_queue(queue, (queues - 1 - at) as usize, frames, cells);
                }
            }
        }
        self.points.sort_unstable_by_key(|point| (point.time, point.order));
        for point in &self.points {
            if let Some(scale) = cells.scales.get(point.index) {
                self.events.push(scale.event(point.time, point.value));
            }
        }
    }

    fn take_queue(&mut self, queue: ComRef<'_, IParamValueQueue>, queues_left: usize, frames: u32, cells: &Cells) {
        // SAFETY: the host's queue is alive during the block.
        let (id, count) = unsafe { (queue.getParameterId(), queue.getPointCount()) };
        let Some(index) = cells.index(id) else { return };
        let free = self.room - self.points.len();
        let allowed = free.saturating_sub(queues_left).max(1).min(free) as i32;
        let mut last = None;
        for at in 0..count.max(0) {
            let is_last = at == count - 1;
            if at >= allowed - 1 && !is_last {
                continue;
            }
            let (mut offset, mut value) = (0, 0.0);
            // SAFETY: `at` is below the count and both pointers are valid.
            let result = unsafe { queue.getPoint(at, &mut offset, &mut value) };
            if result != kResultOk || value.is_nan() || self.points.len() >= self.room {
                continue;
            }
            let time = (offset.max(0) as u32).min(frames.saturating_sub(1));
            let value = value.clamp(0.0, 1.0);
            if last.is_none_or(|(before, _)| time >= before) {
                last = Some((time, value));
            }
            self.points.push(Point {
                time,
                order: self.points.len() as u32,
                index,
                value,
            });
        }
        if let (Some((_, value)), Some((_, cell))) = (last, cells.find(id)) {
            cell.unmark();
            cell.set(value);
        }
    }

    /// Puts in what the host set outside of blocks and no block has brought since. Not for the audio thread.
    pub(crate) fn fill_marked(&mut self, cells: &Cells) {
        self.events.clear();
        for (scale, cell) in cells.iter() {
            if cell.unmark() && self.events.len() < self.room {
                self.events.push(scale.event(0, cell.get()));
            }
        }
    }

    /// Puts in one value at frame 0.
    pub(crate) fn fill_one(&mut self, event: clap_event_param_value) {
        self.events.clear();
        self.events.push(event);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The list to hand to the plugin; it must not outlive `self`.
    pub(crate) fn list(&self) -> clap_input_events {
        clap_input_events {
            ctx: std::ptr::from_ref(self).cast_mut().cast(),
            size: Some(size),
            get: Some(get),
        }
    }
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: the plugin passes the list it was given, whose `ctx` is a live `Events`.
    unsafe { (*(*list).ctx.cast::<Events>()).events.len() as u32 }
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: as in `size`.
    let events = unsafe { &(*(*list).ctx.cast::<Events>()).events };
    events
        .get(index as usize)
        .map_or(std::ptr::null(), |event| &raw const event.header)
}
