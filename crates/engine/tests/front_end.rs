//! Models with a spectral front end and chains of models, frame by frame through the interpreter, against outside references.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tonegraft_engine::interpret;
use tonegraft_model::{FrameStart, Framing, Graph, Limits, Tensor, chain, read, read_any, states};

/// Largest difference to a reference, for signals within −1 … 1; of larger ones, in parts of their peak.
const TOLERANCE: f32 = 1e-4;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder with other people's files; `None`, said aloud, where it is absent and may be.
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("TONEGRAFT_TEST_DATA")
        .map_or_else(|| workspace().join("../shared/data"), |given| workspace().join(given));
    if folder.join("onnx").is_dir() {
        return Some(folder);
    }
    let required = std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_some_and(|value| value == "1");
    assert!(
        !required,
        "the test data is required, but {} is not there",
        folder.display()
    );
    println!("skipped: no test data at {}", folder.display());
    None
}

fn wav(path: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = reader.spec();
    assert_eq!(spec.channels, 1, "{}", path.display());
    match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().map(|s| s.expect("readable")).collect(),
        hound::SampleFormat::Int => {
            let scale = 1.0 / f64::from(1u32 << (spec.bits_per_sample - 1));
            let whole = reader.samples::<i32>().map(|s| f64::from(s.expect("readable")));
            whole.map(|s| (s * scale) as f32).collect()
        }
    }
}

fn array(path: &Path, name: &str) -> Vec<f32> {
    let mut archive = npyz::npz::NpzArchive::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let array = archive.by_name(name).expect("readable").expect("present");
    array.into_vec::<f32>().expect("floats")
}

/// A model of frames with its states, as whoever plays it would run it.
struct Framed {
    graph: Graph,
    framing: Framing,
    /// Output of the last run and the input that takes it up.
    states: Vec<(String, String)>,
    held: BTreeMap<String, Tensor>,
}

impl Framed {
    fn new(graph: Graph) -> Self {
        let framing = graph.metadata.framing.expect("a model of frames");
        let mut held = BTreeMap::new();
        let states: Vec<(String, String)> = states::pairs(&graph)
            .into_iter()
            .map(|(from, to)| (graph.value(from).name.clone(), graph.value(to).name.clone()))
            .collect();
        for id in &graph.inputs {
            let value = graph.value(*id);
            if Some(&value.name) == graph.metadata.audio_input.as_ref() {
                continue;
            }
            assert!(
                states.iter().any(|(input, _)| *input == value.name),
                "`{}` is neither audio nor a state",
                value.name
            );
            let shape: Vec<usize> = value.shape.iter().map(|dim| dim.known().expect("known")).collect();
            let zeros = vec![0.0; shape.iter().product()];
            held.insert(value.name.clone(), Tensor::f32(shape, zeros).expect("sizes agree"));
        }
        Self {
            graph,
            framing,
            states,
            held,
        }
    }

    fn run(&mut self, frame: &[f32]) -> Vec<f32> {
        let metadata = &self.graph.metadata;
        let (input, output) = (
            metadata.audio_input.clone().expect("declared"),
            metadata.audio_output.clone().expect("declared"),
        );
        let id = self.graph.inputs.iter().find(|id| self.graph.value(**id).name == input);
        let dims = &self.graph.value(*id.expect("there")).shape;
        let shape: Vec<usize> = dims.iter().map(|dim| dim.known().expect("known")).collect();
        let frame = Tensor::f32(shape, frame.to_vec()).expect("a frame");
        self.held.insert(input, frame);
        let mut given = interpret::run(&self.graph, &self.held).unwrap_or_else(|error| panic!("{error}"));
        for (from, to) in &self.states {
            let value = given.remove(to).expect("a state");
            let shape = self.held[from].shape().to_vec();
            self.held.insert(from.clone(), value.reshaped(shape).expect("as large"));
        }
        given[&output].as_f32().expect("audio").to_vec()
    }

    /// Overlapping frames, the first at the first sample, added up where they lie.
    fn overlap_add(&mut self, audio: &[f32]) -> Vec<f32> {
        let Framing { size, hop, .. } = self.framing;
        let mut out = vec![0.0; audio.len()];
        for start in (0..=audio.len() - size).step_by(hop) {
            let frame = self.run(&audio[start..start + size]);
            for (sum, value) in out[start..].iter_mut().zip(frame) {
                *sum += value;
            }
        }
        out
    }
}

fn compare(what: &str, found: &[f32], wanted: &[f32]) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let peak = wanted.iter().fold(0.0f32, |peak, value| peak.max(value.abs()));
    assert!(peak > 0.01, "{what}: the reference is silent");
    let differences = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).enumerate();
    let (at, worst) = differences.max_by(|a, b| a.1.total_cmp(&b.1)).expect("samples");
    println!(
        "{what}: largest difference {worst:.2e}, at {at} of {}, at a peak of {peak:.3}",
        found.len()
    );
    assert!(worst <= TOLERANCE * peak.max(1.0), "{what}: differs by {worst:.2e}");
}

fn with_sidecar(data: &Path, folder: &str, file: &str) -> Graph {
    let sidecar = workspace()
        .join("models/sidecars")
        .join(format!("{file}.tonegraft.json"));
    let sidecar = std::fs::read_to_string(sidecar).expect("a sidecar");
    let bytes = std::fs::read(data.join(folder).join(file)).expect("a model");
    read(&bytes, file, Some(&sidecar), &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn read_chain(name: &str, models: &Path) -> Graph {
    let file = format!("{name}.tonegraft-chain.json");
    let bytes = std::fs::read(workspace().join("models/chains").join(&file)).expect("a chain");
    let limits = Limits::default();
    let mut resolve = chain::beside(&models.join(&file), limits.max_bytes);
    let graph = read_any(&bytes, &file, None, &mut resolve, &limits).unwrap_or_else(|error| panic!("{error}"));
    let packed = chain::pack(&bytes, &file, &mut resolve, &limits).unwrap_or_else(|error| panic!("{error}"));
    let again = read(&packed, &file, None, &limits).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        format!("{:?}", graph.nodes),
        format!("{:?}", again.nodes),
        "{name} packed"
    );
    graph
}

fn gtcrn(file: &str, reference: &str) {
    let Some(data) = data() else { return };
    let graph = with_sidecar(&data, "onnx", file);
    assert_eq!(
        graph.metadata.framing,
        Some(Framing {
            size: 512,
            hop: 256,
            start: FrameStart::Whole
        })
    );
    let mut model = Framed::new(graph);
    assert_eq!(model.states.len(), 3);
    let found = model.overlap_add(&wav(&data.join("ref/clip_speech_16k.wav")));
    compare(file, &found, &wav(&data.join(format!("ref/{reference}.wav"))));
    let cache = model.held["inter_cache"].as_f32().expect("floats");
    compare(
        &format!("{file}, last inter_cache"),
        cache,
        &array(&data.join(format!("ref/{reference}.npz")), "final_inter_cache"),
    );
}

#[test]
fn gtcrn_as_exported() {
    gtcrn("gtcrn.onnx", "gtcrn");
}

#[test]
fn gtcrn_simplified() {
    gtcrn("gtcrn_simple.onnx", "gtcrn_simple");
}

/// Frames end at the newest sample, the first of them with zeros before it; what leaves the buffer at its beginning is heard.
#[test]
fn dtln() {
    let Some(data) = data() else { return };
    let mut model = Framed::new(read_chain("dtln", &data.join("onnx")));
    let Framing { size, hop, .. } = model.framing;
    assert_eq!((size, hop), (512, 128));
    let audio = wav(&data.join("ref/clip_speech_16k.wav"));
    let (mut past, mut sum, mut out) = (vec![0.0f32; size], vec![0.0f32; size], vec![0.0f32; audio.len()]);
    for index in 0..audio.len() / hop {
        past.drain(..hop);
        past.extend_from_slice(&audio[index * hop..(index + 1) * hop]);
        sum.drain(..hop);
        sum.resize(size, 0.0);
        for (sum, value) in sum.iter_mut().zip(model.run(&past)) {
            *sum += value;
        }
        out[index * hop..(index + 1) * hop].copy_from_slice(&sum[..hop]);
    }
    compare("DTLN", &out, &array(&data.join("ref/dtln_chain.npz"), "y"));
    for (state, wanted) in [
        ("dtln_model_1/input_3", "final_state1"),
        ("dtln_model_2/input_5", "final_state2"),
    ] {
        let found = model.held[state].as_f32().expect("floats");
        compare(state, found, &array(&data.join("ref/dtln_chain.npz"), wanted));
    }
}

fn lyra(stages: usize) {
    let Some(data) = data() else { return };
    let mut model = Framed::new(read_chain(&format!("lyra2-{stages}"), &data.join("codec")));
    assert_eq!(model.states.len(), 14 + 18);
    let audio = wav(&data.join("audio/lyra_sample1_16k.wav"));
    let wanted = array(&data.join(format!("ref/lyra_onnx_{stages}.npz")), "audio");
    let found: Vec<f32> = (audio.chunks_exact(320).take(wanted.len() / 320))
        .flat_map(|frame| model.run(frame))
        .collect();
    compare(&format!("Lyra at {stages} stages"), &found, &wanted);
}

#[test]
fn lyra_at_16_stages() {
    lyra(16);
}

#[test]
fn lyra_at_46_stages() {
    lyra(46);
}

#[test]
fn wave_u_net_in_blocks() {
    let Some(data) = data() else { return };
    let graph = with_sidecar(&data, "onnx", "waveunet_distort.onnx");
    assert_eq!(
        graph.metadata.framing,
        Some(Framing {
            size: 1024,
            hop: 1024,
            start: FrameStart::Silence
        })
    );
}
