//! Bytes that are no model, or only a part of one: any bytes, cut files, other versions, deep nesting.

use super::*;

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
