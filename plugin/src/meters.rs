//! What the audio thread tells the window: levels, load, faults. Atomics, one writer, read by anybody.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::Instant;
use tonegraft_core::Fault;
use tonegraft_core::processor::MAX_METERS;

/// Audio is measured over windows of this many seconds before a load is published.
const LOAD_WINDOW_SECONDS: f32 = 0.05;

/// Read-outs of one instance.
#[derive(Debug, Default)]
pub struct Meters {
    input_peak: AtomicU32,
    output_peak: AtomicU32,
    model: [AtomicU32; MAX_METERS],
    load: AtomicU32,
    worst_load: AtomicU32,
    gate_db: AtomicU32,
    fault: AtomicU8,
    untimed: AtomicBool,
}

/// Load of the audio thread, as shares of the time that the audio lasts: 1.0 is the deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// Mean of the last window.
    pub mean: f32,
    /// The worst single call of the last window.
    pub worst: f32,
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

    /// Raises what the model shows to `values`.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn raise_model(&self, values: [f32; MAX_METERS]) {
        for (place, value) in self.model.iter().zip(values) {
            raise(place, value);
        }
    }

    /// Largest magnitudes of what the model shows since the call before.
    pub fn take_model(&self) -> [f32; MAX_METERS] {
        std::array::from_fn(|at| {
            let place = self.model.get(at);
            place.map_or(0.0, |place| f32::from_bits(place.swap(0, Ordering::Relaxed)))
        })
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

    /// Largest magnitudes of input and output since the call before.
    pub fn take_peaks(&self) -> [f32; 2] {
        [&self.input_peak, &self.output_peak].map(|place| f32::from_bits(place.swap(0, Ordering::Relaxed)))
    }

    /// The worst fault since the call before.
    pub fn take_fault(&self) -> Fault {
        Fault::from_code(self.fault.swap(0, Ordering::Relaxed))
    }

    /// The last published load.
    pub fn load(&self) -> Load {
        Load {
            mean: f32::from_bits(self.load.load(Ordering::Relaxed)),
            worst: f32::from_bits(self.worst_load.load(Ordering::Relaxed)),
        }
    }

    /// Switches the measurement of the load. It reads the monotonic clock, which Linux serves without a system call on usual
    /// hardware (vDSO), but not everywhere; tests that forbid all system calls switch it off.
    pub fn set_timed(&self, timed: bool) {
        self.untimed.store(!timed, Ordering::Relaxed);
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
        }
    }

    /// The moment before the work, unless the measurement is off.
    ///
    /// # Realtime Safety
    /// Safe: reads the clock (see [`Meters::set_timed`]).
    pub fn start(&self, meters: &Meters) -> Option<Instant> {
        (!meters.untimed.load(Ordering::Relaxed)).then(Instant::now)
    }

    /// The moment after the work on `frames` frames.
    ///
    /// # Realtime Safety
    /// Safe: reads the clock (see [`Meters::set_timed`]).
    pub fn stop(&mut self, started: Option<Instant>, frames: usize, meters: &Meters) {
        let Some(started) = started else { return };
        let busy = started.elapsed().as_secs_f32();
        // Block lengths are far below 2^24.
        #[allow(clippy::cast_precision_loss)]
        let frames = frames as f32;
        self.busy += busy;
        self.frames += frames;
        // Calls of a few frames, as automation cuts them, have no deadline of their own.
        if frames >= 16.0 {
            self.worst = self.worst.max(busy / (frames * self.seconds_per_frame));
        }
        if self.frames >= self.frames_per_window {
            let mean = self.busy / (self.frames * self.seconds_per_frame);
            meters.load.store(mean.to_bits(), Ordering::Relaxed);
            meters
                .worst_load
                .store(self.worst.max(mean).to_bits(), Ordering::Relaxed);
            self.frames = 0.0;
            self.busy = 0.0;
            self.worst = 0.0;
        }
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
        assert_eq!(meters.take_peaks(), [0.25, 0.0]);
        assert_eq!(meters.take_peaks(), [0.0, 0.0]);
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
