//! Streaming equals offline, latency is what was reported, and what is heard never breaks: through slots and chain, as the plugin
//! plays.

use tonegraft_analysis::{find_delay, max_difference};
use tonegraft_chain::Settings;
use tonegraft_core::denormals::FlushDenormals;
use tonegraft_engine::{InstanceConfig, Isa, Model, Options, Oversampling, RateMode, StartState};
use tonegraft_library::index::ScanLimits;
use tonegraft_library::session::{decode, encode};
use tonegraft_library::{Library, ModelRef, SessionState, locate};
use tonegraft_tests::corpus::{self, Entry};
use tonegraft_tests::host::Track;
use tonegraft_tests::offline;
use tonegraft_tests::onnx::File;
use tonegraft_tests::signal::{Random, noise, string};

/// Against the interpreter: relative to the larger of 1 and the reference's peak.
const TOLERANCE: f32 = 1e-5;

/// The same for what ships, over two seconds and with every instruction set: a distortion amplifies what its recurrent layer
/// rounds differently from the interpreter, which rounds as well. −90 dB of full scale.
const SHIPPED_TOLERANCE: f32 = 3e-5;

const RATE: u32 = 48_000;

fn load(entry: &Entry) -> Model {
    Model::from_file(&entry.path, &Options::default()).unwrap_or_else(|error| panic!("{}: {error}", entry.name))
}

/// Tolerance for `model`, by a factor: an oscillator that moves a delay does so by positions, which a run over the whole signal counts in
/// 32-bit floats, from the beginning, so that they are off by thousandths of a frame.
fn slack(model: &Model) -> f32 {
    if model.metadata().phase_input.is_some() {
        50.0
    } else {
        1.0
    }
}

/// What the interpreter makes of `signal` if that is rounded in its last place, as a distance from `reference`: much, if a model
/// amplifies a thousandfold and clips. No arithmetic of 32 bits comes nearer to another than some of that.
fn rounding(model: &Model, signal: &[f32], reference: &[f32]) -> f32 {
    let peak = signal.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let mut rounded = noise(signal.len(), 0.5 * f32::EPSILON * peak, 8);
    for (rounded, sample) in rounded.iter_mut().zip(signal) {
        *rounded += sample;
    }
    let rounded = offline::run(model, &rounded).expect("it ran before");
    max_difference(&rounded.output, reference)
}

/// Roundings of the input's size that a model may make on its way, one upon the other, where one makes more than the tolerance.
const ROUNDINGS: f32 = 4.0;

/// Controls with the model's knobs at their defaults.
fn at_defaults(model: &Model) -> Settings {
    let mut settings = Settings::default();
    for (position, knob) in settings.knobs[0].iter_mut().zip(model.knobs()) {
        *position = knob.range().position(knob.default);
    }
    settings
}

/// `signal` through `model` in slot A, in blocks of these lengths, with zeros behind it until the latency is through; the latency is
/// not taken off.
fn stream(model: &Model, signal: &[f32], lengths: impl IntoIterator<Item = usize>) -> (Vec<f32>, usize) {
    let track = Track::mono(RATE);
    let (_control, mut audio) = track.open();
    audio.adopt(track.unit(model, StartState::Zero, 1));
    let settings = at_defaults(model);
    audio.reset(&settings);
    let latency = audio.latency();
    let mut padded = signal.to_vec();
    padded.resize(signal.len() + latency, 0.0);
    (audio.play(&settings, &padded, lengths), latency)
}

/// `signal`, and zeros until the latency is through, straight through an instance of `model` with this instruction set.
fn alone(model: &Model, isa: Isa, signal: &[f32]) -> Vec<f32> {
    let mut processor = model
        .instantiate(&InstanceConfig {
            host_rate: Track::mono(RATE).rate,
            inputs: 1,
            outputs: 1,
            start: StartState::Zero,
            isa: Some(isa),
            rate: RateMode::default(),
            oversampling: Oversampling::default(),
        })
        .unwrap_or_else(|error| panic!("{error}"));
    for (index, knob) in model.knobs().iter().enumerate() {
        processor.set_knob(index, knob.default);
    }
    let mut padded = signal.to_vec();
    padded.resize(signal.len() + processor.facts().latency.total().as_usize(), 0.0);
    let mut played = vec![0.0; padded.len()];
    let _flush = FlushDenormals::new();
    processor.process(&[&padded], &mut [&mut played]);
    played
}

fn random_lengths(seed: u64) -> impl Iterator<Item = usize> {
    let mut random = Random::new(seed);
    std::iter::repeat_with(move || random.between(0, 2048))
}

#[test]
fn shipped_models_play_what_the_interpreter_plays_in_any_blocks() {
    for entry in corpus::shipped() {
        let model = load(&entry);
        let signal = string(2 * RATE as usize, RATE as f32, 110.0, 1);
        let reference = offline::run(&model, &signal).expect("a mono effect");
        let (whole, latency) = stream(&model, &signal, std::iter::repeat(480));
        let peak = whole.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak > 0.05, "{}: it sounds", entry.name);
        let compared = latency..latency + reference.given;
        let error = max_difference(&whole[compared.clone()], &reference.output);
        let mut tolerance = SHIPPED_TOLERANCE * slack(&model) * peak.max(1.0);
        if error > tolerance {
            let rounding = rounding(&model, &signal[..reference.given], &reference.output);
            println!("{}: rounding {rounding:.1e}", entry.name);
            // In any case nothing that could be heard.
            tolerance = (ROUNDINGS * rounding).min(1e-3 * peak.max(1.0));
        }
        assert!(error <= tolerance, "{}: {error:e} off the interpreter", entry.name);
        println!("{}: {error:.1e} off the interpreter, latency {latency}", entry.name);
        for isa in Isa::available() {
            let error = max_difference(&alone(&model, isa, &signal)[compared.clone()], &reference.output);
            assert!(error <= tolerance, "{}: {error:e} off with {isa}", entry.name);
            println!("{}: {error:.1e} with {isa}", entry.name);
        }
        for length in [1, 7, 64, 1024, 4096] {
            let cut = stream(&model, &signal, std::iter::repeat(length)).0;
            assert!(cut == whole, "{}: blocks of {length} change the bits", entry.name);
        }
        for seed in 0..3 {
            let cut = stream(&model, &signal, random_lengths(seed)).0;
            assert!(cut == whole, "{}: random blocks change the bits", entry.name);
        }
    }
}

#[test]
fn the_latency_of_every_model_is_what_is_measured_through_slots_and_chain() {
    let signal = noise(6000, 0.5, 21);
    let (mut compared, mut delayed, mut measured) = (0, 0, 0);
    let mut wrong = Vec::new();
    for (entry, model) in corpus::all() {
        if !corpus::fits(&model, Track::mono(RATE)) {
            continue;
        }
        let Some(reference) = offline::run(&model, &signal) else {
            continue;
        };
        let (streamed, latency) = stream(&model, &signal[..reference.given], random_lengths(4));
        assert_eq!(latency, model.info().latency_samples as usize, "{}", entry.name);
        // The end of the signal is known to the padding of an export, and not to a stream.
        let valid = reference.missing..reference.given.saturating_sub(latency);
        if valid.len() < 64 {
            continue;
        }
        let offline = &reference.output[valid.clone()];
        let peak = offline.iter().fold(1.0_f32, |peak, sample| peak.max(sample.abs()));
        let shifted = &streamed[valid.start + latency..valid.end + latency];
        let error = max_difference(shifted, offline);
        if error.is_nan() || error > TOLERANCE * slack(&model) * peak {
            let rounding = rounding(&model, &signal[..reference.given], &reference.output);
            println!("{}: {error:.1e} off, rounding {rounding:.1e}", entry.name);
            if error.is_nan() || error > ROUNDINGS * rounding {
                wrong.push(format!("{}: {error:e} off at latency {latency}", entry.name));
            }
        }
        compared += 1;
        delayed += usize::from(latency > 0);
        // The measurement proper: the lag at which both resemble each other most, were nothing known.
        let mean = offline.iter().sum::<f32>() / offline.len() as f32;
        let centred = |signal: &[f32]| signal.iter().map(|sample| sample - mean).collect::<Vec<_>>();
        let early = centred(offline);
        let late = centred(&streamed[valid.start..]);
        match find_delay(&early, &late, latency + 200) {
            Some(delay) if delay.correlation > 0.9 => {
                measured += 1;
                if usize::try_from(delay.frames) != Ok(latency) {
                    wrong.push(format!("{}: measured {}, reported {latency}", entry.name, delay.frames));
                }
            }
            found => println!("{}: no lag stands out ({found:?})", entry.name),
        }
    }
    println!("{compared} models compared, {measured} measured, {delayed} of them with latency");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        compared >= 2 && measured * 10 >= compared * 9,
        "{measured} of {compared} could be measured"
    );
}

#[test]
fn a_converted_model_lines_up_with_the_dry_signal() {
    let mut file = File::gain(1.0);
    file.metadata = vec![("tonegraft.sample_rate", "44100")];
    let model = Model::from_bytes(&file.bytes(), "gain.onnx", None, &Options::default()).expect("loads");
    // A swelling sine: what begins at once has frequencies that no filter passes.
    let signal: Vec<f32> = (0..6_000u16)
        .map(|n| (f32::from(n) * 0.05).sin() * (f32::from(n) / 2_000.0).min(1.0))
        .collect();
    let track = Track::mono(RATE);
    for mix in [1.0, 0.5, 0.0] {
        let mut first: Option<Vec<f32>> = None;
        for block in [1, 7, 64, 480, 4096] {
            let (_control, mut audio) = track.open();
            audio.adopt(track.unit(&model, StartState::Silence, 1));
            let settings = Settings {
                mix,
                ..Settings::default()
            };
            audio.reset(&settings);
            let latency = audio.latency();
            assert!(latency > 0, "it is converted");
            let played = audio.play(&settings, &signal, std::iter::repeat(block));
            for (n, (y, x)) in played.iter().skip(latency).zip(&signal).enumerate() {
                assert!((y - x).abs() < 1e-3, "mix {mix}: {y} for {x} at {n}");
            }
            let first = first.get_or_insert_with(|| played.clone());
            assert!(*first == played, "mix {mix}: blocks of {block} change the bits");
        }
    }
}

#[test]
fn an_impulse_comes_out_of_wet_dry_and_bypass_at_the_reported_latency() {
    let bytes = {
        let mut delta = vec![0.0; 45];
        delta[20] = 1.0;
        File::convolution(&delta, 20, 24).bytes()
    };
    let model = Model::from_bytes(&bytes, "delta.onnx", None, &Options::default()).expect("loads");
    for (mix, bypass) in [(1.0, false), (0.5, false), (0.0, false), (1.0, true)] {
        for block in [1, 7, 32, 64, 480, 1024] {
            let track = Track::mono(RATE);
            let (_control, mut audio) = track.open();
            audio.adopt(track.unit(&model, StartState::Silence, 1));
            let settings = Settings {
                mix,
                bypass,
                ..Settings::default()
            };
            audio.reset(&settings);
            assert_eq!(audio.latency(), 24);
            let mut impulse = vec![0.0; 500];
            impulse[100] = 1.0;
            let played = audio.play(&settings, &impulse, std::iter::repeat(block));
            let mut wanted = vec![0.0; 500];
            wanted[124] = 1.0;
            assert_eq!(played, wanted, "mix {mix}, bypass {bypass}, blocks of {block}");
        }
    }
}

#[test]
fn a_session_comes_back_to_the_same_samples_after_its_folder_moved() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    std::fs::create_dir_all(old.join("amps")).expect("makes");
    let path = old.join("amps/filter.onnx");
    std::fs::write(&path, File::convolution(&noise(9, 0.5, 3), 8, 0).bytes()).expect("writes");
    let signal = noise(2000, 0.5, 4);
    let before = stream(
        &Model::from_file(&path, &Options::default()).expect("loads"),
        &signal,
        random_lengths(1),
    )
    .0;

    let mut session = SessionState::default();
    session.set_model(
        0,
        ModelRef::read_file(&path, std::slice::from_ref(&old), false).expect("reads"),
    );
    let text = encode(&session);
    let mut embedded = SessionState::default();
    embedded.set_model(0, ModelRef::read_file(&path, &[], true).expect("reads"));
    let embedded = encode(&embedded);

    std::fs::rename(&old, &new).expect("moves");
    let library = Library::scan(&[new], &ScanLimits::default());
    for (text, library) in [(text, library), (embedded, Library::empty())] {
        let session = decode(&text).expect("reads");
        let located = locate(session.model(0), &library).expect("found").expect("a model");
        assert!(located.exact);
        let model = Model::from_bytes(
            &located.bytes,
            &located.file_name,
            located.sidecar.as_deref(),
            &Options::default(),
        )
        .expect("loads");
        assert!(stream(&model, &signal, random_lengths(2)).0 == before);
    }
    let mut lost = SessionState::default();
    lost.set_model(
        0,
        ModelRef::read_file(&folder.path().join("new/amps/filter.onnx"), &[], false).expect("reads"),
    );
    std::fs::remove_dir_all(folder.path().join("new")).expect("removes");
    let refusal = locate(lost.model(0), &Library::empty()).expect_err("gone").to_string();
    assert!(refusal.contains("filter"), "{refusal}");
}

#[test]
fn a_model_that_plays_no_numbers_is_muted_and_recovers() {
    let model = Model::from_bytes(&File::root().bytes(), "root.onnx", None, &Options::default()).expect("loads");
    let track = Track::mono(RATE);
    let (mut control, mut audio) = track.open();
    audio.adopt(track.unit(&model, StartState::Silence, 7));
    let settings = Settings::default();
    audio.reset(&settings);
    let mut signal = vec![0.25; 9600];
    signal[1000..1003].fill(-1.0);
    signal[5000] = -1.0;
    let played = audio.play(&settings, &signal, random_lengths(6));
    assert!(
        played
            .iter()
            .all(|sample| sample.is_finite() && (0.0..=0.51).contains(sample))
    );
    assert_eq!(played[..1000], [0.5; 1000], "untouched before");
    assert_eq!(played[4900], 0.5, "back after the first fault");
    assert_eq!(played[9599], 0.5, "back after the second");
    assert!(
        played[1000..4900].iter().any(|sample| *sample < 0.1),
        "muted in between"
    );
    let steps = played.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    assert!(steps.fold(0.0, f32::max) < 0.02, "no click");
    assert_eq!(control.readout().slots[0].fault, tonegraft_core::Fault::NonFiniteOutput);
    control.clear_faults();
    audio.play(&settings, &signal[..500], [500]);
    assert_eq!(control.readout().slots[0].fault, tonegraft_core::Fault::None);
}

#[test]
fn a_bad_model_leaves_the_previous_sound() {
    let entry = corpus::shipped().into_iter().next().expect("one ships");
    let model = load(&entry);
    let track = Track::mono(RATE);
    let signal = string(RATE as usize, RATE as f32, 82.4, 2);
    let settings = at_defaults(&model);
    let run = |disturb: bool| {
        let (mut control, mut audio) = track.open();
        audio.adopt(track.unit(&model, StartState::Silence, 1));
        audio.reset(&settings);
        let mut played = audio.play(&settings, &signal[..10_000], random_lengths(3));
        if disturb {
            let mut unknown = File::gain(1.0);
            unknown.nodes = vec![tonegraft_tests::onnx::node("Warp", "warp", &["in"], &["out"], &[])];
            for bad in [&b""[..], b"no model", &unknown.bytes()] {
                assert!(Model::from_bytes(bad, "bad.onnx", None, &Options::default()).is_err());
            }
            // One that was prepared for another track.
            let stereo = Track {
                inputs: 2,
                outputs: 2,
                ..track
            };
            let refused = control.install(0, Some(stereo.unit(&model, StartState::Silence, 2)));
            assert!(refused.expect_err("another layout").unit.is_some());
        }
        played.extend(audio.play(&settings, &signal[10_000..], random_lengths(4)));
        assert_eq!(control.readout().slots[0].live, Some(1));
        played
    };
    assert!(run(true) == run(false));
}
