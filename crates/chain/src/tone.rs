//! The three-band tone stack of the field, after the cab.
//!
//! Bass, middle and treble go from 0 to 10, 5 is flat. Frequencies, qualities and gains are those of NeuralAmpModelerPlugin
//! (`NeuralAmpModeler/ToneStack.cpp`, MIT): a low shelf at 150 Hz with ±20 dB, a peak at 425 Hz with ±15 dB that is narrower when it
//! cuts, a high shelf at 1800 Hz with ±10 dB, one after the other.
//!
//! The responses are those of the Audio EQ Cookbook (R. Bristow-Johnson), computed as state-variable filters with trapezoidal
//! integration (A. Simper, "Linear Trapezoidal Integrated SVF", 2013), which stay quiet while their coefficients move. A knob is
//! smoothed by two equal low-passes of 30 ms, so that neither its place nor its speed jumps; coefficients are computed at points of the
//! control grid and interpolated between them, frame by frame.

use tonegraft_core::buffer::MAX_CHANNELS;
use tonegraft_core::{CONTROL_INTERVAL, SampleRate};

/// Time constant of each of the two low-passes that smooth a knob, in seconds.
const SMOOTHING: f64 = 0.03;

/// A knob this close to where it goes is there: 0.004 dB at most.
const CLOSE: f32 = 1e-3;

/// The position at which a band does nothing.
const FLAT: f32 = 5.0;

/// What the user sets. Values out of range are clamped, non-finite ones ignored: what was set before stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToneSettings {
    /// Off: exactly transparent, as with all knobs at 5.
    pub on: bool,
    /// Low shelf at 150 Hz, 0 … 10: −20 … 20 dB.
    pub bass: f32,
    /// Peak at 425 Hz, 0 … 10: −15 … 15 dB.
    pub middle: f32,
    /// High shelf at 1800 Hz, 0 … 10: −10 … 10 dB.
    pub treble: f32,
}

impl Default for ToneSettings {
    /// Off, and flat.
    fn default() -> Self {
        Self {
            on: false,
            bass: FLAT,
            middle: FLAT,
            treble: FLAT,
        }
    }
}

impl ToneSettings {
    /// In range; what is not finite comes from `before`.
    pub(crate) fn checked(&self, before: &Self) -> Self {
        let within = crate::settings::within;
        Self {
            on: self.on,
            bass: within(self.bass, 0.0, 10.0, before.bass),
            middle: within(self.middle, 0.0, 10.0, before.middle),
            treble: within(self.treble, 0.0, 10.0, before.treble),
        }
    }

    /// Where the knobs go.
    fn positions(&self) -> [f32; 3] {
        if self.on {
            [self.bass, self.middle, self.treble]
        } else {
            [FLAT; 3]
        }
    }
}

/// Of the output: `m[0]·input + m[1]·band + m[2]·low`; `a` makes band and low, see [`Band::filter`].
#[derive(Clone, Copy, Debug, PartialEq)]
struct Coefficients {
    a: [f64; 3],
    m: [f64; 3],
}

impl Coefficients {
    fn new(g: f64, k: f64, m: [f64; 3]) -> Self {
        let first = 1.0 / (1.0 + g * (g + k));
        Self {
            a: [first, g * first, g * g * first],
            m,
        }
    }

    fn between(&self, to: &Self, share: f64) -> Self {
        let mix = |from: [f64; 3], to: [f64; 3]| std::array::from_fn(|i| from[i] + (to[i] - from[i]) * share);
        Self {
            a: mix(self.a, to.a),
            m: mix(self.m, to.m),
        }
    }
}

/// Which band.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Bass,
    Middle,
    Treble,
}

impl Kind {
    /// At knob position `value`.
    fn coefficients(self, value: f32, rate: SampleRate) -> Coefficients {
        let steps = f64::from(value - FLAT);
        let (hz, db) = match self {
            Self::Bass => (150.0, 4.0 * steps),
            Self::Middle => (425.0, 3.0 * steps),
            Self::Treble => (1_800.0, 2.0 * steps),
        };
        // Below half the rate, whatever the rate.
        let g = (std::f64::consts::PI * f64::min(hz / rate.hz(), 0.45)).tan();
        let a = 10.0_f64.powf(db / 40.0);
        match self {
            Self::Bass => {
                let k = 1.0 / 0.707;
                Coefficients::new(g / a.sqrt(), k, [1.0, k * (a - 1.0), a * a - 1.0])
            }
            Self::Middle => {
                let quality = if db < 0.0 { 1.5 } else { 0.7 };
                let k = 1.0 / (quality * a);
                Coefficients::new(g, k, [1.0, k * (a * a - 1.0), 0.0])
            }
            Self::Treble => {
                let k = 1.0 / 0.707;
                Coefficients::new(g * a.sqrt(), k, [a * a, k * (1.0 - a) * a, 1.0 - a * a])
            }
        }
    }
}

/// A smoothed position, moved once per interval of the grid.
#[derive(Clone, Copy, Debug)]
struct Knob {
    target: f32,
    first: f32,
    value: f32,
}

impl Knob {
    const fn at(value: f32) -> Self {
        Self {
            target: value,
            first: value,
            value,
        }
    }

    fn is_settled(&self) -> bool {
        self.value == self.target && self.first == self.target
    }

    /// One interval on; each low-pass goes `share` of its way.
    fn step(&mut self, share: f32) {
        self.first += (self.target - self.first) * share;
        self.value += (self.first - self.value) * share;
        if (self.target - self.first).abs() < CLOSE && (self.target - self.value).abs() < CLOSE {
            *self = Self::at(self.target);
        }
    }
}

/// One filter of every channel.
#[derive(Clone, Debug)]
struct Band {
    kind: Kind,
    knob: Knob,
    /// At the beginning and the end of the current interval of the grid.
    from: Coefficients,
    to: Coefficients,
    /// Integrators, `[channel][2]`.
    state: [[f64; 2]; MAX_CHANNELS],
}

impl Band {
    /// Neither moves nor changes anything.
    fn is_flat(&self) -> bool {
        self.is_settled() && self.knob.target == FLAT
    }

    fn is_settled(&self) -> bool {
        self.knob.is_settled() && self.from == self.to
    }

    /// `frame`: frames into the interval.
    fn filter(&mut self, channel: usize, samples: &mut [f32], frame: usize) {
        let Some([mut first, mut second]) = self.state.get(channel).copied() else {
            return;
        };
        let moving = self.from != self.to;
        let mut now = self.to;
        for (index, sample) in samples.iter_mut().enumerate() {
            if moving {
                // Both are small integers.
                #[allow(clippy::cast_precision_loss)]
                let share = (frame + index + 1) as f64 / CONTROL_INTERVAL as f64;
                now = self.from.between(&self.to, share.min(1.0));
            }
            // What is not finite must not stay in the filter.
            let x = if sample.is_finite() { f64::from(*sample) } else { 0.0 };
            let [a1, a2, a3] = now.a;
            let rest = x - second;
            let band = a1 * first + a2 * rest;
            let low = second + a2 * first + a3 * rest;
            first = 2.0 * band - first;
            second = 2.0 * low - second;
            let [m0, m1, m2] = now.m;
            // Meant to be rounded to f32.
            #[allow(clippy::cast_possible_truncation)]
            {
                *sample = (m0 * x + m1 * band + m2 * low) as f32;
            }
        }
        if let Some(state) = self.state.get_mut(channel) {
            *state = [first, second];
        }
    }
}

/// The stack.
#[derive(Clone, Debug)]
pub(crate) struct Tone {
    rate: SampleRate,
    /// Of a low-pass's way, per interval.
    share: f32,
    bands: [Band; 3],
    /// Into the interval of the grid; counts only while something moves.
    frame: usize,
}

impl Tone {
    /// At rest at `settings`, which are checked.
    pub(crate) fn new(rate: SampleRate, settings: &ToneSettings) -> Self {
        // A small integer; the share is meant to be rounded to f32.
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let share = (1.0 - (-(CONTROL_INTERVAL as f64) / (SMOOTHING * rate.hz())).exp()) as f32;
        let band = |kind: Kind| {
            let flat = kind.coefficients(FLAT, rate);
            Band {
                kind,
                knob: Knob::at(FLAT),
                from: flat,
                to: flat,
                state: [[0.0; 2]; MAX_CHANNELS],
            }
        };
        let mut tone = Self {
            rate,
            share,
            bands: [band(Kind::Bass), band(Kind::Middle), band(Kind::Treble)],
            frame: 0,
        };
        tone.snap(settings);
        tone
    }

    /// Jumps to `settings`, with nothing in the filters.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn snap(&mut self, settings: &ToneSettings) {
        for (band, position) in self.bands.iter_mut().zip(settings.positions()) {
            band.knob = Knob::at(position);
            band.to = band.kind.coefficients(position, self.rate);
            band.from = band.to;
            band.state = [[0.0; 2]; MAX_CHANNELS];
        }
        self.frame = 0;
    }

    /// New targets; at boundaries of the control grid, before [`Self::step`].
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn set(&mut self, settings: &ToneSettings) {
        for (band, position) in self.bands.iter_mut().zip(settings.positions()) {
            band.knob.target = position;
        }
    }

    /// The next interval of the control grid begins; may be left out while nothing moves.
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn step(&mut self) {
        self.frame = 0;
        for band in &mut self.bands {
            band.from = band.to;
            if band.knob.is_settled() {
                if band.is_flat() {
                    band.state = [[0.0; 2]; MAX_CHANNELS];
                }
            } else {
                band.knob.step(self.share);
                band.to = band.kind.coefficients(band.knob.value, self.rate);
            }
        }
    }

    /// True if nothing moves.
    pub(crate) fn is_settled(&self) -> bool {
        self.bands.iter().all(Band::is_settled)
    }

    /// Filters one piece, within an interval of the grid unless [`Self::is_settled`].
    ///
    /// # Realtime Safety
    /// Safe.
    pub(crate) fn process(&mut self, channels: &mut [&mut [f32]]) {
        let frames = channels.first().map_or(0, |channel| channel.len());
        for band in self.bands.iter_mut().filter(|band| !band.is_flat()) {
            for (channel, samples) in channels.iter_mut().enumerate() {
                band.filter(channel, samples, self.frame);
            }
        }
        self.frame += frames;
    }
}
