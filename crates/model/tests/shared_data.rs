//! Other people's files: all read, or are refused with the true reason. Found by `TONEGRAFT_TEST_DATA`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tonegraft_model::{Dim, Graph, Limits, Op, ReadErrorKind, read};

/// The folder with the data; `None`, said aloud, where it is absent and may be.
fn data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = match std::env::var_os("TONEGRAFT_TEST_DATA") {
        Some(folder) => root.join(folder),
        None => root.join("../shared/data"),
    };
    if folder.join("onnx").is_dir() {
        return Some(folder);
    }
    let required = std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_some_and(|value| value == "1");
    assert!(
        !required,
        "the test data is required, but {} is not there",
        folder.display()
    );
    println!("skipped: no test data at {}", folder.display());
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name()
        .and_then(|name| name.to_str())
        .expect("text")
        .to_owned()
}

fn load(path: &Path) -> Result<Graph, tonegraft_model::ReadError> {
    read(
        &std::fs::read(path).expect("readable"),
        &name(path),
        None,
        &Limits::default(),
    )
}

/// Files whose operators are beyond this project's, with the first of them.
const UNSUPPORTED: [(&str, &str); 1] = [("silero_vad_16k_op15.onnx", "If")];

#[test]
fn every_file_reads_or_is_refused_for_its_reason() {
    let Some(data) = data() else { return };
    let (mut count, mut refused, mut unsupported) = (0, 0, 0);
    for (folder, wanted) in [("onnx", 19), ("export-zoo", 88), ("codec", 4), ("bench", 6)] {
        let files = files(&data.join(folder));
        assert_eq!(files.len(), wanted, "{folder}");
        for path in files {
            count += 1;
            let name = name(&path);
            match load(&path) {
                Ok(graph) => {
                    check(&graph, &name);
                    let first = graph.nodes.iter().find_map(|node| match &node.op {
                        Op::Unsupported { name } => Some(name.as_str()),
                        _ => None,
                    });
                    unsupported += usize::from(first.is_some());
                    if let Some((_, operator)) = UNSUPPORTED.iter().find(|(file, _)| *file == name) {
                        assert_eq!(first, Some(*operator), "{name}");
                    } else {
                        assert_eq!(first, None, "{name}");
                    }
                }
                Err(error) => {
                    refused += 1;
                    assert_eq!(name, "AutoGuitarAmp.onnx", "{error}");
                    assert_eq!(error.kind(), ReadErrorKind::Shape);
                    assert_eq!((error.node(), error.operator()), (Some("/lstm1/LSTM"), Some("LSTM")));
                    let text = error.to_string();
                    assert!(text.contains("[1, 80, 2]") && text.contains("[1, 80, 1]"), "{text}");
                }
            }
        }
    }
    assert_eq!((count, refused, unsupported), (117, 1, 1));
}

/// The promises of [`Graph`].
fn check(graph: &Graph, file: &str) {
    let mut defined: BTreeSet<_> = graph.inputs.iter().copied().collect();
    for (index, value) in graph.values.iter().enumerate() {
        if let Some(tensor) = &value.constant {
            let shape: Vec<Option<usize>> = value.shape.iter().map(Dim::known).collect();
            let held: Vec<Option<usize>> = tensor.shape().iter().copied().map(Some).collect();
            assert_eq!((shape, value.dtype), (held, tensor.dtype()), "{file}: {}", value.name);
            assert!(defined.insert(tonegraft_model::ValueId(index as u32)));
        }
    }
    for node in &graph.nodes {
        for id in node.inputs.iter().flatten() {
            assert!(defined.contains(id), "{file}: {} reads what is not there", node.name);
        }
        for id in node.outputs.iter().flatten() {
            assert!(
                defined.insert(*id),
                "{file}: {} is defined twice",
                graph.value(*id).name
            );
        }
        assert!(
            node.outputs.iter().any(Option::is_some),
            "{file}: {} is dead",
            node.name
        );
    }
    assert!(graph.outputs.iter().all(|id| defined.contains(id)), "{file}");
}

/// What may remain of the sequence models after folding.
const STREAMED: [&str; 27] = [
    "Conv",
    "LSTM",
    "GRU",
    "RNN",
    "Gemm",
    "MatMul",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Neg",
    "Tanh",
    "Sigmoid",
    "Relu",
    "LeakyRelu",
    "PRelu",
    "Elu",
    "Split",
    "Slice",
    "Concat",
    "Transpose",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Pad",
    "Sum",
    "Max",
];

#[test]
fn sequence_models_fold_to_layers() {
    let Some(data) = data() else { return };
    let kinds = ["tcn", "lstm", "gru", "rnn", "trained", "steerable-nafx"];
    let mut count = 0;
    for folder in ["onnx", "export-zoo"] {
        for path in files(&data.join(folder)) {
            let name = name(&path);
            if !kinds.iter().any(|kind| name.starts_with(kind)) {
                continue;
            }
            count += 1;
            let graph = load(&path).unwrap_or_else(|error| panic!("{error}"));
            for node in &graph.nodes {
                assert!(
                    STREAMED.contains(&node.op.name()),
                    "{name}: {} is left at {}",
                    node.op.name(),
                    node.name
                );
            }
            for value in &graph.values {
                assert!(
                    !value.shape.contains(&Dim::Unknown),
                    "{name}: {} has an unknown size",
                    value.name
                );
            }
        }
    }
    assert_eq!(count, 43);
}

#[test]
fn a_layer_of_256_steps_becomes_one_node() {
    let Some(data) = data() else { return };
    for name in ["rnn_stateful.dy.onnx", "rnn_stateful.ts.onnx"] {
        let graph = load(&data.join("export-zoo").join(name)).unwrap_or_else(|error| panic!("{error}"));
        let layers = graph.nodes.iter().filter(|node| matches!(node.op, Op::Rnn { .. }));
        assert_eq!(layers.count(), 1, "{name}");
        assert!(graph.nodes.len() <= 10, "{name}: {} nodes", graph.nodes.len());
    }
}

#[test]
fn unpadded_models_lose_their_receptive_field() {
    let Some(data) = data() else { return };
    for (file, lost) in [
        ("steerable-nafx-2_blocks-libtorch-dynamic.onnx", 132),
        ("steerable-nafx-3_blocks-tflite-dynamic.onnx", 1332),
        ("steerable-nafx-libtorch-dynamic.onnx", 13332),
    ] {
        let graph = load(&data.join("onnx").join(file)).unwrap_or_else(|error| panic!("{error}"));
        let output = &graph.value(graph.outputs[0]).shape;
        let open = output.iter().find(|dim| dim.known().is_none()).expect("one open size");
        assert!(
            matches!(open, Dim::Symbolic { scale_num: 1, scale_den: 1, offset, .. } if *offset == -lost),
            "{file}: {open}"
        );
    }
}
