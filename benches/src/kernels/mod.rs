//! Every kernel beside its scalar reference, its result checked.

mod activation;
mod convolution;
mod recurrent;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tonegraft_engine::Isa;
use tonegraft_kernels::peak;

/// Frames per call.
const FRAMES: usize = 64;

/// Fewest and most calls that are timed.
const FEWEST: usize = 30;
const MOST: usize = 200_000;

/// One kernel at one size.
struct Group {
    /// `kernel size…`.
    name: String,
    /// Multiply-adds per call; 0 if it has none.
    macs: usize,
    /// The reference's result.
    expected: Vec<f64>,
    /// Largest difference from it, absolute.
    tolerance: f64,
    /// The reference, played once.
    reference: Box<dyn FnMut()>,
    /// For each instruction set a call, and what gives the result of its first.
    variants: Vec<Variant>,
}

/// A kernel with one instruction set.
struct Variant {
    isa: Isa,
    first: Vec<f32>,
    call: Box<dyn FnMut()>,
}

/// Measures all.
///
/// # Errors
/// A kernel's result is not its reference's.
pub fn measure(isas: &[Isa], budget: Duration) -> Result<Vec<Value>> {
    let mut lines = Vec::new();
    let peaks: Vec<(Isa, f64)> = isas.iter().map(|isa| (*isa, peak::macs_per_ns(*isa))).collect();
    let groups = [
        convolution::groups(isas)?,
        recurrent::groups(isas)?,
        activation::groups(isas)?,
    ];
    for mut group in groups.into_iter().flatten() {
        let reference = time(&mut group.reference, budget);
        let mut variants = std::mem::take(&mut group.variants);
        let row = |what, isa, median, peak, difference| Row {
            group: &group,
            what,
            isa,
            median,
            reference,
            peak,
            difference,
        };
        lines.push(row("reference", "", reference, None, None).json());
        for variant in &mut variants {
            ensure!(
                variant.first.len() == group.expected.len(),
                "{}: another length",
                group.name
            );
            let difference = variant
                .first
                .iter()
                .zip(&group.expected)
                .map(|(a, b)| (f64::from(*a) - b).abs())
                .fold(0.0, f64::max);
            ensure!(
                difference <= group.tolerance,
                "{} with {} differs from its reference by {difference:.1e}",
                group.name,
                variant.isa
            );
            let median = time(&mut variant.call, budget);
            let peak = peaks.iter().find(|(isa, _)| *isa == variant.isa).map(|(_, peak)| *peak);
            lines.push(row("kernel", variant.isa.name(), median, peak, Some(difference)).json());
        }
    }
    Ok(lines)
}

/// What is reported of one variant.
struct Row<'a> {
    group: &'a Group,
    what: &'a str,
    isa: &'a str,
    median: f64,
    reference: f64,
    peak: Option<f64>,
    difference: Option<f64>,
}

impl Row<'_> {
    fn json(&self) -> Value {
        let macs = self.group.macs;
        let fraction = self
            .peak
            .filter(|_| macs > 0)
            .map(|peak| macs as f64 / (self.median * 1e9) / peak);
        json!({
            "kind": "kernel", "kernel": self.group.name, "what": self.what, "isa": self.isa, "frames": FRAMES,
            "p50_us": self.median * 1e6, "times_reference": self.reference / self.median, "peak_fraction": fraction,
            "difference": self.difference,
        })
    }
}

/// Median of a call, in seconds.
fn time(call: &mut dyn FnMut(), budget: Duration) -> f64 {
    for _ in 0..FEWEST {
        call();
    }
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < FEWEST || (begun.elapsed() < budget && times.len() < MOST) {
        let start = Instant::now();
        black_box(&mut *call)();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    crate::measure::percentile(&times, 50).as_secs_f64()
}
