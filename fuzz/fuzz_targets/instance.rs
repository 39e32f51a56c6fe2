//! A model file, mutated as bytes or as a graph, all the way to a processor in several layouts.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use tonegraft_engine::Model;
use tonegraft_fuzz::{mutate, play};

fuzz_target!(|data: &[u8]| {
    match Model::from_bytes(data, "fuzzed.onnx", None, &tonegraft_fuzz::options(4_000)) {
        Ok(model) => play::layouts(&model, data),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // One in four by bytes alone.
    if seed % 4 == 0 {
        libfuzzer_sys::fuzzer_mutate(data, size, max_size)
    } else {
        mutate::onnx(data, size, max_size, seed)
    }
});
