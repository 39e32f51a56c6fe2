//! `tonegraft bench`: what a model costs per audio block.
//!
//! One mono channel of noise in one thread. Each block has input of its own and is timed by itself; the output is checked to be
//! finite. Nothing here depends on a baseline in a file: the processor's own peak is measured in the same run, just before.
//!
//! Before it plays, each model is loaded and lowered several times: what a user waits for, and the memory that each instance takes.

use crate::cli::BenchArgs;
use crate::line;
use crate::models::{self, Named};
use crate::progress::Progress;
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::time::{Duration, Instant};
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_core::{Fault, Processor, SampleRate};
use tonegraft_engine::{InstanceConfig, Oversampling, RateMode, StartState};
use tonegraft_kernels::Isa;

/// The rate at which a model without a declared one is judged, in Hz.
const USUAL_RATE: u32 = 48_000;

/// Fewest blocks that are timed, however little audio was asked for.
const FEWEST_BLOCKS: usize = 32;

/// Seconds of audio before the clock runs.
const WARM_UP: f64 = 0.25;

/// How often a model is loaded; an odd number has a middle.
const LOADS: usize = 7;

/// Above the columns of what loading costs.
const LOADING_TITLE: &str = "model                               load ms   lower ms  KiB per instance";

/// Above the columns.
const TITLE: &str = "model                             runtime  block     p50 µs     p99 µs     max µs ns/sample  % of rt of peak  heap";

/// One model at one block size; the keys of `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The model's name.
    pub model: String,
    /// What runs it.
    pub runtime: String,
    /// Frames per block.
    pub block: usize,
    /// Median time of a block, in µs.
    pub p50_us: f64,
    /// 99th percentile of the time of a block, in µs.
    pub p99_us: f64,
    /// Longest time of a block, in µs.
    pub max_us: f64,
    /// Mean time of a block with all that interrupted it, in µs: for throughput.
    pub mean_us: f64,
    /// Median time of a block per frame, in ns.
    pub ns_per_sample: f64,
    /// Median time of a block over the duration of a block, in percent.
    pub realtime_percent: f64,
    /// Multiply-adds per second, at the median, over the most that this processor did in the same run.
    pub fma_peak_fraction: f64,
    /// Allocations and frees in all timed blocks.
    pub heap_calls: u64,
    /// What it costs before it plays.
    #[serde(flatten)]
    pub loading: Loading,
}

/// What a model costs before it plays.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Loading {
    /// Median time from the file to the plan, in ms.
    pub load_ms: f64,
    /// Median time from the plan to an instance that starts from zeros, in ms.
    pub lower_ms: f64,
    /// Memory of an instance as planned, its weights included, in bytes.
    pub instance_bytes: usize,
}

/// Runs the command. `heap_calls` counts the calls of the process's allocator so far.
///
/// # Errors
/// A model cannot be loaded or plays something that is not a number.
pub fn run(args: &BenchArgs, heap_calls: &dyn Fn() -> u64) -> Result<()> {
    let named: Vec<_> = args
        .models
        .iter()
        .map(|name| Ok(models::load(name, None)?.with_weights(args.weights)))
        .collect::<Result<_>>()?;
    let _guard = FlushDenormals::new();
    let peak = tonegraft_kernels::peak::macs_per_ns(Isa::detect());
    let progress = Progress::new((named.len() * args.block.len()) as u64, "bench");
    let loadings: Vec<Loading> = named.iter().map(loading).collect::<Result<_>>()?;
    let (mut titled, all) = (false, &named);
    for (named, loading) in all.iter().zip(&loadings) {
        for &block in &args.block {
            let measured = measure(named, *loading, block as usize, args.seconds, peak, heap_calls)?;
            progress.advance(1);
            if args.json {
                line(&serde_json::to_string(&measured)?)?;
            } else {
                if !titled {
                    titled = true;
                    line(LOADING_TITLE)?;
                    for (named, loading) in all.iter().zip(&loadings) {
                        // Bytes of memory are few enough to be exact.
                        #[allow(clippy::cast_precision_loss)]
                        let kib = loading.instance_bytes as f64 / 1024.0;
                        line(&format!(
                            "{:<32} {:>10.2} {:>10.2} {kib:>17.0}",
                            named.name, loading.load_ms, loading.lower_ms
                        ))?;
                    }
                    line("")?;
                    line(TITLE)?;
                }
                line(&format!(
                    "{:<32} {:>8} {:>6} {:>10.2} {:>10.2} {:>10.2} {:>9.2} {:>8.2} {:>7.3} {:>5}",
                    measured.model,
                    measured.runtime,
                    measured.block,
                    measured.p50_us,
                    measured.p99_us,
                    measured.max_us,
                    measured.ns_per_sample,
                    measured.realtime_percent,
                    measured.fma_peak_fraction,
                    measured.heap_calls
                ))?;
            }
        }
    }
    Ok(())
}

/// The rate at which a model is judged.
fn rate(named: &Named) -> Result<SampleRate> {
    SampleRate::new(named.model.info().sample_rate.unwrap_or(USUAL_RATE))
        .with_context(|| format!("{}: its declared sample rate cannot be played", named.name))
}

/// A mono instance.
fn config(rate: SampleRate, start: StartState) -> InstanceConfig {
    InstanceConfig {
        host_rate: rate,
        inputs: 1,
        outputs: 1,
        start,
        isa: None,
        rate: RateMode::default(),
        oversampling: Oversampling::default(),
    }
}

/// Loads and lowers a few times.
fn loading(named: &Named) -> Result<Loading> {
    let config = config(rate(named)?, StartState::Zero);
    let (mut loads, mut lowers) = (Vec::with_capacity(LOADS), Vec::with_capacity(LOADS));
    for _ in 0..LOADS {
        let begun = Instant::now();
        let model = named.origin.load(None)?;
        loads.push(begun.elapsed());
        let begun = Instant::now();
        let instance = model.instantiate(&config)?;
        lowers.push(begun.elapsed());
        drop(instance);
    }
    loads.sort_unstable();
    lowers.sort_unstable();
    Ok(Loading {
        load_ms: percentile(&loads, 50).as_secs_f64() * 1e3,
        lower_ms: percentile(&lowers, 50).as_secs_f64() * 1e3,
        instance_bytes: named.model.plan().bytes(),
    })
}

fn measure(
    named: &Named,
    loading: Loading,
    block: usize,
    seconds: f64,
    peak: f64,
    heap_calls: &dyn Fn() -> u64,
) -> Result<Measured> {
    let info = named.model.info();
    let rate = rate(named)?;
    let mut processor = named.model.instantiate(&config(rate, StartState::Silence))?;
    let blocks = (rate.frames(seconds) / block).max(FEWEST_BLOCKS);
    let warm_up = rate.frames(WARM_UP).div_ceil(block);
    let input = noise((warm_up + blocks) * block);
    let mut output = vec![0.0; block];
    let mut times = Vec::with_capacity(blocks);

    let mut pieces = input.chunks_exact(block);
    for piece in pieces.by_ref().take(warm_up) {
        play(processor.as_mut(), piece, &mut output);
    }
    let mut sound = true;
    let before = heap_calls();
    for piece in pieces {
        let begun = Instant::now();
        let fault = play(processor.as_mut(), piece, &mut output);
        times.push(begun.elapsed());
        sound &= fault == Fault::None && output.iter().all(|sample| sample.is_finite());
    }
    let heap_calls = heap_calls() - before;
    ensure!(sound, "{}: plays something that is not a number", named.name);

    times.sort_unstable();
    let p50 = percentile(&times, 50);
    let all: Duration = times.iter().sum();
    // Lengths of blocks are exact.
    #[allow(clippy::cast_precision_loss)]
    let (frames, macs, timed) = (block as f64, info.macs_per_sample as f64, times.len() as f64);
    let ns_per_sample = p50.as_secs_f64() * 1e9 / frames;
    Ok(Measured {
        model: named.name.clone(),
        runtime: info.runtime.to_string(),
        block,
        p50_us: p50.as_secs_f64() * 1e6,
        p99_us: percentile(&times, 99).as_secs_f64() * 1e6,
        max_us: percentile(&times, 100).as_secs_f64() * 1e6,
        mean_us: all.as_secs_f64() * 1e6 / timed,
        ns_per_sample,
        realtime_percent: p50.as_secs_f64() * rate.hz() / frames * 100.0,
        fma_peak_fraction: macs / ns_per_sample / peak,
        heap_calls,
        loading,
    })
}

fn play(processor: &mut dyn Processor, input: &[f32], output: &mut [f32]) -> Fault {
    processor.process(&[input], &mut [output])
}

/// The smallest time that at least `percent` % of the sorted times do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// Guitar-like level, uniform, the same in every run.
fn noise(frames: usize) -> Vec<f32> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // 24 bits are exact in an f32.
        #[allow(clippy::cast_precision_loss)]
        let unit = (state >> 40) as f32 / 16_777_216.0;
        unit * 0.5 - 0.25
    })
    .take(frames)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_micros).collect();
        assert_eq!(percentile(&times, 50), Duration::from_micros(100));
        assert_eq!(percentile(&times, 99), Duration::from_micros(198));
        assert_eq!(percentile(&times, 100), Duration::from_micros(200));
        assert_eq!(percentile(&times[..1], 50), Duration::from_micros(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn noise_has_the_level_of_a_guitar_and_is_not_constant() {
        let noise = noise(10_000);
        assert!(noise.iter().all(|sample| sample.abs() <= 0.25));
        let power: f32 = noise.iter().map(|sample| sample * sample).sum::<f32>() / 10_000.0;
        assert!((0.018..0.024).contains(&power), "{power}");
    }
}
