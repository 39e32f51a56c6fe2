//! Writes the first inputs of every target: `seeds CORPUS REPOSITORY [TEST_DATA]`.
//!
//! Models are those of the repository and of the third-party data, up to [`LARGEST`] bytes; audio files and sessions are made here.

#[path = "../../../crates/chain/tests/common/encode.rs"]
mod encode;

use encode::{aiff, flac, wav};
use std::fs;
use std::path::{Path, PathBuf};
use tonegraft_analysis::listening::{
    Answer, Entropy, Kind, Passage, Place, Plan, Role, Setup, Stimulus, Subject, Test, VoidReason,
};
use tonegraft_library::ModelRef;
use tonegraft_library::host_state::{ParamValue, to_stream};
use tonegraft_library::session::{SessionState, encode};

/// Larger files cost a fuzzer more time than they open new ways.
const LARGEST: u64 = 50_000;

/// Targets that begin with model files.
const OF_MODELS: &[&str] = &["onnx", "instance", "graph"];

/// For the models of the target `sidecar`.
const SIDECARS: &[&str] = &[
    r#"{}"#,
    r#"{"name": "Film", "kind": "effect", "category": "amp", "sample_rate": 48000, "audio_input": "input", "audio_output": "output"}"#,
    r#"{"knobs": [{"name": "Drive", "input": "knobs", "index": 0, "min": 0, "max": 10, "default": 5, "unit": "dB"}, {"name": "Tone", "input": "knobs", "index": 1}]}"#,
    r#"{"author": "somebody", "licence": "MIT", "description": "a sentence", "training_esr": 0.01, "declared_delay": 12, "version": "1"}"#,
    r#"{"block_size": 16, "states": {"h": "h_out", "c": "c_out"}, "seed": 3, "meters": ["output"], "tonegraft.name": null}"#,
    r#"{"frame": {"size": 64, "hop": 16}, "phase_input": {"input": "phase", "rate_hz": 0.5}}"#,
    r#"{"feedback": {"back": {"output": "send", "delay": 3}}, "tail": 2.5}"#,
    r#"{"stft": {"size": 6, "hop": 3, "window": "hann", "input": "magnitude", "output": "mask", "normalise": "envelope", "single_frames": true}}"#,
    r#"{"stft": {"size": 6, "hop": 2, "window": "sqrt_hann", "synthesis_window": "rectangular", "input": "log_magnitude", "output": "log_magnitude", "inputs": ["input"], "outputs": ["output"], "normalise": "none", "single_frames": true}}"#,
];

/// For the models of the target `chain`.
const CHAINS: &[&str] = &[
    r#"{"tonegraft_chain": 1, "stages": [{"model": "conv.onnx"}]}"#,
    r#"{"tonegraft_chain": 1, "name": "two", "sample_rate": 48000, "stages": [{"model": "conv.onnx"}, {"op": "tanh"}, {"model": "valid.onnx"}]}"#,
    r#"{"tonegraft_chain": 1, "stages": [{"model": "strided.onnx"}, {"model": "transpose.onnx"}]}"#,
    r#"{"tonegraft_chain": 1, "input": "in", "output": "out", "stages": [{"model": "conv.onnx", "inputs": {"input": "in"}, "outputs": {"output": "a"}}, {"op": "add", "inputs": ["in", "a"], "output": "out"}]}"#,
    r#"{"tonegraft_chain": 1, "stages": [{"model": "film.onnx", "constants": {"knobs": 0.5}}, {"op": "multiply", "value": 0.5}]}"#,
    r#"{"tonegraft_chain": 1, "stages": [{"model": "state.onnx", "states": {"h": "h_out", "c": "c_out"}}]}"#,
    r#"{"tonegraft_chain": 1, "frame": {"size": 16, "hop": 8}, "stages": [{"op": "window", "window": "hann"}, {"op": "rfft", "output": "s"}, {"op": "magnitude", "input": "s", "output": "m"}, {"op": "phase", "input": "s", "output": "p"}, {"op": "polar", "inputs": ["m", "p"]}, {"op": "irfft"}, {"op": "window", "window": "sqrt_hann"}]}"#,
    r##"{"tonegraft_chain": 1, "frame": {"size": 16, "hop": 16}, "stages": [{"op": "reshape", "shape": [1, 4, 4]}, {"op": "transpose", "perm": [0, 2, 1]}, {"op": "slice", "axis": 1, "start": 0, "end": 2}, {"op": "concat", "axis": 1, "inputs": ["#3", "#3"]}, {"op": "reshape", "shape": [1, 16]}]}"##,
    r#"{"tonegraft_chain": 1, "frame": {"size": 16, "hop": 16}, "stages": [{"op": "rfft", "output": "s"}, {"op": "real", "input": "s", "output": "r"}, {"op": "imaginary", "input": "s", "output": "i"}, {"op": "complex", "inputs": ["r", "i"]}, {"op": "irfft"}, {"op": "keep_stages", "count": 2}, {"op": "log"}, {"op": "exp"}, {"op": "sqrt"}, {"op": "abs"}, {"op": "subtract", "value": 1}, {"op": "divide", "value": 2}, {"op": "power"}]}"#,
    r#"{"tonegraft_chain": 1, "stages": [{"model": {"name": "a.onnx", "data": "CAgSBHRlc3Q=", "sidecar": {"name": "A"}}}, {"model": "broken.onnx", "name": "B"}]}"#,
];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [corpus, repository, data @ ..] = arguments.as_slice() else {
        return Err("seeds CORPUS REPOSITORY [TEST_DATA]".into());
    };
    let mut models = Vec::new();
    for folder in ["models/fixtures", "models/shipped", "tests/data"] {
        find(&repository.join(folder), &mut models)?;
    }
    if let Some(data) = data.first() {
        find(data, &mut models)?;
    }
    for target in OF_MODELS {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (index, model) in models.iter().enumerate() {
            let stem = model.file_stem().unwrap_or_default().to_string_lossy();
            fs::copy(model, folder.join(format!("{stem}-{index}.onnx")))?;
        }
    }
    println!("{} models", models.len());
    captures(&corpus.join("nam"), repository, data.first())?;
    json_models(&corpus.join("json"), &repository.join("models/fixtures/json"))?;
    sessions(&corpus.join("session"), repository)?;
    texts(&corpus.join("sidecar"), SIDECARS)?;
    texts(&corpus.join("chain"), CHAINS)?;
    logs(&corpus.join("log"))?;
    audio(&corpus.join("wav"))?;
    responses(&corpus.join("ir"))
}

/// Logs of listening tests of every kind, finished, ended early and void.
fn logs(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for kind in [Kind::Abx, Kind::Training, Kind::Preference, Kind::Likeness] {
        for (name, answers) in [("early", 3), ("whole", 16), ("void", 2)] {
            let mut test = test(kind)?;
            let mut at = 0;
            for trial in 0..answers {
                for stimulus in Stimulus::required(kind) {
                    test.listen(*stimulus, at).map_err(|refused| refused.to_string())?;
                    at += 1_500;
                }
                let answer = if trial % 3 == 0 { Answer::A } else { Answer::B };
                test.vote(answer, at).map_err(|refused| refused.to_string())?;
                at += 200;
            }
            let log = if name == "void" {
                test.void(VoidReason::Abandoned)
            } else {
                test.finish().into_log()
            };
            fs::write(folder.join(format!("{kind:?}-{name}")), log.json())?;
        }
    }
    Ok(())
}

fn test(kind: Kind) -> Result<Test> {
    let places = [Place::SlotA, Place::SlotB, Place::Reference, Place::Dry];
    let subjects = Role::of(kind).iter().zip(places).map(|(role, place)| Subject {
        name: role.name().to_owned(),
        gain_db: -1.25,
        delay_frames: 37.4,
        lufs: Some(-18.0),
        ..Subject::new(*role, place)
    });
    let setup = Setup {
        date: "2026-01-02T03:04:05Z".to_owned(),
        version: "0.1.0".to_owned(),
        rate: 48_000,
        channels: 1,
        side_chain: 1,
        passage: Passage::Live,
        subjects: subjects.collect(),
    };
    let entropy = Entropy::draw(|bytes| {
        bytes.fill(0x5a);
        Ok::<(), String>(())
    })?;
    Test::begin(Plan::new(kind), setup, entropy).map_err(|refused| refused.to_string().into())
}

/// `.nam` files of the repository and of others, behind a byte that chooses a size. Of larger ones only the settings are left: lists
/// of weights say little.
fn captures(folder: &Path, repository: &Path, data: Option<&PathBuf>) -> Result<()> {
    fs::create_dir_all(folder)?;
    let places = [
        Some(repository.join("models/fixtures/nam")),
        data.map(|data| data.join("nam")),
    ];
    for place in places.into_iter().flatten() {
        let mut files: Vec<PathBuf> = fs::read_dir(place)?.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            if file.extension().is_none_or(|extension| extension != "nam") {
                continue;
            }
            let mut text = fs::read_to_string(&file)?;
            if text.len() > 12_000 {
                text = short(serde_json::from_str(&text)?).to_string();
            }
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            fs::write(folder.join(stem.as_ref()), [b"\xff", text.as_bytes()].concat())?;
        }
    }
    Ok(())
}

/// Lists of numbers cut to four.
fn short(mut json: serde_json::Value) -> serde_json::Value {
    match &mut json {
        serde_json::Value::Array(items) if items.iter().all(serde_json::Value::is_number) && items.len() > 64 => {
            items.truncate(4);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| *item = short(item.take())),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(|item| *item = short(item.take())),
        _ => {}
    }
    json
}

/// Models below `folder`, sorted.
fn find(folder: &Path, models: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            find(&path, models)?;
        } else if path.extension().is_some_and(|extension| extension == "onnx") && fs::metadata(&path)?.len() <= LARGEST
        {
            models.push(path);
        }
    }
    Ok(())
}

/// The JSON models, without the long self-test.
fn json_models(folder: &Path, models: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(models)? {
        let path = entry?.path();
        let model = path
            .extension()
            .is_some_and(|extension| extension == "json" || extension == "aidax");
        if let (true, Some(name)) = (model, path.file_name()) {
            let text = fs::read_to_string(&path)?;
            let short = text.split(",\"input_batch\"").next().unwrap_or_default();
            let end = if short.len() < text.len() {
                ",\"input_batch\":[0.5,0.25],\"output_batch\":[0.5,0.1]}"
            } else {
                ""
            };
            fs::write(folder.join(name), format!("{short}{end}"))?;
        }
    }
    Ok(())
}

fn sessions(folder: &Path, repository: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut state = SessionState::default();
    state.set_model(0, ModelRef::shipped("overdrive"));
    state.set_model(
        1,
        ModelRef::file(
            Path::new("/models/amp.onnx"),
            b"amp",
            &[PathBuf::from("/models")],
            Some("{}"),
            true,
        ),
    );
    let text = encode(&state);
    let params = [
        ("mix".to_owned(), ParamValue::F32(100.0)),
        ("program".to_owned(), ParamValue::I32(3)),
        ("bypass".to_owned(), ParamValue::Bool(false)),
        ("source".to_owned(), ParamValue::String("a".to_owned())),
    ];
    let stream = to_stream(&params.into_iter().collect(), &text);
    fs::write(folder.join("session.json"), &text)?;
    fs::write(folder.join("empty.json"), r#"{"version": 1}"#)?;
    fs::write(folder.join("container.json"), stream.get(8..).unwrap_or(&[]))?;
    fs::write(folder.join("stream.bin"), &stream)?;
    for name in ["clap-state-v1.bin", "session-v1.json", "session-v2.json"] {
        fs::copy(
            repository.join("crates/library/tests/golden").join(name),
            folder.join(name),
        )?;
    }
    Ok(())
}

fn texts(folder: &Path, texts: &[&str]) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (index, text) in texts.iter().enumerate() {
        fs::write(folder.join(format!("{index}.json")), text)?;
    }
    Ok(())
}

/// A few frames in every encoding that is read, in one and two channels.
fn audio(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let encodings = [
        (8, hound::SampleFormat::Int),
        (16, hound::SampleFormat::Int),
        (24, hound::SampleFormat::Int),
        (32, hound::SampleFormat::Int),
        (32, hound::SampleFormat::Float),
    ];
    for (bits_per_sample, sample_format) in encodings {
        for channels in [1, 2] {
            let spec = hound::WavSpec {
                channels,
                sample_rate: 48_000,
                bits_per_sample,
                sample_format,
            };
            let name = format!("{sample_format:?}{bits_per_sample}x{channels}.wav");
            let mut wav = hound::WavWriter::create(folder.join(name), spec)?;
            for sample in 0..20 * i32::from(channels) {
                match sample_format {
                    hound::SampleFormat::Int => wav.write_sample(sample % 7 - 3)?,
                    hound::SampleFormat::Float => wav.write_sample(f32::from(sample as i16) / 40.0)?,
                }
            }
            wav.finalize()?;
        }
    }
    Ok(())
}

/// The same for impulse responses, and the other formats.
fn responses(folder: &Path) -> Result<()> {
    audio(folder)?;
    for channels in [1u16, 2] {
        let samples: Vec<i16> = (0..20 * channels).map(|n| (n as i16 % 7 - 3) * 4_000).collect();
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
        let doubles = samples
            .iter()
            .flat_map(|sample| (f64::from(*sample) / 32_768.0).to_le_bytes());
        let doubles: Vec<u8> = doubles.collect();
        let planes: Vec<Vec<i16>> = (0..channels).map(|_| samples[..20].to_vec()).collect();
        fs::write(
            folder.join(format!("Double{channels}.wav")),
            wav(3, channels, 44_100, 64, &doubles),
        )?;
        fs::write(
            folder.join(format!("Int16x{channels}.aiff")),
            aiff(channels, 20, 16, &bytes),
        )?;
        fs::write(folder.join(format!("Int16x{channels}.flac")), flac(&planes))?;
    }
    Ok(())
}
