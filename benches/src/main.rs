//! The same models on Tonegraft's engine and on ONNX Runtime, by turns in one process; CSV on standard output.
//!
//! `tonegraft-benches LIBONNXRUNTIME MODEL.onnx…`. Both engines play the same mono noise; every block has samples of its own, and
//! the two outputs are compared, so an engine that does less work is found out.
#![forbid(unsafe_code)]

mod native;
mod peer;

use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::time::{Duration, Instant};

/// Frames per block.
const BLOCKS: [usize; 7] = [1, 16, 32, 64, 128, 512, 2048];

/// Time for each engine, model and block size.
const BUDGET: Duration = Duration::from_millis(1500);

/// Fewest and most blocks that are timed.
const FEWEST: usize = 40;
const MOST: usize = 20_000;

/// How many blocks one engine plays before the other has its turn.
const TURN: usize = 10;

/// Largest difference of the outputs, relative to max(1, peak).
const TOLERANCE: f32 = 1e-4;

/// An engine that has a model loaded.
pub trait Engine {
    /// Plays one block, mono. `input` and `output` have one length.
    fn play(&mut self, input: &[f32], output: &mut [f32]) -> Result<()>;
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let library = arguments.next().context("first argument: the path of ONNX Runtime's library")?;
    let environment = ort::init_from(Path::new(&library))?.build()?;
    println!("model,block,engine,blocks,p50_us,p99_us,max_difference");
    for model in arguments {
        let path = Path::new(&model);
        for block in BLOCKS {
            measure(path, block, &environment)?;
        }
    }
    Ok(())
}

fn measure(path: &Path, block: usize, environment: &ort::environment::Environment) -> Result<()> {
    let name = path.file_stem().context("a model has a name")?.to_string_lossy();
    let mut native = native::Native::open(path)?;
    let receptive_field = native.receptive_field();
    let mut peer = peer::Peer::open(environment, path, receptive_field)?;
    let mut noise = Noise::new();

    // Warm-up: past the receptive field, where a start from zero and a window of zeros may differ.
    let warm_up = (receptive_field.div_ceil(block) + FEWEST).min(MOST);
    let mut input = vec![0.0; block];
    let (mut ours, mut theirs) = (vec![0.0; block], vec![0.0; block]);
    for index in 0..warm_up {
        noise.fill(&mut input);
        native.play(&input, &mut ours)?;
        // The peer's only memory is its window of past input and its states; it need not compute all of the warm-up.
        if index + FEWEST < warm_up && peer.has_only_a_window() {
            peer.remember(&input);
        } else {
            peer.play(&input, &mut theirs)?;
        }
    }

    let begun = Instant::now();
    let (mut native_times, mut peer_times) = (Vec::new(), Vec::new());
    let (mut worst, mut peak) = (0.0_f32, 1.0_f32);
    while native_times.len() < FEWEST || (begun.elapsed() < BUDGET * 2 && native_times.len() < MOST) {
        let inputs: Vec<Vec<f32>> = (0..TURN)
            .map(|_| {
                let mut input = vec![0.0; block];
                noise.fill(&mut input);
                input
            })
            .collect();
        let ours = turn(&mut native, &inputs, &mut native_times)?;
        let theirs = turn(&mut peer, &inputs, &mut peer_times)?;
        for (a, b) in ours.iter().zip(&theirs) {
            ensure!(a.is_finite() && b.is_finite(), "{name}, blocks of {block}: not a number");
            worst = worst.max((a - b).abs());
            peak = peak.max(b.abs());
        }
    }
    let difference = worst / peak;
    ensure!(difference <= TOLERANCE, "{name}, blocks of {block}: the engines differ by {difference:.1e}");
    for (engine, times) in [("native", &mut native_times), ("onnxruntime", &mut peer_times)] {
        times.sort_unstable();
        let (p50, p99) = (percentile(times, 50), percentile(times, 99));
        println!("{name},{block},{engine},{},{p50:.3},{p99:.3},{difference:.1e}", times.len());
    }
    Ok(())
}

/// Plays every input; the outputs one after another.
fn turn(engine: &mut impl Engine, inputs: &[Vec<f32>], times: &mut Vec<Duration>) -> Result<Vec<f32>> {
    let mut all = Vec::new();
    for input in inputs {
        let mut output = vec![0.0; input.len()];
        let begun = Instant::now();
        engine.play(input, &mut output)?;
        times.push(begun.elapsed());
        all.extend_from_slice(&output);
    }
    Ok(all)
}

/// Nearest rank, in µs.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

/// Uniform noise at a guitar's level, the same in every run.
struct Noise(u64);

impl Noise {
    fn new() -> Self {
        Self(0x2545_F491_4F6C_DD1D)
    }

    fn fill(&mut self, block: &mut [f32]) {
        for sample in block {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            *sample = (self.0 >> 40) as f32 / 16_777_216.0 * 0.5 - 0.25;
        }
    }
}
