//! Mel-spectrograms as pictures, all on one scale of colours.

use super::chart::{Axis, Chart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use tonegraft_analysis::mel::MelSpectrogram;

/// Columns at most.
const COLUMNS: usize = 890;

/// What the colours span, dB.
const SPAN: f32 = 80.0;

/// Columns of a picture, each `[bands]` in dB, low bands first.
type Columns = Vec<Vec<f32>>;

/// Clean (where there is one), reference and what is judged.
pub fn pictures(judged: &str, input: Option<&[f32]>, reference: &[f32], output: &[f32], rate: f64) -> String {
    let mut drawn: Vec<(&str, Columns)> = Vec::new();
    if let Some(input) = input {
        drawn.push(("clean", columns(input, rate)));
    }
    drawn.push(("reference", columns(reference, rate)));
    drawn.push((judged, columns(output, rate)));
    let high =
        (drawn.iter().flat_map(|(_, columns)| columns.iter().flatten())).fold(-300.0f32, |high, db| high.max(*db));
    let seconds = reference.len() as f64 / rate;
    let mut text = String::new();
    for (name, columns) in &drawn {
        let mut chart = Chart::new(
            210.0,
            &format!("Mel-spectrogram, {name}"),
            Axis::linear(0.0, seconds, "seconds"),
            Axis::mel(rate / 2.0),
        );
        chart.image(&picture(columns, high));
        let _ = write!(text, "<h3>{name}</h3>\n{}", chart.finish());
    }
    let ramp: Columns = (0..256)
        .map(|level| vec![SPAN * (level as f32 / 255.0 - 1.0)])
        .collect();
    let _ = writeln!(
        text,
        "<p class=\"scale\">{:.0} dB <img alt=\"scale of colours\" src=\"{}\"> {high:.0} dB</p>",
        high - SPAN,
        picture(&ramp, 0.0)
    );
    text.replace("<p class=\"scale\">-", "<p class=\"scale\">−")
        .replace("\"> -", "\"> −")
}

/// Mean power of neighbouring frames, so that there are not too many.
fn columns(signal: &[f32], rate: f64) -> Columns {
    let Ok(spectrogram) = MelSpectrogram::new(signal, rate) else {
        return Vec::new();
    };
    let frames: Vec<&[f64]> = spectrogram.frames().collect();
    (frames.chunks(frames.len().div_ceil(COLUMNS).max(1)))
        .map(|frames| {
            (0..spectrogram.bands())
                .map(|band| {
                    let sum: f64 = frames.iter().filter_map(|frame| frame.get(band)).sum();
                    (10.0 * (sum / frames.len() as f64).max(1e-20).log10()) as f32
                })
                .collect()
        })
        .collect()
}

/// A PNG as a data address; `high` dB is brightest.
fn picture(columns: &Columns, high: f32) -> String {
    let height = columns.first().map_or(0, Vec::len);
    let mut pixels = Vec::with_capacity(3 * height * columns.len());
    for band in (0..height).rev() {
        for column in columns {
            let db = column.get(band).copied().unwrap_or(-300.0);
            pixels.extend(colour((db - high) / SPAN + 1.0));
        }
    }
    let mut bytes = Vec::new();
    let encoded = (|| {
        let (width, height) = (u32::try_from(columns.len()).ok()?, u32::try_from(height).ok()?);
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        encoder.write_header().ok()?.write_image_data(&pixels).ok()
    })();
    if encoded.is_none() {
        bytes.clear();
    }
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}

/// From dark violet over red to light yellow, evenly brighter: a polynomial through matplotlib's *inferno* (CC0).
fn colour(share: f32) -> [u8; 3] {
    const TERMS: [[f32; 3]; 7] = [
        [0.000_218_9, 0.001_651, -0.019_480_9],
        [0.106_513, 0.563_956, 3.932_712],
        [11.602_493, -3.972_854, -15.942_394],
        [-41.703_996, 17.436_4, 44.354_145],
        [77.162_94, -33.402_36, -81.807_31],
        [-71.319_43, 32.626_06, 73.209_52],
        [25.131_126, -12.242_669, -23.070_325],
    ];
    let t = share.clamp(0.0, 1.0);
    [0, 1, 2].map(|part| {
        let value = TERMS.iter().rev().fold(0.0, |sum, term| sum * t + term[part]);
        (value.clamp(0.0, 1.0) * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonegraft_analysis::mel::mel_of_hz;

    #[test]
    fn a_tone_is_brightest_in_its_band() {
        let tone: Vec<f32> = (0..48_000)
            .map(|n| (std::f64::consts::TAU * 1_000.0 * f64::from(n) / 48_000.0).sin() as f32)
            .collect();
        let columns = columns(&tone, 48_000.0);
        assert_eq!((columns.len(), columns[20].len()), (94, 128));
        let brightest = (columns[20].iter().enumerate())
            .max_by(|a, b| a.1.total_cmp(b.1))
            .map(|(band, _)| band);
        let expected = (mel_of_hz(1_000.0) / mel_of_hz(24_000.0) * 129.0).round() as usize - 1;
        assert!(
            brightest.is_some_and(|band| band.abs_diff(expected) <= 1),
            "{brightest:?} {expected}"
        );
    }

    #[test]
    fn colours_rise_from_black_to_light() {
        let sum = |share: f32| colour(share).iter().map(|part| u32::from(*part)).sum::<u32>();
        let shades: Vec<u32> = (0..=20u8).map(|step| sum(f32::from(step) / 20.0)).collect();
        assert!(shades.windows(2).all(|pair| pair[0] < pair[1]), "{shades:?}");
        assert!(shades[0] < 20 && shades[20] > 500, "{shades:?}");
        assert_eq!(colour(f32::NAN), colour(0.0));
    }
}
