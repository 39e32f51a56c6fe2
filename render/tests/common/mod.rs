//! A folder of its own for each test, the built `tonegraft`, WAV files and hand-written models.
#![allow(dead_code)]

#[path = "../../../tests/src/onnx.rs"]
pub mod onnx;

use assert_cmd::Command;
use std::path::{Path, PathBuf};

/// A folder that vanishes with the test, and what is in it.
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("writes");
        path
    }

    /// A 32-bit float WAV file.
    pub fn wav(&self, name: &str, rate: u32, channels: &[Vec<f32>]) -> PathBuf {
        let path = self.path(name);
        write_wav(&path, rate, channels);
        path
    }

    /// All names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path())
            .expect("lists")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// `tonegraft` with these arguments, in the folder.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = Command::cargo_bin("tonegraft")
            .expect("built")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("runs");
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// As [`Self::run`], which has to succeed.
    pub fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
        ran
    }

    /// As [`Self::run`], which has to fail with one sentence that contains all `parts`, and must leave no file behind.
    pub fn refused(&self, arguments: &[&str], parts: &[&str]) -> String {
        let before = self.names();
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.is_empty(), "{arguments:?}: {}", ran.stdout);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(
            lines.len() == 1 && lines[0].starts_with("error: ") && lines[0].len() < 600,
            "{arguments:?}: not one sentence: {}",
            ran.stderr
        );
        for part in parts {
            assert!(
                ran.stderr.to_lowercase().contains(&part.to_lowercase()),
                "{arguments:?}: \"{part}\" is not in: {}",
                ran.stderr
            );
        }
        let mut clauses: Vec<&str> = lines[0].split(": ").filter(|clause| clause.len() > 20).collect();
        let count = clauses.len();
        clauses.sort_unstable();
        clauses.dedup();
        assert_eq!(clauses.len(), count, "says something twice: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert_eq!(self.names(), before, "{arguments:?}: leaves files behind");
        ran.stderr
    }
}

/// How a run ended.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn write_wav(path: &Path, rate: u32, channels: &[Vec<f32>]) {
    let spec = hound::WavSpec {
        channels: u16::try_from(channels.len()).expect("few channels"),
        sample_rate: rate,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec).expect("creates");
    for frame in 0..channels.first().map_or(0, Vec::len) {
        for channel in channels {
            writer.write_sample(channel[frame]).expect("writes");
        }
    }
    writer.finalize().expect("finishes");
}

pub fn read_wav(path: &Path) -> (hound::WavSpec, Vec<Vec<f32>>) {
    let mut reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let spec = reader.spec();
    let mut channels = vec![Vec::new(); usize::from(spec.channels)];
    for (index, sample) in reader.samples::<f32>().enumerate() {
        let count = channels.len();
        channels[index % count].push(sample.expect("a sample"));
    }
    (spec, channels)
}

pub fn noise(frames: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 16_777_216.0 - 0.5
    })
    .take(frames)
    .collect()
}
