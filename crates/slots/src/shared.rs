//! What both halves of a bank see at any time, as atomics.

use crate::audio::CELLS;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use tonegraft_core::{Fault, HostFrames, Latency, SLOTS, Source};

/// "No unit" in [`Shared::live`].
const NO_UNIT: u64 = u64::MAX;

/// "No program" in [`Shared::program`].
const NO_PROGRAM: u8 = u8::MAX;

/// "No unit" in [`Shared::own_latency`].
const NO_LATENCY: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Shared {
    latency: AtomicU32,
    latency_changed: AtomicBool,
    reserve: AtomicU32,
    source: AtomicU8,
    watching: AtomicBool,
    live: [AtomicU64; SLOTS],
    incoming: [AtomicU64; SLOTS],
    fault: [AtomicU8; SLOTS],
    reference_fault: AtomicU8,
    reference_fed: AtomicBool,
    /// [`NO_PROGRAM`] or the index.
    program: AtomicU8,
    /// Of each cell: [`NO_LATENCY`] or frames.
    own_latency: [AtomicU32; CELLS],
}

impl Shared {
    pub(crate) fn new(reserve: HostFrames) -> Self {
        Self {
            latency: AtomicU32::new(reserve.get()),
            latency_changed: AtomicBool::new(false),
            reserve: AtomicU32::new(reserve.get()),
            source: AtomicU8::new(Source::A as u8),
            watching: AtomicBool::new(false),
            live: std::array::from_fn(|_| AtomicU64::new(NO_UNIT)),
            incoming: std::array::from_fn(|_| AtomicU64::new(NO_UNIT)),
            fault: std::array::from_fn(|_| AtomicU8::new(0)),
            reference_fault: AtomicU8::new(0),
            reference_fed: AtomicBool::new(false),
            program: AtomicU8::new(NO_PROGRAM),
            own_latency: std::array::from_fn(|_| AtomicU32::new(NO_LATENCY)),
        }
    }

    pub(crate) fn latency(&self) -> Latency {
        Latency::new(HostFrames::new(self.latency.load(Ordering::Acquire)))
    }

    /// Tells a new total; the flag is raised only if it differs.
    pub(crate) fn tell_latency(&self, frames: HostFrames) {
        if self.latency.swap(frames.get(), Ordering::AcqRel) != frames.get() {
            self.latency_changed.store(true, Ordering::Release);
        }
    }

    pub(crate) fn take_latency_change(&self) -> Option<Latency> {
        self.latency_changed
            .swap(false, Ordering::AcqRel)
            .then(|| self.latency())
    }

    pub(crate) fn reserve(&self) -> HostFrames {
        HostFrames::new(self.reserve.load(Ordering::Acquire))
    }

    pub(crate) fn set_reserve(&self, frames: HostFrames) {
        self.reserve.store(frames.get(), Ordering::Release);
    }

    pub(crate) fn source(&self) -> Source {
        Source::from_code(self.source.load(Ordering::Acquire))
    }

    pub(crate) fn set_source(&self, source: Source) {
        self.source.store(source as u8, Ordering::Release);
    }

    pub(crate) fn watching(&self) -> bool {
        self.watching.load(Ordering::Relaxed)
    }

    pub(crate) fn set_watching(&self, watching: bool) {
        self.watching.store(watching, Ordering::Relaxed);
    }

    pub(crate) fn live(&self, slot: usize) -> Option<u64> {
        load_id(self.live.get(slot))
    }

    pub(crate) fn set_live(&self, slot: usize, id: Option<u64>) {
        store_id(self.live.get(slot), id);
    }

    pub(crate) fn incoming(&self, slot: usize) -> Option<u64> {
        load_id(self.incoming.get(slot))
    }

    pub(crate) fn set_incoming(&self, slot: usize, id: Option<u64>) {
        store_id(self.incoming.get(slot), id);
    }

    pub(crate) fn fault(&self, slot: usize) -> Fault {
        let code = self.fault.get(slot).map_or(0, |fault| fault.load(Ordering::Acquire));
        Fault::from_code(code)
    }

    pub(crate) fn raise_fault(&self, slot: usize, fault: Fault) {
        if fault != Fault::None
            && let Some(place) = self.fault.get(slot)
        {
            place.fetch_max(fault.code(), Ordering::AcqRel);
        }
    }

    pub(crate) fn clear_faults(&self) {
        for place in self.fault.iter().chain([&self.reference_fault]) {
            place.store(Fault::None.code(), Ordering::Release);
        }
    }

    pub(crate) fn reference_fault(&self) -> Fault {
        Fault::from_code(self.reference_fault.load(Ordering::Acquire))
    }

    pub(crate) fn raise_reference_fault(&self, fault: Fault) {
        if fault != Fault::None {
            self.reference_fault.fetch_max(fault.code(), Ordering::AcqRel);
        }
    }

    pub(crate) fn reference_fed(&self) -> bool {
        self.reference_fed.load(Ordering::Acquire)
    }

    pub(crate) fn set_reference_fed(&self, fed: bool) {
        self.reference_fed.store(fed, Ordering::Release);
    }

    pub(crate) fn program(&self) -> Option<u8> {
        Some(self.program.load(Ordering::Acquire)).filter(|program| *program != NO_PROGRAM)
    }

    pub(crate) fn set_program(&self, program: Option<usize>) {
        let code = program.and_then(|index| u8::try_from(index).ok());
        self.program.store(code.unwrap_or(NO_PROGRAM), Ordering::Release);
    }

    pub(crate) fn own_latency(&self, cell: usize) -> Option<HostFrames> {
        let frames = self.own_latency.get(cell).map(|frames| frames.load(Ordering::Acquire));
        frames.filter(|frames| *frames != NO_LATENCY).map(HostFrames::new)
    }

    pub(crate) fn set_own_latency(&self, cell: usize, frames: Option<usize>) {
        if let Some(place) = self.own_latency.get(cell) {
            let frames = frames.and_then(|frames| u32::try_from(frames).ok());
            place.store(frames.unwrap_or(NO_LATENCY), Ordering::Release);
        }
    }
}

fn load_id(place: Option<&AtomicU64>) -> Option<u64> {
    place.map(|id| id.load(Ordering::Acquire)).filter(|id| *id != NO_UNIT)
}

fn store_id(place: Option<&AtomicU64>, id: Option<u64>) {
    if let Some(place) = place {
        place.store(id.unwrap_or(NO_UNIT), Ordering::Release);
    }
}

/// The bank's total latency, readable from any thread.
#[derive(Clone, Debug)]
pub struct LatencyHandle(pub(crate) Arc<Shared>);

impl LatencyHandle {
    /// What the host should be told now.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn get(&self) -> Latency {
        self.0.latency()
    }

    /// The new total if it changed since the last call (by any handle, or [`BankControl::take_latency_change`](crate::BankControl::take_latency_change)), else `None`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn take_change(&self) -> Option<Latency> {
        self.0.take_latency_change()
    }
}
