//! Any bytes as a JSON model of another player: a checked graph that ONNX can hold, or a sentence.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tonegraft_fuzz::invariants::check;
use tonegraft_model::{json, read, to_onnx};

fuzz_target!(|data: &[u8]| {
    let limits = tonegraft_fuzz::limits();
    // Whatever it says, it must not matter to reading.
    let _ = json::self_test(data, "fuzzed.json", &limits);
    match read(data, "fuzzed.json", None, &limits) {
        Ok(graph) => {
            check(&graph);
            let Ok(bytes) = to_onnx(&graph) else { return };
            // What is written may pass bounds that hold for files.
            match read(&bytes, "written.onnx", None, &tonegraft_model::Limits::default()) {
                Ok(again) => {
                    assert_eq!(graph.inputs.len(), again.inputs.len());
                    assert_eq!(graph.outputs.len(), again.outputs.len());
                }
                // A file of another format that is read as ONNX may hold what is refused when it is read anew.
                Err(error) => assert!(!json::begins_as_model(data), "{error}"),
            }
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(
                sentence.starts_with("fuzzed.json") && sentence.len() < 4096,
                "{sentence}"
            );
        }
    }
});
