//! The common time: how far each source is delayed so that all of them line up, to a fraction of a frame.
//!
//! Source `s` comes late by `L_s + d_s`: the latency its unit reports, and the *aligned* delay that the user applied. The total `T` is
//! the user's reserve or the latest source, whichever is more, and each source is delayed by `T − L_s − d_s`. Of that delay the
//! whole frames are the delay line's; a fraction is a windowed sinc of [`FILTER_TAPS`] taps, which itself takes [`CENTRE`] frames and
//! a part of one. Where a source with a fraction has less room than that, `T` grows.

use crate::audio::CELLS;
use crate::bank::BankConfig;
use std::f64::consts::PI;
use tonegraft_core::{DelayLine, FILTER_TAPS, PROGRAMS, SLOTS, TRIMS};

/// Whole frames by which the filter for a fraction delays.
const CENTRE: i64 = 15;

/// The window's shape: side lobes of about −90 dB, flat to 0.8 of half the rate.
const KAISER_BETA: f64 = 9.0;

/// Delays this close to a whole frame are whole.
const WHOLE: f64 = 1e-5;

/// What the user says of the sources' delays beyond what their units report. Three of each: slot A, slot B, the reference.
/// Programs have their own: [`BankControl::set_program_alignment`](crate::BankControl::set_program_alignment).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Alignment {
    /// How much later the source is than it should be, in frames at the host's rate; fractions and negative figures are fine. From
    /// −0.1 s to the bank's longest latency; others are clamped, and what is not finite is 0. An empty slot is dry and has none.
    pub delays: [f64; TRIMS],
    /// True: played upside down. Not for an empty slot.
    pub invert: [bool; TRIMS],
    /// True: the reference takes part in the common time, so that it is heard aligned. False: it is delayed by the total, as the
    /// dry signal is, whatever its delay.
    pub hear_reference_aligned: bool,
}

impl Alignment {
    /// In range for a bank built by `config`.
    #[must_use]
    pub fn checked(&self, config: &BankConfig) -> Self {
        let mut checked = *self;
        for delay in &mut checked.delays {
            *delay = in_range(*delay, config);
        }
        checked
    }
}

/// A delay that an alignment may have in a bank built by `config`.
pub(crate) fn in_range(delay: f64, config: &BankConfig) -> f64 {
    // Below 2^32 frames: exact.
    #[allow(clippy::cast_precision_loss)]
    let (early, late) = (config.max_advance() as f64, config.max_latency.as_usize() as f64);
    if delay.is_finite() {
        delay.clamp(-early, late)
    } else {
        0.0
    }
}

/// One source's own delay, ready for the audio thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    /// The delay, rounded down.
    whole: i64,
    /// What delays by [`CENTRE`] and the rest up to the next frame.
    taps: Option<[f32; FILTER_TAPS]>,
    invert: bool,
}

impl Shift {
    pub(crate) const NONE: Self = Self {
        whole: 0,
        taps: None,
        invert: false,
    };

    fn new(delay: f64, invert: bool) -> Self {
        let near = delay.round();
        // Clamped to a second or so.
        #[allow(clippy::cast_possible_truncation)]
        if (delay - near).abs() < WHOLE {
            Self {
                whole: near as i64,
                taps: None,
                invert,
            }
        } else {
            Self {
                whole: delay.floor() as i64,
                taps: Some(sinc(1.0 - (delay - delay.floor()))),
                invert,
            }
        }
    }

    /// The least total latency with which a source of own latency `own` can be placed.
    fn need(&self, own: usize) -> usize {
        let filter = if self.taps.is_some() { 1 + CENTRE } else { 0 };
        usize::try_from(signed(own) + self.whole + filter).unwrap_or(0)
    }

    fn place(&self, total: usize, own: usize) -> Placed<'_> {
        let filter = if self.taps.is_some() { 1 + CENTRE } else { 0 };
        Placed {
            delay: usize::try_from(signed(total) - signed(own) - self.whole - filter).unwrap_or(0),
            taps: self.taps.as_ref(),
            invert: self.invert,
        }
    }
}

fn signed(frames: usize) -> i64 {
    i64::try_from(frames).unwrap_or(i64::MAX / 4)
}

/// A delay of [`CENTRE`] + `fraction` frames (0 … 1): a sinc under a Kaiser window, unity at 0 Hz.
fn sinc(fraction: f64) -> [f32; FILTER_TAPS] {
    let mut exact = [0.0; FILTER_TAPS];
    let mut sum = 0.0;
    for (k, tap) in (-CENTRE..).zip(&mut exact) {
        // A few.
        #[allow(clippy::cast_precision_loss)]
        let x = k as f64 - fraction;
        let sinc = if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
        let edge = x / (FILTER_TAPS / 2) as f64;
        *tap = sinc * bessel(KAISER_BETA * (1.0 - edge * edge).max(0.0).sqrt());
        sum += *tap;
    }
    let mut taps = [0.0; FILTER_TAPS];
    for (tap, exact) in taps.iter_mut().zip(exact) {
        #[allow(clippy::cast_possible_truncation)]
        {
            *tap = (exact / sum) as f32;
        }
    }
    taps
}

/// The modified Bessel function of the first kind and order 0, by its series.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

/// Where everything stands in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// The total.
    pub(crate) latency: usize,
    pub(crate) alignment: Plan,
}

/// An [`Alignment`], ready for the audio thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Tells one from another.
    pub(crate) id: u64,
    /// Of each cell.
    shifts: [Shift; CELLS],
    reference: Shift,
    armed: bool,
}

impl Plan {
    /// `programs`: delay and polarity of each. In range, both.
    pub(crate) fn new(id: u64, alignment: &Alignment, programs: &[(f64, bool); PROGRAMS]) -> Self {
        let mut plan = Self {
            id,
            armed: alignment.hear_reference_aligned,
            ..Self::NONE
        };
        let mut sources = alignment.delays.into_iter().zip(alignment.invert);
        let cells = sources.clone().take(SLOTS).chain(programs.iter().copied());
        for (shift, (delay, invert)) in plan.shifts.iter_mut().zip(cells) {
            *shift = Shift::new(delay, invert);
        }
        if let Some((delay, invert)) = sources.next_back() {
            plan.reference = Shift::new(delay, invert);
        }
        plan
    }

    pub(crate) const NONE: Self = Self {
        id: 0,
        shifts: [Shift::NONE; CELLS],
        reference: Shift::NONE,
        armed: false,
    };

    fn shift(&self, cell: usize) -> &Shift {
        self.shifts.get(cell).unwrap_or(&Shift::NONE)
    }

    /// The least total latency for a unit of latency `own` in `cell`.
    pub(crate) fn need(&self, cell: usize, own: usize) -> usize {
        self.shift(cell).need(own)
    }

    /// The least total latency for the reference.
    pub(crate) fn need_of_reference(&self) -> usize {
        if self.armed { self.reference.need(0) } else { 0 }
    }
}

impl Layout {
    /// Cell `cell`, which holds a unit of latency `own`, or nothing.
    pub(crate) fn cell(&self, cell: usize, own: Option<usize>) -> Placed<'_> {
        match own {
            Some(own) => self.alignment.shift(cell).place(self.latency, own),
            None => self.dry(),
        }
    }

    pub(crate) fn reference(&self) -> Placed<'_> {
        if self.alignment.armed {
            self.alignment.reference.place(self.latency, 0)
        } else {
            Placed {
                invert: self.alignment.reference.invert,
                ..self.dry()
            }
        }
    }

    pub(crate) const fn dry(&self) -> Placed<'_> {
        Placed {
            delay: self.latency,
            taps: None,
            invert: false,
        }
    }
}

/// How a source is read from its delay line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placed<'a> {
    pub(crate) delay: usize,
    taps: Option<&'a [f32; FILTER_TAPS]>,
    invert: bool,
}

impl Placed<'_> {
    fn read(&self, line: &DelayLine, channel: usize, out: &mut [f32]) {
        match self.taps {
            Some(taps) => line.filter(channel, self.delay, taps, out),
            None => line.read(channel, tonegraft_core::Tap::at(self.delay), out),
        }
        if self.invert {
            for sample in out {
                *sample = -*sample;
            }
        }
    }

    /// Frames after which nothing of before is heard.
    pub(crate) const fn depth(&self) -> usize {
        match self.taps {
            Some(_) => self.delay + FILTER_TAPS,
            None => self.delay,
        }
    }
}

/// A placement over some frames: from one to another, crossfaded by `gains`. With empty `gains` only `to` is heard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move<'a> {
    pub(crate) from: Placed<'a>,
    pub(crate) to: Placed<'a>,
    pub(crate) gains: &'a [f32],
}

impl<'a> Move<'a> {
    pub(crate) const fn at(place: Placed<'a>) -> Self {
        Self {
            from: place,
            to: place,
            gains: &[],
        }
    }

    fn rests(&self) -> bool {
        self.gains.is_empty() || self.from == self.to
    }

    /// Reads the last frames pushed to `line` into `output`, which holds them as they are. `aside`: room for as many frames.
    pub(crate) fn read(&self, line: &DelayLine, output: &mut [&mut [f32]], aside: &mut [f32]) {
        let still = self.rests();
        if still && self.to.delay == 0 && self.to.taps.is_none() {
            if self.to.invert {
                for sample in output.iter_mut().flat_map(|channel| channel.iter_mut()) {
                    *sample = -*sample;
                }
            }
            return;
        }
        for (index, channel) in output.iter_mut().enumerate() {
            self.to.read(line, index, channel);
            if !still {
                let old = aside.get_mut(..channel.len()).unwrap_or(&mut []);
                self.from.read(line, index, old);
                for ((new, old), gain) in channel.iter_mut().zip(old).zip(self.gains) {
                    *new = *old + (*new - *old) * gain;
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_macros, clippy::disallowed_methods)]
mod tests {
    use super::*;

    /// The filter's response at `w` (0 … π).
    fn response(taps: &[f32; FILTER_TAPS], w: f64) -> (f64, f64) {
        let (mut re, mut im) = (0.0, 0.0);
        for (k, tap) in (0_i32..).zip(taps) {
            re += f64::from(*tap) * (w * f64::from(k)).cos();
            im -= f64::from(*tap) * (w * f64::from(k)).sin();
        }
        (re, im)
    }

    #[test]
    fn fractions_are_delays_to_80_db_up_to_four_fifths_of_the_band() {
        for percent in 1..100 {
            let fraction = f64::from(percent) / 100.0;
            let taps = sinc(fraction);
            for step in 0..=80 {
                let w = PI * 0.8 * f64::from(step) / 80.0;
                let (re, im) = response(&taps, w);
                let delay = 15.0 + fraction;
                let error = (re - (w * delay).cos()).hypot(im + (w * delay).sin());
                assert!(error < 1e-4, "{fraction} at {w}: {error}");
            }
        }
    }

    #[test]
    fn a_fraction_asks_for_room_and_no_more() {
        let shift = Shift::new(37.4, false);
        assert_eq!(shift.need(0), 53);
        let placed = shift.place(53, 0);
        assert_eq!((placed.delay, placed.taps.is_some()), (0, true));
        assert_eq!(Shift::new(37.4, false).place(60, 2).delay, 5);
        for whole in [37.0, 37.000_001, 36.999_999] {
            let shift = Shift::new(whole, true);
            assert_eq!((shift.need(3), shift.place(50, 3).delay), (40, 10));
            assert!(shift.taps.is_none());
        }
        assert_eq!(Shift::new(-5.0, false).need(3), 0);
        assert_eq!(Shift::new(-5.0, false).place(10, 3).delay, 12);
        assert_eq!(Shift::new(-0.25, false).need(0), 15);
    }
}
