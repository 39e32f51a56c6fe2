//! Figures against those of numpy, scipy, auraloss and pyloudnorm on the same signals (`data/make_reference_values.py`).

mod signals;

use signals::{RATE, estimate_of, material, near, near_all, reference};
use tonegraft_analysis::{error, loudness, spectrum, stft};

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
