//! The built CLAP in a CLAP host made of `clack-host`: equal to `tonegraft render --start silence` in every sample.
//!
//! Needs what `cargo xtask bundle` builds: `TONEGRAFT_CLAP` is the path of `Tonegraft.clap`, `TONEGRAFT_CLI` that of the command
//! line. `cargo xtask test` sets both; without them the tests say "skipped" and pass.

#[path = "clack/side_chain.rs"]
mod side_chain;

mod clack;

use clack::{Built, Loaded, RATE};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use tempfile::TempDir;
use tonegraft_tests::onnx::{File, mono, node};

/// The project's own plucked string, twice as loud on the left.
fn stereo_string(folder: &Path) -> (PathBuf, Vec<Vec<f32>>) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/pluck_di.wav");
    let mut reader = hound::WavReader::open(source).expect("the project's own sound");
    let left: Vec<f32> = reader
        .samples::<i16>()
        .map(|s| f32::from(s.expect("16 bits")) / 32_768.0)
        .take(60_000)
        .collect();
    let right: Vec<f32> = left.iter().map(|sample| 0.5 * sample).collect();
    let path = folder.join("in.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: RATE,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&path, spec).expect("the folder is writable");
    for (left, right) in left.iter().zip(&right) {
        writer.write_sample(*left).expect("written");
        writer.write_sample(*right).expect("written");
    }
    writer.finalize().expect("written");
    (path, vec![left, right])
}

fn models() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    [
        "shipped/overdrive",
        "shipped/distortion",
        "fixtures/conv_same",
        "fixtures/conv_valid_stack",
    ]
    .map(|stem| root.join("models").join(stem).with_extension("onnx"))
    .to_vec()
}

#[test]
fn the_built_clap_plays_the_command_line_s_samples() {
    let Some(built) = Built::find() else { return };
    let folder = TempDir::new().expect("a folder");
    let (path, input) = stereo_string(folder.path());
    for model in models() {
        let wanted = built.render(&model, &path, folder.path());
        assert!(
            wanted[0].iter().any(|sample| sample.abs() > 1e-3),
            "{}: there is sound",
            model.display()
        );
        let state = built.state(&model, folder.path());
        let mut loaded = Loaded::new(&built.clap);
        loaded.set_offline();
        loaded.load(&state);
        for (cuts, side_chain) in [(&[512][..], true), (&[64], false), (&[1, 7, 480, 33, 500, 2], true)] {
            let got = loaded.play(&input, cuts, side_chain);
            for (channel, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
                let different = got
                    .iter()
                    .zip(wanted)
                    .position(|(got, wanted)| got.to_bits() != wanted.to_bits());
                assert_eq!(
                    different,
                    None,
                    "{}: channel {channel}, blocks {cuts:?}",
                    model.display()
                );
                assert_eq!(got.len(), wanted.len());
            }
        }
    }
}

#[test]
fn a_saved_state_plays_the_same_in_another_instance() {
    let Some(built) = Built::find() else { return };
    let folder = TempDir::new().expect("a folder");
    let (_, input) = stereo_string(folder.path());
    let state = built.state(&models()[1], folder.path());
    let mut first = Loaded::new(&built.clap);
    first.load(&state);
    let wanted = first.play(&input, &[256], true);
    let saved = first.save();
    let mut second = Loaded::new(&built.clap);
    second.load(&saved);
    assert_eq!(second.play(&input, &[256], true), wanted);
    assert_eq!(second.save(), saved, "saving again gives the same bytes");
}

#[test]
fn another_latency_asks_for_a_restart_and_is_there_after_it() {
    let Some(built) = Built::find() else { return };
    let folder = TempDir::new().expect("a folder");
    let (_, input) = stereo_string(folder.path());
    let [causal, look_ahead] = [&models()[0], &models()[2]].map(|model| built.state(model, folder.path()));
    let mut loaded = Loaded::new(&built.clap);
    loaded.load(&causal);
    loaded.play(&input, &[512], true);
    assert_eq!(loaded.latency(), 0);
    loaded.restart.0.store(false, Ordering::SeqCst);
    loaded.load(&look_ahead);
    loaded.play(&input, &[512], true);
    assert!(
        loaded.latency() > 0,
        "the look-ahead is reported once the plugin was active with the new model"
    );
}

/// The audio with the phase of an oscillator on top.
fn oscillator(folder: &Path) -> PathBuf {
    let file = File {
        nodes: vec![node("Add", "add", &["in", "phase"], &["out"], &[])],
        inputs: vec![mono("in"), mono("phase")],
        outputs: vec![mono("out")],
        metadata: vec![
            ("tonegraft.version", "1"),
            ("tonegraft.audio_input", "in"),
            ("tonegraft.phase_input", r#"{"input": "phase", "rate_hz": 3.7}"#),
        ],
        ..File::default()
    };
    let path = folder.join("oscillator.onnx");
    std::fs::write(&path, file.bytes()).expect("the folder is writable");
    path
}

#[test]
fn an_oscillator_follows_the_song_position() {
    let Some(built) = Built::find() else { return };
    let folder = TempDir::new().expect("a folder");
    let (_, mut input) = stereo_string(folder.path());
    for channel in &mut input {
        channel.truncate(24_000);
        channel.fill(0.0);
    }
    let state = built.state(&oscillator(folder.path()), folder.path());
    let mut loaded = Loaded::new(&built.clap);
    loaded.set_offline();
    loaded.load(&state);
    let from_zero = loaded.play_at(Some(0), &input, &[512], true);
    assert!(from_zero[0][12_000] > 0.5, "there is a phase");
    for start in [0_i64, 1, 9_999] {
        let at = usize::try_from(start).expect("small");
        let frames = 24_000 - at;
        let input: Vec<Vec<f32>> = input.iter().map(|channel| channel[..frames].to_vec()).collect();
        for cuts in [&[64][..], &[1, 7, 480, 33]] {
            let got = loaded.play_at(Some(start), &input, cuts, false);
            assert_eq!(got[0], from_zero[0][at..], "from frame {start}, blocks {cuts:?}");
        }
    }
    let without = loaded.play(&input, &[100], true);
    assert_eq!(without, from_zero, "without a transport, frames count from the first");
}
