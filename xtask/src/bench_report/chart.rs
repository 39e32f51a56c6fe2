//! The chart: for each model a bar per engine, on a logarithmic scale, as a plain SVG.

use super::history::{Figure, Run};
use std::fmt::Write as _;

/// Sizes in pixels.
const LABEL_WIDTH: f64 = 210.0;
const PLOT_WIDTH: f64 = 560.0;
const BAR: f64 = 13.0;
const GAP: f64 = 12.0;
const TOP: f64 = 56.0;
const WIDTH: f64 = LABEL_WIDTH + PLOT_WIDTH + 90.0;

/// The most that is drawn, in decades from the fastest.
const MOST_DECADES: i32 = 8;

/// Colours by the beginning of an engine's name.
const COLOURS: [(&str, &str); 5] = [
    ("tonegraft avx512", "#c2410c"),
    ("tonegraft", "#f59e5b"),
    ("onnxruntime", "#4b6b8a"),
    ("nam-rs", "#5f8f5f"),
    ("tract", "#8a7a9c"),
];

/// Draws the run: median per sample of the usual block, 64 frames or a codec's frame.
pub fn svg(run: &Run) -> String {
    let groups: Vec<(&str, Vec<&Figure>)> = run
        .names("engine")
        .into_iter()
        .map(|name| (name, bars(run, name)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let all = || {
        groups
            .iter()
            .flat_map(|(_, bars)| bars)
            .map(|figure| figure.ns_per_sample)
            .filter(|ns| *ns > 0.0)
    };
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    let (first, last) = if least <= most {
        let first = decade(least.log10().floor());
        (
            first,
            decade(most.log10().ceil()).clamp(first + 1, first + MOST_DECADES),
        )
    } else {
        (0, 1)
    };
    let place = |ns: f64| (ns.log10() - f64::from(first)) / f64::from(last - first) * PLOT_WIDTH;
    let count: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    // Few bars: exact.
    #[allow(clippy::cast_precision_loss)]
    let height = TOP + count as f64 * BAR + groups.len() as f64 * GAP + 24.0;

    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"10\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"20\" font-size=\"14\">Time per sample, median, one core (ns, logarithmic; shorter is better)</text>\n\
         <text x=\"12\" y=\"36\" fill=\"#555\">blocks of 64 frames; codec halves: one frame of 320</text>\n"
    );
    for power in first..=last {
        let x = LABEL_WIDTH + place(10_f64.powi(power));
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
            height - 20.0,
            height - 8.0,
            10_f64.powi(power)
        );
    }
    let mut y = TOP;
    for (name, bars) in &groups {
        let _ = writeln!(
            text,
            "<text x=\"12\" y=\"{:.1}\" font-weight=\"bold\">{}</text>",
            y + 10.0,
            escaped(name)
        );
        for figure in bars {
            let width = place(figure.ns_per_sample).clamp(1.0, PLOT_WIDTH);
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{LABEL_WIDTH}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#333\">{:.0}</text>",
                LABEL_WIDTH - 6.0,
                y + 10.0,
                escaped(&figure.player()),
                y + 1.0,
                BAR - 2.0,
                colour(&figure.player()),
                LABEL_WIDTH + width + 4.0,
                y + 10.0,
                figure.ns_per_sample
            );
            y += BAR;
        }
        y += GAP;
    }
    text.push_str("</svg>\n");
    text
}

/// What is drawn of a model: every engine on its own file, at the block of the goals.
fn bars<'a>(run: &'a Run, name: &'a str) -> Vec<&'a Figure> {
    run.of("engine", name)
        .filter(|figure| (figure.block == 64 || figure.block == 320) && !figure.engine.starts_with("tonegraft ("))
        .collect()
}

fn decade(power: f64) -> i32 {
    // Powers of ten of times.
    #[allow(clippy::cast_possible_truncation)]
    let power = power.clamp(-9.0, 12.0) as i32;
    power
}

fn colour(player: &str) -> &'static str {
    COLOURS
        .iter()
        .find(|(name, _)| player.starts_with(name))
        .map_or("#999999", |(_, colour)| colour)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{line, run};
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_logarithm() {
        let svg = svg(&run(&[
            line("<m>", 64, "tonegraft", "avx512", 0.64),
            line("<m>", 64, "tract-onnx", "", 64.0),
        ]));
        // 10 ns and 1000 ns: from the left edge, and over the whole width.
        assert!(
            svg.contains("width=\"1.0\"") && svg.contains(&format!("width=\"{PLOT_WIDTH:.1}\"")),
            "{svg}"
        );
        assert!(svg.contains("&lt;m&gt;") && svg.contains("#c2410c"), "{svg}");
    }

    #[test]
    fn nothing_measured_is_an_empty_chart() {
        assert!(svg(&run(&[])).ends_with("</svg>\n"));
    }
}
