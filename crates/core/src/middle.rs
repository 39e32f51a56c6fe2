//! What stands in the middle of a processing chain.

use crate::fault::Fault;
use crate::levels::LevelSettings;
use crate::units::HostFrames;

/// Slots that a chain can hold: 0 is A, 1 is B.
pub const SLOTS: usize = 2;

/// Knobs per slot that a host sees.
pub const KNOBS: usize = 8;

/// Knob positions, `[slot][knob]`, each 0 … 1.
pub type Knobs = [[f32; KNOBS]; SLOTS];

/// Units that can be preloaded besides those in the slots.
pub const PROGRAMS: usize = 16;

/// Sources that have a trim and an alignment of their own: slot A, slot B, the reference.
pub const TRIMS: usize = 3;

/// What can be heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Source {
    /// Slot 0, or the program that plays in it.
    #[default]
    A = 0,
    /// Slot 1.
    B = 1,
    /// The side-chain: the real device.
    Reference = 2,
    /// The input.
    Dry = 3,
    /// A slot less the reference.
    Difference = 4,
}

impl Source {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::A, Self::B, Self::Reference, Self::Dry, Self::Difference];

    /// The slot's index, if it is a slot.
    pub const fn slot(self) -> Option<usize> {
        match self {
            Self::A => Some(0),
            Self::B => Some(1),
            Self::Reference | Self::Dry | Self::Difference => None,
        }
    }

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::Reference => "Reference",
            Self::Dry => "Dry",
            Self::Difference => "Difference",
        }
    }

    /// The code as a number, for atomics.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Back from [`Self::code`]; unknown codes are [`Source::A`].
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::B,
            2 => Self::Reference,
            3 => Self::Dry,
            4 => Self::Difference,
            _ => Self::A,
        }
    }
}

/// What the user set, as the middle of a chain needs it: for the frames up to the next point of the control grid, or as long as
/// nothing moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Controls {
    /// Where the knobs are.
    pub knobs: Knobs,
    /// What is done about the models' levels; whoever holds the models glides to it.
    pub levels: LevelSettings,
    /// True: the cabinet is heard, if there is one.
    pub cab: bool,
    /// What is heard; whoever holds the sources crossfades to it.
    pub source: Source,
    /// Gains of slot A, slot B and the reference, in dB; whoever holds the sources glides to them. What is not finite is ignored.
    pub trims_db: [f32; TRIMS],
    /// False: where the reference is asked for, alone or in the difference, slot A plays.
    pub use_reference: bool,
    /// Which of the [`PROGRAMS`] plays in slot A; `None`, or one that is empty: the slot's own unit.
    pub program: Option<u8>,
}

impl Default for Controls {
    /// Knobs in the middle, levels as they are, the cabinet and slot A heard, 0 dB, no reference, no program.
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Controls {
    /// As [`Self::default`].
    pub const DEFAULT: Self = Self {
        knobs: [[0.5; KNOBS]; SLOTS],
        levels: LevelSettings::RAW,
        cab: true,
        source: Source::A,
        trims_db: [0.0; TRIMS],
        use_reference: false,
        program: None,
    };
}

/// What the chain stands around: the slots.
pub trait Middle {
    /// Any number of frames. `input`: `[inputs, frames]`, `output`: `[outputs, frames]`.
    ///
    /// # Realtime Safety
    /// Implementations must be safe.
    fn process(&mut self, controls: &Controls, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault;

    /// The latency that the dry path must match.
    ///
    /// # Realtime Safety
    /// Implementations must be safe.
    fn latency(&self) -> HostFrames;

    /// The next frame is frame `frame` of the host's transport.
    ///
    /// # Realtime Safety
    /// Implementations must be safe.
    fn seek(&mut self, frame: i64) {
        let _ = frame;
    }

    /// True while [`Self::latency`] may change within the next frames: the chain then asks at every point of the grid.
    ///
    /// # Realtime Safety
    /// Implementations must be safe.
    fn is_moving(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_sources_round_trip() {
        for (code, source) in (0..).zip(Source::ALL) {
            assert_eq!((source.code(), Source::from_code(code)), (code, source));
            assert_eq!(source.slot(), (code < 2).then_some(code.into()));
        }
        assert_eq!(Source::from_code(77), Source::A);
    }
}
