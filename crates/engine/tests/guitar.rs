//! Ten seconds of guitar through every kind of model: the same bits at every host block, and what the interpreter says.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use support::cases::audio;
use support::corpus::{File, failures, third_party};
use support::{Cuts, assert_same, bits, data, floats_of, instance, offline, stream};
use tonegraft_engine::{Model, StartState};
use tonegraft_model::{Graph, Tensor};

/// Interpreter in double precision against streams in single, through recurrent layers: relative to the larger of 1 and peak.
const TOLERANCE: f32 = 1e-4;

/// 10 s at 48 kHz.
const FRAMES: usize = 480_000;

/// One exporter's file of each kind of model.
fn kinds(folder: &Path) -> Vec<File> {
    let mut seen = BTreeSet::new();
    let mut files = third_party(folder);
    // The exporter whose files keep their length open comes first.
    files.sort_by_key(|file| (!file.name.ends_with(".ts.onnx"), file.name.clone()));
    files.retain(|file| seen.insert(file.stem().to_owned()));
    files
}

/// Index of the time axis of the graph's audio input, and its length if the export fixed it.
fn time(graph: &Graph, model: &Model) -> (usize, Option<usize>) {
    let name = audio(&model.info().inputs);
    let id = graph.inputs.iter().find(|id| graph.value(**id).name == name);
    let shape = &graph.value(*id.expect("there")).shape;
    let open = (1..shape.len()).rev().find(|at| shape[*at].known().is_none());
    let axis = open.unwrap_or_else(|| (0..shape.len()).max_by_key(|at| shape[*at].known()).unwrap_or(0));
    (axis, shape[axis].known())
}

/// Graph inputs for `audio`: knobs at their defaults, states zero.
fn inputs(graph: &Graph, model: &Model, audio: &[f32]) -> BTreeMap<String, Tensor> {
    let (time, _) = time(graph, model);
    let knob = |input: &str, index: usize| {
        let knob = model
            .knobs()
            .iter()
            .find(|knob| knob.input == input && knob.index == index);
        knob.map_or(0.0, |knob| knob.default)
    };
    (model.info().inputs.iter())
        .map(|port| {
            let id = graph.inputs.iter().find(|id| graph.value(**id).name == port.name);
            let dims = graph.value(*id.expect("same names")).shape.iter();
            let mut shape: Vec<usize> = dims.map(|dim| dim.known().unwrap_or(1)).collect();
            let values: Vec<f32> = if port.role == "audio" {
                shape[time] = audio.len();
                let inner: usize = shape[time + 1..].iter().product();
                let outer: usize = shape[..time].iter().product();
                (0..outer * audio.len() * inner)
                    .map(|at| {
                        let plane = at / (audio.len() * inner) * inner + at % inner;
                        if plane == 0 {
                            audio[at / inner % audio.len()]
                        } else {
                            knob(&port.name, plane)
                        }
                    })
                    .collect()
            } else {
                (0..shape.iter().product()).map(|at| knob(&port.name, at)).collect()
            };
            (port.name.clone(), Tensor::f32(shape, values).expect("sizes agree"))
        })
        .collect()
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
        // Single frames cost most: two seconds of them say as much.
        let part = if matches!(cuts, Cuts::Fixed(1)) {
            FRAMES / 5
        } else {
            FRAMES
        };
        let input: Vec<Vec<f32>> = input.iter().map(|channel| channel[..part].to_vec()).collect();
        let again = stream(processor.as_mut(), &input, cuts, &[]);
        for (again, first) in bits(&again).iter().zip(bits(&first)) {
            assert!(again[..] == first[..part], "{cuts:?} gives other bits");
        }
    }
    if model.channels() != (1, 1) {
        return;
    }

    let output = audio(&model.info().outputs);
    let latency = model.info().latency_samples as usize;
    match time(&graph, &model).1 {
        // An open length: a quarter of a second more than the receptive field at once. The tail, which knows where the signal
        // ends, is left out.
        None => {
            let field = (model.info().receptive_field as usize).min(20_000);
            let part = field + 12_000;
            let whole = floats_of(&offline(&graph, &inputs(&graph, &model, &guitar[..part]), &output));
            let streamed = &first[0][..part - field];
            let compared = assert_same(streamed, &whole, part, latency, TOLERANCE, "interpreter");
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
