//! Any text as the sidecar of a model with knobs, of one with states, and of one that takes spectra: what it declares is taken, or
//! refused with a sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tonegraft_engine::Model;

/// Of this repository: audio and two knobs; audio and two states; four channels, which may be the bins of a spectrum.
const MODELS: &[(&str, &[u8])] = &[
    ("film.onnx", include_bytes!("../../models/fixtures/film.onnx")),
    (
        "lstm_state.onnx",
        include_bytes!("../../models/fixtures/lstm_state.onnx"),
    ),
    (
        "conv_grouped.onnx",
        include_bytes!("../../models/fixtures/conv_grouped.onnx"),
    ),
];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let options = tonegraft_fuzz::options(2_000);
    for (file, bytes) in MODELS {
        // Compiling takes a hundred times as long, so it is for those that read.
        match tonegraft_model::read(bytes, file, Some(text), &options.limits) {
            Ok(graph) => {
                for knob in &graph.metadata.knobs {
                    assert!(
                        knob.min < knob.max && (knob.min..=knob.max).contains(&knob.default),
                        "{knob:?}"
                    );
                    for turn in 0..=8_u8 {
                        let value = knob.range().value(f32::from(turn) / 8.0);
                        assert!((knob.min..=knob.max).contains(&value), "{knob:?} gives {value}");
                    }
                }
                if let Err(error) = Model::from_graph(graph, file, &options) {
                    assert!(!error.to_string().is_empty());
                }
            }
            Err(error) => assert!(error.to_string().starts_with(file)),
        }
    }
});
