//! `tonegraft compare`: figures that are known beforehand, keys and pages that others rely on, and input that makes no sense.

mod common;

use common::onnx::File;
use common::{Bench, noise};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Noise through a pole, quieter towards the end: as much at low frequencies as music has.
fn music(frames: usize, seed: u64) -> Vec<f32> {
    let mut state = 0.0;
    (noise(frames, seed).into_iter().zip(0..))
        .map(|(x, n): (f32, u32)| {
            state += 0.2 * (x - state);
            state * (1.0 - 0.5 * n as f32 / frames as f32)
        })
        .collect()
}

fn late(signal: &[f32], frames: usize, gain: f32) -> Vec<f32> {
    let silence = std::iter::repeat_n(0.0, frames);
    silence
        .chain(signal.iter().map(|x| gain * x))
        .take(signal.len())
        .collect()
}

fn json(bench: &Bench, arguments: &[&str]) -> Value {
    let ran = bench.ok(&[&["compare", "--json"][..], arguments].concat());
    serde_json::from_str(ran.stdout.lines().next().expect("a line")).expect("JSON")
}

fn figure(report: &Value, key: &str) -> f64 {
    report[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key} is no number in {report}"))
}

const FIGURES: [&str; 17] = [
    "correlation",
    "dc",
    "dtw",
    "esr",
    "esr_preemphasis",
    "esr_preemphasis_085",
    "esr_preemphasis_dc",
    "mae",
    "mel_distance",
    "mr_stft",
    "mr_stft_convergence",
    "mr_stft_log_magnitude",
    "mse",
    "relative_mae",
    "relative_rmse",
    "rmse",
    "snr_db",
];

fn keys(object: &Value) -> Vec<String> {
    let mut keys: Vec<String> = object.as_object().expect("an object").keys().cloned().collect();
    keys.sort();
    keys
}

fn with_figures(others: &[&str]) -> Vec<String> {
    let mut keys: Vec<String> = FIGURES.iter().chain(others).map(ToString::to_string).collect();
    keys.sort();
    keys
}

#[test]
fn the_keys_are_a_contract() {
    let bench = Bench::new();
    let dry = music(48_000, 1);
    bench.wav("dry.wav", 48_000, std::slice::from_ref(&dry));
    bench.wav("ref.wav", 48_000, &[dry.iter().map(|x| (20.0 * x).tanh()).collect()]);
    bench.wav("out.wav", 48_000, &[dry.iter().map(|x| (19.0 * x).tanh()).collect()]);
    let report = json(&bench, &["ref.wav", "out.wav", "--input", "dry.wav"]);
    let wanted = with_figures(&[
        "align",
        "aliasing",
        "baselines",
        "channels",
        "confidence",
        "delay_ms",
        "delay_removed_samples",
        "delay_samples",
        "esr_level_matched",
        "frames",
        "gain_db",
        "input",
        "level_matched",
        "loudness",
        "mfcc",
        "model",
        "normalisation",
        "notes",
        "null_db",
        "output",
        "pitch",
        "polarity",
        "reference",
        "sample_rate",
        "seconds",
    ]);
    assert_eq!(keys(&report), wanted);
    assert_eq!(keys(&report["baselines"]), ["linear_fir", "scaled_dry"]);
    assert_eq!(
        keys(&report["baselines"]["scaled_dry"]),
        with_figures(&["delay_samples", "gain_db"])
    );
    assert_eq!(
        keys(&report["baselines"]["linear_fir"]),
        with_figures(&["fitted_seconds", "taps"])
    );
    assert_eq!(keys(&report["aliasing"]), ["input_sine", "sines"]);
    assert_eq!(
        keys(&report["loudness"]),
        ["difference_lu", "output_lufs", "reference_lufs"]
    );
    assert_eq!(keys(&report["mfcc"]), ["frechet", "kl"]);
    assert_eq!(keys(&report["pitch"]), ["output", "reference"]);
    // Less what the delay found, a fraction of a sample, leaves out.
    assert!(
        (47_990..=48_000).contains(&report["frames"].as_u64().expect("a number")),
        "{report}"
    );
    // The model is near, the dry signal is not, and no linear filter bends a signal.
    let esr = |report: &Value| figure(report, "esr");
    let (dry, fir) = (&report["baselines"]["scaled_dry"], &report["baselines"]["linear_fir"]);
    assert!(esr(&report) < 5e-3, "{report}");
    assert!(esr(&report) < 0.2 * esr(fir) && esr(fir) <= 1.02 * esr(dry), "{report}");
}

#[test]
fn equal_files_have_no_error() {
    let bench = Bench::new();
    bench.wav("a.wav", 48_000, &[music(30_000, 2), music(30_000, 3)]);
    let report = json(&bench, &["a.wav", "a.wav"]);
    for key in [
        "esr",
        "esr_preemphasis",
        "mse",
        "mae",
        "rmse",
        "mr_stft",
        "mel_distance",
        "dtw",
        "esr_level_matched",
    ] {
        assert_eq!(figure(&report, key), 0.0, "{key}");
    }
    assert_eq!((&report["snr_db"], &report["null_db"]), (&Value::Null, &Value::Null));
    assert_eq!((&report["polarity"], &report["channels"]), (&"same".into(), &2.into()));
    assert!(figure(&report, "delay_samples").abs() < 1e-6 && figure(&report, "gain_db").abs() < 1e-6);
}

#[test]
fn delay_gain_and_polarity_are_found_and_told() {
    let bench = Bench::new();
    let reference = music(60_000, 4);
    bench.wav("ref.wav", 48_000, std::slice::from_ref(&reference));
    bench.wav("out.wav", 48_000, &[late(&reference, 480, -0.5)]);
    let report = json(&bench, &["ref.wav", "out.wav"]);
    assert!((figure(&report, "delay_samples") - 480.0).abs() < 1e-3, "{report}");
    assert!((figure(&report, "delay_ms") - 10.0).abs() < 1e-4);
    assert!((figure(&report, "gain_db") - 20.0 * 0.5f64.log10()).abs() < 1e-3);
    assert_eq!(report["polarity"], "inverted");
    // The level stays: half of the signal is missing, a quarter of its energy.
    assert!((figure(&report, "esr") - 0.25).abs() < 1e-4);
    assert!(figure(&report, "esr_level_matched") < 1e-9);
    assert_eq!(report["frames"], 60_000 - 480);
    let matched = json(&bench, &["ref.wav", "out.wav", "--match-level"]);
    assert!(figure(&matched, "esr") < 1e-9 && matched["level_matched"] == true);
    let bare = json(&bench, &["ref.wav", "out.wav", "--align", "off"]);
    assert!(
        figure(&bare, "esr") > 0.5 && figure(&bare, "delay_removed_samples") == 0.0,
        "{bare}"
    );
    assert!((figure(&bare, "delay_samples") - 480.0).abs() < 1e-3);
    let near = json(&bench, &["ref.wav", "out.wav", "--max-delay", "0.005"]);
    assert!(near["notes"].to_string().contains("unsure"), "{near}");

    let text = bench.ok(&["compare", "ref.wav", "out.wav"]).stdout;
    for part in [
        "480.000 samples (10.000 ms) late, taken off",
        "polarity inverted",
        "ESR",
        "MR-STFT",
        "full scale",
        "−6.02 dB",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

/// Figures that follow from arithmetic.
#[test]
fn errors_are_what_arithmetic_says() {
    let bench = Bench::new();
    let reference = music(40_000, 5);
    let hiss = noise(40_000, 6);
    let output: Vec<f32> = reference.iter().zip(&hiss).map(|(r, n)| r + 0.01 * n).collect();
    bench.wav("ref.wav", 48_000, std::slice::from_ref(&reference));
    bench.wav("out.wav", 48_000, std::slice::from_ref(&output));
    let report = json(&bench, &["ref.wav", "out.wav", "--align", "off"]);
    let differences = || {
        reference
            .iter()
            .zip(&output)
            .map(|(r, o)| f64::from(*r) - f64::from(*o))
    };
    let energy: f64 = reference.iter().map(|r| f64::from(*r).powi(2)).sum();
    let mse = differences().map(|d| d * d).sum::<f64>() / 40_000.0;
    let close = |key: &str, value: f64| {
        let found = figure(&report, key);
        assert!((found / value - 1.0).abs() < 1e-6, "{key}: {found} {value}");
    };
    close("mse", mse);
    close("rmse", mse.sqrt());
    close("esr", 40_000.0 * mse / energy);
    close("snr_db", -10.0 * (40_000.0 * mse / energy).log10());
    close("mae", differences().map(f64::abs).sum::<f64>() / 40_000.0);
}

#[test]
fn a_model_is_judged_by_the_samples_that_render_writes() {
    let bench = Bench::new();
    bench.write("gain.onnx", &File::gain(0.5).bytes());
    let dry = music(50_000, 7);
    bench.wav("dry.wav", 48_000, std::slice::from_ref(&dry));
    bench.wav("ref.wav", 48_000, &[dry.iter().map(|x| (1.5 * x).tanh()).collect()]);
    bench.ok(&[
        "render",
        "--model",
        "gain.onnx",
        "--param",
        "output_gain=-3",
        "dry.wav",
        "out.wav",
    ]);
    let files = json(&bench, &["ref.wav", "out.wav", "--input", "dry.wav"]);
    let arguments = [
        "--model",
        "gain.onnx",
        "--param",
        "output_gain=-3",
        "--input",
        "dry.wav",
        "--reference",
        "ref.wav",
    ];
    let model = json(&bench, &arguments);
    for key in FIGURES
        .iter()
        .chain(&["delay_samples", "gain_db", "confidence", "esr_level_matched"])
    {
        assert_eq!(files[key], model[key], "{key}");
    }
    assert_eq!((&model["output"], &model["model"]), (&Value::Null, &"gain".into()));
    let sines = json(&bench, &[&arguments[..], &["--sines"]].concat());
    assert!(
        sines["aliasing"]["sines"]
            .as_array()
            .is_some_and(|sines| sines.len() == 4),
        "{sines}"
    );
}

#[test]
fn what_a_sine_folds_back_is_told() {
    let bench = Bench::new();
    let sine: Vec<f32> = (0..96_000).map(|n| 0.9 * (f64::from(n) * 1.307).sin() as f32).collect();
    bench.wav("dry.wav", 48_000, std::slice::from_ref(&sine));
    bench.wav("ref.wav", 48_000, std::slice::from_ref(&sine));
    bench.wav("out.wav", 48_000, &[sine.iter().map(|x| x * x * x).collect()]);
    let report = json(&bench, &["ref.wav", "out.wav", "--input", "dry.wav"]);
    let found = &report["aliasing"]["input_sine"];
    assert!((figure(found, "hz") - 1.307 * 48_000.0 / std::f64::consts::TAU).abs() < 0.1);
    assert!(
        (figure(found, "output_db") - 10.0 * (1.0f64 / 9.0).log10()).abs() < 0.05,
        "{found}"
    );
    assert!(figure(found, "reference_db") < -80.0, "{found}");
}

#[test]
fn rates_lengths_and_channels_that_differ_are_brought_together_and_told() {
    let bench = Bench::new();
    let tone = |rate: f64, frames: usize| -> Vec<f32> {
        let at = |n: f64| {
            (0..5)
                .map(|k| (std::f64::consts::TAU * 311.0 * 1.37f64.powi(k) * n / rate).sin())
                .sum::<f64>()
        };
        (0..frames).map(|n| (0.1 * at(n as f64)) as f32).collect()
    };
    bench.wav("ref.wav", 48_000, &[tone(48_000.0, 48_000), tone(48_000.0, 48_000)]);
    bench.wav("out.wav", 44_100, &[tone(44_100.0, 40_000)]);
    let report = json(&bench, &["ref.wav", "out.wav"]);
    let notes = report["notes"].to_string();
    for part in [
        "44100 Hz; converted to 48000 Hz",
        "is mono; compared with each of 2",
        "lengths differ",
    ] {
        assert!(notes.contains(part), "{part} is not in {notes}");
    }
    assert_eq!(
        (&report["channels"], &report["sample_rate"]),
        (&2.into(), &48_000.into())
    );
    assert!(figure(&report, "esr") < 1e-3, "{report}");
    let text = bench.ok(&["compare", "ref.wav", "out.wav"]).stdout;
    assert!(text.contains("converted to 48000 Hz"), "{text}");
}

#[test]
fn what_cannot_be_compared_is_refused_with_a_sentence() {
    let bench = Bench::new();
    let signal = music(20_000, 8);
    bench.wav("a.wav", 48_000, std::slice::from_ref(&signal));
    bench.wav("silent.wav", 48_000, &[vec![0.0; 20_000]]);
    let mut broken = signal.clone();
    broken[17] = f32::NAN;
    bench.wav("nan.wav", 48_000, &[broken]);
    bench.wav("two.wav", 48_000, &[signal.clone(), signal.clone()]);
    bench.wav("three.wav", 48_000, &[signal.clone(), signal.clone(), signal.clone()]);
    bench.wav("short.wav", 48_000, &[signal[..100].to_vec()]);
    bench.wav("empty.wav", 48_000, &[Vec::new()]);
    let bytes = std::fs::read(bench.path("a.wav")).expect("written");
    bench.write("cut.wav", &bytes[..bytes.len() / 2]);
    bench.write("text.wav", b"no audio at all");
    std::fs::create_dir(bench.path("folder")).expect("makes");
    let refused = |arguments: &[&str], parts: &[&str]| {
        bench.refused(&[&["compare"][..], arguments].concat(), parts);
    };
    for (file, parts) in [
        ("silent.wav", &["silent.wav", "silent"][..]),
        ("nan.wav", &["nan.wav", "frame 17"]),
        ("short.wav", &["in common"]),
        ("empty.wav", &["empty.wav", "no audio"]),
        ("cut.wav", &["cut.wav", "cut short"]),
        ("text.wav", &["text.wav", "not a WAV"]),
        ("missing.wav", &["missing.wav", "cannot be opened"]),
        ("folder", &["folder", "folder"]),
    ] {
        refused(&["a.wav", file], parts);
        refused(&[file, "a.wav"], parts);
    }
    refused(
        &["two.wav", "three.wav"],
        &["two.wav has 2 channels", "three.wav has 3 channels"],
    );
    refused(&["folder", "folder"], &["--batch"]);
    refused(&["a.wav"], &["REF.wav and OUT.wav"]);
    refused(&["--model", "overdrive", "--input", "a.wav"], &["--reference"]);
    refused(
        &[
            "--model",
            "overdrive",
            "--input",
            "a.wav",
            "--reference",
            "a.wav",
            "a.wav",
        ],
        &["--model"],
    );
    refused(&["a.wav", "a.wav", "--input", "three.wav"], &["3 channels"]);
    refused(&["--batch", "folder", "folder"], &["no .wav file"]);
    refused(&["--batch", "a.wav", "folder"], &["no folder"]);
    let ran = bench.run(&["compare", "a.wav", "a.wav", "--max-delay", "-1"]);
    assert_eq!(ran.code, Some(2));
    // A signal that has nothing to do with the other is compared as it stands, and that is told.
    bench.wav("other.wav", 48_000, &[noise(20_000, 99)]);
    let report = json(&bench, &["a.wav", "other.wav"]);
    assert!(
        report["notes"].to_string().contains("compared as the files stand"),
        "{report}"
    );
}

#[test]
fn a_batch_goes_on_after_a_bad_pair_and_says_so() {
    let bench = Bench::new();
    for folder in ["refs", "outs", "dry"] {
        std::fs::create_dir(bench.path(folder)).expect("makes");
    }
    for (name, seed) in [("one", 1), ("two", 2), ("it's, \"three\"", 3)] {
        let dry = music(30_000, seed);
        bench.wav(&format!("dry/{name}.wav"), 48_000, std::slice::from_ref(&dry));
        bench.wav(
            &format!("refs/{name}.wav"),
            48_000,
            &[dry.iter().map(|x| (2.0 * x).tanh()).collect()],
        );
        bench.wav(
            &format!("outs/{name}.wav"),
            48_000,
            &[dry.iter().map(|x| (1.9 * x).tanh()).collect()],
        );
    }
    bench.wav("refs/lonely.wav", 48_000, &[music(1000, 1)]);
    bench.wav("outs/stray.wav", 48_000, &[music(1000, 1)]);
    bench.wav("refs/quiet.wav", 48_000, &[vec![0.0; 1000]]);
    bench.wav("outs/quiet.wav", 48_000, &[vec![0.0; 1000]]);
    let ran = bench.run(&[
        "compare", "--batch", "refs", "outs", "--input", "dry", "--json", "--csv", "all.csv", "--html", "pages",
        "--jobs", "2",
    ]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for part in ["lonely.wav", "stray.wav", "quiet.wav", "3 of 6 pairs were not compared"] {
        assert!(ran.stderr.contains(part), "{part} is not in {}", ran.stderr);
    }
    let lines: Vec<Value> = (ran.stdout.lines())
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    assert_eq!(lines.len(), 4);
    let summary = &lines[3];
    assert_eq!((&summary["compared"], &summary["failed"]), (&3.into(), &3.into()));
    let mean = lines[..3].iter().map(|line| figure(line, "esr")).sum::<f64>() / 3.0;
    assert!((figure(summary, "mean_esr") - mean).abs() < 1e-12);
    let mut sorted: Vec<f64> = lines[..3].iter().map(|line| figure(line, "esr")).collect();
    sorted.sort_by(f64::total_cmp);
    assert_eq!(
        (figure(summary, "median_esr"), figure(summary, "worst_esr")),
        (sorted[1], sorted[2])
    );

    let csv = std::fs::read_to_string(bench.path("all.csv")).expect("written");
    let rows: Vec<&str> = csv.split("\r\n").filter(|row| !row.is_empty()).collect();
    assert_eq!(rows.len(), 4);
    assert!(rows[0].starts_with("pair,reference,output,model,polarity,sample_rate,") && rows[0].contains(",esr,"));
    assert!(csv.contains("\"it's, \"\"three\"\"\""), "{csv}");
    let pages = std::fs::read_to_string(bench.path("pages/index.html")).expect("written");
    for part in [
        "href=\"./one.html\"",
        "href=\"./it%27s%2C%20%22three%22.html\"",
        "Not compared",
        "lonely.wav",
    ] {
        assert!(pages.contains(part), "{part}");
    }
    assert!(bench.path("pages/it's, \"three\".html").is_file());

    std::fs::remove_file(bench.path("refs/lonely.wav")).expect("removes");
    std::fs::remove_file(bench.path("refs/quiet.wav")).expect("removes");
    let ran = bench.ok(&[
        "compare",
        "--batch",
        "--model",
        "overdrive",
        "--input",
        "dry",
        "--reference",
        "refs",
    ]);
    for part in ["one", "two", "3 compared, 0 not", "linear FIR"] {
        assert!(ran.stdout.contains(part), "{part} is not in {}", ran.stdout);
    }
}

#[test]
fn a_page_is_whole_in_one_file() {
    let bench = Bench::new();
    let dry = music(48_000, 9);
    bench.wav("dry <&>.wav", 48_000, std::slice::from_ref(&dry));
    bench.wav("ref.wav", 48_000, &[dry.iter().map(|x| (3.0 * x).tanh()).collect()]);
    bench.wav("out.wav", 48_000, &[dry.iter().map(|x| (2.0 * x).tanh()).collect()]);
    bench.ok(&[
        "compare",
        "ref.wav",
        "out.wav",
        "--input",
        "dry <&>.wav",
        "--html",
        "new/page",
    ]);
    let page = std::fs::read_to_string(bench.path("new/page/index.html")).expect("written");
    for id in [
        "baselines",
        "waveform",
        "mel",
        "spectrum",
        "transfer",
        "residual",
        "figures",
    ] {
        assert_eq!(page.matches(&format!("<section id=\"{id}\">")).count(), 1, "{id}");
    }
    // Bars, three waveforms, three mel-spectrograms, spectra, transfer, residual.
    assert_eq!(page.matches("<svg").count(), 10);
    assert_eq!(page.matches("</svg>").count(), 10);
    assert_eq!(
        page.matches("data:image/png;base64,iVBOR").count(),
        4,
        "clean, reference, output and the scale"
    );
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("dry &lt;&amp;&gt;.wav"));
    // What is no picture.
    let words: String = (page.split("base64,").enumerate())
        .map(|(index, part)| {
            if index == 0 {
                part
            } else {
                part.split_once('"').map_or("", |(_, rest)| rest)
            }
        })
        .collect();
    for foreign in ["<script", "http:", "https:", "<&>", "@import", "NaN", "inf"] {
        assert!(!words.contains(foreign), "{foreign}");
    }
    // Every element that is opened is closed.
    for element in [
        "section", "table", "p", "ul", "li", "h2", "h3", "tr", "td", "th", "div", "dl", "text",
    ] {
        let (open, closed) = (
            page.matches(&format!("<{element}>")).count() + page.matches(&format!("<{element} ")).count(),
            page.matches(&format!("</{element}>")).count(),
        );
        assert_eq!(open, closed, "{element}");
    }
    let without = bench.ok(&["compare", "ref.wav", "out.wav", "--html", "plain"]);
    assert!(without.stderr.is_empty(), "{}", without.stderr);
    let page = std::fs::read_to_string(bench.path("plain/index.html")).expect("written");
    assert_eq!(page.matches("<svg").count(), 8);
    assert!(page.contains("give it with <code>--input</code>"));
}

fn data(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TONEGRAFT_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    let required = std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_some_and(|value| value == "1");
    assert!(!required, "{}: missing", path.display());
    println!("skipped: {} is not there", path.display());
    None
}

/// Renderings of NeuralAmpModelerCore.
#[test]
fn third_party_models_are_what_their_own_player_plays() {
    for name in ["BossWN-nano", "deluxe"] {
        let files = [
            format!("nam/{name}.nam"),
            "audio/namcore_input.wav".to_owned(),
            format!("ref/nam_{name}.wav"),
        ];
        let [Some(model), Some(input), Some(reference)] = files.map(|file| data(&file)) else {
            return;
        };
        let bench = Bench::new();
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let report = json(
            &bench,
            &[
                "--model",
                &path(&model),
                "--input",
                &path(&input),
                "--reference",
                &path(&reference),
            ],
        );
        assert!(
            figure(&report, "esr") < 1e-9 && figure(&report, "mr_stft") < 0.01,
            "{report}"
        );
        assert!(figure(&report, "delay_samples").abs() < 1e-3 && report["polarity"] == "same");
        let fir = figure(&report["baselines"]["linear_fir"], "esr");
        assert!(
            fir > 1e-4 && fir < figure(&report["baselines"]["scaled_dry"], "esr"),
            "{report}"
        );
    }
}
