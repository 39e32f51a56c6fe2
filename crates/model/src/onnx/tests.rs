//! Deliberately bad files: each is refused with its kind, and names the node or tensor to blame.

use super::proto::*;
use crate::error::ReadErrorKind as Kind;
use crate::{Graph, Limits, ReadError, read};
use prost::Message;

mod inline;

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

#[test]
fn bytes_that_are_no_model() {
    refused(parse(&[]), Kind::Empty);
    refused(parse(b"RIFF....WAVEfmt "), Kind::NotOnnx);
    refused(parse(&[0; 64]), Kind::NotOnnx);
    // A version and nothing else.
    refused(parse(&[0x08, 0x08]), Kind::EmptyGraph);
    refused(
        parse(
            &ModelProto {
                ir_version: None,
                ..model(tanh())
            }
            .encode_to_vec(),
        ),
        Kind::NotOnnx,
    );
}

#[test]
fn no_random_bytes_are_a_model() {
    let mut state = 0x1234_5678_9abc_def1u64;
    for length in 1..3000usize {
        let bytes: Vec<u8> = (0..length % 200 + 1)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            })
            .collect();
        assert!(parse(&bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let mut graph = tanh();
    graph.initializer = vec![floats("w", &[8], &[0.5; 8])];
    let bytes = model(graph).encode_to_vec();
    for length in 0..bytes.len() {
        let error = parse(&bytes[..length]).expect_err("incomplete");
        assert!(
            matches!(
                error.kind(),
                Kind::Empty | Kind::NotOnnx | Kind::Corrupt | Kind::EmptyGraph | Kind::Version
            ),
            "{length}: {error}"
        );
    }
}

#[test]
fn versions() {
    for (version, read) in [(6, false), (7, true), (13, true), (25, true), (26, false), (-1, false)] {
        let mut file = model(tanh());
        file.opset_import[0].version = Some(version);
        let result = parse(&file.encode_to_vec());
        assert_eq!(result.is_ok(), read, "{version}");
        if !read {
            refused(result, Kind::Version);
        }
    }
    refused(
        parse(
            &ModelProto {
                opset_import: vec![],
                ..model(tanh())
            }
            .encode_to_vec(),
        ),
        Kind::Version,
    );
}

#[test]
fn empty_graphs() {
    refused(
        parse(
            &ModelProto {
                graph: None,
                ..model(tanh())
            }
            .encode_to_vec(),
        ),
        Kind::EmptyGraph,
    );
    refused(
        parsed(GraphProto {
            output: vec![],
            ..tanh()
        }),
        Kind::NoOutputs,
    );
    refused(
        parsed(GraphProto {
            node: vec![],
            output: vec![info("x", &[1])],
            ..tanh()
        }),
        Kind::EmptyGraph,
    );
    let error = refused(
        parsed(GraphProto {
            output: vec![info("z", &[1])],
            ..tanh()
        }),
        Kind::UndefinedName,
    );
    assert_eq!(error.tensor(), Some("z"));
}

/// `depth` messages, each in field `number` of the next.
fn nested(depth: usize, number: u8) -> Vec<u8> {
    // Lengths first, from the inside out; then the bytes, from the outside in.
    let mut heads: Vec<Vec<u8>> = Vec::with_capacity(depth);
    let mut length = 0usize;
    for _ in 0..depth {
        let mut head = vec![number << 3 | 2];
        prost::encoding::encode_varint(length as u64, &mut head);
        length += head.len();
        heads.push(head);
    }
    heads.into_iter().rev().flatten().collect()
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    // Graph in attribute in node in graph …: 100,000 levels.
    for depth in [99, 999, 99_999] {
        let mut heads: Vec<u8> = Vec::new();
        let mut inner: Vec<Vec<u8>> = Vec::new();
        let mut length = 0usize;
        for level in 0..depth {
            let number: u8 = [6, 5, 1][level % 3];
            let mut head = vec![number << 3 | 2];
            prost::encoding::encode_varint(length as u64, &mut head);
            length += head.len();
            inner.push(head);
        }
        heads.extend([0x08, 0x08, 7 << 3 | 2]);
        prost::encoding::encode_varint(length as u64, &mut heads);
        heads.extend(inner.into_iter().rev().flatten());
        refused(parse(&heads), Kind::Limit);
    }
    // In fields nobody knows, nesting is only bytes.
    let mut unknown = model(tanh()).encode_to_vec();
    let body = nested(100_000, 9);
    unknown.push(15 << 3 | 2);
    prost::encoding::encode_varint(body.len() as u64, &mut unknown);
    unknown.extend(body);
    assert!(parse(&unknown).is_ok());
    // Groups, the other way of nesting, do not exist in ONNX.
    let mut groups = vec![0x08, 0x08];
    groups.extend(vec![15 << 3 | 3; 100_000]);
    refused(parse(&groups), Kind::Corrupt);
}

#[test]
fn huge_sizes_in_few_bytes() {
    let mut graph = tanh();
    graph.initializer = vec![floats("w", &[1 << 20, 1 << 20], &[])];
    assert_eq!(refused(parsed(graph), Kind::Limit).tensor(), Some("w"));
    let mut graph = tanh();
    graph.initializer = vec![floats("w", &[i64::MAX, i64::MAX, 0], &[])];
    assert_eq!(refused(parsed(graph), Kind::Limit).tensor(), Some("w"));
    let mut graph = tanh();
    graph.input = vec![info("x", &[1, 1, i64::MAX])];
    refused(parsed(graph), Kind::Limit);
    // A fill of 2^40 elements that only folding would make.
    let mut graph = tanh();
    let mut fill = node("ConstantOfShape", "fill", &["s"], &["f"]);
    fill.attribute.clear();
    graph.initializer = vec![TensorProto {
        name: Some("s".into()),
        dims: vec![2],
        data_type: Some(7),
        int64_data: vec![1 << 20, 1 << 20],
        ..TensorProto::default()
    }];
    graph.node.push(fill);
    graph.node.push(node("Add", "add", &["y", "f"], &["z"]));
    assert_eq!(refused(parsed(graph), Kind::Limit).node(), Some("fill"));
    // No elements, but an axis of 2^40 places.
    let mut graph = tanh();
    let sizes = [0, -1, 1 << 40, 0].map(|pad: i64| pad.to_le_bytes()).concat();
    graph.initializer = vec![
        floats("w", &[1, 1], &[0.5]),
        TensorProto {
            data_type: Some(7),
            raw_data: Some(sizes),
            ..floats("pads", &[4], &[])
        },
    ];
    graph.node.push(node("Pad", "pad", &["w", "pads"], &["f"]));
    graph.node.push(node("Add", "add", &["y", "f"], &["z"]));
    assert_eq!(refused(parsed(graph), Kind::Limit).node(), Some("pad"));
    let many = Limits::default().with_max_nodes(2);
    let mut graph = tanh();
    for index in 0..3 {
        graph.node.push(node("Tanh", "t", &["x"], &[&format!("v{index}")]));
    }
    let result = read(&model(graph).encode_to_vec(), "bad.onnx", None, &many);
    refused(result, Kind::Limit);
    let small = Limits::default().with_max_bytes(10);
    refused(
        read(&model(tanh()).encode_to_vec(), "bad.onnx", None, &small),
        Kind::Limit,
    );
}

/// An initializer of zeros.
fn zeros(name: &str, dims: &[i64]) -> TensorProto {
    let count: i64 = dims.iter().product();
    TensorProto {
        raw_data: Some(vec![0; 4 * usize::try_from(count).expect("small")]),
        ..floats(name, dims, &[])
    }
}

/// A transform of a prime length takes its square, a pool its window for each result: they are left for the compiler to refuse.
#[test]
fn constants_that_take_long_to_compute_are_not_computed() {
    let integers = |name: &str, values: &[i64]| AttributeProto {
        name: Some(name.to_owned()),
        ints: values.to_vec(),
        ..AttributeProto::default()
    };
    let mut pool = node("MaxPool", "pool", &["w"], &["folded"]);
    pool.attribute = vec![integers("kernel_shape", &[500_000])];
    for (slow, weights) in [
        (node("DFT", "dft", &["w"], &["folded"]), zeros("w", &[1, 1_000_003, 1])),
        (pool, zeros("w", &[1, 1, 1_000_003])),
    ] {
        let kind = slow.op_type.clone().expect("given");
        let mut graph = tanh();
        graph.node.push(slow);
        graph.initializer = vec![weights];
        graph.output.push(info("folded", &[0, 0, 0]));
        let started = std::time::Instant::now();
        let read = parsed(graph).expect("reads");
        assert!(
            read.nodes.iter().any(|node| node.op.name() == kind),
            "{kind} was folded"
        );
        assert!(started.elapsed().as_secs() < 20, "{kind}: {:?}", started.elapsed());
    }
}

/// Each reads many elements and writes one, so that no bound on elements holds.
#[test]
fn many_small_results_of_large_constants_are_refused() {
    let mut graph = tanh();
    graph.initializer = vec![zeros("w", &[1 << 12])];
    graph.node = (0..64)
        .map(|index| node("ReduceSum", &format!("sum{index}"), &["w"], &[&format!("s{index}")]))
        .collect();
    graph.output = vec![info("s63", &[1])];
    let mut limits = Limits::default();
    let bytes = model(graph).encode_to_vec();
    limits.max_folded_work = 64 << 12;
    assert!(read(&bytes, "bad.onnx", None, &limits).is_ok());
    limits.max_folded_work -= 1;
    let error = refused(read(&bytes, "bad.onnx", None, &limits), Kind::Limit);
    assert!(error.to_string().contains("steps"), "{error}");
}

#[test]
fn names_that_are_wrong() {
    let mut graph = tanh();
    graph.node = vec![
        node("Add", "b", &["x", "w"], &["v"]),
        node("Tanh", "c", &["v"], &["w"]),
        node("Tanh", "after", &["w"], &["y"]),
    ];
    let error = refused(parsed(graph), Kind::Cycle);
    assert!(matches!(error.node(), Some("b" | "c")), "{error}");
    let mut graph = tanh();
    graph.node[0].input = vec!["y".into()];
    assert_eq!(refused(parsed(graph), Kind::Cycle).node(), Some("act"));
    let mut graph = tanh();
    graph.node[0].input = vec!["nothing".into()];
    let error = refused(parsed(graph), Kind::UndefinedName);
    assert_eq!((error.node(), error.tensor()), (Some("act"), Some("nothing")));
    let mut graph = tanh();
    graph.node.push(node("Relu", "twice", &["x"], &["y"]));
    assert_eq!(refused(parsed(graph), Kind::DuplicateName).node(), Some("twice"));
    let mut graph = tanh();
    graph.input.push(info("x", &[1]));
    refused(parsed(graph), Kind::DuplicateName);
    let mut graph = tanh();
    graph.node[0].name = None;
    graph.node[0].input.clear();
    assert_eq!(refused(parsed(graph), Kind::Node).node(), Some("Tanh#0"));
}

#[test]
fn nodes_out_of_order_are_sorted() {
    let mut graph = tanh();
    graph.node = vec![
        node("Relu", "second", &["v"], &["y"]),
        node("Tanh", "first", &["x"], &["v"]),
    ];
    let names: Vec<String> = parsed(graph)
        .expect("reads")
        .nodes
        .into_iter()
        .map(|node| node.name)
        .collect();
    assert_eq!(names, ["first", "second"]);
}

#[test]
fn wrong_types_and_shapes() {
    let add = |other: ValueInfoProto| {
        let mut graph = tanh();
        graph.input = vec![info("x", &[1, 4, 0]), other];
        graph.node = vec![node("Add", "add", &["x", "o"], &["y"])];
        parsed(graph)
    };
    assert!(add(info("o", &[4, 1])).is_ok());
    assert_eq!(refused(add(info("o", &[3, 1])), Kind::Shape).node(), Some("add"));
    assert_eq!(refused(add(typed("o", 7, &[1])), Kind::Shape).node(), Some("add"));
    let error = refused(add(typed("o", 8, &[1])), Kind::ElementType);
    assert_eq!(error.tensor(), Some("o"));
    assert!(error.to_string().contains("string"), "{error}");
    let mut graph = tanh();
    graph.input = vec![typed("x", 9, &[1])];
    assert_eq!(refused(parsed(graph), Kind::Shape).node(), Some("act"));
    let mut graph = tanh();
    graph.initializer = vec![floats("w", &[3], &[1.0, 2.0])];
    assert_eq!(refused(parsed(graph), Kind::Tensor).tensor(), Some("w"));
    let mut graph = tanh();
    graph.initializer = vec![floats("w", &[-3], &[])];
    refused(parsed(graph), Kind::Tensor);
    let mut graph = tanh();
    graph.initializer = vec![TensorProto {
        data_location: Some(1),
        ..floats("w", &[3], &[])
    }];
    refused(parsed(graph), Kind::ExternalData);
}

#[test]
fn weights_must_be_finite_masks_need_not() {
    let conv = |weight: f32| {
        let mut graph = tanh();
        graph.initializer = vec![floats("w", &[1, 1, 2], &[0.5, weight])];
        graph.node = vec![node("Conv", "conv", &["x", "w"], &["y"])];
        parsed(graph)
    };
    assert!(conv(1.0).is_ok());
    for weight in [f32::NAN, f32::INFINITY] {
        let error = refused(conv(weight), Kind::NonFinite);
        assert_eq!((error.node(), error.tensor()), (Some("conv"), Some("w")));
    }
    let mut graph = tanh();
    graph.initializer = vec![floats("mask", &[1], &[f32::NEG_INFINITY])];
    graph.node = vec![node("Add", "add", &["x", "mask"], &["y"])];
    assert!(parsed(graph.clone()).is_ok());
    graph.initializer = vec![floats("mask", &[2], &[0.0, f32::NAN])];
    let error = refused(parsed(graph), Kind::NonFinite);
    assert_eq!((error.node(), error.tensor()), (Some("add"), Some("mask")));
}

#[test]
fn unknown_operators_are_named_and_kept() {
    let mut graph = tanh();
    graph.node = vec![
        node("Frobnicate", "odd", &["x"], &["v"]),
        node("Tanh", "act", &["v"], &["y"]),
    ];
    graph.node[0].domain = Some("com.example".into());
    let graph = parsed(graph).expect("reads");
    assert_eq!(graph.nodes[0].op.name(), "com.example.Frobnicate");
    assert!(matches!(graph.nodes[0].op, crate::Op::Unsupported { .. }));
    let mut graph = tanh();
    let subgraph = AttributeProto {
        name: Some("body".into()),
        g: Some(Box::default()),
        ..AttributeProto::default()
    };
    graph.node = vec![NodeProto {
        attribute: vec![subgraph],
        ..node("Loop", "loop", &["x"], &["y"])
    }];
    let graph = parsed(graph).expect("reads");
    assert_eq!(graph.nodes[0].op, crate::Op::Unsupported { name: "Loop".into() });
}

#[test]
fn outputs_have_wires_of_their_own() {
    let mut graph = tanh();
    graph.node.push(node("Identity", "same", &["x"], &["dry"]));
    graph.node.push(node("Identity", "again", &["y"], &["y2"]));
    graph.output.extend([info("dry", &[1]), info("y2", &[1])]);
    let graph = parsed(graph).expect("reads");
    let names: Vec<&str> = graph.outputs.iter().map(|id| graph.value(*id).name.as_str()).collect();
    assert_eq!(names, ["y", "dry", "y2"]);
    assert_eq!(graph.value(graph.inputs[0]).name, "x");
    assert!(
        graph
            .nodes
            .iter()
            .all(|node| matches!(node.op.name(), "Tanh" | "Reshape"))
    );
}

#[test]
fn two_outputs_or_no_audio_input_are_for_the_compiler() {
    let mut graph = tanh();
    graph.node.push(node("Relu", "b", &["x"], &["z"]));
    graph.output.push(info("z", &[1, 1, 0]));
    assert_eq!(parsed(graph).expect("reads").outputs.len(), 2);
    let mut graph = tanh();
    graph.input.clear();
    graph.initializer = vec![floats("x", &[1, 1, 4], &[0.1; 4])];
    let graph = parsed(graph).expect("reads");
    assert!(graph.inputs.is_empty() && graph.nodes.is_empty());
    assert!(graph.constant(graph.outputs[0]).is_some());
}

fn with_metadata(entries: &[(&str, &str)], sidecar: Option<&str>) -> Result<Graph, ReadError> {
    let mut graph = tanh();
    graph.input.push(info("knobs", &[1, 2]));
    graph.node.push(node("Relu", "k", &["knobs"], &["unused"]));
    let mut file = model(graph);
    file.metadata_props = entries
        .iter()
        .map(|(key, value)| StringStringEntryProto {
            key: Some((*key).to_owned()),
            value: Some((*value).to_owned()),
        })
        .collect();
    read(&file.encode_to_vec(), "bad.onnx", sidecar, &Limits::default())
}

#[test]
fn metadata_is_read_and_the_sidecar_wins() {
    let knobs = r#"[{"name": "Drive", "input": "knobs", "index": 1, "min": -6, "max": 6, "unit": "dB"}]"#;
    let file = [
        ("tonegraft.name", "In the file"),
        ("tonegraft.sample_rate", "44100"),
        ("tonegraft.author", "A"),
        ("tonegraft.knobs", knobs),
        ("producer.note", "kept"),
    ];
    let graph = with_metadata(
        &file,
        Some(r#"{"name": "Beside", "tonegraft.sample_rate": 48000, "author": null}"#),
    );
    let metadata = graph.expect("reads").metadata;
    assert_eq!(metadata.name.as_deref(), Some("Beside"));
    assert_eq!((metadata.sample_rate, metadata.author), (Some(48_000), None));
    assert_eq!(metadata.declared.get("producer.note").map(String::as_str), Some("kept"));
    let [knob] = metadata.knobs.as_slice() else {
        panic!("one knob")
    };
    assert_eq!(
        (knob.index, knob.min, knob.max, knob.default, knob.unit.as_str()),
        (1, -6.0, 6.0, 0.0, "dB")
    );
}

#[test]
fn a_logarithmic_scale_is_read_shown_and_halved_by_ratio() {
    let knob = |rest: &str| {
        let text = format!(
            r#"{{"knobs": [{{"name": "Cutoff", "input": "knobs", "min": 20, "max": 2000, "unit": "Hz"{rest}}}]}}"#
        );
        with_metadata(&[], Some(&text)).expect("valid").metadata.knobs.remove(0)
    };
    let log = knob(r#", "scale": "log""#);
    assert_eq!(log.scale, tonegraft_core::KnobScale::Log);
    assert!((log.default - 200.0).abs() < 1e-3, "{}", log.default);
    assert_eq!(log.range().position(log.default), 0.5);
    let shown = serde_json::to_value(&log).expect("serialises");
    assert_eq!(shown.get("scale"), Some(&serde_json::json!("log")));
    let linear = knob(r#", "scale": "linear""#);
    assert_eq!((linear.clone(), linear.default), (knob(""), 1010.0));
    let shown = serde_json::to_value(&linear).expect("serialises");
    assert_eq!(shown.get("scale"), None, "as before there was one");
}

#[test]
fn wrong_metadata_names_the_key() {
    let knob = |rest: &str| format!(r#"{{"knobs": [{{"name": "Drive", "input": "knobs"{rest}}}]}}"#);
    let cases = [
        (r#"{"version": 2}"#.to_owned(), "tonegraft.version"),
        (r#"{"sample_rate": 10}"#.to_owned(), "tonegraft.sample_rate"),
        (r#"{"sample_rate": "fast"}"#.to_owned(), "tonegraft.sample_rate"),
        (r#"{"sample_rate": 48000.5}"#.to_owned(), "tonegraft.sample_rate"),
        (r#"{"training_esr": -1}"#.to_owned(), "tonegraft.training_esr"),
        (r#"{"declared_delay": "NaN"}"#.to_owned(), "tonegraft.declared_delay"),
        (r#"{"audio_input": "z"}"#.to_owned(), "tonegraft.audio_input"),
        (r#"{"audio_output": "x"}"#.to_owned(), "tonegraft.audio_output"),
        (r#"{"knobs": 3}"#.to_owned(), "tonegraft.knobs"),
        (knob(r#", "min": 1, "max": 1"#), "range 1 to 1"),
        (knob(r#", "default": 2"#), "default 2"),
        (knob(r#", "index": 2"#), "element 2"),
        (knob(r#", "scale": "cubic""#), "`linear` or `log`"),
        (
            knob(r#", "scale": "log""#),
            "\"Drive\" with a logarithmic scale from 0: let its range begin above 0",
        ),
        (knob(r#", "scale": "log", "min": -2, "max": 2"#), "scale from -2"),
        (
            r#"{"knobs": [{"name": "Drive", "input": "nobody"}]}"#.to_owned(),
            "`nobody`",
        ),
        (
            r#"{"knobs": [{"name": " ", "input": "knobs"}]}"#.to_owned(),
            "without a name",
        ),
        (
            r#"{"knobs": [{"name": "A", "input": "knobs"}, {"name": "B", "input": "knobs"}]}"#.to_owned(),
            "\"B\"",
        ),
        ("[]".to_owned(), "not a JSON object"),
        ("{".to_owned(), "not a JSON object"),
    ];
    assert!(with_metadata(&[], Some(&knob(""))).is_ok());
    for (sidecar, wanted) in cases {
        let error = refused(with_metadata(&[], Some(&sidecar)), Kind::Metadata);
        assert!(error.to_string().contains(wanted), "{sidecar}: {error}");
    }
}
