//! What convolution costs per block of 64 frames: `cargo run --release -p tonegraft-chain --example convolver`.
//!
//! Prints, for responses of several lengths at 48 kHz, the median, the 99th percentile, the 99.9th and the longest time of a block, and the
//! share of the block's time that the median takes. The last figure is free of what else the machine does: of each place in the longest
//! period (4096 frames) the fastest time of all is kept, and the slowest place is put in relation to the median place.

use std::hint::black_box;
use std::time::Instant;
use tonegraft_chain::cab::{Convolver, ImpulseResponse, IrLevel, Recording};
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_core::{Processor, SampleRate};

const BLOCK: usize = 64;
const BLOCKS: usize = 30_000;

#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::cast_precision_loss,
    reason = "a program, not the audio thread"
)]
fn main() {
    let Some(rate) = SampleRate::new(48_000) else { return };
    let _flush = FlushDenormals::new();
    let mut state = 1u64;
    let mut noise = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    println!("response, channels: p50, p99, p99.9, max in µs; p99/p50; share of the block's time (p50); slowest place");
    for (seconds, channels) in [(0.05, 1), (0.5, 1), (3.0, 1), (3.0, 2), (10.0, 2)] {
        let frames = rate.frames(seconds);
        let recording = Recording {
            channels: (0..channels)
                .map(|_| {
                    (0..frames)
                        .map(|n| noise() * (-6.0 * n as f32 / frames as f32).exp())
                        .collect()
                })
                .collect(),
            rate,
        };
        let response = match ImpulseResponse::new(&recording, rate, IrLevel::Field) {
            Ok(response) => response,
            Err(error) => {
                println!("{error}");
                return;
            }
        };
        let mut convolver = Convolver::new(&response, channels, channels);
        let input: Vec<Vec<f32>> = (0..channels)
            .map(|_| (0..BLOCK * 997).map(|_| noise()).collect())
            .collect();
        let mut output = vec![vec![0.0; BLOCK]; channels];
        let mut times = Vec::with_capacity(BLOCKS);
        let mut places = [f64::INFINITY; 4096 / BLOCK];
        let warm = frames / BLOCK + 200;
        for block in 0..warm + BLOCKS {
            let at = block % 997 * BLOCK;
            let part: Vec<&[f32]> = input.iter().map(|channel| &channel[at..at + BLOCK]).collect();
            let mut out: Vec<&mut [f32]> = output.iter_mut().map(Vec::as_mut_slice).collect();
            let start = Instant::now();
            convolver.process(black_box(&part), black_box(&mut out));
            if block >= warm {
                let time = start.elapsed().as_nanos() as f64 / 1_000.0;
                times.push(time);
                let place = &mut places[block % (4096 / BLOCK)];
                *place = place.min(time);
            }
        }
        times.sort_by(f64::total_cmp);
        places.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
        let (p50, p99) = (at(0.5), at(0.99));
        println!(
            "{seconds} s, {channels}: {p50:.2}, {p99:.2}, {:.2}, {:.2}; {:.2}; {:.2} %; {:.2}",
            at(0.999),
            at(1.0),
            p99 / p50,
            p50 / (BLOCK as f64 / 48_000.0 * 1e6) * 100.0,
            places[places.len() - 1] / places[places.len() / 2]
        );
    }
}
