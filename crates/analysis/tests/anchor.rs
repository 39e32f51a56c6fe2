//! The likeness test's anchor finds the device that it can be, and refuses what is none.

use tonegraft_analysis::listening::anchor::{AnchorError, MAX_TAPS};
use tonegraft_analysis::listening::anchor_fit;

const RATE: f64 = 48_000.0;

/// Noise whose level rises and falls by 30 dB every half second: as playing does.
fn playing(frames: usize) -> Vec<f32> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..frames)
        .map(|n| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let noise = (state >> 40) as f64 / 8_388_608.0 - 1.0;
            let decay = (n % 24_000) as f64 / 24_000.0;
            (0.6 * noise * 10f64.powf(-1.5 * decay)) as f32
        })
        .collect()
}

fn device(clean: &[f32], drive: f64, taps: &[f64]) -> Vec<f32> {
    let shaped: Vec<f64> = clean.iter().map(|x| (drive * f64::from(*x)).tanh()).collect();
    (0..shaped.len())
        .map(|n| {
            taps.iter()
                .take(n + 1)
                .enumerate()
                .map(|(k, tap)| tap * shaped[n - k])
                .sum::<f64>() as f32
        })
        .collect()
}

fn db(ratio: f64) -> f64 {
    10.0 * ratio.log10()
}

#[test]
fn an_anchor_that_is_the_device_is_found() {
    let clean = playing(96_000);
    for (drive, taps) in [
        (0.8, vec![0.5]),
        (4.0, vec![0.5, 0.3, -0.1]),
        (30.0, vec![0.0, 0.0, -0.8, 0.25]),
    ] {
        let fit = anchor_fit(&clean, &device(&clean, drive, &taps), RATE, 64).expect("fits");
        assert!((fit.drive / drive - 1.0).abs() < 0.03, "{drive}: {}", fit.drive);
        assert!(
            (fit.wanted - fit.reached).abs() < 1e-3,
            "{} {}",
            fit.wanted,
            fit.reached
        );
        assert!(db(fit.esr) < -40.0, "{drive}: {} dB", db(fit.esr));
        for (k, tap) in fit.taps.iter().enumerate() {
            let wanted = taps.get(k).copied().unwrap_or(0.0);
            assert!(
                (fit.gain * f64::from(*tap) - wanted).abs() < 0.02,
                "{drive}, tap {k}: {tap} {wanted}"
            );
        }
    }
}

#[test]
fn more_compression_asks_for_more_drive() {
    let clean = playing(48_000);
    let drives: Vec<f64> = [0.5, 2.0, 8.0, 60.0]
        .map(|drive| {
            anchor_fit(&clean, &device(&clean, drive, &[1.0]), RATE, 8)
                .expect("fits")
                .drive
        })
        .to_vec();
    assert!(drives.windows(2).all(|pair| pair[0] < pair[1]), "{drives:?}");
}

#[test]
fn a_signal_of_steady_level_is_matched_by_its_crest_factor() {
    let sine: Vec<f32> = (0..48_000)
        .map(|n| (0.5 * (0.131 * f64::from(n)).sin()) as f32)
        .collect();
    let fit = anchor_fit(&sine, &device(&sine, 6.0, &[0.7]), RATE, 1).expect("fits");
    assert!((fit.drive / 6.0 - 1.0).abs() < 0.03, "{}", fit.drive);
    assert!(
        fit.reached > 0.0 && fit.reached < 3.0,
        "a crest factor in dB: {}",
        fit.reached
    );
}

#[test]
fn a_linear_device_gets_an_anchor_that_is_nearly_linear() {
    let clean = playing(48_000);
    let halved: Vec<f32> = clean.iter().map(|x| -0.5 * x).collect();
    let fit = anchor_fit(&clean, &halved, RATE, 16).expect("fits");
    assert!(fit.drive * 0.6 < 0.3, "{}", fit.drive);
    assert!(db(fit.esr) < -50.0, "{}", db(fit.esr));
    assert!(fit.taps[0] < -0.99, "inverted: {:?}", fit.taps);
}

#[test]
fn what_cannot_be_fitted_is_refused_with_a_sentence() {
    let clean = playing(48_000);
    let silent = vec![0.0; 48_000];
    let mut broken = clean.clone();
    broken[100] = f32::NAN;
    let other: Vec<f32> = (0..48_000).map(|n| if n == 47_990 { 1e-3 } else { 0.0 }).collect();
    for (clean, reference, wanted) in [
        (&clean[..100], &clean[..], AnchorError::TooShort),
        (&clean[..], &silent[..], AnchorError::Silent { what: "reference" }),
        (&silent[..], &clean[..], AnchorError::Silent { what: "input" }),
        (&broken[..], &clean[..], AnchorError::NotFinite { what: "input" }),
        (&clean[..], &broken[..], AnchorError::NotFinite { what: "reference" }),
    ] {
        assert_eq!(anchor_fit(clean, reference, RATE, 32), Err(wanted));
    }
    // One impulse at the end: whatever comes out, it is finite.
    if let Ok(fit) = anchor_fit(&clean, &other, RATE, usize::MAX) {
        assert_eq!(fit.taps.len(), MAX_TAPS);
        assert!(fit.taps.iter().all(|tap| tap.is_finite()) && fit.esr.is_finite());
    }
}
