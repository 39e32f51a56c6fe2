//! The third-party files that must play, each with its stored reference.

use super::data;
use std::collections::BTreeMap;
use std::path::Path;
use tonegraft_engine::{Model, Options};
use tonegraft_model::{Graph, Knob, Limits, Tensor};

/// Calls `$run!` with every file: a name for the test, and the path below the data folder.
#[macro_export]
macro_rules! for_each_file {
    ($run:ident) => {
        $run! {
            tcn_gated_dy: "export-zoo/tcn_gated.dy.onnx",
            tcn_gated_dydyn: "export-zoo/tcn_gated.dydyn.onnx",
            tcn_gated_ts: "export-zoo/tcn_gated.ts.onnx",
            tcn_gated_tsfix: "export-zoo/tcn_gated.tsfix.onnx",
            tcn_gated_film2_dy: "export-zoo/tcn_gated_film2.dy.onnx",
            tcn_gated_film2_ts: "export-zoo/tcn_gated_film2.ts.onnx",
            tcn_gated_film2_tsfix: "export-zoo/tcn_gated_film2.tsfix.onnx",
            tcn_leaky_dy: "export-zoo/tcn_leaky.dy.onnx",
            tcn_leaky_ts: "export-zoo/tcn_leaky.ts.onnx",
            tcn_leaky_tsfix: "export-zoo/tcn_leaky.tsfix.onnx",
            tcn_prelu_film2_dy: "export-zoo/tcn_prelu_film2.dy.onnx",
            tcn_prelu_film2_dydyn: "export-zoo/tcn_prelu_film2.dydyn.onnx",
            tcn_prelu_film2_ts: "export-zoo/tcn_prelu_film2.ts.onnx",
            tcn_prelu_film2_tsfix: "export-zoo/tcn_prelu_film2.tsfix.onnx",
            tcn_stream_state_dy: "export-zoo/tcn_stream_state.dy.onnx",
            tcn_stream_state_dydyn: "export-zoo/tcn_stream_state.dydyn.onnx",
            tcn_stream_state_ts: "export-zoo/tcn_stream_state.ts.onnx",
            tcn_stream_state_tsfix: "export-zoo/tcn_stream_state.tsfix.onnx",
            tcn_tanh_dy: "export-zoo/tcn_tanh.dy.onnx",
            tcn_tanh_ts: "export-zoo/tcn_tanh.ts.onnx",
            tcn_tanh_tsfix: "export-zoo/tcn_tanh.tsfix.onnx",
            lstm_cond2_dy: "export-zoo/lstm_cond2.dy.onnx",
            lstm_cond2_ts: "export-zoo/lstm_cond2.ts.onnx",
            lstm_cond2_tsfix: "export-zoo/lstm_cond2.tsfix.onnx",
            lstm_stateful_dy: "export-zoo/lstm_stateful.dy.onnx",
            lstm_stateful_ts: "export-zoo/lstm_stateful.ts.onnx",
            lstm_stateful_tsfix: "export-zoo/lstm_stateful.tsfix.onnx",
            lstm_stateless_dy: "export-zoo/lstm_stateless.dy.onnx",
            lstm_stateless_ts: "export-zoo/lstm_stateless.ts.onnx",
            lstm_stateless_tsfix: "export-zoo/lstm_stateless.tsfix.onnx",
            gru_stateful_dy: "export-zoo/gru_stateful.dy.onnx",
            gru_stateful_ts: "export-zoo/gru_stateful.ts.onnx",
            gru_stateful_tsfix: "export-zoo/gru_stateful.tsfix.onnx",
            gru_stateless_dy: "export-zoo/gru_stateless.dy.onnx",
            gru_stateless_ts: "export-zoo/gru_stateless.ts.onnx",
            gru_stateless_tsfix: "export-zoo/gru_stateless.tsfix.onnx",
            rnn_stateful_ts: "export-zoo/rnn_stateful.ts.onnx",
            rnn_stateful_tsfix: "export-zoo/rnn_stateful.tsfix.onnx",
            trained_ts9_lstm24: "export-zoo/trained_ts9_lstm24.ts.onnx",
            steerable: "onnx/steerable-nafx-libtorch-dynamic.onnx",
            steerable_2_blocks: "onnx/steerable-nafx-2_blocks-libtorch-dynamic.onnx",
            steerable_3_blocks: "onnx/steerable-nafx-3_blocks-tflite-dynamic.onnx",
        }
    };
}

/// How many those are.
pub const COUNT: usize = 42;

/// Reads a file. Knobs are declared with a range wide enough for the references, which were made with random numbers.
pub fn read(path: &Path) -> Graph {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut graph =
        tonegraft_model::read(&bytes, &name, None, &Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    let mut declare = |input: &str, indices: std::ops::Range<usize>| {
        for index in indices {
            graph.metadata.knobs.push(Knob {
                name: format!("{input} {index}"),
                input: input.into(),
                index,
                min: -10.0,
                max: 10.0,
                default: 0.5,
                unit: String::new(),
            });
        }
    };
    if name.contains("film2") {
        declare("knobs", 0..2);
    }
    if name.contains("cond2") {
        declare("x", 1..3);
    }
    graph
}

pub fn model(graph: Graph, path: &Path) -> Model {
    Model::from_graph(graph, &path.to_string_lossy(), &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The reference beside a file of the zoo: inputs and outputs by the graph's names.
pub fn zoo_reference(path: &Path) -> (BTreeMap<String, Tensor>, BTreeMap<String, Tensor>) {
    let stem = path
        .file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.split('.').next())
        .expect("a name");
    let (mut inputs, mut outputs) = (BTreeMap::new(), BTreeMap::new());
    for (name, tensor) in data::npz(&path.with_file_name(format!("{stem}.npz"))) {
        if let Some(name) = name.strip_prefix("in_") {
            inputs.insert(name.to_owned(), tensor);
        } else if let Some(name) = name.strip_prefix("out_") {
            outputs.insert(name.to_owned(), tensor);
        }
    }
    (inputs, outputs)
}

/// Channel `channel` of `[1, C, T]` (`time` 2) or `[1, T, C]` (`time` 1).
pub fn channel(tensor: &Tensor, time: usize, channel: usize) -> Vec<f32> {
    let values = super::floats_of(tensor);
    let [_, second, third] = *tensor.shape() else {
        panic!("three axes, not {:?}", tensor.shape());
    };
    if time == 2 {
        values[channel * third..(channel + 1) * third].to_vec()
    } else {
        (0..second).map(|t| values[t * third + channel]).collect()
    }
}

/// Position of the time axis, as the model inferred it.
pub fn time_axis(model: &Model) -> usize {
    model.info().inferred["time_axis"].parse().expect("a number")
}
