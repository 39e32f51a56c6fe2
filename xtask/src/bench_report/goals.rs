//! The goals, and whether they are reached.

use super::by_hand::ByHand;
use super::history::Run;
use std::fmt::Write as _;

/// How a goal is judged. Blocks are of 64 frames if nothing else is said.
#[derive(Clone, Copy, Debug)]
enum Check {
    /// The fastest build of an engine measured by hand, over ours with `isa`: at least this.
    ByHand(&'static str, &'static str, &'static str, f64),
    /// As `ByHand`, but only builds with this among their flags.
    ByHandWith(&'static str, &'static str, &'static str, f64, &'static str),
    /// Another engine over ours, in one run: at least this.
    Times(&'static str, &'static str, f64),
    /// Our median in µs at a block: at most this.
    AtMost(&'static str, usize, f64),
    /// The median in µs of another way to play a model, at a block: at most this. With its largest difference from the usual way.
    AtMostOf(&'static str, usize, &'static str, f64),
    /// Seconds of audio per second of rendering files over that of the engine alone: at least this.
    Render(&'static str, f64),
    /// The slowest of the other files of a network over its first: at most this.
    SameNetwork(&'static str, f64),
    /// Cost per sample at 2048 over that at 64: at most this.
    Flat(&'static str, f64),
    /// Percent of a core for many instances, their caches emptied in between.
    Instances(&'static str, f64),
    /// Heap calls in all figures of ours.
    NoHeap,
    /// p99 over p50, the worst of all models.
    Tail(f64),
}

/// A goal.
struct Goal {
    work: &'static str,
    goal: &'static str,
    check: Check,
}

const WIDE: &str = "avx512";
const AVX2: &str = "avx2";
const NAM: &str = "NeuralAmpModelerCore";
const RTNEURAL: &str = "RTNeural";
const HALF: &str = "tonegraft (16-bit weights)";

const fn goal(work: &'static str, goal: &'static str, check: Check) -> Goal {
    Goal { work, goal, check }
}

const GOALS: &[Goal] = &[
    goal(
        "NAM A1 standard, AVX-512",
        "≥ 3.75 × NeuralAmpModelerCore with fast tanh",
        Check::ByHand("a1-standard", NAM, WIDE, 3.75),
    ),
    goal(
        "NAM A1 standard, AVX-512",
        "≤ 11 µs",
        Check::AtMost("a1-standard", 64, 11.0),
    ),
    goal(
        "NAM A1 standard, AVX-512",
        "≥ 10 × ONNX Runtime",
        Check::Times("a1-standard", "onnxruntime", 10.0),
    ),
    goal(
        "NAM A1 standard, AVX2",
        "≥ 2.5 × NeuralAmpModelerCore for AVX2",
        Check::ByHandWith("a1-standard", NAM, AVX2, 2.5, "x86-64-v3"),
    ),
    goal(
        "A2-Full",
        "≥ 4 × NeuralAmpModelerCore",
        Check::ByHand("a2-full", NAM, WIDE, 4.0),
    ),
    goal(
        "A2-Lite",
        "≥ 3 × NeuralAmpModelerCore",
        Check::ByHand("a2-lite", NAM, WIDE, 3.0),
    ),
    goal(
        "A1 feather",
        "≥ 6 × NeuralAmpModelerCore",
        Check::ByHand("feather", NAM, WIDE, 6.0),
    ),
    goal(
        "A1 nano",
        "≥ 3 × NeuralAmpModelerCore",
        Check::ByHand("nano", NAM, WIDE, 3.0),
    ),
    goal(
        "LSTM-16",
        "≥ 1.8 × RTNeural",
        Check::ByHand("lstm16", RTNEURAL, WIDE, 1.8),
    ),
    goal(
        "LSTM-24",
        "≥ 2.2 × RTNeural",
        Check::ByHand("lstm24", RTNEURAL, WIDE, 2.2),
    ),
    goal(
        "LSTM-40",
        "≥ 2.5 × RTNeural",
        Check::ByHand("lstm40", RTNEURAL, WIDE, 2.5),
    ),
    goal("GRU-40", "≥ 2 × RTNeural", Check::ByHand("gru40", RTNEURAL, WIDE, 2.0)),
    goal(
        "TCN, 8 layers of 16 channels",
        "≥ 4 × RTNeural",
        Check::ByHand("tcn", RTNEURAL, WIDE, 4.0),
    ),
    goal(
        "codec encoder, one frame",
        "≤ 0.55 ms",
        Check::AtMost("encoder", 320, 550.0),
    ),
    goal(
        "codec decoder, one frame",
        "≤ 0.55 ms",
        Check::AtMost("decoder", 320, 550.0),
    ),
    goal(
        "codec encoder, one frame, 16-bit weights",
        "≤ 0.35 ms",
        Check::AtMostOf("encoder", 320, HALF, 350.0),
    ),
    goal(
        "codec decoder, one frame, 16-bit weights",
        "≤ 0.35 ms",
        Check::AtMostOf("decoder", 320, HALF, 350.0),
    ),
    goal(
        "the same network out of any file",
        "within 1.1 ×",
        Check::SameNetwork("a1-standard", 1.1),
    ),
    goal(
        "A1 standard, cost per sample",
        "≤ 1.05 × from 64 to 2048 frames",
        Check::Flat("a1-standard", 1.05),
    ),
    goal(
        "A1 standard, a block of 1 sample",
        "≤ 1.5 µs",
        Check::AtMost("a1-standard", 1, 1.5),
    ),
    goal(
        "64 instances of A2-Full, caches cold",
        "≤ 100 % of a core",
        Check::Instances("64 x a2-full", 100.0),
    ),
    goal(
        "`tonegraft render`, files of 20 s, A1 standard",
        "≥ 0.95 × the engine alone, per core",
        Check::Render("a1-standard", 0.95),
    ),
    goal("every model", "0 heap calls", Check::NoHeap),
    goal("every model, 64 frames", "p99 ≤ 1.5 × p50", Check::Tail(1.5)),
];

/// The figure that was reached, and whether it is enough; `None` if nothing was measured for it.
fn judge(check: Check, run: &Run, by_hand: &[ByHand]) -> Option<(String, bool)> {
    let ours = |model: &str, block: usize| run.engine(model, block, "tonegraft", run.widest());
    let fastest = |model: &str, engine: &str, isa: &str, flag: &str| {
        by_hand
            .iter()
            .filter(|row| {
                row.model == model && row.block == 64 && row.our_isa == isa && row.flags.contains(flag)
                    && row.engine.starts_with(engine)
                    // An approximation by choice is another function; where it is the engine's usual one, the goal says so.
                    && !row.engine.contains("rational") && !row.engine.contains("exact")
            })
            .min_by(|a, b| a.ratio().total_cmp(&b.ratio()))
    };
    match check {
        Check::ByHand(model, engine, isa, least) => by_hand_ratio(fastest(model, engine, isa, ""), least),
        Check::ByHandWith(model, engine, isa, least, flag) => by_hand_ratio(fastest(model, engine, isa, flag), least),
        Check::Times(model, engine, least) => {
            let ratio = run.engine(model, 64, engine, "")?.p50_us / ours(model, 64)?.p50_us;
            Some((format!("{ratio:.2} ×"), ratio >= least))
        }
        Check::AtMost(model, block, most) => {
            let us = ours(model, block)?.p50_us;
            Some((format!("{us:.2} µs"), us <= most))
        }
        Check::AtMostOf(model, block, engine, most) => {
            let figure = run.engine(model, block, engine, run.widest())?;
            let error = (figure.difference)
                .map_or_else(String::new, |error| format!(", off by {error:.0e} of the peak at most"));
            Some((format!("{:.2} µs{error}", figure.p50_us), figure.p50_us <= most))
        }
        Check::Render(model, least) => {
            let ns = |engine: &str| {
                let figure = run.of("render", model).find(|figure| figure.engine == engine);
                figure.map(|figure| figure.ns_per_sample)
            };
            let (engine, render) = (ns("engine")?, ns("tonegraft render")?);
            let times = |ns: f64| 1e9 / 48_000.0 / ns;
            let ratio = engine / render;
            let figure = format!(
                "{ratio:.3} × ({:.1} against {:.1} × real time)",
                times(render),
                times(engine)
            );
            Some((figure, ratio >= least))
        }
        Check::SameNetwork(model, most) => {
            let slowest = run
                .of("engine", model)
                .filter(|figure| figure.engine.starts_with("tonegraft (") && figure.isa == run.widest())
                .filter_map(|figure| Some((figure.p50_us / ours(model, figure.block)?.p50_us, figure)))
                .filter(|(_, figure)| figure.block == 64 || figure.engine.contains(" of "))
                .max_by(|a, b| a.0.total_cmp(&b.0))?;
            let (ratio, figure) = slowest;
            let name = figure.engine.trim_start_matches("tonegraft (").trim_end_matches(')');
            Some((format!("{ratio:.2} × ({name}, {} frames)", figure.block), ratio <= most))
        }
        Check::Flat(model, most) => {
            let ratio = ours(model, 2048)?.ns_per_sample / ours(model, 64)?.ns_per_sample;
            Some((format!("{ratio:.3} ×"), ratio <= most))
        }
        Check::Instances(what, most) => {
            let worst = run
                .of("instances", what)
                .filter(|figure| figure.isa == run.widest())
                .map(|figure| figure.realtime_percent)
                .max_by(f64::total_cmp)?;
            Some((format!("{worst:.1} %"), worst <= most))
        }
        Check::NoHeap => {
            let worst = run
                .0
                .iter()
                .filter(|figure| figure.kind == "engine" && figure.engine.starts_with("tonegraft"))
                .filter_map(|figure| figure.heap_per_block)
                .max_by(f64::total_cmp)?;
            Some((format!("{worst}"), worst == 0.0))
        }
        Check::Tail(most) => {
            let (ratio, figure) = run
                .0
                .iter()
                .filter(|figure| {
                    figure.kind == "engine"
                        && figure.engine == "tonegraft"
                        && figure.isa == run.widest()
                        && figure.block == 64
                })
                .map(|figure| (figure.p99_us / figure.p50_us, figure))
                .max_by(|a, b| a.0.total_cmp(&b.0))?;
            Some((format!("{ratio:.2} × ({})", figure.what), ratio <= most))
        }
    }
}

fn by_hand_ratio(row: Option<&ByHand>, least: f64) -> Option<(String, bool)> {
    let row = row?;
    Some((
        format!(
            "{:.2} × ({:.1} against {:.1} µs, {})",
            row.ratio(),
            row.our_p50_us,
            row.p50_us,
            row.flags
        ),
        row.ratio() >= least,
    ))
}

/// The table.
pub fn table(run: &Run, by_hand: &[ByHand]) -> String {
    let mut text = String::from("| work | goal | reached | |\n| --- | --- | --- | --- |\n");
    for Goal { work, goal, check } in GOALS {
        let (figure, verdict) = match judge(*check, run, by_hand) {
            Some((figure, true)) => (figure, "yes"),
            Some((figure, false)) => (figure, "**no**"),
            None => ("not measured".to_owned(), ""),
        };
        let _ = writeln!(text, "| {work} | {goal} | {figure} | {verdict} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::by_hand::tests::by_hand;
    use super::super::history::tests::{line, run};
    use super::*;

    #[test]
    fn goals_are_judged_by_the_fastest_build_of_a_peer() {
        let rows = [
            by_hand("a1-standard", "NeuralAmpModelerCore", "native", "avx512", 40.0, 10.0),
            by_hand("a1-standard", "NeuralAmpModelerCore", "x86-64-v3", "avx512", 30.0, 10.0),
            by_hand(
                "a1-standard",
                "NeuralAmpModelerCore exact tanh",
                "x86-64-v3",
                "avx512",
                10.0,
                10.0,
            ),
        ];
        let judged = judge(Check::ByHand("a1-standard", NAM, WIDE, 3.5), &run(&[]), &rows);
        assert!(judged.is_some_and(|(figure, reached)| figure.starts_with("3.00 ×") && !reached));
        assert!(judge(Check::ByHand("a1-standard", NAM, AVX2, 3.5), &run(&[]), &rows).is_none());
    }

    #[test]
    fn goals_are_judged_within_the_run() {
        let run = run(&[
            line("a1-standard", 64, "tonegraft", "avx512", 10.0),
            line("a1-standard", 64, "tonegraft", "avx2", 15.0),
            line("a1-standard", 64, "tonegraft (onnx)", "avx512", 10.5),
            line("a1-standard", 64, "tonegraft (onnx of 64 frames)", "avx512", 12.0),
            line("a1-standard", 64, "onnxruntime", "", 90.0),
            line("a1-standard", 2048, "tonegraft", "avx512", 330.0),
        ]);
        let told = |check| judge(check, &run, &[]);
        assert_eq!(
            told(Check::Times("a1-standard", "onnxruntime", 10.0)),
            Some(("9.00 ×".into(), false))
        );
        assert_eq!(
            told(Check::AtMost("a1-standard", 64, 11.0)),
            Some(("10.00 µs".into(), true))
        );
        assert_eq!(
            told(Check::SameNetwork("a1-standard", 1.1)),
            Some(("1.20 × (onnx of 64 frames, 64 frames)".into(), false))
        );
        assert_eq!(
            told(Check::Flat("a1-standard", 1.05)).map(|(_, reached)| reached),
            Some(true)
        );
        assert_eq!(told(Check::NoHeap), Some(("0".into(), true)));
        assert_eq!(told(Check::Tail(1.5)).map(|(_, reached)| reached), Some(true));
        assert_eq!(told(Check::Instances("64 x a2-full", 100.0)), None);
        assert_eq!(
            told(Check::AtMostOf("a1-standard", 64, "tonegraft (onnx)", 10.0)).map(|(_, reached)| reached),
            Some(false)
        );
        assert_eq!(told(Check::AtMostOf("encoder", 320, HALF, 350.0)), None);
        assert_eq!(told(Check::Render("a1-standard", 0.95)), None);
        assert!(table(&run, &[]).contains("| codec encoder, one frame | ≤ 0.55 ms | not measured |  |"));
    }
}
