//! `tonegraft render` over a folder beside `tonegraft bench`, the engine alone out of the same program, by turns on one core.
//!
//! Both figures are throughput: all that was played over all the time that it took, with whatever interrupted it. Of a turn of the
//! engine that is the time of its timed blocks; of one of the renderer, that of its files, each from opening it to the output in its
//! place. The folder is new in each turn: a file that replaces another waits for the disk on some systems.

use crate::project::Project;
use crate::run;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The model: its name in the benches, and its file in the third-party data.
const MODEL: (&str, &str) = ("a1-standard", "nam/wavenet_a1_standard.nam");

/// Files in the folder, and the seconds of each.
const FILES: usize = 4;
const SECONDS: usize = 20;
const RATE: usize = 48_000;

/// Frames that both play at once.
const BLOCK: usize = 512;

/// Turns of each.
const ROUNDS: usize = 7;

/// Seconds of audio in an engine's turn: as many as the renderer plays.
const TURN: usize = FILES * SECONDS;

/// Plays with `tonegraft bench` and with `tonegraft render` on `core` in turn. Nothing if the model is not there.
///
/// # Errors
/// A step fails.
pub fn measure(project: &Project, core: usize) -> Result<Vec<Value>> {
    let Some(model) = project.demanded_test_data()?.map(|data| data.join(MODEL.1)) else {
        return Ok(Vec::new());
    };
    run::stream(&mut project.cargo(&["build", "--release", "--locked", "--package", "tonegraft"]))?;
    let program = project
        .target
        .join("release")
        .join(format!("tonegraft{}", std::env::consts::EXE_SUFFIX));
    let folder = project.target.join("renders");
    let takes = takes(&folder)?;
    let (mut engine, mut render) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut command = on_core(&program, core);
        command.args([
            "bench",
            "--json",
            "--block",
            &BLOCK.to_string(),
            "--seconds",
            &TURN.to_string(),
        ]);
        command.arg(&model);
        engine.push(engine_times(&run::quiet("measuring the engine", &mut command)?)?);
        let rendered = folder.join("rendered");
        if rendered.exists() {
            fs::remove_dir_all(&rendered).with_context(|| rendered.display().to_string())?;
        }
        let mut command = on_core(&program, core);
        command.args(["render", "--json", "--block", &BLOCK.to_string(), "--model"]);
        command.arg(&model).arg("--out-dir").arg(&rendered).arg(&takes);
        render.push(file_times(&run::quiet("measuring rendering", &mut command)?)?);
    }
    let median = |mut times: Vec<f64>| {
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 2]
    };
    Ok(vec![json!({
        "kind": "render", "model": MODEL.0, "block": BLOCK, "engine_times": median(engine), "render_times": median(render),
    })])
}

/// Seconds of audio per second of the engine alone.
fn engine_times(printed: &str) -> Result<f64> {
    let line: Value = serde_json::from_str(printed)?;
    let mean = (line["mean_us"].as_f64()).and_then(|mean| Some(mean / line["block"].as_f64()?));
    Ok(1e6 / RATE as f64 / mean.context("no throughput was printed")?)
}

/// The same of the renderer.
fn file_times(printed: &str) -> Result<f64> {
    let lines: Vec<Value> = printed.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let all = (lines.iter())
        .find(|line| line["rendered"].is_u64())
        .context("the renderer printed no sum")?;
    ensure!(
        all["rendered"] == FILES,
        "{} of {FILES} files were rendered",
        all["rendered"]
    );
    (all["times_realtime_per_core"].as_f64()).context("the renderer printed no throughput")
}

/// The program, on one core where the system lets us choose it.
fn on_core(program: &Path, core: usize) -> Command {
    match run::on_path("taskset") {
        Some(taskset) if cfg!(target_os = "linux") => {
            let mut process = Command::new(taskset);
            process.args(["-c", &core.to_string()]).arg(program);
            process
        }
        _ => Command::new(program),
    }
}

/// A folder of files of noise: mono, 32-bit float.
fn takes(folder: &Path) -> Result<PathBuf> {
    let takes = folder.join("takes");
    fs::create_dir_all(&takes).with_context(|| takes.display().to_string())?;
    let mut state = 1u32;
    for file in 0..FILES {
        let mut samples = Vec::with_capacity(4 * SECONDS * RATE);
        for _ in 0..SECONDS * RATE {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // 24 bits are exact in an f32.
            #[allow(clippy::cast_precision_loss)]
            let sample = (state >> 8) as f32 / 33_554_432.0 - 0.25;
            samples.extend(sample.to_le_bytes());
        }
        let path = takes.join(format!("{file}.wav"));
        fs::write(&path, wav(&samples)?).with_context(|| path.display().to_string())?;
    }
    Ok(takes)
}

/// A file of these samples.
fn wav(samples: &[u8]) -> Result<Vec<u8>> {
    let (len, rate) = (u32::try_from(samples.len())?, u32::try_from(RATE)?);
    let mut file = Vec::with_capacity(44 + samples.len());
    file.extend(b"RIFF");
    file.extend((36 + len).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    for short in [3u16, 1] {
        file.extend(short.to_le_bytes());
    }
    for long in [rate, 4 * rate] {
        file.extend(long.to_le_bytes());
    }
    for short in [4u16, 32] {
        file.extend(short.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(len.to_le_bytes());
    file.extend(samples);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_among_what_is_printed() {
        let engine = "{\"model\":\"amp\",\"block\":100,\"mean_us\":20.8333333}\n";
        assert!(engine_times(engine).is_ok_and(|times| (times - 100.0).abs() < 1e-3));
        assert!(engine_times("{\"block\":100}").is_err());
        let file = json!({"output": "a.wav", "times_realtime": 90.0}).to_string();
        let batch = |files: usize| json!({"rendered": files, "times_realtime_per_core": 96.0}).to_string();
        assert!(file_times(&[file.clone(), batch(FILES)].join("\n")).is_ok_and(|times| times == 96.0));
        assert!(file_times(&[file.clone(), batch(FILES - 1)].join("\n")).is_err());
        assert!(file_times(&file).is_err());
    }

    #[test]
    fn a_file_says_how_long_it_is() {
        let file = wav(&[0; 8]).expect("short");
        assert_eq!(
            (file.len(), &file[36..40], &file[40..44]),
            (52, &b"data"[..], &[8, 0, 0, 0][..])
        );
    }
}
