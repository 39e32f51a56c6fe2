//! Graphs with something wrong in them, and odd ones that are right.

use super::*;

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
