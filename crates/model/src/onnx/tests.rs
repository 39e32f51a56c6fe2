//! Deliberately bad files: each is refused with its kind, and names the node or tensor to blame.

use super::proto::*;
use crate::error::ReadErrorKind as Kind;
use crate::{Graph, Limits, ReadError, read};
use prost::Message;

mod bytes;
mod graphs;
mod inline;
mod metadata;
mod sizes;

fn info(name: &str, shape: &[i64]) -> ValueInfoProto {
    typed(name, 1, shape)
}

fn typed(name: &str, kind: i32, shape: &[i64]) -> ValueInfoProto {
    let dim = shape
        .iter()
        .map(|size| DimensionProto {
            dim_value: (*size > 0).then_some(*size),
            dim_param: (*size <= 0).then(|| "T".to_owned()),
        })
        .collect();
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorTypeProto {
                elem_type: Some(kind),
                shape: Some(TensorShapeProto { dim }),
            }),
        }),
    }
}

fn node(kind: &str, name: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: outputs.iter().map(|name| (*name).to_owned()).collect(),
        name: Some(name.to_owned()),
        op_type: Some(kind.to_owned()),
        attribute: Vec::new(),
        domain: None,
        overload: None,
    }
}

fn floats(name: &str, dims: &[i64], data: &[f32]) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: dims.to_vec(),
        data_type: Some(1),
        float_data: data.to_vec(),
        ..TensorProto::default()
    }
}

fn model(graph: GraphProto) -> ModelProto {
    ModelProto {
        ir_version: Some(8),
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(17),
        }],
        graph: Some(graph),
        ..ModelProto::default()
    }
}

/// `y = tanh(x)`.
fn tanh() -> GraphProto {
    GraphProto {
        node: vec![node("Tanh", "act", &["x"], &["y"])],
        input: vec![info("x", &[1, 1, 0])],
        output: vec![info("y", &[1, 1, 0])],
        ..GraphProto::default()
    }
}

fn parse(bytes: &[u8]) -> Result<Graph, ReadError> {
    read(bytes, "bad.onnx", None, &Limits::default())
}

fn parsed(graph: GraphProto) -> Result<Graph, ReadError> {
    parse(&model(graph).encode_to_vec())
}

#[track_caller]
fn refused(result: Result<Graph, ReadError>, kind: Kind) -> ReadError {
    let error = result.expect_err("must be refused");
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("bad.onnx") && text.len() < 700 && !text.contains('\n'),
        "{text}"
    );
    error
}

#[test]
fn a_good_file_reads() {
    let graph = parsed(tanh()).expect("reads");
    assert_eq!((graph.nodes.len(), graph.inputs.len(), graph.outputs.len()), (1, 1, 1));
    assert_eq!(graph.name, "bad");
    assert_eq!(graph.operators, [("Tanh".to_owned(), 1)]);
}
