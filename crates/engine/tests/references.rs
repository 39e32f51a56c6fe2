//! Every third-party file that must play gives its stored reference from sample 0, interpreted and streamed.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use support::files::{channel, model, read, time_axis, zoo_reference};
use support::{Cuts, data, floats_of, instance, offline, stream};
use tonegraft_engine::{StartState, interpret};
use tonegraft_model::Tensor;

/// Relative to the larger of 1 and the reference's peak.
const TOLERANCE: f32 = 1e-5;

fn assert_close(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let peak = expected.iter().fold(1.0f32, |peak, y| peak.max(y.abs()));
    for (index, (a, b)) in actual.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= TOLERANCE * peak,
            "{what}: index {index}: {a}, reference {b}, peak {peak}"
        );
    }
}

fn zoo(path: &Path) {
    let graph = read(path);
    let (inputs, outputs) = zoo_reference(path);
    let interpreted = interpret::run(&graph, &inputs).unwrap_or_else(|error| panic!("{error}"));
    for (name, expected) in &outputs {
        assert_close(
            &floats_of(&interpreted[name]),
            &floats_of(expected),
            &format!("interpreted {name}"),
        );
    }

    let model = model(graph, path);
    let states: BTreeMap<String, Tensor> = (model.info().inputs.iter())
        .filter(|port| port.role == "state")
        .map(|port| (port.name.clone(), inputs[&port.name].clone()))
        .collect();
    let model = model.with_states(&states).unwrap_or_else(|error| panic!("{error}"));
    let x = &inputs["x"];
    let time = time_axis(&model);
    let frames = x.shape()[time];
    let mut processor = instance(&model, StartState::Zero);
    let mut events = Vec::new();
    for (index, knob) in model.knobs().iter().enumerate() {
        if knob.input == "x" {
            // A knob that is a signal: the reference moves it at every frame.
            events.extend(
                channel(x, time, knob.index)
                    .iter()
                    .enumerate()
                    .map(|(frame, value)| (frame, index, *value)),
            );
        } else {
            events.push((0, index, floats_of(&inputs[&knob.input])[knob.index]));
        }
    }
    assert_eq!(model.info().latency_samples, 0);
    let input = [channel(x, time, 0)];
    for cuts in [Cuts::Fixed(frames), Cuts::Fixed(64), Cuts::Random(3)] {
        processor.reset();
        let streamed = stream(processor.as_mut(), &input, cuts, &events);
        assert_close(&streamed[0], &floats_of(&outputs["y"]), &format!("streamed, {cuts:?}"));
    }
}

fn network(path: &Path, folder: &Path) {
    let stem = path.file_stem().expect("a name").to_string_lossy();
    let input = data::wav(&folder.join("ref/clip_guitar_44k1.wav"));
    let reference = data::npz(&folder.join(format!("ref/{stem}.npz")));
    let expected = floats_of(&reference.iter().find(|(name, _)| name == "y").expect("has y").1);
    let graph = read(path);
    let input_name = graph.value(graph.inputs[0]).name.clone();
    let output_name = graph.value(graph.outputs[0]).name.clone();
    let receptive_field = input.len() - expected.len() + 1;

    let model = model(graph.clone(), path);
    assert_eq!(model.info().receptive_field, receptive_field as u64);
    assert_eq!(model.info().latency_samples, 0);
    let mut processor = instance(&model, StartState::Zero);
    let streamed = stream(processor.as_mut(), std::slice::from_ref(&input), Cuts::Fixed(480), &[]);
    assert_close(&streamed[0][receptive_field - 1..], &expected, "streamed");

    // The interpreter on the first part: plain loops take their time.
    let part = receptive_field + 8191;
    let shape = if time_axis(&model) == 2 {
        vec![1, 1, part]
    } else {
        vec![1, part, 1]
    };
    let tensor = Tensor::f32(shape, input[..part].to_vec()).expect("sizes agree");
    let interpreted = floats_of(&offline(&graph, &BTreeMap::from([(input_name, tensor)]), &output_name));
    assert_close(&interpreted, &expected[..8192], "interpreted");
}

fn check(file: &str) {
    let Some(folder) = data::shared(file) else { return };
    let path = folder.join(file);
    if file.starts_with("export-zoo") {
        zoo(&path);
    } else {
        network(&path, &folder);
    }
}

macro_rules! tests {
    ($($name:ident: $file:literal,)*) => {
        $(
            #[test]
            fn $name() {
                check($file);
            }
        )*

        const FILES: &[&str] = &[$($file),*];
    };
}
for_each_file!(tests);

#[test]
fn no_file_is_left_out() {
    assert_eq!(FILES.len(), support::files::COUNT);
    let Some(folder) = data::shared("no_file_is_left_out") else {
        return;
    };
    let mut there = 0;
    for entry in std::fs::read_dir(folder.join("export-zoo")).expect("readable") {
        let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
        let kind = ["tcn", "lstm", "gru", "trained_ts9_lstm24", "rnn_stateful.ts"]
            .iter()
            .any(|kind| name.starts_with(kind));
        if kind && name.ends_with(".onnx") {
            assert!(
                FILES.contains(&format!("export-zoo/{name}").as_str()),
                "{name} has no test"
            );
            there += 1;
        }
    }
    assert_eq!(there + 3, support::files::COUNT);
}
