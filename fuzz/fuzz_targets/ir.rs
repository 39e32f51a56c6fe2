//! Any bytes as an impulse response: read, prepared and played, or refused with a sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tonegraft_chain::cab::{Convolver, ImpulseResponse, IrError, IrLevel, MAX_SECONDS, Recording};
use tonegraft_core::{Processor, SampleRate};

/// Frames that are played.
const FRAMES: usize = 600;

fn play(data: &[u8]) -> Result<(), IrError> {
    let recording = Recording::read(data.to_vec())?;
    assert!((1..=2).contains(&recording.channels.len()));
    // Each input meets one host and one law, which follow from its length.
    let hosts = [44_100, 48_000, 96_000, recording.rate.get()];
    let Some(rate) = SampleRate::new(hosts[data.len() % hosts.len()]) else {
        return Ok(());
    };
    let level = [IrLevel::Field, IrLevel::Energy, IrLevel::File][data.len() % 3];
    let response = ImpulseResponse::new(&recording, rate, level)?;
    assert!(!response.channels().is_empty() && response.channels().iter().all(|channel| !channel.is_empty()));
    // The kernel of the resampling may ring on a little.
    assert!(response.seconds() <= f64::from(MAX_SECONDS) + 0.5);
    assert!(response.channels().iter().flatten().all(|tap| tap.is_finite()));
    let outputs = 1 + data.len() % 2;
    let mut convolver = Convolver::new(&response, 1, outputs);
    let input = [0.5; FRAMES];
    let mut whole = vec![vec![0.0; FRAMES]; outputs];
    let mut cut = whole.clone();
    let mut channels: Vec<&mut [f32]> = whole.iter_mut().map(Vec::as_mut_slice).collect();
    convolver.process(&[&input], &mut channels);
    convolver.reset();
    let step = 1 + data.len() % 97;
    for start in (0..FRAMES).step_by(step) {
        let part = start..(start + step).min(FRAMES);
        let mut channels: Vec<&mut [f32]> = cut.iter_mut().map(|channel| &mut channel[part.clone()]).collect();
        convolver.process(&[&input[part.clone()]], &mut channels);
    }
    assert!(whole.iter().flatten().all(|sample| sample.is_finite()));
    assert!(whole == cut, "the samples depend on the cut");
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    if let Err(error) = play(data) {
        assert!(!error.to_string().is_empty());
    }
});
