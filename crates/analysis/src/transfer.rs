//! The static input-to-output level curve: how loud the output is where the input is that loud.
//!
//! Both signals are cut into windows of 20 ms, one every 10 ms; each gives one pair of RMS levels. Pairs are gathered by the input's
//! level in steps of [`STEP_DB`], and each step tells the median and the 10th and 90th percentile of the output's level. A compressor or
//! an overdrive bends the curve, a gate breaks it, time constants widen it. Levels are in dBFS (RMS of a full-scale square is 0 dB).

use crate::input::{Unmeasurable, pair, power_db, sample_rate};

/// Width of a step of the input's level, dB.
pub const STEP_DB: f64 = 2.0;

/// Quieter windows of the input are left out, dBFS.
pub const LOWEST_DB: f64 = -80.0;

/// One step of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Middle of the step: the input's level, dBFS.
    pub input_db: f64,
    /// Median of the output's level, dBFS.
    pub output_db: f64,
    /// 10th percentile of the output's level, dBFS.
    pub low_db: f64,
    /// 90th percentile of the output's level, dBFS.
    pub high_db: f64,
    /// Windows in this step, at least 1.
    pub windows: usize,
}

/// The level curve from `input` to `output` (aligned, mono), at `rate` Hz: steps with at least one window, by rising level.
///
/// # Errors
///
/// Less than one window in common, a sample that is no number, a rate outside 1 kHz … 1 MHz, or no window of the input above
/// [`LOWEST_DB`].
pub fn level_curve(input: &[f32], output: &[f32], rate: f64) -> Result<Vec<Step>, Unmeasurable> {
    let rate = sample_rate(rate)?;
    let (window, hop) = ((0.02 * rate) as usize, (0.01 * rate) as usize);
    let (input, output) = pair(input, output, window)?;
    let count = ((power_db(1e3) - LOWEST_DB) / STEP_DB) as usize;
    let mut steps = vec![Vec::new(); count];
    for (i, o) in input.windows(window).zip(output.windows(window)).step_by(hop) {
        let level = mean_square_db(i);
        if level >= LOWEST_DB {
            let step = (((level - LOWEST_DB) / STEP_DB) as usize).min(count - 1);
            steps[step].push(mean_square_db(o));
        }
    }
    let curve: Vec<Step> = steps
        .iter_mut()
        .enumerate()
        .filter(|(_, levels)| !levels.is_empty())
        .map(|(step, levels)| {
            levels.sort_unstable_by(f64::total_cmp);
            let at = |share: f64| levels[((levels.len() - 1) as f64 * share).round() as usize];
            Step {
                input_db: LOWEST_DB + (step as f64 + 0.5) * STEP_DB,
                output_db: at(0.5),
                low_db: at(0.1),
                high_db: at(0.9),
                windows: levels.len(),
            }
        })
        .collect();
    if curve.is_empty() {
        return Err(Unmeasurable::Silent { what: "the input" });
    }
    Ok(curve)
}

fn mean_square_db(frames: &[f32]) -> f64 {
    let sum: f64 = frames.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    power_db(sum / frames.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gain_is_a_line_and_a_clipper_bends_it() {
        // 1 kHz, rising by 60 dB in 3 s.
        let input: Vec<f32> = (0..144_000)
            .map(|n| {
                let t = f64::from(n) / 48_000.0;
                (10f64.powf(t - 3.0) * (std::f64::consts::TAU * 1_000.0 * t).sin()) as f32
            })
            .collect();
        let doubled: Vec<f32> = input.iter().map(|s| 2.0 * s).collect();
        let line = level_curve(&input, &doubled, 48_000.0).expect("a signal");
        assert!(
            line.len() >= 29
                && line
                    .iter()
                    .all(|step| (step.output_db - step.input_db - 6.02).abs() < 1.0)
        );
        let clipped: Vec<f32> = input.iter().map(|s| s.clamp(-0.1, 0.1)).collect();
        let bent = level_curve(&input, &clipped, 48_000.0).expect("a signal");
        let last = bent.last().expect("steps");
        assert!(last.output_db < -20.0 && last.input_db > -6.0, "{last:?}");
        assert!((bent[0].output_db - bent[0].input_db).abs() < 1.0);
        assert!(
            bent.iter()
                .all(|step| step.low_db <= step.output_db && step.output_db <= step.high_db)
        );
    }

    #[test]
    fn silence_and_bad_rates_are_errors() {
        assert_eq!(
            level_curve(&[0.0; 9_600], &[1.0; 9_600], 48_000.0),
            Err(Unmeasurable::Silent { what: "the input" })
        );
        assert!(level_curve(&[0.0; 10], &[1.0; 10], 48_000.0).is_err());
        assert!(level_curve(&[1.0; 9_600], &[1.0; 9_600], 0.0).is_err());
        assert!(level_curve(&[1e30; 9_600], &[1.0; 9_600], 48_000.0).is_ok_and(|curve| curve.len() == 1));
    }
}
