//! What is at no harmonic, where the input was one steady sine.
//!
//! The last frames, under a Blackman–Harris window of four terms (Harris 1978: side lobes at −92 dB), are split into what lies within a main
//! lobe of a harmonic below half the rate, and the rest: aliases, hum and noise. An alias that falls onto a harmonic cannot be told from
//! it, so that sines whose frequency divides the rate, or twice the rate, are not measured.

use serde::Serialize;
use tonegraft_analysis::alias;

/// Frames looked at, at most.
const LONGEST: usize = 1 << 16;

/// Half the width of the window's main lobe, in bins, and one for rounding.
const LOBE: f64 = 5.0;

/// A steady sine, and what reference and output have beside its harmonics.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SineAliasing {
    /// The sine, in Hz.
    pub hz: f64,
    /// Energy at no harmonic over energy at the harmonics, in dB, of the reference.
    pub reference_db: Option<f64>,
    /// The same of the output.
    pub output_db: Option<f64>,
}

/// `None` unless `input` ends in a steady sine of which at least 20 periods are there.
pub fn measure(input: &[f32], reference: &[f32], output: &[f32], rate: f64) -> Option<SineAliasing> {
    let frames = input.len().min(reference.len()).min(output.len()).min(LONGEST);
    let frames = if frames >= alias::PERIOD { frames } else { return None };
    let end = |signal: &[f32]| alias::windowed_power(&signal[signal.len() - frames..]);
    let own = end(input)?;
    let (bin, top) = own.iter().enumerate().skip(1).max_by(|a, b| a.1.total_cmp(b.1))?;
    // The top of the parabola through the logarithms: to a hundredth of a bin under this window.
    let log = |bin: usize| own.get(bin).map(|power| power.max(top * 1e-12).ln());
    let (before, at, after) = (log(bin - 1)?, log(bin)?, log(bin + 1)?);
    let place = bin as f64 + 0.5 * (before - after) / (before - 2.0 * at + after);
    let hz = place * rate / frames as f64;
    let (sine, rest) = split(&own, place, 1.0);
    let pure = rest < 1e-5 * sine;
    // Where a whole number of periods fills one or two frames of the rate, aliases stand on harmonics.
    let apart = (1..=2).all(|turns: i32| {
        let periods = rate / hz * f64::from(turns);
        (periods - periods.round()).abs() * place > 2.0 * LOBE
    });
    if !pure || place < 20.0 || !apart {
        return None;
    }
    let db = |power: Option<Vec<f64>>| {
        let (harmonics, others) = split(&power?, place, f64::INFINITY);
        (harmonics > 0.0 && others > 0.0).then(|| 10.0 * (others / harmonics).log10())
    };
    Some(SineAliasing {
        hz,
        reference_db: db(end(reference)),
        output_db: db(end(output)),
    })
}

/// Energy around the first `most` multiples of `place`, and elsewhere; the constant part in neither.
fn split(power: &[f64], place: f64, most: f64) -> (f64, f64) {
    let (mut harmonics, mut others) = (0.0, 0.0);
    for (bin, power) in power.iter().enumerate().skip(LOBE as usize + 1) {
        let nearest = (bin as f64 / place).round().clamp(1.0, most) * place;
        if (bin as f64 - nearest).abs() <= LOBE {
            harmonics += power;
        } else {
            others += power;
        }
    }
    (harmonics, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, rate: f64, frames: usize) -> Vec<f32> {
        (0..frames)
            .map(|n| (0.5 * (std::f64::consts::TAU * hz * n as f64 / rate).sin()) as f32)
            .collect()
    }

    #[test]
    fn the_alias_of_a_cube_is_what_theory_says() {
        let hz = 9_987.3;
        let input = sine(hz, 48_000.0, 60_000);
        // Harmonics 1 and 3 with amplitudes 3/4 and 1/4: the third folds.
        let cube: Vec<f32> = input.iter().map(|x| x * x * x).collect();
        let found = measure(&input, &input, &cube, 48_000.0).expect("a sine");
        assert!((found.hz - hz).abs() < 0.01, "{found:?}");
        assert!((found.output_db.expect("aliases") - 10.0 * (1.0f64 / 9.0).log10()).abs() < 0.01);
        assert!(found.reference_db.expect("rounding") < -80.0, "{found:?}");
    }

    #[test]
    fn what_is_no_single_sine_or_hides_its_aliases_is_not_measured() {
        let input = sine(1_000.0, 48_000.0, 60_000);
        assert_eq!(measure(&input, &input, &input, 48_000.0), None, "48 periods a second");
        let input = sine(9_987.3, 48_000.0, 60_000);
        let two: Vec<f32> = input
            .iter()
            .zip(sine(3_000.5, 48_000.0, 60_000))
            .map(|(a, b)| a + b)
            .collect();
        assert_eq!(measure(&two, &two, &two, 48_000.0), None);
        assert_eq!(measure(&input[..1000], &input, &input, 48_000.0), None);
        let silent = vec![0.0; 60_000];
        assert_eq!(measure(&silent, &silent, &silent, 48_000.0), None);
    }
}
