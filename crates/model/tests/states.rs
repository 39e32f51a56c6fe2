//! Which outputs are the next values of which inputs, over other people's exports.

mod support;

use support::{Port, data, onnx};
use tonegraft_model::{Limits, read, states};

fn pairs_of(bytes: &[u8], sidecar: Option<&str>) -> Vec<(String, String)> {
    let graph = read(bytes, "m.onnx", sidecar, &Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    (states::pairs(&graph).into_iter())
        .map(|(from, to)| (graph.value(from).name.clone(), graph.value(to).name.clone()))
        .collect()
}

#[test]
fn other_peoples_exports() {
    let Some(data) = data() else { return };
    let wanted: [(&str, &[(&str, &str)]); 22] = [
        (
            "onnx/gtcrn.onnx",
            &[
                ("conv_cache", "conv_cache_out"),
                ("tra_cache", "tra_cache_out"),
                ("inter_cache", "inter_cache_out"),
            ],
        ),
        (
            "onnx/gtcrn_simple.onnx",
            &[
                ("conv_cache", "conv_cache_out"),
                ("tra_cache", "tra_cache_out"),
                ("inter_cache", "inter_cache_out"),
            ],
        ),
        ("onnx/dtln_model_1.onnx", &[("input_3", "tf_op_layer_stack_2")]),
        ("onnx/dtln_model_2.onnx", &[("input_5", "tf_op_layer_stack_5")]),
        ("onnx/silero_vad_16k_op15.onnx", &[("state", "stateN")]),
        (
            "export-zoo/tcn_stream_state.ts.onnx",
            &[("s0", "o0"), ("s1", "o1"), ("s2", "o2"), ("s3", "o3")],
        ),
        (
            "export-zoo/tcn_stream_state.dydyn.onnx",
            &[("s0", "o0"), ("s1", "o1"), ("s2", "o2"), ("s3", "o3")],
        ),
        ("export-zoo/lstm_stateful.ts.onnx", &[("h", "hn"), ("c", "cn")]),
        ("export-zoo/lstm_stateful.tsfix.onnx", &[("h", "hn"), ("c", "cn")]),
        ("export-zoo/lstm_cond2.dy.onnx", &[("h", "hn"), ("c", "cn")]),
        ("export-zoo/gru_stateful.ts.onnx", &[("h", "hn")]),
        ("export-zoo/rnn_stateful.dy.onnx", &[("h", "hn")]),
        ("export-zoo/chorus_delay_gather.ts.onnx", &[("hist", "hist_n")]),
        ("export-zoo/comp_tvfilm.ts.onnx", &[("h", "hn"), ("c", "cn")]),
        ("export-zoo/comp_tvfilm.dydyn.onnx", &[("h", "hn"), ("c", "cn")]),
        ("export-zoo/raesc_gru.ts.onnx", &[("h1", "h1n"), ("h2", "h2n")]),
        ("export-zoo/trained_ts9_lstm24.ts.onnx", &[("h", "hn"), ("c", "cn")]),
        // Nothing that only looks like a state.
        ("onnx/simple_gain_network_mono.onnx", &[]),
        ("onnx/ldsp_topline.onnx", &[]),
        ("export-zoo/tcn_gated_film2.ts.onnx", &[]),
        ("export-zoo/codec_rvq.ts.onnx", &[]),
        ("codec/lyra2_quantizer_decode.onnx", &[]),
    ];
    for (file, wanted) in wanted {
        let found = pairs_of(&std::fs::read(data.join(file)).expect(file), None);
        let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(found, wanted, "{file}");
    }
    for (file, count) in [("codec/lyra2_encoder.onnx", 14), ("codec/lyra2_decoder.onnx", 18)] {
        let found = pairs_of(&std::fs::read(data.join(file)).expect(file), None);
        assert_eq!(found.len(), count, "{file}");
        for (index, (from, to)) in found.iter().enumerate() {
            assert_eq!(
                (from, to),
                (&format!("state_{index}_in"), &format!("state_{index}_out")),
                "{file}"
            );
        }
    }
}

/// Inputs and outputs that go together by their nodes do not matter here: every output is some input doubled.
fn model(inputs: &[Port<'_>], outputs: &[Port<'_>]) -> Vec<u8> {
    let nodes: Vec<(&str, Vec<&str>, &str)> = (outputs.iter())
        .map(|(name, shape)| {
            let like = inputs
                .iter()
                .find(|(_, other)| other == shape)
                .expect("an input of this shape")
                .0;
            ("Add", vec![like, like], *name)
        })
        .collect();
    let nodes: Vec<(&str, &[&str], &str)> = nodes.iter().map(|(a, b, c)| (*a, b.as_slice(), *c)).collect();
    onnx(&nodes, inputs, outputs)
}

#[test]
fn names_and_shapes() {
    let audio: &[i64] = &[1, 1, 0];
    let state: &[i64] = &[1, 2, 8];
    let by_name = |from: &str, to: &str| {
        let file = model(
            &[("x", audio), (from, state), ("k", &[1, 3])],
            &[("y", audio), (to, state)],
        );
        pairs_of(&file, None) == [(from.to_owned(), to.to_owned())]
    };
    for (from, to) in [
        ("h", "hn"),
        ("h0", "h_n"),
        ("h_0", "h_n"),
        ("c", "nc"),
        ("state_in", "state_out"),
        ("in_state", "out_state"),
        ("past_key", "present_key"),
        ("prev_cache", "next_cache"),
        ("Buffer", "buffer_new"),
        ("hidden_input", "hidden_output"),
        // By the shape alone.
        ("left", "right"),
    ] {
        assert!(by_name(from, to), "{from} and {to}");
    }
    // The audio is never a state, whatever it is called; nor is a lone number.
    let file = model(&[("x", audio), ("gain", &[1])], &[("x_out", audio), ("gain_out", &[1])]);
    assert_eq!(pairs_of(&file, None), [("gain".to_owned(), "gain_out".to_owned())]);
    let file = model(&[("x", audio), ("gain", &[1])], &[("y", audio), ("peak", &[1])]);
    assert_eq!(pairs_of(&file, None), []);
    // Two of a shape in order; two and one are ambiguous.
    let two = [("x", audio), ("a", state), ("b", state)];
    let file = model(&two, &[("y", audio), ("p", state), ("q", state)]);
    assert_eq!(
        pairs_of(&file, None),
        [("a".to_owned(), "p".to_owned()), ("b".to_owned(), "q".to_owned())]
    );
    assert_eq!(pairs_of(&model(&two, &[("y", audio), ("p", state)]), None), []);
    // What is declared wins.
    let file = model(&two, &[("y", audio), ("p", state), ("q", state)]);
    let sidecar = r#"{"states": {"a": "q", "b": "p"}}"#;
    assert_eq!(
        pairs_of(&file, Some(sidecar)),
        [("a".to_owned(), "q".to_owned()), ("b".to_owned(), "p".to_owned())]
    );
    // A knob and a meter are none.
    let sidecar = r#"{"knobs": [{"name": "A", "input": "a"}], "meters": ["p"]}"#;
    assert_eq!(pairs_of(&file, Some(sidecar)), [("b".to_owned(), "q".to_owned())]);
}
