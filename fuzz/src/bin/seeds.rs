//! Writes the first inputs of every target: `seeds CORPUS REPOSITORY [TEST_DATA]`.
//!
//! Models are those of the repository and of the third-party data, up to [`LARGEST`] bytes; audio files and sessions are made here.

use std::fs;
use std::path::{Path, PathBuf};
use tonegraft_library::ModelRef;
use tonegraft_library::host_state::{ParamValue, to_stream};
use tonegraft_library::session::{SessionState, encode};

/// Larger files cost a fuzzer more time than they open new ways.
const LARGEST: u64 = 50_000;

/// Targets that begin with model files.
const OF_MODELS: &[&str] = &["onnx", "instance", "graph"];

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
    sessions(&corpus.join("session"), repository)?;
    sidecars(&corpus.join("sidecar"))?;
    audio(&corpus.join("wav"))
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
    for name in ["clap-state-v1.bin", "session-v1.json"] {
        fs::copy(
            repository.join("crates/library/tests/golden").join(name),
            folder.join(name),
        )?;
    }
    Ok(())
}

fn sidecars(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let texts = [
        r#"{}"#,
        r#"{"name": "Film", "kind": "effect", "category": "amp", "sample_rate": 48000, "audio_input": "x", "audio_output": "y"}"#,
        r#"{"knobs": [{"name": "Drive", "input": "knobs", "index": 0, "min": 0, "max": 10, "default": 5, "unit": "dB"}, {"name": "Tone", "input": "knobs", "index": 1}]}"#,
        r#"{"author": "somebody", "licence": "MIT", "description": "a sentence", "training_esr": 0.01, "declared_delay": 12, "version": "1"}"#,
        r#"{"framing": {"size": 512, "hop": 128}, "states": [["h", "hn"]], "tonegraft.name": null}"#,
        r#"{"front_end": {"kind": "realfft", "size": 512, "hop": 128, "window": "hann"}, "input_level_dbu": 12.5, "loudness": -18}"#,
    ];
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
