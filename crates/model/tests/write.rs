//! Graphs written as ONNX: read again they are the same graphs, and writing those gives the same bytes.

mod support;

use std::path::{Path, PathBuf};
use support::{data, workspace};
use tonegraft_model::graph::Format;
use tonegraft_model::metadata::{Metadata, Start};
use tonegraft_model::op::Unary;
use tonegraft_model::{Dim, Graph, Limits, Op, Tensor, ValueId, WriteError, chain, read, read_any, to_onnx};

/// Files whose recurrence is written out as a loop.
const UNROLLED: &[&str] = &["loop_", "rnn_stateful.dy", "scan_"];

/// Files in `folder` with one of these endings.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            endings.iter().any(|ending| name.ends_with(ending)) && name != "manifest.json"
        })
        .collect();
    files.sort();
    files
}

fn load(path: &Path, sidecar: Option<&str>) -> Result<Graph, tonegraft_model::ReadError> {
    let name = path.file_name().expect("a name").to_string_lossy();
    let bytes = std::fs::read(path).expect("readable");
    let limits = Limits::default();
    read_any(
        &bytes,
        &name,
        sidecar,
        &mut chain::beside(path, limits.max_bytes),
        &limits,
    )
}

/// Reads what `graph` is written as, and compares.
fn check(name: &str, graph: &Graph) {
    let bytes = to_onnx(graph).unwrap_or_else(|error| panic!("{name}: {error}"));
    let again = read(&bytes, name, None, &Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.format, Format::Onnx);
    assert_eq!(again.start(), graph.start(), "{name}");
    same(name, graph, &again);
    let twice = to_onnx(&again).unwrap_or_else(|error| panic!("{name}: {error}"));
    let unrolled = UNROLLED.iter().any(|file| name.contains(file));
    assert!(unrolled || twice == bytes, "{name}: written again, it is another file");
}

fn same(name: &str, a: &Graph, b: &Graph) {
    let plain = |op: &Op| match op {
        // Narrower types are widened when they are read.
        Op::Cast { to, .. } => Op::Cast {
            to: *to,
            narrowed: false,
        },
        other => other.clone(),
    };
    let kinds = |graph: &Graph, all: bool| -> Vec<String> {
        let kinds = graph.nodes.iter().map(|node| node.op.name().to_owned());
        kinds.filter(|kind| all || kind != "Reshape").collect()
    };
    if kinds(a, true) != kinds(b, true) {
        // What unrolling a loop made of its step changes nothing, which is known once all sizes are.
        assert_eq!(kinds(a, false), kinds(b, false), "{name}");
        assert!(UNROLLED.iter().any(|file| name.contains(file)), "{name}");
        assert_eq!(told(a), told(b), "{name}");
        return;
    }
    for (x, y) in a.nodes.iter().zip(&b.nodes) {
        match (&x.op, &y.op) {
            (Op::ConstantOfShape { value: a }, Op::ConstantOfShape { value: b }) => assert_eq!(a.data(), b.data()),
            (a, b) => assert_eq!(plain(a), plain(b), "{name}: {}", x.name),
        }
        // Optional ones that are left out at the end need not be said to be.
        let pairs = |x: &[Option<ValueId>], y: &[Option<ValueId>]| -> Vec<_> {
            let at = |list: &[Option<ValueId>], index: usize| list.get(index).copied().flatten();
            (0..x.len().max(y.len()))
                .map(|index| (at(x, index), at(y, index)))
                .collect()
        };
        let wires = [pairs(&x.inputs, &y.inputs), pairs(&x.outputs, &y.outputs)].concat();
        for (from, to) in wires {
            let (from, to) = (from.map(|id| a.value(id)), to.map(|id| b.value(id)));
            let (Some(from), Some(to)) = (from, to) else {
                assert_eq!(from.is_some(), to.is_some(), "{name}: {}", x.name);
                continue;
            };
            assert_eq!(
                (from.dtype, &from.shape),
                (to.dtype, &to.shape),
                "{name}: {}",
                from.name
            );
            assert_eq!(from.symbolic, to.symbolic, "{name}: {}", from.name);
            // To the bit: -0 is not 0.
            let bits =
                |tensor: &Tensor| -> Option<Vec<u32>> { Some(tensor.as_f32()?.iter().map(|x| x.to_bits()).collect()) };
            assert!(from.constant == to.constant, "{name}: {}", from.name);
            let floats = [from, to].map(|value| value.constant.as_ref().and_then(bits));
            assert!(floats[0] == floats[1], "{name}: {}", from.name);
        }
    }
    let ends = |graph: &Graph| -> Vec<(String, Vec<Dim>)> {
        let ends = graph.inputs.iter().chain(&graph.outputs);
        ends.map(|id| (graph.value(*id).name.clone(), graph.value(*id).shape.clone()))
            .collect()
    };
    assert_eq!(ends(a), ends(b), "{name}");
    assert_eq!((a.inputs.len(), &a.name), (b.inputs.len(), &b.name), "{name}");
    assert_eq!(told(a), told(b), "{name}");
}

/// What the metadata says, apart from how it was declared.
fn told(graph: &Graph) -> Metadata {
    let mut told = graph.metadata.clone();
    told.declared.retain(|key, _| !key.starts_with("tonegraft."));
    // The front end is in the graph, the size was chosen, the start state is compared by itself.
    (told.stft, told.sizes, told.start) = (None, None, None);
    told.ignored = Vec::new();
    told.states.sort();
    told
}

#[test]
fn our_own_files_come_back() {
    let models = workspace().join("models");
    let mut count = 0;
    for (folder, least) in [("fixtures", 40), ("fixtures/operators", 40), ("shipped", 2)] {
        let files = files(&models.join(folder), &[".onnx"]);
        assert!(files.len() >= least, "{folder}: {}", files.len());
        for path in files {
            let Ok(graph) = load(&path, None) else { continue };
            if graph.nodes.iter().any(|node| matches!(node.op, Op::Unsupported { .. })) {
                continue;
            }
            check(&path.display().to_string(), &graph);
            count += 1;
        }
    }
    assert!(count >= 90, "{count}");
}

#[test]
fn other_formats_come_back() {
    let files = files(&workspace().join("models/fixtures/json"), &[".json", ".aidax"]);
    assert_eq!(files.len(), 9);
    for path in files {
        let graph = load(&path, None).unwrap_or_else(|error| panic!("{error}"));
        assert_ne!(graph.format, Format::Onnx);
        check(&path.display().to_string(), &graph);
    }
}

#[test]
fn third_party_files_come_back() {
    let Some(data) = data() else { return };
    let (mut count, mut unsupported) = (0, 0);
    for (folder, ending) in [
        ("onnx", ".onnx"),
        ("export-zoo", ".onnx"),
        ("codec", ".onnx"),
        ("bench", ".onnx"),
        ("json", ".json"),
        ("nam", ".nam"),
    ] {
        for path in files(&data.join(folder), &[ending]) {
            let Ok(graph) = load(&path, None) else {
                // Refused by their readers, which have tests for it.
                continue;
            };
            if graph.nodes.iter().any(|node| matches!(node.op, Op::Unsupported { .. })) {
                let error = to_onnx(&graph).expect_err("refused");
                assert!(matches!(error, WriteError::Operator { .. }), "{error}");
                unsupported += 1;
                continue;
            }
            check(&path.display().to_string(), &graph);
            count += 1;
        }
    }
    assert_eq!(unsupported, 1);
    assert!(count >= 115 + 21 + 20, "{count}");
}

/// A front end becomes part of the file, and its frames are declared.
#[test]
fn chains_and_front_ends_come_back() {
    let Some(data) = data() else { return };
    let root = workspace();
    let mut count = 0;
    for path in files(&root.join("models/sidecars"), &[".onnx.tonegraft.json"]) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let model = data.join("onnx").join(name.trim_end_matches(".tonegraft.json"));
        let sidecar = std::fs::read_to_string(&path).expect("readable");
        if model.is_file() {
            check(
                &name,
                &load(&model, Some(&sidecar)).unwrap_or_else(|error| panic!("{error}")),
            );
            count += 1;
        }
    }
    for path in files(&root.join("models/chains"), &[".tonegraft-chain.json"]) {
        let bytes = std::fs::read(&path).expect("readable");
        let limits = Limits::default();
        let found = ["onnx", "codec"].iter().find_map(|folder| {
            let mut beside = chain::beside(&data.join(folder).join("a chain"), limits.max_bytes);
            read_any(&bytes, "chain", None, &mut beside, &limits).ok()
        });
        check(&path.display().to_string(), &found.expect("a chain of the shared data"));
        count += 1;
    }
    assert!(count >= 2, "{count}");
}

#[test]
fn a_start_state_that_onnx_files_do_not_have_is_declared() {
    let path = workspace().join("models/fixtures/conv_causal.onnx");
    let mut graph = load(&path, None).expect("a fixture");
    for start in [Start::Silence, Start::Zero] {
        graph.metadata.start = Some(start);
        let bytes = to_onnx(&graph).expect("written");
        assert_eq!(
            read(&bytes, "x", None, &Limits::default()).expect("read").start(),
            start
        );
    }
    graph.metadata.start = None;
    graph.format = Format::Chain;
    let bytes = to_onnx(&graph).expect("written");
    assert_eq!(
        read(&bytes, "x", None, &Limits::default()).expect("read").start(),
        Start::Silence
    );
}

#[test]
fn names_that_are_alike_are_told_apart() {
    let path = workspace().join("models/fixtures/conv_causal.onnx");
    let mut graph = load(&path, None).expect("a fixture");
    let output = graph.value(graph.outputs[0]).name.clone();
    let inner: Vec<usize> = (0..graph.values.len())
        .filter(|index| graph.values[*index].constant.is_some())
        .collect();
    assert!(!inner.is_empty());
    for index in inner {
        graph.values[index].name.clone_from(&output);
    }
    check("alike", &graph);
}

#[test]
fn newer_operators_raise_the_operator_set() {
    let path = workspace().join("models/fixtures/act_tanh.onnx");
    let mut graph = load(&path, None).expect("a fixture");
    for node in &mut graph.nodes {
        if node.op == Op::Unary(Unary::Tanh) {
            node.op = Op::Unary(Unary::Swish { alpha: 1.5 });
        }
    }
    check("swish", &graph);
}
