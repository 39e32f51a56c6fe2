//! The pictures of a report, as SVG.
//!
//! * *course*: counts along the trials, with chance and the boundary at which a test that ends there is significant.
//! * *proportions*: each session's share with its interval, and that of all together.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use tonegraft_analysis::listening::pool::Group;
use tonegraft_analysis::listening::report::Proportion;
use tonegraft_analysis::listening::statistics::{ALPHA, binomial_two_sided, critical};
use tonegraft_analysis::listening::{Kind, Outcome};

const INK: RGBColor = RGBColor(38, 43, 51);
const FAINT: RGBColor = RGBColor(150, 157, 168);
const LINE: RGBColor = RGBColor(31, 111, 178);
const LIMIT: RGBColor = RGBColor(200, 86, 34);
const FONT: &str = "sans-serif";

/// Height of a row of the proportions.
const ROW: u32 = 26;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Names and pictures of a group.
pub(super) fn all(group: &Group) -> Result<Vec<(&'static str, String)>> {
    let mut pictures = Vec::new();
    if group.kind != Kind::Likeness && !group.course.is_empty() {
        pictures.push(("course", drawn((720, 360), |area| course(group, area))?));
    }
    let bars = bars(group);
    if !bars.is_empty() {
        let rows = u32::try_from(bars.len()).unwrap_or(u32::MAX / ROW / 2);
        pictures.push((
            "proportions",
            drawn((720, 76 + ROW * rows), |area| proportions(group, &bars, area))?,
        ));
    }
    Ok(pictures)
}

fn drawn(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        draw(&area)?;
        area.present().map_err(failed)?;
    }
    Ok(svg)
}

// plotters' errors hold the back end's, which are not `Sync`.
#[allow(clippy::needless_pass_by_value)]
fn failed<E: std::error::Error>(error: E) -> anyhow::Error {
    anyhow!("the plot cannot be drawn: {error}")
}

/// Counts of trials are far below 2⁵³.
#[allow(clippy::cast_precision_loss)]
fn number(count: usize) -> f64 {
    count as f64
}

fn course(group: &Group, area: &Area<'_>) -> Result<()> {
    let trials = group.course.len();
    let what = if group.kind == Kind::Preference {
        "A preferred"
    } else {
        "right answers"
    };
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(46)
        .build_cartesian_2d(0.0..number(trials), 0.0..number(trials))
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT.mix(0.3))
        .axis_style(INK)
        .label_style((FONT, 13).into_font().color(&INK))
        .x_desc("trials")
        .y_desc(what)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .draw()
        .map_err(failed)?;
    let chance = [(0.0, 0.0), (number(trials), 0.5 * number(trials))];
    chart
        .draw_series(LineSeries::new(chance, FAINT))
        .map_err(failed)?
        .label(if group.kind == Kind::Preference {
            "even odds"
        } else {
            "guessing"
        })
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], FAINT));
    let last = u32::try_from(trials).unwrap_or(u32::MAX);
    let upper = (1..=last).filter_map(|n| Some((f64::from(n), f64::from(boundary(group.kind, n)?))));
    chart
        .draw_series(LineSeries::new(upper, LIMIT.stroke_width(2)))
        .map_err(failed)?
        .label("significant, if the test ends there")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], LIMIT.stroke_width(2)));
    if group.kind == Kind::Preference {
        let lower = (1..=last).filter_map(|n| Some((f64::from(n), f64::from(n - boundary(group.kind, n)?))));
        chart
            .draw_series(LineSeries::new(lower, LIMIT.stroke_width(2)))
            .map_err(failed)?;
    }
    let mut count = 0;
    let steps = group.course.iter().enumerate().map(|(index, yes)| {
        count += usize::from(*yes);
        (number(index + 1), number(count))
    });
    let line: Vec<(f64, f64)> = std::iter::once((0.0, 0.0)).chain(steps).collect();
    chart
        .draw_series(LineSeries::new(line, LINE.stroke_width(3)))
        .map_err(failed)?
        .label(what)
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], LINE.stroke_width(3)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.9))
        .border_style(TRANSPARENT)
        .label_font((FONT, 13).into_font().color(&INK))
        .draw()
        .map_err(failed)
}

/// The smallest count among `trials` that is significant.
fn boundary(kind: Kind, trials: u32) -> Option<u32> {
    if kind == Kind::Preference {
        (trials.div_ceil(2)..=trials).find(|count| binomial_two_sided(*count, trials) <= ALPHA)
    } else {
        critical(trials, ALPHA)
    }
}

/// A row of the proportions.
struct Bar {
    label: String,
    proportion: Proportion,
    sum: bool,
}

fn bars(group: &Group) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut add = |label: &str, outcome: &Outcome, sum: bool| {
        let mut bar = |suffix: &str, proportion: Proportion| {
            if proportion.of > 0 {
                bars.push(Bar {
                    label: format!("{label}{suffix}"),
                    proportion,
                    sum,
                });
            }
        };
        match outcome {
            Outcome::Abx(abx) => bar("", abx.correct),
            Outcome::Likeness(likeness) => {
                bar(" model", likeness.model);
                bar(" anchor", likeness.anchor);
            }
            Outcome::Preference(preference) => bar("", preference.a),
            Outcome::Training { .. } => {}
        }
    };
    // Slots may have been swapped between sessions: those of a preference are in the sum alone.
    if group.kind != Kind::Preference {
        for session in group.sessions.iter().take(200) {
            let date: String = session.log.setup.date.chars().take(16).collect();
            add(&date.replace('T', " "), &session.outcome, false);
        }
    }
    add("together", &group.outcome, true);
    bars
}

fn proportions(group: &Group, bars: &[Bar], area: &Area<'_>) -> Result<()> {
    let what = match group.kind {
        Kind::Likeness => "share taken for the device, in %",
        Kind::Preference => "share in which A was preferred, in %",
        Kind::Abx | Kind::Training => "share of right answers, in %",
    };
    let rows = number(bars.len());
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(170)
        .build_cartesian_2d(0.0..100.0, 0.0..rows)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .y_labels(0)
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT.mix(0.3))
        .axis_style(INK)
        .label_style((FONT, 13).into_font().color(&INK))
        .x_desc(what)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .draw()
        .map_err(failed)?;
    chart
        .draw_series(LineSeries::new([(50.0, 0.0), (50.0, rows)], FAINT.stroke_width(2)))
        .map_err(failed)?;
    for (index, bar) in bars.iter().enumerate() {
        let y = rows - number(index) - 0.5;
        let color = if bar.sum { LINE } else { INK };
        let share = 100.0 * f64::from(bar.proportion.count) / f64::from(bar.proportion.of);
        if let Some(interval) = bar.proportion.interval {
            let ends = [(100.0 * interval.low, y), (100.0 * interval.high, y)];
            chart
                .draw_series(LineSeries::new(ends, color.stroke_width(2)))
                .map_err(failed)?;
            for (x, _) in ends {
                let tick = PathElement::new([(x, y - 0.18), (x, y + 0.18)], color.stroke_width(2));
                chart.draw_series([tick]).map_err(failed)?;
            }
        }
        chart
            .draw_series([Circle::new((share, y), 5, color.filled())])
            .map_err(failed)?;
        // Left of the axis, where the chart has its labels.
        let (left, row) = chart.backend_coord(&(0.0, y));
        let style = (FONT, 13)
            .into_font()
            .color(&color)
            .pos(Pos::new(HPos::Right, VPos::Center));
        area.draw(&Text::new(bar.label.clone(), (left - 8, row), style))
            .map_err(failed)?;
    }
    Ok(())
}
