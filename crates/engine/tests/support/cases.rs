//! What a file must play: its stored reference as input, knob moves and expected output of a stream.

use super::corpus::File;
use super::{Cuts, at_own_rate, bits, config, data, floats_of, noise_vec, stream};
use std::collections::BTreeMap;
use std::path::Path;
use tonegraft_engine::info::Port;
use tonegraft_engine::{Isa, LoadError, Model, StartState, interpret};
use tonegraft_model::{Graph, PhaseRate, Tensor, states};

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
    // A block is all values of the input, in order.
    let block = model.graph().metadata.framing.is_some();
    let x = if block {
        vec![floats_of(x)]
    } else {
        planes(x, longest_axis(x))
    };
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
    let expected = if block {
        vec![floats_of(y)]
    } else {
        planes(y, longest_axis(y))
    };
    let mut input = x[..model.channels().0].to_vec();
    // One long frame, as a stream gives it, comes when it is over.
    let latency = model.info().latency_samples as usize;
    if latency * 2 > frames {
        for channel in &mut input {
            channel.resize(frames + latency, 0.0);
        }
    }
    Ok(Case {
        name: file.name.clone(),
        input,
        knobs,
        first: frames.saturating_sub(expected[0].len()),
        expected,
        model,
    })
}

/// A stored reference for a clip: `y` may be shorter than the clip at its beginning.
fn clip(file: &File, mut input: Vec<f32>, frames: usize, expected: Vec<Vec<f32>>) -> Result<Case, LoadError> {
    let model = file.model()?;
    input.truncate(frames);
    Ok(Case {
        name: file.name.clone(),
        first: input.len() - expected[0].len(),
        input: vec![input],
        knobs: Vec::new(),
        expected,
        model,
    })
}

/// Index of the time axis of the graph's audio input, and its length if the export fixed it.
pub fn time(graph: &Graph, model: &Model) -> (usize, Option<usize>) {
    let name = audio(&model.info().inputs);
    let id = graph.inputs.iter().find(|id| graph.value(**id).name == name);
    let shape = &graph.value(*id.expect("there")).shape;
    let open = (1..shape.len()).rev().find(|at| shape[*at].known().is_none());
    let axis = open.unwrap_or_else(|| (0..shape.len()).max_by_key(|at| shape[*at].known()).unwrap_or(0));
    (axis, shape[axis].known())
}

/// Graph inputs for `audio`, one channel: knobs at their defaults, states zero.
pub fn inputs(graph: &Graph, model: &Model, audio: &[f32]) -> BTreeMap<String, Tensor> {
    let (time, _) = time(graph, model);
    let knob = |input: &str, index: usize| {
        let knob = model
            .knobs()
            .iter()
            .find(|knob| knob.input == input && knob.index == index);
        knob.map_or(0.0, |knob| knob.default)
    };
    // What is fed back is the interpreter's business.
    let fed = |name: &str| graph.metadata.feedback.iter().any(|pair| pair.input == name);
    (model.info().inputs.iter())
        .filter(|port| !fed(&port.name))
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
            } else if let Some(oscillator) = (graph.metadata.phase_input.as_ref()).filter(|own| own.input == port.name)
            {
                // From the beginning of the transport, at the rate that the file declares.
                let hertz = match &oscillator.rate {
                    PhaseRate::Hz(hertz) => *hertz,
                    PhaseRate::Knob(_) => knob(&port.name, 0),
                };
                let rate = f64::from(graph.metadata.sample_rate.unwrap_or(48_000));
                #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
                let turns = |at: usize| (at as f64 * f64::from(hertz) / rate).fract() as f32;
                let open = shape.len() - 1;
                shape[open] = audio.len();
                let rows = shape[..open].iter().product::<usize>();
                (0..rows).flat_map(|_| (0..audio.len()).map(turns)).collect()
            } else {
                (0..shape.iter().product()).map(|at| knob(&port.name, at)).collect()
            };
            (port.name.clone(), Tensor::f32(shape, values).expect("sizes agree"))
        })
        .collect()
}

/// The interpreter over noise in two channels, on the right the same backwards.
fn stereo(file: &File, model: Model, graph: &Graph, left: Vec<f32>, output: &str) -> Case {
    let right: Vec<f32> = left.iter().rev().copied().collect();
    let mut given = inputs(graph, &model, &left);
    let x = given
        .get_mut(&audio(&model.info().inputs))
        .expect("the audio is an input");
    *x = Tensor::f32(x.shape().to_vec(), [left.as_slice(), right.as_slice()].concat()).expect("as large");
    let results = interpret::run(graph, &given).unwrap_or_else(|error| panic!("{error}"));
    let expected = planes(&results[output], longest_axis(&results[output]));
    Case {
        name: file.name.clone(),
        first: left.len() - expected[0].len(),
        input: vec![left, right],
        knobs: Vec::new(),
        expected,
        model,
    }
}

/// Without a stored reference: the interpreter over noise, a fixed length block by block with the states carried over.
fn interpreted(file: &File) -> Result<Case, LoadError> {
    let graph = file.read()?;
    let model = file.compile(graph.clone())?;
    let pairs = states::pairs(&graph);
    let output = audio(&model.info().outputs);
    // A loop settles by one delay a round: few frames where there are many rounds, whatever its tail.
    let shortest = graph.metadata.feedback.iter().map(|pair| pair.delay).min();
    let (block, blocks) = match time(&graph, &model).1 {
        None if shortest.is_some_and(|delay| delay < 32) => (400, 1),
        None if shortest.is_some() => (20_000, 1),
        Some(block) => (block, 2048usize.div_ceil(block).max(3)),
        None => (model.plan().receptive_field + 2000, 1),
    };
    let noise = noise_vec(7, block * blocks);
    if model.channels() == (2, 2) && blocks == 1 {
        return Ok(stereo(file, model, &graph, noise, &output));
    }
    let mut held = BTreeMap::new();
    let mut expected = Vec::new();
    for piece in noise.chunks(block) {
        let mut given = inputs(&graph, &model, piece);
        given.extend(std::mem::take(&mut held));
        let mut results = interpret::run(&graph, &given).unwrap_or_else(|error| panic!("{error}"));
        expected.extend(floats_of(&results[&output]));
        for (state, next) in &pairs {
            let (state, next) = (&graph.value(*state).name, &graph.value(*next).name);
            if let Some(next) = results.remove(next) {
                let shape = given[state].shape().to_vec();
                held.insert(state.clone(), next.reshaped(shape).expect("as large"));
            }
        }
    }
    Ok(Case {
        name: file.name.clone(),
        first: noise.len() - expected.len(),
        input: vec![noise],
        knobs: Vec::new(),
        expected: vec![expected],
        model,
    })
}

/// What a file must play. `folder`: the shared data.
pub fn case(file: &File, folder: &Path) -> Result<Case, LoadError> {
    if let Some((inputs, outputs)) = stored(file) {
        return beside(file, &inputs, &outputs);
    }
    let stem = file.stem();
    let wav = |name: &str| data::wav(&folder.join(name));
    let array = |stem: &str, name: &str| {
        let tensor = data::npz(&folder.join(format!("ref/{stem}.npz")))[name].clone();
        planes(&tensor, longest_axis(&tensor))
    };
    let all = usize::MAX;
    match (file.folder(), stem) {
        ("onnx", "GuitarLSTM-libtorch-dynamic" | "GuitarLSTM-tflite-256") => {
            clip(file, wav("ref/clip_guitar_44k1.wav"), 8192, array(stem, "y"))
        }
        // Its sidecar declares blocks, each of which stands for itself.
        ("onnx", "waveunet_distort") => clip(
            file,
            wav("ref/clip_guitar_44k1.wav"),
            65_536,
            array(stem, "y_block1024"),
        ),
        ("onnx", "ldsp_topline") => clip(file, wav("ref/clip_guitar_48k.wav"), 8192, array(stem, "y")),
        ("onnx", "gtcrn" | "gtcrn_simple") => {
            let expected = wav(&format!("ref/{stem}.wav"));
            clip(file, wav("ref/clip_speech_16k.wav"), all, vec![expected])
        }
        // The reference's first frame is its first 128 samples behind 384 zeros, and its result is written where those stand.
        ("chains", "dtln") => {
            let mut expected = array("dtln_chain", "y");
            expected[0].drain(..384);
            let mut case = clip(file, wav("ref/clip_speech_16k.wav"), all, expected)?;
            case.first = 0;
            Ok(case)
        }
        ("chains", "lyra2-16" | "lyra2-46") => {
            let expected = array(&stem.replace("lyra2-", "lyra_onnx_"), "audio");
            let frames = expected[0].len();
            clip(file, wav("audio/lyra_sample1_16k.wav"), frames, expected)
        }
        ("onnx", "simple_gain_network_mono" | "simple_gain_network_stereo") => {
            let mut case = clip(file, wav("ref/clip_guitar_48k.wav"), all, array(stem, "y"))?;
            if stem.ends_with("stereo") {
                let right = case.input[0].iter().map(|x| -0.5 * x).collect();
                case.input.push(right);
            }
            case.knobs = vec![(0, 0, 0.37)];
            Ok(case)
        }
        ("onnx", stem) if stem.starts_with("steerable") => {
            clip(file, wav("ref/clip_guitar_44k1.wav"), all, array(stem, "y"))
        }
        _ => interpreted(file),
    }
}

/// Streams in one piece and compares; in the end also in pieces of all `cuts`, which must give the same bits.
pub fn measure(case: &Case, isa: Option<Isa>, cuts: &[Cuts]) -> Measured {
    let mut config = at_own_rate(
        &case.model,
        config(case.input.len(), case.expected.len(), StartState::Zero),
    );
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
