//! The page.

use super::by_hand::ByHand;
use super::goals;
use super::history::{Figure, Run};
use super::machine::Machine;
use std::fmt::Write as _;

/// What it is made of.
pub struct Page<'a> {
    /// This machine.
    pub machine: &'a Machine,
    /// What was measured on it last.
    pub run: &'a Run,
    /// What was measured by hand, on any.
    pub by_hand: &'a [ByHand],
    /// The section on loading.
    pub loading: &'a str,
}

impl Page<'_> {
    /// All of it.
    pub fn text(&self) -> String {
        let mut text = self.head();
        text.push_str("\n## Goals\n\nBlocks of 64 frames where nothing else is said; ratios are of medians, of figures measured by turns. ");
        text.push_str(
            "Where one is not reached, [the log](benchmarks/log.md) says what bounds it and what was tried.\n\n",
        );
        text.push_str(&goals::table(self.run, self.by_hand));
        text.push_str("\n![Time per sample of every engine](images/benchmarks.svg)\n");
        for model in self.run.names("engine") {
            self.model(&mut text, model);
        }
        self.instances(&mut text);
        self.by_hand(&mut text);
        self.kernels(&mut text);
        text.push_str(self.loading);
        text
    }

    fn head(&self) -> String {
        let Machine { slug, text: machine } = self.machine;
        let newest = self.run.0.iter().max_by(|a, b| a.time.cmp(&b.time));
        let (time, commit, load) = newest.map_or(("", "", ""), |figure| (&figure.time, &figure.commit, &figure.load));
        format!(
            "# Benchmarks\n\n\
             Written by `cargo xtask bench-report`, which builds and runs `benches` and adds what it measured to\n\
             [benchmarks/{slug}.csv](benchmarks/{slug}.csv); `cargo xtask bench-report --model a1-standard` measures one model again.\n\n\
             Measured on: {machine}. {time} UTC, commit {commit}, load average before {load}. Where a model was measured at another\n\
             time, its table says so.\n\n\
             All engines play the same noise in one process on one core, by turns of some milliseconds, denormals off. Release\n\
             profile, for any x86-64: Tonegraft chooses its instructions when it loads a model, and `avx2` is Tonegraft told to do\n\
             without AVX-512. Their outputs are compared in the same run (largest difference relative to max(1, peak): up to 1e-4 is\n\
             accepted, 2e-5 between our own instruction sets); an engine that plays something else is an error. ONNX Runtime 1.31.1\n\
             (through `ort` 2.0.0-rc.15) and tract-onnx 0.23.9 have no memory between blocks: they get the same graph with its past\n\
             as inputs and outputs, handed on without a copy, the length of the block fixed, one thread, all optimisations; `(no\n\
             past)` is the graph without, cheaper and not the same samples. nam-rs 0.4.0 computes tanh exactly, as all here do. It\n\
             does not choose instructions itself, so `target-cpu=native` is a build for this very processor, run by turns with ours\n\
             in a process of its own. `(16-bit weights)` rounds those of layers that read them for few frames: its difference is that\n\
             rounding's.\n\n\
             Times are µs per block, median / 99th percentile. `% of rt`: of the block's duration at 48 kHz (codec halves: 24 kHz).\n\
             `of peak`: multiply-adds per second over the most that this core did in the same run with the same instructions.\n\
             `heap`: allocations per block, those of C and C++ libraries included. A one-sample block contains the clock's own 30 ns.\n\
             An engine without figures refused the model.\n"
        )
    }

    fn model(&self, text: &mut String, model: &str) {
        let figures: Vec<&Figure> = self.run.of("engine", model).collect();
        let (mut blocks, mut players) = (Vec::new(), Vec::new());
        for figure in &figures {
            if !blocks.contains(&figure.block) {
                blocks.push(figure.block);
            }
            if !players.contains(&figure.player()) {
                players.push(figure.player());
            }
        }
        let _ = write!(text, "\n## {model}\n");
        if let Some(figure) = figures.first() {
            let _ = write!(
                text,
                "\n{} UTC, commit {}, load {}.\n",
                figure.time, figure.commit, figure.load
            );
        }
        let _ = write!(text, "\n| p50 / p99 µs |");
        for block in &blocks {
            let _ = write!(text, " {block} |");
        }
        let _ = write!(text, "\n| --- |{}\n", " ---: |".repeat(blocks.len()));
        for player in &players {
            let _ = write!(text, "| {player} |");
            for block in &blocks {
                let found = figures
                    .iter()
                    .find(|figure| figure.block == *block && figure.player() == *player);
                let cell = found.map_or_else(String::new, |figure| {
                    format!("{} / {}", short(figure.p50_us), short(figure.p99_us))
                });
                let _ = write!(text, " {cell} |");
            }
            text.push('\n');
        }
        let Some(ours) = figures
            .iter()
            .find(|figure| figure.engine == "tonegraft" && usual(figure))
        else {
            return;
        };
        let _ = write!(
            text,
            "\n| {} frames | ns/sample | % of rt | of peak | heap | difference | × {} |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
            ours.block,
            ours.player()
        );
        for figure in figures.iter().filter(|figure| usual(figure)) {
            let _ = writeln!(
                text,
                "| {} | {} | {:.2} | {} | {} | {} | {:.2} |",
                figure.player(),
                short(figure.ns_per_sample),
                figure.realtime_percent,
                figure
                    .peak_fraction
                    .map_or_else(String::new, |fraction| format!("{:.0} %", fraction * 100.0)),
                figure
                    .heap_per_block
                    .map_or_else(String::new, |heap| format!("{heap:.0}")),
                figure
                    .difference
                    .map_or_else(String::new, |difference| format!("{difference:.0e}")),
                figure.p50_us / ours.p50_us
            );
        }
        let ours: Vec<&&Figure> = figures
            .iter()
            .filter(|figure| figure.engine == "tonegraft" && figure.isa == ours.isa)
            .collect();
        let _ = write!(
            text,
            "\n| {} |",
            ours.first().map_or_else(String::new, |figure| figure.player())
        );
        for figure in &ours {
            let _ = write!(text, " {} |", figure.block);
        }
        let _ = write!(text, "\n| --- |{}\n| ns/sample |", " ---: |".repeat(ours.len()));
        for figure in &ours {
            let _ = write!(text, " {} |", short(figure.ns_per_sample));
        }
        let _ = write!(text, "\n| % of rt |");
        for figure in &ours {
            let _ = write!(text, " {:.2} |", figure.realtime_percent);
        }
        let _ = write!(text, "\n| of peak |");
        for figure in &ours {
            let _ = write!(text, " {:.0} % |", figure.peak_fraction.unwrap_or_default() * 100.0);
        }
        text.push('\n');
    }

    fn instances(&self, text: &mut String) {
        let names = self.run.names("instances");
        if names.is_empty() {
            return;
        }
        text.push_str(
            "\n## Many instances\n\n\
             One thread plays a block of 64 frames of each instance in turn, so each finds the caches full of the others; `caches\n\
             emptied`: 8 MiB of other memory are read before each as well, untimed. Percent of one core at 48 kHz: median and 99th\n\
             percentile of a single play, times the instances; the median of nine passes of each, by turns.\n\n\
             | | p50 | p99 |\n| --- | ---: | ---: |\n",
        );
        for figure in names.iter().flat_map(|name| self.run.of("instances", name)) {
            let p99 = figure.realtime_percent * figure.p99_us / figure.p50_us;
            let _ = writeln!(
                text,
                "| {}, {} | {:.1} % | {p99:.1} % |",
                figure.what,
                figure.player(),
                figure.realtime_percent
            );
        }
    }

    fn by_hand(&self, text: &mut String) {
        if self.by_hand.is_empty() {
            return;
        }
        text.push_str(
            "\n## Made by hand\n\n\
             Engines that this project does not build, measured with programs of their own on the same noise, pinned to the same\n\
             core, denormals off, by turns with `tonegraft bench` or `tonegraft-benches` (medians of the rounds); ours is the figure\n\
             of that sitting. NeuralAmpModelerCore with its fast tanh, an approximation (error up to 3.6e-3), where nothing else is\n\
             said; RTNeural at random weights, its output not compared.\n",
        );
        let mut versions: Vec<(&str, &str)> = Vec::new();
        for row in self.by_hand {
            if !versions.contains(&(&row.engine, &row.version)) {
                versions.push((&row.engine, &row.version));
            }
        }
        text.push('\n');
        for (engine, version) in versions {
            let _ = writeln!(text, "- {engine}: {version}");
        }
        text.push_str(
            "\n| model | block | engine | flags | p50 / p99 µs | ours p50 µs | ratio | sitting |\n\
             | --- | ---: | --- | --- | ---: | ---: | ---: | --- |\n",
        );
        for row in self.by_hand {
            let _ = writeln!(
                text,
                "| {} | {} | {} | `{}` | {} / {} | {} ({}) | {:.2} | {} {}, {} |",
                row.model,
                row.block,
                row.engine,
                row.flags,
                short(row.p50_us),
                short(row.p99_us),
                short(row.our_p50_us),
                row.our_isa,
                row.ratio(),
                row.date,
                row.commit,
                row.machine
            );
        }
    }

    fn kernels(&self, text: &mut String) {
        let names = self.run.names("kernel");
        if names.is_empty() {
            return;
        }
        text.push_str(
            "\n## Kernels\n\n\
             64 frames a call. The reference is the plain loop in double precision that the kernel is checked against, in the same\n\
             run.\n\n\
             | kernel | reference µs | | µs | × reference | of peak | difference |\n| --- | ---: | --- | ---: | ---: | ---: | ---: |\n",
        );
        for name in names {
            let reference = self.run.of("kernel", name).find(|figure| figure.engine == "reference");
            let Some(reference) = reference else { continue };
            for figure in self
                .run
                .of("kernel", name)
                .filter(|figure| figure.engine != "reference")
            {
                let _ = writeln!(
                    text,
                    "| {name} | {} | {} | {} | {:.1} | {} | {} |",
                    short(reference.p50_us),
                    figure.isa,
                    short(figure.p50_us),
                    reference.p50_us / figure.p50_us,
                    figure
                        .peak_fraction
                        .map_or_else(String::new, |fraction| format!("{:.0} %", fraction * 100.0)),
                    figure
                        .difference
                        .map_or_else(String::new, |difference| format!("{difference:.0e}")),
                );
            }
        }
    }
}

/// Blocks of the second table: 64 frames, or one of a codec.
fn usual(figure: &Figure) -> bool {
    figure.block == 64 || figure.block == 320
}

/// Three digits.
fn short(value: f64) -> String {
    if value >= 99.95 {
        format!("{value:.0}")
    } else if value >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::by_hand::tests::by_hand;
    use super::super::history::tests::{line, run};
    use super::*;

    fn page(run: &Run, by_hand: &[ByHand]) -> String {
        let machine = Machine {
            slug: "m".into(),
            text: "a machine".into(),
        };
        Page {
            machine: &machine,
            run,
            by_hand,
            loading: "\n## Loading\n",
        }
        .text()
    }

    #[test]
    fn the_page_sets_the_engines_side_by_side() {
        let run = run(&[
            line("m", 64, "tonegraft", "avx512", 2.0),
            line("m", 64, "onnxruntime", "", 8.0),
            line("m", 128, "tonegraft", "avx512", 4.0),
        ]);
        let text = page(&run, &[by_hand("m", "Other", "-O3", "avx512", 6.0, 2.0)]);
        for wanted in [
            "| tonegraft avx512 | 2.00 / 2.40 | 4.00 / 4.80 |\n",
            "| onnxruntime | 8.00 / 9.60 |  |\n",
            "| onnxruntime | 125 | 1.00 | 50 % | 0 | 1e-7 | 4.00 |\n",
            "| ns/sample | 31.2 | 31.2 |\n",
            "| m | 64 | Other | `-O3` | 6.00 / 6.00 | 2.00 (avx512) | 3.00 | d c, m |\n",
            "\n## Loading\n",
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
    }

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(
            [0.123, 9.996, 99.96, 1234.5].map(short),
            ["0.12", "10.0", "100", "1234"]
        );
    }
}
