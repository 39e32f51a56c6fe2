//! Huge sizes in few bytes: bounded, and refused by name.

use super::*;

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
