//! What a model has to beat: the dry signal itself, scaled, and the best linear filter of it.
//!
//! A figure such as an error-to-signal ratio says little alone: next to a clean boost even the dry signal has a small one, next to a
//! fuzz a poor model looks good. [`scaled_dry`] is the dry signal at the delay, polarity and gain that come nearest to the reference;
//! [`linear_fir`] the finite impulse response of least squares (Wiener filter: Haykin, *Adaptive Filter Theory*, ch. 2, by the
//! autocorrelation method, its Toeplitz equations solved by the recursion of Levinson 1947). What lies between the filter and the model is
//! what the model knows of the device beyond a tone control and a cabinet.

use crate::align::{self, AlignOptions, Alignment};
use crate::shift;
use crate::transform::Transform;
use std::ops::Range;

/// The dry signal as near to the reference as delay, polarity and gain bring it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaledDry {
    /// As many frames as the dry signal.
    pub estimate: Vec<f32>,
    /// What was taken off; the gain is that of the whole recording.
    pub alignment: Alignment,
}

/// `dry` aligned to `reference`, times the gain of least squares over all frames both have. `None` where [`align::estimate`] finds
/// nothing to align.
pub fn scaled_dry(reference: &[f32], dry: &[f32], options: &AlignOptions) -> Option<ScaledDry> {
    let mut alignment = align::estimate(reference, dry, options)?;
    let moved = align::shift(dry, alignment.delay);
    let factor = factor(reference, &moved)?;
    alignment.gain = 1.0 / factor.abs();
    alignment.inverted = factor < 0.0;
    alignment.gain.is_finite().then(|| ScaledDry {
        estimate: moved.iter().map(|x| (f64::from(*x) * factor) as f32).collect(),
        alignment,
    })
}

/// The factor of least squares from `estimate` to `reference`; `None` if the estimate is silent.
pub fn factor(reference: &[f32], estimate: &[f32]) -> Option<f64> {
    let pairs = reference.iter().zip(estimate);
    let (cross, own) = pairs.fold((0.0, 0.0), |(cross, own), (r, e)| {
        let (r, e) = (f64::from(*r), f64::from(*e));
        (cross + r * e, own + e * e)
    });
    (own > 0.0).then_some(cross / own).filter(|factor| factor.is_finite())
}

/// How [`linear_fir`] fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirOptions {
    /// Length of the response.
    pub taps: usize,
    /// How many of these lie before the delay at which the dry signal resembles the reference most.
    pub ahead: usize,
    /// White noise that is added to the equations, over the energy of the dry signal: keeps bands without energy from being raised.
    pub regularisation: f64,
    /// At most so many frames are fitted to, in the middle of the recording; the estimate covers all.
    pub passage: usize,
    /// How the delay is searched.
    pub align: AlignOptions,
}

impl FirOptions {
    /// 1024 taps, 64 of them ahead, in 2²⁰ frames at most.
    pub const fn new(max_lag: usize) -> Self {
        Self {
            taps: 1024,
            ahead: 64,
            regularisation: 1e-8,
            passage: 1 << 20,
            align: AlignOptions::new(max_lag),
        }
    }
}

/// The linear filter nearest to the device.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearFir {
    /// What it makes of the dry signal, as many frames.
    pub estimate: Vec<f32>,
    /// Its response; tap `k` has a delay of `k + delay` frames.
    pub taps: Vec<f64>,
    /// Delay of the first tap, in frames.
    pub delay: i64,
    /// The frames it was fitted to.
    pub fitted: Range<usize>,
}

/// The finite impulse response that brings `dry` nearest to `reference`. `None` where [`align::estimate`] finds nothing to align, or no
/// taps are asked for.
pub fn linear_fir(reference: &[f32], dry: &[f32], options: &FirOptions) -> Option<LinearFir> {
    let taps = options.taps;
    let found = align::estimate(reference, dry, &options.align)?;
    // `found.delay` says how much later the dry signal is, within the lags asked for.
    let delay = -(found.delay.round() as i64) - options.ahead as i64;
    let frames = reference.len().min(dry.len());
    let length = frames.min(options.passage.max(4 * taps));
    let begin = (frames - length) / 2;
    let fitted = begin..begin + length;
    let wide: Vec<f64> = dry.iter().map(|x| f64::from(*x)).collect();
    // Begun early by as many frames as there are taps, so that the first frames of the estimate have their past.
    let input = shift::shifted(&wide, -(delay as f64) - taps as f64, dry.len() + taps);
    let mut target = vec![0.0; taps];
    target.extend(reference[fitted.clone()].iter().map(|x| f64::from(*x)));
    let (auto, cross) = correlations(&input[begin..begin + length + taps], &target, taps)?;
    let response = levinson(&auto, &cross, options.regularisation)?;
    let played = filter(&input, &response)?;
    let estimate = played.into_iter().skip(taps).map(|x| x as f32).collect();
    Some(LinearFir {
        estimate,
        taps: response,
        delay,
        fitted,
    })
}

/// `Σ x[n] x[n + k]` and `Σ d[n + k] x[n]` for `k` below `lags`.
pub(crate) fn correlations(input: &[f64], target: &[f64], lags: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    let size = (input.len() + lags).next_power_of_two();
    let transform = Transform::new(size);
    let spectrum = |signal: &[f64]| transform.bins(signal.iter().copied());
    let (x, d) = (spectrum(input)?, spectrum(target)?);
    let correlate = |other: &[realfft::num_complex::Complex<f64>]| {
        let product = x.iter().zip(other).map(|(x, other)| x.conj() * other).collect();
        let mut sums = transform.frames(product)?;
        sums.truncate(lags);
        Some(sums)
    };
    Some((correlate(&x)?, correlate(&d)?))
}

/// `h` with `Σ_j auto[|i − j|] h[j] = cross[i]`, `regularisation · auto[0]` added to the diagonal. `None` if the equations have no
/// positive definite matrix.
pub(crate) fn levinson(auto: &[f64], cross: &[f64], regularisation: f64) -> Option<Vec<f64>> {
    let first = auto.first()? * (1.0 + regularisation);
    if !(first > 0.0 && first.is_finite()) {
        return None;
    }
    // The predictor of the order reached, its error, and the solution so far.
    let mut predictor = vec![1.0];
    let mut error = first;
    let mut solution = vec![cross.first()? / first];
    for order in 1..cross.len() {
        let reflection = -(0..order).map(|i| predictor[i] * auto[order - i]).sum::<f64>() / error;
        predictor.push(0.0);
        let before = predictor.clone();
        for (new, mirrored) in predictor.iter_mut().zip(before.iter().rev()) {
            *new += reflection * mirrored;
        }
        error *= 1.0 - reflection * reflection;
        if !(error > 0.0 && error.is_finite()) {
            return None;
        }
        let missing = cross[order] - (0..order).map(|i| solution[i] * auto[order - i]).sum::<f64>();
        let weight = missing / error;
        solution.push(0.0);
        for (tap, mirrored) in solution.iter_mut().zip(predictor.iter().rev()) {
            *tap += weight * mirrored;
        }
    }
    Some(solution)
}

/// The signal through the taps, as many frames as the signal, by overlapping FFTs.
fn filter(signal: &[f64], taps: &[f64]) -> Option<Vec<f64>> {
    let hop = (4 * taps.len()).next_power_of_two().max(4096);
    let size = 2 * hop;
    let transform = Transform::new(size);
    let spectrum = |from: &[f64]| transform.bins(from.iter().copied());
    let response = spectrum(taps)?;
    let mut out = vec![0.0; signal.len()];
    for (piece, begin) in signal.chunks(hop).zip((0..).step_by(hop)) {
        let mut bins = spectrum(piece)?;
        for (bin, tap) in bins.iter_mut().zip(&response) {
            *bin *= tap;
        }
        let played = transform.frames(bins)?;
        for (to, from) in out.iter_mut().skip(begin).zip(played) {
            *to += from;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::esr;
    use crate::testing::noise;

    #[test]
    fn a_linear_device_is_found_tap_by_tap() {
        let dry = noise(60_000, 1);
        let response: Vec<f64> = (0..200).map(|k| 0.9f64.powi(k) * f64::from(k + 3).cos()).collect();
        let wide: Vec<f64> = dry.iter().map(|x| f64::from(*x)).collect();
        let wet: Vec<f32> = filter(&wide, &response)
            .expect("filters")
            .iter()
            .map(|x| *x as f32)
            .collect();
        // By hand, sample by sample.
        for n in [0, 1, 199, 4096, 40_000, 59_999] {
            let sum: f64 = (0..=n.min(199)).map(|k| response[k] * wide[n - k]).sum();
            assert!((f64::from(wet[n]) - sum).abs() < 1e-6, "{n}");
        }
        let late: Vec<f32> = std::iter::repeat_n(0.0, 700).chain(wet).take(60_000).collect();
        let fir = linear_fir(&late, &dry, &FirOptions::new(2000)).expect("a filter");
        assert_eq!((fir.taps.len(), fir.fitted.clone()), (1024, 0..60_000));
        for (k, tap) in response.iter().enumerate().take(100) {
            let at = usize::try_from(700 + k as i64 - fir.delay).expect("within");
            assert!((fir.taps[at] - tap).abs() < 0.02, "{k}: {} {tap}", fir.taps[at]);
        }
        let left = esr(&late, &fir.estimate);
        let scaled = scaled_dry(&late, &dry, &AlignOptions::new(2000)).expect("a match");
        let coarse = esr(&late, &scaled.estimate);
        assert!(left < 1e-4 && coarse > 0.1, "{left} {coarse}");
        // A gain is a filter, too: from the first frame on.
        let bent: Vec<f32> = dry.iter().map(|x| (3.0 * x).tanh()).collect();
        let scaled = scaled_dry(&bent, &dry, &AlignOptions::new(2000)).expect("a match");
        let fir = linear_fir(&bent, &dry, &FirOptions::new(2000)).expect("a filter");
        assert!(esr(&bent, &fir.estimate) < esr(&bent, &scaled.estimate));
    }

    #[test]
    fn the_recursion_solves_its_equations() {
        let (auto, cross) = ([2.0, 0.7, -0.3, 0.1], [1.0, -2.0, 0.5, 3.0]);
        let solved = levinson(&auto, &cross, 0.0).expect("definite");
        for (i, wanted) in cross.iter().enumerate() {
            let sum: f64 = (0..4).map(|j: usize| auto[i.abs_diff(j)] * solved[j]).sum();
            assert!((sum - wanted).abs() < 1e-12, "{i}: {sum}");
        }
        assert_eq!(levinson(&[0.0; 3], &[0.0; 3], 1e-8), None);
        assert_eq!(levinson(&[1.0, 2.0], &[1.0, 1.0], 0.0), None);
        assert_eq!(levinson(&[], &[], 0.0), None);
    }

    /// Of a sine through a clipper, the best scaled sine has an error known by its harmonics.
    #[test]
    fn a_clipper_leaves_its_harmonics() {
        let dry: Vec<f32> = (0..48_000).map(|n| (f64::from(n) * 0.1).sin() as f32).collect();
        let wet: Vec<f32> = dry.iter().map(|x| x.signum()).collect();
        let scaled = scaled_dry(&wet, &dry, &AlignOptions::new(20)).expect("a match");
        // A square wave's fundamental holds 8/π² of its energy.
        let theory = 1.0 - 8.0 / (std::f64::consts::PI * std::f64::consts::PI);
        assert!((esr(&wet, &scaled.estimate) - theory).abs() < 0.003);
        assert_eq!(scaled_dry(&wet, &[0.0; 48_000], &AlignOptions::new(20)), None);
        assert_eq!(linear_fir(&[0.0; 9], &wet, &FirOptions::new(20)), None);
        let none = FirOptions {
            taps: 0,
            ..FirOptions::new(20)
        };
        assert_eq!(linear_fir(&wet, &dry, &none), None);
    }
}
