//! The stages of a model as text, against the files in `tests/golden`, and the same on every machine.
//!
//! `TONEGRAFT_UPDATE_GOLDEN=1 cargo test -p tonegraft --test golden` writes them anew; see what changed with `git diff`.

mod common;

use common::Bench;
use common::onnx::{File, node};
use std::path::{Path, PathBuf};

/// Fixtures that between them show every form of operation.
const FIXTURES: &[&str] = &[
    "conv_transpose",
    "film",
    "gemm_frames",
    "lstm_knobs",
    "pad_chain",
    "tcn_gated",
];

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn compare(path: &Path, text: &str) -> Option<String> {
    if std::env::var_os("TONEGRAFT_UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(path, text).expect("writes");
        return None;
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    // A checkout may end its lines otherwise.
    if golden.replace("\r\n", "\n") == text {
        return None;
    }
    let differs = golden.lines().zip(text.lines()).position(|(a, b)| a != b);
    let at = differs.unwrap_or_else(|| golden.lines().count().min(text.lines().count()));
    Some(format!(
        "{}: line {}: {:?} there, {:?} now",
        path.display(),
        at + 1,
        golden.lines().nth(at).unwrap_or_default(),
        text.lines().nth(at).unwrap_or_default()
    ))
}

#[test]
fn every_stage_reads_as_before() {
    let bench = Bench::new();
    let mut differences = Vec::new();
    for name in FIXTURES {
        let model = here().join(format!("../models/fixtures/{name}.onnx"));
        for stage in ["graph", "stream", "plan"] {
            let text = bench
                .ok(&["inspect", &model.to_string_lossy(), "--stage", stage])
                .stdout;
            differences.extend(compare(&here().join(format!("tests/golden/{name}.{stage}.txt")), &text));
        }
    }
    assert!(
        differences.is_empty(),
        "run with TONEGRAFT_UPDATE_GOLDEN=1 if this is as wanted\n{}",
        differences.join("\n")
    );
}

#[test]
fn a_refused_file_still_shows_its_graph() {
    let bench = Bench::new();
    let mut file = File::gain(0.5);
    file.nodes = vec![node("FluxCapacitor", "time_machine", &["in"], &["out"], &[])];
    bench.write("talk.onnx", &file.bytes());
    let text = bench.ok(&["inspect", "talk.onnx", "--stage", "graph"]).stdout;
    assert!(text.contains("FluxCapacitor of in  `time_machine`"), "{text}");
    bench.refused(
        &["inspect", "talk.onnx", "--stage", "plan"],
        &["cannot play", "time_machine"],
    );
    bench.refused(
        &["inspect", "missing.onnx", "--stage", "graph"],
        &["missing.onnx", "no such file"],
    );
}
