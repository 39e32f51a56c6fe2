//! A page about one pair, whole in one file: no script, nothing from elsewhere, light or dark as the reader's system is.

use super::batch::{SHORT, Summary};
use super::chart::{Axis, Chart, bars, escaped};
use super::measure::{Estimates, Report};
use super::mel;
use super::pair::Pair;
use super::table::{self, number, optional};
use std::fmt::Write as _;
use tonegraft_analysis::spectrum::{LogAxis, mean_power};
use tonegraft_analysis::transfer::level_curve;

const STYLE: &str = include_str!("page.css");

/// Columns of the waveform.
const COLUMNS: usize = 890;

/// Frames of a spectrum's window.
const SPECTRUM: usize = 8192;

/// Seconds of the waveforms seen close.
const CLOSE: f64 = 0.025;

/// The name of a pair's page in a folder.
pub fn file_name(name: &str) -> String {
    format!("{name}.html")
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style></head>\n<body><main>\n{body}</main></body></html>\n",
        escaped(title)
    )
}

/// A section with a heading, a sentence on how to read it, and its content.
fn section(id: &str, heading: &str, reading: &str, content: &str) -> String {
    format!("<section id=\"{id}\"><h2>{heading}</h2><p class=\"reading\">{reading}</p>\n{content}</section>\n")
}

fn legend(entries: &[(&str, &str)]) -> String {
    let items: String = (entries.iter())
        .map(|(class, name)| format!("<li><i class=\"fill {class}\"></i>{}</li>", escaped(name)))
        .collect();
    format!("<ul class=\"legend\">{items}</ul>\n")
}

/// The page about one pair. The first channel is drawn.
pub fn page(name: &str, report: &Report, pair: &Pair, estimates: Option<&Estimates>) -> String {
    let judged = if report.model.is_some() { "model" } else { "output" };
    let title = match (&report.model, &report.output) {
        (Some(model), _) => model.clone(),
        (None, Some(output)) => stem(output),
        (None, None) => name.to_owned(),
    };
    let reference = pair.reference.first().map_or(&[][..], Vec::as_slice);
    let output = pair.output.first().map_or(&[][..], Vec::as_slice);
    let input = pair.input.as_ref().and_then(|input| input.first()).map(Vec::as_slice);
    let residual: Vec<f32> = reference.iter().zip(output).map(|(r, o)| r - o).collect();
    let rate = f64::from(pair.rate);

    let mut body = format!(
        "<header><p class=\"eyebrow\">Tonegraft · compare</p><h1>{}</h1><p class=\"against\">against {}{}</p></header>\n",
        escaped(&title),
        escaped(&stem(&report.reference)),
        report
            .input
            .as_ref()
            .map_or_else(String::new, |input| format!(", input {}", escaped(&stem(input))))
    );
    body.push_str(&tiles(report));
    body.push_str(&section(
        "baselines",
        "Beside the baselines",
        if report.baselines.is_some() {
            "Signal over error in dB, longer is better. The dry signal at the delay and level that fit best, and the best linear filter of \
             it, are what a model has to beat."
        } else {
            "Signal over error in dB. Give the clean recording with <code>--input</code> to see what the dry signal and the best linear \
             filter would reach."
        },
        &snr_bars(report),
    ));
    body.push_str(&section(
        "waveform",
        "Waveform",
        "All of it, then the loudest moment and the one with the largest error.",
        &waveforms(judged, reference, output, &residual, rate),
    ));
    body.push_str(&section(
        "mel",
        "Mel-spectrograms",
        "128 bands, one scale of colours for all.",
        &mel::pictures(judged, input, reference, output, rate),
    ));
    body.push_str(&section(
        "spectrum",
        "Magnitude spectra",
        "Mean power in windows of 8192 samples; what is left between reference and output should lie far below both.",
        &spectra(judged, input, reference, output, &residual, rate),
    ));
    body.push_str(&section(
        "transfer",
        "Transfer curve",
        if input.is_some() {
            "Level out over level in, windows of 20 ms: the median, and what lies between the 10th and 90th percentile."
        } else {
            "Level out over level in. It needs the clean recording: give it with <code>--input</code>."
        },
        &input.map_or_else(String::new, |input| transfer(judged, input, reference, output, rate)),
    ));
    let fir = estimates.and_then(|estimates| estimates.linear_fir.first());
    body.push_str(&section(
        "residual",
        "Residual",
        "Level over time of the reference and of what is left, windows of 50 ms.",
        &residuals(
            judged,
            reference,
            &residual,
            fir.map(|fir| fir.estimate.as_slice()),
            rate,
        ),
    ));
    body.push_str(&figures(report));
    document(&format!("{title} against {}", stem(&report.reference)), &body)
}

fn stem(path: &std::path::Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn tiles(report: &Report) -> String {
    let figures = &report.figures;
    let delay = report.delay_samples;
    let delay = if delay.abs() < 5e-4 { 0.0 } else { delay };
    let mut tiles = vec![
        ("ESR", number(figures.esr), "error-to-signal ratio".to_owned()),
        (
            "ESR 0.95",
            number(figures.esr_preemphasis),
            "with pre-emphasis".to_owned(),
        ),
        (
            "Null",
            format!("{} dB", number(report.null_db)),
            "level matched".to_owned(),
        ),
        ("MR-STFT", optional(figures.mr_stft), "spectral distance".to_owned()),
        (
            "Delay",
            number((delay * 1e3).round() / 1e3),
            format!("samples, polarity {}", report.polarity),
        ),
        (
            "Level",
            format!("{:+.2} dB", report.gain_db).replace('-', "−"),
            "output over reference".to_owned(),
        ),
    ];
    if let (Some(output), Some(difference)) = (report.loudness.output_lufs, report.loudness.difference_lu) {
        tiles.push((
            "Loudness",
            format!("{output:.1} LUFS").replace('-', "−"),
            format!("{difference:+.1} LU").replace('-', "−"),
        ));
    }
    let tiles: String = (tiles.iter())
        .map(|(name, value, below)| {
            format!(
                "<div><dt>{name}</dt><dd>{}</dd><small>{}</small></div>",
                escaped(value),
                escaped(below)
            )
        })
        .collect();
    format!("<dl class=\"tiles\">{tiles}</dl>\n")
}

fn snr_bars(report: &Report) -> String {
    let classes = ["out", "dry", "fir"];
    let rows: Vec<(&str, &str, f64, String)> = (table::columns(report).into_iter().zip(classes))
        .map(|((name, figures), class)| {
            let class = match name {
                "scaled dry" => "dry",
                "linear FIR" => "fir",
                _ => class,
            };
            let text = format!("{} dB   ESR {}", number(figures.snr_db), number(figures.esr));
            (name, class, figures.snr_db.min(150.0), text)
        })
        .collect();
    bars("Signal over error in dB", &rows)
}

/// `(second, least, largest)` of each column.
fn envelope(signal: &[f32], rate: f64) -> Vec<(f64, f64, f64)> {
    let step = signal.len().div_ceil(COLUMNS).max(1);
    (signal.chunks(step).zip(0..))
        .map(|(piece, column)| {
            let (low, high) = (piece.iter()).fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), sample| {
                (low.min(*sample), high.max(*sample))
            });
            let second = f64::from(column) * step as f64 / rate;
            (second, f64::from(low), f64::from(high))
        })
        .collect()
}

fn peak(signal: &[f32]) -> f64 {
    f64::from(signal.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs())))
}

/// Where the mean of squares over a close look is largest.
fn loudest(signal: &[f32], frames: usize) -> usize {
    let mut best = (0.0, 0);
    for begin in (0..signal.len().saturating_sub(frames).max(1)).step_by((frames / 4).max(1)) {
        let piece = signal.get(begin..(begin + frames).min(signal.len())).unwrap_or(&[]);
        let energy: f64 = piece.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        if energy > best.0 {
            best = (energy, begin);
        }
    }
    best.1
}

fn waveforms(judged: &str, reference: &[f32], output: &[f32], residual: &[f32], rate: f64) -> String {
    let most = peak(reference).max(peak(output)) * 1.05;
    let seconds = reference.len() as f64 / rate;
    let mut chart = Chart::new(
        240.0,
        "Waveforms of reference, output and what is left",
        Axis::linear(0.0, seconds, "seconds"),
        Axis::linear(-most, most, ""),
    );
    chart.area("ref", &envelope(reference, rate));
    chart.area("out", &envelope(output, rate));
    chart.area("res", &envelope(residual, rate));
    let mut all = legend(&[("ref", "reference"), ("out", judged), ("res", "what is left")]);
    all.push_str(&chart.finish());
    let frames = ((CLOSE * rate) as usize).clamp(2, reference.len().max(2));
    for (signal, what) in [(reference, "loudest"), (residual, "largest error")] {
        let begin = loudest(signal, frames);
        let part = begin..(begin + frames).min(reference.len());
        let closest = peak(&reference[part.clone()]).max(peak(&output[part.clone()])) * 1.08;
        let mut chart = Chart::new(
            220.0,
            what,
            Axis::linear(0.0, frames as f64 / rate * 1e3, "milliseconds"),
            Axis::linear(-closest, closest, ""),
        );
        for (class, signal) in [("res", residual), ("ref", reference), ("out dashed", output)] {
            let points = signal[part.clone()].iter().zip(0..);
            chart.line(
                class,
                points.map(|(sample, n)| (f64::from(n) / rate * 1e3, f64::from(*sample))),
            );
        }
        let _ = write!(
            all,
            "<h3>{what}, at {:.3} s</h3>\n{}",
            begin as f64 / rate,
            chart.finish()
        );
    }
    all
}

fn spectra(
    judged: &str,
    input: Option<&[f32]>,
    reference: &[f32],
    output: &[f32],
    residual: &[f32],
    rate: f64,
) -> String {
    let top = (rate / 2.0).min(20_000.0);
    let axis = LogAxis::new(20.0, top, 400);
    let hz: Vec<f64> = axis.frequencies().collect();
    let drawn = |signal: &[f32]| mean_power(signal, SPECTRUM).map(|power| axis.draw(&power, rate));
    let mut lines = vec![("res", "what is left", drawn(residual))];
    if let Some(input) = input {
        lines.push(("dry", "clean", drawn(input)));
    }
    lines.push(("ref", "reference", drawn(reference)));
    lines.push(("out dashed", judged, drawn(output)));
    let loudest = (lines.iter().filter_map(|line| line.2.as_ref()).flatten()).fold(-120.0f32, |most, db| most.max(*db));
    let high = (f64::from(loudest) / 10.0).ceil() * 10.0;
    let mut chart = Chart::new(
        320.0,
        "Magnitude spectra",
        Axis::logarithmic(20.0, top, "Hz"),
        Axis::linear(high - 110.0, high, "dBFS"),
    );
    for (class, _, points) in &lines {
        if let Some(points) = points {
            chart.line(class, hz.iter().copied().zip(points.iter().map(|db| f64::from(*db))));
        }
    }
    let entries: Vec<(&str, &str)> = (lines.iter().rev())
        .map(|(class, name, _)| (class.split(' ').next().unwrap_or(class), *name))
        .collect();
    legend(&entries) + &chart.finish()
}

fn transfer(judged: &str, input: &[f32], reference: &[f32], output: &[f32], rate: f64) -> String {
    let curves: Vec<_> = [("ref", reference), ("out", output)]
        .into_iter()
        .filter_map(|(class, signal)| Some((class, level_curve(input, signal, rate).ok()?)))
        .collect();
    let steps = || curves.iter().flat_map(|(_, curve)| curve);
    let bound = |low: f64, high: f64| ((low / 10.0).floor() * 10.0, (high / 10.0).ceil() * 10.0);
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), db| {
            (low.min(db), high.max(db))
        })
    };
    let (low, high) = ends(&mut steps().map(|step| step.input_db));
    let (under, over) = ends(&mut steps().flat_map(|step| [step.low_db, step.high_db]));
    if !(low.is_finite() && under.is_finite()) {
        return "<p>The clean recording has no level that could be told.</p>\n".to_owned();
    }
    let ((low, high), (under, over)) = (bound(low, high), bound(under.max(-120.0), over));
    let mut chart = Chart::new(
        340.0,
        "Level out over level in",
        Axis::linear(low, high, "dBFS in"),
        Axis::linear(under, over, "dBFS out"),
    );
    chart.line(
        "unity",
        [(low.max(under), low.max(under)), (high.min(over), high.min(over))].into_iter(),
    );
    for (class, curve) in &curves {
        let points: Vec<_> = curve
            .iter()
            .map(|step| (step.input_db, step.low_db, step.high_db))
            .collect();
        chart.area(class, &points);
    }
    for (class, curve) in &curves {
        let class = if *class == "out" {
            "out dashed thick"
        } else {
            "ref thick"
        };
        chart.line(class, curve.iter().map(|step| (step.input_db, step.output_db)));
    }
    legend(&[("ref", "reference"), ("out", judged)]) + &chart.finish()
}

/// Level of pieces of 50 ms, `(second, dB)`.
fn levels(signal: &[f32], rate: f64) -> Vec<(f64, f64)> {
    let frames = ((0.05 * rate) as usize).max(signal.len() / 2000).max(1);
    (signal.chunks(frames).zip(0..))
        .map(|(piece, index)| {
            let power = piece.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / piece.len() as f64;
            let second = (f64::from(index) + 0.5) * frames as f64 / rate;
            (second, 10.0 * power.max(1e-20).log10())
        })
        .collect()
}

fn residuals(judged: &str, reference: &[f32], residual: &[f32], fir: Option<&[f32]>, rate: f64) -> String {
    let seconds = reference.len() as f64 / rate;
    let mut chart = Chart::new(
        260.0,
        "Level of the reference and of what is left, over time",
        Axis::linear(0.0, seconds, "seconds"),
        Axis::linear(-120.0, 0.0, "dBFS"),
    );
    let mut entries = vec![("ref", "reference".to_owned())];
    chart.line("ref", levels(reference, rate).into_iter());
    if let Some(fir) = fir {
        let left: Vec<f32> = reference.iter().zip(fir).map(|(r, f)| r - f).collect();
        chart.line("fir", levels(&left, rate).into_iter());
        entries.push(("fir", "left by the linear FIR".to_owned()));
    }
    chart.line("res", levels(residual, rate).into_iter());
    entries.push(("res", format!("left by the {judged}")));
    let entries: Vec<(&str, &str)> = entries.iter().map(|(class, name)| (*class, name.as_str())).collect();
    legend(&entries) + &chart.finish()
}

fn figures(report: &Report) -> String {
    let columns = table::columns(report);
    let heads: String = columns.iter().map(|(name, _)| format!("<th>{name}</th>")).collect();
    let rows: String = (table::ROWS.iter())
        .map(|(name, value)| {
            let cells: String = (columns.iter())
                .map(|(_, figures)| format!("<td>{}</td>", optional(value(figures))))
                .collect();
            let class = if name.starts_with(' ') { " class=\"part\"" } else { "" };
            format!("<tr{class}><th>{}</th>{cells}</tr>\n", name.trim())
        })
        .collect();
    let mut below: Vec<(String, String)> = vec![
        ("alignment".to_owned(), table::alignment(report)),
        (
            "compared".to_owned(),
            format!(
                "{:.2} s, {} Hz, {} ch",
                report.seconds, report.sample_rate, report.channels
            ),
        ),
        ("reference".to_owned(), report.reference.display().to_string()),
    ];
    below.extend(
        report
            .output
            .iter()
            .map(|path| ("output".to_owned(), path.display().to_string())),
    );
    below.extend(
        report
            .input
            .iter()
            .map(|path| ("input".to_owned(), path.display().to_string())),
    );
    below.extend(table::remarks(report));
    below.push(("normalisation".to_owned(), report.normalisation.to_owned()));
    below.extend(report.notes.iter().map(|note| ("note".to_owned(), note.clone())));
    let facts: String = (below.iter())
        .map(|(name, text)| format!("<tr><th>{}</th><td>{}</td></tr>\n", escaped(name), escaped(text)))
        .collect();
    let content = format!(
        "<table class=\"figures\"><thead><tr><th></th>{heads}</tr></thead><tbody>\n{rows}</tbody></table>\n<table class=\"facts\">{facts}</table>\n"
    );
    section(
        "figures",
        "All figures",
        "0 is perfect, but for SNR and correlation. Errors over all channels together.",
        &content,
    )
}

/// The page that leads to those of a batch.
pub fn index(reports: &[&(String, Report)], summary: &Summary, failures: &[String]) -> String {
    let mut body = format!(
        "<header><p class=\"eyebrow\">Tonegraft · compare</p><h1>{} pairs</h1><p class=\"against\">{:.1} s of audio, {} not compared</p></header>\n",
        summary.compared, summary.audio_seconds, summary.failed
    );
    let tile = |name: &str, value: Option<f64>| format!("<div><dt>{name}</dt><dd>{}</dd></div>", optional(value));
    let mut tiles = tile("Mean ESR", summary.mean_esr) + &tile("Median ESR", summary.median_esr);
    tiles += &tile("Worst ESR", summary.worst_esr);
    tiles += &tile("Mean MR-STFT", summary.mean_mr_stft);
    if summary.mean_esr_linear_fir.is_some() {
        tiles += &tile("ESR of scaled dry", summary.mean_esr_scaled_dry);
        tiles += &tile("ESR of linear FIR", summary.mean_esr_linear_fir);
    }
    let _ = writeln!(body, "<dl class=\"tiles\">{tiles}</dl>");
    let heads: String = SHORT.iter().map(|(name, _)| format!("<th>{name}</th>")).collect();
    let mut rows = String::new();
    for (name, report) in reports {
        let cells: String = (SHORT.iter())
            .map(|(_, value)| format!("<td>{}</td>", optional(value(report))))
            .collect();
        let _ = writeln!(
            rows,
            "<tr><th><a href=\"{}\">{}</a></th>{cells}<td>{}</td></tr>",
            escaped(&encoded(&file_name(name))),
            escaped(name),
            report.polarity
        );
    }
    let table = format!(
        "<table class=\"figures pairs\"><thead><tr><th>pair</th>{heads}<th>polarity</th></tr></thead><tbody>\n{rows}</tbody></table>\n"
    );
    body.push_str(&section("pairs", "Pairs", "Each leads to its own page.", &table));
    if !failures.is_empty() {
        let items: String = failures
            .iter()
            .map(|failure| format!("<li>{}</li>\n", escaped(failure)))
            .collect();
        body.push_str(&section("failures", "Not compared", "", &format!("<ul>{items}</ul>\n")));
    }
    document("Comparison of pairs", &body)
}

/// A file name as a relative address.
fn encoded(name: &str) -> String {
    let mut out = String::from("./");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
