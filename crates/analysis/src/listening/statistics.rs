//! Exact statistics of yes-no trials; no normal approximation anywhere.
//!
//! * Tails: `P(K ≥ k)` for `K ~ Binomial(n, p)` equals `I_p(k, n − k + 1)` (DLMF 8.17.5).
//! * Intervals: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
//!   Biometrika 26, 1934: the quantiles of two beta distributions. They cover at least what they say, for every true proportion.
//! * Power: what a planned test would find. A listener who truly hears the difference in a share `d` of the trials and guesses in the
//!   others is right with probability `p_c = ½ + d/2` (the correction for guessing).
//! * Several tests at once: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6, 1979.
//!
//! Counts are clamped to `0 ..= n`, probabilities to `0 ..= 1`; nothing panics.

use super::beta::{beta_quantile, bisect, incomplete_beta};

/// The level at which results are called significant.
pub const ALPHA: f64 = 0.05;

/// The power for which [`detectable_rate`] is stated in reports.
pub const POWER: f64 = 0.8;

/// The confidence of intervals in reports.
pub const CONFIDENCE: f64 = 0.95;

/// One-sided exact p: the probability of `correct` or more right answers in `trials` by guessing alone (probability ½).
pub fn binomial_p(correct: u32, trials: u32) -> f64 {
    binomial_tail(correct, trials, 0.5)
}

/// `P(K ≥ count)` for `K ~ Binomial(trials, probability)`.
pub fn binomial_tail(count: u32, trials: u32, probability: f64) -> f64 {
    let p = unit(probability);
    if count == 0 {
        return 1.0;
    }
    if count > trials {
        return 0.0;
    }
    incomplete_beta(f64::from(count), f64::from(trials - count) + 1.0, p)
}

/// Two-sided exact p against ½: the probability by chance of a count at least as far from the half as `count`.
pub fn binomial_two_sided(count: u32, trials: u32) -> f64 {
    let count = count.min(trials);
    (2.0 * binomial_p(count.max(trials - count), trials)).min(1.0)
}

/// An interval of proportions, `low ≤ high` in 0 ..= 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The two-sided exact interval of `count` among `trials` at `confidence` (0.95 is usual); 0 to 1 without a trial.
pub fn clopper_pearson(count: u32, trials: u32, confidence: f64) -> Interval {
    let count = count.min(trials);
    let tail = 0.5 * (1.0 - unit(confidence));
    let (k, rest) = (f64::from(count), f64::from(trials - count));
    Interval {
        low: if count == 0 {
            0.0
        } else {
            beta_quantile(k, rest + 1.0, tail)
        },
        high: if count == trials {
            1.0
        } else {
            beta_quantile(k + 1.0, rest, 1.0 - tail)
        },
    }
}

/// The smallest number of right answers in `trials` that is significant at `alpha`; `None` if not even all are.
pub fn critical(trials: u32, alpha: f64) -> Option<u32> {
    // Tails fall with the count: the first that is small enough, by halving.
    let (mut low, mut high) = (0, trials);
    if binomial_p(trials, trials) > alpha {
        return None;
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if binomial_p(middle, trials) <= alpha {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// What a listener must be able to do for a test of so many trials to be likely to show it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detectable {
    /// Probability of a right answer, `p_c`.
    pub correct: f64,
    /// Share of the trials in which the difference is truly heard, the others being guessed: `d = 2·p_c − 1`.
    pub heard: f64,
}

/// The smallest rates that `trials` trials find significant at `alpha` with probability `power`; `None` if no result would be
/// significant.
pub fn detectable_rate(trials: u32, alpha: f64, power: f64) -> Option<Detectable> {
    let critical = critical(trials, alpha)?;
    let correct = bisect(|p| binomial_tail(critical, trials, p) >= power).max(0.5);
    Some(Detectable {
        correct,
        heard: 2.0 * correct - 1.0,
    })
}

/// The p of each of several tests, adjusted so that the chance of one false alarm among all stays below the level (Holm). In the
/// order given; NaN counts as 1.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let plain = |p: f64| if p.is_nan() { 1.0 } else { unit(p) };
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| plain(p[*a]).total_cmp(&plain(p[*b])));
    let mut adjusted = vec![1.0; p.len()];
    let mut worst: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        // Counts of tests are far below 2⁵³.
        #[allow(clippy::cast_precision_loss)]
        let factor = (p.len() - rank) as f64;
        worst = worst.max(factor * plain(p[index])).min(1.0);
        adjusted[index] = worst;
    }
    adjusted
}

fn unit(probability: f64) -> f64 {
    if probability.is_nan() {
        0.0
    } else {
        probability.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textbook_values() {
        // Ratios of whole numbers, by hand: Σ C(n, i) / 2ⁿ.
        for (k, n, ways) in [
            (8, 10, 56.0),
            (9, 10, 11.0),
            (10, 10, 1.0),
            (12, 16, 2517.0),
            (15, 20, 21_700.0),
        ] {
            let exact = ways / 2f64.powi(n);
            assert!((binomial_p(k, n.unsigned_abs()) / exact - 1.0).abs() < 1e-12, "{k}/{n}");
        }
        assert_eq!(critical(10, ALPHA), Some(9));
        assert_eq!(critical(12, ALPHA), Some(10));
        assert_eq!(critical(16, ALPHA), Some(12));
        assert_eq!(critical(20, ALPHA), Some(15));
        assert_eq!(critical(25, ALPHA), Some(18));
        assert_eq!(critical(4, ALPHA), None);
        assert_eq!(critical(5, ALPHA), Some(5));
    }

    #[test]
    fn no_right_answer_and_all() {
        let none = clopper_pearson(0, 10, CONFIDENCE);
        assert_eq!(none.low, 0.0);
        assert!((none.high - (1.0 - 0.025f64.powf(0.1))).abs() < 1e-12);
        let all = clopper_pearson(10, 10, CONFIDENCE);
        assert_eq!(all.high, 1.0);
        assert!((all.low - 0.025f64.powf(0.1)).abs() < 1e-12);
        assert_eq!(clopper_pearson(0, 0, CONFIDENCE), Interval { low: 0.0, high: 1.0 });
        assert_eq!(binomial_p(0, 0), 1.0);
        assert_eq!(binomial_p(3, 2), 0.0);
        assert_eq!(binomial_two_sided(5, 10), 1.0);
        assert_eq!(binomial_two_sided(0, 10), binomial_two_sided(10, 10));
    }

    #[test]
    fn intervals_cover_what_they_say() {
        // The exact coverage at each proportion: the probability of the counts whose interval holds it.
        for n in [10, 16, 25] {
            let intervals: Vec<Interval> = (0..=n).map(|k| clopper_pearson(k, n, CONFIDENCE)).collect();
            for step in 1..100 {
                let p = f64::from(step) / 100.0;
                let covered: f64 = (0..=n)
                    .zip(&intervals)
                    .filter(|(_, interval)| interval.low <= p && p <= interval.high)
                    .map(|(k, _)| binomial_tail(k, n, p) - binomial_tail(k + 1, n, p))
                    .sum();
                assert!(covered >= CONFIDENCE - 1e-9, "{n} trials, {p}: {covered}");
            }
        }
    }

    #[test]
    fn the_detectable_rate_has_the_power_and_less_has_not() {
        for n in [10, 12, 16, 20, 25, 100] {
            let rate = detectable_rate(n, ALPHA, POWER).expect("enough trials");
            let k = critical(n, ALPHA).expect("enough trials");
            assert!((binomial_tail(k, n, rate.correct) - POWER).abs() < 1e-9);
            assert!((rate.correct - (0.5 + 0.5 * rate.heard)).abs() < 1e-12);
        }
        assert!(detectable_rate(4, ALPHA, POWER).is_none());
    }

    #[test]
    fn holm_of_the_paper() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (adjusted, wanted) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((adjusted - wanted).abs() < 1e-12, "{adjusted} {wanted}");
        }
        assert!(holm(&[]).is_empty());
        assert_eq!(holm(&[f64::NAN]), [1.0]);
    }

    /// What scipy makes of the same (`tests/data/make_listening_values.py`).
    #[test]
    fn scipy_agrees() {
        let values: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/listening_values.json")).expect("JSON");
        let list = |value: &serde_json::Value| value.as_array().cloned().expect("a list");
        let number = |value: &serde_json::Value| value.as_f64().expect("a number");
        let whole = |value: &serde_json::Value| u32::try_from(value.as_u64().expect("a count")).expect("small");
        let near = |ours: f64, theirs: f64, what: &str| {
            assert!(
                (ours - theirs).abs() <= 1e-10 * theirs.abs() + 1e-13,
                "{what}: {ours} {theirs}"
            );
        };
        let tests = list(&values["tests"]);
        assert!(tests.len() > 70);
        for test in &tests {
            let (k, n) = (whole(&test["k"]), whole(&test["n"]));
            let what = format!("{k} of {n}");
            near(binomial_p(k, n), number(&test["greater"]), &what);
            near(binomial_two_sided(k, n), number(&test["two_sided"]), &what);
            for tail in list(&test["tails"]) {
                near(binomial_tail(k, n, number(&tail[0])), number(&tail[1]), &what);
            }
            for interval in list(&test["intervals"]) {
                let ours = clopper_pearson(k, n, number(&interval[0]));
                near(ours.low, number(&interval[1]), &what);
                near(ours.high, number(&interval[2]), &what);
            }
        }
        for power in list(&values["powers"]) {
            let (n, alpha) = (whole(&power["n"]), number(&power["alpha"]));
            assert_eq!(
                critical(n, alpha).map(u64::from),
                power["critical"].as_u64(),
                "{n} at {alpha}"
            );
            let rate = detectable_rate(n, alpha, number(&power["power"]));
            assert_eq!(rate.is_some(), power["correct"].is_f64());
            if let Some(rate) = rate {
                near(rate.correct, number(&power["correct"]), "power");
            }
        }
        for beta in list(&values["betas"]) {
            let (a, b, x) = (number(&beta[0]), number(&beta[1]), number(&beta[2]));
            near(incomplete_beta(a, b, x), number(&beta[3]), "beta");
        }
    }
}
