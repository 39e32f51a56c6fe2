//! The repository's own fixtures: each matches its stored reference, interpreted and streamed, or is refused for the reason
//! it was made to show.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use support::files::{model, read, zoo_reference};
use support::{Cuts, assert_same, bits, data, floats_of, instance, stream};
use tonegraft_engine::{Model, Options, StartState, interpret};
use tonegraft_model::Tensor;

/// Relative to the larger of 1 and the reference's peak.
const TOLERANCE: f32 = 1e-5;

/// Fixtures that change the rate: interpreted only, and refused with these words.
const REFUSED: &[(&str, &str)] = &[
    ("conv_strided", "changes the rate"),
    ("conv_transpose", "changes the rate"),
    ("conv_transpose_grouped", "ConvTranspose"),
];

/// `[planes][frames]`, time on `axis`.
fn planes(tensor: &Tensor, axis: usize) -> Vec<Vec<f32>> {
    let (values, shape) = (floats_of(tensor), tensor.shape());
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    let frames = shape[axis];
    (0..outer * inner)
        .map(|plane| {
            (0..frames)
                .map(|t| values[(plane / inner * frames + t) * inner + plane % inner])
                .collect()
        })
        .collect()
}

fn longest_axis(tensor: &Tensor) -> usize {
    (0..tensor.rank()).max_by_key(|axis| tensor.shape()[*axis]).unwrap_or(0)
}

fn check(path: &Path) {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut graph = read(path);
    let (inputs, outputs) = zoo_reference(path);
    let interpreted = interpret::run(&graph, &inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (output, expected) in &outputs {
        assert_eq!(interpreted[output].shape(), expected.shape(), "{name}: {output}");
        let (a, b) = (floats_of(&interpreted[output]), floats_of(expected));
        assert_eq!(
            assert_same(&a, &b, b.len(), 0, TOLERANCE, &format!("{name}: interpreted {output}")),
            b.len()
        );
    }

    if let Some((_, words)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        let error = Model::from_graph(graph, &name, &Options::default()).expect_err("changes the rate");
        assert!(error.to_string().contains(words), "{name}: {error}");
        return;
    }

    // Knobs with a range that lets the reference's values through.
    let mut knobs = model(graph.clone(), path).knobs().to_vec();
    for knob in &mut knobs {
        (knob.min, knob.max) = (-100.0, 100.0);
    }
    graph.metadata.knobs = knobs;
    let model = model(graph, path);
    let states: BTreeMap<String, Tensor> = (model.info().inputs.iter())
        .filter(|port| port.role == "state")
        .map(|port| (port.name.clone(), inputs[&port.name].clone()))
        .collect();
    let model = model
        .with_states(&states)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let audio = |ports: &[tonegraft_engine::info::Port]| {
        ports
            .iter()
            .find(|port| port.role == "audio")
            .expect("audio")
            .name
            .clone()
    };
    let (input_name, output_name) = (audio(&model.info().inputs), audio(&model.info().outputs));
    let x = planes(&inputs[&input_name], longest_axis(&inputs[&input_name]));
    let frames = x[0].len();
    let mut events = Vec::new();
    for (index, knob) in model.knobs().iter().enumerate() {
        if knob.input == input_name {
            events.extend(
                x[knob.index]
                    .iter()
                    .enumerate()
                    .map(|(frame, value)| (frame, index, *value)),
            );
        } else {
            events.push((0, index, floats_of(&inputs[&knob.input])[knob.index]));
        }
    }
    let channels: Vec<Vec<f32>> = x[..model.channels().0].to_vec();
    let expected = planes(&outputs[&output_name], longest_axis(&outputs[&output_name]));
    assert_eq!(expected.len(), model.channels().1, "{name}");
    let mut processor = instance(&model, StartState::Zero);
    let latency = model.info().latency_samples as usize;
    let first = stream(processor.as_mut(), &channels, Cuts::Fixed(frames), &events);
    for (streamed, expected) in first.iter().zip(&expected) {
        let compared = assert_same(
            streamed,
            expected,
            frames,
            latency,
            TOLERANCE,
            &format!("{name}: streamed"),
        );
        assert_eq!(compared, expected.len() - latency, "{name}");
    }
    for cuts in [Cuts::Fixed(1), Cuts::Fixed(7), Cuts::Fixed(64), Cuts::Random(2)] {
        processor.reset();
        let again = stream(processor.as_mut(), &channels, cuts, &events);
        assert!(bits(&again) == bits(&first), "{name}: {cuts:?}");
    }
}

#[test]
fn every_fixture_matches_its_reference() {
    let mut paths: Vec<_> = std::fs::read_dir(data::fixtures())
        .expect("models/fixtures is part of the repository")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .collect();
    paths.sort();
    let failures: Vec<String> = paths
        .iter()
        .filter_map(|path| {
            let outcome = std::panic::catch_unwind(|| check(path));
            outcome.err().map(|_| path.display().to_string())
        })
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(paths.len() >= 41, "{} fixtures", paths.len());
}
