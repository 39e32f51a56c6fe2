//! Figures against those of numpy, scipy, auraloss, librosa and pyloudnorm on the same signals (`data/make_reference_values.py`).

mod signals;

use signals::{RATE, estimate_of, material, near, near_all, notes, reference};
use tonegraft_analysis::{distance, dtw, error, loudness, mel, pitch, spectrum, stft};

fn pair() -> (Vec<f32>, Vec<f32>) {
    let target = material(96_000);
    let estimate = estimate_of(&target);
    (target, estimate)
}

#[test]
fn signals_are_those_of_the_script() {
    let (target, estimate) = pair();
    let values = reference("check");
    let few = |signal: &[f32]| -> Vec<f64> { signal[5000..5005].iter().map(|s| f64::from(*s)).collect() };
    near_all("target", &few(&target), &values["target"], 1e-7);
    near_all("estimate", &few(&estimate), &values["estimate"], 1e-7);
}

#[test]
fn sample_wise_errors_are_numpys_and_auralosss() {
    let (target, estimate) = pair();
    let found = error::measure(&target, &estimate).expect("measurable");
    let values = reference("error");
    for (name, figure) in [
        ("esr", found.esr),
        ("esr_preemphasis", found.esr_preemphasis),
        ("esr_preemphasis_085", found.esr_preemphasis_085),
        ("snr_db", found.snr_db),
        ("mse", found.mse),
        ("mae", found.mae),
        ("rmse", found.rmse),
        ("relative_rmse", found.relative_rmse),
        ("relative_mae", found.relative_mae),
        ("correlation", found.correlation),
        ("gain", found.gain),
    ] {
        near(name, figure, &values[name], 1e-7);
    }
    // auraloss adds 1e-8 to the denominator: to the sum for ESR, to the mean for DC.
    near("esr_auraloss", found.esr, &values["esr_auraloss"], 1e-7);
    near("dc_auraloss", found.dc, &values["dc_auraloss"], 1e-6);
}

#[test]
fn multi_resolution_stft_is_auralosss() {
    let (target, estimate) = pair();
    for (section, frames) in [("stft", 96_000), ("stft_short", 1_025)] {
        let found = stft::distance(&target[..frames], &estimate[..frames]).expect("measurable");
        let values = reference(section);
        near("distance", found.distance, &values["distance"], 1e-7);
        near(
            "spectral convergence",
            found.spectral_convergence,
            &values["spectral_convergence"],
            1e-7,
        );
        near("log magnitude", found.log_magnitude, &values["log_magnitude"], 1e-7);
    }
}

#[test]
fn mean_spectrum_is_welchs() {
    let (target, _) = pair();
    let found = spectrum::mean_power(&target, 4096).expect("not empty");
    let few: Vec<f64> = found[1..200].iter().step_by(9).copied().collect();
    let values = reference("spectrum");
    for (index, figure) in few.iter().enumerate() {
        near("power", *figure, &values["welch"][index], 1e-7);
    }
}

#[test]
fn integrated_loudness_is_that_of_the_standards_coefficients() {
    let target = material(480_000);
    let estimate = estimate_of(&target);
    let values = reference("loudness");
    for (name, signal) in [("target", &target), ("estimate", &estimate)] {
        let found = loudness::measure(&[signal], RATE)
            .expect("measurable")
            .integrated
            .expect("audible");
        let expected = |key: &str| values[key].as_f64().expect("a number");
        let standard = expected(&format!("{name}_bs1770"));
        assert!(
            (found - standard).abs() < 1e-6,
            "{name}: {found} LUFS, expected {standard}"
        );
        // pyloudnorm's filters are not the standard's coefficients.
        let near = expected(name);
        assert!((found - near).abs() < 0.1, "{name}: {found} LUFS, expected {near}");
    }
}

#[test]
fn mel_filters_and_spectrograms_are_librosas() {
    let (target, estimate) = pair();
    let values = reference("mel");
    let bank = mel::FilterBank::new(RATE, mel::FFT, mel::BANDS).expect("a rate");
    let sums: Vec<f64> = bank.bands().iter().map(|(_, weights)| weights.iter().sum()).collect();
    let centroid = |(first, weights): &(usize, Vec<f64>)| {
        let moment: f64 = weights.iter().enumerate().map(|(n, w)| (first + n) as f64 * w).sum();
        moment / weights.iter().sum::<f64>()
    };
    let centroids: Vec<f64> = bank.bands().iter().map(centroid).collect();
    near_all("filter sums", &sums, &values["filter_sums"], 1e-9);
    near_all("filter centroids", &centroids, &values["filter_centroids"], 1e-7);
    let found = mel::MelSpectrogram::new(&target, RATE).expect("a signal");
    assert_eq!(values["frames"].as_u64(), Some(found.len() as u64));
    let decibels = found.decibels();
    let frame = |index: usize| &decibels[index * mel::BANDS..(index + 1) * mel::BANDS];
    near_all("frame 0", frame(0), &values["frame_0"], 1e-6);
    near_all("frame 50", frame(50), &values["frame_50"], 1e-6);
    near(
        "mean",
        decibels.iter().sum::<f64>() / decibels.len() as f64,
        &values["mean"],
        1e-7,
    );
    near(
        "distance",
        mel::distance(&target, &estimate, RATE).expect("signals"),
        &values["distance"],
        1e-6,
    );
}

#[test]
fn cepstral_coefficients_are_librosas() {
    let (target, _) = pair();
    let found = mel::mfcc(&target, RATE).expect("a signal");
    let values = reference("mfcc");
    near_all("frame 0", &found[0], &values["frame_0"], 1e-5);
    near_all("frame 50", &found[50], &values["frame_50"], 1e-5);
    let mut mean = [0.0; mel::COEFFICIENTS];
    for frame in &found {
        for (to, from) in mean.iter_mut().zip(frame) {
            *to += from / found.len() as f64;
        }
    }
    near_all("mean", &mean, &values["mean"], 1e-5);
}

#[test]
fn time_warping_is_librosas() {
    let (target, estimate) = pair();
    let mut late = vec![0.0; 3_000];
    late.extend_from_slice(&estimate);
    late.truncate(90_000);
    let (a, b) = (
        mel::mfcc(&target, RATE).expect("a signal"),
        mel::mfcc(&late, RATE).expect("a signal"),
    );
    let values = reference("dtw");
    for (name, band) in [("full", None), ("band_20", Some(20)), ("band_3", Some(3))] {
        near(
            name,
            dtw::distance(&a, &b, band).expect("frames").distance,
            &values[name],
            1e-6,
        );
    }
}

#[test]
fn distances_of_sets_are_scipys() {
    let (target, estimate) = pair();
    let found = distance::mfcc_distances(&target, &estimate, RATE).expect("signals");
    let values = reference("distance");
    near("frechet", found.frechet, &values["frechet"], 1e-6);
    near("kl", found.kl, &values["kl"], 1e-6);
}

#[test]
fn pitches_are_librosas() {
    let signal = notes();
    let values = reference("pitch");
    let expected: Vec<f64> = values["yin"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(serde_json::Value::as_f64)
        .collect();
    let truth = [82.41, 110.0, 220.5, 440.0];
    let mut yin = pitch::Yin::new(RATE, 40.0, 1_000.0, 4_096, pitch::THRESHOLD).expect("settings");
    let mut compared = 0;
    for (index, theirs) in expected.iter().enumerate() {
        let start = index * 6_000;
        let Some(frame) = signal.get(start..start + 4_096) else {
            continue;
        };
        let found = yin.estimate(frame).expect("a pitch").hz;
        // Both interpolate between whole lags, over windows of different lengths.
        assert!(
            (found / theirs - 1.0).abs() < 2e-3,
            "{index}: {found}, librosa {theirs}"
        );
        assert!((found / truth[index / 4] - 1.0).abs() < 2e-3, "{index}: {found}");
        compared += 1;
    }
    assert_eq!(compared, 16);
}
