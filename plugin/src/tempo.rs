//! Knobs that follow the host's tempo: an oscillator's rate, a delay's time.
//!
//! A model says which of its knobs can (`sync` in its metadata); each slot has a parameter for the length of a note. While that is not off,
//! the knob's value is the note's at the host's tempo, halved or doubled until it is in the knob's range.

use crate::board::KnobLabel;
use clap_sys::events::{CLAP_TRANSPORT_HAS_TEMPO, clap_event_transport};
use nice_plug::prelude::Enum;
use std::sync::atomic::{AtomicU32, Ordering};
use tonegraft_core::{KnobRange, KnobScale};
use tonegraft_model::KnobSync;

/// Beats per minute where the host does not say.
pub const USUAL_TEMPO: f32 = 120.0;

/// The length of a note; a beat is a quarter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum NoteLength {
    /// The knob stands where it was put.
    #[id = "off"]
    Off,
    /// Four whole notes.
    #[id = "4"]
    #[name = "4/1"]
    Four,
    /// Two whole notes.
    #[id = "2"]
    #[name = "2/1"]
    Two,
    /// A whole note.
    #[id = "1"]
    #[name = "1/1"]
    Whole,
    /// A dotted half.
    #[id = "2d"]
    #[name = "1/2 dotted"]
    HalfDotted,
    /// A half.
    #[id = "1_2"]
    #[name = "1/2"]
    Half,
    /// A third of a whole.
    #[id = "2t"]
    #[name = "1/2 triplet"]
    HalfTriplet,
    /// A dotted quarter.
    #[id = "4d"]
    #[name = "1/4 dotted"]
    QuarterDotted,
    /// A quarter.
    #[id = "1_4"]
    #[name = "1/4"]
    Quarter,
    /// A third of a half.
    #[id = "4t"]
    #[name = "1/4 triplet"]
    QuarterTriplet,
    /// A dotted eighth.
    #[id = "8d"]
    #[name = "1/8 dotted"]
    EighthDotted,
    /// An eighth.
    #[id = "1_8"]
    #[name = "1/8"]
    Eighth,
    /// A third of a quarter.
    #[id = "8t"]
    #[name = "1/8 triplet"]
    EighthTriplet,
    /// A dotted sixteenth.
    #[id = "16d"]
    #[name = "1/16 dotted"]
    SixteenthDotted,
    /// A sixteenth.
    #[id = "1_16"]
    #[name = "1/16"]
    Sixteenth,
    /// A third of an eighth.
    #[id = "16t"]
    #[name = "1/16 triplet"]
    SixteenthTriplet,
    /// A thirty-second.
    #[id = "1_32"]
    #[name = "1/32"]
    ThirtySecond,
}

impl NoteLength {
    /// Its length in beats; `None` for off.
    ///
    /// # Realtime Safety
    /// Safe.
    pub const fn beats(self) -> Option<f32> {
        Some(match self {
            Self::Off => return None,
            Self::Four => 16.0,
            Self::Two => 8.0,
            Self::Whole => 4.0,
            Self::HalfDotted => 3.0,
            Self::Half => 2.0,
            Self::HalfTriplet => 4.0 / 3.0,
            Self::QuarterDotted => 1.5,
            Self::Quarter => 1.0,
            Self::QuarterTriplet => 2.0 / 3.0,
            Self::EighthDotted => 0.75,
            Self::Eighth => 0.5,
            Self::EighthTriplet => 1.0 / 3.0,
            Self::SixteenthDotted => 0.375,
            Self::Sixteenth => 0.25,
            Self::SixteenthTriplet => 1.0 / 6.0,
            Self::ThirtySecond => 0.125,
        })
    }
}

/// A knob that can follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Follower {
    /// Which knob of the slot, 0 to 7.
    pub index: usize,
    /// What its value is.
    pub sync: KnobSync,
    /// Its range, in Hz or milliseconds.
    pub range: KnobRange,
}

impl Follower {
    /// The first of a model's knobs that can.
    pub fn of(knobs: &[KnobLabel]) -> Option<Self> {
        knobs.iter().enumerate().find_map(|(index, knob)| {
            Some(Self {
                index,
                sync: knob.sync?,
                range: knob.range,
            })
        })
    }

    /// The value of a note of `beats` at `tempo` beats per minute, an octave or more away where it is beyond the range.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn value(&self, tempo: f32, beats: f32) -> f32 {
        let KnobRange { min, max, .. } = self.range;
        let mut value = match self.sync {
            KnobSync::Rate => tempo / 60.0 / beats,
            KnobSync::Time => 60_000.0 / tempo * beats,
        };
        // A range of less than an octave may hold none of them.
        for _ in 0..16 {
            if value > max && value / 2.0 >= min {
                value /= 2.0;
            } else if value < min && value * 2.0 <= max {
                value *= 2.0;
            }
        }
        value.max(min).min(max)
    }

    /// The same as a position of the knob, 0 … 1.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn position(&self, tempo: f32, beats: f32) -> f32 {
        self.range.position(self.value(tempo, beats))
    }
}

/// A follower, from the loader to the audio thread. What is read while it is written is off for one block.
#[derive(Debug, Default)]
pub struct FollowerCell {
    /// 0: none; else the index and one, and 256 for a time, 512 for a logarithmic knob.
    which: AtomicU32,
    range: [AtomicU32; 2],
}

impl FollowerCell {
    /// Any thread but the audio thread.
    pub fn set(&self, follower: Option<Follower>) {
        self.which.store(0, Ordering::Release);
        let Some(follower) = follower else { return };
        for (place, value) in self.range.iter().zip([follower.range.min, follower.range.max]) {
            place.store(value.to_bits(), Ordering::Release);
        }
        let index = u32::try_from(follower.index).unwrap_or(u32::MAX - 1).min(254) + 1;
        let kind = if follower.sync == KnobSync::Time { 256 } else { 0 };
        let scale = if follower.range.scale == KnobScale::Log { 512 } else { 0 };
        self.which.store(index + kind + scale, Ordering::Release);
    }

    /// # Realtime Safety
    /// Safe.
    pub fn get(&self) -> Option<Follower> {
        let which = self.which.load(Ordering::Acquire);
        let index = (which & 255).checked_sub(1)?;
        let [min, max] = [&self.range[0], &self.range[1]].map(|place| f32::from_bits(place.load(Ordering::Acquire)));
        Some(Follower {
            index: index as usize,
            sync: if which & 256 != 0 {
                KnobSync::Time
            } else {
                KnobSync::Rate
            },
            range: KnobRange {
                min,
                max,
                scale: if which & 512 != 0 {
                    KnobScale::Log
                } else {
                    KnobScale::Linear
                },
            },
        })
    }
}

/// The host's tempo in beats per minute, put here and read anywhere.
#[derive(Debug)]
pub struct TempoCell(AtomicU32);

impl Default for TempoCell {
    fn default() -> Self {
        Self(AtomicU32::new(USUAL_TEMPO.to_bits()))
    }
}

impl TempoCell {
    /// What the host says; nothing, or nonsense, leaves the last tempo.
    ///
    /// # Realtime Safety
    /// Safe.
    pub fn put(&self, transport: Option<&clap_event_transport>) {
        if let Some(transport) = transport
            && transport.flags & CLAP_TRANSPORT_HAS_TEMPO != 0
            && (1.0..=10_000.0).contains(&transport.tempo)
        {
            #[allow(clippy::cast_possible_truncation)]
            self.0.store((transport.tempo as f32).to_bits(), Ordering::Relaxed);
        }
    }

    /// # Realtime Safety
    /// Safe.
    pub fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_have_their_length_at_every_tempo() {
        let rate = Follower {
            index: 0,
            sync: KnobSync::Rate,
            range: KnobRange::linear(0.1, 10.0),
        };
        let time = Follower {
            index: 3,
            sync: KnobSync::Time,
            range: KnobRange::linear(20.0, 1000.0),
        };
        let beats = |note: NoteLength| note.beats().expect("a note");
        assert!((rate.value(120.0, beats(NoteLength::Quarter)) - 2.0).abs() < 1e-6);
        assert!((rate.value(90.0, beats(NoteLength::Whole)) - 0.375).abs() < 1e-6);
        assert!((time.value(120.0, beats(NoteLength::EighthDotted)) - 375.0).abs() < 1e-3);
        assert!((time.value(100.0, beats(NoteLength::EighthTriplet)) - 200.0).abs() < 1e-3);
        // Two seconds are beyond the range: an octave of them is not.
        assert!((time.value(120.0, beats(NoteLength::Whole)) - 1000.0).abs() < 1e-3);
        assert!((time.value(120.0, beats(NoteLength::Four)) - 1000.0).abs() < 1e-3);
        assert_eq!(NoteLength::Off.beats(), None);
    }

    #[test]
    fn a_logarithmic_knob_stands_where_the_note_is() {
        let time = Follower {
            index: 0,
            sync: KnobSync::Time,
            range: KnobRange {
                min: 20.0,
                max: 1280.0,
                scale: KnobScale::Log,
            },
        };
        // An eighth at 120 is a quarter of a second; 20 ms are six octaves below the end.
        let position = time.position(120.0, 0.5);
        assert!((time.range.value(position) - 250.0).abs() < 1e-3);
        assert!((position - (250.0_f32 / 20.0).log2() / 6.0).abs() < 1e-6);
    }

    #[test]
    fn a_range_that_holds_no_octave_is_kept_to() {
        let narrow = Follower {
            index: 0,
            sync: KnobSync::Time,
            range: KnobRange::linear(300.0, 400.0),
        };
        for tempo in [1.0, 60.0, 137.0, 9_999.0] {
            let value = narrow.value(tempo, 1.0);
            assert!((300.0..=400.0).contains(&value), "{value}");
            assert!((0.0..=1.0).contains(&narrow.position(tempo, 1.0)));
        }
    }

    #[test]
    fn a_follower_survives_its_cell() {
        let cell = FollowerCell::default();
        assert_eq!(cell.get(), None);
        for sync in [KnobSync::Rate, KnobSync::Time] {
            let follower = Follower {
                index: 7,
                sync,
                range: KnobRange::linear(0.25, 8.5),
            };
            cell.set(Some(follower));
            assert_eq!(cell.get(), Some(follower));
            let log = Follower {
                range: KnobRange {
                    scale: KnobScale::Log,
                    ..follower.range
                },
                ..follower
            };
            cell.set(Some(log));
            assert_eq!(cell.get(), Some(log));
        }
        cell.set(None);
        assert_eq!(cell.get(), None);
    }
}
