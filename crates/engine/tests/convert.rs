//! What is written as ONNX plays as before: the same plan, the same bits.

mod support;

use std::path::{Path, PathBuf};
use support::corpus::{failures, fixtures, shipped, third_party};
use support::{Cuts, bits, data, instance, noise_vec, stream};
use tonegraft_engine::{Model, Options, StartState};
use tonegraft_model::{Graph, Limits, to_onnx};

/// More than the longest block of the files.
const FRAMES: usize = 4_096;

/// Writes `graph`, reads that, plays both. False if the engine refuses the graph: then it must refuse the other too.
fn check(name: &str, graph: &Graph) -> bool {
    let bytes = to_onnx(graph).unwrap_or_else(|error| panic!("{name}: {error}"));
    let again = tonegraft_model::read(&bytes, name, None, &Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    let compile = |graph: &Graph| Model::from_graph(graph.clone(), name, &Options::default());
    let (before, behind) = match (compile(graph), compile(&again)) {
        (Ok(before), Ok(behind)) => (before, behind),
        (Err(_), Err(_)) => return false,
        (before, behind) => panic!("{name}: {:?}, written {:?}", before.err(), behind.err()),
    };
    assert_eq!(before.plan_text(), behind.plan_text(), "{name}");
    assert_eq!(before.knobs(), behind.knobs(), "{name}");
    assert_eq!(before.info().sample_rate, behind.info().sample_rate, "{name}");
    let input: Vec<Vec<f32>> = (0..before.channels().0)
        .map(|channel| noise_vec(channel as u64 + 1, FRAMES))
        .collect();
    for start in [StartState::Zero, StartState::Silence] {
        let play = |model: &Model| {
            let mut processor = instance(model, start);
            let knobs: Vec<(usize, usize, f32)> = (model.knobs().iter().enumerate())
                .map(|(index, knob)| (100 + index, index, 0.3 * knob.min + 0.7 * knob.max))
                .collect();
            stream(processor.as_mut(), &input, Cuts::Random(3), &knobs)
        };
        let (a, b) = (play(&before), play(&behind));
        assert!(bits(&a) == bits(&b), "{name}: other samples from {start:?}");
    }
    true
}

#[test]
fn onnx_files_play_the_same() {
    let mut files = fixtures();
    files.extend(shipped());
    if let Some(folder) = data::shared("onnx_files_play_the_same") {
        files.extend(third_party(&folder));
    }
    assert!(files.len() >= 45, "{}", files.len());
    let played = std::sync::atomic::AtomicUsize::new(0);
    let failed = failures(
        &files,
        |file| file.name.clone(),
        |file| {
            let Ok(graph) = file.read() else { return };
            let supported = |node: &tonegraft_model::Node| !matches!(node.op, tonegraft_model::Op::Unsupported { .. });
            if graph.nodes.iter().all(supported) && check(&file.name, &graph) {
                played.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        },
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let played = played.into_inner();
    println!("{played} of {} files play the same", files.len());
    assert!(
        played * 10 >= files.len() * 8,
        "only {played} of {} are played",
        files.len()
    );
}

/// Files of other formats in `folder`.
fn others(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = (std::fs::read_dir(folder).into_iter().flatten())
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let ending = path.extension().and_then(std::ffi::OsStr::to_str);
            ending.is_some_and(|ending| ["json", "aidax", "nam"].contains(&ending)) && !path.ends_with("manifest.json")
        })
        .collect();
    files.sort();
    files
}

#[test]
fn other_formats_play_the_same() {
    let mut files = others(&data::models().join("fixtures/json"));
    assert_eq!(files.len(), 9);
    files.extend(others(&data::models().join("fixtures/nam")));
    if let Some(folder) = data::shared("other_formats_play_the_same") {
        files.extend(others(&folder.join("json")));
        files.extend(others(&folder.join("nam")));
    }
    let failed = failures(
        &files,
        |path| path.display().to_string(),
        |path| {
            let bytes = std::fs::read(path).expect("readable");
            // What is refused is the business of the readers' tests.
            let Ok(graph) = tonegraft_model::read(&bytes, "model", None, &Limits::default()) else {
                return;
            };
            assert!(check("model", &graph), "the engine refuses it");
        },
    );
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
