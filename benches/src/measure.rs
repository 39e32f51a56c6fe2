//! Engines by turns on the same input, timed block by block, their outputs compared.

use crate::engines::Engine;
use crate::heap;
use crate::noise::Noise;
use anyhow::{Result, ensure};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long the slowest engine plays before the next has its turn.
const TURN: Duration = Duration::from_millis(12);

/// Fewest frames of a turn: with few, what an engine finds of itself in the caches would be what the others left.
const FRAMES_OF_TURN: usize = 2048;

/// Fewest and most blocks of a turn.
const FEWEST_OF_TURN: usize = 6;
const MOST_OF_TURN: usize = 1500;

/// Fewest and most blocks that are timed.
const FEWEST: usize = 40;
const MOST: usize = 40_000;

/// Blocks before the clock runs.
const WARM_UP: usize = 48;

/// An engine in the race.
pub struct Runner {
    /// Its name in the report.
    pub name: String,
    /// The instruction set it was told to use; empty if it chooses itself.
    pub isa: &'static str,
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// Frames by which its output is late.
    pub latency: usize,
    /// Largest difference from the first runner, relative to max(1, peak); `None` if it plays something else.
    pub tolerance: Option<f32>,
}

/// What was measured of a runner.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// Blocks that were timed.
    pub blocks: usize,
    /// Median, in µs.
    pub p50_us: f64,
    /// 99th percentile, in µs.
    pub p99_us: f64,
    /// Allocations per block.
    pub heap_per_block: f64,
    /// Largest difference from the first runner, relative to max(1, peak).
    pub difference: Option<f32>,
}

/// Output that is not compared yet, and what was found so far.
#[derive(Default)]
struct Kept {
    skip: usize,
    output: VecDeque<f32>,
    times: Vec<Duration>,
    heap: u64,
    played: usize,
    worst: f32,
}

/// Runs all for about `budget` each and gives their figures, in their order.
///
/// # Errors
/// An engine fails, or plays something else than the first.
pub fn race(runners: &mut [Runner], block: usize, budget: Duration) -> Result<Vec<Figures>> {
    let mut kept: Vec<Kept> = runners
        .iter()
        .map(|runner| Kept {
            skip: runner.latency,
            times: Vec::with_capacity(MOST + MOST_OF_TURN),
            ..Kept::default()
        })
        .collect();
    let mut noise = Noise::new();
    let mut output = vec![0.0; block * MOST_OF_TURN.max(WARM_UP)];
    let mut peak = 1.0_f32;

    // Warm-up, which also says how long a turn is.
    let input = noise.take(block * WARM_UP);
    let mut slowest = Duration::from_nanos(1);
    for (runner, kept) in runners.iter_mut().zip(&mut kept) {
        let mut times = Vec::with_capacity(WARM_UP);
        play(runner, &input, &mut output, block, &mut times)?;
        keep(kept, &output[..input.len()]);
        times.sort_unstable();
        slowest = slowest.max(percentile(&times, 50));
    }
    compare(runners, &mut kept, &mut peak)?;
    let fewest = (FRAMES_OF_TURN / block.max(1)).clamp(FEWEST_OF_TURN, MOST_OF_TURN);
    let turn = usize::try_from(TURN.as_nanos() / slowest.as_nanos().max(1))?.clamp(fewest, MOST_OF_TURN);
    // What the others have driven out of the caches comes back in these.
    let untimed = (turn / 8).max(2);

    let begun = Instant::now();
    let budget = budget * u32::try_from(runners.len())?;
    while kept[0].times.len() < FEWEST || (begun.elapsed() < budget && kept[0].times.len() < MOST) {
        let input = noise.take(block * turn);
        for (runner, kept) in runners.iter_mut().zip(&mut kept) {
            let before = kept.times.len();
            // Not the engine's calls.
            kept.times.reserve(turn);
            let calls = heap::calls();
            play(runner, &input, &mut output, block, &mut kept.times)?;
            kept.heap += heap::calls() - calls;
            kept.played += turn;
            kept.times.drain(before..before + untimed);
            keep(kept, &output[..input.len()]);
        }
        compare(runners, &mut kept, &mut peak)?;
    }
    Ok(runners
        .iter()
        .zip(&mut kept)
        .map(|(runner, kept)| {
            kept.times.sort_unstable();
            Figures {
                blocks: kept.times.len(),
                p50_us: percentile(&kept.times, 50).as_secs_f64() * 1e6,
                p99_us: percentile(&kept.times, 99).as_secs_f64() * 1e6,
                heap_per_block: kept.heap as f64 / kept.played as f64,
                difference: runner.tolerance.map(|_| kept.worst / peak),
            }
        })
        .collect())
}

/// Plays `input` block by block.
fn play(runner: &mut Runner, input: &[f32], output: &mut [f32], block: usize, times: &mut Vec<Duration>) -> Result<()> {
    for (input, output) in input.chunks_exact(block).zip(output.chunks_exact_mut(block)) {
        let begun = Instant::now();
        runner.engine.play(input, output)?;
        times.push(begun.elapsed());
    }
    Ok(())
}

/// Keeps output to be compared, without the frames before its begin.
fn keep(kept: &mut Kept, output: &[f32]) {
    let skipped = kept.skip.min(output.len());
    kept.skip -= skipped;
    kept.output.extend(&output[skipped..]);
}

/// Compares what all have played with the first.
fn compare(runners: &[Runner], kept: &mut [Kept], peak: &mut f32) -> Result<()> {
    let frames = kept.iter().map(|kept| kept.output.len()).min().unwrap_or(0);
    let Some((first, others)) = kept.split_first_mut() else {
        return Ok(());
    };
    let reference: Vec<f32> = first.output.drain(..frames).collect();
    *peak = reference.iter().fold(*peak, |peak, sample| peak.max(sample.abs()));
    ensure!(
        reference.iter().all(|sample| sample.is_finite()),
        "{} plays something that is not a number",
        runners[0].name
    );
    for (runner, kept) in runners[1..].iter().zip(others) {
        for (theirs, ours) in kept.output.drain(..frames).zip(&reference) {
            ensure!(
                theirs.is_finite(),
                "{} plays something that is not a number",
                runner.name
            );
            kept.worst = kept.worst.max((theirs - ours).abs());
        }
        let difference = kept.worst / *peak;
        if let Some(tolerance) = runner.tolerance {
            ensure!(
                difference <= tolerance,
                "{} differs from {} by {difference:.1e}, more than {tolerance:.0e}",
                runner.name,
                runners[0].name
            );
        }
    }
    Ok(())
}

/// Nearest rank.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays its input, late and with an error.
    struct Late {
        past: VecDeque<f32>,
        error: f32,
    }

    impl Engine for Late {
        fn play(&mut self, input: &[f32], output: &mut [f32]) -> Result<()> {
            for (x, y) in input.iter().zip(output) {
                self.past.push_back(*x);
                *y = self.past.pop_front().unwrap_or_default() + self.error;
            }
            Ok(())
        }
    }

    fn runner(latency: usize, error: f32) -> Runner {
        let past = std::iter::repeat_n(0.0, latency).collect();
        Runner {
            name: "late".into(),
            isa: "",
            engine: Box::new(Late { past, error }),
            latency,
            tolerance: Some(1e-4),
        }
    }

    #[test]
    fn late_outputs_are_aligned_before_they_are_compared() {
        let mut runners = [runner(7, 0.0), runner(0, 0.0), runner(30, 5e-5)];
        let figures = race(&mut runners, 4, Duration::ZERO).expect("they agree");
        assert_eq!(figures[1].difference, Some(0.0));
        assert!(
            figures[2]
                .difference
                .is_some_and(|difference| (4e-5..6e-5).contains(&difference))
        );
        assert!(
            figures
                .iter()
                .all(|figures| figures.blocks >= FEWEST && figures.p99_us >= figures.p50_us)
        );
        assert!(race(&mut [runner(7, 0.0), runner(0, 2e-4)], 4, Duration::ZERO).is_err());
    }

    #[test]
    fn percentiles_are_of_nearest_rank() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_micros).collect();
        assert_eq!(percentile(&times, 50), Duration::from_micros(100));
        assert_eq!(percentile(&times, 99), Duration::from_micros(198));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
