//! Small model files made on the spot, graphs evaluated node by node, and other people's files.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tonegraft_model::eval::{eval, eval_split};
use tonegraft_model::{Graph, Op, Tensor};

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn text(field: u64, value: &str) -> Vec<u8> {
    bytes(field, value.as_bytes())
}

/// `ValueInfoProto`; sizes up to 0 are open, each number a symbol of its own.
fn info(name: &str, shape: &[i64]) -> Vec<u8> {
    let dims: Vec<u8> = shape
        .iter()
        .flat_map(|size| {
            let dim = if *size > 0 {
                number(1, *size as u64)
            } else {
                text(2, &format!("T{}", -size))
            };
            bytes(1, &dim)
        })
        .collect();
    let tensor = [number(1, 1), bytes(2, &dims)].concat();
    [text(1, name), bytes(2, &bytes(1, &tensor))].concat()
}

/// A name and a shape.
pub type Port<'a> = (&'a str, &'a [i64]);

/// Bytes of an ONNX file of `nodes`, each operator, inputs and output.
pub fn onnx(nodes: &[(&str, &[&str], &str)], inputs: &[Port<'_>], outputs: &[Port<'_>]) -> Vec<u8> {
    let mut graph = Vec::new();
    for (kind, from, to) in nodes {
        let mut node: Vec<u8> = from.iter().flat_map(|name| text(1, name)).collect();
        node.extend([text(2, to), text(3, &format!("make {to}")), text(4, kind)].concat());
        graph.extend(bytes(1, &node));
    }
    graph.extend(text(2, "made"));
    for (name, shape) in inputs {
        graph.extend(bytes(11, &info(name, shape)));
    }
    for (name, shape) in outputs {
        graph.extend(bytes(12, &info(name, shape)));
    }
    [number(1, 8), bytes(7, &graph), bytes(8, &number(2, 17))].concat()
}

/// Runs a graph whose operators need no layers.
pub fn evaluate(graph: &Graph, inputs: &BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let mut wires: Vec<Option<Tensor>> = graph.values.iter().map(|value| value.constant.clone()).collect();
    for id in &graph.inputs {
        let name = &graph.value(*id).name;
        wires[id.index()] = Some(
            inputs
                .get(name)
                .unwrap_or_else(|| panic!("`{name}` is not given"))
                .clone(),
        );
    }
    for node in &graph.nodes {
        let arguments: Vec<Option<&Tensor>> = (node.inputs.iter())
            .map(|id| id.and_then(|id| wires[id.index()].as_ref()))
            .collect();
        let results = match &node.op {
            Op::Split { axis } => eval_split(*axis, &arguments, node.outputs.len()),
            op => eval(op, &arguments),
        };
        let results = results.unwrap_or_else(|error| panic!("{}: {error}", node.name));
        for (id, result) in node.outputs.iter().zip(results) {
            if let Some(id) = id {
                wires[id.index()] = Some(result);
            }
        }
    }
    (graph.outputs.iter())
        .map(|id| {
            (
                graph.value(*id).name.clone(),
                wires[id.index()].clone().expect("computed"),
            )
        })
        .collect()
}

/// Noise from −1 to 1, the same each time.
pub fn noise(length: usize) -> Vec<f32> {
    let mut state = 1u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from((state >> 16) as u16) / 32_768.0 - 1.0
        })
        .collect()
}

pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder with other people's files; `None`, said aloud, where it is absent and may be.
pub fn data() -> Option<PathBuf> {
    let folder = match std::env::var_os("TONEGRAFT_TEST_DATA") {
        Some(folder) => workspace().join(folder),
        None => workspace().join("../shared/data"),
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
