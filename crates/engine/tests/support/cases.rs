//! What a file must play: its stored reference as input, knob moves and expected output of a stream.

use super::corpus::File;
use super::{Cuts, bits, config, data, floats_of, noise_vec, stream};
use std::collections::BTreeMap;
use std::path::Path;
use tonegraft_engine::info::Port;
use tonegraft_engine::{Isa, LoadError, Model, StartState, interpret};
use tonegraft_model::{Graph, Tensor};

/// Largest difference allowed, relative to the larger of 1 and the reference's peak.
///
/// The chorus reads a delay line at positions up to 512, where 32-bit floats have steps of 3e-5, and its signal is noise: ONNX
/// Runtime's own result is 1.2e-5 from the stored one, which is PyTorch's.
pub fn tolerance(file: &File) -> f32 {
    if file.stem() == "chorus_delay_gather" {
        3e-5
    } else {
        1e-5
    }
}

/// A model with input and expected output.
pub struct Case {
    /// For messages.
    pub name: String,
    /// The model, with start states and wide knobs.
    pub model: Model,
    /// `[channels][frames]`.
    pub input: Vec<Vec<f32>>,
    /// `(frame, knob, value)`.
    pub knobs: Vec<(usize, usize, f32)>,
    /// `[channels][frames]`.
    pub expected: Vec<Vec<f32>>,
    /// Index 0 of `expected` belongs to this frame of the input.
    pub first: usize,
}

/// How far a stream was from the reference.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Largest difference, relative to the larger of 1 and the reference's peak.
    pub error: f32,
    /// Frames compared, per channel.
    pub compared: usize,
}

/// Planes of a tensor with time on `axis`, as `[planes][frames]`.
pub fn planes(tensor: &Tensor, axis: usize) -> Vec<Vec<f32>> {
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

/// The axis of a reference that is time: the longest.
pub fn longest_axis(tensor: &Tensor) -> usize {
    (0..tensor.rank()).max_by_key(|axis| tensor.shape()[*axis]).unwrap_or(0)
}

/// The name of the audio among inputs or outputs.
pub fn audio(ports: &[Port]) -> String {
    let port = ports.iter().find(|port| port.role == "audio");
    port.expect("one is audio").name.clone()
}

/// Inputs and outputs in the `.npz` beside a file, by the graph's names.
pub fn stored(file: &File) -> Option<(BTreeMap<String, Tensor>, BTreeMap<String, Tensor>)> {
    let path = file.path.with_file_name(format!("{}.npz", file.stem()));
    if !path.is_file() {
        return None;
    }
    let (mut inputs, mut outputs) = (BTreeMap::new(), BTreeMap::new());
    for (name, tensor) in data::npz(&path) {
        if let Some(name) = name.strip_prefix("in_") {
            inputs.insert(name.to_owned(), tensor);
        } else if let Some(name) = name.strip_prefix("out_") {
            outputs.insert(name.to_owned(), tensor);
        }
    }
    Some((inputs, outputs))
}

/// The model with knobs that take any value of a reference, which was made with random numbers.
fn wide(file: &File, mut graph: Graph) -> Result<Model, LoadError> {
    let model = file.compile(graph.clone())?;
    if model.knobs().is_empty() {
        return Ok(model);
    }
    graph.metadata.knobs = model.knobs().to_vec();
    for knob in &mut graph.metadata.knobs {
        (knob.min, knob.max) = (-1000.0, 1000.0);
    }
    file.compile(graph)
}

/// The reference beside the file: one call of the graph with everything given.
fn beside(
    file: &File,
    inputs: &BTreeMap<String, Tensor>,
    outputs: &BTreeMap<String, Tensor>,
) -> Result<Case, LoadError> {
    let model = wide(file, file.read()?)?;
    let states: BTreeMap<String, Tensor> = (model.info().inputs.iter())
        .filter(|port| port.role == "state")
        .map(|port| (port.name.clone(), inputs[&port.name].clone()))
        .collect();
    let model = model.with_states(&states)?;
    let input_name = audio(&model.info().inputs);
    let x = &inputs[&input_name];
    let x = planes(x, longest_axis(x));
    let frames = x[0].len();
    let mut knobs = Vec::new();
    for (index, knob) in model.knobs().iter().enumerate() {
        // A knob that is a signal moves at every frame.
        let signal = if knob.input == input_name {
            x[knob.index].clone()
        } else {
            let values = floats_of(&inputs[&knob.input]);
            if values.len() == frames && knob.index == 0 {
                values
            } else {
                vec![values[knob.index]]
            }
        };
        knobs.extend(signal.iter().enumerate().map(|(frame, value)| (frame, index, *value)));
    }
    let y = &outputs[&audio(&model.info().outputs)];
    let expected = planes(y, longest_axis(y));
    Ok(Case {
        name: file.name.clone(),
        input: x[..model.channels().0].to_vec(),
        knobs,
        first: frames.saturating_sub(expected[0].len()),
        expected,
        model,
    })
}

/// A reference of the shared data that is one array `y` (or `audio`) for a clip.
fn clip(file: &File, folder: &Path, reference: &str, clip: &str, frames: Option<usize>) -> Result<Case, LoadError> {
    let model = file.model()?;
    let mut input = data::wav(&folder.join("ref").join(clip));
    let y = data::npz(&folder.join(format!("ref/{reference}.npz")))["y"].clone();
    let expected = planes(&y, longest_axis(&y));
    input.truncate(frames.unwrap_or(input.len()));
    Ok(Case {
        name: file.name.clone(),
        first: input.len() - expected[0].len(),
        input: vec![input],
        knobs: Vec::new(),
        expected,
        model,
    })
}

/// Without a stored reference: the interpreter over noise, a fixed length block by block with the states carried over.
fn interpreted(file: &File) -> Result<Case, LoadError> {
    let graph = file.read()?;
    let model = file.compile(graph.clone())?;
    let streamed = tonegraft_engine::stream::compile(&graph, &BTreeMap::new()).expect("it has just been compiled");
    let (input, output) = (audio(&model.info().inputs), audio(&model.info().outputs));
    let id = graph
        .inputs
        .iter()
        .find(|id| graph.value(**id).name == input)
        .expect("there");
    let dims = &graph.value(*id).shape;
    let open = dims.iter().position(|dim| dim.known().is_none());
    let time = open.unwrap_or_else(|| (0..dims.len()).max_by_key(|at| dims[*at].known()).expect("an axis"));
    let (block, blocks) = match dims[time].known() {
        Some(block) => (block, 2048usize.div_ceil(block).max(3)),
        None => (usize::try_from(model.info().receptive_field).expect("small") + 2000, 1),
    };
    let audio_in = noise_vec(7, block * blocks);
    let mut shape: Vec<usize> = dims.iter().map(|dim| dim.known().unwrap_or(1)).collect();
    shape[time] = block;
    let mut inputs: BTreeMap<String, Tensor> = (graph.inputs.iter())
        .map(|id| {
            let value = graph.value(*id);
            let shape: Vec<usize> = value.shape.iter().map(|dim| dim.known().unwrap_or(1)).collect();
            let zeros = vec![0.0; shape.iter().product()];
            (value.name.clone(), Tensor::f32(shape, zeros).expect("sizes agree"))
        })
        .collect();
    let mut expected = Vec::new();
    for piece in audio_in.chunks(block) {
        inputs.insert(
            input.clone(),
            Tensor::f32(shape.clone(), piece.to_vec()).expect("sizes agree"),
        );
        let mut results = interpret::run(&graph, &inputs).unwrap_or_else(|error| panic!("{error}"));
        expected.extend(floats_of(&results[&output]));
        for (state, next) in &streamed.states {
            if let Some(next) = next.as_ref().and_then(|next| results.remove(next)) {
                inputs.insert(state.clone(), next);
            }
        }
    }
    Ok(Case {
        name: file.name.clone(),
        first: audio_in.len() - expected.len(),
        input: vec![audio_in],
        knobs: Vec::new(),
        expected: vec![expected],
        model,
    })
}

/// What a file must play. `folder`: the shared data.
pub fn case(file: &File, folder: &Path) -> Result<Case, LoadError> {
    const GUITAR: &str = "clip_guitar_44k1.wav";
    let stem = file.stem();
    if let Some((inputs, outputs)) = stored(file) {
        return beside(file, &inputs, &outputs);
    }
    match (file.folder(), stem) {
        ("onnx", "GuitarLSTM-libtorch-dynamic" | "GuitarLSTM-tflite-256") => {
            clip(file, folder, stem, GUITAR, Some(8192))
        }
        ("onnx", "waveunet_distort") => clip(file, folder, stem, GUITAR, Some(65_536)),
        ("onnx", "ldsp_topline") => clip(file, folder, stem, "clip_guitar_48k.wav", Some(8192)),
        ("onnx", "simple_gain_network_mono" | "simple_gain_network_stereo") => {
            let mut case = clip(file, folder, stem, "clip_guitar_48k.wav", None)?;
            if stem.ends_with("stereo") {
                let right = case.input[0].iter().map(|x| -0.5 * x).collect();
                case.input.push(right);
            }
            case.knobs = vec![(0, 0, 0.37)];
            Ok(case)
        }
        ("onnx", stem) if stem.starts_with("steerable") => clip(file, folder, stem, GUITAR, None),
        _ => interpreted(file),
    }
}

/// Streams in one piece and compares; in the end also in pieces of all `cuts`, which must give the same bits.
pub fn measure(case: &Case, isa: Option<Isa>, cuts: &[Cuts]) -> Measured {
    let mut config = config(case.input.len(), case.expected.len(), StartState::Zero);
    config.isa = isa;
    let mut processor = (case.model.instantiate(&config)).unwrap_or_else(|error| panic!("{error}"));
    let frames = case.input[0].len();
    let first = stream(processor.as_mut(), &case.input, Cuts::Fixed(frames), &case.knobs);
    let late = case.first + case.model.info().latency_samples as usize;
    let mut measured = Measured {
        error: 0.0,
        compared: usize::MAX,
    };
    assert_eq!(first.len(), case.expected.len(), "channels");
    for (streamed, expected) in first.iter().zip(&case.expected) {
        let peak = expected.iter().fold(1.0f32, |peak, y| peak.max(y.abs()));
        let pairs: Vec<(f32, f32)> = streamed
            .iter()
            .skip(late)
            .copied()
            .zip(expected.iter().copied())
            .collect();
        measured.compared = measured.compared.min(pairs.len());
        for (a, b) in pairs {
            let error = (a - b).abs() / peak;
            // Not `max`, which leaves NaN out.
            if error.is_nan() || error > measured.error {
                measured.error = error;
            }
        }
    }
    for cuts in cuts {
        // Single frames cost most: the beginning says as much.
        let part = if matches!(cuts, Cuts::Fixed(1)) {
            frames.min(12_000)
        } else {
            frames
        };
        processor.reset();
        let input: Vec<Vec<f32>> = case.input.iter().map(|channel| channel[..part].to_vec()).collect();
        let again = stream(processor.as_mut(), &input, *cuts, &case.knobs);
        for (again, first) in bits(&again).iter().zip(bits(&first)) {
            assert!(again[..] == first[..part], "{cuts:?} gives other bits");
        }
    }
    measured
}
