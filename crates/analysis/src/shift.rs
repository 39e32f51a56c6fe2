//! Shifts by fractions of a sample, over the whole band.
//!
//! A signal is cut into pieces under overlapping `sin²` windows that sum to one; each piece is shifted by the phase of its spectrum and
//! the pieces are added up again. Shifting is linear, so the sum is the shifted signal: no filter whose band ends before half the rate.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use std::f64::consts::{PI, TAU};

/// Frames by which pieces follow each other; each is twice as long, and its transform twice as long again, so that nothing wraps.
const HOP: usize = 16_384;

/// `out[n] = signal[n + advance]` for `n` from 0 to `frames`, the signal zero outside of what is given; between samples it is
/// interpolated without a loss of band. A whole `advance` copies samples.
pub(crate) fn shifted(signal: &[f64], advance: f64, frames: usize) -> Vec<f64> {
    let Some((whole, part)) = split(advance) else {
        return vec![0.0; frames];
    };
    if part == 0.0 {
        let at = |at| usize::try_from(at).ok().and_then(|at| signal.get(at)).copied();
        return (whole..).take(frames).map(|n| at(n).unwrap_or(0.0)).collect();
    }
    let [out] = pieces(signal, whole, frames, [&|omega| Complex::from_polar(1.0, omega * part)]);
    out
}

/// [`shifted`], and the slope there, per frame.
pub(crate) fn shifted_with_slope(signal: &[f64], advance: f64, frames: usize) -> [Vec<f64>; 2] {
    let Some((whole, part)) = split(advance) else {
        return [vec![0.0; frames], vec![0.0; frames]];
    };
    let turn = |omega: f64| Complex::from_polar(1.0, omega * part);
    pieces(
        signal,
        whole,
        frames,
        [&turn, &|omega| turn(omega) * Complex::new(0.0, omega)],
    )
}

/// Whole frames and the rest, −0.5 to 0.5; `None` beyond any signal.
fn split(advance: f64) -> Option<(i64, f64)> {
    if !advance.is_finite() || advance.abs() > 1e15 {
        return None;
    }
    // Bounded above; below 2^53: exact.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    {
        let whole = advance.round() as i64;
        Some((whole, advance - whole as f64))
    }
}

/// A factor for each angular frequency.
type Response<'a> = &'a dyn Fn(f64) -> Complex<f64>;

/// The signal earlier by `whole` frames, through each of the responses.
fn pieces<const N: usize>(signal: &[f64], whole: i64, frames: usize, responses: [Response<'_>; N]) -> [Vec<f64>; N] {
    let mut out = [(); N].map(|()| vec![0.0; frames]);
    let size = 4 * HOP;
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    // Small whole numbers: exact.
    #[allow(clippy::cast_precision_loss)]
    let responses = responses.map(|response| {
        let scaled = |bin| response(TAU * f64::from(bin) / size as f64) / size as f64;
        (0..).take(size / 2 + 1).map(scaled).collect::<Vec<_>>()
    });
    #[allow(clippy::cast_precision_loss)]
    let window: Vec<f64> = (0..2 * HOP)
        .map(|n| (PI * (n as f64 + 0.5) / (2 * HOP) as f64).sin().powi(2))
        .collect();
    let (mut piece, mut bins) = (forward.make_input_vec(), forward.make_output_vec());
    let mut turned = bins.clone();
    let mut scratch = forward.make_scratch_vec();
    let mut back = inverse.make_scratch_vec();
    // The piece in the middle of the transform: a hop of room on either side for the interpolation's tails.
    for end in (HOP..signal.len() + 2 * HOP).step_by(HOP) {
        piece.fill(0.0);
        for (n, weight) in window.iter().enumerate() {
            if let Some(sample) = (end + n).checked_sub(2 * HOP).and_then(|at| signal.get(at)) {
                piece[HOP + n] = sample * weight;
            }
        }
        if forward
            .process_with_scratch(&mut piece, &mut bins, &mut scratch)
            .is_err()
        {
            continue;
        }
        for (out, response) in out.iter_mut().zip(&responses) {
            for ((turned, bin), factor) in turned.iter_mut().zip(&bins).zip(response) {
                *turned = bin * factor;
            }
            // At half the rate there is only a cosine.
            turned[0].im = 0.0;
            turned[size / 2].im = 0.0;
            if inverse
                .process_with_scratch(&mut turned, &mut piece, &mut back)
                .is_err()
            {
                continue;
            }
            // Lengths of memory: far below 2^63.
            #[allow(clippy::cast_possible_wrap)]
            let begin = end as i64 - 3 * HOP as i64 - whole;
            for (at, sample) in (begin..).zip(&piece) {
                if let Some(to) = usize::try_from(at).ok().and_then(|at| out.get_mut(at)) {
                    *to += sample;
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sines whose phases are known between samples, away from the edges.
    #[test]
    fn sines_up_to_almost_half_the_rate_are_where_they_belong() {
        let omegas = [0.01, 0.3, 1.7, 2.9, 3.1];
        let at = |t: f64| -> f64 { omegas.iter().map(|w| (w * t + w * w).sin()).sum() };
        let slope = |t: f64| -> f64 { omegas.iter().map(|w| w * (w * t + w * w).cos()).sum() };
        // Faded at the ends: a sine that is cut there rings on through the whole band.
        let fade = |n: i32| 0.5 - 0.5 * (PI * (f64::from(n.min(149_999 - n)) / 15_000.0).min(1.0)).cos();
        let signal: Vec<f64> = (0..150_000).map(|n| fade(n) * at(f64::from(n))).collect();
        for advance in [0.5, -0.25, 37.4, -1000.1, 3.0] {
            let [played, slopes] = shifted_with_slope(&signal, advance, signal.len());
            assert!(advance.fract() == 0.0 || played == shifted(&signal, advance, signal.len()));
            for n in (20_000..130_000).step_by(37) {
                let t = f64::from(n) + advance;
                let n = usize::try_from(n).expect("positive");
                assert!(
                    (played[n] - at(t)).abs() < 1e-7,
                    "{advance} {n}: {} {}",
                    played[n],
                    at(t)
                );
                assert!(
                    (slopes[n] - slope(t)).abs() < 1e-7,
                    "{advance} {n}: {} {}",
                    slopes[n],
                    slope(t)
                );
            }
        }
    }

    #[test]
    fn whole_shifts_copy_and_wild_ones_are_silent() {
        let signal: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(shifted(&signal, 2.0, 3), [2.0, 3.0, 4.0]);
        assert_eq!(shifted(&signal, -2.0, 4), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(shifted(&signal, 98.0, 4), [98.0, 99.0, 0.0, 0.0]);
        for wild in [f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(shifted(&signal, wild, 2), [0.0, 0.0]);
        }
        assert!(shifted(&[], 0.5, 4).iter().all(|s| *s == 0.0));
    }
}
