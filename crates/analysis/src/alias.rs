//! Aliasing of a nonlinear device, on steady sines.
//!
//! A sine of which a whole number of periods fills a prime number of frames has its harmonics on bins of their own: a harmonic above
//! half the rate folds back onto a bin where no harmonic below it lies. The *alias-to-signal ratio* is then
//! `ASR = (E_total − E_harmonics) / E_harmonics` (Sato and Smith, arXiv 2505.04082), the constant part left out of both.

use realfft::RealFftPlanner;

/// Frames of [`stepped_sine`] and [`alias_ratio`]: a prime, so that no harmonic below half the rate falls on another.
pub const PERIOD: usize = 9_973;

/// One period of [`PERIOD`] frames of a sine with `cycles` cycles and that amplitude; repeats endlessly.
pub fn stepped_sine(cycles: usize, amplitude: f64) -> Vec<f32> {
    (0..PERIOD)
        .map(|frame| {
            // Small whole numbers: exact. Reduced first, so that high frequencies are as pure as low ones.
            #[allow(clippy::cast_precision_loss)]
            let turn = (cycles * frame % PERIOD) as f64 / PERIOD as f64;
            // To the precision of audio.
            #[allow(clippy::cast_possible_truncation)]
            let sample = (amplitude * (std::f64::consts::TAU * turn).sin()) as f32;
            sample
        })
        .collect()
}

/// The number of cycles, at least 1, whose frequency is nearest to `hz` at that rate.
pub fn cycles_near(hz: f64, rate: f64) -> usize {
    // Positive and small.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    let cycles = (hz / rate * PERIOD as f64).round() as usize;
    cycles.clamp(1, PERIOD / 2)
}

/// Energy that is not at a harmonic, over that at harmonics, of one settled period of the answer to [`stepped_sine`]; of both only
/// what is below `top` cycles. `None` if `played` has another length, or nothing is at a harmonic.
pub fn alias_ratio(played: &[f32], cycles: usize, top: usize) -> Option<f64> {
    if played.len() != PERIOD || cycles == 0 {
        return None;
    }
    let forward = RealFftPlanner::<f64>::new().plan_fft_forward(PERIOD);
    let mut input: Vec<f64> = played.iter().map(|sample| f64::from(*sample)).collect();
    let mut bins = forward.make_output_vec();
    forward.process(&mut input, &mut bins).ok()?;
    let (mut harmonics, mut others) = (0.0, 0.0);
    for (bin, value) in bins.iter().enumerate().take(top.saturating_add(1)).skip(1) {
        if bin.is_multiple_of(cycles) {
            harmonics += value.norm_sqr();
        } else {
            others += value.norm_sqr();
        }
    }
    (harmonics > 0.0).then(|| others / harmonics)
}

/// Powers of the bins of `signal` under a Blackman–Harris window of four terms (Harris 1978, side lobes at −92 dB), for sines that fill no whole
/// number of periods. `None` if it is empty.
pub fn windowed_power(signal: &[f32]) -> Option<Vec<f64>> {
    const TERMS: [f64; 4] = [0.358_75, -0.488_29, 0.141_28, -0.011_68];
    if signal.is_empty() {
        return None;
    }
    let forward = RealFftPlanner::<f64>::new().plan_fft_forward(signal.len());
    let mut input: Vec<f64> = (signal.iter().enumerate())
        .map(|(n, sample)| {
            let turn = std::f64::consts::TAU * n as f64 / signal.len() as f64;
            let window: f64 = (TERMS.iter().zip(0..))
                .map(|(term, k)| term * (f64::from(k) * turn).cos())
                .sum();
            f64::from(*sample) * window
        })
        .collect();
    let mut bins = forward.make_output_vec();
    forward.process(&mut input, &mut bins).ok()?;
    Some(bins.iter().map(|bin| bin.norm_sqr()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_sine_has_none_and_a_clipped_one_what_theory_says() {
        let cycles = cycles_near(5_000.0, 48_000.0);
        let sine = stepped_sine(cycles, 0.5);
        let none = alias_ratio(&sine, cycles, PERIOD / 2).expect("a sine");
        assert!(none < 1e-13, "{none}");
        // A cube has harmonics 1 and 3, with amplitudes 3/4 and 1/4: at 5 kHz none folds, at 10 kHz the third does, to 18 kHz.
        let cubed = |cycles: usize| -> Vec<f32> { stepped_sine(cycles, 1.0).iter().map(|x| x * x * x).collect() };
        let low = alias_ratio(&cubed(cycles), cycles, PERIOD / 2).expect("a sine");
        assert!(low < 1e-13, "{low}");
        let cycles = cycles_near(10_000.0, 48_000.0);
        let high = alias_ratio(&cubed(cycles), cycles, PERIOD / 2).expect("a sine");
        assert!((high - 1.0 / 9.0).abs() < 1e-6, "{high}");
        let heard = alias_ratio(&cubed(cycles), cycles, cycles_near(17_000.0, 48_000.0)).expect("a sine");
        assert!(heard < 1e-12, "{heard}");
    }

    #[test]
    fn what_is_no_period_or_silent_has_no_ratio() {
        assert_eq!(alias_ratio(&[0.0; 10], 3, 5), None);
        assert_eq!(alias_ratio(&[0.0; PERIOD], 3, PERIOD / 2), None);
        assert_eq!(alias_ratio(&stepped_sine(3, 1.0), 0, PERIOD / 2), None);
    }
}
