//! What one update of the sliding difference costs: `cargo run --release -p tonegraft-analysis --example live_cost`.

use std::time::{Duration, Instant};

use tonegraft_analysis::align;
use tonegraft_analysis::live::{Difference, DifferenceConfig, State};

/// Time that this thread has computed, where the system tells (Linux); else the time of day.
fn computed(start: Instant) -> Duration {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn main() {
    let clock = Instant::now();
    let rate = 48_000.0;
    let mut state = 1u32;
    let mut smooth = 0.0f32;
    let input: Vec<f32> = (0..48_000 * 20)
        .map(|n| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            smooth += 0.1 * ((state >> 16) as f32 / 32_768.0 - 1.0 - smooth);
            let t = n as f32 / 48_000.0;
            0.3 * smooth + 0.2 * (t % 0.5 * -4.0).exp() * (t * 691.0).sin()
        })
        .collect();
    let model: Vec<f32> = input.iter().map(|s| (3.0 * s).tanh()).collect();
    let bent: Vec<f32> = input.iter().map(|s| (3.3 * s).tanh()).collect();
    let reference = align::shift(&bent, -437.4);
    for channels in [1, 2] {
        let mut difference = Difference::new(DifferenceConfig::new(rate, channels));
        let mut times: Vec<Duration> = Vec::new();
        for start in (0..input.len()).step_by(12_000) {
            let range = start..start + 12_000;
            let (m, r) = ([&model[range.clone()]; 2], [&reference[range.clone()]; 2]);
            let begin = computed(clock);
            difference.feed(&[&input[range]], &m[..channels], &r[..channels]);
            difference.update();
            times.push(computed(clock).saturating_sub(begin));
        }
        // The first that measures searched.
        let longest = times.iter().copied().max().unwrap_or_default();
        let mut steady = times.split_off(times.len() / 2);
        steady.sort_unstable();
        let (median, most) = (steady[steady.len() / 2], steady[steady.len() - 1]);
        let State::Measured(found) = difference.state() else {
            println!("{channels} channels: {:?}", difference.state());
            continue;
        };
        println!(
            "{channels} channel(s), 250 ms at 48 kHz: median {:.1} ms, most {:.1} ms of processor time per update; with the search {:.0} ms. Delay {:.4}, null {:.1} dB",
            median.as_secs_f64() * 1e3,
            most.as_secs_f64() * 1e3,
            longest.as_secs_f64() * 1e3,
            found.delay,
            found.null_db
        );
    }
}
