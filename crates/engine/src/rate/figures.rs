//! What `docs/RATES.md` says of the filters, measured: each side by itself with stepped sines, both together around a network that
//! does nothing.
//!
//! `TONEGRAFT_WRITE_RATES=1` writes the page's table.

use super::adapter::Filters;
use super::prototype::Phase;
use super::{Oversampling, RateMode, Route};
use std::f64::consts::TAU;
use std::fmt::Write as _;
use tonegraft_core::{Facts, HostFrames, LatencyParts, SampleRate, Tail};
use tonegraft_kernels::Isa;
use tonegraft_kernels::design::{Complex, bessel_i0, complex_f64};

const HOSTS: [u32; 6] = [44_100, 48_000, 88_200, 96_000, 176_400, 192_000];
const MODELS: [u32; 3] = [44_100, 48_000, 96_000];

/// Frames of a spectrum.
const SIZE: usize = 8192;

/// Frequencies per sweep.
const STEPS: u32 = 24;

/// Bins beside a tone that belong to it.
const SKIRT: usize = 14;

/// Level of the largest line in a spectrum and, apart from those near `tone`, in `0 .. below`; in dB of a sine of amplitude 1.
struct Spectrum {
    levels: Vec<f64>,
    per_bin: f64,
}

impl Spectrum {
    /// Of the last frames, under a window whose side lobes are below −180 dB.
    fn new(signal: &[f32], rate: f64) -> Self {
        let tail = &signal[signal.len() - SIZE..];
        let window = |n: usize| {
            // Kaiser, β = 24.
            let x = 2.0 * n as f64 / SIZE as f64 - 1.0;
            bessel_i0(24.0 * (1.0 - x * x).max(0.0).sqrt()) / bessel_i0(24.0)
        };
        let sum: f64 = (0..SIZE).map(window).sum();
        let mut bins: Vec<Complex<f64>> = (tail.iter().enumerate())
            .map(|(n, x)| Complex::new(f64::from(*x) * window(n), 0.0))
            .collect();
        complex_f64(SIZE).0.process(&mut bins);
        let levels = bins[..SIZE / 2]
            .iter()
            .map(|bin| 20.0 * (2.0 * bin.norm() / sum).max(1e-12).log10());
        Self {
            levels: levels.collect(),
            per_bin: rate / SIZE as f64,
        }
    }

    fn bin(&self, hz: f64) -> usize {
        (hz / self.per_bin).round() as usize
    }

    /// The level at a frequency.
    fn at(&self, hz: f64) -> f64 {
        let bin = self.bin(hz);
        let near = &self.levels[bin.saturating_sub(2)..(bin + 3).min(self.levels.len())];
        near.iter().copied().fold(f64::MIN, f64::max)
    }

    /// The highest level up to `top` that is not near `tone`.
    fn worst_beside(&self, tone: Option<f64>, top: f64) -> f64 {
        let tone = tone.map(|hz| self.bin(hz));
        let top = self.bin(top).min(self.levels.len());
        (self.levels[..top].iter().enumerate())
            .filter(|(bin, _)| tone.is_none_or(|tone| bin.abs_diff(tone) > SKIRT))
            .map(|(_, level)| *level)
            .fold(-240.0, f64::max)
    }
}

fn sine(hz: f64, rate: f64, frames: usize) -> Vec<f32> {
    (0..frames)
        .map(|n| (TAU * (hz * n as f64 / rate).fract()).sin() as f32)
        .collect()
}

/// What was measured for one choice.
struct Figures {
    added: u32,
    ms: f64,
    ripple: f64,
    images: f64,
    aliases: f64,
}

fn route(host: u32, model: u32, mode: RateMode, oversampling: Oversampling) -> Route {
    let rate = |hz| SampleRate::new(hz).expect("a rate");
    Route::new(rate(host), Some(rate(model)), mode, oversampling, LatencyParts::ZERO)
}

/// `None` if there are no filters.
fn measure(route: &Route) -> Option<Figures> {
    let (prototype, delays) = route.filter.as_ref()?;
    let (band, phase) = route.conversion().filter.expect("has filters");
    let facts = Facts {
        inputs: 1,
        outputs: 1,
        knobs: 0,
        latency: LatencyParts::ZERO,
        receptive_field: HostFrames::ZERO,
        tail: Tail::Frames(HostFrames::ZERO),
    };
    let make = || Filters::new(prototype, delays, &facts, (64, 2048), Isa::detect()).expect("rates");
    let (host, network) = (delays.host_hz, delays.network_hz);
    // What is promised: everything for linear phase, else what is heard of what is heard.
    let (heard_in, heard_out) = match phase {
        Phase::Linear => (f64::INFINITY, f64::INFINITY),
        Phase::Minimum => (band.pass, band.pass),
    };
    let (mut images, mut aliases, mut ripple) = (-240.0f64, -240.0f64, 0.0f64);
    for step in 0..STEPS {
        let share = (f64::from(step) + 0.37) / f64::from(STEPS);
        let hz = share * host / 2.0;
        if hz <= heard_in {
            let mut filters = make();
            let inner = filters.before_only(&sine(hz, host, frames(network, host)));
            let own = (hz < network / 2.0).then_some(hz);
            images = images.max(Spectrum::new(&inner, network).worst_beside(own, network / 2.0));
        }
        let hz = share * network / 2.0;
        let mut filters = make();
        let outer = filters.behind_only(&sine(hz, network, frames(host, network)));
        let own = (hz < host / 2.0).then_some(hz);
        let top = heard_out.min(host / 2.0);
        aliases = aliases.max(Spectrum::new(&outer, host).worst_beside(own, top));
        // In the middle of a bin, where the window loses nothing.
        let per_bin = host / SIZE as f64;
        let hz = (band.pass * (f64::from(step) + 1.0) / f64::from(STEPS) / per_bin).floor() * per_bin;
        let mut filters = make();
        let inner = filters.before_only(&sine(hz, host, 2 * frames(network, host) + SIZE));
        let outer = make().behind_only(&inner);
        ripple = ripple.max(Spectrum::new(&outer, host).at(hz).abs());
    }
    let added = route.conversion().added().get();
    Some(Figures {
        added,
        ms: 1000.0 * f64::from(added) / host,
        ripple,
        images,
        aliases,
    })
}

/// Input frames after which a spectrum's worth of settled output has come.
fn frames(to: f64, from: f64) -> usize {
    (1.5 * SIZE as f64 * from / to) as usize + 2048
}

/// One row of the table.
fn row(
    host: u32,
    model: u32,
    mode: RateMode,
    oversampling: Oversampling,
    figures: &Figures,
    spread: f64,
) -> (String, String) {
    let key = format!(
        "| {} | {} | {mode} | {oversampling} | {} | {:.2} |",
        f64::from(host) / 1000.0,
        f64::from(model) / 1000.0,
        figures.added,
        figures.ms
    );
    let rest = format!(
        " {:.2} | {:.3} | {:.0} | {:.0} |",
        1000.0 * spread,
        figures.ripple,
        figures.images,
        figures.aliases
    );
    (key, rest)
}

#[test]
fn the_page_says_what_is_measured() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/RATES.md");
    let page = std::fs::read_to_string(path).expect("docs/RATES.md");
    let mut table = String::new();
    let mut missing = Vec::new();
    for mode in [RateMode::LinearPhase, RateMode::MinimumPhase] {
        for oversampling in [Oversampling::Off, Oversampling::X2] {
            for model in MODELS {
                for host in HOSTS {
                    let route = route(host, model, mode, oversampling);
                    let Some(figures) = measure(&route) else { continue };
                    let what = format!("{host} ← {model}, {mode}, {oversampling}");
                    assert!(figures.images <= -100.0, "{what}: images {}", figures.images);
                    assert!(figures.aliases <= -100.0, "{what}: aliases {}", figures.aliases);
                    assert!(figures.ripple <= 0.1, "{what}: {} dB in the pass band", figures.ripple);
                    let (key, rest) = row(host, model, mode, oversampling, &figures, route.conversion().spread);
                    if !page.contains(&key) {
                        missing.push(key.clone());
                    }
                    writeln!(table, "{key}{rest}").expect("a string");
                }
            }
        }
    }
    if std::env::var_os("TONEGRAFT_WRITE_RATES").is_some() {
        let (before, rest) = page
            .split_once("<!-- table -->\n")
            .expect("the page has a place for it");
        let (head, rest) = rest.split_at(rest.find("| ---").expect("a table"));
        let (rule, rest) = rest.split_once('\n').expect("a table");
        let (_, after) = rest.split_once("<!-- end -->").expect("the table ends");
        std::fs::write(
            path,
            format!("{before}<!-- table -->\n{head}{rule}\n{table}<!-- end -->{after}"),
        )
        .expect("written");
        return;
    }
    assert!(missing.is_empty(), "docs/RATES.md lacks:\n{}", missing.join("\n"));
}
