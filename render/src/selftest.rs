//! The self-test that some model files carry, played.

use crate::models::{Named, Origin};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read as _;
use tonegraft_core::SampleRate;
use tonegraft_engine::{InstanceConfig, StartState};
use tonegraft_model::Limits;
use tonegraft_model::json::self_test;

/// Frames played at a time.
const BLOCK: usize = 512;
/// The rate of a model that declares none.
const USUAL_RATE: u32 = 48_000;

/// What the model gives for the test's audio, against what its trainer noted: samples, largest difference, peak. `None` if its file has
/// no test, or one that cannot be played.
pub fn played(named: &Named) -> Option<Value> {
    let Origin::File(path) = &named.origin else { return None };
    let limits = Limits::default();
    let (mut bytes, most) = (Vec::new(), u64::try_from(limits.max_bytes).ok()?);
    File::open(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    let test = self_test(&bytes, "", &limits).ok()??;
    let rate = SampleRate::new(named.model.metadata().sample_rate.unwrap_or(USUAL_RATE))?;
    let mut config = InstanceConfig::new(rate, 1);
    config.start = StartState::Zero;
    let mut processor = named.model.instantiate(&config).ok()?;
    for (index, knob) in named.model.knobs().iter().enumerate() {
        processor.set_knob(index, 0.0f32.clamp(knob.min, knob.max));
    }
    processor.reset();
    let mut output = vec![0.0f32; test.input.len()];
    for (input, output) in test.input.chunks(BLOCK).zip(output.chunks_mut(BLOCK)) {
        processor.process(&[input], &mut [output]);
    }
    let worst = (output.iter().zip(&test.output)).fold(0.0f32, |worst, (y, wanted)| worst.max((y - wanted).abs()));
    let peak = test.output.iter().fold(0.0f32, |peak, y| peak.max(y.abs()));
    Some(json!({"samples": output.len(), "largest_difference": worst, "peak": peak}))
}
