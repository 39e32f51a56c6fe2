//! Any bytes as a model file, mutated as bytes or as a graph: a checked graph within the limits, or a sentence.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use tonegraft_fuzz::invariants::check;

fuzz_target!(|data: &[u8]| {
    match tonegraft_model::read(data, "fuzzed.onnx", None, &tonegraft_fuzz::limits()) {
        Ok(graph) => check(&graph),
        Err(error) => {
            let sentence = error.to_string();
            assert!(
                sentence.starts_with("fuzzed.onnx") && sentence.len() < 4096,
                "{sentence}"
            );
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed % 2 == 0 {
        libfuzzer_sys::fuzzer_mutate(data, size, max_size)
    } else {
        tonegraft_fuzz::mutate::onnx(data, size, max_size, seed)
    }
});
