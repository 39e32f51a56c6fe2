//! Ten seconds of guitar through every kind of model: the same bits at every host block, and what the interpreter says.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use support::cases::{audio, inputs, time};
use support::corpus::{File, failures, third_party};
use support::{Cuts, assert_same, bits, data, floats_of, instance, offline, stream};
use tonegraft_engine::StartState;

/// Interpreter in double precision against streams in single, through recurrent layers: relative to the larger of 1 and peak.
const TOLERANCE: f32 = 1e-4;

/// 10 s at 48 kHz.
const FRAMES: usize = 480_000;

/// Frames given to the interpreter at once: a multiple of every model's hop.
const WHOLE: usize = 26_880;

/// One exporter's file of each kind of model.
fn kinds(folder: &Path) -> Vec<File> {
    let mut seen = BTreeSet::new();
    let mut files = third_party(folder);
    // The exporter whose files keep their length open comes first.
    files.sort_by_key(|file| (!file.name.ends_with(".ts.onnx"), file.name.clone()));
    files.retain(|file| seen.insert(file.stem().to_owned()));
    files
}

fn play(file: &File, guitar: &[f32]) {
    let Ok(graph) = file.read() else { return };
    // What is refused, and why, is the business of `references.rs`.
    let Ok(model) = file.compile(graph.clone()) else { return };
    let input = vec![guitar.to_vec(); model.channels().0];
    let mut processor = instance(&model, StartState::Zero);
    let first = stream(processor.as_mut(), &input, Cuts::Fixed(64), &[]);
    assert!(first[0].iter().all(|y| y.is_finite()));
    assert!(first[0].iter().any(|y| y.abs() > 1e-3), "it is silent");
    let blocks = [1, 7, 480, 1024].map(Cuts::Fixed);
    for cuts in blocks.into_iter().chain([Cuts::Random(11)]) {
        processor.reset();
        // Small blocks cost most: a second of single frames, and two of a few, say as much.
        let part = match cuts {
            Cuts::Fixed(1) => FRAMES / 10,
            Cuts::Fixed(7) => FRAMES / 5,
            _ => FRAMES,
        };
        let input: Vec<Vec<f32>> = input.iter().map(|channel| channel[..part].to_vec()).collect();
        let again = stream(processor.as_mut(), &input, cuts, &[]);
        for (again, first) in bits(&again).iter().zip(bits(&first)) {
            assert!(again[..] == first[..part], "{cuts:?} gives other bits");
        }
    }
    // Blocks and windows are compared in `references.rs`; here, signals.
    let (axis, length) = time(&graph, &model);
    let told = |key: &str| model.info().inferred.get(key).map_or("", String::as_str);
    let signal = told("time_axis") == axis.to_string()
        && told("window").is_empty()
        && !told("fixed_length").contains("block by block");
    if model.channels() != (1, 1) || graph.metadata.framing.is_some() || graph.metadata.phase_input.is_some() || !signal
    {
        return;
    }

    let output = audio(&model.info().outputs);
    let latency = model.info().latency_samples as usize;
    match length {
        // An open length: a second at once. The end, where the graph knows that the signal is over, is left out.
        None => {
            let whole = floats_of(&offline(&graph, &inputs(&graph, &model, &guitar[..WHOLE]), &output));
            let field = (model.info().receptive_field as usize).min(WHOLE / 2);
            let compared = assert_same(
                &first[0][..WHOLE - field],
                &whole,
                WHOLE,
                latency,
                TOLERANCE,
                "interpreter",
            );
            assert!(compared + latency + field >= 12_000, "{compared} compared");
        }
        // A fixed length: windows of that length, each from a reset.
        Some(length) => {
            for window in [0, 100_000, 200_000, 300_000] {
                let part = guitar[window..window + length].to_vec();
                let whole = floats_of(&offline(&graph, &inputs(&graph, &model, &part), &output));
                processor.reset();
                let streamed = stream(processor.as_mut(), &[part], Cuts::Fixed(64), &[]);
                let compared = assert_same(&streamed[0], &whole, length, latency, TOLERANCE, "interpreter");
                assert!(compared > 0, "nothing compared");
            }
        }
    }
}

#[test]
fn ten_seconds_of_guitar_play_alike_in_every_block() {
    let Some(folder) = data::shared("ten_seconds_of_guitar_play_alike_in_every_block") else {
        return;
    };
    let guitar = data::wav(&folder.join("audio/nam_guitar_di.wav"));
    assert!(guitar.len() >= FRAMES, "{} frames of guitar", guitar.len());
    let files = kinds(&folder);
    assert!(files.len() >= 50, "{} kinds", files.len());
    let failures = failures(&files, |file| file.name.clone(), |file| play(file, &guitar[..FRAMES]));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
