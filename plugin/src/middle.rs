//! The bank as the chain's middle.

use tonegraft_chain::{Knobs, Middle};
use tonegraft_core::{Fault, HostFrames};
use tonegraft_slots::BankAudio;

/// The two crates do not know each other; they meet here.
#[derive(Debug)]
pub struct Slots(pub BankAudio);

impl Middle for Slots {
    fn process(&mut self, knobs: &Knobs, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        self.0.process(knobs, input, output)
    }

    fn latency(&self) -> HostFrames {
        self.0.latency()
    }

    fn is_moving(&self) -> bool {
        self.0.is_moving()
    }
}
