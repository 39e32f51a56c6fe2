//! What `tonegraft render` writes: the chain's samples, whatever the cut, with the latency off, at the input's rate and length.

mod common;

use common::onnx::{Axis, FLOAT, File, node, value};
use common::{Bench, noise, read_wav};
use tonegraft_chain::{Chain, ChainConfig, Settings};
use tonegraft_core::SampleRate;
use tonegraft_engine::{InstanceConfig, Model, Options, Oversampling, RateMode, StartState};
use tonegraft_slots::{BankConfig, Unit, bank};

/// A filter whose output needs 5 future samples, and a bend.
fn ahead() -> File {
    let taps = [0.1, -0.2, 0.3, -0.4, 0.5, 0.6, -0.5, 0.4, -0.3, 0.2, -0.1];
    let mut file = File::convolution(&taps, 5, 5);
    file.nodes = vec![file.nodes[0].clone(), node("Tanh", "bend", &["out"], &["bent"], &[])];
    file.outputs = vec![common::onnx::mono("bent")];
    file
}

fn render(bench: &Bench, arguments: &[&str]) -> Vec<Vec<f32>> {
    let all = [&["render"], arguments, &["in.wav", "out.wav"]].concat();
    bench.ok(&all);
    read_wav(&bench.path("out.wav")).1
}

#[test]
fn any_cut_gives_the_same_bytes() {
    let bench = Bench::new();
    bench.write("ahead.onnx", &ahead().bytes());
    bench.wav("in.wav", 44_100, &[noise(5000, 1), noise(5000, 2)]);
    for model in ["ahead.onnx", "overdrive"] {
        let mut whole = None;
        for block in ["1", "7", "64", "480", "1024", "65536", "random:1", "random:2"] {
            bench.ok(&[
                "render", "--model", model, "--block", block, "--param", "mix=80", "in.wav", "out.wav",
            ]);
            let bytes = std::fs::read(bench.path("out.wav")).expect("written");
            let whole = whole.get_or_insert_with(|| bytes.clone());
            assert!(*whole == bytes, "{model}, --block {block}");
        }
    }
}

#[test]
fn the_output_has_the_rate_length_and_channels_of_the_input_as_32_bit_float() {
    let bench = Bench::new();
    bench.write("ahead.onnx", &ahead().bytes());
    for (rate, channels) in [(8_000, 1), (44_100, 2), (192_000, 3), (48_000, 16)] {
        let input: Vec<_> = (0..channels).map(|seed| noise(777, seed)).collect();
        bench.wav("in.wav", rate, &input);
        let together = render(&bench, &["--model", "ahead.onnx"]);
        let (spec, _) = read_wav(&bench.path("out.wav"));
        assert_eq!((spec.sample_rate, u64::from(spec.channels)), (rate, channels));
        assert_eq!(
            (spec.bits_per_sample, spec.sample_format),
            (32, hound::SampleFormat::Float)
        );
        // A mono model plays every channel by itself.
        for (alone, together) in input.iter().zip(&together) {
            assert_eq!(together.len(), 777);
            bench.wav("in.wav", rate, std::slice::from_ref(alone));
            assert_eq!(render(&bench, &["--model", "ahead.onnx"])[0], *together);
        }
    }
}

#[test]
fn the_latency_is_taken_off_unless_asked_for() {
    let bench = Bench::new();
    let mut delta = vec![0.0; 11];
    delta[5] = 0.5;
    bench.write("delta.onnx", &File::convolution(&delta, 5, 5).bytes());
    let input = noise(300, 4);
    bench.wav("in.wav", 48_000, std::slice::from_ref(&input));
    let wanted: Vec<f32> = input.iter().map(|sample| sample * 0.5).collect();

    assert_eq!(render(&bench, &["--model", "delta.onnx"])[0], wanted);
    let raw = render(&bench, &["--model", "delta.onnx", "--raw-latency"]);
    assert_eq!(raw[0].len(), 300);
    assert_eq!(raw[0][..5], [0.0; 5]);
    assert_eq!(raw[0][5..], wanted[..295]);
    // The dry share is delayed to match, so that both add up.
    let half = render(&bench, &["--model", "delta.onnx", "--param", "mix=50"]);
    for (out, dry) in half[0].iter().zip(&input) {
        assert!((out - dry * 0.75).abs() < 1e-6);
    }
}

#[test]
fn a_tail_is_rendered_beyond_the_end() {
    let bench = Bench::new();
    let mut echo = vec![0.0; 2401];
    echo[0] = 1.0;
    bench.write("echo.onnx", &File::convolution(&echo, 2400, 0).bytes());
    let input = noise(1000, 5);
    bench.wav("in.wav", 48_000, std::slice::from_ref(&input));
    let long = render(&bench, &["--model", "echo.onnx", "--tail", "0.1"]);
    assert_eq!(long[0].len(), 1000 + 4800);
    assert_eq!(long[0][2400..3400], input);
    assert_eq!(long[0][3400..], [0.0; 2400]);
    assert_eq!(render(&bench, &["--model", "echo.onnx"])[0], [0.0; 1000]);
}

#[test]
fn all_encodings_of_wav_are_read() {
    let bench = Bench::new();
    bench.write("one.onnx", &File::gain(1.0).bytes());
    for (bits, wanted) in [(8, 0.25_f32), (16, 0.25), (24, 0.25), (32, 0.25)] {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 48_000,
            bits_per_sample: bits,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(bench.path("in.wav"), spec).expect("creates");
        for sample in [0.25_f64, -1.0] {
            let full = f64::from(1_u32 << (bits - 1));
            writer.write_sample((sample * full) as i32).expect("writes");
        }
        writer.finalize().expect("finishes");
        assert_eq!(
            render(&bench, &["--model", "one.onnx"])[0],
            [wanted, -1.0],
            "{bits} bits"
        );
    }
}

#[test]
fn the_start_state_is_zero_for_onnx_and_settled_silence_if_asked_for() {
    let bench = Bench::new();
    // The sigmoid of silence is 0.5, so the second filter's past is 0 at a zero start and 0.5 once settled.
    let mut file = File::convolution(&[0.0, 1.0], 1, 0);
    file.nodes = vec![
        file.nodes[0].clone(),
        node("Sigmoid", "lift", &["out"], &["lifted"], &[]),
        node(
            "Conv",
            "sum",
            &["lifted", "both"],
            &["final"],
            &[common::onnx::ints("pads", &[1, 0])],
        ),
    ];
    file.weights.push(common::onnx::tensor("both", &[1, 1, 2], &[1.0, 1.0]));
    file.outputs = vec![common::onnx::mono("final")];
    bench.write("lift.onnx", &file.bytes());
    bench.wav("in.wav", 48_000, &[vec![0.0; 8]]);
    let zero = render(&bench, &["--model", "lift.onnx"]);
    assert_eq!(zero[0], [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(render(&bench, &["--model", "lift.onnx", "--start", "zero"]), zero);
    assert_eq!(
        render(&bench, &["--model", "lift.onnx", "--start", "silence"])[0],
        [1.0; 8]
    );
}

#[test]
fn knobs_and_chain_controls_stand_from_the_first_sample() {
    let bench = Bench::new();
    let mut file = File::gain(1.0);
    file.weights.clear();
    file.inputs.push(value("gain", FLOAT, &[Axis::Is(1), Axis::Is(1)]));
    file.metadata = vec![(
        "tonegraft.knobs",
        r#"[{"name":"Level","input":"gain","index":0,"min":0,"max":4,"default":2}]"#,
    )];
    bench.write("knob.onnx", &file.bytes());
    let input = noise(100, 6);
    bench.wav("in.wav", 48_000, std::slice::from_ref(&input));
    let plays = |arguments: &[&str], gain: f32| {
        let played = render(&bench, &[&["--model", "knob.onnx"], arguments].concat());
        for (out, dry) in played[0].iter().zip(&input) {
            assert!(
                (out - dry * gain).abs() < 1e-5,
                "{arguments:?}: {out}, not {}",
                dry * gain
            );
        }
    };
    plays(&[], 2.0);
    plays(&["--param", "Level=1"], 1.0);
    plays(&["--param", "level=4"], 4.0);
    plays(&["--param", "knob 1=3"], 3.0);
    plays(&["--param", "Level=1", "--param", "output_gain=-20 dB"], 0.1);
    plays(&["--param", "Level=1", "--param", "input_gain=6.0206"], 2.0);
    plays(&["--param", "Level=4", "--param", "mix=25%"], 0.25 * 4.0 + 0.75);
    bench.refused(
        &[
            "render",
            "--model",
            "knob.onnx",
            "--param",
            "Level=5",
            "in.wav",
            "out2.wav",
        ],
        &["Level=5", "0 to 4"],
    );
    bench.refused(
        &[
            "render",
            "--model",
            "knob.onnx",
            "--param",
            "Drive=5",
            "in.wav",
            "out2.wav",
        ],
        &["\"Level\" (knob 1)"],
    );
}

#[test]
fn another_rate_than_the_models_own_is_converted() {
    let bench = Bench::new();
    let mut file = File::gain(0.5);
    file.metadata = vec![("tonegraft.sample_rate", "44100")];
    bench.write("gain.onnx", &file.bytes());
    // A slow sine passes both filters unchanged, in its place.
    let sine: Vec<f32> = (0..4_000).map(|n| 0.5 * (n as f32 * 0.05).sin()).collect();
    bench.wav("in.wav", 48_000, std::slice::from_ref(&sine));
    for (words, most, warns) in [
        (&[][..], 1e-4, false),
        (&["--rate-mode", "minimum-phase"], 1e-3, false),
        (&["--oversampling", "2x"], 1e-4, false),
        (&["--rate-mode", "host-rate"], 1e-4, true),
    ] {
        let mut all = vec!["render", "--model", "gain.onnx", "--json"];
        all.extend(words);
        all.extend(["in.wav", "out.wav"]);
        let ran = bench.ok(&all);
        assert_eq!(ran.stderr.contains("host-rate"), warns, "{words:?}: {}", ran.stderr);
        let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("an object");
        assert!(told["latency_samples"].as_u64() > Some(0), "{told}");
        assert!(
            told["conversion"]
                .as_str()
                .is_some_and(|text| text.contains("44.1 kHz")),
            "{told}"
        );
        let played = read_wav(&bench.path("out.wav")).1;
        for (n, (y, x)) in played[0].iter().zip(&sine).enumerate().take(3_800).skip(200) {
            assert!((y - 0.5 * x).abs() < most, "{words:?}: {y} for {x} at {n}");
        }
    }
    bench.wav("in.wav", 44_100, &[noise(100, 1)]);
    let ran = bench.ok(&["render", "--model", "gain.onnx", "in.wav", "out.wav"]);
    assert!(
        !ran.stderr.contains("warning") && ran.stderr.contains("latency 0 samples"),
        "{}",
        ran.stderr
    );
}

#[test]
fn inspect_says_what_every_way_adds_at_a_rate() {
    let bench = Bench::new();
    let mut file = File::gain(0.5);
    file.metadata = vec![("tonegraft.sample_rate", "48000")];
    bench.write("gain.onnx", &file.bytes());
    let ran = bench.ok(&["inspect", "gain.onnx", "--rate", "96000", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("an object");
    let ways = told["conversions"].as_array().expect("an array");
    assert_eq!(ways.len(), 9);
    let added = |mode: &str, oversampling: &str| {
        let way = ways
            .iter()
            .find(|way| way["rate_mode"] == mode && way["oversampling"] == oversampling);
        way.and_then(|way| way["added_samples"].as_u64()).expect("a number")
    };
    assert_eq!(added("host-rate", "off"), 0);
    assert!(added("minimum-phase", "off") <= 48 && added("minimum-phase", "off") > 0);
    assert!(added("linear-phase", "off") > added("minimum-phase", "off"));
    let text = bench.ok(&["inspect", "gain.onnx", "--rate", "96000"]).stdout;
    assert!(
        text.contains("minimum phase") && text.contains("response repeats"),
        "{text}"
    );
    assert_ne!(bench.run(&["inspect", "gain.onnx", "--rate", "0"]).code, Some(0));
}

#[test]
fn oversampling_lowers_what_a_model_aliases() {
    let bench = Bench::new();
    let ran = bench.ok(&["aliasing", "distortion", "--json"]);
    let rows: Vec<serde_json::Value> = (ran.stdout.lines())
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    assert_eq!(rows.len(), 7);
    for row in &rows {
        let db = |key: &str| row[key].as_f64().expect("a number");
        if db("hz") > 3_000.0 {
            assert!(db("x2_db") < db("off_db") - 3.0 && db("x4_db") < db("x2_db"), "{row}");
        }
    }
    let text = bench.ok(&["aliasing", "distortion"]).stdout;
    assert!(text.lines().count() == 9 && text.contains("alias-to-signal"), "{text}");
}

#[test]
fn a_model_that_plays_no_numbers_is_muted_and_said() {
    let bench = Bench::new();
    bench.write("root.onnx", &File::root().bytes());
    bench.wav("in.wav", 48_000, &[noise(2000, 1)]);
    let ran = bench.ok(&["render", "--model", "root.onnx", "in.wav", "out.wav"]);
    assert!(
        ran.stderr.contains("warning") && ran.stderr.contains("NaN"),
        "{}",
        ran.stderr
    );
    let played = read_wav(&bench.path("out.wav")).1;
    assert!(played[0].iter().all(|sample| sample.is_finite()));
    bench.refused(
        &["bench", "root.onnx", "--block", "64", "--seconds", "0"],
        &["not a number"],
    );
}

#[test]
fn a_batch_gives_what_single_files_give() {
    let bench = Bench::new();
    for (name, seed) in [("a.wav", 1), ("b.wav", 2), ("c.wav", 3)] {
        bench.wav(name, 48_000, &[noise(3000, seed)]);
    }
    bench.write("ahead.onnx", &ahead().bytes());
    let ran = bench.ok(&[
        "render",
        "--model",
        "ahead.onnx",
        "--out-dir",
        "deep/out",
        "--jobs",
        "2",
        "--json",
        "a.wav",
        "b.wav",
        "c.wav",
    ]);
    let lines: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    let (all, lines) = lines.split_last().expect("objects");
    assert_eq!((&all["rendered"], &all["failed"]), (&3.into(), &0.into()));
    assert_eq!(all["jobs"], 2);
    assert!(all["times_realtime"].as_f64() > Some(0.0) && all["times_realtime_per_core"].as_f64() > Some(0.0));
    let seconds = all["audio_seconds"].as_f64().expect("a number");
    assert!((seconds - 3.0 * 3005.0 / 48_000.0).abs() < 1e-9, "{seconds}");
    let inputs: Vec<_> = lines
        .iter()
        .map(|line| line["input"].as_str().expect("a path"))
        .collect();
    assert_eq!(inputs, ["a.wav", "b.wav", "c.wav"]);
    for (line, name) in lines.iter().zip(["a.wav", "b.wav", "c.wav"]) {
        assert_eq!(line["latency_samples"], 5);
        assert_eq!(line["frames"], 3000);
        bench.ok(&["render", "--model", "ahead.onnx", name, "single.wav"]);
        let single = std::fs::read(bench.path("single.wav")).expect("written");
        let batch = std::fs::read(bench.path("deep/out").join(name)).expect("written");
        assert!(single == batch, "{name}");
    }
}

#[test]
fn the_number_of_jobs_changes_no_bit_and_bad_files_stop_no_others() {
    let bench = Bench::new();
    bench.write("ahead.onnx", &ahead().bytes());
    std::fs::create_dir(bench.path("takes")).expect("makes");
    // Of many lengths; every fifth is no audio, every seventh ends too early.
    let good = |n: u64| !n.is_multiple_of(5) && !n.is_multiple_of(7);
    for n in 1..=24u64 {
        let name = format!("takes/{n:02}.wav");
        let length = 200 + usize::try_from(n * n * 97 % 9000).expect("small");
        let path = bench.wav(&name, 48_000, &[noise(length, n), noise(length, n + 100)]);
        if n.is_multiple_of(5) {
            bench.write(&name, b"no audio");
        } else if n.is_multiple_of(7) {
            let whole = std::fs::read(&path).expect("reads");
            bench.write(&name, &whole[..whole.len() - 300]);
        }
    }
    bench.write("takes/notes.txt", b"not asked for");
    let mut first: Option<Vec<(String, Vec<u8>)>> = None;
    for jobs in ["1", "2", "7", "24"] {
        let folder = format!("out{jobs}");
        let ran = bench.run(&[
            "render",
            "--model",
            "ahead.onnx",
            "--out-dir",
            &folder,
            "-j",
            jobs,
            "--block",
            "random:3",
            "--json",
            "takes",
        ]);
        assert_eq!(ran.code, Some(1));
        let bad: Vec<u64> = (1..=24).filter(|n| !good(*n)).collect();
        assert!(
            ran.stderr.contains(&format!("{} of 24 files", bad.len())),
            "{}",
            ran.stderr
        );
        let errors: Vec<&str> = ran
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: takes"))
            .collect();
        assert_eq!(errors.len(), bad.len(), "{}", ran.stderr);
        for (n, error) in bad.iter().zip(&errors) {
            assert!(error.contains(&format!("{n:02}.wav")), "{error} is not about {n}");
        }
        let objects: Vec<serde_json::Value> = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("one object a line"))
            .collect();
        let (all, each) = objects.split_last().expect("objects");
        assert_eq!(all["failed"], bad.len());
        assert_eq!(all["rendered"], each.len());
        assert!(each.iter().all(|one| one["times_realtime"].as_f64() > Some(0.0)));
        let mut written: Vec<(String, Vec<u8>)> = (std::fs::read_dir(bench.path(&folder)).expect("made"))
            .map(|entry| {
                let entry = entry.expect("an entry");
                let name = entry.file_name().into_string().expect("a name");
                (name, std::fs::read(entry.path()).expect("reads"))
            })
            .collect();
        written.sort();
        let names: Vec<String> = written.iter().map(|(name, _)| name.clone()).collect();
        let wanted: Vec<String> = (1..=24).filter(|n| good(*n)).map(|n| format!("{n:02}.wav")).collect();
        assert_eq!(names, wanted);
        let first = first.get_or_insert_with(|| written.clone());
        assert!(*first == written, "{jobs} jobs");
    }
    std::fs::create_dir(bench.path("empty")).expect("makes");
    bench.refused(
        &["render", "--model", "ahead.onnx", "--out-dir", "out", "empty"],
        &["empty", "no .wav file"],
    );
}

#[test]
fn an_existing_output_is_replaced_only_by_a_whole_one() {
    let bench = Bench::new();
    bench.write("gain.onnx", &File::gain(0.5).bytes());
    let whole = std::fs::read(bench.wav("in.wav", 48_000, &[noise(1000, 1)])).expect("reads");
    bench.ok(&["render", "--model", "gain.onnx", "in.wav", "out.wav"]);
    let first = std::fs::read(bench.path("out.wav")).expect("written");
    // Cut short, but with a header that promises all: found out only in the midst of rendering.
    bench.write("in.wav", &whole[..whole.len() - 400]);
    bench.refused(&["render", "--model", "gain.onnx", "in.wav", "out.wav"], &["in.wav"]);
    assert!(std::fs::read(bench.path("out.wav")).expect("still there") == first);
}

#[test]
fn the_command_line_plays_what_slots_and_chain_play() {
    let bench = Bench::new();
    let path = bench.write("ahead.onnx", &ahead().bytes());
    let input = [noise(4000, 8), noise(4000, 9)];
    bench.wav("in.wav", 48_000, &input);
    let rate = SampleRate::new(48_000).expect("a rate");
    for (start, argument) in [(StartState::Zero, "zero"), (StartState::Silence, "silence")] {
        let model = Model::from_file(&path, &Options::default()).expect("loads");
        let processor = model
            .instantiate(&InstanceConfig {
                host_rate: rate,
                inputs: 2,
                outputs: 2,
                start,
                isa: None,
                rate: RateMode::default(),
                oversampling: Oversampling::default(),
            })
            .expect("fits");
        let (_control, mut audio) = bank(BankConfig::new(rate, 2, 2));
        assert!(
            audio
                .adopt(
                    0,
                    Some(Unit {
                        processor,
                        id: 9,
                        knobs: Vec::new(),
                        levels: model.levels(),
                    })
                )
                .is_ok()
        );
        let mut chain = Chain::new(ChainConfig::new(rate, 2, 2));
        chain.snap(&Settings {
            mix: 0.7,
            output_gain_db: 3.0,
            ..Settings::default()
        });
        let mut played = [vec![0.0; 4000], vec![0.0; 4000]];
        let mut slots = audio;
        {
            let [left, right] = &mut played;
            chain.process(&mut slots, &[&input[0], &input[1]], &mut [left, right]);
        }
        let rendered = render(
            &bench,
            &[
                "--model",
                "ahead.onnx",
                "--start",
                argument,
                "--raw-latency",
                "--param",
                "mix=70",
                "--param",
                "output_gain=3",
            ],
        );
        assert_eq!(rendered, played);
    }
}
