//! Figures as text for people.

use super::measure::{Figures, Report};
use std::fmt::Write as _;

/// Four significant digits; small and large ones as powers of ten.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "–".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let size = value.abs();
    let text = if size == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e5).contains(&size) {
        format!("{value:.2e}")
    } else {
        let before = size.log10().floor().max(0.0) as usize;
        let lead = if size < 1.0 { (-size.log10()).ceil() as usize } else { 0 };
        format!("{value:.*}", (3 + lead).saturating_sub(before).min(6))
    };
    text.replace('-', "−")
}

/// As [`number`], or a dash.
pub fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

/// A row of figures: what, and how to read it off.
pub type Row = (&'static str, fn(&Figures) -> Option<f64>);

/// The rows in which output and baselines are compared.
pub const ROWS: [Row; 16] = [
    ("ESR", |f| Some(f.esr)),
    ("ESR, pre-emphasis 0.95", |f| Some(f.esr_preemphasis)),
    ("ESR, pre-emphasis 0.85", |f| Some(f.esr_preemphasis_085)),
    ("DC of the error", |f| Some(f.dc)),
    ("ESR 0.95 + DC", |f| Some(f.esr_preemphasis_dc)),
    ("SNR, dB", |f| Some(f.snr_db)),
    ("MSE", |f| Some(f.mse)),
    ("MAE", |f| Some(f.mae)),
    ("RMSE", |f| Some(f.rmse)),
    ("RMSE / reference's RMS", |f| Some(f.relative_rmse)),
    ("correlation", |f| Some(f.correlation)),
    ("MR-STFT", |f| f.mr_stft),
    ("  spectral convergence", |f| f.mr_stft_convergence),
    ("  log magnitude, nepers", |f| f.mr_stft_log_magnitude),
    ("mel-spectrogram, dB", |f| f.mel_distance),
    ("DTW on 13 MFCCs", |f| f.dtw),
];

/// Output and, where there are any, baselines.
pub fn columns(report: &Report) -> Vec<(&'static str, Figures)> {
    let mut columns = vec![(if report.model.is_some() { "model" } else { "output" }, report.figures)];
    if let Some(baselines) = &report.baselines {
        columns.extend(baselines.scaled_dry.map(|dry| ("scaled dry", dry.figures)));
        columns.extend(baselines.linear_fir.map(|fir| ("linear FIR", fir.figures)));
    }
    columns
}

/// Delay, level and polarity as a sentence.
pub fn alignment(report: &Report) -> String {
    let delay = report.delay_samples;
    let place = if delay.abs() < 5e-4 {
        "in time".to_owned()
    } else {
        let side = if delay > 0.0 { "late" } else { "early" };
        format!("{:.3} samples ({:.3} ms) {side}", delay.abs(), report.delay_ms.abs())
    };
    let taken = match (report.align, report.delay_removed_samples == 0.0 && delay.abs() >= 5e-4) {
        ("off", _) => ", left so",
        (_, true) => ", left so",
        _ if delay.abs() < 5e-4 => "",
        ("whole", _) => ", whole samples taken off",
        _ => ", taken off",
    };
    let level = if report.level_matched { "matched" } else { "left so" };
    format!(
        "{place}{taken}; {:+.2} dB, {level}; polarity {}; confidence {:.3}",
        report.gain_db, report.polarity, report.confidence
    )
    .replace('-', "−")
}

/// Lines below the table: what is no distance from the reference.
pub fn remarks(report: &Report) -> Vec<(String, String)> {
    let mut lines = vec![(
        "level matched".to_owned(),
        format!(
            "ESR {}, null {} dB",
            number(report.esr_level_matched),
            number(report.null_db)
        ),
    )];
    let loudness = &report.loudness;
    if let (Some(reference), Some(output), Some(difference)) =
        (loudness.reference_lufs, loudness.output_lufs, loudness.difference_lu)
    {
        lines.push((
            "loudness".to_owned(),
            format!("reference {reference:.1} LUFS, output {output:.1} LUFS ({difference:+.1} LU)").replace('-', "−"),
        ));
    }
    if let Some(mfcc) = &report.mfcc {
        lines.push((
            "13 MFCCs".to_owned(),
            format!(
                "Fréchet distance {}, KL divergence {} nats",
                number(mfcc.frechet),
                number(mfcc.kl)
            ),
        ));
    }
    for (name, pitches) in [("reference", report.pitch.reference), ("output", report.pitch.output)] {
        if let Some(pitches) = pitches {
            lines.push((
                format!("pitches, {name}"),
                format!(
                    "{} notes, range {} Hz ({} semitones), entropy {} bits",
                    pitches.number,
                    number(pitches.range_hz),
                    number(pitches.range_semitones),
                    number(pitches.entropy_bits)
                ),
            ));
        }
    }
    if let Some(sine) = &report.aliasing.input_sine {
        lines.push((
            format!("beside harmonics of {:.1} Hz", sine.hz),
            format!(
                "reference {} dB, output {} dB",
                optional(sine.reference_db),
                optional(sine.output_db)
            ),
        ));
    }
    for sine in report.aliasing.sines.iter().flatten() {
        lines.push((
            format!("aliasing at {:.0} Hz", sine.hz),
            format!(
                "{} dB, at 2× {} dB, at 4× {} dB",
                optional(sine.off_db),
                optional(sine.x2_db),
                optional(sine.x4_db)
            ),
        ));
    }
    if let Some(dry) = report.baselines.and_then(|baselines| baselines.scaled_dry) {
        lines.push((
            "scaled dry".to_owned(),
            format!(
                "{} samples, {:+.2} dB taken off",
                number(dry.delay_samples),
                dry.gain_db
            )
            .replace('-', "−"),
        ));
    }
    if let Some(fir) = report.baselines.and_then(|baselines| baselines.linear_fir) {
        lines.push((
            "linear FIR".to_owned(),
            format!("{} taps, fitted to {:.1} s", fir.taps, fir.fitted_seconds),
        ));
    }
    lines
}

/// The whole text.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |left: &str, right: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{left:<26}{right}");
    };
    line("reference", &report.reference.display().to_string());
    match (&report.output, &report.model, &report.input) {
        (Some(output), ..) => line("output", &output.display().to_string()),
        (None, Some(model), Some(input)) => line("output", &format!("{} played by {model}", input.display())),
        _ => {}
    }
    line(
        "compared",
        &format!(
            "{:.2} s, {} Hz, {} ch",
            report.seconds, report.sample_rate, report.channels
        ),
    );
    line("alignment", &alignment(report));
    line("", "");
    let columns = columns(report);
    let heads: String = columns.iter().map(|(name, _)| format!("{name:>12}")).collect();
    line("", &heads);
    for (name, value) in ROWS {
        let cells: String = (columns.iter())
            .map(|(_, figures)| format!("{:>12}", optional(value(figures))))
            .collect();
        line(name, &cells);
    }
    line("", "");
    for (left, right) in remarks(report) {
        line(&left, &right);
    }
    line("normalisation", report.normalisation);
    for note in &report.notes {
        line("note", note);
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.0123456, "0.01235"),
            (0.5, "0.5000"),
            (1.23456, "1.235"),
            (-12.3456, "−12.35"),
            (1234.56, "1235"),
            (1e-9, "1.00e−9"),
            (2.5e7, "2.50e7"),
            (f64::INFINITY, "∞"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
    }
}
