//! Many instances on one core, as in a large project: each plays its block in turn, so each finds the caches full of the others.

use crate::cases::Case;
use crate::engines::{Engine, ours::Ours};
use crate::folders::Folders;
use crate::measure::percentile;
use crate::noise::Noise;
use anyhow::Result;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tonegraft_engine::{Isa, Model};

/// How many.
const INSTANCES: usize = 64;

/// Frames per block.
const BLOCK: usize = 64;

/// Read between two instances in the second run, so that nothing of an instance is left in the core's own caches: 8 MiB.
const FLUSH: usize = 1 << 20;

/// Passes, warm and with caches emptied by turns: what counts is the median of all, as the third cache is shared with whatever
/// else the processor does, which comes and goes within seconds.
const PASSES: usize = 9;

/// Rounds of a pass, each a block of all instances.
const WARM_UP: usize = 20;
const ROUNDS: usize = 100;
const COLD_ROUNDS: usize = 30;

/// Measures `case` with `isa`; `None` if its file is not there.
///
/// # Errors
/// The model cannot be played.
pub fn measure(case: &Case, folders: &Folders, isa: Isa) -> Result<Option<Value>> {
    let Some(path) = case.model(folders) else {
        return Ok(None);
    };
    let model = Model::from_file(&path, &case.options())?;
    let mut instances: Vec<Ours> = (0..INSTANCES).map(|_| Ours::new(&model, isa)).collect::<Result<_>>()?;
    let mut noise = Noise::new();
    let inputs: Vec<Vec<f32>> = (0..INSTANCES).map(|_| noise.take(BLOCK)).collect();
    let mut output = vec![0.0; BLOCK];
    let other = vec![1_u64; FLUSH];

    // Of single plays: a pause that another process makes belongs to none but one of them.
    let mut run = |rounds: usize, flush: bool| -> Result<[Duration; 2]> {
        let mut times = Vec::with_capacity(rounds * INSTANCES);
        for _ in 0..rounds {
            for (instance, input) in instances.iter_mut().zip(&inputs) {
                if flush {
                    // One number of each line of 64 bytes.
                    black_box(other.iter().step_by(8).sum::<u64>());
                }
                let begun = Instant::now();
                instance.play(input, &mut output)?;
                times.push(begun.elapsed());
            }
        }
        times.sort_unstable();
        Ok([50, 99].map(|percent| percentile(&times, percent)))
    };
    run(WARM_UP, false)?;
    let (mut full, mut emptied) = (Vec::new(), Vec::new());
    for _ in 0..PASSES {
        full.push(run(ROUNDS, false)?);
        emptied.push(run(COLD_ROUNDS, true)?);
    }
    let ([p50, p99], [cold50, cold99]) = (median(&full), median(&emptied));
    let percent = |play: Duration| play.as_secs_f64() * INSTANCES as f64 * case.rate / BLOCK as f64 * 100.0;
    Ok(Some(json!({
        "kind": "instances", "model": case.name, "isa": isa.name(), "instances": INSTANCES, "block": BLOCK,
        "core_percent_p50": percent(p50), "core_percent_p99": percent(p99),
        "flushed_percent_p50": percent(cold50), "flushed_percent_p99": percent(cold99),
        "kib_per_instance": model.plan().bytes() as f64 / 1024.0,
    })))
}

/// Of the passes' medians, and of their 99th percentiles.
fn median(passes: &[[Duration; 2]]) -> [Duration; 2] {
    std::array::from_fn(|figure| {
        let mut of: Vec<Duration> = passes.iter().map(|pass| pass[figure]).collect();
        of.sort_unstable();
        percentile(&of, 50)
    })
}
