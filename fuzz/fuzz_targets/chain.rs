//! Any bytes as a chain of models: a graph, or a sentence; and the same once its files are packed into it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tonegraft_model::{Limits, chain, read_any};

/// What a chain may name, of this repository.
const MODELS: &[(&str, &[u8])] = &[
    ("conv.onnx", include_bytes!("../../models/fixtures/conv_causal.onnx")),
    ("valid.onnx", include_bytes!("../../models/fixtures/conv_valid.onnx")),
    (
        "strided.onnx",
        include_bytes!("../../models/fixtures/conv_strided.onnx"),
    ),
    (
        "transpose.onnx",
        include_bytes!("../../models/fixtures/conv_transpose.onnx"),
    ),
    ("state.onnx", include_bytes!("../../models/fixtures/lstm_state.onnx")),
    ("film.onnx", include_bytes!("../../models/fixtures/film.onnx")),
    ("frames.onnx", include_bytes!("../../models/fixtures/gemm_frames.onnx")),
];

/// The files beside the chain.
fn find(path: &str) -> Result<Option<Vec<u8>>, String> {
    if path == "broken.onnx" {
        return Err("the disk is broken".to_owned());
    }
    let model = MODELS.iter().find(|(name, _)| *name == path);
    Ok(model.map(|(_, bytes)| bytes.to_vec()))
}

fn limits() -> Limits {
    let mut limits = tonegraft_fuzz::limits();
    limits.max_stages = 16;
    limits
}

fuzz_target!(|data: &[u8]| {
    if !chain::is_chain(data) {
        return;
    }
    let limits = limits();
    let loose = read_any(data, "fuzzed.json", None, &mut find, &limits);
    if let Err(error) = &loose {
        let sentence = error.to_string();
        assert!(
            sentence.starts_with("fuzzed.json") && sentence.len() < 4096,
            "{sentence}"
        );
    }
    let Ok(packed) = chain::pack(data, "fuzzed.json", &mut find, &limits) else {
        assert!(loose.is_err(), "it reads, but cannot be packed");
        return;
    };
    // What packing adds may pass the bound on bytes.
    if packed.len() > limits.max_bytes / 2 {
        return;
    }
    let whole = read_any(&packed, "fuzzed.json", None, &mut |_| Ok(None), &limits);
    match (loose, whole) {
        (Ok(loose), Ok(whole)) => {
            let nodes =
                |graph: &tonegraft_model::Graph| graph.nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>();
            assert_eq!(nodes(&loose), nodes(&whole), "packed, it is another graph");
        }
        (loose, whole) => assert_eq!(loose.is_err(), whole.is_err(), "packed, it is judged otherwise"),
    }
});
