//! No input, however broken, makes a measure panic, hang or give a figure that is no number where it promises one.

use proptest::prelude::*;
use tonegraft_analysis::live::{Difference, DifferenceConfig, ErrorMap, State};
use tonegraft_analysis::spectrum::{Averager, LogAxis};
use tonegraft_analysis::{distance, dtw, error, loudness, mel, pitch, probe, stft, transfer};

fn sample() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -1.0f32..1.0,
        1 => Just(0.0),
        1 => Just(f32::MAX),
        1 => Just(1e-40),
    ]
}

fn broken() -> impl Strategy<Value = f32> {
    prop_oneof![20 => sample(), 1 => Just(f32::NAN), 1 => Just(f32::NEG_INFINITY)]
}

fn signal() -> impl Strategy<Value = Vec<f32>> {
    prop_oneof![
        prop::collection::vec(sample(), 0..40),
        prop::collection::vec(sample(), 1_000..6_000),
        prop::collection::vec(broken(), 0..3_000),
        (0usize..6_000).prop_map(|frames| vec![0.0; frames]),
        (0usize..6_000, sample()).prop_map(|(frames, value)| vec![value; frames]),
    ]
}

fn rate() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => prop::sample::select(vec![8_000.0, 44_100.0, 48_000.0, 96_000.0, 192_000.0]),
        1 => prop::sample::select(vec![0.0, -1.0, 1.0, 1e12, f64::NAN, f64::INFINITY]),
        1 => 1_000.0f64..400_000.0,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn measures_of_pairs(target in signal(), estimate in signal(), rate in rate()) {
        if let Ok(found) = error::measure(&target, &estimate) {
            for figure in [found.esr, found.esr_preemphasis, found.dc, found.mse, found.mae, found.rmse, found.correlation, found.gain] {
                prop_assert!(figure.is_finite(), "{found:?}");
            }
        }
        if let Ok(found) = stft::distance(&target, &estimate) {
            prop_assert!(found.distance.is_finite() && found.distance >= 0.0, "{found:?}");
        }
        if let Ok(found) = mel::distance(&target, &estimate, rate) {
            prop_assert!(found.is_finite() && found >= 0.0);
        }
        if let Ok(found) = dtw::mfcc_distance(&target, &estimate, rate) {
            prop_assert!(found.distance.is_finite() && found.distance >= 0.0, "{found:?}");
        }
        if let Ok(found) = distance::mfcc_distances(&target, &estimate, rate) {
            prop_assert!(found.frechet.is_finite() && found.kl.is_finite() && found.kl >= 0.0, "{found:?}");
        }
        if let Ok(steps) = transfer::level_curve(&target, &estimate, rate) {
            prop_assert!(!steps.is_empty() && steps.iter().all(|step| step.output_db.is_finite()));
        }
        if let Some(found) = probe::measure(&target, &estimate) {
            prop_assert!(found.delay.is_finite() && (0.0..=1.0).contains(&found.confidence), "{found:?}");
        }
    }

    #[test]
    fn measures_of_one(signal in signal(), rate in rate(), channels in 0usize..4) {
        let planes = vec![signal.as_slice(); channels];
        if let Ok(found) = loudness::measure(&planes, rate) {
            let figures = [found.integrated, found.max_short_term, found.range, found.true_peak, found.sample_peak];
            prop_assert!(figures.iter().flatten().all(|figure| figure.is_finite()), "{found:?}");
        }
        if let Ok(moments) = pitch::track(&signal, rate)
            && let Some(found) = pitch::statistics(&moments)
        {
            prop_assert!(found.entropy_bits.is_finite() && found.range_hz >= 0.0, "{found:?}");
        }
        let mut average = Averager::new(rate, channels, 0.3);
        average.feed(&planes);
        prop_assert!(average.draw(&LogAxis::new(20.0, 20_000.0, 50)).iter().all(|db| db.is_finite()));
        let mut map = ErrorMap::new(rate);
        map.add(&signal, &signal, &signal);
    }

    #[test]
    fn the_live_difference(
        blocks in prop::collection::vec((signal(), signal(), 0u8..8), 1..14),
        rate in rate(),
        channels in 0usize..4,
        delay in prop_oneof![-60_000.0f64..60_000.0, Just(f64::NAN), Just(0.5)],
    ) {
        let mut config = DifferenceConfig::new(rate, channels);
        config.max_lag = 0.01;
        config.window = 1.0;
        let mut difference = Difference::new(config);
        for (model, reference, deed) in &blocks {
            for _ in 0..3 {
                let (m, r) = (vec![model.as_slice(); channels], vec![reference.as_slice(); channels]);
                difference.feed(&m, &m, &r);
            }
            match deed {
                0 => difference.search(),
                1 => difference.set_delay(delay),
                2 => difference.restart(),
                3 => difference.follow(false),
                4 => difference.set_input_delay(usize::MAX),
                5 => difference.reset(),
                _ => {}
            }
            if let State::Measured(found) = difference.update() {
                prop_assert!(found.delay.is_finite() && found.esr >= 0.0 && found.null_db.is_finite(), "{found:?}");
                prop_assert!(found.gain_db.is_finite() && found.correlation.is_finite(), "{found:?}");
                let _ = difference.spectra();
            }
        }
    }
}
