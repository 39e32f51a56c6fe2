//! Damaged sidecars and chains never panic and always end. Fixed seeds, so that a failure repeats.

mod support;

use proptest::prelude::*;
use support::onnx;
use tonegraft_model::{Limits, read, read_any};

fn model() -> Vec<u8> {
    onnx(
        &[("Neg", &["x"], "y"), ("Exp", &["h"], "hn")],
        &[("x", &[1, 33, 2]), ("h", &[1, 4, 4])],
        &[("y", &[1, 33, 2]), ("hn", &[1, 4, 4])],
    )
}

const SIDECAR: &str = r#"{"stft": {"size": 64, "hop": 32, "window": "sqrt_hann", "input": "complex", "output": "complex_mask",
    "normalise": "envelope", "single_frames": true}, "states": {"h": "hn"}, "seed": 7, "meters": [], "sample_rate": 16000}"#;

const CHAIN: &str = r##"{"tonegraft_chain": 1, "name": "n", "frame": {"size": 64, "hop": 16}, "input": "audio", "stages": [
    {"op": "rfft", "input": "audio", "output": "s"}, {"op": "magnitude", "output": "m"},
    {"model": "m.onnx", "inputs": {"x": "s"}, "outputs": {"y": "t"}, "states": {"h": "hn"}, "constants": {}},
    {"op": "complex", "axis": 2, "input": "t", "output": "c"}, {"op": "multiply", "inputs": ["c", "m"], "output": "p"},
    {"op": "irfft"}, {"op": "window", "window": "hamming"}, {"op": "reshape", "shape": [1, -1]}, {"op": "slice", "axis": 1, "start": 0, "end": 64}
], "output": "#9"}"##;

fn sidecar(text: &str) -> bool {
    match read(
        &model(),
        "m.onnx",
        Some(text),
        &Limits::default().with_max_elements(1 << 18, 1 << 20),
    ) {
        Ok(_) => true,
        Err(error) => {
            assert!(error.to_string().starts_with("m.onnx"));
            false
        }
    }
}

fn chain(text: &[u8]) -> bool {
    let limits = Limits::default().with_max_elements(1 << 18, 1 << 20);
    let mut resolve = |path: &str| Ok((path == "m.onnx").then(model));
    match read_any(text, "c.json", None, &mut resolve, &limits) {
        Ok(_) => true,
        Err(error) => {
            assert!(error.to_string().starts_with("c.json"));
            false
        }
    }
}

#[test]
fn whole_they_read_and_cut_they_do_not() {
    assert!(sidecar(SIDECAR));
    assert!(chain(CHAIN.as_bytes()));
    for length in 0..SIDECAR.len() {
        assert!(!sidecar(&SIDECAR[..length]));
    }
    for length in 0..CHAIN.len() {
        assert!(!chain(&CHAIN.as_bytes()[..length]));
    }
}

#[test]
fn depth_and_size() {
    let deep = "[".repeat(100_000);
    assert!(!sidecar(&deep));
    assert!(!chain(
        format!(r#"{{"tonegraft_chain": 1, "stages": {deep}"#).as_bytes()
    ));
    for size in [
        "0",
        "-1",
        "1e300",
        "65536",
        "65537",
        "18446744073709551616",
        "4.5",
        "\"64\"",
        "null",
        "[64]",
    ] {
        sidecar(&SIDECAR.replacen("64", size, 1));
        sidecar(&SIDECAR.replacen("32", size, 1));
        for number in ["64", "16", "2", "1", "0", "-1"] {
            for (at, _) in CHAIN.match_indices(number) {
                chain(format!("{}{size}{}", &CHAIN[..at], &CHAIN[at + number.len()..]).as_bytes());
            }
        }
    }
    // Stages that wait for each other in long rings.
    let ring: Vec<String> = (0..256)
        .map(|at| format!(r#"{{"op": "tanh", "input": "w{at}", "output": "w{}"}}"#, (at + 1) % 256))
        .collect();
    assert!(!chain(
        format!(r#"{{"tonegraft_chain": 1, "stages": [{}]}}"#, ring.join(",")).as_bytes()
    ));
    // Each doubles what is there: the limit on elements stops it.
    let double = r#"{"op": "concat", "inputs": ["a", "a"], "axis": 1}"#;
    let mut stages = vec![double.replace("\"a\"", "\"audio\"")];
    for at in 1..100 {
        stages.push(double.replace("\"a\"", &format!("\"#{at}\"")));
    }
    let text = format!(
        r##"{{"tonegraft_chain": 1, "frame": {{"size": 64, "hop": 64}}, "stages": [{}]}}"##,
        stages.join(",")
    );
    assert!(!chain(text.as_bytes()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes(at in 0usize..2000, to in any::<u8>(), more in 0usize..2000, other in any::<u8>()) {
        let mut text = CHAIN.as_bytes().to_vec();
        let length = text.len();
        text[at % length] = to;
        text[more % length] = other;
        chain(&text);
        let mut text = SIDECAR.as_bytes().to_vec();
        let length = text.len();
        text[at % length] = to;
        text[more % length] = other;
        if let Ok(text) = std::str::from_utf8(&text) {
            sidecar(text);
        }
    }

    /// Words of the format in places where they do not belong.
    #[test]
    fn swapped_words(a in 0usize..200, b in 0usize..200) {
        let words: Vec<&str> = CHAIN.split('"').collect();
        let mut swapped = words.clone();
        let count = swapped.len();
        swapped.swap(a % count, b % count);
        chain(swapped.join("\"").as_bytes());
    }
}
