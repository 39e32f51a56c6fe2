//! What the audio thread tells the window: levels, load, faults. Atomics, one writer, read by anybody.
//!
//! While a listening test runs all of it is frozen, because it would tell what is heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;
use tonegraft_core::processor::MAX_METERS;
use tonegraft_core::{Facts, Fault, Processor, SLOTS};

/// Audio is measured over windows of this many seconds before a load is published.
const LOAD_WINDOW_SECONDS: f32 = 0.05;

/// Read-outs of one instance.
#[derive(Debug, Default)]
pub struct Meters {
    input_peak: AtomicU32,
    output_peak: AtomicU32,
    reference_peak: AtomicU32,
    model: [[AtomicU32; MAX_METERS]; SLOTS],
    load: LoadCell,
    gate_db: AtomicU32,
    fault: AtomicU8,
    switches: Arc<Switches>,
}

/// What the audio thread may do for the read-outs.
#[derive(Debug, Default)]
pub struct Switches {
    untimed: AtomicBool,
    frozen: AtomicBool,
}

/// Load of the audio thread, as shares of the time that the audio lasts: 1.0 is the deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Mean of the last window.
    pub mean: f32,
    /// The worst single call of the last window.
    pub worst: f32,
    /// Calls that took longer than their audio lasts, since the beginning.
    pub misses: u64,
}

/// A [`Load`] that one thread writes and others read.
#[derive(Debug, Default)]
pub struct LoadCell {
    mean: AtomicU32,
    worst: AtomicU32,
    misses: AtomicU64,
}

impl LoadCell {
    /// What was published last.
    pub fn get(&self) -> Load {
        Load {
            mean: f32::from_bits(self.mean.load(Ordering::Relaxed)),
            worst: f32::from_bits(self.worst.load(Ordering::Relaxed)),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }
}

impl Meters {
    /// Raises the input peak to `peak` (linear magnitude).
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn raise_input(&self, peak: f32) {
        raise(&self.input_peak, peak);
    }

    /// Raises the output peak to `peak` (linear magnitude).
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn raise_output(&self, peak: f32) {
        raise(&self.output_peak, peak);
    }

    /// Raises the reference's peak to `peak` (linear magnitude).
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn raise_reference(&self, peak: f32) {
        raise(&self.reference_peak, peak);
    }

    /// Raises what the model in `slot` shows to `values`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn raise_model(&self, slot: usize, values: [f32; MAX_METERS]) {
        for (place, value) in self.model.get(slot).into_iter().flatten().zip(values) {
            raise(place, value);
        }
    }

    /// Largest magnitudes of what the model in `slot` shows since the call before.
    pub fn take_model(&self, slot: usize) -> [f32; MAX_METERS] {
        std::array::from_fn(|at| {
            let place = self.model.get(slot).and_then(|model| model.get(at));
            place.map_or(0.0, |place| f32::from_bits(place.swap(0, Ordering::Relaxed)))
        })
    }

    /// True while nothing may be published.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn is_frozen(&self) -> bool {
        self.switches.frozen.load(Ordering::Acquire)
    }

    /// Freezes what is published, or thaws it; what was gathered before is forgotten.
    pub fn set_frozen(&self, frozen: bool) {
        self.switches.frozen.store(frozen, Ordering::Release);
        self.take_peaks();
        for slot in 0..SLOTS {
            self.take_model(slot);
        }
    }

    /// For what times itself beside the whole.
    pub(crate) fn switches(&self) -> Arc<Switches> {
        Arc::clone(&self.switches)
    }

    /// What the gate takes away now, in dB.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn set_gate_db(&self, db: f32) {
        self.gate_db.store(db.to_bits(), Ordering::Relaxed);
    }

    /// What the gate took away last, in dB.
    pub fn gate_db(&self) -> f32 {
        f32::from_bits(self.gate_db.load(Ordering::Relaxed))
    }

    /// Keeps the worst fault until [`Self::take_fault`].
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn raise_fault(&self, fault: Fault) {
        if fault != Fault::None {
            self.fault.fetch_max(fault.code(), Ordering::Relaxed);
        }
    }

    /// Largest magnitudes of input, output and reference since the call before.
    pub fn take_peaks(&self) -> [f32; 3] {
        [&self.input_peak, &self.output_peak, &self.reference_peak]
            .map(|place| f32::from_bits(place.swap(0, Ordering::Relaxed)))
    }

    /// The worst fault since the call before.
    pub fn take_fault(&self) -> Fault {
        Fault::from_code(self.fault.swap(0, Ordering::Relaxed))
    }

    /// The last published load.
    pub fn load(&self) -> Load {
        self.load.get()
    }

    /// Switches the measurement of the load. It reads the monotonic clock, which Linux serves without a system call on usual
    /// hardware (vDSO), but not everywhere; tests that forbid all system calls switch it off.
    pub fn set_timed(&self, timed: bool) {
        self.switches.untimed.store(!timed, Ordering::Relaxed);
    }
}

/// Non-negative floats order as their bits do; NaN and negative values count as nothing.
fn raise(place: &AtomicU32, peak: f32) {
    if peak > 0.0 {
        place.fetch_max(peak.to_bits(), Ordering::Relaxed);
    }
}

/// Measures how long the audio thread takes; owned by it.
#[derive(Debug)]
pub struct Stopwatch {
    frames_per_window: f32,
    seconds_per_frame: f32,
    frames: f32,
    busy: f32,
    worst: f32,
    misses: u64,
}

impl Stopwatch {
    /// For `rate` in Hz.
    pub fn new(rate: f32) -> Self {
        Self {
            frames_per_window: rate * LOAD_WINDOW_SECONDS,
            seconds_per_frame: rate.recip(),
            frames: 0.0,
            busy: 0.0,
            worst: 0.0,
            misses: 0,
        }
    }

    /// The moment before the work, unless the measurement is off.
    ///
    /// # Realtime Safety
    /// Safe: reads the clock (see [`Meters::set_timed`]).
    pub fn start(&self, meters: &Meters) -> Option<Instant> {
        meters.switches.now()
    }

    /// The moment after the work on `frames` frames.
    ///
    /// # Realtime Safety
    /// Safe: reads the clock (see [`Meters::set_timed`]).
    pub fn stop(&mut self, started: Option<Instant>, frames: usize, meters: &Meters) {
        if let Some(started) = started {
            self.add(started.elapsed().as_secs_f32(), frames, &meters.switches, &meters.load);
        }
    }

    /// `busy` seconds of work on `frames` frames.
    fn add(&mut self, busy: f32, frames: usize, switches: &Switches, cell: &LoadCell) {
        // Block lengths are far below 2^24.
        #[allow(clippy::cast_precision_loss)]
        let frames = frames as f32;
        self.busy += busy;
        self.frames += frames;
        // Calls of a few frames, as automation cuts them, have no deadline of their own.
        if frames >= 16.0 {
            let share = busy / (frames * self.seconds_per_frame);
            self.worst = self.worst.max(share);
            self.misses += u64::from(share > 1.0);
        }
        if self.frames >= self.frames_per_window {
            let mean = self.busy / (self.frames * self.seconds_per_frame);
            if !switches.frozen.load(Ordering::Relaxed) {
                cell.mean.store(mean.to_bits(), Ordering::Relaxed);
                cell.worst.store(self.worst.max(mean).to_bits(), Ordering::Relaxed);
                cell.misses.store(self.misses, Ordering::Relaxed);
            }
            self.frames = 0.0;
            self.busy = 0.0;
            self.worst = 0.0;
        }
    }
}

impl Switches {
    fn now(&self) -> Option<Instant> {
        (!self.untimed.load(Ordering::Relaxed)).then(Instant::now)
    }
}

/// A processor that tells what it costs.
pub(crate) struct Timed {
    inner: Box<dyn Processor>,
    stopwatch: Stopwatch,
    switches: Arc<Switches>,
    cell: Arc<LoadCell>,
    /// Frames that make one call of the host.
    block: usize,
    /// Of the call that is not complete yet.
    frames: usize,
    busy: f32,
}

impl Timed {
    /// Around `inner`, which gets `rate` frames a second in calls of `block` frames, or in pieces of them.
    pub(crate) fn new(
        inner: Box<dyn Processor>,
        rate: f32,
        block: usize,
        switches: Arc<Switches>,
        cell: Arc<LoadCell>,
    ) -> Self {
        Self {
            inner,
            stopwatch: Stopwatch::new(rate),
            switches,
            cell,
            block: block.max(1),
            frames: 0,
            busy: 0.0,
        }
    }
}

impl Processor for Timed {
    fn facts(&self) -> Facts {
        self.inner.facts()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn set_knob(&mut self, index: usize, value: f32) {
        self.inner.set_knob(index, value);
    }

    fn seek(&mut self, frame: i64) {
        self.inner.seek(frame);
    }

    fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        let started = self.switches.now();
        let fault = self.inner.process(input, output);
        if let Some(started) = started {
            self.busy += started.elapsed().as_secs_f32();
            self.frames += output.first().map_or(0, |channel| channel.len());
            if self.frames >= self.block {
                self.stopwatch.add(self.busy, self.frames, &self.switches, &self.cell);
                self.frames = 0;
                self.busy = 0.0;
            }
        }
        fault
    }

    fn meters(&mut self) -> [f32; MAX_METERS] {
        self.inner.meters()
    }
}

/// Largest magnitude of `channels`; NaN counts as nothing.
///
/// # Realtime Safety
/// Safe.
pub fn peak<'a>(channels: impl Iterator<Item = &'a [f32]>) -> f32 {
    channels.flatten().fold(0.0, |peak: f32, sample| peak.max(sample.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_and_faults_are_kept_until_taken() {
        let meters = Meters::default();
        meters.raise_input(0.25);
        meters.raise_input(0.125);
        meters.raise_input(f32::NAN);
        meters.raise_output(-1.0);
        meters.raise_reference(0.5);
        assert_eq!(meters.take_peaks(), [0.25, 0.0, 0.5]);
        assert_eq!(meters.take_peaks(), [0.0; 3]);
        meters.raise_fault(Fault::NonFiniteInput);
        meters.raise_fault(Fault::BadBlock);
        assert_eq!(meters.take_fault(), Fault::NonFiniteInput);
        assert_eq!(meters.take_fault(), Fault::None);
    }

    #[test]
    fn the_load_is_time_over_deadline_and_can_be_switched_off() {
        let meters = Meters::default();
        let mut watch = Stopwatch::new(48_000.0);
        let started = watch.start(&meters);
        std::thread::sleep(std::time::Duration::from_millis(10));
        watch.stop(started, 4800, &meters);
        let load = meters.load();
        assert!((0.1..10.0).contains(&load.mean), "{load:?}");
        assert!(load.worst >= load.mean);
        meters.set_timed(false);
        assert!(watch.start(&meters).is_none());
    }
}
