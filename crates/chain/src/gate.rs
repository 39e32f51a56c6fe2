//! A noise gate that does not look ahead.
//!
//! The detector is the largest magnitude over all channels, held and falling by half every 10 ms, so that a low note does not
//! flutter between its peaks. It opens at the sample that reaches the threshold; it closes when the detector has been more than the
//! hysteresis below it for the hold time. All channels have one gain. Opening takes about 2 ms; closing falls in equal steps of dB over the
//! release time. Everything moves per frame, so that no block or interval shows.

use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::{Ramp, SampleRate};

/// In which the detector falls by half, in seconds. NeuralAmpModelerPlugin's trigger has the same for power.
const DETECTOR_HALF_LIFE: f64 = 0.01;

/// The straight part of opening, in seconds.
const ATTACK: f64 = 0.001;

/// Time constant that rounds the gain's corners, in seconds.
const ROUNDING: f64 = 0.0005;

/// A gain this close to where it goes is there: −120 dB.
const CLOSE: f64 = 1e-6;

/// What the user sets. Values out of range are clamped, non-finite ones ignored: what was set before stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GateSettings {
    /// Off: exactly transparent.
    pub on: bool,
    /// Magnitude at which it opens, in dB of full scale, −100 … 0.
    pub threshold_db: f32,
    /// How far below the threshold it closes, in dB, 0 … 24.
    pub hysteresis_db: f32,
    /// How long the detector must be below that, in ms, 0 … 2000.
    pub hold_ms: f32,
    /// From open to closed, in ms, 1 … 5000.
    pub release_ms: f32,
    /// Attenuation when closed, in dB, 0 … 100.
    pub range_db: f32,
}

impl Default for GateSettings {
    /// Off; −80 dB, 10 ms of hold and 50 ms of release as in NeuralAmpModelerPlugin; 6 dB of hysteresis, 80 dB of range.
    fn default() -> Self {
        Self {
            on: false,
            threshold_db: -80.0,
            hysteresis_db: 6.0,
            hold_ms: 10.0,
            release_ms: 50.0,
            range_db: 80.0,
        }
    }
}

impl GateSettings {
    /// In range; what is not finite comes from `before`.
    pub(crate) fn checked(&self, before: &Self) -> Self {
        let within = crate::settings::within;
        Self {
            on: self.on,
            threshold_db: within(self.threshold_db, -100.0, 0.0, before.threshold_db),
            hysteresis_db: within(self.hysteresis_db, 0.0, 24.0, before.hysteresis_db),
            hold_ms: within(self.hold_ms, 0.0, 2_000.0, before.hold_ms),
            release_ms: within(self.release_ms, 1.0, 5_000.0, before.release_ms),
            range_db: within(self.range_db, 0.0, 100.0, before.range_db),
        }
    }
}

/// The gate; at rest it is closed, as after silence.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    rate: SampleRate,
    /// Of the detector, per frame.
    decay: f32,
    /// Of opening, per frame.
    rise: f64,
    /// Share of the way that the rounded gain makes per frame.
    rounding: f64,
    open_at: f32,
    close_below: f32,
    hold: usize,
    /// Of closing, per frame; 1 at most.
    fall: f64,
    /// When closed.
    floor: f64,
    detector: f32,
    open: bool,
    /// Frames that the detector has been low.
    low: usize,
    straight: f64,
    gain: f64,
}

fn factor(db: f32) -> f64 {
    10.0_f64.powf(f64::from(db) / 20.0)
}

impl Gate {
    /// Closed, with `settings`, which are checked.
    pub(crate) fn new(rate: SampleRate, settings: &GateSettings) -> Self {
        let hz = rate.hz();
        // Meant to be rounded to f32.
        #[allow(clippy::cast_possible_truncation)]
        let decay = 0.5_f64.powf(1.0 / (DETECTOR_HALF_LIFE * hz)) as f32;
        let mut gate = Self {
            rate,
            decay,
            rise: (1.0 / (ATTACK * hz)).min(1.0),
            rounding: 1.0 - (-1.0 / (ROUNDING * hz)).exp(),
            open_at: 1.0,
            close_below: 1.0,
            hold: 0,
            fall: 1.0,
            floor: 1.0,
            detector: 0.0,
            open: false,
            low: 0,
            straight: 1.0,
            gain: 1.0,
        };
        gate.set(settings);
        gate.reset();
        gate
    }

    /// New settings, which are checked; at boundaries of the control grid only.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn set(&mut self, settings: &GateSettings) {
        // Meant to be rounded to f32.
        #[allow(clippy::cast_possible_truncation)]
        {
            self.open_at = factor(settings.threshold_db) as f32;
            self.close_below = factor(settings.threshold_db - settings.hysteresis_db) as f32;
        }
        self.hold = self.rate.frames(f64::from(settings.hold_ms) / 1_000.0);
        self.floor = factor(-settings.range_db);
        let release = f64::from(settings.release_ms) / 1_000.0 * self.rate.hz();
        self.fall = self.floor.powf(1.0 / release.max(1.0));
    }

    /// Closed, as after silence.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn reset(&mut self) {
        self.detector = 0.0;
        self.open = false;
        self.low = 0;
        self.straight = self.floor;
        self.gain = self.floor;
    }

    /// Open, as after a sound: so that turning it on does not cut into one.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn start_open(&mut self) {
        self.detector = self.open_at;
        self.open = true;
        self.low = 0;
        self.straight = 1.0;
        self.gain = 1.0;
    }

    /// The current attenuation in dB, 0 when open.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn reduction_db(&self) -> f32 {
        // Meant to be rounded to f32.
        #[allow(clippy::cast_possible_truncation)]
        let db = (-20.0 * self.gain.log10()) as f32;
        db.max(0.0)
    }

    /// One frame on, with the largest magnitude of its channels.
    fn next(&mut self, magnitude: f32) -> f64 {
        self.detector = magnitude.max(self.detector * self.decay);
        if self.detector >= self.open_at {
            self.open = true;
            self.low = 0;
        } else if self.detector >= self.close_below {
            self.low = 0;
        } else if self.open {
            self.low += 1;
            self.open = self.low <= self.hold;
        }
        self.straight = if self.open {
            (self.straight + self.rise).min(1.0)
        } else {
            (self.straight * self.fall).max(self.floor)
        };
        let left = self.straight - self.gain;
        self.gain = if left.abs() <= CLOSE {
            self.straight
        } else {
            self.gain + left * self.rounding
        };
        self.gain
    }

    /// Gates the first `frames` frames of `channels`. `share`: how much of it, 0 … 1, while it is turned on or off.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn process<'a>(
        &mut self,
        channels: impl ExactSizeIterator<Item = &'a mut [f32]>,
        frames: usize,
        mut share: Ramp,
        shape: impl Fn(f32) -> f32,
    ) {
        let mut planes: [&mut [f32]; MAX_CHANNELS] = Default::default();
        let count = channels.len().min(MAX_CHANNELS);
        for (plane, channel) in planes.iter_mut().zip(channels) {
            *plane = channel.get_mut(..frames).unwrap_or(&mut []);
        }
        let planes = planes.get_mut(..count).unwrap_or(&mut []);
        for frame in 0..frames {
            let magnitude = planes
                .iter()
                .filter_map(|plane| plane.get(frame))
                .fold(0.0, |most: f32, x| most.max(x.abs()));
            let share = f64::from(shape(share.next_value()));
            // Exactly 1 when open, and without any share.
            let gain = 1.0 + (self.next(magnitude) - 1.0) * share;
            if gain != 1.0 {
                for sample in planes.iter_mut().filter_map(|plane| plane.get_mut(frame)) {
                    // Meant to be rounded to f32.
                    #[allow(clippy::cast_possible_truncation)]
                    {
                        *sample = (f64::from(*sample) * gain) as f32;
                    }
                }
            }
        }
    }
}
