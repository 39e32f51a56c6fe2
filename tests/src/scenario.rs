//! What the realtime nets make an audio half do: all block sizes, parameters moving, resets, swaps, comparing.
//!
//! Everything is laid out before the first step, so that the audio side of a step only reads.

use crate::host::Audio;
use crate::signal::{Random, noise};
use tonegraft_chain::{GateSettings, Settings, ToneSettings};
use tonegraft_core::Fault;
use tonegraft_slots::{Alignment, BankControl, InstallErrorKind, Source, Switching, Unit};

/// Block sizes of the steps, in frames; 0 stands for random ones.
const BLOCKS: [usize; 7] = [1, 7, 32, 64, 480, 1024, 0];

/// Frames played at each block size, at least.
const FRAMES: usize = 400;

/// Steps at each block size, at least.
const STEPS: usize = 12;

/// One call of `process`, or of `reset` before it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Frames to play.
    pub frames: usize,
    /// Controls from here on.
    pub settings: Settings,
    /// True if a reset comes first.
    pub reset: bool,
    /// What the control side does before it.
    pub before: Before,
}

/// What the control side does before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// Installs another instance of the model.
    Swap,
    /// Takes the model away.
    Dry,
    /// Installs another instance of the model as program 0.
    Program,
    /// Lines the sources up, looks at all that is compared, begins a test.
    Compare,
    /// Switches within the test.
    Hear,
    /// Ends all that.
    Stop,
}

/// The steps for one model.
#[derive(Debug)]
pub struct Scenario {
    steps: Vec<Step>,
    signal: Vec<f32>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self::new()
    }
}

impl Scenario {
    /// The same steps every time.
    pub fn new() -> Self {
        let mut random = Random::new(5);
        let mut steps = Vec::new();
        for size in BLOCKS {
            let longest = if size == 0 { 1024 } else { size };
            for number in 0..(FRAMES / longest).max(STEPS) {
                steps.push(Step {
                    frames: if size == 0 { random.between(0, 2048) } else { size },
                    settings: moving(&mut random),
                    reset: number == 0,
                    // In the midst of each size: another instance, dry, and back.
                    before: match number {
                        2 | 9 => Before::Swap,
                        6 => Before::Dry,
                        1 => Before::Program,
                        3 => Before::Compare,
                        4 | 7 => Before::Hear,
                        10 => Before::Stop,
                        _ => Before::Nothing,
                    },
                });
            }
        }
        Self {
            steps,
            signal: noise(1 << 16, 0.5, 11),
        }
    }

    /// All steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Writes the input of step `number`. Not part of what is checked, but as clean.
    pub fn prepare(&self, number: usize, audio: &mut Audio) {
        let frames = self.steps.get(number).map_or(0, |step| step.frames);
        let start = (number * 977) % (self.signal.len() / 2);
        let block = self.signal.get(start..start + frames).unwrap_or(&[]);
        for channel in audio.input().iter_mut() {
            for (to, from) in channel.iter_mut().zip(block) {
                *to = *from;
            }
        }
        for (to, from) in audio.reference().channel_mut(0).iter_mut().zip(block) {
            *to = -0.7 * from;
        }
    }
}

/// One step's part on the audio thread: everything that is checked.
///
/// # Realtime Safety
/// Safe: that is what the nets prove.
#[cfg_attr(feature = "rtsan", rtsan_standalone::nonblocking)]
pub fn play(audio: &mut Audio, step: &Step) -> Fault {
    if step.reset {
        audio.reset(&step.settings);
    }
    audio.process(&step.settings, step.frames)
}

/// One step's part on the control side; `make` gives another instance of the model. True if something was installed.
///
/// # Panics
/// An install is refused for another reason than a full ring.
pub fn control(control: &mut BankControl, step: &Step, make: impl FnOnce() -> Unit) -> bool {
    control.collect();
    let sent = match step.before {
        Before::Nothing => return false,
        Before::Swap => control.install(0, Some(make())),
        Before::Dry => control.install(0, None),
        Before::Program => control.install_program(0, Some(make())),
        Before::Compare => {
            control.set_alignment(Alignment {
                delays: [0.3, 0.0, 17.4],
                invert: [true, false, true],
                hear_reference_aligned: true,
            });
            control.set_difference(Source::A, 0.9);
            control.set_watching(true);
            control.set_tapping(true);
            control.begin_test(Switching::ThroughSilence);
            return false;
        }
        Before::Hear => {
            control.hear(Source::Difference);
            control.set_comparing(false);
            return false;
        }
        Before::Stop => {
            control.end_test();
            control.set_tapping(false);
            control.set_comparing(true);
            control.set_alignment(Alignment::default());
            return false;
        }
    };
    match sent {
        Ok(()) => true,
        Err(error) => {
            assert!(matches!(error.kind, InstallErrorKind::Busy), "{error}");
            false
        }
    }
}

fn moving(random: &mut Random) -> Settings {
    let mut settings = Settings {
        input_gain_db: random.unit() * 12.0 - 6.0,
        output_gain_db: random.unit() * 12.0 - 6.0,
        mix: random.unit(),
        bypass: random.unit() < 0.1,
        gate: GateSettings {
            on: random.unit() < 0.5,
            threshold_db: -60.0 * random.unit(),
            range_db: 60.0,
            ..GateSettings::default()
        },
        tone: ToneSettings {
            on: random.unit() < 0.5,
            bass: 10.0 * random.unit(),
            middle: 10.0 * random.unit(),
            treble: 10.0 * random.unit(),
        },
        source: Source::ALL[random.between(0, 4)],
        trims_db: [random.unit() * 12.0 - 6.0; 3],
        use_reference: random.unit() < 0.8,
        program: (random.unit() < 0.3).then_some(0),
        ..Settings::default()
    };
    for knob in settings.knobs.iter_mut().flatten() {
        *knob = random.unit();
    }
    settings
}
