//! Functions and branches in bad files: bounded, and refused by name.

use super::*;

fn call(function: &str, name: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        domain: Some("here".into()),
        ..node(function, name, inputs, outputs)
    }
}

fn function(name: &str, nodes: Vec<NodeProto>) -> FunctionProto {
    FunctionProto {
        name: Some(name.to_owned()),
        domain: Some("here".into()),
        input: vec!["a".into()],
        output: vec!["b".into()],
        node: nodes,
        ..FunctionProto::default()
    }
}

/// `y = F(x)`.
fn calling(functions: Vec<FunctionProto>) -> Result<Graph, ReadError> {
    let mut graph = tanh();
    graph.node = vec![call("F", "call", &["x"], &["y"])];
    let model = ModelProto {
        functions,
        ..model(graph)
    };
    parse(&model.encode_to_vec())
}

#[test]
fn a_function_opens() {
    let graph = calling(vec![function("F", vec![node("Tanh", "t", &["a"], &["b"])])]).expect("reads");
    assert_eq!((graph.nodes.len(), graph.nodes[0].name.as_str()), (1, "call/t"));
    assert_eq!(graph.value(graph.outputs[0]).name, "y");
    // Names inside mean nothing outside, and the other way round.
    let inner = vec![node("Tanh", "t", &["x"], &["b"])];
    refused(calling(vec![function("F", inner)]), Kind::UndefinedName);
    let clash = vec![node("Tanh", "t", &["a"], &["x"]), node("Tanh", "u", &["x"], &["b"])];
    assert_eq!(calling(vec![function("F", clash)]).expect("reads").nodes.len(), 2);
}

#[test]
fn functions_that_call_themselves_end() {
    refused(
        calling(vec![function("F", vec![call("F", "again", &["a"], &["b"])])]),
        Kind::Limit,
    );
    // Thirty functions, each calling the next twice: a billion nodes.
    let name = |index: usize| {
        if index == 0 {
            "F".to_owned()
        } else {
            format!("F{index}")
        }
    };
    let functions = (0..30)
        .map(|index| {
            let next = name(index + 1);
            let body = vec![call(&next, "1", &["a"], &["m"]), call(&next, "2", &["m"], &["b"])];
            function(&name(index), body)
        })
        .chain([function("F30", vec![node("Tanh", "t", &["a"], &["b"])])])
        .collect();
    refused(calling(functions), Kind::Limit);
}

/// A name that is written once would be copied with each of a hundred thousand nodes.
#[test]
fn names_do_not_grow_with_calls() {
    let long = "n".repeat(1024);
    let chain = |name: &str| -> Vec<FunctionProto> {
        let functions = (0..20).map(|level| {
            let (own, next) = (format!("F{level}"), format!("F{}", level + 1));
            function(&own, vec![call(&next, name, &["a"], &["b"])])
        });
        let mut functions: Vec<FunctionProto> = functions.collect();
        functions[0].name = Some("F".to_owned());
        functions.push(function("F20", vec![node("Tanh", name, &["a"], &["b"])]));
        functions
    };
    let graph = calling(chain(&long)).expect("reads");
    assert_eq!(graph.nodes.len(), 1);
    assert!(graph.nodes[0].name.len() < 2048, "{} bytes", graph.nodes[0].name.len());
    let error = refused(calling(chain(&"n".repeat(1025))), Kind::Limit);
    assert!(error.to_string().contains("1025 bytes"), "{error}");
}

#[test]
fn functions_that_give_nothing() {
    let error = refused(
        calling(vec![function("F", vec![node("Tanh", "t", &["a"], &["c"])])]),
        Kind::UndefinedName,
    );
    assert_eq!((error.node(), error.operator()), (Some("call"), Some("F")));
    let mut graph = tanh();
    graph.node = vec![call("F", "call", &["x", "x"], &["y"])];
    let two = ModelProto {
        functions: vec![function("F", vec![node("Tanh", "t", &["a"], &["b"])])],
        ..model(graph)
    };
    refused(parse(&two.encode_to_vec()), Kind::Node);
    let newer = FunctionProto {
        opset_import: vec![OperatorSetIdProto {
            domain: None,
            version: Some(99),
        }],
        ..function("F", vec![node("Tanh", "t", &["a"], &["b"])])
    };
    refused(calling(vec![newer]), Kind::Version);
}

fn branch(name: &str, nodes: Vec<NodeProto>, output: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        g: Some(Box::new(GraphProto {
            node: nodes,
            output: vec![info(output, &[1])],
            ..GraphProto::default()
        })),
        ..AttributeProto::default()
    }
}

fn truth(name: &str, value: bool) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        data_type: Some(9),
        int32_data: vec![i32::from(value)],
        ..TensorProto::default()
    }
}

/// `y = if c then … else relu(x)`.
fn choosing(condition: bool, then: AttributeProto) -> Result<Graph, ReadError> {
    let mut graph = tanh();
    graph.initializer = vec![truth("c", condition)];
    let other = branch("else_branch", vec![node("Relu", "r", &["x"], &["v"])], "v");
    graph.node = vec![NodeProto {
        attribute: vec![then, other],
        ..node("If", "if", &["c"], &["y"])
    }];
    parsed(graph)
}

#[test]
fn the_branch_that_is_taken_counts() {
    let tanh = || branch("then_branch", vec![node("Tanh", "t", &["x"], &["v"])], "v");
    let name = |condition| {
        choosing(condition, tanh()).expect("reads").nodes[0]
            .op
            .name()
            .to_owned()
    };
    assert_eq!((name(true), name(false)), ("Tanh".to_owned(), "Relu".to_owned()));
    let missing = branch("then_branch", vec![node("Tanh", "t", &["x"], &["v"])], "w");
    refused(choosing(true, missing.clone()), Kind::UndefinedName);
    assert!(choosing(false, missing).is_ok());
    let unknown = branch("then_branch", vec![node("Tanh", "t", &["nowhere"], &["v"])], "v");
    refused(choosing(true, unknown), Kind::UndefinedName);
    let nameless = AttributeProto {
        name: Some("other_branch".into()),
        ..tanh()
    };
    refused(choosing(true, nameless), Kind::Node);
}

#[test]
fn branches_whose_sizes_contradict_stay_undecided() {
    let mut wrong = branch("then_branch", vec![node("Add", "a", &["x", "w"], &["v"])], "v");
    if let Some(graph) = wrong.g.as_deref_mut() {
        graph.initializer = vec![floats("w", &[7, 3, 5], &[0.5; 105])];
    }
    let graph = choosing(true, wrong);
    // `x` is [1, 1, T]: the addition is possible, so this one opens.
    assert_eq!(graph.expect("reads").nodes[0].op.name(), "Add");
    let wrong = branch("then_branch", vec![node("MatMul", "m", &["x", "c2"], &["v"])], "v");
    let mut graph = tanh();
    graph.initializer = vec![truth("c", true), floats("c2", &[3, 2], &[0.5; 6])];
    graph.input = vec![info("x", &[1, 1, 4])];
    let other = branch("else_branch", vec![node("Relu", "r", &["x"], &["v"])], "v");
    graph.node = vec![NodeProto {
        attribute: vec![wrong, other],
        ..node("If", "if", &["c"], &["y"])
    }];
    let graph = parsed(graph).expect("reads");
    assert_eq!(graph.nodes[0].op, crate::Op::Unsupported { name: "If".into() });
}

#[test]
fn branches_inside_of_each_other_are_bounded() {
    let mut inner = branch("then_branch", vec![node("Tanh", "t", &["x"], &["v"])], "v");
    for depth in 0..40 {
        let next = NodeProto {
            attribute: vec![inner],
            ..node("If", "if", &["c"], &["v"])
        };
        inner = branch("then_branch", vec![next], "v");
        let result = choosing(true, inner.clone());
        match depth {
            0..18 => assert!(result.is_ok(), "{depth}"),
            24.. => {
                refused(result, Kind::Limit);
            }
            _ => {}
        }
    }
}

#[test]
fn folding_is_bounded_in_time() {
    // A transform of a large prime length, and a window over everything: kept as nodes, not computed.
    let mut graph = tanh();
    graph.initializer = vec![floats("s", &[1, 40_009, 1], &[0.5; 40_009])];
    graph.node.push(node("DFT", "dft", &["s"], &["f"]));
    graph.output.push(info("f", &[1]));
    let graph = parsed(graph).expect("reads");
    assert!(graph.nodes.iter().any(|node| node.op.name() == "DFT"));
}
