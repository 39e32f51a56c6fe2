//! The project's own fixtures: one test each, and the list is complete.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tonegraft_model::eval::eval;
use tonegraft_model::{Dim, Graph, Limits, Op, SymInt, Tensor, read};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/fixtures")
}

/// Shapes and, where they are floats, the elements of an npz.
fn arrays(name: &str) -> BTreeMap<String, Tensor> {
    let path = folder().join(format!("{name}.npz"));
    let mut npz = npyz::npz::NpzArchive::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let names: Vec<String> = npz.array_names().map(str::to_owned).collect();
    names
        .into_iter()
        .map(|name| {
            let array = npz.by_name(&name).expect("listed").expect("present");
            let shape = array
                .shape()
                .iter()
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

fn size(dim: &Dim, symbols: &BTreeMap<String, usize>) -> Option<usize> {
    match dim {
        Dim::Known(size) => Some(*size),
        Dim::Symbolic {
            symbol,
            scale_num,
            scale_den,
            offset,
        } => {
            let value = i64::try_from(*symbols.get(symbol)?).ok()?;
            usize::try_from((scale_num * value + offset).div_euclid(*scale_den)).ok()
        }
        Dim::Unknown => None,
    }
}

/// Operators that shape computations are made of: all of them fold away.
const FOLDED: [&str; 8] = [
    "Shape",
    "ConstantOfShape",
    "Range",
    "Cast",
    "Where",
    "Equal",
    "Gather",
    "Size",
];

fn check(name: &str) {
    let (graph, arrays) = (load(name), arrays(name));
    let mut symbols = BTreeMap::new();
    for id in &graph.inputs {
        let value = graph.value(*id);
        let given = &arrays[&format!("in_{}", value.name)];
        assert_eq!(given.rank(), value.shape.len());
        for (dim, size) in value.shape.iter().zip(given.shape()) {
            match dim {
                Dim::Known(known) => assert_eq!(known, size),
                Dim::Symbolic { symbol, .. } => assert_eq!(*symbols.entry(symbol.clone()).or_insert(*size), *size),
                Dim::Unknown => panic!("an input of unknown size"),
            }
        }
    }
    assert!(!graph.outputs.is_empty());
    for id in &graph.outputs {
        let value = graph.value(*id);
        let expected = &arrays[&format!("out_{}", value.name)];
        let inferred: Vec<Option<usize>> = value.shape.iter().map(|dim| size(dim, &symbols)).collect();
        let wanted: Vec<Option<usize>> = expected.shape().iter().copied().map(Some).collect();
        assert_eq!(inferred, wanted, "{}: {:?}", value.name, value.shape);
    }
    for node in &graph.nodes {
        let op = node.op.name();
        let expected = (name, op) == ("lstm_knobs", "Shape") || (name, op) == ("plumbing", "Gather");
        assert!(expected || !FOLDED.contains(&op), "{op} is left");
        assert!(!matches!(node.op, Op::Unsupported { .. }), "{op}");
    }
    if let Some(results) = run(&graph, &arrays) {
        for (output, result) in results {
            let expected = &arrays[&format!("out_{output}")];
            let difference = result
                .as_f32()
                .expect("float")
                .iter()
                .zip(expected.as_f32().expect("float"))
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(difference < 2e-6, "{output}: {difference}");
        }
    }
}

/// Runs graphs that need no convolution and no recurrent layer.
fn run(graph: &Graph, arrays: &BTreeMap<String, Tensor>) -> Option<Vec<(String, Tensor)>> {
    let mut wires: Vec<Option<Tensor>> = graph.values.iter().map(|value| value.constant.clone()).collect();
    for id in &graph.inputs {
        wires[id.index()] = arrays.get(&format!("in_{}", graph.value(*id).name)).cloned();
    }
    for node in &graph.nodes {
        if matches!(
            node.op,
            Op::Conv { .. } | Op::ConvTranspose { .. } | Op::Lstm { .. } | Op::Gru { .. } | Op::Split { .. }
        ) {
            return None;
        }
        let inputs: Vec<Option<&Tensor>> = node.inputs.iter().map(|id| wires[(*id)?.index()].as_ref()).collect();
        let results = eval(&node.op, &inputs).unwrap_or_else(|error| panic!("{}: {error}", node.name));
        for (id, result) in node.outputs.iter().zip(results) {
            if let Some(id) = id {
                wires[id.index()] = Some(result);
            }
        }
    }
    let output = |id: &tonegraft_model::ValueId| Some((graph.value(*id).name.clone(), wires[id.index()].clone()?));
    Some(graph.outputs.iter().map(|id| output(id).expect("computed")).collect())
}

macro_rules! fixtures {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(stringify!($name)); })*
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

fixtures! {
    act_elu act_leaky act_prelu act_relu act_sigmoid act_tanh
    conv_causal conv_causal_static conv_grouped conv_same conv_same_auto conv_state conv_strided conv_transpose
    conv_transpose_grouped conv_two_axes_as_one conv_valid conv_valid_stack
    film gemm_frames gru gru_channels_static gru_reset_before gru_state
    lstm lstm_after_conv lstm_channels lstm_knob_features lstm_knobs lstm_knobs_static lstm_state lstm_state_chain
    lstm_state_constant lstm_static matmul_frames pad_chain pad_conv plumbing stereo_conv tcn_gated tcn_gated_chunk
}

#[test]
fn every_fixture_has_its_test() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .expect("folder")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".onnx")?.to_owned()))
        .collect();
    files.sort();
    let mut names: Vec<&str> = NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(files, names);
    assert_eq!(names.len(), 41);
    let manifest = std::fs::read_to_string(folder().join("manifest.json")).expect("manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("json");
    let listed = manifest["fixtures"].as_array().expect("a list");
    assert_eq!(listed.len(), names.len());
    for entry in listed {
        assert!(entry["tolerance"].as_f64().is_some_and(|tolerance| tolerance <= 1e-5));
        assert!(entry["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    }
}

#[test]
fn sizes_that_follow_the_length_are_exposed() {
    let graph = load("lstm_knobs");
    let expand = graph
        .nodes
        .iter()
        .find(|node| node.op == Op::Expand)
        .expect("knobs are repeated");
    let shape = graph.value(expand.inputs[1].expect("shape"));
    let elements = shape.symbolic.as_deref().expect("followed");
    assert_eq!(elements, [SymInt::Known(1), SymInt::symbol("T"), SymInt::Known(2)]);
}

#[test]
fn metadata_of_the_fixtures() {
    let film = load("film").metadata;
    assert_eq!(film.knobs.len(), 2);
    assert_eq!(
        (
            film.knobs[1].name.as_str(),
            film.knobs[1].min,
            film.knobs[1].unit.as_str()
        ),
        ("Tone", -6.0, "dB")
    );
    let causal = load("conv_causal").metadata;
    assert_eq!(
        (causal.sample_rate, causal.category.as_deref()),
        (Some(48_000), Some("overdrive"))
    );
    assert_eq!(causal.training_esr, Some(0.01));
}
