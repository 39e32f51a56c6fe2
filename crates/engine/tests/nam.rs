//! Every `.nam` reference: what NeuralAmpModelerCore's own tool plays, played from silence, in any cuts, and what the interpreter
//! says of the same graph. The same for the fixtures, which have every option of the format.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use support::{Cuts, bits, config, data, floats_of, offline, stream};
use tonegraft_engine::{Model, Options, StartState};
use tonegraft_model::{Start, Tensor};

/// Largest error relative to the larger of 1 and the reference's peak.
const FEED_FORWARD: f32 = 1e-5;
const RECURRENT: f32 = 1e-4;

/// How hosts cut.
const CUTS: [Cuts; 5] = [
    Cuts::Fixed(1),
    Cuts::Fixed(7),
    Cuts::Fixed(480),
    Cuts::Fixed(96_000),
    Cuts::Random(3),
];

/// Frames given to the interpreter.
const INTERPRETED: usize = 3000;

/// `slimmable_container_slim0.0` is `slimmable_container` at size 0.
fn parts(reference: &str) -> (&str, Option<f32>) {
    match reference.split_once("_slim") {
        Some((stem, size)) if size.contains('.') => (stem, Some(size.parse().expect("a size"))),
        _ => (reference, None),
    }
}

fn load(folder: &Path, reference: &str) -> Model {
    let (stem, size) = parts(reference);
    let mut options = Options::default();
    options.size = size;
    let path = folder.join(format!("nam/{stem}.nam"));
    Model::from_file(&path, &options).unwrap_or_else(|error| panic!("{error}"))
}

/// Plays the reference's clip; gives the largest error.
fn play(folder: &Path, reference: &str) -> f32 {
    let model = load(folder, reference);
    assert_eq!(model.graph().start(), Start::Silence);
    assert_eq!(model.info().latency_samples, 0);
    assert_eq!(model.metadata().sample_rate, Some(48_000));
    let input = vec![data::wav(&folder.join("audio/namcore_input.wav"))];
    let expected = data::wav(&folder.join(format!("ref/nam_{reference}.wav")));
    assert_eq!(expected.len(), input[0].len());
    let start = config(1, 1, StartState::Silence);
    let mut processor = model.instantiate(&start).unwrap_or_else(|error| panic!("{error}"));
    let played = stream(processor.as_mut(), &input, Cuts::Fixed(64), &[]);
    let peak = expected.iter().fold(1.0f32, |peak, y| peak.max(y.abs()));
    let mut largest = 0.0f32;
    for (index, (a, b)) in played[0].iter().zip(&expected).enumerate() {
        assert!(a.is_finite(), "frame {index} is {a}");
        largest = largest.max((a - b).abs() / peak);
    }
    for cuts in CUTS {
        // Single frames cost most: the beginning says as much.
        let part = match cuts {
            Cuts::Fixed(1) => 12_000,
            Cuts::Fixed(7) => 24_000,
            _ => input[0].len(),
        };
        processor.reset();
        let again = stream(processor.as_mut(), &[input[0][..part].to_vec()], cuts, &[]);
        assert!(
            bits(&again)[0][..] == bits(&played)[0][..part],
            "{cuts:?} gives other bits"
        );
    }
    largest
}

/// The interpreter and the stream, both from zeros.
fn interpret(folder: &Path, reference: &str) {
    let model = load(folder, reference);
    let input = data::wav(&folder.join("audio/namcore_input.wav"))[..INTERPRETED].to_vec();
    let tensor = Tensor::f32(vec![1, 1, INTERPRETED], input.clone()).expect("sizes agree");
    let inputs = BTreeMap::from([("audio".to_owned(), tensor)]);
    let whole = floats_of(&offline(model.graph(), &inputs, "audio_out"));
    let start = config(1, 1, StartState::Zero);
    let mut processor = model.instantiate(&start).unwrap_or_else(|error| panic!("{error}"));
    let played = stream(processor.as_mut(), &[input], Cuts::Fixed(64), &[]);
    let peak = whole.iter().fold(1.0f32, |peak, y| peak.max(y.abs()));
    assert_eq!(played[0].len(), whole.len());
    for (index, (a, b)) in played[0].iter().zip(&whole).enumerate() {
        assert!(
            (a - b).abs() <= RECURRENT * peak,
            "frame {index}: streamed {a}, interpreted {b}"
        );
    }
}

fn check(reference: &str, tolerance: f32) {
    let Some(folder) = data::shared(reference) else { return };
    let error = play(&folder, reference);
    println!("{reference}: {error:.2e} off the reference");
    assert!(
        error <= tolerance,
        "{error:.2e} off the reference, {tolerance:.0e} allowed"
    );
    interpret(&folder, reference);
}

macro_rules! references {
    ($($name:ident $reference:literal $tolerance:ident;)*) => {
        $(
            #[test]
            fn $name() {
                check($reference, $tolerance);
            }
        )*

        /// The references that have a test above.
        const REFERENCES: &[&str] = &[$($reference),*];
    };
}

references! {
    a2 "A2" FEED_FORWARD;
    a2_lite "A2_slim0.0" FEED_FORWARD;
    a2_full "A2_slim1.0" FEED_FORWARD;
    ampeg_fliptop "ampeg_fliptop_a2" FEED_FORWARD;
    ampeg_fliptop_lite "ampeg_fliptop_a2_slim0.0" FEED_FORWARD;
    ampeg_fliptop_full "ampeg_fliptop_a2_slim1.0" FEED_FORWARD;
    boss_lstm "BossLSTM-1x16" RECURRENT;
    boss_feather "BossWN-feather" FEED_FORWARD;
    boss_nano "BossWN-nano" FEED_FORWARD;
    boss_standard "BossWN-standard" FEED_FORWARD;
    deluxe "deluxe" FEED_FORWARD;
    dumble "dumble" FEED_FORWARD;
    ds1 "keithB_DS1_g6_t5" FEED_FORWARD;
    linear "linear_10" FEED_FORWARD;
    lstm "lstm" RECURRENT;
    hm2_feather "peterN_HM2_swede_feather" FEED_FORWARD;
    hm2_lite "peterN_HM2_swede_lite" FEED_FORWARD;
    hm2_standard "peterN_HM2_swede_std" FEED_FORWARD;
    container "slimmable_container" FEED_FORWARD;
    container_smallest "slimmable_container_slim0.0" RECURRENT;
    container_full "slimmable_container_slim1.0" FEED_FORWARD;
    slimmable_wavenet "slimmable_wavenet" FEED_FORWARD;
    wavenet "wavenet" FEED_FORWARD;
    a1_standard "wavenet_a1_standard" FEED_FORWARD;
    a2_max "wavenet_a2_max" FEED_FORWARD;
    condition_dsp "wavenet_condition_dsp" FEED_FORWARD;
    minimal "wavenet_minimal" FEED_FORWARD;
}

/// No reference is without a test, and no model without a reference.
#[test]
fn every_reference_and_every_model_is_here() {
    let Some(folder) = data::shared("every_reference_and_every_model_is_here") else {
        return;
    };
    let stems = |folder: &str, prefix: &str, ending: &str| -> BTreeSet<String> {
        (std::fs::read_dir(folder).expect("a folder").flatten())
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(name.strip_prefix(prefix)?.strip_suffix(ending)?.to_owned())
            })
            .collect()
    };
    let stored = stems(&folder.join("ref").to_string_lossy(), "nam_", ".wav");
    let tested: BTreeSet<String> = REFERENCES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(stored, tested);
    assert_eq!(stored.len(), 27);
    let models = stems(&folder.join("nam").to_string_lossy(), "", ".nam");
    let heard: BTreeSet<String> = REFERENCES.iter().map(|name| parts(name).0.to_owned()).collect();
    assert_eq!(models, heard);
    assert_eq!(models.len(), 21);
}

/// Made, and computed in NumPy, by `models/generators/nam_models.py`, each in all its sizes; NeuralAmpModelerCore itself gave the
/// same to 2e-6.
fn fixture(name: &str) {
    let folder = data::models().join("fixtures/nam");
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let recurrent = manifest[name]["recurrent"].as_bool().expect("a truth value");
    let sizes = manifest[name]["sizes"].as_array().expect("a list");
    let arrays = data::npz(&folder.join(format!("{name}.npz")));
    let x = arrays["x"].as_f32().expect("floats").to_vec();
    for (index, size) in sizes.iter().enumerate() {
        let mut options = Options::default();
        #[allow(clippy::cast_possible_truncation)]
        if sizes.len() > 1 {
            options.size = size.as_f64().map(|size| size as f32);
        }
        let model =
            Model::from_file(&folder.join(format!("{name}.nam")), &options).unwrap_or_else(|error| panic!("{error}"));
        let told = &model.info().about.sizes;
        assert_eq!(told.len(), if sizes.len() > 1 { sizes.len() } else { 0 });
        assert!(told.get(index).is_none_or(|told| told.chosen), "{told:?}");
        let expected = &arrays[&format!("y{index}")];
        let channels = expected.shape()[0];
        assert_eq!(model.channels(), (1, channels));
        let start = config(1, channels, StartState::Silence);
        let mut processor = model.instantiate(&start).unwrap_or_else(|error| panic!("{error}"));
        let whole = stream(processor.as_mut(), std::slice::from_ref(&x), Cuts::Fixed(x.len()), &[]);
        let played: Vec<f32> = whole.concat();
        let expected = floats_of(expected);
        assert_eq!(played.len(), expected.len());
        let peak = expected.iter().fold(1.0f32, |peak, y| peak.max(y.abs()));
        let tolerance = if recurrent { RECURRENT } else { FEED_FORWARD };
        for (frame, (a, b)) in played.iter().zip(&expected).enumerate() {
            assert!(
                (a - b).abs() <= tolerance * peak,
                "size {index}, frame {frame}: {a}, reference {b}"
            );
        }
        for cuts in [Cuts::Fixed(1), Cuts::Fixed(7), Cuts::Fixed(64), Cuts::Random(5)] {
            processor.reset();
            let again = stream(processor.as_mut(), std::slice::from_ref(&x), cuts, &[]);
            assert_eq!(bits(&again), bits(&whole), "{cuts:?}");
        }
    }
}

macro_rules! fixtures {
    ($($name:ident)*) => {
        mod fixtures {
            $(
                #[test]
                fn $name() {
                    super::fixture(stringify!($name));
                }
            )*
        }

        /// The fixtures that have a test above.
        const FIXTURES: &[&str] = &[$(stringify!($name)),*];
    };
}

fixtures! {
    linear_bias
    convnet_batchnorm
    convnet_plain
    lstm_two_layers
    wavenet_gated
    wavenet_activations
    wavenet_gating_modes
    wavenet_kernels
    wavenet_bottleneck
    wavenet_no_layer1x1
    wavenet_head
    wavenet_stereo
    wavenet_film_none
    wavenet_film_gated
    wavenet_film_blended
    wavenet_groups
    wavenet_condition_lstm
    wavenet_slimmable
    wavenet_slimmable_all
    container
}

#[test]
fn every_fixture_is_here() {
    let manifest = std::fs::read_to_string(data::models().join("fixtures/nam/manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let stored: BTreeSet<&str> = manifest
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(stored, FIXTURES.iter().copied().collect());
    assert_eq!(stored.len(), 20);
}

/// A capture of the standard size runs on the same steps as the ONNX export of such a network.
#[test]
fn a_standard_capture_becomes_the_plan_of_its_export() {
    let Some(folder) = data::shared("a_standard_capture_becomes_the_plan_of_its_export") else {
        return;
    };
    let options = Options::default();
    let load = |file: &str| Model::from_file(&folder.join(file), &options).unwrap_or_else(|error| panic!("{error}"));
    let (nam, onnx) = (load("nam/wavenet_a1_standard.nam"), load("bench/nam_std_sym.onnx"));
    // The export holds all but the factor at its end, which is part of the last convolution here.
    let steps = |model: &Model| -> Vec<String> {
        let text = model.plan_text();
        let steps = text.lines().filter_map(|line| {
            let (step, _name) = line.split_once("  `")?;
            let (_to, what) = step.split_once(" ← ")?;
            Some(
                what.split(" of ")
                    .next()
                    .unwrap_or(what)
                    .replace(", zeros before tick 0", ""),
            )
        });
        steps.filter(|step| step != "Mul").collect()
    };
    let (nam_steps, onnx_steps) = (steps(&nam), steps(&onnx));
    assert!(onnx_steps.len() > 40, "{}", onnx.plan_text());
    let counted = |steps: &[String]| {
        let mut counts = BTreeMap::new();
        for step in steps {
            *counts.entry(step.clone()).or_insert(0) += 1;
        }
        counts
    };
    assert_eq!(counted(&nam_steps), counted(&onnx_steps));
    assert_eq!(nam.info().receptive_field, onnx.info().receptive_field);
    // The same network with 20 pasts as inputs and outputs, for blocks: step for step the same, whatever it is called.
    for file in ["bench/nam_std_64.onnx", "bench/nam_std_512.onnx"] {
        let blocks = load(file);
        assert_eq!(blocks.info().latency_samples, 0, "{file}");
        let plain = |model: &Model| {
            let mut steps = model.plan().steps.clone();
            steps.iter_mut().for_each(|step| step.name.clear());
            (
                steps,
                model.plan().memory,
                model.plan().state_bytes,
                model.plan().pre_roll,
            )
        };
        assert!(plain(&blocks) == plain(&onnx), "{file}: {}", blocks.plan_text());
    }
}
