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
