//! A valid graph, mutated as a graph: what compiles streams as the interpreter computes it, in the same bits for every cut.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use tonegraft_fuzz::{compare, mutate};

fuzz_target!(|data: &[u8]| {
    let options = tonegraft_fuzz::options(4_000);
    let Ok(graph) = tonegraft_model::read(data, "fuzzed.onnx", None, &options.limits) else {
        return;
    };
    compare::streaming(&graph, &options.budget, data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| { mutate::onnx(data, size, max_size, seed) });
