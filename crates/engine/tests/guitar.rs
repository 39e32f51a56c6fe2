//! Ten seconds of guitar through every file that must play: the same bits at every host block, and what the interpreter says.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use support::files::{model, read, time_axis};
use support::{Cuts, assert_same, bits, data, floats_of, instance, offline, stream};
use tonegraft_engine::{Model, StartState};
use tonegraft_model::{Graph, Tensor};

/// Interpreter in double precision against streams in single, through recurrent layers: relative to the larger of 1 and peak.
const TOLERANCE: f32 = 2e-5;

/// 10 s at 48 kHz.
const FRAMES: usize = 480_000;

/// Graph inputs for `audio`: knobs at their defaults, states zero.
fn inputs(graph: &Graph, model: &Model, audio: &[f32]) -> BTreeMap<String, Tensor> {
    let time = time_axis(model);
    (model.info().inputs.iter())
        .map(|port| {
            let id = graph
                .inputs
                .iter()
                .find(|id| graph.value(**id).name == port.name)
                .expect("same names");
            let mut shape: Vec<usize> = graph
                .value(*id)
                .shape
                .iter()
                .map(|dim| dim.known().unwrap_or(1))
                .collect();
            let values = match port.role {
                "audio" => {
                    shape[time] = audio.len();
                    let channels: usize = shape.iter().product::<usize>() / audio.len();
                    let knob = |c: usize| {
                        model
                            .knobs()
                            .iter()
                            .find(|knob| knob.index == c)
                            .map_or(0.0, |knob| knob.default)
                    };
                    let value = |t: usize, c: usize| if c == 0 { audio[t] } else { knob(c) };
                    if time == 2 {
                        (0..channels)
                            .flat_map(|c| (0..audio.len()).map(move |t| (t, c)))
                            .map(|(t, c)| value(t, c))
                            .collect()
                    } else {
                        (0..audio.len())
                            .flat_map(|t| (0..channels).map(move |c| (t, c)))
                            .map(|(t, c)| value(t, c))
                            .collect()
                    }
                }
                "knob" => vec![0.5; shape.iter().product()],
                _ => vec![0.0; shape.iter().product()],
            };
            (port.name.clone(), Tensor::f32(shape, values).expect("sizes agree"))
        })
        .collect()
}

fn check(file: &str) {
    let Some(folder) = data::shared(file) else { return };
    let path = folder.join(file);
    play(&path, &folder, FRAMES);
}

fn play(path: &Path, folder: &Path, frames: usize) {
    let guitar = data::wav(&folder.join("audio/nam_guitar_di.wav"));
    assert!(guitar.len() >= frames, "{} frames of guitar", guitar.len());
    let input = vec![guitar[..frames].to_vec()];
    let graph = read(path);
    let model = model(graph.clone(), path);
    let mut processor = instance(&model, StartState::Zero);
    let first = stream(processor.as_mut(), &input, Cuts::Fixed(64), &[]);
    assert!(first[0].iter().all(|y| y.is_finite()));
    assert!(first[0].iter().any(|y| y.abs() > 1e-3), "it sounds");
    for cuts in [1, 7, 480, 1024].map(Cuts::Fixed).into_iter().chain([Cuts::Random(11)]) {
        processor.reset();
        // Single frames cost most: two seconds of them say as much.
        let part = if matches!(cuts, Cuts::Fixed(1)) {
            frames / 5
        } else {
            frames
        };
        let again = stream(processor.as_mut(), &[input[0][..part].to_vec()], cuts, &[]);
        assert!(bits(&again)[0][..] == bits(&first)[0][..part], "{cuts:?}");
    }

    let output = model
        .info()
        .outputs
        .iter()
        .find(|port| port.role == "audio")
        .expect("an output")
        .name
        .clone();
    let latency = model.info().latency_samples as usize;
    let audio = &graph.value(graph.inputs[0]).shape[time_axis(&model)];
    match audio.known() {
        // An open length: a quarter of a second more than the receptive field at once.
        None => {
            let part = (model.info().receptive_field as usize).min(20_000) + 12_000;
            let whole = floats_of(&offline(&graph, &inputs(&graph, &model, &input[0][..part]), &output));
            let compared = assert_same(&first[0][..part], &whole, part, latency, TOLERANCE, "interpreter");
            assert!(compared >= 12_000, "{compared} compared");
        }
        // A fixed length: windows of that length, each from a reset.
        Some(length) => {
            for window in [0, 100_000, 200_000, 300_000] {
                let part = input[0][window..window + length].to_vec();
                let whole = floats_of(&offline(&graph, &inputs(&graph, &model, &part), &output));
                processor.reset();
                let streamed = stream(processor.as_mut(), &[part], Cuts::Fixed(64), &[]);
                let compared = assert_same(&streamed[0], &whole, length, latency, TOLERANCE, "interpreter");
                assert_eq!(compared, length);
            }
        }
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
    };
}
for_each_file!(tests);
