//! A processor that breaks the audio thread's contract on purpose, so that each net can show that it would be caught in the midst of
//! slots and chain.

use tonegraft_core::{Facts, Fault, HostFrames, LatencyParts, Processor, Tail};
use tonegraft_slots::Unit;

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crime {
    /// Allocates, and keeps it.
    Allocates,
    /// Frees what it allocated when it was built.
    Frees,
    /// Asks the system to let others run.
    CallsTheSystem,
}

/// When it does that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// In `process`, the 20th time.
    Process,
    /// In `reset`, the second time.
    Reset,
    /// When a knob is set, the 40th time.
    Knob,
}

/// All scenes.
pub const SCENES: [Scene; 3] = [Scene::Process, Scene::Reset, Scene::Knob];

struct Culprit {
    facts: Facts,
    crime: Crime,
    scene: Scene,
    times: usize,
    held: Vec<f32>,
}

/// A unit for slot A of a mono track; it plays its input otherwise.
pub fn unit(crime: Crime, scene: Scene) -> Unit {
    let facts = Facts {
        inputs: 1,
        outputs: 1,
        knobs: 1,
        latency: LatencyParts::ZERO,
        receptive_field: HostFrames::new(1),
        tail: Tail::Frames(HostFrames::ZERO),
    };
    let held = if crime == Crime::Frees {
        vec![1.0; 64]
    } else {
        Vec::new()
    };
    let processor = Box::new(Culprit {
        facts,
        crime,
        scene,
        times: 0,
        held,
    });
    Unit {
        processor,
        id: 13,
        knobs: vec![tonegraft_core::KnobRange::linear(0.0, 1.0)],
        levels: tonegraft_core::ModelLevels::default(),
    }
}

impl Culprit {
    fn count(&mut self, scene: Scene, due: usize) {
        if self.scene != scene {
            return;
        }
        self.times += 1;
        if self.times == due {
            match self.crime {
                Crime::Allocates => self.held = std::hint::black_box(vec![1.0; 64]),
                Crime::Frees => self.held = Vec::new(),
                Crime::CallsTheSystem => std::thread::yield_now(),
            }
        }
    }
}

impl Processor for Culprit {
    fn facts(&self) -> Facts {
        self.facts
    }

    fn reset(&mut self) {
        self.count(Scene::Reset, 2);
    }

    fn set_knob(&mut self, _index: usize, _value: f32) {
        self.count(Scene::Knob, 40);
    }

    fn process(&mut self, input: &[&[f32]], output: &mut [&mut [f32]]) -> Fault {
        self.count(Scene::Process, 20);
        for (output, input) in output.iter_mut().zip(input) {
            output.copy_from_slice(input);
        }
        Fault::None
    }
}
