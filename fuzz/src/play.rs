//! A model through its processor.

use crate::random::Random;
use tonegraft_core::{Fault, Processor, SampleRate};
use tonegraft_engine::{InstanceConfig, Model, Oversampling, RateMode, StartState};

/// What stands in an output before it is written: a NaN that no arithmetic makes.
const UNWRITTEN: u32 = 0x7fc1_2345;

/// Frames of one run.
const FRAMES: usize = 700;

/// An instance of that layout, if the model has it.
pub fn instance(model: &Model, inputs: usize, outputs: usize, start: StartState) -> Option<Box<dyn Processor>> {
    let config = InstanceConfig {
        host_rate: SampleRate::new(48_000)?,
        inputs,
        outputs,
        start,
        isa: None,
        rate: RateMode::default(),
        oversampling: Oversampling::default(),
    };
    match model.instantiate(&config) {
        Ok(processor) => Some(processor),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// Streams `input`, `[channels][frames]`, in cuts of `0 ..= longest` frames; gives the output and the worst fault. Every frame
/// must be written, and none beyond the block.
pub fn stream(
    processor: &mut dyn Processor,
    input: &[Vec<f32>],
    longest: usize,
    cuts: &mut Random,
) -> (Vec<Vec<f32>>, Fault) {
    const GUARD: usize = 4;
    let frames = input.first().map_or(0, Vec::len);
    let unwritten = f32::from_bits(UNWRITTEN);
    let mut output = vec![vec![unwritten; frames + GUARD]; processor.facts().outputs];
    let (mut at, mut fault) = (0, Fault::None);
    while at < frames {
        let now = cuts.below(longest + 1).min(frames - at);
        let x: Vec<&[f32]> = input.iter().map(|channel| &channel[at..at + now]).collect();
        let mut y: Vec<&mut [f32]> = output.iter_mut().map(|channel| &mut channel[at..at + now]).collect();
        fault = fault.worst(processor.process(&x, &mut y));
        at += now;
    }
    for channel in &mut output {
        let written = channel.iter().take_while(|y| y.to_bits() != UNWRITTEN).count();
        assert_eq!(written, frames, "frames written");
        assert!(
            channel[frames..].iter().all(|y| y.to_bits() == UNWRITTEN),
            "wrote past the block"
        );
        channel.truncate(frames);
    }
    (output, fault)
}

/// Plays the model in several layouts, with knobs at their ends and beyond, and once more after `reset`.
pub fn layouts(model: &Model, data: &[u8]) {
    let mut random = Random::of(data);
    let own = model.channels();
    for (inputs, outputs) in [own, (1, 1), (2, 2), (1, 2)] {
        // The state in silence takes a second of audio to find, so it is not looked for each time.
        let start = if random.once_in(16) {
            StartState::Silence
        } else {
            StartState::Zero
        };
        let Some(mut processor) = instance(model, inputs, outputs, start) else {
            continue;
        };
        let facts = processor.facts();
        assert_eq!((facts.inputs, facts.outputs), (inputs, outputs));
        for index in 0..facts.knobs + 1 {
            let value = [0.0, 1.0, -1e30, f32::NAN, 0.3][random.below(5)];
            processor.set_knob(index, value);
        }
        let loudness = [1.0, 0.0, 1e-30, 1e6][random.below(4)];
        let input: Vec<Vec<f32>> = (0..inputs)
            .map(|_| (0..FRAMES).map(|_| random.sample() * loudness).collect())
            .collect();
        let (longest, cuts) = (1 + random.below(300), Random::new(random.bits()));
        let (first, fault) = stream(processor.as_mut(), &input, longest, &mut cuts.clone());
        assert!(fault < Fault::RuntimeFailed, "{fault:?}");
        processor.reset();
        let (again, _) = stream(processor.as_mut(), &input, longest, &mut cuts.clone());
        assert_eq!(bits(&first), bits(&again), "after reset");
        // A block of another shape is told, and harms nothing.
        let mut short = [0.0f32; 3];
        assert_eq!(processor.process(&[], &mut [&mut short]), Fault::BadBlock);
    }
}

/// The samples as bits, so that NaN equals itself; which NaN it is may depend on the cut, where two meet.
pub fn bits(channels: &[Vec<f32>]) -> Vec<Vec<u32>> {
    let bits = |y: &f32| if y.is_nan() { f32::NAN.to_bits() } else { y.to_bits() };
    channels
        .iter()
        .map(|channel| channel.iter().map(bits).collect())
        .collect()
}
