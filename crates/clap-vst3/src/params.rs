//! Parameters: the table made from the plugin's list, and the cells that both threads share.
//!
//! VST3 values are normalised (0 to 1), CLAP values have the plugin's own range; [`Scale`] converts. A [`Cell`] holds the
//! last normalised value that was set, by whomever, and the news that the plugin has for the host.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_GESTURE_BEGIN, CLAP_EVENT_PARAM_GESTURE_END, CLAP_EVENT_PARAM_VALUE,
    clap_event_header, clap_event_param_gesture, clap_event_param_value, clap_output_events,
};
use clap_sys::ext::params::{CLAP_PARAM_IS_READONLY, CLAP_PARAM_IS_STEPPED};

use crate::host::{EDITS, HostSide};
use crate::plugin::Plugin;
use crate::strings::from_array;

/// Range of one parameter, and how it is addressed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub(crate) id: u32,
    pub(crate) flags: u32,
    min: f64,
    max: f64,
    cookie: usize,
}

impl Scale {
    /// Number of steps between the ends, 0 for a continuous parameter.
    pub(crate) fn steps(&self) -> i32 {
        if self.flags & CLAP_PARAM_IS_STEPPED == 0 {
            return 0;
        }
        (self.max - self.min).round().clamp(0.0, f64::from(i32::MAX)) as i32
    }

    pub(crate) fn to_clap(self, normalized: f64) -> f64 {
        let normalized = if normalized.is_nan() {
            0.0
        } else {
            normalized.clamp(0.0, 1.0)
        };
        match self.steps() {
            0 => self.min + normalized * (self.max - self.min),
            steps => self.min + f64::from(steps).min((normalized * (f64::from(steps) + 1.0)).floor()),
        }
    }

    pub(crate) fn to_normalized(self, value: f64) -> f64 {
        let width = self.max - self.min;
        let value = if self.steps() > 0 { value.round() } else { value };
        let normalized = (value - self.min) / width;
        if width > 0.0 && normalized.is_finite() {
            normalized.clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.flags & CLAP_PARAM_IS_READONLY != 0
    }

    /// An event that sets this parameter to a normalised value at frame `time`.
    pub(crate) fn event(&self, time: u32, normalized: f64) -> clap_event_param_value {
        clap_event_param_value {
            header: clap_event_header {
                size: size_of::<clap_event_param_value>() as u32,
                time,
                space_id: CLAP_CORE_EVENT_SPACE_ID,
                type_: CLAP_EVENT_PARAM_VALUE,
                flags: 0,
            },
            param_id: self.id,
            cookie: self.cookie as *mut _,
            note_id: -1,
            port_index: -1,
            channel: -1,
            key: -1,
            value: self.to_clap(normalized),
        }
    }
}

const VALUE: u8 = 1;
const TOUCHED: u8 = 2;

/// What both threads know of one parameter.
#[derive(Default)]
pub(crate) struct Cell {
    value: AtomicU64,
    /// Set by the host while active and not yet seen in a block.
    marked: AtomicBool,
    news: AtomicU8,
    /// The plugin's own gesture is going on.
    held: AtomicBool,
    /// The host has been told of that gesture.
    open: AtomicBool,
}

impl Cell {
    pub(crate) fn get(&self) -> f64 {
        f64::from_bits(self.value.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, normalized: f64) {
        self.value.store(normalized.to_bits(), Ordering::Relaxed);
    }

    pub(crate) fn mark(&self) {
        self.marked.store(true, Ordering::Release);
    }

    pub(crate) fn unmark(&self) -> bool {
        self.marked.swap(false, Ordering::AcqRel)
    }
}

/// One step of an edit that the plugin made, to be told to the host in this order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Edit {
    Begin(u32),
    Perform(u32, f64),
    End(u32),
}

/// All cells with their scales, in the order of the plugin's list.
#[derive(Default)]
pub(crate) struct Cells {
    pub(crate) scales: Vec<Scale>,
    cells: Vec<Cell>,
    /// `(id, index)`, sorted.
    by_id: Vec<(u32, usize)>,
}

impl Cells {
    fn new(scales: Vec<Scale>) -> Self {
        let mut by_id: Vec<_> = scales
            .iter()
            .enumerate()
            .map(|(index, scale)| (scale.id, index))
            .collect();
        by_id.sort_unstable();
        let cells = scales.iter().map(|_| Cell::default()).collect();
        Self { scales, cells, by_id }
    }

    pub(crate) fn index(&self, id: u32) -> Option<usize> {
        let at = self.by_id.binary_search_by_key(&id, |entry| entry.0).ok()?;
        self.by_id.get(at).map(|entry| entry.1)
    }

    /// # Realtime Safety
    ///
    /// A binary search.
    pub(crate) fn find(&self, id: u32) -> Option<(&Scale, &Cell)> {
        let index = self.index(id)?;
        Some((self.scales.get(index)?, self.cells.get(index)?))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Scale, &Cell)> {
        self.scales.iter().zip(&self.cells)
    }

    /// Reads every value from the plugin; what the host had set and not delivered is void.
    pub(crate) fn refresh(&self, plugin: &Plugin) {
        for (scale, cell) in self.iter() {
            cell.unmark();
            if let Some(value) = plugin.param_value(scale.id) {
                cell.set(scale.to_normalized(value));
            }
        }
    }

    /// Collects what the plugin did to its parameters since the last call.
    pub(crate) fn take_edits(&self) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (scale, cell) in self.iter() {
            let news = cell.news.swap(0, Ordering::AcqRel);
            if news == 0 || scale.is_read_only() {
                continue;
            }
            let held = cell.held.load(Ordering::Acquire);
            if !cell.open.swap(true, Ordering::Relaxed) {
                edits.push(Edit::Begin(scale.id));
            }
            if news & VALUE != 0 {
                edits.push(Edit::Perform(scale.id, cell.get()));
            }
            if !held {
                cell.open.store(false, Ordering::Relaxed);
                edits.push(Edit::End(scale.id));
            }
        }
        edits
    }

    fn take_event(&self, id: u32, value: Option<f64>, held: Option<bool>) -> bool {
        let Some((scale, cell)) = self.find(id) else {
            return false;
        };
        if let Some(value) = value {
            cell.set(scale.to_normalized(value));
            cell.news.fetch_or(VALUE, Ordering::AcqRel);
        }
        if let Some(held) = held {
            cell.held.store(held, Ordering::Release);
            cell.news.fetch_or(TOUCHED, Ordering::AcqRel);
        }
        true
    }
}

/// Where the plugin's output events go.
pub(crate) struct Sink<'a> {
    pub(crate) cells: &'a Cells,
    pub(crate) host: &'a HostSide,
}

impl Sink<'_> {
    /// The list to hand to the plugin; it must not outlive `self`.
    pub(crate) fn list(&self) -> clap_output_events {
        clap_output_events {
            ctx: std::ptr::from_ref(self).cast_mut().cast(),
            try_push: Some(try_push),
        }
    }
}

unsafe extern "C" fn try_push(list: *const clap_output_events, event: *const clap_event_header) -> bool {
    // SAFETY: the plugin passes the list it was given, whose `ctx` is a live `Sink`, and a readable event.
    let (sink, header) = unsafe { (&*(*list).ctx.cast::<Sink<'_>>(), event.read_unaligned()) };
    if header.space_id != CLAP_CORE_EVENT_SPACE_ID {
        return false;
    }
    let size = header.size as usize;
    let taken = match header.type_ {
        CLAP_EVENT_PARAM_VALUE if size >= size_of::<clap_event_param_value>() => {
            // SAFETY: type and size say that this is a value event.
            let event = unsafe { event.cast::<clap_event_param_value>().read_unaligned() };
            sink.cells.take_event(event.param_id, Some(event.value), None)
        }
        CLAP_EVENT_PARAM_GESTURE_BEGIN | CLAP_EVENT_PARAM_GESTURE_END
            if size >= size_of::<clap_event_param_gesture>() =>
        {
            // SAFETY: type and size say that this is a gesture event.
            let event = unsafe { event.cast::<clap_event_param_gesture>().read_unaligned() };
            let held = header.type_ == CLAP_EVENT_PARAM_GESTURE_BEGIN;
            sink.cells.take_event(event.param_id, None, Some(held))
        }
        _ => false,
    };
    if taken {
        sink.host.raise(EDITS);
    }
    taken
}

/// What the host shows of one parameter.
pub(crate) struct Param {
    pub(crate) name: String,
    pub(crate) short_name: String,
    pub(crate) unit: String,
    /// Normalised.
    pub(crate) default: f64,
}

/// The plugin's list at one time.
#[derive(Default)]
pub(crate) struct ParamTable {
    pub(crate) params: Vec<Param>,
    pub(crate) cells: Arc<Cells>,
}

impl ParamTable {
    /// Reads the plugin's list. The cells of `old` live on if ids and ranges are the same.
    pub(crate) fn read(plugin: &Plugin, old: Option<&Self>) -> Self {
        let mut params = Vec::new();
        let mut scales = Vec::new();
        for info in (0..plugin.param_count()).filter_map(|index| plugin.param(index)) {
            let scale = Scale {
                id: info.id,
                flags: info.flags,
                min: info.min_value,
                max: info.max_value,
                cookie: info.cookie as usize,
            };
            let name = from_array(&info.name);
            params.push(Param {
                short_name: plugin.short_name(info.id).unwrap_or_else(|| name.clone()),
                name,
                unit: crate::param_text::unit(plugin, &scale),
                default: scale.to_normalized(info.default_value),
            });
            scales.push(scale);
        }
        let cells = match old {
            Some(old) if old.cells.scales == scales => old.cells.clone(),
            _ => {
                let cells = Cells::new(scales);
                cells.refresh(plugin);
                Arc::new(cells)
            }
        };
        Self { params, cells }
    }

    pub(crate) fn find(&self, id: u32) -> Option<(&Param, &Scale, &Cell)> {
        let (scale, cell) = self.cells.find(id)?;
        Some((self.params.get(self.cells.index(id)?)?, scale, cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(id: u32, flags: u32, min: f64, max: f64) -> Scale {
        Scale {
            id,
            flags,
            min,
            max,
            cookie: 0,
        }
    }

    #[test]
    fn steps_are_equally_wide_and_come_back() {
        let stepped = scale(0, CLAP_PARAM_IS_STEPPED, -2.0, 2.0);
        assert_eq!(stepped.steps(), 4);
        for (normalized, value) in [
            (0.0, -2.0),
            (0.19, -2.0),
            (0.21, -1.0),
            (0.5, 0.0),
            (0.99, 2.0),
            (1.0, 2.0),
        ] {
            assert_eq!(stepped.to_clap(normalized), value);
        }
        for step in 0..=4 {
            let value = -2.0 + f64::from(step);
            assert_eq!(stepped.to_clap(stepped.to_normalized(value)), value);
        }
        let continuous = scale(0, 0, -24.0, 24.0);
        assert_eq!((continuous.to_clap(0.75), continuous.to_normalized(12.0)), (12.0, 0.75));
        assert_eq!(continuous.to_clap(f64::NAN), -24.0);
        assert_eq!(scale(0, 0, 1.0, 1.0).to_normalized(1.0), 0.0);
    }

    #[test]
    fn edits_come_in_order_and_none_is_lost() {
        let host = HostSide::new("");
        let cells = Cells::new(vec![scale(7, 0, 0.0, 2.0), scale(3, CLAP_PARAM_IS_READONLY, 0.0, 1.0)]);
        let event = |value| {
            assert!(cells.take_event(7, Some(value), None));
        };
        assert!(cells.take_edits().is_empty());
        event(1.0);
        assert_eq!(
            cells.take_edits(),
            [Edit::Begin(7), Edit::Perform(7, 0.5), Edit::End(7)]
        );
        cells.take_event(7, None, Some(true));
        assert_eq!(cells.take_edits(), [Edit::Begin(7)]);
        event(0.5);
        event(2.0);
        assert_eq!(cells.take_edits(), [Edit::Perform(7, 1.0)]);
        cells.take_event(7, None, Some(false));
        assert_eq!(cells.take_edits(), [Edit::End(7)]);
        assert!(!cells.take_event(8, Some(0.0), None));
        cells.take_event(3, Some(1.0), None);
        assert!(cells.take_edits().is_empty(), "a read-only parameter is not edited");
        assert_eq!(cells.find(3).unwrap().1.get(), 1.0);
        assert_eq!(host.flags.load(Ordering::Relaxed), 0);
    }
}
