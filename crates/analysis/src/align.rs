//! Delay, gain and polarity between two recordings of the same, to a fraction of a sample.
//!
//! Coarsely by normalised cross-correlation over FFTs, of either polarity; where its peaks are hard to tell apart, a correlation of
//! partly whitened spectra decides (Knapp and Carter 1976, with a power below one as in ρ-PHAT). Then to a fraction by Gauss–Newton
//! least squares on delay and gain together, begun from the parabola through the peak: the estimate is shifted by the delay found so far over
//! the full band (as [`shift`]), under a window against the edges, and the slope there gives the next step. For a recording that is
//! only late, louder and inverted the answer is exact but for rounding, whatever the fraction.
//!
//! **Convention.** `estimate[n] ≈ ±gain · reference[n − delay]`: a positive `delay` says that the estimate is *later*, a gain above 1
//! that it is *louder*. [`apply`] takes all of it off the estimate again. `gain` is the one for which
//! `Σ (reference − apply(estimate))²` is least.

use crate::shift;
use crate::transform::Transform;
use std::f64::consts::PI;
use std::ops::Range;

/// How [`estimate`] searches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlignOptions {
    /// The largest delay looked for, either sign, in frames.
    pub max_lag: usize,
    /// At most so many frames are looked at: the loudest passage of the reference.
    pub passage: usize,
}

impl AlignOptions {
    /// Up to `max_lag` frames of delay, in a passage of 2²⁰ frames (22 s at 48 kHz) at most.
    pub const fn new(max_lag: usize) -> Self {
        Self {
            max_lag,
            passage: 1 << 20,
        }
    }
}

/// What lies between a reference and an estimate of it; see the [module](self) for signs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// How much later the estimate is, in frames; negative if it is earlier.
    pub delay: f64,
    /// How much louder the estimate is: a factor, above 0.
    pub gain: f64,
    /// True if the polarity is inverted.
    pub inverted: bool,
    /// How sure that is, 0 to 1: [`correlation`](Self::correlation), and less, down to 0, where what is left could make
    /// [`rival`](Self::rival) the higher peak: one period of a steady tone is like the next.
    pub confidence: f64,
    /// Normalised correlation of the passage after alignment, 0 to 1.
    pub correlation: f64,
    /// The highest peak of the correlation elsewhere, over the highest: 0 to 1.
    pub rival: f64,
}

impl Alignment {
    /// Nothing to align.
    pub const NONE: Self = Self {
        delay: 0.0,
        gain: 1.0,
        inverted: false,
        confidence: 1.0,
        correlation: 1.0,
        rival: 0.0,
    };

    /// The gain in dB.
    pub fn gain_db(&self) -> f64 {
        20.0 * self.gain.log10()
    }
}

/// Independent values of what is left after alignment, for [`distinct`]: few, since a model's errors are no white noise.
const FREEDOM: f64 = 100.0;

/// A rival above this lets whitened spectra decide.
const AMBIGUOUS: f64 = 0.95;

/// Where less than this part of the passage's energy lies over the estimate, correlations are not raised for what is missing.
const LEAST_OVERLAP: f64 = 0.25;

/// Lags at which less than this part of the estimate's energy lies under the passage are no candidates.
const LEAST_ENERGY: f64 = 0.02;

/// Frames of taper at each end of a passage, at most; an eighth of short ones.
const TAPER: usize = 4096;

/// Steps of the refinement, at most; four are usual.
const STEPS: usize = 24;

/// Delay, gain and polarity of `estimate` against `reference`, mono, at one rate. `None` if either is empty, silent or not finite, or
/// nothing of the estimate lies under the reference within the lags asked for.
pub fn estimate(reference: &[f32], estimate: &[f32], options: &AlignOptions) -> Option<Alignment> {
    let finite = |signal: &[f32]| signal.iter().all(|sample| sample.is_finite());
    if !finite(reference) || !finite(estimate) {
        return None;
    }
    let passage = passage(reference, options.passage)?;
    let wide = |signal: &[f32]| signal.iter().map(|sample| f64::from(*sample)).collect::<Vec<f64>>();
    let part = wide(&reference[passage.clone()]);
    let max_lag = options.max_lag.min(reference.len().max(estimate.len()));
    // The estimate around the passage; what is missing at its ends is zero.
    let field = field(estimate, passage.start, part.len(), max_lag);
    // Frames of the passage that lie over the estimate's at a lag.
    let over = |lag: usize| {
        let first = (passage.start + lag).max(max_lag) - max_lag;
        let begin = max_lag.saturating_sub(passage.start + lag).min(part.len());
        let frames = estimate.len().saturating_sub(first);
        begin..part.len().min(begin + frames)
    };
    let coarse = Coarse::new(&part, &field, max_lag, &over)?;
    let lag = coarse.choose()?;
    let refined = refine(&part, &field, max_lag, lag, coarse.fraction(lag), over(lag))?;
    let correlation = refined.correlation.abs().min(1.0);
    let rival = coarse.rival(lag);
    let gain = 1.0 / refined.factor.abs();
    (gain.is_finite() && gain > 0.0).then_some(Alignment {
        delay: refined.delay,
        gain,
        inverted: refined.factor < 0.0,
        confidence: correlation * distinct(correlation, rival),
        correlation,
        rival,
    })
}

/// `signal` as it would be without that delay, gain and polarity: `out[n] = ±signal[n + delay] / gain`, as many frames, zero where
/// the signal has none. Band-limited; with a whole delay and a gain of 1 the samples are copied.
pub fn apply(signal: &[f32], alignment: &Alignment) -> Vec<f32> {
    let factor = if alignment.inverted { -1.0 } else { 1.0 } / alignment.gain;
    let moved = shifted(signal, alignment.delay);
    // To the precision of audio.
    #[allow(clippy::cast_possible_truncation)]
    moved.into_iter().map(|sample| (sample * factor) as f32).collect()
}

/// `signal` earlier by `advance` frames, of any fraction and sign: `out[n] = signal[n + advance]`, as many frames, zero where the
/// signal has none. Band-limited over the whole band; a whole advance copies.
pub fn shift(signal: &[f32], advance: f64) -> Vec<f32> {
    // To the precision of audio.
    #[allow(clippy::cast_possible_truncation)]
    shifted(signal, advance)
        .into_iter()
        .map(|sample| sample as f32)
        .collect()
}

fn shifted(signal: &[f32], advance: f64) -> Vec<f64> {
    let wide: Vec<f64> = signal.iter().map(|sample| f64::from(*sample)).collect();
    shift::shifted(&wide, advance, wide.len())
}

/// The loudest `longest` frames; `None` if silent.
fn passage(signal: &[f32], longest: usize) -> Option<Range<usize>> {
    let square = |sample: &f32| f64::from(*sample) * f64::from(*sample);
    if signal.iter().all(|sample| *sample == 0.0) {
        return None;
    }
    let longest = longest.max(64);
    if signal.len() <= longest {
        return Some(0..signal.len());
    }
    // By steps: a sum that is updated sample by sample would drift.
    let step = longest.div_ceil(16);
    let sums: Vec<f64> = signal.chunks(step).map(|c| c.iter().map(square).sum()).collect();
    let chunks = longest / step;
    let begin = sums
        .windows(chunks)
        .map(|window| window.iter().sum::<f64>())
        .enumerate()
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map_or(0, |(at, _)| at * step);
    Some(begin..(begin + longest).min(signal.len()))
}

/// `estimate[begin − lag .. begin + frames + lag]`, zeros where there is nothing.
fn field(estimate: &[f32], begin: usize, frames: usize, lag: usize) -> Vec<f64> {
    (begin..begin + frames + 2 * lag)
        .map(|at| {
            at.checked_sub(lag)
                .and_then(|at| estimate.get(at))
                .map_or(0.0, |sample| f64::from(*sample))
        })
        .collect()
}

/// Correlations at whole lags: index `i` is a lag of `i − max_lag`.
struct Coarse {
    /// Over the energy of the whole passage: what lies over less of the estimate counts for less.
    normalised: Vec<f64>,
    /// Over the energy of what lies over the estimate, by which peaks are as high as they are alike.
    fair: Vec<f64>,
    whitened: Vec<f64>,
}

/// Sums of squares up to each frame.
fn energies(signal: &[f64]) -> Vec<f64> {
    let sums = signal.iter().scan(0.0, |sum, sample| {
        *sum += sample * sample;
        Some(*sum)
    });
    std::iter::once(0.0).chain(sums).collect()
}

impl Coarse {
    fn new(part: &[f64], field: &[f64], max_lag: usize, over: &dyn Fn(usize) -> Range<usize>) -> Option<Self> {
        let lags = 2 * max_lag + 1;
        let size = (field.len() + part.len()).next_power_of_two();
        let transform = Transform::new(size);
        let spectrum = |signal: &[f64]| transform.bins(signal.iter().copied());
        let (a, b) = (spectrum(part)?, spectrum(field)?);
        let correlate = |weigh: &dyn Fn(f64) -> f64| -> Option<Vec<f64>> {
            let product = (a.iter().zip(&b))
                .map(|(a, b)| {
                    let product = a.conj() * b;
                    product * weigh(product.norm())
                })
                .collect();
            let mut correlation = transform.frames(product)?;
            correlation.truncate(lags);
            Some(correlation)
        };
        let plain = correlate(&|_| 1.0)?;
        let strongest = a.iter().zip(&b).map(|(a, b)| (a * b).norm()).fold(0.0, f64::max);
        // Only where there is energy: the rest of the band is noise, which whitening would raise.
        let whitened = correlate(&|norm| {
            if norm > 1e-7 * strongest { norm.powf(-0.75) } else { 0.0 }
        })?;
        let (parts, fields) = (energies(part), energies(field));
        let own = parts[part.len()];
        // Of the field under the passage at each lag.
        let energy = |index: usize| fields[index + part.len()] - fields[index];
        let most = (0..lags).map(energy).fold(0.0, f64::max);
        if !(most > 0.0 && own > 0.0) {
            return None;
        }
        // The inverse transform is not normalised; FFT sizes are exact in f64.
        #[allow(clippy::cast_precision_loss)]
        let normalised: Vec<f64> = (plain.iter().enumerate())
            .map(|(index, value)| {
                let energy = energy(index);
                if energy > LEAST_ENERGY * most {
                    value / size as f64 / (own * energy).sqrt()
                } else {
                    0.0
                }
            })
            .collect();
        let fair = (normalised.iter().enumerate())
            .map(|(index, value)| {
                let over = over(index);
                let part = (parts[over.end.max(over.start)] - parts[over.start]) / own;
                if part > LEAST_OVERLAP {
                    value / part.sqrt()
                } else {
                    *value
                }
            })
            .collect();
        Some(Self {
            normalised,
            fair,
            whitened,
        })
    }

    fn choose(&self) -> Option<usize> {
        let plain = highest(&self.normalised)?;
        if self.rival(plain) <= AMBIGUOUS {
            return Some(plain);
        }
        let other = highest(&self.whitened)?;
        // Whitened peaks lie between those of the plain one; the nearest of these of the same polarity is meant.
        let near = other.saturating_sub(2)..(other + 3).min(self.normalised.len());
        let near = near.max_by(|a, b| self.normalised[*a].abs().total_cmp(&self.normalised[*b].abs()))?;
        let clear = rival(&self.whitened, other) < 0.8;
        let good = self.normalised[near].abs() > AMBIGUOUS * self.normalised[plain].abs();
        Some(if clear && good { near } else { plain })
    }

    fn rival(&self, lag: usize) -> f64 {
        rival(&self.fair, lag)
    }

    /// Where between the lags the parabola through a peak has its top, −0.5 to 0.5.
    fn fraction(&self, lag: usize) -> f64 {
        let (Some(before), Some(at), Some(after)) = (
            lag.checked_sub(1).and_then(|before| self.normalised.get(before)),
            self.normalised.get(lag),
            self.normalised.get(lag + 1),
        ) else {
            return 0.0;
        };
        let bend = before - 2.0 * at + after;
        if bend == 0.0 {
            return 0.0;
        }
        (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
    }
}

fn highest(correlation: &[f64]) -> Option<usize> {
    let (at, value) = correlation
        .iter()
        .enumerate()
        .max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()))?;
    (*value != 0.0).then_some(at)
}

/// The highest local extremum outside of the peak's own lobe over that peak, both of their parabolas, 0 to 1. The lobe ends where the
/// correlation first changes its sign or rises again.
fn rival(correlation: &[f64], peak: usize) -> f64 {
    let top = height(correlation, peak);
    if top == 0.0 {
        return 1.0;
    }
    let ended = |now: f64, next: f64| now * next <= 0.0 || next.abs() > now.abs();
    let mut left = peak;
    while left > 0 && !ended(correlation[left], correlation[left - 1]) {
        left -= 1;
    }
    let mut right = peak;
    while right + 1 < correlation.len() && !ended(correlation[right], correlation[right + 1]) {
        right += 1;
    }
    let outside = (0..left).chain(right + 1..correlation.len());
    (outside.map(|lag| height(correlation, lag)).fold(0.0, f64::max) / top).min(1.0)
}

/// The magnitude at the top of the parabola through an extremum; elsewhere the magnitude itself.
fn height(correlation: &[f64], lag: usize) -> f64 {
    let at = correlation[lag].abs();
    let (Some(before), Some(after)) = (
        lag.checked_sub(1).and_then(|lag| correlation.get(lag)),
        correlation.get(lag + 1),
    ) else {
        return at;
    };
    let (before, after) = (before.abs(), after.abs());
    let bend = 2.0 * at - before - after;
    if at < before || at < after || bend <= 0.0 {
        return at;
    }
    at + (after - before).powi(2) / (8.0 * bend)
}

/// How far a peak is from being moved to the rival by what the alignment leaves, 0 to 1: 1 from three standard deviations on, the
/// remainder taken as noise with [`FREEDOM`] degrees of freedom, and never below −30 dB.
fn distinct(correlation: f64, rival: f64) -> f64 {
    let left = (1.0 - correlation * correlation).max(1e-3);
    ((1.0 - rival) * FREEDOM / (2.0 * left)).sqrt().min(3.0) / 3.0
}

struct Refined {
    delay: f64,
    /// What the shifted estimate is multiplied with.
    factor: f64,
    correlation: f64,
}

/// Gauss–Newton on delay and factor together.
fn refine(
    part: &[f64],
    field: &[f64],
    max_lag: usize,
    lag: usize,
    fraction: f64,
    over: Range<usize>,
) -> Option<Refined> {
    let frames = part.len();
    let mut window = vec![0.0; frames];
    let flat = taper(over.len());
    window.get_mut(over)?.copy_from_slice(&flat);
    // Below 2^53: exact.
    #[allow(clippy::cast_precision_loss)]
    let (lag, max_lag) = (lag as f64, max_lag as f64);
    let mut at = lag + fraction;
    let mut best: Option<(f64, f64, f64)> = None;
    for _ in 0..STEPS {
        let [moved, slope] = shift::shifted_with_slope(field, at, frames);
        let (mut rr, mut re, mut rs, mut ee, mut es, mut ss) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for (((r, e), s), w) in part.iter().zip(&moved).zip(&slope).zip(&window) {
            let w = w * w;
            rr += w * r * r;
            re += w * r * e;
            rs += w * r * s;
            ee += w * e * e;
            es += w * e * s;
            ss += w * s * s;
        }
        if !(rr > 0.0 && ee > 0.0) {
            break;
        }
        let correlation = re / (rr * ee).sqrt();
        if best.is_none_or(|(_, _, found): (f64, f64, f64)| correlation.abs() > found.abs()) {
            best = Some((at, re / ee, correlation));
        }
        // r ≈ c e + (c δ) s
        let determinant = ee * ss - es * es;
        if determinant <= 1e-12 * ee * ss {
            break;
        }
        let factor = (re * ss - rs * es) / determinant;
        let along = (rs * ee - re * es) / determinant;
        if factor == 0.0 {
            break;
        }
        let step = (along / factor).clamp(-0.5, 0.5);
        if !step.is_finite() {
            break;
        }
        at = (at + step).clamp(lag - 1.5, lag + 1.5);
        if step.abs() < 1e-6 {
            break;
        }
    }
    let (at, factor, correlation) = best?;
    Some(Refined {
        delay: at - max_lag,
        factor,
        correlation,
    })
}

/// Flat, with raised-cosine ends.
fn taper(frames: usize) -> Vec<f64> {
    let length = TAPER.min(frames / 8);
    (0..frames)
        .map(|n| {
            let edge = n.min(frames - 1 - n);
            if edge >= length {
                return 1.0;
            }
            // Small whole numbers: exact.
            #[allow(clippy::cast_precision_loss)]
            let x = (edge as f64 + 0.5) / length as f64;
            0.5 - 0.5 * (PI * x).cos()
        })
        .collect()
}

#[cfg(test)]
mod tests;
