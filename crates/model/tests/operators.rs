//! Fixtures of single operators: they read, their sizes are inferred, and their numbers are those of ONNX Runtime. Layers
//! that an exporter wrote out step by step are found. (Those with layers are computed by the engine's reference interpreter.)

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tonegraft_model::eval::{eval, eval_split};
use tonegraft_model::{Dim, Graph, Limits, Op, Tensor, read};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/fixtures/operators")
}

fn arrays(name: &str) -> BTreeMap<String, Tensor> {
    let path = folder().join(format!("{name}.npz"));
    let mut npz = npyz::npz::NpzArchive::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let names: Vec<String> = npz.array_names().map(str::to_owned).collect();
    names
        .into_iter()
        .map(|name| {
            let array = npz.by_name(&name).expect("listed").expect("present");
            let shape = (array.shape().iter())
                .map(|size| usize::try_from(*size).expect("small"))
                .collect();
            let data = array.into_vec::<f32>().expect("float");
            (name, Tensor::f32(shape, data).expect("consistent"))
        })
        .collect()
}

fn load(name: &str) -> Graph {
    let bytes = std::fs::read(folder().join(format!("{name}.onnx"))).expect("fixture");
    read(&bytes, name, None, &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn names() -> Vec<String> {
    let manifest = std::fs::read_to_string(folder().join("manifest.json")).expect("manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("json");
    let listed = manifest["fixtures"].as_array().expect("a list");
    listed
        .iter()
        .map(|entry| entry["name"].as_str().expect("a name").to_owned())
        .collect()
}

/// Sizes as far as they are exported, at the length that the references have.
fn size(dim: &Dim, length: i64) -> Option<usize> {
    match dim {
        Dim::Known(size) => Some(*size),
        Dim::Symbolic {
            scale_num,
            scale_den,
            offset,
            ..
        } => usize::try_from((scale_num * length + offset).div_euclid(*scale_den)).ok(),
        Dim::Unknown => None,
    }
}

/// All wires; `None` if there is a layer, which the engine computes.
fn compute(graph: &Graph, arrays: &BTreeMap<String, Tensor>) -> Option<Vec<Option<Tensor>>> {
    let mut wires: Vec<Option<Tensor>> = graph.values.iter().map(|value| value.constant.clone()).collect();
    for id in &graph.inputs {
        wires[id.index()] = arrays.get(&format!("in_{}", graph.value(*id).name)).cloned();
    }
    for node in &graph.nodes {
        let inputs: Vec<Option<&Tensor>> = node.inputs.iter().map(|id| wires[(*id)?.index()].as_ref()).collect();
        let results = match &node.op {
            Op::Conv { .. } | Op::ConvTranspose { .. } | Op::Lstm { .. } | Op::Gru { .. } | Op::Rnn { .. } => {
                return None;
            }
            Op::Split { axis } => eval_split(*axis, &inputs, node.outputs.len()),
            op => eval(op, &inputs),
        };
        let results = results.unwrap_or_else(|error| panic!("{}: {error}", node.name));
        for (id, result) in node.outputs.iter().zip(results) {
            if let Some(id) = id {
                wires[id.index()] = Some(result);
            }
        }
    }
    Some(wires)
}

#[test]
fn every_operator_has_the_numbers_of_onnx_runtime() {
    let (mut computed, mut with_layers) = (0, 0);
    for name in names() {
        let (graph, arrays) = (load(&name), arrays(&name));
        for node in &graph.nodes {
            assert!(
                !matches!(node.op, Op::Unsupported { .. }),
                "{name}: {} is not supported",
                node.op.name()
            );
        }
        for id in graph.inputs.iter().chain(&graph.outputs) {
            let value = graph.value(*id);
            let expected = arrays
                .get(&format!("in_{}", value.name))
                .or_else(|| arrays.get(&format!("out_{}", value.name)))
                .expect("stored");
            assert_eq!(value.shape.len(), expected.rank(), "{name}: {}", value.name);
            for (dim, wanted) in value.shape.iter().zip(expected.shape()) {
                assert!(
                    size(dim, 19).is_none_or(|size| size == *wanted),
                    "{name}: {} is {dim}",
                    value.name
                );
                assert_ne!(*dim, Dim::Unknown, "{name}: {}", value.name);
            }
        }
        let Some(wires) = compute(&graph, &arrays) else {
            with_layers += 1;
            continue;
        };
        computed += 1;
        for id in &graph.outputs {
            let value = graph.value(*id);
            let expected = &arrays[&format!("out_{}", value.name)];
            let result = wires[id.index()].as_ref().expect("computed");
            assert_eq!(result.shape(), expected.shape(), "{name}: {}", value.name);
            let (result, expected) = (result.as_f32().expect("float"), expected.as_f32().expect("float"));
            let peak = expected.iter().fold(1.0, |peak: f32, value| peak.max(value.abs()));
            for (a, b) in result.iter().zip(expected) {
                assert!(
                    (a - b).abs() <= 1e-5 * peak,
                    "{name}: {}: {a} instead of {b}",
                    value.name
                );
            }
        }
    }
    assert_eq!((computed, with_layers), (47, 11));
}

#[test]
fn the_list_is_complete() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .expect("folder")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".onnx")?.to_owned()))
        .collect();
    let mut names = names();
    files.sort();
    names.sort();
    assert_eq!(files, names);
}

/// Layers of a graph by name.
fn layers(graph: &Graph) -> Vec<&str> {
    graph
        .nodes
        .iter()
        .map(|node| node.op.name())
        .filter(|name| matches!(*name, "RNN" | "LSTM" | "GRU"))
        .collect()
}

#[test]
fn layers_that_are_written_out_become_layers() {
    for exporter in ["dynamo", "torchscript"] {
        for (name, wanted) in [
            ("loop_rnn", vec!["RNN"]),
            ("loop_lstm", vec!["LSTM"]),
            ("loop_gru", vec!["GRU"]),
            ("loop_hand", vec!["RNN"]),
            ("loop_layers", vec!["RNN", "RNN"]),
        ] {
            let graph = load(&format!("{name}_{exporter}"));
            assert_eq!(layers(&graph), wanted, "{name}, {exporter}");
            assert!(
                graph.nodes.len() <= 12,
                "{name}, {exporter}: {} nodes",
                graph.nodes.len()
            );
        }
        let kept = load(&format!("loop_kept_{exporter}"));
        assert!(layers(&kept).is_empty() && kept.nodes.len() > 80);
    }
}

#[test]
fn functions_and_branches_are_gone() {
    let graph = load("local_functions");
    let names: Vec<&str> = graph.nodes.iter().map(|node| node.op.name()).collect();
    assert_eq!(names, ["Mul", "LeakyRelu", "Clip", "Mul", "LeakyRelu", "Clip"]);
    let slopes: Vec<f32> = graph
        .nodes
        .iter()
        .filter_map(|node| match node.op {
            Op::Unary(tonegraft_model::op::Unary::LeakyRelu { alpha }) => Some(alpha),
            _ => None,
        })
        .collect();
    assert_eq!(slopes, [0.5, 0.25]);
    let graph = load("branch");
    let names: Vec<&str> = graph.nodes.iter().map(|node| node.op.name()).collect();
    assert_eq!(names, ["Mul", "Neg", "Add"]);
    assert_eq!(
        graph.operators.iter().find(|(name, _)| name == "If"),
        Some(&("If".to_owned(), 2))
    );
}

#[test]
fn sizes_behind_floats_and_remainders_are_known() {
    let graph = load("resize_open");
    let output = graph.value(graph.outputs[0]);
    assert_eq!(output.shape, [Dim::Known(1), Dim::Known(1), Dim::symbol("T")]);
    let graph = load("padded");
    assert_eq!(graph.value(graph.outputs[0]).shape, output.shape);
    let pads = graph
        .nodes
        .iter()
        .find(|node| matches!(node.op, Op::Pad { .. }))
        .and_then(|node| graph.value(node.inputs[1]?).symbolic.clone())
        .expect("followed");
    // What is missing to a multiple of 8.
    let missing = |length: i64| match &pads[5] {
        tonegraft_model::SymInt::Affine(term) => term.eval(length),
        _ => None,
    };
    assert_eq!([0, 1, 7, 8, 19, 1_000_001].map(missing), [0, 7, 1, 0, 5, 7].map(Some));
}
