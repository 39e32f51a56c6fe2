//! Charts as SVG, coloured by the classes of the page's style sheet, so that they follow its light and dark.

use std::fmt::Write as _;
use tonegraft_analysis::mel::mel_of_hz;

/// Width of all charts, in units of their view box.
pub const WIDTH: f64 = 960.0;

/// Room for the labels on the left and below, and for the edges.
const LEFT: f64 = 58.0;
const BELOW: f64 = 40.0;
const EDGE: f64 = 10.0;
/// Half of the last tick's label stands beyond the plot.
const RIGHT: f64 = 18.0;

/// How an axis is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Division {
    Even,
    Decades,
    /// Hz on the mel scale.
    Mel,
}

impl Division {
    /// Where values stand evenly.
    fn even(self, value: f64) -> f64 {
        match self {
            Self::Even => value,
            Self::Decades => value.max(1e-12).ln(),
            Self::Mel => mel_of_hz(value.max(0.0)),
        }
    }
}

/// One axis.
#[derive(Clone, Debug)]
pub struct Axis {
    low: f64,
    high: f64,
    division: Division,
    label: &'static str,
}

impl Axis {
    /// Evenly divided from `low` to `high`; an empty range is widened.
    pub fn linear(low: f64, high: f64, label: &'static str) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self {
            low,
            high,
            division: Division::Even,
            label,
        }
    }

    /// By decades; `0 < low < high`.
    pub fn logarithmic(low: f64, high: f64, label: &'static str) -> Self {
        Self {
            low: low.max(1e-9),
            high: high.max(low.max(1e-9) * 2.0),
            division: Division::Decades,
            label,
        }
    }

    /// From 0 to `high` Hz, by mel.
    pub fn mel(high: f64) -> Self {
        Self {
            low: 0.0,
            high: high.max(1.0),
            division: Division::Mel,
            label: "Hz",
        }
    }

    /// 0 at the low end, 1 at the high one; values beyond stay on the edge.
    fn place(&self, value: f64) -> f64 {
        let even = |value| self.division.even(value);
        let share = (even(value) - even(self.low)) / (even(self.high) - even(self.low));
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    fn ticks(&self) -> Vec<f64> {
        if self.division == Division::Mel {
            let round = [100.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0];
            return round.into_iter().filter(|tick| *tick <= self.high).collect();
        }
        if self.division == Division::Decades {
            let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
            let all = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(decade)));
            return all.filter(|tick| (self.low..=self.high).contains(tick)).collect();
        }
        let rough = (self.high - self.low) / 7.0;
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * decade);
        let step = step.into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let first = (self.low / step).ceil() as i64;
        let ticks = (first..).map(|tick| tick as f64 * step);
        ticks.take_while(|tick| *tick <= self.high + 1e-9 * step).collect()
    }
}

/// Short, without needless zeros.
fn short(value: f64) -> String {
    let text = if value.abs() >= 1000.0 {
        format!("{}k", (value / 100.0).round() / 10.0)
    } else {
        format!("{}", (value * 1000.0).round() / 1000.0)
    };
    text.replace('-', "−")
}

/// A chart being drawn.
pub struct Chart {
    svg: String,
    height: f64,
    x: Axis,
    y: Axis,
}

impl Chart {
    /// An empty one with axes; `title` is what it is called aloud.
    pub fn new(height: f64, title: &str, x: Axis, y: Axis) -> Self {
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n",
            escaped(title)
        );
        let mut chart = Self {
            svg: String::new(),
            height,
            x,
            y,
        };
        let (bottom, right) = (chart.height - BELOW, WIDTH - RIGHT);
        for tick in chart.x.ticks() {
            let at = chart.at_x(tick);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{at:.1} {EDGE}V{bottom:.1}\"/><text x=\"{at:.1}\" y=\"{:.1}\" class=\"tick mid\">{}</text>",
                bottom + 16.0,
                short(tick)
            );
        }
        for tick in chart.y.ticks() {
            let at = chart.at_y(tick);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"tick end\">{}</text>",
                LEFT - 7.0,
                at + 4.0,
                short(tick)
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{right:.1}\" y=\"{:.1}\" class=\"axis end\">{}</text><text x=\"14\" y=\"{:.1}\" class=\"axis mid\" transform=\"rotate(-90 14 {:.1})\">{}</text>",
            height - 6.0,
            chart.x.label,
            (EDGE + bottom) / 2.0,
            (EDGE + bottom) / 2.0,
            chart.y.label
        );
        chart.svg = svg;
        chart
    }

    fn at_x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - RIGHT - LEFT)
    }

    fn at_y(&self, value: f64) -> f64 {
        let bottom = self.height - BELOW;
        bottom - self.y.place(value) * (bottom - EDGE)
    }

    fn points(&self, points: impl Iterator<Item = (f64, f64)>, path: &mut String) {
        for (x, y) in points.filter(|(x, y)| x.is_finite() && !y.is_nan()) {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", self.at_x(x), self.at_y(y));
        }
    }

    /// A line through the points.
    pub fn line(&mut self, class: &str, points: impl Iterator<Item = (f64, f64)>) {
        let mut path = String::new();
        self.points(points, &mut path);
        let _ = writeln!(self.svg, "<path class=\"line {class}\" d=\"{path}\"/>");
    }

    /// The area between two lines over the same places, each `(x, low, high)`.
    pub fn area(&mut self, class: &str, points: &[(f64, f64, f64)]) {
        let mut path = String::new();
        self.points(points.iter().map(|(x, _, high)| (*x, *high)), &mut path);
        self.points(points.iter().rev().map(|(x, low, _)| (*x, *low)), &mut path);
        let _ = writeln!(self.svg, "<path class=\"area {class}\" d=\"{path}Z\"/>");
    }

    /// A picture that fills the plot.
    pub fn image(&mut self, uri: &str) {
        let (width, height) = (WIDTH - RIGHT - LEFT, self.height - BELOW - EDGE);
        let _ = writeln!(
            self.svg,
            "<image x=\"{LEFT}\" y=\"{EDGE}\" width=\"{width:.1}\" height=\"{height:.1}\" preserveAspectRatio=\"none\" href=\"{uri}\"/>"
        );
    }

    /// The whole element.
    pub fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

/// Bars beside each other, longer is more: `(name, class, value, text)`, values from 0 up.
pub fn bars(title: &str, bars: &[(&str, &str, f64, String)]) -> String {
    let most = bars.iter().map(|bar| bar.2).fold(1e-9, f64::max);
    let height = 30.0 * bars.len() as f64 + 6.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n",
        escaped(title)
    );
    for ((name, class, value, text), row) in bars.iter().zip(0..) {
        let top = 30.0 * f64::from(row) + 6.0;
        let width = (value.max(0.0) / most) * (WIDTH - 330.0);
        let _ = writeln!(
            svg,
            "<text x=\"100\" y=\"{:.1}\" class=\"bar end\">{}</text><rect x=\"112\" y=\"{top:.1}\" width=\"{:.1}\" height=\"20\" rx=\"4\" class=\"fill {class}\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"bar\">{}</text>",
            top + 15.0,
            escaped(name),
            width.max(2.0),
            122.0 + width.max(2.0),
            top + 15.0,
            escaped(text)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// For text and attributes of a page.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(
            Axis::linear(0.0, 7.0, "").ticks(),
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
        );
        assert_eq!(Axis::logarithmic(20.0, 200.0, "").ticks(), [20.0, 50.0, 100.0, 200.0]);
        assert!(Axis::linear(1.0, 1.0, "").ticks().len() > 2);
        for (value, text) in [(1000.0, "1k"), (0.25, "0.25"), (-60.0, "−60"), (15_500.0, "15.5k")] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn names_cannot_break_out_of_a_page() {
        let chart = Chart::new(
            200.0,
            "<b>\"&'",
            Axis::linear(0.0, 1.0, "s"),
            Axis::linear(-1.0, 1.0, ""),
        );
        let svg = chart.finish();
        assert!(svg.contains("&lt;b&gt;&quot;&amp;&#39;") && !svg.contains("<b>"));
    }

    #[test]
    fn points_that_are_no_numbers_are_left_out_and_others_stay_inside() {
        let mut chart = Chart::new(200.0, "", Axis::linear(0.0, 1.0, "s"), Axis::linear(-1.0, 1.0, ""));
        let points = [(0.0, 0.0), (0.5, f64::NAN), (0.6, f64::NEG_INFINITY), (1.0, 9.0)];
        chart.line("ref", points.into_iter());
        let svg = chart.finish();
        assert!(svg.contains("d=\"M58.0 85.0L588.4 160.0L942.0 10.0\""), "{svg}");
    }
}
