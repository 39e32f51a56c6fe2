//! Any text as the sidecar of a model with knobs: what it declares is taken, or refused with a sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tonegraft_engine::Model;

/// Audio `x` and two knobs, of this repository.
const MODEL: &[u8] = include_bytes!("../../models/fixtures/film.onnx");

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Model::from_bytes(MODEL, "film.onnx", Some(text), &tonegraft_fuzz::options(2_000)) {
        Ok(model) => {
            for knob in model.knobs() {
                assert!(
                    knob.min < knob.max && (knob.min..=knob.max).contains(&knob.default),
                    "{knob:?}"
                );
            }
            assert!(!model.plan_text().is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
